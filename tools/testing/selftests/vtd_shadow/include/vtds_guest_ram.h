/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's memory (lib/guest_ram.c).
 */
#ifndef VTDS_GUEST_RAM_H
#define VTDS_GUEST_RAM_H

#include <linux/types.h>

#include "vtds_vmm.h"

enum vtds_ram_kind {
	VTDS_RAM_SCATTERED, /* small pages, neighbours are strangers on the host */
	VTDS_RAM_2M, /* hugetlb */
	VTDS_RAM_1G, /* hugetlb */
};

/**
 * struct vtds_ram - A block of guest memory
 * @gpa: Its guest physical address
 * @size: Bytes
 * @hva: Where this process sees it
 * @fd: The file that it is, 0 if somebody else keeps that
 */
struct vtds_ram {
	__u64 gpa;
	__u64 size;
	void *hva;
	int fd;
};

#define VTDS_MAX_RAM 8

/**
 * struct vtds_guest - A guest's memory and its root table
 * @ram: Blocks of memory
 * @nr_ram: How many
 * @next: Address in block 0 of the next page to hand out
 * @root: Root table
 * @sm_root: Root table of scalable mode
 */
struct vtds_guest {
	struct vtds_ram ram[VTDS_MAX_RAM];
	unsigned int nr_ram;
	__u64 next;
	__u64 root;
	__u64 sm_root;
};

int vtds_ram_add(struct vtds_guest *guest, enum vtds_ram_kind kind, __u64 gpa,
		 __u64 size);
void vtds_ram_free(struct vtds_guest *guest);
int vtds_ram_map(struct vtds_guest *guest, struct vtds_vmm *vmm);
void *vtds_hva(const struct vtds_guest *guest, __u64 gpa);
__u64 vtds_page(struct vtds_guest *guest);
__u64 vtds_pages(struct vtds_guest *guest, __u64 size, __u64 align);

#endif /* VTDS_GUEST_RAM_H */
