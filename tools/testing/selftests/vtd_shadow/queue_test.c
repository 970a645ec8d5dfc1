// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays of invalidation descriptors: how many are done, what stops them and
 * why, what bad memory does.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define MAX_DESCS 65536

FIXTURE(queue)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_SETUP(queue)
{
	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
	self->page = vtds_page(&self->f.guest);
}

FIXTURE_TEARDOWN(queue)
{
	vtds_fixture_close(&self->f);
}

/* --- What is accepted --- */

TEST_F(queue, all_kinds)
{
	const __u16 sid = self->dev->sid;

	FLUSH(cc_global(), cc_domain(TABLE_DID), cc_device(sid),
	      cc_device_mask(TABLE_DID, sid, 3), iotlb_global(),
	      iotlb_domain(TABLE_DID), iotlb_page(TABLE_DID, IOVA),
	      iotlb_pages(TABLE_DID, IOVA, VTDS_MAMV), dev_tlb(sid, IOVA),
	      iec_global(), iec_index(7, 3), wait_status(0x1000, 2));
	/* Drains of reads and writes, invalidation hint */
	FLUSH(DESC(DESC_IOTLB | DESC_G_GLOBAL | 3 << 6, 0),
	      DESC(DESC_IOTLB | DESC_G_SELECTIVE | DESC_DID(TABLE_DID),
		   IOVA | 1 << 6));
	/* Queue depth and size bit of a device-TLB; IF, FN, SW of a wait */
	FLUSH(DESC(DESC_DEV_TLB | 31ULL << 16 | DESC_SID(sid), IOVA | 1),
	      DESC(DESC_WAIT | 1 << 4, 0), DESC(DESC_WAIT | 1 << 6, 0),
	      DESC(DESC_WAIT | 7 << 4 | 0xffffffffULL << 32, 0x1000));
	/* Domains and devices that nobody has */
	FLUSH(iotlb_domain(0), iotlb_domain(0xffff), iotlb_page(77, IOVA),
	      cc_domain(0), cc_device(0xfff8));
	EXPECT_REACH_BUFFERS(1);
}

TEST_F(queue, none)
{
	struct vtd_shadow_invalidate result;

	ASSERT_EQ(0, vtds_invalidate(&self->f.unit, NULL, 0, &result));
	EXPECT_EQ(0U, result.done);
	EXPECT_EQ(0U, result.iqei);
}

TEST_F(queue, most)
{
	struct vtds_desc *descs = calloc(MAX_DESCS, sizeof(*descs));
	struct vtd_shadow_invalidate result;
	unsigned long before = STAT(descriptors);

	ASSERT_NE(NULL, descs);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	for (unsigned int i = 0; i < MAX_DESCS; i++)
		descs[i] = iotlb_page(TABLE_DID, IOVA - i * SZ_4K);
	ASSERT_EQ(0, vtds_invalidate(&self->f.unit, descs, MAX_DESCS, &result));
	EXPECT_EQ((unsigned int)MAX_DESCS, result.done);
	EXPECT_EQ(before + MAX_DESCS, STAT(descriptors));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	EXPECT_EQ(-EINVAL, vtds_invalidate(&self->f.unit, descs, MAX_DESCS + 1,
					   &result));
	EXPECT_EQ(-EINVAL, vtds_invalidate(&self->f.unit, descs, ~0U, &result));
	free(descs);
}

/* --- What stops it --- */

struct bad_desc {
	__u64 lo;
	__u64 hi;
	unsigned int iqei;
};

#define BAD_TYPE(_lo)                                \
	{                                            \
		_lo, 0, VTD_SHADOW_IQEI_INVALID_TYPE \
	}
#define BAD_FIELD(_lo, _hi)                              \
	{                                                \
		_lo, _hi, VTD_SHADOW_IQEI_RESERVED_FIELD \
	}

static const struct bad_desc bad_descs[] = {
	BAD_TYPE(0),
	/* Of queues with 256-bit descriptors, and unknown */
	BAD_TYPE(6 | DESC_G_DOMAIN),
	BAD_TYPE(7),
	BAD_TYPE(8),
	BAD_TYPE(9),
	BAD_TYPE(0xf),
	/* Bits 11:9 are of the type */
	BAD_TYPE(DESC_CC | DESC_G_GLOBAL | 1 << 9),
	BAD_TYPE(DESC_IOTLB | DESC_G_GLOBAL | 1 << 10),
	BAD_TYPE(DESC_WAIT | 1 << 5 | 1 << 11),
	/* Context cache */
	BAD_FIELD(DESC_CC, 0),
	BAD_FIELD(DESC_CC | DESC_G_GLOBAL | 1 << 6, 0),
	BAD_FIELD(DESC_CC | DESC_G_GLOBAL | 1 << 12, 0),
	BAD_FIELD(DESC_CC | DESC_G_GLOBAL | 1ULL << 50, 0),
	BAD_FIELD(DESC_CC | DESC_G_GLOBAL | 1ULL << 63, 0),
	BAD_FIELD(DESC_CC | DESC_G_GLOBAL, 1),
	BAD_FIELD(DESC_CC | DESC_G_GLOBAL, 1ULL << 63),
	/* IOTLB */
	BAD_FIELD(DESC_IOTLB, 0),
	BAD_FIELD(DESC_IOTLB | DESC_G_GLOBAL | 1 << 8, 0),
	BAD_FIELD(DESC_IOTLB | DESC_G_GLOBAL | 1 << 12, 0),
	BAD_FIELD(DESC_IOTLB | DESC_G_GLOBAL | 1ULL << 32, 0),
	BAD_FIELD(DESC_IOTLB | DESC_G_SELECTIVE, 1 << 7),
	BAD_FIELD(DESC_IOTLB | DESC_G_SELECTIVE, 1 << 11),
	BAD_FIELD(DESC_IOTLB | DESC_G_SELECTIVE, VTDS_MAMV + 1),
	BAD_FIELD(DESC_IOTLB | DESC_G_SELECTIVE, 0x3f),
	/* Device-TLB, without PFSID */
	BAD_FIELD(DESC_DEV_TLB | 1 << 4, 0),
	BAD_FIELD(DESC_DEV_TLB | 1 << 12, 0),
	BAD_FIELD(DESC_DEV_TLB | 1ULL << 52, 0),
	BAD_FIELD(DESC_DEV_TLB, 1 << 1),
	/* Interrupt entry cache */
	BAD_FIELD(DESC_IEC | 1 << 5, 0),
	BAD_FIELD(DESC_IEC | 1 << 26, 0),
	BAD_FIELD(DESC_IEC | 1ULL << 48, 0),
	BAD_FIELD(DESC_IEC, 1),
	/* Wait: nothing to do; page drain; reserved; address */
	BAD_FIELD(DESC_WAIT, 0),
	BAD_FIELD(DESC_WAIT | 1 << 5 | 1 << 7, 0),
	BAD_FIELD(DESC_WAIT | 1 << 5 | 1 << 8, 0),
	BAD_FIELD(DESC_WAIT | 1 << 5 | 1ULL << 31, 0),
	BAD_FIELD(DESC_WAIT | 1 << 5, 1 << 1),
};

/* What stands before the bad one is done, what follows is not */
TEST_F(queue, stops_at_a_malformed_descriptor)
{
	const __u64 second = IOVA + 64 * SZ_2M;

	/* A new table is synced as a whole: have both before it begins */
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	vtds_unmap(&self->f.table, second, SZ_4K);
	FLUSH(iotlb_domain(TABLE_DID));

	for (unsigned int i = 0; i < ARRAY_SIZE(bad_descs); i++) {
		const struct bad_desc *bad = &bad_descs[i];
		const struct vtds_desc descs[] = {
			wait_status(0x1000, 2),
			iotlb_page(TABLE_DID, IOVA),
			DESC(bad->lo, bad->hi),
			iotlb_page(TABLE_DID, second),
		};
		struct vtd_shadow_invalidate result;

		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		vtds_map(&self->f.table, second, self->page, SZ_4K, PERM_RW);
		ASSERT_EQ(0, vtds_invalidate(&self->f.unit, descs, 4, &result));
		EXPECT_EQ(2U, result.done)
		TH_LOG("descriptor %u", i);
		EXPECT_EQ(bad->iqei, result.iqei)
		TH_LOG("descriptor %u", i);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		EXPECT_DEAD(self->dev, second, self->page);

		/* Linux puts a wait in its place and goes on */
		FLUSH(wait_status(0x1000, 2), iotlb_page(TABLE_DID, second));
		EXPECT_REACH(PERM_RW, self->dev, second, self->page);

		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		vtds_unmap(&self->f.table, second, SZ_4K);
		FLUSH(iotlb_domain(TABLE_DID));
	}
}

/* A unit with a smaller MAMV takes less */
TEST_F(queue, address_mask_as_offered)
{
	struct vtds_desc desc = iotlb_pages(TABLE_DID, IOVA, 9);
	struct vtd_shadow_invalidate result;

	self->f.unit.cap &= ~CAP_MAMV(63);
	self->f.unit.cap |= CAP_MAMV(9);
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	ASSERT_EQ(0, vtds_invalidate(&self->f.unit, &desc, 1, &result));
	EXPECT_EQ(1U, result.done);
	desc.hi++;
	ASSERT_EQ(0, vtds_invalidate(&self->f.unit, &desc, 1, &result));
	EXPECT_EQ(0U, result.done);
	EXPECT_EQ((unsigned int)VTD_SHADOW_IQEI_RESERVED_FIELD, result.iqei);
}

/* --- Arguments --- */

TEST_F(queue, bad_arguments)
{
	struct vtds_desc descs[2] = { iotlb_global(), iotlb_global() };
	static const __u32 sizes[] = { 0, 1, 8, 15, 17, 24, 33, 64, ~0U };
	struct vtd_shadow_invalidate result;
	const void *odd = (char *)descs + 4;

	EXPECT_EQ(-EINVAL, vtds_invalidate(&self->f.unit, odd, 1, &result));
	EXPECT_EQ(-EFAULT, vtds_invalidate(&self->f.unit, NULL, 1, &result));
	EXPECT_EQ(0U, result.done);
	EXPECT_EQ(-EFAULT,
		  vtds_invalidate(&self->f.unit, (void *)-SZ_4K, 1, &result));

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct vtd_shadow_invalidate cmd = {
			.size = sizeof(cmd),
			.descs_uptr = (uintptr_t)descs,
			.nr_descs = 1,
			.desc_size = sizes[i],
		};

		EXPECT_EQ(-1,
			  ioctl(self->f.unit.fd, VTD_SHADOW_INVALIDATE, &cmd));
		EXPECT_EQ(EINVAL, errno);
	}

	/* 8 bytes are alignment enough */
	EXPECT_EQ(0, vtds_invalidate(&self->f.unit, (void *)&descs[0].hi - 8, 1,
				     &result));
}

/* The array runs off into nowhere: nothing of it is done */
TEST_F(queue, array_ends_in_bad_memory)
{
	const unsigned int good = SZ_4K / sizeof(struct vtds_desc);
	struct vtd_shadow_invalidate result;
	struct vtds_desc *descs;

	descs = mmap(NULL, 2 * SZ_4K, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)descs);
	ASSERT_EQ(0, mprotect((char *)descs + SZ_4K, SZ_4K, PROT_NONE));
	for (unsigned int i = 0; i < good; i++)
		descs[i] = iotlb_page(TABLE_DID, IOVA + i * SZ_4K);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);

	EXPECT_EQ(-EFAULT,
		  vtds_invalidate(&self->f.unit, descs, good + 10, &result));
	EXPECT_EQ(0U, result.done);
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/* A long array is one call: one flush of the host's IOTLB, not one per page */
TEST_F(queue, one_flush_per_call)
{
	struct vtds_desc descs[256];
	unsigned long flushes;

	for (unsigned int i = 0; i < 256; i++) {
		vtds_map(&self->f.table, IOVA + i * SZ_4K, self->page, SZ_4K,
			 PERM_RW);
		descs[i] = iotlb_page(TABLE_DID, IOVA + i * SZ_4K);
	}
	ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 256));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + 255 * SZ_4K, self->page);

	for (unsigned int i = 0; i < 256; i++)
		vtds_unmap(&self->f.table, IOVA + i * SZ_4K, SZ_4K);
	flushes = STAT(iotlb_syncs);
	ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 256));
	EXPECT_EQ(flushes + 1, STAT(iotlb_syncs));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_DEAD(self->dev, IOVA + 255 * SZ_4K, self->page);
}

TEST_HARNESS_MAIN
