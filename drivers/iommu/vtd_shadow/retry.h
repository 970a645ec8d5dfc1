/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trying again what the host refused, see retry.c
 */
#ifndef VTDS_RETRY_H
#define VTDS_RETRY_H

struct vtds_unit;

/* Milliseconds to the first attempt */
#define VTDS_RETRY_FIRST 100U

int vtds_retry_begin(struct vtds_unit *unit);
unsigned int vtds_retry_units(const struct vtds_unit *unit);
void vtds_retry_end(struct vtds_unit *unit);
void vtds_retry_run(struct vtds_unit *unit);

#endif /* VTDS_RETRY_H */
