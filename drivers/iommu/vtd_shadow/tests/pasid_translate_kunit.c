// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of translate.c and pasid.c: what TRANSLATE says of requests with PASID,
 * for which reason they are refused, and what it says while memory is taken away.
 */
#include "../domain.h"
#include "../guest_ctx.h"
#include "../pasid.h"
#include "../translate.h"
#include "../unit.h"
#include "rig.h"

static unsigned int reason_of(u32 pasid)
{
	struct vtds_guest_ctx ctx;
	struct vtds_domain *domain;
	unsigned int where;

	vtds_lock(&rig->b->unit->lock);
	where = vtds_pasid_lookup(rig->devices[0].dev, pasid, &ctx, &domain);
	vtds_unlock(&rig->b->unit->lock);
	KUNIT_EXPECT_EQ(rig->b->test, where, BLOCKED);
	KUNIT_EXPECT_NULL(rig->b->test, domain);
	return ctx.reason;
}

/* What TRANSLATE says of PASIDs that are not attached */
static void pasid_reasons(struct kunit *test)
{
	struct vtds_unit *unit = rig->b->unit;
	u64 *context;

	rig_two_tables();
	context = bench_entry(rig->b, 0x10000, 0);
	unit->caps.rid_pasid = true;
	context[1] = 5;
	rig_add(0);
	KUNIT_EXPECT_EQ(test, reason_of(7), REASON_PASID_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, reason_of(128 * 64), REASON_PASID_TOO_LARGE);
	/* That of RID_PASID is good, and is for other requests */
	KUNIT_EXPECT_EQ(test, reason_of(5), 0);
	*context &= ~8ULL;
	KUNIT_EXPECT_EQ(test, reason_of(7), REASON_PASID_DISABLED);
	KUNIT_EXPECT_EQ(test, reason_of(5), REASON_PASID_DISABLED);
	unit->rtaddr = ROOT_GPA;
	KUNIT_EXPECT_EQ(test, reason_of(5), REASON_LEGACY_MODE);
	unit->te = false;
	KUNIT_EXPECT_EQ(test, reason_of(5), 0);
}

#define NO_PASID U32_MAX

/* TRANSLATE, as the VMM calls it */
static struct vtd_shadow_translate translate(u32 pasid, u64 iova)
{
	struct vtds_unit *unit = rig->b->unit;
	struct vtd_shadow_translate cmd = {
		.source_id = rig_sid_of(0),
		.flags = pasid == NO_PASID ? 0 : VTD_SHADOW_TRANSLATE_PASID,
		.pasid = pasid == NO_PASID ? 0 : pasid,
		.iova = iova,
	};

	vtds_lock(&unit->lock);
	KUNIT_EXPECT_EQ(rig->b->test, vtds_check_translate(&cmd), 0);
	KUNIT_EXPECT_EQ(rig->b->test, vtds_translate(unit, &cmd), 0);
	vtds_unlock(&unit->lock);
	return cmd;
}

/* The page of rig_make_table() is there. */
static void expect_page(struct kunit *test, u32 pasid, unsigned int page)
{
	struct vtd_shadow_translate answer = translate(pasid, page * SZ_PAGE);

	KUNIT_EXPECT_EQ(test, answer.attachment, SHADOW);
	KUNIT_EXPECT_EQ(test, answer.perm, 3);
	KUNIT_EXPECT_EQ(test, answer.gpa, DATA_GPA + page * SZ_PAGE);
}

static void expect_no_page(struct kunit *test, u32 pasid, u64 iova,
			   unsigned int attachment, unsigned int reason)
{
	struct vtd_shadow_translate answer = translate(pasid, iova);

	KUNIT_EXPECT_EQ(test, answer.attachment, attachment);
	KUNIT_EXPECT_EQ(test, answer.perm, 0);
	KUNIT_EXPECT_EQ(test, answer.gpa, 0);
	KUNIT_EXPECT_EQ(test, answer.fault_reason, reason);
}

/*
 * A request without PASID to the interrupt range is an interrupt. One with PASID is like
 * any other, but nothing is mapped for it.
 */
static void pasid_interrupt_range(struct kunit *test)
{
	const u64 iova = 0xfee01000, table = TABLE_B + 4 * SZ_PAGE;

	rig_two_tables();
	rig_add(0);
	expect_page(test, NO_PASID, 1);
	expect_page(test, 5, 2);
	expect_no_page(test, NO_PASID, iova, SHADOW, REASON_INTERRUPT_RANGE);
	expect_no_page(test, 5, iova, SHADOW, REASON_NO_READ);

	*bench_entry(rig->b, TABLE_B + SZ_PAGE, 3) = table | SS_RW;
	*bench_entry(rig->b, table, 0x1f7) = (table + SZ_PAGE) | SS_RW;
	*bench_entry(rig->b, table + SZ_PAGE, 1) = DATA_GPA | SS_RW;
	*bench_entry(rig->b, table + SZ_PAGE, 0) = 0;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	KUNIT_EXPECT_FALSE(test, rig_maps(rig_host_of(0, 5), iova));
	expect_no_page(test, 5, iova, SHADOW, REASON_NOT_INSTALLED);
	expect_no_page(test, 5, iova - SZ_PAGE, SHADOW, REASON_NO_READ);
	/* Without PASID on the same table */
	rig_set_pasid(0, 0, 2, TABLE_B);
	rig_refresh();
	expect_no_page(test, NO_PASID, iova, SHADOW, REASON_INTERRUPT_RANGE);
	rig_no_more_events(test);
}

/* PASID 0 is the host's name for none, if it has PASIDs at all. */
static void pasid_none(struct kunit *test)
{
	rig_two_tables();
	rig_add(0);
	expect_page(test, 0, 1);
	expect_no_page(test, 7, SZ_PAGE, BLOCKED, REASON_PASID_NOT_PRESENT);
	rig->devices[0].pasids = false;
	expect_no_page(test, 0, SZ_PAGE, BLOCKED, REASON_NOT_INSTALLED);
	rig->devices[0].pasids = true;
	rig_no_more_events(test);

	/* With its entry for itself the guest is told that it cannot be had */
	rig->b->unit->caps.rid_pasid = true;
	bench_entry(rig->b, 0x10000, 0)[1] = 5;
	KUNIT_EXPECT_EQ(test, rig_refresh(), EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, rig_attached(0, 5), BLOCKED);
	/* TABLE_B is now that of requests without PASID */
	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 0), 2 * SZ_PAGE));
	expect_page(test, 0, 2);
	expect_no_page(test, 5, 2 * SZ_PAGE, BLOCKED, REASON_NOT_INSTALLED);
}

/* Memory is being taken, its leaf is mapped yet, and the unit is not locked for a moment. */
static void ask_meanwhile(struct vtds_guest_mem *mem)
{
	struct kunit *test = rig->b->test;
	struct vtd_shadow_translate answer = translate(NO_PASID, SZ_PAGE);

	KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(0, 0), SZ_PAGE));
	KUNIT_EXPECT_EQ(test, answer.attachment, SHADOW);
	KUNIT_EXPECT_EQ(test, answer.perm, 0);
	KUNIT_EXPECT_EQ(test, answer.fault_reason, REASON_NOT_INSTALLED);
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = 0;
	rig_flush_all();
}

static void translate_memory_going(struct kunit *test)
{
	u64 gpa = DATA_GPA, first = gpa + SZ_PAGE, last = first + SZ_PAGE - 1;
	u64 other = gpa + 9 * SZ_PAGE;

	rig_two_tables();
	/* Keeps the chunk in use */
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 9) = other | SS_RW;
	rig_add(0);
	bench_mem_evict(&rig->b->unit->mem, &first, &last, ask_meanwhile);
	expect_page(test, NO_PASID, 9);
}

static struct kunit_case pasid_translate_cases[] = {
	KUNIT_CASE(pasid_reasons),
	KUNIT_CASE(pasid_interrupt_range),
	KUNIT_CASE(pasid_none),
	KUNIT_CASE(translate_memory_going),
	{},
};

static struct kunit_suite pasid_translate_suite = {
	.name = "vtd_shadow_pasid_translate",
	.init = rig_init,
	.exit = rig_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = pasid_translate_cases,
};

kunit_test_suite(pasid_translate_suite);
