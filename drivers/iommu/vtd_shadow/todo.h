/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to be synced of a domain, see todo.c
 */
#ifndef VTDS_TODO_H
#define VTDS_TODO_H

#include <linux/limits.h>
#include <linux/types.h>

#include "reserved.h"

/* More ranges than this are synced before others are collected */
#define VTDS_TODO_RANGES 64

/**
 * struct vtds_todo - Ranges of IOVA that are to be synced
 * @count: How many there are
 * @ranges: In ascending order, not two of one owner in one table of 4 KiB leaves
 * @owners: Who wants each to be synced: vtds_batch.seq, VTDS_TODO_REST if that has ended.
 *          Nobody waits for what others want
 * @resumed: A walk has stopped before the range: what changed above it since is no reason
 *           to begin anew
 */
struct vtds_todo {
	unsigned int count;
	struct vtds_range ranges[VTDS_TODO_RANGES];
	u64 owners[VTDS_TODO_RANGES];
	bool resumed[VTDS_TODO_RANGES];
};

/* What calls have left, for which they are made again */
#define VTDS_TODO_REST 0

/* Of what is brought back later, by the work in the background, see retry.c */
#define VTDS_TODO_BACKGROUND U64_MAX

/* Whether another range might have to be joined with one that is far away. */
static inline bool vtds_todo_is_full(const struct vtds_todo *todo)
{
	/* The walk that is under way may give one back */
	return todo->count >= VTDS_TODO_RANGES - 1;
}

void vtds_todo_add(struct vtds_todo *todo, u64 owner, u64 first, u64 last);
void vtds_todo_put_back(struct vtds_todo *todo, u64 owner,
			struct vtds_range range);
struct vtds_range vtds_todo_take(struct vtds_todo *todo, u64 owner,
				 bool *resumed);
bool vtds_todo_disown(struct vtds_todo *todo, u64 owner);

/* Whether there is anything that @owner wants */
static inline bool vtds_todo_has(const struct vtds_todo *todo, u64 owner)
{
	for (unsigned int i = 0; i < todo->count; i++)
		if (todo->owners[i] == owner)
			return true;
	return false;
}

/* All there is */
static inline void vtds_todo_all(struct vtds_todo *todo, u64 owner)
{
	vtds_todo_add(todo, owner, 0, U64_MAX);
}

#endif /* VTDS_TODO_H */
