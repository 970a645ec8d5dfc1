// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks beside: what others do while a program goes on. A few of them do the same again and
 * again, as a VMM may: no call of anybody else may take longer for that than it takes them
 * to come to their end. Serves program.c.
 */
#include "kernel.h"
#include <linux/vtd_shadow.h>
#include "fuzz.h"

/* What a task was asked to do */
struct task {
	bool busy;
	u8 op[OP_SIZE];
	struct descs descs;
};

static struct task tasks[MAX_TASKS];

/* A call and, as long as there is more, the next one */
static void run_until_done(const struct task *task, const u8 *o)
{
	static const struct descs none;

	op_hand_over(&task->descs, o);
	for (unsigned int i = 0;
	     i < 100 && !current->killed && call_invalidate(&none); i++)
		sched_point();
}

static void run_again(const struct task *task, const u8 *o)
{
	for (unsigned int i = 0; i < o[1] % 64 + 1 && !current->killed; i++) {
		switch (task->op[0] % 4) {
		case 0:
			op_resync((const u8[]){ o[0], o[2] });
			break;
		case 1:
			op_memory(o, true);
			op_memory((const u8[]){ o[0], o[2] }, false);
			break;
		case 2:
			op_flush_pages(o);
			break;
		case 3:
			work_run(true);
			break;
		}
		sched_point();
	}
}

static void run(void *arg)
{
	struct task *task = arg;
	const u8 *o = task->op + 1;

	switch (task->op[0] / 4 % 10) {
	case 0:
		op_hand_over(&task->descs, o);
		break;
	case 1:
		op_memory(o, true);
		break;
	case 2:
		op_resync(o);
		break;
	case 3:
		op_device((const u8[]){ o[0], 1 });
		break;
	case 4:
		op_translate(o);
		break;
	case 5:
		op_flush_pages(o);
		break;
	case 6:
		op_flush(o);
		break;
	case 7:
		run_until_done(task, o);
		break;
	default:
		run_again(task, o);
	}
	task->busy = false;
}

void op_async(const u8 *o)
{
	for (unsigned int i = 0; i < MAX_TASKS; i++) {
		struct task *task = &tasks[i];

		if (task->busy)
			continue;
		memcpy(task->op, o, OP_SIZE - 1);
		task->descs = pending;
		task->descs.wide = o[1] & 2;
		task->busy = true;
		if (!sched_start(run, task, NULL))
			task->busy = false;
		return;
	}
}

void op_kill(const u8 *o)
{
	struct task_struct *task = sched_other(o[0]);

	if (task)
		task->killed = true;
}

/* All of them come to their end. */
void finish_others(void)
{
	sched_finish();
	memset(tasks, 0, sizeof(tasks));
}
