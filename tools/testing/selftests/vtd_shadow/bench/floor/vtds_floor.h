/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmark asks of its kernel module, which measures what the kernel's
 * own calls cost on a domain without guest or VMM: /dev/vtds_floor.
 *
 * The calls come in this order: ATTACH, PIN, ORDER, then any number of RUN. PIN and
 * ORDER may be called again and replace what was. All ends with the file.
 */
#ifndef VTDS_FLOOR_H
#define VTDS_FLOOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct vtds_floor_attach - Make a domain, as the engine does, and attach a device
 * @segment: PCI segment
 * @bus: PCI bus
 * @devfn: PCI device and function; bound to a VFIO driver and not in use
 * @__reserved: Not looked at
 */
struct vtds_floor_attach {
	__u32 segment;
	__u32 bus;
	__u32 devfn;
	__u32 __reserved;
};

/**
 * struct vtds_floor_pin - Take memory to work with
 * @uva: Its first page in the caller's address space
 * @nr_pages: How many pages of 4 KiB
 */
struct vtds_floor_pin {
	__aligned_u64 uva;
	__aligned_u64 nr_pages;
};

/**
 * struct vtds_floor_order - Say which pages a run is about
 * @indexes_uptr: Array of __u32: indexes of pinned pages
 * @nr_pages: How many
 */
struct vtds_floor_order {
	__aligned_u64 indexes_uptr;
	__aligned_u64 nr_pages;
};

/**
 * enum vtds_floor_op - What is measured
 * @VTDS_FLOOR_MAP: iommu_map(), one call for each stretch of contiguous memory
 * @VTDS_FLOOR_MAP_SG: iommu_map_sg(), one call for each piece
 * @VTDS_FLOOR_UNMAP_EACH: iommu_unmap(), one call for each piece
 * @VTDS_FLOOR_UNMAP: iommu_unmap(), one call for all
 * @VTDS_FLOOR_COMPARE: memcmp() of each page with a copy of it
 */
enum vtds_floor_op {
	VTDS_FLOOR_MAP,
	VTDS_FLOOR_MAP_SG,
	VTDS_FLOOR_UNMAP_EACH,
	VTDS_FLOOR_UNMAP,
	VTDS_FLOOR_COMPARE,
};

/**
 * struct vtds_floor_run - Do it and measure
 * @op: enum vtds_floor_op
 * @piece: Pages that may be mapped or unmapped as one
 * @write: Map writable
 * @__reserved: Not looked at
 * @iova: Where
 * @ns: Output, nanoseconds in the measured calls alone
 */
struct vtds_floor_run {
	__u32 op;
	__u32 piece;
	__u32 write;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 ns;
};

#define VTDS_FLOOR_TYPE 'F'
#define VTDS_FLOOR_ATTACH _IOW(VTDS_FLOOR_TYPE, 0, struct vtds_floor_attach)
#define VTDS_FLOOR_PIN _IOW(VTDS_FLOOR_TYPE, 1, struct vtds_floor_pin)
#define VTDS_FLOOR_ORDER _IOW(VTDS_FLOOR_TYPE, 2, struct vtds_floor_order)
#define VTDS_FLOOR_RUN _IOWR(VTDS_FLOOR_TYPE, 3, struct vtds_floor_run)

#endif /* VTDS_FLOOR_H */
