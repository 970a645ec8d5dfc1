// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mirror: what of the guest's tables the host maps. One node for each live table
 * page, with its entries as last synced. Everything here takes away or looks up; what
 * installs is in sync.c, leaves.c and superpage.c, whom it serves. Calls guest_mem.c and
 * host_domain.c.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "caps.h"
#include "domain.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "guest_pin.h"
#include "host_domain.h"
#include "mirror.h"
#include "unit.h"
#include "vtd_format.h"

/**
 * vtds_node_alloc() - Create a mirror node without entries
 * @batch: The batch; it fails with -ENOSPC if the unit has too many nodes
 * @level: 1 to 5
 * @perm: VTD_SS_RW as the path leaves it
 *
 * Return: the node, or NULL with the reason in @batch.
 */
struct vtds_node *vtds_node_alloc(struct vtds_batch *batch, unsigned int level,
				  unsigned int perm)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_node *node;

	if (unit->nr_nodes >= unit->max_nodes) {
		vtds_batch_exhaust(batch);
		return NULL;
	}

	node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);
	if (!node)
		goto err_fail;
	node->entries = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!node->entries)
		goto err_free_node;
	if (level > 1) {
		node->children = kcalloc(VTD_TABLE_ENTRIES,
					 sizeof(*node->children),
					 GFP_KERNEL_ACCOUNT);
		if (!node->children)
			goto err_free_entries;
	}
	node->level = level;
	node->perm = perm;
	unit->nr_nodes++;
	return node;

err_free_entries:
	free_page((unsigned long)node->entries);
err_free_node:
	kfree(node);
err_fail:
	vtds_batch_fail(batch, -ENOMEM);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_node_alloc);

/* Frees one node that has no children. */
void vtds_node_free(struct vtds_domain *domain, struct vtds_node *node)
{
	vtds_node_put_table(domain, node);
	vtds_node_forget_refused(domain, node, 0, VTD_TABLE_ENTRIES);
	kfree(node->children);
	free_page((unsigned long)node->entries);
	kfree(node);
	domain->unit->nr_nodes--;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_node_free);

/**
 * vtds_node_note_refused() - Remember that an entry was reported
 * @domain: The domain
 * @node: Where the entry is
 * @index: Its index
 * @raw: The entry
 *
 * Return: whether it is news. What there is no room to remember always is.
 */
bool vtds_node_note_refused(struct vtds_domain *domain, struct vtds_node *node,
			    unsigned int index, u64 raw)
{
	struct vtds_unit *unit = domain->unit;

	if (!node->refused) {
		if (unit->nr_nodes >= unit->max_nodes)
			return true;
		node->refused = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!node->refused)
			return true;
		unit->nr_nodes++;
	}
	if (node->refused[index] == raw)
		return false;
	node->refused[index] = raw;
	return true;
}

/* vtds_node_forget_refused() of a node that has such entries */
void __vtds_node_forget_refused(struct vtds_domain *domain,
				struct vtds_node *node, unsigned int start,
				unsigned int end)
{
	memset64(&node->refused[start], 0, end - start);
	if (memchr_inv(node->refused, 0, VTD_TABLE_ENTRIES * sizeof(u64)))
		return;
	free_page((unsigned long)node->refused);
	node->refused = NULL;
	domain->unit->nr_nodes--;
}

void vtds_node_put_table(struct vtds_domain *domain, struct vtds_node *node)
{
	if (node->chunk)
		vtds_mem_put(&domain->unit->mem, node->chunk);
	node->chunk = NULL;
	node->table = NULL;
}

/* vtds_node_set_table() for another page than before */
int __vtds_node_set_table(struct vtds_domain *domain, struct vtds_node *node,
			  u64 gpa)
{
	struct vtds_guest_mem *mem = &domain->unit->mem;
	struct vtds_chunk *chunk;
	unsigned int perm;
	unsigned long pfn;
	int ret;

	vtds_node_put_table(domain, node);
	node->gpa = gpa;
	chunk = vtds_mem_get(mem, gpa);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	ret = vtds_mem_page(mem, chunk, gpa, &pfn, &perm);
	if (!ret)
		ret = perm & VTD_SS_R ? vtds_pin_check_pfn(pfn) : -EPERM;
	if (ret) {
		vtds_mem_put(mem, chunk);
		return ret;
	}
	node->chunk = chunk;
	node->table = page_address(pfn_to_page(pfn));
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

/**
 * vtds_mirror_zap_leaf() - Revoke one leaf and record it absent
 * @domain: The domain
 * @node: Where the leaf is
 * @index: Its index
 * @iova: Its first address
 *
 * A leaf without permissions or absent maps nothing: only the record changes.
 */
void vtds_mirror_zap_leaf(struct vtds_domain *domain, struct vtds_node *node,
			  unsigned int index, u64 iova)
{
	struct vtds_unit *unit = domain->unit;
	u64 size = vtd_level_size(node->level);
	u64 raw = node->entries[index];

	node->entries[index] = 0;
	if (!(raw & node->perm & VTD_SS_RW))
		return;

	vtds_host_unmap(&domain->host, iova, size);
	vtds_mem_put_range(&unit->mem, raw & VTD_ENTRY_ADDR, size);
	unit->nr_pages -= size >> VTD_PAGE_SHIFT;
	unit->stats.leaves_unmapped++;
}

/**
 * vtds_mirror_zap_leaves() - Have the host unmap neighbouring leaves of 4 KiB
 * @domain: The domain
 * @base: First IOVA that their table covers
 * @start: Index of the first one
 * @end: Index after the last one
 *
 * They are recorded absent already, and no longer users of their chunks.
 */
void vtds_mirror_zap_leaves(struct vtds_domain *domain, u64 base,
			    unsigned int start, unsigned int end)
{
	struct vtds_unit *unit = domain->unit;
	unsigned int count = end - start;

	if (!count)
		return;
	vtds_host_unmap(&domain->host, base + start * VTD_PAGE_SIZE,
			count * VTD_PAGE_SIZE);
	unit->nr_pages -= count;
	unit->stats.leaves_unmapped += count;
}

/* Revokes all leaves of a table of level 1 and records them absent. */
static void clear_leaves(struct vtds_domain *domain, struct vtds_node *node,
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
			vtds_mirror_zap_leaves(domain, base, start, end);
			start = i;
		}
		end = i + 1;
	}
	vtds_mirror_zap_leaves(domain, base, start, end);
	memset64(node->entries, 0, VTD_TABLE_ENTRIES);
}

/**
 * vtds_mirror_clear() - Revoke everything under a node and free its children
 * @domain: The domain
 * @node: The node; it stays, with all entries absent
 * @base: First IOVA that it covers
 */
void vtds_mirror_clear(struct vtds_domain *domain, struct vtds_node *node,
		       u64 base)
{
	if (node->level == 1) {
		clear_leaves(domain, node, base);
		return;
	}
	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 iova = base + i * vtd_level_size(node->level);

		if (node->children[i]) {
			vtds_mirror_clear(domain, node->children[i], iova);
			vtds_node_free(domain, node->children[i]);
			node->children[i] = NULL;
			node->entries[i] = 0;
		} else if (node->entries[i]) {
			vtds_mirror_zap_leaf(domain, node, i, iova);
		}
	}
	cond_resched();
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

/**
 * vtds_mirror_evict() - Revoke every use of a range of guest memory
 * @domain: The domain
 * @node: Where to look
 * @base: First IOVA that it covers
 * @first: First guest address that goes away
 * @last: Last one
 *
 * Leaves that target the range, even with a part of it only, and tables that
 * are in it.
 *
 * Return: whether memory outside of the range lost its mapping too and deserves
 * another sync.
 */
bool vtds_mirror_evict(struct vtds_domain *domain, struct vtds_node *node,
		       u64 base, u64 first, u64 last)
{
	bool again = false;

	if (node->table && node->gpa >= first && node->gpa <= last) {
		vtds_mirror_clear(domain, node, base);
		vtds_node_put_table(domain, node);
		return false;
	}

	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 iova = base + i * vtd_level_size(node->level);

		if (node->children && node->children[i]) {
			again |= vtds_mirror_evict(domain, node->children[i],
						   iova, first, last);
		} else if (leaf_targets(node, i, first, last)) {
			again |= node->level > 1;
			vtds_mirror_zap_leaf(domain, node, i, iova);
		}
	}
	cond_resched();
	return again;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mirror_evict);

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
