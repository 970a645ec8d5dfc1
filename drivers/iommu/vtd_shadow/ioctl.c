// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bodies of ioctls that find the unit locked, most of them in a batch, what copies
 * their input before, and BIND. Serves the table in main.c, where it says what each of them
 * needs; calls unit.c, debugfs.c, device.c, memory.c and queue.c.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "batch.h"
#include "caps.h"
#include "debugfs.h"
#include "device.h"
#include "domain.h"
#include "guest_mem.h"
#include "inval.h"
#include "ioctl.h"
#include "memory.h"
#include "queue.h"
#include "unit.h"

/* All that was refused is tried again, too. */
static void need_all(struct vtds_batch *batch)
{
	struct vtds_domain *domain;

	vtds_memory_came(batch, 0, U64_MAX);
	list_for_each_entry(domain, &batch->unit->domains, entry)
		vtds_todo_all(&domain->todo, batch->seq);
}

static int decode_caps(struct vtds_caps *caps,
		       const struct vtd_shadow_set_state *cmd)
{
	return vtds_caps_decode(caps, cmd->cap, cmd->ecap, cmd->haw);
}

/* BIND: those who watch see the unit from here on. */
int vtds_bind(struct vtds_unit *unit, void *cmd)
{
	int ret = vtds_unit_bind(unit, cmd);

	if (!ret)
		vtds_debugfs_add(unit);
	return ret;
}

int vtds_check_set_state(const void *arg)
{
	struct vtds_caps caps;

	return decode_caps(&caps, arg);
}

int vtds_set_state(struct vtds_batch *batch, void *arg, void **input)
{
	const struct vtd_shadow_set_state *cmd = arg;
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
	vtds_devices_touch(batch);
	vtds_devices_refresh(batch, 0, U16_MAX);
	need_all(batch);
	return 0;
}

/* Source-ids of ADD_DEVICE */
int vtds_take_sources(const void *arg, struct vtds_input *input)
{
	void *sources = vtds_device_sources(arg);

	if (IS_ERR(sources))
		return PTR_ERR(sources);
	input->data = sources;
	return 0;
}

int vtds_add_device(struct vtds_batch *batch, void *arg, void **input)
{
	int ret = vtds_device_add(batch, arg, *input);

	/* The device has them now */
	if (!ret)
		*input = NULL;
	return ret;
}

int vtds_remove_device(struct vtds_batch *batch, void *arg, void **input)
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

/* Descriptors of INVALIDATE */
int vtds_take_descs(const void *arg, struct vtds_input *input)
{
	const struct vtd_shadow_invalidate *cmd = arg;
	size_t size = size_mul(cmd->nr_descs, cmd->desc_size);
	const void __user *from = u64_to_user_ptr(cmd->descs_uptr);

	input->data = input->small;
	if (size > sizeof(input->small))
		input->data = vtds_alloc_buffer(size);
	if (!input->data)
		return -ENOMEM;
	return copy_from_user(input->data, from, size) ? -EFAULT : 0;
}

int vtds_invalidate(struct vtds_batch *batch, void *arg, void **input)
{
	struct vtd_shadow_invalidate *cmd = arg;

	cmd->done = 0;
	cmd->iqei = VTD_SHADOW_IQEI_NONE;
	if (!vtds_queue_run_array(batch, cmd, *input, cmd->nr_descs) &&
	    !cmd->iqei)
		cmd->status |= VTD_SHADOW_MORE;
	vtds_inval_refresh(batch);
	return 0;
}

int vtds_run_queue(struct vtds_batch *batch, void *arg, void **input)
{
	return vtds_queue_run_guest(batch, arg);
}

int vtds_check_resync(const void *arg)
{
	const struct vtd_shadow_resync *cmd = arg;
	bool has_range = cmd->flags & VTD_SHADOW_RESYNC_RANGE;

	if (!has_range && (cmd->gpa || cmd->length))
		return -EOPNOTSUPP;
	if (has_range && (!cmd->length || cmd->gpa > VTDS_MAX_GPA ||
			  cmd->length - 1 > VTDS_MAX_GPA - cmd->gpa))
		return -EINVAL;
	return 0;
}

int vtds_resync(struct vtds_batch *batch, void *arg, void **input)
{
	const struct vtd_shadow_resync *cmd = arg;
	struct vtds_unit *unit = batch->unit;

	vtds_devices_touch(batch);
	vtds_devices_refresh(batch, 0, U16_MAX);
	if (cmd->flags & VTD_SHADOW_RESYNC_RANGE)
		vtds_memory_came(batch, cmd->gpa, cmd->gpa + cmd->length - 1);
	else
		need_all(batch);
	if (cmd->flags & VTD_SHADOW_RESYNC_RELEASE)
		vtds_mem_release_idle(&unit->mem);
	return 0;
}

void vtds_input_free(struct vtds_input *input)
{
	if (input->data != input->small)
		kvfree(input->data);
}
