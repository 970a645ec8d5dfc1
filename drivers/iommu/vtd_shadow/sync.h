/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Syncing of tables, see sync.c
 */
#ifndef VTDS_SYNC_H
#define VTDS_SYNC_H

#include <linux/types.h>

struct vtds_batch;
struct vtds_domain;
struct vtds_range;
struct vtds_unit;

/**
 * enum vtds_synced - How a walk ended
 * @VTDS_SYNCED: All was synced
 * @VTDS_SYNC_WAITS: It needs memory that is not pinned, see vtds_mem_fetch()
 * @VTDS_SYNC_STOPPED: Somebody waits, or the call is over, see vtds_batch_must_stop()
 */
enum vtds_synced {
	VTDS_SYNCED,
	VTDS_SYNC_WAITS,
	VTDS_SYNC_STOPPED,
};

int vtds_sync_need_scratch(struct vtds_unit *unit);
enum vtds_synced vtds_domain_sync(struct vtds_batch *batch,
				  struct vtds_domain *domain,
				  struct vtds_range *range, bool resumed);
void vtds_domain_sync_now(struct vtds_batch *batch, struct vtds_domain *domain,
			  u64 first, u64 last);

#endif /* VTDS_SYNC_H */
