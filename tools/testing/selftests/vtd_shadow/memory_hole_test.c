// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's memory is not what the guest thinks: added later, with holes, read-only,
 * with the interrupt range in it.
 */
#include <errno.h>

#include "memory_fixture.h"

/* --- Never there, or not all of it --- */

TEST_F(memory, added_later)
{
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
}

/* An invalidation alone does not: the entry is the one that was refused */
TEST_F(memory, added_later_and_invalidated)
{
	unsigned long failures;

	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_page(TABLE_DID, IOVA));
	failures = STAT(install_failures);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	FLUSH(iotlb_page(TABLE_DID, IOVA), iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_EQ(failures, STAT(install_failures));

	/* Until the guest makes another one of it, if only for a moment */
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
}

/* The VMM can say where memory came: what leads elsewhere in vain is not tried */
TEST_F(memory, added_later_in_a_range)
{
	unsigned long failures;

	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	vtds_map(&self->f.table, IOVA + SZ_4K, SPARE_GPA + SZ_2M, SZ_4K,
		 PERM_RW);
	vtds_map(&self->f.table, IOVA + SZ_1G, SPARE_GPA + SZ_2M, SZ_2M,
		 PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_domain(TABLE_DID));
	failures = STAT(install_failures);

	ASSERT_EQ(0, give(&self->f, 0, 2 * SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync_range(&self->f.unit, SPARE_GPA, SZ_4K));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_DEAD(self->dev, IOVA + SZ_4K, SPARE_GPA + SZ_2M);
	EXPECT_DEAD(self->dev, IOVA + SZ_1G, SPARE_GPA + SZ_2M);
	ASSERT_EQ(0, vtds_resync_range(&self->f.unit, SPARE_GPA + 2 * SZ_2M - 1,
				       1));
	EXPECT_DEAD(self->dev, IOVA + SZ_4K, SPARE_GPA + SZ_2M);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G + SZ_2M - SZ_4K,
		     SPARE_GPA + 2 * SZ_2M - SZ_4K);
	ASSERT_EQ(0, vtds_resync_range(&self->f.unit, SPARE_GPA, 2 * SZ_2M));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_4K, SPARE_GPA + SZ_2M);
	EXPECT_EQ(failures, STAT(install_failures));
}

/* Memory that was taken and comes back is mapped as before, the tables in it, too */
TEST_F(memory, back_in_a_range)
{
	__u64 *above = vtds_entry(&self->f.table, IOVA + SZ_1G, 2);
	__u64 *leaf = vtds_hva(&self->f.guest, SPARE_GPA + SZ_4K);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	leaf[0] = self->page | SS_RW;
	*above = (SPARE_GPA + SZ_4K) | SS_RW;
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	ASSERT_EQ(0, take(&self->f, 0, SZ_2M));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_DEAD(self->dev, IOVA + SZ_1G, self->page);
	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync_range(&self->f.unit, SPARE_GPA, SZ_2M));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G, self->page);
}

TEST_F(memory, superpage_with_a_hole)
{
	const __u64 hole = 64 * SZ_4K;

	/* All of 2 MiB but one page in the middle */
	ASSERT_EQ(0, give(&self->f, 0, hole, PERM_RW));
	ASSERT_EQ(0,
		  give(&self->f, hole + SZ_4K, SZ_2M - hole - SZ_4K, PERM_RW));
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + hole - SZ_4K,
		     SPARE_GPA + hole - SZ_4K);
	EXPECT_DEAD(self->dev, IOVA + hole, SPARE_GPA + hole);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + hole + SZ_4K,
		     SPARE_GPA + hole + SZ_4K);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M - SZ_4K,
		     SPARE_GPA + SZ_2M - SZ_4K);

	/* Filled */
	ASSERT_EQ(0, give(&self->f, hole, SZ_4K, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + hole, SPARE_GPA + hole);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);

	vtds_unmap(&self->f.table, IOVA, SZ_2M);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_DEAD(self->dev, IOVA + hole, SPARE_GPA + hole);
	EXPECT_DEAD(self->dev, IOVA + SZ_2M - SZ_4K, SPARE_GPA + SZ_2M - SZ_4K);
}

/* --- Read-only --- */

TEST_F(memory, read_only)
{
	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_R));
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_R);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_R, self->dev, IOVA, SPARE_GPA);

	/* As ROM: the guest may say what it wants */
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_R, self->dev, IOVA, SPARE_GPA);

	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_W);
	FLUSH_WITH(EPERM, iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);

	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH(PERM_R, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_R, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
}

/* Tables that the guest's processor cannot write are tables all the same */
TEST_F(memory, read_only_table)
{
	__u64 *leaf = vtds_hva(&self->f.guest, SPARE_GPA);

	leaf[0] = self->page | SS_RW;
	*vtds_entry(&self->f.table, IOVA, 2) = SPARE_GPA | SS_RW;
	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_R));
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

TEST_F(memory, superpage_with_a_read_only_part)
{
	ASSERT_EQ(0, give(&self->f, 0, SZ_1M, PERM_RW));
	ASSERT_EQ(0, give(&self->f, SZ_1M, SZ_4K, PERM_R));
	ASSERT_EQ(0, give(&self->f, SZ_1M + SZ_4K, SZ_1M - SZ_4K, PERM_RW));
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M - SZ_4K,
		     SPARE_GPA + SZ_1M - SZ_4K);
	EXPECT_REACH(PERM_R, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M + SZ_4K,
		     SPARE_GPA + SZ_1M + SZ_4K);

	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_R);
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	EXPECT_REACH(PERM_R, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_R, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
}

/* --- The interrupt range --- */

/*
 * What a device writes there interrupts the host, whatever is mapped: by DMA nothing
 * can be shown, and QEMU's Intel unit lets through even what interrupt remapping
 * should stop. TRANSLATE knows what the host has mapped.
 */

TEST_F(memory, interrupt_range_in_2m)
{
	const __u64 base = INTERRUPTS & ~(SZ_2M - 1);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	vtds_map(&self->f.table, base, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(TABLE_DID, base, 9));
	EXPECT_REACH(PERM_RW, self->dev, INTERRUPTS + INTERRUPTS_SIZE,
		     SPARE_GPA + INTERRUPTS_SIZE);
	EXPECT_REACH(PERM_RW, self->dev, base + SZ_2M - SZ_4K,
		     SPARE_GPA + SZ_2M - SZ_4K);
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->f.unit, self->dev->sid,
					 INTERRUPTS, SPARE_GPA));
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->f.unit, self->dev->sid,
					 INTERRUPTS + INTERRUPTS_SIZE - SZ_4K,
					 SPARE_GPA + INTERRUPTS_SIZE - SZ_4K));
}

/* --- The interrupt range in 1 GiB --- */

FIXTURE(gigabyte)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(gigabyte)
{
	OPEN_FIXTURE(.nvme = 1, .ram_2m = true);
	self->dev = &self->f.dev[0];
}

FIXTURE_TEARDOWN(gigabyte)
{
	vtds_fixture_close(&self->f);
}

/* 1 GiB of guest memory that is the same 2 MiB over and over, but for a hole */
TEST_F(gigabyte, interrupt_range_and_hole)
{
	const __u64 base = 0xc0000000, gpa = 0x200000000ULL;
	const struct vtds_desc desc = iotlb_pages(TABLE_DID, base, 18);
	const __u64 hole = 100 * SZ_2M;
	void *hva = vtds_hva(&self->f.guest, RAM_2M_GPA);

	for (__u64 at = 0; at < SZ_1G; at += SZ_2M)
		if (at != hole)
			ASSERT_EQ(0,
				  vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas,
						hva, gpa + at, SZ_2M, PERM_RW));
	vtds_map(&self->f.table, base, gpa, SZ_1G, PERM_RW);
	ASSERT_EQ(0, vtds_flush(&self->f.unit, &desc, 1));
	EXPECT_NE(0U, self->f.unit.install_errno);

	for (__u64 at = 0; at < SZ_1G; at += 50 * SZ_2M) {
		int perm = at == hole ? PERM_NONE : PERM_RW;

		EXPECT_EQ(perm, vtds_reach(&self->f.guest, self->dev, base + at,
					   RAM_2M_GPA));
		EXPECT_EQ(perm, vtds_answer(&self->f.unit, self->dev->sid,
					    base + at, gpa + at));
	}
	EXPECT_EQ((int)PERM_RW,
		  vtds_reach(&self->f.guest, self->dev, INTERRUPTS - SZ_4K,
			     RAM_2M_GPA + SZ_2M - SZ_4K));
	EXPECT_EQ((int)PERM_RW, vtds_reach(&self->f.guest, self->dev,
					   INTERRUPTS + INTERRUPTS_SIZE,
					   RAM_2M_GPA + INTERRUPTS_SIZE));
	EXPECT_FAULT(VTD_SHADOW_FR_TABLE_UNREADABLE, self->dev, base + hole);
	EXPECT_EQ(PERM_NONE,
		  vtds_answer(&self->f.unit, self->dev->sid, INTERRUPTS, gpa));

	vtds_unmap(&self->f.table, base, SZ_1G);
	FLUSH(iotlb_pages(TABLE_DID, base, 18));
	EXPECT_DEAD(self->dev, base, RAM_2M_GPA);
	EXPECT_DEAD(self->dev, base + SZ_1G - SZ_2M, RAM_2M_GPA);
}

DMA_TEST_MAIN
