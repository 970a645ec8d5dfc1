/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that is done later, see work.c
 */
#ifndef VTDS_WORK_H
#define VTDS_WORK_H

#include <linux/kthread.h>
#include <linux/types.h>

struct delayed_work;

/**
 * struct vtds_thread - A thread of a unit
 * @worker: The thread, NULL before and after its life
 * @work: What it does
 */
struct vtds_thread {
	struct kthread_worker *worker;
	struct kthread_delayed_work work;
};

int vtds_work_begin(void);
void vtds_work_end(void);
void vtds_work_queue(struct delayed_work *work, unsigned int ms);
int vtds_thread_begin(struct vtds_thread *thread);
void vtds_thread_queue(struct vtds_thread *thread, unsigned int ms);
void vtds_thread_end(struct kthread_worker *worker, struct vtds_thread *thread);

#endif /* VTDS_WORK_H */
