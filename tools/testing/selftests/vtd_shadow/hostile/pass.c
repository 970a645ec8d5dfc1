// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other processes get descriptors of the hostile VMM and make calls with them: a child, a
 * program that it becomes, one of 32 bits, one that gets a descriptor through a socket,
 * one that takes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

#define CALLS 60

static void call_often(struct hostile *h, int fd, unsigned int seed)
{
	for (unsigned int i = 0; i < CALLS; i++)
		hostile_call(h, fd, &seed);
}

/* --- Through a socket --- */

/* The message, and room for one descriptor */
struct letter {
	struct msghdr msg;
	struct iovec iov;
	char byte;
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
};

static void letter_init(struct letter *letter)
{
	memset(letter, 0, sizeof(*letter));
	letter->iov.iov_base = &letter->byte;
	letter->iov.iov_len = 1;
	letter->msg.msg_iov = &letter->iov;
	letter->msg.msg_iovlen = 1;
	letter->msg.msg_control = &letter->control;
	letter->msg.msg_controllen = sizeof(letter->control);
}

static int send_fd(int socket, int fd)
{
	struct letter letter;
	struct cmsghdr *head;

	letter_init(&letter);
	head = CMSG_FIRSTHDR(&letter.msg);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(socket, &letter.msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	struct letter letter;
	struct cmsghdr *head;
	int fd;

	letter_init(&letter);
	if (recvmsg(socket, &letter.msg, 0) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&letter.msg);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* --- The other process --- */

/*
 * It has its own memory and no pages that come late. Where those of its parent come from
 * it must not hold: they would never come if the parent is killed, and whoever waits for
 * the IOAS meanwhile would not end either.
 */
static void call_in_child(struct hostile *h, int fd, unsigned int seed)
{
	h->slow = NULL;
	if (fd >= 0 && !hostile_map_pages(h))
		call_often(h, fd, seed);
	_exit(0);
}

/* What it becomes gets the descriptor, and where to count, by number */
static void become(struct hostile *h, const char *program, int fd,
		   unsigned int seed)
{
	char numbers[3][16];

	snprintf(numbers[0], sizeof(numbers[0]), "%u", seed);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", fd);
	snprintf(numbers[2], sizeof(numbers[2]), "%d", h->counts_fd);
	fcntl(fd, F_SETFD, 0);
	fcntl(h->counts_fd, F_SETFD, 0);
	execl(program, program, "--caller", numbers[0], numbers[1], numbers[2],
	      NULL);
	_exit(1);
}

static int getfd_of_parent(int fd)
{
	int pidfd = syscall(SYS_pidfd_open, getppid(), 0);
	int got = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return got;
}

static void live(struct hostile *h, unsigned int how, int fd, int socket,
		 unsigned int seed)
{
	switch (how) {
	case HOSTILE_EXEC:
		become(h, h->program, fd, seed);
		break;
	case HOSTILE_EXEC_32:
		become(h, h->program_32, fd, seed);
		break;
	case HOSTILE_SOCKET:
		close(fd);
		fd = receive_fd(socket);
		break;
	case HOSTILE_GETFD:
		fd = getfd_of_parent(fd);
		break;
	}
	call_in_child(h, fd, seed);
}

/*
 * A kernel may have no sockets, and a compiler none of 32 bits. It is counted what was done,
 * and said at the end what never was.
 */
void hostile_pass(struct hostile *h, unsigned int *seed)
{
	unsigned int how = hostile_below(seed, 5), child_seed = rand_r(seed);
	int fd = hostile_fd(h, seed), sockets[2] = { -1, -1 };
	pid_t child;

	if (fd < 0 || fd >= 1000 || (how == HOSTILE_EXEC_32 && !h->program_32))
		return;
	if (how == HOSTILE_SOCKET &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return;
	if (how == HOSTILE_SOCKET && send_fd(sockets[0], fd)) {
		close(sockets[0]);
		close(sockets[1]);
		return;
	}
	child = fork();
	if (!child) {
		close(h->userfaultfd);
		live(h, how, fd, sockets[1], child_seed);
	}
	__atomic_add_fetch(&h->counts->processes[how], 1, __ATOMIC_RELAXED);
	/* Sometimes with the descriptor on the way, and nobody there to take it */
	if (sockets[0] >= 0) {
		close(sockets[0]);
		close(sockets[1]);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* The program as a caller: --caller SEED FD FD-OF-COUNTS */
int hostile_caller(int argc, char **argv)
{
	static struct hostile h;

	if (argc != 5)
		return 1;
	h.counts = mmap(NULL, sizeof(*h.counts), PROT_READ | PROT_WRITE,
			MAP_SHARED, atoi(argv[4]), 0);
	if (h.counts == MAP_FAILED)
		return 1;
	h.f.unit.cap = CAP_CM | CAP_SAGAW(4) | CAP_MGAW(48) | CAP_PSI;
	h.f.guest.root = RAM_GPA;
	for (unsigned int i = 0; i < HOSTILE_FDS; i++)
		h.fd[i] = atoi(argv[3]) + i % 4;
	call_in_child(&h, atoi(argv[3]), strtoul(argv[2], NULL, 0));
	return 0;
}
