// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user of VFIO that knows nothing of iommufd: container, group, type 1. A device copies
 * from one page to another as long as they are mapped, and no longer.
 *
 *   vtd_shadow_type1 ADDRESS    an edu device that is bound to vfio-pci
 *
 * Exit status 0 only if all of it went as it should.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "vtds_lib.h"

#define IOVA_FROM 0x100000000ULL
#define IOVA_TO 0x200000000ULL

static struct vtds_dev dev;
static int container, group;
static char *source, *target;

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "this did not hold: %s (errno %d)\n", what, errno);
	exit(1);
}

#define CHECK(_what) check(_what, #_what)

static int open_group(const char *bdf)
{
	char path[PATH_MAX], link[PATH_MAX] = "";
	const char *name;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 bdf);
	CHECK(readlink(path, link, sizeof(link) - 1) > 0);
	name = strrchr(link, '/');
	CHECK(name);
	snprintf(path, sizeof(path), "/dev/vfio/%.16s", name + 1);
	return open(path, O_RDWR);
}

static void open_device(const char *bdf)
{
	snprintf(dev.bdf, sizeof(dev.bdf), "%s", bdf);
	container = open("/dev/vfio/vfio", O_RDWR);
	CHECK(container >= 0);
	CHECK(ioctl(container, VFIO_GET_API_VERSION) == VFIO_API_VERSION);
	CHECK(ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) == 1);
	group = open_group(bdf);
	CHECK(group >= 0);
	CHECK(!ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	CHECK(!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	dev.fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	CHECK(dev.fd >= 0);
	CHECK(!vtds_dev_enable(&dev));
}

static char *new_page(void)
{
	char *page = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	CHECK(page != MAP_FAILED);
	return page;
}

static int map(__u64 iova, void *hva)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (unsigned long)hva,
		.iova = iova,
		.size = SZ_4K,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &dma);
}

static int unmap(__u64 iova)
{
	struct vfio_iommu_type1_dma_unmap dma = {
		.argsz = sizeof(dma),
		.iova = iova,
		.size = SZ_4K,
	};

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &dma);
}

static void copy(const char *text)
{
	snprintf(source, SZ_4K, "%s", text);
	vtds_edu_start_read(&dev, IOVA_FROM);
	CHECK(!vtds_edu_wait(&dev));
	vtds_edu_start_write(&dev, IOVA_TO);
	CHECK(!vtds_edu_wait(&dev));
}

int main(int argc, char *argv[])
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
		return 2;
	}
	open_device(argv[1]);
	source = new_page();
	target = new_page();
	CHECK(!map(IOVA_FROM, source));
	CHECK(!map(IOVA_TO, target));
	copy("mapped");
	CHECK(!strcmp(target, "mapped"));
	CHECK(!unmap(IOVA_TO));
	copy("gone");
	CHECK(!strcmp(target, "mapped"));
	return 0;
}
