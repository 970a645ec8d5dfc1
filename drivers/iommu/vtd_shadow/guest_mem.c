// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: where its pages are, who uses them, and the only code that reads and
 * writes it. Chunks are kept, so that finding the host frame of a page is two loads and
 * iommufd accounts every page once. Serves all that reads tables or maps leaves; calls
 * guest_segment.c and guest_chunk.c. guest_fetch.c has pinned what is found here,
 * guest_evict.c takes it away.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "guest_chunk.h"
#include "guest_mem.h"
#include "guest_pin.h"
#include "guest_segment.h"
#include "trace.h"
#include "vtd_format.h"

/* Attempts to see both halves of an entry that the guest is writing */
#define VTDS_READ_TRIES 4

int vtds_mem_init(struct vtds_guest_mem *mem, struct vtds_lock *lock)
{
	mem->lock = lock;
	mutex_init(&mem->pins.lock);
	INIT_LIST_HEAD(&mem->holds);
	/* All that was pinned stays so until it is needed elsewhere */
	mem->max_idle = ULONG_MAX;
	return vtds_segments_init(mem);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_init);

/* --- Looking up --- */

/* vtds_mem_chunk() of one that takes a search */
struct vtds_chunk *__vtds_mem_chunk(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_segment *segment = vtds_segment_find(mem, gpa);

	vtds_assert_locked(mem->lock);
	if (!segment)
		return NULL;
	return &segment->chunks[gpa / VTDS_CHUNK_SIZE % VTDS_SEGMENT_CHUNKS];
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_mem_chunk);

/*
 * Notes what has to be pinned, unless that has just been tried in vain. Returns the
 * error of that.
 */
static int want(struct vtds_guest_mem *mem, u64 gpa, bool all)
{
	int failed = mem->failed;

	if (failed && mem->want.gpa == gpa && mem->want.all == all) {
		mem->failed = 0;
		return failed;
	}
	mem->failed = 0;
	mem->want = (struct vtds_mem_want){ gpa, all, true };
	return VTDS_NOT_PINNED;
}

/*
 * Whether a chunk goes, but not all of [gpa, gpa + size) of it is taken away: the rest can
 * be pinned again when the chunk is gone.
 */
static bool comes_back(const struct vtds_guest_mem *mem,
		       const struct vtds_chunk *chunk, u64 gpa, u64 size)
{
	return (chunk->state & VTDS_CHUNK_GOING) &&
	       (gpa < mem->going_first || gpa + size - 1 > mem->going_last);
}

/* Whether there may be memory at an address for which the look-up has an error */
static bool may_be_had(const struct vtds_guest_mem *mem,
		       const struct vtds_chunk *chunk, u64 gpa)
{
	return chunk && (comes_back(mem, chunk, gpa, VTD_PAGE_SIZE) ||
			 vtds_chunk_error_is_old(chunk, gpa, mem->call));
}

/**
 * vtds_mem_page() - Host frame of a guest page
 * @mem: Guest memory
 * @gpa: Any address in the page
 * @pfn: Output, the host frame, pinned as long as the unit is locked, or its chunk has
 *       users
 * @perm: Output, VTD_SS_R, VTD_SS_W or both
 *
 * Return: as vtds_chunk_page(). After VTDS_NOT_PINNED the page is what
 * vtds_mem_fetch() has pinned.
 */
int vtds_mem_page(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
		  unsigned int *perm)
{
	const struct vtds_chunk *chunk = vtds_mem_chunk(mem, gpa);
	int ret = VTDS_NOT_PINNED;

	vtds_assert_locked(mem->lock);
	gpa &= ~(VTD_PAGE_SIZE - 1);
	if (chunk)
		ret = vtds_chunk_page(chunk, gpa, pfn, perm);
	if (unlikely(ret) && may_be_had(mem, chunk, gpa))
		ret = VTDS_NOT_PINNED;
	return ret == VTDS_NOT_PINNED ? want(mem, gpa, false) : ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_page);

/* vtds_chunk_perm() of the chunk of an address. All of it is fetched, if need be. */
int vtds_mem_chunk_perm(struct vtds_guest_mem *mem, u64 gpa, unsigned int *perm)
{
	const struct vtds_chunk *chunk = vtds_mem_chunk(mem, gpa);
	int ret = VTDS_NOT_PINNED;

	gpa = vtds_chunk_first(gpa);
	if (chunk && !comes_back(mem, chunk, gpa, VTDS_CHUNK_SIZE) &&
	    !vtds_chunk_has_old_errors(chunk, mem->call))
		ret = vtds_chunk_perm(chunk, gpa, perm);
	return ret == VTDS_NOT_PINNED ? want(mem, gpa, true) : ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_chunk_perm);

/* --- Users --- */

/* A chunk that had no users has one. */
void vtds_mem_first_user(struct vtds_guest_mem *mem, u64 gpa)
{
	vtds_segment_find(mem, gpa)->nr_idle--;
	mem->nr_idle--;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_first_user);

/* A chunk has no users any more. */
void vtds_mem_last_user(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
			u64 gpa)
{
	struct vtds_segment *segment = vtds_segment_find(mem, gpa);

	segment->nr_idle++;
	mem->nr_idle++;
	/* Of an address without memory there is nothing to keep */
	if (vtds_chunk_kind(chunk) == VTDS_CHUNK_PAGES_DIFFER &&
	    !vtds_chunk_nr_pinned(chunk)) {
		vtds_chunk_free(chunk);
		vtds_segment_forget(mem, gpa);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_last_user);

/* Adds one user to every chunk that the pages of [gpa, gpa + size) are in, all known. */
void vtds_mem_use_range(struct vtds_guest_mem *mem, u64 gpa, u64 size)
{
	u64 last = gpa + size - 1;

	for (gpa = vtds_chunk_first(gpa); gpa <= last; gpa += VTDS_CHUNK_SIZE) {
		struct vtds_chunk *chunk = vtds_mem_chunk(mem, gpa);

		if (!WARN_ON_ONCE(!chunk))
			vtds_mem_use(mem, chunk, gpa);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_use_range);

/* Takes one user from every chunk that the pages of [gpa, gpa + size) are in. */
void vtds_mem_put_range(struct vtds_guest_mem *mem, u64 gpa, u64 size)
{
	u64 last = gpa + size - 1;

	for (gpa = vtds_chunk_first(gpa); gpa <= last; gpa += VTDS_CHUNK_SIZE) {
		struct vtds_chunk *chunk = vtds_mem_chunk(mem, gpa);

		if (!WARN_ON_ONCE(!chunk || !chunk->users))
			vtds_mem_put(mem, chunk, gpa);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_put_range);

/* --- Reading and writing --- */

/* The kernel's address of a guest page, pinned as long as the unit is locked */
static int page_to_use(struct vtds_guest_mem *mem, u64 gpa, unsigned int needed,
		       void **at)
{
	unsigned int perm;
	unsigned long pfn;
	int ret;

	ret = vtds_mem_page(mem, gpa, &pfn, &perm);
	if (ret == VTDS_NOT_PINNED)
		return -EAGAIN;
	if (!ret && !(perm & needed))
		ret = -EPERM;
	if (!ret)
		ret = vtds_pin_check_pfn(pfn);
	if (!ret)
		*at = page_address(pfn_to_page(pfn)) + offset_in_page(gpa);
	return ret;
}

/**
 * vtds_mem_read_entry() - Read an entry that the guest may be writing
 * @mem: Guest memory
 * @gpa: Its address; the entry does not cross a page
 * @entry: Output
 * @nr_qwords: Its length
 *
 * The quadword with the present bit is read first and again last, until both
 * agree. A guest that never stops writing gets what was read last: some mix of
 * its own values.
 *
 * Return: 0, -EAGAIN if it is not pinned and vtds_mem_fetch() can have that done, or
 * another negative errno if there is no readable memory.
 */
int vtds_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			unsigned int nr_qwords)
{
	unsigned int tries = VTDS_READ_TRIES;
	const u64 *from;
	void *at;
	int ret;

	ret = page_to_use(mem, gpa, VTD_SS_R, &at);
	if (ret)
		return ret;
	from = at;
	do {
		entry[0] = READ_ONCE(from[0]);
		/* Pairs with the guest's own barrier before it sets P */
		smp_rmb();
		for (unsigned int i = 1; i < nr_qwords; i++)
			entry[i] = READ_ONCE(from[i]);
		/* Pairs with the guest's barrier after it cleared P: P is read last, too */
		smp_rmb();
	} while (READ_ONCE(from[0]) != entry[0] && --tries);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_read_entry);

/**
 * vtds_mem_count_pinned() - Count pages that were pinned
 * @mem: Guest memory
 * @gpa: The first one that was wanted
 * @wanted: How many were
 * @pages: How many could be pinned
 */
void vtds_mem_count_pinned(struct vtds_guest_mem *mem, u64 gpa,
			   unsigned long wanted, unsigned long pages)
{
	mem->nr_pinned += pages;
	mem->nr_pinned_ever += pages;
	trace_vtd_shadow_pin(mem->unit_id, gpa, wanted, pages);
}

/* Pages of the chunk at @gpa are unpinned, or are about to be. */
void vtds_mem_count_unpinned(struct vtds_guest_mem *mem, u64 gpa,
			     unsigned long pages)
{
	mem->nr_pinned -= pages;
	if (pages)
		trace_vtd_shadow_unpin(mem->unit_id, gpa, pages);
}

/**
 * vtds_mem_write_u32() - Write a word that the guest may be polling
 * @mem: Guest memory
 * @gpa: Its address, a multiple of 4
 * @value: The word
 *
 * Return: as vtds_mem_read_entry(), of writable memory.
 */
int vtds_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value)
{
	void *at;
	int ret = page_to_use(mem, gpa, VTD_SS_W, &at);

	if (ret)
		return ret;
	/* What the guest was told to wait for is done before it can see this */
	smp_store_release((u32 *)at, value);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_write_u32);
