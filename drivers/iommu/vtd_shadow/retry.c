// SPDX-License-Identifier: GPL-2.0-only
/*
 * Retry: what the host refused for a reason that may pass (a limit of pinned memory, a
 * device that is being reset) is tried again without anybody's doing, less and less
 * often. Serves batch.c; does what RESYNC does, but only to what is in trouble.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "vtd_shadow_private.h"

/* Milliseconds to the first attempt, and the most between two */
#define RETRY_FIRST 100U
#define RETRY_LAST 60000U

static struct workqueue_struct *retry_queue;

int vtds_retry_begin(void)
{
	retry_queue = alloc_workqueue("vtd_shadow", WQ_UNBOUND, 0);
	return retry_queue ? 0 : -ENOMEM;
}

void vtds_retry_end(void)
{
	destroy_workqueue(retry_queue);
}

/* Has @work done after some milliseconds, unless that is to happen already. */
void vtds_retry_queue(struct delayed_work *work, unsigned int ms)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_retry_queue, work, ms);

	queue_delayed_work(retry_queue, work, msecs_to_jiffies(ms));
}
EXPORT_SYMBOL_IF_KUNIT(vtds_retry_queue);

/**
 * vtds_error_is_guests() - Whether an errno says something about the guest's tables
 * @error: Negative errno of a look-up of guest memory or of an entry
 *
 * Return: true if a remapping unit would find the entry at fault, too; false if it is
 * the host that could not do what is right.
 */
bool vtds_error_is_guests(int error)
{
	switch (error) {
	case -ENOENT: /* there is no memory */
	case -EPERM: /* it may not be read, or written */
	case -EINVAL: /* it is no memory */
	case -EPROTO: /* reserved bits */
	case -EADDRNOTAVAIL: /* the interrupt range */
		return true;
	default:
		return false;
	}
}

/* Whether the host may do tomorrow what it refused today with @error. */
bool vtds_error_may_pass(int error)
{
	switch (error) {
	case -ENOMEM:
	case -EBUSY:
	case -EAGAIN:
	case -EFAULT:
	case -EIO:
		return true;
	default:
		return false;
	}
}

/* A batch met such an error. */
void vtds_retry_note(struct vtds_unit *unit)
{
	if (!unit->troubled)
		unit->retry_ms = RETRY_FIRST;
	unit->troubled = true;
	vtds_retry_queue(&unit->retry, unit->retry_ms);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_retry_note);

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
