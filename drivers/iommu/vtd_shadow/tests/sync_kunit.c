// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of sync.c and mirror.c with tables that are good, one situation each: what
 * the host maps after a sync, and by which calls it got there.
 */
#include <linux/sizes.h>

#include "../guest_chunk.h"
#include "../guest_mem.h"
#include "../unit.h"
#include "sync_bench.h"

KUNIT_ARRAY_PARAM(sync_config, sync_configs, sync_config_desc);

/* Every kind of memory, in every permission, where kinds have holes and edges */
static void sync_leaves(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	u64 offset = 180 * SZ_PAGE;

	for (unsigned int i = 0; i < 3 * FAKE_KINDS; i++) {
		u64 gpa = sync_data_gpa(i % FAKE_KINDS) + offset;

		/* R, W, RW, none; every kind meets three of them */
		sync_fill_leaves(b, 180, 160, gpa, (i + i / FAKE_KINDS) % 4);
		sync_and_check(b);
	}
}

/* One call for a run where the host can bear it, one for each leaf elsewhere */
static void sync_merges_runs(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	bool merges = b->domain.host.merge;

	sync_fill_leaves(b, 0, 512, sync_data_gpa(FAKE_CONTIG_A), SS_RW);
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->domain.stats.host_maps, merges ? 2 : 512);
	KUNIT_EXPECT_EQ(test, b->domain.stats.leaves_mapped, 512);
	for (unsigned int i = 0; i < b->host.nr_calls; i++)
		if (b->host.calls[i].op == FAKE_MAP)
			KUNIT_EXPECT_LT(test, b->host.calls[i].size,
					merges ? SZ_2M : 2 * SZ_PAGE);
}

/* 512 leaves that could be one superpage; one goes, the others are not touched. */
static void sync_one_of_512(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 512, sync_data_gpa(FAKE_CONTIG_A), SS_RW);
	sync_and_check(b);
	for (unsigned int i = 0; i < 512; i += 73) {
		u64 iova = WINDOW + i * SZ_PAGE;

		*sync_entry(b, 1, i) = 0;
		bench_sync(b, iova, iova + SZ_PAGE - 1);
		oracle_check_all(b);
		KUNIT_EXPECT_EQ(test, b->host.stamp, b->stamp);
		KUNIT_EXPECT_EQ(test, b->host.nr_calls, 2);
		KUNIT_EXPECT_EQ(test, b->host.calls[1].iova, iova);
		KUNIT_EXPECT_EQ(test, b->host.calls[1].size, SZ_PAGE);
	}
}

/* A flush over unchanged tables does not reach the host. */
static void sync_unchanged(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 100, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_RUNS) | SS_RW |
					  SS_PS;
	*sync_entry(b, 2, INDEX(2) + 2) = sync_data_gpa(FAKE_MIXED) | SS_RW |
					  SS_PS;
	sync_and_check(b);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_calls, 0);
	bench_sync(b, WINDOW, WINDOW + SZ_1G - 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_calls, 0);
}

/* Bits that are the guest's own, on leaves and tables of every kind */
static void sync_ignored_bits(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	u64 garbage = 0xbff000000000077cULL;

	sync_fill_leaves(b, 0, 64, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_CONTIG_B) | SS_RW |
					  SS_PS;
	*sync_entry(b, 2, INDEX(2) + 2) = sync_data_gpa(FAKE_MIXED) | SS_RW |
					  SS_PS;
	sync_and_check(b);
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(garbage >> bit & 1))
			continue;
		*sync_entry(b, 1, bit) ^= 1ULL << bit;
		for (unsigned int level = 2; level <= b->config.levels; level++)
			*sync_entry(b, level, INDEX(level)) ^= 1ULL << bit;
		*sync_entry(b, 2, INDEX(2) + 1) ^= 1ULL << bit;
		*sync_entry(b, 2, INDEX(2) + 2) ^= 1ULL << bit;
		sync_and_check(b);
		KUNIT_EXPECT_EQ_MSG(test, b->host.nr_calls, 0, "bit %u", bit);
	}
	/* Not a bit of level 1 */
	*sync_entry(b, 1, 7) |= SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->domain.stats.leaves_unmapped, 0);
}

/* Superpages of 2 MiB on every kind of memory, in every permission */
static void sync_2m(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	for (u64 i = 0; i < 3; i++) {
		for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++)
			*sync_entry(b, 2, 8 + kind) =
				sync_data_gpa(kind) | SS_PS |
				(i + 1 + kind / 2 % 2 * 2) % 4;
		*sync_entry(b, 2, 8 + FAKE_KINDS) = HOLE_GPA | SS_RW | SS_PS;
		sync_and_check(b);
	}
	/* Contiguous memory becomes one page where the host has such */
	if (b->domain.host.merge) {
		struct fake_leaf *leaf =
			fake_tree_find(&b->host.leaves, WINDOW + 8 * SZ_2M);

		KUNIT_ASSERT_NOT_NULL(test, leaf);
		KUNIT_EXPECT_EQ(test, leaf->last - leaf->iova, SZ_2M - 1);
	}
}

/* Superpages of 1 GiB: wholly backed, with holes, over the interrupt range */
static void sync_1g(struct kunit *test)
{
	struct bench *b = test->priv;

	bench_domain(b, &sync_configs[1], TABLE(4));
	sync_make_path(b);
	*sync_entry(b, 3, 2) = GB_GPA | SS_RW | SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 262144);
	*sync_entry(b, 3, 2) = GB_PATCHY_GPA | SS_RW | SS_PS;
	sync_and_check(b);
	*sync_entry(b, 3, 2) = 0;
	/* From 3 GiB to 4 GiB */
	*sync_entry(b, 3, 3) = GB_GPA | SS_RW | SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 262144 - 256);
}

/* Superpage to table and back, the same memory and other */
static void sync_super_and_table(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	u64 super = sync_data_gpa(FAKE_CONTIG_A) | SS_RW | SS_PS;
	u64 table = TABLE(1) | SS_RW;

	sync_fill_leaves(b, 0, 512, sync_data_gpa(FAKE_CONTIG_A), SS_RW);
	for (unsigned int i = 0; i < 3; i++) {
		sync_and_check(b);
		*sync_entry(b, 2, INDEX(2)) = super;
		bench_sync(b, WINDOW + 5 * SZ_PAGE, WINDOW + 6 * SZ_PAGE - 1);
		oracle_check_all(b);
		*sync_entry(b, 2, INDEX(2)) = table;
		sync_fill_leaves(b, i, 100, sync_data_gpa(FAKE_SCATTERED),
				 SS_R);
	}
	sync_and_check(b);
}

/* A table becomes the superpage leaf that it amounts to, or nearly. */
static void sync_collapse(struct kunit *test)
{
	static const enum fake_kind kinds[] = { FAKE_CONTIG_A, FAKE_SCATTERED,
						FAKE_ROM, FAKE_WOM };
	struct bench *b = sync_set_up(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		u64 gpa = sync_data_gpa(kinds[i]);

		*sync_entry(b, 2, INDEX(2)) = TABLE(1) | SS_RW;
		sync_fill_leaves(b, 0, 512, gpa, SS_RW);
		sync_and_check(b);
		/* One page elsewhere, then other permissions: all is made anew */
		for (unsigned int j = 0; j < 2; j++) {
			*sync_entry(b, 1, 77) ^= j ? SS_W : SZ_PAGE;
			sync_and_check(b);
			*sync_entry(b, 2, INDEX(2)) = gpa | SS_RW | SS_PS;
			sync_and_check(b);
			*sync_entry(b, 2, INDEX(2)) = TABLE(1) | SS_RW;
			sync_fill_leaves(b, 0, 512, gpa, SS_RW);
			sync_and_check(b);
		}
		/* One piece of the same memory: nothing for the host to do */
		*sync_entry(b, 2, INDEX(2)) = gpa | SS_RW | SS_PS;
		sync_and_check(b);
		if (kinds[i] == FAKE_CONTIG_A || kinds[i] == FAKE_SCATTERED)
			KUNIT_EXPECT_EQ(test, b->host.nr_calls, 0);
		*sync_entry(b, 2, INDEX(2)) = 0;
		sync_and_check(b);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	}
	/* Each leaf gave back what it used */
	vtds_mem_release_idle(&b->unit->mem);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
}

/* A pointer moves to a table that differs in one leaf: only that one changes. */
static void sync_table_moves(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	unsigned int maps;

	sync_fill_leaves(b, 0, 512, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	for (unsigned int i = 0; i < 512; i++)
		*bench_entry(b, SPARE, i) = *sync_entry(b, 1, i);
	*bench_entry(b, SPARE, 100) = sync_data_gpa(FAKE_RUNS) | SS_RW;
	sync_and_check(b);

	maps = b->host.nr_maps;
	*sync_entry(b, 2, INDEX(2)) = SPARE | SS_RW;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_maps, maps + 1);
	KUNIT_EXPECT_EQ(test, b->domain.stats.leaves_unmapped, 1);
}

/* Permissions narrow and widen on every level of the path. */
static void sync_path_permissions(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 16, sync_data_gpa(FAKE_RUNS), SS_RW);
	sync_fill_leaves(b, 16, 16, sync_data_gpa(FAKE_RUNS), SS_R);
	sync_fill_leaves(b, 32, 16, sync_data_gpa(FAKE_ROM), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_CONTIG_B) | SS_RW |
					  SS_PS;
	/* One that is split */
	if (b->config.levels == 3)
		*sync_entry(b, 2, INDEX(2) + 2) = sync_data_gpa(FAKE_MIXED) |
						  SS_RW | SS_PS;
	for (unsigned int level = b->config.levels; level > 1; level--)
		for (u64 bits = 0; bits < 4; bits++) {
			*sync_entry(b, level, INDEX(level)) = TABLE(level - 1) |
							      bits;
			sync_and_check(b);
		}
}

/* A table at two places, and on two levels */
static void sync_shared_tables(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 30, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	*sync_entry(b, 2, 17) = TABLE(1) | SS_R;
	/* The leaves of level 1 as tables: data pages that are all zeroes */
	*sync_entry(b, 3, 5) = TABLE(1) | SS_RW;
	*sync_entry(b, 3, 6) = TABLE(2) | SS_W;
	sync_and_check(b);
	*sync_entry(b, 1, 3) = 0;
	bench_sync(b, WINDOW + 3 * SZ_PAGE, WINDOW + 4 * SZ_PAGE - 1);
	oracle_check(b, WINDOW, WINDOW + SZ_2M - 1, ORACLE_EXACT, true);
	oracle_check(b, 0, U64_MAX, ORACLE_OUTSIDE, true);
	sync_and_check(b);
}

static struct kunit_case sync_cases[] = {
	KUNIT_CASE_PARAM(sync_leaves, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_merges_runs, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_one_of_512, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_unchanged, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_ignored_bits, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_2m, sync_config_gen_params),
	KUNIT_CASE_SLOW(sync_1g),
	KUNIT_CASE_PARAM(sync_super_and_table, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_collapse, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_table_moves, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_path_permissions, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_shared_tables, sync_config_gen_params),
	{},
};

static struct kunit_suite sync_suite = {
	.name = "vtd_shadow_sync",
	.init = sync_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = sync_cases,
};

kunit_test_suite(sync_suite);
