/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reserved ranges of IOVA, which no domain with them ever maps
 */
#ifndef VTDS_RESERVED_H
#define VTDS_RESERVED_H

#include <linux/errno.h>
#include <linux/types.h>

/* Ranges of one domain; hosts have a few */
#define VTDS_MAX_RESERVED 16

/**
 * struct vtds_range - A range of IOVA, whole pages
 * @first: First address
 * @last: Last address
 */
struct vtds_range {
	u64 first;
	u64 last;
};

/**
 * struct vtds_reserved - Reserved ranges
 * @ranges: The ranges
 * @count: How many there are
 */
struct vtds_reserved {
	struct vtds_range ranges[VTDS_MAX_RESERVED];
	unsigned int count;
};

/* Whether any of [iova, iova + size) is reserved. */
static inline bool vtds_reserved_overlaps(const struct vtds_reserved *reserved,
					  u64 iova, u64 size)
{
	for (unsigned int i = 0; i < reserved->count; i++)
		if (iova <= reserved->ranges[i].last &&
		    iova + size - 1 >= reserved->ranges[i].first)
			return true;
	return false;
}

/* Adds a range. Returns 0, or -ENOSPC if there are too many. */
static inline int vtds_reserved_add(struct vtds_reserved *reserved,
				    const struct vtds_range *range)
{
	for (unsigned int i = 0; i < reserved->count; i++)
		if (range->first >= reserved->ranges[i].first &&
		    range->last <= reserved->ranges[i].last)
			return 0;
	if (reserved->count == VTDS_MAX_RESERVED)
		return -ENOSPC;
	reserved->ranges[reserved->count++] = *range;
	return 0;
}

#endif /* VTDS_RESERVED_H */
