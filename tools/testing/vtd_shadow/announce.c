// SPDX-License-Identifier: GPL-2.0-only
/*
 * Announcements: what the guest and the VMM have told the engine, and since when it has to
 * go by it. A call that is not done (VTD_SHADOW_MORE) tells nothing yet: what it was about
 * counts once a later call is done.
 */
#include "kernel.h"
#include <linux/list.h>
#include <linux/vtd_shadow.h>
#include "unit.h"
#include "domain.h"
#include "fuzz.h"

/**
 * struct range - IOVA of a domain that was announced
 * @domain: The host's domain
 * @first: First address
 * @last: Last one
 * @time: When
 */
struct range {
	struct iommu_domain *domain;
	u64 first;
	u64 last;
	u64 time;
};

/**
 * struct left - What a call was about that is not done
 * @all: All of it
 * @descs: Descriptors
 * @done: How many of them it took
 * @time: When it began
 * @ended: When it returned
 */
struct left {
	bool all;
	struct descs descs;
	unsigned int done;
	u64 time;
	u64 ended;
};

/* A device that the unit has */
struct member {
	bool is_in;
	u16 sids[2];
	unsigned int nr_sids;
	u64 since;
};

#define MAX_RANGES 32
#define MAX_LEFT 4

static struct range ranges[MAX_RANGES];
static unsigned int nr_ranges;
static struct left lefts[MAX_LEFT];
static unsigned int nr_left;
static struct member members[NR_DEVICES];
static u64 all_since, memory_since, memory_changed;
static bool limited;

void announce_begin(void)
{
	nr_ranges = 0;
	nr_left = 0;
	memset(members, 0, sizeof(members));
	all_since = 0;
	memory_since = 1;
	memory_changed = 0;
	limited = false;
}

/* --- Devices --- */

void announce_device(unsigned int nr, const u16 *sids, unsigned int nr_sids,
		     u64 time)
{
	struct member *m = &members[nr];

	m->is_in = true;
	m->nr_sids = nr_sids;
	m->since = time;
	memcpy(m->sids, sids, nr_sids * sizeof(*sids));
}

void announce_gone_device(unsigned int nr)
{
	members[nr].is_in = false;
}

unsigned int announced_sids(unsigned int nr, const u16 **sids)
{
	*sids = members[nr].sids;
	return members[nr].is_in ? members[nr].nr_sids : 0;
}

u64 announced_context(unsigned int nr)
{
	return members[nr].since;
}

static bool has_sid(const struct member *m, u16 sid, u16 mask)
{
	for (unsigned int i = 0; i < m->nr_sids; i++)
		if (!((m->sids[i] ^ sid) & (u16)~mask))
			return true;
	return false;
}

/* Contexts were read again. Of a device with two names all of them have to be. */
static void note_contexts(u16 sid, u16 mask, u64 time)
{
	for (unsigned int i = 0; i < NR_DEVICES; i++) {
		struct member *m = &members[i];

		if (mask == 0xffff ||
		    (m->nr_sids == 1 && has_sid(m, sid, mask)))
			m->since = max(m->since, time);
	}
}

/* --- Ranges --- */

static void note_all(u64 time)
{
	all_since = max(all_since, time);
	nr_ranges = 0;
}

static void note_range(struct iommu_domain *domain, u64 first, u64 last,
		       u64 time)
{
	if (nr_ranges == MAX_RANGES)
		memmove(ranges, ranges + 1, --nr_ranges * sizeof(*ranges));
	ranges[nr_ranges++] = (struct range){ domain, first, last, time };
}

/* Since when an address of a domain has to be as it is in the guest's tables */
u64 announced_range(struct iommu_domain *domain, u64 iova)
{
	u64 time = all_since;

	for (unsigned int i = 0; i < nr_ranges; i++)
		if (ranges[i].domain == domain && iova >= ranges[i].first &&
		    iova <= ranges[i].last)
			time = max(time, ranges[i].time);
	return time;
}

/*
 * A domain-id means the tables of the devices whose contexts have it. Where these changed
 * since they were read last, nothing can be said.
 */
static void note_did(u16 did, u64 first, u64 last, u64 time)
{
	for (unsigned int i = 0; i < NR_DEVICES; i++) {
		const struct member *m = &members[i];
		struct iommu_domain *domain = device_domain(i);
		const struct vtds_domain *d = calls_shadow_of(domain);
		struct place place;
		bool stable;

		if (!m->is_in || !d)
			continue;
		place = place_now(m->sids[0], NO_PASID, m->since, &stable);
		if (stable && place.where == SHADOW && place.root == d->root &&
		    place.levels == d->levels && place.did == did)
			note_range(domain, first, last, time);
	}
}

/* --- Descriptors, section 6.5.2 --- */

static void note_iotlb(const u64 *desc, unsigned int granularity, u64 time)
{
	u16 did = (desc[0] >> 16) & ((1U << (4 + 2 * (regs.cap & 7))) - 1);
	unsigned int shift = 12 + (desc[1] & 0x3f);
	u64 first = 0, last = U64_MAX;

	if (granularity == 3 && shift < 64) {
		first = desc[1] & ~0xfffULL & (~0ULL << shift);
		last = first + ((1ULL << shift) - 1);
	}
	if (granularity == 1 || (!did && !first && last == U64_MAX))
		note_all(time);
	else if (did)
		note_did(did, first, last, time);
}

static void note_desc(const u64 *desc, u64 time)
{
	static const u16 masks[] = { 0, 4, 6, 7 };
	unsigned int granularity = desc[0] >> 4 & 3;

	switch (desc[0] & 0xf) {
	case 1:
		note_contexts(desc[0] >> 32,
			      granularity == 3 ? masks[desc[0] >> 48 & 3] :
						 0xffff,
			      time);
		break;
	case 2:
	case 6:
		note_iotlb(desc, granularity, time);
		break;
	case 7:
		note_contexts(0, 0xffff, time);
		break;
	}
}

static void note_left(const struct left *left)
{
	if (left->all) {
		note_contexts(0, 0xffff, left->time);
		note_all(left->time);
	}
	for (unsigned int i = 0; i < left->done; i++)
		note_desc(left->descs.words[i], left->time);
}

/* What calls left that had ended when this one began is done, too. */
static void note_earlier(u64 time)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < nr_left; i++) {
		if (lefts[i].ended < time)
			note_left(&lefts[i]);
		else
			lefts[kept++] = lefts[i];
	}
	nr_left = kept;
}

static void note_call(const struct left *left, bool more)
{
	if (!more) {
		note_earlier(left->time);
		note_left(left);
	} else if (nr_left < MAX_LEFT) {
		lefts[nr_left++] = *left;
	}
}

/* A call that was about everything has returned. */
void announce_all(u64 time, bool more)
{
	struct left left = { .all = true, .time = time, .ended = guest_time };

	note_call(&left, more);
}

/* A call has taken @done descriptors. */
void announce_descs(const struct descs *descs, unsigned int done, u64 time,
		    bool more)
{
	struct left left = {
		.descs = *descs,
		.done = done,
		.time = time,
		.ended = guest_time,
	};

	note_call(&left, more);
}

/* --- Memory and limits --- */

void announce_memory_changed(void)
{
	memory_changed = ++guest_time;
}

/* A call that said that there may be memory anywhere is done. */
void announce_memory(u64 time)
{
	memory_since = max(memory_since, time);
}

/* Whether the engine knows which memory there is */
bool announce_memory_known(void)
{
	return memory_since > memory_changed;
}

void announce_limit(void)
{
	limited = true;
}

bool announce_is_limited(void)
{
	return limited;
}
