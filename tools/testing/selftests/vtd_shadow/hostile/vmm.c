// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a hostile VMM: it begins with a guest whose devices work, so that there is
 * something to break, and then does anything, with several threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

/* A second user of everything, and files that have nothing to do with it */
static int open_files(struct hostile *h)
{
	static const char *const names[] = {
		"/dev/vtd_shadow", "/dev/vtd_shadow", "/dev/iommu",
		"/dev/iommu",	   "/dev/null",	      "/proc/self/mem",
	};
	struct vtds_fixture *f = &h->f;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < HOSTILE_FDS; i++)
		h->fd[i] = -1;
	/* More than once, since most calls are about these */
	for (unsigned int i = 0; i < 6; i++)
		h->fd[nr++] = dup(f->unit.fd);
	for (unsigned int i = 0; i < 3; i++)
		h->fd[nr++] = dup(f->vmm.iommufd);
	for (unsigned int i = 0; i < f->nr_devs; i++)
		h->fd[nr++] = dup(f->dev[i].fd);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		h->fd[nr++] = open(names[i], O_RDWR | O_CLOEXEC | O_NONBLOCK);
	h->fd[nr++] = memfd_create("other", MFD_CLOEXEC);
	for (unsigned int i = 0; i < nr; i++)
		if (h->fd[i] < 0)
			return -errno;
	return fcntl(f->unit.fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static int set_up(struct hostile *h)
{
	const struct vtds_config config = {
		.edu = 3,
		.nvme = 1,
		.budget = h->seed % 3 ? 0 : 8,
	};
	int rc = vtds_fixture_open(&h->f, &config);

	rc = rc ?: hostile_map_pages(h);
	rc = rc ?: hostile_slow_pages(h);
	rc = rc	   ?:
		     vtds_ioas_map(&h->f.vmm, h->f.vmm.ioas, h->slow,
				   HOSTILE_SLOW_GPA, HOSTILE_SLOW_SIZE,
				   PERM_RW);
	rc = rc ?: open_files(h);
	/* What is mapped would keep devices open that the VMM closes */
	for (unsigned int i = 0; i < h->f.nr_devs; i++)
		munmap((void *)h->f.dev[i].bar, h->f.dev[i].bar_size);
	return rc;
}

/* The guest writes anything anywhere, most often entries to where its tables are */
static void scribble(struct hostile *h, unsigned int *seed)
{
	volatile __u64 *ram = h->f.guest.ram[0].hva;

	for (unsigned int i = 0; i < 64; i++) {
		__u64 used = h->f.guest.next - RAM_GPA;
		__u64 to =
			RAM_GPA + hostile_below(seed, 2 * used / SZ_4K) * SZ_4K;
		__u64 value =
			hostile_chance(seed, 85) ?
				to | SS_RW |
					(hostile_below(seed, 20) ? 0 : SS_PS) :
				hostile_number(seed);

		if (hostile_chance(seed, 10))
			value = HOSTILE_SLOW_GPA | SS_RW;
		ram[hostile_below(seed, used / sizeof(*ram))] = value;
	}
}

/**
 * struct hostile_thread - One of the VMM's
 * @h: Whose
 * @nr: Its number
 */
struct hostile_thread {
	struct hostile *h;
	unsigned int nr;
};

static void *do_anything(void *arg)
{
	struct hostile_thread *thread = arg;
	struct hostile *h = thread->h;
	unsigned int seed = h->seed * 1009 + thread->nr;

	for (;;) {
		unsigned int what = hostile_below(&seed, 1000);

		if (what < 700)
			hostile_call(h, hostile_fd(h, &seed), &seed);
		else if (what < 800)
			hostile_do_iommufd(h, &seed);
		else if (what < 850)
			hostile_do_vfio(h, &seed);
		else if (what < 930)
			hostile_do_file(h, &seed);
		else if (what < 995)
			scribble(h, &seed);
		else
			hostile_pass(h, &seed);
	}
	return NULL;
}

/* Does not return. It ends in the middle of what its threads do, or is killed. */
void hostile_lives(struct hostile *h)
{
	static struct hostile_thread threads[HOSTILE_THREADS];
	int rc = set_up(h);
	pthread_t thread;

	if (rc) {
		snprintf(h->counts->said, sizeof(h->counts->said),
			 "cannot set up: %d", rc);
		_exit(1);
	}
	/* With all that it forks */
	setpgid(0, 0);
	/* To write to what was closed is no reason to end */
	signal(SIGPIPE, SIG_IGN);
	__atomic_store_n(&h->counts->ready, 1, __ATOMIC_RELEASE);
	if (pthread_create(&thread, NULL, hostile_pager, h))
		_exit(1);
	for (unsigned int i = 0; i < HOSTILE_THREADS; i++) {
		threads[i] = (struct hostile_thread){ h, i };
		if (pthread_create(&thread, NULL, do_anything, &threads[i]))
			_exit(1);
	}
	vtds_sleep_ms(h->seconds * 1000);
	/* Whoever waits for that memory has it now */
	close(h->userfaultfd);
	_exit(0);
}
