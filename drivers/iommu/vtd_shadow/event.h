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

struct vtds_events *vtds_events_alloc(void);
void vtds_events_free(struct vtds_events *events);
void vtds_event_ctx(struct vtds_unit *unit, struct vtds_source *source);
void vtds_event_attach(struct vtds_unit *unit, const struct vtds_source *source,
		       int error);
void vtds_event_limit(struct vtds_unit *unit);
void vtds_event_recovered(struct vtds_unit *unit);
void vtds_event_refused(const struct vtds_domain *domain, u64 iova, bool is_top,
			bool is_table, int error);
ssize_t vtds_events_read(struct vtds_events *events, char __user *to,
			 size_t size, bool nonblock);
__poll_t vtds_events_poll(struct vtds_events *events, struct file *file,
			  struct poll_table_struct *wait);

#if IS_ENABLED(CONFIG_KUNIT)
bool vtds_event_take(struct vtds_events *events,
		     struct vtd_shadow_event *event);
#endif

#endif /* VTDS_EVENT_H */
