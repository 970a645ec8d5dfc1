// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest changes leaves of 4 KiB in its second-stage table, sends an invalidation,
 * and devices follow: permissions, reserved bits, all descriptors that lead to a leaf.
 */
#include <errno.h>

#include "vtds_test.h"

/* An address far from anything else in the table, for all numbers of levels */
#define IOVA 0x2345600000ULL

/* --- One device, one page at a time --- */

FIXTURE(map)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_VARIANT(map)
{
	unsigned int levels;
	unsigned int edu;
	unsigned int nvme;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(map, nvme_3_levels)
{
	.levels = 3,
	.nvme = 1,
};

FIXTURE_VARIANT_ADD(map, nvme_4_levels)
{
	.levels = 4,
	.nvme = 1,
};

FIXTURE_VARIANT_ADD(map, nvme_5_levels)
{
	.levels = 5,
	.nvme = 1,
};

FIXTURE_VARIANT_ADD(map, edu_4_levels)
{
	.levels = 4,
	.edu = 1,
};

/* clang-format on */

FIXTURE_SETUP(map)
{
	OPEN_FIXTURE(.levels = variant->levels, .edu = variant->edu,
		     .nvme = variant->nvme);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
}

FIXTURE_TEARDOWN(map)
{
	vtds_fixture_close(&self->f);
}

TEST_F(map, map_and_unmap)
{
	struct vtds_table *table = &self->f.table;

	EXPECT_DEAD(self->dev, IOVA, self->page);

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_unmap(table, IOVA, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* What the guest does not announce does not happen */
TEST_F(map, no_invalidation_no_change)
{
	struct vtds_table *table = &self->f.table;

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_RW);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_unmap(table, IOVA, SZ_4K);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	/* Another domain's invalidation is none of this table's business */
	FLUSH(iotlb_page(TABLE_DID + 1, IOVA), iotlb_domain(TABLE_DID + 1));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/*
 * Entries that are not present are cached under domain-id 0, so that a new mapping may be
 * announced with it: its range in all domains, and no more of it.
 */
TEST_F(map, domain_id_0)
{
	struct vtds_table *table = &self->f.table;

	/* A table that is new would be read as a whole */
	vtds_map(table, IOVA + SZ_4K, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(0, IOVA + SZ_4K));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_4K, self->page);

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(0, IOVA + SZ_4K));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	FLUSH(iotlb_page(0, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	vtds_unmap(table, IOVA, SZ_4K);
	FLUSH(iotlb_pages(0, IOVA, 9));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_R);
	FLUSH(iotlb_domain(0));
	EXPECT_REACH(PERM_R, self->dev, IOVA, self->page);
}

TEST_F(map, every_descriptor_that_covers_it)
{
	const struct vtds_desc descs[] = {
		iotlb_page(TABLE_DID, IOVA),
		iotlb_pages(TABLE_DID, IOVA, 9),
		iotlb_domain(TABLE_DID),
		iotlb_global(),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		FLUSH(descs[i], wait_status(0x1000, 2));
		EXPECT_DEAD(self->dev, IOVA, self->page);
	}
}

TEST_F(map, remap_to_another_page)
{
	__u64 other = vtds_page(&self->f.guest);

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_map(&self->f.table, IOVA, other, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, other);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->f.guest, self->dev, IOVA, self->page));
}

TEST_F(map, permissions_narrow_and_widen)
{
	static const unsigned int perms[] = {
		PERM_R, PERM_RW, PERM_W,    PERM_R,  PERM_NONE,
		PERM_W, PERM_RW, PERM_NONE, PERM_RW,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(perms); i++) {
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, perms[i]);
		FLUSH(iotlb_page(TABLE_DID, IOVA));
		EXPECT_REACH(perms[i], self->dev, IOVA, self->page);
	}
}

/* What counts is what all entries on the path allow */
TEST_F(map, permissions_of_the_path)
{
	__u64 *above;

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	above = vtds_entry(&self->f.table, IOVA, 2);

	*above &= ~SS_W;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_R, self->dev, IOVA, self->page);

	*above = (*above & ~SS_R) | SS_W;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_W, self->dev, IOVA, self->page);

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_R);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	*above |= SS_R;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_R, self->dev, IOVA, self->page);
}

/* Accessed, dirty and software bits mean nothing to the walk */
TEST_F(map, ignored_bits)
{
	/* 63, 61 to 52, 10 to 8, 6 to 2 */
	const __u64 ignored = 1ULL << 63 | 0x3ffULL << 52 | 0x77cULL;

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	*vtds_entry(&self->f.table, IOVA, 1) |= ignored | 1 << 7;
	*vtds_entry(&self->f.table, IOVA, 2) |= ignored;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* An entry above taken away takes all below with it */
TEST_F(map, table_taken_away_and_given_back)
{
	__u64 *above, saved;

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	above = vtds_entry(&self->f.table, IOVA, 3);
	saved = *above;
	*above = 0;
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 18));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	*above = saved;
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 18));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* First and last page that the table and the host can map */
TEST_F(map, ends_of_the_address_space)
{
	__u64 width = 12 + 9 * variant->levels;
	__u64 last = (1ULL << width) - SZ_4K;

	if (last > host.last)
		last = host.last & ~(SZ_4K - 1);

	vtds_map(&self->f.table, 0, self->page, SZ_4K, PERM_RW);
	vtds_map(&self->f.table, last, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, 0), iotlb_page(TABLE_DID, last));
	EXPECT_REACH(PERM_RW, self->dev, 0, self->page);
	EXPECT_REACH(PERM_RW, self->dev, last, self->page);
}

/* --- Malformed entries --- */

/* Shares with IOVA and the devices' buffers no entry but those of level 4 and 5 */
#define FAR_IOVA 0x6345600000ULL
/* No entry but the one of level 5, if the host goes that far */
#define FARTHER_IOVA 0x812345600000ULL

FIXTURE(entry)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(entry)
{
	OPEN_FIXTURE(.nvme = 1, .levels = 5);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
}

FIXTURE_TEARDOWN(entry)
{
	vtds_fixture_close(&self->f);
}

/* These bits kill the entry that they are set in, and nothing else */
#define EXPECT_KILLED_BY(_bits, _level, _iova, _neighbour)                   \
	do {                                                                 \
		__u64 *_entry, _good;                                        \
		vtds_map(&self->f.table, _iova, self->page, SZ_4K, PERM_RW); \
		_entry = vtds_entry(&self->f.table, _iova, _level);          \
		_good = *_entry;                                             \
		FLUSH(iotlb_domain(TABLE_DID));                              \
		EXPECT_REACH(PERM_RW, self->dev, _iova, self->page);         \
		*_entry = _good | (_bits);                                   \
		FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));                 \
		EXPECT_DEAD(self->dev, _iova, self->page);                   \
		EXPECT_FAULT(VTD_SHADOW_FR_SS_RESERVED, self->dev, _iova);   \
		EXPECT_EQ((int)PERM_RW,                                      \
			  vtds_answer(&self->f.unit, self->dev->sid, IOVA,   \
				      _neighbour));                          \
		*_entry = _good;                                             \
		FLUSH(iotlb_domain(TABLE_DID));                              \
		EXPECT_REACH(PERM_RW, self->dev, _iova, self->page);         \
	} while (0)

TEST_F(entry, reserved_bits)
{
	__u64 neighbour = vtds_page(&self->f.guest);
	const struct {
		unsigned int level;
		__u64 bits;
	} bad[] = {
		/* SNP without snoop control, TM without device-TLBs */
		{ 1, 1ULL << 11 },
		{ 1, 1ULL << 62 },
		{ 2, 1ULL << 11 },
		{ 2, 1ULL << 62 },
		/* Beyond the guest's address width */
		{ 1, 1ULL << 46 },
		{ 1, 1ULL << 51 },
		{ 2, 1ULL << 47 },
		/* Superpages that are not aligned */
		{ 2, SS_PS | 1ULL << 12 },
		{ 3, SS_PS | 1ULL << 21 },
	};

	vtds_map(&self->f.table, IOVA, neighbour, SZ_4K, PERM_RW);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_KILLED_BY(bad[i].bits, bad[i].level, FAR_IOVA,
				 neighbour);
}

TEST_F(entry, reserved_bits_of_level_4)
{
	__u64 neighbour = vtds_page(&self->f.guest);

	if (host.last <= FARTHER_IOVA)
		SKIP(return, "the host maps less than a level 4 entry");
	vtds_map(&self->f.table, IOVA, neighbour, SZ_4K, PERM_RW);
	/* Beyond the address width; a superpage of no known size */
	EXPECT_KILLED_BY(1ULL << 51, 4, FARTHER_IOVA, neighbour);
	EXPECT_KILLED_BY(SS_PS, 4, FARTHER_IOVA, neighbour);
}

/* Without the right to read or write an entry is not present, whatever it has */
TEST_F(entry, reserved_bits_of_what_is_not_present)
{
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	*vtds_entry(&self->f.table, IOVA, 1) = ~SS_RW;
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

DMA_TEST_MAIN
