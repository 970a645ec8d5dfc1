// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest wrote to its tables since the last barrier, and where an address may
 * have led meanwhile: at each level through any of the values that the entry had. Serves
 * programs whose guest writes while others sync.
 */
#include <stdint.h>
#include <stdlib.h>

#include "vtds_defs.h"
#include "vtds_history.h"

static unsigned int hash(const volatile __u64 *entry)
{
	return ((__u64)(uintptr_t)entry >> 3) * 0x9e3779b97f4a7c15ULL >> 51;
}

/* Where @entry is, or where there is place for it */
static unsigned int find(const struct vtds_history *history,
			 const volatile __u64 *entry)
{
	unsigned int at = hash(entry) % VTDS_HISTORY_SLOTS;

	for (unsigned int i = 0; i < VTDS_HISTORY_SLOTS; i++) {
		const volatile __u64 *found = history->slot[at].entry;

		if (!found || found == entry)
			return at;
		at = (at + 1) % VTDS_HISTORY_SLOTS;
	}
	abort();
}

static void add_value(struct vtds_history_slot *slot, __u64 value)
{
	for (unsigned int i = 0; i < slot->nr; i++)
		if (slot->value[i] == value)
			return;
	/* A guest that chooses from more values needs more room */
	if (slot->nr == VTDS_HISTORY_VALUES)
		abort();
	slot->value[slot->nr++] = value;
}

/* The guest writes an entry. It is noted first: from then on it may have been seen. */
void vtds_history_write(struct vtds_history *history, volatile __u64 *entry,
			__u64 value)
{
	struct vtds_history_slot *slot = &history->slot[find(history, entry)];

	if (!slot->entry) {
		slot->entry = entry;
		add_value(slot, *entry);
	}
	add_value(slot, value);
	*entry = value;
}

/* All that the guest announced has taken effect: only what is there now may be in use */
void vtds_history_barrier(struct vtds_history *history)
{
	for (unsigned int i = 0; i < VTDS_HISTORY_SLOTS; i++) {
		struct vtds_history_slot *slot = &history->slot[i];

		if (!slot->entry)
			continue;
		slot->nr = 1;
		slot->value[0] = *slot->entry;
	}
}

/* The values of @entry, up to VTDS_HISTORY_VALUES of them. Returns how many. */
unsigned int vtds_history_values(const struct vtds_history *history,
				 const volatile __u64 *entry, __u64 *values)
{
	const struct vtds_history_slot *slot =
		&history->slot[find(history, entry)];

	if (!slot->entry && history->other)
		return vtds_history_values(history->other, entry, values);
	if (!slot->entry) {
		*values = *entry;
		return 1;
	}
	for (unsigned int i = 0; i < slot->nr; i++)
		values[i] = slot->value[i];
	return slot->nr;
}

/* --- Walking --- */

static unsigned int shift_of(unsigned int level)
{
	return 12 + 9 * (level - 1);
}

static bool is_malformed(const struct vtds_history *history, __u64 value,
			 unsigned int level)
{
	__u64 bad = history->reserved;

	if (level > 1 && (value & SS_PS))
		bad |= ((1ULL << shift_of(level)) - 1) & SS_ADDR;
	return value & bad;
}

/* The same page with other permissions is a place of its own: they are not added up */
static unsigned int add_allowed(struct vtds_allowed *allowed, unsigned int nr,
				__u64 gpa, unsigned int perm)
{
	for (unsigned int i = 0; i < nr; i++)
		if (allowed[i].gpa == gpa && allowed[i].perm == perm)
			return nr;
	if (nr == VTDS_MAX_ALLOWED)
		abort();
	allowed[nr++] = (struct vtds_allowed){ .gpa = gpa, .perm = perm };
	return nr;
}

/**
 * struct walk - On the way from an address
 * @history: What the guest wrote
 * @iova: The address
 * @allowed: Where it may lead
 * @nr: How many
 */
struct walk {
	const struct vtds_history *history;
	__u64 iova;
	struct vtds_allowed *allowed;
	unsigned int nr;
};

static void walk_table(struct walk *walk, __u64 table, unsigned int level,
		       unsigned int perm)
{
	const volatile __u64 *entries = vtds_hva(walk->history->guest, table);
	__u64 values[VTDS_HISTORY_VALUES];
	__u64 below = (1ULL << shift_of(level)) - 1;
	unsigned int nr;

	if (!entries)
		return;
	nr = vtds_history_values(walk->history,
				 &entries[walk->iova >> shift_of(level) & 511],
				 values);
	for (unsigned int i = 0; i < nr; i++) {
		__u64 to = values[i] & SS_ADDR;
		unsigned int both = perm & values[i];
		__u64 page = to + (walk->iova & below & SS_ADDR);

		if (!both || is_malformed(walk->history, values[i], level))
			continue;
		if (level > 1 && !(values[i] & SS_PS))
			walk_table(walk, to, level - 1, both);
		else
			walk->nr = add_allowed(walk->allowed, walk->nr, page,
					       both);
	}
}

/*
 * Adds to the @nr places in @allowed where @iova may lead through the table at @root.
 * Returns how many there are then.
 */
unsigned int vtds_history_walk(const struct vtds_history *history, __u64 root,
			       unsigned int levels, __u64 iova,
			       struct vtds_allowed *allowed, unsigned int nr)
{
	struct walk walk = {
		.history = history,
		.iova = iova,
		.allowed = allowed,
		.nr = nr,
	};

	if (!(iova >> (12 + 9 * levels)))
		walk_table(&walk, root, levels, PERM_RW);
	return walk.nr;
}
