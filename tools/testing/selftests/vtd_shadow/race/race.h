/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The race test: a VMM whose threads do everything at once, while a guest rewrites its
 * tables in a tight loop and devices do DMA. ../race_test.c runs it round by round, each
 * VMM is a process of its own. What the parts offer is below in layers: each part calls
 * parts further up, none further down.
 */
#ifndef SELFTESTS_VTD_SHADOW_RACE_RACE_H
#define SELFTESTS_VTD_SHADOW_RACE_RACE_H

#include <pthread.h>
#include <stdlib.h>

#include "kselftest.h"
#include "vtds_account.h"
#include "vtds_desc.h"
#include "vtds_fixture.h"
#include "vtds_history.h"
#include "vtds_isolation.h"

/* What the guest maps: tables of leaves, which it rewrites, and above them one of tables */
#define RACE_IOVA 0x2340000000ULL
#define RACE_TABLES 4
#define RACE_SIZE (RACE_TABLES * SZ_2M)
/* Pages that nobody touches but the device that writes to them */
#define RACE_LOAD_IOVA (RACE_IOVA + RACE_SIZE)
#define RACE_LOAD_PAGES 32

/* Memory that the VMM takes and gives, one leaf of 2 MiB */
#define RACE_SPARE_GPA 0x400000000ULL
#define RACE_SPARE_SIZE SZ_2M

/* Two tables with domain-ids of their own; all devices begin on the first */
#define RACE_OTHER_DID (TABLE_DID + 1)

enum {
	RACE_MOVED, /* added and removed */
	RACE_RESET, /* reset in all ways */
	RACE_CLOSED, /* closed and opened, and its driver unbound meanwhile */
	RACE_SECOND, /* moved to a second unit and back */
	RACE_LOAD, /* does the DMA */
	RACE_DEVICES,
};

enum race_end {
	RACE_END_CHECKED, /* all threads end, and what devices reach is looked at */
	RACE_END_KILLED, /* from outside */
	RACE_END_EXITS, /* by itself, in the middle */
	RACE_END_UNIT_CLOSED, /* the unit first, in the middle */
	RACE_NR_ENDS,
};

#define RACE_MAX_ACTS 16

/**
 * struct race_shared - What a VMM tells its parent
 * @ready: It runs
 * @acts: How often each of its threads did what it does
 * @guest_writes: Entries that the guest wrote
 * @barriers: How often some of them were announced
 * @transfers: Of the device that does DMA
 * @pages: Pages that were compared, and in how many devices
 * @whole: Likewise, devices whose addresses were all looked at
 * @windows: Likewise, devices that were looked at in windows
 * @blind: Devices that nobody shows
 * @said: What is wrong
 */
struct race_shared {
	unsigned int ready;
	unsigned long acts[RACE_MAX_ACTS];
	unsigned long guest_writes;
	unsigned long barriers;
	unsigned long transfers;
	unsigned long pages;
	unsigned long whole;
	unsigned long windows;
	unsigned long blind;
	char said[600];
};

/**
 * struct race - One VMM, its guest and its devices
 * @seed: All that it does follows from that, but for when
 * @scalable: The guest uses scalable mode
 * @budget: Of the unit
 * @acts: Bit n: thread n runs
 * @end: How it ends
 * @seconds: How long it lives
 * @write_only: What a device can do with memory that is mapped write-only
 * @f: VMM, guest, unit, devices
 * @other: The second table
 * @queue: The guest's queue, for the thread that runs it
 * @load: The DMA
 * @announced: What the processor of the guest wrote that announces it
 * @tight: What the other one wrote
 * @spare_perm: With which permissions the spare memory is in the IOAS
 * @device_lock: Held for writing by who closes and opens a device
 * @world: Held for writing by who looks at what devices reach: nobody else does anything
 * @translates: Translation is on
 * @stop: Asks threads to end
 * @closing: What the VMM has open is closed meanwhile: calls may fail
 * @shared: What it tells
 */
struct race {
	unsigned long seed;
	bool scalable;
	unsigned int budget;
	unsigned int acts;
	enum race_end end;
	double seconds;
	unsigned int write_only;
	struct vtds_fixture f;
	struct vtds_table other;
	struct vtds_queue queue;
	struct vtds_load load;
	struct vtds_history announced;
	struct vtds_history tight;
	unsigned int spare_perm;
	pthread_rwlock_t device_lock;
	pthread_rwlock_t world;
	bool translates;
	bool stop;
	bool closing;
	struct race_shared *shared;
};

static inline bool race_stops(struct race *race)
{
	return __atomic_load_n(&race->stop, __ATOMIC_ACQUIRE);
}

static inline unsigned int race_below(unsigned int *seed, unsigned int limit)
{
	return rand_r(seed) / 7 % limit;
}

static inline bool race_chance(unsigned int *seed, unsigned int percent)
{
	return race_below(seed, 100) < percent;
}

void race_wrong(struct race *race, const char *format, ...);

/* ---- The guest (guest.c) ---- */

void race_guest_init(struct race *race);
void *race_guest_announces(void *arg);
void *race_guest_is_tight(void *arg);

/* ---- What the VMM's threads do (acts.c, devices.c) ---- */

/**
 * struct race_act - What a thread does again and again
 * @name: For people
 * @act: Does it once. Returns 0 or a negative errno
 */
struct race_act {
	const char *name;
	int (*act)(struct race *race, unsigned int *seed);
};

extern const struct race_act race_acts[];
extern const unsigned int race_nr_acts;

int race_remove_and_add(struct race *race, unsigned int *seed);
int race_reset(struct race *race, unsigned int *seed);
int race_close_and_open(struct race *race, unsigned int *seed);
int race_second_unit(struct race *race, unsigned int *seed);
int race_start_dma(struct race *race, unsigned int *seed);

/* ---- What devices reach (check.c) ---- */

void race_check_between(struct race *race);
bool race_check_all(struct race *race);
bool race_check_nothing(struct race *race);
const char *race_left_behind(void);

/* ---- A VMM's life (vmm.c) ---- */

void race_vmm_choose(struct race *race, unsigned long seed);
void race_vmm_lives(struct race *race);

/* ---- What pesters it from outside (outside.c) ---- */

/**
 * struct race_outside - A process that is not the VMM
 * @vmm: An iommufd, to keep a module in use
 * @unit: Likewise a unit
 * @kept: Likewise a device
 * @bdf: The device whose driver is unbound
 * @stop: Asks the threads to end
 * @unloads: How often a module was to be unloaded
 * @unbinds: How often the driver was unbound
 * @wrong: What is wrong, NULL so far
 * @thread: One unloads, one unbinds
 */
struct race_outside {
	struct vtds_vmm vmm;
	struct vtds_unit unit;
	struct vtds_dev kept;
	char bdf[16];
	bool stop;
	unsigned long unloads;
	unsigned long unbinds;
	const char *wrong;
	pthread_t thread[2];
};

int race_outside_open(struct race_outside *outside);
int race_outside_start(struct race_outside *outside);
const char *race_outside_stop(struct race_outside *outside);
void race_outside_close(struct race_outside *outside);

#endif /* SELFTESTS_VTD_SHADOW_RACE_RACE_H */
