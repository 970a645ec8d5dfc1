// SPDX-License-Identifier: GPL-2.0-only
/*
 * From guest memory to the tables that lead there: an index of the mirror, so that taking
 * memory away costs in proportion to what has to be revoked. Serves mirror.c and memory.c;
 * calls no other file.
 *
 * A guest may scatter the leaves of each table over all of its memory, and then an exact
 * index is as large as the tables. This one has a bit for each table and each chunk of
 * guest memory modulo 8 GiB: a byte for each mapped page at most, and less the closer the
 * leaves of a table are together. It never misses a table, and rarely names one too many.
 *
 * What costs nothing to keep is kept all the time: the lowest and the highest address that
 * each group of tables leads to, which tells memory that was plugged in later from the
 * rest. The bits cost nothing as long as no memory is taken away: a table is indexed when
 * it is looked at because of that, and again after leaves have been installed in it.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "alloc.h"
#include "guest_chunk.h"
#include "rmap.h"

#define ROWS_IN_PAGE (PAGE_SIZE / sizeof(u64))

void vtds_rmap_init(struct vtds_rmap *rmap)
{
	vtds_xa_init(&rmap->groups);
	INIT_LIST_HEAD(&rmap->vacant);
}

/* All nodes are gone. */
void vtds_rmap_destroy(struct vtds_rmap *rmap)
{
	WARN_ON_ONCE(!xa_empty(&rmap->groups));
	xa_destroy(&rmap->groups);
}

/* --- Groups --- */

static struct vtds_rmap_group *group_create(struct vtds_rmap *rmap)
{
	struct vtds_rmap_group *group = vtds_zalloc(sizeof(*group));
	unsigned long number = 0;

	if (!group)
		return NULL;
	/* The first number that is free */
	while (number < rmap->nr_groups && xa_load(&rmap->groups, number))
		number++;
	group->number = number;
	group->leaves.first = U64_MAX;
	group->tables.first = U64_MAX;
	if (vtds_xa_store(&rmap->groups, number, group)) {
		kfree(group);
		return NULL;
	}
	rmap->nr_groups = max(rmap->nr_groups, number + 1);
	list_add(&group->entry, &rmap->vacant);
	return group;
}

static void group_free(struct vtds_rmap *rmap, struct vtds_rmap_group *group)
{
	list_del(&group->entry);
	xa_erase(&rmap->groups, group->number);
	for (unsigned int i = 0; i < VTDS_RMAP_ROW_PAGES; i++)
		free_page((unsigned long)group->rows[i]);
	kfree(group);
}

/* Adds a node. Returns 0 or -ENOMEM. */
int vtds_rmap_add(struct vtds_rmap *rmap, struct vtds_node *node)
{
	struct vtds_rmap_group *group;

	group = list_first_entry_or_null(&rmap->vacant, struct vtds_rmap_group,
					 entry);
	if (!group)
		group = group_create(rmap);
	if (!group)
		return -ENOMEM;
	node->group = group;
	node->slot = __ffs64(~group->present);
	group->nodes[node->slot] = node;
	group->present |= BIT_ULL(node->slot);
	if (!~group->present)
		list_del_init(&group->entry);
	return 0;
}

void vtds_rmap_remove(struct vtds_rmap *rmap, struct vtds_node *node)
{
	struct vtds_rmap_group *group = node->group;

	if (!~group->present)
		list_add(&group->entry, &rmap->vacant);
	group->present &= ~BIT_ULL(node->slot);
	group->indexed &= ~BIT_ULL(node->slot);
	group->nodes[node->slot] = NULL;
	if (!group->present)
		group_free(rmap, group);
}

/* --- The index --- */

/* Returns whether there is memory for it. */
static bool row_set(struct vtds_rmap_group *group, u64 chunk, u64 bit)
{
	unsigned long row = chunk % VTDS_RMAP_ROWS;
	u64 **page = &group->rows[row / ROWS_IN_PAGE];

	if (!*page)
		*page = vtds_try_zalloc_page();
	if (!*page)
		return false;
	(*page)[row % ROWS_IN_PAGE] |= bit;
	return true;
}

static u64 row_get(const struct vtds_rmap_group *group, u64 chunk)
{
	unsigned long row = chunk % VTDS_RMAP_ROWS;
	const u64 *page = group->rows[row / ROWS_IN_PAGE];

	return page ? page[row % ROWS_IN_PAGE] : 0;
}

/* Forgets where the node led that was in a slot before. */
static void rows_clear(struct vtds_rmap_group *group, u64 bit)
{
	for (unsigned int i = 0; i < VTDS_RMAP_ROW_PAGES; i++)
		for (unsigned int j = 0; group->rows[i] && j < ROWS_IN_PAGE;
		     j++)
			group->rows[i][j] &= ~bit;
}

static bool index_leaves(struct vtds_rmap_group *group,
			 const struct vtds_node *node, u64 bit)
{
	u64 chunks = max(vtd_level_size(node->level) / VTDS_CHUNK_SIZE, 1);
	u64 last = U64_MAX;

	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 raw = node->entries[i];
		u64 chunk = (raw & VTD_ENTRY_ADDR) / VTDS_CHUNK_SIZE;

		if (!(raw & node->perm & VTD_SS_RW) || chunk == last ||
		    (node->children && node->children[i]))
			continue;
		last = chunk;
		for (u64 j = 0; j < min(chunks, VTDS_RMAP_ROWS); j++)
			if (!row_set(group, chunk + j, bit))
				return false;
	}
	return true;
}

/* Without memory for it, the node is looked at whatever goes. */
static void index_node(struct vtds_rmap_group *group,
		       const struct vtds_node *node)
{
	u64 bit = BIT_ULL(node->slot);

	rows_clear(group, bit);
	if (node->table && !row_set(group, node->gpa / VTDS_CHUNK_SIZE, bit))
		return;
	if (index_leaves(group, node, bit))
		group->indexed |= bit;
}

/* --- Looking up --- */

static bool overlaps(const struct vtds_range *range, u64 first, u64 last)
{
	return first <= range->last && last >= range->first;
}

/* Nodes of a group that may lead to the memory, or of which nothing is known */
static u64 find_slots(const struct vtds_rmap_group *group, u64 first, u64 last)
{
	u64 start = first / VTDS_CHUNK_SIZE, end = last / VTDS_CHUNK_SIZE;
	u64 slots = ~group->indexed;

	if (!overlaps(&group->leaves, first, last) &&
	    !overlaps(&group->tables, first, last))
		return 0;
	for (u64 i = 0; i < VTDS_RMAP_ROWS && i <= end - start; i++)
		slots |= row_get(group, start + i);
	return slots & group->present;
}

/* Whether a node that is not indexed may lead to the memory */
static bool may_lead(const struct vtds_node *node, u64 first, u64 last)
{
	return overlaps(&node->leaves, first, last) ||
	       (node->gpa >= first && node->gpa <= last);
}

void vtds_rmap_begin(struct vtds_rmap_iter *iter, struct vtds_rmap *rmap,
		     u64 first, u64 last)
{
	rmap->in_use = true;
	*iter = (struct vtds_rmap_iter){
		.rmap = rmap,
		.first = first,
		.last = last,
	};
}
EXPORT_SYMBOL_IF_KUNIT(vtds_rmap_begin);

/**
 * vtds_rmap_next() - Find the next node that may lead to the memory
 * @iter: Where the search is
 *
 * Nodes may come and go in between, and the lock of the unit be let go of, as long as no
 * leaf is installed that leads to the memory.
 *
 * Return: the node, or NULL if there are no more.
 */
struct vtds_node *vtds_rmap_next(struct vtds_rmap_iter *iter)
{
	struct vtds_rmap_group *group;
	struct vtds_node *node;

	while (iter->group < iter->rmap->nr_groups) {
		group = xa_load(&iter->rmap->groups, iter->group);
		if (group && !iter->begun)
			iter->slots =
				find_slots(group, iter->first, iter->last);
		iter->begun = true;
		if (!group || !(iter->slots & group->present)) {
			iter->group++;
			iter->begun = false;
			continue;
		}
		node = group->nodes[__ffs64(iter->slots & group->present)];
		iter->slot = node->slot;
		iter->slots &= ~BIT_ULL(node->slot);
		if (group->indexed & BIT_ULL(node->slot))
			return node;
		if (!may_lead(node, iter->first, iter->last))
			continue;
		index_node(group, node);
		return node;
	}
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_rmap_next);
