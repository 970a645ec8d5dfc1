// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: what the engine found wrong, for the VMM to read from the file. Serves all that
 * find something, and main.c; calls guest_ctx.c for the names of faults.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/vtd_shadow.h>

#include "alloc.h"
#include "device.h"
#include "domain.h"
#include "error.h"
#include "event.h"
#include "guest_ctx.h"
#include "pasid.h"
#include "trace.h"
#include "unit.h"
#include "vtd_format.h"

/**
 * struct vtds_events - Events of a unit that were not read yet
 * @lock: Protects @fifo and @lost. Innermost: nothing is taken under it
 * @fifo: The events
 * @lost: How many did not fit since @fifo was full
 * @wait: Readers
 */
struct vtds_events {
	spinlock_t lock; /* fifo and lost */
	DECLARE_KFIFO(fifo, struct vtd_shadow_event, VTDS_MAX_EVENTS);
	u32 lost;
	wait_queue_head_t wait;
};

/* Returns NULL if there is no memory. */
struct vtds_events *vtds_events_alloc(void)
{
	struct vtds_events *events;

	events = vtds_zalloc(sizeof(*events));
	if (!events)
		return NULL;
	spin_lock_init(&events->lock);
	INIT_KFIFO(events->fifo);
	init_waitqueue_head(&events->wait);
	return events;
}

void vtds_events_free(struct vtds_events *events)
{
	kfree(events);
}

static void event_add(struct vtds_unit *unit,
		      const struct vtd_shadow_event *event)
{
	struct vtds_events *events = unit->events;

	bool lost;

	vtds_assert_locked(&unit->lock);
	spin_lock(&events->lock);
	/* Once one is lost all that follow are, so that order is kept */
	lost = events->lost || !kfifo_put(&events->fifo, *event);
	if (lost)
		events->lost += events->lost != U32_MAX;
	spin_unlock(&events->lock);
	unit->stats.events++;
	unit->stats.events_lost += lost;
	trace_vtd_shadow_event(unit->id, event, lost);
	wake_up_interruptible(&events->wait);
}

static void event_of_source(struct vtd_shadow_event *event,
			    const struct vtds_unit *unit,
			    const struct vtds_source *source)
{
	event->flags |= VTD_SHADOW_EVENT_SOURCE_ID;
	event->source_id = source->sid;
	event->domain_id = source->ctx.did;
	if (!vtds_unit_is_scalable(unit))
		return;
	event->flags |= VTD_SHADOW_EVENT_PASID;
	event->pasid = source->ctx.pasid;
}

/**
 * vtds_event_ctx() - Report that a source-id is blocked by its entries
 * @unit: The unit
 * @source: The source-id; its guest context was just read
 *
 * Once for the same contents of the entries.
 */
void vtds_event_ctx(struct vtds_unit *unit, struct vtds_source *source)
{
	const struct vtds_guest_ctx *ctx = &source->ctx;
	struct vtd_shadow_event event = {
		.type = ctx->error ? VTD_SHADOW_EVENT_INSTALL :
				     VTD_SHADOW_EVENT_FAULT,
		.reason = ctx->reason,
		.error = -ctx->error,
	};
	bool known = source->reported == ctx->reason &&
		     source->reported_error == ctx->error &&
		     source->reported_digest == ctx->digest;

	source->reported = ctx->reason;
	source->reported_error = ctx->error;
	source->reported_digest = ctx->digest;
	if (known)
		return;
	trace_vtd_shadow_context(unit->id, source->sid, ctx->pasid,
				 ctx->attachment, ctx->root, ctx->levels,
				 ctx->did, ctx->reason, ctx->error);
	if (!ctx->error && (!ctx->reason || ctx->fpd))
		return;
	event_of_source(&event, unit, source);
	event_add(unit, &event);
}

/**
 * vtds_event_attach() - Report that a source-id cannot be where it should
 * @unit: The unit
 * @source: The source-id, blocked
 * @error: Negative errno of the host, or 0: its host group is to be in more than
 *         one place
 */
void vtds_event_attach(struct vtds_unit *unit, const struct vtds_source *source,
		       int error)
{
	struct vtd_shadow_event event = {
		.type = error ? VTD_SHADOW_EVENT_INSTALL :
				VTD_SHADOW_EVENT_CONFLICT,
		.error = -error,
	};

	event_of_source(&event, unit, source);
	event_add(unit, &event);
}

/* Reports that a limit of the unit or of a call is reached. */
void vtds_event_limit(struct vtds_unit *unit)
{
	struct vtd_shadow_event event = {
		.type = VTD_SHADOW_EVENT_INSTALL,
		.error = ENOSPC,
	};

	event_add(unit, &event);
}

/* Reports that the host refuses nothing any more of what it may have done later. */
void vtds_event_recovered(struct vtds_unit *unit)
{
	struct vtd_shadow_event event = {
		.type = VTD_SHADOW_EVENT_RECOVERED,
	};

	event_add(unit, &event);
}

static bool listens(const struct vtds_source *source,
		    const struct vtds_domain *domain)
{
	return vtds_ctx_uses(&source->ctx, domain->root, domain->levels) &&
	       !source->ctx.fpd;
}

/* One of the sources that use a table and want to hear of its faults. */
static const struct vtds_source *listener(const struct vtds_domain *domain)
{
	struct vtds_device *dev;
	struct vtds_pasid *pasid;
	unsigned long index;

	list_for_each_entry(dev, &domain->unit->devices, unit_entry) {
		for (u32 i = 0; i < dev->nr_sources; i++)
			if (listens(&dev->sources[i], domain))
				return &dev->sources[i];
		xa_for_each(&dev->pasids, index, pasid)
			if (listens(&pasid->source, domain))
				return &pasid->source;
	}
	return NULL;
}

/* The fault of an entry that was refused for @error, if it is the guest's. */
static enum vtd_shadow_fault_reason refusal_reason(const struct vtds_unit *unit,
						   enum vtds_refused refused,
						   int error)
{
	enum vtd_shadow_fault_reason reason;

	if (error == -EPROTO)
		reason = VTD_SHADOW_FR_SS_RESERVED;
	else if (error == -EADDRNOTAVAIL)
		reason = VTD_SHADOW_FR_INTERRUPT_RANGE;
	else if (!vtds_error_is_guests(error))
		return VTD_SHADOW_FR_NONE;
	else if (refused == VTDS_REFUSED_TOP)
		reason = VTD_SHADOW_FR_CTX_INVALID;
	else if (refused == VTDS_REFUSED_TABLE)
		reason = VTD_SHADOW_FR_TABLE_UNREADABLE;
	else
		return VTD_SHADOW_FR_NONE;
	return vtds_unit_reason(unit, reason);
}

/**
 * vtds_event_refused() - Report a paging entry that was not installed
 * @domain: Whose
 * @iova: First address that it translates
 * @refused: What it is
 * @error: Why: a negative errno
 */
void vtds_event_refused(const struct vtds_domain *domain, u64 iova,
			enum vtds_refused refused, int error)
{
	const struct vtds_source *source = listener(domain);
	struct vtds_unit *unit = domain->unit;
	struct vtd_shadow_event event = {
		.flags = VTD_SHADOW_EVENT_ADDRESS,
		.iova = iova,
	};

	if (!source)
		return;
	event.reason = refusal_reason(unit, refused, error);
	event.type = event.reason ? VTD_SHADOW_EVENT_FAULT :
				    VTD_SHADOW_EVENT_INSTALL;
	if (!event.reason)
		event.error = -error;
	event_of_source(&event, unit, source);
	event_add(unit, &event);
}

/* Takes the next event, or the mark that some were lost. */
VISIBLE_IF_KUNIT bool vtds_event_take(struct vtds_events *events,
				      struct vtd_shadow_event *event)
{
	bool found;

	spin_lock(&events->lock);
	found = kfifo_get(&events->fifo, event);
	if (!found && events->lost) {
		*event = (struct vtd_shadow_event){
			.type = VTD_SHADOW_EVENT_LOST,
			.lost = events->lost,
		};
		events->lost = 0;
		found = true;
	}
	spin_unlock(&events->lock);
	return found;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_event_take);

static bool events_pending(struct vtds_events *events)
{
	bool pending;

	spin_lock(&events->lock);
	pending = !kfifo_is_empty(&events->fifo) || events->lost;
	spin_unlock(&events->lock);
	return pending;
}

/* How many events wait to be read */
unsigned int vtds_events_waiting(struct vtds_events *events)
{
	unsigned int count;

	spin_lock(&events->lock);
	count = kfifo_len(&events->fifo);
	spin_unlock(&events->lock);
	return count;
}

/* Copies what is there. Returns the bytes, 0 if nothing is there any more. */
static ssize_t events_copy(struct vtds_events *events, char __user *to,
			   size_t size)
{
	struct vtd_shadow_event event;
	size_t done = 0;

	/* Taken is taken: what cannot be copied is lost with the reader */
	while (size - done >= sizeof(event) &&
	       vtds_event_take(events, &event)) {
		if (copy_to_user(to + done, &event, sizeof(event)))
			return done ?: -EFAULT;
		done += sizeof(event);
		cond_resched();
	}
	return done;
}

/* read(), see struct vtd_shadow_event. */
ssize_t vtds_events_read(struct vtds_events *events, char __user *to,
			 size_t size, bool nonblock)
{
	ssize_t done;

	if (size < sizeof(struct vtd_shadow_event))
		return -EINVAL;
	while (!(done = events_copy(events, to, size))) {
		if (nonblock)
			return -EAGAIN;
		if (wait_event_interruptible(events->wait,
					     events_pending(events)))
			return -ERESTARTSYS;
	}
	return done;
}

/* poll() */
__poll_t vtds_events_poll(struct vtds_events *events, struct file *file,
			  struct poll_table_struct *wait)
{
	poll_wait(file, &events->wait, wait);
	return events_pending(events) ? EPOLLIN | EPOLLRDNORM : 0;
}
