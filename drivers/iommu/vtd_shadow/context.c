// SPDX-License-Identifier: GPL-2.0-only
/*
 * Context: reads what the guest's tables say for a source-id. Serves the files that
 * attach; knows root and context entries of legacy mode, and calls scalable.c for
 * those of scalable mode.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <uapi/linux/vtd_shadow.h>

#include "caps.h"
#include "context.h"
#include "guest_ctx.h"
#include "guest_mem.h"
#include "scalable.h"
#include "unit.h"
#include "vtd_format.h"

enum {
	ROOT_ENTRY_SIZE = 16,
	ROOT_ENTRY_QWORDS = 2,
	CONTEXT_ENTRY_SIZE = 16,
	CONTEXT_ENTRY_QWORDS = 2,
};

/**
 * vtds_context_decode() - Decode a legacy context entry
 * @caps: Capabilities of the unit
 * @entry: The entry
 * @ctx: Output
 *
 * Section 9.3. A pass-through entry must have a supported AW too, its pointer is
 * ignored.
 *
 * Return: 0, or -EPROTO with a blocked @ctx and the reason in it.
 */
int vtds_context_decode(const struct vtds_caps *caps, const u64 entry[2],
			struct vtds_guest_ctx *ctx)
{
	unsigned int tt = FIELD_GET(VTD_CTX_TT, entry[0]);
	unsigned int levels = FIELD_GET(VTD_CTX_AW, entry[1]) + 2;
	bool fpd = entry[0] & VTD_CTX_FPD;

	vtds_ctx_note(ctx, entry, CONTEXT_ENTRY_QWORDS);
	if (!(entry[0] & VTD_CTX_P))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_CTX_NOT_PRESENT, fpd);
	if ((entry[0] & (VTD_CTX_RSVD_LO | vtds_beyond_haw(caps))) ||
	    (entry[1] & VTD_CTX_RSVD_HI))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_CTX_RESERVED, false);
	if (!(caps->levels & BIT(levels)) || tt == VTD_TT_RESERVED ||
	    (tt == VTD_TT_DEVICE_TLB && !caps->device_tlb) ||
	    (tt == VTD_TT_PASS_THROUGH && !caps->pass_through))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_CTX_INVALID, fpd);

	ctx->attachment = VTD_SHADOW_ATTACHED_IDENTITY;
	ctx->fpd = fpd;
	ctx->did = FIELD_GET(VTD_CTX_DID, entry[1]) & ~caps->no_did_bits;
	if (tt == VTD_TT_PASS_THROUGH)
		return 0;

	ctx->attachment = VTD_SHADOW_ATTACHED_SHADOW;
	ctx->root = entry[0] & VTD_ENTRY_ADDR;
	ctx->levels = levels;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_context_decode);

/* Finds the context table of a bus. Returns 0, or -EPROTO: blocked. */
static int read_root(struct vtds_unit *unit, u8 bus, struct vtds_guest_ctx *ctx,
		     u64 *context_table)
{
	u64 gpa = (unit->rtaddr & VTD_RTADDR_RTA) + bus * ROOT_ENTRY_SIZE;
	u64 entry[ROOT_ENTRY_QWORDS];
	int ret = -ENOENT;

	if (!(unit->rtaddr & vtds_beyond_haw(&unit->caps)))
		ret = vtds_mem_read_entry(&unit->mem, gpa, entry,
					  ROOT_ENTRY_QWORDS);
	if (ret)
		return vtds_ctx_unreadable(ctx, ret,
					   VTD_SHADOW_FR_ROOT_UNREADABLE);
	vtds_ctx_note(ctx, entry, ROOT_ENTRY_QWORDS);
	if (!(entry[0] & VTD_ROOT_P))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_ROOT_NOT_PRESENT,
				      false);
	if ((entry[0] & (VTD_ROOT_RSVD_LO | vtds_beyond_haw(&unit->caps))) ||
	    (entry[1] & VTD_ROOT_RSVD_HI))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_ROOT_RESERVED, false);
	*context_table = entry[0] & VTD_ENTRY_ADDR;
	return 0;
}

static void legacy_read(struct vtds_unit *unit, u16 sid,
			struct vtds_guest_ctx *ctx)
{
	u64 table, entry[CONTEXT_ENTRY_QWORDS];
	int ret;

	if (read_root(unit, sid >> 8, ctx, &table))
		return;
	ret = vtds_mem_read_entry(&unit->mem,
				  table + (sid & 0xff) * CONTEXT_ENTRY_SIZE,
				  entry, CONTEXT_ENTRY_QWORDS);
	if (ret) {
		vtds_ctx_unreadable(ctx, ret, VTD_SHADOW_FR_CTX_UNREADABLE);
		return;
	}
	/* A fault is in @ctx */
	vtds_context_decode(&unit->caps, entry, ctx);
}

/**
 * vtds_context_read() - What the guest's tables say now for a source-id
 * @unit: The unit, locked
 * @sid: Bus in bits 15:8, device and function in 7:0
 * @ctx: Output; blocked with a reason if the tables have no valid answer
 *
 * For requests without PASID.
 */
void vtds_context_read(struct vtds_unit *unit, u16 sid,
		       struct vtds_guest_ctx *ctx)
{
	*ctx = (struct vtds_guest_ctx){};
	if (!unit->te) {
		ctx->attachment = VTD_SHADOW_ATTACHED_IDENTITY;
		return;
	}

	switch (vtds_unit_mode(unit)) {
	case VTD_TTM_LEGACY:
		legacy_read(unit, sid, ctx);
		break;
	case VTD_TTM_SCALABLE:
		vtds_scalable_read(unit, sid, ctx);
		break;
	default:
		vtds_ctx_block(ctx, VTD_SHADOW_FR_ROOT_ADDRESS, false);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_context_read);
