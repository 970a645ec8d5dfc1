// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest contexts: what the mode of a unit is, how it is recorded what guest tables say
 * for a source-id, and what faults are called. Serves the readers of tables and all
 * that report faults; calls error.c alone.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/jhash.h>
#include <uapi/linux/vtd_shadow.h>

#include "caps.h"
#include "error.h"
#include "guest_ctx.h"
#include "unit.h"
#include "vtd_format.h"

/* What was found out so far about the entries stays. */
void vtds_ctx_set_blocked(struct vtds_guest_ctx *ctx,
			  enum vtd_shadow_fault_reason reason, bool fpd)
{
	*ctx = (struct vtds_guest_ctx){
		.attachment = VTD_SHADOW_ATTACHED_BLOCKED,
		.reason = reason,
		.fpd = fpd,
		.pasid = ctx->pasid,
		.digest = ctx->digest,
	};
}

/* The guest is not to blame for every error. */
void vtds_ctx_set_unreadable(struct vtds_guest_ctx *ctx, int error,
			     enum vtd_shadow_fault_reason reason)
{
	bool guests = vtds_error_is_guests(error);

	vtds_ctx_set_blocked(ctx, guests ? reason : VTD_SHADOW_FR_NONE, false);
	if (!guests)
		ctx->error = vtds_error_of_host(error);
}

/* Remembers the contents of an entry, to notice when it changes. */
void vtds_ctx_note(struct vtds_guest_ctx *ctx, const u64 *entry,
		   unsigned int nr_qwords)
{
	ctx->digest = jhash(entry, nr_qwords * sizeof(*entry), ctx->digest);
}

/* Bits of a table pointer at or above the guest's physical address width. */
u64 vtds_beyond_haw(const struct vtds_caps *caps)
{
	return VTD_ENTRY_ADDR_FIELD & ~GENMASK_ULL(caps->haw - 1, 0);
}

/* How tables are to be read: RTADDR_REG.TTM, or -EOPNOTSUPP: not in this unit. */
int vtds_unit_mode(const struct vtds_unit *unit)
{
	int ttm = FIELD_GET(VTD_RTADDR_TTM, unit->rtaddr);

	if (ttm == VTD_TTM_LEGACY ||
	    (ttm == VTD_TTM_SCALABLE && unit->caps.scalable))
		return ttm;
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_unit_mode);

/* Whether the unit uses scalable-mode tables. */
bool vtds_unit_is_scalable(const struct vtds_unit *unit)
{
	return unit->te && vtds_unit_mode(unit) == VTD_TTM_SCALABLE;
}

/* What scalable mode calls a fault of second-stage translation, appendix A. */
static enum vtd_shadow_fault_reason
scalable_reason(enum vtd_shadow_fault_reason legacy)
{
	switch (legacy) {
	case VTD_SHADOW_FR_CTX_INVALID:
		return VTD_SHADOW_FR_SM_TOP_UNREADABLE;
	case VTD_SHADOW_FR_TABLE_UNREADABLE:
		return VTD_SHADOW_FR_SM_TABLE_UNREADABLE;
	case VTD_SHADOW_FR_ADDR_BEYOND_WIDTH:
		return VTD_SHADOW_FR_SM_ADDR_BEYOND_WIDTH;
	case VTD_SHADOW_FR_NO_WRITE:
		return VTD_SHADOW_FR_SM_NO_WRITE;
	case VTD_SHADOW_FR_NO_READ:
		return VTD_SHADOW_FR_SM_NO_READ;
	case VTD_SHADOW_FR_SS_RESERVED:
		return VTD_SHADOW_FR_SM_SS_RESERVED;
	case VTD_SHADOW_FR_INTERRUPT_RANGE:
		return VTD_SHADOW_FR_SM_INTERRUPT_RANGE;
	default:
		return legacy;
	}
}

/* The fault of second-stage translation, named as the unit's mode names it. */
enum vtd_shadow_fault_reason
vtds_unit_reason(const struct vtds_unit *unit,
		 enum vtd_shadow_fault_reason legacy)
{
	return vtds_unit_is_scalable(unit) ? scalable_reason(legacy) : legacy;
}
