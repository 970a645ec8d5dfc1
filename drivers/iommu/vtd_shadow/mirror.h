/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mirror of what the host maps, see mirror.c
 */
#ifndef VTDS_MIRROR_H
#define VTDS_MIRROR_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/types.h>

#include "reserved.h"
#include "vtd_format.h"

struct vtds_batch;
struct vtds_domain;
struct vtds_rmap_group;

/**
 * struct vtds_node - Mirror of one table page
 * @entries: The raw entries as last synced; what is present here and has
 *           permissions left is mapped in the host, exactly
 * @children: Nodes of the level below, by index; NULL at level 1
 * @table: The guest's page, NULL if @synthetic or if it could not be read
 * @page: Where the host notes that it is damaged, if @table: of a huge page of hugetlbfs
 *        that is the first one, which does not change as long as it is pinned
 * @gpa: Address of the guest's page; of the first byte mapped if @synthetic
 * @perm: VTD_SS_RW as far as the path from the root allows it
 * @level: 1 to 5
 * @synthetic: Made by us to split a guest superpage that is not wholly backed
 * @slot: Place in @group
 * @leaf_bits: Of the split leaf, if @synthetic: all but its address
 * @refused: Entries that could not be installed, by index, see vtds_refused_note();
 *           NULL if there are none. Counts as a node
 * @refused_entry: In vtds_domain.refusing, if @refused
 * @domain: Whose table it is
 * @base: First IOVA that it covers
 * @leaves: From the lowest to the highest guest physical address that its leaves led to
 * @group: Where it is found by the memory that its leaves lead to, see rmap.c
 */
struct vtds_node {
	u64 *entries;
	struct vtds_node **children;
	const u64 *table;
	const struct page *page;
	u64 gpa;
	u8 perm;
	u8 level;
	bool synthetic;
	u8 slot;
	u64 leaf_bits;
	u64 *refused;
	struct list_head refused_entry;
	struct vtds_domain *domain;
	u64 base;
	struct vtds_range leaves;
	struct vtds_rmap_group *group;
};

/* Last IOVA that a node covers */
static inline u64 vtds_node_last(const struct vtds_node *node)
{
	return node->base + vtd_level_size(node->level + 1) - 1;
}

/*
 * What is noted of an entry that could not be installed: itself if there is no use in
 * trying it again; if there is, something that no such entry looks like.
 */
static inline u64 vtds_refused_note(u64 raw, bool may_pass)
{
	return may_pass ? (raw & ~(u64)VTD_SS_RW) ^ BIT_ULL(63) : raw;
}

/* Whether an entry was refused, and is as it was */
static inline bool vtds_refused_is(u64 note, u64 raw)
{
	return note && (note == raw || note == vtds_refused_note(raw, true));
}

struct vtds_node *vtds_node_alloc(struct vtds_batch *batch,
				  struct vtds_domain *domain,
				  unsigned int level, unsigned int perm,
				  u64 base);
void vtds_node_free(struct vtds_node *node);
int __vtds_node_set_table(struct vtds_node *node, u64 gpa);

/*
 * Whether a node has a page of the guest to read. The host may have found the page
 * poisoned since it was pinned; the kernel must not touch it then.
 */
static inline bool vtds_node_readable(const struct vtds_node *node)
{
	return node->table && likely(!PageHWPoison(node->page));
}

/**
 * vtds_node_set_table() - Point a node to a table page of the guest
 * @node: The node; it keeps its entries
 * @gpa: Page address
 *
 * Return: 0; VTDS_NOT_PINNED with nothing changed; or another negative errno if there is
 * no readable memory; the node has no table then.
 */
static inline int vtds_node_set_table(struct vtds_node *node, u64 gpa)
{
	if (vtds_node_readable(node) && node->gpa == gpa)
		return 0;
	return __vtds_node_set_table(node, gpa);
}

void vtds_node_put_table(struct vtds_node *node);
bool vtds_node_note_refused(struct vtds_node *node, unsigned int index, u64 raw,
			    bool may_pass);
void __vtds_node_forget_refused(struct vtds_node *node, unsigned int start,
				unsigned int end);
void vtds_node_free_refused(struct vtds_node *node);
bool vtds_node_retry_refused(struct vtds_node *node, u64 first, u64 last);

/* Entries [start, end) are as they should be, or changed. */
static inline void vtds_node_forget_refused(struct vtds_node *node,
					    unsigned int start,
					    unsigned int end)
{
	if (unlikely(node->refused))
		__vtds_node_forget_refused(node, start, end);
}

u64 vtds_node_fetch(const struct vtds_node *node, unsigned int index);
bool vtds_mirror_clear(struct vtds_node *node, unsigned int *work);
void vtds_mirror_zap_leaf(struct vtds_node *node, unsigned int index);
void vtds_mirror_zap_leaves(struct vtds_node *node, unsigned int start,
			    unsigned int end);
bool vtds_mirror_evict(struct vtds_node *node, u64 first, u64 last,
		       unsigned int *work);

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
