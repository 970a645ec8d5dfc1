/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables that the host keeps, see tables.c
 */
#ifndef VTDS_TABLES_H
#define VTDS_TABLES_H

#include <linux/types.h>
#include <linux/xarray.h>

struct vtds_domain;
struct vtds_node;

/* Of 4 KiB leaves, and of tables of these */
#define VTDS_TABLE_LEVELS 2

/* Empty ones that a domain may keep, in case the guest comes back to them: 1 MiB */
#define VTDS_TABLES_MAX 256

/* That are given back before it is asked whether somebody waits */
#define VTDS_TABLES_STEP 16

/**
 * struct vtds_tables - Empty page tables of the host
 * @left: By level - 1: IOVA divided by what a table covers, of those that mirrored tables
 *        have left behind
 * @nr_left: How many there are
 * @nr_lost: How many cannot be given back, or there was no memory to remember them
 * @hand: Where the next one is looked for
 */
struct vtds_tables {
	struct xarray left[VTDS_TABLE_LEVELS];
	unsigned long nr_left;
	unsigned long nr_lost;
	unsigned long hand[VTDS_TABLE_LEVELS];
};

void vtds_tables_init(struct vtds_tables *tables);
void vtds_tables_destroy(struct vtds_domain *domain);
void vtds_tables_left(struct vtds_node *node);
void vtds_tables_used(struct vtds_node *node);
bool vtds_tables_trim(struct vtds_domain *domain, unsigned long most);

#endif /* VTDS_TABLES_H */
