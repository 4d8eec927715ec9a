/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fs/times.h"

struct fixture {
	struct nv_clock *clock;
	struct nv_times *times;
};

static const struct timespec no_stamp = { 0, 0 };

static int setup(void **state)
{
	static struct fixture fixture;
	assert_int_equal(nv_clock_new(&fixture.clock), 0);
	assert_int_equal(nv_times_new(fixture.clock, false, &fixture.times), 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	nv_times_free(f->times);
	nv_clock_free(f->clock);
	return 0;
}

static void test_numbers_are_stable_and_ascend(void **state)
{
	struct fixture *f = *state;
	enum { NAMES = 5000 };
	uint64_t last = 1;
	for (int i = 0; i < NAMES; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "n%d", i);
		uint64_t ino = nv_times_ino(f->times, 1, name);
		assert_true(ino > last);
		last = ino;
	}
	assert_int_equal(nv_times_ino(f->times, 1, "n0"), 2);
	assert_int_equal(nv_times_ino(f->times, 1, "n4999"), last);
	assert_int_not_equal(nv_times_ino(f->times, 2, "n0"), 2);
}

static void test_fingerprints_follow_from_the_text_alone(void **state)
{
	const struct fixture *f = *state;
	const struct timespec stamp = { 1700000000, 5 };
	const struct timespec asked = { 1600000000, 7 };
	struct nv_times *times = NULL;
	assert_int_equal(nv_times_new(f->clock, true, &times), 0);
	assert_int_equal(nv_times_file(times, 9, 77, true, stamp).tv_sec, 77);
	assert_int_equal(nv_times_file(times, 9, 78, false, no_stamp).tv_sec, 78);
	nv_times_stored(times, 9, 79, true, stamp, NULL);
	assert_int_equal(nv_times_file(times, 9, 79, true, stamp).tv_sec, 79);
	nv_times_stored(times, 9, 80, true, stamp, &asked);
	assert_int_equal(nv_times_file(times, 9, 80, true, stamp).tv_sec, asked.tv_sec);
	assert_int_equal(nv_times_file(times, 9, 81, true, stamp).tv_sec, 81);
	nv_times_free(times);
}

static void test_move_keeps_the_number(void **state)
{
	struct fixture *f = *state;
	uint64_t a = nv_times_ino(f->times, 1, "a");
	nv_times_move(f->times, 1, "a", 5, "b");
	assert_int_equal(nv_times_ino(f->times, 5, "b"), a);
	assert_int_not_equal(nv_times_ino(f->times, 1, "a"), a);
}

static void test_without_a_stamp_the_text_makes_the_time(void **state)
{
	struct fixture *f = *state;
	struct timespec first = nv_times_file(f->times, 9, 0x80000005U, false, no_stamp);
	assert_int_equal(first.tv_sec, 5);
	assert_int_equal(nv_times_file(f->times, 9, 0x80000005U, false, no_stamp).tv_sec, 5);
	struct timespec changed = nv_times_file(f->times, 9, 6, false, no_stamp);
	assert_true(changed.tv_sec >= nv_clock_wall(f->clock).tv_sec - 1);
	assert_int_equal(nv_times_file(f->times, 9, 6, false, no_stamp).tv_nsec, changed.tv_nsec);
}

static void test_a_stamp_is_shown_and_an_unmoved_one_is_not_believed(void **state)
{
	struct fixture *f = *state;
	struct timespec stamp = { 1000000000, 5 };
	struct timespec later = { 1000000001, 0 };
	assert_int_equal(nv_times_file(f->times, 9, 1, true, stamp).tv_sec, stamp.tv_sec);
	assert_int_equal(nv_times_file(f->times, 9, 2, true, later).tv_sec, later.tv_sec);
	assert_true(nv_times_file(f->times, 9, 3, true, later).tv_sec > later.tv_sec);
}

static void test_a_users_time_lasts_until_the_content_changes(void **state)
{
	struct fixture *f = *state;
	struct timespec set = { 978307200, 0 };
	(void)nv_times_file(f->times, 9, 1, false, no_stamp);
	nv_times_set(f->times, 9, 1, set);
	assert_int_equal(nv_times_file(f->times, 9, 1, false, no_stamp).tv_sec, set.tv_sec);
	assert_int_not_equal(nv_times_file(f->times, 9, 2, false, no_stamp).tv_sec, set.tv_sec);
	nv_times_stored(f->times, 9, 3, false, no_stamp, &set);
	assert_int_equal(nv_times_file(f->times, 9, 3, false, no_stamp).tv_sec, set.tv_sec);
}

static void test_a_directorys_time_moves_with_its_names(void **state)
{
	struct fixture *f = *state;
	struct timespec mounted = nv_times_dir(f->times, 9);
	struct timespec first = nv_times_listed(f->times, 9, 77);
	assert_int_equal(first.tv_nsec, mounted.tv_nsec);
	struct timespec second = nv_times_listed(f->times, 9, 78);
	struct timespec third = nv_times_listed(f->times, 9, 77);
	assert_true(second.tv_sec > first.tv_sec || second.tv_nsec > first.tv_nsec);
	assert_true(third.tv_sec > second.tv_sec || third.tv_nsec > second.tv_nsec);
	assert_int_equal(nv_times_dir(f->times, 9).tv_nsec, third.tv_nsec);
}

#define times_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* rsync sets a directory's time before and after it changes what is in it. */
static void test_a_directorys_time_is_never_twice_the_same(void **state)
{
	struct fixture *f = *state;
	const struct timespec set = { 978307200, 123456789 };
	(void)nv_times_listed(f->times, 9, 77);
	nv_times_set_dir(f->times, 9, set);
	struct timespec first = nv_times_listed(f->times, 9, 77);
	(void)nv_times_listed(f->times, 9, 78);
	nv_times_set_dir(f->times, 9, set);
	struct timespec second = nv_times_listed(f->times, 9, 78);
	assert_int_equal(first.tv_sec, set.tv_sec);
	assert_int_equal(first.tv_nsec / 1000, set.tv_nsec / 1000);
	assert_int_equal(second.tv_nsec / 1000, set.tv_nsec / 1000);
	assert_int_not_equal(first.tv_nsec, second.tv_nsec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		times_test(test_numbers_are_stable_and_ascend),
		times_test(test_move_keeps_the_number),
		times_test(test_fingerprints_follow_from_the_text_alone),
		times_test(test_without_a_stamp_the_text_makes_the_time),
		times_test(test_a_stamp_is_shown_and_an_unmoved_one_is_not_believed),
		times_test(test_a_users_time_lasts_until_the_content_changes),
		times_test(test_a_directorys_time_moves_with_its_names),
		times_test(test_a_directorys_time_is_never_twice_the_same),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
