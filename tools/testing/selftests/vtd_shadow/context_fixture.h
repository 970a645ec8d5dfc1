/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Six devices of a guest in legacy mode, whose context entries all name one table: the
 * fixture of the programs context*_test.
 */
#ifndef VTDS_CONTEXT_FIXTURE_H
#define VTDS_CONTEXT_FIXTURE_H

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define ALL_DEVS ((1U << self->s.nr_devs) - 1)

/* An address in the guest's address width that is no memory */
#define NOWHERE 0x3000000000ULL

FIXTURE(context)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(context)
{
	OPEN_SCENE(.edu = 6);
	self->dev = self->s.dev;
	self->page = vtds_page(&self->s.guest);
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
}

FIXTURE_TEARDOWN(context)
{
	vtds_scene_close(&self->s);
}

/* As Linux does it, and for one device without a word to the others */
static inline void attach(struct vtds_scene *scene, unsigned int i, __u64 lo,
			  __u64 hi)
{
	vtds_ctx_set(&scene->guest, scene->dev[i].sid, lo, hi);
}

#define FLUSH_CONTEXT(_i)                                            \
	FLUSH(cc_device(self->dev[_i].sid), iotlb_domain(SCENE_DID), \
	      wait_status(0x1000, 2))

#endif /* VTDS_CONTEXT_FIXTURE_H */
