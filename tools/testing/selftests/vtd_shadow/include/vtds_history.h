/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest wrote to its tables since the last barrier (lib/history.c).
 */
#ifndef VTDS_HISTORY_H
#define VTDS_HISTORY_H

#include "vtds_isolation.h"

/* Entries that are written to, a power of two, and values that one has in between */
#define VTDS_HISTORY_SLOTS 8192
#define VTDS_HISTORY_VALUES 12

/**
 * struct vtds_history - Values of entries of a guest's tables
 * @guest: Whose
 * @reserved: Bits that make a paging entry malformed
 * @other: That of another thread, which writes to other entries; or NULL
 * @slot: An entry and the values that it had, the first one before the others, by a hash
 *        of where it is
 *
 * One thread writes. Others may call when it does not.
 */
struct vtds_history {
	const struct vtds_guest *guest;
	__u64 reserved;
	const struct vtds_history *other;
	struct vtds_history_slot {
		volatile __u64 *entry;
		unsigned int nr;
		__u64 value[VTDS_HISTORY_VALUES];
	} slot[VTDS_HISTORY_SLOTS];
};

void vtds_history_write(struct vtds_history *history, volatile __u64 *entry,
			__u64 value);
void vtds_history_barrier(struct vtds_history *history);
unsigned int vtds_history_values(const struct vtds_history *history,
				 const volatile __u64 *entry, __u64 *values);
unsigned int vtds_history_walk(const struct vtds_history *history, __u64 root,
			       unsigned int levels, __u64 iova,
			       struct vtds_allowed *allowed, unsigned int nr);

#endif /* VTDS_HISTORY_H */
