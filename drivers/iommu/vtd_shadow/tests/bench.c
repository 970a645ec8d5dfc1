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
#include "../memory.h"
#include "../mirror.h"
#include "../settle.h"
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

	vtds_lock(&unit->lock);
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
	INIT_LIST_HEAD(&b->domain.refusing);
	vtds_tables_init(&b->domain.tables);
	/* No group, but in use */
	b->domain.users = 1;
	vtds_domain_init_limits(&b->domain);
	vtds_host_domain_init(&b->domain.host, &b->host.domain);
	b->domain.host.stats = &b->domain.stats;
	b->domain.host.last = b->host.domain.geometry.aperture_end;
	b->domain.host.merge = config->host == FAKE_HOST_INTEL ||
			       config->host == FAKE_HOST_INTEL_PT;
	vtds_batch_begin(&batch, unit);
	b->domain.top =
		vtds_node_alloc(&batch, &b->domain, config->levels, SS_RW, 0);
	list_add_tail(&b->domain.entry, &unit->domains);
	b->has_domain = true;
	vtds_unlock(&unit->lock);

	KUNIT_ASSERT_EQ(b->test, ret, 0);
	KUNIT_ASSERT_NOT_NULL(b->test, b->domain.top);
}

/* Revokes all of the domain and checks that the host has forgotten it. */
void bench_domain_end(struct bench *b)
{
	struct vtds_unit *unit = b->unit;
	unsigned int work = UINT_MAX;
	struct vtds_batch batch;

	if (!b->has_domain)
		return;

	b->host.fail_in = 0;
	b->host.short_in = 0;
	vtds_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	if (b->domain.top) {
		vtds_mirror_clear(b->domain.top, &work);
		vtds_node_free(b->domain.top);
	}
	vtds_batch_end(&batch);
	vtds_tables_destroy(&b->domain);
	list_del(&b->domain.entry);
	vtds_unlock(&unit->lock);
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
	if (!b->domain.host.broken)
		KUNIT_EXPECT_EQ(b->test, b->unit->nr_pages, b->host.nr_pages);
	KUNIT_EXPECT_LE(b->test, b->unit->nr_pages, b->unit->max_pages);
	KUNIT_EXPECT_LE(b->test, b->unit->nr_nodes, b->unit->max_nodes);
	KUNIT_EXPECT_EQ(b->test, b->unit->mem.nr_pinned, b->mem.nr_pinned);
}

void bench_batch_begin(struct vtds_unit *unit, struct vtds_batch *batch)
{
	vtds_lock(&unit->lock);
	vtds_batch_begin(batch, unit);
}

u32 bench_batch_end(struct vtds_batch *batch)
{
	struct vtds_unit *unit = batch->unit;
	u32 error;

	vtds_settle(batch);
	error = vtds_batch_end(batch);
	vtds_unlock(&unit->lock);
	vtds_unit_trim(unit);
	return error;
}

/* More calls than this are too many to get on at each, whatever happens in between */
#define MANY_CALLS 100000

/* Calls with the budget, until nothing is left. The last one is left to the caller. */
static void settle_in_parts(struct bench *b, struct vtds_batch *batch)
{
	unsigned int calls = 0;

	for (;;) {
		batch->work = b->budget;
		if (vtds_settle(batch))
			break;
		if (calls++ == MANY_CALLS) {
			KUNIT_FAIL(b->test, "never ends, at %llx of %llx..%llx",
				   b->domain.todo.ranges[0].first,
				   b->domain.todo.ranges[0].last,
				   b->domain.last);
			break;
		}
		vtds_batch_flush(batch);
		KUNIT_EXPECT_EQ(b->test, b->unit->nr_pages, b->host.nr_pages);
		if (!b->between)
			continue;
		vtds_unlock(&b->unit->lock);
		b->between(b);
		vtds_lock(&b->unit->lock);
	}
	batch->work = U64_MAX;
}

/* One batch with one sync, as an IOTLB invalidation would make. */
void bench_sync(struct bench *b, u64 first, u64 last)
{
	unsigned long flushes = b->host.nr_syncs;
	bool fails = b->host.fail_in;
	struct vtds_batch batch;

	step_begin(b);
	bench_batch_begin(b->unit, &batch);
	vtds_todo_add(&b->domain.todo, batch.seq, first, last);
	if (b->budget)
		settle_in_parts(b, &batch);
	b->error = -(int)bench_batch_end(&batch);
	b->limited = batch.limited;

	/* The core flushes on its own when it undoes a map */
	if (!fails && !b->budget)
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
	vtds_memory_gone(b->unit, first, last - first + 1);
	KUNIT_EXPECT_FALSE(b->test, fake_mem_is_pinned(&b->mem, first, last));
	/* Of a domain that the host broke the devices are taken off */
	if (!b->domain.host.broken)
		oracle_check_gone(b, first, last);
	step_end(b);
}

/* There is memory again where some was taken away, and the VMM says so: RESYNC. */
void bench_memory_back(struct bench *b)
{
	struct vtds_batch batch;

	fake_mem_restore(&b->mem);
	bench_batch_begin(b->unit, &batch);
	vtds_memory_came(&batch, 0, U64_MAX);
	bench_batch_end(&batch);
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

/* Looks up until there is an answer. */
int bench_look_up(struct vtds_guest_mem *mem,
		  int (*look)(struct vtds_guest_mem *mem, void *data),
		  void *data)
{
	struct vtds_holds holds = {};
	int ret;

	guard(vtds_lock)(mem->lock);
	do {
		mem->want.wanted = false;
		ret = look(mem, data);
	} while (mem->want.wanted && !vtds_mem_fetch(mem, &holds));
	vtds_mem_release_holds(mem, &holds);
	return ret;
}

struct page_look {
	u64 gpa;
	unsigned long *pfn;
	unsigned int *perm;
	bool use;
};

static int look_page(struct vtds_guest_mem *mem, void *data)
{
	struct page_look *look = data;
	int ret = vtds_mem_page(mem, look->gpa, look->pfn, look->perm);

	if (look->use && !mem->want.wanted)
		vtds_mem_use(mem, vtds_mem_chunk(mem, look->gpa), look->gpa);
	return ret;
}

int bench_mem_page(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
		   unsigned int *perm)
{
	struct page_look look = { gpa, pfn, perm };

	return bench_look_up(mem, look_page, &look);
}

static int look_perm(struct vtds_guest_mem *mem, void *data)
{
	struct page_look *look = data;

	return vtds_mem_chunk_perm(mem, look->gpa, look->perm);
}

int bench_mem_perm(struct vtds_guest_mem *mem, u64 gpa, unsigned int *perm)
{
	struct page_look look = { gpa, NULL, perm };

	return bench_look_up(mem, look_perm, &look);
}

/* The chunk of a page, with one user more, whether the page can be had or not */
struct vtds_chunk *bench_mem_get(struct vtds_guest_mem *mem, u64 gpa)
{
	unsigned int perm;
	unsigned long pfn;
	struct page_look look = { gpa, &pfn, &perm, true };

	bench_look_up(mem, look_page, &look);
	guard(vtds_lock)(mem->lock);
	return vtds_mem_chunk(mem, gpa);
}

void bench_mem_put(struct vtds_guest_mem *mem, u64 gpa)
{
	bench_mem_put_range(mem, gpa, SZ_PAGE);
}

void bench_mem_put_range(struct vtds_guest_mem *mem, u64 gpa, u64 size)
{
	guard(vtds_lock)(mem->lock);
	vtds_mem_put_range(mem, gpa, size);
}

/* As vtds_memory_gone(), which has all users removed in between */
void bench_mem_evict(struct vtds_guest_mem *mem, u64 *first, u64 *last,
		     void (*between)(struct vtds_guest_mem *mem))
{
	struct vtds_evict evict = { .first = *first, .last = *last };

	mutex_lock(&mem->pins.lock);
	vtds_lock(mem->lock);
	vtds_mem_evict_begin(mem, &evict);
	vtds_unlock(mem->lock);
	if (between)
		between(mem);
	vtds_lock(mem->lock);
	vtds_mem_evict(mem, &evict);
	vtds_mem_evict_end(mem, &evict);
	*first = evict.first;
	*last = evict.last;
	vtds_unlock(mem->lock);
	mutex_unlock(&mem->pins.lock);
}

struct entry_look {
	u64 gpa;
	u64 *entry;
	unsigned int nr_qwords;
	u32 value;
};

static int look_entry(struct vtds_guest_mem *mem, void *data)
{
	struct entry_look *look = data;

	return vtds_mem_read_entry(mem, look->gpa, look->entry,
				   look->nr_qwords);
}

int bench_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			 unsigned int nr_qwords)
{
	struct entry_look look = { gpa, entry, nr_qwords };

	return bench_look_up(mem, look_entry, &look);
}

static int look_write(struct vtds_guest_mem *mem, void *data)
{
	struct entry_look *look = data;

	return vtds_mem_write_u32(mem, look->gpa, look->value);
}

int bench_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value)
{
	struct entry_look look = { .gpa = gpa, .value = value };

	return bench_look_up(mem, look_write, &look);
}

VTDS_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests of vtd_shadow");
MODULE_LICENSE("GPL");
