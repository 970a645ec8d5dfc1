/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests ask of their kernel module, which looks up where a device leads now:
 * /dev/vtds_walk. It serves lib/isolation_host.c and knows nothing of vtd_shadow.
 */
#ifndef VTDS_WALK_H
#define VTDS_WALK_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct vtds_walk_range - Addresses that lead to contiguous memory
 * @iova: First address of the device
 * @phys: Host physical address that it leads to
 * @size: Bytes
 */
struct vtds_walk_range {
	__aligned_u64 iova;
	__aligned_u64 phys;
	__aligned_u64 size;
};

/**
 * enum vtds_walk_kind - What a device is attached to
 * @VTDS_WALK_NOTHING: Nothing, or what refuses all
 * @VTDS_WALK_IDENTITY: All of the host's memory, nothing is translated
 * @VTDS_WALK_TABLE: A page table
 */
enum vtds_walk_kind {
	VTDS_WALK_NOTHING,
	VTDS_WALK_IDENTITY,
	VTDS_WALK_TABLE,
};

/* No page table of any host has wider addresses */
#define VTDS_WALK_BITS 57

/* Bytes that one call looks at, at most */
#define VTDS_WALK_MAX (1ULL << 30)

/**
 * struct vtds_walk - Look at some addresses of a device
 * @segment: PCI segment
 * @bus: PCI bus
 * @devfn: PCI device and function
 * @kind: Output, enum vtds_walk_kind
 * @first: First address to look at; on return the next one, if there was no room
 * @last: Last address, less than VTDS_WALK_MAX further
 * @ranges_uptr: User pointer to @nr values of struct vtds_walk_range
 * @nr: How many there is room for; on return how many were found
 * @__reserved: Not looked at
 */
struct vtds_walk {
	__u32 segment;
	__u32 bus;
	__u32 devfn;
	__u32 kind;
	__aligned_u64 first;
	__aligned_u64 last;
	__aligned_u64 ranges_uptr;
	__u32 nr;
	__u32 __reserved;
};

#define VTDS_WALK _IOWR('W', 0xf0, struct vtds_walk)

#endif /* VTDS_WALK_H */
