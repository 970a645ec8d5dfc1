/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of chunks, see guest_segment.c
 */
#ifndef VTDS_GUEST_SEGMENT_H
#define VTDS_GUEST_SEGMENT_H

#include <linux/types.h>

struct vtds_chunk;
struct vtds_guest_mem;
struct vtds_segment;

int vtds_segments_init(struct vtds_guest_mem *mem);
void vtds_segments_destroy(struct vtds_guest_mem *mem);
struct vtds_segment *vtds_segment_find(struct vtds_guest_mem *mem, u64 gpa);
struct vtds_chunk *vtds_segment_make(struct vtds_guest_mem *mem, u64 gpa);
void vtds_segment_learn(struct vtds_guest_mem *mem, u64 gpa);
void vtds_segment_forget(struct vtds_guest_mem *mem, u64 gpa);

#endif /* VTDS_GUEST_SEGMENT_H */
