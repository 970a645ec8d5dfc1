/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DMA in the background, for tests of what happens meanwhile (lib/load.c).
 */
#ifndef VTDS_LOAD_H
#define VTDS_LOAD_H

#include <pthread.h>
#include <stdbool.h>

#include "vtds_guest_ram.h"
#include "vtds_vfio.h"

#define VTDS_LOAD_MAX 512

/**
 * struct vtds_load - An NVMe device that writes to a list of pages in turn
 * @dev: The device
 * @guest: Where the pages are
 * @iova: Addresses to write to
 * @gpa: Memory that must change by it
 * @nr: How many
 * @skip: Index that is left out, -1 for none
 * @stop: Ask the thread to end
 * @rounds: Transfers done
 * @misses: Transfers that did not arrive
 * @thread: The thread
 */
struct vtds_load {
	struct vtds_dev *dev;
	struct vtds_guest *guest;
	__u64 iova[VTDS_LOAD_MAX];
	__u64 gpa[VTDS_LOAD_MAX];
	unsigned int nr;
	int skip;
	bool stop;
	unsigned long rounds;
	unsigned long misses;
	pthread_t thread;
};

int vtds_load_start(struct vtds_load *load);
unsigned long vtds_load_rounds(struct vtds_load *load);
void vtds_load_wait(struct vtds_load *load, unsigned long rounds);
void vtds_load_stop(struct vtds_load *load);

#endif /* VTDS_LOAD_H */
