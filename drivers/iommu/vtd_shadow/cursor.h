/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks through the guest's tables: one for a sync, with a cursor for each table
 * on the way. Serves sync.c, leaves.c, superpage.c and refuse.c, which alone know
 * of them.
 */
#ifndef VTDS_CURSOR_H
#define VTDS_CURSOR_H

#include <linux/types.h>

#include "batch.h"
#include "domain.h"
#include "host_domain.h"
#include "mirror.h"
#include "unit.h"
#include "vtd_format.h"

/**
 * struct vtds_walk - One sync of one domain
 * @unit: Whose domain it is
 * @batch: What it is part of
 * @domain: What is synced
 * @run: Leaves that wait to be mapped by one call, in the scratch memory of @unit
 * @piece_error: Why a piece of the superpage leaf at hand was not installed, or 0
 * @piece_iova: Address of the first such piece
 */
struct vtds_walk {
	struct vtds_unit *unit;
	struct vtds_batch *batch;
	struct vtds_domain *domain;
	struct vtds_run run;
	int piece_error;
	u64 piece_iova;
};

/**
 * struct vtds_cursor - Where a walk is in one table
 * @walk: The walk
 * @node: The table
 * @base: First IOVA that the table covers
 * @first: First IOVA of it to sync
 * @last: Last one
 * @path_perm: What the path to the table allows now: VTD_SS_RW or less. @node->perm is
 *             what it allowed when the entries were recorded; if they differ all of the
 *             table is to be synced
 * @perm: What path and entry allow together, 0 if the entry at hand maps nothing
 * @index: Number of the entry at hand in its table
 * @iova: First IOVA that this entry translates
 * @raw: The entry, read once: all that is decided about it is decided from this
 * @old: What the mirror has recorded of it
 * @changed: Entry or path are not what they were: all below it may differ
 */
struct vtds_cursor {
	struct vtds_walk *walk;
	struct vtds_node *node;
	u64 base;
	u64 first;
	u64 last;
	unsigned int path_perm;
	unsigned int perm;
	unsigned int index;
	u64 iova;
	u64 raw;
	u64 old;
	bool changed;
};

/* Bytes that one entry of the table covers */
static inline u64 vtds_cursor_size(const struct vtds_cursor *c)
{
	return vtd_level_size(c->node->level);
}

/* Moves to an entry, which reads as @raw. */
static inline void vtds_cursor_move(struct vtds_cursor *c, unsigned int index,
				    u64 raw)
{
	c->index = index;
	c->iova = c->base + index * vtds_cursor_size(c);
	c->raw = raw;
	c->old = c->node->entries[index];
	c->perm = raw & c->path_perm & VTD_SS_RW;
}

#endif /* VTDS_CURSOR_H */
