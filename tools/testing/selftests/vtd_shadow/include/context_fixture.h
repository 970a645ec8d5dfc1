/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Six devices of a guest in legacy mode, whose context entries all name one table: the
 * fixture of the programs context*_test.
 */
#ifndef VTDS_CONTEXT_FIXTURE_H
#define VTDS_CONTEXT_FIXTURE_H

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define ALL_DEVS ((1U << self->f.nr_devs) - 1)

/* An address in the guest's address width that is no memory */
#define NOWHERE 0x3000000000ULL

FIXTURE(context)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(context)
{
	OPEN_FIXTURE(.edu = 6);
	self->dev = self->f.dev;
	self->page = vtds_page(&self->f.guest);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
}

FIXTURE_TEARDOWN(context)
{
	vtds_fixture_close(&self->f);
}

/* As Linux does it, and for one device without a word to the others */
static inline void attach(struct vtds_fixture *f, unsigned int i, __u64 lo,
			  __u64 hi)
{
	vtds_ctx_set(&f->guest, f->dev[i].sid, lo, hi);
}

#define FLUSH_CONTEXT(_i)                                            \
	FLUSH(cc_device(self->dev[_i].sid), iotlb_domain(TABLE_DID), \
	      wait_status(0x1000, 2))

#endif /* VTDS_CONTEXT_FIXTURE_H */
