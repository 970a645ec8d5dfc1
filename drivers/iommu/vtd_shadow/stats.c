// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: adds up what is counted where it happens, for the ioctls that tell of units,
 * domains and devices, and for debugfs.c. Serves main.c, all that attaches or ends domains,
 * and batch.c; calls no other file. No address of the host is among
 * what it tells.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/xarray.h>
#include <uapi/linux/vtd_shadow.h>

#include "bound.h"
#include "device.h"
#include "domain.h"
#include "group.h"
#include "guest_ctx.h"
#include "pasid.h"
#include "stats.h"
#include "unit.h"

/* --- Counting --- */

static void add_domain(struct vtds_domain_stats *sum,
		       const struct vtds_domain_stats *stats)
{
	sum->syncs += stats->syncs;
	sum->entries_changed += stats->entries_changed;
	sum->leaves_mapped += stats->leaves_mapped;
	sum->leaves_unmapped += stats->leaves_unmapped;
	sum->host_maps += stats->host_maps;
	sum->host_unmaps += stats->host_unmaps;
	sum->iotlb_syncs += stats->iotlb_syncs;
	sum->install_failures += stats->install_failures;
}

/* A domain is about to be freed: the unit keeps what it has counted. */
void vtds_stats_end_domain(struct vtds_domain *domain)
{
	add_domain(&domain->unit->stats.ended, &domain->stats);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_stats_end_domain);

/* Leaves removed in all domains of a unit */
u64 vtds_stats_leaves_unmapped(const struct vtds_unit *unit)
{
	u64 sum = unit->stats.ended.leaves_unmapped;
	const struct vtds_domain *domain;

	list_for_each_entry(domain, &unit->domains, entry)
		sum += domain->stats.leaves_unmapped;
	return sum;
}

/**
 * vtds_stats_attached() - Count an attempt to attach something
 * @unit: Whose it is
 * @stats: Its own counters
 * @error: 0, or why it failed
 */
void vtds_stats_attached(struct vtds_unit *unit,
			 struct vtds_attach_stats *stats, int error)
{
	stats->attaches++;
	stats->failures += !!error;
	unit->stats.attach.attaches++;
	unit->stats.attach.failures += !!error;
}

/* --- Units --- */

/* The ones that are in use: others are on their way out. */
static unsigned int count_domains(const struct vtds_unit *unit)
{
	const struct vtds_domain *domain;
	unsigned int count = 0;

	list_for_each_entry(domain, &unit->domains, entry)
		count += !!domain->users;
	return count;
}

/* Fills in all but the size. */
void vtds_stats_of_unit(const struct vtds_unit *unit,
			struct vtd_shadow_get_stats *cmd)
{
	const struct vtds_stats *stats = &unit->stats;
	struct vtds_domain_stats sum = stats->ended;
	const struct vtds_domain *domain;

	list_for_each_entry(domain, &unit->domains, entry)
		add_domain(&sum, &domain->stats);
	*cmd = (struct vtd_shadow_get_stats){
		.size = cmd->size,
		.devices = list_count_nodes((struct list_head *)&unit->devices),
		.domains = count_domains(unit),
		.nodes = unit->nr_nodes,
		.pages = unit->nr_pages,
		.pinned_pages = unit->mem.nr_pinned,
		.descriptors = stats->descriptors,
		.syncs = sum.syncs,
		.entries_changed = sum.entries_changed,
		.leaves_mapped = sum.leaves_mapped,
		.leaves_unmapped = sum.leaves_unmapped,
		.host_maps = sum.host_maps,
		.host_unmaps = sum.host_unmaps,
		.iotlb_syncs = sum.iotlb_syncs,
		.attaches = stats->attach.attaches,
		.install_failures =
			sum.install_failures + stats->attach.failures,
		.retries = stats->retries,
		.host_tables = unit->nr_tables_left,
		.pages_pinned = unit->mem.nr_pinned_ever,
		.early_returns = stats->early_returns,
		.events = stats->events,
		.events_lost = stats->events_lost,
	};
}
EXPORT_SYMBOL_IF_KUNIT(vtds_stats_of_unit);

int vtds_get_stats(struct vtds_unit *unit, void *arg)
{
	vtds_stats_of_unit(unit, arg);
	return 0;
}

/* --- Domains --- */

/* The domain in use with the lowest number from @id on, or NULL */
const struct vtds_domain *vtds_stats_next_domain(const struct vtds_unit *unit,
						 u64 id)
{
	const struct vtds_domain *domain, *found = NULL;

	list_for_each_entry(domain, &unit->domains, entry)
		if (domain->users && domain->id >= id &&
		    (!found || domain->id < found->id))
			found = domain;
	return found;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_stats_next_domain);

/* Fills in all but the size. */
void vtds_stats_of_domain(const struct vtds_domain *domain,
			  struct vtd_shadow_get_domain_stats *cmd)
{
	const struct vtds_domain_stats *stats = &domain->stats;

	*cmd = (struct vtd_shadow_get_domain_stats){
		.size = cmd->size,
		.id = domain->id,
		.root = domain->root,
		.levels = domain->levels,
		.users = domain->users,
		.nodes = domain->nr_nodes,
		.pages = domain->nr_pages,
		.host_tables = domain->tables.nr_left + domain->tables.nr_lost,
		.syncs = stats->syncs,
		.entries_changed = stats->entries_changed,
		.leaves_mapped = stats->leaves_mapped,
		.leaves_unmapped = stats->leaves_unmapped,
		.host_maps = stats->host_maps,
		.host_unmaps = stats->host_unmaps,
		.iotlb_syncs = stats->iotlb_syncs,
		.install_failures = stats->install_failures,
	};
}
EXPORT_SYMBOL_IF_KUNIT(vtds_stats_of_domain);

int vtds_get_domain_stats(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_get_domain_stats *cmd = arg;
	const struct vtds_domain *domain =
		vtds_stats_next_domain(unit, cmd->id);

	if (!domain)
		return -ENOENT;
	vtds_stats_of_domain(domain, cmd);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_get_domain_stats);

/* --- Devices --- */

static void count_pasids(struct vtds_device *dev,
			 struct vtd_shadow_get_device_stats *cmd)
{
	const struct vtds_pasid *pasid;
	unsigned long index;

	xa_for_each(&dev->pasids, index, pasid) {
		cmd->pasids++;
		cmd->pasids_attached += pasid->domain ||
					pasid->identity_attached;
	}
}

/* Why the guest's entries, or the host, keep it from where the guest wants it */
static void say_reason(const struct vtds_device *dev,
		       struct vtd_shadow_get_device_stats *cmd)
{
	for (u32 i = 0; i < dev->nr_sources; i++) {
		const struct vtds_guest_ctx *ctx = &dev->sources[i].ctx;

		cmd->fault_reason = cmd->fault_reason ?: ctx->reason;
		cmd->error = cmd->error ?: -ctx->error;
	}
	if (!cmd->error)
		cmd->error = -dev->group->error;
	if (dev->group->conflict)
		cmd->conditions |= VTD_SHADOW_DEVICE_CONFLICT;
}

/* Fills in all but the size. */
void vtds_stats_of_device(struct vtds_device *dev,
			  struct vtd_shadow_get_device_stats *cmd)
{
	const struct vtds_group *group = dev->group;

	*cmd = (struct vtd_shadow_get_device_stats){
		.size = cmd->size,
		.dev_id = dev->bound->dev_id,
		.attachment = group->attachment,
		.domain_id = dev->sources[0].ctx.did,
		.shadow_id = group->domain ? group->domain->id : 0,
		.source_ids = dev->nr_sources,
		.group_devices = list_count_nodes(&dev->group->devices),
		.attaches = group->attach.attaches + dev->attach.attaches,
		.attach_failures =
			group->attach.failures + dev->attach.failures,
	};
	count_pasids(dev, cmd);
	say_reason(dev, cmd);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_stats_of_device);

int vtds_get_device_stats(struct vtds_unit *unit, void *arg)
{
	struct vtd_shadow_get_device_stats *cmd = arg;
	struct vtds_device *dev;

	list_for_each_entry(dev, &unit->devices, unit_entry)
		if (dev->bound->dev_id == cmd->dev_id) {
			vtds_stats_of_device(dev, cmd);
			return 0;
		}
	return -ENOENT;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_get_device_stats);
