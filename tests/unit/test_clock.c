/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_advance_moves_both_clocks(void **state)
{
	struct nv_clock *clock = NULL;

	(void)state;
	assert_int_equal(nv_clock_new(&clock), 0);
	int64_t before = nv_clock_ms(clock);
	struct timespec wall = nv_clock_wall(clock);
	nv_clock_advance(clock, 86400500);
	assert_true(nv_clock_ms(clock) >= before + 86400500);
	struct timespec later = nv_clock_wall(clock);
	assert_true(later.tv_nsec >= 0 && later.tv_nsec < 1000000000);
	int64_t passed_ms = (int64_t)(later.tv_sec - wall.tv_sec) * 1000 +
	                    (later.tv_nsec - wall.tv_nsec) / 1000000;
	assert_true(passed_ms >= 86400499);
	nv_clock_free(clock);
}

static void test_never_goes_back(void **state)
{
	struct nv_clock *clock = NULL;

	(void)state;
	assert_int_equal(nv_clock_new(&clock), 0);
	int64_t before = nv_clock_ms(clock);
	nv_clock_advance(clock, -5000);
	assert_true(nv_clock_ms(clock) >= before);
	nv_clock_free(clock);
}

static void test_stopped_only_advances_move_it(void **state)
{
	struct nv_clock *clock = NULL;
	struct timespec start;
	struct timespec now;

	(void)state;
	assert_int_equal(nv_clock_new(&clock), 0);
	nv_clock_stop(clock);
	int64_t before = nv_clock_ms(clock);
	struct timespec wall = nv_clock_wall(clock);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 5);
	nv_clock_stop(clock);
	assert_true(nv_clock_ms(clock) == before);
	nv_clock_advance(clock, 500);
	assert_true(nv_clock_ms(clock) == before + 500);
	struct timespec later = nv_clock_wall(clock);
	assert_true((later.tv_sec - wall.tv_sec) * 1000000000 + later.tv_nsec - wall.tv_nsec ==
	            500000000);
	nv_clock_free(clock);
}

static void test_wait_ends_at_its_time(void **state)
{
	struct nv_clock *clock = NULL;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

	(void)state;
	assert_int_equal(nv_clock_new(&clock), 0);
	pthread_mutex_lock(&mutex);
	int64_t until_ms = nv_clock_ms(clock) + 20;
	while (nv_clock_ms(clock) < until_ms) {
		nv_clock_wait(clock, &cond, &mutex, until_ms);
	}
	/* A time long gone does not block. */
	nv_clock_wait(clock, &cond, &mutex, 0);
	pthread_mutex_unlock(&mutex);
	nv_clock_free(clock);
}

struct sleeper {
	struct nv_clock *clock;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool ready; /* mutex */
	int64_t until_ms;
};

static void *sleep_an_hour(void *arg)
{
	struct sleeper *sleeper = arg;

	pthread_mutex_lock(&sleeper->mutex);
	sleeper->ready = true;
	pthread_cond_broadcast(&sleeper->cond);
	while (nv_clock_ms(sleeper->clock) < sleeper->until_ms) {
		nv_clock_wait(sleeper->clock, &sleeper->cond, &sleeper->mutex, sleeper->until_ms);
	}
	pthread_mutex_unlock(&sleeper->mutex);
	return NULL;
}

/* Hangs (and is killed by the harness) when an advance is lost. */
static void test_advance_wakes_every_waiter(void **state)
{
	enum { ROUNDS = 200, THREADS = 3 };

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct sleeper sleepers[THREADS];
		pthread_t threads[THREADS];
		struct nv_clock *clock = NULL;

		assert_int_equal(nv_clock_new(&clock), 0);
		for (int i = 0; i < THREADS; i++) {
			sleepers[i] = (struct sleeper){ .clock = clock,
				                        .until_ms = nv_clock_ms(clock) + 3600000 };
			pthread_mutex_init(&sleepers[i].mutex, NULL);
			pthread_cond_init(&sleepers[i].cond, NULL);
			assert_int_equal(
				pthread_create(&threads[i], NULL, sleep_an_hour, &sleepers[i]), 0);
		}
		for (int i = 0; i < THREADS; i++) {
			pthread_mutex_lock(&sleepers[i].mutex);
			while (!sleepers[i].ready) {
				pthread_cond_wait(&sleepers[i].cond, &sleepers[i].mutex);
			}
			pthread_mutex_unlock(&sleepers[i].mutex);
		}
		nv_clock_advance(clock, 3600001);
		for (int i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			pthread_mutex_destroy(&sleepers[i].mutex);
			pthread_cond_destroy(&sleepers[i].cond);
		}
		nv_clock_free(clock);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advance_moves_both_clocks),
		cmocka_unit_test(test_never_goes_back),
		cmocka_unit_test(test_stopped_only_advances_move_it),
		cmocka_unit_test(test_wait_ends_at_its_time),
		cmocka_unit_test(test_advance_wakes_every_waiter),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
