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
#include "marks.h"

EXPORT int qemu_plugin_version = 4;

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
		tell_block(i, count[i]);
	fflush(out);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_u64 count =
		count_of(block_index(qemu_plugin_tb_vaddr(tb)));
	size_t nr = qemu_plugin_tb_n_insns(tb);

	(void)id;
	count_in_block(tb, QEMU_PLUGIN_INLINE_ADD_U64, count, nr);
	for (size_t i = 0; i < nr; i++)
		watch_marks(qemu_plugin_tb_get_insn(tb, i), begin, end);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
			       const struct qemu_info_t *info, int argc,
			       char **argv)
{
	(void)info;
	if (!take_marks("insns", argc, argv))
		return 1;
	count_blocks(id, translated);
	return 0;
}
