/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of programs that go on from a seed for some time (lib/options.c).
 */
#ifndef VTDS_OPTIONS_H
#define VTDS_OPTIONS_H

#include <stdbool.h>

/**
 * struct vtds_options - What they are asked for
 * @seconds: -d: how long
 * @seed: -s: where to begin
 * @steps: -n: of one run, for those that have it
 * @verbose: -v: tell more
 */
struct vtds_options {
	double seconds;
	unsigned long seed;
	unsigned long steps;
	bool verbose;
};

bool vtds_options_parse(struct vtds_options *options, const char *letters,
			int argc, char **argv);

#endif /* VTDS_OPTIONS_H */
