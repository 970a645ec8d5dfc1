// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways in which the host can be brought up to date after the guest wrote its
 * tables: the engine's, the VMM's without it, and the kernel's own calls.
 */
#include <stdint.h>
#include <sys/ioctl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "bench.h"
#include "floor/vtds_floor.h"

/* --- The engine --- */

static double engine_dsi(struct bench *b, struct bench_job *job,
			 enum bench_op op)
{
	struct vtds_desc desc = iotlb_domain(BENCH_DID);
	double begin = bench_now();
	int rc = vtds_flush(&b->unit, &desc, 1);
	double ns = bench_now() - begin;

	CHECK(!rc && !b->unit.install_errno);
	return ns;
}

/* Linux as a guest: the invalidation, and a wait descriptor that it polls */
static double engine_queue(struct bench *b, struct bench_job *job,
			   enum bench_op op)
{
	struct vtd_shadow_run_queue result;
	struct vtds_desc desc = iotlb_domain(BENCH_DID);
	struct vtds_desc wait = wait_status(b->queue.gpa + 2048, 1);
	double begin, ns;
	int rc;

	/* The queue begins anew, so that its end is free for the status */
	b->queue.head = 0;
	b->queue.tail = 0;
	vtds_queue_put(&b->queue, &desc);
	vtds_queue_put(&b->queue, &wait);
	begin = bench_now();
	rc = vtds_queue_run(&b->unit, &b->queue, &result);
	ns = bench_now() - begin;
	CHECK(!rc && result.done == 2 && !result.install_errno);
	return ns;
}

static unsigned int order_of(__u64 pages)
{
	unsigned int order = 0;

	while (1ULL << order < pages)
		order++;
	return order;
}

/* Page-selective descriptors of 2 MiB, or one that covers less, in one call */
static double engine_psi512(struct bench *b, struct bench_job *job,
			    enum bench_op op)
{
	__u64 pages = bench_job_pages(job);
	__u64 each = pages < 512 ? pages : 512;
	__u32 nr = pages / each;
	struct vtds_desc *descs = malloc(nr * sizeof(*descs));
	double begin, ns;
	int rc;

	CHECK(descs);
	for (__u32 i = 0; i < nr; i++)
		descs[i] = iotlb_pages(BENCH_DID, job->iova + i * each * SZ_4K,
				       order_of(each));
	begin = bench_now();
	rc = vtds_flush(&b->unit, descs, nr);
	ns = bench_now() - begin;
	CHECK(!rc && !b->unit.install_errno);
	free(descs);
	return ns;
}

/* One descriptor and one call for each leaf */
static double engine_psi1(struct bench *b, struct bench_job *job,
			  enum bench_op op)
{
	unsigned int order = order_of(job->load->leaf / SZ_4K);
	double begin = bench_now(), ns;
	int rc = 0;

	for (__u64 i = 0; i < job->leaves; i++) {
		__u64 iova = job->iova + i * job->load->leaf;
		struct vtds_desc desc = iotlb_pages(BENCH_DID, iova, order);

		rc |= vtds_flush(&b->unit, &desc, 1) | b->unit.install_errno;
	}
	ns = bench_now() - begin;
	CHECK(!rc);
	return ns;
}

/* --- A VMM without the engine --- */

static int ioas_map(struct bench *b, __u64 gpa, __u64 iova, __u64 size,
		    unsigned int perm)
{
	return vtds_ioas_map(&b->vmm, b->ioas, vtds_hva(&b->guest, gpa), iova,
			     size, perm);
}

static int ioas_unmap(struct bench *b, __u64 iova, __u64 size)
{
	return vtds_ioas_unmap(&b->vmm, b->ioas, iova, size);
}

/* From the IOAS that has all of guest memory */
static int ioas_copy(struct bench *b, __u64 gpa, __u64 iova, __u64 size,
		     unsigned int perm)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE,
		.dst_ioas_id = b->ioas,
		.src_ioas_id = b->vmm.ioas,
		.length = size,
		.dst_iova = iova,
		.src_iova = gpa,
	};

	if (perm & PERM_W)
		cmd.flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return ioctl(b->vmm.iommufd, IOMMU_IOAS_COPY, &cmd);
}

static int type1_map(struct bench *b, __u64 gpa, __u64 iova, __u64 size,
		     unsigned int perm)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)vtds_hva(&b->guest, gpa),
		.iova = iova,
		.size = size,
	};

	if (perm & PERM_W)
		cmd.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return ioctl(b->container, VFIO_IOMMU_MAP_DMA, &cmd);
}

static int type1_unmap(struct bench *b, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.iova = iova,
		.size = size,
	};

	return ioctl(b->container, VFIO_IOMMU_UNMAP_DMA, &cmd);
}

/**
 * struct calls - System calls of a VMM
 * @map: Map one stretch of guest memory
 * @unmap: Unmap what was mapped
 */
struct calls {
	int (*map)(struct bench *b, __u64 gpa, __u64 iova, __u64 size,
		   unsigned int perm);
	int (*unmap)(struct bench *b, __u64 iova, __u64 size);
};

/*
 * The VMM walks the table leaf by leaf, takes away what was there before and
 * installs what is there now.
 */
static double walk_leaves(struct bench *b, struct bench_job *job,
			  enum bench_op op, const struct calls *calls)
{
	__u64 size = job->load->leaf;
	double begin = bench_now(), ns;
	int rc = 0;

	for (__u64 i = 0; i < job->leaves && !rc; i++) {
		__u64 entry = bench_job_entry(job, i);
		__u64 iova = job->iova + i * size;

		if (op != BENCH_MAP)
			rc = calls->unmap(b, iova, size);
		if (op != BENCH_UNMAP && !rc)
			rc = calls->map(b, entry & SS_ADDR, iova, size,
					entry & SS_RW);
	}
	ns = bench_now() - begin;
	CHECK(!rc);
	return ns;
}

static double sync_ioas_map(struct bench *b, struct bench_job *job,
			    enum bench_op op)
{
	static const struct calls calls = { ioas_map, ioas_unmap };

	return walk_leaves(b, job, op, &calls);
}

static double sync_ioas_copy(struct bench *b, struct bench_job *job,
			     enum bench_op op)
{
	static const struct calls calls = { ioas_copy, ioas_unmap };

	return walk_leaves(b, job, op, &calls);
}

static double sync_type1_map(struct bench *b, struct bench_job *job,
			     enum bench_op op)
{
	static const struct calls calls = { type1_map, type1_unmap };

	return walk_leaves(b, job, op, &calls);
}

/* Leaves from @first on that one call can map: neighbours in the guest, too */
static __u64 stretch(const struct bench_job *job, __u64 first)
{
	__u64 entry = bench_job_entry(job, first);
	__u64 nr = 1;

	while (first + nr < job->leaves &&
	       bench_job_entry(job, first + nr) ==
		       entry + nr * job->load->leaf &&
	       (entry & SS_ADDR) + nr * job->load->leaf <
		       job->load->gpa + job->load->size)
		nr++;
	return nr;
}

/* As the first, but what is contiguous goes with one call */
static double sync_ioas_coalesced(struct bench *b, struct bench_job *job,
				  enum bench_op op)
{
	__u64 size = job->load->leaf, nr;
	double begin = bench_now(), ns;
	int rc = 0;

	if (op != BENCH_MAP)
		rc = ioas_unmap(b, job->iova, job->leaves * size);
	for (__u64 i = 0; op != BENCH_UNMAP && i < job->leaves && !rc;
	     i += nr) {
		__u64 entry = bench_job_entry(job, i);

		nr = stretch(job, i);
		rc = ioas_map(b, entry & SS_ADDR, job->iova + i * size,
			      nr * size, entry & SS_RW);
	}
	ns = bench_now() - begin;
	CHECK(!rc);
	return ns;
}

/* --- The kernel's own calls --- */

void bench_floor_begin(struct bench *b, const struct bench_load *load)
{
	struct vtds_floor_pin pin = {
		.uva = (uintptr_t)vtds_hva(&b->guest, load->gpa),
		.nr_pages = load->size / SZ_4K,
	};

	CHECK(!ioctl(b->floor, VTDS_FLOOR_PIN, &pin));
}

static double floor_run(struct bench *b, const struct bench_job *job, __u32 op,
			__u32 piece, bool write)
{
	struct vtds_floor_run run = {
		.op = op,
		.piece = piece,
		.write = write,
		.iova = job->iova,
	};

	CHECK(!ioctl(b->floor, VTDS_FLOOR_RUN, &run));
	return run.ns;
}

static double sync_floor(struct bench *b, struct bench_job *job,
			 enum bench_op op, __u32 map, __u32 unmap, __u32 piece)
{
	struct vtds_floor_order order = {
		.indexes_uptr = (uintptr_t)job->order[op != BENCH_MAP],
		.nr_pages = bench_job_pages(job),
	};
	double ns = 0;

	CHECK(!ioctl(b->floor, VTDS_FLOOR_ORDER, &order));
	if (op != BENCH_MAP)
		ns += floor_run(b, job, unmap, piece, false);
	if (op != BENCH_UNMAP)
		ns += floor_run(b, job, map, piece, op != BENCH_PROTECT);
	return ns;
}

static double sync_floor_map(struct bench *b, struct bench_job *job,
			     enum bench_op op)
{
	return sync_floor(b, job, op, VTDS_FLOOR_MAP, VTDS_FLOOR_UNMAP_EACH,
			  job->load->leaf / SZ_4K);
}

static double sync_floor_map_sg(struct bench *b, struct bench_job *job,
				enum bench_op op)
{
	return sync_floor(b, job, op, VTDS_FLOOR_MAP_SG, VTDS_FLOOR_UNMAP,
			  job->load->run);
}

/* memcmp() over some pages of guest memory and copies of them, nanoseconds */
double bench_floor_compare(struct bench *b, __u64 gpa, __u64 pages)
{
	struct vtds_floor_pin pin = {
		.uva = (uintptr_t)vtds_hva(&b->guest, gpa),
		.nr_pages = pages,
	};
	struct bench_job job = { .iova = BENCH_IOVA };
	struct vtds_floor_order order = { .nr_pages = pages };
	__u32 *indexes = malloc(pages * sizeof(*indexes));
	double ns;

	CHECK(indexes);
	for (__u64 i = 0; i < pages; i++)
		indexes[i] = i;
	order.indexes_uptr = (uintptr_t)indexes;
	CHECK(!ioctl(b->floor, VTDS_FLOOR_PIN, &pin));
	CHECK(!ioctl(b->floor, VTDS_FLOOR_ORDER, &order));
	ns = floor_run(b, &job, VTDS_FLOOR_COMPARE, 1, false);
	free(indexes);
	return ns;
}

const struct bench_way bench_ways[] = {
	{ "engine_dsi", "engine_dsi", false, engine_dsi },
	{ "engine_psi512", "engine_psi512", false, engine_psi512 },
	{ "engine_psi1", "engine_psi1", true, engine_psi1 },
	{ "engine_queue", "engine_queue", false, engine_queue },
	{ "floor_map_sg", "floor", false, sync_floor_map_sg },
	{ "floor_map", "floor_each", false, sync_floor_map },
	{ "ioas_map", "ioas_map", true, sync_ioas_map },
	{ "ioas_copy", "ioas_copy", true, sync_ioas_copy },
	{ "ioas_coalesced", "ioas_coalesced", true, sync_ioas_coalesced },
	{ "type1_map", "type1_map", true, sync_type1_map },
};

const unsigned int bench_nr_ways = sizeof(bench_ways) / sizeof(*bench_ways);
