/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins of guest memory, see guest_pin.c
 */
#ifndef VTDS_GUEST_PIN_H
#define VTDS_GUEST_PIN_H

#include <linux/types.h>

struct iommufd_access;
struct page;

/**
 * struct vtds_pins - Where guest memory is pinned, and how much
 * @access: iommufd's handle on the IOAS, NULL before BIND
 * @starved: No chunk may stay pinned without users, until the next flush: something
 *           could not be pinned for want of memory, or the VMM wants it
 * @nr_pinned: Pages pinned now
 * @pages: Scratch array for pin calls, VTDS_CHUNK_PAGES long; NULL before the first
 */
struct vtds_pins {
	struct iommufd_access *access;
	bool starved;
	u64 nr_pinned;
	struct page **pages;
};

int vtds_pin_check_pfn(unsigned long pfn);
int vtds_pin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages,
		   struct page **pages, unsigned int perm);
void vtds_unpin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages);

#endif /* VTDS_GUEST_PIN_H */
