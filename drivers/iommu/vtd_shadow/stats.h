/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of units, domains and devices, see stats.c
 */
#ifndef VTDS_STATS_H
#define VTDS_STATS_H

#include <linux/types.h>

struct vtd_shadow_get_device_stats;
struct vtd_shadow_get_domain_stats;
struct vtd_shadow_get_stats;
struct vtds_device;
struct vtds_domain;
struct vtds_unit;

/**
 * struct vtds_domain_stats - Counters of a domain, see &struct vtd_shadow_get_domain_stats
 * @syncs: Range syncs
 * @entries_changed: Entries that differed from the mirror
 * @leaves_mapped: Leaves installed
 * @leaves_unmapped: Leaves removed
 * @host_maps: Map calls to the host
 * @host_unmaps: Unmap calls to the host
 * @iotlb_syncs: Flushes asked of the host
 * @install_failures: Entries that could not be installed
 */
struct vtds_domain_stats {
	u64 syncs;
	u64 entries_changed;
	u64 leaves_mapped;
	u64 leaves_unmapped;
	u64 host_maps;
	u64 host_unmaps;
	u64 iotlb_syncs;
	u64 install_failures;
};

/**
 * struct vtds_attach_stats - Counters of what can be attached: a group, a device's PASIDs
 * @attaches: Attempts to move it
 * @failures: Those that failed
 */
struct vtds_attach_stats {
	u64 attaches;
	u64 failures;
};

/**
 * struct vtds_stats - Counters of a unit, see &struct vtd_shadow_get_stats
 * @descriptors: Descriptors processed
 * @attach: Of all groups and PASIDs, those that are no more included
 * @retries: Attempts to do what the host had refused
 * @early_returns: Calls that returned with VTD_SHADOW_MORE
 * @events: Events, lost ones included
 * @events_lost: Events that nobody read in time
 * @ended: Of domains that are no more. Each domain counts for itself, so that counting
 *         for both costs no more than for one
 */
struct vtds_stats {
	u64 descriptors;
	struct vtds_attach_stats attach;
	u64 retries;
	u64 early_returns;
	u64 events;
	u64 events_lost;
	struct vtds_domain_stats ended;
};

void vtds_stats_end_domain(struct vtds_domain *domain);
u64 vtds_stats_leaves_unmapped(const struct vtds_unit *unit);
void vtds_stats_attached(struct vtds_unit *unit,
			 struct vtds_attach_stats *stats, int error);
const struct vtds_domain *vtds_stats_next_domain(const struct vtds_unit *unit,
						 u64 id);
void vtds_stats_of_unit(const struct vtds_unit *unit,
			struct vtd_shadow_get_stats *cmd);
void vtds_stats_of_domain(const struct vtds_domain *domain,
			  struct vtd_shadow_get_domain_stats *cmd);
void vtds_stats_of_device(struct vtds_device *dev,
			  struct vtd_shadow_get_device_stats *cmd);
int vtds_get_stats(struct vtds_unit *unit, void *cmd);
int vtds_get_domain_stats(struct vtds_unit *unit, void *cmd);
int vtds_get_device_stats(struct vtds_unit *unit, void *cmd);

#endif /* VTDS_STATS_H */
