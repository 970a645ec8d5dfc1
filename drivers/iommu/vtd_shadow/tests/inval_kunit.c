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

/* RTADDR_REG.TTM */
enum { LEGACY = 0, SCALABLE = 1 };

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

static const struct vtds_caps all_caps = { .mamv = 63 };

/* What follows a descriptor of 128 bits is another one and must not matter. */
static u32 decode_with(const struct vtds_caps *caps, u64 lo, u64 hi,
		       struct vtds_inval *inval)
{
	u64 desc[] = { lo, hi, U64_MAX, U64_MAX };

	return vtds_inval_decode(caps, LEGACY, desc, 2, inval);
}

static u32 decode(u64 lo, u64 hi, struct vtds_inval *inval)
{
	return decode_with(&all_caps, lo, hi, inval);
}

/* A descriptor of 256 bits */
static u32 decode_wide(u64 lo, u64 hi, struct vtds_inval *inval)
{
	u64 desc[] = { lo, hi, 0, 0 };

	return vtds_inval_decode(&all_caps, SCALABLE, desc, 4, inval);
}

static u32 decode_any(bool wide, u64 lo, u64 hi, struct vtds_inval *inval)
{
	return wide ? decode_wide(lo, hi, inval) : decode(lo, hi, inval);
}

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

/* Only global and domain-id 0 mean all domains; that does not change the range. */
static void inval_domain_id_0(struct kunit *test)
{
	for (u64 did = 0; did <= U16_MAX; did = did ? did << 1 : 1)
		for (u64 g = 1; g < 4; g++) {
			u64 lo = g << 4 | did << 16;
			struct vtds_inval inval;

			KUNIT_EXPECT_EQ(test, decode(2 | lo, 0x5003, &inval),
					IQEI_NONE);
			KUNIT_EXPECT_EQ_MSG(test, inval.all_domains,
					    g == 1 || !did, "g %llu did %llx",
					    g, did);
			KUNIT_EXPECT_EQ(test, inval.all_pages, g != 3);
			if (g == 1)
				continue;
			KUNIT_EXPECT_EQ(test,
					decode_wide(6 | lo, 0x5003, &inval),
					IQEI_NONE);
			KUNIT_EXPECT_EQ(test, inval.all_domains, !did);
			KUNIT_EXPECT_EQ(test, inval.all_pages, g != 3);
			if (g == 2)
				continue;
			KUNIT_EXPECT_EQ(test, inval.first, 0);
			KUNIT_EXPECT_EQ(test, inval.last, 0xcfff);
		}
}

/* The block that AM names, together with 2^AM pages from the address itself. */
static void check_range(struct kunit *test, u64 addr, unsigned int am,
			unsigned int type)
{
	u64 block_first = addr, block_last = addr | 0xfff, last = addr | 0xfff;
	u64 lo = 0x30 | type;
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

	KUNIT_EXPECT_EQ(test, decode_any(type == 6, lo, addr | am, &inval),
			IQEI_NONE);
	KUNIT_EXPECT_FALSE(test, inval.all_pages);
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
		for (unsigned int am = 0; am < 64; am++) {
			/* IOTLB, and PASID-based IOTLB */
			check_range(test, addrs[i], am, 2);
			check_range(test, addrs[i], am, 6);
		}
}

/* --- Descriptors of 256 bits --- */

/* Type 6: 10b all of a PASID, 11b pages of it, all else is reserved */
static void inval_pasid_iotlb(struct kunit *test)
{
	for (u64 g = 0; g < 4; g++) {
		u64 lo = 6 | g << 4 | 0xabcdULL << 16 | 0xfedcbULL << 32;
		struct vtds_inval inval;
		u32 iqei = decode_wide(lo, 0x5000 | 1 << 6, &inval);

		KUNIT_EXPECT_EQ(test, iqei, g < 2 ? IQEI_RESERVED : IQEI_NONE);
		if (iqei)
			continue;
		KUNIT_EXPECT_EQ(test, inval.action, VTDS_SYNC);
		KUNIT_EXPECT_FALSE(test, inval.all_domains);
		KUNIT_EXPECT_EQ(test, inval.did, 0xabcd);
		KUNIT_EXPECT_EQ(test, inval.all_pages, g == 2);
		if (g == 2)
			continue;
		KUNIT_EXPECT_EQ(test, inval.first, 0x5000);
		KUNIT_EXPECT_EQ(test, inval.last, 0x5fff);
	}
}

/* MAMV is for the IOTLB descriptor; Linux goes beyond it in this one. */
static void inval_pasid_iotlb_address_mask(struct kunit *test)
{
	for (u64 am = 0; am < 64; am++)
		for (unsigned int mamv = 0; mamv < 64; mamv += 9) {
			struct vtds_caps caps = { .mamv = mamv };
			u64 desc[4] = { 0x36, am };
			struct vtds_inval inval;
			u32 iqei = vtds_inval_decode(&caps, SCALABLE, desc, 4,
						     &inval);

			KUNIT_EXPECT_EQ(test, iqei, IQEI_NONE);
			/* The same limits the IOTLB descriptor in both widths */
			desc[0] = 0x32;
			iqei = vtds_inval_decode(&caps, SCALABLE, desc, 4,
						 &inval);
			KUNIT_EXPECT_EQ(test, iqei,
					am > mamv ? IQEI_RESERVED : IQEI_NONE);
		}
}

/* Type 7: domain, PASID, reserved, global; no source-id, so all are read */
static void inval_pasid_cache(struct kunit *test)
{
	for (u64 g = 0; g < 4; g++) {
		u64 lo = 7 | g << 4 | 0xabcdULL << 16 | 0xfedcbULL << 32;
		struct vtds_inval inval;
		u32 iqei = decode_wide(lo, 0, &inval);

		KUNIT_EXPECT_EQ(test, iqei, g == 2 ? IQEI_RESERVED : IQEI_NONE);
		if (iqei)
			continue;
		KUNIT_EXPECT_EQ(test, inval.action, VTDS_REFRESH);
		KUNIT_EXPECT_EQ(test, inval.sid_mask, U16_MAX);
	}
}

/* Type 8 is acknowledged: all queue depths, sizes, both granularities */
static void inval_pasid_device_tlb(struct kunit *test)
{
	for (u64 bits = 0; bits < 32; bits++)
		for (u64 hi = 0; hi < 4; hi++) {
			struct vtds_inval inval;
			u64 lo = 8 | bits << 4 | 0x1234ULL << 16 |
				 0xfffffULL << 32;

			KUNIT_EXPECT_EQ(test,
					decode_wide(lo,
						    0xabc000 | (hi & 1) |
							    (hi & 2) << 10,
						    &inval),
					IQEI_NONE);
			KUNIT_EXPECT_EQ(test, inval.action, VTDS_NOTHING);
		}
}

/* The types of both widths mean the same in both. */
static void inval_same_in_both_widths(struct kunit *test)
{
	static const u64 descs[][2] = {
		{ 0x31 | 0x12fbULL << 32 | 2ULL << 48, 0 },
		{ 0x21 | 7 << 16, 0 },
		{ 0x12, 0 },
		{ 0x22 | 0x7777 << 16, 0 },
		{ 0x32 | 0x7777 << 16, 0x123456789000 | 5 },
		{ 0x03 | 0x1234ULL << 32, 0x1000 },
		{ 0x14 | 3ULL << 27 | 7ULL << 32, 0 },
		{ 0x35 | 2ULL << 32, 0x1234567890abcdecULL },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		struct vtds_inval narrow, wide;

		memset(&narrow, 0, sizeof(narrow));
		memset(&wide, 0, sizeof(wide));
		KUNIT_EXPECT_EQ(test, decode(descs[i][0], descs[i][1], &narrow),
				IQEI_NONE);
		KUNIT_EXPECT_EQ(test,
				decode_wide(descs[i][0], descs[i][1], &wide),
				IQEI_NONE);
		KUNIT_EXPECT_EQ(test, narrow.action, wide.action);
		KUNIT_EXPECT_EQ(test, narrow.sid, wide.sid);
		KUNIT_EXPECT_EQ(test, narrow.sid_mask, wide.sid_mask);
		KUNIT_EXPECT_EQ(test, narrow.all_domains, wide.all_domains);
		KUNIT_EXPECT_EQ(test, narrow.did, wide.did);
		KUNIT_EXPECT_EQ(test, narrow.all_pages, wide.all_pages);
		KUNIT_EXPECT_EQ(test, narrow.first, wide.first);
		KUNIT_EXPECT_EQ(test, narrow.last, wide.last);
		KUNIT_EXPECT_EQ(test, narrow.status_gpa, wide.status_gpa);
		KUNIT_EXPECT_EQ(test, narrow.status_data, wide.status_data);
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
	KUNIT_CASE(inval_address_mask_limit),
	KUNIT_CASE(inval_page_range),
	KUNIT_CASE(inval_domain_id_0),
	KUNIT_CASE(inval_pasid_iotlb),
	KUNIT_CASE(inval_pasid_iotlb_address_mask),
	KUNIT_CASE(inval_pasid_cache),
	KUNIT_CASE(inval_pasid_device_tlb),
	KUNIT_CASE(inval_same_in_both_widths),
	KUNIT_CASE(inval_hint_is_no_error),
	KUNIT_CASE(inval_wait),
	{},
};

static struct kunit_suite inval_suite = {
	.name = "vtd_shadow_inval",
	.test_cases = inval_cases,
};

kunit_test_suite(inval_suite);
