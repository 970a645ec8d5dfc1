/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that things happen to, and the events that the VMM reads of it: the fixture
 * of the programs event_*_test.
 */
#ifndef VTDS_EVENT_FIXTURE_H
#define VTDS_EVENT_FIXTURE_H

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* An address bit that no guest here has: reserved in every paging entry */
#define BEYOND_HAW (1ULL << 51)
#define NOWHERE 0x3000000000ULL
#define SPARE_GPA 0x400000000ULL
#define OTHER_DID (TABLE_DID + 1)

/* Events that wait to be read, at most */
#define MAX_EVENTS 128
#define ROOM (MAX_EVENTS + 16)

#define BY_SID VTD_SHADOW_EVENT_SOURCE_ID
#define BY_PASID VTD_SHADOW_EVENT_PASID
#define BY_ADDRESS VTD_SHADOW_EVENT_ADDRESS

FIXTURE(event)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
	struct vtd_shadow_event got[ROOM];
};

FIXTURE_VARIANT(event)
{
	bool scalable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(event, legacy)
{
	.scalable = false,
};

FIXTURE_VARIANT_ADD(event, scalable)
{
	.scalable = true,
};

/* clang-format on */

FIXTURE_SETUP(event)
{
	OPEN_FIXTURE(.edu = 1, .nvme = 1, .scalable = variant->scalable,
		     .queue = variant->scalable);
	/* The one that things happen to; the other one is on the table */
	self->dev = &self->f.dev[1];
	self->page = vtds_page(&self->f.guest);
	/* Tables down to the leaves */
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	ASSERT_EQ(0, vtds_events(&self->f.unit, self->got, ROOM));
}

FIXTURE_TEARDOWN(event)
{
	vtds_fixture_close(&self->f);
}

#define EVENTS() vtds_events(&self->f.unit, self->got, ROOM)

/* The flags of an event about a requester, in the mode of the fixture */
#define REQUESTER (BY_SID | (variant->scalable ? BY_PASID : 0))

/* Exactly one event, and it says so */
#define EXPECT_EVENT(_type, _flags, _reason, _error)                     \
	do {                                                             \
		ASSERT_EQ(1, EVENTS());                                  \
		EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_##_type,        \
			  self->got[0].type);                            \
		EXPECT_EQ((unsigned int)(_flags), self->got[0].flags);   \
		EXPECT_EQ((unsigned int)(_reason), self->got[0].reason); \
		EXPECT_EQ((unsigned int)(_error), self->got[0].error);   \
		EXPECT_EQ(0U, self->got[0].lost);                        \
		EXPECT_EQ(0ULL, self->got[0].__reserved);                \
		if (self->got[0].flags & BY_SID)                         \
			EXPECT_EQ((unsigned int)self->dev->sid,          \
				  self->got[0].source_id);               \
	} while (0)

#define EXPECT_NO_EVENT() EXPECT_EQ(0, EVENTS())

static inline int reason(bool scalable, int legacy_reason, int scalable_reason)
{
	return scalable ? scalable_reason : legacy_reason;
}

#define REASON(_legacy, _scalable)                         \
	reason(variant->scalable, VTD_SHADOW_FR_##_legacy, \
	       VTD_SHADOW_FR_##_scalable)

enum place { ROOT, CONTEXT, DIRECTORY, PASID };

static inline __u64 *entry_at(struct vtds_fixture *f, struct vtds_dev *dev,
			      enum place place)
{
	struct vtds_guest *guest = &f->guest;

	if (!f->scalable)
		return place == ROOT ? vtds_root_entry(guest, dev->sid) :
				       vtds_ctx_entry(guest, dev->sid);
	switch (place) {
	case ROOT:
		return vtds_sm_root_half(guest, dev->sid);
	case CONTEXT:
		return vtds_sm_ctx(guest, dev->sid);
	case DIRECTORY:
		return vtds_sm_dir_entry(guest, dev->sid, 0);
	default:
		return vtds_sm_pasid(guest, dev->sid, 0);
	}
}

static inline __u64 *fpd_at(struct vtds_fixture *f, struct vtds_dev *dev)
{
	return entry_at(f, dev, f->scalable ? PASID : CONTEXT);
}

#endif /* VTDS_EVENT_FIXTURE_H */
