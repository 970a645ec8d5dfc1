// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of vfio_pci.c: which devices it refuses.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "../vfio_pci.h"

#define INTEL 0x8086

static bool is_denied(struct kunit *test, unsigned short vendor,
		      unsigned short device)
{
	struct pci_dev *pdev = kunit_kzalloc(test, sizeof(*pdev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	pdev->vendor = vendor;
	pdev->device = device;
	return vtds_pci_is_denied(pdev);
}

/* Those of vfio-pci, from 6.12 to 7.3, and no others */
static void vfio_pci_denylist(struct kunit *test)
{
	static const unsigned short denied[] = {
		0x0435, 0x0443, 0x0b25, 0x0cfe, 0x19e2, 0x19e3, 0x37c8, 0x37c9,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(denied); i++) {
		KUNIT_EXPECT_TRUE(test, is_denied(test, INTEL, denied[i]));
		KUNIT_EXPECT_FALSE(test, is_denied(test, 0x1022, denied[i]));
	}
	/* A network card and its VFs, an NVMe controller, QuickAssist that came later */
	KUNIT_EXPECT_FALSE(test, is_denied(test, INTEL, 0x10c9));
	KUNIT_EXPECT_FALSE(test, is_denied(test, INTEL, 0x10ca));
	KUNIT_EXPECT_FALSE(test, is_denied(test, 0x1b36, 0x0010));
	KUNIT_EXPECT_FALSE(test, is_denied(test, INTEL, 0x4940));
}

static struct kunit_case vfio_pci_cases[] = {
	KUNIT_CASE(vfio_pci_denylist),
	{},
};

static struct kunit_suite vfio_pci_suite = {
	.name = "vtd_shadow_vfio_pci",
	.test_cases = vfio_pci_cases,
};

kunit_test_suite(vfio_pci_suite);
