// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host groups of a unit: where the guest contexts of its devices want a group to be,
 * and moving it there. A group is blocked, on the identity page table, or on a shadow
 * domain. Blocked is what remains after any failure. Serves device.c; calls identity.c,
 * domain.c and stats.c.
 */
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "batch.h"
#include "bound.h"
#include "device.h"
#include "domain.h"
#include "event.h"
#include "group.h"
#include "guest_ctx.h"
#include "host_domain.h"
#include "identity.h"
#include "stats.h"
#include "trace.h"
#include "unit.h"

static const struct vtds_device *group_first(const struct vtds_group *group)
{
	return list_first_entry(&group->devices, struct vtds_device,
				group_entry);
}

static struct device *group_first_dev(const struct vtds_group *group)
{
	return vtds_bound_dev(group_first(group)->bound);
}

/* All devices of a group are attached at once. */
static struct vtds_dev_pasid group_dev_pasid(const struct vtds_group *group)
{
	return vtds_device_pasid(group_first(group), IOMMU_NO_PASID);
}

static bool same_ctx(const struct vtds_guest_ctx *a,
		     const struct vtds_guest_ctx *b)
{
	return a->attachment == b->attachment &&
	       (a->attachment != VTD_SHADOW_ATTACHED_SHADOW ||
		vtds_ctx_uses(a, b->root, b->levels));
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

/* Takes all devices of a group off what they are attached to: blocked. */
void vtds_group_detach(struct vtds_group *group)
{
	struct vtds_dev_pasid dev_pasid = group_dev_pasid(group);
	struct vtds_device *dev;

	if (group->attachment != VTD_SHADOW_ATTACHED_BLOCKED)
		trace_vtd_shadow_detach(group_first(group)->unit->id,
					iommu_group_id(group->iommu_group),
					IOMMU_NO_PASID, group->attachment);
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
		return vtds_ctx_uses(wanted, group->domain->root,
				     group->domain->levels) &&
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

	vtds_stats_attached(batch->unit, &group->attach, ret);
	trace_vtd_shadow_attach(batch->unit->id,
				iommu_group_id(group->iommu_group),
				IOMMU_NO_PASID, wanted->attachment,
				wanted->root, ret);
	if (!ret) {
		group->attachment = wanted->attachment;
		group->error = 0;
		return;
	}
	vtds_group_detach(group);
	if (ret != group->error) {
		vtds_event_attach(batch->unit, &group_first(group)->sources[0],
				  ret);
		log_refusal(group, ret);
	}
	group->error = ret;
	vtds_batch_fail(batch, ret);
}

/* Moves a group to where the guest contexts of its devices want it. */
void vtds_group_update(struct vtds_batch *batch, struct vtds_group *group)
{
	struct vtds_guest_ctx wanted = group_wanted(batch->unit, group);

	if (group_is_settled(group, &wanted))
		return;

	/* An identity group that grew keeps what is attached */
	if (group->attachment != wanted.attachment ||
	    group->attachment != VTD_SHADOW_ATTACHED_IDENTITY)
		vtds_group_detach(group);
	group_attach(batch, group, &wanted);
}

/* The group of a unit for a host group. Returns NULL without memory for a new one. */
struct vtds_group *vtds_group_get(struct vtds_unit *unit,
				  struct iommu_group *iommu_group)
{
	struct vtds_group *group;

	list_for_each_entry(group, &unit->groups, entry)
		if (group->iommu_group == iommu_group)
			return group;

	group = vtds_zalloc(sizeof(*group));
	if (!group)
		return NULL;
	INIT_LIST_HEAD(&group->devices);
	group->iommu_group = iommu_group_ref_get(iommu_group);
	list_add_tail(&group->entry, &unit->groups);
	return group;
}

/* Without devices */
void vtds_group_free(struct vtds_group *group)
{
	list_del(&group->entry);
	iommu_group_put(group->iommu_group);
	kfree(group);
}

/* Detaches the groups that are on a domain. Returns whether nobody else used it. */
bool vtds_groups_block_domain(struct vtds_unit *unit,
			      struct vtds_domain *domain)
{
	struct vtds_group *group;
	u32 users = domain->users;

	/* The last to leave frees the domain */
	list_for_each_entry(group, &unit->groups, entry) {
		if (group->domain != domain)
			continue;
		dev_err(group_first_dev(group),
			"host domain is inconsistent, group %d blocked\n",
			iommu_group_id(group->iommu_group));
		vtds_group_detach(group);
		if (!--users)
			return true;
	}
	return false;
}
