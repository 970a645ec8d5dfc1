// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work: the queue on which the module does later what the host refuses now, and the threads
 * on which units do so. A unit may have to wait for guest memory, which never answers if
 * its VMM does not want it to; so it has a thread of its own, which ends like a task that
 * is killed, and never waits for long. Serves linger.c, flush.c, retry.c, unit.c and
 * guest_fetch.c; calls no other file.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "fault.h"
#include "work.h"

static struct workqueue_struct *work_queue;

int vtds_work_begin(void)
{
	work_queue = alloc_workqueue("vtd_shadow", WQ_UNBOUND, 0);
	return work_queue ? 0 : -ENOMEM;
}

void vtds_work_end(void)
{
	destroy_workqueue(work_queue);
}

/* Has @work done in @ms milliseconds, unless it is queued already. */
void vtds_work_queue(struct delayed_work *work, unsigned int ms)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_work_queue, work, ms);

	queue_delayed_work(work_queue, work, msecs_to_jiffies(ms));
}
EXPORT_SYMBOL_IF_KUNIT(vtds_work_queue);

/*
 * Milliseconds for which a thread waits for guest memory. Whoever takes memory away, which
 * iommufd has wait for all pins that are under way, may be killed only then, and that
 * memory may be in the hands of the same process.
 */
#define ALARM_MS 1000

static void alarm_rings(struct timer_list *timer)
{
	struct vtds_alarm *alarm =
		container_of(timer, struct vtds_alarm, timer);

	send_sig(SIGKILL, alarm->task, 1);
}

void vtds_alarm_init(struct vtds_alarm *alarm)
{
	timer_setup(&alarm->timer, alarm_rings, 0);
}

/* The caller, which allows SIGKILL, is killed unless vtds_alarm_cancel() comes first. */
void vtds_alarm_set(struct vtds_alarm *alarm)
{
	alarm->task = current;
	mod_timer(&alarm->timer, jiffies + msecs_to_jiffies(ALARM_MS));
}

void vtds_alarm_cancel(struct vtds_alarm *alarm)
{
	timer_delete_sync(&alarm->timer);
}

/* On the thread itself, which else ignores signals */
static void allow_kill(struct kthread_work *work)
{
	allow_signal(SIGKILL);
}

/* Creates a thread for @thread->work, which is set up. Returns 0 or a negative errno. */
int vtds_thread_begin(struct vtds_thread *thread)
{
	DEFINE_KTHREAD_WORK(first, allow_kill);
	struct kthread_worker *worker;

	if (vtds_should_fail())
		return -ENOMEM;
	worker = vtds_kthread_run_worker("vtd_shadow");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	kthread_queue_work(worker, &first);
	kthread_flush_work(&first);
	thread->worker = worker;
	return 0;
}

/* Has the work done in @ms milliseconds, unless it is queued already; at once if 0. */
void vtds_thread_queue(struct vtds_thread *thread, unsigned int ms)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_thread_queue, thread, ms);

	if (!thread->worker)
		return;
	if (ms)
		kthread_queue_delayed_work(thread->worker, &thread->work,
					   msecs_to_jiffies(ms));
	else
		kthread_mod_delayed_work(thread->worker, &thread->work, 0);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_thread_queue);

/*
 * On the thread itself, at the end of its work: an alarm has ended that, but not the thread.
 * If it was vtds_thread_end(), no work follows.
 */
void vtds_thread_revive(void)
{
	flush_signals(current);
}

/**
 * vtds_thread_end() - End a thread, whatever it waits for
 * @worker: What was @thread->worker until nobody could queue any more
 * @thread: The thread
 */
void vtds_thread_end(struct kthread_worker *worker, struct vtds_thread *thread)
{
	if (!worker)
		return;
	send_sig(SIGKILL, worker->task, 1);
	kthread_cancel_delayed_work_sync(&thread->work);
	kthread_destroy_worker(worker);
}
