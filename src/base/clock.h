/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's clock. Everything that waits or ages asks it, so that tests can advance it and never
 * sleep.
 */
#ifndef NV_BASE_CLOCK_H
#define NV_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

struct nv_clock;

/* A clock that follows the system's. Returns 0 or -ENOMEM. Owns: free with nv_clock_free. */
int nv_clock_new(struct nv_clock **ret_clock);
void nv_clock_free(struct nv_clock *clock);

/* Monotonic milliseconds, with all advances added; never goes back. Any thread. */
int64_t nv_clock_ms(const struct nv_clock *clock);

/* Wall-clock time, with all advances added. Any thread. */
struct timespec nv_clock_wall(const struct nv_clock *clock);

/* Test control: moves both clocks ms forward and wakes every nv_clock_wait. Any thread. */
void nv_clock_advance(struct nv_clock *clock, int64_t ms);

/* Test control: from now on only advances move both clocks. Waits that have begun may end at their
 * old times. Any thread. */
void nv_clock_stop(struct nv_clock *clock);

/* Waits on cond (mutex held) until it is signalled, the clock reaches until_ms, or the clock is
 * advanced; spurious returns are possible. until_ms < 0: no limit. The caller re-checks its
 * condition. Blocks. */
void nv_clock_wait(struct nv_clock *clock, pthread_cond_t *cond, pthread_mutex_t *mutex,
                   int64_t until_ms);

#endif
