/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For plugins that count instructions: the blocks of code that QEMU translates, and a
 * counter for each of them and each processor.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

#define EXPORT __attribute__((visibility("default")))

/* A shorter name for it */
static tb_inline_fn *const count_in_block =
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu;

/* A power of two, far more than there are */
#define NR_BLOCKS (1U << 18)

/* By number, in the order in which they came: where a block begins */
static uint64_t blocks[NR_BLOCKS];
static unsigned int nr_blocks;
static struct qemu_plugin_scoreboard *counts;

/* Numbers by a hash of the address, 0 where there is none. Each processor translates. */
static unsigned int table[NR_BLOCKS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned int block_index(uint64_t address)
{
	unsigned int i = (address * 0x9e3779b97f4a7c15ULL) >> 46;

	pthread_mutex_lock(&table_lock);
	while (table[i] && blocks[table[i]] != address)
		i = (i + 1) % NR_BLOCKS;
	if (!table[i]) {
		table[i] = ++nr_blocks;
		blocks[nr_blocks] = address;
	}
	pthread_mutex_unlock(&table_lock);
	return table[i];
}

static struct qemu_plugin_u64 count_of(unsigned int index)
{
	return (struct qemu_plugin_u64){ counts, index * sizeof(uint64_t) };
}

static uint64_t *counts_of(unsigned int vcpu)
{
	return qemu_plugin_scoreboard_find(counts, vcpu);
}

static void clear_counts(unsigned int vcpu)
{
	memset(counts_of(vcpu), 0, (nr_blocks + 1) * sizeof(uint64_t));
}

static void watch(struct qemu_plugin_insn *insn, udata_fn fn, void *data)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, fn, QEMU_PLUGIN_CB_NO_REGS,
					       data);
}

/* The table and what the plugin does with each block, as the last step of a start */
static void count_blocks(qemu_plugin_id_t id, tb_trans_fn translated)
{
	counts = qemu_plugin_scoreboard_new(NR_BLOCKS * sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
}

#endif /* BLOCKS_H */
