/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sweeps of failures: a call is made again and again, and each time another allocation or
 * call to the host fails in it, until none does any more (lib/fail.c).
 */
#ifndef VTDS_FAIL_H
#define VTDS_FAIL_H

#include <stdbool.h>

/**
 * struct vtds_fail - A sweep of one thread
 * @fd: Its fail-nth
 * @all: Allocations of the rest of the kernel fail, too, not only what the driver does
 * @begun: vtds_fail_next() was called
 * @n: What fails, counted from 1
 * @fired: Something did
 * @nr_fired: How often
 */
struct vtds_fail {
	int fd;
	bool all;
	bool begun;
	unsigned int n;
	bool fired;
	unsigned int nr_fired;
};

const char *vtds_fail_missing(void);
int vtds_fail_open(struct vtds_fail *fail, bool all);
void vtds_fail_close(struct vtds_fail *fail);
void vtds_fail_begin(struct vtds_fail *fail);
bool vtds_fail_next(struct vtds_fail *fail);
void vtds_fail_arm(struct vtds_fail *fail);
void vtds_fail_disarm(struct vtds_fail *fail);

/* @_statement, in which something may fail */
#define FAILING(_fail, _statement)       \
	do {                             \
		vtds_fail_arm(_fail);    \
		_statement;              \
		vtds_fail_disarm(_fail); \
	} while (0)

#endif /* VTDS_FAIL_H */
