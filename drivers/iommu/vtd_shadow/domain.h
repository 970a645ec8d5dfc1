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
#include "stats.h"
#include "tables.h"
#include "todo.h"

struct vtds_batch;
struct vtds_guest_ctx;
struct vtds_node;
struct vtds_unit;

/**
 * struct vtds_domain_turn - What a batch has done to a domain, see batch.c
 * @seq: Its vtds_batch.seq
 * @refused: Entries that it could not install
 * @exhausted: A limit is reached: nothing more is installed
 * @again: The domain was synced again, since it gave something back
 * @unmapped: vtds_stats_leaves_unmapped() when the limit was reached
 * @error_before: vtds_batch.error before that
 * @first: First IOVA that was synced since
 * @last: Last one
 */
struct vtds_domain_turn {
	u64 seq;
	unsigned long refused;
	bool exhausted;
	bool again;
	u64 unmapped;
	int error_before;
	u64 first;
	u64 last;
};

/**
 * struct vtds_domain - Shadow of one second-stage table
 * @entry: In vtds_unit.domains
 * @unit: Whose domain it is
 * @id: Its number in the unit, from 1 on
 * @root: Guest physical address of the top table
 * @levels: Levels of the table: 3, 4 or 5
 * @last: Last IOVA that a request can have: AW and MGAW both limit it
 * @leaf_rsvd: Reserved bits of a leaf of 4 KiB
 * @users: Groups and PASIDs attached. Without any, what is left of it goes, see
 *         vtds_domain_end()
 * @full_seq: vtds_batch.seq when everything was synced last, from beginning to end
 * @full_next: How far the first sync of everything has come in batch @full_begun
 * @full_begun: vtds_batch.seq of that sync
 * @ended_by: vtds_batch.seq of the batch that took the last user away
 * @todo: What is to be synced
 * @lost: What led to memory that was taken away, see vtds_memory_came()
 * @restore: What lost more than had to go then, see vtds_memory_gone()
 * @turn: What the last batch did to it
 * @reserved: Ranges that stay unmapped: the interrupt range, then what the hosts of all
 *            devices that were ever attached reserve besides
 * @host: What devices walk
 * @tables: Page tables that the host keeps for nothing
 * @top: Mirror of the top table
 * @top_reported: It could not be read, and that was reported
 * @refusing: Mirror nodes with entries that could not be installed
 * @troubled: The host refused something in it that it may do later, see retry.c
 * @nr_nodes: Mirror nodes
 * @nr_pages: Pages of 4 KiB mapped
 * @stats: Counters
 */
struct vtds_domain {
	struct list_head entry;
	struct vtds_unit *unit;
	u64 id;
	u64 root;
	u8 levels;
	u64 last;
	u64 leaf_rsvd;
	u32 users;
	u64 full_seq;
	u64 full_next;
	u64 full_begun;
	u64 ended_by;
	struct vtds_todo todo;
	struct vtds_todo lost;
	struct vtds_todo restore;
	struct vtds_domain_turn turn;
	struct vtds_reserved reserved;
	struct vtds_host_domain host;
	struct vtds_tables tables;
	struct vtds_node *top;
	bool top_reported;
	struct list_head refusing;
	bool troubled;
	u64 nr_nodes;
	u64 nr_pages;
	struct vtds_domain_stats stats;
};

struct vtds_domain *vtds_domain_attach(struct vtds_batch *batch,
				       const struct vtds_dev_pasid *dev_pasid,
				       const struct vtds_guest_ctx *ctx);
void vtds_domain_detach(struct vtds_domain *domain,
			const struct vtds_dev_pasid *dev_pasid);
bool vtds_domain_end(struct vtds_domain *domain);
void vtds_domain_init_limits(struct vtds_domain *domain);

#endif /* VTDS_DOMAIN_H */
