// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translate: what a device reaches at an address now, by the mirror, and whether
 * the host agrees. Serves the table in main.c; calls mirror.c, host_domain.c, identity.c
 * and pasid.c.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <uapi/linux/vtd_shadow.h>

#include "device.h"
#include "domain.h"
#include "group.h"
#include "guest_ctx.h"
#include "guest_mem.h"
#include "host_domain.h"
#include "identity.h"
#include "mirror.h"
#include "pasid.h"
#include "translate.h"
#include "unit.h"
#include "vtd_format.h"

/* Adds what memory itself permits, which is nothing on errors: as vtds_mem_page(). */
static int memory_perm(struct vtds_unit *unit, u64 gpa, unsigned long *pfn,
		       unsigned int *perm)
{
	unsigned int mem_perm = 0;
	int ret = vtds_mem_page(&unit->mem, gpa, pfn, &mem_perm);

	*perm &= ret ? 0 : mem_perm;
	return ret;
}

static int translate_identity(struct vtds_unit *unit,
			      const struct vtds_device *dev,
			      struct vtd_shadow_translate *cmd)
{
	unsigned int perm = VTD_SS_RW;
	unsigned long pfn;
	int ret;

	if (vtd_is_interrupt(cmd->iova)) {
		cmd->fault_reason = VTD_SHADOW_FR_INTERRUPT_RANGE;
		return 0;
	}
	if (unit->have_state && cmd->iova >> unit->caps.haw) {
		cmd->fault_reason = VTD_SHADOW_FR_ADDR_BEYOND_WIDTH;
		return 0;
	}
	ret = memory_perm(unit, cmd->iova, &pfn, &perm);
	if (ret == -ENOMEM)
		return ret;
	if (!perm) {
		cmd->fault_reason = VTD_SHADOW_FR_TABLE_UNREADABLE;
		return 0;
	}
	/* The VMM's page table. What a PASID is attached to cannot be seen */
	if (!(cmd->flags & VTD_SHADOW_TRANSLATE_PASID) &&
	    !vtds_device_identity_has(dev, cmd->iova, pfn))
		return -EIO;
	cmd->gpa = cmd->iova;
	cmd->perm = perm;
	return 0;
}

/*
 * A request without PASID to this range is an interrupt. One with PASID would be translated,
 * but nothing is mapped there: other users of a table may have no PASID.
 */
static bool is_interrupt_request(const struct vtd_shadow_translate *cmd)
{
	return !(cmd->flags & VTD_SHADOW_TRANSLATE_PASID) &&
	       vtd_is_interrupt(cmd->iova);
}

static int translate_shadow(struct vtds_unit *unit, struct vtds_domain *domain,
			    struct vtd_shadow_translate *cmd)
{
	phys_addr_t host = 0, expected = 0;
	unsigned long pfn = 0;
	struct vtds_leaf leaf;
	unsigned int perm;
	int ret = 0;

	if (cmd->iova >= domain->host.first && cmd->iova <= domain->host.last)
		host = vtds_host_lookup(&domain->host, cmd->iova);

	vtds_mirror_lookup(domain, cmd->iova, &leaf);
	perm = leaf.perm;
	if (perm)
		ret = memory_perm(unit, leaf.gpa, &pfn, &perm);
	if (perm)
		expected = PFN_PHYS(pfn) | offset_in_page(cmd->iova);
	/* Memory that is being taken away is not found any more, and is mapped yet */
	if (WARN_ON_ONCE(ret != -ENOENT && ret != VTDS_NOT_PINNED &&
			 host != expected))
		return -EIO;

	cmd->gpa = leaf.gpa;
	cmd->perm = perm;
	cmd->level = leaf.level;
	cmd->fault_reason = perm	? 0 :
			    leaf.reason ?:
					  VTD_SHADOW_FR_TABLE_UNREADABLE;
	if (is_interrupt_request(cmd))
		cmd->fault_reason = VTD_SHADOW_FR_INTERRUPT_RANGE;
	return 0;
}

static int translate(struct vtds_unit *unit, struct vtd_shadow_translate *cmd)
{
	enum vtd_shadow_attachment attachment;
	struct vtds_guest_ctx ctx;
	struct vtds_domain *domain;
	struct vtds_device *dev;
	int ret = 0;

	dev = vtds_device_by_sid(unit, cmd->source_id, &ctx);
	if (!dev)
		return -ENOENT;
	domain = dev->group->domain;
	attachment = dev->group->attachment;
	if ((cmd->flags & VTD_SHADOW_TRANSLATE_PASID) &&
	    !vtds_pasid_is_none(dev, cmd->pasid))
		attachment = vtds_pasid_lookup(dev, cmd->pasid, &ctx, &domain);

	*cmd = (struct vtd_shadow_translate){
		.size = cmd->size,
		.flags = cmd->flags,
		.source_id = cmd->source_id,
		.pasid = cmd->pasid,
		.iova = cmd->iova,
		.attachment = attachment,
		.domain_id = ctx.did,
	};
	switch (attachment) {
	case VTD_SHADOW_ATTACHED_SHADOW:
		ret = translate_shadow(unit, domain, cmd);
		break;
	case VTD_SHADOW_ATTACHED_IDENTITY:
		ret = translate_identity(unit, dev, cmd);
		break;
	case VTD_SHADOW_ATTACHED_BLOCKED:
		/* Another driver's device of the group can be attached */
		if (!(cmd->flags & VTD_SHADOW_TRANSLATE_PASID) &&
		    vtds_device_reaches(dev, cmd->iova))
			return -EIO;
		/* The tables may well permit it, and the host or group not */
		cmd->fault_reason = ctx.reason ?:
						 VTD_SHADOW_FR_TABLE_UNREADABLE;
		if (ctx.reason)
			return 0;
		break;
	}
	cmd->fault_reason = vtds_unit_reason(unit, cmd->fault_reason);
	return ret;
}

/**
 * vtds_translate() - TRANSLATE
 * @unit: The unit, locked, with its state set
 * @arg: See struct vtd_shadow_translate
 *
 * Context: as vtds_mem_fetch(), if the answer takes memory that is not pinned.
 *
 * Return: 0, -ENOENT if no device has the source-id, -ENOMEM if memory that the answer
 * depends on cannot be pinned, -EIO if the host or another driver lets the device reach
 * something else than the engine says, or -EINTR if the caller is being killed.
 */
int vtds_translate(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_translate *cmd = arg;
	struct vtds_guest_mem *mem = &unit->mem;
	struct vtds_holds holds = {};
	int ret;

	vtds_mem_begin(mem, &holds);
	do {
		mem->want.wanted = false;
		ret = translate(unit, cmd);
	} while (mem->want.wanted && !vtds_mem_fetch(mem, &holds));
	/* Only a caller that is being killed leaves something to want */
	if (fatal_signal_pending(current))
		ret = -EINTR;
	vtds_mem_release_holds(mem, &holds);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_translate);

/* Arguments of TRANSLATE, before the unit is locked */
int vtds_check_translate(const void *arg)
{
	const struct vtd_shadow_translate *cmd = arg;

	if (!cmd->flags && cmd->pasid)
		return -EOPNOTSUPP;
	if (cmd->source_id > U16_MAX || cmd->pasid >> VTD_PASID_WIDTH)
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_check_translate);
