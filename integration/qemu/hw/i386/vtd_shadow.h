/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * vtd_shadow: the host kernel shadows the second-stage tables of an emulated
 * VT-d unit for the devices that are assigned through it.
 */

#ifndef HW_I386_VTD_SHADOW_H
#define HW_I386_VTD_SHADOW_H

#include "exec/hwaddr.h"
#include "hw/pci/pci.h"
#include "qemu/queue.h"
#include "system/host_iommu_device.h"

typedef struct VTDShadow VTDShadow;

/**
 * VTDShadowFault: an entry of the guest's tables is at fault
 *
 * @opaque: as passed to vtd_shadow_new()
 * @reason: fault reason of the VT-d specification
 * @source_id: requester id
 * @addr: first address that the entry translates, 0 if it has none
 */
typedef void VTDShadowFault(void *opaque, uint8_t reason, uint16_t source_id,
                            hwaddr addr);

/**
 * VTDShadowQueue: the guest's invalidation queue, by its registers
 *
 * @iqa: IQA_REG
 * @head: in and out, IQH_REG
 * @tail: IQT_REG
 * @contexts: whether context entries are invalidated
 * @iqei: out, IQERCD_REG.IQEI if the queue stopped
 * @interrupt: out, whether a wait descriptor asks for an interrupt
 */
typedef struct VTDShadowQueue {
    uint64_t iqa;
    uint64_t head;
    uint64_t tail;
    bool contexts;
    uint32_t iqei;
    bool interrupt;
} VTDShadowQueue;

/**
 * vtd_shadow_new: let the kernel shadow for a unit
 *
 * @cap: CAP_REG as the guest will read it
 * @ecap: ECAP_REG as the guest will read it
 * @haw: host address width of the unit
 * @fault: called, from the main loop, for faulty entries
 * @opaque: passed to @fault
 * @errp: set on failure
 *
 * Nothing is opened until a device is added.
 *
 * Returns: NULL if the kernel has no vtd_shadow or does not shadow a unit with
 * these capabilities.
 */
VTDShadow *vtd_shadow_new(uint64_t cap, uint64_t ecap, uint8_t haw,
                          VTDShadowFault *fault, void *opaque, Error **errp);

/**
 * vtd_shadow_probe: whether a device can be added
 *
 * @hiod: a device that is bound to iommufd and not attached
 * @errp: set to the reason if not
 */
bool vtd_shadow_probe(VTDShadow *shadow, HostIOMMUDevice *hiod, Error **errp);

/**
 * vtd_shadow_add_device: leave it to the kernel where a device is attached
 *
 * @bus: of the device
 * @devfn: of the device
 * @hiod: bound to iommufd, not attached, with a page table in an IOAS that maps
 *        guest physical memory
 * @errp: set on failure
 */
bool vtd_shadow_add_device(VTDShadow *shadow, PCIBus *bus, int devfn,
                           HostIOMMUDevice *hiod, Error **errp);

/**
 * vtd_shadow_remove_device: take a device back, if it was added
 *
 * Its DMA is blocked from now on.
 */
void vtd_shadow_remove_device(VTDShadow *shadow, PCIBus *bus, int devfn);

/**
 * vtd_shadow_active: whether there is a device
 *
 * Without one, only vtd_shadow_set_state() has to be called.
 */
bool vtd_shadow_active(VTDShadow *shadow);

/**
 * vtd_shadow_set_state: translation or root table changed
 *
 * @translation: GSTS_REG.TES
 * @rtaddr: RTADDR_REG as latched by GCMD_REG.SRTP
 * @may_unlock: whether the BQL may be released meanwhile
 */
void vtd_shadow_set_state(VTDShadow *shadow, bool translation,
                          uint64_t rtaddr, bool may_unlock);

/**
 * vtd_shadow_invalidate: process one descriptor of 128 bits
 *
 * For what the guest asked for by register.
 *
 * @may_unlock: whether the BQL may be released meanwhile
 */
void vtd_shadow_invalidate(VTDShadow *shadow, uint64_t lo, uint64_t hi,
                           bool may_unlock);

/**
 * vtd_shadow_run_queue: process the queue, and complete its wait descriptors
 *
 * @may_unlock: whether the BQL may be released meanwhile. Others may call then,
 *              but neither this function nor vtd_shadow_set_state() nor
 *              vtd_shadow_invalidate(); they wait for the kernel
 *
 * Returns: false if the queue stopped at its head.
 */
bool vtd_shadow_run_queue(VTDShadow *shadow, VTDShadowQueue *queue,
                          bool may_unlock);

#endif
