// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest maps 2 MiB and 1 GiB in one leaf or in many small ones, and changes between
 * the two.
 */
#include <errno.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* --- Superpages --- */

#define IOVA_1G 0x1840000000ULL

FIXTURE(superpage)
{
	struct vtds_fixture f;
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
	OPEN_FIXTURE(.nvme = 1, .ram_4k = 8 * SZ_1M, .ram_2m = true);
	self->dev = &self->f.dev[0];
	self->gpa = variant->huge ? RAM_2M_GPA :
				    vtds_pages(&self->f.guest, SZ_2M, SZ_2M);
}

FIXTURE_TEARDOWN(superpage)
{
	vtds_fixture_close(&self->f);
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

	vtds_map(&self->f.table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
	ASSERT_EQ(0,
		  vtds_translate(&self->f.unit, self->dev->sid, IOVA, &answer));
	EXPECT_EQ(2U, answer.level);
	EXPECT_DEAD(self->dev, IOVA + SZ_2M, self->gpa);

	vtds_unmap(&self->f.table, IOVA, SZ_2M);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_NONE, IOVA, self->gpa);
}

TEST_F(superpage, permissions)
{
	static const unsigned int perms[] = { PERM_R, PERM_RW, PERM_W };

	for (unsigned int i = 0; i < ARRAY_SIZE(perms); i++) {
		vtds_map(&self->f.table, IOVA, self->gpa, SZ_2M, perms[i]);
		FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
		EXPECT_REACH_2M(perms[i], IOVA, self->gpa);
	}
}

TEST_F(superpage, to_table_and_back)
{
	struct vtds_table *table = &self->f.table;
	__u64 hole = IOVA + 200 * SZ_4K;

	vtds_map(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);

	/* Guests that split a superpage announce nothing but the page */
	vtds_map_range(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	vtds_unmap(table, hole, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, hole));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
	EXPECT_DEAD(self->dev, hole, self->gpa + 200 * SZ_4K);

	vtds_map(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
	EXPECT_REACH(PERM_RW, self->dev, hole, self->gpa + 200 * SZ_4K);

	vtds_unmap(table, IOVA, SZ_2M);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_NONE, IOVA, self->gpa);
}

/* 512 leaves over what a host could map as one page: each can go alone */
TEST_F(superpage, one_of_all_its_small_pages)
{
	const unsigned int victims[] = { 0, 1, 255, 256, 511 };
	struct vtds_table *table = &self->f.table;

	vtds_map_range(table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);

	for (unsigned int i = 0; i < ARRAY_SIZE(victims); i++) {
		__u64 at = victims[i] * SZ_4K, beside = at ^ SZ_4K;

		vtds_unmap(table, IOVA + at, SZ_4K);
		FLUSH(iotlb_page(TABLE_DID, IOVA + at));
		EXPECT_DEAD(self->dev, IOVA + at, self->gpa + at);
		EXPECT_REACH(PERM_RW, self->dev, IOVA + beside,
			     self->gpa + beside);

		vtds_map(table, IOVA + at, self->gpa + at, SZ_4K, PERM_RW);
		FLUSH(iotlb_page(TABLE_DID, IOVA + at));
		EXPECT_REACH(PERM_RW, self->dev, IOVA + at, self->gpa + at);
	}
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
}

/* A unit that does not offer the size must not take it */
TEST_F(superpage, size_not_offered)
{
	self->f.unit.cap &= ~(CAP_SSLPS_2M | CAP_SSLPS_1G);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	vtds_map(&self->f.table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH_WITH(EPROTO, iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_DEAD(self->dev, IOVA, self->gpa);
	EXPECT_FAULT(VTD_SHADOW_FR_SS_RESERVED, self->dev, IOVA);

	self->f.unit.cap |= CAP_SSLPS_2M;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH_2M(PERM_RW, IOVA, self->gpa);
}

/* 1 GiB of guest memory that is the same 2 MiB over and over */
TEST_F(superpage, gigabyte_of_small_pages)
{
	const __u64 gigabyte = 0x200000000ULL;
	void *hva = vtds_hva(&self->f.guest, self->gpa);

	for (__u64 at = 0; at < SZ_1G; at += SZ_2M)
		ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, hva,
					   gigabyte + at, SZ_2M, PERM_RW));
	vtds_map(&self->f.table, IOVA_1G, gigabyte, SZ_1G, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA_1G, 18));

	for (__u64 at = 0; at < SZ_1G; at += 55 * SZ_2M + 7 * SZ_4K)
		EXPECT_EQ((int)PERM_RW,
			  vtds_reach(&self->f.guest, self->dev, IOVA_1G + at,
				     self->gpa + at % SZ_2M));

	vtds_unmap(&self->f.table, IOVA_1G, SZ_1G);
	FLUSH(iotlb_pages(TABLE_DID, IOVA_1G, 18));
	EXPECT_DEAD(self->dev, IOVA_1G, self->gpa);
	EXPECT_DEAD(self->dev, IOVA_1G + SZ_1G - SZ_2M, self->gpa);
}

/* --- 1 GiB in one piece --- */

FIXTURE(gigabyte)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(gigabyte)
{
	OPEN_FIXTURE(.nvme = 1, .ram_1g = true);
	self->dev = &self->f.dev[0];
}

FIXTURE_TEARDOWN(gigabyte)
{
	vtds_fixture_close(&self->f);
}

TEST_F(gigabyte, one_leaf_to_2m_leaves_and_back)
{
	struct vtds_table *table = &self->f.table;
	struct vtd_shadow_translate answer;

	vtds_map(table, IOVA_1G, RAM_1G_GPA, SZ_1G, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA_1G, 18));
	for (__u64 at = 0; at < SZ_1G; at += 55 * SZ_2M + 7 * SZ_4K)
		EXPECT_REACH(PERM_RW, self->dev, IOVA_1G + at, RAM_1G_GPA + at);
	ASSERT_EQ(0, vtds_translate(&self->f.unit, self->dev->sid, IOVA_1G,
				    &answer));
	EXPECT_EQ(3U, answer.level);

	/* Every second 2 MiB, in a table that takes the leaf's place */
	for (__u64 at = 0; at < SZ_1G; at += 2 * SZ_2M)
		vtds_map(table, IOVA_1G + at, RAM_1G_GPA + at, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA_1G, 18));
	for (__u64 at = 0; at < SZ_1G; at += 100 * SZ_2M) {
		EXPECT_REACH(PERM_RW, self->dev, IOVA_1G + at, RAM_1G_GPA + at);
		EXPECT_DEAD(self->dev, IOVA_1G + SZ_2M + at,
			    RAM_1G_GPA + SZ_2M + at);
	}

	vtds_map(table, IOVA_1G, RAM_1G_GPA, SZ_1G, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA_1G, 18));
	EXPECT_REACH(PERM_RW, self->dev, IOVA_1G + SZ_2M, RAM_1G_GPA + SZ_2M);

	vtds_unmap(table, IOVA_1G, SZ_1G);
	FLUSH(iotlb_pages(TABLE_DID, IOVA_1G, 18));
	EXPECT_DEAD(self->dev, IOVA_1G, RAM_1G_GPA);
}

DMA_TEST_MAIN
