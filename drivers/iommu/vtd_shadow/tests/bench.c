// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bench: a unit and a domain as BIND, SET_STATE and an attached device would
 * make them, on fake guest memory and a fake host. Its end checks that nothing
 * is left of them.
 */
#include <linux/module.h>
#include <linux/mutex.h>

#include "../batch.h"
#include "../caps.h"
#include "../compat.h"
#include "../domain.h"
#include "../flush.h"
#include "../guest_mem.h"
#include "../host_domain.h"
#include "../mirror.h"
#include "../sync.h"
#include "../unit.h"
#include "bench.h"

#define BENCH_LIMIT BIT_ULL(32)

int bench_init(struct kunit *test)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	int ret;

	if (!b)
		return -ENOMEM;
	test->priv = b;
	b->test = test;
	ret = fake_mem_init(test, &b->mem);
	if (ret)
		return ret;
	b->unit = vtds_unit_alloc();
	return b->unit ? vtds_sync_need_scratch(b->unit) : -ENOMEM;
}

static u64 config_cap(const struct bench_config *config)
{
	u64 cap = BIT_ULL(7) | (u64)(config->mgaw - 1) << 16 | 63ULL << 48;

	for (unsigned int levels = 3; levels <= config->levels; levels++)
		cap |= BIT_ULL(8 + levels - 2);
	if (config->leaf_levels & BIT(2))
		cap |= BIT_ULL(34);
	if (config->leaf_levels & BIT(3))
		cap |= BIT_ULL(35);
	return cap;
}

/* Gives the unit a domain whose top table is at @root. */
void bench_domain(struct bench *b, const struct bench_config *config, u64 root)
{
	struct vtds_unit *unit = b->unit;
	struct vtds_batch batch;
	int ret;

	b->config = *config;
	prandom_seed_state(&b->rnd, config->seed);
	fake_host_init(b->test, &b->host, config->host);

	mutex_lock(&unit->lock);
	ret = vtds_caps_decode(&unit->caps, config_cap(config),
			       config->snoop ? BIT_ULL(7) : 0, config->haw);
	unit->have_state = true;
	unit->te = true;
	unit->max_nodes = config->max_nodes ?: BENCH_LIMIT;
	unit->max_pages = config->max_pages ?: BENCH_LIMIT;

	b->domain = (struct vtds_domain){
		.unit = unit,
		.root = root,
		.levels = config->levels,
	};
	vtds_domain_init_limits(&b->domain);
	vtds_host_domain_init(&b->domain.host, &b->host.domain);
	b->domain.host.stats = &unit->stats;
	b->domain.host.last = b->host.domain.geometry.aperture_end;
	b->domain.host.merge = config->host == FAKE_HOST_INTEL ||
			       config->host == FAKE_HOST_INTEL_PT;
	vtds_batch_begin(&batch, unit);
	b->domain.top = vtds_node_alloc(&batch, config->levels, SS_RW);
	list_add_tail(&b->domain.entry, &unit->domains);
	b->has_domain = true;
	mutex_unlock(&unit->lock);

	KUNIT_ASSERT_EQ(b->test, ret, 0);
	KUNIT_ASSERT_NOT_NULL(b->test, b->domain.top);
}

/* Revokes all of the domain and checks that the host has forgotten it. */
void bench_domain_end(struct bench *b)
{
	struct vtds_unit *unit = b->unit;
	struct vtds_batch batch;

	if (!b->has_domain)
		return;

	b->host.fail_in = 0;
	b->host.short_in = 0;
	mutex_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	if (b->domain.top) {
		vtds_mirror_clear(&b->domain, b->domain.top, 0);
		vtds_node_free(&b->domain, b->domain.top);
	}
	vtds_batch_end(&batch);
	list_del(&b->domain.entry);
	mutex_unlock(&unit->lock);
	b->has_domain = false;

	if (!b->domain.host.broken)
		KUNIT_EXPECT_EQ(b->test, b->host.nr_pages, 0);
	KUNIT_EXPECT_EQ(b->test, b->host.nr_stale, 0);
	fake_host_exit(&b->host);
}

void bench_exit(struct kunit *test)
{
	struct bench *b = test->priv;

	if (!b)
		return;
	bench_domain_end(b);
	if (b->unit) {
		KUNIT_EXPECT_EQ(test, b->unit->nr_nodes, 0);
		KUNIT_EXPECT_EQ(test, b->unit->nr_pages, 0);
		vtds_unit_release(b->unit);
	}
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&b->mem.pins));
	fake_mem_exit(&b->mem);
}

static void step_begin(struct bench *b)
{
	fake_host_step(&b->host);
	b->stamp = b->host.stamp;
}

/* What holds after every step, whatever happened in it. */
static void step_end(struct bench *b)
{
	KUNIT_EXPECT_EQ(b->test, b->host.nr_stale, 0);
	KUNIT_EXPECT_EQ(b->test, b->unit->nr_pages, b->host.nr_pages);
	KUNIT_EXPECT_LE(b->test, b->unit->nr_pages, b->unit->max_pages);
	KUNIT_EXPECT_LE(b->test, b->unit->nr_nodes, b->unit->max_nodes);
	KUNIT_EXPECT_EQ(b->test, b->unit->mem.pins.nr_pinned, b->mem.nr_pinned);
}

/* One batch with one sync, as an IOTLB invalidation would make. */
void bench_sync(struct bench *b, u64 first, u64 last)
{
	unsigned long flushes = b->host.nr_syncs;
	bool fails = b->host.fail_in;
	struct vtds_batch batch;

	step_begin(b);
	mutex_lock(&b->unit->lock);
	vtds_batch_begin(&batch, b->unit);
	vtds_domain_sync(&batch, &b->domain, first, last);
	b->error = -(int)vtds_batch_end(&batch);
	b->limited = batch.remove_only;
	mutex_unlock(&b->unit->lock);

	/* The core flushes on its own when it undoes a map */
	if (!fails)
		KUNIT_EXPECT_LE(b->test, b->host.nr_syncs - flushes, 1);
	step_end(b);
}

void bench_sync_full(struct bench *b)
{
	bench_sync(b, 0, U64_MAX);
}

/* The memory is taken away as iommufd does it, and may not be pinned after. */
void bench_memory_gone(struct bench *b, u64 first, u64 last)
{
	fake_mem_remove(&b->mem, first, last);
	step_begin(b);
	vtds_unit_memory_gone(b->unit, first, last - first + 1);
	KUNIT_EXPECT_FALSE(b->test, fake_mem_is_pinned(&b->mem, first, last));
	oracle_check_gone(b, first, last);
	step_end(b);
}

u32 bench_random(struct bench *b, u32 below)
{
	return prandom_u32_state(&b->rnd) % below;
}

/* An entry of a guest table, to be written by the test. */
u64 *bench_entry(struct bench *b, u64 table, unsigned int index)
{
	return fake_mem_table(&b->mem, table) + index;
}

struct vtds_chunk *bench_mem_get(struct vtds_guest_mem *mem, u64 gpa)
{
	guard(mutex)(mem->lock);
	return vtds_mem_get(mem, gpa);
}

void bench_mem_trim(struct vtds_guest_mem *mem)
{
	guard(mutex)(mem->lock);
	vtds_mem_trim(mem);
}

void bench_mem_evict_begin(struct vtds_guest_mem *mem, u64 *first, u64 *last)
{
	guard(mutex)(mem->lock);
	vtds_mem_evict_begin(mem, first, last);
}

int bench_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			 unsigned int nr_qwords)
{
	guard(mutex)(mem->lock);
	return vtds_mem_read_entry(mem, gpa, entry, nr_qwords);
}

int bench_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value)
{
	guard(mutex)(mem->lock);
	return vtds_mem_write_u32(mem, gpa, value);
}

VTDS_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests of vtd_shadow");
MODULE_LICENSE("GPL");
