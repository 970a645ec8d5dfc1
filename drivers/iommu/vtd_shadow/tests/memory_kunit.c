// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest memory that comes without a word of its VMM. What a call found out
 * while there was none says nothing to calls that begin later.
 */
#include <kunit/test.h>

#include "../domain.h"
#include "../flush.h"
#include "../guest_mem.h"
#include "../retry.h"
#include "../todo.h"
#include "rig.h"

/* Page of the table that leads to memory that comes and goes */
#define PAGE_NR 1
#define PAGE_GPA 0x401000ULL
#define NEXT_GPA 0x402000ULL

/* And the next one */
static void take_page(void)
{
	fake_mem_remove(&rig->b->mem, PAGE_GPA, NEXT_GPA + SZ_PAGE - 1);
}

static void give_page(void)
{
	fake_mem_restore(&rig->b->mem);
}

static int look(void)
{
	unsigned int perm;
	unsigned long pfn;

	return vtds_mem_page(&rig->b->unit->mem, PAGE_GPA, &pfn, &perm);
}

static int look_at_next(void)
{
	unsigned int perm;
	unsigned long pfn;

	return vtds_mem_page(&rig->b->unit->mem, NEXT_GPA, &pfn, &perm);
}

static int look_at_all(void)
{
	unsigned int perm;

	return vtds_mem_chunk_perm(&rig->b->unit->mem, PAGE_GPA, &perm);
}

/* Under the lock: has the batch find out why there is no page, as its walk would do. */
static void find_out(struct kunit *test, struct vtds_batch *batch,
		     int (*how)(void), int error)
{
	KUNIT_EXPECT_EQ(test, how(), VTDS_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, vtds_mem_fetch(&rig->b->unit->mem, &batch->holds),
			0);
	KUNIT_EXPECT_EQ(test, how(), error);
}

/* Two are too large for a stack. */
static struct vtds_batch *begin(struct kunit *test)
{
	struct vtds_batch *batch =
		kunit_kzalloc(test, sizeof(*batch), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, batch);
	bench_batch_begin(rig->b->unit, batch);
	return batch;
}

static void leave(void)
{
	vtds_unlock(&rig->b->unit->lock);
}

/* A batch that others came in between of goes on, as after it gave way. */
static void go_on(struct vtds_batch *batch)
{
	vtds_lock(&rig->b->unit->lock);
	vtds_mem_resume(&rig->b->unit->mem, &batch->holds);
}

static void end(struct vtds_batch *batch)
{
	bench_batch_end(batch);
}

/* Device 0 has a table whose only leaf is not there yet. */
static u64 *set_up(void)
{
	u64 *leaf = bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, PAGE_NR);

	rig_make_table(TABLE_A, PAGE_NR);
	*leaf = 0;
	rig_legacy_context(0, TABLE_A | 1);
	rig_add(0);
	return leaf;
}

static bool is_mapped(void)
{
	return rig_maps(rig_host_of(0, 0), PAGE_NR * SZ_PAGE);
}

/* One call after the other, while the first goes on */
static void see_later(struct kunit *test, int (*how)(void), int error)
{
	struct vtds_batch *first, *second;
	unsigned long calls;

	set_up();
	take_page();
	first = begin(test);
	find_out(test, first, how, error);
	leave();
	/* The later one finds out by itself, and that is enough for both */
	second = begin(test);
	find_out(test, second, how, error);
	leave();
	calls = rig->b->mem.calls;
	go_on(first);
	KUNIT_EXPECT_EQ(test, how(), error);
	KUNIT_EXPECT_EQ(test, rig->b->mem.calls, calls);
	end(first);
	go_on(second);
	end(second);
}

static void memory_page_seen_later(struct kunit *test)
{
	see_later(test, look, -ENOENT);
}

static void memory_chunk_seen_later(struct kunit *test)
{
	see_later(test, look_at_all, -EXDEV);
}

/* What a call finds out of another page makes nothing newer that it knew before. */
static void memory_next_page(struct kunit *test)
{
	struct vtds_batch *first, *second;

	set_up();
	take_page();
	first = begin(test);
	find_out(test, first, look, -ENOENT);
	leave();
	second = begin(test);
	leave();
	go_on(first);
	find_out(test, first, look_at_next, -ENOENT);
	leave();
	give_page();
	go_on(second);
	find_out(test, second, look, 0);
	end(second);
	go_on(first);
	end(first);
}

/* A call begins while another one has the page pinned, which fails. */
static void begin_another(struct kunit *test)
{
	struct vtds_batch *batch;

	rig->b->mem.failed = NULL;
	batch = begin(test);
	end(batch);
}

static void memory_seen_meanwhile(struct kunit *test)
{
	struct vtds_batch *first, *second;

	set_up();
	take_page();
	rig->b->mem.failed = begin_another;
	first = begin(test);
	/* That is no reason for the first one to begin again and again */
	find_out(test, first, look, -ENOENT);
	KUNIT_EXPECT_NULL(test, rig->b->mem.failed);
	leave();
	give_page();
	second = begin(test);
	find_out(test, second, look, 0);
	end(second);
	go_on(first);
	KUNIT_EXPECT_EQ(test, look(), 0);
	end(first);
}

/* The guest maps a page that is there again, while a call goes on that knows of none. */
static void memory_new_leaf(struct kunit *test)
{
	struct vtds_batch *batch;
	u64 *leaf = set_up();

	take_page();
	batch = begin(test);
	find_out(test, batch, look, -ENOENT);
	leave();
	give_page();
	*leaf = PAGE_GPA | SS_RW;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	KUNIT_EXPECT_TRUE(test, is_mapped());
	rig_no_more_events(test);
	go_on(batch);
	end(batch);
}

static struct vtds_domain *domain_of_unit(void)
{
	return list_first_entry(&rig->b->unit->domains, struct vtds_domain,
				entry);
}

/* What the thread of the unit does to all that the domain maps */
static void background(void)
{
	struct vtds_unit *unit = rig->b->unit;

	vtds_lock(&unit->lock);
	vtds_todo_all(&domain_of_unit()->todo, VTDS_TODO_BACKGROUND);
	vtds_retry_run(unit);
	vtds_unlock(&unit->lock);
}

/*
 * The background may come upon a leaf before the flush that announces it, and know only
 * what was there before.
 */
static void memory_background_is_early(struct kunit *test)
{
	struct vtd_shadow_event event;
	u64 *leaf = set_up();

	take_page();
	*leaf = PAGE_GPA | SS_RW;
	background();
	KUNIT_EXPECT_FALSE(test, is_mapped());
	KUNIT_EXPECT_TRUE(test, rig_next_event(&event));
	give_page();
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	KUNIT_EXPECT_TRUE(test, is_mapped());
	rig_no_more_events(test);
}

/* What a flush finds out stays so until the guest changes the leaf. */
static void memory_background_is_late(struct kunit *test)
{
	struct vtd_shadow_event event;
	u64 *leaf = set_up();

	take_page();
	*leaf = PAGE_GPA | SS_RW;
	background();
	KUNIT_EXPECT_TRUE(test, rig_next_event(&event));
	KUNIT_EXPECT_EQ(test, rig_flush_all(), ENOENT);
	background();
	give_page();
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	KUNIT_EXPECT_FALSE(test, is_mapped());
	*leaf = PAGE_GPA | SS_R;
	KUNIT_EXPECT_EQ(test, rig_flush_all(), 0);
	KUNIT_EXPECT_TRUE(test, is_mapped());
	rig_no_more_events(test);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(memory_page_seen_later),
	KUNIT_CASE(memory_chunk_seen_later),
	KUNIT_CASE(memory_next_page),
	KUNIT_CASE(memory_seen_meanwhile),
	KUNIT_CASE(memory_new_leaf),
	KUNIT_CASE(memory_background_is_early),
	KUNIT_CASE(memory_background_is_late),
	{},
};

static struct kunit_suite memory_suite = {
	.name = "vtd_shadow_memory",
	.init = rig_init,
	.exit = rig_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
