/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices bound to iommufd, see bound.c
 */
#ifndef VTDS_BOUND_H
#define VTDS_BOUND_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/vfio.h>

struct iommu_group;
struct iommufd_ctx;
struct iommufd_device;
struct vtd_shadow_get_info;
struct vtds_unit;

/**
 * struct vtds_bound - A device bound to iommufd through our VFIO operations
 * @ref: One for the list of bound devices, one for the unit
 * @entry: In the list of bound devices
 * @vdev: The VFIO device. Valid until it is unbound
 * @idev: Its iommufd device. Valid until it is unbound
 * @ictx: The iommufd that it is bound to
 * @iommu_group: Its host group, with a reference
 * @dev_id: iommufd's name for it
 * @unit: The unit that has it; by vtds_bound_lock
 * @vmm_attached: VFIO attached it for the VMM; by vtds_bound_lock
 */
struct vtds_bound {
	struct kref ref;
	struct list_head entry;
	struct vfio_device *vdev;
	struct iommufd_device *idev;
	struct iommufd_ctx *ictx;
	struct iommu_group *iommu_group;
	u32 dev_id;
	struct vtds_unit *unit;
	bool vmm_attached;
};

/* The device that a bound device is. */
static inline struct device *vtds_bound_dev(const struct vtds_bound *bound)
{
	return bound->vdev->dev;
}

struct vtds_bound *vtds_bound_alloc(void);
void vtds_bound_put(struct vtds_bound *bound);
void vtds_bound_add(struct vtds_bound *bound, struct vfio_device *vdev,
		    struct iommufd_ctx *ictx, u32 dev_id);
struct vtds_bound *vtds_bound_remove(struct vfio_device *vdev,
				     struct vtds_unit **unit);
struct vtds_bound *vtds_bound_begin_attach(struct vfio_device *vdev,
					   bool *was_attached);
struct vtds_bound *vtds_bound_of_vmm(struct vfio_device *vdev);
void vtds_bound_end_attach(struct vtds_bound *bound);
struct vtds_bound *vtds_bound_claim(struct vtds_unit *unit, u32 dev_id);
void vtds_bound_release(struct vtds_bound *bound);
struct iommu_group *vtds_bound_info(struct vtds_unit *unit,
				    struct vtd_shadow_get_info *cmd);

#endif /* VTDS_BOUND_H */
