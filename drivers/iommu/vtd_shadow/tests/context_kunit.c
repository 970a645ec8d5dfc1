// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of context.c: what root and context entries in guest memory mean for
 * a source-id. Reasons are those of the specification's appendix A.
 */
#include "../caps.h"
#include "../context.h"
#include "../guest_ctx.h"
#include "../unit.h"
#include "bench.h"

#define ROOT_GPA 0x3000ULL
#define CTX_GPA 0x10000ULL
#define TABLE_GPA 0x40000ULL
#define HOLE_GPA 0x8000000ULL
#define SID 0x02c3
#define HAW 40

/* By the numbers of the specification, which the uapi header has to have, too */
enum {
	REASON_ROOT_NOT_PRESENT = 0x1,
	REASON_CTX_NOT_PRESENT = 0x2,
	REASON_CTX_INVALID = 0x3,
	REASON_ROOT_UNREADABLE = 0x8,
	REASON_CTX_UNREADABLE = 0x9,
	REASON_ROOT_RESERVED = 0xa,
	REASON_CTX_RESERVED = 0xb,
	REASON_ROOT_ADDRESS = 0x30,
};

static u64 *root_entry(struct bench *b)
{
	return bench_entry(b, ROOT_GPA, (SID >> 8) * 2);
}

static u64 *ctx_entry(struct bench *b)
{
	return bench_entry(b, CTX_GPA, (SID & 0xff) * 2);
}

/* A valid path to a 4-level table with domain-id 0x1234. */
static void context_set_up(struct bench *b)
{
	struct vtds_unit *unit = b->unit;

	unit->te = true;
	unit->rtaddr = ROOT_GPA;
	unit->caps = (struct vtds_caps){ .levels = 0x10, .haw = HAW };
	root_entry(b)[0] = CTX_GPA | 1;
	root_entry(b)[1] = 0;
	ctx_entry(b)[0] = TABLE_GPA | 1;
	ctx_entry(b)[1] = 0x1234 << 8 | 2;
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

static struct vtds_guest_ctx read_sid(struct bench *b, u16 sid)
{
	struct sid_look look = { .unit = b->unit, .sid = sid };

	memset(&look.ctx, 0xa5, sizeof(look.ctx));
	bench_look_up(&b->unit->mem, look_sid, &look);
	return look.ctx;
}

static void expect_shadow(struct bench *b, unsigned int levels)
{
	struct vtds_guest_ctx ctx = read_sid(b, SID);

	KUNIT_EXPECT_EQ(b->test, ctx.attachment, VTD_SHADOW_ATTACHED_SHADOW);
	KUNIT_EXPECT_EQ(b->test, ctx.root, TABLE_GPA);
	KUNIT_EXPECT_EQ(b->test, ctx.levels, levels);
	KUNIT_EXPECT_EQ(b->test, ctx.did, 0x1234);
	KUNIT_EXPECT_EQ(b->test, ctx.reason, 0);
}

static void expect_blocked(struct bench *b, unsigned int reason,
			   const char *what, unsigned int bit)
{
	struct vtds_guest_ctx ctx = read_sid(b, SID);

	KUNIT_EXPECT_EQ_MSG(b->test, ctx.attachment,
			    VTD_SHADOW_ATTACHED_BLOCKED, "%s %u", what, bit);
	KUNIT_EXPECT_EQ_MSG(b->test, ctx.reason, reason, "%s %u", what, bit);
	KUNIT_EXPECT_EQ(b->test, ctx.root, 0);
}

static void context_valid(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	expect_shadow(b, 4);
	/* Neighbours in the same tables */
	KUNIT_EXPECT_EQ(test, read_sid(b, SID ^ 1).reason,
			REASON_CTX_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, read_sid(b, SID ^ 0x100).reason,
			REASON_ROOT_NOT_PRESENT);
}

static void context_translation_off(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	b->unit->te = false;
	b->unit->rtaddr = HOLE_GPA;
	KUNIT_EXPECT_EQ(test, read_sid(b, SID).attachment,
			VTD_SHADOW_ATTACHED_IDENTITY);
	KUNIT_EXPECT_EQ(test, read_sid(b, SID).did, 0);
}

static void context_root_address(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	for (u64 ttm = 1; ttm < 4; ttm++) {
		b->unit->rtaddr = ROOT_GPA | ttm << 10;
		expect_blocked(b, REASON_ROOT_ADDRESS, "ttm", ttm);
	}
	/* Below there are reserved bits, which no guest sets */
	b->unit->rtaddr = ROOT_GPA | 0x3ff;
	expect_shadow(b, 4);
	b->unit->rtaddr = HOLE_GPA;
	expect_blocked(b, REASON_ROOT_UNREADABLE, "hole", 0);
	for (unsigned int bit = HAW; bit < 64; bit++) {
		b->unit->rtaddr = ROOT_GPA | 1ULL << bit;
		expect_blocked(b, REASON_ROOT_UNREADABLE, "bit", bit);
	}
}

static void context_root_entry(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	for (unsigned int bit = 1; bit < 64; bit++) {
		if (bit >= 12 && bit < HAW)
			continue;
		root_entry(b)[0] = CTX_GPA | 1 | 1ULL << bit;
		expect_blocked(b, REASON_ROOT_RESERVED, "low", bit);
		/* Nothing of an absent entry counts */
		root_entry(b)[0] &= ~1ULL;
		expect_blocked(b, REASON_ROOT_NOT_PRESENT, "absent", bit);
	}
	root_entry(b)[0] = CTX_GPA | 1;
	for (unsigned int bit = 0; bit < 64; bit++) {
		root_entry(b)[1] = 1ULL << bit;
		expect_blocked(b, REASON_ROOT_RESERVED, "high", bit);
	}
	root_entry(b)[0] = 0;
	expect_blocked(b, REASON_ROOT_NOT_PRESENT, "high only", 0);
	root_entry(b)[1] = 0;
	root_entry(b)[0] = HOLE_GPA | 1;
	expect_blocked(b, REASON_CTX_UNREADABLE, "hole", 0);
}

static void context_reserved_bits(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 lo = TABLE_GPA | 1;
	u64 hi = 0x1234 << 8 | 2;

	context_set_up(b);
	for (unsigned int bit = 4; bit < 64; bit++) {
		if (bit >= 12 && bit < HAW)
			continue;
		ctx_entry(b)[0] = lo | 1ULL << bit;
		expect_blocked(b, REASON_CTX_RESERVED, "low", bit);
		ctx_entry(b)[0] &= ~1ULL;
		expect_blocked(b, REASON_CTX_NOT_PRESENT, "absent", bit);
	}
	ctx_entry(b)[0] = lo;
	/* 70:67 are software's, 71 and 127:88 reserved */
	for (unsigned int bit = 3; bit < 64; bit++) {
		if (bit >= 8 && bit <= 23)
			continue;
		ctx_entry(b)[1] = hi | 1ULL << bit;
		if (bit < 7)
			expect_shadow(b, 4);
		else
			expect_blocked(b, REASON_CTX_RESERVED, "high", bit);
	}
}

static void context_domain_id(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	for (unsigned int bit = 0; bit < 16; bit++) {
		ctx_entry(b)[1] = 1ULL << (8 + bit) | 2;
		KUNIT_EXPECT_EQ(test, read_sid(b, SID).did, 1 << bit);
	}
}

/* Bits that the unit does not have do not count, as in descriptors. */
static void context_domain_id_width(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	b->unit->caps.no_did_bits = 0xff00;
	ctx_entry(b)[1] = 0x1234ULL << 8 | 2;
	KUNIT_EXPECT_EQ(test, read_sid(b, SID).did, 0x34);
	KUNIT_EXPECT_EQ(test, read_sid(b, SID).attachment,
			VTD_SHADOW_ATTACHED_SHADOW);
}

/* Reporting of faults is the VMM's business. */
static void context_fault_disable(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	ctx_entry(b)[0] |= 2;
	expect_shadow(b, 4);
	ctx_entry(b)[0] = 2;
	expect_blocked(b, REASON_CTX_NOT_PRESENT, "fpd", 0);
}

static void check_type(struct bench *b, unsigned int tt, unsigned int aw)
{
	const struct vtds_caps *caps = &b->unit->caps;
	bool good = aw >= 1 && aw <= 3 && caps->levels >> (aw + 2) & 1;
	struct vtds_guest_ctx ctx;

	good = good && (tt == 0 || (tt == 1 && caps->device_tlb) ||
			(tt == 2 && caps->pass_through));
	ctx_entry(b)[0] = TABLE_GPA | tt << 2 | 1;
	ctx_entry(b)[1] = 0x1234 << 8 | aw;
	if (!good) {
		expect_blocked(b, REASON_CTX_INVALID, "tt", tt * 10 + aw);
		return;
	}
	if (tt != 2) {
		expect_shadow(b, aw + 2);
		return;
	}
	ctx = read_sid(b, SID);
	KUNIT_EXPECT_EQ(b->test, ctx.attachment, VTD_SHADOW_ATTACHED_IDENTITY);
	KUNIT_EXPECT_EQ(b->test, ctx.did, 0x1234);
}

/* Every TT and AW under every set of capabilities. */
static void context_types_and_widths(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	for (unsigned int opt = 0; opt < 32; opt++) {
		b->unit->caps.levels = (opt & 7) << 3;
		b->unit->caps.device_tlb = opt & 8;
		b->unit->caps.pass_through = opt & 16;
		for (unsigned int tt = 0; tt < 4; tt++)
			for (unsigned int aw = 0; aw < 8; aw++)
				check_type(b, tt, aw);
	}
}

static void context_pass_through_ignores_pointer(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	b->unit->caps.pass_through = true;
	for (unsigned int bit = 12; bit < HAW; bit++) {
		ctx_entry(b)[0] = 1ULL << bit | 2 << 2 | 1;
		KUNIT_EXPECT_EQ(test, read_sid(b, SID).attachment,
				VTD_SHADOW_ATTACHED_IDENTITY);
	}
}

static void context_every_haw(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	for (unsigned int haw = 32; haw <= 52; haw++)
		for (unsigned int bit = 32; bit < 64; bit++) {
			struct vtds_guest_ctx ctx;

			b->unit->caps.haw = haw;
			ctx_entry(b)[0] = 1ULL << bit | 1;
			ctx = read_sid(b, SID);
			KUNIT_EXPECT_EQ_MSG(test, ctx.reason,
					    bit < haw ? 0 : REASON_CTX_RESERVED,
					    "haw %u bit %u", haw, bit);
			if (bit < haw)
				KUNIT_EXPECT_EQ(test, ctx.root, 1ULL << bit);
		}
}

/* Tables that are read-only for devices can be read, too. */
static void context_tables_in_rom(struct kunit *test)
{
	struct bench *b = test->priv;

	context_set_up(b);
	fake_mem_add(&b->mem, 0x200000, SZ_CHUNK, FAKE_ROM);
	bench_entry(b, 0x200000, (SID & 0xff) * 2)[0] = TABLE_GPA | 1;
	bench_entry(b, 0x200000, (SID & 0xff) * 2)[1] = 0x1234 << 8 | 2;
	root_entry(b)[0] = 0x200000 | 1;
	expect_shadow(b, 4);
}

static int context_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (!ret)
		fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_SCATTERED);
	return ret;
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE(context_valid),
	KUNIT_CASE(context_translation_off),
	KUNIT_CASE(context_root_address),
	KUNIT_CASE(context_root_entry),
	KUNIT_CASE(context_reserved_bits),
	KUNIT_CASE(context_domain_id),
	KUNIT_CASE(context_domain_id_width),
	KUNIT_CASE(context_fault_disable),
	KUNIT_CASE(context_types_and_widths),
	KUNIT_CASE(context_pass_through_ignores_pointer),
	KUNIT_CASE(context_every_haw),
	KUNIT_CASE(context_tables_in_rom),
	{},
};

static struct kunit_suite context_suite = {
	.name = "vtd_shadow_context",
	.init = context_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = context_cases,
};

kunit_test_suite(context_suite);
