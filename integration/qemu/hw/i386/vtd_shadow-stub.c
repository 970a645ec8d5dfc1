/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * vtd_shadow where there is no VFIO or no iommufd
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "vtd_shadow.h"

VTDShadow *vtd_shadow_new(uint64_t cap, uint64_t ecap, uint8_t haw,
                          VTDShadowFault *fault, void *opaque, Error **errp)
{
    error_setg(errp, "this QEMU was built without iommufd");
    return NULL;
}

bool vtd_shadow_probe(VTDShadow *shadow, HostIOMMUDevice *hiod, Error **errp)
{
    g_assert_not_reached();
}

bool vtd_shadow_add_device(VTDShadow *shadow, PCIBus *bus, int devfn,
                           HostIOMMUDevice *hiod, Error **errp)
{
    g_assert_not_reached();
}

void vtd_shadow_remove_device(VTDShadow *shadow, PCIBus *bus, int devfn)
{
    g_assert_not_reached();
}

bool vtd_shadow_active(VTDShadow *shadow)
{
    g_assert_not_reached();
}

void vtd_shadow_set_state(VTDShadow *shadow, bool translation,
                          uint64_t rtaddr, bool may_unlock)
{
    g_assert_not_reached();
}

void vtd_shadow_invalidate(VTDShadow *shadow, uint64_t lo, uint64_t hi,
                           bool may_unlock)
{
    g_assert_not_reached();
}

bool vtd_shadow_run_queue(VTDShadow *shadow, VTDShadowQueue *queue,
                          bool may_unlock)
{
    g_assert_not_reached();
}
