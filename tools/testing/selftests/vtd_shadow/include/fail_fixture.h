/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest and its VMM while something fails in the kernel: the fixture of fail_nth_test and
 * fail_life_test.
 */
#ifndef VTDS_FAIL_FIXTURE_H
#define VTDS_FAIL_FIXTURE_H

#include <errno.h>
#include <sys/ioctl.h>

#include "vtds_fail.h"
#include "vtds_test.h"

/* Two tables of the guest further away from each other than one page of theirs covers */
#define IOVA_A 0x2345600000ULL
#define IOVA_B 0x2f00000000ULL

/* Memory of its own in the IOAS: two pieces that share a chunk */
#define SPARE_GPA 0x400000000ULL
#define SPARE_SIZE SZ_2M
#define SPARE_CUT (5 * SZ_4K)

/* What the unit says, the device finds, and the unit says then */
struct seen {
	int before;
	int finds;
	int after;
};

FIXTURE(fail)
{
	struct vtds_fixture f;
	struct vtds_fail fail;
	struct vtds_dev *dev;
	struct vtds_table other;
	__u64 page;
	__u64 page_b;
	int rc;
	struct seen seen;
};

FIXTURE_VARIANT(fail)
{
	bool scalable;
	bool all; /* also allocations of the rest of the kernel */
};

/* clang-format off */
FIXTURE_VARIANT_ADD(fail, legacy)
{
};

FIXTURE_VARIANT_ADD(fail, scalable)
{
	.scalable = true,
};

FIXTURE_VARIANT_ADD(fail, legacy_all)
{
	.all = true,
};

FIXTURE_VARIANT_ADD(fail, scalable_all)
{
	.scalable = true,
	.all = true,
};

/* clang-format on */

static inline int give(struct vtds_fixture *f, __u64 gpa, __u64 size)
{
	return vtds_ioas_map(&f->vmm, f->vmm.ioas, vtds_hva(&f->guest, gpa),
			     gpa, size, PERM_RW);
}

FIXTURE_SETUP(fail)
{
	OPEN_FIXTURE(.nvme = 1, .scalable = variant->scalable);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
	self->page_b = vtds_page(&self->f.guest);
	vtds_table_init(&self->other, &self->f.guest, 4, TABLE_DID + 1);
	vtds_fixture_map_buffers(&self->f, &self->other);
	vtds_map(&self->other, IOVA_A, self->page_b, SZ_4K, PERM_RW);
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SPARE_SIZE));
	/* In two pieces */
	ASSERT_EQ(0, give(&self->f, SPARE_GPA, SPARE_CUT));
	ASSERT_EQ(0, give(&self->f, SPARE_GPA + SPARE_CUT,
			  SPARE_SIZE - SPARE_CUT));
	ASSERT_EQ(0, vtds_fail_open(&self->fail, variant->all));
}

FIXTURE_TEARDOWN(fail)
{
	vtds_fail_close(&self->fail);
	vtds_fixture_close(&self->f);
}

/* What a call may come to in which something failed */
static inline bool is_host_trouble(int error)
{
	return error == ENOMEM || error == EIO;
}

#define EXPECT_CALL(_rc)                                                   \
	do {                                                               \
		self->rc = (_rc);                                          \
		EXPECT_TRUE(!self->rc ||                                   \
			    (self->fail.fired && self->rc == -ENOMEM))     \
		{                                                          \
			TH_LOG("n %u: errno %d", self->fail.n, -self->rc); \
		}                                                          \
	} while (0)

static inline bool is_bearable(const struct vtds_fail *fail, int error)
{
	return !error || (fail->fired && is_host_trouble(error));
}

/* Likewise, and what could not be installed is the host's trouble */
#define EXPECT_BATCH(_rc)                                                     \
	do {                                                                  \
		EXPECT_CALL(_rc);                                             \
		EXPECT_TRUE(                                                  \
			is_bearable(&self->fail, self->f.unit.install_errno)) \
		{                                                             \
			TH_LOG("n %u: install_errno %u", self->fail.n,        \
			       self->f.unit.install_errno);                   \
		}                                                             \
	} while (0)

/* What the device reaches by its own account, -1 if it does not even reach its buffer */
static inline int tried(struct vtds_fixture *f, struct vtds_dev *dev,
			__u64 iova, __u64 gpa)
{
	int rc = vtds_reach_buffers(dev, 1) ?
			 vtds_reach(&f->guest, dev, iova, gpa) :
			 -1;

	return rc;
}

static inline struct seen see(struct vtds_fixture *f, struct vtds_dev *dev,
			      __u64 iova, __u64 gpa)
{
	struct seen seen;

	seen.before = vtds_answer(&f->unit, dev->sid, iova, gpa);
	seen.finds = tried(f, dev, iova, gpa);
	seen.after = vtds_answer(&f->unit, dev->sid, iova, gpa);
	return seen;
}

static inline bool is_none_or_rw(int perm)
{
	return perm == PERM_NONE || perm == PERM_RW;
}

/*
 * The page is there for reading and writing, or not at all; host and unit agree. The unit
 * may repair by itself what is missing, between the answer and the device's attempts, and
 * between these two.
 */
static inline bool agrees(const struct seen *seen)
{
	if (!is_none_or_rw(seen->before) || !is_none_or_rw(seen->after))
		return false;
	if (seen->before == seen->after)
		return seen->finds == -1 || seen->finds == seen->before;
	return seen->finds >= -1 && seen->finds <= PERM_RW;
}

#define EXPECT_AT_MOST(_iova, _gpa)                                                    \
	do {                                                                           \
		self->seen = see(&self->f, self->dev, _iova, _gpa);                    \
		EXPECT_TRUE(agrees(&self->seen))                                       \
		{                                                                      \
			TH_LOG("n %u: the device finds %d, the unit says %d, then %d", \
			       self->fail.n, self->seen.finds,                         \
			       self->seen.before, self->seen.after);                   \
		}                                                                      \
	} while (0)

/* Nobody reaches the page, whatever failed */
#define EXPECT_GONE(_iova, _gpa)                                               \
	do {                                                                   \
		EXPECT_EQ(PERM_NONE,                                           \
			  vtds_answer(&self->f.unit, self->dev->sid, _iova,    \
				      _gpa));                                  \
		EXPECT_GE(PERM_NONE, tried(&self->f, self->dev, _iova, _gpa)); \
	} while (0)

/* Without a failure the same works */
#define EXPECT_RESYNCED()                                  \
	do {                                               \
		ASSERT_EQ(0, vtds_resync(&self->f.unit));  \
		ASSERT_EQ(0U, self->f.unit.install_errno); \
	} while (0)

static inline int release(struct vtds_unit *unit)
{
	struct vtd_shadow_resync cmd = {
		.size = sizeof(cmd),
		.flags = VTD_SHADOW_RESYNC_RELEASE,
	};
	int rc = ioctl(unit->fd, VTD_SHADOW_RESYNC, &cmd) ? -errno : 0;

	unit->install_errno = cmd.install_errno;
	return rc;
}

/* Where nothing can be made to fail, all of a program is skipped. */
static inline int fail_test_main(int argc, char **argv)
{
	const char *missing = vtds_fail_missing();

	if (missing) {
		ksft_print_header();
		ksft_exit_skip("%s\n", missing);
	}
	return dma_test_main(argc, argv);
}

#define FAIL_TEST_MAIN                             \
	int main(int argc, char **argv)            \
	{                                          \
		return fail_test_main(argc, argv); \
	}

#endif /* VTDS_FAIL_FIXTURE_H */
