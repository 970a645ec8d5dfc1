// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of sync.c and mirror.c: entries that are malformed or out of reach, hosts
 * and pins that fail, and memory that goes away.
 */
#include "../unit.h"
#include "../vtd_format.h"
#include "sync_bench.h"

KUNIT_ARRAY_PARAM(sync_config, sync_configs, sync_config_desc);

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
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 16, sync_data_gpa(FAKE_RUNS), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_CONTIG_B) | SS_RW |
					  SS_PS;
	for (unsigned int level = 1; level <= b->config.levels; level++) {
		u64 *e = sync_entry(b, level, level > 1 ? INDEX(level) : 7);
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
	*sync_entry(b, 2, INDEX(2) + 1) |= SZ_PAGE;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->error, -EPROTO);
}

/* Tables that cannot be read, and such that can be again */
static void sync_table_unreadable(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 64, sync_data_gpa(FAKE_RUNS), SS_RW);
	for (unsigned int level = 2; level <= b->config.levels; level++) {
		sync_and_check(b);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 64);
		*sync_entry(b, level, INDEX(level)) = HOLE_GPA | SS_RW;
		sync_and_check(b);
		KUNIT_EXPECT_EQ(test, b->error, -ENOENT);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
		sync_make_path(b);
	}
	sync_and_check(b);
	bench_memory_gone(b, TABLE(b->config.levels),
			  TABLE(b->config.levels) + SZ_PAGE - 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	bench_memory_back(b);
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 64);
}

/* The interrupt range under leaves of every size */
static void sync_interrupt_range(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	/* From 0xfec00000 and 0xfee00000 */
	*sync_entry(b, 3, 3) = SPARE | SS_RW;
	*bench_entry(b, SPARE, 503) = sync_data_gpa(FAKE_CONTIG_A) | SS_RW |
				      SS_PS;
	*bench_entry(b, SPARE, 502) = sync_data_gpa(FAKE_CONTIG_B) | SS_RW |
				      SS_PS;
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 1024 - 256);
	*bench_entry(b, SPARE, 503) = TABLE(1) | SS_RW;
	sync_fill_leaves(b, 0, 512, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	sync_and_check(b);
	bench_sync(b, 0xfee00000, 0xfeefffff);
	oracle_check_all(b);
	*sync_entry(b, 3, 3) = 0;
	sync_and_check(b);
}

/* Leaves outside of what the host can map are refused, the rest is mapped. */
static void sync_aperture(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 32, sync_data_gpa(FAKE_RUNS), SS_RW);
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
			memset64(sync_entry(b, level, 0), 0, 512);
		for (unsigned int level = config->levels; level > 1; level--) {
			*sync_entry(b, level, vtd_level_index(end - 1, level)) =
				TABLE(level - 1) | SS_RW;
			*sync_entry(b, level, vtd_level_index(end, level)) =
				TABLE(level - 1) | SS_RW;
		}
		sync_fill_leaves(b, 0, 4, sync_data_gpa(FAKE_RUNS), SS_RW);
		sync_fill_leaves(b, 508, 4, sync_data_gpa(FAKE_RUNS), SS_RW);
		sync_and_check(b);
		KUNIT_EXPECT_GT(test, b->host.nr_pages, 0);
		bench_domain_end(b);
	}
}

/* The n-th call to the host's driver fails, for every n there is. */
static void sync_host_fails(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	bool failed = true;

	sync_fill_leaves(b, 0, 12, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	sync_fill_leaves(b, 12, 4, sync_data_gpa(FAKE_RUNS), SS_R);
	sync_fill_leaves(b, 16, 8, sync_data_gpa(FAKE_MIXED), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_RUNS) | SS_RW |
					  SS_PS;

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

		*sync_entry(b, b->config.levels, INDEX(b->config.levels)) = 0;
		bench_sync_full(b);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
		sync_make_path(b);
	}
}

/* The n-th pin fails. */
static void sync_pin_fails(struct kunit *test)
{
	struct bench *b = sync_set_up(test);
	bool failed = true;

	sync_fill_leaves(b, 0, 4, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	sync_fill_leaves(b, 4, 10, sync_data_gpa(FAKE_MIXED), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_RUNS) | SS_RW |
					  SS_PS;
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
		bench_memory_back(b);
	}
}

/* Memory goes away under leaves, superpages and tables. */
static void sync_memory_gone(struct kunit *test)
{
	struct bench *b = sync_set_up(test);

	sync_fill_leaves(b, 0, 40, sync_data_gpa(FAKE_SCATTERED), SS_RW);
	*sync_entry(b, 2, INDEX(2) + 1) = sync_data_gpa(FAKE_CONTIG_B) | SS_RW |
					  SS_PS;
	*sync_entry(b, 2, INDEX(2) + 2) = sync_data_gpa(FAKE_SCATTERED) | SS_R |
					  SS_PS;
	for (enum fake_kind kind = 0; kind <= FAKE_SCATTERED; kind++) {
		sync_and_check(b);
		bench_memory_gone(b, sync_data_gpa(kind) + 7 * SZ_PAGE,
				  sync_data_gpa(kind) + 9 * SZ_PAGE - 1);
		oracle_check(b, 0, U64_MAX, ORACLE_EXACT, false);
		bench_memory_back(b);
	}
	for (unsigned int level = 1; level <= b->config.levels; level++) {
		sync_and_check(b);
		bench_memory_gone(b, TABLE(level), TABLE(level) + SZ_PAGE - 1);
		oracle_check(b, 0, U64_MAX, ORACLE_EXACT, false);
		bench_memory_back(b);
	}
	sync_and_check(b);
	KUNIT_EXPECT_EQ(test, b->error, 0);
}

static struct kunit_case sync_fault_cases[] = {
	KUNIT_CASE_PARAM(sync_malformed, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_table_unreadable, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_interrupt_range, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_aperture, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_mgaw, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_host_fails, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_pin_fails, sync_config_gen_params),
	KUNIT_CASE_PARAM(sync_memory_gone, sync_config_gen_params),
	{},
};

static struct kunit_suite sync_fault_suite = {
	.name = "vtd_shadow_sync_fault",
	.init = sync_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = sync_fault_cases,
};

kunit_test_suite(sync_fault_suite);
