// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an invalidation descriptor announces, and whether it is well-formed.
 * Written from the VT-d specification, not from the driver.
 */
#include "vtds_desc.h"
#include "model.h"

/* Reserved bits of the first two quadwords, by type */
static const __u64 reserved[][2] = {
	[DESC_CC] = { 0xfffc00000000f1c0, ~0ULL },
	[DESC_IOTLB] = { 0xffffffff0000f100, 0xf80 },
	[DESC_DEV_TLB] = { 0xffff0000ffe0f1f0, 0xffe },
	[DESC_IEC] = { 0xffff000007fff1e0, ~0ULL },
	[DESC_WAIT] = { 0x00000000fffff180, 3 },
	[DESC_PASID_IOTLB] = { 0xfff000000000f1c0, 0xf80 },
	[DESC_PASID_CACHE] = { 0xfff000000000f1c0, ~0ULL },
	[DESC_PASID_DEV_TLB] = { 0xfff000000000f000, 0x7fe },
};

/* The type is in two pieces, which are reserved in none of them */
#define TYPE_BITS 0xe0fULL

static unsigned int type_of(struct model_desc desc)
{
	return (desc.q[0] & 15) | (desc.q[0] >> 9 & 7) << 4;
}

static unsigned int granularity(struct model_desc desc)
{
	return desc.q[0] >> 4 & 3;
}

static __u16 did_of(struct model_desc desc)
{
	return desc.q[0] >> 16;
}

static __u32 pasid_of(struct model_desc desc)
{
	return desc.q[0] >> 32 & 0xfffff;
}

static bool has_bad_field(const struct model *m, struct model_desc desc)
{
	unsigned int g = granularity(desc);

	switch (type_of(desc)) {
	case DESC_CC:
		return !g;
	case DESC_IOTLB:
		return !g || (g == 3 && (desc.q[1] & 63) > m->caps.mamv);
	case DESC_WAIT:
		return !(desc.q[0] & 0x70);
	case DESC_PASID_IOTLB:
		return g < 2;
	case DESC_PASID_CACHE:
		return g == 2;
	}
	return false;
}

static enum vtd_shadow_iqei check(const struct model *m, struct model_desc desc,
				  bool wide)
{
	unsigned int type = type_of(desc), last = DESC_WAIT;

	if (wide && model_has_mode(m, 1))
		last = DESC_PASID_DEV_TLB;
	if (type < DESC_CC || type > last)
		return VTD_SHADOW_IQEI_INVALID_TYPE;
	if ((desc.q[0] & reserved[type][0] & ~TYPE_BITS) ||
	    (desc.q[1] & reserved[type][1]) ||
	    (wide && (desc.q[2] || desc.q[3])) || has_bad_field(m, desc))
		return VTD_SHADOW_IQEI_RESERVED_FIELD;
	return VTD_SHADOW_IQEI_NONE;
}

/* --- Root, context and PASID entries --- */

static bool has_did(const struct model_requester *r, __u16 did)
{
	for (unsigned int i = 0; i < r->nr; i++)
		if (r->may[i].did != did)
			return false;
	return true;
}

static bool has_pasid(const struct model_requester *r, __u32 pasid)
{
	for (unsigned int i = 0; i < r->nr; i++)
		if (r->may[i].pasid != pasid)
			return false;
	return true;
}

static bool is_blocked(const struct model_requester *r)
{
	for (unsigned int i = 0; i < r->nr; i++)
		if (r->may[i].attachment != VTD_SHADOW_ATTACHED_BLOCKED)
			return false;
	return true;
}

/* Entries that are faulty are cached under domain-id 0 */
static bool context_concerns(const struct model_requester *r,
			     struct model_desc desc)
{
	static const __u16 ignore[] = { 0, 4, 6, 7 };
	__u16 sid = desc.q[0] >> 32;

	switch (granularity(desc)) {
	case 1:
		return true;
	case 2:
		return has_did(r, did_of(desc));
	default:
		return !((r->sid ^ sid) & ~ignore[desc.q[0] >> 48 & 3]);
	}
}

/*
 * A guest that makes an entry valid flushes with the domain-id that is in it now,
 * and nothing else.
 */
static bool pasid_concerns(struct model *m, const struct model_requester *r,
			   struct model_desc desc)
{
	const bool any_pasid = granularity(desc) == 0;
	struct model_setting now;

	if (granularity(desc) == 3)
		return true;
	if (has_did(r, did_of(desc)) &&
	    (any_pasid || has_pasid(r, pasid_of(desc))))
		return true;
	if (!is_blocked(r))
		return false;
	now = model_read_setting(m, r->sid);
	return now.attachment != VTD_SHADOW_ATTACHED_BLOCKED &&
	       now.did == did_of(desc) &&
	       (any_pasid || now.pasid == pasid_of(desc));
}

/* The driver may read all entries on the occasion */
static void entries(struct model *m, struct model_desc desc)
{
	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		struct model_requester *r = &m->requester[i];
		bool concerned;

		if (!m->device[r->device].present)
			continue;
		concerned = type_of(desc) == DESC_CC ?
				    context_concerns(r, desc) :
				    pasid_concerns(m, r, desc);
		if (concerned)
			model_announce_requester(m, r);
		else
			model_requester_may_be_read(m, r);
	}
	model_update_live(m);
}

/* --- Paging entries --- */

/* Is the table in use under that domain-id, without doubt? */
static bool is_used(const struct model *m, const struct model_key *key,
		    struct model_desc desc)
{
	for (unsigned int i = 0; i < m->nr_requesters; i++) {
		const struct model_requester *r = &m->requester[i];
		const struct model_device *device = &m->device[r->device];

		if (!device->present || !has_did(r, did_of(desc)))
			continue;
		if (type_of(desc) == DESC_PASID_IOTLB &&
		    !has_pasid(r, pasid_of(desc)))
			continue;
		if (model_group_is_on(m, device->group, key))
			return true;
	}
	return false;
}

/*
 * The block of 2^AM pages that the address is in, and as many pages from the
 * address on: old guests mean that.
 */
static void find_pages(__u64 field, __u64 *first, __u64 *last)
{
	unsigned int shift = 12 + (field & 63);
	__u64 addr = field & ~0xfffULL;

	if (shift >= 64)
		return;
	*first = addr >> shift << shift;
	if (addr + ((1ULL << shift) - 1) >= addr)
		*last = addr + ((1ULL << shift) - 1);
}

/* Domain-id 0 is that of entries that are not present, in whatever domain */
static bool is_for_all(struct model_desc desc)
{
	return !did_of(desc) ||
	       (type_of(desc) == DESC_IOTLB && granularity(desc) == 1);
}

static void translations(struct model *m, struct model_desc desc)
{
	bool all = is_for_all(desc);
	__u64 first = 0, last = ~0ULL;

	if (granularity(desc) == 3)
		find_pages(desc.q[1], &first, &last);
	for (unsigned int i = 0; i < MODEL_KEYS; i++)
		if (m->key[i].live && (all || is_used(m, &m->key[i], desc)))
			model_announce_key(m, &m->key[i], first, last);
}

/*
 * The driver processes a descriptor, in a call that model_call() was told of.
 * Returns why it must refuse to.
 */
enum vtd_shadow_iqei model_descriptor(struct model *m, struct model_desc desc,
				      bool wide)
{
	enum vtd_shadow_iqei iqei = check(m, desc, wide);

	if (iqei)
		return iqei;
	/* Other bits of a domain-id do not exist */
	desc.q[0] &= ~DESC_DID(0xffff & ~m->caps.did_mask);
	switch (type_of(desc)) {
	case DESC_CC:
	case DESC_PASID_CACHE:
		entries(m, desc);
		break;
	case DESC_IOTLB:
	case DESC_PASID_IOTLB:
		translations(m, desc);
		break;
	}
	return VTD_SHADOW_IQEI_NONE;
}
