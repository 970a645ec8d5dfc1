// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest memory that does not come: its VMM withholds it, and whoever waits for
 * it is killed. The thread of a unit, which nobody kills but the unit, does not wait for
 * long.
 */
#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "../flush.h"
#include "../guest_mem.h"
#include "rig.h"

/* iommufd as long as there is no page: until the caller is killed */
static int never_comes(struct kunit *test)
{
	long left = schedule_timeout_killable(30 * HZ);

	KUNIT_EXPECT_TRUE(test, fatal_signal_pending(current));
	KUNIT_EXPECT_GT(test, left, 0);
	return -EINTR;
}

/* As the last, and the kernel found another reason meanwhile */
static int killed_meanwhile(struct kunit *test)
{
	send_sig(SIGKILL, current, 1);
	return -EFAULT;
}

/* What the thread of the unit does. Returns how many milliseconds it took. */
static unsigned int retry(void)
{
	unsigned long began = jiffies;

	allow_signal(SIGKILL);
	rig_retry();
	flush_signals(current);
	return jiffies_to_msecs(jiffies - began);
}

static void forget_memory(void)
{
	vtds_mem_release_idle(&rig->b->unit->mem);
	vtds_unit_trim(rig->b->unit);
}

static void host_has_no_memory(void)
{
	rig->b->mem.fail_in = 1;
	rig->b->mem.fail_all = true;
	rig->b->mem.error = -ENOMEM;
}

/* A leaf that the host had no memory for, and for which there is no page then */
static void withheld_leaf(struct kunit *test)
{
	u64 *leaf = bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1);

	rig_make_table(TABLE_A, 1);
	rig_legacy_context(0, TABLE_A | 1);
	rig_add(0);
	*leaf = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	forget_memory();
	*leaf = DATA_GPA | SS_RW;
	host_has_no_memory();
	KUNIT_EXPECT_EQ(test, rig_flush_all(), ENOMEM);
	rig_expect_event(test, VTD_SHADOW_EVENT_INSTALL, ENOMEM);
	rig->b->mem.fail_in = 0;

	rig->b->mem.wait = never_comes;
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_LT(test, retry(), 10000);
		/* It does not say that all is well, and will go on */
		rig_no_more_events(test);
		KUNIT_EXPECT_TRUE(test, rig->b->unit->troubled);
		KUNIT_EXPECT_TRUE(test, rig->b->unit->unsettled);
		KUNIT_EXPECT_FALSE(test, rig_maps(rig_host_of(0, 0), SZ_PAGE));
		KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	}
	rig->b->mem.wait = NULL;
	retry();
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 0), SZ_PAGE));
	rig_expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
	KUNIT_EXPECT_FALSE(test, rig->b->unit->unsettled);
}

/* While one device is in trouble the contexts of another do not come: it goes on. */
static void withheld_contexts(struct kunit *test)
{
	u64 *root = bench_entry(rig->b, ROOT_GPA, 0);

	rig_make_table(TABLE_A, 1);
	for (unsigned int i = 0; i < 2; i++)
		rig_legacy_context(i, TABLE_A | 1);
	rig->devices[0].attach_error = -EBUSY;
	rig_add(1);
	rig_add(0);
	rig_expect_event(test, VTD_SHADOW_EVENT_INSTALL, EBUSY);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(1, 0), SHADOW);

	root[4] += SZ_1G;
	rig->devices[0].attach_error = 0;
	rig->b->mem.wait = never_comes;
	KUNIT_EXPECT_LT(test, retry(), 10000);
	rig_no_more_events(test);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), BLOCKED);
	KUNIT_EXPECT_EQ(test, rig_attached(1, 0), SHADOW);
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(1, 0), SZ_PAGE));

	root[4] -= SZ_1G;
	rig->b->mem.wait = NULL;
	retry();
	KUNIT_EXPECT_EQ(test, rig_attached(0, 0), SHADOW);
	rig_expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
}

static int look(u64 gpa)
{
	struct vtds_guest_mem *mem = &rig->b->unit->mem;
	unsigned int perm;
	unsigned long pfn;

	return vtds_mem_page(mem, gpa, &pfn, &perm);
}

/* Why a pin of a killed caller failed is nothing that others should go by. */
static void check_killed(struct kunit *test, u64 gpa)
{
	struct vtds_guest_mem *mem = &rig->b->unit->mem;
	struct vtds_holds holds = {};

	allow_signal(SIGKILL);
	vtds_lock(mem->lock);
	KUNIT_EXPECT_EQ(test, look(gpa), VTDS_NOT_PINNED);
	rig->b->mem.wait = killed_meanwhile;
	KUNIT_EXPECT_EQ(test, vtds_mem_fetch(mem, &holds), -EINTR);
	rig->b->mem.wait = NULL;
	flush_signals(current);

	/* Whoever looks before that caller has come to its end */
	KUNIT_EXPECT_EQ(test, look(gpa), VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, vtds_mem_fetch(mem, &holds), 0);
	KUNIT_EXPECT_EQ(test, look(gpa), 0);
	vtds_mem_release_holds(mem, &holds);
	vtds_unlock(mem->lock);
}

static void withheld_killed(struct kunit *test)
{
	struct vtds_guest_mem *mem = &rig->b->unit->mem;
	u64 gpa = DATA_GPA;

	check_killed(test, gpa);
	KUNIT_EXPECT_EQ(test, vtds_chunk_kind(vtds_mem_chunk(mem, gpa)),
			VTDS_CHUNK_CONTIGUOUS);
	/* Where each page is pinned by itself, since one is not there */
	forget_memory();
	fake_mem_remove(&rig->b->mem, gpa, gpa + SZ_PAGE - 1);
	check_killed(test, gpa + SZ_PAGE);
}

static struct kunit_case withheld_cases[] = {
	KUNIT_CASE(withheld_leaf),
	KUNIT_CASE(withheld_contexts),
	KUNIT_CASE(withheld_killed),
	{},
};

static struct kunit_suite withheld_suite = {
	.name = "vtd_shadow_withheld",
	.init = rig_init,
	.exit = rig_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = withheld_cases,
};

kunit_test_suite(withheld_suite);
