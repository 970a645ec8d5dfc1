// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOAS of guest memory, as iommufd has it: who has pinned which page, what the VMM took
 * away and gave back. What a call leaves pinned or mapped that it may not is found here.
 */
#include "kernel.h"
#include "fuzz.h"

static u16 pins[NR_GUEST];
static u16 page_pins[NR_GUEST];
static u16 chunk_pins[NR_GUEST / 512];
/* Taken from the IOAS; nobody may pin it any more */
static u8 gone[NR_GUEST], leaving[NR_GUEST];
static u32 pins_of_chunk[NR_GUEST / 512];
static unsigned long nr_pins, nr_gone;
static unsigned int times_taken;

/* --- Accesses --- */

struct iommufd_access {
	const struct iommufd_access_ops *ops;
	void *data;
	bool attached;
};

/* A unit has one; a BIND that fails may have had another one for a moment. */
#define MAX_ACCESSES 4

static struct iommufd_access *accesses[MAX_ACCESSES];

struct iommufd_access *
iommufd_access_create(struct iommufd_ctx *ictx,
		      const struct iommufd_access_ops *ops, void *data, u32 *id)
{
	struct iommufd_access *access = kzalloc(sizeof(*access), GFP_KERNEL);
	unsigned int i = 0;

	while (accesses[i])
		i++;
	if (!access)
		return ERR_PTR(-ENOMEM);
	access->ops = ops;
	access->data = data;
	accesses[i] = access;
	return access;
}

int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id)
{
	if (ioas_id != IOAS_ID)
		return -ENOENT;
	access->attached = true;
	return 0;
}

void iommufd_access_detach(struct iommufd_access *access)
{
	if (sched_locks_held())
		fuzz_fail("detached under a lock");
	access->attached = false;
	access->ops->unmap(access->data, 0, ULONG_MAX);
}

void iommufd_access_destroy(struct iommufd_access *access)
{
	if (access->attached)
		iommufd_access_detach(access);
	for (unsigned int i = 0; i < MAX_ACCESSES; i++)
		if (accesses[i] == access)
			accesses[i] = NULL;
	kfree(access);
}

static int check_page(u64 gpa, unsigned int flags)
{
	unsigned int frame = memory_place(gpa), perm;

	if (frame == NO_FRAME || gone[frame] || !memory_perm(frame))
		return -ENOENT;
	if (leaving[frame])
		return -EINVAL;
	perm = flags & IOMMUFD_ACCESS_RW_WRITE ? MEM_W : MEM_R;
	return memory_perm(frame) & perm ? 0 : -EPERM;
}

static void pin_frame(unsigned int frame)
{
	nr_pins++;
	pins_of_chunk[frame / 512]++;
	if (!pins[frame]++)
		memory_show(frame, true);
}

static void unpin_frame(unsigned int frame)
{
	nr_pins--;
	pins_of_chunk[frame / 512]--;
	if (--pins[frame])
		return;
	if (host_is_reached(frame))
		fuzz_fail("%llx is unpinned and devices reach it",
			  memory_gpa_of_pfn(memory_pfn(frame)));
	memory_show(frame, false);
}

/* Pins are given back as they were made: a chunk, or a page. */
static u16 *pin_count(u64 gpa, unsigned long nr_pages)
{
	unsigned int frame = memory_place(gpa);

	if (nr_pages == 1)
		return &page_pins[frame];
	if (nr_pages != 512 || gpa % CHUNK_SIZE)
		fuzz_fail("pin of %lu pages at %llx", nr_pages, gpa);
	return &chunk_pins[frame / 512];
}

int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **pages,
			     unsigned int flags)
{
	unsigned long nr = length / PAGE_SIZE;
	int ret;

	fuzz_work(1);
	if (sched_locks_held() != 1)
		fuzz_fail("pin with %u locks", sched_locks_held());
	sched_point();
	if (inject_now(&inject.stall))
		sched_stall(inject.stall_turns);
	if (fatal_signal_pending(current))
		return -EINTR;
	if (inject_now(&inject.pin))
		return inject.pin_error;
	for (unsigned long i = 0; i < nr; i++) {
		ret = check_page(iova + i * PAGE_SIZE, flags);
		if (ret)
			return ret;
	}
	for (unsigned long i = 0; i < nr; i++) {
		unsigned int frame = memory_place(iova + i * PAGE_SIZE);

		pin_frame(frame);
		pages[i] = pfn_to_page(memory_pfn(frame));
	}
	++*pin_count(iova, nr);
	return 0;
}

void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length)
{
	unsigned long nr = length / PAGE_SIZE;
	u16 *count = pin_count(iova, nr);

	fuzz_work(1);
	if (sched_locks_held() != 1)
		fuzz_fail("unpin with %u locks", sched_locks_held());
	if (!(*count)--)
		fuzz_fail("unpin of %lu pages at %lx, never pinned", nr, iova);
	for (unsigned long i = 0; i < nr; i++)
		unpin_frame(memory_place(iova + i * PAGE_SIZE));
	sched_point();
}

/* --- What the VMM does --- */

unsigned int memory_times_taken(void)
{
	return times_taken;
}

bool memory_is_gone(unsigned int frame)
{
	return gone[frame];
}

bool memory_is_pinned(unsigned int frame)
{
	return pins[frame];
}

unsigned long memory_nr_pinned(void)
{
	return nr_pins;
}

/* Pages that are pinned of a chunk, as often as they are */
unsigned long memory_chunk_pins(u64 gpa)
{
	unsigned int frame = memory_place(gpa);

	return frame == NO_FRAME ? 0 : pins_of_chunk[frame / 512];
}

static void set_leaving(u64 first, u64 last, bool value)
{
	for (u64 gpa = first; gpa <= last; gpa += PAGE_SIZE) {
		unsigned int frame = memory_place(gpa);

		if (frame != NO_FRAME)
			leaving[frame] = value;
	}
}

static void set_gone(u64 first, u64 last, bool value)
{
	for (u64 gpa = first; gpa <= last; gpa += PAGE_SIZE) {
		unsigned int frame = memory_place(gpa);

		if (frame == NO_FRAME || gone[frame] == value)
			continue;
		if (value && (pins[frame] || host_is_reached(frame)))
			fuzz_fail("%llx is taken and still in use", gpa);
		gone[frame] = value;
		nr_gone += value ? 1 : -1;
	}
}

/* One at a time: iommufd begins again if what it is about to take changes. */
static bool taking;

/* IOMMU_IOAS_UNMAP: on return of the callback nobody may use any of it. */
void memory_take(u64 first, u64 last)
{
	while (taking)
		sched_wait();
	taking = true;
	times_taken++;
	set_leaving(first, last, true);
	for (unsigned int i = 0; i < MAX_ACCESSES; i++)
		if (accesses[i] && accesses[i]->attached)
			accesses[i]->ops->unmap(accesses[i]->data, first,
						last - first + 1);
	set_gone(first, last, true);
	set_leaving(first, last, false);
	taking = false;
}

void memory_give(u64 first, u64 last)
{
	while (taking)
		sched_wait();
	set_gone(first, last, false);
}

void memory_give_all(void)
{
	if (nr_gone)
		memset(gone, 0, sizeof(gone));
	nr_gone = 0;
}
