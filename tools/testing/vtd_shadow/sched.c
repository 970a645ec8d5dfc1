// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks: the program of the fuzzer and others that it starts take turns, each on a stack
 * of its own. A turn ends where the kernel might switch, too: where a lock is taken or
 * given back, and where the engine asks to be rescheduled. The program says how many such
 * places a turn has, so that all is the same each time. Whoever waits for a lock that
 * nobody will give back is found.
 */
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "kernel.h"
#include "fuzz.h"

#define STACK_SIZE (512UL << 10)
/* Turns in which all wait, before that is called a deadlock */
#define MAX_IDLE_TURNS 100

struct fiber {
	ucontext_t context;
	void *fake_stack;
	char *stack;
	struct task_struct *task;
	struct task_struct own;
	void (*function)(void *arg);
	void *arg;
	bool alive;
	unsigned int held;
	struct timer_list *timer;
	struct progress progress;
};

/* The first one is the program itself. */
static struct fiber fibers[1 + MAX_TASKS];
static struct fiber *running = &fibers[0], *last_running;
static const void *main_stack;
static size_t main_stack_size;

static const u8 *turns;
static size_t nr_turns, next_turn;
static unsigned int turn_left;
static unsigned int idle_turns;

struct task_struct *fuzz_current(void)
{
	return running->task ?: &running->own;
}

struct progress *sched_progress(void)
{
	return &running->progress;
}

unsigned int sched_nr_others(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 1; i <= MAX_TASKS; i++)
		nr += fibers[i].alive;
	return nr;
}

/* --- Turns --- */

static void begin_turn(void)
{
	turn_left = nr_turns ? turns[next_turn++ % nr_turns] % 32 : 4;
}

static void switch_to(struct fiber *next)
{
	struct fiber *last = running;
	const void *stack = next->stack ?: main_stack;
	size_t size = next->stack ? STACK_SIZE : main_stack_size;

	if (next == last)
		return;
	running = next;
	last_running = last;
	__sanitizer_start_switch_fiber(last->alive ? &last->fake_stack : NULL,
				       stack, size);
	swapcontext(&last->context, &next->context);
	__sanitizer_finish_switch_fiber(running->fake_stack, NULL, NULL);
}

static struct fiber *next_fiber(void)
{
	unsigned int i = running - fibers;

	do
		i = (i + 1) % ARRAY_SIZE(fibers);
	while (!fibers[i].alive);
	return &fibers[i];
}

static void next_task(void)
{
	begin_turn();
	switch_to(next_fiber());
}

void sched_point(void)
{
	fuzz_work(1);
	idle_turns = 0;
	if (turn_left) {
		turn_left--;
		return;
	}
	if (sched_nr_others())
		next_task();
}

/* Somebody waits: the others go on, if there are any. */
void sched_wait(void)
{
	if (idle_turns++ > MAX_IDLE_TURNS || next_fiber() == running)
		fuzz_fail("deadlock");
	next_task();
}

/*
 * Others go on for so many turns, as long as there are any, or until it is killed. Then its
 * patience is over, if there is an end to it.
 */
void sched_stall(unsigned int nr_turns)
{
	while (nr_turns-- && next_fiber() != running && !current->killed) {
		idle_turns = 0;
		next_task();
	}
	if (running->timer)
		running->timer->function(running->timer);
}

void mod_timer(struct timer_list *timer, unsigned long at)
{
	running->timer = timer;
}

void timer_delete_sync(struct timer_list *timer)
{
	running->timer = NULL;
}

static void entry(void)
{
	const void *stack;
	size_t size;

	__sanitizer_finish_switch_fiber(NULL, &stack, &size);
	if (last_running == &fibers[0]) {
		main_stack = stack;
		main_stack_size = size;
	}
	progress_result();
	running->function(running->arg);
	if (running->held)
		fuzz_fail("a task ends with a lock");
	running->alive = false;
	idle_turns = 0;
	begin_turn();
	switch_to(next_fiber());
}

/* --- Tasks --- */

static void stack_alloc(struct fiber *fiber)
{
	if (fiber->stack)
		return;
	fiber->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fiber->stack == MAP_FAILED)
		abort();
}

/*
 * Starts a task that calls @function, on behalf of @task if there is one. Returns false
 * if there are too many.
 */
bool sched_start(void (*function)(void *arg), void *arg,
		 struct task_struct *task)
{
	struct fiber *fiber = NULL;

	for (unsigned int i = 1; i <= MAX_TASKS && !fiber; i++)
		if (!fibers[i].alive)
			fiber = &fibers[i];
	if (!fiber)
		return false;
	stack_alloc(fiber);
	__asan_unpoison_memory_region(fiber->stack, STACK_SIZE);
	fiber->function = function;
	fiber->arg = arg;
	fiber->task = task;
	fiber->own = (struct task_struct){};
	fiber->fake_stack = NULL;
	fiber->alive = true;
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = STACK_SIZE;
	makecontext(&fiber->context, entry, 0);
	return true;
}

/* One of the tasks besides the program, or NULL. Nobody kills threads of the kernel. */
struct task_struct *sched_other(unsigned int which)
{
	struct fiber *fiber = &fibers[1 + which % MAX_TASKS];

	return fiber->alive && !fiber->task ? &fiber->own : NULL;
}

/* Whoever is at work, and the threads of units */
void sched_kill_all(void)
{
	for (unsigned int i = 0; i <= MAX_TASKS; i++) {
		fibers[i].own.killed = true;
		if (fibers[i].alive && fibers[i].task)
			fibers[i].task->killed = true;
	}
}

void sched_begin(const u8 *new_turns, size_t nr)
{
	fibers[0].alive = true;
	fibers[0].own = (struct task_struct){};
	turns = new_turns;
	nr_turns = nr;
	next_turn = 0;
	begin_turn();
}

/* All others come to their end. */
void sched_finish(void)
{
	while (sched_nr_others()) {
		fuzz_work(1);
		next_task();
	}
	if (fibers[0].held)
		fuzz_fail("a lock is left");
}

unsigned int sched_locks_held(void)
{
	return running->held;
}

/* --- Locks --- */

bool mutex_trylock(struct mutex *lock)
{
	if (lock->owner)
		return false;
	lock->owner = running;
	running->held++;
	return true;
}

static int lock_or_die(struct mutex *lock, bool killable)
{
	if (lock->owner == running)
		fuzz_fail("a lock is taken twice");
	sched_point();
	while (!mutex_trylock(lock)) {
		if (killable && current->killed)
			return -EINTR;
		sched_wait();
	}
	return 0;
}

void mutex_lock(struct mutex *lock)
{
	lock_or_die(lock, false);
}

int mutex_lock_killable(struct mutex *lock)
{
	return lock_or_die(lock, true);
}

void mutex_unlock(struct mutex *lock)
{
	lockdep_assert_held(lock);
	lock->owner = NULL;
	running->held--;
	sched_point();
}

void mutex_destroy(struct mutex *lock)
{
	if (lock->owner)
		fuzz_fail("a lock goes while it is held");
}

void lockdep_assert_held(const struct mutex *lock)
{
	if (lock->owner != running)
		fuzz_fail("a lock is not held");
}

void init_rwsem(struct rw_semaphore *sem)
{
	*sem = (struct rw_semaphore){};
}

void down_read(struct rw_semaphore *sem)
{
	while (sem->writer)
		sched_wait();
	sem->readers++;
}

void up_read(struct rw_semaphore *sem)
{
	sem->readers--;
	sched_point();
}

bool down_write_trylock(struct rw_semaphore *sem)
{
	if (sem->readers || sem->writer)
		return false;
	sem->writer = true;
	return true;
}

void down_write(struct rw_semaphore *sem)
{
	while (!down_write_trylock(sem))
		sched_wait();
}

void up_write(struct rw_semaphore *sem)
{
	sem->writer = false;
	sched_point();
}

/* --- Work that is done later --- */

#define MAX_WORKS 4

static struct kthread_delayed_work *works[MAX_WORKS];
static struct delayed_work *queued;

struct kthread_worker *fuzz_worker_create(void)
{
	struct kthread_worker *worker = kzalloc(sizeof(*worker), GFP_KERNEL);

	if (!worker)
		return ERR_PTR(-ENOMEM);
	worker->task = &worker->thread;
	return worker;
}

void kthread_destroy_worker(struct kthread_worker *worker)
{
	kfree(worker);
}

void kthread_queue_delayed_work(struct kthread_worker *worker,
				struct kthread_delayed_work *dwork,
				unsigned long delay)
{
	unsigned int i = 0;

	if (dwork->pending)
		return;
	while (i < MAX_WORKS && works[i])
		i++;
	if (i == MAX_WORKS)
		abort();
	works[i] = dwork;
	dwork->worker = worker;
	dwork->pending = true;
}

static void unqueue(struct kthread_delayed_work *dwork)
{
	for (unsigned int i = 0; i < MAX_WORKS; i++)
		if (works[i] == dwork)
			works[i] = NULL;
	dwork->pending = false;
}

void kthread_cancel_delayed_work_sync(struct kthread_delayed_work *dwork)
{
	while (dwork->running)
		sched_wait();
	unqueue(dwork);
}

static void work_do(void *arg)
{
	struct kthread_delayed_work *dwork = arg;

	dwork->work.function(&dwork->work);
	dwork->running = false;
}

static bool work_start(struct kthread_delayed_work *dwork, bool at_once)
{
	if (dwork->running)
		return false;
	unqueue(dwork);
	dwork->running = true;
	if (at_once || !sched_start(work_do, dwork, dwork->worker->task))
		work_do(dwork);
	return true;
}

struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max)
{
	return (struct workqueue_struct *)&queued;
}

void destroy_workqueue(struct workqueue_struct *queue)
{
}

void queue_delayed_work(struct workqueue_struct *queue,
			struct delayed_work *dwork, unsigned long delay)
{
	dwork->pending = true;
	queued = dwork;
}

/*
 * The time has come for all that waits to be done: now, or while others are at work.
 * Returns whether there was anything.
 */
bool work_run(bool at_once)
{
	bool any = false;

	for (unsigned int i = 0; i < MAX_WORKS; i++)
		if (works[i])
			any |= work_start(works[i], at_once);
	if (queued && queued->pending) {
		queued->pending = false;
		queued->work.function(&queued->work);
		any = true;
	}
	return any;
}
