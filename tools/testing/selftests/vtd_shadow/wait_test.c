// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for the longest call that there is: one process makes it again and again,
 * and this one measures how long everything else takes meanwhile, and how long it takes
 * to kill the caller. The measure is one sync of 512 tables, on the same machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wait_fixture.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL
#define SLOW_GPA 0x500000000ULL
#define OTHER_DID (TABLE_DID + 1)

/* Nobody waits for longer than so many syncs of 512 tables */
#define PATIENCE 5

/* The thread of a unit gives up after a second; and then some */
#define BACKGROUND_SECONDS 5

/* 8 Mi leaves in 16,384 tables */
#define BULK_ENTRIES 32

/* For how long it is measured, at least: for longer than anybody may have to wait */
#define SECONDS 2

/* Half of them are wait descriptors, so that each of the others is a sync */
#define NR_MANY 20000

/**
 * struct caller - What the process that makes the call tells
 * @calls: How many it has begun
 * @begun: When it began the last one
 * @longest: The longest of the others, in seconds
 */
struct caller {
	unsigned int calls;
	double begun;
	double longest;
};

FIXTURE(wait)
{
	struct vtds_fixture f;
	struct vtds_unit other;
	struct vtds_table table; /* of the other unit's device */
	volatile __u64 *bulk;
	__u64 bulk_entry;
	void *slow;
	int userfaultfd;
	double sync;
	double sync_again;
	struct caller *caller;
	pid_t pid;
};

FIXTURE_VARIANT(wait)
{
	void (*call)(FIXTURE_DATA(wait) * self);
	bool pins;
};

/* --- The calls --- */

static void flush_timed(FIXTURE_DATA(wait) * self,
			const struct vtds_desc *descs, unsigned int nr)
{
	struct caller *caller = self->caller;
	double took;

	caller->begun = vtds_seconds();
	__atomic_add_fetch(&caller->calls, 1, __ATOMIC_RELEASE);
	vtds_flush(&self->f.unit, descs, nr);
	took = vtds_seconds() - caller->begun;
	if (took > caller->longest)
		caller->longest = took;
}

/* Many that each ask for 512 tables to be looked at */
static void many_descriptors(FIXTURE_DATA(wait) * self)
{
	static struct vtds_desc descs[NR_MANY];

	for (unsigned int i = 0; i < NR_MANY; i += 2) {
		descs[i] = iotlb_pages(TABLE_DID, BULK_IOVA, VTDS_MAMV);
		descs[i + 1] = wait_status(self->f.dev[0].buffer, i);
	}
	flush_timed(self, descs, NR_MANY);
}

/* One that asks for all leaves to be mapped, or unmapped */
static void many_leaves(FIXTURE_DATA(wait) * self)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	bool map = !self->bulk[1];

	for (unsigned int i = 1; i < BULK_ENTRIES; i++)
		self->bulk[i] = map ? self->bulk_entry : 0;
	flush_timed(self, &desc, 1);
}

/* One for a page that does not come */
static void slow_pin(FIXTURE_DATA(wait) * self)
{
	const struct vtds_desc desc = iotlb_page(TABLE_DID, IOVA);

	vtds_map(&self->f.table, IOVA, SLOW_GPA, SZ_4K, PERM_RW);
	flush_timed(self, &desc, 1);
}

/* clang-format off */
FIXTURE_VARIANT_ADD(wait, many_descriptors)
{
	.call = many_descriptors,
};

FIXTURE_VARIANT_ADD(wait, many_leaves)
{
	.call = many_leaves,
};

FIXTURE_VARIANT_ADD(wait, slow_pin)
{
	.call = slow_pin,
	.pins = true,
};

/* clang-format on */

/* --- What is there --- */

static int give(struct vtds_fixture *f)
{
	return vtds_ioas_map(&f->vmm, f->vmm.ioas,
			     vtds_hva(&f->guest, SPARE_GPA), SPARE_GPA, SZ_2M,
			     PERM_RW);
}

static int take(struct vtds_fixture *f)
{
	return vtds_ioas_unmap(&f->vmm, f->vmm.ioas, SPARE_GPA, SZ_2M);
}

/* Memory whose pages nobody provides */
static int add_slow_memory(FIXTURE_DATA(wait) * self)
{
	self->slow = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (self->slow == MAP_FAILED)
		return -errno;
	self->userfaultfd = vtds_withhold(self->slow, SZ_2M, 0);
	if (self->userfaultfd < 0)
		return self->userfaultfd;
	return vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, self->slow,
			     SLOW_GPA, SZ_2M, PERM_RW);
}

/* A unit of its own for device 1, on a table that leads to the spare memory */
static int open_other(FIXTURE_DATA(wait) * self)
{
	struct vtds_fixture *f = &self->f;
	struct vtds_dev *dev = &f->dev[1];
	int rc = vtds_remove_device(&f->unit, dev->dev_id);

	vtds_table_init(&self->table, &f->guest, 4, OTHER_DID);
	vtds_fixture_map_buffers(f, &self->table);
	vtds_map(&self->table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	vtds_ctx_use(&f->guest, dev->sid, &self->table);
	rc = rc ?: vtds_unit_open(&self->other);
	rc = rc ?: vtds_unit_bind(&self->other, &f->vmm, 0, 0);
	self->other.rtaddr = f->guest.root;
	self->other.flags = VTD_SHADOW_STATE_TE;
	rc = rc ?: vtds_set_state(&self->other);
	rc = rc	   ?:
		     vtds_add_device(&self->other, dev->dev_id, f->vmm.ioas,
				     &dev->sid, 1);
	return rc ?: -(int)self->other.install_errno;
}

/* Once with all leaves to be mapped, and once when there is nothing to do */
static int measure_sync(FIXTURE_DATA(wait) * self)
{
	const struct vtds_desc desc =
		iotlb_pages(TABLE_DID, BULK_IOVA, VTDS_MAMV);
	double begin = vtds_seconds();
	int rc = vtds_flush(&self->f.unit, &desc, 1);

	self->sync = vtds_seconds() - begin;
	begin = vtds_seconds();
	rc = rc ?: vtds_flush(&self->f.unit, &desc, 1);
	self->sync_again = vtds_seconds() - begin;
	return rc;
}

FIXTURE_SETUP(wait)
{
	OPEN_FIXTURE(.edu = 3);
	self->caller = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->caller);
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, give(&self->f));
	ASSERT_EQ(0, open_other(self));
	self->bulk = bulk_map(&self->f.table, vtds_page(&self->f.guest), 1);
	self->bulk_entry = self->bulk[0];
	ASSERT_EQ(0, measure_sync(self));
	vtds_map(&self->f.table, IOVA + SZ_4K, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	ASSERT_EQ(0, add_slow_memory(self));
}

FIXTURE_TEARDOWN(wait)
{
	/* Whoever waits for that memory has it now */
	close(self->userfaultfd);
	vtds_unit_close(&self->other);
	vtds_fixture_close(&self->f);
}

/* --- Measuring --- */

enum what {
	UNMAP,
	OTHER_UNIT,
	SAME_UNIT,
	CLOSE_DEVICE,
	KILL,
	NR_WHATS,
};

static const char *const names[NR_WHATS] = {
	[UNMAP] = "IOMMU_IOAS_UNMAP of memory in use",
	[OTHER_UNIT] = "RESYNC of another unit",
	[SAME_UNIT] = "GET_STATS and TRANSLATE of the unit",
	[CLOSE_DEVICE] = "to close a device of the unit",
	[KILL] = "to kill the caller",
};

static int look(struct vtds_fixture *f)
{
	struct vtd_shadow_get_stats stats;
	struct vtd_shadow_translate answer;

	return vtds_stats(&f->unit, &stats) ?:
		       vtds_translate(&f->unit, f->dev[0].sid, f->dev[0].buffer,
				      &answer);
}

/* Once. Returns 0 or a negative errno. */
static int do_it(FIXTURE_DATA(wait) * self, enum what what)
{
	switch (what) {
	case UNMAP:
		return take(&self->f);
	case OTHER_UNIT:
		return vtds_resync(&self->other);
	case SAME_UNIT:
		return look(&self->f);
	case CLOSE_DEVICE:
		vtds_dev_close(&self->f.dev[2]);
		return 0;
	default:
		kill(self->pid, SIGKILL);
		return waitpid(self->pid, NULL, 0) == self->pid ? 0 : -errno;
	}
}

static int time_it(FIXTURE_DATA(wait) * self, enum what what, double *longest)
{
	double begin = vtds_seconds(), took;
	int rc = do_it(self, what);

	took = vtds_seconds() - begin;
	if (took > longest[what])
		longest[what] = took;
	return rc;
}

static int start_calls(FIXTURE_DATA(wait) * self,
		       void (*call)(FIXTURE_DATA(wait) * self))
{
	double give_up = vtds_seconds() + 10;

	self->pid = fork();
	if (!self->pid)
		for (;;)
			call(self);
	while (!__atomic_load_n(&self->caller->calls, __ATOMIC_ACQUIRE) &&
	       vtds_seconds() < give_up)
		vtds_sleep_ms(1);
	vtds_sleep_ms(20);
	return self->pid < 0 ? -errno : 0;
}

/* All but what can be done once. What is pinned in vain keeps iommufd from unmapping. */
static int measure(FIXTURE_DATA(wait) * self, bool pins, double *longest)
{
	double patience = 1.2 * PATIENCE * self->sync;
	double until =
		vtds_seconds() + (patience > SECONDS ? patience : SECONDS);
	int rc = 0;

	while (!rc && vtds_seconds() < until) {
		if (!pins)
			rc = time_it(self, UNMAP, longest) ?: give(&self->f);
		rc = rc ?: time_it(self, OTHER_UNIT, longest);
		rc = rc ?: time_it(self, SAME_UNIT, longest);
	}
	return rc ?: time_it(self, CLOSE_DEVICE, longest);
}

/* --- What is iommufd's own --- */

/**
 * struct unmapper - A thread that unmaps
 * @f: What
 * @tid: Its id
 * @done: It has
 */
struct unmapper {
	struct vtds_fixture *f;
	pid_t tid;
	bool done;
};

static void *unmap_once(void *arg)
{
	struct unmapper *u = arg;

	__atomic_store_n(&u->tid, gettid(), __ATOMIC_RELEASE);
	take(u->f);
	__atomic_store_n(&u->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Is @name on the stack of a thread that waits in the kernel? */
static bool waits_in(pid_t tid, const char *name)
{
	char path[64], stack[4096];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stack", tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	size = read(fd, stack, sizeof(stack) - 1);
	close(fd);
	if (size <= 0)
		return false;
	stack[size] = 0;
	return strstr(stack, name);
}

/* --- All together --- */

TEST_F(wait, for_the_longest_call)
{
	double longest[NR_WHATS] = {}, limit = PATIENCE * self->sync, call;
	struct unmapper u = { .f = &self->f };
	pthread_t thread;

	ASSERT_EQ(0, start_calls(self, variant->call));
	EXPECT_EQ(0, measure(self, variant->pins, longest));
	call = vtds_seconds() - self->caller->begun;
	if (call < self->caller->longest)
		call = self->caller->longest;

	/* iommufd waits for the pin itself, before it asks us */
	if (variant->pins) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, unmap_once, &u));
		vtds_sleep_ms(500);
		EXPECT_FALSE(__atomic_load_n(&u.done, __ATOMIC_ACQUIRE));
		EXPECT_TRUE(waits_in(u.tid, "iopt_unmap"));
		EXPECT_FALSE(waits_in(u.tid, "vtds_"));
	}
	EXPECT_EQ(0, time_it(self, KILL, longest));
	/* The thread of the unit waits for the page now, in place of the call */
	if (variant->pins) {
		double begin = vtds_seconds();

		while (!__atomic_load_n(&u.done, __ATOMIC_ACQUIRE) &&
		       vtds_seconds() < begin + BACKGROUND_SECONDS)
			vtds_sleep_ms(1);
		printf("# IOMMU_IOAS_UNMAP behind the thread of the unit: %.0f ms\n",
		       (vtds_seconds() - begin) * 1e3);
		EXPECT_TRUE(__atomic_load_n(&u.done, __ATOMIC_ACQUIRE));
		close(self->userfaultfd);
		self->userfaultfd = -1;
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}

	printf("# a sync of 512 tables: %.1f ms, and %.1f ms again; the call: %.1f ms\n",
	       self->sync * 1e3, self->sync_again * 1e3, call * 1e3);
	for (unsigned int i = 0; i < NR_WHATS; i++) {
		printf("# %s: %.1f ms at most\n", names[i], longest[i] * 1e3);
		EXPECT_GT(limit, longest[i]) TH_LOG("%s", names[i]);
	}
	/* Or else nothing was shown */
	EXPECT_LT(limit, call);
	EXPECT_REACH(PERM_RW, &self->f.dev[0], self->f.dev[0].buffer,
		     self->f.dev[0].buffer);
}

DMA_TEST_MAIN
