/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSON as bytes: damaged documents are refused (every single-byte damage is survived), values
 * convert without loss.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "docstore/key.h"
#include "docstore/value.h"

/* One of each type. */
static bson_t *one_of_each(void)
{
	bson_t *doc = bson_new();
	bson_t inner = BSON_INITIALIZER;
	bson_oid_t oid;
	bson_decimal128_t decimal;
	bson_oid_init_from_string(&oid, "64b0000000000000000000ff");
	assert_true(bson_decimal128_from_string("1.10", &decimal));
	BSON_APPEND_INT32(&inner, "0", 7);
	BSON_APPEND_UTF8(&inner, "1", "x");
	BSON_APPEND_DOUBLE(doc, "double", 1.5);
	BSON_APPEND_UTF8(doc, "string", "text");
	BSON_APPEND_DOCUMENT(doc, "document", &inner);
	BSON_APPEND_ARRAY(doc, "array", &inner);
	BSON_APPEND_BINARY(doc, "binary", BSON_SUBTYPE_BINARY, (const uint8_t *)"\0\1", 2);
	BSON_APPEND_BINARY(doc, "old binary", BSON_SUBTYPE_BINARY_DEPRECATED,
	                   (const uint8_t *)"\0\1", 2);
	BSON_APPEND_UNDEFINED(doc, "undefined");
	BSON_APPEND_OID(doc, "oid", &oid);
	BSON_APPEND_BOOL(doc, "bool", true);
	BSON_APPEND_DATE_TIME(doc, "date", -5);
	BSON_APPEND_NULL(doc, "null");
	BSON_APPEND_REGEX(doc, "regex", "a.*", "im");
	BSON_APPEND_DBPOINTER(doc, "dbpointer", "db.coll", &oid);
	BSON_APPEND_CODE(doc, "code", "f()");
	BSON_APPEND_SYMBOL(doc, "symbol", "sym");
	BSON_APPEND_CODE_WITH_SCOPE(doc, "scope", "g()", &inner);
	BSON_APPEND_INT32(doc, "int32", -1);
	BSON_APPEND_TIMESTAMP(doc, "timestamp", 5, 6);
	BSON_APPEND_INT64(doc, "int64", INT64_MIN);
	BSON_APPEND_DECIMAL128(doc, "decimal", &decimal);
	BSON_APPEND_MINKEY(doc, "min");
	BSON_APPEND_MAXKEY(doc, "max");
	bson_destroy(&inner);
	return doc;
}

static void test_values_convert_exactly(void **state)
{
	(void)state;
	bson_t *doc = one_of_each();
	struct nv_bval whole = nv_bval_doc(doc);
	assert_int_equal(nv_bval_check(whole.data, whole.size), 0);
	struct nv_bwalk walk = nv_bwalk(&whole);
	struct nv_bfield field;
	bson_iter_t iter;
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	size_t count = 0;
	assert_true(bson_iter_init(&iter, doc));
	while (nv_bwalk_next(&walk, &field) > 0) {
		struct nv_bval made;
		assert_true(bson_iter_next(&iter));
		assert_string_equal(bson_iter_key(&iter), field.key);
		assert_int_equal(nv_bval_from(bson_iter_value(&iter), &store, &made), 0);
		assert_true(nv_bval_same(&made, &field.value));
		count++;
	}
	assert_false(bson_iter_next(&iter));
	assert_int_equal(count, 22);
	bson_destroy(doc);
}

static void test_regex_options_keep_their_order(void **state)
{
	(void)state;
	bson_value_t value = { .value_type = BSON_TYPE_REGEX };
	value.value.v_regex.regex = (char *)"a";
	value.value.v_regex.options = (char *)"zi";
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	struct nv_bval made;
	assert_int_equal(nv_bval_from(&value, &store, &made), 0);
	assert_int_equal(made.size, 5);
	assert_memory_equal(made.data, "a\0zi\0", 5);
}

/* Looks at everything, as the stores do with a document that passed the check. */
static void look_at_all(const uint8_t *data, size_t size)
{
	struct nv_bval doc = { BSON_TYPE_DOCUMENT, data, size };
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	assert_int_equal(nv_key_append(&key, &doc), 0);
}

static void test_damage_is_survived(void **state)
{
	(void)state;
	bson_t *doc = one_of_each();
	size_t size = doc->len;
	unsigned refused = 0;
	for (size_t at = 0; at < size; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint8_t *copy = malloc(
				size); /* exactly as long, so that a sanitizer sees an overrun */
			assert_non_null(copy);
			memcpy(copy, bson_get_data(doc), size);
			copy[at] = (uint8_t)byte;
			if (nv_bval_check(copy, size) == 0) {
				look_at_all(copy, size);
			} else {
				refused++;
			}
			free(copy);
		}
	}
	assert_true(refused > size * 50);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = malloc(cut + 1);
		assert_non_null(copy);
		memcpy(copy, bson_get_data(doc), cut);
		assert_int_equal(nv_bval_check(copy, cut), -EINVAL);
		free(copy);
	}
	bson_destroy(doc);
}

static void test_random_bytes_are_survived(void **state)
{
	(void)state;
	unsigned seed = (unsigned)time(NULL);
	print_message("# seed %u\n", seed);
	srandom(seed);
	bson_t *doc = one_of_each();
	for (int i = 0; i < 100000; i++) {
		uint8_t *copy = malloc(doc->len);
		assert_non_null(copy);
		memcpy(copy, bson_get_data(doc), doc->len);
		for (long hits = 1 + random() % 4; hits > 0; hits--) {
			copy[random() % (long)doc->len] = (uint8_t)random();
		}
		if (nv_bval_check(copy, doc->len) == 0) {
			look_at_all(copy, doc->len);
		}
		free(copy);
	}
	bson_destroy(doc);
}

static void test_depth_is_limited(void **state)
{
	(void)state;
	for (int depth = NV_BVAL_DEPTH_MAX - 1; depth <= NV_BVAL_DEPTH_MAX + 1; depth++) {
		bson_t *doc = bson_new();
		for (int i = 1; i < depth; i++) {
			bson_t *outer = bson_new();
			BSON_APPEND_DOCUMENT(outer, "a", doc);
			bson_destroy(doc);
			doc = outer;
		}
		int rc = nv_bval_check(bson_get_data(doc), doc->len);
		assert_int_equal(rc, depth <= NV_BVAL_DEPTH_MAX ? 0 : -EINVAL);
		bson_destroy(doc);
	}
}

static void test_positions(void **state)
{
	(void)state;
	size_t position = 99;
	assert_true(nv_bval_is_position("0", 1, &position));
	assert_int_equal(position, 0);
	assert_true(nv_bval_is_position("120", 3, &position));
	assert_int_equal(position, 120);
	assert_false(nv_bval_is_position("", 0, &position));
	assert_false(nv_bval_is_position("01", 2, &position));
	assert_false(nv_bval_is_position("1a", 2, &position));
	assert_false(nv_bval_is_position("-1", 2, &position));
	assert_false(nv_bval_is_position("99999999999999999999", 20, &position));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_convert_exactly),
		cmocka_unit_test(test_regex_options_keep_their_order),
		cmocka_unit_test(test_damage_is_survived),
		cmocka_unit_test(test_random_bytes_are_survived),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_positions),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("docstore value", tests, NULL, NULL);
}
