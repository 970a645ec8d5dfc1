/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer: what its files know of each other. The world in which the engine runs is in
 * kernel.c, sched.c, memory.c, host.c and devices.c; what a guest and a VMM do in guest.c,
 * calls.c and program.c; what must be true in walk.c and check.c.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

/* --- Failures --- */

/**
 * struct inject - What is to go wrong in the world
 * @alloc: The n-th allocation from now on fails; 0: none
 * @pin: The same of pins
 * @pin_error: What pins fail with
 * @stall: The n-th pin from now on takes long
 * @stall_turns: How long: turns of others
 * @map: The same of map calls
 * @forgets: The host says nothing of what it mapped before it failed
 * @unmap: The n-th unmap call does nothing
 * @attach: The same of attachments
 * @attach_error: What attachments fail with
 * @always: All that follow fail, too, until the program says otherwise
 */
struct inject {
	unsigned int alloc;
	unsigned int pin;
	int pin_error;
	unsigned int stall;
	unsigned int stall_turns;
	unsigned int map;
	bool forgets;
	unsigned int unmap;
	unsigned int attach;
	int attach_error;
	bool always;
};

extern struct inject inject;
extern bool fuzz_verbose;

bool inject_now(unsigned int *countdown);
void fuzz_fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void fuzz_work(unsigned int n);
void fuzz_work_begin(void);
bool fuzz_is_overtime(void);
unsigned long fuzz_live_allocations(void);
#define say(...)                             \
	do {                                 \
		if (fuzz_verbose)            \
			printf(__VA_ARGS__); \
	} while (0)

/* --- Guest memory: memory.c, ioas.c --- */

/* Frames with contents, those of a large area, which has none, and all of the guest's */
#define NR_BACKED (9 * 512)
#define NR_HUGE 262144
#define NR_GUEST (NR_BACKED + NR_HUGE)

enum {
	MEM_R = 1,
	MEM_W = 2,
	MEM_RW = 3,
};

#define CHUNK_SIZE 0x200000ULL
#define NO_FRAME (~0U)

void memory_init(void);
void memory_begin(void);
void memory_give_all(void);
unsigned int memory_place(u64 gpa);
unsigned int memory_perm(unsigned int frame);
void memory_show(unsigned int frame, bool shown);
bool memory_is_gone(unsigned int frame);
unsigned int memory_times_taken(void);
unsigned int memory_frame(u64 gpa, unsigned int *perm);
unsigned int memory_static_perm(u64 gpa);
u64 memory_gpa_of_pfn(unsigned long pfn);
unsigned int memory_frame_of_pfn(unsigned long pfn);
unsigned long memory_pfn(unsigned int frame);
u64 memory_read(u64 gpa);
bool memory_write(u64 gpa, u64 value);
bool memory_is_pinned(unsigned int frame);
unsigned long memory_nr_pinned(void);
void memory_take(u64 first, u64 last);
void memory_give(u64 first, u64 last);
void memory_pick_range(unsigned int what, u64 *first, u64 *last);
unsigned long memory_chunk_pins(u64 gpa);
u64 memory_pick(unsigned int what);

/* --- Host domains: host.c --- */

enum host_kind {
	HOST_INTEL,
	HOST_GENERIC,
	HOST_AMD,
	HOST_VIRTIO,
	NR_HOST_KINDS,
};

struct host_leaf {
	u64 iova;
	u64 size;
	phys_addr_t pa;
	int prot;
};

extern enum host_kind host_kind;

struct iommu_domain *host_domain_create(unsigned int iommu);
unsigned int host_nr_domains(void);
struct host_domain;
struct host_domain *to_host(struct iommu_domain *domain);
bool host_find(struct iommu_domain *domain, u64 iova, struct host_leaf *leaf);
bool host_next(struct iommu_domain *domain, u64 iova, struct host_leaf *leaf);
u64 host_nr_pages(struct iommu_domain *domain);
bool host_is_reached(unsigned int frame);
bool host_has_stale(struct iommu_domain *domain);
int host_attach(struct iommu_domain *domain, struct iommu_group *group);
void host_detach(struct iommu_domain *domain, struct iommu_group *group);
bool host_domain_fits(struct iommu_domain *domain, unsigned int iommu);

/* --- Devices: devices.c --- */

#define NR_DEVICES 4
#define IOAS_ID 1
#define HWPT_ID 2
#define WRONG_HWPT_ID 3
#define AUTO_HWPT_ID 4
#define FIRST_DEV_ID 16

void devices_begin(void);
void devices_end(void);
bool device_is_bound(unsigned int nr);
int device_bind(unsigned int nr);
void device_unbind(unsigned int nr);
int device_vmm_attach(unsigned int nr);
void device_vmm_detach(unsigned int nr);
void device_reset(unsigned int nr, bool begins);
void devices_recover(void);
struct iommu_domain *device_domain(unsigned int nr);
struct iommu_domain *device_pasid(unsigned int nr, unsigned int i, u32 *pasid);
bool device_is_stuck(unsigned int nr);
unsigned int device_group(unsigned int nr);
bool any_group_reserves(u64 iova, u64 size);
bool group_reserves(struct iommu_group *group, u64 iova, u64 size);
bool domain_is_identity(struct iommu_domain *domain);
phys_addr_t identity_to_phys(struct iommu_domain *domain, u64 iova);

/* --- What the guest has written: guest.c --- */

/* More values of one word than this are not told apart */
#define MAX_VALUES 8

#define NR_TABLES 32
#define NR_SIDS 6
#define QUEUE_GPA 0x30000ULL
#define STATUS_GPA 0x34000ULL

extern u64 guest_time;
extern const u16 guest_sids[NR_SIDS];

void guest_begin(void);
void guest_write(u64 gpa, u64 value);
void guest_note(u64 gpa);
unsigned int guest_values(u64 gpa, u64 since, u64 *values);
u64 guest_table(unsigned int t);
u64 guest_struct(unsigned int which);
u64 guest_root(bool scalable);
void guest_set_context(unsigned int sid, u64 lo, u64 hi, u64 pasid_lo, u64 did);
void guest_set_pasid(unsigned int sid, u32 pasid, u64 lo, u64 did);

/* --- What guest tables mean: walk.c --- */

/**
 * struct regs - Registers of the unit as the VMM set them last
 * @known: It did
 * @te: Translation is enabled
 * @rtaddr: RTADDR_REG
 * @cap: CAP_REG
 * @ecap: ECAP_REG
 * @haw: Guest physical address width
 */
struct regs {
	bool known;
	bool te;
	u64 rtaddr;
	u64 cap;
	u64 ecap;
	u32 haw;
};

/* Where requests of a device go */
enum where {
	BLOCKED,
	IDENTITY,
	SHADOW,
};

/**
 * struct place - Where requests go, as tables say
 * @where: Kind of place
 * @root: Second-stage table, if SHADOW
 * @levels: Its levels
 * @did: Domain-id
 */
struct place {
	enum where where;
	u64 root;
	unsigned int levels;
	u16 did;
};

/* Requests without PASID */
#define NO_PASID (~0U)

extern struct regs regs;

bool walk_may_lead(u64 root, unsigned int levels, u64 iova, u64 since, u64 gpa,
		   unsigned int perm);
bool place_may_be(u16 sid, u32 pasid, u64 since, const struct place *place);
struct place place_now(u16 sid, u32 pasid, u64 since, bool *stable);

/**
 * struct walk_leaf - A leaf of the guest's tables
 * @iova: First address
 * @size: Bytes
 * @gpa: Where it leads
 * @perm: MEM_R, MEM_W or both
 */
struct walk_leaf {
	u64 iova;
	u64 size;
	u64 gpa;
	unsigned int perm;
};

bool walk_all(u64 root, unsigned int levels, u64 (*since)(u64 iova, void *arg),
	      void (*leaf)(const struct walk_leaf *leaf, void *arg), void *arg);

/* --- Calls of the VMM: calls.c --- */

#define MAX_DESCS 96

/**
 * struct descs - Descriptors as the guest wrote them
 * @count: How many
 * @wide: They have 32 bytes
 * @words: The descriptors
 */
struct descs {
	unsigned int count;
	bool wide;
	u64 words[MAX_DESCS][4];
};

void calls_open(unsigned int limits);
void calls_close(void);
struct vtds_unit *calls_unit(void);
const struct vtds_domain *calls_shadow_of(struct iommu_domain *domain);
void call_set_state(const struct regs *new_regs);
void call_add_device(unsigned int nr, unsigned int sids, u32 identity);
void call_remove_device(unsigned int nr);
bool call_invalidate(const struct descs *descs);
void call_queue(const struct descs *descs, unsigned int at);
void call_queue_raw(u64 iqa, u32 head, u32 tail);
void call_resync(u32 flags, u64 first, u64 last);
void call_translate(u16 sid, u32 pasid, u64 iova);
void call_others(unsigned int what, unsigned int arg);
void call_until_done(void);
void call_read_events(void);

/* --- Whether calls come to an end: progress.c --- */

void progress_result(void);

/* --- What was announced, and what must be true: announce.c, check.c --- */

void announce_begin(void);
void announce_all(u64 time, bool more);
void announce_descs(const struct descs *descs, unsigned int done, u64 time,
		    bool more);
void announce_device(unsigned int nr, const u16 *sids, unsigned int nr_sids,
		     u64 time);
void announce_gone_device(unsigned int nr);
void announce_memory_changed(void);
void announce_memory(u64 time);
void announce_limit(void);
bool announce_is_limited(void);
bool announce_memory_known(void);
u64 announced_range(struct iommu_domain *domain, u64 iova);
u64 announced_context(unsigned int nr);
unsigned int announced_sids(unsigned int nr, const u16 **sids);

void check_now(void);
void check_complete(bool fresh);

/* Of a program */
#define OP_SIZE 6
#define HEADER_SIZE 12
#define MAX_OPS 160

/* --- What a guest does in a program: guest_ops.c --- */

extern struct descs pending;

void op_entry(const u8 *o);
void op_fill(const u8 *o);
void op_path(const u8 *o);
void op_perm(const u8 *o);
void op_copy(const u8 *o);
void op_context(const u8 *o);
void op_pasid(const u8 *o);
void op_struct(const u8 *o);
void op_desc(const u8 *o);
void desc_push(u64 lo, u64 hi);
u64 iova_of(unsigned int level3, unsigned int level2, unsigned int level1);
u32 pasid_of(unsigned int code);

/* --- Others: beside.c --- */

void op_async(const u8 *o);
void op_kill(const u8 *o);
void finish_others(void);

/* --- The program: program.c --- */

void op_hand_over(const struct descs *descs, const u8 *o);
void op_memory(const u8 *o, bool take);
void op_resync(const u8 *o);
void op_device(const u8 *o);
void op_flush(const u8 *o);
void op_flush_pages(const u8 *o);
void op_translate(const u8 *o);

void program_run(const u8 *data, size_t size);

#endif /* FUZZ_FUZZ_H */
