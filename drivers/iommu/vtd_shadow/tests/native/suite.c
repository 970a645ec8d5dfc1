// SPDX-License-Identifier: GPL-2.0-only
/*
 * The native benchmark as a KUnit suite: which guests there are, and what has to be there
 * before one is measured. A run without a choice takes all guests and all cases.
 */
#include <linux/gfp.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmstat.h>

#include "../../vtd_format.h"
#include "native.h"

static unsigned int rounds = 9;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "samples of each figure");
static unsigned long mem_mb = 2048;
module_param(mem_mb, ulong, 0444);
MODULE_PARM_DESC(mem_mb, "guest memory that there really is, in MiB");
static char *cases = "";
module_param(cases, charp, 0444);
MODULE_PARM_DESC(cases, "only these, with commas");
static char *guests = "";
module_param(guests, charp, 0444);
MODULE_PARM_DESC(guests, "only these, with commas");

static const struct native_config configs[] = {
	/* Of memory that nothing had before: the allocator keeps what it gets back */
	{ "memory-huge", 524288, 2, NATIVE_HUGE, true, false, NATIVE_MEMORY },
	{ "memory", 524288, 2, NATIVE_SCATTERED, true, false, NATIVE_MEMORY },
	/* Inside the caches, about as large as they are, far beyond */
	{ "2g-512", 512, 2, NATIVE_SCATTERED, true, true, NATIVE_ALL },
	{ "2g-64k", 65536, 2, NATIVE_SCATTERED, true, true, NATIVE_ALL },
	{ "2g", 524288, 2, NATIVE_SCATTERED, true, false,
	  NATIVE_ALL | NATIVE_COLD },
	/* In the order of memory */
	{ "2g-inorder", 524288, 2, NATIVE_SCATTERED, false, false,
	  NATIVE_BULK },
	/* More of the host's memory together */
	{ "2g-runs", 524288, 2, NATIVE_RUNS, true, false, NATIVE_BULK },
	{ "2g-huge", 524288, 2, NATIVE_HUGE, true, false,
	  NATIVE_BULK | NATIVE_COLD },
	{ "2g-huge-inorder", 524288, 2, NATIVE_HUGE, false, false,
	  NATIVE_BULK },
	/* Larger guests */
	{ "16g", 524288, 16, NATIVE_SCATTERED, true, true, NATIVE_BULK },
	{ "32g", 524288, 32, NATIVE_SCATTERED, true, true, NATIVE_BULK },
	{ "64g", 524288, 64, NATIVE_SCATTERED, true, true, NATIVE_ALL },
	{ "256g", 524288, 256, NATIVE_SCATTERED, true, true, NATIVE_BULK },
	{ "unplug", 4000 * 512, 16, NATIVE_SCATTERED, false, true,
	  NATIVE_UNPLUG },
	{ "tables", 512, 2, NATIVE_SCATTERED, true, true, NATIVE_TABLES },
};

/* --- Memory that the engine takes --- */

static s64 used_bytes(void)
{
	drain_local_pages(NULL);
	return ((s64)totalram_pages() -
		(s64)global_zone_page_state(NR_FREE_PAGES) -
		(s64)native_host_pages())
	       << PAGE_SHIFT;
}

/* All leaves are mapped, for the first time. */
static void map_first(struct native *n)
{
	s64 before = used_bytes();
	u64 bytes;

	native_guest_write(n, 0, VTD_SS_RW);
	native_engine_sync_full(n->engine);
	bytes = max(used_bytes() - before, 0LL);
	if (n->c->cases & NATIVE_MEMORY)
		native_tell_one(n, "bytes_per_page",
				div_u64(bytes * 1000, n->c->nr_leaves));
	native_floor_map(n, n->frames, NATIVE_PROT);
}

/* --- Set-up --- */

static void *array(struct native *n, size_t nr, size_t size)
{
	void *p = kvcalloc(nr, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(n->test, p);
	return p;
}

static void begin_arrays(struct native *n)
{
	unsigned long nr = n->c->nr_leaves;

	n->gfns = array(n, nr, sizeof(*n->gfns));
	n->pos = array(n, nr, sizeof(*n->pos));
	n->frames = array(n, nr, sizeof(*n->frames));
	n->next_frames = array(n, nr, sizeof(*n->frames));
	n->l1 = array(n, native_nr_l1(n), sizeof(*n->l1));
	n->sg = array(n, NATIVE_CALL_PAGES, sizeof(*n->sg));
	sg_init_table(n->sg, NATIVE_CALL_PAGES);
	n->copies = array(n, native_guest_nr_tables(n), sizeof(*n->copies));
	for (unsigned int i = 0; i < native_guest_nr_tables(n); i++)
		n->copies[i] = array(n, 1, PAGE_SIZE);
	/* Nothing that follows another in memory is read faster for it. */
	native_shuffle_pointers((void **)n->copies, native_guest_nr_tables(n));
}

static void end_arrays(struct native *n)
{
	for (unsigned int i = 0; i < native_guest_nr_tables(n); i++)
		kvfree(n->copies[i]);
	kvfree(n->copies);
	kvfree(n->gfns);
	kvfree(n->pos);
	kvfree(n->frames);
	kvfree(n->next_frames);
	kvfree(n->l1);
	kvfree(n->sg);
}

static void begin(struct native *n)
{
	begin_arrays(n);
	native_memory_place(n);
	native_guest_build(n);
	KUNIT_ASSERT_EQ(n->test, native_host_init(&n->shadow), 0);
	KUNIT_ASSERT_EQ(n->test, native_host_init(&n->floor), 0);
	n->engine = native_engine_begin(n->test, &n->shadow.domain,
					native_table_gpa(NATIVE_L4));
	if (n->c->hold)
		native_engine_hold(n->engine, (u64)n->c->guest_gb * SZ_1G,
				   true);
}

static void end(struct native *n)
{
	if (n->c->hold)
		native_engine_hold(n->engine, (u64)n->c->guest_gb * SZ_1G,
				   false);
	native_engine_end(n->engine);
	KUNIT_EXPECT_FALSE(n->test, n->failed);
	native_host_exit(&n->shadow);
	native_host_exit(&n->floor);
	end_arrays(n);
}

/* --- One configuration --- */

static bool wanted(const struct native_config *c)
{
	if (!native_listed(guests, c->name))
		return false;
	if (c->cases & NATIVE_MEMORY)
		return native_listed(cases, "memory");
	if (c->cases & NATIVE_TABLES)
		return native_listed(cases, "tables");
	return native_has_case(c, cases);
}

static void native_run(struct kunit *test)
{
	struct native *n = kunit_kzalloc(test, sizeof(*n), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, n);
	n->test = test;
	n->c = test->param_value;
	if (!wanted(n->c))
		kunit_skip(test, "not asked for");
	if (!native_memory_suffices(n->c))
		kunit_skip(test, "too little memory");
	native_clock_calibrate();
	begin(n);
	if (n->c->cases & NATIVE_TABLES) {
		native_tables_come_and_go(n);
	} else {
		map_first(n);
		native_measure(n, cases, clamp(rounds, 1U, NATIVE_MAX_ROUNDS));
	}
	end(n);
}

static int suite_init(struct kunit_suite *suite)
{
	return native_memory_alloc(mem_mb);
}

static void suite_exit(struct kunit_suite *suite)
{
	native_memory_free();
}

static void config_desc(const struct native_config *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(native, configs, config_desc);

static struct kunit_case native_kunit_cases[] = {
	KUNIT_CASE_PARAM_ATTR(native_run, native_gen_params,
			      { .speed = KUNIT_SPEED_VERY_SLOW }),
	{},
};

static struct kunit_suite native_suite = {
	.name = "vtd_shadow_native",
	.suite_init = suite_init,
	.suite_exit = suite_exit,
	.test_cases = native_kunit_cases,
};

kunit_test_suite(native_suite);

MODULE_IMPORT_NS("GENERIC_PT_IOMMU");
MODULE_DESCRIPTION("Native benchmark of vtd_shadow");
MODULE_LICENSE("GPL");
