// SPDX-License-Identifier: GPL-2.0-only
/*
 * Retry: what the host refused for a reason that may pass (a limit of pinned memory, a
 * device that is being reset) is tried again without anybody's doing, less and less
 * often, and what callers left that could not wait is done. If guest memory does not come
 * it goes on later. flush.c queues an attempt; it does what RESYNC does, but only to what is
 * in trouble.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "batch.h"
#include "device.h"
#include "domain.h"
#include "event.h"
#include "flush.h"
#include "main.h"
#include "retry.h"
#include "settle.h"
#include "unit.h"

/* Milliseconds between two attempts, at most */
#define RETRY_LAST 60000U

/* The same after one for which memory did not come. It may be what devices lack. */
#define RETRY_WAITED 1000U

/* Has all that is in trouble tried again, if what says so can be read. */
static void ask_again(struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_domain *domain;

	unit->stats.retries++;
	unit->retry_ms =
		min(max(unit->retry_ms, VTDS_RETRY_FIRST) * 2, RETRY_LAST);
	vtds_devices_touch(batch);
	if (fatal_signal_pending(current))
		return;
	vtds_devices_refresh(batch, 0, U16_MAX);
	list_for_each_entry(domain, &unit->domains, entry) {
		if (!domain->troubled || !domain->users)
			continue;
		domain->troubled = false;
		vtds_todo_all(&domain->todo, batch->seq);
	}
}

/**
 * vtds_retry_run() - Try again what the host refused, and do what was left to do
 * @unit: The unit, locked
 *
 * Reads contexts again, attaches what is not attached, and syncs the domains in which
 * entries were refused. If nothing is refused any more the VMM is told.
 */
void vtds_retry_run(struct vtds_unit *unit)
{
	bool troubled = unit->troubled, waited;
	struct vtds_batch batch __uninitialized;

	vtds_batch_begin(&batch, unit);
	batch.work = U64_MAX;
	batch.takes_rest = true;
	batch.background = true;
	batch.holds.alarm = &unit->retry.alarm;
	unit->unsettled = false;
	if (troubled)
		ask_again(&batch);
	vtds_settle(&batch);
	waited = fatal_signal_pending(current);
	if (waited) {
		unit->unsettled = true;
		vtds_thread_queue(&unit->retry, RETRY_WAITED);
	}
	vtds_batch_end(&batch);
	if (!troubled || waited || batch.may_pass)
		return;
	unit->troubled = false;
	vtds_event_recovered(unit);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_retry_run);

/* On behalf of whoever bound the unit, as far as memory is charged. */
static void retry_work(struct kthread_work *work)
{
	struct vtds_unit *unit =
		container_of(work, struct vtds_unit, retry.work.work);
	struct mem_cgroup *memcg = set_active_memcg(unit->memcg);

	vtds_lock(&unit->lock);
	if (unit->troubled || unit->unsettled)
		vtds_retry_run(unit);
	vtds_unlock(&unit->lock);
	vtds_unit_trim(unit);
	vtds_thread_revive();
	set_active_memcg(memcg);
}

/* --- Whom to charge --- */

/*
 * The kernel charges a thread of its own to nobody, and a VMM can have as many units as
 * files. So those of a memory cgroup are counted.
 */
static DEFINE_MUTEX(memcg_lock); /* all that follows */
static LIST_HEAD(memcg_units);

static void memcg_leave(struct vtds_unit *unit)
{
	mutex_lock(&memcg_lock);
	list_del_init(&unit->memcg_entry);
	mutex_unlock(&memcg_lock);
	mem_cgroup_put(unit->memcg);
	unit->memcg = NULL;
}

/* How many units the memory cgroup of a unit has, itself included */
unsigned int vtds_retry_units(const struct vtds_unit *unit)
{
	const struct vtds_unit *other;
	unsigned int count = 0;

	guard(mutex)(&memcg_lock);
	if (list_empty(&unit->memcg_entry))
		return 0;
	list_for_each_entry(other, &memcg_units, memcg_entry)
		count += other->memcg == unit->memcg;
	return count;
}

/* Returns 0, or -ENOMEM if the memory cgroup of the caller has too many units. */
static int memcg_enter(struct vtds_unit *unit)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(current->mm);
	const struct vtds_unit *other;
	unsigned int count = 0;

	guard(mutex)(&memcg_lock);
	list_for_each_entry(other, &memcg_units, memcg_entry)
		count += other->memcg == memcg;
	/* A kernel without memory cgroups protects nobody */
	if (memcg && count >= READ_ONCE(vtds_max_units)) {
		mem_cgroup_put(memcg);
		return -ENOMEM;
	}
	unit->memcg = memcg;
	list_add(&unit->memcg_entry, &memcg_units);
	return 0;
}

/* --- Life --- */

/* BIND: remembers whom to charge. Returns 0 or a negative errno. */
int vtds_retry_begin(struct vtds_unit *unit)
{
	int ret = memcg_enter(unit);

	if (ret)
		return ret;
	kthread_init_delayed_work(&unit->retry.work, retry_work);
	ret = vtds_thread_begin(&unit->retry);
	if (ret)
		memcg_leave(unit);
	return ret;
}

/* Without the lock of the unit. Nothing is tried again from here on. */
void vtds_retry_end(struct vtds_unit *unit)
{
	struct kthread_worker *worker;

	vtds_lock(&unit->lock);
	worker = unit->retry.worker;
	unit->retry.worker = NULL;
	vtds_unlock(&unit->lock);
	vtds_thread_end(worker, &unit->retry);
	memcg_leave(unit);
}
