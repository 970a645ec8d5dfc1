// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU that counts the instructions which the benchmark's processor
 * executes between two marks, by the place they are at. The result does not depend
 * on how busy the machine is.
 *
 *	-plugin insns.so,begin=ADDRESS,end=ADDRESS,out=FILE
 *
 * begin and end are addresses of functions that the benchmark calls. For each time
 * that it does, FILE has a line "phase", then one for each block of code: its first
 * address, and the instructions executed in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 4;

/* A shorter name for it */
static tb_inline_fn *const count_in_block =
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu;

/* --- Blocks of code --- */

/* A power of two, far more than the benchmark has */
#define NR_BLOCKS (1U << 18)

static uint64_t blocks[NR_BLOCKS];
static struct qemu_plugin_scoreboard *counts;
static uint64_t begin_at, end_at;
static FILE *out;

/* The place of a block in the table. QEMU translates one at a time. */
static unsigned int block_index(uint64_t address)
{
	unsigned int i = (address * 0x9e3779b97f4a7c15ULL) >> 46;

	while (blocks[i] && blocks[i] != address)
		i = (i + 1) % NR_BLOCKS;
	blocks[i] = address;
	return i;
}

static struct qemu_plugin_u64 count_of(unsigned int index)
{
	return (struct qemu_plugin_u64){ counts, index * sizeof(uint64_t) };
}

static void begin(unsigned int vcpu, void *data)
{
	(void)data;
	for (unsigned int i = 0; i < NR_BLOCKS; i++)
		if (blocks[i])
			qemu_plugin_u64_set(count_of(i), vcpu, 0);
}

static void end(unsigned int vcpu, void *data)
{
	(void)data;
	fprintf(out, "phase\n");
	for (unsigned int i = 0; i < NR_BLOCKS; i++) {
		uint64_t nr;

		if (!blocks[i])
			continue;
		nr = qemu_plugin_u64_get(count_of(i), vcpu);
		if (nr)
			fprintf(out, "%016llx %llu\n",
				(unsigned long long)blocks[i],
				(unsigned long long)nr);
	}
	fflush(out);
}

static void watch(struct qemu_plugin_insn *insn, udata_fn fn)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, fn, QEMU_PLUGIN_CB_NO_REGS,
					       NULL);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_u64 count =
		count_of(block_index(qemu_plugin_tb_vaddr(tb)));
	size_t nr = qemu_plugin_tb_n_insns(tb);

	(void)id;
	count_in_block(tb, QEMU_PLUGIN_INLINE_ADD_U64, count, nr);
	for (size_t i = 0; i < nr; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t at = qemu_plugin_insn_vaddr(insn);

		if (at == begin_at)
			watch(insn, begin);
		if (at == end_at)
			watch(insn, end);
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
			       const struct qemu_info_t *info, int argc,
			       char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "begin=", 6))
			begin_at = strtoull(argv[i] + 6, NULL, 16);
		else if (!strncmp(argv[i], "end=", 4))
			end_at = strtoull(argv[i] + 4, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	}
	if (!begin_at || !end_at || !out) {
		fprintf(stderr, "insns: begin, end and out are needed\n");
		return 1;
	}
	counts = qemu_plugin_scoreboard_new(NR_BLOCKS * sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
