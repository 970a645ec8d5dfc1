// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of queue.c: head, tail, width and mode that make no sense.
 */
#include "../unit.h"
#include "queue_bench.h"

static void queue_bad_head(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = queue_make(test, 0, wide);

		queue_fill(&q, NOP);
		for (unsigned int bit = 0; bit < 64; bit++) {
			u64 head = 1ULL << bit;

			if (!(head % q.width) && head < q.size)
				continue;
			queue_run_with(&q, q.iqa, head, 0, -EINVAL);
			/* Not even if there is nothing to do */
			queue_run_with(&q, q.iqa, head, head, -EINVAL);
		}
		queue_run_with(&q, q.iqa, q.size, 0, -EINVAL);
		queue_run_with(&q, q.iqa, U64_MAX, 0, -EINVAL);
	}
}

static void queue_bad_tail(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = queue_make(test, 0, wide);

		queue_fill(&q, NOP);
		for (unsigned int bit = 0; bit < 64; bit++) {
			u64 tail = 1ULL << bit;

			if (tail % 16 || tail >= q.size)
				queue_expect_run(&q, q.width, tail, q.width, 0,
						 IQEI_TAIL, STOPPED);
			else if (tail % q.width)
				queue_expect_run(&q, q.width, tail, q.width, 0,
						 IQEI_UNALIGNED, STOPPED);
		}
		queue_expect_run(&q, 0, q.size, 0, 0, IQEI_TAIL, STOPPED);
		queue_expect_run(&q, 0, U64_MAX, 0, 0, IQEI_TAIL, STOPPED);
	}
}

/* Between two descriptors of 256 bits, anywhere; behind the end is another error */
static void queue_unaligned_tail(struct kunit *test)
{
	struct queue q = queue_make(test, 0, true);

	queue_fill(&q, NOP);
	for (u64 tail = 16; tail < q.size; tail += 32)
		queue_expect_run(&q, 0, tail, 0, 0, IQEI_UNALIGNED, STOPPED);
	queue_expect_run(&q, 0, q.size + 16, 0, 0, IQEI_TAIL, STOPPED);
	queue_expect_run(&q, 0, 24, 0, 0, IQEI_TAIL, STOPPED);
	/* Descriptors of 128 bits may end there */
	q = queue_make(test, 0, false);
	queue_fill(&q, NOP);
	queue_expect_run(&q, 0, 16, 16, 1, IQEI_NONE, 0);
}

/* RTADDR_REG.TTM has a value that is reserved, or not offered: whatever translates now */
static void queue_bad_mode(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++)
		for (unsigned int ttm = 0; ttm < 4; ttm++) {
			struct queue q = queue_make(test, 0, wide);
			bool good = !ttm || (ttm == 1 && wide);

			queue_fill(&q, NOP);
			q.b->unit->rtaddr = TTM(ttm);
			queue_expect_run(&q, 0, 64, good ? 64 : 0,
					 good ? 64 / q.width : 0,
					 good ? IQEI_NONE : IQEI_MODE,
					 good ? 0 : STOPPED);
			q.b->unit->te = !q.b->unit->te;
		}
}

/*
 * Descriptors of 128 bits with tables of scalable mode: an error on hardware. Linux
 * before 5.0 sends them all the same, after kexec from a kernel that used these tables,
 * until it has latched its own. They do nothing that those of 256 bits do not do.
 */
static void queue_narrow_in_scalable_mode(struct kunit *test)
{
	struct queue q = queue_make(test, 0, false);

	q.b->unit->caps.scalable = true;
	q.b->unit->rtaddr = TTM(1);
	queue_fill(&q, NOP);
	queue_expect_run(&q, 0, 64, 64, 4, IQEI_NONE, 0);
}

/* 256 bits without scalable mode */
static void queue_bad_width(struct kunit *test)
{
	struct queue q = queue_make(test, 0, true);

	queue_fill(&q, NOP);
	queue_expect_run(&q, 0, 64, 64, 2, IQEI_NONE, 0);
	q.b->unit->caps.scalable = false;
	q.b->unit->rtaddr = TTM(0);
	queue_expect_run(&q, 64, 128, 64, 0, IQEI_WIDTH, STOPPED);
	queue_expect_run(&q, 64, 64, 64, 0, IQEI_WIDTH, STOPPED);
}

static struct kunit_case queue_register_cases[] = {
	KUNIT_CASE(queue_bad_head),
	KUNIT_CASE(queue_bad_tail),
	KUNIT_CASE(queue_unaligned_tail),
	KUNIT_CASE(queue_bad_mode),
	KUNIT_CASE(queue_narrow_in_scalable_mode),
	KUNIT_CASE(queue_bad_width),
	{},
};

static struct kunit_suite queue_register_suite = {
	.name = "vtd_shadow_queue_register",
	.init = queue_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = queue_register_cases,
};

kunit_test_suite(queue_register_suite);
