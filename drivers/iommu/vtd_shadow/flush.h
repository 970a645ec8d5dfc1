/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a batch, see flush.c
 */
#ifndef VTDS_FLUSH_H
#define VTDS_FLUSH_H

#include <linux/types.h>

#include "batch.h"
#include "domain.h"

void __vtds_batch_flush(struct vtds_batch *batch);
void vtds_batch_retry_later(struct vtds_batch *batch);

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
	bool pending = vtds_mem_needs_trim(&unit->mem);

	list_for_each_entry(domain, &unit->domains, entry)
		pending |= domain->host.need_flush || domain->host.broken;
	if (pending)
		__vtds_batch_flush(batch);
}

/* Ends a batch. Returns the positive errno to report, or 0. */
static inline u32 vtds_batch_end(struct vtds_batch *batch)
{
	vtds_batch_flush(batch);
	if (!batch->remove_only)
		batch->unit->limit_reported = false;
	if (unlikely(batch->may_pass))
		vtds_batch_retry_later(batch);
	return -batch->error;
}

#endif /* VTDS_FLUSH_H */
