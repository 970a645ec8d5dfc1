// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of 4 KiB leaves, where nearly all of the time of a sync goes. First the
 * leaves that changed are revoked, neighbours in one call, then what is new is
 * installed in runs. What is the same for all of a table is found out once.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "domain.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "host_domain.h"
#include "install.h"
#include "leaves.h"
#include "mirror.h"
#include "unit.h"
#include "vtd_format.h"

/* --- Revoke --- */

/**
 * struct leaf_table - What is the same for all leaves of a table
 * @base: First IOVA that the table covers
 * @rsvd: Reserved bits of a leaf
 * @perm: What the path to the table allows now
 * @same_perm: It is what it was
 * @reserves: The table covers some of a reserved range of the domain
 * @allowed: All leaves are within the limits of host and unit
 * @first: Index of the first leaf to install
 * @end: Index after the last one
 */
struct leaf_table {
	u64 base;
	u64 rsvd;
	unsigned int perm;
	bool same_perm;
	bool reserves;
	bool allowed;
	unsigned int first;
	unsigned int end;
};

static u64 leaf_fetch(const struct vtds_walk *walk, struct vtds_node *node,
		      const struct leaf_table *t, unsigned int index)
{
	u64 raw;

	if (t->reserves && vtd_is_interrupt(t->base + index * VTD_PAGE_SIZE))
		raw = 0;
	else
		raw = vtds_node_fetch(node, index);
	if (node->refused && raw != node->refused[index])
		node->refused[index] = 0;
	return raw;
}

/* Puts a leaf on the list of what is to be installed, after those before it. */
static void leaf_want(struct leaf_table *t, u64 *fetched, unsigned int index,
		      u64 raw)
{
	if (!t->end)
		t->first = index;
	else
		memset64(&fetched[t->end], 0, index - t->end);
	fetched[index] = raw;
	t->end = index + 1;
}

/* Why a leaf is never installed, whatever it leads to: 0 or a negative errno */
static int leaf_fault(const struct vtds_walk *walk, const struct leaf_table *t,
		      unsigned int index, u64 raw)
{
	u64 iova = t->base + index * VTD_PAGE_SIZE;

	if (!(raw & VTD_SS_RW))
		return 0;
	if (raw & t->rsvd)
		return -EPROTO;
	/* In the interrupt range nothing is fetched: the rest of them are the host's */
	if (t->reserves && vtds_reserved_overlaps(&walk->domain->reserved, iova,
						  VTD_PAGE_SIZE))
		return -EADDRINUSE;
	return 0;
}

/*
 * Decides what becomes of a leaf that differs. Returns whether the host has to
 * unmap what is there; what is left to install goes to vtds_unit.fetched.
 */
static bool leaf_revoke(struct vtds_walk *walk, struct vtds_node *node,
			struct leaf_table *t, unsigned int index, u64 raw)
{
	struct vtds_unit *unit = walk->batch->unit;
	u64 old = node->entries[index], record = raw;
	unsigned int old_perm = old & node->perm & VTD_SS_RW;
	unsigned int perm = raw & t->perm & VTD_SS_RW;
	int error = leaf_fault(walk, t, index, raw);

	if (unlikely(error)) {
		vtds_walk_refuse(walk, node, t->base + index * VTD_PAGE_SIZE,
				 raw, error);
		perm = 0;
		record = 0;
	}
	if (perm && perm == old_perm && !((raw ^ old) & VTD_ENTRY_ADDR)) {
		/* Only bits that do not matter to the host */
		node->entries[index] = raw;
		return false;
	}
	node->entries[index] = perm ? 0 : record;
	if (perm)
		leaf_want(t, unit->fetched, index, raw);
	if (old_perm)
		vtds_mem_put_page(&unit->mem, old & VTD_ENTRY_ADDR);
	return old_perm;
}

/* A stretch of leaves that the host unmaps, and what is before it */
struct revoked {
	unsigned int from;
	unsigned int to;
};

static void revoke_more(struct vtds_domain *domain, const struct leaf_table *t,
			struct revoked *run, unsigned int start,
			unsigned int end)
{
	if (run->to != start) {
		vtds_mirror_zap_leaves(domain, t->base, run->from, run->to);
		run->from = start;
	}
	run->to = end;
}

static void revoke_end(struct vtds_domain *domain, const struct leaf_table *t,
		       struct revoked *run)
{
	vtds_mirror_zap_leaves(domain, t->base, run->from, run->to);
	run->from = run->to;
}

static void leaves_revoke(struct vtds_walk *walk, struct vtds_node *node,
			  struct leaf_table *t, unsigned int start,
			  unsigned int end)
{
	struct vtds_unit *unit = walk->batch->unit;
	struct revoked run = { start, start };

	for (unsigned int i = start; i < end; i++) {
		u64 raw = leaf_fetch(walk, node, t, i);

		if (raw == node->entries[i] && t->same_perm)
			continue;
		unit->stats.entries_changed++;
		if (leaf_revoke(walk, node, t, i, raw))
			revoke_more(walk->domain, t, &run, i, i + 1);
	}
	revoke_end(walk->domain, t, &run);
}

/* --- Install --- */

/* Maps the collected leaves, which are the ones before @end, and records them. */
static void install_run(struct vtds_walk *walk, struct vtds_node *node,
			unsigned int end)
{
	struct vtds_unit *unit = walk->batch->unit;
	unsigned int count = unit->run.size >> VTD_PAGE_SHIFT;
	unsigned int start = end - count;
	int ret;

	if (!count)
		return;

	ret = vtds_run_map(walk);
	unit->run.size = 0;
	if (!ret) {
		memcpy(&node->entries[start], &unit->fetched[start],
		       count * sizeof(u64));
		vtds_node_forget_refused(walk->domain, node, start, end);
		unit->nr_pages += count;
		unit->stats.leaves_mapped += count;
		return;
	}
	for (unsigned int i = start; i < end; i++)
		vtds_mem_put_page(&unit->mem,
				  unit->fetched[i] & VTD_ENTRY_ADDR);
	vtds_walk_refuse(walk, node, unit->run.iova, unit->fetched[start], ret);
}

/* Finds the host page of a leaf and makes the leaf a user of its chunk. */
static int leaf_resolve(struct vtds_walk *walk, u64 gpa, unsigned long *pfn,
			unsigned int *perm)
{
	struct vtds_guest_mem *mem = &walk->batch->unit->mem;
	struct vtds_chunk *chunk;
	unsigned int mem_perm;
	int ret;

	/* No translation may lead to interrupts, whatever the VMM has there */
	if (vtd_is_interrupt(gpa))
		return -EADDRNOTAVAIL;
	chunk = vtds_mem_get(mem, gpa);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);

	ret = vtds_mem_page(mem, chunk, gpa, pfn, &mem_perm);
	if (!ret)
		ret = vtds_walk_permit(walk, perm, mem_perm);
	if (ret)
		vtds_mem_put(mem, chunk);
	return ret;
}

/* A leaf that cannot be part of a run ends the one before it. */
static void leaf_install(struct vtds_walk *walk, struct vtds_node *node,
			 const struct leaf_table *t, unsigned int index,
			 u64 limit)
{
	struct vtds_unit *unit = walk->batch->unit;
	u64 iova = t->base + index * VTD_PAGE_SIZE;
	u64 raw = unit->fetched[index];
	unsigned int perm = raw & t->perm & VTD_SS_RW;
	unsigned long pfn;
	int ret = 0;

	if (!t->allowed)
		ret = vtds_walk_allowed(walk, iova, VTD_PAGE_SIZE);
	if (!ret)
		ret = leaf_resolve(walk, raw & VTD_ENTRY_ADDR, &pfn, &perm);
	if (unlikely(ret)) {
		install_run(walk, node, index);
		vtds_walk_refuse(walk, node, iova, raw, ret);
		return;
	}

	if (unit->run.size &&
	    (perm != unit->run.perm || unit->run.size >= limit))
		install_run(walk, node, index);
	if (!unit->run.size)
		vtds_run_begin(walk, iova, perm);
	vtds_run_add(walk, pfn, VTD_PAGE_SIZE);
}

/* Installs what is in vtds_unit.fetched; nothing is mapped in its place. */
static void leaves_install(struct vtds_walk *walk, struct vtds_node *node,
			   struct leaf_table *t)
{
	u64 limit = walk->domain->host.merge ? VTDS_RUN_PAGES * VTD_PAGE_SIZE :
					       VTD_PAGE_SIZE;
	struct vtds_unit *unit = walk->batch->unit;

	t->allowed = vtds_walk_all_allowed(walk,
					   t->base + t->first * VTD_PAGE_SIZE,
					   (t->end - t->first) * VTD_PAGE_SIZE);
	for (unsigned int i = t->first; i < t->end; i++) {
		if (!unit->fetched[i]) {
			install_run(walk, node, i);
			continue;
		}
		leaf_install(walk, node, t, i, limit);
	}
	install_run(walk, node, t->end);
}

/* --- Stretches --- */

/* The first leaf from @index on that may have to change, or @end */
static unsigned int leaves_same(const struct vtds_node *node,
				const struct leaf_table *t, unsigned int index,
				unsigned int end)
{
	const u64 *table = node->table, *entries = node->entries;

	while (index < end && READ_ONCE(table[index]) == entries[index] &&
	       (t->same_perm || !entries[index]))
		index++;
	return index;
}

/*
 * Gives back leaves from @index on that are mapped and no longer lead where they did:
 * to nothing, or with @elsewhere to something else. Returns the index of the first
 * that is not one.
 */
static noinline unsigned int leaves_leave(struct vtds_unit *unit,
					  struct vtds_node *node,
					  unsigned int index, unsigned int end,
					  bool elsewhere)
{
	struct vtds_mem_recent recent = vtds_mem_recents(&unit->mem);
	const unsigned int perm = node->perm & VTD_SS_RW;
	const u64 *table = node->table;
	u64 *entries = node->entries;

	for (; index < end; index++) {
		u64 raw = READ_ONCE(table[index]), old = entries[index];

		/* Of the same memory only the permissions may differ, if at all */
		if (!(old & perm) || !raw == elsewhere ||
		    !((raw ^ old) & VTD_ENTRY_ADDR))
			break;
		entries[index] = 0;
		vtds_mem_put_recent(&unit->mem, recent, old & VTD_ENTRY_ADDR);
	}
	return index;
}

/* The host refused leaves [start, end): they are recorded absent. */
static noinline void leaves_refused(struct vtds_walk *walk,
				    struct vtds_node *node,
				    const struct leaf_table *t,
				    unsigned int start, unsigned int end,
				    int error)
{
	struct vtds_guest_mem *mem = &walk->batch->unit->mem;
	u64 raw = node->entries[start];

	for (unsigned int i = start; i < end; i++) {
		vtds_mem_put_page(mem, node->entries[i] & VTD_ENTRY_ADDR);
		node->entries[i] = 0;
	}
	vtds_walk_refuse(walk, node, t->base + start * VTD_PAGE_SIZE, raw,
			 error);
}

/* Maps what was collected of leaves [start, end). */
static __always_inline void leaves_map(struct vtds_walk *walk,
				       struct vtds_node *node,
				       const struct leaf_table *t,
				       unsigned int start, unsigned int end,
				       unsigned int nents)
{
	struct vtds_unit *unit = walk->batch->unit;
	int ret;

	ret = vtds_host_map(&walk->domain->host, &unit->stats,
			    t->base + start * VTD_PAGE_SIZE, unit->sg, nents,
			    node->entries[start] & t->perm & VTD_SS_RW);
	if (unlikely(ret)) {
		leaves_refused(walk, node, t, start, end, ret);
		return;
	}
	unit->nr_pages += end - start;
	unit->stats.leaves_mapped += end - start;
}

/*
 * The chunk of a leaf, with the leaf as a user; NULL if it is not pinned as a whole or
 * has something special to it.
 */
static __always_inline struct vtds_chunk *
leaf_chunk(struct vtds_guest_mem *mem, struct vtds_mem_recent *recent, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(*recent, gpa);

	if (likely(chunk && chunk->users)) {
		chunk->users++;
	} else {
		chunk = __vtds_mem_get(mem, gpa);
		if (IS_ERR(chunk))
			return NULL;
		*recent = vtds_mem_recents(mem);
	}
	if (likely(chunk->simple))
		return chunk;
	vtds_mem_put(mem, chunk);
	return NULL;
}

/*
 * Installs leaves from @index on that are of the common kind: nothing is there, all
 * have the same permissions, and their memory is pinned as a whole. Returns the index
 * of the first that is not one.
 */
static noinline unsigned int leaves_appear(struct vtds_walk *walk,
					   struct vtds_node *node,
					   const struct leaf_table *t,
					   unsigned int index, unsigned int end)
{
	struct vtds_unit *unit = walk->batch->unit;
	struct vtds_mem_recent recent = vtds_mem_recents(&unit->mem);
	const u64 bits = t->rsvd | (t->perm & VTD_SS_RW);
	const u64 *table = node->table;
	const u64 common = READ_ONCE(table[index]) & bits;
	struct scatterlist *sg = unit->sg;
	u64 *entries = node->entries;
	unsigned long next = ULONG_MAX;
	unsigned int i;

	if (!common || (common & t->rsvd) ||
	    !vtds_walk_all_allowed(walk, t->base + index * VTD_PAGE_SIZE,
				   (end - index) * VTD_PAGE_SIZE))
		return index;

	for (i = index; i < end; i++) {
		u64 raw = READ_ONCE(table[i]), gpa = raw & VTD_ENTRY_ADDR;
		struct vtds_chunk *chunk;
		unsigned long pfn;

		if ((raw & bits) != common || entries[i])
			break;
		chunk = leaf_chunk(&unit->mem, &recent, gpa);
		if (!chunk)
			break;
		pfn = vtds_chunk_pfn(chunk, gpa);
		if (pfn == next)
			sg[-1].length += VTD_PAGE_SIZE;
		else
			sg_set_page(sg++, pfn_to_page(pfn), VTD_PAGE_SIZE, 0);
		next = pfn + 1;
		entries[i] = raw;
	}
	if (i != index)
		leaves_map(walk, node, t, index, i, sg - unit->sg);
	return i;
}

/*
 * A table that is a page of the guest, without anything special in it. Guests change
 * many neighbours alike, so it goes stretch by stretch. What is not of a common kind
 * goes one by one, and is installed in the end.
 */
static void leaves_sync_plain(struct vtds_walk *walk, struct vtds_node *node,
			      struct leaf_table *t, unsigned int start,
			      unsigned int end)
{
	unsigned int most = walk->domain->host.merge ? VTDS_RUN_PAGES : 1;
	struct vtds_unit *unit = walk->batch->unit;
	const u64 *table = node->table;
	struct revoked run = { start, start };
	unsigned int counted = start;

	for (unsigned int i = start, next; i < end; i = next) {
		i = leaves_same(node, t, i, end);
		if (i == end)
			break;
		if (node->entries[i]) {
			bool elsewhere = READ_ONCE(table[i]);

			next = leaves_leave(unit, node, i, end, elsewhere);
			if (next != i) {
				revoke_more(walk->domain, t, &run, i, next);
				unit->stats.entries_changed += next - i;
				counted = next;
				/* Now what is there instead */
				if (elsewhere)
					next = i;
				continue;
			}
		} else {
			if (run.to > i)
				revoke_end(walk->domain, t, &run);
			next = leaves_appear(walk, node, t, i,
					     min(end, i + most));
		}
		if (next == i &&
		    leaf_revoke(walk, node, t, i, READ_ONCE(table[i])))
			revoke_more(walk->domain, t, &run, i, i + 1);
		next = max(next, i + 1);
		if (next > counted)
			unit->stats.entries_changed += next - max(i, counted);
	}
	revoke_end(walk->domain, t, &run);
}

/* A new leaf, see leaves_appear(). Returns whether it was one of the common kind. */
static bool leaf_appear(struct vtds_walk *walk, struct vtds_node *node,
			const struct leaf_table *t, unsigned int index, u64 raw)
{
	struct vtds_unit *unit = walk->batch->unit;
	struct vtds_mem_recent recent = vtds_mem_recents(&unit->mem);
	u64 gpa = raw & VTD_ENTRY_ADDR;
	struct vtds_chunk *chunk;

	if (!(raw & t->perm) || (raw & t->rsvd) ||
	    !vtds_walk_all_allowed(walk, t->base + index * VTD_PAGE_SIZE,
				   VTD_PAGE_SIZE))
		return false;
	chunk = leaf_chunk(&unit->mem, &recent, gpa);
	if (!chunk)
		return false;
	sg_set_page(unit->sg, pfn_to_page(vtds_chunk_pfn(chunk, gpa)),
		    VTD_PAGE_SIZE, 0);
	node->entries[index] = raw;
	leaves_map(walk, node, t, index, index + 1, 1);
	return true;
}

/*
 * One page, the most frequent invalidation of all: a leaf that comes or goes. Returns
 * false, with nothing done, for everything else.
 */
static bool leaf_alone(struct vtds_walk *walk, struct vtds_node *node,
		       const struct leaf_table *t, unsigned int index)
{
	struct vtds_unit *unit = walk->batch->unit;
	u64 raw = READ_ONCE(node->table[index]), old = node->entries[index];

	if (raw == old)
		return true;
	if (raw && old)
		return false;
	if (raw) {
		if (!leaf_appear(walk, node, t, index, raw))
			return false;
	} else {
		if (!(old & t->perm))
			return false;
		node->entries[index] = 0;
		vtds_mem_put_page(&unit->mem, old & VTD_ENTRY_ADDR);
		vtds_mirror_zap_leaves(walk->domain, t->base, index, index + 1);
	}
	unit->stats.entries_changed++;
	return true;
}

/* Fewer entries are not worth a look at all of them first */
#define MIN_COMPARE 8

/**
 * vtds_leaves_sync() - Sync a table of 4 KiB leaves
 * @walk: The walk
 * @node: The table, level 1
 * @base: First IOVA that it covers
 * @perm: What the path allows now
 * @start: First index
 * @end: Index after the last one
 *
 * What cannot be installed is recorded absent and noted in the batch.
 */
void vtds_leaves_sync(struct vtds_walk *walk, struct vtds_node *node, u64 base,
		      unsigned int perm, unsigned int start, unsigned int end)
{
	struct leaf_table t = {
		.base = base,
		.perm = perm,
		.same_perm = perm == node->perm,
		.reserves = vtds_reserved_overlaps(&walk->domain->reserved,
						   base, vtd_level_size(2)),
		.rsvd = walk->domain->leaf_rsvd,
		.first = end,
	};
	bool plain = node->table && !t.reserves && !node->refused;

	if (plain && t.same_perm && end - start == 1 &&
	    leaf_alone(walk, node, &t, start))
		return;
	/* The common case of a large flush: nothing changed here */
	if (plain && t.same_perm && end - start >= MIN_COMPARE &&
	    !memcmp(&node->entries[start], &node->table[start],
		    (end - start) * sizeof(u64)))
		return;

	if (plain)
		leaves_sync_plain(walk, node, &t, start, end);
	else
		leaves_revoke(walk, node, &t, start, end);
	node->perm = perm;
	if (t.end)
		leaves_install(walk, node, &t);
	/* Frees the record if nothing is left in it */
	vtds_node_forget_refused(walk->domain, node, start, start);
}
