// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor of the native benchmark: what has to be done at least, by the core's own
 * calls, with frames that an array has by leaf.
 */
#include <linux/minmax.h>
#include <linux/mm.h>

#include "native.h"

static void fail_unless(struct native *n, bool good)
{
	if (unlikely(!good))
		n->failed = true;
}

static void map_range(struct native *n, struct page **frames,
		      unsigned long first, unsigned long nr, int prot)
{
	for (unsigned long i = first; i < first + nr; i += NATIVE_CALL_PAGES) {
		unsigned long m = min(NATIVE_CALL_PAGES, first + nr - i);

		for (unsigned long j = 0; j < m; j++)
			sg_set_page(&n->sg[j], frames[i + j], SZ_4K, 0);
		fail_unless(n, iommu_map_sg(&n->floor.domain, native_iova(i),
					    n->sg, m, prot,
					    GFP_KERNEL_ACCOUNT) == m * SZ_4K);
	}
}

void native_floor_map(struct native *n, struct page **frames, int prot)
{
	map_range(n, frames, 0, n->c->nr_leaves, prot);
}

void native_floor_unmap(struct native *n)
{
	size_t size = n->c->nr_leaves * SZ_4K;

	fail_unless(n,
		    iommu_unmap(&n->floor.domain, NATIVE_IOVA, size) == size);
}

void native_floor_remap(struct native *n, struct page **frames, int prot)
{
	native_floor_unmap(n);
	native_floor_map(n, frames, prot);
}

/* Several unmaps, one flush */
static void gather_begin(struct iommu_iotlb_gather *gather)
{
	iommu_iotlb_gather_init(gather);
	gather->queued = true;
}

static void gather_end(struct native *n, struct iommu_iotlb_gather *gather)
{
	gather->queued = false;
	gather->start = native_iova(0);
	gather->end = native_iova(n->c->nr_leaves) - 1;
	iommu_iotlb_sync(&n->floor.domain, gather);
}

/* Table by table */
void native_floor_remap_tables(struct native *n, struct page **frames)
{
	struct iommu_iotlb_gather gather;

	gather_begin(&gather);
	for (unsigned long i = 0; i < n->c->nr_leaves; i += NATIVE_ENTRIES) {
		fail_unless(n,
			    iommu_unmap_fast(&n->floor.domain, native_iova(i),
					     SZ_2M, &gather) == SZ_2M);
		map_range(n, frames, i, NATIVE_ENTRIES, NATIVE_PROT);
	}
	gather_end(n, &gather);
}

void native_floor_map_one(struct native *n, unsigned long leaf)
{
	fail_unless(n, !iommu_map(&n->floor.domain, native_iova(leaf),
				  page_to_phys(n->frames[leaf]), SZ_4K,
				  NATIVE_PROT, GFP_KERNEL_ACCOUNT));
}

void native_floor_unmap_one(struct native *n, unsigned long leaf)
{
	fail_unless(n, iommu_unmap(&n->floor.domain, native_iova(leaf),
				   SZ_4K) == SZ_4K);
}

void native_floor_unmap_each(struct native *n, unsigned long step)
{
	struct iommu_iotlb_gather gather;

	gather_begin(&gather);
	for (unsigned long i = 0; i < n->c->nr_leaves; i += step)
		fail_unless(n,
			    iommu_unmap_fast(&n->floor.domain, native_iova(i),
					     SZ_4K, &gather) == SZ_4K);
	gather_end(n, &gather);
}

/* The bytes that a flush has to compare when nothing changed */
void native_floor_compare(struct native *n)
{
	for (unsigned int i = 0; i < native_guest_nr_tables(n); i++)
		fail_unless(n, !memcmp(native_table(i), n->copies[i], SZ_4K));
}

/* The guest's tables once */
void native_floor_read(struct native *n)
{
	u64 any = 0;

	for (unsigned int i = 0; i < native_guest_nr_tables(n); i++) {
		const u64 *table = native_table(i);

		for (unsigned int j = 0; j < NATIVE_ENTRIES; j++)
			any |= table[j];
	}
	fail_unless(n, any);
}

/* What iommufd is asked for when nothing is pinned */
void native_floor_pin(struct native *n)
{
	static struct page *pages[NATIVE_ENTRIES];

	for (unsigned long gfn = 0; gfn < native_nr_gfns(n->c);
	     gfn += NATIVE_ENTRIES) {
		native_memory_pages(gfn, NATIVE_ENTRIES, pages);
		barrier_data(pages);
	}
}
