// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units: life of one guest remapping unit, from the open file over BIND to the end, and
 * guest memory that goes away. Serves main.c and vfio.c; calls device.c, domain.c, sync.c
 * and retry.c.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "bound.h"
#include "compat.h"
#include "device.h"
#include "domain.h"
#include "event.h"
#include "flush.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "main.h"
#include "retry.h"
#include "sync.h"
#include "unit.h"

/* Guest memory is about to be taken from the IOAS; nothing may use it on return. */
VISIBLE_IF_KUNIT void vtds_unit_memory_gone(void *data, unsigned long iova,
					    unsigned long length)
{
	struct vtds_unit *unit = data;
	u64 last = iova + (length - 1);
	struct vtds_domain *domain;
	struct vtds_batch batch;
	u64 first = iova;
	bool again = false;

	guard(rwsem_read)(&unit->unmap_rwsem);
	guard(mutex)(&unit->lock);
	if (!vtds_mem_has(&unit->mem, first, last))
		return;

	vtds_batch_begin(&batch, unit);
	vtds_mem_evict_begin(&unit->mem, &first, &last);
	list_for_each_entry(domain, &unit->domains, entry)
		again |= vtds_domain_memory_gone(&batch, domain, first, last);
	vtds_batch_flush(&batch);
	vtds_mem_evict_end(&unit->mem, first, last);

	/* What was evicted because it shared a chunk or a superpage comes back */
	if (again || first != iova || last != iova + (length - 1))
		list_for_each_entry(domain, &unit->domains, entry)
			vtds_domain_sync_full(&batch, domain);
	vtds_batch_end(&batch);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_unit_memory_gone);

static const struct iommufd_access_ops unit_access_ops = {
	.needs_pin_pages = 1,
	.unmap = vtds_unit_memory_gone,
};

static void unit_free(struct kref *ref)
{
	struct vtds_unit *unit = container_of(ref, struct vtds_unit, ref);

	vtds_events_free(unit->events);
	kfree(unit->sg);
	mutex_destroy(&unit->lock);
	kfree(unit);
}

void vtds_unit_put(struct vtds_unit *unit)
{
	kref_put(&unit->ref, unit_free);
}

/* Creates an unbound unit. Returns NULL if there is no memory. */
struct vtds_unit *vtds_unit_alloc(void)
{
	struct vtds_unit *unit = kzalloc(sizeof(*unit), GFP_KERNEL_ACCOUNT);

	if (!unit)
		return NULL;
	kref_init(&unit->ref);
	init_rwsem(&unit->unmap_rwsem);
	mutex_init(&unit->lock);
	vtds_retry_init(unit);
	INIT_LIST_HEAD(&unit->devices);
	INIT_LIST_HEAD(&unit->groups);
	INIT_LIST_HEAD(&unit->domains);
	unit->events = vtds_events_alloc();
	if (!unit->events || vtds_mem_init(&unit->mem, &unit->lock)) {
		vtds_unit_put(unit);
		return NULL;
	}
	return unit;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_unit_alloc);

/*
 * Ends calls of vtds_unit_memory_gone(), which iommufd makes once more here, so the
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

/**
 * vtds_unit_release() - End a unit when its file is closed
 * @unit: The unit; freed when no one else holds it
 */
void vtds_unit_release(struct vtds_unit *unit)
{
	struct vtds_batch batch;

	mutex_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	while (!list_empty(&unit->devices))
		vtds_device_drop(&batch, list_first_entry(&unit->devices,
							  struct vtds_device,
							  unit_entry));
	vtds_batch_end(&batch);
	unit->troubled = false;
	vtds_mem_destroy(&unit->mem);
	mutex_unlock(&unit->lock);

	if (unit->mem.pins.access)
		access_end(unit);
	vtds_retry_stop(unit);
	vtds_unit_put(unit);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_unit_release);

/* Takes a device that is being unbound; the unit may have let go of it already. */
void vtds_unit_drop_bound(struct vtds_unit *unit, struct vtds_bound *bound)
{
	struct vtds_device *dev, *next;
	struct vtds_batch batch;

	guard(mutex)(&unit->lock);
	vtds_batch_begin(&batch, unit);
	list_for_each_entry_safe(dev, next, &unit->devices, unit_entry)
		if (dev->bound == bound)
			vtds_device_drop(&batch, dev);
	vtds_batch_end(&batch);
}

/* Locks a unit for an ioctl that needs it bound, and maybe its registers. */
int vtds_unit_lock(struct vtds_unit *unit, bool need_state)
{
	int ret;

	if (mutex_lock_killable(&unit->lock))
		return -EINTR;
	ret = !unit->ictx		      ? -ENODEV :
	      need_state && !unit->have_state ? -ENODATA :
						0;
	if (ret)
		mutex_unlock(&unit->lock);
	return ret;
}

/*
 * Makes the caller the only one that binds the unit. What BIND makes calls into the unit
 * from the moment that it is attached, and once more for all of memory when it ends: only
 * the unit's own access may do that.
 */
static int unit_claim(struct vtds_unit *unit)
{
	if (mutex_lock_killable(&unit->lock))
		return -EINTR;
	if (unit->claimed) {
		mutex_unlock(&unit->lock);
		return -EBUSY;
	}
	unit->claimed = true;
	mutex_unlock(&unit->lock);
	return 0;
}

static void unit_unclaim(struct vtds_unit *unit)
{
	guard(mutex)(&unit->lock);
	unit->claimed = false;
}

/* Makes what BIND publishes. An access that could not be attached was never called. */
static struct iommufd_access *
access_begin(struct vtds_unit *unit, struct iommufd_ctx *ictx, u32 ioas_id)
{
	struct iommufd_access *access;
	u32 access_id;
	int ret;

	access =
		iommufd_access_create(ictx, &unit_access_ops, unit, &access_id);
	if (IS_ERR(access))
		return access;
	ret = iommufd_access_attach(access, ioas_id);
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
	guard(mutex)(&unit->lock);
	unit->ictx = ictx;
	unit->ioas_id = cmd->ioas_id;
	unit->mem.pins.access = access;
	vtds_retry_bind(unit);
	if (cmd->flags & VTD_SHADOW_BIND_MAX_IDLE)
		unit->mem.max_idle =
			min_t(u64, cmd->max_idle_pages,
			      VTDS_IDLE_CHUNKS * VTDS_CHUNK_PAGES) /
			VTDS_CHUNK_PAGES;
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
	access = access_begin(unit, ictx, cmd->ioas_id);
	if (IS_ERR(access)) {
		unit_unclaim(unit);
		return PTR_ERR(access);
	}
	unit_publish(unit, ictx, access, cmd);
	return 0;
}

/* BIND */
int vtds_unit_bind(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_bind *cmd = arg;
	struct iommufd_ctx *ictx;
	int ret;

	if (!cmd->flags && cmd->max_idle_pages)
		return -EOPNOTSUPP;
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
