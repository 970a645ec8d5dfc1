// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest writes its remapping tables: root and context entries of legacy
 * mode, and second-stage tables. Nothing here tells the unit about it.
 */
#include "vtds_defs.h"
#include "vtds_guest_tables.h"

static unsigned int level_shift(unsigned int level)
{
	return 12 + 9 * (level - 1);
}

static unsigned int level_of_size(__u64 size)
{
	return size == SZ_1G ? 3 : size == SZ_2M ? 2 : 1;
}

/* --- Root and context entries, 16 bytes each --- */

__u64 *vtds_root_entry(struct vtds_guest *guest, __u16 sid)
{
	__u64 *root = vtds_hva(guest, guest->root);

	return &root[2 * (sid >> 8)];
}

/* The context entry of @sid; makes the context table if there is none */
__u64 *vtds_ctx_entry(struct vtds_guest *guest, __u16 sid)
{
	__u64 *root = vtds_root_entry(guest, sid);
	__u64 *ctx;

	if (!(root[0] & 1)) {
		root[0] = vtds_page(guest) | 1;
		root[1] = 0;
	}
	ctx = vtds_hva(guest, root[0] & SS_ADDR);
	return &ctx[2 * (sid & 0xff)];
}

/* As guests do: the half with the present bit last */
void vtds_ctx_set(struct vtds_guest *guest, __u16 sid, __u64 lo, __u64 hi)
{
	volatile __u64 *ctx = vtds_ctx_entry(guest, sid);

	ctx[0] = 0;
	ctx[1] = hi;
	ctx[0] = lo;
}

void vtds_ctx_use(struct vtds_guest *guest, __u16 sid,
		  const struct vtds_table *table)
{
	vtds_ctx_set(guest, sid, table->root | CTX_TT_TRANSLATE | CTX_P,
		     CTX_DID(table->did) | CTX_AW(table->levels));
}

/* --- Second-stage tables --- */

void vtds_table_init(struct vtds_table *table, struct vtds_guest *guest,
		     unsigned int levels, __u16 did)
{
	table->guest = guest;
	table->root = vtds_page(guest);
	table->levels = levels;
	table->did = did;
}

/*
 * The entry for @iova in the table at @level. Tables above it are made where
 * there are none; a superpage on the way makes place for an empty table.
 */
__u64 *vtds_entry(struct vtds_table *table, __u64 iova, unsigned int level)
{
	__u64 gpa = table->root;

	for (unsigned int at = table->levels;; at--) {
		__u64 *entries = vtds_hva(table->guest, gpa);
		__u64 *entry = &entries[(iova >> level_shift(at)) & 511];

		if (at == level)
			return entry;
		if (!(*entry & SS_RW) || (*entry & SS_PS))
			*entry = vtds_page(table->guest) | SS_RW;
		gpa = *entry & SS_ADDR;
	}
}

/* One leaf of @size: SZ_4K, SZ_2M or SZ_1G */
void vtds_map(struct vtds_table *table, __u64 iova, __u64 gpa, __u64 size,
	      unsigned int perm)
{
	unsigned int level = level_of_size(size);
	volatile __u64 *entry = vtds_entry(table, iova, level);
	__u64 value = gpa;

	if (perm & PERM_R)
		value |= SS_R;
	if (perm & PERM_W)
		value |= SS_W;
	if (level > 1)
		value |= SS_PS;
	*entry = value;
}

void vtds_map_range(struct vtds_table *table, __u64 iova, __u64 gpa, __u64 size,
		    unsigned int perm)
{
	for (__u64 at = 0; at < size; at += SZ_4K)
		vtds_map(table, iova + at, gpa + at, SZ_4K, perm);
}

void vtds_unmap(struct vtds_table *table, __u64 iova, __u64 size)
{
	volatile __u64 *entry = vtds_entry(table, iova, level_of_size(size));

	*entry = 0;
}
