// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM in a sandbox: a user without capabilities, in a memory cgroup, who was handed
 * three open files (/dev/vtd_shadow, /dev/iommu, the device) and can open none. It needs
 * nothing more, and reaches nothing else.
 *
 * The test itself is root. What the VMM does is a child, which tells by its exit status
 * whether all went right.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SECRET_GPA 0x400000000ULL
#define NOBODY 65534
#define MEMLOCK (16 * SZ_1M)

#define CGROUPS "/tmp/vtds_cgroups"
#define CGROUP CGROUPS "/sandbox"

/* Tables in use, and what the kernel keeps of them at least */
#define DEEP_TABLES 1024
#define DEEP_BYTES (DEEP_TABLES * SZ_4K)

/**
 * struct sandbox - A VMM, and its neighbour who is not in a sandbox
 * @f: What the VMM has; when it begins, three files
 * @neighbour: Another VMM with a device that works
 * @secret: A file that the VMM may read
 * @ready: Pipe on which the VMM says how far it is
 * @go_on: Pipe on which it waits for the test
 */
FIXTURE(sandbox)
{
	struct vtds_fixture f;
	struct vtds_fixture neighbour;
	int secret;
	int ready[2];
	int go_on[2];
};

static long kernel_memory(void)
{
	return vtds_number_in(CGROUP "/memory.stat", "kernel");
}

static long host_tables(void)
{
	return vtds_number_in("/proc/vmstat", "nr_iommu_pages") * SZ_4K;
}

static bool make_cgroup(void)
{
	mkdir(CGROUPS, 0755);
	return !mount("none", CGROUPS, "cgroup2", 0, NULL) &&
	       !vtds_write_file(CGROUPS "/cgroup.subtree_control", "+memory") &&
	       !mkdir(CGROUP, 0755) &&
	       !vtds_write_file(CGROUP "/memory.max", "100000000");
}

static void remove_cgroup(void)
{
	rmdir(CGROUP);
	umount(CGROUPS);
	rmdir(CGROUPS);
}

/* A page that can be read only, with this descriptor and by whom has no other */
static int open_secret(void)
{
	int fd = memfd_create("secret", MFD_CLOEXEC), secret;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ftruncate(fd, SZ_4K) || fchmod(fd, 0444))
		return -1;
	secret = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return secret;
}

FIXTURE_SETUP(sandbox)
{
	const struct vtds_config config = { .nvme = 1 };

	if (vtds_dev_count(VTDS_EDU) < 1 || vtds_dev_count(VTDS_NVME) < 1)
		SKIP(return, "this machine lacks a device");
	ASSERT_EQ(0, vtds_fixture_open(&self->neighbour, &config));
	ASSERT_EQ(0, vtds_unit_open(&self->f.unit));
	self->f.vmm.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->f.vmm.iommufd);
	ASSERT_EQ(0, vtds_dev_open(&self->f.dev[0], VTDS_EDU, 0));
	self->f.nr_devs = 1;
	self->secret = open_secret();
	ASSERT_LE(0, self->secret);
	ASSERT_EQ(0, pipe(self->ready));
	ASSERT_EQ(0, pipe(self->go_on));
	remove_cgroup();
	ASSERT_TRUE(make_cgroup());
}

FIXTURE_TEARDOWN(sandbox)
{
	vtds_fixture_close(&self->f);
	vtds_fixture_close(&self->neighbour);
	close(self->secret);
	remove_cgroup();
}

/* --- Inside --- */

/* Ends the VMM, unless it is so */
#define MUST(_what)                                   \
	do {                                          \
		if (!(_what)) {                       \
			dprintf(1,                    \
				"# in the sandbox: "  \
				"not %s: errno %d\n", \
				#_what, errno);       \
			_exit(1);                     \
		}                                     \
	} while (0)

static void become_nobody(void)
{
	const struct rlimit limit = { MEMLOCK, MEMLOCK };

	MUST(!vtds_write_file(CGROUP "/cgroup.procs", "0"));
	MUST(!setrlimit(RLIMIT_MEMLOCK, &limit));
	MUST(!setgroups(0, NULL));
	MUST(!setresgid(NOBODY, NOBODY, NOBODY));
	MUST(!setresuid(NOBODY, NOBODY, NOBODY));
	MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

#define INSN(_insn) ((struct sock_filter)_insn)

/*
 * A VMM needs five system calls for its devices: ioctl, read for events, poll, mmap for
 * registers and pwrite for the configuration space. The others are for the rest of it.
 */
static void allow_few_calls(void)
{
	static const unsigned int calls[] = {
		SYS_ioctl,	   SYS_read,	  SYS_poll,
		SYS_mmap,	   SYS_pwrite64,  SYS_write,
		SYS_munmap,	   SYS_brk,	  SYS_clock_nanosleep,
		SYS_clock_gettime, SYS_getrandom, SYS_exit_group,
	};
	const __u16 equal = BPF_JMP | BPF_JEQ | BPF_K;
	struct sock_filter filter[2 * ARRAY_SIZE(calls) + 2];
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };
	struct sock_filter *to = filter;

	*to++ = INSN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			      offsetof(struct seccomp_data, nr)));
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		*to++ = INSN(BPF_JUMP(equal, calls[i], 0, 1));
		*to++ = INSN(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	*to = INSN(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	MUST(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* Nothing that others have can be opened, neither to read nor to write */
static void open_nothing(void)
{
	static const char *const names[] = {
		"/dev/vtd_shadow",
		"/dev/iommu",
		"/dev/vfio/devices/*",
		"/dev/vtds_walk",
		"/sys/bus/pci/drivers/vtd_shadow_vfio_pci/unbind",
		"/sys/module/vtd_shadow/parameters/*",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		glob_t found = {};

		glob(names[i], 0, NULL, &found);
		for (size_t j = 0; j < found.gl_pathc; j++)
			MUST(open(found.gl_pathv[j], O_RDWR) < 0 &&
			     errno == EACCES);
		globfree(&found);
	}
}

/* Guest memory, a unit with its state, and the device on a table: as any VMM does it */
static void set_up(struct vtds_fixture *f)
{
	struct vtds_dev *dev = &f->dev[0];

	MUST(!vtds_ioas_alloc(&f->vmm, &f->vmm.ioas));
	MUST(!vtds_ram_map(&f->guest, &f->vmm));
	MUST(!vtds_dev_bind(dev, f->vmm.iommufd));
	dev->sid = 0x100;
	dev->buffer = vtds_pages(&f->guest, VTDS_BUFFER_SIZE, SZ_4K);
	dev->buffer_hva = vtds_hva(&f->guest, dev->buffer);
	MUST(!vtds_unit_bind(&f->unit, &f->vmm, 0, 0));
	f->guest.root = vtds_page(&f->guest);
	vtds_table_init(&f->table, &f->guest, 4, TABLE_DID);
	MUST(!vtds_fixture_start(f));
}

/* DMA, flushes, an event, what the unit answers */
static void use(struct vtds_fixture *f)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	struct vtd_shadow_event event;
	__u64 gpa = vtds_page(&f->guest);

	MUST(vtds_reach_buffers(f->dev, 1) == 1);
	MUST(vtds_fixture_answer_buffers(f) == 1);
	vtds_map(&f->table, IOVA, gpa, SZ_4K, PERM_R);
	vtds_map(&f->table, IOVA + SZ_4K, SECRET_GPA + SZ_1G, SZ_4K, PERM_RW);
	MUST(!vtds_flush(&f->unit, &desc, 1));
	MUST(vtds_reach(&f->guest, &f->dev[0], IOVA, gpa) == PERM_R);
	MUST(vtds_events(&f->unit, &event, 1) == 1);
	MUST(!vtds_resync(&f->unit));
	vtds_unmap(&f->table, IOVA, SZ_4K);
	MUST(!vtds_flush(&f->unit, &desc, 1));
	MUST(vtds_reach(&f->guest, &f->dev[0], IOVA, gpa) == PERM_NONE);
}

/* The device takes something that is not zero from its buffer and writes it to @iova */
static void write_pattern(struct vtds_dev *dev, __u64 iova)
{
	memset(dev->buffer_hva, 0xaa, VTDS_EDU_LEN);
	MUST(!vtds_edu_start_read(dev, dev->buffer));
	MUST(!vtds_edu_wait(dev));
	MUST(!vtds_edu_start_write(dev, iova));
	MUST(!vtds_edu_wait(dev));
}

/* Devices that others have: no number names them */
static void take_no_device(struct vtds_fixture *f)
{
	for (__u32 id = 0; id < 64; id++) {
		struct vtd_shadow_get_info info = {
			.size = sizeof(info),
			.flags = VTD_SHADOW_INFO_DEVICE,
			.dev_id = id,
		};

		if (id == f->dev[0].dev_id)
			continue;
		MUST(vtds_add_device(&f->unit, id, f->vmm.ioas, &f->dev[0].sid,
				     1) == -ENOENT);
		MUST(ioctl(f->unit.fd, VTD_SHADOW_GET_INFO, &info) < 0 &&
		     errno == ENOENT);
	}
}

/* One table, which 1024 entries of others lead to: the kernel mirrors each path */
static void map_much(struct vtds_fixture *f)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	__u64 *above = vtds_entry(&f->table, IOVA, 2);
	__u64 table;

	vtds_entry(&f->table, IOVA, 1);
	vtds_map(&f->table, IOVA, f->dev[0].buffer, SZ_4K, PERM_RW);
	table = *above;
	for (__u64 i = 0; i < DEEP_TABLES; i++)
		*vtds_entry(&f->table, IOVA + i * SZ_2M, 2) = table;
	MUST(!vtds_flush(&f->unit, &desc, 1));
	MUST(!f->unit.install_errno);
}

static void tell_and_wait(int ready, int go_on)
{
	char byte = 0;

	MUST(write(ready, &byte, 1) == 1);
	MUST(read(go_on, &byte, 1) == 1);
}

/* --- Outside --- */

#define START()                                                                \
	({                                                                     \
		pid_t _vmm = fork();                                           \
		ASSERT_LE(0, _vmm);                                            \
		if (!_vmm) {                                                   \
			become_nobody();                                       \
			MUST(!vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, \
					   RAM_GPA, RAM_SIZE));                \
		}                                                              \
		_vmm;                                                          \
	})

static int status_of(pid_t vmm)
{
	int status;

	return waitpid(vmm, &status, 0) == vmm ? status : -1;
}

/* All that a VMM does, from here to its end */
static void live(struct vtds_fixture *f)
{
	set_up(f);
	use(f);
	take_no_device(f);
	_exit(0);
}

TEST_F(sandbox, needs_nothing_more)
{
	pid_t vmm = START();

	if (!vmm) {
		open_nothing();
		live(&self->f);
	}
	EXPECT_EQ(0, status_of(vmm));
	EXPECT_EQ(1, vtds_reach_buffers(self->neighbour.dev, 1));
}

TEST_F(sandbox, few_system_calls)
{
	pid_t vmm;

	/* Where there are filters, NULL is no place for one */
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) ||
	    errno != EFAULT)
		SKIP(return, "this kernel has no seccomp filters");
	vmm = START();
	if (!vmm) {
		allow_few_calls();
		live(&self->f);
	}
	EXPECT_EQ(0, status_of(vmm));
	EXPECT_EQ(1, vtds_reach_buffers(self->neighbour.dev, 1));
}

/* A file that the user may read does not change by DMA, whatever VMM and guest say */
TEST_F(sandbox, file_to_read)
{
	char found[SZ_4K], zeroes[SZ_4K] = {};
	pid_t vmm = START();

	if (!vmm) {
		struct vtds_fixture *f = &self->f;
		const struct vtds_desc desc = iotlb_domain(TABLE_DID);
		void *at = mmap(NULL, SZ_4K, PROT_READ, MAP_SHARED,
				self->secret, 0);

		MUST(at != MAP_FAILED);
		set_up(f);
		MUST(!vtds_ioas_map(&f->vmm, f->vmm.ioas, at, SECRET_GPA, SZ_4K,
				    PERM_RW));
		vtds_map(&f->table, IOVA, SECRET_GPA, SZ_4K, PERM_RW);
		MUST(!vtds_flush(&f->unit, &desc, 1));
		MUST(f->unit.install_errno);
		write_pattern(&f->dev[0], IOVA);
		MUST(vtds_reach_buffers(f->dev, 1) == 1);
		_exit(0);
	}
	EXPECT_EQ(0, status_of(vmm));
	ASSERT_EQ(SZ_4K, pread(self->secret, found, SZ_4K, 0));
	EXPECT_EQ(0, memcmp(found, zeroes, SZ_4K));
}

/* What the kernel keeps for the unit is the cgroup's, and goes with the VMM */
TEST_F(sandbox, memory_is_charged)
{
	long before, used, tables;
	char byte = 0;
	pid_t vmm;

	vmm = START();
	if (!vmm) {
		set_up(&self->f);
		tell_and_wait(self->ready[1], self->go_on[0]);
		map_much(&self->f);
		tell_and_wait(self->ready[1], self->go_on[0]);
		_exit(0);
	}
	/* Else a VMM that ends does not end the wait */
	close(self->ready[1]);
	vtds_fixture_close(&self->f);
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	before = kernel_memory();
	tables = host_tables();
	ASSERT_EQ(1, write(self->go_on[1], &byte, 1));
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	used = kernel_memory();
	/* The mirror, and page tables of the host */
	EXPECT_LE((long)DEEP_BYTES + host_tables() - tables, used - before);
	ASSERT_EQ(1, write(self->go_on[1], &byte, 1));
	EXPECT_EQ(0, status_of(vmm));
	for (int i = 0; i < 500 && kernel_memory() > (long)DEEP_BYTES / 4; i++)
		vtds_sleep_ms(20);
	EXPECT_GE((long)DEEP_BYTES / 4, kernel_memory());
	TH_LOG("charged: %ld KiB, after the end %ld KiB",
	       (used - before) / 1024, kernel_memory() / 1024);
}

TEST_HARNESS_MAIN
