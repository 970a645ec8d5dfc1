// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest changes its second-stage table, sends an invalidation, and devices
 * follow: leaves of all sizes, permissions, all descriptors that lead to it.
 */
#include <errno.h>

#include "vtds_test.h"

/* An address far from anything else in the table, for all numbers of levels */
#define IOVA 0x2345600000ULL

/* --- One device, one page at a time --- */

FIXTURE(map)
{
	struct vtds_scene s;
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
	OPEN_SCENE(.levels = variant->levels, .edu = variant->edu,
		   .nvme = variant->nvme);
	self->dev = &self->s.dev[0];
	self->page = vtds_page(&self->s.guest);
}

FIXTURE_TEARDOWN(map)
{
	vtds_scene_close(&self->s);
}

TEST_F(map, map_and_unmap)
{
	struct vtds_table *table = &self->s.table;

	EXPECT_DEAD(self->dev, IOVA, self->page);

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_unmap(table, IOVA, SZ_4K);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* What the guest does not announce does not happen */
TEST_F(map, no_invalidation_no_change)
{
	struct vtds_table *table = &self->s.table;

	vtds_map(table, IOVA, self->page, SZ_4K, PERM_RW);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_unmap(table, IOVA, SZ_4K);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	/* Another domain's invalidation is none of this table's business */
	FLUSH(iotlb_page(SCENE_DID + 1, IOVA), iotlb_domain(SCENE_DID + 1));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/*
 * Entries that are not present are cached under domain-id 0, so that a new mapping may be
 * announced with it: its range in all domains, and no more of it.
 */
TEST_F(map, domain_id_0)
{
	struct vtds_table *table = &self->s.table;

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
		iotlb_page(SCENE_DID, IOVA),
		iotlb_pages(SCENE_DID, IOVA, 9),
		iotlb_domain(SCENE_DID),
		iotlb_global(),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

		vtds_unmap(&self->s.table, IOVA, SZ_4K);
		FLUSH(descs[i], wait_status(0x1000, 2));
		EXPECT_DEAD(self->dev, IOVA, self->page);
	}
}

TEST_F(map, remap_to_another_page)
{
	__u64 other = vtds_page(&self->s.guest);

	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	vtds_map(&self->s.table, IOVA, other, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, other);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->s.guest, self->dev, IOVA, self->page));
}

TEST_F(map, permissions_narrow_and_widen)
{
	static const unsigned int perms[] = {
		PERM_R, PERM_RW, PERM_W,    PERM_R,  PERM_NONE,
		PERM_W, PERM_RW, PERM_NONE, PERM_RW,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(perms); i++) {
		vtds_map(&self->s.table, IOVA, self->page, SZ_4K, perms[i]);
		FLUSH(iotlb_page(SCENE_DID, IOVA));
		EXPECT_REACH(perms[i], self->dev, IOVA, self->page);
	}
}

/* What counts is what all entries on the path allow */
TEST_F(map, permissions_of_the_path)
{
	__u64 *above;

	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	above = vtds_entry(&self->s.table, IOVA, 2);

	*above &= ~SS_W;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_R, self->dev, IOVA, self->page);

	*above = (*above & ~SS_R) | SS_W;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_W, self->dev, IOVA, self->page);

	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_R);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	*above |= SS_R;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_R, self->dev, IOVA, self->page);
}

/* Accessed, dirty and software bits mean nothing to the walk */
TEST_F(map, ignored_bits)
{
	/* 63, 61 to 52, 10 to 8, 6 to 2 */
	const __u64 ignored = 1ULL << 63 | 0x3ffULL << 52 | 0x77cULL;

	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	*vtds_entry(&self->s.table, IOVA, 1) |= ignored | 1 << 7;
	*vtds_entry(&self->s.table, IOVA, 2) |= ignored;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* An entry above taken away takes all below with it */
TEST_F(map, table_taken_away_and_given_back)
{
	__u64 *above, saved;

	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	above = vtds_entry(&self->s.table, IOVA, 3);
	saved = *above;
	*above = 0;
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 18));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	*above = saved;
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 18));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* First and last page that the table and the host can map */
TEST_F(map, ends_of_the_address_space)
{
	__u64 width = 12 + 9 * variant->levels;
	__u64 last = (1ULL << width) - SZ_4K;

	if (last > host.last)
		last = host.last & ~(SZ_4K - 1);

	vtds_map(&self->s.table, 0, self->page, SZ_4K, PERM_RW);
	vtds_map(&self->s.table, last, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, 0), iotlb_page(SCENE_DID, last));
	EXPECT_REACH(PERM_RW, self->dev, 0, self->page);
	EXPECT_REACH(PERM_RW, self->dev, last, self->page);
}

/* --- Malformed entries --- */

/* Shares with IOVA and the devices' home no entry but those of level 4 and 5 */
#define FAR_IOVA 0x6345600000ULL
/* No entry but the one of level 5, if the host goes that far */
#define FARTHER_IOVA 0x812345600000ULL

FIXTURE(entry)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(entry)
{
	OPEN_SCENE(.nvme = 1, .levels = 5);
	self->dev = &self->s.dev[0];
	self->page = vtds_page(&self->s.guest);
}

FIXTURE_TEARDOWN(entry)
{
	vtds_scene_close(&self->s);
}

/* These bits kill the entry that they are set in, and nothing else */
#define EXPECT_KILLED_BY(_bits, _level, _iova, _neighbour)                   \
	do {                                                                 \
		__u64 *_entry, _good;                                        \
		vtds_map(&self->s.table, _iova, self->page, SZ_4K, PERM_RW); \
		_entry = vtds_entry(&self->s.table, _iova, _level);          \
		_good = *_entry;                                             \
		FLUSH(iotlb_domain(SCENE_DID));                              \
		EXPECT_REACH(PERM_RW, self->dev, _iova, self->page);         \
		*_entry = _good | (_bits);                                   \
		FLUSH_WITH(EPROTO, iotlb_domain(SCENE_DID));                 \
		EXPECT_DEAD(self->dev, _iova, self->page);                   \
		EXPECT_FAULT(FAULT_SS_RESERVED, self->dev, _iova);           \
		EXPECT_EQ((int)PERM_RW,                                      \
			  vtds_answer(&self->s.unit, self->dev->sid, IOVA,   \
				      _neighbour));                          \
		*_entry = _good;                                             \
		FLUSH(iotlb_domain(SCENE_DID));                              \
		EXPECT_REACH(PERM_RW, self->dev, _iova, self->page);         \
	} while (0)

TEST_F(entry, reserved_bits)
{
	__u64 neighbour = vtds_page(&self->s.guest);
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

	vtds_map(&self->s.table, IOVA, neighbour, SZ_4K, PERM_RW);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_KILLED_BY(bad[i].bits, bad[i].level, FAR_IOVA,
				 neighbour);
}

TEST_F(entry, reserved_bits_of_level_4)
{
	__u64 neighbour = vtds_page(&self->s.guest);

	if (host.last <= FARTHER_IOVA)
		SKIP(return, "the host maps less than a level 4 entry");
	vtds_map(&self->s.table, IOVA, neighbour, SZ_4K, PERM_RW);
	/* Beyond the address width; a superpage of no known size */
	EXPECT_KILLED_BY(1ULL << 51, 4, FARTHER_IOVA, neighbour);
	EXPECT_KILLED_BY(SS_PS, 4, FARTHER_IOVA, neighbour);
}

/* Without the right to read or write an entry is not present, whatever it has */
TEST_F(entry, reserved_bits_of_what_is_not_present)
{
	vtds_map(&self->s.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	*vtds_entry(&self->s.table, IOVA, 1) = ~SS_RW;
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/* --- Superpages --- */

#define IOVA_1G 0x1840000000ULL

FIXTURE(superpage)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 gpa; /* 2 MiB */
};

FIXTURE_VARIANT(superpage)
{
	bool huge;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(superpage, scattered_memory)
{
	.huge = false,
};

FIXTURE_VARIANT_ADD(superpage, huge_memory)
{
	.huge = true,
};

/* clang-format on */

FIXTURE_SETUP(superpage)
{
	OPEN_SCENE(.nvme = 1, .ram_4k = 8 * SZ_1M, .ram_2m = true);
	self->dev = &self->s.dev[0];
	self->gpa = variant->huge ? RAM_2M_GPA :
				    vtds_pages(&self->s.guest, SZ_2M, SZ_2M);
}

FIXTURE_TEARDOWN(superpage)
{
	vtds_scene_close(&self->s);
}

/* All of 2 MiB, looked at here and there */
#define EXPECT_REACH_2M(_perm, _iova, _gpa)                             \
	do {                                                            \
		for (__u64 _at = 0; _at < SZ_2M; _at += 73 * SZ_4K)     \
			EXPECT_REACH(_perm, self->dev, (_iova) + _at,   \
				     (_gpa) + _at);                     \
		EXPECT_REACH(_perm, self->dev, (_iova) + SZ_2M - SZ_4K, \
			     (_gpa) + SZ_2M - SZ_4K);                   \
	} while (0)

TEST_F(superpage, map_and_unmap)
{
	struct vtd_shadow_translate answer;

	vtds_map(&self->s.table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
	ASSERT_EQ(0,
		  vtds_translate(&self->s.unit, self->dev->sid, IOVA, &answer));
	EXPECT_EQ(2U, answer.level);
	EXPECT_DEAD(self->dev, IOVA + SZ_2M, self->gpa);

	vtds_unmap(&self->s.table, IOVA, SZ_2M);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_NONE, IOVA, self->gpa);
}

TEST_F(superpage, permissions)
{
	static const unsigned int perms[] = { PERM_R, PERM_RW, PERM_W };

	for (unsigned int i = 0; i < ARRAY_SIZE(perms); i++) {
		vtds_map(&self->s.table, IOVA, self->gpa, SZ_2M, perms[i]);
		FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
		EXPECT_REACH_2M(perms[i], IOVA, self->gpa);
	}
}

TEST_F(superpage, to_table_and_back)
{
	struct vtds_table *table = &self->s.table;
	__u64 hole = IOVA + 200 * SZ_4K;

	vtds_map(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);

	/* Guests that split a superpage announce nothing but the page */
	vtds_map_range(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	vtds_unmap(table, hole, SZ_4K);
	FLUSH(iotlb_page(SCENE_DID, hole));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
	EXPECT_DEAD(self->dev, hole, self->gpa + 200 * SZ_4K);

	vtds_map(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
	EXPECT_REACH(PERM_RW, self->dev, hole, self->gpa + 200 * SZ_4K);

	vtds_unmap(table, IOVA, SZ_2M);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_NONE, IOVA, self->gpa);
}

/* 512 leaves over what a host could map as one page: each can go alone */
TEST_F(superpage, one_of_all_its_small_pages)
{
	const unsigned int victims[] = { 0, 1, 255, 256, 511 };
	struct vtds_table *table = &self->s.table;

	vtds_map_range(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);

	for (unsigned int i = 0; i < ARRAY_SIZE(victims); i++) {
		__u64 at = victims[i] * SZ_4K, beside = at ^ SZ_4K;

		vtds_unmap(table, IOVA + at, SZ_4K);
		FLUSH(iotlb_page(SCENE_DID, IOVA + at));
		EXPECT_DEAD(self->dev, IOVA + at, self->gpa + at);
		EXPECT_REACH(PERM_RW, self->dev, IOVA + beside,
			     self->gpa + beside);

		vtds_map(table, IOVA + at, self->gpa + at, SZ_4K, PERM_RW);
		FLUSH(iotlb_page(SCENE_DID, IOVA + at));
		EXPECT_REACH(PERM_RW, self->dev, IOVA + at, self->gpa + at);
	}
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
}

/* A unit that does not offer the size must not take it */
TEST_F(superpage, size_not_offered)
{
	self->s.unit.cap &= ~(CAP_SSLPS_2M | CAP_SSLPS_1G);
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	vtds_map(&self->s.table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH_WITH(EPROTO, iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_DEAD(self->dev, IOVA, self->gpa);
	EXPECT_FAULT(FAULT_SS_RESERVED, self->dev, IOVA);

	self->s.unit.cap |= CAP_SSLPS_2M;
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
}

/* 1 GiB of guest memory that is the same 2 MiB over and over */
TEST_F(superpage, gigabyte_of_small_pages)
{
	const __u64 gigabyte = 0x200000000ULL;
	void *hva = vtds_hva(&self->s.guest, self->gpa);

	for (__u64 at = 0; at < SZ_1G; at += SZ_2M)
		ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas, hva,
					   gigabyte + at, SZ_2M, PERM_RW));
	vtds_map(&self->s.table, IOVA_1G, gigabyte, SZ_1G, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA_1G, 18));

	for (__u64 at = 0; at < SZ_1G; at += 55 * SZ_2M + 7 * SZ_4K)
		EXPECT_EQ((int)PERM_RW,
			  vtds_reach(&self->s.guest, self->dev, IOVA_1G + at,
				     self->gpa + at % SZ_2M));

	vtds_unmap(&self->s.table, IOVA_1G, SZ_1G);
	FLUSH(iotlb_pages(SCENE_DID, IOVA_1G, 18));
	EXPECT_DEAD(self->dev, IOVA_1G, self->gpa);
	EXPECT_DEAD(self->dev, IOVA_1G + SZ_1G - SZ_2M, self->gpa);
}

/* --- 1 GiB in one piece --- */

FIXTURE(gigabyte)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(gigabyte)
{
	OPEN_SCENE(.nvme = 1, .ram_1g = true);
	self->dev = &self->s.dev[0];
}

FIXTURE_TEARDOWN(gigabyte)
{
	vtds_scene_close(&self->s);
}

TEST_F(gigabyte, one_leaf_to_2m_leaves_and_back)
{
	struct vtds_table *table = &self->s.table;
	struct vtd_shadow_translate answer;

	vtds_map(table, IOVA_1G, RAM_1G_GPA, SZ_1G, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA_1G, 18));
	for (__u64 at = 0; at < SZ_1G; at += 55 * SZ_2M + 7 * SZ_4K)
		EXPECT_REACH(PERM_RW, self->dev, IOVA_1G + at, RAM_1G_GPA + at);
	ASSERT_EQ(0, vtds_translate(&self->s.unit, self->dev->sid, IOVA_1G,
				    &answer));
	EXPECT_EQ(3U, answer.level);

	/* Every second 2 MiB, in a table that takes the leaf's place */
	for (__u64 at = 0; at < SZ_1G; at += 2 * SZ_2M)
		vtds_map(table, IOVA_1G + at, RAM_1G_GPA + at, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA_1G, 18));
	for (__u64 at = 0; at < SZ_1G; at += 100 * SZ_2M) {
		EXPECT_REACH(PERM_RW, self->dev, IOVA_1G + at, RAM_1G_GPA + at);
		EXPECT_DEAD(self->dev, IOVA_1G + SZ_2M + at,
			    RAM_1G_GPA + SZ_2M + at);
	}

	vtds_map(table, IOVA_1G, RAM_1G_GPA, SZ_1G, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA_1G, 18));
	EXPECT_REACH(PERM_RW, self->dev, IOVA_1G + SZ_2M, RAM_1G_GPA + SZ_2M);

	vtds_unmap(table, IOVA_1G, SZ_1G);
	FLUSH(iotlb_pages(SCENE_DID, IOVA_1G, 18));
	EXPECT_DEAD(self->dev, IOVA_1G, RAM_1G_GPA);
}

/* --- Page-selective invalidation --- */

FIXTURE(range)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(range)
{
	OPEN_SCENE(.nvme = 1);
	self->dev = &self->s.dev[0];
	self->page = vtds_page(&self->s.guest);
}

FIXTURE_TEARDOWN(range)
{
	vtds_scene_close(&self->s);
}

TEST_F(range, every_address_mask)
{
	/* Aligned to the largest block, 2^VTDS_MAMV pages */
	const __u64 base = 0x4000000000ULL;

	for (unsigned int am = 0; am <= VTDS_MAMV; am++) {
		__u64 last = base + (SZ_4K << am) - SZ_4K;

		vtds_map(&self->s.table, base, self->page, SZ_4K, PERM_RW);
		vtds_map(&self->s.table, last, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_pages(SCENE_DID, base, am));
		EXPECT_REACH(PERM_RW, self->dev, base, self->page);
		EXPECT_REACH(PERM_RW, self->dev, last, self->page);

		vtds_unmap(&self->s.table, base, SZ_4K);
		vtds_unmap(&self->s.table, last, SZ_4K);
		FLUSH(iotlb_pages(SCENE_DID, base, am));
		EXPECT_DEAD(self->dev, base, self->page);
		EXPECT_DEAD(self->dev, last, self->page);
	}
}

/*
 * Linux before 5.18 sends the first page and the mask of the length. Served is
 * what hardware does (the block around the page) and what it meant (the pages
 * from there on).
 */
TEST_F(range, unaligned_address)
{
	const __u64 base = 0x4000000000ULL;

	for (unsigned int am = 1; am <= VTDS_MAMV; am++) {
		__u64 addr = base + (SZ_4K << am) - SZ_4K;
		const __u64 iovas[] = { base, addr, addr + SZ_4K,
					addr + (SZ_4K << am) - SZ_4K };

		for (unsigned int i = 0; i < ARRAY_SIZE(iovas); i++)
			vtds_map(&self->s.table, iovas[i], self->page, SZ_4K,
				 PERM_RW);
		FLUSH(iotlb_pages(SCENE_DID, addr, am));
		for (unsigned int i = 0; i < ARRAY_SIZE(iovas); i++)
			EXPECT_REACH(PERM_RW, self->dev, iovas[i], self->page);

		for (unsigned int i = 0; i < ARRAY_SIZE(iovas); i++)
			vtds_unmap(&self->s.table, iovas[i], SZ_4K);
		FLUSH(iotlb_pages(SCENE_DID, addr, am));
		for (unsigned int i = 0; i < ARRAY_SIZE(iovas); i++)
			EXPECT_DEAD(self->dev, iovas[i], self->page);
	}
}

/* The host's last page and the one after it, in a table of 57 bits */
TEST_F(range, beyond_the_host)
{
	struct vtds_table *table = &self->s.table;
	const __u64 beyond = (host.last & ~(SZ_4K - 1)) + SZ_4K;

	if (host.last >> 57)
		SKIP(return, "the host maps all that a guest can");
	vtds_table_init(table, &self->s.guest, 5, SCENE_DID);
	vtds_scene_map_homes(&self->s, table);
	vtds_map(table, beyond, self->page, SZ_4K, PERM_RW);
	vtds_map(table, beyond - SZ_4K, self->page, SZ_4K, PERM_RW);
	vtds_ctx_use(&self->s.guest, self->dev->sid, table);
	FLUSH_WITH(ERANGE, cc_device(self->dev->sid), iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, beyond - SZ_4K, self->page);
	EXPECT_DEAD(self->dev, beyond, self->page);
	EXPECT_FAULT(FAULT_TABLE_UNREADABLE, self->dev, beyond);
}

/* The first page that the host keeps for itself, and the one before it */
TEST_F(range, reserved_by_the_host)
{
	const __u64 iova = host.reserved & ~(SZ_4K - 1);
	struct vtd_shadow_event events[2];

	if (!host.reserved)
		SKIP(return, "the host reserves interrupts only");
	vtds_map(&self->s.table, iova - SZ_4K, self->page, SZ_4K, PERM_RW);
	vtds_map(&self->s.table, iova, self->page, SZ_4K, PERM_RW);
	FLUSH_WITH(EADDRINUSE, iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, iova - SZ_4K, self->page);
	EXPECT_DEAD(self->dev, iova, self->page);

	/* It is told once, with a reason of its own */
	ASSERT_EQ(1, vtds_events(&self->s.unit, events, 2));
	EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_INSTALL, events[0].type);
	EXPECT_EQ((unsigned int)EADDRINUSE, events[0].error);
	EXPECT_EQ(iova, events[0].iova);
	FLUSH_WITH(EADDRINUSE, iotlb_page(SCENE_DID, iova));
	EXPECT_EQ(0, vtds_events(&self->s.unit, events, 2));
	vtds_unmap(&self->s.table, iova, SZ_4K);
	FLUSH(iotlb_page(SCENE_DID, iova));
}

/* --- While DMA runs --- */

FIXTURE(busy)
{
	struct vtds_scene s;
	struct vtds_load load;
	__u64 gpa;
};

/* The device writes to 512 neighbouring pages in turn */
FIXTURE_SETUP(busy)
{
	OPEN_SCENE(.nvme = 1, .edu = 1, .ram_4k = 8 * SZ_1M);
	self->gpa = vtds_pages(&self->s.guest, SZ_2M, SZ_2M);
	vtds_map_range(&self->s.table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));

	self->load.dev = &self->s.dev[1];
	self->load.guest = &self->s.guest;
	self->load.nr = 512;
	self->load.skip = -1;
	for (unsigned int i = 0; i < 512; i++) {
		self->load.iova[i] = IOVA + i * SZ_4K;
		self->load.gpa[i] = self->gpa + i * SZ_4K;
	}
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

FIXTURE_TEARDOWN(busy)
{
	vtds_load_stop(&self->load);
	vtds_scene_close(&self->s);
}

TEST_F(busy, one_of_512_unmapped_and_mapped)
{
	struct vtds_dev *other = &self->s.dev[0];
	const unsigned int victims[] = { 0, 1, 255, 256, 511 };

	for (unsigned int i = 0; i < ARRAY_SIZE(victims); i++) {
		__u64 at = victims[i] * SZ_4K;

		__atomic_store_n(&self->load.skip, victims[i],
				 __ATOMIC_RELEASE);
		vtds_load_wait(&self->load, 2);
		vtds_unmap(&self->s.table, IOVA + at, SZ_4K);
		FLUSH(iotlb_page(SCENE_DID, IOVA + at));
		EXPECT_DEAD(other, IOVA + at, self->gpa + at);
		vtds_load_wait(&self->load, 600);

		vtds_map(&self->s.table, IOVA + at, self->gpa + at, SZ_4K,
			 PERM_RW);
		FLUSH(iotlb_page(SCENE_DID, IOVA + at));
		EXPECT_REACH(PERM_RW, other, IOVA + at, self->gpa + at);
		__atomic_store_n(&self->load.skip, -1, __ATOMIC_RELEASE);
		vtds_load_wait(&self->load, 600);
	}
	EXPECT_LT(3000, vtds_load_rounds(&self->load));
	EXPECT_EQ(0, self->load.misses);
}

/* Bits that mean nothing come and go, as if the guest had accessed bits */
TEST_F(busy, ignored_bits_change)
{
	const __u64 ignored = 1ULL << 63 | 0x3ffULL << 52 | 0x77cULL;
	__u64 *leaves = vtds_entry(&self->s.table, IOVA, 1);
	__u64 *above = vtds_entry(&self->s.table, IOVA, 2);
	unsigned long unmapped = STAT(host_unmaps);

	for (unsigned int i = 0; i < 20; i++) {
		for (unsigned int j = 0; j < 512; j++)
			leaves[j] ^= ignored;
		*above ^= ignored;
		FLUSH(iotlb_domain(SCENE_DID));
		vtds_load_wait(&self->load, 20);
	}
	EXPECT_LT(400UL, vtds_load_rounds(&self->load));
	EXPECT_EQ(0, self->load.misses);
	EXPECT_EQ(unmapped, STAT(host_unmaps));
}

/* A guest that tidies up: 512 leaves become the one of 2 MiB that they amount to */
TEST_F(busy, table_becomes_superpage)
{
	__u64 *above = vtds_entry(&self->s.table, IOVA, 2);
	unsigned long unmapped = STAT(host_unmaps), mapped = STAT(host_maps);

	*above = self->gpa | SS_RW | SS_PS;
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	vtds_load_wait(&self->load, 1200);
	EXPECT_EQ(0, self->load.misses);
	EXPECT_EQ(unmapped, STAT(host_unmaps));
	EXPECT_EQ(mapped, STAT(host_maps));

	/* And it is a leaf of 2 MiB that goes */
	vtds_load_stop(&self->load);
	*above = 0;
	FLUSH(iotlb_page(SCENE_DID, IOVA + SZ_1M));
	EXPECT_DEAD(&self->s.dev[0], IOVA, self->gpa);
	EXPECT_DEAD(&self->s.dev[0], IOVA + SZ_2M - SZ_4K,
		    self->gpa + SZ_2M - SZ_4K);
	*above = self->gpa | SS_RW | SS_PS;
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

/* Flushes of everything, over tables that change next to what DMA goes to */
TEST_F(busy, flushes_over_unchanged_pages)
{
	const __u64 elsewhere = IOVA + SZ_2M, page = vtds_page(&self->s.guest);
	unsigned long unmapped;

	for (unsigned int i = 0; i < 300; i++) {
		vtds_map(&self->s.table, elsewhere + (i & 255) * SZ_4K, page,
			 SZ_4K, PERM_RW);
		FLUSH(iotlb_domain(SCENE_DID), cc_global(), iotlb_global());
		vtds_unmap(&self->s.table, elsewhere + (i & 255) * SZ_4K,
			   SZ_4K);
		FLUSH(iotlb_pages(SCENE_DID, IOVA, 12));
	}
	vtds_load_wait(&self->load, 1000);
	EXPECT_EQ(0, self->load.misses);

	/* Nothing changed: nothing may be touched */
	unmapped = STAT(host_unmaps);
	FLUSH(iotlb_domain(SCENE_DID), iotlb_global(), cc_global());
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	ASSERT_EQ(0, vtds_set_state(&self->s.unit));
	EXPECT_EQ(unmapped, STAT(host_unmaps));
}

DMA_TEST_MAIN
