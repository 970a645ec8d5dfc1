/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in scalable mode with an NVMe device under test, and with an edu that must not
 * notice: the fixture of the programs scalable*_test.
 */
#ifndef VTDS_SCALABLE_FIXTURE_H
#define VTDS_SCALABLE_FIXTURE_H

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define OTHER_DID (TABLE_DID + 1)

/* An address in the guest's address width that is no memory */
#define NOWHERE 0x3000000000ULL

FIXTURE(scalable)
{
	struct vtds_fixture f;
	struct vtds_dev *other;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_VARIANT(scalable)
{
	bool queue;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(scalable, array)
{
	.queue = false,
};

FIXTURE_VARIANT_ADD(scalable, guest_queue)
{
	.queue = true,
};

/* clang-format on */

FIXTURE_SETUP(scalable)
{
	OPEN_FIXTURE(.edu = 1, .nvme = 1, .scalable = true,
		     .queue = variant->queue);
	self->other = &self->f.dev[0];
	self->dev = &self->f.dev[1];
	self->page = vtds_page(&self->f.guest);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
}

FIXTURE_TEARDOWN(scalable)
{
	vtds_fixture_close(&self->f);
}

/* What Linux sends when it attaches: nothing of the type that flushes the IOTLB */
#define FLUSH_ATTACH(_did)                                             \
	do {                                                           \
		FLUSH(pc_pasid(_did, 0), wait_status(RAM_GPA, 2));     \
		FLUSH(piotlb_pasid(_did, 0), wait_status(RAM_GPA, 2)); \
	} while (0)

/* And when it detaches second stage */
#define FLUSH_DETACH(_did)                                          \
	do {                                                        \
		FLUSH(pc_pasid(_did, 0), wait_status(RAM_GPA, 2));  \
		FLUSH(iotlb_domain(_did), wait_status(RAM_GPA, 2)); \
	} while (0)

static inline __u64 *pasid_entry(struct vtds_fixture *f,
				 const struct vtds_dev *dev)
{
	return vtds_sm_pasid(&f->guest, dev->sid, 0);
}

static inline void pass_through(struct vtds_fixture *f,
				const struct vtds_dev *dev)
{
	vtds_sm_set(&f->guest, dev->sid, 0,
		    NOWHERE | PASID_PGTT(PGTT_PASS_THROUGH) | PASID_AW(4) |
			    PASID_P,
		    1);
}

#endif /* VTDS_SCALABLE_FIXTURE_H */
