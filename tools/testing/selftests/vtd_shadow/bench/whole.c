// SPDX-License-Identifier: GPL-2.0-only
/*
 * What concerns a domain as a whole: flushes without a change, devices that come and
 * go, the end of all, memory taken away.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "bench.h"

/* Short operations are repeated within a round */
#define TIMES 16

static const struct bench_load *const scattered = &bench_loads[0];

/* What a call costs that has nothing to do, and one that is not known */
void bench_empty_calls(struct bench *b)
{
	const unsigned int times = 1024;
	struct vtd_shadow_invalidate result;

	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		double begin = bench_now();
		int rc = 0;

		for (unsigned int i = 0; i < times; i++)
			rc |= vtds_invalidate(&b->unit, NULL, 0, &result);
		bench_sample((bench_now() - begin) / times,
			     "empty_invalidate_ns");
		CHECK(!rc);
		begin = bench_now();
		for (unsigned int i = 0; i < times; i++)
			rc |= !ioctl(b->unit.fd, _IO(VTD_SHADOW_TYPE, 0));
		bench_sample((bench_now() - begin) / times, "empty_ioctl_ns");
		CHECK(!rc);
	}
}

/*
 * A flush over a million pages that did not change, against memcmp() over the same
 * bytes: all tables of the guest.
 */
void bench_no_change(struct bench *b)
{
	const __u64 pages = BENCH_MAX_PAGES;
	struct vtd_shadow_get_stats stats;
	struct bench_job job;
	__u64 tables;

	bench_new_table(b);
	bench_job_init(&job, scattered, &b->table, pages);
	bench_map(b, &job);
	tables = (b->guest.next - b->table.root) / SZ_4K;
	CHECK(!vtds_stats(&b->unit, &stats));
	CHECK(stats.nodes == tables);
	for (unsigned int round = 0; round < 2 * BENCH_ROUNDS; round++) {
		double begin = bench_now();

		bench_flush(&b->unit, iotlb_domain(BENCH_DID));
		bench_sample((bench_now() - begin) / pages,
			     "flush_nochange_ns_per_page");
		bench_sample(bench_floor_compare(b, b->table.root, tables) /
				     pages,
			     "memcmp_ns_per_page");
	}
	bench_unmap(b, &job);
	bench_job_free(&job);
}

/* --- A device that joins --- */

static void add(struct bench *b, enum bench_dev index, __u32 identity,
		const struct vtds_table *table)
{
	struct vtds_dev *dev = &b->dev[index];

	vtds_ctx_use(&b->guest, dev->sid, table);
	CHECK(!vtds_add_device(&b->unit, dev->dev_id, identity, &dev->sid, 1));
	CHECK(!b->unit.install_errno);
}

static void drop(struct bench *b, enum bench_dev index)
{
	CHECK(!vtds_remove_device(&b->unit, b->dev[index].dev_id));
	vtds_ctx_set(&b->guest, b->dev[index].sid, 0, 0);
}

static void measure_join(struct bench *b, const struct vtds_table *table,
			 __u64 pages)
{
	double in = 0, out = 0, begin;

	for (unsigned int i = 0; i < TIMES; i++) {
		begin = bench_now();
		add(b, BENCH_DEV_JOIN, b->vmm.ioas, table);
		in += bench_now() - begin;
		begin = bench_now();
		drop(b, BENCH_DEV_JOIN);
		out += bench_now() - begin;
	}
	bench_sample(in / TIMES, "join_ns_%llu", pages);
	bench_sample(out / TIMES, "leave_ns_%llu", pages);
}

/* ADD_DEVICE when others are on the table, which has many pages or few */
void bench_join(struct bench *b)
{
	struct vtds_table small;
	struct bench_job job;

	bench_new_table(b);
	bench_job_init(&job, scattered, &b->table, BENCH_MAX_PAGES);
	bench_map(b, &job);
	vtds_table_init(&small, &b->guest, 4, BENCH_DID + 1);
	for (__u64 i = 0; i < 512; i++)
		vtds_map(&small, BENCH_IOVA + i * SZ_4K,
			 BENCH_SMALL_GPA + i * SZ_4K, SZ_4K, PERM_RW);
	add(b, BENCH_DEV_KEEP, b->vmm.ioas, &small);
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		measure_join(b, &b->table, BENCH_MAX_PAGES);
		measure_join(b, &small, 512);
	}
	drop(b, BENCH_DEV_KEEP);
	bench_unmap(b, &job);
	bench_job_free(&job);
}

/* --- Pass-through --- */

/**
 * struct passing - A guest whose device goes to pass-through and back
 * @vmm: Its VMM
 * @guest: Its memory
 * @unit: Its unit
 * @dev: The device, which has an empty table otherwise
 * @table: The table
 */
struct passing {
	struct vtds_vmm *vmm;
	struct vtds_guest *guest;
	struct vtds_unit *unit;
	struct vtds_dev *dev;
	struct vtds_table *table;
};

static void measure_passing(struct passing *p, const char *size)
{
	double on = 0, off = 0, begin;

	for (unsigned int i = 0; i < TIMES; i++) {
		vtds_ctx_set(p->guest, p->dev->sid, CTX_TT_PASS_THROUGH | CTX_P,
			     CTX_DID(BENCH_DID) | CTX_AW(4));
		begin = bench_now();
		bench_flush(p->unit, cc_device(p->dev->sid));
		on += bench_now() - begin;
		CHECK(vtds_attachment(p->unit, p->dev->sid) ==
		      VTD_SHADOW_ATTACHED_IDENTITY);
		vtds_ctx_use(p->guest, p->dev->sid, p->table);
		begin = bench_now();
		bench_flush(p->unit, cc_device(p->dev->sid));
		off += bench_now() - begin;
	}
	bench_sample(on / TIMES, "pass_through_on_ns_%s", size);
	bench_sample(off / TIMES, "pass_through_off_ns_%s", size);
	bench_sample((on + off) / TIMES, "pass_through_ns_%s", size);
}

/* The VMM keeps the identity page table, a HWPT, alive. */
static void use_kept_identity(struct passing *p)
{
	__u32 hwpt;

	CHECK(!vtds_hwpt_alloc(p->vmm, p->dev->dev_id, p->vmm->ioas, &hwpt));
	vtds_remove_device(p->unit, p->dev->dev_id);
	vtds_ctx_use(p->guest, p->dev->sid, p->table);
	CHECK(!vtds_add_device(p->unit, p->dev->dev_id, hwpt, &p->dev->sid, 1));
}

/* A guest of 64 MiB with nothing but what this needs */
static void open_small(struct bench *s, struct vtds_dev *dev)
{
	memset(s, 0, sizeof(*s));
	CHECK(!vtds_vmm_open(&s->vmm));
	CHECK(!vtds_ram_add(&s->guest, VTDS_RAM_SCATTERED, RAM_GPA,
			    64 * SZ_1M));
	CHECK(!vtds_ram_map(&s->guest, &s->vmm));
	CHECK(!vtds_dev_open(dev, VTDS_EDU, BENCH_DEV_TYPE1));
	CHECK(!vtds_dev_bind(dev, s->vmm.iommufd));
	dev->sid = 0x100;
	s->guest.root = vtds_page(&s->guest);
	vtds_table_init(&s->table, &s->guest, 4, BENCH_DID);
	CHECK(!vtds_unit_open(&s->unit));
	CHECK(!vtds_unit_bind(&s->unit, &s->vmm, 0, 0));
	s->unit.flags = VTD_SHADOW_STATE_TE;
	s->unit.rtaddr = s->guest.root;
	CHECK(!vtds_set_state(&s->unit));
}

void bench_pass_through(struct bench *b)
{
	struct vtds_dev dev;
	struct bench s;
	struct passing large = { &b->vmm, &b->guest, &b->unit,
				 &b->dev[BENCH_DEV_ENGINE], &b->table };
	struct passing small = { &s.vmm, &s.guest, &s.unit, &dev, &s.table };

	open_small(&s, &dev);
	bench_new_table(b);
	use_kept_identity(&large);
	use_kept_identity(&small);
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		measure_passing(&large, "4g");
		measure_passing(&small, "64m");
	}
	vtds_unit_close(&s.unit);
	vtds_dev_close(&dev);
	vtds_vmm_close(&s.vmm);
	vtds_ram_free(&s.guest);
}

/* --- The end of a unit --- */

static void teardown(struct bench *b, __u64 pages)
{
	struct vtds_dev *dev = &b->dev[BENCH_DEV_JOIN];
	struct vtds_unit unit;
	struct bench_job job;
	double begin;

	b->guest.next = b->mark;
	vtds_table_init(&b->table, &b->guest, 4, BENCH_DID);
	bench_job_init(&job, scattered, &b->table, pages);
	bench_job_write(&job, BENCH_MAP);
	vtds_ctx_use(&b->guest, dev->sid, &b->table);
	CHECK(!vtds_unit_open(&unit));
	CHECK(!vtds_unit_bind(&unit, &b->vmm, 0, 0));
	unit.flags = VTD_SHADOW_STATE_TE;
	unit.rtaddr = b->guest.root;
	CHECK(!vtds_set_state(&unit));
	begin = bench_now();
	CHECK(!vtds_add_device(&unit, dev->dev_id, b->vmm.ioas, &dev->sid, 1));
	bench_sample((bench_now() - begin) / pages, "replay_ns_per_page_%llu",
		     pages);
	CHECK(!unit.install_errno &&
	      vtds_stat(&unit, offsetof(struct vtd_shadow_get_stats, pages)) ==
		      pages);
	begin = bench_now();
	vtds_unit_close(&unit);
	bench_sample((bench_now() - begin) / pages, "teardown_ns_per_page_%llu",
		     pages);
	vtds_ctx_set(&b->guest, dev->sid, 0, 0);
	bench_job_free(&job);
}

/* Adding a device to a table that is full already, and closing the unit */
void bench_teardown(struct bench *b)
{
	/* The other unit lets go of the tables' memory */
	vtds_ctx_set(&b->guest, b->dev[BENCH_DEV_ENGINE].sid, 0, 0);
	bench_flush(&b->unit, cc_device(b->dev[BENCH_DEV_ENGINE].sid));
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		teardown(b, 65536);
		teardown(b, BENCH_MAX_PAGES);
	}
}

/* --- Guest memory is unplugged --- */

void bench_memory_gone(struct bench *b)
{
	const __u64 pages = 65536;
	struct bench_job job;
	double begin;

	bench_new_table(b);
	bench_job_init(&job, scattered, &b->table, pages);
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		bench_map(b, &job);
		begin = bench_now();
		CHECK(!vtds_ioas_unmap(&b->vmm, b->vmm.ioas, BENCH_SMALL_GPA,
				       BENCH_SMALL_SIZE));
		bench_sample((bench_now() - begin) / pages,
			     "memory_gone_ns_per_page_%llu", pages);
		CHECK(vtds_stat(&b->unit, offsetof(struct vtd_shadow_get_stats,
						   pages)) == 0);
		CHECK(!vtds_ioas_map(&b->vmm, b->vmm.ioas,
				     vtds_hva(&b->guest, BENCH_SMALL_GPA),
				     BENCH_SMALL_GPA, BENCH_SMALL_SIZE,
				     PERM_RW));
		bench_unmap(b, &job);
	}
	bench_job_free(&job);
}
