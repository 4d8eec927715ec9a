/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "codec_test.h"

static void test_score(void **state)
{
	static const struct {
		double score;
		const char *text;
	} scores[] = {
		{ 0, "0" },
		{ -0.0, "-0" },
		{ 3, "3" },
		{ -150000, "-150000" },
		{ 0.1, "0.1" },
		{ 1e15, "1000000000000000" },
		{ 1e20, "1e+20" },
		{ 1e-7, "1e-07" },
		{ 5e-324, "5e-324" },
		{ 0.30000000000000004, "0.30000000000000004" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ INFINITY, "inf" },
		{ -INFINITY, "-inf" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
		cleanup_buf struct nv_buf out = NV_BUF_INIT;
		double back = 1;

		nv_score_format(scores[i].score, &out);
		assert_string_equal(out.data, scores[i].text);
		assert_true(nv_score_parse(out.data, out.len, &back));
		assert_memory_equal(&back, &scores[i].score, sizeof(double));
	}
}

static void test_score_refused(void **state)
{
	static const char *const bad[] = { "",    "nan",   "0x10",    "1e",   "1e+", ".",
		                           "+",   "-",     "1 ",      " 1",   "1,5", "e5",
		                           "--1", "1e999", "infinit", "1.2.3" };
	static const char *const good[] = { "+1", "1.", ".5", "1E5", "-INF", "Infinity", "1e-999" };
	double score;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(nv_score_parse(bad[i], strlen(bad[i]), &score));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(nv_score_parse(good[i], strlen(good[i]), &score));
	}
}

/* What Redis 6 prints (all 17 digits) is the same score, and comes out short. */
static void test_random_scores(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf out = NV_BUF_INIT;
		uint64_t bits = chance_next(&chance);
		char longest[40];
		double score;
		double back;

		memcpy(&score, &bits, sizeof(score));
		score = isnan(score) ? 1 : score;
		nv_score_format(score, &out);
		assert_true(nv_score_parse(out.data, out.len, &back));
		assert_memory_equal(&back, &score, sizeof(score));
		(void)snprintf(longest, sizeof(longest), "%.17g", score);
		assert_true(nv_score_parse(longest, strlen(longest), &back));
		assert_memory_equal(&back, &score, sizeof(score));
		assert_true(out.len <= strlen(longest));
	}
}

static void test_read(void **state)
{
	(void)state;
	codec_assert_reads(&codec_zset, "10 bob\n2.50 ann b\n\n", "10 bob\n2.5 ann b\n");
	codec_assert_reads(&codec_zset, "1 bob\n2 bob\n", "2 bob\n");
	codec_assert_reads(&codec_zset, "0 \\e\n", "0 \\e\n");
}

static void test_refused(void **state)
{
	(void)state;
	codec_assert_refuses(&codec_zset, "bob 1\n", 6, 1, 1, 1, "not a decimal number");
	codec_assert_refuses(&codec_zset, " 1\n", 3, 1, 1, 3, "the member is missing");
	codec_assert_refuses(&codec_zset, "1 a\nx \\q\n", 9, 2, 2, 1, "not a decimal number");
}

static void make_zset(struct chance *chance, struct nv_zset *zset)
{
	for (size_t count = chance_below(chance, 8); count > 0; count--) {
		cleanup_buf struct nv_buf member = NV_BUF_INIT;

		chance_bytes(chance, 5, &member);
		assert_int_equal(nv_zset_add(zset, (double)(int)chance_below(chance, 100) / 8 - 3,
		                             member.data, member.len, 0),
		                 0);
	}
	nv_zset_sort(zset);
}

static void make_text(struct chance *chance, struct nv_buf *out)
{
	cleanup_zset struct nv_zset zset = NV_ZSET_INIT;

	make_zset(chance, &zset);
	nv_zset_format(&zset, out);
	nv_buf_reserve(out, 0);
}

/* Each differs from all others in one thing. */
static void test_equal(void **state)
{
	static const char *const texts[] = { "", "0 a\n", "-0 a\n", "0 b\n", "0 a\n0 b\n" };
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < COUNT; k++) {
			struct nv_zset a = { 0 };
			struct nv_zset b = { 0 };

			assert_int_equal(nv_zset_parse(texts[i], strlen(texts[i]), &a, NULL), 0);
			assert_int_equal(nv_zset_parse(texts[k], strlen(texts[k]), &b, NULL), 0);
			assert_int_equal(nv_zset_equal(&a, &b), i == k);
			nv_zset_release(&a);
			nv_zset_release(&b);
		}
	}
}

static void test_random_round_trip(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_zset struct nv_zset zset = NV_ZSET_INIT;
		cleanup_zset struct nv_zset back = NV_ZSET_INIT;

		make_zset(&chance, &zset);
		nv_zset_format(&zset, &text);
		nv_buf_reserve(&text, 0);
		assert_int_equal(nv_zset_parse(text.data, text.len, &back, NULL), 0);
		assert_true(nv_zset_equal(&zset, &back));
	}
}

static void test_random_texts(void **state)
{
	(void)state;
	codec_try_mutations(&codec_zset, make_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_score),
		cmocka_unit_test(test_score_refused),
		cmocka_unit_test(test_random_scores),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("zset", tests, NULL, NULL);
}
