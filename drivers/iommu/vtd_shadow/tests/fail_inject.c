// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the engine's allocations and calls to the host fail, by the means that the kernel
 * has for that. What the fakes allocate does not count.
 */
#include <linux/fault-inject.h>
#include <linux/kconfig.h>
#include <linux/limits.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "../fault.h"
#include "bench.h"
#include "fail_inject.h"

/* With sanitizers and in emulation a step is a hundred times slower */
static unsigned int step(unsigned int n)
{
	return IS_ENABLED(CONFIG_KASAN) ? 1 + n / 6 : 1;
}

/* Of the suite, since it began */
static unsigned int nr_failed;

/* Prepares the next attempt. Returns false if none is left. */
bool fail_next(struct fail_sweep *sweep)
{
	if (sweep->begun && !sweep->failed) {
		if (sweep->all)
			return false;
		sweep->all = true;
		sweep->n = 0;
	}
	sweep->begun = true;
	sweep->n += step(sweep->n);
	return true;
}

/* From here on something may fail. */
void fail_arm(struct fail_sweep *sweep)
{
	fail_vtd_shadow.verbose = 0;
	if (!sweep->all) {
		current->fail_nth = sweep->n;
		return;
	}
	atomic_set(&fail_vtd_shadow.times, INT_MAX);
	/* So many pass, and this one does not */
	atomic_set(&fail_vtd_shadow.space, sweep->n);
	fail_vtd_shadow.task_filter = true;
	current->make_it_fail = 1;
	fail_vtd_shadow.probability = 100;
}

/* From here on nothing fails. Notes whether anything did. */
void fail_disarm(struct fail_sweep *sweep)
{
	if (sweep->all)
		sweep->failed = atomic_read(&fail_vtd_shadow.times) != INT_MAX;
	else
		sweep->failed = !current->fail_nth;
	sweep->nr_failed += sweep->failed;
	nr_failed += sweep->failed;
	fail_vtd_shadow.probability = 0;
	fail_vtd_shadow.task_filter = false;
	atomic_set(&fail_vtd_shadow.space, 0);
	current->make_it_fail = 0;
	current->fail_nth = 0;
}

/* Of a suite; its results tell how much failed. */
void fail_suite_exit(struct kunit_suite *suite)
{
	kunit_log(KERN_INFO, suite,
		  KUNIT_SUBTEST_INDENT "# %s: something failed in %u attempts",
		  suite->name, nr_failed);
	nr_failed = 0;
	fake_mem_suite_exit(suite);
}
