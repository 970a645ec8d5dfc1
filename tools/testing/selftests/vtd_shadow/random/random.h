/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The random test: a VMM and a guest that do anything, step by step, driven by a
 * seed. ../random_test.c runs and tells, fixture.c sets up, steps.c decides what
 * happens, check.c judges. What the parts offer is below in layers: each part calls
 * the model and parts further up, none further down.
 */
#ifndef SELFTESTS_VTD_SHADOW_RANDOM_RANDOM_H
#define SELFTESTS_VTD_SHADOW_RANDOM_RANDOM_H

#include "model.h"
#include "vtds_desc.h"

/* ECAP_REG fields that only this test sets */
#define RANDOM_ECAP_DT (1ULL << 2)
#define RANDOM_ECAP_SC (1ULL << 7)
/* With 7 bits of PASID: two PASID tables */
#define RANDOM_ECAP_PASID (ECAP_PASID | ECAP_PSS(6))

/*
 * Guest memory. The first block stays; the others are given and taken area by
 * area, see enum random_area. Most of it is also among the addresses that are
 * asked for, so that the identity page table has something to show there.
 */
#define FIXED_GPA 0x1000000ULL
#define FIXED_SIZE SZ_2M
#define FIXED_DATA 16 /* pages, after those of the devices' buffers */
#define FIXED_NR_DATA 16
#define QUEUE_GPA (FIXED_GPA + 40 * SZ_4K)
#define STATUS_GPA (FIXED_GPA + 41 * SZ_4K)
#define FIXED_TABLES 64
#define SMALL_GPA 0x40000000ULL
#define SMALL_SIZE SZ_2M
#define WHOLE_GPA 0x40200000ULL
#define PIECES_GPA 0x40400000ULL
#define GIGA_GPA 0x100000000ULL

/* In the guest's address width, but no memory; not aligned to 1 GiB */
#define NOWHERE_GPA 0x3000200000ULL

/* Areas in the order of struct model.area */
enum random_area {
	AREA_FIXED,
	AREA_TABLES, /* of SMALL */
	AREA_DATA,
	AREA_ROM,
	AREA_WHOLE, /* 2 MiB */
	AREA_HEAD, /* of PIECES, 1 MiB */
	AREA_MIDDLE, /* one page */
	AREA_TAIL, /* the rest of 2 MiB */
	AREA_GIGA_HEAD, /* 2 MiB of 1 GiB */
	AREA_GIGA_TAIL,
	NR_AREAS,
};

/* What a page is meant for: the level of a table, or one of these */
enum {
	FOR_ROOT = 8,
	FOR_CONTEXTS = 9,
	FOR_DIRECTORY = 10,
	FOR_PASIDS = 11,
};

#define RANDOM_BATCH 32

/**
 * struct random_batch - Descriptors for one call
 * @desc: They
 * @nr: How many
 */
struct random_batch {
	struct model_desc desc[RANDOM_BATCH];
	unsigned int nr;
};

#define RANDOM_LOG 24
#define RANDOM_LINE 100

/**
 * struct random_seen - How much was compared, in all runs
 * @requesters: Requesters, once in each step
 * @shadows: Those on a second-stage table
 * @answers: Answers
 * @permitted: Those that permit something
 * @transfers: Addresses tried by DMA
 * @reached: Those that were reached
 */
struct random_seen {
	unsigned long requesters;
	unsigned long shadows;
	unsigned long answers;
	unsigned long permitted;
	unsigned long transfers;
	unsigned long reached;
};

/**
 * struct vtds_random - The test
 * @seed: Of the run
 * @state: Of the random numbers
 * @step: Of the run
 * @steps: Of all runs
 * @seen: What was compared, in legacy and in scalable mode
 * @anys: Addresses that were not compared, in all runs
 * @mores: Calls that ended before all was done, in all runs
 * @verbose: Say what is done
 * @budget: Of the unit: tables that one call may visit, 0 for no limit
 * @giga: The run has leaves and memory of 1 GiB
 * @scalable: The guest uses scalable mode
 * @pasids: Requests can have PASIDs
 * @wide: Descriptors have 256 bits
 * @by_queue: The driver reads them from the guest's queue
 * @queue_head: IQH_REG
 * @written: Wait descriptors whose status the last call wrote
 * @nr_written: How many
 * @rom_pieces: Memory of the areas that a superpage goes over is read-only
 * @can_giga: The machine has memory for that
 * @can_dma: What devices do is translated
 * @write_only: What they can do with write-only memory
 * @hwpt: A page table with all of memory that stays full
 * @identity: Identity page table: that one, or the IOAS
 * @use: What the pages of the model are meant for
 * @is_top: Which of them are top tables
 * @last_gpa: Where an address led last, 0 if nowhere so far
 * @model: The model
 * @vmm: The VMM
 * @guest: Its guest's memory
 * @unit: The unit
 * @dev: Devices, as in the model
 * @log: The last things done
 * @nr_log: How many were
 */
struct vtds_random {
	unsigned long seed;
	__u64 state;
	unsigned long step;
	unsigned long steps;
	struct random_seen seen[2];
	unsigned long anys;
	unsigned long mores;
	bool verbose;
	unsigned int budget;
	bool giga;
	bool scalable;
	bool pasids;
	bool wide;
	bool by_queue;
	__u64 queue_head;
	struct model_desc written[RANDOM_BATCH];
	unsigned int nr_written;
	bool rom_pieces;
	bool can_giga;
	bool can_dma;
	unsigned int write_only;
	__u32 hwpt;
	__u32 identity;
	__u8 use[MODEL_PAGES];
	bool is_top[MODEL_PAGES];
	__u64 last_gpa[MODEL_ADDRS];
	struct model model;
	struct vtds_vmm vmm;
	struct vtds_guest guest;
	struct vtds_unit unit;
	struct vtds_dev dev[MODEL_DEVICES];
	char log[RANDOM_LOG][RANDOM_LINE];
	unsigned int nr_log;
};

/* ---- The last things done (log.c) ---- */

void random_note(struct vtds_random *r, const char *format, ...);

/* ---- Random numbers, pages, second-stage entries (entries.c) ---- */

__u64 random_number(struct vtds_random *r);
unsigned int random_below(struct vtds_random *r, unsigned int limit);
bool random_chance(struct vtds_random *r, unsigned int percent);

struct model_page *random_page(struct vtds_random *r);
struct model_page *random_page_for(struct vtds_random *r, unsigned int use);
struct model_page *random_top(struct vtds_random *r);
unsigned int random_use(struct vtds_random *r, const struct model_page *page);
__u64 random_entry(struct vtds_random *r, unsigned int level);
__u64 random_change(struct vtds_random *r, __u64 entry, unsigned int level);

/* ---- Root, context and PASID entries (context_entries.c) ---- */

__u64 random_bit(struct vtds_random *r, unsigned int low, unsigned int high);
__u32 random_pasid(struct vtds_random *r);
__u64 random_pointer(struct vtds_random *r, unsigned int use);
void random_good_context(struct vtds_random *r, const struct model_page *top,
			 __u64 *entry);
void random_context(struct vtds_random *r, __u64 *entry);
void random_sm_context(struct vtds_random *r, __u64 *entry);
void random_good_pasid_entry(struct vtds_random *r,
			     const struct model_page *top, __u64 *entry);
void random_pasid_entry(struct vtds_random *r, __u64 *entry);

/* ---- Guest memory (memory.c) ---- */

int random_add_memory(struct vtds_random *r);
unsigned int random_usual(const struct vtds_random *r, unsigned int area);
const char *random_give(struct vtds_random *r, unsigned int area,
			unsigned int perm);
const char *random_take(struct vtds_random *r, unsigned int area);

/* ---- Calls that are made again, and what happens meanwhile (more.c) ---- */

const char *random_judge_install(struct vtds_random *r);
const char *random_resync_range(struct vtds_random *r, unsigned int area,
				__u32 *status);
const char *random_meanwhile(struct vtds_random *r);
const char *random_finish(struct vtds_random *r, __u32 status);

/* ---- The guest's invalidations (flush.c) ---- */

void random_queue(struct random_batch *batch, struct vtds_desc desc);
void random_queue_pages(struct vtds_random *r, struct random_batch *batch,
			__u16 did, __u64 iova, unsigned int level);
void random_queue_pasid(struct vtds_random *r, struct random_batch *batch,
			__u16 did, __u32 pasid);
void random_queue_other(struct vtds_random *r, struct random_batch *batch);
const char *random_flush(struct vtds_random *r, struct random_batch *batch);

/* ---- The guest edits second-stage tables (tables.c) ---- */

void random_map_buffers(struct vtds_random *r,
			const struct model_setting *table);
void random_fill_tables(struct vtds_random *r);
const char *random_edit_tables(struct vtds_random *r);

/* ---- The guest edits root, context and PASID tables (contexts.c) ---- */

void random_fill_contexts(struct vtds_random *r);
const char *random_edit_contexts(struct vtds_random *r);
const char *random_restore(struct vtds_random *r);

/* ---- The VMM's part (vmm.c) ---- */

const char *random_set_state(struct vtds_random *r);
const char *random_resync(struct vtds_random *r);
const char *random_change_memory(struct vtds_random *r);
const char *random_add(struct vtds_random *r, unsigned int device);
const char *random_remove(struct vtds_random *r, unsigned int device);
const char *random_change_devices(struct vtds_random *r);

/* ---- One step (steps.c) ---- */

const char *random_step(struct vtds_random *r);

/* ---- Setting up (fixture.c) ---- */

const char *random_open(struct vtds_random *r);
void random_close(struct vtds_random *r);
void random_choose(struct vtds_random *r, unsigned long seed);
const char *random_begin(struct vtds_random *r);
const char *random_end(struct vtds_random *r);

/* ---- Comparing (check.c) ---- */

struct random_seen *random_seen(struct vtds_random *r);
const char *random_check(struct vtds_random *r);

#endif /* SELFTESTS_VTD_SHADOW_RANDOM_RANDOM_H */
