// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases of the native benchmark in which all leaves change, or none. Figures are for a
 * leaf, but those of a flush without change for a table of 4 KiB.
 */
#include "../../vtd_format.h"
#include "native.h"

static unsigned long leaves(const struct native *n)
{
	return n->c->nr_leaves;
}

static unsigned long tables(const struct native *n)
{
	return native_guest_nr_tables(n);
}

static void engine_timed(struct native *n)
{
	u64 begin = native_now();

	native_engine_sync_full(n->engine);
	native_took(n, NATIVE_ENGINE, begin);
}

static void floor_map_timed(struct native *n)
{
	u64 begin = native_now();

	native_floor_map(n, n->frames, NATIVE_PROT);
	native_took(n, NATIVE_FLOOR, begin);
}

static void floor_unmap_timed(struct native *n)
{
	u64 begin = native_now();

	native_floor_unmap(n);
	native_took(n, NATIVE_FLOOR, begin);
}

static void floor_remap_timed(struct native *n, struct page **frames, int prot)
{
	u64 begin = native_now();

	native_floor_remap(n, frames, prot);
	native_took(n, NATIVE_FLOOR, begin);
}

static void expect(struct native *n, struct page **frames)
{
	if (!n->check)
		return;
	native_host_check(n, &n->shadow, frames);
	native_host_check(n, &n->floor, frames);
}

/* The guest keeps its tables and fills them. */
static void map(struct native *n)
{
	native_guest_clear(n);
	native_engine_sync_full(n->engine);
	native_floor_unmap(n);
	native_guest_write(n, 0, VTD_SS_RW);
	engine_timed(n);
	floor_map_timed(n);
}

/* The tables are new to the engine, too. */
static void map_tables(struct native *n)
{
	native_guest_set_root(n, false);
	native_engine_sync_full(n->engine);
	native_floor_unmap(n);
	native_guest_set_root(n, true);
	engine_timed(n);
	floor_map_timed(n);
}

static void unmap(struct native *n)
{
	native_guest_clear(n);
	engine_timed(n);
	floor_unmap_timed(n);
	expect(n, NULL);
	native_guest_write(n, 0, VTD_SS_RW);
	native_engine_sync_full(n->engine);
	native_floor_map(n, n->frames, NATIVE_PROT);
}

/* The guest takes the tables away as they are. */
static void unmap_tables(struct native *n)
{
	native_guest_set_root(n, false);
	engine_timed(n);
	floor_unmap_timed(n);
	expect(n, NULL);
	native_guest_set_root(n, true);
	native_engine_sync_full(n->engine);
	native_floor_map(n, n->frames, NATIVE_PROT);
}

/* The last device leaves. */
static void teardown(struct native *n)
{
	u64 begin = native_now();

	native_engine_domain_end(n->engine);
	native_took(n, NATIVE_ENGINE, begin);
	floor_unmap_timed(n);
	expect(n, NULL);
	n->failed |= native_engine_domain_begin(n->engine);
	native_engine_sync_full(n->engine);
	native_floor_map(n, n->frames, NATIVE_PROT);
}

/* Each leaf leads elsewhere. The other floor goes from table to table. */
static void remap(struct native *n)
{
	u64 begin;

	native_guest_write(n, 1, VTD_SS_RW);
	engine_timed(n);
	floor_remap_timed(n, n->next_frames, NATIVE_PROT);
	expect(n, n->next_frames);
	native_guest_write(n, 0, VTD_SS_RW);
	native_engine_sync_full(n->engine);
	begin = native_now();
	native_floor_remap_tables(n, n->frames);
	native_took(n, NATIVE_OTHER, begin);
}

/* To read only, and back */
static void protect(struct native *n)
{
	native_guest_write(n, 0, VTD_SS_R);
	engine_timed(n);
	floor_remap_timed(n, n->frames, IOMMU_READ | IOMMU_CACHE);
	native_guest_write(n, 0, VTD_SS_RW);
	engine_timed(n);
	floor_remap_timed(n, n->frames, NATIVE_PROT);
}

static unsigned long protect_leaves(const struct native *n)
{
	return 2 * n->c->nr_leaves;
}

/*
 * Nothing changed, and what fits into caches is there. The other floor reads the tables
 * and compares nothing.
 */
static void same(struct native *n)
{
	u64 begin;

	native_engine_sync_full(n->engine);
	engine_timed(n);
	native_guest_copy(n);
	native_floor_compare(n);
	begin = native_now();
	native_floor_compare(n);
	native_took(n, NATIVE_FLOOR, begin);
	native_floor_read(n);
	begin = native_now();
	native_floor_read(n);
	native_took(n, NATIVE_OTHER, begin);
}

const struct native_case native_bulk_cases[] = {
	{ "map", map, leaves, NATIVE_BULK },
	{ "map_tables", map_tables, leaves, NATIVE_BULK },
	{ "unmap", unmap, leaves, NATIVE_BULK },
	{ "unmap_tables", unmap_tables, leaves, NATIVE_BULK },
	{ "teardown", teardown, leaves, NATIVE_BULK },
	{ "remap", remap, leaves, NATIVE_BULK },
	{ "protect", protect, protect_leaves, NATIVE_BULK },
	{ "same", same, tables, NATIVE_BULK },
	{},
};
