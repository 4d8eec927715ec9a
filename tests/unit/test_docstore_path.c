/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dotted paths: what a query sees, and what sets, unsets and projections make, as MongoDB's manual
 * and server tests say.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "docstore/path.h"

static bson_t *parse(const char *text)
{
	char json[1024];
	size_t at = 0;
	for (; text[at] != '\0'; at++) {
		json[at] = text[at] == '\'' ? '"' : text[at];
	}
	bson_error_t error;
	bson_t *doc = bson_new_from_json((const uint8_t *)json, (ssize_t)at, &error);
	if (!doc) {
		fail_msg("%s: %s", text, error.message);
	}
	return doc;
}

static void assert_doc(const struct nv_buf *buf, const char *wanted)
{
	bson_t *doc = parse(wanted);
	bson_t made;
	assert_int_equal(nv_bval_check((const uint8_t *)buf->data, buf->len), 0);
	assert_true(bson_init_static(&made, (const uint8_t *)buf->data, buf->len));
	if (!bson_equal(doc, &made)) {
		char *text = bson_as_canonical_extended_json(&made, NULL);
		fail_msg("wanted %s, is %s", wanted, text);
	}
	bson_destroy(doc);
}

static void check_put(const char *from, const char *path, const char *value, const char *wanted)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bson_t *doc = parse(from);
	bson_t *holder = parse(value);
	struct nv_bval whole = nv_bval_doc(doc);
	struct nv_bval held = nv_bval_doc(holder);
	struct nv_err err = NV_ERR_INIT;
	assert_true(nv_bval_field(&held, "v", 1, &held));
	int rc = nv_path_put(&whole, path, &held, &out, &err);
	if (wanted) {
		assert_int_equal(rc, 0);
		assert_doc(&out, wanted);
	} else {
		assert_int_equal(rc, -ESTALE);
		assert_true(err.msg[0] != '\0');
	}
	bson_destroy(doc);
	bson_destroy(holder);
}

static void test_put(void **state)
{
	(void)state;
	check_put("{'a':1}", "a", "{'v':2}", "{'a':2}");
	check_put("{'a':1,'b':2}", "a", "{'v':'x'}", "{'a':'x','b':2}");
	check_put("{'a':1}", "b", "{'v':null}", "{'a':1,'b':null}");
	check_put("{}", "a.b.c", "{'v':1}", "{'a':{'b':{'c':1}}}");
	check_put("{'a':{'x':1}}", "a.b", "{'v':1}", "{'a':{'x':1,'b':1}}");
	check_put("{'a':[1,2]}", "a.1", "{'v':9}", "{'a':[1,9]}");
	check_put("{'a':[1]}", "a.3", "{'v':9}", "{'a':[1,null,null,9]}");
	check_put("{'a':[]}", "a.0.b", "{'v':9}", "{'a':[{'b':9}]}");
	check_put("{'a':[{'b':1,'c':2}]}", "a.0.b", "{'v':9}", "{'a':[{'b':9,'c':2}]}");
	check_put("{}", "a.0", "{'v':9}", "{'a':{'0':9}}");
	check_put("{'a':{'b':1},'ab':2}", "ab", "{'v':3}", "{'a':{'b':1},'ab':3}");
	check_put("{'a':5}", "a.b", "{'v':1}", NULL);
	check_put("{'a':null}", "a.b", "{'v':1}", NULL);
	check_put("{'a':[1]}", "a.b", "{'v':1}", NULL);
	check_put("{'a':[1]}", "a.01", "{'v':1}", NULL);
	check_put("{'a':[1]}", "a.0.b", "{'v':1}", NULL);
	check_put("{'a':[1]}", "a.100002", "{'v':1}", NULL);
}

static void check_drop(const char *from, const char *path, const char *wanted)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bson_t *doc = parse(from);
	struct nv_bval whole = nv_bval_doc(doc);
	assert_int_equal(nv_path_drop(&whole, path, &out), 0);
	assert_doc(&out, wanted);
	bson_destroy(doc);
}

static void test_drop(void **state)
{
	(void)state;
	check_drop("{'a':1,'b':2}", "a", "{'b':2}");
	check_drop("{'a':1}", "b", "{'a':1}");
	check_drop("{'a':{'b':1,'c':2}}", "a.b", "{'a':{'c':2}}");
	check_drop("{'a':{'b':1}}", "a.b", "{'a':{}}");
	check_drop("{'a':5}", "a.b", "{'a':5}");
	check_drop("{'a':[1,2,3]}", "a.1", "{'a':[1,null,3]}");
	check_drop("{'a':[{'b':1}]}", "a.0.b", "{'a':[{}]}");
	check_drop("{'a':[1]}", "a.5", "{'a':[1]}");
	check_drop("{'a':[{'b':1}]}", "a.b", "{'a':[{'b':1}]}");
}

/* Notes each value as its type, '-' for a missing one, digits for an int32. */
static bool note(void *ctx, const struct nv_bval *value)
{
	char *text = ctx;
	size_t used = strlen(text);
	if (!value) {
		text[used] = '-';
	} else if (value->type == BSON_TYPE_INT32) {
		text[used] = (char)('0' + nv_le32(value->data));
	} else if (value->type == BSON_TYPE_NULL) {
		text[used] = 'n';
	} else {
		text[used] = value->type == BSON_TYPE_ARRAY ? 'A' : 'D';
	}
	text[used + 1] = '\0';
	return true;
}

static void check_each(const char *from, const char *path, const char *wanted)
{
	char seen[64] = "";
	bson_t *doc = parse(from);
	struct nv_bval whole = nv_bval_doc(doc);
	assert_true(nv_path_each(&whole, path, note, seen));
	assert_string_equal(seen, wanted);
	bson_destroy(doc);
}

static void test_each(void **state)
{
	(void)state;
	check_each("{'a':1}", "a", "1");
	check_each("{}", "a", "-");
	check_each("{'a':null}", "a", "n");
	check_each("{'a':[1,2]}", "a", "A12");
	check_each("{'a':[]}", "a", "A");
	check_each("{'a':[[3]]}", "a", "AA");
	check_each("{'a':{'b':1}}", "a.b", "1");
	check_each("{'a':{}}", "a.b", "-");
	check_each("{'a':4}", "a.b", "-");
	check_each("{'a':null}", "a.b", "-");
	check_each("{'a':[{'b':1},{'b':2},{'c':3},5]}", "a.b", "12-");
	check_each("{'a':[]}", "a.b", "");
	check_each("{'a':[1,2]}", "a.b", "");
	check_each("{'a':[{'b':[1,2]}]}", "a.b", "A12");
	check_each("{'a':[7,8]}", "a.1", "8");
	check_each("{'a':[[7,8]]}", "a.0", "A78");
	check_each("{'a':[{'b':5},{'b':6}]}", "a.1.b", "6--");
	check_each("{'a':[{'0':5}]}", "a.0", "D5");
	check_each("{'a':[[{'b':1}]]}", "a.b", "");
	check_each("{'a':[[{'b':1}]]}", "a.0.b", "1");
}

static void check_project(const char *from, const char *fields, const char *wanted)
{
	char names[64];
	const char *list[8];
	size_t count = 0;
	(void)strcpy(names, fields);
	char *save = NULL;
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		list[count++] = name;
	}
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bson_t *doc = parse(from);
	struct nv_bval whole = nv_bval_doc(doc);
	assert_int_equal(nv_path_project(&whole, list, count, &out), 0);
	assert_doc(&out, wanted);
	bson_destroy(doc);
}

static void test_project(void **state)
{
	(void)state;
	check_project("{'_id':1,'a':2,'b':3}", "a", "{'_id':1,'a':2}");
	check_project("{'b':3,'_id':1,'a':2}", "a b", "{'b':3,'_id':1,'a':2}");
	check_project("{'_id':{'x':1,'y':2},'a':2}", "z", "{'_id':{'x':1,'y':2}}");
	check_project("{'_id':1,'a':{'b':1,'c':2}}", "a.b", "{'_id':1,'a':{'b':1}}");
	check_project("{'_id':1,'a':{'c':2}}", "a.b", "{'_id':1,'a':{}}");
	check_project("{'_id':1,'a':5}", "a.b", "{'_id':1}");
	check_project("{'_id':1,'a':[{'b':1,'c':2},5,{'c':3}]}", "a.b",
	              "{'_id':1,'a':[{'b':1},{}]}");
	check_project("{'_id':1,'ab':1,'a':2}", "a", "{'_id':1,'a':2}");
}

static void test_valid_and_overlapping(void **state)
{
	(void)state;
	assert_true(nv_path_is_valid("a"));
	assert_true(nv_path_is_valid("a.0.b$"));
	assert_false(nv_path_is_valid(NULL));
	assert_false(nv_path_is_valid(""));
	assert_false(nv_path_is_valid("."));
	assert_false(nv_path_is_valid("a."));
	assert_false(nv_path_is_valid(".a"));
	assert_false(nv_path_is_valid("a..b"));
	assert_false(nv_path_is_valid("$set"));
	assert_false(nv_path_is_valid("a.$"));
	assert_true(nv_path_overlaps("a", "a"));
	assert_true(nv_path_overlaps("a", "a.b"));
	assert_true(nv_path_overlaps("a.b", "a"));
	assert_false(nv_path_overlaps("a", "ab"));
	assert_false(nv_path_overlaps("a.b", "a.c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_project),
		cmocka_unit_test(test_valid_and_overlapping),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("docstore path", tests, NULL, NULL);
}
