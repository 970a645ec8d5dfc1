// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's fault injection: fail-nth of a thread, and which allocations count for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vtds_fail.h"
#include "vtds_misc.h"

#define DEBUGFS "/sys/kernel/debug/"
#define FAIL_NTH "/proc/thread-self/fail-nth"

/* More than that fails in no call: it would never end */
#define MANY 10000

/* So many of the driver's own fail one by one */
#define ONE_BY_ONE 64

/* Why nothing can be made to fail here, or NULL */
const char *vtds_fail_missing(void)
{
	if (access(FAIL_NTH, W_OK))
		return "the kernel has no fault injection";
	if (access(DEBUGFS "fail_vtd_shadow/verbose", W_OK))
		return "vtd_shadow was built without fault injection";
	if (access(DEBUGFS "failslab/ignore-gfp-wait", W_OK) ||
	    access(DEBUGFS "fail_page_alloc/ignore-gfp-wait", W_OK))
		return "the kernel cannot make allocations fail";
	return NULL;
}

/* Which allocations of the kernel count. Nothing is said of those that fail. */
static int choose(bool all)
{
	const char *ignore = all ? "N" : "Y";

	return vtds_write_file(DEBUGFS "failslab/ignore-gfp-wait", ignore) ?:
		       vtds_write_file(DEBUGFS "fail_page_alloc/ignore-gfp-wait", ignore) ?:
		       vtds_write_file(DEBUGFS "fail_page_alloc/min-order", "0") ?:
		       vtds_write_file(DEBUGFS "fail_page_alloc/verbose", "0") ?:
		       vtds_write_file(DEBUGFS "failslab/verbose", "0") ?:
		       vtds_write_file(DEBUGFS "fail_vtd_shadow/verbose", "0");
}

int vtds_fail_open(struct vtds_fail *fail, bool all)
{
	*fail = (struct vtds_fail){ .all = all };
	fail->fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (fail->fd < 0)
		return -errno;
	return choose(all);
}

void vtds_fail_close(struct vtds_fail *fail)
{
	if (fail->fd > 0)
		close(fail->fd);
	fail->fd = -1;
}

/* Another sweep */
void vtds_fail_begin(struct vtds_fail *fail)
{
	fail->begun = false;
	fail->fired = false;
	fail->n = 0;
	fail->nr_fired = 0;
}

/*
 * Prepares the next attempt. Returns false if nothing is left that could fail, and tells how
 * much that was. What the rest of the kernel allocates is much, and much of it alike, and so
 * are the leaves of a superpage: the more has failed, the more is left out.
 */
bool vtds_fail_next(struct vtds_fail *fail)
{
	if (fail->begun && !fail->fired) {
		fprintf(stderr, "# something failed in %u calls\n",
			fail->nr_fired);
		return false;
	}
	fail->begun = true;
	fail->n += fail->all || fail->n > ONE_BY_ONE ? 1 + fail->n / 10 : 1;
	if (fail->n > MANY)
		abort();
	return true;
}

static void set(struct vtds_fail *fail, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail->fd, text, len, 0) != len)
		abort();
}

void vtds_fail_arm(struct vtds_fail *fail)
{
	set(fail, fail->n);
}

/* Finds out whether something failed. errno is as it was. */
void vtds_fail_disarm(struct vtds_fail *fail)
{
	int error = errno;
	char text[16] = "";

	if (pread(fail->fd, text, sizeof(text) - 1, 0) < 1)
		abort();
	fail->fired = text[0] == '0';
	fail->nr_fired += fail->fired;
	set(fail, 0);
	errno = error;
}
