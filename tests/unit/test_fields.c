/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec_test.h"

static void test_read(void **state)
{
	(void)state;
	codec_assert_reads(&codec_fields, "owner: ann\naa:bb:cc: up\nnote:\n",
	                   "aa:bb:cc: up\nnote:\nowner: ann\n");
	codec_assert_reads(&codec_fields, "owner: bob\nowner: ann", "owner: ann\n");
	codec_assert_reads(&codec_fields, " owner :\t \tann  smith \n\n", "owner: ann  smith\n");
	codec_assert_reads(&codec_fields, "a: b: c\n", "a: b: c\n");
	codec_assert_reads(&codec_fields, "a\\: b: c\n", "a\\: b: c\n");
	codec_assert_reads(&codec_fields, "a\\::\n", "a\\::\n");
	codec_assert_reads(&codec_fields, "a\\\\: b\n", "a\\\\: b\n");
	codec_assert_reads(&codec_fields, "a::\n", "a\\::\n");
	codec_assert_reads(&codec_fields, "\\e: x\n", "\\e: x\n");
	codec_assert_reads(&codec_fields, "k: \\e\n", "k:\n");
	codec_assert_reads(&codec_fields, "k: a\tb\n", "k: a\\tb\n");
	/* Lines are sorted as they are written, not by key. */
	codec_assert_reads(&codec_fields, "a: 1\na b: 2\n", "a b: 2\na: 1\n");
	codec_assert_reads(&codec_fields, "", "");
}

static void test_refused(void **state)
{
	(void)state;
	codec_assert_refuses(&codec_fields, "owner\n", 6, 1, 1, 6, "no ':'");
	codec_assert_refuses(&codec_fields, "  owner=ann\n", 12, 1, 1, 8, "not key=value");
	codec_assert_refuses(&codec_fields, "a:1\n", 4, 1, 1, 3, "a blank is missing after ':'");
	codec_assert_refuses(&codec_fields, ": ann\n", 6, 1, 1, 1, "\\e");
	codec_assert_refuses(&codec_fields, "k: v\n\n a\\q: \\r\n", 15, 2, 3, 3,
	                     "\\q is no escape");
	codec_assert_refuses(&codec_fields, "k: \\:\n", 6, 1, 1, 4, "keys only");
	codec_assert_refuses(&codec_fields, "k:\r\n", 4, 1, 1, 3, "DOS line ends?");
	codec_assert_refuses(&codec_fields, "---\n", 4, 1, 1, 4, "no ':'");
}

static void test_last_wins(void **state)
{
	cleanup_fields struct nv_fields fields = NV_FIELDS_INIT;

	(void)state;
	assert_int_equal(nv_fields_parse("k: 1\na: 2\nk: 3\n", 15, &fields, NULL), 0);
	assert_int_equal(fields.count, 2);
	assert_true(nv_bytes_is(&nv_fields_find(&fields, "k", 1)->value, "3"));
	assert_int_equal(nv_fields_find(&fields, "k", 1)->line, 3);
	assert_null(nv_fields_find(&fields, "b", 1));
	/* Also of what is added to a sorted list. */
	assert_int_equal(nv_fields_add(&fields, "k", 1, "4", 1, 0), 0);
	assert_int_equal(nv_fields_add(&fields, "a", 1, "", 0, 0), 0);
	nv_fields_sort(&fields);
	assert_int_equal(fields.count, 2);
	assert_true(nv_bytes_is(&nv_fields_find(&fields, "k", 1)->value, "4"));
	assert_true(nv_bytes_is(&nv_fields_find(&fields, "a", 1)->value, ""));
}

static void test_first(void **state)
{
	static const char *const first[] = { "type", "missing", "plugin" };
	cleanup_fields struct nv_fields fields = NV_FIELDS_INIT;
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	(void)state;
	assert_int_equal(nv_fields_parse("b: 1\nplugin: p\na: 2\ntype: list\n", 31, &fields, NULL),
	                 0);
	nv_fields_format_first(&fields, first, 3, &out);
	assert_string_equal(out.data, "type: list\nplugin: p\na: 2\nb: 1\n");
}

static void make_fields(struct chance *chance, struct nv_fields *fields)
{
	for (size_t count = chance_below(chance, 8); count > 0; count--) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		cleanup_buf struct nv_buf value = NV_BUF_INIT;

		chance_bytes(chance, 5, &key);
		chance_bytes(chance, 6, &value);
		assert_int_equal(nv_fields_add(fields, key.data, key.len, value.data, value.len, 0),
		                 0);
	}
	nv_fields_sort(fields);
}

static void make_text(struct chance *chance, struct nv_buf *out)
{
	cleanup_fields struct nv_fields fields = NV_FIELDS_INIT;

	make_fields(chance, &fields);
	nv_fields_format(&fields, out);
	nv_buf_reserve(out, 0);
}

/* Each differs from all others in one thing. */
static void test_equal(void **state)
{
	static const char *const texts[] = { "", "a: 1\n", "a: 2\n", "b: 1\n", "a: 1\nb: 1\n" };
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < COUNT; k++) {
			struct nv_fields a = { 0 };
			struct nv_fields b = { 0 };

			assert_int_equal(nv_fields_parse(texts[i], strlen(texts[i]), &a, NULL), 0);
			assert_int_equal(nv_fields_parse(texts[k], strlen(texts[k]), &b, NULL), 0);
			assert_int_equal(nv_fields_equal(&a, &b), i == k);
			nv_fields_release(&a);
			nv_fields_release(&b);
		}
	}
}

static void test_random_round_trip(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_fields struct nv_fields fields = NV_FIELDS_INIT;
		cleanup_fields struct nv_fields back = NV_FIELDS_INIT;

		make_fields(&chance, &fields);
		nv_fields_format(&fields, &text);
		nv_buf_reserve(&text, 0);
		assert_int_equal(nv_fields_parse(text.data, text.len, &back, NULL), 0);
		assert_true(nv_fields_equal(&fields, &back));
	}
}

static void test_random_texts(void **state)
{
	(void)state;
	codec_try_mutations(&codec_fields, make_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),         cmocka_unit_test(test_refused),
		cmocka_unit_test(test_last_wins),    cmocka_unit_test(test_first),
		cmocka_unit_test(test_equal),        cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
