/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Redis layer over a line that breaks at every byte, stalls, trickles or lies.
 *
 * What must hold, whatever happens: no wrong answer is taken for a right one; a request ends within
 * its timeout; a write that is reported as not done was not done, and one that is reported as done
 * was done once; the next request is none the worse.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/redis_fixture.h"
#include "lib/fault_server.h"

struct line {
	struct fixture *f;
	struct nv_fault_server *proxy; /* before f's server */
	struct nv_redis *redis;        /* through the proxy */
	struct nv_redis_script *script;
};

static struct nv_redis *open_port(struct fixture *f, const char *host, int port)
{
	char uri[64];

	(void)snprintf(uri, sizeof(uri), "redis://%s:%d", host, port);
	return open_redis(f, uri, TIMEOUT_MS);
}

static int setup_line(void **state)
{
	static const char increment[] = "return redis.call('INCR', KEYS[1])";
	struct line *line = calloc(1, sizeof(*line));
	void *fixture = NULL;

	if (!line || setup(&fixture) < 0) {
		return -1;
	}
	line->f = fixture;
	line->proxy = nv_fault_server_new(line->f->server.socket);
	line->redis = open_port(line->f, "127.0.0.1", nv_fault_server_port(line->proxy));
	*state = line;
	return nv_redis_script_new(increment, sizeof(increment) - 1, &line->script);
}

static int teardown_line(void **state)
{
	struct line *line = *state;
	void *fixture = line->f;

	nv_redis_free(line->redis);
	nv_fault_server_free(line->proxy);
	nv_redis_script_free(line->script);
	free(line);
	return teardown(&fixture);
}

/* Three reads whose answers are known: 0, or the error. Any other answer fails the test. */
static int read_three(struct nv_redis *redis, struct nv_err *err)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	nv_redis_pipeline_words(&p, "ECHO", "one", NULL);
	nv_redis_pipeline_use(&p, NV_REDIS_PROCESSED);
	nv_redis_pipeline_words(&p, "ECHO", "two\r\n$3\r\ntwo", NULL);
	nv_redis_pipeline_words(&p, "GET", "missing", NULL);

	int r = nv_redis_pipeline_run(redis, &p, 0, &replies, err);

	if (r == 0) {
		assert_int_equal(replies->count, 3);
		assert_true(nv_redis_reply_is(&replies->items[0], "one"));
		assert_true(nv_redis_reply_is(&replies->items[1], "two\r\n$3\r\ntwo"));
		assert_int_equal(replies->items[2].type, NV_REDIS_NIL);
	}
	return r;
}

static int increment(struct line *line, struct nv_redis *redis, bool *ret_ambiguous)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_call call = {
		.db = NV_REDIS_MAIN, .script = line->script, .args = &args, .keys = 1
	};

	nv_redis_args_text(&args, "counter");
	return nv_redis_eval(redis, &call, &replies, ret_ambiguous, NULL);
}

/* The counter as the server itself says, not through the proxy. */
static long long counter(struct line *line)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	long long value = 0;

	assert_int_equal(ask(line->f->redis, &replies, NULL, "GET", "counter", NULL), 0);
	(void)nv_redis_reply_integer(&replies->items[0], &value);
	return value;
}

/* How many bytes an undisturbed first use of `redis` moves each way. */
static void measure(struct line *line, bool script, size_t *ret_requests, size_t *ret_replies)
{
	struct nv_redis *redis = open_port(line->f, "127.0.0.1", nv_fault_server_port(line->proxy));

	nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_NONE });
	assert_int_equal(script ? increment(line, redis, NULL) : read_three(redis, NULL), 0);
	nv_fault_server_counts(line->proxy, ret_requests, ret_replies);
	nv_redis_free(redis);
}

/* A new connection that breaks at byte `after`: an error, never a wrong answer. */
static void break_new(struct line *line, enum nv_fault_kind kind, size_t after)
{
	struct nv_redis *redis = open_port(line->f, "127.0.0.1", nv_fault_server_port(line->proxy));
	struct nv_err err = NV_ERR_INIT;

	nv_fault_server_set(line->proxy,
	                    (struct nv_fault_rule){ .kind = kind, .after = after, .times = 1 });
	assert_int_equal(read_three(redis, &err), -EIO);
	assert_ptr_equal(strstr(err.msg, "redis://127.0.0.1:"), err.msg);
	assert_int_equal(read_three(redis, NULL), 0);
	nv_redis_free(redis);
}

static void test_a_new_connection_that_breaks_at_any_byte(void **state)
{
	struct line *line = *state;
	size_t requests, replies;

	measure(line, false, &requests, &replies);
	assert_true(requests > 100 && replies > 100);
	for (size_t after = 0; after < requests; after++) {
		break_new(line, NV_FAULT_CUT_REQUEST, after);
	}
	/* The text of INFO is long, and one byte of it as good as another. */
	for (size_t after = 0; after < replies; after += after < replies - 120 ? 13 : 1) {
		break_new(line, NV_FAULT_CUT_REPLY, after);
	}
}

static void test_reads_on_a_pooled_connection_never_fail_for_its_death(void **state)
{
	struct line *line = *state;
	size_t requests, replies;

	assert_int_equal(read_three(line->redis, NULL), 0);
	nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_NONE });
	assert_int_equal(read_three(line->redis, NULL), 0);
	nv_fault_server_counts(line->proxy, &requests, &replies);
	for (size_t i = 0; i < requests + replies; i++) {
		bool request = i < requests;
		unsigned connections = nv_fault_server_connections(line->proxy);

		nv_fault_server_set(line->proxy, (struct nv_fault_rule){
							 .kind = request ? NV_FAULT_CUT_REQUEST
		                                                         : NV_FAULT_CUT_REPLY,
							 .after = request ? i : i - requests,
							 .times = 1,
						 });
		assert_int_equal(read_three(line->redis, NULL), 0);
		assert_int_equal(nv_fault_server_connections(line->proxy), connections + 1);
	}
	/* Twice in a row is no accident any more. */
	nv_fault_server_set(
		line->proxy,
		(struct nv_fault_rule){ .kind = NV_FAULT_CUT_REPLY, .after = 3, .times = 2 });
	assert_int_equal(read_three(line->redis, NULL), -EIO);
	assert_int_equal(read_three(line->redis, NULL), 0);
}

static void break_write(struct line *line, struct nv_redis *redis, enum nv_fault_kind kind,
                        size_t after, int *seen)
{
	long long before = counter(line);
	bool ambiguous = false;

	nv_fault_server_set(line->proxy,
	                    (struct nv_fault_rule){ .kind = kind, .after = after, .times = 1 });

	int r = increment(line, redis, &ambiguous);

	/* The connection of the proxy to the server ends after the server has read what it was
	 * given: so it is over here. */
	nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_NONE });

	long long done = counter(line) - before;

	if (r == 0) {
		assert_int_equal(done, 1);
		seen[0]++;
	} else if (ambiguous) {
		assert_int_equal(r, -EIO);
		assert_in_range(done, 0, 1);
		seen[1 + done]++;
	} else {
		assert_int_equal(r, -EIO);
		assert_int_equal(done, 0);
		seen[3]++;
	}
	assert_int_equal(increment(line, redis, &ambiguous), 0);
}

static void test_a_write_tells_the_truth_wherever_the_line_breaks(void **state)
{
	struct line *line = *state;
	size_t requests, replies;
	int seen[4] = { 0 };

	assert_int_equal(increment(line, line->redis, NULL),
	                 0); /* the script is known from here on */
	measure(line, true, &requests, &replies);
	for (size_t after = 0; after <= requests; after++) {
		struct nv_redis *redis =
			open_port(line->f, "127.0.0.1", nv_fault_server_port(line->proxy));

		break_write(line, redis, NV_FAULT_CUT_REQUEST, after, seen);
		nv_redis_free(redis);
	}
	for (size_t after = replies - 8; after <= replies; after++) {
		struct nv_redis *redis =
			open_port(line->f, "127.0.0.1", nv_fault_server_port(line->proxy));

		break_write(line, redis, NV_FAULT_CUT_REPLY, after, seen);
		nv_redis_free(redis);
	}
	/* The same on a connection out of the pool. */
	assert_int_equal(increment(line, line->redis, NULL), 0);
	nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_NONE });
	assert_int_equal(increment(line, line->redis, NULL), 0);
	nv_fault_server_counts(line->proxy, &requests, &replies);
	for (size_t i = 0; i < requests + replies; i++) {
		bool request = i < requests;

		break_write(line, line->redis, request ? NV_FAULT_CUT_REQUEST : NV_FAULT_CUT_REPLY,
		            request ? i : i - requests, seen);
	}
	print_message("# done %d, unclear and not done %d, unclear and done %d, not done %d\n",
	              seen[0], seen[1], seen[2], seen[3]);
	assert_true(seen[2] > 0 && seen[3] > 0);
}

static void test_an_answer_that_stalls_or_trickles_ends_at_the_timeout(void **state)
{
	static const struct nv_fault_rule rules[] = {
		{ .kind = NV_FAULT_STALL_REPLY, .after = 0 },
		{ .kind = NV_FAULT_STALL_REPLY, .after = 7 },
		{ .kind = NV_FAULT_TRICKLE },
	};
	struct line *line = *state;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		assert_int_equal(read_three(line->redis, NULL), 0);
		nv_fault_server_set(line->proxy, rules[i]);

		int64_t started_ms = now_ms();

		assert_int_equal(read_three(line->redis, NULL), -ETIMEDOUT);

		int64_t took_ms = now_ms() - started_ms;

		assert_true(took_ms >= TIMEOUT_MS - 50 && took_ms < TIMEOUT_MS + SLACK_MS);
		nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_NONE });
		nv_clock_advance(line->f->clock, 1000);
	}
	assert_int_equal(read_three(line->redis, NULL), 0);
}

static void test_answers_that_nobody_asked_for_spoil_nothing(void **state)
{
	static const char *const texts[] = { "+more\r\n", "$3\r\none\r\n", "$5\r\nha", "\r\n",
		                             "x" };
	struct line *line = *state;

	assert_int_equal(read_three(line->redis, NULL), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		unsigned connections = nv_fault_server_connections(line->proxy);

		nv_fault_server_say(line->proxy, texts[i]);
		assert_int_equal(read_three(line->redis, NULL), 0);
		assert_int_equal(nv_fault_server_connections(line->proxy), connections + 1);
	}
}

static void test_what_is_not_redis_is_called_so(void **state)
{
	struct line *line = *state;
	struct nv_err err = NV_ERR_INIT;

	nv_fault_server_set(line->proxy,
	                    (struct nv_fault_rule){ .kind = NV_FAULT_REPLACE,
	                                            .text = "HTTP/1.1 400 Bad Request\r\n\r\n" });
	assert_int_equal(read_three(line->redis, &err), -EIO);
	assert_non_null(strstr(err.msg, "not an answer of a Redis server"));
}

/* What a server says to INFO, SELECT and CLIENT SETNAME, and then to a GET. */
struct persona {
	const char *info; /* of one line */
	const char *answer;
	int result;
	const char *shown;
};

static const struct persona personas[] = {
	{ "redis_version:7.2.4", "$1\r\nv\r\n", 0, NULL },
	{ "redis_version:6.0.0", "$1\r\nv\r\n", 0, NULL },
	{ "redis_version:5.0.14", "$1\r\nv\r\n", -EIO, "5.0.14; 6 or newer" },
	{ "no_version:here", "$1\r\nv\r\n", -EIO, "version is unknown" },
	{ "redis_version:7.2.4\r\nserver_mode:standalone", "$1\r\nv\r\n", 0, NULL },
	{ "redis_version:7.2.4\r\nserver_mode:cluster", "$1\r\nv\r\n", -EIO, "Cluster" },
	{ "redis_version:7.2.4\r\nredis_mode:sentinel", "$1\r\nv\r\n", -EIO, "Sentinel" },
	{ "-NOPERM this user has no permissions to run the 'info' command", "$1\r\nv\r\n", 0,
	  NULL },
	{ "-NOAUTH Authentication required.", "$1\r\nv\r\n", -EACCES, "password" },
	{ "redis_version:7.2.4", "-LOADING Redis is loading the dataset in memory\r\n", -EIO,
	  "still loading" },
	{ "redis_version:7.2.4", "-MOVED 1 10.0.0.1:1\r\n", -EIO, "Cluster" },
	{ "redis_version:7.2.4", "-MISCONF Redis is configured to save RDB snapshots\r\n", -ENOSPC,
	  "disk" },
};

static void test_servers_of_all_kinds(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(personas) / sizeof(personas[0]); i++) {
		const struct persona *persona = &personas[i];
		char hello[300];
		const char *texts[] = { hello, persona->answer, NULL };
		struct nv_redis_replies *replies cleanup_redis_replies = NULL;
		struct nv_err err = NV_ERR_INIT;

		print_message("# persona %zu\n", i);
		if (persona->info[0] == '-') {
			(void)snprintf(hello, sizeof(hello), "%s\r\n+OK\r\n+OK\r\n", persona->info);
		} else {
			(void)snprintf(hello, sizeof(hello), "$%zu\r\n%s\r\n+OK\r\n+OK\r\n",
			               strlen(persona->info), persona->info);
		}

		struct nv_fault_server *server = nv_fault_server_new_scripted(texts);
		struct nv_redis *redis = open_port(f, "127.0.0.1", nv_fault_server_port(server));

		assert_int_equal(ask(redis, &replies, &err, "GET", "k", NULL), persona->result);
		if (persona->shown) {
			assert_non_null(strstr(err.msg, persona->shown));
		}
		nv_redis_free(redis);
		nv_fault_server_free(server);
	}
}

static void test_a_server_that_hangs_up_may_say_why(void **state)
{
	static const char *const texts[] = { "!-ERR max number of clients reached\r\n", NULL };
	struct fixture *f = *state;
	struct nv_fault_server *server = nv_fault_server_new_scripted(texts);
	struct nv_redis *redis = open_port(f, "localhost", nv_fault_server_port(server));
	struct nv_err err = NV_ERR_INIT;

	assert_int_equal(nv_redis_ping(redis, &err), -EIO);
	assert_non_null(strstr(err.msg, "redis://localhost:"));
	nv_redis_free(redis);
	nv_fault_server_free(server);
}

/* A request larger than all buffers, to a server that does not read. */
static void test_a_server_that_does_not_read(void **state)
{
	enum { SIZE = 32 << 20 };
	static const char *const texts[] = { "$19\r\nredis_version:7.2.4\r\n+OK\r\n+OK\r\n",
		                             "$1\r\nv\r\n", NULL };
	struct fixture *f = *state;
	struct nv_fault_server *server = nv_fault_server_new_scripted(texts);
	struct nv_redis *redis = open_port(f, "127.0.0.1", nv_fault_server_port(server));
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_script *script = NULL;
	struct nv_redis_call call = { .db = NV_REDIS_MAIN, .args = &args };
	char *large = calloc(1, SIZE);
	bool ambiguous = true;

	assert_non_null(large);
	must(redis, "GET", "k", NULL);
	nv_fault_server_go_deaf(server);
	assert_int_equal(nv_redis_script_new("return 1", 8, &script), 0);
	call.script = script;
	nv_redis_args_add(&args, large, SIZE);

	int64_t started_ms = now_ms();

	assert_int_equal(nv_redis_eval(redis, &call, &replies, &ambiguous, NULL), -ETIMEDOUT);
	assert_true(now_ms() - started_ms < TIMEOUT_MS + SLACK_MS);
	assert_false(ambiguous); /* half a command is none */
	free(large);
	nv_redis_script_free(script);
	nv_redis_free(redis);
	nv_fault_server_free(server);
}

static void test_names_and_ports_that_lead_nowhere(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = { NULL };
	struct nv_fault_server *server = nv_fault_server_new_scripted(texts);
	int port = nv_fault_server_port(server);
	struct nv_err err = NV_ERR_INIT;

	nv_fault_server_free(server);

	struct nv_redis *redis = open_port(f, "127.0.0.1", port);

	assert_int_equal(nv_redis_ping(redis, &err), -EIO);
	assert_non_null(strstr(err.msg, "Connection refused"));
	nv_redis_free(redis);

	/* A name that by its definition does not exist; without a resolver the answer is the
	 * timeout. */
	redis = open_port(f, "server.invalid", port);

	int64_t started_ms = now_ms();
	int r = nv_redis_ping(redis, &err);

	print_message("# %s\n", err.msg);
	assert_true(r == -EIO || r == -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "server.invalid"));
	assert_true(now_ms() - started_ms < TIMEOUT_MS + SLACK_MS);
	nv_redis_free(redis);
}

/* A unix socket whose queue is full: connect(2) says EAGAIN, and poll(2) cannot wait for it. */
static void test_a_full_queue(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int clients[8];

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->server.socket);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (size_t i = 0; i < 8; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], (struct sockaddr *)&address,
		              sizeof(address)); /* the later ones fail */
	}

	int64_t started_ms = now_ms();

	assert_int_equal(nv_redis_ping(f->redis, NULL), -ETIMEDOUT);

	int64_t took_ms = now_ms() - started_ms;

	assert_true(took_ms >= TIMEOUT_MS - 50 && took_ms < TIMEOUT_MS + SLACK_MS);
	for (size_t i = 0; i < 8; i++) {
		(void)close(clients[i]);
	}
	(void)close(listener);
}

#define TEST_LINE(name) cmocka_unit_test_setup_teardown(name, setup_line, teardown_line)
#define TEST_DOWN(name) cmocka_unit_test_setup_teardown(name, setup_down, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LINE(test_a_new_connection_that_breaks_at_any_byte),
		TEST_LINE(test_reads_on_a_pooled_connection_never_fail_for_its_death),
		TEST_LINE(test_a_write_tells_the_truth_wherever_the_line_breaks),
		TEST_LINE(test_an_answer_that_stalls_or_trickles_ends_at_the_timeout),
		TEST_LINE(test_answers_that_nobody_asked_for_spoil_nothing),
		TEST_LINE(test_what_is_not_redis_is_called_so),
		TEST_DOWN(test_servers_of_all_kinds),
		TEST_DOWN(test_a_server_that_hangs_up_may_say_why),
		TEST_DOWN(test_a_server_that_does_not_read),
		TEST_DOWN(test_names_and_ports_that_lead_nowhere),
		TEST_DOWN(test_a_full_queue),
	};

	need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
