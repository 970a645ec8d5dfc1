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
#include "blocks.h"

EXPORT int qemu_plugin_version = 4;

static uint64_t begin_at, end_at;
static FILE *out;

static void begin(unsigned int vcpu, void *data)
{
	(void)data;
	clear_counts(vcpu);
}

static void end(unsigned int vcpu, void *data)
{
	const uint64_t *count = counts_of(vcpu);

	(void)data;
	fprintf(out, "phase\n");
	for (unsigned int i = 1; i <= nr_blocks; i++)
		if (count[i])
			fprintf(out, "%016llx %llu\n",
				(unsigned long long)blocks[i],
				(unsigned long long)count[i]);
	fflush(out);
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
			watch(insn, begin, NULL);
		if (at == end_at)
			watch(insn, end, NULL);
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
	count_blocks(id, translated);
	return 0;
}
