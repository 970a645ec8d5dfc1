/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What plugins here use of QEMU's interface for plugins, version 4. QEMU packages come
 * without its own header.
 */
#ifndef QEMU_PLUGIN_H
#define QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;

struct qemu_plugin_u64 {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

typedef void (*tb_trans_fn)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*udata_fn)(unsigned int vcpu, void *data);
typedef void (*atexit_fn)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, atexit_fn fn,
				    void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_fn fn);
typedef void tb_inline_fn(struct qemu_plugin_tb *tb, enum qemu_plugin_op op,
			  struct qemu_plugin_u64 entry, uint64_t imm);
tb_inline_fn qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu;

void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    udata_fn fn,
					    enum qemu_plugin_cb_flags flags,
					    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *dest,
			     size_t len);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *score,
				  unsigned int vcpu);

uint64_t qemu_plugin_u64_sum(struct qemu_plugin_u64 entry);
int qemu_plugin_num_vcpus(void);

#endif /* QEMU_PLUGIN_H */
