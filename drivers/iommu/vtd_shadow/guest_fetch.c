// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fetch: has guest memory pinned that was looked for in vain, and keeps it for the call
 * that looked for it. The unit is not locked while iommufd pins. Serves settle.c,
 * translate.c and all that touches memory before it is read; calls guest_segment.c,
 * guest_chunk.c and work.c.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/sched/signal.h>

#include "guest_chunk.h"
#include "guest_mem.h"
#include "guest_segment.h"
#include "work.h"

/* --- Holding --- */

/* Gives back a user that held a chunk, so that what was known of it stayed known. */
void vtds_mem_let_go(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_chunk(mem, gpa);

	vtds_chunk_forget_errors(chunk);
	vtds_mem_put(mem, chunk, gpa);
}

static bool is_held(const struct vtds_holds *holds, u64 gpa)
{
	for (unsigned int i = 0; i < holds->count; i++)
		if (vtds_chunk_first(holds->gpas[i]) == vtds_chunk_first(gpa))
			return true;
	return false;
}

static void hold(struct vtds_guest_mem *mem, struct vtds_holds *holds, u64 gpa)
{
	if (is_held(holds, gpa))
		return;
	vtds_mem_use(mem, vtds_mem_chunk(mem, gpa), gpa);
	if (!holds->count)
		list_add(&holds->entry, &mem->holds);
	if (holds->count < VTDS_MAX_HOLDS) {
		holds->gpas[holds->count++] = gpa;
		return;
	}
	swap(holds->gpas[holds->next], gpa);
	holds->next = (holds->next + 1) % VTDS_MAX_HOLDS;
	vtds_mem_let_go(mem, gpa);
}

/* The call ends. */
void vtds_mem_release_holds(struct vtds_guest_mem *mem,
			    struct vtds_holds *holds)
{
	if (!holds->count)
		return;
	list_del(&holds->entry);
	while (holds->count)
		vtds_mem_let_go(mem, holds->gpas[--holds->count]);
	holds->next = 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_release_holds);

/* --- Pinning --- */

/**
 * struct fetch - Memory that is being pinned
 * @want: What was looked for
 * @chunk: Its place; what is known of it changes here only, since vtds_pins.lock is held
 * @whole: What came of pinning it as a whole
 * @first: Number of the first page that is pinned by itself
 * @end: Number after the last one
 */
struct fetch {
	struct vtds_mem_want want;
	struct vtds_chunk *chunk;
	struct vtds_chunk whole;
	unsigned int first;
	unsigned int end;
};

/*
 * More is pinned than the host lets the owner of guest memory pin, or there is no memory
 * for it: what nobody uses is let go of.
 */
static void note_shortage(struct vtds_guest_mem *mem, int error)
{
	if (error == -ENOMEM)
		vtds_mem_release_idle(mem);
}

/* Pins all of the chunk, of which nothing is known. If it cannot be, pages differ. */
static int fetch_whole(struct vtds_guest_mem *mem, struct fetch *fetch)
{
	u64 gpa = vtds_chunk_first(fetch->want.gpa);
	int ret;

	/* Its segment must not go as long as the unit is not locked */
	vtds_segment_learn(mem, gpa);
	vtds_unlock(mem->lock);
	ret = vtds_chunk_pin(&mem->pins, gpa, &fetch->whole);
	vtds_lock(mem->lock);

	note_shortage(mem, ret);
	if (ret && fatal_signal_pending(current)) {
		/* That may be why, which says nothing of the memory */
		ret = -EINTR;
	} else if (!ret) {
		fetch->chunk->base_pfn = fetch->whole.base_pfn;
		fetch->chunk->state = fetch->whole.state;
	} else {
		ret = vtds_chunk_make_pages(fetch->chunk, gpa);
	}
	if (ret) {
		/* The place may be gone then, with its segment */
		vtds_segment_forget(mem, gpa);
		return ret;
	}
	vtds_mem_count_pinned(mem, gpa, VTDS_CHUNK_PAGES,
			      vtds_chunk_nr_pinned(fetch->chunk));
	return 0;
}

/* Pins the pages that are not known, without the lock. Returns 0 or -EINTR. */
static int pin_pages(struct vtds_guest_mem *mem, const struct fetch *fetch,
		     struct vtds_chunk_pages *found)
{
	unsigned long *pfns = fetch->chunk->pages->pfns;
	u64 gpa = vtds_chunk_first(fetch->want.gpa);
	bool shortage = false;

	for (unsigned int i = fetch->first; i < fetch->end; i++) {
		unsigned long word = VTDS_PFN_ERROR | ENOMEM;
		u64 at = gpa + i * VTD_PAGE_SIZE;
		int ret = -ENOMEM;

		if (pfns[i])
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		/* After one that there was no memory for the others need not be tried */
		if (!shortage)
			ret = vtds_chunk_pin_page(&mem->pins, at, &word);
		/* That may be why, which says nothing of the page */
		if (ret && fatal_signal_pending(current))
			return -EINTR;
		shortage |= ret == -ENOMEM;
		found->nr_pinned += !ret;
		/* Whoever looks now may as well see a pin: it is in effect */
		WRITE_ONCE(pfns[i], ret ? word | VTDS_PFN_NEW : word);
		cond_resched();
	}
	found->whole = shortage;
	return 0;
}

/*
 * The unit is locked again. What could not be pinned is known now, unless there may be
 * memory since: then somebody may have looked at it already who must not go by it.
 */
static void settle_errors(const struct fetch *fetch, bool stale)
{
	struct vtds_chunk_pages *pages = fetch->chunk->pages;

	for (unsigned int i = fetch->first; i < fetch->end; i++) {
		if (!(pages->pfns[i] & VTDS_PFN_NEW))
			continue;
		pages->pfns[i] = stale ? 0 : pages->pfns[i] & ~VTDS_PFN_NEW;
		pages->nr_errors += !stale;
	}
}

/*
 * Forgets what is older than the call, and notes how old what will be found out is. Who
 * began before may go by that as well, so that nobody has to try again and again.
 */
static void renew_errors(struct vtds_guest_mem *mem, struct vtds_chunk *chunk)
{
	struct vtds_chunk_pages *pages = chunk->pages;

	if (vtds_chunk_has_old_errors(chunk, mem->call))
		vtds_chunk_forget_errors(chunk);
	if (!pages->nr_errors || pages->since > mem->last_call)
		pages->since = mem->last_call;
}

static int fetch_pages(struct vtds_guest_mem *mem, const struct fetch *fetch)
{
	struct vtds_chunk_pages *pages = fetch->chunk->pages, found = {};
	unsigned long came = mem->came;
	int ret;

	renew_errors(mem, fetch->chunk);

	/* It may have no users, and must not be forgotten as one without pins */
	vtds_mem_use(mem, fetch->chunk, fetch->want.gpa);
	vtds_unlock(mem->lock);
	ret = pin_pages(mem, fetch, &found);
	vtds_lock(mem->lock);

	pages->nr_pinned += found.nr_pinned;
	vtds_mem_count_pinned(mem,
			      vtds_chunk_first(fetch->want.gpa) +
				      fetch->first * VTD_PAGE_SIZE,
			      fetch->end - fetch->first, found.nr_pinned);
	settle_errors(fetch, mem->came != came);
	note_shortage(mem, found.whole ? -ENOMEM : 0);
	return ret;
}

static bool fetch_has_pages(const struct fetch *fetch)
{
	return vtds_chunk_kind(fetch->chunk) == VTDS_CHUNK_PAGES_DIFFER &&
	       !fetch->chunk->pages->whole;
}

/* Under both locks. Leaves what is known now, and the chunk held. */
static int fetch_wanted(struct vtds_guest_mem *mem, struct vtds_holds *holds,
			struct fetch *fetch)
{
	unsigned int offset = vtds_chunk_offset(fetch->want.gpa);
	u64 gpa = fetch->want.gpa;
	int ret = 0;

	fetch->chunk = vtds_segment_make(mem, gpa);
	if (!fetch->chunk)
		return -ENOMEM;
	fetch->first = fetch->want.all ? 0 : offset;
	fetch->end = fetch->want.all ? VTDS_CHUNK_PAGES : offset + 1;
	if (vtds_chunk_kind(fetch->chunk) == VTDS_CHUNK_UNKNOWN)
		ret = fetch_whole(mem, fetch);
	if (ret)
		return ret;
	if (!fetch_has_pages(fetch)) {
		hold(mem, holds, gpa);
		return 0;
	}
	ret = fetch_pages(mem, fetch);
	hold(mem, holds, gpa);
	vtds_mem_put(mem, fetch->chunk, gpa);
	return ret;
}

/**
 * vtds_mem_fetch() - Pin what was looked for last and is not pinned
 * @mem: Guest memory, in which a look-up returned VTDS_NOT_PINNED
 * @holds: The caller's; what is known then stays known until it lets go
 *
 * If it cannot be pinned, the next look-up says why.
 *
 * Context: under the lock of the unit, which is not held in between: anything may have
 * changed on return. Waits as long as guest memory has to be waited for.
 *
 * Return: 0, or -EINTR if the caller is being killed.
 */
int vtds_mem_fetch(struct vtds_guest_mem *mem, struct vtds_holds *holds)
{
	struct fetch fetch = { .want = mem->want };
	int ret;

	vtds_assert_locked(mem->lock);
	mem->want.wanted = false;
	holds->failed = false;
	/* Who looks for one thing after the other need not wait for any of them */
	if (fatal_signal_pending(current))
		return -EINTR;
	vtds_unlock(mem->lock);
	ret = mutex_lock_killable(&mem->pins.lock);
	vtds_lock(mem->lock);
	vtds_mem_resume(mem, holds);
	if (ret)
		return ret;

	if (holds->alarm)
		vtds_alarm_set(holds->alarm);
	ret = fetch_wanted(mem, holds, &fetch);
	if (holds->alarm)
		vtds_alarm_cancel(holds->alarm);
	vtds_mem_resume(mem, holds);
	mutex_unlock(&mem->pins.lock);
	if (ret && ret != -EINTR) {
		mem->want = fetch.want;
		mem->want.wanted = false;
		mem->failed = ret;
		holds->failed = true;
		ret = 0;
	}
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_fetch);
