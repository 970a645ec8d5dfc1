// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which devices of a guest in scalable mode a descriptor, a domain-id, a source-id or
 * a PASID means.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "scalable_fixture.h"

/* --- Every descriptor and granularity --- */

/* A domain-id, a PASID, all: any of them makes an attach and a detach */
TEST_F(scalable, every_pasid_cache_descriptor)
{
	const struct vtds_desc descs[] = {
		pc_domain(TABLE_DID),	   pc_pasid(TABLE_DID, 0), pc_global(),
		cc_device(self->dev->sid), cc_domain(TABLE_DID),   cc_global(),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		pasid_entry(&self->f, self->dev)[0] &= ~PASID_P;
		FLUSH(descs[i]);
		EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1))
		TH_LOG("descriptor %u", i);
		EXPECT_ATTACHED(BLOCKED, self->dev);

		pasid_entry(&self->f, self->dev)[0] |= PASID_P;
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
	EXPECT_REACH_BUFFERS(3);
}

/* Both types of IOTLB descriptors lead to the table */
TEST_F(scalable, every_iotlb_descriptor)
{
	const struct vtds_desc descs[] = {
		iotlb_global(),
		iotlb_domain(TABLE_DID),
		iotlb_page(TABLE_DID, IOVA),
		iotlb_pages(TABLE_DID, IOVA, 9),
		piotlb_pasid(TABLE_DID, 0),
		piotlb_pages(TABLE_DID, 0, IOVA, 0),
		piotlb_pages(TABLE_DID, 0, IOVA, VTDS_MAMV),
		/* Linux goes beyond MAMV in this one, and all of 64 bits it is */
		piotlb_pages(TABLE_DID, 0, IOVA, VTDS_MAMV + 9),
		piotlb_pages(TABLE_DID, 0, 0, 52),
		piotlb_pages(TABLE_DID, 0, 0, 63),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		FLUSH(descs[i]);
		EXPECT_EQ(PERM_NONE, vtds_reach(&self->f.guest, self->dev, IOVA,
						self->page))
		TH_LOG("descriptor %u", i);
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* Somebody else's domain-id is nobody's business */
TEST_F(scalable, other_domain_ids)
{
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(piotlb_pasid(OTHER_DID, 0), piotlb_pages(OTHER_DID, 0, IOVA, 9),
	      iotlb_domain(OTHER_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	/* A PASID does not count: a domain-id is a table */
	FLUSH(piotlb_pasid(TABLE_DID, 77));
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
		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		FLUSH(descs[i]);
		EXPECT_DEAD(self->dev, IOVA, self->page);
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(piotlb_pages(0, 0, IOVA + SZ_4K, 0));
		EXPECT_DEAD(self->dev, IOVA, self->page);
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(reads); i++) {
		pasid_entry(&self->f, self->dev)[0] &= ~PASID_P;
		FLUSH(reads[i]);
		EXPECT_ATTACHED(BLOCKED, self->dev);
		pasid_entry(&self->f, self->dev)[0] |= PASID_P;
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
	EXPECT_REACH_BUFFERS(3);
}

/* A domain-id that changed in place, and only the IOTLB flush says so */
TEST_F(scalable, domain_id_changes)
{
	pasid_entry(&self->f, self->dev)[1] = OTHER_DID;
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(piotlb_pasid(OTHER_DID, 0));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	FLUSH(pc_pasid(OTHER_DID, 0));
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
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
			  vtds_remove_device(&self->f.unit, self->dev->dev_id));
		self->dev->sid = sids[i];
		ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
		EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
		vtds_fixture_use(&self->f, self->dev, &self->f.table);
		FLUSH(cc_device(sids[i]));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		/* For the next one its neighbours are not there */
		ctx = vtds_sm_ctx(&self->f.guest, sids[i]);
		memset(ctx, 0, 32);
		FLUSH(cc_device(sids[i]));
	}
	EXPECT_NE(*vtds_sm_root_half(&self->f.guest, 0x407f),
		  *vtds_sm_root_half(&self->f.guest, 0x4080));
}

/* One half of a bus without a table, the other with reserved bits */
TEST_F(scalable, halves_are_separate)
{
	__u64 *lower, *upper;

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	self->dev->sid = 0x4080;
	vtds_fixture_use(&self->f, self->dev, &self->f.table);
	ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
	lower = vtds_sm_root_half(&self->f.guest, 0x4000);
	upper = vtds_sm_root_half(&self->f.guest, 0x4080);
	EXPECT_EQ(0ULL, *lower);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	*lower = ~1ULL;
	FLUSH(cc_global());
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	*upper |= 2;
	FLUSH(cc_global());
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
	EXPECT_FAULT(VTD_SHADOW_FR_SM_ROOT_RESERVED, self->dev, IOVA);
}

/* Requests without a PASID use that of the context entry, if there is RPS */
TEST_F(scalable, rid_pasid)
{
	static const __u32 pasids[] = { 1, 63, 64, 0x7fff, 0xfffff };
	struct vtds_guest *guest = &self->f.guest;

	self->f.unit.ecap |= ECAP_RPS;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_BUFFERS(3);
	for (unsigned int i = 0; i < ARRAY_SIZE(pasids); i++) {
		vtds_sm_probe(guest, self->dev->sid, pasids[i]);
		FLUSH(cc_device(self->dev->sid));
		EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
		vtds_sm_use(guest, self->dev->sid, pasids[i], &self->f.table);
		FLUSH(pc_pasid(TABLE_DID, pasids[i]),
		      piotlb_pasid(TABLE_DID, pasids[i]));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}

	/* The field is beyond the directory */
	vtds_sm_ctx(guest, self->dev->sid)[0] &= ~SM_CTX_PDTS(7);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_REACH_BUFFERS(1);
	EXPECT_FAULT(VTD_SHADOW_FR_SM_RID_PASID, self->dev, IOVA);
}

/* Without RPS the field is taken as 0 */
TEST_F(scalable, rid_pasid_not_offered)
{
	vtds_sm_ctx(&self->f.guest, self->dev->sid)[1] = 77;
	FLUSH(cc_device(self->dev->sid));
	EXPECT_REACH_BUFFERS(3);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* Why requests with a PASID are refused; -EBADMSG if they are not */
static int pasid_fault(struct vtds_fixture *f, __u16 sid, __u32 pasid,
		       __u64 iova)
{
	struct vtd_shadow_translate answer = {
		.size = sizeof(answer),
		.flags = VTD_SHADOW_TRANSLATE_PASID,
		.source_id = sid,
		.pasid = pasid,
		.iova = iova,
	};

	if (ioctl(f->unit.fd, VTD_SHADOW_TRANSLATE, &answer))
		return -errno;
	if (answer.attachment != VTD_SHADOW_ATTACHED_BLOCKED || answer.perm)
		return -EBADMSG;
	return answer.fault_reason;
}

/* The answer is the fault that a request would meet, on the way to its entry or there. */
TEST_F(scalable, pasid_reasons)
{
	struct vtds_guest *guest = &self->f.guest;
	__u64 *ctx = vtds_sm_ctx(guest, self->dev->sid);
	const __u16 sid = self->dev->sid;

	EXPECT_EQ(VTD_SHADOW_FR_SM_PASID_DISABLED,
		  pasid_fault(&self->f, sid, 5, IOVA));
	self->f.unit.ecap |= ECAP_PASID | ECAP_PSS(19) | ECAP_RPS;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_EQ(VTD_SHADOW_FR_SM_PASID_DISABLED,
		  pasid_fault(&self->f, sid, 5, IOVA));
	ctx[0] |= SM_CTX_PASIDE;
	FLUSH(cc_device(sid));
	EXPECT_EQ(VTD_SHADOW_FR_PASID_NOT_PRESENT,
		  pasid_fault(&self->f, sid, 5, IOVA));
	EXPECT_EQ(VTD_SHADOW_FR_DIR_NOT_PRESENT,
		  pasid_fault(&self->f, sid, 64, IOVA));
	/* Beyond the directory, which has 512 entries, and beyond what the unit has */
	EXPECT_EQ(VTD_SHADOW_FR_SM_PASID_TOO_LARGE,
		  pasid_fault(&self->f, sid, 512 * 64, IOVA));
	EXPECT_EQ(VTD_SHADOW_FR_DIR_NOT_PRESENT,
		  pasid_fault(&self->f, sid, 511 * 64, IOVA));
	self->f.unit.ecap = (self->f.unit.ecap & ~ECAP_PSS(31)) | ECAP_PSS(13);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_EQ(VTD_SHADOW_FR_SM_PASID_TOO_LARGE,
		  pasid_fault(&self->f, sid, 511 * 64, IOVA));

	/* RID_PASID: its entry is good, and is for requests without PASID */
	vtds_sm_use(guest, sid, 7, &self->f.table);
	ctx[1] = 7;
	vtds_sm_pasid(guest, sid, 0)[0] = 0;
	FLUSH(cc_device(sid), pc_global());
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_EQ(VTD_SHADOW_FR_SM_TABLE_UNREADABLE,
		  pasid_fault(&self->f, sid, 7, IOVA));
	EXPECT_EQ(0,
		  vtds_events(&self->f.unit, &(struct vtd_shadow_event){}, 1));
	EXPECT_REACH_BUFFERS(3);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_EQ(VTD_SHADOW_FR_TABLE_UNREADABLE,
		  pasid_fault(&self->f, sid, 7, IOVA));
	self->f.scalable = false;
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_EQ(VTD_SHADOW_FR_PASID_IN_LEGACY_MODE,
		  pasid_fault(&self->f, sid, 7, IOVA));
}

/* The types of scalable mode are unknown while the root table is one of legacy mode */
TEST_F(scalable, types_in_legacy_mode)
{
	const struct vtds_desc descs[] = {
		pc_global(),
		pc_pasid(TABLE_DID, 0),
		piotlb_pasid(TABLE_DID, 0),
		piotlb_pages(TABLE_DID, 0, IOVA, 0),
		pasid_dev_tlb(self->dev->sid, 0, IOVA),
	};
	struct vtd_shadow_invalidate array;

	for (unsigned int te = 0; te < 2; te++) {
		self->f.scalable = false;
		ASSERT_EQ(0, vtds_fixture_state(&self->f, te));
		for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
			ASSERT_EQ(0, vtds_invalidate(&self->f.unit, &descs[i],
						     1, &array));
			EXPECT_EQ((__u32)VTD_SHADOW_IQEI_INVALID_TYPE,
				  array.iqei);
		}
		FLUSH(cc_global(), iotlb_global());
		/* As soon as it is latched, before translation is on */
		self->f.scalable = true;
		ASSERT_EQ(0, vtds_fixture_state(&self->f, te));
		FLUSH(descs[0], descs[1], descs[2], descs[3], descs[4]);
	}
	EXPECT_REACH_BUFFERS(3);
}

/*
 * The guest may use PASIDs, but the device has none: refused, and not claimed to be
 * attached, as the host's core does. All else goes on.
 */
TEST_F(scalable, pasid_that_the_device_has_not)
{
	struct vtd_shadow_event event;

	self->f.unit.ecap |= ECAP_PASID | ECAP_PSS(19);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	vtds_sm_ctx(&self->f.guest, self->dev->sid)[0] |= SM_CTX_PASIDE;
	vtds_sm_use(&self->f.guest, self->dev->sid, 5, &self->f.table);
	FLUSH_WITH(EOPNOTSUPP, pc_pasid(TABLE_DID, 5),
		   piotlb_pasid(TABLE_DID, 5));
	EXPECT_EQ(VTD_SHADOW_FR_SM_TABLE_UNREADABLE,
		  pasid_fault(&self->f, self->dev->sid, 5, IOVA));
	/* Not more than the host answers: it has no PASID 0 for the device either */
	EXPECT_EQ(VTD_SHADOW_FR_SM_TABLE_UNREADABLE,
		  pasid_fault(&self->f, self->dev->sid, 0, IOVA));
	ASSERT_EQ(1, vtds_events(&self->f.unit, &event, 1));
	EXPECT_EQ((__u32)VTD_SHADOW_EVENT_INSTALL, event.type);
	EXPECT_EQ((__u32)EOPNOTSUPP, event.error);
	EXPECT_EQ(5U, event.pasid);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_sm_pasid(&self->f.guest, self->dev->sid, 5)[0] = 0;
	FLUSH(pc_pasid(TABLE_DID, 5));
	EXPECT_REACH_BUFFERS(3);
}

TEST_HARNESS_MAIN
