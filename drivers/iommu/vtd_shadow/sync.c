// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sync: walk the guest's tables over a range, compare with the mirror, act only
 * on what differs.
 *
 * This is about tables of tables and superpages, levels 2 and up; leaves.c has
 * level 1. What cannot be installed is recorded absent and noted in the batch; the
 * walk goes on, so that nothing stale survives because of a failure elsewhere.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "batch.h"
#include "caps.h"
#include "domain.h"
#include "event.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "host_domain.h"
#include "install.h"
#include "leaves.h"
#include "mirror.h"
#include "sync.h"
#include "trace.h"
#include "unit.h"
#include "vtd_format.h"

static void sync_node(struct vtds_walk *walk, struct vtds_node *node,
		      unsigned int perm, u64 first, u64 last);

/*
 * What an entry asks for: the permissions left by the path and the entry itself,
 * 0 if it maps nothing. A malformed one is refused.
 */
static unsigned int entry_perm(struct vtds_walk *walk, struct vtds_node *node,
			       u64 raw, unsigned int path_perm, u64 iova)
{
	if (!(raw & VTD_SS_RW))
		return 0;
	if (vtds_caps_entry_reserved(&walk->batch->unit->caps, raw,
				     node->level)) {
		vtds_walk_refuse(walk, node, iova, raw, -EPROTO);
		return 0;
	}
	return raw & path_perm & VTD_SS_RW;
}

/* What is recorded of an entry that maps nothing. */
static u64 unmapped_record(struct vtds_walk *walk, u64 raw, unsigned int level)
{
	if ((raw & VTD_SS_RW) &&
	    vtds_caps_entry_reserved(&walk->batch->unit->caps, raw, level))
		return 0;
	return raw;
}

static void drop_child(struct vtds_walk *walk, struct vtds_node *node,
		       unsigned int index, u64 iova)
{
	vtds_mirror_clear(walk->domain, node->children[index], iova);
	vtds_node_free(walk->domain, node->children[index]);
	node->children[index] = NULL;
	node->entries[index] = 0;
}

/* Last IOVA below an entry of @node that requests can have. */
static u64 entry_last(const struct vtds_walk *walk,
		      const struct vtds_node *node, u64 iova)
{
	return min(iova + vtd_level_size(node->level) - 1, walk->domain->last);
}

static bool node_is_empty(const struct vtds_node *node)
{
	return !memchr_inv(node->entries, 0, VTD_TABLE_ENTRIES * sizeof(u64));
}

/* Syncs the pieces of a split leaf, whose permissions may have changed. */
static void sync_pieces(struct vtds_walk *walk, struct vtds_node *child,
			u64 raw, unsigned int path_perm, u64 first, u64 last)
{
	child->leaf_bits = raw & VTD_SS_RW;
	if (child->level > 1)
		child->leaf_bits |= VTD_SS_PS;
	sync_node(walk, child, path_perm, first, last);
}

static struct vtds_node *node_alloc(struct vtds_walk *walk, unsigned int level,
				    unsigned int perm)
{
	struct vtds_node *node = vtds_node_alloc(walk->batch, level, perm);

	/* There may be memory for it later */
	if (!node && !walk->batch->remove_only)
		walk->domain->troubled = true;
	return node;
}

/*
 * Mirrors a superpage leaf that cannot be mapped as one by a table of its
 * pieces. Returns whether any piece could be.
 */
static bool super_split(struct vtds_walk *walk, struct vtds_node *node,
			unsigned int index, u64 iova, u64 raw,
			unsigned int path_perm)
{
	struct vtds_guest_mem *mem = &walk->batch->unit->mem;
	struct vtds_chunk *chunk;
	struct vtds_node *child;

	child = node_alloc(walk, node->level - 1, path_perm);
	if (!child)
		return false;
	child->synthetic = true;
	child->gpa = raw & VTD_ENTRY_ADDR;

	/* Keeps what is known of the memory from piece to piece */
	chunk = vtds_mem_get(mem, child->gpa);
	sync_pieces(walk, child, raw, path_perm, iova,
		    iova + vtd_level_size(node->level) - 1);
	if (!IS_ERR(chunk))
		vtds_mem_put(mem, chunk);
	if (node_is_empty(child)) {
		vtds_node_free(walk->domain, child);
		return false;
	}
	node->children[index] = child;
	return true;
}

/* Installs a superpage leaf. Returns whether the mirror can record it. */
static bool leaf_install(struct vtds_walk *walk, struct vtds_node *node,
			 unsigned int index, u64 iova, u64 raw,
			 unsigned int path_perm)
{
	int ret = vtds_install_super(walk, node, iova, raw,
				     raw & path_perm & VTD_SS_RW);

	if (ret == -EXDEV)
		return super_split(walk, node, index, iova, raw, path_perm);
	return !ret;
}

/*
 * Descends into a table of the guest, which may be another page than before:
 * the child keeps its entries, so that what is equal in both stays mapped.
 * Returns whether the mirror can record the entry.
 */
static bool table_install(struct vtds_walk *walk, struct vtds_node *node,
			  unsigned int index, u64 iova, u64 raw,
			  unsigned int perm, u64 first, u64 last)
{
	struct vtds_node *child = node->children[index];
	int ret;

	if (!child) {
		if (!vtds_batch_may_install(walk->batch))
			return false;
		child = node_alloc(walk, node->level - 1, perm);
		if (!child)
			return false;
		node->children[index] = child;
	}

	ret = vtds_node_set_table(walk->domain, child, raw & VTD_ENTRY_ADDR);
	if (ret) {
		vtds_walk_refuse(walk, node, iova, raw, ret);
		drop_child(walk, node, index, iova);
		return false;
	}
	sync_node(walk, child, perm, first, last);
	return true;
}

/* Whether a leaf of the mirror is still what the guest wants. */
static bool super_unchanged(const struct vtds_walk *walk,
			    const struct vtds_node *node, unsigned int index,
			    u64 iova, u64 raw, unsigned int perm)
{
	u64 old = node->entries[index];

	/* A reserved range may be newer than the leaf */
	if (vtds_reserved_overlaps(&walk->domain->reserved, iova,
				   vtd_level_size(node->level)))
		return false;
	return !node->children[index] && (old & VTD_SS_PS) && perm &&
	       (old & node->perm & VTD_SS_RW) == perm &&
	       (raw & VTD_ENTRY_ADDR) == (old & VTD_ENTRY_ADDR);
}

/*
 * Whether a child can stay below an entry that became @raw: a table of the
 * guest below any table entry, the pieces of a leaf below a leaf of the same
 * memory. Then only what differs in it is touched.
 */
static bool child_fits(const struct vtds_node *node, unsigned int index,
		       u64 raw, unsigned int perm)
{
	if (!perm)
		return false;
	if (node->children[index]->synthetic)
		return vtd_entry_is_leaf(raw, node->level) &&
		       (raw & VTD_ENTRY_ADDR) == node->children[index]->gpa;
	return !vtd_entry_is_leaf(raw, node->level);
}

/* Takes away what the mirror has below an entry and the guest no longer wants. */
static void super_revoke(struct vtds_walk *walk, struct vtds_node *node,
			 unsigned int index, u64 iova, u64 raw,
			 unsigned int perm)
{
	if (node->children[index]) {
		if (!child_fits(node, index, raw, perm))
			drop_child(walk, node, index, iova);
	} else if (node->entries[index] & VTD_SS_PS) {
		vtds_mirror_zap_leaf(walk->domain, node, index, iova);
	}
}

/*
 * Reports a superpage leaf of the guest if pieces of it could not be mapped,
 * once. A leaf that is a piece itself leaves that to the one it is a piece of.
 */
static void settle_pieces(struct vtds_walk *walk, struct vtds_node *node,
			  unsigned int index, u64 raw, bool installed)
{
	if (node->synthetic)
		return;
	if (walk->piece_error &&
	    vtds_node_note_refused(walk->domain, node, index, raw))
		vtds_event_refused(walk->domain, walk->piece_iova, false, false,
				   walk->piece_error);
	if (!walk->piece_error && installed)
		vtds_node_forget_refused(walk->domain, node, index, index + 1);
	walk->piece_error = 0;
}

/* Whether a table maps what a superpage leaf would, with the same permissions. */
static bool maps_the_same(const struct vtds_node *table, u64 gpa,
			  unsigned int perm)
{
	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 raw = table->entries[i];

		if ((raw & table->perm & VTD_SS_RW) != perm ||
		    (raw & VTD_ENTRY_ADDR) != gpa + i * VTD_PAGE_SIZE)
			return false;
	}
	return true;
}

/*
 * A table of 4 KiB leaves became the superpage leaf that it amounts to, as guests do
 * while a device is at work. Nothing changes for the host, which takes away many small
 * pages as well as a large one. Returns whether it was that.
 */
static bool super_collapse(struct vtds_walk *walk, struct vtds_node *node,
			   unsigned int index, u64 iova, u64 raw,
			   unsigned int perm)
{
	struct vtds_guest_mem *mem = &walk->batch->unit->mem;
	struct vtds_node *child = node->children[index];
	u64 gpa = raw & VTD_ENTRY_ADDR;
	struct vtds_chunk *chunk;

	if (!child || child->synthetic || node->level != 2 || !perm ||
	    vtds_reserved_overlaps(&walk->domain->reserved, iova,
				   vtd_level_size(2)) ||
	    !maps_the_same(child, gpa, perm))
		return false;
	/* Of memory that permits less in places the leaf would be in pieces */
	chunk = xa_load(&mem->chunks, gpa / VTDS_CHUNK_SIZE);
	if (WARN_ON_ONCE(!chunk) || !chunk->whole)
		return false;
	/* One user for the leaf instead of one for each page */
	chunk->users -= VTD_TABLE_ENTRIES - 1;
	vtds_node_free(walk->domain, child);
	node->children[index] = NULL;
	return true;
}

static void sync_entry(struct vtds_walk *walk, struct vtds_node *node,
		       unsigned int index, u64 iova, unsigned int path_perm,
		       u64 first, u64 last)
{
	u64 raw = vtds_node_fetch(node, index);
	u64 old = node->entries[index];
	bool is_leaf = vtd_entry_is_leaf(raw, node->level);
	struct vtds_node *child;
	bool recorded = true;
	unsigned int perm;

	if (node->refused && raw != node->refused[index])
		vtds_node_forget_refused(walk->domain, node, index, index + 1);
	if (!raw && !old)
		return;
	if (raw != old || path_perm != node->perm) {
		/* All of the subtree may differ */
		walk->batch->unit->stats.entries_changed += raw != old;
		first = iova;
		last = entry_last(walk, node, iova);
	}

	perm = entry_perm(walk, node, raw, path_perm, iova);
	if (is_leaf && (super_unchanged(walk, node, index, iova, raw, perm) ||
			super_collapse(walk, node, index, iova, raw, perm))) {
		node->entries[index] = raw;
		return;
	}
	super_revoke(walk, node, index, iova, raw, perm);

	child = node->children[index];
	if (!perm)
		raw = unmapped_record(walk, raw, node->level);
	else if (child && child->synthetic)
		sync_pieces(walk, child, raw, path_perm, first, last);
	else if (is_leaf)
		recorded =
			leaf_install(walk, node, index, iova, raw, path_perm);
	else
		recorded = table_install(walk, node, index, iova, raw, perm,
					 first, last);
	node->entries[index] = recorded ? raw : 0;
	settle_pieces(walk, node, index, raw, perm && recorded);
}

/**
 * struct table_range - What to sync of a table of tables
 * @base: First IOVA that it covers
 * @perm: What the path allows
 * @first: First IOVA to sync
 * @last: Last one
 */
struct table_range {
	u64 base;
	unsigned int perm;
	u64 first;
	u64 last;
};

/* A page of the guest, without anything special about some of its entries */
static bool node_is_plain(const struct vtds_node *node, unsigned int perm)
{
	return node->table && !node->refused && node->perm == perm;
}

/* The first entry from @index on that is or was something, or @end */
static unsigned int first_used(const struct vtds_node *node, unsigned int index,
			       unsigned int end)
{
	const u64 *table = node->table, *entries = node->entries;

	while (index < end && !(READ_ONCE(table[index]) | entries[index]))
		index++;
	return index;
}

/*
 * The common case: the entry is what it was when it was last looked at, so that all
 * that was decided about it holds, and only what is below may have changed. Returns
 * whether it was that.
 */
static bool sync_unchanged(struct vtds_walk *walk, struct vtds_node *node,
			   const struct table_range *range, unsigned int index)
{
	u64 raw = READ_ONCE(node->table[index]);
	struct vtds_node *child = node->children[index];
	u64 size = vtd_level_size(node->level);
	u64 iova = range->base + index * size;

	/* A leaf, or a table that could not be read, takes a closer look */
	if (raw != node->entries[index] || !child || !vtds_node_readable(child))
		return false;
	sync_node(walk, child, raw & range->perm & VTD_SS_RW,
		  max(range->first, iova), min(range->last, iova + size - 1));
	return true;
}

static noinline void sync_tables(struct vtds_walk *walk, struct vtds_node *node,
				 const struct table_range *range)
{
	unsigned int start = vtd_level_index(range->first, node->level);
	unsigned int end = vtd_level_index(range->last, node->level) + 1;
	bool plain = node_is_plain(node, range->perm);
	u64 size = vtd_level_size(node->level);

	for (unsigned int i = start; i < end; i++) {
		u64 iova;

		if (plain)
			i = first_used(node, i, end);
		if (i == end)
			break;
		/* Above there is little to do for each entry */
		if (node->level <= 3)
			cond_resched();
		iova = range->base + i * size;
		if (plain && sync_unchanged(walk, node, range, i))
			continue;
		sync_entry(walk, node, i, iova, range->perm,
			   max(range->first, iova),
			   min(range->last, iova + size - 1));
		plain = plain && !node->refused;
	}
	node->perm = range->perm;
}

/*
 * Follows the way to a small range as far down as it did not change. That is most of
 * the work for a single page.
 */
static __always_inline struct vtds_node *
descend(struct vtds_node *node, unsigned int *perm, u64 first, u64 last)
{
	while (node->level > 1 && node_is_plain(node, *perm)) {
		unsigned int shift = vtd_level_shift(node->level);
		unsigned int index = (first >> shift) % VTD_TABLE_ENTRIES;
		struct vtds_node *child = node->children[index];
		u64 raw = READ_ONCE(node->table[index]);

		if ((first ^ last) >> shift || raw != node->entries[index] ||
		    !child || !vtds_node_readable(child))
			break;
		*perm &= raw;
		node = child;
	}
	return node;
}

/*
 * Syncs [first, last] of a node. @perm is what the path allows now, node->perm
 * what it allowed when the entries were installed; if they differ the range has
 * to be all of the node.
 */
static __always_inline void sync_below(struct vtds_walk *walk,
				       struct vtds_node *node,
				       unsigned int perm, u64 first, u64 last)
{
	u64 base;

	node = descend(node, &perm, first, last);
	base = ALIGN_DOWN(first, vtd_level_size(node->level + 1));

	if (node->level == 1)
		vtds_leaves_sync(walk, node, base, perm,
				 vtd_level_index(first, 1),
				 vtd_level_index(last, 1) + 1);
	else
		sync_tables(walk, node,
			    &(struct table_range){ base, perm, first, last });
}

static void sync_node(struct vtds_walk *walk, struct vtds_node *node,
		      unsigned int perm, u64 first, u64 last)
{
	sync_below(walk, node, perm, first, last);
}

/* Makes the scratch memory that syncs need. Idle units are many and have none. */
int vtds_sync_need_scratch(struct vtds_unit *unit)
{
	if (!unit->fetched)
		unit->fetched = kcalloc(VTD_TABLE_ENTRIES,
					sizeof(*unit->fetched),
					GFP_KERNEL_ACCOUNT);
	if (!unit->sg) {
		unit->sg = kcalloc(VTDS_SG_ENTRIES, sizeof(*unit->sg),
				   GFP_KERNEL_ACCOUNT);
		if (unit->sg)
			sg_init_table(unit->sg, VTDS_SG_ENTRIES);
	}
	return unit->fetched && unit->sg ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_sync_need_scratch);

static bool below_limits(const struct vtds_unit *unit)
{
	return unit->nr_pages < unit->max_pages &&
	       unit->nr_nodes < unit->max_nodes;
}

static void sync_top(struct vtds_walk *walk, u64 first, u64 last)
{
	struct vtds_batch *batch = walk->batch;
	struct vtds_unit *unit = batch->unit;
	u64 unmapped = unit->stats.leaves_unmapped;
	int error = batch->error;
	bool may_install = vtds_batch_may_install(batch);

	/* Without a call more: often this is about a single page */
	sync_below(walk, walk->domain->top, VTD_SS_RW, first, last);

	/*
	 * Tables are visited in order, so that one may have hit a limit before
	 * a later one gave back what it needed.
	 */
	if (!may_install || !batch->remove_only || batch->error != -ENOSPC ||
	    unmapped == unit->stats.leaves_unmapped || !below_limits(unit))
		return;
	batch->remove_only = false;
	batch->error = error;
	sync_node(walk, walk->domain->top, VTD_SS_RW, first, last);
}

/**
 * vtds_domain_sync() - Make the host map what the guest's tables say now
 * @batch: Where failures are noted; its end makes revocations effective
 * @domain: The domain
 * @first: First IOVA
 * @last: Last IOVA; more than asked may be synced
 */
void vtds_domain_sync(struct vtds_batch *batch, struct vtds_domain *domain,
		      u64 first, u64 last)
{
	struct vtds_walk walk = { .batch = batch, .domain = domain };
	struct vtds_unit *unit = batch->unit;
	u64 changed = unit->stats.entries_changed;
	int ret;

	last = min(last, domain->last);
	if (first > last)
		return;

	unit->stats.syncs++;
	ret = vtds_node_set_table(domain, domain->top, domain->root);
	if (ret) {
		vtds_mirror_clear(domain, domain->top, 0);
		vtds_walk_refuse(&walk, NULL, first, domain->root, ret);
		return;
	}
	domain->top_reported = false;
	sync_top(&walk, first, last);
	trace_vtd_shadow_sync(domain->root, first, last,
			      unit->stats.entries_changed - changed);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_domain_sync);

/* The same for all of the domain, once in a batch. */
void vtds_domain_sync_full(struct vtds_batch *batch, struct vtds_domain *domain)
{
	if (domain->full_seq == batch->seq)
		return;
	domain->full_seq = batch->seq;
	vtds_domain_sync(batch, domain, 0, U64_MAX);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_domain_sync_full);
