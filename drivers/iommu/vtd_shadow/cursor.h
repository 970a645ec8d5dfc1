/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks through the guest's tables: one for a sync, with a cursor for each table
 * on the way. Serves sync.c, leaves.c, superpage.c and refuse.c, which alone know
 * of them.
 */
#ifndef VTDS_CURSOR_H
#define VTDS_CURSOR_H

#include <linux/minmax.h>
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
 * @resumed: Another walk stopped where this one begins
 * @now: The walk never stops. What is not pinned is left to the next sync
 * @visited: Something was looked at, so that the walk may stop
 * @stopped: It has stopped: @stop is the first address that is yet to be synced
 * @waits: It has stopped for memory that is not pinned, see vtds_mem_fetch()
 * @stop: Where it stopped
 * @redo: Last address that has to be synced by whoever goes on: what a change further
 *        up made part of the walk, too
 */
struct vtds_walk {
	struct vtds_unit *unit;
	struct vtds_batch *batch;
	struct vtds_domain *domain;
	struct vtds_run run;
	int piece_error;
	u64 piece_iova;
	bool resumed;
	bool now;
	bool visited;
	bool stopped;
	bool waits;
	u64 stop;
	u64 redo;
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
 * @pending: The entry at hand takes memory that is not pinned yet
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
	bool pending;
	bool changed;
};

/*
 * Both begin field by field: to clear all of them takes longer than the sync of a page
 * does otherwise.
 */
static __always_inline void vtds_walk_begin(struct vtds_walk *walk,
					    struct vtds_batch *batch,
					    struct vtds_domain *domain)
{
	walk->unit = batch->unit;
	walk->batch = batch;
	walk->domain = domain;
	walk->run.sg = batch->unit->sg;
	walk->run.size = 0;
	walk->piece_error = 0;
	walk->resumed = false;
	walk->now = false;
	walk->visited = false;
	walk->stopped = false;
	walk->waits = false;
	walk->redo = 0;
}

static __always_inline void vtds_cursor_begin(struct vtds_cursor *c,
					      struct vtds_walk *walk,
					      struct vtds_node *node,
					      unsigned int path_perm, u64 first,
					      u64 last)
{
	c->walk = walk;
	c->node = node;
	c->path_perm = path_perm;
	c->first = first;
	c->last = last;
	c->pending = false;
	c->changed = false;
}

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

/* Stops the walk at the entry at hand, or where the range begins in it. */
static inline void vtds_cursor_stop(const struct vtds_cursor *c)
{
	c->walk->stopped = true;
	c->walk->stop = max(c->iova, c->first);
}

/*
 * The memory that the entry at hand takes is not pinned: the walk stops for it, or leaves
 * it to the next one.
 */
static inline void vtds_cursor_wait(struct vtds_cursor *c)
{
	struct vtds_walk *walk = c->walk;

	c->pending = true;
	if (walk->now) {
		vtds_todo_add(&walk->domain->todo, walk->batch->seq, c->iova,
			      c->iova + vtds_cursor_size(c) - 1);
		return;
	}
	walk->waits = true;
	walk->stopped = true;
	walk->stop = c->iova;
}

/* Stops the walk before the entry at hand if it must, once it has done anything. */
static inline bool vtds_cursor_gives_way(const struct vtds_cursor *c)
{
	struct vtds_walk *walk = c->walk;

	if (likely(!vtds_batch_must_stop(walk->batch)) || walk->now ||
	    !walk->visited)
		return false;
	vtds_cursor_stop(c);
	return true;
}

#endif /* VTDS_CURSOR_H */
