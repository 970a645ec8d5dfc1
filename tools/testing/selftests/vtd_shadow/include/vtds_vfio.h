/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices on VFIO's cdev (lib/vfio.c).
 */
#ifndef VTDS_VFIO_H
#define VTDS_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "vtds_defs.h"

enum vtds_kind {
	VTDS_EDU, /* QEMU's edu, alone in its IOMMU group */
	VTDS_EDU_SHARED, /* the same, with another one in its group */
	VTDS_NVME, /* QEMU's nvme, alone in its group */
};

/**
 * struct vtds_dev - A device in the hands of the VMM
 * @kind: What it is
 * @bdf: Its address on the host
 * @fd: VFIO cdev
 * @dev_id: iommufd's name for it
 * @sid: Its requester id in the guest
 * @bar: BAR 0
 * @bar_size: Bytes of it
 * @buffer: Guest physical address of the memory that only this device uses. Tests
 *          map it one to one, so that the device reaches it in every setting in
 *          which it reaches anything
 * @buffer_hva: Where this process sees that memory
 * @nvme: State of the NVMe queues; @nvme.alive if the controller runs
 */
struct vtds_dev {
	enum vtds_kind kind;
	char bdf[16];
	int fd;
	__u32 dev_id;
	__u16 sid;
	volatile void *bar;
	size_t bar_size;
	__u64 buffer;
	void *buffer_hva;
	struct {
		bool alive;
		unsigned int tail;
		unsigned int head;
		unsigned int phase;
		__u16 next_cid;
	} nvme;
};

#define VTDS_BUFFER_SIZE (4 * SZ_4K)

int vtds_dev_count(enum vtds_kind kind);
int vtds_dev_open(struct vtds_dev *dev, enum vtds_kind kind,
		  unsigned int index);
int vtds_dev_open_at(struct vtds_dev *dev, enum vtds_kind kind,
		     const char *bdf);
int vtds_dev_enable(struct vtds_dev *dev);
int vtds_dev_bind(struct vtds_dev *dev, int iommufd);
int vtds_dev_attach(struct vtds_dev *dev, __u32 pt_id);
int vtds_dev_detach(struct vtds_dev *dev);
int vtds_dev_reset(struct vtds_dev *dev);
int vtds_dev_hot_reset(struct vtds_dev *dev);
void vtds_dev_close(struct vtds_dev *dev);

#endif /* VTDS_VFIO_H */
