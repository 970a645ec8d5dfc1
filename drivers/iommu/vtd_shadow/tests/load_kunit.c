// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of large numbers: many units with several domains each, none of which feels
 * what happens to the others, and a device that comes and goes all day.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "../batch.h"
#include "../flush.h"
#include "../memory.h"
#include "../sync.h"
#include "../todo.h"
#include "../unit.h"
#include "rig.h"

#define UNITS 256
#define TREES 4
#define DOMAINS (UNITS * TREES)
#define LEAVES 8
#define HAW 39
#define LOAD_IOVA 0x123456000000ULL

/* With sanitizers and in emulation a step is a hundred times slower */
#define SLOW IS_ENABLED(CONFIG_KASAN)
#define CHURN (SLOW ? 500 : 20000)
#define CYCLES (SLOW ? 200 : 10000)

static const struct bench_config load_config = { 4,	48,  HAW,
						 false, 0xe, FAKE_HOST_INTEL };

/**
 * struct load - Units and their domains
 * @b: The bench that owns guest memory
 * @of: One for each domain: TREES neighbours have their unit in common
 */
struct load {
	struct bench *b;
	struct bench *of;
};

/* Where the table of a level is: trees have nothing in common */
static u64 tree_table(unsigned int tree, unsigned int level)
{
	u64 number = tree;

	return (number * 8 + level) << VTD_PAGE_SHIFT;
}

static struct bench *domain_of(struct load *l, unsigned int unit,
			       unsigned int tree)
{
	return &l->of[unit * TREES + tree];
}

static u64 *leaf_of(struct load *l, unsigned int tree, unsigned int i)
{
	return bench_entry(l->b, tree_table(tree, 1),
			   vtd_level_index(LOAD_IOVA, 1) + i);
}

/* All trees lead to the same memory, each page by page */
static void make_trees(struct load *l)
{
	for (unsigned int tree = 0; tree < TREES; tree++) {
		for (unsigned int level = 4; level > 1; level--)
			*bench_entry(l->b, tree_table(tree, level),
				     vtd_level_index(LOAD_IOVA, level)) =
				tree_table(tree, level - 1) | SS_RW;
		for (unsigned int i = 0; i < LEAVES; i++)
			*leaf_of(l, tree, i) =
				(DATA_GPA + (tree * LEAVES + i) * SZ_PAGE) |
				SS_RW;
	}
}

static void sync_domain(struct bench *of)
{
	struct vtds_batch batch;

	fake_host_step(&of->host);
	bench_batch_begin(of->unit, &batch);
	vtds_todo_add(&of->domain.todo, batch.seq, 0, U64_MAX);
	KUNIT_EXPECT_EQ(of->test, bench_batch_end(&batch), 0);
}

static void sync_all(struct load *l)
{
	for (unsigned int i = 0; i < DOMAINS; i++)
		sync_domain(&l->of[i]);
}

/* How many domains do not map as many pages as they should? */
static unsigned int nr_wrong(struct load *l, unsigned int unit,
			     unsigned int there, unsigned int elsewhere)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < DOMAINS; i++)
		wrong += l->of[i].host.nr_pages !=
			 (i / TREES == unit ? there : elsewhere);
	return wrong;
}

static int load_begin(struct kunit *test, struct load *l)
{
	struct bench *b = test->priv;

	fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_TABLES);
	fake_mem_add(&b->mem, DATA_GPA, SZ_CHUNK, FAKE_SCATTERED);
	l->b = b;
	prandom_seed_state(&b->rnd, 1);
	l->of = kvcalloc(DOMAINS, sizeof(*l->of), GFP_KERNEL);
	if (!l->of)
		return -ENOMEM;
	make_trees(l);
	for (unsigned int i = 0; i < DOMAINS; i++) {
		struct bench *of = &l->of[i];

		of->test = test;
		of->unit = i % TREES ? of[-1].unit : vtds_unit_alloc();
		if (!of->unit)
			return -ENOMEM;
		if (vtds_sync_need_scratch(of->unit))
			return -ENOMEM;
		bench_domain(of, &load_config, tree_table(i % TREES, 4));
	}
	return 0;
}

static void load_end(struct load *l)
{
	for (unsigned int i = 0; i < DOMAINS && l->of; i++)
		bench_domain_end(&l->of[i]);
	for (unsigned int i = 0; i < DOMAINS && l->of; i += TREES)
		if (l->of[i].unit)
			vtds_unit_release(l->of[i].unit);
	kvfree(l->of);
	KUNIT_EXPECT_EQ(l->b->test, l->b->mem.nr_pinned, 0);
}

/* What is taken from one unit is gone there, and nowhere else. */
static void take_and_give(struct load *l, unsigned int unit)
{
	struct kunit *test = l->b->test;

	vtds_memory_gone(l->of[unit * TREES].unit, DATA_GPA, SZ_CHUNK);
	KUNIT_EXPECT_EQ(test, nr_wrong(l, unit, 0, LEAVES), 0);
	for (unsigned int tree = 0; tree < TREES; tree++)
		sync_domain(domain_of(l, unit, tree));
	KUNIT_EXPECT_EQ(test, nr_wrong(l, unit, LEAVES, LEAVES), 0);
}

/* A leaf of one tree goes and comes, flushed in any unit in between */
static void churn(struct load *l, u64 nr_nodes)
{
	struct kunit *test = l->b->test;
	struct bench *of;

	for (unsigned int i = 0; i < CHURN; i++) {
		u32 unit = bench_random(l->b, UNITS);
		u32 tree = bench_random(l->b, TREES);
		u64 *leaf = leaf_of(l, tree, bench_random(l->b, LEAVES));
		u64 was = *leaf;

		of = domain_of(l, unit, tree);
		*leaf = 0;
		sync_domain(of);
		KUNIT_EXPECT_EQ(test, of->host.nr_pages, LEAVES - 1);
		*leaf = was;
		sync_domain(of);
		KUNIT_EXPECT_EQ(test, of->unit->nr_nodes, nr_nodes);
	}
	KUNIT_EXPECT_EQ(test, nr_wrong(l, 0, LEAVES, LEAVES), 0);
}

static void load_units(struct kunit *test)
{
	struct load l = {};
	int ret = load_begin(test, &l);
	u64 nr_pinned;

	KUNIT_EXPECT_EQ(test, ret, 0);
	if (ret)
		goto out;
	sync_all(&l);
	KUNIT_EXPECT_EQ(test, nr_wrong(&l, 0, LEAVES, LEAVES), 0);
	/* Each unit has an account of its own */
	nr_pinned = l.b->mem.nr_pinned;
	KUNIT_EXPECT_EQ(test, nr_pinned, UNITS * 2 * VTDS_CHUNK_PAGES);

	take_and_give(&l, 0);
	take_and_give(&l, UNITS / 2);
	take_and_give(&l, UNITS - 1);
	churn(&l, l.of[0].unit->nr_nodes);
	KUNIT_EXPECT_EQ(test, l.b->mem.nr_pinned, nr_pinned);
	kunit_info(test, "%d units, %d domains, %d leaves changed twice\n",
		   UNITS, DOMAINS, CHURN);
out:
	load_end(&l);
}

static struct kunit_case load_cases[] = {
	KUNIT_CASE_SLOW(load_units),
	{},
};

static struct kunit_suite load_suite = {
	.name = "vtd_shadow_load",
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.init = bench_init,
	.exit = bench_exit,
	.test_cases = load_cases,
};

/* --- One device that comes and goes --- */

static void load_attach(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 nr_nodes, nr_pinned;

	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	for (unsigned int i = 0; i < CYCLES; i++) {
		rig_add(0);
		KUNIT_EXPECT_EQ(test, rig_attached(0, IOMMU_NO_PASID), SHADOW);
		if (!i) {
			nr_nodes = b->unit->nr_nodes;
			nr_pinned = b->mem.nr_pinned;
		}
		KUNIT_EXPECT_EQ(test, b->unit->nr_nodes, nr_nodes);
		rig_drop(0);
		KUNIT_EXPECT_EQ(test, b->unit->nr_nodes, 0);
		KUNIT_EXPECT_TRUE(test, list_empty(&b->unit->domains));
	}
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, nr_pinned);
	kunit_info(test, "%d times attached and detached\n", CYCLES);
}

static struct kunit_case attach_cases[] = {
	KUNIT_CASE_SLOW(load_attach),
	{},
};

static struct kunit_suite attach_suite = {
	.name = "vtd_shadow_load_attach",
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.init = rig_init,
	.exit = rig_exit,
	.test_cases = attach_cases,
};

kunit_test_suites(&load_suite, &attach_suite);
