// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of the benchmark: samples by name, and what they are taken from.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define MAX_FIGURES 512
#define MAX_SAMPLES 32
#define CGROUP "/tmp/cgroup"

struct figure {
	char name[80];
	double sample[MAX_SAMPLES];
	unsigned int nr;
};

static struct figure figures[MAX_FIGURES];
static unsigned int nr_figures;

void bench_check(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	printf("\n*** This did not hold: %s (%s:%d)\n", what, file, line);
	exit(1);
}

static struct figure *figure_named(const char *name)
{
	for (unsigned int i = 0; i < nr_figures; i++)
		if (!strcmp(figures[i].name, name))
			return &figures[i];
	CHECK(nr_figures < MAX_FIGURES);
	snprintf(figures[nr_figures].name, sizeof(figures->name), "%s", name);
	return &figures[nr_figures++];
}

void bench_sample(double value, const char *name, ...)
{
	struct figure *figure;
	char text[80];
	va_list args;

	va_start(args, name);
	vsnprintf(text, sizeof(text), name, args);
	va_end(args);
	figure = figure_named(text);
	CHECK(figure->nr < MAX_SAMPLES);
	figure->sample[figure->nr++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A line for each: name, median, smallest, largest, number of samples */
void bench_print(void)
{
	for (unsigned int i = 0; i < nr_figures; i++) {
		struct figure *f = &figures[i];

		qsort(f->sample, f->nr, sizeof(*f->sample), compare);
		printf("figure %s %.3f %.3f %.3f %u\n", f->name,
		       f->sample[f->nr / 2], f->sample[0], f->sample[f->nr - 1],
		       f->nr);
	}
	fflush(stdout);
}

double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* --- Kernel memory --- */

/* This process and what the kernel keeps for it go to a cgroup of their own. */
void bench_account(void)
{
	FILE *file;

	mkdir(CGROUP, 0755);
	CHECK(!mount("none", CGROUP, "cgroup2", 0, NULL));
	file = fopen(CGROUP "/cgroup.subtree_control", "w");
	CHECK(file && fputs("+memory", file) >= 0 && !fclose(file));
	CHECK(!mkdir(CGROUP "/bench", 0755));
	file = fopen(CGROUP "/bench/cgroup.procs", "w");
	CHECK(file && fprintf(file, "%d\n", getpid()) > 0 && !fclose(file));
}

static long memory_stat(const char *name)
{
	FILE *file = fopen(CGROUP "/bench/memory.stat", "r");
	char word[64];
	long value, found = -1;

	CHECK(file);
	while (found < 0 && fscanf(file, "%63s %ld", word, &value) == 2)
		if (!strcmp(word, name))
			found = value;
	fclose(file);
	CHECK(found >= 0);
	return found;
}

/* The kernel adds up what the processors count every two seconds. */
static void settle(void)
{
	vtds_sleep_ms(2500);
}

/* Bytes of page tables that the kernel keeps for IOMMUs */
long bench_page_tables(void)
{
	settle();
	return memory_stat("sec_pagetables");
}

/* Bytes of all other kernel memory that this process caused */
long bench_memory(void)
{
	settle();
	return memory_stat("kernel") - memory_stat("sec_pagetables") -
	       memory_stat("pagetables");
}
