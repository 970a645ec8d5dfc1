// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that end before all is done, because the unit has a budget: they come to an end,
 * whatever the guest does meanwhile, and nothing is told to the guest before it is true.
 * And what is done as one: descriptors that are joined, and domains that are not.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "wait_fixture.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL
#define OTHER_DID (TABLE_DID + 1)
/* No memory, aligned to 1 GiB */
#define NOWHERE 0x3000000000ULL

/* Tables of the guest that it keeps changing */
#define NR_TABLES 64

/*
 * Far more calls than it takes to visit each table once: of some, what changed above
 * makes another visit necessary
 */
#define MOST_CALLS (16 * NR_TABLES)

/**
 * struct writer - A guest's thread that does not stop writing to tables
 * @table: Where
 * @pages: Where leaves lead to
 * @permissions: It also changes what may be done below an entry of level 3
 * @stop: It is to end
 * @thread: The thread
 */
struct writer {
	struct vtds_table *table;
	__u64 pages[2];
	bool permissions;
	bool stop;
	pthread_t thread;
};

FIXTURE(more)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
	struct writer writer;
};

FIXTURE_VARIANT(more)
{
	bool queue;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(more, array)
{
	.queue = false,
};

FIXTURE_VARIANT_ADD(more, guest_queue)
{
	.queue = true,
};

/* clang-format on */

FIXTURE_SETUP(more)
{
	OPEN_FIXTURE(.nvme = 1, .edu = 1, .budget = 1, .queue = variant->queue);
	self->dev = &self->f.dev[1];
	self->page = vtds_page(&self->f.guest);
	self->writer.table = &self->f.table;
	self->writer.pages[0] = self->page;
	self->writer.pages[1] = vtds_page(&self->f.guest);
	for (unsigned int i = 0; i < NR_TABLES; i++)
		vtds_map(&self->f.table, IOVA + i * SZ_2M, self->page, SZ_4K,
			 PERM_RW);
	self->f.unit.once = true;
}

FIXTURE_TEARDOWN(more)
{
	vtds_fixture_close(&self->f);
}

/* --- The guest does not keep still --- */

/* Leaves lead here and there, and tables come and go */
static void *rewrite(void *arg)
{
	struct writer *w = arg;
	volatile __u64 *above = vtds_entry(w->table, IOVA, 3);
	volatile __u64 *middle = vtds_entry(w->table, IOVA, 2);
	__u64 first = middle[0], second = middle[1];

	for (unsigned int i = 0; !__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE);
	     i++) {
		__u64 iova = IOVA + i % NR_TABLES * SZ_2M;
		volatile __u64 *leaves = vtds_entry(w->table, iova, 1);

		leaves[i % 512] = w->pages[i % 2] | (i & 2 ? SS_R : SS_RW);
		middle[0] = i & 1 ? first : second;
		if (w->permissions)
			*above ^= SS_W;
	}
	middle[0] = first;
	*above |= SS_RW;
	return NULL;
}

#define START_REWRITING()                                                \
	ASSERT_EQ(0, pthread_create(&self->writer.thread, NULL, rewrite, \
				    &self->writer))

#define STOP_REWRITING()                                                      \
	do {                                                                  \
		__atomic_store_n(&self->writer.stop, true, __ATOMIC_RELEASE); \
		ASSERT_EQ(0, pthread_join(self->writer.thread, NULL));        \
		self->writer.stop = false;                                    \
	} while (0)

/* Goes on with INVALIDATE without descriptors. Returns how often it took, or -1 */
static int count_calls(struct vtds_unit *unit, __u32 status)
{
	struct vtd_shadow_invalidate result;
	int calls = 0;

	while ((status & VTD_SHADOW_MORE) && calls < MOST_CALLS) {
		if (vtds_invalidate(unit, NULL, 0, &result))
			return -1;
		status = result.status;
		calls++;
	}
	return calls;
}

/* It took more than one call, and not too many */
#define EXPECT_CALLS(_status)                                     \
	do {                                                      \
		int _calls = count_calls(&self->f.unit, _status); \
		EXPECT_LT(0, _calls);                             \
		EXPECT_GT(MOST_CALLS, _calls);                    \
	} while (0)

/* All is in order when the guest has finished */
#define EXPECT_WORKS()                                                      \
	do {                                                                \
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW); \
		FLUSH(iotlb_domain(TABLE_DID));                             \
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);         \
		EXPECT_REACH_BUFFERS(3);                                    \
	} while (0)

TEST_F(more, invalidate)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	struct vtd_shadow_invalidate result;

	START_REWRITING();
	for (unsigned int i = 0; i < 20; i++) {
		ASSERT_EQ(0, vtds_invalidate(&self->f.unit, &desc, 1, &result));
		EXPECT_CALLS(result.status);
	}
	STOP_REWRITING();
	EXPECT_WORKS();
}

/* Of an entry with much below it the permissions change while all of that is looked at */
TEST_F(more, permissions_above)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	struct vtd_shadow_invalidate result;

	self->writer.permissions = true;
	START_REWRITING();
	for (unsigned int i = 0; i < 5; i++) {
		ASSERT_EQ(0, vtds_invalidate(&self->f.unit, &desc, 1, &result));
		EXPECT_CALLS(result.status);
	}
	STOP_REWRITING();
	EXPECT_WORKS();
}

TEST_F(more, set_state)
{
	START_REWRITING();
	for (unsigned int i = 0; i < 10; i++) {
		ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
		count_calls(&self->f.unit, self->f.unit.status);
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		EXPECT_CALLS(self->f.unit.status);
	}
	STOP_REWRITING();
	EXPECT_WORKS();
}

TEST_F(more, resync)
{
	START_REWRITING();
	for (unsigned int i = 0; i < 20; i++) {
		ASSERT_EQ(0, vtds_resync(&self->f.unit));
		EXPECT_CALLS(self->f.unit.status);
	}
	STOP_REWRITING();
	EXPECT_WORKS();
}

static int remove_device(struct vtds_fixture *f, unsigned int i)
{
	return vtds_remove_device(&f->unit, f->dev[i].dev_id);
}

TEST_F(more, add_device)
{
	START_REWRITING();
	for (unsigned int i = 0; i < 10; i++) {
		for (unsigned int j = 0; j < 2; j++)
			ASSERT_EQ(0, vtds_remove_device(&self->f.unit,
							self->f.dev[j].dev_id));
		ASSERT_EQ(0, vtds_fixture_add(&self->f, &self->f.dev[0]));
		EXPECT_CALLS(self->f.unit.status);
		ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
		count_calls(&self->f.unit, self->f.unit.status);
	}
	STOP_REWRITING();
	EXPECT_WORKS();
}

/* Who knows only the structure without a status is told no more than it can know */
TEST_F(more, add_device_of_old)
{
	struct vtd_shadow_add_device cmd = {
		.size = offsetof(struct vtd_shadow_add_device, status),
		.dev_id = self->dev->dev_id,
		.identity_pt_id = self->f.vmm.ioas,
		.source_ids_uptr = (unsigned long)&self->dev->sid,
		.nr_source_ids = 1,
		.status = 0x55,
	};

	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0, remove_device(&self->f, i));
	EXPECT_EQ(0UL, STAT(domains));
	ASSERT_EQ(0, ioctl(self->f.unit.fd, VTD_SHADOW_ADD_DEVICE, &cmd));
	EXPECT_EQ(0U, cmd.install_errno);
	EXPECT_EQ(0x55U, cmd.status);
	for (unsigned int i = 0; i < NR_TABLES; i++)
		EXPECT_EQ(PERM_RW, vtds_answer(&self->f.unit, self->dev->sid,
					       IOVA + i * SZ_2M, self->page));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + (NR_TABLES - 1) * SZ_2M,
		     self->page);
}

/* --- What the guest may know --- */

/* What the device can do with the page that is looked at last */
static int last_page(struct vtds_fixture *f, __u64 page)
{
	return vtds_answer(&f->unit, f->dev[1].sid,
			   IOVA + (NR_TABLES - 1) * SZ_2M, page);
}

/* The wait is not done, nor what is behind it, before all in front of it is */
TEST_F(more, done_stands_still)
{
	const struct vtds_desc descs[] = {
		iotlb_domain(TABLE_DID),
		wait_status(self->dev->buffer, 1),
		iotlb_page(TABLE_DID, IOVA),
	};
	struct vtd_shadow_invalidate result;
	unsigned int calls = 0, done = 0;

	do {
		ASSERT_EQ(0, vtds_invalidate(&self->f.unit, descs + done,
					     3 - done, &result));
		done += result.done;
		EXPECT_TRUE(done == 1 || done == 3);
		/* Not before the last page is what the guest says */
		if (done == 3)
			EXPECT_EQ(PERM_RW, last_page(&self->f, self->page));
	} while ((result.status & VTD_SHADOW_MORE) && ++calls < MOST_CALLS);
	EXPECT_EQ(3U, done);
	EXPECT_LT(NR_TABLES / 4U, calls);
	EXPECT_GT((unsigned int)MOST_CALLS, calls);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + (NR_TABLES - 1) * SZ_2M,
		     self->page);
}

TEST_F(more, status_comes_last)
{
	const __u64 status_gpa = vtds_page(&self->f.guest);
	volatile __u32 *status = vtds_hva(&self->f.guest, status_gpa);
	const struct vtds_desc descs[] = { iotlb_domain(TABLE_DID),
					   wait_status(status_gpa, 7) };
	struct vtd_shadow_run_queue result;
	struct vtds_queue queue;
	unsigned int calls = 0;

	vtds_queue_init(&queue, &self->f.guest, 0, self->f.unit.wide);
	vtds_queue_put(&queue, &descs[0]);
	vtds_queue_put(&queue, &descs[1]);
	do {
		EXPECT_EQ(0U, *status);
		ASSERT_EQ(0, vtds_queue_run(&self->f.unit, &queue, &result));
		EXPECT_EQ(0U, result.iqei);
	} while (result.status == VTD_SHADOW_MORE && ++calls < MOST_CALLS);
	EXPECT_EQ(0U, result.status);
	EXPECT_EQ(7U, *status);
	EXPECT_EQ(queue.tail, queue.head);
	EXPECT_LT(NR_TABLES / 4U, calls);
	EXPECT_GT((unsigned int)MOST_CALLS, calls);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + (NR_TABLES - 1) * SZ_2M,
		     self->page);
}

/* What was revoked is dead when the call says so, and not all of it before */
TEST_F(more, revoked_in_the_end)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	__u64 *middle = vtds_entry(&self->f.table, IOVA, 2);
	struct vtd_shadow_invalidate result;

	self->f.unit.once = false;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M, self->page);
	for (unsigned int i = 0; i < NR_TABLES; i++)
		middle[i] = 0;
	ASSERT_EQ(0, vtds_invalidate(&self->f.unit, &desc, 1, &result));
	ASSERT_EQ(0, vtds_finish(&self->f.unit, result.status));
	for (unsigned int i = 0; i < NR_TABLES; i++)
		EXPECT_EQ(PERM_NONE, vtds_answer(&self->f.unit, self->dev->sid,
						 IOVA + i * SZ_2M, self->page));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_DEAD(self->dev, IOVA + (NR_TABLES - 1) * SZ_2M, self->page);
}

/* --- What is done as one --- */

FIXTURE(joined)
{
	struct vtds_fixture f;
	struct vtds_table table; /* of device 1 */
};

FIXTURE_SETUP(joined)
{
	OPEN_FIXTURE(.edu = 2, .ram_4k = 4 * RAM_SIZE);
	vtds_table_init(&self->table, &self->f.guest, 4, OTHER_DID);
	vtds_fixture_map_buffers(&self->f, &self->table);
	vtds_fixture_use(&self->f, &self->f.dev[1], &self->table);
	FLUSH(cc_device(self->f.dev[1].sid));
	EXPECT_EQ(2UL, STAT(domains));
}

FIXTURE_TEARDOWN(joined)
{
	vtds_fixture_close(&self->f);
}

/* One table is looked at once, however many of its pages are flushed */
TEST_F(joined, pages_of_one_table)
{
	struct vtds_desc descs[257];
	__u64 page = vtds_page(&self->f.guest);
	unsigned long syncs;

	for (unsigned int i = 0; i < 256; i++) {
		vtds_map(&self->f.table, IOVA + i * SZ_4K, page, SZ_4K,
			 PERM_RW);
		descs[i] = iotlb_page(TABLE_DID, IOVA + i * SZ_4K);
	}
	syncs = STAT(syncs);
	ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 256));
	EXPECT_EQ(syncs + 1, STAT(syncs));
	EXPECT_REACH(PERM_RW, &self->f.dev[0], IOVA + 255 * SZ_4K, page);

	/* A wait that only fences is no barrier, one with a status is */
	syncs = STAT(syncs);
	descs[256] = descs[0];
	descs[128] = DESC(DESC_WAIT | 1 << 6, 0);
	ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 257));
	EXPECT_EQ(syncs + 1, STAT(syncs));
	descs[128] = wait_status(self->f.dev[0].buffer, 1);
	ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 257));
	EXPECT_EQ(syncs + 3, STAT(syncs));
}

static double time_flush(struct vtds_unit *unit, __u16 did)
{
	const struct vtds_desc desc = iotlb_domain(did);
	double best = 1e9;

	for (unsigned int i = 0; i < 5; i++) {
		double begin = vtds_seconds(), took;

		if (vtds_flush(unit, &desc, 1))
			return 1e9;
		took = vtds_seconds() - begin;
		best = took < best ? took : best;
	}
	return best;
}

/* Leaves to nowhere do not keep other domains from what they want, nor cost anything later */
TEST_F(joined, trouble_of_one_domain)
{
	__u64 page = vtds_page(&self->f.guest);
	unsigned long failures;
	double before, after;

	/* Something to look at, without them and with them */
	bulk_map(&self->f.table, page, 1);
	FLUSH(iotlb_domain(TABLE_DID));
	before = time_flush(&self->f.unit, TABLE_DID);

	for (unsigned int i = 0; i < 5; i++)
		vtds_map(&self->f.table, BULK_IOVA + (i + 1) * SZ_1G, NOWHERE,
			 SZ_1G, PERM_RW);
	vtds_map(&self->table, IOVA, page, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID), iotlb_domain(OTHER_DID));
	EXPECT_REACH(PERM_RW, &self->f.dev[1], IOVA, page);
	EXPECT_DEAD(&self->f.dev[0], BULK_IOVA + SZ_1G, page);

	failures = STAT(install_failures);
	after = time_flush(&self->f.unit, TABLE_DID);
	printf("# a flush: %.2f ms without leaves to nowhere, %.2f ms with\n",
	       before * 1e3, after * 1e3);
	EXPECT_GT(5 * before, after);
	EXPECT_EQ(failures, STAT(install_failures));
}

/* A million of them, in one domain, is too much for that domain alone */
TEST_F(joined, limit_of_one_domain)
{
	__u64 page = vtds_page(&self->f.guest);

	/* 2,560 tables of 512 */
	bulk_map(&self->f.table, NOWHERE, 5);
	vtds_map(&self->table, IOVA, page, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID), iotlb_domain(OTHER_DID));
	EXPECT_REACH(PERM_RW, &self->f.dev[1], IOVA, page);
	EXPECT_REACH_BUFFERS(3);
}

/* --- Memory goes while it is in use --- */

/**
 * struct flusher - A thread that flushes the table of device 0
 * @unit: The unit, with outputs of its own
 * @bulk: The entry that it takes away and puts back
 * @stop: It is to end
 * @rounds: How often it has flushed
 */
struct flusher {
	struct vtds_unit unit;
	volatile __u64 *bulk;
	bool stop;
	unsigned int rounds;
};

static void *flush_for_ever(void *arg)
{
	struct flusher *fl = arg;
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	__u64 entry = *fl->bulk;

	while (!__atomic_load_n(&fl->stop, __ATOMIC_ACQUIRE)) {
		*fl->bulk = fl->rounds % 2 ? entry : 0;
		if (vtds_flush(&fl->unit, &desc, 1))
			break;
		__atomic_add_fetch(&fl->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Gone is gone on return, in the middle of a flush too, and back is back */
TEST_F(joined, memory_taken_during_a_flush)
{
	struct vtds_guest *guest = &self->f.guest;
	struct vtds_vmm *vmm = &self->f.vmm;
	__u64 page = vtds_page(guest);
	struct flusher fl = { .unit = self->f.unit };
	pthread_t thread;

	ASSERT_EQ(0, vtds_ram_add(guest, VTDS_RAM_SCATTERED, SPARE_GPA, SZ_2M));
	vtds_map(&self->table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	vtds_map(&self->table, IOVA + SZ_4K, page, SZ_4K, PERM_RW);
	fl.bulk = bulk_map(&self->f.table, page, 1);
	FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID), iotlb_domain(OTHER_DID));
	ASSERT_EQ(0, pthread_create(&thread, NULL, flush_for_ever, &fl));
	for (unsigned int i = 0; i < 10; i++) {
		ASSERT_EQ(0, vtds_ioas_map(vmm, vmm->ioas,
					   vtds_hva(guest, SPARE_GPA),
					   SPARE_GPA, SZ_2M, PERM_RW));
		ASSERT_EQ(0,
			  vtds_resync_range(&self->f.unit, SPARE_GPA, SZ_2M));
		EXPECT_REACH(PERM_RW, &self->f.dev[1], IOVA, SPARE_GPA);
		ASSERT_EQ(0, vtds_ioas_unmap(vmm, vmm->ioas, SPARE_GPA, SZ_2M));
		EXPECT_DEAD(&self->f.dev[1], IOVA, SPARE_GPA);
		EXPECT_REACH(PERM_RW, &self->f.dev[1], IOVA + SZ_4K, page);
	}
	__atomic_store_n(&fl.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(2U, fl.rounds);
}

DMA_TEST_MAIN
