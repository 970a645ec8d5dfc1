// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases of the native benchmark in which little changes: single pages, a page here and
 * there, many small flushes. Figures are for an operation, or for a page.
 */
#include <linux/bits.h>
#include <linux/minmax.h>

#include "native.h"

#define SINGLES 8192UL
#define HOT_ROUNDS 2000UL
#define HOT_LEAF 7
#define SPARSE_STEP 16UL
#define JOINS 64
/* Flushes of one page in one call, and how many such calls, a table each */
#define FLUSHES 256UL
#define FLUSH_TABLES 64UL

/* --- Single pages --- */

static unsigned long nr_singles(const struct native *n)
{
	return min(n->c->nr_leaves, SINGLES);
}

static void set_singles(struct native *n, bool present)
{
	for (unsigned long i = 0; i < nr_singles(n); i++)
		native_guest_set(n, n->pos[i], present);
}

static void sync_page(struct native *n, unsigned long leaf)
{
	u64 iova = native_iova(leaf);

	native_engine_sync(n->engine, iova, iova + SZ_4K - 1);
}

static void sync_singles(struct native *n)
{
	u64 begin = native_now();

	for (unsigned long i = 0; i < nr_singles(n); i++)
		sync_page(n, n->pos[i]);
	native_took(n, NATIVE_ENGINE, begin);
}

static void floor_singles(struct native *n, bool map)
{
	u64 begin = native_now();

	for (unsigned long i = 0; i < nr_singles(n); i++) {
		if (map)
			native_floor_map_one(n, n->pos[i]);
		else
			native_floor_unmap_one(n, n->pos[i]);
	}
	native_took(n, NATIVE_FLOOR, begin);
}

/* Pages anywhere go one by one, and come back all at once. */
static void page_unmap(struct native *n)
{
	set_singles(n, false);
	sync_singles(n);
	floor_singles(n, false);
	set_singles(n, true);
	native_engine_sync_full(n->engine);
	for (unsigned long i = 0; i < nr_singles(n); i++)
		native_floor_map_one(n, n->pos[i]);
}

static void page_map(struct native *n)
{
	set_singles(n, false);
	native_engine_sync_full(n->engine);
	for (unsigned long i = 0; i < nr_singles(n); i++)
		native_floor_unmap_one(n, n->pos[i]);
	set_singles(n, true);
	sync_singles(n);
	floor_singles(n, true);
}

/* One page is mapped and unmapped again and again. */
static void page_hot(struct native *n)
{
	u64 begin = native_now();

	for (unsigned long i = 0; i < HOT_ROUNDS; i++) {
		native_guest_set(n, HOT_LEAF, false);
		sync_page(n, HOT_LEAF);
		native_guest_set(n, HOT_LEAF, true);
		sync_page(n, HOT_LEAF);
	}
	native_took(n, NATIVE_ENGINE, begin);
	begin = native_now();
	for (unsigned long i = 0; i < HOT_ROUNDS; i++) {
		native_floor_unmap_one(n, HOT_LEAF);
		native_floor_map_one(n, HOT_LEAF);
	}
	native_took(n, NATIVE_FLOOR, begin);
}

static unsigned long hot_pairs(const struct native *n)
{
	return HOT_ROUNDS;
}

/* --- A page here and there, one flush for all --- */

static unsigned long nr_sparse(const struct native *n)
{
	return n->c->nr_leaves / SPARSE_STEP;
}

static void sync_sparse(struct native *n, bool present)
{
	u64 begin;

	native_guest_set_each(n, 0, n->c->nr_leaves, SPARSE_STEP, present);
	begin = native_now();
	native_engine_sync_full(n->engine);
	native_took(n, NATIVE_ENGINE, begin);
}

static void sparse(struct native *n)
{
	u64 begin;

	sync_sparse(n, false);
	sync_sparse(n, true);
	begin = native_now();
	native_floor_unmap_each(n, SPARSE_STEP);
	for (unsigned long i = 0; i < n->c->nr_leaves; i += SPARSE_STEP)
		native_floor_map_one(n, i);
	native_took(n, NATIVE_FLOOR, begin);
}

/* --- Many flushes in one call, against one flush of the same pages --- */

static unsigned long flush_tables(const struct native *n)
{
	return min(native_nr_l1(n), FLUSH_TABLES);
}

/* Tables far apart, if there are many */
static unsigned long flush_leaf(const struct native *n, unsigned long slot)
{
	return slot * (native_nr_l1(n) / flush_tables(n)) * NATIVE_ENTRIES;
}

static unsigned long nr_flushed(const struct native *n)
{
	return flush_tables(n) * FLUSHES;
}

static void flush_set(struct native *n, bool present)
{
	for (unsigned long i = 0; i < flush_tables(n); i++) {
		unsigned long leaf = flush_leaf(n, i);

		native_guest_set_each(n, leaf, leaf + FLUSHES, 1, present);
	}
}

static void flush_pages(struct native *n)
{
	u64 begin = native_now();

	for (unsigned long i = 0; i < flush_tables(n); i++)
		native_engine_run_queue(n->engine, i, FLUSHES);
	native_took(n, NATIVE_ENGINE, begin);
}

static void flush_ranges(struct native *n)
{
	u64 begin = native_now();

	for (unsigned long i = 0; i < flush_tables(n); i++) {
		u64 iova = native_iova(flush_leaf(n, i));

		native_engine_sync(n->engine, iova, iova + FLUSHES * SZ_4K - 1);
	}
	native_took(n, NATIVE_FLOOR, begin);
}

/* Where the VMM has the descriptors */
static void flush_queue(struct native *n)
{
	for (unsigned long i = 0; i < flush_tables(n); i++)
		native_engine_queue(n->engine, i, native_iova(flush_leaf(n, i)),
				    FLUSHES);
}

static void flush_unmap(struct native *n)
{
	flush_queue(n);
	flush_set(n, false);
	flush_pages(n);
	flush_set(n, true);
	native_engine_sync_full(n->engine);
	flush_set(n, false);
	flush_ranges(n);
	flush_set(n, true);
	native_engine_sync_full(n->engine);
}

static void flush_map(struct native *n)
{
	flush_queue(n);
	flush_set(n, false);
	native_engine_sync_full(n->engine);
	flush_set(n, true);
	flush_pages(n);
	flush_set(n, false);
	native_engine_sync_full(n->engine);
	flush_set(n, true);
	flush_ranges(n);
}

static void flush_same(struct native *n)
{
	flush_queue(n);
	flush_pages(n);
	flush_ranges(n);
}

/* --- The same tables flushed many times in one call, against one time --- */

/* As much as one descriptor can name, if there is as much */
#define AGAIN_MASK 18

static unsigned long nr_again(const struct native *n)
{
	return min(n->c->nr_leaves, BIT(AGAIN_MASK));
}

static void run_again(struct native *n, unsigned long times,
		      enum native_side side)
{
	u64 begin;

	native_engine_queue_again(n->engine, native_iova(0), AGAIN_MASK, times);
	begin = native_now();
	native_engine_run_queue(n->engine, 0, times);
	native_took(n, side, begin);
}

static void again_same(struct native *n)
{
	run_again(n, FLUSHES, NATIVE_ENGINE);
	run_again(n, 1, NATIVE_FLOOR);
}

static void again_set(struct native *n, bool present)
{
	native_guest_set_each(n, 0, nr_again(n), 1, present);
}

/* All is unmapped by the one call, and mapped by the other */
static void again_change(struct native *n, enum native_side side)
{
	unsigned long times = side == NATIVE_ENGINE ? FLUSHES : 1;

	again_set(n, false);
	run_again(n, times, side);
	again_set(n, true);
	run_again(n, times, side);
}

static void again_remap(struct native *n)
{
	again_change(n, NATIVE_ENGINE);
	again_change(n, NATIVE_FLOOR);
}

/* --- One more device --- */

static void join(struct native *n)
{
	u64 begin = native_now();

	for (unsigned int i = 0; i < JOINS; i++) {
		native_engine_join(n->engine);
		native_engine_leave(n->engine);
	}
	native_took(n, NATIVE_ENGINE, begin);
}

static unsigned long joins(const struct native *n)
{
	return JOINS;
}

const struct native_case native_small_cases[] = {
	{ "page_unmap", page_unmap, nr_singles, NATIVE_SMALL },
	{ "page_map", page_map, nr_singles, NATIVE_SMALL },
	{ "page_hot", page_hot, hot_pairs, NATIVE_SMALL },
	{ "sparse", sparse, nr_sparse, NATIVE_SMALL },
	{ "flush_unmap", flush_unmap, nr_flushed, NATIVE_SMALL },
	{ "flush_map", flush_map, nr_flushed, NATIVE_SMALL },
	{ "flush_same", flush_same, nr_flushed, NATIVE_SMALL },
	{ "again_same", again_same, nr_again, NATIVE_SMALL },
	{ "again_remap", again_remap, nr_again, NATIVE_SMALL },
	{ "join", join, joins, NATIVE_SMALL },
	{},
};
