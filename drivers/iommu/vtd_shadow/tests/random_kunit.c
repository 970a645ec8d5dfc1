// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random test of the engine against the oracle: a guest edits a pool of tables,
 * which point to each other in any way, flushes all, some or nothing, and loses
 * memory now and then. A run is a seed; the parameters "seed" and "steps" of the
 * module replace those that are fixed here.
 */
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../guest_chunk.h"
#include "../unit.h"
#include "../vtd_format.h"
#include "bench.h"

#define DATA_GPA 0x400000ULL
/* A page in the chunk of a kind */
#define DATA_PAGE(kind, page) (DATA_GPA + ((kind) << 21) + ((page) << 12))
#define GB_GPA 0x40000000ULL
#define GB_PATCHY_GPA 0x80000000ULL
#define HOLE_GPA 0x2000000ULL
#define HAW 39
#define MAX_NODES 300

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "Seed of the random tests, 0: one fixed seed each");

/* With sanitizers and in emulation a step is a hundred times slower */
static unsigned int steps = IS_ENABLED(CONFIG_KASAN) ? 5 : 60;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "Steps of each random test");

/* Tables that the guest edits; some in memory of another kind than the others */
static const u64 pool[] = {
	0x0000,
	0x1000,
	0x2000,
	0x3000,
	0x4000,
	0x5000,
	0x6000,
	0x7000,
	0x8000,
	DATA_PAGE(FAKE_SCATTERED, 3),
	DATA_PAGE(FAKE_SCATTERED, 511),
	DATA_PAGE(FAKE_ROM, 16),
	DATA_PAGE(FAKE_MIXED, 32),
};

/* Few, so that edits meet: ends, middle, 3 GiB and the interrupt range in it */
static const u16 slots[] = { 0, 1, 3, 255, 503, 511 };

/* Not 2 GiB and more on hosts where every leaf is a call of its own */
static const struct bench_config random_configs[] = {
	{ 3, 39, HAW, false, 0x6, FAKE_HOST_INTEL, 1, MAX_NODES },
	{ 3, 39, HAW, true, 0xe, FAKE_HOST_INTEL_PT, 2, MAX_NODES },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_INTEL, 3, MAX_NODES },
	{ 4, 48, HAW, true, 0x2, FAKE_HOST_AMD, 4, MAX_NODES },
	{ 4, 39, HAW, false, 0x6, FAKE_HOST_VIRTIO, 5, MAX_NODES },
	{ 4, 36, HAW, false, 0xe, FAKE_HOST_INTEL, 6, MAX_NODES },
	{ 5, 57, HAW, false, 0xe, FAKE_HOST_INTEL_PT, 7, MAX_NODES },
	{ 5, 48, HAW, true, 0x6, FAKE_HOST_AMD, 8, MAX_NODES },
	{ 5, 32, HAW, false, 0x6, FAKE_HOST_VIRTIO, 9, MAX_NODES },
	/* Limits in the way all the time */
	{ 4, 48, HAW, false, 0x6, FAKE_HOST_INTEL, 10, 12, 700 },
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_AMD, 11, 30, 2000 },
};

static void random_config_desc(const struct bench_config *config, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %u levels, mgaw %u, seed %u",
		 fake_host_name(config->host), config->levels, config->mgaw,
		 seed ?: config->seed);
}

KUNIT_ARRAY_PARAM(random_config, random_configs, random_config_desc);

static bool one_in(struct bench *b, u32 n)
{
	return !bench_random(b, n);
}

static u64 random_perm(struct bench *b)
{
	return one_in(b, 3) ? bench_random(b, 4) : SS_RW;
}

static u64 random_table(struct bench *b)
{
	return pool[bench_random(b, ARRAY_SIZE(pool))];
}

static unsigned int random_slot(struct bench *b)
{
	return slots[bench_random(b, ARRAY_SIZE(slots))];
}

static u64 random_chunk(struct bench *b)
{
	return one_in(b, 12) ?
		       HOLE_GPA :
		       DATA_GPA + bench_random(b, FAKE_KINDS) * SZ_CHUNK;
}

static u64 random_page(struct bench *b)
{
	return random_chunk(b) + bench_random(b, VTDS_CHUNK_PAGES) * SZ_PAGE;
}

/* An address that the pool can describe, mostly one that a request can have */
static u64 random_iova(struct bench *b)
{
	u64 iova = bench_random(b, 512) * SZ_PAGE;

	for (unsigned int level = 2; level <= b->config.levels; level++)
		iova |= (u64)random_slot(b) << vtd_level_shift(level);
	return one_in(b, 8) ? iova : iova & GENMASK_ULL(b->config.mgaw - 1, 0);
}

/* Neighbours that lead to neighbours */
static void edit_leaves(struct bench *b, u64 table)
{
	unsigned int first = random_slot(b);
	unsigned int count = min(1 + bench_random(b, 40), 512 - first);
	u64 perm = random_perm(b);
	u64 gpa = random_page(b);

	for (unsigned int i = 0; i < count; i++)
		*bench_entry(b, table, first + i) = (gpa + i * SZ_PAGE) | perm;
}

static void edit_clear(struct bench *b)
{
	unsigned int first = random_slot(b);
	u64 table = random_table(b);

	memset64(bench_entry(b, table, first), 0,
		 min(1 + bench_random(b, 50), 512 - first));
}

static u64 random_bit(struct bench *b)
{
	return 1ULL << bench_random(b, 64);
}

static u64 random_entry(struct bench *b, u64 old)
{
	switch (bench_random(b, 12)) {
	case 0 ... 3:
		return random_table(b) | random_perm(b);
	case 4 ... 6:
		return random_chunk(b) | SS_PS | random_perm(b);
	case 7:
		if (!one_in(b, 4))
			return 0;
		return (one_in(b, 2) ? GB_GPA : GB_PATCHY_GPA) | SS_PS |
		       random_perm(b);
	case 8:
		/* A page that is no table: of zeroes, or not there */
		return random_page(b) | SS_RW;
	case 9:
		/* Software bits, and A and D */
		return old ^ (random_bit(b) & 0xbff0000000000778ULL);
	case 10:
		/* Anything: reserved, a permission, another address */
		return old ^ random_bit(b);
	default:
		return (old & ~SS_RW) | random_perm(b);
	}
}

/* A path from the root down to leaves */
static void edit_path(struct bench *b)
{
	u64 next, table = pool[0], iova = random_iova(b);

	for (unsigned int level = b->config.levels; level > 1; level--) {
		next = random_table(b);
		*bench_entry(b, table, vtd_level_index(iova, level)) = next |
								       SS_RW;
		table = next;
	}
	edit_leaves(b, table);
}

static void edit(struct bench *b)
{
	u64 *entry;

	switch (bench_random(b, 9)) {
	case 0:
		edit_path(b);
		break;
	case 1:
		edit_leaves(b, random_table(b));
		break;
	case 2:
		edit_clear(b);
		break;
	case 3:
		/* A copy of a table, to be pointed at instead */
		memcpy(bench_entry(b, random_table(b), 0),
		       bench_entry(b, random_table(b), 0), SZ_PAGE);
		break;
	default:
		entry = bench_entry(b, random_table(b), random_slot(b));
		*entry = random_entry(b, *entry);
	}
}

/* More than the unit may hold: tables become fewer. */
static void relieve(struct bench *b)
{
	for (unsigned int i = 0; i < 5; i++)
		memset64(bench_entry(b, random_table(b), 0), 0, 512);
}

static bool flush_all(struct bench *b)
{
	bench_sync_full(b);
	if (!b->limited)
		return oracle_check(b, 0, U64_MAX, ORACLE_EXACT, true);
	return oracle_check_mapped(b);
}

static bool flush_pages(struct bench *b)
{
	u64 size = SZ_PAGE << bench_random(b, one_in(b, 4) ? 30 : 12);
	u64 first = ALIGN_DOWN(random_iova(b), size);
	u64 last = first + size - 1;

	bench_sync(b, first, last);
	if (b->limited)
		return true;
	return oracle_check(b, first, last, ORACLE_EXACT, true) &&
	       oracle_check(b, 0, U64_MAX, ORACLE_OUTSIDE, true);
}

/* Memory goes, under data and tables, and comes back later. */
static bool lose_memory(struct bench *b)
{
	u64 first = one_in(b, 3) ? bench_random(b, 9) * SZ_PAGE :
				   random_page(b);
	u64 last = first +
		   (1 + bench_random(b, one_in(b, 3) ? 1500 : 20)) * SZ_PAGE -
		   1;

	bench_memory_gone(b, first, last);
	if (!b->limited && !oracle_check(b, 0, U64_MAX, ORACLE_REVOKED, false))
		return false;
	bench_sync_full(b);
	if (!b->limited && !oracle_check(b, 0, U64_MAX, ORACLE_EXACT, false))
		return false;
	bench_memory_back(b);
	return flush_all(b);
}

/* The guest goes on writing while a flush is made call by call; then it flushes again. */
static bool flush_while_edited(struct bench *b)
{
	b->budget = 1 + bench_random(b, 3);
	b->between = edit;
	bench_sync_full(b);
	b->between = NULL;
	return flush_all(b);
}

static bool step(struct bench *b)
{
	bool ok = true;

	for (unsigned int i = bench_random(b, 6); i; i--)
		edit(b);
	b->budget = one_in(b, 3) ? 1 + bench_random(b, 5) : 0;
	switch (bench_random(b, 10)) {
	case 0 ... 3:
		ok = flush_all(b);
		break;
	case 4 ... 7:
		ok = flush_pages(b);
		break;
	case 8:
		ok = lose_memory(b);
		break;
	case 9:
		ok = flush_while_edited(b);
		break;
	}
	if (b->limited)
		relieve(b);
	return ok;
}

static void random_tables(struct kunit *test)
{
	struct bench_config config =
		*(const struct bench_config *)test->param_value;
	struct bench *b = test->priv;
	unsigned int i, limited = 0;

	config.seed = seed ?: config.seed;
	bench_domain(b, &config, pool[0]);
	for (i = 0; i < 30; i++)
		edit(b);
	edit_path(b);
	for (i = 0; i < steps; i++) {
		if (!step(b) || test->status == KUNIT_FAILURE)
			break;
		limited += b->limited;
	}
	kunit_info(test, "seed %u: %u steps, %llu leaves mapped, %u limited\n",
		   config.seed, i, b->domain.stats.leaves_mapped, limited);
	/* A seed that maps nothing tests nothing */
	KUNIT_EXPECT_NE(test, b->domain.stats.leaves_mapped, 0);
}

static int random_set_up(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_TABLES);
	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++)
		fake_mem_add(&b->mem, DATA_GPA + kind * SZ_CHUNK, SZ_CHUNK,
			     kind);
	fake_mem_add(&b->mem, GB_GPA, SZ_1G, FAKE_CONTIG_A);
	fake_mem_add(&b->mem, GB_PATCHY_GPA + 7 * SZ_2M, SZ_2M, FAKE_MIXED);
	fake_mem_add(&b->mem, GB_PATCHY_GPA + 9 * SZ_2M, SZ_2M, FAKE_ROM);
	/* The last 4 MiB are missing */
	fake_mem_add(&b->mem, GB_PATCHY_GPA, SZ_1G - SZ_4M, FAKE_CONTIG_B);
	return 0;
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE_PARAM(random_tables, random_config_gen_params),
	{},
};

static struct kunit_suite random_suite = {
	.name = "vtd_shadow_random",
	.init = random_set_up,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = random_cases,
};

kunit_test_suite(random_suite);
