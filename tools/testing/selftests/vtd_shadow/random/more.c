// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that end before all was done, since the unit has a budget: they are made again,
 * and meanwhile the VMM takes memory, gives it, or says where there is some.
 *
 * Functions return what went wrong, or NULL.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "random.h"

/* Of the calls until one ends: those with something in between, and all */
#define MEANWHILE_ROUNDS 64
#define MOST_ROUNDS 100000

/* What the guest can be at fault for; all else is the driver's or the test's */
const char *random_judge_install(struct vtds_random *r)
{
	if (!r->unit.install_errno)
		return NULL;
	random_note(r, "not installed: %s", strerror(r->unit.install_errno));
	/* The host cannot attach PASIDs, for whatever reason */
	if (r->pasids)
		return NULL;
	switch (r->unit.install_errno) {
	case ENOENT:
	case EPERM:
	case EPROTO:
	case ERANGE:
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	/* What iommufd says of memory that is just being taken away */
	case EINVAL:
		return NULL;
	}
	return "a failure that the guest did not cause";
}

/* Descriptors, their queue and status writes do not depend on these areas. */
static unsigned int some_area(struct vtds_random *r)
{
	return AREA_WHOLE + random_below(r, AREA_TAIL - AREA_WHOLE + 1);
}

/* One call, which the caller goes on with */
const char *random_resync_range(struct vtds_random *r, unsigned int area,
				__u32 *status)
{
	const struct model_area *a = &r->model.area[area];
	struct vtd_shadow_resync cmd = {
		.size = sizeof(cmd),
		.flags = VTD_SHADOW_RESYNC_RANGE,
		.gpa = a->gpa,
		.length = a->size,
	};

	random_note(r, "RESYNC of area %u", area);
	model_resync_area(&r->model, area);
	if (ioctl(r->unit.fd, VTD_SHADOW_RESYNC, &cmd))
		return "RESYNC of a range failed";
	r->unit.install_errno = cmd.install_errno;
	*status = cmd.status;
	return random_judge_install(r);
}

static const char *take_or_give(struct vtds_random *r)
{
	unsigned int area = some_area(r);

	if (r->model.area[area].perm) {
		random_note(r, "meanwhile take area %u", area);
		return random_take(r, area);
	}
	random_note(r, "meanwhile give area %u", area);
	return random_give(r, area, random_usual(r, area));
}

/* Between two calls of which the first has not come to its end */
const char *random_meanwhile(struct vtds_random *r)
{
	__u32 status;

	r->unit.more++;
	if (random_chance(r, 15))
		return take_or_give(r);
	if (random_chance(r, 5))
		return random_resync_range(r, some_area(r), &status);
	return NULL;
}

/* Goes on with what a call that ended with @status was asked for */
const char *random_finish(struct vtds_random *r, __u32 status)
{
	struct vtd_shadow_invalidate cmd;
	unsigned int rounds = 0;
	const char *wrong = NULL;

	while (!wrong && (status & VTD_SHADOW_MORE)) {
		/* More work than a call does would come without end */
		if (rounds++ < MEANWHILE_ROUNDS)
			wrong = random_meanwhile(r);
		if (rounds == MOST_ROUNDS)
			wrong = "a call that comes to no end";
		cmd = (struct vtd_shadow_invalidate){
			.size = sizeof(cmd),
			.desc_size = 16,
		};
		if (!wrong && ioctl(r->unit.fd, VTD_SHADOW_INVALIDATE, &cmd))
			wrong = "INVALIDATE without descriptors failed";
		r->unit.install_errno = cmd.install_errno;
		wrong = wrong ?: random_judge_install(r);
		status = cmd.status;
	}
	return wrong;
}
