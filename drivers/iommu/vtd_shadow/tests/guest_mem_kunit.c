// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest_mem.c: chunks, pages, their pins, their users and limits.
 */
#include <linux/mm.h>

#include "../flush.h"
#include "../guest_chunk.h"
#include "../guest_mem.h"
#include "../guest_pin.h"
#include "../unit.h"
#include "guest_mem_bench.h"

/* Which kinds can be pinned by one call, and what remains of the others. */
static void mem_kinds(struct kunit *test)
{
	struct bench *b = test->priv;

	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++) {
		bool whole = kind != FAKE_MIXED && kind != FAKE_ROM &&
			     kind != FAKE_WOM;
		unsigned long calls = b->mem.calls;
		struct vtds_chunk *chunk =
			mem_chunk(test, mem_gpa(kind) + 0x123);

		KUNIT_EXPECT_EQ(test, vtds_chunk_is_whole(chunk), whole);
		KUNIT_EXPECT_EQ(test, chunk->users, 1);
		if (whole)
			KUNIT_EXPECT_EQ(test, b->mem.calls - calls, 1);
		mem_check_chunk(test, mem_gpa(kind));
		if (whole)
			KUNIT_EXPECT_EQ(test, b->mem.calls - calls, 1);
		KUNIT_EXPECT_EQ(test, mem_of(test)->nr_pinned,
				b->mem.nr_pinned);
		/* All is known now: no call to find it again, but for holes */
		calls = b->mem.calls;
		KUNIT_EXPECT_PTR_EQ(test, mem_chunk(test, mem_gpa(kind)),
				    chunk);
		mem_check_page(test, mem_gpa(kind));
		KUNIT_EXPECT_EQ(test, b->mem.calls, calls);
		bench_mem_put(mem_of(test), mem_gpa(kind));
		bench_mem_put(mem_of(test), mem_gpa(kind));
	}
}

/* Pages of a chunk that is not whole are pinned when they are asked for. */
static void mem_page_wise(struct kunit *test)
{
	struct bench *b = test->priv;

	mem_chunk(test, mem_gpa(FAKE_MIXED));
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 1);
	/* Page 5 of 16 is a hole, page 9 read-only */
	mem_check_page(test, mem_gpa(FAKE_MIXED) + 5 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 1);
	mem_check_page(test, mem_gpa(FAKE_MIXED) + 9 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 2);
	bench_mem_put(mem_of(test), mem_gpa(FAKE_MIXED));
	/* Unpinned late */
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 2);
}

static void mem_chunk_perm(struct kunit *test)
{
	static const int expected[FAKE_KINDS] = { [FAKE_MIXED] = -EXDEV };

	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++) {
		unsigned int perm;

		KUNIT_EXPECT_EQ(test,
				bench_mem_perm(mem_of(test), mem_gpa(kind),
					       &perm),
				expected[kind]);
		if (!expected[kind])
			KUNIT_EXPECT_EQ(test, perm,
					kind == FAKE_ROM ? SS_R :
					kind == FAKE_WOM ? SS_W :
							   SS_RW);
	}
}

/* No memory at all, for whatever reason, is one answer for all of a chunk. */
static void mem_chunk_perm_hole(struct kunit *test)
{
	struct bench *b = test->priv;
	unsigned int perm;

	KUNIT_EXPECT_EQ(test, bench_mem_perm(mem_of(test), MANY_GPA, &perm),
			-ENOENT);
	/* And nothing is kept of it */
	KUNIT_EXPECT_FALSE(test, vtds_mem_has(mem_of(test), MANY_GPA,
					      MANY_GPA + SZ_CHUNK - 1));
	fake_mem_add(&b->mem, MANY_GPA + 17 * SZ_PAGE, SZ_PAGE, FAKE_ROM);
	KUNIT_EXPECT_EQ(test, bench_mem_perm(mem_of(test), MANY_GPA, &perm),
			-EXDEV);
}

/* Half ROM, half RAM, no hole */
static void mem_chunk_perm_differs(struct kunit *test)
{
	struct bench *b = test->priv;
	unsigned int perm;

	fake_mem_add(&b->mem, MANY_GPA, SZ_CHUNK / 2, FAKE_ROM);
	fake_mem_add(&b->mem, MANY_GPA + SZ_CHUNK / 2, SZ_CHUNK / 2,
		     FAKE_SCATTERED);
	KUNIT_EXPECT_EQ(test, bench_mem_perm(mem_of(test), MANY_GPA, &perm),
			-EXDEV);
}

/* Users, and how many chunks have none. */
static void mem_users(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct vtds_chunk *chunk = mem_chunk(test, 0);

	KUNIT_EXPECT_EQ(test, mem->nr_idle, 0);
	KUNIT_EXPECT_PTR_EQ(test, mem_chunk(test, SZ_CHUNK - 1), chunk);
	KUNIT_EXPECT_EQ(test, chunk->users, 2);
	mem_chunk(test, SZ_CHUNK);

	/* From the last page of one chunk to the first of the next */
	bench_mem_put_range(mem, SZ_CHUNK - SZ_PAGE, 2 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, chunk->users, 1);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 1);
	bench_mem_put_range(mem, 0, SZ_CHUNK);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 2);
	KUNIT_EXPECT_FALSE(test, vtds_mem_is_used(mem, 0, U64_MAX));
	KUNIT_EXPECT_PTR_EQ(test, mem_chunk(test, 0), chunk);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 1);
	KUNIT_EXPECT_TRUE(test, vtds_mem_is_used(mem, 0, 0));
	KUNIT_EXPECT_FALSE(test, vtds_mem_is_used(mem, SZ_CHUNK, U64_MAX));
	bench_mem_put(mem, 0);

	KUNIT_EXPECT_TRUE(test, vtds_mem_has(mem, 0, 0));
	KUNIT_EXPECT_TRUE(test, vtds_mem_has(mem, SZ_CHUNK * 2 - 1, U64_MAX));
	KUNIT_EXPECT_FALSE(test, vtds_mem_has(mem, SZ_CHUNK * 2, U64_MAX));
}

/* As many as are too many go, and never one in use. */
static void mem_trim(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;

	mem->max_idle = IDLE_LIMIT;
	mem_add_many(test);
	for (unsigned int i = 0; i < MANY_CHUNKS; i++)
		mem_chunk(test, mem_many_gpa(i));
	for (unsigned int i = 0; i < MANY_CHUNKS; i++)
		if (i != 2)
			bench_mem_put(mem, mem_many_gpa(i));
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, MANY_CHUNKS * VTDS_CHUNK_PAGES);

	vtds_unit_trim(b->unit);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, IDLE_LIMIT);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned,
			(IDLE_LIMIT + 1) * VTDS_CHUNK_PAGES);
	KUNIT_EXPECT_TRUE(test, fake_mem_is_pinned(&b->mem, mem_many_gpa(2),
						   mem_many_gpa(3) - 1));
	bench_mem_put(mem, mem_many_gpa(2));
	vtds_unit_trim(b->unit);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, IDLE_LIMIT);
	/* Each segment gets its turn, also from the end to the beginning */
	mem->max_idle = 1;
	vtds_unit_trim(b->unit);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 1);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
}

/* All chunks that a large guest has are found, without a search or with one. */
static void mem_large_guest(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;
	u64 far = BIT_ULL(51);

	fake_mem_add(&b->mem, far, SZ_CHUNK, FAKE_SCATTERED);
	for (u64 i = 0; i < 100; i++) {
		u64 gpa = MANY_GPA + i * VTDS_SEGMENT_SIZE;

		/* The fake has few areas */
		b->mem.nr_areas = FAKE_KINDS + 1;
		fake_mem_add(&b->mem, gpa, SZ_CHUNK, FAKE_RUNS);
		mem_chunk(test, gpa);
		mem_check_page(test, gpa + 5 * SZ_PAGE);
	}
	KUNIT_EXPECT_GE(test, mem->nr_recent, 64);
	mem_chunk(test, far);
	mem_check_page(test, far + 5 * SZ_PAGE);
	for (u64 i = 0; i < 100; i++) {
		u64 gpa = MANY_GPA + i * VTDS_SEGMENT_SIZE;

		KUNIT_EXPECT_EQ(test, bench_mem_get(mem, gpa)->users, 2);
		bench_mem_put(mem, gpa);
		bench_mem_put(mem, gpa);
	}
	bench_mem_put(mem, far);
	vtds_mem_release_idle(mem);
	vtds_unit_trim(b->unit);
	KUNIT_EXPECT_EQ(test, mem->nr_segments, 0);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
}

/* Errors of iommufd arrive, and the next try starts afresh. */
static void mem_errors(struct kunit *test)
{
	static const int errors[] = { -ENOMEM, -EINVAL, -EPERM, -EFAULT };
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;
	unsigned int perm;
	unsigned long pfn;

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		u64 gpa = mem_gpa(FAKE_CONTIG_A);
		u64 from, to;

		b->mem.fail_in = 1;
		b->mem.fail_all = true;
		b->mem.error = errors[i];
		KUNIT_EXPECT_EQ(test, bench_mem_page(mem, gpa, &pfn, &perm),
				errors[i]);
		KUNIT_EXPECT_EQ(test, bench_mem_perm(mem, gpa, &perm),
				errors[i]);
		/* It is not kept */
		KUNIT_EXPECT_FALSE(test, vtds_mem_has(mem, gpa, gpa));
		b->mem.fail_in = 0;
		mem_check_chunk(test, gpa);
		mem_evict(test, gpa, gpa + SZ_CHUNK - 1, &from, &to, NULL);
	}
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
}

/* A limit that 2 MiB would be over may leave room for single pages. */
static void mem_limit(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	u64 gpa = mem_gpa(FAKE_CONTIG_A);
	struct bench *b = test->priv;
	struct vtds_chunk *chunk;

	mem_chunk(test, mem_gpa(FAKE_CONTIG_B));
	bench_mem_put(mem, mem_gpa(FAKE_CONTIG_B));
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, VTDS_CHUNK_PAGES);
	b->mem.fail_in = 1;
	b->mem.error = -ENOMEM;
	chunk = mem_chunk(test, gpa + 3 * SZ_PAGE);
	KUNIT_EXPECT_FALSE(test, vtds_chunk_is_whole(chunk));
	mem_check_page(test, gpa + 3 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, VTDS_CHUNK_PAGES + 1);
	/* What nobody uses makes room */
	KUNIT_EXPECT_TRUE(test, vtds_mem_needs_trim(mem));
	vtds_unit_trim(b->unit);
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, 1);
	KUNIT_EXPECT_FALSE(test, vtds_mem_needs_trim(mem));
	bench_mem_put(mem, gpa);
	vtds_mem_release_idle(mem);
	vtds_unit_trim(b->unit);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
}

/* What a call has had pinned stays known to it, whatever others do; but not if it goes. */
static void mem_holds(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;
	struct vtds_holds holds = {};
	u64 from, to, gpa = mem_gpa(FAKE_RUNS);
	unsigned int perm;
	unsigned long pfn;

	vtds_lock(mem->lock);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, gpa, &pfn, &perm),
			VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, vtds_mem_fetch(mem, &holds), 0);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, MANY_GPA, &pfn, &perm),
			VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, vtds_mem_fetch(mem, &holds), 0);
	vtds_mem_release_idle(mem);
	vtds_unlock(mem->lock);
	vtds_unit_trim(b->unit);
	vtds_lock(mem->lock);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, gpa, &pfn, &perm), 0);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, MANY_GPA, &pfn, &perm),
			-ENOENT);
	vtds_unlock(mem->lock);

	mem_evict(test, gpa, gpa + SZ_CHUNK - 1, &from, &to, NULL);
	vtds_lock(mem->lock);
	KUNIT_EXPECT_EQ(test, holds.count, 1);
	vtds_mem_release_holds(mem, &holds);
	vtds_unlock(mem->lock);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	KUNIT_EXPECT_EQ(test, mem->nr_segments, 0);
}

/* The VMM says that there is memory, and somebody looks. */
static void come(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	u64 gpa = mem_gpa(FAKE_RUNS);
	struct bench *b = test->priv;
	unsigned int perm;
	unsigned long pfn;

	b->mem.failed = NULL;
	fake_mem_restore(&b->mem);
	vtds_lock(mem->lock);
	vtds_mem_came(mem, 0, U64_MAX);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, gpa, &pfn, &perm),
			VTDS_NOT_PINNED);
	vtds_unlock(mem->lock);
}

/* What a call runs into while memory comes says nothing about that memory. */
static void mem_comes(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	u64 gpa = mem_gpa(FAKE_RUNS);
	struct bench *b = test->priv;
	struct vtds_holds holds = {};
	unsigned int perm;
	unsigned long pfn;

	fake_mem_remove(&b->mem, gpa, gpa + SZ_CHUNK - 1);
	b->mem.failed = come;
	vtds_lock(mem->lock);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, gpa, &pfn, &perm),
			VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, vtds_mem_fetch(mem, &holds), 0);
	KUNIT_EXPECT_NULL(test, b->mem.failed);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, gpa, &pfn, &perm),
			VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, vtds_mem_fetch(mem, &holds), 0);
	KUNIT_EXPECT_EQ(test, vtds_mem_page(mem, gpa, &pfn, &perm), 0);
	vtds_mem_release_holds(mem, &holds);
	vtds_unlock(mem->lock);
}

/* Frames without memory behind them, and memory that is damaged */
static void mem_check_pfn(struct kunit *test)
{
	struct bench *b = test->priv;
	struct page *page = b->mem.kinds[FAKE_CONTIG_A]->pages[0];

	KUNIT_EXPECT_EQ(test, vtds_pin_check_pfn(page_to_pfn(page)), 0);
	KUNIT_EXPECT_EQ(test, vtds_pin_check_pfn(ULONG_MAX >> PAGE_SHIFT),
			-EINVAL);
	/* The local APIC's registers */
	KUNIT_EXPECT_EQ(test, vtds_pin_check_pfn(0xfee00), -EINVAL);
	/* Reserved, and yet what untouched memory consists of */
	KUNIT_EXPECT_EQ(test, vtds_pin_check_pfn(page_to_pfn(ZERO_PAGE(0))), 0);
}

static struct kunit_case guest_mem_cases[] = {
	KUNIT_CASE(mem_kinds),
	KUNIT_CASE(mem_page_wise),
	KUNIT_CASE(mem_chunk_perm),
	KUNIT_CASE(mem_chunk_perm_hole),
	KUNIT_CASE(mem_chunk_perm_differs),
	KUNIT_CASE(mem_users),
	KUNIT_CASE(mem_trim),
	KUNIT_CASE(mem_large_guest),
	KUNIT_CASE(mem_errors),
	KUNIT_CASE(mem_limit),
	KUNIT_CASE(mem_holds),
	KUNIT_CASE(mem_comes),
	KUNIT_CASE(mem_check_pfn),
	{},
};

static struct kunit_suite guest_mem_suite = {
	.name = "vtd_shadow_guest_mem",
	.init = mem_bench_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = guest_mem_cases,
};

kunit_test_suite(guest_mem_suite);
