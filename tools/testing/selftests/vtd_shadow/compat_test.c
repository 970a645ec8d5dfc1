// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit caller on a 64-bit kernel: the structures are the same, and every
 * ioctl gets through. Built with -m32 if the compiler can; otherwise the tests
 * say that they were skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "vtds_test.h"

#define SKIP_UNLESS_32_BIT()                                                    \
	do {                                                                    \
		if (sizeof(long) != 4)                                          \
			SKIP(return,                                            \
				   "the compiler could not build for 32 bits"); \
	} while (0)

TEST(structures)
{
	SKIP_UNLESS_32_BIT();
	EXPECT_EQ(88U, sizeof(struct vtd_shadow_get_info));
	EXPECT_EQ(48U, sizeof(struct vtd_shadow_bind));
	EXPECT_EQ(48U, sizeof(struct vtd_shadow_set_state));
	EXPECT_EQ(40U, sizeof(struct vtd_shadow_add_device));
	EXPECT_EQ(16U, sizeof(struct vtd_shadow_remove_device));
	EXPECT_EQ(40U, sizeof(struct vtd_shadow_invalidate));
	EXPECT_EQ(32U, sizeof(struct vtd_shadow_resync));
	EXPECT_EQ(56U, sizeof(struct vtd_shadow_translate));
	EXPECT_EQ(176U, sizeof(struct vtd_shadow_get_stats));
	EXPECT_EQ(56U, sizeof(struct vtd_shadow_run_queue));
	EXPECT_EQ(120U, sizeof(struct vtd_shadow_get_domain_stats));
	EXPECT_EQ(72U, sizeof(struct vtd_shadow_get_device_stats));
	EXPECT_EQ(48U, sizeof(struct vtd_shadow_event));
}

TEST(calls)
{
	const struct vtds_desc descs[] = { iotlb_global() };
	struct vtds_queue queue = { .guest = NULL };
	struct vtd_shadow_invalidate result;
	struct vtd_shadow_run_queue run;
	struct vtd_shadow_event event;
	struct vtd_shadow_translate answer;
	struct vtd_shadow_get_stats stats;
	struct vtds_unit unit;
	struct vtds_vmm vmm;
	const __u16 sid = 0x100;
	__u32 small = 8;

	SKIP_UNLESS_32_BIT();
	ASSERT_EQ(0, vtds_unit_open(&unit));
	EXPECT_EQ((unsigned int)VTD_SHADOW_API_VERSION, unit.info.version);
	EXPECT_EQ(CAP_CM, unit.info.cap_required);

	/* iommufd has no calls for 32 bits, so an IOAS there cannot be */
	vmm.iommufd = open("/dev/iommu", O_RDWR);
	vmm.ioas = 0x7fffff;
	EXPECT_EQ(-ENOENT, vtds_unit_bind(&unit, &vmm, 0, 0));
	EXPECT_EQ(-EINVAL, vtds_unit_bind(&unit, &vmm, ~0ULL, 0));
	vmm.iommufd = -1;
	EXPECT_EQ(-EBADF, vtds_unit_bind(&unit, &vmm, 0, 0));

	EXPECT_EQ(-ENODEV, vtds_set_state(&unit));
	EXPECT_EQ(-ENODEV, vtds_add_device(&unit, 1, 2, &sid, 1));
	EXPECT_EQ(-ENODEV, vtds_remove_device(&unit, 1));
	EXPECT_EQ(-ENODEV, vtds_invalidate(&unit, descs, 1, &result));
	EXPECT_EQ(-ENODEV, vtds_resync(&unit));
	EXPECT_EQ(-ENODEV, vtds_translate(&unit, sid, 0, &answer));
	EXPECT_EQ(-ENODEV, vtds_stats(&unit, &stats));
	EXPECT_EQ(-ENODEV, vtds_queue_run(&unit, &queue, &run));
	EXPECT_EQ(0, vtds_events(&unit, &event, 1));
	EXPECT_EQ(-1, ioctl(unit.fd, VTD_SHADOW_GET_INFO, &small));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(unit.fd, VTD_SHADOW_GET_INFO, -4096L));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(unit.fd, 0, &stats));
	EXPECT_EQ(ENOTTY, errno);
	vtds_unit_close(&unit);
}

TEST_HARNESS_MAIN
