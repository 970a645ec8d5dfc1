// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU that counts the instructions of the emulated host which an exit of
 * its guest costs: from the one behind VMRUN to the next VMRUN, on one processor, by
 * the place they are at. Only exits that call a certain function count.
 *
 *	-plugin exits.so,out=FILE,start=ADDRESS,mark=NAME:ADDRESS,mark=NAME:ADDRESS
 *
 * ADDRESS is that of the function; a call of the one at start= makes counting begin
 * anew. At the end FILE has a line "exits NAME NUMBER" for
 * each mark, then one for each block of code: its first address, and the instructions
 * executed in it by all these exits. The guest's own instructions are not counted: it
 * may run the same kernel at the same addresses.
 */
#include "blocks.h"
#include "vmrun.h"

EXPORT int qemu_plugin_version = 4;

#define NR_MARKS 4

struct mark {
	char name[32];
	uint64_t at;
	uint64_t nr_exits;
	uint64_t counts[NR_BLOCKS];
};

static struct mark marks[NR_MARKS];
static unsigned int nr_marks;
static uint64_t start_at;
static FILE *out;

static __thread struct mark *marked;

/* --- What happens at an exit --- */

static void exit_begins(unsigned int vcpu, void *data)
{
	(void)data;
	marked = NULL;
	clear_counts(vcpu);
}

static void start(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	for (unsigned int m = 0; m < nr_marks; m++) {
		marks[m].nr_exits = 0;
		memset(marks[m].counts, 0, sizeof(marks[m].counts));
	}
}

static void exit_is_marked(unsigned int vcpu, void *data)
{
	(void)vcpu;
	marked = data;
}

static void exit_ends(unsigned int vcpu, void *data)
{
	const uint64_t *count = counts_of(vcpu);

	(void)data;
	if (!marked)
		return;
	for (unsigned int i = 1; i <= nr_blocks; i++)
		__atomic_fetch_add(&marked->counts[i], count[i],
				   __ATOMIC_RELAXED);
	__atomic_fetch_add(&marked->nr_exits, 1, __ATOMIC_RELAXED);
	marked = NULL;
}

/* --- Translation --- */

static void watch_insn(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	watch_vmrun(insn);
	if (is_vmrun(insn))
		watch(insn, exit_ends, NULL);
	if (at == behind_vmrun)
		watch(insn, exit_begins, NULL);
	if (at == start_at)
		watch(insn, start, NULL);
	for (unsigned int m = 0; m < nr_marks; m++)
		if (at == marks[m].at)
			watch(insn, exit_is_marked, &marks[m]);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb);
	size_t nr = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (is_in_guest(at))
		return;
	count_in_block(tb, QEMU_PLUGIN_INLINE_ADD_U64,
		       count_of(block_index(at)), nr);
	for (size_t i = 0; i < nr; i++)
		watch_insn(qemu_plugin_tb_get_insn(tb, i));
}

/* --- Start and end --- */

static void tell(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	for (unsigned int m = 0; m < nr_marks; m++) {
		fprintf(out, "exits %s %llu\n", marks[m].name,
			(unsigned long long)marks[m].nr_exits);
		for (unsigned int i = 1; i <= nr_blocks; i++)
			if (marks[m].counts[i])
				fprintf(out, "%016llx %llu\n",
					(unsigned long long)blocks[i],
					(unsigned long long)marks[m].counts[i]);
	}
	fclose(out);
}

static bool add_mark(const char *text)
{
	struct mark *mark = &marks[nr_marks];
	unsigned long long at;

	if (nr_marks == NR_MARKS ||
	    sscanf(text, "%31[^:]:%llx", mark->name, &at) != 2)
		return false;
	mark->at = at;
	nr_marks++;
	return true;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
			       const struct qemu_info_t *info, int argc,
			       char **argv)
{
	bool good = true;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "mark=", 5))
			good &= add_mark(argv[i] + 5);
		else if (!strncmp(argv[i], "start=", 6))
			start_at = strtoull(argv[i] + 6, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	}
	if (!good || !nr_marks || !start_at || !out) {
		fprintf(stderr,
			"exits: out, start and mark=NAME:ADDRESS are needed\n");
		return 1;
	}
	count_blocks(id, translated);
	qemu_plugin_register_atexit_cb(id, tell, NULL);
	return 0;
}
