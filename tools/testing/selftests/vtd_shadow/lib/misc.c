// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time, memory that does not come, files of the kernel, and who holds how much memory pinned.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vtds_misc.h"

double vtds_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

void vtds_sleep_ms(unsigned int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/*
 * Pages of memory that are not there come from a userfaultfd from here on, with O_* @flags.
 * Returns that, or a negative errno.
 */
int vtds_withhold(void *hva, size_t size, int flags)
{
	struct uffdio_register reg = { .range.start = (unsigned long)hva,
				       .range.len = size,
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | flags), error;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* All of @text by one call, as files of the kernel want it */
int vtds_write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text), done;
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	done = write(fd, text, len);
	if (done != len)
		rc = done < 0 ? -errno : -EIO;
	close(fd);
	return rc;
}

/* The number that follows @name, which may be empty, in a line; -1 if none does */
long vtds_number_in(const char *path, const char *name)
{
	size_t len = strlen(name);
	char line[256];
	long number = -1;
	FILE *file = fopen(path, "r");

	if (!file)
		return -1;
	while (number < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) &&
		    (!len || strchr(": \t", line[len])))
			sscanf(line + len + strspn(line + len, ": \t"), "%ld",
			       &number);
	fclose(file);
	return number;
}

/* What iommufd pinned of this process, however often it is used */
long vtds_vm_pin_kb(void)
{
	return vtds_number_in("/proc/self/status", "VmPin");
}

/* Pages that anybody on this machine keeps pinned for DMA */
long vtds_pins_in_system(void)
{
	int rc = vtds_write_file("/proc/sys/vm/stat_refresh", "1");

	/* Which folds the counters of all processors; not all kernels have it */
	if (rc && rc != -ENOENT && rc != -EACCES)
		fprintf(stderr, "stat_refresh: %s\n", strerror(-rc));
	return vtds_number_in("/proc/vmstat", "nr_foll_pin_acquired") -
	       vtds_number_in("/proc/vmstat", "nr_foll_pin_released");
}

static void tell_file(const char *path)
{
	char line[256];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		printf("#   %s", line);
	if (file)
		fclose(file);
}

/* Where the threads of a process wait in the kernel, if that tells */
void vtds_tell_stacks(int pid)
{
	char path[300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		printf("# thread %s of %d:\n", entry->d_name, pid);
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", pid,
			 entry->d_name);
		tell_file(path);
	}
	if (dir)
		closedir(dir);
}
