// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of scalable.c: root and context entries, the PASID that stands for
 * requests without one, and what tells that an entry changed.
 */
#include "../guest_ctx.h"
#include "../unit.h"
#include "scalable_bench.h"

/* --- Root --- */

static void scalable_valid(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	struct vtds_guest_ctx ctx;

	sm_expect_shadow(b, "good", 0);
	ctx = sm_read_sid(b, UPPER_SID);
	KUNIT_EXPECT_EQ(test, ctx.attachment, VTD_SHADOW_ATTACHED_SHADOW);
	KUNIT_EXPECT_EQ(test, ctx.did, PASID_DID);
	KUNIT_EXPECT_EQ(test, ctx.pasid, 0);
	/* Neighbours: function, half, bus */
	KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID ^ 1).reason,
			REASON_CTX_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, sm_read_sid(b, UPPER_SID ^ 1).reason,
			REASON_CTX_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID ^ 0x100).reason,
			REASON_ROOT_NOT_PRESENT);
}

/* Functions 7fh and 80h are neighbours in no table. */
static void scalable_halves(struct kunit *test)
{
	static const u16 sids[] = { 0x0200, 0x027f, 0x0280, 0x02ff };
	struct bench *b = sm_set_up(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(sids); i++) {
		sm_set_context(b, sids[i]);
		for (unsigned int j = 0; j < ARRAY_SIZE(sids); j++)
			KUNIT_EXPECT_EQ(test, sm_read_sid(b, sids[j]).reason,
					i == j ? 0 : REASON_CTX_NOT_PRESENT);
		sm_ctx_entry(b, sids[i])[0] = 0;
	}
}

static void scalable_root_address(struct kunit *test)
{
	struct bench *b = sm_set_up(test);

	/* Reserved, and abort-DMA, which is not offered */
	for (u64 ttm = 2; ttm < 4; ttm++) {
		b->unit->rtaddr = ROOT_GPA | ttm << 10;
		sm_expect_blocked(b, REASON_ROOT_ADDRESS, "ttm", ttm);
	}
	for (unsigned int bit = HAW; bit < 64; bit++) {
		b->unit->rtaddr = ROOT_GPA | RTADDR_SCALABLE | 1ULL << bit;
		sm_expect_blocked(b, REASON_ROOT_ADDRESS, "bit", bit);
	}
	b->unit->rtaddr = HOLE_GPA | RTADDR_SCALABLE;
	sm_expect_blocked(b, REASON_ROOT_UNREADABLE, "hole", 0);

	b->unit->rtaddr = ROOT_GPA | RTADDR_SCALABLE;
	sm_expect_shadow(b, "good", 0);
	b->unit->caps.scalable = false;
	sm_expect_blocked(b, REASON_ROOT_ADDRESS, "no SMTS", 0);
	b->unit->te = false;
	KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID).attachment,
			VTD_SHADOW_ATTACHED_IDENTITY);
}

static void scalable_root_entry(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *half = sm_root_half(b, LOWER_SID);

	for (unsigned int bit = 1; bit < 64; bit++) {
		/* The other half is none of its business */
		*sm_root_half(b, UPPER_SID) = 1ULL << bit;
		sm_expect_shadow(b, "other half", bit);
		if (bit >= 12 && bit < HAW)
			continue;
		sm_check_reserved(b, half, bit, REASON_ROOT_RESERVED, "half");
		*half = (LOWER_GPA | 1ULL << bit) & ~1ULL;
		sm_expect_blocked(b, REASON_ROOT_NOT_PRESENT, "absent", bit);
		*half = LOWER_GPA | 1;
	}
	*sm_root_half(b, UPPER_SID) = UPPER_GPA | 1 | 2;
	KUNIT_EXPECT_EQ(test, sm_read_sid(b, UPPER_SID).reason,
			REASON_ROOT_RESERVED);
	*half = HOLE_GPA | 1;
	sm_expect_blocked(b, REASON_CTX_UNREADABLE, "hole", 0);
}

/* --- Context --- */

/*
 * P 0, FPD 1, DTE 2, PASIDE 3, PRE 4, 8:5 reserved, PDTS 11:9, pointer 63:12,
 * RID_PASID 83:64, RID_PRIV 84, 255:85 reserved
 */
static void scalable_context_bits(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *context = sm_ctx_entry(b, LOWER_SID);

	for (unsigned int bit = 1; bit < 256; bit++) {
		bool reserved = (bit >= 5 && bit <= 8) ||
				(bit >= HAW && bit < 64) || bit >= 85;
		u64 *qword = &context[bit / 64];

		/* The pointer */
		if (bit >= 12 && bit < HAW)
			continue;
		if (reserved)
			sm_check_reserved(b, qword, bit % 64,
					  REASON_CTX_RESERVED, "context");
		else
			sm_check_ignored(b, qword, bit % 64, "context");
	}
}

/* Nothing of an absent entry counts. */
static void scalable_context_absent(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *context = sm_ctx_entry(b, LOWER_SID);

	memset(context, 0xff, 32);
	context[0] &= ~1ULL;
	sm_expect_blocked(b, REASON_CTX_NOT_PRESENT, "all ones", 0);
	memset(context, 0, 32);
	sm_expect_blocked(b, REASON_CTX_NOT_PRESENT, "all zeroes", 0);
}

/* The PASID of requests without one: the field, if the unit has it */
static void scalable_rid_pasid(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *context = sm_ctx_entry(b, LOWER_SID);

	context[0] |= 7 << 9;
	for (unsigned int bit = 0; bit < 20; bit++) {
		u32 pasid = 1U << bit;

		context[1] = pasid;
		b->unit->caps.rid_pasid = false;
		KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID).pasid, 0);
		sm_expect_shadow(b, "without RPS", bit);

		b->unit->caps.rid_pasid = true;
		*sm_dir_entry(b, pasid) = PASID_GPA | 1;
		memset(sm_pasid_entry(b, 0), 0, 64);
		if (pasid & 63)
			sm_expect_blocked(b, REASON_PASID_NOT_PRESENT, "bit",
					  bit);
		sm_set_pasid(b, pasid);
		sm_expect_shadow(b, "bit", bit);
		KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID).pasid, pasid);
		memset(sm_pasid_entry(b, pasid), 0, 64);
		*sm_dir_entry(b, pasid) = 0;
		*sm_dir_entry(b, 0) = PASID_GPA | 1;
		sm_set_pasid(b, 0);
	}
}

/* The directory has 2^(PDTS+7) entries, each for 64 PASIDs. */
static void scalable_directory_size(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *context = sm_ctx_entry(b, LOWER_SID);

	b->unit->caps.rid_pasid = true;
	for (unsigned int pdts = 0; pdts < 8; pdts++) {
		u32 end = 64U << (pdts + 7);

		context[0] = DIR_GPA | (u64)pdts << 9 | 1;
		context[1] = end - 1;
		*sm_dir_entry(b, end - 1) = PASID_GPA | 1;
		sm_set_pasid(b, end - 1);
		sm_expect_shadow(b, "last of PDTS", pdts);
		*sm_dir_entry(b, end - 1) = 0;
		sm_expect_blocked(b, REASON_DIR_NOT_PRESENT, "PDTS", pdts);
		/* All of 20 bits are inside of the largest one */
		if (pdts == 7)
			break;
		context[1] = end;
		sm_expect_blocked(b, REASON_RID_PASID, "beyond PDTS", pdts);
		context[1] = 0xfffff;
		sm_expect_blocked(b, REASON_RID_PASID, "beyond PDTS", pdts);
	}
}

/* --- What tells that an entry changed --- */

static void check_digest(struct bench *b, u64 *word, u64 bit)
{
	u32 before = sm_read_sid(b, LOWER_SID).digest;

	KUNIT_EXPECT_EQ(b->test, sm_read_sid(b, LOWER_SID).digest, before);
	*word ^= bit;
	KUNIT_EXPECT_NE(b->test, sm_read_sid(b, LOWER_SID).digest, before);
	*word ^= bit;
	KUNIT_EXPECT_EQ(b->test, sm_read_sid(b, LOWER_SID).digest, before);
}

static void scalable_digest(struct kunit *test)
{
	struct bench *b = sm_set_up(test);

	/* The last bit of each, and one that changes nothing else */
	check_digest(b, sm_root_half(b, LOWER_SID), 2);
	check_digest(b, &sm_ctx_entry(b, LOWER_SID)[3], BIT_ULL(63));
	check_digest(b, &sm_ctx_entry(b, LOWER_SID)[0], 4);
	check_digest(b, sm_dir_entry(b, 0), 2);
	check_digest(b, &sm_pasid_entry(b, 0)[7], BIT_ULL(63));
	check_digest(b, &sm_pasid_entry(b, 0)[2], 1);
}

static struct kunit_case scalable_cases[] = {
	KUNIT_CASE(scalable_valid),	   KUNIT_CASE(scalable_halves),
	KUNIT_CASE(scalable_root_address), KUNIT_CASE(scalable_root_entry),
	KUNIT_CASE(scalable_context_bits), KUNIT_CASE(scalable_context_absent),
	KUNIT_CASE(scalable_rid_pasid),	   KUNIT_CASE(scalable_directory_size),
	KUNIT_CASE(scalable_digest),	   {},
};

static struct kunit_suite scalable_suite = {
	.name = "vtd_shadow_scalable",
	.init = sm_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = scalable_cases,
};

kunit_test_suite(scalable_suite);
