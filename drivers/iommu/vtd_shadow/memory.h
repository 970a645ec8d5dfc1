/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory that goes and comes, see memory.c
 */
#ifndef VTDS_MEMORY_H
#define VTDS_MEMORY_H

#include <linux/types.h>

struct vtds_batch;

void vtds_memory_gone(void *data, unsigned long iova, unsigned long length);
void vtds_memory_came(struct vtds_batch *batch, u64 first, u64 last);

#endif /* VTDS_MEMORY_H */
