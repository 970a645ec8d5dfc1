// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a VMM of the race test: it sets up, starts its threads, and ends in one of
 * several ways. It is a process of its own, which tells its parent what it did through
 * memory that they share.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "race.h"

/* So long at a time everything goes on */
#define LOOK_MS 300

/* How a life ends: every second one in the way that shows most */
static enum race_end some_end(unsigned long number, unsigned int *seed)
{
	static const enum race_end others[] = { RACE_END_KILLED,
						RACE_END_UNIT_CLOSED,
						RACE_END_EXITS };

	if (number % 2)
		return RACE_END_CHECKED;
	return others[race_below(seed, ARRAY_SIZE(others))];
}

/* All that the seed decides before a VMM begins */
void race_vmm_choose(struct race *race, unsigned long number)
{
	unsigned int seed = number * 2654435761U;

	memset(race, 0, sizeof(*race));
	race->seed = number;
	race->scalable = race_chance(&seed, 50);
	race->budget = race_chance(&seed, 40) ? 1 + race_below(&seed, 16) : 0;
	race->end = some_end(number, &seed);
	for (unsigned int i = 0; i < race_nr_acts; i++)
		if (race_chance(&seed, 40))
			race->acts |= 1U << i;
	race->spare_perm = PERM_RW;
}

static int add_spare(struct vtds_fixture *f)
{
	struct vtds_guest *guest = &f->guest;
	int rc = vtds_ram_add(guest, VTDS_RAM_SCATTERED, RACE_SPARE_GPA,
			      RACE_SPARE_SIZE);

	return rc    ?:
		       vtds_ioas_map(&f->vmm, f->vmm.ioas,
				     vtds_hva(guest, RACE_SPARE_GPA),
				     RACE_SPARE_GPA, RACE_SPARE_SIZE, PERM_RW);
}

/* There is always somebody who does something: who waits to look goes first */
static void world_init(struct race *race)
{
	const int kind = PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, kind);
	pthread_rwlock_init(&race->world, &attr);
	race->translates = true;
}

static int set_up(struct race *race)
{
	struct vtds_fixture *f = &race->f;
	const struct vtds_config config = {
		.edu = RACE_LOAD,
		.nvme = 1,
		.ram_2m = true,
		.scalable = race->scalable,
		.budget = race->budget,
	};
	int rc = vtds_fixture_prepare(f, &config);

	rc = rc ?: add_spare(f);
	if (rc)
		return rc;
	race_guest_init(race);
	/* The queue, and behind it a page for the status of waits */
	vtds_queue_init(&race->queue, &f->guest, 0, race->scalable);
	vtds_page(&f->guest);
	vtds_fixture_load(f, &race->load, &f->dev[RACE_LOAD], RACE_LOAD_PAGES,
			  RACE_LOAD_IOVA);
	pthread_rwlock_init(&race->device_lock, NULL);
	world_init(race);
	return vtds_fixture_start(f);
}

/**
 * struct worker - A thread
 * @race: In which VMM
 * @nr: What it does
 * @thread: It
 */
struct worker {
	struct race *race;
	unsigned int nr;
	pthread_t thread;
};

/*
 * What calls may say: a device is elsewhere just now, or busy. While things are being
 * closed they may say anything: their descriptor may be another file's.
 */
static bool may_say(struct race *race, int rc)
{
	switch (rc) {
	case 0:
	case -ENOENT:
	case -EBUSY:
	case -ENODEV:
	case -EAGAIN:
		return true;
	}
	return __atomic_load_n(&race->closing, __ATOMIC_ACQUIRE);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct race *race = worker->race;
	const struct race_act *act = &race_acts[worker->nr];
	unsigned int seed = race->seed * 131 + worker->nr;

	while (!race_stops(race)) {
		int rc;

		pthread_rwlock_rdlock(&race->world);
		rc = act->act(race, &seed);
		pthread_rwlock_unlock(&race->world);
		if (!may_say(race, rc))
			race_wrong(race, "%s: %d", act->name, rc);
		race->shared->acts[worker->nr]++;
	}
	return NULL;
}

static void start(struct race *race, struct worker *workers, pthread_t *guest)
{
	if (vtds_load_start(&race->load) ||
	    pthread_create(&guest[0], NULL, race_guest_announces, race) ||
	    pthread_create(&guest[1], NULL, race_guest_is_tight, race))
		abort();
	for (unsigned int i = 0; i < race_nr_acts; i++) {
		workers[i] = (struct worker){ .race = race, .nr = i };
		if ((race->acts >> i & 1) &&
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			abort();
	}
}

static void stop(struct race *race, struct worker *workers, pthread_t *guest)
{
	__atomic_store_n(&race->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < race_nr_acts; i++)
		if (race->acts >> i & 1)
			pthread_join(workers[i].thread, NULL);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(guest[i], NULL);
	vtds_load_stop(&race->load);
	race->shared->transfers = vtds_load_rounds(&race->load);
}

/* In the middle of everything that threads do, again and again, nobody does anything */
static void live(struct race *race)
{
	double end = vtds_seconds() + race->seconds;

	while (vtds_seconds() < end) {
		vtds_sleep_ms(LOOK_MS);
		pthread_rwlock_wrlock(&race->world);
		race_check_between(race);
		pthread_rwlock_unlock(&race->world);
	}
}

/* Translation may be off: what is compared then is how it is with it on */
static void end_checked(struct race *race)
{
	int rc;

	race_check_between(race);
	rc = vtds_fixture_state(&race->f, true);
	race->translates = true;
	if (rc)
		race_wrong(race, "the last SET_STATE: %d", rc);
	race_check_all(race);
	vtds_fixture_close(&race->f);
	if (vtds_vm_pin_kb())
		race_wrong(race, "memory of the VMM is pinned at its end");
}

static void end_unit_closed(struct race *race, struct worker *workers,
			    pthread_t *guest)
{
	__atomic_store_n(&race->closing, true, __ATOMIC_RELEASE);
	/* Another file may get the number, which the threads go on to use */
	close(race->f.unit.fd);
	vtds_sleep_ms(20);
	stop(race, workers, guest);
	race_check_nothing(race);
}

/* Does not return */
void race_vmm_lives(struct race *race)
{
	static struct worker workers[RACE_MAX_ACTS];
	pthread_t guest[2];
	int rc = set_up(race);

	if (rc) {
		race_wrong(race, "cannot set up: %d, with %u devices, unit %d",
			   rc, race->f.nr_devs, race->f.unit.fd);
		_exit(1);
	}
	start(race, workers, guest);
	__atomic_store_n(&race->shared->ready, 1, __ATOMIC_RELEASE);
	live(race);
	switch (race->end) {
	case RACE_END_KILLED:
		/* As it comes, later than here if nobody does */
		vtds_sleep_ms(60000);
		break;
	case RACE_END_UNIT_CLOSED:
		end_unit_closed(race, workers, guest);
		break;
	case RACE_END_CHECKED:
		stop(race, workers, guest);
		end_checked(race);
		break;
	default:
		break;
	}
	_exit(0);
}
