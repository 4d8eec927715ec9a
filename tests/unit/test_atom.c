/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "codec_test.h"

static void assert_formats(enum nv_atom_kind kind, const char *data, size_t size,
                           const char *expected)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	nv_atom_format(&out, kind, data, size);
	assert_int_equal(nv_buf_error(&out), 0);
	assert_string_equal(out.data, expected);
}

static void test_format(void **state)
{
	(void)state;
	assert_formats(NV_ATOM_PLAIN, "v=spf1 -all", 11, "v=spf1 -all");
	assert_formats(NV_ATOM_PLAIN, "", 0, "\\e");
	assert_formats(NV_ATOM_PLAIN, " a  b ", 6, "\\x20a  b\\x20");
	assert_formats(NV_ATOM_PLAIN, " ", 1, "\\x20");
	assert_formats(NV_ATOM_PLAIN, "  ", 2, "\\x20\\x20");
	assert_formats(NV_ATOM_PLAIN, "   ", 3, "\\x20 \\x20");
	assert_formats(NV_ATOM_PLAIN, "a\\b\nc\td", 7, "a\\\\b\\nc\\td");
	assert_formats(NV_ATOM_PLAIN, "\0\r\x1b\x7f", 4, "\\x00\\x0D\\x1B\\x7F");
	assert_formats(NV_ATOM_PLAIN, "\xc3\xa9\xff\xc3(\xed\xa0\x80", 8,
	               "\xc3\xa9\\xFF\\xC3(\\xED\\xA0\\x80");
	assert_formats(NV_ATOM_PLAIN, "a: b:", 5, "a: b:");
	assert_formats(NV_ATOM_WORD, " a b ", 5, "\\x20a\\x20b\\x20");
	assert_formats(NV_ATOM_WORD, "a:", 2, "a:");
	assert_formats(NV_ATOM_KEY, "aa:bb:cc", 8, "aa:bb:cc");
	assert_formats(NV_ATOM_KEY, "a: b", 4, "a\\: b");
	assert_formats(NV_ATOM_KEY, "a:", 2, "a\\:");
	assert_formats(NV_ATOM_KEY, "a::", 3, "a:\\:");
	assert_formats(NV_ATOM_KEY, ": ", 2, "\\:\\x20");
	assert_formats(NV_ATOM_KEY, ":\t", 2, ":\\t");
}

static void test_parse(void **state)
{
	(void)state;
	codec_assert_reads(&codec_atom, "\\x41\\x6a\\xff\\xFf", "Aj\\xFF\\xFF");
	codec_assert_reads(&codec_atom, "a\tb", "a\\tb");
	codec_assert_reads(&codec_atom, "\\x41", "A");
	codec_assert_reads(&codec_atom, "\\e", "\\e");
	codec_assert_reads(&codec_atom, "\\\\e", "\\\\e");
	codec_assert_reads(&codec_atom, "\\xC3\\xA9", "\xc3\xa9");
	codec_assert_reads(&codec_atom, "---", "---");
	codec_assert_reads(&codec_key, "a\\:b", "a:b");
}

static void test_refused(void **state)
{
	(void)state;
	codec_assert_refuses(&codec_atom, "", 0, 1, 1, 1, "\\e");
	codec_assert_refuses(&codec_atom, "ab\\q", 4, 1, 1, 3, "\\q is no escape");
	codec_assert_refuses(&codec_atom, "ab\\", 3, 1, 1, 3, "a backslash ends");
	codec_assert_refuses(&codec_atom, "\\x4", 3, 1, 1, 1, "two hexadecimal digits");
	codec_assert_refuses(&codec_atom, "\\xg0", 4, 1, 1, 1, "two hexadecimal digits");
	codec_assert_refuses(&codec_atom, "\\X41", 4, 1, 1, 1, "\\X is no escape");
	codec_assert_refuses(&codec_atom, "a\\e", 3, 1, 1, 2, "stands alone");
	codec_assert_refuses(&codec_atom, "a\\:", 3, 1, 1, 2, "keys only");
	codec_assert_refuses(&codec_atom, "\\\xc3\xa9", 3, 1, 1, 1, "no such escape");
	codec_assert_refuses(&codec_atom, "a\x80", 2, 1, 1, 2, "0x80 is not UTF-8");
	codec_assert_refuses(&codec_atom, "\\\x80", 2, 2, 1, 1, "no such escape");
	codec_assert_refuses(&codec_key, "\\q", 2, 1, 1, 1, "\\xHH \\: (");
	codec_assert_refuses(&codec_atom, "\\q", 2, 1, 1, 1, "\\xHH (");
	codec_assert_refuses(&codec_atom, "a\0b", 3, 1, 1, 2, "control byte 0x00");
	codec_assert_refuses(&codec_atom, "a\rb", 3, 1, 1, 2, "DOS line ends?");
	codec_assert_refuses(&codec_atom, "a\xe9t\xe9", 4, 2, 1, 2, "0xE9 is not UTF-8");
	codec_assert_refuses(&codec_atom, "a\xff\xfe\xfd", 4, 1, 1, 2, "0xFF");
}

/* parse(format(bytes)) is bytes, and what was written keeps the rules that the line formats rely
 * on. */
static void try_round_trip(struct chance *chance, enum nv_atom_kind kind)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	cleanup_buf struct nv_buf back = NV_BUF_INIT;

	chance_bytes(chance, chance_below(chance, 50) == 0 ? 300 : 12, &bytes);
	nv_atom_format(&text, kind, bytes.data, bytes.len);
	assert_int_equal(nv_atom_parse(&back, kind, text.data, text.len, 1, 1, NULL), 0);
	assert_int_equal(back.len, bytes.len);
	assert_memory_equal(back.data ? back.data : "", bytes.data, bytes.len);
	assert_true(text.len > 0 && text.data[0] != ' ' && text.data[text.len - 1] != ' ');
	assert_true(nv_utf8_valid(text.data, text.len));
	for (size_t i = 0; i < text.len; i++) {
		assert_true((unsigned char)text.data[i] >= ' ' && text.data[i] != 0x7F);
		assert_false(kind == NV_ATOM_WORD && text.data[i] == ' ');
	}
}

static void test_random_round_trip(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		try_round_trip(&chance, NV_ATOM_PLAIN);
		try_round_trip(&chance, NV_ATOM_WORD);
		try_round_trip(&chance, NV_ATOM_KEY);
	}
}

static void make_atom(struct chance *chance, struct nv_buf *out)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;

	chance_bytes(chance, 12, &bytes);
	nv_atom_format(out, NV_ATOM_PLAIN, bytes.data, bytes.len);
}

static void test_random_texts(void **state)
{
	(void)state;
	codec_try_mutations(&codec_atom, make_atom);
	codec_try_mutations(&codec_word, make_atom);
	codec_try_mutations(&codec_key, make_atom);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),       cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),      cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("atom", tests, NULL, NULL);
}
