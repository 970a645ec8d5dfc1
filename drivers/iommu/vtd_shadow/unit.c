// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units: life of one guest remapping unit, and its ioctls.
 */
#include <kunit/visibility.h>
#include <linux/iommufd.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "vtd_shadow_private.h"

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
	kfree(unit->fetched);
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
	if (!unit->events || vtds_mem_init(&unit->mem)) {
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
	ranges = kcalloc(room, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
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
	mutex_unlock(&unit->lock);
	if (!group)
		return -ENOENT;
	ret = copy_reserved(group, cmd);
	iommu_group_put(group);
	return ret;
}

int vtds_unit_get_info(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_get_info *cmd = arg;
	int ret;

	if ((cmd->flags & ~VTD_SHADOW_INFO_DEVICE) || cmd->__reserved ||
	    (!cmd->flags &&
	     (cmd->dev_id || cmd->nr_reserved || cmd->reserved_uptr)))
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

int vtds_unit_bind(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_bind *cmd = arg;
	struct iommufd_ctx *ictx;
	int ret;

	if ((cmd->flags & ~VTD_SHADOW_BIND_MAX_IDLE) ||
	    (!cmd->flags && cmd->max_idle_pages))
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

static void sync_all(struct vtds_batch *batch)
{
	struct vtds_domain *domain;

	list_for_each_entry(domain, &batch->unit->domains, entry)
		vtds_domain_sync_full(batch, domain);
}

int vtds_unit_set_state(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_set_state *cmd = arg;
	struct vtds_batch batch;
	struct vtds_caps caps;
	int ret;

	if ((cmd->flags & ~VTD_SHADOW_STATE_TE) || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = vtds_caps_decode(&caps, cmd->cap, cmd->ecap, cmd->haw);
	if (ret)
		return ret;
	ret = vtds_unit_lock(unit, false);
	if (ret)
		return ret;

	vtds_batch_begin(&batch, unit);
	/* Entries that were read by other rules say nothing any more */
	if (memcmp(&caps, &unit->caps, sizeof(caps)))
		vtds_devices_leave_shadows(&batch);
	unit->caps = caps;
	unit->te = cmd->flags & VTD_SHADOW_STATE_TE;
	unit->rtaddr = cmd->rtaddr;
	unit->have_state = true;
	vtds_devices_refresh(&batch, 0, U16_MAX);
	sync_all(&batch);
	cmd->install_errno = vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return 0;
}

int vtds_unit_add_device(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_add_device *cmd = arg;
	struct vtds_batch batch;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ret = vtds_unit_lock(unit, false);
	if (ret)
		return ret;
	vtds_batch_begin(&batch, unit);
	ret = vtds_device_add(&batch, cmd);
	cmd->install_errno = vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return ret;
}

int vtds_unit_remove_device(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_remove_device *cmd = arg;
	struct vtds_batch batch;
	int ret;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = vtds_unit_lock(unit, false);
	if (ret)
		return ret;
	vtds_batch_begin(&batch, unit);
	ret = vtds_device_remove(&batch, cmd->dev_id);
	vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return ret;
}

int vtds_unit_invalidate(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_invalidate *cmd = arg;
	struct vtds_batch batch;
	int ret;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	if ((cmd->desc_size != VTDS_NARROW_QWORDS * sizeof(u64) &&
	     cmd->desc_size != VTDS_WIDE_QWORDS * sizeof(u64)) ||
	    cmd->nr_descs > VTDS_MAX_DESCS ||
	    !IS_ALIGNED(cmd->descs_uptr, sizeof(u64)))
		return -EINVAL;
	ret = vtds_unit_lock(unit, true);
	if (ret)
		return ret;
	vtds_batch_begin(&batch, unit);
	ret = vtds_queue_run_array(&batch, cmd);
	cmd->install_errno = vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return ret;
}

int vtds_unit_run_queue(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_run_queue *cmd = arg;
	struct vtds_batch batch;
	int ret;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = vtds_unit_lock(unit, true);
	if (ret)
		return ret;
	vtds_batch_begin(&batch, unit);
	ret = vtds_queue_run_guest(&batch, cmd);
	cmd->install_errno = vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return ret;
}

int vtds_unit_resync(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_resync *cmd = arg;
	struct vtds_batch batch;
	int ret;

	if ((cmd->flags & ~VTD_SHADOW_RESYNC_RELEASE) || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = vtds_unit_lock(unit, true);
	if (ret)
		return ret;
	vtds_batch_begin(&batch, unit);
	vtds_devices_refresh(&batch, 0, U16_MAX);
	sync_all(&batch);
	if (cmd->flags & VTD_SHADOW_RESYNC_RELEASE)
		vtds_mem_release_idle(&unit->mem);
	cmd->install_errno = vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return 0;
}

int vtds_unit_get_stats(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_get_stats *cmd = arg;
	const struct vtds_stats *stats = &unit->stats;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ret = vtds_unit_lock(unit, false);
	if (ret)
		return ret;
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
	mutex_unlock(&unit->lock);
	return 0;
}
