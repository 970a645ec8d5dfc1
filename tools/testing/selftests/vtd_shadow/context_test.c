// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest decides by root and context entries which device uses which table, and
 * tells it by invalidations of devices, functions and domains.
 */
#include <errno.h>

#include "context_fixture.h"

TEST_F(context, pass_through_on_and_off)
{
	/* The pointer of a pass-through entry is ignored */
	attach(&self->f, 0, NOWHERE | CTX_TT_PASS_THROUGH | CTX_P,
	       CTX_AW(4) | CTX_DID(1));
	FLUSH_CONTEXT(0);
	EXPECT_ATTACHED(IDENTITY, &self->dev[0]);
	EXPECT_ATTACHED(SHADOW, &self->dev[1]);
	EXPECT_REACH(PERM_RW, &self->dev[0], self->page, self->page);
	EXPECT_DEAD(&self->dev[0], IOVA, self->page);
	EXPECT_REACH(PERM_RW, &self->dev[1], IOVA, self->page);

	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &self->f.table);
	FLUSH_CONTEXT(0);
	EXPECT_ATTACHED(SHADOW, &self->dev[0]);
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	EXPECT_DEAD(&self->dev[0], self->page, self->page);
}

/* The VMM's own page table as identity: switching to it is an attach, no more */
TEST_F(context, pass_through_on_a_hwpt)
{
	struct vtds_dev *dev = &self->dev[0];
	__u32 hwpt;
	int rc;

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
	rc = vtds_hwpt_alloc(&self->f.vmm, dev->dev_id, self->f.vmm.ioas,
			     &hwpt);
	if (rc == -EADDRINUSE)
		SKIP(return, "the host has no page table without a device");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, vtds_add_device(&self->f.unit, dev->dev_id, hwpt,
				     &dev->sid, 1));
	EXPECT_ATTACHED(SHADOW, dev);

	attach(&self->f, 0, CTX_TT_PASS_THROUGH | CTX_P,
	       CTX_AW(4) | CTX_DID(1));
	FLUSH_CONTEXT(0);
	EXPECT_ATTACHED(IDENTITY, dev);
	EXPECT_REACH(PERM_RW, dev, self->page, self->page);

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
	EXPECT_EQ(0U, vtds_reach_buffers(dev, 1));
	ASSERT_EQ(0, vtds_destroy(&self->f.vmm, hwpt));
}

TEST_F(context, translation_off_and_on)
{
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
		EXPECT_ATTACHED(IDENTITY, &self->dev[0]);
		EXPECT_REACH(PERM_RW, &self->dev[0], self->page, self->page);
		EXPECT_DEAD(&self->dev[0], IOVA, self->page);
		EXPECT_REACH_BUFFERS(ALL_DEVS);
		EXPECT_EQ(0UL, STAT(domains));

		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		EXPECT_EQ(0U, self->f.unit.install_errno);
		EXPECT_ATTACHED(SHADOW, &self->dev[0]);
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
		EXPECT_DEAD(&self->dev[0], self->page, self->page);
		EXPECT_REACH_BUFFERS(ALL_DEVS);
		EXPECT_EQ(1UL, STAT(domains));
	}
}

/* Boot: tables and descriptors come before translation is enabled */
TEST_F(context, set_up_while_off)
{
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	attach(&self->f, 0, 0, 0);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_ATTACHED(IDENTITY, &self->dev[0]);
	EXPECT_REACH_BUFFERS(ALL_DEVS);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_ATTACHED(BLOCKED, &self->dev[0]);
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
}

TEST_F(context, not_present)
{
	__u64 *ctx = vtds_ctx_entry(&self->f.guest, self->dev[0].sid);

	/* As Linux: clear P only; nothing changes before it is announced */
	ctx[0] &= ~CTX_P;
	EXPECT_REACH_BUFFERS(ALL_DEVS);
	FLUSH_CONTEXT(0);
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
	EXPECT_ATTACHED(BLOCKED, &self->dev[0]);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_NOT_PRESENT, &self->dev[0], IOVA);

	ctx[0] |= CTX_P;
	FLUSH_CONTEXT(0);
	EXPECT_REACH_BUFFERS(ALL_DEVS);
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
}

TEST_F(context, root_entry_not_present)
{
	__u64 *root = vtds_root_entry(&self->f.guest, self->dev[0].sid);

	root[0] &= ~1ULL;
	FLUSH(cc_global(), iotlb_global());
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
	EXPECT_FAULT(VTD_SHADOW_FR_ROOT_NOT_PRESENT, &self->dev[0], IOVA);

	root[0] |= 1;
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

/* --- Which invalidation reaches which device --- */

/* Source-ids on one bus, functions 0 to 5, whose contexts all turn bad */
static void same_bus(struct vtds_fixture *f)
{
	for (unsigned int i = 0; i < f->nr_devs; i++) {
		struct vtds_dev *dev = &f->dev[i];

		vtds_remove_device(&f->unit, dev->dev_id);
		dev->sid = 0x2000 | i;
		vtds_ctx_use(&f->guest, dev->sid, &f->table);
		vtds_fixture_add(f, dev);
	}
}

TEST_F(context, function_mask)
{
	/* Function 4 with no, one, two, three bits masked, of functions 0 to 5 */
	static const unsigned int covered[] = { 0x10, 0x11, 0x15, 0x3f };

	same_bus(&self->f);
	for (unsigned int fm = 0; fm < 4; fm++) {
		unsigned int reached;

		for (unsigned int i = 0; i < 6; i++)
			attach(&self->f, i, 0, 0);
		FLUSH(cc_device_mask(TABLE_DID, self->dev[4].sid, fm));
		reached = vtds_reach_buffers(self->dev, 6);
		EXPECT_EQ(reached, vtds_fixture_answer_buffers(&self->f));
		EXPECT_EQ(0U, reached & covered[fm]);

		for (unsigned int i = 0; i < 6; i++)
			vtds_ctx_use(&self->f.guest, self->dev[i].sid,
				     &self->f.table);
		FLUSH(cc_global());
		EXPECT_REACH_BUFFERS(ALL_DEVS);
	}
}

TEST_F(context, domain_selective)
{
	attach(&self->f, 0, 0, 0);
	FLUSH(cc_domain(TABLE_DID));
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);

	/* What was not present or malformed counts as domain 0 */
	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &self->f.table);
	FLUSH(cc_domain(TABLE_DID));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

/* Two contexts may name one table by two domain-ids; either reaches it */
TEST_F(context, two_domain_ids_one_table)
{
	struct vtds_table alias = self->f.table;

	alias.did = TABLE_DID + 1;
	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &alias);
	FLUSH(cc_device(self->dev[0].sid), iotlb_domain(alias.did));
	EXPECT_EQ(1UL, STAT(domains));

	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(alias.did, IOVA));
	EXPECT_DEAD(&self->dev[0], IOVA, self->page);
	EXPECT_DEAD(&self->dev[1], IOVA, self->page);

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
}

/*
 * Bits of a domain-id that the unit does not have (CAP_REG.ND) do not exist, neither in
 * entries nor in descriptors: with 4 of them 15h, 25h and 5 are one domain.
 */
TEST_F(context, domain_id_beyond_its_width)
{
	static const __u16 dids[] = { TABLE_DID, TABLE_DID + 0x10,
				      TABLE_DID + 0xfff0 };
	__u64 *ctx = vtds_ctx_entry(&self->f.guest, self->dev[0].sid);
	struct vtd_shadow_translate answer;

	self->f.unit.cap &= ~CAP_ND(7);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	ctx[1] = (ctx[1] & 7) | CTX_DID(TABLE_DID + 0x20);
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	ASSERT_EQ(0, vtds_translate(&self->f.unit, self->dev[0].sid, IOVA,
				    &answer));
	EXPECT_EQ((__u32)TABLE_DID, answer.domain_id);

	for (unsigned int i = 0; i < 3; i++) {
		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		FLUSH(iotlb_page(TABLE_DID + 1, IOVA));
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
		FLUSH(iotlb_page(dids[i], IOVA));
		EXPECT_DEAD(&self->dev[0], IOVA, self->page);
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_domain(dids[i]));
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	}
	/* What is left of this one is 0 */
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(0x10, IOVA));
	EXPECT_DEAD(&self->dev[0], IOVA, self->page);
}

/* Domain-id 0: all domains for translations, and all contexts */
TEST_F(context, domain_id_0)
{
	__u64 other_page = vtds_page(&self->f.guest);
	struct vtds_table other;

	vtds_table_init(&other, &self->f.guest, 3, TABLE_DID + 1);
	vtds_fixture_map_buffers(&self->f, &other);
	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &other);
	FLUSH(cc_domain(0));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
	EXPECT_EQ(2UL, STAT(domains));

	vtds_map(&other, IOVA, other_page, SZ_4K, PERM_RW);
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(0, IOVA));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, other_page);
	EXPECT_DEAD(&self->dev[1], IOVA, self->page);
}

TEST_HARNESS_MAIN
