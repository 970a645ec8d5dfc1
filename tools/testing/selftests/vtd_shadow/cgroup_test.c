// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that guest and VMM can make the kernel use: it is charged to the cgroup of the
 * VMM, or bounded. At its limit a VMM is refused or killed; nobody else notices.
 */
#include <errno.h>
#include <signal.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vtds_cgroup.h"
#include "vtds_test.h"

#define IOVA 0x2000000000ULL
#define MANY_TABLES 6000
/* Bits of addresses that the guest's memory does not have */
#define RESERVED_BIT (1ULL << 50)

/* What happens elsewhere in the machine meanwhile, and processors keep for themselves */
#define NOISE (3 * SZ_1M)
/* Enough for the noise not to count */
#define MUCH (20 * SZ_1M)

/* --- What guests do --- */

/* Hangs one table in at many places */
static void hang_in(struct vtds_fixture *f, __u64 entry)
{
	__u64 table = vtds_page(&f->guest);

	*(__u64 *)vtds_hva(&f->guest, table) = entry;
	for (unsigned int i = 0; i < MANY_TABLES; i++)
		*vtds_entry(&f->table, IOVA + i * SZ_2M, 2) = table | SS_RW;
}

static int flush(struct vtds_fixture *f)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);

	return vtds_flush(&f->unit, &desc, 1);
}

/* --- Growing --- */

FIXTURE(growth)
{
	struct vtds_fixture f;
	struct vtds_usage before;
	struct vtds_usage grown;
};

FIXTURE_SETUP(growth)
{
	int rc;

	if (vtds_memory_is_watched())
		SKIP(return, "sanitizers keep memory of their own");
	rc = vtds_cgroup_create();
	if (rc == -ENOENT)
		SKIP(return, "no memory cgroups of version 2");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, vtds_cgroup_enter());
	OPEN_FIXTURE(.nvme = 1);
	/* All that is needed once, for whatever */
	vtds_map(&self->f.table, IOVA, RAM_GPA, SZ_4K, PERM_RW);
	ASSERT_EQ(0, flush(&self->f));
	self->before = vtds_usage();
}

FIXTURE_TEARDOWN(growth)
{
	vtds_fixture_close(&self->f);
	vtds_cgroup_remove();
}

/* By so much the machine grew, and nearly all of it was charged */
#define EXPECT_CHARGED(_what)                                                 \
	do {                                                                  \
		self->grown = vtds_usage_since(self->before);                 \
		TH_LOG("%s: %ld KiB, of which %ld KiB are charged", _what,    \
		       self->grown.machine / 1024,                            \
		       self->grown.charged / 1024);                           \
		EXPECT_LT((long)MUCH, self->grown.machine);                   \
		EXPECT_LE(self->grown.machine / 10 * 9, self->grown.charged); \
	} while (0)

/* The machine did not grow much: there is a limit to it */
#define EXPECT_BOUNDED(_what)                                             \
	do {                                                              \
		self->grown = vtds_usage_since(self->before);             \
		TH_LOG("%s: %ld KiB", _what, self->grown.machine / 1024); \
		EXPECT_GT((long)NOISE, self->grown.machine);              \
	} while (0)

/* What was charged comes back, but for some that is of iommufd and of the process. */
#define EXPECT_GIVEN_BACK()                                   \
	do {                                                  \
		self->grown = vtds_usage_since(self->before); \
		EXPECT_GT((long)NOISE, self->grown.charged);  \
	} while (0)

TEST_F(growth, tables)
{
	hang_in(&self->f, 0);
	ASSERT_EQ(0, flush(&self->f));
	EXPECT_LT((unsigned long)MANY_TABLES, STAT(nodes));
	EXPECT_CHARGED("mirrored tables");
	vtds_unit_close(&self->f.unit);
	EXPECT_GIVEN_BACK();
}

/* A table of the host for each leaf, too */
TEST_F(growth, tables_of_the_host)
{
	__u64 page = vtds_page(&self->f.guest);

	hang_in(&self->f, page | SS_RW);
	ASSERT_EQ(0, flush(&self->f));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	TH_LOG("page tables of the host: %ld KiB are charged",
	       vtds_cgroup_stat("sec_pagetables") / 1024);
	EXPECT_CHARGED("sparse leaves");
}

TEST_F(growth, notes_of_what_was_refused)
{
	hang_in(&self->f, RESERVED_BIT | SS_RW);
	ASSERT_EQ(0, flush(&self->f));
	EXPECT_EQ((__u32)EPROTO, self->f.unit.install_errno);
	EXPECT_LT(2UL * MANY_TABLES, STAT(nodes));
	EXPECT_CHARGED("notes of what was refused");
}

/* Guest memory all over the addresses that there are, a page each */
#define MANY_PLACES 5000
#define PLACE(i) (0x10000000000ULL + 512 * SZ_1M * (i))

TEST_F(growth, guest_memory)
{
	void *hva = vtds_hva(&self->f.guest, vtds_page(&self->f.guest));

	for (unsigned int i = 0; i < MANY_PLACES; i++) {
		ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, hva,
					   PLACE(i), SZ_4K, PERM_RW));
		vtds_map(&self->f.table, IOVA + SZ_1G + i * SZ_4K, PLACE(i),
			 SZ_4K, PERM_RW);
	}
	self->before = vtds_usage();
	ASSERT_EQ(0, flush(&self->f));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_CHARGED("what is known of guest memory");
}

/* Where there is no memory nothing is kept */
TEST_F(growth, addresses_without_memory)
{
	for (unsigned int i = 0; i < MANY_PLACES; i++)
		vtds_map(&self->f.table, IOVA + SZ_1G + i * SZ_4K, PLACE(i),
			 SZ_4K, PERM_RW);
	self->before = vtds_usage();
	ASSERT_EQ(0, flush(&self->f));
	EXPECT_EQ((__u32)ENOENT, self->f.unit.install_errno);
	EXPECT_BOUNDED("addresses without memory");
}

TEST_F(growth, events)
{
	__u64 *leaves = vtds_entry(&self->f.table, IOVA, 1);

	for (unsigned int round = 0; round < 200; round++) {
		for (unsigned int i = 0; i < 512; i++)
			leaves[i] = RESERVED_BIT | round << 12 | SS_RW;
		ASSERT_EQ(0, flush(&self->f));
	}
	EXPECT_BOUNDED("events that nobody reads");
}

/* Ranges all over the table, in one call, and domains that come and go */
TEST_F(growth, ranges_and_domains)
{
	static struct vtds_desc descs[20000];
	struct vtds_table other;

	for (unsigned int i = 0; i < 20000; i++)
		descs[i] = iotlb_page(TABLE_DID, IOVA + i * 64ULL * SZ_2M);
	self->before = vtds_usage();
	for (unsigned int i = 0; i < 5; i++)
		ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 20000));
	vtds_table_init(&other, &self->f.guest, 4, TABLE_DID + 1);
	for (unsigned int i = 0; i < 500; i++) {
		const struct vtds_desc desc = cc_device(self->f.dev[0].sid);

		vtds_fixture_use(&self->f, &self->f.dev[0],
				 i % 2 ? &self->f.table : &other);
		ASSERT_EQ(0, vtds_flush(&self->f.unit, &desc, 1));
	}
	EXPECT_BOUNDED("ranges and domains");
}

/* Kernel memory of a thread */
#define THREAD_SIZE (32 * 1024)

static unsigned int most_units(void)
{
	FILE *file = fopen("/sys/module/vtd_shadow/parameters/max_units", "r");
	unsigned int max = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%u", &max) != 1)
		max = 0;
	fclose(file);
	return max;
}

/* A VMM can open as many as files. Their threads are charged to nobody, and counted. */
TEST_F(growth, units)
{
	struct rlimit limit;
	struct vtds_usage grown;
	struct vtds_unit unit;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_LT(most_units() + 100U, limit.rlim_max);
	self->before = vtds_usage();
	/* The fixture has one */
	for (unsigned int i = 1; i < most_units(); i++) {
		ASSERT_EQ(0, vtds_unit_open(&unit));
		ASSERT_EQ(0, vtds_unit_bind(&unit, &self->f.vmm, 0, 0));
	}
	ASSERT_EQ(0, vtds_unit_open(&unit));
	EXPECT_EQ(-ENOMEM, vtds_unit_bind(&unit, &self->f.vmm, 0, 0));
	grown = vtds_usage_since(self->before);
	TH_LOG("units: %ld KiB, of which %ld KiB are charged",
	       grown.machine / 1024, grown.charged / 1024);
	EXPECT_GT((long)most_units() * THREAD_SIZE,
		  grown.machine - grown.charged);

	/* A VMM in another cgroup has its own number */
	ASSERT_EQ(0, vtds_cgroup_leave());
	EXPECT_EQ(0, vtds_unit_bind(&unit, &self->f.vmm, 0, 0));
}

/* --- At the limit --- */

FIXTURE(limit)
{
	struct vtds_fixture f; /* somebody else's, not in the cgroup */
	int go[2];
	pid_t vmm;
	long pins;
};

/* What the VMM in the cgroup does; its return value is the exit status */
static int at_limit(int go, bool killable);

/*
 * That the kernel kills someone for want of memory, or does not, is told with a trace that
 * looks like that of a fault: not on the console. A real one stops the machine.
 */
static void quiet(bool on)
{
	klogctl(8, NULL, on ? 1 : 7);
}

FIXTURE_VARIANT(limit)
{
	bool killable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(limit, killed)
{
	.killable = true,
};

FIXTURE_VARIANT_ADD(limit, refused)
{
};

/* clang-format on */

FIXTURE_SETUP(limit)
{
	const struct vtds_config both = { .edu = 1, .nvme = 1 };
	int rc = vtds_cgroup_create();

	if (rc == -ENOENT)
		SKIP(return, "no memory cgroups of version 2");
	ASSERT_EQ(0, rc);
	if (!vtds_fixture_possible(&both))
		SKIP(return, "this machine lacks a device");
	self->pins = vtds_pins_in_system();
	quiet(true);
	/* Before there is anything that it would have, too */
	ASSERT_EQ(0, pipe(self->go));
	self->vmm = fork();
	if (!self->vmm)
		_exit(at_limit(self->go[0], variant->killable));
	OPEN_FIXTURE(.edu = 1);
}

FIXTURE_TEARDOWN(limit)
{
	vtds_fixture_close(&self->f);
	vtds_cgroup_remove();
	quiet(false);
}

/* Grows until it is refused; returns what the calls said then. */
static int grow(struct vtds_fixture *f)
{
	int rc = 0;

	for (unsigned int round = 0; !rc && round < 20; round++) {
		hang_in(f, 0);
		rc = flush(f);
		if (!rc && f->unit.install_errno)
			return f->unit.install_errno;
	}
	return -rc;
}

static int recovers(struct vtds_fixture *f)
{
	struct vtd_shadow_event event;

	for (unsigned int i = 0; i < 300; i++) {
		while (vtds_events(&f->unit, &event, 1) == 1)
			if (event.type == VTD_SHADOW_EVENT_RECOVERED)
				return 0;
		vtds_sleep_ms(100);
	}
	return -ETIMEDOUT;
}

static int at_limit(int go, bool killable)
{
	const struct vtds_config config = { .nvme = 1,
					    .max_nodes = 20 * MANY_TABLES };
	FILE *adjust = fopen("/proc/self/oom_score_adj", "w");
	struct vtds_fixture f;
	char byte;

	if (vtds_cgroup_enter() || !adjust ||
	    fprintf(adjust, "%d\n", killable ? 0 : -1000) < 0 ||
	    fclose(adjust) || read(go, &byte, 1) != 1 ||
	    vtds_fixture_open(&f, &config) || mlockall(MCL_CURRENT))
		return 10;
	if (vtds_cgroup_limit(vtds_cgroup_current() + 8 * SZ_1M))
		return 11;
	if (grow(&f) != ENOMEM)
		return 12;
	/* The guest can take back, and devices work on */
	memset(vtds_entry(&f.table, IOVA, 3), 0, 8);
	if (flush(&f) || vtds_reach_buffers(f.dev, 1) != 1)
		return 13;
	if (vtds_cgroup_limit(-1))
		return 14;
	/* What was refused is made by the unit's own thread, and charged */
	if (recovers(&f))
		return 15;
	return vtds_cgroup_current() < (long)MUCH ? 16 : 0;
}

/* The next one has all that this one had, and somebody else works all along */
TEST_F(limit, of_a_vmm)
{
	struct vtds_fixture next;
	int status;

	ASSERT_EQ(1, write(self->go[1], "x", 1));
	for (;;) {
		vtds_map(&self->f.table, IOVA, RAM_GPA, SZ_4K, PERM_RW);
		FLUSH(iotlb_domain(TABLE_DID));
		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		FLUSH(iotlb_domain(TABLE_DID));
		if (waitpid(self->vmm, &status, WNOHANG) == self->vmm)
			break;
		vtds_sleep_ms(10);
	}
	if (variant->killable) {
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
		EXPECT_LT(0, vtds_cgroup_event("oom_kill"));
	} else {
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(0, WEXITSTATUS(status));
		EXPECT_EQ(0, vtds_cgroup_event("oom_kill"));
	}
	EXPECT_REACH_BUFFERS(1);
	ASSERT_EQ(0, vtds_fixture_open(&next, &CONFIG(.nvme = 1)));
	EXPECT_EQ(1U, vtds_reach_buffers(next.dev, 1));
	vtds_fixture_close(&next);
	vtds_fixture_close(&self->f);
	EXPECT_EQ(self->pins, vtds_pins_in_system());
}

DMA_TEST_MAIN
