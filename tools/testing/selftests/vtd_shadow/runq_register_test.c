// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the guest's own invalidation queue that make no sense, and descriptors
 * that do in it what they do in an array.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "runq_fixture.h"

/* --- Registers that make no sense --- */

TEST_F(runq, bad_tail)
{
	const __u64 size = SZ_4K << self->queue->qs;
	const __u64 tails[] = { 8, 24, size, size + 64, ~0ULL, 1ULL << 63 };

	for (unsigned int i = 0; i < ARRAY_SIZE(tails); i++) {
		self->queue->tail = tails[i];
		RUN(0, INVALID_TAIL, STOPPED);
		EXPECT_EQ(0ULL, self->queue->head);
	}
	self->queue->tail = 0;
	RUN(0, NONE, 0);
}

/* Between two descriptors of 256 bits: the error has a number of its own */
TEST_F(runq, unaligned_tail)
{
	if (!variant->wide)
		SKIP(return, "every multiple of 16 is good for 128 bits");

	for (__u64 tail = 16; tail < SZ_4K; tail += 96) {
		self->queue->tail = tail;
		RUN(0, UNALIGNED_TAIL, STOPPED);
		EXPECT_EQ(0ULL, self->queue->head);
	}
	self->queue->tail = 0;
	RUN(0, NONE, 0);
}

/* RTADDR_REG has a mode that is reserved, or not offered */
TEST_F(runq, bad_mode)
{
	struct vtds_unit *unit = &self->f.unit;
	const __u64 good = unit->rtaddr;

	for (__u64 mode = 0; mode < 4; mode++) {
		if (mode < 2 && !(mode && !variant->wide))
			continue;
		unit->rtaddr = (good & ~(3ULL << 10)) | mode << 10;
		ASSERT_EQ(0, vtds_set_state(unit));
		PUT(iotlb_global());
		RUN(0, INVALID_MODE, STOPPED);
		self->queue->tail = self->queue->head;
		EXPECT_REACH_BUFFERS(0);
		EXPECT_FAULT(VTD_SHADOW_FR_ROOT_ADDRESS, &self->f.dev[0], 0);
	}
	unit->rtaddr = good;
	ASSERT_EQ(0, vtds_set_state(unit));
	PUT(iotlb_global());
	RUN(1, NONE, 0);
	EXPECT_REACH_BUFFERS(1);
}

TEST_F(runq, bad_head)
{
	const __u64 size = SZ_4K << self->queue->qs;
	const __u64 heads[] = { 8, vtds_queue_width(self->queue) / 2, size,
				~0ULL };
	struct vtd_shadow_run_queue result;

	for (unsigned int i = 0; i < ARRAY_SIZE(heads); i++) {
		self->queue->head = heads[i];
		EXPECT_EQ(-EINVAL,
			  vtds_queue_run(&self->f.unit, self->queue, &result));
		EXPECT_EQ(0U, result.done);
	}
}

/* 256 bits in a unit without scalable mode; 128 bits are for any unit */
TEST_F(runq, width)
{
	if (variant->wide) {
		vtds_queue_init(self->queue, &self->f.guest, 0, false);
		PUT(iotlb_global(), wait_status(self->status_gpa, 2));
		RUN(2, NONE, 0);
		PUT(pc_global());
		RUN(0, INVALID_TYPE, STOPPED);
	} else {
		vtds_queue_init(self->queue, &self->f.guest, 0, true);
		PUT(iotlb_global());
		RUN(0, INVALID_WIDTH, STOPPED);
		EXPECT_EQ(0ULL, self->queue->head);
	}
}

/* Quadwords 2 and 3 of 256 bits, in both ways */
TEST_F(runq, reserved_quadwords)
{
	if (!variant->wide)
		SKIP(return, "a descriptor of 128 bits has none");

	for (unsigned int bit = 128; bit < 256; bit += 9) {
		__u64 desc[4] = { DESC_IOTLB | DESC_G_GLOBAL }, *at;
		struct vtd_shadow_invalidate cmd = {
			.size = sizeof(cmd),
			.descs_uptr = (uintptr_t)desc,
			.nr_descs = 1,
			.desc_size = sizeof(desc),
		};

		at = vtds_queue_at(self->queue, self->queue->tail);
		PUT(iotlb_global());
		at[bit / 64] |= 1ULL << bit % 64;
		RUN(0, RESERVED_FIELD, STOPPED);
		at[bit / 64] = 0;
		RUN(1, NONE, 0);

		desc[bit / 64] |= 1ULL << bit % 64;
		ASSERT_EQ(0,
			  ioctl(self->f.unit.fd, VTD_SHADOW_INVALIDATE, &cmd));
		EXPECT_EQ((unsigned int)VTD_SHADOW_IQEI_RESERVED_FIELD,
			  cmd.iqei);
		EXPECT_EQ(0U, cmd.done);
	}
}

/* --- Compared with an array --- */

/* Every type with every bit: the queue and the array say the same */
TEST_F(runq, same_as_array)
{
	/* G, or the flags of a wait, or what else makes the most of them good */
	static const __u64 bases[] = { 0, 0x20, 0x30 };
	unsigned int differ = 0, good = 0;

	for (unsigned int n = 0; n < 16 * 3 * 128; n++) {
		unsigned int bit = n % 128, base = n / 128 % 3;
		struct vtds_desc desc =
			DESC(n / 128 / 3 | bases[base],
			     DESC_WAIT == n / 128 / 3 ? self->status_gpa : 0);
		struct vtd_shadow_invalidate array;
		struct vtd_shadow_run_queue run;

		if (bit < 64)
			desc.lo |= 1ULL << bit;
		else
			desc.hi |= 1ULL << (bit - 64);
		/* A status address that an array does not look at */
		if ((desc.lo & 0xe2f) == (DESC_WAIT | 0x20) &&
		    desc.hi != self->status_gpa)
			continue;
		ASSERT_EQ(0, vtds_invalidate(&self->f.unit, &desc, 1, &array));
		PUT(desc);
		ASSERT_EQ(0, vtds_queue_run(&self->f.unit, self->queue, &run));
		differ += array.iqei != run.iqei || array.done != run.done ||
			  run.done != (self->queue->head == self->queue->tail);
		good += run.done;
		self->queue->head = self->queue->tail;
	}
	EXPECT_EQ(0U, differ);
	EXPECT_LT(300U, good);
	EXPECT_REACH_BUFFERS(1);
}

TEST_HARNESS_MAIN
