// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of programs that go on from a seed for some time.
 */
#include <stdlib.h>
#include <unistd.h>

#include "vtds_options.h"

/* @letters are those that the program has, as for getopt(). False if there are others. */
bool vtds_options_parse(struct vtds_options *options, const char *letters,
			int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, letters)) != -1) {
		switch (option) {
		case 'd':
			options->seconds = atof(optarg);
			break;
		case 's':
			options->seed = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			options->steps = strtoul(optarg, NULL, 0);
			break;
		case 'v':
			options->verbose = true;
			break;
		default:
			return false;
		}
	}
	return true;
}
