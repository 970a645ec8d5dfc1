// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the descriptor decoder in inval.c: which addresses, domains and PASIDs
 * the descriptors name, in both widths.
 */
#include "../caps.h"
#include "../inval.h"
#include "inval_bench.h"

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
			/* MAMV limits the IOTLB descriptor in both widths */
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

static struct kunit_case inval_range_cases[] = {
	KUNIT_CASE(inval_address_mask_limit),
	KUNIT_CASE(inval_page_range),
	KUNIT_CASE(inval_domain_id_0),
	KUNIT_CASE(inval_pasid_iotlb),
	KUNIT_CASE(inval_pasid_iotlb_address_mask),
	KUNIT_CASE(inval_pasid_cache),
	KUNIT_CASE(inval_pasid_device_tlb),
	KUNIT_CASE(inval_same_in_both_widths),
	{},
};

static struct kunit_suite inval_range_suite = {
	.name = "vtd_shadow_inval_range",
	.test_cases = inval_range_cases,
};

kunit_test_suite(inval_range_suite);
