/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attachment to the identity page table, see identity.c
 */
#ifndef VTDS_IDENTITY_H
#define VTDS_IDENTITY_H

#include <linux/types.h>

#include "host_domain.h"

struct vtds_device;

struct vtds_dev_pasid vtds_device_pasid(const struct vtds_device *dev,
					u32 pasid);
int vtds_device_attach_identity(struct vtds_device *dev, u32 pasid);
void vtds_device_detach_identity(struct vtds_device *dev, u32 pasid);
void vtds_device_touch_identity(struct vtds_device *dev);
int vtds_device_try_identity(struct vtds_device *dev);
phys_addr_t vtds_device_reaches(const struct vtds_device *dev, u64 iova);
bool vtds_device_identity_has(const struct vtds_device *dev, u64 gpa,
			      unsigned long pfn);

#endif /* VTDS_IDENTITY_H */
