/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Invalidation descriptors, see inval.c
 */
#ifndef VTDS_INVAL_H
#define VTDS_INVAL_H

#include <linux/types.h>
#include <uapi/linux/vtd_shadow.h>

struct vtds_batch;
struct vtds_caps;

/* Quadwords of a descriptor */
#define VTDS_NARROW_QWORDS 2
#define VTDS_WIDE_QWORDS 4

/**
 * enum vtds_inval_action - What a descriptor asks for
 * @VTDS_NOTHING: Nothing that concerns the shadow
 * @VTDS_REFRESH: Read contexts again
 * @VTDS_SYNC: Sync domains
 * @VTDS_FLUSH: Make what came before take effect, if vtds_inval_is_barrier(). A fence
 *              alone orders what nobody can see the order of
 */
enum vtds_inval_action {
	VTDS_NOTHING,
	VTDS_REFRESH,
	VTDS_SYNC,
	VTDS_FLUSH,
};

/**
 * struct vtds_inval - A decoded invalidation descriptor
 * @action: What it asks for: enum vtds_inval_action
 * @all_domains: VTDS_SYNC: of all domains; it is global, or its domain-id is 0
 * @all_pages: All of the domain
 * @interrupt: VTDS_FLUSH: the guest wants an interrupt
 * @status_write: The guest wants @status_data written to @status_gpa
 * @sid: VTDS_REFRESH: source-id
 * @sid_mask: Bits of @sid that do not count
 * @did: Domain-id, unless @all_domains
 * @status_data: Status data
 * @first: First IOVA, unless @all_pages
 * @last: Last IOVA
 * @status_gpa: Status address
 */
struct vtds_inval {
	u8 action;
	bool all_domains;
	bool all_pages;
	bool interrupt;
	bool status_write;
	u16 sid;
	u16 sid_mask;
	u16 did;
	u32 status_data;
	u64 first;
	u64 last;
	u64 status_gpa;
};

enum vtd_shadow_iqei vtds_inval_decode(const struct vtds_caps *caps, int mode,
				       const u64 *desc, unsigned int nr_qwords,
				       struct vtds_inval *inval);
bool vtds_inval_collect(struct vtds_batch *batch,
			const struct vtds_inval *inval);
void vtds_inval_refresh(struct vtds_batch *batch);

/* Whether the guest wants to know when what came before has taken effect */
static inline bool vtds_inval_is_barrier(const struct vtds_inval *inval)
{
	return inval->status_write || inval->interrupt;
}

#endif /* VTDS_INVAL_H */
