// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of scalable mode that are malformed or cannot be shadowed, and bits of them
 * that do not matter.
 */
#include <errno.h>

#include "scalable_fixture.h"

/* --- What cannot be shadowed, and what is malformed --- */

/* Where in the path of a device an entry is */
enum place { ROOT, CONTEXT, DIRECTORY, PASID };

struct bad_entry {
	enum place place;
	unsigned int qword;
	__u64 bits; /* to be flipped */
	unsigned int reason;
};

static const struct bad_entry bad_entries[] = {
	{ ROOT, 0, 1 << 0, VTD_SHADOW_FR_SM_ROOT_NOT_PRESENT },
	{ ROOT, 0, 1 << 1, VTD_SHADOW_FR_SM_ROOT_RESERVED },
	{ ROOT, 0, 1ULL << 46, VTD_SHADOW_FR_SM_ROOT_RESERVED },
	{ ROOT, 0, NOWHERE, VTD_SHADOW_FR_SM_CTX_UNREADABLE },
	{ CONTEXT, 0, 1 << 0, VTD_SHADOW_FR_SM_CTX_NOT_PRESENT },
	{ CONTEXT, 0, 1 << 5, VTD_SHADOW_FR_SM_CTX_RESERVED },
	{ CONTEXT, 0, 1ULL << 63, VTD_SHADOW_FR_SM_CTX_RESERVED },
	{ CONTEXT, 1, 1ULL << 21, VTD_SHADOW_FR_SM_CTX_RESERVED },
	{ CONTEXT, 2, 1, VTD_SHADOW_FR_SM_CTX_RESERVED },
	{ CONTEXT, 3, 1ULL << 63, VTD_SHADOW_FR_SM_CTX_RESERVED },
	{ CONTEXT, 0, NOWHERE, VTD_SHADOW_FR_DIR_UNREADABLE },
	{ DIRECTORY, 0, 1 << 0, VTD_SHADOW_FR_DIR_NOT_PRESENT },
	{ DIRECTORY, 0, 1 << 2, VTD_SHADOW_FR_DIR_RESERVED },
	{ DIRECTORY, 0, 1ULL << 46, VTD_SHADOW_FR_DIR_RESERVED },
	{ DIRECTORY, 0, NOWHERE, VTD_SHADOW_FR_PASID_UNREADABLE },
	{ PASID, 0, 1 << 0, VTD_SHADOW_FR_PASID_NOT_PRESENT },
	{ PASID, 0, 1 << 5, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 0, 1 << 9, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 0, 1 << 11, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 0, 1ULL << 46, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 1, 1 << 16, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 3, 1, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 7, 1ULL << 63, VTD_SHADOW_FR_PASID_RESERVED },
	/* PGTT of the good one is 010b: 0, first stage, nested, 5 to 7 */
	{ PASID, 0, PASID_PGTT(2 ^ 0), VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_FIRST_STAGE),
	  VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_NESTED), VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ 5), VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ 6), VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ 7), VTD_SHADOW_FR_PASID_INVALID },
	/* AW of the good one is 010b: 2 levels, and 6 to 9 */
	{ PASID, 0, (2 ^ 0) << 2, VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, (2 ^ 4) << 2, VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, (2 ^ 7) << 2, VTD_SHADOW_FR_PASID_INVALID },
};

static __u64 *entry_at(struct vtds_fixture *f, struct vtds_dev *dev,
		       enum place place)
{
	switch (place) {
	case ROOT:
		return vtds_sm_root_half(&f->guest, dev->sid);
	case CONTEXT:
		return vtds_sm_ctx(&f->guest, dev->sid);
	case DIRECTORY:
		return vtds_sm_dir_entry(&f->guest, dev->sid, 0);
	default:
		return vtds_sm_pasid(&f->guest, dev->sid, 0);
	}
}

TEST_F(scalable, malformed)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_entries); i++) {
		const struct bad_entry *bad = &bad_entries[i];
		__u64 *qword =
			&entry_at(&self->f, self->dev, bad->place)[bad->qword];
		const __u64 good = *qword;

		*qword = bad->bits == NOWHERE ? NOWHERE | (good & 0xfff) :
						good ^ bad->bits;
		FLUSH(pc_global());
		EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1))
		TH_LOG("entry %u", i);
		EXPECT_FAULT(bad->reason, self->dev, IOVA)
		TH_LOG("entry %u", i);
		EXPECT_ATTACHED(BLOCKED, self->dev);
		*qword = good;
		FLUSH(pc_global());
		EXPECT_EQ(1U, vtds_reach_buffers(self->dev, 1));
	}
	EXPECT_REACH_BUFFERS(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* From second stage to first: blocked, not on what it had */
TEST_F(scalable, first_stage_and_nested)
{
	static const unsigned int types[] = { PGTT_FIRST_STAGE, PGTT_NESTED };

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		vtds_sm_set(&self->f.guest, self->dev->sid, 0,
			    self->f.table.root | PASID_PGTT(types[i]) |
				    PASID_AW(4) | PASID_P,
			    TABLE_DID);
		/* What a first-stage table would be */
		pasid_entry(&self->f, self->dev)[2] = self->f.table.root;
		FLUSH_ATTACH(TABLE_DID);
		EXPECT_REACH_BUFFERS(1);
		EXPECT_DEAD(self->other, NOWHERE, self->page);
		EXPECT_FAULT(VTD_SHADOW_FR_PASID_INVALID, self->dev, IOVA);

		vtds_fixture_use(&self->f, self->dev, &self->f.table);
		FLUSH_ATTACH(TABLE_DID);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* What the unit does not offer it must not do */
TEST_F(scalable, not_offered)
{
	pass_through(&self->f, self->dev);
	FLUSH_ATTACH(1);
	EXPECT_ATTACHED(IDENTITY, self->dev);

	self->f.unit.ecap &= ~ECAP_PT;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(1);
	EXPECT_FAULT(VTD_SHADOW_FR_PASID_INVALID, self->dev, IOVA);

	self->f.unit.ecap &= ~ECAP_SLTS;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(0);
	EXPECT_FAULT(VTD_SHADOW_FR_PASID_INVALID, self->other, IOVA);

	/* No scalable mode at all, and the root table is still one of it */
	self->f.unit.ecap &= ~ECAP_SMTS;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(0);
	EXPECT_FAULT(VTD_SHADOW_FR_ROOT_ADDRESS, self->other, IOVA);
}

/* Bits that are for other features, software, or nobody */
TEST_F(scalable, bits_that_do_not_matter)
{
	__u64 *ctx = vtds_sm_ctx(&self->f.guest, self->dev->sid);
	__u64 *entry = pasid_entry(&self->f, self->dev);

	/* FPD, DTE, PASIDE, PRE; RID_PRIV */
	ctx[0] |= 0x1e;
	ctx[1] |= 1 << 20;
	*vtds_sm_dir_entry(&self->f.guest, self->dev->sid, 0) |= 2;
	/* FPD; PWSNP, PGSNP; all of first stage */
	entry[0] |= PASID_FPD;
	entry[1] |= 3 << 23;
	entry[2] = ~0ULL;
	FLUSH(cc_device(self->dev->sid), pc_pasid(TABLE_DID, 0));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_REACH_BUFFERS(3);
}

/*
 * SNP, without snoop control: Linux 5.13 to 5.18 sets it in every leaf. In an entry that
 * points to a table nobody does, and no revision of the specification has it there.
 */
TEST_F(scalable, snoop_bit)
{
	__u64 *leaf = vtds_entry(&self->f.table, IOVA, 1);
	__u64 *above = vtds_entry(&self->f.table, IOVA, 2);

	ASSERT_EQ(0ULL, self->f.unit.ecap & ECAP_SC);
	*leaf = 0;
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	*leaf = self->page | SS_RW | SS_SNP;
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	/* Snooping gives no permission that the entry has not */
	*leaf = self->page | SS_R | SS_SNP;
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_R, self->dev, IOVA, self->page);
	*leaf = self->page | SS_SNP;
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	*leaf = self->page | SS_RW | SS_SNP;
	*above |= SS_SNP;
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_FAULT(VTD_SHADOW_FR_SM_SS_RESERVED, self->dev, IOVA);
	*above &= ~SS_SNP;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* The snoop bit of 2 MiB leaves */
TEST_F(scalable, snoop_bit_of_superpages)
{
	const __u64 iova = IOVA + SZ_1G;
	__u64 *entry;

	ASSERT_EQ(0,
		  vtds_ram_add(&self->f.guest, VTDS_RAM_2M, RAM_2M_GPA, SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas,
				   vtds_hva(&self->f.guest, RAM_2M_GPA),
				   RAM_2M_GPA, SZ_2M, PERM_RW));
	vtds_map(&self->f.table, iova, RAM_2M_GPA, SZ_2M, PERM_RW);
	entry = vtds_entry(&self->f.table, iova, 2);
	*entry |= SS_SNP;
	FLUSH(iotlb_page(TABLE_DID, iova));
	EXPECT_REACH(PERM_RW, self->dev, iova + SZ_4K, RAM_2M_GPA + SZ_4K);
}

/* The reasons of paging entries have other numbers in this mode */
TEST_F(scalable, paging_faults)
{
	const __u64 iova = IOVA + 64 * SZ_2M;
	__u64 *above, saved,
		*top = vtds_hva(&self->f.guest, self->f.table.root);

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_NONE);
	vtds_map(&self->f.table, iova, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_FAULT(VTD_SHADOW_FR_SM_NO_READ, self->dev, IOVA);
	EXPECT_FAULT(VTD_SHADOW_FR_SM_ADDR_BEYOND_WIDTH, self->dev, 1ULL << 60);

	*vtds_entry(&self->f.table, IOVA, 1) = self->page | SS_RW | 1ULL << 51;
	above = vtds_entry(&self->f.table, iova, 2);
	saved = *above;
	*above = NOWHERE | SS_RW;
	ASSERT_EQ(0,
		  vtds_flush(&self->f.unit, DESCS(iotlb_domain(TABLE_DID)), 1));
	EXPECT_FAULT(VTD_SHADOW_FR_SM_SS_RESERVED, self->dev, IOVA);
	EXPECT_FAULT(VTD_SHADOW_FR_SM_TABLE_UNREADABLE, self->dev, iova);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_DEAD(self->dev, iova, self->page);

	*above = saved;
	*vtds_entry(&self->f.table, IOVA, 1) = self->page | SS_RW;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_REACH(PERM_RW, self->dev, iova, self->page);
	EXPECT_NE(0ULL, top[IOVA >> 39]);
}

TEST_F(scalable, top_table_nowhere)
{
	struct vtds_table nowhere = self->f.table;

	nowhere.root = NOWHERE;
	nowhere.did = OTHER_DID;
	vtds_fixture_use(&self->f, self->dev, &nowhere);
	FLUSH_WITH(ENOENT, pc_pasid(OTHER_DID, 0), piotlb_pasid(OTHER_DID, 0));
	EXPECT_REACH_BUFFERS(1);
	EXPECT_FAULT(VTD_SHADOW_FR_SM_TOP_UNREADABLE, self->dev, IOVA);

	vtds_fixture_use(&self->f, self->dev, &self->f.table);
	FLUSH_ATTACH(TABLE_DID);
	EXPECT_REACH_BUFFERS(3);
}

TEST_F(scalable, every_number_of_levels)
{
	for (unsigned int levels = 3; levels <= 5; levels++) {
		__u64 page = vtds_page(&self->f.guest);
		struct vtds_table table;

		vtds_table_init(&table, &self->f.guest, levels, 10 + levels);
		vtds_fixture_map_buffers(&self->f, &table);
		vtds_map(&table, IOVA, page, SZ_4K, PERM_RW);
		vtds_fixture_use(&self->f, self->dev, &table);
		FLUSH_ATTACH(table.did);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	}
}

TEST_HARNESS_MAIN
