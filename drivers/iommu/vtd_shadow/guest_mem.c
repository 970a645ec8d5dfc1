// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: the only code that reaches it. Pages are pinned through an
 * iommufd access in chunks and kept, so that finding the host frame of a page
 * is an array index and iommufd accounts every page once.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/iommufd.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "vtd_shadow_private.h"

/* Attempts to see both halves of an entry that the guest is writing */
#define VTDS_READ_TRIES 4

static unsigned long chunk_index(u64 gpa)
{
	return gpa / VTDS_CHUNK_SIZE;
}

static u64 chunk_first(const struct vtds_chunk *chunk)
{
	return (u64)chunk->gfn << VTD_PAGE_SHIFT;
}

static u64 chunk_last(const struct vtds_chunk *chunk)
{
	return chunk_first(chunk) + VTDS_CHUNK_SIZE - 1;
}

static unsigned int chunk_offset(u64 gpa)
{
	return (gpa >> VTD_PAGE_SHIFT) % VTDS_CHUNK_PAGES;
}

/*
 * Whether a frame has a struct page and is memory. From 6.19 to 7.1 iommufd pins the
 * registers of a device, which are in the IOAS as a dma-buf, and gives back what would
 * be their struct pages if there were any. Only the frame's number may be looked at
 * before this.
 */
int vtds_mem_check_pfn(unsigned long pfn)
{
	const struct page *page;

	if (!pfn_valid(pfn))
		return -EINVAL;
	page = pfn_to_page(pfn);
	if (is_page_hwpoison(page))
		return -EHWPOISON;
	/* Persistent memory is reserved, too, and the page that untouched memory has */
	if (PageReserved(page) && !is_zero_pfn(pfn) &&
	    (!is_zone_device_page(page) || is_pci_p2pdma_page(page)))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_check_pfn);

static int pages_check(struct page **pages, unsigned long nr_pages)
{
	for (unsigned long i = 0; i < nr_pages; i++) {
		int ret = vtds_mem_check_pfn(page_to_pfn(pages[i]));

		if (ret)
			return ret;
	}
	return 0;
}

static int access_pin(struct vtds_guest_mem *mem, u64 gpa,
		      unsigned long nr_pages, struct page **pages,
		      unsigned int flags)
{
	return iommufd_access_pin_pages(mem->access, gpa, nr_pages * PAGE_SIZE,
					pages, flags);
}

VISIBLE_IF_KUNIT void vtds_mem_unpin(struct vtds_guest_mem *mem, u64 gpa,
				     unsigned long nr_pages)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_mem_unpin, mem, gpa, nr_pages);

	iommufd_access_unpin_pages(mem->access, gpa, nr_pages * PAGE_SIZE);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_unpin);

/* Pins pages that permit @perm, all of it */
VISIBLE_IF_KUNIT int vtds_mem_pin(struct vtds_guest_mem *mem, u64 gpa,
				  unsigned long nr_pages, struct page **pages,
				  unsigned int perm)
{
	int ret;

	KUNIT_STATIC_STUB_REDIRECT(vtds_mem_pin, mem, gpa, nr_pages, pages,
				   perm);

	ret = access_pin(mem, gpa, nr_pages, pages,
			 perm & VTD_SS_W ? IOMMUFD_ACCESS_RW_WRITE :
					   IOMMUFD_ACCESS_RW_READ);
	if (ret)
		return ret;
	/* iommufd checks one permission; the same range once more is a count only */
	if (perm == VTD_SS_RW) {
		ret = access_pin(mem, gpa, nr_pages, pages,
				 IOMMUFD_ACCESS_RW_READ);
		vtds_mem_unpin(mem, gpa, nr_pages);
	}
	if (ret)
		return ret;

	ret = pages_check(pages, nr_pages);
	if (ret)
		vtds_mem_unpin(mem, gpa, nr_pages);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_pin);

int vtds_mem_init(struct vtds_guest_mem *mem)
{
	BUILD_BUG_ON(PAGE_SIZE != VTD_PAGE_SIZE);

	xa_init_flags(&mem->chunks, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&mem->idle);
	mem->pages = NULL;
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
	return chunk_first(chunk) <= VTD_INTERRUPT_LAST &&
	       chunk_last(chunk) >= VTD_INTERRUPT_START;
}

/*
 * More is pinned than the host lets the owner of guest memory pin, or there is no memory
 * for it: what nobody uses is let go of at the next flush.
 */
static void note_shortage(struct vtds_guest_mem *mem, int error)
{
	mem->starved |= error == -ENOMEM;
}

/* The common case: all RAM. Returns 0, or why it has to go page by page. */
static int chunk_pin_whole(struct vtds_guest_mem *mem, struct vtds_chunk *chunk)
{
	int ret;

	if (!mem->pages)
		mem->pages = kcalloc(VTDS_CHUNK_PAGES, sizeof(*mem->pages),
				     GFP_KERNEL_ACCOUNT);
	if (!mem->pages)
		return -ENOMEM;
	ret = vtds_mem_pin(mem, chunk_first(chunk), VTDS_CHUNK_PAGES,
			   mem->pages, VTD_SS_RW);
	if (ret)
		return ret;

	ret = chunk_keep_frames(chunk, mem->pages);
	if (ret) {
		vtds_mem_unpin(mem, chunk_first(chunk), VTDS_CHUNK_PAGES);
		return ret;
	}
	chunk->whole = true;
	chunk->simple = !chunk->pfns && !covers_interrupts(chunk);
	mem->nr_pinned += VTDS_CHUNK_PAGES;
	return 0;
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

	ret = chunk_pin_whole(mem, chunk);
	note_shortage(mem, ret);
	/* A limit that the chunk is over may leave room for a page */
	if (ret) {
		chunk->pfns = pfns_alloc();
		if (!chunk->pfns) {
			ret = -ENOMEM;
			goto err_erase;
		}
	}

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

static void unpin_page(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
		       unsigned int offset)
{
	if (!(chunk->pfns[offset] & VTDS_PFN_PINNED))
		return;
	vtds_mem_unpin(mem, chunk_first(chunk) + offset * VTD_PAGE_SIZE, 1);
	chunk->pfns[offset] = 0;
	chunk->nr_pages--;
	mem->nr_pinned--;
}

static void unpin_whole(struct vtds_guest_mem *mem, struct vtds_chunk *chunk)
{
	vtds_mem_unpin(mem, chunk_first(chunk), VTDS_CHUNK_PAGES);
	mem->nr_pinned -= VTDS_CHUNK_PAGES;
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
	if (chunk->whole || chunk->split)
		unpin_whole(mem, chunk);
	if (!chunk->whole)
		for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++)
			unpin_page(mem, chunk, i);
	forget(mem, chunk);
	kfree(chunk->offsets);
	kfree(chunk->pfns);
	kfree(chunk);
}

/* vtds_mem_get() of a chunk that is not among the recent ones, or has no users */
struct vtds_chunk *__vtds_mem_get(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(vtds_mem_recents(mem), gpa);

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

/* Pins a page for what it permits: to read and write, only to read, or only to write. */
static int pin_page(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
		    unsigned int offset)
{
	static const struct {
		unsigned int perm;
		unsigned long flags;
	} kinds[] = { { VTD_SS_RW, VTDS_PFN_RW },
		      { VTD_SS_R, VTDS_PFN_READABLE },
		      { VTD_SS_W, VTDS_PFN_WRITABLE } };
	u64 gpa = chunk_first(chunk) + offset * VTD_PAGE_SIZE;
	struct page *page;
	int ret = -EPERM;

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds) && ret == -EPERM; i++) {
		ret = vtds_mem_pin(mem, gpa, 1, &page, kinds[i].perm);
		if (ret)
			continue;
		chunk->pfns[offset] = page_to_pfn(page) | VTDS_PFN_PINNED |
				      kinds[i].flags;
		chunk->nr_pages++;
		mem->nr_pinned++;
	}
	note_shortage(mem, ret);
	return ret;
}

/* vtds_mem_page() of a chunk in which pages differ */
int __vtds_mem_page(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
		    u64 gpa, unsigned long *pfn, unsigned int *perm)
{
	unsigned int offset = chunk_offset(gpa);
	int ret;

	if (!(chunk->pfns[offset] & VTDS_PFN_PINNED)) {
		ret = pin_page(mem, chunk, offset);
		if (ret)
			return ret;
	}
	*pfn = chunk->pfns[offset] & VTDS_PFN_MASK;
	*perm = (chunk->pfns[offset] & VTDS_PFN_READABLE ? VTD_SS_R : 0) |
		(chunk->pfns[offset] & VTDS_PFN_WRITABLE ? VTD_SS_W : 0);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(__vtds_mem_page);

/**
 * vtds_mem_chunk_perm() - Whether all of a chunk is memory of one kind
 * @mem: Guest memory
 * @chunk: The chunk, with a user of the caller's
 * @perm: Output, VTD_SS_R, VTD_SS_W or both
 *
 * Return: 0, -EXDEV if parts differ, or the error of the first missing page.
 */
int vtds_mem_chunk_perm(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
			unsigned int *perm)
{
	unsigned int page_perm;
	unsigned long pfn;
	int ret;

	*perm = VTD_SS_RW;
	if (chunk->whole)
		return 0;

	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		ret = vtds_mem_page(mem, chunk,
				    chunk_first(chunk) + i * VTD_PAGE_SIZE,
				    &pfn, &page_perm);
		if (ret)
			return ret;
		if (i && page_perm != *perm)
			return -EXDEV;
		*perm = page_perm;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_chunk_perm);

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
		ret = vtds_mem_check_pfn(pfn);
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
		/* The same, so that P is read last too */
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
	while (vtds_mem_needs_trim(mem))
		chunk_free(mem, list_first_entry(&mem->idle, struct vtds_chunk,
						 lru));
	mem->starved = false;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_trim);

/* Unpins everything. Nothing may have users. */
void vtds_mem_destroy(struct vtds_guest_mem *mem)
{
	while (!list_empty(&mem->idle))
		chunk_free(mem, list_first_entry(&mem->idle, struct vtds_chunk,
						 lru));
	WARN_ON_ONCE(!xa_empty(&mem->chunks) || mem->nr_pinned);
	xa_destroy(&mem->chunks);
	kvfree(mem->recent);
	kfree(mem->pages);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_destroy);

/* Whether any chunk overlaps [first, last]. */
bool vtds_mem_has(struct vtds_guest_mem *mem, u64 first, u64 last)
{
	unsigned long index = chunk_index(first);

	return xa_find(&mem->chunks, &index, chunk_index(last), XA_PRESENT);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_has);

/*
 * Gives the pages outside of [first, last] pins of their own, so that the pin of
 * the whole chunk can be given back without disturbing them.
 */
static int chunk_split(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
		       u64 first, u64 last)
{
	unsigned long *pfns = pfns_alloc();
	unsigned int i;
	int ret = 0;

	if (!pfns)
		return -ENOMEM;

	swap(chunk->pfns, pfns);
	for (i = 0; i < VTDS_CHUNK_PAGES && !ret; i++) {
		u64 gpa = chunk_first(chunk) + i * VTD_PAGE_SIZE;

		if (gpa < first || gpa > last)
			ret = pin_page(mem, chunk, i);
	}
	if (ret) {
		for (i = 0; i < VTDS_CHUNK_PAGES; i++)
			unpin_page(mem, chunk, i);
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

static void split_at(struct vtds_guest_mem *mem, u64 gpa, u64 *first, u64 *last)
{
	struct vtds_chunk *chunk = xa_load(&mem->chunks, chunk_index(gpa));

	if (!chunk || !chunk->whole || !chunk->users)
		return;
	if (chunk_first(chunk) >= *first && chunk_last(chunk) <= *last)
		return;
	if (!chunk_split(mem, chunk, *first, *last))
		return;
	*first = min(*first, chunk_first(chunk));
	*last = max(*last, chunk_last(chunk));
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

	split_at(mem, from, first, last);
	split_at(mem, to, first, last);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_mem_evict_begin);

static void chunk_evict(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
			u64 first, u64 last)
{
	if (chunk->split) {
		chunk->split = false;
		unpin_whole(mem, chunk);
	}
	if (!chunk->users) {
		chunk_free(mem, chunk);
		return;
	}
	/* Our bug. Better to fail the unmap than to let devices keep a page. */
	if (WARN_ON_ONCE(chunk->whole))
		return;
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES; i++) {
		u64 gpa = chunk_first(chunk) + i * VTD_PAGE_SIZE;

		if (gpa >= first && gpa <= last)
			unpin_page(mem, chunk, i);
	}
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
