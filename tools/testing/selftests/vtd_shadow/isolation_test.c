// SPDX-License-Identifier: GPL-2.0-only
/*
 * What devices reach, from the page tables of the host, and that the comparison with the
 * guest's tables (lib/isolation.c) notices what is wrong. Nothing is wrong with the
 * engine here: the guest or the VMM does not say what it did, and the comparison is made
 * as if it had.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL

FIXTURE(isolation)
{
	struct vtds_fixture f;
	struct vtds_history history;
	struct vtds_isolation isolation;
};

/* Device 0 is on the table */
static unsigned int allow(void *arg, __u64 iova, struct vtds_allowed *allowed)
{
	FIXTURE_DATA(isolation) * self;

	self = arg;
	return vtds_history_walk(&self->history, self->f.table.root,
				 self->f.table.levels, iova, allowed, 0);
}

static int check(FIXTURE_DATA(isolation) * self)
{
	const struct vtds_window windows[] = {
		{ IOVA - SZ_2M, 3 * SZ_2M },
		{ RAM_GPA, RAM_SIZE },
	};

	return vtds_isolation_check(&self->isolation, self->f.dev[0].bdf,
				    windows, ARRAY_SIZE(windows));
}

FIXTURE_SETUP(isolation)
{
	OPEN_FIXTURE(.edu = 1);
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas,
				   self->f.guest.ram[1].hva, SPARE_GPA, SZ_2M,
				   PERM_RW));
	vtds_map_range(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	self->history.guest = &self->f.guest;
	self->isolation.guest = &self->f.guest;
	self->isolation.allow = allow;
	self->isolation.arg = self;
	if (check(self) == -ENOENT)
		SKIP(return, "nobody shows the host's page tables");
	ASSERT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
	EXPECT_EQ(2 * (512 + VTDS_BUFFER_SIZE / SZ_4K), self->isolation.pages);
}

FIXTURE_TEARDOWN(isolation)
{
	vtds_fixture_close(&self->f);
}

/* An unmap that is skipped: the guest took away a leaf, which is mapped yet */
TEST_F(isolation, stale_leaf)
{
	volatile __u64 *leaf = vtds_entry(&self->f.table, IOVA + SZ_4K, 1);

	/* As long as it has not been announced that is right */
	vtds_history_write(&self->history, leaf, 0);
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
	vtds_history_barrier(&self->history);
	EXPECT_EQ(-EPERM, check(self));
	FLUSH(iotlb_page(TABLE_DID, IOVA + SZ_4K));
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
}

/* A leaf that leads elsewhere, where the guest may well reach */
TEST_F(isolation, another_page)
{
	volatile __u64 *leaf = vtds_entry(&self->f.table, IOVA + SZ_4K, 1);

	*leaf = SPARE_GPA | SS_RW;
	EXPECT_EQ(-EPERM, check(self));
	FLUSH(iotlb_page(TABLE_DID, IOVA + SZ_4K));
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
}

/* Write where the guest permits to read. Not each host shows permissions. */
TEST_F(isolation, permission)
{
	volatile __u64 *leaf = vtds_entry(&self->f.table, IOVA, 1);

	*leaf = SPARE_GPA | SS_R;
	if (!self->isolation.whole)
		SKIP(return, "the host does not show permissions");
	EXPECT_EQ(-EPERM, check(self));
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
}

/* A chunk that is kept: other memory is behind the guest's addresses */
TEST_F(isolation, stale_chunk)
{
	struct vtds_ram *spare = &self->f.guest.ram[1];
	struct vtds_vmm *vmm = &self->f.vmm;

	ASSERT_EQ(0, fallocate(spare->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			       SZ_4K));
	*(volatile char *)spare->hva = 1;
	EXPECT_EQ(-EPERM, check(self));
	EXPECT_EQ(0, vtds_ioas_unmap(vmm, vmm->ioas, SPARE_GPA, SZ_2M));
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
	EXPECT_EQ(0, vtds_ioas_map(vmm, vmm->ioas, spare->hva, SPARE_GPA, SZ_2M,
				   PERM_RW));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
}

/* The device goes to the identity page table, and away: another guest has its table */
TEST_F(isolation, attachment)
{
	unsigned long pages = self->isolation.pages;

	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_EQ(-EPERM, check(self));
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->f.dev[0].dev_id));
	pages = self->isolation.pages;
	EXPECT_EQ(0, check(self)) TH_LOG("%s", self->isolation.said);
	EXPECT_EQ(pages, self->isolation.pages);
}

TEST_HARNESS_MAIN
