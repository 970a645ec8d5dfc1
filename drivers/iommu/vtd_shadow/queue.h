/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where descriptors come from, see queue.c
 */
#ifndef VTDS_QUEUE_H
#define VTDS_QUEUE_H

#include <linux/types.h>

struct vtd_shadow_invalidate;
struct vtd_shadow_run_queue;
struct vtds_batch;

#define VTDS_MAX_DESCS 65536

bool vtds_queue_run_array(struct vtds_batch *batch,
			  struct vtd_shadow_invalidate *cmd, const u64 *descs,
			  u32 count);
int vtds_queue_run_guest(struct vtds_batch *batch,
			 struct vtd_shadow_run_queue *cmd);

#endif /* VTDS_QUEUE_H */
