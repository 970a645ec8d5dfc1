/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chunks of guest memory, see guest_chunk.c
 */
#ifndef VTDS_GUEST_CHUNK_H
#define VTDS_GUEST_CHUNK_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>

#include "guest_pin.h"
#include "vtd_format.h"

/* Guest memory is pinned in pieces of this many pages, aligned to their size */
#define VTDS_CHUNK_PAGES 512UL
#define VTDS_CHUNK_SIZE (VTDS_CHUNK_PAGES * VTD_PAGE_SIZE)

/**
 * struct vtds_chunk - Pinned piece of guest memory
 * @gfn: First guest frame, a multiple of VTDS_CHUNK_PAGES
 * @users: Leaves that target the chunk and mirror nodes whose table is in it
 * @nr_pages: Pages that have a pin of their own
 * @whole: All of it was pinned by one call, to be read and written
 * @split: As @whole, but about to be unpinned: pages in use have their own pin
 * @simple: As @whole, with no more to look at: @pfns is not set, and the interrupt
 *          range is not in it
 * @base_pfn: Lowest host frame, if @pfns is NULL
 * @offsets: Distance of each page's frame to @base_pfn; NULL if they are contiguous
 * @pfns: VTDS_PFN_* and host frame of each page, if @whole is not set or the frames
 *        are too far apart
 * @lru: In vtds_guest_mem.idle while @users is 0
 */
struct vtds_chunk {
	unsigned long gfn;
	u32 users;
	u16 nr_pages;
	bool whole;
	bool split;
	bool simple;
	unsigned long base_pfn;
	u32 *offsets;
	unsigned long *pfns;
	struct list_head lru;
};

/* In vtds_chunk.pfns: the page is pinned, and may be read or written by devices */
#define VTDS_PFN_PINNED BIT(63)
#define VTDS_PFN_WRITABLE BIT(62)
#define VTDS_PFN_READABLE BIT(61)
#define VTDS_PFN_RW (VTDS_PFN_READABLE | VTDS_PFN_WRITABLE)
#define VTDS_PFN_MASK GENMASK(60, 0)

int vtds_chunk_pin(struct vtds_pins *pins, struct vtds_chunk *chunk);
void vtds_chunk_free(struct vtds_pins *pins, struct vtds_chunk *chunk);
int vtds_chunk_split(struct vtds_pins *pins, struct vtds_chunk *chunk,
		     u64 first, u64 last);
void vtds_chunk_end_split(struct vtds_pins *pins, struct vtds_chunk *chunk);
void vtds_chunk_unpin(struct vtds_pins *pins, struct vtds_chunk *chunk,
		      u64 first, u64 last);
int vtds_chunk_perm(struct vtds_pins *pins, struct vtds_chunk *chunk,
		    unsigned int *perm);
int __vtds_chunk_page(struct vtds_pins *pins, struct vtds_chunk *chunk, u64 gpa,
		      unsigned long *pfn, unsigned int *perm);

static inline u64 vtds_chunk_first(const struct vtds_chunk *chunk)
{
	return (u64)chunk->gfn << VTD_PAGE_SHIFT;
}

static inline u64 vtds_chunk_last(const struct vtds_chunk *chunk)
{
	return vtds_chunk_first(chunk) + VTDS_CHUNK_SIZE - 1;
}

/* Number of a page in its chunk */
static inline unsigned int vtds_chunk_offset(u64 gpa)
{
	return (gpa >> VTD_PAGE_SHIFT) % VTDS_CHUNK_PAGES;
}

static inline bool vtds_chunk_is_contiguous(const struct vtds_chunk *chunk)
{
	return !chunk->pfns && !chunk->offsets;
}

/* Host frame of a page in a chunk that was pinned as a whole */
static inline unsigned long vtds_chunk_pfn(const struct vtds_chunk *chunk,
					   u64 gpa)
{
	unsigned int offset = (gpa >> VTD_PAGE_SHIFT) % VTDS_CHUNK_PAGES;

	return chunk->base_pfn +
	       (chunk->offsets ? chunk->offsets[offset] : offset);
}

/**
 * vtds_chunk_page() - Host frame of a guest page
 * @pins: Where it is pinned
 * @chunk: The chunk of @gpa, with a user of the caller's
 * @gpa: Any address in the page
 * @pfn: Output, the host frame, pinned as long as the chunk has users
 * @perm: Output, VTD_SS_R, VTD_SS_W or both: what a device may do with it
 *
 * Return: 0, -ENOENT if there is no memory, or another error of iommufd.
 */
static inline int vtds_chunk_page(struct vtds_pins *pins,
				  struct vtds_chunk *chunk, u64 gpa,
				  unsigned long *pfn, unsigned int *perm)
{
	if (unlikely(chunk->pfns))
		return __vtds_chunk_page(pins, chunk, gpa, pfn, perm);
	*pfn = vtds_chunk_pfn(chunk, gpa);
	*perm = VTD_SS_RW;
	return 0;
}

#endif /* VTDS_GUEST_CHUNK_H */
