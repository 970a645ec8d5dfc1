// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks: what is pinned of one, as a whole or page by page, and where its pages are in
 * host memory. Serves guest_mem.c, which knows which chunks there are and when one may be
 * looked at or changed; calls guest_pin.c.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "alloc.h"
#include "guest_chunk.h"
#include "guest_pin.h"
#include "vtd_format.h"

/* --- Looking at them --- */

/* vtds_chunk_page() of a chunk that is not simple */
int __vtds_chunk_page(const struct vtds_chunk *chunk, u64 gpa,
		      unsigned long *pfn, unsigned int *perm)
{
	unsigned long word;

	if (chunk->state & VTDS_CHUNK_GOING)
		return -ENOENT;
	if (vtds_chunk_kind(chunk) == VTDS_CHUNK_UNKNOWN)
		return VTDS_NOT_PINNED;
	word = READ_ONCE(chunk->pages->pfns[vtds_chunk_offset(gpa)]);
	if (!word || (word & VTDS_PFN_NEW))
		return VTDS_NOT_PINNED;
	if (word & VTDS_PFN_GOING)
		return -ENOENT;
	if (word & VTDS_PFN_ERROR)
		return -(int)(word & VTDS_PFN_MASK);
	*pfn = word & VTDS_PFN_MASK;
	*perm = (word & VTDS_PFN_READABLE ? VTD_SS_R : 0) |
		(word & VTDS_PFN_WRITABLE ? VTD_SS_W : 0);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_chunk_page);

/**
 * vtds_chunk_perm() - Whether all of a chunk is memory of one kind
 * @chunk: The chunk
 * @gpa: Any address in it
 * @perm: Output, VTD_SS_R, VTD_SS_W or both
 *
 * Return: 0, -EXDEV if parts differ, the error of the first page if no page can be had
 * and all for the same reason, or VTDS_NOT_PINNED if not all pages are known.
 */
int vtds_chunk_perm(const struct vtds_chunk *chunk, u64 gpa, unsigned int *perm)
{
	unsigned int page_perm = 0;
	unsigned long pfn;
	int first = 0, ret;

	*perm = VTD_SS_RW;
	if (vtds_chunk_is_simple(chunk))
		return 0;
	gpa = vtds_chunk_first(gpa);
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		ret = vtds_chunk_page(chunk, gpa + i * VTD_PAGE_SIZE, &pfn,
				      &page_perm);
		if (ret == VTDS_NOT_PINNED)
			return ret;
		if (!i)
			first = ret;
		if (!i && !ret)
			*perm = page_perm;
		if (ret != first || (!ret && page_perm != *perm))
			first = -EXDEV;
	}
	return first;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_chunk_perm);

/*
 * Whether some of what is known of pages that cannot be pinned is older than a call: there
 * may be memory since.
 */
bool vtds_chunk_has_old_errors(const struct vtds_chunk *chunk, u64 call)
{
	return vtds_chunk_kind(chunk) == VTDS_CHUNK_PAGES_DIFFER &&
	       chunk->pages->nr_errors && chunk->pages->since < call;
}

/* The same of one page. That it is going is news. */
bool vtds_chunk_error_is_old(const struct vtds_chunk *chunk, u64 gpa, u64 call)
{
	unsigned long word;

	if ((chunk->state & VTDS_CHUNK_GOING) ||
	    !vtds_chunk_has_old_errors(chunk, call))
		return false;
	word = READ_ONCE(chunk->pages->pfns[vtds_chunk_offset(gpa)]);
	return (word & VTDS_PFN_ERROR) && !(word & VTDS_PFN_GOING);
}

/* Pages of 4 KiB that are pinned, as iommufd counts them for this chunk */
unsigned long vtds_chunk_nr_pinned(const struct vtds_chunk *chunk)
{
	unsigned long nr = vtds_chunk_is_whole(chunk) ? VTDS_CHUNK_PAGES : 0;

	if (vtds_chunk_kind(chunk) == VTDS_CHUNK_PAGES_DIFFER)
		nr += chunk->pages->nr_pinned;
	return nr;
}

/* --- What is kept of them --- */

static struct vtds_chunk_pages *pages_alloc(void)
{
	struct vtds_chunk_pages *pages = vtds_zalloc(sizeof(*pages));

	if (!pages)
		return NULL;
	pages->pfns = vtds_zalloc_array(VTDS_CHUNK_PAGES, sizeof(*pages->pfns));
	if (pages->pfns)
		return pages;
	kfree(pages);
	return NULL;
}

/* Frees what is kept of a chunk that is not pinned any more, and forgets it. */
void vtds_chunk_free(struct vtds_chunk *chunk)
{
	switch (vtds_chunk_kind(chunk)) {
	case VTDS_CHUNK_SCATTERED:
		kfree(chunk->offsets);
		break;
	case VTDS_CHUNK_PAGES_DIFFER:
		kfree(chunk->pages->pfns);
		kfree(chunk->pages);
		break;
	}
	chunk->base_pfn = 0;
	chunk->state = VTDS_CHUNK_UNKNOWN;
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

static bool covers_interrupts(u64 gpa)
{
	return gpa <= VTD_INTERRUPT_LAST &&
	       gpa + VTDS_CHUNK_SIZE - 1 >= VTD_INTERRUPT_START;
}

static int keep_scattered(struct vtds_chunk *chunk, struct page **pages,
			  const struct frames *frames)
{
	u32 base = (frames->low >> VTDS_CHUNK_BASE_SHIFT) & VTDS_CHUNK_BASE;

	chunk->offsets = vtds_zalloc_array(VTDS_CHUNK_PAGES, sizeof(u32));
	if (!chunk->offsets)
		return -ENOMEM;
	chunk->state = VTDS_CHUNK_SCATTERED | base;
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
		chunk->offsets[i] =
			page_to_pfn(pages[i]) - vtds_chunk_base(chunk->state);
	return 0;
}

static int keep_pages(struct vtds_chunk *chunk, struct page **pages)
{
	struct vtds_chunk_pages *kept = pages_alloc();

	if (!kept)
		return -ENOMEM;
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
		kept->pfns[i] = page_to_pfn(pages[i]) | VTDS_PFN_RW;
	kept->whole = true;
	chunk->pages = kept;
	chunk->state = VTDS_CHUNK_PAGES_DIFFER;
	return 0;
}

/*
 * Keeps what is needed to find the frames again: nothing if they are contiguous,
 * 4 bytes a page unless a host has them further apart than these can tell.
 */
static int keep_frames(struct vtds_chunk *chunk, u64 gpa, struct page **pages)
{
	struct frames frames = frames_of(pages);
	unsigned long base = frames.low & ~(BIT(28) - 1);

	if (covers_interrupts(gpa) || frames.high - base > U32_MAX)
		return keep_pages(chunk, pages);
	if (!frames.contiguous)
		return keep_scattered(chunk, pages, &frames);
	chunk->base_pfn = frames.low;
	chunk->state = VTDS_CHUNK_CONTIGUOUS;
	return 0;
}

/**
 * vtds_chunk_make_pages() - Let pages of a chunk differ
 * @chunk: The chunk: unknown, or pinned as a whole and simple
 * @gpa: Its first address
 *
 * Return: 0 or -ENOMEM.
 */
int vtds_chunk_make_pages(struct vtds_chunk *chunk, u64 gpa)
{
	bool whole = vtds_chunk_is_whole(chunk);
	struct vtds_chunk_pages *pages = pages_alloc();

	if (!pages)
		return -ENOMEM;
	for (unsigned int i = 0; whole && i < VTDS_CHUNK_PAGES; i++)
		pages->pfns[i] =
			vtds_chunk_pfn(chunk, gpa + i * VTD_PAGE_SIZE) |
			VTDS_PFN_RW;
	pages->whole = whole;
	vtds_chunk_free(chunk);
	chunk->pages = pages;
	chunk->state = VTDS_CHUNK_PAGES_DIFFER;
	return 0;
}

/* What could not be pinned may be tried again by whoever comes next. */
void vtds_chunk_forget_errors(struct vtds_chunk *chunk)
{
	struct vtds_chunk_pages *pages = chunk->pages;

	if (vtds_chunk_kind(chunk) != VTDS_CHUNK_PAGES_DIFFER ||
	    !pages->nr_errors)
		return;
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
		if (pages->pfns[i] & VTDS_PFN_ERROR)
			pages->pfns[i] &= VTDS_PFN_GOING;
	pages->nr_errors = 0;
}

/* --- Pinning, by iommufd --- */

/**
 * vtds_chunk_pin() - Pin all of a chunk, to be read and written
 * @pins: Where it is pinned
 * @gpa: Its first address
 * @chunk: Output, what is known of it then
 *
 * Return: 0, or why it has to go page by page.
 */
int vtds_chunk_pin(struct vtds_pins *pins, u64 gpa, struct vtds_chunk *chunk)
{
	int ret;

	if (!pins->pages)
		pins->pages = vtds_zalloc_array(VTDS_CHUNK_PAGES,
						sizeof(*pins->pages));
	if (!pins->pages)
		return -ENOMEM;
	ret = vtds_pin_pages(pins, gpa, VTDS_CHUNK_PAGES, pins->pages,
			     VTD_SS_RW);
	if (ret)
		return ret;
	ret = keep_frames(chunk, gpa, pins->pages);
	if (ret)
		vtds_unpin_pages(pins, gpa, VTDS_CHUNK_PAGES);
	return ret;
}

/**
 * vtds_chunk_pin_page() - Pin a page for what it permits
 * @pins: Where it is pinned
 * @gpa: Its address
 * @word: Output, as in vtds_chunk_pages.pfns
 *
 * To read and write, only to read, or only to write.
 *
 * Return: 0 or a negative errno, which is in @word then.
 */
int vtds_chunk_pin_page(struct vtds_pins *pins, u64 gpa, unsigned long *word)
{
	static const struct {
		unsigned int perm;
		unsigned long flags;
	} kinds[] = { { VTD_SS_RW, VTDS_PFN_RW },
		      { VTD_SS_R, VTDS_PFN_READABLE },
		      { VTD_SS_W, VTDS_PFN_WRITABLE } };
	struct page *page;
	int ret = -EPERM;

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds) && ret == -EPERM; i++) {
		ret = vtds_pin_pages(pins, gpa, 1, &page, kinds[i].perm);
		if (!ret)
			*word = page_to_pfn(page) | VTDS_PFN_PINNED |
				kinds[i].flags;
	}
	if (ret)
		*word = VTDS_PFN_ERROR | -ret;
	return ret;
}

/**
 * vtds_chunk_unpin() - Unpin all of a chunk
 * @pins: Where it is pinned
 * @gpa: Any address in it
 * @chunk: What is known of it; to be freed by the caller
 */
void vtds_chunk_unpin(struct vtds_pins *pins, u64 gpa,
		      const struct vtds_chunk *chunk)
{
	gpa = vtds_chunk_first(gpa);
	if (vtds_chunk_is_whole(chunk))
		vtds_unpin_pages(pins, gpa, VTDS_CHUNK_PAGES);
	if (vtds_chunk_kind(chunk) != VTDS_CHUNK_PAGES_DIFFER)
		return;
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
		if (chunk->pages->pfns[i] & VTDS_PFN_PINNED)
			vtds_unpin_pages(pins, gpa + i * VTD_PAGE_SIZE, 1);
}
