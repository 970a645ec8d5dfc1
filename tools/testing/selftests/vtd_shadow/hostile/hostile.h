/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hostile VMM: it knows the formats of all calls and keeps no rule. ../hostile_test.c
 * runs it round by round, each VMM is a process of its own. What the parts offer is below
 * in layers: each part calls parts further up, none further down.
 */
#ifndef SELFTESTS_VTD_SHADOW_HOSTILE_HOSTILE_H
#define SELFTESTS_VTD_SHADOW_HOSTILE_HOSTILE_H

#include <pthread.h>
#include <stdlib.h>

#include "kselftest.h"
#include "vtds_desc.h"
#include "vtds_fixture.h"

#define HOSTILE_FDS 24
#define HOSTILE_THREADS 5
#define HOSTILE_CALLS \
	14 /* those of the unit, a number that it has not, all else */
#define HOSTILE_ERRNOS 140

/* Memory whose pages come late, in the IOAS here, and pages of it */
#define HOSTILE_SLOW_GPA 0x500000000ULL
#define HOSTILE_SLOW_SIZE SZ_2M

/**
 * struct hostile_counts - How calls ended, of all processes, of 64 and of 32 bits
 * @ready: The VMM runs
 * @call: By call and errno, 0 for those that did not fail
 * @processes: Callers that began with a descriptor from another process: by fork, exec,
 *             exec of 32 bits, a socket, pidfd_getfd()
 * @said: What is wrong
 */
struct hostile_counts {
	__u32 ready;
	__aligned_u64 call[HOSTILE_CALLS][HOSTILE_ERRNOS];
	__aligned_u64 processes[5];
	char said[300];
};

enum {
	HOSTILE_FORK,
	HOSTILE_EXEC,
	HOSTILE_EXEC_32,
	HOSTILE_SOCKET,
	HOSTILE_GETFD,
};

/**
 * struct hostile - One VMM
 * @seed: All that it does follows from that, but for when
 * @program: Its file
 * @program_32: The same for 32 bits, or NULL
 * @seconds: How long it lives
 * @f: What it begins with: a guest with devices that work
 * @fd: Descriptors of all kinds, which threads replace and close
 * @slow: Memory whose pages come late
 * @userfaultfd: From where they come
 * @good: A page to read and write; behind it there is nothing
 * @read_only: A page to read
 * @counts: What it tells
 * @counts_fd: The file that it is
 */
struct hostile {
	unsigned long seed;
	const char *program;
	const char *program_32;
	double seconds;
	struct vtds_fixture f;
	int fd[HOSTILE_FDS];
	char *slow;
	int userfaultfd;
	char *good;
	char *read_only;
	struct hostile_counts *counts;
	int counts_fd;
};

/* ---- Random values (values.c) ---- */

unsigned int hostile_below(unsigned int *seed, unsigned int limit);
bool hostile_chance(unsigned int *seed, unsigned int percent);
__u64 hostile_number(unsigned int *seed);
int hostile_fd(struct hostile *h, unsigned int *seed);
void *hostile_pointer(struct hostile *h, unsigned int *seed, size_t size);
int hostile_map_pages(struct hostile *h);
int hostile_slow_pages(struct hostile *h);
void *hostile_pager(void *arg);

/* ---- Calls of the unit (calls.c) ---- */

extern const char *const hostile_names[HOSTILE_CALLS];

void hostile_count(struct hostile *h, unsigned int call, int rc);
bool hostile_is_unit(int fd);
void hostile_call(struct hostile *h, int fd, unsigned int *seed);
const char *hostile_judge(const struct hostile_counts *counts);

/* ---- Everything else that one can do with descriptors (files.c) ---- */

void hostile_do_iommufd(struct hostile *h, unsigned int *seed);
void hostile_do_vfio(struct hostile *h, unsigned int *seed);
void hostile_do_file(struct hostile *h, unsigned int *seed);

/* ---- Other processes get descriptors (pass.c) ---- */

void hostile_pass(struct hostile *h, unsigned int *seed);
int hostile_caller(int argc, char **argv);

/* ---- A VMM's life (vmm.c) ---- */

void hostile_lives(struct hostile *h);

#endif /* SELFTESTS_VTD_SHADOW_HOSTILE_HOSTILE_H */
