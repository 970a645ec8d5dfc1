// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flush: makes dead what a batch revoked, with one flush for each domain, and ends
 * the batch. Serves all that begin one, and wait descriptors; calls device.c for
 * domains on which the host failed, and guest_evict.c for pages that may go.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/list.h>

#include "batch.h"
#include "device.h"
#include "domain.h"
#include "flush.h"
#include "guest_mem.h"
#include "host_domain.h"
#include "retry.h"
#include "unit.h"
#include "work.h"

/* vtds_batch_flush() when there is something to do */
void __vtds_batch_flush(struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_domain *domain, *next;

	list_for_each_entry_safe(domain, next, &unit->domains, entry) {
		if (domain->host.need_flush)
			vtds_host_flush(&domain->host);
		if (!domain->host.broken || !domain->users)
			continue;
		vtds_batch_fail(batch, -EIO);
		vtds_devices_block_domain(batch, domain);
	}
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_batch_flush);

/* The host refused something that it may do later: vtds_retry_run() will ask again. */
void vtds_batch_retry_later(struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;

	if (!unit->troubled)
		unit->retry_ms = VTDS_RETRY_FIRST;
	unit->troubled = true;
	vtds_thread_queue(&unit->retry, unit->retry_ms);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_batch_retry_later);

/* Domains are left with something to do: vtds_retry_run() will do it. */
void vtds_batch_settle_later(struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;

	unit->unsettled = true;
	if (!unit->troubled)
		unit->retry_ms = 0;
	/* The background does not hurry after itself */
	vtds_thread_queue(&unit->retry,
			  batch->background ? VTDS_RETRY_FIRST : 0);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_batch_settle_later);

/* Whoever unmapped something may not have flushed yet. */
static noinline_for_stack void flush_unit(struct vtds_unit *unit)
{
	struct vtds_batch batch __uninitialized;

	vtds_batch_begin(&batch, unit);
	vtds_batch_end(&batch);
}

/* vtds_unit_trim() when there is something to do */
void __vtds_unit_trim(struct vtds_unit *unit)
{
	struct vtds_guest_mem *mem = &unit->mem;
	struct vtds_unpin list __uninitialized;

	while (vtds_mem_needs_trim(mem)) {
		if (mutex_lock_killable(&mem->pins.lock))
			return;
		vtds_lock(&unit->lock);
		flush_unit(unit);
		vtds_mem_pick_idle(mem, &list);
		vtds_unlock(&unit->lock);
		vtds_mem_unpin(mem, &list);
		mutex_unlock(&mem->pins.lock);
	}
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_unit_trim);
