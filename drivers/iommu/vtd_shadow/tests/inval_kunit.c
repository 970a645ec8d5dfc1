// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the descriptor decoder in inval.c. Layouts are literals from
 * section 6.5.2 of the specification.
 */
#include "bench.h"

enum {
	IQEI_NONE = 0,
	IQEI_TYPE = 3,
	IQEI_RESERVED = 4,
};

/**
 * struct layout - One type of descriptor
 * @lo: A good low quadword
 * @hi: A good high quadword
 * @rsvd_lo: Reserved bits of the low quadword
 * @rsvd_hi: Reserved bits of the high quadword
 */
struct layout {
	u64 lo;
	u64 hi;
	u64 rsvd_lo;
	u64 rsvd_hi;
};

static const struct layout layouts[] = {
	/* Context cache: G, DID, SID, FM */
	{ 0x31, 0, 0xfffc00000000f1c0ULL, U64_MAX },
	/* IOTLB: G, DW, DR, DID; AM, IH, ADDR */
	{ 0x32, 0, 0xffffffff0000f100ULL, 0xf80 },
	/* Device-TLB: MIP, SID; S, ADDR. PFSID needs DIT */
	{ 0x03, 0, 0xffff0000ffe0f1f0ULL, 0xffe },
	/* Interrupt entry cache: G, IM, IIDX */
	{ 0x04, 0, 0xffff000007fff1e0ULL, U64_MAX },
	/* Wait: IF, SW, FN, status data; status address. PD needs PRS */
	{ 0x25, 0, 0x00000000fffff180ULL, 0x3 },
};

static const struct vtds_caps all_caps = { .mamv = 63 };

static u32 decode_with(const struct vtds_caps *caps, u64 lo, u64 hi,
		       struct vtds_inval *inval)
{
	u64 desc[] = { lo, hi };

	return vtds_inval_decode(caps, desc, ARRAY_SIZE(desc), inval);
}

static u32 decode(u64 lo, u64 hi, struct vtds_inval *inval)
{
	return decode_with(&all_caps, lo, hi, inval);
}

/* The type is in bits 3:0 and 11:9; a decoder that looks at four is wrong. */
static void inval_types(struct kunit *test)
{
	static const enum vtds_inval_action actions[] = {
		VTDS_NOTHING, VTDS_REFRESH, VTDS_SYNC,
		VTDS_NOTHING, VTDS_NOTHING, VTDS_FLUSH,
	};

	for (u64 type = 0; type < 128; type++) {
		u64 lo = (type & 15) | (type >> 4) << 9 | 0x30;
		struct vtds_inval inval;
		bool known = type >= 1 && type <= 5;

		/* Device-TLB has no G */
		if (type == 3)
			lo = 3;
		if (type == 4)
			lo = 0x14;
		KUNIT_EXPECT_EQ_MSG(test, decode(lo, 0, &inval),
				    known ? IQEI_NONE : IQEI_TYPE, "type %llu",
				    type);
		if (known)
			KUNIT_EXPECT_EQ(test, inval.action, actions[type]);
	}
}

static void inval_reserved_bits(struct kunit *test)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(layouts); i++)
		for (unsigned int bit = 0; bit < 64; bit++) {
			const struct layout *l = &layouts[i];
			struct vtds_inval inval;
			u32 lo, hi;

			hi = decode(l->lo, l->hi | 1ULL << bit, &inval);
			KUNIT_EXPECT_EQ_MSG(test, hi,
					    l->rsvd_hi >> bit & 1 ?
						    IQEI_RESERVED :
						    IQEI_NONE,
					    "type %u high bit %u", i + 1, bit);

			/* Another type, see above */
			if (bit < 4 || (bit >= 9 && bit <= 11))
				continue;
			lo = decode(l->lo | 1ULL << bit, l->hi, &inval);
			KUNIT_EXPECT_EQ_MSG(test, lo,
					    l->rsvd_lo >> bit & 1 ?
						    IQEI_RESERVED :
						    IQEI_NONE,
					    "type %u low bit %u", i + 1, bit);
		}
}

static void inval_granularity(struct kunit *test)
{
	for (u64 g = 0; g < 4; g++)
		for (u64 type = 1; type <= 2; type++) {
			struct vtds_inval inval;
			u32 iqei = decode(type | g << 4 | 0xabcdULL << 16, 0,
					  &inval);

			KUNIT_EXPECT_EQ(test, iqei,
					g ? IQEI_NONE : IQEI_RESERVED);
			if (iqei)
				continue;
			KUNIT_EXPECT_EQ(test, inval.did, 0xabcd);
			if (type == 1) {
				KUNIT_EXPECT_EQ(test, inval.sid_mask,
						g == 3 ? 0 : U16_MAX);
				continue;
			}
			KUNIT_EXPECT_EQ(test, inval.all_domains, g == 1);
			KUNIT_EXPECT_EQ(test, inval.all_pages, g != 3);
		}
}

static void inval_context_function_mask(struct kunit *test)
{
	static const u16 masks[] = { 0, 4, 6, 7 };

	for (u64 fm = 0; fm < 4; fm++) {
		struct vtds_inval inval;

		KUNIT_EXPECT_EQ(test,
				decode(0x31 | 0x12fbULL << 32 | fm << 48, 0,
				       &inval),
				IQEI_NONE);
		KUNIT_EXPECT_EQ(test, inval.sid, 0x12fb);
		KUNIT_EXPECT_EQ(test, inval.sid_mask, masks[fm]);
	}
}

/* Every AM against every MAMV; it counts for page-selective only. */
static void inval_address_mask_limit(struct kunit *test)
{
	for (u64 am = 0; am < 64; am++)
		for (unsigned int mamv = 0; mamv < 64; mamv++) {
			struct vtds_caps caps = { .mamv = mamv };
			struct vtds_inval inval;
			u32 iqei;

			iqei = decode_with(&caps, 0x32, am, &inval);
			KUNIT_EXPECT_EQ_MSG(test, iqei,
					    am > mamv ? IQEI_RESERVED :
							IQEI_NONE,
					    "am %llu mamv %u", am, mamv);
			/* Domain-selective and global */
			iqei = decode_with(&caps, 0x22, am, &inval);
			KUNIT_EXPECT_EQ(test, iqei, IQEI_NONE);
			iqei = decode_with(&caps, 0x12, am, &inval);
			KUNIT_EXPECT_EQ(test, iqei, IQEI_NONE);
		}
}

/* The block that AM names, together with 2^AM pages from the address itself. */
static void check_range(struct kunit *test, u64 addr, unsigned int am)
{
	u64 block_first = addr, block_last = addr | 0xfff, last = addr | 0xfff;
	struct vtds_inval inval;

	for (unsigned int i = 0; i < am; i++) {
		/* One bit of the page number more is not looked at */
		if (12 + i < 64) {
			block_first &= ~(1ULL << (12 + i));
			block_last |= 1ULL << (12 + i);
			last = last + (1ULL << (12 + i)) < last ?
				       U64_MAX :
				       last + (1ULL << (12 + i));
		}
		if (last == U64_MAX)
			block_last = U64_MAX;
	}

	KUNIT_EXPECT_EQ(test, decode(0x32, addr | am, &inval), IQEI_NONE);
	KUNIT_EXPECT_LE_MSG(test, inval.first, block_first, "%llx am %u", addr,
			    am);
	KUNIT_EXPECT_GE_MSG(test, inval.last, max(last, block_last),
			    "%llx am %u", addr, am);
	/* More is allowed, all of the space for a page is not */
	KUNIT_EXPECT_EQ_MSG(test, inval.first, block_first, "%llx am %u", addr,
			    am);
	KUNIT_EXPECT_EQ_MSG(test, inval.last, max(last, block_last),
			    "%llx am %u", addr, am);
}

static void inval_page_range(struct kunit *test)
{
	static const u64 addrs[] = {
		0,
		0x1000,
		0x3000,
		0x7fff000,
		0x80000000,
		0xfee00000,
		0x123456789000,
		0x8000000000000000ULL,
		0x7ffffffffffff000ULL,
		0xfffffffffffff000ULL,
		0xffffffffffffe000ULL,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		for (unsigned int am = 0; am < 64; am++)
			check_range(test, addrs[i], am);
}

static void inval_hint_is_no_error(struct kunit *test)
{
	struct vtds_inval inval;

	/* IH, DR and DW may be ignored */
	KUNIT_EXPECT_EQ(test, decode(0xf2, 0x5040, &inval), IQEI_NONE);
	KUNIT_EXPECT_EQ(test, inval.first, 0x5000);
	KUNIT_EXPECT_EQ(test, inval.last, 0x5fff);
}

static void inval_wait(struct kunit *test)
{
	struct vtds_inval inval;
	u32 iqei;

	for (u64 bits = 0; bits < 16; bits++) {
		/* IF, SW, FN, and PD which needs page requests */
		bool good = bits && !(bits & 8);

		KUNIT_EXPECT_EQ_MSG(test, decode(5 | bits << 4, 0, &inval),
				    good ? IQEI_NONE : IQEI_RESERVED,
				    "bits %llx", bits);
	}
	/* As Linux writes it */
	iqei = decode(0x25 | 2ULL << 32, 0x1234567890abcdecULL, &inval);
	KUNIT_EXPECT_EQ(test, iqei, IQEI_NONE);
}

static struct kunit_case inval_cases[] = {
	KUNIT_CASE(inval_types),
	KUNIT_CASE(inval_reserved_bits),
	KUNIT_CASE(inval_granularity),
	KUNIT_CASE(inval_context_function_mask),
	KUNIT_CASE(inval_address_mask_limit),
	KUNIT_CASE(inval_page_range),
	KUNIT_CASE(inval_hint_is_no_error),
	KUNIT_CASE(inval_wait),
	{},
};

static struct kunit_suite inval_suite = {
	.name = "vtd_shadow_inval",
	.test_cases = inval_cases,
};

kunit_test_suite(inval_suite);
