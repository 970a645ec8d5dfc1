/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device edu: slow, one transfer takes 100 ms, but simple (lib/edu.c).
 */
#ifndef VTDS_EDU_H
#define VTDS_EDU_H

#include "vtds_vfio.h"

#define VTDS_EDU_LEN 2048

int vtds_edu_start_read(struct vtds_dev *dev, __u64 iova);
int vtds_edu_start_write(struct vtds_dev *dev, __u64 iova);
int vtds_edu_wait(struct vtds_dev *dev);

#endif /* VTDS_EDU_H */
