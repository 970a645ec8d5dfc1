/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Installing entries, see install.c
 */
#ifndef VTDS_INSTALL_H
#define VTDS_INSTALL_H

#include <linux/scatterlist.h>
#include <linux/types.h>

#include "batch.h"
#include "domain.h"

struct vtds_node;

/* Entries that may fail to be installed before a call gives up installing */
#define VTDS_MAX_REFUSED BIT(20)

/**
 * struct vtds_walk - One sync
 * @batch: What it is part of
 * @domain: What is synced
 * @piece_error: Why a piece of the superpage leaf at hand was not installed, or 0
 * @piece_iova: Address of the first such piece
 */
struct vtds_walk {
	struct vtds_batch *batch;
	struct vtds_domain *domain;
	int piece_error;
	u64 piece_iova;
};

void vtds_walk_refuse(struct vtds_walk *walk, struct vtds_node *node, u64 iova,
		      u64 raw, int error);
int vtds_walk_allowed(struct vtds_walk *walk, u64 iova, u64 size);
int vtds_walk_permit(const struct vtds_walk *walk, unsigned int *perm,
		     unsigned int mem_perm);
int vtds_run_map(struct vtds_walk *walk);

/* Whether all leaves in a range are allowed. If not some may be nevertheless. */
static inline bool vtds_walk_all_allowed(struct vtds_walk *walk, u64 iova,
					 u64 size)
{
	const struct vtds_host_domain *host = &walk->domain->host;
	const struct vtds_unit *unit = walk->batch->unit;

	return vtds_batch_may_install(walk->batch) && iova >= host->first &&
	       iova + size - 1 <= host->last &&
	       unit->nr_pages + (size >> VTD_PAGE_SHIFT) <= unit->max_pages;
}

static inline void vtds_run_begin(struct vtds_walk *walk, u64 iova,
				  unsigned int perm)
{
	struct vtds_run *run = &walk->batch->unit->run;

	run->iova = iova;
	run->size = 0;
	run->nents = 0;
	run->perm = perm;
}

/* Adds @size bytes of host memory at @pfn; the caller sees to VTDS_SG_ENTRIES. */
static inline void vtds_run_add(struct vtds_walk *walk, unsigned long pfn,
				u64 size)
{
	struct vtds_run *run = &walk->batch->unit->run;
	struct scatterlist *sg = &walk->batch->unit->sg[run->nents];

	if (run->nents && run->next == pfn) {
		sg[-1].length += size;
	} else {
		sg_set_page(sg, pfn_to_page(pfn), size, 0);
		run->nents++;
	}
	run->next = pfn + (size >> VTD_PAGE_SHIFT);
	run->size += size;
}

int vtds_install_super(struct vtds_walk *walk, struct vtds_node *node, u64 iova,
		       u64 raw, unsigned int perm);

#endif /* VTDS_INSTALL_H */
