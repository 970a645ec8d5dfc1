// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer as libFuzzer sees it: runs an input as a program, and makes new ones of
 * others, whole operations at a time.
 */
#include "kernel.h"
#include <linux/vtd_shadow.h>
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size,
			       unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const u8 *data1, size_t size1, const u8 *data2,
				 size_t size2, u8 *out, size_t max_size,
				 unsigned int seed);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_verbose = getenv("VERBOSE") && *getenv("VERBOSE");
	memory_init();
	return fuzz_module_init();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned long before = fuzz_live_allocations();

	if (size < HEADER_SIZE)
		return -1;
	program_run(data, size);
	if (host_nr_domains())
		fuzz_fail("%u domains of the host are left", host_nr_domains());
	if (memory_nr_pinned())
		fuzz_fail("%lu pages are pinned", memory_nr_pinned());
	if (fuzz_live_allocations() != before)
		fuzz_fail("%ld allocations are left",
			  fuzz_live_allocations() - before);
	return 0;
}

/* --- New programs --- */

static u32 state;

static u32 below(u32 n)
{
	state = state * 1664525 + 1013904223;
	return ((u64)state * n) >> 32;
}

static void random_op(u8 *op)
{
	for (unsigned int i = 0; i < OP_SIZE; i++)
		op[i] = below(256);
	/* Small operands are the ones with most meaning */
	for (unsigned int i = 1; i < OP_SIZE; i++)
		if (below(2))
			op[i] &= 7;
}

/* Makes room for @count operations before the @at-th one. */
static size_t open_gap(u8 *ops, size_t nr, size_t at, size_t count)
{
	memmove(ops + (at + count) * OP_SIZE, ops + at * OP_SIZE,
		(nr - at) * OP_SIZE);
	return nr + count;
}

static size_t close_gap(u8 *ops, size_t nr, size_t at, size_t count)
{
	memmove(ops + at * OP_SIZE, ops + (at + count) * OP_SIZE,
		(nr - at - count) * OP_SIZE);
	return nr - count;
}

static size_t mutate_once(u8 *ops, size_t nr, size_t max)
{
	size_t at = below(nr + 1), count = 1 + below(3);
	u8 copy[3 * OP_SIZE];

	switch (below(7)) {
	case 0:
	case 1:
		if (nr == max)
			return nr;
		nr = open_gap(ops, nr, at, 1);
		random_op(ops + at * OP_SIZE);
		return nr;
	case 2:
		return at + count <= nr ? close_gap(ops, nr, at, count) : nr;
	case 3:
		/* Some of it once more, somewhere else */
		if (nr + count > max || at + count > nr)
			return nr;
		memcpy(copy, ops + at * OP_SIZE, count * OP_SIZE);
		at = below(nr + 1);
		nr = open_gap(ops, nr, at, count);
		memcpy(ops + at * OP_SIZE, copy, count * OP_SIZE);
		return nr;
	case 4:
		if (at < nr)
			random_op(ops + at * OP_SIZE);
		return nr;
	default:
		if (at < nr)
			ops[at * OP_SIZE + 1 + below(OP_SIZE - 1)] =
				below(2) ? below(256) : below(8);
		return nr;
	}
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	size_t nr, max;

	state = seed;
	max = min_t(size_t, (max_size - HEADER_SIZE) / OP_SIZE, MAX_OPS);
	if (max_size < HEADER_SIZE + OP_SIZE || size < HEADER_SIZE || !below(8))
		return LLVMFuzzerMutate(data, size, max_size);
	nr = min((size - HEADER_SIZE) / OP_SIZE, max);
	for (unsigned int i = 1 + below(4); i; i--)
		nr = mutate_once(data + HEADER_SIZE, nr, max);
	if (!below(10))
		data[below(HEADER_SIZE)] = below(256);
	return HEADER_SIZE + nr * OP_SIZE;
}

/* The beginning of one and the end of the other */
size_t LLVMFuzzerCustomCrossOver(const u8 *data1, size_t size1, const u8 *data2,
				 size_t size2, u8 *out, size_t max_size,
				 unsigned int seed)
{
	size_t nr1, nr2, most;

	state = seed;
	if (size1 < HEADER_SIZE || size2 < HEADER_SIZE ||
	    max_size < HEADER_SIZE)
		return 0;
	most = (max_size - HEADER_SIZE) / OP_SIZE;
	nr1 = min_t(size_t, below((size1 - HEADER_SIZE) / OP_SIZE + 1), most);
	nr2 = min_t(size_t, below((size2 - HEADER_SIZE) / OP_SIZE + 1),
		    most - nr1);
	memcpy(out, data1, HEADER_SIZE + nr1 * OP_SIZE);
	memcpy(out + HEADER_SIZE + nr1 * OP_SIZE,
	       data2 + size2 - (size2 - HEADER_SIZE) % OP_SIZE - nr2 * OP_SIZE,
	       nr2 * OP_SIZE);
	return HEADER_SIZE + (nr1 + nr2) * OP_SIZE;
}
