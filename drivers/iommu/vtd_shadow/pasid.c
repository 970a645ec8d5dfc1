// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests with PASID: which PASID table entries the guest has for a device, and
 * attaching each to the shadow of its table or to the identity page table. What
 * host or device cannot do is reported, and such requests stay refused. Serves device.c
 * and translate.c; calls scalable.c for entries, domain.c and identity.c for attaching.
 *
 * The IOMMU core attaches a PASID for all devices of a host group, and whatever
 * source-id they use. So only a device that is alone in its group, with one source-id,
 * has PASIDs: then the entry of this source-id is the only one that counts.
 *
 * PASID 0 is the core's name for requests without PASID. Where the host lets a request
 * with PASID 0 pass it goes where those go, and nothing can be done about it here.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/vfio.h>
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
#include "main.h"
#include "pasid.h"
#include "scalable.h"
#include "stats.h"
#include "trace.h"
#include "unit.h"
#include "vtd_format.h"

static bool may_have_pasids(const struct vtds_device *dev)
{
	return list_is_singular(&dev->group->devices) && dev->nr_sources == 1;
}

static int pasid_attach(struct vtds_batch *batch, struct vtds_device *dev,
			struct vtds_pasid *pasid,
			const struct vtds_guest_ctx *wanted)
{
	struct vtds_dev_pasid dev_pasid = vtds_device_pasid(dev, pasid->pasid);
	struct vtds_domain *domain;
	int ret;

	if (pasid->pasid == IOMMU_NO_PASID || !may_have_pasids(dev))
		return -EOPNOTSUPP;
	if (wanted->attachment == VTD_SHADOW_ATTACHED_IDENTITY) {
		ret = vtds_device_attach_identity(dev, pasid->pasid);
		pasid->identity_attached = !ret;
		return ret;
	}
	domain = vtds_domain_attach(batch, &dev_pasid, wanted);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	pasid->domain = domain;
	return 0;
}

static int group_id(const struct vtds_device *dev)
{
	return iommu_group_id(dev->bound->iommu_group);
}

static void trace_detach(const struct vtds_device *dev,
			 const struct vtds_pasid *pasid)
{
	if (pasid->domain)
		trace_vtd_shadow_detach(dev->unit->id, group_id(dev),
					pasid->pasid,
					VTD_SHADOW_ATTACHED_SHADOW);
	else if (pasid->identity_attached)
		trace_vtd_shadow_detach(dev->unit->id, group_id(dev),
					pasid->pasid,
					VTD_SHADOW_ATTACHED_IDENTITY);
}

/* Requests with the PASID are refused from here on. */
static void pasid_detach(struct vtds_device *dev, struct vtds_pasid *pasid)
{
	struct vtds_dev_pasid dev_pasid = vtds_device_pasid(dev, pasid->pasid);

	trace_detach(dev, pasid);
	if (pasid->domain)
		vtds_domain_detach(pasid->domain, &dev_pasid);
	pasid->domain = NULL;
	if (pasid->identity_attached)
		vtds_device_detach_identity(dev, pasid->pasid);
	pasid->identity_attached = false;
}

static bool pasid_settled(const struct vtds_device *dev,
			  const struct vtds_pasid *pasid,
			  const struct vtds_guest_ctx *wanted)
{
	switch (wanted->attachment) {
	case VTD_SHADOW_ATTACHED_SHADOW:
		return may_have_pasids(dev) && pasid->domain &&
		       vtds_ctx_uses(wanted, pasid->domain->root,
				     pasid->domain->levels) &&
		       !pasid->domain->host.broken;
	case VTD_SHADOW_ATTACHED_IDENTITY:
		return may_have_pasids(dev) && pasid->identity_attached;
	default:
		return !pasid->domain && !pasid->identity_attached;
	}
}

/* Moves a PASID to where its entry, as just read, wants it. */
static void pasid_update(struct vtds_batch *batch, struct vtds_device *dev,
			 struct vtds_pasid *pasid)
{
	const struct vtds_guest_ctx *wanted = &pasid->source.ctx;
	int ret;

	vtds_event_ctx(batch->unit, &pasid->source);
	if (wanted->error)
		vtds_batch_fail(batch, wanted->error);
	if (pasid_settled(dev, pasid, wanted))
		return;
	pasid_detach(dev, pasid);
	if (wanted->attachment == VTD_SHADOW_ATTACHED_BLOCKED)
		return;

	ret = pasid_attach(batch, dev, pasid, wanted);
	vtds_stats_attached(batch->unit, &dev->attach, ret);
	trace_vtd_shadow_attach(batch->unit->id, group_id(dev), pasid->pasid,
				wanted->attachment, wanted->root, ret);
	if (ret) {
		vtds_batch_fail(batch, ret);
		if (ret != pasid->error)
			vtds_event_attach(batch->unit, &pasid->source, ret);
	}
	pasid->error = ret;
}

static void pasid_free(struct vtds_device *dev, struct vtds_pasid *pasid)
{
	pasid_detach(dev, pasid);
	xa_erase(&dev->pasids, pasid->pasid);
	dev->unit->nr_pasids--;
	dev->unit->pasids_reported = false;
	kfree(pasid);
}

/* The devices of a group became one more or one less: all, or none, may have PASIDs. */
void vtds_pasids_regroup(struct vtds_batch *batch, struct vtds_group *group)
{
	struct vtds_pasid *pasid;
	struct vtds_device *dev;
	unsigned long index;

	list_for_each_entry(dev, &group->devices, group_entry)
		xa_for_each(&dev->pasids, index, pasid)
			pasid_update(batch, dev, pasid);
}

/* Forgets all PASIDs of a device; their requests are refused. */
void vtds_pasids_clear(struct vtds_device *dev)
{
	struct vtds_pasid *pasid;
	unsigned long index;

	xa_for_each(&dev->pasids, index, pasid)
		pasid_free(dev, pasid);
}

static u32 pasid_limit(void)
{
	return min_t(u32, READ_ONCE(vtds_max_pasids), VTDS_MAX_PASIDS);
}

/* Reports the first PASID that the operator's limit keeps out, until one leaves. */
static void limit_reached(struct vtds_batch *batch,
			  const struct vtds_device *dev,
			  const struct vtds_guest_ctx *ctx)
{
	struct vtds_source source = {
		.sid = dev->sources[0].sid,
		.ctx = *ctx,
	};

	vtds_batch_fail(batch, -ENOSPC);
	if (!batch->unit->pasids_reported)
		vtds_event_attach(batch->unit, &source, -ENOSPC);
	batch->unit->pasids_reported = true;
}

static struct vtds_pasid *pasid_create(struct vtds_batch *batch,
				       struct vtds_device *dev,
				       const struct vtds_guest_ctx *ctx)
{
	struct vtds_unit *unit = batch->unit;
	u32 number = ctx->pasid;
	struct vtds_pasid *pasid;
	int ret;

	if (unit->nr_pasids >= pasid_limit()) {
		limit_reached(batch, dev, ctx);
		return NULL;
	}
	pasid = vtds_zalloc(sizeof(*pasid));
	if (!pasid) {
		vtds_batch_fail(batch, -ENOMEM);
		return NULL;
	}
	pasid->pasid = number;
	pasid->source.sid = dev->sources[0].sid;
	ret = vtds_xa_store(&dev->pasids, number, pasid);
	if (ret) {
		kfree(pasid);
		vtds_batch_fail(batch, ret);
		return NULL;
	}
	unit->nr_pasids++;
	return pasid;
}

/* Marks the PASIDs that are known and still have a present entry: they stay. */
static void mark_present(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_pasid_iter iter;
	struct vtds_pasid *pasid;
	struct vtds_guest_ctx ctx;

	vtds_pasid_iter_begin(&iter, batch, dev->sources[0].sid);
	while (vtds_pasid_iter_next(&iter, &ctx)) {
		pasid = xa_load(&dev->pasids, ctx.pasid);
		if (pasid)
			pasid->seen = batch->seq;
	}
}

/* Attaches the PASIDs that have a present entry. Only the first source-id is looked at. */
static void attach_present(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_pasid_iter iter;
	struct vtds_pasid *pasid;
	struct vtds_guest_ctx ctx;

	vtds_pasid_iter_begin(&iter, batch, dev->sources[0].sid);
	while (vtds_pasid_iter_next(&iter, &ctx)) {
		pasid = xa_load(&dev->pasids, ctx.pasid);
		if (!pasid)
			pasid = pasid_create(batch, dev, &ctx);
		if (!pasid)
			continue;
		pasid->seen = batch->seq;
		pasid->source.ctx = ctx;
		pasid_update(batch, dev, pasid);
	}
}

/**
 * vtds_pasids_touch() - Read, and forget, what vtds_pasids_refresh() will read
 * @batch: The batch
 * @dev: The device
 *
 * Stops at the first entry that is not pinned, see vtds_mem_fetch().
 */
void vtds_pasids_touch(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_pasid_iter iter;
	struct vtds_guest_ctx ctx;
	bool may_pass = batch->may_pass;
	int error = batch->error;

	if (!unit->caps.pasid_bits || !vtds_unit_is_scalable(unit) ||
	    dev->pasids_seq == batch->seq)
		return;
	vtds_pasid_iter_begin(&iter, batch, dev->sources[0].sid);
	while (!unit->mem.want.wanted && vtds_pasid_iter_next(&iter, &ctx))
		;
	/* Whoever reads it in earnest says so */
	batch->error = error;
	batch->may_pass = may_pass;
}

/**
 * vtds_pasids_touch_known() - The same for the entries of PASIDs that are attached
 * @dev: The device
 */
void vtds_pasids_touch_known(struct vtds_device *dev)
{
	struct vtds_unit *unit = dev->unit;
	struct vtds_guest_ctx ctx;
	struct vtds_pasid *pasid;
	unsigned long index;

	xa_for_each(&dev->pasids, index, pasid) {
		vtds_scalable_read_pasid(unit, pasid->source.sid, pasid->pasid,
					 &ctx);
		if (unit->mem.want.wanted)
			return;
	}
}

/* Forgets the PASIDs whose entries are gone. */
static void free_unseen(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_pasid *pasid;
	unsigned long index;

	xa_for_each(&dev->pasids, index, pasid)
		if (pasid->seen != batch->seq)
			pasid_free(dev, pasid);
}

/**
 * vtds_pasids_refresh() - Read the PASID table of a device again
 * @batch: The batch
 * @dev: The device
 *
 * Once in a batch: descriptors of one call announce what was written before it.
 * The entry of RID_PASID is that of requests without PASID, see device.c.
 */
void vtds_pasids_refresh(struct vtds_batch *batch, struct vtds_device *dev)
{
	struct vtds_unit *unit = batch->unit;

	if (!unit->caps.pasid_bits || !vtds_unit_is_scalable(unit)) {
		vtds_pasids_clear(dev);
		return;
	}
	if (dev->pasids_seq == batch->seq)
		return;
	dev->pasids_seq = batch->seq;
	/* At the limit one takes the place of another: those that leave go first */
	if (unit->nr_pasids >= pasid_limit()) {
		mark_present(batch, dev);
		free_unseen(batch, dev);
	}
	attach_present(batch, dev);
	free_unseen(batch, dev);
}

/*
 * Why a PASID is unknown: its entry, or what is on the way to it. Nothing is wrong with
 * those if it is RID_PASID, if it is beyond the limit, or if nobody announced it.
 */
static enum vtd_shadow_fault_reason unknown_reason(struct vtds_device *dev,
						   u32 number)
{
	struct vtds_unit *unit = dev->unit;
	struct vtds_guest_ctx now;

	if (!unit->te)
		return VTD_SHADOW_FR_NONE;
	switch (vtds_unit_mode(unit)) {
	case VTD_TTM_LEGACY:
		return VTD_SHADOW_FR_PASID_IN_LEGACY_MODE;
	case VTD_TTM_SCALABLE:
		vtds_scalable_read_pasid(unit, dev->sources[0].sid, number,
					 &now);
		return now.reason;
	default:
		return VTD_SHADOW_FR_ROOT_ADDRESS;
	}
}

/**
 * vtds_pasid_is_none() - Whether the host takes a PASID for none
 * @dev: The device
 * @number: The PASID
 *
 * Return: whether requests with it reach what requests without PASID reach.
 */
bool vtds_pasid_is_none(const struct vtds_device *dev, u32 number)
{
	const struct dev_iommu *iommu = vtds_bound_dev(dev->bound)->iommu;

	KUNIT_STATIC_STUB_REDIRECT(vtds_pasid_is_none, dev, number);

	return number == IOMMU_NO_PASID && iommu && iommu->max_pasids;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_pasid_is_none);

/**
 * vtds_pasid_lookup() - Where requests with a PASID are attached
 * @dev: The device
 * @number: The PASID
 * @ctx: Output, of its entry; blocked if there is none
 * @domain: Output, the shadow that they use, or NULL
 *
 * Return: the attachment.
 */
enum vtd_shadow_attachment vtds_pasid_lookup(struct vtds_device *dev,
					     u32 number,
					     struct vtds_guest_ctx *ctx,
					     struct vtds_domain **domain)
{
	const struct vtds_pasid *pasid = xa_load(&dev->pasids, number);

	if (!pasid) {
		*ctx = (struct vtds_guest_ctx){ .pasid = number };
		vtds_ctx_block(ctx, unknown_reason(dev, number), false);
		*domain = NULL;
		return VTD_SHADOW_ATTACHED_BLOCKED;
	}
	*ctx = pasid->source.ctx;
	*domain = pasid->domain;
	if (pasid->domain)
		return VTD_SHADOW_ATTACHED_SHADOW;
	return pasid->identity_attached ? VTD_SHADOW_ATTACHED_IDENTITY :
					  VTD_SHADOW_ATTACHED_BLOCKED;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_pasid_lookup);

/* Takes a domain that the host did not handle as asked from all PASIDs. */
void vtds_pasids_block_domain(struct vtds_unit *unit,
			      struct vtds_domain *domain)
{
	struct vtds_pasid *pasid;
	struct vtds_device *dev;
	unsigned long index;

	list_for_each_entry(dev, &unit->devices, unit_entry)
		xa_for_each(&dev->pasids, index, pasid)
			if (pasid->domain == domain)
				pasid_detach(dev, pasid);
}
