// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of the native benchmark. Each is a line
 *
 *   figure GUEST CASE SIDE MEDIAN SMALLEST LARGEST SAMPLES
 *
 * in nanoseconds for each unit of the case, or what else the case counts.
 */
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/sort.h>

#include "native.h"

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Samples are in thousandths. */
void native_tell(const struct native *n, const char *name, const char *side,
		 u64 *samples, unsigned int nr)
{
	u64 ns[3];
	u32 ps[3];

	sort(samples, nr, sizeof(*samples), compare, NULL);
	ns[0] = div_u64_rem(samples[nr / 2], 1000, &ps[0]);
	ns[1] = div_u64_rem(samples[0], 1000, &ps[1]);
	ns[2] = div_u64_rem(samples[nr - 1], 1000, &ps[2]);
	pr_info("figure %s %s %s %llu.%03u %llu.%03u %llu.%03u %u\n",
		n->c->name, name, side, ns[0], ps[0], ns[1], ps[1], ns[2],
		ps[2], nr);
}

void native_tell_one(const struct native *n, const char *name, u64 value)
{
	native_tell(n, name, "engine", &value, 1);
}
