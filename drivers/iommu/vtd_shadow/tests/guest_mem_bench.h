/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory with one chunk of every kind, for the unit tests of guest_mem.c.
 */
#ifndef VTDS_GUEST_MEM_BENCH_H
#define VTDS_GUEST_MEM_BENCH_H

#include "../guest_chunk.h"
#include "../guest_mem.h"
#include "bench.h"

#define IDLE_LIMIT 4096
/* More address space than may stay pinned without users */
#define MANY_GPA 0x100000000ULL
#define MANY_CHUNKS (IDLE_LIMIT + 44)

struct vtds_guest_mem *mem_of(struct kunit *test);
u64 mem_gpa(enum fake_kind kind);
struct vtds_chunk *mem_chunk(struct kunit *test, u64 gpa);
void mem_check_page(struct kunit *test, u64 gpa);
void mem_check_chunk(struct kunit *test, u64 gpa);
u64 mem_many_gpa(unsigned int i);
void mem_add_many(struct kunit *test);
int mem_bench_init(struct kunit *test);
void mem_evict(struct kunit *test, u64 first, u64 last, u64 *from, u64 *to,
	       void (*between)(struct vtds_guest_mem *mem));

#endif /* VTDS_GUEST_MEM_BENCH_H */
