/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device nvme: thousands of transfers per second (lib/nvme.c).
 */
#ifndef VTDS_NVME_H
#define VTDS_NVME_H

#include "vtds_vfio.h"

int vtds_nvme_start(struct vtds_dev *dev);
int vtds_nvme_identify(struct vtds_dev *dev, __u64 iova);
int vtds_nvme_set_token(struct vtds_dev *dev, __u64 iova);
int vtds_nvme_get_token(struct vtds_dev *dev, __u64 iova);

#endif /* VTDS_NVME_H */
