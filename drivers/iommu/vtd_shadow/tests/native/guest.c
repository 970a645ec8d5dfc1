// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of the native benchmark's guest, and how it changes them. They have four
 * levels: one table each at levels 4 and 3, then those of level 2, then leaves.
 */
#include <linux/math.h>
#include <linux/mm.h>

#include "../../vtd_format.h"
#include "native.h"

static unsigned int nr_l2(const struct native *n)
{
	return DIV_ROUND_UP(native_nr_l1(n), NATIVE_ENTRIES);
}

unsigned int native_guest_nr_tables(const struct native *n)
{
	return NATIVE_L3 + 1 + nr_l2(n) + native_nr_l1(n);
}

void native_guest_set_root(struct native *n, bool present)
{
	native_table(NATIVE_L4)[0] =
		present ? native_table_gpa(NATIVE_L3) | VTD_SS_RW : 0;
}

/* Makes all tables, without leaves. */
void native_guest_build(struct native *n)
{
	unsigned int l2 = NATIVE_L3 + 1, l1 = l2 + nr_l2(n);

	for (unsigned int i = 0; i < NATIVE_MAX_TABLES; i++)
		clear_page(native_table(i));
	for (unsigned int i = 0; i < nr_l2(n); i++)
		native_table(NATIVE_L3)[NATIVE_IOVA / SZ_1G + i] =
			native_table_gpa(l2 + i) | VTD_SS_RW;
	for (unsigned int i = 0; i < native_nr_l1(n); i++) {
		n->l1[i] = native_table(l1 + i);
		native_table(l2 + i / NATIVE_ENTRIES)[i % NATIVE_ENTRIES] =
			native_table_gpa(l1 + i) | VTD_SS_RW;
	}
	native_guest_set_root(n, true);
}

static u64 entry(struct native *n, unsigned long leaf, u64 perm)
{
	return (u64)n->gfns[leaf] << PAGE_SHIFT | perm;
}

static u64 *slot(struct native *n, unsigned long leaf)
{
	return &n->l1[leaf / NATIVE_ENTRIES][leaf % NATIVE_ENTRIES];
}

/* Each leaf leads where the one @shift further would. */
void native_guest_write(struct native *n, unsigned long shift, u64 perm)
{
	for (unsigned long i = 0; i < n->c->nr_leaves; i++)
		*slot(n, i) = entry(n, (i + shift) % n->c->nr_leaves, perm);
}

void native_guest_clear(struct native *n)
{
	for (unsigned long i = 0; i < n->c->nr_leaves; i++)
		*slot(n, i) = 0;
}

void native_guest_set(struct native *n, unsigned long leaf, bool present)
{
	WRITE_ONCE(*slot(n, leaf), present ? entry(n, leaf, VTD_SS_RW) : 0);
}

/* Every @step-th leaf of [first, end) comes or goes. */
void native_guest_set_each(struct native *n, unsigned long first,
			   unsigned long end, unsigned long step, bool present)
{
	for (unsigned long i = first; i < end; i += step)
		native_guest_set(n, i, present);
}

/* What a comparison with the last time needs */
void native_guest_copy(struct native *n)
{
	for (unsigned int i = 0; i < native_guest_nr_tables(n); i++)
		memcpy(n->copies[i], native_table(i), PAGE_SIZE);
}
