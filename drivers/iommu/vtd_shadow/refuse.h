/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may be installed, and what is done about the rest, see refuse.c
 */
#ifndef VTDS_REFUSE_H
#define VTDS_REFUSE_H

#include <linux/types.h>

#include "cursor.h"

void vtds_refuse(const struct vtds_cursor *c, int error);
void vtds_refuse_pieces(const struct vtds_cursor *c);
void vtds_refuse_top(struct vtds_walk *walk, u64 iova, int error);
int vtds_allowed(const struct vtds_cursor *c);
int vtds_permit(const struct vtds_cursor *c, unsigned int *perm,
		unsigned int mem_perm);

/* Whether all leaves in a range are allowed. If not some may be nevertheless. */
static inline bool vtds_all_allowed(const struct vtds_walk *walk, u64 iova,
				    u64 size)
{
	const struct vtds_host_domain *host = &walk->domain->host;
	const struct vtds_unit *unit = walk->unit;

	return vtds_batch_may_install(walk->batch, walk->domain) &&
	       iova >= host->first && iova + size - 1 <= host->last &&
	       unit->nr_pages + (size >> VTD_PAGE_SHIFT) <= unit->max_pages;
}

#endif /* VTDS_REFUSE_H */
