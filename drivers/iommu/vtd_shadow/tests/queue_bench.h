/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's own invalidation queue in fake memory, for the unit tests of queue.c.
 */
#ifndef VTDS_QUEUE_BENCH_H
#define VTDS_QUEUE_BENCH_H

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
/* In all domains */
#define FLUSH_PAGE 0x32ULL
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

struct queue queue_make(struct kunit *test, unsigned int qs, bool wide);
void queue_put(struct queue *q, u64 offset, u64 lo, u64 hi);
void queue_fill(struct queue *q, u64 lo);
struct vtd_shadow_run_queue queue_run_with(struct queue *q, u64 iqa, u64 head,
					   u64 tail, int expected);
void queue_expect_run(struct queue *q, u64 head, u64 tail, u64 new_head,
		      u32 done, u32 iqei, u32 status);
u32 *queue_status_word(struct bench *b);
int queue_init(struct kunit *test);

#endif /* VTDS_QUEUE_BENCH_H */
