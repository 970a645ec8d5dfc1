// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root and context entries that are malformed, ask for what is not offered, or point
 * to what is no memory: their devices are blocked, the others go on.
 */
#include <errno.h>

#include "context_fixture.h"

/* --- Malformed root and context entries, six at a time --- */

struct bad_entry {
	__u64 lo;
	__u64 hi;
	unsigned int reason;
};

static const struct bad_entry bad_contexts[] = {
	/* Reserved: 11:4, address width and up, 71, 127:88 */
	{ 1ULL << 4, 0, VTD_SHADOW_FR_CTX_RESERVED },
	{ 1ULL << 11, 0, VTD_SHADOW_FR_CTX_RESERVED },
	{ 1ULL << 46, 0, VTD_SHADOW_FR_CTX_RESERVED },
	{ 1ULL << 63, 0, VTD_SHADOW_FR_CTX_RESERVED },
	{ 0, 1ULL << 7, VTD_SHADOW_FR_CTX_RESERVED },
	{ 0, 1ULL << 24, VTD_SHADOW_FR_CTX_RESERVED },
	{ 0, 1ULL << 63, VTD_SHADOW_FR_CTX_RESERVED },
	/* With FPD the VMM does not report it; blocked it is all the same */
	{ CTX_FPD | 1ULL << 4, 0, VTD_SHADOW_FR_CTX_RESERVED },
	/* TT: for a device-TLB that the unit does not have; reserved */
	{ CTX_TT(1), 0, VTD_SHADOW_FR_CTX_INVALID },
	{ CTX_TT(3), 0, VTD_SHADOW_FR_CTX_INVALID },
	/* AW: 2 levels, 6 to 9; the good entry has 4, that is 010b */
	{ 0, CTX_AW(4) ^ 0, VTD_SHADOW_FR_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 4, VTD_SHADOW_FR_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 5, VTD_SHADOW_FR_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 6, VTD_SHADOW_FR_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 7, VTD_SHADOW_FR_CTX_INVALID },
	/* Pass-through with bits reserved, or without a supported AW */
	{ CTX_TT_PASS_THROUGH | 1ULL << 4, 0, VTD_SHADOW_FR_CTX_RESERVED },
	{ CTX_TT_PASS_THROUGH, CTX_AW(4) ^ 7, VTD_SHADOW_FR_CTX_INVALID },
	{ CTX_FPD | CTX_TT(3), 0, VTD_SHADOW_FR_CTX_INVALID },
};

static void spoil_context(struct vtds_fixture *f, unsigned int i,
			  const struct bad_entry *bad)
{
	__u64 *ctx = vtds_ctx_entry(&f->guest, f->dev[i].sid);

	vtds_ctx_use(&f->guest, f->dev[i].sid, &f->table);
	ctx[0] ^= bad->lo;
	ctx[1] ^= bad->hi;
}

TEST_F(context, malformed)
{
	const unsigned int nr = self->f.nr_devs;

	for (unsigned int at = 0; at < ARRAY_SIZE(bad_contexts); at += nr) {
		for (unsigned int i = 0; i < nr; i++)
			spoil_context(&self->f, i, &bad_contexts[at + i]);
		EXPECT_REACH_BUFFERS(ALL_DEVS);
		FLUSH(cc_global());
		EXPECT_REACH_BUFFERS(0);
		for (unsigned int i = 0; i < nr; i++) {
			EXPECT_FAULT(bad_contexts[at + i].reason, &self->dev[i],
				     IOVA);
			EXPECT_ATTACHED(BLOCKED, &self->dev[i]);
		}

		for (unsigned int i = 0; i < nr; i++)
			vtds_ctx_use(&self->f.guest, self->dev[i].sid,
				     &self->f.table);
		FLUSH(cc_global());
		EXPECT_REACH_BUFFERS(ALL_DEVS);
	}
}

/* Every single reserved bit, by the unit's word */
TEST_F(context, every_reserved_bit)
{
	__u64 *ctx = vtds_ctx_entry(&self->f.guest, self->dev[0].sid);

	for (unsigned int bit = 0; bit < 128; bit++) {
		bool reserved = (bit >= 4 && bit <= 11) ||
				(bit >= 46 && bit <= 63) || bit == 71 ||
				bit >= 88;
		__u64 *half = &ctx[bit / 64], mask = 1ULL << bit % 64;

		if (!reserved)
			continue;
		*half ^= mask;
		FLUSH(cc_device(self->dev[0].sid));
		EXPECT_FAULT(VTD_SHADOW_FR_CTX_RESERVED, &self->dev[0], IOVA);
		*half ^= mask;
		FLUSH(cc_device(self->dev[0].sid));
		EXPECT_ATTACHED(SHADOW, &self->dev[0]);
	}
}

/* Bits 70:67 are software's, FPD is not the engine's; absent is absent */
TEST_F(context, bits_that_do_not_matter)
{
	__u64 *ctx = vtds_ctx_entry(&self->f.guest, self->dev[0].sid);

	ctx[0] |= CTX_FPD;
	ctx[1] |= 0xf << 3;
	FLUSH_CONTEXT(0);
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);

	ctx[1] = ~0ULL;
	ctx[0] = ~CTX_P;
	FLUSH_CONTEXT(0);
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_NOT_PRESENT, &self->dev[0], IOVA);
}

TEST_F(context, malformed_root_entries)
{
	static const struct bad_entry bad[] = {
		{ 1ULL << 1, 0, VTD_SHADOW_FR_ROOT_RESERVED },
		{ 1ULL << 11, 0, VTD_SHADOW_FR_ROOT_RESERVED },
		{ 1ULL << 46, 0, VTD_SHADOW_FR_ROOT_RESERVED },
		{ 1ULL << 63, 0, VTD_SHADOW_FR_ROOT_RESERVED },
		{ 0, 1ULL << 0, VTD_SHADOW_FR_ROOT_RESERVED },
		{ 0, 1ULL << 63, VTD_SHADOW_FR_ROOT_RESERVED },
	};

	/* Each device is on its own bus */
	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int i = 0; i < self->f.nr_devs; i++) {
			__u64 *root = vtds_root_entry(&self->f.guest,
						      self->dev[i].sid);

			root[0] ^= bad[i].lo;
			root[1] ^= bad[i].hi;
		}
		FLUSH(cc_global());
		EXPECT_REACH_BUFFERS(turn ? ALL_DEVS : 0);
		for (unsigned int i = 0; !turn && i < self->f.nr_devs; i++)
			EXPECT_FAULT(bad[i].reason, &self->dev[i], IOVA);
	}
}

/* A unit that does not offer pass-through must not do it */
TEST_F(context, pass_through_not_offered)
{
	attach(&self->f, 0, CTX_TT_PASS_THROUGH | CTX_P,
	       CTX_AW(4) | CTX_DID(1));
	FLUSH_CONTEXT(0);
	EXPECT_ATTACHED(IDENTITY, &self->dev[0]);

	self->f.unit.ecap &= ~ECAP_PT;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_INVALID, &self->dev[0], IOVA);
}

/* A unit that offers 4 levels must not take 3 or 5 */
TEST_F(context, levels_not_offered)
{
	self->f.unit.cap &= ~(CAP_SAGAW(3) | CAP_SAGAW(5) | CAP_MGAW_MASK);
	self->f.unit.cap |= CAP_MGAW(48);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(ALL_DEVS);

	attach(&self->f, 0, self->f.table.root | CTX_P,
	       CTX_AW(3) | CTX_DID(TABLE_DID));
	attach(&self->f, 1, self->f.table.root | CTX_P,
	       CTX_AW(5) | CTX_DID(TABLE_DID));
	FLUSH(cc_global());
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~3);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_INVALID, &self->dev[0], IOVA);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_INVALID, &self->dev[1], IOVA);
}

/* --- Pointers to what is no memory --- */

TEST_F(context, root_table_nowhere)
{
	self->f.unit.rtaddr = NOWHERE;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(0);
	EXPECT_FAULT(VTD_SHADOW_FR_ROOT_UNREADABLE, &self->dev[0], IOVA);

	/* A mode that is not legacy */
	self->f.unit.rtaddr = self->f.guest.root | 1 << 10;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(0);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

TEST_F(context, context_table_nowhere)
{
	__u64 *root = vtds_root_entry(&self->f.guest, self->dev[0].sid);
	__u64 saved = root[0];

	root[0] = NOWHERE | 1;
	FLUSH(cc_global(), iotlb_global());
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_UNREADABLE, &self->dev[0], IOVA);

	root[0] = saved;
	FLUSH(cc_global(), iotlb_global());
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

TEST_F(context, top_table_nowhere)
{
	attach(&self->f, 0, NOWHERE | CTX_P, CTX_AW(4) | CTX_DID(9));
	FLUSH_WITH(ENOENT, cc_device(self->dev[0].sid), iotlb_domain(9));
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~1);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_INVALID, &self->dev[0], IOVA);

	vtds_ctx_use(&self->f.guest, self->dev[0].sid, &self->f.table);
	FLUSH_CONTEXT(0);
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

TEST_F(context, tables_and_leaves_nowhere)
{
	for (unsigned int level = 1; level <= 3; level++) {
		__u64 *entry = vtds_entry(&self->f.table, IOVA, level);
		__u64 saved = *entry;

		*entry = NOWHERE | SS_RW;
		FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID));
		EXPECT_DEAD(&self->dev[0], IOVA, self->page);
		EXPECT_FAULT(VTD_SHADOW_FR_TABLE_UNREADABLE, &self->dev[0],
			     IOVA);
		EXPECT_REACH_BUFFERS(ALL_DEVS);

		*entry = saved;
		FLUSH(iotlb_domain(TABLE_DID));
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	}
}

TEST_HARNESS_MAIN
