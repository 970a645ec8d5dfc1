// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the VMM reads and polls events, and what is lost when it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event_fixture.h"

/* --- Nobody reads --- */

static void spoil_leaves(struct vtds_table *table, __u64 iova, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		*vtds_entry(table, iova + i * SZ_4K, 1) = SS_RW | BEYOND_HAW;
}

TEST_F(event, overflow)
{
	const unsigned int more = 72;

	spoil_leaves(&self->f.table, IOVA, MAX_EVENTS + more);
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	ASSERT_EQ(MAX_EVENTS + 1, EVENTS());
	for (unsigned int i = 0; i < MAX_EVENTS; i++) {
		EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_FAULT,
			  self->got[i].type);
		EXPECT_EQ(IOVA + i * SZ_4K, self->got[i].iova);
		EXPECT_EQ(0U, self->got[i].lost);
	}
	EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_LOST,
		  self->got[MAX_EVENTS].type);
	EXPECT_EQ(0U, self->got[MAX_EVENTS].flags);
	EXPECT_EQ(more, self->got[MAX_EVENTS].lost);
	EXPECT_NO_EVENT();

	/* As before it */
	spoil_leaves(&self->f.table, IOVA + SZ_2M, 3);
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	EXPECT_EQ(3, EVENTS());

	/* Exactly as many as there is room for */
	spoil_leaves(&self->f.table, IOVA + 2 * SZ_2M, MAX_EVENTS);
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	EXPECT_EQ(MAX_EVENTS, EVENTS());
	EXPECT_EQ((unsigned int)VTD_SHADOW_EVENT_FAULT,
		  self->got[MAX_EVENTS - 1].type);
}

/* Some are read, some come, while some are lost: in order, and all accounted for */
TEST_F(event, overflow_in_between)
{
	unsigned int seen = 0, lost = 0;

	spoil_leaves(&self->f.table, IOVA, MAX_EVENTS + 10);
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	ASSERT_EQ(50, vtds_events(&self->f.unit, self->got, 50));
	spoil_leaves(&self->f.table, IOVA + SZ_2M, 20);
	FLUSH_WITH(EPROTO, iotlb_domain(TABLE_DID));
	for (int nr = 50; nr > 0; nr = EVENTS())
		for (int i = 0; i < nr; i++) {
			seen += self->got[i].type == VTD_SHADOW_EVENT_FAULT;
			lost += self->got[i].lost;
		}
	EXPECT_EQ(MAX_EVENTS + 10U + 20U, seen + lost);
	EXPECT_LT(0U, lost);
}

/* --- Reading --- */

/* One fault, from an entry that is put right again at once */
static int make_fault(struct vtds_fixture *f, struct vtds_dev *dev)
{
	const struct vtds_desc flush = cc_device(dev->sid);
	__u64 *ctx = entry_at(f, dev, CONTEXT);
	int rc;

	*ctx ^= 1;
	rc = vtds_flush(&f->unit, &flush, 1);
	*ctx ^= 1;
	return rc ?: vtds_flush(&f->unit, &flush, 1);
}

TEST_F(event, poll)
{
	struct pollfd pollfd = { .fd = self->f.unit.fd,
				 .events = POLLIN | POLLOUT };

	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	EXPECT_EQ(0, poll(&pollfd, 1, 20));
	ASSERT_EQ(0, make_fault(&self->f, self->dev));
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(POLLIN, pollfd.revents);
	EXPECT_EQ(1, poll(&pollfd, 1, -1));
	EXPECT_EQ(1, EVENTS());
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
}

TEST_F(event, non_blocking)
{
	const int fd = self->f.unit.fd;

	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(fd, self->got, sizeof(self->got)));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, make_fault(&self->f, self->dev));
	EXPECT_EQ((ssize_t)sizeof(self->got[0]),
		  read(fd, self->got, sizeof(self->got)));
	EXPECT_EQ(-1, read(fd, self->got, sizeof(self->got)));
	EXPECT_EQ(EAGAIN, errno);
}

/* Whole events only; what is not asked for stays */
TEST_F(event, buffers)
{
	const size_t one = sizeof(self->got[0]);
	const int fd = self->f.unit.fd;

	EXPECT_EQ(48U, one);
	for (unsigned int i = 0; i < 4; i++)
		ASSERT_EQ(0, make_fault(&self->f, self->dev));
	EXPECT_EQ(-1, read(fd, self->got, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(fd, self->got, one - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ((ssize_t)one, read(fd, self->got, one));
	EXPECT_EQ((ssize_t)one, read(fd, self->got, 2 * one - 1));
	EXPECT_EQ((ssize_t)(2 * one), read(fd, self->got, 64 * one));
	EXPECT_NO_EVENT();
	EXPECT_EQ(-1, write(fd, self->got, one));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(event, bad_buffers)
{
	const size_t one = sizeof(self->got[0]);
	const int fd = self->f.unit.fd;
	char *page = mmap(NULL, 2 * SZ_4K, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, mprotect(page + SZ_4K, SZ_4K, PROT_NONE));
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_EQ(0, make_fault(&self->f, self->dev));
	/* One fits, and is returned */
	EXPECT_EQ((ssize_t)one, read(fd, page + SZ_4K - one, 3 * one));
	EXPECT_EQ(-1, read(fd, (void *)-SZ_4K, one));
	EXPECT_EQ(EFAULT, errno);
	while (EVENTS() > 0)
		;
	munmap(page, 2 * SZ_4K);
}

struct reader {
	int fd;
	struct vtd_shadow_event event;
	ssize_t got;
	int error;
	pthread_t thread;
	pid_t tid;
	bool done;
};

static void *read_one(void *arg)
{
	struct reader *r = arg;

	__atomic_store_n(&r->tid, gettid(), __ATOMIC_RELEASE);
	r->got = read(r->fd, &r->event, sizeof(r->event));
	r->error = errno;
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool sleeps(pid_t tid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S';
}

/* On return it sleeps in read(): a signal before that would be lost to it. */
static int reader_start(struct reader *r, int fd)
{
	*r = (struct reader){ .fd = fd };
	if (pthread_create(&r->thread, NULL, read_one, r))
		return -1;
	while (!__atomic_load_n(&r->tid, __ATOMIC_ACQUIRE) || !sleeps(r->tid)) {
		if (__atomic_load_n(&r->done, __ATOMIC_ACQUIRE))
			return -1;
		vtds_sleep_ms(5);
	}
	return 0;
}

/* Who reads sleeps until there is something, and the ioctls go on meanwhile */
TEST_F(event, reader_in_another_thread)
{
	struct reader readers[2];

	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0, reader_start(&readers[i], self->f.unit.fd));
	FLUSH(iotlb_global(), cc_global());
	EXPECT_REACH_BUFFERS(3);
	EXPECT_FALSE(readers[0].done || readers[1].done);

	/* One each */
	ASSERT_EQ(0, make_fault(&self->f, self->dev));
	ASSERT_EQ(0, make_fault(&self->f, self->dev));
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(readers[i].thread, NULL));
		EXPECT_EQ((ssize_t)sizeof(readers[i].event), readers[i].got);
		EXPECT_EQ((unsigned int)self->dev->sid,
			  readers[i].event.source_id);
	}
	EXPECT_NO_EVENT();
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST_F(event, reader_and_signals)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct reader reader;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, reader_start(&reader, self->f.unit.fd));
	ASSERT_EQ(0, pthread_kill(reader.thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	EXPECT_EQ(-1, reader.got);
	EXPECT_EQ(EINTR, reader.error);

	/* A handler that restarts does not end it */
	action.sa_flags = SA_RESTART;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, reader_start(&reader, self->f.unit.fd));
	ASSERT_EQ(0, pthread_kill(reader.thread, SIGUSR1));
	vtds_sleep_ms(50);
	EXPECT_FALSE(__atomic_load_n(&reader.done, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, make_fault(&self->f, self->dev));
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	EXPECT_EQ((ssize_t)sizeof(reader.event), reader.got);
}

/* The file is closed under the reader: it reads on, and ends with its file */
TEST_F(event, closed_with_events_and_a_reader)
{
	int other = dup(self->f.unit.fd), status;
	pid_t pid;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, make_fault(&self->f, self->dev));
	close(self->f.unit.fd);
	self->f.unit.fd = other;
	EXPECT_EQ(1, EVENTS());

	/* A process that only reads, killed while it sleeps */
	pid = fork();
	if (!pid) {
		read(other, self->got, sizeof(self->got));
		_exit(0);
	}
	vtds_sleep_ms(50);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, make_fault(&self->f, self->dev));
	EXPECT_REACH_BUFFERS(3);
	/* With one that nobody has read */
	vtds_unit_close(&self->f.unit);
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
}

/* A unit that is not bound has none */
TEST_F(event, before_bind)
{
	struct vtds_unit unit;

	ASSERT_EQ(0, vtds_unit_open(&unit));
	EXPECT_EQ(0, vtds_events(&unit, self->got, ROOM));
	ASSERT_EQ(0, fcntl(unit.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(unit.fd, self->got, sizeof(self->got)));
	EXPECT_EQ(EAGAIN, errno);
	vtds_unit_close(&unit);
}

DMA_TEST_MAIN
