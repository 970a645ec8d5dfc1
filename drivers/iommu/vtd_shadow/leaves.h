/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of 4 KiB leaves, see leaves.c
 */
#ifndef VTDS_LEAVES_H
#define VTDS_LEAVES_H

#include <linux/types.h>

struct vtds_node;
struct vtds_walk;

void vtds_leaves_sync(struct vtds_walk *walk, struct vtds_node *node, u64 base,
		      unsigned int perm, unsigned int start, unsigned int end);

#endif /* VTDS_LEAVES_H */
