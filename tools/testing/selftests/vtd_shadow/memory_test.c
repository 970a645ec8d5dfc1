// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's memory is not what the guest thinks: taken away by the VMM, with
 * holes, read-only, added later, shared by many devices.
 */
#include <errno.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* A piece of memory of its own in the IOAS, to be taken away and given back */
#define SPARE_GPA 0x400000000ULL

FIXTURE(memory)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 page; /* stays */
	void *spare; /* 4 MiB that guest pages can be mapped from */
};

FIXTURE_SETUP(memory)
{
	OPEN_SCENE(.nvme = 1);
	self->dev = &self->s.dev[0];
	self->page = vtds_page(&self->s.guest);
	/* Known to vtds_hva(), not in the IOAS yet */
	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  2 * SZ_2M));
	self->spare = vtds_hva(&self->s.guest, SPARE_GPA);
}

FIXTURE_TEARDOWN(memory)
{
	vtds_scene_close(&self->s);
}

/* The VMM gives @size bytes of the spare memory at @offset to the guest */
static int give(struct vtds_scene *scene, __u64 offset, __u64 size,
		unsigned int perm)
{
	return vtds_ioas_map(&scene->vmm, scene->vmm.ioas,
			     vtds_hva(&scene->guest, SPARE_GPA + offset),
			     SPARE_GPA + offset, size, perm);
}

static int take(struct vtds_scene *scene, __u64 offset, __u64 size)
{
	return vtds_ioas_unmap(&scene->vmm, scene->vmm.ioas, SPARE_GPA + offset,
			       size);
}

/* --- Taken away --- */

TEST_F(memory, taken_while_mapped)
{
	unsigned long pinned;

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	pinned = STAT(pinned_pages);
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	vtds_map(&self->s.table, IOVA + SZ_4K, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 1));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);

	ASSERT_EQ(0, take(&self->s, 0, SZ_2M));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_4K, self->page);
	EXPECT_EQ(pinned, STAT(pinned_pages));

	/* Gone is gone, also for a guest that insists */
	FLUSH_WITH(ENOENT, iotlb_domain(SCENE_DID));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_FAULT(FAULT_TABLE_UNREADABLE, self->dev, IOVA);

	/* And back: the VMM says so with RESYNC, the guest need not */
	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_EQ(0U, self->s.unit.install_errno);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
}

TEST_F(memory, part_of_a_superpage_taken)
{
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	ASSERT_EQ(0, give(&self->s, 0, SZ_1M, PERM_RW));
	ASSERT_EQ(0, give(&self->s, SZ_1M, SZ_1M, PERM_RW));
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);

	ASSERT_EQ(0, take(&self->s, SZ_1M, SZ_1M));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M - SZ_4K,
		     SPARE_GPA + SZ_1M - SZ_4K);
	EXPECT_DEAD(self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
	EXPECT_DEAD(self->dev, IOVA + SZ_2M - SZ_4K, SPARE_GPA + SZ_2M - SZ_4K);

	ASSERT_EQ(0, take(&self->s, 0, SZ_1M));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M - SZ_4K,
		     SPARE_GPA + SZ_2M - SZ_4K);
}

/* The guest's tables are in the memory that goes */
TEST_F(memory, tables_taken)
{
	__u64 *above = vtds_entry(&self->s.table, IOVA, 2);
	__u64 *leaf = vtds_hva(&self->s.guest, SPARE_GPA);

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	leaf[0] = self->page | SS_RW;
	*above = SPARE_GPA | SS_RW;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	ASSERT_EQ(0, take(&self->s, 0, SZ_2M));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	FLUSH_WITH(ENOENT, iotlb_domain(SCENE_DID));
	EXPECT_DEAD(self->dev, IOVA, self->page);

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

TEST_F(memory, top_and_context_tables_taken)
{
	__u64 *root = vtds_root_entry(&self->s.guest, self->dev->sid);
	struct vtds_table copy = self->s.table;
	__u64 *ctx = vtds_hva(&self->s.guest, SPARE_GPA);
	__u64 *top = vtds_hva(&self->s.guest, SPARE_GPA + SZ_4K);
	__u64 *old_top = vtds_hva(&self->s.guest, self->s.table.root);

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	for (unsigned int i = 0; i < 512; i++)
		top[i] = old_top[i];
	copy.root = SPARE_GPA + SZ_4K;
	root[0] = SPARE_GPA | 1;
	ctx[2 * (self->dev->sid & 0xff)] = copy.root | CTX_P;
	ctx[2 * (self->dev->sid & 0xff) + 1] = CTX_AW(4) | CTX_DID(SCENE_DID);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_AT_HOME(1);

	ASSERT_EQ(0, take(&self->s, 0, SZ_2M));
	EXPECT_AT_HOME(0);
	FLUSH(cc_global(), iotlb_global());
	EXPECT_AT_HOME(0);
	EXPECT_FAULT(FAULT_CTX_UNREADABLE, self->dev, IOVA);

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_AT_HOME(1);
}

/* --- Never there, or not all of it --- */

TEST_F(memory, added_later)
{
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_page(SCENE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_EQ(0U, self->s.unit.install_errno);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
}

/* The next invalidation that covers it does, too */
TEST_F(memory, added_later_and_invalidated)
{
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_page(SCENE_DID, IOVA));
	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
}

TEST_F(memory, superpage_with_a_hole)
{
	const __u64 hole = 64 * SZ_4K;

	/* All of 2 MiB but one page in the middle */
	ASSERT_EQ(0, give(&self->s, 0, hole, PERM_RW));
	ASSERT_EQ(0,
		  give(&self->s, hole + SZ_4K, SZ_2M - hole - SZ_4K, PERM_RW));
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + hole - SZ_4K,
		     SPARE_GPA + hole - SZ_4K);
	EXPECT_DEAD(self->dev, IOVA + hole, SPARE_GPA + hole);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + hole + SZ_4K,
		     SPARE_GPA + hole + SZ_4K);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M - SZ_4K,
		     SPARE_GPA + SZ_2M - SZ_4K);

	/* Filled */
	ASSERT_EQ(0, give(&self->s, hole, SZ_4K, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_EQ(0U, self->s.unit.install_errno);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + hole, SPARE_GPA + hole);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);

	vtds_unmap(&self->s.table, IOVA, SZ_2M);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);
	EXPECT_DEAD(self->dev, IOVA + hole, SPARE_GPA + hole);
	EXPECT_DEAD(self->dev, IOVA + SZ_2M - SZ_4K, SPARE_GPA + SZ_2M - SZ_4K);
}

/* --- Read-only --- */

TEST_F(memory, read_only)
{
	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_R));
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_R);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_R, self->dev, IOVA, SPARE_GPA);

	/* As ROM: the guest may say what it wants */
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_R, self->dev, IOVA, SPARE_GPA);

	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_W);
	FLUSH_WITH(EPERM, iotlb_page(SCENE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, SPARE_GPA);

	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH(PERM_R, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_R, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
}

/* Tables that the guest's processor cannot write are tables all the same */
TEST_F(memory, read_only_table)
{
	__u64 *leaf = vtds_hva(&self->s.guest, SPARE_GPA);

	leaf[0] = self->page | SS_RW;
	*vtds_entry(&self->s.table, IOVA, 2) = SPARE_GPA | SS_RW;
	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_R));
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

TEST_F(memory, superpage_with_a_read_only_part)
{
	ASSERT_EQ(0, give(&self->s, 0, SZ_1M, PERM_RW));
	ASSERT_EQ(0, give(&self->s, SZ_1M, SZ_4K, PERM_R));
	ASSERT_EQ(0, give(&self->s, SZ_1M + SZ_4K, SZ_1M - SZ_4K, PERM_RW));
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M - SZ_4K,
		     SPARE_GPA + SZ_1M - SZ_4K);
	EXPECT_REACH(PERM_R, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M + SZ_4K,
		     SPARE_GPA + SZ_1M + SZ_4K);

	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_R);
	FLUSH(iotlb_pages(SCENE_DID, IOVA, 9));
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

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	vtds_map(&self->s.table, base, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_pages(SCENE_DID, base, 9));
	EXPECT_REACH(PERM_RW, self->dev, INTERRUPTS + INTERRUPTS_SIZE,
		     SPARE_GPA + INTERRUPTS_SIZE);
	EXPECT_REACH(PERM_RW, self->dev, base + SZ_2M - SZ_4K,
		     SPARE_GPA + SZ_2M - SZ_4K);
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->s.unit, self->dev->sid,
					 INTERRUPTS, SPARE_GPA));
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->s.unit, self->dev->sid,
					 INTERRUPTS + INTERRUPTS_SIZE - SZ_4K,
					 SPARE_GPA + INTERRUPTS_SIZE - SZ_4K));
}

/* --- How much is pinned --- */

FIXTURE(pins)
{
	struct vtds_scene s;
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
	OPEN_SCENE(.edu = variant->devices);
}

FIXTURE_TEARDOWN(pins)
{
	vtds_scene_close(&self->s);
}

/* All of memory mapped for every device: it is pinned once, not once for each */
TEST_F(pins, as_much_as_memory)
{
	const long ram_kb = RAM_SIZE / 1024;

	vtds_map_range(&self->s.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
	EXPECT_EQ(RAM_SIZE / SZ_4K, STAT(pinned_pages));
	for (unsigned int i = 0; i < variant->devices; i++)
		EXPECT_EQ((int)PERM_RW,
			  vtds_answer(&self->s.unit, self->s.dev[i].sid,
				      IOVA + RAM_SIZE - SZ_4K,
				      RAM_GPA + RAM_SIZE - SZ_4K));

	/* Each device on a copy of the table: still once */
	for (unsigned int i = 0; i < variant->devices; i++) {
		struct vtds_table copy;

		vtds_table_init(&copy, &self->s.guest, 4, SCENE_DID + i);
		vtds_map_range(&copy, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
		vtds_scene_map_homes(&self->s, &copy);
		vtds_ctx_use(&self->s.guest, self->s.dev[i].sid, &copy);
	}
	FLUSH(cc_global(), iotlb_global());
	EXPECT_EQ((unsigned long)variant->devices, STAT(domains));
	EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
	EXPECT_AT_HOME((1U << variant->devices) - 1);

	/* A closed unit pins nothing */
	vtds_unit_close(&self->s.unit);
	EXPECT_EQ(0, vtds_vm_pin_kb());
}

/* --- While DMA runs --- */

FIXTURE(busy)
{
	struct vtds_scene s;
	struct vtds_load load;
};

/* The device writes to pages that stay; the spare memory is mapped next to it */
FIXTURE_SETUP(busy)
{
	OPEN_SCENE(.edu = 1, .nvme = 1);
	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  2 * SZ_2M));
	self->load.dev = &self->s.dev[1];
	self->load.guest = &self->s.guest;
	self->load.nr = 64;
	self->load.skip = -1;
	for (unsigned int i = 0; i < self->load.nr; i++) {
		self->load.iova[i] = IOVA + 2 * i * SZ_4K;
		self->load.gpa[i] = vtds_page(&self->s.guest);
		vtds_map(&self->s.table, self->load.iova[i], self->load.gpa[i],
			 SZ_4K, PERM_RW);
		vtds_map(&self->s.table, self->load.iova[i] + SZ_4K,
			 SPARE_GPA + i * SZ_4K, SZ_4K, PERM_RW);
	}
	vtds_map(&self->s.table, IOVA + SZ_2M, SPARE_GPA + SZ_2M, SZ_2M,
		 PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_domain(SCENE_DID));
	ASSERT_EQ(0, vtds_load_start(&self->load));
}

FIXTURE_TEARDOWN(busy)
{
	vtds_load_stop(&self->load);
	vtds_scene_close(&self->s);
}

/* What is not taken does not notice */
TEST_F(busy, taken_next_to_running_dma)
{
	struct vtds_dev *other = &self->s.dev[0];

	for (unsigned int i = 0; i < 5; i++) {
		ASSERT_EQ(0, give(&self->s, 0, 2 * SZ_2M, PERM_RW));
		ASSERT_EQ(0, vtds_resync(&self->s.unit));
		EXPECT_EQ(0U, self->s.unit.install_errno);
		EXPECT_REACH(PERM_RW, other, IOVA + SZ_4K, SPARE_GPA);
		vtds_load_wait(&self->load, 100);

		ASSERT_EQ(0, take(&self->s, 0, 2 * SZ_2M));
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

	ASSERT_EQ(0, give(&self->s, 0, 2 * SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	vtds_load_stop(&self->load);
	for (unsigned int i = 0; i < 64; i++) {
		self->load.iova[i] = IOVA + SZ_2M + i * SZ_4K;
		self->load.gpa[i] = SPARE_GPA + SZ_2M + i * SZ_4K;
	}
	ASSERT_EQ(0, vtds_load_start(&self->load));
	vtds_load_wait(&self->load, 200);
	EXPECT_EQ(0UL, self->load.misses);

	ASSERT_EQ(0, take(&self->s, SZ_2M, SZ_2M) == 0 ? -1 : 0)
	TH_LOG("half of an area could be taken");
	ASSERT_EQ(0, take(&self->s, 0, 2 * SZ_2M));
	/* The one that was on its way */
	vtds_load_wait(&self->load, 1);
	misses = self->load.misses;
	vtds_load_wait(&self->load, 100);
	EXPECT_LE(misses + 99, self->load.misses);

	ASSERT_EQ(0, give(&self->s, 0, 2 * SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	vtds_load_wait(&self->load, 1);
	misses = self->load.misses;
	vtds_load_wait(&self->load, 100);
	EXPECT_EQ(misses, self->load.misses);
}

/* --- The interrupt range in 1 GiB --- */

FIXTURE(gigabyte)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(gigabyte)
{
	OPEN_SCENE(.nvme = 1, .ram_2m = true);
	self->dev = &self->s.dev[0];
}

FIXTURE_TEARDOWN(gigabyte)
{
	vtds_scene_close(&self->s);
}

/* 1 GiB of guest memory that is the same 2 MiB over and over, but for a hole */
TEST_F(gigabyte, interrupt_range_and_hole)
{
	const __u64 base = 0xc0000000, gpa = 0x200000000ULL;
	const struct vtds_desc desc = iotlb_pages(SCENE_DID, base, 18);
	const __u64 hole = 100 * SZ_2M;
	void *hva = vtds_hva(&self->s.guest, RAM_2M_GPA);

	for (__u64 at = 0; at < SZ_1G; at += SZ_2M)
		if (at != hole)
			ASSERT_EQ(0,
				  vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas,
						hva, gpa + at, SZ_2M, PERM_RW));
	vtds_map(&self->s.table, base, gpa, SZ_1G, PERM_RW);
	ASSERT_EQ(0, vtds_flush(&self->s.unit, &desc, 1));
	EXPECT_NE(0U, self->s.unit.install_errno);

	for (__u64 at = 0; at < SZ_1G; at += 50 * SZ_2M) {
		int perm = at == hole ? PERM_NONE : PERM_RW;

		EXPECT_EQ(perm, vtds_reach(&self->s.guest, self->dev, base + at,
					   RAM_2M_GPA));
		EXPECT_EQ(perm, vtds_answer(&self->s.unit, self->dev->sid,
					    base + at, gpa + at));
	}
	EXPECT_EQ((int)PERM_RW,
		  vtds_reach(&self->s.guest, self->dev, INTERRUPTS - SZ_4K,
			     RAM_2M_GPA + SZ_2M - SZ_4K));
	EXPECT_EQ((int)PERM_RW, vtds_reach(&self->s.guest, self->dev,
					   INTERRUPTS + INTERRUPTS_SIZE,
					   RAM_2M_GPA + INTERRUPTS_SIZE));
	EXPECT_FAULT(FAULT_TABLE_UNREADABLE, self->dev, base + hole);
	EXPECT_EQ(PERM_NONE,
		  vtds_answer(&self->s.unit, self->dev->sid, INTERRUPTS, gpa));

	vtds_unmap(&self->s.table, base, SZ_1G);
	FLUSH(iotlb_pages(SCENE_DID, base, 18));
	EXPECT_DEAD(self->dev, base, RAM_2M_GPA);
	EXPECT_DEAD(self->dev, base + SZ_1G - SZ_2M, RAM_2M_GPA);
}

DMA_TEST_MAIN
