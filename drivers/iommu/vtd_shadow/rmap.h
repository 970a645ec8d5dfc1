/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From guest memory to the tables that lead there, see rmap.c
 */
#ifndef VTDS_RMAP_H
#define VTDS_RMAP_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "mirror.h"
#include "reserved.h"

/* Nodes in a group, and chunks of guest memory that are told apart: 8 GiB */
#define VTDS_RMAP_NODES 64
#define VTDS_RMAP_ROWS 4096UL
#define VTDS_RMAP_ROW_PAGES (VTDS_RMAP_ROWS * sizeof(u64) / PAGE_SIZE)

/**
 * struct vtds_rmap_group - Mirror nodes, and which memory they lead to
 * @leaves: From the lowest to the highest guest physical address that their leaves led to
 * @tables: The same of the addresses of their tables
 * @present: Bit set: there is a node in this slot
 * @indexed: Bit set: @rows knows all that its leaves lead to, and where its table is
 * @number: In vtds_rmap.groups
 * @entry: In vtds_rmap.vacant, if there is room for another node
 * @nodes: The nodes
 * @rows: By chunk of guest memory modulo VTDS_RMAP_ROWS: bit set: a leaf of the node in
 *        this slot leads there, or did. In pages, NULL as long as nothing does
 */
struct vtds_rmap_group {
	struct vtds_range leaves;
	struct vtds_range tables;
	u64 present;
	u64 indexed;
	unsigned long number;
	struct list_head entry;
	struct vtds_node *nodes[VTDS_RMAP_NODES];
	u64 *rows[VTDS_RMAP_ROW_PAGES];
};

/**
 * struct vtds_rmap - All mirror nodes of a unit
 * @groups: Groups by number
 * @vacant: Those with room
 * @nr_groups: Number after the highest one that there was
 * @in_use: Memory was taken away before: something is indexed
 */
struct vtds_rmap {
	struct xarray groups;
	struct list_head vacant;
	unsigned long nr_groups;
	bool in_use;
};

/**
 * struct vtds_rmap_iter - Nodes that may lead to some memory
 * @rmap: Where they are looked for
 * @first: First address of the memory
 * @last: Last address
 * @group: Number of the group at hand
 * @slots: Nodes of it that are yet to be looked at, if @begun
 * @slot: The last one that was found
 * @begun: It was looked up in the index
 */
struct vtds_rmap_iter {
	struct vtds_rmap *rmap;
	u64 first;
	u64 last;
	unsigned long group;
	u64 slots;
	u8 slot;
	bool begun;
};

void vtds_rmap_init(struct vtds_rmap *rmap);
void vtds_rmap_destroy(struct vtds_rmap *rmap);
int vtds_rmap_add(struct vtds_rmap *rmap, struct vtds_node *node);
void vtds_rmap_remove(struct vtds_rmap *rmap, struct vtds_node *node);
void vtds_rmap_begin(struct vtds_rmap_iter *iter, struct vtds_rmap *rmap,
		     u64 first, u64 last);
struct vtds_node *vtds_rmap_next(struct vtds_rmap_iter *iter);

/* The node that was found last is to be looked at again. */
static inline void vtds_rmap_again(struct vtds_rmap_iter *iter)
{
	iter->slots |= BIT_ULL(iter->slot);
}

static inline bool vtds_rmap_extend(struct vtds_range *range, u64 first,
				    u64 last)
{
	if (likely(first >= range->first && last <= range->last))
		return false;
	range->first = min(range->first, first);
	range->last = max(range->last, last);
	return true;
}

/* What was found out about a node is no longer all. */
static inline void vtds_rmap_forget(const struct vtds_rmap *rmap,
				    struct vtds_node *node)
{
	if (unlikely(rmap->in_use))
		node->group->indexed &= ~BIT_ULL(node->slot);
}

/* Leaves to [first, last] were installed in a node. */
static inline void vtds_rmap_leaves(const struct vtds_rmap *rmap,
				    struct vtds_node *node, u64 first, u64 last)
{
	if (unlikely(vtds_rmap_extend(&node->leaves, first, last)))
		vtds_rmap_extend(&node->group->leaves, first, last);
	vtds_rmap_forget(rmap, node);
}

/* The table of a node is at @gpa. */
static inline void vtds_rmap_table(const struct vtds_rmap *rmap,
				   struct vtds_node *node, u64 gpa)
{
	vtds_rmap_extend(&node->group->tables, gpa, gpa);
	vtds_rmap_forget(rmap, node);
}

#endif /* VTDS_RMAP_H */
