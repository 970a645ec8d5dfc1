// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation descriptors: decoding, and what each of them asks for, which is collected
 * up to a barrier. The guest wrote its tables before it wrote the queue's tail, so that
 * reading them later than a descriptor is always right. Serves queue.c; calls device.c,
 * and the readers of context and PASID entries.
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
#include "group.h"
#include "guest_ctx.h"
#include "inval.h"
#include "pasid.h"
#include "scalable.h"
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
EXPORT_SYMBOL_IF_KUNIT(vtds_inval_decode);

/*
 * Collects a range of a domain. Returns whether there was room: if not, the batch has to be
 * settled before. What others want takes no room, since they may be waiting for guest
 * memory; it is joined instead.
 */
static bool need_inval(struct vtds_batch *batch, struct vtds_domain *domain,
		       const struct vtds_inval *inval)
{
	if (domain->full_seq == batch->seq)
		return true;
	if (inval->all_pages) {
		vtds_todo_all(&domain->todo, batch->seq);
		return true;
	}
	if (vtds_todo_is_full(&domain->todo) &&
	    vtds_todo_has(&domain->todo, batch->seq))
		return false;
	vtds_todo_add(&domain->todo, batch->seq, inval->first, inval->last);
	return true;
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

/* Collects for the shadow of a device if a context in memory has the domain-id now. */
static bool need_contexts_in_memory(struct vtds_batch *batch,
				    struct vtds_device *dev,
				    const struct vtds_inval *inval)
{
	struct vtds_guest_ctx ctx;
	bool room = true;

	if (!dev->group->domain)
		return true;
	for (u32 i = 0; i < dev->nr_sources; i++) {
		vtds_context_read(batch->unit, dev->sources[i].sid, &ctx);
		/* What cannot be read now may well be the one */
		if (ctx.error || ctx.did == inval->did)
			room &= need_inval(batch, dev->group->domain, inval);
	}
	return room;
}

/* Collects for shadows of PASIDs whose entries in memory have the domain-id now. */
static bool need_pasids_in_memory(struct vtds_batch *batch,
				  struct vtds_device *dev,
				  const struct vtds_inval *inval)
{
	struct vtds_guest_ctx ctx;
	struct vtds_pasid *pasid;
	unsigned long index;
	bool room = true;

	xa_for_each(&dev->pasids, index, pasid) {
		if (!pasid->domain)
			continue;
		vtds_scalable_read_pasid(batch->unit, pasid->source.sid,
					 pasid->pasid, &ctx);
		if (ctx.error || ctx.did == inval->did)
			room &= need_inval(batch, pasid->domain, inval);
	}
	return room;
}

/*
 * No entry that was read has the domain-id. A guest that changed it in place and
 * flushes only the IOTLB still means the table that the entry points to.
 */
static bool need_did_in_memory(struct vtds_batch *batch,
			       const struct vtds_inval *inval)
{
	struct vtds_device *dev;
	bool room = true;

	vtds_devices_touch_known(batch);
	list_for_each_entry(dev, &batch->unit->devices, unit_entry) {
		room &= need_contexts_in_memory(batch, dev, inval);
		room &= need_pasids_in_memory(batch, dev, inval);
	}
	return room;
}

static bool need_sync(struct vtds_batch *batch, const struct vtds_inval *inval)
{
	struct vtds_unit *unit = batch->unit;
	bool found = inval->all_domains, room = true;
	struct vtds_domain *domain;

	list_for_each_entry(domain, &unit->domains, entry) {
		if (!domain->users ||
		    (!inval->all_domains &&
		     !domain_has_did(unit, domain, inval->did)))
			continue;
		found = true;
		room &= need_inval(batch, domain, inval);
	}
	return found ? room : need_did_in_memory(batch, inval);
}

static void need_refresh(struct vtds_batch *batch,
			 const struct vtds_inval *inval)
{
	bool same = batch->sid == inval->sid &&
		    batch->sid_mask == inval->sid_mask;

	batch->sid_mask = !batch->refresh || same ? inval->sid_mask : U16_MAX;
	batch->sid = inval->sid;
	batch->refresh = true;
}

/**
 * vtds_inval_refresh() - Read contexts again, if descriptors have asked for it
 * @batch: The batch
 *
 * Context: as vtds_settle().
 */
void vtds_inval_refresh(struct vtds_batch *batch)
{
	if (likely(!batch->refresh))
		return;
	batch->refresh = false;
	vtds_devices_touch(batch);
	vtds_devices_refresh(batch, batch->sid, batch->sid_mask);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_inval_refresh);

/**
 * vtds_inval_collect() - Collect what a descriptor asks for
 * @batch: The batch
 * @inval: The descriptor, decoded
 *
 * A domain-id means what contexts say that were announced before.
 *
 * Context: as vtds_settle().
 *
 * Return: whether it was collected. If not, the unit has to be settled before.
 */
bool vtds_inval_collect(struct vtds_batch *batch,
			const struct vtds_inval *inval)
{
	switch (inval->action) {
	case VTDS_REFRESH:
		need_refresh(batch, inval);
		return true;
	case VTDS_SYNC:
		vtds_inval_refresh(batch);
		return need_sync(batch, inval);
	default:
		return true;
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_inval_collect);
