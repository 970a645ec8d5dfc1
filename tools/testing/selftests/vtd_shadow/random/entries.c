// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random numbers, and what a guest may write to second-stage tables: mostly what
 * makes sense, now and then anything.
 */
#include "random.h"

/* --- Random numbers: splitmix64 --- */

__u64 random_number(struct vtds_random *r)
{
	__u64 z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

unsigned int random_below(struct vtds_random *r, unsigned int limit)
{
	return (random_number(r) >> 32) * limit >> 32;
}

bool random_chance(struct vtds_random *r, unsigned int percent)
{
	return random_below(r, 100) < percent;
}

/* --- Pages --- */

/* What a page is meant for; it may well be used otherwise */
unsigned int random_use(struct vtds_random *r, const struct model_page *page)
{
	return r->use[page - r->model.page];
}

struct model_page *random_page(struct vtds_random *r)
{
	return &r->model.page[random_below(r, r->model.nr_pages)];
}

/* A page for a table of level @use, or whatever else; there is one for each */
struct model_page *random_page_for(struct vtds_random *r, unsigned int use)
{
	for (;;) {
		struct model_page *page = random_page(r);

		if (random_use(r, page) == use &&
		    (!r->is_top[page - r->model.page] || random_chance(r, 10)))
			return page;
	}
}

struct model_page *random_top(struct vtds_random *r)
{
	for (;;) {
		struct model_page *page = random_page(r);

		if (r->is_top[page - r->model.page])
			return page;
	}
}

/* --- Targets of leaves --- */

static __u64 small_target(struct vtds_random *r)
{
	static const unsigned int pieces[] = { 0, 1, 255, 256, 257, 511 };
	unsigned int kind = random_below(r, 100);

	if (kind < 50)
		return FIXED_GPA +
		       (FIXED_DATA + random_below(r, FIXED_NR_DATA)) * SZ_4K;
	if (kind < 75)
		return SMALL_GPA + random_below(r, 24) * SZ_4K;
	if (kind < 85)
		return PIECES_GPA + pieces[random_below(r, 6)] * SZ_4K;
	if (kind < 90)
		return WHOLE_GPA + random_below(r, 512) * SZ_4K;
	if (kind < 94)
		return NOWHERE_GPA + random_below(r, 512) * SZ_4K;
	if (kind < 97)
		return random_page(r)->gpa;
	if (kind < 99)
		return GIGA_GPA + random_below(r, 4) * 511 * SZ_4K;
	return 0xfee00000;
}

/*
 * Memory that is not there costs the driver a try for each of its pages, at every
 * sync again: rare.
 */
static __u64 target_2m(struct vtds_random *r)
{
	unsigned int kind = random_below(r, 100);

	if (kind < 48)
		return WHOLE_GPA;
	if (kind < 92)
		return PIECES_GPA;
	if (kind < 97)
		return FIXED_GPA;
	if (kind < 99)
		return r->giga ? GIGA_GPA + random_below(r, 3) * SZ_2M :
				 PIECES_GPA;
	return NOWHERE_GPA;
}

/* --- Paging entries --- */

static __u64 permissions(struct vtds_random *r)
{
	unsigned int kind = random_below(r, 100);

	return kind < 76 ? SS_RW : kind < 88 ? SS_R : kind < 96 ? SS_W : 0;
}

/* Bits that mean nothing, in a leaf or in a pointer to a table */
static __u64 noise(struct vtds_random *r, bool leaf, unsigned int level)
{
	__u64 mask = 0xbff0000000000704;

	if (!random_chance(r, 25))
		return 0;
	mask |= leaf ? 0x78 : 0;
	mask |= level == 1 ? SS_PS : 0;
	return random_number(r) & mask;
}

static __u64 reserved_bit(struct vtds_random *r, unsigned int level)
{
	switch (random_below(r, 4)) {
	case 0:
		return 1ULL << (r->model.caps.haw +
				random_below(r, 52 - r->model.caps.haw));
	case 1:
		return 1ULL << 11;
	case 2:
		return 1ULL << 62;
	default:
		return level > 3 ? SS_PS : 0;
	}
}

static __u64 leaf(struct vtds_random *r, unsigned int level)
{
	__u64 target = level == 1 ? small_target(r) :
		       level == 2 ? target_2m(r) :
				    GIGA_GPA;

	if (level > 1) {
		target |= SS_PS;
		/* Not aligned, now and then */
		if (random_chance(r, 2))
			target |= SZ_4K << random_below(r, 9 * (level - 1));
	}
	return target | permissions(r) | noise(r, true, level);
}

static __u64 pointer(struct vtds_random *r, unsigned int level)
{
	struct model_page *table = random_chance(r, 3) ?
					   random_page(r) :
					   random_page_for(r, level - 1);
	__u64 gpa = table->gpa;

	if (random_chance(r, 2))
		gpa = NOWHERE_GPA;
	return gpa | permissions(r) | noise(r, false, level);
}

/* An entry for a table of @level */
__u64 random_entry(struct vtds_random *r, unsigned int level)
{
	unsigned int kind = random_below(r, 100);
	__u64 entry;

	if (kind < 15)
		return 0;
	if (kind < 18)
		return random_number(r) & ~SS_RW;
	if (level > 1 && (kind < 70 || (level > 3 && kind < 98)))
		entry = pointer(r, level);
	else
		entry = leaf(r, level);
	if (random_chance(r, 4))
		entry |= reserved_bit(r, level);
	return entry;
}

/* What an entry becomes with a small change, as no driver makes it */
__u64 random_change(struct vtds_random *r, __u64 entry, unsigned int level)
{
	switch (random_below(r, 5)) {
	case 0:
		return entry ^ SS_R;
	case 1:
		return entry ^ SS_W;
	case 2:
		return entry ^ noise(r, level == 1 || (entry & SS_PS), level);
	case 3:
		return entry ^
		       1ULL << (random_chance(r, 90) ? random_below(r, 12) :
						       random_below(r, 64));
	default:
		return entry & ~SS_RW;
	}
}
