/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Redis layer against a real server that is well: values, pipelines, databases, scripts,
 * threads, logins.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contract/redis_fixture.h"

static void test_ping_and_describe(void **state)
{
	struct fixture *f = *state;
	struct nv_buf out cleanup_buf = NV_BUF_INIT;
	struct nv_err err = NV_ERR_INIT;

	assert_int_equal(nv_redis_ping(f->redis, &err), 0);
	assert_int_equal(nv_redis_describe(f->redis, &out), 0);
	assert_non_null(strstr(out.data, "redis: unix:///"));
	assert_non_null(strstr(out.data, ", database 0, processed nodes in database 1\n"));
	assert_non_null(strstr(out.data, "redis state: up\n"));
	assert_non_null(strstr(out.data, "redis version: "));
	assert_non_null(strstr(out.data, "redis durability: none"));
}

static void test_durability_is_told(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_buf out cleanup_buf = NV_BUF_INIT;

	nv_redis_pipeline_words(&p, "CONFIG", "SET", "save", "3600 1", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	assert_int_equal(nv_redis_describe(f->redis, &out), 0);
	assert_non_null(strstr(out.data, "redis durability: snapshots (save 3600 1)"));

	nv_buf_truncate(&out, 0);
	nv_redis_replies_free(replies);
	replies = NULL;
	nv_redis_pipeline_release(&p);
	nv_redis_pipeline_words(&p, "CONFIG", "SET", "appendonly", "yes", NULL);
	nv_redis_pipeline_words(&p, "CONFIG", "SET", "appendfsync", "always", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	assert_int_equal(nv_redis_describe(f->redis, &out), 0);
	assert_non_null(strstr(out.data, "redis durability: append-only file, fsync always\n"));
}

static void test_all_bytes_come_back(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	unsigned char all[256];

	for (size_t i = 0; i < sizeof(all); i++) {
		all[i] = (unsigned char)i;
	}

	const char *argv[] = { "SET", (const char *)all, (const char *)all };
	const size_t sizes[] = { 3, sizeof(all), sizeof(all) };

	nv_redis_pipeline_add(&p, 3, argv, sizes);
	nv_redis_pipeline_key(&p, "GET", all, sizeof(all));
	nv_redis_pipeline_begin(&p, 4, "HSET");
	nv_redis_pipeline_arg(&p, "h", 1);
	nv_redis_pipeline_arg(&p, "", 0);
	nv_redis_pipeline_arg(&p, "a\r\nb\0", 5);
	nv_redis_pipeline_key(&p, "HGETALL", "h", 1);
	nv_redis_pipeline_words(&p, "SET", "", "", NULL);
	nv_redis_pipeline_words(&p, "GET", "", NULL);
	nv_redis_pipeline_words(&p, "GET", "missing", NULL);
	assert_int_equal(nv_redis_pipeline_count(&p), 7);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	assert_int_equal(replies->count, 7);
	assert_true(nv_redis_reply_is(&replies->items[0], "OK"));
	assert_int_equal(replies->items[1].size, sizeof(all));
	assert_memory_equal(replies->items[1].data, all, sizeof(all));
	assert_int_equal(replies->items[3].count, 2);
	assert_int_equal(replies->items[3].items[0].size, 0);
	assert_int_equal(replies->items[3].items[1].size, 5);
	assert_memory_equal(replies->items[3].items[1].data, "a\r\nb\0", 5);
	assert_int_equal(replies->items[5].type, NV_REDIS_BULK);
	assert_int_equal(replies->items[6].type, NV_REDIS_NIL);
}

static void test_a_thousand_commands_are_one_round_trip(void **state)
{
	enum { COUNT = 1000 };
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	assert_int_equal(nv_redis_ping(f->redis, NULL), 0);

	unsigned long long round_trips = metric(f, NV_METRIC_REDIS_ROUND_TRIPS);
	unsigned long long commands = metric(f, NV_METRIC_REDIS_COMMANDS);
	unsigned long long connects = metric(f, NV_METRIC_REDIS_CONNECTS);

	for (int i = 0; i < COUNT; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%d", i);
		nv_redis_pipeline_words(&p, "ECHO", text, NULL);
	}
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	for (int i = 0; i < COUNT; i++) {
		long long value = -1;

		assert_true(nv_redis_reply_integer(&replies->items[i], &value));
		assert_int_equal(value, i);
	}
	assert_int_equal(metric(f, NV_METRIC_REDIS_ROUND_TRIPS) - round_trips, 1);
	assert_int_equal(metric(f, NV_METRIC_REDIS_COMMANDS) - commands, COUNT);
	assert_int_equal(metric(f, NV_METRIC_REDIS_CONNECTS) - connects, 0);
}

/* More than any buffer on the way holds, in both directions at once. */
static void test_long_pipelines_of_large_values(void **state)
{
	enum { COUNT = 200, SIZE = 200000 };
	struct fixture *f = *state;
	struct nv_redis *redis = open_redis(f, NULL, 60000);
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	char *value = malloc(SIZE);

	assert_non_null(value);
	for (int i = 0; i < COUNT; i++) {
		memset(value, 'a' + i % 26, SIZE);
		nv_redis_pipeline_key(&p, "ECHO", value, SIZE);
	}
	assert_int_equal(nv_redis_pipeline_run(redis, &p, 0, &replies, NULL), 0);
	for (int i = 0; i < COUNT; i++) {
		memset(value, 'a' + i % 26, SIZE);
		assert_int_equal(replies->items[i].size, SIZE);
		assert_memory_equal(replies->items[i].data, value, SIZE);
	}
	free(value);
	nv_redis_free(redis);
}

static void test_nothing_to_ask_asks_nobody(void **state)
{
	struct fixture *f = *state; /* the server is down */
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	assert_int_equal(replies->count, 0);
	assert_int_equal(metric(f, NV_METRIC_REDIS_ROUND_TRIPS), 0);
}

static void test_a_command_cut_short_is_not_sent(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	nv_redis_pipeline_begin(&p, 3, "SET");
	nv_redis_pipeline_arg(&p, "k", 1);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), -EIO);
	assert_null(replies);
	assert_int_equal(metric(f, NV_METRIC_REDIS_ROUND_TRIPS), 0);
}

static void set_in(struct fixture *f, enum nv_redis_db db, const char *value)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(db);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	nv_redis_pipeline_words(&p, "SET", "where", value, NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
}

static void test_both_databases_share_a_round_trip(void **state)
{
	static const enum nv_redis_db order[] = {
		NV_REDIS_MAIN, NV_REDIS_PROCESSED, NV_REDIS_PROCESSED,
		NV_REDIS_MAIN, NV_REDIS_PROCESSED,
	};
	enum { COUNT = sizeof(order) / sizeof(order[0]) };
	struct fixture *f = *state;

	set_in(f, NV_REDIS_MAIN, "main");
	set_in(f, NV_REDIS_PROCESSED, "processed");
	for (int round = 0; round < 3; round++) {
		struct nv_redis_pipeline p cleanup_redis_pipeline =
			NV_REDIS_PIPELINE_INIT(NV_REDIS_PROCESSED);
		struct nv_redis_replies *replies cleanup_redis_replies = NULL;
		unsigned long long round_trips = metric(f, NV_METRIC_REDIS_ROUND_TRIPS);
		unsigned long long commands = metric(f, NV_METRIC_REDIS_COMMANDS);

		for (int i = 0; i < COUNT; i++) {
			nv_redis_pipeline_use(&p, order[(i + round) % COUNT]);
			nv_redis_pipeline_words(&p, "GET", "where", NULL);
		}
		assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
		assert_int_equal(replies->count, COUNT);
		for (int i = 0; i < COUNT; i++) {
			assert_true(nv_redis_reply_is(&replies->items[i],
			                              order[(i + round) % COUNT] == NV_REDIS_MAIN
			                                      ? "main"
			                                      : "processed"));
		}
		assert_int_equal(metric(f, NV_METRIC_REDIS_ROUND_TRIPS) - round_trips, 1);
		assert_int_equal(metric(f, NV_METRIC_REDIS_COMMANDS) - commands, COUNT);
		/* A connection that was left in either database writes into the right one. */
		set_in(f, NV_REDIS_PROCESSED, "processed");
		set_in(f, NV_REDIS_MAIN, "main");
	}
}

static void test_writes_to_two_databases_are_refused(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	unsigned long long round_trips = metric(f, NV_METRIC_REDIS_ROUND_TRIPS);

	nv_redis_pipeline_words(&p, "SET", "a", "1", NULL);
	nv_redis_pipeline_use(&p, NV_REDIS_PROCESSED);
	nv_redis_pipeline_words(&p, "GET", "a", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), -EINVAL);
	assert_int_equal(metric(f, NV_METRIC_REDIS_ROUND_TRIPS), round_trips);
}

static void test_a_database_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_uri uri cleanup_redis_uri = NV_REDIS_URI_INIT;
	struct nv_redis_config config = {
		.uri = &uri, .processed_db = 99, .timeout_ms = TIMEOUT_MS, .clock = f->clock
	};
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis *redis = NULL;
	struct nv_err err = NV_ERR_INIT;

	assert_int_equal(nv_redis_uri_parse(f->server.uri, &uri, NULL), 0);
	assert_int_equal(nv_redis_new(&config, &redis, NULL), 0);
	assert_int_equal(nv_redis_ping(redis, &err), -EIO);
	assert_non_null(strstr(err.msg, "database 99"));
	/* Selected on the way: the answer behind it is of the wrong database, and no answer. */
	must(redis, "SET", "k", "main");
	nv_redis_pipeline_words(&p, "GET", "k", NULL);
	nv_redis_pipeline_use(&p, NV_REDIS_PROCESSED);
	nv_redis_pipeline_words(&p, "GET", "k", NULL);
	assert_int_equal(nv_redis_pipeline_run(redis, &p, 0, &replies, NULL), -EIO);
	assert_null(replies);
	must(redis, "GET", "k", NULL);
	nv_redis_free(redis);

	config.processed_db = 0;
	assert_int_equal(nv_redis_new(&config, &redis, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "processed_db"));
}

static void test_error_replies(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_err err = NV_ERR_INIT;

	must(f->redis, "SET", "s", "x");
	nv_redis_pipeline_words(&p, "SMEMBERS", "s", NULL);
	nv_redis_pipeline_words(&p, "GET", "s", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	assert_true(nv_redis_reply_is_wrongtype(&replies->items[0]));
	assert_true(nv_redis_reply_is(&replies->items[1], "x"));
	nv_redis_replies_free(replies);
	replies = NULL;

	nv_redis_pipeline_words(&p, "NOSUCH", "s", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, &err), -EIO);
	assert_null(replies);
	assert_non_null(strstr(err.msg, f->server.uri));
	assert_non_null(strstr(err.msg, "NOSUCH"));

	p.keep_errors = true;
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, &err), 0);
	assert_int_equal(replies->items[2].type, NV_REDIS_ERROR);
}

static void test_full_and_readonly_servers(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_err err = NV_ERR_INIT;

	nv_redis_pipeline_words(&p, "CONFIG", "SET", "maxmemory", "1", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	nv_redis_replies_free(replies);
	replies = NULL;
	assert_int_equal(ask(f->redis, &replies, &err, "SET", "k", "v"), -ENOSPC);

	nv_redis_pipeline_release(&p);
	nv_redis_pipeline_words(&p, "CONFIG", "SET", "maxmemory", "0", NULL);
	nv_redis_pipeline_words(&p, "REPLICAOF", "127.0.0.1", "1", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, NULL), 0);
	nv_redis_replies_free(replies);
	replies = NULL;
	assert_int_equal(ask(f->redis, &replies, &err, "SET", "k", "v"), -EROFS);
	assert_int_equal(ask(f->redis, &replies, &err, "GET", "k", NULL), 0);
}

static struct nv_redis_script *new_script(const char *text)
{
	struct nv_redis_script *script = NULL;

	assert_int_equal(nv_redis_script_new(text, strlen(text), &script), 0);
	return script;
}

static void test_scripts_are_sent_once_and_again_when_forgotten(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_script *script = new_script(
		"redis.call('SET', KEYS[1], ARGV[1]); return {redis.call('GET', KEYS[1]), #KEYS, #ARGV}");
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_call call = {
		.db = NV_REDIS_PROCESSED, .script = script, .args = &args, .keys = 1
	};
	static const unsigned long long round_trips[] = { 2, 1, 2, 1 };

	nv_redis_args_add(&args, "k\0k", 3);
	nv_redis_args_add(&args, "v\0\xff\r\n", 5);
	nv_redis_args_integer(&args, -5);
	assert_int_equal(nv_redis_ping(f->redis, NULL), 0);
	for (int i = 0; i < 4; i++) {
		struct nv_redis_replies *replies cleanup_redis_replies = NULL;
		bool ambiguous = true;

		if (i == 2) {
			must(f->redis, "SCRIPT", "FLUSH", NULL);
		}

		unsigned long long before = metric(f, NV_METRIC_REDIS_ROUND_TRIPS);

		assert_int_equal(nv_redis_eval(f->redis, &call, &replies, &ambiguous, NULL), 0);
		assert_false(ambiguous);
		assert_int_equal(metric(f, NV_METRIC_REDIS_ROUND_TRIPS) - before, round_trips[i]);
		assert_int_equal(replies->items[0].count, 3);
		assert_int_equal(replies->items[0].items[0].size, 5);
		assert_memory_equal(replies->items[0].items[0].data, "v\0\xff\r\n", 5);
		assert_int_equal(replies->items[0].items[1].integer, 1);
		assert_int_equal(replies->items[0].items[2].integer, 2);
	}
	nv_redis_script_free(script);
}

static void test_scripts_that_fail(void **state)
{
	static const struct {
		const char *text;
		int errnum;
		const char *shown;
	} cases[] = {
		{ "return redis.error_reply('MINE what is wrong')", EIO, "MINE what is wrong" },
		{ "return redis.call('LPUSH', 's', 'x')", EIO, "another type" },
		{ "this is no Lua", EIO, "ompiling script" },
		{ "return nosuch.thing", EIO, "nosuch" },
	};
	struct fixture *f = *state;
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;

	must(f->redis, "SET", "s", "x");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nv_redis_script *script = new_script(cases[i].text);
		struct nv_redis_call call = { .db = NV_REDIS_MAIN,
			                      .script = script,
			                      .args = &args };
		struct nv_redis_replies *replies cleanup_redis_replies = NULL;
		struct nv_err err = NV_ERR_INIT;
		bool ambiguous = true;

		assert_int_equal(nv_redis_eval(f->redis, &call, &replies, &ambiguous, &err),
		                 -cases[i].errnum);
		print_message("# %s\n", err.msg);
		assert_non_null(strstr(err.msg, cases[i].shown));
		assert_false(ambiguous);
		assert_null(replies);
		nv_redis_script_free(script);
	}
}

static void test_a_hundred_thousand_arguments(void **state)
{
	enum { COUNT = 100000 };
	struct fixture *f = *state;
	struct nv_redis *redis = open_redis(f, NULL, 60000);
	struct nv_redis_script *script = new_script(
		"local n = 0; for i = 1, #ARGV do n = n + tonumber(ARGV[i]) end; return n");
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_call call = { .db = NV_REDIS_MAIN, .script = script, .args = &args };
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	for (int i = 0; i < COUNT; i++) {
		nv_redis_args_integer(&args, i);
	}
	assert_int_equal(nv_redis_eval(redis, &call, &replies, NULL, NULL), 0);
	assert_true(replies->items[0].integer == (long long)COUNT * (COUNT - 1) / 2);
	nv_redis_script_free(script);
	nv_redis_free(redis);
}

/* Eight threads add to one counter by script and read both databases: every answer is its own. */
struct worker {
	struct fixture *f;
	struct nv_redis_script *script;
	int number;
	int failures;
};

static void *work(void *argument)
{
	enum { ROUNDS = 200 };
	struct worker *w = argument;
	char name[32];

	(void)snprintf(name, sizeof(name), "worker-%d", w->number);
	for (int i = 0; i < ROUNDS; i++) {
		struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
		struct nv_redis_call call = {
			.db = NV_REDIS_MAIN, .script = w->script, .args = &args, .keys = 1
		};
		struct nv_redis_pipeline p cleanup_redis_pipeline =
			NV_REDIS_PIPELINE_INIT(NV_REDIS_PROCESSED);
		struct nv_redis_replies *counted cleanup_redis_replies = NULL;
		struct nv_redis_replies *replies cleanup_redis_replies = NULL;

		nv_redis_args_text(&args, "counter");
		nv_redis_pipeline_words(&p, "ECHO", name, NULL);
		nv_redis_pipeline_words(&p, "GET", "where", NULL);
		nv_redis_pipeline_use(&p, NV_REDIS_MAIN);
		nv_redis_pipeline_words(&p, "GET", "where", NULL);
		if (nv_redis_eval(w->f->redis, &call, &counted, NULL, NULL) < 0 ||
		    nv_redis_pipeline_run(w->f->redis, &p, 0, &replies, NULL) < 0 ||
		    !nv_redis_reply_is(&replies->items[0], name) ||
		    !nv_redis_reply_is(&replies->items[1], "processed") ||
		    !nv_redis_reply_is(&replies->items[2], "main")) {
			w->failures++;
		}
	}
	return NULL;
}

static void test_eight_threads(void **state)
{
	enum { THREADS = 8 };
	struct fixture *f = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis *patient = open_redis(f, NULL, 30000);

	nv_redis_free(f->redis);
	f->redis = patient;
	set_in(f, NV_REDIS_MAIN, "main");
	set_in(f, NV_REDIS_PROCESSED, "processed");
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .f = f,
			                      .number = i,
			                      .script = new_script(
						      "return redis.call('INCR', KEYS[1])") };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].failures, 0);
		nv_redis_script_free(workers[i].script);
	}
	assert_int_equal(ask(f->redis, &replies, NULL, "GET", "counter", NULL), 0);
	assert_true(nv_redis_reply_is(&replies->items[0], "1600"));
	assert_in_range(metric(f, NV_METRIC_REDIS_CONNECTS), 1, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ping_and_describe),
		TEST(test_durability_is_told),
		TEST(test_all_bytes_come_back),
		TEST(test_a_thousand_commands_are_one_round_trip),
		TEST(test_long_pipelines_of_large_values),
		cmocka_unit_test_setup_teardown(test_nothing_to_ask_asks_nobody, setup_down,
		                                teardown),
		TEST(test_a_command_cut_short_is_not_sent),
		TEST(test_both_databases_share_a_round_trip),
		TEST(test_writes_to_two_databases_are_refused),
		TEST(test_a_database_that_is_not_there),
		TEST(test_error_replies),
		TEST(test_full_and_readonly_servers),
		TEST(test_scripts_are_sent_once_and_again_when_forgotten),
		TEST(test_scripts_that_fail),
		TEST(test_a_hundred_thousand_arguments),
		TEST(test_eight_threads),
	};

	need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
