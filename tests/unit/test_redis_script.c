/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis/script.h"
#include "redis/sha1.h"

static void assert_sha1(const void *data, size_t size, const char *want)
{
	char got[41];

	nv_sha1_hex(data, size, got);
	assert_string_equal(got, want);
}

static void test_sha1_of_known_texts(void **state)
{
	(void)state;
	assert_sha1("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	assert_sha1("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
	            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	assert_sha1("return 1", 8, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");

	char *million = malloc(1000000);

	assert_non_null(million);
	memset(million, 'a', 1000000);
	assert_sha1(million, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	free(million);
}

/* The lengths around the padding's edge, by sha1sum of so many 'x'. */
static void test_sha1_at_the_edges_of_a_block(void **state)
{
	static const struct {
		size_t size;
		const char *sha1;
	} edges[] = {
		{ 54, "31045e7bb077ff8d188a776b196b980388735dbb" },
		{ 55, "cef734ba81a024479e09eb5a75b6ddae62e6abf1" },
		{ 56, "901305367c259952f4e7af8323f480d59f81335b" },
		{ 57, "025ecbd5d70f8fb3c5457cd96bab13fda305dc59" },
		{ 63, "0ddc4e0cccd9a12850deb5abb0853a4425559fec" },
		{ 64, "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163" },
		{ 65, "78c741ddc482e4cdf8c474a0876347a0905b6233" },
		{ 119, "4300320394f7ee239bcdce7d3b8bcee173a0cd5c" },
		{ 120, "ceb2821639c4b6dcb10bce0e522ca2e608ce056d" },
		{ 128, "150fa3fbdc899bd0b8f95a9fb6027f564d953762" },
	};
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		assert_sha1(text, edges[i].size, edges[i].sha1);
	}
}

static void test_a_script_is_named_by_its_text(void **state)
{
	struct nv_redis_script *script = NULL;

	(void)state;
	assert_int_equal(nv_redis_script_new("return 1", 8, &script), 0);
	assert_string_equal(nv_redis_script_sha1(script),
	                    "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
	nv_redis_script_free(script);
	nv_redis_script_free(NULL);
}

static void test_arguments_are_bytes(void **state)
{
	static const char want[] =
		"$3\r\na\0b\r\n$0\r\n\r\n$20\r\n-9223372036854775808\r\n$1\r\nz\r\n";
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;

	(void)state;
	nv_redis_args_add(&args, "a\0b", 3);
	nv_redis_args_add(&args, "", 0);
	nv_redis_args_integer(&args, INT64_MIN);
	nv_redis_args_text(&args, "z");
	assert_int_equal(args.count, 4);
	assert_int_equal(args.bytes.len, sizeof(want) - 1);
	assert_memory_equal(args.bytes.data, want, sizeof(want) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha1_of_known_texts),
		cmocka_unit_test(test_sha1_at_the_edges_of_a_block),
		cmocka_unit_test(test_a_script_is_named_by_its_text),
		cmocka_unit_test(test_arguments_are_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
