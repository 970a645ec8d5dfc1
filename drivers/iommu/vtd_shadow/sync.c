// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sync: walk the guest's tables over a range, compare with the mirror, act only
 * on what differs.
 *
 * This is about tables of tables, levels 2 and up; leaves.c has level 1, superpage.c
 * the leaves of all others. What cannot be installed is recorded absent and noted in
 * the batch; the walk goes on, so that nothing stale survives because of a failure
 * elsewhere. Serves settle.c, domain.c and the unit tests.
 *
 * A walk may stop between two entries: because somebody waits for the unit, because the
 * call is over, or because memory has to be pinned first, which takes the unit to be
 * unlocked. Mirror and host are in step then, and another walk goes on from there, from
 * the top: nodes may be gone by then. What is in order before the address where it
 * stopped stays so, and each walk looks at something, so that they come to an end,
 * whatever the guest does to its tables meanwhile.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "alloc.h"
#include "cursor.h"
#include "guest_mem.h"
#include "leaves.h"
#include "refuse.h"
#include "superpage.h"
#include "sync.h"
#include "trace.h"

static void sync_table(struct vtds_cursor *c);

/* Something was looked at that takes time: the walk may stop, and has less left. */
static void count_visit(struct vtds_walk *walk)
{
	walk->visited = true;
	walk->batch->work -= !!walk->batch->work;
}

/* Syncs the table below the entry at hand, as far as the range goes or all may differ. */
static void sync_child(const struct vtds_cursor *c, struct vtds_node *child,
		       unsigned int path_perm)
{
	u64 last =
		min(c->iova + vtds_cursor_size(c) - 1, c->walk->domain->last);
	struct vtds_cursor below __uninitialized;

	/* What came before where the last walk stopped was looked at in this flush */
	vtds_cursor_begin(&below, c->walk, child, path_perm,
			  c->changed && !c->walk->resumed ?
				  c->iova :
				  max(c->first, c->iova),
			  c->changed ? last : min(c->last, last));
	sync_table(&below);
}

/* Tables that are cleared before it is asked whether somebody waits */
#define CLEAR_WORK 16

/*
 * Takes away the child below the entry at hand. Returns whether all of it is gone; if not
 * the entry stays recorded as it was, so that whoever goes on finds the rest.
 */
static bool drop_child(struct vtds_cursor *c)
{
	struct vtds_node **child = &c->node->children[c->index];
	unsigned int work = CLEAR_WORK;

	while (!vtds_mirror_clear(*child, &work)) {
		c->walk->visited = true;
		if (vtds_cursor_gives_way(c)) {
			c->pending = true;
			return false;
		}
		cond_resched();
		work = CLEAR_WORK;
	}
	vtds_node_free(*child);
	*child = NULL;
	c->node->entries[c->index] = 0;
	return true;
}

static bool node_is_empty(const struct vtds_node *node)
{
	return !memchr_inv(node->entries, 0, VTD_TABLE_ENTRIES * sizeof(u64));
}

static struct vtds_node *child_alloc(const struct vtds_cursor *c,
				     unsigned int perm)
{
	struct vtds_walk *walk = c->walk;
	struct vtds_node *node;

	node = vtds_node_alloc(walk->batch, walk->domain, c->node->level - 1,
			       perm, c->iova);
	/* There may be memory for it later */
	if (!node && vtds_batch_may_install(walk->batch, walk->domain))
		walk->domain->troubled = true;
	return node;
}

/* --- Superpages in pieces --- */

/*
 * Syncs the pieces of the leaf at hand, whose permissions may have changed. Returns whether
 * the mirror can record it: some piece could be mapped, or there are more to be looked at.
 */
static bool sync_pieces(const struct vtds_cursor *c)
{
	struct vtds_node *child = c->node->children[c->index];

	child->leaf_bits = c->raw & VTD_SS_RW;
	if (child->level > 1)
		child->leaf_bits |= VTD_SS_PS;
	sync_child(c, child, c->path_perm);
	if (c->walk->stopped || !node_is_empty(child))
		return true;
	vtds_node_free(child);
	c->node->children[c->index] = NULL;
	return false;
}

/*
 * Mirrors a superpage leaf that cannot be mapped as one by a table of its
 * pieces. Returns as sync_pieces().
 */
static bool superpage_split(const struct vtds_cursor *c)
{
	struct vtds_node *child = child_alloc(c, c->path_perm);

	if (!child)
		return false;
	child->synthetic = true;
	child->gpa = c->raw & VTD_ENTRY_ADDR;
	c->node->children[c->index] = child;
	return sync_pieces(c);
}

/* Installs the superpage leaf at hand. Returns whether the mirror can record it. */
static bool superpage_install(struct vtds_cursor *c)
{
	struct vtds_walk *walk = c->walk;
	int ret = vtds_superpage_map(c);

	/* As much as a table */
	count_visit(walk);
	if (ret == VTDS_NOT_PINNED)
		vtds_cursor_wait(c);
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
	const struct vtds_node *child = c->node->children[c->index];

	if (c->node->synthetic)
		return;
	if (walk->piece_error)
		vtds_refuse_pieces(c);
	/* Of what is in pieces, this walk may have looked at the last ones only */
	else if (installed && !(child && child->synthetic))
		vtds_node_forget_refused(c->node, c->index, c->index + 1);
}

/* --- One entry --- */

/*
 * Descends into a table of the guest, which may be another page than before:
 * the child keeps its entries, so that what is equal in both stays mapped.
 * Returns whether the mirror can record the entry.
 */
static bool table_install(struct vtds_cursor *c)
{
	struct vtds_node **child = &c->node->children[c->index];
	bool fresh = !*child;
	int ret;

	if (fresh) {
		if (!vtds_batch_may_install(c->walk->batch, c->walk->domain))
			return false;
		*child = child_alloc(c, c->perm);
		if (!*child)
			return false;
	}

	ret = vtds_node_set_table(*child, c->raw & VTD_ENTRY_ADDR);
	if (ret == VTDS_NOT_PINNED) {
		vtds_cursor_wait(c);
		/* What has to go now may be below */
		if (fresh || c->walk->now)
			drop_child(c);
		return false;
	}
	if (ret) {
		count_visit(c->walk);
		if (drop_child(c))
			vtds_refuse(c, ret);
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

/*
 * Takes away what the mirror has below the entry at hand and the guest no longer wants.
 * Returns whether all of it is gone.
 */
static bool revoke_entry(struct vtds_cursor *c)
{
	if (c->node->children[c->index])
		return child_fits(c) || drop_child(c);
	if (c->node->entries[c->index] & VTD_SS_PS) {
		vtds_mirror_zap_leaf(c->node, c->index);
		/* Whatever comes instead, all of it does */
		c->changed = true;
	}
	return true;
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
	if (child && child->synthetic)
		return sync_pieces(c);
	return is_leaf ? superpage_install(c) : table_install(c);
}

/* Whether there is nothing to do about the entry at hand, which was refused */
static bool stays_refused(const struct vtds_cursor *c)
{
	struct vtds_node *node = c->node;

	if (!node->refused)
		return false;
	if (!vtds_refused_is(node->refused[c->index], c->raw))
		vtds_node_forget_refused(node, c->index, c->index + 1);
	return node->refused && c->raw && node->refused[c->index] == c->raw &&
	       !c->old && !node->children[c->index];
}

static void sync_entry(struct vtds_cursor *c)
{
	bool is_leaf = vtd_entry_is_leaf(c->raw, c->node->level);
	struct vtds_node *node = c->node;
	bool recorded;

	if (stays_refused(c) || (!c->raw && !c->old))
		return;
	c->changed = c->raw != c->old || c->path_perm != node->perm;
	c->walk->domain->stats.entries_changed += c->raw != c->old;

	check_entry(c);
	if (is_leaf &&
	    (vtds_superpage_unchanged(c) || vtds_superpage_collapse(c))) {
		node->entries[c->index] = c->raw;
		return;
	}
	if (!revoke_entry(c))
		return;
	recorded = install_entry(c, is_leaf);
	/* Whoever goes on has to see that it differs */
	if (c->pending)
		return;
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

/* Revokes superpages of a table that the path no longer permits as they were recorded. */
static void zap_permissions(const struct vtds_cursor *c, unsigned int start,
			    unsigned int end)
{
	struct vtds_node *node = c->node;

	for (unsigned int i = start; i < end; i++) {
		u64 old = node->entries[i] & VTD_SS_RW;

		if (!node->children[i] &&
		    (old & node->perm) != (old & c->path_perm))
			vtds_mirror_zap_leaf(node, i);
	}
}

/*
 * The walk stops at the entry at hand. If the path permits something else than before, a
 * superpage that is still mapped as it was may not stay so: what a table has recorded is
 * to be read with one permission. Children have their own.
 */
static void leave_entries(struct vtds_cursor *c)
{
	struct vtds_node *node = c->node;

	c->walk->redo = max(c->walk->redo, c->last);
	if (node->perm != c->path_perm)
		zap_permissions(c, c->index, VTD_TABLE_ENTRIES);
}

static void sync_entries(struct vtds_cursor *c)
{
	unsigned int start = vtd_level_index(c->first, c->node->level);
	unsigned int end = vtd_level_index(c->last, c->node->level) + 1;
	bool plain = node_is_plain(c->node, c->path_perm);
	u64 work = c->walk->batch->work;

	for (unsigned int i = start; i < end; i++) {
		if (plain)
			i = first_used(c->node, i, end);
		if (i == end)
			break;
		c->changed = false;
		c->pending = false;
		vtds_cursor_move(c, i, vtds_node_fetch(c->node, i));
		if (vtds_cursor_gives_way(c))
			break;
		/* Above there is little to do for each entry */
		if (c->node->level <= 3)
			cond_resched();
		if (plain && sync_unchanged(c)) {
			if (c->walk->stopped)
				break;
			continue;
		}
		sync_entry(c);
		if (c->walk->stopped)
			break;
		plain = plain && !c->node->refused;
	}
	if (c->walk->stopped)
		leave_entries(c);
	else if (c->walk->batch->work == work)
		count_visit(c->walk); /* There may be many that lead nowhere */
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
 * The path permits something else than before: all of the table is to be synced. If the
 * last walk stopped in it, what came before that has been: a guest that changes the path
 * again and again does not make a call begin again and again. It flushes once more, too.
 */
static noinline void take_all(struct vtds_cursor *c)
{
	struct vtds_node *node = c->node;

	if (c->walk->resumed && node->level > 1 && c->first > node->base) {
		zap_permissions(c, 0, vtd_level_index(c->first, node->level));
		vtds_todo_add(&c->walk->domain->todo, VTDS_TODO_BACKGROUND,
			      node->base, c->first - 1);
		c->walk->batch->leaves_some = true;
	} else {
		c->first = node->base;
	}
	c->last = min(vtds_node_last(c->node), c->walk->domain->last);
	/* And what memory did not permit it may permit now */
	vtds_node_retry_refused(c->node, 0, U64_MAX);
}

/*
 * Syncs [first, last] of a table, all of which is below it. Inline where a sync begins,
 * which is often about a single page.
 */
static __always_inline void __sync_table(struct vtds_cursor *c)
{
	descend(c);
	c->base = c->node->base;
	if (unlikely(c->node->perm != c->path_perm))
		take_all(c);
	if (c->node->level == 1) {
		vtds_leaves_sync(c);
		count_visit(c->walk);
		if (unlikely(c->walk->stopped))
			c->walk->redo = max(c->walk->redo, c->last);
	} else {
		sync_entries(c);
	}
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
		unit->sg =
			vtds_zalloc_array(VTDS_SG_ENTRIES, sizeof(*unit->sg));
		if (unit->sg)
			sg_init_table(unit->sg, VTDS_SG_ENTRIES);
	}
	return unit->sg ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_sync_need_scratch);

static __always_inline void sync_range(struct vtds_walk *walk, u64 first,
				       u64 last)
{
	struct vtds_cursor c __uninitialized;

	vtds_cursor_begin(&c, walk, walk->domain->top, VTD_SS_RW, first, last);
	__sync_table(&c);
}

/* The top table cannot be read: nothing is mapped. Returns whether all of that is gone. */
static noinline void sync_top_unreadable(struct vtds_walk *walk, u64 first,
					 u64 last, int error)
{
	unsigned int work = CLEAR_WORK;

	while (!vtds_mirror_clear(walk->domain->top, &work)) {
		if (!walk->now && vtds_batch_must_stop(walk->batch)) {
			walk->stopped = true;
			walk->stop = first;
			walk->redo = last;
			return;
		}
		cond_resched();
		work = CLEAR_WORK;
	}
	if (error != VTDS_NOT_PINNED)
		vtds_refuse_top(walk, first, error);
}

static __always_inline void sync_top(struct vtds_walk *walk, u64 first,
				     u64 last)
{
	struct vtds_domain *domain = walk->domain;
	int ret = vtds_node_set_table(domain->top, domain->root);

	if (ret == VTDS_NOT_PINNED && walk->now) {
		sync_top_unreadable(walk, first, last, ret);
		vtds_todo_all(&domain->todo, walk->batch->seq);
	} else if (ret == VTDS_NOT_PINNED) {
		walk->stopped = true;
		walk->waits = true;
		walk->stop = first;
		walk->redo = last;
	} else if (ret) {
		sync_top_unreadable(walk, first, last, ret);
	} else {
		domain->top_reported = false;
		sync_range(walk, first, last);
	}
}

/* How far the first sync of everything has come that this batch has begun */
static void note_full(struct vtds_batch *batch, struct vtds_domain *domain,
		      u64 first, u64 end)
{
	if (!first)
		domain->full_begun = batch->seq;
	else if (domain->full_begun != batch->seq || domain->full_next != first)
		return;
	domain->full_next = end;
	if (end > domain->last || !end)
		domain->full_seq = batch->seq;
}

static noinline void trace_sync(const struct vtds_walk *walk, u64 first,
				u64 last,
				const struct vtds_domain_stats *before)
{
	const struct vtds_domain *domain = walk->domain;
	const struct vtds_domain_stats *now = &domain->stats;

	trace_vtd_shadow_sync(walk->unit->id, domain->id, domain->root, first,
			      last, walk->stopped ? walk->stop : last + 1,
			      now->entries_changed - before->entries_changed,
			      now->leaves_mapped - before->leaves_mapped,
			      now->leaves_unmapped - before->leaves_unmapped,
			      now->install_failures - before->install_failures);
}

/**
 * vtds_domain_sync() - Make the host map what the guest's tables say now
 * @batch: Where failures are noted; its end makes revocations effective
 * @domain: The domain
 * @range: What to sync; more than asked may be synced. If the walk stops, what is left
 * @resumed: It is what another walk has left
 *
 * Return: whether the walk came to its end; or why it stopped, see enum vtds_synced.
 */
enum vtds_synced vtds_domain_sync(struct vtds_batch *batch,
				  struct vtds_domain *domain,
				  struct vtds_range *range, bool resumed)
{
	struct vtds_unit *unit = batch->unit;
	u64 first = range->first, last = min(range->last, domain->last);
	struct vtds_walk walk __uninitialized;
	bool traced = trace_vtd_shadow_sync_enabled();
	struct vtds_domain_stats before __uninitialized;

	vtds_assert_locked(&unit->lock);
	if (first > last)
		return VTDS_SYNCED;

	domain->stats.syncs++;
	if (traced)
		before = domain->stats;
	vtds_walk_begin(&walk, batch, domain);
	walk.resumed = resumed;
	sync_top(&walk, first, last);
	if (traced)
		trace_sync(&walk, first, last, &before);
	if (likely(!walk.stopped)) {
		note_full(batch, domain, first, last + 1);
		return VTDS_SYNCED;
	}
	range->first = walk.stop;
	range->last = max(walk.redo, last);
	note_full(batch, domain, first, walk.stop);
	return walk.waits ? VTDS_SYNC_WAITS : VTDS_SYNC_STOPPED;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_domain_sync);

/**
 * vtds_domain_sync_now() - Sync a range without stopping
 * @batch: The batch
 * @domain: The domain
 * @first: First IOVA of a few pages
 * @last: Last IOVA
 *
 * For what has to be revoked at once. What is to be installed instead and takes memory
 * that is not pinned is left to the next sync, which the domain needs then.
 */
void vtds_domain_sync_now(struct vtds_batch *batch, struct vtds_domain *domain,
			  u64 first, u64 last)
{
	struct vtds_walk walk __uninitialized;

	vtds_walk_begin(&walk, batch, domain);
	walk.now = true;
	sync_top(&walk, first, min(last, domain->last));
}
