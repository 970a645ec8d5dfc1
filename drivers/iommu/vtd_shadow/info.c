// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_INFO: what this kernel can do, and what the host of a device can. Serves the table
 * in main.c; calls bound.c and host_domain.c.
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "bound.h"
#include "caps.h"
#include "compat.h"
#include "device.h"
#include "domain.h"
#include "guest_chunk.h"
#include "host_domain.h"
#include "info.h"
#include "main.h"
#include "unit.h"
#include "vtd_format.h"

/* Copies what the host of a group reserves, as far as there is room, and counts it. */
static int copy_reserved(struct iommu_group *group,
			 struct vtd_shadow_get_info *cmd)
{
	struct vtd_shadow_reserved __user *to =
		u64_to_user_ptr(cmd->reserved_uptr);
	int room = vtds_host_reserved(group, NULL, 0), count;
	struct vtds_range *ranges;
	int ret = 0;

	if (room < 0)
		return room;
	ranges = vtds_zalloc_array(room, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	count = vtds_host_reserved(group, ranges, room);
	for (int i = 0; i < min(count, room) && i < cmd->nr_reserved; i++) {
		struct vtd_shadow_reserved range = {
			.first = ranges[i].first,
			.last = ranges[i].last,
		};

		if (copy_to_user(&to[i], &range, sizeof(range)))
			ret = -EFAULT;
	}
	kfree(ranges);
	if (count < 0)
		return count;
	cmd->nr_reserved = count;
	return ret;
}

/* Fills in what GET_INFO says of a device. */
static int get_device_info(struct vtds_unit *unit,
			   struct vtd_shadow_get_info *cmd)
{
	struct iommu_group *group;
	int ret;

	ret = vtds_unit_lock(unit, false);
	if (ret)
		return ret;
	group = vtds_bound_info(unit, cmd);
	vtds_unit_unlock(unit);
	if (!group)
		return -ENOENT;
	ret = copy_reserved(group, cmd);
	iommu_group_put(group);
	return ret;
}

/* GET_INFO */
int vtds_unit_get_info(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_get_info *cmd = arg;
	int ret;

	if (!cmd->flags &&
	    (cmd->dev_id || cmd->nr_reserved || cmd->reserved_uptr))
		return -EOPNOTSUPP;
	cmd->capabilities = 0;
	cmd->pasid_bits = 0;
	if (cmd->flags & VTD_SHADOW_INFO_DEVICE) {
		ret = get_device_info(unit, cmd);
		if (ret)
			return ret;
	}
	*cmd = (struct vtd_shadow_get_info){
		.size = cmd->size,
		.flags = cmd->flags,
		.dev_id = cmd->dev_id,
		.nr_reserved = cmd->nr_reserved,
		.reserved_uptr = cmd->reserved_uptr,
		.pasid_bits = cmd->pasid_bits,
		.version = VTD_SHADOW_API_VERSION,
		.max_source_ids = VTDS_MAX_SOURCE_IDS,
		.cap_mask = vtds_caps_cap_mask(),
		.cap_required = VTD_CAP_CM,
		.ecap_mask = vtds_caps_ecap_mask(),
		.max_nodes = READ_ONCE(vtds_max_nodes),
		.max_pages = READ_ONCE(vtds_max_pages),
		.chunk_size = VTDS_CHUNK_SIZE,
		.capabilities = cmd->capabilities,
	};
	if (!VTDS_INTEL_WRITE_ONLY)
		cmd->capabilities |= VTD_SHADOW_INFO_WRITE_ONLY_READABLE;
	return 0;
}
