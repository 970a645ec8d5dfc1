// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last things done, for who looks for what went wrong. All other parts of the
 * random test, but not its model, write here.
 */
#include <stdarg.h>
#include <stdio.h>

#include "random.h"

void random_note(struct vtds_random *r, const char *format, ...)
{
	char *line = r->log[r->nr_log++ % RANDOM_LOG];
	va_list args;
	int len;

	len = snprintf(line, RANDOM_LINE, "%lu: ", r->step);
	va_start(args, format);
	vsnprintf(line + len, RANDOM_LINE - len, format, args);
	va_end(args);
	if (r->verbose)
		printf("# %s\n", line);
}
