// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of guest_mem.c: chunks, pages, their pins and their end.
 */
#include <linux/mm.h>

#include "bench.h"

#define IDLE_LIMIT 4096
/* More address space than may stay pinned without users */
#define MANY_GPA 0x100000000ULL
#define MANY_CHUNKS (IDLE_LIMIT + 44)

static struct vtds_guest_mem *mem_of(struct kunit *test)
{
	struct bench *b = test->priv;

	return &b->unit->mem;
}

static u64 kind_gpa(enum fake_kind kind)
{
	return kind * SZ_CHUNK;
}

static struct vtds_chunk *get(struct kunit *test, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_get(mem_of(test), gpa);

	KUNIT_ASSERT_FALSE(test, IS_ERR(chunk));
	return chunk;
}

/* The engine's answer for a page has to be the fake's. */
static void check_page(struct kunit *test, struct vtds_chunk *chunk, u64 gpa)
{
	struct bench *b = test->priv;
	unsigned int perm, expected_perm;
	struct page *page;
	unsigned long pfn;
	int ret;

	page = fake_mem_page(&b->mem, gpa, &expected_perm);
	ret = vtds_mem_page(mem_of(test), chunk, gpa, &pfn, &perm);
	if (!page) {
		KUNIT_EXPECT_EQ_MSG(test, ret, -ENOENT, "%llx", gpa);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, ret, 0, "%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(test, pfn, page_to_pfn(page), "%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(test, perm, expected_perm, "%llx", gpa);
	KUNIT_EXPECT_TRUE(test, fake_mem_page_pinned(&b->mem, gpa));
}

static void check_chunk(struct kunit *test, struct vtds_chunk *chunk, u64 gpa)
{
	for (u64 off = 0; off < SZ_CHUNK; off += SZ_PAGE)
		check_page(test, chunk, gpa + off + off % 7);
}

/* Which kinds can be pinned by one call, and what remains of the others. */
static void mem_kinds(struct kunit *test)
{
	struct bench *b = test->priv;

	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++) {
		bool whole = kind != FAKE_MIXED && kind != FAKE_ROM &&
			     kind != FAKE_WOM;
		unsigned long calls = b->mem.calls;
		struct vtds_chunk *chunk = get(test, kind_gpa(kind) + 0x123);

		KUNIT_EXPECT_EQ(test, chunk->whole, whole);
		KUNIT_EXPECT_EQ(test, chunk->users, 1);
		KUNIT_EXPECT_EQ(test, b->mem.calls - calls, 1);
		check_chunk(test, chunk, kind_gpa(kind));
		if (whole)
			KUNIT_EXPECT_EQ(test, b->mem.calls - calls, 1);
		KUNIT_EXPECT_EQ(test, mem_of(test)->nr_pinned,
				b->mem.nr_pinned);
		/* All is known now: no call to find it again, but for holes */
		calls = b->mem.calls;
		KUNIT_EXPECT_PTR_EQ(test, get(test, kind_gpa(kind)), chunk);
		check_page(test, chunk, kind_gpa(kind));
		KUNIT_EXPECT_EQ(test, b->mem.calls, calls);
		vtds_mem_put(mem_of(test), chunk);
		vtds_mem_put(mem_of(test), chunk);
	}
}

/* Pages of a chunk that is not whole are pinned when they are asked for. */
static void mem_page_wise(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *chunk = get(test, kind_gpa(FAKE_MIXED));

	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	check_page(test, chunk, kind_gpa(FAKE_MIXED));
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 1);
	/* Page 5 of 16 is a hole, page 9 read-only */
	check_page(test, chunk, kind_gpa(FAKE_MIXED) + 5 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 1);
	check_page(test, chunk, kind_gpa(FAKE_MIXED) + 9 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 2);
	vtds_mem_put(mem_of(test), chunk);
	/* Unpinned late */
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 2);
}

static void mem_chunk_perm(struct kunit *test)
{
	static const int expected[FAKE_KINDS] = { [FAKE_MIXED] = -ENOENT };

	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++) {
		struct vtds_chunk *chunk = get(test, kind_gpa(kind));
		unsigned int perm;

		KUNIT_EXPECT_EQ(test,
				vtds_mem_chunk_perm(mem_of(test), chunk, &perm),
				expected[kind]);
		if (!expected[kind])
			KUNIT_EXPECT_EQ(test, perm,
					kind == FAKE_ROM ? SS_R :
					kind == FAKE_WOM ? SS_W :
							   SS_RW);
		vtds_mem_put(mem_of(test), chunk);
	}
}

/* Half ROM, half RAM, no hole */
static void mem_chunk_perm_differs(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *chunk;
	unsigned int perm;

	fake_mem_add(&b->mem, MANY_GPA, SZ_CHUNK / 2, FAKE_ROM);
	fake_mem_add(&b->mem, MANY_GPA + SZ_CHUNK / 2, SZ_CHUNK / 2,
		     FAKE_SCATTERED);
	chunk = get(test, MANY_GPA);
	KUNIT_EXPECT_EQ(test, vtds_mem_chunk_perm(mem_of(test), chunk, &perm),
			-EXDEV);
	vtds_mem_put(mem_of(test), chunk);
}

static void mem_read_entry(struct kunit *test)
{
	static const enum fake_kind kinds[] = { FAKE_CONTIG_A, FAKE_SCATTERED,
						FAKE_MIXED, FAKE_ROM };
	struct bench *b = test->priv;
	u64 entry[2];
	int ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		u64 gpa = kind_gpa(kinds[i]) + 9 * SZ_PAGE + 0xff0;

		fake_mem_table(&b->mem, gpa)[510] = 0x1122334455667788ULL + i;
		fake_mem_table(&b->mem, gpa)[511] = 0x99aabbccddeeff00ULL + i;
		ret = vtds_mem_read_entry(mem_of(test), gpa, entry, 2);
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, entry[0], 0x1122334455667788ULL + i);
		KUNIT_EXPECT_EQ(test, entry[1], 0x99aabbccddeeff00ULL + i);
	}
	KUNIT_EXPECT_EQ(test,
			vtds_mem_read_entry(mem_of(test),
					    kind_gpa(FAKE_MIXED) + 5 * SZ_PAGE,
					    entry, 2),
			-ENOENT);
	KUNIT_EXPECT_EQ(test,
			vtds_mem_read_entry(mem_of(test), MANY_GPA, entry, 2),
			-ENOENT);
	/* What may only be written is not read */
	KUNIT_EXPECT_EQ(test,
			vtds_mem_read_entry(mem_of(test), kind_gpa(FAKE_WOM),
					    entry, 2),
			-EPERM);
	KUNIT_EXPECT_EQ(test,
			vtds_mem_write_u32(mem_of(test), kind_gpa(FAKE_WOM), 1),
			0);
	fake_mem_table(&b->mem, kind_gpa(FAKE_WOM))[0] = 0;
}

/* Entries of every length that there is, up to the end of a page */
static void mem_read_entry_lengths(struct kunit *test)
{
	static const unsigned int lengths[] = { 1, 2, 4, 8 };
	u64 gpa = kind_gpa(FAKE_SCATTERED) + 3 * SZ_PAGE;
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
					vtds_mem_read_entry(mem_of(test),
							    gpa + at * 8, entry,
							    nr),
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
		u64 gpa = kind_gpa(kinds[k]) + 17 * SZ_PAGE;
		u32 *page = (u32 *)fake_mem_table(&b->mem, gpa);

		for (unsigned int i = 0; i < 1024; i++) {
			int ret;

			memset(page, 0x5a, SZ_PAGE);
			ret = vtds_mem_write_u32(mem_of(test), gpa + i * 4,
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
	u64 rom = kind_gpa(FAKE_ROM) + 3 * SZ_PAGE;
	/* Page 9 of 16 is read-only, page 5 a hole */
	u64 mixed = kind_gpa(FAKE_MIXED);
	struct bench *b = test->priv;
	struct vtds_guest_mem *mem = mem_of(test);

	KUNIT_EXPECT_EQ(test, vtds_mem_write_u32(mem, rom, 1), -EPERM);
	KUNIT_EXPECT_EQ(test, fake_mem_table(&b->mem, rom)[0], 0);
	KUNIT_EXPECT_EQ(test, vtds_mem_write_u32(mem, mixed + 9 * SZ_PAGE, 1),
			-EPERM);
	KUNIT_EXPECT_EQ(test, fake_mem_table(&b->mem, mixed + 9 * SZ_PAGE)[0],
			0);
	KUNIT_EXPECT_EQ(test, vtds_mem_write_u32(mem, mixed + 5 * SZ_PAGE, 1),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, vtds_mem_write_u32(mem, MANY_GPA, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, vtds_mem_write_u32(mem, mixed, 1), 0);
	fake_mem_table(&b->mem, mixed)[0] = 0;

	b->mem.fail_in = 1;
	b->mem.error = -ENOMEM;
	b->mem.fail_all = true;
	KUNIT_EXPECT_EQ(test,
			vtds_mem_write_u32(mem, kind_gpa(FAKE_CONTIG_B), 1),
			-ENOMEM);
}

/* Users, and the list of those without. */
static void mem_users(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct vtds_chunk *chunk = get(test, 0);

	KUNIT_EXPECT_EQ(test, mem->nr_idle, 0);
	KUNIT_EXPECT_PTR_EQ(test, get(test, SZ_CHUNK - 1), chunk);
	KUNIT_EXPECT_EQ(test, chunk->users, 2);
	get(test, SZ_CHUNK);

	/* From the last page of one chunk to the first of the next */
	vtds_mem_put_range(mem, SZ_CHUNK - SZ_PAGE, 2 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, chunk->users, 1);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 1);
	vtds_mem_put_range(mem, 0, SZ_CHUNK);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 2);
	KUNIT_EXPECT_PTR_EQ(test, get(test, 0), chunk);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, 1);
	vtds_mem_put(mem, chunk);

	KUNIT_EXPECT_TRUE(test, vtds_mem_has(mem, 0, 0));
	KUNIT_EXPECT_TRUE(test, vtds_mem_has(mem, SZ_CHUNK * 2 - 1, U64_MAX));
	KUNIT_EXPECT_FALSE(test, vtds_mem_has(mem, SZ_CHUNK * 2, U64_MAX));
}

static void add_many(struct kunit *test)
{
	struct bench *b = test->priv;

	fake_mem_add(&b->mem, MANY_GPA, MANY_CHUNKS * SZ_CHUNK, FAKE_CONTIG_A);
}

static u64 many_gpa(unsigned int i)
{
	return MANY_GPA + i * SZ_CHUNK;
}

/* The ones without users for longest go, the others stay. */
static void mem_trim(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;

	add_many(test);
	for (unsigned int i = 0; i < MANY_CHUNKS; i++)
		vtds_mem_put(mem, get(test, many_gpa(i)));
	/* One of the oldest is used again, and one stays in use */
	vtds_mem_put(mem, get(test, many_gpa(1)));
	get(test, many_gpa(2));
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, MANY_CHUNKS * VTDS_CHUNK_PAGES);

	vtds_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, IDLE_LIMIT);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned,
			(IDLE_LIMIT + 1) * VTDS_CHUNK_PAGES);
	KUNIT_EXPECT_FALSE(test, fake_mem_is_pinned(&b->mem, many_gpa(0),
						    many_gpa(1) - 1));
	KUNIT_EXPECT_TRUE(test, fake_mem_is_pinned(&b->mem, many_gpa(1),
						   many_gpa(2) - 1));
	vtds_mem_put_range(mem, many_gpa(2), SZ_CHUNK);
	vtds_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, mem->nr_idle, IDLE_LIMIT);
}

/* As vtds_unit_memory_gone(), with nothing mapped. */
static void evict(struct kunit *test, u64 first, u64 last, u64 *from, u64 *to)
{
	struct bench *b = test->priv;

	*from = first;
	*to = last;
	vtds_mem_evict_begin(mem_of(test), from, to);
	KUNIT_EXPECT_LE(test, *from, first);
	KUNIT_EXPECT_GE(test, *to, last);
	vtds_mem_evict_end(mem_of(test), *from, *to);
	KUNIT_EXPECT_FALSE(test, fake_mem_is_pinned(&b->mem, first, last));
	KUNIT_EXPECT_EQ(test, mem_of(test)->nr_pinned, b->mem.nr_pinned);
}

/* All of some chunks, in use or not */
static void mem_evict_whole(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *used;
	u64 from, to;

	vtds_mem_put(mem_of(test), get(test, kind_gpa(FAKE_OFFSET)));
	vtds_mem_put(mem_of(test), get(test, kind_gpa(FAKE_SCATTERED)));
	used = get(test, kind_gpa(FAKE_RUNS));
	fake_mem_remove(&b->mem, kind_gpa(FAKE_OFFSET),
			kind_gpa(FAKE_RUNS) - 1);
	evict(test, kind_gpa(FAKE_OFFSET), kind_gpa(FAKE_RUNS) - 1, &from, &to);
	KUNIT_EXPECT_EQ(test, from, kind_gpa(FAKE_OFFSET));
	KUNIT_EXPECT_EQ(test, to, kind_gpa(FAKE_RUNS) - 1);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
	check_chunk(test, used, kind_gpa(FAKE_RUNS));
	vtds_mem_put(mem_of(test), used);
}

/* Pages outside of [first, last] are still there without another pin. */
static void check_kept(struct kunit *test, struct vtds_chunk *chunk, u64 first,
		       u64 last)
{
	struct bench *b = test->priv;
	u64 start = (u64)chunk->gfn << VTD_PAGE_SHIFT;
	unsigned long calls = b->mem.calls;
	unsigned int perm;

	for (u64 gpa = start; gpa < start + SZ_CHUNK; gpa += SZ_PAGE)
		if ((gpa < first || gpa > last) &&
		    fake_mem_page(&b->mem, gpa, &perm))
			check_page(test, chunk, gpa);
	KUNIT_EXPECT_EQ(test, b->mem.calls, calls);
}

/* A part of a chunk in use: the rest keeps its frames and its pins. */
static void mem_evict_part(struct kunit *test)
{
	static const struct {
		unsigned int first;
		unsigned int last;
	} parts[] = { { 0, 0 },	    { 511, 511 }, { 0, 255 },
		      { 256, 511 }, { 100, 101 }, { 1, 510 } };
	struct bench *b = test->priv;
	u64 from, to;

	for (enum fake_kind kind = FAKE_OFFSET; kind <= FAKE_ROM; kind++)
		for (unsigned int i = kind % 2; i < ARRAY_SIZE(parts); i += 2) {
			u64 gpa = kind_gpa(kind);
			u64 first = gpa + parts[i].first * SZ_PAGE;
			u64 last = gpa + parts[i].last * SZ_PAGE + SZ_PAGE - 1;
			struct vtds_chunk *chunk = get(test, gpa);

			check_chunk(test, chunk, gpa);
			fake_mem_remove(&b->mem, first, last);
			evict(test, first, last, &from, &to);
			KUNIT_EXPECT_EQ(test, from, first);
			KUNIT_EXPECT_EQ(test, to, last);
			check_kept(test, chunk, first, last);
			check_chunk(test, chunk, gpa);
			/* Memory that comes back is found again */
			fake_mem_restore(&b->mem);
			check_chunk(test, chunk, gpa);
			vtds_mem_put(mem_of(test), chunk);
			evict(test, gpa, gpa + SZ_CHUNK - 1, &from, &to);
		}
}

/* Two chunks in part and one between them */
static void mem_evict_across(struct kunit *test)
{
	struct bench *b = test->priv;
	struct vtds_chunk *chunks[3];
	u64 first = kind_gpa(FAKE_OFFSET) + 0x100000;
	u64 last = kind_gpa(FAKE_RUNS) + 0x100000 - 1;
	u64 from, to;

	for (unsigned int i = 0; i < 3; i++)
		chunks[i] = get(test, kind_gpa(FAKE_OFFSET + i));
	/* The one between has no users left when its turn comes */
	vtds_mem_put(mem_of(test), chunks[1]);
	fake_mem_remove(&b->mem, first, last);
	evict(test, first, last, &from, &to);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
	check_chunk(test, chunks[0], kind_gpa(FAKE_OFFSET));
	check_chunk(test, chunks[2], kind_gpa(FAKE_RUNS));
	vtds_mem_put(mem_of(test), chunks[0]);
	vtds_mem_put(mem_of(test), chunks[2]);
}

/* What cannot be split goes as a whole. */
static void mem_evict_split_fails(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 gpa = kind_gpa(FAKE_SCATTERED);

	for (unsigned int n = 1; n < 512; n += 73) {
		struct vtds_chunk *chunk = get(test, gpa);
		u64 first = gpa + 7 * SZ_PAGE;
		u64 last = gpa + 8 * SZ_PAGE - 1;

		b->mem.fail_in = n;
		b->mem.error = -ENOMEM;
		vtds_mem_evict_begin(mem_of(test), &first, &last);
		KUNIT_EXPECT_EQ(test, b->mem.fail_in, 0);
		KUNIT_EXPECT_EQ(test, first, gpa);
		KUNIT_EXPECT_EQ(test, last, gpa + SZ_CHUNK - 1);
		/* Nothing has changed yet */
		KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, VTDS_CHUNK_PAGES);
		KUNIT_EXPECT_EQ(test, mem_of(test)->nr_pinned,
				VTDS_CHUNK_PAGES);
		check_chunk(test, chunk, gpa);
		/* The caller removes all users */
		vtds_mem_put(mem_of(test), chunk);
		vtds_mem_evict_end(mem_of(test), first, last);
		KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
	}
}

/*
 * A chunk in the way of a large eviction loses its users between begin and end,
 * and then the flush trims what has been idle for longest: it, perhaps.
 */
static void mem_evict_trims_split(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	struct bench *b = test->priv;
	u64 first = many_gpa(0) + 0x100000;
	u64 last = many_gpa(MANY_CHUNKS) - 1;

	add_many(test);
	for (unsigned int i = 0; i < MANY_CHUNKS; i++)
		get(test, many_gpa(i));
	vtds_mem_evict_begin(mem, &first, &last);
	vtds_mem_put_range(mem, many_gpa(0), MANY_CHUNKS * SZ_CHUNK);
	vtds_mem_trim(mem);
	vtds_mem_evict_end(mem, first, last);

	KUNIT_EXPECT_FALSE(test, fake_mem_is_pinned(&b->mem, first, last));
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, b->mem.nr_pinned);
}

/* Errors of iommufd arrive, and the next try starts afresh. */
static void mem_errors(struct kunit *test)
{
	static const int errors[] = { -ENOMEM, -EINVAL, -EPERM, -EFAULT };
	struct bench *b = test->priv;
	struct vtds_chunk *chunk;
	unsigned int perm;
	unsigned long pfn;

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		u64 gpa = kind_gpa(FAKE_CONTIG_A);
		u64 from, to;

		b->mem.fail_in = 1;
		b->mem.fail_all = true;
		b->mem.error = errors[i];
		chunk = vtds_mem_get(mem_of(test), gpa);
		KUNIT_ASSERT_FALSE(test, IS_ERR(chunk));
		KUNIT_EXPECT_EQ(test,
				vtds_mem_page(mem_of(test), chunk, gpa, &pfn,
					      &perm),
				errors[i]);
		KUNIT_EXPECT_NE(test,
				vtds_mem_chunk_perm(mem_of(test), chunk, &perm),
				0);
		b->mem.fail_in = 0;
		check_chunk(test, chunk, gpa);
		vtds_mem_put(mem_of(test), chunk);
		evict(test, gpa, gpa + SZ_CHUNK - 1, &from, &to);
	}
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
}

/* A limit that 2 MiB would be over may leave room for single pages. */
static void mem_limit(struct kunit *test)
{
	struct vtds_guest_mem *mem = mem_of(test);
	u64 gpa = kind_gpa(FAKE_CONTIG_A);
	struct bench *b = test->priv;
	struct vtds_chunk *chunk;

	vtds_mem_put(mem, get(test, kind_gpa(FAKE_CONTIG_B)));
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, VTDS_CHUNK_PAGES);
	b->mem.fail_in = 1;
	b->mem.error = -ENOMEM;
	chunk = get(test, gpa);
	KUNIT_EXPECT_FALSE(test, chunk->whole);
	check_page(test, chunk, gpa + 3 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, VTDS_CHUNK_PAGES + 1);
	/* What nobody uses makes room, when the host has been flushed */
	KUNIT_EXPECT_TRUE(test, vtds_mem_needs_trim(mem));
	vtds_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, 1);
	KUNIT_EXPECT_FALSE(test, vtds_mem_needs_trim(mem));
	vtds_mem_put(mem, chunk);
	vtds_mem_release_idle(mem);
	vtds_mem_trim(mem);
	KUNIT_EXPECT_EQ(test, b->mem.nr_pinned, 0);
}

/* Frames without memory behind them, and memory that is damaged */
static void mem_check_pfn(struct kunit *test)
{
	struct bench *b = test->priv;
	struct page *page = b->mem.kinds[FAKE_CONTIG_A]->pages[0];

	KUNIT_EXPECT_EQ(test, vtds_mem_check_pfn(page_to_pfn(page)), 0);
	KUNIT_EXPECT_EQ(test, vtds_mem_check_pfn(ULONG_MAX >> PAGE_SHIFT),
			-EINVAL);
	/* The local APIC's registers */
	KUNIT_EXPECT_EQ(test, vtds_mem_check_pfn(0xfee00), -EINVAL);
	/* Reserved, and yet what untouched memory consists of */
	KUNIT_EXPECT_EQ(test, vtds_mem_check_pfn(page_to_pfn(ZERO_PAGE(0))), 0);
}

static int guest_mem_init(struct kunit *test)
{
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++)
		fake_mem_add(&b->mem, kind_gpa(kind), SZ_CHUNK, kind);
	return 0;
}

static struct kunit_case guest_mem_cases[] = {
	KUNIT_CASE(mem_kinds),
	KUNIT_CASE(mem_page_wise),
	KUNIT_CASE(mem_chunk_perm),
	KUNIT_CASE(mem_chunk_perm_differs),
	KUNIT_CASE(mem_read_entry),
	KUNIT_CASE(mem_read_entry_lengths),
	KUNIT_CASE(mem_write_u32),
	KUNIT_CASE(mem_write_u32_refused),
	KUNIT_CASE(mem_users),
	KUNIT_CASE(mem_trim),
	KUNIT_CASE(mem_evict_whole),
	KUNIT_CASE(mem_evict_part),
	KUNIT_CASE(mem_evict_across),
	KUNIT_CASE(mem_evict_split_fails),
	KUNIT_CASE(mem_evict_trims_split),
	KUNIT_CASE(mem_errors),
	KUNIT_CASE(mem_limit),
	KUNIT_CASE(mem_check_pfn),
	{},
};

static struct kunit_suite guest_mem_suite = {
	.name = "vtd_shadow_guest_mem",
	.init = guest_mem_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = guest_mem_cases,
};

kunit_test_suite(guest_mem_suite);
