// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of tables.c and rmap.c: page tables that the host keeps are bounded, and
 * memory that goes is found without a look at all tables.
 */
#include <linux/sizes.h>

#include "../rmap.h"
#include "../tables.h"
#include "../unit.h"
#include "bench.h"

#define TOP_GPA 0x1000ULL
/* Tables of 2 MiB slots, as many as all slots take, and one of leaves for all of them */
#define SECOND_GPA 0x10000ULL
#define LEAVES_GPA 0x2000ULL
#define MORE_LEAVES_GPA 0x3000ULL
#define DATA_GPA 0x400000ULL
#define OTHER_GPA 0x800000ULL
#define HAW 40
#define SLOTS 3000
#define AT_ONCE 6
#define LIMIT 600

static const struct bench_config hosts[] = {
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_INTEL },
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_INTEL_PT },
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_AMD },
};

static void host_desc(const struct bench_config *config, char *desc)
{
	strscpy(desc, fake_host_name(config->host), KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(host, hosts, host_desc);

static u64 *slot_entry(struct bench *b, unsigned int slot)
{
	return bench_entry(b, SECOND_GPA + slot / 512 * SZ_PAGE, slot % 512);
}

static u64 slot_iova(unsigned int slot)
{
	return (u64)slot * SZ_2M;
}

static void sync_slot(struct bench *b, unsigned int slot)
{
	bench_sync(b, slot_iova(slot), slot_iova(slot) + SZ_PAGE - 1);
}

static struct bench *set_up(struct kunit *test,
			    const struct bench_config *config)
{
	struct bench *b = test->priv;

	bench_domain(b, config, TOP_GPA);
	for (unsigned int i = 0; i < DIV_ROUND_UP(SLOTS, 512); i++)
		*bench_entry(b, TOP_GPA, i) = (SECOND_GPA + i * SZ_PAGE) |
					      SS_RW;
	*bench_entry(b, LEAVES_GPA, 0) = DATA_GPA | SS_RW;
	return b;
}

/* A table of one leaf comes at one place after the other, and goes. */
static void come_and_go(struct bench *b, unsigned int slot)
{
	*slot_entry(b, slot) = LEAVES_GPA | SS_RW;
	sync_slot(b, slot);
	if (slot < AT_ONCE)
		return;
	*slot_entry(b, slot - AT_ONCE) = 0;
	sync_slot(b, slot - AT_ONCE);
}

static void tables_bounded(struct kunit *test)
{
	struct bench *b = set_up(test, test->param_value);

	for (unsigned int i = 0; i < SLOTS; i++) {
		come_and_go(b, i);
		KUNIT_EXPECT_EQ(test, b->error, 0);
		KUNIT_EXPECT_LE(test, fake_host_nr_tables(&b->host),
				VTDS_TABLES_MAX + AT_ONCE + 1);
		/* Where nothing may be mapped, not even for a moment, one stays */
		KUNIT_EXPECT_LE(test, b->unit->nr_tables_left,
				VTDS_TABLES_MAX + 1);
	}
	oracle_check_all(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, AT_ONCE);
}

/* With a low limit they go earlier, before anything is refused because of them. */
static void tables_make_room(struct kunit *test)
{
	struct bench_config config = hosts[1];
	struct bench *b;

	config.max_nodes = 30;
	b = set_up(test, &config);
	for (unsigned int i = 0; i < 200; i++) {
		come_and_go(b, i);
		KUNIT_EXPECT_EQ(test, b->error, 0);
		KUNIT_EXPECT_LE(test, fake_host_nr_tables(&b->host), 31);
	}
	oracle_check_all(b);
}

/* A host that cannot free them: at the limit leaves are refused, and nothing else is. */
static void tables_of_small_pages(struct kunit *test)
{
	struct bench_config config = hosts[1];
	unsigned int refused = 0;
	struct bench *b;

	config.max_nodes = LIMIT;
	b = set_up(test, &config);
	b->host.domain.pgsize_bitmap = SZ_PAGE;
	/* One that is there all the time */
	*slot_entry(b, SLOTS) = LEAVES_GPA | SS_RW;
	sync_slot(b, SLOTS);
	for (unsigned int i = 0; i < SLOTS; i++) {
		come_and_go(b, i);
		refused += b->error == -ENOSPC;
		KUNIT_EXPECT_LE(test, fake_host_nr_tables(&b->host), LIMIT);
	}
	KUNIT_EXPECT_GT(test, refused, 0);
	KUNIT_EXPECT_TRUE(test,
			  fake_tree_find(&b->host.leaves, slot_iova(SLOTS)));
	oracle_check_mapped(b);
}

/* Many of them take long: it is a few at a time. */
static void tables_in_steps(struct kunit *test)
{
	struct bench *b = set_up(test, &hosts[1]);
	unsigned int nr_left;

	for (unsigned int i = 0; i < 300; i++) {
		*slot_entry(b, i) = LEAVES_GPA | SS_RW;
		sync_slot(b, i);
	}
	for (unsigned int i = 0; i < 300; i++)
		*slot_entry(b, i) = 0;
	bench_sync_full(b);
	nr_left = b->domain.tables.nr_left;
	KUNIT_EXPECT_EQ(test, nr_left, VTDS_TABLES_MAX);

	guard(vtds_lock)(&b->unit->lock);
	KUNIT_EXPECT_TRUE(test, vtds_tables_trim(&b->domain, 0));
	KUNIT_EXPECT_EQ(test, b->domain.tables.nr_left,
			nr_left - VTDS_TABLES_STEP);
	while (vtds_tables_trim(&b->domain, 0))
		;
	KUNIT_EXPECT_EQ(test, b->domain.tables.nr_left, 0);
}

static unsigned int visit(struct vtds_unit *unit, u64 first, u64 last)
{
	struct vtds_rmap_iter iter;
	unsigned int found = 0;

	guard(vtds_lock)(&unit->lock);
	vtds_rmap_begin(&iter, &unit->rmap, first, last);
	while (vtds_rmap_next(&iter))
		found++;
	return found;
}

/* Of many tables those are looked at that lead there, and they are always found. */
static void tables_found_by_memory(struct kunit *test)
{
	struct bench *b = set_up(test, &hosts[1]);
	unsigned int tables;

	for (unsigned int i = 0; i < 200; i++)
		*slot_entry(b, i) = LEAVES_GPA | SS_RW;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 200);
	tables = b->unit->nr_nodes;
	KUNIT_EXPECT_EQ(test, visit(b->unit, DATA_GPA, DATA_GPA), 200);
	KUNIT_EXPECT_EQ(test, visit(b->unit, OTHER_GPA, OTHER_GPA), 0);
	/* All tables are in one chunk */
	KUNIT_EXPECT_EQ(test, visit(b->unit, 0, SZ_CHUNK - 1), tables);

	/* What is installed later is found, too */
	*slot_entry(b, 7) = MORE_LEAVES_GPA | SS_RW;
	*bench_entry(b, MORE_LEAVES_GPA, 0) = OTHER_GPA | SS_RW;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, visit(b->unit, OTHER_GPA, OTHER_GPA), 1);
	bench_memory_gone(b, OTHER_GPA, OTHER_GPA + SZ_CHUNK - 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 199);
	bench_memory_gone(b, DATA_GPA, DATA_GPA + SZ_CHUNK - 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
}

static int tables_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_TABLES);
	fake_mem_add(&b->mem, DATA_GPA, SZ_CHUNK, FAKE_CONTIG_A);
	fake_mem_add(&b->mem, OTHER_GPA, SZ_CHUNK, FAKE_SCATTERED);
	return 0;
}

static struct kunit_case tables_cases[] = {
	KUNIT_CASE_PARAM(tables_bounded, host_gen_params),
	KUNIT_CASE(tables_make_room),
	KUNIT_CASE(tables_in_steps),
	KUNIT_CASE(tables_of_small_pages),
	KUNIT_CASE(tables_found_by_memory),
	{},
};

static struct kunit_suite tables_suite = {
	.name = "vtd_shadow_tables",
	.init = tables_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = tables_cases,
};

kunit_test_suite(tables_suite);
