/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtd_shadow: what is elsewhere, or has another name, in this version of QEMU
 */

#ifndef HW_I386_VTD_SHADOW_COMPAT_H
#define HW_I386_VTD_SHADOW_COMPAT_H

#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/vfio/vfio-common.h"

/* The container of a device that is attached by iommufd */
static inline VFIOIOMMUFDContainer *vtd_shadow_container(VFIODevice *vdev)
{
    return container_of(vdev->bcontainer, VFIOIOMMUFDContainer, bcontainer);
}

#endif
