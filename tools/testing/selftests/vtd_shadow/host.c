// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host's IOMMU driver can express, found out with nothing but VFIO and
 * iommufd, without a unit.
 */
#include "vtds_scene.h"

static int probe_write_only(struct vtds_vmm *vmm, struct vtds_guest *guest,
			    struct vtds_dev *dev)
{
	const __u64 iova = 0x80000000;
	__u64 page;
	int rc = vtds_vmm_open(vmm);

	rc = rc ?: vtds_ram_add(guest, VTDS_RAM_SCATTERED, RAM_GPA, SZ_2M);
	rc = rc ?: vtds_ram_map(guest, vmm);
	rc = rc ?: vtds_dev_open(dev, VTDS_NVME, 0);
	rc = rc ?: vtds_dev_bind(dev, vmm->iommufd);
	rc = rc ?: vtds_dev_attach(dev, vmm->ioas);
	if (rc)
		return rc;

	dev->home = vtds_pages(guest, VTDS_HOME_SIZE, SZ_4K);
	dev->home_hva = vtds_hva(guest, dev->home);
	page = vtds_page(guest);
	rc = vtds_ioas_map(vmm, vmm->ioas, vtds_hva(guest, page), iova, SZ_4K,
			   PERM_W);
	return rc ?: vtds_reach(guest, dev, iova, page);
}

/*
 * What a device can do with memory that is mapped write-only: PERM_*. Some
 * versions of the Intel driver set the read permission in every entry.
 */
int vtds_host_write_only(void)
{
	struct vtds_guest guest = {};
	struct vtds_vmm vmm = {};
	struct vtds_dev dev = {};
	int rc = probe_write_only(&vmm, &guest, &dev);

	vtds_dev_close(&dev);
	vtds_vmm_close(&vmm);
	vtds_ram_free(&guest);
	return rc;
}
