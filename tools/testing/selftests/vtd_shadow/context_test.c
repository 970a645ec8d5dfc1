// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest decides which device uses which table: translation enable, root and
 * context entries, domains, host groups.
 */
#include <errno.h>
#include <string.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define ALL_DEVS ((1U << self->s.nr_devs) - 1)

/* An address in the guest's address width that is no memory */
#define NOWHERE 0x3000000000ULL

/* --- Six devices, all on one table --- */

FIXTURE(context)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(context)
{
	OPEN_SCENE(.edu = 6);
	self->dev = self->s.dev;
	self->page = vtds_page(&self->s.guest);
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
}

FIXTURE_TEARDOWN(context)
{
	vtds_scene_close(&self->s);
}

/* As Linux does it, and for one device without a word to the others */
static void attach(struct vtds_scene *scene, unsigned int i, __u64 lo, __u64 hi)
{
	vtds_ctx_set(&scene->guest, scene->dev[i].sid, lo, hi);
}

#define FLUSH_CONTEXT(_i)                                            \
	FLUSH(cc_device(self->dev[_i].sid), iotlb_domain(SCENE_DID), \
	      wait_status(0x1000, 2))

TEST_F(context, pass_through_on_and_off)
{
	/* The pointer of a pass-through entry is ignored */
	attach(&self->s, 0, NOWHERE | CTX_TT_PASS_THROUGH | CTX_P,
	       CTX_AW(4) | CTX_DID(1));
	FLUSH_CONTEXT(0);
	EXPECT_ATTACHED(IDENTITY, &self->dev[0]);
	EXPECT_ATTACHED(SHADOW, &self->dev[1]);
	EXPECT_REACH(PERM_RW, &self->dev[0], self->page, self->page);
	EXPECT_DEAD(&self->dev[0], IOVA, self->page);
	EXPECT_REACH(PERM_RW, &self->dev[1], IOVA, self->page);

	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &self->s.table);
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

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, dev->dev_id));
	rc = vtds_hwpt_alloc(&self->s.vmm, dev->dev_id, self->s.vmm.ioas,
			     &hwpt);
	if (rc == -EADDRINUSE)
		SKIP(return, "the host has no page table without a device");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, vtds_add_device(&self->s.unit, dev->dev_id, hwpt,
				     &dev->sid, 1));
	EXPECT_ATTACHED(SHADOW, dev);

	attach(&self->s, 0, CTX_TT_PASS_THROUGH | CTX_P,
	       CTX_AW(4) | CTX_DID(1));
	FLUSH_CONTEXT(0);
	EXPECT_ATTACHED(IDENTITY, dev);
	EXPECT_REACH(PERM_RW, dev, self->page, self->page);

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, dev->dev_id));
	EXPECT_EQ(0U, vtds_at_home(dev, 1));
	ASSERT_EQ(0, vtds_destroy(&self->s.vmm, hwpt));
}

TEST_F(context, translation_off_and_on)
{
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vtds_scene_state(&self->s, false));
		EXPECT_ATTACHED(IDENTITY, &self->dev[0]);
		EXPECT_REACH(PERM_RW, &self->dev[0], self->page, self->page);
		EXPECT_DEAD(&self->dev[0], IOVA, self->page);
		EXPECT_AT_HOME(ALL_DEVS);
		EXPECT_EQ(0UL, STAT(domains));

		ASSERT_EQ(0, vtds_scene_state(&self->s, true));
		EXPECT_EQ(0U, self->s.unit.install_errno);
		EXPECT_ATTACHED(SHADOW, &self->dev[0]);
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
		EXPECT_DEAD(&self->dev[0], self->page, self->page);
		EXPECT_AT_HOME(ALL_DEVS);
		EXPECT_EQ(1UL, STAT(domains));
	}
}

/* Boot: tables and descriptors come before translation is enabled */
TEST_F(context, set_up_while_off)
{
	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	attach(&self->s, 0, 0, 0);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_ATTACHED(IDENTITY, &self->dev[0]);
	EXPECT_AT_HOME(ALL_DEVS);

	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_ATTACHED(BLOCKED, &self->dev[0]);
	EXPECT_AT_HOME(ALL_DEVS & ~1);
}

TEST_F(context, not_present)
{
	__u64 *ctx = vtds_ctx_entry(&self->s.guest, self->dev[0].sid);

	/* As Linux: clear P only; nothing changes before it is announced */
	ctx[0] &= ~CTX_P;
	EXPECT_AT_HOME(ALL_DEVS);
	FLUSH_CONTEXT(0);
	EXPECT_AT_HOME(ALL_DEVS & ~1);
	EXPECT_ATTACHED(BLOCKED, &self->dev[0]);
	EXPECT_FAULT(FAULT_CTX_NOT_PRESENT, &self->dev[0], IOVA);

	ctx[0] |= CTX_P;
	FLUSH_CONTEXT(0);
	EXPECT_AT_HOME(ALL_DEVS);
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
}

TEST_F(context, root_entry_not_present)
{
	__u64 *root = vtds_root_entry(&self->s.guest, self->dev[0].sid);

	root[0] &= ~1ULL;
	FLUSH(cc_global(), iotlb_global());
	EXPECT_AT_HOME(ALL_DEVS & ~1);
	EXPECT_FAULT(FAULT_ROOT_NOT_PRESENT, &self->dev[0], IOVA);

	root[0] |= 1;
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_AT_HOME(ALL_DEVS);
}

/* --- Malformed root and context entries, six at a time --- */

struct bad_entry {
	__u64 lo;
	__u64 hi;
	unsigned int reason;
};

static const struct bad_entry bad_contexts[] = {
	/* Reserved: 11:4, address width and up, 71, 127:88 */
	{ 1ULL << 4, 0, FAULT_CTX_RESERVED },
	{ 1ULL << 11, 0, FAULT_CTX_RESERVED },
	{ 1ULL << 46, 0, FAULT_CTX_RESERVED },
	{ 1ULL << 63, 0, FAULT_CTX_RESERVED },
	{ 0, 1ULL << 7, FAULT_CTX_RESERVED },
	{ 0, 1ULL << 24, FAULT_CTX_RESERVED },
	{ 0, 1ULL << 63, FAULT_CTX_RESERVED },
	/* With FPD the VMM does not report it; blocked it is all the same */
	{ CTX_FPD | 1ULL << 4, 0, FAULT_CTX_RESERVED },
	/* TT: for a device-TLB that the unit does not have; reserved */
	{ CTX_TT(1), 0, FAULT_CTX_INVALID },
	{ CTX_TT(3), 0, FAULT_CTX_INVALID },
	/* AW: 2 levels, 6 to 9; the good entry has 4, that is 010b */
	{ 0, CTX_AW(4) ^ 0, FAULT_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 4, FAULT_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 5, FAULT_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 6, FAULT_CTX_INVALID },
	{ 0, CTX_AW(4) ^ 7, FAULT_CTX_INVALID },
	/* Pass-through with bits reserved, or without a supported AW */
	{ CTX_TT_PASS_THROUGH | 1ULL << 4, 0, FAULT_CTX_RESERVED },
	{ CTX_TT_PASS_THROUGH, CTX_AW(4) ^ 7, FAULT_CTX_INVALID },
	{ CTX_FPD | CTX_TT(3), 0, FAULT_CTX_INVALID },
};

static void spoil_context(struct vtds_scene *scene, unsigned int i,
			  const struct bad_entry *bad)
{
	__u64 *ctx = vtds_ctx_entry(&scene->guest, scene->dev[i].sid);

	vtds_ctx_use(&scene->guest, scene->dev[i].sid, &scene->table);
	ctx[0] ^= bad->lo;
	ctx[1] ^= bad->hi;
}

TEST_F(context, malformed)
{
	const unsigned int nr = self->s.nr_devs;

	for (unsigned int at = 0; at < ARRAY_SIZE(bad_contexts); at += nr) {
		for (unsigned int i = 0; i < nr; i++)
			spoil_context(&self->s, i, &bad_contexts[at + i]);
		EXPECT_AT_HOME(ALL_DEVS);
		FLUSH(cc_global());
		EXPECT_AT_HOME(0);
		for (unsigned int i = 0; i < nr; i++) {
			EXPECT_FAULT(bad_contexts[at + i].reason, &self->dev[i],
				     IOVA);
			EXPECT_ATTACHED(BLOCKED, &self->dev[i]);
		}

		for (unsigned int i = 0; i < nr; i++)
			vtds_ctx_use(&self->s.guest, self->dev[i].sid,
				     &self->s.table);
		FLUSH(cc_global());
		EXPECT_AT_HOME(ALL_DEVS);
	}
}

/* Every single reserved bit, by the unit's word */
TEST_F(context, every_reserved_bit)
{
	__u64 *ctx = vtds_ctx_entry(&self->s.guest, self->dev[0].sid);

	for (unsigned int bit = 0; bit < 128; bit++) {
		bool reserved = (bit >= 4 && bit <= 11) ||
				(bit >= 46 && bit <= 63) || bit == 71 ||
				bit >= 88;
		__u64 *half = &ctx[bit / 64], mask = 1ULL << bit % 64;

		if (!reserved)
			continue;
		*half ^= mask;
		FLUSH(cc_device(self->dev[0].sid));
		EXPECT_FAULT(FAULT_CTX_RESERVED, &self->dev[0], IOVA);
		*half ^= mask;
		FLUSH(cc_device(self->dev[0].sid));
		EXPECT_ATTACHED(SHADOW, &self->dev[0]);
	}
}

/* Bits 70:67 are software's, FPD is not the engine's; absent is absent */
TEST_F(context, bits_that_do_not_matter)
{
	__u64 *ctx = vtds_ctx_entry(&self->s.guest, self->dev[0].sid);

	ctx[0] |= CTX_FPD;
	ctx[1] |= 0xf << 3;
	FLUSH_CONTEXT(0);
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);

	ctx[1] = ~0ULL;
	ctx[0] = ~CTX_P;
	FLUSH_CONTEXT(0);
	EXPECT_AT_HOME(ALL_DEVS & ~1);
	EXPECT_FAULT(FAULT_CTX_NOT_PRESENT, &self->dev[0], IOVA);
}

TEST_F(context, malformed_root_entries)
{
	static const struct bad_entry bad[] = {
		{ 1ULL << 1, 0, FAULT_ROOT_RESERVED },
		{ 1ULL << 11, 0, FAULT_ROOT_RESERVED },
		{ 1ULL << 46, 0, FAULT_ROOT_RESERVED },
		{ 1ULL << 63, 0, FAULT_ROOT_RESERVED },
		{ 0, 1ULL << 0, FAULT_ROOT_RESERVED },
		{ 0, 1ULL << 63, FAULT_ROOT_RESERVED },
	};

	/* Each device is on its own bus */
	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int i = 0; i < self->s.nr_devs; i++) {
			__u64 *root = vtds_root_entry(&self->s.guest,
						      self->dev[i].sid);

			root[0] ^= bad[i].lo;
			root[1] ^= bad[i].hi;
		}
		FLUSH(cc_global());
		EXPECT_AT_HOME(turn ? ALL_DEVS : 0);
		for (unsigned int i = 0; !turn && i < self->s.nr_devs; i++)
			EXPECT_FAULT(bad[i].reason, &self->dev[i], IOVA);
	}
}

/* A unit that does not offer pass-through must not do it */
TEST_F(context, pass_through_not_offered)
{
	attach(&self->s, 0, CTX_TT_PASS_THROUGH | CTX_P,
	       CTX_AW(4) | CTX_DID(1));
	FLUSH_CONTEXT(0);
	EXPECT_ATTACHED(IDENTITY, &self->dev[0]);

	self->s.unit.ecap &= ~ECAP_PT;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(ALL_DEVS & ~1);
	EXPECT_FAULT(FAULT_CTX_INVALID, &self->dev[0], IOVA);
}

/* A unit that offers 4 levels must not take 3 or 5 */
TEST_F(context, levels_not_offered)
{
	self->s.unit.cap &= ~(CAP_SAGAW(3) | CAP_SAGAW(5) | CAP_MGAW_MASK);
	self->s.unit.cap |= CAP_MGAW(48);
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(ALL_DEVS);

	attach(&self->s, 0, self->s.table.root | CTX_P,
	       CTX_AW(3) | CTX_DID(SCENE_DID));
	attach(&self->s, 1, self->s.table.root | CTX_P,
	       CTX_AW(5) | CTX_DID(SCENE_DID));
	FLUSH(cc_global());
	EXPECT_AT_HOME(ALL_DEVS & ~3);
	EXPECT_FAULT(FAULT_CTX_INVALID, &self->dev[0], IOVA);
	EXPECT_FAULT(FAULT_CTX_INVALID, &self->dev[1], IOVA);
}

/* --- Pointers to what is no memory --- */

TEST_F(context, root_table_nowhere)
{
	self->s.unit.rtaddr = NOWHERE;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(0);
	EXPECT_FAULT(FAULT_ROOT_UNREADABLE, &self->dev[0], IOVA);

	/* A mode that is not legacy */
	self->s.unit.rtaddr = self->s.guest.root | 1 << 10;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(0);

	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_AT_HOME(ALL_DEVS);
}

TEST_F(context, context_table_nowhere)
{
	__u64 *root = vtds_root_entry(&self->s.guest, self->dev[0].sid);
	__u64 saved = root[0];

	root[0] = NOWHERE | 1;
	FLUSH(cc_global(), iotlb_global());
	EXPECT_AT_HOME(ALL_DEVS & ~1);
	EXPECT_FAULT(FAULT_CTX_UNREADABLE, &self->dev[0], IOVA);

	root[0] = saved;
	FLUSH(cc_global(), iotlb_global());
	EXPECT_AT_HOME(ALL_DEVS);
}

TEST_F(context, top_table_nowhere)
{
	attach(&self->s, 0, NOWHERE | CTX_P, CTX_AW(4) | CTX_DID(9));
	FLUSH_WITH(ENOENT, cc_device(self->dev[0].sid), iotlb_domain(9));
	EXPECT_AT_HOME(ALL_DEVS & ~1);
	EXPECT_FAULT(FAULT_CTX_INVALID, &self->dev[0], IOVA);

	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &self->s.table);
	FLUSH_CONTEXT(0);
	EXPECT_AT_HOME(ALL_DEVS);
}

TEST_F(context, tables_and_leaves_nowhere)
{
	for (unsigned int level = 1; level <= 3; level++) {
		__u64 *entry = vtds_entry(&self->s.table, IOVA, level);
		__u64 saved = *entry;

		*entry = NOWHERE | SS_RW;
		FLUSH_WITH(ENOENT, iotlb_domain(SCENE_DID));
		EXPECT_DEAD(&self->dev[0], IOVA, self->page);
		EXPECT_FAULT(FAULT_TABLE_UNREADABLE, &self->dev[0], IOVA);
		EXPECT_AT_HOME(ALL_DEVS);

		*entry = saved;
		FLUSH(iotlb_domain(SCENE_DID));
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	}
}

/* --- Which invalidation reaches which device --- */

/* Source-ids on one bus, functions 0 to 5, whose contexts all turn bad */
static void same_bus(struct vtds_scene *scene)
{
	for (unsigned int i = 0; i < scene->nr_devs; i++) {
		struct vtds_dev *dev = &scene->dev[i];

		vtds_remove_device(&scene->unit, dev->dev_id);
		dev->sid = 0x2000 | i;
		vtds_ctx_use(&scene->guest, dev->sid, &scene->table);
		vtds_scene_add(scene, dev);
	}
}

TEST_F(context, function_mask)
{
	/* Function 4 with no, one, two, three bits masked, of functions 0 to 5 */
	static const unsigned int covered[] = { 0x10, 0x11, 0x15, 0x3f };

	same_bus(&self->s);
	for (unsigned int fm = 0; fm < 4; fm++) {
		unsigned int reached;

		for (unsigned int i = 0; i < 6; i++)
			attach(&self->s, i, 0, 0);
		FLUSH(cc_device_mask(SCENE_DID, self->dev[4].sid, fm));
		reached = vtds_at_home(self->dev, 6);
		EXPECT_EQ(reached, vtds_scene_answers_home(&self->s));
		EXPECT_EQ(0U, reached & covered[fm]);

		for (unsigned int i = 0; i < 6; i++)
			vtds_ctx_use(&self->s.guest, self->dev[i].sid,
				     &self->s.table);
		FLUSH(cc_global());
		EXPECT_AT_HOME(ALL_DEVS);
	}
}

TEST_F(context, domain_selective)
{
	attach(&self->s, 0, 0, 0);
	FLUSH(cc_domain(SCENE_DID));
	EXPECT_AT_HOME(ALL_DEVS & ~1);

	/* What was not present or malformed counts as domain 0 */
	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &self->s.table);
	FLUSH(cc_domain(SCENE_DID));
	EXPECT_AT_HOME(ALL_DEVS);
}

/* Two contexts may name one table by two domain-ids; either reaches it */
TEST_F(context, two_domain_ids_one_table)
{
	struct vtds_table alias = self->s.table;

	alias.did = SCENE_DID + 1;
	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &alias);
	FLUSH(cc_device(self->dev[0].sid), iotlb_domain(alias.did));
	EXPECT_EQ(1UL, STAT(domains));

	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(alias.did, IOVA));
	EXPECT_DEAD(&self->dev[0], IOVA, self->page);
	EXPECT_DEAD(&self->dev[1], IOVA, self->page);

	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
}

/*
 * Bits of a domain-id that the unit does not have (CAP_REG.ND) do not exist, neither in
 * entries nor in descriptors: with 4 of them 15h, 25h and 5 are one domain.
 */
TEST_F(context, domain_id_beyond_its_width)
{
	static const __u16 dids[] = { SCENE_DID, SCENE_DID + 0x10,
				      SCENE_DID + 0xfff0 };
	__u64 *ctx = vtds_ctx_entry(&self->s.guest, self->dev[0].sid);
	struct vtd_shadow_translate answer;

	self->s.unit.cap &= ~CAP_ND(7);
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	ctx[1] = (ctx[1] & 7) | CTX_DID(SCENE_DID + 0x20);
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	ASSERT_EQ(0, vtds_translate(&self->s.unit, self->dev[0].sid, IOVA,
				    &answer));
	EXPECT_EQ((__u32)SCENE_DID, answer.domain_id);

	for (unsigned int i = 0; i < 3; i++) {
		vtds_unmap(&self->s.table, IOVA, SZ_4K);
		FLUSH(iotlb_page(SCENE_DID + 1, IOVA));
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
		FLUSH(iotlb_page(dids[i], IOVA));
		EXPECT_DEAD(&self->dev[0], IOVA, self->page);
		vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_domain(dids[i]));
		EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	}
	/* What is left of this one is 0 */
	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(0x10, IOVA));
	EXPECT_DEAD(&self->dev[0], IOVA, self->page);
}

/* Domain-id 0: all domains for translations, and all contexts */
TEST_F(context, domain_id_0)
{
	__u64 other_page = vtds_page(&self->s.guest);
	struct vtds_table other;

	vtds_table_init(&other, &self->s.guest, 3, SCENE_DID + 1);
	vtds_scene_map_homes(&self->s, &other);
	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &other);
	FLUSH(cc_domain(0));
	EXPECT_AT_HOME(ALL_DEVS);
	EXPECT_EQ(2UL, STAT(domains));

	vtds_map(&other, IOVA, other_page, SZ_4K, PERM_RW);
	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(0, IOVA));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, other_page);
	EXPECT_DEAD(&self->dev[1], IOVA, self->page);
}

/* --- Tables and who shares them --- */

TEST_F(context, one_table_one_shadow)
{
	EXPECT_EQ(1UL, STAT(domains));
	EXPECT_EQ(6UL, STAT(devices));
	/* Homes and one page, counted once */
	EXPECT_EQ(6 * VTDS_HOME_SIZE / SZ_4K + 1, STAT(pages));
	EXPECT_AT_HOME(ALL_DEVS);
	EXPECT_REACH(PERM_RW, &self->dev[5], IOVA, self->page);
}

/* A device that joins a populated table needs no walk and no invalidation */
TEST_F(context, second_device_joins)
{
	struct vtds_dev *dev = &self->dev[5];
	unsigned long pages = STAT(pages), syncs, maps;

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, dev->dev_id));
	EXPECT_EQ(0U, vtds_at_home(dev, 1));

	syncs = STAT(syncs);
	maps = STAT(host_maps);
	ASSERT_EQ(0, vtds_scene_add(&self->s, dev));
	EXPECT_REACH(PERM_RW, dev, IOVA, self->page);
	EXPECT_EQ(syncs, STAT(syncs));
	EXPECT_EQ(maps, STAT(host_maps));
	EXPECT_EQ(pages, STAT(pages));
	EXPECT_EQ(1UL, STAT(domains));
}

TEST_F(context, switch_of_domains)
{
	__u64 other_page = vtds_page(&self->s.guest);
	struct vtds_table other;
	__u64 *ctx;

	vtds_table_init(&other, &self->s.guest, 3, SCENE_DID + 1);
	vtds_scene_map_homes(&self->s, &other);
	vtds_map(&other, IOVA, other_page, SZ_4K, PERM_RW);

	/* As Linux: detach with its flush, then attach with its flush */
	ctx = vtds_ctx_entry(&self->s.guest, self->dev[0].sid);
	ctx[0] &= ~CTX_P;
	FLUSH(cc_device_mask(SCENE_DID, self->dev[0].sid, 0),
	      iotlb_domain(SCENE_DID));
	EXPECT_AT_HOME(ALL_DEVS & ~1);
	ctx[0] = 0;
	ctx[1] = 0;
	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &other);
	FLUSH(cc_device(self->dev[0].sid), iotlb_domain(other.did));
	EXPECT_EQ(2UL, STAT(domains));
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, other_page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->s.guest, &self->dev[0], IOVA, self->page));
	EXPECT_REACH(PERM_RW, &self->dev[1], IOVA, self->page);

	/* At one stroke, and back again with the same domain-id */
	other.did = SCENE_DID;
	vtds_ctx_use(&self->s.guest, self->dev[1].sid, &other);
	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &self->s.table);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_REACH(PERM_RW, &self->dev[0], IOVA, self->page);
	EXPECT_REACH(PERM_RW, &self->dev[1], IOVA, other_page);

	/* The last device takes the table's shadow with it */
	vtds_ctx_use(&self->s.guest, self->dev[1].sid, &self->s.table);
	FLUSH(cc_device(self->dev[1].sid));
	EXPECT_EQ(1UL, STAT(domains));
}

TEST_F(context, removal)
{
	struct vtd_shadow_translate answer;
	struct vtds_dev *dev = &self->dev[0];

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, dev->dev_id));
	EXPECT_EQ(ALL_DEVS & ~1U, vtds_at_home(self->dev, 6));
	EXPECT_EQ(-ENOENT,
		  vtds_translate(&self->s.unit, dev->sid, IOVA, &answer));
	EXPECT_EQ(-ENOENT, vtds_remove_device(&self->s.unit, dev->dev_id));

	/* It is the VMM's again */
	ASSERT_EQ(0, vtds_dev_attach(dev, self->s.vmm.ioas));
	EXPECT_EQ(PERM_RW,
		  vtds_reach(&self->s.guest, dev, self->page, self->page));
	EXPECT_EQ(-EBUSY, vtds_scene_add(&self->s, dev));
	ASSERT_EQ(0, vtds_dev_detach(dev));
	ASSERT_EQ(0, vtds_scene_add(&self->s, dev));
	EXPECT_REACH(PERM_RW, dev, IOVA, self->page);
}

/* The requester ids of one device must agree */
TEST_F(context, bridge_alias)
{
	struct vtds_dev *dev = &self->dev[0];
	const __u16 sids[] = { dev->sid, 0x3000 };

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, dev->dev_id));
	vtds_ctx_use(&self->s.guest, 0x3000, &self->s.table);
	ASSERT_EQ(0, vtds_add_device(&self->s.unit, dev->dev_id,
				     self->s.vmm.ioas, sids, 2));
	EXPECT_AT_HOME(ALL_DEVS);

	vtds_ctx_set(&self->s.guest, 0x3000, 0, 0);
	FLUSH(cc_device(0x3000));
	EXPECT_AT_HOME(ALL_DEVS & ~1);

	vtds_ctx_use(&self->s.guest, 0x3000, &self->s.table);
	FLUSH(cc_device(0x3000));
	EXPECT_AT_HOME(ALL_DEVS);
}

/* --- A new root table under running DMA --- */

FIXTURE(live)
{
	struct vtds_scene s;
	struct vtds_load load;
};

FIXTURE_SETUP(live)
{
	OPEN_SCENE(.nvme = 1);
	self->load.dev = &self->s.dev[0];
	self->load.guest = &self->s.guest;
	self->load.nr = 16;
	self->load.skip = -1;
	for (unsigned int i = 0; i < 16; i++) {
		self->load.iova[i] = IOVA + i * SZ_4K;
		self->load.gpa[i] = vtds_page(&self->s.guest);
		vtds_map(&self->s.table, self->load.iova[i], self->load.gpa[i],
			 SZ_4K, PERM_RW);
	}
	FLUSH(iotlb_domain(SCENE_DID));
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

FIXTURE_TEARDOWN(live)
{
	vtds_load_stop(&self->load);
	vtds_scene_close(&self->s);
}

/* kdump: the new kernel copies the tables and latches them with TE still on */
TEST_F(live, root_tables_copied)
{
	struct vtds_guest *guest = &self->s.guest;
	unsigned long attaches = STAT(attaches), unmaps = STAT(host_unmaps);

	for (unsigned int i = 0; i < 20; i++) {
		__u64 *old_root = vtds_root_entry(guest, self->s.dev[0].sid);
		__u64 ctx = vtds_page(guest), root = vtds_page(guest);

		memcpy(vtds_hva(guest, root), vtds_hva(guest, guest->root),
		       SZ_4K);
		memcpy(vtds_hva(guest, ctx),
		       vtds_hva(guest, *old_root & SS_ADDR), SZ_4K);
		guest->root = root;
		*vtds_root_entry(guest, self->s.dev[0].sid) = ctx | 1;
		ASSERT_EQ(0, vtds_scene_state(&self->s, true));
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
	struct vtds_scene s;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(group)
{
	OPEN_SCENE(.edu = 1, .shared = 2);
	self->dev = &self->s.dev[1];
}

FIXTURE_TEARDOWN(group)
{
	vtds_scene_close(&self->s);
}

TEST_F(group, same_setting)
{
	EXPECT_AT_HOME(7);
	EXPECT_EQ(1UL, STAT(domains));

	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	EXPECT_AT_HOME(7);
	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_AT_HOME(7);
}

TEST_F(group, different_settings)
{
	/* One context for the identity page table, one for the table */
	vtds_ctx_set(&self->s.guest, self->dev[0].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_AT_HOME(1);

	/* Both for the identity page table */
	vtds_ctx_set(&self->s.guest, self->dev[1].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_device(self->dev[1].sid));
	EXPECT_AT_HOME(7);

	/* One not present */
	vtds_ctx_set(&self->s.guest, self->dev[1].sid, 0, 0);
	FLUSH(cc_device(self->dev[1].sid));
	EXPECT_AT_HOME(1);

	/* Both on the table again */
	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &self->s.table);
	vtds_ctx_use(&self->s.guest, self->dev[1].sid, &self->s.table);
	FLUSH(cc_global());
	EXPECT_AT_HOME(7);
}

/* Who remains decides; who is gone has no say, and no attachment of its own */
TEST_F(group, one_is_removed)
{
	vtds_ctx_set(&self->s.guest, self->dev[0].sid, 0, 0);
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_AT_HOME(1);

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->dev[0].dev_id));
	EXPECT_REACH(PERM_RW, &self->dev[1], self->dev[1].home,
		     self->dev[1].home);
	EXPECT_EQ(-EBUSY, vtds_dev_attach(&self->dev[0], self->s.vmm.ioas));

	ASSERT_EQ(0, vtds_scene_add(&self->s, &self->dev[0]));
	EXPECT_AT_HOME(1);
	vtds_ctx_use(&self->s.guest, self->dev[0].sid, &self->s.table);
	FLUSH(cc_device(self->dev[0].sid));
	EXPECT_AT_HOME(7);
}

/* A group has one owner */
TEST_F(group, two_units)
{
	struct vtds_unit second;

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->dev[0].dev_id));
	ASSERT_EQ(0, vtds_unit_open(&second));
	ASSERT_EQ(0, vtds_unit_bind(&second, &self->s.vmm, 0, 0));
	EXPECT_EQ(-EBUSY,
		  vtds_add_device(&second, self->dev[0].dev_id,
				  self->s.vmm.ioas, &self->dev[0].sid, 1));
	ASSERT_EQ(0, vtds_scene_add(&self->s, &self->dev[0]));
	EXPECT_AT_HOME(7);
	vtds_unit_close(&second);
	EXPECT_AT_HOME(7);
}

TEST_HARNESS_MAIN
