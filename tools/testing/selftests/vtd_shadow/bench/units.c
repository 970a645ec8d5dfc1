// SPDX-License-Identifier: GPL-2.0-only
/*
 * What units cost in memory, whether two of them are in each other's way, and whether
 * many of them leave something behind.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "bench.h"

/* --- Memory for each mapped page --- */

/* A second unit on the same memory, which iommufd has pinned already */
static void open_second(struct bench *b, struct vtds_unit *unit,
			struct vtds_table *table)
{
	struct vtds_dev *dev = &b->dev[BENCH_DEV_JOIN];

	vtds_table_init(table, &b->guest, 4, BENCH_DID);
	vtds_ctx_use(&b->guest, dev->sid, table);
	CHECK(!vtds_unit_open(unit));
	CHECK(!vtds_unit_bind(unit, &b->vmm, 0, 0));
	unit->flags = VTD_SHADOW_STATE_TE;
	unit->rtaddr = b->guest.root;
	CHECK(!vtds_set_state(unit));
	CHECK(!vtds_add_device(unit, dev->dev_id, b->vmm.ioas, &dev->sid, 1));
}

static void close_second(struct bench *b, struct vtds_unit *unit)
{
	vtds_unit_close(unit);
	vtds_ctx_set(&b->guest, b->dev[BENCH_DEV_JOIN].sid, 0, 0);
}

static const struct bench_way *way_named(const char *name)
{
	for (unsigned int i = 0; i < bench_nr_ways; i++)
		if (!strcmp(bench_ways[i].name, name))
			return &bench_ways[i];
	return NULL;
}

static void measure_areas(struct bench *b, struct bench_job *job)
{
	const struct bench_way *way = way_named("ioas_map");
	long before = bench_memory();

	way->sync(b, job, BENCH_MAP);
	bench_sample((double)(bench_memory() - before) / bench_job_pages(job),
		     "memory_ioas_map_bytes_per_page_%s", job->load->name);
	way->sync(b, job, BENCH_UNMAP);
}

/* What was pinned for earlier cases is let go of with the memory. */
static void forget_pins(struct bench *b, const struct bench_load *load)
{
	CHECK(!vtds_ioas_unmap(&b->vmm, b->vmm.ioas, load->gpa, load->size));
	CHECK(!vtds_ioas_map(&b->vmm, b->vmm.ioas,
			     vtds_hva(&b->guest, load->gpa), load->gpa,
			     load->size, PERM_RW));
}

/*
 * The first unit also makes iommufd pin the memory and keep a record of that, once
 * for all users; the second one shows what the engine needs itself.
 */
static void measure_memory(struct bench *b, const struct bench_load *load)
{
	const __u64 pages = BENCH_HUGE_SIZE / SZ_4K;
	struct bench_job job, job2;
	struct vtds_table table;
	struct vtds_unit unit;
	long before, tables;

	bench_new_table(b);
	bench_job_init(&job, load, &b->table, pages);
	forget_pins(b, load);
	before = bench_memory();
	tables = bench_page_tables();
	bench_map(b, &job);
	bench_sample((double)(bench_page_tables() - tables) / pages,
		     "memory_host_tables_bytes_per_page_%s", load->name);
	bench_sample((double)(bench_memory() - before) / pages,
		     "memory_with_pins_bytes_per_page_%s", load->name);

	open_second(b, &unit, &table);
	bench_job_init(&job2, load, &table, pages);
	before = bench_memory();
	bench_job_write(&job2, BENCH_MAP);
	bench_flush(&unit, iotlb_domain(BENCH_DID));
	bench_sample((double)(bench_memory() - before) / pages,
		     "memory_engine_bytes_per_page_%s", load->name);
	close_second(b, &unit);

	measure_areas(b, &job);
	bench_unmap(b, &job);
	bench_job_free(&job);
	bench_job_free(&job2);
}

void bench_memory_cost(struct bench *b)
{
	measure_memory(b, &bench_loads[0]);
	measure_memory(b, &bench_loads[1]);
}

/* --- Two units at a time --- */

#define ALONE_PAGES 32768
#define CYCLES 4

/**
 * struct alone - A guest of its own, with a device and a unit
 * @vmm: Its VMM
 * @guest: Its memory
 * @unit: Its unit
 * @table: A table with all of ALONE_PAGES
 * @dev: Its device
 * @cpu: Where it runs
 * @ns: Output, what the last run took
 * @thread: The thread
 */
struct alone {
	struct vtds_vmm vmm;
	struct vtds_guest guest;
	struct vtds_unit unit;
	struct vtds_table table;
	struct vtds_dev dev;
	unsigned int cpu;
	double ns;
	pthread_t thread;
};

static void alone_open(struct alone *a, unsigned int index)
{
	memset(a, 0, sizeof(*a));
	a->cpu = index;
	CHECK(!vtds_vmm_open(&a->vmm));
	CHECK(!vtds_ram_add(&a->guest, VTDS_RAM_SCATTERED, RAM_GPA,
			    SZ_4K * 512));
	CHECK(!vtds_ram_add(&a->guest, VTDS_RAM_SCATTERED, BENCH_SMALL_GPA,
			    ALONE_PAGES * SZ_4K));
	CHECK(!vtds_ram_map(&a->guest, &a->vmm));
	CHECK(!vtds_dev_open(&a->dev, VTDS_EDU, index));
	CHECK(!vtds_dev_bind(&a->dev, a->vmm.iommufd));
	a->dev.sid = 0x100;
	a->guest.root = vtds_page(&a->guest);
	vtds_table_init(&a->table, &a->guest, 4, BENCH_DID);
	for (__u64 i = 0; i < ALONE_PAGES; i++)
		vtds_map(&a->table, BENCH_IOVA + i * SZ_4K,
			 BENCH_SMALL_GPA + i * 5077 % ALONE_PAGES * SZ_4K,
			 SZ_4K, PERM_RW);
	vtds_ctx_use(&a->guest, a->dev.sid, &a->table);
	CHECK(!vtds_unit_open(&a->unit));
	CHECK(!vtds_unit_bind(&a->unit, &a->vmm, 0, 0));
	a->unit.flags = VTD_SHADOW_STATE_TE;
	a->unit.rtaddr = a->guest.root;
	CHECK(!vtds_set_state(&a->unit));
	CHECK(!vtds_add_device(&a->unit, a->dev.dev_id, a->vmm.ioas,
			       &a->dev.sid, 1));
	CHECK(!a->unit.install_errno);
}

static void alone_close(struct alone *a)
{
	vtds_unit_close(&a->unit);
	vtds_dev_close(&a->dev);
	vtds_vmm_close(&a->vmm);
	vtds_ram_free(&a->guest);
}

static void alone_pin(const struct alone *a)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(a->cpu, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
}

/* The guest takes all of its pages away by one entry, and gives them back. */
static void *alone_run(void *data)
{
	struct alone *a = data;
	volatile __u64 *entry = vtds_entry(&a->table, BENCH_IOVA, 3);
	__u64 value = *entry;
	double begin;

	alone_pin(a);
	begin = bench_now();
	for (unsigned int i = 0; i < CYCLES; i++) {
		*entry = 0;
		bench_flush(&a->unit, iotlb_domain(BENCH_DID));
		*entry = value;
		bench_flush(&a->unit, iotlb_domain(BENCH_DID));
	}
	a->ns = bench_now() - begin;
	return NULL;
}

/* The control: two threads that have nothing in common, not even a system call */
static void *alone_compute(void *data)
{
	struct alone *a = data;
	volatile __u64 value = 1;
	double begin;

	alone_pin(a);
	begin = bench_now();
	for (unsigned int i = 0; i < 20 * 1000 * 1000; i++)
		value = value * 6364136223846793005ULL + 1;
	a->ns = bench_now() - begin;
	return NULL;
}

static void start(struct alone *a, void *(*run)(void *))
{
	CHECK(!pthread_create(&a->thread, NULL, run, a));
}

static double finish(struct alone *a)
{
	pthread_join(a->thread, NULL);
	return a->ns;
}

/* How much more two of them do in the same time than one */
static double throughput(struct alone a[2], void *(*run)(void *))
{
	double one, two, second;

	start(&a[0], run);
	one = finish(&a[0]);
	start(&a[0], run);
	start(&a[1], run);
	two = finish(&a[0]);
	second = finish(&a[1]);
	start(&a[1], run);
	one += finish(&a[1]);
	return one / (two > second ? two : second);
}

void bench_two_units(void)
{
	static struct alone a[2];

	alone_open(&a[0], 0);
	alone_open(&a[1], 1);
	for (unsigned int round = 0; round < 2 * BENCH_ROUNDS; round++) {
		double units = throughput(a, alone_run);
		double control = throughput(a, alone_compute);

		bench_sample(units, "two_units_throughput");
		bench_sample(control, "two_threads_throughput");
		bench_sample(units / control, "two_units_of_two_threads");
	}
	alone_close(&a[0]);
	alone_close(&a[1]);
}

/* --- Many units --- */

#define MANY 256
#define MANY_DEVS 8
#define MANY_PAGES 4096

static const struct {
	enum vtds_kind kind;
	unsigned int index;
} many_devs[MANY_DEVS] = {
	{ VTDS_EDU, 0 },	{ VTDS_EDU, 1 },  { VTDS_EDU, 2 },
	{ VTDS_EDU, 3 },	{ VTDS_EDU, 4 },  { VTDS_EDU, 5 },
	{ VTDS_EDU_SHARED, 0 }, { VTDS_NVME, 0 },
};

/* Units that are bound and have nothing to do */
static void measure_idle(struct bench *b)
{
	static struct vtds_unit units[MANY];
	long before = bench_memory();

	for (unsigned int i = 0; i < MANY; i++) {
		CHECK(!vtds_unit_open(&units[i]));
		CHECK(!vtds_unit_bind(&units[i], &b->vmm, 0, 0));
	}
	bench_sample((double)(bench_memory() - before) / MANY,
		     "memory_idle_unit_bytes");
	for (unsigned int i = 0; i < MANY; i++)
		vtds_unit_close(&units[i]);
}

/* One unit for each device, all on full tables; then all of them end. */
static void many_round(struct bench *b, struct vtds_dev *devs)
{
	struct vtds_unit units[MANY_DEVS];

	for (unsigned int i = 0; i < MANY_DEVS; i++) {
		struct vtds_unit *unit = &units[i];

		CHECK(!vtds_unit_open(unit));
		CHECK(!vtds_unit_bind(unit, &b->vmm, 0, 0));
		unit->flags = VTD_SHADOW_STATE_TE;
		unit->rtaddr = b->guest.root;
		CHECK(!vtds_set_state(unit));
		CHECK(!vtds_add_device(unit, devs[i].dev_id, b->vmm.ioas,
				       &devs[i].sid, 1));
		CHECK(vtds_stat(unit, offsetof(struct vtd_shadow_get_stats,
					       pages)) == MANY_PAGES);
	}
	for (unsigned int i = 0; i < MANY_DEVS; i++)
		vtds_unit_close(&units[i]);
}

/*
 * 256 units with a device and its tables each, as many at a time as there are
 * devices. The first of them make what the kernel keeps from then on.
 */
static void measure_growth(struct bench *b)
{
	struct vtds_dev devs[MANY_DEVS];
	long before = 0, tables = 0;

	for (unsigned int i = 0; i < MANY_DEVS; i++) {
		struct vtds_table table;

		CHECK(!vtds_dev_open(&devs[i], many_devs[i].kind,
				     many_devs[i].index));
		CHECK(!vtds_dev_bind(&devs[i], b->vmm.iommufd));
		devs[i].sid = (i + 1) << 8;
		vtds_table_init(&table, &b->guest, 4, BENCH_DID + i);
		for (__u64 j = 0; j < MANY_PAGES; j++)
			vtds_map(&table, BENCH_IOVA + j * SZ_4K,
				 BENCH_SMALL_GPA +
					 j * 5077 % MANY_PAGES * SZ_4K,
				 SZ_4K, PERM_RW);
		vtds_ctx_use(&b->guest, devs[i].sid, &table);
	}
	for (unsigned int i = 0; i < MANY / MANY_DEVS + 1; i++) {
		many_round(b, devs);
		if (i)
			continue;
		before = bench_memory();
		tables = bench_page_tables();
	}
	bench_sample(bench_memory() - before, "growth_bytes_256_units");
	bench_sample(bench_page_tables() - tables,
		     "growth_host_tables_bytes_256_units");
	for (unsigned int i = 0; i < MANY_DEVS; i++)
		vtds_dev_close(&devs[i]);
}

/* No unit has a device when this begins. */
void bench_many_units(struct bench *b)
{
	b->guest.next = b->mark;
	measure_idle(b);
	measure_growth(b);
}
