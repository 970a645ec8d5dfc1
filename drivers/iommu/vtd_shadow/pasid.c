// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests with PASID: which PASID table entries the guest has for a device, and
 * attaching each to the shadow of its table or to the identity page table. What
 * host or device cannot do is reported, and such requests stay refused.
 */
#include <kunit/visibility.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "vtd_shadow_private.h"

static int pasid_attach(struct vtds_batch *batch, struct vtds_device *dev,
			struct vtds_pasid *pasid,
			const struct vtds_setting *wanted)
{
	struct vtds_port port = vtds_device_port(dev, pasid->pasid);
	struct vtds_domain *domain;
	int ret;

	/* The IOMMU core's name for requests without PASID */
	if (pasid->pasid == IOMMU_NO_PASID)
		return -EOPNOTSUPP;
	if (wanted->attachment == VTD_SHADOW_ATTACHED_IDENTITY) {
		ret = vtds_device_attach_identity(dev, pasid->pasid);
		pasid->identity_attached = !ret;
		return ret;
	}
	domain = vtds_domain_attach(batch, &port, wanted);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	pasid->domain = domain;
	return 0;
}

/* Requests with the PASID are refused from here on. */
static void pasid_detach(struct vtds_device *dev, struct vtds_pasid *pasid)
{
	struct vtds_port port = vtds_device_port(dev, pasid->pasid);

	if (pasid->domain)
		vtds_domain_detach(pasid->domain, &port);
	pasid->domain = NULL;
	if (pasid->identity_attached)
		vtds_device_detach_identity(dev, pasid->pasid);
	pasid->identity_attached = false;
}

static bool pasid_settled(const struct vtds_pasid *pasid,
			  const struct vtds_setting *wanted)
{
	switch (wanted->attachment) {
	case VTD_SHADOW_ATTACHED_SHADOW:
		return pasid->domain && pasid->domain->root == wanted->root &&
		       pasid->domain->levels == wanted->levels &&
		       !pasid->domain->host.broken;
	case VTD_SHADOW_ATTACHED_IDENTITY:
		return pasid->identity_attached;
	default:
		return !pasid->domain && !pasid->identity_attached;
	}
}

/* Moves a PASID to where its entry, as just read, wants it. */
static void pasid_update(struct vtds_batch *batch, struct vtds_device *dev,
			 struct vtds_pasid *pasid)
{
	const struct vtds_setting *wanted = &pasid->requester.setting;
	int ret;

	vtds_event_setting(batch->unit, &pasid->requester);
	if (wanted->error)
		vtds_batch_fail(batch, wanted->error);
	if (pasid_settled(pasid, wanted))
		return;
	pasid_detach(dev, pasid);
	if (wanted->attachment == VTD_SHADOW_ATTACHED_BLOCKED)
		return;

	ret = pasid_attach(batch, dev, pasid, wanted);
	batch->unit->stats.attaches++;
	if (ret) {
		batch->unit->stats.install_failures++;
		vtds_batch_fail(batch, ret);
		if (ret != pasid->error)
			vtds_event_attach(batch->unit, &pasid->requester, ret);
	}
	pasid->error = ret;
}

static void pasid_free(struct vtds_device *dev, struct vtds_pasid *pasid)
{
	pasid_detach(dev, pasid);
	xa_erase(&dev->pasids, pasid->pasid);
	dev->owner->nr_pasids--;
	kfree(pasid);
}

/* Forgets all PASIDs of a device; their requests are refused. */
void vtds_pasids_clear(struct vtds_device *dev)
{
	struct vtds_pasid *pasid;
	unsigned long index;

	xa_for_each(&dev->pasids, index, pasid)
		pasid_free(dev, pasid);
}

static struct vtds_pasid *pasid_create(struct vtds_batch *batch,
				       struct vtds_device *dev, u32 number)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_pasid *pasid;
	int ret;

	if (unit->nr_pasids >= VTDS_MAX_PASIDS) {
		vtds_batch_fail(batch, -ENOSPC);
		return NULL;
	}
	pasid = kzalloc(sizeof(*pasid), GFP_KERNEL_ACCOUNT);
	if (!pasid) {
		vtds_batch_fail(batch, -ENOMEM);
		return NULL;
	}
	pasid->pasid = number;
	pasid->requester.sid = dev->requesters[0].sid;
	ret = xa_err(xa_store(&dev->pasids, number, pasid, GFP_KERNEL_ACCOUNT));
	if (ret) {
		kfree(pasid);
		vtds_batch_fail(batch, ret);
		return NULL;
	}
	unit->nr_pasids++;
	return pasid;
}

/* A present entry; called for one after the other. */
static void pasid_found(struct vtds_batch *batch, struct vtds_device *dev,
			const struct vtds_setting *setting)
{
	struct vtds_pasid *pasid = xa_load(&dev->pasids, setting->pasid);

	if (!pasid)
		pasid = pasid_create(batch, dev, setting->pasid);
	if (!pasid)
		return;
	pasid->seen = batch->seq;
	pasid->requester.setting = *setting;
	pasid_update(batch, dev, pasid);
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
	struct vtds_pasid *pasid;
	unsigned long index;

	if (!unit->caps.pasid_bits || !vtds_unit_is_scalable(unit)) {
		vtds_pasids_clear(dev);
		return;
	}
	if (dev->pasids_seq == batch->seq)
		return;
	dev->pasids_seq = batch->seq;
	vtds_scalable_visit_pasids(batch, dev, pasid_found);
	xa_for_each(&dev->pasids, index, pasid)
		if (pasid->seen != batch->seq)
			pasid_free(dev, pasid);
}

/**
 * vtds_pasid_lookup() - Where requests with a PASID are attached
 * @dev: The device
 * @number: The PASID
 * @setting: Output, of its entry; blocked if there is none
 * @domain: Output, the shadow that they use, or NULL
 *
 * Return: the attachment.
 */
enum vtd_shadow_attachment vtds_pasid_lookup(struct vtds_device *dev,
					     u32 number,
					     struct vtds_setting *setting,
					     struct vtds_domain **domain)
{
	const struct vtds_pasid *pasid = xa_load(&dev->pasids, number);

	if (!pasid) {
		*setting = (struct vtds_setting){ .pasid = number };
		vtds_setting_block(setting, VTD_FAULT_PASID_NOT_PRESENT, false);
		*domain = NULL;
		return VTD_SHADOW_ATTACHED_BLOCKED;
	}
	*setting = pasid->requester.setting;
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
