/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/bytes.h"

/* Each is before the next: absent, empty, a prefix first, bytes unsigned. */
static void test_order(void **state)
{
	static char a[] = "a";
	static char a_nul[] = "a\0";
	static char ab[] = "ab";
	static char high[] = "\xff";
	const struct nv_bytes sorted[] = {
		{ NULL, 0 }, { a, 0 }, { a, 1 }, { a_nul, 2 }, { ab, 2 }, { high, 1 },
	};
	const int count = sizeof(sorted) / sizeof(sorted[0]);

	(void)state;
	for (int i = 0; i < count; i++) {
		for (int k = 0; k < count; k++) {
			int order = nv_bytes_cmp(&sorted[i], &sorted[k]);

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
			assert_int_equal(nv_bytes_equal(&sorted[i], &sorted[k]), i == k);
		}
	}
}

static void test_is(void **state)
{
	static char text[] = "ab\0";
	const struct nv_bytes absent = NV_BYTES_INIT;

	(void)state;
	assert_true(nv_bytes_is(&(struct nv_bytes){ text, 2 }, "ab"));
	assert_false(nv_bytes_is(&(struct nv_bytes){ text, 1 }, "ab"));
	assert_false(nv_bytes_is(&(struct nv_bytes){ text, 3 }, "ab"));
	assert_true(nv_bytes_is(&(struct nv_bytes){ text, 0 }, ""));
	assert_false(nv_bytes_is(&absent, ""));
}

static void test_copy(void **state)
{
	struct nv_bytes copy = NV_BYTES_INIT;

	(void)state;
	assert_int_equal(nv_bytes_copy(&copy, "a\0bc", 3), 0);
	assert_int_equal(copy.size, 3);
	assert_memory_equal(copy.data, "a\0b", 4);
	nv_bytes_release(&copy);
	assert_null(copy.data);
	assert_int_equal(nv_bytes_copy(&copy, "", 0), 0);
	assert_non_null(copy.data);
	nv_bytes_release(&copy);
	assert_int_equal(nv_bytes_copy(&copy, NULL, 0), 0);
	assert_null(copy.data);
	nv_bytes_release(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_copy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
