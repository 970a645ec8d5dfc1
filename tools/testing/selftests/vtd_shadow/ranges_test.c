// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses that cannot be translated whatever the tables say: beyond the guest's
 * widths, and to the interrupt range.
 */
#include <errno.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

FIXTURE(ranges)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_VARIANT(ranges)
{
	bool scalable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(ranges, legacy)
{
	.scalable = false,
};

FIXTURE_VARIANT_ADD(ranges, scalable)
{
	.scalable = true,
};

/* clang-format on */

FIXTURE_SETUP(ranges)
{
	OPEN_FIXTURE(.nvme = 1, .scalable = variant->scalable);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
}

FIXTURE_TEARDOWN(ranges)
{
	vtds_fixture_close(&self->f);
}

#define REASON(_legacy, _scalable)                       \
	(variant->scalable ? VTD_SHADOW_FR_##_scalable : \
			     VTD_SHADOW_FR_##_legacy)

/* A table can have more levels than the unit has address bits */
TEST_F(ranges, guest_address_width)
{
	/* 38 bits: the first page beyond, and the last one before */
	const __u64 end = 1ULL << 38, cap = self->f.unit.cap;

	vtds_map(&self->f.table, end, self->page, SZ_4K, PERM_RW);
	vtds_map(&self->f.table, end - SZ_4K, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, end, self->page);

	self->f.unit.cap &= ~CAP_MGAW_MASK;
	self->f.unit.cap |= CAP_MGAW(38);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_DEAD(self->dev, end, self->page);
	EXPECT_FAULT(REASON(ADDR_BEYOND_WIDTH, SM_ADDR_BEYOND_WIDTH), self->dev,
		     end);
	EXPECT_REACH(PERM_RW, self->dev, end - SZ_4K, self->page);
	/* A flush of what is beyond brings nothing */
	FLUSH(iotlb_page(TABLE_DID, end), iotlb_pages(TABLE_DID, end, 18));
	EXPECT_DEAD(self->dev, end, self->page);
	EXPECT_REACH(PERM_RW, self->dev, end - SZ_4K, self->page);

	self->f.unit.cap = cap;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_REACH(PERM_RW, self->dev, end, self->page);
}

/*
 * A device never reads what is mapped for writing only unless GET_INFO said so, or the
 * host has Intel's first stage
 */
TEST_F(ranges, write_only_as_announced)
{
	bool announced = self->f.unit.info.capabilities &
			 VTD_SHADOW_INFO_WRITE_ONLY_READABLE;
	int reach;

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_W);
	FLUSH(iotlb_domain(TABLE_DID));
	reach = vtds_reach(&self->f.guest, self->dev, IOVA, self->page);
	EXPECT_EQ(on_host(PERM_W), reach);
	EXPECT_EQ(PERM_W, reach & PERM_W);
	if (!announced && !host.first_stage)
		EXPECT_EQ(PERM_W, reach);
}

/* A physical address of more bits than the guest has is a reserved bit */
TEST_F(ranges, guest_physical_address_width)
{
	const unsigned int haw = self->f.unit.haw;

	for (unsigned int bit = haw; bit < 52; bit++) {
		vtds_map(&self->f.table, IOVA, self->page | 1ULL << bit, SZ_4K,
			 PERM_RW);
		FLUSH_WITH(EPROTO, iotlb_page(TABLE_DID, IOVA));
		EXPECT_FAULT(REASON(SS_RESERVED, SM_SS_RESERVED), self->dev,
			     IOVA);
	}
	EXPECT_DEAD(self->dev, IOVA, self->page);
	/* The last bit that it has is just memory that is not there */
	vtds_map(&self->f.table, IOVA, 1ULL << (haw - 1), SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_page(TABLE_DID, IOVA));
	EXPECT_FAULT(REASON(TABLE_UNREADABLE, SM_TABLE_UNREADABLE), self->dev,
		     IOVA);
}

/*
 * The width of addresses that devices use says nothing about that of memory: the
 * tables and their targets are beyond it.
 */
TEST_F(ranges, memory_beyond_the_address_width)
{
	const __u64 gpa = 1ULL << 40, page = gpa + SZ_1M;
	struct vtds_guest *guest = &self->f.guest;
	struct vtds_table table = {
		.guest = guest, .root = gpa, .levels = 3, .did = TABLE_DID + 1
	};
	struct vtds_ram high;

	ASSERT_EQ(0, vtds_ram_add(guest, VTDS_RAM_SCATTERED, gpa, SZ_2M));
	high = guest->ram[1];
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, high.hva,
				   gpa, SZ_2M, PERM_RW));
	self->f.unit.cap &= ~(CAP_MGAW_MASK | CAP_SAGAW(4) | CAP_SAGAW(5));
	self->f.unit.cap |= CAP_MGAW(39);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));

	/* Pages from up there */
	guest->next = gpa + SZ_4K;
	guest->ram[1] = guest->ram[0];
	guest->ram[0] = high;
	vtds_fixture_map_buffers(&self->f, &table);
	vtds_map(&table, IOVA, page, SZ_4K, PERM_RW);
	vtds_fixture_use(&self->f, self->dev, &table);
	FLUSH(cc_device(self->dev->sid), iotlb_domain(table.did));
	EXPECT_ATTACHED(SHADOW, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
}

/* Presence comes first, then what is reserved; no value is a read error */
TEST_F(ranges, entries_of_all_ones)
{
	for (unsigned int level = 1; level <= 3; level++) {
		__u64 *entry, good;

		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_page(TABLE_DID, IOVA));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		entry = vtds_entry(&self->f.table, IOVA, level);
		good = *entry;
		*entry = ~0ULL;
		FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
		EXPECT_DEAD(self->dev, IOVA, self->page);
		EXPECT_FAULT(REASON(SS_RESERVED, SM_SS_RESERVED), self->dev,
			     IOVA);
		/* All but the permissions: not present, thus nothing wrong */
		*entry = ~(__u64)SS_RW;
		FLUSH(iotlb_domain(TABLE_DID));
		EXPECT_FAULT(REASON(NO_READ, SM_NO_READ), self->dev, IOVA);
		*entry = good;
		FLUSH(iotlb_domain(TABLE_DID));
	}
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* Memory that the VMM put where interrupts are must not be reached there */
TEST_F(ranges, interrupt_range_as_target)
{
	void *hva = vtds_hva(&self->f.guest, self->page);
	int rc;

	/* Hosts with such a range have iommufd refuse it */
	rc = vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, hva, INTERRUPTS,
			   SZ_4K, PERM_RW);
	if (rc)
		TH_LOG("iommufd has no memory there: %d", rc);
	vtds_map(&self->f.table, IOVA, INTERRUPTS, SZ_4K, PERM_RW);
	FLUSH_WITH(EADDRNOTAVAIL, iotlb_page(TABLE_DID, IOVA));
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->f.guest, self->dev, IOVA, self->page));
	EXPECT_FAULT(REASON(INTERRUPT_RANGE, SM_INTERRUPT_RANGE), self->dev,
		     IOVA);

	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* All of its pages, and the ones on both sides that are not of it */
TEST_F(ranges, interrupt_range_as_address)
{
	const __u64 before = INTERRUPTS - SZ_4K;
	const __u64 after = INTERRUPTS + INTERRUPTS_SIZE;

	for (__u64 at = before; at <= after; at += SZ_4K)
		vtds_map(&self->f.table, at, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, before, self->page);
	EXPECT_REACH(PERM_RW, self->dev, after, self->page);
	for (__u64 at = INTERRUPTS; at < after; at += SZ_4K)
		EXPECT_FAULT(REASON(INTERRUPT_RANGE, SM_INTERRUPT_RANGE),
			     self->dev, at);
	/* A write there is an interrupt on the host, so it is only read */
	EXPECT_EQ(2UL, STAT(pages) - VTDS_BUFFER_SIZE / SZ_4K);

	/* With translation off, too */
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_FAULT(VTD_SHADOW_FR_INTERRUPT_RANGE, self->dev, INTERRUPTS);
	EXPECT_FAULT(VTD_SHADOW_FR_INTERRUPT_RANGE, self->dev, after - 1);
}

DMA_TEST_MAIN
