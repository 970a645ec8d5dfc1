// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: memfds mapped into this process, and into the IOAS at their
 * guest physical address.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/memfd.h>

#include "vtds_defs.h"
#include "vtds_guest_ram.h"

/*
 * Touch the pages in an order in which neighbours are far apart, so that what
 * is contiguous for the guest is not contiguous on the host. The stride is a
 * prime that does not divide the number of pages: each page has its turn.
 */
static void scatter(char *hva, __u64 size)
{
	unsigned long nr = size / SZ_4K, stride = 4099, page = 0;

	madvise(hva, size, MADV_NOHUGEPAGE);
	for (unsigned long i = 0; i < nr; i++) {
		page = (page + stride) % nr;
		hva[page * SZ_4K] = 0;
	}
}

static unsigned int memfd_flags(enum vtds_ram_kind kind)
{
	switch (kind) {
	case VTDS_RAM_2M:
		return MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB;
	case VTDS_RAM_1G:
		return MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_1GB;
	default:
		return MFD_CLOEXEC;
	}
}

/* -ENOMEM if the machine has no such huge pages */
int vtds_ram_add(struct vtds_guest *guest, enum vtds_ram_kind kind, __u64 gpa,
		 __u64 size)
{
	struct vtds_ram *ram = &guest->ram[guest->nr_ram];
	int fd, rc = 0;
	void *hva;

	if (guest->nr_ram == VTDS_MAX_RAM)
		return -ENOSPC;
	fd = memfd_create("guest", memfd_flags(kind));
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		rc = -errno;
		goto out;
	}
	hva = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (hva == MAP_FAILED) {
		rc = -errno;
		goto out;
	}
	if (kind == VTDS_RAM_SCATTERED)
		scatter(hva, size);
	*ram = (struct vtds_ram){
		.gpa = gpa, .size = size, .hva = hva, .fd = fd
	};
	if (!guest->nr_ram++)
		guest->next = gpa;
	return 0;
out:
	close(fd);
	return rc;
}

void vtds_ram_free(struct vtds_guest *guest)
{
	while (guest->nr_ram) {
		struct vtds_ram *ram = &guest->ram[--guest->nr_ram];

		munmap(ram->hva, ram->size);
		if (ram->fd > 0)
			close(ram->fd);
	}
}

int vtds_ram_map(struct vtds_guest *guest, struct vtds_vmm *vmm)
{
	for (unsigned int i = 0; i < guest->nr_ram; i++) {
		struct vtds_ram *ram = &guest->ram[i];
		int rc = vtds_ioas_map(vmm, vmm->ioas, ram->hva, ram->gpa,
				       ram->size, PERM_RW);

		if (rc)
			return rc;
	}
	return 0;
}

void *vtds_hva(const struct vtds_guest *guest, __u64 gpa)
{
	for (unsigned int i = 0; i < guest->nr_ram; i++) {
		const struct vtds_ram *ram = &guest->ram[i];

		if (gpa - ram->gpa < ram->size)
			return ram->hva + (gpa - ram->gpa);
	}
	return NULL;
}

/*
 * Zeroed memory from block 0. It is never given back; a test that runs out of
 * it asked for too little.
 */
__u64 vtds_pages(struct vtds_guest *guest, __u64 size, __u64 align)
{
	__u64 gpa = (guest->next + align - 1) / align * align;

	if (gpa + size > guest->ram[0].gpa + guest->ram[0].size)
		abort();
	guest->next = gpa + size;
	memset(vtds_hva(guest, gpa), 0, size);
	return gpa;
}

__u64 vtds_page(struct vtds_guest *guest)
{
	return vtds_pages(guest, SZ_4K, SZ_4K);
}
