// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: a guest rewrites its tables in a tight loop and devices do DMA,
 * while threads of the VMM sync, take and give memory, move, reset and close devices,
 * and others unbind drivers and unload modules. Then the VMM ends, or is killed.
 *
 *   race_test [-d SECONDS] [-s SEED] [-v]
 *
 * Rounds of a second and more, each with the next seed and a VMM of its own, until the
 * time is over or something is wrong: a call fails that must not, a device reaches what
 * the guest's tables do not say (lib/isolation.c), or something is left after the VMM.
 * What a seed does is always the same, but not when its threads do it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "race/race.h"

/* A limit for what hangs, on a machine with sanitizers */
#define PATIENCE 240

/**
 * struct totals - Of all rounds
 * @rounds: How many
 * @ends: By how they ended
 * @shared: Sums of what VMMs told
 * @slab_kb: Kernel memory more than at first
 */
struct totals {
	unsigned long rounds;
	unsigned long ends[RACE_NR_ENDS];
	struct race_shared shared;
	long slab_kb;
};

static struct race race;

/* As the host has it */
static unsigned int write_only;

/* --- A round --- */

/*
 * A call of the VMM does not end, not even when it is killed. Whatever waits for the VMM
 * would not end either.
 */
static void give_up_on(pid_t vmm)
{
	vtds_tell_stacks(vmm);
	kill(vmm, SIGKILL);
	ksft_print_msg("race: seed %lu: FAILED\n", race.seed);
	ksft_test_result_fail("the VMM does not come to its end\n");
	ksft_finished();
}

/* Waits for the VMM, and kills it when it is time */
static const char *wait_for(pid_t vmm)
{
	double give_up = vtds_seconds() + PATIENCE, kill_at = 0;
	int status;

	for (;;) {
		pid_t ended = waitpid(vmm, &status, WNOHANG);

		if (ended == vmm)
			break;
		if (race.shared->ready && !kill_at)
			kill_at = vtds_seconds() + race.seconds;
		if (race.end == RACE_END_KILLED && kill_at &&
		    vtds_seconds() > kill_at)
			kill(vmm, SIGKILL);
		if (vtds_seconds() > give_up)
			give_up_on(vmm);
		vtds_sleep_ms(1);
	}
	if (race.shared->said[0])
		return race.shared->said;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return NULL;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	    race.end == RACE_END_KILLED)
		return NULL;
	return "the VMM crashed";
}

/* Until the VMM has set up, or is no more */
static void wait_until_ready(pid_t vmm)
{
	siginfo_t info = {};

	while (!__atomic_load_n(&race.shared->ready, __ATOMIC_ACQUIRE) &&
	       !waitid(P_PID, vmm, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       !info.si_pid)
		vtds_sleep_ms(1);
}

static const char *live_and_end(struct race_outside *outside)
{
	const char *wrong, *more;
	pid_t vmm = fork();

	if (!vmm)
		race_vmm_lives(&race);
	wait_until_ready(vmm);
	if (race_outside_start(outside))
		return "cannot begin to unbind and unload";
	wrong = wait_for(vmm);
	more = race_outside_stop(outside);
	return wrong ?: more;
}

static void add_up(struct totals *totals)
{
	struct race_shared *sum = &totals->shared, *one = race.shared;

	totals->rounds++;
	totals->ends[race.end]++;
	for (unsigned int i = 0; i < race_nr_acts; i++)
		sum->acts[i] += one->acts[i];
	sum->guest_writes += one->guest_writes;
	sum->barriers += one->barriers;
	sum->transfers += one->transfers;
	sum->pages += one->pages;
	sum->whole += one->whole;
	sum->windows += one->windows;
	sum->blind += one->blind;
}

static void tell_round(void)
{
	ksft_print_msg("seed %lu: %s mode, budget %u, threads %#x, end %u\n",
		       race.seed, race.scalable ? "scalable" : "legacy",
		       race.budget, race.acts, race.end);
}

static const char *run(struct race_outside *outside, unsigned long seed,
		       const struct vtds_options *options,
		       struct totals *totals)
{
	static struct race_shared *shared;
	const char *wrong;

	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(shared, 0, sizeof(*shared));
	race_vmm_choose(&race, seed);
	race.shared = shared;
	race.write_only = write_only;
	race.seconds = options->seconds / 8 < 0.5 ? 0.5 :
		       options->seconds / 8 > 10  ? 10 :
						    options->seconds / 8;
	/* So that it is known if the machine stops in the middle */
	if (options->verbose)
		tell_round();
	fflush(stdout);
	wrong = live_and_end(outside);
	add_up(totals);
	return wrong ?: race_left_behind();
}

/* --- All rounds --- */

static void tell(const struct totals *totals,
		 const struct race_outside *outside)
{
	const struct race_shared *sum = &totals->shared;

	for (unsigned int i = 0; i < race_nr_acts; i++)
		ksft_print_msg("%s: %lu times\n", race_acts[i].name,
			       sum->acts[i]);
	ksft_print_msg("guest: %lu entries written, announced %lu times\n",
		       sum->guest_writes, sum->barriers);
	ksft_print_msg("%lu transfers, %lu unbinds, %lu unloads refused\n",
		       sum->transfers, outside->unbinds, outside->unloads);
	ksft_print_msg("ends: %lu checked, %lu killed, %lu exits, %lu closed\n",
		       totals->ends[RACE_END_CHECKED],
		       totals->ends[RACE_END_KILLED],
		       totals->ends[RACE_END_EXITS],
		       totals->ends[RACE_END_UNIT_CLOSED]);
	ksft_print_msg("compared: %lu pages, of devices %lu whole, ",
		       sum->pages, sum->whole);
	printf("%lu in windows, %lu not\n", sum->windows, sum->blind);
}

/* Returns whether nothing was wrong */
static bool runs(struct race_outside *outside,
		 const struct vtds_options *options)
{
	double begin = vtds_seconds(), until = begin + options->seconds;
	static struct totals totals;
	struct vtds_account before;
	unsigned long seed = options->seed;
	const char *wrong = NULL;

	vtds_account_take(&before);
	do {
		wrong = run(outside, seed++, options, &totals);
		/* The first one makes the kernel take what it keeps */
		if (totals.rounds == 1)
			vtds_account_take(&before);
		wrong = wrong ?: vtds_account_compare(&before, &totals.slab_kb);
	} while (!wrong && vtds_seconds() < until);

	if (wrong)
		ksft_print_msg("seed %lu: %s\n", seed - 1, wrong);
	tell(&totals, outside);
	ksft_print_msg("race: %lu rounds in %.0f s, seeds %lu to %lu: %s\n",
		       totals.rounds, vtds_seconds() - begin, options->seed,
		       seed - 1, wrong ? "FAILED" : "nothing wrong");
	if (before.slab_kb < 0)
		ksft_print_msg("slab not compared: the sanitizer keeps it\n");
	else
		ksft_print_msg("slab: %ld KiB more since the first round\n",
			       totals.slab_kb);
	return !wrong;
}

int main(int argc, char **argv)
{
	struct vtds_options options = { .seconds = 6, .seed = 1 };
	struct race_outside outside;
	struct vtds_host host = {};
	bool right;
	int rc;

	if (!vtds_options_parse(&options, "d:s:v", argc, argv))
		return KSFT_FAIL;
	ksft_print_header();
	ksft_set_plan(1);
	if (!vtds_host_look(&host))
		write_only = host.write_only;
	rc = race_outside_open(&outside);
	if (rc == -ENODEV || !vtds_dev_count(VTDS_NVME)) {
		ksft_test_result_skip("this machine lacks a device\n");
	} else if (rc) {
		ksft_test_result_fail("cannot set up: %d\n", rc);
	} else {
		right = runs(&outside, &options);
		ksft_test_result(right, "as tables say, nothing is left\n");
	}
	race_outside_close(&outside);
	ksft_finished();
}
