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
#include "marks.h"
#include "vmrun.h"

EXPORT int qemu_plugin_version = 4;

#define IN_GUESTS 0

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
	for (unsigned int i = 1; i <= nr_blocks; i++)
		tell_block(i, qemu_plugin_u64_sum(count_of(i)));
	fflush(out);
}

static void watch_insn(struct qemu_plugin_insn *insn)
{
	watch_vmrun(insn);
	watch_marks(insn, begin, end);
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
	if (!take_marks("phases", argc, argv))
		return 1;
	count_blocks(id, translated);
	return 0;
}
