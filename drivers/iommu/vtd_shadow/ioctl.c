// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bodies of ioctls that find the unit locked, most of them in a batch. Serves the
 * table in main.c, where it says what each of them needs; calls device.c, queue.c and
 * sync.c.
 */
#include <linux/list.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "caps.h"
#include "device.h"
#include "domain.h"
#include "guest_mem.h"
#include "inval.h"
#include "ioctl.h"
#include "queue.h"
#include "stats.h"
#include "sync.h"
#include "unit.h"

static void sync_all(struct vtds_batch *batch)
{
	struct vtds_domain *domain;

	list_for_each_entry(domain, &batch->unit->domains, entry)
		vtds_domain_sync_full(batch, domain);
}

static int decode_caps(struct vtds_caps *caps,
		       const struct vtd_shadow_set_state *cmd)
{
	return vtds_caps_decode(caps, cmd->cap, cmd->ecap, cmd->haw);
}

int vtds_check_set_state(const void *arg)
{
	struct vtds_caps caps;

	return decode_caps(&caps, arg);
}

int vtds_set_state(struct vtds_batch *batch, void *arg)
{
	struct vtd_shadow_set_state *cmd = arg;
	struct vtds_unit *unit = batch->unit;
	struct vtds_caps caps;

	decode_caps(&caps, cmd);
	/* Entries that were read by other rules say nothing any more */
	if (memcmp(&caps, &unit->caps, sizeof(caps)))
		vtds_devices_leave_shadows(batch);
	unit->caps = caps;
	unit->te = cmd->flags & VTD_SHADOW_STATE_TE;
	unit->rtaddr = cmd->rtaddr;
	unit->have_state = true;
	vtds_devices_refresh(batch, 0, U16_MAX);
	sync_all(batch);
	return 0;
}

int vtds_add_device(struct vtds_batch *batch, void *arg)
{
	return vtds_device_add(batch, arg);
}

int vtds_remove_device(struct vtds_batch *batch, void *arg)
{
	const struct vtd_shadow_remove_device *cmd = arg;

	return vtds_device_remove(batch, cmd->dev_id);
}

int vtds_check_invalidate(const void *arg)
{
	const struct vtd_shadow_invalidate *cmd = arg;

	if ((cmd->desc_size != VTDS_NARROW_QWORDS * sizeof(u64) &&
	     cmd->desc_size != VTDS_WIDE_QWORDS * sizeof(u64)) ||
	    cmd->nr_descs > VTDS_MAX_DESCS ||
	    !IS_ALIGNED(cmd->descs_uptr, sizeof(u64)))
		return -EINVAL;
	return 0;
}

int vtds_invalidate(struct vtds_batch *batch, void *arg)
{
	return vtds_queue_run_array(batch, arg);
}

int vtds_run_queue(struct vtds_batch *batch, void *arg)
{
	return vtds_queue_run_guest(batch, arg);
}

int vtds_resync(struct vtds_batch *batch, void *arg)
{
	const struct vtd_shadow_resync *cmd = arg;

	vtds_devices_refresh(batch, 0, U16_MAX);
	sync_all(batch);
	if (cmd->flags & VTD_SHADOW_RESYNC_RELEASE)
		vtds_mem_release_idle(&batch->unit->mem);
	return 0;
}

int vtds_get_stats(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_get_stats *cmd = arg;
	const struct vtds_stats *stats = &unit->stats;

	*cmd = (struct vtd_shadow_get_stats){
		.size = cmd->size,
		.devices = list_count_nodes(&unit->devices),
		.domains = list_count_nodes(&unit->domains),
		.nodes = unit->nr_nodes,
		.pages = unit->nr_pages,
		.pinned_pages = unit->mem.pins.nr_pinned,
		.descriptors = stats->descriptors,
		.syncs = stats->syncs,
		.entries_changed = stats->entries_changed,
		.leaves_mapped = stats->leaves_mapped,
		.leaves_unmapped = stats->leaves_unmapped,
		.host_maps = stats->host_maps,
		.host_unmaps = stats->host_unmaps,
		.iotlb_syncs = stats->iotlb_syncs,
		.attaches = stats->attaches,
		.install_failures = stats->install_failures,
		.retries = stats->retries,
	};
	return 0;
}
