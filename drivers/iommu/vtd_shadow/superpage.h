/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Superpage leaves, see superpage.c
 */
#ifndef VTDS_SUPERPAGE_H
#define VTDS_SUPERPAGE_H

#include <linux/types.h>

struct vtds_cursor;

bool vtds_superpage_unchanged(const struct vtds_cursor *c);
bool vtds_superpage_collapse(const struct vtds_cursor *c);
int vtds_superpage_map(struct vtds_cursor *c);

#endif /* VTDS_SUPERPAGE_H */
