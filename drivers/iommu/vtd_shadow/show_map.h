/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the domains of a unit map, see show_map.c
 */
#ifndef VTDS_SHOW_MAP_H
#define VTDS_SHOW_MAP_H

#include <linux/seq_file.h>
#include <linux/types.h>

struct vtds_domain;
struct vtds_unit;

/**
 * struct vtds_mapped - A range of IOVA that leads to a range of guest memory
 * @domain: Number of the domain
 * @first: First IOVA
 * @last: Last IOVA
 * @gpa: Guest physical address of @first
 * @perm: VTD_SS_RW as the guest's tables permit it
 */
struct vtds_mapped {
	u64 domain;
	u64 first;
	u64 last;
	u64 gpa;
	unsigned int perm;
};

/**
 * struct vtds_show_map - How far a reader has come
 * @unit: The unit; first, see debugfs.c
 * @domain: Number of the domain at hand, or of one before it
 * @iova: Where to go on in that
 * @range: What is to be shown
 * @state: 0, 1 if there is none any more, or a negative errno
 */
struct vtds_show_map {
	struct vtds_unit *unit;
	u64 domain;
	u64 iova;
	struct vtds_mapped range;
	int state;
};

extern const struct seq_operations vtds_show_map_ops;

bool vtds_mapped_next(const struct vtds_domain *domain, u64 *iova,
		      unsigned int *work, struct vtds_mapped *leaf);
int vtds_show_map_next(struct vtds_show_map *map);

#endif /* VTDS_SHOW_MAP_H */
