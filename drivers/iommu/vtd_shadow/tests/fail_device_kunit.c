// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what happens to devices when an allocation or a call to the host fails, for
 * each of them there is: a device reaches what it should reach, or less, and the unit
 * itself makes up for it later. What has to go goes, whatever fails.
 */
#include "../flush.h"
#include "../guest_mem.h"
#include "../mirror.h"
#include "../unit.h"
#include "fail_inject.h"
#include "rig.h"

/* Where the PASIDs of device 0 are in the tests */
#define PASID_B 5
#define PASID_PT 70

/* --- What holds after each attempt --- */

static struct vtds_domain *domain_of(const struct fake_host *host)
{
	struct vtds_domain *domain;

	list_for_each_entry(domain, &rig->b->unit->domains, entry)
		if (domain->host.domain == &host->domain)
			return domain;
	return NULL;
}

/* What is mapped is in the mirror, and leads where the guest's tables of the tests do. */
static void check_host(struct kunit *test, struct fake_host *host)
{
	const struct vtds_domain *domain = domain_of(host);
	struct rb_node *node;

	KUNIT_ASSERT_NOT_NULL(test, domain);
	KUNIT_EXPECT_FALSE(test, domain->host.broken);
	KUNIT_EXPECT_EQ(test, host->nr_stale, 0);
	for (node = rb_first(&host->leaves); node; node = rb_next(node)) {
		struct fake_leaf *leaf = rb_entry(node, struct fake_leaf, node);
		struct vtds_leaf found;

		vtds_mirror_lookup(domain, leaf->iova, &found);
		KUNIT_EXPECT_EQ(test, found.perm, SS_RW);
		KUNIT_EXPECT_EQ(test, found.gpa, DATA_GPA + leaf->iova);
	}
}

/* Mirror and hosts agree, and so do the books of pins. */
static void check_books(struct kunit *test)
{
	struct vtds_unit *unit = rig->b->unit;
	u64 pages = 0;

	for (unsigned int i = 0; i < MANY_DOMAINS; i++) {
		if (!rig->hosts[i])
			continue;
		check_host(test, rig->hosts[i]);
		pages += rig->hosts[i]->nr_pages;
	}
	KUNIT_EXPECT_EQ(test, pages, unit->nr_pages);
	KUNIT_EXPECT_EQ(test, unit->mem.nr_pinned, rig->b->mem.nr_pinned);
}

/* The VMM is told of the host's trouble as that, and of nothing else. */
static void check_events(struct kunit *test)
{
	struct vtd_shadow_event event;

	while (rig_next_event(&event)) {
		KUNIT_EXPECT_NE(test, event.type, VTD_SHADOW_EVENT_FAULT);
		KUNIT_EXPECT_NE(test, event.type, VTD_SHADOW_EVENT_LOST);
		if (event.type == VTD_SHADOW_EVENT_INSTALL &&
		    event.error != ENOMEM && event.error != EIO)
			KUNIT_FAIL(test, "event with error %u", event.error);
	}
}

/* --- Guests --- */

/* A device is on a table that maps one page, and reaches that. */
static void expect_table(struct kunit *test, unsigned int i, u32 pasid,
			 unsigned int page)
{
	KUNIT_ASSERT_EQ(test, rig_attached(i, pasid), SHADOW);
	KUNIT_EXPECT_EQ(test, rig_host_of(i, pasid)->nr_pages, 1);
	KUNIT_EXPECT_TRUE(test,
			  rig_maps(rig_host_of(i, pasid), page * SZ_PAGE));
}

/* It is there, or blocked. */
static void expect_table_or_less(struct kunit *test, unsigned int i, u32 pasid,
				 unsigned int page)
{
	if (rig_attached(i, pasid) == BLOCKED)
		return;
	KUNIT_ASSERT_EQ(test, rig_attached(i, pasid), SHADOW);
	KUNIT_EXPECT_LE(test, rig_host_of(i, pasid)->nr_pages, 1);
	if (rig_host_of(i, pasid)->nr_pages)
		KUNIT_EXPECT_TRUE(test, rig_maps(rig_host_of(i, pasid),
						 page * SZ_PAGE));
}

static void legacy_guest(void)
{
	rig_make_table(TABLE_A, 1);
	rig_make_table(TABLE_B, 2);
	rig_legacy_context(0, TABLE_A | 1);
	rig_legacy_context(1, TABLE_A | 1);
}

static void scalable_guest(void)
{
	rig_two_tables();
	rig_set_pasid(0, PASID_PT, 4, 0);
}

/* Pins and what is known of memory go, so that they are made again. */
static void forget_memory(void)
{
	vtds_mem_release_idle(&rig->b->unit->mem);
	vtds_unit_trim(rig->b->unit);
	KUNIT_EXPECT_EQ(rig->b->test, rig->b->mem.nr_pinned, 0);
}

static void drop_all(void)
{
	for (unsigned int i = 0; i < MANY_DEVICES; i++)
		if (rig->devices[i].dev)
			rig_drop(i);
	forget_memory();
}

/*
 * Something failed: the unit is to try again by itself, and that is enough. Nobody has to
 * be told anything then.
 */
static void recover(struct kunit *test, const struct fail_sweep *sweep)
{
	struct vtds_unit *unit = rig->b->unit;

	check_books(test);
	if (sweep->failed && (unit->troubled || unit->unsettled)) {
		rig_retry();
		check_books(test);
	}
	KUNIT_EXPECT_FALSE(test, unit->troubled);
	check_events(test);
}

/* --- Devices come --- */

static void fail_add_legacy(struct kunit *test)
{
	struct fail_sweep sweep = {};

	legacy_guest();
	while (fail_next(&sweep)) {
		int ret;

		fail_arm(&sweep);
		ret = rig_try_add(0, 1);
		fail_disarm(&sweep);
		if (ret) {
			KUNIT_EXPECT_TRUE(test, sweep.failed);
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 0);
			rig_add(0);
		}
		expect_table_or_less(test, 0, 0, 1);
		recover(test, &sweep);
		expect_table(test, 0, 0, 1);
		drop_all();
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 15);
}

/* To a table that another one is on already */
static void fail_add_shared(struct kunit *test)
{
	struct fail_sweep sweep = {};

	legacy_guest();
	rig->devices[1].resv_first = 9 * SZ_PAGE;
	rig->devices[1].resv_last = 10 * SZ_PAGE - 1;
	while (fail_next(&sweep)) {
		int ret;

		rig_add(0);
		fail_arm(&sweep);
		ret = rig_try_add(1, 1);
		fail_disarm(&sweep);
		if (ret) {
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			rig_add(1);
		}
		expect_table_or_less(test, 1, 0, 1);
		recover(test, &sweep);
		expect_table(test, 0, 0, 1);
		expect_table(test, 1, 0, 1);
		drop_all();
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 4);
}

static void fail_add_scalable(struct kunit *test)
{
	struct fail_sweep sweep = {};

	scalable_guest();
	while (fail_next(&sweep)) {
		fail_arm(&sweep);
		if (rig_try_add(0, 1)) {
			fail_disarm(&sweep);
			rig_add(0);
		}
		fail_disarm(&sweep);
		expect_table_or_less(test, 0, 0, 1);
		expect_table_or_less(test, 0, PASID_B, 2);
		KUNIT_EXPECT_NE(test, rig_attached(0, PASID_PT), SHADOW);
		recover(test, &sweep);
		expect_table(test, 0, 0, 1);
		expect_table(test, 0, PASID_B, 2);
		KUNIT_EXPECT_EQ(test, rig_attached(0, PASID_PT), IDENTITY);
		drop_all();
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 10);
}

/* What one device ran into before says nothing of the other one. */
static void fail_reason(struct kunit *test)
{
	struct fail_sweep sweep = {};
	struct vtd_shadow_event event;

	scalable_guest();
	rig->devices[0].pasids = false;
	rig->devices[1].pasids = true;
	rig_set_pasid(1, 0, 2, TABLE_A);
	while (fail_next(&sweep)) {
		rig_add(0);
		rig_add(1);
		while (rig_next_event(&event))
			;
		rig_set_pasid(1, PASID_B, 2, TABLE_B);
		fail_arm(&sweep);
		KUNIT_EXPECT_NE(test, rig_refresh(), 0);
		fail_disarm(&sweep);
		while (rig_next_event(&event))
			if (event.source_id == rig_sid_of(1) &&
			    event.error != ENOMEM && event.error != EIO)
				KUNIT_FAIL(test, "event with error %u",
					   event.error);
		rig_refresh();
		rig_flush_all();
		expect_table(test, 1, PASID_B, 2);
		rig_pasid_entry(1, PASID_B)[0] = 0;
		drop_all();
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 10);
}

/* --- The guest changes its contexts --- */

static void fail_other_table(struct kunit *test)
{
	struct fail_sweep sweep = {};

	legacy_guest();
	while (fail_next(&sweep)) {
		rig_legacy_context(0, TABLE_A | 1);
		rig_add(0);
		rig_add(1);
		rig_legacy_context(0, TABLE_B | 1);
		fail_arm(&sweep);
		rig_refresh();
		fail_disarm(&sweep);
		expect_table_or_less(test, 0, 0, 2);
		expect_table_or_less(test, 1, 0, 1);
		recover(test, &sweep);
		expect_table(test, 0, 0, 2);
		expect_table(test, 1, 0, 1);
		drop_all();
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 10);
}

static void fail_other_pasids(struct kunit *test)
{
	struct fail_sweep sweep = {};

	scalable_guest();
	while (fail_next(&sweep)) {
		rig_set_pasid(0, PASID_B, 2, TABLE_B);
		rig_set_pasid(0, PASID_PT, 4, 0);
		rig_set_pasid(0, 9, 0, 0);
		rig_pasid_entry(0, 9)[0] = 0;
		rig_add(0);
		rig_set_pasid(0, PASID_B, 2, TABLE_A);
		rig_pasid_entry(0, PASID_PT)[0] = 0;
		rig_set_pasid(0, 9, 2, TABLE_B);
		fail_arm(&sweep);
		rig_refresh();
		fail_disarm(&sweep);
		expect_table_or_less(test, 0, PASID_B, 1);
		expect_table_or_less(test, 0, 9, 2);
		KUNIT_EXPECT_EQ(test, rig_attached(0, PASID_PT), BLOCKED);
		recover(test, &sweep);
		expect_table(test, 0, PASID_B, 1);
		expect_table(test, 0, 9, 2);
		drop_all();
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 10);
}

/* --- Translations are taken: nothing may stay because something failed --- */

static void fail_te_off(struct kunit *test)
{
	struct fail_sweep sweep = {};

	scalable_guest();
	while (fail_next(&sweep)) {
		rig->b->unit->te = true;
		rig_add(0);
		rig->b->unit->te = false;
		fail_arm(&sweep);
		rig_refresh();
		fail_disarm(&sweep);
		KUNIT_EXPECT_NE(test, rig_attached(0, 0), SHADOW);
		KUNIT_EXPECT_EQ(test, rig_attached(0, PASID_B), BLOCKED);
		KUNIT_EXPECT_EQ(test, rig->b->unit->nr_pages, 0);
		recover(test, &sweep);
		KUNIT_EXPECT_EQ(test, rig_attached(0, 0), IDENTITY);
		drop_all();
	}
}

static void fail_contexts_gone(struct kunit *test)
{
	struct fail_sweep sweep = {};

	scalable_guest();
	while (fail_next(&sweep)) {
		rig_scalable_context(0);
		rig_add(0);
		bench_entry(rig->b, ROOT_GPA, 2)[0] = 0;
		fail_arm(&sweep);
		rig_refresh();
		fail_disarm(&sweep);
		KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 0);
		KUNIT_EXPECT_EQ(test, rig->b->unit->nr_pages, 0);
		check_books(test);
		/* What the guest did is told as that */
		while (rig_next_event(&(struct vtd_shadow_event){}))
			;
		drop_all();
	}
}

static void fail_flush(struct kunit *test)
{
	struct fail_sweep sweep = {};

	legacy_guest();
	while (fail_next(&sweep)) {
		u64 *entry = bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 0);

		entry[1] = (DATA_GPA + SZ_PAGE) | SS_RW;
		entry[3] = 0;
		rig_add(0);
		rig_add(1);
		entry[1] = 0;
		entry[3] = (DATA_GPA + 3 * SZ_PAGE) | SS_RW;
		fail_arm(&sweep);
		rig_flush_all();
		fail_disarm(&sweep);
		expect_table_or_less(test, 0, 0, 3);
		expect_table_or_less(test, 1, 0, 3);
		recover(test, &sweep);
		expect_table(test, 0, 0, 3);
		expect_table(test, 1, 0, 3);
		drop_all();
	}
	KUNIT_EXPECT_GT(test, sweep.nr_failed, 1);
}

static void fail_drop(struct kunit *test)
{
	struct fail_sweep sweep = {};

	scalable_guest();
	rig_set_pasid(1, 0, 2, TABLE_A);
	while (fail_next(&sweep)) {
		rig_add(0);
		rig_add(1);
		fail_arm(&sweep);
		rig_drop(0);
		fail_disarm(&sweep);
		KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 1);
		check_books(test);
		expect_table(test, 1, 0, 1);
		fail_arm(&sweep);
		rig_drop(1);
		fail_disarm(&sweep);
		KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 0);
		KUNIT_EXPECT_EQ(test, rig->b->unit->nr_pages, 0);
		KUNIT_EXPECT_TRUE(test, list_empty(&rig->b->unit->domains));
		forget_memory();
	}
}

static struct kunit_case fail_device_cases[] = {
	KUNIT_CASE(fail_add_legacy),
	KUNIT_CASE(fail_add_shared),
	KUNIT_CASE(fail_add_scalable),
	KUNIT_CASE(fail_reason),
	KUNIT_CASE(fail_other_table),
	KUNIT_CASE(fail_other_pasids),
	KUNIT_CASE(fail_te_off),
	KUNIT_CASE(fail_contexts_gone),
	KUNIT_CASE(fail_flush),
	KUNIT_CASE(fail_drop),
	{},
};

static struct kunit_suite fail_device_suite = {
	.name = "vtd_shadow_fail_device",
	.init = rig_init,
	.exit = rig_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fail_suite_exit,
	.test_cases = fail_device_cases,
};

kunit_test_suite(fail_device_suite);
