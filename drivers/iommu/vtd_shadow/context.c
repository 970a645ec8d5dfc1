// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's tables say for a source-id: the mode of the unit, and root and
 * context entries of legacy mode. Scalable mode is in scalable.c.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/jhash.h>

#include "vtd_shadow_private.h"

enum {
	ROOT_ENTRY_SIZE = 16,
	ROOT_ENTRY_QWORDS = 2,
	CONTEXT_ENTRY_SIZE = 16,
	CONTEXT_ENTRY_QWORDS = 2,
};

/**
 * vtds_setting_block() - Settle that a requester is blocked
 * @setting: Output; what was found out so far about the entries stays
 * @reason: Why
 * @fpd: The guest does not want to hear of it (fault processing disable)
 *
 * Return: -EPROTO, for the caller to return.
 */
int vtds_setting_block(struct vtds_setting *setting,
		       enum vtd_fault_reason reason, bool fpd)
{
	*setting = (struct vtds_setting){
		.attachment = VTD_SHADOW_ATTACHED_BLOCKED,
		.reason = reason,
		.fpd = fpd,
		.pasid = setting->pasid,
		.digest = setting->digest,
	};
	return -EPROTO;
}

/**
 * vtds_setting_unreadable() - Settle that a requester is blocked: an entry is unreadable
 * @setting: Output, as for vtds_setting_block()
 * @error: Negative errno: why it could not be read. The guest is not to blame for all
 * @reason: What a remapping unit would say that could not read it
 *
 * Return: -EPROTO, for the caller to return.
 */
int vtds_setting_unreadable(struct vtds_setting *setting, int error,
			    enum vtd_fault_reason reason)
{
	bool guests = vtds_error_is_guests(error);

	vtds_setting_block(setting, guests ? reason : VTD_FAULT_NONE, false);
	if (!guests)
		setting->error = error;
	return -EPROTO;
}

/* Remembers the contents of an entry, to notice when it changes. */
void vtds_setting_note(struct vtds_setting *setting, const u64 *entry,
		       unsigned int nr_qwords)
{
	setting->digest =
		jhash(entry, nr_qwords * sizeof(*entry), setting->digest);
}

/* Bits of a table pointer at or above the guest's physical address width. */
u64 vtds_beyond_haw(const struct vtds_caps *caps)
{
	return VTD_ENTRY_ADDR_FIELD & ~GENMASK_ULL(caps->haw - 1, 0);
}

/**
 * vtds_context_decode() - Decode a legacy context entry
 * @caps: Capabilities of the unit
 * @entry: The entry
 * @setting: Output
 *
 * Section 9.3. A pass-through entry must have a supported AW too, its pointer is
 * ignored.
 *
 * Return: 0, or -EPROTO with a blocked @setting and the reason in it.
 */
int vtds_context_decode(const struct vtds_caps *caps, const u64 entry[2],
			struct vtds_setting *setting)
{
	unsigned int tt = FIELD_GET(VTD_CTX_TT, entry[0]);
	unsigned int levels = FIELD_GET(VTD_CTX_AW, entry[1]) + 2;
	bool fpd = entry[0] & VTD_CTX_FPD;

	vtds_setting_note(setting, entry, CONTEXT_ENTRY_QWORDS);
	if (!(entry[0] & VTD_CTX_P))
		return vtds_setting_block(setting, VTD_FAULT_CTX_NOT_PRESENT,
					  fpd);
	if ((entry[0] & (VTD_CTX_RSVD_LO | vtds_beyond_haw(caps))) ||
	    (entry[1] & VTD_CTX_RSVD_HI))
		return vtds_setting_block(setting, VTD_FAULT_CTX_RESERVED,
					  false);
	if (!(caps->levels & BIT(levels)) || tt == VTD_TT_RESERVED ||
	    (tt == VTD_TT_DEVICE_TLB && !caps->device_tlb) ||
	    (tt == VTD_TT_PASS_THROUGH && !caps->pass_through))
		return vtds_setting_block(setting, VTD_FAULT_CTX_INVALID, fpd);

	setting->attachment = VTD_SHADOW_ATTACHED_IDENTITY;
	setting->fpd = fpd;
	setting->did = FIELD_GET(VTD_CTX_DID, entry[1]) & ~caps->no_did_bits;
	if (tt == VTD_TT_PASS_THROUGH)
		return 0;

	setting->attachment = VTD_SHADOW_ATTACHED_SHADOW;
	setting->root = entry[0] & VTD_ENTRY_ADDR;
	setting->levels = levels;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_context_decode);

/* Finds the context table of a bus. Returns 0, or -EPROTO: blocked. */
static int read_root(struct vtds_unit *unit, u8 bus,
		     struct vtds_setting *setting, u64 *context_table)
{
	u64 gpa = (unit->rtaddr & VTD_RTADDR_RTA) + bus * ROOT_ENTRY_SIZE;
	u64 entry[ROOT_ENTRY_QWORDS];
	int ret = -ENOENT;

	if (!(unit->rtaddr & vtds_beyond_haw(&unit->caps)))
		ret = vtds_mem_read_entry(&unit->mem, gpa, entry,
					  ROOT_ENTRY_QWORDS);
	if (ret)
		return vtds_setting_unreadable(setting, ret,
					       VTD_FAULT_ROOT_UNREADABLE);
	vtds_setting_note(setting, entry, ROOT_ENTRY_QWORDS);
	if (!(entry[0] & VTD_ROOT_P))
		return vtds_setting_block(setting, VTD_FAULT_ROOT_NOT_PRESENT,
					  false);
	if ((entry[0] & (VTD_ROOT_RSVD_LO | vtds_beyond_haw(&unit->caps))) ||
	    (entry[1] & VTD_ROOT_RSVD_HI))
		return vtds_setting_block(setting, VTD_FAULT_ROOT_RESERVED,
					  false);
	*context_table = entry[0] & VTD_ENTRY_ADDR;
	return 0;
}

static void legacy_read(struct vtds_unit *unit, u16 sid,
			struct vtds_setting *setting)
{
	u64 table, entry[CONTEXT_ENTRY_QWORDS];
	int ret;

	if (read_root(unit, sid >> 8, setting, &table))
		return;
	ret = vtds_mem_read_entry(&unit->mem,
				  table + (sid & 0xff) * CONTEXT_ENTRY_SIZE,
				  entry, CONTEXT_ENTRY_QWORDS);
	if (ret) {
		vtds_setting_unreadable(setting, ret, VTD_FAULT_CTX_UNREADABLE);
		return;
	}
	/* A fault is in the setting */
	vtds_context_decode(&unit->caps, entry, setting);
}

/* How the tables are to be read: RTADDR_REG.TTM, or -EOPNOTSUPP: not in this unit. */
int vtds_unit_mode(const struct vtds_unit *unit)
{
	int ttm = FIELD_GET(VTD_RTADDR_TTM, unit->rtaddr);

	if (ttm == VTD_TTM_LEGACY ||
	    (ttm == VTD_TTM_SCALABLE && unit->caps.scalable))
		return ttm;
	return -EOPNOTSUPP;
}

/* Whether the unit uses scalable-mode tables. */
bool vtds_unit_is_scalable(const struct vtds_unit *unit)
{
	return unit->te && vtds_unit_mode(unit) == VTD_TTM_SCALABLE;
}

/**
 * vtds_context_read() - What the guest's tables say now for a source-id
 * @unit: The unit, locked
 * @sid: Bus in bits 15:8, device and function in 7:0
 * @setting: Output; blocked with a reason if the tables have no valid answer
 *
 * For requests without PASID.
 */
void vtds_context_read(struct vtds_unit *unit, u16 sid,
		       struct vtds_setting *setting)
{
	*setting = (struct vtds_setting){};
	if (!unit->te) {
		setting->attachment = VTD_SHADOW_ATTACHED_IDENTITY;
		return;
	}

	switch (vtds_unit_mode(unit)) {
	case VTD_TTM_LEGACY:
		legacy_read(unit, sid, setting);
		break;
	case VTD_TTM_SCALABLE:
		vtds_scalable_read(unit, sid, setting);
		break;
	default:
		vtds_setting_block(setting, VTD_FAULT_BAD_ROOT, false);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_context_read);
