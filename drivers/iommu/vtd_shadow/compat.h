/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between the kernel versions that the driver builds against.
 */
#ifndef VTD_SHADOW_COMPAT_H
#define VTD_SHADOW_COMPAT_H

#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/stringify.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "vtd_shadow needs Linux 6.12 or newer"
#endif

/* Since 6.13 the namespace is a string literal. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define VTDS_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#else
#define VTDS_IMPORT_NS(ns) MODULE_IMPORT_NS(__stringify(ns))
#endif

/*
 * Since 7.0 Intel's second stage keeps R and W apart. Before, every entry that is
 * written can be read.
 */
#define VTDS_INTEL_WRITE_ONLY (LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0))

/* Since 6.15 an attachment names its PASID. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
static inline int vtds_iommufd_attach(struct iommufd_device *idev, u32 pasid,
				      u32 *pt_id)
{
	if (pasid != IOMMU_NO_PASID)
		return -EOPNOTSUPP;
	return iommufd_device_attach(idev, pt_id);
}

static inline void vtds_iommufd_detach(struct iommufd_device *idev, u32 pasid)
{
	iommufd_device_detach(idev);
}
#else
static inline int vtds_iommufd_attach(struct iommufd_device *idev, u32 pasid,
				      u32 *pt_id)
{
	return iommufd_device_attach(idev, pasid, pt_id);
}

static inline void vtds_iommufd_detach(struct iommufd_device *idev, u32 pasid)
{
	iommufd_device_detach(idev, pasid);
}
#endif

#if IS_ENABLED(CONFIG_VFIO_PCI_CORE)
#include <linux/vfio_pci_core.h>

/* Since 6.17 the VF token is matched through an operation. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define VTDS_VFIO_PCI_TOKEN_OP
#else
#define VTDS_VFIO_PCI_TOKEN_OP \
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#endif

/*
 * Since 7.3 each device has its own parameters. Before, the core has one set for all
 * drivers: whoever sets it last sets it for all devices that come later.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
static inline void vtds_vfio_pci_core_params(bool nointxmask, bool disable_vga,
					     bool disable_idle_d3)
{
	vfio_pci_core_set_params(nointxmask, disable_vga, disable_idle_d3);
}

static inline void vtds_vfio_pci_params(struct vfio_pci_core_device *vdev,
					bool nointxmask, bool disable_vga,
					bool disable_idle_d3)
{
}
#else
static inline void vtds_vfio_pci_core_params(bool nointxmask, bool disable_vga,
					     bool disable_idle_d3)
{
}

static inline void vtds_vfio_pci_params(struct vfio_pci_core_device *vdev,
					bool nointxmask, bool disable_vga,
					bool disable_idle_d3)
{
	vdev->nointxmask = nointxmask;
	vdev->disable_vga = disable_vga;
	vdev->disable_idle_d3 = disable_idle_d3;
}
#endif

/* Since 6.19 regions have an operation, and a device operations of its own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define VTDS_VFIO_PCI_REGION_OP

static inline void vtds_vfio_pci_setup(struct vfio_pci_core_device *vdev)
{
}
#else
#define VTDS_VFIO_PCI_REGION_OP \
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,

static inline void vtds_vfio_pci_setup(struct vfio_pci_core_device *vdev)
{
	static const struct vfio_pci_device_ops ops = {
		.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
	};

	vdev->pci_ops = &ops;
}
#endif
#endif /* CONFIG_VFIO_PCI_CORE */

/* From 6.14 on a worker that is created does not run by itself. */
#ifdef kthread_run_worker
#define vtds_kthread_run_worker(name) kthread_run_worker(0, name)
#else
#define vtds_kthread_run_worker(name) kthread_create_worker(0, name)
#endif

#endif /* VTD_SHADOW_COMPAT_H */
