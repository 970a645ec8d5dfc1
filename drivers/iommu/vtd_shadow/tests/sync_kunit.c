// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of sync.c and mirror.c, one situation each: what the host maps after
 * a sync, and by which calls it got there.
 */
#include <linux/sizes.h>

#include "bench.h"

/* Guest memory: tables first, then one chunk of every kind, then gigabytes */
#define TABLES_GPA 0x0ULL
#define DATA_GPA 0x400000ULL
#define GB_GPA 0x40000000ULL
#define GB_PATCHY_GPA 0x80000000ULL
#define HOLE_GPA 0x2000000ULL
#define HAW 39

/* Tables of the tests: one of each level, and a spare one */
#define TABLE(level) (TABLES_GPA + SZ_PAGE * (level))
#define SPARE TABLE(6)

/* The window that the table of level 1 maps, and the one of level 2 */
#define WINDOW 0x40000000ULL
#define INDEX(level) vtd_level_index(WINDOW, level)

static u64 data_gpa(enum fake_kind kind)
{
	return DATA_GPA + kind * SZ_CHUNK;
}

static const struct bench_config sync_configs[] = {
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_INTEL },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_INTEL },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_INTEL_PT },
	{ 5, 57, HAW, true, 0xe, FAKE_HOST_AMD },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_VIRTIO },
};

static void sync_config_desc(const struct bench_config *config, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %u levels",
		 fake_host_name(config->host), config->levels);
}

KUNIT_ARRAY_PARAM(sync_config, sync_configs, sync_config_desc);

static u64 *entry(struct bench *b, unsigned int level, unsigned int index)
{
	return bench_entry(b, TABLE(level), index);
}

/* A path from the root to the table of level 1 at WINDOW, all of it RW */
static void make_path(struct bench *b)
{
	for (unsigned int level = b->config.levels; level > 1; level--)
		*entry(b, level, INDEX(level)) = TABLE(level - 1) | SS_RW;
}

static struct bench *set_up(struct kunit *test)
{
	const struct bench_config *config = test->param_value;
	struct bench *b = test->priv;

	bench_domain(b, config, TABLE(config->levels));
	make_path(b);
	return b;
}

/* Leaves of level 1 to consecutive guest pages */
static void fill_leaves(struct bench *b, unsigned int start, unsigned int count,
			u64 gpa, u64 bits)
{
	for (unsigned int i = 0; i < count; i++)
		*entry(b, 1, start + i) = (gpa + i * SZ_PAGE) | bits;
}

static void sync_and_check(struct bench *b)
{
	bench_sync_full(b);
	oracle_check_all(b);
}

/* Every kind of memory, in every permission, where kinds have holes and edges */
static void sync_leaves(struct kunit *test)
{
	struct bench *b = set_up(test);
	u64 offset = 180 * SZ_PAGE;

	for (unsigned int i = 0; i < 3 * FAKE_KINDS; i++) {
		u64 gpa = data_gpa(i % FAKE_KINDS) + offset;

		/* R, W, RW, none; every kind meets three of them */
		fill_leaves(b, 180, 160, gpa, (i + i / FAKE_KINDS) % 4);
		sync_and_check(b);
	}
}

/* One call for a run where the host can bear it, one for each leaf elsewhere */
static void sync_merges_runs(struct kunit *test)
{
	struct bench *b = set_up(test);
	bool merges = b->domain.host.merge;

	fill_leaves(b, 0, 512, data_gpa(FAKE_CONTIG_A), SS_RW);
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->stats.host_maps, merges ? 2 : 512);
	KUNIT_EXPECT_EQ(test, b->unit->stats.leaves_mapped, 512);
	for (unsigned int i = 0; i < b->host.nr_calls; i++)
		if (b->host.calls[i].op == FAKE_MAP)
			KUNIT_EXPECT_LT(test, b->host.calls[i].size,
					merges ? SZ_2M : 2 * SZ_PAGE);
}

/* 512 leaves that could be one superpage; one goes, the others are not touched. */
static void sync_one_of_512(struct kunit *test)
{
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 512, data_gpa(FAKE_CONTIG_A), SS_RW);
	sync_and_check(b);
	for (unsigned int i = 0; i < 512; i += 73) {
		u64 iova = WINDOW + i * SZ_PAGE;

		*entry(b, 1, i) = 0;
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
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 100, data_gpa(FAKE_SCATTERED), SS_RW);
	*entry(b, 2, INDEX(2) + 1) = data_gpa(FAKE_RUNS) | SS_RW | SS_PS;
	*entry(b, 2, INDEX(2) + 2) = data_gpa(FAKE_MIXED) | SS_RW | SS_PS;
	sync_and_check(b);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_calls, 0);
	bench_sync(b, WINDOW, WINDOW + SZ_1G - 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_calls, 0);
}

/* Bits that are the guest's own, on leaves and tables of every kind */
static void sync_ignored_bits(struct kunit *test)
{
	struct bench *b = set_up(test);
	u64 garbage = 0xbff000000000077cULL;

	fill_leaves(b, 0, 64, data_gpa(FAKE_SCATTERED), SS_RW);
	*entry(b, 2, INDEX(2) + 1) = data_gpa(FAKE_CONTIG_B) | SS_RW | SS_PS;
	*entry(b, 2, INDEX(2) + 2) = data_gpa(FAKE_MIXED) | SS_RW | SS_PS;
	sync_and_check(b);
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(garbage >> bit & 1))
			continue;
		*entry(b, 1, bit) ^= 1ULL << bit;
		for (unsigned int level = 2; level <= b->config.levels; level++)
			*entry(b, level, INDEX(level)) ^= 1ULL << bit;
		*entry(b, 2, INDEX(2) + 1) ^= 1ULL << bit;
		*entry(b, 2, INDEX(2) + 2) ^= 1ULL << bit;
		sync_and_check(b);
		KUNIT_EXPECT_EQ_MSG(test, b->host.nr_calls, 0, "bit %u", bit);
	}
	/* Not a bit of level 1 */
	*entry(b, 1, 7) |= SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->stats.leaves_unmapped, 0);
}

/* Superpages of 2 MiB on every kind of memory, in every permission */
static void sync_2m(struct kunit *test)
{
	struct bench *b = set_up(test);

	for (u64 i = 0; i < 3; i++) {
		for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++)
			*entry(b, 2, 8 + kind) = data_gpa(kind) | SS_PS |
						 (i + 1 + kind / 2 % 2 * 2) % 4;
		*entry(b, 2, 8 + FAKE_KINDS) = HOLE_GPA | SS_RW | SS_PS;
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
	make_path(b);
	*entry(b, 3, 2) = GB_GPA | SS_RW | SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 262144);
	*entry(b, 3, 2) = GB_PATCHY_GPA | SS_RW | SS_PS;
	sync_and_check(b);
	*entry(b, 3, 2) = 0;
	/* From 3 GiB to 4 GiB */
	*entry(b, 3, 3) = GB_GPA | SS_RW | SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 262144 - 256);
}

/* Superpage to table and back, the same memory and other */
static void sync_super_and_table(struct kunit *test)
{
	struct bench *b = set_up(test);
	u64 super = data_gpa(FAKE_CONTIG_A) | SS_RW | SS_PS;
	u64 table = TABLE(1) | SS_RW;

	fill_leaves(b, 0, 512, data_gpa(FAKE_CONTIG_A), SS_RW);
	for (unsigned int i = 0; i < 3; i++) {
		sync_and_check(b);
		*entry(b, 2, INDEX(2)) = super;
		bench_sync(b, WINDOW + 5 * SZ_PAGE, WINDOW + 6 * SZ_PAGE - 1);
		oracle_check_all(b);
		*entry(b, 2, INDEX(2)) = table;
		fill_leaves(b, i, 100, data_gpa(FAKE_SCATTERED), SS_R);
	}
	sync_and_check(b);
}

/* A table becomes the superpage leaf that it amounts to, or nearly. */
static void sync_collapse(struct kunit *test)
{
	static const enum fake_kind kinds[] = { FAKE_CONTIG_A, FAKE_SCATTERED,
						FAKE_ROM, FAKE_WOM };
	struct bench *b = set_up(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		u64 gpa = data_gpa(kinds[i]);

		*entry(b, 2, INDEX(2)) = TABLE(1) | SS_RW;
		fill_leaves(b, 0, 512, gpa, SS_RW);
		sync_and_check(b);
		/* One page elsewhere, then other permissions: all is made anew */
		for (unsigned int j = 0; j < 2; j++) {
			*entry(b, 1, 77) ^= j ? SS_W : SZ_PAGE;
			sync_and_check(b);
			*entry(b, 2, INDEX(2)) = gpa | SS_RW | SS_PS;
			sync_and_check(b);
			*entry(b, 2, INDEX(2)) = TABLE(1) | SS_RW;
			fill_leaves(b, 0, 512, gpa, SS_RW);
			sync_and_check(b);
		}
		/* The same in one piece: nothing for the host to do */
		*entry(b, 2, INDEX(2)) = gpa | SS_RW | SS_PS;
		sync_and_check(b);
		if (kinds[i] == FAKE_CONTIG_A || kinds[i] == FAKE_SCATTERED)
			KUNIT_EXPECT_EQ(test, b->host.nr_calls, 0);
		*entry(b, 2, INDEX(2)) = 0;
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
	struct bench *b = set_up(test);
	unsigned int maps;

	fill_leaves(b, 0, 512, data_gpa(FAKE_SCATTERED), SS_RW);
	for (unsigned int i = 0; i < 512; i++)
		*bench_entry(b, SPARE, i) = *entry(b, 1, i);
	*bench_entry(b, SPARE, 100) = data_gpa(FAKE_RUNS) | SS_RW;
	sync_and_check(b);

	maps = b->host.nr_maps;
	*entry(b, 2, INDEX(2)) = SPARE | SS_RW;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_maps, maps + 1);
	KUNIT_EXPECT_EQ(test, b->unit->stats.leaves_unmapped, 1);
}

/* Permissions narrow and widen on every level of the path. */
static void sync_path_permissions(struct kunit *test)
{
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 16, data_gpa(FAKE_RUNS), SS_RW);
	fill_leaves(b, 16, 16, data_gpa(FAKE_RUNS), SS_R);
	fill_leaves(b, 32, 16, data_gpa(FAKE_ROM), SS_RW);
	*entry(b, 2, INDEX(2) + 1) = data_gpa(FAKE_CONTIG_B) | SS_RW | SS_PS;
	/* One that is split */
	if (b->config.levels == 3)
		*entry(b, 2, INDEX(2) + 2) = data_gpa(FAKE_MIXED) | SS_RW |
					     SS_PS;
	for (unsigned int level = b->config.levels; level > 1; level--)
		for (u64 bits = 0; bits < 4; bits++) {
			*entry(b, level, INDEX(level)) = TABLE(level - 1) |
							 bits;
			sync_and_check(b);
		}
}

/* In an entry that is no superpage */
static bool is_reserved(struct bench *b, unsigned int level, unsigned int bit)
{
	return (bit >= HAW && bit <= 51) || bit == 62 ||
	       (bit == 11 && (level > 1 || !b->config.snoop)) ||
	       (bit == 7 && level > 3);
}

/* Reserved bits: what was mapped goes, and the queue does not stop for it. */
static void sync_malformed(struct kunit *test)
{
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 16, data_gpa(FAKE_RUNS), SS_RW);
	*entry(b, 2, INDEX(2) + 1) = data_gpa(FAKE_CONTIG_B) | SS_RW | SS_PS;
	for (unsigned int level = 1; level <= b->config.levels; level++) {
		u64 *e = entry(b, level, level > 1 ? INDEX(level) : 7);
		u64 good = *e;

		for (unsigned int bit = 0; bit < 63; bit++) {
			if (!is_reserved(b, level, bit))
				continue;
			*e = good | 1ULL << bit;
			sync_and_check(b);
			KUNIT_EXPECT_EQ(test, b->error, -EPROTO);
			*e = good;
			sync_and_check(b);
			KUNIT_EXPECT_EQ(test, b->error, 0);
		}
	}
	/* A superpage that is not aligned */
	*entry(b, 2, INDEX(2) + 1) |= SZ_PAGE;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->error, -EPROTO);
}

/* Tables that cannot be read, and such that can be again */
static void sync_table_unreadable(struct kunit *test)
{
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 64, data_gpa(FAKE_RUNS), SS_RW);
	for (unsigned int level = 2; level <= b->config.levels; level++) {
		sync_and_check(b);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 64);
		*entry(b, level, INDEX(level)) = HOLE_GPA | SS_RW;
		sync_and_check(b);
		KUNIT_EXPECT_EQ(test, b->error, -ENOENT);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
		make_path(b);
	}
	sync_and_check(b);
	bench_memory_gone(b, TABLE(b->config.levels),
			  TABLE(b->config.levels) + SZ_PAGE - 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	fake_mem_restore(&b->mem);
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 64);
}

/* The interrupt range under leaves of every size */
static void sync_interrupt_range(struct kunit *test)
{
	struct bench *b = set_up(test);

	/* From 0xfec00000 and 0xfee00000 */
	*entry(b, 3, 3) = SPARE | SS_RW;
	*bench_entry(b, SPARE, 503) = data_gpa(FAKE_CONTIG_A) | SS_RW | SS_PS;
	*bench_entry(b, SPARE, 502) = data_gpa(FAKE_CONTIG_B) | SS_RW | SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 1024 - 256);
	*bench_entry(b, SPARE, 503) = TABLE(1) | SS_RW;
	fill_leaves(b, 0, 512, data_gpa(FAKE_SCATTERED), SS_RW);
	sync_and_check(b);
	bench_sync(b, 0xfee00000, 0xfeefffff);
	oracle_check_all(b);
	*entry(b, 3, 3) = 0;
	sync_and_check(b);
}

/* The same table at two places, and on two levels */
static void sync_shared_tables(struct kunit *test)
{
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 30, data_gpa(FAKE_SCATTERED), SS_RW);
	*entry(b, 2, 17) = TABLE(1) | SS_R;
	/* The leaves of level 1 as tables: data pages that are all zeroes */
	*entry(b, 3, 5) = TABLE(1) | SS_RW;
	*entry(b, 3, 6) = TABLE(2) | SS_W;
	sync_and_check(b);
	*entry(b, 1, 3) = 0;
	bench_sync(b, WINDOW + 3 * SZ_PAGE, WINDOW + 4 * SZ_PAGE - 1);
	oracle_check(b, WINDOW, WINDOW + SZ_2M - 1, ORACLE_EXACT, true);
	oracle_check(b, 0, U64_MAX, ORACLE_OUTSIDE, true);
	sync_and_check(b);
}

/* Leaves outside of what the host can map are refused, the rest is mapped. */
static void sync_aperture(struct kunit *test)
{
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 32, data_gpa(FAKE_RUNS), SS_RW);
	b->domain.host.first = WINDOW + 4 * SZ_PAGE;
	b->domain.host.last = WINDOW + 20 * SZ_PAGE - 1;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->error, -ERANGE);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 16);
	oracle_check(b, b->domain.host.first, b->domain.host.last, ORACLE_EXACT,
		     true);
	oracle_check(b, 0, U64_MAX, ORACLE_SUBSET, true);
}

/* MGAW cuts tables that reach further, at any width. */
static void sync_mgaw(struct kunit *test)
{
	static const u8 widths[] = { 30, 31, 33, 36, 39 };
	const struct bench_config *config = test->param_value;

	for (unsigned int i = 0; i < ARRAY_SIZE(widths); i++) {
		struct bench_config narrow = *config;
		struct bench *b = test->priv;
		u64 end = 1ULL << widths[i];

		narrow.mgaw = widths[i];
		bench_domain(b, &narrow, TABLE(config->levels));
		for (unsigned int level = config->levels; level > 1; level--)
			memset64(entry(b, level, 0), 0, 512);
		for (unsigned int level = config->levels; level > 1; level--) {
			*entry(b, level, vtd_level_index(end - 1, level)) =
				TABLE(level - 1) | SS_RW;
			*entry(b, level, vtd_level_index(end, level)) =
				TABLE(level - 1) | SS_RW;
		}
		fill_leaves(b, 0, 4, data_gpa(FAKE_RUNS), SS_RW);
		fill_leaves(b, 508, 4, data_gpa(FAKE_RUNS), SS_RW);
		sync_and_check(b);
		KUNIT_EXPECT_GT(test, b->host.nr_pages, 0);
		bench_domain_end(b);
	}
}

/* The n-th call to the host's driver fails, for every n there is. */
static void sync_host_fails(struct kunit *test)
{
	struct bench *b = set_up(test);
	bool failed = true;

	fill_leaves(b, 0, 12, data_gpa(FAKE_SCATTERED), SS_RW);
	fill_leaves(b, 12, 4, data_gpa(FAKE_RUNS), SS_R);
	fill_leaves(b, 16, 8, data_gpa(FAKE_MIXED), SS_RW);
	*entry(b, 2, INDEX(2) + 1) = data_gpa(FAKE_RUNS) | SS_RW | SS_PS;

	for (unsigned int n = 1; failed; n += 1 + n / 5) {
		b->host.fail_in = n;
		bench_sync_full(b);
		failed = !b->host.fail_in;
		b->host.fail_in = 0;
		KUNIT_EXPECT_NE(test, b->error, 0);
		oracle_check(b, 0, U64_MAX,
			     failed ? ORACLE_SUBSET : ORACLE_EXACT, false);
		/* The next one repairs, and does not touch what is there */
		sync_and_check(b);

		*entry(b, b->config.levels, INDEX(b->config.levels)) = 0;
		bench_sync_full(b);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
		make_path(b);
	}
}

/* The n-th pin fails. */
static void sync_pin_fails(struct kunit *test)
{
	struct bench *b = set_up(test);
	bool failed = true;

	fill_leaves(b, 0, 4, data_gpa(FAKE_SCATTERED), SS_RW);
	fill_leaves(b, 4, 10, data_gpa(FAKE_MIXED), SS_RW);
	*entry(b, 2, INDEX(2) + 1) = data_gpa(FAKE_RUNS) | SS_RW | SS_PS;
	b->mem.error = -ENOMEM;
	for (unsigned int n = 1; failed; n++) {
		b->mem.fail_in = n;
		bench_sync_full(b);
		failed = !b->mem.fail_in;
		b->mem.fail_in = 0;
		oracle_check(b, 0, U64_MAX,
			     failed ? ORACLE_SUBSET : ORACLE_EXACT, false);
		sync_and_check(b);
		/* Nothing is kept, so that all is pinned again */
		bench_memory_gone(b, 0, 0xffffffff);
		KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
		fake_mem_restore(&b->mem);
	}
}

/* Memory goes away under leaves, superpages and tables. */
static void sync_memory_gone(struct kunit *test)
{
	struct bench *b = set_up(test);

	fill_leaves(b, 0, 40, data_gpa(FAKE_SCATTERED), SS_RW);
	*entry(b, 2, INDEX(2) + 1) = data_gpa(FAKE_CONTIG_B) | SS_RW | SS_PS;
	*entry(b, 2, INDEX(2) + 2) = data_gpa(FAKE_SCATTERED) | SS_R | SS_PS;
	for (enum fake_kind kind = 0; kind <= FAKE_SCATTERED; kind++) {
		sync_and_check(b);
		bench_memory_gone(b, data_gpa(kind) + 7 * SZ_PAGE,
				  data_gpa(kind) + 9 * SZ_PAGE - 1);
		oracle_check(b, 0, U64_MAX, ORACLE_EXACT, false);
		fake_mem_restore(&b->mem);
	}
	for (unsigned int level = 1; level <= b->config.levels; level++) {
		sync_and_check(b);
		bench_memory_gone(b, TABLE(level), TABLE(level) + SZ_PAGE - 1);
		oracle_check(b, 0, U64_MAX, ORACLE_EXACT, false);
		fake_mem_restore(&b->mem);
	}
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->error, 0);
}

static int sync_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	/* Not in the blocks that data is in */
	fake_mem_add(&b->mem, TABLES_GPA, SZ_CHUNK, FAKE_TABLES);
	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++)
		fake_mem_add(&b->mem, data_gpa(kind), SZ_CHUNK, kind);
	fake_mem_add(&b->mem, GB_GPA, SZ_1G, FAKE_CONTIG_A);
	fake_mem_add(&b->mem, GB_PATCHY_GPA + 7 * SZ_2M, SZ_2M, FAKE_MIXED);
	fake_mem_add(&b->mem, GB_PATCHY_GPA + 9 * SZ_2M, SZ_2M, FAKE_ROM);
	/* The last 4 MiB are missing */
	fake_mem_add(&b->mem, GB_PATCHY_GPA, SZ_1G - SZ_4M, FAKE_CONTIG_B);
	return 0;
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
	KUNIT_CASE_PARAM(sync_malformed, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_table_unreadable, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_interrupt_range, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_shared_tables, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_aperture, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_mgaw, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_host_fails, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_pin_fails, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_memory_gone, sync_config_gen_params),
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
