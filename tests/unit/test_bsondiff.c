/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing, changing and merging documents: by example, then on random documents.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "codec/bsondiff.h"
#include "codec/bsonvalue.h"
#include "codec/json.h"

#include "../bson_random.h"
#include "codec_test.h"

/* The document of a text; the test fails when it is none. */
static bson_t *doc_of(const char *text)
{
	struct nv_faults faults = NV_FAULTS_INIT;
	bson_t *doc = NULL;

	if (nv_json_parse(text, strlen(text), 0, &doc, &faults) != 0) {
		fail_msg("%s: %s", text, faults.items[0].reason);
	}
	return doc;
}

/* The array of a text, as a view. */
static bson_t *array_of(const char *text)
{
	struct nv_faults faults = NV_FAULTS_INIT;
	bson_t *doc = NULL;
	bson_iter_t iter;
	const uint8_t *data = NULL;
	uint32_t size = 0;

	if (nv_json_parse_value(text, strlen(text), 0, &doc, &faults) != 0) {
		fail_msg("%s: %s", text, faults.items[0].reason);
	}
	assert_true(bson_iter_init_find(&iter, doc, ""));
	bson_iter_array(&iter, &size, &data);
	bson_t *array = bson_new_from_data(data, size);

	bson_destroy(doc);
	return array;
}

static void assert_doc(const bson_t *doc, const char *text)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	assert_true(nv_json_format(doc, NV_JSON_COMPACT, &out) >= 0);
	assert_string_equal(out.data, text);
}

/* "+path=value" for each set, "-path" for each unset, with " (was …)" where there was a value. */
static void describe(const struct nv_bson_changes *changes, struct nv_buf *out)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct nv_bson_change *change = &changes->items[i];
		bson_iter_t iter;

		nv_buf_printf(out, "%s%c%s", i ? "; " : "", change->after ? '+' : '-',
		              change->path);
		if (change->after) {
			assert_true(bson_iter_init(&iter, change->after) && bson_iter_next(&iter));
			assert_string_equal(bson_iter_key(&iter), change->path);
			nv_buf_putc(out, '=');
			assert_int_equal(nv_json_format_value(&iter, out), 0);
		}
		if (change->before) {
			assert_true(bson_iter_init(&iter, change->before) && bson_iter_next(&iter));
			assert_string_equal(bson_iter_key(&iter), change->path);
			nv_buf_puts(out, " was ");
			assert_int_equal(nv_json_format_value(&iter, out), 0);
		}
	}
	nv_buf_reserve(out, 0);
}

static void assert_changes(const struct nv_bson_changes *changes, const char *text)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	describe(changes, &out);
	assert_string_equal(out.data, text);
}

static void assert_diff(const char *base_text, const char *mine_text, const char *expected)
{
	cleanup_bson bson_t *base = doc_of(base_text);
	cleanup_bson bson_t *mine = doc_of(mine_text);
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;

	assert_int_equal(nv_bson_diff(base, mine, &changes, NULL), 0);
	assert_changes(&changes, expected);
}

static void test_diff(void **state)
{
	(void)state;
	assert_diff("{\"a\":1}", "{\"a\":1}", "");
	assert_diff("{\"a\":1,\"b\":2}", "{\"b\":3,\"c\":4}", "+b=3 was 2; +c=4; -a was 1");
	assert_diff("{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "{\"a\":{\"b\":{\"c\":2,\"e\":3}}}",
	            "+a.b.c=2 was 1; +a.b.e=3; -a.b.d was 2");
	assert_diff("{\"a\":null}", "{}", "-a was null");
	assert_diff("{}", "{\"a\":null}", "+a=null");
	assert_diff("{\"a\":{}}", "{\"a\":{\"b\":{}}}", "+a.b={}");
	assert_diff("{\"a\":{\"b\":1}}", "{\"a\":5}", "+a=5 was {\"b\":1}");
	assert_diff("{\"a\":[1,2]}", "{\"a\":[1,3]}", "+a=[1,3] was [1,2]");
}

static void test_what_says_the_same_is_no_change(void **state)
{
	(void)state;
	assert_diff("{\"a\":1,\"b\":{\"c\":1,\"d\":2}}", "{\"b\":{\"d\":2,\"c\":1},\"a\":1}", "");
	assert_diff("{\"a\":[{\"c\":1,\"d\":2}]}", "{\"a\":[{\"d\":2,\"c\":1}]}", "");
	assert_diff("{\"a\":1,\"b\":{\"$numberLong\":\"5\"}}", "{\"a\":1.0,\"b\":5}", "");
	assert_diff("{\"a\":[2,1]}", "{\"a\":[1,2]}", "+a=[1,2] was [2,1]");
	assert_diff("{\"a\":\"1\"}", "{\"a\":1}", "+a=1 was \"1\"");
	assert_diff("{\"a\":0.0}", "{\"a\":{\"$numberDouble\":\"-0.0\"}}",
	            "+a={\"$numberDouble\":\"-0.0\"} was 0.0");
	assert_diff("{\"a\":9007199254740993}", "{\"a\":9007199254740992.0}",
	            "+a=9007199254740992.0 was 9007199254740993");
	assert_diff("{\"a\":9223372036854775807}", "{\"a\":9223372036854775808.0}",
	            "+a=9223372036854776000.0 was 9223372036854775807");
	assert_diff("{\"a\":{\"$numberDecimal\":\"1.10\"}}", "{\"a\":1.1}", "");
	assert_diff("{\"a\":{\"$numberDecimal\":\"5E+1\"}}", "{\"a\":50}", "");
	assert_diff("{\"a\":{\"$numberDecimal\":\"-0\"}}", "{\"a\":0}", "");
	assert_diff("{\"a\":{\"$numberDecimal\":\"5\"}}", "{\"a\":-5}",
	            "+a=-5 was {\"$numberDecimal\":\"5\"}");
	assert_diff("{\"a\":{\"$numberDecimal\":\"5\"}}", "{\"a\":50}",
	            "+a=50 was {\"$numberDecimal\":\"5\"}");
	assert_diff("{\"a\":{\"$numberDecimal\":\"NaN\"}}", "{\"a\":{\"$numberDouble\":\"NaN\"}}",
	            "");
}

static void test_names_that_no_path_can_say(void **state)
{
	(void)state;
	assert_diff("{\"a\":{\"b.c\":1,\"d\":2}}", "{\"a\":{\"b.c\":2,\"d\":2}}",
	            "+a={\"b.c\":2,\"d\":2} was {\"b.c\":1,\"d\":2}");
	assert_diff("{\"a\":{\"x\":{\"$k\":{\"y\":1}}}}", "{\"a\":{\"x\":{\"$k\":{\"y\":2}}}}",
	            "+a.x={\"$k\":{\"y\":2}} was {\"$k\":{\"y\":1}}");
	assert_diff("{\"a\":{\"\":1}}", "{\"a\":{}}", "+a={} was {\"\":1}");
	assert_diff("{\"a\":{\"$k\":1,\"d\":2}}", "{\"a\":{\"$k\":1,\"d\":3}}", "+a.d=3 was 2");
	assert_diff("{\"x.y\":1,\"b\":1}", "{\"x.y\":1,\"b\":2}", "+b=2 was 1");
	/* a change beside it that was found first is part of the whole */
	assert_diff("{\"a\":{\"d\":2,\"b.c\":1}}", "{\"a\":{\"d\":3,\"b.c\":2}}",
	            "+a={\"d\":3,\"b.c\":2} was {\"d\":2,\"b.c\":1}");

	static const char *const names[] = { "{\"x.y\":1}", "{\"$x\":1}", "{\"\":1}" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_bson bson_t *base = doc_of("{\"a\":1}");
		cleanup_bson bson_t *mine = doc_of(names[i]);
		cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
		struct nv_err err = NV_ERR_INIT;

		assert_int_equal(nv_bson_diff(base, mine, &changes, &err), -EINVAL);
		assert_int_equal(err.errnum, EINVAL);
		assert_int_equal(changes.count, 0);
	}
}

static void test_a_name_twice_changes_as_a_whole(void **state)
{
	(void)state;
	cleanup_bson bson_t *base = doc_of("{\"a\":{\"b\":1}}");
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	bson_t twice = BSON_INITIALIZER;
	bson_t inner = BSON_INITIALIZER;

	assert_true(BSON_APPEND_INT32(&inner, "b", 1) && BSON_APPEND_INT32(&inner, "b", 2));
	assert_true(BSON_APPEND_DOCUMENT(&twice, "a", &inner));
	assert_int_equal(nv_bson_diff(base, &twice, &changes, NULL), 0);
	assert_int_equal(changes.count, 1);
	assert_string_equal(changes.items[0].path, "a");
	assert_int_equal(nv_bson_diff(&twice, &twice, &changes, NULL), 0);
	assert_int_equal(changes.count, 1);
	bson_destroy(&inner);
	bson_destroy(&twice);
}

/* Applies "+path=value; -path" written as pairs of path and text (NULL = unset), ended by NULL. */
static int apply(const char *doc_text, const char *const *pairs, bson_t **ret_doc,
                 struct nv_err *err)
{
	cleanup_bson bson_t *doc = doc_of(doc_text);
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;

	for (; *pairs; pairs += 2) {
		cleanup_bson bson_t *after = NULL;

		if (pairs[1]) {
			assert_int_equal(
				nv_json_parse_value(pairs[1], strlen(pairs[1]), 0, &after, NULL),
				0);
		}
		assert_int_equal(nv_bson_changes_add(&changes, pairs[0], NULL, after), 0);
	}
	return nv_bson_apply(doc, &changes, ret_doc, err);
}

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void assert_apply(const char *doc_text, const char *const *pairs, const char *expected)
{
	cleanup_bson bson_t *doc = NULL;
	struct nv_err err = NV_ERR_INIT;

	if (apply(doc_text, pairs, &doc, &err) != 0) {
		fail_msg("%s", err.msg);
	}
	assert_doc(doc, expected);
}

static void assert_apply_fails(const char *doc_text, const char *const *pairs, const char *reason)
{
	bson_t *doc = NULL;
	struct nv_err err = NV_ERR_INIT;

	assert_int_equal(apply(doc_text, pairs, &doc, &err), -EINVAL);
	assert_null(doc);
	if (!strstr(err.msg, reason)) {
		fail_msg("another reason: %s", err.msg);
	}
}

static void test_apply(void **state)
{
	(void)state;
	assert_apply("{\"a\":1,\"b\":2,\"c\":3}", PAIRS("b", "5", "a", NULL), "{\"b\":5,\"c\":3}");
	assert_apply("{\"z\":1}", PAIRS("y", "1", "x.w", "2", "b", "3", "x.a", "4"),
	             "{\"z\":1,\"y\":1,\"x\":{\"w\":2,\"a\":4},\"b\":3}");
	assert_apply("{\"a\":{\"b\":1,\"c\":{\"d\":1}}}", PAIRS("a.c.d", NULL, "a.b", "\"x\""),
	             "{\"a\":{\"b\":\"x\",\"c\":{}}}");
	assert_apply("{\"a\":1}", PAIRS("b", NULL, "c.d", NULL, "a.x", NULL), "{\"a\":1}");
	assert_apply("{\"a\":1}", PAIRS("a", "null"), "{\"a\":null}");
	/* paths that begin alike, and a byte that sorts before the dot */
	assert_apply("{\"a\":{\"b\":1},\"a-b\":2,\"ab\":3}",
	             PAIRS("a-b", "20", "a.b", "10", "ab", "30"),
	             "{\"a\":{\"b\":10},\"a-b\":20,\"ab\":30}");
	assert_apply("{\"a.b\":1}", PAIRS("a.b", "2"), "{\"a.b\":1,\"a\":{\"b\":2}}");
}

static void test_apply_to_arrays(void **state)
{
	(void)state;
	assert_apply("{\"a\":[1,2,3]}", PAIRS("a.1", "20", "a.2", NULL), "{\"a\":[1,20,null]}");
	assert_apply("{\"a\":[{\"x\":1}]}", PAIRS("a.0.x", NULL, "a.0.y", "2"),
	             "{\"a\":[{\"y\":2}]}");
	assert_apply("{\"a\":[1]}", PAIRS("a.3", "4", "a.2.x", "5"),
	             "{\"a\":[1,null,{\"x\":5},4]}");
	assert_apply("{\"a\":[1]}", PAIRS("a.3", NULL), "{\"a\":[1]}");
	assert_apply("{\"a\":[]}", PAIRS("a.0", "1", "a.1", "2", "a.10", "3"),
	             "{\"a\":[1,2,null,null,null,null,null,null,null,null,3]}");
	assert_apply_fails("{\"a\":[1]}", PAIRS("a.x", "4"), "no such element");
	assert_apply_fails("{\"a\":[1]}", PAIRS("a.01", "4"), "no such element");
	assert_apply_fails("{\"a\":[1]}", PAIRS("a.999999999", "4"), "no such element");
	assert_apply_fails("{\"a\":[1]}", PAIRS("a.99999999999999999999", "4"), "no such element");
}

static void test_apply_refuses(void **state)
{
	(void)state;
	assert_apply_fails("{\"a\":1}", PAIRS("a.b", "4"), "a is no document");
	assert_apply_fails("{}", PAIRS("a", "1", "a.b", "4"), "changed twice");
	assert_apply_fails("{}", PAIRS("a.b", NULL, "a", "1"), "changed twice");
	assert_apply_fails("{}", PAIRS("a", "1", "a", "1"), "changed twice");

	struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;

	assert_int_equal(nv_bson_changes_add(&changes, "", NULL, NULL), -EINVAL);
	nv_bson_changes_release(&changes);
}

static void test_get(void **state)
{
	(void)state;
	cleanup_bson bson_t *doc = doc_of("{\"a\":{\"b\":[1,{\"c\":5}]},\"x\":null}");
	cleanup_bson bson_t *found = NULL;
	bson_t *none = NULL;

	assert_int_equal(nv_bson_get(doc, "a.b.1.c", &found), 0);
	assert_doc(found, "{\"\":5}");
	assert_int_equal(nv_bson_get(doc, "a.b.2", &none), -ENOENT);
	assert_int_equal(nv_bson_get(doc, "x.y", &none), -ENOENT);
	assert_int_equal(nv_bson_get(doc, "", &none), -ENOENT);
	assert_null(none);
}

static void assert_retype(const char *stored_text, const char *edited_text, const char *expected)
{
	cleanup_bson bson_t *stored = doc_of(stored_text);
	cleanup_bson bson_t *edited = doc_of(edited_text);
	cleanup_bson bson_t *retyped = NULL;

	assert_int_equal(nv_bson_retype(stored, edited, &retyped), 0);
	assert_doc(retyped, expected);
}

#define LONG_5 "{\"$numberLong\":\"5\"}"

static void test_equal_numbers_keep_their_type(void **state)
{
	(void)state;
	assert_retype("{\"a\":" LONG_5 ",\"b\":1.0,\"c\":3}",
	              "{\"c\":3.0,\"b\":1,\"a\":5.0,\"d\":7}",
	              "{\"c\":3,\"b\":1.0,\"a\":" LONG_5 ",\"d\":7}");
	assert_retype("{\"a\":" LONG_5 "}", "{\"a\":6}", "{\"a\":6}");
	assert_retype("{\"a\":" LONG_5 "}", "{\"a\":\"5\"}", "{\"a\":\"5\"}");
	assert_retype("{\"a\":{\"b\":1.0}}", "{\"a\":{\"b\":1,\"c\":1}}",
	              "{\"a\":{\"b\":1.0,\"c\":1}}");
	assert_retype("{\"a\":{\"b\":1.0}}", "{\"a\":[1]}", "{\"a\":[1]}");
	assert_retype("{\"a\":{\"$numberDecimal\":\"1.10\"}}", "{\"a\":1.1}",
	              "{\"a\":{\"$numberDecimal\":\"1.10\"}}");
	assert_retype("{\"a\":{\"$numberDecimal\":\"1.10\"}}",
	              "{\"a\":{\"$numberDecimal\":\"1.1\"}}",
	              "{\"a\":{\"$numberDecimal\":\"1.1\"}}");
}

static void test_types_in_arrays(void **state)
{
	(void)state;
	assert_retype("{\"a\":[1.0,2.0,3.0]}", "{\"a\":[1,2,3]}", "{\"a\":[1.0,2.0,3.0]}");
	assert_retype("{\"a\":[1.0,2.0,3.0]}", "{\"a\":[0,1,2,3]}", "{\"a\":[0,1.0,2.0,3.0]}");
	assert_retype("{\"a\":[1.0,2.0,3.0]}", "{\"a\":[1,3]}", "{\"a\":[1.0,3.0]}");
	assert_retype("{\"a\":[1.0,2.0,3.0]}", "{\"a\":[1,9,3]}", "{\"a\":[1.0,9,3.0]}");
	assert_retype("{\"a\":[1.0]}", "{\"a\":[1,1]}", "{\"a\":[1.0,1]}");
	assert_retype("{\"a\":[{\"_id\":1,\"n\":1.0},{\"_id\":2,\"n\":2.0}]}",
	              "{\"a\":[{\"_id\":2,\"n\":2},{\"_id\":3,\"n\":1},{\"_id\":1,\"n\":1}]}",
	              "{\"a\":[{\"_id\":2,\"n\":2.0},{\"_id\":3,\"n\":1},{\"_id\":1,\"n\":1.0}]}");
	assert_retype("{\"a\":[{\"n\":1.0,\"m\":1}]}", "{\"a\":[{\"n\":1,\"m\":2}]}",
	              "{\"a\":[{\"n\":1.0,\"m\":2}]}");
}

/* expected: the changes still to be done; or, when it begins with '!', the conflicts. */
static void assert_merge(const char *base_text, const char *mine_text, const char *theirs_text,
                         const char *expected)
{
	cleanup_bson bson_t *base = doc_of(base_text);
	cleanup_bson bson_t *mine = doc_of(mine_text);
	cleanup_bson bson_t *theirs = doc_of(theirs_text);
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	cleanup_bson_changes struct nv_bson_changes conflicts = NV_BSON_CHANGES_INIT;
	struct nv_err err = NV_ERR_INIT;
	int r = nv_bson_merge3(base, mine, theirs, &changes, &conflicts, &err);

	if (*expected == '!') {
		assert_int_equal(r, -ESTALE);
		assert_int_equal(err.errnum, ESTALE);
		assert_int_equal(changes.count, 0);
		assert_changes(&conflicts, expected + 1);
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(conflicts.count, 0);
		assert_changes(&changes, expected);
	}
}

static void test_merge(void **state)
{
	(void)state;
	assert_merge("{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":1}", "{\"a\":1,\"b\":2}", "+a=2 was 1");
	/* each may have counted from the old value */
	assert_merge("{\"a\":1}", "{\"a\":2}", "{\"a\":2}", "!+a=2 was 2");
	assert_merge("{\"a\":1}", "{\"a\":2}", "{\"a\":2.0}", "!+a=2 was 2.0");
	assert_merge("{\"a\":{\"x\":1,\"$k\":1}}", "{\"a\":{\"x\":2,\"$k\":1}}",
	             "{\"a\":{\"x\":2,\"$k\":2}}", "!+a.x=2 was 2");
	assert_merge("{\"a\":[1]}", "{\"a\":[1,2]}", "{\"a\":[1,2]}", "!+a=[1,2] was [1,2]");
	assert_merge("{\"a\":\"x\"}", "{\"a\":\"y\"}", "{\"a\":\"y\"}", "");
	assert_merge("{\"a\":1}", "{\"a\":\"1\"}", "{\"a\":\"1\"}", "");
	assert_merge("{\"a\":1}", "{}", "{}", "");
	assert_merge("{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "!+a=2 was 3");
	assert_merge("{\"a\":1}", "{\"a\":2}", "{}", "!+a=2");
	assert_merge("{\"a\":1}", "{}", "{\"a\":3}", "!-a was 3");
	assert_merge("{}", "{\"a\":1}", "{\"a\":2}", "!+a=1 was 2");
	assert_merge("{}", "{\"a\":1}", "{\"a\":1}", "");
	assert_merge("{\"a\":{\"x\":1,\"y\":1}}", "{\"a\":{\"x\":2,\"y\":1}}",
	             "{\"a\":{\"x\":1,\"y\":2}}", "+a.x=2 was 1");
	/* the stored value is what theirs has, not what base had */
	assert_merge("{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":1}", "{\"a\":1.0,\"b\":1}",
	             "+a=2 was 1.0");
	assert_merge("{\"a\":[1]}", "{\"a\":[1,2]}", "{\"a\":[1,3]}", "!+a=[1,2] was [1,3]");
	assert_merge("{\"a\":1,\"b\":1,\"c\":1}", "{\"a\":2,\"b\":2,\"c\":2}",
	             "{\"a\":3,\"b\":1,\"c\":3}", "!+a=2 was 3; +c=2 was 3");
}

static void test_merge_beside_what_no_path_can_say(void **state)
{
	(void)state;
	assert_merge("{\"x.y\":1,\"a\":1}", "{\"x.y\":1,\"a\":2}", "{\"x.y\":2,\"$z\":1,\"a\":1}",
	             "+a=2 was 1");
	assert_merge("{\"x.y\":1,\"a\":1}", "{\"x.y\":1,\"a\":2}", "{\"a\":3}", "!+a=2 was 3");
}

static void test_merge_above_and_below(void **state)
{
	(void)state;
	/* a set inside what the other unset, both ways */
	assert_merge("{\"a\":{\"x\":1}}", "{\"a\":{\"x\":2}}", "{}", "!+a.x=2");
	assert_merge("{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1,\"y\":1}}", "{}", "!+a.y=1");
	assert_merge("{\"a\":{\"x\":1}}", "{}", "{\"a\":{\"x\":2}}", "!-a was {\"x\":2}");
	assert_merge("{\"a\":{\"x\":1}}", "{}", "{\"a\":{\"x\":1,\"y\":1}}",
	             "!-a was {\"x\":1,\"y\":1}");
	/* unsets inside unsets are no conflict */
	assert_merge("{\"a\":{\"x\":1,\"y\":1}}", "{\"a\":{\"y\":1}}", "{}", "");
	assert_merge("{\"a\":{\"x\":1,\"y\":1}}", "{}", "{\"a\":{\"y\":1}}", "-a was {\"y\":1}");
	/* what was a document is one no more */
	assert_merge("{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1,\"y\":1}}", "{\"a\":5}", "!+a.y=1");
	assert_merge("{\"a\":{\"x\":1}}", "{\"a\":5}", "{\"a\":{\"x\":2}}", "!+a=5 was {\"x\":2}");
	assert_merge("{\"a\":{\"x\":1}}", "{\"a\":5}", "{\"a\":{}}", "!+a=5 was {}");
	assert_merge("{\"a\":{\"x\":1}}", "{\"a\":5}", "{\"a\":5}", "");
	/* theirs changed beside mine in what had to be set whole */
	assert_merge("{\"a\":{\"x\":1,\"$k\":1}}", "{\"a\":{\"x\":2,\"$k\":1}}",
	             "{\"a\":{\"x\":1,\"$k\":2}}", "+a.x=2 was 1");
	assert_merge("{\"a\":{\"x\":1,\"$k\":1}}", "{\"a\":{\"x\":1,\"$k\":2}}",
	             "{\"a\":{\"x\":2,\"$k\":1}}", "!+a={\"x\":1,\"$k\":2} was {\"x\":2,\"$k\":1}");
}

/* expected: "0 - 1" = edited[0] is stored[0], edited[1] is new, edited[2] is stored[1]; NULL:
 * refused. */
static void assert_match(const char *stored_text, const char *edited_text, const char *key,
                         const char *expected)
{
	cleanup_bson bson_t *stored = array_of(stored_text);
	cleanup_bson bson_t *edited = array_of(edited_text);
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	size_t *match = NULL;
	size_t count = 0;
	struct nv_err err = NV_ERR_INIT;
	int r = nv_bson_match_elements(stored, edited, key, &match, &count, &err);

	if (!expected) {
		assert_int_equal(r, -EINVAL);
		assert_int_equal(err.errnum, EINVAL);
		assert_null(match);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(count, bson_count_keys(edited));
	for (size_t i = 0; i < count; i++) {
		if (match[i] == NV_BSON_NO_MATCH) {
			nv_buf_puts(&out, i ? " -" : "-");
		} else {
			nv_buf_printf(&out, i ? " %zu" : "%zu", match[i]);
		}
	}
	nv_buf_reserve(&out, 0);
	free(match);
	assert_string_equal(out.data, expected);
}

static void test_match_elements(void **state)
{
	(void)state;
	static const char ids[] =
		"[{\"_id\":1,\"k\":\"a\"},{\"_id\":2,\"k\":\"b\"},{\"_id\":3,\"k\":\"c\"}]";
	static const char keys[] = "[{\"k\":\"a\"},{\"k\":\"b\"},{\"k\":\"b\"}]";

	assert_match(ids, "[{\"_id\":3},{\"_id\":1}]", NULL, "2 0");
	assert_match(ids, "[{\"_id\":3},{\"_id\":9},{\"_id\":1.0}]", NULL, "2 - 0");
	assert_match(ids, "[{\"_id\":3},{\"_id\":3}]", NULL, NULL);
	assert_match(ids, "[{\"k\":\"b\"},{\"_id\":1},{\"k\":\"z\"}]", "k", "1 0 -");
	assert_match(ids, "[{\"k\":\"b\"},{\"_id\":2}]", "k", "- 1");
	/* without a key: by position only at equal length */
	assert_match(ids, "[{\"x\":1},{\"x\":2},{\"x\":3}]", NULL, "0 1 2");
	assert_match(ids, "[{\"x\":1},{\"x\":2}]", NULL, NULL);
	assert_match(ids, "[{\"x\":1},{\"_id\":1},{\"x\":2}]", NULL, NULL);
	/* a value that several have says nothing */
	assert_match(keys, "[{\"k\":\"a\"},{\"k\":\"b\"},{\"k\":\"b\"}]", "k", "0 1 2");
	assert_match(keys, "[{\"k\":\"a\"},{\"k\":\"b\"}]", "k", NULL);
	/* nothing is hidden that could be lost */
	assert_match("[]", "[{\"x\":1},{\"x\":2}]", NULL, "- -");
	assert_match("[1,2]", "[{\"x\":1}]", NULL, "-");
	assert_match(ids, "[1,\"a\",null]", NULL, "- - -");
	assert_match(ids, "[]", NULL, "");
	assert_match("[{\"_id\":1}]", "[{\"_id\":1},{\"x\":1}]", NULL, "0 -");
}

static void test_match_numbers_by_value(void **state)
{
	(void)state;
	assert_match("[{\"_id\":1.5},{\"_id\":{\"$numberLong\":\"7\"}}]",
	             "[{\"_id\":7.0},{\"_id\":1.5}]", NULL, "1 0");
	assert_match("[{\"_id\":1.5},{\"_id\":1.25}]", "[{\"_id\":1.25},{\"_id\":1}]", NULL, "1 -");
	assert_match("[{\"_id\":{\"$numberDecimal\":\"7.0\"}}]", "[{\"_id\":7}]", NULL, "0");
	assert_match("[{\"_id\":{\"$numberDouble\":\"NaN\"}}]", "[{\"_id\":1}]", NULL, "-");
}

static void test_damaged_documents_are_refused(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 14, 0, 0, 0, 2, 'a', 0, 9, 0, 0, 0, 'x', 0, 0 };
	cleanup_bson bson_t *good = doc_of("{\"a\":1}");
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	bson_t *made = NULL;
	bson_t bad;

	assert_true(bson_init_static(&bad, bytes, sizeof(bytes)));
	assert_int_equal(nv_bson_diff(&bad, good, &changes, NULL), -EINVAL);
	assert_int_equal(nv_bson_diff(good, &bad, &changes, NULL), -EINVAL);
	assert_int_equal(nv_bson_merge3(good, good, &bad, &changes, NULL, NULL), -EINVAL);
	assert_int_equal(nv_bson_apply(&bad, &changes, &made, NULL), -EINVAL);
	assert_int_equal(nv_bson_retype(&bad, good, &made), -EINVAL);
	assert_int_equal(nv_bson_get(&bad, "a", &made), -EINVAL);
	assert_false(nv_bson_same(&bad, good));
	assert_null(made);
}

/* Copies a document with some fields dropped, changed, doubled in depth or added. */
static void mutate_members(struct chance *chance, const uint8_t *data, size_t size, bool array,
                           int depth, struct nv_buf *out)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	size_t start = nv_raw_begin(out);
	size_t index = 0;

	assert_int_equal(nv_raw_iter_init(&iter, data, size), 0);
	while (nv_raw_iter_next(&iter, &elem) > 0) {
		char key[24];

		if (array) {
			(void)nv_raw_index_key(index++, key);
		}
		const char *name = array ? key : elem.key;
		size_t choice = chance_below(chance, 12);

		if (choice == 0 && !array) {
			continue;
		}
		if (choice == 1) {
			nv_raw_put_key(out, BSON_TYPE_INT32, name, strlen(name));
			nv_raw_put_int32(out, (int32_t)chance_below(chance, 5));
		} else if (nv_raw_is_container(elem.type)) {
			nv_raw_put_key(out, elem.type, name, strlen(name));
			mutate_members(chance, elem.value, elem.size, elem.type == BSON_TYPE_ARRAY,
			               depth + 1, out);
		} else {
			nv_raw_put(out, name, strlen(name), &elem);
		}
	}
	if (!array && chance_below(chance, 3) == 0) {
		char key[24];

		(void)snprintf(key, sizeof(key), "new%zu", chance_below(chance, 3));
		nv_raw_put_key(out, BSON_TYPE_BOOL, key, strlen(key));
		nv_buf_putc(out, (char)chance_below(chance, 2));
	}
	nv_raw_end(out, start);
}

static bson_t *mutated(struct chance *chance, const bson_t *doc)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bson_t *made = NULL;

	mutate_members(chance, bson_get_data(doc), doc->len, false, 0, &out);
	assert_int_equal(nv_raw_to_bson(&out, &made), 0);
	return made;
}

static void print_doc(const char *what, const bson_t *doc)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	(void)nv_json_format(doc, NV_JSON_COMPACT, &out);
	printf("# %s: %s\n", what, out.data);
}

static void test_random_diffs_apply(void **state)
{
	(void)state;
	struct chance chance = chance_start();

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *base = random_document(&chance, RANDOM_CLEAN);
		cleanup_bson bson_t *mine = chance_below(&chance, 8)
		                                    ? mutated(&chance, base)
		                                    : random_document(&chance, RANDOM_CLEAN);
		cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
		cleanup_bson bson_t *applied = NULL;
		struct nv_err err = NV_ERR_INIT;

		assert_int_equal(nv_bson_diff(base, mine, &changes, &err), 0);
		if (nv_bson_apply(base, &changes, &applied, &err) != 0 ||
		    !nv_bson_same(applied, mine)) {
			print_doc("base", base);
			print_doc("mine", mine);
			fail_msg("diff and apply do not give mine: %s", err.msg);
		}
		assert_true((changes.count == 0) == nv_bson_same(base, mine));
	}
}

static void test_hostile_names_diff_too(void **state)
{
	(void)state;
	struct chance chance = chance_start();
	size_t said = 0;

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *base = random_document(&chance, RANDOM_ODD);
		cleanup_bson bson_t *mine = mutated(&chance, base);
		cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
		cleanup_bson bson_t *applied = NULL;
		int r = nv_bson_diff(base, mine, &changes, NULL);

		if (r == -EINVAL) {
			assert_int_equal(changes.count, 0);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(nv_bson_apply(base, &changes, &applied, NULL), 0);
		cleanup_bson_changes struct nv_bson_changes rest = NV_BSON_CHANGES_INIT;

		assert_int_equal(nv_bson_diff(applied, mine, &rest, NULL), 0);
		assert_int_equal(rest.count, 0);
		said++;
	}
	assert_in_range(said, CODEC_ROUNDS / 10, CODEC_ROUNDS);
}

/* True when both have the same at path, or both nothing. */
static bool same_at(const bson_t *a, const bson_t *b, const char *path)
{
	cleanup_bson bson_t *left = NULL;
	cleanup_bson bson_t *right = NULL;

	(void)nv_bson_get(a, path, &left);
	(void)nv_bson_get(b, path, &right);
	return left && right ? nv_bson_same(left, right) : !left && !right;
}

static bool overlaps(const char *path, const struct nv_bson_changes *changes)
{
	struct nv_path a;
	struct nv_path b;

	nv_path_init(&a, path, 0);
	for (size_t i = 0; i < changes->count; i++) {
		nv_path_init(&b, changes->items[i].path, 0);
		if (nv_path_is_inside(&a, &b) || nv_path_is_inside(&b, &a)) {
			return true;
		}
	}
	return false;
}

static void assert_merged(const bson_t *base, const bson_t *mine, const bson_t *theirs,
                          const struct nv_bson_changes *changes)
{
	cleanup_bson bson_t *merged = NULL;
	cleanup_bson_changes struct nv_bson_changes of_mine = NV_BSON_CHANGES_INIT;
	cleanup_bson_changes struct nv_bson_changes of_theirs = NV_BSON_CHANGES_INIT;

	assert_int_equal(nv_bson_apply(theirs, changes, &merged, NULL), 0);
	assert_int_equal(nv_bson_diff(base, mine, &of_mine, NULL), 0);
	assert_int_equal(nv_bson_diff(base, theirs, &of_theirs, NULL), 0);
	for (size_t i = 0; i < of_mine.count; i++) {
		assert_true(same_at(merged, mine, of_mine.items[i].path));
	}
	for (size_t i = 0; i < of_theirs.count; i++) {
		if (!overlaps(of_theirs.items[i].path, &of_mine)) {
			assert_true(same_at(merged, theirs, of_theirs.items[i].path));
		}
	}
	for (size_t i = 0; i < changes->count; i++) {
		cleanup_bson bson_t *stored = NULL;
		int r = nv_bson_get(theirs, changes->items[i].path, &stored);

		assert_int_equal(r == 0, changes->items[i].before != NULL);
	}
}

static bool is_array_at(const bson_t *doc, const char *path)
{
	cleanup_bson bson_t *value = NULL;
	bson_iter_t iter;

	return nv_bson_get(doc, path, &value) == 0 && bson_iter_init(&iter, value) &&
	       bson_iter_next(&iter) && BSON_ITER_HOLDS_ARRAY(&iter);
}

/* A number or an array is there, which may be made another by a step. */
static bool can_build_on(const bson_t *doc, const char *path)
{
	cleanup_bson bson_t *value = NULL;
	bson_iter_t iter;

	return nv_bson_get(doc, path, &value) == 0 && bson_iter_init(&iter, value) &&
	       bson_iter_next(&iter) &&
	       (BSON_ITER_HOLDS_NUMBER(&iter) || BSON_ITER_HOLDS_DECIMAL128(&iter) ||
	        BSON_ITER_HOLDS_ARRAY(&iter));
}

static bool makes_a_step(const bson_t *old, const bson_t *new)
{
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	bool step = false;

	assert_int_equal(nv_bson_diff(old, new, &changes, NULL), 0);
	for (size_t i = 0; i < changes.count; i++) {
		const char *path = changes.items[i].path;
		bool arrays = is_array_at(old, path) == is_array_at(new, path);

		step = step || (arrays && can_build_on(old, path) && can_build_on(new, path));
	}
	return step;
}

static void test_random_merges(void **state)
{
	(void)state;
	struct chance chance = chance_start();
	size_t merged = 0;

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *base = random_document(&chance, RANDOM_CLEAN);
		cleanup_bson bson_t *mine = mutated(&chance, base);
		cleanup_bson bson_t *theirs = mutated(&chance, base);
		cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
		cleanup_bson_changes struct nv_bson_changes conflicts = NV_BSON_CHANGES_INIT;
		int r = nv_bson_merge3(base, mine, theirs, &changes, &conflicts, NULL);

		if (r == 0) {
			assert_merged(base, mine, theirs, &changes);
			merged++;
		} else {
			assert_int_equal(r, -ESTALE);
			assert_true(conflicts.count > 0);
			for (size_t i = 0; i < conflicts.count; i++) {
				const char *path = conflicts.items[i].path;

				assert_true(!same_at(mine, theirs, path) ||
				            (can_build_on(base, path) && can_build_on(mine, path)));
			}
		}
		/* nobody else changed anything: all of mine; nobody but them did: nothing */
		cleanup_bson_changes struct nv_bson_changes alone = NV_BSON_CHANGES_INIT;
		cleanup_bson_changes struct nv_bson_changes none = NV_BSON_CHANGES_INIT;

		assert_int_equal(nv_bson_merge3(base, mine, base, &alone, NULL, NULL), 0);
		assert_merged(base, mine, base, &alone);
		assert_int_equal(nv_bson_merge3(base, base, theirs, &none, NULL, NULL), 0);
		assert_int_equal(none.count, 0);
		assert_int_equal(nv_bson_merge3(base, theirs, theirs, &none, NULL, NULL),
		                 makes_a_step(base, theirs) ? -ESTALE : 0);
		assert_int_equal(none.count, 0);
	}
	assert_in_range(merged, CODEC_ROUNDS / 20, CODEC_ROUNDS - CODEC_ROUNDS / 20);
}

/* Every number as the double it equals, as a tool that knows only doubles writes it. */
static void flatten(const uint8_t *data, size_t size, struct nv_buf *out)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	size_t start = nv_raw_begin(out);

	assert_int_equal(nv_raw_iter_init(&iter, data, size), 0);
	while (nv_raw_iter_next(&iter, &elem) > 0) {
		if (elem.type == BSON_TYPE_INT32) {
			nv_raw_put_key(out, BSON_TYPE_DOUBLE, elem.key, elem.key_size);
			nv_raw_put_double(out, nv_raw_int32(elem.value));
		} else if (nv_raw_is_container(elem.type)) {
			nv_raw_put_key(out, elem.type, elem.key, elem.key_size);
			flatten(elem.value, elem.size, out);
		} else {
			nv_raw_put(out, elem.key, elem.key_size, &elem);
		}
	}
	nv_raw_end(out, start);
}

static void test_random_documents_keep_their_types(void **state)
{
	(void)state;
	struct chance chance = chance_start();

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *doc = random_document(&chance, RANDOM_CLEAN);
		cleanup_bson bson_t *edited = NULL;
		cleanup_bson bson_t *retyped = NULL;
		cleanup_buf struct nv_buf out = NV_BUF_INIT;

		flatten(bson_get_data(doc), doc->len, &out);
		assert_int_equal(nv_raw_to_bson(&out, &edited), 0);
		assert_true(nv_bson_same(doc, edited));
		assert_int_equal(nv_bson_retype(doc, edited, &retyped), 0);
		if (!nv_bson_equal(doc, retyped)) {
			print_doc("stored", doc);
			print_doc("retyped", retyped);
			fail_msg("the types of numbers are lost");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_what_says_the_same_is_no_change),
		cmocka_unit_test(test_names_that_no_path_can_say),
		cmocka_unit_test(test_a_name_twice_changes_as_a_whole),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_apply_to_arrays),
		cmocka_unit_test(test_apply_refuses),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_equal_numbers_keep_their_type),
		cmocka_unit_test(test_types_in_arrays),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_beside_what_no_path_can_say),
		cmocka_unit_test(test_merge_above_and_below),
		cmocka_unit_test(test_match_elements),
		cmocka_unit_test(test_match_numbers_by_value),
		cmocka_unit_test(test_damaged_documents_are_refused),
		cmocka_unit_test(test_random_diffs_apply),
		cmocka_unit_test(test_hostile_names_diff_too),
		cmocka_unit_test(test_random_merges),
		cmocka_unit_test(test_random_documents_keep_their_types),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bsondiff", tests, NULL, NULL);
}
