// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation descriptors: decoding, and what each of them sets off. Serves queue.c;
 * calls device.c, sync.c and flush.c, and the readers of context and PASID entries.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/overflow.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "caps.h"
#include "context.h"
#include "device.h"
#include "domain.h"
#include "flush.h"
#include "group.h"
#include "guest_ctx.h"
#include "inval.h"
#include "pasid.h"
#include "scalable.h"
#include "sync.h"
#include "trace.h"
#include "unit.h"
#include "vtd_format.h"

/**
 * struct inval_layout - What is reserved in one type of descriptor
 * @rsvd_lo: Reserved bits of the low quadword
 * @rsvd_hi: Reserved bits of the high quadword
 * @scalable: The type has 256 bits and exists with tables of scalable mode only
 */
struct inval_layout {
	u64 rsvd_lo;
	u64 rsvd_hi;
	bool scalable;
};

static const struct inval_layout inval_layouts[] = {
	[VTD_INVAL_CONTEXT] = { VTD_INVAL_CC_RSVD_LO, VTD_INVAL_CC_RSVD_HI },
	[VTD_INVAL_IOTLB] = { VTD_INVAL_IOTLB_RSVD_LO,
			      VTD_INVAL_IOTLB_RSVD_HI },
	[VTD_INVAL_DEVICE_TLB] = { VTD_INVAL_DTLB_RSVD_LO,
				   VTD_INVAL_DTLB_RSVD_HI },
	[VTD_INVAL_INTERRUPT] = { VTD_INVAL_IEC_RSVD_LO,
				  VTD_INVAL_IEC_RSVD_HI },
	[VTD_INVAL_WAIT] = { VTD_INVAL_WAIT_RSVD_LO, VTD_INVAL_WAIT_RSVD_HI },
	[VTD_INVAL_PASID_IOTLB] = { VTD_INVAL_PIOTLB_RSVD_LO,
				    VTD_INVAL_PIOTLB_RSVD_HI, true },
	[VTD_INVAL_PASID_CACHE] = { VTD_INVAL_PC_RSVD_LO, VTD_INVAL_PC_RSVD_HI,
				    true },
	[VTD_INVAL_PASID_DEVICE_TLB] = { VTD_INVAL_PDTLB_RSVD_LO,
					 VTD_INVAL_PDTLB_RSVD_HI, true },
};

static enum vtd_shadow_iqei decode_context(u64 lo, struct vtds_inval *inval)
{
	/* Function mask: 1 drops bit 2, 2 drops 2:1, 3 drops 2:0 */
	static const u8 fm_mask[] = { 0, BIT(2), GENMASK(2, 1), GENMASK(2, 0) };

	switch (FIELD_GET(VTD_INVAL_G, lo)) {
	case VTD_INVAL_G_RESERVED:
		return VTD_SHADOW_IQEI_RESERVED_FIELD;
	case VTD_INVAL_G_SELECTIVE:
		inval->sid = FIELD_GET(VTD_INVAL_CC_SID, lo);
		inval->sid_mask = fm_mask[FIELD_GET(VTD_INVAL_CC_FM, lo)];
		break;
	default:
		/* Not-present entries are cached under any domain-id: read all */
		inval->sid_mask = U16_MAX;
	}
	inval->action = VTDS_REFRESH;
	return VTD_SHADOW_IQEI_NONE;
}

/*
 * The range is 2^AM pages from the address with its low bits cleared. Linux
 * before 5.18 sends unaligned addresses and means 2^AM pages from there: both are
 * covered.
 */
static void decode_pages(u64 hi, struct vtds_inval *inval)
{
	u64 addr = hi & VTD_INVAL_IOTLB_ADDR;
	unsigned int shift = VTD_PAGE_SHIFT + FIELD_GET(VTD_INVAL_IOTLB_AM, hi);

	inval->all_pages = false;
	inval->first = 0;
	inval->last = U64_MAX;
	if (shift >= BITS_PER_TYPE(u64))
		return;
	inval->first = addr & ~(BIT_ULL(shift) - 1);
	if (check_add_overflow(addr, BIT_ULL(shift) - 1, &inval->last))
		inval->last = U64_MAX;
}

/*
 * In caching mode entries that are not present are cached under domain-id 0, of whatever
 * domain they are in: no table has it. Xen before 4.16 announces new mappings under it.
 */
static __always_inline bool is_any_domain(const struct vtds_inval *inval)
{
	return !inval->did;
}

static __always_inline enum vtd_shadow_iqei
decode_iotlb(const struct vtds_caps *caps, u64 lo, u64 hi,
	     struct vtds_inval *inval)
{
	inval->all_domains = is_any_domain(inval);
	switch (FIELD_GET(VTD_INVAL_G, lo)) {
	case VTD_INVAL_G_RESERVED:
		return VTD_SHADOW_IQEI_RESERVED_FIELD;
	case VTD_INVAL_G_GLOBAL:
		inval->all_domains = true;
		break;
	case VTD_INVAL_G_SELECTIVE:
		if (FIELD_GET(VTD_INVAL_IOTLB_AM, hi) > caps->mamv)
			return VTD_SHADOW_IQEI_RESERVED_FIELD;
		decode_pages(hi, inval);
		break;
	}
	inval->action = VTDS_SYNC;
	return VTD_SHADOW_IQEI_NONE;
}

/*
 * The PASID does not count: a domain-id is a table, whichever PASID uses it. AM
 * is not limited by MAMV here: Linux goes beyond it.
 */
static enum vtd_shadow_iqei decode_pasid_iotlb(u64 lo, u64 hi,
					       struct vtds_inval *inval)
{
	switch (FIELD_GET(VTD_INVAL_G, lo)) {
	case VTD_INVAL_PIOTLB_G_PASID:
		break;
	case VTD_INVAL_PIOTLB_G_PAGE:
		decode_pages(hi, inval);
		break;
	default:
		return VTD_SHADOW_IQEI_RESERVED_FIELD;
	}
	inval->all_domains = is_any_domain(inval);
	inval->action = VTDS_SYNC;
	return VTD_SHADOW_IQEI_NONE;
}

/* There is no source-id in it: any device may use the entry */
static enum vtd_shadow_iqei decode_pasid_cache(u64 lo, struct vtds_inval *inval)
{
	if (FIELD_GET(VTD_INVAL_G, lo) == VTD_INVAL_PC_G_RESERVED)
		return VTD_SHADOW_IQEI_RESERVED_FIELD;
	inval->sid_mask = U16_MAX;
	inval->action = VTDS_REFRESH;
	return VTD_SHADOW_IQEI_NONE;
}

static enum vtd_shadow_iqei decode_wait(u64 lo, u64 hi,
					struct vtds_inval *inval)
{
	if (!(lo & (VTD_INVAL_WAIT_IF | VTD_INVAL_WAIT_SW | VTD_INVAL_WAIT_FN)))
		return VTD_SHADOW_IQEI_RESERVED_FIELD;
	inval->action = VTDS_FLUSH;
	inval->interrupt = lo & VTD_INVAL_WAIT_IF;
	inval->status_write = lo & VTD_INVAL_WAIT_SW;
	inval->status_data = FIELD_GET(VTD_INVAL_WAIT_DATA, lo);
	inval->status_gpa = hi & ~(u64)VTD_INVAL_WAIT_RSVD_HI;
	return VTD_SHADOW_IQEI_NONE;
}

/* Returns the type, 0 if there is none such in this mode and of this width. */
static unsigned int known_type(int mode, u64 lo, unsigned int nr_qwords)
{
	unsigned int type = FIELD_GET(VTD_INVAL_TYPE_LO, lo) |
			    FIELD_GET(VTD_INVAL_TYPE_HI, lo) << 4;

	if (type >= ARRAY_SIZE(inval_layouts) ||
	    (inval_layouts[type].scalable &&
	     (mode != VTD_TTM_SCALABLE || nr_qwords != VTDS_WIDE_QWORDS)))
		return 0;
	return type;
}

/* Inline, with what it calls: 18 instructions less of 1,936 for a flush of one page */
static __always_inline enum vtd_shadow_iqei decode(const struct vtds_caps *caps,
						   int mode, const u64 *desc,
						   unsigned int nr_qwords,
						   struct vtds_inval *inval)
{
	unsigned int type = known_type(mode, desc[0], nr_qwords);
	u64 lo = desc[0], hi = desc[1];

	if (!type)
		return VTD_SHADOW_IQEI_INVALID_TYPE;
	if ((lo & inval_layouts[type].rsvd_lo) ||
	    (hi & inval_layouts[type].rsvd_hi) ||
	    (nr_qwords == VTDS_WIDE_QWORDS && (desc[2] || desc[3])))
		return VTD_SHADOW_IQEI_RESERVED_FIELD;

	*inval = (struct vtds_inval){
		.did = FIELD_GET(VTD_INVAL_DID, lo) & ~caps->no_did_bits,
		.all_pages = true,
	};
	switch (type) {
	case VTD_INVAL_CONTEXT:
		return decode_context(lo, inval);
	case VTD_INVAL_IOTLB:
		return decode_iotlb(caps, lo, hi, inval);
	case VTD_INVAL_PASID_IOTLB:
		return decode_pasid_iotlb(lo, hi, inval);
	case VTD_INVAL_PASID_CACHE:
		return decode_pasid_cache(lo, inval);
	case VTD_INVAL_WAIT:
		return decode_wait(lo, hi, inval);
	default:
		/*
		 * Device-TLBs are flushed with the host's IOTLB, interrupts are
		 * the VMM's.
		 */
		return VTD_SHADOW_IQEI_NONE;
	}
}

/**
 * vtds_inval_decode() - Decode and check a descriptor
 * @caps: Capabilities of the unit
 * @mode: vtds_unit_mode()
 * @desc: The descriptor
 * @nr_qwords: Its length: 2 or VTDS_WIDE_QWORDS
 * @inval: Output
 *
 * Section 6.5.2.
 *
 * Return: VTD_SHADOW_IQEI_NONE, or the error that stops the queue.
 */
enum vtd_shadow_iqei vtds_inval_decode(const struct vtds_caps *caps, int mode,
				       const u64 *desc, unsigned int nr_qwords,
				       struct vtds_inval *inval)
{
	return decode(caps, mode, desc, nr_qwords, inval);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_inval_decode);

static void sync_inval(struct vtds_batch *batch, struct vtds_domain *domain,
		       const struct vtds_inval *inval)
{
	if (inval->all_pages)
		vtds_domain_sync_full(batch, domain);
	else if (domain->full_seq != batch->seq)
		vtds_domain_sync(batch, domain, inval->first, inval->last);
}

static bool domain_has_did(struct vtds_unit *unit,
			   const struct vtds_domain *domain, u16 did)
{
	struct vtds_pasid *pasid;
	struct vtds_device *dev;
	unsigned long index;

	list_for_each_entry(dev, &unit->devices, unit_entry) {
		if (dev->group->domain != domain)
			continue;
		for (u32 i = 0; i < dev->nr_sources; i++)
			if (dev->sources[i].ctx.did == did)
				return true;
	}
	list_for_each_entry(dev, &unit->devices, unit_entry)
		xa_for_each(&dev->pasids, index, pasid)
			if (pasid->domain == domain &&
			    pasid->source.ctx.did == did)
				return true;
	return false;
}

/* Syncs the shadow of a device if a context in memory has the domain-id now. */
static void sync_contexts_in_memory(struct vtds_batch *batch,
				    struct vtds_device *dev,
				    const struct vtds_inval *inval)
{
	struct vtds_guest_ctx ctx;

	if (!dev->group->domain)
		return;
	for (u32 i = 0; i < dev->nr_sources; i++) {
		vtds_context_read(batch->unit, dev->sources[i].sid, &ctx);
		/* What cannot be read now may well be the one */
		if (ctx.error || ctx.did == inval->did)
			sync_inval(batch, dev->group->domain, inval);
	}
}

/* Syncs the shadows of PASIDs of a device whose entries in memory have the domain-id now. */
static void sync_pasids_in_memory(struct vtds_batch *batch,
				  struct vtds_device *dev,
				  const struct vtds_inval *inval)
{
	struct vtds_guest_ctx ctx;
	struct vtds_pasid *pasid;
	unsigned long index;

	xa_for_each(&dev->pasids, index, pasid) {
		if (!pasid->domain)
			continue;
		vtds_scalable_read_pasid(batch->unit, pasid->source.sid,
					 pasid->pasid, &ctx);
		if (ctx.error || ctx.did == inval->did)
			sync_inval(batch, pasid->domain, inval);
	}
}

/*
 * No entry that was read has the domain-id. A guest that changed it in place and
 * flushes only the IOTLB still means the table that the entry points to.
 */
static void sync_did_in_memory(struct vtds_batch *batch,
			       const struct vtds_inval *inval)
{
	struct vtds_device *dev;

	list_for_each_entry(dev, &batch->unit->devices, unit_entry) {
		sync_contexts_in_memory(batch, dev, inval);
		sync_pasids_in_memory(batch, dev, inval);
	}
}

static void run_sync(struct vtds_batch *batch, const struct vtds_inval *inval)
{
	struct vtds_unit *unit = batch->unit;
	bool found = inval->all_domains;
	struct vtds_domain *domain;

	list_for_each_entry(domain, &unit->domains, entry)
		if (inval->all_domains ||
		    domain_has_did(unit, domain, inval->did)) {
			found = true;
			sync_inval(batch, domain, inval);
		}
	if (!found)
		sync_did_in_memory(batch, inval);
}

/**
 * vtds_inval_run() - Decode a descriptor and do what it asks for
 * @batch: The batch
 * @desc: The descriptor
 * @nr_qwords: Its length
 * @inval: Output, what it was
 *
 * A wait descriptor is a barrier here; its status write and interrupt are left
 * to the caller.
 *
 * Return: VTD_SHADOW_IQEI_NONE, or the error that stops the queue.
 */
enum vtd_shadow_iqei vtds_inval_run(struct vtds_batch *batch, const u64 *desc,
				    unsigned int nr_qwords,
				    struct vtds_inval *inval)
{
	enum vtd_shadow_iqei iqei;

	iqei = decode(&batch->unit->caps, vtds_unit_mode(batch->unit), desc,
		      nr_qwords, inval);
	trace_vtd_shadow_descriptor(desc[0], desc[1], iqei);
	if (iqei)
		return iqei;

	switch (inval->action) {
	case VTDS_REFRESH:
		vtds_devices_refresh(batch, inval->sid, inval->sid_mask);
		break;
	case VTDS_SYNC:
		run_sync(batch, inval);
		break;
	case VTDS_FLUSH:
		vtds_batch_flush(batch);
		break;
	case VTDS_NOTHING:
		break;
	}
	return VTD_SHADOW_IQEI_NONE;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_inval_run);
