/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The unit: one open file of /dev/vtd_shadow, and the registers that the guest sees
 * (lib/unit.c). Builders of descriptors are in vtds_desc.h.
 */
#ifndef VTDS_UNIT_H
#define VTDS_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/vtd_shadow.h>

#include "vtds_vmm.h"

struct vtds_queue;

/* CAP_REG and ECAP_REG fields that tests set */
/* Domain-ids of 4 + 2 * n bits */
#define CAP_ND(n) ((__u64)(n))
#define CAP_CM (1ULL << 7)
#define CAP_SAGAW(levels) (1ULL << (6 + (levels)))
/* clang-format off */
#define CAP_MGAW(bits) (((__u64)(bits) - 1) << 16)
/* clang-format on */
#define CAP_MGAW_MASK CAP_MGAW(64)
#define CAP_SSLPS_2M (1ULL << 34)
#define CAP_SSLPS_1G (1ULL << 35)
#define CAP_PSI (1ULL << 39)
#define CAP_MAMV(am) ((__u64)(am) << 48)
#define ECAP_QI (1ULL << 1)
#define ECAP_PT (1ULL << 6)
#define ECAP_SC (1ULL << 7)
/* PASIDs of n + 1 bits */
#define ECAP_PSS(n) ((__u64)(n) << 35)
#define ECAP_PASID (1ULL << 40)
#define ECAP_SMTS (1ULL << 43)
#define ECAP_SLTS (1ULL << 46)
#define ECAP_FLTS (1ULL << 47)
#define ECAP_SMPWCS (1ULL << 48)
#define ECAP_RPS (1ULL << 49)
/* A unit with scalable mode, second stage only */
#define ECAP_SCALABLE (ECAP_SMTS | ECAP_SLTS | ECAP_SMPWCS)

/* RTADDR_REG.TTM */
#define RTADDR_SCALABLE (1ULL << 10)

#define VTDS_MAMV 18

/**
 * struct vtds_unit - A remapping unit of the guest, as the VMM keeps it
 * @fd: /dev/vtd_shadow
 * @flags: For SET_STATE, as the next three
 * @rtaddr: The guest's RTADDR_REG
 * @cap: The guest's CAP_REG, all that the tests need
 * @ecap: The guest's ECAP_REG
 * @haw: The guest's physical address width
 * @wide: Descriptors have 256 bits (IQA_REG.DW)
 * @queue: The guest's own queue, through which vtds_flush() sends then; or NULL
 * @budget: For BIND: tables that one call may visit, 0 for no limit
 * @once: SET_STATE, ADD_DEVICE and RESYNC are made once, whether all is done then or not
 * @status: What the last of these said
 * @more: How often a call ended before all was done, and was made again
 * @install_errno: What the last call that reports one said
 * @info: What the kernel offers
 */
struct vtds_unit {
	int fd;
	__u32 flags;
	__u64 rtaddr;
	__u64 cap;
	__u64 ecap;
	__u32 haw;
	bool wide;
	struct vtds_queue *queue;
	__u32 budget;
	bool once;
	__u32 status;
	unsigned int more;
	__u32 install_errno;
	struct vtd_shadow_get_info info;
};

/* An invalidation descriptor; of 256 bits the rest is reserved */
struct vtds_desc {
	__aligned_u64 lo; /* 32-bit programs align less by themselves */
	__aligned_u64 hi;
};

int vtds_unit_open(struct vtds_unit *unit);
void vtds_unit_close(struct vtds_unit *unit);
int vtds_unit_bind(struct vtds_unit *unit, const struct vtds_vmm *vmm,
		   __u64 max_nodes, __u64 max_pages);
int vtds_set_state(struct vtds_unit *unit);
int vtds_add_device(struct vtds_unit *unit, __u32 dev_id, __u32 identity_pt,
		    const __u16 *sids, __u32 nr_sids);
int vtds_remove_device(struct vtds_unit *unit, __u32 dev_id);
int vtds_invalidate(struct vtds_unit *unit, const struct vtds_desc *descs,
		    __u32 nr, struct vtd_shadow_invalidate *result);
int vtds_flush(struct vtds_unit *unit, const struct vtds_desc *descs, __u32 nr);
int vtds_finish(struct vtds_unit *unit, __u32 status);
int vtds_resync(struct vtds_unit *unit);
int vtds_resync_range(struct vtds_unit *unit, __u64 gpa, __u64 length);
int vtds_translate(struct vtds_unit *unit, __u16 sid, __u64 iova,
		   struct vtd_shadow_translate *result);
int vtds_stats(struct vtds_unit *unit, struct vtd_shadow_get_stats *stats);
unsigned long vtds_stat(struct vtds_unit *unit, size_t offset);
int vtds_events(struct vtds_unit *unit, struct vtd_shadow_event *events,
		unsigned int max);

#endif /* VTDS_UNIT_H */
