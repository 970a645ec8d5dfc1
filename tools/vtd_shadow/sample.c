// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads what debugfs tells about units. Serves all other files; calls none. The format is in
 * Documentation/admin-guide/vtd_shadow_watch.rst; names that are not known are kept, too.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sample.h"

static void *more(void *array, size_t count, size_t size)
{
	/* Room doubles at each power of two */
	if (count & (count - 1))
		return array;
	array = reallocarray(array, count ? 2 * count : 1, size);
	if (!array)
		err(1, NULL);
	return array;
}

static char *copy(const char *text)
{
	char *copied = strdup(text);

	if (!copied)
		err(1, NULL);
	/* It goes to a terminal */
	for (char *c = copied; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return copied;
}

static bool begins(enum kind *kind, const char *name)
{
	static const char *const names[] = {
		[UNIT] = "unit",
		[DEVICE] = "device",
		[DOMAIN] = "domain",
	};

	for (int i = UNIT; i <= DOMAIN; i++)
		if (!strcmp(name, names[i])) {
			*kind = i;
			return true;
		}
	return false;
}

static void add_line(struct sample *sample, unsigned long long unit, char *line)
{
	char *name = strsep(&line, " ");
	struct section *section;
	enum kind kind;

	if (begins(&kind, name)) {
		sample->sections = more(sample->sections, sample->nr_sections,
					sizeof(*section));
		sample->sections[sample->nr_sections++] = (struct section){
			.kind = kind,
			.unit = unit,
			.id = line ? strtoull(line, NULL, 0) : 0,
		};
	}
	if (!sample->nr_sections)
		return;
	section = &sample->sections[sample->nr_sections - 1];
	section->values = more(section->values, section->nr_values,
			       sizeof(*section->values));
	section->values[section->nr_values++] = (struct value){
		.name = copy(name),
		.text = copy(line ? line : ""),
	};
}

static void drop_from(struct sample *sample, size_t first)
{
	for (size_t i = first; i < sample->nr_sections; i++) {
		struct section *section = &sample->sections[i];

		for (size_t j = 0; j < section->nr_values; j++) {
			free(section->values[j].name);
			free(section->values[j].text);
		}
		free(section->values);
	}
	sample->nr_sections = first;
}

/* Reads one unit. Returns 0, or a negative errno with nothing of it kept. */
static int read_unit(struct sample *sample, const char *path,
		     unsigned long long unit)
{
	size_t first = sample->nr_sections, room = 0;
	FILE *file = fopen(path, "re");
	char *line = NULL;
	int rc = 0;

	if (!file)
		return -errno;
	errno = 0;
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		add_line(sample, unit, line);
	}
	if (ferror(file))
		rc = errno ? -errno : -EIO;
	free(line);
	fclose(file);
	if (rc)
		drop_from(sample, first);
	return rc;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	unsigned long long left = strtoull((*a)->d_name, NULL, 10);
	unsigned long long right = strtoull((*b)->d_name, NULL, 10);

	return (left > right) - (left < right);
}

static int is_unit(const struct dirent *entry)
{
	return isdigit((unsigned char)entry->d_name[0]);
}

/* Seconds, of a clock that is never set */
double sample_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Reads a unit, unless it belongs to another process than @pid, if not 0. */
static int take_unit(struct sample *sample, const char *dir, const char *name,
		     pid_t pid)
{
	size_t first = sample->nr_sections;
	char *path;
	int rc;

	if (asprintf(&path, "%s/%s/stats", dir, name) < 0)
		err(1, NULL);
	rc = read_unit(sample, path, strtoull(name, NULL, 10));
	free(path);
	/* It has ended meanwhile */
	if (rc == -ENOENT || rc == -ENODEV)
		return 0;
	if (!rc && pid && first < sample->nr_sections &&
	    section_number(&sample->sections[first], "pid") !=
		    (unsigned long long)pid)
		drop_from(sample, first);
	return rc;
}

/**
 * sample_take() - Read about all units
 * @sample: Output
 * @debugfs: Where debugfs is mounted
 * @pid: Process whose units are wanted, or 0
 *
 * Return: 0 or a negative errno.
 */
int sample_take(struct sample *sample, const char *debugfs, pid_t pid)
{
	struct dirent **names;
	int count, rc = 0;
	char *dir;

	*sample = (struct sample){ .time = sample_now() };
	if (asprintf(&dir, "%s/vtd_shadow", debugfs) < 0)
		err(1, NULL);
	count = scandir(dir, &names, is_unit, by_number);
	if (count < 0) {
		rc = -errno;
		free(dir);
		return rc;
	}
	for (int i = 0; i < count; i++) {
		if (!rc)
			rc = take_unit(sample, dir, names[i]->d_name, pid);
		free(names[i]);
	}
	free(names);
	free(dir);
	if (rc)
		sample_free(sample);
	return rc;
}

void sample_free(struct sample *sample)
{
	drop_from(sample, 0);
	free(sample->sections);
	*sample = (struct sample){};
}

/* The same unit, device or domain in another sample, or NULL */
const struct section *sample_find(const struct sample *sample,
				  const struct section *like)
{
	for (size_t i = 0; i < sample->nr_sections; i++) {
		const struct section *section = &sample->sections[i];

		if (section->kind == like->kind &&
		    section->unit == like->unit && section->id == like->id)
			return section;
	}
	return NULL;
}

/* The value of that name, empty if there is none */
const char *section_text(const struct section *section, const char *name)
{
	for (size_t i = 0; i < section->nr_values; i++)
		if (!strcmp(section->values[i].name, name))
			return section->values[i].text;
	return "";
}

unsigned long long section_number(const struct section *section,
				  const char *name)
{
	return strtoull(section_text(section, name), NULL, 0);
}
