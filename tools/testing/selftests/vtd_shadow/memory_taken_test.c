// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM takes memory away that the guest has mapped, keeps tables in, or that a device
 * is writing to; and how much of it is pinned.
 */
#include <errno.h>

#include "memory_fixture.h"

/* --- Taken away --- */

TEST_F(memory, taken_while_mapped)
{
	unsigned long pinned;

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	pinned = STAT(pinned_pages);
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	vtds_map(&self->f.table, IOVA + SZ_4K, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 1));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);

	ASSERT_EQ(0, take(&self->f, 0, SZ_2M));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_4K, self->page);
	EXPECT_EQ(pinned, STAT(pinned_pages));

	/* Gone is gone, also for a guest that insists */
	FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_FAULT(VTD_SHADOW_FR_TABLE_UNREADABLE, self->dev, IOVA);

	/* And back: the VMM says so with RESYNC, the guest need not */
	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
}

TEST_F(memory, part_of_a_superpage_taken)
{
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	ASSERT_EQ(0, give(&self->f, 0, SZ_1M, PERM_RW));
	ASSERT_EQ(0, give(&self->f, SZ_1M, SZ_1M, PERM_RW));
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);

	ASSERT_EQ(0, take(&self->f, SZ_1M, SZ_1M));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M - SZ_4K,
		     SPARE_GPA + SZ_1M - SZ_4K);
	EXPECT_DEAD(self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
	EXPECT_DEAD(self->dev, IOVA + SZ_2M - SZ_4K, SPARE_GPA + SZ_2M - SZ_4K);

	ASSERT_EQ(0, take(&self->f, 0, SZ_1M));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M - SZ_4K,
		     SPARE_GPA + SZ_2M - SZ_4K);
}

/* The guest's tables are in the memory that goes */
TEST_F(memory, tables_taken)
{
	__u64 *above = vtds_entry(&self->f.table, IOVA, 2);
	__u64 *leaf = vtds_hva(&self->f.guest, SPARE_GPA);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	leaf[0] = self->page | SS_RW;
	*above = SPARE_GPA | SS_RW;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	ASSERT_EQ(0, take(&self->f, 0, SZ_2M));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

TEST_F(memory, top_and_context_tables_taken)
{
	__u64 *root = vtds_root_entry(&self->f.guest, self->dev->sid);
	struct vtds_table copy = self->f.table;
	__u64 *ctx = vtds_hva(&self->f.guest, SPARE_GPA);
	__u64 *top = vtds_hva(&self->f.guest, SPARE_GPA + SZ_4K);
	__u64 *old_top = vtds_hva(&self->f.guest, self->f.table.root);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	for (unsigned int i = 0; i < 512; i++)
		top[i] = old_top[i];
	copy.root = SPARE_GPA + SZ_4K;
	root[0] = SPARE_GPA | 1;
	ctx[2 * (self->dev->sid & 0xff)] = copy.root | CTX_P;
	ctx[2 * (self->dev->sid & 0xff) + 1] = CTX_AW(4) | CTX_DID(TABLE_DID);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_REACH_BUFFERS(1);

	ASSERT_EQ(0, take(&self->f, 0, SZ_2M));
	EXPECT_REACH_BUFFERS(0);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_REACH_BUFFERS(0);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_UNREADABLE, self->dev, IOVA);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_REACH_BUFFERS(1);
}

/* --- How much is pinned --- */

FIXTURE(pins)
{
	struct vtds_fixture f;
};

FIXTURE_VARIANT(pins)
{
	unsigned int devices;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(pins, one_device)
{
	.devices = 1,
};

FIXTURE_VARIANT_ADD(pins, four_devices)
{
	.devices = 4,
};

/* clang-format on */

FIXTURE_SETUP(pins)
{
	OPEN_FIXTURE(.edu = variant->devices);
}

FIXTURE_TEARDOWN(pins)
{
	vtds_fixture_close(&self->f);
}

/* All of memory mapped for every device: it is pinned once, not once for each */
TEST_F(pins, as_much_as_memory)
{
	const long ram_kb = RAM_SIZE / 1024;

	vtds_map_range(&self->f.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
	EXPECT_EQ(RAM_SIZE / SZ_4K, STAT(pinned_pages));
	for (unsigned int i = 0; i < variant->devices; i++)
		EXPECT_EQ((int)PERM_RW,
			  vtds_answer(&self->f.unit, self->f.dev[i].sid,
				      IOVA + RAM_SIZE - SZ_4K,
				      RAM_GPA + RAM_SIZE - SZ_4K));

	/* Each device on a copy of the table: still once */
	for (unsigned int i = 0; i < variant->devices; i++) {
		struct vtds_table copy;

		vtds_table_init(&copy, &self->f.guest, 4, TABLE_DID + i);
		vtds_map_range(&copy, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
		vtds_fixture_map_buffers(&self->f, &copy);
		vtds_ctx_use(&self->f.guest, self->f.dev[i].sid, &copy);
	}
	FLUSH(cc_global(), iotlb_global());
	EXPECT_EQ((unsigned long)variant->devices, STAT(domains));
	EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
	EXPECT_REACH_BUFFERS((1U << variant->devices) - 1);

	/* A closed unit pins nothing */
	vtds_unit_close(&self->f.unit);
	EXPECT_EQ(0, vtds_vm_pin_kb());
}

/* --- While DMA runs --- */

FIXTURE(busy)
{
	struct vtds_fixture f;
	struct vtds_load load;
};

/* The device writes to pages that stay; the spare memory is mapped next to it */
FIXTURE_SETUP(busy)
{
	OPEN_FIXTURE(.edu = 1, .nvme = 1);
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  2 * SZ_2M));
	self->load.dev = &self->f.dev[1];
	self->load.guest = &self->f.guest;
	self->load.nr = 64;
	self->load.skip = -1;
	for (unsigned int i = 0; i < self->load.nr; i++) {
		self->load.iova[i] = IOVA + 2 * i * SZ_4K;
		self->load.gpa[i] = vtds_page(&self->f.guest);
		vtds_map(&self->f.table, self->load.iova[i], self->load.gpa[i],
			 SZ_4K, PERM_RW);
		vtds_map(&self->f.table, self->load.iova[i] + SZ_4K,
			 SPARE_GPA + i * SZ_4K, SZ_4K, PERM_RW);
	}
	vtds_map(&self->f.table, IOVA + SZ_2M, SPARE_GPA + SZ_2M, SZ_2M,
		 PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID));
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

FIXTURE_TEARDOWN(busy)
{
	vtds_load_stop(&self->load);
	vtds_fixture_close(&self->f);
}

/* What is not taken does not notice */
TEST_F(busy, taken_next_to_running_dma)
{
	struct vtds_dev *other = &self->f.dev[0];

	for (unsigned int i = 0; i < 5; i++) {
		ASSERT_EQ(0, give(&self->f, 0, 2 * SZ_2M, PERM_RW));
		ASSERT_EQ(0, vtds_resync(&self->f.unit));
		EXPECT_EQ(0U, self->f.unit.install_errno);
		EXPECT_REACH(PERM_RW, other, IOVA + SZ_4K, SPARE_GPA);
		vtds_load_wait(&self->load, 100);

		ASSERT_EQ(0, take(&self->f, 0, 2 * SZ_2M));
		EXPECT_DEAD(other, IOVA + SZ_4K, SPARE_GPA);
		vtds_load_wait(&self->load, 100);
	}
	EXPECT_LT(500UL, vtds_load_rounds(&self->load));
	EXPECT_EQ(0UL, self->load.misses);
}

/* Taken from under the device that writes to it: it stops arriving, that is all */
TEST_F(busy, taken_from_under_running_dma)
{
	unsigned long misses;

	ASSERT_EQ(0, give(&self->f, 0, 2 * SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	vtds_load_stop(&self->load);
	for (unsigned int i = 0; i < 64; i++) {
		self->load.iova[i] = IOVA + SZ_2M + i * SZ_4K;
		self->load.gpa[i] = SPARE_GPA + SZ_2M + i * SZ_4K;
	}
	ASSERT_EQ(0, vtds_load_start(&self->load));
	vtds_load_wait(&self->load, 200);
	EXPECT_EQ(0UL, self->load.misses);

	ASSERT_EQ(0, take(&self->f, SZ_2M, SZ_2M) == 0 ? -1 : 0)
	TH_LOG("half of an area could be taken");
	ASSERT_EQ(0, take(&self->f, 0, 2 * SZ_2M));
	/* The one that was on its way */
	vtds_load_wait(&self->load, 1);
	misses = self->load.misses;
	vtds_load_wait(&self->load, 100);
	EXPECT_LE(misses + 99, self->load.misses);

	ASSERT_EQ(0, give(&self->f, 0, 2 * SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	vtds_load_wait(&self->load, 1);
	misses = self->load.misses;
	vtds_load_wait(&self->load, 100);
	EXPECT_EQ(misses, self->load.misses);
}

DMA_TEST_MAIN
