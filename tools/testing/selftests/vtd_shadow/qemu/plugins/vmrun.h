/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For plugins that tell the emulated host from its guests, which may run the same
 * kernel at the same addresses.
 *
 * Each processor is a thread. A block is translated by the one that is about to execute
 * it, and QEMU keeps blocks of hosts and guests apart.
 */
#ifndef VMRUN_H
#define VMRUN_H

#include "blocks.h"

#define VMRUN "\x0f\x01\xd8"

static __thread bool in_guest;
static uint64_t behind_vmrun;

static void guest_begins(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	in_guest = true;
}

static void guest_ends(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	in_guest = false;
}

static bool is_vmrun(const struct qemu_plugin_insn *insn)
{
	char bytes[3];

	return qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) ==
		       sizeof(bytes) &&
	       !memcmp(bytes, VMRUN, sizeof(bytes));
}

/* To be called with each instruction of the host that is translated */
static void watch_vmrun(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	if (is_vmrun(insn)) {
		behind_vmrun = at + sizeof(VMRUN) - 1;
		watch(insn, guest_begins, NULL);
	}
	if (at == behind_vmrun)
		watch(insn, guest_ends, NULL);
}

/* Whose a block is that is being translated. Guests have no guests. */
static bool is_in_guest(uint64_t at)
{
	return in_guest && at != behind_vmrun;
}

#endif /* VMRUN_H */
