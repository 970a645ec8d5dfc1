// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks: what is pinned of one, as a whole or page by page, and where its pages are in
 * host memory. Serves guest_mem.c, which knows which chunks there are; calls guest_pin.c.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "guest_chunk.h"
#include "guest_pin.h"
#include "vtd_format.h"

static unsigned long *pfns_alloc(void)
{
	return kcalloc(VTDS_CHUNK_PAGES, sizeof(unsigned long),
		       GFP_KERNEL_ACCOUNT);
}

/**
 * struct frames - Where the pages of a chunk are in host memory
 * @low: Lowest frame
 * @high: Highest frame
 * @contiguous: One after the other from @low
 */
struct frames {
	unsigned long low;
	unsigned long high;
	bool contiguous;
};

static struct frames frames_of(struct page **pages)
{
	unsigned long base = page_to_pfn(pages[0]);
	struct frames frames = { .low = base,
				 .high = base,
				 .contiguous = true };

	for (unsigned int i = 1; i < VTDS_CHUNK_PAGES; i++) {
		unsigned long pfn = page_to_pfn(pages[i]);

		frames.low = min(frames.low, pfn);
		frames.high = max(frames.high, pfn);
		frames.contiguous &= pfn == base + i;
	}
	return frames;
}

/*
 * Keeps what is needed to find the frames again: nothing if they are contiguous,
 * 4 bytes a page unless a host has them further apart than these can tell.
 */
static int chunk_keep_frames(struct vtds_chunk *chunk, struct page **pages)
{
	struct frames frames = frames_of(pages);
	unsigned int i;

	chunk->base_pfn = frames.low;
	if (frames.contiguous)
		return 0;
	if (frames.high - frames.low <= U32_MAX) {
		chunk->offsets = kcalloc(VTDS_CHUNK_PAGES, sizeof(u32),
					 GFP_KERNEL_ACCOUNT);
		if (!chunk->offsets)
			return -ENOMEM;
		for (i = 0; i < VTDS_CHUNK_PAGES; i++)
			chunk->offsets[i] = page_to_pfn(pages[i]) - frames.low;
		return 0;
	}
	chunk->pfns = pfns_alloc();
	if (!chunk->pfns)
		return -ENOMEM;
	for (i = 0; i < VTDS_CHUNK_PAGES; i++)
		chunk->pfns[i] = page_to_pfn(pages[i]) | VTDS_PFN_PINNED |
				 VTDS_PFN_RW;
	return 0;
}

static bool covers_interrupts(const struct vtds_chunk *chunk)
{
	return vtds_chunk_first(chunk) <= VTD_INTERRUPT_LAST &&
	       vtds_chunk_last(chunk) >= VTD_INTERRUPT_START;
}

/*
 * More is pinned than the host lets the owner of guest memory pin, or there is no memory
 * for it: what nobody uses is let go of at the next flush.
 */
static void note_shortage(struct vtds_pins *pins, int error)
{
	pins->starved |= error == -ENOMEM;
}

/* The common case: all RAM. Returns 0, or why it has to go page by page. */
static int pin_whole(struct vtds_pins *pins, struct vtds_chunk *chunk)
{
	int ret;

	if (!pins->pages)
		pins->pages = kcalloc(VTDS_CHUNK_PAGES, sizeof(*pins->pages),
				      GFP_KERNEL_ACCOUNT);
	if (!pins->pages)
		return -ENOMEM;
	ret = vtds_pin_pages(pins, vtds_chunk_first(chunk), VTDS_CHUNK_PAGES,
			     pins->pages, VTD_SS_RW);
	if (ret)
		return ret;

	ret = chunk_keep_frames(chunk, pins->pages);
	if (ret) {
		vtds_unpin_pages(pins, vtds_chunk_first(chunk),
				 VTDS_CHUNK_PAGES);
		return ret;
	}
	chunk->whole = true;
	chunk->simple = !chunk->pfns && !covers_interrupts(chunk);
	pins->nr_pinned += VTDS_CHUNK_PAGES;
	return 0;
}

static void unpin_page(struct vtds_pins *pins, struct vtds_chunk *chunk,
		       unsigned int offset)
{
	if (!(chunk->pfns[offset] & VTDS_PFN_PINNED))
		return;
	vtds_unpin_pages(pins, vtds_chunk_first(chunk) + offset * VTD_PAGE_SIZE,
			 1);
	chunk->pfns[offset] = 0;
	chunk->nr_pages--;
	pins->nr_pinned--;
}

/* Unpins what is pinned as a whole. */
static void unpin_whole(struct vtds_pins *pins, struct vtds_chunk *chunk)
{
	vtds_unpin_pages(pins, vtds_chunk_first(chunk), VTDS_CHUNK_PAGES);
	pins->nr_pinned -= VTDS_CHUNK_PAGES;
}

/* Pins a page for what it permits: to read and write, only to read, or only to write. */
static int pin_page(struct vtds_pins *pins, struct vtds_chunk *chunk,
		    unsigned int offset)
{
	static const struct {
		unsigned int perm;
		unsigned long flags;
	} kinds[] = { { VTD_SS_RW, VTDS_PFN_RW },
		      { VTD_SS_R, VTDS_PFN_READABLE },
		      { VTD_SS_W, VTDS_PFN_WRITABLE } };
	u64 gpa = vtds_chunk_first(chunk) + offset * VTD_PAGE_SIZE;
	struct page *page;
	int ret = -EPERM;

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds) && ret == -EPERM; i++) {
		ret = vtds_pin_pages(pins, gpa, 1, &page, kinds[i].perm);
		if (ret)
			continue;
		chunk->pfns[offset] = page_to_pfn(page) | VTDS_PFN_PINNED |
				      kinds[i].flags;
		chunk->nr_pages++;
		pins->nr_pinned++;
	}
	note_shortage(pins, ret);
	return ret;
}

/* vtds_mem_page() of a chunk in which pages differ */
int __vtds_chunk_page(struct vtds_pins *pins, struct vtds_chunk *chunk, u64 gpa,
		      unsigned long *pfn, unsigned int *perm)
{
	unsigned int offset = vtds_chunk_offset(gpa);
	int ret;

	if (!(chunk->pfns[offset] & VTDS_PFN_PINNED)) {
		ret = pin_page(pins, chunk, offset);
		if (ret)
			return ret;
	}
	*pfn = chunk->pfns[offset] & VTDS_PFN_MASK;
	*perm = (chunk->pfns[offset] & VTDS_PFN_READABLE ? VTD_SS_R : 0) |
		(chunk->pfns[offset] & VTDS_PFN_WRITABLE ? VTD_SS_W : 0);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_chunk_page);

/**
 * vtds_chunk_perm() - Whether all of a chunk is memory of one kind
 * @pins: Where it is pinned
 * @chunk: The chunk, with a user of the caller's
 * @perm: Output, VTD_SS_R, VTD_SS_W or both
 *
 * Return: 0, -EXDEV if parts differ, or the error of the first missing page.
 */
int vtds_chunk_perm(struct vtds_pins *pins, struct vtds_chunk *chunk,
		    unsigned int *perm)
{
	unsigned int page_perm;
	unsigned long pfn;
	int ret;

	*perm = VTD_SS_RW;
	if (chunk->whole)
		return 0;

	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		ret = vtds_chunk_page(pins, chunk,
				      vtds_chunk_first(chunk) +
					      i * VTD_PAGE_SIZE,
				      &pfn, &page_perm);
		if (ret)
			return ret;
		if (i && page_perm != *perm)
			return -EXDEV;
		*perm = page_perm;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_chunk_perm);

/*
 * Gives the pages outside of [first, last] pins of their own, so that the pin of
 * the whole chunk can be given back without disturbing them.
 */
int vtds_chunk_split(struct vtds_pins *pins, struct vtds_chunk *chunk,
		     u64 first, u64 last)
{
	unsigned long *pfns = pfns_alloc();
	unsigned int i;
	int ret = 0;

	if (!pfns)
		return -ENOMEM;

	swap(chunk->pfns, pfns);
	for (i = 0; i < VTDS_CHUNK_PAGES && !ret; i++) {
		u64 gpa = vtds_chunk_first(chunk) + i * VTD_PAGE_SIZE;

		if (gpa < first || gpa > last)
			ret = pin_page(pins, chunk, i);
	}
	if (ret) {
		for (i = 0; i < VTDS_CHUNK_PAGES; i++)
			unpin_page(pins, chunk, i);
		swap(chunk->pfns, pfns);
	} else {
		chunk->whole = false;
		chunk->simple = false;
		chunk->split = true;
		kfree(chunk->offsets);
		chunk->offsets = NULL;
	}
	kfree(pfns);
	return ret;
}

/**
 * vtds_chunk_pin() - Pin a new chunk
 * @pins: Where it is pinned
 * @chunk: The chunk
 *
 * If it cannot be pinned as a whole, pages are pinned when they are asked for: a limit
 * that the chunk is over may leave room for a page.
 *
 * Return: 0 or -ENOMEM.
 */
int vtds_chunk_pin(struct vtds_pins *pins, struct vtds_chunk *chunk)
{
	int ret = pin_whole(pins, chunk);

	note_shortage(pins, ret);
	if (!ret)
		return 0;
	chunk->pfns = pfns_alloc();
	return chunk->pfns ? 0 : -ENOMEM;
}

/* Unpins all of a chunk that has no users, and frees it. */
void vtds_chunk_free(struct vtds_pins *pins, struct vtds_chunk *chunk)
{
	if (chunk->whole || chunk->split)
		unpin_whole(pins, chunk);
	if (!chunk->whole)
		for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
			unpin_page(pins, chunk, i);
	kfree(chunk->offsets);
	kfree(chunk->pfns);
	kfree(chunk);
}

/* Gives back the pin that a chunk had before it was split. */
void vtds_chunk_end_split(struct vtds_pins *pins, struct vtds_chunk *chunk)
{
	if (!chunk->split)
		return;
	chunk->split = false;
	unpin_whole(pins, chunk);
}

/* Unpins the pages of a chunk that are in [first, last]. */
void vtds_chunk_unpin(struct vtds_pins *pins, struct vtds_chunk *chunk,
		      u64 first, u64 last)
{
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		u64 gpa = vtds_chunk_first(chunk) + i * VTD_PAGE_SIZE;

		if (gpa >= first && gpa <= last)
			unpin_page(pins, chunk, i);
	}
}
