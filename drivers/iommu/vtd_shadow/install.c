// SPDX-License-Identifier: GPL-2.0-only
/*
 * Install: what may be mapped, how it is mapped in runs of neighbours, and what is
 * done about what cannot be. Superpage leaves find their host memory here; leaves
 * of 4 KiB do in leaves.c.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "batch.h"
#include "domain.h"
#include "error.h"
#include "event.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "host_domain.h"
#include "install.h"
#include "mirror.h"
#include "trace.h"
#include "unit.h"
#include "vtd_format.h"

/*
 * An event, once for each entry until it changes. A limit that is reached is
 * reported by itself, not with every entry behind it.
 */
static void report_refusal(struct vtds_walk *walk, struct vtds_node *node,
			   u64 iova, u64 raw, int error)
{
	struct vtds_domain *domain = walk->domain;

	if (walk->batch->remove_only)
		return;
	if (!node) {
		if (!domain->top_reported)
			vtds_event_refused(domain, iova, true, true, error);
		domain->top_reported = true;
		return;
	}
	if (node->synthetic) {
		/* With the leaf that it is a piece of */
		if (!walk->piece_error)
			walk->piece_iova = iova;
		walk->piece_error = walk->piece_error ?: error;
		return;
	}
	if (vtds_node_note_refused(domain, node,
				   vtd_level_index(iova, node->level), raw))
		vtds_event_refused(domain, iova, false,
				   !vtd_entry_is_leaf(raw, node->level), error);
}

/**
 * vtds_walk_refuse() - Note that an entry was not installed
 * @walk: The walk
 * @node: Where the entry is, NULL for the pointer to the top table
 * @iova: First address of the entry
 * @raw: The entry
 * @error: Why: a negative errno
 */
void vtds_walk_refuse(struct vtds_walk *walk, struct vtds_node *node, u64 iova,
		      u64 raw, int error)
{
	trace_vtd_shadow_refused(walk->domain->root, iova, raw, error);
	walk->batch->unit->stats.install_failures++;
	vtds_batch_fail(walk->batch, error);
	walk->domain->troubled |= vtds_error_may_pass(error);
	/* What fails takes time too, and there is no other limit to it */
	if (++walk->batch->refused >= VTDS_MAX_REFUSED)
		vtds_batch_exhaust(walk->batch);

	report_refusal(walk, node, iova, raw, error);
}

/**
 * vtds_walk_allowed() - Whether the host could map a leaf, and the unit may
 * @walk: The walk
 * @iova: First address of the leaf
 * @size: Its size
 *
 * Return: 0 or a negative errno.
 */
int vtds_walk_allowed(struct vtds_walk *walk, u64 iova, u64 size)
{
	const struct vtds_host_domain *host = &walk->domain->host;
	struct vtds_unit *unit = walk->batch->unit;
	u64 pages = (unit->run.size + size) >> VTD_PAGE_SHIFT;

	if (!vtds_batch_may_install(walk->batch))
		return walk->batch->error;
	if (iova < host->first || iova + size - 1 > host->last)
		return -ERANGE;
	if (unit->nr_pages + pages > unit->max_pages) {
		vtds_batch_exhaust(walk->batch);
		return -ENOSPC;
	}
	return 0;
}

/**
 * vtds_walk_permit() - Take away what memory does not permit
 * @walk: The walk
 * @perm: What the guest permits; on return what a device may do
 * @mem_perm: What memory permits
 *
 * Return: 0, or -EPERM if nothing is left, or if the host would let devices read memory
 * that they may only write.
 */
int vtds_walk_permit(const struct vtds_walk *walk, unsigned int *perm,
		     unsigned int mem_perm)
{
	*perm &= mem_perm;
	if (!*perm)
		return -EPERM;
	if (mem_perm == VTD_SS_W && !walk->domain->host.write_only)
		return -EPERM;
	return 0;
}

/* Maps the run that was collected. Returns 0 or a negative errno. */
int vtds_run_map(struct vtds_walk *walk)
{
	struct vtds_unit *unit = walk->batch->unit;

	return vtds_host_map(&walk->domain->host, &unit->stats, unit->run.iova,
			     unit->sg, unit->run.nents, unit->run.perm);
}

/*
 * Makes a superpage leaf a user of all its chunks. Fails if they are not all
 * memory of one kind.
 */
static int super_resolve(struct vtds_walk *walk, u64 gpa, u64 size,
			 unsigned int *perm)
{
	struct vtds_guest_mem *mem = &walk->batch->unit->mem;
	unsigned int mem_perm, first_perm = VTD_SS_RW;
	struct vtds_chunk *chunk;
	int ret = 0;
	u64 done;

	if (gpa <= VTD_INTERRUPT_LAST && gpa + size - 1 >= VTD_INTERRUPT_START)
		return -EXDEV;
	for (done = 0; done < size; done += VTDS_CHUNK_SIZE) {
		chunk = vtds_mem_get(mem, gpa + done);
		if (IS_ERR(chunk)) {
			ret = PTR_ERR(chunk);
			break;
		}
		ret = vtds_chunk_perm(&mem->pins, chunk, &mem_perm);
		if (!done)
			first_perm = mem_perm;
		if (!ret && mem_perm != first_perm)
			ret = -EXDEV;
		if (ret) {
			vtds_mem_put(mem, chunk);
			break;
		}
		cond_resched();
	}
	if (!ret)
		ret = vtds_walk_permit(walk, perm, first_perm);
	if (ret && done)
		vtds_mem_put_range(mem, gpa, done);
	return ret;
}

/* Maps what was collected of a superpage; it ends a call, not the leaf. */
static int super_flush(struct vtds_walk *walk)
{
	struct vtds_run *run = &walk->batch->unit->run;
	u64 next = run->iova + run->size;
	int ret;

	if (!run->size)
		return 0;
	ret = vtds_run_map(walk);
	if (!ret)
		vtds_run_begin(walk, next, run->perm);
	return ret;
}

static int super_map_chunk(struct vtds_walk *walk, u64 gpa)
{
	struct vtds_unit *unit = walk->batch->unit;
	struct vtds_guest_mem *mem = &unit->mem;
	struct vtds_chunk *chunk = xa_load(&mem->chunks, gpa / VTDS_CHUNK_SIZE);
	unsigned int perm;
	unsigned long pfn;
	int ret = 0;

	/* The most that a chunk can add */
	if (unit->run.nents +
		    (vtds_chunk_is_contiguous(chunk) ? 1 : VTDS_CHUNK_PAGES) >
	    VTDS_SG_ENTRIES)
		ret = super_flush(walk);
	if (ret)
		return ret;

	if (vtds_chunk_is_contiguous(chunk)) {
		vtds_run_add(walk, chunk->base_pfn, VTDS_CHUNK_SIZE);
		return 0;
	}
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES && !ret; i++) {
		ret = vtds_mem_page(mem, chunk, gpa + i * VTD_PAGE_SIZE, &pfn,
				    &perm);
		if (!ret)
			vtds_run_add(walk, pfn, VTD_PAGE_SIZE);
	}
	return ret;
}

/* Maps a superpage leaf whose chunks it uses already. */
static int super_map(struct vtds_walk *walk, u64 iova, u64 gpa, u64 size,
		     unsigned int perm)
{
	struct vtds_unit *unit = walk->batch->unit;
	u64 mapped;
	int ret = 0;

	vtds_run_begin(walk, iova, perm);
	for (u64 done = 0; done < size && !ret; done += VTDS_CHUNK_SIZE) {
		ret = super_map_chunk(walk, gpa + done);
		cond_resched();
	}
	if (!ret)
		ret = super_flush(walk);

	mapped = unit->run.iova - iova;
	unit->run.size = 0;
	if (ret && mapped)
		vtds_host_unmap(&walk->domain->host, &unit->stats, iova,
				mapped);
	return ret;
}

/**
 * vtds_install_super() - Install a superpage leaf
 * @walk: The walk
 * @node: Its table, level 2 or 3
 * @iova: Its first address
 * @raw: The entry
 * @perm: Its permissions with those of the path, not 0
 *
 * Return: 0; -EXDEV if it has to be mapped piece by piece, because it covers a
 * reserved range of the domain or is not all memory of one kind; another negative errno if
 * it was refused.
 */
int vtds_install_super(struct vtds_walk *walk, struct vtds_node *node, u64 iova,
		       u64 raw, unsigned int perm)
{
	struct vtds_unit *unit = walk->batch->unit;
	u64 size = vtd_level_size(node->level);
	u64 gpa = raw & VTD_ENTRY_ADDR;
	int ret;

	ret = vtds_walk_allowed(walk, iova, size);
	if (ret)
		goto err_refuse;
	if (vtds_reserved_overlaps(&walk->domain->reserved, iova, size) ||
	    super_resolve(walk, gpa, size, &perm))
		return -EXDEV;

	ret = super_map(walk, iova, gpa, size, perm);
	if (ret)
		goto err_put;
	unit->nr_pages += size >> VTD_PAGE_SHIFT;
	unit->stats.leaves_mapped++;
	return 0;

err_put:
	vtds_mem_put_range(&unit->mem, gpa, size);
err_refuse:
	vtds_walk_refuse(walk, node, iova, raw, ret);
	return ret;
}
