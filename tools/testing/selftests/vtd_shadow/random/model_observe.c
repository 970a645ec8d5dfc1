// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares what the driver answers with what it may answer, and keeps from that
 * only what fits. All answers for a requester have to fit to one setting.
 */
#include "model.h"

static bool wrong(struct model_observation *o, const char *what)
{
	if (!o->wrong)
		o->wrong = what;
	return false;
}

/* Leaves the settings of a requester for which @fits */
static bool keep(struct model_observation *o,
		 bool (*fits)(struct model_observation *o,
			      const struct model_setting *setting,
			      const void *what),
		 const void *what)
{
	struct model_requester *r = o->requester;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < r->nr; i++)
		if (fits(o, &r->may[i], what))
			r->may[nr++] = r->may[i];
	if (nr)
		r->nr = nr;
	return nr;
}

/* --- Attachment --- */

static bool alone(const struct model_observation *o)
{
	const struct model *m = o->model;
	const struct model_device *device = &m->device[o->requester->device];

	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		const struct model_requester *r = &m->requester[i];
		const struct model_device *other = &m->device[r->device];

		if (r != o->requester && other->present &&
		    other->group == device->group)
			return false;
	}
	return true;
}

/*
 * A group whose requesters disagree is blocked, and no address of it has a
 * reason of its own.
 */
static bool fits_attachment(struct model_observation *o,
			    const struct model_setting *setting,
			    const void *what)
{
	const struct vtd_shadow_translate *answer = what;

	if (setting->did != answer->domain_id)
		return false;
	if (answer->attachment != VTD_SHADOW_ATTACHED_BLOCKED)
		return setting->attachment == answer->attachment;
	if (setting->attachment == VTD_SHADOW_ATTACHED_BLOCKED)
		return setting->reason == answer->fault_reason;
	return !alone(o) &&
	       answer->fault_reason == (model_is_scalable(o->model) ? 0x78 : 7);
}

/* Where is the device attached? False, and the reason in @o, if it cannot be */
bool model_observe(struct model_observation *o,
		   const struct vtd_shadow_translate *answer)
{
	o->wrong = NULL;
	if (!keep(o, fits_attachment, answer))
		return wrong(o, "attachment, domain-id or reason");
	return true;
}

/* --- Addresses --- */

/* The table that the device is on without doubt, NULL if there is none */
struct model_key *model_observed_key(struct model_observation *o)
{
	struct model_requester *r = o->requester;
	struct model_key *key = model_key_of(o->model, &r->may[0]);

	for (unsigned int i = 1; i < r->nr; i++)
		if (model_key_of(o->model, &r->may[i]) != key)
			return NULL;
	return key;
}

/* The driver's answer in the model's words; areas are not known to it */
static struct model_answer in_words(const struct vtd_shadow_translate *answer)
{
	return (struct model_answer){
		.gpa = answer->gpa & ~0xfffULL,
		.perm = answer->perm,
		.level = answer->level,
	};
}

static bool equal(const struct model_answer *a, const struct model_answer *b)
{
	return a->perm == b->perm &&
	       (!a->perm || (a->gpa == b->gpa && a->level == b->level));
}

static bool identity_answer(const struct model_observation *o, __u64 iova,
			    const struct model_answer *seen)
{
	struct model_answer expected = { .gpa = iova & ~0xfffULL };

	if ((iova < 0xfee00000 || iova > 0xfeefffff) &&
	    !(iova >> o->model->caps.haw))
		expected.perm = model_memory(o->model, iova);
	return equal(&expected, seen);
}

struct at {
	unsigned int addr;
	const struct model_answer *seen;
};

static bool fits_answer(struct model_observation *o,
			const struct model_setting *setting, const void *what)
{
	struct model_key *key = model_key_of(o->model, setting);
	const struct at *at = what;
	struct model_set *set;

	if (setting->attachment == VTD_SHADOW_ATTACHED_IDENTITY)
		return identity_answer(o, o->model->iova[at->addr], at->seen);
	if (!key)
		return false;
	set = &key->may[at->addr];
	for (unsigned int i = 0; i < set->nr; i++)
		if (equal(&set->answer[i], at->seen))
			return true;
	return set->any;
}

/* Does an answer for address number @addr fit? False, and the reason in @o, if not */
bool model_observe_addr(struct model_observation *o, unsigned int addr,
			const struct vtd_shadow_translate *answer)
{
	const struct at at = { .addr = addr, .seen = &o->seen[addr] };

	o->seen[addr] = in_words(answer);
	if (!answer->perm != !!answer->fault_reason)
		return wrong(o, "a reason for what is allowed, or none");
	if (answer->perm && (answer->gpa ^ answer->iova) & 0xfff)
		return wrong(o, "offset in the page");
	if (answer->attachment == VTD_SHADOW_ATTACHED_BLOCKED)
		return !answer->perm || wrong(o, "blocked, yet permitted");
	if (!keep(o, fits_answer, &at))
		return wrong(o, "translation");
	return true;
}

/* What was seen in @set is all that is left of it */
static void narrow(struct model_set *set, const struct model_answer *seen)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < set->nr; i++)
		if (equal(&set->answer[i], seen))
			set->answer[nr++] = set->answer[i];
	if (nr) {
		set->nr = nr;
		set->any = false;
	}
}

/* All addresses were asked for in @step: the driver is in a known state */
void model_observed_all(struct model_observation *o, unsigned long step)
{
	struct model_key *key = model_observed_key(o);

	if (!key)
		return;
	for (unsigned int i = 0; i < o->model->nr_addrs; i++)
		narrow(&key->may[i], &o->seen[i]);
	key->checked = step;
	if (o->model->restless)
		model_call(o->model);
}
