/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stat_test.c and watch_test.c begin with: two devices on a table, a unit with a budget,
 * and activity that is known. Walks stop nowhere in it: tables are there, memory is pinned.
 */
#ifndef STAT_FIXTURE_H
#define STAT_FIXTURE_H

#include <sys/ioctl.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define OTHER_IOVA 0x3456000000ULL
#define NOWHERE 0x3000000000ULL
#define NR_LEAVES 5
#define NR_GONE 3

FIXTURE(stat)
{
	struct vtds_fixture f;
	__u64 page;
};

FIXTURE_SETUP(stat)
{
	OPEN_FIXTURE(.edu = 2);
	self->page = vtds_page(&self->f.guest);
	/* Tables are there, and memory is pinned: walks stop nowhere from here on */
	vtds_map(&self->f.table, IOVA + SZ_1M, self->page, SZ_4K, PERM_RW);
	vtds_map(&self->f.table, OTHER_IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
}

FIXTURE_TEARDOWN(stat)
{
	vtds_fixture_close(&self->f);
}

static inline struct vtd_shadow_get_domain_stats
of_domain(struct vtds_unit *unit, __u64 id)
{
	struct vtd_shadow_get_domain_stats stats = { .size = sizeof(stats),
						     .id = id };

	if (ioctl(unit->fd, VTD_SHADOW_GET_DOMAIN_STATS, &stats))
		stats.users = 0;
	return stats;
}

static struct vtd_shadow_get_device_stats of_device(struct vtds_unit *unit,
						    const struct vtds_dev *dev)
{
	struct vtd_shadow_get_device_stats stats = { .size = sizeof(stats),
						     .dev_id = dev->dev_id };

	if (ioctl(unit->fd, VTD_SHADOW_GET_DEVICE_STATS, &stats))
		stats.source_ids = 0;
	return stats;
}

/* Maps leaves and unmaps some of them, each with a flush of its own */
static inline int do_something(struct vtds_fixture *f, __u64 page)
{
	int rc = 0;

	for (unsigned int i = 0; i < NR_LEAVES + NR_GONE && !rc; i++) {
		__u64 iova = IOVA + i % NR_LEAVES * 2 * SZ_4K;
		const struct vtds_desc desc = iotlb_page(TABLE_DID, iova);

		if (i < NR_LEAVES)
			vtds_map(&f->table, iova, page, SZ_4K, PERM_RW);
		else
			vtds_unmap(&f->table, iova, SZ_4K);
		rc = vtds_flush(&f->unit, &desc, 1);
	}
	return rc;
}

FIXTURE(budget)
{
	struct vtds_fixture f;
};

FIXTURE_SETUP(budget)
{
	OPEN_FIXTURE(.edu = 1, .budget = 1);
}

FIXTURE_TEARDOWN(budget)
{
	vtds_fixture_close(&self->f);
}

#endif /* STAT_FIXTURE_H */
