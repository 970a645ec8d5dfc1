// SPDX-License-Identifier: GPL-2.0-only
/*
 * One step: the guest or the VMM does something, and the model is told.
 *
 * Functions return what went wrong, or NULL.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "vtds_random.h"

void random_note(struct vtds_random *r, const char *format, ...)
{
	char *line = r->log[r->nr_log++ % RANDOM_LOG];
	va_list args;
	int len;

	len = snprintf(line, RANDOM_LINE, "%lu: ", r->step);
	va_start(args, format);
	vsnprintf(line + len, RANDOM_LINE - len, format, args);
	va_end(args);
	if (r->verbose)
		printf("# %s\n", line);
}

/* --- The guest edits second-stage tables --- */

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

static const char *edit_tables(struct vtds_random *r)
{
	struct model_setting table = some_table(r);
	struct random_batch batch = { .nr = 0 };
	unsigned int nr = 1 + (random_chance(r, 40) ? random_below(r, 6) : 0);

	for (unsigned int i = 0; i < nr; i++)
		edit(r, &table, &batch);
	return random_flush(r, &batch);
}

/* --- It puts in order what a device needs to work --- */

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

/* --- Registers --- */

static void choose_caps(struct vtds_random *r)
{
	static const unsigned int mgaw[] = { 57, 57, 48, 48, 39, 47, 33 };
	static const unsigned int mamv[] = { 18, 18, 18, 9, 27, 0, 63 };
	static const unsigned int sagaw[] = { 14, 14, 14, 7 << 1, 6, 4, 12 };
	unsigned int levels = sagaw[random_below(r, 7)];
	unsigned int widest = levels & 8 ? 57 : levels & 4 ? 48 : 39;
	unsigned int width = mgaw[random_below(r, 7)];

	r->unit.cap = CAP_ND(random_chance(r, 70) ? 6 : random_below(r, 7)) |
		      CAP_CM | CAP_PSI | (__u64)levels << 8 |
		      CAP_MGAW(width < widest ? width : widest) |
		      CAP_MAMV(mamv[random_below(r, 7)]);
	if (random_chance(r, 85))
		r->unit.cap |= CAP_SSLPS_2M;
	/* Never without the smaller ones */
	if (r->giga && (r->unit.cap & CAP_SSLPS_2M) && random_chance(r, 85))
		r->unit.cap |= CAP_SSLPS_1G;
	r->unit.ecap = ECAP_QI;
	if (random_chance(r, 85))
		r->unit.ecap |= ECAP_PT;
	if (random_chance(r, 20))
		r->unit.ecap |= RANDOM_ECAP_DT;
	if (random_chance(r, 20))
		r->unit.ecap |= RANDOM_ECAP_SC;
	/* Not what the tables need, now and then */
	if (r->scalable ? random_chance(r, 98) : random_chance(r, 30))
		r->unit.ecap |= ECAP_SMTS;
	if (random_chance(r, 95))
		r->unit.ecap |= ECAP_SLTS;
	if (r->scalable && random_chance(r, 70))
		r->unit.ecap |= ECAP_RPS;
	if (r->pasids)
		r->unit.ecap |= RANDOM_ECAP_PASID;
	r->unit.haw = 39 + random_below(r, 14);
	model_set_caps(&r->model, r->unit.cap, r->unit.ecap, r->unit.haw);
	random_note(r, "cap %#llx ecap %#llx haw %u", r->unit.cap, r->unit.ecap,
		    r->unit.haw);
}

static void choose_root(struct vtds_random *r)
{
	__u64 root = random_page_for(r, FOR_ROOT)->gpa;

	root |= r->scalable ? 1 << 10 : 0;
	switch (random_below(r, 40)) {
	case 0:
		root ^= random_below(r, 4) << 10;
		break;
	case 1:
		root = NOWHERE_GPA;
		break;
	case 2:
		root |= 1ULL << random_below(r, 64);
		break;
	}
	r->unit.rtaddr = root;
}

/* At the beginning of a run: all of it */
const char *random_set_state(struct vtds_random *r)
{
	if (!r->step || random_chance(r, 10))
		choose_caps(r);
	if (!r->step || random_chance(r, 40))
		choose_root(r);
	r->unit.flags = random_chance(r, r->model.te ? 60 : 95) ?
				VTD_SHADOW_STATE_TE :
				0;
	random_note(r, "SET_STATE flags %u rtaddr %#llx", r->unit.flags,
		    r->unit.rtaddr);
	r->model.te = r->unit.flags & VTD_SHADOW_STATE_TE;
	r->model.rtaddr = r->unit.rtaddr;
	model_announce_all(&r->model);
	if (vtds_set_state(&r->unit))
		return "SET_STATE failed";
	return random_judge_install(r);
}

static const char *resync(struct vtds_random *r)
{
	random_note(r, "RESYNC");
	model_announce_all(&r->model);
	if (vtds_resync(&r->unit))
		return "RESYNC failed";
	return random_judge_install(r);
}

/* --- Memory --- */

static const char *change_memory(struct vtds_random *r)
{
	/* Not the tail of 1 GiB: too much to fail page by page */
	unsigned int area = 1 + random_below(r, AREA_GIGA_HEAD);
	const char *wrong = NULL;

	if (area == AREA_GIGA_HEAD && !r->giga)
		area = AREA_DATA;
	if (r->model.area[area].perm) {
		random_note(r, "take area %u", area);
		wrong = random_take(r, area);
	}
	if (!wrong && random_chance(r, 75)) {
		unsigned int perm = random_usual(r, area);

		/* To be written only, not to be written */
		if (random_chance(r, 15))
			perm ^= random_chance(r, 30) ? PERM_R : PERM_W;
		perm = perm ?: PERM_W;
		random_note(r, "give area %u, permissions %u", area, perm);
		wrong = random_give(r, area, perm);
	}
	if (!wrong && random_chance(r, 35))
		wrong = resync(r);
	return wrong;
}

/* --- Devices --- */

const char *random_add(struct vtds_random *r, unsigned int device)
{
	struct model *m = &r->model;
	__u16 sids[MODEL_REQUESTERS];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < m->nr_requesters; i++)
		if (m->requester[i].device == device)
			sids[nr++] = m->requester[i].sid;
	random_note(r, "add device %u", device);
	model_set_present(m, device, true);
	if (vtds_add_device(&r->unit, r->dev[device].dev_id, r->identity, sids,
			    nr))
		return "ADD_DEVICE failed";
	return random_judge_install(r);
}

const char *random_remove(struct vtds_random *r, unsigned int device)
{
	random_note(r, "remove device %u", device);
	model_set_present(&r->model, device, false);
	if (vtds_remove_device(&r->unit, r->dev[device].dev_id))
		return "REMOVE_DEVICE failed";
	return NULL;
}

static const char *change_devices(struct vtds_random *r)
{
	unsigned int device = random_below(r, r->model.nr_devices);
	const char *wrong = NULL;

	if (r->model.device[device].present)
		wrong = random_remove(r, device);
	if (!wrong && random_chance(r, 80))
		wrong = random_add(r, device);
	return wrong;
}

/* --- Steps --- */

static const char *flush_something(struct vtds_random *r)
{
	struct random_batch batch = { .nr = 0 };
	unsigned int nr = random_below(r, 4);

	for (unsigned int i = 0; i < nr; i++)
		random_queue_other(r, &batch);
	return random_flush(r, &batch);
}

/* Tables that have something in them, before the driver sees any of it */
const char *random_fill(struct vtds_random *r)
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
	random_fill_contexts(r);
	return NULL;
}

const char *random_step(struct vtds_random *r)
{
	static const struct {
		unsigned int share;
		const char *(*act)(struct vtds_random *r);
	} acts[] = {
		{ 55, edit_tables },	{ 12, random_edit_contexts },
		{ 8, flush_something }, { 6, change_memory },
		{ 9, random_restore },	{ 4, change_devices },
		{ 3, resync },		{ 3, random_set_state },
	};
	unsigned int kind = random_below(r, 100), i = 0;

	/* Not long without translation */
	if (!r->model.te && random_chance(r, 20))
		return random_set_state(r);
	while (kind >= acts[i].share)
		kind -= acts[i++].share;
	return acts[i].act(r);
}
