/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays of pointers with any index, as <linux/xarray.h> has them: sorted, see xarray.c
 */
#ifndef FUZZ_XARRAY_H
#define FUZZ_XARRAY_H

struct xarray_slot {
	unsigned long index;
	void *entry;
};

struct xarray {
	struct xarray_slot *slots;
	unsigned long count;
};

typedef unsigned int xa_mark_t;

#define XA_FLAGS_ACCOUNT 0
#define XA_PRESENT 8U

void xa_init(struct xarray *xa);
#define xa_init_flags(xa, flags) xa_init(xa)
void xa_destroy(struct xarray *xa);
void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_erase(struct xarray *xa, unsigned long index);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t filter);
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t filter);

#define xa_empty(xa) (!(xa)->count)
#define xa_mk_value(v) ((void *)(((unsigned long)(v) << 1) | 1))
#define xa_to_value(entry) ((unsigned long)(entry) >> 1)

static inline int xa_err(void *entry)
{
	return IS_ERR(entry) ? PTR_ERR(entry) : 0;
}

#define xa_is_err(entry) IS_ERR(entry)

#define xa_for_each_range(xa, index, entry, start, last)                     \
	for (index = (start), entry = xa_find(xa, &index, last, XA_PRESENT); \
	     entry; entry = xa_find_after(xa, &index, last, XA_PRESENT))
#define xa_for_each(xa, index, entry) \
	xa_for_each_range(xa, index, entry, 0, ULONG_MAX)

#endif /* FUZZ_XARRAY_H */
