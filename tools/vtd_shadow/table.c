// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes lines of text of two samples: units, domains, devices, and what happened to each in a
 * second; or of one sample, with totals. Serves main.c and view.c; calls sample.c.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"
#include "table.h"

/**
 * struct row - A unit or a domain to be shown
 * @now: What is known of it
 * @before: The same before, or NULL
 * @key: What it is sorted by
 */
struct row {
	const struct section *now;
	const struct section *before;
	double key;
};

/**
 * struct rows - All of one kind
 * @row: They
 * @count: How many
 * @seconds: Between the samples; 0 if there is one only, and totals are shown
 */
struct rows {
	struct row *row;
	size_t count;
	double seconds;
};

static void must(int result)
{
	if (result < 0)
		err(1, NULL);
}

/* Adds a line. Returns where its text goes. */
static char **add(struct table *table, enum mark mark)
{
	struct line *line;

	table->lines = reallocarray(table->lines, table->count + 1,
				    sizeof(*table->lines));
	if (!table->lines)
		err(1, NULL);
	line = &table->lines[table->count++];
	line->mark = mark;
	line->text = NULL;
	return &line->text;
}

static void add_empty(struct table *table)
{
	must(asprintf(add(table, PLAIN), "%s", ""));
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->lines[i].text);
	free(table->lines);
	*table = (struct table){};
}

/* In a second, or in all; from its beginning on if it is new */
static double rate(const struct rows *rows, const struct row *row,
		   const char *name)
{
	double now = section_number(row->now, name);

	if (!rows->seconds)
		return now;
	if (row->before)
		now -= section_number(row->before, name);
	return now < 0 ? 0 : now / rows->seconds;
}

static double key(const struct rows *rows, const struct row *row,
		  enum order order)
{
	switch (order) {
	case BY_CHANGES:
		return rate(rows, row, "leaves_mapped") +
		       rate(rows, row, "leaves_unmapped");
	case BY_SYNCS:
		return rate(rows, row, "syncs");
	case BY_PAGES:
		return section_number(row->now, "pages");
	default:
		return 0;
	}
}

const char *table_order_name(enum order order)
{
	static const char *const names[NR_ORDERS] = {
		[BY_CHANGES] = "changes",
		[BY_SYNCS] = "syncs",
		[BY_PAGES] = "pages",
		[BY_UNIT] = "unit",
	};

	return names[order];
}

/* The most first; what is equal stays in the order of units and numbers */
static int compare(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->key != right->key)
		return left->key < right->key ? 1 : -1;
	return (left->now > right->now) - (left->now < right->now);
}

static void rows_make(struct rows *rows, const struct sample *before,
		      const struct sample *now, enum kind kind,
		      enum order order)
{
	rows->row = calloc(now->nr_sections + 1, sizeof(*rows->row));
	if (!rows->row)
		err(1, NULL);
	rows->count = 0;
	rows->seconds = before ? now->time - before->time : 0;
	for (size_t i = 0; i < now->nr_sections; i++) {
		const struct section *section = &now->sections[i];
		struct row *row = &rows->row[rows->count];

		if (section->kind != kind)
			continue;
		row->now = section;
		row->before = before ? sample_find(before, section) : NULL;
		row->key = key(rows, row, order);
		rows->count++;
	}
	qsort(rows->row, rows->count, sizeof(*rows->row), compare);
}

static unsigned int percent(const struct section *section, const char *limit,
			    unsigned long long used)
{
	unsigned long long most = section_number(section, limit);

	return most ? used * 100 / most : 0;
}

/* Lines of the tables */
#define UNIT_HEAD \
	"%5s %7s %-15s %4s %4s %9s %9s %6s %6s %8s %8s %8s %8s %7s %7s"
#define UNIT_ROW \
	"%5llu %7s %-15.15s %4s %4s %9.1f %9.1f %6u %6u %8.0f %8.0f %8.0f %8.0f %7.0f %7.0f"
#define EVENT_ROW "%5llu %9.0f %9s %9s %9s %9.0f %8.0f"
#define DOMAIN_ROW "%5llu %7llu %-18s %5s %9.1f %8.0f %8.0f %8.0f %8.0f %8.0f"

static double mib(unsigned long long pages)
{
	return pages / 256.0;
}

static void show_units(struct table *table, const struct rows *rows)
{
	must(asprintf(add(table, HEAD), UNIT_HEAD, "UNIT", "PID", "COMMAND",
		      "DEVS", "DOMS", "MAPPED_M", "PINNED_M", "NODES%",
		      "PAGES%", "DESCS", "SYNCS", "MAPS", "UNMAPS", "FLUSHES",
		      "EARLY"));
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->row[i];
		const struct section *unit = row->now;
		unsigned long long nodes = section_number(unit, "nodes") +
					   section_number(unit, "host_tables");
		unsigned long long pages = section_number(unit, "pages");

		must(asprintf(add(table, PLAIN), UNIT_ROW, unit->id,
			      section_text(unit, "pid"),
			      section_text(unit, "comm"),
			      section_text(unit, "devices"),
			      section_text(unit, "domains"), mib(pages),
			      mib(section_number(unit, "pinned_pages")),
			      percent(unit, "max_nodes", nodes),
			      percent(unit, "max_pages", pages),
			      rate(rows, row, "descriptors"),
			      rate(rows, row, "syncs"),
			      rate(rows, row, "leaves_mapped"),
			      rate(rows, row, "leaves_unmapped"),
			      rate(rows, row, "iotlb_syncs"),
			      rate(rows, row, "early_returns")));
	}
}

static void show_events(struct table *table, const struct rows *rows)
{
	must(asprintf(add(table, HEAD), "%5s %9s %9s %9s %9s %9s %8s", "UNIT",
		      "EVENTS", "TOTAL", "UNREAD", "LOST", "FAILURES",
		      "RETRIES"));
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->row[i];
		const struct section *unit = row->now;
		bool lost = section_number(unit, "events_lost");

		must(asprintf(add(table, lost ? ALARM : PLAIN), EVENT_ROW,
			      unit->id, rate(rows, row, "events"),
			      section_text(unit, "events"),
			      section_text(unit, "events_waiting"),
			      section_text(unit, "events_lost"),
			      rate(rows, row, "install_failures"),
			      rate(rows, row, "retries")));
	}
}

/* As many as there is room for on a screen that is full of them */
#define MANY_DOMAINS 40

static void show_domains(struct table *table, const struct rows *rows)
{
	must(asprintf(add(table, HEAD),
		      "%5s %7s %-18s %5s %9s %8s %8s %8s %8s %8s", "UNIT",
		      "DOMAIN", "ROOT", "USERS", "MAPPED_M", "SYNCS", "CHANGED",
		      "MAPS", "UNMAPS", "REFUSED"));
	for (size_t i = 0; i < rows->count && i < MANY_DOMAINS; i++) {
		const struct row *row = &rows->row[i];
		const struct section *domain = row->now;

		must(asprintf(add(table, PLAIN), DOMAIN_ROW, domain->unit,
			      domain->id, section_text(domain, "root"),
			      section_text(domain, "users"),
			      mib(section_number(domain, "pages")),
			      rate(rows, row, "syncs"),
			      rate(rows, row, "entries_changed"),
			      rate(rows, row, "leaves_mapped"),
			      rate(rows, row, "leaves_unmapped"),
			      rate(rows, row, "install_failures")));
	}
	if (rows->count > MANY_DOMAINS)
		must(asprintf(add(table, PLAIN), "      and %zu more",
			      rows->count - MANY_DOMAINS));
}

/* Why a device is blocked, in a few words */
static char *why_blocked(const struct section *device)
{
	unsigned long long error = section_number(device, "error");
	char *text;

	if (section_number(device, "conflict"))
		must(asprintf(&text, "conflict"));
	else if (error)
		must(asprintf(&text, "%s", strerror(error)));
	else if (section_number(device, "fault_reason"))
		must(asprintf(&text, "fault reason %s",
			      section_text(device, "fault_reason")));
	else
		must(asprintf(&text, "-"));
	return text;
}

static void show_devices(struct table *table, const struct rows *rows)
{
	must(asprintf(add(table, HEAD), "%5s %-14s %-9s %-9s %7s %7s %9s  %s",
		      "UNIT", "DEVICE", "SOURCE-ID", "STATE", "DOMAIN",
		      "PASIDS", "ATTACHES", "REASON"));
	for (size_t i = 0; i < rows->count; i++) {
		const struct section *device = rows->row[i].now;
		const char *state = section_text(device, "attachment");
		char *why = why_blocked(device);

		must(asprintf(add(table,
				  strcmp(state, "blocked") ? PLAIN : ALARM),
			      "%5llu %-14.14s %-9s %-9s %7s %7s %9s  %s",
			      device->unit, section_text(device, "name"),
			      section_text(device, "source_id"), state,
			      section_text(device, "shadow_id"),
			      section_text(device, "pasids"),
			      section_text(device, "attaches"), why));
		free(why);
	}
}

/**
 * table_make() - Make all lines
 * @table: Output, empty
 * @before: Sample for rates, or NULL for totals
 * @now: Sample
 * @order: Of units and domains
 */
void table_make(struct table *table, const struct sample *before,
		const struct sample *now, enum order order)
{
	struct rows rows;

	*table = (struct table){};
	rows_make(&rows, before, now, UNIT, order);
	show_units(table, &rows);
	add_empty(table);
	show_events(table, &rows);
	free(rows.row);
	add_empty(table);
	rows_make(&rows, before, now, DOMAIN, order);
	show_domains(table, &rows);
	free(rows.row);
	add_empty(table);
	rows_make(&rows, before, now, DEVICE, BY_UNIT);
	show_devices(table, &rows);
	free(rows.row);
}
