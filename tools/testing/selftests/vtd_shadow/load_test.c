// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large numbers: units and domains with devices and as many pages as there is room for,
 * a device that comes and goes all day, invalidations without end while another one does
 * DMA. None of it may take more time or memory the longer it lasts.
 *
 * In the environment LOAD_UNITS, LOAD_CYCLES and LOAD_CALLS say how much of it; the
 * defaults take some seconds. What was measured on the way is told in lines that begin
 * with "load: ", for a plot.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/samples.h"
#include "vtds_test.h"

#define IOVA 0x2000000000ULL
#define TABLE_SIZE (512 * SZ_4K)
/* Places at which one table of leaves hangs, and so how many pages a unit maps */
#define NR_PLACES 256
#define UNIT_PAGES (NR_PLACES * 512UL)
#define MAX_UNITS 64
#define FLUSHES 64

static unsigned long how_many(const char *name, unsigned long usual)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : usual;
}

/* --- Many units --- */

/**
 * struct small_guest - A guest with one device
 * @f: Its VMM, memory and unit
 * @leaves: Its table of level 1, of which all entries are mapped
 * @page: Where all of them lead
 */
struct small_guest {
	struct vtds_fixture f;
	__u64 leaves;
	__u64 page;
};

FIXTURE(load_units)
{
	struct small_guest *guests;
	unsigned int nr;
};

FIXTURE_SETUP(load_units)
{
	int devices = vtds_dev_count(VTDS_EDU);

	self->nr = how_many("LOAD_UNITS", 4);
	if (!self->nr || self->nr > MAX_UNITS || devices < (int)self->nr)
		SKIP(return, "this machine has %d devices", devices);
	self->guests = calloc(self->nr, sizeof(*self->guests));
	ASSERT_NE(NULL, self->guests);
}

FIXTURE_TEARDOWN(load_units)
{
	for (unsigned int i = 0; self->guests && i < self->nr; i++)
		vtds_fixture_close(&self->guests[i].f);
	free(self->guests);
}

/* One leaf table at all places */
static int fill(struct small_guest *g)
{
	const struct vtds_desc flush = iotlb_domain(TABLE_DID);
	__u64 *leaves;

	g->page = vtds_page(&g->f.guest);
	g->leaves = vtds_page(&g->f.guest);
	leaves = vtds_hva(&g->f.guest, g->leaves);
	for (unsigned int i = 0; i < 512; i++)
		leaves[i] = g->page | SS_RW;
	for (unsigned int i = 0; i < NR_PLACES; i++)
		*vtds_entry(&g->f.table, IOVA + i * TABLE_SIZE, 2) = g->leaves |
								     SS_RW;
	return vtds_flush(&g->f.unit, &flush, 1);
}

static int begin(struct small_guest *g, unsigned int number)
{
	const struct vtds_config config = { .edu = 1, .edu_first = number };

	return vtds_fixture_open(&g->f, &config) ?: fill(g);
}

static bool reaches(struct small_guest *g, unsigned int place)
{
	__u64 iova = IOVA + place * TABLE_SIZE + 511 * SZ_4K;

	return vtds_reach(&g->f.guest, &g->f.dev[0], iova, g->page) == PERM_RW;
}

/* Microseconds that a page flush takes that finds a change */
static double flush_time(struct small_guest *g)
{
	__u64 *leaf = vtds_hva(&g->f.guest, g->leaves);
	const struct vtds_desc flush = iotlb_page(TABLE_DID, IOVA);
	double begun = vtds_seconds();

	for (unsigned int i = 0; i < FLUSHES; i++) {
		*leaf = *leaf ? 0 : g->page | SS_RW;
		if (vtds_flush(&g->f.unit, &flush, 1))
			return -1;
	}
	return (vtds_seconds() - begun) / FLUSHES * 1e6;
}

/* What one guest loses the others keep, and what others have costs it no time. */
TEST_F_TIMEOUT(load_units, all, 3000)
{
	struct small_guest *g = self->guests;
	struct load_samples samples = { .name = "units" };
	double alone;

	ASSERT_EQ(0, begin(&g[0], 0));
	alone = flush_time(&g[0]);
	for (unsigned int i = 1; i < self->nr; i++) {
		double begun = vtds_seconds();

		ASSERT_EQ(0, begin(&g[i], i));
		EXPECT_EQ(0, (int)g[i].f.unit.install_errno);
		load_sample(&samples, UNIT_PAGES, vtds_seconds() - begun);
	}
	printf("# load: %u units map %lu pages; a flush takes %.0f us, alone it took %.0f\n",
	       self->nr, self->nr * UNIT_PAGES, flush_time(&g[0]), alone);
	EXPECT_LT(flush_time(&g[0]), LOAD_DRIFT * alone + LOAD_SLACK_US);
	EXPECT_NULL(load_time_drifts(&samples));

	for (unsigned int i = 0; i < self->nr; i++)
		EXPECT_TRUE(reaches(&g[i], NR_PLACES - 1));
	ASSERT_EQ(0, vtds_ioas_unmap(&g[0].f.vmm, g[0].f.vmm.ioas, RAM_GPA,
				     RAM_SIZE));
	EXPECT_FALSE(reaches(&g[0], NR_PLACES - 1));
	for (unsigned int i = 1; i < self->nr; i++)
		EXPECT_TRUE(reaches(&g[i], 0));
}

/* --- A device that comes and goes --- */

FIXTURE(load_device)
{
	struct vtds_fixture f;
};

FIXTURE_SETUP(load_device)
{
	OPEN_FIXTURE(.edu = 2);
}

FIXTURE_TEARDOWN(load_device)
{
	vtds_fixture_close(&self->f);
}

TEST_F_TIMEOUT(load_device, comes_and_goes, 3000)
{
	unsigned long each =
		how_many("LOAD_CYCLES", 16 * LOAD_SAMPLES) / LOAD_SAMPLES;
	struct load_samples samples = { .name = "cycles" };
	struct vtds_dev *dev = &self->f.dev[0];

	for (unsigned int i = 0; i < LOAD_SAMPLES; i++) {
		double begun = vtds_seconds();

		for (unsigned long j = 0; j < each; j++) {
			ASSERT_EQ(0, vtds_remove_device(&self->f.unit,
							dev->dev_id));
			ASSERT_EQ(0, vtds_fixture_add(&self->f, dev));
			ASSERT_EQ(0, (int)self->f.unit.install_errno);
		}
		load_sample(&samples, each, vtds_seconds() - begun);
	}
	EXPECT_NULL(load_time_drifts(&samples));
	EXPECT_NULL(load_memory_drifts(&samples));
	EXPECT_REACH_BUFFERS(3);
}

/* --- Invalidations under DMA --- */

#define AT_ONCE 256U

FIXTURE(load_calls)
{
	struct vtds_fixture f;
	struct vtds_load dma;
	struct vtds_desc descs[AT_ONCE];
	__u64 *leaves; /* of level 1, for IOVA */
	__u64 page;
};

FIXTURE_SETUP(load_calls)
{
	OPEN_FIXTURE(.nvme = 1);
	self->page = vtds_page(&self->f.guest);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	self->leaves = vtds_entry(&self->f.table, IOVA, 1);
	for (unsigned int i = 0; i < AT_ONCE; i++)
		self->descs[i] = iotlb_page(TABLE_DID, IOVA + i * SZ_4K);
	vtds_fixture_load(&self->f, &self->dma, &self->f.dev[0], 32,
			  IOVA + TABLE_SIZE);
	FLUSH(iotlb_domain(TABLE_DID));
}

FIXTURE_TEARDOWN(load_calls)
{
	vtds_fixture_close(&self->f);
}

/* A page for each descriptor comes or goes. */
static int invalidate(FIXTURE_DATA(load_calls) * self, bool there)
{
	for (unsigned int i = 0; i < AT_ONCE; i++)
		self->leaves[i] = there ? self->page | SS_RW : 0;
	return vtds_flush(&self->f.unit, self->descs, AT_ONCE);
}

TEST_F_TIMEOUT(load_calls, under_dma, 3000)
{
	unsigned long each =
		how_many("LOAD_CALLS", 4 * LOAD_SAMPLES) / LOAD_SAMPLES;
	struct load_samples samples = { .name = "invalidations" };

	ASSERT_EQ(0, vtds_load_start(&self->dma));
	for (unsigned int i = 0; i < LOAD_SAMPLES; i++) {
		double begun = vtds_seconds();

		for (unsigned long j = 0; j < each; j++)
			ASSERT_EQ(0, invalidate(self, j % 2));
		load_sample(&samples, each * AT_ONCE, vtds_seconds() - begun);
	}
	vtds_load_wait(&self->dma, vtds_load_rounds(&self->dma) + 32);
	vtds_load_stop(&self->dma);
	printf("# load: %lu transfers meanwhile, %lu did not arrive\n",
	       self->dma.rounds, self->dma.misses);
	EXPECT_EQ(0, self->dma.misses);
	EXPECT_NULL(load_time_drifts(&samples));
	EXPECT_NULL(load_memory_drifts(&samples));
	ASSERT_EQ(0, invalidate(self, true));
	EXPECT_REACH(PERM_RW, &self->f.dev[0], IOVA + 255 * SZ_4K, self->page);
}

TEST_HARNESS_MAIN
