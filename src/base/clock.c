/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The advance is one number added to the system's clocks. Waiters are known by name, so that an
 * advance can wake them.
 */
#include "config.h"

#include "base/clock.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* One thread in nv_clock_wait; lives on its stack. */
struct waiter {
	struct waiter *next;
	pthread_cond_t *cond;
	pthread_mutex_t *mutex;
	bool woken; /* by the advance under way */
};

/* Lock order: a waiter's mutex, then lock. nv_clock_advance goes the other way and therefore only
 * tries. */
struct nv_clock {
	atomic_llong advance_ms;
	atomic_bool stopped;   /* once true for good; the next two are set before */
	struct timespec ms_at; /* what the system's clocks were then */
	struct timespec wall_at;
	pthread_mutex_t lock;
	struct waiter *waiters; /* lock */
};

enum { MS_PER_SECOND = 1000, NS_PER_MS = 1000000, NS_PER_SECOND = 1000000000 };

int nv_clock_new(struct nv_clock **ret_clock)
{
	struct nv_clock *clock = calloc(1, sizeof(*clock));
	if (!clock) {
		return -ENOMEM;
	}
	if (pthread_mutex_init(&clock->lock, NULL) != 0) {
		free(clock);
		return -ENOMEM;
	}
	*ret_clock = clock;
	return 0;
}

void nv_clock_free(struct nv_clock *clock)
{
	if (!clock) {
		return;
	}
	(void)pthread_mutex_destroy(&clock->lock);
	free(clock);
}

int64_t nv_clock_ms(const struct nv_clock *clock)
{
	struct timespec now;

	if (atomic_load(&clock->stopped)) {
		now = clock->ms_at;
	} else {
		(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	}
	return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / NS_PER_MS +
	       atomic_load(&clock->advance_ms);
}

struct timespec nv_clock_wall(const struct nv_clock *clock)
{
	struct timespec now;
	long long advance_ms = atomic_load(&clock->advance_ms);

	if (atomic_load(&clock->stopped)) {
		now = clock->wall_at;
	} else {
		(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
	}
	now.tv_sec += advance_ms / MS_PER_SECOND;
	now.tv_nsec += (advance_ms % MS_PER_SECOND) * NS_PER_MS;
	if (now.tv_nsec >= NS_PER_SECOND) {
		now.tv_sec++;
		now.tv_nsec -= NS_PER_SECOND;
	}
	return now;
}

/* Wakes one waiter not woken yet. 1: go on; 0: all are woken; -1: one is just not to be had, try
 * again. */
static int wake_one(struct nv_clock *clock)
{
	int result = 0;

	pthread_mutex_lock(&clock->lock);
	for (struct waiter *waiter = clock->waiters; waiter; waiter = waiter->next) {
		if (waiter->woken) {
			continue;
		}
		/* With its mutex in hand the waiter is either asleep (and hears the broadcast) or
		 * gone from the list. */
		if (pthread_mutex_trylock(waiter->mutex) != 0) {
			result = -1;
			continue;
		}
		waiter->woken = true;
		pthread_cond_broadcast(waiter->cond);
		pthread_mutex_unlock(waiter->mutex);
		result = 1;
		break;
	}
	pthread_mutex_unlock(&clock->lock);
	return result;
}

void nv_clock_advance(struct nv_clock *clock, int64_t ms)
{
	if (ms <= 0) {
		return;
	}
	atomic_fetch_add(&clock->advance_ms, ms);

	pthread_mutex_lock(&clock->lock);
	for (struct waiter *waiter = clock->waiters; waiter; waiter = waiter->next) {
		waiter->woken = false;
	}
	pthread_mutex_unlock(&clock->lock);

	int result;
	while ((result = wake_one(clock)) != 0) {
		if (result < 0) {
			sched_yield();
		}
	}
}

void nv_clock_stop(struct nv_clock *clock)
{
	pthread_mutex_lock(&clock->lock);
	if (!atomic_load(&clock->stopped)) {
		(void)clock_gettime(CLOCK_MONOTONIC, &clock->ms_at);
		(void)clock_gettime(CLOCK_REALTIME, &clock->wall_at);
		atomic_store(&clock->stopped, true);
	}
	pthread_mutex_unlock(&clock->lock);
}

static void waiter_add(struct nv_clock *clock, struct waiter *waiter)
{
	pthread_mutex_lock(&clock->lock);
	waiter->next = clock->waiters;
	clock->waiters = waiter;
	pthread_mutex_unlock(&clock->lock);
}

static void waiter_remove(struct nv_clock *clock, struct waiter *waiter)
{
	pthread_mutex_lock(&clock->lock);
	struct waiter **place = &clock->waiters;
	while (*place != waiter) {
		place = &(*place)->next;
	}
	*place = waiter->next;
	pthread_mutex_unlock(&clock->lock);
}

void nv_clock_wait(struct nv_clock *clock, pthread_cond_t *cond, pthread_mutex_t *mutex,
                   int64_t until_ms)
{
	struct waiter waiter = { .cond = cond, .mutex = mutex };

	waiter_add(clock, &waiter);
	/* An advance from here on finds the waiter; one before it is seen by this read. */
	long long advance_ms = atomic_load(&clock->advance_ms);
	if (until_ms < 0 || (atomic_load(&clock->stopped) && until_ms > nv_clock_ms(clock))) {
		(void)pthread_cond_wait(cond, mutex);
	} else if (until_ms > nv_clock_ms(clock)) {
		int64_t real_ms = until_ms - advance_ms;
		struct timespec until = { .tv_sec = real_ms / MS_PER_SECOND,
			                  .tv_nsec = real_ms % MS_PER_SECOND * NS_PER_MS };
		(void)pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
	}
	waiter_remove(clock, &waiter);
}
