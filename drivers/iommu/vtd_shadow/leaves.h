/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of 4 KiB leaves, see leaves.c
 */
#ifndef VTDS_LEAVES_H
#define VTDS_LEAVES_H

struct vtds_cursor;

void vtds_leaves_sync(struct vtds_cursor *c);

#endif /* VTDS_LEAVES_H */
