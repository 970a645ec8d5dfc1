// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bound devices: which devices are bound to iommufd through our VFIO operations, and
 * who attaches each, the VMM through VFIO or a unit. Serves vfio.c and device.c; calls
 * no other file.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "bound.h"
#include "unit.h"

/* Protects the list, and unit and vmm_attached in it; nothing else is taken under it */
static DEFINE_MUTEX(vtds_bound_lock);
static LIST_HEAD(vtds_bound_devices);

static void bound_free(struct kref *ref)
{
	struct vtds_bound *bound = container_of(ref, struct vtds_bound, ref);

	iommu_group_put(bound->iommu_group);
	kfree(bound);
}

void vtds_bound_put(struct vtds_bound *bound)
{
	kref_put(&bound->ref, bound_free);
}

static struct vtds_bound *bound_find(struct vfio_device *vdev)
{
	struct vtds_bound *bound;

	lockdep_assert_held(&vtds_bound_lock);
	list_for_each_entry(bound, &vtds_bound_devices, entry)
		if (bound->vdev == vdev)
			return bound;
	return NULL;
}

/* Makes room for a device that is about to be bound. Returns NULL without memory. */
struct vtds_bound *vtds_bound_alloc(void)
{
	struct vtds_bound *bound = vtds_zalloc(sizeof(*bound));

	if (bound)
		kref_init(&bound->ref);
	return bound;
}

/* Adds a device that was bound to @ictx, which calls it @dev_id, to the list. */
void vtds_bound_add(struct vtds_bound *bound, struct vfio_device *vdev,
		    struct iommufd_ctx *ictx, u32 dev_id)
{
	bound->vdev = vdev;
	bound->idev = vdev->iommufd_device;
	bound->ictx = ictx;
	bound->iommu_group = iommu_group_get(vdev->dev);
	bound->dev_id = dev_id;
	guard(mutex)(&vtds_bound_lock);
	list_add_tail(&bound->entry, &vtds_bound_devices);
}

/**
 * vtds_bound_remove() - Take a device from the list: it is being unbound
 * @vdev: The VFIO device
 * @unit: Output, the unit that has it, with a reference, or NULL
 *
 * Return: the device with the list's reference, or NULL if it is not bound.
 */
struct vtds_bound *vtds_bound_remove(struct vfio_device *vdev,
				     struct vtds_unit **unit)
{
	struct vtds_bound *bound;

	*unit = NULL;
	guard(mutex)(&vtds_bound_lock);
	bound = bound_find(vdev);
	if (!bound)
		return NULL;
	list_del(&bound->entry);
	*unit = bound->unit;
	if (*unit)
		kref_get(&(*unit)->ref);
	return bound;
}

/* Whether the device or one that shares its group belongs to a unit. */
static bool group_is_owned(const struct vtds_bound *bound)
{
	struct vtds_bound *other;

	list_for_each_entry(other, &vtds_bound_devices, entry)
		if (other->iommu_group == bound->iommu_group && other->unit)
			return true;
	return false;
}

/**
 * vtds_bound_begin_attach() - Keep units away: the VMM attaches the device
 * @vdev: The VFIO device
 * @was_attached: Output: the VMM had it attached already
 *
 * Return: the device, ERR_PTR(-EBUSY) while a unit has it or another one of its group,
 * ERR_PTR(-EINVAL) if it is not bound.
 */
struct vtds_bound *vtds_bound_begin_attach(struct vfio_device *vdev,
					   bool *was_attached)
{
	struct vtds_bound *bound;

	guard(mutex)(&vtds_bound_lock);
	bound = bound_find(vdev);
	if (!bound)
		return ERR_PTR(-EINVAL);
	if (group_is_owned(bound))
		return ERR_PTR(-EBUSY);
	*was_attached = bound->vmm_attached;
	bound->vmm_attached = true;
	return bound;
}

/* The device that the VMM may detach: no unit has it. NULL if there is none such. */
struct vtds_bound *vtds_bound_of_vmm(struct vfio_device *vdev)
{
	struct vtds_bound *bound;

	guard(mutex)(&vtds_bound_lock);
	bound = bound_find(vdev);
	return bound && !bound->unit ? bound : NULL;
}

/* The VMM has not attached the device, or not any more. */
void vtds_bound_end_attach(struct vtds_bound *bound)
{
	guard(mutex)(&vtds_bound_lock);
	bound->vmm_attached = false;
}

static bool group_is_free_for(const struct vtds_bound *bound,
			      const struct vtds_unit *unit)
{
	struct vtds_bound *other;

	list_for_each_entry(other, &vtds_bound_devices, entry) {
		if (other->iommu_group != bound->iommu_group)
			continue;
		if (other->vmm_attached || (other->unit && other->unit != unit))
			return false;
	}
	return !bound->unit;
}

/* The device that an iommufd calls @dev_id, if it has a host group. */
static struct vtds_bound *bound_find_id(const struct iommufd_ctx *ictx,
					u32 dev_id)
{
	struct vtds_bound *bound;

	lockdep_assert_held(&vtds_bound_lock);
	list_for_each_entry(bound, &vtds_bound_devices, entry)
		if (bound->ictx == ictx && bound->dev_id == dev_id &&
		    bound->iommu_group)
			return bound;
	return NULL;
}

/**
 * vtds_bound_claim() - Make a unit the owner of a bound device
 * @unit: The unit, locked and bound
 * @dev_id: iommufd's name for the device
 *
 * Return: the device with a reference, ERR_PTR(-ENOENT) if the unit's iommufd has
 * no such device, ERR_PTR(-EBUSY) if it or its group is in use otherwise.
 */
struct vtds_bound *vtds_bound_claim(struct vtds_unit *unit, u32 dev_id)
{
	struct vtds_bound *bound;

	guard(mutex)(&vtds_bound_lock);
	bound = bound_find_id(unit->ictx, dev_id);
	if (!bound)
		return ERR_PTR(-ENOENT);
	if (!group_is_free_for(bound, unit))
		return ERR_PTR(-EBUSY);
	kref_get(&bound->ref);
	bound->unit = unit;
	return bound;
}

/* Ends what vtds_bound_claim() began. */
void vtds_bound_release(struct vtds_bound *bound)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_bound_release, bound);

	mutex_lock(&vtds_bound_lock);
	bound->unit = NULL;
	mutex_unlock(&vtds_bound_lock);
	vtds_bound_put(bound);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_bound_release);

/* What can be said of a device and its host by themselves */
static void device_info(struct device *dev, struct vtd_shadow_get_info *cmd)
{
	if (device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY))
		cmd->capabilities |= VTD_SHADOW_INFO_SNOOP;
	if (dev->iommu && dev->iommu->max_pasids)
		cmd->pasid_bits = ilog2(dev->iommu->max_pasids);
}

/**
 * vtds_bound_info() - Tell about a device that is bound to the unit's iommufd
 * @unit: The unit, locked and bound
 * @cmd: @cmd->dev_id is its name; capabilities and PASIDs are filled in
 *
 * Return: its host group, with a reference, or NULL if there is no such device.
 */
struct iommu_group *vtds_bound_info(struct vtds_unit *unit,
				    struct vtd_shadow_get_info *cmd)
{
	struct vtds_bound *bound;

	guard(mutex)(&vtds_bound_lock);
	bound = bound_find_id(unit->ictx, cmd->dev_id);
	if (!bound)
		return NULL;
	device_info(bound->vdev->dev, cmd);
	return iommu_group_ref_get(bound->iommu_group);
}
