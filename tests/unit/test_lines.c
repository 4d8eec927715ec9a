/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec_test.h"

static void test_set(void **state)
{
	(void)state;
	codec_assert_reads(&codec_set, "[lan]b\n[lan]a\n[lan]b\n", "[lan]a\n[lan]b\n");
	codec_assert_reads(&codec_set, "  a b\t\n\n \t\nc", "a b\nc\n");
	codec_assert_reads(&codec_set, "", "");
	codec_assert_reads(&codec_set, "\n\n", "");
	codec_assert_reads(&codec_set, "\\e\n", "\\e\n");
	/* Sorted as written, so that comm and sort -c agree: the byte of \n is before that of a. */
	codec_assert_reads(&codec_set, "\\n\n~\na\n\\x01\n", "\\n\n\\x01\na\n~\n");
}

static void test_list(void **state)
{
	(void)state;
	codec_assert_reads(&codec_list, "b\na\n\nb\n", "b\na\nb\n");
	codec_assert_reads(&codec_list, "\\e\n\\e\n", "\\e\n\\e\n");
}

static void test_refused(void **state)
{
	(void)state;
	codec_assert_refuses(&codec_set, "a\r\nb\r\n", 6, 2, 1, 2, "DOS line ends?");
	codec_assert_refuses(&codec_set, "ok\n  x\\q\n", 9, 1, 2, 4, "\\q is no escape");
	codec_assert_refuses(&codec_set, "\xef\xbb\xbf", 3, 1, 1, 1, "byte order mark");
	codec_assert_refuses(&codec_set, "\r\n", 2, 1, 1, 1, "DOS line ends?");
	codec_assert_refuses(&codec_set,
	                     "\xef\xbb\xbf"
	                     "a\n",
	                     5, 1, 1, 1, "byte order mark");
	codec_assert_reads(&codec_set,
	                   "a\n\xef\xbb\xbf"
	                   "b\n",
	                   "\\xEF\\xBB\\xBF"
	                   "b\na\n");
	codec_assert_refuses(&codec_list, "a\n\xff\nb\n\\", 7, 2, 2, 1, "not UTF-8");
}

static void test_lines_know_their_place(void **state)
{
	struct nv_lines lines = NV_LINES_INIT;

	(void)state;
	assert_int_equal(nv_lines_parse_set("\nb\na\n\nb\n", 8, &lines, NULL), 0);
	assert_int_equal(lines.count, 2);
	assert_int_equal(lines.items[0].line, 3);
	assert_int_equal(lines.items[1].line, 2);
	assert_non_null(nv_lines_find(&lines, "a", 1));
	assert_ptr_equal(nv_lines_find(&lines, "b", 1), &lines.items[1]);
	assert_null(nv_lines_find(&lines, "", 0));
	assert_null(nv_lines_find(&lines, "c", 1));
	nv_lines_release(&lines);
}

/* A refused or half text leaves what the caller had. */
static void test_refusal_leaves_the_result(void **state)
{
	struct nv_lines lines = NV_LINES_INIT;

	(void)state;
	assert_int_equal(nv_lines_add(&lines, "mine", 4, 0), 0);
	assert_int_equal(nv_lines_parse_set("a\n\\q\n", 5, &lines, NULL), -EINVAL);
	assert_int_equal(lines.count, 1);
	nv_lines_release(&lines);
}

static void test_check_sees_whole_lines_only(void **state)
{
	struct nv_faults faults = NV_FAULTS_INIT;

	(void)state;
	assert_int_equal(nv_lines_check("a\nb\\", 4, 0, false, &faults), 0);
	assert_int_equal(nv_lines_check("a\nb\\", 4, 2, false, &faults), 0);
	assert_int_equal(faults.count, 0);
	assert_int_equal(nv_lines_check("a\nb\\\nc", 6, 2, false, &faults), -EINVAL);
	assert_int_equal(faults.items[0].line, 2);
	assert_int_equal(faults.items[0].column, 2);
	assert_int_equal(nv_lines_check("a\nb\\\nc", 6, 5, true, &faults), 0);
	assert_int_equal(faults.count, 1);
	nv_faults_release(&faults);
}

static void make_lines(struct chance *chance, struct nv_lines *lines)
{
	for (size_t count = chance_below(chance, 8); count > 0; count--) {
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;

		chance_bytes(chance, 6, &bytes);
		assert_int_equal(nv_lines_add(lines, bytes.data, bytes.len, 0), 0);
	}
}

static void make_text(struct chance *chance, struct nv_buf *out)
{
	struct nv_lines lines = NV_LINES_INIT;

	make_lines(chance, &lines);
	nv_lines_format_list(&lines, out);
	nv_lines_release(&lines);
	nv_buf_reserve(out, 0);
}

/* Each line of the text is after the one before. */
static void assert_sorted(const struct nv_buf *text)
{
	const char *before = NULL;
	size_t before_size = 0;

	for (size_t pos = 0; pos < text->len;) {
		const char *line = text->data + pos;
		size_t size = (size_t)((const char *)memchr(line, '\n', text->len - pos) - line);

		assert_true(!before || nv_bytes_compare(before, before_size, line, size) < 0);
		before = line;
		before_size = size;
		pos += size + 1;
	}
}

/* Each differs from all others in one thing. */
static void test_equal(void **state)
{
	static const char *const texts[] = { "", "a\n", "b\n", "a\nb\n", "b\na\n", "a\na\n" };
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < COUNT; k++) {
			struct nv_lines a = { 0 };
			struct nv_lines b = { 0 };

			assert_int_equal(nv_lines_parse_list(texts[i], strlen(texts[i]), &a, NULL),
			                 0);
			assert_int_equal(nv_lines_parse_list(texts[k], strlen(texts[k]), &b, NULL),
			                 0);
			assert_int_equal(nv_lines_equal(&a, &b), i == k);
			nv_lines_release(&a);
			nv_lines_release(&b);
		}
	}
}

static void test_random_round_trip(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_lines struct nv_lines lines = NV_LINES_INIT;
		cleanup_lines struct nv_lines list = NV_LINES_INIT;
		cleanup_lines struct nv_lines set = NV_LINES_INIT;

		make_lines(&chance, &lines);
		nv_lines_format_list(&lines, &text);
		nv_buf_reserve(&text, 0);
		assert_int_equal(nv_lines_parse_list(text.data, text.len, &list, NULL), 0);
		assert_true(nv_lines_equal(&lines, &list));
		nv_lines_sort(&lines);
		nv_buf_truncate(&text, 0);
		nv_lines_format_set(&lines, &text);
		assert_int_equal(nv_lines_parse_set(text.data, text.len, &set, NULL), 0);
		assert_true(nv_lines_equal(&lines, &set));
		assert_sorted(&text);
	}
}

static void test_random_texts(void **state)
{
	(void)state;
	codec_try_mutations(&codec_set, make_text);
	codec_try_mutations(&codec_list, make_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lines_know_their_place),
		cmocka_unit_test(test_refusal_leaves_the_result),
		cmocka_unit_test(test_check_sees_whole_lines_only),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
