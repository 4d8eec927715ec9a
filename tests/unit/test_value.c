/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec_test.h"

static void test_read(void **state)
{
	(void)state;
	codec_assert_reads(&codec_value, "lan\n", "lan\n");
	codec_assert_reads(&codec_value, "lan", "lan\n");
	codec_assert_reads(&codec_value, "\n", "\n");
	codec_assert_reads(&codec_value, "lan\n\n", "lan\n\n");
	codec_assert_reads(&codec_value, " lan\r\n", " lan\r\n");
}

static void test_refused(void **state)
{
	(void)state;
	codec_assert_refuses(&codec_value, "", 0, 1, 1, 1, "empty");
}

static void test_random(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf value = NV_BUF_INIT;
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		size_t size = 0;

		chance_bytes(&chance, 20, &value);
		nv_value_format(value.data, value.len, &text);
		assert_int_equal(nv_value_parse(text.data, text.len, &size, NULL), 0);
		assert_int_equal(size, value.len);
		assert_memory_equal(text.data, value.data, size);
		codec_assert_holds(&codec_value, value.data, value.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_random),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
