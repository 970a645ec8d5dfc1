/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest contexts: what guest tables say for a source-id, see guest_ctx.c
 */
#ifndef VTDS_GUEST_CTX_H
#define VTDS_GUEST_CTX_H

#include <linux/errno.h>
#include <linux/types.h>
#include <uapi/linux/vtd_shadow.h>

#include "vtd_format.h"

struct vtds_caps;
struct vtds_unit;

/**
 * struct vtds_guest_ctx - What guest tables say for one source-id
 * @attachment: Where it belongs
 * @reason: Why it is blocked: enum vtd_shadow_fault_reason, or 0 if @error says why
 * @fpd: The guest disabled the processing of such faults
 * @error: Negative errno of the host, which could not read the entries, or 0
 * @levels: Of the second-stage table
 * @did: Domain-id, 0 without a valid context or PASID entry
 * @pasid: Of the PASID entry; 0 in legacy mode
 * @digest: Hash of all entries that led here
 * @root: Of the second-stage table
 */
struct vtds_guest_ctx {
	enum vtd_shadow_attachment attachment;
	u8 reason;
	bool fpd;
	int error;
	u8 levels;
	u16 did;
	u32 pasid;
	u32 digest;
	u64 root;
};

/* Whether requests are to be translated by this table. */
static inline bool vtds_ctx_uses(const struct vtds_guest_ctx *ctx, u64 root,
				 unsigned int levels)
{
	return ctx->attachment == VTD_SHADOW_ATTACHED_SHADOW &&
	       ctx->root == root && ctx->levels == levels;
}

/**
 * struct vtds_source - One source-id of a device
 * @sid: Bus, device and function
 * @ctx: As last read
 * @reported: vtds_guest_ctx.reason when an event was last considered
 * @reported_error: vtds_guest_ctx.error then
 * @reported_digest: vtds_guest_ctx.digest then
 */
struct vtds_source {
	u16 sid;
	struct vtds_guest_ctx ctx;
	u8 reported;
	int reported_error;
	u32 reported_digest;
};

void vtds_ctx_set_blocked(struct vtds_guest_ctx *ctx,
			  enum vtd_shadow_fault_reason reason, bool fpd);
void vtds_ctx_set_unreadable(struct vtds_guest_ctx *ctx, int error,
			     enum vtd_shadow_fault_reason reason);
void vtds_ctx_note(struct vtds_guest_ctx *ctx, const u64 *entry,
		   unsigned int nr_qwords);
u64 vtds_beyond_haw(const struct vtds_caps *caps);
int vtds_unit_mode(const struct vtds_unit *unit);
bool vtds_unit_is_scalable(const struct vtds_unit *unit);
enum vtd_shadow_fault_reason
vtds_unit_reason(const struct vtds_unit *unit,
		 enum vtd_shadow_fault_reason legacy);

/**
 * vtds_ctx_block() - Settle that a source-id is blocked
 * @ctx: Output; what was found out so far about the entries stays
 * @reason: Why
 * @fpd: The guest does not want to hear of it (fault processing disable)
 *
 * Return: -EPROTO, for the caller to return.
 */
static inline int vtds_ctx_block(struct vtds_guest_ctx *ctx,
				 enum vtd_shadow_fault_reason reason, bool fpd)
{
	vtds_ctx_set_blocked(ctx, reason, fpd);
	return -EPROTO;
}

/**
 * vtds_ctx_unreadable() - Settle that a source-id is blocked: an entry is unreadable
 * @ctx: Output, as for vtds_ctx_block()
 * @error: Negative errno: why it could not be read
 * @reason: What a remapping unit would say that could not read it
 *
 * Return: -EPROTO, for the caller to return.
 */
static inline int vtds_ctx_unreadable(struct vtds_guest_ctx *ctx, int error,
				      enum vtd_shadow_fault_reason reason)
{
	vtds_ctx_set_unreadable(ctx, error, reason);
	return -EPROTO;
}

#endif /* VTDS_GUEST_CTX_H */
