/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lock of a unit: a mutex that knows whether somebody waits for it, so that long work
 * can give way. Serves all files; calls none.
 */
#ifndef VTDS_LOCK_H
#define VTDS_LOCK_H

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/mutex.h>
#include <linux/sched.h>

/**
 * struct vtds_lock - The lock of a unit
 * @mutex: The lock
 * @waiters: How many wait for it, and may have to wait for long
 */
struct vtds_lock {
	struct mutex mutex; /* what the unit has */
	atomic_t waiters;
};

static inline void vtds_lock_init(struct vtds_lock *lock)
{
	mutex_init(&lock->mutex);
	atomic_set(&lock->waiters, 0);
}

static inline void vtds_lock(struct vtds_lock *lock)
{
	if (mutex_trylock(&lock->mutex))
		return;
	atomic_inc(&lock->waiters);
	mutex_lock(&lock->mutex);
	atomic_dec(&lock->waiters);
}

/* Returns 0, or -EINTR if the caller is being killed. */
static inline int vtds_lock_killable(struct vtds_lock *lock)
{
	int ret;

	if (mutex_trylock(&lock->mutex))
		return 0;
	atomic_inc(&lock->waiters);
	ret = mutex_lock_killable(&lock->mutex);
	atomic_dec(&lock->waiters);
	return ret;
}

static inline void vtds_unlock(struct vtds_lock *lock)
{
	mutex_unlock(&lock->mutex);
}

/* Whether the holder should let somebody else have it */
static inline bool vtds_lock_wanted(const struct vtds_lock *lock)
{
	return atomic_read(&lock->waiters);
}

/*
 * Lets somebody else have it. Who waits gets it at the second time at the latest: a
 * mutex is handed to whoever found it taken again after being woken up.
 */
static inline void vtds_lock_give_way(struct vtds_lock *lock)
{
	vtds_unlock(lock);
	cond_resched();
	vtds_lock(lock);
}

static inline void vtds_assert_locked(const struct vtds_lock *lock)
{
	lockdep_assert_held(&lock->mutex);
}

DEFINE_GUARD(vtds_lock, struct vtds_lock *, vtds_lock(_T), vtds_unlock(_T))

#endif /* VTDS_LOCK_H */
