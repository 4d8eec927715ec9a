/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/blob.h"

static void test_crc32_of_texts_one_behind_the_other(void **state)
{
	const char text[] = "The quick brown fox jumps over the lazy dog";
	size_t size = sizeof(text) - 1;
	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		assert_int_equal(nv_crc32_join(nv_crc32(text, cut), nv_crc32(text + cut, size - cut),
		                               size - cut),
		                 0x414FA339);
	}
}

static void test_crc32_of_known_texts(void **state)
{
	(void)state;
	assert_int_equal(nv_crc32("", 0), 0);
	assert_int_equal(nv_crc32("123456789", 9), 0xCBF43926);
	assert_int_equal(nv_crc32("The quick brown fox jumps over the lazy dog", 43), 0x414FA339);
}

static void count_free(void *priv)
{
	++*(int *)priv;
}

static void test_last_reference_frees_priv_once(void **state)
{
	int freed = 0;
	struct nv_blob *blob = nv_blob_new(strdup("text\n"), 5, 42, &freed, count_free);

	(void)state;
	assert_non_null(blob);
	assert_int_equal(blob->size, 5);
	assert_int_equal(blob->sampled_ms, 42);
	assert_int_equal(blob->crc, nv_crc32("text\n", 5));
	assert_ptr_equal(nv_blob_ref(blob), blob);
	nv_blob_unref(blob);
	assert_int_equal(freed, 0);
	nv_blob_unref(blob);
	assert_int_equal(freed, 1);
	nv_blob_unref(NULL);
	assert_null(nv_blob_ref(NULL));
}

static void test_no_text_frees_priv(void **state)
{
	int freed = 0;

	(void)state;
	assert_null(nv_blob_new(NULL, 0, 0, &freed, count_free));
	assert_int_equal(freed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32_of_known_texts),
		cmocka_unit_test(test_crc32_of_texts_one_behind_the_other),
		cmocka_unit_test(test_last_reference_frees_priv_once),
		cmocka_unit_test(test_no_text_frees_priv),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
