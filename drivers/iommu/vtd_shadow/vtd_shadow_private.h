/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal structures of vtd_shadow: what they are, who owns them, what
 * protects them.
 */
#ifndef VTD_SHADOW_PRIVATE_H
#define VTD_SHADOW_PRIVATE_H

#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <uapi/linux/vtd_shadow.h>

#include "vtd_format.h"

struct iommufd_access;
struct iommufd_ctx;
struct iommufd_device;
struct mem_cgroup;
struct pci_dev;
struct poll_table_struct;
struct vfio_device;
struct vtds_batch;
struct vtds_events;

/**
 * DOC: flow and locking
 *
 * ioctl -> descriptor (inval.c) -> contexts (context.c) say which device uses
 * which table -> groups are attached (device.c) to domains (domain.c) -> tables
 * are compared with the mirror (sync.c, mirror.c) -> the differences go to the
 * host (host_domain.c). Guest memory is reached only through guest_mem.c.
 *
 * Words used throughout:
 *
 *  - entry: a 64-bit paging entry; leaf: an entry that maps a page; table: an
 *    entry that points to the table of the level below, or such a page.
 *  - level: of a table, 1 (entries map 4 KiB) to 5; a leaf has the level of the
 *    table that it is in.
 *  - absent: recorded in the mirror as zero, although the guest has a present
 *    entry: it could not be installed, and the next sync tries again.
 *  - last is inclusive, end is exclusive.
 *
 * Lock order, outermost first:
 *
 *  1. VFIO's dev_set->lock, held by VFIO around the four operations in vfio.c.
 *  2. vtds_unit.unmap_rwsem, held for reading in the callback described below.
 *  3. vtds_unit.lock: all of one unit: devices, groups, domains, mirrors, pins.
 *  4. iommufd's and the IOMMU core's own locks.
 *
 * vtds_bound_lock (vfio.c), for who owns a device, nests inside all of them:
 * nothing else is taken under it.
 *
 * What can be had once (a unit's access, a device, its group) is claimed under the
 * lock first, and made afterwards: who comes second has nothing to take back that
 * could call into what the first one made.
 *
 * iommufd calls our unmap callback with none of its locks held; it takes
 * vtds_unit.lock. So that lock must not be held over iommufd_access_destroy(),
 * which waits for running callbacks.
 */

/* Guest memory is pinned in pieces of this many pages, aligned to their size */
#define VTDS_CHUNK_PAGES 512UL
#define VTDS_CHUNK_SIZE (VTDS_CHUNK_PAGES * VTD_PAGE_SIZE)

/*
 * Chunks without users that stay pinned, in case they are needed again: 8 GiB, unless
 * BIND says otherwise
 */
#define VTDS_IDLE_CHUNKS 4096

/*
 * Most pages of one iommu_map_sg() call for neighbouring 4 KiB leaves. Less
 * than the 512 that would let the host build a 2 MiB page over several leaves.
 */
#define VTDS_RUN_PAGES 256

/* Scatterlist entries: one superpage of scattered 4 KiB pages at most */
#define VTDS_SG_ENTRIES 512

/* Entries that may fail to be installed before a call gives up installing */
#define VTDS_MAX_REFUSED BIT(20)

/* Quadwords of descriptors copied from the caller at a time */
#define VTDS_ARRAY_QWORDS 64

/* No guest physical address is higher */
#define VTDS_MAX_GPA GENMASK_ULL(51, 0)

#define VTDS_MAX_SOURCE_IDS 16
#define VTDS_MAX_DESCS 65536

/**
 * struct vtds_caps - What CAP_REG, ECAP_REG and HAW mean for reading tables
 * @levels: Bit n set: tables with n levels are supported (SAGAW)
 * @mgaw: Maximum guest address width in bits
 * @haw: Address bits from here on are reserved
 * @leaf_levels: Bit n set: leaves of level n are supported (SSLPS)
 * @mamv: Largest address mask of a page-selective invalidation
 * @pass_through: TT 10b is allowed
 * @device_tlb: TT 01b is allowed, and bit TM of leaves is not reserved
 * @snoop: Bit SNP of leaves is not reserved (SC or SMTS)
 * @scalable: Scalable mode is supported (SMTS)
 * @second_stage: PGTT 010b is allowed (SSTS)
 * @rid_pasid: Scalable-mode context entries have RID_PASID (RPS)
 * @pasid_bits: Width of a PASID in requests, 0 if none may have one (PSS)
 * @no_did_bits: Bits of a domain-id that the unit does not have (ND): they do not count,
 *               neither in entries nor in descriptors
 */
struct vtds_caps {
	u8 levels;
	u8 mgaw;
	u8 haw;
	u8 leaf_levels;
	u8 mamv;
	bool pass_through;
	bool device_tlb;
	bool snoop;
	bool scalable;
	bool second_stage;
	bool rid_pasid;
	u8 pasid_bits;
	u16 no_did_bits;
};

/**
 * struct vtds_chunk - Pinned piece of guest memory
 * @gfn: First guest frame, a multiple of VTDS_CHUNK_PAGES
 * @users: Leaves that target the chunk and mirror nodes whose table is in it
 * @nr_pages: Pages that have a pin of their own
 * @whole: All of it was pinned by one call, to be read and written
 * @split: As @whole, but about to be unpinned: pages in use have their own pin
 * @simple: As @whole, with no more to look at: @pfns is not set, and the interrupt
 *          range is not in it
 * @base_pfn: Lowest host frame, if @pfns is NULL
 * @offsets: Distance of each page's frame to @base_pfn; NULL if they are contiguous
 * @pfns: VTDS_PFN_* and host frame of each page, if @whole is not set or the frames
 *        are too far apart
 * @lru: In vtds_guest_mem.idle while @users is 0
 */
struct vtds_chunk {
	unsigned long gfn;
	u32 users;
	u16 nr_pages;
	bool whole;
	bool split;
	bool simple;
	unsigned long base_pfn;
	u32 *offsets;
	unsigned long *pfns;
	struct list_head lru;
};

/* Chunks that are found without a search: of 64 MiB at first, of 32 GiB at most */
#define VTDS_RECENT_MIN 32UL
#define VTDS_RECENT_MAX 16384UL

/* In vtds_chunk.pfns: the page is pinned, and may be read or written by devices */
#define VTDS_PFN_PINNED BIT(63)
#define VTDS_PFN_WRITABLE BIT(62)
#define VTDS_PFN_READABLE BIT(61)
#define VTDS_PFN_RW (VTDS_PFN_READABLE | VTDS_PFN_WRITABLE)
#define VTDS_PFN_MASK GENMASK(60, 0)

/**
 * struct vtds_pins - Where guest memory is pinned, and how much
 * @access: iommufd's handle on the IOAS, NULL before BIND
 * @starved: No chunk may stay pinned without users, until the next flush: something
 *           could not be pinned for want of memory, or the VMM wants it
 * @nr_pinned: Pages pinned now
 * @pages: Scratch array for pin calls, VTDS_CHUNK_PAGES long; NULL before the first
 */
struct vtds_pins {
	struct iommufd_access *access;
	bool starved;
	u64 nr_pinned;
	struct page **pages;
};

/**
 * struct vtds_guest_mem - Guest memory as the engine reaches it
 * @pins: What is pinned, and where
 * @chunks: Chunks by guest frame / VTDS_CHUNK_PAGES
 * @recent: Some of them by the same number modulo @nr_recent
 * @nr_recent: Length of @recent, a power of two; grows with @nr_chunks
 * @nr_chunks: Length of @chunks
 * @idle: Chunks without users, least recently used first, unpinned late
 * @nr_idle: Length of @idle
 * @max_idle: Chunks that may stay in @idle
 */
struct vtds_guest_mem {
	struct vtds_pins pins;
	struct xarray chunks;
	struct vtds_chunk **recent;
	unsigned long nr_recent;
	unsigned long nr_chunks;
	struct list_head idle;
	unsigned long nr_idle;
	unsigned long max_idle;
};

/* Nothing without users stays pinned beyond the end of the batch. */
static inline void vtds_mem_release_idle(struct vtds_guest_mem *mem)
{
	mem->pins.starved = true;
}

/* Whether pages without users have to be unpinned, at the next flush. */
static inline bool vtds_mem_needs_trim(const struct vtds_guest_mem *mem)
{
	return mem->nr_idle > (mem->pins.starved ? 0 : mem->max_idle);
}

/**
 * struct vtds_host_domain - A paging domain of the host and its pending work
 * @domain: The host's domain
 * @first: First IOVA that the host can map
 * @last: Last IOVA that the host can map
 * @merge: Neighbouring leaves may share one map call, see vtds_host_domain_probe()
 * @coherent: It enforces that DMA is coherent
 * @write_only: It can let devices write what they cannot read
 * @broken: The host did not do what was asked; the domain must not be used
 * @gather: Collects page-table pages to free until the next flush
 * @unmap_start: Start of the pending unmap
 * @unmap_end: End of the pending unmap, equal to @unmap_start if there is none
 * @flush_first: First IOVA to flush, if @need_flush
 * @flush_last: Last IOVA to flush
 * @need_flush: Something was unmapped since the last flush
 */
struct vtds_host_domain {
	struct iommu_domain *domain;
	u64 first;
	u64 last;
	bool merge;
	bool coherent;
	bool write_only;
	bool broken;
	struct iommu_iotlb_gather gather;
	u64 unmap_start;
	u64 unmap_end;
	u64 flush_first;
	u64 flush_last;
	bool need_flush;
};

/**
 * struct vtds_node - Mirror of one table page
 * @entries: The raw entries as last synced; what is present here and has
 *           permissions left is mapped in the host, exactly
 * @children: Nodes of the level below, by index; NULL at level 1
 * @table: The guest's page, NULL if @synthetic or if it could not be read
 * @chunk: Where @table is pinned
 * @gpa: Address of the guest's page; of the first byte mapped if @synthetic
 * @perm: VTD_SS_RW as far as the path from the root allows it
 * @level: 1 to 5
 * @synthetic: Made by us to split a guest superpage that is not wholly backed
 * @leaf_bits: Of the split leaf, if @synthetic: all but its address
 * @refused: Entries that were reported as not installed, by index; NULL if there
 *           are none. Counts as a node
 */
struct vtds_node {
	u64 *entries;
	struct vtds_node **children;
	const u64 *table;
	struct vtds_chunk *chunk;
	u64 gpa;
	u64 leaf_bits;
	u64 *refused;
	u8 perm;
	u8 level;
	bool synthetic;
};

/* Reserved ranges of IOVA in a domain; hosts have a few */
#define VTDS_MAX_RESERVED 16

/**
 * struct vtds_range - A range of IOVA, whole pages
 * @first: First address
 * @last: Last address
 */
struct vtds_range {
	u64 first;
	u64 last;
};

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
 * @nr_reserved: How many
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
	struct vtds_range reserved[VTDS_MAX_RESERVED];
	unsigned int nr_reserved;
	struct vtds_host_domain host;
	struct vtds_node *top;
	bool top_reported;
	bool troubled;
};

/**
 * struct vtds_guest_ctx - What guest tables say for one source-id
 * @attachment: Where it belongs
 * @reason: Why it is blocked: enum vtd_fault_reason, or 0 if @error says why
 * @fpd: The guest disabled the processing of such faults
 * @error: Negative errno of the host, which could not read the entries, or 0
 * @levels: Of the second-stage table
 * @did: Domain-id, 0 without a valid context or PASID entry
 * @pasid: Of the PASID entry; 0 in legacy mode
 * @digest: Hash of all entries that led here
 * @root: Of the second-stage table
 */
struct vtds_guest_ctx {
	enum vtd_shadow_attachment attachment;
	u8 reason;
	bool fpd;
	int error;
	u8 levels;
	u16 did;
	u32 pasid;
	u32 digest;
	u64 root;
};

/**
 * struct vtds_source - One source-id of a device
 * @sid: Bus, device and function
 * @ctx: As last read
 * @reported: vtds_guest_ctx.reason when an event was last considered
 * @reported_error: vtds_guest_ctx.error then
 * @reported_digest: vtds_guest_ctx.digest then
 */
struct vtds_source {
	u16 sid;
	struct vtds_guest_ctx ctx;
	u8 reported;
	int reported_error;
	u32 reported_digest;
};

/**
 * struct vtds_dev_pasid - What can be attached to a domain
 * @dev: The host's device
 * @group: Its host group
 * @pasid: IOMMU_NO_PASID for requests without PASID, for all of @group; else for
 *         requests of @dev with that PASID
 */
struct vtds_dev_pasid {
	struct device *dev;
	struct iommu_group *group;
	u32 pasid;
};

/* PASIDs that a unit can have, of all its devices, whatever the operator permits */
#define VTDS_MAX_PASIDS 4096

/**
 * struct vtds_pasid - A PASID that the guest uses with a device
 * @pasid: Its number
 * @source: Source-id of the device, and what the PASID entry says
 * @domain: Where requests are attached, or NULL
 * @identity_attached: iommufd has it attached to the identity page table
 * @error: Why it could not be attached when that was last tried, or 0
 * @seen: vtds_batch.seq when the guest had the entry last
 */
struct vtds_pasid {
	u32 pasid;
	struct vtds_source source;
	struct vtds_domain *domain;
	bool identity_attached;
	int error;
	u64 seen;
};

/**
 * struct vtds_bound - A device bound to iommufd through our VFIO operations
 * @ref: One for the list of bound devices, one for the unit
 * @entry: In the list of bound devices
 * @vdev: The VFIO device. Valid until it is unbound
 * @idev: Its iommufd device. Valid until it is unbound
 * @ictx: The iommufd that it is bound to
 * @iommu_group: Its host group, with a reference
 * @dev_id: iommufd's name for it
 * @unit: The unit that has it; by vtds_bound_lock
 * @vmm_attached: VFIO attached it for the VMM; by vtds_bound_lock
 */
struct vtds_bound {
	struct kref ref;
	struct list_head entry;
	struct vfio_device *vdev;
	struct iommufd_device *idev;
	struct iommufd_ctx *ictx;
	struct iommu_group *iommu_group;
	u32 dev_id;
	struct vtds_unit *unit;
	bool vmm_attached;
};

/* The device that a bound device is. */
static inline struct device *vtds_bound_dev(const struct vtds_bound *bound)
{
	return bound->vdev->dev;
}

/**
 * struct vtds_device - A device of a unit; all by the lock of the unit
 * @unit: The unit
 * @bound: The device as VFIO and iommufd have it, claimed
 * @unit_entry: In vtds_unit.devices
 * @group_entry: In vtds_group.devices
 * @group: Its group in the unit
 * @identity_pt_id: Page table for the identity attachment
 * @identity_attached: iommufd has it attached to that
 * @nr_sources: Number of source-ids
 * @sources: The source-ids
 * @pasids: struct vtds_pasid by number: present entries other than RID_PASID's
 * @pasids_seq: vtds_batch.seq when they were last read
 */
struct vtds_device {
	struct vtds_unit *unit;
	struct vtds_bound *bound;
	struct list_head unit_entry;
	struct list_head group_entry;
	struct vtds_group *group;
	u32 identity_pt_id;
	bool identity_attached;
	u32 nr_sources;
	struct vtds_source *sources;
	struct xarray pasids;
	u64 pasids_seq;
};

/**
 * struct vtds_group - A host IOMMU group with devices in the unit
 * @entry: In vtds_unit.groups
 * @iommu_group: The host's group
 * @devices: Its devices in the unit
 * @attachment: Where it is attached now
 * @domain: The domain, if @attachment is VTD_SHADOW_ATTACHED_SHADOW
 * @conflict: Its devices want to be in different places, so it is blocked
 * @error: Why it could not be attached when that was last tried, or 0
 */
struct vtds_group {
	struct list_head entry;
	struct iommu_group *iommu_group;
	struct list_head devices;
	enum vtd_shadow_attachment attachment;
	struct vtds_domain *domain;
	bool conflict;
	int error;
};

/**
 * struct vtds_run - Host memory to be mapped by one call
 * @iova: First IOVA
 * @size: Bytes collected, 0 if there is no run
 * @nents: Entries of vtds_unit.sg in it
 * @perm: Its permissions
 * @next: Host frame after its last entry
 */
struct vtds_run {
	u64 iova;
	u64 size;
	unsigned int nents;
	unsigned int perm;
	unsigned long next;
};

/**
 * struct vtds_stats - Counters of a unit, see &struct vtd_shadow_get_stats
 * @descriptors: Descriptors processed
 * @syncs: Range syncs
 * @entries_changed: Entries that differed from the mirror
 * @leaves_mapped: Leaves installed
 * @leaves_unmapped: Leaves removed
 * @host_maps: Map calls to the host
 * @host_unmaps: Unmap calls to the host
 * @iotlb_syncs: Flushes asked of the host
 * @attaches: Attempts to move a group
 * @install_failures: Entries and attachments that failed
 * @retries: Attempts to do what the host had refused
 */
struct vtds_stats {
	u64 descriptors;
	u64 syncs;
	u64 entries_changed;
	u64 leaves_mapped;
	u64 leaves_unmapped;
	u64 host_maps;
	u64 host_unmaps;
	u64 iotlb_syncs;
	u64 attaches;
	u64 install_failures;
	u64 retries;
};

/**
 * struct vtds_unit - One remapping unit of a guest, one open file
 * @ref: The file, and operations that found the unit through a device
 * @unmap_rwsem: Held for reading while iommufd is told that memory is not used
 * @lock: Protects everything below
 * @claimed: BIND was called and did not fail so far
 * @ictx: iommufd of BIND, kept alive by @mem's access; NULL before
 * @ioas_id: IOAS of BIND, the same
 * @mem: Guest memory
 * @have_state: SET_STATE was called
 * @te: Translation is enabled
 * @rtaddr: RTADDR_REG
 * @cap: CAP_REG
 * @ecap: ECAP_REG
 * @caps: The same, decoded
 * @devices: Devices of the unit
 * @groups: Their host groups
 * @domains: Shadow domains in use
 * @max_nodes: Limit of @nr_nodes
 * @max_pages: Limit of @nr_pages
 * @nr_nodes: Mirror nodes
 * @nr_pages: Pages of 4 KiB mapped in all domains
 * @nr_pasids: PASIDs of all devices
 * @pasids_reported: There are more than the limit, and that was reported
 * @seq: Number of batches so far
 * @limit_reported: The last batch that reached a limit was reported
 * @troubled: The host refused something that it may do later
 * @retry_ms: When @retry will be done, in milliseconds from when it is queued
 * @retry: Tries it again; takes @lock
 * @memcg: Memory that @retry takes is charged to it
 * @stats: Counters
 * @events: What the VMM can read
 * @fetched: Scratch: entries of the table being synced; NULL before there was a domain
 * @sg: Scratch: VTDS_SG_ENTRIES runs of host memory, the same
 * @run: Scratch: what is being collected in @sg
 * @descs: Scratch: descriptors of the VMM's
 */
struct vtds_unit {
	struct kref ref;
	struct rw_semaphore unmap_rwsem;
	struct mutex lock; /* all that follows */
	bool claimed;
	struct iommufd_ctx *ictx;
	u32 ioas_id;
	struct vtds_guest_mem mem;
	bool have_state;
	bool te;
	u64 rtaddr;
	u64 cap;
	u64 ecap;
	struct vtds_caps caps;
	struct list_head devices;
	struct list_head groups;
	struct list_head domains;
	u64 max_nodes;
	u64 max_pages;
	u64 nr_nodes;
	u64 nr_pages;
	u32 nr_pasids;
	bool pasids_reported;
	u64 seq;
	bool limit_reported;
	bool troubled;
	unsigned int retry_ms;
	struct delayed_work retry;
	struct mem_cgroup *memcg;
	struct vtds_stats stats;
	struct vtds_events *events;
	u64 *fetched;
	struct scatterlist *sg;
	struct vtds_run run;
	u64 descs[VTDS_ARRAY_QWORDS];
};

/**
 * struct vtds_batch - What one ioctl does to a unit, with one flush at its end
 * @unit: The unit, locked
 * @seq: Number of this batch
 * @error: First reason (negative errno) why something was not installed, or 0
 * @refused: How many entries were not
 * @may_pass: The host refused something that it may do later
 * @remove_only: Nothing more is installed: a budget is used up or the caller is
 *               dying. The rest of the batch only revokes, which is bounded by
 *               what is mirrored
 */
struct vtds_batch {
	struct vtds_unit *unit;
	u64 seq;
	int error;
	unsigned long refused;
	bool may_pass;
	bool remove_only;
};

/* main.c */
extern unsigned long vtds_max_nodes;
extern unsigned long vtds_max_pages;
extern unsigned int vtds_max_pasids;

/* unit.c */
struct vtds_unit *vtds_unit_alloc(void);
void vtds_unit_put(struct vtds_unit *unit);
void vtds_unit_release(struct vtds_unit *unit);
void vtds_unit_drop_bound(struct vtds_unit *unit, struct vtds_bound *bound);
int vtds_unit_lock(struct vtds_unit *unit, bool need_state);
int vtds_unit_bind(struct vtds_unit *unit, void *cmd);

/* error.c */
bool vtds_error_is_guests(int error);
bool vtds_error_may_pass(int error);

/* work.c */
int vtds_work_begin(void);
void vtds_work_end(void);
void vtds_work_queue(struct delayed_work *work, unsigned int ms);

/* info.c */
int vtds_unit_get_info(struct vtds_unit *unit, void *cmd);

/* ioctl.c */
int vtds_check_set_state(const void *cmd);
int vtds_set_state(struct vtds_batch *batch, void *cmd);
int vtds_add_device(struct vtds_batch *batch, void *cmd);
int vtds_remove_device(struct vtds_batch *batch, void *cmd);
int vtds_check_invalidate(const void *cmd);
int vtds_invalidate(struct vtds_batch *batch, void *cmd);
int vtds_run_queue(struct vtds_batch *batch, void *cmd);
int vtds_resync(struct vtds_batch *batch, void *cmd);
int vtds_get_stats(struct vtds_unit *unit, void *cmd);

/* translate.c */
int vtds_check_translate(const void *cmd);
int vtds_translate(struct vtds_unit *unit, void *cmd);

/* retry.c */
/* Milliseconds to the first attempt */
#define VTDS_RETRY_FIRST 100U

void vtds_retry_init(struct vtds_unit *unit);
void vtds_retry_bind(struct vtds_unit *unit);
void vtds_retry_stop(struct vtds_unit *unit);
void vtds_retry_run(struct vtds_unit *unit);

/* batch.c */
void vtds_batch_fail(struct vtds_batch *batch, int error);
void vtds_batch_exhaust(struct vtds_batch *batch);
void vtds_batch_kill(struct vtds_batch *batch);

/* Begins a batch on a locked unit. */
static inline void vtds_batch_begin(struct vtds_batch *batch,
				    struct vtds_unit *unit)
{
	lockdep_assert_held(&unit->lock);
	*batch = (struct vtds_batch){ .unit = unit, .seq = ++unit->seq };
}

/* Whether the batch may still take memory and time for installing. */
static inline bool vtds_batch_may_install(struct vtds_batch *batch)
{
	if (unlikely(!batch->remove_only && fatal_signal_pending(current)))
		vtds_batch_kill(batch);
	return !batch->remove_only;
}

/* flush.c */
void __vtds_batch_flush(struct vtds_batch *batch);
void vtds_batch_retry_later(struct vtds_batch *batch);

/**
 * vtds_batch_flush() - Make all that was revoked so far dead
 * @batch: The batch
 *
 * A domain on which the host failed loses its devices: detaching is the last way
 * to make sure that they reach nothing.
 */
static inline void vtds_batch_flush(struct vtds_batch *batch)
{
	const struct vtds_unit *unit = batch->unit;
	const struct vtds_domain *domain;
	bool pending = vtds_mem_needs_trim(&unit->mem);

	list_for_each_entry(domain, &unit->domains, entry)
		pending |= domain->host.need_flush || domain->host.broken;
	if (pending)
		__vtds_batch_flush(batch);
}

/* Ends a batch. Returns the positive errno to report, or 0. */
static inline u32 vtds_batch_end(struct vtds_batch *batch)
{
	vtds_batch_flush(batch);
	if (!batch->remove_only)
		batch->unit->limit_reported = false;
	if (unlikely(batch->may_pass))
		vtds_batch_retry_later(batch);
	return -batch->error;
}

/* caps.c */
u64 vtds_caps_cap_mask(void);
u64 vtds_caps_ecap_mask(void);
int vtds_caps_decode(struct vtds_caps *caps, u64 cap, u64 ecap, u32 haw);
u64 vtds_caps_reserved(const struct vtds_caps *caps, unsigned int level,
		       bool leaf);
bool vtds_caps_entry_reserved(const struct vtds_caps *caps, u64 raw,
			      unsigned int level);

/* bound.c */
struct vtds_bound *vtds_bound_alloc(void);
void vtds_bound_put(struct vtds_bound *bound);
void vtds_bound_add(struct vtds_bound *bound, struct vfio_device *vdev,
		    struct iommufd_ctx *ictx, u32 dev_id);
struct vtds_bound *vtds_bound_remove(struct vfio_device *vdev,
				     struct vtds_unit **unit);
struct vtds_bound *vtds_bound_begin_attach(struct vfio_device *vdev,
					   bool *was_attached);
struct vtds_bound *vtds_bound_of_vmm(struct vfio_device *vdev);
void vtds_bound_end_attach(struct vtds_bound *bound);
struct vtds_bound *vtds_bound_claim(struct vtds_unit *unit, u32 dev_id);
void vtds_bound_release(struct vtds_bound *bound);
struct iommu_group *vtds_bound_info(struct vtds_unit *unit,
				    struct vtd_shadow_get_info *cmd);

/* identity.c */
struct vtds_dev_pasid vtds_device_pasid(const struct vtds_device *dev,
					u32 pasid);
int vtds_device_attach_identity(struct vtds_device *dev, u32 pasid);
void vtds_device_detach_identity(struct vtds_device *dev, u32 pasid);
int vtds_device_try_identity(struct vtds_device *dev);
phys_addr_t vtds_device_reaches(const struct vtds_device *dev, u64 iova);
bool vtds_device_identity_has(const struct vtds_device *dev, u64 gpa,
			      unsigned long pfn);

/* group.c */
struct vtds_group *vtds_group_get(struct vtds_unit *unit,
				  struct iommu_group *iommu_group);
void vtds_group_free(struct vtds_group *group);
void vtds_group_update(struct vtds_batch *batch, struct vtds_group *group);
void vtds_group_detach(struct vtds_group *group);
bool vtds_groups_block_domain(struct vtds_unit *unit,
			      struct vtds_domain *domain);

/* device.c */
int vtds_device_add(struct vtds_batch *batch,
		    const struct vtd_shadow_add_device *cmd);
int vtds_device_join(struct vtds_batch *batch, struct vtds_device *dev);
int vtds_device_remove(struct vtds_batch *batch, u32 dev_id);
void vtds_device_drop(struct vtds_batch *batch, struct vtds_device *dev);
void vtds_devices_refresh(struct vtds_batch *batch, u16 sid, u16 mask);
void vtds_devices_leave_shadows(struct vtds_batch *batch);
void vtds_devices_block_domain(struct vtds_batch *batch,
			       struct vtds_domain *domain);
struct vtds_device *vtds_device_by_sid(struct vtds_unit *unit, u16 sid,
				       struct vtds_guest_ctx *ctx);

/* guest_ctx.c */
int vtds_guest_ctx_block(struct vtds_guest_ctx *ctx,
			 enum vtd_fault_reason reason, bool fpd);
int vtds_guest_ctx_unreadable(struct vtds_guest_ctx *ctx, int error,
			      enum vtd_fault_reason reason);
void vtds_guest_ctx_note(struct vtds_guest_ctx *ctx, const u64 *entry,
			 unsigned int nr_qwords);
u64 vtds_beyond_haw(const struct vtds_caps *caps);
int vtds_unit_mode(const struct vtds_unit *unit);
bool vtds_unit_is_scalable(const struct vtds_unit *unit);
enum vtd_fault_reason vtds_unit_reason(const struct vtds_unit *unit,
				       enum vtd_fault_reason legacy);

/* context.c */
void vtds_context_read(struct vtds_unit *unit, u16 sid,
		       struct vtds_guest_ctx *ctx);
int vtds_context_decode(const struct vtds_caps *caps, const u64 entry[2],
			struct vtds_guest_ctx *ctx);

/* scalable.c */
/**
 * struct vtds_directory - The PASID directory of a scalable-mode context entry
 * @gpa: Its guest physical address
 * @entries: How many entries it has
 * @pasids: Requests with PASID are permitted (PASIDE)
 */
struct vtds_directory {
	u64 gpa;
	u32 entries;
	bool pasids;
};

int vtds_scalable_context_decode(const struct vtds_caps *caps,
				 const u64 entry[4], struct vtds_guest_ctx *ctx,
				 struct vtds_directory *directory);
int vtds_pasid_decode(const struct vtds_caps *caps, const u64 entry[8],
		      struct vtds_guest_ctx *ctx);
void vtds_scalable_read(struct vtds_unit *unit, u16 sid,
			struct vtds_guest_ctx *ctx);
void vtds_scalable_read_pasid(struct vtds_unit *unit, u16 sid, u32 pasid,
			      struct vtds_guest_ctx *ctx);

/**
 * struct vtds_pasid_iter - Visits the PASID entries of a source-id
 * @batch: The batch
 * @context: What the context entry says; @context.pasid is RID_PASID
 * @path: The same, with what the directory entry at hand says
 * @directory: Guest physical address of the PASID directory
 * @table: Of the PASID table at hand
 * @next: The PASID whose entry is next
 * @end: The PASID after the last one
 */
struct vtds_pasid_iter {
	struct vtds_batch *batch;
	struct vtds_guest_ctx context;
	struct vtds_guest_ctx path;
	u64 directory;
	u64 table;
	u32 next;
	u32 end;
};

void vtds_pasid_iter_begin(struct vtds_pasid_iter *iter,
			   struct vtds_batch *batch, u16 sid);
bool vtds_pasid_iter_next(struct vtds_pasid_iter *iter,
			  struct vtds_guest_ctx *ctx);

/* pasid.c */
void vtds_pasids_refresh(struct vtds_batch *batch, struct vtds_device *dev);
void vtds_pasids_regroup(struct vtds_batch *batch, struct vtds_group *group);
void vtds_pasids_clear(struct vtds_device *dev);
enum vtd_shadow_attachment vtds_pasid_lookup(struct vtds_device *dev,
					     u32 number,
					     struct vtds_guest_ctx *ctx,
					     struct vtds_domain **domain);
bool vtds_pasid_is_none(const struct vtds_device *dev, u32 number);
void vtds_pasids_block_domain(struct vtds_unit *unit,
			      struct vtds_domain *domain);

/* inval.c */
/* Quadwords of a descriptor */
#define VTDS_NARROW_QWORDS 2
#define VTDS_WIDE_QWORDS 4

/**
 * enum vtds_inval_action - What a descriptor asks for
 * @VTDS_NOTHING: Nothing that concerns the shadow
 * @VTDS_REFRESH: Read contexts again
 * @VTDS_SYNC: Sync domains
 * @VTDS_FLUSH: Make what came before take effect
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
enum vtd_shadow_iqei vtds_inval_run(struct vtds_batch *batch, const u64 *desc,
				    unsigned int nr_qwords,
				    struct vtds_inval *inval);

/* queue.c */
int vtds_queue_run_array(struct vtds_batch *batch,
			 struct vtd_shadow_invalidate *cmd);
int vtds_queue_run_guest(struct vtds_batch *batch,
			 struct vtd_shadow_run_queue *cmd);

/* event.c */
struct vtds_events *vtds_events_alloc(void);
void vtds_events_free(struct vtds_events *events);
void vtds_event_ctx(struct vtds_unit *unit, struct vtds_source *source);
void vtds_event_attach(struct vtds_unit *unit, const struct vtds_source *source,
		       int error);
void vtds_event_limit(struct vtds_unit *unit);
void vtds_event_recovered(struct vtds_unit *unit);
void vtds_event_refused(const struct vtds_domain *domain, u64 iova, bool is_top,
			bool is_table, int error);
ssize_t vtds_events_read(struct vtds_events *events, char __user *to,
			 size_t size, bool nonblock);
__poll_t vtds_events_poll(struct vtds_events *events, struct file *file,
			  struct poll_table_struct *wait);

/* domain.c */
struct vtds_domain *vtds_domain_attach(struct vtds_batch *batch,
				       const struct vtds_dev_pasid *dev_pasid,
				       const struct vtds_guest_ctx *ctx);
void vtds_domain_detach(struct vtds_domain *domain,
			const struct vtds_dev_pasid *dev_pasid);
bool vtds_domain_memory_gone(struct vtds_batch *batch,
			     struct vtds_domain *domain, u64 first, u64 last);
void vtds_domain_init_limits(struct vtds_domain *domain);

/* Whether any of [iova, iova + size) must stay unmapped. */
static inline bool vtds_domain_reserves(const struct vtds_domain *domain,
					u64 iova, u64 size)
{
	for (unsigned int i = 0; i < domain->nr_reserved; i++)
		if (iova <= domain->reserved[i].last &&
		    iova + size - 1 >= domain->reserved[i].first)
			return true;
	return false;
}

/* mirror.c */
struct vtds_node *vtds_node_alloc(struct vtds_batch *batch, unsigned int level,
				  unsigned int perm);
void vtds_node_free(struct vtds_domain *domain, struct vtds_node *node);
int __vtds_node_set_table(struct vtds_domain *domain, struct vtds_node *node,
			  u64 gpa);

/*
 * Whether a node has a page of the guest to read. The host may have found the page
 * poisoned since it was pinned; the kernel must not touch it then.
 */
static inline bool vtds_node_readable(const struct vtds_node *node)
{
	return node->table &&
	       likely(!is_page_hwpoison(virt_to_page(node->table)));
}

/**
 * vtds_node_set_table() - Point a node to a table page of the guest
 * @domain: The domain
 * @node: The node; it keeps its entries
 * @gpa: Page address
 *
 * Return: 0, or a negative errno if there is no readable memory; the node has
 * no table then.
 */
static inline int vtds_node_set_table(struct vtds_domain *domain,
				      struct vtds_node *node, u64 gpa)
{
	if (vtds_node_readable(node) && node->gpa == gpa)
		return 0;
	return __vtds_node_set_table(domain, node, gpa);
}

void vtds_node_put_table(struct vtds_domain *domain, struct vtds_node *node);
bool vtds_node_note_refused(struct vtds_domain *domain, struct vtds_node *node,
			    unsigned int index, u64 raw);
void __vtds_node_forget_refused(struct vtds_domain *domain,
				struct vtds_node *node, unsigned int start,
				unsigned int end);

/* Entries [start, end) are as they should be, or changed. */
static inline void vtds_node_forget_refused(struct vtds_domain *domain,
					    struct vtds_node *node,
					    unsigned int start,
					    unsigned int end)
{
	if (unlikely(node->refused))
		__vtds_node_forget_refused(domain, node, start, end);
}

u64 vtds_node_fetch(const struct vtds_node *node, unsigned int index);
void vtds_mirror_clear(struct vtds_domain *domain, struct vtds_node *node,
		       u64 base);
void vtds_mirror_zap_leaf(struct vtds_domain *domain, struct vtds_node *node,
			  unsigned int index, u64 iova);
void vtds_mirror_zap_leaves(struct vtds_domain *domain, u64 base,
			    unsigned int start, unsigned int end);
bool vtds_mirror_evict(struct vtds_domain *domain, struct vtds_node *node,
		       u64 base, u64 first, u64 last);

/**
 * struct vtds_leaf - Result of a mirror look-up
 * @raw: The entry that ends the walk, as recorded
 * @gpa: Where the address leads
 * @perm: VTD_SS_RW as left by the path and the entry, before memory's own
 * @level: Level of the guest's leaf
 * @reason: Why it leads nowhere: enum vtd_fault_reason, or 0
 */
struct vtds_leaf {
	u64 raw;
	u64 gpa;
	u8 perm;
	u8 level;
	u8 reason;
};

void vtds_mirror_lookup(const struct vtds_domain *domain, u64 iova,
			struct vtds_leaf *leaf);

/**
 * struct vtds_walk - One sync
 * @batch: What it is part of
 * @domain: What is synced
 * @piece_error: Why a piece of the superpage leaf at hand was not installed, or 0
 * @piece_iova: Address of the first such piece
 */
struct vtds_walk {
	struct vtds_batch *batch;
	struct vtds_domain *domain;
	int piece_error;
	u64 piece_iova;
};

/* install.c */
void vtds_walk_refuse(struct vtds_walk *walk, struct vtds_node *node, u64 iova,
		      u64 raw, int error);
int vtds_walk_allowed(struct vtds_walk *walk, u64 iova, u64 size);
int vtds_walk_permit(const struct vtds_walk *walk, unsigned int *perm,
		     unsigned int mem_perm);
int vtds_run_map(struct vtds_walk *walk);

/* Whether all leaves in a range are allowed. If not some may be nevertheless. */
static inline bool vtds_walk_all_allowed(struct vtds_walk *walk, u64 iova,
					 u64 size)
{
	const struct vtds_host_domain *host = &walk->domain->host;
	const struct vtds_unit *unit = walk->batch->unit;

	return vtds_batch_may_install(walk->batch) && iova >= host->first &&
	       iova + size - 1 <= host->last &&
	       unit->nr_pages + (size >> VTD_PAGE_SHIFT) <= unit->max_pages;
}

static inline void vtds_run_begin(struct vtds_walk *walk, u64 iova,
				  unsigned int perm)
{
	struct vtds_run *run = &walk->batch->unit->run;

	run->iova = iova;
	run->size = 0;
	run->nents = 0;
	run->perm = perm;
}

/* Adds @size bytes of host memory at @pfn; the caller sees to VTDS_SG_ENTRIES. */
static inline void vtds_run_add(struct vtds_walk *walk, unsigned long pfn,
				u64 size)
{
	struct vtds_run *run = &walk->batch->unit->run;
	struct scatterlist *sg = &walk->batch->unit->sg[run->nents];

	if (run->nents && run->next == pfn) {
		sg[-1].length += size;
	} else {
		sg_set_page(sg, pfn_to_page(pfn), size, 0);
		run->nents++;
	}
	run->next = pfn + (size >> VTD_PAGE_SHIFT);
	run->size += size;
}

int vtds_install_super(struct vtds_walk *walk, struct vtds_node *node, u64 iova,
		       u64 raw, unsigned int perm);

/* leaves.c */
void vtds_leaves_sync(struct vtds_walk *walk, struct vtds_node *node, u64 base,
		      unsigned int perm, unsigned int start, unsigned int end);

/* sync.c */
int vtds_sync_need_scratch(struct vtds_unit *unit);
void vtds_domain_sync(struct vtds_batch *batch, struct vtds_domain *domain,
		      u64 first, u64 last);
void vtds_domain_sync_full(struct vtds_batch *batch,
			   struct vtds_domain *domain);

/* linger.c */
bool vtds_linger_has(struct iommu_domain *domain, struct device *dev);
void vtds_linger_detach(struct iommu_domain *domain, struct iommu_group *group);
void vtds_linger_add(struct iommu_domain *domain,
		     const struct vtds_dev_pasid *dev_pasid);
void vtds_linger_free_now(struct iommu_domain *domain);
void vtds_linger_free(struct iommu_domain *domain);
bool vtds_linger_run(void);
void vtds_linger_end(void);

/* host_domain.c */
bool vtds_host_domain_suits(const struct vtds_host_domain *host,
			    struct device *dev);
int vtds_host_domain_alloc(struct vtds_host_domain *host, struct device *dev);
void vtds_host_domain_init(struct vtds_host_domain *host,
			   struct iommu_domain *domain);
void vtds_host_domain_free(struct vtds_host_domain *host);
int vtds_host_domain_attach(struct vtds_host_domain *host,
			    const struct vtds_dev_pasid *dev_pasid);
void vtds_host_domain_detach(struct vtds_host_domain *host,
			     const struct vtds_dev_pasid *dev_pasid);
int vtds_host_reserved(struct iommu_group *group, struct vtds_range *ranges,
		       unsigned int room);
int vtds_host_domain_probe(struct vtds_host_domain *host);
int vtds_host_map(struct vtds_host_domain *host, struct vtds_stats *stats,
		  u64 iova, struct scatterlist *sg, unsigned int nents,
		  unsigned int perm);
void vtds_host_unmap(struct vtds_host_domain *host, struct vtds_stats *stats,
		     u64 iova, u64 size);
void vtds_host_flush(struct vtds_host_domain *host, struct vtds_stats *stats);
phys_addr_t vtds_host_lookup(struct vtds_host_domain *host, u64 iova);

/* guest_pin.c */
int vtds_pin_check_pfn(unsigned long pfn);
int vtds_pin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages,
		   struct page **pages, unsigned int perm);
void vtds_unpin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages);

/* guest_chunk.c */
int vtds_chunk_pin(struct vtds_pins *pins, struct vtds_chunk *chunk);
void vtds_chunk_free(struct vtds_pins *pins, struct vtds_chunk *chunk);
int vtds_chunk_split(struct vtds_pins *pins, struct vtds_chunk *chunk,
		     u64 first, u64 last);
void vtds_chunk_end_split(struct vtds_pins *pins, struct vtds_chunk *chunk);
void vtds_chunk_unpin(struct vtds_pins *pins, struct vtds_chunk *chunk,
		      u64 first, u64 last);
int vtds_chunk_perm(struct vtds_pins *pins, struct vtds_chunk *chunk,
		    unsigned int *perm);
int __vtds_chunk_page(struct vtds_pins *pins, struct vtds_chunk *chunk, u64 gpa,
		      unsigned long *pfn, unsigned int *perm);

static inline u64 vtds_chunk_first(const struct vtds_chunk *chunk)
{
	return (u64)chunk->gfn << VTD_PAGE_SHIFT;
}

static inline u64 vtds_chunk_last(const struct vtds_chunk *chunk)
{
	return vtds_chunk_first(chunk) + VTDS_CHUNK_SIZE - 1;
}

/* Number of a page in its chunk */
static inline unsigned int vtds_chunk_offset(u64 gpa)
{
	return (gpa >> VTD_PAGE_SHIFT) % VTDS_CHUNK_PAGES;
}

static inline bool vtds_chunk_is_contiguous(const struct vtds_chunk *chunk)
{
	return !chunk->pfns && !chunk->offsets;
}

/* Host frame of a page in a chunk that was pinned as a whole */
static inline unsigned long vtds_chunk_pfn(const struct vtds_chunk *chunk,
					   u64 gpa)
{
	unsigned int offset = (gpa >> VTD_PAGE_SHIFT) % VTDS_CHUNK_PAGES;

	return chunk->base_pfn +
	       (chunk->offsets ? chunk->offsets[offset] : offset);
}

/**
 * vtds_chunk_page() - Host frame of a guest page
 * @pins: Where it is pinned
 * @chunk: The chunk of @gpa, with a user of the caller's
 * @gpa: Any address in the page
 * @pfn: Output, the host frame, pinned as long as the chunk has users
 * @perm: Output, VTD_SS_R, VTD_SS_W or both: what a device may do with it
 *
 * Return: 0, -ENOENT if there is no memory, or another error of iommufd.
 */
static inline int vtds_chunk_page(struct vtds_pins *pins,
				  struct vtds_chunk *chunk, u64 gpa,
				  unsigned long *pfn, unsigned int *perm)
{
	if (unlikely(chunk->pfns))
		return __vtds_chunk_page(pins, chunk, gpa, pfn, perm);
	*pfn = vtds_chunk_pfn(chunk, gpa);
	*perm = VTD_SS_RW;
	return 0;
}

/* guest_mem.c */
int vtds_mem_init(struct vtds_guest_mem *mem);
void vtds_mem_destroy(struct vtds_guest_mem *mem);
struct vtds_chunk *__vtds_mem_get(struct vtds_guest_mem *mem, u64 gpa);
void __vtds_mem_put(struct vtds_guest_mem *mem, struct vtds_chunk *chunk);
void vtds_mem_trim(struct vtds_guest_mem *mem);
void vtds_mem_put_range(struct vtds_guest_mem *mem, u64 gpa, u64 size);

/* Where a chunk is found without a search, if it is the last that was used there */
static inline struct vtds_chunk **vtds_mem_slot(struct vtds_guest_mem *mem,
						unsigned long index)
{
	return &mem->recent[index & (mem->nr_recent - 1)];
}

/**
 * struct vtds_mem_recent - Chunks that are found without a search, for use in loops
 * @slots: vtds_guest_mem.recent
 * @mask: For the number of a chunk
 */
struct vtds_mem_recent {
	struct vtds_chunk *const *slots;
	unsigned long mask;
};

/* Valid until a chunk is made. */
static inline struct vtds_mem_recent
vtds_mem_recents(const struct vtds_guest_mem *mem)
{
	return (struct vtds_mem_recent){ mem->recent, mem->nr_recent - 1 };
}

/* One of them, or NULL */
static inline struct vtds_chunk *vtds_mem_recent(struct vtds_mem_recent recent,
						 u64 gpa)
{
	unsigned long index = gpa / VTDS_CHUNK_SIZE;
	struct vtds_chunk *chunk = recent.slots[index & recent.mask];

	return chunk && chunk->gfn == index * VTDS_CHUNK_PAGES ? chunk : NULL;
}

/**
 * vtds_mem_get() - Find or pin the chunk that holds an address
 * @mem: Guest memory
 * @gpa: Any address in it
 *
 * Context: under the lock of the unit, may sleep.
 * Return: the chunk with one user more, or an ERR_PTR(-ENOMEM). Memory that is
 * not there is no error here but of vtds_mem_page().
 */
static inline struct vtds_chunk *vtds_mem_get(struct vtds_guest_mem *mem,
					      u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(vtds_mem_recents(mem), gpa);

	if (unlikely(!chunk || !chunk->users))
		return __vtds_mem_get(mem, gpa);
	chunk->users++;
	return chunk;
}

/**
 * vtds_mem_put() - Give back what vtds_mem_get() returned
 * @mem: Guest memory
 * @chunk: The chunk. What is pinned stays so until vtds_mem_trim() at least, but
 *         the chunk itself may be gone
 */
static inline void vtds_mem_put(struct vtds_guest_mem *mem,
				struct vtds_chunk *chunk)
{
	if (unlikely(!--chunk->users))
		__vtds_mem_put(mem, chunk);
}

/* The same for the user that a leaf of 4 KiB is of its chunk, in a loop. */
static inline void vtds_mem_put_recent(struct vtds_guest_mem *mem,
				       struct vtds_mem_recent recent, u64 gpa)
{
	struct vtds_chunk *chunk = vtds_mem_recent(recent, gpa);

	if (likely(chunk && chunk->users > 1))
		chunk->users--;
	else
		vtds_mem_put_range(mem, gpa, VTD_PAGE_SIZE);
}

/* The same once */
static inline void vtds_mem_put_page(struct vtds_guest_mem *mem, u64 gpa)
{
	vtds_mem_put_recent(mem, vtds_mem_recents(mem), gpa);
}

/* vtds_chunk_page() of a chunk of guest memory */
static inline int vtds_mem_page(struct vtds_guest_mem *mem,
				struct vtds_chunk *chunk, u64 gpa,
				unsigned long *pfn, unsigned int *perm)
{
	return vtds_chunk_page(&mem->pins, chunk, gpa, pfn, perm);
}

int vtds_mem_find(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
		  unsigned int *perm);
int vtds_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			unsigned int nr_qwords);
int vtds_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value);
bool vtds_mem_has(struct vtds_guest_mem *mem, u64 first, u64 last);
void vtds_mem_evict_begin(struct vtds_guest_mem *mem, u64 *first, u64 *last);
void vtds_mem_evict_end(struct vtds_guest_mem *mem, u64 first, u64 last);

#if IS_ENABLED(CONFIG_KUNIT)
/* Static unless unit tests replace or call them */
/* What read() does for each event */
bool vtds_event_take(struct vtds_events *events,
		     struct vtd_shadow_event *event);
/* iommufd calls it when guest memory goes away */
bool vtds_pci_is_denied(struct pci_dev *pdev);
void vtds_unit_memory_gone(void *data, unsigned long iova,
			   unsigned long length);
#endif

#endif /* VTD_SHADOW_PRIVATE_H */
