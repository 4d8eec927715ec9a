/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/errors_ring.h"

struct fixture {
	struct nv_clock *clock;
	struct nv_errors_ring *ring;
	struct nv_buf out;
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .out = NV_BUF_INIT };
	assert_int_equal(nv_clock_new(&fixture.clock), 0);
	assert_int_equal(nv_errors_ring_new(fixture.clock, 3, &fixture.ring), 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	nv_buf_release(&fixture->out);
	nv_errors_ring_free(fixture->ring);
	nv_clock_free(fixture->clock);
	return 0;
}

static void test_one_line_for_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct nv_err err = NV_ERR_INIT;
	regex_t pattern;

	(void)nv_fail(&err, ETIMEDOUT, "redis: no answer\nin 5 s");
	nv_errors_ring_add(fixture->ring, 7, "netdox/dns/a\tb", &err, NULL);
	nv_errors_ring_format(fixture->ring, &fixture->out);
	assert_int_equal(regcomp(&pattern,
	                         "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
	                         "\\.[0-9]{3}Z uid=7 "
	                         "netdox/dns/a\\\\tb: ETIMEDOUT: redis: no answer\\\\nin 5 s\n$",
	                         REG_EXTENDED | REG_NOSUB),
	                 0);
	assert_int_equal(regexec(&pattern, fixture->out.data, 0, NULL, 0), 0);
	regfree(&pattern);
}

static void test_each_fault_is_a_line_with_its_place(void **state)
{
	struct fixture *fixture = *state;
	struct nv_err err = NV_ERR_INIT;
	struct nv_faults faults = NV_FAULTS_INIT;

	(void)nv_fail(&err, EINVAL, "refused");
	(void)nv_faults_add(&faults, 3, 9, "no such escape");
	(void)nv_faults_add(&faults, 0, 0, "too long");
	nv_errors_ring_add(fixture->ring, 0, "p", &err, &faults);
	nv_faults_release(&faults);
	nv_errors_ring_format(fixture->ring, &fixture->out);
	assert_non_null(strstr(fixture->out.data, " uid=0 p:3:9: EINVAL: no such escape\n"));
	assert_non_null(strstr(fixture->out.data, " uid=0 p: EINVAL: too long\n"));
	assert_null(strstr(fixture->out.data, "refused"));
}

static void test_dropped_faults_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct nv_faults faults = NV_FAULTS_INIT;

	for (int i = 0; i < NV_FAULTS_MAX + 4; i++) {
		(void)nv_faults_add(&faults, 1, 1, "bad");
	}
	nv_errors_ring_add(fixture->ring, 0, "p", NULL, &faults);
	nv_faults_release(&faults);
	nv_errors_ring_format(fixture->ring, &fixture->out);
	assert_non_null(strstr(fixture->out.data, "p: EINVAL: and 4 more\n"));
}

static void test_the_newest_stay_in_order(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 1; i <= 5; i++) {
		struct nv_err err = NV_ERR_INIT;

		(void)nv_fail(&err, EIO, "number %d", i);
		nv_errors_ring_add(fixture->ring, 0, "p", &err, NULL);
	}
	nv_errors_ring_format(fixture->ring, &fixture->out);
	const char *third = strstr(fixture->out.data, "number 3");
	const char *fourth = strstr(fixture->out.data, "number 4");
	const char *fifth = strstr(fixture->out.data, "number 5");
	assert_null(strstr(fixture->out.data, "number 2"));
	assert_true(third && fourth && fifth && third < fourth && fourth < fifth);
}

static void test_names_of_errors(void **state)
{
	(void)state;
	assert_string_equal(nv_errno_name(EINVAL), "EINVAL");
	assert_string_equal(nv_errno_name(ESTALE), "ESTALE");
	assert_string_equal(nv_errno_name(41), "E41");
	assert_string_equal(nv_errno_name(199), "E199");
	assert_string_equal(nv_errno_name(100000), "E?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_line_for_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_fault_is_a_line_with_its_place, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_dropped_faults_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_newest_stay_in_order, setup, teardown),
		cmocka_unit_test(test_names_of_errors),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
