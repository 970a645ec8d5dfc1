// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest_mem.c: chunks, pages, their pins, their users and limits.
 */
#include <linux/mm.h>

#include "../guest_chunk.h"
#include "../guest_mem.h"
#include "../guest_pin.h"
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

		KUNIT_EXPECT_EQ(test, chunk->whole, whole);
		KUNIT_EXPECT_EQ(test, chunk->users, 1);
		KUNIT_EXPECT_EQ(test, b->mem.calls - calls, 1);
		mem_check_chunk(test, chunk, mem_gpa(kind));
		if (whole)
			KUNIT_EXPECT_EQ(test, b->mem.calls - calls, 1);
		KUNIT_EXPECT_EQ(test, mem_of(test)->pins.nr_pinned,
				b->mem.nr_pinned);
		/* All is known now: no call to find it again, but for holes */
		calls = b->mem.calls;
		KUNIT_EXPECT_PTR_EQ(test, mem_chunk(test, mem_gpa(kind)),
				    chunk);
		mem_check_page(test, chunk, mem_gpa(kind));
		KUNIT_EXPECT_EQ(test, b->mem.calls, calls);
		vtds_mem_put(mem_of(test), chunk);
		vtds_mem_put(mem_of(test), chunk);
	}
}

/* Pages of a chunk that is not whole are pinned when they are asked for. */
static void mem_page_wise(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *chunk = mem_chunk(test, mem_gpa(FAKE_MIXED));

	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	mem_check_page(test, chunk, mem_gpa(FAKE_MIXED));
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 1);
	/* Page 5 of 16 is a hole, page 9 read-only */
	mem_check_page(test, chunk, mem_gpa(FAKE_MIXED) + 5 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 1);
	mem_check_page(test, chunk, mem_gpa(FAKE_MIXED) + 9 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 2);
	vtds_mem_put(mem_of(test), chunk);
	/* Unpinned late */
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 2);
}

static void mem_chunk_perm(struct kunit *test)
{
	static const int expected[FAKE_KINDS] = { [FAKE_MIXED] = -ENOENT };

	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++) {
		struct vtds_chunk *chunk = mem_chunk(test, mem_gpa(kind));
		unsigned int perm;

		KUNIT_EXPECT_EQ(test,
				vtds_chunk_perm(&mem_of(test)->pins, chunk,
						&perm),
				expected[kind]);
		if (!expected[kind])
			KUNIT_EXPECT_EQ(test, perm,
					kind == FAKE_ROM ? SS_R :
					kind == FAKE_WOM ? SS_W :
							   SS_RW);
		vtds_mem_put(mem_of(test), chunk);
	}
}

/* Half ROM, half RAM, no hole */
static void mem_chunk_perm_differs(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *chunk;
	unsigned int perm;

	fake_mem_add(&b->mem, MANY_GPA, SZ_CHUNK / 2, FAKE_ROM);
	fake_mem_add(&b->mem, MANY_GPA + SZ_CHUNK / 2, SZ_CHUNK / 2,
		     FAKE_SCATTERED);
	chunk = mem_chunk(test, MANY_GPA);
	KUNIT_EXPECT_EQ(test,
			vtds_chunk_perm(&mem_of(test)->pins, chunk, &perm),
			-EXDEV);
	vtds_mem_put(mem_of(test), chunk);
}

/* Users, and the list of those without. */
static void mem_users(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct vtds_chunk *chunk = mem_chunk(test, 0);

	KUNIT_EXPECT_EQ(test, mem->nr_idle, 0);
	KUNIT_EXPECT_PTR_EQ(test, mem_chunk(test, SZ_CHUNK - 1), chunk);
	KUNIT_EXPECT_EQ(test, chunk->users, 2);
	mem_chunk(test, SZ_CHUNK);

	/* From the last page of one chunk to the first of the next */
	vtds_mem_put_range(mem, SZ_CHUNK - SZ_PAGE, 2 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, chunk->users, 1);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 1);
	vtds_mem_put_range(mem, 0, SZ_CHUNK);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 2);
	KUNIT_EXPECT_PTR_EQ(test, mem_chunk(test, 0), chunk);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 1);
	vtds_mem_put(mem, chunk);

	KUNIT_EXPECT_TRUE(test, vtds_mem_has(mem, 0, 0));
	KUNIT_EXPECT_TRUE(test, vtds_mem_has(mem, SZ_CHUNK * 2 - 1, U64_MAX));
	KUNIT_EXPECT_FALSE(test, vtds_mem_has(mem, SZ_CHUNK * 2, U64_MAX));
}

/* The ones without users for longest go, the others stay. */
static void mem_trim(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;

	mem_add_many(test);
	for (unsigned int i = 0; i < MANY_CHUNKS; i++)
		vtds_mem_put(mem, mem_chunk(test, mem_many_gpa(i)));
	/* One of the oldest is used again, and one stays in use */
	vtds_mem_put(mem, mem_chunk(test, mem_many_gpa(1)));
	mem_chunk(test, mem_many_gpa(2));
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, MANY_CHUNKS * VTDS_CHUNK_PAGES);

	bench_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, IDLE_LIMIT);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned,
			(IDLE_LIMIT + 1) * VTDS_CHUNK_PAGES);
	KUNIT_EXPECT_FALSE(test, fake_mem_is_pinned(&b->mem, mem_many_gpa(0),
						    mem_many_gpa(1) - 1));
	KUNIT_EXPECT_TRUE(test, fake_mem_is_pinned(&b->mem, mem_many_gpa(1),
						   mem_many_gpa(2) - 1));
	vtds_mem_put_range(mem, mem_many_gpa(2), SZ_CHUNK);
	bench_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, IDLE_LIMIT);
}

/* Errors of iommufd arrive, and the next try starts afresh. */
static void mem_errors(struct kunit *test)
{
	static const int errors[] = { -ENOMEM, -EINVAL, -EPERM, -EFAULT };
	struct bench *b = test->priv;
	struct vtds_chunk *chunk;
	unsigned int perm;
	unsigned long pfn;

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		u64 gpa = mem_gpa(FAKE_CONTIG_A);
		u64 from, to;

		b->mem.fail_in = 1;
		b->mem.fail_all = true;
		b->mem.error = errors[i];
		chunk = bench_mem_get(mem_of(test), gpa);
		KUNIT_ASSERT_FALSE(test, IS_ERR(chunk));
		KUNIT_EXPECT_EQ(test,
				vtds_mem_page(mem_of(test), chunk, gpa, &pfn,
					      &perm),
				errors[i]);
		KUNIT_EXPECT_TRUE(test, vtds_chunk_perm(&mem_of(test)->pins,
							chunk, &perm));
		b->mem.fail_in = 0;
		mem_check_chunk(test, chunk, gpa);
		vtds_mem_put(mem_of(test), chunk);
		mem_evict(test, gpa, gpa + SZ_CHUNK - 1, &from, &to);
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

	vtds_mem_put(mem, mem_chunk(test, mem_gpa(FAKE_CONTIG_B)));
	KUNIT_EXPECT_EQ(test, mem->pins.nr_pinned, VTDS_CHUNK_PAGES);
	b->mem.fail_in = 1;
	b->mem.error = -ENOMEM;
	chunk = mem_chunk(test, gpa);
	KUNIT_EXPECT_FALSE(test, chunk->whole);
	mem_check_page(test, chunk, gpa + 3 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, mem->pins.nr_pinned, VTDS_CHUNK_PAGES + 1);
	/* What nobody uses makes room, when the host has been flushed */
	KUNIT_EXPECT_TRUE(test, vtds_mem_needs_trim(mem));
	bench_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, mem->pins.nr_pinned, 1);
	KUNIT_EXPECT_FALSE(test, vtds_mem_needs_trim(mem));
	vtds_mem_put(mem, chunk);
	vtds_mem_release_idle(mem);
	bench_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
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
	KUNIT_CASE(mem_kinds),	    KUNIT_CASE(mem_page_wise),
	KUNIT_CASE(mem_chunk_perm), KUNIT_CASE(mem_chunk_perm_differs),
	KUNIT_CASE(mem_users),	    KUNIT_CASE(mem_trim),
	KUNIT_CASE(mem_errors),	    KUNIT_CASE(mem_limit),
	KUNIT_CASE(mem_check_pfn),  {},
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
