// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation descriptors: decoding, and what each of them sets off.
 */
#include <kunit/visibility.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "vtd_shadow_private.h"

/* Descriptors copied from the caller at a time */
#define VTDS_INVAL_BATCH 32

/**
 * struct inval_layout - What is reserved in one type of descriptor
 * @rsvd_lo: Reserved bits of the low quadword
 * @rsvd_hi: Reserved bits of the high quadword
 */
struct inval_layout {
	u64 rsvd_lo;
	u64 rsvd_hi;
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
};

static void decode_context(u64 lo, struct vtds_inval *inval)
{
	/* Function mask: 1 drops bit 2, 2 drops 2:1, 3 drops 2:0 */
	static const u8 fm_mask[] = { 0, BIT(2), GENMASK(2, 1), GENMASK(2, 0) };

	inval->sid = FIELD_GET(VTD_INVAL_CC_SID, lo);
	inval->sid_mask = fm_mask[FIELD_GET(VTD_INVAL_CC_FM, lo)];
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

	inval->first = 0;
	inval->last = U64_MAX;
	if (shift >= BITS_PER_TYPE(u64))
		return;
	inval->first = addr & ~(BIT_ULL(shift) - 1);
	if (check_add_overflow(addr, BIT_ULL(shift) - 1, &inval->last))
		inval->last = U64_MAX;
}

/**
 * vtds_inval_decode() - Decode and check a 128-bit descriptor
 * @caps: Capabilities of the unit
 * @lo: Low quadword
 * @hi: High quadword
 * @inval: Output
 *
 * Section 6.5.2.
 *
 * Return: VTD_SHADOW_IQEI_NONE, or the error that stops the queue.
 */
enum vtd_shadow_iqei vtds_inval_decode(const struct vtds_caps *caps, u64 lo,
				       u64 hi, struct vtds_inval *inval)
{
	unsigned int type = FIELD_GET(VTD_INVAL_TYPE_LO, lo) |
			    FIELD_GET(VTD_INVAL_TYPE_HI, lo) << 4;

	if (type < VTD_INVAL_CONTEXT || type > VTD_INVAL_WAIT)
		return VTD_SHADOW_IQEI_INVALID_TYPE;
	if ((lo & inval_layouts[type].rsvd_lo) ||
	    (hi & inval_layouts[type].rsvd_hi))
		return VTD_SHADOW_IQEI_RESERVED_FIELD;

	*inval = (struct vtds_inval){
		.type = type,
		.granularity = FIELD_GET(VTD_INVAL_G, lo),
		.did = FIELD_GET(VTD_INVAL_DID, lo),
	};

	switch (inval->type) {
	case VTD_INVAL_CONTEXT:
		if (inval->granularity == VTD_INVAL_G_RESERVED)
			return VTD_SHADOW_IQEI_RESERVED_FIELD;
		decode_context(lo, inval);
		break;
	case VTD_INVAL_IOTLB:
		if (inval->granularity == VTD_INVAL_G_RESERVED)
			return VTD_SHADOW_IQEI_RESERVED_FIELD;
		if (inval->granularity != VTD_INVAL_G_SELECTIVE)
			break;
		if (FIELD_GET(VTD_INVAL_IOTLB_AM, hi) > caps->mamv)
			return VTD_SHADOW_IQEI_RESERVED_FIELD;
		decode_pages(hi, inval);
		break;
	case VTD_INVAL_WAIT:
		if (!(lo & (VTD_INVAL_WAIT_IF | VTD_INVAL_WAIT_SW |
			    VTD_INVAL_WAIT_FN)))
			return VTD_SHADOW_IQEI_RESERVED_FIELD;
		break;
	case VTD_INVAL_DEVICE_TLB:
	case VTD_INVAL_INTERRUPT:
		break;
	}
	return VTD_SHADOW_IQEI_NONE;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_inval_decode);

static void sync_inval(struct vtds_batch *batch, struct vtds_domain *domain,
		       const struct vtds_inval *inval)
{
	if (inval->granularity != VTD_INVAL_G_SELECTIVE)
		vtds_domain_sync_full(batch, domain);
	else if (domain->full_seq != batch->seq)
		vtds_domain_sync(batch, domain, inval->first, inval->last);
}

static bool domain_has_did(struct vtds_unit *unit,
			   const struct vtds_domain *domain, u16 did)
{
	struct vtds_device *dev;

	list_for_each_entry(dev, &unit->devices, unit_entry) {
		if (dev->group->domain != domain)
			continue;
		for (u32 i = 0; i < dev->nr_requesters; i++)
			if (dev->requesters[i].setting.did == did)
				return true;
	}
	return false;
}

/*
 * No context that was read has the domain-id. A guest that changed it in place
 * and flushes only the IOTLB still means the table that the entry points to.
 */
static void sync_did_in_memory(struct vtds_batch *batch,
			       const struct vtds_inval *inval)
{
	struct vtds_setting setting;
	struct vtds_device *dev;

	list_for_each_entry(dev, &batch->unit->devices, unit_entry) {
		if (!dev->group->domain)
			continue;
		for (u32 i = 0; i < dev->nr_requesters; i++) {
			vtds_context_read(batch->unit, dev->requesters[i].sid,
					  &setting);
			if (setting.did == inval->did)
				sync_inval(batch, dev->group->domain, inval);
		}
	}
}

static void run_iotlb(struct vtds_batch *batch, const struct vtds_inval *inval)
{
	bool global = inval->granularity == VTD_INVAL_G_GLOBAL;
	struct vtds_unit *unit = batch->unit;
	struct vtds_domain *domain;
	bool found = global;

	list_for_each_entry(domain, &unit->domains, entry)
		if (global || domain_has_did(unit, domain, inval->did)) {
			found = true;
			sync_inval(batch, domain, inval);
		}
	if (!found)
		sync_did_in_memory(batch, inval);
}

static void run_one(struct vtds_batch *batch, const struct vtds_inval *inval)
{
	switch (inval->type) {
	case VTD_INVAL_CONTEXT:
		/* Not-present entries are cached under any domain-id: read all */
		if (inval->granularity == VTD_INVAL_G_SELECTIVE)
			vtds_devices_refresh(batch, inval->sid,
					     inval->sid_mask);
		else
			vtds_devices_refresh(batch, 0, U16_MAX);
		break;
	case VTD_INVAL_IOTLB:
		run_iotlb(batch, inval);
		break;
	case VTD_INVAL_WAIT:
		vtds_batch_flush(batch);
		break;
	case VTD_INVAL_DEVICE_TLB:
	case VTD_INVAL_INTERRUPT:
		/* Device-TLBs are flushed with the host's IOTLB */
		break;
	}
}

/* Runs descriptors until one is malformed. Returns the reason, or none. */
static enum vtd_shadow_iqei
run_array(struct vtds_batch *batch, const u64 (*descs)[2], u32 count, u32 *done)
{
	struct vtds_inval inval;
	enum vtd_shadow_iqei iqei;

	for (u32 i = 0; i < count; i++) {
		iqei = vtds_inval_decode(&batch->unit->caps, descs[i][0],
					 descs[i][1], &inval);
		trace_vtd_shadow_descriptor(descs[i][0], descs[i][1], iqei);
		if (iqei)
			return iqei;
		run_one(batch, &inval);
		batch->unit->stats.descriptors++;
		(*done)++;
	}
	return VTD_SHADOW_IQEI_NONE;
}

/**
 * vtds_inval_run() - Process an array of descriptors
 * @batch: The batch
 * @cmd: See struct vtd_shadow_invalidate; @cmd->done and @cmd->iqei are set
 *
 * Return: 0, -EFAULT, or -EINTR if the caller is being killed.
 */
int vtds_inval_run(struct vtds_batch *batch, struct vtd_shadow_invalidate *cmd)
{
	const void __user *from = u64_to_user_ptr(cmd->descs_uptr);
	u64 descs[VTDS_INVAL_BATCH][2];

	cmd->done = 0;
	cmd->iqei = VTD_SHADOW_IQEI_NONE;
	while (cmd->done < cmd->nr_descs && !cmd->iqei) {
		u32 count =
			min_t(u32, cmd->nr_descs - cmd->done, VTDS_INVAL_BATCH);

		if (fatal_signal_pending(current))
			return -EINTR;
		if (copy_from_user(descs, from + cmd->done * sizeof(descs[0]),
				   count * sizeof(descs[0])))
			return -EFAULT;
		cmd->iqei = run_array(batch, descs, count, &cmd->done);
	}
	return 0;
}
