// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sync: walk the guest's tables over a range, compare with the mirror, act only
 * on what differs.
 *
 * This is about tables of tables, levels 2 and up; leaves.c has level 1, superpage.c
 * the leaves of all others. What cannot be installed is recorded absent and noted in
 * the batch; the walk goes on, so that nothing stale survives because of a failure
 * elsewhere. Serves domain.c and all that invalidates.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cursor.h"
#include "guest_mem.h"
#include "leaves.h"
#include "refuse.h"
#include "superpage.h"
#include "sync.h"
#include "trace.h"

static void sync_table(struct vtds_cursor *c);

/* Syncs the table below the entry at hand, as far as the range goes or all may differ. */
static void sync_child(const struct vtds_cursor *c, struct vtds_node *child,
		       unsigned int path_perm)
{
	u64 last =
		min(c->iova + vtds_cursor_size(c) - 1, c->walk->domain->last);
	struct vtds_cursor below = {
		.walk = c->walk,
		.node = child,
		.path_perm = path_perm,
		.first = c->changed ? c->iova : max(c->first, c->iova),
		.last = c->changed ? last : min(c->last, last),
	};

	sync_table(&below);
}

static void drop_child(const struct vtds_cursor *c)
{
	struct vtds_node **child = &c->node->children[c->index];

	vtds_mirror_clear(c->walk->domain, *child, c->iova);
	vtds_node_free(c->walk->domain, *child);
	*child = NULL;
	c->node->entries[c->index] = 0;
}

static bool node_is_empty(const struct vtds_node *node)
{
	return !memchr_inv(node->entries, 0, VTD_TABLE_ENTRIES * sizeof(u64));
}

static struct vtds_node *child_alloc(const struct vtds_cursor *c,
				     unsigned int perm)
{
	struct vtds_walk *walk = c->walk;
	struct vtds_node *node =
		vtds_node_alloc(walk->batch, c->node->level - 1, perm);

	/* There may be memory for it later */
	if (!node && !walk->batch->remove_only)
		walk->domain->troubled = true;
	return node;
}

/* --- Superpages in pieces --- */

/* Syncs the pieces of a split leaf, whose permissions may have changed. */
static void sync_pieces(const struct vtds_cursor *c, struct vtds_node *child)
{
	child->leaf_bits = c->raw & VTD_SS_RW;
	if (child->level > 1)
		child->leaf_bits |= VTD_SS_PS;
	sync_child(c, child, c->path_perm);
}

/*
 * Mirrors a superpage leaf that cannot be mapped as one by a table of its
 * pieces. Returns whether any piece could be.
 */
static bool superpage_split(const struct vtds_cursor *c)
{
	struct vtds_guest_mem *mem = &c->walk->unit->mem;
	struct vtds_chunk *chunk;
	struct vtds_node *child;

	child = child_alloc(c, c->path_perm);
	if (!child)
		return false;
	child->synthetic = true;
	child->gpa = c->raw & VTD_ENTRY_ADDR;

	/* Keeps what is known of the memory from piece to piece */
	chunk = vtds_mem_get(mem, child->gpa);
	sync_pieces(c, child);
	if (!IS_ERR(chunk))
		vtds_mem_put(mem, chunk);
	if (node_is_empty(child)) {
		vtds_node_free(c->walk->domain, child);
		return false;
	}
	c->node->children[c->index] = child;
	return true;
}

/* Installs the superpage leaf at hand. Returns whether the mirror can record it. */
static bool superpage_install(struct vtds_cursor *c)
{
	int ret = vtds_superpage_map(c);

	if (ret == -EXDEV)
		return superpage_split(c);
	return !ret;
}

/*
 * Reports a superpage leaf of the guest if pieces of it could not be mapped,
 * once. A leaf that is a piece itself leaves that to the one it is a piece of.
 */
static void settle_pieces(const struct vtds_cursor *c, bool installed)
{
	struct vtds_walk *walk = c->walk;

	if (c->node->synthetic)
		return;
	if (walk->piece_error)
		vtds_refuse_pieces(c);
	else if (installed)
		vtds_node_forget_refused(walk->domain, c->node, c->index,
					 c->index + 1);
}

/* --- One entry --- */

/*
 * Descends into a table of the guest, which may be another page than before:
 * the child keeps its entries, so that what is equal in both stays mapped.
 * Returns whether the mirror can record the entry.
 */
static bool table_install(const struct vtds_cursor *c)
{
	struct vtds_node **child = &c->node->children[c->index];
	int ret;

	if (!*child) {
		if (!vtds_batch_may_install(c->walk->batch))
			return false;
		*child = child_alloc(c, c->perm);
		if (!*child)
			return false;
	}

	ret = vtds_node_set_table(c->walk->domain, *child,
				  c->raw & VTD_ENTRY_ADDR);
	if (ret) {
		vtds_refuse(c, ret);
		drop_child(c);
		return false;
	}
	sync_child(c, *child, c->perm);
	return true;
}

/*
 * Whether a child can stay below the entry at hand: a table of the guest below any table
 * entry, the pieces of a leaf below a leaf of the same memory. Then only what differs in
 * it is touched.
 */
static bool child_fits(const struct vtds_cursor *c)
{
	const struct vtds_node *child = c->node->children[c->index];
	bool is_leaf = vtd_entry_is_leaf(c->raw, c->node->level);

	if (!c->perm)
		return false;
	if (child->synthetic)
		return is_leaf && (c->raw & VTD_ENTRY_ADDR) == child->gpa;
	return !is_leaf;
}

/* Takes away what the mirror has below the entry at hand and the guest no longer wants. */
static void revoke_entry(const struct vtds_cursor *c)
{
	if (c->node->children[c->index]) {
		if (!child_fits(c))
			drop_child(c);
	} else if (c->node->entries[c->index] & VTD_SS_PS) {
		vtds_mirror_zap_leaf(c->walk->domain, c->node, c->index,
				     c->iova);
	}
}

/* A malformed entry is refused and counts as one that is not present. */
static void check_entry(struct vtds_cursor *c)
{
	if (!(c->raw & VTD_SS_RW) ||
	    !vtds_caps_entry_reserved(&c->walk->unit->caps, c->raw,
				      c->node->level))
		return;
	vtds_refuse(c, -EPROTO);
	c->raw = 0;
	c->perm = 0;
}

/* Returns whether the mirror can record the entry at hand as it is. */
static bool install_entry(struct vtds_cursor *c, bool is_leaf)
{
	struct vtds_node *child = c->node->children[c->index];

	if (!c->perm)
		return true;
	if (child && child->synthetic) {
		sync_pieces(c, child);
		return true;
	}
	return is_leaf ? superpage_install(c) : table_install(c);
}

static void sync_entry(struct vtds_cursor *c)
{
	bool is_leaf = vtd_entry_is_leaf(c->raw, c->node->level);
	struct vtds_node *node = c->node;
	bool recorded;

	if (node->refused && c->raw != node->refused[c->index])
		vtds_node_forget_refused(c->walk->domain, node, c->index,
					 c->index + 1);
	if (!c->raw && !c->old)
		return;
	c->changed = c->raw != c->old || c->path_perm != node->perm;
	c->walk->unit->stats.entries_changed += c->raw != c->old;

	check_entry(c);
	if (is_leaf &&
	    (vtds_superpage_unchanged(c) || vtds_superpage_collapse(c))) {
		node->entries[c->index] = c->raw;
		return;
	}
	revoke_entry(c);
	recorded = install_entry(c, is_leaf);
	node->entries[c->index] = recorded ? c->raw : 0;
	settle_pieces(c, c->perm && recorded);
}

/* --- Tables --- */

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
static bool sync_unchanged(const struct vtds_cursor *c)
{
	struct vtds_node *child = c->node->children[c->index];

	/* A leaf, or a table that could not be read, takes a closer look */
	if (c->raw != c->old || !child || !vtds_node_readable(child))
		return false;
	sync_child(c, child, c->perm);
	return true;
}

static void sync_entries(struct vtds_cursor *c)
{
	unsigned int start = vtd_level_index(c->first, c->node->level);
	unsigned int end = vtd_level_index(c->last, c->node->level) + 1;
	bool plain = node_is_plain(c->node, c->path_perm);

	for (unsigned int i = start; i < end; i++) {
		if (plain)
			i = first_used(c->node, i, end);
		if (i == end)
			break;
		/* Above there is little to do for each entry */
		if (c->node->level <= 3)
			cond_resched();
		c->changed = false;
		vtds_cursor_move(c, i, vtds_node_fetch(c->node, i));
		if (plain && sync_unchanged(c))
			continue;
		sync_entry(c);
		plain = plain && !c->node->refused;
	}
	c->node->perm = c->path_perm;
}

/*
 * Follows the way to a small range as far down as it did not change. That is most of
 * the work for a single page.
 */
static __always_inline void descend(struct vtds_cursor *c)
{
	const u64 first = c->first, differ = c->first ^ c->last;
	unsigned int perm = c->path_perm;
	struct vtds_node *node = c->node;

	while (node->level > 1 && node_is_plain(node, perm)) {
		unsigned int shift = vtd_level_shift(node->level);
		unsigned int index = (first >> shift) % VTD_TABLE_ENTRIES;
		struct vtds_node *child = node->children[index];
		u64 raw = READ_ONCE(node->table[index]);

		if (differ >> shift || raw != node->entries[index] || !child ||
		    !vtds_node_readable(child))
			break;
		perm &= raw;
		node = child;
	}
	c->path_perm = perm;
	c->node = node;
}

/*
 * Syncs [first, last] of a table, all of which is below it. Inline where a sync begins,
 * which is often about a single page.
 */
static __always_inline void __sync_table(struct vtds_cursor *c)
{
	descend(c);
	c->base = ALIGN_DOWN(c->first, vtd_level_size(c->node->level + 1));
	if (c->node->level == 1)
		vtds_leaves_sync(c);
	else
		sync_entries(c);
}

static void sync_table(struct vtds_cursor *c)
{
	__sync_table(c);
}

/* --- Domains --- */

/* Makes the scratch memory that walks need. Idle units are many and have none. */
int vtds_sync_need_scratch(struct vtds_unit *unit)
{
	if (!unit->sg) {
		unit->sg = kcalloc(VTDS_SG_ENTRIES, sizeof(*unit->sg),
				   GFP_KERNEL_ACCOUNT);
		if (unit->sg)
			sg_init_table(unit->sg, VTDS_SG_ENTRIES);
	}
	return unit->sg ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_sync_need_scratch);

static bool below_limits(const struct vtds_unit *unit)
{
	return unit->nr_pages < unit->max_pages &&
	       unit->nr_nodes < unit->max_nodes;
}

static __always_inline void sync_range(struct vtds_walk *walk, u64 first,
				       u64 last)
{
	struct vtds_cursor c = {
		.walk = walk,
		.node = walk->domain->top,
		.path_perm = VTD_SS_RW,
		.first = first,
		.last = last,
	};

	__sync_table(&c);
}

static noinline void sync_again(struct vtds_walk *walk, u64 first, u64 last)
{
	sync_range(walk, first, last);
}

static __always_inline void sync_top(struct vtds_walk *walk, u64 first,
				     u64 last)
{
	struct vtds_batch *batch = walk->batch;
	struct vtds_unit *unit = walk->unit;
	u64 unmapped = unit->stats.leaves_unmapped;
	bool may_install = vtds_batch_may_install(batch);
	int error = batch->error;

	sync_range(walk, first, last);

	/*
	 * Tables are visited in order, so that one may have hit a limit before
	 * a later one gave back what it needed.
	 */
	if (!may_install || !batch->remove_only || batch->error != -ENOSPC ||
	    unmapped == unit->stats.leaves_unmapped || !below_limits(unit))
		return;
	batch->remove_only = false;
	batch->error = error;
	sync_again(walk, first, last);
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
	struct vtds_unit *unit = batch->unit;
	struct vtds_walk walk = {
		.unit = unit,
		.batch = batch,
		.domain = domain,
		.run.sg = unit->sg,
	};
	u64 changed = unit->stats.entries_changed;
	int ret;

	lockdep_assert_held(&unit->lock);
	last = min(last, domain->last);
	if (first > last)
		return;

	unit->stats.syncs++;
	ret = vtds_node_set_table(domain, domain->top, domain->root);
	if (ret) {
		vtds_mirror_clear(domain, domain->top, 0);
		vtds_refuse_top(&walk, first, ret);
		return;
	}
	domain->top_reported = false;
	sync_top(&walk, first, last);
	trace_vtd_shadow_sync(domain->root, first, last,
			      unit->stats.entries_changed - changed);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_domain_sync);

/* vtds_domain_sync() of all of the domain, once in a batch */
void vtds_domain_sync_full(struct vtds_batch *batch, struct vtds_domain *domain)
{
	if (domain->full_seq == batch->seq)
		return;
	domain->full_seq = batch->seq;
	vtds_domain_sync(batch, domain, 0, U64_MAX);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_domain_sync_full);
