// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shows the counters of the remapping unit of a running VMM:
 *
 *	vtd_shadow_stats PID
 *
 * Exit status 1 if that process has none, thus does not use vtd_shadow.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest.h"
#include "vtds_lib.h"

/* The number of the file descriptor that process @pid has for the device, or -1 */
static int find_fd(pid_t pid)
{
	char dir[64], path[PATH_MAX], target[64];
	struct dirent *entry;
	int found = -1;
	ssize_t len;
	DIR *fds;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", pid);
	fds = opendir(dir);
	if (!fds)
		return -1;
	while (found < 0 && (entry = readdir(fds))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len < 0 ? 0 : len] = 0;
		if (!strcmp(target, "/dev/vtd_shadow"))
			found = atoi(entry->d_name);
	}
	closedir(fds);
	return found;
}

static int borrow_fd(pid_t pid)
{
	int theirs = find_fd(pid), process, fd;

	if (theirs < 0) {
		fprintf(stderr, "process %d does not use vtd_shadow\n", pid);
		return -1;
	}
	process = syscall(SYS_pidfd_open, pid, 0);
	if (process < 0) {
		perror("pidfd_open");
		return -1;
	}
	fd = syscall(SYS_pidfd_getfd, process, theirs, 0);
	if (fd < 0)
		perror("pidfd_getfd");
	close(process);
	return fd;
}

static void show(const struct vtd_shadow_get_stats *stats)
{
	const struct {
		const char *name;
		__u64 value;
	} counters[] = {
		{ "devices", stats->devices },
		{ "domains", stats->domains },
		{ "nodes", stats->nodes },
		{ "pages", stats->pages },
		{ "pinned_pages", stats->pinned_pages },
		{ "descriptors", stats->descriptors },
		{ "syncs", stats->syncs },
		{ "entries_changed", stats->entries_changed },
		{ "leaves_mapped", stats->leaves_mapped },
		{ "leaves_unmapped", stats->leaves_unmapped },
		{ "host_maps", stats->host_maps },
		{ "host_unmaps", stats->host_unmaps },
		{ "iotlb_syncs", stats->iotlb_syncs },
		{ "attaches", stats->attaches },
		{ "install_failures", stats->install_failures },
		{ "retries", stats->retries },
		{ "host_tables", stats->host_tables },
		{ "pages_pinned", stats->pages_pinned },
		{ "early_returns", stats->early_returns },
		{ "events", stats->events },
		{ "events_lost", stats->events_lost },
	};

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		printf("%s %llu\n", counters[i].name, counters[i].value);
}

int main(int argc, char **argv)
{
	struct vtd_shadow_get_stats stats;
	struct vtds_unit unit = { .fd = -1 };
	int rc;

	if (argc != 2 || atoi(argv[1]) <= 0) {
		fprintf(stderr, "usage: %s PID\n", argv[0]);
		return 2;
	}
	unit.fd = borrow_fd(atoi(argv[1]));
	if (unit.fd < 0)
		return 1;
	rc = vtds_stats(&unit, &stats);
	if (rc) {
		fprintf(stderr, "GET_STATS: %s\n", strerror(-rc));
		return 1;
	}
	show(&stats);
	return 0;
}
