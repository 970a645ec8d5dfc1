// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of device.c and domain.c: who is attached where, what several users of
 * one table share, and what is tried again after a failure of the host.
 */
#include <kunit/static_stub.h>
#include <linux/sizes.h>

#include "../flush.h"
#include "../guest_mem.h"
#include "../guest_segment.h"
#include "../unit.h"
#include "rig.h"

/*
 * Sharing
 */

static void device_shares(struct kunit *test)
{
	struct fake_host *host;

	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	rig_legacy_context(1, TABLE_A | 1);
	rig_add(0);
	host = rig_host_of(0, 0);
	KUNIT_EXPECT_TRUE(test, rig_maps(host, SZ_PAGE));
	fake_host_step(host);
	rig_add(1);
	KUNIT_EXPECT_PTR_EQ(test, rig_host_of(1, 0), host);
	/* One attach, no walk, nothing mapped anew */
	KUNIT_EXPECT_EQ(test, host->nr_calls, 0);
	rig_drop(0);
	KUNIT_EXPECT_TRUE(test, rig_maps(host, SZ_PAGE));
	rig_drop(1);
	KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 0);
	KUNIT_EXPECT_NULL(test, rig->hosts[0]);
}

/* A host IOMMU that refuses the domain gets one with the same contents. */
static void device_other_host(struct kunit *test)
{
	rig_make_table(TABLE_A, 1);
	for (unsigned int i = 0; i < 3; i++)
		rig_legacy_context(i, TABLE_A | 1);
	rig->devices[1].iommu = 1;
	rig->devices[2].iommu = 1;
	for (unsigned int i = 0; i < 3; i++)
		rig_add(i);
	KUNIT_EXPECT_PTR_NE(test, rig_host_of(0, 0), rig_host_of(1, 0));
	KUNIT_EXPECT_PTR_EQ(test, rig_host_of(1, 0), rig_host_of(2, 0));
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(1, 0), SZ_PAGE));

	/* Both follow */
	rig_make_table(TABLE_A, 2);
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_FALSE(test, rig_maps(rig_host_of(i, 0), SZ_PAGE));
		KUNIT_EXPECT_TRUE(test,
				  rig_maps(rig_host_of(i, 0), 2 * SZ_PAGE));
	}
}

/* What a host reserves is unmapped before its device joins. */
static void device_reserved(struct kunit *test)
{
	struct fake_host *host;

	/* A 2 MiB leaf */
	rig_make_table(TABLE_A, 1);
	*bench_entry(rig->b, TABLE_A + 2 * SZ_PAGE, 3) = DATA_GPA | 0x80 |
							 SS_RW;
	rig_legacy_context(0, TABLE_A | 1);
	rig_legacy_context(1, TABLE_A | 1);
	rig_add(0);
	host = rig_host_of(0, 0);
	KUNIT_EXPECT_TRUE(test, rig_maps(host, 3 * SZ_2M + 5 * SZ_PAGE));

	rig->devices[1].resv_first = 3 * SZ_2M + 5 * SZ_PAGE;
	rig->devices[1].resv_last = 3 * SZ_2M + 6 * SZ_PAGE - 1;
	rig_add(1);
	KUNIT_EXPECT_PTR_EQ(test, rig_host_of(1, 0), host);
	KUNIT_EXPECT_FALSE(test, rig_maps(host, 3 * SZ_2M + 5 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, rig_maps(host, 3 * SZ_2M + 4 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, rig_maps(host, 3 * SZ_2M + 6 * SZ_PAGE));
	/* And at once where it is the first */
	rig_drop(0);
	rig_drop(1);
	rig_add(1);
	KUNIT_EXPECT_FALSE(test, rig_maps(rig_host_of(1, 0),
					  3 * SZ_2M + 5 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(1, 0), 3 * SZ_2M));
	/* Each time the VMM was told of the leaf, of which a part is missing */
	for (unsigned int i = 0; i < 2; i++) {
		struct vtd_shadow_event event;

		KUNIT_ASSERT_TRUE(test, rig_next_event(&event));
		KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
		KUNIT_EXPECT_EQ(test, event.error, EADDRINUSE);
		KUNIT_EXPECT_EQ(test, event.iova, rig->devices[1].resv_first);
	}
	KUNIT_EXPECT_EQ(test, rig_flush_all(), EADDRINUSE);
	rig_no_more_events(test);
	KUNIT_EXPECT_FALSE(test, rig->b->unit->troubled);
}

/*
 * What the host may do later
 */

/* As while a device is being reset: nobody else will ask for it again. */
static void device_retries_attach(struct kunit *test)
{
	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	rig->devices[0].attach_error = -EBUSY;
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), BLOCKED);
	rig_expect_event(test, VTD_SHADOW_EVENT_INSTALL, EBUSY);
	KUNIT_EXPECT_TRUE(test, rig->b->unit->troubled);

	for (unsigned int i = 2; i < 5; i++) {
		rig_retry();
		KUNIT_EXPECT_EQ(test, rig->devices[0].nr_attaches, i);
		rig_no_more_events(test);
	}
	KUNIT_EXPECT_GE(test, rig->b->unit->retry_ms, 800);
	rig->devices[0].attach_error = 0;
	rig_retry();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 0), SZ_PAGE));
	rig_expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
	KUNIT_EXPECT_FALSE(test, rig->b->unit->troubled);
	KUNIT_EXPECT_EQ(test, rig->b->unit->stats.retries, 4);

	/* What will not pass is not tried */
	rig_drop(0);
	rig->devices[0].attach_error = -EINVAL;
	rig_add(0);
	rig_expect_event(test, VTD_SHADOW_EVENT_INSTALL, EINVAL);
	KUNIT_EXPECT_FALSE(test, rig->b->unit->troubled);
}

/* A host that cannot give access to the tables is no fault of the guest's. */
static void check_unreadable(struct kunit *test)
{
	struct fake_mem *mem = &rig->b->mem;

	mem->fail_in = 1;
	mem->fail_all = true;
	mem->error = -ENOMEM;
	rig_add(0);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), BLOCKED);
	rig_expect_event(test, VTD_SHADOW_EVENT_INSTALL, ENOMEM);
	KUNIT_EXPECT_EQ(test, rig_refresh(), ENOMEM);
	rig_no_more_events(test);

	mem->fail_in = 0;
	rig_retry();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	rig_expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
	rig_drop(0);
	/* A next time has pins of its own */
	vtds_mem_release_idle(&rig->b->unit->mem);
	vtds_unit_trim(rig->b->unit);
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, 0);
}

static void device_tables_unreadable(struct kunit *test)
{
	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	check_unreadable(test);
	rig_scalable_mode();
	rig_set_pasid(0, 0, 2, TABLE_A);
	check_unreadable(test);
}

/* A leaf that the host cannot pin, and the same again */
static void device_leaf_unpinned(struct kunit *test)
{
	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	rig_add(0);
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	vtds_mem_release_idle(&rig->b->unit->mem);
	vtds_unit_trim(rig->b->unit);

	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = DATA_GPA | SS_RW;
	rig->b->mem.fail_in = 1;
	rig->b->mem.fail_all = true;
	rig->b->mem.error = -ENOMEM;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), ENOMEM);
	rig_expect_event(test, VTD_SHADOW_EVENT_INSTALL, ENOMEM);
	rig_retry();
	rig_no_more_events(test);
	KUNIT_EXPECT_FALSE(test, rig_maps(rig_host_of(0, 0), SZ_PAGE));
	rig->b->mem.fail_in = 0;
	rig_retry();
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 0), SZ_PAGE));
	rig_expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
}

/* Nothing can be kept of memory that was not known before */
static struct vtds_chunk *no_place(struct vtds_guest_mem *mem, u64 gpa)
{
	struct kunit *test = kunit_get_current_test();

	rig->nr_places++;
	KUNIT_EXPECT_GE(test, gpa, SZ_1G);
	return NULL;
}

/*
 * Contexts of two devices are in memory for which there is no place. Each is tried once in
 * a call, whatever the other one lacks, and what a third one has stays.
 */
static void device_no_memory_for_contexts(struct kunit *test)
{
	u64 *root = bench_entry(rig->b, ROOT_GPA, 0);

	rig_make_table(TABLE_A, 1);
	for (unsigned int i = 0; i < 3; i++) {
		rig_legacy_context(i, TABLE_A | 1);
		rig_add(i);
	}
	root[2] += SZ_1G;
	root[4] += 2ULL * SZ_1G;
	kunit_activate_static_stub(test, vtds_segment_make, no_place);
	KUNIT_EXPECT_EQ(test, rig_refresh(), ENOMEM);
	KUNIT_EXPECT_EQ(test, rig->nr_places, 2);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(1, 0), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(2, 0), SHADOW);

	/* For a domain-id that no context has, contexts are looked at, too */
	rig->nr_places = 0;
	rig_flush_did(77);
	KUNIT_EXPECT_EQ(test, rig->nr_places, 2);

	kunit_deactivate_static_stub(test, vtds_segment_make);
	root[2] -= SZ_1G;
	root[4] -= 2ULL * SZ_1G;
	rig_retry();
	for (unsigned int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, rig_attached(i, 0), SHADOW);
}

static struct kunit_case device_cases[] = {
	KUNIT_CASE(device_shares),
	KUNIT_CASE(device_other_host),
	KUNIT_CASE(device_reserved),
	KUNIT_CASE(device_retries_attach),
	KUNIT_CASE(device_leaf_unpinned),
	KUNIT_CASE(device_tables_unreadable),
	KUNIT_CASE(device_no_memory_for_contexts),
	{},
};

static struct kunit_suite device_suite = {
	.name = "vtd_shadow_device",
	.init = rig_init,
	.exit = rig_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = device_cases,
};

kunit_test_suite(device_suite);
