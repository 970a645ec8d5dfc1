// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root and context entries: what the guest's tables say for a source-id.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>

#include "vtd_shadow_private.h"

enum {
	ROOT_ENTRY_SIZE = 16,
	CONTEXT_ENTRY_SIZE = 16,
};

static void block(struct vtds_setting *setting, enum vtd_fault_reason reason)
{
	*setting = (struct vtds_setting){
		.attachment = VTD_SHADOW_ATTACHED_BLOCKED,
		.reason = reason,
	};
}

/* Bits of a table pointer at or above the guest's physical address width. */
static u64 beyond_haw(const struct vtds_caps *caps)
{
	return VTD_ENTRY_ADDR_FIELD & ~GENMASK_ULL(caps->haw - 1, 0);
}

static int context_fault(struct vtds_setting *setting,
			 enum vtd_fault_reason reason)
{
	block(setting, reason);
	return -EPROTO;
}

/**
 * vtds_context_decode() - Decode a legacy context entry
 * @caps: Capabilities of the unit
 * @lo: Low quadword
 * @hi: High quadword
 * @setting: Output
 *
 * Section 9.3. FPD only keeps faults from being reported to the guest, which is
 * the VMM's to do. A pass-through entry must have a supported AW too, its
 * pointer is ignored.
 *
 * Return: 0, or -EPROTO with a blocked @setting and the reason in it.
 */
int vtds_context_decode(const struct vtds_caps *caps, u64 lo, u64 hi,
			struct vtds_setting *setting)
{
	unsigned int tt = FIELD_GET(VTD_CTX_TT, lo);
	unsigned int levels = FIELD_GET(VTD_CTX_AW, hi) + 2;

	if (!(lo & VTD_CTX_P))
		return context_fault(setting, VTD_FAULT_CTX_NOT_PRESENT);
	if ((lo & (VTD_CTX_RSVD_LO | beyond_haw(caps))) ||
	    (hi & VTD_CTX_RSVD_HI))
		return context_fault(setting, VTD_FAULT_CTX_RESERVED);
	if (!(caps->levels & BIT(levels)) || tt == VTD_TT_RESERVED ||
	    (tt == VTD_TT_DEVICE_TLB && !caps->device_tlb) ||
	    (tt == VTD_TT_PASS_THROUGH && !caps->pass_through))
		return context_fault(setting, VTD_FAULT_CTX_INVALID);

	*setting = (struct vtds_setting){
		.attachment = VTD_SHADOW_ATTACHED_IDENTITY,
		.did = FIELD_GET(VTD_CTX_DID, hi),
	};
	if (tt == VTD_TT_PASS_THROUGH)
		return 0;

	setting->attachment = VTD_SHADOW_ATTACHED_SHADOW;
	setting->root = lo & VTD_ENTRY_ADDR;
	setting->levels = levels;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_context_decode);

static enum vtd_fault_reason read_root(struct vtds_unit *unit, u8 bus,
				       u64 *context_table)
{
	u64 gpa = (unit->rtaddr & VTD_RTADDR_RTA) + bus * ROOT_ENTRY_SIZE;
	u64 entry[2];

	if (FIELD_GET(VTD_RTADDR_TTM, unit->rtaddr) != VTD_TTM_LEGACY)
		return VTD_FAULT_BAD_ROOT;
	if ((unit->rtaddr & beyond_haw(&unit->caps)) ||
	    vtds_mem_read_entry(&unit->mem, gpa, entry))
		return VTD_FAULT_ROOT_UNREADABLE;
	if (!(entry[0] & VTD_ROOT_P))
		return VTD_FAULT_ROOT_NOT_PRESENT;
	if ((entry[0] & (VTD_ROOT_RSVD_LO | beyond_haw(&unit->caps))) ||
	    (entry[1] & VTD_ROOT_RSVD_HI))
		return VTD_FAULT_ROOT_RESERVED;
	*context_table = entry[0] & VTD_ENTRY_ADDR;
	return VTD_FAULT_NONE;
}

/**
 * vtds_context_read() - What the guest's tables say now for a source-id
 * @unit: The unit, locked
 * @sid: Bus in bits 15:8, device and function in 7:0
 * @setting: Output; blocked with a reason if the tables have no valid answer
 */
void vtds_context_read(struct vtds_unit *unit, u16 sid,
		       struct vtds_setting *setting)
{
	enum vtd_fault_reason reason;
	u64 table, entry[2];

	if (!unit->te) {
		*setting = (struct vtds_setting){
			.attachment = VTD_SHADOW_ATTACHED_IDENTITY,
		};
		return;
	}

	reason = read_root(unit, sid >> 8, &table);
	if (reason) {
		block(setting, reason);
		return;
	}
	if (vtds_mem_read_entry(&unit->mem,
				table + (sid & 0xff) * CONTEXT_ENTRY_SIZE,
				entry)) {
		block(setting, VTD_FAULT_CTX_UNREADABLE);
		return;
	}
	/* A fault is in the setting */
	vtds_context_decode(&unit->caps, entry[0], entry[1], setting);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_context_read);
