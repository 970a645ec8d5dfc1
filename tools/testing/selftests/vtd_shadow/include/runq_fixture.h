/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with an invalidation queue of its own, in descriptors of either width: the
 * fixture of the programs runq*_test.
 */
#ifndef VTDS_RUNQ_FIXTURE_H
#define VTDS_RUNQ_FIXTURE_H

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* Memory that the VMM gives and takes */
#define SPARE_GPA 0x400000000ULL

FIXTURE(runq)
{
	struct vtds_fixture f;
	struct vtds_queue *queue;
	struct vtds_dev *dev;
	__u64 page;
	__u64 status_gpa;
	volatile __u32 *status;
};

FIXTURE_VARIANT(runq)
{
	bool wide;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(runq, narrow)
{
	.wide = false,
};

FIXTURE_VARIANT_ADD(runq, wide)
{
	.wide = true,
};

/* clang-format on */

FIXTURE_SETUP(runq)
{
	OPEN_FIXTURE(.nvme = 1, .scalable = variant->wide, .queue = true);
	self->queue = &self->f.queue;
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
	self->status_gpa = vtds_page(&self->f.guest);
	self->status = vtds_hva(&self->f.guest, self->status_gpa);
}

FIXTURE_TEARDOWN(runq)
{
	vtds_fixture_close(&self->f);
}

/* The guest writes descriptors, the last one's end is the tail */
#define PUT(...)                                                              \
	do {                                                                  \
		for (unsigned int _i = 0; _i < NR_DESCS(__VA_ARGS__); _i++)   \
			vtds_queue_put(self->queue, &DESCS(__VA_ARGS__)[_i]); \
	} while (0)

/* The VMM runs the queue: what it came to */
#define RUN(_done, _iqei, _status)                                             \
	do {                                                                   \
		struct vtd_shadow_run_queue _r;                                \
		ASSERT_EQ(0, vtds_queue_run(&self->f.unit, self->queue, &_r)); \
		EXPECT_EQ((unsigned int)(_done), _r.done);                     \
		EXPECT_EQ((unsigned int)(_iqei), _r.iqei);                     \
		EXPECT_EQ((unsigned int)(_status), _r.status);                 \
	} while (0)

#define NONE VTD_SHADOW_IQEI_NONE
#define INVALID_TAIL VTD_SHADOW_IQEI_INVALID_TAIL
#define FETCH_FAILED VTD_SHADOW_IQEI_FETCH_FAILED
#define INVALID_TYPE VTD_SHADOW_IQEI_INVALID_TYPE
#define RESERVED_FIELD VTD_SHADOW_IQEI_RESERVED_FIELD
#define INVALID_WIDTH VTD_SHADOW_IQEI_INVALID_WIDTH
#define UNALIGNED_TAIL VTD_SHADOW_IQEI_UNALIGNED_TAIL
#define INVALID_MODE VTD_SHADOW_IQEI_INVALID_MODE
#define STOPPED VTD_SHADOW_QUEUE_STOPPED
#define INTERRUPT VTD_SHADOW_QUEUE_INTERRUPT

#endif /* VTDS_RUNQ_FIXTURE_H */
