// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host domains of the native benchmark: the core's page table for VT-d's second stage,
 * without an IOMMU that walks it.
 */
#include <linux/mm.h>
#include <linux/vmstat.h>

#include "../../../iommu-pages.h"
#include "native.h"

PT_IOMMU_CHECK_DOMAIN(struct native_host, sspt.iommu, domain);

static void host_iotlb_sync(struct iommu_domain *domain,
			    struct iommu_iotlb_gather *gather)
{
	iommu_put_pages_list(&gather->freelist);
}

static const struct iommu_domain_ops host_ops = {
	IOMMU_PT_DOMAIN_OPS(vtdss),
	.iotlb_sync = host_iotlb_sync,
};

/* As Intel's driver makes one for an IOMMU that snoops page-table walks */
int native_host_init(struct native_host *host)
{
	struct pt_iommu_vtdss_cfg cfg = {
		.common.hw_max_vasz_lg2 = 48,
		.common.hw_max_oasz_lg2 = 52,
		.common.features = BIT(PT_FEAT_FLUSH_RANGE),
		.top_level = 3,
	};

	host->sspt.iommu.nid = NUMA_NO_NODE;
	host->domain.ops = &host_ops;
	return pt_iommu_vtdss_init(&host->sspt, &cfg, GFP_KERNEL);
}

void native_host_exit(struct native_host *host)
{
	pt_iommu_deinit(&host->sspt.iommu);
}

/* All leaves lead to @frames, or nowhere. */
void native_host_check(struct native *n, struct native_host *host,
		       struct page **frames)
{
	for (unsigned long i = 0; i < n->c->nr_leaves; i++) {
		phys_addr_t pa =
			iommu_iova_to_phys(&host->domain, native_iova(i));

		if (pa == (frames ? page_to_phys(frames[i]) : 0))
			continue;
		KUNIT_FAIL(n->test, "leaf %lu leads to %pa", i, &pa);
		return;
	}
}

/* Pages of page tables that all domains have */
unsigned long native_host_pages(void)
{
	return global_node_page_state(NR_IOMMU_PAGES);
}
