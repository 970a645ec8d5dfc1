// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory of the native benchmark: real pages of the kernel, in an order that each
 * configuration chooses, and pages apart for the guest's tables.
 */
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "native.h"

#define BLOCK_ORDER 9
#define BLOCK_PAGES BIT(BLOCK_ORDER)
#define TABLE_BLOCKS (NATIVE_MAX_TABLES / BLOCK_PAGES)
/* Above all guests */
#define TABLE_GFN BIT(26)
#define RUN_PAGES 16UL
#define SEED 4711

/* Host memory in pieces of 2 MiB, the last ones for tables */
static struct page **blocks;
static unsigned long nr_blocks;
/* The pages of guest memory, by guest frame modulo @nr_data, and those of tables */
static struct page **data, **tables;
static unsigned long nr_data;
static struct rnd_state rnd;

static u32 below(u32 n)
{
	return ((u64)prandom_u32_state(&rnd) * n) >> 32;
}

void native_shuffle_u32(u32 *array, unsigned long nr)
{
	for (unsigned long i = nr - 1; i; i--) {
		unsigned long j = below(i + 1);

		swap(array[i], array[j]);
	}
}

void native_shuffle_pointers(void **array, unsigned long nr)
{
	for (unsigned long i = nr - 1; i; i--) {
		unsigned long j = below(i + 1);

		swap(array[i], array[j]);
	}
}

/* Pieces of @run pages stay together. */
static void shuffle_pages(struct page **array, unsigned long nr,
			  unsigned long run)
{
	for (unsigned long i = nr / run - 1; i; i--) {
		unsigned long j = below(i + 1);

		for (unsigned long k = 0; k < run && i != j; k++)
			swap(array[i * run + k], array[j * run + k]);
	}
}

int native_memory_alloc(unsigned long mib)
{
	unsigned long nr_tables = NATIVE_MAX_TABLES;

	prandom_seed_state(&rnd, SEED);
	nr_data = (mib * SZ_1M) >> PAGE_SHIFT & ~(BLOCK_PAGES - 1);
	nr_blocks = nr_data / BLOCK_PAGES + TABLE_BLOCKS;
	blocks = kvcalloc(nr_blocks, sizeof(*blocks), GFP_KERNEL);
	data = kvcalloc(nr_data, sizeof(*data), GFP_KERNEL);
	tables = kvcalloc(nr_tables, sizeof(*tables), GFP_KERNEL);
	if (!nr_data || !blocks || !data || !tables)
		return -ENOMEM;
	for (unsigned long i = 0; i < nr_blocks; i++) {
		blocks[i] = alloc_pages(GFP_KERNEL | __GFP_ZERO, BLOCK_ORDER);
		if (!blocks[i])
			return -ENOMEM;
	}
	shuffle_pages(blocks, nr_blocks, 1);
	for (unsigned long i = 0; i < nr_tables; i++)
		tables[i] = blocks[nr_blocks - 1 - i / BLOCK_PAGES] +
			    i % BLOCK_PAGES;
	shuffle_pages(tables, nr_tables, 1);
	return 0;
}

void native_memory_free(void)
{
	for (unsigned long i = 0; blocks && i < nr_blocks; i++)
		if (blocks[i])
			__free_pages(blocks[i], BLOCK_ORDER);
	kvfree(blocks);
	kvfree(data);
	kvfree(tables);
}

unsigned long native_nr_gfns(const struct native_config *c)
{
	return c->guest_gb << (30 - PAGE_SHIFT);
}

/* A guest that has all of it maps no page twice. */
bool native_memory_suffices(const struct native_config *c)
{
	return c->random && !c->hold ? native_nr_gfns(c) <= nr_data : true;
}

static void place_data(const struct native_config *c)
{
	static const unsigned long runs[] = {
		[NATIVE_SCATTERED] = 1,
		[NATIVE_RUNS] = RUN_PAGES,
		[NATIVE_HUGE] = BLOCK_PAGES,
	};

	for (unsigned long i = 0; i < nr_data; i++)
		data[i] = blocks[i / BLOCK_PAGES] + i % BLOCK_PAGES;
	shuffle_pages(data, nr_data, runs[c->frames]);
}

/* There is no memory where interrupts are. */
static u32 beside_interrupts(u32 gfn)
{
	return gfn / BLOCK_PAGES == 0xfee00 / BLOCK_PAGES ? gfn - BLOCK_PAGES :
							    gfn;
}

/* Each page once if leaves take all of memory, else any */
static void place_leaves(struct native *n)
{
	unsigned long nr = n->c->nr_leaves, nr_gfns = native_nr_gfns(n->c);

	for (unsigned long i = 0; i < nr; i++)
		n->gfns[i] = n->c->random && nr < nr_gfns ? below(nr_gfns) : i;
	if (n->c->random && nr >= nr_gfns)
		native_shuffle_u32(n->gfns, nr);
	for (unsigned long i = 0; i < nr; i++) {
		n->gfns[i] = beside_interrupts(n->gfns[i]);
		n->frames[i] = data[n->gfns[i] % nr_data];
		n->pos[i] = i;
	}
	for (unsigned long i = 0; i < nr; i++)
		n->next_frames[i] = n->frames[(i + 1) % nr];
	native_shuffle_u32(n->pos, nr);
}

/* Decides for all leaves of a configuration where they lead. */
void native_memory_place(struct native *n)
{
	place_data(n->c);
	place_leaves(n);
}

/* Pages of guest frames, as iommufd would tell them */
void native_memory_pages(unsigned long gfn, unsigned long nr, struct page **out)
{
	if (gfn >= TABLE_GFN)
		memcpy(out, &tables[gfn - TABLE_GFN], nr * sizeof(*out));
	else
		memcpy(out, &data[gfn % nr_data], nr * sizeof(*out));
}

u64 native_table_gpa(unsigned int table)
{
	return (u64)(TABLE_GFN + table) << PAGE_SHIFT;
}

u64 *native_table(unsigned int table)
{
	return page_address(tables[table]);
}
