// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest writes root, context, PASID directory and PASID entries, for legacy
 * mode or for scalable mode: mostly what makes sense, now and then anything.
 *
 * Functions return what went wrong, or NULL.
 */
#include "vtds_random.h"

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

/* --- Values --- */

static void clear(__u64 *entry, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		entry[i] = 0;
}

static __u64 bit_of(struct vtds_random *r, unsigned int low, unsigned int high)
{
	return 1ULL << (low + random_below(r, high + 1 - low));
}

static __u64 bit_above_haw(struct vtds_random *r)
{
	return bit_of(r, r->model.caps.haw, 63);
}

static __u16 some_did(struct vtds_random *r, const struct model_page *top)
{
	unsigned int kind = random_below(r, 100);

	if (kind < 70)
		return 2 + (top - r->model.page) % 3;
	if (kind < 95)
		return random_below(r, 6);
	return random_number(r);
}

/* PASIDs of requests without one: in two PASID tables and in no directory */
__u32 random_pasid(struct vtds_random *r)
{
	static const __u32 pasids[] = { 0, 0, 0, 3, 3, 70, 8195 };

	return r->model.caps.rid_pasid ? pasids[random_below(r, 7)] : 0;
}

/* A pointer to a page for @use with the present bit */
static __u64 pointer_to(struct vtds_random *r, unsigned int use)
{
	__u64 entry = random_page_for(r, use)->gpa | 1;

	switch (random_below(r, 20)) {
	case 0:
		return 0;
	case 1:
		return entry & ~1ULL;
	case 2:
		return entry | bit_of(r, 1, 11);
	case 3:
		return NOWHERE_GPA | 1;
	case 4:
		return random_page(r)->gpa | 1;
	case 5:
		return entry | (random_chance(r, 20) ? bit_above_haw(r) : 0);
	}
	return entry;
}

/* --- Legacy mode --- */

static void break_context(struct vtds_random *r, __u64 *entry)
{
	switch (random_below(r, 6)) {
	case 0:
		entry[0] |= CTX_TT(random_below(r, 4));
		break;
	case 1:
		entry[1] = (entry[1] & ~7ULL) | random_below(r, 8);
		break;
	case 2:
		entry[0] |= bit_of(r, 4, 11);
		break;
	case 3:
		entry[1] |= random_chance(r, 20) ? 1 << 7 : bit_of(r, 24, 63);
		break;
	case 4:
		entry[0] |= bit_above_haw(r);
		break;
	case 5:
		entry[0] = (entry[0] & 0xfff) | random_page(r)->gpa;
		break;
	}
}

static void good_context(struct vtds_random *r, const struct model_page *top,
			 __u64 *entry)
{
	entry[0] = top->gpa | CTX_P;
	entry[1] = CTX_AW(random_use(r, top)) | CTX_DID(some_did(r, top));
}

static void some_context(struct vtds_random *r, __u64 *entry)
{
	unsigned int kind = random_below(r, 100);

	good_context(r, random_top(r), entry);
	if (random_chance(r, 10))
		entry[0] |= CTX_FPD;
	/* Ignored */
	if (random_chance(r, 5))
		entry[1] |= bit_of(r, 3, 6);
	if (kind < 8)
		entry[0] |= CTX_TT_PASS_THROUGH;
	else if (kind < 14)
		entry[0] &= ~CTX_P;
	else if (kind < 16)
		clear(entry, 2);
	else if (kind < 26)
		break_context(r, entry);
}

/* --- Scalable mode --- */

static void some_sm_context(struct vtds_random *r, __u64 *entry)
{
	unsigned int kind = random_below(r, 100);

	entry[0] = pointer_to(r, FOR_DIRECTORY) & ~0xffeULL;
	entry[0] |= (__u64)random_below(r, 3) << 9;
	entry[1] = random_pasid(r);
	entry[2] = 0;
	entry[3] = 0;
	if (random_chance(r, 10))
		entry[0] |= 1 << 1;
	if (random_chance(r, 50))
		entry[0] |= SM_CTX_PASIDE;
	if (kind < 2)
		entry[0] |= bit_of(r, 5, 8);
	else if (kind < 4)
		entry[1] |= bit_of(r, 21, 63);
	else if (kind < 5)
		entry[2 + random_below(r, 2)] = random_number(r);
}

static void break_pasid(struct vtds_random *r, __u64 *entry)
{
	switch (random_below(r, 7)) {
	case 0:
		entry[0] = (entry[0] & ~PASID_PGTT_MASK) |
			   PASID_PGTT(random_below(r, 8));
		break;
	case 1:
		entry[0] = (entry[0] & ~0x1cULL) | random_below(r, 8) << 2;
		break;
	case 2:
		entry[0] |= random_chance(r, 30) ? 1 << 5 : bit_of(r, 9, 11);
		break;
	case 3:
		entry[1] |= bit_of(r, 16, 22);
		break;
	case 4:
		entry[0] |= bit_above_haw(r);
		break;
	case 5:
		entry[0] = (entry[0] & 0xfff) | random_page(r)->gpa;
		break;
	case 6:
		entry[3 + random_below(r, 5)] = bit_of(r, 0, 63);
		break;
	}
}

static void good_pasid(struct vtds_random *r, const struct model_page *top,
		       __u64 *entry)
{
	clear(entry, 8);
	entry[0] = top->gpa | PASID_PGTT(PGTT_SECOND_STAGE) |
		   PASID_AW(random_use(r, top)) | PASID_P;
	entry[1] = some_did(r, top);
}

static void some_pasid_entry(struct vtds_random *r, __u64 *entry)
{
	unsigned int kind = random_below(r, 100);

	good_pasid(r, random_top(r), entry);
	if (random_chance(r, 10))
		entry[0] |= 1 << 1;
	/* Of the first stage, ignored */
	if (random_chance(r, 5))
		entry[2] = random_number(r);
	if (kind < 8)
		entry[0] = (entry[0] & ~PASID_PGTT_MASK) |
			   PASID_PGTT(PGTT_PASS_THROUGH);
	else if (kind < 14)
		entry[0] &= ~1ULL;
	else if (kind < 16)
		clear(entry, 2);
	else if (kind < 26)
		break_pasid(r, entry);
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
	__u64 entry[2] = { pointer_to(r, FOR_CONTEXTS), 0 };

	if (!r->scalable && random_chance(r, 3))
		entry[1] = bit_of(r, 0, 63);
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
		some_sm_context(r, entry);
	else
		some_context(r, entry);
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
	__u64 entry = pointer_to(r, FOR_PASIDS);

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
		some_pasid_entry(r, entry);
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
		good_context(r, top, entry);
		if (at.page)
			write_entry(r, at, entry, 2);
		return;
	}
	repair(r, context_at(r, sid), FOR_DIRECTORY, 0);
	repair(r, directory_at(r, sid), FOR_PASIDS, 0);
	at = pasid_at(r, sid);
	good_pasid(r, top, entry);
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
					    pointer_to(r, FOR_CONTEXTS));
		break;
	case FOR_CONTEXTS:
		for (unsigned int i = 0; i < m->nr_requesters; i++) {
			unsigned int at = m->requester[i].sid * size % 512;

			if (r->scalable)
				some_sm_context(r, entry);
			else
				some_context(r, entry);
			for (unsigned int j = 0; j < size; j++)
				model_write(m, page, at + j, entry[j]);
		}
		break;
	case FOR_DIRECTORY:
		for (unsigned int i = 0; i < 2; i++)
			model_write(m, page, i, pointer_to(r, FOR_PASIDS));
		model_write(m, page, 128, pointer_to(r, FOR_PASIDS));
		break;
	case FOR_PASIDS:
		for (unsigned int i = 0; i < 9; i += 3) {
			some_pasid_entry(r, entry);
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
