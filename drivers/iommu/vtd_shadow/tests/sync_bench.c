// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the tables of sync_bench.h, and compares the host with them after a sync.
 */
#include <linux/sizes.h>

#include "sync_bench.h"

const struct bench_config sync_configs[SYNC_CONFIGS] = {
	{ 3, 39, HAW, false, 0xe, FAKE_HOST_INTEL },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_INTEL },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_INTEL_PT },
	{ 5, 57, HAW, true, 0xe, FAKE_HOST_AMD },
	{ 4, 48, HAW, false, 0xe, FAKE_HOST_VIRTIO },
};

u64 sync_data_gpa(enum fake_kind kind)
{
	return DATA_GPA + kind * SZ_CHUNK;
}

void sync_config_desc(const struct bench_config *config, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %u levels",
		 fake_host_name(config->host), config->levels);
}

u64 *sync_entry(struct bench *b, unsigned int level, unsigned int index)
{
	return bench_entry(b, TABLE(level), index);
}

/* A path from the root to the table of level 1 at WINDOW, all of it RW */
void sync_make_path(struct bench *b)
{
	for (unsigned int level = b->config.levels; level > 1; level--)
		*sync_entry(b, level, INDEX(level)) = TABLE(level - 1) | SS_RW;
}

struct bench *sync_set_up(struct kunit *test)
{
	const struct bench_config *config = test->param_value;
	struct bench *b = test->priv;

	bench_domain(b, config, TABLE(config->levels));
	sync_make_path(b);
	return b;
}

/* Leaves of level 1 to consecutive guest pages */
void sync_fill_leaves(struct bench *b, unsigned int start, unsigned int count,
		      u64 gpa, u64 bits)
{
	for (unsigned int i = 0; i < count; i++)
		*sync_entry(b, 1, start + i) = (gpa + i * SZ_PAGE) | bits;
}

void sync_and_check(struct bench *b)
{
	bench_sync_full(b);
	oracle_check_all(b);
}

int sync_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	/* Not in the blocks that data is in */
	fake_mem_add(&b->mem, TABLES_GPA, SZ_CHUNK, FAKE_TABLES);
	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++)
		fake_mem_add(&b->mem, sync_data_gpa(kind), SZ_CHUNK, kind);
	fake_mem_add(&b->mem, GB_GPA, SZ_1G, FAKE_CONTIG_A);
	fake_mem_add(&b->mem, GB_PATCHY_GPA + 7 * SZ_2M, SZ_2M, FAKE_MIXED);
	fake_mem_add(&b->mem, GB_PATCHY_GPA + 9 * SZ_2M, SZ_2M, FAKE_ROM);
	/* The last 4 MiB are missing */
	fake_mem_add(&b->mem, GB_PATCHY_GPA, SZ_1G - SZ_4M, FAKE_CONTIG_B);
	return 0;
}
