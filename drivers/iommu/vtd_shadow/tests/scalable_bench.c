// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the entries of scalable_bench.h, reads them by the driver, and checks the
 * answer.
 */
#include "../caps.h"
#include "../context.h"
#include "../guest_ctx.h"
#include "../unit.h"
#include "scalable_bench.h"

/* 16 bytes for each bus: a quadword for each half of its functions */
u64 *sm_root_half(struct bench *b, u16 sid)
{
	return bench_entry(b, ROOT_GPA, (sid >> 8) * 2 + (sid >> 7 & 1));
}

/* 32 bytes for each function of a half */
u64 *sm_ctx_entry(struct bench *b, u16 sid)
{
	return bench_entry(b, sid & 0x80 ? UPPER_GPA : LOWER_GPA,
			   (sid & 0x7f) * 4);
}

/* 8 bytes for each 64 PASIDs */
u64 *sm_dir_entry(struct bench *b, u32 pasid)
{
	u64 offset = (pasid >> 6) * 8ULL;

	return bench_entry(b, DIR_GPA + (offset & ~0xfffULL),
			   offset % 0x1000 / 8);
}

/* 64 bytes for each PASID; one table for all directory entries */
u64 *sm_pasid_entry(struct bench *b, u32 pasid)
{
	return bench_entry(b, PASID_GPA, (pasid & 63) * 8);
}

void sm_set_pasid(struct bench *b, u32 pasid)
{
	u64 *entry = sm_pasid_entry(b, pasid);

	memset(entry, 0, 64);
	entry[0] = GOOD_PASID;
	entry[1] = PASID_DID;
}

void sm_set_context(struct bench *b, u16 sid)
{
	u64 *entry = sm_ctx_entry(b, sid);

	memset(entry, 0, 32);
	entry[0] = DIR_GPA | 1;
}

/* A valid path for both functions to a 4-level table with domain-id 0x1234 */
struct bench *sm_set_up(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_unit *unit = b->unit;

	unit->te = true;
	unit->rtaddr = ROOT_GPA | RTADDR_SCALABLE;
	unit->caps = (struct vtds_caps){
		.levels = 0x10,
		.haw = HAW,
		.scalable = true,
		.second_stage = true,
	};
	*sm_root_half(b, LOWER_SID) = LOWER_GPA | 1;
	*sm_root_half(b, UPPER_SID) = UPPER_GPA | 1;
	sm_set_context(b, LOWER_SID);
	sm_set_context(b, UPPER_SID);
	*sm_dir_entry(b, 0) = PASID_GPA | 1;
	sm_set_pasid(b, 0);
	return b;
}

struct sid_look {
	struct vtds_unit *unit;
	u16 sid;
	struct vtds_guest_ctx ctx;
};

static int look_sid(struct vtds_guest_mem *mem, void *data)
{
	struct sid_look *look = data;

	vtds_context_read(look->unit, look->sid, &look->ctx);
	return 0;
}

struct vtds_guest_ctx sm_read_sid(struct bench *b, u16 sid)
{
	struct sid_look look = { .unit = b->unit, .sid = sid };

	memset(&look.ctx, 0xa5, sizeof(look.ctx));
	bench_look_up(&b->unit->mem, look_sid, &look);
	return look.ctx;
}

void sm_expect_shadow(struct bench *b, const char *what, unsigned int bit)
{
	struct vtds_guest_ctx ctx = sm_read_sid(b, LOWER_SID);

	KUNIT_EXPECT_EQ_MSG(b->test, ctx.attachment, VTD_SHADOW_ATTACHED_SHADOW,
			    "%s %u", what, bit);
	KUNIT_EXPECT_EQ_MSG(b->test, ctx.reason, 0, "%s %u", what, bit);
	KUNIT_EXPECT_EQ(b->test, ctx.root, TABLE_GPA);
	KUNIT_EXPECT_EQ(b->test, ctx.levels, 4);
}

void sm_expect_blocked(struct bench *b, unsigned int reason, const char *what,
		       unsigned int bit)
{
	struct vtds_guest_ctx ctx = sm_read_sid(b, LOWER_SID);

	KUNIT_EXPECT_EQ_MSG(b->test, ctx.attachment,
			    VTD_SHADOW_ATTACHED_BLOCKED, "%s %u", what, bit);
	KUNIT_EXPECT_EQ_MSG(b->test, ctx.reason, reason, "%s %u", what, bit);
	KUNIT_EXPECT_EQ(b->test, ctx.root, 0);
	KUNIT_EXPECT_EQ(b->test, ctx.did, 0);
}

/* Sets one bit that must not be there, and takes it back. */
void sm_check_reserved(struct bench *b, u64 *entry, unsigned int bit,
		       unsigned int reason, const char *what)
{
	*entry |= 1ULL << bit;
	sm_expect_blocked(b, reason, what, bit);
	*entry &= ~(1ULL << bit);
}

void sm_check_ignored(struct bench *b, u64 *entry, unsigned int bit,
		      const char *what)
{
	*entry ^= 1ULL << bit;
	sm_expect_shadow(b, what, bit);
	*entry ^= 1ULL << bit;
}

int sm_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (!ret)
		fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_SCATTERED);
	return ret;
}
