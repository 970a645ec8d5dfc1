/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a unit
 */
#ifndef VTDS_STATS_H
#define VTDS_STATS_H

#include <linux/types.h>

/**
 * struct vtds_stats - Counters of a unit, see &struct vtd_shadow_get_stats
 * @descriptors: Descriptors processed
 * @syncs: Range syncs
 * @entries_changed: Entries that differed from the mirror
 * @leaves_mapped: Leaves installed
 * @leaves_unmapped: Leaves removed
 * @host_maps: Map calls to the host
 * @host_unmaps: Unmap calls to the host
 * @iotlb_syncs: Flushes asked of the host
 * @attaches: Attempts to move a group
 * @install_failures: Entries and attachments that failed
 * @retries: Attempts to do what the host had refused
 */
struct vtds_stats {
	u64 descriptors;
	u64 syncs;
	u64 entries_changed;
	u64 leaves_mapped;
	u64 leaves_unmapped;
	u64 host_maps;
	u64 host_unmaps;
	u64 iotlb_syncs;
	u64 attaches;
	u64 install_failures;
	u64 retries;
};

#endif /* VTDS_STATS_H */
