// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest_mem.c: memory that is taken away, all of a chunk or a part.
 */
#include "../guest_chunk.h"
#include "../guest_mem.h"
#include "../vtd_format.h"
#include "guest_mem_bench.h"

/* All of some chunks, in use or not */
static void mem_evict_whole(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *used;
	u64 from, to;

	vtds_mem_put(mem_of(test), mem_chunk(test, mem_gpa(FAKE_OFFSET)));
	vtds_mem_put(mem_of(test), mem_chunk(test, mem_gpa(FAKE_SCATTERED)));
	used = mem_chunk(test, mem_gpa(FAKE_RUNS));
	fake_mem_remove(&b->mem, mem_gpa(FAKE_OFFSET), mem_gpa(FAKE_RUNS) - 1);
	mem_evict(test, mem_gpa(FAKE_OFFSET), mem_gpa(FAKE_RUNS) - 1, &from,
		  &to);
	KUNIT_EXPECT_EQ(test, from, mem_gpa(FAKE_OFFSET));
	KUNIT_EXPECT_EQ(test, to, mem_gpa(FAKE_RUNS) - 1);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
	mem_check_chunk(test, used, mem_gpa(FAKE_RUNS));
	vtds_mem_put(mem_of(test), used);
}

/* Pages outside of [first, last] are still there without another pin. */
static void check_kept(struct kunit *test, struct vtds_chunk *chunk, u64 first,
		       u64 last)
{
	struct bench *b = test->priv;
	u64 start = (u64)chunk->gfn << VTD_PAGE_SHIFT;
	unsigned long calls = b->mem.calls;
	unsigned int perm;

	for (u64 gpa = start; gpa < start + SZ_CHUNK; gpa += SZ_PAGE)
		if ((gpa < first || gpa > last) &&
		    fake_mem_page(&b->mem, gpa, &perm))
			mem_check_page(test, chunk, gpa);
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
			struct vtds_chunk *chunk = mem_chunk(test, gpa);

			mem_check_chunk(test, chunk, gpa);
			fake_mem_remove(&b->mem, first, last);
			mem_evict(test, first, last, &from, &to);
			KUNIT_EXPECT_EQ(test, from, first);
			KUNIT_EXPECT_EQ(test, to, last);
			check_kept(test, chunk, first, last);
			mem_check_chunk(test, chunk, gpa);
			/* Memory that comes back is found again */
			fake_mem_restore(&b->mem);
			mem_check_chunk(test, chunk, gpa);
			vtds_mem_put(mem_of(test), chunk);
			mem_evict(test, gpa, gpa + SZ_CHUNK - 1, &from, &to);
		}
}

/* Two chunks in part and one between them */
static void mem_evict_across(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *chunks[3];
	u64 first = mem_gpa(FAKE_OFFSET) + 0x100000;
	u64 last = mem_gpa(FAKE_RUNS) + 0x100000 - 1;
	u64 from, to;

	for (unsigned int i = 0; i < 3; i++)
		chunks[i] = mem_chunk(test, mem_gpa(FAKE_OFFSET + i));
	/* The one between has no users left when its turn comes */
	vtds_mem_put(mem_of(test), chunks[1]);
	fake_mem_remove(&b->mem, first, last);
	mem_evict(test, first, last, &from, &to);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
	mem_check_chunk(test, chunks[0], mem_gpa(FAKE_OFFSET));
	mem_check_chunk(test, chunks[2], mem_gpa(FAKE_RUNS));
	vtds_mem_put(mem_of(test), chunks[0]);
	vtds_mem_put(mem_of(test), chunks[2]);
}

/* What cannot be split goes as a whole. */
static void mem_evict_split_fails(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 gpa = mem_gpa(FAKE_SCATTERED);

	for (unsigned int n = 1; n < 512; n += 73) {
		struct vtds_chunk *chunk = mem_chunk(test, gpa);
		u64 first = gpa + 7 * SZ_PAGE;
		u64 last = gpa + 8 * SZ_PAGE - 1;

		b->mem.fail_in = n;
		b->mem.error = -ENOMEM;
		bench_mem_evict_begin(mem_of(test), &first, &last);
		KUNIT_EXPECT_EQ(test, b->mem.fail_in, 0);
		KUNIT_EXPECT_EQ(test, first, gpa);
		KUNIT_EXPECT_EQ(test, last, gpa + SZ_CHUNK - 1);
		/* Nothing has changed yet */
		KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
		KUNIT_EXPECT_EQ(test, mem_of(test)->pins.nr_pinned,
				VTDS_CHUNK_PAGES);
		mem_check_chunk(test, chunk, gpa);
		/* The caller removes all users */
		vtds_mem_put(mem_of(test), chunk);
		vtds_mem_evict_end(mem_of(test), first, last);
		KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	}
}

/*
 * A chunk in the way of a large eviction loses its users between begin and end,
 * and then the flush trims what has been idle for longest: it, perhaps.
 */
static void mem_evict_trims_split(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;
	u64 first = mem_many_gpa(0) + 0x100000;
	u64 last = mem_many_gpa(MANY_CHUNKS) - 1;

	mem_add_many(test);
	for (unsigned int i = 0; i < MANY_CHUNKS; i++)
		mem_chunk(test, mem_many_gpa(i));
	bench_mem_evict_begin(mem, &first, &last);
	vtds_mem_put_range(mem, mem_many_gpa(0), MANY_CHUNKS * SZ_CHUNK);
	bench_mem_trim(mem);
	vtds_mem_evict_end(mem, first, last);

	KUNIT_EXPECT_FALSE(test, fake_mem_is_pinned(&b->mem, first, last));
	KUNIT_EXPECT_EQ(test, mem->pins.nr_pinned, b->mem.nr_pinned);
}

static struct kunit_case guest_mem_evict_cases[] = {
	KUNIT_CASE(mem_evict_whole),	   KUNIT_CASE(mem_evict_part),
	KUNIT_CASE(mem_evict_across),	   KUNIT_CASE(mem_evict_split_fails),
	KUNIT_CASE(mem_evict_trims_split), {},
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
