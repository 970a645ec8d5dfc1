// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest_mem.c: memory that is taken away, all of a chunk or a part.
 */
#include <kunit/test-bug.h>

#include "../guest_chunk.h"
#include "../guest_mem.h"
#include "../vtd_format.h"
#include "guest_mem_bench.h"

/* All of some chunks, in use or not */
static void mem_evict_whole(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 from, to;

	for (enum fake_kind kind = FAKE_OFFSET; kind <= FAKE_RUNS; kind++)
		mem_chunk(test, mem_gpa(kind));
	bench_mem_put(mem_of(test), mem_gpa(FAKE_OFFSET));
	bench_mem_put(mem_of(test), mem_gpa(FAKE_SCATTERED));
	fake_mem_remove(&b->mem, mem_gpa(FAKE_OFFSET), mem_gpa(FAKE_RUNS) - 1);
	mem_evict(test, mem_gpa(FAKE_OFFSET), mem_gpa(FAKE_RUNS) - 1, &from,
		  &to, NULL);
	KUNIT_EXPECT_EQ(test, from, mem_gpa(FAKE_OFFSET));
	KUNIT_EXPECT_EQ(test, to, mem_gpa(FAKE_RUNS) - 1);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
	mem_check_chunk(test, mem_gpa(FAKE_RUNS));
	bench_mem_put(mem_of(test), mem_gpa(FAKE_RUNS));
}

/* Pages outside of [first, last] are still there without another pin. */
static void check_kept(struct kunit *test, u64 start, u64 first, u64 last)
{
	struct bench *b = test->priv;
	unsigned long calls = b->mem.calls;
	unsigned int perm;

	for (u64 gpa = start; gpa < start + SZ_CHUNK; gpa += SZ_PAGE)
		if ((gpa < first || gpa > last) &&
		    fake_mem_page(&b->mem, gpa, &perm))
			mem_check_page(test, gpa);
	KUNIT_EXPECT_EQ(test, b->mem.calls, calls);
}

/* A part of a chunk in use: the rest keeps its frames and its pins. */
static void mem_evict_part(struct kunit *test)
{
	static const struct {
		unsigned int first;
		unsigned int last;
	} parts[] = { { 0, 0 },	    { 511, 511 }, { 0, 255 },
		      { 256, 511 }, { 100, 101 }, { 1, 510 } };
	struct bench *b = test->priv;
	u64 from, to;

	for (enum fake_kind kind = FAKE_OFFSET; kind <= FAKE_ROM; kind++)
		for (unsigned int i = kind % 2; i < ARRAY_SIZE(parts); i += 2) {
			u64 gpa = mem_gpa(kind);
			u64 first = gpa + parts[i].first * SZ_PAGE;
			u64 last = gpa + parts[i].last * SZ_PAGE + SZ_PAGE - 1;

			mem_chunk(test, gpa);
			mem_check_chunk(test, gpa);
			fake_mem_remove(&b->mem, first, last);
			mem_evict(test, first, last, &from, &to, NULL);
			KUNIT_EXPECT_EQ(test, from, first);
			KUNIT_EXPECT_EQ(test, to, last);
			check_kept(test, gpa, first, last);
			mem_check_chunk(test, gpa);
			fake_mem_restore(&b->mem);
			mem_check_chunk(test, gpa);
			bench_mem_put(mem_of(test), gpa);
			mem_evict(test, gpa, gpa + SZ_CHUNK - 1, &from, &to,
				  NULL);
		}
}

/* Two chunks in part and one between them */
static void mem_evict_across(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 first = mem_gpa(FAKE_OFFSET) + 0x100000;
	u64 last = mem_gpa(FAKE_RUNS) + 0x100000 - 1;
	u64 from, to;

	for (unsigned int i = 0; i < 3; i++)
		mem_chunk(test, mem_gpa(FAKE_OFFSET + i));
	/* The one between has no users left when its turn comes */
	bench_mem_put(mem_of(test), mem_gpa(FAKE_SCATTERED));
	fake_mem_remove(&b->mem, first, last);
	mem_evict(test, first, last, &from, &to, NULL);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
	mem_check_chunk(test, mem_gpa(FAKE_OFFSET));
	mem_check_chunk(test, mem_gpa(FAKE_RUNS));
	bench_mem_put(mem_of(test), mem_gpa(FAKE_OFFSET));
	bench_mem_put(mem_of(test), mem_gpa(FAKE_RUNS));
}

/* Page 7 of a chunk goes, which nobody finds from then on. What is near it has to wait. */
static void look_around(struct vtds_guest_mem *mem)
{
	struct kunit *test = kunit_get_current_test();
	u64 gpa = mem_gpa(FAKE_SCATTERED);
	unsigned int perm;
	unsigned long pfn;

	guard(vtds_lock)(mem->lock);
	KUNIT_EXPECT_EQ(test,
			vtds_mem_page(mem, gpa + 7 * SZ_PAGE, &pfn, &perm),
			-ENOENT);
	KUNIT_EXPECT_EQ(test,
			vtds_mem_page(mem, gpa + 6 * SZ_PAGE, &pfn, &perm),
			VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test,
			vtds_mem_page(mem, gpa + 8 * SZ_PAGE, &pfn, &perm),
			VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, vtds_mem_chunk_perm(mem, gpa, &perm),
			VTDS_NOT_PINNED);
}

/* The caller removes all users. */
static void remove_user(struct vtds_guest_mem *mem)
{
	look_around(mem);
	guard(vtds_lock)(mem->lock);
	vtds_mem_put_range(mem, mem_gpa(FAKE_SCATTERED), SZ_PAGE);
}

/* What cannot be split goes as a whole. */
static void mem_evict_split_fails(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 gpa = mem_gpa(FAKE_SCATTERED);

	for (unsigned int n = 1; n < 512; n += 73) {
		u64 first, last;

		mem_chunk(test, gpa);
		b->mem.fail_in = n;
		b->mem.error = -ENOMEM;
		mem_evict(test, gpa + 7 * SZ_PAGE, gpa + 8 * SZ_PAGE - 1,
			  &first, &last, remove_user);
		KUNIT_EXPECT_EQ(test, b->mem.fail_in, 0);
		KUNIT_EXPECT_EQ(test, first, gpa);
		KUNIT_EXPECT_EQ(test, last, gpa + SZ_CHUNK - 1);
		KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	}
}

/* What nobody uses goes as a whole, and can be had again when it is gone. */
static void mem_evict_unused(struct kunit *test)
{
	u64 first, last, gpa = mem_gpa(FAKE_SCATTERED);
	struct bench *b = test->priv;

	mem_chunk(test, gpa);
	bench_mem_put(mem_of(test), gpa);
	fake_mem_remove(&b->mem, gpa + 7 * SZ_PAGE, gpa + 8 * SZ_PAGE - 1);
	mem_evict(test, gpa + 7 * SZ_PAGE, gpa + 8 * SZ_PAGE - 1, &first, &last,
		  look_around);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	mem_check_chunk(test, gpa);
}

/* All of a chunk goes. */
static void look_inside(struct vtds_guest_mem *mem)
{
	unsigned int perm;

	guard(vtds_lock)(mem->lock);
	KUNIT_EXPECT_EQ(kunit_get_current_test(),
			vtds_mem_chunk_perm(mem, mem_gpa(FAKE_SCATTERED),
					    &perm),
			-ENOENT);
}

static void mem_evict_unused_chunk(struct kunit *test)
{
	u64 first, last, gpa = mem_gpa(FAKE_SCATTERED);

	mem_chunk(test, gpa);
	bench_mem_put(mem_of(test), gpa);
	mem_evict(test, gpa, gpa + SZ_CHUNK - 1, &first, &last, look_inside);
}

static void remove_users(struct vtds_guest_mem *mem)
{
	bench_mem_put_range(mem, mem_many_gpa(0), MANY_CHUNKS * SZ_CHUNK);
}

/*
 * A chunk in the way of a large eviction loses its users between begin and end: it goes
 * with the others then, or its neighbours stay.
 */
static void mem_evict_split_unused(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;
	u64 first, last;

	mem_add_many(test);
	for (unsigned int i = 0; i < MANY_CHUNKS; i++)
		mem_chunk(test, mem_many_gpa(i));
	mem_evict(test, mem_many_gpa(0) + 0x100000,
		  mem_many_gpa(MANY_CHUNKS) - 1, &first, &last, remove_users);
	KUNIT_EXPECT_FALSE(test, fake_mem_is_pinned(&b->mem, first, last));
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, b->mem.nr_pinned);
}

static struct kunit_case guest_mem_evict_cases[] = {
	KUNIT_CASE(mem_evict_whole),	    KUNIT_CASE(mem_evict_part),
	KUNIT_CASE(mem_evict_across),	    KUNIT_CASE(mem_evict_split_fails),
	KUNIT_CASE(mem_evict_unused),	    KUNIT_CASE(mem_evict_unused_chunk),
	KUNIT_CASE(mem_evict_split_unused), {},
};

static struct kunit_suite guest_mem_evict_suite = {
	.name = "vtd_shadow_guest_mem_evict",
	.init = mem_bench_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = guest_mem_evict_cases,
};

kunit_test_suite(guest_mem_evict_suite);
