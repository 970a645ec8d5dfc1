// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches: what one call did to a unit, and why not more. Serves all that installs;
 * calls event.c. A batch ends in flush.c.
 */
#include "batch.h"
#include "error.h"
#include "event.h"
#include "unit.h"

/* Notes why something was not installed; the first reason is kept. */
void vtds_batch_fail(struct vtds_batch *batch, int error)
{
	if (!batch->error)
		batch->error = error;
	batch->may_pass |= vtds_error_may_pass(error);
}

/* A limit is reached: nothing more is installed. */
void vtds_batch_exhaust(struct vtds_batch *batch)
{
	vtds_batch_fail(batch, -ENOSPC);
	batch->remove_only = true;
	if (!batch->unit->limit_reported)
		vtds_event_limit(batch->unit);
	batch->unit->limit_reported = true;
}

/* The caller is dying: nothing more is installed. */
void vtds_batch_kill(struct vtds_batch *batch)
{
	batch->remove_only = true;
	vtds_batch_fail(batch, -EINTR);
}
