/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host groups of a unit, see group.c
 */
#ifndef VTDS_GROUP_H
#define VTDS_GROUP_H

#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/vtd_shadow.h>

#include "stats.h"

struct iommu_group;
struct vtds_batch;
struct vtds_domain;
struct vtds_unit;

/**
 * struct vtds_group - A host IOMMU group with devices in the unit
 * @entry: In vtds_unit.groups
 * @iommu_group: The host's group
 * @devices: Its devices in the unit
 * @attachment: Where it is attached now
 * @domain: The domain, if @attachment is VTD_SHADOW_ATTACHED_SHADOW
 * @conflict: Its devices want to be in different places, so it is blocked
 * @error: Why it could not be attached when that was last tried, or 0
 * @attach: Counters
 */
struct vtds_group {
	struct list_head entry;
	struct iommu_group *iommu_group;
	struct list_head devices;
	enum vtd_shadow_attachment attachment;
	struct vtds_domain *domain;
	bool conflict;
	int error;
	struct vtds_attach_stats attach;
};

struct vtds_group *vtds_group_get(struct vtds_unit *unit,
				  struct iommu_group *iommu_group);
void vtds_group_free(struct vtds_group *group);
void vtds_group_update(struct vtds_batch *batch, struct vtds_group *group);
void vtds_group_detach(struct vtds_group *group);
bool vtds_groups_block_domain(struct vtds_unit *unit,
			      struct vtds_domain *domain);

#endif /* VTDS_GROUP_H */
