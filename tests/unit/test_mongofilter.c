/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "docstore/mongofilter.h"

/* What a filter is, as JSON with single quotes and no blanks. */
static void check(const struct nv_docterm *terms, size_t count, const char *wanted)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	char got[2048];
	size_t used = 0;
	bson_t view;

	assert_int_equal(nv_mongofilter_terms(&out, terms, count, NULL), 0);
	assert_true(bson_init_static(&view, (const uint8_t *)out.data, out.len));
	assert_true(bson_validate(&view, BSON_VALIDATE_NONE, NULL));
	char *json = bson_as_relaxed_extended_json(&view, NULL);
	assert_non_null(json);
	for (const char *at = json; *at && used < sizeof(got) - 1; at++) {
		if (*at != ' ') {
			got[used++] = *at;
		}
	}
	got[used] = '\0';
	for (char *at = got; *at; at++) {
		*at = *at == '"' ? '\'' : *at;
	}
	bson_free(json);
	assert_string_equal(got, wanted);
}

static bson_value_t number(int32_t n)
{
	return (bson_value_t){ .value_type = BSON_TYPE_INT32, .value.v_int32 = n };
}

static const bson_value_t null = { .value_type = BSON_TYPE_NULL };
static const bson_value_t undefined = { .value_type = BSON_TYPE_UNDEFINED };
static const bson_value_t pattern = { .value_type = BSON_TYPE_REGEX,
	                              .value.v_regex = { .regex = (char *)"x",
	                                                 .options = (char *)"" } };

static struct nv_docterm term(const char *const *paths, size_t paths_count, enum nv_docterm_op op,
                              const bson_value_t *values, size_t values_count)
{
	return (struct nv_docterm){ paths, paths_count, op, values, values_count };
}

static void test_an_id_alone_is_plain(void **state)
{
	static const char *const id[] = { "_id" };
	bson_value_t one = number(1);
	struct nv_docterm by_id = term(id, 1, NV_DOCTERM_EQ, &one, 1);
	const struct nv_docterm twice[] = { by_id, by_id };

	(void)state;
	check(NULL, 0, "{}");
	check(&by_id, 1, "{'_id':1}");
	check(twice, 2, "{'$and':[{'_id':1},{'_id':1}]}");
	by_id.values = &null; /* {_id: null} would find what has none */
	check(&by_id, 1, "{'$and':[{'_id':null}]}");
}

static void test_operators(void **state)
{
	static const char *const a[] = { "a.b" };
	bson_value_t values[] = { number(1), null, pattern };
	struct nv_docterm one = term(a, 1, NV_DOCTERM_EQ, values, 1);

	(void)state;
	check(&one, 1, "{'$and':[{'a.b':1}]}");
	one = term(a, 1, NV_DOCTERM_GE, values, 1);
	check(&one, 1, "{'$and':[{'a.b':{'$gte':1}}]}");
	one = term(a, 1, NV_DOCTERM_LT, values, 1);
	check(&one, 1, "{'$and':[{'a.b':{'$lt':1}}]}");
	one = term(a, 1, NV_DOCTERM_LT, &null, 1); /* nothing is */
	check(&one, 1, "{'$and':[{'a.b':{'$in':[]}}]}");
	one = term(a, 1, NV_DOCTERM_GE, &null, 1);
	check(&one, 1, "{'$and':[{'a.b':null}]}");
	one = term(a, 1, NV_DOCTERM_EQ, &undefined, 1);
	check(&one, 1, "{'$and':[{'a.b':null}]}");
	one = term(a, 1, NV_DOCTERM_NULL, NULL, 0);
	check(&one, 1, "{'$and':[{'a.b':null}]}");
	one = term(a, 1, NV_DOCTERM_NOTNULL, NULL, 0);
	check(&one, 1, "{'$and':[{'a.b':{'$ne':null}}]}");
	one = term(a, 1, NV_DOCTERM_IN, values, 2);
	check(&one, 1, "{'$and':[{'a.b':{'$in':[1,null]}}]}");
	one = term(a, 1, NV_DOCTERM_NIN, values, 2);
	check(&one, 1, "{'$and':[{'$nor':[{'a.b':{'$in':[1,null]}}]}]}");
}

/* In $in, a pattern would match every string with an x. */
static void test_patterns_are_values(void **state)
{
	static const char *const a[] = { "a" };
	bson_value_t values[] = { number(1), pattern };
	struct nv_docterm one = term(a, 1, NV_DOCTERM_IN, values, 2);

	(void)state;
	check(&one, 1,
	      "{'$and':[{'$or':[{'a':{'$in':[1]}},{'a':{'$eq':{'$regularExpression':"
	      "{'pattern':'x','options':''}}}}]}]}");
	one = term(a, 1, NV_DOCTERM_EQ, values + 1, 1);
	check(&one, 1,
	      "{'$and':[{'a':{'$eq':{'$regularExpression':{'pattern':'x','options':''}}}}]}");
}

/* {b: {$gt: 1}} as a value, or an empty document, is not taken for operators. */
static void test_documents_are_values(void **state)
{
	static const char *const a[] = { "a" };
	bson_t *doc = BCON_NEW("$gt", BCON_INT32(1));
	bson_t empty = BSON_INITIALIZER;
	bson_value_t value = { .value_type = BSON_TYPE_DOCUMENT };
	struct nv_docterm one = term(a, 1, NV_DOCTERM_EQ, &value, 1);

	(void)state;
	value.value.v_doc.data = (uint8_t *)bson_get_data(doc);
	value.value.v_doc.data_len = doc->len;
	check(&one, 1, "{'$and':[{'a':{'$eq':{'$gt':1}}}]}");
	value.value.v_doc.data = (uint8_t *)bson_get_data(&empty);
	value.value.v_doc.data_len = empty.len;
	check(&one, 1, "{'$and':[{'a':{'$eq':{}}}]}");
	bson_destroy(doc);
}

static void test_the_first_alias_that_is_not_null_counts(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	bson_value_t values[] = { number(1), null };
	struct nv_docterm one = term(names, 3, NV_DOCTERM_EQ, values, 1);

	(void)state;
	check(&one, 1,
	      "{'$and':[{'$or':[{'$and':[{'a':1},{'a':{'$ne':null}}]},"
	      "{'$and':[{'b':1},{'b':{'$ne':null}},{'a':null}]},"
	      "{'$and':[{'c':1},{'a':null},{'b':null}]}]}]}");
	one = term(names, 2, NV_DOCTERM_NULL, NULL, 0);
	check(&one, 1, "{'$and':[{'$or':[{'$and':[{'b':null},{'a':null}]}]}]}");
	one = term(names, 2, NV_DOCTERM_EQ, &null, 1);
	check(&one, 1, "{'$and':[{'$or':[{'$and':[{'b':null},{'a':null}]}]}]}");
	one = term(names, 2, NV_DOCTERM_IN, values, 2); /* null only where it can be */
	check(&one, 1,
	      "{'$and':[{'$or':[{'$and':[{'a':{'$in':[1]}},{'a':{'$ne':null}}]},"
	      "{'$and':[{'b':{'$in':[1,null]}},{'a':null}]}]}]}");
}

static void check_guard(const bson_value_t *value, bool weak, const char *wanted)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	struct nv_bval bytes;
	bson_t view;

	if (value) {
		assert_int_equal(nv_bval_from(value, &store, &bytes), 0);
	}
	size_t start = nv_bval_begin(&out);
	nv_mongofilter_guard(&out, 0, "p", value ? &bytes : NULL, weak);
	nv_bval_end(&out, start);
	assert_true(bson_init_static(&view, (const uint8_t *)out.data, out.len));
	char *json = bson_as_relaxed_extended_json(&view, NULL);
	assert_string_equal(json, wanted);
	bson_free(json);
}

static void test_guards_are_exact(void **state)
{
	bson_t list = BSON_INITIALIZER;
	bson_value_t one = number(1);
	bson_value_t array = { .value_type = BSON_TYPE_ARRAY };
	static char big[NV_MONGOFILTER_BIG + 10];
	bson_value_t text = { .value_type = BSON_TYPE_UTF8 };

	(void)state;
	check_guard(NULL, false, "{ \"0\" : { \"p\" : { \"$exists\" : false } } }");
	check_guard(
		&one, false,
		"{ \"0\" : { \"p\" : { \"$type\" : 16, \"$eq\" : 1, \"$not\" : { \"$type\" : 4 } } } }");
	check_guard(&null, false,
	            "{ \"0\" : { \"p\" : { \"$type\" : 10, \"$not\" : { \"$type\" : 4 } } } }");
	BSON_APPEND_INT32(&list, "0", 7);
	array.value.v_doc.data = (uint8_t *)bson_get_data(&list);
	array.value.v_doc.data_len = list.len;
	check_guard(&array, true, "{ \"0\" : { \"p\" : { \"$type\" : 4, \"$eq\" : [ 7 ] } } }");
	memset(big, 'x', sizeof(big) - 1);
	text.value.v_utf8.str = big;
	text.value.v_utf8.len = sizeof(big) - 1;
	check_guard(&text, true,
	            "{ \"0\" : { \"p\" : { \"$type\" : 2, \"$not\" : { \"$type\" : 4 } } } }");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_id_alone_is_plain),
		cmocka_unit_test(test_operators),
		cmocka_unit_test(test_patterns_are_values),
		cmocka_unit_test(test_documents_are_values),
		cmocka_unit_test(test_the_first_alias_that_is_not_null_counts),
		cmocka_unit_test(test_guards_are_exact),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
