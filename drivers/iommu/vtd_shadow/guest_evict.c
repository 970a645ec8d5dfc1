// SPDX-License-Identifier: GPL-2.0-only
/*
 * Evict: unpins chunks of guest memory, those that nobody uses and those that are taken
 * away. iommufd unpins without the lock of the unit, so a few chunks at a time are made
 * impossible to find under it, and unpinned after. Serves unit.c and flush.c; calls
 * guest_segment.c and guest_chunk.c. All of it is called under vtds_pins.lock.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "alloc.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "guest_segment.h"

/* --- Picking --- */

static struct vtds_chunk *chunk_at(const struct vtds_segment *segment,
				   unsigned int i, u64 *gpa)
{
	*gpa = segment->number * VTDS_SEGMENT_SIZE + i * VTDS_CHUNK_SIZE;
	return &segment->chunks[i];
}

/* Nobody finds the chunk any more. It has no users. */
static void pick(struct vtds_guest_mem *mem, struct vtds_chunk *chunk, u64 gpa,
		 struct vtds_unpin *list)
{
	list->gpas[list->count] = gpa;
	list->chunks[list->count++] = *chunk;
	vtds_mem_count_unpinned(mem, gpa, vtds_chunk_nr_pinned(chunk));
	*chunk = (struct vtds_chunk){};
	vtds_segment_forget(mem, gpa);
}

static bool is_idle(const struct vtds_chunk *chunk)
{
	return !chunk->users && vtds_chunk_kind(chunk) != VTDS_CHUNK_UNKNOWN;
}

static void pick_idle_of(struct vtds_guest_mem *mem,
			 struct vtds_segment *segment, struct vtds_unpin *list)
{
	unsigned int idle = segment->nr_idle;

	/* The segment goes with the last chunk of which something is known */
	for (unsigned int i = 0; idle && i < VTDS_SEGMENT_CHUNKS; i++) {
		u64 gpa;
		struct vtds_chunk *chunk = chunk_at(segment, i, &gpa);

		if (list->count == VTDS_UNPIN_CHUNKS ||
		    !vtds_mem_needs_trim(mem))
			return;
		if (!is_idle(chunk))
			continue;
		idle--;
		pick(mem, chunk, gpa, list);
	}
}

/**
 * vtds_mem_pick_idle() - Pick chunks without users that should not stay pinned
 * @mem: Guest memory
 * @list: Output, empty if there are none
 *
 * Segment by segment, so that each gets its turn.
 *
 * Context: under both locks, and the host's IOTLB is flushed: devices must not reach
 * what is unpinned.
 */
void vtds_mem_pick_idle(struct vtds_guest_mem *mem, struct vtds_unpin *list)
{
	unsigned long start = mem->hand, index = start;
	struct vtds_segment *segment;
	bool wrapped = false;

	list->count = 0;
	while (vtds_mem_needs_trim(mem) && list->count < VTDS_UNPIN_CHUNKS) {
		segment =
			xa_find(&mem->segments, &index, ULONG_MAX, XA_PRESENT);
		if (!segment && wrapped)
			break;
		if (!segment) {
			wrapped = true;
			index = 0;
			continue;
		}
		mem->hand = index++;
		pick_idle_of(mem, segment, list);
	}
	if (!mem->nr_idle)
		mem->starved = false;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_pick_idle);

/* Unpins what was picked, without the lock of the unit. */
void vtds_mem_unpin(struct vtds_guest_mem *mem, struct vtds_unpin *list)
{
	lockdep_assert_held(&mem->pins.lock);
	for (unsigned int i = 0; i < list->count; i++) {
		vtds_chunk_unpin(&mem->pins, list->gpas[i], &list->chunks[i]);
		vtds_chunk_free(&list->chunks[i]);
		cond_resched();
	}
	list->count = 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_unpin);

/*
 * Unpins everything. Nothing may have users, and nobody else be there. Memory may still be
 * taken, of which nothing is known: the lock stays.
 */
void vtds_mem_destroy(struct vtds_guest_mem *mem)
{
	struct vtds_unpin list __uninitialized;

	vtds_mem_release_idle(mem);
	mutex_lock(&mem->pins.lock);
	do {
		vtds_lock(mem->lock);
		vtds_mem_pick_idle(mem, &list);
		vtds_unlock(mem->lock);
		vtds_mem_unpin(mem, &list);
	} while (vtds_mem_needs_trim(mem));
	mutex_unlock(&mem->pins.lock);
	WARN_ON_ONCE(mem->nr_pinned);
	vtds_segments_destroy(mem);
	kfree(mem->pins.pages);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_destroy);

/* --- Ranges --- */

/* The first chunk at or after @gpa of which something is known, NULL if none up to @last */
static struct vtds_chunk *next_known(struct vtds_guest_mem *mem, u64 *gpa,
				     u64 last)
{
	unsigned long index = *gpa / VTDS_SEGMENT_SIZE;
	struct vtds_segment *segment;
	u64 at;

	xa_for_each_range(&mem->segments, index, segment, index,
			  last / VTDS_SEGMENT_SIZE) {
		unsigned int i =
			index == *gpa / VTDS_SEGMENT_SIZE ?
				*gpa / VTDS_CHUNK_SIZE % VTDS_SEGMENT_CHUNKS :
				0;

		for (; i < VTDS_SEGMENT_CHUNKS; i++) {
			struct vtds_chunk *chunk = chunk_at(segment, i, &at);

			if (at > last)
				return NULL;
			if (vtds_chunk_kind(chunk) == VTDS_CHUNK_UNKNOWN)
				continue;
			*gpa = max(*gpa, at);
			return chunk;
		}
	}
	return NULL;
}

/* Whether anything is known of [first, last]. */
bool vtds_mem_has(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	return next_known(mem, &first, last);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_has);

/* Whether any chunk that overlaps [first, last] has users. */
bool vtds_mem_is_used(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	struct vtds_chunk *chunk;

	for (; (chunk = next_known(mem, &first, last));
	     first = vtds_chunk_first(first) + VTDS_CHUNK_SIZE)
		if (chunk->users)
			return true;
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_is_used);

/**
 * vtds_mem_came() - Forget of a range that there is no memory
 * @mem: Guest memory
 * @first: First address that may be memory now
 * @last: Last one
 *
 * Calls in progress hold what they know of it, errors included, and others would go by
 * them. Errors that a pin under way runs into are too old, too.
 *
 * Context: under the lock of the unit alone.
 */
void vtds_mem_came(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	struct vtds_chunk *chunk;

	mem->came++;
	for (; (chunk = next_known(mem, &first, last));
	     first = vtds_chunk_first(first) + VTDS_CHUNK_SIZE)
		vtds_chunk_forget_errors(chunk);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_came);

/* --- Memory that is taken away --- */

/* Calls in progress hold nothing of [first, last] any more. */
static void drop_holds(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	struct vtds_holds *holds, *next;

	list_for_each_entry_safe(holds, next, &mem->holds, entry) {
		unsigned int kept = 0;

		for (unsigned int i = 0; i < holds->count; i++) {
			u64 gpa = vtds_chunk_first(holds->gpas[i]);

			if (gpa > last || gpa + VTDS_CHUNK_SIZE - 1 < first)
				holds->gpas[kept++] = gpa;
			else
				vtds_mem_put(mem, vtds_mem_chunk(mem, gpa),
					     gpa);
		}
		holds->count = kept;
		holds->next = 0;
		if (!kept)
			list_del(&holds->entry);
	}
}

/* Pages of the chunk at @at that are in [first, last] */
static void pages_in(u64 at, u64 first, u64 last, unsigned int *start,
		     unsigned int *end)
{
	*start = first > at ? vtds_chunk_offset(first) : 0;
	*end = last < at + VTDS_CHUNK_SIZE - 1 ? vtds_chunk_offset(last) + 1 :
						 VTDS_CHUNK_PAGES;
}

/* From here on none of [first, last] is found, though it is pinned yet. */
static void mark_going(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	struct vtds_chunk *chunk;
	unsigned int start, end;

	for (u64 at = first; (chunk = next_known(mem, &at, last));
	     at += VTDS_CHUNK_SIZE) {
		at = vtds_chunk_first(at);
		pages_in(at, first, last, &start, &end);
		if (!chunk->users || end - start == VTDS_CHUNK_PAGES) {
			chunk->state |= VTDS_CHUNK_GOING;
			continue;
		}
		for (unsigned int i = start; i < end; i++)
			chunk->pages->pfns[i] |= VTDS_PFN_GOING;
	}
}

/*
 * Gives the pages outside of [first, last] pins of their own, so that the pin of the whole
 * chunk can be given back without disturbing them. They are pinned already: iommufd only
 * counts.
 */
static int pin_outside(struct vtds_guest_mem *mem, u64 at, u64 first, u64 last,
		       unsigned long *words)
{
	unsigned int start, end;
	int ret = 0;

	pages_in(at, first, last, &start, &end);
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES && !ret; i++) {
		u64 gpa = at + i * VTD_PAGE_SIZE;

		if (i < start || i >= end)
			ret = vtds_chunk_pin_page(&mem->pins, gpa, &words[i]);
	}
	return ret;
}

static void unpin_words(struct vtds_guest_mem *mem, u64 at,
			const unsigned long *words)
{
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
		if (words[i] & VTDS_PFN_PINNED)
			vtds_unpin_pages(&mem->pins, at + i * VTD_PAGE_SIZE, 1);
}

static void keep_outside(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
			 u64 at, const unsigned long *words)
{
	struct vtds_chunk_pages *pages = chunk->pages;
	unsigned long count = 0;

	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		if (!(words[i] & VTDS_PFN_PINNED))
			continue;
		WRITE_ONCE(pages->pfns[i], words[i]);
		pages->nr_pinned++;
		count++;
	}
	vtds_mem_count_pinned(mem, at, count, count);
}

/* Splits a chunk in use that [first, last] cuts. Returns 0 or a negative errno. */
static int split(struct vtds_guest_mem *mem, struct vtds_chunk *chunk, u64 at,
		 u64 first, u64 last)
{
	unsigned long *words;
	int ret;

	words = vtds_zalloc_array(VTDS_CHUNK_PAGES, sizeof(*words));
	if (!words)
		return -ENOMEM;
	vtds_unlock(mem->lock);
	ret = pin_outside(mem, at, first, last, words);
	if (ret)
		unpin_words(mem, at, words);
	vtds_lock(mem->lock);
	if (ret)
		goto out_free;
	if (vtds_chunk_kind(chunk) != VTDS_CHUNK_PAGES_DIFFER)
		ret = vtds_chunk_make_pages(chunk, at);
	if (!ret) {
		keep_outside(mem, chunk, at, words);
		goto out_free;
	}
	vtds_unlock(mem->lock);
	unpin_words(mem, at, words);
	vtds_lock(mem->lock);
out_free:
	kfree(words);
	return ret;
}

static void split_at(struct vtds_guest_mem *mem, u64 gpa,
		     struct vtds_evict *evict)
{
	struct vtds_chunk *chunk = vtds_mem_chunk(mem, gpa);
	u64 at = vtds_chunk_first(gpa), end = at + VTDS_CHUNK_SIZE - 1;

	if (!chunk || !chunk->users ||
	    (at >= evict->first && end <= evict->last))
		return;
	if (vtds_chunk_is_whole(chunk) &&
	    split(mem, chunk, at, evict->first, evict->last)) {
		evict->first = min(evict->first, at);
		evict->last = max(evict->last, end);
		return;
	}
	vtds_mem_use(mem, chunk, at);
	evict->cut[evict->nr_cut++] = at;
}

/**
 * vtds_mem_evict_begin() - Prepare to unpin a range
 * @mem: Guest memory
 * @evict: The range; on return it may be larger
 *
 * The caller then removes every use of what the range is on return, flushes, and
 * calls vtds_mem_evict() and vtds_mem_evict_end(). Meanwhile nothing of the range is
 * found. Chunks that are pinned as a whole and lie in it only partly are split, or, if
 * that fails, evicted entirely; whoever looks for the rest of them waits until they are gone.
 *
 * Context: under both locks; lets go of that of the unit in between.
 */
void vtds_mem_evict_begin(struct vtds_guest_mem *mem, struct vtds_evict *evict)
{
	u64 from = evict->first, to = evict->last;

	lockdep_assert_held(&mem->pins.lock);
	vtds_assert_locked(mem->lock);
	evict->nr_cut = 0;
	mem->going_first = from;
	mem->going_last = to;
	split_at(mem, from, evict);
	if (vtds_chunk_first(to) != vtds_chunk_first(from))
		split_at(mem, to, evict);
	drop_holds(mem, evict->first, evict->last);
	mark_going(mem, evict->first, evict->last);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_evict_begin);

/* Unpins the pages of a chunk that go, and what pin it had as a whole. */
static void unpin_part(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
		       u64 at)
{
	struct vtds_chunk_pages *pages = chunk->pages;
	unsigned long nr = vtds_chunk_nr_pinned(chunk);
	bool whole = pages->whole;

	/* Nobody else changes it under vtds_pins.lock, or looks at pages that go */
	vtds_unlock(mem->lock);
	if (whole)
		vtds_unpin_pages(&mem->pins, at, VTDS_CHUNK_PAGES);
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
		if ((pages->pfns[i] & VTDS_PFN_GOING) &&
		    (pages->pfns[i] & VTDS_PFN_PINNED))
			vtds_unpin_pages(&mem->pins, at + i * VTD_PAGE_SIZE, 1);
	vtds_lock(mem->lock);

	pages->whole = false;
	vtds_chunk_forget_errors(chunk);
	/* There can be no memory before vtds_mem_evict_end() */
	pages->since = U64_MAX;
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		if (!(pages->pfns[i] & VTDS_PFN_GOING))
			continue;
		pages->nr_pinned -= !!(pages->pfns[i] & VTDS_PFN_PINNED);
		pages->nr_errors++;
		pages->pfns[i] = VTDS_PFN_ERROR | ENOENT;
	}
	vtds_mem_count_unpinned(mem, at, nr - vtds_chunk_nr_pinned(chunk));
}

/* Picks from @at on what goes and has no users, as much as one turn takes. */
static void pick_range(struct vtds_guest_mem *mem, u64 *at, u64 last,
		       struct vtds_unpin *list)
{
	struct vtds_chunk *chunk;

	list->count = 0;
	while (list->count < VTDS_UNPIN_CHUNKS &&
	       (chunk = next_known(mem, at, last))) {
		u64 gpa = vtds_chunk_first(*at);

		*at = gpa + VTDS_CHUNK_SIZE;
		if (!chunk->users) {
			pick(mem, chunk, gpa, list);
			continue;
		}
		/* Our bug. Better to fail the unmap than to let devices keep a page. */
		if (WARN_ON_ONCE(chunk->state & VTDS_CHUNK_GOING))
			continue;
		unpin_part(mem, chunk, gpa);
	}
}

/**
 * vtds_mem_evict() - Unpin a range that nothing uses any more
 * @mem: Guest memory
 * @evict: The range, as vtds_mem_evict_begin() returned it
 *
 * Of chunks that are cut it is known then which pages they lack, so that their neighbours
 * can be mapped again without waiting, until vtds_mem_evict_end().
 *
 * Context: under both locks; lets go of that of the unit in between.
 */
void vtds_mem_evict(struct vtds_guest_mem *mem, struct vtds_evict *evict)
{
	struct vtds_unpin list __uninitialized;
	u64 at = evict->first;

	do {
		pick_range(mem, &at, evict->last, &list);
		vtds_unlock(mem->lock);
		vtds_mem_unpin(mem, &list);
		vtds_lock(mem->lock);
	} while (vtds_mem_has(mem, at, evict->last));
	/* A chunk that is still there, by our bug, never comes back */
	mem->going_first = 0;
	mem->going_last = U64_MAX;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_evict);

/* What was kept of chunks that were cut is kept as long as there is a use for it. */
void vtds_mem_evict_end(struct vtds_guest_mem *mem, struct vtds_evict *evict)
{
	for (unsigned int i = 0; i < evict->nr_cut; i++)
		vtds_mem_let_go(mem, evict->cut[i]);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_evict_end);
