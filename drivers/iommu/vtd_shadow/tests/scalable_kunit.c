// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of scalable.c: what root, context, PASID directory and PASID table
 * entries in guest memory mean for a source-id. Layouts are literals from sections
 * 9.2 and 9.4 to 9.6 of the specification, reasons those of its appendix A.
 */
#include "bench.h"

#define ROOT_GPA 0x3000ULL
#define LOWER_GPA 0x10000ULL
#define UPPER_GPA 0x11000ULL
#define PASID_GPA 0x30000ULL
#define TABLE_GPA 0x40000ULL
/* The largest directory has 2^14 entries: 128 KiB */
#define DIR_GPA 0x80000ULL
#define HOLE_GPA 0x8000000ULL
#define HAW 40

/* Functions 43h and c3h of bus 2: in the lower and in the upper context table */
#define LOWER_SID 0x0243
#define UPPER_SID 0x02c3

#define RTADDR_SCALABLE BIT_ULL(10)
#define PASID_DID 0x1234ULL
/* PGTT 8:6, AW 4:2 */
#define PGTT(pgtt) ((u64)(pgtt) << 6)
#define AW(aw) ((u64)(aw) << 2)
#define GOOD_PASID (TABLE_GPA | PGTT(2) | AW(2) | 1)

enum {
	REASON_ROOT_ADDRESS = 0x30,
	REASON_ROOT_UNREADABLE = 0x38,
	REASON_ROOT_NOT_PRESENT = 0x39,
	REASON_ROOT_RESERVED = 0x3a,
	REASON_CTX_UNREADABLE = 0x40,
	REASON_CTX_NOT_PRESENT = 0x41,
	REASON_CTX_RESERVED = 0x42,
	REASON_PASID_DISABLED = 0x45,
	REASON_PASID_TOO_LARGE = 0x46,
	REASON_RID_PASID = 0x48,
	REASON_DIR_UNREADABLE = 0x50,
	REASON_DIR_NOT_PRESENT = 0x51,
	REASON_DIR_RESERVED = 0x52,
	REASON_PASID_UNREADABLE = 0x58,
	REASON_PASID_NOT_PRESENT = 0x59,
	REASON_PASID_RESERVED = 0x5a,
	REASON_PASID_INVALID = 0x5b,
};

/* 16 bytes for each bus: a quadword for each half of its functions */
static u64 *root_half(struct bench *b, u16 sid)
{
	return bench_entry(b, ROOT_GPA, (sid >> 8) * 2 + (sid >> 7 & 1));
}

/* 32 bytes for each function of a half */
static u64 *ctx_entry(struct bench *b, u16 sid)
{
	return bench_entry(b, sid & 0x80 ? UPPER_GPA : LOWER_GPA,
			   (sid & 0x7f) * 4);
}

/* 8 bytes for each 64 PASIDs */
static u64 *dir_entry(struct bench *b, u32 pasid)
{
	u64 offset = (pasid >> 6) * 8ULL;

	return bench_entry(b, DIR_GPA + (offset & ~0xfffULL),
			   offset % 0x1000 / 8);
}

/* 64 bytes for each PASID; one table for all directory entries */
static u64 *pasid_entry(struct bench *b, u32 pasid)
{
	return bench_entry(b, PASID_GPA, (pasid & 63) * 8);
}

static void set_pasid(struct bench *b, u32 pasid)
{
	u64 *entry = pasid_entry(b, pasid);

	memset(entry, 0, 64);
	entry[0] = GOOD_PASID;
	entry[1] = PASID_DID;
}

static void set_context(struct bench *b, u16 sid)
{
	u64 *entry = ctx_entry(b, sid);

	memset(entry, 0, 32);
	entry[0] = DIR_GPA | 1;
}

/* A valid path for both functions to a 4-level table with domain-id 0x1234 */
static struct bench *scalable_set_up(struct kunit *test)
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
	*root_half(b, LOWER_SID) = LOWER_GPA | 1;
	*root_half(b, UPPER_SID) = UPPER_GPA | 1;
	set_context(b, LOWER_SID);
	set_context(b, UPPER_SID);
	*dir_entry(b, 0) = PASID_GPA | 1;
	set_pasid(b, 0);
	return b;
}

static struct vtds_setting read_sid(struct bench *b, u16 sid)
{
	struct vtds_setting setting;

	memset(&setting, 0xa5, sizeof(setting));
	mutex_lock(&b->unit->lock);
	vtds_context_read(b->unit, sid, &setting);
	mutex_unlock(&b->unit->lock);
	return setting;
}

static void expect_shadow(struct bench *b, const char *what, unsigned int bit)
{
	struct vtds_setting setting = read_sid(b, LOWER_SID);

	KUNIT_EXPECT_EQ_MSG(b->test, setting.attachment,
			    VTD_SHADOW_ATTACHED_SHADOW, "%s %u", what, bit);
	KUNIT_EXPECT_EQ_MSG(b->test, setting.reason, 0, "%s %u", what, bit);
	KUNIT_EXPECT_EQ(b->test, setting.root, TABLE_GPA);
	KUNIT_EXPECT_EQ(b->test, setting.levels, 4);
}

static void expect_blocked(struct bench *b, unsigned int reason,
			   const char *what, unsigned int bit)
{
	struct vtds_setting setting = read_sid(b, LOWER_SID);

	KUNIT_EXPECT_EQ_MSG(b->test, setting.attachment,
			    VTD_SHADOW_ATTACHED_BLOCKED, "%s %u", what, bit);
	KUNIT_EXPECT_EQ_MSG(b->test, setting.reason, reason, "%s %u", what,
			    bit);
	KUNIT_EXPECT_EQ(b->test, setting.root, 0);
	KUNIT_EXPECT_EQ(b->test, setting.did, 0);
}

/* Sets one bit that must not be there, and takes it back. */
static void check_reserved(struct bench *b, u64 *entry, unsigned int bit,
			   unsigned int reason, const char *what)
{
	*entry |= 1ULL << bit;
	expect_blocked(b, reason, what, bit);
	*entry &= ~(1ULL << bit);
}

static void check_ignored(struct bench *b, u64 *entry, unsigned int bit,
			  const char *what)
{
	*entry ^= 1ULL << bit;
	expect_shadow(b, what, bit);
	*entry ^= 1ULL << bit;
}

/* --- Root --- */

static void scalable_valid(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	struct vtds_setting setting;

	expect_shadow(b, "good", 0);
	setting = read_sid(b, UPPER_SID);
	KUNIT_EXPECT_EQ(test, setting.attachment, VTD_SHADOW_ATTACHED_SHADOW);
	KUNIT_EXPECT_EQ(test, setting.did, PASID_DID);
	KUNIT_EXPECT_EQ(test, setting.pasid, 0);
	/* Neighbours: function, half, bus */
	KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID ^ 1).reason,
			REASON_CTX_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, read_sid(b, UPPER_SID ^ 1).reason,
			REASON_CTX_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID ^ 0x100).reason,
			REASON_ROOT_NOT_PRESENT);
}

/* Functions 7fh and 80h are neighbours in no table. */
static void scalable_halves(struct kunit *test)
{
	static const u16 sids[] = { 0x0200, 0x027f, 0x0280, 0x02ff };
	struct bench *b = scalable_set_up(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(sids); i++) {
		set_context(b, sids[i]);
		for (unsigned int j = 0; j < ARRAY_SIZE(sids); j++)
			KUNIT_EXPECT_EQ(test, read_sid(b, sids[j]).reason,
					i == j ? 0 : REASON_CTX_NOT_PRESENT);
		ctx_entry(b, sids[i])[0] = 0;
	}
}

static void scalable_root_address(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);

	/* Reserved, and abort-DMA, which is not offered */
	for (u64 ttm = 2; ttm < 4; ttm++) {
		b->unit->rtaddr = ROOT_GPA | ttm << 10;
		expect_blocked(b, REASON_ROOT_ADDRESS, "ttm", ttm);
	}
	for (unsigned int bit = HAW; bit < 64; bit++) {
		b->unit->rtaddr = ROOT_GPA | RTADDR_SCALABLE | 1ULL << bit;
		expect_blocked(b, REASON_ROOT_ADDRESS, "bit", bit);
	}
	b->unit->rtaddr = HOLE_GPA | RTADDR_SCALABLE;
	expect_blocked(b, REASON_ROOT_UNREADABLE, "hole", 0);

	b->unit->rtaddr = ROOT_GPA | RTADDR_SCALABLE;
	expect_shadow(b, "good", 0);
	b->unit->caps.scalable = false;
	expect_blocked(b, REASON_ROOT_ADDRESS, "no SMTS", 0);
	b->unit->te = false;
	KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID).attachment,
			VTD_SHADOW_ATTACHED_IDENTITY);
}

static void scalable_root_entry(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *half = root_half(b, LOWER_SID);

	for (unsigned int bit = 1; bit < 64; bit++) {
		/* The other half is none of its business */
		*root_half(b, UPPER_SID) = 1ULL << bit;
		expect_shadow(b, "other half", bit);
		if (bit >= 12 && bit < HAW)
			continue;
		check_reserved(b, half, bit, REASON_ROOT_RESERVED, "half");
		*half = (LOWER_GPA | 1ULL << bit) & ~1ULL;
		expect_blocked(b, REASON_ROOT_NOT_PRESENT, "absent", bit);
		*half = LOWER_GPA | 1;
	}
	*root_half(b, UPPER_SID) = UPPER_GPA | 1 | 2;
	KUNIT_EXPECT_EQ(test, read_sid(b, UPPER_SID).reason,
			REASON_ROOT_RESERVED);
	*half = HOLE_GPA | 1;
	expect_blocked(b, REASON_CTX_UNREADABLE, "hole", 0);
}

/* --- Context --- */

/*
 * P 0, FPD 1, DTE 2, PASIDE 3, PRE 4, 8:5 reserved, PDTS 11:9, pointer 63:12,
 * RID_PASID 83:64, RID_PRIV 84, 255:85 reserved
 */
static void scalable_context_bits(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *ctx = ctx_entry(b, LOWER_SID);

	for (unsigned int bit = 1; bit < 256; bit++) {
		bool reserved = (bit >= 5 && bit <= 8) ||
				(bit >= HAW && bit < 64) || bit >= 85;
		u64 *qword = &ctx[bit / 64];

		/* The pointer */
		if (bit >= 12 && bit < HAW)
			continue;
		if (reserved)
			check_reserved(b, qword, bit % 64, REASON_CTX_RESERVED,
				       "context");
		else
			check_ignored(b, qword, bit % 64, "context");
	}
}

/* Nothing of an absent entry counts. */
static void scalable_context_absent(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *ctx = ctx_entry(b, LOWER_SID);

	memset(ctx, 0xff, 32);
	ctx[0] &= ~1ULL;
	expect_blocked(b, REASON_CTX_NOT_PRESENT, "all ones", 0);
	memset(ctx, 0, 32);
	expect_blocked(b, REASON_CTX_NOT_PRESENT, "all zeroes", 0);
}

/* The PASID of requests without one: the field, if the unit has it */
static void scalable_rid_pasid(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *ctx = ctx_entry(b, LOWER_SID);

	ctx[0] |= 7 << 9;
	for (unsigned int bit = 0; bit < 20; bit++) {
		u32 pasid = 1U << bit;

		ctx[1] = pasid;
		b->unit->caps.rid_pasid = false;
		KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID).pasid, 0);
		expect_shadow(b, "without RPS", bit);

		b->unit->caps.rid_pasid = true;
		*dir_entry(b, pasid) = PASID_GPA | 1;
		memset(pasid_entry(b, 0), 0, 64);
		if (pasid & 63)
			expect_blocked(b, REASON_PASID_NOT_PRESENT, "bit", bit);
		set_pasid(b, pasid);
		expect_shadow(b, "bit", bit);
		KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID).pasid, pasid);
		memset(pasid_entry(b, pasid), 0, 64);
		*dir_entry(b, pasid) = 0;
		*dir_entry(b, 0) = PASID_GPA | 1;
		set_pasid(b, 0);
	}
}

/* The directory has 2^(PDTS+7) entries, each for 64 PASIDs. */
static void scalable_directory_size(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *ctx = ctx_entry(b, LOWER_SID);

	b->unit->caps.rid_pasid = true;
	for (unsigned int pdts = 0; pdts < 8; pdts++) {
		u32 end = 64U << (pdts + 7);

		ctx[0] = DIR_GPA | (u64)pdts << 9 | 1;
		ctx[1] = end - 1;
		*dir_entry(b, end - 1) = PASID_GPA | 1;
		set_pasid(b, end - 1);
		expect_shadow(b, "last of PDTS", pdts);
		*dir_entry(b, end - 1) = 0;
		expect_blocked(b, REASON_DIR_NOT_PRESENT, "PDTS", pdts);
		/* All of 20 bits are inside of the largest one */
		if (pdts == 7)
			break;
		ctx[1] = end;
		expect_blocked(b, REASON_RID_PASID, "beyond PDTS", pdts);
		ctx[1] = 0xfffff;
		expect_blocked(b, REASON_RID_PASID, "beyond PDTS", pdts);
	}
}

/* --- Requests with PASID --- */

#define PASIDE 8

static struct vtds_setting read_with(struct bench *b, u32 pasid)
{
	struct vtds_setting setting;

	memset(&setting, 0xa5, sizeof(setting));
	mutex_lock(&b->unit->lock);
	vtds_scalable_read_pasid(b->unit, LOWER_SID, pasid, &setting);
	mutex_unlock(&b->unit->lock);
	return setting;
}

/* They need PASIDE, requests without PASID do not; the unit must have PASIDs. */
static void scalable_pasid_enable(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *ctx = ctx_entry(b, LOWER_SID);

	b->unit->caps.pasid_bits = 20;
	set_pasid(b, 5);
	KUNIT_EXPECT_EQ(test, read_with(b, 5).reason, REASON_PASID_DISABLED);
	KUNIT_EXPECT_EQ(test, read_with(b, 5).attachment,
			VTD_SHADOW_ATTACHED_BLOCKED);
	KUNIT_EXPECT_EQ(test, read_with(b, 5).pasid, 5);
	expect_shadow(b, "without PASIDE", 0);

	ctx[0] |= PASIDE;
	KUNIT_EXPECT_EQ(test, read_with(b, 5).attachment,
			VTD_SHADOW_ATTACHED_SHADOW);
	KUNIT_EXPECT_EQ(test, read_with(b, 6).reason, REASON_PASID_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, read_with(b, 64).reason, REASON_DIR_NOT_PRESENT);
	expect_shadow(b, "with PASIDE", 0);

	b->unit->caps.pasid_bits = 0;
	KUNIT_EXPECT_EQ(test, read_with(b, 5).reason, REASON_PASID_DISABLED);
	ctx[0] &= ~1ULL;
	KUNIT_EXPECT_EQ(test, read_with(b, 5).reason, REASON_CTX_NOT_PRESENT);
}

/* Beyond the directory, and beyond what the unit has; in the directory it is another fault */
static void scalable_pasid_too_large(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *ctx = ctx_entry(b, LOWER_SID);

	b->unit->caps.pasid_bits = 20;
	for (unsigned int pdts = 0; pdts < 7; pdts++) {
		u32 end = 64U << (pdts + 7);

		ctx[0] = DIR_GPA | (u64)pdts << 9 | PASIDE | 1;
		KUNIT_EXPECT_EQ(test, read_with(b, end - 1).reason,
				REASON_DIR_NOT_PRESENT);
		KUNIT_EXPECT_EQ(test, read_with(b, end).reason,
				REASON_PASID_TOO_LARGE);
		KUNIT_EXPECT_EQ(test, read_with(b, 0xfffff).reason,
				REASON_PASID_TOO_LARGE);
	}
	for (unsigned int bits = 1; bits < 20; bits++) {
		b->unit->caps.pasid_bits = bits;
		ctx[0] = DIR_GPA | 7 << 9 | PASIDE | 1;
		KUNIT_EXPECT_NE(test, read_with(b, (1U << bits) - 1).reason,
				REASON_PASID_TOO_LARGE);
		KUNIT_EXPECT_EQ(test, read_with(b, 1U << bits).reason,
				REASON_PASID_TOO_LARGE);
	}
	/* FPD hides it, as what is wrong with the entry */
	KUNIT_EXPECT_FALSE(test, read_with(b, 0xfffff).fpd);
	ctx[0] |= 2;
	KUNIT_EXPECT_TRUE(test, read_with(b, 0xfffff).fpd);
}

/* --- PASID directory --- */

static void scalable_directory_entry(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *entry = dir_entry(b, 0);

	for (unsigned int bit = 2; bit < 64; bit++) {
		if (bit >= 12 && bit < HAW)
			continue;
		check_reserved(b, entry, bit, REASON_DIR_RESERVED, "directory");
		*entry = (PASID_GPA | 1ULL << bit) & ~1ULL;
		expect_blocked(b, REASON_DIR_NOT_PRESENT, "absent", bit);
		*entry = PASID_GPA | 1;
	}
	check_ignored(b, entry, 1, "FPD");
	*entry = HOLE_GPA | 1;
	expect_blocked(b, REASON_PASID_UNREADABLE, "hole", 0);
	*entry = PASID_GPA | 1;
	ctx_entry(b, LOWER_SID)[0] = HOLE_GPA | 1;
	expect_blocked(b, REASON_DIR_UNREADABLE, "hole", 0);
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
	struct bench *b = scalable_set_up(test);
	u64 *entry = pasid_entry(b, 0);

	for (unsigned int bit = 0; bit < 512; bit++) {
		u64 *qword = &entry[bit / 64];

		/* P, AW, PGTT, pointer, DID: see the other tests */
		if (bit == 0 || (bit >= 2 && bit <= 4) ||
		    (bit >= 6 && bit <= 8) || (bit >= 12 && bit < HAW) ||
		    (bit >= 64 && bit < 80))
			continue;
		if (pasid_bit_reserved(bit))
			check_reserved(b, qword, bit % 64,
				       REASON_PASID_RESERVED, "PASID");
		else
			check_ignored(b, qword, bit % 64, "PASID");
	}
}

static void scalable_pasid_absent(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);
	u64 *entry = pasid_entry(b, 0);

	memset(entry, 0xff, 64);
	entry[0] &= ~1ULL;
	expect_blocked(b, REASON_PASID_NOT_PRESENT, "all ones", 0);
	/* As Linux detaches: P first, all else is left */
	set_pasid(b, 0);
	entry[0] &= ~1ULL;
	expect_blocked(b, REASON_PASID_NOT_PRESENT, "P only", 0);
	memset(entry, 0, 64);
	expect_blocked(b, REASON_PASID_NOT_PRESENT, "all zeroes", 0);
}

static void scalable_domain_id(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);

	for (unsigned int bit = 0; bit < 16; bit++) {
		pasid_entry(b, 0)[1] = 1ULL << bit;
		expect_shadow(b, "DID", bit);
		KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID).did, 1 << bit);
	}
	/* Bits that the unit does not have do not count, as in descriptors */
	b->unit->caps.no_did_bits = 0xff00;
	pasid_entry(b, 0)[1] = 0x1234;
	expect_shadow(b, "DID beyond ND", 0);
	KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID).did, 0x34);
}

static void check_type(struct bench *b, unsigned int pgtt, unsigned int aw)
{
	const struct vtds_caps *caps = &b->unit->caps;
	/* AW 1, 2, 3 stand for 3, 4, 5 levels */
	bool good = aw >= 1 && aw <= 3 && caps->levels >> (aw + 2) & 1;
	struct vtds_setting setting;

	/* First stage 1 and nested 3 are not shadowed */
	good = good && ((pgtt == 2 && caps->second_stage) ||
			(pgtt == 4 && caps->pass_through));
	pasid_entry(b, 0)[0] = TABLE_GPA | PGTT(pgtt) | AW(aw) | 1;
	if (!good) {
		expect_blocked(b, REASON_PASID_INVALID, "type", pgtt * 10 + aw);
		return;
	}
	setting = read_sid(b, LOWER_SID);
	KUNIT_EXPECT_EQ(b->test, setting.did, PASID_DID);
	KUNIT_EXPECT_EQ(b->test, setting.reason, 0);
	if (pgtt == 4) {
		KUNIT_EXPECT_EQ(b->test, setting.attachment,
				VTD_SHADOW_ATTACHED_IDENTITY);
		return;
	}
	KUNIT_EXPECT_EQ(b->test, setting.attachment,
			VTD_SHADOW_ATTACHED_SHADOW);
	KUNIT_EXPECT_EQ(b->test, setting.root, TABLE_GPA);
	KUNIT_EXPECT_EQ(b->test, setting.levels, aw + 2);
}

/* Every PGTT and AW under every set of capabilities */
static void scalable_types_and_widths(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);

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
	struct bench *b = scalable_set_up(test);

	b->unit->caps.pass_through = true;
	for (unsigned int bit = 12; bit < HAW; bit++) {
		pasid_entry(b, 0)[0] = 1ULL << bit | PGTT(4) | AW(2) | 1;
		KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID).attachment,
				VTD_SHADOW_ATTACHED_IDENTITY);
	}
}

static void scalable_every_haw(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);

	for (unsigned int haw = 32; haw <= 52; haw++)
		for (unsigned int bit = 32; bit < 64; bit++) {
			struct vtds_setting setting;

			b->unit->caps.haw = haw;
			pasid_entry(b, 0)[0] = 1ULL << bit | PGTT(2) | AW(2) |
					       1;
			setting = read_sid(b, LOWER_SID);
			KUNIT_EXPECT_EQ_MSG(test, setting.reason,
					    bit < haw ? 0 :
							REASON_PASID_RESERVED,
					    "haw %u bit %u", haw, bit);
			if (bit < haw)
				KUNIT_EXPECT_EQ(test, setting.root,
						1ULL << bit);
		}
}

/* --- Fault processing disable --- */

enum fpd_place { FPD_NONE, FPD_CONTEXT, FPD_DIRECTORY, FPD_PASID };

/**
 * struct fpd_fault - A fault, and from where on FPD hides it
 * @reason: The fault
 * @hides: Places that hide it, as bits
 * @make: Makes it happen
 */
struct fpd_fault {
	unsigned int reason;
	unsigned int hides;
	void (*make)(struct bench *b);
};

static void root_absent(struct bench *b)
{
	*root_half(b, LOWER_SID) = 0;
}

static void ctx_absent(struct bench *b)
{
	ctx_entry(b, LOWER_SID)[0] &= ~1ULL;
}

static void ctx_reserved(struct bench *b)
{
	ctx_entry(b, LOWER_SID)[2] = 1;
}

static void rid_pasid_beyond(struct bench *b)
{
	b->unit->caps.rid_pasid = true;
	ctx_entry(b, LOWER_SID)[1] = 0xfffff;
}

static void dir_unreadable(struct bench *b)
{
	u64 *ctx = ctx_entry(b, LOWER_SID);

	*ctx = HOLE_GPA | (*ctx & 0xfff);
}

static void dir_absent(struct bench *b)
{
	*dir_entry(b, 0) &= ~1ULL;
}

static void dir_reserved(struct bench *b)
{
	*dir_entry(b, 0) |= 4;
}

static void pasid_unreadable(struct bench *b)
{
	*dir_entry(b, 0) = HOLE_GPA | (*dir_entry(b, 0) & 0xfff);
}

static void pasid_absent(struct bench *b)
{
	pasid_entry(b, 0)[0] &= ~1ULL;
}

static void pasid_reserved(struct bench *b)
{
	pasid_entry(b, 0)[7] = 1;
}

static void pasid_invalid(struct bench *b)
{
	pasid_entry(b, 0)[0] &= ~PGTT(7);
}

static const struct fpd_fault fpd_faults[] = {
	{ REASON_ROOT_NOT_PRESENT, 0, root_absent },
	{ REASON_CTX_NOT_PRESENT, BIT(FPD_CONTEXT), ctx_absent },
	{ REASON_CTX_RESERVED, 0, ctx_reserved },
	{ REASON_RID_PASID, BIT(FPD_CONTEXT), rid_pasid_beyond },
	{ REASON_DIR_UNREADABLE, 0, dir_unreadable },
	{ REASON_DIR_NOT_PRESENT, BIT(FPD_CONTEXT) | BIT(FPD_DIRECTORY),
	  dir_absent },
	{ REASON_DIR_RESERVED, BIT(FPD_CONTEXT) | BIT(FPD_DIRECTORY),
	  dir_reserved },
	{ REASON_PASID_UNREADABLE, 0, pasid_unreadable },
	{ REASON_PASID_NOT_PRESENT,
	  BIT(FPD_CONTEXT) | BIT(FPD_DIRECTORY) | BIT(FPD_PASID),
	  pasid_absent },
	{ REASON_PASID_RESERVED,
	  BIT(FPD_CONTEXT) | BIT(FPD_DIRECTORY) | BIT(FPD_PASID),
	  pasid_reserved },
	{ REASON_PASID_INVALID,
	  BIT(FPD_CONTEXT) | BIT(FPD_DIRECTORY) | BIT(FPD_PASID),
	  pasid_invalid },
};

static void set_fpd(struct bench *b, enum fpd_place place)
{
	if (place == FPD_CONTEXT)
		ctx_entry(b, LOWER_SID)[0] |= 2;
	if (place == FPD_DIRECTORY)
		*dir_entry(b, 0) |= 2;
	if (place == FPD_PASID)
		pasid_entry(b, 0)[0] |= 2;
}

/* Each fault with the bit nowhere, and at each of its three places */
static void scalable_fault_disable(struct kunit *test)
{
	struct bench *b;

	for (unsigned int i = 0; i < ARRAY_SIZE(fpd_faults); i++)
		for (enum fpd_place place = FPD_NONE; place <= FPD_PASID;
		     place++) {
			const struct fpd_fault *fault = &fpd_faults[i];
			struct vtds_setting setting;

			b = scalable_set_up(test);
			set_fpd(b, place);
			fault->make(b);
			setting = read_sid(b, LOWER_SID);
			KUNIT_EXPECT_EQ(test, setting.reason, fault->reason);
			KUNIT_EXPECT_EQ_MSG(test, setting.fpd,
					    !!(fault->hides & BIT(place)),
					    "reason %x place %d", fault->reason,
					    place);
		}
	/* What is valid keeps it, for the faults of its paging entries */
	for (enum fpd_place place = FPD_NONE; place <= FPD_PASID; place++) {
		b = scalable_set_up(test);
		set_fpd(b, place);
		expect_shadow(b, "FPD", place);
		KUNIT_EXPECT_EQ(test, read_sid(b, LOWER_SID).fpd,
				place != FPD_NONE);
	}
}

/* --- What tells that an entry changed --- */

static void check_digest(struct bench *b, u64 *word, u64 bit)
{
	u32 before = read_sid(b, LOWER_SID).digest;

	KUNIT_EXPECT_EQ(b->test, read_sid(b, LOWER_SID).digest, before);
	*word ^= bit;
	KUNIT_EXPECT_NE(b->test, read_sid(b, LOWER_SID).digest, before);
	*word ^= bit;
	KUNIT_EXPECT_EQ(b->test, read_sid(b, LOWER_SID).digest, before);
}

static void scalable_digest(struct kunit *test)
{
	struct bench *b = scalable_set_up(test);

	/* The last bit of each, and one that changes nothing else */
	check_digest(b, root_half(b, LOWER_SID), 2);
	check_digest(b, &ctx_entry(b, LOWER_SID)[3], BIT_ULL(63));
	check_digest(b, &ctx_entry(b, LOWER_SID)[0], 4);
	check_digest(b, dir_entry(b, 0), 2);
	check_digest(b, &pasid_entry(b, 0)[7], BIT_ULL(63));
	check_digest(b, &pasid_entry(b, 0)[2], 1);
}

static int scalable_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (!ret)
		fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_SCATTERED);
	return ret;
}

static struct kunit_case scalable_cases[] = {
	KUNIT_CASE(scalable_valid),
	KUNIT_CASE(scalable_halves),
	KUNIT_CASE(scalable_root_address),
	KUNIT_CASE(scalable_root_entry),
	KUNIT_CASE(scalable_context_bits),
	KUNIT_CASE(scalable_context_absent),
	KUNIT_CASE(scalable_rid_pasid),
	KUNIT_CASE(scalable_directory_size),
	KUNIT_CASE(scalable_pasid_enable),
	KUNIT_CASE(scalable_pasid_too_large),
	KUNIT_CASE(scalable_directory_entry),
	KUNIT_CASE(scalable_pasid_bits),
	KUNIT_CASE(scalable_pasid_absent),
	KUNIT_CASE(scalable_domain_id),
	KUNIT_CASE(scalable_types_and_widths),
	KUNIT_CASE(scalable_pass_through_ignores_pointer),
	KUNIT_CASE(scalable_every_haw),
	KUNIT_CASE(scalable_fault_disable),
	KUNIT_CASE(scalable_digest),
	{},
};

static struct kunit_suite scalable_suite = {
	.name = "vtd_shadow_scalable",
	.init = scalable_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = scalable_cases,
};

kunit_test_suite(scalable_suite);
