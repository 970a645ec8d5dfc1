// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that iommufd has from files or from registers of another device, and
 * a process that takes memory, unit and devices over from another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL

/* Where files and registers are in guest memory */
#define FILE_GPA 0x440000000ULL

/* --- Memory that iommufd has from a file --- */

#ifdef IOMMU_IOAS_MAP_FILE
static int ioas_map_file(struct vtds_vmm *vmm, int fd, __u64 start, __u64 gpa,
			 __u64 size)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = vmm->ioas,
		.fd = fd,
		.start = start,
		.length = size,
		.iova = gpa,
	};

	return ioctl(vmm->iommufd, IOMMU_IOAS_MAP_FILE, &map) ? -errno : 0;
}
#else
static int ioas_map_file(struct vtds_vmm *vmm, int fd, __u64 start, __u64 gpa,
			 __u64 size)
{
	return -ENOTTY;
}
#endif

/* Part of a file becomes guest memory, which the library finds, too. */
static int give_file(struct vtds_fixture *f, int fd, __u64 start, __u64 gpa,
		     __u64 size)
{
	void *hva =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);

	if (hva == MAP_FAILED)
		return -errno;
	f->guest.ram[f->guest.nr_ram++] =
		(struct vtds_ram){ .gpa = gpa, .size = size, .hva = hva };
	return ioas_map_file(&f->vmm, fd, start, gpa, size);
}

static int make_file(__u64 size, unsigned int flags)
{
	int fd = memfd_create("memory_file", MFD_CLOEXEC | flags);

	if (fd >= 0 && ftruncate(fd, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

FIXTURE(kinds)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(kinds)
{
	OPEN_FIXTURE(.nvme = 1);
	self->dev = &self->f.dev[0];
}

FIXTURE_TEARDOWN(kinds)
{
	vtds_fixture_close(&self->f);
}

/* Never touched, and with an offset; two files that meet inside of a piece; huge pages */
TEST_F(kinds, files)
{
	const struct {
		__u64 gpa;
		__u64 start;
		__u64 size;
		unsigned int flags;
	} parts[] = {
		{ FILE_GPA, SZ_4K, SZ_2M, 0 },
		{ FILE_GPA + SZ_2M, 0, SZ_1M, 0 },
		{ FILE_GPA + SZ_2M + SZ_1M, 5 * SZ_4K, SZ_1M, 0 },
		{ FILE_GPA + 2 * SZ_2M, 0, SZ_2M, MFD_HUGETLB },
	};
	const __u64 size = 3 * SZ_2M;

	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		int fd = make_file(SZ_2M + SZ_2M, parts[i].flags), rc;

		ASSERT_LE(0, fd);
		rc = give_file(&self->f, fd, parts[i].start, parts[i].gpa,
			       parts[i].size);
		close(fd);
		if (rc == -ENOTTY)
			SKIP(return, "this kernel maps no files");
		ASSERT_EQ(0, rc);
	}
	vtds_map_range(&self->f.table, IOVA, FILE_GPA, size, PERM_RW);
	vtds_map(&self->f.table, IOVA + SZ_1G, FILE_GPA + SZ_2M, SZ_2M,
		 PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		__u64 at = parts[i].gpa - FILE_GPA;
		__u64 end = at + parts[i].size - SZ_4K;

		EXPECT_REACH(PERM_RW, self->dev, IOVA + at, parts[i].gpa);
		EXPECT_REACH(PERM_RW, self->dev, IOVA + end, FILE_GPA + end);
	}
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G + SZ_1M - SZ_4K,
		     FILE_GPA + SZ_2M + SZ_1M - SZ_4K);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G + SZ_1M,
		     FILE_GPA + SZ_2M + SZ_1M);
	/* One of the files goes */
	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas,
				     FILE_GPA + SZ_2M, SZ_1M));
	EXPECT_DEAD(self->dev, IOVA + SZ_1G, FILE_GPA + SZ_2M);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G + SZ_1M,
		     FILE_GPA + SZ_2M + SZ_1M);
}

/* An nvdimm that is read-only: so is its file */
TEST_F(kinds, read_only_file)
{
	char name[] = "/tmp/memory_file.XXXXXX";
	int fd = mkstemp(name), ro;
	void *hva;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, SZ_2M));
	ro = open(name, O_RDONLY);
	unlink(name);
	close(fd);
	ASSERT_LE(0, ro);
	hva = mmap(NULL, SZ_2M, PROT_READ, MAP_SHARED, ro, 0);
	close(ro);
	ASSERT_NE(MAP_FAILED, hva);
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, hva,
				   FILE_GPA, SZ_2M, PERM_R));
	vtds_map(&self->f.table, IOVA, FILE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_EQ(PERM_R,
		  vtds_answer(&self->f.unit, self->dev->sid, IOVA, FILE_GPA));
	/* The file system of a real disk would not have it pinned to be written */
	vtds_map(&self->f.table, IOVA, FILE_GPA, SZ_2M, PERM_W);
	FLUSH_WITH(EPERM, iotlb_domain(TABLE_DID));
	EXPECT_EQ(PERM_NONE,
		  vtds_answer(&self->f.unit, self->dev->sid, IOVA, FILE_GPA));
}

/* --- Another process takes over --- */

#ifdef IOMMU_IOAS_CHANGE_PROCESS
static int take_over(struct vtds_vmm *vmm)
{
	struct iommu_ioas_change_process change = { .size = sizeof(change) };

	return ioctl(vmm->iommufd, IOMMU_IOAS_CHANGE_PROCESS, &change) ?
		       -errno :
		       0;
}
#else
static int take_over(struct vtds_vmm *vmm)
{
	return -ENOTTY;
}
#endif

FIXTURE(handover)
{
	struct vtds_fixture f;
	__u64 page;
};

/* All of memory is files: nothing else can change hands */
FIXTURE_SETUP(handover)
{
	const struct vtds_config config = { .nvme = 1 };
	struct vtds_ram *ram = &self->f.guest.ram[0];
	int rc;

	if (!vtds_fixture_possible(&config))
		SKIP(return, "this machine lacks a device");
	ASSERT_EQ(0, vtds_fixture_prepare(&self->f, &config));
	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, ram->gpa,
				     ram->size));
	rc = ioas_map_file(&self->f.vmm, ram->fd, 0, ram->gpa, ram->size);
	if (rc == -ENOTTY)
		SKIP(return, "this kernel maps no files");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, vtds_fixture_start(&self->f));
	self->page = vtds_page(&self->f.guest);
}

FIXTURE_TEARDOWN(handover)
{
	vtds_fixture_close(&self->f);
}

/* What the new VMM does first. Its tables and its memory are the old one's. */
static int use_shadow(struct vtds_fixture *f, __u64 page)
{
	const struct vtds_desc flush = iotlb_page(TABLE_DID, IOVA);
	struct vtds_dev *dev = &f->dev[0];

	if (vtds_reach_buffers(dev, 1) != 1)
		return 2;
	vtds_map(&f->table, IOVA, page, SZ_4K, PERM_RW);
	if (vtds_flush(&f->unit, &flush, 1) || f->unit.install_errno)
		return 3;
	if (vtds_reach(&f->guest, dev, IOVA, page) != PERM_RW)
		return 4;
	vtds_unmap(&f->table, IOVA, SZ_4K);
	if (vtds_flush(&f->unit, &flush, 1))
		return 5;
	return vtds_reach(&f->guest, dev, IOVA, page) ? 6 : 0;
}

TEST_F(handover, to_a_new_process)
{
	int status = -1;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(take_over(&self->f.vmm) ?
			      1 :
			      use_shadow(&self->f, self->page));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->f.unit, self->f.dev[0].sid,
					 IOVA, self->page));
}

/* --- Registers of a device in guest memory --- */

#ifdef VFIO_DEVICE_FEATURE_DMA_BUF
static int bar_as_dmabuf(const struct vtds_dev *dev, __u64 size)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_dma_buf buf;
		struct vfio_region_dma_range range;
	} get = {
		.head.argsz = sizeof(get),
		.head.flags = VFIO_DEVICE_FEATURE_GET |
			      VFIO_DEVICE_FEATURE_DMA_BUF,
		.buf.region_index = VFIO_PCI_BAR0_REGION_INDEX,
		.buf.open_flags = O_RDWR | O_CLOEXEC,
		.buf.nr_ranges = 1,
		.range.length = size,
	};
	int fd = ioctl(dev->fd, VFIO_DEVICE_FEATURE, &get);

	return fd < 0 ? -errno : fd;
}
#else
static int bar_as_dmabuf(const struct vtds_dev *dev, __u64 size)
{
	return -ENOTTY;
}
#endif

FIXTURE(registers)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(registers)
{
	int fd, rc = -ENOTTY;

	OPEN_FIXTURE(.edu = 1, .nvme = 1);
	self->dev = &self->f.dev[1];
	fd = bar_as_dmabuf(&self->f.dev[0], SZ_64K);
	if (fd >= 0) {
		rc = ioas_map_file(&self->f.vmm, fd, 0, FILE_GPA, SZ_64K);
		close(fd);
	}
	if (rc)
		SKIP(return, "registers cannot be in an IOAS here");
}

FIXTURE_TEARDOWN(registers)
{
	vtds_fixture_close(&self->f);
}

/* Peer-to-peer: not through the shadow */
TEST_F(registers, as_a_target)
{
	vtds_map(&self->f.table, IOVA, FILE_GPA, SZ_4K, PERM_RW);
	vtds_map(&self->f.table, IOVA + SZ_2M, FILE_GPA, SZ_2M, PERM_RW);
	FLUSH_WITH(EINVAL, iotlb_domain(TABLE_DID));
	EXPECT_EQ(PERM_NONE,
		  vtds_answer(&self->f.unit, self->dev->sid, IOVA, FILE_GPA));
	EXPECT_REACH_BUFFERS(3);
}

/* Nothing of them is read as a table or a queue */
TEST_F(registers, as_tables)
{
	struct vtd_shadow_run_queue run = { .size = sizeof(run),
					    .iqa = FILE_GPA,
					    .tail = sizeof(struct vtds_desc) };
	const __u16 sid = self->dev->sid;

	*vtds_entry(&self->f.table, IOVA, 2) = FILE_GPA | SS_RW;
	FLUSH_WITH(EINVAL, iotlb_domain(TABLE_DID));
	EXPECT_FAULT(VTD_SHADOW_FR_TABLE_UNREADABLE, self->dev, IOVA);
	*vtds_entry(&self->f.table, IOVA, 2) = 0;

	*vtds_ctx_entry(&self->f.guest, sid) = FILE_GPA | CTX_P;
	ASSERT_EQ(0, vtds_flush(&self->f.unit, DESCS(cc_device(sid)), 1));
	EXPECT_EQ((unsigned int)EINVAL, self->f.unit.install_errno);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_INVALID, self->dev, IOVA);

	*vtds_root_entry(&self->f.guest, sid) = FILE_GPA | 1;
	FLUSH(cc_device(sid));
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_FAULT(VTD_SHADOW_FR_CTX_UNREADABLE, self->dev, IOVA);

	ASSERT_EQ(0, ioctl(self->f.unit.fd, VTD_SHADOW_RUN_QUEUE, &run));
	EXPECT_EQ((unsigned int)VTD_SHADOW_IQEI_FETCH_FAILED, run.iqei);
}

DMA_TEST_MAIN
