/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the suites of the codecs share. Include after cmocka.h.
 */
#ifndef NV_TESTS_UNIT_CODEC_TEST_H
#define NV_TESTS_UNIT_CODEC_TEST_H

#include "../codec_property.h"

enum { CODEC_ROUNDS = 10000 };

/* Prints the text of a failed property as C would write it. */
static inline void codec_print(const char *text, size_t size)
{
	printf("# \"");
	for (size_t i = 0; i < size; i++) {
		if (text[i] >= ' ' && text[i] < 0x7F && text[i] != '"' && text[i] != '\\') {
			printf("%c", text[i]);
		} else {
			printf("\\%03o", (unsigned char)text[i]);
		}
	}
	printf("\"\n");
}

static inline void codec_assert_holds(const struct codec *codec, const char *text, size_t size)
{
	const char *violation = codec_violation(codec, text, size);

	if (violation) {
		codec_print(text, size);
		fail_msg("%s", violation);
	}
}

/* Mutates what make_text appends, CODEC_ROUNDS times, and asserts the properties. */
static inline void codec_try_mutations(const struct codec *codec,
                                       void (*make_text)(struct chance *chance, struct nv_buf *out))
{
	struct chance chance = chance_start();
	size_t good = 0;

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		struct nv_buf ignored = NV_BUF_INIT;

		if (chance_below(&chance, 8) == 0) {
			chance_bytes(&chance, 80, &text);
		} else {
			make_text(&chance, &text);
			chance_mutate(&chance, &text);
		}
		nv_buf_reserve(&text, 0);
		codec_assert_holds(codec, text.data, text.len);
		good += codec->normal(text.data, text.len, &ignored, NULL) == 0;
		nv_buf_release(&ignored);
	}
	/* Else the mutations say nothing about one of the two. */
	assert_in_range(good, CODEC_ROUNDS / 100, CODEC_ROUNDS - CODEC_ROUNDS / 100);
}

/* Asserts that format(parse(text)) is the expected text. */
static inline void codec_assert_reads(const struct codec *codec, const char *text,
                                      const char *expected)
{
	struct nv_faults faults = NV_FAULTS_INIT;
	struct nv_buf out = NV_BUF_INIT;

	if (codec->normal(text, strlen(text), &out, &faults) != 0) {
		fail_msg("refused: %s", faults.items[0].reason);
	}
	nv_buf_reserve(&out, 0);
	assert_string_equal(out.data, expected);
	codec_assert_holds(codec, text, strlen(text));
	nv_buf_release(&out);
}

/* Asserts that the text is refused with count faults, the first at this place and with this in
 * its reason. */
static inline void codec_assert_refuses(const struct codec *codec, const char *text, size_t size,
                                        size_t count, size_t line, size_t column,
                                        const char *reason)
{
	struct nv_faults faults = NV_FAULTS_INIT;
	struct nv_buf out = NV_BUF_INIT;

	assert_int_equal(codec->normal(text, size, &out, &faults), -EINVAL);
	if (!strstr(faults.items[0].reason, reason)) {
		fail_msg("another reason: %s", faults.items[0].reason);
	}
	assert_int_equal(faults.count, count);
	assert_int_equal(faults.items[0].line, line);
	assert_int_equal(faults.items[0].column, column);
	codec_assert_holds(codec, text, size);
	nv_faults_release(&faults);
	nv_buf_release(&out);
}

#endif
