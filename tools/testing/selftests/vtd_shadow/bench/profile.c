// SPDX-License-Identifier: GPL-2.0-only
/*
 * For a count of instructions (qemu/plugins/insns.c): each way once, between two
 * marks, and the kernel's symbols.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>

#include "bench.h"

/* QEMU knows these two by their addresses. */
__attribute__((noipa)) void bench_profile_begin(void)
{
	asm volatile("" : : : "memory");
}

__attribute__((noipa)) void bench_profile_end(void)
{
	asm volatile("" : : : "memory");
}

static const char *const op_names[] = { "map", "remap", "protect", "unmap" };

static void profile_way(struct bench *b, struct bench_job *job,
			const struct bench_way *way, bool marked)
{
	for (enum bench_op op = BENCH_MAP; op <= BENCH_UNMAP; op++) {
		bench_job_write(job, op);
		if (marked) {
			printf("phase %s_%s_%llu\n", op_names[op], way->name,
			       bench_job_pages(job));
			bench_profile_begin();
		}
		way->sync(b, job, op);
		if (marked)
			bench_profile_end();
	}
}

static void profile_pages(struct bench *b, __u64 pages)
{
	struct bench_job job;

	bench_new_table(b);
	bench_job_init(&job, &bench_loads[0], &b->table, pages);
	for (unsigned int i = 0; i < bench_nr_ways; i++) {
		profile_way(b, &job, &bench_ways[i], false);
		profile_way(b, &job, &bench_ways[i], true);
	}
	bench_job_free(&job);
}

static void profile_no_change(struct bench *b, __u64 pages)
{
	struct bench_job job;

	bench_new_table(b);
	bench_job_init(&job, &bench_loads[0], &b->table, pages);
	bench_map(b, &job);
	printf("phase nochange_engine_dsi_%llu\n", pages);
	bench_profile_begin();
	bench_flush(&b->unit, iotlb_domain(BENCH_DID));
	bench_profile_end();
	bench_unmap(b, &job);
	bench_job_free(&job);
}

static void print_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[256];

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		printf("symbol %s", line);
	fclose(file);
}

void bench_profile(struct bench *b)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
	bench_floor_begin(b, &bench_loads[0]);
	profile_pages(b, 65536);
	profile_pages(b, 512);
	profile_pages(b, 1);
	profile_no_change(b, 65536);
	print_symbols();
}
