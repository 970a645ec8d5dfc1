// SPDX-License-Identifier: GPL-2.0-only
/*
 * Install: find the host memory of the guest's leaves and map it, in runs of
 * neighbours. What cannot be installed stays absent and is noted in the batch.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "trace.h"
#include "vtd_shadow_private.h"

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
				   !vtds_entry_is_leaf(raw, node->level),
				   error);
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
	/* What fails takes time too, and there is no other limit to it */
	if (++walk->batch->refused >= VTDS_MAX_REFUSED)
		vtds_batch_exhaust(walk->batch);

	report_refusal(walk, node, iova, raw, error);
}

/* Whether the host could map a leaf at all, and the unit may. */
static int leaf_allowed(struct vtds_walk *walk, u64 iova, u64 size)
{
	const struct vtds_host_domain *host = &walk->domain->host;
	struct vtds_unit *unit = walk->batch->unit;
	u64 pages = (walk->run_size + size) >> VTD_PAGE_SHIFT;

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

static void run_begin(struct vtds_walk *walk, u64 iova, unsigned int perm)
{
	walk->run_iova = iova;
	walk->run_size = 0;
	walk->run_nents = 0;
	walk->run_perm = perm;
	sg_init_table(walk->batch->unit->sg, VTDS_SG_ENTRIES);
}

/* Adds @size bytes of host memory at @pfn; the caller sees to VTDS_SG_ENTRIES. */
static void run_add(struct vtds_walk *walk, unsigned long pfn, u64 size)
{
	struct scatterlist *sg = walk->batch->unit->sg;
	struct scatterlist *prev = &sg[max(walk->run_nents, 1U) - 1];

	walk->run_size += size;
	if (walk->run_nents && sg_phys(prev) + prev->length == PFN_PHYS(pfn)) {
		prev->length += size;
		return;
	}
	sg_set_page(&sg[walk->run_nents++], pfn_to_page(pfn), size, 0);
}

static int run_map(struct vtds_walk *walk)
{
	return vtds_host_map(&walk->domain->host, &walk->batch->unit->stats,
			     walk->run_iova, walk->batch->unit->sg,
			     walk->run_nents, walk->run_perm);
}

/* Maps the collected leaves, which are the ones before @end, and records them. */
static void leaves_flush(struct vtds_walk *walk, struct vtds_node *node,
			 unsigned int end)
{
	struct vtds_unit *unit = walk->batch->unit;
	unsigned int count = walk->run_size >> VTD_PAGE_SHIFT;
	unsigned int start = end - count;
	int ret;

	if (!count)
		return;

	ret = run_map(walk);
	walk->run_size = 0;
	if (!ret) {
		memcpy(&node->entries[start], &unit->fetched[start],
		       count * sizeof(u64));
		vtds_node_forget_refused(walk->domain, node, start, end);
		unit->nr_pages += count;
		unit->stats.leaves_mapped += count;
		return;
	}
	for (unsigned int i = start; i < end; i++)
		vtds_mem_put_range(&unit->mem,
				   unit->fetched[i] & VTD_ENTRY_ADDR,
				   VTD_PAGE_SIZE);
	vtds_walk_refuse(walk, node, walk->run_iova, unit->fetched[start], ret);
}

/* Finds the host page of a leaf and makes the leaf a user of its chunk. */
static int leaf_resolve(struct vtds_walk *walk, u64 raw, unsigned long *pfn,
			unsigned int *perm)
{
	struct vtds_guest_mem *mem = &walk->batch->unit->mem;
	u64 gpa = raw & VTD_ENTRY_ADDR;
	struct vtds_chunk *chunk;
	unsigned int mem_perm;
	int ret;

	/* No translation may lead to interrupts, whatever the VMM has there */
	if (vtd_is_interrupt(gpa))
		return -EADDRNOTAVAIL;
	chunk = vtds_mem_get(mem, gpa);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);

	ret = vtds_mem_page(mem, chunk, gpa, pfn, &mem_perm);
	if (!ret && !(*perm & mem_perm))
		ret = -EPERM;
	if (ret)
		vtds_mem_put(mem, chunk);
	*perm &= mem_perm;
	return ret;
}

static void leaf_collect(struct vtds_walk *walk, struct vtds_node *node,
			 unsigned int index, u64 iova)
{
	unsigned int limit = walk->domain->host.merge ? VTDS_RUN_PAGES : 1;
	u64 raw = walk->batch->unit->fetched[index];
	unsigned int perm = raw & node->perm & VTD_SS_RW;
	unsigned long pfn;
	int ret;

	ret = leaf_allowed(walk, iova, VTD_PAGE_SIZE);
	if (!ret)
		ret = leaf_resolve(walk, raw, &pfn, &perm);
	if (ret) {
		leaves_flush(walk, node, index);
		vtds_walk_refuse(walk, node, iova, raw, ret);
		return;
	}

	if (walk->run_size &&
	    (perm != walk->run_perm || walk->run_size >= limit * VTD_PAGE_SIZE))
		leaves_flush(walk, node, index);
	if (!walk->run_size)
		run_begin(walk, iova, perm);
	run_add(walk, pfn, VTD_PAGE_SIZE);
}

/**
 * vtds_install_leaves() - Install 4 KiB leaves
 * @walk: The walk
 * @node: Their table, level 1
 * @base: First IOVA that it covers
 * @start: First index
 * @end: Index after the last one
 *
 * vtds_unit.fetched has the leaves, 0 where there is nothing to do. They have
 * permissions, and nothing is mapped in their place.
 */
void vtds_install_leaves(struct vtds_walk *walk, struct vtds_node *node,
			 u64 base, unsigned int start, unsigned int end)
{
	walk->run_size = 0;
	for (unsigned int i = start; i < end; i++) {
		if (walk->batch->unit->fetched[i])
			leaf_collect(walk, node, i, base + i * VTD_PAGE_SIZE);
		else
			leaves_flush(walk, node, i);
	}
	leaves_flush(walk, node, end);
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
		ret = vtds_mem_chunk_perm(mem, chunk, &mem_perm);
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
	if (!ret && !(*perm & first_perm))
		ret = -EPERM;
	if (ret && done)
		vtds_mem_put_range(mem, gpa, done);
	*perm &= first_perm;
	return ret;
}

/* Maps what was collected of a superpage; it ends a call, not the leaf. */
static int super_flush(struct vtds_walk *walk)
{
	u64 next = walk->run_iova + walk->run_size;
	int ret;

	if (!walk->run_size)
		return 0;
	ret = run_map(walk);
	if (!ret)
		run_begin(walk, next, walk->run_perm);
	return ret;
}

static int super_map_chunk(struct vtds_walk *walk, u64 gpa)
{
	struct vtds_guest_mem *mem = &walk->batch->unit->mem;
	struct vtds_chunk *chunk = xa_load(&mem->chunks, gpa / VTDS_CHUNK_SIZE);
	unsigned int perm;
	unsigned long pfn;
	int ret = 0;

	/* The most that a chunk can add */
	if (walk->run_nents + (chunk->pfns ? VTDS_CHUNK_PAGES : 1) >
	    VTDS_SG_ENTRIES)
		ret = super_flush(walk);
	if (ret)
		return ret;

	if (!chunk->pfns) {
		run_add(walk, chunk->base_pfn, VTDS_CHUNK_SIZE);
		return 0;
	}
	for (unsigned int i = 0; i < VTDS_CHUNK_PAGES && !ret; i++) {
		ret = vtds_mem_page(mem, chunk, gpa + i * VTD_PAGE_SIZE, &pfn,
				    &perm);
		if (!ret)
			run_add(walk, pfn, VTD_PAGE_SIZE);
	}
	return ret;
}

/* Maps a superpage leaf whose chunks it uses already. */
static int super_map(struct vtds_walk *walk, u64 iova, u64 gpa, u64 size,
		     unsigned int perm)
{
	u64 mapped;
	int ret = 0;

	run_begin(walk, iova, perm);
	for (u64 done = 0; done < size && !ret; done += VTDS_CHUNK_SIZE) {
		ret = super_map_chunk(walk, gpa + done);
		cond_resched();
	}
	if (!ret)
		ret = super_flush(walk);

	mapped = walk->run_iova - iova;
	walk->run_size = 0;
	if (ret && mapped)
		vtds_host_unmap(&walk->domain->host, &walk->batch->unit->stats,
				iova, mapped);
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
 * hole of the domain or is not all memory of one kind; another negative errno if
 * it was refused.
 */
int vtds_install_super(struct vtds_walk *walk, struct vtds_node *node, u64 iova,
		       u64 raw, unsigned int perm)
{
	struct vtds_unit *unit = walk->batch->unit;
	u64 size = vtd_level_size(node->level);
	u64 gpa = raw & VTD_ENTRY_ADDR;
	int ret;

	ret = leaf_allowed(walk, iova, size);
	if (ret)
		goto err_refuse;
	if (vtds_domain_has_hole(walk->domain, iova, size) ||
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
