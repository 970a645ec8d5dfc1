// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmark's guest maps, and how it writes its tables. The time that
 * this takes is the guest's and is never measured.
 */
#include "bench.h"

/*
 * The floor maps contiguous pages in runs shorter than 2 MiB: leaves of 4 KiB must
 * stay apart in the host, too.
 */
const struct bench_load bench_loads[] = {
	{ .name = "scattered",
	  .gpa = BENCH_SMALL_GPA,
	  .size = BENCH_SMALL_SIZE,
	  .leaf = SZ_4K,
	  .scattered = true,
	  .run = 512 },
	{ .name = "contiguous",
	  .gpa = RAM_2M_GPA,
	  .size = BENCH_HUGE_SIZE,
	  .leaf = SZ_4K,
	  .run = 256 },
	{ .name = "2m",
	  .gpa = RAM_2M_GPA,
	  .size = BENCH_HUGE_SIZE,
	  .leaf = SZ_2M,
	  .run = 512 },
	{ .name = "2m_on_4k",
	  .gpa = BENCH_SMALL_GPA,
	  .size = BENCH_SMALL_SIZE,
	  .leaf = SZ_2M,
	  .run = 512 },
	{ .name = "1g",
	  .gpa = RAM_1G_GPA,
	  .size = SZ_1G,
	  .leaf = SZ_1G,
	  .run = SZ_1G / SZ_4K },
};

const unsigned int bench_nr_loads = sizeof(bench_loads) / sizeof(*bench_loads);

static unsigned int leaf_level(const struct bench_job *job)
{
	return job->load->leaf == SZ_1G ? 3 : job->load->leaf == SZ_2M ? 2 : 1;
}

/*
 * Which leaf of the block is mapped at leaf @i. The stride is a prime that is no
 * divisor of any number of leaves, and another one than memory was touched with.
 */
static __u64 leaf_index(const struct bench_job *job, __u64 i, bool other)
{
	const __u64 stride = 5077;

	i = (i + other) % job->leaves;
	if (job->load->scattered)
		return i * stride % job->leaves;
	return i % (job->load->size / job->load->leaf);
}

static void fill_order(struct bench_job *job, bool other)
{
	__u64 pages = job->load->leaf / SZ_4K;
	__u32 *order = malloc(job->leaves * pages * sizeof(*order));

	CHECK(order);
	for (__u64 i = 0; i < job->leaves; i++)
		for (__u64 j = 0; j < pages; j++)
			order[i * pages + j] =
				leaf_index(job, i, other) * pages + j;
	job->order[other] = order;
}

void bench_job_init(struct bench_job *job, const struct bench_load *load,
		    struct vtds_table *table, __u64 pages)
{
	*job = (struct bench_job){
		.load = load,
		.table = table,
		.iova = BENCH_IOVA,
		.leaves = pages / (load->leaf / SZ_4K),
	};
	fill_order(job, false);
	fill_order(job, true);
}

void bench_job_free(struct bench_job *job)
{
	free(job->order[0]);
	free(job->order[1]);
}

__u64 bench_job_pages(const struct bench_job *job)
{
	return job->leaves * (job->load->leaf / SZ_4K);
}

/* The entries of the table that leaf @leaf is in */
static volatile __u64 *entries_of(const struct bench_job *job, __u64 leaf)
{
	return vtds_entry(job->table, job->iova + leaf * job->load->leaf,
			  leaf_level(job));
}

__u64 bench_job_entry(const struct bench_job *job, __u64 leaf)
{
	return *entries_of(job, leaf);
}

static __u64 entry_value(const struct bench_job *job, __u64 leaf,
			 enum bench_op op)
{
	__u64 value = job->load->gpa +
		      leaf_index(job, leaf, op != BENCH_MAP) * job->load->leaf;

	if (op == BENCH_UNMAP)
		return 0;
	if (leaf_level(job) > 1)
		value |= SS_PS;
	return value | (op == BENCH_PROTECT ? SS_R : SS_RW);
}

/* The first leaf begins a table. */
void bench_job_write(struct bench_job *job, enum bench_op op)
{
	for (__u64 i = 0; i < job->leaves; i += 512) {
		volatile __u64 *entries = entries_of(job, i);

		for (__u64 j = i; j < job->leaves && j < i + 512; j++)
			entries[j - i] = entry_value(job, j, op);
	}
}

/* The guest maps all, and says so; the engine's work is not measured here. */
void bench_map(struct bench *b, struct bench_job *job)
{
	bench_job_write(job, BENCH_MAP);
	bench_flush(&b->unit, iotlb_domain(BENCH_DID));
}

void bench_unmap(struct bench *b, struct bench_job *job)
{
	bench_job_write(job, BENCH_UNMAP);
	bench_flush(&b->unit, iotlb_domain(BENCH_DID));
}
