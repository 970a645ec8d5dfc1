/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's invalidation queue (lib/guest_queue.c).
 */
#ifndef VTDS_GUEST_QUEUE_H
#define VTDS_GUEST_QUEUE_H

#include "vtds_guest_ram.h"
#include "vtds_unit.h"

/**
 * struct vtds_queue - An invalidation queue in guest memory
 * @guest: Whose memory it is in
 * @gpa: Its address
 * @qs: IQA_REG.QS: it has 2^qs pages
 * @wide: IQA_REG.DW: descriptors have 256 bits
 * @head: IQH_REG
 * @tail: IQT_REG
 */
struct vtds_queue {
	struct vtds_guest *guest;
	__u64 gpa;
	unsigned int qs;
	bool wide;
	__u64 head;
	__u64 tail;
};

void vtds_queue_init(struct vtds_queue *queue, struct vtds_guest *guest,
		     unsigned int qs, bool wide);
unsigned int vtds_queue_width(const struct vtds_queue *queue);
unsigned int vtds_queue_entries(const struct vtds_queue *queue);
__u64 vtds_queue_iqa(const struct vtds_queue *queue);
__u64 *vtds_queue_at(struct vtds_queue *queue, __u64 offset);
void vtds_queue_put(struct vtds_queue *queue, const struct vtds_desc *desc);
int vtds_queue_run(struct vtds_unit *unit, struct vtds_queue *queue,
		   struct vtd_shadow_run_queue *result);
int vtds_queue_send(struct vtds_unit *unit, const struct vtds_desc *descs,
		    __u32 nr);

#endif /* VTDS_GUEST_QUEUE_H */
