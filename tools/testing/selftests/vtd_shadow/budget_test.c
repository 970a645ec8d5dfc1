// SPDX-License-Identifier: GPL-2.0-only
/*
 * Budgets of nodes and of pages that a guest uses up, and what it gets back.
 */
#include <errno.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

#define MAX_NODES 300
#define MAX_PAGES 20000

FIXTURE(budget)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 table; /* of level 3, which has the devices' buffers in its first entry */
};

FIXTURE_SETUP(budget)
{
	OPEN_FIXTURE(.edu = 2, .max_nodes = MAX_NODES, .max_pages = MAX_PAGES);
	self->dev = &self->f.dev[0];
	self->table = *vtds_entry(&self->f.table, self->dev->buffer, 4) &
		      SS_ADDR;
}

FIXTURE_TEARDOWN(budget)
{
	vtds_fixture_close(&self->f);
}

/* A table of level 3 that contains itself asks for 512^3 pages */
TEST_F(budget, table_in_itself)
{
	const struct vtds_desc flush = iotlb_domain(TABLE_DID);
	__u64 *entries = vtds_hva(&self->f.guest, self->table);
	unsigned long nodes = STAT(nodes), pages = STAT(pages);
	__u64 page = vtds_page(&self->f.guest);
	struct vtds_unit other;

	/* Somebody else's unit, with the second device */
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->f.dev[1].dev_id));
	ASSERT_EQ(0, vtds_unit_open(&other));
	ASSERT_EQ(0, vtds_unit_bind(&other, &self->f.vmm, 0, 0));
	other.rtaddr = self->f.guest.root;
	other.flags = VTD_SHADOW_STATE_TE;
	ASSERT_EQ(0, vtds_set_state(&other));
	ASSERT_EQ(0, vtds_add_device(&other, self->f.dev[1].dev_id,
				     self->f.vmm.ioas, &self->f.dev[1].sid, 1));

	for (unsigned int i = 1; i < 512; i++)
		entries[i] = self->table | SS_RW;
	FLUSH_WITH(ENOSPC, flush);
	EXPECT_LE(STAT(nodes), (unsigned long)MAX_NODES);
	EXPECT_LE(STAT(pages), (unsigned long)MAX_PAGES);
	/* What was mapped before is as it was */
	EXPECT_EQ(3U, vtds_reach_buffers(self->f.dev, 2));

	/* The guest can still revoke, with the budget used up */
	vtds_unmap(&self->f.table, self->dev->buffer, SZ_4K);
	FLUSH_WITH(ENOSPC, flush);
	EXPECT_EQ(2U, vtds_reach_buffers(self->f.dev, 2));
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->f.unit, self->dev->sid,
					 self->dev->buffer, self->dev->buffer));

	/* The guest comes to its senses; one flush must see that it fits now */
	for (unsigned int i = 1; i < 512; i++)
		entries[i] = 0;
	vtds_map(&self->f.table, self->dev->buffer, self->dev->buffer, SZ_4K,
		 PERM_RW);
	FLUSH(flush);
	EXPECT_EQ(3U, vtds_reach_buffers(self->f.dev, 2));
	EXPECT_EQ(nodes, STAT(nodes));
	EXPECT_EQ(pages, STAT(pages));
	vtds_map(&self->f.table, IOVA, page, SZ_4K, PERM_RW);
	FLUSH(flush);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	vtds_unit_close(&other);
}

TEST_F(budget, of_pages)
{
	const __u64 iova = IOVA & ~(SZ_1G - 1);
	__u64 page = vtds_page(&self->f.guest);
	unsigned long before = STAT(pages);

	/* 2 MiB leaves, 512 pages each, until there is no budget for another */
	for (unsigned int i = 0; i < 64; i++)
		vtds_map(&self->f.table, iova + i * SZ_2M, RAM_GPA, SZ_2M,
			 PERM_RW);
	FLUSH_WITH(ENOSPC, iotlb_domain(TABLE_DID));
	EXPECT_LE(STAT(pages), (unsigned long)MAX_PAGES);
	EXPECT_LT(MAX_PAGES - 512UL, STAT(pages));
	EXPECT_REACH(PERM_RW, self->dev, iova, RAM_GPA);
	EXPECT_DEAD(self->dev, iova + 63 * SZ_2M, RAM_GPA);
	EXPECT_REACH_BUFFERS(3);

	/* What fits now is taken when it is flushed again */
	for (unsigned int i = 0; i < 63; i++)
		vtds_unmap(&self->f.table, iova + i * SZ_2M, SZ_2M);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_EQ(before + 512, STAT(pages));
	EXPECT_REACH(PERM_RW, self->dev, iova + 63 * SZ_2M, RAM_GPA);
	vtds_map(&self->f.table, IOVA + SZ_1G, page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G, page);
}

/* Budget too small for even the top tables: blocked, not half attached */
TEST_F(budget, of_nodes)
{
	struct vtds_table other;

	vtds_table_init(&other, &self->f.guest, 4, TABLE_DID + 1);
	vtds_fixture_map_buffers(&self->f, &other);
	for (unsigned int i = 0; i < MAX_NODES + 10; i++)
		*vtds_entry(&self->f.table, IOVA + i * SZ_2M, 2) =
			vtds_page(&self->f.guest) | SS_RW;
	FLUSH_WITH(ENOSPC, iotlb_domain(TABLE_DID));
	EXPECT_REACH_BUFFERS(3);

	vtds_ctx_use(&self->f.guest, self->dev->sid, &other);
	FLUSH_WITH(ENOSPC, cc_device(self->dev->sid));
	EXPECT_REACH_BUFFERS(2);

	for (unsigned int i = 0; i < MAX_NODES + 10; i++)
		*vtds_entry(&self->f.table, IOVA + i * SZ_2M, 2) = 0;
	/* What is collected up to a barrier gives back nothing before it */
	FLUSH(iotlb_domain(TABLE_DID), wait_status(self->dev->buffer, 1),
	      cc_device(self->dev->sid), iotlb_domain(TABLE_DID + 1));
	EXPECT_REACH_BUFFERS(3);
}

TEST_HARNESS_MAIN
