// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vtd_shadow does, told on the terminal: a small guest sets up its
 * remapping tables, a device copies a message through them, loses its right to,
 * and what it costs compared to one iommufd call per page.
 *
 * Exit status 0 only if all of it went as told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtds_desc.h"
#include "vtds_fixture.h"

#define DID 5
#define IOVA_FROM 0x100000000ULL
#define IOVA_TO 0x7fff00000000ULL
#define IOVA_MANY 0x4000000000ULL
#define NR_MANY 16384
#define ROUNDS 5

/* The pages of the measurement, and room for tables and the rest */
#define RAM_PAGES (NR_MANY + 1024)

static struct vtds_vmm vmm;
static struct vtds_guest guest;
static struct vtds_unit unit;
static struct vtds_table table = { .did = DID };
static struct vtds_dev devs[2];
static struct vtds_dev *const dev = &devs[0];

/* --- Telling --- */

#define say(...) (printf(__VA_ARGS__), fflush(stdout))

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	say("\n*** This did not hold: %s\n", what);
	exit(1);
}

#define CHECK(_what) check(_what, #_what)

static void flush_one(struct vtds_desc desc)
{
	CHECK(!vtds_flush(&unit, &desc, 1));
	CHECK(!unit.install_errno);
}

/* --- 1. A guest, and its VMM --- */

static void set_up(void)
{
	CHECK(!vtds_vmm_open(&vmm));
	CHECK(!vtds_ram_add(&guest, VTDS_RAM_SCATTERED, RAM_GPA,
			    RAM_PAGES * SZ_4K));
	CHECK(!vtds_ram_map(&guest, &vmm));
	say("A guest with %llu MiB of memory, in 4 KiB pages scattered over the host.\n",
	    RAM_PAGES * SZ_4K / SZ_1M);

	CHECK(!vtds_dev_open(dev, VTDS_EDU, 0));
	CHECK(!vtds_dev_bind(dev, vmm.iommufd));
	dev->sid = 0x0100;
	say("A device for it: %s on the host, 01:00.0 in the guest.\n",
	    dev->bdf);

	guest.root = vtds_page(&guest);
	vtds_table_init(&table, &guest, 4, DID);
	vtds_ctx_use(&guest, dev->sid, &table);
	say("The guest writes root table, context entry and an empty 4-level table.\n");

	CHECK(!vtds_unit_open(&unit));
	CHECK(!vtds_unit_bind(&unit, &vmm, 0, 0));
	unit.flags = VTD_SHADOW_STATE_TE;
	unit.rtaddr = guest.root;
	CHECK(!vtds_set_state(&unit));
	CHECK(!vtds_add_device(&unit, dev->dev_id, vmm.ioas, &dev->sid, 1));
	say("The VMM hands unit and device to /dev/vtd_shadow; translation is on.\n\n");
}

/* --- 2. A message through the guest's tables --- */

/* The device reads from one address and writes that to another, if it can */
static void copy_by_device(__u64 from, __u64 to)
{
	vtds_edu_start_read(dev, from);
	CHECK(!vtds_edu_wait(dev));
	vtds_edu_start_write(dev, to);
	CHECK(!vtds_edu_wait(dev));
}

static void write_message(char *page, const char *text)
{
	snprintf(page, SZ_4K, "%s", text);
}

static void tell_translation(__u64 iova)
{
	struct vtd_shadow_translate answer;

	CHECK(!vtds_translate(&unit, dev->sid, iova, &answer));
	if (answer.perm)
		say("  IOVA %#14llx -> guest page %#llx, %s%s\n", iova,
		    answer.gpa, answer.perm & PERM_R ? "read" : "",
		    answer.perm & PERM_W ? " write" : "");
	else
		say("  IOVA %#14llx -> refused, fault reason %02xh\n", iova,
		    answer.fault_reason);
}

static void copy_a_message(void)
{
	__u64 from = vtds_page(&guest), to = vtds_page(&guest);
	char *source = vtds_hva(&guest, from), *target = vtds_hva(&guest, to);

	vtds_map(&table, IOVA_FROM, from, SZ_4K, PERM_R);
	vtds_map(&table, IOVA_TO, to, SZ_4K, PERM_RW);
	say("The guest maps two pages and says so: one IOTLB invalidation each.\n");
	flush_one(iotlb_page(DID, IOVA_FROM));
	flush_one(iotlb_page(DID, IOVA_TO));
	tell_translation(IOVA_FROM);
	tell_translation(IOVA_TO);

	write_message(source, "Hello from one guest page to another.");
	copy_by_device(IOVA_FROM, IOVA_TO);
	say("The device copies from the first to the second. Found there:\n  \"%s\"\n\n",
	    target);
	CHECK(!strcmp(target, source));

	vtds_unmap(&table, IOVA_TO, SZ_4K);
	say("The guest takes the second page away and invalidates it.\n");
	flush_one(iotlb_page(DID, IOVA_TO));
	tell_translation(IOVA_TO);
	write_message(source, "This must not arrive.");
	copy_by_device(IOVA_FROM, IOVA_TO);
	say("The device copies again. Found in the second page:\n  \"%s\"\n",
	    target);
	CHECK(!strcmp(target, "Hello from one guest page to another."));

	/* The page was at fault, not the device */
	vtds_map(&table, IOVA_TO, to, SZ_4K, PERM_RW);
	flush_one(iotlb_page(DID, IOVA_TO));
	write_message(source, "And this must.");
	copy_by_device(IOVA_FROM, IOVA_TO);
	say("Mapped again, copied again, found: \"%s\"\n\n", target);
	CHECK(!strcmp(target, source));
}

/* --- 3. What it costs --- */

/**
 * struct cost - Of mapping NR_MANY pages, or unmapping them
 * @us: Microseconds for each page, by round
 * @ioctls: Calls from the VMM, in a round
 * @host_maps: Calls that map something in the host's page table, in a round
 * @flushes: Of the host's IOTLB, in a round
 */
struct cost {
	double us[ROUNDS];
	unsigned long ioctls;
	unsigned long host_maps;
	unsigned long flushes;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct cost *cost)
{
	double us[ROUNDS];

	memcpy(us, cost->us, sizeof(us));
	qsort(us, ROUNDS, sizeof(*us), compare);
	return us[ROUNDS / 2];
}

/* One invalidation of the whole domain, after the guest changed its table */
static void time_engine(struct cost *cost, unsigned int round)
{
	struct vtds_desc desc = iotlb_domain(DID);
	struct vtd_shadow_get_stats before, after;
	double began;

	CHECK(!vtds_stats(&unit, &before));
	began = vtds_seconds();
	CHECK(!vtds_flush(&unit, &desc, 1));
	cost->us[round] = (vtds_seconds() - began) * 1e6 / NR_MANY;
	CHECK(!unit.install_errno);
	CHECK(!vtds_stats(&unit, &after));
	cost->ioctls = 1;
	cost->host_maps = after.host_maps - before.host_maps;
	cost->flushes = after.iotlb_syncs - before.iotlb_syncs;
}

/* Guest pages in an order that is no order, so that no two neighbours belong */
static __u64 scattered_page(__u64 base, unsigned int i)
{
	return base + (i * 5077ULL % NR_MANY) * SZ_4K;
}

static void measure_engine(__u64 pages, struct cost *map, struct cost *unmap)
{
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < NR_MANY; i++)
			vtds_map(&table, IOVA_MANY + i * SZ_4K,
				 scattered_page(pages, i), SZ_4K, PERM_RW);
		time_engine(map, round);
		CHECK(vtds_answer(&unit, dev->sid,
				  IOVA_MANY + (NR_MANY - 1) * SZ_4K,
				  scattered_page(pages, NR_MANY - 1)) ==
		      PERM_RW);

		for (unsigned int i = 0; i < NR_MANY; i++)
			vtds_unmap(&table, IOVA_MANY + i * SZ_4K, SZ_4K);
		time_engine(unmap, round);
		CHECK(vtds_answer(&unit, dev->sid, IOVA_MANY, pages) ==
		      PERM_NONE);
	}
}

/* Maps the pages for a second device as VMMs do: one call for each */
static void measure_iommufd(__u64 pages, struct cost *map, struct cost *unmap)
{
	double began;
	__u32 ioas;

	CHECK(!vtds_dev_open(&devs[1], VTDS_EDU, 1));
	CHECK(!vtds_dev_bind(&devs[1], vmm.iommufd));
	CHECK(!vtds_ioas_alloc(&vmm, &ioas));
	CHECK(!vtds_dev_attach(&devs[1], ioas));
	for (unsigned int round = 0; round < ROUNDS; round++) {
		began = vtds_seconds();
		for (unsigned int i = 0; i < NR_MANY; i++) {
			__u64 gpa = scattered_page(pages, i);

			CHECK(!vtds_ioas_map(&vmm, ioas, vtds_hva(&guest, gpa),
					     IOVA_MANY + i * SZ_4K, SZ_4K,
					     PERM_RW));
		}
		map->us[round] = (vtds_seconds() - began) * 1e6 / NR_MANY;

		began = vtds_seconds();
		for (unsigned int i = 0; i < NR_MANY; i++)
			CHECK(!vtds_ioas_unmap(&vmm, ioas,
					       IOVA_MANY + i * SZ_4K, SZ_4K));
		unmap->us[round] = (vtds_seconds() - began) * 1e6 / NR_MANY;
	}
	map->ioctls = NR_MANY;
	unmap->ioctls = NR_MANY;
}

static void tell_engine(const char *what, const struct cost *cost)
{
	say("  %-28s %8lu %10lu %8lu %9.2f us\n", what, cost->ioctls,
	    cost->host_maps, cost->flushes, median(cost));
}

/* What iommufd does in the host is not counted anywhere */
static void tell_iommufd(const char *what, const struct cost *cost)
{
	say("  %-28s %8lu %10s %8s %9.2f us\n", what, cost->ioctls, "-", "-",
	    median(cost));
}

static void compare_costs(void)
{
	struct cost map = {}, unmap = {}, one_map = {}, one_unmap = {};
	__u64 pages = vtds_pages(&guest, NR_MANY * SZ_4K, SZ_4K);

	say("%d pages, scattered in the guest, mapped and unmapped %d times.\n",
	    NR_MANY, ROUNDS);
	measure_engine(pages, &map, &unmap);
	measure_iommufd(pages, &one_map, &one_unmap);

	say("                                 ioctls  host maps  flushes  time/page\n");
	tell_engine("vtd_shadow, map", &map);
	tell_iommufd("IOMMU_IOAS_MAP for each", &one_map);
	tell_engine("vtd_shadow, unmap", &unmap);
	tell_iommufd("IOMMU_IOAS_UNMAP for each", &one_unmap);
	say("(medians; the first round of vtd_shadow also pinned the memory: %.2f us)\n",
	    map.us[0]);
	say("%.1f times faster to map, %.1f times faster to unmap.\n",
	    median(&one_map) / median(&map),
	    median(&one_unmap) / median(&unmap));
}

int main(void)
{
	if (vtds_dev_count(VTDS_EDU) < 2) {
		say("This needs two edu devices bound to vtd_shadow_vfio_pci.\n");
		return 1;
	}
	set_up();
	copy_a_message();
	compare_costs();
	return 0;
}
