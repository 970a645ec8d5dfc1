// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads, one unit: every ioctl at once, memory taken and given, tables
 * rewritten, while a device does DMA to pages that nobody touches.
 */
#include <errno.h>
#include <stdlib.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL
#define SPARE_SIZE SZ_2M
#define SECONDS 4

FIXTURE(stress)
{
	struct vtds_fixture f;
	struct vtds_load load;
	bool stop;
	int failed;
};

/* Device 0 is added and removed, 1 is left alone, 2 does the DMA */
FIXTURE_SETUP(stress)
{
	struct vtds_ram *spare;

	OPEN_FIXTURE(.edu = 2, .nvme = 1);
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SPARE_SIZE));
	spare = &self->f.guest.ram[1];
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, spare->hva,
				   spare->gpa, spare->size, PERM_RW));
	/* All tables that the writer will need */
	vtds_map_range(&self->f.table, IOVA, SPARE_GPA, SPARE_SIZE, PERM_RW);

	vtds_fixture_load(&self->f, &self->load, &self->f.dev[2], 32,
			  IOVA + SZ_2M);
	FLUSH(iotlb_domain(TABLE_DID));
}

FIXTURE_TEARDOWN(stress)
{
	vtds_fixture_close(&self->f);
}

/* --- What the threads do, once --- */

static int flush_something(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	__u64 at = rand_r(seed) % 1024 * SZ_4K;
	const struct vtds_desc all[] = {
		iotlb_page(TABLE_DID, IOVA + at),
		iotlb_pages(TABLE_DID, IOVA + at, rand_r(seed) % 12),
		iotlb_domain(TABLE_DID),
		cc_device(self->f.dev[rand_r(seed) % 3].sid),
		iotlb_global(),
		cc_global(),
		wait_status(0x1000, 2),
		iotlb_domain(TABLE_DID + 1),
	};
	unsigned int first = rand_r(seed) % ARRAY_SIZE(all);

	return vtds_flush(&self->f.unit, &all[first], ARRAY_SIZE(all) - first);
}

/* The guest writes to its tables: leaves come, go, and turn bad */
static int rewrite_tables(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	volatile __u64 *leaves = vtds_entry(&self->f.table, IOVA, 1);
	unsigned int i = rand_r(seed) % 512;
	const __u64 values[] = {
		0,
		(SPARE_GPA + i * SZ_4K) | SS_RW,
		(SPARE_GPA + (511 - i) * SZ_4K) | SS_R,
		0x3000000000ULL | SS_RW,
		~0ULL,
	};

	leaves[i] = values[rand_r(seed) % ARRAY_SIZE(values)];
	return 0;
}

static int remove_and_add(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	int rc = vtds_remove_device(&self->f.unit, self->f.dev[0].dev_id);

	vtds_sleep_ms(rand_r(seed) % 3);
	return rc ?: vtds_fixture_add(&self->f, &self->f.dev[0]);
}

static int take_and_give(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	struct vtds_vmm *vmm = &self->f.vmm;
	struct vtds_ram *spare = &self->f.guest.ram[1];
	int rc = vtds_ioas_unmap(vmm, vmm->ioas, SPARE_GPA, SPARE_SIZE);

	vtds_sleep_ms(rand_r(seed) % 3);
	return rc    ?:
		       vtds_ioas_map(vmm, vmm->ioas, spare->hva, SPARE_GPA,
				     SPARE_SIZE, PERM_RW);
}

static int look(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	struct vtd_shadow_translate answer;
	struct vtd_shadow_get_stats stats;
	int rc = vtds_translate(&self->f.unit, self->f.dev[1].sid,
				IOVA + rand_r(seed) % 1024 * SZ_4K, &answer);

	return rc ?: vtds_stats(&self->f.unit, &stats);
}

static int set_same_state(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	struct vtds_unit copy = self->f.unit;

	return rand_r(seed) & 1 ? vtds_set_state(&copy) : vtds_resync(&copy);
}

static int switch_translation(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	struct vtds_unit copy = self->f.unit;

	copy.flags = rand_r(seed) & 1 ? VTD_SHADOW_STATE_TE : 0;
	vtds_sleep_ms(1);
	return vtds_set_state(&copy);
}

/* The VMM tries what it must not */
static int attach_and_detach(FIXTURE_DATA(stress) * self, unsigned int *seed)
{
	struct vtds_dev *dev = &self->f.dev[1];
	int rc = vtds_dev_attach(dev, self->f.vmm.ioas);

	vtds_sleep_ms(rand_r(seed) % 3);
	return rc == -EBUSY ? vtds_dev_detach(dev) : -EPROTO;
}

/* --- The threads --- */

struct worker {
	FIXTURE_DATA(stress) * self;
	int (*act)(FIXTURE_DATA(stress) * self, unsigned int *seed);
	unsigned int seed;
	unsigned long rounds;
	int rc;
	pthread_t thread;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (!__atomic_load_n(&worker->self->stop, __ATOMIC_ACQUIRE) &&
	       !worker->rc) {
		worker->rc = worker->act(worker->self, &worker->seed);
		worker->rounds++;
	}
	return NULL;
}

/* Runs all for a while; the number of those that failed */
static int run_workers(FIXTURE_DATA(stress) * self, struct worker *workers,
		       unsigned int nr)
{
	int failed = 0;

	self->stop = false;
	for (unsigned int i = 0; i < nr; i++) {
		workers[i].self = self;
		workers[i].seed = 4711 + i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			abort();
	}
	vtds_sleep_ms(SECONDS * 1000);
	__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < nr; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].rc || !workers[i].rounds) {
			fprintf(stderr, "# worker %u: %d after %lu rounds\n", i,
				workers[i].rc, workers[i].rounds);
			failed++;
		}
	}
	return failed;
}

/* Afterwards the guest puts its tables in order, and everything is as at first */
#define EXPECT_ALL_WELL()                                                   \
	do {                                                                \
		vtds_map_range(&self->f.table, IOVA, SPARE_GPA, SPARE_SIZE, \
			       PERM_RW);                                    \
		ASSERT_EQ(0, vtds_set_state(&self->f.unit));                \
		EXPECT_EQ(0U, self->f.unit.install_errno);                  \
		EXPECT_EQ(3UL, STAT(devices));                              \
		EXPECT_EQ(1UL, STAT(domains));                              \
		EXPECT_REACH_BUFFERS(7);                                    \
		for (__u64 _at = 0; _at < SPARE_SIZE; _at += 37 * SZ_4K)    \
			EXPECT_REACH(PERM_RW, &self->f.dev[2], IOVA + _at,  \
				     SPARE_GPA + _at);                      \
		vtds_unmap(&self->f.table, IOVA, SZ_2M);                    \
		FLUSH(iotlb_domain(TABLE_DID));                             \
		EXPECT_DEAD(&self->f.dev[2], IOVA, SPARE_GPA);              \
	} while (0)

/* None of this concerns the pages that the device writes to */
TEST_F(stress, dma_goes_on)
{
	struct worker workers[] = {
		{ .act = flush_something }, { .act = flush_something },
		{ .act = rewrite_tables },  { .act = remove_and_add },
		{ .act = take_and_give },   { .act = look },
		{ .act = set_same_state },  { .act = attach_and_detach },
	};

	ASSERT_EQ(0, vtds_load_start(&self->load));
	EXPECT_EQ(0, run_workers(self, workers, ARRAY_SIZE(workers)));
	vtds_load_wait(&self->load, 10);
	vtds_load_stop(&self->load);
	EXPECT_LT(10UL, self->load.rounds);
	EXPECT_EQ(0UL, self->load.misses);
	EXPECT_ALL_WELL();
}

/* With translation switched there are gaps, but nothing else */
TEST_F(stress, everything)
{
	struct worker workers[] = {
		{ .act = flush_something }, { .act = switch_translation },
		{ .act = rewrite_tables },  { .act = remove_and_add },
		{ .act = take_and_give },   { .act = look },
		{ .act = set_same_state },  { .act = attach_and_detach },
	};

	ASSERT_EQ(0, vtds_load_start(&self->load));
	EXPECT_EQ(0, run_workers(self, workers, ARRAY_SIZE(workers)));
	vtds_load_stop(&self->load);
	EXPECT_ALL_WELL();
}

TEST_HARNESS_MAIN
