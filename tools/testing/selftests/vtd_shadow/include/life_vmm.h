/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the VMMs of life_close_test and life_killed_test have, and the next VMM, which
 * must get the devices when such a one has ended.
 */
#ifndef VTDS_LIFE_VMM_H
#define VTDS_LIFE_VMM_H

#include <errno.h>

#include "vtds_test.h"

/* What all VMMs here have: two devices for reading results, one for load */
static const struct vtds_config full_config = { .edu = 2, .nvme = 1 };

/* Another VMM takes the devices and they work for it */
static inline int next_vmm_works(void)
{
	struct vtds_fixture f;
	int rc = vtds_fixture_open(&f, &full_config);

	if (!rc && vtds_reach_buffers(f.dev, f.nr_devs) != 7)
		rc = -EIO;
	vtds_fixture_close(&f);
	return rc;
}

#endif /* VTDS_LIFE_VMM_H */
