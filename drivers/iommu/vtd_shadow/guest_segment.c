// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of chunks: by guest physical address, dense, so that what is known of a chunk
 * is a load away and those of a large guest fit into a cache. Segments exist as long as
 * something in them is known. Serves guest_mem.c, guest_fetch.c and guest_evict.c.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/bug.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "alloc.h"
#include "guest_mem.h"
#include "guest_segment.h"

static void recent_clear(struct vtds_recent *recent, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++)
		recent[i] = (struct vtds_recent){ .number = ULONG_MAX };
}

int vtds_segments_init(struct vtds_guest_mem *mem)
{
	BUILD_BUG_ON(sizeof(struct vtds_chunk) != 16);
	BUILD_BUG_ON(PAGE_SIZE != VTD_PAGE_SIZE);

	vtds_xa_init(&mem->segments);
	mem->nr_recent = VTDS_RECENT_MIN;
	mem->recent = vtds_zalloc_array(mem->nr_recent, sizeof(*mem->recent));
	if (!mem->recent)
		return -ENOMEM;
	recent_clear(mem->recent, mem->nr_recent);
	return 0;
}

/* Nothing may be known any more. */
void vtds_segments_destroy(struct vtds_guest_mem *mem)
{
	WARN_ON_ONCE(!xa_empty(&mem->segments));
	xa_destroy(&mem->segments);
	kvfree(mem->recent);
}

static void recent_note(struct vtds_guest_mem *mem,
			const struct vtds_segment *segment)
{
	mem->recent[segment->number & (mem->nr_recent - 1)] =
		(struct vtds_recent){ segment->number, segment->chunks };
}

/*
 * Scattered leaves use segments in any order: there should be a place for each of them.
 * Without memory for it some are searched for.
 */
static void recent_grow(struct vtds_guest_mem *mem)
{
	unsigned long nr = 2 * mem->nr_recent, index;
	struct vtds_segment *segment;
	struct vtds_recent *recent;

	if (mem->nr_segments <= mem->nr_recent || nr > VTDS_RECENT_MAX)
		return;
	recent = vtds_try_zalloc_array(nr, sizeof(*recent));
	if (!recent)
		return;
	kvfree(mem->recent);
	recent_clear(recent, nr);
	mem->recent = recent;
	mem->nr_recent = nr;
	xa_for_each(&mem->segments, index, segment)
		recent_note(mem, segment);
}

/* The segment of an address, NULL if there is none. It is found without a search next. */
struct vtds_segment *vtds_segment_find(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_segment *segment =
		xa_load(&mem->segments, gpa / VTDS_SEGMENT_SIZE);

	if (segment)
		recent_note(mem, segment);
	return segment;
}

static struct vtds_segment *segment_create(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_segment *segment = vtds_zalloc(sizeof(*segment));

	if (!segment)
		return NULL;
	segment->number = gpa / VTDS_SEGMENT_SIZE;
	segment->chunks = vtds_zalloc_page();
	if (!segment->chunks)
		goto err_free;
	if (vtds_xa_store(&mem->segments, segment->number, segment))
		goto err_free_chunks;
	mem->nr_segments++;
	recent_note(mem, segment);
	recent_grow(mem);
	return segment;

err_free_chunks:
	free_page((unsigned long)segment->chunks);
err_free:
	kfree(segment);
	return NULL;
}

static void segment_free(struct vtds_guest_mem *mem,
			 struct vtds_segment *segment)
{
	struct vtds_recent *recent =
		&mem->recent[segment->number & (mem->nr_recent - 1)];

	if (recent->number == segment->number)
		recent_clear(recent, 1);
	xa_erase(&mem->segments, segment->number);
	mem->nr_segments--;
	free_page((unsigned long)segment->chunks);
	kfree(segment);
}

/**
 * vtds_segment_make() - Make a place for what is known of a chunk
 * @mem: Guest memory
 * @gpa: Any address in it
 *
 * If nothing is known of it, followed by vtds_segment_learn().
 *
 * Return: the place, or NULL without memory for it.
 */
struct vtds_chunk *vtds_segment_make(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_segment *segment;

	KUNIT_STATIC_STUB_REDIRECT(vtds_segment_make, mem, gpa);

	segment = vtds_segment_find(mem, gpa);
	if (!segment)
		segment = segment_create(mem, gpa);
	if (!segment)
		return NULL;
	return &segment->chunks[gpa / VTDS_CHUNK_SIZE % VTDS_SEGMENT_CHUNKS];
}
EXPORT_SYMBOL_IF_KUNIT(vtds_segment_make);

/* Something is known of a chunk now, which has no users so far. */
void vtds_segment_learn(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_segment *segment = vtds_segment_find(mem, gpa);

	segment->nr_known++;
	segment->nr_idle++;
	mem->nr_idle++;
}

/* Nothing is known of a chunk any more. It had no users. */
void vtds_segment_forget(struct vtds_guest_mem *mem, u64 gpa)
{
	struct vtds_segment *segment = vtds_segment_find(mem, gpa);

	segment->nr_idle--;
	mem->nr_idle--;
	if (!--segment->nr_known)
		segment_free(mem, segment);
}
