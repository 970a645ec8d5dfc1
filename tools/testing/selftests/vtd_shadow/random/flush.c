// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's invalidations: descriptors are collected, and then the VMM passes
 * them on, or lets the driver read them from the guest's queue.
 *
 * Functions return what went wrong, or NULL.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "random.h"

/* --- Collecting --- */

void random_queue(struct random_batch *batch, struct vtds_desc desc)
{
	if (batch->nr < RANDOM_BATCH)
		batch->desc[batch->nr++] =
			(struct model_desc){ { desc.lo, desc.hi } };
}

/* Translations of a domain-id, all of them or those of an entry of @level */
void random_queue_pages(struct vtds_random *r, struct random_batch *batch,
			__u16 did, __u64 iova, unsigned int level)
{
	unsigned int am = 9 * (level - 1);

	/* As old Xen announces what is new */
	if (random_chance(r, 5))
		did = 0;
	if (random_chance(r, 20))
		am += random_below(r, 10);
	/* As old guests do */
	if (am && random_chance(r, 10))
		iova += random_below(r, 1 << (am < 12 ? am : 12)) * SZ_4K;
	if (r->wide && random_chance(r, 25))
		random_queue(batch,
			     piotlb_pages(did, random_pasid(r), iova, am));
	else if (am > r->model.caps.mamv || random_chance(r, 10))
		random_queue(batch, iotlb_domain(did));
	else
		random_queue(batch, iotlb_pages(did, iova, am));
}

/* What changed in a PASID entry, as Linux announces it or nearly so */
void random_queue_pasid(struct vtds_random *r, struct random_batch *batch,
			__u16 did, __u32 pasid)
{
	unsigned int how = random_below(r, 100);

	if (!r->wide) {
		random_queue(batch, cc_global());
		return;
	}
	if (how < 70)
		random_queue(batch, pc_pasid(did, pasid));
	else if (how < 80)
		random_queue(batch, pc_domain(did));
	else if (how < 90)
		random_queue(batch, pc_global());
	if (how < 60)
		random_queue(batch, piotlb_pasid(did, pasid));
	else if (how < 75)
		random_queue(batch, iotlb_domain(did));
}

/* What has nothing to do with what was done */
void random_queue_other(struct vtds_random *r, struct random_batch *batch)
{
	struct model *m = &r->model;
	__u16 sid = m->requester[random_below(r, m->nr_requesters)].sid;
	__u64 iova = m->iova[random_below(r, m->nr_addrs)];
	__u16 did = random_below(r, 6);

	switch (random_below(r, r->wide ? 12 : 10)) {
	case 0:
		random_queue(batch, iotlb_domain(did));
		break;
	case 1:
		random_queue(batch, iotlb_global());
		break;
	case 2:
		random_queue(batch, dev_tlb(sid, iova));
		break;
	case 3:
		random_queue(batch, iec_global());
		break;
	case 4:
		random_queue(batch, cc_device(sid));
		break;
	case 10:
		random_queue_pasid(r, batch, did, random_pasid(r));
		break;
	case 11:
		random_queue(batch, pasid_dev_tlb(sid, random_pasid(r), iova));
		break;
	default:
		random_queue(batch,
			     iotlb_pages(did, iova,
					 random_below(r, m->caps.mamv + 1)));
		break;
	}
}

static void queue_wait(struct vtds_random *r, struct random_batch *batch)
{
	unsigned int kind = random_below(r, 100);
	struct vtds_desc desc;
	__u64 gpa;

	gpa = kind < 85 ? STATUS_GPA + random_below(r, 16) * 4 :
	      kind < 90 ? NOWHERE_GPA :
	      kind < 95 ? r->model.area[AREA_ROM].gpa :
			  r->model.area[AREA_DATA].gpa + SZ_4K;
	desc = wait_status(gpa, random_number(r));
	if (random_chance(r, 10))
		desc.lo |= 1 << 4;
	if (random_chance(r, 10))
		desc.lo |= 1 << 6;
	if (random_chance(r, 5))
		desc.lo ^= 1 << 5;
	random_queue(batch, desc);
}

/* --- Bits that mean nothing to the driver, and those that must not be there --- */

static void add_noise(struct vtds_random *r, struct model_desc *desc)
{
	/* Bits that a domain-id does not have; for other types they are reserved */
	if (((1 << (desc->q[0] & 15)) &
	     (1 << DESC_CC | 1 << DESC_IOTLB | 1 << DESC_PASID_IOTLB |
	      1 << DESC_PASID_CACHE)) &&
	    random_chance(r, 20))
		desc->q[0] |= DESC_DID(random_number(r) & 0xffff &
				       ~r->model.caps.did_mask);
	if ((desc->q[0] & 15) != DESC_IOTLB)
		return;
	desc->q[0] |= random_number(r) & 0xc0;
	desc->q[1] |= random_number(r) & 0x40;
}

static void break_one(struct vtds_random *r, struct random_batch *batch)
{
	struct model_desc *desc = &batch->desc[random_below(r, batch->nr)];
	unsigned int bit = random_below(r, r->wide ? 256 : 128);

	desc->q[bit / 64] ^= 1ULL << bit % 64;
	for (unsigned int i = 0; i < 2 && random_chance(r, 10); i++)
		desc->q[i] = random_number(r);
}

/*
 * A status in the queue itself changes descriptors that the driver may not have
 * read yet, and the model knows only those that the guest wrote.
 */
static void spare_queue(struct vtds_random *r, struct model_desc *desc)
{
	__u64 page = desc->q[1] & ~0xfffULL;

	if ((desc->q[0] & 15) == DESC_WAIT &&
	    (page == QUEUE_GPA || page == r->model.area[AREA_DATA].gpa))
		desc->q[1] = STATUS_GPA | (desc->q[1] & 0xfff);
}

/* --- What should happen --- */

/**
 * struct outcome - Of a call
 * @done: Descriptors processed
 * @iqei: What the one after them is guilty of
 * @stopped: There is one that was not processed
 * @interrupt: A completed wait asks for one
 */
struct outcome {
	unsigned int done;
	enum vtd_shadow_iqei iqei;
	bool stopped;
	bool interrupt;
};

static struct outcome stop_at(unsigned int done, enum vtd_shadow_iqei iqei)
{
	return (struct outcome){ .done = done, .iqei = iqei, .stopped = true };
}

/*
 * Any memory can be a table. That of which the model has no record is written
 * ahead of the driver: then it may see this from the beginning of the call on.
 */
static void write_to_table(struct vtds_random *r, __u64 gpa, __u32 value)
{
	volatile __u32 *memory = vtds_hva(&r->guest, gpa);

	if (!model_page_at(&r->model, gpa))
		*memory = value;
	model_call(&r->model);
}

/* The status write of a wait, by the driver. False if it cannot be made. */
static bool write_status(struct vtds_random *r, struct model_desc desc)
{
	__u64 gpa = desc.q[1];

	if (!(desc.q[0] & 1 << 5))
		return true;
	if (gpa >> r->model.caps.haw ||
	    !(model_memory(&r->model, gpa) & PERM_W))
		return false;
	model_written(&r->model, gpa, desc.q[0] >> 32);
	if ((gpa & ~0xfffULL) != STATUS_GPA)
		write_to_table(r, gpa, desc.q[0] >> 32);
	if (r->nr_written < RANDOM_BATCH)
		r->written[r->nr_written++] = desc;
	return true;
}

static struct outcome predict(struct vtds_random *r,
			      const struct random_batch *batch, bool queue)
{
	struct outcome outcome = { .done = 0 };

	r->nr_written = 0;
	model_call(&r->model);
	for (; outcome.done < batch->nr; outcome.done++) {
		struct model_desc desc = batch->desc[outcome.done];
		bool wait = (desc.q[0] & 15) == DESC_WAIT;

		outcome.iqei = model_descriptor(&r->model, desc, r->wide);
		outcome.stopped = outcome.iqei ||
				  (queue && wait && !write_status(r, desc));
		if (outcome.stopped)
			break;
		outcome.interrupt |= queue && wait && desc.q[0] & 1 << 4;
	}
	return outcome;
}

static const char *judge(struct vtds_random *r, const struct outcome *expected,
			 const struct outcome *seen)
{
	if (seen->done == expected->done && seen->iqei == expected->iqei &&
	    seen->stopped == expected->stopped &&
	    seen->interrupt == expected->interrupt)
		return NULL;
	random_note(r, "done %u error %u stopped %u interrupt %u", seen->done,
		    seen->iqei, seen->stopped, seen->interrupt);
	random_note(r, " and not %u %u %u %u", expected->done, expected->iqei,
		    expected->stopped, expected->interrupt);
	return "the queue did not do what it should";
}

/* --- INVALIDATE --- */

static unsigned int desc_size(const struct vtds_random *r)
{
	return r->wide ? 32 : 16;
}

static void pack(struct vtds_random *r, const struct random_batch *batch,
		 unsigned int i, void *to)
{
	memcpy(to, batch->desc[i].q, desc_size(r));
}

static const char *invalidate(struct vtds_random *r,
			      const struct random_batch *batch)
{
	__u64 descs[RANDOM_BATCH * 4];
	struct vtd_shadow_invalidate cmd = {
		.size = sizeof(cmd),
		.descs_uptr = (uintptr_t)descs,
		.nr_descs = batch->nr,
		.desc_size = desc_size(r),
	};
	struct outcome expected = predict(r, batch, false), seen = {};
	const char *wrong;

	for (unsigned int i = 0; i < batch->nr; i++)
		pack(r, batch, i, (char *)descs + i * desc_size(r));
	do {
		if (ioctl(r->unit.fd, VTD_SHADOW_INVALIDATE, &cmd))
			return "INVALIDATE failed";
		r->unit.install_errno = cmd.install_errno;
		seen.done += cmd.done;
		cmd.descs_uptr += cmd.done * desc_size(r);
		cmd.nr_descs -= cmd.done;
		wrong = random_judge_install(r);
		if (!wrong && (cmd.status & VTD_SHADOW_MORE))
			wrong = random_meanwhile(r);
		if (wrong)
			return wrong;
	} while (cmd.status & VTD_SHADOW_MORE);
	seen.iqei = cmd.iqei;
	seen.stopped = seen.done < batch->nr;
	return judge(r, &expected, &seen);
}

/* --- RUN_QUEUE --- */

static struct outcome predict_queue(struct vtds_random *r,
				    const struct random_batch *batch,
				    __u64 base, __u64 tail)
{
	/* Nothing at all, if the queue stops before its first descriptor */
	r->nr_written = 0;
	if (!model_has_mode(&r->model, 0) && !model_has_mode(&r->model, 1))
		return stop_at(0, VTD_SHADOW_IQEI_INVALID_MODE);
	if (r->wide && !r->model.caps.scalable)
		return stop_at(0, VTD_SHADOW_IQEI_INVALID_WIDTH);
	if (tail >= SZ_4K || tail % 16)
		return stop_at(0, VTD_SHADOW_IQEI_INVALID_TAIL);
	if (tail % desc_size(r))
		return stop_at(0, VTD_SHADOW_IQEI_UNALIGNED_TAIL);
	if (batch->nr && (!(model_memory(&r->model, base) & PERM_R) ||
			  base >> r->model.caps.haw))
		return stop_at(0, VTD_SHADOW_IQEI_FETCH_FAILED);
	return predict(r, batch, true);
}

/* Were the status writes made? Of several to one place the last one counts. */
static bool statuses_written(const struct vtds_random *r)
{
	for (unsigned int i = 0; i < r->nr_written; i++) {
		const struct model_desc *desc = &r->written[i];
		const volatile __u32 *status;
		bool again = false;

		for (unsigned int j = i + 1; j < r->nr_written; j++)
			again |= r->written[j].q[1] == desc->q[1];
		status = vtds_hva(&r->guest, desc->q[1]);
		if (!again && *status != desc->q[0] >> 32)
			return false;
	}
	return true;
}

/* The guest writes to its queue. Returns the tail, now and then a bad one. */
static __u64 fill_queue(struct vtds_random *r, const struct random_batch *batch,
			__u64 base)
{
	__u64 tail = r->queue_head;

	for (unsigned int i = 0; i < batch->nr; i++) {
		pack(r, batch, i, vtds_hva(&r->guest, base + tail));
		tail = (tail + desc_size(r)) % SZ_4K;
	}
	/* What is there may be taken for a table */
	r->model.version++;
	if (random_chance(r, 1))
		return tail + SZ_4K;
	return random_chance(r, 99) ? tail : tail + desc_size(r) / 2;
}

static const char *run_queue(struct vtds_random *r,
			     const struct random_batch *batch)
{
	__u64 base = random_chance(r, 95) ? QUEUE_GPA :
					    r->model.area[AREA_DATA].gpa;
	struct vtd_shadow_run_queue cmd = {
		.size = sizeof(cmd),
		.iqa = base | (r->wide ? 1 << 11 : 0),
		.head = r->queue_head,
		.tail = fill_queue(r, batch, base),
	};
	struct outcome expected, seen = {};
	const char *wrong;

	expected = predict_queue(r, batch, base, cmd.tail);
	do {
		if (ioctl(r->unit.fd, VTD_SHADOW_RUN_QUEUE, &cmd))
			return "RUN_QUEUE failed";
		r->unit.install_errno = cmd.install_errno;
		seen.done += cmd.done;
		seen.interrupt |= cmd.status & VTD_SHADOW_QUEUE_INTERRUPT;
		wrong = random_judge_install(r);
		if (!wrong && (cmd.status & VTD_SHADOW_MORE))
			wrong = random_meanwhile(r);
		if (wrong)
			return wrong;
	} while (cmd.status & VTD_SHADOW_MORE);
	seen.iqei = cmd.iqei;
	seen.stopped = cmd.status & VTD_SHADOW_QUEUE_STOPPED;
	if (cmd.head != (r->queue_head + seen.done * desc_size(r)) % SZ_4K)
		return "the head is not where it should be";
	/* The guest goes on behind what stopped it */
	r->queue_head = (r->queue_head + batch->nr * desc_size(r)) % SZ_4K;
	if (!statuses_written(r))
		return "a status was not written";
	return judge(r, &expected, &seen);
}

/* --- Both --- */

const char *random_flush(struct vtds_random *r, struct random_batch *batch)
{
	if (random_chance(r, 60))
		queue_wait(r, batch);
	for (unsigned int i = 0; i < batch->nr; i++)
		add_noise(r, &batch->desc[i]);
	if (batch->nr && random_chance(r, 3))
		break_one(r, batch);
	for (unsigned int i = 0; i < batch->nr; i++)
		spare_queue(r, &batch->desc[i]);
	for (unsigned int i = 0; i < batch->nr; i++)
		random_note(r, "descriptor %#llx %#llx", batch->desc[i].q[0],
			    batch->desc[i].q[1]);
	return r->by_queue ? run_queue(r, batch) : invalidate(r, batch);
}
