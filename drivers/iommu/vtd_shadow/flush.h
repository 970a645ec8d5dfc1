/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a batch, see flush.c
 */
#ifndef VTDS_FLUSH_H
#define VTDS_FLUSH_H

#include <linux/types.h>

#include "batch.h"
#include "domain.h"
#include "guest_mem.h"

void __vtds_batch_flush(struct vtds_batch *batch);
void vtds_batch_retry_later(struct vtds_batch *batch);
void vtds_batch_settle_later(struct vtds_batch *batch);
void __vtds_unit_trim(struct vtds_unit *unit);

/**
 * vtds_batch_flush() - Make all that was revoked so far dead
 * @batch: The batch
 *
 * A domain on which the host failed loses its devices: detaching is the last way
 * to make sure that they reach nothing.
 */
static inline void vtds_batch_flush(struct vtds_batch *batch)
{
	const struct vtds_unit *unit = batch->unit;
	const struct vtds_domain *domain;
	bool pending = false;

	list_for_each_entry(domain, &unit->domains, entry)
		pending |= domain->host.need_flush || domain->host.broken;
	if (pending)
		__vtds_batch_flush(batch);
}

/* What the batch has left is done by whoever takes the rest. */
static inline void vtds_batch_disown(struct vtds_batch *batch)
{
	struct vtds_domain *domain;
	bool left = false;

	list_for_each_entry(domain, &batch->unit->domains, entry) {
		left |= !domain->users;
		if (unlikely(domain->todo.count))
			left |= vtds_todo_disown(&domain->todo, batch->seq);
	}
	if (unlikely((left && !batch->takes_rest) || batch->leaves_some))
		vtds_batch_settle_later(batch);
}

/* Ends a batch. Returns the positive errno to report, or 0. */
static inline u32 vtds_batch_end(struct vtds_batch *batch)
{
	vtds_batch_flush(batch);
	if (!batch->limited)
		batch->unit->limit_reported = false;
	if (unlikely(batch->may_pass))
		vtds_batch_retry_later(batch);
	vtds_batch_disown(batch);
	vtds_mem_release_holds(&batch->unit->mem, &batch->holds);
	return -batch->error;
}

/**
 * vtds_unit_trim() - Unpin guest memory that nobody uses and that may not stay pinned
 * @unit: The unit
 *
 * Context: without the lock of the unit. If the caller is being killed the rest is left to
 * whoever is next.
 */
static inline void vtds_unit_trim(struct vtds_unit *unit)
{
	if (unlikely(vtds_mem_needs_trim(&unit->mem)))
		__vtds_unit_trim(unit);
}

#endif /* VTDS_FLUSH_H */
