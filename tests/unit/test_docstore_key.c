/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Canonical keys: which values are equal, and which come first. The tables say what MongoDB's
 * manual says of comparison order; they do not come from the code.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "docstore/docstore.h"
#include "docstore/key.h"

/* The key of field "v" of a document given as extended JSON. */
static void key_of(const char *json, struct nv_buf *out)
{
	bson_error_t error;
	bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &error);
	if (!doc) {
		fail_msg("%s: %s", json, error.message);
	}
	struct nv_bval whole = nv_bval_doc(doc);
	struct nv_bval value;
	assert_true(nv_bval_field(&whole, "v", 1, &value));
	assert_int_equal(nv_key_append(out, &value), 0);
	bson_destroy(doc);
}

static int order_of(const char *left, const char *right)
{
	cleanup_buf struct nv_buf a = NV_BUF_INIT;
	cleanup_buf struct nv_buf b = NV_BUF_INIT;
	key_of(left, &a);
	key_of(right, &b);
	return nv_key_compare(a.data, a.len, b.data, b.len);
}

/* Ascending; lines that begin with "=" equal the one before. */
static const char *const ascending[] = {
	"{\"v\":{\"$minKey\":1}}",
	"{\"v\":null}",
	"={\"v\":{\"$undefined\":true}}",
	"{\"v\":{\"$numberDouble\":\"NaN\"}}",
	"={\"v\":{\"$numberDecimal\":\"NaN\"}}",
	"{\"v\":{\"$numberDouble\":\"-Infinity\"}}",
	"={\"v\":{\"$numberDecimal\":\"-Infinity\"}}",
	"{\"v\":{\"$numberDouble\":\"-1.7976931348623157e308\"}}",
	"{\"v\":{\"$numberLong\":\"-9223372036854775808\"}}",
	"={\"v\":{\"$numberDouble\":\"-9223372036854775808\"}}",
	"={\"v\":{\"$numberDecimal\":\"-9223372036854775808\"}}",
	"{\"v\":{\"$numberLong\":\"-9223372036854775807\"}}",
	"={\"v\":{\"$numberDecimal\":\"-9223372036854775807.000\"}}",
	"{\"v\":{\"$numberLong\":\"-9007199254740994\"}}",
	"{\"v\":{\"$numberLong\":\"-9007199254740993\"}}",
	"{\"v\":{\"$numberLong\":\"-9007199254740992\"}}",
	"={\"v\":{\"$numberDouble\":\"-9007199254740992\"}}",
	"{\"v\":-2}",
	"={\"v\":{\"$numberLong\":\"-2\"}}",
	"={\"v\":{\"$numberDouble\":\"-2.0\"}}",
	"={\"v\":{\"$numberDecimal\":\"-2.000\"}}",
	"{\"v\":{\"$numberDouble\":\"-0.1\"}}",
	"{\"v\":{\"$numberDouble\":\"-4.9406564584124654e-324\"}}",
	"{\"v\":0}",
	"={\"v\":{\"$numberDouble\":\"-0.0\"}}",
	"={\"v\":{\"$numberDecimal\":\"-0E+7\"}}",
	"={\"v\":{\"$numberDecimal\":\"0.000\"}}",
	"{\"v\":{\"$numberDecimal\":\"1E-6176\"}}",
	"{\"v\":{\"$numberDouble\":\"4.9406564584124654e-324\"}}",
	"{\"v\":{\"$numberDecimal\":\"0.5\"}}",
	"={\"v\":{\"$numberDouble\":\"0.5\"}}",
	"={\"v\":{\"$numberDecimal\":\"0.50000\"}}",
	"{\"v\":1}",
	"={\"v\":{\"$numberLong\":\"1\"}}",
	"={\"v\":{\"$numberDouble\":\"1.0\"}}",
	"={\"v\":{\"$numberDecimal\":\"1\"}}",
	"{\"v\":{\"$numberDecimal\":\"1.1\"}}",
	"={\"v\":{\"$numberDecimal\":\"1.10\"}}",
	"{\"v\":{\"$numberDecimal\":\"1000000000000000000\"}}",
	"={\"v\":{\"$numberDecimal\":\"1E+18\"}}",
	"={\"v\":{\"$numberLong\":\"1000000000000000000\"}}",
	"={\"v\":{\"$numberDouble\":\"1e18\"}}",
	"{\"v\":{\"$numberLong\":\"9223372036854775807\"}}",
	"={\"v\":{\"$numberDecimal\":\"9223372036854775807\"}}",
	"{\"v\":{\"$numberDouble\":\"9223372036854775808\"}}",
	"={\"v\":{\"$numberDecimal\":\"9223372036854775808\"}}",
	"{\"v\":{\"$numberDecimal\":\"1E+22\"}}",
	"={\"v\":{\"$numberDouble\":\"1e22\"}}",
	"{\"v\":{\"$numberDecimal\":\"1E+6111\"}}",
	"{\"v\":{\"$numberDouble\":\"Infinity\"}}",
	"={\"v\":{\"$numberDecimal\":\"Infinity\"}}",
	"{\"v\":\"\"}",
	"{\"v\":\"A\"}",
	"{\"v\":\"a\"}",
	"={\"v\":{\"$symbol\":\"a\"}}",
	"{\"v\":\"a\\u0000b\"}",
	"{\"v\":\"ab\"}",
	"{\"v\":\"b\"}",
	"{\"v\":{}}",
	"{\"v\":{\"a\":1}}",
	"={\"v\":{\"a\":{\"$numberDouble\":\"1.0\"}}}",
	"{\"v\":{\"a\":1,\"b\":1}}",
	"{\"v\":{\"a\":2}}",
	"{\"v\":{\"b\":1}}",
	"{\"v\":{\"b\":1,\"a\":1}}",
	"{\"v\":{\"a\":\"x\"}}",
	"{\"v\":{\"a\":\"x\\u0000\"}}",
	"{\"v\":{\"a\":\"xy\"}}",
	"{\"v\":[]}",
	"{\"v\":[1]}",
	"={\"v\":[{\"$numberLong\":\"1\"}]}",
	"{\"v\":[1,2]}",
	"{\"v\":[2]}",
	"{\"v\":{\"$binary\":{\"base64\":\"\",\"subType\":\"00\"}}}",
	"{\"v\":{\"$binary\":{\"base64\":\"/w==\",\"subType\":\"00\"}}}",
	"{\"v\":{\"$binary\":{\"base64\":\"AA==\",\"subType\":\"05\"}}}",
	"{\"v\":{\"$binary\":{\"base64\":\"AAA=\",\"subType\":\"00\"}}}",
	"{\"v\":{\"$oid\":\"000000000000000000000001\"}}",
	"{\"v\":{\"$oid\":\"64b000000000000000000001\"}}",
	"{\"v\":false}",
	"{\"v\":true}",
	"{\"v\":{\"$date\":{\"$numberLong\":\"-1\"}}}",
	"{\"v\":{\"$date\":{\"$numberLong\":\"0\"}}}",
	"{\"v\":{\"$timestamp\":{\"t\":0,\"i\":2}}}",
	"{\"v\":{\"$timestamp\":{\"t\":1,\"i\":1}}}",
	"{\"v\":{\"$regularExpression\":{\"pattern\":\"a\",\"options\":\"\"}}}",
	"{\"v\":{\"$regularExpression\":{\"pattern\":\"a\",\"options\":\"i\"}}}",
	"{\"v\":{\"$code\":\"a\"}}",
	"{\"v\":{\"$code\":\"a\",\"$scope\":{}}}",
	"{\"v\":{\"$code\":\"a\",\"$scope\":{\"x\":1}}}",
	"{\"v\":{\"$maxKey\":1}}",
};

static void test_order_of_all_types(void **state)
{
	(void)state;
	size_t count = sizeof(ascending) / sizeof(ascending[0]);
	int rank = 0;
	int ranks[sizeof(ascending) / sizeof(ascending[0])];
	for (size_t i = 0; i < count; i++) {
		rank += ascending[i][0] != '=';
		ranks[i] = rank;
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++) {
			const char *left = ascending[i] + (ascending[i][0] == '=');
			const char *right = ascending[k] + (ascending[k][0] == '=');
			int order = order_of(left, right);
			if ((order > 0) - (order < 0) !=
			    (ranks[i] > ranks[k]) - (ranks[i] < ranks[k])) {
				fail_msg("%s against %s: %d", left, right, order);
			}
		}
	}
}

/* A random number of some type, and its exact value as far as a long double (64 bits) holds it. */
static long double random_number(bson_value_t *ret_value)
{
	int64_t bits =
		(int64_t)((uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random());
	bits >>= random() % 64;
	switch (random() % 3) {
	case 0:
		ret_value->value_type = BSON_TYPE_INT32;
		ret_value->value.v_int32 = (int32_t)(bits % 5);
		return ret_value->value.v_int32;
	case 1:
		ret_value->value_type = BSON_TYPE_INT64;
		ret_value->value.v_int64 = bits;
		return (long double)bits;
	default:
		ret_value->value_type = BSON_TYPE_DOUBLE;
		ret_value->value.v_double = (double)bits / (double)(1 << random() % 3);
		return (long double)ret_value->value.v_double;
	}
}

static void test_random_numbers(void **state)
{
	(void)state;
	assert_true(LDBL_MANT_DIG >= 64 || sizeof(long double) > 8);
	unsigned seed = (unsigned)time(NULL);
	print_message("# seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 100000; i++) {
		bson_value_t a;
		bson_value_t b;
		long double left = random_number(&a);
		long double right = random_number(&b);
		if (random() % 4 == 0 &&
		    a.value_type == BSON_TYPE_INT64) { /* neighbours are the hard ones */
			b.value_type = BSON_TYPE_DOUBLE;
			b.value.v_double = (double)a.value.v_int64;
			right = (long double)b.value.v_double;
		}
		cleanup_buf struct nv_buf store = NV_BUF_INIT;
		cleanup_buf struct nv_buf left_key = NV_BUF_INIT;
		cleanup_buf struct nv_buf right_key = NV_BUF_INIT;
		struct nv_bval value;
		assert_int_equal(nv_bval_from(&a, &store, &value), 0);
		assert_int_equal(nv_key_append(&left_key, &value), 0);
		assert_int_equal(nv_bval_from(&b, &store, &value), 0);
		assert_int_equal(nv_key_append(&right_key, &value), 0);
		int order =
			nv_key_compare(left_key.data, left_key.len, right_key.data, right_key.len);
		if ((order > 0) - (order < 0) != (left > right) - (left < right)) {
			fail_msg("%Lf against %Lf: %d", left, right, order);
		}
		assert_int_equal(nv_docvalue_equal(&a, &b), left == right);
	}
}

static void test_objectid_key_is_plain(void **state)
{
	(void)state;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	key_of("{\"v\":{\"$oid\":\"64b0000000000000000000ff\"}}", &key);
	assert_int_equal(key.len, 13); /* docs/stores.md promises this to other programs */
	assert_memory_equal(key.data, "\x23\x64\xb0\0\0\0\0\0\0\0\0\0\xff", 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_all_types),
		cmocka_unit_test(test_random_numbers),
		cmocka_unit_test(test_objectid_key_is_plain),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("docstore key", tests, NULL, NULL);
}
