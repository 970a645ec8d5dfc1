// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM's iommufd: one IOAS in which IOVA is guest physical address.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/iommufd.h>

#include "vtds_defs.h"
#include "vtds_vmm.h"

static int iommu_call(const struct vtds_vmm *vmm, unsigned long cmd, void *arg)
{
	return ioctl(vmm->iommufd, cmd, arg) ? -errno : 0;
}

int vtds_vmm_open(struct vtds_vmm *vmm)
{
	vmm->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (vmm->iommufd < 0)
		return -errno;
	return vtds_ioas_alloc(vmm, &vmm->ioas);
}

void vtds_vmm_close(struct vtds_vmm *vmm)
{
	if (vmm->iommufd > 0)
		close(vmm->iommufd);
	vmm->iommufd = -1;
}

int vtds_ioas_alloc(struct vtds_vmm *vmm, __u32 *ioas)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommu_call(vmm, IOMMU_IOAS_ALLOC, &cmd);

	*ioas = cmd.out_ioas_id;
	return rc;
}

int vtds_ioas_map(struct vtds_vmm *vmm, __u32 ioas, const void *hva, __u64 iova,
		  __u64 size, unsigned int perm)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)hva,
		.iova = iova,
		.length = size,
	};

	if (perm & PERM_R)
		cmd.flags |= IOMMU_IOAS_MAP_READABLE;
	if (perm & PERM_W)
		cmd.flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return iommu_call(vmm, IOMMU_IOAS_MAP, &cmd);
}

int vtds_ioas_unmap(struct vtds_vmm *vmm, __u32 ioas, __u64 iova, __u64 size)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = size,
	};

	return iommu_call(vmm, IOMMU_IOAS_UNMAP, &cmd);
}

/*
 * The addresses that all devices attached to the IOAS can be given, in @ranges.
 * Returns how many ranges there are.
 */
int vtds_ioas_ranges(struct vtds_vmm *vmm, __u32 ioas,
		     struct iommu_iova_range *ranges, unsigned int max)
{
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = max,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return iommu_call(vmm, IOMMU_IOAS_IOVA_RANGES, &cmd) ?:
							       (int)cmd.num_iovas;
}

int vtds_hwpt_alloc(struct vtds_vmm *vmm, __u32 dev_id, __u32 ioas, __u32 *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.pt_id = ioas,
	};
	int rc = iommu_call(vmm, IOMMU_HWPT_ALLOC, &cmd);

	*hwpt = cmd.out_hwpt_id;
	return rc;
}

int vtds_destroy(struct vtds_vmm *vmm, __u32 id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return iommu_call(vmm, IOMMU_DESTROY, &cmd);
}
