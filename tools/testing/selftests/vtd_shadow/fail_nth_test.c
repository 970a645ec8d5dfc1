// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call of a VMM, with each allocation and each call to the host failing in it in turn.
 * The call says so, or bears it; host and unit agree afterwards; and without a failure it
 * works. What guest or VMM take away is gone, whatever failed.
 */
#include "fail_fixture.h"

/* --- INVALIDATE and RUN_QUEUE --- */

static void guest_maps(struct vtds_fixture *f, __u64 page, __u64 page_b)
{
	vtds_map(&f->table, IOVA_A, page, SZ_4K, PERM_RW);
	vtds_map(&f->table, IOVA_A + SZ_2M, SPARE_GPA, SZ_2M, PERM_RW);
	vtds_map(&f->table, IOVA_B, page_b, SZ_4K, PERM_RW);
}

static void guest_unmaps(struct vtds_fixture *f)
{
	vtds_unmap(&f->table, IOVA_A, SZ_4K);
	vtds_unmap(&f->table, IOVA_A + SZ_2M, SZ_2M);
	/* The table, too */
	*vtds_entry(&f->table, IOVA_B, 3) = 0;
}

static int flush(struct vtds_fixture *f)
{
	return vtds_flush(&f->unit, DESCS(iotlb_domain(TABLE_DID)), 1);
}

TEST_F(fail, invalidate_maps)
{
	int rc;

	while (vtds_fail_next(&self->fail)) {
		guest_maps(&self->f, self->page, self->page_b);
		FAILING(&self->fail, rc = flush(&self->f));
		EXPECT_BATCH(rc);
		EXPECT_AT_MOST(IOVA_A, self->page);
		EXPECT_AT_MOST(IOVA_A + SZ_2M, SPARE_GPA);
		EXPECT_AT_MOST(IOVA_B, self->page_b);
		EXPECT_RESYNCED();
		ASSERT_EQ(0, flush(&self->f));
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A + SZ_2M, SPARE_GPA);
		EXPECT_REACH(PERM_RW, self->dev, IOVA_B, self->page_b);
		guest_unmaps(&self->f);
		ASSERT_EQ(0, flush(&self->f));
		ASSERT_EQ(0, release(&self->f.unit));
	}
	EXPECT_LT(10U, self->fail.nr_fired);
}

TEST_F(fail, invalidate_unmaps)
{
	int rc;

	while (vtds_fail_next(&self->fail)) {
		guest_maps(&self->f, self->page, self->page_b);
		ASSERT_EQ(0, flush(&self->f));
		EXPECT_REACH(PERM_RW, self->dev, IOVA_B, self->page_b);
		guest_unmaps(&self->f);
		FAILING(&self->fail, rc = flush(&self->f));
		EXPECT_BATCH(rc);
		/* Descriptors that the kernel could not even copy */
		if (rc)
			ASSERT_EQ(0, flush(&self->f));
		EXPECT_GONE(IOVA_A, self->page);
		EXPECT_GONE(IOVA_A + SZ_2M, SPARE_GPA);
		EXPECT_GONE(IOVA_B, self->page_b);
		EXPECT_RESYNCED();
		EXPECT_REACH_BUFFERS(1);
	}
	EXPECT_LT(0U, self->fail.nr_fired);
}

/* What is not done when the call fails is done by the next one */
TEST_F(fail, run_queue)
{
	const struct vtds_desc flush_all = iotlb_domain(TABLE_DID);
	struct vtd_shadow_run_queue result;
	struct vtds_desc wait;
	struct vtds_queue queue;
	__u64 status = vtds_page(&self->f.guest);
	__u32 *word = vtds_hva(&self->f.guest, status);
	__u32 token = 0;
	int rc;

	vtds_queue_init(&queue, &self->f.guest, 0, variant->scalable);
	while (vtds_fail_next(&self->fail)) {
		ASSERT_EQ(0, release(&self->f.unit));
		guest_maps(&self->f, self->page, self->page_b);
		wait = wait_status(status, ++token);
		vtds_queue_put(&queue, &flush_all);
		vtds_queue_put(&queue, &wait);
		FAILING(&self->fail,
			rc = vtds_queue_run(&self->f.unit, &queue, &result));
		EXPECT_TRUE(!rc || rc == -ENOMEM || rc == -EIO);
		EXPECT_EQ(0U, result.status);
		/* Reported to the guest is what has been done */
		EXPECT_EQ(*word == token, queue.head == queue.tail);
		if (rc)
			ASSERT_EQ(0, vtds_queue_run(&self->f.unit, &queue,
						    &result));
		EXPECT_EQ(queue.tail, queue.head);
		EXPECT_EQ(token, *word);
		EXPECT_AT_MOST(IOVA_A, self->page);
		EXPECT_RESYNCED();
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
		guest_unmaps(&self->f);
		ASSERT_EQ(0, flush(&self->f));
	}
	EXPECT_LT(5U, self->fail.nr_fired);
}

/* --- Contexts and registers --- */

TEST_F(fail, other_table)
{
	int rc;

	guest_maps(&self->f, self->page, self->page_b);
	while (vtds_fail_next(&self->fail)) {
		const struct vtds_desc desc = cc_device(self->dev->sid);

		vtds_fixture_use(&self->f, self->dev, &self->f.table);
		EXPECT_RESYNCED();
		ASSERT_EQ(0, release(&self->f.unit));
		vtds_fixture_use(&self->f, self->dev, &self->other);
		FAILING(&self->fail, rc = vtds_flush(&self->f.unit, &desc, 1));
		EXPECT_BATCH(rc);
		if (rc)
			ASSERT_EQ(0, vtds_flush(&self->f.unit, &desc, 1));
		EXPECT_GONE(IOVA_B, self->page_b);
		EXPECT_AT_MOST(IOVA_A, self->page_b);
		EXPECT_RESYNCED();
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page_b);
	}
	EXPECT_LT(10U, self->fail.nr_fired);
}

TEST_F(fail, set_state_on)
{
	int rc;

	vtds_map(&self->f.table, IOVA_A, self->page, SZ_4K, PERM_RW);
	while (vtds_fail_next(&self->fail)) {
		ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
		ASSERT_EQ(0, release(&self->f.unit));
		FAILING(&self->fail, rc = vtds_fixture_state(&self->f, true));
		EXPECT_BATCH(rc);
		EXPECT_AT_MOST(IOVA_A, self->page);
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		EXPECT_EQ(0U, self->f.unit.install_errno);
		EXPECT_ATTACHED(SHADOW, self->dev);
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
	}
	EXPECT_LT(10U, self->fail.nr_fired);
}

TEST_F(fail, set_state_off)
{
	int rc;

	vtds_map(&self->f.table, IOVA_A, self->page, SZ_4K, PERM_RW);
	while (vtds_fail_next(&self->fail)) {
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
		ASSERT_EQ(0, release(&self->f.unit));
		FAILING(&self->fail, rc = vtds_fixture_state(&self->f, false));
		EXPECT_BATCH(rc);
		EXPECT_NE((int)VTD_SHADOW_ATTACHED_SHADOW,
			  vtds_attachment(&self->f.unit, self->dev->sid));
		EXPECT_GONE(IOVA_A, self->page);
		ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
		EXPECT_EQ(0U, self->f.unit.install_errno);
		EXPECT_ATTACHED(IDENTITY, self->dev);
		EXPECT_REACH(PERM_RW, self->dev, self->page, self->page);
	}
	EXPECT_LT(0U, self->fail.nr_fired);
}

TEST_F(fail, resync)
{
	int rc;

	guest_maps(&self->f, self->page, self->page_b);
	while (vtds_fail_next(&self->fail)) {
		FAILING(&self->fail, rc = release(&self->f.unit));
		EXPECT_BATCH(rc);
		EXPECT_AT_MOST(IOVA_A, self->page);
		EXPECT_AT_MOST(IOVA_A + SZ_2M, SPARE_GPA);
		EXPECT_AT_MOST(IOVA_B, self->page_b);
		EXPECT_RESYNCED();
		EXPECT_REACH(PERM_RW, self->dev, IOVA_B, self->page_b);
		guest_unmaps(&self->f);
		ASSERT_EQ(0, flush(&self->f));
		ASSERT_EQ(0, release(&self->f.unit));
		guest_maps(&self->f, self->page, self->page_b);
	}
	EXPECT_LT(10U, self->fail.nr_fired);
}

/* --- Devices --- */

TEST_F(fail, add_device)
{
	__u32 dev_id = self->dev->dev_id;
	int rc;

	vtds_map(&self->f.table, IOVA_A, self->page, SZ_4K, PERM_RW);
	while (vtds_fail_next(&self->fail)) {
		ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev_id));
		ASSERT_EQ(0, release(&self->f.unit));
		FAILING(&self->fail,
			rc = vtds_fixture_add(&self->f, self->dev));
		EXPECT_BATCH(rc);
		/* One that failed left the device as it was */
		if (rc) {
			EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
			ASSERT_EQ(-ENOENT,
				  vtds_remove_device(&self->f.unit, dev_id));
			ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
		}
		EXPECT_AT_MOST(IOVA_A, self->page);
		EXPECT_RESYNCED();
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
	}
	EXPECT_LT(10U, self->fail.nr_fired);
}

TEST_F(fail, remove_device)
{
	__u32 dev_id = self->dev->dev_id;
	int rc;

	vtds_map(&self->f.table, IOVA_A, self->page, SZ_4K, PERM_RW);
	EXPECT_RESYNCED();
	while (vtds_fail_next(&self->fail)) {
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
		FAILING(&self->fail,
			rc = vtds_remove_device(&self->f.unit, dev_id));
		ASSERT_EQ(0, rc);
		EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
		EXPECT_EQ(0U, STAT(devices));
		EXPECT_EQ(0U, STAT(pages));
		ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
		EXPECT_EQ(0U, self->f.unit.install_errno);
	}
}

/* --- Questions --- */

/* In identity an answer takes pins; a wrong one would become a fault of the guest */
TEST_F(fail, translate)
{
	int rc;

	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	while (vtds_fail_next(&self->fail)) {
		ASSERT_EQ(0, release(&self->f.unit));
		FAILING(&self->fail,
			rc = vtds_answer(&self->f.unit, self->dev->sid,
					 self->page, self->page));
		EXPECT_TRUE(rc == PERM_RW ||
			    (self->fail.fired && rc == -ENOMEM))
		{
			TH_LOG("n %u: %d", self->fail.n, rc);
		}
		EXPECT_EQ(PERM_RW, vtds_answer(&self->f.unit, self->dev->sid,
					       self->page, self->page));
	}
	EXPECT_LT(2U, self->fail.nr_fired);
}

TEST_F(fail, get_info)
{
	struct vtd_shadow_reserved ranges[8];
	int rc;

	while (vtds_fail_next(&self->fail)) {
		struct vtd_shadow_get_info info = {
			.size = sizeof(info),
			.flags = VTD_SHADOW_INFO_DEVICE,
			.dev_id = self->dev->dev_id,
			.nr_reserved = 8,
			.reserved_uptr = (uintptr_t)ranges,
		};

		FAILING(&self->fail, rc = ioctl(self->f.unit.fd,
						VTD_SHADOW_GET_INFO, &info) ?
						  -errno :
						  0);
		EXPECT_CALL(rc);
	}
	EXPECT_LT(0U, self->fail.nr_fired);
}

TEST_F(fail, stats_and_events)
{
	struct vtd_shadow_get_stats stats;
	struct vtd_shadow_event events[8];
	int rc;

	while (vtds_fail_next(&self->fail)) {
		FAILING(&self->fail, rc = vtds_stats(&self->f.unit, &stats));
		EXPECT_EQ(0, rc);
	}
	vtds_fail_begin(&self->fail);
	while (vtds_fail_next(&self->fail)) {
		*vtds_entry(&self->f.table, IOVA_A, 1) = 1ULL << 51 | SS_RW;
		ASSERT_EQ(0, flush(&self->f));
		FAILING(&self->fail,
			rc = vtds_events(&self->f.unit, events, 8));
		EXPECT_TRUE(rc >= 0 || (self->fail.fired && rc == -ENOMEM));
	}
}

FAIL_TEST_MAIN
