/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks and locks, see sched.c: all that a program of the fuzzer does at the same time
 * runs in turn, in an order that the program chooses.
 */
#ifndef FUZZ_SCHED_H
#define FUZZ_SCHED_H

#define SIGKILL 9

struct fiber;

struct task_struct {
	bool killed;
	void *mm;
};

struct task_struct *fuzz_current(void);
#define current fuzz_current()
#define fatal_signal_pending(task) ((task)->killed)
#define allow_signal(sig) \
	do {              \
	} while (0)
#define send_sig(sig, task, priv) ((task)->killed = true)
#define flush_signals(task) ((task)->killed = false)

/* A place where another task may go on */
void sched_point(void);
#define cond_resched() sched_point()
#define synchronize_rcu() sched_point()

/* --- Locks --- */

struct mutex {
	struct fiber *owner;
};

#define DEFINE_MUTEX(name) struct mutex name
#define mutex_init(lock) ((lock)->owner = NULL)
void mutex_destroy(struct mutex *lock);
void mutex_lock(struct mutex *lock);
int mutex_lock_killable(struct mutex *lock);
bool mutex_trylock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
void lockdep_assert_held(const struct mutex *lock);

struct rw_semaphore {
	unsigned int readers;
	bool writer;
};

void init_rwsem(struct rw_semaphore *sem);
void down_read(struct rw_semaphore *sem);
void up_read(struct rw_semaphore *sem);
bool down_write_trylock(struct rw_semaphore *sem);
void down_write(struct rw_semaphore *sem);
void up_write(struct rw_semaphore *sem);

typedef struct mutex spinlock_t;
#define spin_lock_init(lock) mutex_init(lock)
#define spin_lock(lock) mutex_lock(lock)
#define spin_unlock(lock) mutex_unlock(lock)

#define DEFINE_GUARD(name, type, lock, unlock)                \
	typedef type class_##name##_t;                        \
	static inline void class_##name##_end(void *p)        \
	{                                                     \
		class_##name##_t _T = *(class_##name##_t *)p; \
		unlock;                                       \
	}                                                     \
	static inline class_##name##_t class_##name##_begin(  \
		class_##name##_t _T)                          \
	{                                                     \
		lock;                                         \
		return _T;                                    \
	}
#define guard(name)                                                    \
	class_##name##_t __UNIQUE_ID(guard)                            \
		__attribute__((cleanup(class_##name##_end), unused)) = \
			class_##name##_begin

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD(rwsem_read, struct rw_semaphore *, down_read(_T), up_read(_T))

/* --- Waiting --- */

typedef struct {
	unsigned int sleepers;
} wait_queue_head_t;

#define init_waitqueue_head(wait) ((wait)->sleepers = 0)
#define wake_up(wait) ((void)(wait))
#define wake_up_interruptible(wait) ((void)(wait))
#define wq_has_sleeper(wait) ((wait)->sleepers)

void sched_wait(void);
void sched_stall(unsigned int nr_turns);

#define wait_event_killable(wait, cond)                      \
	({                                                   \
		int _ret = 0;                                \
		(wait).sleepers++;                           \
		while (!_ret && !(cond)) {                   \
			sched_wait();                        \
			_ret = current->killed ? -EINTR : 0; \
		}                                            \
		(wait).sleepers--;                           \
		_ret;                                        \
	})
#define wait_event_interruptible(wait, cond) wait_event_killable(wait, cond)

/* --- Timers: ring when whoever set one has waited for as long as the program says --- */

struct timer_list {
	void (*function)(struct timer_list *timer);
};

#define jiffies 0UL
#define timer_setup(timer, fn, flags) ((timer)->function = (fn))
void mod_timer(struct timer_list *timer, unsigned long at);
void timer_delete_sync(struct timer_list *timer);

/* --- Threads and queues of work: done when the program says --- */

struct kthread_work {
	void (*function)(struct kthread_work *work);
};

struct kthread_worker {
	struct task_struct *task;
	struct task_struct thread;
};

struct kthread_delayed_work {
	struct kthread_work work;
	struct kthread_worker *worker;
	bool pending;
	bool running;
};

#define DEFINE_KTHREAD_WORK(name, fn) struct kthread_work name = { fn }
#define kthread_run_worker(flags, name) fuzz_worker_create()
struct kthread_worker *fuzz_worker_create(void);
void kthread_destroy_worker(struct kthread_worker *worker);
#define kthread_queue_work(worker, work) ((work)->function(work))
#define kthread_flush_work(work) ((void)(work))
#define kthread_init_delayed_work(dwork, fn) \
	(*(dwork) = (struct kthread_delayed_work){ .work.function = fn })
void kthread_queue_delayed_work(struct kthread_worker *worker,
				struct kthread_delayed_work *dwork,
				unsigned long delay);
#define kthread_mod_delayed_work kthread_queue_delayed_work
void kthread_cancel_delayed_work_sync(struct kthread_delayed_work *dwork);

struct work_struct {
	void (*function)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
	bool pending;
};

struct workqueue_struct;

#define DECLARE_DELAYED_WORK(name, fn) \
	struct delayed_work name = { .work.function = fn }
#define WQ_UNBOUND 0
struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max);
void destroy_workqueue(struct workqueue_struct *queue);
void queue_delayed_work(struct workqueue_struct *queue,
			struct delayed_work *dwork, unsigned long delay);
#define cancel_delayed_work_sync(dwork) ((dwork)->pending = false)
#define msecs_to_jiffies(ms) (ms)

/* --- For the program --- */

/* Others that may be at work besides the program itself */
#define MAX_TASKS 3

bool sched_start(void (*function)(void *arg), void *arg,
		 struct task_struct *task);
void sched_begin(const u8 *turns, size_t nr_turns);
void sched_finish(void);
void sched_kill_all(void);
/**
 * struct progress - What a call has done since something came of it, see progress.c
 * @fetches: How often it had memory pinned
 * @rounds: How often it did something else
 * @taken: How often memory had been taken then
 */
struct progress {
	unsigned int fetches;
	unsigned int rounds;
	unsigned int taken;
};

struct progress *sched_progress(void);
unsigned int sched_nr_others(void);
struct task_struct *sched_other(unsigned int which);
unsigned int sched_locks_held(void);
bool work_run(bool at_once);

#endif /* FUZZ_SCHED_H */
