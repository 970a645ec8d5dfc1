// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host's IOMMU can do, found out with nothing but VFIO and iommufd,
 * without a unit.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <linux/iommufd.h>

#include "vtds_fixture.h"

#define MAX_RANGES 16

/* A device on the IOAS of a VMM that has some memory */
static int attach_device(struct vtds_vmm *vmm, struct vtds_guest *guest,
			 struct vtds_dev *dev)
{
	int rc = vtds_vmm_open(vmm);

	rc = rc ?: vtds_ram_add(guest, VTDS_RAM_SCATTERED, RAM_GPA, SZ_2M);
	rc = rc ?: vtds_ram_map(guest, vmm);
	rc = rc ?: vtds_dev_open(dev, VTDS_NVME, 0);
	rc = rc ?: vtds_dev_bind(dev, vmm->iommufd);
	rc = rc ?: vtds_dev_attach(dev, vmm->ioas);
	if (rc)
		return rc;

	dev->buffer = vtds_pages(guest, VTDS_BUFFER_SIZE, SZ_4K);
	dev->buffer_hva = vtds_hva(guest, dev->buffer);
	return 0;
}

/* Some versions of the Intel driver set the read permission in every entry. */
static int look_at_write_only(struct vtds_host *host, struct vtds_vmm *vmm,
			      struct vtds_guest *guest, struct vtds_dev *dev)
{
	const __u64 iova = 0x80000000;
	__u64 page = vtds_page(guest);
	int rc = vtds_ioas_map(vmm, vmm->ioas, vtds_hva(guest, page), iova,
			       SZ_4K, PERM_W);

	rc = rc ?: vtds_reach(guest, dev, iova, page);
	if (rc < 0)
		return rc;
	host->write_only = rc;
	return 0;
}

static int look_at_stage(struct vtds_host *host, struct vtds_vmm *vmm,
			 struct vtds_dev *dev)
{
	const __u64 wanted = ECAP_SMTS | ECAP_FLTS;
	struct iommu_hw_info_vtd vtd = {};
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev->dev_id,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};

	if (ioctl(vmm->iommufd, IOMMU_GET_HW_INFO, &cmd))
		return -errno;
	host->intel = cmd.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD;
	host->first_stage = cmd.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD &&
			    (vtd.ecap_reg & wanted) == wanted;
	return 0;
}

static int look_at_ranges(struct vtds_host *host, struct vtds_vmm *vmm)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	int nr = vtds_ioas_ranges(vmm, vmm->ioas, ranges, MAX_RANGES);

	if (nr < 0)
		return nr;
	if (!nr)
		return -ERANGE;
	host->last = ranges[nr - 1].last;
	host->reserved = 0;
	for (int i = 0; i < nr - 1 && !host->reserved; i++)
		if (ranges[i].last + 1 != INTERRUPTS)
			host->reserved = ranges[i].last + 1;
	return 0;
}

/* Fails without a device to look with. */
int vtds_host_look(struct vtds_host *host)
{
	struct vtds_guest guest = {};
	struct vtds_vmm vmm = {};
	struct vtds_dev dev = {};
	int rc = attach_device(&vmm, &guest, &dev);

	rc = rc ?: look_at_write_only(host, &vmm, &guest, &dev);
	rc = rc ?: look_at_stage(host, &vmm, &dev);
	rc = rc ?: look_at_ranges(host, &vmm);

	vtds_dev_close(&dev);
	vtds_vmm_close(&vmm);
	vtds_ram_free(&guest);
	return rc;
}
