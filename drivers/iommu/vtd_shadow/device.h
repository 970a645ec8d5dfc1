/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of a unit, see device.c
 */
#ifndef VTDS_DEVICE_H
#define VTDS_DEVICE_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "bound.h"
#include "guest_ctx.h"
#include "stats.h"

struct vtd_shadow_add_device;
struct vtds_batch;
struct vtds_domain;
struct vtds_group;
struct vtds_unit;

/**
 * struct vtds_device - A device of a unit; all by the lock of the unit
 * @unit: The unit
 * @bound: The device as VFIO and iommufd have it, claimed
 * @unit_entry: In vtds_unit.devices
 * @group_entry: In vtds_group.devices
 * @group: Its group in the unit
 * @identity_pt_id: Page table for the identity attachment
 * @identity_attached: iommufd has it attached to that
 * @nr_sources: Number of source-ids
 * @sources: The source-ids
 * @pasids: struct vtds_pasid by number: present entries other than RID_PASID's
 * @pasids_seq: vtds_batch.seq when they were last read
 * @untouched_seq: vtds_batch.seq when there was no memory to keep what they are read from
 * @attach: Counters of its PASIDs
 */
struct vtds_device {
	struct vtds_unit *unit;
	struct vtds_bound *bound;
	struct list_head unit_entry;
	struct list_head group_entry;
	struct vtds_group *group;
	u32 identity_pt_id;
	bool identity_attached;
	u32 nr_sources;
	struct vtds_source *sources;
	struct xarray pasids;
	u64 pasids_seq;
	u64 untouched_seq;
	struct vtds_attach_stats attach;
};

#define VTDS_MAX_SOURCE_IDS 16

struct vtds_source *
vtds_device_sources(const struct vtd_shadow_add_device *cmd);
int vtds_device_add(struct vtds_batch *batch,
		    const struct vtd_shadow_add_device *cmd,
		    struct vtds_source *sources);
int vtds_device_touch(struct vtds_batch *batch, struct vtds_device *dev);
int vtds_device_join(struct vtds_batch *batch, struct vtds_device *dev);
int vtds_device_remove(struct vtds_batch *batch, u32 dev_id);
void vtds_device_drop(struct vtds_batch *batch, struct vtds_device *dev);
void vtds_devices_touch(struct vtds_batch *batch);
void vtds_devices_touch_known(struct vtds_batch *batch);
void vtds_devices_refresh(struct vtds_batch *batch, u16 sid, u16 mask);
void vtds_devices_leave_shadows(struct vtds_batch *batch);
void vtds_devices_block_domain(struct vtds_batch *batch,
			       struct vtds_domain *domain);
struct vtds_device *vtds_device_by_sid(struct vtds_unit *unit, u16 sid,
				       struct vtds_guest_ctx *ctx);

#endif /* VTDS_DEVICE_H */
