// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages an invalidation reaches, up to where the host ends, and what DMA that runs
 * notices of invalidations next to it.
 */
#include <errno.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* --- Page-selective invalidation --- */

FIXTURE(range)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(range)
{
	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
}

FIXTURE_TEARDOWN(range)
{
	vtds_fixture_close(&self->f);
}

TEST_F(range, every_address_mask)
{
	/* Aligned to the largest block, 2^VTDS_MAMV pages */
	const __u64 base = 0x4000000000ULL;

	for (unsigned int am = 0; am <= VTDS_MAMV; am++) {
		__u64 last = base + (SZ_4K << am) - SZ_4K;

		vtds_map(&self->f.table, base, self->page, SZ_4K, PERM_RW);
		vtds_map(&self->f.table, last, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_pages(TABLE_DID, base, am));
		EXPECT_REACH(PERM_RW, self->dev, base, self->page);
		EXPECT_REACH(PERM_RW, self->dev, last, self->page);

		vtds_unmap(&self->f.table, base, SZ_4K);
		vtds_unmap(&self->f.table, last, SZ_4K);
		FLUSH(iotlb_pages(TABLE_DID, base, am));
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
			vtds_map(&self->f.table, iovas[i], self->page, SZ_4K,
				 PERM_RW);
		FLUSH(iotlb_pages(TABLE_DID, addr, am));
		for (unsigned int i = 0; i < ARRAY_SIZE(iovas); i++)
			EXPECT_REACH(PERM_RW, self->dev, iovas[i], self->page);

		for (unsigned int i = 0; i < ARRAY_SIZE(iovas); i++)
			vtds_unmap(&self->f.table, iovas[i], SZ_4K);
		FLUSH(iotlb_pages(TABLE_DID, addr, am));
		for (unsigned int i = 0; i < ARRAY_SIZE(iovas); i++)
			EXPECT_DEAD(self->dev, iovas[i], self->page);
	}
}

/* The host's last page and the one after it, in a table of 57 bits */
TEST_F(range, beyond_the_host)
{
	struct vtds_table *table = &self->f.table;
	const __u64 beyond = (host.last & ~(SZ_4K - 1)) + SZ_4K;

	if (host.last >> 57)
		SKIP(return, "the host maps all that a guest can");
	vtds_table_init(table, &self->f.guest, 5, TABLE_DID);
	vtds_fixture_map_buffers(&self->f, table);
	vtds_map(table, beyond, self->page, SZ_4K, PERM_RW);
	vtds_map(table, beyond - SZ_4K, self->page, SZ_4K, PERM_RW);
	vtds_ctx_use(&self->f.guest, self->dev->sid, table);
	FLUSH_WITH(ERANGE, cc_device(self->dev->sid), iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, beyond - SZ_4K, self->page);
	EXPECT_DEAD(self->dev, beyond, self->page);
	EXPECT_FAULT(VTD_SHADOW_FR_TABLE_UNREADABLE, self->dev, beyond);
}

/* The first page that the host keeps for itself, and the one before it */
TEST_F(range, reserved_by_the_host)
{
	const __u64 iova = host.reserved & ~(SZ_4K - 1);
	struct vtd_shadow_event events[2];

	if (!host.reserved)
		SKIP(return, "the host reserves interrupts only");
	vtds_map(&self->f.table, iova - SZ_4K, self->page, SZ_4K, PERM_RW);
	vtds_map(&self->f.table, iova, self->page, SZ_4K, PERM_RW);
	FLUSH_WITH(EADDRINUSE, iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, iova - SZ_4K, self->page);
	EXPECT_DEAD(self->dev, iova, self->page);

	/* The VMM is told once, with a reason of its own */
	ASSERT_EQ(1, vtds_events(&self->f.unit, events, 2));
	EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_INSTALL, events[0].type);
	EXPECT_EQ((unsigned int)EADDRINUSE, events[0].error);
	EXPECT_EQ(iova, events[0].iova);
	FLUSH_WITH(EADDRINUSE, iotlb_page(TABLE_DID, iova));
	EXPECT_EQ(0, vtds_events(&self->f.unit, events, 2));
	vtds_unmap(&self->f.table, iova, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, iova));
}

/* --- While DMA runs --- */

FIXTURE(busy)
{
	struct vtds_fixture f;
	struct vtds_load load;
	__u64 gpa;
};

/* The device writes to 512 neighbouring pages in turn */
FIXTURE_SETUP(busy)
{
	OPEN_FIXTURE(.nvme = 1, .edu = 1, .ram_4k = 8 * SZ_1M);
	self->gpa = vtds_pages(&self->f.guest, SZ_2M, SZ_2M);
	vtds_map_range(&self->f.table, IOVA, self->gpa, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));

	self->load.dev = &self->f.dev[1];
	self->load.guest = &self->f.guest;
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
	vtds_fixture_close(&self->f);
}

TEST_F(busy, one_of_512_unmapped_and_mapped)
{
	struct vtds_dev *other = &self->f.dev[0];
	const unsigned int victims[] = { 0, 1, 255, 256, 511 };

	for (unsigned int i = 0; i < ARRAY_SIZE(victims); i++) {
		__u64 at = victims[i] * SZ_4K;

		__atomic_store_n(&self->load.skip, victims[i],
				 __ATOMIC_RELEASE);
		vtds_load_wait(&self->load, 2);
		vtds_unmap(&self->f.table, IOVA + at, SZ_4K);
		FLUSH(iotlb_page(TABLE_DID, IOVA + at));
		EXPECT_DEAD(other, IOVA + at, self->gpa + at);
		vtds_load_wait(&self->load, 600);

		vtds_map(&self->f.table, IOVA + at, self->gpa + at, SZ_4K,
			 PERM_RW);
		FLUSH(iotlb_page(TABLE_DID, IOVA + at));
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
	__u64 *leaves = vtds_entry(&self->f.table, IOVA, 1);
	__u64 *above = vtds_entry(&self->f.table, IOVA, 2);
	unsigned long unmapped = STAT(host_unmaps);

	for (unsigned int i = 0; i < 20; i++) {
		for (unsigned int j = 0; j < 512; j++)
			leaves[j] ^= ignored;
		*above ^= ignored;
		FLUSH(iotlb_domain(TABLE_DID));
		vtds_load_wait(&self->load, 20);
	}
	EXPECT_LT(400UL, vtds_load_rounds(&self->load));
	EXPECT_EQ(0, self->load.misses);
	EXPECT_EQ(unmapped, STAT(host_unmaps));
}

/* A guest that tidies up: 512 leaves become the one of 2 MiB that they amount to */
TEST_F(busy, table_becomes_superpage)
{
	__u64 *above = vtds_entry(&self->f.table, IOVA, 2);
	unsigned long unmapped = STAT(host_unmaps), mapped = STAT(host_maps);

	*above = self->gpa | SS_RW | SS_PS;
	FLUSH(iotlb_pages(TABLE_DID, IOVA, 9));
	vtds_load_wait(&self->load, 1200);
	EXPECT_EQ(0, self->load.misses);
	EXPECT_EQ(unmapped, STAT(host_unmaps));
	EXPECT_EQ(mapped, STAT(host_maps));

	/* And it is a leaf of 2 MiB that goes */
	vtds_load_stop(&self->load);
	*above = 0;
	FLUSH(iotlb_page(TABLE_DID, IOVA + SZ_1M));
	EXPECT_DEAD(&self->f.dev[0], IOVA, self->gpa);
	EXPECT_DEAD(&self->f.dev[0], IOVA + SZ_2M - SZ_4K,
		    self->gpa + SZ_2M - SZ_4K);
	*above = self->gpa | SS_RW | SS_PS;
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

/* Flushes of everything, over tables that change next to what DMA goes to */
TEST_F(busy, flushes_over_unchanged_pages)
{
	const __u64 elsewhere = IOVA + SZ_2M, page = vtds_page(&self->f.guest);
	unsigned long unmapped;

	for (unsigned int i = 0; i < 300; i++) {
		vtds_map(&self->f.table, elsewhere + (i & 255) * SZ_4K, page,
			 SZ_4K, PERM_RW);
		FLUSH(iotlb_domain(TABLE_DID), cc_global(), iotlb_global());
		vtds_unmap(&self->f.table, elsewhere + (i & 255) * SZ_4K,
			   SZ_4K);
		FLUSH(iotlb_pages(TABLE_DID, IOVA, 12));
	}
	vtds_load_wait(&self->load, 1000);
	EXPECT_EQ(0, self->load.misses);

	/* Nothing changed: nothing may be touched */
	unmapped = STAT(host_unmaps);
	FLUSH(iotlb_domain(TABLE_DID), iotlb_global(), cc_global());
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_EQ(unmapped, STAT(host_unmaps));
}

DMA_TEST_MAIN
