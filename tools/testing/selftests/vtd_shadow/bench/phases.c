// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU that counts the instructions which all processors of the emulated
 * host execute between two marks, for the host by the place they are at, for its guests
 * in all: what is done for something, however long the emulator takes for an entry and
 * an exit.
 *
 *	-plugin phases.so,begin=ADDRESS,end=ADDRESS,out=FILE
 *
 * begin and end are addresses of functions that a program of the host calls. For each
 * time that it does, FILE has a line "phase", then one for each block of code: its
 * first address, and the instructions executed in it. Guests have the address 0.
 */
#include "blocks.h"
#include "vmrun.h"

EXPORT int qemu_plugin_version = 4;

#define IN_GUESTS 0

static uint64_t begin_at, end_at;
static FILE *out;

static void begin(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	for (int i = 0; i < qemu_plugin_num_vcpus(); i++)
		clear_counts(i);
}

static void end(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	fprintf(out, "phase\n");
	for (unsigned int i = 1; i <= nr_blocks; i++) {
		uint64_t sum = qemu_plugin_u64_sum(count_of(i));

		if (sum)
			fprintf(out, "%016llx %llu\n",
				(unsigned long long)blocks[i],
				(unsigned long long)sum);
	}
	fflush(out);
}

static void watch_insn(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	watch_vmrun(insn);
	if (at == begin_at)
		watch(insn, begin, NULL);
	if (at == end_at)
		watch(insn, end, NULL);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb);
	size_t nr = qemu_plugin_tb_n_insns(tb);
	bool of_guest = is_in_guest(at);

	(void)id;
	count_in_block(tb, QEMU_PLUGIN_INLINE_ADD_U64,
		       count_of(block_index(of_guest ? IN_GUESTS : at)), nr);
	for (size_t i = 0; i < nr && !of_guest; i++)
		watch_insn(qemu_plugin_tb_get_insn(tb, i));
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
		fprintf(stderr, "phases: begin, end and out are needed\n");
		return 1;
	}
	count_blocks(id, translated);
	return 0;
}
