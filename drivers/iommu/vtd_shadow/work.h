/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that is done later, see work.c
 */
#ifndef VTDS_WORK_H
#define VTDS_WORK_H

#include <linux/kthread.h>
#include <linux/timer.h>
#include <linux/types.h>

struct delayed_work;

/**
 * struct vtds_alarm - Kills a task that waits for too long
 * @timer: When that is
 * @task: Who
 */
struct vtds_alarm {
	struct timer_list timer;
	struct task_struct *task;
};

/**
 * struct vtds_thread - A thread of a unit
 * @worker: The thread, NULL before and after its life
 * @work: What it does
 * @alarm: For when it waits for guest memory
 */
struct vtds_thread {
	struct kthread_worker *worker;
	struct kthread_delayed_work work;
	struct vtds_alarm alarm;
};

int vtds_work_begin(void);
void vtds_work_end(void);
void vtds_work_queue(struct delayed_work *work, unsigned int ms);
void vtds_alarm_init(struct vtds_alarm *alarm);
void vtds_alarm_set(struct vtds_alarm *alarm);
void vtds_alarm_cancel(struct vtds_alarm *alarm);
int vtds_thread_begin(struct vtds_thread *thread);
void vtds_thread_queue(struct vtds_thread *thread, unsigned int ms);
void vtds_thread_revive(void);
void vtds_thread_end(struct kthread_worker *worker, struct vtds_thread *thread);

#endif /* VTDS_WORK_H */
