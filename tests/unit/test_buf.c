/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_append_keeps_terminator(void **state)
{
	cleanup_buf struct nv_buf buf = NV_BUF_INIT;

	(void)state;
	nv_buf_puts(&buf, "ab");
	nv_buf_append(&buf, "\0c", 2);
	nv_buf_putc(&buf, 'd');
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.data, "ab\0cd", 6);
	assert_int_equal(nv_buf_error(&buf), 0);
}

static void test_grows_far(void **state)
{
	cleanup_buf struct nv_buf buf = NV_BUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		nv_buf_printf(&buf, "%d,", i % 10);
	}
	assert_int_equal(buf.len, 200000);
	assert_int_equal(buf.data[199998], '9');
	assert_int_equal(buf.data[200000], '\0');
}

static void test_truncate(void **state)
{
	cleanup_buf struct nv_buf buf = NV_BUF_INIT;

	(void)state;
	nv_buf_truncate(&buf, 0);
	nv_buf_puts(&buf, "hello");
	nv_buf_truncate(&buf, 9);
	assert_string_equal(buf.data, "hello");
	nv_buf_truncate(&buf, 2);
	assert_string_equal(buf.data, "he");
	assert_int_equal(buf.len, 2);
}

static void test_steal_of_nothing_is_a_text(void **state)
{
	struct nv_buf buf = NV_BUF_INIT;
	size_t size = 7;

	(void)state;
	char *text = nv_buf_steal(&buf, &size);
	assert_non_null(text);
	assert_string_equal(text, "");
	assert_int_equal(size, 0);
	assert_null(buf.data);
	free(text);
}

static void test_failure_is_sticky(void **state)
{
	struct nv_buf buf = NV_BUF_INIT;

	(void)state;
	nv_buf_puts(&buf, "x");
	nv_buf_reserve(&buf, SIZE_MAX);
	nv_buf_puts(&buf, "y");
	nv_buf_printf(&buf, "%d", 1);
	assert_int_equal(nv_buf_error(&buf), -ENOMEM);
	assert_int_equal(buf.len, 1);
	assert_null(nv_buf_steal(&buf, NULL));
	assert_int_equal(nv_buf_error(&buf), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_keeps_terminator),
		cmocka_unit_test(test_grows_far),
		cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_steal_of_nothing_is_a_text),
		cmocka_unit_test(test_failure_is_sticky),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
