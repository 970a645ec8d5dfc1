/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reader of scalable-mode tables, see scalable.c
 */
#ifndef VTDS_SCALABLE_H
#define VTDS_SCALABLE_H

#include <linux/types.h>

#include "guest_ctx.h"

struct vtds_batch;
struct vtds_caps;
struct vtds_unit;

/**
 * struct vtds_directory - The PASID directory of a scalable-mode context entry
 * @gpa: Its guest physical address
 * @entries: How many entries it has
 * @pasids: Requests with PASID are permitted (PASIDE)
 */
struct vtds_directory {
	u64 gpa;
	u32 entries;
	bool pasids;
};

int vtds_scalable_context_decode(const struct vtds_caps *caps,
				 const u64 entry[4], struct vtds_guest_ctx *ctx,
				 struct vtds_directory *directory);
int vtds_pasid_decode(const struct vtds_caps *caps, const u64 entry[8],
		      struct vtds_guest_ctx *ctx);
void vtds_scalable_read(struct vtds_unit *unit, u16 sid,
			struct vtds_guest_ctx *ctx);
void vtds_scalable_read_pasid(struct vtds_unit *unit, u16 sid, u32 pasid,
			      struct vtds_guest_ctx *ctx);

/**
 * struct vtds_pasid_iter - Visits the PASID entries of a source-id
 * @batch: The batch
 * @context: What the context entry says; @context.pasid is RID_PASID
 * @path: The same, with what the directory entry at hand says
 * @directory: Guest physical address of the PASID directory
 * @table: Of the PASID table at hand
 * @next: The PASID whose entry is next
 * @end: The PASID after the last one
 */
struct vtds_pasid_iter {
	struct vtds_batch *batch;
	struct vtds_guest_ctx context;
	struct vtds_guest_ctx path;
	u64 directory;
	u64 table;
	u32 next;
	u32 end;
};

void vtds_pasid_iter_begin(struct vtds_pasid_iter *iter,
			   struct vtds_batch *batch, u16 sid);
bool vtds_pasid_iter_next(struct vtds_pasid_iter *iter,
			  struct vtds_guest_ctx *ctx);

#endif /* VTDS_SCALABLE_H */
