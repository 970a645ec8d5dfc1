// SPDX-License-Identifier: GPL-2.0-only
/*
 * A minimal NVMe driver: the admin queue only, polled, one command at a time.
 * The queues are in the device's buffer and are reached by DMA through
 * whatever the device is attached to, like the data:
 *
 *  - Identify makes the device write 4 KiB,
 *  - Set Features (timestamp) makes it read 8 bytes and remember them,
 *  - Get Features (timestamp) makes it write them.
 *
 * QEMU reports a refused transfer of queue entries, but not always one of data:
 * callers look at the memory, the status alone proves nothing.
 */
#include <errno.h>
#include <string.h>

#include "vtds_defs.h"
#include "vtds_misc.h"
#include "vtds_nvme.h"

/* Registers in BAR 0 */
enum {
	NVME_CAP = 0x00,
	NVME_CC = 0x14,
	NVME_CSTS = 0x1c,
	NVME_AQA = 0x24,
	NVME_ASQ = 0x28,
	NVME_ACQ = 0x30,
	NVME_SQ_TAIL = 0x1000,
	NVME_CQ_HEAD = 0x1004,
};

enum {
	CC_ENABLE = 1 << 0,
	CC_SQE_64_BYTES = 6 << 16,
	CC_CQE_16_BYTES = 4 << 20,
	CSTS_READY = 1 << 0,
	CSTS_FATAL = 1 << 1,
};

enum {
	OPC_IDENTIFY = 0x06,
	OPC_SET_FEATURES = 0x09,
	OPC_GET_FEATURES = 0x0a,
	CNS_CONTROLLER = 1,
	FID_TIMESTAMP = 0x0e,
};

/* In the buffer of the device: submission queue, completion queue */
#define SQ_OFFSET 0
#define CQ_OFFSET SZ_4K
#define QUEUE_LEN 32

struct nvme_command {
	__u8 opcode;
	__u8 flags;
	__u16 cid;
	__u32 nsid;
	__u64 cdw2_3;
	__u64 mptr;
	__u64 prp1;
	__u64 prp2;
	__u32 cdw10_15[6];
};

struct nvme_completion {
	__u32 result;
	__u32 reserved;
	__u16 sq_head;
	__u16 sq_id;
	__u16 cid;
	__u16 status; /* bit 0: phase */
};

static volatile __u32 *reg32(struct vtds_dev *dev, unsigned int reg)
{
	return (volatile __u32 *)((volatile char *)dev->bar + reg);
}

static void write64(struct vtds_dev *dev, unsigned int reg, __u64 value)
{
	*reg32(dev, reg) = value;
	*reg32(dev, reg + 4) = value >> 32;
}

static int wait_ready(struct vtds_dev *dev, __u32 ready)
{
	double give_up = vtds_seconds() + 10;

	while ((*reg32(dev, NVME_CSTS) & CSTS_READY) != ready) {
		if (*reg32(dev, NVME_CSTS) & CSTS_FATAL)
			return -EIO;
		if (vtds_seconds() > give_up)
			return -ETIMEDOUT;
		vtds_sleep_ms(1);
	}
	return 0;
}

/*
 * (Re)start the controller with empty queues, also after it gave up because it
 * could not reach them.
 */
int vtds_nvme_start(struct vtds_dev *dev)
{
	int rc;

	*reg32(dev, NVME_CC) = 0;
	rc = wait_ready(dev, 0);
	if (rc)
		return rc;

	memset(dev->buffer_hva, 0, 2 * SZ_4K);
	memset(&dev->nvme, 0, sizeof(dev->nvme));
	dev->nvme.phase = 1;
	*reg32(dev, NVME_AQA) = (QUEUE_LEN - 1) << 16 | (QUEUE_LEN - 1);
	write64(dev, NVME_ASQ, dev->buffer + SQ_OFFSET);
	write64(dev, NVME_ACQ, dev->buffer + CQ_OFFSET);
	*reg32(dev, NVME_CC) = CC_SQE_64_BYTES | CC_CQE_16_BYTES | CC_ENABLE;
	rc = wait_ready(dev, CSTS_READY);
	dev->nvme.alive = !rc;
	return rc;
}

static int wait_completion(struct vtds_dev *dev, __u16 cid)
{
	volatile struct nvme_completion *cqe = dev->buffer_hva + CQ_OFFSET;
	double give_up = vtds_seconds() + 10;
	__u16 status;

	cqe += dev->nvme.head;
	while (((status = cqe->status) & 1) != dev->nvme.phase) {
		if (*reg32(dev, NVME_CSTS) & CSTS_FATAL)
			return -EIO;
		if (vtds_seconds() > give_up)
			return -ETIMEDOUT;
	}
	if (cqe->cid != cid)
		return -EPROTO;

	if (++dev->nvme.head == QUEUE_LEN) {
		dev->nvme.head = 0;
		dev->nvme.phase ^= 1;
	}
	*reg32(dev, NVME_CQ_HEAD) = dev->nvme.head;
	return status >> 1 ? -EREMOTEIO : 0;
}

/*
 * -EREMOTEIO: the command failed. -EIO, -ETIMEDOUT: the controller died, most
 * likely because it could not reach its queues; the next command starts it
 * again.
 */
static int admin_command(struct vtds_dev *dev, __u8 opcode, __u64 prp1,
			 __u32 cdw10)
{
	struct nvme_command *sqe = dev->buffer_hva + SQ_OFFSET;
	__u16 cid;
	int rc;

	if (!dev->nvme.alive) {
		rc = vtds_nvme_start(dev);
		if (rc)
			return rc;
	}
	cid = dev->nvme.next_cid++;
	sqe[dev->nvme.tail] = (struct nvme_command){
		.opcode = opcode,
		.cid = cid,
		.prp1 = prp1,
		.cdw10_15 = { cdw10 },
	};
	dev->nvme.tail = (dev->nvme.tail + 1) % QUEUE_LEN;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*reg32(dev, NVME_SQ_TAIL) = dev->nvme.tail;
	rc = wait_completion(dev, cid);
	dev->nvme.alive = !rc || rc == -EREMOTEIO;
	return rc;
}

/* The device writes 4 KiB to @iova */
int vtds_nvme_identify(struct vtds_dev *dev, __u64 iova)
{
	return admin_command(dev, OPC_IDENTIFY, iova, CNS_CONTROLLER);
}

/*
 * The device reads a token of 48 bits from @iova. It counts milliseconds from
 * there on.
 */
int vtds_nvme_set_token(struct vtds_dev *dev, __u64 iova)
{
	return admin_command(dev, OPC_SET_FEATURES, iova, FID_TIMESTAMP);
}

/* The device writes the token to @iova, with flags in the bits above 48 */
int vtds_nvme_get_token(struct vtds_dev *dev, __u64 iova)
{
	return admin_command(dev, OPC_GET_FEATURES, iova, FID_TIMESTAMP);
}
