/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins of guest memory, see guest_pin.c
 */
#ifndef VTDS_GUEST_PIN_H
#define VTDS_GUEST_PIN_H

#include <linux/mutex.h>
#include <linux/types.h>

struct iommufd_access;
struct page;

/**
 * struct vtds_pins - Where guest memory is pinned
 * @lock: Held over every call of iommufd that pins or unpins. Such a call waits for
 *        swap, userfaultfd or a file, as long as these like, so it is made without the
 *        lock of the unit; that one nests inside of this one
 * @access: iommufd's handle on the IOAS, NULL before BIND
 * @pages: Scratch array for pin calls, VTDS_CHUNK_PAGES long; NULL before the first
 */
struct vtds_pins {
	struct mutex lock; /* what is pinned */
	struct iommufd_access *access;
	struct page **pages;
};

int vtds_pin_check_pfn(unsigned long pfn);
int vtds_pin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages,
		   struct page **pages, unsigned int perm);
void vtds_unpin_pages(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages);

#endif /* VTDS_GUEST_PIN_H */
