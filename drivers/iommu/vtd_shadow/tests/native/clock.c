// SPDX-License-Identifier: GPL-2.0-only
/*
 * The native benchmark's clock: time of the processor that this thread of the host had,
 * so that what else the machine does counts little.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "native.h"

/* CLOCK_THREAD_CPUTIME_ID of the host */
#define CLOCK_THREAD 3

/* What one look at the clock costs */
static u64 look_ns;

u64 native_now(void)
{
	struct native_timespec time;

	clock_gettime(CLOCK_THREAD, &time);
	return time.sec * NSEC_PER_SEC + time.nsec;
}

void native_took(struct native *n, enum native_side side, u64 begin)
{
	u64 time = native_now() - begin;

	n->took[side] += time - min(time, look_ns);
}

void native_clock_calibrate(void)
{
	const unsigned int looks = 100000;
	u64 begin = native_now();

	for (unsigned int i = 0; i < looks; i++)
		native_now();
	look_ns = div_u64(native_now() - begin, looks + 1);
}
