// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's invalidation queue, in its memory: VT-d specification, section
 * 6.5.2. The VMM runs it when the guest writes the tail.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vtds_defs.h"
#include "vtds_guest_queue.h"

void vtds_queue_init(struct vtds_queue *queue, struct vtds_guest *guest,
		     unsigned int qs, bool wide)
{
	*queue = (struct vtds_queue){
		.guest = guest,
		.gpa = vtds_pages(guest, SZ_4K << qs, SZ_4K),
		.qs = qs,
		.wide = wide,
	};
}

/* Bytes of a descriptor */
unsigned int vtds_queue_width(const struct vtds_queue *queue)
{
	return queue->wide ? 32 : 16;
}

unsigned int vtds_queue_entries(const struct vtds_queue *queue)
{
	return (SZ_4K << queue->qs) / vtds_queue_width(queue);
}

__u64 vtds_queue_iqa(const struct vtds_queue *queue)
{
	return queue->gpa | (queue->wide ? 1 << 11 : 0) | queue->qs;
}

__u64 *vtds_queue_at(struct vtds_queue *queue, __u64 offset)
{
	return vtds_hva(queue->guest, queue->gpa + offset);
}

/* Writes a descriptor at the tail, which moves on */
void vtds_queue_put(struct vtds_queue *queue, const struct vtds_desc *desc)
{
	__u64 *to = vtds_queue_at(queue, queue->tail);

	memset(to, 0, vtds_queue_width(queue));
	memcpy(to, desc, sizeof(*desc));
	queue->tail =
		(queue->tail + vtds_queue_width(queue)) % (SZ_4K << queue->qs);
}

/* RUN_QUEUE; the head moves */
int vtds_queue_run(struct vtds_unit *unit, struct vtds_queue *queue,
		   struct vtd_shadow_run_queue *result)
{
	int rc;

	*result = (struct vtd_shadow_run_queue){
		.size = sizeof(*result),
		.iqa = vtds_queue_iqa(queue),
		.head = queue->head,
		.tail = queue->tail,
	};
	rc = ioctl(unit->fd, VTD_SHADOW_RUN_QUEUE, result) ? -errno : 0;
	queue->head = result->head;
	unit->install_errno = result->install_errno;
	return rc;
}

/* Runs the queue up to its tail, as often as it takes */
static int run_all(struct vtds_unit *unit, struct vtds_queue *queue,
		   __u32 count)
{
	struct vtd_shadow_run_queue result;
	__u32 install_errno = 0, done = 0;
	int rc;

	do {
		rc = vtds_queue_run(unit, queue, &result);
		if (rc)
			return rc;
		install_errno = install_errno ?: result.install_errno;
		done += result.done;
		unit->more += !!(result.status & VTD_SHADOW_MORE);
	} while (result.status == VTD_SHADOW_MORE);
	unit->install_errno = install_errno;
	if (done != count || result.iqei || result.status ||
	    queue->head != queue->tail)
		return -EBADMSG;
	return 0;
}

/* As vtds_flush(), through the unit's queue */
int vtds_queue_send(struct vtds_unit *unit, const struct vtds_desc *descs,
		    __u32 nr)
{
	struct vtds_queue *queue = unit->queue;
	const __u32 room = vtds_queue_entries(queue) - 1;
	__u32 install_errno = 0;

	for (__u32 i = 0; i < nr;) {
		__u32 count = nr - i < room ? nr - i : room;
		int rc;

		for (__u32 j = 0; j < count; j++)
			vtds_queue_put(queue, &descs[i + j]);
		rc = run_all(unit, queue, count);
		if (rc)
			return rc;
		install_errno = install_errno ?: unit->install_errno;
		i += count;
	}
	unit->install_errno = install_errno;
	return 0;
}
