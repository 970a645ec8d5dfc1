// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes samples of time and memory while an operation is repeated, and tells whether one
 * of them grows. Serves load_test.c; calls the library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples.h"
#include "vtds_misc.h"

/* Kernel memory that cannot be reclaimed, and page tables of the host's IOMMU */
static long kernel_kib(void)
{
	return vtds_number_in("/proc/meminfo", "SUnreclaim") +
	       vtds_number_in("/proc/meminfo", "SecPageTables");
}

/* Operations were done in some time. */
void load_sample(struct load_samples *s, unsigned long operations,
		 double seconds)
{
	unsigned int i = s->nr;

	if (i == LOAD_MOST_SAMPLES)
		return;
	s->nr++;
	s->done += operations;
	s->us[i] = operations ? seconds / operations * 1e6 : 0;
	s->kib[i] = kernel_kib();
	s->pins[i] = vtds_pins_in_system();
	printf("# load: %s %lu us %.3f KiB %ld pins %ld\n", s->name, s->done,
	       s->us[i], s->kib[i], s->pins[i]);
	fflush(stdout);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, unsigned int nr)
{
	double sorted[LOAD_MOST_SAMPLES];

	memcpy(sorted, values, nr * sizeof(*values));
	qsort(sorted, nr, sizeof(*sorted), by_size);
	return sorted[nr / 2];
}

/* What is wrong with the times of the last quarter, compared with the first, or NULL */
const char *load_time_drifts(const struct load_samples *s)
{
	unsigned int quarter = s->nr / 4;
	double first, last;

	if (!quarter)
		return NULL;
	first = median(s->us, quarter);
	last = median(s->us + s->nr - quarter, quarter);
	printf("# load: %s take %.3f us at first, %.3f us at last\n", s->name,
	       first, last);
	return last > LOAD_DRIFT * first + LOAD_SLACK_US ?
		       "each takes longer than the one before" :
		       NULL;
}

/* What is wrong with memory since the first quarter, or NULL */
const char *load_memory_drifts(const struct load_samples *s)
{
	unsigned int quarter = s->nr / 4, last = s->nr - 1;

	if (!quarter)
		return NULL;
	if (s->pins[last] > s->pins[quarter])
		return "more and more is pinned";
	return s->kib[last] > s->kib[quarter] + LOAD_SLACK_KIB ?
		       "kernel memory grows" :
		       NULL;
}
