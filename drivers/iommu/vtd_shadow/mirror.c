// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mirror: what of the guest's tables the host maps. One node for each live table
 * page, with its entries as last synced. Everything here takes away or looks up; what
 * installs is in sync.c, leaves.c and superpage.c, whom it serves, as well as memory.c.
 * Calls guest_mem.c, host_domain.c, rmap.c and tables.c.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "batch.h"
#include "caps.h"
#include "domain.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "guest_pin.h"
#include "host_domain.h"
#include "mirror.h"
#include "rmap.h"
#include "tables.h"
#include "unit.h"
#include "vtd_format.h"

/* --- Nodes --- */

static bool is_full(const struct vtds_unit *unit)
{
	return unit->nr_nodes + unit->nr_tables_left >= unit->max_nodes;
}

/* A node more, or less: a page of entries, or of entries that were refused */
static void count_node(struct vtds_domain *domain, int change)
{
	domain->nr_nodes += change;
	domain->unit->nr_nodes += change;
}

/* Whether the unit may have another node. Tables that the host keeps make room for it. */
static bool has_room(struct vtds_domain *domain)
{
	if (unlikely(is_full(domain->unit)))
		vtds_tables_trim(domain, 0);
	return likely(!is_full(domain->unit));
}

/**
 * vtds_node_alloc() - Create a mirror node without entries
 * @batch: The batch; the domain is exhausted in it if the unit has too many nodes
 * @domain: The domain
 * @level: 1 to 5
 * @perm: VTD_SS_RW as the path leaves it
 * @base: First IOVA that it covers
 *
 * Return: the node, or NULL with the reason in @batch.
 */
struct vtds_node *vtds_node_alloc(struct vtds_batch *batch,
				  struct vtds_domain *domain,
				  unsigned int level, unsigned int perm,
				  u64 base)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_node *node;

	if (!has_room(domain)) {
		vtds_batch_exhaust(batch, domain);
		return NULL;
	}

	node = vtds_zalloc(sizeof(*node));
	if (!node)
		goto err_fail;
	node->domain = domain;
	node->base = base;
	node->level = level;
	node->perm = perm;
	node->leaves.first = U64_MAX;
	node->entries = vtds_zalloc_page();
	if (!node->entries)
		goto err_free;
	if (level > 1) {
		node->children = vtds_zalloc_array(VTD_TABLE_ENTRIES,
						   sizeof(*node->children));
		if (!node->children)
			goto err_free;
	}
	if (vtds_rmap_add(&unit->rmap, node))
		goto err_free;
	count_node(domain, 1);
	vtds_tables_used(node);
	return node;

err_free:
	kfree(node->children);
	free_page((unsigned long)node->entries);
	kfree(node);
err_fail:
	vtds_batch_fail(batch, -ENOMEM);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_node_alloc);

/* Frees one node that has no children. */
void vtds_node_free(struct vtds_node *node)
{
	struct vtds_domain *domain = node->domain;

	vtds_tables_left(node);
	vtds_node_put_table(node);
	vtds_node_free_refused(node);
	vtds_rmap_remove(&domain->unit->rmap, node);
	kfree(node->children);
	free_page((unsigned long)node->entries);
	kfree(node);
	count_node(domain, -1);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_node_free);

/* --- Entries that were refused --- */

/**
 * vtds_node_note_refused() - Remember that an entry could not be installed
 * @node: Where the entry is
 * @index: Its index
 * @raw: The entry
 * @may_pass: It may be installed later, although it does not change
 *
 * Return: whether it is news. What there is no room to remember always is.
 */
bool vtds_node_note_refused(struct vtds_node *node, unsigned int index, u64 raw,
			    bool may_pass)
{
	struct vtds_unit *unit = node->domain->unit;
	bool news;

	if (!node->refused) {
		if (is_full(unit))
			return true;
		node->refused = vtds_zalloc_page();
		if (!node->refused)
			return true;
		count_node(node->domain, 1);
		list_add_tail(&node->refused_entry, &node->domain->refusing);
	}
	news = !vtds_refused_is(node->refused[index], raw);
	node->refused[index] = vtds_refused_note(raw, may_pass);
	return news;
}

void vtds_node_free_refused(struct vtds_node *node)
{
	if (!node->refused)
		return;
	list_del(&node->refused_entry);
	free_page((unsigned long)node->refused);
	node->refused = NULL;
	count_node(node->domain, -1);
}

/* vtds_node_forget_refused() of a node that has such entries */
void __vtds_node_forget_refused(struct vtds_node *node, unsigned int start,
				unsigned int end)
{
	memset64(&node->refused[start], 0, end - start);
	if (!memchr_inv(node->refused, 0, VTD_TABLE_ENTRIES * sizeof(u64)))
		vtds_node_free_refused(node);
}

/**
 * vtds_node_retry_refused() - Have refused entries tried again that lead to some memory
 * @node: Where the entries are
 * @first: First guest address
 * @last: Last one
 *
 * If such an entry is refused again this is no news.
 *
 * Return: whether there are any.
 */
bool vtds_node_retry_refused(struct vtds_node *node, u64 first, u64 last)
{
	bool found = false;

	for (unsigned int i = 0; node->refused && i < VTD_TABLE_ENTRIES; i++) {
		u64 note = node->refused[i], gpa = note & VTD_ENTRY_ADDR;
		u64 size = vtd_entry_is_leaf(note, node->level) ?
				   vtd_level_size(node->level) :
				   VTD_PAGE_SIZE;

		if (!note || gpa > last || gpa + size - 1 < first)
			continue;
		found = true;
		if (note & VTD_SS_RW)
			node->refused[i] = vtds_refused_note(note, true);
	}
	return found;
}

/* --- The guest's pages --- */

void vtds_node_put_table(struct vtds_node *node)
{
	struct vtds_guest_mem *mem = &node->domain->unit->mem;

	if (node->table)
		vtds_mem_put(mem, vtds_mem_chunk(mem, node->gpa), node->gpa);
	node->table = NULL;
}

/* vtds_node_set_table() for another page than before */
int __vtds_node_set_table(struct vtds_node *node, u64 gpa)
{
	struct vtds_unit *unit = node->domain->unit;
	struct vtds_guest_mem *mem = &unit->mem;
	unsigned int perm;
	unsigned long pfn;
	int ret;

	ret = vtds_mem_page(mem, gpa, &pfn, &perm);
	if (ret == VTDS_NOT_PINNED)
		return ret;
	vtds_node_put_table(node);
	node->gpa = gpa;
	if (!ret)
		ret = perm & VTD_SS_R ? vtds_pin_check_pfn(pfn) : -EPERM;
	if (ret)
		return ret;
	vtds_mem_use(mem, vtds_mem_chunk(mem, gpa), gpa);
	node->table = page_address(pfn_to_page(pfn));
	node->page = pfn_to_page(pfn);
	if (PageHuge(node->page))
		node->page = compound_head(node->page);
	vtds_rmap_table(&unit->rmap, node, gpa);
	return 0;
}

/*
 * Reads an entry, once: what is done about it is decided from the return value.
 * A synthetic table has the pieces of the leaf that it splits.
 */
u64 vtds_node_fetch(const struct vtds_node *node, unsigned int index)
{
	if (node->synthetic)
		return (node->gpa + index * vtd_level_size(node->level)) |
		       node->leaf_bits;
	return READ_ONCE(node->table[index]);
}

/* --- Revoking --- */

static u64 iova_of(const struct vtds_node *node, unsigned int index)
{
	return node->base + index * vtd_level_size(node->level);
}

/**
 * vtds_mirror_zap_leaf() - Revoke one leaf and record it absent
 * @node: Where the leaf is
 * @index: Its index
 *
 * A leaf without permissions or absent maps nothing: only the record changes.
 */
void vtds_mirror_zap_leaf(struct vtds_node *node, unsigned int index)
{
	struct vtds_unit *unit = node->domain->unit;
	u64 size = vtd_level_size(node->level);
	u64 raw = node->entries[index];

	node->entries[index] = 0;
	if (!(raw & node->perm & VTD_SS_RW))
		return;

	vtds_host_unmap(&node->domain->host, iova_of(node, index), size);
	vtds_mem_put_range(&unit->mem, raw & VTD_ENTRY_ADDR, size);
	unit->nr_pages -= size >> VTD_PAGE_SHIFT;
	node->domain->nr_pages -= size >> VTD_PAGE_SHIFT;
	node->domain->stats.leaves_unmapped++;
}

/**
 * vtds_mirror_zap_leaves() - Have the host unmap neighbouring leaves of 4 KiB
 * @node: Where they are
 * @start: Index of the first one
 * @end: Index after the last one
 *
 * They are recorded absent already, and no longer users of their chunks.
 */
void vtds_mirror_zap_leaves(struct vtds_node *node, unsigned int start,
			    unsigned int end)
{
	struct vtds_domain *domain = node->domain;
	unsigned int count = end - start;

	if (!count)
		return;
	vtds_host_unmap(&domain->host, node->base + start * VTD_PAGE_SIZE,
			count * VTD_PAGE_SIZE);
	domain->unit->nr_pages -= count;
	domain->nr_pages -= count;
	domain->stats.leaves_unmapped += count;
}

/* Revokes the leaves of a table of level 1 that lead to [first, last]. */
static void zap_targeting(struct vtds_node *node, u64 first, u64 last)
{
	struct vtds_guest_mem *mem = &node->domain->unit->mem;
	struct vtds_mem_recents recents = vtds_mem_recents(mem);
	unsigned int perm = node->perm & VTD_SS_RW;
	unsigned int start = 0, end = 0;

	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 old = node->entries[i], gpa = old & VTD_ENTRY_ADDR;

		if (!(old & perm) || gpa < first || gpa > last)
			continue;
		vtds_mem_put_page(mem, recents, gpa);
		node->entries[i] = 0;
		if (end != i) {
			vtds_mirror_zap_leaves(node, start, end);
			start = i;
		}
		end = i + 1;
	}
	vtds_mirror_zap_leaves(node, start, end);
}

/**
 * vtds_mirror_clear() - Revoke everything under a node and free its children
 * @node: The node; it stays, with all entries absent
 * @work: How many tables may be cleared; on return what is left of that
 *
 * Return: whether all is done. If not, what was done is exact, and the rest as it was.
 */
bool vtds_mirror_clear(struct vtds_node *node, unsigned int *work)
{
	if (!*work)
		return false;
	if (node->level == 1) {
		--*work;
		zap_targeting(node, 0, U64_MAX);
		memset64(node->entries, 0, VTD_TABLE_ENTRIES);
		return true;
	}
	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		struct vtds_node *child = node->children[i];

		if (child) {
			if (!vtds_mirror_clear(child, work))
				return false;
			vtds_node_free(child);
			node->children[i] = NULL;
			node->entries[i] = 0;
		} else if (node->entries[i]) {
			vtds_mirror_zap_leaf(node, i);
		}
	}
	if (*work)
		--*work;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mirror_clear);

static bool leaf_targets(const struct vtds_node *node, unsigned int index,
			 u64 first, u64 last)
{
	u64 raw = node->entries[index];
	u64 gpa = raw & VTD_ENTRY_ADDR;

	return (raw & node->perm & VTD_SS_RW) && gpa <= last &&
	       gpa + vtd_level_size(node->level) - 1 >= first;
}

/* Revokes superpages that lead to a part of [first, last]. The rest of each comes back. */
static void zap_superpages(struct vtds_node *node, u64 first, u64 last)
{
	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 iova = iova_of(node, i);

		if (node->children[i] || !leaf_targets(node, i, first, last))
			continue;
		vtds_mirror_zap_leaf(node, i);
		vtds_todo_add(&node->domain->restore, VTDS_TODO_REST, iova,
			      iova + vtd_level_size(node->level) - 1);
	}
}

/**
 * vtds_mirror_evict() - Revoke every use that a table makes of a range of guest memory
 * @node: The table
 * @first: First guest address that goes away
 * @last: Last one
 * @work: As for vtds_mirror_clear()
 *
 * Its leaves that lead there, even with a part only; if the table itself is there, all
 * that is below it.
 *
 * Return: whether all is done.
 */
bool vtds_mirror_evict(struct vtds_node *node, u64 first, u64 last,
		       unsigned int *work)
{
	vtds_todo_add(&node->domain->lost, VTDS_TODO_REST, node->base,
		      node->base + vtd_level_size(node->level + 1) - 1);
	if (!node->synthetic && node->gpa >= first && node->gpa <= last) {
		vtds_node_put_table(node);
		return vtds_mirror_clear(node, work);
	}
	if (node->level == 1)
		zap_targeting(node, first, last);
	else
		zap_superpages(node, first, last);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mirror_evict);

/* --- Looking up --- */

/* Why an address that the mirror does not map leads nowhere. */
static enum vtd_shadow_fault_reason
missing_reason(const struct vtds_domain *domain, const struct vtds_node *node,
	       unsigned int index)
{
	u64 raw;

	if (!node->synthetic && !vtds_node_readable(node))
		return node->level == domain->levels ?
			       VTD_SHADOW_FR_CTX_INVALID :
			       VTD_SHADOW_FR_TABLE_UNREADABLE;
	raw = vtds_node_fetch(node, index);
	if (!(raw & VTD_SS_RW) || node->entries[index])
		return VTD_SHADOW_FR_NO_READ;
	if (vtds_caps_entry_reserved(&domain->unit->caps, raw, node->level))
		return VTD_SHADOW_FR_SS_RESERVED;
	if (node->level == 1 && vtd_is_interrupt(raw & VTD_ENTRY_ADDR))
		return VTD_SHADOW_FR_INTERRUPT_RANGE;
	return VTD_SHADOW_FR_TABLE_UNREADABLE;
}

/**
 * vtds_mirror_lookup() - Translate an address by the mirror
 * @domain: The domain
 * @iova: The address
 * @leaf: Output
 */
void vtds_mirror_lookup(const struct vtds_domain *domain, u64 iova,
			struct vtds_leaf *leaf)
{
	const struct vtds_node *node = domain->top;
	unsigned int index = vtd_level_index(iova, node->level);

	*leaf = (struct vtds_leaf){};
	if (iova > domain->last) {
		leaf->reason = VTD_SHADOW_FR_ADDR_BEYOND_WIDTH;
		return;
	}

	while (node->children && node->children[index]) {
		node = node->children[index];
		/* The pieces of a split leaf are not the guest's */
		if (node->synthetic && !leaf->level)
			leaf->level = node->level + 1;
		index = vtd_level_index(iova, node->level);
	}

	leaf->raw = node->entries[index];
	leaf->perm = leaf->raw & node->perm & VTD_SS_RW;
	if (!leaf->perm) {
		leaf->level = 0;
		leaf->reason = missing_reason(domain, node, index);
		return;
	}
	if (!leaf->level)
		leaf->level = node->level;
	leaf->gpa = (leaf->raw & VTD_ENTRY_ADDR) |
		    (iova & (vtd_level_size(node->level) - 1));
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mirror_lookup);
