// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks over the guest's tables, written from the VT-d specification and not from the
 * engine: where requests of a source-id go, and where an address leads. Whoever reads a
 * table may read each word at another moment; so these ask what may have been read since
 * some time.
 */
#include "kernel.h"
#include "fuzz.h"

struct regs regs;

#define ADDRESS 0x000ffffffffff000ULL
#define BITS(h, l) ((~0ULL << (l)) & (~0ULL >> (63 - (h))))

/* Whether a page may ever have been read */
static bool is_readable(u64 gpa)
{
	return memory_static_perm(gpa) & MEM_R;
}

/* Whether it is there now */
static bool is_present(u64 gpa)
{
	unsigned int perm;

	return memory_frame(gpa, &perm) != NO_FRAME;
}

static u64 beyond_haw(void)
{
	return regs.haw > 63 ? 0 : ~0ULL << regs.haw;
}

static bool has_scalable(void)
{
	return regs.ecap >> 43 & 1;
}

/* --- Paging entries, section 9.8 --- */

static u64 size_of(unsigned int level)
{
	return 1ULL << (12 + 9 * (level - 1));
}

static bool is_leaf(u64 entry, unsigned int level)
{
	return level == 1 || (entry & 0x80);
}

static bool is_malformed(u64 entry, unsigned int level)
{
	bool leaf = is_leaf(entry, level);
	bool snoop = (regs.ecap >> 7 & 1) || has_scalable();
	bool tlb = regs.ecap >> 2 & 1;

	if (entry & ADDRESS & beyond_haw())
		return true;
	if ((entry >> 11 & 1) && !(leaf && snoop))
		return true;
	if ((entry >> 62 & 1) && !(leaf && tlb))
		return true;
	if (level == 1 || !leaf)
		return false;
	if (level > 3 || !(regs.cap >> (32 + level) & 1))
		return true;
	return entry & ADDRESS & (size_of(level) - 1);
}

static u64 slot(u64 table, unsigned int level, u64 iova)
{
	return table + (iova / size_of(level) % 512) * 8;
}

struct search {
	u64 iova;
	u64 since;
	u64 gpa;
	unsigned int perm;
	unsigned int steps;
};

static bool leads(struct search *s, u64 table, unsigned int level)
{
	u64 values[MAX_VALUES];
	unsigned int nr;

	/* Too much to say that it does not */
	if (s->steps++ > 2000)
		return true;
	if (!is_readable(table))
		return false;
	nr = guest_values(slot(table, level, s->iova), s->since, values);
	if (nr > MAX_VALUES)
		return true;
	for (unsigned int i = 0; i < nr; i++) {
		u64 entry = values[i], to = entry & ADDRESS;

		if ((entry & s->perm) != s->perm || is_malformed(entry, level))
			continue;
		if (is_leaf(entry, level) &&
		    to + (s->iova & (size_of(level) - 1)) == s->gpa)
			return true;
		if (!is_leaf(entry, level) && leads(s, to, level - 1))
			return true;
	}
	return false;
}

/**
 * walk_may_lead() - Whether the guest's tables have led an address to a page
 * @root: Top table
 * @levels: Levels
 * @iova: The address
 * @since: At some time from then on
 * @gpa: Where to
 * @perm: With at least this permission
 */
bool walk_may_lead(u64 root, unsigned int levels, u64 iova, u64 since, u64 gpa,
		   unsigned int perm)
{
	struct search s = { iova, since, gpa, perm };
	unsigned int mgaw = (regs.cap >> 16 & 0x3f) + 1;

	if (iova >> min(mgaw, 12 + 9 * levels))
		return false;
	return leads(&s, root, levels);
}

struct tour {
	u64 (*since)(u64 iova, void *arg);
	void (*leaf)(const struct walk_leaf *leaf, void *arg);
	void *arg;
	unsigned int tables;
};

static bool visit(struct tour *t, u64 table, unsigned int level, u64 base,
		  unsigned int perm)
{
	u64 values[MAX_VALUES], width = (regs.cap >> 16 & 0x3f) + 1;

	if (t->tables++ > 128)
		return false;
	if (!is_readable(table) || !is_present(table))
		return true;
	for (unsigned int i = 0; i < 512; i++) {
		u64 iova = base + i * size_of(level),
		    entry = memory_read(table + i * 8);
		struct walk_leaf leaf = { iova, size_of(level), entry & ADDRESS,
					  entry & perm };

		if (iova >> width)
			break;
		if (!(entry & perm) || is_malformed(entry, level))
			continue;
		/* It has been so since it was announced, all the way */
		if (guest_values(table + i * 8, t->since(iova, t->arg),
				 values) != 1)
			continue;
		if (is_leaf(entry, level))
			t->leaf(&leaf, t->arg);
		else if (!visit(t, entry & ADDRESS, level - 1, iova,
				entry & perm))
			return false;
	}
	return true;
}

/**
 * walk_all() - Visit all leaves that are as they were announced
 * @root: Top table
 * @levels: Levels
 * @since: When an address was announced
 * @leaf: Called with each leaf
 * @arg: Passed on
 *
 * Return: false if there are too many tables.
 */
bool walk_all(u64 root, unsigned int levels, u64 (*since)(u64 iova, void *arg),
	      void (*leaf)(const struct walk_leaf *leaf, void *arg), void *arg)
{
	struct tour t = { since, leaf, arg };

	return visit(&t, root, levels, 0, MEM_RW);
}

/* --- Where requests go --- */

/* The values that a word may have had, one after the other in each way to read all */
struct reader {
	u64 since;
	unsigned int choice[20];
	unsigned int limit[20];
	unsigned int depth;
	bool too_many;
	bool stable;
};

static u64 read_word(struct reader *r, u64 gpa)
{
	u64 values[MAX_VALUES];
	unsigned int nr, at = r->depth++;

	if (!is_readable(gpa) || at >= ARRAY_SIZE(r->choice))
		return 0;
	nr = guest_values(gpa, r->since, values);
	if (nr > MAX_VALUES) {
		r->too_many = true;
		nr = MAX_VALUES;
	}
	r->stable &= nr == 1 && is_present(gpa);
	r->limit[at] = nr;
	return values[min(r->choice[at], nr - 1)];
}

/* Goes on to the next way to read all of it. Returns whether there is one. */
static bool next_way(struct reader *r)
{
	unsigned int depth =
		min_t(unsigned int, r->depth, ARRAY_SIZE(r->choice));

	r->depth = 0;
	while (depth--) {
		if (++r->choice[depth] < max(r->limit[depth], 1u))
			return true;
		r->choice[depth] = 0;
		r->limit[depth] = 0;
	}
	return false;
}

static const struct place blocked = { BLOCKED };

static u16 did_of(u64 did)
{
	return did & ((1U << (4 + 2 * (regs.cap & 7))) - 1);
}

static bool has_levels(unsigned int levels)
{
	return levels >= 3 && levels <= 5 && (regs.cap >> (6 + levels) & 1);
}

/* Sections 9.1 and 9.3 */
static struct place read_legacy(struct reader *r, u16 sid)
{
	u64 root = (regs.rtaddr & ~0xfffULL) + (sid >> 8) * 16;
	u64 lo, hi, context;
	unsigned int tt;

	if (regs.rtaddr & ~0xfffULL & beyond_haw())
		return blocked;
	lo = read_word(r, root);
	hi = read_word(r, root + 8);
	if (!(lo & 1) || (lo & (BITS(11, 1) | beyond_haw())) || hi)
		return blocked;
	context = (lo & ADDRESS) + (sid & 0xff) * 16;
	lo = read_word(r, context);
	hi = read_word(r, context + 8);
	if (!(lo & 1) || (lo & (BITS(11, 4) | beyond_haw())) ||
	    (hi & (BITS(63, 24) | BITS(7, 7))) || !has_levels((hi & 7) + 2))
		return blocked;
	tt = lo >> 2 & 3;
	if (tt == 2 && (regs.ecap >> 6 & 1))
		return (struct place){ IDENTITY, .did = did_of(hi >> 8) };
	if (tt > 1 || (tt == 1 && !(regs.ecap >> 2 & 1)))
		return blocked;
	return (struct place){ SHADOW, lo & ADDRESS, (hi & 7) + 2,
			       did_of(hi >> 8) };
}

/* Section 9.6 */
static struct place read_pasid_entry(struct reader *r, u64 at)
{
	u64 lo = read_word(r, at), mid = read_word(r, at + 8), rest = 0;
	unsigned int levels = (lo >> 2 & 7) + 2, type = lo >> 6 & 7;

	for (unsigned int i = 3; i < 8; i++)
		rest |= read_word(r, at + i * 8);
	if (!(lo & 1) || (lo & (BITS(11, 9) | BITS(5, 5) | beyond_haw())) ||
	    (mid & BITS(22, 16)) || rest || !has_levels(levels))
		return blocked;
	if (type == 4 && (regs.ecap >> 6 & 1))
		return (struct place){ IDENTITY, .did = did_of(mid & 0xffff) };
	if (type != 2 || !(regs.ecap >> 46 & 1))
		return blocked;
	return (struct place){ SHADOW, lo & ADDRESS, levels,
			       did_of(mid & 0xffff) };
}

/* Sections 9.2, 9.4 and 9.5 */
static struct place read_scalable(struct reader *r, u16 sid, u32 pasid)
{
	u64 root = (regs.rtaddr & ~0xfffULL) + (sid >> 8) * 16 +
		   (sid >> 7 & 1) * 8;
	u64 word, context, words[4];
	u32 rid = 0;

	if (regs.rtaddr & ~0xfffULL & beyond_haw())
		return blocked;
	word = read_word(r, root);
	if (!(word & 1) || (word & (BITS(11, 1) | beyond_haw())))
		return blocked;
	context = (word & ADDRESS) + (sid & 0x7f) * 32;
	for (unsigned int i = 0; i < 4; i++)
		words[i] = read_word(r, context + i * 8);
	if (!(words[0] & 1) || (words[0] & (BITS(8, 5) | beyond_haw())) ||
	    (words[1] & BITS(63, 21)) || words[2] || words[3])
		return blocked;
	if (regs.ecap >> 49 & 1)
		rid = words[1] & 0xfffff;
	if (pasid == NO_PASID)
		pasid = rid;
	else if (!(regs.ecap >> 40 & 1) || !(words[0] & 8) || pasid == rid)
		return blocked;
	if (pasid >> 6 >= 1U << ((words[0] >> 9 & 7) + 7))
		return blocked;
	word = read_word(r, (words[0] & ADDRESS) + (pasid >> 6) * 8);
	if (!(word & 1) || (word & (BITS(11, 2) | beyond_haw())))
		return blocked;
	return read_pasid_entry(r, (word & ADDRESS) + (pasid & 63) * 64);
}

static struct place read_place(struct reader *r, u16 sid, u32 pasid)
{
	unsigned int mode = regs.rtaddr >> 10 & 3;

	if (!regs.known || !regs.te)
		return pasid == NO_PASID ? (struct place){ IDENTITY } : blocked;
	if (mode == 0)
		return pasid == NO_PASID ? read_legacy(r, sid) : blocked;
	if (mode == 1 && has_scalable())
		return read_scalable(r, sid, pasid);
	return blocked;
}

/**
 * place_may_be() - Whether requests may have been sent to a place
 * @sid: Source-id
 * @pasid: PASID, or NO_PASID
 * @since: At some time from then on
 * @place: The place; its domain-id does not count
 */
bool place_may_be(u16 sid, u32 pasid, u64 since, const struct place *place)
{
	struct reader r = { .since = since };
	unsigned int ways = 0;

	do {
		struct place p = read_place(&r, sid, pasid);

		if (p.where == place->where &&
		    (p.where != SHADOW ||
		     (p.root == place->root && p.levels == place->levels)))
			return true;
	} while (next_way(&r) && !r.too_many && ways++ < 5000);
	return r.too_many || ways >= 5000;
}

/* Where they go by what is in memory now, and whether it has been so since */
struct place place_now(u16 sid, u32 pasid, u64 since, bool *stable)
{
	struct reader r = { .since = since, .stable = true };
	struct place place = read_place(&r, sid, pasid);

	*stable = r.stable;
	return place;
}
