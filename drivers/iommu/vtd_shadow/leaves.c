// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of 4 KiB leaves, where nearly all of the time of a sync goes. Guests change many
 * neighbours alike, so a table is taken in runs: leaves that are as they were, leaves to
 * zap, leaves to map. What is special about a leaf makes it a run of its own. Serves
 * sync.c; calls guest_mem.c, mirror.c, host_domain.c and refuse.c.
 *
 * Of a plain table, which is a page of the guest without reserved IOVA and without
 * entries that were refused, all entries can be read in place. All functions that take
 * @plain are compiled twice, for such tables and for all others.
 *
 * What is forced inline here, in leaf_table.h and in sync.c is part of a loop over leaves
 * or of the way of a single page, and what is forced out of line leaves them the
 * registers. If the compiler decides, mapping one page by an invalidation of its own takes
 * 2,061 instructions instead of 1,936, unmapping it 2,894 instead of 2,751, and unmapping
 * a page among many 38 instead of 35 (bench.sh --profile 6.12).
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/prefetch.h>
#include <linux/string.h>

#include "cursor.h"
#include "guest_mem.h"
#include "leaf_table.h"
#include "leaves.h"
#include "refuse.h"
#include "rmap.h"

/* --- Runs to zap --- */

/*
 * Zaps the leaf at @index, which became @raw, and those after it that became something
 * else, too. They are recorded absent. Returns the index after the last one, and in
 * @raw whether anything is there now that may be mapped instead.
 */
static __always_inline unsigned int __zap(const struct vtds_cursor *c,
					  unsigned int index, unsigned int end,
					  u64 *raw, const bool plain)
{
	struct vtds_guest_mem *mem = &c->walk->unit->mem;
	struct vtds_mem_recents recents = vtds_mem_recents(mem);
	const struct vtds_leaf_table t = vtds_leaf_table(c);
	u64 old = t.entries[index], now = *raw, any = 0;
	unsigned long i = index;

	do {
		any |= now;
		t.entries[i++] = 0;
		vtds_mem_put_page(mem, recents, old & VTD_ENTRY_ADDR);
		if (i == end)
			break;
		old = t.entries[i];
		now = vtds_leaf_read(c, &t, i, plain);
	} while ((old & t.old_perm) && !vtds_leaf_stays(c, &t, i, now, plain));
	vtds_mirror_zap_leaves(c->node, index, i);
	*raw = any;
	return i;
}

/* Runs of many leaves */
static noinline unsigned int zap_plain(const struct vtds_cursor *c,
				       unsigned int index, unsigned int end,
				       u64 *raw)
{
	return __zap(c, index, end, raw, true);
}

static __always_inline unsigned int zap(const struct vtds_cursor *c,
					unsigned int index, unsigned int end,
					u64 *raw, const bool plain)
{
	if (plain && end != index + 1)
		return zap_plain(c, index, end, raw);
	return __zap(c, index, end, raw, plain);
}

/* --- Runs to map --- */

/* The host refused leaves [start, end): they are recorded absent. */
static noinline void refuse_run(struct vtds_cursor *c, unsigned int start,
				unsigned int end, int error)
{
	struct vtds_guest_mem *mem = &c->walk->unit->mem;
	struct vtds_mem_recents recents = vtds_mem_recents(mem);
	u64 *entries = c->node->entries;

	vtds_cursor_move(c, start, entries[start]);
	for (unsigned int i = start; i < end; i++) {
		vtds_mem_put_page(mem, recents, entries[i] & VTD_ENTRY_ADDR);
		entries[i] = 0;
	}
	vtds_refuse(c, error);
}

/*
 * Maps the leaves [start, end) as a run; they are recorded and users of their chunks, which
 * are in [low, high].
 */
static __always_inline void map_run(struct vtds_cursor *c,
				    const struct vtds_run *run,
				    unsigned int start, unsigned int end,
				    u64 low, u64 high)
{
	struct vtds_domain *domain = c->walk->domain;
	struct vtds_unit *unit = c->walk->unit;
	int ret;

	ret = vtds_host_map(&domain->host, run);
	if (unlikely(ret)) {
		refuse_run(c, start, end, ret);
		return;
	}
	domain->nr_pages += end - start;
	domain->stats.leaves_mapped += end - start;
	unit->nr_pages += end - start;
	vtds_rmap_leaves(&unit->rmap, c->node, low, high);
}

/* Maps the special leaves that wait for it. */
static noinline void __map_waiting(struct vtds_cursor *c)
{
	struct vtds_run run = c->walk->run;
	unsigned int start = vtd_level_index(run.iova, 1);
	unsigned int end = start + (run.size >> VTD_PAGE_SHIFT);
	u64 low = U64_MAX, high = 0;

	c->walk->run.size = 0;
	vtds_node_forget_refused(c->node, start, end);
	for (unsigned int i = start; i < end; i++) {
		u64 gpa = c->node->entries[i] & VTD_ENTRY_ADDR;

		low = min(low, gpa);
		high = max(high, gpa);
	}
	map_run(c, &run, start, end, low, high);
}

static __always_inline void map_waiting(struct vtds_cursor *c)
{
	if (unlikely(c->walk->run.size))
		__map_waiting(c);
}

/**
 * struct common_run - Leaves of the common kind, which one call maps
 * @t: Their table, a plain one
 * @recents: Where chunks are found without a search
 * @bits: Bits that are the same in all of them: reserved bits and permissions
 * @common: These
 * @run: Their memory
 * @low: Lowest guest physical address that they lead to
 * @high: Highest one
 *
 * Nothing is mapped where they are, and their memory is pinned as a whole.
 */
struct common_run {
	struct vtds_leaf_table t;
	struct vtds_mem_recents recents;
	u64 bits;
	u64 common;
	struct vtds_run run;
	u64 low;
	u64 high;
};

static __always_inline struct common_run common_run(const struct vtds_cursor *c,
						    unsigned int index)
{
	const struct vtds_leaf_table t = vtds_leaf_table(c);
	const u64 bits = t.rsvd | t.perm;
	struct common_run common = {
		.t = t,
		.recents = vtds_mem_recents(&c->walk->unit->mem),
		.bits = bits,
		.common = READ_ONCE(t.table[index]) & bits,
		.run.sg = c->walk->unit->sg,
		.low = U64_MAX,
	};

	vtds_run_begin(&common.run, vtds_leaf_iova(c, index), common.common);
	return common;
}

/* Whether leaves [index, end) may be mapped, if they are like the first of them */
static __always_inline bool common_allowed(const struct vtds_cursor *c,
					   const struct common_run *common,
					   unsigned int index, unsigned int end)
{
	return common->common && !(common->common & common->t.rsvd) &&
	       vtds_all_allowed(c->walk, vtds_leaf_iova(c, index),
				(end - index) * VTD_PAGE_SIZE);
}

/**
 * struct leaf_ahead - A leaf that was read, and where it leads
 * @raw: The leaf, read once
 * @chunk: Its chunk, NULL if that takes a search or is not simple
 */
struct leaf_ahead {
	u64 raw;
	struct vtds_chunk *chunk;
};

/* Leaves that are read ahead of the one at hand: as long as memory takes to answer */
#define AHEAD 24
#define AHEAD_RING 32

/*
 * Reads a leaf. Where the frame of a page of a large guest is kept is in no cache, and
 * nothing but the guest's table tells in which order they are needed.
 */
static __always_inline struct leaf_ahead
read_ahead(const struct common_run *common, unsigned long i)
{
	u64 raw = READ_ONCE(common->t.table[i]), gpa = raw & VTD_ENTRY_ADDR;
	struct vtds_chunk *chunk = vtds_mem_recent(common->recents, gpa);

	if (unlikely(!chunk || !vtds_chunk_is_simple(chunk)))
		chunk = NULL;
	else if (vtds_chunk_kind(chunk) == VTDS_CHUNK_SCATTERED)
		prefetch(vtds_chunk_where(chunk, gpa));
	return (struct leaf_ahead){ raw, chunk };
}

static noinline struct vtds_chunk *search_chunk(const struct vtds_cursor *c,
						u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_chunk(&c->walk->unit->mem, gpa);

	return chunk && vtds_chunk_is_simple(chunk) ? chunk : NULL;
}

/* Adds a leaf, if it is of the common kind, and records it. */
static __always_inline bool common_add(const struct vtds_cursor *c,
				       struct common_run *common,
				       unsigned long i,
				       const struct leaf_ahead *leaf)
{
	u64 raw = leaf->raw, gpa = raw & VTD_ENTRY_ADDR;
	struct vtds_guest_mem *mem = &c->walk->unit->mem;
	struct vtds_chunk *chunk = leaf->chunk;

	if ((raw & common->bits) != common->common ||
	    (common->t.entries[i] & common->t.old_perm))
		return false;
	if (unlikely(!chunk))
		chunk = search_chunk(c, gpa);
	if (unlikely(!chunk))
		return false;
	vtds_mem_use(mem, chunk, gpa);
	vtds_run_add(&common->run, vtds_chunk_pfn(chunk, gpa), VTD_PAGE_SIZE);
	common->low = min(common->low, gpa);
	common->high = max(common->high, gpa);
	common->t.entries[i] = raw;
	return true;
}

static __always_inline void common_map(struct vtds_cursor *c,
				       const struct common_run *common,
				       unsigned int start, unsigned int end)
{
	/* A copy, so that what is collected need not be in memory */
	struct vtds_run run = common->run;

	map_run(c, &run, start, end, common->low, common->high);
}

/* Maps leaves from @index on that are alike. Returns the index after the last one. */
static noinline unsigned int map_many(struct vtds_cursor *c, unsigned int index,
				      unsigned int end)
{
	struct common_run common = common_run(c, index);
	struct leaf_ahead ring[AHEAD_RING] __uninitialized;
	unsigned long i, next = index;

	if (!common_allowed(c, &common, index, end))
		return index;
	for (; next < end && next < index + AHEAD; next++)
		ring[next % AHEAD_RING] = read_ahead(&common, next);
	for (i = index; i < end; i++, next++) {
		if (next < end)
			ring[next % AHEAD_RING] = read_ahead(&common, next);
		if (!common_add(c, &common, i, &ring[i % AHEAD_RING]))
			break;
	}
	if (i != index)
		common_map(c, &common, index, i);
	return i;
}

/* map_many() of one leaf */
static __always_inline unsigned int map_one(struct vtds_cursor *c,
					    unsigned int index)
{
	struct common_run common = common_run(c, index);
	struct leaf_ahead leaf = read_ahead(&common, index);

	if (!common_allowed(c, &common, index, index + 1) ||
	    !common_add(c, &common, index, &leaf))
		return index;
	common_map(c, &common, index, index + 1);
	return index + 1;
}

/* --- Special leaves --- */

/* Finds the host page of the leaf at hand and makes the leaf a user of its chunk. */
static int leaf_resolve(const struct vtds_cursor *c, unsigned long *pfn,
			unsigned int *perm)
{
	struct vtds_guest_mem *mem = &c->walk->unit->mem;
	u64 gpa = c->raw & VTD_ENTRY_ADDR;
	unsigned int mem_perm;
	int ret;

	/* No translation may lead to interrupts, whatever the VMM has there */
	if (vtd_is_interrupt(gpa))
		return -EADDRNOTAVAIL;
	ret = vtds_mem_page(mem, gpa, pfn, &mem_perm);
	if (!ret)
		ret = vtds_permit(c, perm, mem_perm);
	if (!ret)
		vtds_mem_use(mem, vtds_mem_chunk(mem, gpa), gpa);
	return ret;
}

static unsigned int run_pages(const struct vtds_cursor *c)
{
	return c->walk->domain->host.merge ? VTDS_RUN_PAGES : 1;
}

/* Adds the leaf at hand to those that wait to be mapped, or refuses it. */
static void add_waiting(struct vtds_cursor *c)
{
	struct vtds_run *run = &c->walk->run;
	unsigned int perm = c->perm;
	unsigned long pfn;
	int ret;

	ret = vtds_allowed(c);
	if (!ret)
		ret = leaf_resolve(c, &pfn, &perm);
	if (unlikely(ret)) {
		c->node->entries[c->index] = 0;
		if (ret == VTDS_NOT_PINNED)
			vtds_cursor_wait(c);
		else
			vtds_refuse(c, ret);
		return;
	}

	if (run->size &&
	    (perm != run->perm || run->size >= run_pages(c) * VTD_PAGE_SIZE ||
	     run->iova + run->size != c->iova)) {
		struct vtds_cursor at = *c;

		__map_waiting(&at);
	}
	if (!run->size)
		vtds_run_begin(run, c->iova, perm);
	vtds_run_add(run, pfn, VTD_PAGE_SIZE);
	c->node->entries[c->index] = c->raw;
}

/* Settles one leaf by itself: nothing is mapped there now. */
static noinline void settle(struct vtds_cursor *c, unsigned int index, u64 raw,
			    const bool plain)
{
	int error;

	vtds_cursor_move(c, index, raw);
	error = vtds_leaf_fault(c, c->walk->domain->leaf_rsvd, index, raw,
				plain);
	if (unlikely(error)) {
		c->node->entries[index] = 0;
		vtds_refuse(c, error);
	} else if (c->perm) {
		add_waiting(c);
	} else {
		c->node->entries[index] = raw;
	}
}

/* --- All together --- */

/*
 * Maps or settles leaves from @index on, where nothing is mapped; that one reads as @raw.
 * Returns the index after the last one.
 */
static __always_inline unsigned int install(struct vtds_cursor *c,
					    unsigned int index,
					    unsigned int end, u64 raw,
					    const bool plain)
{
	unsigned int next = index;

	if (plain) {
		map_waiting(c);
		next = end == index + 1 ?
			       map_one(c, index) :
			       map_many(c, index,
					min(end, index + run_pages(c)));
	}
	if (next != index)
		return next;
	settle(c, index, raw, plain);
	return index + 1;
}

/*
 * Takes the run that begins with the leaf at @index, which is not what it was. Returns
 * the index after it, or @index if something else is there now in place of what was
 * zapped; @counted is the index after the last leaf that was counted as changed.
 */
static __always_inline unsigned int
take_run(struct vtds_cursor *c, unsigned int index, unsigned int end,
	 unsigned int *counted, const bool plain)
{
	const struct vtds_leaf_table t = vtds_leaf_table(c);
	u64 raw = vtds_leaf_read(c, &t, index, plain), old = t.entries[index];
	unsigned int done = index + 1;
	bool again = false;

	if (!(old & t.old_perm)) {
		done = install(c, index, end, raw, plain);
	} else if (vtds_leaf_stays(c, &t, index, raw, plain)) {
		t.entries[index] = raw;
	} else {
		done = zap(c, index, end, &raw, plain);
		again = raw;
	}

	if (done > *counted) {
		c->walk->domain->stats.entries_changed +=
			done - max(index, *counted);
		*counted = done;
	}
	return again ? index : done;
}

/*
 * The walk has stopped at a leaf. If the path permits something else than before, one from
 * there on of which another part counts now may not stay recorded, whether it is mapped or
 * not: what a table has recorded is to be read with one permission.
 */
static noinline void leave_table(struct vtds_cursor *c)
{
	struct vtds_mem_recents recents = vtds_mem_recents(&c->walk->unit->mem);
	const struct vtds_leaf_table t = vtds_leaf_table(c);
	unsigned int i = vtd_level_index(c->walk->stop, 1);

	if (t.perm == t.old_perm)
		return;
	for (; i < VTD_TABLE_ENTRIES; i++) {
		u64 old = t.entries[i];

		if ((old & t.old_perm) == (old & t.perm))
			continue;
		t.entries[i] = 0;
		if (!(old & t.old_perm))
			continue;
		vtds_mem_put_page(&c->walk->unit->mem, recents,
				  old & VTD_ENTRY_ADDR);
		vtds_mirror_zap_leaves(c->node, i, i + 1);
	}
}

static __always_inline void sync(struct vtds_cursor *c, unsigned int start,
				 unsigned int end, const bool plain)
{
	unsigned int counted = start, i = start;

	while ((i = vtds_leaf_skip(c, i, end, plain)) < end) {
		i = take_run(c, i, end, &counted, plain);
		if (unlikely(c->walk->stopped))
			break;
	}
	map_waiting(c);
	if (unlikely(c->walk->stopped))
		leave_table(c);
}

static noinline void sync_plain(struct vtds_cursor *c, unsigned int start,
				unsigned int end)
{
	sync(c, start, end, true);
}

static noinline void sync_special(struct vtds_cursor *c, unsigned int start,
				  unsigned int end)
{
	sync(c, start, end, false);
}

/* One leaf of a plain table, the most frequent invalidation of all: without loops */
static __always_inline void sync_one(struct vtds_cursor *c, unsigned int index)
{
	unsigned int counted = index;

	if (vtds_leaf_skip(c, index, index + 1, true) != index ||
	    take_run(c, index, index + 1, &counted, true) != index)
		return;
	take_run(c, index, index + 1, &counted, true);
}

/* Fewer entries are not worth a look at all of them first */
#define MIN_COMPARE 8

/**
 * vtds_leaves_sync() - Sync a table of 4 KiB leaves
 * @c: The cursor, with @c->node of level 1
 *
 * What cannot be installed is recorded absent and noted in the batch. The walk stops where
 * a leaf leads to memory that is not pinned.
 */
void vtds_leaves_sync(struct vtds_cursor *c)
{
	unsigned int start = vtd_level_index(c->first, 1);
	unsigned int end = vtd_level_index(c->last, 1) + 1;
	struct vtds_domain *domain = c->walk->domain;
	struct vtds_node *node = c->node;
	bool plain = node->table && !node->refused &&
		     !vtds_reserved_overlaps(&domain->reserved, c->base,
					     vtd_level_size(2));

	/* The common case of a large flush: nothing changed here */
	if (plain && c->path_perm == node->perm && end - start >= MIN_COMPARE &&
	    !memcmp(&node->entries[start], &node->table[start],
		    (end - start) * sizeof(u64)))
		return;

	if (!plain) {
		sync_special(c, start, end);
	} else if (end == start + 1) {
		sync_one(c, start);
		map_waiting(c);
	} else {
		sync_plain(c, start, end);
	}
	node->perm = c->path_perm;
	/* Frees the record if nothing is left in it */
	vtds_node_forget_refused(node, start, start);
}
