/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For plugins that count between two marks: addresses of functions that a program
 * calls. Their arguments are begin=ADDRESS, end=ADDRESS and out=FILE.
 */
#ifndef MARKS_H
#define MARKS_H

#include "blocks.h"

static uint64_t begin_at, end_at;
static FILE *out;

/* Returns whether all that is needed is there. */
static bool take_marks(const char *plugin, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "begin=", 6))
			begin_at = strtoull(argv[i] + 6, NULL, 16);
		else if (!strncmp(argv[i], "end=", 4))
			end_at = strtoull(argv[i] + 4, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	}
	if (begin_at && end_at && out)
		return true;
	fprintf(stderr, "%s: begin, end and out are needed\n", plugin);
	return false;
}

/* To be called with each instruction that is translated */
static void watch_marks(struct qemu_plugin_insn *insn, udata_fn begin,
			udata_fn end)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	if (at == begin_at)
		watch(insn, begin, NULL);
	if (at == end_at)
		watch(insn, end, NULL);
}

static void tell_block(unsigned int index, uint64_t count)
{
	if (count)
		fprintf(out, "%016llx %llu\n",
			(unsigned long long)blocks[index],
			(unsigned long long)count);
}

#endif /* MARKS_H */
