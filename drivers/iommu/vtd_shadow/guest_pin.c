// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins: has iommufd pin pages of guest memory, and checks that they are memory. Serves
 * guest_chunk.c; calls iommufd alone.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/mm.h>

#include "fault.h"
#include "guest_pin.h"
#include "vtd_format.h"

/*
 * Whether a frame has a struct page and is memory. From 6.19 to 7.1 iommufd pins the
 * registers of a device, which are in the IOAS as a dma-buf, and gives back what would
 * be their struct pages if there were any. Only the frame's number may be looked at
 * before this.
 */
int vtds_pin_check_pfn(unsigned long pfn)
{
	const struct page *page;

	if (!pfn_valid(pfn))
		return -EINVAL;
	page = pfn_to_page(pfn);
	if (is_page_hwpoison(page))
		return -EHWPOISON;
	/* Persistent memory is reserved, too, and the page that untouched memory has */
	if (PageReserved(page) && !is_zero_pfn(pfn) &&
	    (!is_zone_device_page(page) || is_pci_p2pdma_page(page)))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_pin_check_pfn);

static int check_pages(struct page **pages, unsigned long nr_pages)
{
	for (unsigned long i = 0; i < nr_pages; i++) {
		int ret = vtds_pin_check_pfn(page_to_pfn(pages[i]));

		if (ret)
			return ret;
	}
	return 0;
}

static int access_pin(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages,
		      struct page **pages, unsigned int flags)
{
	return iommufd_access_pin_pages(pins->access, gpa, nr_pages * PAGE_SIZE,
					pages, flags);
}

void vtds_unpin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_unpin_pages, pins, gpa, nr_pages);

	iommufd_access_unpin_pages(pins->access, gpa, nr_pages * PAGE_SIZE);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_unpin_pages);

/* Pins pages that permit @perm, all of it */
int vtds_pin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages,
		   struct page **pages, unsigned int perm)
{
	int ret;

	if (vtds_should_fail())
		return -ENOMEM;
	KUNIT_STATIC_STUB_REDIRECT(vtds_pin_pages, pins, gpa, nr_pages, pages,
				   perm);

	ret = access_pin(pins, gpa, nr_pages, pages,
			 perm & VTD_SS_W ? IOMMUFD_ACCESS_RW_WRITE :
					   IOMMUFD_ACCESS_RW_READ);
	if (ret)
		return ret;
	/* iommufd checks one permission; the same range once more is a count only */
	if (perm == VTD_SS_RW) {
		ret = access_pin(pins, gpa, nr_pages, pages,
				 IOMMUFD_ACCESS_RW_READ);
		vtds_unpin_pages(pins, gpa, nr_pages);
	}
	if (ret)
		return ret;

	ret = check_pages(pages, nr_pages);
	if (ret)
		vtds_unpin_pages(pins, gpa, nr_pages);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_pin_pages);
