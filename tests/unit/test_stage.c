/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "save/stage.h"

/* Against a flat array, over the border between heap and file. */
static void test_random_writes(void **state)
{
	enum { SIZE = 3 << 20, OPERATIONS = 400 };
	struct nv_stage stage = NV_STAGE_INIT;
	char *expected = calloc(1, SIZE);
	char *data = malloc(65536);
	size_t size = 0;
	unsigned seed = 20261124;
	(void)state;
	print_message("# seed %u\n", seed);
	for (int i = 0; i < OPERATIONS; i++) {
		size_t offset = (size_t)rand_r(&seed) % (SIZE - 65536);
		size_t n = (size_t)rand_r(&seed) % 65536;
		if (rand_r(&seed) % 8 == 0) {
			assert_int_equal(nv_stage_truncate(&stage, offset), 0);
			if (offset < size) {
				memset(expected + offset, 0, size - offset);
			}
			size = offset;
			continue;
		}
		memset(data, 'a' + i % 26, n);
		assert_int_equal(nv_stage_write(&stage, data, n, offset), 0);
		memcpy(expected + offset, data, n);
		size = n > 0 && offset + n > size ? offset + n : size;
	}
	assert_int_equal(stage.size, size);
	assert_memory_equal(nv_stage_text(&stage), expected, size);
	assert_true(stage.fd >= 0);
	nv_stage_release(&stage);
	free(expected);
	free(data);
}

static void test_limits(void **state)
{
	struct nv_stage stage = NV_STAGE_INIT;
	(void)state;
	assert_string_equal(nv_stage_text(&stage), "");
	assert_int_equal(nv_stage_write(&stage, "x", 1, NV_STAGE_MAX), -EFBIG);
	assert_int_equal(nv_stage_truncate(&stage, NV_STAGE_MAX + 1), -EFBIG);
	assert_int_equal(nv_stage_write(&stage, "x", 1, 3), 0);
	assert_memory_equal(nv_stage_text(&stage), "\0\0\0x", 4);
	struct nv_stage other = NV_STAGE_INIT;
	nv_stage_move(&other, &stage);
	assert_int_equal(stage.size, 0);
	assert_int_equal(other.size, 4);
	nv_stage_release(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_writes),
		cmocka_unit_test(test_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
