// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fake host domain: an iommu_domain with a page table of our own behind the real
 * IOMMU core. It is stricter than hosts are: what would corrupt memory there
 * (mapping over something, unmapping a hole or a part of a page) fails the test.
 */
#include "../vtd_format.h"
#include "bench.h"

#define SZ_2M_1G (BIT(21) | BIT(30))

static struct fake_host *to_fake(struct iommu_domain *domain)
{
	return container_of(domain, struct fake_host, domain);
}

static void record(struct fake_host *host, enum fake_op op, u64 iova, u64 size,
		   phys_addr_t pa)
{
	if (host->nr_calls < FAKE_CALLS)
		host->calls[host->nr_calls++] = (struct fake_call){
			op, iova, size, pa, host->watch ? *host->watch : 0,
		};
}

static bool now(unsigned long *countdown)
{
	return *countdown && !--*countdown;
}

/* --- Page tables of 4 KiB leaves: which are there, whatever they map --- */

static void note_table(struct fake_host *host, u64 iova, u64 size)
{
	/* A larger page takes the place of tables */
	if (size < BIT(21))
		xa_store(&host->tables, iova >> 21, xa_mk_value(1), GFP_KERNEL);
	for (u64 at = 0; at + BIT(21) <= size; at += BIT(21))
		xa_erase(&host->tables, (iova + at) >> 21);
}

/* One call has unmapped [iova, end). AMD's frees no table for that. */
static void free_tables(struct fake_host *host, u64 iova, u64 end)
{
	if (host->kind == FAKE_HOST_AMD || host->kind == FAKE_HOST_VIRTIO)
		return;
	for (u64 at = ALIGN(iova, BIT(21)); at + BIT(21) <= end; at += BIT(21))
		xa_erase(&host->tables, at >> 21);
}

unsigned int fake_host_nr_tables(struct fake_host *host)
{
	unsigned long index;
	unsigned int nr = 0;
	void *entry;

	xa_for_each(&host->tables, index, entry)
		nr++;
	return nr;
}

static int add_leaf(struct fake_host *host, u64 iova, phys_addr_t pa, u64 size,
		    int prot)
{
	struct fake_leaf *leaf = fake_leaf_alloc(&host->pool);

	if (!leaf)
		return -ENOMEM;
	*leaf = (struct fake_leaf){
		.iova = iova,
		.last = iova + size - 1,
		.pa = pa,
		.prot = prot & (IOMMU_READ | IOMMU_WRITE),
		.stamp = host->stamp,
	};
	if (!fake_tree_insert(&host->leaves, leaf)) {
		KUNIT_FAIL(host->test, "map over %llx", iova);
		fake_leaf_free(&host->pool, leaf);
		return -EADDRINUSE;
	}
	host->nr_pages += size >> VTD_PAGE_SHIFT;
	note_table(host, iova, size);
	return 0;
}

/* Size of the next page that the host makes of a call. */
static u64 leaf_size(struct fake_host *host, u64 iova, phys_addr_t pa, u64 size,
		     size_t pgsize)
{
	switch (host->kind) {
	case FAKE_HOST_INTEL:
		if (size >= BIT(30) && IS_ALIGNED(iova | pa, BIT(30)))
			return BIT(30);
		if (size >= BIT(21) && IS_ALIGNED(iova | pa, BIT(21)))
			return BIT(21);
		return SZ_PAGE;
	case FAKE_HOST_VIRTIO:
		return size;
	default:
		return pgsize;
	}
}

static int fake_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t pa, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct fake_host *host = to_fake(domain);
	bool fail = now(&host->fail_in);
	u64 size = pgsize * pgcount;
	int ret = 0;

	host->nr_maps++;
	host->stamp++;
	record(host, FAKE_MAP, iova, size, pa);
	KUNIT_EXPECT_TRUE(host->test, prot & (IOMMU_READ | IOMMU_WRITE));
	KUNIT_EXPECT_TRUE(host->test, prot & IOMMU_CACHE);

	/* Fails in the middle, so that the core has something to undo */
	size_t done = 0;

	if (fail)
		size = host->kind == FAKE_HOST_VIRTIO ? 0 :
							pgcount / 2 * pgsize;
	while (done < size && !ret) {
		u64 step = leaf_size(host, iova + done, pa + done, size - done,
				     pgsize);

		ret = add_leaf(host, iova + done, pa + done, step, prot);
		if (!ret)
			done += step;
	}
	if (!fail || host->owns_up)
		*mapped = done;
	host->forgotten = fail && !host->owns_up;
	return fail ? -ENOMEM : ret;
}

static void stale_add(struct fake_host *host, u64 first, u64 last)
{
	unsigned int i = host->nr_stale;

	if (i && (host->stale[i - 1].last + 1 == first || i == FAKE_STALE)) {
		i--;
		host->stale[i].first = min(host->stale[i].first, first);
		host->stale[i].last = max(host->stale[i].last, last);
		return;
	}
	host->stale[i].first = first;
	host->stale[i].last = last;
	host->nr_stale++;
}

/* Keeps the state that a leaf had when the step began. */
static void remove_leaf(struct fake_host *host, struct fake_leaf *leaf)
{
	rb_erase(&leaf->node, &host->leaves);
	host->nr_pages -= (leaf->last + 1 - leaf->iova) >> VTD_PAGE_SHIFT;
	stale_add(host, leaf->iova, leaf->last);
	if (leaf->stamp > host->step || !fake_tree_insert(&host->removed, leaf))
		fake_leaf_free(&host->pool, leaf);
}

/*
 * Whether an unmap of [iova, end) takes a leaf that does not fit into it. The debug
 * code of newer cores would complain about that.
 */
static bool takes_more(struct fake_host *host)
{
	return host->kind == FAKE_HOST_AMD &&
	       !IS_ENABLED(CONFIG_IOMMU_DEBUG_PAGEALLOC);
}

static bool takes(struct fake_host *host, struct fake_leaf *leaf, u64 iova,
		  u64 end)
{
	if (leaf->iova == iova && leaf->last < end)
		return true;
	if (!host->may_split)
		KUNIT_FAIL(host->test, "unmap to %llx splits %llx..%llx", end,
			   leaf->iova, leaf->last);
	return host->may_split && takes_more(host);
}

static size_t fake_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct fake_host *host = to_fake(domain);
	u64 end = iova + pgsize * pgcount;
	u64 from = iova;
	u64 at = iova;

	host->nr_unmaps++;
	record(host, FAKE_UNMAP, iova, pgsize * pgcount, 0);
	/* As drivers do that flush by range, unless the caller keeps the books */
	if (!iommu_iotlb_gather_queued(gather) &&
	    iommu_iotlb_gather_is_disjoint(gather, iova, pgsize * pgcount))
		iommu_iotlb_sync(domain, gather);
	if (now(&host->short_in)) {
		host->nr_short++;
		return 0;
	}

	if (host->forgotten && host->stuck)
		return 0;
	while (at < end) {
		struct fake_leaf *leaf = fake_tree_find(&host->leaves, at);

		/* As Intel's driver, which does not mind */
		if (!leaf && host->forgotten) {
			at += SZ_PAGE;
			continue;
		}
		if (!leaf) {
			KUNIT_FAIL(host->test, "unmap of a hole at %llx", at);
			break;
		}
		if (!takes(host, leaf, at, end))
			break;
		from = min(from, leaf->iova);
		at = leaf->last + 1;
		remove_leaf(host, leaf);
	}
	if (at == end)
		free_tables(host, iova, end);
	if (at == iova)
		host->nr_short++;
	else if (!iommu_iotlb_gather_queued(gather))
		iommu_iotlb_gather_add_range(gather, from, at - from);
	return at - from;
}

static void fake_iotlb_sync(struct iommu_domain *domain,
			    struct iommu_iotlb_gather *gather)
{
	struct fake_host *host = to_fake(domain);
	unsigned int kept = 0;

	/* 6.12 syncs after an iommu_unmap() of nothing, too */
	if (gather->start > gather->end)
		return;

	host->nr_syncs++;
	record(host, FAKE_SYNC, gather->start, gather->end - gather->start + 1,
	       0);
	KUNIT_EXPECT_NE_MSG(host->test, host->nr_stale + host->nr_short, 0,
			    "flush of %lx..%lx without an unmap", gather->start,
			    gather->end);
	for (unsigned int i = 0; i < host->nr_stale; i++)
		if (host->stale[i].first < gather->start ||
		    host->stale[i].last > gather->end)
			host->stale[kept++] = host->stale[i];
	host->nr_stale = kept;
}

static phys_addr_t fake_iova_to_phys(struct iommu_domain *domain,
				     dma_addr_t iova)
{
	struct fake_leaf *leaf = fake_tree_find(&to_fake(domain)->leaves, iova);

	return leaf ? leaf->pa + (iova - leaf->iova) : 0;
}

static const struct iommu_domain_ops fake_ops = {
	.map_pages = fake_map_pages,
	.unmap_pages = fake_unmap_pages,
	.iotlb_sync = fake_iotlb_sync,
	.iova_to_phys = fake_iova_to_phys,
};

const char *fake_host_name(enum fake_host_kind kind)
{
	static const char *const names[] = {
		[FAKE_HOST_INTEL] = "intel",
		[FAKE_HOST_INTEL_PT] = "intel-pt",
		[FAKE_HOST_AMD] = "amd",
		[FAKE_HOST_VIRTIO] = "virtio",
	};

	return names[kind];
}

void fake_host_init(struct kunit *test, struct fake_host *host,
		    enum fake_host_kind kind)
{
	bool intel = kind == FAKE_HOST_INTEL || kind == FAKE_HOST_INTEL_PT;

	memset(host, 0, sizeof(*host));
	host->leaves = RB_ROOT;
	host->removed = RB_ROOT;
	xa_init(&host->tables);
	host->test = test;
	host->kind = kind;
	host->owns_up = true;
	host->domain.type = IOMMU_DOMAIN_UNMANAGED;
	host->domain.ops = &fake_ops;
	host->domain.pgsize_bitmap = intel ? BIT(12) | SZ_2M_1G :
					     GENMASK(47, 12);
	host->domain.geometry.aperture_end = GENMASK_ULL(56, 0);
	host->domain.geometry.force_aperture = true;
}

/* Begins a new step: what is removed from now on is compared with now. */
void fake_host_step(struct fake_host *host)
{
	fake_tree_clear(&host->pool, &host->removed);
	host->step = host->stamp;
	host->nr_calls = 0;
}

/* Takes back all that is mapped, as freeing a real domain does. */
void fake_host_clear(struct fake_host *host)
{
	struct fake_leaf *leaf;

	while ((leaf = fake_tree_next(&host->leaves, 0)))
		if (!iommu_unmap(&host->domain, leaf->iova,
				 leaf->last + 1 - leaf->iova))
			break;
}

void fake_host_exit(struct fake_host *host)
{
	fake_host_clear(host);
	fake_tree_clear(&host->pool, &host->removed);
	fake_pool_free(&host->pool);
	xa_destroy(&host->tables);
}
