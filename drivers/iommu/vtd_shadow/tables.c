// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables that the host keeps: no host frees one when the last leaf in it goes, so a
 * guest that hangs a table in at one place after the other would fill the host's memory
 * with empty ones. Those that a mirrored table leaves behind are remembered, and above a
 * number given back while the domain lives. Where the host cannot, they count as mirrored
 * tables do. Serves mirror.c and settle.c; calls host_domain.c.
 *
 * Tables above those of two levels are few: 512 for 48 bits of IOVA.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/xarray.h>

#include "alloc.h"
#include "domain.h"
#include "host_domain.h"
#include "mirror.h"
#include "reserved.h"
#include "tables.h"
#include "unit.h"

void vtds_tables_init(struct vtds_tables *tables)
{
	for (unsigned int i = 0; i < VTDS_TABLE_LEVELS; i++)
		vtds_xa_init(&tables->left[i]);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_tables_init);

/* The host's domain goes, and all of its tables with it. */
void vtds_tables_destroy(struct vtds_domain *domain)
{
	struct vtds_tables *tables = &domain->tables;

	for (unsigned int i = 0; i < VTDS_TABLE_LEVELS; i++)
		xa_destroy(&tables->left[i]);
	domain->unit->nr_tables_left -= tables->nr_left + tables->nr_lost;
	tables->nr_left = 0;
	tables->nr_lost = 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_tables_destroy);

static u64 covered(unsigned int level)
{
	return vtd_level_size(level + 1);
}

static void forget(struct vtds_domain *domain, unsigned int level,
		   unsigned long number)
{
	if (!xa_erase(&domain->tables.left[level - 1], number))
		return;
	domain->tables.nr_left--;
	domain->unit->nr_tables_left--;
}

/* A mirrored table is empty and goes; the host's stays. */
void vtds_tables_left(struct vtds_node *node)
{
	struct vtds_domain *domain = node->domain;
	struct vtds_tables *tables = &domain->tables;
	unsigned long number = node->base / covered(node->level);

	/* With the domain all of them go */
	if (node->level > VTDS_TABLE_LEVELS || !domain->users)
		return;
	domain->unit->nr_tables_left++;
	if (vtds_xa_store(&tables->left[node->level - 1], number,
			  xa_mk_value(1)))
		tables->nr_lost++;
	else
		tables->nr_left++;
}

/* There is a table at that place again. */
void vtds_tables_used(struct vtds_node *node)
{
	if (node->level <= VTDS_TABLE_LEVELS && node->domain->tables.nr_left)
		forget(node->domain, node->level,
		       node->base / covered(node->level));
}

/* Whether the mirror has nothing in place of a table: no table, and no larger leaf */
static bool is_unused(const struct vtds_domain *domain, unsigned int level,
		      u64 iova)
{
	const struct vtds_node *node = domain->top;
	unsigned int index = vtd_level_index(iova, node->level);

	while (node->level > level + 1 && node->children[index]) {
		node = node->children[index];
		index = vtd_level_index(iova, node->level);
	}
	return !node->children[index] && !node->entries[index];
}

/* Whether all that a table covers may be mapped, for a moment and to nothing */
static bool is_allowed(const struct vtds_domain *domain, u64 iova, u64 size)
{
	return iova >= domain->host.first &&
	       iova + size - 1 <= domain->host.last &&
	       iova + size - 1 <= domain->last &&
	       !vtds_reserved_overlaps(&domain->reserved, iova, size);
}

/* Forgets the tables below one that has been given back, which took them along. */
static void forget_below(struct vtds_domain *domain, u64 iova)
{
	unsigned long first = iova / covered(1), number;
	void *entry;

	xa_for_each_range(&domain->tables.left[0], number, entry, first,
			  first + VTD_TABLE_ENTRIES - 1)
		forget(domain, 1, number);
}

static void give_back(struct vtds_domain *domain, unsigned int level,
		      unsigned long number)
{
	u64 size = covered(level), iova = number * size;

	forget(domain, level, number);
	if (!is_unused(domain, level, iova))
		return;
	if (is_allowed(domain, iova, size) &&
	    vtds_host_give_back(&domain->host, iova, size)) {
		if (level > 1)
			forget_below(domain, iova);
		return;
	}
	domain->tables.nr_lost++;
	domain->unit->nr_tables_left++;
}

/* The next table of a level, from where the last one was on. Returns whether there is one. */
static bool next_left(struct vtds_tables *tables, unsigned int level,
		      unsigned long *number)
{
	struct xarray *left = &tables->left[level - 1];

	*number = tables->hand[level - 1];
	if (!xa_find(left, number, ULONG_MAX, XA_PRESENT)) {
		*number = 0;
		if (!xa_find(left, number, ULONG_MAX, XA_PRESENT))
			return false;
	}
	tables->hand[level - 1] = *number + 1;
	return true;
}

static void give_back_next(struct vtds_domain *domain)
{
	unsigned long number;

	for (unsigned int level = VTDS_TABLE_LEVELS; level; level--) {
		if (!next_left(&domain->tables, level, &number))
			continue;
		give_back(domain, level, number);
		return;
	}
}

static bool has_more(const struct vtds_domain *domain, unsigned long most)
{
	return domain->tables.nr_left > most && !domain->host.broken;
}

/**
 * vtds_tables_trim() - Give some empty page tables back to the host's memory
 * @domain: The domain
 * @most: How many may stay
 *
 * Nothing of the domain may wait to be mapped. Takes effect at the next flush. One table
 * may take hundreds of calls of the host, and a guest can leave as many tables as it may
 * have: so it is VTDS_TABLES_STEP of them.
 *
 * Return: whether there are more to be given back.
 */
bool vtds_tables_trim(struct vtds_domain *domain, unsigned long most)
{
	unsigned int steps = VTDS_TABLES_STEP;

	while (steps-- && has_more(domain, most))
		give_back_next(domain);
	return has_more(domain, most);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_tables_trim);
