/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables that take long to sync and cost a guest little memory, for wait_test and
 * more_test.
 */
#ifndef VTDS_WAIT_FIXTURE_H
#define VTDS_WAIT_FIXTURE_H

#include "vtds_test.h"

/* An entry of level 3 and all below it, beside all that tests map otherwise */
#define BULK_IOVA 0x5000000000ULL

/* Of one entry of level 3 */
#define BULK_TABLES 512

/*
 * One table of leaves, which all entries of one table of level 2 lead to, which @nr
 * entries of level 3 lead to: 512 x 512 x @nr leaves of three pages of the guest's.
 * Returns the entry of level 3 that is the first of them.
 */
static inline volatile __u64 *bulk_map(struct vtds_table *table, __u64 gpa,
				       unsigned int nr)
{
	struct vtds_guest *guest = table->guest;
	volatile __u64 *above = vtds_entry(table, BULK_IOVA, 3);
	__u64 middle_gpa = vtds_page(guest), leaves_gpa = vtds_page(guest);
	__u64 *middle = vtds_hva(guest, middle_gpa);
	__u64 *leaves = vtds_hva(guest, leaves_gpa);

	for (unsigned int i = 0; i < 512; i++) {
		leaves[i] = gpa | SS_RW;
		middle[i] = leaves_gpa | SS_RW;
	}
	for (unsigned int i = 0; i < nr; i++)
		above[i] = middle_gpa | SS_RW;
	return above;
}

#endif /* VTDS_WAIT_FIXTURE_H */
