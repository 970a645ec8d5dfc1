/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device can reach, by trying and by asking the unit, for all tests with DMA
 * (lib/probe.c).
 */
#ifndef VTDS_PROBE_H
#define VTDS_PROBE_H

#include "vtds_guest_ram.h"
#include "vtds_unit.h"
#include "vtds_vfio.h"

/**
 * struct vtds_probe - One question and its answer
 * @dev: Who
 * @iova: At which address, page-aligned
 * @gpa: Is it this memory that it reaches there?
 * @got: The answer, PERM_*, or -EIO if the device failed the positive control:
 *       it did not reach its buffer just before or after
 */
struct vtds_probe {
	struct vtds_dev *dev;
	__u64 iova;
	__u64 gpa;
	int got;
};

void vtds_probe_all(struct vtds_guest *guest, struct vtds_probe *probes,
		    unsigned int nr);
int vtds_reach(struct vtds_guest *guest, struct vtds_dev *dev, __u64 iova,
	       __u64 gpa);
unsigned int vtds_reach_buffers(struct vtds_dev *devs, unsigned int nr);
int vtds_answer(struct vtds_unit *unit, __u16 sid, __u64 iova, __u64 gpa);
int vtds_fault(struct vtds_unit *unit, __u16 sid, __u64 iova);
int vtds_attachment(struct vtds_unit *unit, __u16 sid);

#endif /* VTDS_PROBE_H */
