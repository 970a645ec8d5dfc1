// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls with statistics, after activity that is known: each number is exactly what it
 * has to be. What others see of them is in watch_test.c.
 */
#include <errno.h>

#include "stat_fixture.h"

static __u64 more(const void *before, const void *after, size_t offset)
{
	return *(const __u64 *)((const char *)after + offset) -
	       *(const __u64 *)((const char *)before + offset);
}

#define EXPECT_MORE(_by, _struct, _field) \
	EXPECT_EQ((__u64)(_by),           \
		  more(&before, &after, offsetof(struct _struct, _field)))

TEST_F(stat, unit_is_exact)
{
	struct vtd_shadow_get_stats before, after;

	ASSERT_EQ(0, vtds_stats(&self->f.unit, &before));
	ASSERT_EQ(0, do_something(&self->f, self->page));
	ASSERT_EQ(0, vtds_stats(&self->f.unit, &after));
	EXPECT_MORE(NR_LEAVES + NR_GONE, vtd_shadow_get_stats, descriptors);
	EXPECT_MORE(NR_LEAVES + NR_GONE, vtd_shadow_get_stats, syncs);
	EXPECT_MORE(NR_LEAVES + NR_GONE, vtd_shadow_get_stats, entries_changed);
	EXPECT_MORE(NR_LEAVES, vtd_shadow_get_stats, leaves_mapped);
	EXPECT_MORE(NR_GONE, vtd_shadow_get_stats, leaves_unmapped);
	EXPECT_MORE(NR_LEAVES, vtd_shadow_get_stats, host_maps);
	EXPECT_MORE(NR_GONE, vtd_shadow_get_stats, host_unmaps);
	EXPECT_MORE(NR_GONE, vtd_shadow_get_stats, iotlb_syncs);
	EXPECT_MORE(NR_LEAVES - NR_GONE, vtd_shadow_get_stats, pages);
	EXPECT_MORE(0, vtd_shadow_get_stats, nodes);
	EXPECT_MORE(0, vtd_shadow_get_stats, attaches);
	EXPECT_MORE(0, vtd_shadow_get_stats, install_failures);
	EXPECT_MORE(0, vtd_shadow_get_stats, pages_pinned);
	EXPECT_MORE(0, vtd_shadow_get_stats, early_returns);
	EXPECT_MORE(0, vtd_shadow_get_stats, events);
	EXPECT_EQ(2ULL, after.devices);
	EXPECT_EQ(1ULL, after.domains);
}

TEST_F(stat, domain_is_exact)
{
	struct vtd_shadow_get_domain_stats before = of_domain(&self->f.unit, 0);
	struct vtd_shadow_get_domain_stats after;
	struct vtd_shadow_get_stats unit;

	ASSERT_EQ(2U, before.users);
	ASSERT_EQ(0, do_something(&self->f, self->page));
	after = of_domain(&self->f.unit, before.id);
	EXPECT_MORE(NR_LEAVES + NR_GONE, vtd_shadow_get_domain_stats, syncs);
	EXPECT_MORE(NR_LEAVES + NR_GONE, vtd_shadow_get_domain_stats,
		    entries_changed);
	EXPECT_MORE(NR_LEAVES, vtd_shadow_get_domain_stats, leaves_mapped);
	EXPECT_MORE(NR_GONE, vtd_shadow_get_domain_stats, leaves_unmapped);
	EXPECT_MORE(NR_GONE, vtd_shadow_get_domain_stats, iotlb_syncs);
	EXPECT_MORE(NR_LEAVES - NR_GONE, vtd_shadow_get_domain_stats, pages);
	EXPECT_EQ(self->f.table.root, after.root);
	EXPECT_EQ(4U, after.levels);

	/* The only domain so far: all that the unit counts is its own */
	ASSERT_EQ(0, vtds_stats(&self->f.unit, &unit));
	EXPECT_EQ(unit.nodes, after.nodes);
	EXPECT_EQ(unit.pages, after.pages);
	EXPECT_EQ(unit.syncs, after.syncs);
	EXPECT_EQ(unit.leaves_mapped, after.leaves_mapped);
	EXPECT_EQ(unit.host_maps, after.host_maps);
	EXPECT_EQ(0U, of_domain(&self->f.unit, after.id + 1).users);

	/* It ends, and its numbers stay; the next one has another number */
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_EQ(0U, of_domain(&self->f.unit, 0).users);
	EXPECT_EQ(after.leaves_mapped, STAT(leaves_mapped));
	EXPECT_EQ(after.leaves_unmapped + after.pages, STAT(leaves_unmapped));
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_EQ(after.id + 1, of_domain(&self->f.unit, 0).id);
}

TEST_F(stat, device_says_why)
{
	struct vtds_dev *dev = &self->f.dev[0];
	__u64 *ctx = vtds_ctx_entry(&self->f.guest, dev->sid);
	struct vtd_shadow_get_device_stats stats =
		of_device(&self->f.unit, dev);
	__u64 attaches = stats.attaches, events = STAT(events);

	EXPECT_EQ((__u32)VTD_SHADOW_ATTACHED_SHADOW, stats.attachment);
	EXPECT_EQ((__u32)TABLE_DID, stats.domain_id);
	EXPECT_EQ(of_domain(&self->f.unit, 0).id, stats.shadow_id);
	EXPECT_EQ(1U, stats.source_ids);
	EXPECT_EQ(1U, stats.group_devices);
	EXPECT_EQ(0U, stats.fault_reason | stats.error | stats.conditions);

	ctx[0] &= ~CTX_P;
	FLUSH(cc_device(dev->sid));
	stats = of_device(&self->f.unit, dev);
	EXPECT_EQ((__u32)VTD_SHADOW_ATTACHED_BLOCKED, stats.attachment);
	EXPECT_EQ((__u32)VTD_SHADOW_FR_CTX_NOT_PRESENT, stats.fault_reason);
	EXPECT_EQ(0ULL, stats.shadow_id);
	EXPECT_EQ(attaches + 1, stats.attaches);
	EXPECT_EQ(events + 1, STAT(events));
	EXPECT_EQ(1U, of_domain(&self->f.unit, 0).users);

	ctx[0] |= CTX_P;
	FLUSH(cc_device(dev->sid));
	stats = of_device(&self->f.unit, dev);
	EXPECT_EQ((__u32)VTD_SHADOW_ATTACHED_SHADOW, stats.attachment);
	EXPECT_EQ(0U, stats.fault_reason);
	EXPECT_EQ(attaches + 2, stats.attaches);
	EXPECT_EQ(0ULL, stats.attach_failures);
}

/* What cannot be installed counts once, for domain and unit, and so does its event */
TEST_F(stat, failure_is_exact)
{
	__u64 failures = STAT(install_failures), events = STAT(events);

	vtds_map(&self->f.table, IOVA, NOWHERE, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_page(TABLE_DID, IOVA));
	EXPECT_EQ(failures + 1, STAT(install_failures));
	EXPECT_EQ(events + 1, STAT(events));
	EXPECT_EQ(0UL, STAT(events_lost));
	EXPECT_EQ(failures + 1, of_domain(&self->f.unit, 0).install_failures);
}

/* Each call that says MORE, and no other */
TEST_F(budget, early_returns_are_exact)
{
	__u64 page = vtds_page(&self->f.guest);
	unsigned long before = STAT(early_returns);
	unsigned int more = self->f.unit.more;

	for (unsigned int i = 0; i < 8; i++)
		vtds_map(&self->f.table, IOVA + i * SZ_2M, page, SZ_4K,
			 PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_LT(more, self->f.unit.more);
	EXPECT_EQ(self->f.unit.more - more, STAT(early_returns) - before);
}

TEST_HARNESS_MAIN
