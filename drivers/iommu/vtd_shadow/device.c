// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of a unit: they join and leave it, and are attached again to what the guest's
 * tables say. Serves unit.c, inval.c, flush.c and retry.c; calls bound.c for devices,
 * context.c for tables, group.c and pasid.c for attaching.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "batch.h"
#include "bound.h"
#include "context.h"
#include "device.h"
#include "domain.h"
#include "event.h"
#include "group.h"
#include "guest_ctx.h"
#include "host_domain.h"
#include "identity.h"
#include "pasid.h"
#include "unit.h"

static void source_read(struct vtds_batch *batch, struct vtds_source *r)
{
	vtds_context_read(batch->unit, r->sid, &r->ctx);
	vtds_event_ctx(batch->unit, r);
	if (r->ctx.error)
		vtds_batch_fail(batch, r->ctx.error);
}

/* --- Touching what is to be read --- */

/*
 * Reads, and forgets, what says where a device belongs: all that refreshing will read, or
 * with @known no more than that for contexts and PASIDs that were read before. Returns false
 * if something is not pinned.
 */
static bool touch_device(struct vtds_batch *batch, struct vtds_device *dev,
			 bool known)
{
	struct vtds_guest_mem *mem = &batch->unit->mem;
	struct vtds_guest_ctx ctx;
	bool identity = false;

	mem->want.wanted = false;
	for (u32 i = 0; i < dev->nr_sources && !mem->want.wanted; i++) {
		vtds_context_read(batch->unit, dev->sources[i].sid, &ctx);
		identity |= ctx.attachment == VTD_SHADOW_ATTACHED_IDENTITY;
	}
	if (!mem->want.wanted && known)
		vtds_pasids_touch_known(dev);
	else if (!mem->want.wanted)
		vtds_pasids_touch(batch, dev);
	if (!mem->want.wanted && !known && identity && !dev->identity_attached)
		vtds_device_touch_identity(dev);
	return !mem->want.wanted;
}

/* The first device of which something is not pinned and may be, or NULL */
static const struct vtds_device *touch_all(struct vtds_batch *batch, bool known)
{
	struct vtds_device *dev;

	list_for_each_entry(dev, &batch->unit->devices, unit_entry)
		if (dev->untouched_seq != batch->seq &&
		    !touch_device(batch, dev, known))
			return dev;
	return NULL;
}

/* Failures of one call, at most: calls at the same time overwrite for whom they failed */
#define TOUCH_FAILURES 64

/*
 * What lacks memory once would lack it again, for each of a call's descriptors; others
 * need not wait for that. The device may have gone meanwhile.
 */
static void leave_untouched(struct vtds_batch *batch,
			    const struct vtds_device *which)
{
	struct vtds_device *dev;

	batch->nr_untouched++;
	list_for_each_entry(dev, &batch->unit->devices, unit_entry)
		if (dev == which)
			dev->untouched_seq = batch->seq;
}

/* Attempts to have everything pinned at the same time, with others at work */
#define TOUCH_TRIES 1000

static void touch_until_pinned(struct vtds_batch *batch, bool known)
{
	for (unsigned int i = 0; i < TOUCH_TRIES; i++) {
		const struct vtds_device *dev;

		if (batch->nr_untouched >= TOUCH_FAILURES)
			return;
		dev = touch_all(batch, known);
		if (!dev || vtds_mem_fetch(&batch->unit->mem, &batch->holds))
			return;
		if (batch->holds.failed)
			leave_untouched(batch, dev);
	}
}

/**
 * vtds_devices_touch() - Have all memory pinned that refreshing will read
 * @batch: The batch
 *
 * What is not pinned then, for want of time or memory, counts as memory that the host cannot
 * give now.
 *
 * Context: as vtds_settle().
 */
void vtds_devices_touch(struct vtds_batch *batch)
{
	touch_until_pinned(batch, false);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_devices_touch);

/**
 * vtds_devices_touch_known() - The same for what devices are attached by now
 * @batch: The batch
 *
 * For each descriptor of a call there may be; so what it costs depends on what is attached,
 * which is limited, and not on what the guest has in its tables.
 *
 * Context: as vtds_settle().
 */
void vtds_devices_touch_known(struct vtds_batch *batch)
{
	touch_until_pinned(batch, true);
}

/* --- Reading and attaching --- */

/**
 * vtds_devices_refresh() - Read contexts again and attach accordingly
 * @batch: The batch
 * @sid: Source-id
 * @mask: Bits of it that do not count: 0xffff for all devices
 *
 * After vtds_devices_touch().
 */
void vtds_devices_refresh(struct vtds_batch *batch, u16 sid, u16 mask)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_device *dev;
	struct vtds_group *group;

	vtds_assert_locked(&unit->lock);
	list_for_each_entry(dev, &unit->devices, unit_entry)
		for (u32 i = 0; i < dev->nr_sources; i++) {
			struct vtds_source *r = &dev->sources[i];

			if (!((r->sid ^ sid) & (u16)~mask))
				source_read(batch, r);
		}

	list_for_each_entry(group, &unit->groups, entry)
		vtds_group_update(batch, group);
	list_for_each_entry(dev, &unit->devices, unit_entry)
		vtds_pasids_refresh(batch, dev);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_devices_refresh);

/* Ends all shadow domains: their tables are about to be read by other rules. */
void vtds_devices_leave_shadows(struct vtds_batch *batch)
{
	struct vtds_group *group;
	struct vtds_device *dev;

	list_for_each_entry(group, &batch->unit->groups, entry)
		if (group->domain)
			vtds_group_detach(group);
	list_for_each_entry(dev, &batch->unit->devices, unit_entry)
		vtds_pasids_clear(dev);
}

/* Takes the devices off a domain that the host did not handle as asked. */
void vtds_devices_block_domain(struct vtds_batch *batch,
			       struct vtds_domain *domain)
{
	if (!vtds_groups_block_domain(batch->unit, domain))
		vtds_pasids_block_domain(batch->unit, domain);
}

/**
 * vtds_device_by_sid() - Find a device and what one of its source-ids is set to
 * @unit: The unit
 * @sid: Source-id
 * @ctx: Output
 *
 * Return: the device or NULL.
 */
struct vtds_device *vtds_device_by_sid(struct vtds_unit *unit, u16 sid,
				       struct vtds_guest_ctx *ctx)
{
	struct vtds_device *dev;

	list_for_each_entry(dev, &unit->devices, unit_entry)
		for (u32 i = 0; i < dev->nr_sources; i++)
			if (dev->sources[i].sid == sid) {
				*ctx = dev->sources[i].ctx;
				return dev;
			}
	return NULL;
}

/**
 * vtds_device_sources() - Read and check the source-ids of ADD_DEVICE
 * @cmd: See struct vtd_shadow_add_device
 *
 * Context: without any lock, since user memory is read.
 *
 * Return: an array of @cmd->nr_source_ids, to be freed, or an ERR_PTR.
 */
struct vtds_source *vtds_device_sources(const struct vtd_shadow_add_device *cmd)
{
	const __u16 __user *from = u64_to_user_ptr(cmd->source_ids_uptr);
	struct vtds_source *sources;

	if (!cmd->nr_source_ids || cmd->nr_source_ids > VTDS_MAX_SOURCE_IDS)
		return ERR_PTR(-EINVAL);
	sources = vtds_zalloc_array(cmd->nr_source_ids, sizeof(*sources));
	if (!sources)
		return ERR_PTR(-ENOMEM);

	for (u32 i = 0; i < cmd->nr_source_ids; i++) {
		int ret = get_user(sources[i].sid, &from[i]);

		for (u32 j = 0; j < i && !ret; j++)
			if (sources[j].sid == sources[i].sid)
				ret = -EINVAL;
		if (ret) {
			kfree(sources);
			return ERR_PTR(ret);
		}
	}
	return sources;
}

/**
 * vtds_device_join() - Make a device part of its unit
 * @batch: The batch
 * @dev: The device, claimed, with its source-ids
 *
 * It is attached at once to what the guest's tables say now.
 *
 * Return: 0 or -ENOMEM.
 */
int vtds_device_join(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_group *group =
		vtds_group_get(unit, dev->bound->iommu_group);

	vtds_assert_locked(&unit->lock);
	if (!group)
		return -ENOMEM;
	dev->group = group;
	dev->identity_attached = false;
	list_add_tail(&dev->group_entry, &group->devices);
	list_add_tail(&dev->unit_entry, &unit->devices);
	for (u32 i = 0; i < dev->nr_sources; i++)
		source_read(batch, &dev->sources[i]);
	vtds_group_update(batch, group);
	vtds_pasids_regroup(batch, group);
	vtds_pasids_refresh(batch, dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_join);

/*
 * Whether nobody has attached the group: a device that shares it and is bound to another
 * VFIO driver takes this one along. Some hosts block with an empty page table, so that
 * only the attempt to attach another one tells.
 */
static int group_check_free(struct vtds_device *dev)
{
	struct vtds_dev_pasid dev_pasid =
		vtds_device_pasid(dev, IOMMU_NO_PASID);
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev_pasid.dev);
	struct vtds_host_domain probe;
	int ret;

	if (!domain || domain->type == IOMMU_DOMAIN_BLOCKED)
		return 0;
	ret = vtds_host_domain_alloc(&probe, dev_pasid.dev);
	if (ret)
		return ret;
	ret = vtds_host_domain_attach(&probe, &dev_pasid);
	if (!ret)
		vtds_host_domain_detach(&probe, &dev_pasid);
	vtds_host_domain_free(&probe);
	return ret;
}

/* Whether blocking the device would block it, and whether it is blocked now. */
static int device_check(struct vtds_unit *unit, struct vtds_device *dev)
{
	const struct vtds_device *other;

	/* Without an IOMMU, which some kernels let iommufd bind: nothing is in the way */
	if (!vtds_bound_dev(dev->bound)->iommu)
		return -EOPNOTSUPP;
	list_for_each_entry(other, &unit->devices, unit_entry)
		if (other->bound->iommu_group == dev->bound->iommu_group)
			return 0;
	return group_check_free(dev);
}

/**
 * vtds_device_touch() - Have all memory pinned that vtds_device_join() will read
 * @batch: The batch
 * @dev: The device, with its source-ids
 *
 * Context: as vtds_settle().
 *
 * Return: 0, or -EINTR if the caller is being killed.
 */
int vtds_device_touch(struct vtds_batch *batch, struct vtds_device *dev)
{
	for (unsigned int i = 0; i < TOUCH_TRIES; i++) {
		if (touch_device(batch, dev, false)) {
			vtds_device_touch_identity(dev);
			if (!batch->unit->mem.want.wanted)
				return 0;
		}
		if (vtds_mem_fetch(&batch->unit->mem, &batch->holds))
			return -EINTR;
		if (batch->holds.failed)
			break;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_touch);

/*
 * Checks what ADD_DEVICE says of a device, and makes it part of the unit. The VMM may
 * close it while memory is waited for: then it has been claimed by nobody.
 */
static int device_try(struct vtds_batch *batch, struct vtds_device *dev,
		      const struct vtd_shadow_add_device *cmd)
{
	int ret = vtds_device_touch(batch, dev);

	if (ret)
		return ret;
	dev->bound = vtds_bound_claim(batch->unit, cmd->dev_id);
	if (IS_ERR(dev->bound))
		return PTR_ERR(dev->bound);
	ret = device_check(batch->unit, dev);
	if (!ret)
		ret = vtds_device_try_identity(dev);
	if (!ret)
		ret = vtds_device_join(batch, dev);
	if (ret)
		vtds_bound_release(dev->bound);
	return ret;
}

/**
 * vtds_device_add() - Hand a bound device to a unit
 * @batch: The batch
 * @cmd: See struct vtd_shadow_add_device
 * @sources: vtds_device_sources(), which the device has on success
 *
 * Return: 0 or a negative errno.
 */
int vtds_device_add(struct vtds_batch *batch,
		    const struct vtd_shadow_add_device *cmd,
		    struct vtds_source *sources)
{
	struct vtds_device *dev;
	int ret;

	dev = vtds_zalloc(sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->unit = batch->unit;
	dev->identity_pt_id = cmd->identity_pt_id;
	dev->nr_sources = cmd->nr_source_ids;
	dev->sources = sources;
	vtds_xa_init(&dev->pasids);
	ret = device_try(batch, dev, cmd);
	if (ret)
		kfree(dev);
	return ret;
}

/**
 * vtds_device_drop() - Take a device from its unit
 * @batch: The batch
 * @dev: The device, freed on return
 *
 * Its host group stays where the remaining devices want it, or is blocked.
 */
void vtds_device_drop(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_group *group = dev->group;

	vtds_assert_locked(&batch->unit->lock);
	vtds_pasids_clear(dev);
	if (list_is_singular(&group->devices))
		vtds_group_detach(group);
	else if (dev->identity_attached)
		vtds_device_detach_identity(dev, IOMMU_NO_PASID);
	list_del(&dev->group_entry);
	list_del(&dev->unit_entry);
	if (list_empty(&group->devices)) {
		vtds_group_free(group);
	} else {
		vtds_group_update(batch, group);
		vtds_pasids_regroup(batch, group);
	}

	vtds_bound_release(dev->bound);
	kfree(dev->sources);
	kfree(dev);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_drop);

/* REMOVE_DEVICE. Returns -ENOENT if the unit has no such device. */
int vtds_device_remove(struct vtds_batch *batch, u32 dev_id)
{
	struct vtds_device *dev;

	list_for_each_entry(dev, &batch->unit->devices, unit_entry)
		if (dev->bound->dev_id == dev_id) {
			vtds_device_drop(batch, dev);
			return 0;
		}
	return -ENOENT;
}
