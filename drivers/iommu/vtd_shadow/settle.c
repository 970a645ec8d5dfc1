// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settle: does what a call wants of the domains of a unit: syncs what was collected, frees
 * what nobody uses any more. This is where a call gives way to others,
 * waits for guest memory, and ends for want of time; all other files see the unit locked
 * all along, apart from those that say otherwise. Serves main.c, queue.c, unit.c, memory.c
 * and retry.c; calls sync.c, domain.c, guest_fetch.c and flush.c.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "batch.h"
#include "domain.h"
#include "flush.h"
#include "guest_mem.h"
#include "settle.h"
#include "sync.h"
#include "tables.h"
#include "unit.h"

/* Whether a domain that nobody uses any more is left to the batch */
static bool ends(const struct vtds_batch *batch,
		 const struct vtds_domain *domain)
{
	return !domain->users &&
	       (batch->takes_rest || domain->ended_by == batch->seq);
}

/*
 * Whose range of a domain is next for a batch: its own, then what others have left, then
 * what is brought back. Returns whether there is any.
 */
static bool owner_to_serve(const struct vtds_batch *batch,
			   const struct vtds_todo *todo, u64 *owner)
{
	if (!todo->count)
		return false;
	*owner = batch->seq;
	if (vtds_todo_has(todo, *owner))
		return true;
	*owner = VTDS_TODO_REST;
	if (batch->takes_rest && vtds_todo_has(todo, *owner))
		return true;
	*owner = VTDS_TODO_BACKGROUND;
	return batch->background && vtds_todo_has(todo, *owner);
}

/*
 * The next domain that has something to do for the batch. What is left of one that nobody
 * uses is in the way of others: it goes first.
 */
static struct vtds_domain *next_domain(const struct vtds_batch *batch)
{
	struct vtds_domain *domain, *found = NULL;
	u64 owner;

	list_for_each_entry(domain, &batch->unit->domains, entry) {
		if (ends(batch, domain))
			return domain;
		if (!found && domain->users &&
		    owner_to_serve(batch, &domain->todo, &owner))
			found = domain;
	}
	return found;
}

static enum vtds_synced end_domain(struct vtds_batch *batch,
				   struct vtds_domain *domain)
{
	while (!vtds_domain_end(domain)) {
		if (vtds_batch_must_stop(batch))
			return VTDS_SYNC_STOPPED;
		cond_resched();
	}
	return VTDS_SYNCED;
}

/* What is not given back now, because somebody waits, is after the next walk. */
static void trim_tables(struct vtds_batch *batch, struct vtds_domain *domain)
{
	while (vtds_tables_trim(domain, VTDS_TABLES_MAX)) {
		if (vtds_lock_wanted(&batch->unit->lock) ||
		    fatal_signal_pending(current))
			return;
		cond_resched();
	}
}

static enum vtds_synced sync_domain(struct vtds_batch *batch,
				    struct vtds_domain *domain)
{
	enum vtds_synced synced;
	struct vtds_range range, all;
	bool resumed;
	u64 owner;

	if (WARN_ON_ONCE(!owner_to_serve(batch, &domain->todo, &owner)))
		return VTDS_SYNCED;
	range = vtds_todo_take(&domain->todo, owner, &resumed);
	all = range;
	synced = vtds_domain_sync(batch, domain, &range, resumed);
	if (unlikely(domain->tables.nr_left > VTDS_TABLES_MAX))
		trim_tables(batch, domain);
	if (synced != VTDS_SYNCED) {
		vtds_todo_put_back(&domain->todo, owner, range);
		all.last = max(all.last, range.last);
	}
	if (vtds_batch_try_again(batch, domain, &all,
				 synced == VTDS_SYNCED &&
					 !vtds_todo_has(&domain->todo, owner)))
		vtds_todo_add(&domain->todo, owner, all.first, all.last);
	return synced;
}

/* Does something for a domain. */
static enum vtds_synced settle_one(struct vtds_batch *batch,
				   struct vtds_domain *domain)
{
	return domain->users ? sync_domain(batch, domain) :
			       end_domain(batch, domain);
}

/**
 * vtds_wait_for_memory() - Have memory pinned that was looked for in vain
 * @batch: The batch
 *
 * Context: as vtds_mem_fetch().
 *
 * Return: 0, or -EINTR if the caller is being killed.
 */
int vtds_wait_for_memory(struct vtds_batch *batch)
{
	return vtds_mem_fetch(&batch->unit->mem, &batch->holds);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_wait_for_memory);

/* What follows after a walk. Returns whether to go on. */
static bool go_on(struct vtds_batch *batch, enum vtds_synced synced,
		  bool may_wait)
{
	if (fatal_signal_pending(current))
		return false;
	if (synced == VTDS_SYNC_WAITS) {
		if (!may_wait || vtds_wait_for_memory(batch))
			return false;
		/* What is known now may be forgotten at the end of the call: use it */
		batch->work = max(batch->work, 1);
		return true;
	}
	if (!batch->work)
		return false;
	vtds_batch_give_way(batch);
	return true;
}

static bool settle(struct vtds_batch *batch, bool may_wait)
{
	struct vtds_domain *domain;

	while ((domain = next_domain(batch)))
		if (!go_on(batch, settle_one(batch, domain), may_wait))
			return !next_domain(batch);
	return true;
}

/**
 * vtds_settle() - Do all that a batch wants of the domains of its unit
 * @batch: The batch; what other calls want is left to them
 *
 * Context: gives way to others, and waits for guest memory. Nothing that was looked up in
 * the unit before is valid after.
 *
 * Return: whether nothing is left. If something is, the batch has no time left, or its
 * caller is being killed.
 */
bool vtds_settle(struct vtds_batch *batch)
{
	return settle(batch, true);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_settle);

/**
 * vtds_settle_quickly() - vtds_settle() without waiting for guest memory
 * @batch: The batch
 * @work: How many tables may be visited
 *
 * For callers that keep others waiting who have nothing to do with the unit. What is left
 * is done later, see retry.c.
 */
void vtds_settle_quickly(struct vtds_batch *batch, u64 work)
{
	batch->work = work;
	if (!settle(batch, false))
		vtds_batch_settle_later(batch);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_settle_quickly);

/**
 * vtds_barrier() - What was asked for so far takes effect
 * @batch: The batch
 *
 * Context: as vtds_settle().
 *
 * Return: whether it did. If not, it is to be asked for once more.
 */
bool vtds_barrier(struct vtds_batch *batch)
{
	bool settled = vtds_settle(batch);

	vtds_batch_flush(batch);
	return settled;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_barrier);
