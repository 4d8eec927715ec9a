/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON codec on random documents and random texts.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

#include "../bson_random.h"
#include "../json_property.h"
#include "codec_test.h"

static void print_document(const bson_t *doc)
{
	printf("# bson:");
	for (uint32_t i = 0; i < doc->len; i++) {
		printf(" %02x", bson_get_data(doc)[i]);
	}
	printf("\n");
}

/* How many of the random documents had no plain text. */
static size_t try_documents(unsigned flags)
{
	struct chance chance = chance_start();
	size_t opaque = 0;

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *doc = random_document(&chance, flags);
		int shown = 0;

		assert_non_null(doc);
		const char *violation = json_document_violation(doc, false, &shown);

		opaque += shown == NV_JSON_OPAQUE;
		if (violation) {
			print_document(doc);
			fail_msg("%s", violation);
		}
	}
	return opaque;
}

static void test_plain_documents_survive_as_text(void **state)
{
	(void)state;
	assert_int_equal(try_documents(0), 0);
}

static void test_odd_documents_survive_too(void **state)
{
	(void)state;
	size_t opaque = try_documents(RANDOM_ODD);

	assert_in_range(opaque, CODEC_ROUNDS / 50, CODEC_ROUNDS - CODEC_ROUNDS / 50);
}

/* A byte changed anywhere: nothing is read outside the document, and what is still well-formed
 * survives. */
static void test_damaged_documents_are_shown(void **state)
{
	(void)state;
	struct chance chance = chance_start();
	size_t sound = 0;

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *doc = random_document(&chance, RANDOM_ODD);
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
		int shown = 0;

		nv_buf_append(&bytes, bson_get_data(doc), doc->len);
		bytes.data[4 + chance_below(&chance, bytes.len - 4)] = (char)chance_next(&chance);
		bson_t damaged;

		if (!bson_init_static(&damaged, (const uint8_t *)bytes.data, bytes.len)) {
			continue;
		}
		bool is_sound = nv_raw_check((const uint8_t *)bytes.data, bytes.len) == 0;
		const char *violation = json_document_violation(&damaged, !is_sound, &shown);

		sound += is_sound;
		assert_true(is_sound || shown == NV_JSON_OPAQUE);
		if (violation) {
			print_document(&damaged);
			fail_msg("%s", violation);
		}
	}
	assert_in_range(sound, CODEC_ROUNDS / 100, CODEC_ROUNDS - CODEC_ROUNDS / 100);
}

static void test_values_survive_as_text(void **state)
{
	(void)state;
	struct chance chance = chance_start();

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *doc = random_document(&chance, RANDOM_ODD);
		bson_iter_t iter;

		assert_true(bson_iter_init(&iter, doc));
		while (bson_iter_next(&iter)) {
			cleanup_buf struct nv_buf text = NV_BUF_INIT;
			cleanup_buf struct nv_buf expected = NV_BUF_INIT;
			struct nv_raw_elem elem;
			cleanup_bson bson_t *value = NULL;

			assert_true(nv_json_format_value(&iter, &text) >= 0);
			if (nv_json_parse_value(text.data, text.len, NV_JSON_ALLOW_BSON, &value,
			                        NULL) != 0) {
				codec_print(text.data, text.len);
				fail_msg("the text of a value is refused");
			}
			assert_int_equal(nv_raw_value_of(&iter, &expected, &elem), 0);
			assert_true(json_is(value, (const uint8_t *)expected.data, expected.len));
		}
	}
}

/* Our plain texts are Extended JSON v2: libbson reads the same from them, where it can read them.
 */
static void test_texts_are_extended_json(void **state)
{
	(void)state;
	struct chance chance = chance_start();
	size_t compared = 0;

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_bson bson_t *doc = random_document(&chance, RANDOM_CLEAN);
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		bson_error_t error;

		assert_int_equal(nv_json_format(doc, 0, &text), 0);
		/* its reader mistakes these inside arrays, and takes no date past 9999 */
		if (strstr(text.data, "$code") || strstr(text.data, "$dbPointer") ||
		    strstr(text.data, "\"$date\":{")) {
			continue;
		}
		cleanup_bson bson_t *theirs =
			bson_new_from_json((const uint8_t *)text.data, (ssize_t)text.len, &error);

		if (!theirs || !nv_bson_equal(doc, theirs)) {
			codec_print(text.data, text.len);
			fail_msg("libbson reads it otherwise: %s", theirs ? "" : error.message);
		}
		compared++;
	}
	assert_true(compared > CODEC_ROUNDS / 4);
}

static void make_text(struct chance *chance, struct nv_buf *out)
{
	cleanup_bson bson_t *doc = random_document(chance, 0);

	assert_true(nv_json_format(doc, (unsigned)chance_below(chance, 2), out) >= 0);
}

/* Swaps a piece for one that the grammar cares about. */
static void graft(struct chance *chance, struct nv_buf *out)
{
	static const char *const pieces[] = { "{",
		                              "}",
		                              "[",
		                              "]",
		                              ",",
		                              ":",
		                              "\"",
		                              "1",
		                              "-0",
		                              "1e5",
		                              "0.5",
		                              "1e999",
		                              "99999999999999999999",
		                              "null",
		                              "true",
		                              "fals",
		                              "{}",
		                              "[]",
		                              "{\"$oid\":\"64b000000000000000000001\"}",
		                              "\"$date\"",
		                              "{\"$literal\":{\"$oid\":1}}",
		                              "{\"$numberLong\":\"5\"}",
		                              "\\ud83d",
		                              "\\ude00",
		                              "\\u0000",
		                              "NaN",
		                              "\"$scope\":{},",
		                              "{\"$code\":\"x\"}",
		                              "{\"$bson\":\"BQAAAAA=\"}",
		                              "\n",
		                              "\t",
		                              "//",
		                              "'" };
	cleanup_buf struct nv_buf tail = NV_BUF_INIT;
	size_t at = chance_below(chance, out->len + 1);
	size_t drop = at + chance_below(chance, 8);

	if (drop < out->len) {
		nv_buf_append(&tail, out->data + drop, out->len - drop);
	}
	nv_buf_truncate(out, at);
	nv_buf_puts(out, pieces[chance_below(chance, sizeof(pieces) / sizeof(pieces[0]))]);
	nv_buf_append(out, tail.data ? tail.data : "", tail.len);
}

static void test_random_texts(void **state)
{
	(void)state;
	struct chance chance = chance_start();
	size_t taken = 0;

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		bool good = false;

		make_text(&chance, &text);
		for (size_t changes = 1 + chance_below(&chance, 3); changes > 0; changes--) {
			if (chance_below(&chance, 2)) {
				graft(&chance, &text);
			} else {
				chance_mutate(&chance, &text);
			}
		}
		nv_buf_reserve(&text, 0);
		const char *violation =
			json_violation(text.data, text.len,
		                       chance_below(&chance, 2) ? NV_JSON_ALLOW_BSON : 0, &good);

		taken += good;
		if (violation) {
			codec_print(text.data, text.len);
			fail_msg("%s", violation);
		}
	}
	/* else the mutations say nothing about one of the two */
	assert_in_range(taken, CODEC_ROUNDS / 100, CODEC_ROUNDS - CODEC_ROUNDS / 100);
}

/* Every double's text reads back, is what strtod reads, and no shorter text does. */
static void test_doubles_have_their_shortest_text(void **state)
{
	(void)state;
	struct chance chance = chance_start();

	for (int round = 0; round < CODEC_ROUNDS; round++) {
		uint64_t bits = chance_next(&chance);
		double value = 0;
		cleanup_buf struct nv_buf text = NV_BUF_INIT;

		memcpy(&value, &bits, sizeof(value));
		if (round % 2) {
			value = (double)(int64_t)(bits >> 20) / (double)(1 + bits % 1000);
		}
		if (value != value || value - value != 0 || (value == 0 && round % 2 == 0)) {
			continue; /* NaN, infinities and zeros have other tests */
		}
		bson_t doc = BSON_INITIALIZER;

		assert_true(BSON_APPEND_DOUBLE(&doc, "a", value));
		assert_int_equal(nv_json_format(&doc, NV_JSON_COMPACT, &text), 0);
		bson_destroy(&doc);
		assert_true(strtod(text.data + 5, NULL) == value);
		assert_true(strpbrk(text.data + 5, ".e") != NULL);

		char shorter[64];
		size_t digits = 0;

		for (const char *c = text.data + 5; *c && *c != 'e'; c++) {
			digits += (*c >= '1' && *c <= '9') || (*c == '0' && digits > 0);
		}
		for (const char *c = text.data + strcspn(text.data, "e}") - 1;
		     *c == '0' || *c == '.'; c--) {
			digits -= *c == '0';
		}
		if (digits > 1) {
			(void)snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, value);
			assert_true(strtod(shorter, NULL) != value);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_documents_survive_as_text),
		cmocka_unit_test(test_odd_documents_survive_too),
		cmocka_unit_test(test_damaged_documents_are_shown),
		cmocka_unit_test(test_values_survive_as_text),
		cmocka_unit_test(test_texts_are_extended_json),
		cmocka_unit_test(test_random_texts),
		cmocka_unit_test(test_doubles_have_their_shortest_text),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json_property", tests, NULL, NULL);
}
