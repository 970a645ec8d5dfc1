// SPDX-License-Identifier: GPL-2.0-only
/*
 * What devices reach, against what the guest wrote: again and again while the threads of
 * the race test's VMM wait, with all that the guest wrote since it last announced that;
 * when they have ended, after one more flush, with what its tables say now.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "race.h"

/* Tells the first thing that went wrong */
void race_wrong(struct race *race, const char *format, ...)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	va_list args;

	pthread_mutex_lock(&lock);
	va_start(args, format);
	if (!race->shared->said[0])
		vsnprintf(race->shared->said, sizeof(race->shared->said),
			  format, args);
	va_end(args);
	pthread_mutex_unlock(&lock);
}

/**
 * struct question - What a device may reach
 * @race: In which VMM
 * @device: Its number
 */
struct question {
	struct race *race;
	unsigned int device;
};

/* The tables that a device may be on */
static unsigned int roots_of(struct race *race, unsigned int device,
			     __u64 *roots)
{
	__u16 sid = race->f.dev[device].sid;
	volatile __u64 *entry;
	unsigned int nr = 0, all;

	entry = race->scalable ? vtds_sm_pasid(&race->f.guest, sid, 0) :
				 vtds_ctx_entry(&race->f.guest, sid);
	all = vtds_history_values(&race->announced, entry, roots);
	for (unsigned int i = 0; i < all; i++)
		if (roots[i] & 1)
			roots[nr++] = roots[i] & SS_ADDR;
	return nr;
}

static unsigned int allow(void *arg, __u64 iova, struct vtds_allowed *allowed)
{
	struct question *question = arg;
	struct race *race = question->race;
	__u64 roots[VTDS_HISTORY_VALUES];
	unsigned int nr_roots = roots_of(race, question->device, roots), nr = 0;

	if (!race->translates) {
		allowed[nr++] = (struct vtds_allowed){ iova, PERM_RW };
		nr_roots = 0;
	}
	for (unsigned int i = 0; i < nr_roots; i++)
		nr = vtds_history_walk(&race->announced, roots[i],
				       race->f.table.levels, iova, allowed, nr);
	for (unsigned int i = 0; i < nr; i++)
		if (allowed[i].gpa - RACE_SPARE_GPA < RACE_SPARE_SIZE)
			allowed[i].perm &= race->spare_perm;
	return nr;
}

static unsigned int allow_nothing(void *arg, __u64 iova,
				  struct vtds_allowed *allowed)
{
	(void)arg;
	(void)iova;
	(void)allowed;
	return 0;
}

/* Where the host does not show all: where the guest maps, and its memory one to one */
static const struct vtds_window windows[] = {
	{ RACE_IOVA - SZ_2M, RACE_SIZE + 2 * SZ_2M },
	{ RAM_GPA, RAM_SIZE },
	{ RACE_SPARE_GPA, RACE_SPARE_SIZE },
	{ RAM_2M_GPA, RAM_2M_SIZE },
	{ INTERRUPTS, SZ_64K },
	{ 0, SZ_2M },
};

/* Whether it could be looked at, or nobody shows it */
static bool look_at(struct race *race, struct vtds_isolation *isolation,
		    const char *bdf, const char *when)
{
	int rc = vtds_isolation_check(isolation, bdf, windows,
				      ARRAY_SIZE(windows));

	switch (rc) {
	case 0:
		return true;
	case -ENOENT:
	case -EBUSY:
		race->shared->blind++;
		return false;
	case -EPERM:
		race_wrong(race, "%s: %s", when, isolation->said);
		return false;
	}
	race_wrong(race, "%s: cannot look at %s: %d", when, bdf, rc);
	return false;
}

static void look_at_all(struct race *race, bool nothing, const char *when)
{
	for (unsigned int i = 0; i < RACE_DEVICES; i++) {
		struct question question = { race, i };
		struct vtds_isolation isolation = {
			.guest = &race->f.guest,
			.allow = nothing ? allow_nothing : allow,
			.arg = &question,
			.write_only = race->write_only,
		};
		bool seen;

		if (race->f.dev[i].fd < 0)
			continue;
		seen = look_at(race, &isolation, race->f.dev[i].bdf, when);
		/* Or else the look is not worth much: buffers are always mapped */
		if (seen && !nothing && i != RACE_MOVED && !isolation.pages)
			race_wrong(race, "%s: %s reaches nothing", when,
				   race->f.dev[i].bdf);
		race->shared->pages += isolation.pages;
		race->shared->whole += isolation.whole;
		race->shared->windows += isolation.windows;
	}
}

/* What the engine does in the background comes to its end, or waits for longer */
static void wait_until_quiet(struct race *race)
{
	double give_up = vtds_seconds() + 5;
	struct vtd_shadow_get_stats before = {}, now = {};

	do {
		before = now;
		vtds_sleep_ms(10);
		if (vtds_stats(&race->f.unit, &now))
			return;
	} while (memcmp(&before, &now, sizeof(now)) &&
		 vtds_seconds() < give_up);
}

/* Nobody does anything now. What was announced and has returned is in effect. */
void race_check_between(struct race *race)
{
	wait_until_quiet(race);
	look_at_all(race, false, "between two barriers");
}

/* All threads have ended. Returns whether nothing was wrong so far. */
bool race_check_all(struct race *race)
{
	const struct vtds_desc all[] = {
		race->scalable ? pc_global() : cc_global(),
		iotlb_global(),
	};
	int rc;

	rc = vtds_flush(&race->f.unit, all, ARRAY_SIZE(all));
	if (rc)
		race_wrong(race, "the last flush: %d", rc);
	vtds_history_barrier(&race->announced);
	vtds_history_barrier(&race->tight);
	look_at_all(race, false, "after a barrier");
	return !race->shared->said[0];
}

/* Devices whose unit is gone */
bool race_check_nothing(struct race *race)
{
	look_at_all(race, true, "without a unit");
	return !race->shared->said[0];
}

/* What a VMM that is no more has left mapped, or NULL */
const char *race_left_behind(void)
{
	return vtds_left_behind(windows, ARRAY_SIZE(windows));
}
