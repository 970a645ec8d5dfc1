// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks, between two calls: the host maps exactly what the mirror says, which is within
 * what the guest's tables have said since they were announced last; devices are where
 * contexts have sent them; each chunk has as many users as uses, and is pinned. In the
 * end, when nothing goes wrong any more, all that was announced is there.
 */
#include "kernel.h"
#include <linux/list.h>
#include <linux/vtd_shadow.h>
#include "domain.h"
#include "guest_chunk.h"
#include "guest_mem.h"
#include "guest_segment.h"
#include "mirror.h"
#include "unit.h"
#include "fuzz.h"

/* --- Uses of chunks --- */

/* Chunks of the areas that there are: below 32 MiB, at 4 GiB, from 1 to 2 GiB */
#define NR_CHUNKS (16 + 1 + 512)

static u32 uses[NR_CHUNKS];

static unsigned int chunk_slot(u64 gpa)
{
	if (gpa < 0x2000000)
		return gpa >> 21;
	if (gpa >= 0x40000000 && gpa < 0x80000000)
		return 17 + ((gpa - 0x40000000) >> 21);
	if (gpa >> 21 == 0xfee00000 >> 21)
		return 16;
	fuzz_fail("%llx is used and is no memory", gpa);
}

static void use(u64 gpa, u64 size)
{
	for (u64 done = 0; done < size; done += CHUNK_SIZE)
		uses[chunk_slot(gpa + done)]++;
}

/* --- Mirror and host --- */

struct count {
	u64 pages;
	u64 nodes;
};

static void check_leaf(const struct vtds_domain *d, u64 iova, u64 size, u64 raw,
		       unsigned int perm)
{
	u64 gpa = raw & 0xffffffffff000ULL;

	use(gpa, size);
	for (u64 done = 0; done < size;) {
		unsigned int mem_perm,
			frame = memory_frame(gpa + done, &mem_perm);
		struct host_leaf leaf;

		if (frame == NO_FRAME)
			fuzz_fail("%llx is mapped to %llx, which is gone",
				  iova + done, gpa + done);
		if (!host_find(d->host.domain, iova + done, &leaf))
			fuzz_fail("the host does not map %llx", iova + done);
		if (leaf.iova != iova + done || leaf.size > size - done)
			fuzz_fail("the host maps %llx and %llx as one",
				  iova + done, leaf.iova);
		if (leaf.pa != PFN_PHYS(memory_pfn(frame)))
			fuzz_fail("%llx leads elsewhere", iova + done);
		if (leaf.prot != (perm & mem_perm))
			fuzz_fail("%llx permits %x", iova + done, leaf.prot);
		if (!memory_is_pinned(frame))
			fuzz_fail("%llx is mapped and not pinned", gpa + done);
		done += leaf.size;
	}
}

static void check_node(const struct vtds_domain *d,
		       const struct vtds_node *node, struct count *count)
{
	count->nodes += 1 + !!node->refused;
	if (node->table)
		use(node->gpa, PAGE_SIZE);
	for (unsigned int i = 0; i < 512; i++) {
		unsigned int perm = node->entries[i] & node->perm & MEM_RW;
		u64 size = vtd_level_size(node->level);
		u64 iova = node->base + i * size;

		if (node->children && node->children[i]) {
			check_node(d, node->children[i], count);
		} else if (perm &&
			   vtd_entry_is_leaf(node->entries[i], node->level)) {
			check_leaf(d, iova, size, node->entries[i], perm);
			count->pages += size >> PAGE_SHIFT;
		}
	}
}

static void check_exact(const struct vtds_domain *d, struct count *count)
{
	u64 before = count->pages;

	check_node(d, d->top, count);
	if (d->host.broken) {
		if (d->users)
			fuzz_fail("the host failed on what a device has");
		return;
	}
	if (host_nr_pages(d->host.domain) != count->pages - before)
		fuzz_fail("the host maps %llu pages, the mirror %llu",
			  host_nr_pages(d->host.domain), count->pages - before);
	if (host_has_stale(d->host.domain))
		fuzz_fail("a call has not flushed");
}

/* --- Mirror and guest --- */

static void check_page(const struct vtds_domain *d, u64 iova, phys_addr_t pa,
		       int prot)
{
	u64 gpa = memory_gpa_of_pfn(PHYS_PFN(pa));
	u64 since = announced_range(d->host.domain, iova);

	if (gpa == U64_MAX)
		fuzz_fail("%llx leads to no memory", iova);
	if (!walk_may_lead(d->root, d->levels, iova, since, gpa, prot))
		fuzz_fail("%llx leads to %llx with %x: no table does", iova,
			  gpa, prot);
}

static void check_within(const struct vtds_domain *d)
{
	struct host_leaf leaf;

	for (u64 at = 0; host_next(d->host.domain, at, &leaf);
	     at = leaf.iova + leaf.size) {
		u64 step = max(leaf.size / 8, PAGE_SIZE);

		for (u64 done = 0; done < leaf.size; done += step)
			check_page(d, leaf.iova + done, leaf.pa + done,
				   leaf.prot);
	}
}

/* --- Devices --- */

static struct place place_of(unsigned int nr, struct iommu_domain *domain)
{
	const struct vtds_domain *d;

	if (!domain)
		return (struct place){ BLOCKED };
	if (domain_is_identity(domain))
		return (struct place){ IDENTITY };
	d = calls_shadow_of(domain);
	if (d && d->users)
		return (struct place){ SHADOW, d->root, d->levels };
	/* After a reset it may have one that is on its way out, or empty. */
	if (!d && host_nr_pages(domain))
		fuzz_fail("device %u has a domain that nobody knows", nr);
	return (struct place){ BLOCKED };
}

static void check_device(unsigned int nr)
{
	struct place place = place_of(nr, device_domain(nr));
	struct iommu_domain *domain;
	unsigned int nr_sids;
	const u16 *sids;
	u32 pasid;

	nr_sids = announced_sids(nr, &sids);
	for (unsigned int i = 0; i < nr_sids && place.where != BLOCKED; i++)
		if (!device_is_stuck(nr) &&
		    !place_may_be(sids[i], NO_PASID, announced_context(nr),
				  &place))
			fuzz_fail("device %u, source-id %x: at %d, table %llx",
				  nr, sids[i], place.where, place.root);
	for (unsigned int i = 0; (domain = device_pasid(nr, i, &pasid)); i++) {
		place = place_of(nr, domain);
		if (!nr_sids || !place_may_be(sids[0], pasid,
					      announced_context(nr), &place))
			fuzz_fail("device %u, PASID %u: at %d, table %llx", nr,
				  pasid, place.where, place.root);
	}
}

/* --- Chunks --- */

static void check_chunks(struct vtds_unit *unit)
{
	struct vtds_segment *segment;
	unsigned long index;
	u64 pinned = 0, used = 0, known = 0;

	for (unsigned int i = 0; i < NR_CHUNKS; i++)
		used += uses[i];
	xa_for_each(&unit->mem.segments, index, segment)
		for (unsigned int i = 0; i < VTDS_SEGMENT_CHUNKS; i++) {
			const struct vtds_chunk *chunk = &segment->chunks[i];
			u64 gpa = index * VTDS_SEGMENT_SIZE + i * CHUNK_SIZE;

			if (vtds_chunk_kind(chunk) == VTDS_CHUNK_UNKNOWN)
				continue;
			known += chunk->users;
			pinned += vtds_chunk_nr_pinned(chunk);
			if (chunk->users &&
			    chunk->users != uses[chunk_slot(gpa)])
				fuzz_fail("chunk %llx has %u users and %u uses",
					  gpa, chunk->users,
					  uses[chunk_slot(gpa)]);
			if (vtds_chunk_nr_pinned(chunk) !=
			    memory_chunk_pins(gpa))
				fuzz_fail("chunk %llx: %lu pins, and %lu known",
					  gpa, memory_chunk_pins(gpa),
					  vtds_chunk_nr_pinned(chunk));
		}
	if (known != used)
		fuzz_fail("chunks have %llu users and %llu uses", known, used);
	if (pinned != memory_nr_pinned() || pinned != unit->mem.nr_pinned)
		fuzz_fail("%lu pages are pinned, and %llu known",
			  memory_nr_pinned(), pinned);
}

/* All of it, when nobody is at work */
void check_now(void)
{
	struct vtds_unit *unit = calls_unit();
	const struct vtds_domain *d;
	struct count count = {};

	if (!unit || sched_nr_others())
		return;
	memset(uses, 0, sizeof(uses));
	list_for_each_entry(d, &unit->domains, entry) {
		check_exact(d, &count);
		/* Of a call that was killed it is not known how far it came */
		if (d->users && !fuzz_is_overtime())
			check_within(d);
	}
	if (count.pages != unit->nr_pages || count.nodes != unit->nr_nodes)
		fuzz_fail("%llu pages and %llu nodes, %llu and %llu known",
			  count.pages, count.nodes, unit->nr_pages,
			  unit->nr_nodes);
	check_chunks(unit);
	for (unsigned int i = 0; i < NR_DEVICES && !fuzz_is_overtime(); i++)
		check_device(i);
}

/* --- In the end --- */

static u64 range_since(u64 iova, void *arg)
{
	const struct vtds_domain *d = arg;

	return announced_range(d->host.domain, iova);
}

static bool may_be_mapped(const struct vtds_domain *d, u64 iova, u64 gpa,
			  unsigned int perm)
{
	unsigned int mem_perm;

	if (memory_frame(gpa, &mem_perm) == NO_FRAME)
		return false;
	mem_perm = memory_static_perm(gpa);
	if (!(perm & mem_perm) || any_group_reserves(iova, PAGE_SIZE) ||
	    (gpa >= 0xfee00000 && gpa <= 0xfeefffff))
		return false;
	if (mem_perm == MEM_W && !d->host.write_only)
		return false;
	return true;
}

static void expect_leaf(const struct walk_leaf *leaf, void *arg)
{
	const struct vtds_domain *d = arg;
	u64 step = leaf->size > CHUNK_SIZE ? CHUNK_SIZE * 37 : PAGE_SIZE;
	struct host_leaf found;

	if (leaf->iova + leaf->size - 1 > d->host.domain->geometry.aperture_end)
		return;
	if (leaf->size == CHUNK_SIZE)
		step = PAGE_SIZE * 73;
	for (u64 done = 0; done < leaf->size; done += step)
		if (may_be_mapped(d, leaf->iova + done, leaf->gpa + done,
				  leaf->perm) &&
		    !host_find(d->host.domain, leaf->iova + done, &found))
			fuzz_fail("%llx should lead to %llx", leaf->iova + done,
				  leaf->gpa + done);
}

/* Where a group should be, if its devices agree and all of that was announced */
static void expect_group(unsigned int nr)
{
	struct place place = place_of(nr, device_domain(nr)), wanted = {};
	bool first = true;

	for (unsigned int i = 0; i < NR_DEVICES; i++) {
		const u16 *sids;
		unsigned int nr_sids = announced_sids(i, &sids);

		if (device_group(i) != device_group(nr))
			continue;
		for (unsigned int j = 0; j < nr_sids; j++) {
			bool stable;
			struct place p = place_now(sids[j], NO_PASID,
						   announced_context(i),
						   &stable);

			if (!stable || p.where != SHADOW)
				return;
			if (!first && (p.root != wanted.root ||
				       p.levels != wanted.levels))
				return;
			wanted = p;
			first = false;
		}
	}
	if (!first && (place.where != SHADOW || place.root != wanted.root ||
		       place.levels != wanted.levels))
		fuzz_fail("device %u should have the shadow of %llx", nr,
			  wanted.root);
}

/*
 * Nothing goes wrong any more, and the engine has had the time to try again: all that was
 * announced is as the guest wants it.
 */
void check_complete(bool fresh)
{
	struct vtds_unit *unit = calls_unit();
	const struct vtds_domain *d;

	if (!unit || !regs.known || announce_is_limited() ||
	    !announce_memory_known())
		return;
	for (unsigned int i = 0; i < NR_DEVICES; i++)
		expect_group(i);
	list_for_each_entry(d, &unit->domains, entry)
		if (d->users)
			walk_all(d->root, d->levels, range_since, expect_leaf,
				 (void *)d);
	if (fresh && unit->troubled)
		fuzz_fail("something is refused for no reason");
}
