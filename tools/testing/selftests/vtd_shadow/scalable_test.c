// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest in scalable mode: root halves, context entries, PASID directory and
 * table, and the descriptors that announce changes of them, as Linux sends them.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define OTHER_DID (SCENE_DID + 1)

/* An address in the guest's address width that is no memory */
#define NOWHERE 0x3000000000ULL

/* --- An NVMe device under test and an edu that must not notice --- */

FIXTURE(scalable)
{
	struct vtds_scene s;
	struct vtds_dev *other;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_VARIANT(scalable)
{
	bool queue;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(scalable, array)
{
	.queue = false,
};

FIXTURE_VARIANT_ADD(scalable, guest_queue)
{
	.queue = true,
};

/* clang-format on */

FIXTURE_SETUP(scalable)
{
	OPEN_SCENE(.edu = 1, .nvme = 1, .scalable = true,
		   .queue = variant->queue);
	self->other = &self->s.dev[0];
	self->dev = &self->s.dev[1];
	self->page = vtds_page(&self->s.guest);
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
}

FIXTURE_TEARDOWN(scalable)
{
	vtds_scene_close(&self->s);
}

/* What Linux sends when it attaches: nothing of the type that flushes the IOTLB */
#define FLUSH_ATTACH(_did)                                             \
	do {                                                           \
		FLUSH(pc_pasid(_did, 0), wait_status(RAM_GPA, 2));     \
		FLUSH(piotlb_pasid(_did, 0), wait_status(RAM_GPA, 2)); \
	} while (0)

/* And when it detaches second stage */
#define FLUSH_DETACH(_did)                                          \
	do {                                                        \
		FLUSH(pc_pasid(_did, 0), wait_status(RAM_GPA, 2));  \
		FLUSH(iotlb_domain(_did), wait_status(RAM_GPA, 2)); \
	} while (0)

static __u64 *pasid_entry(struct vtds_scene *scene, const struct vtds_dev *dev)
{
	return vtds_sm_pasid(&scene->guest, dev->sid, 0);
}

static void pass_through(struct vtds_scene *scene, const struct vtds_dev *dev)
{
	vtds_sm_set(&scene->guest, dev->sid, 0,
		    NOWHERE | PASID_PGTT(PGTT_PASS_THROUGH) | PASID_AW(4) |
			    PASID_P,
		    1);
}

/* --- As Linux does it --- */

/* Probe, then attach: the PASID entry, announced by type 7 and type 6 only */
TEST_F(scalable, probe_and_attach)
{
	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->dev->dev_id));
	self->dev->sid = 0x4000;
	vtds_sm_probe(&self->s.guest, self->dev->sid, 0);
	FLUSH(cc_device(self->dev->sid), wait_status(RAM_GPA, 2));
	FLUSH(iotlb_domain(0), wait_status(RAM_GPA, 2));
	ASSERT_EQ(0, vtds_scene_add(&self->s, self->dev));
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_FAULT(FAULT_DIR_NOT_PRESENT, self->dev, IOVA);
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));

	vtds_sm_use(&self->s.guest, self->dev->sid, 0, &self->s.table);
	/* Nothing happens before it is announced */
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
	FLUSH_ATTACH(SCENE_DID);
	EXPECT_ATTACHED(SHADOW, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_EQ(1UL, STAT(domains));
}

/* P first, flush, then all of it, of which nothing is said */
TEST_F(scalable, detach_in_two_steps)
{
	__u64 *entry = pasid_entry(&self->s, self->dev);

	entry[0] &= ~PASID_P;
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	FLUSH(pc_pasid(SCENE_DID, 0), wait_status(RAM_GPA, 2));
	/* Dead with the first of the two submissions already */
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
	FLUSH(iotlb_domain(SCENE_DID), wait_status(RAM_GPA, 2));
	EXPECT_AT_HOME(1);
	EXPECT_FAULT(FAULT_PASID_NOT_PRESENT, self->dev, IOVA);
	memset(entry, 0, 64);
	EXPECT_AT_HOME(1);

	vtds_scene_use(&self->s, self->dev, &self->s.table);
	FLUSH_ATTACH(SCENE_DID);
	EXPECT_AT_HOME(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* The device goes: its context entry, with a domain-id that means nothing */
TEST_F(scalable, release)
{
	__u64 *ctx = vtds_sm_ctx(&self->s.guest, self->dev->sid);

	ctx[0] &= ~SM_CTX_P;
	FLUSH(cc_device_mask(0x7777, self->dev->sid, 0),
	      wait_status(RAM_GPA, 2));
	EXPECT_AT_HOME(1);
	EXPECT_FAULT(FAULT_SM_CTX_NOT_PRESENT, self->dev, IOVA);

	ctx[0] |= SM_CTX_P;
	FLUSH(cc_device(self->dev->sid));
	EXPECT_AT_HOME(3);
}

TEST_F(scalable, pass_through_on_and_off)
{
	__u64 *entry = pasid_entry(&self->s, self->dev);

	entry[0] &= ~PASID_P;
	FLUSH_DETACH(SCENE_DID);
	pass_through(&self->s, self->dev);
	FLUSH_ATTACH(1);
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, self->page, self->page);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_ATTACHED(SHADOW, self->other);

	entry[0] &= ~PASID_P;
	FLUSH(pc_pasid(1, 0), piotlb_pasid(1, 0));
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
	vtds_scene_use(&self->s, self->dev, &self->s.table);
	FLUSH_ATTACH(SCENE_DID);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_DEAD(self->dev, self->page, self->page);
	EXPECT_AT_HOME(3);
}

TEST_F(scalable, switch_of_domains)
{
	__u64 page = vtds_page(&self->s.guest);
	struct vtds_table other;

	vtds_table_init(&other, &self->s.guest, 3, OTHER_DID);
	vtds_scene_map_homes(&self->s, &other);
	vtds_map(&other, IOVA, page, SZ_4K, PERM_RW);

	pasid_entry(&self->s, self->dev)[0] &= ~PASID_P;
	FLUSH_DETACH(SCENE_DID);
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
	vtds_scene_use(&self->s, self->dev, &other);
	FLUSH_ATTACH(OTHER_DID);
	EXPECT_EQ(2UL, STAT(domains));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->s.guest, self->dev, IOVA, self->page));
	EXPECT_AT_HOME(3);

	/* At one stroke, and announced by the first of the two only */
	vtds_scene_use(&self->s, self->dev, &self->s.table);
	FLUSH(pc_pasid(SCENE_DID, 0));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_EQ(1UL, STAT(domains));
}

/* Two devices on one table: one shadow, one flush for both */
TEST_F(scalable, two_devices_one_table)
{
	EXPECT_EQ(1UL, STAT(domains));
	EXPECT_EQ(2 * VTDS_HOME_SIZE / SZ_4K + 1, STAT(pages));
	EXPECT_REACH(PERM_RW, self->other, IOVA, self->page);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_DEAD(self->other, IOVA, self->page);
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/* --- Every descriptor and granularity --- */

/* A domain-id, a PASID, all: any of them makes an attach and a detach */
TEST_F(scalable, every_pasid_cache_descriptor)
{
	const struct vtds_desc descs[] = {
		pc_domain(SCENE_DID),	   pc_pasid(SCENE_DID, 0), pc_global(),
		cc_device(self->dev->sid), cc_domain(SCENE_DID),   cc_global(),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		pasid_entry(&self->s, self->dev)[0] &= ~PASID_P;
		FLUSH(descs[i]);
		EXPECT_EQ(0U, vtds_at_home(self->dev, 1))
		TH_LOG("descriptor %u", i);
		EXPECT_ATTACHED(BLOCKED, self->dev);

		pasid_entry(&self->s, self->dev)[0] |= PASID_P;
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
	EXPECT_AT_HOME(3);
}

/* Both types of IOTLB descriptors lead to the table */
TEST_F(scalable, every_iotlb_descriptor)
{
	const struct vtds_desc descs[] = {
		iotlb_global(),
		iotlb_domain(SCENE_DID),
		iotlb_page(SCENE_DID, IOVA),
		iotlb_pages(SCENE_DID, IOVA, 9),
		piotlb_pasid(SCENE_DID, 0),
		piotlb_pages(SCENE_DID, 0, IOVA, 0),
		piotlb_pages(SCENE_DID, 0, IOVA, VTDS_MAMV),
		/* Linux goes beyond MAMV in this one, and all of 64 bits it is */
		piotlb_pages(SCENE_DID, 0, IOVA, VTDS_MAMV + 9),
		piotlb_pages(SCENE_DID, 0, 0, 52),
		piotlb_pages(SCENE_DID, 0, 0, 63),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		vtds_unmap(&self->s.table, IOVA, SZ_4K);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		FLUSH(descs[i]);
		EXPECT_EQ(PERM_NONE, vtds_reach(&self->s.guest, self->dev, IOVA,
						self->page))
		TH_LOG("descriptor %u", i);
		vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* Somebody else's domain-id is nobody's business */
TEST_F(scalable, other_domain_ids)
{
	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(piotlb_pasid(OTHER_DID, 0), piotlb_pages(OTHER_DID, 0, IOVA, 9),
	      iotlb_domain(OTHER_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	/* A PASID does not count: a domain-id is a table */
	FLUSH(piotlb_pasid(SCENE_DID, 77));
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/*
 * Domain-id 0 is that of entries that are not present: both types of IOTLB descriptors
 * mean all domains then, and entries are read as with any other.
 */
TEST_F(scalable, domain_id_0)
{
	const struct vtds_desc descs[] = {
		iotlb_domain(0),
		iotlb_page(0, IOVA),
		piotlb_pasid(0, 0),
		piotlb_pages(0, 0, IOVA, 0),
	};
	const struct vtds_desc reads[] = { pc_domain(0), pc_pasid(0, 0),
					   cc_domain(0) };

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		vtds_unmap(&self->s.table, IOVA, SZ_4K);
		FLUSH(descs[i]);
		EXPECT_DEAD(self->dev, IOVA, self->page);
		vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(piotlb_pages(0, 0, IOVA + SZ_4K, 0));
		EXPECT_DEAD(self->dev, IOVA, self->page);
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(reads); i++) {
		pasid_entry(&self->s, self->dev)[0] &= ~PASID_P;
		FLUSH(reads[i]);
		EXPECT_ATTACHED(BLOCKED, self->dev);
		pasid_entry(&self->s, self->dev)[0] |= PASID_P;
		FLUSH(reads[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* What needs no work must be taken all the same */
TEST_F(scalable, device_tlb_and_interrupts)
{
	const __u16 sid = self->dev->sid;

	FLUSH(pasid_dev_tlb(sid, 0, IOVA), pasid_dev_tlb(sid, 5, IOVA),
	      dev_tlb(sid, IOVA), iec_global(), iec_index(7, 3),
	      DESC(DESC_PASID_DEV_TLB | 31 << 4 | (__u64)sid << 16,
		   IOVA | 1 << 11 | 1),
	      wait_status(RAM_GPA, 2));
	EXPECT_AT_HOME(3);
}

/* A domain-id that changed in place, and only the IOTLB flush says so */
TEST_F(scalable, domain_id_changes)
{
	pasid_entry(&self->s, self->dev)[1] = OTHER_DID;
	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(piotlb_pasid(OTHER_DID, 0));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	FLUSH(pc_pasid(OTHER_DID, 0));
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(piotlb_pages(OTHER_DID, 0, IOVA, 0));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_EQ(1UL, STAT(domains));
}

/* --- Source-ids --- */

/* The last function of the lower and the first of the upper context table */
TEST_F(scalable, lower_and_upper_half)
{
	static const __u16 sids[] = { 0x4000, 0x407f, 0x4080, 0x40ff };
	__u64 *ctx;

	for (unsigned int i = 0; i < ARRAY_SIZE(sids); i++) {
		ASSERT_EQ(0,
			  vtds_remove_device(&self->s.unit, self->dev->dev_id));
		self->dev->sid = sids[i];
		ASSERT_EQ(0, vtds_scene_add(&self->s, self->dev));
		EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
		vtds_scene_use(&self->s, self->dev, &self->s.table);
		FLUSH(cc_device(sids[i]));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		/* For the next one its neighbours are not there */
		ctx = vtds_sm_ctx(&self->s.guest, sids[i]);
		memset(ctx, 0, 32);
		FLUSH(cc_device(sids[i]));
	}
	EXPECT_NE(*vtds_sm_root_half(&self->s.guest, 0x407f),
		  *vtds_sm_root_half(&self->s.guest, 0x4080));
}

/* One half of a bus without a table, the other with reserved bits */
TEST_F(scalable, halves_are_separate)
{
	__u64 *lower, *upper;

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->dev->dev_id));
	self->dev->sid = 0x4080;
	vtds_scene_use(&self->s, self->dev, &self->s.table);
	ASSERT_EQ(0, vtds_scene_add(&self->s, self->dev));
	lower = vtds_sm_root_half(&self->s.guest, 0x4000);
	upper = vtds_sm_root_half(&self->s.guest, 0x4080);
	EXPECT_EQ(0ULL, *lower);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	*lower = ~1ULL;
	FLUSH(cc_global());
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	*upper |= 2;
	FLUSH(cc_global());
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
	EXPECT_FAULT(FAULT_SM_ROOT_RESERVED, self->dev, IOVA);
}

/* Requests without a PASID use that of the context entry, if there is RPS */
TEST_F(scalable, rid_pasid)
{
	static const __u32 pasids[] = { 1, 63, 64, 0x7fff, 0xfffff };
	struct vtds_guest *guest = &self->s.guest;

	self->s.unit.ecap |= ECAP_RPS;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(3);
	for (unsigned int i = 0; i < ARRAY_SIZE(pasids); i++) {
		vtds_sm_probe(guest, self->dev->sid, pasids[i]);
		FLUSH(cc_device(self->dev->sid));
		EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
		vtds_sm_use(guest, self->dev->sid, pasids[i], &self->s.table);
		FLUSH(pc_pasid(SCENE_DID, pasids[i]),
		      piotlb_pasid(SCENE_DID, pasids[i]));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}

	/* The field is beyond the directory */
	vtds_sm_ctx(guest, self->dev->sid)[0] &= ~SM_CTX_PDTS(7);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_AT_HOME(1);
	EXPECT_FAULT(FAULT_SM_RID_PASID, self->dev, IOVA);
}

/* Without RPS the field is taken as 0 */
TEST_F(scalable, rid_pasid_not_offered)
{
	vtds_sm_ctx(&self->s.guest, self->dev->sid)[1] = 77;
	FLUSH(cc_device(self->dev->sid));
	EXPECT_AT_HOME(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* Why requests with a PASID are refused; -EBADMSG if they are not */
static int pasid_fault(struct vtds_scene *scene, __u16 sid, __u32 pasid,
		       __u64 iova)
{
	struct vtd_shadow_translate answer = {
		.size = sizeof(answer),
		.flags = VTD_SHADOW_TRANSLATE_PASID,
		.source_id = sid,
		.pasid = pasid,
		.iova = iova,
	};

	if (ioctl(scene->unit.fd, VTD_SHADOW_TRANSLATE, &answer))
		return -errno;
	if (answer.attachment != VTD_SHADOW_ATTACHED_BLOCKED || answer.perm)
		return -EBADMSG;
	return answer.fault_reason;
}

/* The answer is the fault that a request would meet, on the way to its entry or there. */
TEST_F(scalable, pasid_reasons)
{
	struct vtds_guest *guest = &self->s.guest;
	__u64 *ctx = vtds_sm_ctx(guest, self->dev->sid);
	const __u16 sid = self->dev->sid;

	EXPECT_EQ(FAULT_SM_PASID_DISABLED, pasid_fault(&self->s, sid, 5, IOVA));
	self->s.unit.ecap |= ECAP_PASID | ECAP_PSS(19) | ECAP_RPS;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_EQ(FAULT_SM_PASID_DISABLED, pasid_fault(&self->s, sid, 5, IOVA));
	ctx[0] |= SM_CTX_PASIDE;
	FLUSH(cc_device(sid));
	EXPECT_EQ(FAULT_PASID_NOT_PRESENT, pasid_fault(&self->s, sid, 5, IOVA));
	EXPECT_EQ(FAULT_DIR_NOT_PRESENT, pasid_fault(&self->s, sid, 64, IOVA));
	/* Beyond the directory, which has 512 entries, and beyond what the unit has */
	EXPECT_EQ(FAULT_SM_PASID_TOO_LARGE,
		  pasid_fault(&self->s, sid, 512 * 64, IOVA));
	EXPECT_EQ(FAULT_DIR_NOT_PRESENT,
		  pasid_fault(&self->s, sid, 511 * 64, IOVA));
	self->s.unit.ecap = (self->s.unit.ecap & ~ECAP_PSS(31)) | ECAP_PSS(13);
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_EQ(FAULT_SM_PASID_TOO_LARGE,
		  pasid_fault(&self->s, sid, 511 * 64, IOVA));

	/* RID_PASID: its entry is good, and is for requests without PASID */
	vtds_sm_use(guest, sid, 7, &self->s.table);
	ctx[1] = 7;
	vtds_sm_pasid(guest, sid, 0)[0] = 0;
	FLUSH(cc_device(sid), pc_global());
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_EQ(FAULT_SM_TABLE_UNREADABLE,
		  pasid_fault(&self->s, sid, 7, IOVA));
	EXPECT_EQ(0,
		  vtds_events(&self->s.unit, &(struct vtd_shadow_event){}, 1));
	EXPECT_AT_HOME(3);

	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	EXPECT_EQ(FAULT_TABLE_UNREADABLE, pasid_fault(&self->s, sid, 7, IOVA));
	self->s.scalable = false;
	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_EQ(FAULT_PASID_IN_LEGACY_MODE,
		  pasid_fault(&self->s, sid, 7, IOVA));
}

/* The types of scalable mode are unknown while the root table is one of legacy mode */
TEST_F(scalable, types_in_legacy_mode)
{
	const struct vtds_desc descs[] = {
		pc_global(),
		pc_pasid(SCENE_DID, 0),
		piotlb_pasid(SCENE_DID, 0),
		piotlb_pages(SCENE_DID, 0, IOVA, 0),
		pasid_dev_tlb(self->dev->sid, 0, IOVA),
	};
	struct vtd_shadow_invalidate array;

	for (unsigned int te = 0; te < 2; te++) {
		self->s.scalable = false;
		ASSERT_EQ(0, vtds_scene_state(&self->s, te));
		for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
			ASSERT_EQ(0, vtds_invalidate(&self->s.unit, &descs[i],
						     1, &array));
			EXPECT_EQ((__u32)VTD_SHADOW_IQEI_INVALID_TYPE,
				  array.iqei);
		}
		FLUSH(cc_global(), iotlb_global());
		/* As soon as it is latched, before translation is on */
		self->s.scalable = true;
		ASSERT_EQ(0, vtds_scene_state(&self->s, te));
		FLUSH(descs[0], descs[1], descs[2], descs[3], descs[4]);
	}
	EXPECT_AT_HOME(3);
}

/*
 * The guest may use PASIDs, but the device has none: refused, and not claimed to be
 * attached, as the host's core does. All else goes on.
 */
TEST_F(scalable, pasid_that_the_device_has_not)
{
	struct vtd_shadow_event event;

	self->s.unit.ecap |= ECAP_PASID | ECAP_PSS(19);
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	vtds_sm_ctx(&self->s.guest, self->dev->sid)[0] |= SM_CTX_PASIDE;
	vtds_sm_use(&self->s.guest, self->dev->sid, 5, &self->s.table);
	FLUSH_WITH(EOPNOTSUPP, pc_pasid(SCENE_DID, 5),
		   piotlb_pasid(SCENE_DID, 5));
	EXPECT_EQ(FAULT_SM_TABLE_UNREADABLE,
		  pasid_fault(&self->s, self->dev->sid, 5, IOVA));
	/* Not more than the host answers: it has no PASID 0 for the device either */
	EXPECT_EQ(FAULT_SM_TABLE_UNREADABLE,
		  pasid_fault(&self->s, self->dev->sid, 0, IOVA));
	ASSERT_EQ(1, vtds_events(&self->s.unit, &event, 1));
	EXPECT_EQ((__u32)VTD_SHADOW_EVENT_INSTALL, event.type);
	EXPECT_EQ((__u32)EOPNOTSUPP, event.error);
	EXPECT_EQ(5U, event.pasid);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_sm_pasid(&self->s.guest, self->dev->sid, 5)[0] = 0;
	FLUSH(pc_pasid(SCENE_DID, 5));
	EXPECT_AT_HOME(3);
}

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
	{ ROOT, 0, 1 << 0, FAULT_SM_ROOT_NOT_PRESENT },
	{ ROOT, 0, 1 << 1, FAULT_SM_ROOT_RESERVED },
	{ ROOT, 0, 1ULL << 46, FAULT_SM_ROOT_RESERVED },
	{ ROOT, 0, NOWHERE, FAULT_SM_CTX_UNREADABLE },
	{ CONTEXT, 0, 1 << 0, FAULT_SM_CTX_NOT_PRESENT },
	{ CONTEXT, 0, 1 << 5, FAULT_SM_CTX_RESERVED },
	{ CONTEXT, 0, 1ULL << 63, FAULT_SM_CTX_RESERVED },
	{ CONTEXT, 1, 1ULL << 21, FAULT_SM_CTX_RESERVED },
	{ CONTEXT, 2, 1, FAULT_SM_CTX_RESERVED },
	{ CONTEXT, 3, 1ULL << 63, FAULT_SM_CTX_RESERVED },
	{ CONTEXT, 0, NOWHERE, FAULT_DIR_UNREADABLE },
	{ DIRECTORY, 0, 1 << 0, FAULT_DIR_NOT_PRESENT },
	{ DIRECTORY, 0, 1 << 2, FAULT_DIR_RESERVED },
	{ DIRECTORY, 0, 1ULL << 46, FAULT_DIR_RESERVED },
	{ DIRECTORY, 0, NOWHERE, FAULT_PASID_UNREADABLE },
	{ PASID, 0, 1 << 0, FAULT_PASID_NOT_PRESENT },
	{ PASID, 0, 1 << 5, FAULT_PASID_RESERVED },
	{ PASID, 0, 1 << 9, FAULT_PASID_RESERVED },
	{ PASID, 0, 1 << 11, FAULT_PASID_RESERVED },
	{ PASID, 0, 1ULL << 46, FAULT_PASID_RESERVED },
	{ PASID, 1, 1 << 16, FAULT_PASID_RESERVED },
	{ PASID, 3, 1, FAULT_PASID_RESERVED },
	{ PASID, 7, 1ULL << 63, FAULT_PASID_RESERVED },
	/* PGTT of the good one is 010b: 0, first stage, nested, 5 to 7 */
	{ PASID, 0, PASID_PGTT(2 ^ 0), FAULT_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_FIRST_STAGE), FAULT_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ PGTT_NESTED), FAULT_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ 5), FAULT_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ 6), FAULT_PASID_INVALID },
	{ PASID, 0, PASID_PGTT(2 ^ 7), FAULT_PASID_INVALID },
	/* AW of the good one is 010b: 2 levels, and 6 to 9 */
	{ PASID, 0, (2 ^ 0) << 2, FAULT_PASID_INVALID },
	{ PASID, 0, (2 ^ 4) << 2, FAULT_PASID_INVALID },
	{ PASID, 0, (2 ^ 7) << 2, FAULT_PASID_INVALID },
};

static __u64 *entry_at(struct vtds_scene *scene, struct vtds_dev *dev,
		       enum place place)
{
	switch (place) {
	case ROOT:
		return vtds_sm_root_half(&scene->guest, dev->sid);
	case CONTEXT:
		return vtds_sm_ctx(&scene->guest, dev->sid);
	case DIRECTORY:
		return vtds_sm_dir_entry(&scene->guest, dev->sid, 0);
	default:
		return vtds_sm_pasid(&scene->guest, dev->sid, 0);
	}
}

TEST_F(scalable, malformed)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_entries); i++) {
		const struct bad_entry *bad = &bad_entries[i];
		__u64 *qword =
			&entry_at(&self->s, self->dev, bad->place)[bad->qword];
		const __u64 good = *qword;

		*qword = bad->bits == NOWHERE ? NOWHERE | (good & 0xfff) :
						good ^ bad->bits;
		FLUSH(pc_global());
		EXPECT_EQ(0U, vtds_at_home(self->dev, 1))
		TH_LOG("entry %u", i);
		EXPECT_FAULT(bad->reason, self->dev, IOVA)
		TH_LOG("entry %u", i);
		EXPECT_ATTACHED(BLOCKED, self->dev);
		*qword = good;
		FLUSH(pc_global());
		EXPECT_EQ(1U, vtds_at_home(self->dev, 1));
	}
	EXPECT_AT_HOME(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* From second stage to first: blocked, not on what it had */
TEST_F(scalable, first_stage_and_nested)
{
	static const unsigned int types[] = { PGTT_FIRST_STAGE, PGTT_NESTED };

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		vtds_sm_set(&self->s.guest, self->dev->sid, 0,
			    self->s.table.root | PASID_PGTT(types[i]) |
				    PASID_AW(4) | PASID_P,
			    SCENE_DID);
		/* What a first-stage table would be */
		pasid_entry(&self->s, self->dev)[2] = self->s.table.root;
		FLUSH_ATTACH(SCENE_DID);
		EXPECT_AT_HOME(1);
		EXPECT_DEAD(self->other, NOWHERE, self->page);
		EXPECT_FAULT(FAULT_PASID_INVALID, self->dev, IOVA);

		vtds_scene_use(&self->s, self->dev, &self->s.table);
		FLUSH_ATTACH(SCENE_DID);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* What the unit does not offer it must not do */
TEST_F(scalable, not_offered)
{
	pass_through(&self->s, self->dev);
	FLUSH_ATTACH(1);
	EXPECT_ATTACHED(IDENTITY, self->dev);

	self->s.unit.ecap &= ~ECAP_PT;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(1);
	EXPECT_FAULT(FAULT_PASID_INVALID, self->dev, IOVA);

	self->s.unit.ecap &= ~ECAP_SLTS;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(0);
	EXPECT_FAULT(FAULT_PASID_INVALID, self->other, IOVA);

	/* No scalable mode at all, and the root table is still one of it */
	self->s.unit.ecap &= ~ECAP_SMTS;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_AT_HOME(0);
	EXPECT_FAULT(FAULT_SM_ROOT_ADDRESS, self->other, IOVA);
}

/* Bits that are for other features, software, or nobody */
TEST_F(scalable, bits_that_do_not_matter)
{
	__u64 *ctx = vtds_sm_ctx(&self->s.guest, self->dev->sid);
	__u64 *entry = pasid_entry(&self->s, self->dev);

	/* FPD, DTE, PASIDE, PRE; RID_PRIV */
	ctx[0] |= 0x1e;
	ctx[1] |= 1 << 20;
	*vtds_sm_dir_entry(&self->s.guest, self->dev->sid, 0) |= 2;
	/* FPD; PWSNP, PGSNP; all of first stage */
	entry[0] |= PASID_FPD;
	entry[1] |= 3 << 23;
	entry[2] = ~0ULL;
	FLUSH(cc_device(self->dev->sid), pc_pasid(SCENE_DID, 0));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_AT_HOME(3);
}

/*
 * SNP, without snoop control: Linux 5.13 to 5.18 sets it in every leaf. In an entry that
 * points to a table nobody does, and no revision of the specification has it there.
 */
TEST_F(scalable, snoop_bit)
{
	__u64 *leaf = vtds_entry(&self->s.table, IOVA, 1);
	__u64 *above = vtds_entry(&self->s.table, IOVA, 2);

	ASSERT_EQ(0ULL, self->s.unit.ecap & ECAP_SC);
	*leaf = 0;
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	*leaf = self->page | SS_RW | SS_SNP;
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	/* It gives no permission that the entry has not */
	*leaf = self->page | SS_R | SS_SNP;
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_R, self->dev, IOVA, self->page);
	*leaf = self->page | SS_SNP;
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	*leaf = self->page | SS_RW | SS_SNP;
	*above |= SS_SNP;
	FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_FAULT(FAULT_SM_SS_RESERVED, self->dev, IOVA);
	*above &= ~SS_SNP;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* The same in superpages */
TEST_F(scalable, snoop_bit_of_superpages)
{
	const __u64 iova = IOVA + SZ_1G;
	__u64 *entry;

	ASSERT_EQ(0,
		  vtds_ram_add(&self->s.guest, VTDS_RAM_2M, RAM_2M_GPA, SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas,
				   vtds_hva(&self->s.guest, RAM_2M_GPA),
				   RAM_2M_GPA, SZ_2M, PERM_RW));
	vtds_map(&self->s.table, iova, RAM_2M_GPA, SZ_2M, PERM_RW);
	entry = vtds_entry(&self->s.table, iova, 2);
	*entry |= SS_SNP;
	FLUSH(iotlb_page(SCENE_DID, iova));
	EXPECT_REACH(PERM_RW, self->dev, iova + SZ_4K, RAM_2M_GPA + SZ_4K);
}

/* The reasons of paging entries have other numbers in this mode */
TEST_F(scalable, paging_faults)
{
	const __u64 iova = IOVA + 64 * SZ_2M;
	__u64 *above, saved,
		*top = vtds_hva(&self->s.guest, self->s.table.root);

	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_NONE);
	vtds_map(&self->s.table, iova, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_FAULT(FAULT_SM_NO_READ, self->dev, IOVA);
	EXPECT_FAULT(FAULT_SM_BEYOND_WIDTH, self->dev, 1ULL << 60);

	*vtds_entry(&self->s.table, IOVA, 1) = self->page | SS_RW | 1ULL << 51;
	above = vtds_entry(&self->s.table, iova, 2);
	saved = *above;
	*above = NOWHERE | SS_RW;
	ASSERT_EQ(0,
		  vtds_flush(&self->s.unit, DESCS(iotlb_domain(SCENE_DID)), 1));
	EXPECT_FAULT(FAULT_SM_SS_RESERVED, self->dev, IOVA);
	EXPECT_FAULT(FAULT_SM_TABLE_UNREADABLE, self->dev, iova);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_DEAD(self->dev, iova, self->page);

	*above = saved;
	*vtds_entry(&self->s.table, IOVA, 1) = self->page | SS_RW;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_REACH(PERM_RW, self->dev, iova, self->page);
	EXPECT_NE(0ULL, top[IOVA >> 39]);
}

TEST_F(scalable, top_table_nowhere)
{
	struct vtds_table nowhere = self->s.table;

	nowhere.root = NOWHERE;
	nowhere.did = OTHER_DID;
	vtds_scene_use(&self->s, self->dev, &nowhere);
	FLUSH_WITH(ENOENT, pc_pasid(OTHER_DID, 0), piotlb_pasid(OTHER_DID, 0));
	EXPECT_AT_HOME(1);
	EXPECT_FAULT(FAULT_SM_TOP_UNREADABLE, self->dev, IOVA);

	vtds_scene_use(&self->s, self->dev, &self->s.table);
	FLUSH_ATTACH(SCENE_DID);
	EXPECT_AT_HOME(3);
}

TEST_F(scalable, every_number_of_levels)
{
	for (unsigned int levels = 3; levels <= 5; levels++) {
		__u64 page = vtds_page(&self->s.guest);
		struct vtds_table table;

		vtds_table_init(&table, &self->s.guest, levels, 10 + levels);
		vtds_scene_map_homes(&self->s, &table);
		vtds_map(&table, IOVA, page, SZ_4K, PERM_RW);
		vtds_scene_use(&self->s, self->dev, &table);
		FLUSH_ATTACH(table.did);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	}
}

/* --- State of the unit --- */

TEST_F(scalable, translation_off_and_on)
{
	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, self->page, self->page);
	EXPECT_DEAD(self->dev, IOVA, self->page);

	/* The first detach after boot, while translation is off */
	pasid_entry(&self->s, self->dev)[0] &= ~PASID_P;
	FLUSH_DETACH(SCENE_DID);
	EXPECT_AT_HOME(3);
	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_AT_HOME(1);
	EXPECT_FAULT(FAULT_PASID_NOT_PRESENT, self->dev, IOVA);

	/* And the first one with it on, nothing having been flushed since */
	pasid_entry(&self->s, self->other)[0] &= ~PASID_P;
	FLUSH(pc_pasid(SCENE_DID, 0));
	EXPECT_AT_HOME(0);
	pasid_entry(&self->s, self->other)[0] |= PASID_P;
	pasid_entry(&self->s, self->dev)[0] |= PASID_P;
	FLUSH(pc_domain(SCENE_DID));
	EXPECT_AT_HOME(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* Boot: everything is written and announced before translation is on */
TEST_F(scalable, set_up_while_off)
{
	struct vtds_table other;
	__u64 page = vtds_page(&self->s.guest);

	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	vtds_table_init(&other, &self->s.guest, 4, OTHER_DID);
	vtds_scene_map_homes(&self->s, &other);
	vtds_map(&other, IOVA, page, SZ_4K, PERM_RW);
	FLUSH(pc_global(), iotlb_global());
	vtds_scene_use(&self->s, self->dev, &other);
	FLUSH_ATTACH(OTHER_DID);
	EXPECT_ATTACHED(IDENTITY, self->dev);

	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_AT_HOME(3);
}

/* The other kind of tables, and back; entries of one mean nothing in the other */
TEST_F(scalable, to_legacy_mode_and_back)
{
	__u64 page = vtds_page(&self->s.guest);
	struct vtds_table legacy;

	vtds_table_init(&legacy, &self->s.guest, 4, SCENE_DID);
	vtds_scene_map_homes(&self->s, &legacy);
	vtds_map(&legacy, IOVA, page, SZ_4K, PERM_RW);
	vtds_ctx_use(&self->s.guest, self->dev->sid, &legacy);

	self->s.scalable = false;
	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->s.guest, self->dev, IOVA, self->page));
	EXPECT_FAULT(FAULT_ROOT_NOT_PRESENT, self->other, IOVA);
	EXPECT_AT_HOME(2);
	vtds_ctx_set(&self->s.guest, self->dev->sid, 0, 0);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_AT_HOME(0);

	self->s.scalable = true;
	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_AT_HOME(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* One table for both modes: the device does not notice */
TEST_F(scalable, one_table_in_both_modes)
{
	unsigned long unmaps = STAT(host_unmaps), attaches = STAT(attaches);

	vtds_ctx_use(&self->s.guest, self->dev->sid, &self->s.table);
	vtds_ctx_use(&self->s.guest, self->other->sid, &self->s.table);
	for (unsigned int i = 0; i < 4; i++) {
		self->s.scalable = i % 2;
		ASSERT_EQ(0, vtds_scene_state(&self->s, true));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
	EXPECT_EQ(unmaps, STAT(host_unmaps));
	EXPECT_EQ(attaches, STAT(attaches));
}

/* --- While DMA runs --- */

FIXTURE(live)
{
	struct vtds_scene s;
	struct vtds_load load;
};

FIXTURE_SETUP(live)
{
	OPEN_SCENE(.nvme = 1, .scalable = true, .queue = true);
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
	struct vtds_guest *guest = &self->s.guest;
	const __u16 sid = self->s.dev[0].sid;

	for (unsigned int i = 0; i < 10; i++) {
		__u64 *entry;

		guest->sm_root = copy_page(guest, guest->sm_root);
		entry = vtds_sm_root_half(guest, sid);
		*entry = copy_page(guest, *entry & SS_ADDR) | 1;
		entry = vtds_sm_ctx(guest, sid);
		*entry = copy_page(guest, *entry & SS_ADDR) | (*entry & 0xfff);
		entry = vtds_sm_dir_entry(guest, sid, 0);
		*entry = copy_page(guest, *entry & SS_ADDR) | 1;
		ASSERT_EQ(0, vtds_scene_state(&self->s, true));
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
	struct vtds_guest *guest = &self->s.guest;
	const __u16 sid = self->s.dev[0].sid;

	for (unsigned int i = 1; i < 50; i++) {
		vtds_sm_use(guest, sid, i, &self->s.table);
		vtds_sm_probe(guest, sid ^ 1, 0);
		FLUSH(pc_pasid(SCENE_DID, i), piotlb_pasid(SCENE_DID, i),
		      cc_device(sid ^ 1));
		vtds_sm_pasid(guest, sid, i)[0] = 0;
		vtds_sm_ctx(guest, sid ^ 1)[0] = 0;
		FLUSH(pc_pasid(SCENE_DID, i), iotlb_domain(SCENE_DID),
		      cc_device_mask(0, sid ^ 1, 3));
	}
	vtds_load_wait(&self->load, 100);
	EXPECT_EQ(0UL, self->load.misses);
}

TEST_HARNESS_MAIN
