// SPDX-License-Identifier: GPL-2.0-only
/*
 * One memory cgroup below the root, which this program makes and removes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vtds_cgroup.h"
#include "vtds_misc.h"

#define OURS "/vtd_shadow_test"

/* Where the system has the hierarchy, or where we mount it */
static const char *root(void)
{
	static const char *const systems = "/sys/fs/cgroup",
				 *const own = "/tmp/cgroup";

	if (!access("/sys/fs/cgroup/cgroup.controllers", R_OK))
		return systems;
	if (!access("/tmp/cgroup/cgroup.controllers", R_OK))
		return own;
	mkdir(own, 0755);
	return mount("none", own, "cgroup2", 0, NULL) ? NULL : own;
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s", root(), name);
	return path;
}

static int write_to(const char *name, const char *text)
{
	return vtds_write_file(path_of(name), text);
}

/* -ENOENT if this kernel has none. What a test before has left is gone */
int vtds_cgroup_create(void)
{
	if (!root())
		return -ENOENT;
	vtds_cgroup_remove();
	if (write_to("/cgroup.subtree_control", "+memory"))
		return -ENOENT;
	return mkdir(path_of(OURS), 0755) ? -errno : 0;
}

/* This process is in it from here on. */
int vtds_cgroup_enter(void)
{
	return write_to(OURS "/cgroup.procs", "0");
}

int vtds_cgroup_leave(void)
{
	return write_to("/cgroup.procs", "0");
}

/* Others may not be in it any more. */
void vtds_cgroup_remove(void)
{
	if (access(path_of(OURS), F_OK))
		return;
	vtds_cgroup_leave();
	rmdir(path_of(OURS));
}

/* -1 for none */
int vtds_cgroup_limit(long bytes)
{
	/* Who is at the limit may not be able to open it */
	static int fd = -1;
	char text[32] = "max";

	if (fd < 0)
		fd = open(path_of(OURS "/memory.max"), O_WRONLY | O_CLOEXEC);
	if (bytes >= 0)
		snprintf(text, sizeof(text), "%ld", bytes);
	return pwrite(fd, text, strlen(text), 0) < 0 ? -errno : 0;
}

long vtds_cgroup_current(void)
{
	return vtds_number_in(path_of(OURS "/memory.current"), "");
}

long vtds_cgroup_event(const char *name)
{
	return vtds_number_in(path_of(OURS "/memory.events"), name);
}

long vtds_cgroup_stat(const char *name)
{
	return vtds_number_in(path_of(OURS "/memory.stat"), name);
}

/*
 * KASAN keeps what was freed, and kmemleak notes of all there is: what the machine has less
 * of says nothing then.
 */
bool vtds_memory_is_watched(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

/* The kernel adds up what the processors count now and then. */
static void fold(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		perror("stat_refresh");
	close(fd);
}

/* Pages that are free, and kept by a processor, which MemFree does not count: many MiB */
static long kept_by_processors(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	char line[128];
	long sum = 0, count;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &count) == 1)
			sum += count;
	fclose(file);
	return sum;
}

struct vtds_usage vtds_usage(void)
{
	/* What is freed after a grace period is */
	vtds_sleep_ms(1000);
	fold();
	return (struct vtds_usage){
		.machine = (vtds_number_in("/proc/meminfo", "MemTotal") -
			    vtds_number_in("/proc/meminfo", "MemFree")) *
				   1024 -
			   kept_by_processors() * sysconf(_SC_PAGESIZE),
		.charged = vtds_cgroup_current(),
	};
}

struct vtds_usage vtds_usage_since(struct vtds_usage before)
{
	struct vtds_usage now = vtds_usage();

	now.machine -= before.machine;
	now.charged -= before.charged;
	return now;
}
