// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow domains: one for each second-stage table in use, shared by all
 * whose contexts or PASID entries point there. Serves group.c, pasid.c and settle.c; calls
 * host_domain.c, mirror.c, sync.c and stats.c.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "alloc.h"
#include "batch.h"
#include "caps.h"
#include "domain.h"
#include "guest_ctx.h"
#include "host_domain.h"
#include "mirror.h"
#include "stats.h"
#include "sync.h"
#include "unit.h"
#include "vtd_format.h"

/*
 * Finds out once what follows from the unit's registers, with which its domains end,
 * too. Reserved ranges begin with the one that is not translated on any host.
 */
void vtds_domain_init_limits(struct vtds_domain *domain)
{
	const struct vtds_caps *caps = &domain->unit->caps;
	unsigned int width = min_t(unsigned int, caps->mgaw,
				   vtd_levels_width(domain->levels));

	domain->last = GENMASK_ULL(width - 1, 0);
	domain->leaf_rsvd = vtds_caps_reserved(caps, 1, true);
	domain->reserved = (struct vtds_reserved){
		.ranges = { { VTD_INTERRUPT_START, VTD_INTERRUPT_LAST } },
		.count = 1,
	};
}
EXPORT_SYMBOL_IF_KUNIT(vtds_domain_init_limits);

/* Adds what the host of a group reserves. */
static int learn_reserved(struct vtds_domain *domain, struct iommu_group *group)
{
	struct vtds_range ranges[VTDS_MAX_RESERVED];
	int count = vtds_host_reserved(group, ranges, ARRAY_SIZE(ranges));
	int ret = 0;

	if (count < 0)
		return count;
	for (int i = 0; i < min_t(int, count, ARRAY_SIZE(ranges)) && !ret; i++)
		ret = vtds_reserved_add(&domain->reserved, &ranges[i]);
	return count > ARRAY_SIZE(ranges) ? -ENOSPC : ret;
}

/* Tables that are cleared before it is asked whether somebody waits */
#define END_WORK 16

/**
 * vtds_domain_end() - Free a domain that nobody uses, or some of it
 * @domain: The domain
 *
 * Return: whether all of it is gone. If not, it is still one of the unit's, and to be
 * ended once more.
 */
bool vtds_domain_end(struct vtds_domain *domain)
{
	unsigned int work = END_WORK;

	if (domain->top && !vtds_mirror_clear(domain->top, &work))
		return false;
	vtds_host_flush(&domain->host);
	vtds_node_free(domain->top);
	vtds_tables_destroy(domain);
	vtds_host_domain_free(&domain->host);
	vtds_stats_end_domain(domain);
	list_del(&domain->entry);
	kfree(domain);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_domain_end);

static struct vtds_domain *domain_alloc(struct vtds_batch *batch,
					struct device *dev,
					const struct vtds_guest_ctx *ctx)
{
	struct vtds_domain *domain;
	int ret;

	ret = vtds_sync_need_scratch(batch->unit);
	if (ret)
		return ERR_PTR(ret);
	domain = vtds_zalloc(sizeof(*domain));
	if (!domain)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&domain->refusing);
	vtds_tables_init(&domain->tables);
	domain->unit = batch->unit;
	domain->id = ++batch->unit->last_domain;
	domain->root = ctx->root;
	domain->levels = ctx->levels;
	vtds_domain_init_limits(domain);

	ret = vtds_host_domain_alloc(&domain->host, dev);
	if (ret)
		goto err_free;
	domain->host.unit_id = domain->unit->id;
	domain->host.domain_id = domain->id;
	domain->host.stats = &domain->stats;
	domain->top =
		vtds_node_alloc(batch, domain, domain->levels, VTD_SS_RW, 0);
	if (!domain->top) {
		/* The batch has the first reason that there was, maybe another one's */
		ret = vtds_batch_may_install(batch, domain) ? -ENOMEM : -ENOSPC;
		goto err_free_host;
	}
	return domain;

err_free_host:
	vtds_host_domain_free(&domain->host);
err_free:
	kfree(domain);
	return ERR_PTR(ret);
}

/* Attaches the first user of a new domain, which is filled when the unit is settled. */
static struct vtds_domain *domain_create(struct vtds_batch *batch,
					 const struct vtds_dev_pasid *dev_pasid,
					 const struct vtds_guest_ctx *ctx)
{
	struct vtds_domain *domain = domain_alloc(batch, dev_pasid->dev, ctx);
	int ret;

	if (IS_ERR(domain))
		return domain;

	ret = learn_reserved(domain, dev_pasid->group);
	if (ret)
		goto err_free;
	ret = vtds_host_domain_attach(&domain->host, dev_pasid);
	if (ret)
		goto err_free;
	ret = vtds_host_domain_probe(&domain->host);
	if (ret)
		goto err_detach;

	domain->users = 1;
	list_add_tail(&domain->entry, &batch->unit->domains);
	vtds_todo_all(&domain->todo, batch->seq);
	return domain;

err_detach:
	vtds_host_domain_detach(&domain->host, dev_pasid);
err_free:
	list_add(&domain->entry, &batch->unit->domains);
	vtds_domain_end(domain);
	return ERR_PTR(ret);
}

/* Unmaps what the hosts of new users reserve, before they are attached. */
static void revoke_reserved(struct vtds_batch *batch,
			    struct vtds_domain *domain, unsigned int from)
{
	const struct vtds_reserved *reserved = &domain->reserved;

	for (unsigned int i = from; i < reserved->count; i++)
		vtds_domain_sync_now(batch, domain, reserved->ranges[i].first,
				     reserved->ranges[i].last);
	vtds_host_flush(&domain->host);
}

/*
 * Attaches one more user. What its host reserves is unmapped before, and stays so
 * when it has left.
 */
static int domain_join(struct vtds_batch *batch, struct vtds_domain *domain,
		       const struct vtds_dev_pasid *dev_pasid)
{
	unsigned int count = domain->reserved.count;
	int ret;

	ret = learn_reserved(domain, dev_pasid->group);
	if (domain->reserved.count != count)
		revoke_reserved(batch, domain, count);
	if (ret)
		return ret;
	ret = vtds_host_domain_attach(&domain->host, dev_pasid);
	if (!ret)
		domain->users++;
	return ret;
}

/**
 * vtds_domain_attach() - Attach to the shadow of a table
 * @batch: The batch
 * @dev_pasid: What to attach, blocked now
 * @ctx: Table and levels
 *
 * A shadow that exists costs one attach and no walk. A host IOMMU that cannot
 * use its domain says so with -EINVAL and gets a shadow of its own, and so does a
 * device whose DMA has to be coherent where the domain does not see to that.
 *
 * Return: the domain, or an ERR_PTR with @dev_pasid still blocked.
 */
struct vtds_domain *vtds_domain_attach(struct vtds_batch *batch,
				       const struct vtds_dev_pasid *dev_pasid,
				       const struct vtds_guest_ctx *ctx)
{
	struct vtds_domain *domain;
	int ret;

	list_for_each_entry(domain, &batch->unit->domains, entry) {
		if (!domain->users ||
		    !vtds_ctx_uses(ctx, domain->root, domain->levels) ||
		    domain->host.broken ||
		    !vtds_host_domain_suits(&domain->host, dev_pasid->dev))
			continue;
		ret = domain_join(batch, domain, dev_pasid);
		if (!ret)
			return domain;
		if (ret != -EINVAL)
			return ERR_PTR(ret);
	}
	return domain_create(batch, dev_pasid, ctx);
}

/*
 * Detaches requests, which are blocked then. The last one ends the domain: if there is
 * much in it, when the unit is settled.
 */
void vtds_domain_detach(struct vtds_domain *domain,
			const struct vtds_dev_pasid *dev_pasid)
{
	vtds_host_domain_detach(&domain->host, dev_pasid);
	if (--domain->users || vtds_domain_end(domain))
		return;
	domain->ended_by = domain->unit->seq;
}
