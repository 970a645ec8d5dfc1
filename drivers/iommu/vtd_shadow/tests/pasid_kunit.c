// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of pasid.c: which PASIDs of a device are attached, where, and when
 * they leave.
 */
#include "../bound.h"
#include "../domain.h"
#include "../guest_ctx.h"
#include "../main.h"
#include "../pasid.h"
#include "../unit.h"
#include "rig.h"

static void pasid_follows_entries(struct kunit *test)
{
	rig_two_tables();
	rig_set_pasid(0, 70, 4, 0);
	rig_set_pasid(0, 71, 2, TABLE_A);
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 5), 2 * SZ_PAGE));
	KUNIT_EXPECT_EQ(test, rig_attached(0, 70), IDENTITY);
	/* A table is shared with requests without PASID */
	KUNIT_EXPECT_PTR_EQ(test, rig_host_of(0, 71), rig_host_of(0, 0));
	KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 4);

	/* Present cleared, another table, another type */
	rig_pasid_entry(0, 70)[0] &= ~1ULL;
	rig_set_pasid(0, 71, 2, TABLE_B);
	rig_set_pasid(0, 5, 4, 0);
	KUNIT_EXPECT_EQ(test, rig_refresh(), 0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 70), BLOCKED);
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 71), 2 * SZ_PAGE));
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), IDENTITY);
	rig_no_more_events(test);

	/* The directory entry goes, and with it all of its table */
	*bench_entry(rig->b, 0x20000, 1) = 0;
	rig_refresh();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 71), BLOCKED);
	rig->b->unit->te = false;
	rig_refresh();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), IDENTITY);
	KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 1);
}

static void pasid_invalid(struct kunit *test)
{
	struct vtd_shadow_event event;

	rig_make_table(TABLE_A, 1);
	rig_scalable_mode();
	rig->devices[0].pasids = true;
	rig_set_pasid(0, 0, 2, TABLE_A);
	rig_set_pasid(0, 9, 2, TABLE_A);
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 9), SHADOW);
	rig_no_more_events(test);

	/* First stage and nested: never the old shadow */
	for (unsigned int pgtt = 1; pgtt <= 3; pgtt += 2) {
		rig_set_pasid(0, 9, pgtt, TABLE_A);
		rig_refresh();
		KUNIT_EXPECT_EQ(test, rig_attached(0, 9), BLOCKED);
		KUNIT_ASSERT_TRUE(test, rig_next_event(&event));
		KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_FAULT);
		KUNIT_EXPECT_EQ(test, event.reason, REASON_PASID_INVALID);
		KUNIT_EXPECT_EQ(test, event.pasid, 9);
		KUNIT_EXPECT_EQ(test, event.source_id, rig_sid_of(0));
		rig_refresh();
		rig_no_more_events(test);
	}
	rig_set_pasid(0, 9, 2, TABLE_A);
	rig_refresh();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 9), SHADOW);
}

/* Where requests of a device with a PASID are attached, and what its entry says. */
static unsigned int look_up(unsigned int i, u32 pasid,
			    struct vtds_guest_ctx *ctx)
{
	struct vtds_domain *domain;

	guard(vtds_lock)(&rig->b->unit->lock);
	return vtds_pasid_lookup(rig->devices[i].dev, pasid, ctx, &domain);
}

/* Host or device have no PASIDs: an event, once, and requests are refused. */
static void pasid_unsupported(struct kunit *test)
{
	struct vtd_shadow_event event;
	struct vtds_guest_ctx ctx;

	rig_make_table(TABLE_A, 1);
	rig_scalable_mode();
	rig_set_pasid(0, 0, 2, TABLE_A);
	rig_set_pasid(0, 6, 2, TABLE_A);
	rig_set_pasid(0, 7, 4, 0);
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	for (u32 pasid = 6; pasid <= 7; pasid++) {
		KUNIT_EXPECT_EQ(test, rig_attached(0, pasid), BLOCKED);
		KUNIT_ASSERT_TRUE(test, rig_next_event(&event));
		KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
		KUNIT_EXPECT_EQ(test, event.error, EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, event.pasid, pasid);
	}
	KUNIT_EXPECT_EQ(test, rig_refresh(), EOPNOTSUPP);
	rig_no_more_events(test);
	KUNIT_EXPECT_EQ(test, look_up(0, 6, &ctx), BLOCKED);
	KUNIT_EXPECT_EQ(test, look_up(0, 8, &ctx), BLOCKED);
	KUNIT_EXPECT_EQ(test, ctx.reason, REASON_PASID_NOT_PRESENT);
}

/* Without ECAP.PASID the entries of other PASIDs are none of ours. */
static void pasid_capability(struct kunit *test)
{
	rig_scalable_mode();
	rig->devices[0].pasids = true;
	rig_set_pasid(0, 0, 4, 0);
	rig_set_pasid(0, 63, 4, 0);
	rig_set_pasid(0, 64, 4, 0);
	rig->b->unit->caps.pasid_bits = 0;
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 1);
	/* PASIDs of 6 bits */
	rig->b->unit->caps.pasid_bits = 6;
	rig_refresh();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 63), IDENTITY);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 64), BLOCKED);
	rig->b->unit->caps.pasid_bits = 20;
	rig_refresh();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 64), IDENTITY);
	/* With RPS another entry is that of requests without PASID */
	rig->b->unit->caps.rid_pasid = true;
	bench_entry(rig->b, 0x10000, 0)[1] = 64;
	rig_refresh();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 64), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 63), IDENTITY);
}

/* Puts device 1 into the host group of device 0. */
static void share_group(void)
{
	struct vtds_bound *bound = &rig->devices[1].bound;

	iommu_group_put(bound->iommu_group);
	bound->iommu_group =
		iommu_group_ref_get(rig->devices[0].bound.iommu_group);
}

static void expect_refused(struct kunit *test, unsigned int i, u32 pasid)
{
	struct vtd_shadow_event event;

	KUNIT_EXPECT_EQ(test, rig_attached(i, pasid), BLOCKED);
	KUNIT_ASSERT_TRUE(test, rig_next_event(&event));
	KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
	KUNIT_EXPECT_EQ(test, event.error, EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, event.source_id, rig_sid_of(i));
	KUNIT_EXPECT_EQ(test, event.pasid, pasid);
}

/*
 * The host would attach a PASID for all of a group. So they go when a second device comes,
 * whatever its entries say, and come back when one of the two leaves.
 */
static void pasid_shared_group(struct kunit *test)
{
	struct vtds_guest_ctx ctx;

	rig_two_tables();
	rig_set_pasid(0, 6, 4, 0);
	rig_set_pasid(1, 0, 2, TABLE_A);
	rig_set_pasid(1, 5, 2, TABLE_B);
	rig->devices[1].pasids = true;
	share_group();
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), SHADOW);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 6), IDENTITY);

	rig_add(1);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	expect_refused(test, 0, 5);
	expect_refused(test, 0, 6);
	expect_refused(test, 1, 5);
	rig_no_more_events(test);
	KUNIT_EXPECT_EQ(test, look_up(0, 5, &ctx), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_refresh(), EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), BLOCKED);
	rig_no_more_events(test);

	rig_drop(0);
	KUNIT_EXPECT_EQ(test, rig_attached(1, 5), SHADOW);
	KUNIT_EXPECT_EQ(test, rig_refresh(), 0);
	rig_no_more_events(test);
}

/* Nor does the host keep source-ids apart. */
static void pasid_several_source_ids(struct kunit *test)
{
	rig_two_tables();
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), SHADOW);
	rig_drop(0);

	rig_set_pasid(1, 0, 2, TABLE_A);
	rig_add_with(0, 2);
	KUNIT_EXPECT_EQ(test, rig->devices[0].dev->sources[1].sid,
			rig_sid_of(1));
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	expect_refused(test, 0, 5);
	rig_no_more_events(test);
}

/* The context entry permits requests with PASID, or does not. */
static void pasid_enable(struct kunit *test)
{
	u64 *context;

	rig_two_tables();
	context = bench_entry(rig->b, 0x10000, 0);
	*context &= ~8ULL;
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), BLOCKED);
	*context |= 8;
	KUNIT_EXPECT_EQ(test, rig_refresh(), 0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), SHADOW);
	*context &= ~8ULL;
	KUNIT_EXPECT_EQ(test, rig_refresh(), 0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	rig_no_more_events(test);
}

/* The operator's limit: an event, once until a PASID leaves, and room for another then */
static void pasid_limit(struct kunit *test)
{
	struct vtd_shadow_event event;
	unsigned int limit = vtds_max_pasids;

	rig_two_tables();
	vtds_max_pasids = 2;
	for (u32 pasid = 6; pasid < 9; pasid++)
		rig_set_pasid(0, pasid, 2, TABLE_B);
	rig_add(0);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, rig_refresh(), ENOSPC);
		KUNIT_EXPECT_EQ(test, rig_attached(0, 6), SHADOW);
		KUNIT_EXPECT_EQ(test, rig_attached(0, 7), BLOCKED);
	}
	KUNIT_ASSERT_TRUE(test, rig_next_event(&event));
	KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
	KUNIT_EXPECT_EQ(test, event.error, ENOSPC);
	KUNIT_EXPECT_EQ(test, event.source_id, rig_sid_of(0));
	KUNIT_EXPECT_EQ(test, event.pasid, 7);
	rig_no_more_events(test);

	/* One leaves, and another one is in its place with the same call */
	rig_pasid_entry(0, 5)[0] = 0;
	rig_pasid_entry(0, 8)[0] = 0;
	KUNIT_EXPECT_EQ(test, rig_refresh(), 0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 7), SHADOW);
	rig_no_more_events(test);
	/* The table of requests without PASID is no matter of this limit */
	vtds_max_pasids = 0;
	rig_drop(0);
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 6), BLOCKED);
	vtds_max_pasids = limit;
}

/* A host domain that did not do as asked is taken from PASIDs, too. */
static void pasid_broken_domain(struct kunit *test)
{
	rig_two_tables();
	rig_set_pasid(0, 6, 2, TABLE_B);
	rig_add(0);
	rig_host_of(0, 5)->short_in = 1;
	*bench_entry(rig->b, TABLE_B + 3 * SZ_PAGE, 2) = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), EIO);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 6), BLOCKED);
	/* The next chance is a domain that works */
	rig_make_table(TABLE_B, 3);
	KUNIT_EXPECT_EQ(test, rig_refresh(), 0);
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 5), 3 * SZ_PAGE));
	KUNIT_EXPECT_PTR_EQ(test, rig_host_of(0, 5), rig_host_of(0, 6));
}

/* The domain-id changed in place; only the IOTLB is told, by the new one. */
static void pasid_did_in_memory(struct kunit *test)
{
	rig_two_tables();
	rig_add(0);

	rig_pasid_entry(0, 5)[1] = 9;
	*bench_entry(rig->b, TABLE_B + 3 * SZ_PAGE, 2) = 0;
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_did(8), 0);
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 5), 2 * SZ_PAGE));
	KUNIT_EXPECT_EQ(test, rig_flush_did(9), 0);
	KUNIT_EXPECT_FALSE(test, rig_maps(rig_host_of(0, 5), 2 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 0), SZ_PAGE));
}

/*
 * A domain-id that no entry has: the entries of PASIDs that are known may have it now, and no
 * others are read. A guest can ask so often, and has room for a million of them.
 */
static void pasid_did_unknown(struct kunit *test)
{
	u64 *dir = bench_entry(rig->b, 0x20000, 0);
	unsigned long calls;

	rig_two_tables();
	rig_add(0);
	/* In memory that is not there, so that reading it asks for it each time */
	dir[100] = SZ_1G | 1;
	rig->b->mem.calls = 0;
	rig_flush_did(77);
	KUNIT_EXPECT_EQ(test, rig->b->mem.calls, 0);
	rig_refresh();
	calls = rig->b->mem.calls;
	KUNIT_EXPECT_GT(test, calls, 0);
	rig_flush_did(77);
	KUNIT_EXPECT_EQ(test, rig->b->mem.calls, calls);

	/* Known ones are pinned again if they have to be */
	rig_pasid_entry(0, 5)[1] = 9;
	*bench_entry(rig->b, TABLE_B + 3 * SZ_PAGE, 2) = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_did(9), 0);
	KUNIT_EXPECT_FALSE(test, rig_maps(rig_host_of(0, 5), 2 * SZ_PAGE));
}

static struct kunit_case pasid_cases[] = {
	KUNIT_CASE(pasid_follows_entries), KUNIT_CASE(pasid_invalid),
	KUNIT_CASE(pasid_unsupported),	   KUNIT_CASE(pasid_capability),
	KUNIT_CASE(pasid_broken_domain),   KUNIT_CASE(pasid_did_in_memory),
	KUNIT_CASE(pasid_did_unknown),	   KUNIT_CASE(pasid_shared_group),
	KUNIT_CASE(pasid_enable),	   KUNIT_CASE(pasid_several_source_ids),
	KUNIT_CASE(pasid_limit),	   {},
};

static struct kunit_suite pasid_suite = {
	.name = "vtd_shadow_pasid",
	.init = rig_init,
	.exit = rig_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = pasid_cases,
};

kunit_test_suite(pasid_suite);
