// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own invalidation queue, run from guest memory: around its end, with
 * the status writes of wait descriptors, up to what stops it.
 */
#include <string.h>

#include "runq_fixture.h"

/* --- It runs --- */

TEST_F(runq, empty)
{
	RUN(0, NONE, 0);
	EXPECT_EQ(self->queue->tail, self->queue->head);
}

/* Several times around its end, one page at a time */
TEST_F(runq, around_its_end)
{
	unsigned int rounds = 2 * vtds_queue_entries(self->queue);

	for (unsigned int i = 0; i < rounds; i++) {
		bool map = i % 2 == 0;

		vtds_map(&self->f.table, IOVA, self->page, SZ_4K,
			 map ? PERM_RW : PERM_NONE);
		PUT(iotlb_page(TABLE_DID, IOVA),
		    wait_status(self->status_gpa, i + 1));
		RUN(2, NONE, 0);
		ASSERT_EQ(i + 1, *self->status);
		ASSERT_EQ(self->queue->tail, self->queue->head);
		ASSERT_EQ(map ? (int)PERM_RW : PERM_NONE,
			  vtds_answer(&self->f.unit, self->dev->sid, IOVA,
				      self->page));
		if (i % 64 < 2)
			EXPECT_REACH(map ? PERM_RW : PERM_NONE, self->dev, IOVA,
				     self->page);
	}
}

/* As long as the longest queue, in one call */
TEST_F(runq, longest)
{
	struct vtds_desc flush;
	unsigned int nr;

	vtds_queue_init(self->queue, &self->f.guest, 7, variant->wide);
	nr = vtds_queue_entries(self->queue) - 1;
	for (unsigned int i = 1; i < nr; i++) {
		flush = iotlb_page(TABLE_DID, IOVA - i * SZ_4K);
		vtds_queue_put(self->queue, &flush);
	}
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	PUT(iotlb_page(TABLE_DID, IOVA));
	RUN(nr, NONE, 0);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* Each wait has its place and its value, and nothing beside it is written */
TEST_F(runq, status_writes)
{
	__u32 *page = (__u32 *)self->status;

	memset(page, 0x5a, SZ_4K);
	PUT(wait_status(self->status_gpa, 1),
	    wait_status(self->status_gpa + 8, ~0U), iotlb_global(),
	    wait_status(self->status_gpa + 4, 0),
	    wait_status(self->status_gpa + 0xffc, 0x89abcdef),
	    wait_status(self->status_gpa, 2));
	RUN(6, NONE, 0);
	EXPECT_EQ(2U, page[0]);
	EXPECT_EQ(0U, page[1]);
	EXPECT_EQ(~0U, page[2]);
	EXPECT_EQ(0x89abcdefU, page[1023]);
	for (unsigned int i = 3; i < 1023; i++)
		ASSERT_EQ(0x5a5a5a5aU, page[i]);
}

TEST_F(runq, interrupt)
{
	PUT(wait_interrupt());
	RUN(1, NONE, INTERRUPT);
	PUT(iotlb_global());
	RUN(1, NONE, 0);
	/* A fence alone is no reason for one; all flags together are */
	PUT(DESC(DESC_WAIT | 1 << 6, 0));
	RUN(1, NONE, 0);
	PUT(DESC(DESC_WAIT | 7 << 4 | 5ULL << 32, self->status_gpa));
	RUN(1, NONE, INTERRUPT);
	EXPECT_EQ(5U, *self->status);
	/* Before the queue stops */
	PUT(wait_interrupt(), DESC(9, 0));
	RUN(1, INVALID_TYPE, INTERRUPT | STOPPED);
}

/* --- The status comes when the revocation is dead --- */

/**
 * struct witness - A processor of the guest that polls the status
 * @fixture: What the test runs in
 * @dev: What it makes do DMA as soon as it sees the status
 * @gpa: What must not be reached
 * @status: Where it looks
 * @expected: What for
 * @seen: When it saw it
 * @reached: What the device found at IOVA then
 */
struct witness {
	struct vtds_fixture *fixture;
	struct vtds_dev *dev;
	__u64 gpa;
	volatile __u32 *status;
	__u32 expected;
	double seen;
	int reached;
};

static void *poll_status(void *arg)
{
	struct witness *w = arg;
	double give_up = vtds_seconds() + 20;

	while (*w->status != w->expected && vtds_seconds() < give_up)
		;
	w->seen = vtds_seconds();
	w->reached = vtds_reach(&w->fixture->guest, w->dev, IOVA, w->gpa);
	return NULL;
}

/*
 * Pages are unmapped, and behind the wait there is a lot of other work. A device
 * that begins when the status can be seen must find nothing, long before the call
 * returns.
 */
TEST_F(runq, status_after_revocation)
{
	struct witness w = { .fixture = &self->f,
			     .dev = self->dev,
			     .gpa = self->page,
			     .status = self->status };
	const unsigned int nr = vtds_queue_entries(self->queue) - 3;
	unsigned int early = 0;

	vtds_map_range(&self->f.table, IOVA + SZ_1G, RAM_GPA, RAM_SIZE,
		       PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	/* More often only if nobody had time to look on the way */
	for (w.expected = 1; w.expected <= 5 || (!early && w.expected <= 60);
	     w.expected++) {
		const struct vtds_desc work =
			iotlb_pages(TABLE_DID, IOVA + SZ_1G, 12);
		const struct vtds_desc apart =
			wait_status(self->status_gpa + 8, w.expected);
		pthread_t thread;

		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_page(TABLE_DID, IOVA));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_status, &w));
		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		PUT(iotlb_page(TABLE_DID, IOVA),
		    wait_status(self->status_gpa, w.expected));
		/* Apart, or else they would be one piece of work */
		for (unsigned int i = 0; i < nr; i++)
			vtds_queue_put(self->queue, i % 2 ? &apart : &work);
		RUN(nr + 2, NONE, 0);
		early += w.seen != 0 && w.seen < vtds_seconds();
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(PERM_NONE, w.reached);
		w.seen = 0;
	}
	/* Or else nothing was shown */
	EXPECT_LT(0U, early);
}

/* --- It stops --- */

struct bad_desc {
	struct vtds_desc desc;
	unsigned int iqei;
};

static const struct bad_desc bad_descs[] = {
	{ { 0, 0 }, INVALID_TYPE },
	{ { 9, 0 }, INVALID_TYPE },
	{ { DESC_IOTLB | DESC_G_GLOBAL | 1 << 9, 0 }, INVALID_TYPE },
	{ { DESC_CC, 0 }, RESERVED_FIELD },
	{ { DESC_IOTLB | DESC_G_GLOBAL | 1ULL << 63, 0 }, RESERVED_FIELD },
	{ { DESC_IOTLB | DESC_G_SELECTIVE, VTDS_MAMV + 1 }, RESERVED_FIELD },
	{ { DESC_WAIT, 0 }, RESERVED_FIELD },
	{ { DESC_WAIT | 1 << 5, 1 }, RESERVED_FIELD },
};

/* What stands before is done, what follows is not; repaired as Linux does */
TEST_F(runq, stops_and_resumes)
{
	const __u64 second = IOVA + 64 * SZ_2M;

	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	vtds_unmap(&self->f.table, second, SZ_4K);
	FLUSH(iotlb_domain(TABLE_DID));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_descs); i++) {
		unsigned int width = vtds_queue_width(self->queue);
		struct vtd_shadow_run_queue result;
		__u64 head = self->queue->head;

		*self->status = 0;
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		vtds_map(&self->f.table, second, self->page, SZ_4K, PERM_RW);
		PUT(iotlb_page(TABLE_DID, IOVA), bad_descs[i].desc,
		    iotlb_page(TABLE_DID, second),
		    wait_status(self->status_gpa, 2));
		ASSERT_EQ(0,
			  vtds_queue_run(&self->f.unit, self->queue, &result));
		EXPECT_EQ(1U, result.done);
		EXPECT_EQ(bad_descs[i].iqei, result.iqei)
		TH_LOG("descriptor %u", i);
		EXPECT_EQ((unsigned int)STOPPED, result.status);
		EXPECT_EQ(head + width, result.head);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		EXPECT_DEAD(self->dev, second, self->page);
		EXPECT_EQ(0U, *self->status);

		/* The queue stays where it is until the guest does something */
		RUN(0, bad_descs[i].iqei, STOPPED);
		memcpy(vtds_queue_at(self->queue, self->queue->head),
		       DESCS(wait_status(self->status_gpa + 4, 7)),
		       sizeof(struct vtds_desc));
		RUN(3, NONE, 0);
		EXPECT_EQ(2U, self->status[0]);
		EXPECT_EQ(7U, self->status[1]);
		EXPECT_REACH(PERM_RW, self->dev, second, self->page);

		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		vtds_unmap(&self->f.table, second, SZ_4K);
		FLUSH(iotlb_domain(TABLE_DID));
	}
}

/* The second page of the queue is no memory, and then it is */
TEST_F(runq, in_bad_memory)
{
	unsigned int width, per_page;
	struct vtds_ram *spare;

	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	spare = &self->f.guest.ram[1];
	self->queue->gpa = SPARE_GPA;
	width = vtds_queue_width(self->queue);
	per_page = SZ_4K / width;
	self->queue->head = 0;
	self->queue->tail = 0;
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	for (unsigned int i = 0; i < per_page + 5; i++)
		PUT(iotlb_page(TABLE_DID, IOVA));
	RUN(0, FETCH_FAILED, STOPPED);
	EXPECT_DEAD(self->dev, IOVA, self->page);

	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, spare->hva,
				   SPARE_GPA, SZ_4K, PERM_RW));
	RUN(per_page, FETCH_FAILED, STOPPED);
	EXPECT_EQ(SZ_4K, self->queue->head);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	RUN(0, FETCH_FAILED, STOPPED);

	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas,
				   spare->hva + SZ_4K, SPARE_GPA + SZ_4K, SZ_4K,
				   PERM_RW));
	RUN(5, NONE, 0);

	/* Taken away while it is pinned for having been read */
	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, SPARE_GPA,
				     SZ_4K));
	self->queue->head = 0;
	RUN(0, FETCH_FAILED, STOPPED);
}

/* Status to where there is no memory, or none to write to */
TEST_F(runq, status_in_bad_memory)
{
	struct vtds_ram *spare;
	__u32 *rom;

	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	spare = &self->f.guest.ram[1];
	rom = spare->hva;
	PUT(iotlb_global(), wait_status(SPARE_GPA, 2), iotlb_global());
	RUN(1, NONE, STOPPED);
	RUN(0, NONE, STOPPED);
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, spare->hva,
				   SPARE_GPA, SZ_2M, PERM_R));
	RUN(0, NONE, STOPPED);
	EXPECT_EQ(0U, *rom);

	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, SPARE_GPA,
				     SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, spare->hva,
				   SPARE_GPA, SZ_2M, PERM_RW));
	RUN(2, NONE, 0);
	EXPECT_EQ(2U, *rom);

	/* Beyond the guest's address width */
	PUT(wait_status(self->status_gpa | 1ULL << 50, 3));
	RUN(0, NONE, STOPPED);
	EXPECT_EQ(0U, *self->status);
}

TEST_HARNESS_MAIN
