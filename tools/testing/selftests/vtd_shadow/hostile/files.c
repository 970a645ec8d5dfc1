// SPDX-License-Identifier: GPL-2.0-only
/*
 * What else the hostile VMM does with descriptors: calls of iommufd and VFIO, which is
 * how memory and devices come and go, and all that one can do with any file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

/* The last one: everything that is not judged */
#define OTHERS (HOSTILE_CALLS - 1)

static void done(struct hostile *h, long rc)
{
	hostile_count(h, OTHERS, rc < 0 ? -errno : 0);
}

static __u32 some_id(unsigned int *seed)
{
	return 1 + hostile_below(seed, 12);
}

/* --- iommufd --- */

/* Memory of the guest, or other memory of this process, in whole or in part */
static void map_memory(struct hostile *h, int fd, unsigned int *seed)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | hostile_below(seed, 8),
		.ioas_id = some_id(seed),
		.user_va = (uintptr_t)h->f.guest.ram[0].hva,
		.iova = RAM_GPA,
		.length = RAM_SIZE,
	};
	__u64 at = hostile_below(seed, RAM_SIZE / SZ_4K) * SZ_4K;

	switch (hostile_below(seed, 6)) {
	case 0:
		break;
	case 1:
		cmd.user_va = (uintptr_t)hostile_pointer(h, seed, SZ_4K);
		cmd.length = hostile_number(seed);
		break;
	case 2:
		cmd.user_va = (uintptr_t)h->slow;
		cmd.iova = HOSTILE_SLOW_GPA;
		cmd.length = h->slow ? HOSTILE_SLOW_SIZE : 0;
		break;
	default:
		cmd.user_va += at;
		cmd.iova += at;
		cmd.length = SZ_4K << hostile_below(seed, 5);
	}
	done(h, ioctl(fd, IOMMU_IOAS_MAP, &cmd));
}

static void unmap_memory(struct hostile *h, int fd, unsigned int *seed)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = some_id(seed),
		.iova = RAM_GPA,
		.length = RAM_SIZE,
	};

	if (hostile_chance(seed, 30)) {
		cmd.iova = HOSTILE_SLOW_GPA;
		cmd.length = HOSTILE_SLOW_SIZE;
	} else if (hostile_chance(seed, 70)) {
		cmd.iova += hostile_below(seed, RAM_SIZE / SZ_4K) * SZ_4K;
		cmd.length = SZ_4K << hostile_below(seed, 5);
	}
	done(h, ioctl(fd, IOMMU_IOAS_UNMAP, &cmd));
}

void hostile_do_iommufd(struct hostile *h, unsigned int *seed)
{
	int fd = hostile_fd(h, seed);
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_destroy destroy = { .size = sizeof(destroy),
					 .id = some_id(seed) };
	struct iommu_hwpt_alloc hwpt = { .size = sizeof(hwpt),
					 .dev_id = some_id(seed),
					 .pt_id = some_id(seed) };

	switch (hostile_below(seed, 10)) {
	case 0:
		done(h, ioctl(fd, IOMMU_IOAS_ALLOC, &alloc));
		break;
	case 1:
		done(h, ioctl(fd, IOMMU_DESTROY, &destroy));
		break;
	case 2:
		done(h, ioctl(fd, IOMMU_HWPT_ALLOC, &hwpt));
		break;
	case 3:
	case 4:
	case 5:
		unmap_memory(h, fd, seed);
		break;
	default:
		map_memory(h, fd, seed);
	}
}

/* --- VFIO --- */

/* Another descriptor in a place of the list. What was there is closed. */
static void put(struct hostile *h, unsigned int *seed, int fd)
{
	unsigned int at = hostile_below(seed, HOSTILE_FDS);

	if (fd < 0)
		return;
	fd = __atomic_exchange_n(&h->fd[at], fd, __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
}

static void open_device(struct hostile *h, unsigned int *seed)
{
	struct vtds_dev dev;

	if (vtds_dev_open(&dev, VTDS_EDU, hostile_below(seed, 4)))
		return;
	put(h, seed, dev.fd);
}

void hostile_do_vfio(struct hostile *h, unsigned int *seed)
{
	int fd = hostile_fd(h, seed);
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = hostile_fd(h, seed),
	};
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = some_id(seed),
	};
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	switch (hostile_below(seed, 8)) {
	case 0:
		done(h, ioctl(fd, VFIO_DEVICE_RESET));
		break;
	case 1:
		done(h, ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, &reset));
		break;
	case 2:
	case 3:
		done(h, ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
		break;
	case 4:
		done(h, ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
		break;
	case 5:
		open_device(h, seed);
		break;
	default:
		done(h, ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	}
}

/* --- Any file --- */

static void open_some(struct hostile *h, unsigned int *seed)
{
	static const char *const names[] = { "/dev/vtd_shadow", "/dev/iommu",
					     "/dev/null", "/proc/self/mem" };

	put(h, seed,
	    open(names[hostile_below(seed, ARRAY_SIZE(names))],
		 O_RDWR | O_CLOEXEC | O_NONBLOCK));
}

static void map_file(struct hostile *h, int fd, unsigned int *seed)
{
	void *at = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			hostile_number(seed) & ~(SZ_4K - 1));

	done(h, at == MAP_FAILED ? -1 : 0);
	if (at != MAP_FAILED)
		munmap(at, SZ_4K);
}

/* Where something else may be meanwhile; only in places of the list */
static void duplicate(struct hostile *h, int fd, unsigned int *seed)
{
	int to = hostile_fd(h, seed);

	if (fd >= 0 && to >= 0 && to < 1000 && hostile_chance(seed, 50))
		done(h, dup2(fd, to));
	else
		put(h, seed, dup(fd));
}

void hostile_do_file(struct hostile *h, unsigned int *seed)
{
	int fd = hostile_fd(h, seed);
	void *to = hostile_pointer(h, seed, 512);
	struct pollfd pollfd = { .fd = fd, .events = hostile_number(seed) };

	switch (hostile_below(seed, 12)) {
	case 0:
		/* Registers of a device are for its emulator to defend */
		if (hostile_is_unit(fd))
			done(h, write(fd, to, hostile_below(seed, 512)));
		break;
	case 1:
		done(h, lseek(fd, hostile_number(seed), SEEK_SET));
		break;
	case 2:
		map_file(h, fd, seed);
		break;
	case 3:
		duplicate(h, fd, seed);
		break;
	case 4:
		done(h, fcntl(fd, F_SETFL, O_NONBLOCK));
		break;
	case 5:
		done(h, poll(&pollfd, 1, 0));
		break;
	case 6:
		done(h, fsync(fd));
		break;
	case 7:
		open_some(h, seed);
		break;
	case 8:
		if (hostile_chance(seed, 30))
			close(fd);
		break;
	default:
		/* Blocks for an event, if somebody made it do so */
		if (fcntl(fd, F_GETFL) & O_NONBLOCK)
			done(h, read(fd, to, hostile_below(seed, 512)));
	}
}
