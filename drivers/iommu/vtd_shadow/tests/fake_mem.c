// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fake guest memory: real pages at guest addresses that the tests choose, and an
 * exact account of what is pinned. It stands where the engine calls iommufd.
 */
#include <kunit/static_stub.h>
#include <linux/mm.h>

#include "../guest_chunk.h"
#include "../guest_pin.h"
#include "../vtd_format.h"
#include "../work.h"
#include "bench.h"

#define BLOCK_ORDER 10

/* Host memory that all kinds are made of, 4 MiB each; one for all of a suite */
static struct page *blocks[4];

static struct bench *current_bench(void)
{
	return kunit_get_current_test()->priv;
}

/* Only two sizes are ever pinned: a chunk and a page. */
static unsigned long pin_key(u64 gpa, unsigned long nr_pages)
{
	return (gpa >> VTD_PAGE_SHIFT) * 2 + (nr_pages == 1);
}

static void pin_record(struct fake_mem *mem, u64 gpa, unsigned long nr_pages,
		       int change)
{
	unsigned long key = pin_key(gpa, nr_pages);
	void *old = xa_load(&mem->pins, key);
	unsigned long count = (old ? xa_to_value(old) : 0) + change;

	if (count)
		xa_store(&mem->pins, key, xa_mk_value(count), GFP_KERNEL);
	else
		xa_erase(&mem->pins, key);
	mem->nr_pinned += change * (s64)nr_pages;
}

static bool covers(const struct fake_area *area, u64 gpa)
{
	return gpa >= area->first && gpa <= area->last;
}

static const struct fake_area *find_area(struct fake_mem *mem, u64 gpa)
{
	for (unsigned int i = 0; i < mem->nr_areas; i++)
		if (covers(&mem->areas[i], gpa))
			return &mem->areas[i];
	return NULL;
}

/* Whether nothing but one kind of memory is in a chunk. */
static bool is_pure(struct fake_mem *mem, u64 gpa)
{
	return !mem->nr_gone && find_area(mem, ALIGN_DOWN(gpa, SZ_CHUNK)) ==
					find_area(mem, gpa | (SZ_CHUNK - 1));
}

static bool is_contiguous(const struct fake_area *area)
{
	return area->kind == FAKE_CONTIG_A || area->kind == FAKE_CONTIG_B ||
	       area->kind == FAKE_OFFSET || area->kind == FAKE_TABLES;
}

static int pin_failure(struct fake_mem *mem)
{
	mem->calls++;
	if (!mem->fail_in || --mem->fail_in)
		return 0;
	if (mem->fail_all)
		mem->fail_in = 1;
	return mem->error;
}

/* A chunk of nothing but contiguous memory, page by page only faster. */
static bool fake_pin_pure(struct fake_mem *mem, u64 gpa, struct page **pages)
{
	const struct fake_area *area = find_area(mem, gpa);

	if (!area || !is_pure(mem, gpa) || !is_contiguous(area))
		return false;
	memcpy(pages, mem->kinds[area->kind]->pages,
	       sizeof(mem->kinds[area->kind]->pages));
	return true;
}

/* As iommufd: the first page that does not fit says why. */
static int pin(struct bench *b, u64 gpa, unsigned long nr_pages,
	       struct page **pages, unsigned int wanted)
{
	unsigned long nr_left = nr_pages;
	unsigned int perm;
	int ret;

	KUNIT_EXPECT_TRUE(b->test, IS_ALIGNED(gpa, nr_pages * SZ_PAGE));
	KUNIT_EXPECT_TRUE(b->test,
			  nr_pages == 1 || nr_pages == VTDS_CHUNK_PAGES);
	ret = pin_failure(&b->mem);
	if (!ret && b->mem.wait)
		ret = b->mem.wait(b->test);
	if (ret)
		return ret;

	if (nr_pages > 1 && fake_pin_pure(&b->mem, gpa, pages))
		nr_left = 0;
	for (unsigned long i = 0; i < nr_left; i++) {
		pages[i] = fake_mem_page(&b->mem, gpa + i * SZ_PAGE, &perm);
		if (!pages[i])
			return -ENOENT;
		if (wanted & ~perm)
			return -EPERM;
	}
	pin_record(&b->mem, gpa, nr_pages, 1);
	return 0;
}

static int fake_pin(struct vtds_pins *unused, u64 gpa, unsigned long nr_pages,
		    struct page **pages, unsigned int wanted)
{
	struct bench *b = current_bench();
	int ret = pin(b, gpa, nr_pages, pages, wanted);

	if (ret && nr_pages == 1 && b->mem.failed)
		b->mem.failed(b->test);
	return ret;
}

static void fake_unpin(struct vtds_pins *unused, u64 gpa,
		       unsigned long nr_pages)
{
	struct bench *b = current_bench();

	if (!xa_load(&b->mem.pins, pin_key(gpa, nr_pages))) {
		KUNIT_FAIL(b->test, "unpin of %lu pages at %llx, never pinned",
			   nr_pages, gpa);
		return;
	}
	pin_record(&b->mem, gpa, nr_pages, -1);
	/* Devices may use what the IOTLB still has */
	KUNIT_EXPECT_EQ_MSG(b->test, b->host.nr_stale, 0,
			    "unpinned %llx before the flush", gpa);
}

/* Whether a page is in a pin. */
bool fake_mem_page_pinned(struct fake_mem *mem, u64 gpa)
{
	return xa_load(&mem->pins, pin_key(gpa, 1)) ||
	       xa_load(&mem->pins,
		       pin_key(ALIGN_DOWN(gpa, SZ_CHUNK), VTDS_CHUNK_PAGES));
}

/* Whether any page of a range is in a pin. */
bool fake_mem_is_pinned(struct fake_mem *mem, u64 first, u64 last)
{
	unsigned long key;
	void *entry;

	xa_for_each(&mem->pins, key, entry) {
		u64 gpa = (u64)(key / 2) << VTD_PAGE_SHIFT;
		u64 size = key % 2 ? SZ_PAGE : SZ_CHUNK;

		if (gpa <= last && gpa + size - 1 >= first)
			return true;
	}
	return false;
}

/* The page at a guest address, NULL if there is none, and what one may do. */
struct page *fake_mem_page(struct fake_mem *mem, u64 gpa, unsigned int *perm)
{
	unsigned int offset = (gpa >> VTD_PAGE_SHIFT) % VTDS_CHUNK_PAGES;
	const struct fake_area *area = find_area(mem, gpa);
	const struct fake_chunk *chunk;

	for (unsigned int i = 0; i < mem->nr_gone; i++)
		if (covers(&mem->gone[i], gpa))
			return NULL;
	if (!area)
		return NULL;
	chunk = mem->kinds[area->kind];
	*perm = area->kind == FAKE_WOM	     ? SS_W :
		test_bit(offset, chunk->rom) ? SS_R :
					       SS_RW;
	return chunk->pages[offset];
}

/*
 * How far memory continues from @gpa on the host: contiguous and with the same
 * permissions, or missing all along. @pa is 0 if missing.
 */
u64 fake_mem_extent(struct fake_mem *mem, u64 gpa, u64 size, phys_addr_t *pa,
		    unsigned int *perm)
{
	struct page *page = fake_mem_page(mem, gpa, perm);
	unsigned int next_perm;
	u64 done;

	*pa = page ? page_to_phys(page) : 0;
	/* What the loop below finds, faster */
	if (page && is_pure(mem, gpa) && is_contiguous(find_area(mem, gpa)))
		return min(size, SZ_CHUNK - (gpa & (SZ_CHUNK - 1)));
	for (done = SZ_PAGE; done < size; done += SZ_PAGE) {
		struct page *next = fake_mem_page(mem, gpa + done, &next_perm);

		if (!page != !next)
			break;
		if (page &&
		    (page_to_phys(next) != *pa + done || next_perm != *perm))
			break;
	}
	return done;
}

/* A page that the guest writes as it likes, read-only for devices or not. */
u64 *fake_mem_table(struct fake_mem *mem, u64 gpa)
{
	unsigned int perm;
	struct page *page = fake_mem_page(mem, gpa, &perm);

	/* To be cleared for the next test */
	xa_store(&mem->written, page_to_pfn(page), page, GFP_KERNEL);
	return page_address(page);
}

void fake_mem_add(struct fake_mem *mem, u64 gpa, u64 size, enum fake_kind kind)
{
	struct fake_area *area = &mem->areas[mem->nr_areas++];

	*area = (struct fake_area){ gpa, gpa + size - 1, kind };
}

/* The memory is no longer there to be pinned. Pins are not asked. */
void fake_mem_remove(struct fake_mem *mem, u64 first, u64 last)
{
	mem->gone[mem->nr_gone++] = (struct fake_area){ first, last };
}

void fake_mem_restore(struct fake_mem *mem)
{
	mem->nr_gone = 0;
}

/* The page of a kind at an offset, by block and page in it. */
static struct page *kind_page(enum fake_kind kind, unsigned int i)
{
	switch (kind) {
	case FAKE_CONTIG_A:
		return blocks[0] + i;
	case FAKE_CONTIG_B:
		return blocks[0] + VTDS_CHUNK_PAGES + i;
	case FAKE_OFFSET:
		return blocks[0] + 3 + i;
	case FAKE_SCATTERED:
		return blocks[1] + (i * 5 + 1) % VTDS_CHUNK_PAGES;
	case FAKE_RUNS:
		/* Every 64 pages move, and within some of them every 4 */
		return blocks[1] + VTDS_CHUNK_PAGES +
		       (i % 64 ^ (i & 64 ? 0x3c : 0)) + (448 - i / 64 * 64);
	case FAKE_MIXED:
		if (i % 16 == 5 || i / 64 == 3)
			return NULL;
		return blocks[2] + i;
	case FAKE_ROM:
		return blocks[2] + VTDS_CHUNK_PAGES + i;
	case FAKE_TABLES:
		return blocks[3] + i;
	case FAKE_WOM:
		return blocks[3] + VTDS_CHUNK_PAGES + i;
	case FAKE_KINDS:
		break;
	}
	return NULL;
}

static bool kind_is_rom(enum fake_kind kind, unsigned int i)
{
	return kind == FAKE_ROM ||
	       (kind == FAKE_MIXED && (i % 16 == 9 || i / 64 == 5));
}

static void kind_fill(struct fake_mem *mem, enum fake_kind kind)
{
	struct fake_chunk *chunk = mem->kinds[kind];

	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		chunk->pages[i] = kind_page(kind, i);
		if (kind_is_rom(kind, i))
			set_bit(i, chunk->rom);
	}
}

int fake_mem_suite_init(struct kunit_suite *suite)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++) {
		blocks[i] = alloc_pages(GFP_KERNEL | __GFP_ZERO, BLOCK_ORDER);
		if (!blocks[i]) {
			fake_mem_suite_exit(suite);
			return -ENOMEM;
		}
	}
	return 0;
}

void fake_mem_suite_exit(struct kunit_suite *suite)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (blocks[i])
			__free_pages(blocks[i], BLOCK_ORDER);
		blocks[i] = NULL;
	}
}

/* Nothing happens behind a test's back: it calls vtds_retry_run() itself. */
static void fake_retry_queue(struct vtds_thread *thread, unsigned int ms)
{
}

static void fake_work_queue(struct delayed_work *work, unsigned int ms)
{
}

int fake_mem_init(struct kunit *test, struct fake_mem *mem)
{
	xa_init(&mem->pins);
	xa_init(&mem->written);
	for (enum fake_kind kind = 0; kind < FAKE_KINDS; kind++) {
		struct fake_chunk *chunk;

		chunk = kunit_kzalloc(test, sizeof(*chunk), GFP_KERNEL);
		if (!chunk)
			return -ENOMEM;
		mem->kinds[kind] = chunk;
		kind_fill(mem, kind);
	}
	kunit_activate_static_stub(test, vtds_pin_pages, fake_pin);
	kunit_activate_static_stub(test, vtds_unpin_pages, fake_unpin);
	kunit_activate_static_stub(test, vtds_thread_queue, fake_retry_queue);
	kunit_activate_static_stub(test, vtds_work_queue, fake_work_queue);
	return 0;
}

void fake_mem_exit(struct fake_mem *mem)
{
	struct page *page;
	unsigned long pfn;

	xa_for_each(&mem->written, pfn, page)
		clear_page(page_address(page));
	xa_destroy(&mem->written);
	xa_destroy(&mem->pins);
}
