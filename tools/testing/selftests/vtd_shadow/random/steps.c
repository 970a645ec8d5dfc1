// SPDX-License-Identifier: GPL-2.0-only
/*
 * One step: chooses what the guest or the VMM does.
 *
 * Functions return what went wrong, or NULL.
 */
#include "random.h"

static const char *flush_something(struct vtds_random *r)
{
	struct random_batch batch = { .nr = 0 };
	unsigned int nr = random_below(r, 4);

	for (unsigned int i = 0; i < nr; i++)
		random_queue_other(r, &batch);
	return random_flush(r, &batch);
}

const char *random_step(struct vtds_random *r)
{
	static const struct {
		unsigned int share;
		const char *(*act)(struct vtds_random *r);
	} acts[] = {
		{ 55, random_edit_tables }, { 12, random_edit_contexts },
		{ 8, flush_something },	    { 6, random_change_memory },
		{ 9, random_restore },	    { 4, random_change_devices },
		{ 3, random_resync },	    { 3, random_set_state },
	};
	unsigned int kind = random_below(r, 100), i = 0;

	/* Not long without translation */
	if (!r->model.te && random_chance(r, 20))
		return random_set_state(r);
	while (kind >= acts[i].share)
		kind -= acts[i++].share;
	return acts[i].act(r);
}
