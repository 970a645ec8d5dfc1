// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM that knows the formats of all calls and keeps no rule: random sizes, flags, values
 * and pointers, descriptors that are foreign, closed or somebody else's, many threads.
 *
 *   hostile_test [-d SECONDS] [-s SEED] [-v]
 *
 * Rounds of half a second and more, each with the next seed and a VMM of its own, until
 * the time is over or something is wrong: a call says an errno that it does not document,
 * something is left after a VMM, or the next one does not work. What a seed does is always
 * the same, but not when its threads do it.
 *
 *   hostile_test --caller SEED FD FD-OF-COUNTS
 *
 * is what such a VMM executes, with one of its descriptors. hostile_test_32 is the same
 * for 32 bits.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile/hostile.h"

/* A limit for what hangs, on a machine with sanitizers */
#define PATIENCE 240

static struct hostile h;

static int open_counts(void)
{
	h.counts_fd = memfd_create("counts", MFD_CLOEXEC);
	if (h.counts_fd < 0 || ftruncate(h.counts_fd, sizeof(*h.counts)))
		return -errno;
	h.counts = mmap(NULL, sizeof(*h.counts), PROT_READ | PROT_WRITE,
			MAP_SHARED, h.counts_fd, 0);
	return h.counts == MAP_FAILED ? -errno : 0;
}

/* The program for 32 bits, if it is one: beside this one */
static const char *find_32(const char *program)
{
	static char path[256];
	char class = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s_32", program);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	/* Of an ELF file, the byte after the magic number: 1 for 32 bits */
	if (!fseek(file, 4, SEEK_SET))
		class = fgetc(file);
	fclose(file);
	return class == 1 ? path : NULL;
}

/* --- A round --- */

static const char *wait_for(pid_t vmm, bool kills)
{
	double give_up = vtds_seconds() + PATIENCE, kill_at = 0;
	int status;

	while (waitpid(vmm, &status, WNOHANG) != vmm) {
		double now = vtds_seconds();

		if (!kill_at &&
		    __atomic_load_n(&h.counts->ready, __ATOMIC_ACQUIRE))
			kill_at = now + h.seconds / 2;
		if (kills && kill_at && now > kill_at)
			kill(vmm, SIGKILL);
		if (now > give_up) {
			vtds_tell_stacks(vmm);
			kill(vmm, SIGKILL);
			return "the VMM does not come to its end";
		}
		vtds_sleep_ms(1);
	}
	if (h.counts->said[0])
		return h.counts->said;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return NULL;
	if (kills && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return NULL;
	return "the VMM crashed";
}

/* Those that it passed descriptors to. They are somebody else's children by now. */
static const char *end_group(pid_t vmm)
{
	double give_up = vtds_seconds() + PATIENCE;

	while (!kill(-vmm, SIGKILL)) {
		if (vtds_seconds() > give_up)
			return "who got a descriptor does not come to its end";
		vtds_sleep_ms(1);
	}
	return NULL;
}

/* Another VMM takes the devices and they work for it */
static const char *next_vmm(void)
{
	const struct vtds_config config = { .edu = 1, .nvme = 1 };
	struct vtds_fixture f;
	const char *wrong = NULL;

	if (vtds_fixture_open(&f, &config))
		wrong = "the next VMM cannot set up";
	else if (vtds_reach_buffers(f.dev, f.nr_devs) != 3)
		wrong = "devices do not work for the next VMM";
	vtds_fixture_close(&f);
	return wrong;
}

static const char *run(const struct vtds_options *options, unsigned long seed)
{
	bool kills = seed % 2;
	const char *wrong;
	pid_t vmm;

	h.seed = seed;
	h.seconds = options->seconds / 8 < 1 ? 1 :
		    options->seconds / 8 > 5 ? 5 :
					       options->seconds / 8;
	h.counts->ready = 0;
	if (options->verbose)
		ksft_print_msg("seed %lu\n", seed);
	fflush(stdout);
	vmm = fork();
	if (!vmm)
		hostile_lives(&h);
	wrong = wait_for(vmm, kills);
	wrong = wrong ?: end_group(vmm);
	return wrong ?: hostile_judge(h.counts);
}

/* --- All rounds --- */

static void tell_calls(void)
{
	for (unsigned int i = 0; i < HOSTILE_CALLS; i++) {
		char line[400];
		int len = snprintf(line, sizeof(line), "%s:", hostile_names[i]);

		for (unsigned int j = 0; j < HOSTILE_ERRNOS; j++)
			if (h.counts->call[i][j] && len < (int)sizeof(line))
				len += snprintf(line + len, sizeof(line) - len,
						" %llu %s,",
						h.counts->call[i][j],
						j ? strerrorname_np(j) : "ok");
		ksft_print_msg("%.*s\n", len - 1, line);
	}
}

static void tell_processes(void)
{
	static const char *const names[] = {
		"fork", "exec", "exec of 32 bits", "a socket", "pidfd_getfd()",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		ksft_print_msg("descriptors passed by %s: %llu\n", names[i],
			       h.counts->processes[i]);
	if (!h.program_32)
		ksft_print_msg("no caller of 32 bits: cannot be built\n");
}

static bool runs(const struct vtds_options *options)
{
	double begin = vtds_seconds(), until = begin + options->seconds;
	unsigned long seed = options->seed;
	static const struct vtds_window windows[] = {
		{ RAM_GPA, RAM_SIZE },
		{ HOSTILE_SLOW_GPA, HOSTILE_SLOW_SIZE },
	};
	struct vtds_account before;
	const char *wrong;
	long grown = 0;

	vtds_account_take(&before);
	do {
		wrong = run(options, seed++);
		/* The first one makes the kernel take what it keeps */
		if (seed == options->seed + 1) {
			long pins = before.pins;

			vtds_account_take(&before);
			before.pins = pins;
		}
		wrong = wrong ?: vtds_account_compare(&before, &grown);
		wrong = wrong ?: vtds_left_behind(windows, ARRAY_SIZE(windows));
	} while (!wrong && vtds_seconds() < until);
	wrong = wrong ?: next_vmm();

	if (wrong)
		ksft_print_msg("seed %lu: %s\n", seed - 1, wrong);
	tell_calls();
	tell_processes();
	ksft_print_msg("hostile: seeds %lu to %lu in %.0f s: %s\n",
		       options->seed, seed - 1, vtds_seconds() - begin,
		       wrong ? "FAILED" : "nothing wrong");
	return !wrong;
}

int main(int argc, char **argv)
{
	struct vtds_options options = { .seconds = 5, .seed = 1 };

	if (argc > 1 && !strcmp(argv[1], "--caller"))
		return hostile_caller(argc, argv);
	if (!vtds_options_parse(&options, "d:s:v", argc, argv))
		return KSFT_FAIL;
	ksft_print_header();
	ksft_set_plan(1);
	h.program = argv[0];
	h.program_32 = find_32(argv[0]);
	if (vtds_dev_count(VTDS_EDU) < 4 || !vtds_dev_count(VTDS_NVME))
		ksft_test_result_skip("this machine lacks a device\n");
	else if (open_counts())
		ksft_test_result_fail("cannot count\n");
	else
		ksft_test_result(runs(&options),
				 "errnos as documented, nothing is left\n");
	ksft_finished();
}
