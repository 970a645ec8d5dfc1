// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host domains: page tables of all kinds of hosts behind the calls of the IOMMU core. They
 * are stricter than hosts are: to map over something, to unmap a hole or a part of a page
 * is a failure. What was unmapped counts as reached until it is flushed.
 */
#include "kernel.h"
#include <linux/list.h>
#include <linux/rbtree.h>
#include "fuzz.h"

/**
 * struct leaf - What the host maps in one piece, which it cannot split
 * @node: In host_domain.leaves
 * @entry: In host_domain.stale, once it is unmapped
 * @what: What it is
 */
struct leaf {
	union {
		struct rb_node node;
		struct list_head entry;
	};
	struct host_leaf what;
};

struct host_domain {
	struct iommu_domain domain;
	struct list_head entry;
	struct rb_root leaves;
	struct list_head stale;
	struct list_head groups;
	u64 nr_pages;
	unsigned int iommu;
	unsigned int users;
	unsigned int nr_calls;
	bool forgot;
};

/* Pages of device and host that are in a leaf, or in a stale one: how often */
#define NR_REACHED 270000
static u16 reached[NR_REACHED];

static LIST_HEAD(domains);
static unsigned int nr_domains;
enum host_kind host_kind;

struct host_domain *to_host(struct iommu_domain *domain)
{
	return container_of(domain, struct host_domain, domain);
}

unsigned int host_nr_domains(void)
{
	return nr_domains;
}

u64 host_nr_pages(struct iommu_domain *domain)
{
	return to_host(domain)->nr_pages;
}

bool host_has_stale(struct iommu_domain *domain)
{
	return !list_empty(&to_host(domain)->stale);
}

/* --- Who reaches what --- */

/* The pages of a leaf lie together: so do their frames. */
__attribute__((no_sanitize("address", "undefined"))) static void
count_reached(const struct host_leaf *leaf, int change)
{
	unsigned int frame = memory_frame_of_pfn(PHYS_PFN(leaf->pa));
	unsigned int nr = leaf->size >> PAGE_SHIFT;

	if (frame + nr - 1 !=
		    memory_frame_of_pfn(PHYS_PFN(leaf->pa) + nr - 1) ||
	    frame + nr > NR_REACHED)
		fuzz_fail("a leaf to %llx, %llx bytes", leaf->pa, leaf->size);
	for (unsigned int i = frame; i < frame + nr; i++)
		reached[i] += change;
}

static bool leaf_has(const struct leaf *leaf, phys_addr_t pa)
{
	return pa >= leaf->what.pa && pa - leaf->what.pa < leaf->what.size;
}

static bool domain_reaches(struct host_domain *host, phys_addr_t pa)
{
	struct leaf *leaf;
	struct rb_node *node;

	list_for_each_entry(leaf, &host->stale, entry)
		if (leaf_has(leaf, pa))
			return true;
	for (node = rb_first(&host->leaves); node; node = rb_next(node))
		if (leaf_has(rb_entry(node, struct leaf, node), pa))
			return true;
	return false;
}

/* Whether a device can reach a frame, by what is mapped or what the IOTLB may have */
bool host_is_reached(unsigned int frame)
{
	phys_addr_t pa = PFN_PHYS(memory_pfn(frame));
	struct host_domain *host;

	if (!reached[frame])
		return false;
	/* A domain without devices, on which the host failed, may have some left. */
	list_for_each_entry(host, &domains, entry)
		if (host->users && domain_reaches(host, pa))
			return true;
	return false;
}

/* --- Leaves --- */

/* The first leaf that ends after @iova */
static struct leaf *leaf_next(struct host_domain *host, u64 iova)
{
	struct rb_node *node = host->leaves.rb_node;
	struct leaf *found = NULL;

	while (node) {
		struct leaf *leaf = rb_entry(node, struct leaf, node);

		if (leaf->what.iova + leaf->what.size - 1 >= iova) {
			found = leaf;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

static struct leaf *leaf_at(struct host_domain *host, u64 iova)
{
	struct leaf *leaf = leaf_next(host, iova);

	return leaf && leaf->what.iova <= iova ? leaf : NULL;
}

static void leaf_add(struct host_domain *host, const struct host_leaf *what)
{
	struct rb_node **link = &host->leaves.rb_node, *parent = NULL;
	struct leaf *leaf = leaf_next(host, what->iova);

	if (leaf && leaf->what.iova < what->iova + what->size)
		fuzz_fail("map of %llx over %llx", what->iova, leaf->what.iova);
	leaf = calloc(1, sizeof(*leaf));
	leaf->what = *what;
	while (*link) {
		parent = *link;
		link = what->iova < rb_entry(parent, struct leaf, node)
					       ->what.iova ?
			       &parent->rb_left :
			       &parent->rb_right;
	}
	rb_link_node(&leaf->node, parent, link);
	rb_insert_color(&leaf->node, &host->leaves);
	host->nr_pages += what->size >> PAGE_SHIFT;
	count_reached(what, 1);
}

/* Takes a leaf from the page table; devices may use it until the flush. */
static void leaf_remove(struct host_domain *host, struct leaf *leaf)
{
	rb_erase(&leaf->node, &host->leaves);
	host->nr_pages -= leaf->what.size >> PAGE_SHIFT;
	list_add_tail(&leaf->entry, &host->stale);
}

static void flush(struct host_domain *host, u64 first, u64 last)
{
	struct leaf *leaf, *next;

	list_for_each_entry_safe(leaf, next, &host->stale, entry) {
		if (leaf->what.iova < first ||
		    leaf->what.iova + leaf->what.size - 1 > last)
			continue;
		list_del(&leaf->entry);
		count_reached(&leaf->what, -1);
		free(leaf);
	}
}

static void clear(struct host_domain *host)
{
	struct leaf *leaf;

	while ((leaf = leaf_next(host, 0)))
		leaf_remove(host, leaf);
	flush(host, 0, U64_MAX);
}

bool host_next(struct iommu_domain *domain, u64 iova, struct host_leaf *leaf)
{
	struct leaf *found = leaf_next(to_host(domain), iova);

	if (found)
		*leaf = found->what;
	return found;
}

bool host_find(struct iommu_domain *domain, u64 iova, struct host_leaf *leaf)
{
	return host_next(domain, iova, leaf) && leaf->iova <= iova;
}

/* --- Domains --- */

static bool enforce(struct iommu_domain *domain)
{
	return true;
}

static const struct iommu_domain_ops ops = {
	.enforce_cache_coherency = enforce,
};

struct iommu_domain *host_domain_create(unsigned int iommu)
{
	struct host_domain *host = kzalloc(sizeof(*host), GFP_KERNEL);
	bool intel = host_kind == HOST_INTEL || host_kind == HOST_GENERIC;

	if (!host)
		return ERR_PTR(-ENOMEM);
	host->domain.type = __IOMMU_DOMAIN_PAGING;
	host->domain.ops = &ops;
	host->domain.pgsize_bitmap = intel ? BIT(12) | BIT(21) | BIT(30) :
					     GENMASK(47, 12);
	/* The second IOMMU has fewer bits */
	host->domain.geometry.aperture_end =
		GENMASK_ULL(host_kind == HOST_VIRTIO ? 38 :
			    iommu		     ? 46 :
						       56,
			    0);
	host->iommu = iommu;
	host->leaves = RB_ROOT;
	INIT_LIST_HEAD(&host->stale);
	list_add(&host->entry, &domains);
	nr_domains++;
	return &host->domain;
}

void iommu_domain_free(struct iommu_domain *domain)
{
	struct host_domain *host = to_host(domain);

	progress_result();
	if (host->users)
		fuzz_fail("a domain goes that a device has");
	clear(host);
	list_del(&host->entry);
	nr_domains--;
	kfree(host);
}

bool host_domain_fits(struct iommu_domain *domain, unsigned int iommu)
{
	return to_host(domain)->iommu == iommu;
}

/* What a group reserves must not be mapped from now on. */
int host_attach(struct iommu_domain *domain, struct iommu_group *group)
{
	struct host_domain *host = to_host(domain);
	struct rb_node *node;

	for (node = rb_first(&host->leaves); node && group;
	     node = rb_next(node)) {
		struct host_leaf *leaf =
			&rb_entry(node, struct leaf, node)->what;

		if (group_reserves(group, leaf->iova, leaf->size))
			fuzz_fail("%llx is mapped and reserved", leaf->iova);
	}
	host->users++;
	return 0;
}

/* What devices have of a domain without users is flushed by the host itself. */
void host_detach(struct iommu_domain *domain, struct iommu_group *group)
{
	struct host_domain *host = to_host(domain);

	if (!host->users--)
		fuzz_fail("more detached than attached");
	if (!host->users)
		flush(host, 0, U64_MAX);
}

/* --- Mapping --- */

/* Size of the next leaf that the host makes of a call */
static u64 leaf_size(u64 iova, phys_addr_t pa, u64 size)
{
	u64 aligned = (iova | pa) & -(iova | pa);

	if (host_kind == HOST_AMD || host_kind == HOST_VIRTIO)
		return min(aligned ?: BIT_ULL(47), BIT_ULL(ilog2(size)));
	if (size >= BIT(30) && IS_ALIGNED(iova | pa, BIT(30)))
		return BIT(30);
	if (size >= BIT(21) && IS_ALIGNED(iova | pa, BIT(21)))
		return BIT(21);
	return PAGE_SIZE;
}

static void map_range(struct host_domain *host, u64 iova, phys_addr_t pa,
		      u64 size, int prot)
{
	for (u64 done = 0; done < size;) {
		struct host_leaf leaf = {
			.iova = iova + done,
			.size = leaf_size(iova + done, pa + done, size - done),
			.pa = pa + done,
			.prot = prot & (IOMMU_READ | IOMMU_WRITE),
		};

		leaf_add(host, &leaf);
		done += leaf.size;
	}
}

static void check_map(struct host_domain *host, u64 iova, u64 size, int prot)
{
	const struct iommu_domain_geometry *g = &host->domain.geometry;

	fuzz_work(1);
	progress_result();
	if (!size || !IS_ALIGNED(iova | size, PAGE_SIZE) ||
	    iova < g->aperture_start || iova + size - 1 > g->aperture_end)
		fuzz_fail("map of %llx, %llx bytes", iova, size);
	if (!(prot & IOMMU_CACHE) || !(prot & (IOMMU_READ | IOMMU_WRITE)))
		fuzz_fail("map of %llx with %x", iova, prot);
	if (iova <= 0xfeefffff && iova + size - 1 >= 0xfee00000)
		fuzz_fail("map of interrupts, %llx", iova);
}

static void remove_range(struct host_domain *host, u64 iova, u64 end)
{
	struct leaf *leaf;

	while ((leaf = leaf_next(host, iova)) && leaf->what.iova < end)
		leaf_remove(host, leaf);
}

int iommu_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t pa,
	      size_t size, int prot, gfp_t gfp)
{
	struct host_domain *host = to_host(domain);
	bool fails = inject_now(&inject.map);

	check_map(host, iova, size, prot);
	host->nr_calls++;
	host->forgot = false;
	map_range(host, iova, pa, fails ? size / 2 & ~(PAGE_SIZE - 1) : size,
		  prot);
	if (!fails)
		return 0;
	host->forgot = inject.forgets && host_kind == HOST_INTEL;
	if (!host->forgot)
		remove_range(host, iova, iova + size);
	/* The core flushes what it takes back */
	flush(host, iova, iova + size - 1);
	return -ENOMEM;
}

/* One call of the driver for pieces that follow each other, as the core joins them */
ssize_t iommu_map_sg(struct iommu_domain *domain, unsigned long iova,
		     struct scatterlist *sg, unsigned int nents, int prot,
		     gfp_t gfp)
{
	u64 done = 0, start = 0;
	int ret;

	for (unsigned int i = 0; i < nents; i = start) {
		u64 size = 0;
		unsigned int next = i;

		while (next < nents &&
		       sg_phys(&sg[next]) == sg_phys(&sg[i]) + size)
			size += sg[next++].length;
		ret = iommu_map(domain, iova + done, sg_phys(&sg[i]), size,
				prot, gfp);
		if (ret) {
			struct host_domain *host = to_host(domain);

			remove_range(host, iova, iova + done);
			flush(host, iova, iova + done - 1);
			return ret;
		}
		done += size;
		start = next;
	}
	return done;
}

/* --- Unmapping --- */

/* Whether nothing is mapped in all that a page table covers */
static bool is_empty_table(struct host_domain *host, u64 iova, u64 size)
{
	struct leaf *leaf = leaf_next(host, iova);

	return (size == BIT(21) || size == BIT(30)) && IS_ALIGNED(iova, size) &&
	       (!leaf || leaf->what.iova >= iova + size);
}

/*
 * A host that cannot split a page takes it as a whole, or nothing of it. The engine may
 * only find out once.
 */
static size_t unmap_part(struct host_domain *host, struct leaf *leaf, u64 iova)
{
	size_t size = leaf->what.iova + leaf->what.size - iova;

	if (host->nr_calls > 1)
		fuzz_fail("unmap of %llx splits %llx", iova, leaf->what.iova);
	if (host_kind != HOST_AMD)
		return 0;
	leaf_remove(host, leaf);
	return size;
}

static size_t unmap(struct host_domain *host, u64 iova, u64 size)
{
	u64 at = iova, end = iova + size;

	fuzz_work(1);
	progress_result();
	if (inject_now(&inject.unmap))
		return 0;
	if (!host->forgot && is_empty_table(host, iova, size))
		return host_kind == HOST_INTEL || host_kind == HOST_AMD ? size :
									  0;
	while (at < end) {
		struct leaf *leaf = leaf_at(host, at);

		if (!leaf && host->forgot) {
			at += PAGE_SIZE;
			continue;
		}
		if (!leaf)
			fuzz_fail("a hole at %llx is unmapped", at);
		if (leaf->what.iova != at || at + leaf->what.size > end)
			return at - iova + unmap_part(host, leaf, at);
		at += leaf->what.size;
		leaf_remove(host, leaf);
	}
	return size;
}

size_t iommu_unmap(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	struct host_domain *host = to_host(domain);
	size_t done = unmap(host, iova, size);

	flush(host, 0, U64_MAX);
	return done;
}

size_t iommu_unmap_fast(struct iommu_domain *domain, unsigned long iova,
			size_t size, struct iommu_iotlb_gather *gather)
{
	if (!gather->queued)
		fuzz_fail("unmap of %lx would flush by itself", iova);
	return unmap(to_host(domain), iova, size);
}

void iommu_iotlb_sync(struct iommu_domain *domain,
		      struct iommu_iotlb_gather *gather)
{
	fuzz_work(1);
	if (gather->queued)
		fuzz_fail("a flush that the driver would leave out");
	flush(to_host(domain), gather->start, gather->end);
	*gather = (struct iommu_iotlb_gather){ .start = ULONG_MAX };
}

/* --- Looking up --- */

phys_addr_t iommu_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct host_leaf leaf;

	if (domain_is_identity(domain))
		return identity_to_phys(domain, iova);
	if (!host_find(domain, iova, &leaf))
		return 0;
	return leaf.pa + (iova - leaf.iova);
}
