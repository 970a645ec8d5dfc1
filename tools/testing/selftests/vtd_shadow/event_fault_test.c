// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events about entries and tables of the guest that are at fault, disagree or cannot be
 * served: which come, what they say, and which the guest does not want to hear of.
 */
#include <errno.h>

#include "event_fixture.h"

struct bad_entry {
	enum place place;
	unsigned int qword;
	__u64 bits; /* to be flipped, or the new pointer */
	unsigned int reason;
};

static const struct bad_entry legacy_entries[] = {
	{ ROOT, 0, 1 << 0, VTD_SHADOW_FR_ROOT_NOT_PRESENT },
	{ ROOT, 0, 1 << 1, VTD_SHADOW_FR_ROOT_RESERVED },
	{ ROOT, 1, 1, VTD_SHADOW_FR_ROOT_RESERVED },
	{ ROOT, 0, NOWHERE, VTD_SHADOW_FR_CTX_UNREADABLE },
	{ CONTEXT, 0, 1 << 0, VTD_SHADOW_FR_CTX_NOT_PRESENT },
	{ CONTEXT, 0, 1 << 4, VTD_SHADOW_FR_CTX_RESERVED },
	{ CONTEXT, 1, 1 << 7, VTD_SHADOW_FR_CTX_RESERVED },
	{ CONTEXT, 0, CTX_TT(3), VTD_SHADOW_FR_CTX_INVALID },
	{ CONTEXT, 1, 7, VTD_SHADOW_FR_CTX_INVALID },
};

static const struct bad_entry scalable_entries[] = {
	{ ROOT, 0, 1 << 0, VTD_SHADOW_FR_SM_ROOT_NOT_PRESENT },
	{ ROOT, 0, 1 << 1, VTD_SHADOW_FR_SM_ROOT_RESERVED },
	{ ROOT, 0, NOWHERE, VTD_SHADOW_FR_SM_CTX_UNREADABLE },
	{ CONTEXT, 0, 1 << 0, VTD_SHADOW_FR_SM_CTX_NOT_PRESENT },
	{ CONTEXT, 0, 1 << 5, VTD_SHADOW_FR_SM_CTX_RESERVED },
	{ CONTEXT, 3, 1, VTD_SHADOW_FR_SM_CTX_RESERVED },
	{ CONTEXT, 0, NOWHERE, VTD_SHADOW_FR_DIR_UNREADABLE },
	{ DIRECTORY, 0, 1 << 0, VTD_SHADOW_FR_DIR_NOT_PRESENT },
	{ DIRECTORY, 0, 1 << 2, VTD_SHADOW_FR_DIR_RESERVED },
	{ DIRECTORY, 0, NOWHERE, VTD_SHADOW_FR_PASID_UNREADABLE },
	{ PASID, 0, 1 << 0, VTD_SHADOW_FR_PASID_NOT_PRESENT },
	{ PASID, 0, 1 << 5, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 7, 1, VTD_SHADOW_FR_PASID_RESERVED },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_FIRST_STAGE),
	  VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_NESTED), VTD_SHADOW_FR_PASID_INVALID },
	{ PASID, 0, 7 << 2, VTD_SHADOW_FR_PASID_INVALID },
};

/* Every reason, once; nothing when it is looked at again; again when it changed */
TEST_F(event, entries)
{
	const struct bad_entry *entries = legacy_entries;
	unsigned int nr = ARRAY_SIZE(legacy_entries);

	if (variant->scalable) {
		entries = scalable_entries;
		nr = ARRAY_SIZE(scalable_entries);
	}
	for (unsigned int i = 0; i < nr; i++) {
		const struct bad_entry *bad = &entries[i];
		__u64 *qword =
			&entry_at(&self->f, self->dev, bad->place)[bad->qword];
		const __u64 good = *qword;

		for (unsigned int turn = 0; turn < 2; turn++) {
			*qword = bad->bits == NOWHERE ?
					 NOWHERE | (good & 0xfff) :
					 good ^ bad->bits;
			FLUSH(cc_global());
			TH_LOG("entry %u", i);
			EXPECT_EVENT(FAULT, REQUESTER, bad->reason, 0);
			EXPECT_EQ(0U, self->got[0].domain_id);
			EXPECT_EQ(0U, self->got[0].pasid);
			FLUSH(cc_global(), cc_device(self->dev->sid));
			ASSERT_EQ(0, vtds_resync(&self->f.unit));
			EXPECT_NO_EVENT();

			*qword = good;
			FLUSH(cc_global());
			EXPECT_NO_EVENT();
		}
	}
	EXPECT_REACH_BUFFERS(3);
}

/* An entry that is as bad as before, for the same reason, but another one */
TEST_F(event, entry_changes)
{
	__u64 *ctx = entry_at(&self->f, self->dev, CONTEXT);
	const unsigned int bit = variant->scalable ? 5 : 4;

	for (unsigned int i = 0; i < 3; i++) {
		*ctx ^= 1ULL << (bit + i);
		FLUSH(cc_device(self->dev->sid));
		EXPECT_EVENT(FAULT, REQUESTER,
			     REASON(CTX_RESERVED, SM_CTX_RESERVED), 0);
		FLUSH(cc_device(self->dev->sid));
		EXPECT_NO_EVENT();
	}
}

/* A root table that cannot be one: for each device */
TEST_F(event, root_table)
{
	struct vtds_unit *unit = &self->f.unit;
	const __u64 mode = unit->rtaddr & 0xc00;
	const struct {
		__u64 rtaddr;
		int reason;
	} bad[] = {
		{ NOWHERE | mode, REASON(ROOT_UNREADABLE, SM_ROOT_UNREADABLE) },
		{ self->f.guest.root | 2 << 10, VTD_SHADOW_FR_ROOT_ADDRESS },
		{ self->f.guest.root | 3 << 10, VTD_SHADOW_FR_ROOT_ADDRESS },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		unit->rtaddr = bad[i].rtaddr;
		ASSERT_EQ(0, vtds_set_state(unit));
		ASSERT_EQ(2, EVENTS());
		for (unsigned int j = 0; j < 2; j++) {
			EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_FAULT,
				  self->got[j].type);
			EXPECT_EQ((unsigned int)bad[i].reason,
				  self->got[j].reason);
			EXPECT_EQ((unsigned int)self->f.dev[j].sid,
				  self->got[j].source_id);
		}
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		EXPECT_NO_EVENT();
	}
}

/* RID_PASID beyond the directory, and the PASID that the event names */
TEST_F(event, rid_pasid)
{
	if (!variant->scalable)
		SKIP(return, "legacy mode has none");
	self->f.unit.ecap |= ECAP_RPS;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_NO_EVENT();

	vtds_sm_probe(&self->f.guest, self->dev->sid, 0x12345);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_EVENT(FAULT, REQUESTER, VTD_SHADOW_FR_DIR_NOT_PRESENT, 0);
	EXPECT_EQ(0x12345U, self->got[0].pasid);

	vtds_sm_ctx(&self->f.guest, self->dev->sid)[0] &= ~SM_CTX_PDTS(7);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_EVENT(FAULT, REQUESTER, VTD_SHADOW_FR_SM_RID_PASID, 0);
	EXPECT_EQ(0x12345U, self->got[0].pasid);

	vtds_sm_probe(&self->f.guest, self->dev->sid, 0x12345);
	vtds_sm_use(&self->f.guest, self->dev->sid, 0x12345, &self->f.table);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_NO_EVENT();
}

/* --- Paging entries --- */

/* Only the device that things happen to is on this table */
static void own_table(struct vtds_fixture *f, struct vtds_dev *dev,
		      struct vtds_table *table, __u64 page)
{
	vtds_table_init(table, &f->guest, 4, OTHER_DID);
	vtds_fixture_map_buffers(f, table);
	vtds_map(table, IOVA, page, SZ_4K, PERM_RW);
	vtds_fixture_use(f, dev, table);
}

TEST_F(event, paging_entries)
{
	struct vtds_table table;

	own_table(&self->f, self->dev, &table, self->page);
	FLUSH(cc_device(self->dev->sid), iotlb_domain(OTHER_DID));
	EXPECT_NO_EVENT();
	for (unsigned int level = 1; level <= 3; level++) {
		__u64 *entry = vtds_entry(&table, IOVA, level);
		const __u64 good = *entry;

		/* Reserved bits */
		*entry = good | BEYOND_HAW;
		FLUSH_WITH(EPROTO, iotlb_domain(OTHER_DID));
		EXPECT_EVENT(FAULT, REQUESTER | BY_ADDRESS,
			     REASON(SS_RESERVED, SM_SS_RESERVED), 0);
		EXPECT_EQ(IOVA & ~((SZ_4K << (9 * (level - 1))) - 1),
			  self->got[0].iova);
		EXPECT_EQ((unsigned int)OTHER_DID, self->got[0].domain_id);
		FLUSH(iotlb_domain(OTHER_DID));
		EXPECT_NO_EVENT();
		/* Another one */
		*entry = good | BEYOND_HAW | 1ULL << 52;
		FLUSH_WITH(EPROTO, iotlb_domain(OTHER_DID));
		EXPECT_EQ(1, EVENTS());

		/* To where there is no memory: a fault for a table, a gap for a leaf */
		*entry = NOWHERE | SS_RW;
		FLUSH_WITH(ENOENT, iotlb_domain(OTHER_DID));
		if (level == 1)
			EXPECT_EVENT(INSTALL, REQUESTER | BY_ADDRESS, 0,
				     ENOENT);
		else
			EXPECT_EVENT(FAULT, REQUESTER | BY_ADDRESS,
				     REASON(TABLE_UNREADABLE,
					    SM_TABLE_UNREADABLE),
				     0);
		FLUSH(iotlb_domain(OTHER_DID));
		EXPECT_NO_EVENT();
		/* All is tried again, which is no news */
		ASSERT_EQ(0, vtds_resync(&self->f.unit));
		EXPECT_EQ((unsigned int)ENOENT, self->f.unit.install_errno);
		EXPECT_NO_EVENT();

		*entry = good;
		FLUSH(iotlb_domain(OTHER_DID));
		EXPECT_NO_EVENT();
	}
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

TEST_F(event, top_table)
{
	struct vtds_table nowhere = { .guest = &self->f.guest,
				      .root = NOWHERE,
				      .levels = 4,
				      .did = OTHER_DID };

	vtds_fixture_use(&self->f, self->dev, &nowhere);
	FLUSH_WITH(ENOENT, cc_device(self->dev->sid));
	EXPECT_EVENT(FAULT, REQUESTER | BY_ADDRESS,
		     REASON(CTX_INVALID, SM_TOP_UNREADABLE), 0);
	FLUSH_WITH(ENOENT, iotlb_domain(OTHER_DID));
	EXPECT_NO_EVENT();
}

/* What is asked for in order and cannot be had */
TEST_F(event, not_installed)
{
	struct vtds_table table;
	struct vtds_ram *spare;

	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	spare = &self->f.guest.ram[1];
	own_table(&self->f, self->dev, &table, self->page);
	FLUSH(cc_device(self->dev->sid));

	/* Write-only, to what cannot be written */
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, spare->hva,
				   SPARE_GPA, SZ_1M, PERM_R));
	vtds_map(&table, IOVA, SPARE_GPA, SZ_4K, PERM_W);
	FLUSH_WITH(EPERM, iotlb_domain(OTHER_DID));
	EXPECT_EVENT(INSTALL, REQUESTER | BY_ADDRESS, 0, EPERM);
	EXPECT_EQ(IOVA, self->got[0].iova);
	vtds_unmap(&table, IOVA, SZ_4K);
	FLUSH(iotlb_domain(OTHER_DID));

	/* A superpage of which half is no memory is one entry */
	vtds_map(&table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_domain(OTHER_DID));
	EXPECT_EVENT(INSTALL, REQUESTER | BY_ADDRESS, 0, ENOENT);
	EXPECT_EQ(IOVA + SZ_1M, self->got[0].iova);
	FLUSH(iotlb_domain(OTHER_DID));
	EXPECT_NO_EVENT();
	vtds_unmap(&table, IOVA, SZ_2M);
	FLUSH(iotlb_domain(OTHER_DID));
	EXPECT_NO_EVENT();
}

/* Beyond what any host reaches: 57 bits */
TEST_F(event, beyond_the_host)
{
	const __u64 beyond = 1ULL << 56;
	struct vtds_table table;

	if (host.last >= beyond)
		SKIP(return, "the host maps all that a guest can");
	vtds_table_init(&table, &self->f.guest, 5, OTHER_DID);
	vtds_fixture_map_buffers(&self->f, &table);
	vtds_map(&table, beyond, self->page, SZ_4K, PERM_RW);
	vtds_fixture_use(&self->f, self->dev, &table);
	FLUSH_WITH(ERANGE, cc_device(self->dev->sid));
	EXPECT_EVENT(INSTALL, REQUESTER | BY_ADDRESS, 0, ERANGE);
	EXPECT_EQ(beyond, self->got[0].iova);
}

/* Two devices on one table: one entry, one event */
TEST_F(event, shared_table)
{
	__u64 *leaf = vtds_entry(&self->f.table, IOVA, 1);

	*leaf |= BEYOND_HAW;
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	ASSERT_EQ(1, EVENTS());
	EXPECT_EQ((unsigned int)TABLE_DID, self->got[0].domain_id);
	EXPECT_TRUE(self->got[0].source_id == self->f.dev[0].sid ||
		    self->got[0].source_id == self->f.dev[1].sid);
}

/* --- Faults that the guest does not want to hear of --- */

TEST_F(event, fault_processing_disabled)
{
	__u64 *entry = fpd_at(&self->f, self->dev);

	/* Bit 0 is P, bit 1 FPD in both modes */
	*entry ^= 3;
	FLUSH(cc_global());
	EXPECT_EQ(1U, vtds_reach_buffers(&self->f.dev[0], 1));
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_NO_EVENT();
	/* The reason is there all the same */
	EXPECT_FAULT(REASON(CTX_NOT_PRESENT, PASID_NOT_PRESENT), self->dev,
		     IOVA);
	*entry ^= 2;
	FLUSH(cc_global());
	EXPECT_EVENT(FAULT, REQUESTER,
		     REASON(CTX_NOT_PRESENT, PASID_NOT_PRESENT), 0);

	/* What is above the entry cannot be hidden by it */
	*entry ^= 3;
	*entry_at(&self->f, self->dev, ROOT) ^= 2;
	FLUSH(cc_global());
	EXPECT_EVENT(FAULT, REQUESTER, REASON(ROOT_RESERVED, SM_ROOT_RESERVED),
		     0);
}

/* Of a table that is shared, the one is told that wants to hear */
TEST_F(event, fault_processing_disabled_for_one)
{
	__u64 *leaf = vtds_entry(&self->f.table, IOVA, 1);

	*fpd_at(&self->f, &self->f.dev[0]) |= 2;
	FLUSH(cc_global());
	*leaf ^= BEYOND_HAW;
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	EXPECT_EVENT(FAULT, REQUESTER | BY_ADDRESS,
		     REASON(SS_RESERVED, SM_SS_RESERVED), 0);
	*leaf ^= BEYOND_HAW;
	FLUSH(iotlb_domain(TABLE_DID));

	*fpd_at(&self->f, self->dev) |= 2;
	FLUSH(cc_global());
	*leaf ^= BEYOND_HAW;
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	EXPECT_NO_EVENT();
}

/* --- Conflicts and limits --- */

TEST_F(event, conflict_of_source_ids)
{
	const __u16 sids[] = { self->dev->sid, 0x3000 };
	struct vtds_dev alias = { .sid = 0x3000 };

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	vtds_fixture_use(&self->f, &alias, &self->f.table);
	ASSERT_EQ(0, vtds_add_device(&self->f.unit, self->dev->dev_id,
				     self->f.vmm.ioas, sids, 2));
	EXPECT_NO_EVENT();
	EXPECT_REACH_BUFFERS(3);

	/* Both valid, and not the same */
	*entry_at(&self->f, &alias, variant->scalable ? PASID : CONTEXT) ^=
		variant->scalable ?
			PASID_PGTT(PGTT_SECOND_STAGE ^ PGTT_PASS_THROUGH) :
			CTX_TT_PASS_THROUGH;
	FLUSH(cc_device(alias.sid));
	EXPECT_EVENT(CONFLICT, REQUESTER, 0, 0);
	EXPECT_REACH_BUFFERS(1);
	FLUSH(cc_global());
	EXPECT_NO_EVENT();
	vtds_fixture_use(&self->f, &alias, &self->f.table);
	FLUSH(cc_device(alias.sid));
	EXPECT_NO_EVENT();
	EXPECT_REACH_BUFFERS(3);
}

FIXTURE(group)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	struct vtd_shadow_event got[ROOM];
};

FIXTURE_SETUP(group)
{
	OPEN_FIXTURE(.shared = 2);
	self->dev = &self->f.dev[0];
}

FIXTURE_TEARDOWN(group)
{
	vtds_fixture_close(&self->f);
}

TEST_F(group, conflict)
{
	EXPECT_NO_EVENT();
	vtds_ctx_set(&self->f.guest, self->f.dev[1].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_global());
	EXPECT_EVENT(CONFLICT, BY_SID, 0, 0);
	EXPECT_REACH_BUFFERS(0);
	FLUSH(cc_global());
	EXPECT_NO_EVENT();

	vtds_ctx_use(&self->f.guest, self->f.dev[1].sid, &self->f.table);
	FLUSH(cc_global());
	EXPECT_NO_EVENT();
	EXPECT_REACH_BUFFERS(3);
	vtds_ctx_set(&self->f.guest, self->f.dev[1].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_global());
	EXPECT_EVENT(CONFLICT, BY_SID, 0, 0);
}

FIXTURE(limit)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	struct vtd_shadow_event got[ROOM];
};

FIXTURE_SETUP(limit)
{
	OPEN_FIXTURE(.nvme = 1, .max_pages = 100);
	self->dev = &self->f.dev[0];
}

FIXTURE_TEARDOWN(limit)
{
	vtds_fixture_close(&self->f);
}

/* Once, however many entries are behind it, and again after a call without */
TEST_F(limit, of_pages)
{
	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int i = 0; i < 400; i++)
			vtds_map(&self->f.table, IOVA + i * SZ_4K, RAM_GPA,
				 SZ_4K, PERM_RW);
		FLUSH_WITH(ENOSPC, iotlb_domain(TABLE_DID));
		EXPECT_EVENT(INSTALL, 0, 0, ENOSPC);
		FLUSH_WITH(ENOSPC, iotlb_domain(TABLE_DID));
		EXPECT_NO_EVENT();
		for (unsigned int i = 0; i < 400; i++)
			vtds_unmap(&self->f.table, IOVA + i * SZ_4K, SZ_4K);
		FLUSH(iotlb_domain(TABLE_DID));
		EXPECT_NO_EVENT();
	}
}

DMA_TEST_MAIN
