// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADD_DEVICE, REMOVE_DEVICE and TRANSLATE: source-ids, who may have a device, identity
 * page tables, and the errors that these calls document.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define NO_ID 0x7fffff

static int do_ioctl(int fd, unsigned long nr, void *arg)
{
	return ioctl(fd, nr, arg) ? -errno : 0;
}

FIXTURE(devices)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
	__u16 sids[64];
};

/* The device is bound to iommufd, and nothing more */
FIXTURE_SETUP(devices)
{
	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
	for (unsigned int i = 0; i < ARRAY_SIZE(self->sids); i++)
		self->sids[i] = self->dev->sid + i;
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
}

FIXTURE_TEARDOWN(devices)
{
	vtds_fixture_close(&self->f);
}

static int add(struct vtds_fixture *f, const __u16 *sids, __u32 nr)
{
	return vtds_add_device(&f->unit, f->dev[0].dev_id, f->vmm.ioas, sids,
			       nr);
}

TEST_F(devices, source_ids)
{
	__u32 max = self->f.unit.info.max_source_ids;

	ASSERT_LT(max, ARRAY_SIZE(self->sids));
	EXPECT_EQ(-EINVAL, add(&self->f, self->sids, 0));
	EXPECT_EQ(-EINVAL, add(&self->f, self->sids, max + 1));
	EXPECT_EQ(-EINVAL, add(&self->f, self->sids, ~0U));
	EXPECT_EQ(-EFAULT, add(&self->f, NULL, 1));
	EXPECT_EQ(-EFAULT, add(&self->f, (void *)-SZ_4K, 1));

	self->sids[2] = self->sids[0];
	EXPECT_EQ(-EINVAL, add(&self->f, self->sids, 3));
	self->sids[2] = self->dev->sid + 2;

	for (unsigned int i = 0; i < max; i++)
		vtds_ctx_use(&self->f.guest, self->sids[i], &self->f.table);
	EXPECT_EQ(0, add(&self->f, self->sids, max));
	EXPECT_REACH_BUFFERS(1);
	for (unsigned int i = 0; i < max; i++)
		EXPECT_EQ((int)PERM_RW,
			  vtds_answer(&self->f.unit, self->sids[i],
				      self->dev->buffer, self->dev->buffer));
}

TEST_F(devices, who_has_it)
{
	struct vtds_unit second;
	struct vtds_vmm other;

	ASSERT_EQ(0, vtds_unit_open(&second));
	ASSERT_EQ(0, vtds_unit_bind(&second, &self->f.vmm, 0, 0));

	EXPECT_EQ(-ENOENT, vtds_add_device(&self->f.unit, NO_ID,
					   self->f.vmm.ioas, self->sids, 1));
	/* The id of something else */
	EXPECT_EQ(-ENOENT, vtds_add_device(&self->f.unit, self->f.vmm.ioas,
					   self->f.vmm.ioas, self->sids, 1));

	EXPECT_EQ(0, add(&self->f, self->sids, 1));
	EXPECT_EQ(-EBUSY, add(&self->f, self->sids, 1));
	EXPECT_EQ(-EBUSY, vtds_add_device(&second, self->dev->dev_id,
					  self->f.vmm.ioas, self->sids, 1));
	EXPECT_EQ(-ENOENT, vtds_remove_device(&second, self->dev->dev_id));
	EXPECT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	EXPECT_EQ(0, vtds_add_device(&second, self->dev->dev_id,
				     self->f.vmm.ioas, self->sids, 1));
	EXPECT_EQ(-EBUSY, add(&self->f, self->sids, 1));
	vtds_unit_close(&second);
	EXPECT_EQ(0, add(&self->f, self->sids, 1));
	EXPECT_REACH_BUFFERS(1);

	/* A unit of another iommufd does not know it */
	EXPECT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	ASSERT_EQ(0, vtds_vmm_open(&other));
	ASSERT_EQ(0, vtds_unit_open(&second));
	ASSERT_EQ(0, vtds_unit_bind(&second, &other, 0, 0));
	EXPECT_EQ(-ENOENT, vtds_add_device(&second, self->dev->dev_id,
					   other.ioas, self->sids, 1));
	vtds_unit_close(&second);
	vtds_vmm_close(&other);
}

TEST_F(devices, the_vmm_has_it)
{
	ASSERT_EQ(0, vtds_dev_attach(self->dev, self->f.vmm.ioas));
	EXPECT_EQ(-EBUSY, add(&self->f, self->sids, 1));
	EXPECT_EQ(1U, vtds_reach_buffers(self->dev, 1));

	ASSERT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_EQ(0, add(&self->f, self->sids, 1));
	EXPECT_REACH_BUFFERS(1);
}

TEST_F(devices, the_unit_has_it)
{
	__u64 page = vtds_page(&self->f.guest);

	vtds_map(&self->f.table, IOVA, page, SZ_4K, PERM_RW);
	ASSERT_EQ(0, add(&self->f, self->sids, 1));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);

	EXPECT_EQ(-EBUSY, vtds_dev_attach(self->dev, self->f.vmm.ioas));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);

	/* On the identity page table, too */
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_REACH(PERM_RW, self->dev, page, page);
	EXPECT_EQ(-EBUSY, vtds_dev_attach(self->dev, self->f.vmm.ioas));
	EXPECT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_REACH(PERM_RW, self->dev, page, page);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
}

/* Something that is no page table is refused, and the device is still free */
TEST_F(devices, bad_identity_page_table)
{
	const __u32 ids[] = { NO_ID, 0, self->dev->dev_id };

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++)
		EXPECT_EQ(-EINVAL,
			  vtds_add_device(&self->f.unit, self->dev->dev_id,
					  ids[i], self->sids, 1));
	EXPECT_EQ(0UL, STAT(devices));
	ASSERT_EQ(0, vtds_dev_attach(self->dev, self->f.vmm.ioas));
	EXPECT_EQ(1U, vtds_reach_buffers(self->dev, 1));
	ASSERT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_EQ(0, add(&self->f, self->sids, 1));
	EXPECT_REACH_BUFFERS(1);
}

/* An IOAS of the VMM with other memory where the guest has its own */
static int other_ioas(struct vtds_fixture *f, void *memory, __u32 *ioas)
{
	return vtds_ioas_alloc(&f->vmm, ioas) ?:
		       vtds_ioas_map(&f->vmm, *ioas, memory, RAM_GPA, SZ_2M,
				     PERM_RW);
}

static void *other_memory(void)
{
	return mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

#define ALLOC_HWPT(_ioas, _hwpt)                                           \
	do {                                                               \
		int _rc = vtds_hwpt_alloc(&self->f.vmm, self->dev->dev_id, \
					  _ioas, _hwpt);                   \
		if (_rc == -EADDRINUSE)                                    \
			SKIP(return, "no page table without a device");    \
		ASSERT_EQ(0, _rc);                                         \
	} while (0)

/* Another IOAS of the same iommufd, with other memory or none, and HWPTs on it */
TEST_F(devices, identity_page_table_elsewhere)
{
	void *memory = other_memory();
	__u32 ids[4];

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, other_ioas(&self->f, memory, &ids[0]));
	ASSERT_EQ(0, vtds_ioas_alloc(&self->f.vmm, &ids[1]));
	ALLOC_HWPT(ids[0], &ids[2]);
	ALLOC_HWPT(ids[1], &ids[3]);
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(-EINVAL,
			  vtds_add_device(&self->f.unit, self->dev->dev_id,
					  ids[i], self->sids, 1))
		TH_LOG("id %u", i);
	}
	EXPECT_EQ(0UL, STAT(devices));
	/* None of them is in use by it */
	for (unsigned int i = ARRAY_SIZE(ids); i--;)
		EXPECT_EQ(0, vtds_destroy(&self->f.vmm, ids[i]));
	EXPECT_EQ(0, add(&self->f, self->sids, 1));
	EXPECT_REACH_BUFFERS(1);
}

/* What the id names, and what that maps, is the VMM's to change */
TEST_F(devices, identity_page_table_changes)
{
	struct vtds_vmm *vmm = &self->f.vmm;
	struct vtd_shadow_translate result;
	void *memory = other_memory();
	__u32 ioas, hwpt, other;

	ASSERT_NE(MAP_FAILED, memory);
	ALLOC_HWPT(vmm->ioas, &hwpt);
	ASSERT_EQ(0, vtds_add_device(&self->f.unit, self->dev->dev_id, hwpt,
				     self->sids, 1));
	EXPECT_REACH_BUFFERS(1);
	/* Another one gets the number while the device is on its table */
	ASSERT_EQ(0, other_ioas(&self->f, memory, &ioas));
	ASSERT_EQ(0, vtds_destroy(vmm, hwpt));
	ALLOC_HWPT(ioas, &other);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_EQ(other == hwpt ? EINVAL : ENOENT,
		  (int)self->f.unit.install_errno);
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));

	/* An IOAS with the guest's memory passes, until that memory goes */
	ASSERT_EQ(0, vtds_ioas_unmap(vmm, ioas, RAM_GPA, SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(vmm, ioas, vtds_hva(&self->f.guest, RAM_GPA),
				   RAM_GPA, RAM_SIZE, PERM_RW));
	ASSERT_EQ(0, vtds_add_device(&self->f.unit, self->dev->dev_id, other,
				     self->sids, 1));
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_EQ(0, vtds_translate(&self->f.unit, self->dev->sid,
				    self->dev->buffer, &result));
	ASSERT_EQ(0, vtds_ioas_unmap(vmm, ioas, RAM_GPA, RAM_SIZE));
	EXPECT_EQ(-EIO, vtds_translate(&self->f.unit, self->dev->sid,
				       self->dev->buffer, &result));
}

TEST_F(devices, translate_arguments)
{
	struct vtd_shadow_translate cmd = {
		.size = sizeof(cmd),
		.source_id = self->dev->sid,
		.iova = self->dev->buffer,
	};
	int fd = self->f.unit.fd;

	EXPECT_EQ(-ENOENT, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	ASSERT_EQ(0, add(&self->f, self->sids, 1));
	cmd.pasid = 1;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	cmd.flags = VTD_SHADOW_TRANSLATE_PASID;
	cmd.pasid = 1U << 20;
	EXPECT_EQ(-EINVAL, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	/* In legacy mode no such request is translated */
	cmd.pasid = (1U << 20) - 1;
	EXPECT_EQ(0, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	EXPECT_EQ(0U, cmd.perm);
	EXPECT_EQ((unsigned int)VTD_SHADOW_ATTACHED_BLOCKED, cmd.attachment);
	cmd.flags = 0;
	cmd.pasid = 0;
	cmd.source_id = 0x10000 | self->dev->sid;
	EXPECT_EQ(-EINVAL, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	cmd.source_id = self->dev->sid;
	/* Within a page, and beyond all there is */
	cmd.iova = self->dev->buffer + 0x123;
	EXPECT_EQ(0, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	EXPECT_EQ(self->dev->buffer + 0x123, cmd.gpa);
	cmd.iova = ~0ULL;
	EXPECT_EQ(0, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	EXPECT_EQ(0U, cmd.perm);
	EXPECT_EQ((unsigned int)VTD_SHADOW_FR_ADDR_BEYOND_WIDTH,
		  cmd.fault_reason);
}

TEST_HARNESS_MAIN
