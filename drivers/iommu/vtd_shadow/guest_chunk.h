/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chunks of guest memory, see guest_chunk.c
 */
#ifndef VTDS_GUEST_CHUNK_H
#define VTDS_GUEST_CHUNK_H

#include <linux/bits.h>
#include <linux/types.h>

#include "guest_pin.h"
#include "vtd_format.h"

/* Guest memory is pinned in pieces of this many pages, aligned to their size */
#define VTDS_CHUNK_PAGES 512UL
#define VTDS_CHUNK_SIZE (VTDS_CHUNK_PAGES * VTD_PAGE_SIZE)

/**
 * enum vtds_chunk_kind - What is known of a chunk
 * @VTDS_CHUNK_UNKNOWN: Nothing: it is not pinned
 * @VTDS_CHUNK_CONTIGUOUS: All of it is pinned, to be read and written, in one piece of
 *                         host memory
 * @VTDS_CHUNK_SCATTERED: The same, in pages that lie anywhere
 * @VTDS_CHUNK_PAGES_DIFFER: Some pages are pinned, each for what it permits, and of some
 *                           it is known why they cannot be; or it is pinned as a whole
 *                           and has something special to it
 */
enum vtds_chunk_kind {
	VTDS_CHUNK_UNKNOWN,
	VTDS_CHUNK_CONTIGUOUS,
	VTDS_CHUNK_SCATTERED,
	VTDS_CHUNK_PAGES_DIFFER,
};

/**
 * struct vtds_chunk_pages - Pages of a chunk that differ
 * @pfns: Frame of each page with VTDS_PFN_* flags, 0 if nothing is known of it
 * @nr_pinned: Pages that have a pin of their own
 * @nr_errors: Pages of which it is known why they cannot be pinned
 * @since: The last call that had begun when none of that was known yet: it is older than
 *         calls that began later, see vtds_guest_mem.call
 * @whole: All of the chunk has one pin, besides those of pages
 *
 * What has to be kept of a page even if it is unpinned (that it was written, for
 * migration) has its place here.
 */
struct vtds_chunk_pages {
	unsigned long *pfns;
	u16 nr_pinned;
	u16 nr_errors;
	bool whole;
	u64 since;
};

/**
 * struct vtds_chunk - Piece of guest memory; 16 bytes, four of them in a cache line
 * @base_pfn: First host frame, if contiguous
 * @offsets: Host frame of each page as a distance to vtds_chunk_base(), if scattered
 * @pages: Its pages, if they differ
 * @users: Leaves that target the chunk, mirror nodes whose table is in it, and calls
 *         that hold it
 * @state: Kind in VTDS_CHUNK_KIND. If scattered, the rest is the base of @offsets
 */
struct vtds_chunk {
	union {
		unsigned long base_pfn;
		u32 *offsets;
		struct vtds_chunk_pages *pages;
	};
	u32 users;
	u32 state;
};

#define VTDS_CHUNK_KIND GENMASK(2, 0)
/* It is being taken away: nothing may be made a user of it */
#define VTDS_CHUNK_GOING BIT(3)
/* Bases are multiples of 1 TiB, so that 32 bits reach at least 15 TiB from there */
#define VTDS_CHUNK_BASE GENMASK(31, 8)
#define VTDS_CHUNK_BASE_SHIFT 20

/*
 * In vtds_chunk_pages.pfns: the page is pinned, and may be read or written by devices;
 * or it cannot be pinned, and the lowest bits are the positive errno; that is new, and
 * nobody may go by it before the unit is locked; it is going
 */
#define VTDS_PFN_PINNED BIT(63)
#define VTDS_PFN_WRITABLE BIT(62)
#define VTDS_PFN_READABLE BIT(61)
#define VTDS_PFN_ERROR BIT(60)
#define VTDS_PFN_NEW BIT(59)
#define VTDS_PFN_GOING BIT(58)
#define VTDS_PFN_RW (VTDS_PFN_READABLE | VTDS_PFN_WRITABLE)
#define VTDS_PFN_MASK GENMASK(51, 0)

/* What is not pinned yet: it has to be asked for, without the lock of the unit */
#define VTDS_NOT_PINNED (-EINPROGRESS)

static inline u64 vtds_chunk_first(u64 gpa)
{
	return gpa & ~(VTDS_CHUNK_SIZE - 1);
}

/* Number of a page in its chunk */
static inline unsigned int vtds_chunk_offset(u64 gpa)
{
	return (gpa >> VTD_PAGE_SHIFT) % VTDS_CHUNK_PAGES;
}

static inline unsigned int vtds_chunk_kind(const struct vtds_chunk *chunk)
{
	return chunk->state & VTDS_CHUNK_KIND;
}

/* Whether all of a chunk is plain memory, with no more to look at */
static inline bool vtds_chunk_is_simple(const struct vtds_chunk *chunk)
{
	/* Contiguous or scattered, and not going */
	return (chunk->state & (VTDS_CHUNK_KIND | VTDS_CHUNK_GOING)) - 1 < 2;
}

/* Whether one pin covers all of a chunk */
static inline bool vtds_chunk_is_whole(const struct vtds_chunk *chunk)
{
	switch (vtds_chunk_kind(chunk)) {
	case VTDS_CHUNK_CONTIGUOUS:
	case VTDS_CHUNK_SCATTERED:
		return true;
	case VTDS_CHUNK_PAGES_DIFFER:
		return chunk->pages->whole;
	default:
		return false;
	}
}

static inline unsigned long vtds_chunk_base(u32 state)
{
	return (unsigned long)(state & VTDS_CHUNK_BASE)
	       << VTDS_CHUNK_BASE_SHIFT;
}

/* Where the host frame of a page of a scattered chunk is looked up */
static inline const u32 *vtds_chunk_where(const struct vtds_chunk *chunk,
					  u64 gpa)
{
	return &chunk->offsets[vtds_chunk_offset(gpa)];
}

/* Host frame of a page in a simple chunk */
static inline unsigned long vtds_chunk_pfn(const struct vtds_chunk *chunk,
					   u64 gpa)
{
	if (vtds_chunk_kind(chunk) == VTDS_CHUNK_CONTIGUOUS)
		return chunk->base_pfn + vtds_chunk_offset(gpa);
	return vtds_chunk_base(chunk->state) + *vtds_chunk_where(chunk, gpa);
}

int __vtds_chunk_page(const struct vtds_chunk *chunk, u64 gpa,
		      unsigned long *pfn, unsigned int *perm);
int vtds_chunk_perm(const struct vtds_chunk *chunk, u64 gpa,
		    unsigned int *perm);
int vtds_chunk_pin(struct vtds_pins *pins, u64 gpa, struct vtds_chunk *chunk);
int vtds_chunk_pin_page(struct vtds_pins *pins, u64 gpa, unsigned long *word);
void vtds_chunk_unpin(struct vtds_pins *pins, u64 gpa,
		      const struct vtds_chunk *chunk);
bool vtds_chunk_has_old_errors(const struct vtds_chunk *chunk, u64 call);
bool vtds_chunk_error_is_old(const struct vtds_chunk *chunk, u64 gpa, u64 call);
int vtds_chunk_make_pages(struct vtds_chunk *chunk, u64 gpa);
void vtds_chunk_free(struct vtds_chunk *chunk);
void vtds_chunk_forget_errors(struct vtds_chunk *chunk);
unsigned long vtds_chunk_nr_pinned(const struct vtds_chunk *chunk);

/**
 * vtds_chunk_page() - Host frame of a guest page
 * @chunk: The chunk of @gpa
 * @gpa: Any address in the page
 * @pfn: Output, the host frame, pinned as long as the chunk has users
 * @perm: Output, VTD_SS_R, VTD_SS_W or both: what a device may do with it
 *
 * Return: 0, -ENOENT if there is no memory, another error of iommufd, or
 * VTDS_NOT_PINNED if that is not known yet.
 */
static inline int vtds_chunk_page(const struct vtds_chunk *chunk, u64 gpa,
				  unsigned long *pfn, unsigned int *perm)
{
	if (unlikely(!vtds_chunk_is_simple(chunk)))
		return __vtds_chunk_page(chunk, gpa, pfn, perm);
	*pfn = vtds_chunk_pfn(chunk, gpa);
	*perm = VTD_SS_RW;
	return 0;
}

#endif /* VTDS_GUEST_CHUNK_H */
