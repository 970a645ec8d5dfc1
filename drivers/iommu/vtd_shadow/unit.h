/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Units: what the objects of the module are, who owns them, what protects them. The
 * life of a unit is in unit.c.
 */
#ifndef VTDS_UNIT_H
#define VTDS_UNIT_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "caps.h"
#include "guest_mem.h"
#include "lock.h"
#include "rmap.h"
#include "stats.h"
#include "work.h"

struct dentry;
struct iommufd_ctx;
struct mem_cgroup;
struct vtds_bound;
struct vtds_events;

/**
 * DOC: objects, flow and locks
 *
 * Objects. An open file is a unit (struct vtds_unit): guest memory (struct
 * vtds_guest_mem), the registers that the VMM set, devices (struct vtds_device) in host
 * groups (struct vtds_group), and shadow domains (struct vtds_domain). A device refers to
 * one that is bound to iommufd (struct vtds_bound), which exists without any unit, too. A
 * shadow domain has a domain of the host (struct vtds_host_domain) and a mirror, a tree
 * of struct vtds_node; it exists as long as a group or a PASID (struct vtds_pasid) is
 * attached to it.
 *
 * Flow, from the top to the bottom; no file calls one above it:
 *
 *  - main.c: an ioctl begins a batch, flush.c ends it;
 *  - queue.c: descriptors come from the VMM or from the guest's queue;
 *  - inval.c: each is decoded, and sets off one of the following;
 *  - device.c: guest contexts are read (context.c, scalable.c) and say which source-id
 *    uses which table; groups (group.c) and PASIDs (pasid.c) are attached to the identity
 *    page table (identity.c) or to a shadow domain (domain.c);
 *  - todo.c: what is to be synced is collected, for each domain; settle.c has it done at a
 *    barrier, and has memory pinned that it takes (guest_fetch.c);
 *  - sync.c: tables are compared with the mirror (mirror.c), leaves of 4 KiB in leaves.c,
 *    larger ones in superpage.c; what differs is resolved to host memory (guest_mem.c)
 *    and goes to the host (host_domain.c); refuse.c says what may be installed and notes
 *    what was not;
 *  - memory.c: memory goes, and rmap.c says which tables lead there;
 *  - event.c: what went wrong is kept for the VMM to read; retry.c tries again what the
 *    host may do later.
 *
 * Words used throughout:
 *
 *  - entry: a 64-bit paging entry; leaf: an entry that maps a page; table: an
 *    entry that points to the table of the level below, or such a page.
 *  - level: of a table, 1 (entries map 4 KiB) to 5; a leaf has the level of the
 *    table that it is in.
 *  - absent: recorded in the mirror as zero, although the guest has a present
 *    entry: it could not be installed, and the next sync tries again, unless there is no
 *    use in it.
 *  - last is inclusive, end is exclusive.
 *
 * Lock order, outermost first:
 *
 *  1. VFIO's dev_set->lock, held by VFIO around the four operations in vfio.c. None of
 *     them pins or unpins memory.
 *  2. vtds_unit.unmap_rwsem, held for reading in the callback described below.
 *  3. vtds_pins.lock: whoever has iommufd pin or unpin guest memory, which may wait for as
 *     long as that memory likes.
 *  4. vtds_unit.lock: all of one unit: devices, groups, domains, mirrors, and what is known
 *     of guest memory. Nobody waits for guest memory or touches that of the VMM under it,
 *     and whoever does long work lets others have it in between (settle.c, memory.c).
 *  5. linger_lock (linger.c): groups that did not leave their domain.
 *  6. iommufd's and the IOMMU core's own locks.
 *
 * vtds_bound_lock (bound.c), for who has a device, nests inside all of them, and so does
 * the lock of the events of a unit (event.c): nothing else is taken under these two.
 *
 * What can be had once (a unit's access, a device, its group) is claimed under the
 * lock first, and made afterwards: who comes second has nothing to take back that
 * could call into what the first one made.
 *
 * iommufd calls our unmap callback with none of its locks held; it takes
 * vtds_unit.lock. So that lock must not be held over iommufd_access_destroy(),
 * which waits for running callbacks.
 */

/**
 * struct vtds_unit - One remapping unit of a guest, one open file
 * @id: Its number, for those who watch
 * @ref: The file, and operations that found the unit through a device
 * @calls: Calls under way, VTDS_MAX_CALLS at most
 * @call_ended: Where more of them wait
 * @unmap_rwsem: Held for reading while iommufd is told that memory is not used
 * @lock: Protects everything below
 * @claimed: BIND was called and did not fail so far
 * @ictx: iommufd of BIND, kept alive by @mem's access; NULL before
 * @ioas_id: IOAS of BIND, the same
 * @mem: Guest memory
 * @have_state: SET_STATE was called
 * @te: Translation is enabled
 * @rtaddr: RTADDR_REG
 * @caps: CAP_REG and ECAP_REG, decoded
 * @devices: Devices of the unit
 * @groups: Their host groups
 * @domains: Shadow domains in use
 * @max_nodes: Limit of @nr_nodes
 * @max_pages: Limit of @nr_pages
 * @budget: Tables that one call may visit, U64_MAX for no limit
 * @rmap: Mirror nodes by the guest memory that they lead to
 * @nr_nodes: Mirror nodes
 * @nr_tables_left: Empty page tables that hosts keep for the domains; count as nodes
 * @nr_pages: Pages of 4 KiB mapped in all domains
 * @nr_pasids: PASIDs of all devices
 * @last_domain: Number of the domain that began last
 * @pasids_reported: There are more than the limit, and that was reported
 * @seq: Number of batches so far
 * @limit_reported: The last batch that reached a limit was reported
 * @troubled: The host refused something that it may do later
 * @unsettled: Domains have something to do that @retry does
 * @retry_ms: When @retry will be done, in milliseconds from when it is queued
 * @retry: Tries it again; takes @lock
 * @memcg: Memory that @retry takes is charged to it
 * @memcg_entry: In retry.c's list of units that have a thread, or empty
 * @stats: Counters
 * @events: What the VMM can read
 * @pid: Process that called BIND, by debugfs.c
 * @comm: Its name
 * @debugfs: The unit's folder, or an error
 * @sg: Scratch of walks: VTDS_SG_ENTRIES pieces of host memory; NULL before there was a
 *      domain. Kept, so that revoking never needs memory
 */
struct vtds_unit {
	u32 id;
	struct kref ref;
	atomic_t calls;
	wait_queue_head_t call_ended;
	struct rw_semaphore unmap_rwsem;
	struct vtds_lock lock; /* all that follows */
	bool claimed;
	struct iommufd_ctx *ictx;
	u32 ioas_id;
	struct vtds_guest_mem mem;
	bool have_state;
	bool te;
	u64 rtaddr;
	struct vtds_caps caps;
	struct list_head devices;
	struct list_head groups;
	struct list_head domains;
	u64 max_nodes;
	u64 max_pages;
	u64 budget;
	struct vtds_rmap rmap;
	u64 nr_nodes;
	u64 nr_tables_left;
	u64 nr_pages;
	u32 nr_pasids;
	u64 last_domain;
	bool pasids_reported;
	u64 seq;
	bool limit_reported;
	bool troubled;
	bool unsettled;
	unsigned int retry_ms;
	struct vtds_thread retry;
	struct mem_cgroup *memcg;
	struct list_head memcg_entry;
	struct vtds_stats stats;
	struct vtds_events *events;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	struct dentry *debugfs;
	struct scatterlist *sg;
};

/* Fewer than VTDS_TODO_RANGES: each may have one range in a domain, and so may others */
#define VTDS_MAX_CALLS 32

struct vtds_unit *vtds_unit_alloc(void);
void vtds_unit_put(struct vtds_unit *unit);
void vtds_unit_release(struct vtds_unit *unit);
void vtds_unit_drop_bound(struct vtds_unit *unit, struct vtds_bound *bound);
int vtds_unit_lock(struct vtds_unit *unit, bool need_state);
void vtds_unit_unlock(struct vtds_unit *unit);
int vtds_unit_bind(struct vtds_unit *unit, void *cmd);

#endif /* VTDS_UNIT_H */
