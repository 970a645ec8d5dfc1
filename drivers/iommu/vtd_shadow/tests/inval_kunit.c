// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the descriptor decoder in inval.c: types, reserved bits and fields of
 * both widths. Layouts are literals from section 6.5.2 of the specification.
 */
#include "../caps.h"
#include "../inval.h"
#include "inval_bench.h"

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

/* In the order of their types, from 1 on; those from 6 on are of 256 bits only */
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
	/* PASID-based IOTLB: G, DID, PASID; AM, IH, ADDR */
	{ 0x36, 0, 0xfff000000000f1c0ULL, 0xf80 },
	/* PASID cache: G, DID, PASID */
	{ 0x37, 0, 0xfff000000000f1c0ULL, U64_MAX },
	/* PASID-based device-TLB: MIP, SID, PASID; G, S, ADDR. PFSID needs DIT */
	{ 0x08, 0, 0xfff000000000f000ULL, 0x7fe },
};

static unsigned int nr_types(bool wide)
{
	return wide ? 8 : 5;
}

/* The type is in bits 3:0 and 11:9; a decoder that looks at four is wrong. */
static void check_type(struct kunit *test, unsigned int type, bool wide)
{
	static const enum vtds_inval_action actions[] = {
		VTDS_NOTHING, VTDS_REFRESH, VTDS_SYNC,
		VTDS_NOTHING, VTDS_NOTHING, VTDS_FLUSH,
		VTDS_SYNC,    VTDS_REFRESH, VTDS_NOTHING,
	};
	bool known = type >= 1 && type <= nr_types(wide);
	struct vtds_inval inval;
	u64 lo = (type & 15) | (type >> 4) << 9;

	/* What makes it good, or else the reason could be another one */
	if (known)
		lo = layouts[type - 1].lo;
	KUNIT_EXPECT_EQ_MSG(test, decode_any(wide, lo, 0, &inval),
			    known ? IQEI_NONE : IQEI_TYPE, "type %u wide %d",
			    type, wide);
	/* An unknown type is unknown whatever is reserved */
	if (!known)
		KUNIT_EXPECT_EQ(test,
				decode_any(wide, lo | 0x30, U64_MAX, &inval),
				IQEI_TYPE);
	else
		KUNIT_EXPECT_EQ(test, inval.action, actions[type]);
}

static void inval_types(struct kunit *test)
{
	for (unsigned int type = 0; type < 128; type++) {
		check_type(test, type, false);
		check_type(test, type, true);
	}
}

static void check_mode(struct kunit *test, int mode, unsigned int type)
{
	u64 desc[4] = { layouts[type - 1].lo };
	bool known = type <= 5 || mode == SCALABLE;
	struct vtds_inval inval;
	u32 iqei;

	iqei = vtds_inval_decode(&all_caps, mode, desc, 4, &inval);
	KUNIT_EXPECT_EQ_MSG(test, iqei, known ? IQEI_NONE : IQEI_TYPE,
			    "type %u mode %d", type, mode);
	iqei = vtds_inval_decode(&all_caps, mode, desc, 2, &inval);
	KUNIT_EXPECT_EQ(test, iqei, type <= 5 ? IQEI_NONE : IQEI_TYPE);
}

/* Types 6 to 8 belong to tables of scalable mode, whatever the width. */
static void inval_types_by_mode(struct kunit *test)
{
	for (unsigned int type = 1; type <= 8; type++) {
		check_mode(test, LEGACY, type);
		check_mode(test, SCALABLE, type);
		/* A mode that the unit does not have */
		check_mode(test, -EOPNOTSUPP, type);
	}
}

/* The bits of a domain-id that the unit does not have are not looked at. */
static void check_did_width(struct kunit *test, u64 type, unsigned int bits)
{
	const struct vtds_caps caps = {
		.mamv = 63,
		.no_did_bits = U16_MAX & ~(BIT(bits) - 1),
	};
	u64 desc[4] = { type | 0xfff5ULL << 16 };
	struct vtds_inval inval;

	vtds_inval_decode(&caps, SCALABLE, desc, 4, &inval);
	KUNIT_EXPECT_EQ_MSG(test, inval.did, 0xfff5 & (BIT(bits) - 1),
			    "type %llx bits %u", type, bits);
	KUNIT_EXPECT_FALSE(test, inval.all_domains);
	/* If nothing else is left it is that of all domains */
	desc[0] = type | (u64)caps.no_did_bits << 16;
	vtds_inval_decode(&caps, SCALABLE, desc, 4, &inval);
	KUNIT_EXPECT_TRUE(test, inval.all_domains);
}

static void inval_domain_id_width(struct kunit *test)
{
	for (unsigned int bits = 4; bits <= 16; bits += 2) {
		check_did_width(test, 0x22, bits);
		check_did_width(test, 0x32, bits);
		check_did_width(test, 0x26, bits);
		check_did_width(test, 0x36, bits);
	}
}

static u32 iqei_of(u64 reserved, unsigned int bit)
{
	return reserved >> bit & 1 ? IQEI_RESERVED : IQEI_NONE;
}

static void check_reserved_bit(struct kunit *test, unsigned int type,
			       unsigned int bit, bool wide)
{
	const struct layout *l = &layouts[type - 1];
	struct vtds_inval inval;
	u32 iqei;

	iqei = decode_any(wide, l->lo, l->hi | 1ULL << bit, &inval);
	KUNIT_EXPECT_EQ_MSG(test, iqei, iqei_of(l->rsvd_hi, bit),
			    "type %u wide %d high bit %u", type, wide, bit);
	/* Another type, see above */
	if (bit < 4 || (bit >= 9 && bit <= 11))
		return;
	iqei = decode_any(wide, l->lo | 1ULL << bit, l->hi, &inval);
	KUNIT_EXPECT_EQ_MSG(test, iqei, iqei_of(l->rsvd_lo, bit),
			    "type %u wide %d low bit %u", type, wide, bit);
}

static void inval_reserved_bits(struct kunit *test)
{
	for (unsigned int wide = 0; wide < 2; wide++)
		for (unsigned int type = 1; type <= nr_types(wide); type++)
			for (unsigned int bit = 0; bit < 64; bit++)
				check_reserved_bit(test, type, bit, wide);
}

/* Quadwords 2 and 3 of 256 bits are reserved in every type. */
static void inval_reserved_quadwords(struct kunit *test)
{
	for (unsigned int type = 1; type <= 8; type++)
		for (unsigned int bit = 128; bit < 256; bit++) {
			u64 desc[4] = { layouts[type - 1].lo };
			struct vtds_inval inval;
			u32 iqei;

			desc[bit / 64] = 1ULL << bit % 64;
			iqei = vtds_inval_decode(&all_caps, SCALABLE, desc, 4,
						 &inval);
			KUNIT_EXPECT_EQ_MSG(test, iqei, IQEI_RESERVED,
					    "type %u bit %u", type, bit);
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
	KUNIT_EXPECT_TRUE(test, inval.status_write);
	KUNIT_EXPECT_FALSE(test, inval.interrupt);
	KUNIT_EXPECT_EQ(test, inval.status_data, 2);
	KUNIT_EXPECT_EQ(test, inval.status_gpa, 0x1234567890abcdecULL);
	/* Interrupt and all of the data, no status */
	iqei = decode(0x15 | 0xfedcba98ULL << 32, 0x1000, &inval);
	KUNIT_EXPECT_EQ(test, iqei, IQEI_NONE);
	KUNIT_EXPECT_FALSE(test, inval.status_write);
	KUNIT_EXPECT_TRUE(test, inval.interrupt);
	KUNIT_EXPECT_EQ(test, inval.status_data, 0xfedcba98);
}

static struct kunit_case inval_cases[] = {
	KUNIT_CASE(inval_types),
	KUNIT_CASE(inval_types_by_mode),
	KUNIT_CASE(inval_domain_id_width),
	KUNIT_CASE(inval_reserved_bits),
	KUNIT_CASE(inval_reserved_quadwords),
	KUNIT_CASE(inval_granularity),
	KUNIT_CASE(inval_context_function_mask),
	KUNIT_CASE(inval_hint_is_no_error),
	KUNIT_CASE(inval_wait),
	{},
};

static struct kunit_suite inval_suite = {
	.name = "vtd_shadow_inval",
	.test_cases = inval_cases,
};

kunit_test_suite(inval_suite);
