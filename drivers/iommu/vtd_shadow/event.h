/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events for the VMM, see event.c
 */
#ifndef VTDS_EVENT_H
#define VTDS_EVENT_H

#include <linux/types.h>

struct file;
struct poll_table_struct;
struct vtd_shadow_event;
struct vtds_domain;
struct vtds_events;
struct vtds_source;
struct vtds_unit;

/**
 * enum vtds_refused - What was not installed
 * @VTDS_REFUSED_TOP: The top table could not be read
 * @VTDS_REFUSED_TABLE: An entry that points to a table
 * @VTDS_REFUSED_LEAF: A leaf, or a piece of it
 */
enum vtds_refused {
	VTDS_REFUSED_TOP,
	VTDS_REFUSED_TABLE,
	VTDS_REFUSED_LEAF,
};

/* Events that wait to be read; a power of two */
#define VTDS_MAX_EVENTS 128

struct vtds_events *vtds_events_alloc(void);
void vtds_events_free(struct vtds_events *events);
unsigned int vtds_events_waiting(struct vtds_events *events);
void vtds_event_ctx(struct vtds_unit *unit, struct vtds_source *source);
void vtds_event_attach(struct vtds_unit *unit, const struct vtds_source *source,
		       int error);
void vtds_event_limit(struct vtds_unit *unit);
void vtds_event_recovered(struct vtds_unit *unit);
void vtds_event_refused(const struct vtds_domain *domain, u64 iova,
			enum vtds_refused refused, int error);
ssize_t vtds_events_read(struct vtds_events *events, char __user *to,
			 size_t size, bool nonblock);
__poll_t vtds_events_poll(struct vtds_events *events, struct file *file,
			  struct poll_table_struct *wait);

#if IS_ENABLED(CONFIG_KUNIT)
bool vtds_event_take(struct vtds_events *events,
		     struct vtd_shadow_event *event);
#endif

#endif /* VTDS_EVENT_H */
