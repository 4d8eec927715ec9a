/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void test_fail_fills_and_returns(void **state)
{
	struct nv_err err = NV_ERR_INIT;

	(void)state;
	assert_int_equal(nv_fail(&err, EACCES, "no %s for %d", "entry", 7), -EACCES);
	assert_int_equal(err.errnum, EACCES);
	assert_string_equal(err.msg, "no entry for 7");
	assert_int_equal(nv_fail(NULL, EACCES, "x"), -EACCES);
	assert_int_equal(nv_fail(&err, 0, "status 0 is no error code"), -EIO);
	assert_int_equal(err.errnum, EIO);
	nv_err_clear(&err);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(err.msg, "");
}

static void test_arguments_may_be_the_message(void **state)
{
	struct nv_err err = NV_ERR_INIT;

	(void)state;
	(void)nv_fail(&err, EIO, "down");
	(void)nv_fail(&err, EIO, "store: %s", err.msg);
	assert_string_equal(err.msg, "store: down");
}

static void test_wrap_puts_context_before(void **state)
{
	struct nv_err err = NV_ERR_INIT;

	(void)state;
	(void)nv_fail(&err, ENOENT, "no such key");
	assert_int_equal(nv_wrap(&err, "reading %s", "dns"), -ENOENT);
	assert_string_equal(err.msg, "reading dns: no such key");
	assert_int_equal(nv_wrap(NULL, "x"), -EIO);
}

static void test_long_messages_are_cut_at_a_character(void **state)
{
	struct nv_err err = NV_ERR_INIT;
	char text[400];

	(void)state;
	/* 238 bytes, then a character of two: it would be cut in the middle. */
	memset(text, 'a', sizeof(text));
	memcpy(text + 238, "\xC3\xA9z", 4);
	(void)nv_fail(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.msg), 238);
	/* One byte earlier it fits. */
	(void)nv_fail(&err, EIO, "%s", text + 1);
	assert_int_equal(strlen(err.msg), 239);
	(void)nv_wrap(&err, "c");
	assert_true(strlen(err.msg) < sizeof(err.msg));
	assert_memory_equal(err.msg, "c: aaa", 6);
}

static void test_faults_are_bounded_and_counted(void **state)
{
	struct nv_faults faults = NV_FAULTS_INIT;

	(void)state;
	assert_false(nv_faults_any(&faults));
	assert_false(nv_faults_any(NULL));
	assert_int_equal(nv_faults_add(NULL, 1, 1, "x"), -EINVAL);
	for (size_t i = 1; i <= NV_FAULTS_MAX + 5; i++) {
		assert_int_equal(nv_faults_add(&faults, i, 2, "reason %zu", i), -EINVAL);
	}
	assert_true(nv_faults_any(&faults));
	assert_int_equal(faults.count, NV_FAULTS_MAX);
	assert_int_equal(faults.dropped, 5);
	assert_int_equal(faults.items[2].line, 3);
	assert_string_equal(faults.items[2].reason, "reason 3");
	struct nv_faults copy = NV_FAULTS_INIT;
	nv_faults_add_all(NULL, &faults);
	nv_faults_add_all(&copy, &faults);
	assert_int_equal(copy.count, NV_FAULTS_MAX);
	assert_int_equal(copy.dropped, 5);
	assert_int_equal(copy.items[2].line, 3);
	assert_int_equal(copy.items[2].column, 2);
	nv_faults_release(&faults);
	assert_string_equal(copy.items[2].reason, "reason 3");
	nv_faults_release(&copy);
	assert_int_equal(faults.count, 0);
	assert_false(nv_faults_any(&faults));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_fills_and_returns),
		cmocka_unit_test(test_arguments_may_be_the_message),
		cmocka_unit_test(test_wrap_puts_context_before),
		cmocka_unit_test(test_long_messages_are_cut_at_a_character),
		cmocka_unit_test(test_faults_are_bounded_and_counted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
