/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON codec by example: how each type is written, what is refused and where, unfinished texts,
 * places of fields, size and speed.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/bsondiff.h"
#include "codec/bsonraw.h"
#include "codec/json.h"

/* Asserts that text is read and written as expected. */
static void assert_reads(const char *text, const char *expected)
{
	cleanup_bson bson_t *doc = NULL;
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	struct nv_faults faults = NV_FAULTS_INIT;

	if (nv_json_parse(text, strlen(text), 0, &doc, &faults) != 0) {
		fail_msg("%s: %s", text, faults.items[0].reason);
	}
	assert_int_equal(nv_json_format(doc, NV_JSON_COMPACT, &out), 0);
	assert_string_equal(out.data, expected);
}

static void assert_kept(const char *text)
{
	assert_reads(text, text);
}

/* Asserts the BSON type of field a. */
static void assert_type(const char *text, bson_type_t type)
{
	cleanup_bson bson_t *doc = NULL;
	bson_iter_t iter;

	assert_int_equal(nv_json_parse(text, strlen(text), 0, &doc, NULL), 0);
	assert_true(bson_iter_init_find(&iter, doc, "a"));
	assert_int_equal(bson_iter_type(&iter), type);
}

/* Asserts how doc is shown on one line; destroys it. */
static void assert_shown(bson_t *doc, int status, const char *expected)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	assert_int_equal(nv_json_format(doc, NV_JSON_COMPACT, &out), status);
	if (expected) {
		assert_string_equal(out.data, expected);
	} else {
		assert_memory_equal(out.data, "{\"$bson\":\"", 10);
	}
	bson_destroy(doc);
}

static void test_layout(void **state)
{
	(void)state;
	static const char text[] = "{\n"
				   "  \"a\": 1,\n"
				   "  \"b\": [\n"
				   "    true,\n"
				   "    {\n"
				   "      \"c\": null\n"
				   "    },\n"
				   "    []\n"
				   "  ],\n"
				   "  \"d\": {},\n"
				   "  \"e\": {\"$oid\":\"64b000000000000000000001\"},\n"
				   "  \"f\": {\"$literal\":{\n"
				   "    \"$oid\": \"x\"\n"
				   "  }}\n"
				   "}\n";
	cleanup_bson bson_t *doc = NULL;
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	assert_int_equal(nv_json_parse(text, strlen(text), 0, &doc, NULL), 0);
	nv_buf_puts(&out, "before:");
	assert_int_equal(nv_json_format(doc, 0, &out), 0);
	assert_memory_equal(out.data, "before:", 7);
	assert_string_equal(out.data + 7, text);

	cleanup_bson bson_t *empty = NULL;
	cleanup_buf struct nv_buf none = NV_BUF_INIT;

	assert_int_equal(nv_json_parse(" {\r\n\t} \n", 8, 0, &empty, NULL), 0);
	assert_int_equal(nv_json_format(empty, 0, &none), 0);
	assert_string_equal(none.data, "{}\n");
}

static void test_numbers(void **state)
{
	(void)state;
	assert_type("{\"a\":2147483647}", BSON_TYPE_INT32);
	assert_type("{\"a\":2147483648}", BSON_TYPE_INT64);
	assert_type("{\"a\":-2147483648}", BSON_TYPE_INT32);
	assert_type("{\"a\":-2147483649}", BSON_TYPE_INT64);
	assert_type("{\"a\":{\"$numberLong\":\"5\"}}", BSON_TYPE_INT64);
	assert_type("{\"a\":1.0}", BSON_TYPE_DOUBLE);
	assert_type("{\"a\":1e0}", BSON_TYPE_DOUBLE);
	assert_kept("{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
	assert_kept("{\"a\":{\"$numberLong\":\"5\"},\"b\":{\"$numberLong\":\"-2147483648\"}}");
	assert_reads("{\"a\":-0}", "{\"a\":0}");
	assert_reads("{\"a\":{\"$numberInt\":\"-7\"}}", "{\"a\":-7}");
	assert_reads("{\"a\":{\"$numberLong\":\"2147483648\"}}", "{\"a\":2147483648}");
}

static void test_doubles(void **state)
{
	(void)state;
	assert_kept(
		"{\"a\":0.1,\"b\":1.0,\"c\":-2.5,\"d\":1e+300,\"e\":5e-324,\"f\":1.7976931348623157e+308}");
	assert_kept(
		"{\"a\":2.2250738585072014e-308,\"b\":0.30000000000000004,\"c\":123456789.125}");
	assert_reads(
		"{\"a\":1E3,\"b\":1e-7,\"c\":0.000001,\"d\":100000000000000000000.0,\"e\":1e22}",
		"{\"a\":1000.0,\"b\":1e-7,\"c\":0.000001,\"d\":100000000000000000000.0,\"e\":1e+22}");
	assert_reads("{\"a\":-0.0}", "{\"a\":{\"$numberDouble\":\"-0.0\"}}");
	assert_reads("{\"a\":{\"$numberDouble\":\"-0\"}}", "{\"a\":{\"$numberDouble\":\"-0.0\"}}");
	assert_reads("{\"a\":{\"$numberDouble\":\"5\"}}", "{\"a\":5.0}");
	assert_kept("{\"a\":{\"$numberDouble\":\"NaN\"},\"b\":{\"$numberDouble\":\"Infinity\"},"
	            "\"c\":{\"$numberDouble\":\"-Infinity\"}}");
	/* halfway cases, and digits past any table */
	assert_reads("{\"a\":9007199254740993.0}", "{\"a\":9007199254740992.0}");
	assert_reads("{\"a\":9007199254740993.000000000000000000000000000000000000001}",
	             "{\"a\":9007199254740994.0}");
	assert_reads("{\"a\":0.000000000000000000000000000000000000000000000000000000001e57}",
	             "{\"a\":1.0}");
	assert_reads("{\"a\":0.0e999999999999999999999}", "{\"a\":0.0}");
}

/* The program's locale must not decide how a number is read or written. */
static void test_numbers_know_no_locale(void **state)
{
	(void)state;
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "C.UTF-8" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (setlocale(LC_NUMERIC, names[i])) {
			break;
		}
	}
	assert_kept("{\"a\":0.30000000000000004,\"b\":1.7976931348623157e+308,\"c\":1.5}");
	assert_non_null(setlocale(LC_NUMERIC, "C"));
}

static void test_dates(void **state)
{
	(void)state;
	assert_kept("{\"a\":{\"$date\":\"2026-11-24T13:31:01.123Z\"}}");
	assert_kept("{\"a\":{\"$date\":\"2026-11-24T13:31:01Z\"}}");
	assert_kept(
		"{\"a\":{\"$date\":\"0000-01-01T00:00:00Z\"},\"b\":{\"$date\":\"9999-12-31T23:59:59.999Z\"}}");
	assert_kept(
		"{\"a\":{\"$date\":\"1969-12-31T23:59:59.999Z\"},\"b\":{\"$date\":\"2000-02-29T00:00:00Z\"}}");
	assert_reads("{\"a\":{\"$date\":\"2026-11-24T13:31:01.1Z\"}}",
	             "{\"a\":{\"$date\":\"2026-11-24T13:31:01.100Z\"}}");
	assert_reads("{\"a\":{\"$date\":\"2026-03-01T00:30:00+02:00\"}}",
	             "{\"a\":{\"$date\":\"2026-02-28T22:30:00Z\"}}");
	assert_reads("{\"a\":{\"$date\":\"2026-03-01T00:30:00-00:45\"}}",
	             "{\"a\":{\"$date\":\"2026-03-01T01:15:00Z\"}}");
	assert_reads("{\"a\":{\"$date\":{\"$numberLong\":\"0\"}}}",
	             "{\"a\":{\"$date\":\"1970-01-01T00:00:00Z\"}}");
	assert_kept("{\"a\":{\"$date\":{\"$numberLong\":\"253402300800000\"}}}");
	assert_kept("{\"a\":{\"$date\":{\"$numberLong\":\"-62167219200001\"}}}");
	assert_kept("{\"a\":{\"$date\":{\"$numberLong\":\"-9223372036854775808\"}}}");
}

static void test_other_types(void **state)
{
	(void)state;
	assert_kept(
		"{\"a\":{\"$oid\":\"64b000000000000000000001\"},\"b\":{\"$minKey\":1},\"c\":{\"$maxKey\":1}}");
	assert_kept(
		"{\"a\":{\"$numberDecimal\":\"1.10\"},\"b\":{\"$numberDecimal\":\"-Infinity\"}}");
	assert_kept("{\"a\":{\"$binary\":{\"base64\":\"AQID\",\"subType\":\"00\"}},"
	            "\"b\":{\"$binary\":{\"base64\":\"\",\"subType\":\"02\"}},"
	            "\"c\":{\"$binary\":{\"base64\":\"/w==\",\"subType\":\"80\"}}}");
	assert_kept(
		"{\"a\":{\"$regularExpression\":{\"pattern\":\"^a\\\\.b\\\"\",\"options\":\"imx\"}}}");
	assert_kept(
		"{\"a\":{\"$timestamp\":{\"t\":4294967295,\"i\":0}},\"b\":{\"$undefined\":true}}");
	assert_kept(
		"{\"a\":{\"$code\":\"x\"},\"b\":{\"$code\":\"y\",\"$scope\":{\"z\":{}}},\"c\":{\"$symbol\":\"s\"}}");
	assert_kept(
		"{\"a\":{\"$dbPointer\":{\"$ref\":\"c\",\"$id\":{\"$oid\":\"64b000000000000000000001\"}}}}");
	assert_kept(
		"{\"a\":{\"$ref\":\"c\",\"$id\":{\"$oid\":\"64b000000000000000000001\"},\"$db\":\"d\"}}");
	assert_reads(
		"{\"a\":{\"$uuid\":\"c8edabc3-f738-4ca3-b68d-ab92a91478a3\"}}",
		"{\"a\":{\"$binary\":{\"base64\":\"yO2rw/c4TKO2jauSqRR4ow==\",\"subType\":\"04\"}}}");
	assert_reads("{\"a\":{\"$binary\":{\"subType\":\"5\",\"base64\":\"AQID\"}}}",
	             "{\"a\":{\"$binary\":{\"base64\":\"AQID\",\"subType\":\"05\"}}}");
	assert_reads("{\"a\":{\"$timestamp\":{\"i\":2,\"t\":1}}}",
	             "{\"a\":{\"$timestamp\":{\"t\":1,\"i\":2}}}");
	/* as jq lays them out */
	assert_reads(
		"{\"a\":{\n  \"$binary\" : {\n \"base64\" : \"AQID\" ,\n \"subType\" : \"00\"\n }\n }\n}",
		"{\"a\":{\"$binary\":{\"base64\":\"AQID\",\"subType\":\"00\"}}}");
}

static void test_strings(void **state)
{
	(void)state;
	assert_kept(
		"{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}");
	assert_reads("{\"a\":\"\\/\\u00e9\\u20AC\\ud83d\\uDE00\\u0041\"}",
	             "{\"a\":\"/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
	             "A\"}");
	assert_kept("{\"a\":\"x\\u0000y\",\"\":\"\",\"a.b\":1,\"$set\":2,\"\\n\":3}");
}

static void test_lookalikes(void **state)
{
	(void)state;
	assert_kept("{\"a\":{\"$literal\":{\"$oid\":\"64b000000000000000000001\"}}}");
	assert_kept("{\"a\":{\"$literal\":{\"x\":1,\"$date\":{\"y\":2}}}}");
	assert_kept("{\"a\":{\"$literal\":{\"$literal\":{\"$literal\":{\"$oid\":1}}}}}");
	assert_kept("{\"a\":{\"$literal\":{\"$regex\":\"x\",\"$options\":\"i\"}}}");
	assert_kept("{\"$literal\":{\"$oid\":1}}");
	assert_kept("{\"$literal\":{\"x\":1,\"$bson\":\"y\"}}");
	assert_kept(
		"{\"a\":{\"$bson\":\"y\"},\"b\":{\"$type\":2},\"c\":{\"$options\":1},\"d\":{\"$gt\":1}}");
	assert_kept("{\"a\":{\"$code\":\"x\",\"$scope\":{\"$literal\":{\"$code\":1}}}}");
	assert_reads("{\"a\":{\"$literal\":{\"x\":1}}}", "{\"a\":{\"x\":1}}");
	/* a form inside a literal is that form */
	assert_kept("{\"a\":{\"$literal\":{\"$oid\":{\"$oid\":\"64b000000000000000000001\"}}}}");
}

static void test_what_has_no_text(void **state)
{
	(void)state;
	bson_t *twice = BCON_NEW("a", BCON_INT32(1), "a", BCON_INT32(2));
	bson_t *inner = BCON_NEW("x", "[", "{", "a", BCON_INT32(1), "a", BCON_INT32(1), "}", "]");
	bson_t *bad_key = BCON_NEW("\xff", BCON_INT32(1));
	bson_t *surrogate = BCON_NEW("a", BCON_UTF8("\xed\xa0\x80"));
	bson_t *overlong = BCON_NEW("a", BCON_UTF8("\xc0\x80"));
	bson_t *options = bson_new_from_data((const uint8_t *)"\x0d\0\0\0\x0b"
	                                                      "a\0x\0mi\0",
	                                     13);

	assert_shown(twice, NV_JSON_OPAQUE, "{\"$bson\":\"EwAAABBhAAEAAAAQYQACAAAAAA==\"}");
	assert_shown(inner, NV_JSON_OPAQUE, NULL);
	assert_shown(bad_key, NV_JSON_OPAQUE, NULL);
	assert_shown(surrogate, NV_JSON_OPAQUE, NULL);
	assert_shown(overlong, NV_JSON_OPAQUE, NULL);
	assert_non_null(options);
	assert_shown(options, NV_JSON_OPAQUE, NULL);
}

static void put_bits(struct nv_buf *out, uint64_t bits)
{
	size_t start = nv_raw_begin(out);

	nv_raw_put_key(out, BSON_TYPE_DOUBLE, "a", 1);
	nv_raw_put_int64(out, (int64_t)bits);
	nv_raw_end(out, start);
}

static void test_nans_keep_their_bits(void **state)
{
	(void)state;
	static const struct {
		uint64_t bits;
		int status;
	} cases[] = {
		{ UINT64_C(0x7ff8000000000000), 0 },
		{ UINT64_C(0xfff8000000000000), NV_JSON_OPAQUE },
		{ UINT64_C(0x7ff8000000000001), NV_JSON_OPAQUE },
		{ UINT64_C(0x7ff0000000000001), NV_JSON_OPAQUE },
		{ UINT64_C(0x7ff0000000000000), 0 },
		{ UINT64_C(0xfff0000000000000), 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_bson bson_t *doc = NULL;
		cleanup_bson bson_t *again = NULL;

		put_bits(&bytes, cases[i].bits);
		assert_int_equal(nv_raw_to_bson(&bytes, &doc), 0);
		assert_int_equal(nv_json_format(doc, 0, &text), cases[i].status);
		assert_int_equal(
			nv_json_parse(text.data, text.len, NV_JSON_ALLOW_BSON, &again, NULL), 0);
		assert_true(nv_bson_equal(doc, again));
	}
}

/* An array whose keys are not 0, 1, 2… */
static void test_odd_arrays(void **state)
{
	(void)state;
	static const char *const keys[] = { "1", "00", "", "x", "-0" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		bson_t *doc = bson_new();
		bson_t array;

		assert_true(BSON_APPEND_ARRAY_BEGIN(doc, "a", &array));
		assert_true(BSON_APPEND_INT32(&array, keys[i], 1));
		assert_true(bson_append_array_end(doc, &array));
		assert_shown(doc, NV_JSON_OPAQUE, NULL);
	}
}

/* levels documents inside each other, the outermost counted. */
static void make_deep(struct nv_buf *text, size_t levels, bool arrays)
{
	for (size_t i = 1; i < levels; i++) {
		nv_buf_puts(text, arrays && i > 1 ? "[" : "{\"a\":");
	}
	nv_buf_puts(text, arrays ? "[]" : "{}");
	for (size_t i = 1; i < levels; i++) {
		nv_buf_puts(text, arrays && i < levels - 1 ? "]" : "}");
	}
}

static void test_depth(void **state)
{
	(void)state;
	for (int arrays = 0; arrays < 2; arrays++) {
		cleanup_buf struct nv_buf good = NV_BUF_INIT;
		cleanup_buf struct nv_buf deep = NV_BUF_INIT;
		struct nv_faults faults = NV_FAULTS_INIT;
		bson_t *doc = NULL;

		make_deep(&good, NV_JSON_DEPTH_MAX, arrays);
		assert_kept(good.data);
		make_deep(&deep, NV_JSON_DEPTH_MAX + 1, arrays);
		assert_int_equal(nv_json_parse(deep.data, deep.len, 0, &doc, &faults), -EINVAL);
		assert_int_equal(faults.count, 1);
		assert_non_null(strstr(faults.items[0].reason, "100 deep"));
		nv_faults_release(&faults);
	}
	/* far deeper than any stack: refused, not crashed on */
	cleanup_buf struct nv_buf abyss = NV_BUF_INIT;

	for (int i = 0; i < 1000000; i++) {
		nv_buf_puts(&abyss, "{\"a\":");
	}
	assert_int_equal(nv_json_scan(abyss.data, 60000, 0, NULL), NV_JSON_BROKEN);
	assert_int_equal(nv_json_parse(abyss.data, abyss.len, 0, NULL, NULL), -EINVAL);
}

/* A stored document deeper than the text may be is shown as bytes, and comes back. */
static void test_deep_documents(void **state)
{
	(void)state;
	for (int levels = 99; levels <= 102; levels++) {
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_bson bson_t *doc = NULL;
		cleanup_bson bson_t *again = NULL;
		size_t starts[128];

		for (int i = 0; i < levels; i++) {
			if (i > 0) {
				nv_raw_put_key(&bytes, BSON_TYPE_DOCUMENT, "a", 1);
			}
			starts[i] = nv_raw_begin(&bytes);
		}
		for (int i = levels; i > 0; i--) {
			nv_raw_end(&bytes, starts[i - 1]);
		}
		assert_int_equal(nv_raw_to_bson(&bytes, &doc), 0);
		assert_int_equal(nv_json_format(doc, 0, &text),
		                 levels > NV_JSON_DEPTH_MAX ? NV_JSON_OPAQUE : 0);
		assert_int_equal(
			nv_json_parse(text.data, text.len, NV_JSON_ALLOW_BSON, &again, NULL), 0);
		assert_true(nv_bson_equal(doc, again));
	}
}

/* Asserts that text is refused once, there, with those words. */
static void assert_refuses(const char *text, size_t line, size_t column, const char *reason)
{
	struct nv_faults faults = NV_FAULTS_INIT;
	bson_t *doc = NULL;

	assert_int_equal(nv_json_parse(text, strlen(text), 0, &doc, &faults), -EINVAL);
	assert_null(doc);
	if (!strstr(faults.items[0].reason, reason) || faults.items[0].line != line ||
	    faults.items[0].column != column || faults.count != 1) {
		fail_msg("%s: %zu faults: %zu:%zu %s", text, faults.count, faults.items[0].line,
		         faults.items[0].column, faults.items[0].reason);
	}
	nv_faults_release(&faults);
}

static void test_syntax(void **state)
{
	(void)state;
	assert_refuses("", 1, 1, "empty");
	assert_refuses(" \n ", 2, 2, "empty");
	assert_refuses("[1]", 1, 1, "beginning with '{'");
	assert_refuses("5", 1, 1, "beginning with '{'");
	assert_refuses("{", 1, 2, "ends inside an object");
	assert_refuses("{\"a\":1}\n{\"b\":2}", 2, 1, "after the end");
	assert_refuses("{\"a\":1},", 1, 8, "after the end");
	assert_refuses("{\n  \"a\": 1,\n}\n", 3, 1, "no comma after the last");
	assert_refuses("{\"a\":[1,]}", 1, 9, "no comma after the last");
	assert_refuses("{,}", 1, 2, "field name");
	assert_refuses("{'a':1}", 1, 2, "double quotes");
	assert_refuses("{a:1}", 1, 2, "field name in double quotes");
	assert_refuses("{\"a\":'x'}", 1, 6, "double quotes");
	assert_refuses("{\"a\" 1}", 1, 6, "':'");
	assert_refuses("{\n\"a\": 1\n\"b\": 2}", 3, 1, "comma missing");
	assert_refuses("{\"a\":[1 {}]}", 1, 9, "comma missing");
	assert_refuses("{\"a\":1 // x\n}", 1, 8, "no comments");
	assert_refuses("{\"a\":1 # x\n}", 1, 8, "no comments");
	assert_refuses("{\"a\":}", 1, 6, "a value expected");
	assert_refuses("{\"a\":tru}", 1, 6, "a value expected");
	assert_refuses("{\"a\":True}", 1, 6, "write true");
	assert_refuses("{\"a\":None}", 1, 6, "write null");
	assert_refuses("{\"a\":NaN}", 1, 6, "$numberDouble");
	assert_refuses("{\"a\":-Infinity}", 1, 6, "$numberDouble");
	assert_refuses("{\"a\":ObjectId(\"x\")}", 1, 6, "$oid");
	assert_refuses("\xef\xbb\xbf{}", 1, 1, "byte order mark");
	assert_refuses("<<<<<<< HEAD\n{}", 1, 1, "merge");
	assert_refuses("{\"a\":\x80}", 1, 6, "byte 0x80");
}

static void test_bad_numbers(void **state)
{
	(void)state;
	assert_refuses("{\"a\":01}", 1, 6, "leading zero");
	assert_refuses("{\"a\":-01}", 1, 6, "leading zero");
	assert_refuses("{\"a\":+1}", 1, 6, "leading +");
	assert_refuses("{\"a\":.5}", 1, 6, "0.5");
	assert_refuses("{\"a\":1.}", 1, 8, "a digit");
	assert_refuses("{\"a\":1e}", 1, 8, "a digit");
	assert_refuses("{\"a\":-}", 1, 7, "a digit");
	assert_refuses("{\"a\":0x10}", 1, 7, "',' or '}'");
	assert_refuses("{\"a\":9223372036854775808}", 1, 6, "64 bits");
	assert_refuses("{\"a\":-9223372036854775809}", 1, 6, "64 bits");
	assert_refuses("{\"a\":1e309}", 1, 6, "too large");
	assert_refuses("{\"a\":-1e99999999999999999999}", 1, 6, "too large");
	assert_refuses("{\"a\":1e-400}", 1, 6, "too small");
}

static void test_bad_strings(void **state)
{
	(void)state;
	assert_refuses("{\"a\":\"x\ny\"}", 1, 8, "\\n");
	assert_refuses("{\"a\":\"x\ty\"}", 1, 8, "\\t");
	assert_refuses("{\"a\":\"\\x41\"}", 1, 7, "no such escape");
	assert_refuses("{\"a\":\"\\u12g4\"}", 1, 7, "four hex digits");
	assert_refuses("{\"a\":\"\\ud800\"}", 1, 7, "surrogate");
	assert_refuses("{\"a\":\"\\ud800\\u0041\"}", 1, 7, "surrogate");
	assert_refuses("{\"a\":\"\\udc00\"}", 1, 7, "surrogate");
	assert_refuses("{\"a\":\"\xff\"}", 1, 7, "0xff is not UTF-8");
	assert_refuses("{\"a\":\"\xc0\x80\"}", 1, 7, "0xc0 is not UTF-8");
	assert_refuses("{\"a\":\"\xed\xa0\x80\"}", 1, 7, "0xed is not UTF-8");
	assert_refuses("{\"a\":\"\xc3\"}", 1, 7, "0xc3 is not UTF-8");
	assert_refuses("{\"a\\u0000b\":1}", 1, 2, "\\u0000");
}

static void test_names_twice(void **state)
{
	(void)state;
	assert_refuses("{\"a\":1,\n \"b\":{},\n \"a\":2}", 3, 2, "\"a\" stands twice");
	assert_refuses("{\"x\":[{\"a\":1,\"\\u0061\":2}]}", 1, 14, "\"a\" stands twice");

	/* a long name is cut, at a character */
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	cleanup_buf struct nv_buf both = NV_BUF_INIT;
	struct nv_faults faults = NV_FAULTS_INIT;

	nv_buf_putc(&name, 'x');
	for (int i = 0; i < 100; i++) {
		nv_buf_puts(&name, "\xc3\xa9");
	}
	nv_buf_printf(&both, "{\"%s\":1,\"%s\":2}", name.data, name.data);
	assert_int_equal(nv_json_parse(both.data, both.len, 0, NULL, &faults), -EINVAL);
	assert_true(nv_utf8_valid(faults.items[0].reason, strlen(faults.items[0].reason)));
	assert_non_null(strstr(faults.items[0].reason, "\xc3\xa9\" stands twice"));
	nv_faults_release(&faults);

	/* many fields, the last of which was there before */
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	nv_buf_puts(&text, "{\n");
	for (int i = 0; i < 1000; i++) {
		nv_buf_printf(&text, "\"field number %d\":0,\n", i);
	}
	nv_buf_puts(&text, "\"field number 500\":1}");
	assert_refuses(text.data, 1002, 1, "\"field number 500\" stands twice");
}

static void test_bad_forms(void **state)
{
	(void)state;
	assert_refuses("{\"a\":{\"$oid\":\"64b0\"}}", 1, 14, "24 hex digits");
	assert_refuses("{\"a\":{\"$oid\":\"64b00000000000000000000g\"}}", 1, 14, "24 hex digits");
	assert_refuses("{\"a\":{\"$oid\":5}}", 1, 14, "$oid");
	assert_refuses("{\"a\":{\"$oid\":\"64b000000000000000000001\",\"b\":1}}", 1, 40,
	               "$literal");
	assert_refuses("{\"a\":{\"b\":1,\"$oid\":\"x\"}}", 1, 13, "$literal");
	assert_refuses("{\"$oid\":\"64b000000000000000000001\"}", 1, 1, "single value");
	assert_refuses("{\"a\":{\"$date\":\"2026-02-29T00:00:00Z\"}}", 1, 15, "no such day");
	assert_refuses("{\"a\":{\"$date\":\"2026-01-01T24:00:00Z\"}}", 1, 15, "no such day");
	assert_refuses("{\"a\":{\"$date\":\"2026-01-01\"}}", 1, 15, "2026-11-24T13:31:01.123Z");
	assert_refuses("{\"a\":{\"$date\":\"2026-01-01T00:00:00\"}}", 1, 15, "zone");
	assert_refuses("{\"a\":{\"$date\":\"2026-01-01T00:00:00.1234Z\"}}", 1, 15, "three digits");
	assert_refuses("{\"a\":{\"$date\":1700000000000}}", 1, 15, "$numberLong");
	assert_refuses("{\"a\":{\"$date\":{}}}", 1, 16, "$numberLong");
	assert_refuses("{\"a\":{\"$numberLong\":\"5.0\"}}", 1, 21, "64 bits");
	assert_refuses("{\"a\":{\"$numberLong\":5}}", 1, 21, "\"5\"");
	assert_refuses("{\"a\":{\"$numberInt\":\"2147483648\"}}", 1, 20, "32 bits");
	assert_refuses("{\"a\":{\"$numberDouble\":\"zz\"}}", 1, 23, "a double");
	assert_refuses("{\"a\":{\"$numberDecimal\":\"zz\"}}", 1, 24, "decimal");
	assert_refuses("{\"a\":{\"$numberDecimal\":\"12345678901234567890123456789012345\"}}", 1,
	               24, "34 digits");
	assert_refuses("{\"a\":{\"$binary\":\"AQID\",\"$type\":\"00\"}}", 1, 17, "subType");
	assert_refuses("{\"a\":{\"$binary\":{\"base64\":\"AQI\",\"subType\":\"00\"}}}", 1, 27,
	               "base64");
	assert_refuses("{\"a\":{\"$binary\":{\"base64\":\"AQJ=\",\"subType\":\"00\"}}}", 1, 27,
	               "base64");
	assert_refuses(
		"{\"a\":{\"$binary\":{\"base64\":\"AQID\",\"subType\":\"123456789abcdef01\"}}}", 1,
		44, "hex digits");
	assert_refuses("{\"a\":{\"$binary\":{\"base64\":\"AQID\"}}}", 1, 33, "subType");
	assert_refuses("{\"a\":{\"$binary\":{\"base64\":\"AQID\",\"base64\":\"\"}}}", 1, 34,
	               "subType");
	assert_refuses("{\"a\":{\"$uuid\":\"x\"}}", 1, 15, "UUID");
	assert_refuses("{\"a\":{\"$regularExpression\":{\"pattern\":\"a\",\"options\":\"mi\"}}}", 1,
	               53, "in this order");
	assert_refuses(
		"{\"a\":{\"$regularExpression\":{\"pattern\":\"a\\u0000\",\"options\":\"\"}}}", 1,
		39, "\\u0000");
	assert_refuses("{\"a\":{\"$regex\":\"x\"}}", 1, 7, "$regularExpression");
	assert_refuses("{\"a\":{\"$timestamp\":{\"t\":-1,\"i\":0}}}", 1, 25, "4294967295");
	assert_refuses("{\"a\":{\"$timestamp\":{\"t\":1.5,\"i\":0}}}", 1, 25, "4294967295");
	assert_refuses("{\"a\":{\"$minKey\":2}}", 1, 17, "$minKey");
	assert_refuses("{\"a\":{\"$undefined\":false}}", 1, 20, "true");
	assert_refuses("{\"a\":{\"$scope\":{},\"$code\":\"x\"}}", 1, 7, "$code");
	assert_refuses("{\"a\":{\"$code\":\"x\",\"$scope\":5}}", 1, 28, "$scope");
	assert_refuses("{\"a\":{\"$code\":\"x\",\"$scope\":{\"$minKey\":1}}}", 1, 28, "a document");
	assert_refuses("{\"a\":{\"$literal\":[1]}}", 1, 18, "$literal");
	assert_refuses("{\"a\":{\"$dbPointer\":{\"$ref\":\"c\",\"$id\":\"x\"}}}", 1, 38,
	               "$dbPointer");
}

/* Texts that end libbson's reader, or that it reads as something else. */
static void test_what_kills_libbson(void **state)
{
	(void)state;
	assert_refuses("[{\"$scope\":{},\"$dbPointer\":{\"\":{\"$code\":\"\"}}}]", 1, 1,
	               "beginning with '{'");
	assert_refuses("{\"a\":[{\"$scope\":{},\"$dbPointer\":{\"\":{\"$code\":\"\"}}}]}", 1, 8,
	               "$code");
	assert_refuses("{\"a\":{\"$oid\":\"507f1f77bcf86cd799439011\",\"$regularExpression\":{}}}",
	               1, 40, "$literal");
	assert_kept("{\"a\":[{\"$code\":\"x\"},{\"$dbPointer\":{\"$ref\":\"c\",\"$id\":"
	            "{\"$oid\":\"507f1f77bcf86cd799439011\"}}}]}");
}

static void test_all_faults_are_told(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":{\"$oid\":\"x\"},\n"
				   " \"b\":1e999,\n"
				   " \"c\":{\"$date\":\"x\"},\n"
				   " \"a\":1}";
	static const size_t lines[] = { 1, 2, 3, 4 };
	struct nv_faults faults = NV_FAULTS_INIT;
	bson_t *doc = NULL;

	assert_int_equal(nv_json_parse(text, strlen(text), 0, &doc, &faults), -EINVAL);
	assert_int_equal(faults.count, 4);
	for (size_t i = 0; i < faults.count; i++) {
		assert_int_equal(faults.items[i].line, lines[i]);
	}
	nv_faults_release(&faults);

	cleanup_buf struct nv_buf many = NV_BUF_INIT;

	nv_buf_puts(&many, "{\"a\":[1e999");
	for (int i = 1; i < 100000; i++) {
		nv_buf_puts(&many, ",\n1e999");
	}
	nv_buf_puts(&many, "]}");
	assert_int_equal(nv_json_parse(many.data, many.len, 0, &doc, &faults), -EINVAL);
	assert_int_equal(faults.count, NV_FAULTS_MAX);
	assert_int_equal(faults.dropped, 100000 - NV_FAULTS_MAX);
	nv_faults_release(&faults);
}

static void test_opaque_texts(void **state)
{
	(void)state;
	static const char text[] = "{\"$bson\":\"EwAAABBhAAEAAAAQYQACAAAAAA==\"}\n";
	static const char *const bad[] = { "{\"$bson\":\"\"}",
		                           "{\"$bson\":\"AAAA\"}",
		                           "{\"$bson\":5}",
		                           "{\"$bson\":\"BQAAAAA\"}",
		                           "{\"$bson\":\"BQAAAAA=\",\"b\":1}",
		                           "{\"b\":1,\"$bson\":\"BQAAAAA=\"}",
		                           "{\"$bson\":\"BgAAAAA=\"}",
		                           "{\"$bson\":\"DAAAAAFhAAAAAAA=\"}" };
	cleanup_bson bson_t *doc = NULL;
	bson_t *none = NULL;

	assert_refuses(text, 1, 2, "read-only");
	assert_int_equal(nv_json_parse(text, strlen(text), NV_JSON_ALLOW_BSON, &doc, NULL), 0);
	assert_int_equal(doc->len, 19);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			nv_json_parse(bad[i], strlen(bad[i]), NV_JSON_ALLOW_BSON, &none, NULL),
			-EINVAL);
	}
	assert_int_equal(nv_json_parse_value(text, strlen(text), NV_JSON_ALLOW_BSON, &none, NULL),
	                 -EINVAL);
}

static void test_values(void **state)
{
	(void)state;
	static const char *const texts[] = { "5",
		                             "\"x\"",
		                             "null",
		                             "[1,{}]",
		                             "{\"a\":1}",
		                             "{\"$oid\":\"64b000000000000000000001\"}",
		                             "{\"$literal\":{\"$bson\":1}}",
		                             "[{\"$bson\":1}]",
		                             "1.5",
		                             "true" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_bson bson_t *doc = NULL;
		cleanup_buf struct nv_buf out = NV_BUF_INIT;
		bson_iter_t iter;

		assert_int_equal(nv_json_parse_value(texts[i], strlen(texts[i]), 0, &doc, NULL), 0);
		assert_true(bson_iter_init(&iter, doc) && bson_iter_next(&iter));
		assert_string_equal(bson_iter_key(&iter), "");
		assert_int_equal(nv_json_format_value(&iter, &out), 0);
		assert_string_equal(out.data, texts[i]);
	}

	/* a string without a text of its own */
	cleanup_bson bson_t *odd = BCON_NEW("_id", BCON_UTF8("\xff"));
	cleanup_bson bson_t *again = NULL;
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bson_iter_t iter;

	assert_true(bson_iter_init_find(&iter, odd, "_id"));
	assert_int_equal(nv_json_format_value(&iter, &out), NV_JSON_OPAQUE);
	assert_int_equal(nv_json_parse_value(out.data, out.len, NV_JSON_ALLOW_BSON, &again, NULL),
	                 0);
	assert_true(bson_iter_init_find(&iter, again, ""));
	assert_string_equal(bson_iter_utf8(&iter, NULL), "\xff");
}

static void assert_scan(const char *text, enum nv_json_state expected)
{
	struct nv_faults faults = NV_FAULTS_INIT;
	enum nv_json_state state = nv_json_scan(text, strlen(text), 0, &faults);

	if (state != expected) {
		fail_msg("%s: %d", text, (int)state);
	}
	assert_int_equal(nv_faults_any(&faults), state == NV_JSON_WRONG || state == NV_JSON_BROKEN);
	nv_faults_release(&faults);
}

static void test_unfinished_texts(void **state)
{
	(void)state;
	static const char *const partial[] = { "",
		                               " \n",
		                               "{",
		                               "{\"",
		                               "{\"a",
		                               "{\"a\"",
		                               "{\"a\":",
		                               "{\"a\":-",
		                               "{\"a\":1",
		                               "{\"a\":1.",
		                               "{\"a\":1e",
		                               "{\"a\":1,",
		                               "{\"a\":tr",
		                               "{\"a\":\"\\",
		                               "{\"a\":\"\\u",
		                               "{\"a\":\"\\ud83d",
		                               "{\"a\":\"\\ud83d\\",
		                               "{\"a\":\"\\ud83d\\u",
		                               "{\"a\":\"\xc3",
		                               "{\"a\":\"\xf0\x9f\x98",
		                               "{\"a\":[",
		                               "{\"a\":[1",
		                               "{\"a\":{\"$oid",
		                               "{\"a\":{\"$oid\":",
		                               "{\"a\":{\"$oid\":\"64b0",
		                               "{\"a\":{\"$date\":{",
		                               "{\"a\":99999999999999999999",
		                               "{\"a\":{\"$undefined\":tr",
		                               "{\"a\":{\"$timestamp\":{\"t\":1" };
	static const char *const broken[] = { "x",
		                              "[",
		                              "{a",
		                              "{\"a\":1,,",
		                              "{\"a\":01",
		                              "{\"a\":1}x",
		                              "{\"a\":\"\\q",
		                              "{\"a\":\"\xff",
		                              "{\"a\":{\"$oid\":5",
		                              "{\"a\":{\"$oid\":\"x\"}",
		                              "{\"a\":99999999999999999999,",
		                              "{\"a\":truth" };
	static const char *const wrong[] = { "{\"a\":1,\"a\":2}", "{\"a\":{\"$oid\":\"x\"}}\n",
		                             "{\"a\":1e999}" };

	for (size_t i = 0; i < sizeof(partial) / sizeof(partial[0]); i++) {
		assert_scan(partial[i], NV_JSON_PARTIAL);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_scan(broken[i], NV_JSON_BROKEN);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_scan(wrong[i], NV_JSON_WRONG);
	}
	assert_scan("{\"a\":1} \n", NV_JSON_GOOD);
}

static void assert_place(const char *text, const char *path, bool there, size_t line, size_t column)
{
	size_t at_line = 0;
	size_t at_column = 0;

	assert_int_equal(nv_json_place(text, strlen(text), path, &at_line, &at_column), there);
	assert_int_equal(at_line, line);
	assert_int_equal(at_column, column);
}

static void test_places(void **state)
{
	(void)state;
	static const char text[] = "\n{\n"
				   "  \"a\": 1,\n"
				   "  \"b\": {\"x}\\\"\": [1, 2], \"c\": {\"d\": \"y\"}},\n"
				   "  \"e\": [10, {\"f\": true}, []],\n"
				   "  \"g\": {\"$literal\": {\"$oid\": 5}},\n"
				   "  \"h.i\": 6\n"
				   "}\n";

	assert_place(text, "", true, 2, 1);
	assert_place(text, "a", true, 3, 8);
	assert_place(text, "b", true, 4, 8);
	assert_place(text, "b.c", true, 4, 30);
	assert_place(text, "b.c.d", true, 4, 36);
	assert_place(text, "b.c.z", false, 4, 30);
	assert_place(text, "b.z", false, 4, 8);
	assert_place(text, "z", false, 2, 1);
	assert_place(text, "a.z", false, 3, 8);
	assert_place(text, "e.0", true, 5, 9);
	assert_place(text, "e.1.f", true, 5, 19);
	assert_place(text, "e.2", true, 5, 26);
	assert_place(text, "e.2.0", false, 5, 26);
	assert_place(text, "e.3", false, 5, 8);
	assert_place(text, "e.x", false, 5, 8);
	assert_place(text, "g.$oid", true, 6, 30);
	assert_place(text, "h.i", true, 7, 10);
	assert_place("{", "a", false, 1, 1);
	assert_place("", "a", false, 1, 1);
	assert_place("{\"a\":", "a.b", false, 1, 6);
}

static void test_base64(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xff\xfe\xfd", "//79" }
	};
	static const char *const bad[] = { "Z",        "Zg",   "Zg=",  "Zh==",  "Zm9=",
		                           "Zg==Zg==", "====", "Zm 9", "Zm9v\n" };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;

		nv_base64_encode(pairs[i][0], strlen(pairs[i][0]), &text);
		nv_buf_reserve(&text, 0);
		assert_string_equal(text.data, pairs[i][1]);
		assert_int_equal(nv_base64_decode(text.data, text.len, &bytes), 0);
		nv_buf_reserve(&bytes, 0);
		assert_string_equal(bytes.data, pairs[i][0]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;

		nv_buf_puts(&bytes, "kept");
		assert_int_equal(nv_base64_decode(bad[i], strlen(bad[i]), &bytes), -EINVAL);
		assert_string_equal(bytes.data, "kept");
	}
}

/* A document of exactly size bytes with one string. */
static bson_t *big_document(size_t size)
{
	cleanup_free char *text = malloc(size);
	bson_t *doc = bson_new();

	assert_non_null(text);
	memset(text, 'x', size);
	assert_true(bson_append_utf8(doc, "a", 1, text, (int)(size - 5 - 3 - 5)));
	assert_int_equal(doc->len, size);
	return doc;
}

static void test_size_limit(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_bson bson_t *doc = big_document(NV_JSON_BSON_MAX + over);
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		struct nv_faults faults = NV_FAULTS_INIT;
		bson_t *again = NULL;

		assert_int_equal(nv_json_format(doc, 0, &text), over ? NV_JSON_OPAQUE : 0);
		if (over) {
			nv_buf_truncate(&text, 0);
			nv_buf_puts(&text, "{\"a\":\"");
			for (size_t i = 0; i < NV_JSON_BSON_MAX; i++) {
				nv_buf_putc(&text, 'x');
			}
			nv_buf_puts(&text, "\"}");
		}
		assert_int_equal(nv_json_parse(text.data, text.len, 0, &again, &faults),
		                 over ? -EFBIG : 0);
		assert_int_equal(faults.count, over);
		nv_faults_release(&faults);
		if (again) {
			assert_true(nv_bson_equal(doc, again));
			bson_destroy(again);
		}
	}
}

/* Many fields in one object, many small texts, many scans: each would take minutes if a step looked
 * at all that came before. */
static void test_nothing_is_quadratic(void **state)
{
	(void)state;
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	cleanup_buf struct nv_buf again = NV_BUF_INIT;
	cleanup_bson bson_t *doc = NULL;

	nv_buf_puts(&text, "{\"a\":{");
	for (int i = 0; i < 800000; i++) {
		nv_buf_printf(&text, "%s\"%d\":0.5", i ? "," : "", i);
	}
	nv_buf_puts(&text, "}}");
	assert_int_equal(nv_json_parse(text.data, text.len, 0, &doc, NULL), 0);
	assert_int_equal(nv_json_format(doc, NV_JSON_COMPACT, &again), 0);
	assert_string_equal(text.data, again.data);
	for (size_t size = 0; size < text.len; size += 4096) {
		assert_int_equal(nv_json_scan(text.data, size, 0, NULL), NV_JSON_PARTIAL);
	}
	assert_int_equal(nv_json_scan(text.data, text.len, 0, NULL), NV_JSON_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_numbers_know_no_locale),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_lookalikes),
		cmocka_unit_test(test_what_has_no_text),
		cmocka_unit_test(test_nans_keep_their_bits),
		cmocka_unit_test(test_odd_arrays),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_deep_documents),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_bad_strings),
		cmocka_unit_test(test_names_twice),
		cmocka_unit_test(test_bad_forms),
		cmocka_unit_test(test_what_kills_libbson),
		cmocka_unit_test(test_all_faults_are_told),
		cmocka_unit_test(test_opaque_texts),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_unfinished_texts),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_nothing_is_quadratic),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
