// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what happens to tables and guest memory when an allocation or a call to the
 * host fails, for each of them there is: nothing is mapped that should not be, mirror and
 * host agree, and the next attempt repairs what is missing. What has to go goes, whatever
 * fails.
 */
#include "../mirror.h"
#include "../unit.h"
#include "fail_inject.h"
#include "sync_bench.h"

KUNIT_ARRAY_PARAM(sync_config, sync_configs, sync_config_desc);

/* A domain that did not unmap as it was asked to; its devices would be blocked by now. */
static void replace_broken(struct bench *b)
{
	const struct bench_config config = b->config;

	if (!b->domain.host.broken)
		return;
	bench_domain_end(b);
	bench_domain(b, &config, TABLE(config.levels));
}

/* An unmap may fail, and what is flushed then was not unmapped. */
static void arm(struct bench *b, struct fail_sweep *sweep)
{
	b->host.nr_short++;
	fail_arm(sweep);
}

/* All that the host maps is in the mirror. That both map as much is checked by the bench. */
static void check_mirror(struct bench *b)
{
	struct rb_node *node;

	for (node = rb_first(&b->host.leaves); node; node = rb_next(node)) {
		struct fake_leaf *leaf = rb_entry(node, struct fake_leaf, node);
		struct vtds_leaf first, last;

		vtds_mirror_lookup(&b->domain, leaf->iova, &first);
		vtds_mirror_lookup(&b->domain, leaf->last, &last);
		if (!first.perm || !last.perm)
			KUNIT_FAIL(b->test, "%llx..%llx is not in the mirror",
				   leaf->iova, leaf->last);
	}
}

/* After something failed, or nothing: what is mapped is right, and all of it can be had. */
static void check_and_repair(struct bench *b, const struct fail_sweep *sweep)
{
	if (sweep->failed && !b->domain.host.broken) {
		oracle_check(b, 0, U64_MAX, ORACLE_SUBSET, false);
		check_mirror(b);
	}
	replace_broken(b);
	if (sweep->failed)
		bench_sync_full(b);
	KUNIT_EXPECT_EQ(b->test, b->error, 0);
	oracle_check(b, 0, U64_MAX, ORACLE_EXACT, false);
}

/* Leaves of each kind, a superpage in pieces and one that can be had as it is */
static void fill(struct bench *b)
{
	sync_fill_leaves(b, 0, 12, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	sync_fill_leaves(b, 12, 4, sync_data_gpa(FAKE_RUNS), SS_R);
	sync_fill_leaves(b, 16, 8, sync_data_gpa(FAKE_CONTIG_B), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_RUNS) | SS_RW |
					  SS_PS;
	*sync_entry(b, 2, INDEX(2) + 2) = sync_data_gpa(FAKE_CONTIG_A) | SS_RW |
					  SS_PS;
	*sync_entry(b, 2, INDEX(2) + 3) = SPARE | SS_RW;
	*bench_entry(b, SPARE, 7) = sync_data_gpa(FAKE_OFFSET) | SS_RW;
	sync_make_path(b);
}

/* Cuts off all of it at one level, from the top (0) down. */
static void cut(struct bench *b, unsigned int depth)
{
	unsigned int level = b->config.levels - depth;

	if (level > 1)
		*sync_entry(b, level, INDEX(level)) = 0;
	else
		memset64(sync_entry(b, 1, 0), 0, 512);
	memset64(sync_entry(b, 2, INDEX(2)), 0, 4);
}

/* Mappings go, and pins, and what is known of memory, so that they are made again. */
static void clear(struct bench *b)
{
	cut(b, 0);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(b->test, b->host.nr_pages, 0);
	bench_memory_gone(b, 0, U32_MAX);
	KUNIT_EXPECT_EQ(b->test, b->mem.nr_pinned, 0);
	fake_mem_restore(&b->mem);
}

static void fail_install(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	struct fail_sweep sweep = {};

	while (fail_next(&sweep)) {
		fill(b);
		arm(b, &sweep);
		bench_sync_full(b);
		fail_disarm(&sweep);
		if (sweep.failed && sweep.all && sweep.n == 1)
			KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
		check_and_repair(b, &sweep);
		clear(b);
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 15);
}

/* The guest changes some, adds some and takes some. */
static void fail_change(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	struct fail_sweep sweep = {};

	while (fail_next(&sweep)) {
		fill(b);
		sync_and_check(b);
		sync_fill_leaves(b, 4, 8, sync_data_gpa(FAKE_RUNS), SS_RW);
		sync_fill_leaves(b, 14, 4, sync_data_gpa(FAKE_SCATTERED), SS_R);
		sync_fill_leaves(b, 20, 4, 0, 0);
		*sync_entry(b, 2, INDEX(2) + 1) = SPARE | SS_R;
		*sync_entry(b, 2, INDEX(2) + 2) =
			sync_data_gpa(FAKE_SCATTERED) | SS_RW | SS_PS;
		*sync_entry(b, 2, INDEX(2) + 3) = 0;
		arm(b, &sweep);
		bench_sync_full(b);
		fail_disarm(&sweep);
		check_and_repair(b, &sweep);
		clear(b);
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 10);
}

/* All is taken, at each level. Nothing that it takes may fail, apart from the host. */
static void fail_revoke(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	for (unsigned int depth = 0; depth < b->config.levels; depth++) {
		struct fail_sweep sweep = {};

		while (fail_next(&sweep)) {
			fill(b);
			sync_and_check(b);
			cut(b, depth);
			arm(b, &sweep);
			bench_sync_full(b);
			fail_disarm(&sweep);
			KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 0);
			/* Also where the host says that it did not unmap */
			KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
			if (!b->domain.host.broken)
				KUNIT_EXPECT_EQ(test, b->error, 0);
			replace_broken(b);
			clear(b);
		}
	}
}

/* Permissions on the way are taken: what was writable is not. */
static void fail_permission(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	for (unsigned int level = b->config.levels; level > 1; level--) {
		struct fail_sweep sweep = {};

		while (fail_next(&sweep)) {
			fill(b);
			sync_and_check(b);
			*sync_entry(b, level, INDEX(level)) &= ~SS_W;
			arm(b, &sweep);
			bench_sync_full(b);
			fail_disarm(&sweep);
			check_and_repair(b, &sweep);
			clear(b);
		}
	}
}

/* Memory that is taken: a part of a chunk, several, and tables. */
static void fail_memory_gone(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	const struct vtds_range ranges[] = {
		{ sync_data_gpa(FAKE_SCATTERED) + 3 * SZ_PAGE,
		  sync_data_gpa(FAKE_SCATTERED) + 5 * SZ_PAGE - 1 },
		{ sync_data_gpa(FAKE_CONTIG_A) + SZ_PAGE,
		  sync_data_gpa(FAKE_RUNS) + 2 * SZ_PAGE - 1 },
		{ TABLE(1), TABLE(2) - 1 },
		{ TABLE(2), TABLE(3) - 1 },
		{ TABLE(b->config.levels),
		  TABLE(b->config.levels) + SZ_PAGE - 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct fail_sweep sweep = {};

		while (fail_next(&sweep)) {
			fill(b);
			sync_and_check(b);
			arm(b, &sweep);
			bench_memory_gone(b, ranges[i].first, ranges[i].last);
			fail_disarm(&sweep);
			if (!b->domain.host.broken) {
				check_mirror(b);
				oracle_check(b, 0, U64_MAX, ORACLE_SUBSET,
					     false);
			}
			replace_broken(b);
			bench_memory_back(b);
			sync_and_check(b);
			KUNIT_EXPECT_EQ(test, b->error, 0);
			clear(b);
		}
		KUNIT_EXPECT_GT(test, sweep.nr_failed, 0);
	}
}

/* A unit is made, or not. */
static void fail_unit(struct kunit *test)
{
	struct fail_sweep sweep = {};

	while (fail_next(&sweep)) {
		struct vtds_unit *unit;

		fail_arm(&sweep);
		unit = vtds_unit_alloc();
		fail_disarm(&sweep);
		KUNIT_EXPECT_EQ(test, !unit, sweep.failed);
		if (unit)
			vtds_unit_release(unit);
	}
	KUNIT_EXPECT_GE(test, sweep.nr_failed, 3);
}

static struct kunit_case fail_cases[] = {
	KUNIT_CASE_PARAM(fail_install, sync_config_gen_params),
	KUNIT_CASE_PARAM(fail_change, sync_config_gen_params),
	KUNIT_CASE_PARAM(fail_revoke, sync_config_gen_params),
	KUNIT_CASE_PARAM(fail_permission, sync_config_gen_params),
	KUNIT_CASE_PARAM(fail_memory_gone, sync_config_gen_params),
	KUNIT_CASE(fail_unit),
	{},
};

static struct kunit_suite fail_suite = {
	.name = "vtd_shadow_fail",
	.init = sync_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fail_suite_exit,
	.test_cases = fail_cases,
};

kunit_test_suite(fail_suite);
