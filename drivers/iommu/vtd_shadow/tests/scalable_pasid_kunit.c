// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of scalable.c: requests with PASID, entries of the PASID directory and of
 * PASID tables.
 */
#include "../caps.h"
#include "../guest_ctx.h"
#include "../scalable.h"
#include "../unit.h"
#include "scalable_bench.h"

/* --- Requests with PASID --- */

#define PASIDE 8

struct pasid_look {
	struct vtds_unit *unit;
	u32 pasid;
	struct vtds_guest_ctx ctx;
};

static int look_pasid(struct vtds_guest_mem *mem, void *data)
{
	struct pasid_look *look = data;

	vtds_scalable_read_pasid(look->unit, LOWER_SID, look->pasid,
				 &look->ctx);
	return 0;
}

static struct vtds_guest_ctx read_with(struct bench *b, u32 pasid)
{
	struct pasid_look look = { .unit = b->unit, .pasid = pasid };

	memset(&look.ctx, 0xa5, sizeof(look.ctx));
	bench_look_up(&b->unit->mem, look_pasid, &look);
	return look.ctx;
}

/* They need PASIDE, requests without PASID do not; the unit must have PASIDs. */
static void scalable_pasid_enable(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *context = sm_ctx_entry(b, LOWER_SID);

	b->unit->caps.pasid_bits = 20;
	sm_set_pasid(b, 5);
	KUNIT_EXPECT_EQ(test, read_with(b, 5).reason, REASON_PASID_DISABLED);
	KUNIT_EXPECT_EQ(test, read_with(b, 5).attachment,
			VTD_SHADOW_ATTACHED_BLOCKED);
	KUNIT_EXPECT_EQ(test, read_with(b, 5).pasid, 5);
	sm_expect_shadow(b, "without PASIDE", 0);

	context[0] |= PASIDE;
	KUNIT_EXPECT_EQ(test, read_with(b, 5).attachment,
			VTD_SHADOW_ATTACHED_SHADOW);
	KUNIT_EXPECT_EQ(test, read_with(b, 6).reason, REASON_PASID_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, read_with(b, 64).reason, REASON_DIR_NOT_PRESENT);
	sm_expect_shadow(b, "with PASIDE", 0);

	b->unit->caps.pasid_bits = 0;
	KUNIT_EXPECT_EQ(test, read_with(b, 5).reason, REASON_PASID_DISABLED);
	context[0] &= ~1ULL;
	KUNIT_EXPECT_EQ(test, read_with(b, 5).reason, REASON_CTX_NOT_PRESENT);
}

/* Beyond the directory, and beyond what the unit has; in the directory it is another fault */
static void scalable_pasid_too_large(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *context = sm_ctx_entry(b, LOWER_SID);

	b->unit->caps.pasid_bits = 20;
	for (unsigned int pdts = 0; pdts < 7; pdts++) {
		u32 end = 64U << (pdts + 7);

		context[0] = DIR_GPA | (u64)pdts << 9 | PASIDE | 1;
		KUNIT_EXPECT_EQ(test, read_with(b, end - 1).reason,
				REASON_DIR_NOT_PRESENT);
		KUNIT_EXPECT_EQ(test, read_with(b, end).reason,
				REASON_PASID_TOO_LARGE);
		KUNIT_EXPECT_EQ(test, read_with(b, 0xfffff).reason,
				REASON_PASID_TOO_LARGE);
	}
	for (unsigned int bits = 1; bits < 20; bits++) {
		b->unit->caps.pasid_bits = bits;
		context[0] = DIR_GPA | 7 << 9 | PASIDE | 1;
		KUNIT_EXPECT_NE(test, read_with(b, (1U << bits) - 1).reason,
				REASON_PASID_TOO_LARGE);
		KUNIT_EXPECT_EQ(test, read_with(b, 1U << bits).reason,
				REASON_PASID_TOO_LARGE);
	}
	/* FPD hides it, as what is wrong with the entry */
	KUNIT_EXPECT_FALSE(test, read_with(b, 0xfffff).fpd);
	context[0] |= 2;
	KUNIT_EXPECT_TRUE(test, read_with(b, 0xfffff).fpd);
}

/* --- PASID directory --- */

static void scalable_directory_entry(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *entry = sm_dir_entry(b, 0);

	for (unsigned int bit = 2; bit < 64; bit++) {
		if (bit >= 12 && bit < HAW)
			continue;
		sm_check_reserved(b, entry, bit, REASON_DIR_RESERVED,
				  "directory");
		*entry = (PASID_GPA | 1ULL << bit) & ~1ULL;
		sm_expect_blocked(b, REASON_DIR_NOT_PRESENT, "absent", bit);
		*entry = PASID_GPA | 1;
	}
	sm_check_ignored(b, entry, 1, "FPD");
	*entry = HOLE_GPA | 1;
	sm_expect_blocked(b, REASON_PASID_UNREADABLE, "hole", 0);
	*entry = PASID_GPA | 1;
	sm_ctx_entry(b, LOWER_SID)[0] = HOLE_GPA | 1;
	sm_expect_blocked(b, REASON_DIR_UNREADABLE, "hole", 0);
}

/* --- PASID entries --- */

/*
 * P 0, FPD 1, AW 4:2, 5 reserved, PGTT 8:6, SSADE 9 (no accessed and dirty bits
 * are offered), 11:10 reserved, pointer 63:12, DID 79:64, 86:80 reserved, PWSNP 87
 * and up for other kinds of memory and for first stage, 511:192 reserved
 */
static bool pasid_bit_reserved(unsigned int bit)
{
	return bit == 5 || (bit >= 9 && bit <= 11) ||
	       (bit >= HAW && bit < 64) || (bit >= 80 && bit <= 86) ||
	       bit >= 192;
}

static void scalable_pasid_bits(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *entry = sm_pasid_entry(b, 0);

	for (unsigned int bit = 0; bit < 512; bit++) {
		u64 *qword = &entry[bit / 64];

		/* P, AW, PGTT, pointer, DID: see the other tests */
		if (bit == 0 || (bit >= 2 && bit <= 4) ||
		    (bit >= 6 && bit <= 8) || (bit >= 12 && bit < HAW) ||
		    (bit >= 64 && bit < 80))
			continue;
		if (pasid_bit_reserved(bit))
			sm_check_reserved(b, qword, bit % 64,
					  REASON_PASID_RESERVED, "PASID");
		else
			sm_check_ignored(b, qword, bit % 64, "PASID");
	}
}

static void scalable_pasid_absent(struct kunit *test)
{
	struct bench *b = sm_set_up(test);
	u64 *entry = sm_pasid_entry(b, 0);

	memset(entry, 0xff, 64);
	entry[0] &= ~1ULL;
	sm_expect_blocked(b, REASON_PASID_NOT_PRESENT, "all ones", 0);
	/* As Linux detaches: P first, all else is left */
	sm_set_pasid(b, 0);
	entry[0] &= ~1ULL;
	sm_expect_blocked(b, REASON_PASID_NOT_PRESENT, "P only", 0);
	memset(entry, 0, 64);
	sm_expect_blocked(b, REASON_PASID_NOT_PRESENT, "all zeroes", 0);
}

static void scalable_domain_id(struct kunit *test)
{
	struct bench *b = sm_set_up(test);

	for (unsigned int bit = 0; bit < 16; bit++) {
		sm_pasid_entry(b, 0)[1] = 1ULL << bit;
		sm_expect_shadow(b, "DID", bit);
		KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID).did, 1 << bit);
	}
	/* Bits that the unit does not have do not count, as in descriptors */
	b->unit->caps.no_did_bits = 0xff00;
	sm_pasid_entry(b, 0)[1] = 0x1234;
	sm_expect_shadow(b, "DID beyond ND", 0);
	KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID).did, 0x34);
}

static void check_type(struct bench *b, unsigned int pgtt, unsigned int aw)
{
	const struct vtds_caps *caps = &b->unit->caps;
	/* AW 1, 2, 3 stand for 3, 4, 5 levels */
	bool good = aw >= 1 && aw <= 3 && caps->levels >> (aw + 2) & 1;
	struct vtds_guest_ctx ctx;

	/* First stage 1 and nested 3 are not shadowed */
	good = good && ((pgtt == 2 && caps->second_stage) ||
			(pgtt == 4 && caps->pass_through));
	sm_pasid_entry(b, 0)[0] = TABLE_GPA | PGTT(pgtt) | AW(aw) | 1;
	if (!good) {
		sm_expect_blocked(b, REASON_PASID_INVALID, "type",
				  pgtt * 10 + aw);
		return;
	}
	ctx = sm_read_sid(b, LOWER_SID);
	KUNIT_EXPECT_EQ(b->test, ctx.did, PASID_DID);
	KUNIT_EXPECT_EQ(b->test, ctx.reason, 0);
	if (pgtt == 4) {
		KUNIT_EXPECT_EQ(b->test, ctx.attachment,
				VTD_SHADOW_ATTACHED_IDENTITY);
		return;
	}
	KUNIT_EXPECT_EQ(b->test, ctx.attachment, VTD_SHADOW_ATTACHED_SHADOW);
	KUNIT_EXPECT_EQ(b->test, ctx.root, TABLE_GPA);
	KUNIT_EXPECT_EQ(b->test, ctx.levels, aw + 2);
}

/* Every PGTT and AW under every set of capabilities */
static void scalable_types_and_widths(struct kunit *test)
{
	struct bench *b = sm_set_up(test);

	for (unsigned int opt = 0; opt < 32; opt++) {
		b->unit->caps.levels = (opt & 7) << 3;
		b->unit->caps.second_stage = opt & 8;
		b->unit->caps.pass_through = opt & 16;
		for (unsigned int pgtt = 0; pgtt < 8; pgtt++)
			for (unsigned int aw = 0; aw < 8; aw++)
				check_type(b, pgtt, aw);
	}
}

static void scalable_pass_through_ignores_pointer(struct kunit *test)
{
	struct bench *b = sm_set_up(test);

	b->unit->caps.pass_through = true;
	for (unsigned int bit = 12; bit < HAW; bit++) {
		sm_pasid_entry(b, 0)[0] = 1ULL << bit | PGTT(4) | AW(2) | 1;
		KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID).attachment,
				VTD_SHADOW_ATTACHED_IDENTITY);
	}
}

static void scalable_every_haw(struct kunit *test)
{
	struct bench *b = sm_set_up(test);

	for (unsigned int haw = 32; haw <= 52; haw++)
		for (unsigned int bit = 32; bit < 64; bit++) {
			struct vtds_guest_ctx ctx;

			b->unit->caps.haw = haw;
			sm_pasid_entry(b, 0)[0] = 1ULL << bit | PGTT(2) |
						  AW(2) | 1;
			ctx = sm_read_sid(b, LOWER_SID);
			KUNIT_EXPECT_EQ_MSG(test, ctx.reason,
					    bit < haw ? 0 :
							REASON_PASID_RESERVED,
					    "haw %u bit %u", haw, bit);
			if (bit < haw)
				KUNIT_EXPECT_EQ(test, ctx.root, 1ULL << bit);
		}
}

static struct kunit_case scalable_pasid_cases[] = {
	KUNIT_CASE(scalable_pasid_enable),
	KUNIT_CASE(scalable_pasid_too_large),
	KUNIT_CASE(scalable_directory_entry),
	KUNIT_CASE(scalable_pasid_bits),
	KUNIT_CASE(scalable_pasid_absent),
	KUNIT_CASE(scalable_domain_id),
	KUNIT_CASE(scalable_types_and_widths),
	KUNIT_CASE(scalable_pass_through_ignores_pointer),
	KUNIT_CASE(scalable_every_haw),
	{},
};

static struct kunit_suite scalable_pasid_suite = {
	.name = "vtd_shadow_scalable_pasid",
	.init = sm_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = scalable_pasid_cases,
};

kunit_test_suite(scalable_pasid_suite);
