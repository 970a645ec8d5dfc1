// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries one device for real: a guest of a few pages whose unit the engine shadows, one page
 * mapped for the device and unmapped again. The device does nothing meanwhile. Serves
 * vtd_shadow_doctor; calls the kernel alone.
 *
 *   vtd_shadow_try          the module's version of the interface, and that of this program
 *   vtd_shadow_try NODE     NODE is the device's file in /dev/vfio/devices
 *
 * Exit status 0 if all went well; else the last line says what did not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/vtd_shadow.h>

#include "host_uapi.h"

#define BIT_ULL(n) (1ULL << (n))

#define PAGE 4096ULL
/* Out of the way of what hosts keep for themselves, and within 39 bits */
#define RAM_GPA BIT_ULL(32)
#define IOVA BIT_ULL(33)

/* The pages of the guest's memory: tables of legacy mode, four levels */
enum { ROOT, CONTEXT, LEVEL4, LEVEL3, LEVEL2, LEVEL1, TARGET, NR_PAGES };

/* The device is 01:00.0 in the guest, in domain 1 */
#define SOURCE_ID 0x0100
#define DOMAIN_ID 1

#define READ_WRITE 3ULL
#define PRESENT 1ULL
#define FOUR_LEVELS 2ULL

/* VT-d specification, sections 11.4.2 and 11.4.3: no more than this guest needs */
#define CAP_ND_6 6ULL
#define CAP_CM BIT_ULL(7)
#define CAP_SAGAW_48 BIT_ULL(10)
#define CAP_MGAW_48 (47ULL << 16)
#define CAP_PSI BIT_ULL(39)
#define CAP_MAMV_18 (18ULL << 48)
#define ECAP_QI BIT_ULL(1)

/* Section 6.5.2: one page, and all context entries */
#define DESC_IOTLB_PAGE (2ULL | 3 << 4 | DOMAIN_ID << 16)

static uint64_t *ram;
static int iommufd, device, unit;
static uint32_t ioas, dev_id;

static void fail(const char *what)
{
	printf("cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static void call(int fd, unsigned long cmd, void *arg, const char *what)
{
	if (ioctl(fd, cmd, arg))
		fail(what);
}

static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	return fd;
}

static uint64_t gpa(unsigned int page)
{
	return RAM_GPA + page * PAGE;
}

static uint64_t *entry(unsigned int page, unsigned int index)
{
	return &ram[page * PAGE / sizeof(*ram) + index];
}

/* Everything but the leaf */
static void write_tables(void)
{
	uint64_t *context = entry(CONTEXT, 2 * (SOURCE_ID & 0xff));

	*entry(ROOT, 2 * (SOURCE_ID >> 8)) = gpa(CONTEXT) | PRESENT;
	context[1] = DOMAIN_ID << 8 | FOUR_LEVELS;
	context[0] = gpa(LEVEL4) | PRESENT;
	for (unsigned int page = LEVEL4; page < LEVEL1; page++) {
		unsigned int shift = 39 - 9 * (page - LEVEL4);

		*entry(page, IOVA >> shift & 511) = gpa(page + 1) | READ_WRITE;
	}
}

static void set_up_memory(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.iova = RAM_GPA,
		.length = NR_PAGES * PAGE,
	};

	ram = mmap(NULL, NR_PAGES * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		fail("get memory for a guest");
	call(iommufd, IOMMU_IOAS_ALLOC, &alloc, "make an address space");
	ioas = alloc.out_ioas_id;
	map.ioas_id = ioas;
	map.user_va = (uintptr_t)ram;
	call(iommufd, IOMMU_IOAS_MAP, &map, "give memory to iommufd");
}

static void bind_device(void)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};

	call(device, VFIO_DEVICE_BIND_IOMMUFD, &bind,
	     "bind the device to iommufd");
	dev_id = bind.out_devid;
}

static uint32_t module_version(void)
{
	struct vtd_shadow_get_info info = { .size = sizeof(info) };

	call(unit, VTD_SHADOW_GET_INFO, &info, "ask the engine");
	return info.version;
}

static void set_up_unit(void)
{
	struct vtd_shadow_bind bind = {
		.size = sizeof(bind),
		.iommufd = iommufd,
		.ioas_id = ioas,
	};
	struct vtd_shadow_set_state state = {
		.size = sizeof(state),
		.flags = VTD_SHADOW_STATE_TE,
		.rtaddr = gpa(ROOT),
		.cap = CAP_ND_6 | CAP_CM | CAP_SAGAW_48 | CAP_MGAW_48 |
		       CAP_PSI | CAP_MAMV_18,
		.ecap = ECAP_QI,
		.haw = 46,
	};

	call(unit, VTD_SHADOW_BIND, &bind, "give the guest's memory to a unit");
	call(unit, VTD_SHADOW_SET_STATE, &state, "switch the unit on");
}

static void add_device(void)
{
	const uint16_t sid = SOURCE_ID;
	struct vtd_shadow_add_device add = {
		.size = sizeof(add),
		.dev_id = dev_id,
		.identity_pt_id = ioas,
		.source_ids_uptr = (uintptr_t)&sid,
		.nr_source_ids = 1,
	};

	call(unit, VTD_SHADOW_ADD_DEVICE, &add, "add the device to a unit");
	errno = add.install_errno;
	if (errno)
		fail("attach the device");
}

/* The guest announces the page, and the engine says where it leads then. */
static uint64_t change(uint64_t leaf)
{
	const uint64_t desc[2] = { DESC_IOTLB_PAGE, IOVA };
	struct vtd_shadow_invalidate invalidate = {
		.size = sizeof(invalidate),
		.descs_uptr = (uintptr_t)desc,
		.nr_descs = 1,
		.desc_size = sizeof(desc),
	};
	struct vtd_shadow_translate translate = {
		.size = sizeof(translate),
		.source_id = SOURCE_ID,
		.iova = IOVA,
	};

	__atomic_store_n(entry(LEVEL1, IOVA >> 12 & 511), leaf,
			 __ATOMIC_RELEASE);
	call(unit, VTD_SHADOW_INVALIDATE, &invalidate, "pass an invalidation");
	errno = invalidate.install_errno;
	if (errno)
		fail("install a page");
	call(unit, VTD_SHADOW_TRANSLATE, &translate, "look a page up");
	return translate.perm == READ_WRITE ? translate.gpa : 0;
}

static void expect(uint64_t leads_to, uint64_t wanted, const char *what)
{
	if (leads_to == wanted)
		return;
	printf("the page was not %s: it leads to %#llx\n", what,
	       (unsigned long long)leads_to);
	exit(1);
}

int main(int argc, char **argv)
{
	unit = open_node("/dev/vtd_shadow");
	if (argc < 2) {
		printf("%u %u\n", module_version(), VTD_SHADOW_API_VERSION);
		return 0;
	}
	iommufd = open_node("/dev/iommu");
	device = open_node(argv[1]);
	set_up_memory();
	write_tables();
	bind_device();
	set_up_unit();
	add_device();
	expect(change(0), 0, "empty at first");
	expect(change(gpa(TARGET) | READ_WRITE), gpa(TARGET), "mapped");
	expect(change(0), 0, "unmapped");
	printf("a page was mapped for the device and unmapped again\n");
	return 0;
}
