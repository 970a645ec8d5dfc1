/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow domains, see domain.c
 */
#ifndef VTDS_DOMAIN_H
#define VTDS_DOMAIN_H

#include <linux/list.h>
#include <linux/types.h>

#include "host_domain.h"
#include "reserved.h"

struct vtds_batch;
struct vtds_guest_ctx;
struct vtds_node;
struct vtds_unit;

/**
 * struct vtds_domain - Shadow of one second-stage table
 * @entry: In vtds_unit.domains
 * @unit: Whose domain it is
 * @root: Guest physical address of the top table
 * @levels: Levels of the table: 3, 4 or 5
 * @last: Last IOVA that a request can have: AW and MGAW both limit it
 * @leaf_rsvd: Reserved bits of a leaf of 4 KiB
 * @users: Groups attached
 * @full_seq: vtds_batch.seq of the last sync of everything
 * @reserved: Ranges that stay unmapped: the interrupt range, then what the hosts of all
 *            devices that were ever attached reserve besides
 * @host: What devices walk
 * @top: Mirror of the top table
 * @top_reported: It could not be read, and that was reported
 * @troubled: The host refused something in it that it may do later, see retry.c
 */
struct vtds_domain {
	struct list_head entry;
	struct vtds_unit *unit;
	u64 root;
	u8 levels;
	u64 last;
	u64 leaf_rsvd;
	u32 users;
	u64 full_seq;
	struct vtds_reserved reserved;
	struct vtds_host_domain host;
	struct vtds_node *top;
	bool top_reported;
	bool troubled;
};

struct vtds_domain *vtds_domain_attach(struct vtds_batch *batch,
				       const struct vtds_dev_pasid *dev_pasid,
				       const struct vtds_guest_ctx *ctx);
void vtds_domain_detach(struct vtds_domain *domain,
			const struct vtds_dev_pasid *dev_pasid);
bool vtds_domain_memory_gone(struct vtds_batch *batch,
			     struct vtds_domain *domain, u64 first, u64 last);
void vtds_domain_init_limits(struct vtds_domain *domain);

#endif /* VTDS_DOMAIN_H */
