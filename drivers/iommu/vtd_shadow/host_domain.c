// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host domain: the only caller of iommu_map*() and iommu_unmap*(). What it is
 * asked to unmap was mapped before, whole leaves of it; its callers see to that. Serves
 * domain.c, mirror.c, leaves.c, superpage.c and flush.c; calls linger.c.
 */
#define pr_fmt(fmt) "vtd_shadow: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "domain.h"
#include "fault.h"
#include "host_call.h"
#include "host_domain.h"
#include "linger.h"
#include "stats.h"
#include "trace.h"
#include "vtd_format.h"

void vtds_host_domain_init(struct vtds_host_domain *host,
			   struct iommu_domain *domain)
{
	memset(host, 0, sizeof(*host));
	host->domain = domain;
	/*
	 * The core does not tell what a format can express. Those with pages of 8 KiB
	 * (AMD's first one, virtio's) have read and write apart. In x86's first stage
	 * present means readable, and Intel's second stage cannot be told from it.
	 */
	host->write_only = domain->pgsize_bitmap & SZ_8K;
	iommu_iotlb_gather_init(&host->gather);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_domain_init);

static bool wants_coherency(struct device *dev)
{
	return device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY);
}

/* Whether a domain keeps the promise that the host makes to KVM for a device. */
bool vtds_host_domain_suits(const struct vtds_host_domain *host,
			    struct device *dev)
{
	return host->coherent || !wants_coherency(dev);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_domain_suits);

/**
 * vtds_host_domain_alloc() - Create an empty host domain
 * @host: The domain
 * @dev: A device that it is for
 *
 * Return: 0 or a negative errno.
 */
int vtds_host_domain_alloc(struct vtds_host_domain *host, struct device *dev)
{
	bool coherent = wants_coherency(dev);
	struct iommu_domain *domain;

	if (vtds_should_fail())
		return -ENOMEM;
	KUNIT_STATIC_STUB_REDIRECT(vtds_host_domain_alloc, host, dev);

	domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);

	/*
	 * KVM takes the capability alone as proof that no DMA is incoherent.
	 * Enforcing it works on an empty domain only.
	 */
	if (coherent && !domain->ops->enforce_cache_coherency(domain)) {
		iommu_domain_free(domain);
		return -EINVAL;
	}
	vtds_host_domain_init(host, domain);
	host->coherent = coherent;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_domain_alloc);

/*
 * Frees the domain. No group may be attached, and nothing is mapped, unless the
 * domain is broken.
 */
void vtds_host_domain_free(struct vtds_host_domain *host)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_host_domain_free, host);

	vtds_linger_free(host->domain);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_domain_free);

/*
 * For devices without PASIDs the core does nothing, and calls it a success: all
 * would look attached, and the domain be kept for nobody.
 */
static int attach_pasid(struct vtds_host_domain *host,
			const struct vtds_dev_pasid *dev_pasid)
{
	if (dev_pasid->pasid >= dev_pasid->dev->iommu->max_pasids)
		return -EOPNOTSUPP;
	return iommu_attach_device_pasid(host->domain, dev_pasid->dev,
					 dev_pasid->pasid, NULL);
}

/* What the group has then is looked at: the core once said "attached" too early. */
static int attach_group(struct vtds_host_domain *host,
			const struct vtds_dev_pasid *dev_pasid)
{
	int ret = iommu_attach_group(host->domain, dev_pasid->group);

	if (ret || vtds_linger_has(host->domain, dev_pasid->dev))
		return ret;
	vtds_linger_detach(host->domain, dev_pasid->group);
	return -EBUSY;
}

/* Returns 0 or a negative errno: what @dev_pasid reached before is not touched. */
int vtds_host_domain_attach(struct vtds_host_domain *host,
			    const struct vtds_dev_pasid *dev_pasid)
{
	int ret;

	if (vtds_should_fail())
		return -ENOMEM;
	KUNIT_STATIC_STUB_REDIRECT(vtds_host_domain_attach, host, dev_pasid);

	if (dev_pasid->pasid == IOMMU_NO_PASID)
		ret = attach_group(host, dev_pasid);
	else
		ret = attach_pasid(host, dev_pasid);
	if (ret)
		return ret;
	/* Some drivers know this only for a domain with a device */
	host->first = host->domain->geometry.aperture_start;
	host->last = host->domain->geometry.aperture_end;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_domain_attach);

void vtds_host_domain_detach(struct vtds_host_domain *host,
			     const struct vtds_dev_pasid *dev_pasid)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_host_domain_detach, host, dev_pasid);

	if (dev_pasid->pasid != IOMMU_NO_PASID) {
		iommu_detach_device_pasid(host->domain, dev_pasid->dev,
					  dev_pasid->pasid);
		return;
	}
	vtds_linger_detach(host->domain, dev_pasid->group);
	if (vtds_linger_has(host->domain, dev_pasid->dev))
		vtds_linger_add(host->domain, dev_pasid);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_domain_detach);

/**
 * vtds_host_reserved() - What the host keeps for itself of a group's IOVA space
 * @group: The group
 * @ranges: Output, whole pages
 * @room: How many fit there
 *
 * Return: how many there are, which may be more than @room, or a negative errno.
 */
int vtds_host_reserved(struct iommu_group *group, struct vtds_range *ranges,
		       unsigned int room)
{
	struct iommu_resv_region *region, *next;
	unsigned int count = 0;
	LIST_HEAD(regions);
	int ret;

	if (vtds_should_fail())
		return -ENOMEM;
	KUNIT_STATIC_STUB_REDIRECT(vtds_host_reserved, group, ranges, room);

	ret = iommu_get_group_resv_regions(group, &regions);
	list_for_each_entry_safe(region, next, &regions, list) {
		u64 last = region->start + region->length - 1;

		/* A relaxable one is needed only until a driver takes over */
		if (region->type != IOMMU_RESV_DIRECT_RELAXABLE &&
		    count++ < room)
			*ranges++ = (struct vtds_range){
				ALIGN_DOWN(region->start, VTD_PAGE_SIZE),
				last | (VTD_PAGE_SIZE - 1)
			};
		kfree(region);
	}
	return ret ?: count;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_reserved);

/* --- Mapping --- */

/*
 * Whether the first half of a mapping outlives the second. This way round a host
 * that cannot says so quietly: taking more than it was asked to would be noted.
 */
static bool unmaps_half(struct iommu_domain *domain, u64 iova, phys_addr_t pa)
{
	size_t done = iommu_unmap(domain, iova + VTD_PAGE_SIZE, VTD_PAGE_SIZE);
	phys_addr_t rest = iommu_iova_to_phys(domain, iova);

	if (!done)
		iommu_unmap(domain, iova, 2 * VTD_PAGE_SIZE);
	else if (rest)
		iommu_unmap(domain, iova, VTD_PAGE_SIZE);

	return done == VTD_PAGE_SIZE && rest == pa;
}

static bool maps_any(struct vtds_host_domain *host, u64 iova, u64 size)
{
	for (u64 done = 0; done < size; done += VTD_PAGE_SIZE)
		if (iommu_iova_to_phys(host->domain, iova + done))
			return true;
	return false;
}

/**
 * vtds_host_domain_probe() - Learn whether neighbouring leaves can be mapped at once
 * @host: An empty domain that was attached once
 *
 * iommu_unmap() cannot, by contract, take a piece out of what one iommu_map()
 * made, so that each guest leaf has to be a mapping of its own. Below the size
 * of a superpage many host drivers can nevertheless, and then mapping a run of
 * leaves in one call is much faster. So it is tried: two pages mapped in one call,
 * one of them unmapped.
 *
 * Return: 0 with @host->merge set or clear, or a negative errno: -EIO if the host did not
 * unmap all of it.
 */
int vtds_host_domain_probe(struct vtds_host_domain *host)
{
	u64 iova = ALIGN(host->first, 2 * VTD_PAGE_SIZE);
	struct page *page;
	phys_addr_t pa;
	int ret;

	page = vtds_should_fail() ? NULL :
				    alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);
	if (!page)
		return -ENOMEM;

	pa = page_to_phys(page);
	ret = map(host, iova, pa, 2 * VTD_PAGE_SIZE, IOMMU_READ | IOMMU_CACHE);
	if (!ret)
		host->merge = unmaps_half(host->domain, iova, pa);
	if (maps_any(host, iova, 2 * VTD_PAGE_SIZE)) {
		/* Better lost than read by a device when it is somebody else's */
		pr_err_ratelimited("cannot unmap %#llx\n", iova);
		return -EIO;
	}
	__free_pages(page, 1);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_domain_probe);

/* What one call unmaps at most */
#define UNMAP_MOST BIT_ULL(30)

static void unmap_pending(struct vtds_host_domain *host)
{
	u64 size = host->unmap_end - host->unmap_start;
	size_t done;

	if (!size || is_beyond_use(host))
		return;

	/*
	 * Drivers flush on their own when the next range does not continue the
	 * gathered one. "Queued" says that the caller keeps the books, as
	 * vtds_host_flush() does: one flush in the end.
	 */
	host->gather.queued = true;
	done = unmap(host, host->unmap_start, size);
	host->stats->host_unmaps++;
	trace_vtd_shadow_unmap(host->unit_id, host->domain_id,
			       host->unmap_start, size, done);
	if (done != size) {
		pr_err_ratelimited("short unmap: %#zx of %#llx at %#llx\n",
				   done, size, host->unmap_start);
		host->broken = true;
	}
	host->unmap_start = 0;
	host->unmap_end = 0;
}

/*
 * A map call failed. The core takes back what the driver says that it mapped, and Intel's
 * of 6.12 says nothing when it runs out of memory for tables half way.
 */
static noinline void map_undo(struct vtds_host_domain *host,
			      const struct vtds_run *run)
{
	if (!maps_any(host, run->iova, run->size))
		return;
	iommu_unmap(host->domain, run->iova, run->size);
	if (!maps_any(host, run->iova, run->size))
		return;
	/* Its devices are taken off before any page is unpinned */
	pr_err_ratelimited("cannot undo a failed map at %#llx\n", run->iova);
	host->broken = true;
}

/**
 * vtds_host_map() - Map host memory
 * @host: The domain
 * @run: The memory, at least a page of it
 *
 * Context: may sleep.
 * Return: 0, or a negative errno with nothing mapped.
 */
int vtds_host_map(struct vtds_host_domain *host, const struct vtds_run *run)
{
	int prot = IOMMU_CACHE;
	ssize_t done;

	if (host->unmap_start != host->unmap_end)
		unmap_pending(host);
	if (host->broken)
		return -EIO;

	if (run->perm & VTD_SS_R)
		prot |= IOMMU_READ;
	if (run->perm & VTD_SS_W)
		prot |= IOMMU_WRITE;

	host->stats->host_maps++;
	if (vtds_run_nents(run) == 1)
		done = map(host, run->iova, sg_phys(run->sg), run->size, prot);
	else
		done = map_sg(host, run->iova, run->sg, vtds_run_nents(run),
			      prot);
	trace_vtd_shadow_map(host->unit_id, host->domain_id, run->iova,
			     run->size, vtds_run_nents(run), min(done, 0));
	if (likely(done >= 0))
		return 0;
	map_undo(host, run);
	return done;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_map);

static void need_flush(struct vtds_host_domain *host, u64 iova, u64 size)
{
	if (!host->need_flush) {
		host->need_flush = true;
		host->flush_first = iova;
		host->flush_last = iova + size - 1;
	}
	host->flush_first = min(host->flush_first, iova);
	host->flush_last = max(host->flush_last, iova + size - 1);
}

/**
 * vtds_host_unmap() - Unmap one or several neighbouring leaves
 * @host: The domain
 * @iova: Start of a leaf that is mapped
 * @size: Up to the end of a leaf, without a hole
 *
 * Takes effect at the next vtds_host_flush() at the latest. Continuing ranges
 * are joined. If the host does not unmap exactly this, the domain is broken:
 * vtds_batch_flush() takes its devices off.
 */
void vtds_host_unmap(struct vtds_host_domain *host, u64 iova, u64 size)
{
	need_flush(host, iova, size);
	/* By 1 GiB at most, to the end of a table of the host's: nobody waits for more */
	if (host->unmap_end != iova || host->unmap_start == host->unmap_end ||
	    IS_ALIGNED(iova, UNMAP_MOST)) {
		unmap_pending(host);
		host->unmap_start = iova;
	}
	host->unmap_end = iova + size;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_unmap);

/* --- Page tables that are empty --- */

#define ZEROES_ORDER 9
#define ZEROES_SIZE (PAGE_SIZE << ZEROES_ORDER)

/* Memory that devices may read for a moment; made when it is needed first, and kept */
static struct page *zeroes;

static struct page *get_zeroes(gfp_t gfp)
{
	/* Pairs with cmpxchg() below: whoever sees the pages sees them zeroed */
	struct page *made, *page = smp_load_acquire(&zeroes);

	if (page)
		return page;
	if (vtds_should_fail())
		return NULL;
	made = alloc_pages(gfp | __GFP_ZERO | __GFP_NOWARN, ZEROES_ORDER);
	if (!made)
		return NULL;
	page = cmpxchg(&zeroes, NULL, made);
	if (!page)
		return made;
	__free_pages(made, ZEROES_ORDER);
	return page;
}

/*
 * A unit begins, and nobody waits: the kernel may look for 2 MiB as long as it takes. Not
 * so when page tables are given back, with the unit locked. Without, they count for the
 * limit of BIND.
 */
void vtds_host_zeroes_prepare(void)
{
	get_zeroes(GFP_KERNEL);
}

/* The module goes. */
void vtds_host_zeroes_free(void)
{
	if (zeroes)
		__free_pages(zeroes, ZEROES_ORDER);
}

/* Maps nothing but zeroes, in pages of 2 MiB. Returns whether it did. */
static bool map_zeroes(struct vtds_host_domain *host, struct page *page,
		       u64 iova, u64 size)
{
	u64 done;
	int ret = 0;

	for (done = 0; done < size && !ret; done += ZEROES_SIZE)
		ret = map(host, iova + done, page_to_phys(page), ZEROES_SIZE,
			  IOMMU_READ | IOMMU_CACHE);
	if (!ret)
		return true;
	done -= ZEROES_SIZE;
	if (done && unmap(host, iova, done) != done)
		host->broken = true;
	return false;
}

/**
 * vtds_host_give_back() - Have the host free the page tables below one entry
 * @host: The domain
 * @iova: First IOVA, aligned to @size
 * @size: What a table of 4 KiB leaves covers, or a table of those
 *
 * Nothing is mapped there. All hosts free a table when a page is mapped in its place. None
 * may be asked to unmap where nothing is mapped: where there is no table at all, Intel's
 * driver of 6.12 unmaps as much as that would cover, and from @iova on, so that it takes
 * what comes after @size along. The flush that follows makes it safe: until then devices may
 * walk the tables.
 *
 * Return: whether it has probably done so.
 */
bool vtds_host_give_back(struct vtds_host_domain *host, u64 iova, u64 size)
{
	struct page *page = get_zeroes(GFP_NOWAIT);

	unmap_pending(host);
	if (host->broken || !page ||
	    !(host->domain->pgsize_bitmap & ZEROES_SIZE))
		return false;
	need_flush(host, iova, size);
	host->gather.queued = true;
	if (!map_zeroes(host, page, iova, size))
		return false;
	if (unmap(host, iova, size) == size)
		return true;
	pr_err_ratelimited("short unmap of %#llx\n", iova);
	host->broken = true;
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_give_back);

/* Makes revoked translations dead. */
void vtds_host_flush(struct vtds_host_domain *host)
{
	if (!host->need_flush)
		return;

	unmap_pending(host);
	host->gather.queued = false;
	host->gather.start = host->flush_first;
	host->gather.end = host->flush_last;
	iommu_iotlb_sync(host->domain, &host->gather);
	host->stats->iotlb_syncs++;
	trace_vtd_shadow_flush(host->unit_id, host->domain_id,
			       host->flush_first, host->flush_last);
	host->need_flush = false;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_flush);

/*
 * Host physical address that devices reach at @iova, 0 if none. A call that gave way may
 * have left an unmap that waits for its neighbours.
 */
phys_addr_t vtds_host_lookup(struct vtds_host_domain *host, u64 iova)
{
	unmap_pending(host);
	return iommu_iova_to_phys(host->domain, iova);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_host_lookup);
