/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For an iommufd whose kernel was built without it: no device can track dirty pages.
 * Included before all else.
 *
 * The IOMMU drivers in that kernel say that some can. But they were compiled with the
 * empty versions of the functions that fill a bitmap, so it would say that nothing was
 * ever written, and a migration would lose memory. iommufd asks with this function
 * before it lets anybody have such a page table.
 */
#ifndef VTD_SHADOW_NO_DIRTY_TRACKING_H
#define VTD_SHADOW_NO_DIRTY_TRACKING_H

/* As iommufd's own files have it: they come later than the header that has a default. */
#define pr_fmt(fmt) "iommufd: " fmt

#include <linux/iommu.h>

static inline bool capable_but_for_dirty_tracking(struct device *dev,
						  enum iommu_cap cap)
{
	return cap != IOMMU_CAP_DIRTY_TRACKING &&
	       device_iommu_capable(dev, cap);
}

#define device_iommu_capable capable_but_for_dirty_tracking

#endif /* VTD_SHADOW_NO_DIRTY_TRACKING_H */
