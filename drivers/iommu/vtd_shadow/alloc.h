/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All memory that guests and VMMs can make grow: charged to the memory cgroup of the caller,
 * and never taken for granted. Serves all that keeps something.
 *
 * The caller may be the thread of a unit, see retry.c. No other file of the driver names
 * GFP_KERNEL_ACCOUNT, apart from host_domain.c for page tables of the host.
 */
#ifndef VTDS_ALLOC_H
#define VTDS_ALLOC_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "fault.h"

static inline void *vtds_zalloc(size_t size)
{
	return vtds_should_fail() ? NULL : kzalloc(size, GFP_KERNEL_ACCOUNT);
}

static inline void *vtds_zalloc_array(size_t nr, size_t size)
{
	return vtds_should_fail() ? NULL :
				    kcalloc(nr, size, GFP_KERNEL_ACCOUNT);
}

/* For what its user does without: quiet, and to be freed with kvfree() */
static inline void *vtds_try_zalloc_array(size_t nr, size_t size)
{
	return vtds_should_fail() ?
		       NULL :
		       kvcalloc(nr, size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

/* Not zeroed, since it is written at once; to be freed with kvfree() */
static inline void *vtds_alloc_buffer(size_t size)
{
	return vtds_should_fail() ? NULL : kvmalloc(size, GFP_KERNEL_ACCOUNT);
}

/* To be freed with free_page() */
static inline void *vtds_zalloc_page(void)
{
	return vtds_should_fail() ? NULL :
				    (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

/* As vtds_zalloc_page(), for what its user does without */
static inline void *vtds_try_zalloc_page(void)
{
	return vtds_should_fail() ? NULL :
				    (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT |
							    __GFP_NOWARN);
}

/* Its nodes are charged, too: whatever asks for them does not decide about that. */
static inline void vtds_xa_init(struct xarray *xa)
{
	xa_init_flags(xa, XA_FLAGS_ACCOUNT);
}

/* Returns 0 or -ENOMEM. */
static inline int vtds_xa_store(struct xarray *xa, unsigned long index,
				void *entry)
{
	void *old;

	if (vtds_should_fail())
		return -ENOMEM;
	old = xa_store(xa, index, entry, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return xa_err(old);
}

#endif /* VTDS_ALLOC_H */
