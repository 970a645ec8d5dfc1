// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves of the fake host by address: ranges that do not overlap, in a tree
 * without locks, and allocated many at a time: debug kernels make both dear.
 */
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "bench.h"

/* The first leaf that ends at @iova or behind it. */
struct fake_leaf *fake_tree_next(const struct rb_root *tree, u64 iova)
{
	struct rb_node *node = tree->rb_node;
	struct fake_leaf *found = NULL;

	while (node) {
		struct fake_leaf *leaf = rb_entry(node, struct fake_leaf, node);

		if (leaf->last < iova) {
			node = node->rb_right;
			continue;
		}
		found = leaf;
		node = node->rb_left;
	}
	return found;
}

/* The leaf that covers @iova. */
struct fake_leaf *fake_tree_find(const struct rb_root *tree, u64 iova)
{
	struct fake_leaf *leaf = fake_tree_next(tree, iova);

	return leaf && leaf->iova <= iova ? leaf : NULL;
}

/* Returns false if there is a leaf in its place. */
bool fake_tree_insert(struct rb_root *tree, struct fake_leaf *leaf)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;

	while (*link) {
		struct fake_leaf *other =
			rb_entry(*link, struct fake_leaf, node);

		if (leaf->iova <= other->last && leaf->last >= other->iova)
			return false;
		parent = *link;
		link = leaf->iova < other->iova ? &parent->rb_left :
						  &parent->rb_right;
	}
	rb_link_node(&leaf->node, parent, link);
	rb_insert_color(&leaf->node, tree);
	return true;
}

/* Takes all leaves out. */
void fake_tree_clear(struct fake_pool *pool, struct rb_root *tree)
{
	struct fake_leaf *leaf, *next;

	rbtree_postorder_for_each_entry_safe(leaf, next, tree, node)
		fake_leaf_free(pool, leaf);
	*tree = RB_ROOT;
}

#define BLOCK_LEAVES 256

struct fake_block {
	struct fake_block *next;
	struct fake_leaf leaves[BLOCK_LEAVES];
};

static bool pool_grow(struct fake_pool *pool)
{
	struct fake_block *block = kzalloc(sizeof(*block), GFP_KERNEL);

	if (!block)
		return false;
	block->next = pool->blocks;
	pool->blocks = block;
	for (unsigned int i = 0; i < BLOCK_LEAVES; i++)
		fake_leaf_free(pool, &block->leaves[i]);
	return true;
}

struct fake_leaf *fake_leaf_alloc(struct fake_pool *pool)
{
	struct fake_leaf *leaf;

	if (!pool->free && !pool_grow(pool))
		return NULL;
	leaf = pool->free;
	pool->free = leaf->next_free;
	return leaf;
}

void fake_leaf_free(struct fake_pool *pool, struct fake_leaf *leaf)
{
	leaf->next_free = pool->free;
	pool->free = leaf;
}

/* No leaf may be used any more. */
void fake_pool_free(struct fake_pool *pool)
{
	struct fake_block *block;

	while ((block = pool->blocks)) {
		pool->blocks = block->next;
		kfree(block);
	}
	pool->free = NULL;
}
