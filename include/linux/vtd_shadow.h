/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vtd_shadow: VFIO operations that make a driver's devices shadow-capable.
 */
#ifndef _LINUX_VTD_SHADOW_H
#define _LINUX_VTD_SHADOW_H

#include <linux/types.h>
#include <uapi/linux/vtd_shadow.h>

struct iommufd_ctx;
struct vfio_device;

int vtd_shadow_vfio_bind_iommufd(struct vfio_device *vdev,
				 struct iommufd_ctx *ictx, u32 *out_device_id);
void vtd_shadow_vfio_unbind_iommufd(struct vfio_device *vdev);
int vtd_shadow_vfio_attach_ioas(struct vfio_device *vdev, u32 *pt_id);
void vtd_shadow_vfio_detach_ioas(struct vfio_device *vdev);

#endif /* _LINUX_VTD_SHADOW_H */
