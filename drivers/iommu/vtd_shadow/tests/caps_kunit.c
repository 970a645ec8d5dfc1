// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of caps.c: which register values are accepted, and which bits of a
 * paging entry are reserved. Expectations are literals from the specification.
 */
#include "../caps.h"
#include "bench.h"

#define CAP_CM 0x0000000000000080ULL
/* Tables of 4 and of 5 levels, and 48 bits */
#define CAP_SAGAW_4 BIT_ULL(10)
#define CAP_SAGAW_5 BIT_ULL(11)
#define CAP_MGAW_48 (47ULL << 16)
#define CAP_GOOD (CAP_CM | CAP_SAGAW_4 | CAP_MGAW_48)

/*
 * What can be served: ND 2:0, RWBF 4, CM 7, SAGAW 11:9, MGAW 21:16, FRO
 * 33:24, SSLPS 35:34, PSI 39, NFR 47:40, MAMV 53:48, DWD 54, DRD 55, PI 59,
 * ESIRTPS 62, ESRTPS 63.
 */
#define CAP_ALLOWED 0xc8ffff8fff3f0e97ULL
/*
 * C 0, QI 1, DT 2, IR 3, EIM 4, PT 6, SC 7, IRO 17:8, MHMV 23:20, SRS 31, PSS 39:35,
 * PASID 40, SMTS 43, SLTS 46, SMPWCS 48, RPS 49. Not: NEST 26, PRS 29, ERS 30, NWFS
 * 33, EAFS 34, DIT 41, PDS 42, VCS 44, SLADS 45, FLTS 47, PMS 51, ADMS 52.
 */
#define ECAP_ALLOWED 0x000349f880f3ffdfULL

static int decode(u64 cap, u64 ecap, u32 haw, struct vtds_caps *caps)
{
	return vtds_caps_decode(caps, cap, ecap, haw);
}

static void caps_cap_bits(struct kunit *test)
{
	struct vtds_caps caps;

	for (unsigned int bit = 0; bit < 64; bit++) {
		u64 cap = CAP_GOOD | 1ULL << bit;
		bool allowed = CAP_ALLOWED >> bit & 1;

		/* No size of superpages without the smaller one */
		if (bit == 35)
			cap |= 1ULL << 34;
		/* MGAW 33 to 49: more than SAGAW can do is another error */
		if (bit >= 16 && bit <= 21)
			cap = CAP_CM | CAP_SAGAW_5 | 32ULL << 16 | 1ULL << bit;
		KUNIT_EXPECT_EQ_MSG(test, decode(cap, 0, 39, &caps),
				    allowed ? 0 : -EOPNOTSUPP, "bit %u", bit);
	}
	KUNIT_EXPECT_EQ(test, vtds_caps_cap_mask(), CAP_ALLOWED);
}

static void caps_ecap_bits(struct kunit *test)
{
	struct vtds_caps caps;

	for (unsigned int bit = 0; bit < 64; bit++)
		KUNIT_EXPECT_EQ_MSG(test,
				    decode(CAP_GOOD, 1ULL << bit, 39, &caps),
				    ECAP_ALLOWED >> bit & 1 ? 0 : -EOPNOTSUPP,
				    "bit %u", bit);
	KUNIT_EXPECT_EQ(test, vtds_caps_ecap_mask(), ECAP_ALLOWED);
}

static void caps_needs_cm(struct kunit *test)
{
	struct vtds_caps caps;

	KUNIT_EXPECT_EQ(test, decode(CAP_GOOD & ~CAP_CM, 0, 39, &caps),
			-EINVAL);
}

static void caps_widths(struct kunit *test)
{
	for (unsigned int sagaw = 0; sagaw < 8; sagaw++)
		for (unsigned int mgaw = 1; mgaw <= 64; mgaw++) {
			/* Widths 39, 48 and 57 */
			unsigned int width = sagaw & 4 ? 57 :
					     sagaw & 2 ? 48 :
					     sagaw & 1 ? 39 :
							 0;
			u64 cap = CAP_CM | (u64)sagaw << 9 |
				  (mgaw - 1ULL) << 16;
			/* A leaf of 1 GiB must not be cut */
			bool good = mgaw >= 30 && mgaw <= width;
			struct vtds_caps caps = {};
			int ret = decode(cap, 0, 39, &caps);

			KUNIT_EXPECT_EQ_MSG(test, ret, good ? 0 : -EINVAL,
					    "sagaw %u mgaw %u", sagaw, mgaw);
			if (ret)
				continue;
			KUNIT_EXPECT_EQ(test, caps.mgaw, mgaw);
			/* Bit 3 for 3 levels, and so on */
			KUNIT_EXPECT_EQ(test, caps.levels, sagaw << 3);
		}
}

static void caps_haw(struct kunit *test)
{
	struct vtds_caps caps;

	for (u32 haw = 0; haw <= 70; haw++)
		KUNIT_EXPECT_EQ_MSG(test, decode(CAP_GOOD, 0, haw, &caps),
				    haw >= 32 && haw <= 52 ? 0 : -EINVAL,
				    "haw %u", haw);
	KUNIT_EXPECT_EQ(test, decode(CAP_GOOD, 0, U32_MAX, &caps), -EINVAL);
}

static void caps_fields(struct kunit *test)
{
	struct vtds_caps caps;

	for (u64 mamv = 0; mamv < 64; mamv++) {
		KUNIT_EXPECT_EQ(test,
				decode(CAP_GOOD | mamv << 48, 0, 40, &caps), 0);
		KUNIT_EXPECT_EQ(test, caps.mamv, mamv);
		KUNIT_EXPECT_EQ(test, caps.haw, 40);
	}
	KUNIT_EXPECT_FALSE(test,
			   caps.pass_through | caps.device_tlb | caps.snoop);
	KUNIT_EXPECT_EQ(test, caps.leaf_levels, 2);

	decode(CAP_GOOD | 1ULL << 34, 1ULL << 6, 40, &caps);
	KUNIT_EXPECT_EQ(test, caps.leaf_levels, 6);
	KUNIT_EXPECT_TRUE(test, caps.pass_through && !caps.device_tlb);
	decode(CAP_GOOD, 1ULL << 2, 40, &caps);
	KUNIT_EXPECT_EQ(test, caps.leaf_levels, 2);
	KUNIT_EXPECT_TRUE(test, caps.device_tlb && !caps.snoop);
	decode(CAP_GOOD | 3ULL << 34, 1ULL << 7, 40, &caps);
	KUNIT_EXPECT_EQ(test, caps.leaf_levels, 14);
	KUNIT_EXPECT_TRUE(test, caps.snoop && !caps.pass_through);
}

/* SLLPS: 1 GiB comes with 2 MiB only */
static void caps_superpages(struct kunit *test)
{
	struct vtds_caps caps;

	for (u64 sllps = 0; sllps < 4; sllps++) {
		int ret = decode(CAP_GOOD | sllps << 34, 0, 40, &caps);

		KUNIT_EXPECT_EQ_MSG(test, ret, sllps == 2 ? -EINVAL : 0,
				    "sllps %llu", sllps);
	}
}

/* ND: a domain-id has 4 + 2 * ND bits; 7 is reserved */
static void caps_domain_ids(struct kunit *test)
{
	struct vtds_caps caps;

	for (u64 nd = 0; nd < 7; nd++) {
		KUNIT_EXPECT_EQ(test, decode(CAP_GOOD | nd, 0, 40, &caps), 0);
		KUNIT_EXPECT_EQ_MSG(test, caps.no_did_bits,
				    (0xfff0 << (2 * nd)) & 0xffff, "nd %llu",
				    nd);
	}
	KUNIT_EXPECT_EQ(test, decode(CAP_GOOD | 7, 0, 40, &caps), -EINVAL);
}

/* Of scalable mode, each for itself */
static void caps_scalable_fields(struct kunit *test)
{
	struct vtds_caps caps;

	for (unsigned int opt = 0; opt < 8; opt++) {
		u64 ecap = (opt & 1 ? 1ULL << 43 : 0) |
			   (opt & 2 ? 1ULL << 46 : 0) |
			   (opt & 4 ? 1ULL << 49 : 0);

		KUNIT_EXPECT_EQ(test, decode(CAP_GOOD, ecap, 40, &caps), 0);
		KUNIT_EXPECT_EQ(test, caps.scalable, !!(opt & 1));
		KUNIT_EXPECT_EQ(test, caps.snoop, !!(opt & 1));
		KUNIT_EXPECT_EQ(test, caps.second_stage, !!(opt & 2));
		KUNIT_EXPECT_EQ(test, caps.rid_pasid, !!(opt & 4));
		KUNIT_EXPECT_EQ(test, caps.pasid_bits, 0);
	}
	/* PASIDs have PSS+1 bits, and 20 at most */
	for (u64 pss = 0; pss < 32; pss++) {
		u64 ecap = pss << 35;

		KUNIT_EXPECT_EQ(test, decode(CAP_GOOD, ecap, 40, &caps), 0);
		KUNIT_EXPECT_EQ(test, caps.pasid_bits, 0);
		ecap |= BIT_ULL(40);
		KUNIT_EXPECT_EQ(test, decode(CAP_GOOD, ecap, 40, &caps), 0);
		KUNIT_EXPECT_EQ(test, caps.pasid_bits, pss < 19 ? pss + 1 : 20);
	}
}

/**
 * struct entry_kind - Reserved bits of one kind of entry, without HAW
 * @level: Of the table that it is in
 * @base: R, and PS for superpages
 * @reserved: Reserved bits
 * @leaf: Bit 11 is SNP if ECAP.SC or SMTS, bit 62 TM if ECAP.DT
 * @size_cap: Bit of CAP_REG that allows the kind, 0 if always
 */
struct entry_kind {
	unsigned int level;
	u64 base;
	u64 reserved;
	bool leaf;
	u64 size_cap;
};

static const struct entry_kind entry_kinds[] = {
	{ 5, 0x01, 0x4000000000000880ULL, false, 0 },
	{ 4, 0x01, 0x4000000000000880ULL, false, 0 },
	{ 3, 0x02, 0x4000000000000800ULL, false, 0 },
	{ 2, 0x03, 0x4000000000000800ULL, false, 0 },
	{ 3, 0x81, 0x400000003ffff800ULL, true, 1ULL << 35 },
	{ 2, 0x82, 0x40000000001ff800ULL, true, 1ULL << 34 },
	{ 1, 0x01, 0x4000000000000800ULL, true, 0 },
};

/* All bits of one kind of entry, one by one. */
static void check_kind(struct kunit *test, const struct entry_kind *kind,
		       const struct vtds_caps *caps, u64 cap, u64 ecap)
{
	u64 reserved = kind->reserved;
	bool got;

	if (kind->leaf && (ecap & (1ULL << 7 | 1ULL << 43)))
		reserved &= ~0x800ULL;
	if (kind->leaf && (ecap & 1 << 2))
		reserved &= ~0x4000000000000000ULL;
	for (unsigned int bit = caps->haw; bit < 52; bit++)
		reserved |= 1ULL << bit;
	/* A superpage that the unit does not have */
	if (kind->size_cap && !(cap & kind->size_cap))
		reserved = U64_MAX;

	got = vtds_caps_entry_reserved(caps, kind->base, kind->level);
	KUNIT_EXPECT_EQ(test, got, reserved == U64_MAX);
	for (unsigned int bit = 0; bit < 64; bit++) {
		u64 entry = kind->base | 1ULL << bit;

		/* That is the other kind, or not allowed above it */
		if (bit == 7 && (kind->level == 2 || kind->level == 3))
			continue;
		got = vtds_caps_entry_reserved(caps, entry, kind->level);
		KUNIT_EXPECT_EQ_MSG(test, got, !!(entry & reserved),
				    "level %u bit %u haw %u", kind->level, bit,
				    caps->haw);
	}
}

static void caps_entry_reserved(struct kunit *test)
{
	static const u8 haws[] = { 32, 36, 39, 46, 51, 52 };

	for (unsigned int i = 0; i < ARRAY_SIZE(haws); i++)
		for (unsigned int opt = 0; opt < 32; opt++) {
			u64 cap = CAP_GOOD | (u64)(opt & 3) << 34;
			u64 ecap = (opt & 4 ? 1 << 7 : 0) |
				   (opt & 8 ? 1 << 2 : 0) |
				   (opt & 16 ? 1ULL << 43 : 0);
			struct vtds_caps caps;

			/* 1 GiB without 2 MiB: there is no such unit */
			if ((opt & 3) == 2)
				continue;
			KUNIT_ASSERT_EQ(test, decode(cap, ecap, haws[i], &caps),
					0);
			for (unsigned int k = 0; k < ARRAY_SIZE(entry_kinds);
			     k++)
				check_kind(test, &entry_kinds[k], &caps, cap,
					   ecap);
		}
}

static struct kunit_case caps_cases[] = {
	KUNIT_CASE(caps_cap_bits),
	KUNIT_CASE(caps_ecap_bits),
	KUNIT_CASE(caps_needs_cm),
	KUNIT_CASE(caps_widths),
	KUNIT_CASE(caps_haw),
	KUNIT_CASE(caps_fields),
	KUNIT_CASE(caps_superpages),
	KUNIT_CASE(caps_domain_ids),
	KUNIT_CASE(caps_scalable_fields),
	KUNIT_CASE(caps_entry_reserved),
	{},
};

static struct kunit_suite caps_suite = {
	.name = "vtd_shadow_caps",
	.test_cases = caps_cases,
};

kunit_test_suite(caps_suite);
