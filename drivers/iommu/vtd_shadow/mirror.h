/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mirror of what the host maps, see mirror.c
 */
#ifndef VTDS_MIRROR_H
#define VTDS_MIRROR_H

#include <linux/mm.h>
#include <linux/types.h>

#include "vtd_format.h"

struct vtds_batch;
struct vtds_chunk;
struct vtds_domain;

/**
 * struct vtds_node - Mirror of one table page
 * @entries: The raw entries as last synced; what is present here and has
 *           permissions left is mapped in the host, exactly
 * @children: Nodes of the level below, by index; NULL at level 1
 * @table: The guest's page, NULL if @synthetic or if it could not be read
 * @chunk: Where @table is pinned
 * @gpa: Address of the guest's page; of the first byte mapped if @synthetic
 * @perm: VTD_SS_RW as far as the path from the root allows it
 * @level: 1 to 5
 * @synthetic: Made by us to split a guest superpage that is not wholly backed
 * @leaf_bits: Of the split leaf, if @synthetic: all but its address
 * @refused: Entries that were reported as not installed, by index; NULL if there
 *           are none. Counts as a node
 */
struct vtds_node {
	u64 *entries;
	struct vtds_node **children;
	const u64 *table;
	struct vtds_chunk *chunk;
	u64 gpa;
	u64 leaf_bits;
	u64 *refused;
	u8 perm;
	u8 level;
	bool synthetic;
};

struct vtds_node *vtds_node_alloc(struct vtds_batch *batch, unsigned int level,
				  unsigned int perm);
void vtds_node_free(struct vtds_domain *domain, struct vtds_node *node);
int __vtds_node_set_table(struct vtds_domain *domain, struct vtds_node *node,
			  u64 gpa);

/*
 * Whether a node has a page of the guest to read. The host may have found the page
 * poisoned since it was pinned; the kernel must not touch it then.
 */
static inline bool vtds_node_readable(const struct vtds_node *node)
{
	return node->table &&
	       likely(!is_page_hwpoison(virt_to_page(node->table)));
}

/**
 * vtds_node_set_table() - Point a node to a table page of the guest
 * @domain: The domain
 * @node: The node; it keeps its entries
 * @gpa: Page address
 *
 * Return: 0, or a negative errno if there is no readable memory; the node has
 * no table then.
 */
static inline int vtds_node_set_table(struct vtds_domain *domain,
				      struct vtds_node *node, u64 gpa)
{
	if (vtds_node_readable(node) && node->gpa == gpa)
		return 0;
	return __vtds_node_set_table(domain, node, gpa);
}

void vtds_node_put_table(struct vtds_domain *domain, struct vtds_node *node);
bool vtds_node_note_refused(struct vtds_domain *domain, struct vtds_node *node,
			    unsigned int index, u64 raw);
void __vtds_node_forget_refused(struct vtds_domain *domain,
				struct vtds_node *node, unsigned int start,
				unsigned int end);

/* Entries [start, end) are as they should be, or changed. */
static inline void vtds_node_forget_refused(struct vtds_domain *domain,
					    struct vtds_node *node,
					    unsigned int start,
					    unsigned int end)
{
	if (unlikely(node->refused))
		__vtds_node_forget_refused(domain, node, start, end);
}

u64 vtds_node_fetch(const struct vtds_node *node, unsigned int index);
void vtds_mirror_clear(struct vtds_domain *domain, struct vtds_node *node,
		       u64 base);
void vtds_mirror_zap_leaf(struct vtds_domain *domain, struct vtds_node *node,
			  unsigned int index, u64 iova);
void vtds_mirror_zap_leaves(struct vtds_domain *domain, u64 base,
			    unsigned int start, unsigned int end);
bool vtds_mirror_evict(struct vtds_domain *domain, struct vtds_node *node,
		       u64 base, u64 first, u64 last);

/**
 * struct vtds_leaf - Result of a mirror look-up
 * @raw: The entry that ends the walk, as recorded
 * @gpa: Where the address leads
 * @perm: VTD_SS_RW as left by the path and the entry, before memory's own
 * @level: Level of the guest's leaf
 * @reason: Why it leads nowhere: enum vtd_shadow_fault_reason, or 0
 */
struct vtds_leaf {
	u64 raw;
	u64 gpa;
	u8 perm;
	u8 level;
	u8 reason;
};

void vtds_mirror_lookup(const struct vtds_domain *domain, u64 iova,
			struct vtds_leaf *leaf);

#endif /* VTDS_MIRROR_H */
