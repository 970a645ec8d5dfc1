/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls to the IOMMU core that map and unmap, each of which fails on request (fault.h).
 * Serves host_domain.c alone.
 */
#ifndef VTDS_HOST_CALL_H
#define VTDS_HOST_CALL_H

#include <linux/gfp.h>
#include <linux/iommu.h>

#include "fault.h"
#include "host_domain.h"

static __always_inline int map(struct vtds_host_domain *host, u64 iova,
			       phys_addr_t pa, size_t size, int prot)
{
	if (vtds_should_fail())
		return -ENOMEM;
	return iommu_map(host->domain, iova, pa, size, prot,
			 GFP_KERNEL_ACCOUNT);
}

static __always_inline ssize_t map_sg(struct vtds_host_domain *host, u64 iova,
				      struct scatterlist *sg,
				      unsigned int nents, int prot)
{
	if (vtds_should_fail())
		return -ENOMEM;
	return iommu_map_sg(host->domain, iova, sg, nents, prot,
			    GFP_KERNEL_ACCOUNT);
}

#ifdef CONFIG_VTD_SHADOW_FAULT_INJECTION
/*
 * An unmap that fails on request is done, and says that it did nothing: whoever maps the
 * memory next is not to find what a device can still reach.
 */
static inline size_t unmap(struct vtds_host_domain *host, u64 iova, size_t size)
{
	size_t done = iommu_unmap_fast(host->domain, iova, size, &host->gather);

	if (!vtds_should_fail())
		return done;
	host->pretends = true;
	return 0;
}

/*
 * A broken domain is only good for being freed. One that pretends to be broken is emptied:
 * iommu.debug_pagealloc takes what it maps when it is freed for mapped.
 */
static inline bool is_beyond_use(const struct vtds_host_domain *host)
{
	return host->broken && !host->pretends;
}
#else
static __always_inline size_t unmap(struct vtds_host_domain *host, u64 iova,
				    size_t size)
{
	return iommu_unmap_fast(host->domain, iova, size, &host->gather);
}

/* A broken domain is only good for being freed. */
static inline bool is_beyond_use(const struct vtds_host_domain *host)
{
	return host->broken;
}
#endif

#endif /* VTDS_HOST_CALL_H */
