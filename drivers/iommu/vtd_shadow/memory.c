// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that goes and comes: iommufd takes a range away, and nothing may use it on
 * return; the VMM says that there is memory now, and what was refused for lack of it is
 * tried again. Serves unit.c and ioctl.c; calls rmap.c, mirror.c, guest_evict.c, flush.c
 * and sync.c.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/sched.h>

#include "batch.h"
#include "domain.h"
#include "flush.h"
#include "guest_mem.h"
#include "memory.h"
#include "mirror.h"
#include "rmap.h"
#include "sync.h"
#include "unit.h"

/* Tables that are looked at before it is asked whether somebody waits */
#define EVICT_WORK 16

/* Tables that are synced before the rest is left to others */
#define RESTORE_WORK 512

/*
 * Revokes all uses of a range, which nothing new can be made to use. Gives way to whoever
 * waits.
 */
static void revoke(struct vtds_unit *unit, u64 first, u64 last)
{
	unsigned int work = EVICT_WORK;
	struct vtds_rmap_iter iter;
	struct vtds_node *node;

	if (!vtds_mem_is_used(&unit->mem, first, last))
		return;
	vtds_rmap_begin(&iter, &unit->rmap, first, last);
	while ((node = vtds_rmap_next(&iter))) {
		if (!vtds_mirror_evict(node, first, last, &work))
			vtds_rmap_again(&iter);
		if (work)
			work--;
		if (work)
			continue;
		work = EVICT_WORK;
		if (vtds_lock_wanted(&unit->lock))
			vtds_lock_give_way(&unit->lock);
		cond_resched();
	}
}

/* All of what vtds_memory_gone() does under vtds_pins.lock */
static void evict_range(struct vtds_unit *unit, struct vtds_evict *evict)
{
	u64 first = evict->first, last = evict->last;
	struct vtds_domain *domain;
	struct vtds_batch batch __uninitialized;

	vtds_mem_evict_begin(&unit->mem, evict);
	revoke(unit, evict->first, evict->last);
	vtds_batch_begin(&batch, unit);
	vtds_batch_end(&batch);
	vtds_mem_evict(&unit->mem, evict);

	list_for_each_entry(domain, &unit->domains, entry) {
		domain->full_seq = 0;
		/* What shared a chunk comes back */
		if (evict->first != first || evict->last != last)
			vtds_todo_all(&domain->restore, VTDS_TODO_REST);
	}
}

static struct vtds_domain *next_restoring(struct vtds_unit *unit)
{
	struct vtds_domain *domain;

	list_for_each_entry(domain, &unit->domains, entry)
		if (domain->users && domain->restore.count)
			return domain;
	return NULL;
}

/*
 * Syncs some of what lost more than had to go. Returns false if it has to be left to
 * whoever may wait for memory, and has more time.
 */
static bool restore_some(struct vtds_batch *batch, struct vtds_domain *domain)
{
	enum vtds_synced synced;
	struct vtds_range range;
	bool resumed;

	range = vtds_todo_take(&domain->restore, VTDS_TODO_REST, &resumed);
	synced = vtds_domain_sync(batch, domain, &range, resumed);
	if (synced == VTDS_SYNCED)
		return true;
	if (synced == VTDS_SYNC_WAITS || !batch->work) {
		vtds_todo_add(&domain->todo, VTDS_TODO_BACKGROUND, range.first,
			      range.last);
		return false;
	}
	vtds_todo_put_back(&domain->restore, VTDS_TODO_REST, range);
	return true;
}

/*
 * Syncs what lost more than had to go, and nothing else: who takes memory away has nothing
 * to do with what other calls are about to do.
 */
static void bring_back(struct vtds_unit *unit, struct vtds_evict *evict)
{
	struct vtds_domain *domain;
	struct vtds_batch batch __uninitialized;

	vtds_batch_begin(&batch, unit);
	batch.work = RESTORE_WORK;
	while ((domain = next_restoring(unit))) {
		if (!restore_some(&batch, domain))
			vtds_batch_settle_later(&batch);
		vtds_batch_give_way(&batch);
	}
	vtds_batch_end(&batch);
	vtds_mem_evict_end(&unit->mem, evict);
}

/**
 * vtds_memory_gone() - A range is about to be taken from the IOAS
 * @data: The unit
 * @iova: First guest physical address
 * @length: Bytes
 *
 * Called by iommufd, without its locks: nothing uses the range on return. To wait for a
 * pin that is under way is no more than iommufd does itself before it takes the range.
 */
void vtds_memory_gone(void *data, unsigned long iova, unsigned long length)
{
	struct vtds_evict evict = { .first = iova,
				    .last = iova + (length - 1) };
	struct vtds_unit *unit = data;

	guard(rwsem_read)(&unit->unmap_rwsem);
	mutex_lock(&unit->mem.pins.lock);
	vtds_lock(&unit->lock);
	if (vtds_mem_has(&unit->mem, evict.first, evict.last)) {
		evict_range(unit, &evict);
		mutex_unlock(&unit->mem.pins.lock);
		bring_back(unit, &evict);
	} else {
		mutex_unlock(&unit->mem.pins.lock);
	}
	vtds_unlock(&unit->lock);
	vtds_unit_trim(unit);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_memory_gone);

/* What led to memory that was taken away was not refused since, but it may be that. */
static void need_lost(struct vtds_domain *domain, u64 owner)
{
	while (domain->lost.count) {
		bool resumed;
		struct vtds_range range =
			vtds_todo_take(&domain->lost, VTDS_TODO_REST, &resumed);

		vtds_todo_add(&domain->todo, owner, range.first, range.last);
	}
}

/**
 * vtds_memory_came() - Have tried again what was refused for lack of memory
 * @batch: The batch, which has the domains synced
 * @first: First guest physical address that may be memory now
 * @last: Last one
 *
 * Costs in proportion to what was refused, and to what was taken away before.
 */
void vtds_memory_came(struct vtds_batch *batch, u64 first, u64 last)
{
	struct vtds_unit *unit = batch->unit;
	u64 owner = batch->seq;
	struct vtds_domain *domain;
	struct vtds_node *node;

	vtds_mem_came(&unit->mem, first, last);
	list_for_each_entry(domain, &unit->domains, entry) {
		domain->full_seq = 0;
		need_lost(domain, owner);
		if (domain->top_reported && domain->root >= first &&
		    domain->root <= last)
			vtds_todo_all(&domain->todo, owner);
		list_for_each_entry(node, &domain->refusing, refused_entry)
			if (vtds_node_retry_refused(node, first, last))
				vtds_todo_add(&domain->todo, owner, node->base,
					      vtds_node_last(node));
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_memory_came);
