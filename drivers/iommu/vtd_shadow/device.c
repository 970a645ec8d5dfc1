// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices and host groups: which guest context a device has, and moving its
 * group there. A group is blocked, on the identity page table (through iommufd),
 * or on a shadow domain. Blocked is what remains after any failure.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "compat.h"
#include "trace.h"
#include "vtd_shadow_private.h"

static const struct vtds_device *group_first(const struct vtds_group *group)
{
	return list_first_entry(&group->devices, struct vtds_device,
				group_entry);
}

static struct device *group_first_dev(const struct vtds_group *group)
{
	return group_first(group)->vdev->dev;
}

/* What is attached for requests of a device, with or without PASID. */
struct vtds_dev_pasid vtds_device_pasid(const struct vtds_device *dev,
					u32 pasid)
{
	return (struct vtds_dev_pasid){
		.dev = dev->vdev->dev,
		.group = dev->iommu_group,
		.pasid = pasid,
	};
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_pasid);

/* What a device reaches at @iova, whoever attached it to what: 0 if nothing */
phys_addr_t vtds_device_reaches(const struct vtds_device *dev, u64 iova)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev->vdev->dev);

	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING) ||
	    iova < domain->geometry.aperture_start ||
	    iova > domain->geometry.aperture_end)
		return 0;
	return iommu_iova_to_phys(domain, iova);
}

/* Whether the device is attached to a page table that maps @gpa to @pfn. */
bool vtds_device_identity_has(const struct vtds_device *dev, u64 gpa,
			      unsigned long pfn)
{
	phys_addr_t pa = vtds_device_reaches(dev, gpa);

	return pa && PHYS_PFN(pa) == pfn;
}

/*
 * Compares a page table with guest memory, where guests have some: at the beginning, and
 * at the powers of two. Where there is none nothing can be said.
 */
static bool identity_is_guest_memory(struct vtds_device *dev)
{
	struct vtds_guest_mem *mem = &dev->owner->mem;
	unsigned int perm;
	unsigned long pfn;

	for (u64 gpa = 0; gpa <= VTDS_MAX_GPA;
	     gpa = gpa ? gpa << 1 : VTD_PAGE_SIZE)
		if (!vtds_mem_find(mem, gpa, &pfn, &perm) &&
		    !vtds_device_identity_has(dev, gpa, pfn))
			return false;
	return true;
}

/*
 * Whether what was attached, by the name that iommufd gave back, is the identity page
 * table: an id is the VMM's word, and what was there may have gone since.
 */
static int identity_check(struct vtds_device *dev, u32 pasid, u32 pt_id)
{
	struct iommu_domain *domain;

	/* Of an IOAS that is another one: the page table that was found for it */
	if (pt_id != dev->identity_pt_id)
		return dev->identity_pt_id == dev->owner->ioas_id ? 0 : -EINVAL;
	/* The core does not tell what a PASID is attached to */
	if (pasid != IOMMU_NO_PASID)
		return 0;
	domain = iommu_get_domain_for_dev(dev->vdev->dev);
	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING))
		return -EINVAL;
	return identity_is_guest_memory(dev) ? 0 : -EINVAL;
}

/* Attaches requests to the identity page table, through iommufd. */
int vtds_device_attach_identity(struct vtds_device *dev, u32 pasid)
{
	u32 pt_id = dev->identity_pt_id;
	int ret;

	KUNIT_STATIC_STUB_REDIRECT(vtds_device_attach_identity, dev, pasid);

	ret = vtds_iommufd_attach(dev->idev, pasid, &pt_id);
	if (ret)
		return ret;
	ret = identity_check(dev, pasid, pt_id);
	if (ret)
		vtds_iommufd_detach(dev->idev, pasid);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_attach_identity);

void vtds_device_detach_identity(struct vtds_device *dev, u32 pasid)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_device_detach_identity, dev, pasid);

	vtds_iommufd_detach(dev->idev, pasid);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_detach_identity);

/* All devices of a group are attached at once. */
static struct vtds_dev_pasid group_dev_pasid(const struct vtds_group *group)
{
	return vtds_device_pasid(group_first(group), IOMMU_NO_PASID);
}

static bool same_ctx(const struct vtds_guest_ctx *a,
		     const struct vtds_guest_ctx *b)
{
	if (a->attachment != b->attachment)
		return false;
	return a->attachment != VTD_SHADOW_ATTACHED_SHADOW ||
	       (a->root == b->root && a->levels == b->levels);
}

/*
 * Whether all sources of all devices in a group want the same. A group has
 * one page table: if they do not there is none that is right for all of them.
 */
static bool group_agrees(const struct vtds_group *group)
{
	const struct vtds_device *dev, *first = group_first(group);
	const struct vtds_guest_ctx *wanted = &first->sources[0].ctx;

	list_for_each_entry(dev, &group->devices, group_entry)
		for (u32 i = 0; i < dev->nr_sources; i++)
			if (!same_ctx(&dev->sources[i].ctx, wanted))
				return false;
	return true;
}

static struct vtds_guest_ctx group_wanted(struct vtds_unit *unit,
					  struct vtds_group *group)
{
	struct device *dev = group_first_dev(group);
	int id = iommu_group_id(group->iommu_group);
	bool agrees = group_agrees(group);

	if (!agrees && !group->conflict) {
		dev_notice_ratelimited(dev, "group %d blocked: conflict\n", id);
		vtds_event_attach(unit, &group_first(group)->sources[0], 0);
	}
	group->conflict = !agrees;
	if (agrees)
		return group_first(group)->sources[0].ctx;
	return (struct vtds_guest_ctx){
		.attachment = VTD_SHADOW_ATTACHED_BLOCKED,
	};
}

static void group_detach(struct vtds_group *group)
{
	struct vtds_dev_pasid dev_pasid = group_dev_pasid(group);
	struct vtds_device *dev;

	if (group->attachment == VTD_SHADOW_ATTACHED_SHADOW)
		vtds_domain_detach(group->domain, &dev_pasid);
	group->domain = NULL;

	list_for_each_entry(dev, &group->devices, group_entry) {
		if (dev->identity_attached)
			vtds_device_detach_identity(dev, IOMMU_NO_PASID);
		dev->identity_attached = false;
	}
	group->attachment = VTD_SHADOW_ATTACHED_BLOCKED;
}

static int group_attach_identity(struct vtds_group *group)
{
	struct vtds_device *dev;
	int ret;

	list_for_each_entry(dev, &group->devices, group_entry) {
		if (dev->identity_attached)
			continue;
		ret = vtds_device_attach_identity(dev, IOMMU_NO_PASID);
		if (ret)
			return ret;
		dev->identity_attached = true;
	}
	return 0;
}

static int group_attach_shadow(struct vtds_batch *batch,
			       struct vtds_group *group,
			       const struct vtds_guest_ctx *wanted)
{
	struct vtds_dev_pasid dev_pasid = group_dev_pasid(group);
	struct vtds_domain *domain;

	domain = vtds_domain_attach(batch, &dev_pasid, wanted);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	group->domain = domain;
	return 0;
}

static bool group_is_settled(const struct vtds_group *group,
			     const struct vtds_guest_ctx *wanted)
{
	const struct vtds_device *dev;

	if (group->attachment != wanted->attachment)
		return false;
	if (group->attachment == VTD_SHADOW_ATTACHED_SHADOW)
		return group->domain->root == wanted->root &&
		       group->domain->levels == wanted->levels &&
		       !group->domain->host.broken;
	if (group->attachment == VTD_SHADOW_ATTACHED_IDENTITY)
		list_for_each_entry(dev, &group->devices, group_entry)
			if (!dev->identity_attached)
				return false;
	return true;
}

static void log_refusal(const struct vtds_group *group, int error)
{
	struct device *dev = group_first_dev(group);
	int id = iommu_group_id(group->iommu_group);

	dev_notice_ratelimited(dev,
			       "cannot attach host group %d: %pe, blocked\n",
			       id, ERR_PTR(error));
}

static void group_attach(struct vtds_batch *batch, struct vtds_group *group,
			 const struct vtds_guest_ctx *wanted)
{
	int ret = 0;

	if (wanted->attachment == VTD_SHADOW_ATTACHED_IDENTITY)
		ret = group_attach_identity(group);
	else if (wanted->attachment == VTD_SHADOW_ATTACHED_SHADOW)
		ret = group_attach_shadow(batch, group, wanted);

	batch->unit->stats.attaches++;
	trace_vtd_shadow_attach(iommu_group_id(group->iommu_group),
				wanted->attachment, wanted->root, ret);
	if (!ret) {
		group->attachment = wanted->attachment;
		group->error = 0;
		return;
	}
	group_detach(group);
	if (ret != group->error) {
		vtds_event_attach(batch->unit, &group_first(group)->sources[0],
				  ret);
		log_refusal(group, ret);
	}
	group->error = ret;
	batch->unit->stats.install_failures++;
	vtds_batch_fail(batch, ret);
}

/* Moves a group to where the guest contexts of its devices want it. */
static void group_update(struct vtds_batch *batch, struct vtds_group *group)
{
	struct vtds_guest_ctx wanted = group_wanted(batch->unit, group);

	if (group_is_settled(group, &wanted))
		return;

	/* An identity group that grew keeps what is attached */
	if (group->attachment != wanted.attachment ||
	    group->attachment != VTD_SHADOW_ATTACHED_IDENTITY)
		group_detach(group);
	group_attach(batch, group, &wanted);
}

static void source_read(struct vtds_batch *batch, struct vtds_source *r)
{
	vtds_context_read(batch->unit, r->sid, &r->ctx);
	vtds_event_ctx(batch->unit, r);
	if (r->ctx.error)
		vtds_batch_fail(batch, r->ctx.error);
}

/**
 * vtds_devices_refresh() - Read contexts again and attach accordingly
 * @batch: The batch
 * @sid: Source-id
 * @mask: Bits of it that do not count: 0xffff for all devices
 */
void vtds_devices_refresh(struct vtds_batch *batch, u16 sid, u16 mask)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_device *dev;
	struct vtds_group *group;

	list_for_each_entry(dev, &unit->devices, unit_entry)
		for (u32 i = 0; i < dev->nr_sources; i++) {
			struct vtds_source *r = &dev->sources[i];

			if (!((r->sid ^ sid) & (u16)~mask))
				source_read(batch, r);
		}

	list_for_each_entry(group, &unit->groups, entry)
		group_update(batch, group);
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
			group_detach(group);
	list_for_each_entry(dev, &batch->unit->devices, unit_entry)
		vtds_pasids_clear(dev);
}

/* Takes the devices off a domain that the host did not handle as asked. */
void vtds_devices_block_domain(struct vtds_batch *batch,
			       struct vtds_domain *domain)
{
	struct vtds_group *group;
	u32 users = domain->users;

	/* The last to leave frees the domain */
	list_for_each_entry(group, &batch->unit->groups, entry) {
		if (group->domain != domain)
			continue;
		dev_err(group_first_dev(group),
			"host domain is inconsistent, group %d blocked\n",
			iommu_group_id(group->iommu_group));
		group_detach(group);
		if (!--users)
			return;
	}
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

static struct vtds_group *group_get(struct vtds_unit *unit,
				    struct iommu_group *iommu_group)
{
	struct vtds_group *group;

	list_for_each_entry(group, &unit->groups, entry)
		if (group->iommu_group == iommu_group)
			return group;

	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;
	INIT_LIST_HEAD(&group->devices);
	group->iommu_group = iommu_group_ref_get(iommu_group);
	list_add_tail(&group->entry, &unit->groups);
	return group;
}

static void group_free(struct vtds_group *group)
{
	list_del(&group->entry);
	iommu_group_put(group->iommu_group);
	kfree(group);
}

/* Reads and checks the source-ids of ADD_DEVICE. */
static struct vtds_source *
sources_from_user(const struct vtd_shadow_add_device *cmd)
{
	const __u16 __user *from = u64_to_user_ptr(cmd->source_ids_uptr);
	struct vtds_source *sources;

	if (!cmd->nr_source_ids || cmd->nr_source_ids > VTDS_MAX_SOURCE_IDS)
		return ERR_PTR(-EINVAL);
	sources = kcalloc(cmd->nr_source_ids, sizeof(*sources),
			  GFP_KERNEL_ACCOUNT);
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
	struct vtds_group *group = group_get(unit, dev->iommu_group);

	if (!group)
		return -ENOMEM;
	dev->group = group;
	dev->identity_attached = false;
	list_add_tail(&dev->group_entry, &group->devices);
	list_add_tail(&dev->unit_entry, &unit->devices);
	for (u32 i = 0; i < dev->nr_sources; i++)
		source_read(batch, &dev->sources[i]);
	group_update(batch, group);
	vtds_pasids_regroup(batch, group);
	vtds_pasids_refresh(batch, dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_join);

/*
 * Tries the identity page table that a device comes with. The devices of a host group have
 * one, which was tried. The IOAS of BIND is right: to attach it to a device that will not
 * use it would map all of guest memory for nothing.
 */
static int identity_try(struct vtds_unit *unit, struct vtds_device *dev)
{
	const struct vtds_device *other;
	int ret;

	list_for_each_entry(other, &unit->devices, unit_entry)
		if (other->iommu_group == dev->iommu_group)
			return other->identity_pt_id == dev->identity_pt_id ?
				       0 :
				       -EINVAL;
	if (dev->identity_pt_id == unit->ioas_id)
		return 0;
	ret = vtds_device_attach_identity(dev, IOMMU_NO_PASID);
	if (!ret)
		vtds_device_detach_identity(dev, IOMMU_NO_PASID);
	return ret == -ENOENT ? -EINVAL : ret;
}

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
	if (!dev->vdev->dev->iommu)
		return -EOPNOTSUPP;
	list_for_each_entry(other, &unit->devices, unit_entry)
		if (other->iommu_group == dev->iommu_group)
			return 0;
	return group_check_free(dev);
}

/**
 * vtds_device_add() - Hand a bound device to a unit
 * @batch: The batch
 * @cmd: See struct vtd_shadow_add_device
 *
 * Return: 0 or a negative errno.
 */
int vtds_device_add(struct vtds_batch *batch,
		    const struct vtd_shadow_add_device *cmd)
{
	struct vtds_source *sources = sources_from_user(cmd);
	struct vtds_device *dev;
	int ret;

	if (IS_ERR(sources))
		return PTR_ERR(sources);

	dev = vtds_bound_claim(batch->unit, cmd->dev_id);
	if (IS_ERR(dev)) {
		ret = PTR_ERR(dev);
		goto err_free;
	}
	dev->identity_pt_id = cmd->identity_pt_id;
	ret = device_check(batch->unit, dev);
	if (!ret)
		ret = identity_try(batch->unit, dev);
	if (ret)
		goto err_release;
	dev->nr_sources = cmd->nr_source_ids;
	dev->sources = sources;
	ret = vtds_device_join(batch, dev);
	if (!ret)
		return 0;

	dev->sources = NULL;
err_release:
	vtds_bound_release(dev);
err_free:
	kfree(sources);
	return ret;
}

/**
 * vtds_device_drop() - Take a device from its unit
 * @batch: The batch
 * @dev: The device; may be freed on return
 *
 * Its host group stays where the remaining devices want it, or is blocked.
 */
void vtds_device_drop(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_group *group = dev->group;

	vtds_pasids_clear(dev);
	if (list_is_singular(&group->devices))
		group_detach(group);
	else if (dev->identity_attached)
		vtds_device_detach_identity(dev, IOMMU_NO_PASID);
	list_del(&dev->group_entry);
	list_del(&dev->unit_entry);
	dev->group = NULL;
	if (list_empty(&group->devices)) {
		group_free(group);
	} else {
		group_update(batch, group);
		vtds_pasids_regroup(batch, group);
	}

	kfree(dev->sources);
	dev->sources = NULL;
	vtds_bound_release(dev);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_drop);

/* REMOVE_DEVICE. Returns -ENOENT if the unit has no such device. */
int vtds_device_remove(struct vtds_batch *batch, u32 dev_id)
{
	struct vtds_device *dev;

	list_for_each_entry(dev, &batch->unit->devices, unit_entry)
		if (dev->dev_id == dev_id) {
			vtds_device_drop(batch, dev);
			return 0;
		}
	return -ENOENT;
}
