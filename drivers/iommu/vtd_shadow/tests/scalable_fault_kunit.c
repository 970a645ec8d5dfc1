// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of scalable.c: which faults the fault processing disable bits hide, from
 * each of their three places.
 */
#include "../guest_ctx.h"
#include "../unit.h"
#include "scalable_bench.h"

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
	*sm_root_half(b, LOWER_SID) = 0;
}

static void ctx_absent(struct bench *b)
{
	sm_ctx_entry(b, LOWER_SID)[0] &= ~1ULL;
}

static void ctx_reserved(struct bench *b)
{
	sm_ctx_entry(b, LOWER_SID)[2] = 1;
}

static void rid_pasid_beyond(struct bench *b)
{
	b->unit->caps.rid_pasid = true;
	sm_ctx_entry(b, LOWER_SID)[1] = 0xfffff;
}

static void dir_unreadable(struct bench *b)
{
	u64 *context = sm_ctx_entry(b, LOWER_SID);

	*context = HOLE_GPA | (*context & 0xfff);
}

static void dir_absent(struct bench *b)
{
	*sm_dir_entry(b, 0) &= ~1ULL;
}

static void dir_reserved(struct bench *b)
{
	*sm_dir_entry(b, 0) |= 4;
}

static void pasid_unreadable(struct bench *b)
{
	*sm_dir_entry(b, 0) = HOLE_GPA | (*sm_dir_entry(b, 0) & 0xfff);
}

static void pasid_absent(struct bench *b)
{
	sm_pasid_entry(b, 0)[0] &= ~1ULL;
}

static void pasid_reserved(struct bench *b)
{
	sm_pasid_entry(b, 0)[7] = 1;
}

static void pasid_invalid(struct bench *b)
{
	sm_pasid_entry(b, 0)[0] &= ~PGTT(7);
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
		sm_ctx_entry(b, LOWER_SID)[0] |= 2;
	if (place == FPD_DIRECTORY)
		*sm_dir_entry(b, 0) |= 2;
	if (place == FPD_PASID)
		sm_pasid_entry(b, 0)[0] |= 2;
}

/* Each fault with the bit nowhere, and at each of its three places */
static void scalable_fault_disable(struct kunit *test)
{
	struct bench *b;

	for (unsigned int i = 0; i < ARRAY_SIZE(fpd_faults); i++)
		for (enum fpd_place place = FPD_NONE; place <= FPD_PASID;
		     place++) {
			const struct fpd_fault *fault = &fpd_faults[i];
			struct vtds_guest_ctx ctx;

			b = sm_set_up(test);
			set_fpd(b, place);
			fault->make(b);
			ctx = sm_read_sid(b, LOWER_SID);
			KUNIT_EXPECT_EQ(test, ctx.reason, fault->reason);
			KUNIT_EXPECT_EQ_MSG(test, ctx.fpd,
					    !!(fault->hides & BIT(place)),
					    "reason %x place %d", fault->reason,
					    place);
		}
	/* What is valid keeps it, for the faults of its paging entries */
	for (enum fpd_place place = FPD_NONE; place <= FPD_PASID; place++) {
		b = sm_set_up(test);
		set_fpd(b, place);
		sm_expect_shadow(b, "FPD", place);
		KUNIT_EXPECT_EQ(test, sm_read_sid(b, LOWER_SID).fpd,
				place != FPD_NONE);
	}
}

static struct kunit_case scalable_fault_cases[] = {
	KUNIT_CASE(scalable_fault_disable),
	{},
};

static struct kunit_suite scalable_fault_suite = {
	.name = "vtd_shadow_scalable_fault",
	.init = sm_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = scalable_fault_cases,
};

kunit_test_suite(scalable_fault_suite);
