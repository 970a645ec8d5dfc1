// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a unit, its devices and its memory, with each allocation and each call to the
 * host failing in turn: files are opened, bound and closed, memory goes and comes. What is
 * closed or taken away is gone, whatever failed, and can be had again.
 */
#include "fail_fixture.h"

/* --- Memory --- */

static void map_spare(struct vtds_fixture *f)
{
	vtds_map(&f->table, IOVA_A, SPARE_GPA, SZ_2M, PERM_RW);
	vtds_map(&f->table, IOVA_B, SPARE_GPA + SPARE_CUT, SZ_4K, PERM_RW);
}

static int take(struct vtds_fixture *f, __u64 gpa, __u64 size)
{
	return vtds_ioas_unmap(&f->vmm, f->vmm.ioas, gpa, size);
}

/* A part of a chunk, in use: the rest stays, or comes back */
TEST_F(fail, memory_taken)
{
	int rc;

	map_spare(&self->f);
	EXPECT_RESYNCED();
	while (vtds_fail_next(&self->fail)) {
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, SPARE_GPA);
		FAILING(&self->fail, rc = take(&self->f, SPARE_GPA, SPARE_CUT));
		/* Revoking takes no memory; what iommufd takes is its own */
		EXPECT_TRUE(!rc || (variant->all && rc == -ENOMEM));
		if (rc)
			ASSERT_EQ(0, take(&self->f, SPARE_GPA, SPARE_CUT));
		EXPECT_GONE(IOVA_A, SPARE_GPA);
		EXPECT_AT_MOST(IOVA_A + SPARE_CUT, SPARE_GPA + SPARE_CUT);
		ASSERT_EQ(0, vtds_resync(&self->f.unit));
		/* The hole may be known already: it is not tried again */
		ASSERT_TRUE(!self->f.unit.install_errno ||
			    self->f.unit.install_errno == ENOENT);
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A + SPARE_CUT,
			     SPARE_GPA + SPARE_CUT);
		EXPECT_REACH(PERM_RW, self->dev, IOVA_B, SPARE_GPA + SPARE_CUT);
		ASSERT_EQ(0, give(&self->f, SPARE_GPA, SPARE_CUT));
		EXPECT_RESYNCED();
		/* All of it is to be pinned as one piece again */
		vtds_unmap(&self->f.table, IOVA_A, SZ_2M);
		vtds_unmap(&self->f.table, IOVA_B, SZ_4K);
		EXPECT_RESYNCED();
		ASSERT_EQ(0, release(&self->f.unit));
		map_spare(&self->f);
		EXPECT_RESYNCED();
	}
	EXPECT_LT(0U, self->fail.nr_fired);
}

/* Memory comes, and the VMM says so */
TEST_F(fail, memory_comes)
{
	struct vtd_shadow_resync cmd = {
		.size = sizeof(cmd),
		.flags = VTD_SHADOW_RESYNC_RANGE,
		.gpa = SPARE_GPA,
		.length = SPARE_CUT,
	};
	int rc;

	map_spare(&self->f);
	EXPECT_RESYNCED();
	while (vtds_fail_next(&self->fail)) {
		ASSERT_EQ(0, take(&self->f, SPARE_GPA, SPARE_CUT));
		ASSERT_EQ(0, vtds_resync(&self->f.unit));
		ASSERT_EQ(0, give(&self->f, SPARE_GPA, SPARE_CUT));
		FAILING(&self->fail,
			rc = ioctl(self->f.unit.fd, VTD_SHADOW_RESYNC, &cmd) ?
				     -errno :
				     0);
		self->f.unit.install_errno = cmd.install_errno;
		EXPECT_BATCH(rc);
		EXPECT_AT_MOST(IOVA_A, SPARE_GPA);
		EXPECT_AT_MOST(IOVA_B, SPARE_GPA + SPARE_CUT);
		EXPECT_RESYNCED();
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, SPARE_GPA);
		EXPECT_REACH(PERM_RW, self->dev, IOVA_B, SPARE_GPA + SPARE_CUT);
	}
	EXPECT_LT(0U, self->fail.nr_fired);
}

/* --- Units --- */

/* The guest's unit as it was, in a file that was opened again */
static int resume(struct vtds_fixture *f, bool scalable)
{
	int rc = vtds_unit_bind(&f->unit, &f->vmm, 0, 0);

	f->unit.wide = scalable;
	if (scalable)
		f->unit.ecap |= ECAP_SCALABLE;
	rc = rc ?: vtds_fixture_state(f, true);
	return rc ?: vtds_fixture_add(f, &f->dev[0]);
}

TEST_F(fail, unit_closed)
{
	long pins;

	vtds_map(&self->f.table, IOVA_A, self->page, SZ_4K, PERM_RW);
	EXPECT_RESYNCED();
	while (vtds_fail_next(&self->fail)) {
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
		FAILING(&self->fail, vtds_unit_close(&self->f.unit));
		EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
		pins = vtds_vm_pin_kb();
		EXPECT_EQ(0, pins);
		ASSERT_EQ(0, vtds_unit_open(&self->f.unit));
		ASSERT_EQ(0, resume(&self->f, variant->scalable));
		EXPECT_EQ(0U, self->f.unit.install_errno);
	}
}

TEST_F(fail, unit_opened)
{
	struct vtds_unit other = {};
	int rc;

	while (vtds_fail_next(&self->fail)) {
		FAILING(&self->fail, rc = vtds_unit_open(&other));
		EXPECT_CALL(rc);
		vtds_unit_close(&other);
	}
	EXPECT_LT(2U, self->fail.nr_fired);
}

TEST_F(fail, unit_bound)
{
	struct vtds_unit other = {};
	int rc;

	while (vtds_fail_next(&self->fail)) {
		ASSERT_EQ(0, vtds_unit_open(&other));
		FAILING(&self->fail,
			rc = vtds_unit_bind(&other, &self->f.vmm, 0, 0));
		EXPECT_CALL(rc);
		/* One that failed is as if it had not been */
		if (rc)
			ASSERT_EQ(0,
				  vtds_unit_bind(&other, &self->f.vmm, 0, 0));
		ASSERT_EQ(-EBUSY, vtds_unit_bind(&other, &self->f.vmm, 0, 0));
		vtds_unit_close(&other);
	}
	EXPECT_LT(2U, self->fail.nr_fired);
}

/* --- Devices --- */

static int open_again(struct vtds_dev *dev)
{
	const struct vtds_dev old = *dev;
	int rc = vtds_dev_open_at(dev, old.kind, old.bdf);

	dev->sid = old.sid;
	dev->buffer = old.buffer;
	dev->buffer_hva = old.buffer_hva;
	return rc;
}

/*
 * A device that is closed leaves its unit, and is bound again. Its power goes by methods of
 * the firmware, whose interpreter has to have its memory.
 */
TEST_F(fail, device_closed)
{
	if (variant->all)
		SKIP(return, "closing is the firmware's, too");
	vtds_map(&self->f.table, IOVA_A, self->page, SZ_4K, PERM_RW);
	EXPECT_RESYNCED();
	while (vtds_fail_next(&self->fail)) {
		EXPECT_REACH(PERM_RW, self->dev, IOVA_A, self->page);
		FAILING(&self->fail, vtds_dev_close(self->dev));
		EXPECT_EQ(0U, STAT(devices));
		EXPECT_EQ(0U, STAT(domains));
		ASSERT_EQ(0, open_again(self->dev));
		ASSERT_EQ(0, vtds_dev_bind(self->dev, self->f.vmm.iommufd));
		ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
		EXPECT_EQ(0U, self->f.unit.install_errno);
	}
}

/* Not what iommufd and VFIO allocate for it, which is their own */
TEST_F(fail, device_bound)
{
	int rc;

	if (variant->all)
		SKIP(return, "most of binding is VFIO's");
	while (vtds_fail_next(&self->fail)) {
		vtds_dev_close(self->dev);
		ASSERT_EQ(0, open_again(self->dev));
		FAILING(&self->fail,
			rc = vtds_dev_bind(self->dev, self->f.vmm.iommufd));
		EXPECT_CALL(rc);
		if (rc)
			ASSERT_EQ(0, vtds_dev_bind(self->dev,
						   self->f.vmm.iommufd));
		ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
		EXPECT_REACH_BUFFERS(1);
	}
	EXPECT_LT(0U, self->fail.nr_fired);
}

/* --- All of it --- */

/* A VMM ends, iommufd last or first. The next one has the device. */
TEST_F(fail, all_closed)
{
	const struct vtds_config config = { .nvme = 1,
					    .scalable = variant->scalable };
	bool iommufd_first = false;

	if (variant->all)
		SKIP(return, "closing is the firmware's, too");
	while (vtds_fail_next(&self->fail)) {
		vtds_map_range(&self->f.table, IOVA_A, RAM_GPA, SZ_1M, PERM_RW);
		EXPECT_RESYNCED();
		vtds_fail_arm(&self->fail);
		if (iommufd_first)
			vtds_vmm_close(&self->f.vmm);
		vtds_fixture_close(&self->f);
		vtds_fail_disarm(&self->fail);
		EXPECT_EQ(0, vtds_vm_pin_kb());
		ASSERT_EQ(0, vtds_fixture_open(&self->f, &config));
		EXPECT_EQ(0U, self->f.unit.install_errno);
		EXPECT_REACH_BUFFERS(1);
		iommufd_first = !iommufd_first;
	}
}

FAIL_TEST_MAIN
