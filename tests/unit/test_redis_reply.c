/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "redis/decode.h"
#include "redis/info.h"
#include "redis/reply.h"

static struct nv_redis_reply text_reply(enum nv_redis_type type, const char *text)
{
	return (struct nv_redis_reply){ .type = type, .data = text, .size = strlen(text) };
}

struct mapping {
	const char *text;
	int errnum;
	const char *shown; /* part of the message */
};

static const struct mapping mappings[] = {
	{ "OOM command not allowed when used memory > 'maxmemory'.", ENOSPC, "maxmemory" },
	{ "MISCONF Redis is configured to save RDB snapshots, but", ENOSPC, "disk" },
	{ "READONLY You can't write against a read only replica.", EROFS, "replica" },
	{ "NOAUTH Authentication required.", EACCES, "password" },
	{ "WRONGPASS invalid username-password pair or user is disabled.", EACCES, "password" },
	{ "NOPERM this user has no permissions to run the 'get' command", EACCES, "'get'" },
	{ "LOADING Redis is loading the dataset in memory", EIO, "loading" },
	{ "BUSY Redis is busy running a script.", EIO, "busy" },
	{ "MASTERDOWN Link with MASTER is down", EIO, "master" },
	{ "MOVED 3999 10.0.0.1:6381", EIO, "Cluster" },
	{ "ASK 3999 10.0.0.1:6381", EIO, "Cluster" },
	{ "CLUSTERDOWN The cluster is down", EIO, "Cluster" },
	{ "CROSSSLOT Keys in request don't hash to the same slot", EIO, "Cluster" },
	{ "WRONGTYPE Operation against a key holding the wrong kind of value", EIO, "type" },
	{ "ERR unknown command 'x'", EIO, "unknown command" },
	{ "OOMPH is no code", EIO, "OOMPH" },
	{ "", EIO, "" },
	/* What a script's command raised: in the words of Redis 6, and of 7. */
	{ "ERR Error running script (call to f_89ab): @user_script:1: WRONGTYPE Operation against a key",
	  EIO, "another type" },
	{ "ERR Error running script (call to f_89ab): @user_script: 12: -OOM command not allowed",
	  ENOSPC, "maxmemory" },
	{ "ERR Error running script (call to f_89ab): @user_script:3: -READONLY You can't write",
	  EROFS, "replica" },
	{ "ERR Error running script (call to f_89ab): @user_script:3: user_script:3: nil value",
	  EIO, "nil value" },
	{ "ERR Error running script", EIO, "running script" },
	{ "ERR The user executing the script can't access at least one of the keys mentioned",
	  EACCES, "can't access" },
	{ "ERR Error running script (call to f_89ab): @user_script:1: -NOPERM The user executing the "
	  "script can't run this command",
	  EACCES, "can't run" },
	{ "OOM command not allowed when used memory > 'maxmemory'. script: 89ab, on @user_script:1.",
	  ENOSPC, "maxmemory" },
};

static void test_error_replies_become_errnos(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
		struct nv_redis_reply reply = text_reply(NV_REDIS_ERROR, mappings[i].text);
		struct nv_err err = NV_ERR_INIT;

		print_message("# %s\n", mappings[i].text);
		assert_int_equal(nv_redis_reply_check(&reply, "redis://h:1", "dns;x", &err),
		                 -mappings[i].errnum);
		assert_int_equal(err.errnum, mappings[i].errnum);
		assert_ptr_equal(strstr(err.msg, "redis://h:1: dns;x: "), err.msg);
		assert_non_null(strstr(err.msg, mappings[i].shown));
		assert_int_equal(nv_redis_reply_check(&reply, NULL, NULL, NULL),
		                 -mappings[i].errnum);
	}
}

static void test_messages_are_one_line(void **state)
{
	struct nv_redis_reply reply = text_reply(NV_REDIS_ERROR, "ERR a\nb\x1b[2J\x7f");
	struct nv_err err = NV_ERR_INIT;

	(void)state;
	assert_int_equal(nv_redis_reply_check(&reply, NULL, "k\ney", &err), -EIO);
	assert_string_equal(err.msg, "k?ey: ERR a?b?[2J?");

	reply = text_reply(NV_REDIS_ERROR,
	                   "ERR user_script:1: nosuch script: "
	                   "9a7ec85d205a17103a87e429ae13d061206bf7ec, on @user_script:1.");
	assert_int_equal(nv_redis_reply_check(&reply, NULL, NULL, &err), -EIO);
	assert_string_equal(err.msg, "ERR user_script:1: nosuch");
	reply = text_reply(NV_REDIS_ERROR, "ERR no script: 9a7e given");
	assert_int_equal(nv_redis_reply_check(&reply, NULL, NULL, &err), -EIO);
	assert_string_equal(err.msg, "ERR no script: 9a7e given");
}

static void test_wrongtype_is_told_apart(void **state)
{
	struct nv_redis_reply yes = text_reply(NV_REDIS_ERROR, "WRONGTYPE Operation against a key");
	struct nv_redis_reply no = text_reply(NV_REDIS_ERROR, "ERR WRONGTYPE");
	struct nv_redis_reply data = text_reply(NV_REDIS_BULK, "WRONGTYPE Operation against a key");

	(void)state;
	assert_true(nv_redis_reply_is_wrongtype(&yes));
	assert_false(nv_redis_reply_is_wrongtype(&no));
	assert_false(nv_redis_reply_is_wrongtype(&data));
	assert_int_equal(nv_redis_reply_check(&data, NULL, NULL, NULL), 0);
}

static void test_expect(void **state)
{
	struct nv_redis_reply bulk = text_reply(NV_REDIS_BULK, "x");
	struct nv_redis_reply error = text_reply(NV_REDIS_ERROR, "NOAUTH x");
	struct nv_err err = NV_ERR_INIT;

	(void)state;
	assert_int_equal(nv_redis_reply_expect(&bulk, NV_REDIS_BULK, "a", "b", &err), 0);
	assert_int_equal(err.errnum, 0);
	assert_int_equal(nv_redis_reply_expect(&bulk, NV_REDIS_ARRAY, "a", "b", &err), -EIO);
	assert_string_equal(err.msg, "a: b: unexpected answer");
	assert_int_equal(nv_redis_reply_expect(&error, NV_REDIS_ARRAY, "a", "b", &err), -EACCES);
}

static void test_integers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		long long value;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "42", true, 42 },
		{ "-42", true, -42 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1x", false, 0 },
	};
	struct nv_redis_reply integer = { .type = NV_REDIS_INT, .integer = -7, .data = "" };
	struct nv_redis_reply nil = { .type = NV_REDIS_NIL, .data = "" };
	long long value = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nv_redis_reply reply = text_reply(NV_REDIS_BULK, cases[i].text);

		value = 77;
		assert_int_equal(nv_redis_reply_integer(&reply, &value), cases[i].good);
		assert_true(value == (cases[i].good ? cases[i].value : 77));
	}
	assert_true(nv_redis_reply_integer(&integer, &value));
	assert_true(value == -7);
	assert_false(nv_redis_reply_integer(&nil, &value));
}

/* All types, nested, with bytes; fed in pieces of every size. */
static const char wire[] =
	"+OK\r\n-ERR no\r\n:-12\r\n$-1\r\n*-1\r\n$0\r\n\r\n$5\r\na\0\r\nb\r\n*0\r\n"
	"*3\r\n$1\r\nx\r\n*2\r\n:1\r\n$-1\r\n+y\r\n";

static void check_wire(const struct nv_redis_replies *replies)
{
	const struct nv_redis_reply *r = replies->items;

	assert_int_equal(replies->count, 9);
	assert_true(nv_redis_reply_is(&r[0], "OK"));
	assert_int_equal(r[0].type, NV_REDIS_STATUS);
	assert_int_equal(r[1].type, NV_REDIS_ERROR);
	assert_string_equal(r[1].data, "ERR no");
	assert_int_equal(r[2].type, NV_REDIS_INT);
	assert_true(r[2].integer == -12);
	assert_string_equal(r[2].data, "");
	assert_int_equal(r[3].type, NV_REDIS_NIL);
	assert_int_equal(r[4].type, NV_REDIS_NIL);
	assert_int_equal(r[5].type, NV_REDIS_BULK);
	assert_int_equal(r[5].size, 0);
	assert_int_equal(r[6].size, 5);
	assert_memory_equal(r[6].data, "a\0\r\nb", 6);
	assert_int_equal(r[7].type, NV_REDIS_ARRAY);
	assert_int_equal(r[7].count, 0);
	assert_int_equal(r[8].count, 3);
	assert_true(nv_redis_reply_is(&r[8].items[0], "x"));
	assert_int_equal(r[8].items[1].count, 2);
	assert_true(r[8].items[1].items[0].integer == 1);
	assert_int_equal(r[8].items[1].items[1].type, NV_REDIS_NIL);
	assert_true(nv_redis_reply_is(&r[8].items[2], "y"));
}

static void test_answers_are_decoded_whatever_the_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < sizeof(wire); piece++) {
		struct nv_redis_decoder *decoder = NULL;
		struct nv_redis_replies *replies cleanup_redis_replies = nv_redis_replies_new(9);

		assert_non_null(replies);
		assert_int_equal(nv_redis_decoder_new(&decoder), 0);
		assert_true(nv_redis_decoder_is_idle(decoder));
		for (size_t at = 0; at < sizeof(wire) - 1; at += piece) {
			size_t size = sizeof(wire) - 1 - at < piece ? sizeof(wire) - 1 - at : piece;
			int r;

			assert_int_equal(nv_redis_decoder_feed(decoder, wire + at, size, NULL), 0);
			assert_false(nv_redis_decoder_is_idle(decoder));
			while (replies->count < 9 &&
			       (r = nv_redis_decoder_next(decoder, replies, NULL)) != 0) {
				assert_int_equal(r, 1);
			}
		}
		assert_true(nv_redis_decoder_is_idle(decoder));
		check_wire(replies);
		nv_redis_decoder_free(decoder);
	}
}

static void test_what_is_no_answer_is_an_error(void **state)
{
	static const char *const garbage[] = {
		"HTTP/1.1 200 OK\r\n", "$x\r\n",  "@1\r\n",
		"*99999999999999\r\n", "$-2\r\n", ":1x\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		struct nv_redis_decoder *decoder = NULL;
		struct nv_redis_replies *replies cleanup_redis_replies = nv_redis_replies_new(1);
		struct nv_err err = NV_ERR_INIT;

		print_message("# %zu\n", i);
		assert_int_equal(nv_redis_decoder_new(&decoder), 0);
		assert_int_equal(
			nv_redis_decoder_feed(decoder, garbage[i], strlen(garbage[i]), &err), 0);
		assert_int_equal(nv_redis_decoder_next(decoder, replies, &err), -EIO);
		assert_non_null(strstr(err.msg, "not an answer"));
		nv_redis_decoder_free(decoder);
	}
}

/* Large and small values in one arena: each keeps its bytes. */
/* What an answer only announces takes no memory yet: the other end may be no Redis at all. */
static void test_an_announced_array_takes_no_memory(void **state)
{
	static const char header[] = "*10000000\r\n";
	struct nv_redis_decoder *decoder = NULL;
	struct nv_redis_replies *replies = nv_redis_replies_new(1);
	struct rusage before;
	struct rusage after;

	(void)state;
	assert_non_null(replies);
	assert_int_equal(nv_redis_decoder_new(&decoder), 0);
	assert_int_equal(nv_redis_decoder_feed(decoder, header, strlen(header), NULL), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	assert_int_equal(nv_redis_decoder_next(decoder, replies, NULL), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_true(after.ru_maxrss - before.ru_maxrss < 200 * 1024);
	nv_redis_decoder_free(decoder);
	nv_redis_replies_free(replies);
}

static void test_the_arena_keeps_values_apart(void **state)
{
	enum { COUNT = 3000 };
	struct nv_redis_replies *replies cleanup_redis_replies = nv_redis_replies_new(0);
	static unsigned char *values[COUNT];
	static size_t sizes[COUNT];
	unsigned seed = 7;

	(void)state;
	print_message("# seed %u\n", seed);
	srandom(seed);
	for (size_t i = 0; i < COUNT; i++) {
		sizes[i] = (size_t)random() % (i % 50 == 0 ? 300000 : 200);
		values[i] = nv_redis_replies_alloc(replies, sizes[i]);
		assert_non_null(values[i]);
		assert_int_equal((uintptr_t)values[i] % _Alignof(max_align_t), 0);
		memset(values[i], (int)(i % 251), sizes[i]);
	}
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < sizes[i]; j++) {
			if (values[i][j] != i % 251) {
				fail_msg("value %zu was overwritten", i);
			}
		}
	}
	assert_null(nv_redis_replies_alloc(replies, SIZE_MAX));
	assert_null(nv_redis_replies_alloc(replies, SIZE_MAX - 8));
}

static void test_info_fields(void **state)
{
	struct nv_redis_reply info =
		text_reply(NV_REDIS_BULK, "# Server\r\nredis_version:7.0.15\r\nx_redis_mode:no\r\n"
	                                  "redis_mode:standalone\r\nempty:\r\nlast:1");
	char value[8];

	(void)state;
	assert_true(nv_redis_info_field(&info, "redis_version", value, sizeof(value)));
	assert_string_equal(value, "7.0.15");
	assert_true(nv_redis_info_field(&info, "redis_mode", value, sizeof(value)));
	assert_string_equal(value, "standal"); /* cut to fit */
	assert_true(nv_redis_info_field(&info, "empty", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(nv_redis_info_field(&info, "last", value, sizeof(value)));
	assert_string_equal(value, "1");
	assert_false(nv_redis_info_field(&info, "mode", value, sizeof(value)));
	assert_string_equal(value, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_replies_become_errnos),
		cmocka_unit_test(test_messages_are_one_line),
		cmocka_unit_test(test_wrongtype_is_told_apart),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_answers_are_decoded_whatever_the_pieces),
		cmocka_unit_test(test_what_is_no_answer_is_an_error),
		cmocka_unit_test(test_an_announced_array_takes_no_memory),
		cmocka_unit_test(test_the_arena_keeps_values_apart),
		cmocka_unit_test(test_info_fields),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
