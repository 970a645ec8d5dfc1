// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases of the native benchmark in which memory and tables come and go.
 */
#include <linux/mm.h>

#include "../../vtd_format.h"
#include "native.h"

/* --- Memory that is not pinned yet --- */

static unsigned long leaves(const struct native *n)
{
	return n->c->nr_leaves;
}

/* The first flush of a guest */
static void cold(struct native *n)
{
	u64 begin;

	native_guest_clear(n);
	native_engine_sync_full(n->engine);
	native_engine_forget(n->engine);
	native_floor_unmap(n);
	native_guest_write(n, 0, VTD_SS_RW);
	begin = native_now();
	native_engine_sync_full(n->engine);
	native_took(n, NATIVE_ENGINE, begin);
	begin = native_now();
	native_floor_pin(n);
	native_floor_map(n, n->frames, NATIVE_PROT);
	native_took(n, NATIVE_FLOOR, begin);
}

/* --- Memory that goes --- */

/*
 * One table maps what is unplugged: 2 MiB above all that leaves lead to, at an IOVA below
 * theirs. Floor is the same with no other table.
 */
#define UNPLUG_L2 (NATIVE_MAX_TABLES - 2)
#define UNPLUG_L1 (NATIVE_MAX_TABLES - 1)
#define UNPLUG_IOVA SZ_2G

static u64 unplug_gpa(const struct native *n)
{
	return (u64)n->c->guest_gb * SZ_1G;
}

static void unplug_map(struct native *n)
{
	native_table(NATIVE_L3)[UNPLUG_IOVA / SZ_1G] =
		native_table_gpa(UNPLUG_L2) | VTD_SS_RW;
	native_table(UNPLUG_L2)[0] = native_table_gpa(UNPLUG_L1) | VTD_SS_RW;
	for (unsigned int i = 0; i < NATIVE_ENTRIES; i++)
		native_table(UNPLUG_L1)[i] = (unplug_gpa(n) + i * SZ_4K) |
					     VTD_SS_RW;
	native_engine_sync(n->engine, UNPLUG_IOVA, UNPLUG_IOVA + SZ_2M - 1);
}

static void unplug_timed(struct native *n, enum native_side side)
{
	u64 begin;

	unplug_map(n);
	begin = native_now();
	native_engine_unplug(n->engine, unplug_gpa(n), SZ_2M);
	native_took(n, side, begin);
}

/* The others go as a whole. */
static void set_others(struct native *n, bool present)
{
	static u64 entries[NATIVE_ENTRIES];
	u64 *l3 = native_table(NATIVE_L3);

	for (unsigned int i = NATIVE_IOVA / SZ_1G; i < NATIVE_ENTRIES; i++) {
		if (!present)
			entries[i] = l3[i];
		l3[i] = present ? entries[i] : 0;
	}
}

static void unplug(struct native *n)
{
	unplug_timed(n, NATIVE_ENGINE);
	set_others(n, false);
	native_engine_sync_full(n->engine);
	unplug_timed(n, NATIVE_FLOOR);
	native_table(NATIVE_L3)[UNPLUG_IOVA / SZ_1G] = 0;
	set_others(n, true);
	native_engine_sync_full(n->engine);
}

static unsigned long once(const struct native *n)
{
	return 1;
}

/* --- Tables that come and go --- */

/* One leaf each, at 2 MiB after 2 MiB; the guest uses the pages of a few again and again. */
#define TABLES 128000UL
#define TABLES_AT_ONCE 6
#define TABLES_L2 (NATIVE_L3 + 1)
#define TABLES_L1 (NATIVE_MAX_TABLES - TABLES_AT_ONCE)

static u64 *tables_l2_entry(unsigned long i)
{
	return &native_table(TABLES_L2 +
			     i / NATIVE_ENTRIES)[i % NATIVE_ENTRIES];
}

static void tables_sync(struct native *n, unsigned long i)
{
	u64 iova = NATIVE_IOVA + i * SZ_2M;

	native_engine_sync(n->engine, iova, iova + SZ_4K - 1);
}

static void tables_build(struct native *n)
{
	for (unsigned int i = 0; i < NATIVE_MAX_TABLES; i++)
		clear_page(native_table(i));
	for (unsigned long i = 0; i < TABLES / NATIVE_ENTRIES; i++)
		native_table(NATIVE_L3)[NATIVE_IOVA / SZ_1G + i] =
			native_table_gpa(TABLES_L2 + i) | VTD_SS_RW;
	native_guest_set_root(n, true);
}

/* Tells how many pages the host's page table has in the end, when nothing is mapped. */
void native_tables_come_and_go(struct native *n)
{
	unsigned long before = native_host_pages();

	tables_build(n);
	for (unsigned long i = 0; i < TABLES + TABLES_AT_ONCE; i++) {
		if (i >= TABLES_AT_ONCE) {
			*tables_l2_entry(i - TABLES_AT_ONCE) = 0;
			tables_sync(n, i - TABLES_AT_ONCE);
		}
		if (i < TABLES) {
			unsigned int l1 = TABLES_L1 + i % TABLES_AT_ONCE;

			native_table(l1)[0] = (i % 512) * SZ_4K | VTD_SS_RW;
			*tables_l2_entry(i) = native_table_gpa(l1) | VTD_SS_RW;
			tables_sync(n, i);
		}
		cond_resched();
	}
	native_tell_one(n, "host_pages_left",
			(native_host_pages() - before) * 1000);
}

const struct native_case native_life_cases[] = {
	{ "cold", cold, leaves, NATIVE_COLD },
	{ "unplug", unplug, once, NATIVE_UNPLUG },
	{},
};
