// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of queue.c: where the guest's queue goes on, and at which descriptors it
 * stops, and why.
 */
#include "../memory.h"
#include "../unit.h"
#include "queue_bench.h"

/* --- Where it goes on --- */

static void queue_empty(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = queue_make(test, 1, wide);

		queue_fill(&q, BAD_TYPE);
		for (u64 at = 0; at < q.size; at += q.width)
			queue_expect_run(&q, at, at, at, 0, IQEI_NONE, 0);
	}
}

/* Every size in both widths: all but one entry, and around the end */
static void queue_wraps_around(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++)
		for (unsigned int qs = 0; qs < 8; qs++) {
			struct queue q = queue_make(test, qs, wide);
			u64 end = q.size - q.width;
			/* 2^(QS+8) entries, or 2^(QS+7) of the double size */
			u32 entries = 256U << qs >> wide;

			queue_fill(&q, NOP);
			queue_expect_run(&q, 0, end, end, entries - 1,
					 IQEI_NONE, 0);
			queue_expect_run(&q, end, 0, 0, 1, IQEI_NONE, 0);
			queue_expect_run(&q, end - 2 * q.width, 3 * q.width,
					 3 * q.width, 6, IQEI_NONE, 0);
			queue_expect_run(&q, q.width, 0, 0, entries - 1,
					 IQEI_NONE, 0);
		}
}

/* What stands behind the tail is not looked at. */
static void queue_ends_at_the_tail(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = queue_make(test, 0, wide);

		queue_fill(&q, BAD_TYPE);
		for (unsigned int i = 0; i < 5; i++)
			queue_put(&q, i * q.width, NOP, 0);
		queue_expect_run(&q, 0, 5 * q.width, 5 * q.width, 5, IQEI_NONE,
				 0);
	}
}

/* Everything counts as it does when it comes as an array. */
static void queue_counts_descriptors(struct kunit *test)
{
	struct queue q = queue_make(test, 0, false);
	u64 before = q.b->unit->stats.descriptors;

	queue_fill(&q, NOP);
	queue_put(&q, 160, BAD_TYPE, 0);
	queue_expect_run(&q, 0, 320, 160, 10, IQEI_TYPE, STOPPED);
	KUNIT_EXPECT_EQ(test, q.b->unit->stats.descriptors - before, 10);
}

/* The types of scalable mode, there, in legacy mode, and in a queue of 128 bits */
static void queue_types_by_width(struct kunit *test)
{
	static const u64 wide_only[] = { 0x26, 0x36, 0x07, 0x17, 0x37, 0x08 };

	for (unsigned int i = 0; i < ARRAY_SIZE(wide_only); i++) {
		struct queue q = queue_make(test, 0, true);

		queue_put(&q, 0, wide_only[i], 0);
		queue_expect_run(&q, 0, q.width, q.width, 1, IQEI_NONE, 0);
		/* With tables of legacy mode */
		q.b->unit->rtaddr = TTM(0);
		queue_expect_run(&q, 0, q.width, 0, 0, IQEI_TYPE, STOPPED);
		q = queue_make(test, 0, false);
		q.b->unit->caps.scalable = true;
		q.b->unit->rtaddr = TTM(1);
		queue_put(&q, 0, wide_only[i], 0);
		queue_expect_run(&q, 0, q.width, 0, 0, IQEI_TYPE, STOPPED);
	}
}

/* --- Where it stops --- */

static void check_stop(struct kunit *test, bool wide, u64 lo, u32 iqei)
{
	struct queue q = queue_make(test, 1, wide);
	u64 end = q.size - q.width;

	queue_fill(&q, NOP);
	/* At the first, at the last, behind the end, and a page later */
	queue_put(&q, 0, lo, 0);
	queue_expect_run(&q, 0, end, 0, 0, iqei, STOPPED);
	queue_expect_run(&q, end - q.width, q.width, 0, 2, iqei, STOPPED);
	queue_fill(&q, NOP);
	queue_put(&q, end, lo, 0);
	queue_expect_run(&q, 0, end, end, end / q.width, IQEI_NONE, 0);
	queue_expect_run(&q, 0x1000, 0, end, 0x1000 / q.width - 1, iqei,
			 STOPPED);
	queue_fill(&q, NOP);
	queue_put(&q, 0x1000, lo, 0);
	queue_expect_run(&q, 0, end, 0x1000, 0x1000 / q.width, iqei, STOPPED);
}

static void queue_stops_at_bad_descriptors(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		check_stop(test, wide, 0, IQEI_TYPE);
		check_stop(test, wide, BAD_TYPE, IQEI_TYPE);
		check_stop(test, wide, NOP | BIT(9), IQEI_TYPE);
		check_stop(test, wide, BAD_FIELD, IQEI_RESERVED);
		/* No granularity; a wait for nothing */
		check_stop(test, wide, 0x02, IQEI_RESERVED);
		check_stop(test, wide, 0x05, IQEI_RESERVED);
	}
}

/* Quadwords 2 and 3, which only a wide descriptor has */
static void queue_stops_at_reserved_quadwords(struct kunit *test)
{
	for (unsigned int qword = 2; qword < 4; qword++) {
		struct queue q = queue_make(test, 0, true);

		queue_fill(&q, NOP);
		bench_entry(q.b, QUEUE_GPA, 4)[qword] = BIT_ULL(40);
		queue_expect_run(&q, 0, 5 * q.width, q.width, 1, IQEI_RESERVED,
				 STOPPED);
	}
}

/* Linux puts the wait over the bad one, clears the error, and does no more. */
static void queue_resumes_after_repair(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = queue_make(test, 0, wide);
		u64 wait = 2 * q.width, tail = 3 * q.width;

		*queue_status_word(q.b) = 0;
		queue_fill(&q, NOP);
		queue_put(&q, q.width, BAD_FIELD, 0);
		queue_put(&q, wait, WAIT_STATUS(2), STATUS_GPA);
		queue_expect_run(&q, 0, tail, q.width, 1, IQEI_RESERVED,
				 STOPPED);
		KUNIT_EXPECT_EQ(test, *queue_status_word(q.b), 0);
		/* Nothing is repaired yet */
		queue_expect_run(&q, q.width, tail, q.width, 0, IQEI_RESERVED,
				 STOPPED);
		queue_put(&q, q.width, WAIT_STATUS(2), STATUS_GPA);
		queue_expect_run(&q, q.width, tail, tail, 2, IQEI_NONE, 0);
		KUNIT_EXPECT_EQ(test, *queue_status_word(q.b), 2);
	}
}

/* As iommufd takes memory away: the engine gives up its pins */
static void take_away(struct bench *b, u64 first, u64 size)
{
	fake_mem_remove(&b->mem, first, first + size - 1);
	vtds_memory_gone(b->unit, first, size);
}

/* The queue runs off into nowhere. */
static void queue_in_bad_memory(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = queue_make(test, 2, wide);
		u64 hole = 0x2000, end = q.size - q.width;

		queue_fill(&q, NOP);
		take_away(q.b, QUEUE_GPA + hole, SZ_PAGE);
		queue_expect_run(&q, 0, end, hole, hole / q.width, IQEI_FETCH,
				 STOPPED);
		queue_expect_run(&q, hole, end, hole, 0, IQEI_FETCH, STOPPED);
		/* What is not run does not matter */
		queue_expect_run(&q, 0, hole, hole, hole / q.width, IQEI_NONE,
				 0);
		queue_expect_run(&q, hole + 0x1000, 0, 0, 0x1000 / q.width,
				 IQEI_NONE, 0);
		fake_mem_restore(&q.b->mem);
		queue_expect_run(&q, hole, end, end, (end - hole) / q.width,
				 IQEI_NONE, 0);

		q.iqa = (q.iqa & 0xfff) | HOLE_GPA;
		queue_expect_run(&q, 16 * q.width, 0, 16 * q.width, 0,
				 IQEI_FETCH, STOPPED);
		/* Beyond the guest's address width, where memory happens to be */
		for (unsigned int bit = HAW; bit < 64; bit++) {
			q.iqa = (q.iqa & 0xfff) | QUEUE_GPA | 1ULL << bit;
			queue_expect_run(&q, 0, q.width, 0, 0, IQEI_FETCH,
					 STOPPED);
		}
	}
}

/* A queue that the guest's processor could not even write */
static void queue_in_rom(struct kunit *test)
{
	struct queue q = queue_make(test, 0, false);

	bench_entry(q.b, ROM_GPA, 0)[0] = NOP;
	q.iqa = ROM_GPA;
	queue_expect_run(&q, 0, 16, 16, 1, IQEI_NONE, 0);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE(queue_empty),
	KUNIT_CASE(queue_wraps_around),
	KUNIT_CASE(queue_ends_at_the_tail),
	KUNIT_CASE(queue_types_by_width),
	KUNIT_CASE(queue_stops_at_bad_descriptors),
	KUNIT_CASE(queue_stops_at_reserved_quadwords),
	KUNIT_CASE(queue_resumes_after_repair),
	KUNIT_CASE(queue_in_bad_memory),
	KUNIT_CASE(queue_in_rom),
	KUNIT_CASE(queue_counts_descriptors),
	{},
};

static struct kunit_suite queue_suite = {
	.name = "vtd_shadow_queue",
	.init = queue_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);
