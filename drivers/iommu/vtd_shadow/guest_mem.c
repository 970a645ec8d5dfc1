// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: which chunks of it are pinned, and the only code that reads and writes
 * it. Chunks are kept, so that finding the host frame of a page is an array index and
 * iommufd accounts every page once. Serves all that reads tables or maps leaves; calls
 * guest_chunk.c.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "guest_chunk.h"
#include "guest_mem.h"
#include "guest_pin.h"
#include "vtd_format.h"

/* Attempts to see both halves of an entry that the guest is writing */
#define VTDS_READ_TRIES 4

static unsigned long chunk_index(u64 gpa)
{
	return gpa / VTDS_CHUNK_SIZE;
}

int vtds_mem_init(struct vtds_guest_mem *mem, struct mutex *lock)
{
	BUILD_BUG_ON(PAGE_SIZE != VTD_PAGE_SIZE);

	mem->lock = lock;
	xa_init_flags(&mem->chunks, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&mem->idle);
	mem->pins.pages = NULL;
	mem->nr_chunks = 0;
	mem->max_idle = VTDS_IDLE_CHUNKS;
	mem->nr_recent = VTDS_RECENT_MIN;
	mem->recent = kcalloc(mem->nr_recent, sizeof(struct vtds_chunk *),
			      GFP_KERNEL_ACCOUNT);
	return mem->recent ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_init);

static void recent_note(struct vtds_guest_mem *mem, struct vtds_chunk *chunk)
{
	*vtds_mem_slot(mem, chunk->gfn / VTDS_CHUNK_PAGES) = chunk;
}

/*
 * Scattered leaves use chunks in any order: there should be a place for each of
 * them. Without memory for it some are searched for.
 */
static void recent_grow(struct vtds_guest_mem *mem)
{
	struct vtds_chunk **recent, *chunk;
	unsigned long index;

	if (mem->nr_chunks <= mem->nr_recent ||
	    mem->nr_recent >= VTDS_RECENT_MAX)
		return;
	recent = kvcalloc(2 * mem->nr_recent, sizeof(*recent),
			  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!recent)
		return;
	kvfree(mem->recent);
	mem->recent = recent;
	mem->nr_recent *= 2;
	xa_for_each(&mem->chunks, index, chunk)
		recent_note(mem, chunk);
}

static struct vtds_chunk *chunk_create(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_chunk *chunk;
	int ret;

	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&chunk->lru);
	chunk->gfn = chunk_index(gpa) * VTDS_CHUNK_PAGES;

	/* Reserve the slot first: nothing to undo after pinning */
	ret = xa_err(xa_store(&mem->chunks, chunk_index(gpa), chunk,
			      GFP_KERNEL_ACCOUNT));
	if (ret)
		goto err_free;

	ret = vtds_chunk_pin(&mem->pins, chunk);
	if (ret)
		goto err_erase;

	/* As if it had just lost its last user */
	list_add_tail(&chunk->lru, &mem->idle);
	mem->nr_idle++;
	mem->nr_chunks++;
	recent_grow(mem);
	return chunk;

err_erase:
	xa_erase(&mem->chunks, chunk_index(gpa));
err_free:
	kfree(chunk);
	return ERR_PTR(ret);
}

static void forget(struct vtds_guest_mem *mem, struct vtds_chunk *chunk)
{
	unsigned long index = chunk->gfn / VTDS_CHUNK_PAGES;

	xa_erase(&mem->chunks, index);
	mem->nr_chunks--;
	if (*vtds_mem_slot(mem, index) == chunk)
		*vtds_mem_slot(mem, index) = NULL;
}

/* Unpins and frees a chunk that has no users. */
static void chunk_free(struct vtds_guest_mem *mem, struct vtds_chunk *chunk)
{
	list_del(&chunk->lru);
	mem->nr_idle--;
	forget(mem, chunk);
	vtds_chunk_free(&mem->pins, chunk);
}

/* vtds_mem_get() of a chunk that is not among the recent ones, or has no users */
struct vtds_chunk *__vtds_mem_get(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(vtds_mem_recents(mem), gpa);

	lockdep_assert_held(mem->lock);
	if (!chunk)
		chunk = xa_load(&mem->chunks, chunk_index(gpa));
	if (!chunk) {
		chunk = chunk_create(mem, gpa);
		if (IS_ERR(chunk))
			return chunk;
	}
	if (!chunk->users++) {
		list_del_init(&chunk->lru);
		mem->nr_idle--;
	}
	recent_note(mem, chunk);
	return chunk;
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_mem_get);

/* vtds_mem_put() by the last user */
void __vtds_mem_put(struct vtds_guest_mem *mem, struct vtds_chunk *chunk)
{
	list_add_tail(&chunk->lru, &mem->idle);
	mem->nr_idle++;
	/* Of an address without memory there is nothing to keep */
	if (!chunk->whole && !chunk->split && !chunk->nr_pages)
		chunk_free(mem, chunk);
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_mem_put);

/* Takes one user from every chunk that the pages of [gpa, gpa + size) are in. */
void vtds_mem_put_range(struct vtds_guest_mem *mem, u64 gpa, u64 size)
{
	for (unsigned long i = chunk_index(gpa);
	     i <= chunk_index(gpa + size - 1); i++) {
		struct vtds_chunk *chunk = xa_load(&mem->chunks, i);

		if (!WARN_ON_ONCE(!chunk || !chunk->users))
			vtds_mem_put(mem, chunk);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_put_range);

/**
 * vtds_mem_find() - Host frame of a guest page that nobody else may be using
 * @mem: Guest memory
 * @gpa: Any address in the page
 * @pfn: Output, the host frame, pinned until vtds_mem_trim() at least
 * @perm: Output, VTD_SS_R, VTD_SS_W or both
 *
 * Return: as vtds_mem_page().
 */
int vtds_mem_find(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
		  unsigned int *perm)
{
	struct vtds_chunk *chunk = vtds_mem_get(mem, gpa);
	int ret;

	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	ret = vtds_mem_page(mem, chunk, gpa, pfn, perm);
	vtds_mem_put(mem, chunk);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_find);

/* Calls @use with the kernel's address of a guest page that is pinned then. */
static int with_page(struct vtds_guest_mem *mem, u64 gpa, bool write,
		     void (*use)(void *at, void *data), void *data)
{
	struct vtds_chunk *chunk = vtds_mem_get(mem, gpa);
	unsigned int perm;
	unsigned long pfn;
	int ret;

	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	ret = vtds_mem_page(mem, chunk, gpa, &pfn, &perm);
	if (!ret && !(perm & (write ? VTD_SS_W : VTD_SS_R)))
		ret = -EPERM;
	if (!ret)
		ret = vtds_pin_check_pfn(pfn);
	if (!ret)
		use(page_address(pfn_to_page(pfn)) + offset_in_page(gpa), data);
	vtds_mem_put(mem, chunk);
	return ret;
}

/**
 * struct entry_read - A read in progress
 * @entry: Output
 * @nr_qwords: Its length
 */
struct entry_read {
	u64 *entry;
	unsigned int nr_qwords;
};

static void read_entry(void *at, void *data)
{
	unsigned int tries = VTDS_READ_TRIES;
	struct entry_read *read = data;
	const u64 *from = at;

	do {
		read->entry[0] = READ_ONCE(from[0]);
		/* Pairs with the guest's own barrier before it sets P */
		smp_rmb();
		for (unsigned int i = 1; i < read->nr_qwords; i++)
			read->entry[i] = READ_ONCE(from[i]);
		/* Pairs with the guest's barrier after it cleared P: P is read last, too */
		smp_rmb();
	} while (READ_ONCE(from[0]) != read->entry[0] && --tries);
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
 * Return: 0, or a negative errno if there is no readable memory.
 */
int vtds_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			unsigned int nr_qwords)
{
	struct entry_read read = { .entry = entry, .nr_qwords = nr_qwords };

	return with_page(mem, gpa, false, read_entry, &read);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_read_entry);

static void write_u32(void *at, void *data)
{
	/* What the guest was told to wait for is done before it can see this */
	smp_store_release((u32 *)at, *(u32 *)data);
}

/**
 * vtds_mem_write_u32() - Write a word that the guest may be polling
 * @mem: Guest memory
 * @gpa: Its address, a multiple of 4
 * @value: The word
 *
 * Return: 0, or a negative errno if there is no writable memory.
 */
int vtds_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value)
{
	return with_page(mem, gpa, true, write_u32, &value);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_write_u32);

/**
 * vtds_mem_trim() - Unpin what has been without users for longest
 * @mem: Guest memory
 *
 * Context: only when the host's IOTLB is flushed: devices must not reach what
 * is unpinned here.
 */
void vtds_mem_trim(struct vtds_guest_mem *mem)
{
	lockdep_assert_held(mem->lock);
	while (vtds_mem_needs_trim(mem))
		chunk_free(mem, list_first_entry(&mem->idle, struct vtds_chunk,
						 lru));
	mem->pins.starved = false;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_trim);

/* Unpins everything. Nothing may have users. */
void vtds_mem_destroy(struct vtds_guest_mem *mem)
{
	while (!list_empty(&mem->idle))
		chunk_free(mem, list_first_entry(&mem->idle, struct vtds_chunk,
						 lru));
	WARN_ON_ONCE(!xa_empty(&mem->chunks) || mem->pins.nr_pinned);
	xa_destroy(&mem->chunks);
	kvfree(mem->recent);
	kfree(mem->pins.pages);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_destroy);

/* Whether any chunk overlaps [first, last]. */
bool vtds_mem_has(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	unsigned long index = chunk_index(first);

	return xa_find(&mem->chunks, &index, chunk_index(last), XA_PRESENT);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_has);

static void split_at(struct vtds_guest_mem *mem, u64 gpa, u64 *first, u64 *last)
{
	struct vtds_chunk *chunk = xa_load(&mem->chunks, chunk_index(gpa));

	if (!chunk || !chunk->whole || !chunk->users)
		return;
	if (vtds_chunk_first(chunk) >= *first &&
	    vtds_chunk_last(chunk) <= *last)
		return;
	if (!vtds_chunk_split(&mem->pins, chunk, *first, *last))
		return;
	*first = min(*first, vtds_chunk_first(chunk));
	*last = max(*last, vtds_chunk_last(chunk));
}

/**
 * vtds_mem_evict_begin() - Prepare to unpin a range
 * @mem: Guest memory
 * @first: First address; on return maybe lower
 * @last: Last address; on return maybe higher
 *
 * The caller then removes every use of what the range is on return, flushes, and
 * calls vtds_mem_evict_end() with it. Chunks that are pinned as a whole and lie
 * in it only partly are split, or, if that fails, evicted entirely.
 */
void vtds_mem_evict_begin(struct vtds_guest_mem *mem, u64 *first, u64 *last)
{
	u64 from = *first;
	u64 to = *last;

	lockdep_assert_held(mem->lock);
	split_at(mem, from, first, last);
	split_at(mem, to, first, last);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_evict_begin);

static void chunk_evict(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
			u64 first, u64 last)
{
	vtds_chunk_end_split(&mem->pins, chunk);
	if (!chunk->users) {
		chunk_free(mem, chunk);
		return;
	}
	/* Our bug. Better to fail the unmap than to let devices keep a page. */
	if (WARN_ON_ONCE(chunk->whole))
		return;
	vtds_chunk_unpin(&mem->pins, chunk, first, last);
}

/* Unpins a range that nothing uses any more, see vtds_mem_evict_begin(). */
void vtds_mem_evict_end(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	struct vtds_chunk *chunk;
	unsigned long index;

	xa_for_each_range(&mem->chunks, index, chunk, chunk_index(first),
			  chunk_index(last))
		chunk_evict(mem, chunk, first, last);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_evict_end);
