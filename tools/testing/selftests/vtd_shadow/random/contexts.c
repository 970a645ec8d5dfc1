// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest writes root, context, PASID directory and PASID entries, for legacy
 * mode or for scalable mode, and announces it or not.
 *
 * Functions return what went wrong, or NULL.
 */
#include "random.h"

/**
 * struct place - An entry
 * @page: The page that it is in, NULL if there is none
 * @index: Of its first quadword there
 */
struct place {
	struct model_page *page;
	unsigned int index;
};

static __u64 *value(struct place at)
{
	return &at.page->entry[at.index];
}

/* The entry of @size quadwords in the page that a pointer leads to */
static struct place in_page(struct vtds_random *r, __u64 pointer,
			    unsigned int index, unsigned int size)
{
	return (struct place){
		.page = model_page_at(&r->model, pointer & SS_ADDR),
		.index = index * size % 512,
	};
}

/* As guests do: the quadword with the present bit last */
static void write_entry(struct vtds_random *r, struct place at,
			const __u64 *entry, unsigned int size)
{
	random_note(r, "entry %#llx [%u] = %#llx %#llx", at.page->gpa, at.index,
		    entry[0], size > 1 ? entry[1] : 0);
	model_write(&r->model, at.page, at.index, 0);
	for (unsigned int i = size; i--;)
		model_write(&r->model, at.page, at.index + i, entry[i]);
}

/* --- Where the entries are --- */

static struct place root_at(struct vtds_random *r, __u16 sid)
{
	struct place at = in_page(r, r->model.rtaddr, sid >> 8, 2);

	if (r->scalable)
		at.index += sid >> 7 & 1;
	return at;
}

static struct place context_at(struct vtds_random *r, __u16 sid)
{
	struct place root = root_at(r, sid);

	if (!root.page)
		return root;
	if (r->scalable)
		return in_page(r, *value(root), sid & 0x7f, 4);
	return in_page(r, *value(root), sid & 0xff, 2);
}

/* The PASID of requests without one */
static __u32 pasid_of(struct vtds_random *r, struct place context)
{
	return r->model.caps.rid_pasid ? value(context)[1] & 0xfffff : 0;
}

static struct place directory_at(struct vtds_random *r, __u16 sid)
{
	struct place context = context_at(r, sid);

	if (!context.page)
		return context;
	return in_page(r, *value(context), pasid_of(r, context) / 64, 1);
}

static struct place pasid_at(struct vtds_random *r, __u16 sid)
{
	struct place context = context_at(r, sid);
	struct place directory = directory_at(r, sid);

	if (!directory.page)
		return directory;
	return in_page(r, *value(directory), pasid_of(r, context) % 64, 8);
}

/* --- Edits --- */

static void write_root(struct vtds_random *r, struct place at)
{
	__u64 entry[2] = { random_pointer(r, FOR_CONTEXTS), 0 };

	if (!r->scalable && random_chance(r, 3))
		entry[1] = random_bit(r, 0, 63);
	write_entry(r, at, entry, r->scalable ? 1 : 2);
}

static void announce_context(struct vtds_random *r, struct random_batch *batch,
			     __u16 sid, __u16 old_did)
{
	__u16 new_did = model_read_setting(&r->model, sid).did;
	unsigned int how = random_below(r, 100);

	if (how < 55)
		random_queue(batch, cc_device_mask(old_did, sid, 0));
	else if (how < 70)
		random_queue(batch, cc_device_mask(0, sid, random_below(r, 4)));
	else if (how < 80)
		random_queue(batch, cc_domain(old_did));
	else if (how < 85)
		random_queue(batch, cc_global());
	if (how < 60)
		random_queue(batch, iotlb_domain(new_did));
	else if (how < 70)
		random_queue(batch, iotlb_global());
}

static void edit_context(struct vtds_random *r, struct random_batch *batch,
			 __u16 sid, const __u64 *entry)
{
	__u16 old_did = model_read_setting(&r->model, sid).did;
	struct place at = context_at(r, sid);

	if (!at.page)
		return;
	write_entry(r, at, entry, r->scalable ? 4 : 2);
	announce_context(r, batch, sid, old_did);
}

/* The other source-ids of a device and its host group mostly get the same */
static void edit_context_of_group(struct vtds_random *r,
				  struct random_batch *batch,
				  const struct model_requester *chosen)
{
	struct model *m = &r->model;
	unsigned int group = m->device[chosen->device].group;
	__u64 entry[4];

	if (r->scalable)
		random_sm_context(r, entry);
	else
		random_context(r, entry);
	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		struct model_requester *q = &m->requester[i];

		if (q == chosen || (m->device[q->device].group == group &&
				    random_chance(r, 80)))
			edit_context(r, batch, q->sid, entry);
	}
}

static void edit_directory(struct vtds_random *r, struct random_batch *batch,
			   __u16 sid)
{
	__u16 old_did = model_read_setting(&r->model, sid).did;
	struct place at = directory_at(r, sid);
	__u64 entry = random_pointer(r, FOR_PASIDS);

	if (!at.page)
		return;
	write_entry(r, at, &entry, 1);
	if (random_chance(r, 80))
		random_queue_pasid(r, batch, old_did,
				   pasid_of(r, context_at(r, sid)));
}

/* Linux flushes with the old domain-id when an entry goes, else with the new one */
static void edit_pasid(struct vtds_random *r, struct random_batch *batch,
		       __u16 sid, const __u64 *entry)
{
	struct model_setting old = model_read_setting(&r->model, sid), new;
	struct place at = pasid_at(r, sid);

	if (!at.page)
		return;
	write_entry(r, at, entry, 8);
	new = model_read_setting(&r->model, sid);
	if (old.attachment != VTD_SHADOW_ATTACHED_BLOCKED &&
	    random_chance(r, 85))
		random_queue_pasid(r, batch, old.did, old.pasid);
	if (new.attachment != VTD_SHADOW_ATTACHED_BLOCKED &&
	    random_chance(r, 85))
		random_queue_pasid(r, batch, new.did, new.pasid);
}

static void edit_scalable(struct vtds_random *r, struct random_batch *batch,
			  const struct model_requester *chosen)
{
	unsigned int kind = random_below(r, 100);
	__u64 entry[8];

	if (kind < 20) {
		edit_context_of_group(r, batch, chosen);
	} else if (kind < 30) {
		edit_directory(r, batch, chosen->sid);
	} else {
		random_pasid_entry(r, entry);
		edit_pasid(r, batch, chosen->sid, entry);
	}
}

const char *random_edit_contexts(struct vtds_random *r)
{
	struct model *m = &r->model;
	struct random_batch batch = { .nr = 0 };
	struct model_requester *q;
	struct place root;

	q = &m->requester[random_below(r, m->nr_requesters)];
	root = root_at(r, q->sid);
	if (root.page && random_chance(r, 8)) {
		write_root(r, root);
		if (random_chance(r, 85))
			random_queue(&batch, cc_global());
	} else if (r->scalable) {
		edit_scalable(r, &batch, q);
	} else {
		edit_context_of_group(r, &batch, q);
	}
	if (random_chance(r, 20))
		random_queue_other(r, &batch);
	return random_flush(r, &batch);
}

/* --- Putting in order --- */

/* The entry leads to a page for @use, at least from here on */
static void repair(struct vtds_random *r, struct place at, unsigned int use,
		   __u64 bits)
{
	struct model_page *page;
	__u64 entry;

	if (!at.page)
		return;
	page = model_page_at(&r->model, *value(at) & SS_ADDR);
	if (page && random_use(r, page) == use && (*value(at) & 1) &&
	    !(*value(at) & model_bits(63, r->model.caps.haw)))
		return;
	entry = random_page_for(r, use)->gpa | bits | 1;
	write_entry(r, at, &entry, 1);
}

/* A way through all entries, at whose end is the table */
static void make_way(struct vtds_random *r, __u16 sid,
		     const struct model_page *top)
{
	struct place at;
	__u64 entry[8];

	repair(r, root_at(r, sid), FOR_CONTEXTS, 0);
	if (!r->scalable) {
		at = context_at(r, sid);
		random_good_context(r, top, entry);
		if (at.page)
			write_entry(r, at, entry, 2);
		return;
	}
	repair(r, context_at(r, sid), FOR_DIRECTORY, 0);
	repair(r, directory_at(r, sid), FOR_PASIDS, 0);
	at = pasid_at(r, sid);
	random_good_pasid_entry(r, top, entry);
	if (at.page)
		write_entry(r, at, entry, 8);
}

/* A device gets a table, and a way to it, with which it can work */
const char *random_restore(struct vtds_random *r)
{
	struct model *m = &r->model;
	unsigned int device =
		random_chance(r, 40) ? 0 : random_below(r, m->nr_devices);
	unsigned int group = m->device[device].group;
	struct model_page *top = random_top(r);
	struct model_setting table = { .root = top->gpa,
				       .levels = random_use(r, top) };
	struct random_batch batch = { .nr = 0 };

	random_note(r, "group %u gets table %#llx", group, table.root);
	random_map_buffers(r, &table);
	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		__u16 sid = m->requester[i].sid;

		if (m->device[m->requester[i].device].group != group)
			continue;
		make_way(r, sid, top);
		random_queue(&batch, cc_device(sid));
		random_queue(&batch,
			     iotlb_domain(model_read_setting(m, sid).did));
	}
	return random_flush(r, &batch);
}

/* --- The beginning --- */

static void fill_page(struct vtds_random *r, struct model_page *page)
{
	const unsigned int size = r->scalable ? 4 : 2;
	struct model *m = &r->model;
	__u64 entry[8];

	switch (random_use(r, page)) {
	case FOR_ROOT:
		for (unsigned int i = 2; i <= 5; i++)
			if (r->scalable || i % 2 == 0)
				model_write(m, page, i,
					    random_pointer(r, FOR_CONTEXTS));
		break;
	case FOR_CONTEXTS:
		for (unsigned int i = 0; i < m->nr_requesters; i++) {
			unsigned int at = m->requester[i].sid * size % 512;

			if (r->scalable)
				random_sm_context(r, entry);
			else
				random_context(r, entry);
			for (unsigned int j = 0; j < size; j++)
				model_write(m, page, at + j, entry[j]);
		}
		break;
	case FOR_DIRECTORY:
		for (unsigned int i = 0; i < 2; i++)
			model_write(m, page, i, random_pointer(r, FOR_PASIDS));
		model_write(m, page, 128, random_pointer(r, FOR_PASIDS));
		break;
	case FOR_PASIDS:
		for (unsigned int i = 0; i < 9; i += 3) {
			random_pasid_entry(r, entry);
			for (unsigned int j = 0; j < 8; j++)
				model_write(m, page, i * 8 + j, entry[j]);
		}
		break;
	}
}

void random_fill_contexts(struct vtds_random *r)
{
	for (unsigned int i = 0; i < r->model.nr_pages; i++)
		fill_page(r, &r->model.page[i]);
}
