// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who shares a table: domains that devices join and leave, bridge aliases, a root table
 * that moves under running DMA, devices in one host group.
 */
#include <errno.h>
#include <string.h>

#include "context_fixture.h"

/* --- Tables and who shares them --- */

TEST_F(context, one_table_one_shadow)
{
	EXPECT_EQ(1UL, STAT(domains));
	EXPECT_EQ(6UL, STAT(devices));
	/* Buffers and one page, counted once */
	EXPECT_EQ(6 * VTDS_BUFFER_SIZE / SZ_4K + 1, STAT(pages));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
	EXPECT_REACH(PERM_RW, &self->dev[5], IOVA, self->page);
}

/* A device that joins a populated table needs no walk and no invalidation */
TEST_F(context, second_device_joins)
{
	struct vtds_dev *dev = &self->dev[5];
	unsigned long pages = STAT(pages), syncs, maps;

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
	EXPECT_EQ(0U, vtds_reach_buffers(dev, 1));

	syncs = STAT(syncs);
	maps = STAT(host_maps);
	ASSERT_EQ(0, vtds_fixture_add(&self->f, dev));
	EXPECT_REACH(PERM_RW, dev, IOVA, self->page);
	EXPECT_EQ(syncs, STAT(syncs));
	EXPECT_EQ(maps, STAT(host_maps));
	EXPECT_EQ(pages, STAT(pages));
	EXPECT_EQ(1UL, STAT(domains));
}

TEST_F(context, switch_of_domains)
{
	__u64 other_page = vtds_page(&self->f.guest);
	struct vtds_table other;
	__u64 *ctx;

	vtds_table_init(&other, &self->f.guest, 3, TABLE_DID + 1);
	vtds_fixture_map_buffers(&self->f, &other);
	vtds_map(&other, IOVA, other_page, SZ_4K, PERM_RW);

	/* As Linux: detach with its flush, then attach with its flush */
	ctx = vtds_ctx_entry(&self->f.guest, self->dev[0].sid);
	ctx[0] &= ~CTX_P;
	FLUSH(cc_device_mask(TABLE_DID, self->dev[0].sid, 0),
	      iotlb_domain(TABLE_DID));
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
	ctx[0] = 0;
	ctx[1] = 0;
	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &other);
	FLUSH(cc_device(self->dev[0].sid), iotlb_domain(other.did));
	EXPECT_EQ(2UL, STAT(domains));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, other_page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->f.guest, &self->dev[0], IOVA, self->page));
	EXPECT_REACH(PERM_RW, &self->dev[1], IOVA, self->page);

	/* At one stroke, and back again with the same domain-id */
	other.did = TABLE_DID;
	vtds_ctx_use(&self->f.guest, self->dev[1].sid, &other);
	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &self->f.table);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	EXPECT_REACH(PERM_RW, &self->dev[1], IOVA, other_page);

	/* The last device takes the table's shadow with it */
	vtds_ctx_use(&self->f.guest, self->dev[1].sid, &self->f.table);
	FLUSH(cc_device(self->dev[1].sid));
	EXPECT_EQ(1UL, STAT(domains));
}

TEST_F(context, removal)
{
	struct vtd_shadow_translate answer;
	struct vtds_dev *dev = &self->dev[0];

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
	EXPECT_EQ(ALL_DEVS & ~1U, vtds_reach_buffers(self->dev, 6));
	EXPECT_EQ(-ENOENT,
		  vtds_translate(&self->f.unit, dev->sid, IOVA, &answer));
	EXPECT_EQ(-ENOENT, vtds_remove_device(&self->f.unit, dev->dev_id));

	/* The device is the VMM's again */
	ASSERT_EQ(0, vtds_dev_attach(dev, self->f.vmm.ioas));
	EXPECT_EQ(PERM_RW,
		  vtds_reach(&self->f.guest, dev, self->page, self->page));
	EXPECT_EQ(-EBUSY, vtds_fixture_add(&self->f, dev));
	ASSERT_EQ(0, vtds_dev_detach(dev));
	ASSERT_EQ(0, vtds_fixture_add(&self->f, dev));
	EXPECT_REACH(PERM_RW, dev, IOVA, self->page);
}

/* The requester ids of one device must agree */
TEST_F(context, bridge_alias)
{
	struct vtds_dev *dev = &self->dev[0];
	const __u16 sids[] = { dev->sid, 0x3000 };

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
	vtds_ctx_use(&self->f.guest, 0x3000, &self->f.table);
	ASSERT_EQ(0, vtds_add_device(&self->f.unit, dev->dev_id,
				     self->f.vmm.ioas, sids, 2));
	EXPECT_REACH_BUFFERS(ALL_DEVS);

	vtds_ctx_set(&self->f.guest, 0x3000, 0, 0);
	FLUSH(cc_device(0x3000));
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);

	vtds_ctx_use(&self->f.guest, 0x3000, &self->f.table);
	FLUSH(cc_device(0x3000));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

/* --- A new root table under running DMA --- */

FIXTURE(live)
{
	struct vtds_fixture f;
	struct vtds_load load;
};

FIXTURE_SETUP(live)
{
	OPEN_FIXTURE(.nvme = 1);
	vtds_fixture_load(&self->f, &self->load, &self->f.dev[0], 16, IOVA);
	FLUSH(iotlb_domain(TABLE_DID));
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

FIXTURE_TEARDOWN(live)
{
	vtds_load_stop(&self->load);
	vtds_fixture_close(&self->f);
}

/* kdump: the new kernel copies the tables and latches them with TE still on */
TEST_F(live, root_tables_copied)
{
	struct vtds_guest *guest = &self->f.guest;
	unsigned long attaches = STAT(attaches), unmaps = STAT(host_unmaps);

	for (unsigned int i = 0; i < 20; i++) {
		__u64 *old_root = vtds_root_entry(guest, self->f.dev[0].sid);
		__u64 ctx = vtds_page(guest), root = vtds_page(guest);

		memcpy(vtds_hva(guest, root), vtds_hva(guest, guest->root),
		       SZ_4K);
		memcpy(vtds_hva(guest, ctx),
		       vtds_hva(guest, *old_root & SS_ADDR), SZ_4K);
		guest->root = root;
		*vtds_root_entry(guest, self->f.dev[0].sid) = ctx | 1;
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		vtds_load_wait(&self->load, 20);
	}
	EXPECT_EQ(0UL, self->load.misses);
	EXPECT_LT(400UL, vtds_load_rounds(&self->load));
	EXPECT_EQ(attaches, STAT(attaches));
	EXPECT_EQ(unmaps, STAT(host_unmaps));
}

/* --- Two devices in one host group --- */

FIXTURE(group)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(group)
{
	OPEN_FIXTURE(.edu = 1, .shared = 2);
	self->dev = &self->f.dev[1];
}

FIXTURE_TEARDOWN(group)
{
	vtds_fixture_close(&self->f);
}

TEST_F(group, same_setting)
{
	EXPECT_REACH_BUFFERS(7);
	EXPECT_EQ(1UL, STAT(domains));

	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_REACH_BUFFERS(7);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH_BUFFERS(7);
}

TEST_F(group, different_settings)
{
	/* One context for the identity page table, one for the table */
	vtds_ctx_set(&self->f.guest, self->dev[0].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_REACH_BUFFERS(1);

	/* Both for the identity page table */
	vtds_ctx_set(&self->f.guest, self->dev[1].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_device(self->dev[1].sid));
	EXPECT_REACH_BUFFERS(7);

	/* One not present */
	vtds_ctx_set(&self->f.guest, self->dev[1].sid, 0, 0);
	FLUSH(cc_device(self->dev[1].sid));
	EXPECT_REACH_BUFFERS(1);

	/* Both on the table again */
	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &self->f.table);
	vtds_ctx_use(&self->f.guest, self->dev[1].sid, &self->f.table);
	FLUSH(cc_global());
	EXPECT_REACH_BUFFERS(7);
}

/* Who remains decides; who is gone has no say, and no attachment of its own */
TEST_F(group, one_is_removed)
{
	vtds_ctx_set(&self->f.guest, self->dev[0].sid, 0, 0);
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_REACH_BUFFERS(1);

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev[0].dev_id));
	EXPECT_REACH(PERM_RW, &self->dev[1], self->dev[1].buffer,
		     self->dev[1].buffer);
	EXPECT_EQ(-EBUSY, vtds_dev_attach(&self->dev[0], self->f.vmm.ioas));

	ASSERT_EQ(0, vtds_fixture_add(&self->f, &self->dev[0]));
	EXPECT_REACH_BUFFERS(1);
	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &self->f.table);
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_REACH_BUFFERS(7);
}

/* A group has one owner */
TEST_F(group, two_units)
{
	struct vtds_unit second;

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev[0].dev_id));
	ASSERT_EQ(0, vtds_unit_open(&second));
	ASSERT_EQ(0, vtds_unit_bind(&second, &self->f.vmm, 0, 0));
	EXPECT_EQ(-EBUSY,
		  vtds_add_device(&second, self->dev[0].dev_id,
				  self->f.vmm.ioas, &self->dev[0].sid, 1));
	ASSERT_EQ(0, vtds_fixture_add(&self->f, &self->dev[0]));
	EXPECT_REACH_BUFFERS(7);
	vtds_unit_close(&second);
	EXPECT_REACH_BUFFERS(7);
}

TEST_HARNESS_MAIN
