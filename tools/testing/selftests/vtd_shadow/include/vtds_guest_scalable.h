/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's tables of scalable mode (lib/guest_scalable.c).
 */
#ifndef VTDS_GUEST_SCALABLE_H
#define VTDS_GUEST_SCALABLE_H

#include "vtds_guest_tables.h"

/* Context entry: low quadword; the second one is RID_PASID */
#define SM_CTX_P (1ULL << 0)
#define SM_CTX_FPD (1ULL << 1)
#define SM_CTX_PASIDE (1ULL << 3)
#define SM_CTX_PDTS(pdts) ((__u64)(pdts) << 9)

/* PASID entry: low quadword; the second one begins with the domain-id */
#define PASID_P (1ULL << 0)
#define PASID_FPD (1ULL << 1)
/* clang-format off */
#define PASID_AW(levels) (((__u64)(levels) - 2) << 2)
/* clang-format on */
#define PASID_PGTT(pgtt) ((__u64)(pgtt) << 6)
#define PASID_PGTT_MASK PASID_PGTT(7)
#define PGTT_FIRST_STAGE 1
#define PGTT_SECOND_STAGE 2
#define PGTT_NESTED 3
#define PGTT_PASS_THROUGH 4

#define VTDS_NR_PASIDS (1U << 20)

__u64 *vtds_sm_root_half(struct vtds_guest *guest, __u16 sid);
__u64 *vtds_sm_ctx(struct vtds_guest *guest, __u16 sid);
void vtds_sm_probe(struct vtds_guest *guest, __u16 sid, __u32 rid_pasid);
__u64 *vtds_sm_dir_entry(struct vtds_guest *guest, __u16 sid, __u32 pasid);
__u64 *vtds_sm_pasid(struct vtds_guest *guest, __u16 sid, __u32 pasid);
void vtds_sm_set(struct vtds_guest *guest, __u16 sid, __u32 pasid, __u64 lo,
		 __u16 did);
void vtds_sm_use(struct vtds_guest *guest, __u16 sid, __u32 pasid,
		 const struct vtds_table *table);

#endif /* VTDS_GUEST_SCALABLE_H */
