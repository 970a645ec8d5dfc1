/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains of the host, see host_domain.c
 */
#ifndef VTDS_HOST_DOMAIN_H
#define VTDS_HOST_DOMAIN_H

#include <linux/iommu.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include "vtd_format.h"

struct vtds_range;
struct vtds_domain_stats;

/*
 * Most pages of one iommu_map_sg() call for neighbouring 4 KiB leaves. Less
 * than the 512 that would let the host build a 2 MiB page over several leaves.
 */
#define VTDS_RUN_PAGES 256

/* Scatterlist entries: one superpage of scattered 4 KiB pages at most */
#define VTDS_SG_ENTRIES 512

/**
 * struct vtds_dev_pasid - What can be attached to a domain
 * @dev: The host's device
 * @group: Its host group
 * @pasid: IOMMU_NO_PASID for requests without PASID, for all of @group; else for
 *         requests of @dev with that PASID
 */
struct vtds_dev_pasid {
	struct device *dev;
	struct iommu_group *group;
	u32 pasid;
};

/**
 * struct vtds_run - Host memory that one call maps
 * @sg: Where it is collected: room for VTDS_SG_ENTRIES pieces
 * @end: After the last piece
 * @next: Host frame after that piece
 * @iova: First IOVA; nothing is mapped there, or what was has been unmapped
 * @size: Bytes collected, 0 if there is no run
 * @perm: VTD_SS_R, VTD_SS_W or both
 */
struct vtds_run {
	struct scatterlist *sg;
	struct scatterlist *end;
	unsigned long next;
	u64 iova;
	u64 size;
	unsigned int perm;
};

static inline void vtds_run_begin(struct vtds_run *run, u64 iova,
				  unsigned int perm)
{
	run->end = run->sg;
	run->next = ULONG_MAX;
	run->iova = iova;
	run->size = 0;
	run->perm = perm;
}

/* Pieces collected */
static inline unsigned int vtds_run_nents(const struct vtds_run *run)
{
	return run->end - run->sg;
}

/*
 * Adds @size bytes of host memory at @pfn; the caller sees to VTDS_SG_ENTRIES. In a loop
 * over leaves the run should be a local variable, which stays in registers.
 */
static __always_inline void vtds_run_add(struct vtds_run *run,
					 unsigned long pfn, u64 size)
{
	if (run->next == pfn)
		run->end[-1].length += size;
	else
		sg_set_page(run->end++, pfn_to_page(pfn), size, 0);
	run->next = pfn + (size >> VTD_PAGE_SHIFT);
	run->size += size;
}

/**
 * struct vtds_host_domain - A paging domain of the host and its pending work
 * @domain: The host's domain
 * @unit_id: Number of the unit
 * @domain_id: Number of the domain
 * @stats: Counters of the domain
 * @first: First IOVA that the host can map
 * @last: Last IOVA that the host can map
 * @merge: Neighbouring leaves may share one map call, see vtds_host_domain_probe()
 * @coherent: It enforces that DMA is coherent
 * @write_only: It can let devices write what they cannot read
 * @broken: The host did not do what was asked; the domain must not be used
 * @pretends: It did, and it was asked to say that it did not, see host_call.h
 * @gather: Collects page-table pages to free until the next flush
 * @unmap_start: Start of the pending unmap
 * @unmap_end: End of the pending unmap, equal to @unmap_start if there is none
 * @flush_first: First IOVA to flush, if @need_flush
 * @flush_last: Last IOVA to flush
 * @need_flush: Something was unmapped since the last flush
 */
struct vtds_host_domain {
	struct iommu_domain *domain;
	u32 unit_id;
	u64 domain_id;
	struct vtds_domain_stats *stats;
	u64 first;
	u64 last;
	bool merge;
	bool coherent;
	bool write_only;
	bool broken;
#ifdef CONFIG_VTD_SHADOW_FAULT_INJECTION
	bool pretends;
#endif
	struct iommu_iotlb_gather gather;
	u64 unmap_start;
	u64 unmap_end;
	u64 flush_first;
	u64 flush_last;
	bool need_flush;
};

bool vtds_host_domain_suits(const struct vtds_host_domain *host,
			    struct device *dev);
int vtds_host_domain_alloc(struct vtds_host_domain *host, struct device *dev);
void vtds_host_domain_init(struct vtds_host_domain *host,
			   struct iommu_domain *domain);
void vtds_host_domain_free(struct vtds_host_domain *host);
int vtds_host_domain_attach(struct vtds_host_domain *host,
			    const struct vtds_dev_pasid *dev_pasid);
void vtds_host_domain_detach(struct vtds_host_domain *host,
			     const struct vtds_dev_pasid *dev_pasid);
int vtds_host_reserved(struct iommu_group *group, struct vtds_range *ranges,
		       unsigned int room);
int vtds_host_domain_probe(struct vtds_host_domain *host);
int vtds_host_map(struct vtds_host_domain *host, const struct vtds_run *run);
void vtds_host_unmap(struct vtds_host_domain *host, u64 iova, u64 size);
bool vtds_host_give_back(struct vtds_host_domain *host, u64 iova, u64 size);
void vtds_host_zeroes_prepare(void);
void vtds_host_zeroes_free(void);
void vtds_host_flush(struct vtds_host_domain *host);
phys_addr_t vtds_host_lookup(struct vtds_host_domain *host, u64 iova);

#endif /* VTDS_HOST_DOMAIN_H */
