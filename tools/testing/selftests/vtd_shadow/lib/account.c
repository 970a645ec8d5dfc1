// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left in the machine when a VMM is no more: pinned pages, page tables of the
 * host, kernel memory, and what devices reach. For programs that end VMMs in all ways.
 */
#include <stdio.h>
#include <string.h>

#include "vtds_account.h"
#include "vtds_misc.h"
#include "vtds_vfio.h"

/*
 * What the kernel keeps for later: page tables of the host's own domains, and of slab
 * what its caches and counters take as more of the machine is used. Leaks of a page of
 * each VMM show after some of them; single ones are kmemleak's.
 */
#define IOMMU_PAGES_MORE 64
#define SLAB_KB_MORE 4096

/* Some of it is given back by work in the background */
#define PATIENCE 20

/* Freed memory that KASAN keeps for a while tells nothing */
static bool has_kasan(void)
{
	char line[200];
	bool found = false;
	FILE *file = fopen("/proc/kallsyms", "r");

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " kasan_quarantine_put");
	if (file)
		fclose(file);
	return found;
}

void vtds_account_take(struct vtds_account *account)
{
	static int kasan = -1;

	if (kasan < 0)
		kasan = has_kasan();
	account->pins = vtds_pins_in_system();
	account->iommu_pages = vtds_number_in("/proc/vmstat", "nr_iommu_pages");
	account->slab_kb = -1;
	if (!kasan)
		account->slab_kb =
			vtds_number_in("/proc/meminfo", "SUnreclaim");
}

static bool is_as_before(const struct vtds_account *before,
			 const struct vtds_account *now)
{
	return now->pins == before->pins &&
	       now->iommu_pages <= before->iommu_pages + IOMMU_PAGES_MORE &&
	       now->slab_kb <= before->slab_kb + SLAB_KB_MORE;
}

/* Returns what is left, or NULL, and by how much the kernel's memory has grown. */
const char *vtds_account_compare(const struct vtds_account *before,
				 long *slab_grown_kb)
{
	double give_up = vtds_seconds() + PATIENCE;
	static char said[200];
	struct vtds_account now;

	for (;;) {
		vtds_account_take(&now);
		*slab_grown_kb = now.slab_kb - before->slab_kb;
		if (is_as_before(before, &now))
			return NULL;
		if (vtds_seconds() > give_up)
			break;
		vtds_sleep_ms(20);
	}
	snprintf(said, sizeof(said),
		 "left: pins %ld - %ld, page tables %ld - %ld, slab %ld - %ld",
		 now.pins, before->pins, now.iommu_pages, before->iommu_pages,
		 now.slab_kb, before->slab_kb);
	return said;
}

/* What a device reaches that nobody has opened; none while its driver is being unbound */
static unsigned int reaches(enum vtds_kind kind, unsigned int index,
			    const struct vtds_window *windows,
			    unsigned int nr_windows, char bdf[16])
{
	struct vtds_view view;
	struct vtds_dev dev;

	if (vtds_dev_open(&dev, kind, index))
		return 0;
	memcpy(bdf, dev.bdf, sizeof(dev.bdf));
	vtds_dev_close(&dev);
	if (vtds_view_open(&view, bdf, windows, nr_windows))
		return 0;
	vtds_view_close(&view);
	return view.nr;
}

/*
 * Returns what a VMM that is no more has left mapped, or NULL. The host itself maps
 * nothing for devices that VFIO's drivers have.
 */
const char *vtds_left_behind(const struct vtds_window *windows,
			     unsigned int nr_windows)
{
	const enum vtds_kind kinds[] = { VTDS_EDU, VTDS_NVME };
	static char said[100];
	char bdf[16];

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		for (int j = 0; j < vtds_dev_count(kinds[i]); j++) {
			unsigned int nr =
				reaches(kinds[i], j, windows, nr_windows, bdf);

			if (!nr)
				continue;
			snprintf(said, sizeof(said),
				 "%s still reaches %u ranges", bdf, nr);
			return said;
		}
	}
	return NULL;
}
