// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's edu device: copies between memory of its own and the guest's. A transfer takes
 * 100 ms; it does not tell whether it was refused.
 */
#include <errno.h>

#include "vtds_edu.h"
#include "vtds_misc.h"

/* BAR 0 */
enum {
	EDU_DMA_SRC = 0x80,
	EDU_DMA_DST = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_CMD = 0x98,
};

enum {
	EDU_CMD_RUN = 1 << 0,
	EDU_CMD_TO_MEMORY = 1 << 1,
};

/* Where the memory of its own is in the device's address space */
#define EDU_MEMORY 0x40000

static volatile __u64 *edu_reg(struct vtds_dev *dev, unsigned int reg)
{
	return (volatile __u64 *)((volatile char *)dev->bar + reg);
}

static void edu_start(struct vtds_dev *dev, __u64 src, __u64 dst, __u64 cmd)
{
	*edu_reg(dev, EDU_DMA_SRC) = src;
	*edu_reg(dev, EDU_DMA_DST) = dst;
	*edu_reg(dev, EDU_DMA_COUNT) = VTDS_EDU_LEN;
	*edu_reg(dev, EDU_DMA_CMD) = cmd | EDU_CMD_RUN;
}

/* The guest's memory at @iova to the device's own */
int vtds_edu_start_read(struct vtds_dev *dev, __u64 iova)
{
	edu_start(dev, iova, EDU_MEMORY, 0);
	return 0;
}

/* The device's own memory to the guest's at @iova */
int vtds_edu_start_write(struct vtds_dev *dev, __u64 iova)
{
	edu_start(dev, EDU_MEMORY, iova, EDU_CMD_TO_MEMORY);
	return 0;
}

int vtds_edu_wait(struct vtds_dev *dev)
{
	double give_up = vtds_seconds() + 10;

	while (*edu_reg(dev, EDU_DMA_CMD) & EDU_CMD_RUN) {
		if (vtds_seconds() > give_up)
			return -ETIMEDOUT;
		vtds_sleep_ms(2);
	}
	return 0;
}
