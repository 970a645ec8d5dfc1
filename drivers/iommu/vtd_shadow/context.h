/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reader of root and context entries, see context.c
 */
#ifndef VTDS_CONTEXT_H
#define VTDS_CONTEXT_H

#include <linux/types.h>

struct vtds_caps;
struct vtds_guest_ctx;
struct vtds_unit;

void vtds_context_read(struct vtds_unit *unit, u16 sid,
		       struct vtds_guest_ctx *ctx);
int vtds_context_decode(const struct vtds_caps *caps, const u64 entry[2],
			struct vtds_guest_ctx *ctx);

#endif /* VTDS_CONTEXT_H */
