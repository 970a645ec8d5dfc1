// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares what a device reaches with what it may reach, page by page: each page must be
 * one of the guest's, and one that the address may lead to, with no more permission. The
 * engine is not asked. Where the guest's memory is on the host is asked of the kernel
 * (/proc/self/pagemap), which tells it to root alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vtds_defs.h"
#include "vtds_isolation.h"

#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_PFN ((1ULL << 55) - 1)

/* The host's page behind @gpa. False if there is none, or the kernel does not tell. */
static bool phys_of(const struct vtds_isolation *isolation, int pagemap,
		    __u64 gpa, __u64 *phys)
{
	const char *hva = vtds_hva(isolation->guest, gpa);
	__u64 entry;

	if (!hva ||
	    pread(pagemap, &entry, sizeof(entry),
		  (unsigned long)hva / SZ_4K * sizeof(entry)) != sizeof(entry))
		return false;
	*phys = (entry & PAGEMAP_PFN) * SZ_4K;
	return (entry & PAGEMAP_PRESENT) && *phys;
}

static bool is_allowed(const struct vtds_isolation *isolation, int pagemap,
		       const struct vtds_reached *page,
		       const struct vtds_allowed *allowed)
{
	unsigned int perm = allowed->perm;
	__u64 phys;

	if (perm == PERM_W)
		perm |= isolation->write_only;
	return !(page->perm & ~perm) &&
	       phys_of(isolation, pagemap, allowed->gpa, &phys) &&
	       phys == page->phys;
}

static void tell(struct vtds_isolation *isolation, int pagemap, const char *bdf,
		 const struct vtds_reached *page,
		 const struct vtds_allowed *allowed, unsigned int nr)
{
	size_t size = sizeof(isolation->said);
	__u64 phys;
	int len = snprintf(isolation->said, size,
			   "%s reaches %#llx at %#llx, permissions %u;", bdf,
			   page->phys, page->iova, page->perm);

	if (!nr)
		snprintf(isolation->said + len, size - len, " it may nothing");
	for (unsigned int i = 0; i < nr && len < (int)size; i++) {
		if (!phys_of(isolation, pagemap, allowed[i].gpa, &phys))
			phys = 0;
		len += snprintf(isolation->said + len, size - len,
				" %u of %#llx, which is %#llx,",
				allowed[i].perm, allowed[i].gpa, phys);
	}
}

static int check_range(struct vtds_isolation *isolation, int pagemap,
		       const char *bdf, const struct vtds_reached *range)
{
	struct vtds_allowed allowed[VTDS_MAX_ALLOWED];

	for (__u64 at = 0; at < range->size; at += SZ_4K) {
		struct vtds_reached page = {
			.iova = range->iova + at,
			.phys = range->phys + at,
			.perm = range->perm,
		};
		unsigned int i = 0, nr;

		nr = isolation->allow(isolation->arg, page.iova, allowed);
		while (i < nr &&
		       !is_allowed(isolation, pagemap, &page, &allowed[i]))
			i++;
		if (i == nr) {
			tell(isolation, pagemap, bdf, &page, allowed, nr);
			return -EPERM;
		}
		isolation->pages++;
	}
	return 0;
}

static int check_view(struct vtds_isolation *isolation, const char *bdf,
		      const struct vtds_view *view)
{
	int pagemap, rc = 0;

	if (view->all) {
		snprintf(isolation->said, sizeof(isolation->said),
			 "%s reaches all of the host's memory", bdf);
		return -EPERM;
	}
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return -errno;
	for (unsigned int i = 0; i < view->nr && !rc; i++)
		rc = check_range(isolation, pagemap, bdf, &view->at[i]);
	close(pagemap);
	return rc;
}

/*
 * Nobody may attach, map or unmap, or write to the guest's tables meanwhile. -EPERM: the
 * device reaches what it must not, which is in @isolation->said. -ENOENT and -EBUSY as
 * vtds_view_open().
 */
int vtds_isolation_check(struct vtds_isolation *isolation, const char *bdf,
			 const struct vtds_window *windows, unsigned int nr)
{
	struct vtds_view view;
	int rc = vtds_view_open(&view, bdf, windows, nr);

	if (rc)
		return rc;
	rc = check_view(isolation, bdf, &view);
	if (view.whole)
		isolation->whole++;
	else
		isolation->windows++;
	vtds_view_close(&view);
	return rc;
}
