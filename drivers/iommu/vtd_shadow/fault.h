/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection: where allocations and calls to the host can be made to fail (fault.c).
 * Nothing of it is left in a kernel without CONFIG_VTD_SHADOW_FAULT_INJECTION.
 */
#ifndef VTDS_FAULT_H
#define VTDS_FAULT_H

#include <linux/types.h>

#ifdef CONFIG_VTD_SHADOW_FAULT_INJECTION
#include <linux/compiler.h>
#include <linux/fault-inject.h>
#include <linux/sched.h>

extern struct fault_attr fail_vtd_shadow;

/*
 * Whether the allocation or call that is about to be made fails instead. A load or two if
 * nobody asked for that: the native benchmark has it built in.
 */
static inline bool vtds_should_fail(void)
{
	return unlikely(current->fail_nth || fail_vtd_shadow.probability) &&
	       should_fail(&fail_vtd_shadow, 1);
}

void vtds_fault_begin(void);
void vtds_fault_end(void);
#else
static inline bool vtds_should_fail(void)
{
	return false;
}

static inline void vtds_fault_begin(void)
{
}

static inline void vtds_fault_end(void)
{
}
#endif

#endif /* VTDS_FAULT_H */
