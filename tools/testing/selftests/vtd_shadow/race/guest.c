// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest of the race test has two processors. One rewrites entries in a tight loop and
 * announces nothing. The other one rewrites others, and again and again announces all that
 * it wrote: once its own flush has returned, what was there before may be in use nowhere
 * any more.
 */
#include "race.h"

#define NOWHERE_GPA 0x3000000000ULL

/* Each has half of them, and writes to the entries that lead there and to their leaves */
#define HALF (RACE_TABLES / 2)

/* Bits that make a leaf malformed: address bits beyond the width, and some of those */
#define TRANSIENT_MAPPING (1ULL << 62)
#define BEYOND_WIDTH (0x3fULL << 46)

/**
 * struct processor - One of the guest's
 * @race: In which VMM
 * @history: What it wrote
 * @first: The first one of its tables
 * @seed: Of its random numbers
 */
struct processor {
	struct race *race;
	struct vtds_history *history;
	unsigned int first;
	unsigned int seed;
};

/* Addresses of the tables */
static __u64 tables[RACE_TABLES];

static void history_init(struct race *race, struct vtds_history *history)
{
	history->guest = &race->f.guest;
	history->reserved = TRANSIENT_MAPPING | BEYOND_WIDTH;
	if (!race->scalable)
		history->reserved |= SS_SNP;
}

void race_guest_init(struct race *race)
{
	struct vtds_fixture *f = &race->f;
	struct vtds_dev *dev = &f->dev[RACE_MOVED];

	history_init(race, &race->announced);
	history_init(race, &race->tight);
	race->announced.other = &race->tight;

	vtds_map_range(&f->table, RACE_IOVA, RACE_SPARE_GPA, RACE_SPARE_SIZE,
		       PERM_RW);
	for (unsigned int i = 0; i < RACE_TABLES; i++) {
		__u64 *above = vtds_entry(&f->table, RACE_IOVA + i * SZ_2M, 2);

		vtds_entry(&f->table, RACE_IOVA + i * SZ_2M, 1);
		tables[i] = *above & SS_ADDR;
	}
	vtds_table_init(&race->other, &f->guest, f->table.levels,
			RACE_OTHER_DID);
	vtds_fixture_map_buffers(f, &race->other);
	vtds_map(&race->other, RACE_IOVA, RACE_SPARE_GPA, SZ_4K, PERM_R);
	/* All that its context needs is there from now on */
	vtds_fixture_use(f, dev, &f->table);
}

/* A leaf: one of two pages of the spare memory with some permission, nowhere, malformed */
static void write_leaf(struct processor *cpu)
{
	unsigned int i = race_below(&cpu->seed, 512);
	unsigned int table = cpu->first + race_below(&cpu->seed, HALF);
	volatile __u64 *leaves = vtds_hva(&cpu->race->f.guest, tables[table]);
	__u64 here = RACE_SPARE_GPA + i * SZ_4K;
	__u64 there = RACE_SPARE_GPA + (511 - i) * SZ_4K;
	const __u64 values[] = {
		0,
		here | SS_RW,
		here | SS_R,
		here | SS_W,
		there | SS_RW,
		there | SS_R,
		~0ULL,
		NOWHERE_GPA | SS_RW,
		here | SS_RW | TRANSIENT_MAPPING,
	};

	vtds_history_write(cpu->history, &leaves[i],
			   values[race_below(&cpu->seed, ARRAY_SIZE(values))]);
}

/* A table, another one, none, or a leaf of 2 MiB where memory is small or huge pages */
static void write_table(struct processor *cpu)
{
	unsigned int i = cpu->first + race_below(&cpu->seed, HALF);
	unsigned int j = cpu->first + race_below(&cpu->seed, HALF);
	volatile __u64 *entry =
		vtds_entry(&cpu->race->f.table, RACE_IOVA, 2) + i;
	const __u64 values[] = {
		tables[i] | SS_RW,
		tables[i] | SS_RW,
		tables[j] | SS_RW,
		tables[i] | SS_R,
		0,
		RACE_SPARE_GPA | SS_RW | SS_PS,
		RACE_SPARE_GPA | SS_R | SS_PS,
		RAM_2M_GPA | SS_RW | SS_PS,
		(RAM_2M_GPA + SZ_2M) | SS_R | SS_PS,
	};

	vtds_history_write(cpu->history, entry,
			   values[race_below(&cpu->seed, ARRAY_SIZE(values))]);
}

/* The context or PASID entry of one device */
static volatile __u64 *context_of(struct race *race)
{
	__u16 sid = race->f.dev[RACE_MOVED].sid;

	return race->scalable ? vtds_sm_pasid(&race->f.guest, sid, 0) :
				vtds_ctx_entry(&race->f.guest, sid);
}

/* On one table, on the other, or nowhere. The rest of the entry stays. */
static void write_context(struct processor *cpu)
{
	struct race *race = cpu->race;
	volatile __u64 *entry = context_of(race);
	__u64 rest = *entry & ~SS_ADDR & ~1ULL;
	const __u64 values[] = {
		race->f.table.root | rest | 1,
		race->other.root | rest | 1,
		race->f.table.root | rest,
	};

	vtds_history_write(cpu->history, entry,
			   values[race_below(&cpu->seed, ARRAY_SIZE(values))]);
}

static void write_some(struct processor *cpu, bool context)
{
	unsigned int nr = 1 + race_below(&cpu->seed, 64);

	pthread_rwlock_rdlock(&cpu->race->world);
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int what = race_below(&cpu->seed, 100);

		if (what < 90)
			write_leaf(cpu);
		else if (what < 98 || !context)
			write_table(cpu);
		else
			write_context(cpu);
	}
	pthread_rwlock_unlock(&cpu->race->world);
	__atomic_add_fetch(&cpu->race->shared->guest_writes, nr,
			   __ATOMIC_RELAXED);
}

/* All that this processor wrote so far takes effect */
static int announce(struct processor *cpu)
{
	struct race *race = cpu->race;
	const struct vtds_desc all[] = {
		race->scalable ? pc_global() : cc_global(),
		iotlb_global(),
		wait_status(0x1000, 2),
	};
	struct vtds_unit copy = race->f.unit;
	int rc = vtds_flush(&copy, all, ARRAY_SIZE(all));

	if (!rc) {
		vtds_history_barrier(cpu->history);
		race->shared->barriers++;
	}
	return rc;
}

void *race_guest_announces(void *arg)
{
	struct race *race = arg;
	struct processor cpu = {
		.race = race,
		.history = &race->announced,
		.seed = race->seed * 31 + 7,
	};

	while (!race_stops(race)) {
		int rc;

		write_some(&cpu, true);
		pthread_rwlock_rdlock(&race->world);
		rc = announce(&cpu);
		pthread_rwlock_unlock(&race->world);
		if (rc && !__atomic_load_n(&race->closing, __ATOMIC_ACQUIRE))
			race_wrong(race, "the guest's flush: %d", rc);
	}
	return NULL;
}

void *race_guest_is_tight(void *arg)
{
	struct race *race = arg;
	struct processor cpu = {
		.race = race,
		.history = &race->tight,
		.first = HALF,
		.seed = race->seed * 37 + 11,
	};

	while (!race_stops(race))
		write_some(&cpu, false);
	return NULL;
}
