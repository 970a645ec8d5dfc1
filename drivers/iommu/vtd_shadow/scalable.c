// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scalable mode: what root, context, PASID directory and PASID table entries say
 * for a source-id. First stage and nested translation cannot be shadowed; their
 * entries are invalid as for a unit without these features. Serves context.c and
 * pasid.c; reads through guest_mem.c.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "caps.h"
#include "error.h"
#include "guest_ctx.h"
#include "guest_mem.h"
#include "scalable.h"
#include "unit.h"
#include "vtd_format.h"

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
static int read_sm_root(struct vtds_unit *unit, u16 sid,
			struct vtds_guest_ctx *ctx, u64 *context_table)
{
	u64 gpa =
		(unit->rtaddr & VTD_RTADDR_RTA) + (sid >> 8) * ROOT_ENTRY_SIZE;
	u64 entry[ROOT_ENTRY_QWORDS], half;
	int ret;

	if (unit->rtaddr & vtds_beyond_haw(&unit->caps))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_ROOT_ADDRESS, false);
	ret = vtds_mem_read_entry(&unit->mem, gpa, entry, ROOT_ENTRY_QWORDS);
	if (ret)
		return vtds_ctx_unreadable(ctx, ret,
					   VTD_SHADOW_FR_SM_ROOT_UNREADABLE);
	half = entry[sid & 0x80 ? 1 : 0];
	vtds_ctx_note(ctx, &half, 1);
	if (!(half & VTD_SM_ROOT_P))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_SM_ROOT_NOT_PRESENT,
				      false);
	if (half & (VTD_SM_ROOT_RSVD | vtds_beyond_haw(&unit->caps)))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_SM_ROOT_RESERVED,
				      false);
	*context_table = half & VTD_ENTRY_ADDR;
	return 0;
}

/**
 * vtds_scalable_context_decode() - Decode a scalable-mode context entry
 * @caps: Capabilities of the unit
 * @entry: The entry
 * @ctx: Gets the reason on failure
 * @directory: Output, its PASID directory
 *
 * Section 9.4. The PASID of requests without PASID is left in @ctx.
 *
 * Return: 0, or -EPROTO with a blocked @ctx and the reason in it.
 */
int vtds_scalable_context_decode(const struct vtds_caps *caps,
				 const u64 entry[4], struct vtds_guest_ctx *ctx,
				 struct vtds_directory *directory)
{
	vtds_ctx_note(ctx, entry, CONTEXT_ENTRY_QWORDS);
	ctx->fpd = entry[0] & VTD_SM_CTX_FPD;
	if (!(entry[0] & VTD_SM_CTX_P))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_SM_CTX_NOT_PRESENT,
				      ctx->fpd);
	if ((entry[0] & (VTD_SM_CTX_RSVD_0 | vtds_beyond_haw(caps))) ||
	    (entry[1] & VTD_SM_CTX_RSVD_1) || entry[2] || entry[3])
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_SM_CTX_RESERVED,
				      false);

	*directory = (struct vtds_directory){
		.gpa = entry[0] & VTD_ENTRY_ADDR,
		.entries = BIT(FIELD_GET(VTD_SM_CTX_PDTS, entry[0]) +
			       VTD_PASID_DIR_MIN_SHIFT),
		.pasids = caps->pasid_bits && (entry[0] & VTD_SM_CTX_PASIDE),
	};
	/* Without RPS the field does not exist and the PASID is 0 */
	ctx->pasid =
		caps->rid_pasid ? FIELD_GET(VTD_SM_CTX_RID_PASID, entry[1]) : 0;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_scalable_context_decode);

static int read_context(struct vtds_unit *unit, u16 sid,
			struct vtds_guest_ctx *ctx,
			struct vtds_directory *directory)
{
	u64 table, entry[CONTEXT_ENTRY_QWORDS];
	int ret;

	if (read_sm_root(unit, sid, ctx, &table))
		return -EPROTO;
	ret = vtds_mem_read_entry(&unit->mem,
				  table + (sid & 0x7f) * CONTEXT_ENTRY_SIZE,
				  entry, CONTEXT_ENTRY_QWORDS);
	if (ret)
		return vtds_ctx_unreadable(ctx, ret,
					   VTD_SHADOW_FR_SM_CTX_UNREADABLE);
	return vtds_scalable_context_decode(&unit->caps, entry, ctx, directory);
}

/* Finds the PASID table of a directory entry, section 9.5. */
static int read_directory(struct vtds_unit *unit, u64 gpa,
			  struct vtds_guest_ctx *ctx, u64 *table)
{
	u64 entry;
	int ret;

	ret = vtds_mem_read_entry(&unit->mem, gpa, &entry, 1);
	if (ret)
		return vtds_ctx_unreadable(ctx, ret,
					   VTD_SHADOW_FR_DIR_UNREADABLE);
	vtds_ctx_note(ctx, &entry, 1);
	ctx->fpd |= !!(entry & VTD_PASID_DIR_FPD);
	if (!(entry & VTD_PASID_DIR_P))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_DIR_NOT_PRESENT,
				      ctx->fpd);
	if (entry & (VTD_PASID_DIR_RSVD | vtds_beyond_haw(&unit->caps)))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_DIR_RESERVED,
				      ctx->fpd);
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
 * @ctx: Output; FPD of the entries above is in it
 *
 * Section 9.6. The pointer of a pass-through entry is ignored, its AW has to be
 * supported.
 *
 * Return: 0, or -EPROTO with a blocked @ctx and the reason in it.
 */
int vtds_pasid_decode(const struct vtds_caps *caps, const u64 entry[8],
		      struct vtds_guest_ctx *ctx)
{
	unsigned int pgtt = FIELD_GET(VTD_PASID_PGTT, entry[0]);
	unsigned int levels = FIELD_GET(VTD_PASID_AW, entry[0]) + 2;

	vtds_ctx_note(ctx, entry, PASID_ENTRY_QWORDS);
	ctx->fpd |= !!(entry[0] & VTD_PASID_FPD);
	if (!(entry[0] & VTD_PASID_P))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_PASID_NOT_PRESENT,
				      ctx->fpd);
	if (pasid_entry_reserved(caps, entry))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_PASID_RESERVED,
				      ctx->fpd);
	if (!(caps->levels & BIT(levels)) ||
	    (pgtt != VTD_PGTT_SECOND_STAGE && pgtt != VTD_PGTT_PASS_THROUGH) ||
	    (pgtt == VTD_PGTT_SECOND_STAGE && !caps->second_stage) ||
	    (pgtt == VTD_PGTT_PASS_THROUGH && !caps->pass_through))
		return vtds_ctx_block(ctx, VTD_SHADOW_FR_PASID_INVALID,
				      ctx->fpd);

	ctx->did = FIELD_GET(VTD_PASID_DID, entry[1]) & ~caps->no_did_bits;
	ctx->attachment = VTD_SHADOW_ATTACHED_IDENTITY;
	if (pgtt == VTD_PGTT_PASS_THROUGH)
		return 0;

	ctx->attachment = VTD_SHADOW_ATTACHED_SHADOW;
	ctx->root = entry[0] & VTD_ENTRY_ADDR;
	ctx->levels = levels;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_pasid_decode);

/* Follows ctx->pasid from the directory to its entry. */
static void read_pasid(struct vtds_unit *unit,
		       const struct vtds_directory *directory,
		       enum vtd_shadow_fault_reason beyond,
		       struct vtds_guest_ctx *ctx)
{
	u32 index = ctx->pasid >> VTD_PASID_TABLE_SHIFT;
	u64 table, entry[PASID_ENTRY_QWORDS];
	int ret;

	if (index >= directory->entries) {
		vtds_ctx_block(ctx, beyond, ctx->fpd);
		return;
	}
	if (read_directory(unit, directory->gpa + index * PASID_DIR_ENTRY_SIZE,
			   ctx, &table))
		return;
	index = ctx->pasid & (VTD_PASID_TABLE_ENTRIES - 1);
	ret = vtds_mem_read_entry(&unit->mem, table + index * PASID_ENTRY_SIZE,
				  entry, PASID_ENTRY_QWORDS);
	if (ret) {
		vtds_ctx_unreadable(ctx, ret, VTD_SHADOW_FR_PASID_UNREADABLE);
		return;
	}
	/* A fault is in @ctx */
	vtds_pasid_decode(&unit->caps, entry, ctx);
}

/**
 * vtds_scalable_read() - What scalable-mode tables say now for a source-id
 * @unit: The unit, locked
 * @sid: Bus in bits 15:8, device and function in 7:0
 * @ctx: Output; blocked with a reason if the tables have no valid answer
 *
 * For requests without PASID, which use that of RID_PASID.
 */
void vtds_scalable_read(struct vtds_unit *unit, u16 sid,
			struct vtds_guest_ctx *ctx)
{
	struct vtds_directory directory;

	if (!read_context(unit, sid, ctx, &directory))
		read_pasid(unit, &directory, VTD_SHADOW_FR_SM_RID_PASID, ctx);
}

/**
 * vtds_scalable_read_pasid() - What the tables say now for requests with a PASID
 * @unit: The unit, locked, in scalable mode
 * @sid: As for vtds_scalable_read()
 * @pasid: The PASID
 * @ctx: Output; blocked with a reason if the tables have no valid answer
 *
 * Requests without PASID do not need PASIDE, these do.
 */
void vtds_scalable_read_pasid(struct vtds_unit *unit, u16 sid, u32 pasid,
			      struct vtds_guest_ctx *ctx)
{
	struct vtds_directory directory;

	*ctx = (struct vtds_guest_ctx){};
	if (read_context(unit, sid, ctx, &directory))
		return;
	ctx->pasid = pasid;
	if (!directory.pasids)
		vtds_ctx_block(ctx, VTD_SHADOW_FR_SM_PASID_DISABLED, ctx->fpd);
	else if (pasid >> unit->caps.pasid_bits)
		vtds_ctx_block(ctx, VTD_SHADOW_FR_SM_PASID_TOO_LARGE, ctx->fpd);
	else
		read_pasid(unit, &directory, VTD_SHADOW_FR_SM_PASID_TOO_LARGE,
			   ctx);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_scalable_read_pasid);

/* PASIDs whose entries the host cannot read are refused, and it is tried again. */
static void note_unreadable(struct vtds_batch *batch, int error)
{
	if (error && !vtds_error_is_guests(error))
		vtds_batch_fail(batch, vtds_error_of_host(error));
}

/**
 * vtds_pasid_iter_begin() - Begin to visit the PASID entries of a source-id
 * @iter: The iterator
 * @batch: The batch; its unit is in scalable mode
 * @sid: As for vtds_scalable_read()
 *
 * There are none if the context entry does not permit requests with PASID.
 */
void vtds_pasid_iter_begin(struct vtds_pasid_iter *iter,
			   struct vtds_batch *batch, u16 sid)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_directory directory;
	u32 entries;

	*iter = (struct vtds_pasid_iter){ .batch = batch };
	if (read_context(unit, sid, &iter->context, &directory) ||
	    !directory.pasids)
		return;
	entries = min_t(u32, directory.entries,
			DIV_ROUND_UP(BIT(unit->caps.pasid_bits),
				     VTD_PASID_TABLE_ENTRIES));
	iter->directory = directory.gpa;
	iter->end = entries * VTD_PASID_TABLE_ENTRIES;
}

/* Finds the PASID table that begins with the next entry. */
static bool iter_enter_table(struct vtds_pasid_iter *iter)
{
	u32 index = iter->next / VTD_PASID_TABLE_ENTRIES;
	int ret;

	cond_resched();
	iter->path = iter->context;
	ret = read_directory(iter->batch->unit,
			     iter->directory + index * PASID_DIR_ENTRY_SIZE,
			     &iter->path, &iter->table);
	note_unreadable(iter->batch, iter->path.error);
	return !ret;
}

/* Leaves the table at hand for the next one. */
static void iter_leave_table(struct vtds_pasid_iter *iter)
{
	iter->next = ALIGN_DOWN(iter->next, VTD_PASID_TABLE_ENTRIES) +
		     VTD_PASID_TABLE_ENTRIES;
}

static bool iter_read(struct vtds_pasid_iter *iter, u32 offset, u64 *entry)
{
	int ret = vtds_mem_read_entry(&iter->batch->unit->mem,
				      iter->table + offset * PASID_ENTRY_SIZE,
				      entry, PASID_ENTRY_QWORDS);

	note_unreadable(iter->batch, ret);
	return !ret;
}

/**
 * vtds_pasid_iter_next() - Find the next present PASID entry, valid or not
 * @iter: The iterator
 * @ctx: Output, what the entry says
 *
 * The entry of RID_PASID is left out.
 *
 * Return: whether there is one.
 */
bool vtds_pasid_iter_next(struct vtds_pasid_iter *iter,
			  struct vtds_guest_ctx *ctx)
{
	struct vtds_unit *unit = iter->batch->unit;
	u64 entry[PASID_ENTRY_QWORDS];

	while (iter->next < iter->end) {
		u32 offset = iter->next % VTD_PASID_TABLE_ENTRIES;

		if (!offset && !iter_enter_table(iter)) {
			iter_leave_table(iter);
			continue;
		}
		if (iter->next == iter->context.pasid) {
			iter->next++;
			continue;
		}
		/* The table is one page: if one entry cannot be read, none can */
		if (!iter_read(iter, offset, entry)) {
			iter_leave_table(iter);
			continue;
		}
		*ctx = iter->path;
		ctx->pasid = iter->next++;
		if (!(entry[0] & VTD_PASID_P))
			continue;
		vtds_pasid_decode(&unit->caps, entry, ctx);
		return true;
	}
	return false;
}
