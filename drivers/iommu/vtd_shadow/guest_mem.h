/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory, see guest_mem.c
 */
#ifndef VTDS_GUEST_MEM_H
#define VTDS_GUEST_MEM_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "guest_chunk.h"
#include "lock.h"

struct vtds_alarm;

/* Chunks in a segment: 512 MiB of guest memory, a page of kernel memory */
#define VTDS_SEGMENT_CHUNKS (PAGE_SIZE / sizeof(struct vtds_chunk))
#define VTDS_SEGMENT_SIZE (VTDS_SEGMENT_CHUNKS * VTDS_CHUNK_SIZE)

/* Segments that are found without a search: of 8 GiB at first, of 8 TiB at most */
#define VTDS_RECENT_MIN 16UL
#define VTDS_RECENT_MAX 16384UL

/* Chunks that are unpinned by one turn, and that a call can hold */
#define VTDS_UNPIN_CHUNKS 16
#define VTDS_MAX_HOLDS 64

/* No guest physical address is higher */
#define VTDS_MAX_GPA GENMASK_ULL(51, 0)

/**
 * struct vtds_segment - Chunks that lie one after the other
 * @number: Guest physical address / VTDS_SEGMENT_SIZE
 * @chunks: VTDS_SEGMENT_CHUNKS of them
 * @nr_known: How many are not unknown
 * @nr_idle: How many of these have no users
 */
struct vtds_segment {
	unsigned long number;
	struct vtds_chunk *chunks;
	unsigned int nr_known;
	unsigned int nr_idle;
};

/**
 * struct vtds_recent - Where a segment is found without a search
 * @number: Its number, ULONG_MAX if there is none here
 * @chunks: Its chunks
 */
struct vtds_recent {
	unsigned long number;
	struct vtds_chunk *chunks;
};

/**
 * struct vtds_mem_want - Memory that was looked for and is not pinned
 * @gpa: Its address
 * @all: Of all pages of its chunk it has to be known what they are
 * @wanted: There is some
 */
struct vtds_mem_want {
	u64 gpa;
	bool all;
	bool wanted;
};

/**
 * struct vtds_holds - Chunks that stay known, for a call that has had them pinned
 * @entry: In vtds_guest_mem.holds, if @count is not 0
 * @count: How many there are
 * @next: Which one makes room for another
 * @failed: There was no memory to keep what the call had pinned last
 * @alarm: Ends the wait for memory of a call that nobody can kill, or NULL
 * @call: Number of the call
 * @gpas: Their addresses
 */
struct vtds_holds {
	struct list_head entry;
	bool failed;
	struct vtds_alarm *alarm;
	u64 call;
	unsigned int count;
	unsigned int next;
	u64 gpas[VTDS_MAX_HOLDS];
};

/**
 * struct vtds_guest_mem - Guest memory as the engine reaches it
 * @unit_id: Number of the unit
 * @lock: The unit's, which protects all that follows but @pins
 * @pins: Where it is pinned. What is known of a chunk changes under both locks
 * @segments: Segments by number
 * @recent: Some of them by the same number modulo @nr_recent
 * @nr_recent: Length of @recent, a power of two; grows with @nr_segments
 * @nr_segments: Length of @segments
 * @nr_idle: Chunks that are known and have no users; unpinned late
 * @max_idle: How many may stay so
 * @hand: Segment at which the next of them is looked for
 * @nr_pinned: Pages pinned now
 * @nr_pinned_ever: Pages pinned so far
 * @starved: No chunk may stay pinned without users: something could not be pinned for
 *           want of memory, or the VMM wants it
 * @came: Counts how often the VMM said that there may be memory where there was none
 * @going_first: First address of what iommufd takes away, while chunks are marked as going
 * @going_last: Last one
 * @last_call: Number of the call that began last
 * @call: That of the call that has the lock. What was found out before it began, of memory
 *        that cannot be pinned, does not count: the guest may map what came since
 * @want: What was looked for last and is not pinned
 * @failed: What the last attempt to pin it failed with, for whoever looks next; the
 *          address is in @want
 * @holds: Of calls in progress
 */
struct vtds_guest_mem {
	u32 unit_id;
	struct vtds_lock *lock;
	struct vtds_pins pins;
	struct xarray segments;
	struct vtds_recent *recent;
	unsigned long nr_recent;
	unsigned long nr_segments;
	unsigned long nr_idle;
	unsigned long max_idle;
	unsigned long hand;
	u64 nr_pinned;
	u64 nr_pinned_ever;
	bool starved;
	unsigned long came;
	u64 going_first;
	u64 going_last;
	u64 last_call;
	u64 call;
	struct vtds_mem_want want;
	int failed;
	struct list_head holds;
};

/* Nothing without users stays pinned, see vtds_mem_pick_idle(). */
static inline void vtds_mem_release_idle(struct vtds_guest_mem *mem)
{
	mem->starved = true;
}

/* Whether there are pages without users that have to be unpinned */
static inline bool vtds_mem_needs_trim(const struct vtds_guest_mem *mem)
{
	return READ_ONCE(mem->nr_idle) >
	       (READ_ONCE(mem->starved) ? 0 : mem->max_idle);
}

int vtds_mem_init(struct vtds_guest_mem *mem, struct vtds_lock *lock);
void vtds_mem_destroy(struct vtds_guest_mem *mem);

/* --- Counting, under the lock of the unit --- */

void vtds_mem_count_pinned(struct vtds_guest_mem *mem, u64 gpa,
			   unsigned long wanted, unsigned long pages);
void vtds_mem_count_unpinned(struct vtds_guest_mem *mem, u64 gpa,
			     unsigned long pages);

/* --- Calls, under the lock of the unit --- */

/* A call begins that looks up memory, and maybe has some pinned. */
static inline void vtds_mem_begin(struct vtds_guest_mem *mem,
				  struct vtds_holds *holds)
{
	holds->count = 0;
	holds->next = 0;
	holds->call = ++mem->last_call;
	mem->call = holds->call;
}

/* The call goes on after others may have had the lock. */
static inline void vtds_mem_resume(struct vtds_guest_mem *mem,
				   const struct vtds_holds *holds)
{
	mem->call = holds->call;
}

/* --- Looking up, under the lock of the unit --- */

/**
 * struct vtds_mem_recents - vtds_guest_mem.recent, for use in loops
 * @slots: The array
 * @mask: For the number of a segment
 */
struct vtds_mem_recents {
	const struct vtds_recent *slots;
	unsigned long mask;
};

/* Valid until a segment is made. */
static inline struct vtds_mem_recents
vtds_mem_recents(const struct vtds_guest_mem *mem)
{
	return (struct vtds_mem_recents){ mem->recent, mem->nr_recent - 1 };
}

/* The chunk of an address, NULL if it takes a search or there is none */
static __always_inline struct vtds_chunk *
vtds_mem_recent(struct vtds_mem_recents recents, u64 gpa)
{
	unsigned long number = gpa / VTDS_SEGMENT_SIZE;
	const struct vtds_recent *slot = &recents.slots[number & recents.mask];

	if (unlikely(slot->number != number))
		return NULL;
	return &slot->chunks[gpa / VTDS_CHUNK_SIZE % VTDS_SEGMENT_CHUNKS];
}

struct vtds_chunk *__vtds_mem_chunk(struct vtds_guest_mem *mem, u64 gpa);

/* The chunk of an address, NULL if nothing is known of it or of its neighbours */
static inline struct vtds_chunk *vtds_mem_chunk(struct vtds_guest_mem *mem,
						u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(vtds_mem_recents(mem), gpa);

	return likely(chunk) ? chunk : __vtds_mem_chunk(mem, gpa);
}

int vtds_mem_page(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
		  unsigned int *perm);
int vtds_mem_chunk_perm(struct vtds_guest_mem *mem, u64 gpa,
			unsigned int *perm);
int vtds_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			unsigned int nr_qwords);
int vtds_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value);

/* --- Users, under the lock of the unit --- */

void vtds_mem_first_user(struct vtds_guest_mem *mem, u64 gpa);
void vtds_mem_last_user(struct vtds_guest_mem *mem, struct vtds_chunk *chunk,
			u64 gpa);

/* Adds a user to a chunk that is known. */
static __always_inline void vtds_mem_use(struct vtds_guest_mem *mem,
					 struct vtds_chunk *chunk, u64 gpa)
{
	if (unlikely(!chunk->users++))
		vtds_mem_first_user(mem, gpa);
}

/* Gives back what vtds_mem_use() gave. What is pinned stays so, see vtds_mem_pick_idle(). */
static __always_inline void vtds_mem_put(struct vtds_guest_mem *mem,
					 struct vtds_chunk *chunk, u64 gpa)
{
	if (unlikely(!--chunk->users))
		vtds_mem_last_user(mem, chunk, gpa);
}

/* Gives back the user that a leaf of 4 KiB is of its chunk. */
static __always_inline void vtds_mem_put_page(struct vtds_guest_mem *mem,
					      struct vtds_mem_recents recents,
					      u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(recents, gpa);

	if (unlikely(!chunk))
		chunk = __vtds_mem_chunk(mem, gpa);
	vtds_mem_put(mem, chunk, gpa);
}

void vtds_mem_use_range(struct vtds_guest_mem *mem, u64 gpa, u64 size);
void vtds_mem_put_range(struct vtds_guest_mem *mem, u64 gpa, u64 size);

/* --- Pinning, which lets go of the lock of the unit and takes it again --- */

int vtds_mem_fetch(struct vtds_guest_mem *mem, struct vtds_holds *holds);
void vtds_mem_release_holds(struct vtds_guest_mem *mem,
			    struct vtds_holds *holds);

void vtds_mem_let_go(struct vtds_guest_mem *mem, u64 gpa);

/* --- Unpinning, under vtds_pins.lock --- */

/**
 * struct vtds_unpin - Chunks that nobody can find any more and that are to be unpinned
 * @count: How many there are
 * @gpas: Their addresses
 * @chunks: What is pinned of them
 */
struct vtds_unpin {
	unsigned int count;
	u64 gpas[VTDS_UNPIN_CHUNKS];
	struct vtds_chunk chunks[VTDS_UNPIN_CHUNKS];
};

void vtds_mem_pick_idle(struct vtds_guest_mem *mem, struct vtds_unpin *list);
void vtds_mem_unpin(struct vtds_guest_mem *mem, struct vtds_unpin *list);

void vtds_mem_came(struct vtds_guest_mem *mem, u64 first, u64 last);
bool vtds_mem_has(struct vtds_guest_mem *mem, u64 first, u64 last);
bool vtds_mem_is_used(struct vtds_guest_mem *mem, u64 first, u64 last);
/**
 * struct vtds_evict - A range of guest memory that is taken away
 * @first: First address
 * @last: Last address
 * @cut: Addresses of chunks that lie in the range only partly, and are kept
 * @nr_cut: How many
 */
struct vtds_evict {
	u64 first;
	u64 last;
	u64 cut[2];
	unsigned int nr_cut;
};

void vtds_mem_evict_begin(struct vtds_guest_mem *mem, struct vtds_evict *evict);
void vtds_mem_evict(struct vtds_guest_mem *mem, struct vtds_evict *evict);
void vtds_mem_evict_end(struct vtds_guest_mem *mem, struct vtds_evict *evict);

#endif /* VTDS_GUEST_MEM_H */
