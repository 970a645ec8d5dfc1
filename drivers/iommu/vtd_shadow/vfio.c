// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO operations: which devices are bound to iommufd, and who attaches them,
 * the VMM through VFIO or a unit. A VFIO driver whose bind_iommufd,
 * unbind_iommufd, attach_ioas and detach_ioas are these is shadow-capable.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/vtd_shadow.h>

#include "vtd_shadow_private.h"

/* Protects the list, and owner and vmm_attached of the devices in it */
static DEFINE_MUTEX(vtds_bound_lock);
static LIST_HEAD(vtds_bound_devices);

static void device_free(struct kref *ref)
{
	struct vtds_device *dev = container_of(ref, struct vtds_device, ref);

	iommu_group_put(dev->iommu_group);
	kfree(dev);
}

static struct vtds_device *bound_find(struct vfio_device *vdev)
{
	struct vtds_device *dev;

	lockdep_assert_held(&vtds_bound_lock);
	list_for_each_entry(dev, &vtds_bound_devices, bound_entry)
		if (dev->vdev == vdev)
			return dev;
	return NULL;
}

/**
 * vtd_shadow_vfio_bind_iommufd() - bind_iommufd operation
 * @vdev: The VFIO device
 * @ictx: The iommufd
 * @out_device_id: Output, iommufd's name for the device
 *
 * As vfio_iommufd_physical_bind(), and makes the device known to
 * VTD_SHADOW_ADD_DEVICE under @out_device_id.
 *
 * Context: dev_set->lock held.
 * Return: 0 or a negative errno.
 */
int vtd_shadow_vfio_bind_iommufd(struct vfio_device *vdev,
				 struct iommufd_ctx *ictx, u32 *out_device_id)
{
	struct vtds_device *dev;
	int ret;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev)
		return -ENOMEM;

	ret = vfio_iommufd_physical_bind(vdev, ictx, out_device_id);
	if (ret) {
		kfree(dev);
		return ret;
	}

	kref_init(&dev->ref);
	xa_init(&dev->pasids);
	dev->vdev = vdev;
	dev->idev = vdev->iommufd_device;
	dev->ictx = ictx;
	dev->iommu_group = iommu_group_get(vdev->dev);
	dev->dev_id = *out_device_id;
	mutex_lock(&vtds_bound_lock);
	list_add_tail(&dev->bound_entry, &vtds_bound_devices);
	mutex_unlock(&vtds_bound_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_bind_iommufd);

/**
 * vtd_shadow_vfio_unbind_iommufd() - unbind_iommufd operation
 * @vdev: The VFIO device
 *
 * Takes the device from its unit, if it has one. Called when the device's file
 * is closed, too.
 *
 * Context: dev_set->lock held.
 */
void vtd_shadow_vfio_unbind_iommufd(struct vfio_device *vdev)
{
	struct vtds_unit *unit = NULL;
	struct vtds_device *dev;

	mutex_lock(&vtds_bound_lock);
	dev = bound_find(vdev);
	if (dev) {
		list_del(&dev->bound_entry);
		unit = dev->owner;
		if (unit)
			vtds_unit_get(unit);
	}
	mutex_unlock(&vtds_bound_lock);

	if (unit) {
		vtds_unit_drop_device(unit, dev);
		vtds_unit_put(unit);
	}
	vfio_iommufd_physical_unbind(vdev);
	if (dev)
		kref_put(&dev->ref, device_free);
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_unbind_iommufd);

/* Whether the device or one that shares its group belongs to a unit. */
static bool group_is_owned(const struct vtds_device *dev)
{
	struct vtds_device *other;

	list_for_each_entry(other, &vtds_bound_devices, bound_entry)
		if (other->iommu_group == dev->iommu_group && other->owner)
			return true;
	return false;
}

/**
 * vtd_shadow_vfio_attach_ioas() - attach_ioas operation
 * @vdev: The VFIO device
 * @pt_id: IOAS or HWPT
 *
 * Context: dev_set->lock held.
 * Return: 0, -EBUSY while a unit has the device or another one of its group, or
 * another negative errno.
 */
int vtd_shadow_vfio_attach_ioas(struct vfio_device *vdev, u32 *pt_id)
{
	struct vtds_device *dev;
	bool was_attached;
	int ret;

	mutex_lock(&vtds_bound_lock);
	dev = bound_find(vdev);
	if (!dev || group_is_owned(dev)) {
		mutex_unlock(&vtds_bound_lock);
		return dev ? -EBUSY : -EINVAL;
	}
	was_attached = dev->vmm_attached;
	/* From here on no unit can claim the device */
	dev->vmm_attached = true;
	mutex_unlock(&vtds_bound_lock);

	ret = vfio_iommufd_physical_attach_ioas(vdev, pt_id);
	if (ret && !was_attached) {
		mutex_lock(&vtds_bound_lock);
		dev->vmm_attached = false;
		mutex_unlock(&vtds_bound_lock);
	}
	return ret;
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_attach_ioas);

/**
 * vtd_shadow_vfio_detach_ioas() - detach_ioas operation
 * @vdev: The VFIO device
 *
 * Has no effect while a unit has the device: the VMM did not attach it, and the
 * operation cannot return an error.
 *
 * Context: dev_set->lock held.
 */
void vtd_shadow_vfio_detach_ioas(struct vfio_device *vdev)
{
	struct vtds_device *dev;

	mutex_lock(&vtds_bound_lock);
	dev = bound_find(vdev);
	if (dev && dev->owner)
		dev = NULL;
	mutex_unlock(&vtds_bound_lock);
	if (!dev)
		return;

	vfio_iommufd_physical_detach_ioas(vdev);
	mutex_lock(&vtds_bound_lock);
	dev->vmm_attached = false;
	mutex_unlock(&vtds_bound_lock);
}
EXPORT_SYMBOL_GPL(vtd_shadow_vfio_detach_ioas);

static bool group_is_free_for(const struct vtds_device *dev,
			      const struct vtds_unit *unit)
{
	struct vtds_device *other;

	list_for_each_entry(other, &vtds_bound_devices, bound_entry) {
		if (other->iommu_group != dev->iommu_group)
			continue;
		if (other->vmm_attached ||
		    (other->owner && other->owner != unit))
			return false;
	}
	return !dev->owner;
}

/**
 * vtds_bound_claim() - Make a unit the owner of a bound device
 * @unit: The unit, locked and bound
 * @dev_id: iommufd's name for the device
 *
 * Return: the device with a reference, ERR_PTR(-ENOENT) if the unit's iommufd has
 * no such device, ERR_PTR(-EBUSY) if it or its group is in use otherwise.
 */
struct vtds_device *vtds_bound_claim(struct vtds_unit *unit, u32 dev_id)
{
	struct vtds_device *dev;

	guard(mutex)(&vtds_bound_lock);
	list_for_each_entry(dev, &vtds_bound_devices, bound_entry) {
		if (dev->ictx != unit->ictx || dev->dev_id != dev_id ||
		    !dev->iommu_group)
			continue;
		if (!group_is_free_for(dev, unit))
			return ERR_PTR(-EBUSY);
		kref_get(&dev->ref);
		dev->owner = unit;
		return dev;
	}
	return ERR_PTR(-ENOENT);
}

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
	struct vtds_device *dev;

	guard(mutex)(&vtds_bound_lock);
	list_for_each_entry(dev, &vtds_bound_devices, bound_entry) {
		if (dev->ictx != unit->ictx || dev->dev_id != cmd->dev_id ||
		    !dev->iommu_group)
			continue;
		device_info(dev->vdev->dev, cmd);
		return iommu_group_ref_get(dev->iommu_group);
	}
	return NULL;
}

/* Ends what vtds_bound_claim() began. */
void vtds_bound_release(struct vtds_device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_bound_release, dev);

	mutex_lock(&vtds_bound_lock);
	dev->owner = NULL;
	mutex_unlock(&vtds_bound_lock);
	kref_put(&dev->ref, device_free);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_bound_release);
