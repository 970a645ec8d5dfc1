// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device reaches, from the page tables of the host. Intel's driver shows them in
 * debugfs, all of them and with permissions, if the kernel is built so. Else the tests'
 * own module looks up addresses one by one. Neither knows of the engine.
 *
 * Who calls sees to it that nobody attaches, maps or unmaps meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vtds_defs.h"
#include "vtds_isolation.h"
#include "../walk/vtds_walk.h"

#define DEBUGFS "/sys/kernel/debug/iommu/intel/%s/domain_translation_struct"

static void add(struct vtds_view *view, const struct vtds_reached *reached)
{
	if (view->nr == view->room) {
		view->room = 2 * view->room + 64;
		view->at = realloc(view->at, view->room * sizeof(*view->at));
		if (!view->at)
			abort();
	}
	view->at[view->nr++] = *reached;
}

/* --- debugfs --- */

/*
 * "IOVA_PFN | PML5E PML4E PDPE PDE PTE": entries of the levels that the table has, zero
 * where it has none; a leaf is the last one of its line.
 */
static void add_line(struct vtds_view *view, const char *line)
{
	unsigned long long pfn, entry[5];
	unsigned int perm = PERM_RW;
	int nr = sscanf(line, "%llx | %llx %llx %llx %llx %llx", &pfn,
			&entry[0], &entry[1], &entry[2], &entry[3], &entry[4]);
	int leaf = nr - 2;

	if (leaf < 2)
		return;
	for (int i = 0; i <= leaf; i++)
		if (entry[i])
			perm &= entry[i];
	add(view, &(struct vtds_reached){
			  .iova = pfn << 12,
			  .phys = entry[leaf] & SS_ADDR,
			  .size = SZ_4K << 9 * (4 - leaf),
			  .perm = perm,
		  });
}

/* -ENOENT if the kernel does not show it */
static int view_debugfs(struct vtds_view *view, const char *bdf)
{
	char path[128], line[200];
	FILE *file;

	snprintf(path, sizeof(path), DEBUGFS, bdf);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	view->whole = true;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "0x", 2))
			add_line(view, line);
	fclose(file);
	return 0;
}

/* --- The module --- */

static int walk_window(struct vtds_view *view, int fd, struct vtds_walk cmd,
		       const struct vtds_window *window)
{
	struct vtds_walk_range ranges[64];

	cmd.first = window->iova;
	cmd.last = window->iova + window->size - 1;
	cmd.ranges_uptr = (uintptr_t)ranges;
	do {
		cmd.nr = sizeof(ranges) / sizeof(*ranges);
		if (ioctl(fd, VTDS_WALK, &cmd))
			return -errno;
		view->all |= cmd.kind == VTDS_WALK_IDENTITY;
		if (cmd.kind != VTDS_WALK_TABLE)
			return 0;
		for (unsigned int i = 0; i < cmd.nr; i++)
			add(view, &(struct vtds_reached){
					  .iova = ranges[i].iova,
					  .phys = ranges[i].phys,
					  .size = ranges[i].size,
				  });
	} while (cmd.first <= cmd.last);
	return 0;
}

static int view_module(struct vtds_view *view, const char *bdf,
		       const struct vtds_window *windows, unsigned int nr)
{
	unsigned int segment, bus, slot, function;
	struct vtds_walk cmd = {};
	int fd, rc = 0;

	if (sscanf(bdf, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		return -EINVAL;
	fd = open("/dev/vtds_walk", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	cmd.segment = segment;
	cmd.bus = bus;
	cmd.devfn = slot << 3 | function;
	for (unsigned int i = 0; i < nr && !rc; i++)
		rc = walk_window(view, fd, cmd, &windows[i]);
	close(fd);
	return rc;
}

/*
 * What the device at @bdf reaches. -ENOENT if nobody shows it, -EBUSY if the driver of the
 * device is just being unbound.
 */
int vtds_view_open(struct vtds_view *view, const char *bdf,
		   const struct vtds_window *windows, unsigned int nr)
{
	int rc;

	*view = (struct vtds_view){};
	rc = view_debugfs(view, bdf);
	if (rc == -ENOENT)
		rc = view_module(view, bdf, windows, nr);
	if (rc)
		vtds_view_close(view);
	return rc;
}

void vtds_view_close(struct vtds_view *view)
{
	free(view->at);
	view->at = NULL;
}
