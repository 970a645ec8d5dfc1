// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way over every workload and size. In each round the ways take turns, so that
 * what disturbs the machine disturbs them alike.
 */
#include <string.h>

#include "bench.h"

static const __u64 sizes[] = { 1, 16, 512, 65536, BENCH_MAX_PAGES };

/* The rounds in which slow ways take part */
#define SLOW_EVERY 3

#define NR_SIZES (sizeof(sizes) / sizeof(*sizes))

static const char *const op_names[] = {
	[BENCH_MAP] = "map",
	[BENCH_REMAP] = "remap",
	[BENCH_PROTECT] = "protect",
	[BENCH_UNMAP] = "unmap",
};

/* What reading the clock twice costs; matters for a single page only */
static double clock_cost(void)
{
	static double cost;
	const unsigned int nr = 1000;
	double begin = bench_now();

	if (cost)
		return cost;
	for (unsigned int i = 0; i < nr; i++)
		bench_now();
	cost = (bench_now() - begin) / nr;
	bench_sample(cost, "clock_ns");
	return cost;
}

/* How often a small case is repeated within a round, for the clock's sake */
static unsigned int repeats(__u64 pages)
{
	return pages < 16 ? 128 : pages < 512 ? 32 : pages < 65536 ? 8 : 1;
}

/* The steps of a case that are measured */
static bool wanted(const struct bench_job *job, enum bench_op op)
{
	if (op == BENCH_MAP || op == BENCH_UNMAP)
		return true;
	return job->load->scattered && bench_job_pages(job) == 65536;
}

static void measure(struct bench *b, struct bench_job *job,
		    const struct bench_way *way)
{
	__u64 pages = bench_job_pages(job);
	unsigned int times = repeats(pages);
	double ns[BENCH_UNMAP + 1] = {};
	bool floor = !strncmp(way->name, "floor", 5);

	for (unsigned int i = 0; i < times; i++)
		for (enum bench_op op = BENCH_MAP; op <= BENCH_UNMAP; op++) {
			if (!wanted(job, op))
				continue;
			bench_job_write(job, op);
			ns[op] += way->sync(b, job, op);
			/* The module reads its clock where it measures */
			if (!floor)
				ns[op] -= clock_cost();
		}

	for (enum bench_op op = BENCH_MAP; op <= BENCH_UNMAP; op++)
		if (wanted(job, op))
			bench_sample(ns[op] / times / pages, "%s_%s_%s_%llu",
				     op_names[op],
				     op == BENCH_UNMAP ? way->unmap_name :
							 way->name,
				     job->load->name, pages);
}

/*
 * Whether a way is measured in a round. What is quick takes part in all of them. One
 * call for each leaf takes some of them, for a million leaves only the first: that is
 * half a minute for each way, if the leaves are scattered; if not it is left out.
 */
static bool takes_part(const struct bench_job *job, const struct bench_way *way,
		       unsigned int round)
{
	if (!way->slow)
		return true;
	if (job->leaves > 65536)
		return job->load->scattered && !round;
	return round % SLOW_EVERY == 0;
}

/* Before the first round memory is not pinned: for a VMM that is part of a start. */
static void measure_first(struct bench *b, struct bench_job *job)
{
	bench_job_write(job, BENCH_MAP);
	bench_sample(bench_ways[0].sync(b, job, BENCH_MAP) /
			     bench_job_pages(job),
		     "map_first_engine_dsi_%s_%llu", job->load->name,
		     bench_job_pages(job));
	bench_unmap(b, job);
}

static void run_case(struct bench *b, const struct bench_load *load,
		     __u64 pages)
{
	unsigned int rounds = BENCH_ROUNDS;
	struct bench_job job;

	if (pages <= 65536)
		rounds *= SLOW_EVERY;
	bench_new_table(b);
	bench_job_init(&job, load, &b->table, pages);
	measure_first(b, &job);
	for (unsigned int round = 0; round < rounds; round++)
		for (unsigned int i = 0; i < bench_nr_ways; i++)
			if (takes_part(&job, &bench_ways[i], round))
				measure(b, &job, &bench_ways[i]);
	bench_job_free(&job);
}

void bench_bulk(struct bench *b, const struct bench_load *load)
{
	bench_floor_begin(b, load);
	if (load->leaf == SZ_1G) {
		run_case(b, load, SZ_1G / SZ_4K);
		return;
	}
	for (unsigned int i = 0; i < NR_SIZES; i++)
		if (sizes[i] >= load->leaf / SZ_4K)
			run_case(b, load, sizes[i]);
}

/* --- What the host is asked to do, counted --- */

static struct vtd_shadow_get_stats before;

static void count_from_here(struct bench *b)
{
	CHECK(!vtds_stats(&b->unit, &before));
}

static void expect(struct bench *b, __u64 changed, __u64 mapped, __u64 unmapped,
		   __u64 flushes)
{
	struct vtd_shadow_get_stats after;

	CHECK(!vtds_stats(&b->unit, &after));
	CHECK(after.entries_changed - before.entries_changed == changed);
	CHECK(after.leaves_mapped - before.leaves_mapped == mapped);
	CHECK(after.leaves_unmapped - before.leaves_unmapped == unmapped);
	CHECK(after.iotlb_syncs - before.iotlb_syncs == flushes);
	before = after;
}

/* A second device on a table of its own */
static void add_second(struct bench *b, struct vtds_table *table)
{
	struct vtds_dev *dev = &b->dev[BENCH_DEV_JOIN];

	vtds_table_init(table, &b->guest, 4, BENCH_DID + 1);
	vtds_ctx_use(&b->guest, dev->sid, table);
	CHECK(!vtds_add_device(&b->unit, dev->dev_id, b->vmm.ioas, &dev->sid,
			       1));
	CHECK(!b->unit.install_errno);
}

/*
 * The host's page table entries that are written are those of the leaves that
 * changed, and each domain is flushed at most once in a call. Five tables lead to
 * them the first time.
 */
void bench_host_work(struct bench *b)
{
	const struct vtds_desc both[] = { iotlb_domain(BENCH_DID),
					  iotlb_domain(BENCH_DID + 1),
					  iotlb_pages(BENCH_DID, BENCH_IOVA, 9),
					  iotlb_global() };
	const __u64 pages = 65536, some = 100;
	struct vtds_table second;
	struct bench_job job;

	bench_new_table(b);
	bench_job_init(&job, &bench_loads[0], &b->table, pages);
	count_from_here(b);
	bench_map(b, &job);
	/* 128 tables of leaves and the two above them */
	expect(b, pages + 130, pages, 0, 0);
	bench_flush(&b->unit, iotlb_domain(BENCH_DID));
	expect(b, 0, 0, 0, 0);

	bench_job_write(&job, BENCH_REMAP);
	bench_flush(&b->unit, iotlb_domain(BENCH_DID));
	expect(b, pages, pages, pages, 1);

	for (__u64 i = 0; i < some; i++)
		vtds_unmap(&b->table, BENCH_IOVA + i * 655 * SZ_4K, SZ_4K);
	bench_flush(&b->unit, iotlb_domain(BENCH_DID));
	expect(b, some, 0, some, 1);

	add_second(b, &second);
	for (__u64 i = 0; i < some; i++)
		vtds_map(&second, BENCH_IOVA + i * SZ_4K,
			 BENCH_SMALL_GPA + i * SZ_4K, SZ_4K, PERM_RW);
	bench_flush(&b->unit, iotlb_domain(BENCH_DID + 1));
	for (__u64 i = 0; i < some; i++)
		vtds_unmap(&second, BENCH_IOVA + i * SZ_4K, SZ_4K);
	count_from_here(b);
	bench_job_write(&job, BENCH_UNMAP);
	CHECK(!vtds_flush(&b->unit, both, 4));
	expect(b, pages, 0, pages, 2);

	CHECK(!vtds_remove_device(&b->unit, b->dev[BENCH_DEV_JOIN].dev_id));
	vtds_ctx_set(&b->guest, b->dev[BENCH_DEV_JOIN].sid, 0, 0);
	bench_job_free(&job);
	printf("Host work: an entry for each changed leaf, a flush for each domain and call.\n");
}
