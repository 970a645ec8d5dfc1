/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is left in the machine when a VMM is no more (lib/account.c).
 */
#ifndef VTDS_ACCOUNT_H
#define VTDS_ACCOUNT_H

#include "vtds_isolation.h"

/**
 * struct vtds_account - What the machine has in use
 * @pins: Pages that are pinned
 * @iommu_pages: Pages of the host's page tables
 * @slab_kb: Kernel memory that cannot be reclaimed, -1 if it tells nothing here
 */
struct vtds_account {
	long pins;
	long iommu_pages;
	long slab_kb;
};

void vtds_account_take(struct vtds_account *account);
const char *vtds_account_compare(const struct vtds_account *before,
				 long *slab_grown_kb);
const char *vtds_left_behind(const struct vtds_window *windows,
			     unsigned int nr_windows);

#endif /* VTDS_ACCOUNT_H */
