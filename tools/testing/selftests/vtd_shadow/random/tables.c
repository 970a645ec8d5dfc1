// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest edits second-stage tables, and announces it or not.
 *
 * random_edit_tables() returns what went wrong, or NULL.
 */
#include "random.h"

/* Domain-ids under which a table is in use, as memory says. Returns how many. */
static unsigned int dids_of(struct vtds_random *r, __u64 root,
			    unsigned int levels, __u16 *dids)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < r->model.nr_requesters; i++) {
		__u16 sid = r->model.requester[i].sid;
		struct model_setting setting;

		setting = model_read_setting(&r->model, sid);
		if (setting.attachment == VTD_SHADOW_ATTACHED_SHADOW &&
		    setting.root == root && setting.levels == levels &&
		    (!nr || dids[nr - 1] != setting.did))
			dids[nr++] = setting.did;
	}
	return nr;
}

static void announce_edit(struct vtds_random *r, struct random_batch *batch,
			  const struct model_setting *table, __u64 iova,
			  unsigned int level)
{
	unsigned int how = random_below(r, 100), nr;
	__u16 dids[MODEL_REQUESTERS];

	if (how < 15) /* forgets it */
		return;
	if (how < 25) {
		random_queue_other(r, batch);
		return;
	}
	if (how < 28) {
		random_queue(batch, iotlb_global());
		return;
	}
	nr = dids_of(r, table->root, table->levels, dids);
	for (unsigned int i = 0; i < nr; i++)
		random_queue_pages(r, batch, dids[i], iova, level);
	if (how < 35) /* too narrow, or twice */
		random_queue_pages(r, batch, nr ? dids[0] : 2, iova, 1);
}

/**
 * struct spot - An entry of a table
 * @page: The page that it is in
 * @index: Its index there
 * @level: Level that it is reached at
 */
struct spot {
	struct model_page *page;
	unsigned int index;
	unsigned int level;
};

/* The entry for @iova at @level, or where the way there ends */
static struct spot find_spot(struct vtds_random *r,
			     const struct model_setting *table, __u64 iova,
			     unsigned int level)
{
	struct spot spot = { .page = model_page_at(&r->model, table->root) };

	for (unsigned int at = table->levels; spot.page; at--) {
		struct model_page *next;
		__u64 entry;

		spot.index = model_index(iova, at);
		spot.level = at;
		entry = spot.page->entry[spot.index];
		if (at == level || !(entry & SS_RW) || (entry & SS_PS))
			break;
		next = model_page_at(&r->model, entry & SS_ADDR);
		if (!next)
			break;
		spot.page = next;
	}
	return spot;
}

static unsigned int some_level(struct vtds_random *r, unsigned int levels)
{
	unsigned int kind = random_below(r, 100);

	return kind < 60 ? 1 :
	       kind < 83 ? 2 :
	       kind < 94 ? 3 :
	       kind < 98 ? levels - 1 :
			   levels;
}

/* A table: one that a device may be on, or any */
static struct model_setting some_table(struct vtds_random *r)
{
	struct model_requester *q;
	struct model_page *top;

	q = &r->model.requester[random_below(r, r->model.nr_requesters)];
	if (r->model.device[q->device].present && random_chance(r, 90)) {
		struct model_setting setting = q->may[random_below(r, q->nr)];

		if (setting.attachment == VTD_SHADOW_ATTACHED_SHADOW)
			return setting;
	}
	top = random_top(r);
	return (struct model_setting){ .root = top->gpa,
				       .levels = random_use(r, top) };
}

static void edit(struct vtds_random *r, const struct model_setting *table,
		 struct random_batch *batch)
{
	__u64 iova = r->model.iova[random_below(r, r->model.nr_addrs)];
	struct spot spot;
	__u64 entry;

	spot = find_spot(r, table, iova, some_level(r, table->levels));
	if (!spot.page)
		return;
	entry = spot.page->entry[spot.index];
	if (entry && random_chance(r, 30))
		entry = random_change(r, entry, spot.level);
	else
		entry = random_entry(r, spot.level);
	random_note(r, "table %#llx %#llx level %u page %#llx [%u] = %#llx",
		    table->root, iova, spot.level, spot.page->gpa, spot.index,
		    entry);
	model_write(&r->model, spot.page, spot.index, entry);
	if (batch)
		announce_edit(r, batch, table,
			      iova & ~0ULL << model_shift(spot.level),
			      spot.level);
}

const char *random_edit_tables(struct vtds_random *r)
{
	struct model_setting table = some_table(r);
	struct random_batch batch = { .nr = 0 };
	unsigned int nr = 1 + (random_chance(r, 40) ? random_below(r, 6) : 0);

	for (unsigned int i = 0; i < nr; i++)
		edit(r, &table, &batch);
	return random_flush(r, &batch);
}

/* --- The guest puts in order what a device needs to work --- */

/* The next table on the way to the buffers: the one that is there, or a new one */
static struct model_page *buffer_table(struct vtds_random *r, struct spot spot)
{
	__u64 entry = spot.page->entry[spot.index];
	struct model_page *next = model_page_at(&r->model, entry & SS_ADDR);

	if ((entry & SS_RW) == SS_RW && next &&
	    !model_reserved(&r->model, entry, spot.level) && !(entry & SS_PS))
		return next;
	do {
		next = random_page_for(r, spot.level - 1);
	} while (next->area != AREA_FIXED);
	model_write(&r->model, spot.page, spot.index, next->gpa | SS_RW);
	return next;
}

void random_map_buffers(struct vtds_random *r,
			const struct model_setting *table)
{
	struct spot spot = { .page = model_page_at(&r->model, table->root) };

	if (!spot.page)
		return;
	for (spot.level = table->levels; spot.level > 1; spot.level--) {
		spot.index = model_index(FIXED_GPA, spot.level);
		spot.page = buffer_table(r, spot);
	}
	for (unsigned int i = 0; i < 9; i++)
		model_write(&r->model, spot.page, i,
			    (FIXED_GPA + i * SZ_4K) | SS_RW);
}

/* --- The beginning --- */

/* Tables that have something in them, before the driver sees any of it */
void random_fill_tables(struct vtds_random *r)
{
	for (unsigned int i = 0; i < 200; i++) {
		struct model_setting table = some_table(r);

		edit(r, &table, NULL);
	}
	for (unsigned int i = 0; i < r->model.nr_pages; i++) {
		struct model_setting table = { .root = r->model.page[i].gpa,
					       .levels = r->use[i] };

		if (r->is_top[i])
			random_map_buffers(r, &table);
	}
}
