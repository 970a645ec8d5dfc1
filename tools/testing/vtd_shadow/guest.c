// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest: where it has its tables, and what it wrote there when. Whoever reads a word at
 * some time since then may have seen any of the values that it had.
 */
#include "kernel.h"
#include "fuzz.h"

/* What a word became, and when */
struct version {
	u64 gpa;
	u64 time;
	u64 value;
	int older;
};

#define MAX_VERSIONS 32768
#define HASH_SIZE 8192

static struct version versions[MAX_VERSIONS];
static int heads[HASH_SIZE];
static int nr_versions;
u64 guest_time;

/* Devices are by these; the last two are names that some have besides */
const u16 guest_sids[NR_SIDS] = {
	0x0008, 0x0090, 0x0100, 0x01f8, 0x0009, 0x0180
};

void guest_begin(void)
{
	memset(heads, 0xff, sizeof(heads));
	nr_versions = 0;
	guest_time = 1;
}

static unsigned int hash(u64 gpa)
{
	return (gpa >> 3) * 0x9e3779b97f4a7c15ULL >> 51;
}

static int find(u64 gpa)
{
	int i = heads[hash(gpa)];

	while (i >= 0 && versions[i].gpa != gpa)
		i = versions[i].older;
	return i;
}

static u64 last_value(u64 gpa)
{
	int i = find(gpa);

	return i < 0 ? 0 : versions[i].value;
}

static void note(u64 gpa, u64 value)
{
	int *head = &heads[hash(gpa)];

	if (nr_versions == MAX_VERSIONS)
		return;
	versions[nr_versions] = (struct version){
		.gpa = gpa,
		.time = guest_time,
		.value = value,
		.older = *head,
	};
	*head = nr_versions++;
}

/* A program that writes more than can be noted writes no more. */
void guest_write(u64 gpa, u64 value)
{
	gpa &= ~7ULL;
	if (nr_versions == MAX_VERSIONS || last_value(gpa) == value)
		return;
	guest_time++;
	if (memory_write(gpa, value))
		note(gpa, value);
}

/* The engine may have written there. */
void guest_note(u64 gpa)
{
	gpa &= ~7ULL;
	guest_time++;
	if (memory_read(gpa) != last_value(gpa))
		note(gpa, memory_read(gpa));
}

/**
 * guest_values() - What may have been read from a word
 * @gpa: Its address
 * @since: From then on
 * @values: Output, MAX_VALUES of them, the last one first
 *
 * Return: how many, more than MAX_VALUES if there are too many.
 */
unsigned int guest_values(u64 gpa, u64 since, u64 *values)
{
	unsigned int count = 0;
	int i = heads[hash(gpa)];

	for (; i >= 0; i = versions[i].older) {
		if (versions[i].gpa != gpa)
			continue;
		if (count == MAX_VALUES)
			return MAX_VALUES + 1;
		values[count++] = versions[i].value;
		if (versions[i].time <= since)
			return count;
	}
	if (count == MAX_VALUES)
		return MAX_VALUES + 1;
	values[count++] = 0;
	return count;
}

/* --- Where things are --- */

/* Most tables are in ordinary memory, some in what is special. */
u64 guest_table(unsigned int t)
{
	static const u64 special[] = {
		0x403000, 0x404000, 0x609000,	0x60a000,
		0x800000, 0xa00000, 0x40000000, 0xe00000,
	};

	t %= NR_TABLES;
	return t < 24 ? 0x10000 + t * PAGE_SIZE : special[t - 24];
}

/* Roots, context tables, PASID directories and PASID tables */
u64 guest_struct(unsigned int which)
{
	static const u64 structs[] = {
		0x2000,	  0x3000,   0x4000,   0x5000,	0x6000,	  0x7000,
		0x8000,	  0x9000,   0x100000, 0x101000, 0x102000, 0x103000,
		0x104000, 0x105000, 0x108000, 0x109000, 0x10a000, 0x10b000,
		0x10c000, 0x10d000, 0x203000, 0x60c000,
	};

	return structs[which % ARRAY_SIZE(structs)];
}

u64 guest_root(bool scalable)
{
	return guest_struct(scalable);
}

static u64 legacy_context(u16 sid)
{
	return guest_struct(2 + (sid >> 8)) + (sid & 0xff) * 16;
}

static u64 scalable_context(u16 sid)
{
	return guest_struct(4 + (sid >> 7)) + (sid & 0x7f) * 32;
}

/* Makes all the way to the PASID entries of a source-id. */
static void set_scalable_path(unsigned int sid)
{
	u16 id = guest_sids[sid];
	u64 context = scalable_context(id);

	guest_write(guest_root(true) + (id >> 7) * 8,
		    guest_struct(4 + (id >> 7)) | 1);
	/* PASIDE, and a directory of 256 entries */
	guest_write(context, guest_struct(8 + sid) | 1 << 9 | 9);
	guest_write(context + 8, 0);
	guest_write(guest_struct(8 + sid), guest_struct(14 + sid) | 1);
	guest_write(guest_struct(8 + sid) + 8,
		    guest_struct(14 + (sid + 1) % 6) | 1);
}

void guest_set_pasid(unsigned int sid, u32 pasid, u64 lo, u64 did)
{
	u64 table = guest_struct(14 + (sid + pasid / 64) % 6);

	sid %= NR_SIDS;
	set_scalable_path(sid);
	table = guest_struct(14 + (sid + pasid / 64) % 6);
	guest_write(table + pasid % 64 * 64, lo);
	guest_write(table + pasid % 64 * 64 + 8, did);
}

/* What a source-id is to use, in both modes */
void guest_set_context(unsigned int sid, u64 lo, u64 hi, u64 pasid_lo, u64 did)
{
	u16 id;

	sid %= NR_SIDS;
	id = guest_sids[sid];
	guest_write(guest_root(false) + (id >> 8) * 16,
		    guest_struct(2 + (id >> 8)) | 1);
	guest_write(legacy_context(id), lo);
	guest_write(legacy_context(id) + 8, hi);
	guest_set_pasid(sid, 0, pasid_lo, did);
}
