// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the limits: a guest that describes more than a host can hold ends
 * in an error, and what it takes back is taken back nevertheless.
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include "../batch.h"
#include "../flush.h"
#include "../settle.h"
#include "../todo.h"
#include "../unit.h"
#include "bench.h"

#define TABLE_GPA 0x1000ULL
#define SECOND_GPA 0x2000ULL
#define THIRD_GPA 0x3000ULL
#define GB_GPA 0x40000000ULL
#define HOLE_GPA 0x1000000000ULL
#define HAW 40

static const struct bench_config budget_configs[] = {
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_INTEL, 0, 40, 3000 },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_AMD, 0, 40, 3000 },
	{ 5, 57, HAW, false, 0xe, FAKE_HOST_VIRTIO, 0, 40, 3000 },
	/* Nodes run out first */
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_INTEL, 0, 7, 0 },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_INTEL, 0, 7, 0 },
	{ 5, 57, HAW, false, 0xe, FAKE_HOST_INTEL, 0, 3, 0 },
	{ 5, 57, HAW, false, 0xe, FAKE_HOST_INTEL, 0, 1, 0 },
};

static void budget_config_desc(const struct bench_config *config, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE,
		 "%u levels, %llu nodes, %llu pages", config->levels,
		 config->max_nodes, config->max_pages);
}

KUNIT_ARRAY_PARAM(budget_config, budget_configs, budget_config_desc);

static struct bench *set_up(struct kunit *test)
{
	bench_domain(test->priv, test->param_value, TABLE_GPA);
	return test->priv;
}

static u64 *table(struct bench *b)
{
	return bench_entry(b, TABLE_GPA, 0);
}

/* Every entry on every level is the same table. */
static void budget_self_reference(struct kunit *test)
{
	struct bench *b = set_up(test);
	unsigned int index = 512;
	u64 pages;

	memset64(table(b), TABLE_GPA | SS_RW, 512);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->error, -ENOSPC);
	KUNIT_EXPECT_TRUE(test, b->limited);
	oracle_check_mapped(b);
	pages = b->host.nr_pages;

	/* Again: no more, and what there is stays */
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->error, -ENOSPC);
	oracle_check_mapped(b);
	KUNIT_EXPECT_GE(test, b->host.nr_pages, pages);

	/* Revoking goes on */
	while (index > 1) {
		index /= 2;
		memset64(table(b) + index, 0, index);
		bench_sync_full(b);
		oracle_check_mapped(b);
	}
	/* One leaf is left, if there are nodes for it */
	KUNIT_EXPECT_EQ(test, b->host.nr_pages,
			b->unit->max_nodes >= b->config.levels);
	*table(b) = 0;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->error, 0);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	KUNIT_EXPECT_EQ(test, b->unit->nr_nodes, 1);
}

/* A table that refers to itself, synced by a page flush */
static void budget_self_reference_page(struct kunit *test)
{
	struct bench *b = set_up(test);

	memset64(table(b), TABLE_GPA | SS_RW, 512);
	bench_sync(b, 0x1234567000, 0x1234567fff);
	KUNIT_EXPECT_EQ(test, b->error, -ENOSPC);
	oracle_check_mapped(b);
	memset64(table(b), TABLE_GPA | SS_R, 512);
	bench_sync(b, 0x1234567000, 0x1234567fff);
	oracle_check_mapped(b);
}

/* 3 levels, and a table of superpages of 2 MiB */
static void map_superpages(struct bench *b, u64 gpa, unsigned int count)
{
	u64 *second = bench_entry(b, SECOND_GPA, 0);

	table(b)[1] = SECOND_GPA | SS_RW;
	for (unsigned int i = 0; i < count; i++)
		second[i] = (gpa + i * SZ_2M) | SS_RW | SS_PS;
}

/* Pages are counted as 4 KiB, whatever the size of the leaf. */
static void budget_superpages(struct kunit *test)
{
	struct bench *b = test->priv;

	bench_domain(b, &budget_configs[0], TABLE_GPA);
	map_superpages(b, GB_GPA, 512);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->error, -ENOSPC);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 3000 / 512 * 512);
	oracle_check_mapped(b);

	/* A leaf of 1 GiB never fits, and takes nothing away from others */
	table(b)[2] = GB_GPA | SS_RW | SS_PS;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 3000 / 512 * 512);
	oracle_check_mapped(b);
	table(b)[1] = 0;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
}

/*
 * Leaves that lead nowhere are not counted by any limit, so they may not make
 * the kernel keep anything while they are looked at.
 */
static void budget_holes(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_batch batch;

	bench_domain(b, &budget_configs[0], TABLE_GPA);
	map_superpages(b, HOLE_GPA, 16);
	fake_host_step(&b->host);
	bench_batch_begin(b->unit, &batch);
	vtds_todo_all(&b->domain.todo, batch.seq);
	vtds_settle(&batch);
	KUNIT_EXPECT_EQ(test, b->unit->mem.nr_idle, 0);
	KUNIT_EXPECT_EQ(test, bench_batch_end(&batch), ENOENT);
	KUNIT_EXPECT_EQ(test, b->unit->mem.nr_segments, 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
}

/* One flush may need what it gives back further up. */
static void budget_gives_back(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 *second = bench_entry(b, SECOND_GPA, 0);

	bench_domain(b, &budget_configs[0], TABLE_GPA);
	map_superpages(b, GB_GPA, 5);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->error, 0);
	/* The fifth of five that fit goes, and another one comes before it */
	swap(second[4], second[8]);
	bench_sync_full(b);
	swap(second[8], second[6]);
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->error, 0);
	oracle_check_all(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 5 * 512);
}

/* What is refused counts, too: it takes time. */
static void budget_refused(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 *second = bench_entry(b, SECOND_GPA, 0);
	struct vtds_batch batch;

	bench_domain(b, &budget_configs[0], TABLE_GPA);
	map_superpages(b, GB_GPA, 5);
	for (unsigned int i = 0; i < 4; i++)
		second[i] |= SZ_PAGE;
	fake_host_step(&b->host);
	bench_batch_begin(b->unit, &batch);
	b->domain.turn = (struct vtds_domain_turn){
		.seq = batch.seq,
		.refused = VTDS_MAX_REFUSED - 4,
	};
	vtds_todo_all(&b->domain.todo, batch.seq);
	bench_batch_end(&batch);
	KUNIT_EXPECT_TRUE(test, batch.limited);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);

	/* The next call has a count of its own */
	bench_sync_full(b);
	KUNIT_EXPECT_FALSE(test, b->limited);
	oracle_check_all(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 512);
}

/* A call of one table each time, as the background may be in the middle of one */
static bool settle_some(struct vtds_batch *batch)
{
	batch->takes_rest = true;
	batch->work = 1;
	return vtds_settle(batch);
}

/* The VMM calls again. */
static noinline_for_stack void settle_rest(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_batch batch;

	vtds_batch_begin(&batch, b->unit);
	KUNIT_EXPECT_FALSE(test, settle_some(&batch));
	batch.work = U64_MAX;
	KUNIT_EXPECT_TRUE(test, vtds_settle(&batch));
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 5 * 512);
	vtds_batch_end(&batch);
}

/* What a call has left is not done before it is done, whoever is working on it. */
static void budget_rest(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_batch batch;

	bench_domain(b, &budget_configs[0], TABLE_GPA);
	map_superpages(b, GB_GPA, 5);
	fake_host_step(&b->host);
	bench_batch_begin(b->unit, &batch);
	vtds_todo_all(&b->domain.todo, batch.seq);
	KUNIT_EXPECT_FALSE(test, settle_some(&batch));
	vtds_batch_end(&batch);

	vtds_batch_begin(&batch, b->unit);
	KUNIT_EXPECT_FALSE(test, settle_some(&batch));
	settle_rest(test);
	KUNIT_EXPECT_TRUE(test, settle_some(&batch));
	bench_batch_end(&batch);
}

/* Tables that lead to tables, and these to nothing, count as others do. */
static void budget_empty_tables(struct kunit *test)
{
	static const struct bench_config config = {
		4, 48, HAW, false, 0xe, FAKE_HOST_INTEL, 0, 2000,
	};
	struct bench *b = test->priv;
	u64 nr_nodes, work = 5;

	bench_domain(b, &config, TABLE_GPA);
	table(b)[0] = THIRD_GPA | SS_RW;
	memset64(bench_entry(b, THIRD_GPA, 0), SECOND_GPA | SS_RW, 512);
	nr_nodes = b->unit->nr_nodes + 1;
	for (unsigned int i = 0; i < 10; i++) {
		struct vtds_batch batch;

		bench_batch_begin(b->unit, &batch);
		batch.work = work;
		batch.takes_rest = true;
		if (!i)
			vtds_todo_all(&b->domain.todo, batch.seq);
		KUNIT_EXPECT_FALSE(test, vtds_settle(&batch));
		vtds_batch_end(&batch);
		vtds_unlock(&b->unit->lock);
		nr_nodes += work;
		KUNIT_EXPECT_EQ(test, b->unit->nr_nodes, nr_nodes);
	}
}

/*
 * A leaf of 1 GiB whose memory is not to be had all at once: somebody has all let go of that
 * is not in use, each time that some is pinned.
 */
static void budget_in_pieces(struct kunit *test)
{
	static const struct bench_config config = {
		3, 39, HAW, false, 0xe, FAKE_HOST_INTEL, 0, 1000, 1000000,
	};
	struct bench *b = test->priv;
	struct vtds_batch batch;

	bench_domain(b, &config, TABLE_GPA);
	table(b)[2] = GB_GPA | SS_RW | SS_PS;
	fake_host_step(&b->host);
	bench_batch_begin(b->unit, &batch);
	vtds_todo_all(&b->domain.todo, batch.seq);
	for (unsigned int i = 0; i < 5000; i++) {
		vtds_settle_quickly(&batch, U64_MAX);
		if (!b->domain.todo.count)
			break;
		KUNIT_ASSERT_EQ(test, vtds_wait_for_memory(&batch), 0);
		vtds_mem_release_idle(&b->unit->mem);
		vtds_unlock(&b->unit->lock);
		vtds_unit_trim(b->unit);
		vtds_lock(&b->unit->lock);
	}
	KUNIT_EXPECT_EQ(test, b->domain.todo.count, 0);
	KUNIT_EXPECT_EQ(test, bench_batch_end(&batch), 0);
	KUNIT_EXPECT_EQ(test, b->unit->nr_pages, SZ_1G / SZ_PAGE);
	oracle_check_all(b);
}

static int budget_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_TABLES);
	fake_mem_add(&b->mem, GB_GPA, SZ_1G, FAKE_CONTIG_A);
	return 0;
}

static struct kunit_case budget_cases[] = {
	KUNIT_CASE_PARAM(budget_self_reference, budget_config_gen_params),
	KUNIT_CASE_PARAM(budget_self_reference_page, budget_config_gen_params),
	KUNIT_CASE(budget_superpages),
	KUNIT_CASE(budget_holes),
	KUNIT_CASE(budget_gives_back),
	KUNIT_CASE(budget_refused),
	KUNIT_CASE(budget_rest),
	KUNIT_CASE(budget_empty_tables),
	KUNIT_CASE(budget_in_pieces),
	{},
};

static struct kunit_suite budget_suite = {
	.name = "vtd_shadow_budget",
	.init = budget_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = budget_cases,
};

kunit_test_suite(budget_suite);
