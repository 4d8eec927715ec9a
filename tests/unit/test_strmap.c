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

#include "base/strmap.h"

static void test_set_get_remove(void **state)
{
	struct nv_strmap *map = nv_strmap_new();
	int one = 1;
	int two = 2;
	void *old = &one;

	(void)state;
	assert_null(nv_strmap_get(map, "a", 1));
	assert_null(nv_strmap_remove(map, "a", 1));
	assert_int_equal(nv_strmap_set(map, "a", 1, &one, &old), 0);
	assert_null(old);
	assert_int_equal(nv_strmap_set(map, "a\0b", 3, &two, NULL), 0);
	assert_int_equal(nv_strmap_set(map, "", 0, &two, NULL), 0);
	assert_int_equal(nv_strmap_set(map, "a", 1, &two, &old), 0);
	assert_ptr_equal(old, &one);
	assert_int_equal(nv_strmap_count(map), 3);
	assert_ptr_equal(nv_strmap_get(map, "a\0b", 3), &two);
	assert_ptr_equal(nv_strmap_get(map, "", 0), &two);
	assert_ptr_equal(nv_strmap_remove(map, "a", 1), &two);
	assert_null(nv_strmap_get(map, "a", 1));
	assert_int_equal(nv_strmap_count(map), 2);
	nv_strmap_free(map, NULL);
	nv_strmap_free(NULL, NULL);
}

/* Against an array of what should be there. */
static void test_random_operations(void **state)
{
	enum { KEYS = 500, OPERATIONS = 100000 };
	static int values[KEYS];
	static bool there[KEYS];
	struct nv_strmap *map = nv_strmap_new();
	unsigned seed = 20240229;
	size_t expected = 0;

	(void)state;
	for (int i = 0; i < OPERATIONS; i++) {
		char key[16];
		int number = rand_r(&seed) % KEYS;
		int len = snprintf(key, sizeof(key), "k%d", number);

		if (rand_r(&seed) % 2) {
			void *old = NULL;
			assert_int_equal(
				nv_strmap_set(map, key, (size_t)len, &values[number], &old), 0);
			assert_ptr_equal(old, there[number] ? &values[number] : NULL);
			expected += !there[number];
			there[number] = true;
		} else {
			void *old = nv_strmap_remove(map, key, (size_t)len);
			assert_ptr_equal(old, there[number] ? &values[number] : NULL);
			expected -= there[number];
			there[number] = false;
		}
		assert_int_equal(nv_strmap_count(map), expected);
	}
	nv_strmap_free(map, NULL);
}

static void test_walk_may_remove(void **state)
{
	struct nv_strmap *map = nv_strmap_new();
	size_t cursor = 0;
	const char *key = NULL;
	size_t key_size = 0;
	void *value = NULL;
	size_t seen = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(nv_strmap_set(map, text, (size_t)len, strdup(text), NULL), 0);
	}
	while (nv_strmap_next(map, &cursor, &key, &key_size, &value)) {
		assert_int_equal(strlen(value), key_size);
		assert_memory_equal(key, value, key_size);
		if (seen++ % 2) {
			free(nv_strmap_remove(map, key, key_size));
		}
	}
	assert_int_equal(seen, 100);
	assert_int_equal(nv_strmap_count(map), 50);
	nv_strmap_free(map, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_get_remove),
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_walk_may_remove),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
