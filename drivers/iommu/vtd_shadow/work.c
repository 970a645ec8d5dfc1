// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work: the queue on which the module does later what the host refuses now. Serves
 * linger.c and flush.c; calls no other file.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>

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
