/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's root and context tables and its second-stage tables
 * (lib/guest_tables.c).
 */
#ifndef VTDS_GUEST_TABLES_H
#define VTDS_GUEST_TABLES_H

#include "vtds_guest_ram.h"

/* Context entry: low quadword */
#define CTX_P (1ULL << 0)
#define CTX_FPD (1ULL << 1)
#define CTX_TT(tt) ((__u64)(tt) << 2)
#define CTX_TT_TRANSLATE CTX_TT(0)
#define CTX_TT_PASS_THROUGH CTX_TT(2)
/* High quadword */
/* clang-format off */
#define CTX_AW(levels) ((__u64)(levels) - 2)
/* clang-format on */
#define CTX_DID(did) ((__u64)(did) << 8)

/* Paging entries */
#define SS_R (1ULL << 0)
#define SS_W (1ULL << 1)
#define SS_RW (SS_R | SS_W)
#define SS_PS (1ULL << 7)
#define SS_SNP (1ULL << 11)
#define SS_ADDR 0x000ffffffffff000ULL

/**
 * struct vtds_table - A second-stage table of the guest
 * @guest: Whose memory it is in
 * @root: Guest physical address of the top table
 * @levels: 3, 4 or 5
 * @did: The domain-id that contexts use with it
 */
struct vtds_table {
	struct vtds_guest *guest;
	__u64 root;
	unsigned int levels;
	__u16 did;
};

__u64 *vtds_root_entry(struct vtds_guest *guest, __u16 sid);
__u64 *vtds_ctx_entry(struct vtds_guest *guest, __u16 sid);
void vtds_ctx_set(struct vtds_guest *guest, __u16 sid, __u64 lo, __u64 hi);
void vtds_ctx_use(struct vtds_guest *guest, __u16 sid,
		  const struct vtds_table *table);

void vtds_table_init(struct vtds_table *table, struct vtds_guest *guest,
		     unsigned int levels, __u16 did);
__u64 *vtds_entry(struct vtds_table *table, __u64 iova, unsigned int level);
void vtds_map(struct vtds_table *table, __u64 iova, __u64 gpa, __u64 size,
	      unsigned int perm);
void vtds_map_range(struct vtds_table *table, __u64 iova, __u64 gpa, __u64 size,
		    unsigned int perm);
void vtds_unmap(struct vtds_table *table, __u64 iova, __u64 size);

#endif /* VTDS_GUEST_TABLES_H */
