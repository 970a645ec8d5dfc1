/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests and the demo of vtd_shadow share: the VMM's side (iommufd,
 * VFIO, the unit), the guest's side (memory, tables) and the devices that do
 * the DMA.
 *
 * Functions that return int return 0 or a negative errno, unless said
 * otherwise. Descriptors are in vtds_desc.h, the fixture that most tests begin
 * with in vtds_scene.h.
 */
#ifndef VTDS_LIB_H
#define VTDS_LIB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/vtd_shadow.h>

struct iommu_iova_range;

#define SZ_4K 0x1000ULL
#define SZ_64K 0x10000ULL
#define SZ_1M 0x100000ULL
#define SZ_2M 0x200000ULL
#define SZ_1G 0x40000000ULL

/* Writes there are interrupts, never DMA */
#define INTERRUPTS 0xfee00000ULL
#define INTERRUPTS_SIZE SZ_1M

#define PERM_NONE 0
#define PERM_R VTD_SHADOW_PERM_READ
#define PERM_W VTD_SHADOW_PERM_WRITE
#define PERM_RW (PERM_R | PERM_W)

/* VT-d fault reasons, specification appendix A */
enum {
	FAULT_ROOT_NOT_PRESENT = 0x1,
	FAULT_CTX_NOT_PRESENT = 0x2,
	FAULT_CTX_INVALID = 0x3,
	FAULT_BEYOND_WIDTH = 0x4,
	FAULT_NO_WRITE = 0x5,
	FAULT_NO_READ = 0x6,
	FAULT_TABLE_UNREADABLE = 0x7,
	FAULT_ROOT_UNREADABLE = 0x8,
	FAULT_CTX_UNREADABLE = 0x9,
	FAULT_ROOT_RESERVED = 0xa,
	FAULT_CTX_RESERVED = 0xb,
	FAULT_SS_RESERVED = 0xc,
	FAULT_INTERRUPT_RANGE = 0xe,
};

/* Reasons of scalable mode */
enum {
	FAULT_SM_ROOT_ADDRESS = 0x30,
	FAULT_PASID_IN_LEGACY_MODE = 0x31,
	FAULT_SM_ROOT_UNREADABLE = 0x38,
	FAULT_SM_ROOT_NOT_PRESENT = 0x39,
	FAULT_SM_ROOT_RESERVED = 0x3a,
	FAULT_SM_CTX_UNREADABLE = 0x40,
	FAULT_SM_CTX_NOT_PRESENT = 0x41,
	FAULT_SM_CTX_RESERVED = 0x42,
	FAULT_SM_PASID_DISABLED = 0x45,
	FAULT_SM_PASID_TOO_LARGE = 0x46,
	FAULT_SM_RID_PASID = 0x48,
	FAULT_DIR_UNREADABLE = 0x50,
	FAULT_DIR_NOT_PRESENT = 0x51,
	FAULT_DIR_RESERVED = 0x52,
	FAULT_PASID_UNREADABLE = 0x58,
	FAULT_PASID_NOT_PRESENT = 0x59,
	FAULT_PASID_RESERVED = 0x5a,
	FAULT_PASID_INVALID = 0x5b,
	FAULT_SM_TABLE_UNREADABLE = 0x78,
	FAULT_SM_SS_RESERVED = 0x7a,
	FAULT_SM_TOP_UNREADABLE = 0x7b,
	FAULT_SM_BEYOND_WIDTH = 0x83,
	FAULT_SM_NO_WRITE = 0x85,
	FAULT_SM_NO_READ = 0x86,
	FAULT_SM_INTERRUPT_RANGE = 0x87,
};

/* ---- The VMM: iommufd with one IOAS that is the guest's memory (vmm.c) ---- */

struct vtds_vmm {
	int iommufd;
	__u32 ioas;
};

int vtds_vmm_open(struct vtds_vmm *vmm);
void vtds_vmm_close(struct vtds_vmm *vmm);
int vtds_ioas_alloc(struct vtds_vmm *vmm, __u32 *ioas);
int vtds_ioas_map(struct vtds_vmm *vmm, __u32 ioas, const void *hva, __u64 iova,
		  __u64 size, unsigned int perm);
int vtds_ioas_unmap(struct vtds_vmm *vmm, __u32 ioas, __u64 iova, __u64 size);
int vtds_ioas_ranges(struct vtds_vmm *vmm, __u32 ioas,
		     struct iommu_iova_range *ranges, unsigned int max);
int vtds_hwpt_alloc(struct vtds_vmm *vmm, __u32 dev_id, __u32 ioas,
		    __u32 *hwpt);
int vtds_destroy(struct vtds_vmm *vmm, __u32 id);

/* ---- The unit: one open file of /dev/vtd_shadow (unit.c) ---- */

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
int vtds_resync(struct vtds_unit *unit);
int vtds_translate(struct vtds_unit *unit, __u16 sid, __u64 iova,
		   struct vtd_shadow_translate *result);
int vtds_stats(struct vtds_unit *unit, struct vtd_shadow_get_stats *stats);
unsigned long vtds_stat(struct vtds_unit *unit, size_t offset);
int vtds_events(struct vtds_unit *unit, struct vtd_shadow_event *events,
		unsigned int max);

/* ---- Devices on VFIO's cdev (vfio.c) ---- */

enum vtds_kind {
	VTDS_EDU, /* QEMU's edu, alone in its IOMMU group */
	VTDS_EDU_SHARED, /* the same, with another one in its group */
	VTDS_NVME, /* QEMU's nvme, alone in its group */
};

/**
 * struct vtds_dev - A device in the hands of the VMM
 * @kind: What it is
 * @bdf: Its address on the host
 * @fd: VFIO cdev
 * @dev_id: iommufd's name for it
 * @sid: Its requester id in the guest
 * @bar: BAR 0
 * @bar_size: Bytes of it
 * @buffer: Guest physical address of the memory that only this device uses. Tests
 *          map it one to one, so that the device reaches it in every setting in
 *          which it reaches anything
 * @buffer_hva: Where this process sees that memory
 * @nvme: State of the NVMe queues; @nvme.alive if the controller runs
 */
struct vtds_dev {
	enum vtds_kind kind;
	char bdf[16];
	int fd;
	__u32 dev_id;
	__u16 sid;
	volatile void *bar;
	size_t bar_size;
	__u64 buffer;
	void *buffer_hva;
	struct {
		bool alive;
		unsigned int tail;
		unsigned int head;
		unsigned int phase;
		__u16 next_cid;
	} nvme;
};

#define VTDS_BUFFER_SIZE (4 * SZ_4K)

int vtds_dev_count(enum vtds_kind kind);
int vtds_dev_open(struct vtds_dev *dev, enum vtds_kind kind,
		  unsigned int index);
int vtds_dev_open_at(struct vtds_dev *dev, enum vtds_kind kind,
		     const char *bdf);
int vtds_dev_enable(struct vtds_dev *dev);
int vtds_dev_bind(struct vtds_dev *dev, int iommufd);
int vtds_dev_attach(struct vtds_dev *dev, __u32 pt_id);
int vtds_dev_detach(struct vtds_dev *dev);
int vtds_dev_reset(struct vtds_dev *dev);
int vtds_dev_hot_reset(struct vtds_dev *dev);
void vtds_dev_close(struct vtds_dev *dev);

/* ---- The guest's memory (guest_ram.c) ---- */

enum vtds_ram_kind {
	VTDS_RAM_SCATTERED, /* small pages, neighbours are strangers on the host */
	VTDS_RAM_2M, /* hugetlb */
	VTDS_RAM_1G, /* hugetlb */
};

/**
 * struct vtds_ram - A block of guest memory
 * @gpa: Its guest physical address
 * @size: Bytes
 * @hva: Where this process sees it
 * @fd: The file that it is, 0 if somebody else keeps that
 */
struct vtds_ram {
	__u64 gpa;
	__u64 size;
	void *hva;
	int fd;
};

#define VTDS_MAX_RAM 8

/**
 * struct vtds_guest - A guest's memory and its root table
 * @ram: Blocks of memory
 * @nr_ram: How many
 * @next: Address in block 0 of the next page to hand out
 * @root: Root table
 * @sm_root: Root table of scalable mode
 */
struct vtds_guest {
	struct vtds_ram ram[VTDS_MAX_RAM];
	unsigned int nr_ram;
	__u64 next;
	__u64 root;
	__u64 sm_root;
};

int vtds_ram_add(struct vtds_guest *guest, enum vtds_ram_kind kind, __u64 gpa,
		 __u64 size);
void vtds_ram_free(struct vtds_guest *guest);
int vtds_ram_map(struct vtds_guest *guest, struct vtds_vmm *vmm);
void *vtds_hva(const struct vtds_guest *guest, __u64 gpa);
__u64 vtds_page(struct vtds_guest *guest);
__u64 vtds_pages(struct vtds_guest *guest, __u64 size, __u64 align);

/* ---- The guest's tables (guest_tables.c) ---- */

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

/* ---- The guest's tables of scalable mode (guest_scalable.c) ---- */

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

/* ---- The guest's invalidation queue (guest_queue.c) ---- */

/**
 * struct vtds_queue - An invalidation queue in guest memory
 * @guest: Whose memory it is in
 * @gpa: Its address
 * @qs: IQA_REG.QS: it has 2^qs pages
 * @wide: IQA_REG.DW: descriptors have 256 bits
 * @head: IQH_REG
 * @tail: IQT_REG
 */
struct vtds_queue {
	struct vtds_guest *guest;
	__u64 gpa;
	unsigned int qs;
	bool wide;
	__u64 head;
	__u64 tail;
};

void vtds_queue_init(struct vtds_queue *queue, struct vtds_guest *guest,
		     unsigned int qs, bool wide);
unsigned int vtds_queue_width(const struct vtds_queue *queue);
unsigned int vtds_queue_entries(const struct vtds_queue *queue);
__u64 vtds_queue_iqa(const struct vtds_queue *queue);
__u64 *vtds_queue_at(struct vtds_queue *queue, __u64 offset);
void vtds_queue_put(struct vtds_queue *queue, const struct vtds_desc *desc);
int vtds_queue_run(struct vtds_unit *unit, struct vtds_queue *queue,
		   struct vtd_shadow_run_queue *result);
int vtds_queue_send(struct vtds_unit *unit, const struct vtds_desc *descs,
		    __u32 nr);

/* ---- edu: slow, one transfer takes 100 ms, but simple (edu.c) ---- */

#define VTDS_EDU_LEN 2048

int vtds_edu_start_read(struct vtds_dev *dev, __u64 iova);
int vtds_edu_start_write(struct vtds_dev *dev, __u64 iova);
int vtds_edu_wait(struct vtds_dev *dev);

/* ---- nvme: thousands of transfers per second (nvme.c) ---- */

int vtds_nvme_start(struct vtds_dev *dev);
int vtds_nvme_identify(struct vtds_dev *dev, __u64 iova);
int vtds_nvme_set_token(struct vtds_dev *dev, __u64 iova);
int vtds_nvme_get_token(struct vtds_dev *dev, __u64 iova);

/* ---- What can a device reach? (probe.c) ---- */

/**
 * struct vtds_probe - One question and its answer
 * @dev: Who
 * @iova: At which address, page-aligned
 * @gpa: Is it this memory that it reaches there?
 * @got: The answer, PERM_*, or -EIO if the device failed the positive control:
 *       it did not reach its buffer just before or after
 */
struct vtds_probe {
	struct vtds_dev *dev;
	__u64 iova;
	__u64 gpa;
	int got;
};

void vtds_probe_all(struct vtds_guest *guest, struct vtds_probe *probes,
		    unsigned int nr);
int vtds_reach(struct vtds_guest *guest, struct vtds_dev *dev, __u64 iova,
	       __u64 gpa);
unsigned int vtds_reach_buffers(struct vtds_dev *devs, unsigned int nr);
int vtds_answer(struct vtds_unit *unit, __u16 sid, __u64 iova, __u64 gpa);
int vtds_fault(struct vtds_unit *unit, __u16 sid, __u64 iova);
int vtds_attachment(struct vtds_unit *unit, __u16 sid);

/* ---- What can the host do? (host.c) ---- */

/**
 * struct vtds_host - The host's IOMMU as VFIO and iommufd show it
 * @write_only: What a device can do with memory that is mapped write-only, PERM_*
 * @intel: It is Intel's, of which nobody tells what its tables can express
 * @first_stage: It is Intel's and has first stage, which cannot express write-only
 * @last: Last address that can be mapped
 * @reserved: First address that the host keeps for itself, before @last and apart
 *            from the interrupt range; 0 if there is none
 */
struct vtds_host {
	unsigned int write_only;
	bool intel;
	bool first_stage;
	__u64 last;
	__u64 reserved;
};

int vtds_host_look(struct vtds_host *host);

/* ---- DMA in the background (load.c) ---- */

#define VTDS_LOAD_MAX 512

/**
 * struct vtds_load - An NVMe device that writes to a list of pages in turn
 * @dev: The device
 * @guest: Where the pages are
 * @iova: Addresses to write to
 * @gpa: Memory that must change by it
 * @nr: How many
 * @skip: Index that is left out, -1 for none
 * @stop: Ask the thread to end
 * @rounds: Transfers done
 * @misses: Transfers that did not arrive
 * @thread: The thread
 */
struct vtds_load {
	struct vtds_dev *dev;
	struct vtds_guest *guest;
	__u64 iova[VTDS_LOAD_MAX];
	__u64 gpa[VTDS_LOAD_MAX];
	unsigned int nr;
	int skip;
	bool stop;
	unsigned long rounds;
	unsigned long misses;
	pthread_t thread;
};

int vtds_load_start(struct vtds_load *load);
unsigned long vtds_load_rounds(struct vtds_load *load);
void vtds_load_wait(struct vtds_load *load, unsigned long rounds);
void vtds_load_stop(struct vtds_load *load);

/* ---- Odds and ends (misc.c) ---- */

double vtds_seconds(void);
void vtds_sleep_ms(unsigned int ms);
long vtds_vm_pin_kb(void);
long vtds_pins_in_system(void);

#endif /* VTDS_LIB_H */
