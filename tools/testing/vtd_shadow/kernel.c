// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel: allocations, which are counted and fail when the program says so, memory of the
 * caller, references, and how a failure is told.
 */
#include "kernel.h"
#include <linux/list.h>
#include "fuzz.h"

struct inject inject;
bool fuzz_verbose;
const struct file_operations *fuzz_fops;

static unsigned long live;
static unsigned long work;
static bool overtime;

/* Steps of one operation, and how many more it may take when it is killed */
#define MAX_WORK 40000
#define MAX_WORK_KILLED 40000

/* --- Failures --- */

/* libFuzzer keeps the input when the program aborts. */
void fuzz_fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "FAILED: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

void fuzz_warn(const char *file, int line, const char *what)
{
	fuzz_fail("WARN_ON(%s) at %s:%d", what, file, line);
}

/* Whether it is now that something goes wrong */
bool inject_now(unsigned int *countdown)
{
	if (!*countdown || --*countdown)
		return false;
	*countdown = inject.always;
	return true;
}

/*
 * A step of the engine. A guest can ask for more than anybody wants to wait for; then all
 * are killed, and have to end in no more steps than that.
 */
void fuzz_work(unsigned int n)
{
	work += n;
	if (work > MAX_WORK && !overtime) {
		overtime = true;
		sched_kill_all();
	}
	if (work > MAX_WORK + MAX_WORK_KILLED)
		fuzz_fail("not over %u steps after it was killed",
			  MAX_WORK_KILLED);
}

void fuzz_work_begin(void)
{
	work = 0;
	overtime = false;
	progress_result();
}

bool fuzz_is_overtime(void)
{
	return overtime;
}

/* --- Memory --- */

void *fuzz_alloc(size_t size, gfp_t gfp)
{
	void *ptr;

	fuzz_work(1);
	if (!(gfp & __GFP_NOFAIL) && inject_now(&inject.alloc))
		return NULL;
	ptr = calloc(1, size ?: 1);
	if (!ptr)
		abort();
	live++;
	return ptr;
}

void kfree(const void *ptr)
{
	if (!ptr)
		return;
	live--;
	free((void *)ptr);
}

unsigned long fuzz_live_allocations(void)
{
	return live;
}

/* The first page of a caller is not there. */
static bool is_there(const void *user)
{
	return (unsigned long)user >= PAGE_SIZE;
}

unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	if (n && !is_there(from))
		return n;
	memcpy(to, from, n);
	return 0;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	if (n && !is_there(to))
		return n;
	memcpy(to, from, n);
	return 0;
}

int copy_struct_from_user(void *to, size_t ksize, const void *from,
			  size_t usize)
{
	size_t size = min(ksize, usize);

	if (!is_there(from))
		return -EFAULT;
	if (usize > ksize && memchr_inv(from + ksize, 0, usize - ksize))
		return -E2BIG;
	memcpy(to, from, size);
	memset(to + size, 0, ksize - size);
	return 0;
}

/* --- References and lists --- */

void kref_init(struct kref *kref)
{
	kref->refs = 1;
}

void kref_get(struct kref *kref)
{
	if (!kref->refs++)
		fuzz_fail("a reference to what is gone");
}

int kref_put(struct kref *kref, void (*release)(struct kref *kref))
{
	if (kref->refs <= 0)
		fuzz_fail("more references put than taken");
	if (--kref->refs)
		return 0;
	release(kref);
	return 1;
}

size_t list_count_nodes(struct list_head *head)
{
	struct list_head *at;
	size_t count = 0;

	list_for_each(at, head)
		count++;
	return count;
}
