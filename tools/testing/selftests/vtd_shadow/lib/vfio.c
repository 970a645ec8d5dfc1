// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test devices through VFIO's cdev: find, open, bind to iommufd, map BAR 0.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "vtds_vfio.h"

#define DRIVER "/sys/bus/pci/drivers/vtd_shadow_vfio_pci"

#define EDU_ID 0x11e81234 /* device << 16 | vendor */
#define NVME_ID 0x00101b36

/* --- Looking around in sysfs --- */

static unsigned long read_hex(const char *dir, const char *name)
{
	char path[PATH_MAX], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return strtoul(text, NULL, 16);
}

static unsigned long pci_id(const char *dir)
{
	return read_hex(dir, "device") << 16 | read_hex(dir, "vendor");
}

static int hide_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* How many devices with that id are in the IOMMU group of the device at @dir */
static unsigned int group_members(const char *dir, unsigned long id)
{
	char path[PATH_MAX], member[PATH_MAX + 300];
	unsigned int count = 0;
	struct dirent **names;
	int nr;

	snprintf(path, sizeof(path), "%s/iommu_group/devices", dir);
	nr = scandir(path, &names, hide_dots, alphasort);
	for (int i = 0; i < nr; i++) {
		snprintf(member, sizeof(member), "%s/%s", path,
			 names[i]->d_name);
		count += pci_id(member) == id;
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
	return count;
}

/* Fails if no test knows what to do with the device at @dir */
static int kind_of(const char *dir, enum vtds_kind *kind)
{
	unsigned long id = pci_id(dir);

	switch (id) {
	case EDU_ID:
		*kind = group_members(dir, id) > 1 ? VTDS_EDU_SHARED : VTDS_EDU;
		return 0;
	case NVME_ID:
		*kind = VTDS_NVME;
		return 0;
	}
	return -ENODEV;
}

#define MAX_FOUND 96

/* The test devices in the order of their addresses */
static struct {
	enum vtds_kind kind;
	char bdf[16];
} found[MAX_FOUND];
static unsigned int nr_found;

/*
 * Once for the program: each of its tests is a process of its own, and would
 * spend more time on looking around than on most of the rest.
 */
__attribute__((constructor)) static void find_all(void)
{
	char dir[PATH_MAX / 2];
	struct dirent **names;
	int nr = scandir(DRIVER, &names, hide_dots, alphasort);

	for (int i = 0; i < nr; i++) {
		snprintf(dir, sizeof(dir), DRIVER "/%s", names[i]->d_name);
		if (nr_found < MAX_FOUND &&
		    !kind_of(dir, &found[nr_found].kind))
			snprintf(found[nr_found++].bdf, sizeof(found->bdf),
				 "%.15s", names[i]->d_name);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
}

/* Address of device number @index of @kind; returns how many there are in all */
static int find(enum vtds_kind kind, unsigned int index, char bdf[16])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < nr_found; i++)
		if (found[i].kind == kind && count++ == index)
			memcpy(bdf, found[i].bdf, sizeof(found[i].bdf));
	return count;
}

int vtds_dev_count(enum vtds_kind kind)
{
	char bdf[16];

	return find(kind, 0, bdf);
}

static int open_cdev(const char *bdf)
{
	char path[PATH_MAX];
	struct dirent **names;
	int fd = -ENODEV, nr;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	nr = scandir(path, &names, hide_dots, alphasort);
	if (nr <= 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", names[0]->d_name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	for (int i = 0; i < nr; i++)
		free(names[i]);
	free(names);
	return fd;
}

/* --- The device --- */

/* The device at the address @bdf, whichever VFIO driver it is bound to */
int vtds_dev_open_at(struct vtds_dev *dev, enum vtds_kind kind, const char *bdf)
{
	memset(dev, 0, sizeof(*dev));
	dev->kind = kind;
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	dev->fd = open_cdev(dev->bdf);
	return dev->fd < 0 ? dev->fd : 0;
}

int vtds_dev_open(struct vtds_dev *dev, enum vtds_kind kind, unsigned int index)
{
	char bdf[sizeof(dev->bdf)];

	dev->fd = -1;
	if (find(kind, index, bdf) <= (int)index)
		return -ENODEV;
	return vtds_dev_open_at(dev, kind, bdf);
}

static int region(struct vtds_dev *dev, __u32 index,
		  struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){
		.argsz = sizeof(*info),
		.index = index,
	};
	return ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

static int enable_bus_master(struct vtds_dev *dev)
{
	__u16 command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct vfio_region_info info;
	int rc = region(dev, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (rc)
		return rc;
	if (pwrite(dev->fd, &command, sizeof(command),
		   info.offset + PCI_COMMAND) != sizeof(command))
		return -EIO;
	return 0;
}

static int map_bar(struct vtds_dev *dev)
{
	struct vfio_region_info info;
	void *bar;
	int rc = region(dev, VFIO_PCI_BAR0_REGION_INDEX, &info);

	if (rc)
		return rc;
	bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		   info.offset);
	if (bar == MAP_FAILED)
		return -errno;
	dev->bar = bar;
	dev->bar_size = info.size;
	return 0;
}

/* What a device needs beside an address space before it can do DMA */
int vtds_dev_enable(struct vtds_dev *dev)
{
	int rc = map_bar(dev);

	return rc ?: enable_bus_master(dev);
}

int vtds_dev_bind(struct vtds_dev *dev, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};

	if (ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return -errno;
	dev->dev_id = bind.out_devid;
	return vtds_dev_enable(dev);
}

int vtds_dev_attach(struct vtds_dev *dev, __u32 pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt_id,
	};

	return ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ? -errno :
									0;
}

int vtds_dev_detach(struct vtds_dev *dev)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	return ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach) ? -errno :
									0;
}

/* The guest or the VMM resets the device alone */
int vtds_dev_reset(struct vtds_dev *dev)
{
	dev->nvme.alive = false;
	return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

/* Its bus, with all that is behind; iommufd says that it is all ours */
int vtds_dev_hot_reset(struct vtds_dev *dev)
{
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	dev->nvme.alive = false;
	return ioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset) ? -errno : 0;
}

void vtds_dev_close(struct vtds_dev *dev)
{
	if (dev->bar)
		munmap((void *)dev->bar, dev->bar_size);
	if (dev->fd > 0)
		close(dev->fd);
	dev->bar = NULL;
	dev->fd = -1;
}
