/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All of the library in lib/ that tests and other programs share: the VMM's side
 * (iommufd, VFIO, the unit), the guest's side (memory, tables, queue) and the devices
 * that do the DMA. Each .c file there has its header.
 *
 * Functions that return int return 0 or a negative errno, unless said otherwise.
 * Builders of descriptors are in vtds_desc.h, what most tests begin with is in
 * vtds_fixture.h.
 */
#ifndef VTDS_LIB_H
#define VTDS_LIB_H

#include "vtds_account.h"
#include "vtds_defs.h"
#include "vtds_edu.h"
#include "vtds_guest_queue.h"
#include "vtds_guest_ram.h"
#include "vtds_guest_scalable.h"
#include "vtds_guest_tables.h"
#include "vtds_history.h"
#include "vtds_host.h"
#include "vtds_isolation.h"
#include "vtds_load.h"
#include "vtds_misc.h"
#include "vtds_nvme.h"
#include "vtds_options.h"
#include "vtds_probe.h"
#include "vtds_unit.h"
#include "vtds_vfio.h"
#include "vtds_vmm.h"

#endif /* VTDS_LIB_H */
