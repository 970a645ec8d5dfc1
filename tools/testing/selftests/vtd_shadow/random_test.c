// SPDX-License-Identifier: GPL-2.0-only
/*
 * The random differential test: a VMM and a guest do anything, and after each
 * step the driver must answer what a model of its own allows, and devices must
 * find what it answers.
 *
 *   random_test [-d SECONDS] [-s SEED] [-n STEPS] [-v]
 *
 * Runs of a thousand steps, each with the next seed, until the time is over or
 * something is wrong. What a seed does is the same on every machine with the same
 * devices: -s with the seed that failed, and -v to see each step, show it again.
 */
#include <stdio.h>

#include "kselftest.h"
#include "random/random.h"

static const char *run(struct vtds_random *r, unsigned long seed,
		       unsigned long steps, double slice, double until)
{
	const char *wrong;

	/* Several runs even where a step takes long */
	if (until > vtds_seconds() + slice)
		until = vtds_seconds() + slice;
	random_choose(r, seed);
	if (r->giga && !r->can_giga) {
		ksft_print_msg("seed %lu needs fast 1 GiB pages\n", seed);
		return NULL;
	}

	/* So that it is known if the machine stops in the middle */
	ksft_print_msg("seed %lu: %s mode, %s, budget %u%s%s\n", seed,
		       r->scalable ? "scalable" : "legacy",
		       r->by_queue ? "RUN_QUEUE" : "INVALIDATE", r->budget,
		       r->pasids ? ", PASIDs" : "", r->giga ? ", 1 GiB" : "");
	fflush(stdout);

	wrong = random_begin(r);
	while (!wrong && r->step < steps && vtds_seconds() < until) {
		r->step++;
		r->steps++;
		wrong = random_step(r);
		wrong = wrong ?: random_check(r);
	}
	return wrong ?: random_end(r);
}

static void tell(struct vtds_random *r, const char *wrong)
{
	unsigned int nr = r->nr_log < RANDOM_LOG ? r->nr_log : RANDOM_LOG;

	ksft_print_msg("seed %lu, step %lu: %s\n", r->seed, r->step, wrong);
	for (unsigned int i = r->nr_log - nr; i < r->nr_log; i++)
		ksft_print_msg("  %s\n", r->log[i % RANDOM_LOG]);
}

static void tell_seen(const char *mode, const struct random_seen *seen)
{
	ksft_print_msg("%s: %lu of %lu requesters shadowed,\n", mode,
		       seen->shadows, seen->requesters);
	ksft_print_msg("  %lu of %lu answers permit, DMA reached %lu of %lu\n",
		       seen->permitted, seen->answers, seen->reached,
		       seen->transfers);
}

/* Runs until the time is over. Returns whether nothing was wrong. */
static bool runs(struct vtds_random *r, const struct vtds_options *options)
{
	double begin = vtds_seconds(), until = begin + options->seconds;
	unsigned long seed = options->seed;
	const char *wrong = NULL;

	do {
		/* So that it is known if the machine stops in the middle */
		wrong = run(r, seed++, options->steps, options->seconds / 4,
			    until);
	} while (!wrong && vtds_seconds() < until);

	if (wrong)
		tell(r, wrong);
	ksft_print_msg("random: %lu steps in %.0f s, seeds %lu to %lu: %s\n",
		       r->steps, vtds_seconds() - begin, options->seed,
		       seed - 1, wrong ? "FAILED" : "no difference");
	for (unsigned int i = 0; i < 2; i++)
		tell_seen(i ? "scalable" : "legacy", &r->seen[i]);
	ksft_print_msg("%lu calls ended before all was done\n", r->mores);
	if (r->anys)
		ksft_print_msg("%lu addresses not compared\n", r->anys);
	return !wrong;
}

int main(int argc, char **argv)
{
	struct vtds_options options = { .seconds = 20,
					.seed = 1,
					.steps = 1000 };
	static struct vtds_random r;
	const char *missing;
	struct vtds_host host = {};

	if (!vtds_options_parse(&options, "d:s:n:v", argc, argv))
		return KSFT_FAIL;
	ksft_print_header();
	ksft_set_plan(1);

	r.can_dma = !vtds_host_look(&host);
	r.write_only = host.write_only;
	r.model.write_only = !host.intel;
	if (!r.can_dma)
		ksft_print_msg("no DMA: the host does not let it\n");
	r.verbose = options.verbose;
	missing = random_open(&r);
	if (!vtds_dev_count(VTDS_NVME) || !vtds_dev_count(VTDS_EDU))
		ksft_test_result_skip("this machine lacks a device\n");
	else if (missing)
		ksft_test_result_fail("cannot set up %s\n", missing);
	else
		ksft_test_result(runs(&r, &options),
				 "each answer is one of those allowed\n");
	random_close(&r);
	ksft_finished();
}
