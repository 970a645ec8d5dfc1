// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA in the background: a thread that makes an NVMe device write to one page
 * after the other, and looks whether each write arrived.
 */
#include <errno.h>

#include "vtds_defs.h"
#include "vtds_load.h"
#include "vtds_misc.h"
#include "vtds_nvme.h"

#define POISON 0xdeadc0dedeadc0deULL

/* First and last word: the transfer arrived as a whole */
static bool write_arrives(struct vtds_load *load, unsigned int i)
{
	volatile __u64 *page = vtds_hva(load->guest, load->gpa[i]);
	volatile __u64 *last = &page[SZ_4K / 8 - 1];

	*page = POISON;
	*last = POISON;
	if (vtds_nvme_identify(load->dev, load->iova[i]))
		return false;
	return *page != POISON && *last != POISON;
}

static void *run(void *arg)
{
	struct vtds_load *load = arg;
	unsigned int i = 0;

	while (!__atomic_load_n(&load->stop, __ATOMIC_ACQUIRE)) {
		i = (i + 1) % load->nr;
		if ((int)i == __atomic_load_n(&load->skip, __ATOMIC_ACQUIRE))
			continue;
		if (!write_arrives(load, i))
			__atomic_add_fetch(&load->misses, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&load->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The caller must leave the device alone until the load is stopped */
int vtds_load_start(struct vtds_load *load)
{
	load->stop = false;
	load->rounds = 0;
	load->misses = 0;
	return -pthread_create(&load->thread, NULL, run, load);
}

unsigned long vtds_load_rounds(struct vtds_load *load)
{
	return __atomic_load_n(&load->rounds, __ATOMIC_ACQUIRE);
}

/* Let it do so many more transfers */
void vtds_load_wait(struct vtds_load *load, unsigned long rounds)
{
	unsigned long until = vtds_load_rounds(load) + rounds;
	double give_up = vtds_seconds() + 20;

	while (vtds_load_rounds(load) < until && vtds_seconds() < give_up)
		vtds_sleep_ms(1);
}

void vtds_load_stop(struct vtds_load *load)
{
	__atomic_store_n(&load->stop, true, __ATOMIC_RELEASE);
	pthread_join(load->thread, NULL);
}
