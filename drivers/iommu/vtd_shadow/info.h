/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GET_INFO, see info.c
 */
#ifndef VTDS_INFO_H
#define VTDS_INFO_H

struct vtds_unit;

int vtds_unit_get_info(struct vtds_unit *unit, void *cmd);

#endif /* VTDS_INFO_H */
