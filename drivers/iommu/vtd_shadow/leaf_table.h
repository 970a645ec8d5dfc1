/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of 4 KiB leaves and its mirror, as leaves.c looks at them, which alone this
 * serves. All is inline: it is part of loops over leaves.
 */
#ifndef VTDS_LEAF_TABLE_H
#define VTDS_LEAF_TABLE_H

#include <linux/errno.h>
#include <linux/types.h>

#include "cursor.h"
#include "mirror.h"
#include "reserved.h"

static inline u64 vtds_leaf_iova(const struct vtds_cursor *c,
				 unsigned int index)
{
	return c->base + index * VTD_PAGE_SIZE;
}

static inline bool vtds_leaf_reserved(const struct vtds_cursor *c,
				      unsigned int index)
{
	return vtds_reserved_overlaps(&c->walk->domain->reserved,
				      vtds_leaf_iova(c, index), VTD_PAGE_SIZE);
}

/* Reads a leaf of a table that is not plain. */
static inline u64 vtds_leaf_fetch(const struct vtds_cursor *c,
				  unsigned int index)
{
	struct vtds_node *node = c->node;
	u64 raw = 0;

	/* In the interrupt range nothing is fetched: the rest of them are the host's */
	if (!vtd_is_interrupt(vtds_leaf_iova(c, index)))
		raw = vtds_node_fetch(node, index);
	if (node->refused && !vtds_refused_is(node->refused[index], raw))
		node->refused[index] = 0;
	return raw;
}

/* Whether there is no use in trying to install a leaf again */
static inline bool vtds_leaf_is_refused(const struct vtds_node *node,
					unsigned int index, u64 raw)
{
	return node->refused && raw && node->refused[index] == raw &&
	       !node->entries[index];
}

/**
 * struct vtds_leaf_table - What is the same for all leaves of a table
 * @table: The guest's page
 * @entries: The mirror of it
 * @rsvd: Reserved bits of a leaf
 * @perm: What the path to the table allows now
 * @old_perm: What it allowed when the leaves were recorded
 *
 * A local variable wherever leaves are looped over, so that it stays in registers.
 */
struct vtds_leaf_table {
	const u64 *table;
	u64 *entries;
	u64 rsvd;
	u64 perm;
	u64 old_perm;
};

static __always_inline struct vtds_leaf_table
vtds_leaf_table(const struct vtds_cursor *c)
{
	return (struct vtds_leaf_table){
		.table = c->node->table,
		.entries = c->node->entries,
		.rsvd = c->walk->domain->leaf_rsvd,
		.perm = c->path_perm,
		.old_perm = c->node->perm,
	};
}

static __always_inline u64 vtds_leaf_read(const struct vtds_cursor *c,
					  const struct vtds_leaf_table *t,
					  unsigned long index, const bool plain)
{
	return plain ? READ_ONCE(t->table[index]) : vtds_leaf_fetch(c, index);
}

/* Why a leaf is never installed, whatever it leads to: 0 or a negative errno */
static __always_inline int vtds_leaf_fault(const struct vtds_cursor *c,
					   u64 rsvd, unsigned int index,
					   u64 raw, const bool plain)
{
	if (!(raw & VTD_SS_RW))
		return 0;
	if (raw & rsvd)
		return -EPROTO;
	if (!plain && vtds_leaf_reserved(c, index))
		return -EADDRINUSE;
	return 0;
}

/* The first leaf from @index on that may have to change, or @end */
static __always_inline unsigned int vtds_leaf_skip(const struct vtds_cursor *c,
						   unsigned long index,
						   unsigned long end,
						   const bool plain)
{
	const struct vtds_leaf_table t = vtds_leaf_table(c);

	for (; index < end; index++) {
		u64 raw = vtds_leaf_read(c, &t, index, plain);

		if (!plain && vtds_leaf_is_refused(c->node, index, raw))
			continue;
		if (raw != t.entries[index] ||
		    (t.perm != t.old_perm && t.entries[index]))
			break;
	}
	return index;
}

/* Whether a leaf that is mapped can stay when it becomes @raw. */
static __always_inline bool vtds_leaf_stays(const struct vtds_cursor *c,
					    const struct vtds_leaf_table *t,
					    unsigned long index, u64 raw,
					    const bool plain)
{
	u64 old = t->entries[index];

	/* Other bits do not matter to the host */
	return !((raw ^ old) & VTD_ENTRY_ADDR) &&
	       (raw & t->perm) == (old & t->old_perm) &&
	       !vtds_leaf_fault(c, t->rsvd, index, raw, plain);
}

#endif /* VTDS_LEAF_TABLE_H */
