/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between the kernels that the driver builds against. Serves all files;
 * calls none.
 *
 * It asks for features, never for versions: vendors put newer interfaces into kernels with
 * older numbers. The Makefile looks for each feature in the headers of the kernel that it
 * builds for, and defines VTDS_HAS_... here if it is there.
 */
#ifndef VTD_SHADOW_COMPAT_H
#define VTD_SHADOW_COMPAT_H

/* Ahead of everything else: without these options nothing below has a meaning. */
#if !IS_ENABLED(CONFIG_IOMMUFD)
#error "vtd_shadow needs CONFIG_IOMMUFD; on Debian, 'make modules-debian' builds it as a module"
#elif !IS_ENABLED(CONFIG_VFIO_DEVICE_CDEV)
#error "vtd_shadow needs CONFIG_VFIO_DEVICE_CDEV, which this kernel lacks"
#elif defined(VTDS_LACKS_VFIO_PCI)
#error "vtd_shadow needs CONFIG_VFIO_PCI, which this kernel lacks"
#elif defined(VTDS_TOO_OLD)
#error "vtd_shadow needs Linux 6.12 or newer"
#endif

#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/stringify.h>

/* What MODULE_IMPORT_NS() makes of a name, or of a string since 6.13 */
#define VTDS_IMPORT_NS(ns) MODULE_INFO(import_ns, __stringify(ns))

/*
 * Whether Intel's second stage keeps R and W apart. Linux 6.12 to 6.15 set R in every entry
 * that they write.
 *
 * No running host can be asked. It maps for writing only without an error either way, and
 * tells of a mapping where it leads, not what it permits: iommu_iova_to_phys() is all that
 * reads an entry, and the table itself is private to the driver of the IOMMU. So the
 * Makefile judges by the kernel. Where it cannot know better it says that such memory can
 * be read, which promises less than is there, never more.
 */
#ifdef VTDS_HAS_INTEL_WRITE_ONLY
#define VTDS_INTEL_WRITE_ONLY true
#else
#define VTDS_INTEL_WRITE_ONLY false
#endif

/* Since 6.15 an attachment names its PASID. */
#ifndef VTDS_HAS_ATTACH_PASID
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
#ifndef VTDS_HAS_VFIO_TOKEN_OP
#define VTDS_VFIO_PCI_TOKEN_OP
#else
#define VTDS_VFIO_PCI_TOKEN_OP \
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#endif

/*
 * Since 7.3 each device has its own parameters. Before, the core has one set for all
 * drivers: whoever sets it last sets it for all devices that come later.
 */
#ifndef VTDS_HAS_VFIO_PCI_DEVICE_PARAMS
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

/* Since 6.19 regions have an operation. */
#ifndef VTDS_HAS_VFIO_REGION_OP
#define VTDS_VFIO_PCI_REGION_OP
#else
#define VTDS_VFIO_PCI_REGION_OP \
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#endif

/* Since 6.19 a device has operations of its own. */
#ifndef VTDS_HAS_VFIO_PCI_DEVICE_OPS
static inline void vtds_vfio_pci_setup(struct vfio_pci_core_device *vdev)
{
}
#else
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
