/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Redis layer against a real server that is down, hangs, dies, comes back, or wants another
 * login.
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

static void assert_within(int64_t started_ms, int64_t least_ms, int64_t most_ms)
{
	int64_t took_ms = now_ms() - started_ms;

	if (took_ms < least_ms || took_ms > most_ms) {
		fail_msg("took %lld ms, not %lld to %lld", (long long)took_ms, (long long)least_ms,
		         (long long)most_ms);
	}
}

/* A read of key "k" in the main database. */
static int read_k(struct nv_redis *redis, struct nv_err *err)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	return ask(redis, &replies, err, "GET", "k", NULL);
}

static void test_down_is_said_at_once(void **state)
{
	struct fixture *f = *state;
	struct nv_buf out cleanup_buf = NV_BUF_INIT;
	int64_t started_ms = now_ms();

	for (int i = 0; i < 20; i++) {
		struct nv_err err = NV_ERR_INIT;

		assert_int_equal(read_k(f->redis, &err), -EIO);
		assert_ptr_equal(strstr(err.msg, f->server.uri), err.msg);
		assert_non_null(strstr(err.msg, "cannot connect: No such file"));
	}
	assert_within(started_ms, 0, SLACK_MS);
	assert_int_equal(nv_redis_ping(f->redis, NULL), -EIO);
	assert_int_equal(nv_redis_describe(f->redis, &out), 0);
	assert_non_null(strstr(out.data, "redis state: down: "));
	assert_int_equal(metric(f, NV_METRIC_REDIS_ROUND_TRIPS), 0);
	assert_int_equal(metric(f, NV_METRIC_REDIS_ERRORS), 22);

	/* It is used as soon as it is there. */
	assert_true(nv_test_redis_start(&f->server, NULL));
	assert_int_equal(read_k(f->redis, NULL), 0);
}

static void test_a_restart_between_commands_is_not_noticed(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 3; round++) {
		must(f->redis, "SET", "k", "v");
		assert_int_equal(nv_redis_ping(f->redis, NULL), 0);
		nv_test_redis_kill(&f->server);
		assert_true(nv_test_redis_start(&f->server, NULL));
		if (round % 2) {
			assert_int_equal(read_k(f->redis, NULL), 0);
		}
		must(f->redis, "SET", "k",
		     "w"); /* a write too: the dead connection is seen before anything is sent */
	}
	assert_int_equal(metric(f, NV_METRIC_REDIS_ERRORS), 0);
}

static void test_killed_and_gone(void **state)
{
	struct fixture *f = *state;
	struct nv_err err = NV_ERR_INIT;

	assert_int_equal(read_k(f->redis, NULL), 0);
	nv_test_redis_kill(&f->server);
	assert_int_equal(read_k(f->redis, &err), -EIO);
	assert_non_null(strstr(err.msg, "cannot connect"));
}

static void test_a_hung_server_costs_one_timeout_then_nothing(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_err err = NV_ERR_INIT;

	for (int i = 0; i < 1000; i++) {
		nv_redis_pipeline_words(&p, "GET", "k", NULL);
	}
	assert_int_equal(nv_redis_ping(f->redis, NULL), 0);
	nv_test_redis_pause(&f->server);

	int64_t started_ms = now_ms();

	assert_int_equal(nv_redis_pipeline_run(f->redis, &p, 0, &replies, &err), -ETIMEDOUT);
	assert_within(started_ms, TIMEOUT_MS - 50, TIMEOUT_MS + SLACK_MS);
	assert_non_null(strstr(err.msg, "no answer within the timeout"));

	/* The breaker is open: who goes on asking, one thing after the other, does not wait each
	 * time. */
	started_ms = now_ms();

	unsigned long long connects = metric(f, NV_METRIC_REDIS_CONNECTS);

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(read_k(f->redis, &err), -ETIMEDOUT);
	}
	assert_within(started_ms, 0, SLACK_MS);
	assert_true(metric(f, NV_METRIC_REDIS_CONNECTS) - connects <= SLACK_MS / 1000);
	assert_non_null(strstr(err.msg, "no answer within the timeout"));

	nv_test_redis_resume(&f->server);
	nv_clock_advance(f->clock, 1000);
	assert_int_equal(read_k(f->redis, &err), 0);
	assert_int_equal(read_k(f->redis, &err), 0);
}

static void test_new_connections_to_a_hung_server_time_out_too(void **state)
{
	struct fixture *f = *state; /* never connected */
	int64_t started_ms = now_ms();

	nv_test_redis_pause(&f->server);
	assert_int_equal(nv_redis_ping(f->redis, NULL), -ETIMEDOUT);
	assert_within(started_ms, TIMEOUT_MS - 50, TIMEOUT_MS + SLACK_MS);
	nv_test_redis_resume(&f->server);
}

struct waiter {
	struct nv_redis *redis;
	int result;
	int64_t took_ms;
};

static void *wait_in_vain(void *argument)
{
	struct waiter *w = argument;
	int64_t started_ms = now_ms();

	w->result = read_k(w->redis, NULL);
	w->took_ms = now_ms() - started_ms;
	return NULL;
}

static void test_threads_do_not_pile_up_before_a_hung_server(void **state)
{
	enum { THREADS = 8, ROUNDS = 3 };
	struct fixture *f = *state;
	int64_t started_ms = now_ms();

	assert_int_equal(read_k(f->redis, NULL), 0);
	nv_test_redis_pause(&f->server);
	for (int round = 0; round < ROUNDS; round++) {
		struct waiter waiters[THREADS];
		pthread_t threads[THREADS];
		int waited = 0;

		for (int i = 0; i < THREADS; i++) {
			waiters[i] = (struct waiter){ .redis = f->redis };
			assert_int_equal(
				pthread_create(&threads[i], NULL, wait_in_vain, &waiters[i]), 0);
		}
		for (int i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			assert_int_equal(waiters[i].result, -ETIMEDOUT);
			waited += waiters[i].took_ms >= TIMEOUT_MS - 50;
		}
		/* All may have begun before anybody knew; after that one probe at most. */
		assert_true(round == 0 || waited <= 1);
	}
	assert_within(started_ms, TIMEOUT_MS - 50, ROUNDS * TIMEOUT_MS + SLACK_MS);
	nv_test_redis_resume(&f->server);
}

static void test_a_deadline_that_is_over_sends_nothing(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis_script *script = NULL;
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_call call = { .db = NV_REDIS_MAIN, .args = &args, .deadline_ms = 1 };
	bool ambiguous = true;

	assert_int_equal(nv_redis_script_new("return redis.call('SET', 'k', '1')", 34, &script), 0);
	call.script = script;
	assert_int_equal(nv_redis_ping(f->redis, NULL), 0);
	assert_int_equal(nv_redis_eval(f->redis, &call, &replies, &ambiguous, NULL), -ETIMEDOUT);
	assert_false(ambiguous);
	nv_redis_pipeline_words(&p, "SET", "k", "1", NULL);
	assert_int_equal(nv_redis_pipeline_run(f->redis, &p,
	                                       nv_redis_deadline(f->redis) - TIMEOUT_MS - 1,
	                                       &replies, NULL),
	                 -ETIMEDOUT);
	assert_int_equal(ask(f->redis, &replies, NULL, "GET", "k", NULL), 0);
	assert_int_equal(replies->items[0].type, NV_REDIS_NIL);
	nv_redis_script_free(script);
}

static void test_a_write_script_that_may_have_run_says_so(void **state)
{
	struct fixture *f = *state;
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis_script *script = NULL;
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_call call = { .db = NV_REDIS_MAIN, .args = &args };
	bool ambiguous = false;

	assert_int_equal(nv_redis_script_new("return redis.call('INCR', 'k')", 30, &script), 0);
	call.script = script;
	assert_int_equal(nv_redis_eval(f->redis, &call, &replies, &ambiguous, NULL), 0);
	nv_redis_replies_free(replies);
	replies = NULL;

	nv_test_redis_pause(&f->server);
	assert_int_equal(nv_redis_eval(f->redis, &call, &replies, &ambiguous, NULL), -ETIMEDOUT);
	assert_true(ambiguous);
	nv_test_redis_resume(&f->server);
	nv_clock_advance(f->clock, 1000);
	assert_int_equal(ask(f->redis, &replies, NULL, "GET", "k", NULL), 0);
	assert_true(nv_redis_reply_is(&replies->items[0], "2")); /* it had run */

	call.read_only = true;
	nv_test_redis_pause(&f->server);
	assert_int_equal(nv_redis_eval(f->redis, &call, &replies, &ambiguous, NULL), -ETIMEDOUT);
	assert_false(ambiguous);
	call.read_only = false;
	nv_test_redis_kill(&f->server);
	nv_clock_advance(f->clock, 1000);
	assert_int_equal(nv_redis_eval(f->redis, &call, &replies, &ambiguous, NULL), -EIO);
	assert_false(ambiguous); /* there was nobody to send it to */
	nv_redis_script_free(script);
}

static void test_logins(void **state)
{
	static const struct {
		const char *login;
		int result;
		const char *shown;
	} cases[] = {
		{ "", -EACCES, "wants a password" },
		{ ":wrong-secret@", -EACCES, "refuses" },
		{ "ann:wrong-secret@", -EACCES, "refuses" },
		{ "nobody:wrong-secret@", -EACCES, "refuses" },
		{ ":right-%40secret@", 0, NULL },
		{ "ann:her-secret@", 0, NULL },
		{ "ben:his-secret@", -EACCES, "'get' command" },
	};
	static const char *const more[] = { "--requirepass",
		                            "right-@secret",
		                            "--user",
		                            "ann",
		                            "on",
		                            ">her-secret",
		                            "~*",
		                            "+@all",
		                            "--user",
		                            "ben",
		                            "on",
		                            ">his-secret",
		                            "~*",
		                            "+ping",
		                            "+select",
		                            NULL };
	struct fixture *f = *state;

	assert_true(nv_test_redis_start(&f->server, more));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nv_err err = NV_ERR_INIT;
		char uri[200];

		(void)snprintf(uri, sizeof(uri), "unix://%s%s", cases[i].login, f->server.socket);
		print_message("# case %zu\n", i);

		struct nv_redis *redis = open_redis(f, uri, TIMEOUT_MS);

		assert_int_equal(read_k(redis, &err), cases[i].result);
		assert_null(strstr(err.msg, "secret"));
		if (cases[i].shown) {
			assert_non_null(strstr(err.msg, cases[i].shown));
		}
		/* One that may not run scripts is told so when mounting. */
		assert_int_equal(nv_redis_ping(redis, &err), cases[i].result);
		if (i == sizeof(cases) / sizeof(cases[0]) - 1) {
			assert_non_null(strstr(err.msg, "'eval' command"));
		}
		nv_redis_free(redis);
	}
}

static void test_a_password_that_nobody_asked_for(void **state)
{
	struct fixture *f = *state;
	struct nv_err err = NV_ERR_INIT;
	char uri[200];

	(void)snprintf(uri, sizeof(uri), "unix://:secret@%s", f->server.socket);

	struct nv_redis *redis = open_redis(f, uri, TIMEOUT_MS);

	assert_int_equal(read_k(redis, &err), -EACCES);
	assert_non_null(strstr(err.msg, "without any password configured"));
	assert_null(strstr(err.msg, "secret"));
	nv_redis_free(redis);
}

static void test_a_cluster_is_refused(void **state)
{
	static const char *const more[] = { "--cluster-enabled", "yes", NULL };
	struct fixture *f = *state;

	assert_true(nv_test_redis_start(&f->server, more));
	for (int i = 0; i < 2; i++) {
		struct nv_err err = NV_ERR_INIT;

		assert_int_equal(i ? read_k(f->redis, &err) : nv_redis_ping(f->redis, &err), -EIO);
		assert_non_null(strstr(err.msg, "cluster_enabled:1"));
	}
}

static void test_too_many_clients(void **state)
{
	static const char *const more[] = { "--maxclients", "1", NULL };
	struct fixture *f = *state;
	struct nv_err err = NV_ERR_INIT;

	assert_true(nv_test_redis_start(&f->server, more));

	struct nv_redis *other = open_redis(f, NULL, TIMEOUT_MS);

	assert_int_equal(read_k(f->redis, NULL), 0);
	assert_int_equal(read_k(other, &err), -EIO);
	assert_non_null(strstr(err.msg, f->server.uri));
	nv_redis_disconnect(f->redis);
	nv_redis_free(other);
}

/* The server hangs up on clients that idle, or on an operator's word; the pool must not take that
 * for a failure. */
static void test_connections_that_the_server_closed(void **state)
{
	struct fixture *f = *state;
	struct nv_redis *killer = open_redis(f, NULL, TIMEOUT_MS);

	for (int i = 0; i < 5; i++) {
		struct nv_redis_pipeline p cleanup_redis_pipeline =
			NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
		struct nv_redis_replies *replies cleanup_redis_replies = NULL;

		assert_int_equal(nv_redis_ping(f->redis, NULL), 0);
		nv_redis_pipeline_words(&p, "CLIENT", "KILL", "TYPE", "normal", NULL);
		assert_int_equal(nv_redis_pipeline_run(killer, &p, 0, &replies, NULL), 0);
		assert_true(replies->items[0].integer >= 1);
		must(f->redis, "SET", "k", "v");
	}
	assert_int_equal(metric(f, NV_METRIC_REDIS_ERRORS), 0);
	nv_redis_free(killer);
}

static void test_disconnect_closes_what_is_idle(void **state)
{
	struct fixture *f = *state;
	struct nv_redis *other = open_redis(f, NULL, TIMEOUT_MS);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	assert_int_equal(nv_redis_ping(f->redis, NULL), 0);
	assert_int_equal(ask(other, &replies, NULL, "CLIENT", "LIST", NULL), 0);
	assert_non_null(strstr(replies->items[0].data, "name=netviewfs "));
	nv_redis_replies_free(replies);
	replies = NULL;

	unsigned long long connects = metric(f, NV_METRIC_REDIS_CONNECTS);

	assert_int_equal(read_k(f->redis, NULL), 0);
	assert_int_equal(metric(f, NV_METRIC_REDIS_CONNECTS), connects);
	nv_redis_disconnect(f->redis);
	nv_redis_disconnect(f->redis);
	assert_int_equal(read_k(f->redis, NULL), 0);
	assert_int_equal(metric(f, NV_METRIC_REDIS_CONNECTS), connects + 1);
	nv_redis_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_DOWN(name) cmocka_unit_test_setup_teardown(name, setup_down, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_DOWN(test_down_is_said_at_once),
		TEST(test_a_restart_between_commands_is_not_noticed),
		TEST(test_killed_and_gone),
		TEST(test_a_hung_server_costs_one_timeout_then_nothing),
		TEST(test_new_connections_to_a_hung_server_time_out_too),
		TEST(test_threads_do_not_pile_up_before_a_hung_server),
		TEST(test_a_deadline_that_is_over_sends_nothing),
		TEST(test_a_write_script_that_may_have_run_says_so),
		TEST_DOWN(test_logins),
		TEST(test_a_password_that_nobody_asked_for),
		TEST_DOWN(test_a_cluster_is_refused),
		TEST_DOWN(test_too_many_clients),
		TEST(test_connections_that_the_server_closed),
		TEST(test_disconnect_closes_what_is_idle),
	};

	need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
