// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO operations: a VFIO driver whose bind_iommufd, unbind_iommufd, attach_ioas and
 * detach_ioas are these is shadow-capable. Calls bound.c, and unit.c when a device that
 * a unit has is unbound.
 */
#include <linux/err.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <linux/vtd_shadow.h>

#include "bound.h"
#include "unit.h"

/**
 * vtd_shadow_vfio_bind_iommufd() - bind_iommufd operation
 * @vdev: The VFIO device
 * @ictx: The iommufd
 * @out_device_id: Output, iommufd's name for the device
 *
 * As vfio_iommufd_physical_bind(), and makes the device known to
 * VTD_SHADOW_ADD_DEVICE under @out_device_id.
 *
 * Context: dev_set->lock held.
 * Return: 0 or a negative errno.
 */
int vtd_shadow_vfio_bind_iommufd(struct vfio_device *vdev,
				 struct iommufd_ctx *ictx, u32 *out_device_id)
{
	struct vtds_bound *bound = vtds_bound_alloc();
	int ret;

	if (!bound)
		return -ENOMEM;
	ret = vfio_iommufd_physical_bind(vdev, ictx, out_device_id);
	if (ret)
		vtds_bound_put(bound);
	else
		vtds_bound_add(bound, vdev, ictx, *out_device_id);
	return ret;
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_bind_iommufd);

/**
 * vtd_shadow_vfio_unbind_iommufd() - unbind_iommufd operation
 * @vdev: The VFIO device
 *
 * Takes the device from its unit, if it has one. Called when the device's file
 * is closed, too.
 *
 * Context: dev_set->lock held.
 */
void vtd_shadow_vfio_unbind_iommufd(struct vfio_device *vdev)
{
	struct vtds_unit *unit;
	struct vtds_bound *bound = vtds_bound_remove(vdev, &unit);

	if (unit) {
		vtds_unit_drop_bound(unit, bound);
		vtds_unit_put(unit);
	}
	vfio_iommufd_physical_unbind(vdev);
	if (bound)
		vtds_bound_put(bound);
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_unbind_iommufd);

/**
 * vtd_shadow_vfio_attach_ioas() - attach_ioas operation
 * @vdev: The VFIO device
 * @pt_id: IOAS or HWPT
 *
 * Context: dev_set->lock held.
 * Return: 0, -EBUSY while a unit has the device or another one of its group, or
 * another negative errno.
 */
int vtd_shadow_vfio_attach_ioas(struct vfio_device *vdev, u32 *pt_id)
{
	struct vtds_bound *bound;
	bool was_attached;
	int ret;

	/* From here on no unit can claim the device */
	bound = vtds_bound_begin_attach(vdev, &was_attached);
	if (IS_ERR(bound))
		return PTR_ERR(bound);
	ret = vfio_iommufd_physical_attach_ioas(vdev, pt_id);
	if (ret && !was_attached)
		vtds_bound_end_attach(bound);
	return ret;
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_attach_ioas);

/**
 * vtd_shadow_vfio_detach_ioas() - detach_ioas operation
 * @vdev: The VFIO device
 *
 * Has no effect while a unit has the device: the VMM did not attach it, and the
 * operation cannot return an error.
 *
 * Context: dev_set->lock held.
 */
void vtd_shadow_vfio_detach_ioas(struct vfio_device *vdev)
{
	struct vtds_bound *bound = vtds_bound_of_vmm(vdev);

	if (!bound)
		return;
	vfio_iommufd_physical_detach_ioas(vdev);
	vtds_bound_end_attach(bound);
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_detach_ioas);
