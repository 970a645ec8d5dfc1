/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What those see who watch a unit from outside: debugfs, vtd_shadow_stat, tracepoints
 * (lib/watch.c).
 */
#ifndef VTDS_WATCH_H
#define VTDS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define VTDS_NO_VALUE (~0ULL)

/**
 * struct vtds_field - A number that the ioctls tell and others as well
 * @name: Its name there
 * @offset: Where it is in the structure
 * @size: 4 or 8
 */
struct vtds_field {
	const char *name;
	unsigned short offset;
	unsigned short size;
};

#define VTDS_FIELD(_struct, _field)                            \
	{                                                      \
#_field, offsetof(struct _struct, _field),     \
			sizeof(((struct _struct *)0)->_field), \
	}

/**
 * struct vtds_mapping - A line of "mappings"
 * @domain: Number of the domain
 * @first: First IOVA
 * @last: Last IOVA
 * @gpa: Where @first leads
 * @perm: PERM_R, PERM_W
 */
struct vtds_mapping {
	__u64 domain;
	__u64 first;
	__u64 last;
	__u64 gpa;
	unsigned int perm;
};

bool vtds_watch_possible(void);
int vtds_watch_open(const char *name, int pid);
char *vtds_watch_read(int fd);
char *vtds_watch_text(const char *name);
char *vtds_watch_tool(void);
__u64 vtds_watch_value(const char *text, const char *section, __u64 id,
		       const char *name);
__u64 vtds_watch_json(const char *text, const char *section, __u64 id,
		      const char *name);
const char *vtds_watch_mapping(const char *text, struct vtds_mapping *mapping);
__u64 vtds_field(const struct vtds_field *field, const void *structure);

int vtds_trace_begin(__u64 unit);
char *vtds_trace_end(void);
unsigned int vtds_trace_count(const char *trace, const char *event);
__u64 vtds_trace_sum(const char *trace, const char *event, const char *field);

#endif /* VTDS_WATCH_H */
