/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark: a guest with 4 GiB of scattered memory, its tables, and the ways
 * in which what they say can get into the host's page table. Every way has a
 * device of its own, so that they take turns within a round. All parts of the
 * benchmark include this; main.c runs them.
 */
#ifndef SELFTESTS_VTD_SHADOW_BENCH_BENCH_H
#define SELFTESTS_VTD_SHADOW_BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>

#include "vtds_desc.h"
#include "vtds_fixture.h"

/* What does not hold ends the benchmark: then there is nothing to measure. */
#define CHECK(_what) bench_check(_what, #_what, __FILE__, __LINE__)

void bench_check(bool ok, const char *what, const char *file, int line);

/* ---- Figures (figures.c) ---- */

#define BENCH_ROUNDS 5

void bench_sample(double value, const char *name, ...);
void bench_print(void);
double bench_now(void);
long bench_memory(void);
long bench_page_tables(void);
void bench_account(void);

/* ---- The guest and its devices (world.c) ---- */

/* Block 0 is for tables; the others are what is mapped */
#define BENCH_TABLES_SIZE (64 * SZ_1M)
#define BENCH_SMALL_GPA 0x200000000ULL
#define BENCH_SMALL_SIZE (4 * SZ_1G)
#define BENCH_HUGE_SIZE (256 * SZ_2M)

/* Where the guest maps what is measured */
#define BENCH_IOVA 0x4000000000ULL

#define BENCH_DID 5
#define BENCH_MAX_PAGES 1048576

enum bench_dev {
	BENCH_DEV_ENGINE,
	BENCH_DEV_IOAS,
	BENCH_DEV_TYPE1,
	BENCH_DEV_FLOOR,
	BENCH_DEV_JOIN,
	BENCH_DEV_KEEP, /* keeps a second domain alive */
	BENCH_NR_DEVS,
};

/**
 * struct bench - All there is
 * @vmm: iommufd, with guest memory in its first IOAS
 * @guest: Guest memory
 * @mark: What of block 0 stays when a case is over
 * @unit: The unit
 * @queue: The guest's queue
 * @table: The table of the case at hand
 * @dev: Devices; two of them are known by name only
 * @ioas: IOAS that is filled leaf by leaf
 * @container: VFIO's legacy container
 * @group: A group in it
 * @floor: The kernel's own calls
 */
struct bench {
	struct vtds_vmm vmm;
	struct vtds_guest guest;
	__u64 mark;
	struct vtds_unit unit;
	struct vtds_queue queue;
	struct vtds_table table;
	struct vtds_dev dev[BENCH_NR_DEVS];
	__u32 ioas;
	int container;
	int group;
	int floor;
};

void bench_open(struct bench *b);
void bench_open_ways(struct bench *b);
void bench_close_ways(struct bench *b);
void bench_close(struct bench *b);
void bench_new_table(struct bench *b);
void bench_flush(struct vtds_unit *unit, struct vtds_desc desc);

/* ---- What is mapped (jobs.c) ---- */

/**
 * struct bench_load - A workload
 * @name: Its name in figures
 * @gpa: The block of memory that it maps
 * @size: Size of the block. What is more than that begins again at its start
 * @leaf: Size of the guest's leaves
 * @scattered: Neighbours in IOVA are strangers in the block
 * @run: Pages that the floor may map in one call
 */
struct bench_load {
	const char *name;
	__u64 gpa;
	__u64 size;
	__u64 leaf;
	bool scattered;
	__u32 run;
};

extern const struct bench_load bench_loads[];
extern const unsigned int bench_nr_loads;

enum bench_op {
	BENCH_MAP,
	BENCH_REMAP, /* every leaf to other memory */
	BENCH_PROTECT, /* every leaf read-only */
	BENCH_UNMAP,
};

/**
 * struct bench_job - Leaves of a workload
 * @load: The workload
 * @table: The guest's table
 * @iova: Address of the first leaf
 * @leaves: How many
 * @order: For the floor: pages of the block in the order of IOVA, as they are
 *         mapped first and remapped
 */
struct bench_job {
	const struct bench_load *load;
	struct vtds_table *table;
	__u64 iova;
	__u64 leaves;
	__u32 *order[2];
};

void bench_job_init(struct bench_job *job, const struct bench_load *load,
		    struct vtds_table *table, __u64 pages);
void bench_job_free(struct bench_job *job);
__u64 bench_job_pages(const struct bench_job *job);
void bench_job_write(struct bench_job *job, enum bench_op op);
__u64 bench_job_entry(const struct bench_job *job, __u64 leaf);
void bench_map(struct bench *b, struct bench_job *job);
void bench_unmap(struct bench *b, struct bench_job *job);

/* ---- The ways (ways.c) ---- */

/**
 * struct bench_way - One way to bring the host up to date
 * @name: Its name in figures
 * @unmap_name: The same for unmapping
 * @slow: One system call for each leaf
 * @sync: After the guest wrote its table: bring the host up to date. Returns the
 *        nanoseconds that it took
 */
struct bench_way {
	const char *name;
	const char *unmap_name;
	bool slow;
	double (*sync)(struct bench *b, struct bench_job *job,
		       enum bench_op op);
};

extern const struct bench_way bench_ways[];
extern const unsigned int bench_nr_ways;

void bench_floor_begin(struct bench *b, const struct bench_load *load);
double bench_floor_compare(struct bench *b, __u64 gpa, __u64 pages);

/* ---- The measurements ---- */

void bench_bulk(struct bench *b, const struct bench_load *load); /* bulk.c */
void bench_host_work(struct bench *b); /* bulk.c */
void bench_empty_calls(struct bench *b); /* whole.c */
void bench_no_change(struct bench *b);
void bench_join(struct bench *b);
void bench_pass_through(struct bench *b);
void bench_teardown(struct bench *b);
void bench_memory_gone(struct bench *b);
void bench_memory_cost(struct bench *b); /* units.c */
void bench_two_units(void);
void bench_many_units(struct bench *b);
void bench_profile(struct bench *b); /* profile.c */

#endif /* SELFTESTS_VTD_SHADOW_BENCH_BENCH_H */
