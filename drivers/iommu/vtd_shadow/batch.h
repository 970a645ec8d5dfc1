/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Batches: what one call does to a unit, see batch.c
 */
#ifndef VTDS_BATCH_H
#define VTDS_BATCH_H

#include <linux/bits.h>
#include <linux/limits.h>
#include <linux/sched/signal.h>
#include <linux/types.h>

#include "guest_mem.h"
#include "unit.h"

struct vtds_domain;
struct vtds_range;

/**
 * struct vtds_batch - What one call does to a unit, with one flush at its end
 * @unit: The unit, locked, but for the moments in which the batch gives way or waits
 * @seq: Number of this batch, from 1 on
 * @error: First reason (negative errno) why something was not installed, or 0
 * @may_pass: The host refused something that it may do later
 * @limited: A domain has reached a limit
 * @refresh: Contexts are to be read again: those of @sid, but for the bits in @sid_mask
 * @sid: Source-id
 * @sid_mask: Bits of it that do not count
 * @takes_rest: It also does what other batches have left
 * @background: It also brings back what nobody waits for
 * @leaves_some: There is something of that kind
 * @nr_untouched: How often there was no memory to keep what contexts are read from
 * @awaited: Superpage leaf for the memory of which it waited last
 * @nr_waits: How often
 * @work: Tables that may still be visited before the call has to return
 * @holds: Guest memory that stays known until the end
 */
struct vtds_batch {
	struct vtds_unit *unit;
	u64 seq;
	int error;
	bool may_pass;
	bool limited;
	bool takes_rest;
	bool background;
	bool leaves_some;
	bool refresh;
	u16 sid;
	u16 sid_mask;
	unsigned int nr_untouched;
	u64 awaited;
	unsigned int nr_waits;
	u64 work;
	struct vtds_holds holds;
};

void vtds_batch_fail(struct vtds_batch *batch, int error);
void vtds_batch_exhaust(struct vtds_batch *batch, struct vtds_domain *domain);
bool __vtds_batch_may_install(struct vtds_batch *batch,
			      struct vtds_domain *domain);
void vtds_batch_refused(struct vtds_batch *batch, struct vtds_domain *domain);
bool vtds_batch_try_again(struct vtds_batch *batch, struct vtds_domain *domain,
			  struct vtds_range *range, bool done);

/* Entries that could not be installed in one domain by one batch, at most */
#define VTDS_MAX_REFUSED BIT(20)

/* Begins a batch on a locked unit. */
static inline void vtds_batch_begin(struct vtds_batch *batch,
				    struct vtds_unit *unit)
{
	vtds_assert_locked(&unit->lock);
	batch->unit = unit;
	batch->seq = ++unit->seq;
	batch->error = 0;
	batch->may_pass = false;
	batch->limited = false;
	batch->takes_rest = unit->budget != U64_MAX;
	batch->background = false;
	batch->leaves_some = false;
	batch->refresh = false;
	batch->nr_untouched = 0;
	batch->awaited = 0;
	batch->nr_waits = 0;
	batch->work = unit->budget;
	batch->holds.alarm = NULL;
	vtds_mem_begin(&unit->mem, &batch->holds);
}

/* Whether the batch may still take memory and time for installing in a domain. */
static inline bool vtds_batch_may_install(struct vtds_batch *batch,
					  struct vtds_domain *domain)
{
	return likely(!batch->limited) ||
	       __vtds_batch_may_install(batch, domain);
}

/* Lets somebody else have the unit, if anybody waits for it. */
static inline void vtds_batch_give_way(const struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;

	if (!vtds_lock_wanted(&unit->lock))
		return;
	vtds_lock_give_way(&unit->lock);
	vtds_mem_resume(&unit->mem, &batch->holds);
}

/* Whether a walk has to stop where it is: somebody waits, or the call is over. */
static inline bool vtds_batch_must_stop(const struct vtds_batch *batch)
{
	return !batch->work || vtds_lock_wanted(&batch->unit->lock) ||
	       fatal_signal_pending(current);
}

#endif /* VTDS_BATCH_H */
