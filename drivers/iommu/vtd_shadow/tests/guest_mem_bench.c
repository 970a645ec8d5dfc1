// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gets chunks and pages from guest_mem.c and compares them with the fake memory.
 */
#include <linux/mm.h>

#include "../guest_chunk.h"
#include "../guest_mem.h"
#include "../unit.h"
#include "guest_mem_bench.h"

struct vtds_guest_mem *mem_of(struct kunit *test)
{
	struct bench *b = test->priv;

	return &b->unit->mem;
}

u64 mem_gpa(enum fake_kind kind)
{
	return kind * SZ_CHUNK;
}

/* Fails the test if there is none. Adds a user. */
struct vtds_chunk *mem_chunk(struct kunit *test, u64 gpa)
{
	struct vtds_chunk *chunk = bench_mem_get(mem_of(test), gpa);

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	return chunk;
}

/* The engine's answer for a page has to be the fake's. */
void mem_check_page(struct kunit *test, u64 gpa)
{
	struct bench *b = test->priv;
	unsigned int perm, expected_perm;
	struct page *page;
	unsigned long pfn;
	int ret;

	page = fake_mem_page(&b->mem, gpa, &expected_perm);
	ret = bench_mem_page(mem_of(test), gpa, &pfn, &perm);
	if (!page) {
		KUNIT_EXPECT_EQ_MSG(test, ret, -ENOENT, "%llx", gpa);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, ret, 0, "%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(test, pfn, page_to_pfn(page), "%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(test, perm, expected_perm, "%llx", gpa);
	KUNIT_EXPECT_TRUE(test, fake_mem_page_pinned(&b->mem, gpa));
}

void mem_check_chunk(struct kunit *test, u64 gpa)
{
	for (u64 off = 0; off < SZ_CHUNK; off += SZ_PAGE)
		mem_check_page(test, gpa + off + off % 7);
}

u64 mem_many_gpa(unsigned int i)
{
	return MANY_GPA + i * SZ_CHUNK;
}

void mem_add_many(struct kunit *test)
{
	struct bench *b = test->priv;

	fake_mem_add(&b->mem, MANY_GPA, MANY_CHUNKS * SZ_CHUNK, FAKE_CONTIG_A);
}

int mem_bench_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++)
		fake_mem_add(&b->mem, mem_gpa(kind), SZ_CHUNK, kind);
	return 0;
}

/* As vtds_memory_gone(), with nothing mapped. */
void mem_evict(struct kunit *test, u64 first, u64 last, u64 *from, u64 *to,
	       void (*between)(struct vtds_guest_mem *mem))
{
	struct bench *b = test->priv;

	*from = first;
	*to = last;
	bench_mem_evict(mem_of(test), from, to, between);
	KUNIT_EXPECT_LE(test, *from, first);
	KUNIT_EXPECT_GE(test, *to, last);
	KUNIT_EXPECT_FALSE(test, fake_mem_is_pinned(&b->mem, first, last));
	KUNIT_EXPECT_EQ(test, mem_of(test)->nr_pinned, b->mem.nr_pinned);
}
