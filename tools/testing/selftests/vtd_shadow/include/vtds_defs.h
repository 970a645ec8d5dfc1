/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What VMM and guest agree on: sizes, the interrupt range, permissions.
 */
#ifndef VTDS_DEFS_H
#define VTDS_DEFS_H

#include <linux/vtd_shadow.h>

#define SZ_4K 0x1000ULL
#define SZ_64K 0x10000ULL
#define SZ_1M 0x100000ULL
#define SZ_2M 0x200000ULL
#define SZ_1G 0x40000000ULL

/* Writes there are interrupts, never DMA */
#define INTERRUPTS 0xfee00000ULL
#define INTERRUPTS_SIZE SZ_1M

#define PERM_NONE 0
#define PERM_R VTD_SHADOW_PERM_READ
#define PERM_W VTD_SHADOW_PERM_WRITE
#define PERM_RW (PERM_R | PERM_W)

#endif /* VTDS_DEFS_H */
