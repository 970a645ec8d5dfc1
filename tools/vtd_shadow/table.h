/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is shown, as lines of text, see table.c
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct sample;

/**
 * enum order - What domains and units are sorted by, the most first
 * @BY_UNIT: Number
 * @BY_CHANGES: Leaves mapped and unmapped
 * @BY_SYNCS: Syncs
 * @BY_PAGES: Pages mapped
 * @NR_ORDERS: How many there are
 */
enum order {
	BY_CHANGES,
	BY_SYNCS,
	BY_PAGES,
	BY_UNIT,
	NR_ORDERS,
};

/**
 * enum mark - How a line is to be shown
 * @PLAIN: As it is
 * @HEAD: The head of a table
 * @ALARM: Something to look at: a device that is blocked, events that are lost
 */
enum mark {
	PLAIN,
	HEAD,
	ALARM,
};

/**
 * struct line - A line
 * @text: Its text
 * @mark: How it is to be shown
 */
struct line {
	char *text;
	enum mark mark;
};

/**
 * struct table - All lines
 * @lines: The lines
 * @count: How many
 */
struct table {
	struct line *lines;
	size_t count;
};

void table_make(struct table *table, const struct sample *before,
		const struct sample *now, enum order order);
void table_free(struct table *table);
const char *table_order_name(enum order order);

#endif /* TABLE_H */
