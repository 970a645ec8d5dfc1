// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays of pointers with any index: a sorted array that moves whenever it changes, so
 * that whoever goes on with what it had before is caught.
 */
#include "kernel.h"
#include "xarray.h"

void xa_init(struct xarray *xa)
{
	*xa = (struct xarray){};
}

void xa_destroy(struct xarray *xa)
{
	kfree(xa->slots);
	xa_init(xa);
}

/* Place of the first index that is not below */
static unsigned long find(const struct xarray *xa, unsigned long index)
{
	unsigned long low = 0, high = xa->count;

	while (low < high) {
		unsigned long middle = (low + high) / 2;

		if (xa->slots[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	unsigned long i = find(xa, index);

	return i < xa->count && xa->slots[i].index == index ?
		       xa->slots[i].entry :
		       NULL;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	unsigned long i = find(xa, index);
	struct xarray_slot *slots;
	void *old;

	if (i < xa->count && xa->slots[i].index == index) {
		old = xa->slots[i].entry;
		xa->slots[i].entry = entry;
		return old;
	}
	slots = fuzz_alloc((xa->count + 1) * sizeof(*slots), gfp);
	if (!slots)
		return ERR_PTR(-ENOMEM);
	if (i)
		memcpy(slots, xa->slots, i * sizeof(*slots));
	slots[i] = (struct xarray_slot){ index, entry };
	if (i < xa->count)
		memcpy(&slots[i + 1], &xa->slots[i],
		       (xa->count - i) * sizeof(*slots));
	kfree(xa->slots);
	xa->slots = slots;
	xa->count++;
	return NULL;
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	unsigned long i = find(xa, index);
	void *old;

	if (i == xa->count || xa->slots[i].index != index)
		return NULL;
	old = xa->slots[i].entry;
	memmove(&xa->slots[i], &xa->slots[i + 1],
		(--xa->count - i) * sizeof(*xa->slots));
	if (!xa->count)
		xa_destroy(xa);
	return old;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t filter)
{
	unsigned long i = find(xa, *index);

	if (i == xa->count || xa->slots[i].index > max)
		return NULL;
	*index = xa->slots[i].index;
	return xa->slots[i].entry;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t filter)
{
	if (*index == ULONG_MAX)
		return NULL;
	++*index;
	return xa_find(xa, index, max, filter);
}
