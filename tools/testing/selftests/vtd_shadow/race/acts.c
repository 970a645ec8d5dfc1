// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the threads of the race test's VMM do with the unit and with memory, each again
 * and again. What they do with devices is in devices.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "race.h"

static __u64 some_iova(unsigned int *seed)
{
	return RACE_IOVA + race_below(seed, RACE_SIZE / SZ_4K) * SZ_4K;
}

static struct vtds_desc some_desc(struct race *race, unsigned int *seed)
{
	__u16 sid = race->f.dev[race_below(seed, RACE_DEVICES)].sid;

	switch (race_below(seed, 9)) {
	case 0:
		return iotlb_global();
	case 1:
		return iotlb_domain(TABLE_DID);
	case 2:
		return iotlb_domain(RACE_OTHER_DID);
	case 3:
		return race->scalable ? pc_global() : cc_global();
	case 4:
		return race->scalable ? pc_pasid(TABLE_DID, 0) : cc_device(sid);
	case 5:
		return wait_status(0x1000, 2);
	case 6:
		return race->scalable ? piotlb_pasid(TABLE_DID, 0) :
					iec_global();
	case 7:
		return iotlb_page(TABLE_DID, some_iova(seed));
	default:
		return iotlb_pages(TABLE_DID, some_iova(seed),
				   race_below(seed, 12));
	}
}

static int flush(struct race *race, unsigned int *seed)
{
	struct vtds_unit copy = race->f.unit;
	struct vtds_desc descs[16];
	unsigned int nr = 1 + race_below(seed, ARRAY_SIZE(descs));

	for (unsigned int i = 0; i < nr; i++)
		descs[i] = some_desc(race, seed);
	return vtds_flush(&copy, descs, nr);
}

/* One thread alone, as there is one queue */
static int run_queue(struct race *race, unsigned int *seed)
{
	struct vtds_unit copy = race->f.unit;
	struct vtds_queue *queue = &race->queue;
	struct vtd_shadow_run_queue result;
	unsigned int nr = 1 + race_below(seed, 32);
	int rc;

	for (unsigned int i = 0; i < nr; i++) {
		struct vtds_desc desc = some_desc(race, seed);

		if ((desc.lo & 0xf) == DESC_WAIT)
			desc = wait_status(queue->gpa + SZ_4K, i);
		vtds_queue_put(queue, &desc);
	}
	do {
		rc = vtds_queue_run(&copy, queue, &result);
	} while (!rc && result.status == VTD_SHADOW_MORE);
	return rc ?: result.iqei ? -EBADMSG : 0;
}

static int resync(struct race *race, unsigned int *seed)
{
	struct vtds_unit copy = race->f.unit;
	struct vtd_shadow_resync cmd = {
		.size = sizeof(cmd),
		.flags = VTD_SHADOW_RESYNC_RELEASE,
	};

	switch (race_below(seed, 3)) {
	case 0:
		return vtds_resync(&copy);
	case 1:
		return vtds_resync_range(&copy, RACE_SPARE_GPA,
					 RACE_SPARE_SIZE);
	default:
		return ioctl(copy.fd, VTD_SHADOW_RESYNC, &cmd) ? -errno : 0;
	}
}

static int look(struct race *race, unsigned int *seed)
{
	struct vtd_shadow_translate answer;
	struct vtd_shadow_get_stats stats;
	__u16 sid = race->f.dev[race_below(seed, RACE_DEVICES)].sid;
	int rc = vtds_translate(&race->f.unit, sid, some_iova(seed), &answer);

	return rc ?: vtds_stats(&race->f.unit, &stats);
}

static int switch_translation(struct race *race, unsigned int *seed)
{
	struct vtds_unit copy = race->f.unit;

	race->translates = race_chance(seed, 50);
	copy.flags = race->translates ? VTD_SHADOW_STATE_TE : 0;
	vtds_sleep_ms(1);
	return vtds_set_state(&copy);
}

/* Blocks for a moment at most, so that it sees when it is to end */
static int read_events(struct race *race, unsigned int *seed)
{
	struct pollfd pollfd = { .fd = race->f.unit.fd, .events = POLLIN };
	struct vtd_shadow_event events[8];
	ssize_t size;

	if (poll(&pollfd, 1, 10) < 0)
		return -errno;
	if (pollfd.revents & POLLNVAL)
		return -EBADF;
	if (!(pollfd.revents & POLLIN))
		return 0;
	size = read(race->f.unit.fd, events,
		    (1 + race_below(seed, 8)) * sizeof(*events));
	if (size < 0)
		return -errno;
	return size % sizeof(*events) ? -EPROTO : 0;
}

/* --- Memory --- */

/* Other pages of the host at the same address, which is in no IOAS now */
static int replace_spare(struct vtds_ram *spare)
{
	if (fallocate(spare->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      spare->size))
		return -errno;
	for (__u64 at = 0; at < spare->size; at += SZ_4K)
		((volatile char *)spare->hva)[at] = 0;
	return 0;
}

/* One thread alone. The memory comes back as it was, or with less permission. */
static int take_and_give(struct race *race, unsigned int *seed)
{
	struct vtds_vmm *vmm = &race->f.vmm;
	struct vtds_ram *spare = &race->f.guest.ram[race->f.guest.nr_ram - 1];
	unsigned int perm = race_chance(seed, 30) ? PERM_R : PERM_RW;
	int rc = vtds_ioas_unmap(vmm, vmm->ioas, spare->gpa, spare->size);

	if (!rc && race_chance(seed, 60))
		rc = replace_spare(spare);
	vtds_sleep_ms(race_below(seed, 3));
	if (rc)
		return rc;
	race->spare_perm = perm;
	return vtds_ioas_map(vmm, vmm->ioas, spare->hva, spare->gpa,
			     spare->size, perm);
}

const struct race_act race_acts[] = {
	{ "INVALIDATE", flush },
	{ "INVALIDATE beside it", flush },
	{ "RUN_QUEUE", run_queue },
	{ "RESYNC", resync },
	{ "TRANSLATE, GET_STATS", look },
	{ "SET_STATE", switch_translation },
	{ "read()", read_events },
	{ "IOAS_UNMAP and _MAP", take_and_give },
	{ "REMOVE_ and ADD_DEVICE", race_remove_and_add },
	{ "resets", race_reset },
	{ "close and open a device", race_close_and_open },
	{ "second unit", race_second_unit },
	{ "DMA anywhere", race_start_dma },
};

const unsigned int race_nr_acts = ARRAY_SIZE(race_acts);
