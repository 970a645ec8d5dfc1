// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is to be synced of a domain: ranges of IOVA that descriptors of a guest ask for,
 * collected and joined, and what a walk has left. Serves domain.c, inval.c, sync.c and all
 * that wants more to be looked at; calls no other file.
 *
 * To look at a table once is little more than to look at one entry of it, so all that is
 * in one table is joined.
 */
#include <kunit/visibility.h>
#include <linux/bug.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "todo.h"
#include "vtd_format.h"

static u64 table_of(u64 iova)
{
	return iova / vtd_level_size(2);
}

/* Whether two ranges touch, or a table that both are in */
static bool meet(const struct vtds_range *a, const struct vtds_range *b)
{
	return table_of(a->first) <= table_of(b->last) &&
	       table_of(b->first) <= table_of(a->last);
}

static void remove(struct vtds_todo *todo, unsigned int index)
{
	unsigned int rest = --todo->count - index;

	memmove(&todo->ranges[index], &todo->ranges[index + 1],
		rest * sizeof(todo->ranges[0]));
	memmove(&todo->owners[index], &todo->owners[index + 1],
		rest * sizeof(todo->owners[0]));
	memmove(&todo->resumed[index], &todo->resumed[index + 1],
		rest * sizeof(todo->resumed[0]));
}

static void insert(struct vtds_todo *todo, u64 owner, struct vtds_range range,
		   bool resumed)
{
	unsigned int index = todo->count, rest;

	while (index && todo->ranges[index - 1].first > range.first)
		index--;
	rest = todo->count++ - index;
	memmove(&todo->ranges[index + 1], &todo->ranges[index],
		rest * sizeof(todo->ranges[0]));
	memmove(&todo->owners[index + 1], &todo->owners[index],
		rest * sizeof(todo->owners[0]));
	memmove(&todo->resumed[index + 1], &todo->resumed[index],
		rest * sizeof(todo->resumed[0]));
	todo->ranges[index] = range;
	todo->owners[index] = owner;
	todo->resumed[index] = resumed;
}

/* Takes out what @range can be joined with. */
static void absorb(struct vtds_todo *todo, u64 owner, struct vtds_range *range)
{
	unsigned int i = 0;

	while (i < todo->count) {
		if (todo->owners[i] != owner ||
		    !meet(&todo->ranges[i], range)) {
			i++;
			continue;
		}
		range->first = min(range->first, todo->ranges[i].first);
		range->last = max(range->last, todo->ranges[i].last);
		remove(todo, i);
		/* It may meet others now that it did not meet before */
		i = 0;
	}
}

/*
 * Joins the two of one owner with the least between them: more is synced than asked. There
 * are two such: fewer calls than ranges can be under way, see VTDS_MAX_CALLS.
 */
static void join_closest(struct vtds_todo *todo)
{
	unsigned int a = 0, b = 0;
	u64 least = U64_MAX;

	for (unsigned int i = 0; i < todo->count; i++)
		for (unsigned int j = i + 1; j < todo->count; j++) {
			u64 gap = todo->ranges[j].first - todo->ranges[i].last;

			if (todo->owners[i] != todo->owners[j] || gap >= least)
				continue;
			least = gap;
			a = i;
			b = j;
		}
	if (WARN_ON_ONCE(!b))
		b = 1;
	todo->ranges[a].last = max(todo->ranges[a].last, todo->ranges[b].last);
	todo->resumed[a] = false;
	remove(todo, b);
}

/**
 * vtds_todo_add() - Add a range
 * @todo: The ranges
 * @owner: Who wants it to be synced
 * @first: First IOVA
 * @last: Last IOVA; maybe more is synced
 */
void vtds_todo_add(struct vtds_todo *todo, u64 owner, u64 first, u64 last)
{
	struct vtds_range range = { first, last };

	/* The most frequent case */
	if (!todo->count) {
		todo->ranges[0] = range;
		todo->owners[0] = owner;
		todo->resumed[0] = false;
		todo->count = 1;
		return;
	}
	absorb(todo, owner, &range);
	if (todo->count == VTDS_TODO_RANGES) {
		join_closest(todo);
		absorb(todo, owner, &range);
	}
	insert(todo, owner, range, false);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_todo_add);

/* Puts back what is left of a range that was taken. There is room for it. */
void vtds_todo_put_back(struct vtds_todo *todo, u64 owner,
			struct vtds_range range)
{
	if (todo->count == VTDS_TODO_RANGES)
		join_closest(todo);
	insert(todo, owner, range, true);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_todo_put_back);

/**
 * vtds_todo_take() - Take out a range
 * @todo: The ranges
 * @owner: Who wants it; there is one
 * @resumed: Output, it was put back
 *
 * It stays @owner's: what is left of it is to be put back as that, before anybody else
 * looks. Calls end when nothing is left that is theirs, whoever works on it.
 *
 * Return: the range.
 */
struct vtds_range vtds_todo_take(struct vtds_todo *todo, u64 owner,
				 bool *resumed)
{
	struct vtds_range range;
	unsigned int i = 0;

	while (i < todo->count - 1 && todo->owners[i] != owner)
		i++;
	range = todo->ranges[i];
	*resumed = todo->resumed[i];
	if (todo->count == 1)
		todo->count = 0;
	else
		remove(todo, i);
	return range;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_todo_take);

/* @owner ends. Returns whether it leaves anything. */
bool vtds_todo_disown(struct vtds_todo *todo, u64 owner)
{
	bool found = false;
	unsigned int i = 0;

	while (i < todo->count) {
		struct vtds_range range = todo->ranges[i];
		unsigned int count = todo->count;
		bool resumed = todo->resumed[i];

		if (todo->owners[i] != owner) {
			i++;
			continue;
		}
		remove(todo, i);
		absorb(todo, VTDS_TODO_REST, &range);
		insert(todo, VTDS_TODO_REST, range,
		       resumed && todo->count == count - 1);
		found = true;
		i = 0;
	}
	return found;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_todo_disown);
