// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the domains of a unit map, as ranges of IOVA and guest physical addresses: leaves
 * that continue each other are one. Serves debugfs.c; calls stats.c for the next domain.
 *
 * A guest can have a hundred million leaves. The unit is locked while a bounded number of
 * entries is looked at; then the search goes on by IOVA, from the top of a domain that is
 * looked up anew. What changes in between may be shown as it was before or after.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

#include "domain.h"
#include "mirror.h"
#include "show_map.h"
#include "stats.h"
#include "unit.h"
#include "vtd_format.h"

/* Entries that are looked at before others may have the unit, and if somebody waits */
#define SCAN_MOST 4096
#define SCAN_LEAST 64

static bool has_table(const struct vtds_node *node, unsigned int index)
{
	return node->children && node->children[index];
}

static bool is_leaf(const struct vtds_node *node, unsigned int index)
{
	return !has_table(node, index) &&
	       (node->entries[index] & node->perm & VTD_SS_RW);
}

/* Steps to the next entry from @index on that has something. Returns VTD_TABLE_ENTRIES if none. */
static unsigned int skip_empty(const struct vtds_node *node, unsigned int index,
			       unsigned int *work)
{
	while (index < VTD_TABLE_ENTRIES && *work && !is_leaf(node, index) &&
	       !has_table(node, index)) {
		--*work;
		index++;
	}
	return index;
}

/**
 * vtds_mapped_next() - Find the next leaf that is mapped
 * @domain: The domain
 * @iova: Where to begin; on return where to go on
 * @work: How many entries may be looked at; on return what is left of that
 * @leaf: Output
 *
 * Return: whether there is one. If not, and @work is not 0, there is none any more.
 */
bool vtds_mapped_next(const struct vtds_domain *domain, u64 *iova,
		      unsigned int *work, struct vtds_mapped *leaf)
{
	while (*work && *iova <= domain->last) {
		const struct vtds_node *node = domain->top;
		unsigned int index = vtd_level_index(*iova, node->level);
		u64 size;

		while (has_table(node, index)) {
			node = node->children[index];
			index = vtd_level_index(*iova, node->level);
		}
		index = skip_empty(node, index, work);
		size = vtd_level_size(node->level);
		*iova = node->base + index * size;
		if (index == VTD_TABLE_ENTRIES || !is_leaf(node, index))
			continue;
		*leaf = (struct vtds_mapped){
			.domain = domain->id,
			.first = *iova,
			.last = *iova + size - 1,
			.gpa = node->entries[index] & VTD_ENTRY_ADDR,
			.perm = node->entries[index] & node->perm & VTD_SS_RW,
		};
		*iova += size;
		*work -= !!*work;
		return true;
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mapped_next);

static bool continues(const struct vtds_mapped *range,
		      const struct vtds_mapped *leaf)
{
	return leaf->domain == range->domain &&
	       leaf->first == range->last + 1 &&
	       leaf->gpa - range->gpa == leaf->first - range->first &&
	       leaf->perm == range->perm;
}

/* Adds leaves to the range, which may be none yet. Returns whether it is complete. */
static bool collect(struct vtds_show_map *map, const struct vtds_domain *domain)
{
	unsigned int work = vtds_lock_wanted(&map->unit->lock) ? SCAN_LEAST :
								 SCAN_MOST;
	struct vtds_mapped leaf;
	u64 iova = map->iova;

	while (vtds_mapped_next(domain, &iova, &work, &leaf)) {
		if (!map->range.domain)
			map->range = leaf;
		else if (continues(&map->range, &leaf))
			map->range.last = leaf.last;
		else
			return true;
		map->iova = iova;
	}
	map->iova = iova;
	if (!work)
		return false;
	map->domain = domain->id + 1;
	map->iova = 0;
	return map->range.domain;
}

/* The same with the unit locked for as long as it may be */
static bool collect_some(struct vtds_show_map *map)
{
	const struct vtds_domain *domain =
		vtds_stats_next_domain(map->unit, map->domain);

	if (!domain || (map->range.domain && domain->id != map->range.domain)) {
		map->state = !domain && !map->range.domain;
		return true;
	}
	if (domain->id != map->domain)
		map->iova = 0;
	map->domain = domain->id;
	return collect(map, domain);
}

/**
 * vtds_show_map_next() - Find the next range
 * @map: The reader, which has the range then
 *
 * Return: @map->state.
 */
int vtds_show_map_next(struct vtds_show_map *map)
{
	bool done = false;

	map->range.domain = 0;
	map->state = 0;
	while (!done) {
		if (fatal_signal_pending(current) ||
		    vtds_lock_killable(&map->unit->lock)) {
			map->state = -EINTR;
			break;
		}
		done = collect_some(map);
		vtds_unlock(&map->unit->lock);
		cond_resched();
	}
	return map->state;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_show_map_next);

static void *map_now(struct vtds_show_map *map)
{
	return map->state < 0 ? ERR_PTR(map->state) : map->state ? NULL : map;
}

static void *map_start(struct seq_file *m, loff_t *pos)
{
	struct vtds_show_map *map = m->private;

	/* Where a read has ended the next one goes on */
	if (!*pos) {
		map->domain = 0;
		map->iova = 0;
		vtds_show_map_next(map);
	}
	return map_now(map);
}

static void *map_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct vtds_show_map *map = v;

	++*pos;
	vtds_show_map_next(map);
	return map_now(map);
}

static void map_stop(struct seq_file *m, void *v)
{
}

static int map_show(struct seq_file *m, void *v)
{
	const struct vtds_show_map *map = v;
	const struct vtds_mapped *range = &map->range;

	seq_printf(m, "mapping %llu %#llx %#llx %#llx %s%s\n", range->domain,
		   range->first, range->last, range->gpa,
		   range->perm & VTD_SS_R ? "r" : "",
		   range->perm & VTD_SS_W ? "w" : "");
	return 0;
}

const struct seq_operations vtds_show_map_ops = {
	.start = map_start,
	.next = map_next,
	.stop = map_stop,
	.show = map_show,
};
