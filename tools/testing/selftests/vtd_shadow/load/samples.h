/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operation takes in time and memory, the longer it goes on (load/samples.c).
 */
#ifndef VTDS_LOAD_SAMPLES_H
#define VTDS_LOAD_SAMPLES_H

/* Parts of a test of which each is one sample */
#define LOAD_SAMPLES 16
#define LOAD_MOST_SAMPLES 64

/* Times of an emulated machine that others share with it, and what does not count */
#define LOAD_DRIFT 3
#define LOAD_SLACK_US 200
/* Kernel memory that comes and goes with anything */
#define LOAD_SLACK_KIB 1024

/**
 * struct load_samples - The samples of one test
 * @name: What is counted
 * @nr: How many samples there are
 * @done: Operations so far
 * @us: Microseconds that one took
 * @kib: Kernel memory in use after it
 * @pins: Pages that are pinned after it
 */
struct load_samples {
	const char *name;
	unsigned int nr;
	unsigned long done;
	double us[LOAD_MOST_SAMPLES];
	long kib[LOAD_MOST_SAMPLES];
	long pins[LOAD_MOST_SAMPLES];
};

void load_sample(struct load_samples *s, unsigned long operations,
		 double seconds);
const char *load_time_drifts(const struct load_samples *s);
const char *load_memory_drifts(const struct load_samples *s);

#endif /* VTDS_LOAD_SAMPLES_H */
