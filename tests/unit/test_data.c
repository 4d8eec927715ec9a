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
	static const char *const same[] = {
		"---\ntype: string\nplugin: p\ntitle: T\ncontent_type: plain\n---\nfirst\n\n  "
		"last\r\n",
		"---\ntype: list\nplugin: p\nlist_title: L\nitem_title: I\na: 1\nz: "
		"2\n---\nb\na\nb\n",
		"---\ntype: hash\n---\na: 1\nb:\n",
		"--- string\n---\n\n",
		"--- none\n---\n",
		"--- none\nplugin: x\n---\n",
		"--- list\ntype: hash\n---\nx\n",
		"--- set\n---\na\nb\n",
		"--- zset\n---\n1 a\n2 b\n",
		"--- stream\n---\n{\"id\":\"1-0\",\"a\":\"b\"}\n",
		"--- string a\\x20long\\nname\ntype: string\n---\nx\n",
		"---\ntype: list\n---\n",
		"---\ntype: hash\n---\n",
		"---\ntype: set\n---\na\n",
		"--- string\n---\n---\n",
		"--- none\n---  a: 1\n--- b: 2\n---\n",
		"--- list\n---\n---\n---\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		codec_assert_reads(&codec_data, same[i], same[i]);
	}
}

static void test_normal_form(void **state)
{
	(void)state;
	codec_assert_reads(&codec_data,
	                   "\n ---  list \t\n\nplugin: p\ntype:  list\n --- \n\n x \n\ny",
	                   "---\ntype: list\nplugin: p\n---\nx\ny\n");
	codec_assert_reads(&codec_data, "--- none\ntype: list\n---\n", "---\ntype: list\n---\n");
	codec_assert_reads(&codec_data, "--- string\n---\nno newline",
	                   "--- string\n---\nno newline\n");
	codec_assert_reads(&codec_data, "--- set\n---\nb\na\nb\n", "--- set\n---\na\nb\n");
	codec_assert_reads(&codec_data, "---\ntype: none\n---\n\n\n", "---\ntype: none\n---\n");
	codec_assert_reads(&codec_data, "--- string\ntype: string\n---\n\n",
	                   "---\ntype: string\n---\n\n");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		size_t line;
		size_t column;
		const char *reason;
	} bad[] = {
		{ "", 1, 1, 1, "empty" },
		{ " \n", 1, 1, 1, "empty" },
		{ "type: list\n---\na\n", 1, 1, 1, "the first line is ---" },
		{ "----\n", 1, 1, 1, "the first line is ---" },
		{ "--- lst\n---\n", 1, 1, 5, "not a type" },
		{ "--- list a b\n---\n", 1, 1, 12, "text after the full name" },
		{ "--- list \\q\n---\n", 1, 1, 10, "\\q is no escape" },
		{ "---\n---\nx\n", 1, 1, 4, "the type is missing" },
		{ "---\ntype: lst\n---\nx\n", 1, 1, 4, "the type is missing" },
		{ "---\ntype: list\n", 1, 3, 1, "the second line ---" },
		{ "---\ntype: list\nx\n---\n\\q\n", 2, 3, 2, "no ':'" },
		{ "---\ntype: list\n--- x\n", 2, 3, 6, "no ':'" },
		{ "---\ntype: string\n---\n", 1, 4, 1, "one empty line" },
		{ "---\ntype: string\n---", 1, 3, 1, "one empty line" },
		{ "--- none\n---\n\nx\n", 1, 4, 1, "the type is none" },
		{ "--- set\n---\na\\q\n", 1, 3, 2, "\\q is no escape" },
		{ "--- hash\n---\na\n", 1, 3, 2, "no ':'" },
		{ "--- zset\n---\na b\n", 1, 3, 1, "not a decimal number" },
		{ "--- stream\n---\n{\"id\":\"1-0\"}\n{\"id\":\"1-0\"}\n", 1, 4, 1, "already" },
		{ "---\r\ntype: list\r\n---\r\n", 3, 1, 4, "DOS line ends?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		codec_assert_refuses(&codec_data, bad[i].text, strlen(bad[i].text), bad[i].count,
		                     bad[i].line, bad[i].column, bad[i].reason);
	}
}

/* Nothing that more text can still make good is refused; the rest is, at once. */
static void test_check_of_a_beginning(void **state)
{
	static const char *const good[] = { "",
		                            "--",
		                            "---",
		                            "---\n",
		                            "--- lst",
		                            "---\ntype: li",
		                            "---\ntype: list\n---\n",
		                            "---\ntype: list\n---\na\\",
		                            "---\ntype: string\n---\n\\q\n" };
	static const char *const bad[] = { "x\n", "--- lst\n", "---\nx\n", "---\n---\n",
		                           "---\ntype: list\n---\n\\q\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(nv_data_check(good[i], strlen(good[i]), 0, false, NULL), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(nv_data_check(bad[i], strlen(bad[i]), 0, false, NULL), -EINVAL);
	}
	/* Lines of the body before `from` were judged already. */
	assert_int_equal(nv_data_check("---\ntype: list\n---\n\\q\na\n", 24, 22, false, NULL), 0);
	assert_int_equal(nv_data_check("---\ntype: list\n---\na\n\\q\n", 24, 21, false, NULL),
	                 -EINVAL);
}

static void test_places(void **state)
{
	cleanup_data struct nv_data data = NV_DATA_INIT;
	static const char text[] = "\n---  list name\nplugin: p\n---\n\na\n";

	(void)state;
	assert_int_equal(nv_data_parse(text, strlen(text), &data, NULL), 0);
	assert_int_equal(data.header_line, 2);
	assert_int_equal(data.header_type_column, 6);
	assert_true(nv_bytes_is(&data.name, "name"));
	assert_int_equal(data.details.items[0].line, 3);
	assert_int_equal(data.rows.items[0].line, 6);
	assert_false(nv_data_is_empty(&data));
}

static void test_is_empty(void **state)
{
	static const struct {
		const char *text;
		bool empty;
	} samples[] = {
		{ "--- none\n---\n", true },   { "--- string\n---\n\n", false },
		{ "--- list\n---\n", true },   { "--- list\n---\na\n", false },
		{ "--- set\n---\n", true },    { "--- set\n---\na\n", false },
		{ "--- hash\n---\n", true },   { "--- hash\n---\na:\n", false },
		{ "--- zset\n---\n", true },   { "--- zset\n---\n1 a\n", false },
		{ "--- stream\n---\n", true }, { "--- stream\n---\n{\"id\":\"1-0\"}\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		cleanup_data struct nv_data data = NV_DATA_INIT;

		assert_int_equal(
			nv_data_parse(samples[i].text, strlen(samples[i].text), &data, NULL), 0);
		assert_int_equal(nv_data_is_empty(&data), samples[i].empty);
	}
}

static void make_fields(struct chance *chance, struct nv_fields *fields)
{
	for (size_t count = chance_below(chance, 5); count > 0; count--) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		cleanup_buf struct nv_buf value = NV_BUF_INIT;

		chance_bytes(chance, 3, &key);
		chance_bytes(chance, 5, &value);
		assert_int_equal(nv_fields_add(fields, key.data, key.len, value.data, value.len, 0),
		                 0);
	}
}

static void make_body(struct chance *chance, struct nv_data *data)
{
	for (size_t count = chance_below(chance, 4); count > 0; count--) {
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
		struct nv_stream_entry *entry;

		chance_bytes(chance, 6, &bytes);
		switch (data->type) {
		case NV_DATA_LIST:
		case NV_DATA_SET:
			assert_int_equal(nv_lines_add(&data->rows, bytes.data, bytes.len, 0), 0);
			break;
		case NV_DATA_ZSET:
			assert_int_equal(
				nv_zset_add(&data->zset, (double)count, bytes.data, bytes.len, 0),
				0);
			break;
		case NV_DATA_STREAM:
			entry = nv_stream_add(&data->stream, 7, count, 0);
			assert_non_null(entry);
			make_fields(chance, &entry->fields);
			break;
		default:
			break;
		}
	}
	if (data->type == NV_DATA_HASH) {
		make_fields(chance, &data->fields);
	}
	if (data->type == NV_DATA_STRING) {
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;

		chance_bytes(chance, 20, &bytes);
		assert_int_equal(nv_bytes_copy(&data->string, bytes.data, bytes.len), 0);
	}
}

static void make_data(struct chance *chance, struct nv_data *data)
{
	data->type = (enum nv_data_type)chance_below(chance, NV_DATA_TYPE_COUNT);
	if (chance_below(chance, 3) == 0) {
		cleanup_buf struct nv_buf name = NV_BUF_INIT;

		chance_bytes(chance, 10, &name);
		assert_int_equal(nv_bytes_copy(&data->name, name.data, name.len), 0);
	}
	if (chance_below(chance, 4) > 0) {
		enum nv_data_type said =
			chance_below(chance, 4) == 0
				? (enum nv_data_type)chance_below(chance, NV_DATA_TYPE_COUNT)
				: data->type;
		const char *text = nv_data_type_name(said);

		make_fields(chance, &data->details);
		assert_int_equal(nv_fields_add(&data->details, "type", 4, text, strlen(text), 0),
		                 0);
	}
	make_body(chance, data);
	nv_data_normalise(data);
}

static void make_text(struct chance *chance, struct nv_buf *out)
{
	cleanup_data struct nv_data data = NV_DATA_INIT;

	make_data(chance, &data);
	nv_data_format(&data, out);
	nv_buf_reserve(out, 0);
}

/* Each differs from all others in one thing. */
static void test_equal(void **state)
{
	static const char *const texts[] = { "--- none\n---\n",
		                             "--- none n\n---\n",
		                             "--- none\na: 1\n---\n",
		                             "--- string\n---\n\n",
		                             "--- string\n---\nx\n",
		                             "--- list\n---\n",
		                             "--- list\n---\na\n",
		                             "--- list\n---\nb\n",
		                             "--- set\n---\na\n",
		                             "--- hash\n---\na: 1\n",
		                             "--- hash\n---\na: 2\n",
		                             "--- zset\n---\n1 a\n",
		                             "--- zset\n---\n2 a\n",
		                             "--- stream\n---\n{\"id\":\"1-0\"}\n",
		                             "--- stream\n---\n{\"id\":\"2-0\"}\n" };
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < COUNT; k++) {
			struct nv_data a = { 0 };
			struct nv_data b = { 0 };

			assert_int_equal(nv_data_parse(texts[i], strlen(texts[i]), &a, NULL), 0);
			assert_int_equal(nv_data_parse(texts[k], strlen(texts[k]), &b, NULL), 0);
			assert_int_equal(nv_data_equal(&a, &b), i == k);
			nv_data_release(&a);
			nv_data_release(&b);
		}
	}
}

static void test_random_round_trip(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_data struct nv_data data = NV_DATA_INIT;
		cleanup_data struct nv_data back = NV_DATA_INIT;

		make_data(&chance, &data);
		nv_data_format(&data, &text);
		if (nv_data_parse(text.data, text.len, &back, NULL) != 0 ||
		    !nv_data_equal(&data, &back)) {
			codec_print(text.data, text.len);
			fail_msg("what is read back is not what was written");
		}
	}
}

static void test_random_texts(void **state)
{
	(void)state;
	codec_try_mutations(&codec_data, make_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),         cmocka_unit_test(test_normal_form),
		cmocka_unit_test(test_refused),      cmocka_unit_test(test_check_of_a_beginning),
		cmocka_unit_test(test_places),       cmocka_unit_test(test_is_empty),
		cmocka_unit_test(test_equal),        cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("data", tests, NULL, NULL);
}
