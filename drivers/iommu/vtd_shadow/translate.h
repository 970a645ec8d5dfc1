/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TRANSLATE, see translate.c
 */
#ifndef VTDS_TRANSLATE_H
#define VTDS_TRANSLATE_H

struct vtds_unit;

int vtds_check_translate(const void *cmd);
int vtds_translate(struct vtds_unit *unit, void *cmd);

#endif /* VTDS_TRANSLATE_H */
