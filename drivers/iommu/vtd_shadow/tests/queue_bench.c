// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills queues of the guest, has the driver run them, and checks how far it came.
 */
#include "../batch.h"
#include "../caps.h"
#include "../flush.h"
#include "../queue.h"
#include "../unit.h"
#include "queue_bench.h"

/* 2^@qs pages */
struct queue queue_make(struct kunit *test, unsigned int qs, bool wide)
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

void queue_put(struct queue *q, u64 offset, u64 lo, u64 hi)
{
	u64 *desc = bench_entry(q->b, QUEUE_GPA + (offset & ~0xfffULL),
				offset % 0x1000 / 8);

	memset(desc, 0, q->width);
	desc[0] = lo;
	desc[1] = hi;
}

void queue_fill(struct queue *q, u64 lo)
{
	for (u64 at = 0; at < q->size; at += q->width)
		queue_put(q, at, lo, 0);
}

struct vtd_shadow_run_queue queue_run_with(struct queue *q, u64 iqa, u64 head,
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

	bench_batch_begin(unit, &batch);
	ret = vtds_queue_run_guest(&batch, &cmd);
	bench_batch_end(&batch);
	KUNIT_EXPECT_EQ_MSG(q->b->test, ret, expected, "head %llx tail %llx",
			    head, tail);
	return cmd;
}

/* What it comes to: head, number done, error and status */
void queue_expect_run(struct queue *q, u64 head, u64 tail, u64 new_head,
		      u32 done, u32 iqei, u32 status)
{
	struct vtd_shadow_run_queue cmd =
		queue_run_with(q, q->iqa, head, tail, 0);
	struct kunit *test = q->b->test;

	KUNIT_EXPECT_EQ_MSG(test, cmd.head, new_head, "%llx to %llx", head,
			    tail);
	KUNIT_EXPECT_EQ_MSG(test, cmd.done, done, "%llx to %llx", head, tail);
	KUNIT_EXPECT_EQ_MSG(test, cmd.iqei, iqei, "%llx to %llx", head, tail);
	KUNIT_EXPECT_EQ_MSG(test, cmd.status, status, "%llx to %llx", head,
			    tail);
	KUNIT_EXPECT_EQ(test, cmd.tail, tail);
}

u32 *queue_status_word(struct bench *b)
{
	return (u32 *)bench_entry(b, STATUS_GPA, 0);
}

int queue_init(struct kunit *test)
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
