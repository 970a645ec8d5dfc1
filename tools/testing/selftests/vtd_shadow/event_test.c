// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: what the VMM reads from the unit's file when the guest's tables are at
 * fault or cannot be served, and how reading and polling behave.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* An address bit that no guest here has: reserved in every paging entry */
#define BEYOND_HAW (1ULL << 51)
#define NOWHERE 0x3000000000ULL
#define SPARE_GPA 0x400000000ULL
#define OTHER_DID (SCENE_DID + 1)

/* Events that wait to be read, at most */
#define MAX_EVENTS 128
#define ROOM (MAX_EVENTS + 16)

#define BY_SID VTD_SHADOW_EVENT_SOURCE_ID
#define BY_PASID VTD_SHADOW_EVENT_PASID
#define BY_ADDRESS VTD_SHADOW_EVENT_ADDRESS

FIXTURE(event)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 page;
	struct vtd_shadow_event got[ROOM];
};

FIXTURE_VARIANT(event)
{
	bool scalable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(event, legacy)
{
	.scalable = false,
};

FIXTURE_VARIANT_ADD(event, scalable)
{
	.scalable = true,
};

/* clang-format on */

FIXTURE_SETUP(event)
{
	OPEN_SCENE(.edu = 1, .nvme = 1, .scalable = variant->scalable,
		   .queue = variant->scalable);
	/* The one that things happen to; the other one is on the table */
	self->dev = &self->s.dev[1];
	self->page = vtds_page(&self->s.guest);
	/* Tables down to the leaves */
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	ASSERT_EQ(0, vtds_events(&self->s.unit, self->got, ROOM));
}

FIXTURE_TEARDOWN(event)
{
	vtds_scene_close(&self->s);
}

#define EVENTS() vtds_events(&self->s.unit, self->got, ROOM)

/* The flags of an event about a requester, in the mode of the scene */
#define REQUESTER (BY_SID | (variant->scalable ? BY_PASID : 0))

/* Exactly one event, and it says so */
#define EXPECT_EVENT(_type, _flags, _reason, _error)                     \
	do {                                                             \
		ASSERT_EQ(1, EVENTS());                                  \
		EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_##_type,        \
			  self->got[0].type);                            \
		EXPECT_EQ((unsigned int)(_flags), self->got[0].flags);   \
		EXPECT_EQ((unsigned int)(_reason), self->got[0].reason); \
		EXPECT_EQ((unsigned int)(_error), self->got[0].error);   \
		EXPECT_EQ(0U, self->got[0].lost);                        \
		EXPECT_EQ(0ULL, self->got[0].__reserved);                \
		if (self->got[0].flags & BY_SID)                         \
			EXPECT_EQ((unsigned int)self->dev->sid,          \
				  self->got[0].source_id);               \
	} while (0)

#define EXPECT_NO_EVENT() EXPECT_EQ(0, EVENTS())

static int reason(bool scalable, int legacy_reason, int scalable_reason)
{
	return scalable ? scalable_reason : legacy_reason;
}

#define REASON(_legacy, _scalable) \
	reason(variant->scalable, FAULT_##_legacy, FAULT_##_scalable)

/* --- Root, context and PASID entries --- */

enum place { ROOT, CONTEXT, DIRECTORY, PASID };

struct bad_entry {
	enum place place;
	unsigned int qword;
	__u64 bits; /* to be flipped, or the new pointer */
	unsigned int reason;
};

static const struct bad_entry legacy_entries[] = {
	{ ROOT, 0, 1 << 0, FAULT_ROOT_NOT_PRESENT },
	{ ROOT, 0, 1 << 1, FAULT_ROOT_RESERVED },
	{ ROOT, 1, 1, FAULT_ROOT_RESERVED },
	{ ROOT, 0, NOWHERE, FAULT_CTX_UNREADABLE },
	{ CONTEXT, 0, 1 << 0, FAULT_CTX_NOT_PRESENT },
	{ CONTEXT, 0, 1 << 4, FAULT_CTX_RESERVED },
	{ CONTEXT, 1, 1 << 7, FAULT_CTX_RESERVED },
	{ CONTEXT, 0, CTX_TT(3), FAULT_CTX_INVALID },
	{ CONTEXT, 1, 7, FAULT_CTX_INVALID },
};

static const struct bad_entry scalable_entries[] = {
	{ ROOT, 0, 1 << 0, FAULT_SM_ROOT_NOT_PRESENT },
	{ ROOT, 0, 1 << 1, FAULT_SM_ROOT_RESERVED },
	{ ROOT, 0, NOWHERE, FAULT_SM_CTX_UNREADABLE },
	{ CONTEXT, 0, 1 << 0, FAULT_SM_CTX_NOT_PRESENT },
	{ CONTEXT, 0, 1 << 5, FAULT_SM_CTX_RESERVED },
	{ CONTEXT, 3, 1, FAULT_SM_CTX_RESERVED },
	{ CONTEXT, 0, NOWHERE, FAULT_DIR_UNREADABLE },
	{ DIRECTORY, 0, 1 << 0, FAULT_DIR_NOT_PRESENT },
	{ DIRECTORY, 0, 1 << 2, FAULT_DIR_RESERVED },
	{ DIRECTORY, 0, NOWHERE, FAULT_PASID_UNREADABLE },
	{ PASID, 0, 1 << 0, FAULT_PASID_NOT_PRESENT },
	{ PASID, 0, 1 << 5, FAULT_PASID_RESERVED },
	{ PASID, 7, 1, FAULT_PASID_RESERVED },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_FIRST_STAGE), FAULT_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_NESTED), FAULT_PASID_INVALID },
	{ PASID, 0, 7 << 2, FAULT_PASID_INVALID },
};

static __u64 *entry_at(struct vtds_scene *scene, struct vtds_dev *dev,
		       enum place place)
{
	struct vtds_guest *guest = &scene->guest;

	if (!scene->scalable)
		return place == ROOT ? vtds_root_entry(guest, dev->sid) :
				       vtds_ctx_entry(guest, dev->sid);
	switch (place) {
	case ROOT:
		return vtds_sm_root_half(guest, dev->sid);
	case CONTEXT:
		return vtds_sm_ctx(guest, dev->sid);
	case DIRECTORY:
		return vtds_sm_dir_entry(guest, dev->sid, 0);
	default:
		return vtds_sm_pasid(guest, dev->sid, 0);
	}
}

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
			&entry_at(&self->s, self->dev, bad->place)[bad->qword];
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
			ASSERT_EQ(0, vtds_resync(&self->s.unit));
			EXPECT_NO_EVENT();

			*qword = good;
			FLUSH(cc_global());
			EXPECT_NO_EVENT();
		}
	}
	EXPECT_AT_HOME(3);
}

/* An entry that is as bad as before, for the same reason, but another one */
TEST_F(event, entry_changes)
{
	__u64 *ctx = entry_at(&self->s, self->dev, CONTEXT);
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
	struct vtds_unit *unit = &self->s.unit;
	const __u64 mode = unit->rtaddr & 0xc00;
	const struct {
		__u64 rtaddr;
		int reason;
	} bad[] = {
		{ NOWHERE | mode, REASON(ROOT_UNREADABLE, SM_ROOT_UNREADABLE) },
		{ self->s.guest.root | 2 << 10, FAULT_SM_ROOT_ADDRESS },
		{ self->s.guest.root | 3 << 10, FAULT_SM_ROOT_ADDRESS },
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
			EXPECT_EQ((unsigned int)self->s.dev[j].sid,
				  self->got[j].source_id);
		}
		ASSERT_EQ(0, vtds_scene_state(&self->s, true));
		EXPECT_NO_EVENT();
	}
}

/* RID_PASID beyond the directory, and the PASID that the event names */
TEST_F(event, rid_pasid)
{
	if (!variant->scalable)
		SKIP(return, "legacy mode has none");
	self->s.unit.ecap |= ECAP_RPS;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_NO_EVENT();

	vtds_sm_probe(&self->s.guest, self->dev->sid, 0x12345);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_EVENT(FAULT, REQUESTER, FAULT_DIR_NOT_PRESENT, 0);
	EXPECT_EQ(0x12345U, self->got[0].pasid);

	vtds_sm_ctx(&self->s.guest, self->dev->sid)[0] &= ~SM_CTX_PDTS(7);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_EVENT(FAULT, REQUESTER, FAULT_SM_RID_PASID, 0);
	EXPECT_EQ(0x12345U, self->got[0].pasid);

	vtds_sm_probe(&self->s.guest, self->dev->sid, 0x12345);
	vtds_sm_use(&self->s.guest, self->dev->sid, 0x12345, &self->s.table);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_NO_EVENT();
}

/* --- Paging entries --- */

/* Only the device that things happen to is on this table */
static void own_table(struct vtds_scene *scene, struct vtds_dev *dev,
		      struct vtds_table *table, __u64 page)
{
	vtds_table_init(table, &scene->guest, 4, OTHER_DID);
	vtds_scene_map_homes(scene, table);
	vtds_map(table, IOVA, page, SZ_4K, PERM_RW);
	vtds_scene_use(scene, dev, table);
}

TEST_F(event, paging_entries)
{
	struct vtds_table table;

	own_table(&self->s, self->dev, &table, self->page);
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
		FLUSH_WITH(EPROTO, iotlb_domain(OTHER_DID));
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
		FLUSH_WITH(ENOENT, iotlb_domain(OTHER_DID));
		EXPECT_NO_EVENT();

		*entry = good;
		FLUSH(iotlb_domain(OTHER_DID));
		EXPECT_NO_EVENT();
	}
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

TEST_F(event, top_table)
{
	struct vtds_table nowhere = { .guest = &self->s.guest,
				      .root = NOWHERE,
				      .levels = 4,
				      .did = OTHER_DID };

	vtds_scene_use(&self->s, self->dev, &nowhere);
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

	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	spare = &self->s.guest.ram[1];
	own_table(&self->s, self->dev, &table, self->page);
	FLUSH(cc_device(self->dev->sid));

	/* Write-only, to what cannot be written */
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas, spare->hva,
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
	FLUSH_WITH(ENOENT, iotlb_domain(OTHER_DID));
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
	vtds_table_init(&table, &self->s.guest, 5, OTHER_DID);
	vtds_scene_map_homes(&self->s, &table);
	vtds_map(&table, beyond, self->page, SZ_4K, PERM_RW);
	vtds_scene_use(&self->s, self->dev, &table);
	FLUSH_WITH(ERANGE, cc_device(self->dev->sid));
	EXPECT_EVENT(INSTALL, REQUESTER | BY_ADDRESS, 0, ERANGE);
	EXPECT_EQ(beyond, self->got[0].iova);
}

/* Two devices on one table: one entry, one event */
TEST_F(event, shared_table)
{
	__u64 *leaf = vtds_entry(&self->s.table, IOVA, 1);

	*leaf |= BEYOND_HAW;
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	ASSERT_EQ(1, EVENTS());
	EXPECT_EQ((unsigned int)SCENE_DID, self->got[0].domain_id);
	EXPECT_TRUE(self->got[0].source_id == self->s.dev[0].sid ||
		    self->got[0].source_id == self->s.dev[1].sid);
}

/* --- Faults that the guest does not want to hear of --- */

static __u64 *fpd_at(struct vtds_scene *scene, struct vtds_dev *dev)
{
	return entry_at(scene, dev, scene->scalable ? PASID : CONTEXT);
}

TEST_F(event, fault_processing_disabled)
{
	__u64 *entry = fpd_at(&self->s, self->dev);

	/* Bit 0 is P, bit 1 FPD in both modes */
	*entry ^= 3;
	FLUSH(cc_global());
	EXPECT_EQ(1U, vtds_at_home(&self->s.dev[0], 1));
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
	*entry_at(&self->s, self->dev, ROOT) ^= 2;
	FLUSH(cc_global());
	EXPECT_EVENT(FAULT, REQUESTER, REASON(ROOT_RESERVED, SM_ROOT_RESERVED),
		     0);
}

/* Of a table that is shared, the one is told that wants to hear */
TEST_F(event, fault_processing_disabled_for_one)
{
	__u64 *leaf = vtds_entry(&self->s.table, IOVA, 1);

	*fpd_at(&self->s, &self->s.dev[0]) |= 2;
	FLUSH(cc_global());
	*leaf ^= BEYOND_HAW;
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	EXPECT_EVENT(FAULT, REQUESTER | BY_ADDRESS,
		     REASON(SS_RESERVED, SM_SS_RESERVED), 0);
	*leaf ^= BEYOND_HAW;
	FLUSH(iotlb_domain(SCENE_DID));

	*fpd_at(&self->s, self->dev) |= 2;
	FLUSH(cc_global());
	*leaf ^= BEYOND_HAW;
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	EXPECT_NO_EVENT();
}

/* --- Source-ids and groups that disagree --- */

TEST_F(event, conflict_of_source_ids)
{
	const __u16 sids[] = { self->dev->sid, 0x3000 };
	struct vtds_dev alias = { .sid = 0x3000 };

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->dev->dev_id));
	vtds_scene_use(&self->s, &alias, &self->s.table);
	ASSERT_EQ(0, vtds_add_device(&self->s.unit, self->dev->dev_id,
				     self->s.vmm.ioas, sids, 2));
	EXPECT_NO_EVENT();
	EXPECT_AT_HOME(3);

	/* Both valid, and not the same */
	*entry_at(&self->s, &alias, variant->scalable ? PASID : CONTEXT) ^=
		variant->scalable ?
			PASID_PGTT(PGTT_SECOND_STAGE ^ PGTT_PASS_THROUGH) :
			CTX_TT_PASS_THROUGH;
	FLUSH(cc_device(alias.sid));
	EXPECT_EVENT(CONFLICT, REQUESTER, 0, 0);
	EXPECT_AT_HOME(1);
	FLUSH(cc_global());
	EXPECT_NO_EVENT();
	vtds_scene_use(&self->s, &alias, &self->s.table);
	FLUSH(cc_device(alias.sid));
	EXPECT_NO_EVENT();
	EXPECT_AT_HOME(3);
}

FIXTURE(group)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	struct vtd_shadow_event got[ROOM];
};

FIXTURE_SETUP(group)
{
	OPEN_SCENE(.shared = 2);
	self->dev = &self->s.dev[0];
}

FIXTURE_TEARDOWN(group)
{
	vtds_scene_close(&self->s);
}

TEST_F(group, conflict)
{
	EXPECT_NO_EVENT();
	vtds_ctx_set(&self->s.guest, self->s.dev[1].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_global());
	EXPECT_EVENT(CONFLICT, BY_SID, 0, 0);
	EXPECT_AT_HOME(0);
	FLUSH(cc_global());
	EXPECT_NO_EVENT();

	vtds_ctx_use(&self->s.guest, self->s.dev[1].sid, &self->s.table);
	FLUSH(cc_global());
	EXPECT_NO_EVENT();
	EXPECT_AT_HOME(3);
	vtds_ctx_set(&self->s.guest, self->s.dev[1].sid,
		     CTX_TT_PASS_THROUGH | CTX_P, CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_global());
	EXPECT_EVENT(CONFLICT, BY_SID, 0, 0);
}

/* --- Limits --- */

FIXTURE(limit)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	struct vtd_shadow_event got[ROOM];
};

FIXTURE_SETUP(limit)
{
	OPEN_SCENE(.nvme = 1, .max_pages = 100);
	self->dev = &self->s.dev[0];
}

FIXTURE_TEARDOWN(limit)
{
	vtds_scene_close(&self->s);
}

/* Once, however many entries are behind it, and again after a call without */
TEST_F(limit, of_pages)
{
	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int i = 0; i < 400; i++)
			vtds_map(&self->s.table, IOVA + i * SZ_4K, RAM_GPA,
				 SZ_4K, PERM_RW);
		FLUSH_WITH(ENOSPC, iotlb_domain(SCENE_DID));
		EXPECT_EVENT(INSTALL, 0, 0, ENOSPC);
		FLUSH_WITH(ENOSPC, iotlb_domain(SCENE_DID));
		EXPECT_NO_EVENT();
		for (unsigned int i = 0; i < 400; i++)
			vtds_unmap(&self->s.table, IOVA + i * SZ_4K, SZ_4K);
		FLUSH(iotlb_domain(SCENE_DID));
		EXPECT_NO_EVENT();
	}
}

/* --- Nobody reads --- */

static void spoil_leaves(struct vtds_table *table, __u64 iova, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		*vtds_entry(table, iova + i * SZ_4K, 1) = SS_RW | BEYOND_HAW;
}

TEST_F(event, overflow)
{
	const unsigned int more = 72;

	spoil_leaves(&self->s.table, IOVA, MAX_EVENTS + more);
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	ASSERT_EQ(MAX_EVENTS + 1, EVENTS());
	for (unsigned int i = 0; i < MAX_EVENTS; i++) {
		EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_FAULT,
			  self->got[i].type);
		EXPECT_EQ(IOVA + i * SZ_4K, self->got[i].iova);
		EXPECT_EQ(0U, self->got[i].lost);
	}
	EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_LOST,
		  self->got[MAX_EVENTS].type);
	EXPECT_EQ(0U, self->got[MAX_EVENTS].flags);
	EXPECT_EQ(more, self->got[MAX_EVENTS].lost);
	EXPECT_NO_EVENT();

	/* As before it */
	spoil_leaves(&self->s.table, IOVA + SZ_2M, 3);
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	EXPECT_EQ(3, EVENTS());

	/* Exactly as many as there is room for */
	spoil_leaves(&self->s.table, IOVA + 2 * SZ_2M, MAX_EVENTS);
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	EXPECT_EQ(MAX_EVENTS, EVENTS());
	EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_FAULT,
		  self->got[MAX_EVENTS - 1].type);
}

/* Some are read, some come, while some are lost: in order, and all accounted for */
TEST_F(event, overflow_in_between)
{
	unsigned int seen = 0, lost = 0;

	spoil_leaves(&self->s.table, IOVA, MAX_EVENTS + 10);
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	ASSERT_EQ(50, vtds_events(&self->s.unit, self->got, 50));
	spoil_leaves(&self->s.table, IOVA + SZ_2M, 20);
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	for (int nr = 50; nr > 0; nr = EVENTS())
		for (int i = 0; i < nr; i++) {
			seen += self->got[i].type == VTD_SHADOW_EVENT_FAULT;
			lost += self->got[i].lost;
		}
	EXPECT_EQ(MAX_EVENTS + 10U + 20U, seen + lost);
	EXPECT_LT(0U, lost);
}

/* --- Reading --- */

/* One fault, from an entry that is put right again at once */
static int make_fault(struct vtds_scene *scene, struct vtds_dev *dev)
{
	const struct vtds_desc flush = cc_device(dev->sid);
	__u64 *ctx = entry_at(scene, dev, CONTEXT);
	int rc;

	*ctx ^= 1;
	rc = vtds_flush(&scene->unit, &flush, 1);
	*ctx ^= 1;
	return rc ?: vtds_flush(&scene->unit, &flush, 1);
}

TEST_F(event, poll)
{
	struct pollfd pollfd = { .fd = self->s.unit.fd,
				 .events = POLLIN | POLLOUT };

	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	EXPECT_EQ(0, poll(&pollfd, 1, 20));
	ASSERT_EQ(0, make_fault(&self->s, self->dev));
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(POLLIN, pollfd.revents);
	EXPECT_EQ(1, poll(&pollfd, 1, -1));
	EXPECT_EQ(1, EVENTS());
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
}

TEST_F(event, non_blocking)
{
	const int fd = self->s.unit.fd;

	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(fd, self->got, sizeof(self->got)));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, make_fault(&self->s, self->dev));
	EXPECT_EQ((ssize_t)sizeof(self->got[0]),
		  read(fd, self->got, sizeof(self->got)));
	EXPECT_EQ(-1, read(fd, self->got, sizeof(self->got)));
	EXPECT_EQ(EAGAIN, errno);
}

/* Whole events only; what is not asked for stays */
TEST_F(event, buffers)
{
	const size_t one = sizeof(self->got[0]);
	const int fd = self->s.unit.fd;

	EXPECT_EQ(48U, one);
	for (unsigned int i = 0; i < 4; i++)
		ASSERT_EQ(0, make_fault(&self->s, self->dev));
	EXPECT_EQ(-1, read(fd, self->got, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(fd, self->got, one - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ((ssize_t)one, read(fd, self->got, one));
	EXPECT_EQ((ssize_t)one, read(fd, self->got, 2 * one - 1));
	EXPECT_EQ((ssize_t)(2 * one), read(fd, self->got, 64 * one));
	EXPECT_NO_EVENT();
	EXPECT_EQ(-1, write(fd, self->got, one));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(event, bad_buffers)
{
	const size_t one = sizeof(self->got[0]);
	const int fd = self->s.unit.fd;
	char *page = mmap(NULL, 2 * SZ_4K, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, mprotect(page + SZ_4K, SZ_4K, PROT_NONE));
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_EQ(0, make_fault(&self->s, self->dev));
	/* One fits, and is returned */
	EXPECT_EQ((ssize_t)one, read(fd, page + SZ_4K - one, 3 * one));
	EXPECT_EQ(-1, read(fd, (void *)-SZ_4K, one));
	EXPECT_EQ(EFAULT, errno);
	while (EVENTS() > 0)
		;
	munmap(page, 2 * SZ_4K);
}

struct reader {
	int fd;
	struct vtd_shadow_event event;
	ssize_t got;
	int error;
	pthread_t thread;
	pid_t tid;
	bool done;
};

static void *read_one(void *arg)
{
	struct reader *r = arg;

	__atomic_store_n(&r->tid, gettid(), __ATOMIC_RELEASE);
	r->got = read(r->fd, &r->event, sizeof(r->event));
	r->error = errno;
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool sleeps(pid_t tid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S';
}

/* On return it sleeps in read(): a signal before that would be lost to it. */
static int reader_start(struct reader *r, int fd)
{
	*r = (struct reader){ .fd = fd };
	if (pthread_create(&r->thread, NULL, read_one, r))
		return -1;
	while (!__atomic_load_n(&r->tid, __ATOMIC_ACQUIRE) || !sleeps(r->tid)) {
		if (__atomic_load_n(&r->done, __ATOMIC_ACQUIRE))
			return -1;
		vtds_sleep_ms(5);
	}
	return 0;
}

/* It sleeps until there is something, and the ioctls go on meanwhile */
TEST_F(event, reader_in_another_thread)
{
	struct reader readers[2];

	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0, reader_start(&readers[i], self->s.unit.fd));
	FLUSH(iotlb_global(), cc_global());
	EXPECT_AT_HOME(3);
	EXPECT_FALSE(readers[0].done || readers[1].done);

	/* One each */
	ASSERT_EQ(0, make_fault(&self->s, self->dev));
	ASSERT_EQ(0, make_fault(&self->s, self->dev));
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(readers[i].thread, NULL));
		EXPECT_EQ((ssize_t)sizeof(readers[i].event), readers[i].got);
		EXPECT_EQ((unsigned int)self->dev->sid,
			  readers[i].event.source_id);
	}
	EXPECT_NO_EVENT();
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST_F(event, reader_and_signals)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct reader reader;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, reader_start(&reader, self->s.unit.fd));
	ASSERT_EQ(0, pthread_kill(reader.thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	EXPECT_EQ(-1, reader.got);
	EXPECT_EQ(EINTR, reader.error);

	/* A handler that restarts does not end it */
	action.sa_flags = SA_RESTART;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, reader_start(&reader, self->s.unit.fd));
	ASSERT_EQ(0, pthread_kill(reader.thread, SIGUSR1));
	vtds_sleep_ms(50);
	EXPECT_FALSE(__atomic_load_n(&reader.done, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, make_fault(&self->s, self->dev));
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	EXPECT_EQ((ssize_t)sizeof(reader.event), reader.got);
}

/* The file is closed under the reader: it reads on, and ends with its file */
TEST_F(event, closed_with_events_and_a_reader)
{
	int other = dup(self->s.unit.fd), status;
	pid_t pid;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, make_fault(&self->s, self->dev));
	close(self->s.unit.fd);
	self->s.unit.fd = other;
	EXPECT_EQ(1, EVENTS());

	/* A process that only reads, killed while it sleeps */
	pid = fork();
	if (!pid) {
		read(other, self->got, sizeof(self->got));
		_exit(0);
	}
	vtds_sleep_ms(50);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, make_fault(&self->s, self->dev));
	EXPECT_AT_HOME(3);
	/* With one that nobody has read */
	vtds_unit_close(&self->s.unit);
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
}

/* A unit that is not bound has none */
TEST_F(event, before_bind)
{
	struct vtds_unit unit;

	ASSERT_EQ(0, vtds_unit_open(&unit));
	EXPECT_EQ(0, vtds_events(&unit, self->got, ROOM));
	ASSERT_EQ(0, fcntl(unit.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(unit.fd, self->got, sizeof(self->got)));
	EXPECT_EQ(EAGAIN, errno);
	vtds_unit_close(&unit);
}

DMA_TEST_MAIN
