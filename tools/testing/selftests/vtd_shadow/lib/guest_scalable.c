// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest writes its remapping tables of scalable mode: root, context, PASID
 * directory and PASID table entries, VT-d specification sections 9.2 and 9.4 to 9.6.
 * Nothing here tells the unit about it.
 */
#include "vtds_defs.h"
#include "vtds_guest_scalable.h"

#define CTX_QWORDS 4
#define PASID_QWORDS 8
/* PASIDs of one directory entry */
#define TABLE_PASIDS 64
/* The smallest directory is 1 KiB, one page is PDTS 2 */
#define DIR_PDTS 2

/* Pointer to the context table of the half of a bus that has @sid */
__u64 *vtds_sm_root_half(struct vtds_guest *guest, __u16 sid)
{
	__u64 *root = vtds_hva(guest, guest->sm_root);

	return &root[2 * (sid >> 8) + (sid >> 7 & 1)];
}

/* The context entry of @sid, 32 bytes; makes the context table if there is none */
__u64 *vtds_sm_ctx(struct vtds_guest *guest, __u16 sid)
{
	__u64 *half = vtds_sm_root_half(guest, sid), *table;

	if (!(*half & 1))
		*half = vtds_page(guest) | 1;
	table = vtds_hva(guest, *half & SS_ADDR);
	return &table[CTX_QWORDS * (sid & 0x7f)];
}

/*
 * As Linux when it finds a device: a context entry with an empty directory, here
 * just as large as the PASID needs.
 */
void vtds_sm_probe(struct vtds_guest *guest, __u16 sid, __u32 rid_pasid)
{
	unsigned int pdts = DIR_PDTS;
	volatile __u64 *ctx = vtds_sm_ctx(guest, sid);
	__u64 directory;

	while (rid_pasid / TABLE_PASIDS >= 128U << pdts)
		pdts++;
	directory = vtds_pages(guest, SZ_4K << (pdts - DIR_PDTS), SZ_4K);
	ctx[0] = 0;
	ctx[1] = rid_pasid;
	ctx[2] = 0;
	ctx[3] = 0;
	ctx[0] = directory | SM_CTX_PDTS(pdts) | SM_CTX_P;
}

__u64 *vtds_sm_dir_entry(struct vtds_guest *guest, __u16 sid, __u32 pasid)
{
	__u64 *directory = vtds_hva(guest, *vtds_sm_ctx(guest, sid) & SS_ADDR);

	return &directory[pasid / TABLE_PASIDS];
}

/* The PASID entry, 64 bytes; makes the PASID table if there is none */
__u64 *vtds_sm_pasid(struct vtds_guest *guest, __u16 sid, __u32 pasid)
{
	__u64 *entry = vtds_sm_dir_entry(guest, sid, pasid), *table;

	if (!(*entry & 1))
		*entry = vtds_page(guest) | 1;
	table = vtds_hva(guest, *entry & SS_ADDR);
	return &table[PASID_QWORDS * (pasid % TABLE_PASIDS)];
}

/* As guests do: the quadword with the present bit last */
void vtds_sm_set(struct vtds_guest *guest, __u16 sid, __u32 pasid, __u64 lo,
		 __u16 did)
{
	volatile __u64 *entry = vtds_sm_pasid(guest, sid, pasid);

	for (unsigned int i = 0; i < PASID_QWORDS; i++)
		entry[i] = 0;
	entry[1] = did;
	entry[0] = lo;
}

void vtds_sm_use(struct vtds_guest *guest, __u16 sid, __u32 pasid,
		 const struct vtds_table *table)
{
	vtds_sm_set(guest, sid, pasid,
		    table->root | PASID_PGTT(PGTT_SECOND_STAGE) |
			    PASID_AW(table->levels) | PASID_P,
		    table->did);
}
