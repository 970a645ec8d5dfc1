/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMM: iommufd with one IOAS that is the guest's memory (lib/vmm.c).
 */
#ifndef VTDS_VMM_H
#define VTDS_VMM_H

#include <linux/types.h>

struct iommu_iova_range;

struct vtds_vmm {
	int iommufd;
	__u32 ioas;
};

int vtds_vmm_open(struct vtds_vmm *vmm);
void vtds_vmm_close(struct vtds_vmm *vmm);
int vtds_ioas_alloc(struct vtds_vmm *vmm, __u32 *ioas);
int vtds_ioas_map(struct vtds_vmm *vmm, __u32 ioas, const void *hva, __u64 iova,
		  __u64 size, unsigned int perm);
int vtds_ioas_unmap(struct vtds_vmm *vmm, __u32 ioas, __u64 iova, __u64 size);
int vtds_ioas_ranges(struct vtds_vmm *vmm, __u32 ioas,
		     struct iommu_iova_range *ranges, unsigned int max);
int vtds_hwpt_alloc(struct vtds_vmm *vmm, __u32 dev_id, __u32 ioas,
		    __u32 *hwpt);
int vtds_destroy(struct vtds_vmm *vmm, __u32 id);

#endif /* VTDS_VMM_H */
