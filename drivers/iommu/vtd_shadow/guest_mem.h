/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory, see guest_mem.c
 */
#ifndef VTDS_GUEST_MEM_H
#define VTDS_GUEST_MEM_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "guest_chunk.h"

/*
 * Chunks without users that stay pinned, in case they are needed again: 8 GiB, unless
 * BIND says otherwise
 */
#define VTDS_IDLE_CHUNKS 4096

/* Chunks that are found without a search: of 64 MiB at first, of 32 GiB at most */
#define VTDS_RECENT_MIN 32UL
#define VTDS_RECENT_MAX 16384UL

/* No guest physical address is higher */
#define VTDS_MAX_GPA GENMASK_ULL(51, 0)

/**
 * struct vtds_guest_mem - Guest memory as the engine reaches it
 * @lock: The unit's, which protects all
 * @pins: What is pinned, and where
 * @chunks: Chunks by guest frame / VTDS_CHUNK_PAGES
 * @recent: Some of them by the same number modulo @nr_recent
 * @nr_recent: Length of @recent, a power of two; grows with @nr_chunks
 * @nr_chunks: Length of @chunks
 * @idle: Chunks without users, least recently used first, unpinned late
 * @nr_idle: Length of @idle
 * @max_idle: Chunks that may stay in @idle
 */
struct vtds_guest_mem {
	struct mutex *lock; /* all that follows */
	struct vtds_pins pins;
	struct xarray chunks;
	struct vtds_chunk **recent;
	unsigned long nr_recent;
	unsigned long nr_chunks;
	struct list_head idle;
	unsigned long nr_idle;
	unsigned long max_idle;
};

/* Nothing without users stays pinned beyond the end of the batch. */
static inline void vtds_mem_release_idle(struct vtds_guest_mem *mem)
{
	mem->pins.starved = true;
}

/* Whether pages without users have to be unpinned, at the next flush. */
static inline bool vtds_mem_needs_trim(const struct vtds_guest_mem *mem)
{
	return mem->nr_idle > (mem->pins.starved ? 0 : mem->max_idle);
}

int vtds_mem_init(struct vtds_guest_mem *mem, struct mutex *lock);
void vtds_mem_destroy(struct vtds_guest_mem *mem);
struct vtds_chunk *__vtds_mem_get(struct vtds_guest_mem *mem, u64 gpa);
void __vtds_mem_put(struct vtds_guest_mem *mem, struct vtds_chunk *chunk);
void vtds_mem_trim(struct vtds_guest_mem *mem);
void vtds_mem_put_range(struct vtds_guest_mem *mem, u64 gpa, u64 size);

/* Where a chunk is found without a search, if it is the last that was used there */
static inline struct vtds_chunk **vtds_mem_slot(struct vtds_guest_mem *mem,
						unsigned long index)
{
	return &mem->recent[index & (mem->nr_recent - 1)];
}

/**
 * struct vtds_mem_recent - Chunks that are found without a search, for use in loops
 * @slots: vtds_guest_mem.recent
 * @mask: For the number of a chunk
 */
struct vtds_mem_recent {
	struct vtds_chunk *const *slots;
	unsigned long mask;
};

/* Valid until a chunk is made. */
static inline struct vtds_mem_recent
vtds_mem_recents(const struct vtds_guest_mem *mem)
{
	return (struct vtds_mem_recent){ mem->recent, mem->nr_recent - 1 };
}

/* One of them, or NULL */
static inline struct vtds_chunk *vtds_mem_recent(struct vtds_mem_recent recent,
						 u64 gpa)
{
	unsigned long index = gpa / VTDS_CHUNK_SIZE;
	struct vtds_chunk *chunk = recent.slots[index & recent.mask];

	return chunk && chunk->gfn == index * VTDS_CHUNK_PAGES ? chunk : NULL;
}

/**
 * vtds_mem_get() - Find or pin the chunk that holds an address
 * @mem: Guest memory
 * @gpa: Any address in it
 *
 * Context: under the lock of the unit, may sleep.
 * Return: the chunk with one user more, or an ERR_PTR(-ENOMEM). Memory that is
 * not there is no error here but of vtds_mem_page().
 */
static inline struct vtds_chunk *vtds_mem_get(struct vtds_guest_mem *mem,
					      u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(vtds_mem_recents(mem), gpa);

	if (unlikely(!chunk || !chunk->users))
		return __vtds_mem_get(mem, gpa);
	chunk->users++;
	return chunk;
}

/**
 * vtds_mem_put() - Give back what vtds_mem_get() returned
 * @mem: Guest memory
 * @chunk: The chunk. What is pinned stays so until vtds_mem_trim() at least, but
 *         the chunk itself may be gone
 */
static inline void vtds_mem_put(struct vtds_guest_mem *mem,
				struct vtds_chunk *chunk)
{
	if (unlikely(!--chunk->users))
		__vtds_mem_put(mem, chunk);
}

/* Gives back the user that a leaf of 4 KiB is of its chunk, in a loop over leaves. */
static inline void vtds_mem_put_recent(struct vtds_guest_mem *mem,
				       struct vtds_mem_recent recent, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(recent, gpa);

	if (likely(chunk && chunk->users > 1))
		chunk->users--;
	else
		vtds_mem_put_range(mem, gpa, VTD_PAGE_SIZE);
}

/* Gives back the user that a leaf of 4 KiB is of its chunk. */
static inline void vtds_mem_put_page(struct vtds_guest_mem *mem, u64 gpa)
{
	vtds_mem_put_recent(mem, vtds_mem_recents(mem), gpa);
}

/* vtds_chunk_page() of a chunk of guest memory */
static inline int vtds_mem_page(struct vtds_guest_mem *mem,
				struct vtds_chunk *chunk, u64 gpa,
				unsigned long *pfn, unsigned int *perm)
{
	return vtds_chunk_page(&mem->pins, chunk, gpa, pfn, perm);
}

int vtds_mem_find(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
		  unsigned int *perm);
int vtds_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			unsigned int nr_qwords);
int vtds_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value);
bool vtds_mem_has(struct vtds_guest_mem *mem, u64 first, u64 last);
void vtds_mem_evict_begin(struct vtds_guest_mem *mem, u64 *first, u64 *last);
void vtds_mem_evict_end(struct vtds_guest_mem *mem, u64 first, u64 last);

#endif /* VTDS_GUEST_MEM_H */
