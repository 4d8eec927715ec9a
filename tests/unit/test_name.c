/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strmap.h"
#include "base/utf8.h"
#include "codec_test.h"
#include "node/name.h"

static void assert_encodes(const char *name, size_t size, const char *suffix, unsigned flags,
                           const char *expected)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	cleanup_buf struct nv_buf back = NV_BUF_INIT;
	bool cut = true;

	nv_name_encode(&out, name, size, suffix, flags, &cut);
	assert_string_equal(out.data, expected);
	assert_false(cut);
	assert_int_equal(nv_name_decode(out.data, out.len - strlen(suffix), &back, &cut), 0);
	assert_false(cut);
	assert_int_equal(back.len, size);
	assert_memory_equal(back.data ? back.data : "", name, size);
}

static void test_encode(void **state)
{
	(void)state;
	assert_encodes("www", 3, ".A.json", 0, "www.A.json");
	assert_encodes("www.example.net", 15, "", 0, "www.example.net");
	assert_encodes("", 0, "", 0, "%");
	assert_encodes("", 0, ".json", 0, "%.json");
	assert_encodes("%", 1, "", 0, "%25");
	assert_encodes("a/b%c~d", 7, "", 0, "a%2Fb%25c%7Ed");
	assert_encodes("\0\n\x7f", 3, "", 0, "%00%0A%7F");
	assert_encodes(".", 1, "", 0, "%2E");
	assert_encodes("..", 2, "", 0, "%2E.");
	assert_encodes("-rf", 3, "", 0, "%2Drf");
	assert_encodes("a-b.c", 5, "", 0, "a-b.c");
	assert_encodes("\xc3\xa9\xff\xed\xa0\x80", 6, "", 0, "\xc3\xa9%FF%ED%A0%80");
	assert_encodes("A.B", 3, "", NV_NAME_DOTS, "A%2EB");
	assert_encodes("[lan]a b", 8, "", 0, "[lan]a b");
}

static void test_encode_scratch(void **state)
{
	(void)state;
	assert_encodes("notes.tmp", 9, "", NV_NAME_ANYNAME, "%6Eotes%2Etmp");
	assert_encodes("notes.txt", 9, "", NV_NAME_ANYNAME, "notes.txt");
	assert_encodes("4913", 4, "", NV_NAME_ANYNAME, "%34913");
	assert_encodes("sedAbC_12", 9, "", NV_NAME_ANYNAME, "%73edAbC_12");
	assert_encodes("#a.b#", 5, "", NV_NAME_ANYNAME, "%23a%2Eb#");
	assert_encodes("\xc3\xa9.bak", 6, "", NV_NAME_ANYNAME, "%C3%A9%2Ebak");
	assert_encodes("/x.bak", 6, "", NV_NAME_ANYNAME, "%2Fx%2Ebak");
	assert_encodes("note~", 5, "", NV_NAME_ANYNAME, "note%7E");
	/* Elsewhere a suffix keeps it apart. */
	assert_encodes("notes.tmp", 9, ".json", 0, "notes.tmp.json");
}

static void test_cut(void **state)
{
	char name[400];
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	cleanup_buf struct nv_buf back = NV_BUF_INIT;
	bool cut = false;

	(void)state;
	memset(name, 'a', sizeof(name));
	nv_name_encode(&out, name, 240, "", 0, &cut);
	assert_false(cut);
	assert_int_equal(out.len, 240);
	nv_buf_truncate(&out, 0);
	nv_name_encode(&out, name, 236, ".json", 0, &cut);
	assert_true(cut);
	assert_int_equal(out.len, 240);
	assert_memory_equal(out.data, name, 240 - 5 - 17);
	assert_int_equal(out.data[240 - 5 - 17], '~');
	assert_string_equal(out.data + 235, ".json");
	assert_int_equal(nv_name_decode(out.data, 235, &back, &cut), 0);
	assert_true(cut);
	assert_int_equal(back.len, 240 - 5 - 17);
	/* Never inside a character or an escape. */
	memcpy(name + 222, "\xe2\x82\xac", 3);
	nv_buf_truncate(&out, 0);
	nv_name_encode(&out, name, 300, "", 0, &cut);
	assert_true(cut);
	assert_int_equal(out.len, 222 + 17);
	name[222] = '/';
	nv_buf_truncate(&out, 0);
	nv_name_encode(&out, name, 300, "", 0, &cut);
	assert_int_equal(out.len, 222 + 17);
	/* The hash is part of every path that users keep: it must never change. */
	assert_string_equal(out.data + 222, "~98fc3c6d79e16aa6");
}

static void test_decode(void **state)
{
	static const char *const bad[] = { "",
		                           "%2",
		                           "%g0",
		                           "%%",
		                           "a%",
		                           "a~b",
		                           "~",
		                           "a~0123456789ABCDEF",
		                           "a~A123456789abcdef",
		                           "a~0123456789abcdeg" };
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bool cut = true;

	(void)state;
	assert_int_equal(nv_name_decode("%77w%2fw", 8, &out, &cut), 0);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.data, "ww/w", 4);
	assert_false(cut);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(nv_name_decode(bad[i], strlen(bad[i]), &out, &cut), -EINVAL);
		assert_int_equal(out.len, 4);
	}
	assert_int_equal(nv_name_decode("a~b~0123456789abcdef", 20, &out, &cut), -EINVAL);
	assert_int_equal(nv_name_decode("x~0123456789abcdef", 18, &out, &cut), 0);
	assert_true(cut);
	assert_int_equal(out.len, 5);
}

static void test_split_id(void **state)
{
	size_t name_size = 99;
	size_t id_size = 99;
	const char *id = NULL;

	(void)state;
	assert_true(nv_name_split_id("www~64b0", 8, &name_size, &id, &id_size));
	assert_int_equal(name_size, 3);
	assert_int_equal(id_size, 4);
	assert_memory_equal(id, "64b0", 4);
	assert_true(nv_name_split_id("a~b~c", 5, &name_size, &id, &id_size));
	assert_int_equal(name_size, 3);
	assert_true(nv_name_split_id("~", 1, &name_size, &id, &id_size));
	assert_int_equal(name_size, 0);
	assert_int_equal(id_size, 0);
	assert_false(nv_name_split_id("www", 3, &name_size, &id, &id_size));
}

static void test_scratch(void **state)
{
	static const char *const scratch[] = {
		".x.swp",     ".",         ".www.A.json.Xa12_b",
		"x~",         "#x#",       "##",
		"4913",       "5036",      "5159",
		"5282",       "5405",      "sedabcDEF",
		"sed_0aAZ9",  "tmpabcdef", "tmpabcdefghij",
		"XXabcd1234", "XXcIGJL0", "a.o1b2C3_", "a.tmp",
		"a.lock",     "a.bak",     "a.orig",
		"a.rej",
	};
	static const char *const real[] = {
		"x",          "#",           "#x",       "x#",
		"4914",       "5528",        "49130",    "sedabcde",
		"sedabcdefg", "sed-abcde",   "tmpabcde", "tmpabcdefghijk",
		"XXabcd123",  "XXabcde", "XXabcd12345", "a.o1b2C3", "a.o1b2C3_4",
		"a.o1b-C3_",  "tmp",         "bak",      "records",
		"www.A.json",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++) {
		assert_true(nv_name_is_scratch(scratch[i], false));
		assert_int_equal(nv_name_is_scratch(scratch[i], true), scratch[i][0] == '.');
	}
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
		assert_false(nv_name_is_scratch(real[i], false));
		assert_false(nv_name_is_scratch(real[i], true));
	}
}

/* A name of any bytes, often one that looks like what tools make, or is long. */
static void make_name(struct chance *chance, struct nv_buf *out)
{
	static const char *const starts[] = {
		"sed", "tmp", "XX", "4913", "#", ".", "-", "", "", ""
	};
	static const char *const ends[] = { ".tmp", ".bak", "~", "#", ".o123456", "", "", "" };

	nv_buf_puts(out, starts[chance_below(chance, sizeof(starts) / sizeof(starts[0]))]);
	if (chance_below(chance, 2) == 0) {
		chance_bytes(chance, 10, out);
	} else {
		for (size_t count = chance_below(chance, 11); count > 0; count--) {
			nv_buf_putc(out, (char)('a' + chance_below(chance, 26)));
		}
	}
	if (chance_below(chance, 4) == 0) {
		/* Long ones share their beginning, so that only the hash keeps them apart. */
		for (size_t count = 80; count > 0; count--) {
			nv_buf_puts(out, "a\xc3\xa9/");
		}
		chance_bytes(chance, 10, out);
	}
	nv_buf_puts(out, ends[chance_below(chance, sizeof(ends) / sizeof(ends[0]))]);
	nv_buf_reserve(out, 0);
}

static void assert_component(const struct nv_buf *path, unsigned flags)
{
	assert_in_range(path->len, 1, NV_NAME_CUT);
	assert_true(nv_utf8_valid(path->data, path->len));
	assert_int_equal(strlen(path->data), path->len);
	assert_null(strchr(path->data, '/'));
	assert_true(path->data[0] != '.' && path->data[0] != '-');
	assert_false((flags & NV_NAME_ANYNAME) != 0 && nv_name_is_scratch(path->data, false));
	assert_false(nv_name_is_scratch(path->data, true));
	for (size_t i = 0; i < path->len; i++) {
		assert_true((unsigned char)path->data[i] >= ' ' && path->data[i] != 0x7F);
	}
}

static void try_name(const struct nv_buf *name, unsigned flags, struct nv_strmap *seen)
{
	cleanup_buf struct nv_buf path = NV_BUF_INIT;
	cleanup_buf struct nv_buf back = NV_BUF_INIT;
	struct nv_bytes *copy = calloc(1, sizeof(*copy));
	struct nv_bytes *same;
	bool cut;
	bool decoded_cut;
	void *old = NULL;

	assert_non_null(copy);
	nv_name_encode(&path, name->data, name->len, "", flags, &cut);
	assert_component(&path, flags);
	assert_int_equal(nv_name_decode(path.data, path.len, &back, &decoded_cut), 0);
	assert_int_equal(cut, decoded_cut);
	nv_buf_reserve(&back, 0);
	assert_true(cut ? back.len < name->len : back.len == name->len);
	assert_memory_equal(back.data, name->data, back.len);
	same = nv_strmap_get(seen, path.data, path.len);
	if (same) {
		/* One path, one name. */
		assert_int_equal(same->size, name->len);
		assert_memory_equal(same->data, name->data, name->len);
		free(copy);
		return;
	}
	assert_int_equal(nv_bytes_copy(copy, name->data, name->len), 0);
	assert_int_equal(nv_strmap_set(seen, path.data, path.len, copy, &old), 0);
	assert_null(old);
}

static void free_bytes(void *value)
{
	nv_bytes_release(value);
	free(value);
}

static void test_random_names(void **state)
{
	static const unsigned kinds[] = { 0, NV_NAME_ANYNAME, NV_NAME_DOTS };
	struct chance chance = chance_start();

	(void)state;
	for (size_t kind = 0; kind < 3; kind++) {
		struct nv_strmap *seen = nv_strmap_new();

		assert_non_null(seen);
		for (int round = 0; round < CODEC_ROUNDS; round++) {
			cleanup_buf struct nv_buf name = NV_BUF_INIT;

			make_name(&chance, &name);
			try_name(&name, kinds[kind], seen);
		}
		assert_true(nv_strmap_count(seen) > CODEC_ROUNDS / 2);
		nv_strmap_free(seen, free_bytes);
	}
}

/* What users type may be anything: no crash, and what is taken has a canonical spelling that
 * means the same. */
static void test_random_spellings(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf typed = NV_BUF_INIT;
		cleanup_buf struct nv_buf name = NV_BUF_INIT;
		cleanup_buf struct nv_buf path = NV_BUF_INIT;
		cleanup_buf struct nv_buf again = NV_BUF_INIT;
		bool cut;

		make_name(&chance, &typed);
		if (nv_name_decode(typed.data, typed.len, &name, &cut) != 0 || cut) {
			continue;
		}
		nv_name_encode(&path, name.data ? name.data : "", name.len, "", NV_NAME_ANYNAME,
		               &cut);
		if (!cut) {
			assert_int_equal(nv_name_decode(path.data, path.len, &again, NULL), 0);
			assert_int_equal(again.len, name.len);
			assert_memory_equal(again.data ? again.data : "",
			                    name.data ? name.data : "", name.len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),       cmocka_unit_test(test_encode_scratch),
		cmocka_unit_test(test_cut),          cmocka_unit_test(test_decode),
		cmocka_unit_test(test_split_id),     cmocka_unit_test(test_scratch),
		cmocka_unit_test(test_random_names), cmocka_unit_test(test_random_spellings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
