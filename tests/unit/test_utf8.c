/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

/* Every code point is written and read back; what is none is not. */
static void test_all_code_points(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x110010; code++) {
		char text[4];
		size_t length = nv_utf8_put(code, text);

		if ((code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) {
			assert_int_equal(length, 0);
			continue;
		}
		assert_int_equal(length, code < 0x80      ? 1
		                         : code < 0x800   ? 2
		                         : code < 0x10000 ? 3
		                                          : 4);
		assert_int_equal(nv_utf8_char(text, length), length);
		for (size_t cut = 0; cut < length; cut++) {
			assert_int_equal(nv_utf8_char(text, cut), 0);
		}
	}
}

/* Of all sequences of three bytes, exactly those of the code points are characters. */
static void test_all_short_sequences(void **state)
{
	size_t two = 0;
	size_t three = 0;

	(void)state;
	for (uint32_t word = 0; word < 0x1000000; word++) {
		char text[3] = { (char)(word >> 16), (char)(word >> 8), (char)word };

		if ((word & 0xFF) == 0) {
			two += nv_utf8_char(text, 2) == 2;
		}
		three += nv_utf8_char(text, 3) == 3;
	}
	assert_int_equal(two, 0x800 - 0x80);
	assert_int_equal(three, 0x10000 - 0x800 - 0x800);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xe2\x82",
		"\xe2\x28\xa1",
		"\xf0\x9f\x90 ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(nv_utf8_char(bad[i], strlen(bad[i])), 0);
		assert_false(nv_utf8_valid(bad[i], strlen(bad[i])));
	}
	assert_true(nv_utf8_valid("", 0));
	assert_true(nv_utf8_valid("a\0\xe2\x82\xac", 5));
	assert_false(nv_utf8_valid("abc\xe2\x82", 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_code_points),
		cmocka_unit_test(test_all_short_sequences),
		cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
