// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle: translates an address as the specification says (sections 3.7 and
 * 9.8), one address at a time from the top, and compares that with what the fake
 * host maps. It shares no code with the engine.
 */
#include <linux/minmax.h>

#include "../mirror.h"
#include "bench.h"

/**
 * struct oracle_walk - How the unit translates an address
 * @first: First address of the region that has the same answer
 * @last: Last address of it
 * @level: Of the leaf
 * @perm: 0 if there is no translation
 * @gpa: Where @first leads
 */
struct oracle_walk {
	u64 first;
	u64 last;
	unsigned int level;
	unsigned int perm;
	u64 gpa;
};

/* Bits that must be zero in a present entry at a level, by bit number. */
static u64 reserved_bits(const struct bench_config *config, unsigned int level,
			 bool leaf)
{
	u64 reserved = 0;

	for (unsigned int bit = config->haw; bit <= 51; bit++)
		reserved |= 1ULL << bit;
	/* SNP and TM: no device-TLBs here */
	reserved |= 1ULL << 62;
	if (!leaf)
		return reserved | 1ULL << 11;
	if (!config->snoop)
		reserved |= 1ULL << 11;
	if (level == 2)
		reserved |= 0x1ff000;
	if (level == 3)
		reserved |= 0x3ffff000;
	return reserved;
}

static bool entry_ok(const struct bench_config *config, u64 entry,
		     unsigned int level, bool *leaf)
{
	*leaf = level == 1 || (entry & SS_PS);
	if (level > 1 && *leaf && !(config->leaf_levels & (1U << level)))
		return false;
	return !(entry & reserved_bits(config, level, *leaf));
}

static u64 beyond(const struct bench_config *config)
{
	return 1ULL << min(config->mgaw, 12 + 9 * config->levels);
}

/* Extends an empty entry over the ones behind it that are, too. */
static void skip_empty(const u64 *table, struct oracle_walk *hit,
		       unsigned int shift, u64 limit)
{
	unsigned int index = hit->first >> shift & 0x1ff;

	while (++index < 512 && !table[index] && hit->last < limit)
		hit->last = min(hit->last + (1ULL << shift), limit);
}

static void walk(struct bench *b, u64 iova, struct oracle_walk *hit)
{
	u64 table = b->domain.root;
	unsigned int level = b->config.levels;
	unsigned int perm = 3;
	unsigned int all;
	struct page *page;
	bool leaf;
	u64 entry;

	*hit = (struct oracle_walk){ .first = 0,
				     .last = beyond(&b->config) - 1 };
	if (iova > hit->last) {
		hit->first = hit->last + 1;
		hit->last = U64_MAX;
		return;
	}

	for (;; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		page = fake_mem_page(&b->mem, table, &all);
		if (!page)
			return;
		entry = ((u64 *)page_address(page))[iova >> shift & 0x1ff];

		hit->first = iova >> shift << shift;
		hit->last = min(hit->first + (1ULL << shift) - 1,
				beyond(&b->config) - 1);
		perm &= entry & 3;
		if (!entry)
			skip_empty(page_address(page), hit, shift,
				   beyond(&b->config) - 1);
		if (!perm || !entry_ok(&b->config, entry, level, &leaf))
			return;
		if (leaf)
			break;
		table = entry & 0x000ffffffffff000ULL;
	}
	hit->level = level;
	hit->perm = perm;
	hit->gpa = entry & 0x000ffffffffff000ULL;
}

/**
 * struct oracle - A check
 * @b: What is checked
 * @mode: How
 * @untouched: Leaves that did not change must not have been touched
 */
struct oracle {
	struct bench *b;
	enum oracle_mode mode;
	bool untouched;
};

static bool is_old(const struct oracle *o, const struct fake_leaf *leaf)
{
	return leaf->stamp <= o->b->stamp;
}

/* Whether a leaf need not be what the guest's tables say now. */
static bool may_be_old(const struct oracle *o, const struct fake_leaf *leaf)
{
	return (o->mode == ORACLE_OUTSIDE || o->mode == ORACLE_REVOKED) &&
	       is_old(o, leaf);
}

/* Nothing may be mapped there. */
static bool check_absent(const struct oracle *o, u64 first, u64 last)
{
	struct fake_leaf *leaf;

	while (first <= last) {
		leaf = fake_tree_next(&o->b->host.leaves, first);
		if (!leaf || leaf->iova > last)
			return true;
		if (!may_be_old(o, leaf)) {
			KUNIT_FAIL(o->b->test,
				   "%llx..%llx is mapped in %llx..%llx",
				   leaf->iova, leaf->last, first, last);
			return false;
		}
		first = leaf->last + 1;
	}
	return true;
}

static bool same_guest_leaf(const struct fake_leaf *leaf,
			    const struct oracle_walk *hit)
{
	return leaf->checked && leaf->guest_iova == hit->first &&
	       leaf->guest_gpa == hit->gpa && leaf->guest_level == hit->level &&
	       leaf->guest_perm == hit->perm;
}

/* Nothing is mapped at @iova, where something should be. */
static bool check_missing(const struct oracle *o, u64 iova)
{
	if (o->mode == ORACLE_SUBSET || o->mode == ORACLE_REVOKED)
		return true;
	/* Not asked for, and was not there before either */
	if (o->mode == ORACLE_OUTSIDE &&
	    !fake_tree_find(&o->b->host.removed, iova))
		return true;
	KUNIT_FAIL(o->b->test, "%llx is not mapped, should be", iova);
	return false;
}

/* The leaf at @iova has to lead to @pa and be within the guest's leaf. */
static bool check_leaf(const struct oracle *o, struct fake_leaf *leaf, u64 iova,
		       phys_addr_t pa, int prot, const struct oracle_walk *hit)
{
	const struct fake_leaf *before =
		fake_tree_find(&o->b->host.removed, iova);
	bool right = leaf->pa + (iova - leaf->iova) == pa && leaf->prot == prot;

	if (may_be_old(o, leaf))
		return true;
	if (!right) {
		KUNIT_FAIL(o->b->test, "%llx leads to %pa prot %d, not %pa %d",
			   iova, &leaf->pa, leaf->prot, &pa, prot);
		return false;
	}
	if (leaf->iova < hit->first || leaf->last > hit->last) {
		KUNIT_FAIL(o->b->test,
			   "host page %llx..%llx not in leaf %llx..%llx",
			   leaf->iova, leaf->last, hit->first, hit->last);
		return false;
	}
	if (o->untouched && !is_old(o, leaf) && before &&
	    same_guest_leaf(before, hit)) {
		KUNIT_FAIL(o->b->test, "unchanged leaf %llx was touched", iova);
		return false;
	}
	leaf->checked = true;
	leaf->guest_iova = hit->first;
	leaf->guest_gpa = hit->gpa;
	leaf->guest_level = hit->level;
	leaf->guest_perm = hit->perm;
	return true;
}

/* [first, last] lead to contiguous host memory at @pa. */
static bool check_extent(const struct oracle *o, u64 first, u64 last,
			 phys_addr_t pa, int prot,
			 const struct oracle_walk *hit)
{
	u64 iova = first;

	while (iova <= last) {
		struct fake_leaf *leaf =
			fake_tree_find(&o->b->host.leaves, iova);
		u64 next = iova + SZ_PAGE;

		if (!leaf) {
			if (!check_missing(o, iova))
				return false;
		} else {
			if (!check_leaf(o, leaf, iova, pa + (iova - first),
					prot, hit))
				return false;
			next = leaf->last + 1;
		}
		iova = next;
	}
	return true;
}

/* What guest and memory permit, as far as the host can express it */
static unsigned int permitted(struct bench *b, unsigned int perm,
			      unsigned int mem_perm)
{
	bool intel = b->config.host == FAKE_HOST_INTEL ||
		     b->config.host == FAKE_HOST_INTEL_PT;

	return intel && mem_perm == SS_W ? 0 : perm & mem_perm;
}

/* The guest maps [first, last]; memory has its own say. */
static bool check_present(const struct oracle *o, u64 first, u64 last,
			  const struct oracle_walk *hit)
{
	u64 gpa = hit->gpa + (first - hit->first);
	unsigned int perm, mem_perm;
	phys_addr_t pa;
	bool ok;
	u64 size;

	while (first <= last) {
		size = fake_mem_extent(&o->b->mem, gpa, last - first + 1, &pa,
				       &mem_perm);
		perm = pa ? permitted(o->b, hit->perm, mem_perm) : 0;
		ok = perm ? check_extent(o, first, first + size - 1, pa,
					 (perm & SS_R ? IOMMU_READ : 0) |
						 (perm & SS_W ? IOMMU_WRITE :
								0),
					 hit) :
			    check_absent(o, first, first + size - 1);
		if (!ok)
			return false;
		first += size;
		gpa += size;
	}
	return true;
}

static bool is_interrupt(u64 iova)
{
	return iova >= 0xfee00000 && iova <= 0xfeefffff;
}

/* TRANSLATE answers from the mirror. */
static bool check_lookup(const struct oracle *o, u64 iova,
			 const struct oracle_walk *hit)
{
	u64 gpa = hit->gpa + (iova - hit->first);
	unsigned int mem_perm, perm = hit->perm;
	struct vtds_leaf leaf;

	if (!perm || is_interrupt(iova) ||
	    !fake_mem_page(&o->b->mem, gpa, &mem_perm) ||
	    !permitted(o->b, perm, mem_perm))
		perm = 0;
	vtds_mirror_lookup(&o->b->domain, iova, &leaf);
	if (leaf.perm == perm && !leaf.perm == !!leaf.reason &&
	    (!perm || (leaf.gpa == gpa && leaf.level == hit->level)))
		return true;
	KUNIT_FAIL(o->b->test,
		   "look-up of %llx: %llx perm %u level %u reason %u", iova,
		   leaf.gpa, leaf.perm, leaf.level, leaf.reason);
	return false;
}

/* One region of one answer, without its interrupts. */
static bool check_region(const struct oracle *o, u64 first, u64 last,
			 const struct oracle_walk *hit)
{
	bool ok;

	if (o->mode == ORACLE_EXACT && !check_lookup(o, first, hit))
		return false;
	if (!hit->perm)
		return check_absent(o, first, last);
	if (first > 0xfeefffff || last < 0xfee00000)
		return check_present(o, first, last, hit);

	ok = check_absent(o, max(first, 0xfee00000ULL),
			  min(last, 0xfeefffffULL));
	if (ok && first < 0xfee00000)
		ok = check_present(o, first, 0xfedfffff, hit);
	if (ok && last > 0xfeefffff)
		ok = check_present(o, max(first, 0xfef00000ULL), last, hit);
	return ok;
}

/**
 * oracle_check() - Compare what the host maps with the guest's tables
 * @b: The bench
 * @first: First address
 * @last: Last address
 * @mode: What may differ
 * @untouched: Whether leaves that did not change must not have been touched
 *
 * Return: whether it was as it should be; only the first fault is reported.
 */
bool oracle_check(struct bench *b, u64 first, u64 last, enum oracle_mode mode,
		  bool untouched)
{
	struct oracle o = { .b = b, .mode = mode, .untouched = untouched };
	struct oracle_walk hit;
	u64 until;

	for (;;) {
		walk(b, first, &hit);
		until = min(hit.last, last);
		if (!check_region(&o, first, until, &hit))
			return false;
		if (until == last)
			return true;
		first = until + 1;
	}
}

void oracle_check_all(struct bench *b)
{
	oracle_check(b, 0, U64_MAX, ORACLE_EXACT, true);
}

static bool check_mapped_leaf(const struct oracle *o,
			      const struct fake_leaf *leaf)
{
	struct oracle_walk hit;
	u64 iova = leaf->iova;

	while (iova <= leaf->last) {
		walk(o->b, iova, &hit);
		if (!check_region(o, iova, min(hit.last, leaf->last), &hit))
			return false;
		iova = hit.last + 1;
	}
	return true;
}

/*
 * As ORACLE_SUBSET, but asks only for what is mapped: for tables that describe
 * more than anyone can walk.
 */
bool oracle_check_mapped(struct bench *b)
{
	struct oracle o = { .b = b, .mode = ORACLE_SUBSET, .untouched = true };
	struct rb_node *node;

	for (node = rb_first(&b->host.leaves); node; node = rb_next(node))
		if (!check_mapped_leaf(&o,
				       rb_entry(node, struct fake_leaf, node)))
			return false;
	return true;
}

/* Nothing that is mapped may lead to [first, last] in guest memory. */
void oracle_check_gone(struct bench *b, u64 first, u64 last)
{
	struct rb_node *node;

	for (node = rb_first(&b->host.leaves); node; node = rb_next(node)) {
		struct fake_leaf *leaf = rb_entry(node, struct fake_leaf, node);
		u64 gpa = leaf->guest_gpa + (leaf->iova - leaf->guest_iova);

		if (leaf->checked && gpa <= last &&
		    gpa + (leaf->last - leaf->iova) >= first)
			KUNIT_FAIL(b->test, "%llx still leads to %llx",
				   leaf->iova, gpa);
	}
}
