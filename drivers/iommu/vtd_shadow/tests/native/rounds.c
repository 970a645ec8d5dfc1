// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds of the native benchmark: which cases a guest has, and how often each is measured.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "native.h"

#define MAX_CASES 20
/* A case of few leaves is repeated until it had so many */
#define ENOUGH_LEAVES 65536UL

/* Samples in thousandths of a nanosecond a unit, by side */
struct samples {
	const struct native_case *what;
	u64 *sides[NATIVE_SIDES];
};

static const struct native_case *const all_cases[] = {
	native_bulk_cases,
	native_small_cases,
	native_life_cases,
};

/* Whether a list with commas, or an empty one, has a name. */
bool native_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ',') &&
		    (!at[len] || at[len] == ','))
			return true;
	return !*list;
}

/* The cases of a configuration that are asked for. Returns how many. */
static unsigned int choose(const struct native_config *c, const char *list,
			   struct samples *s)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(all_cases); i++)
		for (const struct native_case *what = all_cases[i]; what->name;
		     what++)
			if (c->cases & what->cases &&
			    native_listed(list, what->name))
				s[nr++].what = what;
	return nr;
}

bool native_has_case(const struct native_config *c, const char *list)
{
	struct samples s[MAX_CASES];

	return choose(c, list, s);
}

static void measure(struct native *n, struct samples *s, unsigned int round)
{
	unsigned long reps = max(ENOUGH_LEAVES / n->c->nr_leaves, 1UL);
	u64 units = s->what->units(n) * reps;

	memset(n->took, 0, sizeof(n->took));
	for (unsigned long i = 0; i < reps; i++) {
		s->what->run(n);
		cond_resched();
	}
	for (unsigned int side = 0; side < NATIVE_SIDES; side++)
		s->sides[side][round] = div64_u64(n->took[side] * 1000, units);
}

/* Once without a figure, and with a look at what became of it */
static void check(struct native *n, const struct native_case *what)
{
	n->check = true;
	what->run(n);
	n->check = false;
	native_host_check(n, &n->shadow, n->frames);
	native_host_check(n, &n->floor, n->frames);
	n->failed |= native_engine_failed(n->engine);
	KUNIT_EXPECT_FALSE_MSG(n->test, n->failed, "%s", what->name);
}

static void begin(struct native *n, struct samples *s, unsigned int rounds)
{
	for (unsigned int side = 0; side < NATIVE_SIDES; side++) {
		s->sides[side] = kcalloc(rounds, sizeof(u64), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(n->test, s->sides[side]);
	}
	check(n, s->what);
}

/* Tells of the sides that there are. */
static void end(struct native *n, struct samples *s, unsigned int rounds)
{
	static const char *const names[] = {
		[NATIVE_ENGINE] = "engine",
		[NATIVE_FLOOR] = "floor",
		[NATIVE_OTHER] = "other",
	};

	for (unsigned int side = 0; side < NATIVE_SIDES; side++) {
		if (s->sides[side][0])
			native_tell(n, s->what->name, names[side],
				    s->sides[side], rounds);
		kfree(s->sides[side]);
	}
}

/* Cases take turns, so that what the machine does to one it does to all. */
void native_measure(struct native *n, const char *list, unsigned int rounds)
{
	struct samples s[MAX_CASES];
	unsigned int nr = choose(n->c, list, s);

	for (unsigned int i = 0; i < nr; i++)
		begin(n, &s[i], rounds);
	for (unsigned int round = 0; round < rounds; round++)
		for (unsigned int i = 0; i < nr; i++)
			measure(n, &s[i], round);
	for (unsigned int i = 0; i < nr; i++)
		end(n, &s[i], rounds);
}
