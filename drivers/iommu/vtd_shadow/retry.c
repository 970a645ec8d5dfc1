// SPDX-License-Identifier: GPL-2.0-only
/*
 * Retry: what the host refused for a reason that may pass (a limit of pinned memory, a
 * device that is being reset) is tried again without anybody's doing, less and less
 * often. flush.c queues an attempt; it does what RESYNC does, but only to what is in
 * trouble.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "batch.h"
#include "device.h"
#include "domain.h"
#include "event.h"
#include "flush.h"
#include "retry.h"
#include "sync.h"
#include "unit.h"

/* Milliseconds between two attempts, at most */
#define RETRY_LAST 60000U

/**
 * vtds_retry_run() - Try again what the host refused
 * @unit: The unit, locked
 *
 * Reads contexts again, attaches what is not attached, and syncs the domains in which
 * entries were refused. If nothing is refused any more the VMM is told.
 */
void vtds_retry_run(struct vtds_unit *unit)
{
	struct vtds_domain *domain;
	struct vtds_batch batch;

	unit->stats.retries++;
	unit->retry_ms = min(unit->retry_ms * 2, RETRY_LAST);
	vtds_batch_begin(&batch, unit);
	vtds_devices_refresh(&batch, 0, U16_MAX);
	list_for_each_entry(domain, &unit->domains, entry) {
		if (!domain->troubled)
			continue;
		domain->troubled = false;
		vtds_domain_sync_full(&batch, domain);
	}
	vtds_batch_end(&batch);
	if (batch.may_pass)
		return;
	unit->troubled = false;
	vtds_event_recovered(unit);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_retry_run);

/* On behalf of whoever bound the unit, as far as memory is charged. */
static void retry_work(struct work_struct *work)
{
	struct vtds_unit *unit =
		container_of(to_delayed_work(work), struct vtds_unit, retry);
	struct mem_cgroup *memcg;

	guard(mutex)(&unit->lock);
	if (!unit->troubled)
		return;
	memcg = set_active_memcg(unit->memcg);
	vtds_retry_run(unit);
	set_active_memcg(memcg);
}

void vtds_retry_init(struct vtds_unit *unit)
{
	INIT_DELAYED_WORK(&unit->retry, retry_work);
}

/* BIND: remembers whom to charge. */
void vtds_retry_bind(struct vtds_unit *unit)
{
	unit->memcg = get_mem_cgroup_from_mm(current->mm);
}

/* Without the lock of the unit, which has nothing to try any more. */
void vtds_retry_stop(struct vtds_unit *unit)
{
	cancel_delayed_work_sync(&unit->retry);
	mem_cgroup_put(unit->memcg);
	unit->memcg = NULL;
}
