/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live view, see view.c
 */
#ifndef VIEW_H
#define VIEW_H

#include <sys/types.h>

int view_run(const char *debugfs, pid_t pid, double delay, long rounds);

#endif /* VIEW_H */
