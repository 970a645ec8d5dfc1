// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flush: makes dead what a batch revoked, with one flush for each domain, and ends
 * the batch. Serves all that begin one, and wait descriptors; calls device.c for
 * domains on which the host failed, and guest_mem.c for pages that may go.
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
		if (!domain->host.broken)
			continue;
		vtds_batch_fail(batch, -EIO);
		vtds_devices_block_domain(batch, domain);
	}
	/* Only now may pages be given back that devices could reach */
	vtds_mem_trim(&unit->mem);
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_batch_flush);

/* The host refused something that it may do later: vtds_retry_run() will ask again. */
void vtds_batch_retry_later(struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;

	if (!unit->troubled)
		unit->retry_ms = VTDS_RETRY_FIRST;
	unit->troubled = true;
	vtds_work_queue(&unit->retry, unit->retry_ms);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_batch_retry_later);
