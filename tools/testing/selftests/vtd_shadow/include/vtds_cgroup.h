/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A memory cgroup, and what the whole machine uses, to be compared (lib/cgroup.c).
 */
#ifndef VTDS_CGROUP_H
#define VTDS_CGROUP_H

#include <stdbool.h>

/* Bytes that are used: by the whole machine, and what of it a cgroup was charged */
struct vtds_usage {
	long machine;
	long charged;
};

int vtds_cgroup_create(void);
int vtds_cgroup_enter(void);
int vtds_cgroup_leave(void);
void vtds_cgroup_remove(void);
int vtds_cgroup_limit(long bytes);
long vtds_cgroup_current(void);
long vtds_cgroup_event(const char *name);
long vtds_cgroup_stat(const char *name);
bool vtds_memory_is_watched(void);
struct vtds_usage vtds_usage(void);
struct vtds_usage vtds_usage_since(struct vtds_usage before);

#endif /* VTDS_CGROUP_H */
