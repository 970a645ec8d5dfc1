/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in scalable mode with an NVMe device under test, and with an edu that must not
 * notice: the fixture of the programs scalable*_test.
 */
#ifndef VTDS_SCALABLE_FIXTURE_H
#define VTDS_SCALABLE_FIXTURE_H

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define OTHER_DID (SCENE_DID + 1)

/* An address in the guest's address width that is no memory */
#define NOWHERE 0x3000000000ULL

FIXTURE(scalable)
{
	struct vtds_scene s;
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
	OPEN_SCENE(.edu = 1, .nvme = 1, .scalable = true,
		   .queue = variant->queue);
	self->other = &self->s.dev[0];
	self->dev = &self->s.dev[1];
	self->page = vtds_page(&self->s.guest);
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
}

FIXTURE_TEARDOWN(scalable)
{
	vtds_scene_close(&self->s);
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

static inline __u64 *pasid_entry(struct vtds_scene *scene,
				 const struct vtds_dev *dev)
{
	return vtds_sm_pasid(&scene->guest, dev->sid, 0);
}

static inline void pass_through(struct vtds_scene *scene,
				const struct vtds_dev *dev)
{
	vtds_sm_set(&scene->guest, dev->sid, 0,
		    NOWHERE | PASID_PGTT(PGTT_PASS_THROUGH) | PASID_AW(4) |
			    PASID_P,
		    1);
}

#endif /* VTDS_SCALABLE_FIXTURE_H */
