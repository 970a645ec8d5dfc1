/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Batches: what one call does to a unit, see batch.c
 */
#ifndef VTDS_BATCH_H
#define VTDS_BATCH_H

#include <linux/sched/signal.h>
#include <linux/types.h>

#include "unit.h"

/**
 * struct vtds_batch - What one ioctl does to a unit, with one flush at its end
 * @unit: The unit, locked
 * @seq: Number of this batch
 * @error: First reason (negative errno) why something was not installed, or 0
 * @refused: How many entries were not
 * @may_pass: The host refused something that it may do later
 * @remove_only: Nothing more is installed: a budget is used up or the caller is
 *               dying. The rest of the batch only revokes, which is bounded by
 *               what is mirrored
 */
struct vtds_batch {
	struct vtds_unit *unit;
	u64 seq;
	int error;
	unsigned long refused;
	bool may_pass;
	bool remove_only;
};

void vtds_batch_fail(struct vtds_batch *batch, int error);
void vtds_batch_exhaust(struct vtds_batch *batch);
void vtds_batch_kill(struct vtds_batch *batch);

/* Begins a batch on a locked unit. */
static inline void vtds_batch_begin(struct vtds_batch *batch,
				    struct vtds_unit *unit)
{
	lockdep_assert_held(&unit->lock);
	*batch = (struct vtds_batch){ .unit = unit, .seq = ++unit->seq };
}

/* Whether the batch may still take memory and time for installing. */
static inline bool vtds_batch_may_install(struct vtds_batch *batch)
{
	if (unlikely(!batch->remove_only && fatal_signal_pending(current)))
		vtds_batch_kill(batch);
	return !batch->remove_only;
}

#endif /* VTDS_BATCH_H */
