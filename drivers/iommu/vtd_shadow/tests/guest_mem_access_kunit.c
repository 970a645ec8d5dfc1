// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest_mem.c: how the driver itself reads entries from guest memory and
 * writes status to it.
 */
#include "../guest_mem.h"
#include "guest_mem_bench.h"

static void mem_read_entry(struct kunit *test)
{
	static const enum fake_kind kinds[] = { FAKE_CONTIG_A, FAKE_SCATTERED,
						FAKE_MIXED, FAKE_ROM };
	struct bench *b = test->priv;
	u64 entry[2];
	int ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		u64 gpa = mem_gpa(kinds[i]) + 9 * SZ_PAGE + 0xff0;

		fake_mem_table(&b->mem, gpa)[510] = 0x1122334455667788ULL + i;
		fake_mem_table(&b->mem, gpa)[511] = 0x99aabbccddeeff00ULL + i;
		ret = bench_mem_read_entry(mem_of(test), gpa, entry, 2);
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, entry[0], 0x1122334455667788ULL + i);
		KUNIT_EXPECT_EQ(test, entry[1], 0x99aabbccddeeff00ULL + i);
	}
	KUNIT_EXPECT_EQ(test,
			bench_mem_read_entry(mem_of(test),
					     mem_gpa(FAKE_MIXED) + 5 * SZ_PAGE,
					     entry, 2),
			-ENOENT);
	KUNIT_EXPECT_EQ(test,
			bench_mem_read_entry(mem_of(test), MANY_GPA, entry, 2),
			-ENOENT);
	/* What may only be written is not read */
	KUNIT_EXPECT_EQ(test,
			bench_mem_read_entry(mem_of(test), mem_gpa(FAKE_WOM),
					     entry, 2),
			-EPERM);
	KUNIT_EXPECT_EQ(test,
			bench_mem_write_u32(mem_of(test), mem_gpa(FAKE_WOM), 1),
			0);
	fake_mem_table(&b->mem, mem_gpa(FAKE_WOM))[0] = 0;
}

/* Entries of every length that there is, up to the end of a page */
static void mem_read_entry_lengths(struct kunit *test)
{
	static const unsigned int lengths[] = { 1, 2, 4, 8 };
	u64 gpa = mem_gpa(FAKE_SCATTERED) + 3 * SZ_PAGE;
	struct bench *b = test->priv;
	u64 *page = fake_mem_table(&b->mem, gpa);

	for (unsigned int i = 0; i < 512; i++)
		page[i] = 0x1111222233330000ULL + i;
	for (unsigned int i = 0; i < ARRAY_SIZE(lengths); i++) {
		unsigned int nr = lengths[i];

		for (unsigned int at = 0; at < 512; at += nr) {
			u64 entry[9];

			memset(entry, 0xa5, sizeof(entry));
			KUNIT_EXPECT_EQ(test,
					bench_mem_read_entry(mem_of(test),
							     gpa + at * 8,
							     entry, nr),
					0);
			KUNIT_EXPECT_MEMEQ(test, entry, &page[at], nr * 8);
			/* Nothing more is written */
			KUNIT_EXPECT_EQ(test, entry[nr], 0xa5a5a5a5a5a5a5a5ULL);
		}
	}
}

/* Four bytes, at every place of a page, and none beside them */
static void mem_write_u32(struct kunit *test)
{
	static const enum fake_kind kinds[] = { FAKE_CONTIG_A, FAKE_SCATTERED,
						FAKE_MIXED };
	struct bench *b = test->priv;

	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		u64 gpa = mem_gpa(kinds[k]) + 17 * SZ_PAGE;
		u32 *page = (u32 *)fake_mem_table(&b->mem, gpa);

		for (unsigned int i = 0; i < 1024; i++) {
			int ret;

			memset(page, 0x5a, SZ_PAGE);
			ret = bench_mem_write_u32(mem_of(test), gpa + i * 4,
						  0x89abcdef);
			KUNIT_EXPECT_EQ(test, ret, 0);
			KUNIT_EXPECT_EQ(test, page[i], 0x89abcdef);
			page[i] = 0x5a5a5a5a;
			KUNIT_EXPECT_NULL(test,
					  memchr_inv(page, 0x5a, SZ_PAGE));
		}
		memset(page, 0, SZ_PAGE);
	}
}

/* Where nothing may be written nothing is, and it is said. */
static void mem_write_u32_refused(struct kunit *test)
{
	u64 rom = mem_gpa(FAKE_ROM) + 3 * SZ_PAGE;
	/* Page 9 of 16 is read-only, page 5 a hole */
	u64 mixed = mem_gpa(FAKE_MIXED);
	struct bench *b = test->priv;
	struct vtds_guest_mem *mem = mem_of(test);

	KUNIT_EXPECT_EQ(test, bench_mem_write_u32(mem, rom, 1), -EPERM);
	KUNIT_EXPECT_EQ(test, fake_mem_table(&b->mem, rom)[0], 0);
	KUNIT_EXPECT_EQ(test, bench_mem_write_u32(mem, mixed + 9 * SZ_PAGE, 1),
			-EPERM);
	KUNIT_EXPECT_EQ(test, fake_mem_table(&b->mem, mixed + 9 * SZ_PAGE)[0],
			0);
	KUNIT_EXPECT_EQ(test, bench_mem_write_u32(mem, mixed + 5 * SZ_PAGE, 1),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, bench_mem_write_u32(mem, MANY_GPA, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, bench_mem_write_u32(mem, mixed, 1), 0);
	fake_mem_table(&b->mem, mixed)[0] = 0;

	b->mem.fail_in = 1;
	b->mem.error = -ENOMEM;
	b->mem.fail_all = true;
	KUNIT_EXPECT_EQ(test,
			bench_mem_write_u32(mem, mem_gpa(FAKE_CONTIG_B), 1),
			-ENOMEM);
}

static struct kunit_case guest_mem_access_cases[] = {
	KUNIT_CASE(mem_read_entry),
	KUNIT_CASE(mem_read_entry_lengths),
	KUNIT_CASE(mem_write_u32),
	KUNIT_CASE(mem_write_u32_refused),
	{},
};

static struct kunit_suite guest_mem_access_suite = {
	.name = "vtd_shadow_guest_mem_access",
	.init = mem_bench_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = guest_mem_access_cases,
};

kunit_test_suite(guest_mem_access_suite);
