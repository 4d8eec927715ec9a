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
	codec_assert_reads(&codec_stream,
	                   "{\"id\":\"1700000000000-0\",\"change\":\"create dns name\","
	                   "\"value\":\"[lan]a\",\"plugin\":\"dns\"}\n",
	                   "{\"id\":\"1700000000000-0\",\"change\":\"create dns name\","
	                   "\"value\":\"[lan]a\",\"plugin\":\"dns\"}\n");
	codec_assert_reads(&codec_stream,
	                   " { \"b\" : \"\\u00e9\\ud83d\\udc10\\/\" , \"id\" : \"1-2\" } ",
	                   "{\"id\":\"1-2\",\"b\":\"\xc3\xa9\xf0\x9f\x90\x90/\"}\n");
	codec_assert_reads(&codec_stream, "{\"id\":\"1-2\",\"a\":\"\\u00AF\\u00Fa\\u00e0\\u0049\"}",
	                   "{\"id\":\"1-2\",\"a\":\"\xc2\xaf\xc3\xba\xc3\xa0I\"}\n");
	codec_assert_reads(&codec_stream, "{\"id\":\"2-0\"}\n{\"id\":\"1-0\"}\n",
	                   "{\"id\":\"1-0\"}\n{\"id\":\"2-0\"}\n");
	codec_assert_reads(&codec_stream, "{\"id\":\"1-0\",\"fields\":[]}\n", "{\"id\":\"1-0\"}\n");
	codec_assert_reads(&codec_stream,
	                   "{\"id\":\"1-0\",\"fields\":[[\"a\",\"1\"],[\"b\",\"2\"]]}\n",
	                   "{\"id\":\"1-0\",\"a\":\"1\",\"b\":\"2\"}\n");
	codec_assert_reads(&codec_stream,
	                   "{\"fields\":[[\"a\",\"1\"],[\"a\",\"\"]],\"id\":\"1-0\"}\n",
	                   "{\"id\":\"1-0\",\"fields\":[[\"a\",\"1\"],[\"a\",\"\"]]}\n");
	codec_assert_reads(&codec_stream,
	                   "{\"id\":\"1-0\",\"fields\":[[\"at\",{\"$base64\":\"/w==\"}]]}\n",
	                   "{\"id\":\"1-0\",\"fields\":[[\"at\",{\"$base64\":\"/w==\"}]]}\n");
	codec_assert_reads(&codec_stream,
	                   "{\"id\":\"1-0\",\"fields\":[[{\"$base64\":\"YQ==\"},\"1\"]]}\n",
	                   "{\"id\":\"1-0\",\"a\":\"1\"}\n");
	codec_assert_reads(&codec_stream,
	                   "{\"id\":\"1-0\",\"a\":\"\\b\\f\\n\\r\\t\\\"\\\\\\u0000\"}\n",
	                   "{\"id\":\"1-0\",\"a\":\"\\b\\f\\n\\r\\t\\\"\\\\\\u0000\"}\n");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *reason;
	} bad[] = {
		{ "[]", 1, "'{'" },
		{ "{}", 1, "no \"id\"" },
		{ "{\"id\":\"1\"}", 7, "not the id" },
		{ "{\"id\":\"0-0\"}", 7, "not the id" },
		{ "{\"id\":\"01-0\"}", 7, "not the id" },
		{ "{\"id\":\"1a-0\"}", 7, "not the id" },
		{ "{\"id\":\"1-/\"}", 7, "not the id" },
		{ "{\"id\":\"1-0\",\"a\":\"\\ud800\\n0000\"}", 18, "surrogate" },
		{ "{\"id\":\"1-0\",\"a\":\"\\ud800xudc00\"}", 18, "surrogate" },
		{ "{\"id\":\"18446744073709551616-0\"}", 7, "not the id" },
		{ "{\"id\":1}", 7, "double quotes" },
		{ "{\"id\":\"1-0\",\"a\":1}", 17, "double quotes" },
		{ "{\"id\":\"1-0\",\"a\":\"1\"", 20, "'}'" },
		{ "{\"id\":\"1-0\",\"a\"}", 16, "':'" },
		{ "{\"id\":\"1-0\",\"a\":\"1", 19, "'\"'" },
		{ "{\"id\":\"1-0\"} x", 14, "one entry a line" },
		{ "{\"id\":\"1-0\",\"id\":\"1-1\"}", 13, "\"fields\"" },
		{ "{\"id\":\"1-0\",\"at\":\"x\"}", 13, "\"fields\"" },
		{ "{\"id\":\"1-0\",\"a\":\"1\",\"fields\":[]}", 21, "with all others" },
		{ "{\"id\":\"1-0\",\"fields\":[],\"a\":\"1\"}", 25, "with all others" },
		{ "{\"id\":\"1-0\",\"a\":\"1\",\"a\":\"2\"}", 1, "given twice" },
		{ "{\"id\":\"1-0\",\"a\":\"\\ud800\"}", 18, "surrogate" },
		{ "{\"id\":\"1-0\",\"a\":\"\\udc00\"}", 18, "surrogate" },
		{ "{\"id\":\"1-0\",\"a\":\"\\ud800\\u0041\"}", 18, "surrogate" },
		{ "{\"id\":\"1-0\",\"a\":\"\\u12g4\"}", 18, "four hexadecimal" },
		{ "{\"id\":\"1-0\",\"a\":\"\\x41\"}", 18, "no such escape" },
		{ "{\"id\":\"1-0\",\"a\":\"\\", 18, "no such escape" },
		{ "{\"id\":\"1-0\",\"a\":\"\t\"}", 18, "control byte 0x09" },
		{ "{\"id\":\"1-0\",\"a\":\"\xff\"}", 18, "not UTF-8" },
		{ "{\"id\":\"1-0\",\"fields\":[[\"a\"]]}", 27, "','" },
		{ "{\"id\":\"1-0\",\"fields\":[[{\"x\":\"\"},\"\"]]}", 25, "$base64" },
		{ "{\"id\":\"1-0\",\"fields\":[[{\"$base64\":\"/x==\"},\"\"]]}", 35, "not base64" },
		{ "{\"id\":\"1-0\",}", 13, "double quotes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		codec_assert_refuses(&codec_stream, bad[i].text, strlen(bad[i].text), 1, 1,
		                     bad[i].column, bad[i].reason);
	}
	codec_assert_refuses(&codec_stream, "{\"id\":\"1-0\"}\n{\"id\":\"1-0\"}\n", 26, 1, 2, 1,
	                     "stands in line 1 already");
}

static void test_id(void **state)
{
	uint64_t ms;
	uint64_t seq;

	(void)state;
	assert_true(nv_stream_id_parse("18446744073709551615-18446744073709551615", 41, &ms, &seq));
	assert_true(ms == UINT64_MAX && seq == UINT64_MAX);
	assert_true(nv_stream_id_parse("0-1", 3, &ms, &seq));
	assert_true(ms == 0 && seq == 1);
	assert_false(nv_stream_id_parse("1-", 2, &ms, &seq));
	assert_false(nv_stream_id_parse("-1", 2, &ms, &seq));
	assert_false(nv_stream_id_parse("", 0, &ms, &seq));
	assert_false(nv_stream_id_parse("1-1-1", 5, &ms, &seq));
}

static void make_stream(struct chance *chance, struct nv_stream *stream)
{
	static const char *const names[] = { "id", "at", "fields", "change", "value", "value" };

	for (size_t count = chance_below(chance, 4); count > 0; count--) {
		struct nv_stream_entry *entry =
			nv_stream_add(stream, 1000 - count, chance_below(chance, 3), 0);

		assert_non_null(entry);
		for (size_t fields = chance_below(chance, 5); fields > 0; fields--) {
			cleanup_buf struct nv_buf key = NV_BUF_INIT;
			cleanup_buf struct nv_buf value = NV_BUF_INIT;

			if (chance_below(chance, 4) == 0) {
				chance_bytes(chance, 6, &key);
			} else {
				nv_buf_puts(&key, names[3 - chance_below(chance, 2) * 3 +
				                        chance_below(chance, 3)]);
			}
			chance_bytes(chance, chance_below(chance, 2) * 6, &value);
			assert_int_equal(nv_fields_add(&entry->fields, key.data, key.len,
			                               value.data, value.len, 0),
			                 0);
		}
	}
}

static void make_text(struct chance *chance, struct nv_buf *out)
{
	cleanup_stream struct nv_stream stream = NV_STREAM_INIT;

	make_stream(chance, &stream);
	nv_stream_format(&stream, out);
	nv_buf_reserve(out, 0);
}

/* Each differs from all others in one thing. */
static void test_equal(void **state)
{
	static const char *const texts[] = { "",
		                             "{\"id\":\"1-0\"}\n",
		                             "{\"id\":\"1-1\"}\n",
		                             "{\"id\":\"2-0\"}\n",
		                             "{\"id\":\"1-0\",\"a\":\"b\"}\n",
		                             "{\"id\":\"1-0\",\"a\":\"c\"}\n" };
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < COUNT; k++) {
			struct nv_stream a = { 0 };
			struct nv_stream b = { 0 };

			assert_int_equal(nv_stream_parse(texts[i], strlen(texts[i]), &a, NULL), 0);
			assert_int_equal(nv_stream_parse(texts[k], strlen(texts[k]), &b, NULL), 0);
			assert_int_equal(nv_stream_equal(&a, &b), i == k);
			nv_stream_release(&a);
			nv_stream_release(&b);
		}
	}
}

static void test_random_round_trip(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_stream struct nv_stream stream = NV_STREAM_INIT;
		cleanup_stream struct nv_stream back = NV_STREAM_INIT;

		make_stream(&chance, &stream);
		nv_stream_format(&stream, &text);
		nv_buf_reserve(&text, 0);
		assert_int_equal(nv_stream_parse(text.data, text.len, &back, NULL), 0);
		assert_true(nv_stream_equal(&stream, &back));
	}
}

static void test_random_texts(void **state)
{
	(void)state;
	codec_try_mutations(&codec_stream, make_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
