// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of the host IOMMU: a guest that hangs a table in at one place after the
 * other does not fill the host's memory with empty ones, and where they are given back
 * devices reach nothing.
 */

#include "vtds_test.h"

#define IOVA 0x2000000000ULL
#define TABLE_SIZE (1ULL << 21)
#define NR_TABLES 3000
#define AT_ONCE 6
/* Those that a domain keeps, tables above them, and what else the host does meanwhile */
#define MOST_PAGES 400

FIXTURE(host_tables)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 table; /* of level 1, with one leaf */
	__u64 page;
};

FIXTURE_SETUP(host_tables)
{
	OPEN_FIXTURE(.edu = 1);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
	self->table = vtds_page(&self->f.guest);
	*(__u64 *)vtds_hva(&self->f.guest, self->table) = self->page | SS_RW;
}

FIXTURE_TEARDOWN(host_tables)
{
	vtds_fixture_close(&self->f);
}

/* Pages that IOMMU drivers have for tables, -1 if this kernel does not tell */
static long iommu_pages(void)
{
	return vtds_number_in("/proc/vmstat", "nr_iommu_pages");
}

static __u64 iova_of(unsigned int i)
{
	return IOVA + i * TABLE_SIZE;
}

/* One leaf each, at most some of them at once */
TEST_F(host_tables, come_and_go)
{
	long before = iommu_pages(), most = 0;

	if (before < 0)
		SKIP(return, "the kernel does not count pages of IOMMUs");
	for (unsigned int i = 0; i < NR_TABLES; i++) {
		*vtds_entry(&self->f.table, iova_of(i), 2) = self->table |
							     SS_RW;
		FLUSH(iotlb_page(TABLE_DID, iova_of(i)));
		if (i < AT_ONCE)
			continue;
		*vtds_entry(&self->f.table, iova_of(i - AT_ONCE), 2) = 0;
		FLUSH(iotlb_page(TABLE_DID, iova_of(i - AT_ONCE)));
		if (iommu_pages() - before > most)
			most = iommu_pages() - before;
	}
	EXPECT_LE(most, MOST_PAGES);
	EXPECT_LE(STAT(host_tables), MOST_PAGES);

	/* The last ones are there, those before are not, given back or kept */
	EXPECT_REACH(PERM_RW, self->dev, iova_of(NR_TABLES - 1), self->page);
	EXPECT_REACH(PERM_NONE, self->dev, iova_of(0), self->page);
	EXPECT_REACH(PERM_NONE, self->dev, iova_of(NR_TABLES / 2), self->page);
	EXPECT_REACH(PERM_NONE, self->dev, iova_of(NR_TABLES - 1 - AT_ONCE),
		     self->page);
	/* The guest comes back to a place that was given back */
	*vtds_entry(&self->f.table, iova_of(0), 2) = self->table | SS_RW;
	FLUSH(iotlb_page(TABLE_DID, iova_of(0)));
	EXPECT_REACH(PERM_RW, self->dev, iova_of(0), self->page);
}

TEST_HARNESS_MAIN
