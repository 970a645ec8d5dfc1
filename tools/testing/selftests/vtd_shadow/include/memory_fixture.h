/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A piece of memory that the VMM can take from the guest and give back: the fixture of
 * memory_taken_test and memory_hole_test.
 */
#ifndef VTDS_MEMORY_FIXTURE_H
#define VTDS_MEMORY_FIXTURE_H

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* A piece of memory of its own in the IOAS, to be taken away and given back */
#define SPARE_GPA 0x400000000ULL

FIXTURE(memory)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page; /* stays */
	void *spare; /* 4 MiB that guest pages can be mapped from */
};

FIXTURE_SETUP(memory)
{
	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
	/* Known to vtds_hva(), not in the IOAS yet */
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  2 * SZ_2M));
	self->spare = vtds_hva(&self->f.guest, SPARE_GPA);
}

FIXTURE_TEARDOWN(memory)
{
	vtds_fixture_close(&self->f);
}

/* The VMM gives @size bytes of the spare memory at @offset to the guest */
static inline int give(struct vtds_fixture *f, __u64 offset, __u64 size,
		       unsigned int perm)
{
	return vtds_ioas_map(&f->vmm, f->vmm.ioas,
			     vtds_hva(&f->guest, SPARE_GPA + offset),
			     SPARE_GPA + offset, size, perm);
}

static inline int take(struct vtds_fixture *f, __u64 offset, __u64 size)
{
	return vtds_ioas_unmap(&f->vmm, f->vmm.ioas, SPARE_GPA + offset, size);
}

#endif /* VTDS_MEMORY_FIXTURE_H */
