/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parameters of the module, see main.c
 */
#ifndef VTDS_MAIN_H
#define VTDS_MAIN_H

extern unsigned long vtds_max_nodes;
extern unsigned long vtds_max_pages;
extern unsigned int vtds_max_pasids;
extern unsigned int vtds_max_units;

#endif /* VTDS_MAIN_H */
