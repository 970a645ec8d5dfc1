// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own invalidation queue, run from guest memory: around its end, with
 * the status writes of wait descriptors, up to what stops it. Whatever it does, an
 * array of the same descriptors does the same.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* Memory that the VMM gives and takes */
#define SPARE_GPA 0x400000000ULL
#define NOWHERE 0x3000000000ULL

FIXTURE(runq)
{
	struct vtds_scene s;
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
	OPEN_SCENE(.nvme = 1, .scalable = variant->wide, .queue = true);
	self->queue = &self->s.queue;
	self->dev = &self->s.dev[0];
	self->page = vtds_page(&self->s.guest);
	self->status_gpa = vtds_page(&self->s.guest);
	self->status = vtds_hva(&self->s.guest, self->status_gpa);
}

FIXTURE_TEARDOWN(runq)
{
	vtds_scene_close(&self->s);
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
		ASSERT_EQ(0, vtds_queue_run(&self->s.unit, self->queue, &_r)); \
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

/* --- It runs --- */

TEST_F(runq, empty)
{
	RUN(0, NONE, 0);
	EXPECT_EQ(self->queue->tail, self->queue->head);
}

/* Several times around its end, one page at a time */
TEST_F(runq, around_its_end)
{
	unsigned int rounds = 2 * vtds_queue_entries(self->queue);

	for (unsigned int i = 0; i < rounds; i++) {
		bool map = i % 2 == 0;

		vtds_map(&self->s.table, IOVA, self->page, SZ_4K,
			 map ? PERM_RW : PERM_NONE);
		PUT(iotlb_page(SCENE_DID, IOVA),
		    wait_status(self->status_gpa, i + 1));
		RUN(2, NONE, 0);
		ASSERT_EQ(i + 1, *self->status);
		ASSERT_EQ(self->queue->tail, self->queue->head);
		ASSERT_EQ(map ? (int)PERM_RW : PERM_NONE,
			  vtds_answer(&self->s.unit, self->dev->sid, IOVA,
				      self->page));
		if (i % 64 < 2)
			EXPECT_REACH(map ? PERM_RW : PERM_NONE, self->dev, IOVA,
				     self->page);
	}
}

/* As long as the longest queue, in one call */
TEST_F(runq, longest)
{
	struct vtds_desc flush;
	unsigned int nr;

	vtds_queue_init(self->queue, &self->s.guest, 7, variant->wide);
	nr = vtds_queue_entries(self->queue) - 1;
	for (unsigned int i = 1; i < nr; i++) {
		flush = iotlb_page(SCENE_DID, IOVA - i * SZ_4K);
		vtds_queue_put(self->queue, &flush);
	}
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	PUT(iotlb_page(SCENE_DID, IOVA));
	RUN(nr, NONE, 0);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* Each wait has its place and its value, and nothing beside it is written */
TEST_F(runq, status_writes)
{
	__u32 *page = (__u32 *)self->status;

	memset(page, 0x5a, SZ_4K);
	PUT(wait_status(self->status_gpa, 1),
	    wait_status(self->status_gpa + 8, ~0U), iotlb_global(),
	    wait_status(self->status_gpa + 4, 0),
	    wait_status(self->status_gpa + 0xffc, 0x89abcdef),
	    wait_status(self->status_gpa, 2));
	RUN(6, NONE, 0);
	EXPECT_EQ(2U, page[0]);
	EXPECT_EQ(0U, page[1]);
	EXPECT_EQ(~0U, page[2]);
	EXPECT_EQ(0x89abcdefU, page[1023]);
	for (unsigned int i = 3; i < 1023; i++)
		ASSERT_EQ(0x5a5a5a5aU, page[i]);
}

TEST_F(runq, interrupt)
{
	PUT(wait_interrupt());
	RUN(1, NONE, INTERRUPT);
	PUT(iotlb_global());
	RUN(1, NONE, 0);
	/* A fence alone is no reason for one; all flags together are */
	PUT(DESC(DESC_WAIT | 1 << 6, 0));
	RUN(1, NONE, 0);
	PUT(DESC(DESC_WAIT | 7 << 4 | 5ULL << 32, self->status_gpa));
	RUN(1, NONE, INTERRUPT);
	EXPECT_EQ(5U, *self->status);
	/* Before the queue stops */
	PUT(wait_interrupt(), DESC(9, 0));
	RUN(1, INVALID_TYPE, INTERRUPT | STOPPED);
}

/* --- The status comes when the revocation is dead --- */

/**
 * struct witness - A processor of the guest that polls the status
 * @scene: The scene
 * @dev: What it makes do DMA as soon as it sees the status
 * @gpa: What must not be reached
 * @status: Where it looks
 * @expected: What for
 * @seen: When it saw it
 * @reached: What the device found at IOVA then
 */
struct witness {
	struct vtds_scene *scene;
	struct vtds_dev *dev;
	__u64 gpa;
	volatile __u32 *status;
	__u32 expected;
	double seen;
	int reached;
};

static void *poll_status(void *arg)
{
	struct witness *w = arg;
	double give_up = vtds_seconds() + 20;

	while (*w->status != w->expected && vtds_seconds() < give_up)
		;
	w->seen = vtds_seconds();
	w->reached = vtds_reach(&w->scene->guest, w->dev, IOVA, w->gpa);
	return NULL;
}

/*
 * Pages are unmapped, and behind the wait there is a lot of other work. A device
 * that begins when the status can be seen must find nothing, long before the call
 * returns.
 */
TEST_F(runq, status_after_revocation)
{
	struct witness w = { .scene = &self->s,
			     .dev = self->dev,
			     .gpa = self->page,
			     .status = self->status };
	const unsigned int nr = vtds_queue_entries(self->queue) - 3;
	unsigned int early = 0;

	vtds_map_range(&self->s.table, IOVA + SZ_1G, RAM_GPA, RAM_SIZE,
		       PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	for (w.expected = 1; w.expected <= 5; w.expected++) {
		const struct vtds_desc work =
			iotlb_pages(SCENE_DID, IOVA + SZ_1G, 12);
		pthread_t thread;

		vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_page(SCENE_DID, IOVA));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_status, &w));
		vtds_unmap(&self->s.table, IOVA, SZ_4K);
		PUT(iotlb_page(SCENE_DID, IOVA),
		    wait_status(self->status_gpa, w.expected));
		for (unsigned int i = 0; i < nr; i++)
			vtds_queue_put(self->queue, &work);
		RUN(nr + 2, NONE, 0);
		early += w.seen != 0 && w.seen < vtds_seconds();
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(PERM_NONE, w.reached);
		w.seen = 0;
	}
	/* Or else nothing was shown */
	EXPECT_LT(0U, early);
}

/* --- It stops --- */

struct bad_desc {
	struct vtds_desc desc;
	unsigned int iqei;
};

static const struct bad_desc bad_descs[] = {
	{ { 0, 0 }, INVALID_TYPE },
	{ { 9, 0 }, INVALID_TYPE },
	{ { DESC_IOTLB | DESC_G_GLOBAL | 1 << 9, 0 }, INVALID_TYPE },
	{ { DESC_CC, 0 }, RESERVED_FIELD },
	{ { DESC_IOTLB | DESC_G_GLOBAL | 1ULL << 63, 0 }, RESERVED_FIELD },
	{ { DESC_IOTLB | DESC_G_SELECTIVE, VTDS_MAMV + 1 }, RESERVED_FIELD },
	{ { DESC_WAIT, 0 }, RESERVED_FIELD },
	{ { DESC_WAIT | 1 << 5, 1 }, RESERVED_FIELD },
};

/* What stands before is done, what follows is not; repaired as Linux does */
TEST_F(runq, stops_and_resumes)
{
	const __u64 second = IOVA + 64 * SZ_2M;

	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	vtds_unmap(&self->s.table, second, SZ_4K);
	FLUSH(iotlb_domain(SCENE_DID));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_descs); i++) {
		unsigned int width = vtds_queue_width(self->queue);
		struct vtd_shadow_run_queue result;
		__u64 head = self->queue->head;

		*self->status = 0;
		vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
		vtds_map(&self->s.table, second, self->page, SZ_4K, PERM_RW);
		PUT(iotlb_page(SCENE_DID, IOVA), bad_descs[i].desc,
		    iotlb_page(SCENE_DID, second),
		    wait_status(self->status_gpa, 2));
		ASSERT_EQ(0,
			  vtds_queue_run(&self->s.unit, self->queue, &result));
		EXPECT_EQ(1U, result.done);
		EXPECT_EQ(bad_descs[i].iqei, result.iqei)
		TH_LOG("descriptor %u", i);
		EXPECT_EQ((unsigned int)STOPPED, result.status);
		EXPECT_EQ(head + width, result.head);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		EXPECT_DEAD(self->dev, second, self->page);
		EXPECT_EQ(0U, *self->status);

		/* It stays where it is until the guest does something */
		RUN(0, bad_descs[i].iqei, STOPPED);
		memcpy(vtds_queue_at(self->queue, self->queue->head),
		       DESCS(wait_status(self->status_gpa + 4, 7)),
		       sizeof(struct vtds_desc));
		RUN(3, NONE, 0);
		EXPECT_EQ(2U, self->status[0]);
		EXPECT_EQ(7U, self->status[1]);
		EXPECT_REACH(PERM_RW, self->dev, second, self->page);

		vtds_unmap(&self->s.table, IOVA, SZ_4K);
		vtds_unmap(&self->s.table, second, SZ_4K);
		FLUSH(iotlb_domain(SCENE_DID));
	}
}

/* The second page of the queue is no memory, and then it is */
TEST_F(runq, in_bad_memory)
{
	unsigned int width, per_page;
	struct vtds_ram *spare;

	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	spare = &self->s.guest.ram[1];
	self->queue->gpa = SPARE_GPA;
	width = vtds_queue_width(self->queue);
	per_page = SZ_4K / width;
	self->queue->head = 0;
	self->queue->tail = 0;
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	for (unsigned int i = 0; i < per_page + 5; i++)
		PUT(iotlb_page(SCENE_DID, IOVA));
	RUN(0, FETCH_FAILED, STOPPED);
	EXPECT_DEAD(self->dev, IOVA, self->page);

	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas, spare->hva,
				   SPARE_GPA, SZ_4K, PERM_RW));
	RUN(per_page, FETCH_FAILED, STOPPED);
	EXPECT_EQ(SZ_4K, self->queue->head);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	RUN(0, FETCH_FAILED, STOPPED);

	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas,
				   spare->hva + SZ_4K, SPARE_GPA + SZ_4K, SZ_4K,
				   PERM_RW));
	RUN(5, NONE, 0);

	/* Taken away while it is pinned for having been read */
	ASSERT_EQ(0, vtds_ioas_unmap(&self->s.vmm, self->s.vmm.ioas, SPARE_GPA,
				     SZ_4K));
	self->queue->head = 0;
	RUN(0, FETCH_FAILED, STOPPED);
}

/* Status to where there is no memory, or none to write to */
TEST_F(runq, status_in_bad_memory)
{
	struct vtds_ram *spare;
	__u32 *rom;

	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	spare = &self->s.guest.ram[1];
	rom = spare->hva;
	PUT(iotlb_global(), wait_status(SPARE_GPA, 2), iotlb_global());
	RUN(1, NONE, STOPPED);
	RUN(0, NONE, STOPPED);
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas, spare->hva,
				   SPARE_GPA, SZ_2M, PERM_R));
	RUN(0, NONE, STOPPED);
	EXPECT_EQ(0U, *rom);

	ASSERT_EQ(0, vtds_ioas_unmap(&self->s.vmm, self->s.vmm.ioas, SPARE_GPA,
				     SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas, spare->hva,
				   SPARE_GPA, SZ_2M, PERM_RW));
	RUN(2, NONE, 0);
	EXPECT_EQ(2U, *rom);

	/* Beyond the guest's address width */
	PUT(wait_status(self->status_gpa | 1ULL << 50, 3));
	RUN(0, NONE, STOPPED);
	EXPECT_EQ(0U, *self->status);
}

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
	struct vtds_unit *unit = &self->s.unit;
	const __u64 good = unit->rtaddr;

	for (__u64 mode = 0; mode < 4; mode++) {
		if (mode < 2 && !(mode && !variant->wide))
			continue;
		unit->rtaddr = (good & ~(3ULL << 10)) | mode << 10;
		ASSERT_EQ(0, vtds_set_state(unit));
		PUT(iotlb_global());
		RUN(0, INVALID_MODE, STOPPED);
		self->queue->tail = self->queue->head;
		EXPECT_AT_HOME(0);
		EXPECT_FAULT(FAULT_SM_ROOT_ADDRESS, &self->s.dev[0], 0);
	}
	unit->rtaddr = good;
	ASSERT_EQ(0, vtds_set_state(unit));
	PUT(iotlb_global());
	RUN(1, NONE, 0);
	EXPECT_AT_HOME(1);
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
			  vtds_queue_run(&self->s.unit, self->queue, &result));
		EXPECT_EQ(0U, result.done);
	}
}

/* 256 bits in a unit without scalable mode; 128 bits are for any unit */
TEST_F(runq, width)
{
	if (variant->wide) {
		vtds_queue_init(self->queue, &self->s.guest, 0, false);
		PUT(iotlb_global(), wait_status(self->status_gpa, 2));
		RUN(2, NONE, 0);
		PUT(pc_global());
		RUN(0, INVALID_TYPE, STOPPED);
	} else {
		vtds_queue_init(self->queue, &self->s.guest, 0, true);
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
			  ioctl(self->s.unit.fd, VTD_SHADOW_INVALIDATE, &cmd));
		EXPECT_EQ((unsigned int)VTD_SHADOW_IQEI_RESERVED_FIELD,
			  cmd.iqei);
		EXPECT_EQ(0U, cmd.done);
	}
}

/* --- The same as an array --- */

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
		ASSERT_EQ(0, vtds_invalidate(&self->s.unit, &desc, 1, &array));
		PUT(desc);
		ASSERT_EQ(0, vtds_queue_run(&self->s.unit, self->queue, &run));
		differ += array.iqei != run.iqei || array.done != run.done ||
			  run.done != (self->queue->head == self->queue->tail);
		good += run.done;
		self->queue->head = self->queue->tail;
	}
	EXPECT_EQ(0U, differ);
	EXPECT_LT(300U, good);
	EXPECT_AT_HOME(1);
}

TEST_HARNESS_MAIN
