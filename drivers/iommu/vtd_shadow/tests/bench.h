/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bench that the unit tests of vtd_shadow stand on: fake guest memory, a fake
 * host domain behind the real IOMMU core, a unit and a domain of the engine, and
 * an oracle that says what the host should map.
 */
#ifndef VTDS_BENCH_H
#define VTDS_BENCH_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/prandom.h>
#include <linux/rbtree.h>
#include <linux/xarray.h>
#include <uapi/linux/vtd_shadow.h>

#include "../domain.h"
#include "../guest_chunk.h"
#include "../unit.h"
#include "../vtd_format.h"

#define SZ_CHUNK VTDS_CHUNK_SIZE
#define SZ_PAGE VTD_PAGE_SIZE
#define SS_R 0x1ULL
#define SS_W 0x2ULL
#define SS_RW 0x3ULL
#define SS_PS 0x80ULL

/*
 * Guest memory, fake_mem.c
 */

/* What 2 MiB of guest memory look like on the host */
enum fake_kind {
	/* Contiguous, aligned to 2 MiB; two halves of one 4 MiB block */
	FAKE_CONTIG_A,
	FAKE_CONTIG_B,
	/* Contiguous, but not aligned */
	FAKE_OFFSET,
	/* No two neighbours are contiguous */
	FAKE_SCATTERED,
	/* Contiguous runs of 1 to 64 pages */
	FAKE_RUNS,
	/* Read-only pages and holes between writable ones */
	FAKE_MIXED,
	/* Read-only */
	FAKE_ROM,
	/* Contiguous, and shared with no other kind: for tables */
	FAKE_TABLES,
	/* Devices may only write it */
	FAKE_WOM,
	FAKE_KINDS
};

/**
 * struct fake_chunk - Pages of one kind of guest memory
 * @pages: NULL where there is a hole
 * @rom: Bit set: read-only
 */
struct fake_chunk {
	struct page *pages[VTDS_CHUNK_PAGES];
	DECLARE_BITMAP(rom, VTDS_CHUNK_PAGES);
};

/* Guest memory at [first, last], every chunk of it of one kind */
struct fake_area {
	u64 first;
	u64 last;
	enum fake_kind kind;
};

#define FAKE_AREAS 16
#define FAKE_GONE 16

/**
 * struct fake_mem - What iommufd would be
 * @kinds: Pages of every kind of memory
 * @areas: Guest memory map; earlier ones win
 * @nr_areas: Length of it
 * @gone: Ranges that were taken away
 * @nr_gone: Length of it
 * @written: Pages that the test wrote to, by frame
 * @pins: Number of pins by guest frame and size, see pin_key()
 * @nr_pinned: Pages pinned, as often as they are
 * @calls: Pin calls so far
 * @fail_in: The pin call that fails, counted from now; 0 for none
 * @fail_all: All calls from there on fail
 * @error: How it fails
 * @wait: Called at each pin call, without the unit's lock; a negative errno ends that
 * @failed: Called when a page cannot be pinned, without the unit's lock
 */
struct fake_mem {
	struct fake_chunk *kinds[FAKE_KINDS];
	struct fake_area areas[FAKE_AREAS];
	unsigned int nr_areas;
	struct fake_area gone[FAKE_GONE];
	unsigned int nr_gone;
	struct xarray written;
	struct xarray pins;
	u64 nr_pinned;
	unsigned long calls;
	unsigned long fail_in;
	bool fail_all;
	int error;
	int (*wait)(struct kunit *test);
	void (*failed)(struct kunit *test);
};

int fake_mem_suite_init(struct kunit_suite *suite);
void fake_mem_suite_exit(struct kunit_suite *suite);
int fake_mem_init(struct kunit *test, struct fake_mem *mem);
void fake_mem_exit(struct fake_mem *mem);
void fake_mem_add(struct fake_mem *mem, u64 gpa, u64 size, enum fake_kind kind);
void fake_mem_remove(struct fake_mem *mem, u64 first, u64 last);
void fake_mem_restore(struct fake_mem *mem);
struct page *fake_mem_page(struct fake_mem *mem, u64 gpa, unsigned int *perm);
u64 fake_mem_extent(struct fake_mem *mem, u64 gpa, u64 size, phys_addr_t *pa,
		    unsigned int *perm);
u64 *fake_mem_table(struct fake_mem *mem, u64 gpa);
bool fake_mem_page_pinned(struct fake_mem *mem, u64 gpa);
bool fake_mem_is_pinned(struct fake_mem *mem, u64 first, u64 last);

/*
 * Host domain, fake_host.c and fake_tree.c
 */

enum fake_host_kind {
	/*
	 * 4 KiB, 2 MiB and 1 GiB; builds the largest that a call covers. As the
	 * first kind, but by the page size that the core asks for.
	 */
	FAKE_HOST_INTEL,
	FAKE_HOST_INTEL_PT,
	/* Every power of two is one page; taking a part takes all of it */
	FAKE_HOST_AMD,
	/* A call is an object, which is never split */
	FAKE_HOST_VIRTIO,
	FAKE_HOST_KINDS
};

/**
 * struct fake_leaf - One page or object that the fake host maps
 * @node: In fake_host.leaves or fake_host.removed
 * @next_free: In fake_pool.free
 * @iova: First address
 * @last: Last address
 * @pa: Where it leads
 * @prot: IOMMU_READ, IOMMU_WRITE or both
 * @stamp: Number of the map call
 * @checked: The oracle agreed, and the rest says which leaf of the guest it is
 * @guest_iova: First address of that leaf
 * @guest_gpa: Its target
 * @guest_level: Its level
 * @guest_perm: Its permissions
 */
struct fake_leaf {
	union {
		struct rb_node node;
		struct fake_leaf *next_free;
	};
	u64 iova;
	u64 last;
	phys_addr_t pa;
	int prot;
	u64 stamp;
	bool checked;
	u64 guest_iova;
	u64 guest_gpa;
	unsigned int guest_level;
	unsigned int guest_perm;
};

struct fake_block;

/**
 * struct fake_pool - Where leaves come from
 * @free: Leaves that are not used
 * @blocks: All of them
 */
struct fake_pool {
	struct fake_leaf *free;
	struct fake_block *blocks;
};

struct fake_leaf *fake_tree_next(const struct rb_root *tree, u64 iova);
struct fake_leaf *fake_tree_find(const struct rb_root *tree, u64 iova);
bool fake_tree_insert(struct rb_root *tree, struct fake_leaf *leaf);
void fake_tree_clear(struct fake_pool *pool, struct rb_root *tree);
struct fake_leaf *fake_leaf_alloc(struct fake_pool *pool);
void fake_leaf_free(struct fake_pool *pool, struct fake_leaf *leaf);
void fake_pool_free(struct fake_pool *pool);

enum fake_op { FAKE_MAP, FAKE_UNMAP, FAKE_SYNC };

/* A recorded call of the IOMMU core, and what fake_host.watch saw then */
struct fake_call {
	enum fake_op op;
	u64 iova;
	u64 size;
	phys_addr_t pa;
	u32 watched;
};

#define FAKE_CALLS 1024
#define FAKE_STALE 512

/**
 * struct fake_host - A host domain
 * @domain: As the IOMMU core sees it
 * @test: For failures
 * @kind: How it behaves
 * @pool: Of leaves
 * @leaves: What it maps
 * @removed: What it mapped when the step began and has unmapped since
 * @tables: Page tables of 4 KiB leaves, by IOVA / 2 MiB
 * @stamp: Number of the last map call
 * @step: That when the step began
 * @nr_pages: 4 KiB pages mapped
 * @stale: Ranges unmapped, but not flushed: the IOTLB may still have them
 * @nr_stale: Length of it
 * @may_split: Splitting is tried on purpose
 * @fail_in: The map call that fails, counted from now; 0 for none
 * @owns_up: It says what it has mapped then
 * @stuck: What it has mapped then and does not say cannot be unmapped
 * @forgotten: There is something of that kind
 * @short_in: The unmap call that does nothing, likewise
 * @nr_short: Unmap calls that did
 * @nr_syncs: Flushes
 * @nr_maps: Map calls
 * @nr_unmaps: Unmap calls
 * @watch: A word whose value is recorded with every call, or NULL
 * @calls: The first calls since the step began
 * @nr_calls: Length of it
 */
struct fake_host {
	struct iommu_domain domain;
	struct kunit *test;
	enum fake_host_kind kind;
	struct fake_pool pool;
	struct rb_root leaves;
	struct rb_root removed;
	struct xarray tables;
	u64 stamp;
	u64 step;
	u64 nr_pages;
	struct {
		u64 first;
		u64 last;
	} stale[FAKE_STALE];
	unsigned int nr_stale;
	bool may_split;
	unsigned long fail_in;
	bool owns_up;
	bool stuck;
	bool forgotten;
	unsigned long short_in;
	unsigned int nr_short;
	unsigned long nr_syncs;
	unsigned long nr_maps;
	unsigned long nr_unmaps;
	const u32 *watch;
	struct fake_call calls[FAKE_CALLS];
	unsigned int nr_calls;
};

void fake_host_init(struct kunit *test, struct fake_host *host,
		    enum fake_host_kind kind);
void fake_host_clear(struct fake_host *host);
void fake_host_exit(struct fake_host *host);
void fake_host_step(struct fake_host *host);
unsigned int fake_host_nr_tables(struct fake_host *host);
const char *fake_host_name(enum fake_host_kind kind);

/*
 * The bench, bench.c
 */

/**
 * struct bench_config - How the guest's unit looks
 * @levels: Levels of the table
 * @mgaw: Guest address width
 * @haw: Guest physical address width
 * @snoop: ECAP.SC
 * @leaf_levels: Bit n set: leaves of level n
 * @host: Kind of host
 * @seed: Of random numbers
 * @max_nodes: Limit, 0 for a large one
 * @max_pages: Limit, 0 for a large one
 */
struct bench_config {
	unsigned int levels;
	unsigned int mgaw;
	unsigned int haw;
	bool snoop;
	unsigned int leaf_levels;
	enum fake_host_kind host;
	u32 seed;
	u64 max_nodes;
	u64 max_pages;
};

/**
 * struct bench - One test
 * @test: Its KUnit side
 * @unit: The unit under test
 * @mem: Its guest memory
 * @host: What the domain maps
 * @has_domain: @domain exists
 * @domain: A shadow domain of @unit
 * @config: What @unit and @domain were made from
 * @rnd: Random numbers
 * @error: What the last batch reported
 * @limited: It gave up installing
 * @stamp: Of @host when the last step began
 * @budget: Tables that a call may visit before it is over, 0 for as many as it likes
 * @between: What happens between two calls, or NULL
 */
struct bench {
	struct kunit *test;
	struct vtds_unit *unit;
	struct fake_mem mem;
	struct fake_host host;
	bool has_domain;
	struct vtds_domain domain;
	struct bench_config config;
	struct rnd_state rnd;
	int error;
	bool limited;
	u64 stamp;
	unsigned int budget;
	void (*between)(struct bench *b);
};

int bench_init(struct kunit *test);
void bench_exit(struct kunit *test);
void bench_domain(struct bench *b, const struct bench_config *config, u64 root);
void bench_domain_end(struct bench *b);
void bench_sync(struct bench *b, u64 first, u64 last);
void bench_sync_full(struct bench *b);
void bench_memory_gone(struct bench *b, u64 first, u64 last);
void bench_memory_back(struct bench *b);
u32 bench_random(struct bench *b, u32 below);
u64 *bench_entry(struct bench *b, u64 table, unsigned int index);

struct vtds_batch;

/* What an ioctl does around its body */
void bench_batch_begin(struct vtds_unit *unit, struct vtds_batch *batch);
u32 bench_batch_end(struct vtds_batch *batch);

/* Functions of guest memory, called under the lock that they ask for, with all fetched */
int bench_look_up(struct vtds_guest_mem *mem,
		  int (*look)(struct vtds_guest_mem *mem, void *data),
		  void *data);
int bench_mem_page(struct vtds_guest_mem *mem, u64 gpa, unsigned long *pfn,
		   unsigned int *perm);
int bench_mem_perm(struct vtds_guest_mem *mem, u64 gpa, unsigned int *perm);
struct vtds_chunk *bench_mem_get(struct vtds_guest_mem *mem, u64 gpa);
void bench_mem_put(struct vtds_guest_mem *mem, u64 gpa);
void bench_mem_put_range(struct vtds_guest_mem *mem, u64 gpa, u64 size);
void bench_mem_evict(struct vtds_guest_mem *mem, u64 *first, u64 *last,
		     void (*between)(struct vtds_guest_mem *mem));
int bench_mem_read_entry(struct vtds_guest_mem *mem, u64 gpa, u64 *entry,
			 unsigned int nr_qwords);
int bench_mem_write_u32(struct vtds_guest_mem *mem, u64 gpa, u32 value);

/*
 * The oracle, oracle.c
 */

enum oracle_mode {
	/* The host maps exactly what the guest's tables say */
	ORACLE_EXACT,
	/* The host may lack something: a limit, or an injected failure */
	ORACLE_SUBSET,
	/* What was not asked for: either that, or as it was before */
	ORACLE_OUTSIDE,
	/* As the last, but what was there may be gone */
	ORACLE_REVOKED,
};

bool oracle_check(struct bench *b, u64 first, u64 last, enum oracle_mode mode,
		  bool untouched);
void oracle_check_all(struct bench *b);
bool oracle_check_mapped(struct bench *b);
void oracle_check_gone(struct bench *b, u64 first, u64 last);

#endif /* VTDS_BENCH_H */
