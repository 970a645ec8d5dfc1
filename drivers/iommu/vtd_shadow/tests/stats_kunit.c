// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of stats.c and show_map.c: after activity that is known, each number is
 * exactly what it has to be, and the ranges that are shown are those that are mapped.
 */
#include <linux/sizes.h>

#include "../flush.h"
#include "../guest_mem.h"
#include "../show_map.h"
#include "../stats.h"
#include "../unit.h"
#include "rig.h"

static struct vtd_shadow_get_stats of_unit(void)
{
	struct vtd_shadow_get_stats stats = {};

	guard(vtds_lock)(&rig->b->unit->lock);
	vtds_stats_of_unit(rig->b->unit, &stats);
	return stats;
}

/* Of the domain that GET_DOMAIN_STATS finds from @id on; users is 0 if there is none. */
static struct vtd_shadow_get_domain_stats of_domain(u64 id)
{
	struct vtd_shadow_get_domain_stats stats = { .id = id };

	guard(vtds_lock)(&rig->b->unit->lock);
	if (vtds_get_domain_stats(rig->b->unit, &stats))
		stats.users = 0;
	return stats;
}

static struct vtd_shadow_get_device_stats of_device(unsigned int i)
{
	struct vtd_shadow_get_device_stats stats = {};

	guard(vtds_lock)(&rig->b->unit->lock);
	vtds_stats_of_device(rig->devices[i].dev, &stats);
	return stats;
}

/* Two devices on a table of two leaves, one on another table of one leaf */
static void two_domains(void)
{
	rig_make_table(TABLE_A, 1);
	rig_make_table(TABLE_A, 2);
	rig_make_table(TABLE_B, 7);
	rig_legacy_context(0, TABLE_A | 1);
	rig_legacy_context(1, TABLE_A | 1);
	rig_legacy_context(2, TABLE_B | 1);
	for (unsigned int i = 0; i < 3; i++)
		rig_add(i);
}

/* Each domain has its own numbers. */
static void stats_domains(struct kunit *test)
{
	struct vtd_shadow_get_domain_stats a, b;

	KUNIT_EXPECT_EQ(test, of_domain(0).users, 0);
	two_domains();
	a = of_domain(0);
	b = of_domain(a.id + 1);
	KUNIT_EXPECT_EQ(test, a.id, 1);
	KUNIT_EXPECT_EQ(test, b.id, 2);
	KUNIT_EXPECT_EQ(test, of_domain(b.id + 1).users, 0);
	KUNIT_EXPECT_EQ(test, a.root, TABLE_A);
	KUNIT_EXPECT_EQ(test, a.levels, 4);
	KUNIT_EXPECT_EQ(test, a.users, 2);
	KUNIT_EXPECT_EQ(test, a.nodes, 4);
	KUNIT_EXPECT_EQ(test, a.pages, 2);
	KUNIT_EXPECT_EQ(test, a.leaves_mapped, 2);
	/* One was looked at twice: the memory that it leads to was pinned in between */
	KUNIT_EXPECT_EQ(test, a.entries_changed, 5 + 1);
	KUNIT_EXPECT_EQ(test, a.leaves_unmapped, 0);
	KUNIT_EXPECT_EQ(test, a.install_failures, 0);
	KUNIT_EXPECT_EQ(test, b.root, TABLE_B);
	KUNIT_EXPECT_EQ(test, b.users, 1);
	KUNIT_EXPECT_EQ(test, b.pages, 1);
	KUNIT_EXPECT_EQ(test, b.leaves_mapped, 1);
	KUNIT_EXPECT_EQ(test, b.entries_changed, 4);
}

/* A leaf of one domain goes, and nothing of the other. */
static void stats_domain_apart(struct kunit *test)
{
	struct vtd_shadow_get_domain_stats a;

	two_domains();
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 2) = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	a = of_domain(1);
	KUNIT_EXPECT_EQ(test, a.pages, 1);
	KUNIT_EXPECT_EQ(test, a.leaves_unmapped, 1);
	KUNIT_EXPECT_EQ(test, a.host_unmaps, 1);
	KUNIT_EXPECT_EQ(test, a.iotlb_syncs, 1);
	KUNIT_EXPECT_EQ(test, of_domain(2).leaves_unmapped, 0);
	KUNIT_EXPECT_EQ(test, of_domain(2).iotlb_syncs, 0);
	KUNIT_EXPECT_EQ(test, of_unit().pages, 2);
	KUNIT_EXPECT_EQ(test, of_unit().syncs, a.syncs + of_domain(2).syncs);
}

/* What a domain did stays in the sum when it ends. */
static void stats_domain_ends(struct kunit *test)
{
	struct vtd_shadow_get_stats unit;

	two_domains();
	unit = of_unit();
	KUNIT_EXPECT_EQ(test, unit.domains, 2);
	KUNIT_EXPECT_EQ(test, unit.nodes, 8);
	KUNIT_EXPECT_EQ(test, unit.pages, 3);
	KUNIT_EXPECT_EQ(test, unit.leaves_mapped, 3);
	rig_drop(2);
	KUNIT_EXPECT_EQ(test, of_domain(2).users, 0);
	unit = of_unit();
	KUNIT_EXPECT_EQ(test, unit.domains, 1);
	KUNIT_EXPECT_EQ(test, unit.nodes, 4);
	KUNIT_EXPECT_EQ(test, unit.pages, 2);
	KUNIT_EXPECT_EQ(test, unit.leaves_mapped, 3);
	KUNIT_EXPECT_EQ(test, unit.leaves_unmapped, 1);
	KUNIT_EXPECT_EQ(test, unit.attaches, 3);
	KUNIT_EXPECT_EQ(test, unit.install_failures, 0);

	/* Its number is not used again */
	rig_add(2);
	KUNIT_EXPECT_EQ(test, of_domain(2).id, 3);
}

/* Where a device is, and why */
static void stats_devices(struct kunit *test)
{
	struct vtd_shadow_get_device_stats stats;

	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	rig->devices[0].attach_error = -EBUSY;
	rig_add(0);
	stats = of_device(0);
	KUNIT_EXPECT_EQ(test, stats.attachment, BLOCKED);
	KUNIT_EXPECT_EQ(test, stats.error, EBUSY);
	KUNIT_EXPECT_EQ(test, stats.attaches, 1);
	KUNIT_EXPECT_EQ(test, stats.attach_failures, 1);
	KUNIT_EXPECT_EQ(test, of_unit().install_failures, 1);
	KUNIT_EXPECT_EQ(test, of_unit().events, 1);
	rig_expect_event(test, VTD_SHADOW_EVENT_INSTALL, EBUSY);

	rig->devices[0].attach_error = 0;
	rig_retry();
	rig_expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
	stats = of_device(0);
	KUNIT_EXPECT_EQ(test, stats.attachment, SHADOW);
	KUNIT_EXPECT_EQ(test, stats.error, 0);
	KUNIT_EXPECT_EQ(test, stats.domain_id, 1);
	KUNIT_EXPECT_EQ(test, stats.shadow_id, of_domain(0).id);
	KUNIT_EXPECT_EQ(test, stats.source_ids, 1);
	KUNIT_EXPECT_EQ(test, stats.group_devices, 1);
	KUNIT_EXPECT_EQ(test, stats.attaches, 2);
	KUNIT_EXPECT_EQ(test, stats.attach_failures, 1);
	KUNIT_EXPECT_EQ(test, of_unit().events, 2);
	KUNIT_EXPECT_EQ(test, of_unit().retries, 1);
}

/* An entry that is not present, and two that do not agree */
static void stats_reasons(struct kunit *test)
{
	struct vtd_shadow_get_device_stats stats;

	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, 0);
	rig_add(0);
	stats = of_device(0);
	KUNIT_EXPECT_EQ(test, stats.attachment, BLOCKED);
	KUNIT_EXPECT_EQ(test, stats.fault_reason,
			VTD_SHADOW_FR_CTX_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, stats.shadow_id, 0);
	KUNIT_EXPECT_EQ(test, stats.conditions, 0);
	rig_drop(0);
	rig_legacy_context(0, TABLE_A | 1);
	rig_legacy_context(1, 0);
	rig_add_with(0, 2);
	stats = of_device(0);
	KUNIT_EXPECT_EQ(test, stats.attachment, BLOCKED);
	KUNIT_EXPECT_EQ(test, stats.conditions, VTD_SHADOW_DEVICE_CONFLICT);
	KUNIT_EXPECT_EQ(test, stats.source_ids, 2);
}

/* Of PASIDs a device has three, and two of them can be attached. */
static void stats_pasids(struct kunit *test)
{
	struct vtd_shadow_get_device_stats stats;

	rig_make_table(TABLE_A, 1);
	rig_scalable_mode();
	rig->devices[0].pasids = true;
	rig_set_pasid(0, 0, 2, TABLE_A);
	rig_set_pasid(0, 5, 2, TABLE_A);
	rig_set_pasid(0, 70, 4, 0);
	rig_add(0);
	stats = of_device(0);
	KUNIT_EXPECT_EQ(test, stats.pasids, 2);
	KUNIT_EXPECT_EQ(test, stats.pasids_attached, 2);
	KUNIT_EXPECT_EQ(test, stats.attaches, 3);
	KUNIT_EXPECT_EQ(test, of_domain(0).users, 2);
}

/* Pages that were pinned, and are not any more */
static void stats_pins(struct kunit *test)
{
	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	rig_add(0);
	KUNIT_EXPECT_EQ(test, of_unit().pinned_pages, rig->b->mem.nr_pinned);
	KUNIT_EXPECT_EQ(test, of_unit().pages_pinned, rig->b->mem.nr_pinned);
	rig_drop(0);
	vtds_mem_release_idle(&rig->b->unit->mem);
	vtds_unit_trim(rig->b->unit);
	KUNIT_EXPECT_EQ(test, of_unit().pinned_pages, 0);
	KUNIT_EXPECT_GT(test, of_unit().pages_pinned, 0);
}

/* --- What is mapped --- */

static void expect_range(struct vtds_show_map *map, u64 domain, u64 first,
			 u64 size, u64 gpa, unsigned int perm)
{
	struct kunit *test = rig->b->test;

	KUNIT_ASSERT_EQ(test, vtds_show_map_next(map), 0);
	KUNIT_EXPECT_EQ(test, map->range.domain, domain);
	KUNIT_EXPECT_EQ(test, map->range.first, first);
	KUNIT_EXPECT_EQ(test, map->range.last, first + size - 1);
	KUNIT_EXPECT_EQ(test, map->range.gpa, gpa);
	KUNIT_EXPECT_EQ(test, map->range.perm, perm);
}

/* Neighbours are one range if memory, domain and permissions go on, across tables. */
static void show_map_ranges(struct kunit *test)
{
	struct vtds_show_map map = { .unit = rig->b->unit };
	u64 *leaves, *middle;

	rig_make_table(TABLE_A, 1);
	leaves = bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 0);
	middle = bench_entry(rig->b, TABLE_A + 2 * SZ_PAGE, 0);
	/* Three that go on, one that does not, one with less permissions, one at the end */
	leaves[2] = (DATA_GPA + 2 * SZ_PAGE) | SS_RW;
	leaves[3] = (DATA_GPA + 3 * SZ_PAGE) | SS_RW;
	leaves[4] = (DATA_GPA + 3 * SZ_PAGE) | SS_RW;
	leaves[5] = (DATA_GPA + 4 * SZ_PAGE) | SS_R;
	leaves[511] = (DATA_GPA + 10 * SZ_PAGE) | SS_RW;
	/* It goes on in the next table, and a page of 2 MiB is by itself */
	middle[1] = (TABLE_A + 4 * SZ_PAGE) | SS_RW;
	*bench_entry(rig->b, TABLE_A + 4 * SZ_PAGE, 0) =
		(DATA_GPA + 11 * SZ_PAGE) | SS_RW;
	middle[2] = DATA_GPA | 0x80 | SS_RW;
	/* A table behind a gap */
	middle[7] = (TABLE_A + 5 * SZ_PAGE) | SS_RW;
	*bench_entry(rig->b, TABLE_A + 5 * SZ_PAGE, 1) =
		(DATA_GPA + 12 * SZ_PAGE) | SS_R;
	rig_make_table(TABLE_B, 9);
	rig_legacy_context(0, TABLE_A | 1);
	rig_legacy_context(1, TABLE_B | 1);
	rig_add(0);
	rig_add(1);

	expect_range(&map, 1, SZ_PAGE, 3 * SZ_PAGE, DATA_GPA + 1 * SZ_PAGE,
		     SS_RW);
	expect_range(&map, 1, 4 * SZ_PAGE, SZ_PAGE, DATA_GPA + 3 * SZ_PAGE,
		     SS_RW);
	expect_range(&map, 1, 5 * SZ_PAGE, SZ_PAGE, DATA_GPA + 4 * SZ_PAGE,
		     SS_R);
	expect_range(&map, 1, SZ_2M - SZ_PAGE, 2 * SZ_PAGE,
		     DATA_GPA + 10 * SZ_PAGE, SS_RW);
	expect_range(&map, 1, 2 * SZ_2M, SZ_2M, DATA_GPA, SS_RW);
	expect_range(&map, 1, 7 * SZ_2M + SZ_PAGE, SZ_PAGE,
		     DATA_GPA + 12 * SZ_PAGE, SS_R);
	expect_range(&map, 2, 9 * SZ_PAGE, SZ_PAGE, DATA_GPA + 9 * SZ_PAGE,
		     SS_RW);
	KUNIT_EXPECT_EQ(test, vtds_show_map_next(&map), 1);
}

/* However little is looked at in one go, the same is found. */
static void show_map_in_parts(struct kunit *test)
{
	struct vtds_domain *domain;
	struct vtds_mapped leaf;
	u64 *leaves;

	rig_make_table(TABLE_A, 1);
	leaves = bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 0);
	for (unsigned int i = 0; i < 512; i += 3)
		leaves[i] = (DATA_GPA + i * SZ_PAGE) | SS_RW;
	rig_legacy_context(0, TABLE_A | 1);
	rig_add(0);
	domain = list_first_entry(&rig->b->unit->domains, struct vtds_domain,
				  entry);
	guard(vtds_lock)(&rig->b->unit->lock);
	for (unsigned int step = 1; step < 1030; step = step * 2 + 1) {
		unsigned int work, nr = 0;
		u64 iova = 0;

		do {
			work = step;
			while (vtds_mapped_next(domain, &iova, &work, &leaf))
				nr++;
		} while (!work);
		KUNIT_EXPECT_EQ(test, nr, domain->nr_pages);
	}
}

/* A domain that ends, and one that begins, while somebody reads */
static void show_map_changes(struct kunit *test)
{
	struct vtds_show_map map = { .unit = rig->b->unit };

	rig_make_table(TABLE_A, 1);
	rig_make_table(TABLE_A, 3);
	rig_make_table(TABLE_B, 9);
	rig_legacy_context(0, TABLE_A | 1);
	rig_legacy_context(1, TABLE_B | 1);
	rig_add(0);
	expect_range(&map, 1, SZ_PAGE, SZ_PAGE, DATA_GPA + 1 * SZ_PAGE, SS_RW);
	rig_add(1);
	rig_drop(0);
	expect_range(&map, 2, 9 * SZ_PAGE, SZ_PAGE, DATA_GPA + 9 * SZ_PAGE,
		     SS_RW);
	rig_drop(1);
	KUNIT_EXPECT_EQ(test, vtds_show_map_next(&map), 1);
	KUNIT_EXPECT_EQ(test, vtds_show_map_next(&map), 1);
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(stats_domains),
	KUNIT_CASE(stats_domain_apart),
	KUNIT_CASE(stats_domain_ends),
	KUNIT_CASE(stats_devices),
	KUNIT_CASE(stats_reasons),
	KUNIT_CASE(stats_pasids),
	KUNIT_CASE(stats_pins),
	KUNIT_CASE(show_map_ranges),
	KUNIT_CASE(show_map_in_parts),
	KUNIT_CASE(show_map_changes),
	{},
};

static struct kunit_suite stats_suite = {
	.name = "vtd_shadow_stats",
	.init = rig_init,
	.exit = rig_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = stats_cases,
};

kunit_test_suite(stats_suite);
