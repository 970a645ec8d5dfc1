// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units: life of one guest remapping unit, from the open file over BIND to the end. Serves
 * main.c and vfio.c; calls device.c, memory.c, settle.c and retry.c.
 */
#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "batch.h"
#include "bound.h"
#include "device.h"
#include "domain.h"
#include "event.h"
#include "fault.h"
#include "flush.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "host_domain.h"
#include "main.h"
#include "memory.h"
#include "retry.h"
#include "rmap.h"
#include "settle.h"
#include "unit.h"

static const struct iommufd_access_ops unit_access_ops = {
	.needs_pin_pages = 1,
	.unmap = vtds_memory_gone,
};

static void unit_free(struct kref *ref)
{
	struct vtds_unit *unit = container_of(ref, struct vtds_unit, ref);

	vtds_events_free(unit->events);
	kfree(unit->sg);
	mutex_destroy(&unit->mem.pins.lock);
	mutex_destroy(&unit->lock.mutex);
	kfree(unit);
}

void vtds_unit_put(struct vtds_unit *unit)
{
	kref_put(&unit->ref, unit_free);
}

/* Number of the unit that was opened last */
static atomic_t last_id;

/* Creates an unbound unit. Returns NULL if there is no memory. */
struct vtds_unit *vtds_unit_alloc(void)
{
	struct vtds_unit *unit = vtds_zalloc(sizeof(*unit));

	if (!unit)
		return NULL;
	unit->id = atomic_inc_return(&last_id);
	kref_init(&unit->ref);
	init_waitqueue_head(&unit->call_ended);
	init_rwsem(&unit->unmap_rwsem);
	vtds_lock_init(&unit->lock);
	vtds_rmap_init(&unit->rmap);
	vtds_alarm_init(&unit->retry.alarm);
	unit->budget = U64_MAX;
	INIT_LIST_HEAD(&unit->devices);
	INIT_LIST_HEAD(&unit->groups);
	INIT_LIST_HEAD(&unit->domains);
	INIT_LIST_HEAD(&unit->memcg_entry);
	unit->events = vtds_events_alloc();
	if (!unit->events || vtds_mem_init(&unit->mem, &unit->lock)) {
		vtds_unit_put(unit);
		return NULL;
	}
	unit->mem.unit_id = unit->id;
	return unit;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_unit_alloc);

/*
 * Ends calls of vtds_memory_gone(), which iommufd makes once more here, so the
 * lock must not be held.
 *
 * iommufd_access_destroy() waits for calls that are running, but the end of such a call
 * does not wake it: it sleeps for a minute. So none should be running. Detaching sees
 * to it that none begins, and whoever ends one has some time to leave iommufd.
 */
static void access_end(struct vtds_unit *unit)
{
	iommufd_access_detach(unit->mem.pins.access);
	if (!down_write_trylock(&unit->unmap_rwsem)) {
		down_write(&unit->unmap_rwsem);
		synchronize_rcu();
	}
	up_write(&unit->unmap_rwsem);
	iommufd_access_destroy(unit->mem.pins.access);
}

/* Lets go of all devices, and frees what they used. Nobody else has the unit. */
static void unit_empty(struct vtds_unit *unit)
{
	struct vtds_batch batch __uninitialized;

	guard(vtds_lock)(&unit->lock);
	vtds_batch_begin(&batch, unit);
	while (!list_empty(&unit->devices))
		vtds_device_drop(&batch, list_first_entry(&unit->devices,
							  struct vtds_device,
							  unit_entry));
	while (!list_empty(&unit->domains)) {
		vtds_domain_end(list_first_entry(&unit->domains,
						 struct vtds_domain, entry));
		cond_resched();
	}
	vtds_batch_end(&batch);
	unit->troubled = false;
	unit->unsettled = false;
}

/**
 * vtds_unit_release() - End a unit when its file is closed
 * @unit: The unit; freed when no one else holds it
 */
void vtds_unit_release(struct vtds_unit *unit)
{
	/* It may be waiting for memory that nobody else will wait for any more */
	vtds_retry_end(unit);
	unit_empty(unit);
	vtds_mem_destroy(&unit->mem);
	vtds_rmap_destroy(&unit->rmap);
	if (unit->mem.pins.access)
		access_end(unit);
	vtds_unit_put(unit);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_unit_release);

/* What a device leaves behind that is closed while others wait: the rest is done later */
#define DROP_WORK 64

/* Takes a device that is being unbound; the unit may have let go of it already. */
void vtds_unit_drop_bound(struct vtds_unit *unit, struct vtds_bound *bound)
{
	struct vtds_device *dev, *next;
	struct vtds_batch batch __uninitialized;

	guard(vtds_lock)(&unit->lock);
	vtds_batch_begin(&batch, unit);
	list_for_each_entry_safe(dev, next, &unit->devices, unit_entry)
		if (dev->bound == bound)
			vtds_device_drop(&batch, dev);
	vtds_settle_quickly(&batch, DROP_WORK);
	vtds_batch_end(&batch);
	if (vtds_mem_needs_trim(&unit->mem))
		vtds_batch_settle_later(&batch);
}

/* Locks a unit for an ioctl that needs it bound, and maybe its registers. */
int vtds_unit_lock(struct vtds_unit *unit, bool need_state)
{
	int ret;

	if (vtds_lock_killable(&unit->lock))
		return -EINTR;
	ret = !unit->ictx		      ? -ENODEV :
	      need_state && !unit->have_state ? -ENODATA :
						0;
	if (ret)
		vtds_unlock(&unit->lock);
	return ret;
}

/* What vtds_unit_lock() locked. Memory that may not stay pinned is not on return. */
void vtds_unit_unlock(struct vtds_unit *unit)
{
	vtds_unlock(&unit->lock);
	vtds_unit_trim(unit);
}

/*
 * Makes the caller the only one that binds the unit. What BIND makes calls into the unit
 * from the moment that it is attached, and once more for all of memory when it ends: only
 * the unit's own access may do that.
 */
static int unit_claim(struct vtds_unit *unit)
{
	if (vtds_lock_killable(&unit->lock))
		return -EINTR;
	if (unit->claimed) {
		vtds_unlock(&unit->lock);
		return -EBUSY;
	}
	unit->claimed = true;
	vtds_unlock(&unit->lock);
	return 0;
}

static void unit_unclaim(struct vtds_unit *unit)
{
	guard(vtds_lock)(&unit->lock);
	unit->claimed = false;
}

/* Makes what BIND publishes. An access that could not be attached was never called. */
static struct iommufd_access *
access_begin(struct vtds_unit *unit, struct iommufd_ctx *ictx, u32 ioas_id)
{
	struct iommufd_access *access;
	u32 access_id;
	int ret;

	if (vtds_should_fail())
		return ERR_PTR(-ENOMEM);
	access =
		iommufd_access_create(ictx, &unit_access_ops, unit, &access_id);
	if (IS_ERR(access))
		return access;
	ret = vtds_should_fail() ? -ENOMEM :
				   iommufd_access_attach(access, ioas_id);
	if (ret) {
		iommufd_access_destroy(access);
		return ERR_PTR(ret);
	}
	return access;
}

/* Memory may be taken before this: nothing of it is in use then. */
static void unit_publish(struct vtds_unit *unit, struct iommufd_ctx *ictx,
			 struct iommufd_access *access,
			 const struct vtd_shadow_bind *cmd)
{
	guard(vtds_lock)(&unit->lock);
	unit->ictx = ictx;
	unit->ioas_id = cmd->ioas_id;
	unit->mem.pins.access = access;
	if (cmd->flags & VTD_SHADOW_BIND_MAX_IDLE)
		unit->mem.max_idle = cmd->max_idle_pages / VTDS_CHUNK_PAGES;
	if (cmd->flags & VTD_SHADOW_BIND_BUDGET)
		unit->budget = cmd->budget;
	unit->max_nodes = cmd->max_nodes ?: READ_ONCE(vtds_max_nodes);
	unit->max_pages = cmd->max_pages ?: READ_ONCE(vtds_max_pages);
}

static int unit_bind(struct vtds_unit *unit, struct iommufd_ctx *ictx,
		     const struct vtd_shadow_bind *cmd)
{
	struct iommufd_access *access;
	int ret;

	ret = unit_claim(unit);
	if (ret)
		return ret;
	vtds_host_zeroes_prepare();
	ret = vtds_retry_begin(unit);
	if (ret)
		goto err_unclaim;
	access = access_begin(unit, ictx, cmd->ioas_id);
	if (IS_ERR(access)) {
		ret = PTR_ERR(access);
		goto err_end;
	}
	unit_publish(unit, ictx, access, cmd);
	return 0;

err_end:
	vtds_retry_end(unit);
err_unclaim:
	unit_unclaim(unit);
	return ret;
}

/* BIND */
int vtds_unit_bind(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_bind *cmd = arg;
	struct iommufd_ctx *ictx;
	bool has_idle = cmd->flags & VTD_SHADOW_BIND_MAX_IDLE;
	bool has_budget = cmd->flags & VTD_SHADOW_BIND_BUDGET;
	int ret;

	if ((!has_idle && cmd->max_idle_pages) || (!has_budget && cmd->budget))
		return -EOPNOTSUPP;
	if (has_budget && !cmd->budget)
		return -EINVAL;
	if (cmd->max_nodes > READ_ONCE(vtds_max_nodes) ||
	    cmd->max_pages > READ_ONCE(vtds_max_pages))
		return -EINVAL;

	ictx = iommufd_ctx_from_fd(cmd->iommufd);
	if (IS_ERR(ictx))
		return PTR_ERR(ictx);
	ret = unit_bind(unit, ictx, cmd);
	/* The access has a reference of its own */
	iommufd_ctx_put(ictx);
	return ret;
}
