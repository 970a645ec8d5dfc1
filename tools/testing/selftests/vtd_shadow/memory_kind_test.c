// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory other than plain RAM: write-only, given back and taken again, filled on demand,
 * damaged; and IOVA that the host keeps for itself.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL

FIXTURE(kinds)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	char *hva;
};

FIXTURE_SETUP(kinds)
{
	struct vtds_guest *guest = &self->f.guest;

	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
	/* A chunk of its own, seen by address lookups of the library */
	self->hva = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->hva);
	guest->ram[guest->nr_ram++] = (struct vtds_ram){
		.gpa = SPARE_GPA,
		.size = SZ_2M,
		.hva = self->hva,
	};
}

FIXTURE_TEARDOWN(kinds)
{
	vtds_fixture_close(&self->f);
}

static int give(struct vtds_fixture *f, __u64 offset, __u64 size,
		unsigned int perm)
{
	return vtds_ioas_map(&f->vmm, f->vmm.ioas,
			     (char *)f->guest.ram[1].hva + offset,
			     SPARE_GPA + offset, size, perm);
}

/*
 * Memory that devices may only write: where the host cannot express that they get
 * nothing, whatever the guest says.
 */
TEST_F(kinds, write_only)
{
	const __u64 places[] = { SZ_1M, SZ_2M - SZ_4K };

	ASSERT_EQ(0, give(&self->f, 0, SZ_1M, PERM_RW));
	ASSERT_EQ(0, give(&self->f, SZ_1M, SZ_1M, PERM_W));
	for (unsigned int super = 0; super < 2; super++) {
		if (super)
			vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_2M,
				 PERM_RW);
		else
			vtds_map_range(&self->f.table, IOVA, SPARE_GPA, SZ_2M,
				       PERM_RW);
		ASSERT_EQ(0, vtds_flush(&self->f.unit,
					DESCS(iotlb_domain(TABLE_DID)), 1));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
		for (unsigned int i = 0; i < 2; i++) {
			int reach = vtds_reach(&self->f.guest, self->dev,
					       IOVA + places[i],
					       SPARE_GPA + places[i]);

			EXPECT_EQ(0, reach & PERM_R);
			EXPECT_EQ(reach,
				  vtds_answer(&self->f.unit, self->dev->sid,
					      IOVA + places[i],
					      SPARE_GPA + places[i]));
			EXPECT_EQ(reach ? 0 : EPERM,
				  (int)self->f.unit.install_errno);
			EXPECT_EQ(host.intel ? PERM_NONE : PERM_W, reach);
		}
		*vtds_entry(&self->f.table, IOVA, 2) = 0;
		FLUSH(iotlb_domain(TABLE_DID));
	}
	/* The guest wants to write only what may be read and written: that is another thing */
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_W);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_W, self->dev, IOVA, SPARE_GPA);
}

/* Nor does the unit read it: as tables such memory is none */
TEST_F(kinds, tables_in_write_only_memory)
{
	__u64 *leaf = vtds_hva(&self->f.guest, SPARE_GPA);
	__u64 page = vtds_page(&self->f.guest);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_W));
	leaf[0] = page | SS_RW;
	*vtds_entry(&self->f.table, IOVA, 2) = SPARE_GPA | SS_RW;
	FLUSH_WITH(EPERM, iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, page);
	EXPECT_FAULT(VTD_SHADOW_FR_TABLE_UNREADABLE, self->dev, IOVA);
}

/*
 * A page that the VMM gave back and took again is another one. As long as its chunk is
 * pinned devices would go on with the old one, so a VMM lets go of it before.
 */
TEST_F(kinds, given_back_and_taken_again)
{
	struct vtd_shadow_resync resync = {
		.size = sizeof(resync), .flags = VTD_SHADOW_RESYNC_RELEASE
	};
	unsigned long pinned;

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, IOVA));

	pinned = STAT(pinned_pages);
	ASSERT_EQ(0, ioctl(self->f.unit.fd, VTD_SHADOW_RESYNC, &resync));
	EXPECT_EQ(pinned - SZ_2M / SZ_4K, STAT(pinned_pages));
	ASSERT_EQ(0, madvise(self->hva, SZ_4K, MADV_DONTNEED));
	self->hva[0] = 1;
	vtds_map(&self->f.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	/* What is in use stays */
	resync.flags = VTD_SHADOW_RESYNC_RELEASE;
	pinned = STAT(pinned_pages);
	ASSERT_EQ(0, ioctl(self->f.unit.fd, VTD_SHADOW_RESYNC, &resync));
	EXPECT_EQ(pinned, STAT(pinned_pages));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
}

static void *answer_faults(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage zero = {
			.range.start = msg.arg.pagefault.address & ~(SZ_4K - 1),
			.range.len = SZ_4K,
		};

		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		vtds_sleep_ms(1);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

/* Memory that comes when it is touched, from another thread, as after a migration */
TEST_F(kinds, userfaultfd_answers)
{
	pthread_t thread;
	int fd;

	if (access("/proc/sys/vm/unprivileged_userfaultfd", F_OK))
		SKIP(return, "no userfaultfd here");
	ASSERT_EQ(0, madvise(self->hva, SZ_2M, MADV_DONTNEED));
	fd = vtds_withhold(self->hva, SZ_2M, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer_faults, &fd));
	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	vtds_map_range(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	close(fd);
}

/* --- What the host keeps for itself --- */

TEST_F(kinds, what_the_host_reserves)
{
	struct vtd_shadow_reserved ranges[8];
	struct vtd_shadow_get_info info = {
		.size = sizeof(info),
		.flags = VTD_SHADOW_INFO_DEVICE,
		.dev_id = self->dev->dev_id,
		.nr_reserved = 8,
		.reserved_uptr = (unsigned long)ranges,
	};
	bool interrupts = false, reserved = false;
	__u32 nr;

	ASSERT_EQ(0, ioctl(self->f.unit.fd, VTD_SHADOW_GET_INFO, &info));
	ASSERT_LE(1U, info.nr_reserved);
	ASSERT_GE(8U, info.nr_reserved);
	nr = info.nr_reserved;
	for (__u32 i = 0; i < nr; i++) {
		EXPECT_LT(ranges[i].first, ranges[i].last);
		interrupts |= ranges[i].first <= INTERRUPTS &&
			      ranges[i].last >= INTERRUPTS;
		reserved |= ranges[i].first == host.reserved;
	}
	EXPECT_TRUE(interrupts);
	EXPECT_EQ(!!host.reserved, reserved);

	/* No room: only the number */
	info.nr_reserved = 0;
	info.reserved_uptr = 0;
	ASSERT_EQ(0, ioctl(self->f.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(nr, info.nr_reserved);
	info.dev_id = self->f.vmm.ioas;
	EXPECT_EQ(-1, ioctl(self->f.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(ENOENT, errno);
	info.flags = 0;
	EXPECT_EQ(-1, ioctl(self->f.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

/* --- Damaged memory, last: the kernel may hand it out again --- */

static void do_nothing(int sig)
{
}

/* Damaged memory, before it is pinned and after: no table is read there */
TEST_F(kinds, poisoned)
{
	__u64 *leaf = vtds_hva(&self->f.guest, SPARE_GPA + SZ_4K);
	__u64 page = vtds_page(&self->f.guest);

	ASSERT_EQ(0, give(&self->f, 0, SZ_2M, PERM_RW));
	leaf[0] = page | SS_RW;
	*vtds_entry(&self->f.table, IOVA, 2) = (SPARE_GPA + SZ_4K) | SS_RW;
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);

	/* The kernel tells who has it mapped, and this process knows */
	signal(SIGBUS, do_nothing);
	if (madvise(leaf, SZ_4K, MADV_HWPOISON) && errno == EINVAL)
		SKIP(return, "no MADV_HWPOISON here");
	FLUSH_WITH(EHWPOISON, iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->dev, IOVA, page);
	vtds_map(&self->f.table, IOVA + SZ_2M, SPARE_GPA + 2 * SZ_4K, SZ_4K,
		 PERM_RW);
	FLUSH_WITH(EHWPOISON, iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M, SPARE_GPA + 2 * SZ_4K);
	*vtds_entry(&self->f.table, IOVA, 2) = 0;
	FLUSH(iotlb_domain(TABLE_DID));
}

DMA_TEST_MAIN
