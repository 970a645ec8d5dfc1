/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests with PASID, see pasid.c
 */
#ifndef VTDS_PASID_H
#define VTDS_PASID_H

#include <linux/types.h>
#include <uapi/linux/vtd_shadow.h>

#include "guest_ctx.h"

struct vtds_batch;
struct vtds_device;
struct vtds_domain;
struct vtds_group;
struct vtds_unit;

/* PASIDs that a unit can have, of all its devices, whatever the operator permits */
#define VTDS_MAX_PASIDS 4096

/**
 * struct vtds_pasid - A PASID that the guest uses with a device
 * @pasid: Its number
 * @source: Source-id of the device, and what the PASID entry says
 * @domain: Where requests are attached, or NULL
 * @identity_attached: iommufd has it attached to the identity page table
 * @error: Why it could not be attached when that was last tried, or 0
 * @seen: vtds_batch.seq when the guest had the entry last
 */
struct vtds_pasid {
	u32 pasid;
	struct vtds_source source;
	struct vtds_domain *domain;
	bool identity_attached;
	int error;
	u64 seen;
};

void vtds_pasids_touch_known(struct vtds_device *dev);
void vtds_pasids_touch(struct vtds_batch *batch, struct vtds_device *dev);
void vtds_pasids_refresh(struct vtds_batch *batch, struct vtds_device *dev);
void vtds_pasids_regroup(struct vtds_batch *batch, struct vtds_group *group);
void vtds_pasids_clear(struct vtds_device *dev);
enum vtd_shadow_attachment vtds_pasid_lookup(struct vtds_device *dev,
					     u32 number,
					     struct vtds_guest_ctx *ctx,
					     struct vtds_domain **domain);
bool vtds_pasid_is_none(const struct vtds_device *dev, u32 number);
void vtds_pasids_block_domain(struct vtds_unit *unit,
			      struct vtds_domain *domain);

#endif /* VTDS_PASID_H */
