/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Syncing of tables, see sync.c
 */
#ifndef VTDS_SYNC_H
#define VTDS_SYNC_H

#include <linux/types.h>

struct vtds_batch;
struct vtds_domain;
struct vtds_unit;

int vtds_sync_need_scratch(struct vtds_unit *unit);
void vtds_domain_sync(struct vtds_batch *batch, struct vtds_domain *domain,
		      u64 first, u64 last);
void vtds_domain_sync_full(struct vtds_batch *batch,
			   struct vtds_domain *domain);

#endif /* VTDS_SYNC_H */
