/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sweeps of failures for the unit tests: what is tried is done again and again, and each
 * time another allocation or call to the host fails, until none does any more.
 */
#ifndef VTDS_FAIL_INJECT_H
#define VTDS_FAIL_INJECT_H

#include <linux/types.h>

struct kunit_suite;

/**
 * struct fail_sweep - A sweep, zeroes to begin with
 * @begun: fail_next() was called
 * @all: All after the one that fails do, too; after a sweep in which they do not
 * @n: The one that fails, counted from 1
 * @failed: One did
 * @nr_failed: How many attempts had a failure
 */
struct fail_sweep {
	bool begun;
	bool all;
	unsigned int n;
	bool failed;
	unsigned int nr_failed;
};

bool fail_next(struct fail_sweep *sweep);
void fail_arm(struct fail_sweep *sweep);
void fail_disarm(struct fail_sweep *sweep);
void fail_suite_exit(struct kunit_suite *suite);

#endif /* VTDS_FAIL_INJECT_H */
