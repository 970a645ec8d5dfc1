// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches: what one call does to a unit, with one flush for each domain at its
 * end.
 */
#include <kunit/visibility.h>

#include "vtd_shadow_private.h"

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

/* vtds_batch_flush() when there is something to do */
void __vtds_batch_flush(struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;
	struct vtds_domain *domain, *next;

	list_for_each_entry_safe(domain, next, &unit->domains, entry) {
		if (domain->host.need_flush)
			vtds_host_flush(&domain->host, &unit->stats);
		if (!domain->host.broken)
			continue;
		vtds_batch_fail(batch, -EIO);
		vtds_devices_block_domain(batch, domain);
	}
	/* Only now may pages be given back that devices could reach */
	vtds_mem_trim(&unit->mem);
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_batch_flush);
