// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest may write to root, context, PASID directory and PASID entries: mostly what
 * makes sense, now and then anything. For contexts.c, which decides where and when.
 */
#include "random.h"

/* --- Values --- */

static void clear(__u64 *entry, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		entry[i] = 0;
}

/* A bit from @low to @high */
__u64 random_bit(struct vtds_random *r, unsigned int low, unsigned int high)
{
	return 1ULL << (low + random_below(r, high + 1 - low));
}

static __u64 bit_above_haw(struct vtds_random *r)
{
	return random_bit(r, r->model.caps.haw, 63);
}

static __u16 some_did(struct vtds_random *r, const struct model_page *top)
{
	unsigned int kind = random_below(r, 100);

	if (kind < 70)
		return 2 + (top - r->model.page) % 3;
	if (kind < 95)
		return random_below(r, 6);
	return random_number(r);
}

/* PASIDs of requests without one: in two PASID tables and in no directory */
__u32 random_pasid(struct vtds_random *r)
{
	static const __u32 pasids[] = { 0, 0, 0, 3, 3, 70, 8195 };

	return r->model.caps.rid_pasid ? pasids[random_below(r, 7)] : 0;
}

/* A pointer to a page for @use with the present bit */
__u64 random_pointer(struct vtds_random *r, unsigned int use)
{
	__u64 entry = random_page_for(r, use)->gpa | 1;

	switch (random_below(r, 20)) {
	case 0:
		return 0;
	case 1:
		return entry & ~1ULL;
	case 2:
		return entry | random_bit(r, 1, 11);
	case 3:
		return NOWHERE_GPA | 1;
	case 4:
		return random_page(r)->gpa | 1;
	case 5:
		return entry | (random_chance(r, 20) ? bit_above_haw(r) : 0);
	}
	return entry;
}

/* --- Legacy mode --- */

static void break_context(struct vtds_random *r, __u64 *entry)
{
	switch (random_below(r, 6)) {
	case 0:
		entry[0] |= CTX_TT(random_below(r, 4));
		break;
	case 1:
		entry[1] = (entry[1] & ~7ULL) | random_below(r, 8);
		break;
	case 2:
		entry[0] |= random_bit(r, 4, 11);
		break;
	case 3:
		entry[1] |= random_chance(r, 20) ? 1 << 7 :
						   random_bit(r, 24, 63);
		break;
	case 4:
		entry[0] |= bit_above_haw(r);
		break;
	case 5:
		entry[0] = (entry[0] & 0xfff) | random_page(r)->gpa;
		break;
	}
}

void random_good_context(struct vtds_random *r, const struct model_page *top,
			 __u64 *entry)
{
	entry[0] = top->gpa | CTX_P;
	entry[1] = CTX_AW(random_use(r, top)) | CTX_DID(some_did(r, top));
}

void random_context(struct vtds_random *r, __u64 *entry)
{
	unsigned int kind = random_below(r, 100);

	random_good_context(r, random_top(r), entry);
	if (random_chance(r, 10))
		entry[0] |= CTX_FPD;
	/* Ignored */
	if (random_chance(r, 5))
		entry[1] |= random_bit(r, 3, 6);
	if (kind < 8)
		entry[0] |= CTX_TT_PASS_THROUGH;
	else if (kind < 14)
		entry[0] &= ~CTX_P;
	else if (kind < 16)
		clear(entry, 2);
	else if (kind < 26)
		break_context(r, entry);
}

/* --- Scalable mode --- */

void random_sm_context(struct vtds_random *r, __u64 *entry)
{
	unsigned int kind = random_below(r, 100);

	entry[0] = random_pointer(r, FOR_DIRECTORY) & ~0xffeULL;
	entry[0] |= (__u64)random_below(r, 3) << 9;
	entry[1] = random_pasid(r);
	entry[2] = 0;
	entry[3] = 0;
	if (random_chance(r, 10))
		entry[0] |= 1 << 1;
	if (random_chance(r, 50))
		entry[0] |= SM_CTX_PASIDE;
	if (kind < 2)
		entry[0] |= random_bit(r, 5, 8);
	else if (kind < 4)
		entry[1] |= random_bit(r, 21, 63);
	else if (kind < 5)
		entry[2 + random_below(r, 2)] = random_number(r);
}

static void break_pasid(struct vtds_random *r, __u64 *entry)
{
	switch (random_below(r, 7)) {
	case 0:
		entry[0] = (entry[0] & ~PASID_PGTT_MASK) |
			   PASID_PGTT(random_below(r, 8));
		break;
	case 1:
		entry[0] = (entry[0] & ~0x1cULL) | random_below(r, 8) << 2;
		break;
	case 2:
		entry[0] |= random_chance(r, 30) ? 1 << 5 :
						   random_bit(r, 9, 11);
		break;
	case 3:
		entry[1] |= random_bit(r, 16, 22);
		break;
	case 4:
		entry[0] |= bit_above_haw(r);
		break;
	case 5:
		entry[0] = (entry[0] & 0xfff) | random_page(r)->gpa;
		break;
	case 6:
		entry[3 + random_below(r, 5)] = random_bit(r, 0, 63);
		break;
	}
}

void random_good_pasid_entry(struct vtds_random *r,
			     const struct model_page *top, __u64 *entry)
{
	clear(entry, 8);
	entry[0] = top->gpa | PASID_PGTT(PGTT_SECOND_STAGE) |
		   PASID_AW(random_use(r, top)) | PASID_P;
	entry[1] = some_did(r, top);
}

void random_pasid_entry(struct vtds_random *r, __u64 *entry)
{
	unsigned int kind = random_below(r, 100);

	random_good_pasid_entry(r, random_top(r), entry);
	if (random_chance(r, 10))
		entry[0] |= 1 << 1;
	/* Of the first stage, ignored */
	if (random_chance(r, 5))
		entry[2] = random_number(r);
	if (kind < 8)
		entry[0] = (entry[0] & ~PASID_PGTT_MASK) |
			   PASID_PGTT(PGTT_PASS_THROUGH);
	else if (kind < 14)
		entry[0] &= ~1ULL;
	else if (kind < 16)
		clear(entry, 2);
	else if (kind < 26)
		break_pasid(r, entry);
}
