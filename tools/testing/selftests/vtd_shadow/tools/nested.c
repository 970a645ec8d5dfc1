// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user-space driver inside the guest: the guest's VFIO gives it NVMe controllers, and
 * what it maps goes through the guest's remapping unit.
 *
 *	vtd_shadow_nested dma iommufd|type1 BDF		what is mapped is reached
 *	vtd_shadow_nested reach MIB BDF			much memory, all of it is reached
 *	vtd_shadow_nested attach MIB BDF BDF		a device joins a full domain; it
 *							may come later
 *
 * Exit status 0 only if all was as it should be.
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

#define BUFFER_IOVA 0x10000000ULL
#define DATA_IOVA 0x20000000ULL
#define MANY_IOVA 0x100000000ULL
#define UNTOUCHED 0xa5
#define NVME_VENDOR 0x1b36 /* the first bytes that Identify Controller writes */

static void check(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "%s: %s\n", what, rc < 0 ? strerror(-rc) : "no");
	exit(1);
}

#define CHECK(_what) check(_what, #_what)
#define EXPECT(_what) check(!(_what), #_what)

static void *pages(size_t size)
{
	void *hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(hva != MAP_FAILED);
	EXPECT(!madvise(hva, size, MADV_NOHUGEPAGE));
	memset(hva, UNTOUCHED, size);
	return hva;
}

/* --- An address space, of iommufd or of the type 1 container --- */

static struct vtds_vmm vmm = { .iommufd = -1 };
static int container = -1;

static void map(__u64 iova, void *hva, size_t size)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (__u64)(unsigned long)hva,
		.iova = iova,
		.size = size,
	};

	if (container < 0)
		CHECK(vtds_ioas_map(&vmm, vmm.ioas, hva, iova, size, PERM_RW));
	else
		CHECK(ioctl(container, VFIO_IOMMU_MAP_DMA, &cmd));
}

static void unmap(__u64 iova, size_t size)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.iova = iova,
		.size = size,
	};

	if (container < 0)
		CHECK(vtds_ioas_unmap(&vmm, vmm.ioas, iova, size));
	else
		CHECK(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &cmd));
}

static int open_group(const char *bdf)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 bdf);
	len = readlink(path, target, sizeof(target) - 1);
	EXPECT(len > 0);
	target[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%.32s",
		 strrchr(target, '/') + 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	return fd;
}

static void open_type1(struct vtds_dev *dev, const char *bdf)
{
	int group = open_group(bdf);

	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	EXPECT(container >= 0);
	EXPECT(!ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	EXPECT(!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	*dev = (struct vtds_dev){ .kind = VTDS_NVME };
	dev->fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	EXPECT(dev->fd >= 0);
	CHECK(vtds_dev_enable(dev));
}

static void open_iommufd(struct vtds_dev *dev, const char *bdf)
{
	CHECK(vtds_dev_open_at(dev, VTDS_NVME, bdf));
	CHECK(vtds_dev_bind(dev, vmm.iommufd));
	CHECK(vtds_dev_attach(dev, vmm.ioas));
}

/* --- What is mapped is reached, nothing else --- */

static void set_buffer(struct vtds_dev *dev)
{
	dev->buffer = BUFFER_IOVA;
	dev->buffer_hva = pages(VTDS_BUFFER_SIZE);
	map(dev->buffer, dev->buffer_hva, VTDS_BUFFER_SIZE);
}

static bool identified(const void *page)
{
	return *(const volatile __u16 *)page == NVME_VENDOR;
}

static bool untouched(const void *page)
{
	return *(const volatile __u8 *)page == UNTOUCHED;
}

static void dma(struct vtds_dev *dev)
{
	void *first = pages(SZ_4K), *second = pages(SZ_4K);
	__u64 *token = pages(SZ_4K);

	map(DATA_IOVA, first, SZ_4K);
	CHECK(vtds_nvme_identify(dev, DATA_IOVA));
	EXPECT(identified(first));

	unmap(DATA_IOVA, SZ_4K);
	memset(first, UNTOUCHED, SZ_4K);
	vtds_nvme_identify(dev, DATA_IOVA);
	EXPECT(untouched(first));

	map(DATA_IOVA, second, SZ_4K);
	CHECK(vtds_nvme_identify(dev, DATA_IOVA));
	EXPECT(untouched(first) && identified(second));
	unmap(DATA_IOVA, SZ_4K);

	token[0] = 0x123456780000;
	token[1] = 0;
	map(DATA_IOVA, token, SZ_4K);
	CHECK(vtds_nvme_set_token(dev, DATA_IOVA));
	CHECK(vtds_nvme_get_token(dev, DATA_IOVA + 8));
	/* The device counts milliseconds from there on */
	EXPECT((token[1] & 0xffffffff0000) == token[0]);
	unmap(DATA_IOVA, SZ_4K);
}

static int run_dma(const char *kind, const char *bdf)
{
	struct vtds_dev dev;

	if (!strcmp(kind, "type1")) {
		open_type1(&dev, bdf);
	} else {
		CHECK(vtds_vmm_open(&vmm));
		open_iommufd(&dev, bdf);
	}
	set_buffer(&dev);
	dma(&dev);
	vtds_dev_close(&dev);
	return 0;
}

/* --- All of much memory is reached --- */

static int run_reach(unsigned long mib, const char *bdf)
{
	size_t size = mib * SZ_1M;
	char *hva = pages(size);
	struct vtds_dev dev;

	CHECK(vtds_vmm_open(&vmm));
	open_iommufd(&dev, bdf);
	set_buffer(&dev);
	map(MANY_IOVA, hva, size);
	for (size_t at = 0; at < size; at += 64 * SZ_4K) {
		CHECK(vtds_nvme_identify(&dev, MANY_IOVA + at));
		EXPECT(identified(hva + at));
	}
	vtds_dev_close(&dev);
	return 0;
}

/* --- A device joins a domain that has much mapped --- */

static void open_when_there(struct vtds_dev *dev, const char *bdf)
{
	double give_up = vtds_seconds() + 120;
	int rc;

	while ((rc = vtds_dev_open_at(dev, VTDS_NVME, bdf)) == -ENODEV &&
	       vtds_seconds() < give_up)
		vtds_sleep_ms(100);
	check(rc, bdf);
}

static int run_attach(unsigned long mib, const char *first, const char *second)
{
	size_t size = mib * SZ_1M;
	struct vtds_dev devs[2];
	double begin, mapped;
	void *hva;

	CHECK(vtds_vmm_open(&vmm));
	open_iommufd(&devs[0], first);
	hva = pages(size);
	begin = vtds_seconds();
	map(MANY_IOVA, hva, size);
	mapped = vtds_seconds();
	printf("map %.6f\n", mapped - begin);
	fflush(stdout);

	open_when_there(&devs[1], second);
	CHECK(vtds_dev_bind(&devs[1], vmm.iommufd));
	begin = vtds_seconds();
	CHECK(vtds_dev_attach(&devs[1], vmm.ioas));
	printf("attach %.6f\n", vtds_seconds() - begin);

	/* The device has joined: it reaches what was mapped before it came */
	set_buffer(&devs[1]);
	CHECK(vtds_nvme_identify(&devs[1], MANY_IOVA + size - SZ_4K));
	begin = vtds_seconds();
	vtds_dev_close(&devs[1]);
	printf("detach %.6f\n", vtds_seconds() - begin);
	vtds_dev_close(&devs[0]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "dma"))
		return run_dma(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "reach"))
		return run_reach(strtoul(argv[2], NULL, 0), argv[3]);
	if (argc == 5 && !strcmp(argv[1], "attach"))
		return run_attach(strtoul(argv[2], NULL, 0), argv[3], argv[4]);
	fprintf(stderr,
		"usage: %s dma iommufd|type1 BDF | reach MIB BDF | attach MIB BDF BDF\n",
		argv[0]);
	return 2;
}
