/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settling a unit, see settle.c
 */
#ifndef VTDS_SETTLE_H
#define VTDS_SETTLE_H

#include <linux/types.h>

struct vtds_batch;

bool vtds_settle(struct vtds_batch *batch);
void vtds_settle_quickly(struct vtds_batch *batch, u64 work);
bool vtds_barrier(struct vtds_batch *batch);
int vtds_wait_for_memory(struct vtds_batch *batch);

#endif /* VTDS_SETTLE_H */
