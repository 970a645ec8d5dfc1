// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's memory is made of in the VMM, how often it is pinned and
 * accounted, and how the VMM takes it away in pieces.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL

/* --- Kinds of memory --- */

FIXTURE(backing)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	char *hva;
};

FIXTURE_VARIANT(backing)
{
	int flags;
	bool memfd;
	bool thp;
	bool touched;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(backing, anonymous)
{
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	.touched = true,
};

FIXTURE_VARIANT_ADD(backing, anonymous_not_present)
{
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
};

FIXTURE_VARIANT_ADD(backing, anonymous_huge)
{
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	.thp = true,
};

FIXTURE_VARIANT_ADD(backing, shared_not_present)
{
	.flags = MAP_SHARED | MAP_ANONYMOUS,
};

FIXTURE_VARIANT_ADD(backing, hugetlb_not_present)
{
	.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
};

FIXTURE_VARIANT_ADD(backing, memfd_not_present)
{
	.flags = MAP_SHARED,
	.memfd = true,
};

/* clang-format on */

#define BACKING_SIZE (2 * SZ_2M)

/* Aligned, or else there are no huge pages in it */
static char *map_backing(int flags, bool memfd)
{
	int fd = memfd ? memfd_create("backing", MFD_CLOEXEC) : -1;
	char *area;

	if (memfd && (fd < 0 || ftruncate(fd, BACKING_SIZE)))
		return MAP_FAILED;
	area = mmap(NULL, BACKING_SIZE + SZ_2M, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return area;
	area = (char *)(((unsigned long)area + SZ_2M - 1) & ~(SZ_2M - 1));
	area = mmap(area, BACKING_SIZE, PROT_READ | PROT_WRITE,
		    flags | MAP_FIXED, fd, 0);
	if (fd >= 0)
		close(fd);
	return area;
}

FIXTURE_SETUP(backing)
{
	struct vtds_guest *guest = &self->f.guest;

	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
	self->hva = map_backing(variant->flags, variant->memfd);
	if (self->hva == MAP_FAILED)
		SKIP(return, "no such memory here");
	madvise(self->hva, BACKING_SIZE,
		variant->thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (variant->touched)
		memset(self->hva, 1, BACKING_SIZE);
	/* So that addresses in it are found */
	guest->ram[guest->nr_ram++] = (struct vtds_ram){
		.gpa = SPARE_GPA,
		.size = BACKING_SIZE,
		.hva = self->hva,
	};
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, self->hva,
				   SPARE_GPA, BACKING_SIZE, PERM_RW));
}

FIXTURE_TEARDOWN(backing)
{
	vtds_fixture_close(&self->f);
}

/* Leaves of both sizes; the memory is there as soon as the guest maps it */
TEST_F(backing, mapped_and_reached)
{
	const __u64 places[] = { 0, SZ_4K, SZ_1M, SZ_2M - SZ_4K };

	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	vtds_map_range(&self->f.table, IOVA + SZ_2M, SPARE_GPA + SZ_2M, SZ_2M,
		       PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 10));
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_REACH(PERM_RW, self->dev, IOVA + places[i],
			     SPARE_GPA + places[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M + places[i],
			     SPARE_GPA + SZ_2M + places[i]);
	}
	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, SPARE_GPA,
				     BACKING_SIZE));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_DEAD(self->dev, IOVA + SZ_2M, SPARE_GPA + SZ_2M);
}

/* The guest's tables are in it, and the device's writes are seen by the VMM */
TEST_F(backing, tables_in_it)
{
	__u64 *leaves = vtds_hva(&self->f.guest, SPARE_GPA);

	memset(leaves, 0, SZ_4K);
	leaves[0] = (SPARE_GPA + SZ_2M) | SS_RW;
	*vtds_entry(&self->f.table, IOVA, 2) = SPARE_GPA | SS_RW;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA + SZ_2M);
	leaves[0] = 0;
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA + SZ_2M);
}

/* --- Accounted once --- */

FIXTURE(account)
{
	struct vtds_fixture f;
};

/* Nine devices in eight host groups, thus up to eight domains */
FIXTURE_SETUP(account)
{
	OPEN_FIXTURE(.edu = 6, .shared = 2, .nvme = 1);
}

FIXTURE_TEARDOWN(account)
{
	vtds_fixture_close(&self->f);
}

/* All of memory in the table of every device: pinned once, not once for each */
TEST_F(account, eight_domains)
{
	const long ram_kb = RAM_SIZE / 1024;
	struct vtds_table copy;

	vtds_map_range(&self->f.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_EQ(1UL, STAT(domains));
	EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
	for (unsigned int i = 0; i < self->f.nr_devs; i++) {
		struct vtds_dev *dev = &self->f.dev[i];

		/* The second one in a group has to go where the first one is */
		if (i == 7)
			goto use;
		vtds_table_init(&copy, &self->f.guest, 4, TABLE_DID + 1 + i);
		vtds_map_range(&copy, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
		vtds_fixture_map_buffers(&self->f, &copy);
use:
		vtds_ctx_use(&self->f.guest, dev->sid, &copy);
		FLUSH(cc_device(dev->sid), iotlb_domain(copy.did));
		EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
		EXPECT_EQ(RAM_SIZE / SZ_4K, STAT(pinned_pages));
	}
	EXPECT_EQ(8UL, STAT(domains));
	EXPECT_LE(8 * RAM_SIZE / SZ_4K, STAT(pages));
	EXPECT_REACH_BUFFERS(0x1ff);
	EXPECT_EQ((int)PERM_RW, vtds_answer(&self->f.unit, self->f.dev[8].sid,
					    IOVA + RAM_SIZE - SZ_4K,
					    RAM_GPA + RAM_SIZE - SZ_4K));

	/* Also what is taken from all of them is taken once */
	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, RAM_GPA,
				     RAM_SIZE));
	EXPECT_EQ(0, vtds_vm_pin_kb());
	EXPECT_EQ(0UL, STAT(pages));
	EXPECT_REACH_BUFFERS(0);
}

/* --- Taken away in pieces --- */

#define PIECES 8
#define PIECE (SZ_2M / 4)

FIXTURE(pieces)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	struct vtds_ram *spare;
};

/* 4 MiB in pieces of 512 KiB, under one superpage and 512 small ones */
FIXTURE_SETUP(pieces)
{
	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  PIECES * PIECE));
	self->spare = &self->f.guest.ram[1];
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	vtds_map_range(&self->f.table, IOVA + SZ_2M, SPARE_GPA + SZ_2M, SZ_2M,
		       PERM_RW);
}

FIXTURE_TEARDOWN(pieces)
{
	vtds_fixture_close(&self->f);
}

static int give_pieces(struct vtds_fixture *f, unsigned int mask)
{
	struct vtds_ram *spare = &f->guest.ram[1];
	int rc = 0;

	for (unsigned int i = 0; i < PIECES && !rc; i++)
		if (mask >> i & 1)
			rc = vtds_ioas_map(&f->vmm, f->vmm.ioas,
					   spare->hva + i * PIECE,
					   SPARE_GPA + i * PIECE, PIECE,
					   PERM_RW);
	return rc;
}

/* Exactly these pieces can be reached, at their first and last page */
#define EXPECT_PIECES(_mask)                                                \
	do {                                                                \
		for (unsigned int _i = 0; _i < PIECES; _i++) {              \
			unsigned int _perm = (_mask) >> _i & 1 ? PERM_RW :  \
								 PERM_NONE; \
			__u64 _at = _i * PIECE;                             \
			EXPECT_REACH(_perm, self->dev, IOVA + _at,          \
				     SPARE_GPA + _at);                      \
			_at += PIECE - SZ_4K;                               \
			EXPECT_REACH(_perm, self->dev, IOVA + _at,          \
				     SPARE_GPA + _at);                      \
		}                                                           \
		EXPECT_REACH_BUFFERS(1);                                    \
	} while (0)

/* One call that takes several pieces, with gaps, in any position */
TEST_F(pieces, one_call_takes_several)
{
	static const struct {
		unsigned int first;
		unsigned int nr;
		unsigned int before;
		unsigned int after;
	} steps[] = {
		/* The middle of the superpage, over both, a gap in between */
		{ 1, 2, 0xff, 0xf9 }, { 3, 2, 0xff, 0xe7 },
		{ 0, 8, 0xa5, 0x00 }, { 0, 4, 0xff, 0xf0 },
		{ 5, 3, 0xff, 0x1f }, { 2, 6, 0xdb, 0x03 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		ASSERT_EQ(0, give_pieces(&self->f, steps[i].before));
		ASSERT_EQ(0, vtds_resync(&self->f.unit));
		EXPECT_PIECES(steps[i].before);
		ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas,
					     SPARE_GPA + steps[i].first * PIECE,
					     steps[i].nr * PIECE));
		EXPECT_PIECES(steps[i].after);
		for (unsigned int j = 0; j < PIECES; j++)
			if (steps[i].after >> j & 1)
				ASSERT_EQ(0,
					  vtds_ioas_unmap(&self->f.vmm,
							  self->f.vmm.ioas,
							  SPARE_GPA + j * PIECE,
							  PIECE));
	}
}

/**
 * struct taker - A thread that takes pieces and gives them again
 * @fixture: Where
 * @first: First piece that it takes
 * @nr: How many in a call
 * @step: From call to call
 * @shares: Another thread takes some of them as well
 * @stop: It shall end
 * @rc: What went wrong, or 0
 * @turns: How often it took and gave all
 * @thread: The thread
 */
struct taker {
	struct vtds_fixture *fixture;
	unsigned int first;
	unsigned int nr;
	unsigned int step;
	bool shares;
	bool stop;
	int rc;
	unsigned int turns;
	pthread_t thread;
};

/* iommufd refuses to take what is being taken, and to map what is there */
static bool other_was_faster(const struct taker *t, int rc)
{
	return t->shares && (rc == -EBUSY || rc == -EEXIST);
}

static int take_turn(const struct taker *t)
{
	struct vtds_fixture *f = t->fixture;
	unsigned int i, j;
	int rc;

	for (i = t->first; i < PIECES; i += t->step) {
		rc = vtds_ioas_unmap(&f->vmm, f->vmm.ioas,
				     SPARE_GPA + i * PIECE, t->nr * PIECE);
		if (rc && !other_was_faster(t, rc))
			return rc;
	}
	for (i = t->first; i < PIECES; i += t->step)
		for (j = i; j < i + t->nr; j++) {
			rc = give_pieces(f, 1U << j);
			if (rc && !other_was_faster(t, rc))
				return rc;
		}
	return 0;
}

static void *take_and_give(void *arg)
{
	struct taker *t = arg;

	while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE) && !t->rc) {
		t->rc = take_turn(t);
		__atomic_fetch_add(&t->turns, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Until it had its turns, or failed */
static bool is_at_it(const struct taker *t)
{
	return __atomic_load_n(&t->turns, __ATOMIC_ACQUIRE) < 3 &&
	       !__atomic_load_n(&t->rc, __ATOMIC_ACQUIRE);
}

/* Two threads take pieces at the same time, and all is flushed meanwhile */
static int run_takers(struct vtds_fixture *f, struct taker takers[2])
{
	int rc = 0;

	for (unsigned int i = 0; i < 2; i++)
		if (pthread_create(&takers[i].thread, NULL, take_and_give,
				   &takers[i]))
			return -EAGAIN;
	while (!rc && (is_at_it(&takers[0]) || is_at_it(&takers[1])))
		rc = vtds_resync(&f->unit);
	for (unsigned int i = 0; i < 2; i++)
		__atomic_store_n(&takers[i].stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < 2; i++) {
		pthread_join(takers[i].thread, NULL);
		rc = rc ?: takers[i].rc;
	}
	return rc;
}

/* Each thread has every second piece, which it takes one by one */
TEST_F(pieces, two_threads_take)
{
	struct taker takers[2] = {
		{ &self->f, .first = 0, .nr = 1, .step = 2 },
		{ &self->f, .first = 1, .nr = 1, .step = 2 },
	};

	ASSERT_EQ(0, give_pieces(&self->f, 0xff));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	ASSERT_EQ(0, run_takers(&self->f, takers));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_PIECES(0xff);
}

/* What they take overlaps: pieces 0 to 4, and 3 to 7, each in one call */
TEST_F(pieces, two_threads_take_the_same)
{
	struct taker takers[2] = {
		{ &self->f, .first = 0, .nr = 5, .step = PIECES, .shares = 1 },
		{ &self->f, .first = 3, .nr = 5, .step = PIECES, .shares = 1 },
	};

	ASSERT_EQ(0, give_pieces(&self->f, 0xff));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	ASSERT_EQ(0, run_takers(&self->f, takers));

	/* Nobody knows what they left */
	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, SPARE_GPA,
				     PIECES * PIECE));
	EXPECT_PIECES(0);
	ASSERT_EQ(0, give_pieces(&self->f, 0xff));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_PIECES(0xff);
}

DMA_TEST_MAIN
