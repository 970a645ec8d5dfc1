// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of todo.c: ranges that are collected are never lost, and joined where that
 * costs little.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../todo.h"
#include "../vtd_format.h"

#define TRIES 2000

static bool has(const struct vtds_todo *todo, u64 first, u64 last)
{
	for (unsigned int i = 0; i < todo->count; i++)
		if (todo->ranges[i].first <= first &&
		    todo->ranges[i].last >= last)
			return true;
	return false;
}

static struct vtds_range take(struct vtds_todo *todo, u64 owner)
{
	bool resumed;

	return vtds_todo_take(todo, owner, &resumed);
}

static void check_order(struct kunit *test, const struct vtds_todo *todo)
{
	KUNIT_EXPECT_LE(test, todo->count, VTDS_TODO_RANGES);
	for (unsigned int i = 0; i < todo->count; i++) {
		KUNIT_EXPECT_LE(test, todo->ranges[i].first,
				todo->ranges[i].last);
		if (i)
			KUNIT_EXPECT_LT(test, todo->ranges[i - 1].last / SZ_2M,
					todo->ranges[i].first / SZ_2M);
	}
}

/* Pages of one table are one range, and a page alone stays one page. */
static void todo_joins(struct kunit *test)
{
	struct vtds_todo *todo = test->priv;

	vtds_todo_add(todo, 1, SZ_1G, SZ_1G + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, todo->count, 1);
	KUNIT_EXPECT_EQ(test, todo->ranges[0].last, SZ_1G + SZ_4K - 1);
	vtds_todo_add(todo, 1, SZ_1G + SZ_1M, SZ_1G + SZ_1M + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, todo->count, 1);
	KUNIT_EXPECT_EQ(test, todo->ranges[0].first, SZ_1G);
	KUNIT_EXPECT_EQ(test, todo->ranges[0].last, SZ_1G + SZ_1M + SZ_4K - 1);
	/* The next table, the one before, and one over all three */
	vtds_todo_add(todo, 1, SZ_1G + SZ_2M, SZ_1G + SZ_2M + SZ_4K - 1);
	vtds_todo_add(todo, 1, SZ_1G - SZ_4K, SZ_1G - 1);
	KUNIT_EXPECT_EQ(test, todo->count, 3);
	check_order(test, todo);
	vtds_todo_add(todo, 1, SZ_1G - SZ_4K, SZ_1G + SZ_2M);
	KUNIT_EXPECT_EQ(test, todo->count, 1);
	vtds_todo_all(todo, 1);
	KUNIT_EXPECT_EQ(test, todo->count, 1);
	KUNIT_EXPECT_TRUE(test, has(todo, 0, U64_MAX));
	vtds_todo_add(todo, 1, SZ_1G, SZ_2G);
	KUNIT_EXPECT_EQ(test, todo->count, 1);
	KUNIT_EXPECT_EQ(test, take(todo, 1).last, U64_MAX);
	KUNIT_EXPECT_EQ(test, todo->count, 0);
}

/* Random ranges: all of them are in there, in order, whatever their number. */
static void todo_random(struct kunit *test)
{
	struct vtds_range *added =
		kunit_kcalloc(test, TRIES, sizeof(*added), GFP_KERNEL);
	struct vtds_todo *todo = test->priv;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, added);
	prandom_seed_state(&rnd, 4711);
	for (unsigned int i = 0; i < TRIES; i++) {
		unsigned int bits = 12 + prandom_u32_state(&rnd) % 20;

		added[i].first = (u64)(prandom_u32_state(&rnd) >> 4) << 12;
		added[i].last = added[i].first + BIT_ULL(bits) - 1;
		vtds_todo_add(todo, 1, added[i].first, added[i].last);
		check_order(test, todo);
		for (unsigned int j = 0; j <= i; j++)
			if (!has(todo, added[j].first, added[j].last))
				KUNIT_FAIL(test, "%llx..%llx is lost",
					   added[j].first, added[j].last);
	}
}

/* As many pages as there is room for, each in a table of its own */
static void todo_full(struct kunit *test)
{
	struct vtds_todo *todo = test->priv;

	for (u64 i = 0; i < VTDS_TODO_RANGES; i++) {
		KUNIT_EXPECT_EQ(test, vtds_todo_is_full(todo),
				i == VTDS_TODO_RANGES - 1);
		vtds_todo_add(todo, 1, i * SZ_1G, i * SZ_1G + SZ_4K - 1);
	}
	KUNIT_EXPECT_EQ(test, todo->count, VTDS_TODO_RANGES);
	/* One more joins the two that are closest, itself and its neighbour */
	vtds_todo_add(todo, 1, SZ_1G + SZ_4M, SZ_1G + SZ_4M + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, todo->count, VTDS_TODO_RANGES);
	check_order(test, todo);
	for (u64 i = 0; i < VTDS_TODO_RANGES; i++)
		KUNIT_EXPECT_TRUE(test,
				  has(todo, i * SZ_1G, i * SZ_1G + SZ_4K - 1));
	for (unsigned int i = 0; i < VTDS_TODO_RANGES; i++)
		take(todo, 1);
	KUNIT_EXPECT_EQ(test, todo->count, 0);
}

/* Nobody takes what others want, or takes it for its own. */
static void todo_owners(struct kunit *test)
{
	struct vtds_todo *todo = test->priv;
	struct vtds_range range;

	vtds_todo_add(todo, 2, 0, SZ_4K - 1);
	vtds_todo_add(todo, 1, SZ_4K, SZ_8K - 1);
	vtds_todo_all(todo, 3);
	KUNIT_EXPECT_EQ(test, todo->count, 3);
	KUNIT_EXPECT_EQ(test, take(todo, 1).first, SZ_4K);
	KUNIT_EXPECT_FALSE(test, vtds_todo_has(todo, 1));
	KUNIT_EXPECT_FALSE(test, vtds_todo_disown(todo, 1));
	KUNIT_EXPECT_FALSE(test, vtds_todo_has(todo, VTDS_TODO_REST));
	KUNIT_EXPECT_TRUE(test, vtds_todo_disown(todo, 3));
	KUNIT_EXPECT_FALSE(test, vtds_todo_has(todo, 3));
	range = take(todo, VTDS_TODO_REST);
	KUNIT_EXPECT_EQ(test, range.last, U64_MAX);
	vtds_todo_put_back(todo, VTDS_TODO_REST, range);
	KUNIT_EXPECT_TRUE(test, vtds_todo_has(todo, VTDS_TODO_REST));
	/* What several calls have left is joined */
	vtds_todo_add(todo, 4, SZ_1G, SZ_2G);
	KUNIT_EXPECT_EQ(test, todo->count, 3);
	KUNIT_EXPECT_TRUE(test, vtds_todo_disown(todo, 4));
	KUNIT_EXPECT_EQ(test, todo->count, 2);
	KUNIT_EXPECT_EQ(test, take(todo, VTDS_TODO_REST).last, U64_MAX);
	KUNIT_EXPECT_TRUE(test, vtds_todo_has(todo, 2));
	KUNIT_EXPECT_EQ(test, take(todo, 2).last, SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, todo->count, 0);
}

static int todo_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct vtds_todo), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static struct kunit_case todo_cases[] = {
	KUNIT_CASE(todo_joins),
	KUNIT_CASE(todo_random),
	KUNIT_CASE(todo_full),
	KUNIT_CASE(todo_owners),
	{},
};

static struct kunit_suite todo_suite = {
	.name = "vtd_shadow_todo",
	.init = todo_init,
	.test_cases = todo_cases,
};

kunit_test_suite(todo_suite);
