// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of queue.c: the guest's own invalidation queue, in fake memory. Where
 * it goes on, where it stops and why, and when status is written.
 */
#include "bench.h"

/* Guest memory: a chunk for tables and status, then the queue */
#define TABLE_GPA 0x10000ULL
#define LEAVES_GPA 0x11000ULL
#define STATUS_GPA 0x20000ULL
#define DATA_GPA 0x100000ULL
#define QUEUE_GPA 0x200000ULL
#define ROM_GPA 0x400000ULL
#define HOLE_GPA 0x8000000ULL
#define HAW 39

enum {
	IQEI_NONE = 0,
	IQEI_TAIL = 1,
	IQEI_FETCH = 2,
	IQEI_TYPE = 3,
	IQEI_RESERVED = 4,
	IQEI_WIDTH = 5,
	IQEI_UNALIGNED = 6,
	IQEI_MODE = 7,
};

enum {
	STOPPED = 1,
	INTERRUPT = 2,
};

/* IQA_REG: descriptors of 256 bits */
#define DW BIT_ULL(11)
/* RTADDR_REG: 0 for tables of legacy mode, 1 for those of scalable mode */
#define TTM(ttm) ((u64)(ttm) << 10)

/* Descriptors: an interrupt entry cache flush does nothing here */
#define NOP 0x4ULL
#define FLUSH_ALL 0x12ULL
#define WAIT_STATUS(data) (0x25ULL | (u64)(data) << 32)
#define WAIT_INTERRUPT 0x15ULL
#define WAIT_FENCE 0x45ULL
#define BAD_TYPE 0x9ULL
#define BAD_FIELD (NOP | BIT_ULL(63))

/**
 * struct queue - A queue of the guest
 * @b: The bench
 * @iqa: IQA_REG
 * @size: Bytes of it
 * @width: Bytes of a descriptor
 */
struct queue {
	struct bench *b;
	u64 iqa;
	u64 size;
	unsigned int width;
};

/* 2^@qs pages */
static struct queue make_queue(struct kunit *test, unsigned int qs, bool wide)
{
	struct bench *b = test->priv;

	b->unit->rtaddr = wide ? TTM(1) : TTM(0);
	b->unit->caps = (struct vtds_caps){
		.levels = 0x8,
		.leaf_levels = 0xe,
		.mgaw = 39,
		.haw = HAW,
		.mamv = 63,
		.scalable = wide,
	};
	return (struct queue){
		.b = b,
		.iqa = QUEUE_GPA | (wide ? DW : 0) | qs,
		.size = 0x1000ULL << qs,
		.width = wide ? 32 : 16,
	};
}

static void put(struct queue *q, u64 offset, u64 lo, u64 hi)
{
	u64 *desc = bench_entry(q->b, QUEUE_GPA + (offset & ~0xfffULL),
				offset % 0x1000 / 8);

	memset(desc, 0, q->width);
	desc[0] = lo;
	desc[1] = hi;
}

static void fill(struct queue *q, u64 lo)
{
	for (u64 at = 0; at < q->size; at += q->width)
		put(q, at, lo, 0);
}

static struct vtd_shadow_run_queue run_with(struct queue *q, u64 iqa, u64 head,
					    u64 tail, int expected)
{
	struct vtd_shadow_run_queue cmd = {
		.iqa = iqa,
		.head = head,
		.tail = tail,
		/* Outputs: whatever was there */
		.done = 0xa5a5,
		.iqei = 0xa5a5,
		.status = 0xa5a5,
	};
	struct vtds_unit *unit = q->b->unit;
	struct vtds_batch batch;
	int ret;

	mutex_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	ret = vtds_queue_run_guest(&batch, &cmd);
	vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	KUNIT_EXPECT_EQ_MSG(q->b->test, ret, expected, "head %llx tail %llx",
			    head, tail);
	return cmd;
}

/* What it comes to: head, number done, error and status */
static void expect_run(struct queue *q, u64 head, u64 tail, u64 new_head,
		       u32 done, u32 iqei, u32 status)
{
	struct vtd_shadow_run_queue cmd = run_with(q, q->iqa, head, tail, 0);
	struct kunit *test = q->b->test;

	KUNIT_EXPECT_EQ_MSG(test, cmd.head, new_head, "%llx to %llx", head,
			    tail);
	KUNIT_EXPECT_EQ_MSG(test, cmd.done, done, "%llx to %llx", head, tail);
	KUNIT_EXPECT_EQ_MSG(test, cmd.iqei, iqei, "%llx to %llx", head, tail);
	KUNIT_EXPECT_EQ_MSG(test, cmd.status, status, "%llx to %llx", head,
			    tail);
	KUNIT_EXPECT_EQ(test, cmd.tail, tail);
}

static u32 *status_word(struct bench *b)
{
	return (u32 *)bench_entry(b, STATUS_GPA, 0);
}

/* --- Where it goes on --- */

static void queue_empty(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = make_queue(test, 1, wide);

		fill(&q, BAD_TYPE);
		for (u64 at = 0; at < q.size; at += q.width)
			expect_run(&q, at, at, at, 0, IQEI_NONE, 0);
	}
}

/* Every size in both widths: all but one entry, and around the end */
static void queue_wraps_around(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++)
		for (unsigned int qs = 0; qs < 8; qs++) {
			struct queue q = make_queue(test, qs, wide);
			u64 end = q.size - q.width;
			/* 2^(QS+8) entries, or 2^(QS+7) of the double size */
			u32 entries = 256U << qs >> wide;

			fill(&q, NOP);
			expect_run(&q, 0, end, end, entries - 1, IQEI_NONE, 0);
			expect_run(&q, end, 0, 0, 1, IQEI_NONE, 0);
			expect_run(&q, end - 2 * q.width, 3 * q.width,
				   3 * q.width, 6, IQEI_NONE, 0);
			expect_run(&q, q.width, 0, 0, entries - 1, IQEI_NONE,
				   0);
		}
}

/* What stands behind the tail is not looked at. */
static void queue_ends_at_the_tail(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = make_queue(test, 0, wide);

		fill(&q, BAD_TYPE);
		for (unsigned int i = 0; i < 5; i++)
			put(&q, i * q.width, NOP, 0);
		expect_run(&q, 0, 5 * q.width, 5 * q.width, 5, IQEI_NONE, 0);
	}
}

/* The types of scalable mode, there, in legacy mode, and in a queue of 128 bits */
static void queue_types_by_width(struct kunit *test)
{
	static const u64 wide_only[] = { 0x26, 0x36, 0x07, 0x17, 0x37, 0x08 };

	for (unsigned int i = 0; i < ARRAY_SIZE(wide_only); i++) {
		struct queue q = make_queue(test, 0, true);

		put(&q, 0, wide_only[i], 0);
		expect_run(&q, 0, q.width, q.width, 1, IQEI_NONE, 0);
		/* With tables of legacy mode */
		q.b->unit->rtaddr = TTM(0);
		expect_run(&q, 0, q.width, 0, 0, IQEI_TYPE, STOPPED);
		q = make_queue(test, 0, false);
		q.b->unit->caps.scalable = true;
		q.b->unit->rtaddr = TTM(1);
		put(&q, 0, wide_only[i], 0);
		expect_run(&q, 0, q.width, 0, 0, IQEI_TYPE, STOPPED);
	}
}

/* --- Where it stops --- */

static void check_stop(struct kunit *test, bool wide, u64 lo, u32 iqei)
{
	struct queue q = make_queue(test, 1, wide);
	u64 end = q.size - q.width;

	fill(&q, NOP);
	/* At the first, at the last, behind the end, and a page later */
	put(&q, 0, lo, 0);
	expect_run(&q, 0, end, 0, 0, iqei, STOPPED);
	expect_run(&q, end - q.width, q.width, 0, 2, iqei, STOPPED);
	fill(&q, NOP);
	put(&q, end, lo, 0);
	expect_run(&q, 0, end, end, end / q.width, IQEI_NONE, 0);
	expect_run(&q, 0x1000, 0, end, 0x1000 / q.width - 1, iqei, STOPPED);
	fill(&q, NOP);
	put(&q, 0x1000, lo, 0);
	expect_run(&q, 0, end, 0x1000, 0x1000 / q.width, iqei, STOPPED);
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
		struct queue q = make_queue(test, 0, true);

		fill(&q, NOP);
		bench_entry(q.b, QUEUE_GPA, 4)[qword] = BIT_ULL(40);
		expect_run(&q, 0, 5 * q.width, q.width, 1, IQEI_RESERVED,
			   STOPPED);
	}
}

/* Linux puts the wait over the bad one, clears the error, and does no more. */
static void queue_resumes_after_repair(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = make_queue(test, 0, wide);
		u64 wait = 2 * q.width, tail = 3 * q.width;

		*status_word(q.b) = 0;
		fill(&q, NOP);
		put(&q, q.width, BAD_FIELD, 0);
		put(&q, wait, WAIT_STATUS(2), STATUS_GPA);
		expect_run(&q, 0, tail, q.width, 1, IQEI_RESERVED, STOPPED);
		KUNIT_EXPECT_EQ(test, *status_word(q.b), 0);
		/* Nothing is repaired yet */
		expect_run(&q, q.width, tail, q.width, 0, IQEI_RESERVED,
			   STOPPED);
		put(&q, q.width, WAIT_STATUS(2), STATUS_GPA);
		expect_run(&q, q.width, tail, tail, 2, IQEI_NONE, 0);
		KUNIT_EXPECT_EQ(test, *status_word(q.b), 2);
	}
}

/* As iommufd takes memory away: the engine gives up its pins */
static void take_away(struct bench *b, u64 first, u64 size)
{
	fake_mem_remove(&b->mem, first, first + size - 1);
	vtds_unit_memory_gone(b->unit, first, size);
}

/* The queue runs off into nowhere. */
static void queue_in_bad_memory(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = make_queue(test, 2, wide);
		u64 hole = 0x2000, end = q.size - q.width;

		fill(&q, NOP);
		take_away(q.b, QUEUE_GPA + hole, SZ_PAGE);
		expect_run(&q, 0, end, hole, hole / q.width, IQEI_FETCH,
			   STOPPED);
		expect_run(&q, hole, end, hole, 0, IQEI_FETCH, STOPPED);
		/* What is not run does not matter */
		expect_run(&q, 0, hole, hole, hole / q.width, IQEI_NONE, 0);
		expect_run(&q, hole + 0x1000, 0, 0, 0x1000 / q.width, IQEI_NONE,
			   0);
		fake_mem_restore(&q.b->mem);
		expect_run(&q, hole, end, end, (end - hole) / q.width,
			   IQEI_NONE, 0);

		q.iqa = (q.iqa & 0xfff) | HOLE_GPA;
		expect_run(&q, 16 * q.width, 0, 16 * q.width, 0, IQEI_FETCH,
			   STOPPED);
		/* Beyond the guest's address width, where memory happens to be */
		for (unsigned int bit = HAW; bit < 64; bit++) {
			q.iqa = (q.iqa & 0xfff) | QUEUE_GPA | 1ULL << bit;
			expect_run(&q, 0, q.width, 0, 0, IQEI_FETCH, STOPPED);
		}
	}
}

/* A queue that the guest's processor could not even write */
static void queue_in_rom(struct kunit *test)
{
	struct queue q = make_queue(test, 0, false);

	bench_entry(q.b, ROM_GPA, 0)[0] = NOP;
	q.iqa = ROM_GPA;
	expect_run(&q, 0, 16, 16, 1, IQEI_NONE, 0);
}

/* --- Registers that make no sense --- */

static void queue_bad_head(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = make_queue(test, 0, wide);

		fill(&q, NOP);
		for (unsigned int bit = 0; bit < 64; bit++) {
			u64 head = 1ULL << bit;

			if (!(head % q.width) && head < q.size)
				continue;
			run_with(&q, q.iqa, head, 0, -EINVAL);
			/* Not even if there is nothing to do */
			run_with(&q, q.iqa, head, head, -EINVAL);
		}
		run_with(&q, q.iqa, q.size, 0, -EINVAL);
		run_with(&q, q.iqa, U64_MAX, 0, -EINVAL);
	}
}

static void queue_bad_tail(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = make_queue(test, 0, wide);

		fill(&q, NOP);
		for (unsigned int bit = 0; bit < 64; bit++) {
			u64 tail = 1ULL << bit;

			if (tail % 16 || tail >= q.size)
				expect_run(&q, q.width, tail, q.width, 0,
					   IQEI_TAIL, STOPPED);
			else if (tail % q.width)
				expect_run(&q, q.width, tail, q.width, 0,
					   IQEI_UNALIGNED, STOPPED);
		}
		expect_run(&q, 0, q.size, 0, 0, IQEI_TAIL, STOPPED);
		expect_run(&q, 0, U64_MAX, 0, 0, IQEI_TAIL, STOPPED);
	}
}

/* Between two descriptors of 256 bits, anywhere; behind the end is another error */
static void queue_unaligned_tail(struct kunit *test)
{
	struct queue q = make_queue(test, 0, true);

	fill(&q, NOP);
	for (u64 tail = 16; tail < q.size; tail += 32)
		expect_run(&q, 0, tail, 0, 0, IQEI_UNALIGNED, STOPPED);
	expect_run(&q, 0, q.size + 16, 0, 0, IQEI_TAIL, STOPPED);
	expect_run(&q, 0, 24, 0, 0, IQEI_TAIL, STOPPED);
	/* Descriptors of 128 bits may end there */
	q = make_queue(test, 0, false);
	fill(&q, NOP);
	expect_run(&q, 0, 16, 16, 1, IQEI_NONE, 0);
}

/* RTADDR_REG.TTM has a value that is reserved, or not offered: whatever translates now */
static void queue_bad_mode(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++)
		for (unsigned int ttm = 0; ttm < 4; ttm++) {
			struct queue q = make_queue(test, 0, wide);
			bool good = !ttm || (ttm == 1 && wide);

			fill(&q, NOP);
			q.b->unit->rtaddr = TTM(ttm);
			expect_run(&q, 0, 64, good ? 64 : 0,
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
	struct queue q = make_queue(test, 0, false);

	q.b->unit->caps.scalable = true;
	q.b->unit->rtaddr = TTM(1);
	fill(&q, NOP);
	expect_run(&q, 0, 64, 64, 4, IQEI_NONE, 0);
}

/* 256 bits without scalable mode */
static void queue_bad_width(struct kunit *test)
{
	struct queue q = make_queue(test, 0, true);

	fill(&q, NOP);
	expect_run(&q, 0, 64, 64, 2, IQEI_NONE, 0);
	q.b->unit->caps.scalable = false;
	q.b->unit->rtaddr = TTM(0);
	expect_run(&q, 64, 128, 64, 0, IQEI_WIDTH, STOPPED);
	expect_run(&q, 64, 64, 64, 0, IQEI_WIDTH, STOPPED);
}

/* --- Wait descriptors --- */

static void queue_status_write(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		struct queue q = make_queue(test, 0, wide);
		u32 *page = status_word(q.b);

		for (unsigned int i = 0; i < 1024; i += 31) {
			memset(page, 0x5a, SZ_PAGE);
			put(&q, 0, WAIT_STATUS(0x89abcdef), STATUS_GPA + 4 * i);
			expect_run(&q, 0, q.width, q.width, 1, IQEI_NONE, 0);
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
	struct queue q = make_queue(test, 0, false);

	*status_word(q.b) = 0;
	put(&q, 0, NOP, 0);
	put(&q, 16, WAIT_FENCE, STATUS_GPA);
	put(&q, 32, WAIT_INTERRUPT, STATUS_GPA);
	put(&q, 48, NOP, 0);
	put(&q, 64, BAD_FIELD, 0);
	/* A fence alone asks for nothing more */
	expect_run(&q, 0, 32, 32, 2, IQEI_NONE, 0);
	expect_run(&q, 0, 48, 48, 3, IQEI_NONE, INTERRUPT);
	expect_run(&q, 48, 64, 64, 1, IQEI_NONE, 0);
	/* Both: it was completed, and the queue stopped later */
	expect_run(&q, 0, 80, 64, 4, IQEI_RESERVED, INTERRUPT | STOPPED);
	KUNIT_EXPECT_EQ(test, *status_word(q.b), 0);
	/* Interrupt, status and fence in one */
	put(&q, 0, WAIT_STATUS(7) | WAIT_INTERRUPT | WAIT_FENCE, STATUS_GPA);
	expect_run(&q, 0, 16, 16, 1, IQEI_NONE, INTERRUPT);
	KUNIT_EXPECT_EQ(test, *status_word(q.b), 7);
}

/* A status that cannot be written stops the queue at its descriptor. */
static void queue_status_in_bad_memory(struct kunit *test)
{
	static const u64 bad[] = { HOLE_GPA, ROM_GPA, STATUS_GPA | 1ULL << HAW,
				   STATUS_GPA | 1ULL << 63 };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct queue q = make_queue(test, 0, false);

		fill(&q, NOP);
		put(&q, 32, WAIT_STATUS(2) | WAIT_INTERRUPT, bad[i]);
		expect_run(&q, 0, 64, 32, 2, IQEI_NONE, STOPPED);
		/* Without a status the address does not matter */
		put(&q, 32, WAIT_INTERRUPT, bad[i]);
		expect_run(&q, 32, 64, 64, 2, IQEI_NONE, INTERRUPT);
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
	struct queue q = make_queue(test, 0, false);
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
	*status_word(b) = 1;
	b->host.watch = status_word(b);
	fake_host_step(&b->host);
	/* The wait alone is what makes the flush happen there */
	put(&q, 0, FLUSH_ALL, 0);
	put(&q, 16, WAIT_STATUS(2), STATUS_GPA);
	put(&q, 32, WAIT_STATUS(3), STATUS_GPA);
	expect_run(&q, 0, 16, 16, 1, IQEI_NONE, 0);
	KUNIT_EXPECT_EQ(test, b->host.nr_stale, 0);

	leaves[300] = 0;
	fake_host_step(&b->host);
	expect_run(&q, 0, 32, 32, 2, IQEI_NONE, 0);
	unmap = find_call(b, FAKE_UNMAP);
	flush = find_call(b, FAKE_SYNC);
	KUNIT_ASSERT_GE(test, unmap, 0);
	KUNIT_ASSERT_GT(test, flush, unmap);
	KUNIT_EXPECT_EQ(test, b->host.calls[unmap].watched, 1);
	KUNIT_EXPECT_EQ(test, b->host.calls[flush].watched, 1);
	KUNIT_EXPECT_EQ(test, *status_word(b), 2);

	/* What follows a wait begins after its status */
	leaves[5] = DATA_GPA | SS_RW;
	fake_host_step(&b->host);
	put(&q, 0, WAIT_STATUS(4), STATUS_GPA);
	put(&q, 16, FLUSH_ALL, 0);
	expect_run(&q, 0, 48, 48, 3, IQEI_NONE, 0);
	map = find_call(b, FAKE_MAP);
	KUNIT_ASSERT_GE(test, map, 0);
	KUNIT_EXPECT_EQ(test, b->host.calls[map].watched, 4);
	KUNIT_EXPECT_EQ(test, *status_word(b), 3);

	/* A queue that stops leaves undone what comes later */
	leaves[6] = DATA_GPA | SS_RW;
	put(&q, 0, BAD_TYPE, 0);
	maps = b->host.nr_maps;
	expect_run(&q, 0, 48, 0, 0, IQEI_TYPE, STOPPED);
	KUNIT_EXPECT_EQ(test, b->host.nr_maps, maps);
	b->host.watch = NULL;
}

/* Everything counts as it does when it comes as an array. */
static void queue_counts_descriptors(struct kunit *test)
{
	struct queue q = make_queue(test, 0, false);
	u64 before = q.b->unit->stats.descriptors;

	fill(&q, NOP);
	put(&q, 160, BAD_TYPE, 0);
	expect_run(&q, 0, 320, 160, 10, IQEI_TYPE, STOPPED);
	KUNIT_EXPECT_EQ(test, q.b->unit->stats.descriptors - before, 10);
}

static int queue_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_TABLES);
	fake_mem_add(&b->mem, QUEUE_GPA, SZ_CHUNK, FAKE_SCATTERED);
	fake_mem_add(&b->mem, ROM_GPA, SZ_CHUNK, FAKE_ROM);
	return 0;
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
	KUNIT_CASE(queue_bad_head),
	KUNIT_CASE(queue_bad_tail),
	KUNIT_CASE(queue_unaligned_tail),
	KUNIT_CASE(queue_bad_mode),
	KUNIT_CASE(queue_narrow_in_scalable_mode),
	KUNIT_CASE(queue_bad_width),
	KUNIT_CASE(queue_status_write),
	KUNIT_CASE(queue_interrupt),
	KUNIT_CASE(queue_status_in_bad_memory),
	KUNIT_CASE(queue_status_after_revocation),
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
