// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sets of what the driver may answer: how they grow and shrink with what
 * happens, apart from announcements by descriptor (model_desc.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* --- Sets of answers --- */

static bool same_answer(const struct model_answer *a,
			const struct model_answer *b)
{
	if (a->perm != b->perm || a->early != b->early)
		return false;
	return !a->perm || (a->gpa == b->gpa && a->level == b->level &&
			    a->areas == b->areas);
}

/* Returns whether that is news. */
static bool set_add(struct model *m, struct model_set *set,
		    const struct model_answer *answer)
{
	for (unsigned int i = 0; i < set->nr; i++)
		if (same_answer(&set->answer[i], answer))
			return false;
	if (set->nr == MODEL_ANSWERS) {
		m->anys += !set->any;
		set->any = true;
		return true;
	}
	set->answer[set->nr++] = *answer;
	return true;
}

static void set_to(struct model_set *set, const struct model_answer *answer)
{
	set->nr = 1;
	set->any = false;
	set->answer[0] = *answer;
}

/* --- Tables --- */

static void key_refresh(struct model *m, struct model_key *key)
{
	if (key->version == m->version)
		return;
	for (unsigned int i = 0; i < m->nr_addrs; i++)
		key->fresh[i] =
			model_walk(m, key->root, key->levels, m->iova[i]);
	key->version = m->version;
}

/* Of a table that nobody used before it is not known */
static bool may_be_out_of_reach(const struct model_set *set)
{
	for (unsigned int i = 0; i < set->nr; i++)
		if (!set->answer[i].perm && !set->answer[i].early)
			return true;
	return set->any || !set->nr;
}

/*
 * The table was read as it is now, where addresses are in [first, last]. An entry that
 * was refused when there was no memory may not have been tried again.
 */
void model_announce_key(struct model *m, struct model_key *key, __u64 first,
			__u64 last)
{
	const struct model_answer none = { .perm = PERM_NONE };

	key_refresh(m, key);
	for (unsigned int i = 0; i < m->nr_addrs; i++) {
		bool may_stay;

		if (m->iova[i] < first || m->iova[i] > last)
			continue;
		may_stay = (key->fresh[i].areas & m->unsaid) &&
			   may_be_out_of_reach(&key->may[i]);
		set_to(&key->may[i], &key->fresh[i]);
		if (may_stay)
			set_add(m, &key->may[i], &none);
	}
}

/* The table may have been read as it is now */
static void key_may_be_read(struct model *m, struct model_key *key)
{
	const struct model_answer early = { .perm = PERM_NONE, .early = true };

	key_refresh(m, key);
	for (unsigned int i = 0; i < m->nr_addrs; i++) {
		bool news = set_add(m, &key->may[i], &key->fresh[i]);

		if (news && m->restless)
			set_add(m, &key->may[i], &early);
	}
}

/* The table that a setting uses, NULL if none is live */
struct model_key *model_key_of(struct model *m,
			       const struct model_setting *setting)
{
	if (setting->attachment != VTD_SHADOW_ATTACHED_SHADOW)
		return NULL;
	for (unsigned int i = 0; i < MODEL_KEYS; i++) {
		struct model_key *key = &m->key[i];

		if (key->live && key->root == setting->root &&
		    key->levels == setting->levels)
			return key;
	}
	return NULL;
}

/* Nobody was attached to it before, so it is read now */
static struct model_key *key_begin(struct model *m,
				   const struct model_setting *setting)
{
	for (unsigned int i = 0; i < MODEL_KEYS; i++) {
		struct model_key *key = &m->key[i];

		if (key->live)
			continue;
		key->live = true;
		key->root = setting->root;
		key->levels = setting->levels;
		key->version = 0;
		key->checked = 0;
		memset(key->may, 0, sizeof(key->may));
		model_announce_key(m, key, 0, ~0ULL);
		return key;
	}
	fprintf(stderr, "more tables in use than the model has place for\n");
	abort();
}

/* --- Requesters, and which tables their groups may be attached to --- */

static bool same_setting(const struct model_setting *a,
			 const struct model_setting *b)
{
	return a->attachment == b->attachment && a->reason == b->reason &&
	       a->levels == b->levels && a->did == b->did &&
	       a->pasid == b->pasid && a->root == b->root;
}

/* The requester's entries may have been read as they are now */
void model_requester_may_be_read(struct model *m, struct model_requester *r)
{
	struct model_setting now = model_read_setting(m, r->sid);

	for (unsigned int i = 0; i < r->nr; i++)
		if (same_setting(&r->may[i], &now))
			return;
	if (r->nr == MODEL_SETTINGS) {
		fprintf(stderr, "more settings than the model has place for\n");
		abort();
	}
	r->may[r->nr++] = now;
}

/* The requester's entries were read as they are now */
void model_announce_requester(struct model *m, struct model_requester *r)
{
	r->nr = 0;
	model_requester_may_be_read(m, r);
}

static bool may_use(const struct model_requester *r,
		    const struct model_setting *table)
{
	for (unsigned int i = 0; i < r->nr; i++)
		if (r->may[i].attachment == VTD_SHADOW_ATTACHED_SHADOW &&
		    r->may[i].root == table->root &&
		    r->may[i].levels == table->levels)
			return true;
	return false;
}

static bool in_group(const struct model *m, const struct model_requester *r,
		     unsigned int group)
{
	const struct model_device *device = &m->device[r->device];

	return device->present && device->group == group;
}

/* A group has one table: all of its requesters have to agree */
static bool group_may_use(const struct model *m, unsigned int group,
			  const struct model_setting *table)
{
	for (unsigned int i = 0; i < m->nr_requesters; i++)
		if (in_group(m, &m->requester[i], group) &&
		    !may_use(&m->requester[i], table))
			return false;
	return true;
}

/* Is the group attached to the table without doubt? */
bool model_group_is_on(const struct model *m, unsigned int group,
		       const struct model_key *key)
{
	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		const struct model_requester *r = &m->requester[i];

		if (!in_group(m, r, group))
			continue;
		for (unsigned int j = 0; j < r->nr; j++)
			if (r->may[j].attachment !=
				    VTD_SHADOW_ATTACHED_SHADOW ||
			    r->may[j].root != key->root ||
			    r->may[j].levels != key->levels)
				return false;
	}
	return true;
}

/* What requesters may be set to has changed: which tables may be in use now? */
void model_update_live(struct model *m)
{
	bool used[MODEL_KEYS] = { false };

	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		struct model_requester *r = &m->requester[i];

		if (!m->device[r->device].present)
			continue;
		for (unsigned int j = 0; j < r->nr; j++) {
			struct model_key *key;

			if (r->may[j].attachment !=
				    VTD_SHADOW_ATTACHED_SHADOW ||
			    !group_may_use(m, m->device[r->device].group,
					   &r->may[j]))
				continue;
			key = model_key_of(m, &r->may[j]) ?:
				      key_begin(m, &r->may[j]);
			used[key - m->key] = true;
		}
	}
	for (unsigned int i = 0; i < MODEL_KEYS; i++)
		m->key[i].live &= used[i];
}

/* --- What happens --- */

/* Before the first device is added */
void model_reset(struct model *m)
{
	memset(m->key, 0, sizeof(m->key));
	m->restless = false;
	for (unsigned int i = 0; i < m->nr_devices; i++)
		m->device[i].present = false;
	for (unsigned int i = 0; i < m->nr_requesters; i++)
		m->requester[i].nr = 0;
	m->version++;
	m->anys = 0;
}

/* A call that the driver may take as an occasion to read all tables */
void model_call(struct model *m)
{
	for (unsigned int i = 0; i < MODEL_KEYS; i++)
		if (m->key[i].live)
			key_may_be_read(m, &m->key[i]);
}

/* SET_STATE or RESYNC: everything was read as it is now */
void model_announce_all(struct model *m)
{
	m->unsaid = 0;
	for (unsigned int i = 0; i < m->nr_requesters; i++)
		model_announce_requester(m, &m->requester[i]);
	model_update_live(m);
	for (unsigned int i = 0; i < MODEL_KEYS; i++)
		if (m->key[i].live)
			model_announce_key(m, &m->key[i], 0, ~0ULL);
}

/* RESYNC of an area: contexts are read, and what led there in vain is tried again */
void model_resync_area(struct model *m, unsigned int area)
{
	for (unsigned int i = 0; i < m->nr_requesters; i++)
		model_announce_requester(m, &m->requester[i]);
	model_update_live(m);
	model_call(m);
	m->unsaid &= ~(1U << area);
}

/* ADD_DEVICE or REMOVE_DEVICE */
void model_set_present(struct model *m, unsigned int device, bool present)
{
	model_call(m);
	m->device[device].present = present;
	for (unsigned int i = 0; i < m->nr_requesters; i++)
		if (m->requester[i].device == device)
			model_announce_requester(m, &m->requester[i]);
	model_update_live(m);
}

/* What was found in memory that is gone is no answer any more */
static void key_forget_area(struct model *m, struct model_key *key,
			    unsigned int area)
{
	const struct model_answer none = { .perm = PERM_NONE };

	for (unsigned int i = 0; i < m->nr_addrs; i++) {
		struct model_set old = key->may[i];

		key->may[i].nr = 0;
		for (unsigned int j = 0; j < old.nr; j++)
			set_add(m, &key->may[i],
				old.answer[j].areas >> area & 1 ?
					&none :
					&old.answer[j]);
	}
}

/*
 * The VMM gives memory, or takes it. What is taken is out of reach at once; what is near
 * it is read again, maybe later, and finds what is given meanwhile.
 */
void model_set_area(struct model *m, unsigned int area, unsigned int perm)
{
	m->area[area].perm = perm;
	m->unsaid |= 1U << area;
	m->restless |= !perm;
	m->version++;
	for (unsigned int i = 0; !perm && i < MODEL_KEYS; i++)
		if (m->key[i].live)
			key_forget_area(m, &m->key[i], area);
	model_call(m);
}
