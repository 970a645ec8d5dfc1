// SPDX-License-Identifier: GPL-2.0-only
/*
 * What those see who watch a unit from outside: debugfs, vtd_shadow_stat, tracepoints.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vtds_lib.h"
#include "vtds_misc.h"
#include "vtds_watch.h"

#define DEBUGFS "/sys/kernel/debug/vtd_shadow"
#define TRACEFS "/sys/kernel/tracing"
#define TOOL "./vtd_shadow_stat"

/* --- debugfs --- */

bool vtds_watch_possible(void)
{
	return !access(DEBUGFS, R_OK | X_OK);
}

/* All that there is, or NULL; to be freed */
char *vtds_watch_read(int fd)
{
	size_t size = 0, room = 1 << 16;
	char *text = malloc(room);
	ssize_t done = 0;

	while (text && (done = read(fd, text + size, room - size - 1)) > 0) {
		size += done;
		if (size + 1 < room)
			continue;
		room *= 2;
		text = realloc(text, room);
	}
	if (!text || done < 0) {
		free(text);
		return NULL;
	}
	text[size] = 0;
	return text;
}

static int open_in(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "/%.32s/%.32s", dir, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool belongs_to(const char *dir, int pid)
{
	int fd = open_in(dir, "stats");
	char *text = fd < 0 ? NULL : vtds_watch_read(fd);
	bool belongs = text && vtds_watch_value(text, "unit", VTDS_NO_VALUE,
						"pid") == (__u64)pid;

	free(text);
	if (fd >= 0)
		close(fd);
	return belongs;
}

/* A file of the unit that a process has bound, or a negative errno */
int vtds_watch_open(const char *name, int pid)
{
	DIR *units = opendir(DEBUGFS);
	struct dirent *entry;
	int fd = -ENOENT;

	if (!units)
		return -errno;
	while (fd == -ENOENT && (entry = readdir(units)))
		if (entry->d_name[0] != '.' && belongs_to(entry->d_name, pid)) {
			fd = open_in(entry->d_name, name);
			fd = fd < 0 ? -errno : fd;
		}
	closedir(units);
	return fd;
}

/* The text of a file of this process's unit, or NULL; to be freed */
char *vtds_watch_text(const char *name)
{
	int fd = vtds_watch_open(name, getpid());
	char *text;

	if (fd < 0)
		return NULL;
	text = vtds_watch_read(fd);
	close(fd);
	return text;
}

static const char *next_line(const char *line)
{
	line = strchr(line, '\n');
	return line && line[1] ? line + 1 : NULL;
}

static bool is_line(const char *line, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(line, name, len) && line[len] == ' ';
}

/*
 * The value of that name in the section of that kind and number, VTDS_NO_VALUE as number for
 * the first one; VTDS_NO_VALUE if there is none.
 */
__u64 vtds_watch_value(const char *text, const char *section, __u64 id,
		       const char *name)
{
	bool inside = false;

	for (; text; text = next_line(text)) {
		__u64 value = strtoull(text + strcspn(text, " "), NULL, 0);

		if (is_line(text, "unit") || is_line(text, "device") ||
		    is_line(text, "domain"))
			inside = is_line(text, section) &&
				 (id == VTDS_NO_VALUE || id == value);
		if (inside && is_line(text, name))
			return value;
	}
	return VTDS_NO_VALUE;
}

/* Reads a line. Returns the next one, NULL after the last; without one domain is 0. */
const char *vtds_watch_mapping(const char *text, struct vtds_mapping *mapping)
{
	unsigned long long domain, first, last, gpa;
	char perm[3] = "";

	*mapping = (struct vtds_mapping){};
	if (sscanf(text, "mapping %llu %llx %llx %llx %2[rw]", &domain, &first,
		   &last, &gpa, perm) != 5)
		return NULL;
	*mapping = (struct vtds_mapping){
		.domain = domain,
		.first = first,
		.last = last,
		.gpa = gpa,
		.perm = (strchr(perm, 'r') ? PERM_R : 0) |
			(strchr(perm, 'w') ? PERM_W : 0),
	};
	return next_line(text);
}

__u64 vtds_field(const struct vtds_field *field, const void *structure)
{
	const char *at = (const char *)structure + field->offset;

	return field->size == 4 ? *(const __u32 *)at : *(const __u64 *)at;
}

/* --- vtd_shadow_stat --- */

/* What it says of this process's unit as JSON, or NULL if it is not there or fails */
char *vtds_watch_tool(void)
{
	char command[64], *text;
	FILE *tool;

	if (access(TOOL, X_OK))
		return NULL;
	snprintf(command, sizeof(command), TOOL " --once --json --pid=%d",
		 getpid());
	tool = popen(command, "r");
	if (!tool)
		return NULL;
	text = vtds_watch_read(fileno(tool));
	if (!pclose(tool))
		return text;
	free(text);
	return NULL;
}

/* As vtds_watch_value(), of JSON as that tool writes it */
__u64 vtds_watch_json(const char *text, const char *section, __u64 id,
		      const char *name)
{
	char wanted[64];
	const char *at, *end;

	snprintf(wanted, sizeof(wanted), "{\"%s\":%llu,", section, id);
	if (id == VTDS_NO_VALUE)
		*strrchr(wanted, ':') = 0;
	at = strstr(text, wanted);
	if (!at)
		return VTDS_NO_VALUE;
	end = at + strcspn(at, "}");
	snprintf(wanted, sizeof(wanted), "\"%s\":", name);
	at = strstr(at, wanted);
	if (!at || at > end)
		return VTDS_NO_VALUE;
	at += strlen(wanted);
	return strtoull(at + (*at == '"'), NULL, 0);
}

/* --- Tracepoints --- */

#define EVENTS TRACEFS "/events/vtd_shadow/"

/* Traces what a unit does. Returns 0, or -ENOENT if this kernel has no tracepoints. */
int vtds_trace_begin(__u64 unit)
{
	char filter[32];
	int fd, rc;

	if (access(TRACEFS "/trace", F_OK) &&
	    mount("none", TRACEFS, "tracefs", 0, NULL))
		return -ENOENT;
	if (access(EVENTS "enable", F_OK))
		return -ENOENT;
	/* What was traced before goes */
	fd = open(TRACEFS "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	snprintf(filter, sizeof(filter), "unit == %llu", unit);
	rc = vtds_write_file(EVENTS "filter", filter);
	if (!rc)
		rc = vtds_write_file(TRACEFS "/buffer_size_kb", "1024");
	if (!rc)
		rc = vtds_write_file(EVENTS "enable", "1");
	return rc;
}

/* What was traced, or NULL; to be freed */
char *vtds_trace_end(void)
{
	char *text;
	int fd;

	vtds_write_file(EVENTS "enable", "0");
	fd = open(TRACEFS "/trace", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = vtds_watch_read(fd);
	close(fd);
	return text;
}

/* The fields of the next event of that name, or NULL */
static const char *next_event(const char *trace, const char *event)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), " vtd_shadow_%s: ", event);
	trace = strstr(trace, wanted);
	return trace ? trace + strlen(wanted) : NULL;
}

unsigned int vtds_trace_count(const char *trace, const char *event)
{
	unsigned int count = 0;

	while ((trace = next_event(trace, event)))
		count++;
	return count;
}

/* A field of all events of that name, added up */
__u64 vtds_trace_sum(const char *trace, const char *event, const char *field)
{
	char wanted[64];
	__u64 sum = 0;

	snprintf(wanted, sizeof(wanted), " %s=", field);
	while ((trace = next_event(trace, event))) {
		const char *at = strstr(trace, wanted);

		if (at)
			sum += strtoull(at + strlen(wanted), NULL, 0);
	}
	return sum;
}
