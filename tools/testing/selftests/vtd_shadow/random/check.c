// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a step: does the driver answer what it may, and do devices find what it
 * answers? Functions return what is wrong, or NULL.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "random.h"

struct random_seen *random_seen(struct vtds_random *r)
{
	return &r->seen[r->scalable];
}

/* --- Asking --- */

static void note_answer(struct vtds_random *r,
			const struct vtd_shadow_translate *t)
{
	random_note(r, "%#x %#llx: at %u did %u fault %#x", t->source_id,
		    t->iova, t->attachment, t->domain_id, t->fault_reason);
	random_note(r, " to %#llx perm %u level %u", t->gpa, t->perm, t->level);
}

static void note_set(struct vtds_random *r, const struct model_set *set)
{
	for (unsigned int i = 0; i < set->nr; i++)
		random_note(r, " to %#llx perm %u level %u", set->answer[i].gpa,
			    set->answer[i].perm, set->answer[i].level);
}

/* What the model would have accepted */
static void note_expected(struct vtds_random *r,
			  const struct model_requester *q, unsigned int addr)
{
	for (unsigned int i = 0; i < q->nr; i++) {
		const struct model_setting *s = &q->may[i];
		struct model_key *key = model_key_of(&r->model, s);

		random_note(r, "it may be at %u did %u fault %#x, table %#llx",
			    s->attachment, s->did, s->reason, s->root);
		if (key)
			note_set(r, &key->may[addr]);
	}
}

static int ask(struct vtds_random *r, const struct model_requester *q,
	       unsigned int addr, struct vtd_shadow_translate *answer)
{
	__u64 offset = (r->step * 0x128 + addr * 8) & 0xfff;

	random_seen(r)->answers++;
	return vtds_translate(&r->unit, q->sid, r->model.iova[addr] | offset,
			      answer);
}

/* Some of the addresses, others in each step */
static bool is_sample(const struct vtds_random *r, unsigned int addr)
{
	return (addr + r->step) % 8 == 0;
}

static const char *check_present(struct vtds_random *r,
				 struct model_requester *q)
{
	struct model_observation o = { .model = &r->model, .requester = q };
	struct vtd_shadow_translate t;
	const struct model_key *key;
	bool sample = true, shadow;

	if (ask(r, q, 0, &t))
		return "TRANSLATE failed";
	if (!model_observe(&o, &t)) {
		note_answer(r, &t);
		note_expected(r, q, 0);
		return o.wrong;
	}
	shadow = t.attachment == VTD_SHADOW_ATTACHED_SHADOW;
	random_seen(r)->shadows += shadow;
	random_seen(r)->requesters++;
	key = model_observed_key(&o);
	if (shadow)
		sample = key && key->checked == r->step;

	for (unsigned int i = 0; i < r->model.nr_addrs; i++) {
		if (sample && !is_sample(r, i))
			continue;
		if (ask(r, q, i, &t))
			return "TRANSLATE failed";
		if (!model_observe_addr(&o, i, &t)) {
			note_answer(r, &t);
			note_expected(r, q, i);
			return o.wrong;
		}
		random_seen(r)->permitted += t.perm != PERM_NONE;
		if (t.perm)
			r->last_gpa[i] = t.gpa & ~0xfffULL;
	}
	if (shadow && !sample)
		model_observed_all(&o, r->step);
	return NULL;
}

/* PASIDs are looked up for the first source-id of a device */
static __u16 first_sid(const struct model *m, unsigned int device)
{
	unsigned int i = 0;

	while (m->requester[i].device != device)
		i++;
	return m->requester[i].sid;
}

/*
 * Requests with a PASID: none of the devices has any, so nothing is attached for
 * them, whatever the guest's entries say. If the unit has none either, memory tells the
 * reason; else it may be that of when the entry was read.
 */
static const char *check_pasid(struct vtds_random *r,
			       const struct model_requester *q)
{
	struct vtd_shadow_translate t = {
		.size = sizeof(t),
		.flags = VTD_SHADOW_TRANSLATE_PASID,
		.source_id = q->sid,
		.pasid = random_pasid(r),
		.iova = r->model.iova[random_below(r, r->model.nr_addrs)],
	};

	unsigned int reason =
		model_no_pasids(&r->model, first_sid(&r->model, q->device));

	if (ioctl(r->unit.fd, VTD_SHADOW_TRANSLATE, &t))
		return "TRANSLATE with a PASID failed";
	if (!r->pasids && t.fault_reason != reason) {
		note_answer(r, &t);
		random_note(r, "it should be %#x", reason);
		return "another reason for a request with a PASID";
	}
	if (t.attachment == VTD_SHADOW_ATTACHED_BLOCKED && !t.perm &&
	    t.fault_reason)
		return NULL;
	note_answer(r, &t);
	return "a PASID is attached for a device that has none";
}

static const char *check_answers(struct vtds_random *r)
{
	struct model *m = &r->model;
	struct vtd_shadow_translate t;

	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		struct model_requester *q = &m->requester[i];
		const char *wrong = NULL;

		if (m->device[q->device].present)
			wrong = check_present(r, q) ?: check_pasid(r, q);
		else if (ask(r, q, 0, &t) != -ENOENT)
			wrong = "an answer for a device that is not there";
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* --- Trying --- */

/* Pages that nothing else is in */
static bool is_data(const struct vtds_random *r, __u64 gpa)
{
	const __u64 data = FIXED_GPA + FIXED_DATA * SZ_4K;
	unsigned int area = model_area_at(&r->model, gpa);

	if (area == AREA_FIXED)
		return gpa >= data && gpa < data + FIXED_NR_DATA * SZ_4K;
	return area != MODEL_AREAS && area != AREA_TABLES &&
	       (area < AREA_GIGA_HEAD || r->giga);
}

static bool is_buffer_reachable(struct vtds_random *r, struct vtds_dev *dev)
{
	unsigned int pages = dev->kind == VTDS_NVME ? 4 : 1;

	for (unsigned int i = 0; i < pages; i++) {
		__u64 at = dev->buffer + i * SZ_4K;

		if (vtds_answer(&r->unit, dev->sid, at, at) != PERM_RW)
			return false;
	}
	return true;
}

/*
 * What the driver says of an address, as a question to the device: it must reach
 * the memory with these permissions, or not reach what was there last.
 */
static bool probe_for(struct vtds_random *r, struct vtds_dev *dev,
		      unsigned int addr, struct vtds_probe *probe,
		      unsigned int *expected)
{
	struct vtd_shadow_translate t;
	__u64 iova = r->model.iova[addr];

	if (vtds_translate(&r->unit, dev->sid, iova, &t))
		return false;
	*probe = (struct vtds_probe){
		.dev = dev,
		.iova = iova,
		.gpa = t.perm ? t.gpa : r->last_gpa[addr],
	};
	*expected = t.perm == PERM_W ? r->write_only : t.perm;
	/* Writes to the interrupt range are interrupts */
	return is_data(r, probe->gpa) &&
	       (iova < 0xfee00000 || iova > 0xfeefffff);
}

static bool choose_probe(struct vtds_random *r, struct vtds_dev *dev,
			 struct vtds_probe *probe, unsigned int *expected)
{
	for (unsigned int tries = 0; tries < 8; tries++)
		if (probe_for(r, dev, random_below(r, r->model.nr_addrs), probe,
			      expected))
			return true;
	return false;
}

/*
 * Whether the driver permits something else now than @before, when it was asked for the
 * probe, and that explains what was found: reading and writing are tried one after the other.
 */
static bool has_moved(struct vtds_random *r, const struct vtds_probe *probe,
		      int before)
{
	int got = probe->got;
	int now =
		vtds_answer(&r->unit, probe->dev->sid, probe->iova, probe->gpa);

	if (now == PERM_W)
		now = r->write_only;
	if (!r->model.restless || now < 0 || got < 0)
		return false;
	return !(got & ~(before | now)) && !(before & now & ~got);
}

static const char *try(struct vtds_random *r, struct vtds_probe *probes,
		       const unsigned int *expected, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		random_note(r, "device %#x tries %#llx for %#llx: expect %u",
			    probes[i].dev->sid, probes[i].iova, probes[i].gpa,
			    expected[i]);
	vtds_probe_all(&r->guest, probes, nr);
	random_seen(r)->transfers += nr;
	for (unsigned int i = 0; i < nr; i++) {
		memset(vtds_hva(&r->guest, probes[i].gpa), 0, SZ_4K);
		/* Buffers can be taken for tables, and have changed */
		r->model.version++;
		random_seen(r)->reached += probes[i].got > 0;
		if (probes[i].got == (int)expected[i] ||
		    has_moved(r, &probes[i], expected[i]))
			continue;
		random_note(r, "device %#x finds %d", probes[i].dev->sid,
			    probes[i].got);
		return "DMA does not find what the driver answers";
	}
	return NULL;
}

static bool is_taken(const struct vtds_probe *probes, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (probes[i].gpa == probes[nr].gpa)
			return true;
	return false;
}

/* All devices of one kind side by side, each with a page of its own */
static const char *try_dma(struct vtds_random *r, bool nvme)
{
	struct vtds_probe probes[MODEL_DEVICES];
	unsigned int expected[MODEL_DEVICES], nr = 0;

	for (unsigned int i = 0; i < r->model.nr_devices; i++) {
		struct vtds_dev *dev = &r->dev[i];
		bool is_nvme = dev->kind == VTDS_NVME;

		if (is_nvme != nvme || !r->model.device[i].present ||
		    !is_buffer_reachable(r, dev))
			continue;
		if (choose_probe(r, dev, &probes[nr], &expected[nr]) &&
		    !is_taken(probes, nr))
			nr++;
	}
	return nr ? try(r, probes, expected, nr) : NULL;
}

/* --- Events --- */

static bool is_requester(const struct model *m, __u32 sid)
{
	for (unsigned int i = 0; i < m->nr_requesters; i++)
		if (m->requester[i].sid == sid)
			return true;
	return false;
}

static bool is_sane(const struct model *m, const struct vtd_shadow_event *event)
{
	if ((event->flags & VTD_SHADOW_EVENT_SOURCE_ID) &&
	    !is_requester(m, event->source_id))
		return false;
	switch (event->type) {
	case VTD_SHADOW_EVENT_FAULT:
		return event->reason && !event->error;
	case VTD_SHADOW_EVENT_INSTALL:
		return event->error && event->error != ENOSPC;
	case VTD_SHADOW_EVENT_CONFLICT:
		return event->flags & VTD_SHADOW_EVENT_SOURCE_ID;
	case VTD_SHADOW_EVENT_LOST:
		return event->lost;
	case VTD_SHADOW_EVENT_RECOVERED:
		return !event->reason && !event->error;
	}
	return false;
}

/* Reads them now and then, so that some are lost at other times */
static const char *check_events(struct vtds_random *r)
{
	struct pollfd pollfd = { .fd = r->unit.fd, .events = POLLIN };
	struct vtd_shadow_event events[8];
	ssize_t size;

	for (;;) {
		if (poll(&pollfd, 1, 0) < 0 || pollfd.revents & POLLERR)
			return "poll() failed";
		if (!(pollfd.revents & POLLIN))
			return NULL;
		size = read(r->unit.fd, events, sizeof(events));
		if (size <= 0 || size % sizeof(*events))
			return "read() failed";
		for (unsigned int i = 0; i < size / sizeof(*events); i++)
			if (!is_sane(&r->model, &events[i])) {
				random_note(r, "type %u flags %#x error %u",
					    events[i].type, events[i].flags,
					    events[i].error);
				return "an event that makes no sense";
			}
	}
}

const char *random_check(struct vtds_random *r)
{
	const char *wrong;

	if (r->model.restless)
		model_call(&r->model);
	wrong = check_answers(r);
	if (!wrong && random_chance(r, 10))
		wrong = check_events(r);
	if (wrong || !r->can_dma)
		return wrong;
	if (random_chance(r, 30))
		wrong = try_dma(r, true);
	/* Half a second */
	if (!wrong && !random_below(r, 1500))
		wrong = try_dma(r, false);
	return wrong;
}
