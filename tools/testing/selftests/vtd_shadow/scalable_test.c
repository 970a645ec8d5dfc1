// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest in scalable mode attaches and detaches devices as Linux does it, turns
 * translation and the mode on and off, and changes its entries while DMA runs.
 */
#include <string.h>

#include "scalable_fixture.h"

/* --- As Linux does it --- */

/* Probe, then attach: the PASID entry, announced by type 7 and type 6 only */
TEST_F(scalable, probe_and_attach)
{
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	self->dev->sid = 0x4000;
	vtds_sm_probe(&self->f.guest, self->dev->sid, 0);
	FLUSH(cc_device(self->dev->sid), wait_status(RAM_GPA, 2));
	FLUSH(iotlb_domain(0), wait_status(RAM_GPA, 2));
	ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_FAULT(VTD_SHADOW_FR_DIR_NOT_PRESENT, self->dev, IOVA);
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));

	vtds_sm_use(&self->f.guest, self->dev->sid, 0, &self->f.table);
	/* Nothing happens before it is announced */
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
	FLUSH_ATTACH(TABLE_DID);
	EXPECT_ATTACHED(SHADOW, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_EQ(1UL, STAT(domains));
}

/* P first, flush, then all of it, of which nothing is said */
TEST_F(scalable, detach_in_two_steps)
{
	__u64 *entry = pasid_entry(&self->f, self->dev);

	entry[0] &= ~PASID_P;
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	FLUSH(pc_pasid(TABLE_DID, 0), wait_status(RAM_GPA, 2));
	/* Dead with the first of the two submissions already */
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
	FLUSH(iotlb_domain(TABLE_DID), wait_status(RAM_GPA, 2));
	EXPECT_REACH_BUFFERS(1);
	EXPECT_FAULT(VTD_SHADOW_FR_PASID_NOT_PRESENT, self->dev, IOVA);
	memset(entry, 0, 64);
	EXPECT_REACH_BUFFERS(1);

	vtds_fixture_use(&self->f, self->dev, &self->f.table);
	FLUSH_ATTACH(TABLE_DID);
	EXPECT_REACH_BUFFERS(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* The device goes: its context entry, with a domain-id that means nothing */
TEST_F(scalable, release)
{
	__u64 *ctx = vtds_sm_ctx(&self->f.guest, self->dev->sid);

	ctx[0] &= ~SM_CTX_P;
	FLUSH(cc_device_mask(0x7777, self->dev->sid, 0),
	      wait_status(RAM_GPA, 2));
	EXPECT_REACH_BUFFERS(1);
	EXPECT_FAULT(VTD_SHADOW_FR_SM_CTX_NOT_PRESENT, self->dev, IOVA);

	ctx[0] |= SM_CTX_P;
	FLUSH(cc_device(self->dev->sid));
	EXPECT_REACH_BUFFERS(3);
}

TEST_F(scalable, pass_through_on_and_off)
{
	__u64 *entry = pasid_entry(&self->f, self->dev);

	entry[0] &= ~PASID_P;
	FLUSH_DETACH(TABLE_DID);
	pass_through(&self->f, self->dev);
	FLUSH_ATTACH(1);
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, self->page, self->page);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_ATTACHED(SHADOW, self->other);

	entry[0] &= ~PASID_P;
	FLUSH(pc_pasid(1, 0), piotlb_pasid(1, 0));
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
	vtds_fixture_use(&self->f, self->dev, &self->f.table);
	FLUSH_ATTACH(TABLE_DID);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_DEAD(self->dev, self->page, self->page);
	EXPECT_REACH_BUFFERS(3);
}

TEST_F(scalable, switch_of_domains)
{
	__u64 page = vtds_page(&self->f.guest);
	struct vtds_table other;

	vtds_table_init(&other, &self->f.guest, 3, OTHER_DID);
	vtds_fixture_map_buffers(&self->f, &other);
	vtds_map(&other, IOVA, page, SZ_4K, PERM_RW);

	pasid_entry(&self->f, self->dev)[0] &= ~PASID_P;
	FLUSH_DETACH(TABLE_DID);
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
	vtds_fixture_use(&self->f, self->dev, &other);
	FLUSH_ATTACH(OTHER_DID);
	EXPECT_EQ(2UL, STAT(domains));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->f.guest, self->dev, IOVA, self->page));
	EXPECT_REACH_BUFFERS(3);

	/* At one stroke, and announced by the first of the two only */
	vtds_fixture_use(&self->f, self->dev, &self->f.table);
	FLUSH(pc_pasid(TABLE_DID, 0));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_EQ(1UL, STAT(domains));
}

/* Two devices on one table: one shadow, one flush for both */
TEST_F(scalable, two_devices_one_table)
{
	EXPECT_EQ(1UL, STAT(domains));
	EXPECT_EQ(2 * VTDS_BUFFER_SIZE / SZ_4K + 1, STAT(pages));
	EXPECT_REACH(PERM_RW, self->other, IOVA, self->page);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->other, IOVA, self->page);
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/* --- State of the unit --- */

TEST_F(scalable, translation_off_and_on)
{
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, self->page, self->page);
	EXPECT_DEAD(self->dev, IOVA, self->page);

	/* The first detach after boot, while translation is off */
	pasid_entry(&self->f, self->dev)[0] &= ~PASID_P;
	FLUSH_DETACH(TABLE_DID);
	EXPECT_REACH_BUFFERS(3);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH_BUFFERS(1);
	EXPECT_FAULT(VTD_SHADOW_FR_PASID_NOT_PRESENT, self->dev, IOVA);

	/* And the first one with it on, nothing having been flushed since */
	pasid_entry(&self->f, self->other)[0] &= ~PASID_P;
	FLUSH(pc_pasid(TABLE_DID, 0));
	EXPECT_REACH_BUFFERS(0);
	pasid_entry(&self->f, self->other)[0] |= PASID_P;
	pasid_entry(&self->f, self->dev)[0] |= PASID_P;
	FLUSH(pc_domain(TABLE_DID));
	EXPECT_REACH_BUFFERS(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* Boot: everything is written and announced before translation is on */
TEST_F(scalable, set_up_while_off)
{
	struct vtds_table other;
	__u64 page = vtds_page(&self->f.guest);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	vtds_table_init(&other, &self->f.guest, 4, OTHER_DID);
	vtds_fixture_map_buffers(&self->f, &other);
	vtds_map(&other, IOVA, page, SZ_4K, PERM_RW);
	FLUSH(pc_global(), iotlb_global());
	vtds_fixture_use(&self->f, self->dev, &other);
	FLUSH_ATTACH(OTHER_DID);
	EXPECT_ATTACHED(IDENTITY, self->dev);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_REACH_BUFFERS(3);
}

/* The other kind of tables, and back; entries of one mean nothing in the other */
TEST_F(scalable, to_legacy_mode_and_back)
{
	__u64 page = vtds_page(&self->f.guest);
	struct vtds_table legacy;

	vtds_table_init(&legacy, &self->f.guest, 4, TABLE_DID);
	vtds_fixture_map_buffers(&self->f, &legacy);
	vtds_map(&legacy, IOVA, page, SZ_4K, PERM_RW);
	vtds_ctx_use(&self->f.guest, self->dev->sid, &legacy);

	self->f.scalable = false;
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->f.guest, self->dev, IOVA, self->page));
	EXPECT_FAULT(VTD_SHADOW_FR_ROOT_NOT_PRESENT, self->other, IOVA);
	EXPECT_REACH_BUFFERS(2);
	vtds_ctx_set(&self->f.guest, self->dev->sid, 0, 0);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_REACH_BUFFERS(0);

	self->f.scalable = true;
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH_BUFFERS(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* One table for both modes: the device does not notice */
TEST_F(scalable, one_table_in_both_modes)
{
	unsigned long unmaps = STAT(host_unmaps), attaches = STAT(attaches);

	vtds_ctx_use(&self->f.guest, self->dev->sid, &self->f.table);
	vtds_ctx_use(&self->f.guest, self->other->sid, &self->f.table);
	for (unsigned int i = 0; i < 4; i++) {
		self->f.scalable = i % 2;
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
	EXPECT_EQ(unmaps, STAT(host_unmaps));
	EXPECT_EQ(attaches, STAT(attaches));
}

/* --- While DMA runs --- */

FIXTURE(live)
{
	struct vtds_fixture f;
	struct vtds_load load;
};

FIXTURE_SETUP(live)
{
	OPEN_FIXTURE(.nvme = 1, .scalable = true, .queue = true);
	vtds_fixture_load(&self->f, &self->load, &self->f.dev[0], 16, IOVA);
	FLUSH(iotlb_domain(TABLE_DID));
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

FIXTURE_TEARDOWN(live)
{
	vtds_load_stop(&self->load);
	vtds_fixture_close(&self->f);
}

static __u64 copy_page(struct vtds_guest *guest, __u64 from)
{
	__u64 gpa = vtds_page(guest);

	memcpy(vtds_hva(guest, gpa), vtds_hva(guest, from), SZ_4K);
	return gpa;
}

/* kdump: root, context, directory and PASID table copied, latched with TE on */
TEST_F(live, root_tables_copied)
{
	unsigned long attaches = STAT(attaches), unmaps = STAT(host_unmaps);
	struct vtds_guest *guest = &self->f.guest;
	const __u16 sid = self->f.dev[0].sid;

	for (unsigned int i = 0; i < 10; i++) {
		__u64 *entry;

		guest->sm_root = copy_page(guest, guest->sm_root);
		entry = vtds_sm_root_half(guest, sid);
		*entry = copy_page(guest, *entry & SS_ADDR) | 1;
		entry = vtds_sm_ctx(guest, sid);
		*entry = copy_page(guest, *entry & SS_ADDR) | (*entry & 0xfff);
		entry = vtds_sm_dir_entry(guest, sid, 0);
		*entry = copy_page(guest, *entry & SS_ADDR) | 1;
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		FLUSH(pc_global(), cc_global(), iotlb_global());
		vtds_load_wait(&self->load, 20);
	}
	EXPECT_EQ(0UL, self->load.misses);
	EXPECT_LT(200UL, vtds_load_rounds(&self->load));
	EXPECT_EQ(attaches, STAT(attaches));
	EXPECT_EQ(unmaps, STAT(host_unmaps));
}

/* Entries of other PASIDs and functions come and go */
TEST_F(live, other_entries_change)
{
	struct vtds_guest *guest = &self->f.guest;
	const __u16 sid = self->f.dev[0].sid;

	for (unsigned int i = 1; i < 50; i++) {
		vtds_sm_use(guest, sid, i, &self->f.table);
		vtds_sm_probe(guest, sid ^ 1, 0);
		FLUSH(pc_pasid(TABLE_DID, i), piotlb_pasid(TABLE_DID, i),
		      cc_device(sid ^ 1));
		vtds_sm_pasid(guest, sid, i)[0] = 0;
		vtds_sm_ctx(guest, sid ^ 1)[0] = 0;
		FLUSH(pc_pasid(TABLE_DID, i), iotlb_domain(TABLE_DID),
		      cc_device_mask(0, sid ^ 1, 3));
	}
	vtds_load_wait(&self->load, 100);
	EXPECT_EQ(0UL, self->load.misses);
}

TEST_HARNESS_MAIN
