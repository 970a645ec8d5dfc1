// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scalable mode: what root, context, PASID directory and PASID table entries say
 * for a source-id. First stage and nested translation cannot be shadowed; their
 * entries are invalid as for a unit without these features.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "vtd_shadow_private.h"

enum {
	ROOT_ENTRY_SIZE = 16,
	ROOT_ENTRY_QWORDS = 2,
	CONTEXT_ENTRY_SIZE = 32,
	CONTEXT_ENTRY_QWORDS = 4,
	PASID_DIR_ENTRY_SIZE = 8,
	PASID_ENTRY_SIZE = 64,
	PASID_ENTRY_QWORDS = 8,
};

/*
 * Finds the context table of a source-id, section 9.2: each bus has one for the
 * lower and one for the upper half of its functions. Returns 0 or -EPROTO.
 */
static int read_root(struct vtds_unit *unit, u16 sid,
		     struct vtds_setting *setting, u64 *context_table)
{
	u64 gpa =
		(unit->rtaddr & VTD_RTADDR_RTA) + (sid >> 8) * ROOT_ENTRY_SIZE;
	u64 entry[ROOT_ENTRY_QWORDS], half;
	int ret;

	if (unit->rtaddr & vtds_beyond_haw(&unit->caps))
		return vtds_setting_block(setting, VTD_FAULT_BAD_ROOT, false);
	ret = vtds_mem_read_entry(&unit->mem, gpa, entry, ROOT_ENTRY_QWORDS);
	if (ret)
		return vtds_setting_unreadable(setting, ret,
					       VTD_FAULT_SM_ROOT_UNREADABLE);
	half = entry[sid & 0x80 ? 1 : 0];
	vtds_setting_note(setting, &half, 1);
	if (!(half & VTD_SM_ROOT_P))
		return vtds_setting_block(setting,
					  VTD_FAULT_SM_ROOT_NOT_PRESENT, false);
	if (half & (VTD_SM_ROOT_RSVD | vtds_beyond_haw(&unit->caps)))
		return vtds_setting_block(setting, VTD_FAULT_SM_ROOT_RESERVED,
					  false);
	*context_table = half & VTD_ENTRY_ADDR;
	return 0;
}

/**
 * vtds_scalable_context_decode() - Decode a scalable-mode context entry
 * @caps: Capabilities of the unit
 * @entry: The entry
 * @setting: Gets the reason on failure
 * @directory: Output, its PASID directory
 *
 * Section 9.4. The PASID of requests without PASID is left in @setting.
 *
 * Return: 0, or -EPROTO with a blocked @setting and the reason in it.
 */
int vtds_scalable_context_decode(const struct vtds_caps *caps,
				 const u64 entry[4],
				 struct vtds_setting *setting,
				 struct vtds_directory *directory)
{
	vtds_setting_note(setting, entry, CONTEXT_ENTRY_QWORDS);
	setting->fpd = entry[0] & VTD_SM_CTX_FPD;
	if (!(entry[0] & VTD_SM_CTX_P))
		return vtds_setting_block(setting, VTD_FAULT_SM_CTX_NOT_PRESENT,
					  setting->fpd);
	if ((entry[0] & (VTD_SM_CTX_RSVD_0 | vtds_beyond_haw(caps))) ||
	    (entry[1] & VTD_SM_CTX_RSVD_1) || entry[2] || entry[3])
		return vtds_setting_block(setting, VTD_FAULT_SM_CTX_RESERVED,
					  false);

	*directory = (struct vtds_directory){
		.gpa = entry[0] & VTD_ENTRY_ADDR,
		.entries = BIT(FIELD_GET(VTD_SM_CTX_PDTS, entry[0]) +
			       VTD_PASID_DIR_MIN_SHIFT),
		.pasids = caps->pasid_bits && (entry[0] & VTD_SM_CTX_PASIDE),
	};
	/* Without RPS the field does not exist and the PASID is 0 */
	setting->pasid =
		caps->rid_pasid ? FIELD_GET(VTD_SM_CTX_RID_PASID, entry[1]) : 0;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_scalable_context_decode);

static int read_context(struct vtds_unit *unit, u16 sid,
			struct vtds_setting *setting,
			struct vtds_directory *directory)
{
	u64 table, entry[CONTEXT_ENTRY_QWORDS];
	int ret;

	if (read_root(unit, sid, setting, &table))
		return -EPROTO;
	ret = vtds_mem_read_entry(&unit->mem,
				  table + (sid & 0x7f) * CONTEXT_ENTRY_SIZE,
				  entry, CONTEXT_ENTRY_QWORDS);
	if (ret)
		return vtds_setting_unreadable(setting, ret,
					       VTD_FAULT_SM_CTX_UNREADABLE);
	return vtds_scalable_context_decode(&unit->caps, entry, setting,
					    directory);
}

/* Finds the PASID table of a directory entry, section 9.5. */
static int read_directory(struct vtds_unit *unit, u64 gpa,
			  struct vtds_setting *setting, u64 *table)
{
	u64 entry;
	int ret;

	ret = vtds_mem_read_entry(&unit->mem, gpa, &entry, 1);
	if (ret)
		return vtds_setting_unreadable(setting, ret,
					       VTD_FAULT_DIR_UNREADABLE);
	vtds_setting_note(setting, &entry, 1);
	setting->fpd |= !!(entry & VTD_PASID_DIR_FPD);
	if (!(entry & VTD_PASID_DIR_P))
		return vtds_setting_block(setting, VTD_FAULT_DIR_NOT_PRESENT,
					  setting->fpd);
	if (entry & (VTD_PASID_DIR_RSVD | vtds_beyond_haw(&unit->caps)))
		return vtds_setting_block(setting, VTD_FAULT_DIR_RESERVED,
					  setting->fpd);
	*table = entry & VTD_ENTRY_ADDR;
	return 0;
}

static bool pasid_entry_reserved(const struct vtds_caps *caps,
				 const u64 entry[8])
{
	/* No accessed and dirty bits are written, so SSADE is reserved */
	if ((entry[0] &
	     (VTD_PASID_RSVD_0 | VTD_PASID_SSADE | vtds_beyond_haw(caps))) ||
	    (entry[1] & VTD_PASID_RSVD_1))
		return true;
	for (unsigned int i = 3; i < PASID_ENTRY_QWORDS; i++)
		if (entry[i])
			return true;
	return false;
}

/**
 * vtds_pasid_decode() - Decode a PASID table entry
 * @caps: Capabilities of the unit
 * @entry: The entry
 * @setting: Output; FPD of the entries above is in it
 *
 * Section 9.6. The pointer of a pass-through entry is ignored, its AW has to be
 * supported.
 *
 * Return: 0, or -EPROTO with a blocked @setting and the reason in it.
 */
int vtds_pasid_decode(const struct vtds_caps *caps, const u64 entry[8],
		      struct vtds_setting *setting)
{
	unsigned int pgtt = FIELD_GET(VTD_PASID_PGTT, entry[0]);
	unsigned int levels = FIELD_GET(VTD_PASID_AW, entry[0]) + 2;

	vtds_setting_note(setting, entry, PASID_ENTRY_QWORDS);
	setting->fpd |= !!(entry[0] & VTD_PASID_FPD);
	if (!(entry[0] & VTD_PASID_P))
		return vtds_setting_block(setting, VTD_FAULT_PASID_NOT_PRESENT,
					  setting->fpd);
	if (pasid_entry_reserved(caps, entry))
		return vtds_setting_block(setting, VTD_FAULT_PASID_RESERVED,
					  setting->fpd);
	if (!(caps->levels & BIT(levels)) ||
	    (pgtt != VTD_PGTT_SECOND_STAGE && pgtt != VTD_PGTT_PASS_THROUGH) ||
	    (pgtt == VTD_PGTT_SECOND_STAGE && !caps->second_stage) ||
	    (pgtt == VTD_PGTT_PASS_THROUGH && !caps->pass_through))
		return vtds_setting_block(setting, VTD_FAULT_PASID_INVALID,
					  setting->fpd);

	setting->did = FIELD_GET(VTD_PASID_DID, entry[1]) & ~caps->no_did_bits;
	setting->attachment = VTD_SHADOW_ATTACHED_IDENTITY;
	if (pgtt == VTD_PGTT_PASS_THROUGH)
		return 0;

	setting->attachment = VTD_SHADOW_ATTACHED_SHADOW;
	setting->root = entry[0] & VTD_ENTRY_ADDR;
	setting->levels = levels;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_pasid_decode);

/* Follows setting->pasid from the directory to its entry. */
static void read_pasid(struct vtds_unit *unit,
		       const struct vtds_directory *directory,
		       enum vtd_fault_reason beyond,
		       struct vtds_setting *setting)
{
	u32 index = setting->pasid >> VTD_PASID_TABLE_SHIFT;
	u64 table, entry[PASID_ENTRY_QWORDS];
	int ret;

	if (index >= directory->entries) {
		vtds_setting_block(setting, beyond, setting->fpd);
		return;
	}
	if (read_directory(unit, directory->gpa + index * PASID_DIR_ENTRY_SIZE,
			   setting, &table))
		return;
	index = setting->pasid & (BIT(VTD_PASID_TABLE_SHIFT) - 1);
	ret = vtds_mem_read_entry(&unit->mem, table + index * PASID_ENTRY_SIZE,
				  entry, PASID_ENTRY_QWORDS);
	if (ret) {
		vtds_setting_unreadable(setting, ret,
					VTD_FAULT_PASID_UNREADABLE);
		return;
	}
	/* A fault is in the setting */
	vtds_pasid_decode(&unit->caps, entry, setting);
}

/**
 * vtds_scalable_read() - What scalable-mode tables say now for a source-id
 * @unit: The unit, locked
 * @sid: Bus in bits 15:8, device and function in 7:0
 * @setting: Output; blocked with a reason if the tables have no valid answer
 *
 * For requests without PASID, which use that of RID_PASID.
 */
void vtds_scalable_read(struct vtds_unit *unit, u16 sid,
			struct vtds_setting *setting)
{
	struct vtds_directory directory;

	if (!read_context(unit, sid, setting, &directory))
		read_pasid(unit, &directory, VTD_FAULT_SM_RID_PASID, setting);
}

/**
 * vtds_scalable_read_pasid() - What the tables say now for requests with a PASID
 * @unit: The unit, locked, in scalable mode
 * @sid: As for vtds_scalable_read()
 * @pasid: The PASID
 * @setting: Output; blocked with a reason if the tables have no valid answer
 *
 * Requests without PASID do not need PASIDE, these do.
 */
void vtds_scalable_read_pasid(struct vtds_unit *unit, u16 sid, u32 pasid,
			      struct vtds_setting *setting)
{
	struct vtds_directory directory;

	*setting = (struct vtds_setting){};
	if (read_context(unit, sid, setting, &directory))
		return;
	setting->pasid = pasid;
	if (!directory.pasids)
		vtds_setting_block(setting, VTD_FAULT_SM_PASID_DISABLED,
				   setting->fpd);
	else if (pasid >> unit->caps.pasid_bits)
		vtds_setting_block(setting, VTD_FAULT_SM_PASID_TOO_LARGE,
				   setting->fpd);
	else
		read_pasid(unit, &directory, VTD_FAULT_SM_PASID_TOO_LARGE,
			   setting);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_scalable_read_pasid);

/* PASIDs whose entries the host cannot read are refused, and it is tried again. */
static void note_unreadable(struct vtds_batch *batch, int error)
{
	if (error && !vtds_error_is_guests(error))
		vtds_batch_fail(batch, error);
}

/* The present entries of one PASID table, but for that of RID_PASID. */
static void visit_table(struct vtds_batch *batch, struct vtds_device *dev,
			u64 table, u32 first, u32 rid_pasid,
			const struct vtds_setting *path, vtds_pasid_fn found)
{
	struct vtds_unit *unit = batch->unit;
	u64 entry[PASID_ENTRY_QWORDS];

	for (u32 i = 0; i < BIT(VTD_PASID_TABLE_SHIFT); i++) {
		struct vtds_setting setting = *path;
		int ret;

		if (first + i == rid_pasid)
			continue;
		ret = vtds_mem_read_entry(&unit->mem,
					  table + i * PASID_ENTRY_SIZE, entry,
					  PASID_ENTRY_QWORDS);
		/* The table is one page: if this fails, so do all others */
		note_unreadable(batch, ret);
		if (ret)
			return;
		if (!(entry[0] & VTD_PASID_P))
			continue;
		setting.pasid = first + i;
		vtds_pasid_decode(&unit->caps, entry, &setting);
		found(batch, dev, &setting);
	}
}

/**
 * vtds_scalable_visit_pasids() - Visit the PASID entries of a device
 * @batch: The batch; its unit is in scalable mode
 * @dev: The device; of several source-ids the first one is looked up
 * @found: Called for each present entry, valid or not, but that of RID_PASID. There are
 *         none if the context entry does not permit requests with PASID
 */
void vtds_scalable_visit_pasids(struct vtds_batch *batch,
				struct vtds_device *dev, vtds_pasid_fn found)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_setting context = {};
	struct vtds_directory directory;
	u32 entries;
	u64 table;

	if (read_context(unit, dev->requesters[0].sid, &context, &directory) ||
	    !directory.pasids)
		return;
	entries = min_t(u32, directory.entries,
			DIV_ROUND_UP(BIT(unit->caps.pasid_bits),
				     BIT(VTD_PASID_TABLE_SHIFT)));
	for (u32 i = 0; i < entries; i++) {
		struct vtds_setting path = context;

		cond_resched();
		if (!read_directory(unit,
				    directory.gpa + i * PASID_DIR_ENTRY_SIZE,
				    &path, &table))
			visit_table(batch, dev, table,
				    i << VTD_PASID_TABLE_SHIFT, context.pasid,
				    &path, found);
		note_unreadable(batch, path.error);
	}
}

/* What scalable mode calls a fault of second-stage translation, appendix A. */
enum vtd_fault_reason vtds_scalable_reason(enum vtd_fault_reason legacy)
{
	switch (legacy) {
	case VTD_FAULT_CTX_INVALID:
		return VTD_FAULT_SM_TOP_UNREADABLE;
	case VTD_FAULT_TABLE_UNREADABLE:
		return VTD_FAULT_SM_TABLE_UNREADABLE;
	case VTD_FAULT_ADDR_BEYOND_WIDTH:
		return VTD_FAULT_SM_ADDR_BEYOND_WIDTH;
	case VTD_FAULT_NO_WRITE:
		return VTD_FAULT_SM_NO_WRITE;
	case VTD_FAULT_NO_READ:
		return VTD_FAULT_SM_NO_READ;
	case VTD_FAULT_SS_RESERVED:
		return VTD_FAULT_SM_SS_RESERVED;
	case VTD_FAULT_INTERRUPT_RANGE:
		return VTD_FAULT_SM_INTERRUPT_RANGE;
	default:
		return legacy;
	}
}
