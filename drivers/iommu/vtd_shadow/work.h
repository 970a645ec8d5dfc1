/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The work queue of the module, see work.c
 */
#ifndef VTDS_WORK_H
#define VTDS_WORK_H

#include <linux/types.h>

struct delayed_work;

int vtds_work_begin(void);
void vtds_work_end(void);
void vtds_work_queue(struct delayed_work *work, unsigned int ms);

#endif /* VTDS_WORK_H */
