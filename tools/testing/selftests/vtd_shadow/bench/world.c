// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark's guest, its VMM and the devices, one for each way.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "bench.h"
#include "floor/vtds_floor.h"

#define TYPE1_LIMIT "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"

void bench_flush(struct vtds_unit *unit, struct vtds_desc desc)
{
	CHECK(!vtds_flush(unit, &desc, 1));
	CHECK(!unit->install_errno);
}

static void open_memory(struct bench *b)
{
	struct vtds_guest *guest = &b->guest;

	CHECK(!vtds_ram_add(guest, VTDS_RAM_SCATTERED, RAM_GPA,
			    BENCH_TABLES_SIZE));
	CHECK(!vtds_ram_add(guest, VTDS_RAM_SCATTERED, BENCH_SMALL_GPA,
			    BENCH_SMALL_SIZE));
	CHECK(!vtds_ram_add(guest, VTDS_RAM_2M, RAM_2M_GPA, BENCH_HUGE_SIZE));
	CHECK(!vtds_ram_add(guest, VTDS_RAM_1G, RAM_1G_GPA, SZ_1G));
	/* Huge pages are there once they are touched */
	for (__u64 at = 0; at < BENCH_HUGE_SIZE; at += SZ_2M)
		memset(vtds_hva(guest, RAM_2M_GPA + at), 1, SZ_4K);
	memset(vtds_hva(guest, RAM_1G_GPA), 1, SZ_4K);
	CHECK(!vtds_ram_map(guest, &b->vmm));
}

void bench_open(struct bench *b)
{
	struct vtds_dev *dev = &b->dev[BENCH_DEV_ENGINE];

	memset(b, 0, sizeof(*b));
	CHECK(!vtds_vmm_open(&b->vmm));
	open_memory(b);

	for (unsigned int i = 0; i < BENCH_NR_DEVS; i++) {
		CHECK(!vtds_dev_open(&b->dev[i], VTDS_EDU, i));
		b->dev[i].sid = (i + 1) << 8;
	}
	CHECK(!vtds_dev_bind(dev, b->vmm.iommufd));
	CHECK(!vtds_dev_bind(&b->dev[BENCH_DEV_JOIN], b->vmm.iommufd));
	CHECK(!vtds_dev_bind(&b->dev[BENCH_DEV_KEEP], b->vmm.iommufd));

	b->guest.root = vtds_page(&b->guest);
	vtds_queue_init(&b->queue, &b->guest, 0, false);
	vtds_ctx_entry(&b->guest, dev->sid);
	vtds_ctx_entry(&b->guest, b->dev[BENCH_DEV_JOIN].sid);
	vtds_ctx_entry(&b->guest, b->dev[BENCH_DEV_KEEP].sid);
	b->mark = b->guest.next;

	CHECK(!vtds_unit_open(&b->unit));
	CHECK(!vtds_unit_bind(&b->unit, &b->vmm, 0, 0));
	b->unit.flags = VTD_SHADOW_STATE_TE;
	b->unit.rtaddr = b->guest.root;
	CHECK(!vtds_set_state(&b->unit));
	CHECK(!vtds_add_device(&b->unit, dev->dev_id, b->vmm.ioas, &dev->sid,
			       1));
	bench_new_table(b);
}

/*
 * The engine's device gets an empty table, the old one is forgotten. So no case
 * pays for tables that another one left.
 */
void bench_new_table(struct bench *b)
{
	struct vtds_dev *dev = &b->dev[BENCH_DEV_ENGINE];

	vtds_ctx_set(&b->guest, dev->sid, 0, 0);
	bench_flush(&b->unit, cc_device(dev->sid));
	b->guest.next = b->mark;
	vtds_table_init(&b->table, &b->guest, 4, BENCH_DID);
	vtds_ctx_use(&b->guest, dev->sid, &b->table);
	bench_flush(&b->unit, cc_device(dev->sid));
}

/* --- What is not the engine --- */

static int group_number(const char *bdf)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 bdf);
	len = readlink(path, target, sizeof(target) - 1);
	CHECK(len > 0);
	target[len] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

/* A container allows 65,535 mappings unless told otherwise. */
static void raise_type1_limit(void)
{
	FILE *file = fopen(TYPE1_LIMIT, "w");

	CHECK(file && fprintf(file, "%d\n", 2 * BENCH_MAX_PAGES) > 0 &&
	      !fclose(file));
}

static void open_type1(struct bench *b)
{
	char path[64];

	raise_type1_limit();
	b->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	CHECK(b->container >= 0);
	snprintf(path, sizeof(path), "/dev/vfio/%d",
		 group_number(b->dev[BENCH_DEV_TYPE1].bdf));
	b->group = open(path, O_RDWR | O_CLOEXEC);
	CHECK(b->group >= 0);
	CHECK(!ioctl(b->group, VFIO_GROUP_SET_CONTAINER, &b->container));
	CHECK(!ioctl(b->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
}

static void open_floor(struct bench *b)
{
	struct vtds_floor_attach cmd = {};
	unsigned int slot, function;

	CHECK(sscanf(b->dev[BENCH_DEV_FLOOR].bdf, "%x:%x:%x.%x", &cmd.segment,
		     &cmd.bus, &slot, &function) == 4);
	cmd.devfn = slot << 3 | function;
	b->floor = open("/dev/vtds_floor", O_RDWR | O_CLOEXEC);
	CHECK(b->floor >= 0);
	CHECK(!ioctl(b->floor, VTDS_FLOOR_ATTACH, &cmd));
}

void bench_open_ways(struct bench *b)
{
	CHECK(!vtds_dev_bind(&b->dev[BENCH_DEV_IOAS], b->vmm.iommufd));
	CHECK(!vtds_ioas_alloc(&b->vmm, &b->ioas));
	CHECK(!vtds_dev_attach(&b->dev[BENCH_DEV_IOAS], b->ioas));
	/* The legacy ways to a device are closed while its new one is open */
	vtds_dev_close(&b->dev[BENCH_DEV_TYPE1]);
	vtds_dev_close(&b->dev[BENCH_DEV_FLOOR]);
	open_type1(b);
	open_floor(b);
}

void bench_close_ways(struct bench *b)
{
	close(b->floor);
	close(b->group);
	close(b->container);
	vtds_dev_close(&b->dev[BENCH_DEV_IOAS]);
}

void bench_close(struct bench *b)
{
	vtds_unit_close(&b->unit);
	for (unsigned int i = 0; i < BENCH_NR_DEVS; i++)
		vtds_dev_close(&b->dev[i]);
	vtds_vmm_close(&b->vmm);
	vtds_ram_free(&b->guest);
}
