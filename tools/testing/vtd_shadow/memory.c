// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: areas of all kinds, each page with a frame of its own, so that a frame tells
 * where in guest memory it is. What is not pinned, see ioas.c, is poisoned: the engine
 * cannot read it unnoticed. What the guest itself does to its memory passes by the
 * sanitizer.
 */
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include "kernel.h"
#include "fuzz.h"

/*
 * Frames of the host: those with contents, those of a large area, which has none, and the
 * engine's own. Behind each is another page, which nobody may touch.
 */
#define NR_FRAMES (NR_GUEST + 1024)
#define STRIDE (2 * PAGE_SIZE)

/* Where they are. Some are so far from others that 32 bits do not tell how far. */
static const struct {
	unsigned int frame;
	unsigned int nr;
	unsigned long pfn;
} places[] = {
	{ 0, 6 * 512, 0x100000 },
	{ 6 * 512, 256, 1UL << 33 },
	{ 6 * 512 + 256, 2 * 512 + 256, 0x110000 },
	{ 8 * 512, 512, 0x120000 },
	{ NR_BACKED, NR_HUGE, 0x200000 },
	{ NR_GUEST, 1024, 0x300000 },
};

enum kind {
	CONTIGUOUS,
	SCATTERED,
	MIXED,
	ROM,
	WOM,
	FAR,
	HUGE_AREA,
};

struct area {
	u64 first;
	u64 last;
	enum kind kind;
	unsigned int frame;
};

static const struct area areas[] = {
	{ 0, 0x3fffff, CONTIGUOUS, 0 },
	{ 0x400000, 0x5fffff, SCATTERED, 2 * 512 },
	{ 0x600000, 0x7fffff, MIXED, 3 * 512 },
	{ 0x800000, 0x9fffff, ROM, 4 * 512 },
	{ 0xa00000, 0xbfffff, WOM, 5 * 512 },
	{ 0xc00000, 0xdfffff, FAR, 6 * 512 },
	/* The next one is a hole */
	{ 0x1000000, 0x11fffff, SCATTERED, 7 * 512 },
	{ 0xfee00000, 0xfeffffff, CONTIGUOUS, 8 * 512 },
	{ 0x40000000, 0x7fffffff, HUGE_AREA, NR_BACKED },
};

static char *contents;
static struct page frames[NR_FRAMES];
static u64 gpas[NR_GUEST];
static u8 perms[NR_GUEST];

static unsigned int dirty[NR_BACKED + 1];
static bool is_dirty[NR_BACKED + 1];
static unsigned int nr_dirty;

/* --- Frames --- */

unsigned long memory_pfn(unsigned int frame)
{
	unsigned int i = 0;

	while (frame >= places[i].frame + places[i].nr)
		i++;
	return places[i].pfn + (frame - places[i].frame);
}

unsigned int memory_frame_of_pfn(unsigned long pfn)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
		if (pfn - places[i].pfn < places[i].nr)
			return places[i].frame + (pfn - places[i].pfn);
	return NO_FRAME;
}

struct page *pfn_to_page(unsigned long pfn)
{
	unsigned int frame = memory_frame_of_pfn(pfn);

	if (frame == NO_FRAME)
		fuzz_fail("frame %lx has no page", pfn);
	return &frames[frame];
}

unsigned long page_to_pfn(const struct page *page)
{
	return memory_pfn(page - frames);
}

/* Where the contents are: those without have a page of zeroes together. */
static void *contents_of(unsigned int frame)
{
	return contents + min_t(unsigned int, frame, NR_BACKED) * STRIDE;
}

static void note_dirty(unsigned int frame)
{
	frame = min_t(unsigned int, frame, NR_BACKED);
	if (is_dirty[frame])
		return;
	is_dirty[frame] = true;
	dirty[nr_dirty++] = frame;
}

/* Whether the engine may look at a page, which is what a pin is for */
void memory_show(unsigned int frame, bool shown)
{
	if (frame >= NR_BACKED)
		return;
	if (shown)
		__asan_unpoison_memory_region(contents_of(frame), PAGE_SIZE);
	else
		__asan_poison_memory_region(contents_of(frame), PAGE_SIZE);
}

/* The engine may write to it, so it counts as changed. */
void *page_address(const struct page *page)
{
	unsigned int frame = page - frames;

	if (frame >= NR_GUEST || !memory_is_pinned(frame))
		fuzz_fail("frame %u is looked at and not pinned", frame);
	note_dirty(frame);
	return contents_of(frame);
}

/* What the pages of a mixed area are: one after the other */
enum {
	MIXED_ROM = 9,
	MIXED_HOLE,
	MIXED_WOM,
	MIXED_RESERVED,
	MIXED_POISONED,
	MIXED_INVALID,
};

static unsigned int mixed_kind(unsigned int frame)
{
	if (frame < 3 * 512 || frame >= 4 * 512)
		return 0;
	return frame % 16;
}

bool pfn_valid(unsigned long pfn)
{
	unsigned int frame = memory_frame_of_pfn(pfn);

	return frame != NO_FRAME && mixed_kind(frame) != MIXED_INVALID;
}

bool PageReserved(const struct page *page)
{
	return mixed_kind(page - frames) == MIXED_RESERVED;
}

bool is_page_hwpoison(const struct page *page)
{
	return mixed_kind(page - frames) == MIXED_POISONED;
}

/*
 * Pages of the engine itself, of which there are two kinds: a few for a moment, and 2 MiB
 * of zeroes, which it keeps.
 */
struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	if (inject_now(&inject.alloc))
		return NULL;
	return &frames[NR_GUEST + (order < 9 ? 0 : 512)];
}

void __free_pages(struct page *page, unsigned int order)
{
}

/* --- Guest addresses --- */

static const struct area *area_of(u64 gpa)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(areas); i++)
		if (gpa >= areas[i].first && gpa <= areas[i].last)
			return &areas[i];
	return NULL;
}

unsigned int memory_place(u64 gpa)
{
	const struct area *area = area_of(gpa);
	unsigned int offset;

	if (!area)
		return NO_FRAME;
	offset = (gpa - area->first) >> PAGE_SHIFT;
	if (area->kind == SCATTERED)
		offset = offset * 77 % 512;
	return area->frame + offset;
}

static u8 perm_of(const struct area *area, unsigned int frame)
{
	switch (area->kind) {
	case ROM:
		return MEM_R;
	case WOM:
		return MEM_W;
	case MIXED:
		break;
	default:
		return MEM_RW;
	}
	switch (mixed_kind(frame)) {
	case MIXED_ROM:
		return MEM_R;
	case MIXED_WOM:
		return MEM_W;
	case MIXED_HOLE:
		return 0;
	default:
		return MEM_RW;
	}
}

unsigned int memory_perm(unsigned int frame)
{
	return perms[frame];
}

/* The frame of a page that the IOAS has now, and what one may do with it */
unsigned int memory_frame(u64 gpa, unsigned int *perm)
{
	unsigned int frame = memory_place(gpa);

	if (frame == NO_FRAME || memory_is_gone(frame) || !perms[frame])
		return NO_FRAME;
	*perm = perms[frame];
	return frame;
}

/* What one may do with a page as long as it is there; with what is no memory nothing */
unsigned int memory_static_perm(u64 gpa)
{
	unsigned int frame = memory_place(gpa);

	if (frame == NO_FRAME)
		return 0;
	switch (mixed_kind(frame)) {
	case MIXED_RESERVED:
	case MIXED_POISONED:
	case MIXED_INVALID:
		return 0;
	}
	return perms[frame];
}

u64 memory_gpa_of_pfn(unsigned long pfn)
{
	unsigned int frame = memory_frame_of_pfn(pfn);

	return frame < NR_GUEST ? gpas[frame] : U64_MAX;
}

/* --- What the guest does --- */

__attribute__((no_sanitize("address"))) u64 memory_read(u64 gpa)
{
	unsigned int frame = memory_place(gpa);

	if (frame == NO_FRAME)
		return 0;
	return *(volatile u64 *)(contents_of(frame) + offset_in_page(gpa));
}

__attribute__((no_sanitize("address"))) bool memory_write(u64 gpa, u64 value)
{
	unsigned int frame = memory_place(gpa);

	if (frame == NO_FRAME || frame >= NR_BACKED)
		return false;
	note_dirty(frame);
	*(volatile u64 *)(contents_of(frame) + offset_in_page(gpa)) = value;
	return true;
}

/* Ranges that cut chunks, that are chunks, and that are more than one */
void memory_pick_range(unsigned int what, u64 *first, u64 *last)
{
	static const struct {
		u32 offset;
		u32 size;
	} parts[] = {
		{ 0, 0x200000 },      { 0, 0x1000 },
		{ 0x1000, 0x1000 },   { 0x100000, 0x100000 },
		{ 0x1ff000, 0x2000 }, { 0x80000, 0x200000 },
		{ 0x8000, 0x20000 },  { 0, 0x400000 },
	};
	const struct area *area = &areas[what / 8 % ARRAY_SIZE(areas)];

	*first = area->first + parts[what % 8].offset;
	*last = *first + parts[what % 8].size - 1;
}

/* A page somewhere: near the beginning or the end of an area, or at the end of chunks */
u64 memory_pick(unsigned int what)
{
	const struct area *area = &areas[what / 16 % ARRAY_SIZE(areas)];
	u64 offset = (u64)(what % 16) * PAGE_SIZE;

	if (what % 16 >= 14)
		offset = area->last + 1 - area->first -
			 (16 - what % 16) * PAGE_SIZE;
	if (what >= 16 * 15)
		return 0xe00000 + (what % 16) * PAGE_SIZE;
	return area->first + offset;
}

/* --- Life --- */

static void init_area(const struct area *area)
{
	for (u64 gpa = area->first; gpa <= area->last; gpa += PAGE_SIZE) {
		unsigned int frame = memory_place(gpa);

		gpas[frame] = gpa;
		perms[frame] = perm_of(area, frame);
	}
}

/* Once: all of it is poisoned but the page that is shared, what no pin makes usable. */
void memory_init(void)
{
	size_t size = (NR_BACKED + 1) * STRIDE;

	contents = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (contents == MAP_FAILED)
		abort();
	__asan_poison_memory_region(contents, size);
	__asan_unpoison_memory_region(contents_of(NR_BACKED), PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(areas); i++)
		init_area(&areas[i]);
}

__attribute__((no_sanitize("address"))) static void clean(unsigned int frame)
{
	volatile u64 *at = contents_of(frame);

	for (unsigned int i = 0; i < 512; i++)
		at[i] = 0;
	is_dirty[frame] = false;
}

void memory_begin(void)
{
	while (nr_dirty)
		clean(dirty[--nr_dirty]);
	memory_give_all();
}
