// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of 4 KiB leaves, where nearly all of the time of a sync goes. First the
 * leaves that changed are revoked, neighbours in one call, then what is new is
 * installed in runs. What is the same for all of a table is found out once.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "vtd_shadow_private.h"

/* --- Revoke --- */

/* The host unmaps the leaves [start, end) of a table; the mirror knows already. */
static void revoke_run(struct vtds_domain *domain, u64 base, unsigned int start,
		       unsigned int end)
{
	struct vtds_unit *unit = domain->unit;
	unsigned int count = end - start;

	if (!count)
		return;
	vtds_host_unmap(&domain->host, &unit->stats,
			base + start * VTD_PAGE_SIZE, count * VTD_PAGE_SIZE);
	unit->nr_pages -= count;
	unit->stats.leaves_unmapped += count;
}

/* Revokes all leaves of a table and records them absent. */
void vtds_leaves_clear(struct vtds_domain *domain, struct vtds_node *node,
		       u64 base)
{
	struct vtds_guest_mem *mem = &domain->unit->mem;
	unsigned int perm = node->perm & VTD_SS_RW;
	unsigned int start = 0, end = 0;

	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 old = node->entries[i];

		if (!(old & perm))
			continue;
		vtds_mem_put_page(mem, old & VTD_ENTRY_ADDR);
		if (end != i) {
			revoke_run(domain, base, start, end);
			start = i;
		}
		end = i + 1;
	}
	revoke_run(domain, base, start, end);
	memset64(node->entries, 0, VTD_TABLE_ENTRIES);
}

/**
 * struct leaf_table - What is the same for all leaves of a table
 * @base: First IOVA that the table covers
 * @reserved: Reserved bits of a leaf
 * @perm: What the path to the table allows now
 * @same_perm: It is what it was
 * @holes: The table may cover a hole of the domain
 * @allowed: All leaves are within the limits of host and unit
 * @first: Index of the first leaf to install
 * @end: Index after the last one
 */
struct leaf_table {
	u64 base;
	u64 reserved;
	unsigned int perm;
	bool same_perm;
	bool holes;
	bool allowed;
	unsigned int first;
	unsigned int end;
};

static u64 leaf_fetch(const struct vtds_walk *walk, struct vtds_node *node,
		      const struct leaf_table *t, unsigned int index)
{
	u64 raw;

	if (t->holes &&
	    vtds_domain_has_hole(walk->domain, t->base + index * VTD_PAGE_SIZE,
				 VTD_PAGE_SIZE))
		raw = 0;
	else
		raw = vtds_node_fetch(node, index);
	if (node->refused && raw != node->refused[index])
		node->refused[index] = 0;
	return raw;
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

	if (unlikely((raw & VTD_SS_RW) && (raw & t->reserved))) {
		vtds_walk_refuse(walk, node, t->base + index * VTD_PAGE_SIZE,
				 raw, -EPROTO);
		perm = 0;
		record = 0;
	}
	if (perm && perm == old_perm && !((raw ^ old) & VTD_ENTRY_ADDR)) {
		/* Only bits that do not matter to the host */
		node->entries[index] = raw;
		return false;
	}
	node->entries[index] = perm ? 0 : record;
	if (perm) {
		unit->fetched[index] = raw;
		t->first = min(t->first, index);
		t->end = index + 1;
	}
	if (old_perm)
		vtds_mem_put_page(&unit->mem, old & VTD_ENTRY_ADDR);
	return old_perm;
}

static void leaves_revoke(struct vtds_walk *walk, struct vtds_node *node,
			  struct leaf_table *t, unsigned int start,
			  unsigned int end)
{
	struct vtds_unit *unit = walk->batch->unit;
	bool plain = node->table && !t->holes && !node->refused;
	unsigned int from = start, to = start, changed = 0;

	for (unsigned int i = start; i < end; i++) {
		u64 raw = plain ? READ_ONCE(node->table[i]) :
				  leaf_fetch(walk, node, t, i);

		unit->fetched[i] = 0;
		if (raw == node->entries[i] && t->same_perm)
			continue;
		changed++;
		if (!leaf_revoke(walk, node, t, i, raw))
			continue;
		if (to != i) {
			revoke_run(walk->domain, t->base, from, to);
			from = i;
		}
		to = i + 1;
	}
	revoke_run(walk->domain, t->base, from, to);
	unit->stats.entries_changed += changed;
}

/* --- Install --- */

/* Maps the collected leaves, which are the ones before @end, and records them. */
static void install_run(struct vtds_walk *walk, struct vtds_node *node,
			unsigned int end)
{
	struct vtds_unit *unit = walk->batch->unit;
	unsigned int count = walk->run_size >> VTD_PAGE_SHIFT;
	unsigned int start = end - count;
	int ret;

	if (!count)
		return;

	ret = vtds_run_map(walk);
	walk->run_size = 0;
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
	vtds_walk_refuse(walk, node, walk->run_iova, unit->fetched[start], ret);
}

/* Finds the host page of a leaf and makes the leaf a user of its chunk. */
static int leaf_resolve(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
			unsigned int *perm)
{
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
	if (!ret && !(*perm & mem_perm))
		ret = -EPERM;
	if (ret)
		vtds_mem_put(mem, chunk);
	*perm &= mem_perm;
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
		ret = leaf_resolve(&unit->mem, raw & VTD_ENTRY_ADDR, &pfn,
				   &perm);
	if (unlikely(ret)) {
		install_run(walk, node, index);
		vtds_walk_refuse(walk, node, iova, raw, ret);
		return;
	}

	if (walk->run_size &&
	    (perm != walk->run_perm || walk->run_size >= limit))
		install_run(walk, node, index);
	if (!walk->run_size)
		vtds_run_begin(walk, iova, perm);
	vtds_run_add(walk, pfn, VTD_PAGE_SIZE);
}

/* Installs what is in vtds_unit.fetched; nothing is mapped in its place. */
static void leaves_install(struct vtds_walk *walk, struct vtds_node *node,
			   struct leaf_table *t)
{
	u64 limit = walk->domain->host.merge ? VTDS_RUN_PAGES * VTD_PAGE_SIZE :
					       VTD_PAGE_SIZE;

	walk->run_size = 0;
	t->allowed = vtds_walk_all_allowed(walk,
					   t->base + t->first * VTD_PAGE_SIZE,
					   (t->end - t->first) * VTD_PAGE_SIZE);
	for (unsigned int i = t->first; i < t->end; i++) {
		if (walk->batch->unit->fetched[i])
			leaf_install(walk, node, t, i, limit);
		else
			install_run(walk, node, i);
	}
	install_run(walk, node, t->end);
}

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
		.holes = vtds_domain_has_hole(walk->domain, base,
					      vtd_level_size(2)),
		.first = end,
	};

	/* The common case of a flush: nothing changed here */
	if (t.same_perm && !t.holes && !node->synthetic && !node->refused &&
	    !memcmp(&node->entries[start], &node->table[start],
		    (end - start) * sizeof(u64)))
		return;

	t.reserved = vtds_caps_reserved(&walk->batch->unit->caps, 1, true);
	leaves_revoke(walk, node, &t, start, end);
	node->perm = perm;
	if (t.end)
		leaves_install(walk, node, &t);
	/* Frees the record if nothing is left in it */
	vtds_node_forget_refused(walk->domain, node, start, start);
}
