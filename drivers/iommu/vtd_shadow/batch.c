// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches: what one call did to a unit, and why not more. What a domain runs into counts
 * for that domain alone. Serves all that installs; calls event.c and stats.c. A
 * batch ends in flush.c.
 */
#include <linux/minmax.h>

#include "batch.h"
#include "domain.h"
#include "error.h"
#include "event.h"
#include "stats.h"
#include "unit.h"

/* Notes why something was not installed; the first reason is kept. */
void vtds_batch_fail(struct vtds_batch *batch, int error)
{
	if (!batch->error)
		batch->error = error;
	batch->may_pass |= vtds_error_may_pass(error);
}

/* What a batch has done to a domain so far */
static struct vtds_domain_turn *turn_of(const struct vtds_batch *batch,
					struct vtds_domain *domain)
{
	if (domain->turn.seq != batch->seq)
		domain->turn = (struct vtds_domain_turn){
			.seq = batch->seq,
			.first = U64_MAX,
		};
	return &domain->turn;
}

/* A limit is reached: the rest of the batch only revokes in this domain. */
void vtds_batch_exhaust(struct vtds_batch *batch, struct vtds_domain *domain)
{
	struct vtds_domain_turn *turn = turn_of(batch, domain);

	if (!turn->exhausted) {
		turn->error_before = batch->error;
		turn->unmapped = vtds_stats_leaves_unmapped(batch->unit);
	}
	turn->exhausted = true;
	batch->limited = true;
	vtds_batch_fail(batch, -ENOSPC);
	if (!batch->unit->limit_reported)
		vtds_event_limit(batch->unit);
	batch->unit->limit_reported = true;
}

/* vtds_batch_may_install() when some domain has reached a limit */
bool __vtds_batch_may_install(struct vtds_batch *batch,
			      struct vtds_domain *domain)
{
	return !turn_of(batch, domain)->exhausted;
}

/**
 * vtds_batch_refused() - Count an entry that could not be installed
 * @batch: The batch
 * @domain: The domain
 *
 * What fails takes time, too, and there is no other limit to it.
 */
void vtds_batch_refused(struct vtds_batch *batch, struct vtds_domain *domain)
{
	if (++turn_of(batch, domain)->refused >= VTDS_MAX_REFUSED)
		vtds_batch_exhaust(batch, domain);
}

/**
 * vtds_batch_try_again() - Whether a domain gave back what it lacked
 * @batch: The batch
 * @domain: The domain
 * @range: What has just been synced; on return what is to be synced again
 * @done: Nothing else is to be synced
 *
 * Tables are visited in order, so that one may have hit a limit before a later one gave
 * back what it needed. Once in a batch.
 *
 * Return: whether to sync again.
 */
bool vtds_batch_try_again(struct vtds_batch *batch, struct vtds_domain *domain,
			  struct vtds_range *range, bool done)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_domain_turn *turn;

	if (likely(!batch->limited))
		return false;
	turn = turn_of(batch, domain);
	if (!turn->exhausted || turn->again)
		return false;
	turn->first = min(turn->first, range->first);
	turn->last = max(turn->last, range->last);
	if (!done || vtds_stats_leaves_unmapped(unit) == turn->unmapped ||
	    unit->nr_pages >= unit->max_pages ||
	    unit->nr_nodes >= unit->max_nodes)
		return false;
	turn->exhausted = false;
	turn->again = true;
	batch->error = turn->error_before;
	range->first = turn->first;
	range->last = turn->last;
	return true;
}
