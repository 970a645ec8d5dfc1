// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random values of the hostile VMM: numbers near where something ends, descriptors of all
 * kinds, pointers to memory of all kinds.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

unsigned int hostile_below(unsigned int *seed, unsigned int limit)
{
	return rand_r(seed) / 7 % limit;
}

bool hostile_chance(unsigned int *seed, unsigned int percent)
{
	return hostile_below(seed, 100) < percent;
}

static __u64 any_number(unsigned int *seed)
{
	return (__u64)rand_r(seed) << 33 ^ (__u64)rand_r(seed) << 11 ^
	       rand_r(seed);
}

__u64 hostile_number(unsigned int *seed)
{
	__u64 power = 1ULL << hostile_below(seed, 64);

	switch (hostile_below(seed, 8)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return power;
	case 3:
		return power - 1;
	case 4:
		return -power;
	case 5:
		return hostile_below(seed, 20);
	case 6:
		return any_number(seed) & (power - 1);
	default:
		return any_number(seed);
	}
}

/* One that is or was open here, or none at all */
int hostile_fd(struct hostile *h, unsigned int *seed)
{
	switch (hostile_below(seed, 20)) {
	case 0:
		return -1;
	case 1:
		return 1000 + hostile_below(seed, 100);
	default:
		return __atomic_load_n(&h->fd[hostile_below(seed, HOSTILE_FDS)],
				       __ATOMIC_RELAXED);
	}
}

/* --- Memory --- */

/* Two good pages, of which the second one is taken away, and one to read */
int hostile_map_pages(struct hostile *h)
{
	h->good = mmap(NULL, 2 * SZ_4K, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	h->read_only = mmap(NULL, SZ_4K, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	if (h->good == MAP_FAILED || h->read_only == MAP_FAILED)
		return -errno;
	return munmap(h->good + SZ_4K, SZ_4K) ? -errno : 0;
}

/* Memory whose pages come when hostile_pager() provides them */
int hostile_slow_pages(struct hostile *h)
{
	h->slow = mmap(NULL, HOSTILE_SLOW_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->slow == MAP_FAILED)
		return -errno;
	madvise(h->slow, HOSTILE_SLOW_SIZE, MADV_NOHUGEPAGE);
	h->userfaultfd = vtds_withhold(h->slow, HOSTILE_SLOW_SIZE, O_NONBLOCK);
	return h->userfaultfd < 0 ? h->userfaultfd : 0;
}

/* A thread that provides pages late, until the descriptor is closed */
void *hostile_pager(void *arg)
{
	struct hostile *h = arg;
	unsigned int seed = h->seed * 17;
	struct uffd_msg msg;

	for (;;) {
		struct pollfd pollfd = { h->userfaultfd, POLLIN, 0 };
		struct uffdio_zeropage zero = { .range.len = SZ_64K };

		if (poll(&pollfd, 1, 100) < 0 || pollfd.revents & ~POLLIN)
			return NULL;
		if (read(h->userfaultfd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		/* Late enough, now and then; else nothing but this would happen */
		if (hostile_chance(&seed, 10))
			vtds_sleep_ms(hostile_below(&seed, 50));
		zero.range.start = msg.arg.pagefault.address & ~(SZ_64K - 1);
		/* Some of them may be there */
		if (ioctl(h->userfaultfd, UFFDIO_ZEROPAGE, &zero)) {
			zero.range.start = msg.arg.pagefault.address &
					   ~(SZ_4K - 1);
			zero.range.len = SZ_4K;
			ioctl(h->userfaultfd, UFFDIO_ZEROPAGE, &zero);
		}
		/* So that there are some to come again */
		if (hostile_chance(&seed, 50))
			madvise(h->slow + hostile_below(&seed, 512) * SZ_4K,
				SZ_4K, MADV_DONTNEED);
	}
}

/* Where @size bytes are, most often memory to read and write */
void *hostile_pointer(struct hostile *h, unsigned int *seed, size_t size)
{
	unsigned int at = hostile_below(seed, SZ_4K);

	switch (hostile_below(seed, 24)) {
	case 0:
		return NULL;
	case 1:
		return (void *)-4096L;
	case 2:
		/* The kernel's own, and addresses that no pointer has */
		return (void *)(unsigned long)(sizeof(long) == 8 ?
						       0xffff888000001000ULL :
						       0xc0001000ULL);
	case 3:
		return (void *)LONG_MIN;
	case 4:
		return h->read_only + at / 2;
	case 5:
		/* The end is behind the page */
		return h->good + SZ_4K - 1 - hostile_below(seed, size + 8);
	case 6:
		return h->good + SZ_4K;
	case 7:
		return h->slow ? h->slow + at * 512 : NULL;
	case 8:
		/* Not aligned */
		return h->good + at / 4;
	default:
		return h->good + at / 64 * 16;
	}
}
