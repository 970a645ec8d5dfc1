// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark of vtd_shadow: the engine against everything that a VMM could do
 * instead, and against what the kernel's own calls cost. Says what it measures while
 * it does, then prints a line for each figure:
 *
 *	figure NAME MEDIAN SMALLEST LARGEST SAMPLES
 *
 * Exit status 0 if everything could be measured, whatever the figures are.
 */
#include <string.h>

#include "bench.h"

static struct bench bench;

static void tell(const char *what)
{
	static double begin;

	if (!begin)
		begin = bench_now();
	printf("[%6.1f s] %s\n", (bench_now() - begin) / 1e9, what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool profile = argc == 2 && !strcmp(argv[1], "-p");

	if (argc != 1 && !profile) {
		printf("usage: vtd_shadow_bench [-p]\n"
		       "  -p  each way once, for a count of instructions\n");
		return 2;
	}
	if (vtds_dev_count(VTDS_EDU) < BENCH_NR_DEVS) {
		printf("This needs %d edu devices bound to vtd_shadow_vfio_pci.\n",
		       BENCH_NR_DEVS);
		return 1;
	}
	tell("guest memory");
	bench_account();
	bench_open(&bench);
	bench_open_ways(&bench);
	if (profile) {
		bench_profile(&bench);
		bench_close_ways(&bench);
		bench_close(&bench);
		return 0;
	}
	tell("host work");
	bench_host_work(&bench);
	for (unsigned int i = 0; i < bench_nr_loads; i++) {
		tell(bench_loads[i].name);
		bench_bulk(&bench, &bench_loads[i]);
	}
	tell("memory");
	bench_memory_cost(&bench);
	tell("calls without work, flushes without a change");
	bench_empty_calls(&bench);
	bench_no_change(&bench);
	tell("devices that join");
	bench_join(&bench);
	tell("memory taken away");
	bench_memory_gone(&bench);
	bench_close_ways(&bench);
	tell("pass-through on and off");
	bench_pass_through(&bench);
	tell("teardown");
	bench_teardown(&bench);
	vtds_unit_close(&bench.unit);
	for (unsigned int i = 0; i < BENCH_NR_DEVS; i++)
		vtds_dev_close(&bench.dev[i]);
	tell("many units");
	bench_many_units(&bench);
	bench_close(&bench);
	tell("two units at a time");
	bench_two_units();
	tell("done");
	bench_print();
	return 0;
}
