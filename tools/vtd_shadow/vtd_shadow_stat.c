// SPDX-License-Identifier: GPL-2.0-only
/*
 * vtd_shadow_stat: what the shadowed VT-d units of this host do. The options, and what is
 * done once. Calls view.c for the live view, table.c and json.c for the rest. The manual is
 * Documentation/admin-guide/vtd_shadow_stat.rst.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "sample.h"
#include "table.h"
#include "view.h"

/**
 * struct options - What the user asks for
 * @debugfs: Where debugfs is mounted
 * @pid: Process whose units are wanted, or 0
 * @delay: Seconds between two samples
 * @rounds: How many samples, 0 for no end
 * @once: One sample, as text, or with @json
 * @json: As JSON, a line for each sample
 */
struct options {
	const char *debugfs;
	pid_t pid;
	double delay;
	long rounds;
	bool once;
	bool json;
};

static const char usage[] =
	"usage: vtd_shadow_stat [OPTION...]\n"
	"Shows what shadowed VT-d units do.\n"
	"\n"
	"  -1, --once            show totals once, and end\n"
	"  -j, --json            print JSON, one line for each sample\n"
	"  -p, --pid=PID         only units of this process\n"
	"  -d, --delay=SECONDS   time between samples (1)\n"
	"  -n, --number=COUNT    end after so many samples\n"
	"      --debugfs=DIR     where debugfs is (/sys/kernel/debug)\n"
	"  -h, --help            show this\n";

static void bad_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

static double number(const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= least && value <= most))
		bad_usage();
	return value;
}

static void read_options(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "once", no_argument, NULL, '1' },
		{ "json", no_argument, NULL, 'j' },
		{ "pid", required_argument, NULL, 'p' },
		{ "delay", required_argument, NULL, 'd' },
		{ "number", required_argument, NULL, 'n' },
		{ "debugfs", required_argument, NULL, 'D' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "1jp:d:n:h", known, NULL)) != -1) {
		switch (c) {
		case '1':
			options->once = true;
			break;
		case 'j':
			options->json = true;
			break;
		case 'p':
			options->pid = number(optarg, 1, 1 << 30);
			break;
		case 'd':
			options->delay = number(optarg, 0.1, 3600);
			break;
		case 'n':
			options->rounds = number(optarg, 1, 1 << 30);
			break;
		case 'D':
			options->debugfs = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			bad_usage();
		}
	}
	if (optind != argc)
		bad_usage();
}

static void print_text(const struct sample *sample)
{
	struct table table;

	table_make(&table, NULL, sample, BY_UNIT);
	for (size_t i = 0; i < table.count; i++)
		puts(table.lines[i].text);
	table_free(&table);
}

static void wait_for(double seconds)
{
	struct timespec time = { .tv_sec = seconds };

	time.tv_nsec = (seconds - time.tv_sec) * 1e9;
	nanosleep(&time, NULL);
}

/* Prints samples, one or more. Returns 0 or a negative errno. */
static int print(const struct options *options)
{
	long rounds = options->once ? 1 : options->rounds;
	struct sample sample;
	int rc;

	for (;;) {
		rc = sample_take(&sample, options->debugfs, options->pid);
		if (rc)
			return rc;
		if (options->json)
			json_print(stdout, &sample);
		else
			print_text(&sample);
		sample_free(&sample);
		if (fflush(stdout))
			return -errno;
		if (rounds && !--rounds)
			return 0;
		wait_for(options->delay);
	}
}

int main(int argc, char **argv)
{
	struct options options = {
		.debugfs = "/sys/kernel/debug",
		.delay = 1,
	};
	int rc;

	read_options(&options, argc, argv);
	if (options.once || options.json)
		rc = print(&options);
	else
		rc = view_run(options.debugfs, options.pid, options.delay,
			      options.rounds);
	if (rc == -ENOTTY)
		errx(1, "no terminal to draw in: try --once");
	if (rc == -ENOENT)
		errx(1,
		     "no %s/vtd_shadow: is the module loaded, and debugfs mounted?",
		     options.debugfs);
	if (rc)
		errx(1, "%s/vtd_shadow: %s", options.debugfs, strerror(-rc));
	return 0;
}
