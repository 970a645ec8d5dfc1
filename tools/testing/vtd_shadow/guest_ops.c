// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest does in a program: it writes tables, contexts and descriptors. All operands
 * are small numbers of things that there are. Serves program.c.
 */
#include "kernel.h"
#include <linux/vtd_shadow.h>
#include "fuzz.h"

/* Descriptors that were written and not yet handed over */
struct descs pending;

/* --- Tables of the guest --- */

static unsigned int index_of(unsigned int code)
{
	static const u16 special[] = { 0,   1,	 2,   3,   4,	5,   254,
				       255, 256, 257, 503, 504, 510, 511 };

	return code < 64 ? special[code % ARRAY_SIZE(special)] : code * 2 % 512;
}

/* What an entry may be: target and bits are operands. */
static u64 entry_of(unsigned int kind, unsigned int arg, unsigned int bits)
{
	static const u64 large[] = {
		0x40000000, 0x40000000, 0x200000,   0x400000,	0x600000,
		0x800000,   0x0,	0xfee00000, 0x1000000,	0x7fe00000,
		0xc0000000, 0xa00000,	0xc00000,   0x41000000,
	};
	u64 perm = bits & 3 ?: 3, entry;

	switch (kind % 8) {
	case 0:
		return 0;
	case 1:
	case 2:
		entry = guest_table(arg) | perm;
		break;
	case 3:
	case 4:
		entry = memory_pick(arg) | perm;
		break;
	case 5:
	case 6:
		entry = large[arg % ARRAY_SIZE(large)] | perm | 0x80;
		break;
	default:
		entry = memory_pick(arg) | (bits & 3);
	}
	switch (bits >> 2 & 15) {
	case 9:
		entry |= BIT_ULL(11);
		break;
	case 10:
		entry |= BIT_ULL(62);
		break;
	case 11:
		entry |= BIT_ULL(45);
		break;
	case 12:
		entry ^= 0x80;
		break;
	case 13:
		entry |= BIT_ULL(2) | BIT_ULL(52);
		break;
	case 14:
		entry |= BIT_ULL(50);
		break;
	}
	return entry;
}

void op_entry(const u8 *o)
{
	guest_write(guest_table(o[0]) + index_of(o[1]) * 8,
		    entry_of(o[2], o[3], o[4]));
}

/* A run of entries that lead to one page after the other, to one, or nowhere */
void op_fill(const u8 *o)
{
	static const u16 counts[] = { 2, 5, 8, 64, 200, 256, 300, 512 };
	unsigned int start = index_of(o[1]), count = counts[o[4] >> 5];
	u64 entry = entry_of(o[2], o[3], o[4] & 3);
	u64 step = o[4] & 4 ? 0 : entry & 0x80 ? CHUNK_SIZE : PAGE_SIZE;

	for (unsigned int i = 0; i < count && start + i < 512; i++)
		guest_write(guest_table(o[0]) + (start + i) * 8,
			    entry ? entry + i * step : 0);
}

/* Tables from a top one down, one after the other, and a leaf in the last one. */
void op_path(const u8 *o)
{
	unsigned int top = o[0] % 24, levels = 3 + o[1] % 3,
		     index = index_of(o[2]);
	unsigned int down = o[1] / 3 % levels;
	unsigned int level = levels;

	for (unsigned int t = top; level > 1 + (down < 3 ? down : 0);
	     level--, t++)
		guest_write(guest_table(t) + (level == 2 ? index_of(o[2] / 2) :
							   index % 4) *
						     8,
			    guest_table(t + 1) | (o[4] & 3 ?: 3));
	guest_write(guest_table(top + levels - level) + index * 8,
		    entry_of(level > 1 ? 5 : 3, o[3], o[4]));
}

/* Only the permissions of an entry change. */
void op_perm(const u8 *o)
{
	u64 gpa = guest_table(o[0]) + index_of(o[1]) * 8;
	u64 old = memory_read(gpa);

	if (old)
		guest_write(gpa, (old & ~3ULL) | (o[2] & 3));
}

/* A table becomes like another one. */
void op_copy(const u8 *o)
{
	for (unsigned int i = 0; i < 512; i++)
		guest_write(guest_table(o[1]) + i * 8,
			    memory_read(guest_table(o[0]) + i * 8));
}

/* --- Contexts --- */

void op_context(const u8 *o)
{
	unsigned int aw = 1 + o[2] % 3;
	u64 table = guest_table(o[1]), did = o[3] % 8;
	static const u8 types[] = { 0, 0, 0, 0, 2, 1, 3, 0 };
	unsigned int tt = types[o[4] % 8], pgtt = tt == 2 ? 4 : tt == 3 ? 1 : 2;
	u64 present = o[4] / 8 % 8 != 7, fpd = o[4] & 0x40 ? 2 : 0;

	if (o[2] >= 0xf0)
		aw = o[2] % 8;
	guest_set_context(o[0], table | tt << 2 | fpd | present, did << 8 | aw,
			  table | aw << 2 | pgtt << 6 | fpd | present, did);
}

u32 pasid_of(unsigned int code)
{
	static const u32 pasids[] = { 0,  1,   2,   63,	  64,
				      65, 127, 128, 5000, 0xfffff };

	return pasids[code % ARRAY_SIZE(pasids)];
}

void op_pasid(const u8 *o)
{
	unsigned int aw = 1 + o[3] % 3, pgtt = o[4] % 8 == 7 ? 4 :
					       o[4] % 8 == 6 ? 3 :
							       2;
	/* More than a unit may have */
	unsigned int count = o[4] & 0x80 ? 70 : 1;

	for (unsigned int i = 0; i < count; i++)
		guest_set_pasid(o[0], pasid_of(o[1]) + i,
				guest_table(o[2]) | aw << 2 | pgtt << 6 |
					(o[4] / 8 % 8 != 7),
				o[3] / 3 % 8);
}

/* One word of a root, context or PASID structure */
void op_struct(const u8 *o)
{
	static const u16 words[] = { 0,	  1,   2,   3,	 4,   8,  9,
				     16,  17,  18,  32,	 33,  34, 36,
				     256, 511, 498, 288, 289, 510 };
	u64 gpa = guest_struct(o[0]) + words[o[1] % ARRAY_SIZE(words)] * 8;
	u64 old = memory_read(gpa);

	switch (o[2] % 6) {
	case 0:
		guest_write(gpa, 0);
		break;
	case 1:
		guest_write(gpa, old ^ BIT_ULL(o[3] % 64));
		break;
	case 2:
		guest_write(gpa, guest_struct(o[3]) | 1);
		break;
	case 3:
		guest_write(gpa, guest_table(o[3]) | (o[4] & 0xfff));
		break;
	case 4:
		guest_write(gpa, memory_pick(o[3]) | 1 | (o[4] << 1 & 0xe00));
		break;
	case 5:
		guest_write(gpa, (old & ~0xffffULL) | o[3] << 8 | o[4]);
		break;
	}
}

/* --- Descriptors --- */

void desc_push(u64 lo, u64 hi)
{
	const u64 words[4] = { lo, hi };

	if (pending.count < MAX_DESCS)
		memcpy(pending.words[pending.count++], words, sizeof(words));
}

u64 iova_of(unsigned int level3, unsigned int level2, unsigned int level1)
{
	return (u64)(index_of(level3) % 4) << 30 | (u64)index_of(level2) << 21 |
	       (u64)index_of(level1) << 12;
}

void op_desc(const u8 *o)
{
	static const u8 masks[] = { 0, 1, 3, 8, 9, 10, 18, 20, 63, 52, 57 };
	u64 granularity = o[1] % 4, did = o[2] % 8, address, status;

	address = iova_of(o[2] / 8, o[3], o[4]);
	switch (o[0] % 12) {
	case 1:
		desc_push(1 | granularity << 4 | did << 16 |
				  (u64)guest_sids[o[3] % NR_SIDS] << 32 |
				  (u64)(o[4] % 4) << 48,
			  0);
		break;
	case 2:
	case 9:
		desc_push(2 | granularity << 4 | did << 16,
			  address | masks[o[1] / 4 % ARRAY_SIZE(masks)]);
		break;
	case 3:
		desc_push(3, address);
		break;
	case 4:
		desc_push(4, 0);
		break;
	case 5:
	case 10:
		status = o[3] < 200 ? STATUS_GPA + o[3] * 4 : memory_pick(o[4]);
		/* What has no contents has one page in all places */
		if (status >= 0x40000000 && status < 0x80000000)
			status = STATUS_GPA;
		desc_push(5 | (u64)(o[1] % 8) << 4 | (u64)o[2] << 32, status);
		break;
	case 6:
		desc_push(6 | granularity << 4 | did << 16,
			  address | masks[o[1] / 4 % 8]);
		break;
	case 7:
		desc_push(7 | granularity << 4 | did << 16, 0);
		break;
	case 8:
		desc_push(8 | did << 16, address);
		break;
	case 11:
		/* Pages here and there, more than are collected at a time */
		for (unsigned int i = 0; i < 8U << o[1] % 4; i++)
			desc_push(2 | 3 << 4 | did << 16,
				  address + i * (o[1] / 4 + 1) * CHUNK_SIZE);
		break;
	default:
		desc_push((o[0] / 12 % 16) | (u64)o[1] << 4, o[2]);
		if (pending.count)
			pending.words[pending.count - 1][o[3] % 4] ^=
				BIT_ULL(o[4] % 64);
		/* See above */
		if (pending.count &&
		    (pending.words[pending.count - 1][0] & 15) == 5)
			pending.words[pending.count - 1][1] &= 0x3fffff;
	}
}
