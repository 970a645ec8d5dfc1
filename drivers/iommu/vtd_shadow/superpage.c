// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpage leaves, of 2 MiB and 1 GiB: finds their host memory, maps them, and sees
 * what need not be mapped anew. Serves sync.c, which splits those that cannot be mapped
 * as one; calls guest_mem.c, host_domain.c and refuse.c.
 */
#include <linux/err.h>

#include "cursor.h"
#include "guest_mem.h"
#include "refuse.h"
#include "rmap.h"
#include "superpage.h"

/* Whether the leaf at hand covers some of a reserved range. */
static bool is_reserved(const struct vtds_cursor *c)
{
	return vtds_reserved_overlaps(&c->walk->domain->reserved, c->iova,
				      vtds_cursor_size(c));
}

/* Whether the leaf at hand is mapped as the guest wants it. */
bool vtds_superpage_unchanged(const struct vtds_cursor *c)
{
	/* A reserved range may be newer than the leaf */
	if (is_reserved(c))
		return false;
	return !c->node->children[c->index] && (c->old & VTD_SS_PS) &&
	       c->perm && (c->old & c->node->perm & VTD_SS_RW) == c->perm &&
	       !((c->raw ^ c->old) & VTD_ENTRY_ADDR);
}

/* Whether a table maps what a superpage leaf would, with the same permissions. */
static bool maps_the_same(const struct vtds_node *table, u64 gpa,
			  unsigned int perm)
{
	for (unsigned int i = 0; i < VTD_TABLE_ENTRIES; i++) {
		u64 raw = table->entries[i];

		if ((raw & table->perm & VTD_SS_RW) != perm ||
		    (raw & VTD_ENTRY_ADDR) != gpa + i * VTD_PAGE_SIZE)
			return false;
	}
	return true;
}

/**
 * vtds_superpage_collapse() - Let a table of leaves become the superpage that it is
 * @c: The cursor
 *
 * Guests do so while a device is at work. Nothing changes for the host, which takes away
 * many small pages as well as a large one.
 *
 * Return: whether the entry at hand became that.
 */
bool vtds_superpage_collapse(const struct vtds_cursor *c)
{
	struct vtds_guest_mem *mem = &c->walk->unit->mem;
	struct vtds_node *child = c->node->children[c->index];
	u64 gpa = c->raw & VTD_ENTRY_ADDR;
	struct vtds_chunk *chunk;

	if (!child || child->synthetic || c->node->level != 2 || !c->perm ||
	    is_reserved(c) || !maps_the_same(child, gpa, c->perm))
		return false;
	/* Of memory that permits less in places the leaf would be in pieces */
	chunk = vtds_mem_chunk(mem, gpa);
	if (WARN_ON_ONCE(!chunk) || !vtds_chunk_is_simple(chunk))
		return false;
	vtds_rmap_leaves(&c->walk->unit->rmap, c->node, gpa,
			 gpa + vtds_cursor_size(c) - 1);
	/* One user for the leaf instead of one for each page */
	chunk->users -= VTD_TABLE_ENTRIES - 1;
	vtds_node_free(child);
	c->node->children[c->index] = NULL;
	return true;
}

/*
 * Whether a leaf of more than a chunk is worth one call to the host. If its memory is not
 * in large pages, it takes as long as hundreds of tables do, and is better done in pieces.
 */
static bool is_coarse(struct vtds_guest_mem *mem, u64 gpa, u64 size)
{
	const struct vtds_chunk *chunk = vtds_mem_chunk(mem, gpa);

	return size == VTDS_CHUNK_SIZE ||
	       (chunk && vtds_chunk_kind(chunk) == VTDS_CHUNK_CONTIGUOUS);
}

/* A leaf of 512 chunks has them pinned one by one; twice that, in case some go meanwhile */
#define SUPERPAGE_WAITS (2 * VTD_TABLE_ENTRIES)

/* Whether the leaf's memory is let go of again and again before all of it is pinned. */
static bool waits_in_vain(const struct vtds_cursor *c)
{
	struct vtds_batch *batch = c->walk->batch;

	if (batch->awaited != c->iova)
		batch->nr_waits = 0;
	batch->awaited = c->iova;
	return batch->nr_waits++ >= SUPERPAGE_WAITS;
}

/*
 * Looks up all chunks of the leaf. Fails if they are not all memory of one kind, which
 * permits @perm.
 */
static int superpage_resolve(const struct vtds_cursor *c, unsigned int *perm)
{
	struct vtds_guest_mem *mem = &c->walk->unit->mem;
	u64 gpa = c->raw & VTD_ENTRY_ADDR, size = vtds_cursor_size(c), done;
	unsigned int mem_perm, first_perm = 0;
	int ret;

	if (gpa <= VTD_INTERRUPT_LAST && gpa + size - 1 >= VTD_INTERRUPT_START)
		return -EXDEV;
	for (done = 0; done < size; done += VTDS_CHUNK_SIZE) {
		ret = vtds_mem_chunk_perm(mem, gpa + done, &mem_perm);
		if (ret == VTDS_NOT_PINNED)
			return size > VTDS_CHUNK_SIZE && waits_in_vain(c) ?
				       -EXDEV :
				       ret;
		if (ret)
			return size == VTDS_CHUNK_SIZE ? ret : -EXDEV;
		if (!done)
			first_perm = mem_perm;
		if (mem_perm != first_perm || !is_coarse(mem, gpa + done, size))
			return -EXDEV;
	}
	return vtds_permit(c, perm, first_perm);
}

/* Maps what was collected; it ends a call, not the leaf. */
static int run_flush(struct vtds_walk *walk)
{
	struct vtds_run *run = &walk->run;
	u64 next = run->iova + run->size;
	int ret;

	if (!run->size)
		return 0;
	ret = vtds_host_map(&walk->domain->host, run);
	if (!ret)
		vtds_run_begin(run, next, run->perm);
	return ret;
}

static int map_chunk(struct vtds_walk *walk, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_chunk(&walk->unit->mem, gpa);
	bool contiguous = vtds_chunk_kind(chunk) == VTDS_CHUNK_CONTIGUOUS;
	unsigned int perm;
	unsigned long pfn;
	int ret = 0;

	/* The most that a chunk can add */
	if (vtds_run_nents(&walk->run) + (contiguous ? 1 : VTDS_CHUNK_PAGES) >
	    VTDS_SG_ENTRIES)
		ret = run_flush(walk);
	if (ret)
		return ret;

	if (contiguous) {
		vtds_run_add(&walk->run, chunk->base_pfn, VTDS_CHUNK_SIZE);
		return 0;
	}
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES && !ret; i++) {
		ret = vtds_chunk_page(chunk, gpa + i * VTD_PAGE_SIZE, &pfn,
				      &perm);
		if (!ret)
			vtds_run_add(&walk->run, pfn, VTD_PAGE_SIZE);
	}
	return ret;
}

/* Maps the leaf, all chunks of which are pinned. */
static int map(struct vtds_cursor *c, unsigned int perm)
{
	u64 gpa = c->raw & VTD_ENTRY_ADDR, size = vtds_cursor_size(c), mapped;
	struct vtds_walk *walk = c->walk;
	int ret = 0;

	vtds_run_begin(&walk->run, c->iova, perm);
	for (u64 done = 0; done < size && !ret; done += VTDS_CHUNK_SIZE)
		ret = map_chunk(walk, gpa + done);
	if (!ret)
		ret = run_flush(walk);

	mapped = walk->run.iova - c->iova;
	walk->run.size = 0;
	if (ret && mapped)
		vtds_host_unmap(&walk->domain->host, c->iova, mapped);
	return ret;
}

/**
 * vtds_superpage_map() - Install the superpage leaf at hand
 * @c: The cursor; @c->perm is not 0, and nothing is mapped
 *
 * Return: 0; -EXDEV if it has to be mapped piece by piece, because it covers some of a
 * reserved range or is not all memory of one kind; VTDS_NOT_PINNED; or another negative
 * errno if it was refused.
 */
int vtds_superpage_map(struct vtds_cursor *c)
{
	struct vtds_domain *domain = c->walk->domain;
	struct vtds_unit *unit = c->walk->unit;
	u64 size = vtds_cursor_size(c);
	unsigned int perm = c->perm;
	int ret;

	ret = vtds_allowed(c);
	if (ret)
		goto err_refuse;
	if (is_reserved(c))
		return -EXDEV;
	ret = superpage_resolve(c, &perm);
	if (ret == -EXDEV || ret == VTDS_NOT_PINNED)
		return ret;
	if (ret)
		goto err_refuse;

	ret = map(c, perm);
	if (ret)
		goto err_refuse;
	vtds_mem_use_range(&unit->mem, c->raw & VTD_ENTRY_ADDR, size);
	unit->nr_pages += size >> VTD_PAGE_SHIFT;
	domain->nr_pages += size >> VTD_PAGE_SHIFT;
	domain->stats.leaves_mapped++;
	vtds_rmap_leaves(&unit->rmap, c->node, c->raw & VTD_ENTRY_ADDR,
			 (c->raw & VTD_ENTRY_ADDR) + size - 1);
	return 0;

err_refuse:
	vtds_refuse(c, ret);
	return ret;
}
