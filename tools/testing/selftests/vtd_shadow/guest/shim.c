// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM is made to believe, by LD_PRELOAD, where the emulated host cannot be made so.
 * SHIM in the environment:
 *
 *   state	the kernel does not take the unit's registers
 *   mdev	devices are mediated ones
 *   sandbox	none of the files for devices can be opened
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vtd_shadow.h>

#define SUBSYSTEM "/subsystem"

static int is_asked_for(const char *what)
{
	const char *shim = getenv("SHIM");

	return shim && !strcmp(shim, what);
}

static int is_kept_away(const char *path)
{
	return is_asked_for("sandbox") &&
	       (!strncmp(path, "/dev/vtd_shadow", strlen("/dev/vtd_shadow")) ||
		!strncmp(path, "/dev/iommu", strlen("/dev/iommu")) ||
		!strncmp(path, "/dev/vfio", strlen("/dev/vfio")));
}

/* As QEMU has it, with files that may be large */
int open64(const char *path, int flags, ...)
{
	int (*next)(const char *path, int flags, ...) =
		dlsym(RTLD_NEXT, "open64");
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
	va_end(args);
	if (is_kept_away(path)) {
		errno = EACCES;
		return -1;
	}
	return next(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int fd, unsigned long request, ...) =
		dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == VTD_SHADOW_SET_STATE && is_asked_for("state")) {
		errno = EINVAL;
		return -1;
	}
	return next(fd, request, arg);
}

char *realpath(const char *path, char *resolved)
{
	char *(*next)(const char *path, char *resolved) =
		dlsym(RTLD_NEXT, "realpath");
	size_t len = strlen(path), tail = strlen(SUBSYSTEM);

	if (is_asked_for("mdev") && len > tail &&
	    !strcmp(path + len - tail, SUBSYSTEM))
		return strdup("/sys/bus/mdev");
	return next(path, resolved);
}
