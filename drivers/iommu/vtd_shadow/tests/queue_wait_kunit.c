// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of queue.c: wait descriptors, their status and interrupt, and what has
 * happened on the host by then.
 */
#include "queue_bench.h"

/* --- Wait descriptors --- */

static void queue_status_write(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = queue_make(test, 0, wide);
		u32 *page = queue_status_word(q.b);

		for (unsigned int i = 0; i < 1024; i += 31) {
			memset(page, 0x5a, SZ_PAGE);
			queue_put(&q, 0, WAIT_STATUS(0x89abcdef),
				  STATUS_GPA + 4 * i);
			queue_expect_run(&q, 0, q.width, q.width, 1, IQEI_NONE,
					 0);
			KUNIT_EXPECT_EQ(test, page[i], 0x89abcdef);
			/* Four bytes, no more */
			page[i] = 0x5a5a5a5a;
			KUNIT_EXPECT_NULL(test,
					  memchr_inv(page, 0x5a, SZ_PAGE));
		}
	}
}

static void queue_interrupt(struct kunit *test)
{
	struct queue q = queue_make(test, 0, false);

	*queue_status_word(q.b) = 0;
	queue_put(&q, 0, NOP, 0);
	queue_put(&q, 16, WAIT_FENCE, STATUS_GPA);
	queue_put(&q, 32, WAIT_INTERRUPT, STATUS_GPA);
	queue_put(&q, 48, NOP, 0);
	queue_put(&q, 64, BAD_FIELD, 0);
	/* A fence alone asks for nothing more */
	queue_expect_run(&q, 0, 32, 32, 2, IQEI_NONE, 0);
	queue_expect_run(&q, 0, 48, 48, 3, IQEI_NONE, INTERRUPT);
	queue_expect_run(&q, 48, 64, 64, 1, IQEI_NONE, 0);
	/* Both: it was completed, and the queue stopped later */
	queue_expect_run(&q, 0, 80, 64, 4, IQEI_RESERVED, INTERRUPT | STOPPED);
	KUNIT_EXPECT_EQ(test, *queue_status_word(q.b), 0);
	/* Interrupt, status and fence in one */
	queue_put(&q, 0, WAIT_STATUS(7) | WAIT_INTERRUPT | WAIT_FENCE,
		  STATUS_GPA);
	queue_expect_run(&q, 0, 16, 16, 1, IQEI_NONE, INTERRUPT);
	KUNIT_EXPECT_EQ(test, *queue_status_word(q.b), 7);
}

/* A status that cannot be written stops the queue at its descriptor. */
static void queue_status_in_bad_memory(struct kunit *test)
{
	static const u64 bad[] = { HOLE_GPA, ROM_GPA, STATUS_GPA | 1ULL << HAW,
				   STATUS_GPA | 1ULL << 63 };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct queue q = queue_make(test, 0, false);

		queue_fill(&q, NOP);
		queue_put(&q, 32, WAIT_STATUS(2) | WAIT_INTERRUPT, bad[i]);
		queue_expect_run(&q, 0, 64, 32, 2, IQEI_NONE, STOPPED);
		/* Without a status the address does not matter */
		queue_put(&q, 32, WAIT_INTERRUPT, bad[i]);
		queue_expect_run(&q, 32, 64, 64, 2, IQEI_NONE, INTERRUPT);
	}
}

/* --- Order --- */

static const struct bench_config order_config = { 3,	 39,  HAW,
						  false, 0xe, FAKE_HOST_INTEL };

/* The call of the host that did @op, or -1 */
static int find_call(struct bench *b, enum fake_op op)
{
	for (unsigned int i = 0; i < b->host.nr_calls; i++)
		if (b->host.calls[i].op == op)
			return i;
	return -1;
}

/*
 * The guest revokes, waits, and something that follows maps. The status is old
 * when the host revokes and flushes, and new when it maps.
 */
static void queue_status_after_revocation(struct kunit *test)
{
	struct queue q = queue_make(test, 0, false);
	int unmap, flush, map, maps;
	struct bench *b = q.b;
	u64 *leaves;

	bench_domain(b, &order_config, TABLE_GPA);
	*bench_entry(b, TABLE_GPA, 0) = (TABLE_GPA + 0x2000) | SS_RW;
	*bench_entry(b, TABLE_GPA + 0x2000, 0) = LEAVES_GPA | SS_RW;
	leaves = bench_entry(b, LEAVES_GPA, 0);
	leaves[0] = DATA_GPA | SS_RW;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 1);

	leaves[0] = 0;
	leaves[300] = DATA_GPA | SS_RW;
	*queue_status_word(b) = 1;
	b->host.watch = queue_status_word(b);
	fake_host_step(&b->host);
	/* The wait alone is what makes the flush happen there */
	queue_put(&q, 0, FLUSH_ALL, 0);
	queue_put(&q, 16, WAIT_STATUS(2), STATUS_GPA);
	queue_put(&q, 32, WAIT_STATUS(3), STATUS_GPA);
	queue_expect_run(&q, 0, 16, 16, 1, IQEI_NONE, 0);
	KUNIT_EXPECT_EQ(test, b->host.nr_stale, 0);

	leaves[300] = 0;
	fake_host_step(&b->host);
	queue_expect_run(&q, 0, 32, 32, 2, IQEI_NONE, 0);
	unmap = find_call(b, FAKE_UNMAP);
	flush = find_call(b, FAKE_SYNC);
	KUNIT_ASSERT_GE(test, unmap, 0);
	KUNIT_ASSERT_GT(test, flush, unmap);
	KUNIT_EXPECT_EQ(test, b->host.calls[unmap].watched, 1);
	KUNIT_EXPECT_EQ(test, b->host.calls[flush].watched, 1);
	KUNIT_EXPECT_EQ(test, *queue_status_word(b), 2);

	/* What follows a wait begins after its status */
	leaves[5] = DATA_GPA | SS_RW;
	fake_host_step(&b->host);
	queue_put(&q, 0, WAIT_STATUS(4), STATUS_GPA);
	queue_put(&q, 16, FLUSH_ALL, 0);
	queue_expect_run(&q, 0, 48, 48, 3, IQEI_NONE, 0);
	map = find_call(b, FAKE_MAP);
	KUNIT_ASSERT_GE(test, map, 0);
	KUNIT_EXPECT_EQ(test, b->host.calls[map].watched, 4);
	KUNIT_EXPECT_EQ(test, *queue_status_word(b), 3);

	/* A queue that stops leaves undone what comes later */
	leaves[6] = DATA_GPA | SS_RW;
	queue_put(&q, 0, BAD_TYPE, 0);
	maps = b->host.nr_maps;
	queue_expect_run(&q, 0, 48, 0, 0, IQEI_TYPE, STOPPED);
	KUNIT_EXPECT_EQ(test, b->host.nr_maps, maps);
	b->host.watch = NULL;
}

/*
 * Another call has collected as much as there is room for, and waits for memory. This one
 * does not wait for it, and leaves the other one what it wants.
 */
static void queue_room_is_taken(struct kunit *test)
{
	const u64 other = U64_MAX - 1;
	struct queue q = queue_make(test, 0, false);
	struct bench *b = q.b;
	bool resumed;
	u64 *leaves;

	bench_domain(b, &order_config, TABLE_GPA);
	*bench_entry(b, TABLE_GPA, 0) = (TABLE_GPA + 0x2000) | SS_RW;
	*bench_entry(b, TABLE_GPA + 0x2000, 0) = LEAVES_GPA | SS_RW;
	leaves = bench_entry(b, LEAVES_GPA, 0);
	leaves[0] = DATA_GPA | SS_RW;
	leaves[1] = DATA_GPA | SS_RW;
	bench_sync_full(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 2);

	for (u64 i = 1; !vtds_todo_is_full(&b->domain.todo); i++)
		vtds_todo_add(&b->domain.todo, other, i * SZ_1G,
			      i * SZ_1G + SZ_PAGE - 1);
	leaves[0] = 0;
	leaves[1] = 0;
	queue_put(&q, 0, FLUSH_PAGE, 0);
	queue_put(&q, 16, FLUSH_PAGE, SZ_PAGE);
	queue_put(&q, 32, WAIT_INTERRUPT, 0);
	queue_expect_run(&q, 0, 48, 48, 3, IQEI_NONE, INTERRUPT);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	KUNIT_EXPECT_TRUE(test, vtds_todo_is_full(&b->domain.todo));
	while (vtds_todo_has(&b->domain.todo, other))
		vtds_todo_take(&b->domain.todo, other, &resumed);
	KUNIT_EXPECT_EQ(test, b->domain.todo.count, 0);
}

static struct kunit_case queue_wait_cases[] = {
	KUNIT_CASE(queue_status_write),
	KUNIT_CASE(queue_interrupt),
	KUNIT_CASE(queue_status_in_bad_memory),
	KUNIT_CASE(queue_status_after_revocation),
	KUNIT_CASE(queue_room_is_taken),
	{},
};

static struct kunit_suite queue_wait_suite = {
	.name = "vtd_shadow_queue_wait",
	.init = queue_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = queue_wait_cases,
};

kunit_test_suite(queue_wait_suite);
