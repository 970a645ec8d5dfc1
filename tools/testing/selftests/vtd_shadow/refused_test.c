// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host refuses: for now (a limit of pinned memory), for good (memory that may
 * only be written or is damaged, IOVA that it keeps for itself), and what it keeps
 * although the VMM thinks that it is gone. The guest is not to blame for any of it, the
 * VMM is told, and what can be done later is done later.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/iommufd.h>
#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL
#define MAX_EVENTS 64

/* The engine tries again within a minute at most, and much sooner at first */
#define PATIENCE_MS 20000

/* Whoever has this is not limited; what it maps in the IOAS later is. */
static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* Of the process that runs the test; 0 for as much as it may have */
static int set_memlock(unsigned long bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	limit.rlim_cur = bytes ?: limit.rlim_max;
	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

/* The events of a type that wait, those of others are dropped; the last goes to @event */
static unsigned int count_events(struct vtds_unit *unit, unsigned int type,
				 struct vtd_shadow_event *event)
{
	struct vtd_shadow_event got[MAX_EVENTS];
	int nr = vtds_events(unit, got, MAX_EVENTS);
	unsigned int count = 0;

	for (int i = 0; i < nr; i++)
		if (got[i].type == type) {
			*event = got[i];
			count++;
		}
	return count;
}

static unsigned int wait_for_event(struct vtds_unit *unit, unsigned int type)
{
	struct vtd_shadow_event event;

	for (unsigned int ms = 0; ms < PATIENCE_MS; ms += 50) {
		if (count_events(unit, type, &event))
			return 1;
		vtds_sleep_ms(50);
	}
	return 0;
}

/* --- The limit of locked memory --- */

FIXTURE(memlock)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
};

FIXTURE_VARIANT(memlock)
{
	bool scalable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(memlock, legacy)
{
	.scalable = false,
};

FIXTURE_VARIANT_ADD(memlock, scalable)
{
	.scalable = true,
};

/* clang-format on */

FIXTURE_SETUP(memlock)
{
	const struct vtds_cast cast = { .nvme = 1,
					.scalable = variant->scalable };

	if (!vtds_scene_possible(&cast))
		SKIP(return, "this machine lacks a device");
	ASSERT_EQ(0, drop_ipc_lock());
	set_memlock(0);
	ASSERT_EQ(0, vtds_scene_prepare(&self->s, &cast));
	self->dev = &self->s.dev[0];
}

FIXTURE_TEARDOWN(memlock)
{
	set_memlock(0);
	vtds_scene_close(&self->s);
}

/* Less than a chunk, yet enough for the tables and some pages */
TEST_F(memlock, room_for_some_pages)
{
	const __u64 size = 2 * SZ_1M;
	struct vtd_shadow_event event;
	__u64 gpa;

	ASSERT_EQ(0, set_memlock(SZ_1M));
	ASSERT_EQ(0, vtds_scene_start(&self->s));
	EXPECT_EQ(0U, self->s.unit.install_errno);
	EXPECT_AT_HOME(1);

	gpa = vtds_pages(&self->s.guest, size, SZ_4K);
	vtds_map_range(&self->s.table, IOVA, gpa, size, PERM_RW);
	FLUSH_WITH(ENOMEM, iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, gpa);
	EXPECT_DEAD(self->dev, IOVA + size - SZ_4K, gpa + size - SZ_4K);
	EXPECT_LE(1U, count_events(&self->s.unit, VTD_SHADOW_EVENT_INSTALL,
				   &event));
	EXPECT_EQ((unsigned int)ENOMEM, event.error);
	EXPECT_EQ(0U, event.reason);

	/* The operator raises it, and nobody says anything */
	ASSERT_EQ(0, set_memlock(0));
	EXPECT_EQ(1U,
		  wait_for_event(&self->s.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + size - SZ_4K,
		     gpa + size - SZ_4K);
	EXPECT_LE(1UL, STAT(retries));
}

/* Not even the root table can be read: that is no fault of the guest's */
TEST_F(memlock, room_for_nothing)
{
	struct vtd_shadow_event event;

	ASSERT_EQ(0, set_memlock(SZ_4K - 1));
	EXPECT_EQ(-EBADMSG, vtds_scene_start(&self->s));
	EXPECT_EQ((unsigned int)ENOMEM, self->s.unit.install_errno);
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_EQ(1U, count_events(&self->s.unit, VTD_SHADOW_EVENT_INSTALL,
				   &event));
	EXPECT_EQ((unsigned int)ENOMEM, event.error);
	EXPECT_EQ((unsigned int)self->dev->sid, event.source_id);
	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_EQ((unsigned int)ENOMEM, self->s.unit.install_errno);
	EXPECT_EQ(0U,
		  count_events(&self->s.unit, VTD_SHADOW_EVENT_FAULT, &event));

	ASSERT_EQ(0, set_memlock(0));
	EXPECT_EQ(1U,
		  wait_for_event(&self->s.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_ATTACHED(SHADOW, self->dev);
	EXPECT_AT_HOME(1);
}

/* The guest's own queue cannot be read: the call fails, and nothing is lost */
TEST_F(memlock, no_room_for_the_queue)
{
	struct vtd_shadow_run_queue result;
	struct vtds_queue queue;
	struct vtds_desc desc = iotlb_domain(SCENE_DID);

	ASSERT_EQ(0, vtds_scene_start(&self->s));
	/* In memory of its own, which nothing uses yet */
	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas,
				   self->s.guest.ram[1].hva, SPARE_GPA, SZ_2M,
				   PERM_RW));
	queue = (struct vtds_queue){ .guest = &self->s.guest,
				     .gpa = SPARE_GPA,
				     .wide = variant->scalable };
	vtds_queue_put(&queue, &desc);
	ASSERT_EQ(0, set_memlock(SZ_4K - 1));
	EXPECT_EQ(-ENOMEM, vtds_queue_run(&self->s.unit, &queue, &result));
	EXPECT_EQ(0U, result.status);
	EXPECT_EQ(0U, result.done);
	EXPECT_EQ(0ULL, queue.head);
	ASSERT_EQ(0, set_memlock(0));
	EXPECT_EQ(0, vtds_queue_run(&self->s.unit, &queue, &result));
	EXPECT_EQ(1U, result.done);
}

/* What nobody uses makes room for what somebody wants */
TEST_F(memlock, idle_memory_goes)
{
	__u64 gpa;

	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  2 * SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas,
				   self->s.guest.ram[1].hva, SPARE_GPA,
				   2 * SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_scene_start(&self->s));
	gpa = STAT(pinned_pages) * SZ_4K;
	ASSERT_EQ(0, set_memlock(gpa + SZ_2M));
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_EQ((gpa + SZ_2M) / SZ_4K, STAT(pinned_pages));

	vtds_map(&self->s.table, IOVA, SPARE_GPA + SZ_2M, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOMEM, iotlb_page(SCENE_DID, IOVA));
	EXPECT_EQ(1U,
		  wait_for_event(&self->s.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA + SZ_2M);
}

/* --- Memory of other kinds --- */

FIXTURE(kinds)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	char *hva;
};

FIXTURE_SETUP(kinds)
{
	struct vtds_guest *guest = &self->s.guest;

	OPEN_SCENE(.nvme = 1);
	self->dev = &self->s.dev[0];
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
	vtds_scene_close(&self->s);
}

static int give(struct vtds_scene *s, __u64 offset, __u64 size,
		unsigned int perm)
{
	return vtds_ioas_map(&s->vmm, s->vmm.ioas,
			     (char *)s->guest.ram[1].hva + offset,
			     SPARE_GPA + offset, size, perm);
}

/*
 * Memory that devices may only write: where the host cannot express that they get
 * nothing, whatever the guest says.
 */
TEST_F(kinds, write_only)
{
	const __u64 places[] = { SZ_1M, SZ_2M - SZ_4K };

	ASSERT_EQ(0, give(&self->s, 0, SZ_1M, PERM_RW));
	ASSERT_EQ(0, give(&self->s, SZ_1M, SZ_1M, PERM_W));
	for (unsigned int super = 0; super < 2; super++) {
		if (super)
			vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_2M,
				 PERM_RW);
		else
			vtds_map_range(&self->s.table, IOVA, SPARE_GPA, SZ_2M,
				       PERM_RW);
		ASSERT_EQ(0, vtds_flush(&self->s.unit,
					DESCS(iotlb_domain(SCENE_DID)), 1));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
		for (unsigned int i = 0; i < 2; i++) {
			int reach = vtds_reach(&self->s.guest, self->dev,
					       IOVA + places[i],
					       SPARE_GPA + places[i]);

			EXPECT_EQ(0, reach & PERM_R);
			EXPECT_EQ(reach,
				  vtds_answer(&self->s.unit, self->dev->sid,
					      IOVA + places[i],
					      SPARE_GPA + places[i]));
			EXPECT_EQ(reach ? 0 : EPERM,
				  (int)self->s.unit.install_errno);
			EXPECT_EQ(host.intel ? PERM_NONE : PERM_W, reach);
		}
		*vtds_entry(&self->s.table, IOVA, 2) = 0;
		FLUSH(iotlb_domain(SCENE_DID));
	}
	/* The guest wants to write only what may be read and written: that is another thing */
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_W);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_W, self->dev, IOVA, SPARE_GPA);
}

/* Nor does the unit read it: as tables such memory is none */
TEST_F(kinds, tables_in_write_only_memory)
{
	__u64 *leaf = vtds_hva(&self->s.guest, SPARE_GPA);
	__u64 page = vtds_page(&self->s.guest);

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_W));
	leaf[0] = page | SS_RW;
	*vtds_entry(&self->s.table, IOVA, 2) = SPARE_GPA | SS_RW;
	FLUSH_WITH(EPERM, iotlb_domain(SCENE_DID));
	EXPECT_DEAD(self->dev, IOVA, page);
	EXPECT_FAULT(FAULT_TABLE_UNREADABLE, self->dev, IOVA);
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

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	vtds_unmap(&self->s.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(SCENE_DID, IOVA));

	pinned = STAT(pinned_pages);
	ASSERT_EQ(0, ioctl(self->s.unit.fd, VTD_SHADOW_RESYNC, &resync));
	EXPECT_EQ(pinned - SZ_2M / SZ_4K, STAT(pinned_pages));
	ASSERT_EQ(0, madvise(self->hva, SZ_4K, MADV_DONTNEED));
	self->hva[0] = 1;
	vtds_map(&self->s.table, IOVA, SPARE_GPA, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(SCENE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	/* What is in use stays */
	resync.flags = VTD_SHADOW_RESYNC_RELEASE;
	pinned = STAT(pinned_pages);
	ASSERT_EQ(0, ioctl(self->s.unit.fd, VTD_SHADOW_RESYNC, &resync));
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
	struct uffdio_register reg = { .range.start = (unsigned long)self->hva,
				       .range.len = SZ_2M,
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	pthread_t thread;

	if (fd < 0)
		SKIP(return, "no userfaultfd here");
	ASSERT_EQ(0, madvise(self->hva, SZ_2M, MADV_DONTNEED));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer_faults, &fd));
	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	vtds_map_range(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, SPARE_GPA);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1M, SPARE_GPA + SZ_1M);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	close(fd);
}

static void do_nothing(int sig)
{
}

/* Damaged memory, before it is pinned and after: no table is read there */
TEST_F(kinds, poisoned)
{
	__u64 *leaf = vtds_hva(&self->s.guest, SPARE_GPA + SZ_4K);
	__u64 page = vtds_page(&self->s.guest);

	ASSERT_EQ(0, give(&self->s, 0, SZ_2M, PERM_RW));
	leaf[0] = page | SS_RW;
	*vtds_entry(&self->s.table, IOVA, 2) = (SPARE_GPA + SZ_4K) | SS_RW;
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);

	/* The kernel tells who has it mapped, and this process knows */
	signal(SIGBUS, do_nothing);
	if (madvise(leaf, SZ_4K, MADV_HWPOISON) && errno == EINVAL)
		SKIP(return, "no MADV_HWPOISON here");
	FLUSH_WITH(EHWPOISON, iotlb_domain(SCENE_DID));
	EXPECT_DEAD(self->dev, IOVA, page);
	vtds_map(&self->s.table, IOVA + SZ_2M, SPARE_GPA + 2 * SZ_4K, SZ_4K,
		 PERM_RW);
	FLUSH_WITH(EHWPOISON, iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_2M, SPARE_GPA + 2 * SZ_4K);
	*vtds_entry(&self->s.table, IOVA, 2) = 0;
	FLUSH(iotlb_domain(SCENE_DID));
}

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
static int give_file(struct vtds_scene *s, int fd, __u64 start, __u64 gpa,
		     __u64 size)
{
	void *hva =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);

	if (hva == MAP_FAILED)
		return -errno;
	s->guest.ram[s->guest.nr_ram++] =
		(struct vtds_ram){ .gpa = gpa, .size = size, .hva = hva };
	return ioas_map_file(&s->vmm, fd, start, gpa, size);
}

static int make_file(__u64 size, unsigned int flags)
{
	int fd = memfd_create("refused", MFD_CLOEXEC | flags);

	if (fd >= 0 && ftruncate(fd, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

#define FILE_GPA (SPARE_GPA + SZ_1G)

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
		rc = give_file(&self->s, fd, parts[i].start, parts[i].gpa,
			       parts[i].size);
		close(fd);
		if (rc == -ENOTTY)
			SKIP(return, "this kernel maps no files");
		ASSERT_EQ(0, rc);
	}
	vtds_map_range(&self->s.table, IOVA, FILE_GPA, size, PERM_RW);
	vtds_map(&self->s.table, IOVA + SZ_1G, FILE_GPA + SZ_2M, SZ_2M,
		 PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
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
	ASSERT_EQ(0, vtds_ioas_unmap(&self->s.vmm, self->s.vmm.ioas,
				     FILE_GPA + SZ_2M, SZ_1M));
	EXPECT_DEAD(self->dev, IOVA + SZ_1G, FILE_GPA + SZ_2M);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G + SZ_1M,
		     FILE_GPA + SZ_2M + SZ_1M);
}

/* An nvdimm that is read-only: so is its file */
TEST_F(kinds, read_only_file)
{
	char name[] = "/tmp/refused.XXXXXX";
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
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas, hva,
				   FILE_GPA, SZ_2M, PERM_R));
	vtds_map(&self->s.table, IOVA, FILE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_EQ(PERM_R,
		  vtds_answer(&self->s.unit, self->dev->sid, IOVA, FILE_GPA));
	/* The file system of a real disk would not have it pinned to be written */
	vtds_map(&self->s.table, IOVA, FILE_GPA, SZ_2M, PERM_W);
	FLUSH_WITH(EPERM, iotlb_domain(SCENE_DID));
	EXPECT_EQ(PERM_NONE,
		  vtds_answer(&self->s.unit, self->dev->sid, IOVA, FILE_GPA));
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
	struct vtds_scene s;
	__u64 page;
};

/* All of memory is files: nothing else can change hands */
FIXTURE_SETUP(handover)
{
	const struct vtds_cast cast = { .nvme = 1 };
	struct vtds_ram *ram = &self->s.guest.ram[0];
	int rc;

	if (!vtds_scene_possible(&cast))
		SKIP(return, "this machine lacks a device");
	ASSERT_EQ(0, vtds_scene_prepare(&self->s, &cast));
	ASSERT_EQ(0, vtds_ioas_unmap(&self->s.vmm, self->s.vmm.ioas, ram->gpa,
				     ram->size));
	rc = ioas_map_file(&self->s.vmm, ram->fd, 0, ram->gpa, ram->size);
	if (rc == -ENOTTY)
		SKIP(return, "this kernel maps no files");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, vtds_scene_start(&self->s));
	self->page = vtds_page(&self->s.guest);
}

FIXTURE_TEARDOWN(handover)
{
	vtds_scene_close(&self->s);
}

/* What the new VMM does first. Its tables and its memory are the old one's. */
static int use_shadow(struct vtds_scene *s, __u64 page)
{
	const struct vtds_desc flush = iotlb_page(SCENE_DID, IOVA);
	struct vtds_dev *dev = &s->dev[0];

	if (vtds_at_home(dev, 1) != 1)
		return 2;
	vtds_map(&s->table, IOVA, page, SZ_4K, PERM_RW);
	if (vtds_flush(&s->unit, &flush, 1) || s->unit.install_errno)
		return 3;
	if (vtds_reach(&s->guest, dev, IOVA, page) != PERM_RW)
		return 4;
	vtds_unmap(&s->table, IOVA, SZ_4K);
	if (vtds_flush(&s->unit, &flush, 1))
		return 5;
	return vtds_reach(&s->guest, dev, IOVA, page) ? 6 : 0;
}

TEST_F(handover, to_a_new_process)
{
	int status = -1;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(take_over(&self->s.vmm) ?
			      1 :
			      use_shadow(&self->s, self->page));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->s.unit, self->s.dev[0].sid,
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
	struct vtds_scene s;
	struct vtds_dev *dev;
};

FIXTURE_SETUP(registers)
{
	int fd, rc = -ENOTTY;

	OPEN_SCENE(.edu = 1, .nvme = 1);
	self->dev = &self->s.dev[1];
	fd = bar_as_dmabuf(&self->s.dev[0], SZ_64K);
	if (fd >= 0) {
		rc = ioas_map_file(&self->s.vmm, fd, 0, FILE_GPA, SZ_64K);
		close(fd);
	}
	if (rc)
		SKIP(return, "registers cannot be in an IOAS here");
}

FIXTURE_TEARDOWN(registers)
{
	vtds_scene_close(&self->s);
}

/* Peer-to-peer: not through the shadow */
TEST_F(registers, as_a_target)
{
	vtds_map(&self->s.table, IOVA, FILE_GPA, SZ_4K, PERM_RW);
	vtds_map(&self->s.table, IOVA + SZ_2M, FILE_GPA, SZ_2M, PERM_RW);
	FLUSH_WITH(EINVAL, iotlb_domain(SCENE_DID));
	EXPECT_EQ(PERM_NONE,
		  vtds_answer(&self->s.unit, self->dev->sid, IOVA, FILE_GPA));
	EXPECT_AT_HOME(3);
}

/* Nothing of them is read as a table or a queue */
TEST_F(registers, as_tables)
{
	struct vtd_shadow_run_queue run = { .size = sizeof(run),
					    .iqa = FILE_GPA,
					    .tail = sizeof(struct vtds_desc) };
	const __u16 sid = self->dev->sid;

	*vtds_entry(&self->s.table, IOVA, 2) = FILE_GPA | SS_RW;
	FLUSH_WITH(EINVAL, iotlb_domain(SCENE_DID));
	EXPECT_FAULT(FAULT_TABLE_UNREADABLE, self->dev, IOVA);
	*vtds_entry(&self->s.table, IOVA, 2) = 0;

	*vtds_ctx_entry(&self->s.guest, sid) = FILE_GPA | CTX_P;
	ASSERT_EQ(0, vtds_flush(&self->s.unit, DESCS(cc_device(sid)), 1));
	EXPECT_EQ((unsigned int)EINVAL, self->s.unit.install_errno);
	EXPECT_FAULT(FAULT_CTX_INVALID, self->dev, IOVA);

	*vtds_root_entry(&self->s.guest, sid) = FILE_GPA | 1;
	FLUSH(cc_device(sid));
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_FAULT(FAULT_CTX_UNREADABLE, self->dev, IOVA);

	ASSERT_EQ(0, ioctl(self->s.unit.fd, VTD_SHADOW_RUN_QUEUE, &run));
	EXPECT_EQ((unsigned int)VTD_SHADOW_IQEI_FETCH_FAILED, run.iqei);
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

	ASSERT_EQ(0, ioctl(self->s.unit.fd, VTD_SHADOW_GET_INFO, &info));
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
	ASSERT_EQ(0, ioctl(self->s.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(nr, info.nr_reserved);
	info.dev_id = self->s.vmm.ioas;
	EXPECT_EQ(-1, ioctl(self->s.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(ENOENT, errno);
	info.flags = 0;
	EXPECT_EQ(-1, ioctl(self->s.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

/* --- A device of the same host group that another driver has --- */

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int rebind(const char *bdf, const char *driver)
{
	char path[96];
	int rc;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind",
		 bdf);
	write_to(path, bdf);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 bdf);
	rc = write_to(path, driver);
	return rc ?: write_to("/sys/bus/pci/drivers_probe", bdf);
}

FIXTURE(sibling)
{
	struct vtds_scene s;
	struct vtds_dev other;
};

/* The other one is not attached yet */
FIXTURE_SETUP(sibling)
{
	const struct vtds_cast cast = { .shared = 1 };
	char bdf[sizeof(self->other.bdf)];

	self->other.fd = -1;
	if (vtds_dev_count(VTDS_EDU_SHARED) < 2)
		SKIP(return, "no two devices in one group");
	ASSERT_EQ(0, vtds_dev_open(&self->other, VTDS_EDU_SHARED, 1));
	vtds_dev_close(&self->other);
	memcpy(bdf, self->other.bdf, sizeof(bdf));
	if (rebind(bdf, "vfio-pci"))
		SKIP(return, "no other VFIO driver");
	ASSERT_EQ(0, vtds_scene_prepare(&self->s, &cast));
	ASSERT_EQ(0, vtds_dev_open_at(&self->other, VTDS_EDU_SHARED, bdf));
	ASSERT_EQ(0, vtds_dev_bind(&self->other, self->s.vmm.iommufd));
}

FIXTURE_TEARDOWN(sibling)
{
	char bdf[sizeof(self->other.bdf)];

	memcpy(bdf, self->other.bdf, sizeof(bdf));
	if (self->other.fd >= 0)
		vtds_dev_close(&self->other);
	vtds_scene_close(&self->s);
	rebind(bdf, "vtd_shadow_vfio_pci");
}

/* Attached for the other one the device would reach what the VMM gave that */
TEST_F(sibling, attached_before)
{
	ASSERT_EQ(0, vtds_dev_attach(&self->other, self->s.vmm.ioas));
	EXPECT_EQ(-EBUSY, vtds_scene_start(&self->s));
	ASSERT_EQ(0, vtds_dev_detach(&self->other));
	EXPECT_EQ(0, vtds_scene_start(&self->s));
	EXPECT_AT_HOME(1);
	/* Now it is the other one's turn to be refused */
	EXPECT_NE(0, vtds_dev_attach(&self->other, self->s.vmm.ioas));
	EXPECT_AT_HOME(1);
}

/* While the guest wants the device to be blocked nobody can stop the other one */
TEST_F(sibling, attached_while_blocked)
{
	struct vtd_shadow_translate result;
	struct vtds_dev *dev = &self->s.dev[0];

	ASSERT_EQ(0, vtds_scene_start(&self->s));
	vtds_ctx_set(&self->s.guest, dev->sid, 0, 0);
	FLUSH(cc_device(dev->sid));
	EXPECT_AT_HOME(0);
	ASSERT_EQ(0,
		  vtds_translate(&self->s.unit, dev->sid, dev->home, &result));
	ASSERT_EQ(0, vtds_dev_attach(&self->other, self->s.vmm.ioas));
	EXPECT_EQ(-EIO,
		  vtds_translate(&self->s.unit, dev->sid, dev->home, &result));
	/* And what the guest wants then cannot be had, until the other one goes */
	vtds_ctx_use(&self->s.guest, dev->sid, &self->s.table);
	FLUSH_WITH(EBUSY, cc_device(dev->sid));
	ASSERT_EQ(0, vtds_dev_detach(&self->other));
	EXPECT_EQ(1U,
		  wait_for_event(&self->s.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_AT_HOME(1);
}

DMA_TEST_MAIN
