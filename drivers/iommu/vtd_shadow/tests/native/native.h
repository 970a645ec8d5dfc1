/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The native benchmark: the engine on a real page table of the IOMMU core, against the
 * core's own calls for frames that are known beforehand. For user-mode Linux, where it
 * runs on the processor itself.
 */
#ifndef VTDS_NATIVE_H
#define VTDS_NATIVE_H

#include <kunit/test.h>
#include <linux/generic_pt/iommu.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "engine.h"

/* Where leaves begin, and how many entries a table has */
#define NATIVE_IOVA SZ_4G
#define NATIVE_ENTRIES 512UL
/* Pages of one call of the core, as many as the engine takes */
#define NATIVE_CALL_PAGES 256UL
#define NATIVE_PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/* What guest memory looks like on the host */
enum native_frames {
	/* Each page has a place of its own */
	NATIVE_SCATTERED,
	/* Pieces of 64 KiB */
	NATIVE_RUNS,
	/* Pieces of 2 MiB, aligned */
	NATIVE_HUGE,
};

/* Cases that a configuration can have */
enum {
	NATIVE_BULK = BIT(0),
	NATIVE_SMALL = BIT(1),
	NATIVE_COLD = BIT(2),
	NATIVE_UNPLUG = BIT(3),
	NATIVE_TABLES = BIT(4),
	NATIVE_MEMORY = BIT(5),
	NATIVE_ALL = NATIVE_BULK | NATIVE_SMALL,
};

/**
 * struct native_config - A guest and what it maps
 * @name: For the figures
 * @nr_leaves: Leaves of 4 KiB
 * @guest_gb: Size of its memory; the same frames appear several times if there are not
 *            that many, which the engine cannot see
 * @frames: Where they are
 * @random: Leaves lead anywhere, or one after the other through memory
 * @hold: Something else uses all of guest memory
 * @cases: What is measured
 */
struct native_config {
	const char *name;
	unsigned long nr_leaves;
	unsigned long guest_gb;
	enum native_frames frames;
	bool random;
	bool hold;
	unsigned int cases;
};

/* A domain of the host with a page table for VT-d's second stage */
struct native_host {
	union {
		struct iommu_domain domain;
		struct pt_iommu_vtdss sspt;
	};
};

/* What is compared: the engine, what it costs at least, and another view of that */
enum native_side { NATIVE_ENGINE, NATIVE_FLOOR, NATIVE_OTHER, NATIVE_SIDES };

/**
 * struct native - One configuration while it is measured
 * @test: Its KUnit side
 * @c: The configuration
 * @engine: The engine
 * @shadow: The host domain that the engine maps in
 * @floor: The one for the core's own calls
 * @gfns: Guest frames by leaf
 * @frames: Their pages
 * @next_frames: Those of the next leaf
 * @pos: Leaves in random order
 * @l1: Tables of leaves
 * @copies: Copies of all tables, to compare
 * @sg: Scratch of one call
 * @took: Time of this round, by side
 * @check: Compare the host's page tables after each step
 * @failed: Something did not do what it should
 */
struct native {
	struct kunit *test;
	const struct native_config *c;
	struct native_engine *engine;
	struct native_host shadow;
	struct native_host floor;
	u32 *gfns;
	struct page **frames;
	struct page **next_frames;
	u32 *pos;
	u64 **l1;
	u64 **copies;
	struct scatterlist *sg;
	u64 took[NATIVE_SIDES];
	bool check;
	bool failed;
};

static inline u64 native_iova(unsigned long leaf)
{
	return NATIVE_IOVA + ((u64)leaf << PAGE_SHIFT);
}

static inline unsigned long native_nr_l1(const struct native *n)
{
	return DIV_ROUND_UP(n->c->nr_leaves, NATIVE_ENTRIES);
}

/*
 * Guest memory, memory.c
 */

int native_memory_alloc(unsigned long mib);
void native_memory_free(void);
unsigned long native_nr_gfns(const struct native_config *c);
bool native_memory_suffices(const struct native_config *c);
void native_memory_place(struct native *n);
void native_memory_pages(unsigned long gfn, unsigned long nr,
			 struct page **out);
void native_shuffle_u32(u32 *array, unsigned long nr);
void native_shuffle_pointers(void **array, unsigned long nr);
u64 native_table_gpa(unsigned int table);
u64 *native_table(unsigned int table);

/*
 * The guest's tables, guest.c
 */

#define NATIVE_MAX_TABLES 5120U
#define NATIVE_L4 0
#define NATIVE_L3 1

void native_guest_build(struct native *n);
u64 native_guest_leaf(struct native *n, unsigned long leaf);
void native_guest_write(struct native *n, unsigned long shift, u64 perm);
void native_guest_clear(struct native *n);
void native_guest_set(struct native *n, unsigned long leaf, bool present);
void native_guest_set_each(struct native *n, unsigned long first,
			   unsigned long last, unsigned long step,
			   bool present);
void native_guest_set_root(struct native *n, bool present);
unsigned int native_guest_nr_tables(const struct native *n);
void native_guest_copy(struct native *n);

/*
 * The host's domains, host.c
 */

int native_host_init(struct native_host *host);
void native_host_exit(struct native_host *host);
void native_host_check(struct native *n, struct native_host *host,
		       struct page **frames);
unsigned long native_host_pages(void);

/*
 * The floor, floor.c
 */

void native_floor_map(struct native *n, struct page **frames, int prot);
void native_floor_unmap(struct native *n);
void native_floor_remap(struct native *n, struct page **frames, int prot);
void native_floor_remap_tables(struct native *n, struct page **frames);
void native_floor_map_one(struct native *n, unsigned long leaf);
void native_floor_unmap_one(struct native *n, unsigned long leaf);
void native_floor_unmap_each(struct native *n, unsigned long step);
void native_floor_compare(struct native *n);
void native_floor_read(struct native *n);
void native_floor_pin(struct native *n);

/*
 * Time, clock.c
 */

/* User-mode Linux is linked with the C library, of which this is. */
struct native_timespec {
	long sec;
	long nsec;
};

int clock_gettime(int clock, struct native_timespec *time);

u64 native_now(void);
void native_took(struct native *n, enum native_side side, u64 begin);
void native_clock_calibrate(void);

/*
 * What is measured, cases_*.c
 */

/**
 * struct native_case - One thing that is measured
 * @name: For the figures
 * @run: Measures each side once. All leaves are mapped on both, before and after
 * @units: What a figure is divided by: leaves, or operations
 * @cases: Configurations that have it
 */
struct native_case {
	const char *name;
	void (*run)(struct native *n);
	unsigned long (*units)(const struct native *n);
	unsigned int cases;
};

extern const struct native_case native_bulk_cases[];
extern const struct native_case native_small_cases[];
extern const struct native_case native_life_cases[];

void native_tables_come_and_go(struct native *n);

/*
 * Rounds of them, rounds.c
 */

#define NATIVE_MAX_ROUNDS 99U

bool native_listed(const char *list, const char *name);
bool native_has_case(const struct native_config *c, const char *list);
void native_measure(struct native *n, const char *list, unsigned int rounds);

/*
 * Figures, figures.c
 */

void native_tell(const struct native *n, const char *name, const char *side,
		 u64 *samples, unsigned int nr);
void native_tell_one(const struct native *n, const char *name, u64 value);

#endif /* VTDS_NATIVE_H */
