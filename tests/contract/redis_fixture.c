/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/redis_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

struct nv_redis *open_redis(struct fixture *f, const char *uri, int timeout_ms)
{
	struct nv_redis_uri parsed cleanup_redis_uri = NV_REDIS_URI_INIT;
	struct nv_err err = NV_ERR_INIT;
	struct nv_redis *redis = NULL;

	if (nv_redis_uri_parse(uri ? uri : f->server.uri, &parsed, &err) < 0) {
		fail_msg("%s", err.msg);
	}

	struct nv_redis_config config = {
		.uri = &parsed,
		.processed_db = 1,
		.timeout_ms = timeout_ms,
		.clock = f->clock,
		.metrics = &f->metrics,
	};

	if (nv_redis_new(&config, &redis, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	return redis;
}

int setup_down(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || !nv_test_redis_new_down(&f->server) || nv_clock_new(&f->clock) < 0) {
		return -1;
	}
	f->redis = open_redis(f, NULL, TIMEOUT_MS);
	*state = f;
	return 0;
}

int setup(void **state)
{
	if (setup_down(state) < 0) {
		return -1;
	}
	return nv_test_redis_start(&((struct fixture *)*state)->server, NULL) ? 0 : -1;
}

int teardown(void **state)
{
	struct fixture *f = *state;

	nv_redis_free(f->redis);
	nv_clock_free(f->clock);
	nv_test_redis_release(&f->server);
	free(f);
	return 0;
}

int ask(struct nv_redis *redis, struct nv_redis_replies **ret_replies, struct nv_err *err,
        const char *command, const char *argument, const char *argument2)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);

	nv_redis_pipeline_words(&p, command, argument, argument2, NULL);
	return nv_redis_pipeline_run(redis, &p, 0, ret_replies, err);
}

void must(struct nv_redis *redis, const char *command, const char *argument, const char *argument2)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_err err = NV_ERR_INIT;

	if (ask(redis, &replies, &err, command, argument, argument2) < 0) {
		fail_msg("%s: %s", command, err.msg);
	}
}

unsigned long long metric(struct fixture *f, enum nv_metric which)
{
	return atomic_load(&f->metrics.values[which]);
}

int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void need_server(int tests)
{
	if (nv_test_redis_is_installed()) {
		return;
	}
	if (getenv("NV_REQUIRE_SERVERS")) {
		(void)printf("Bail out! there is no redis-server (Debian package redis-server)\n");
		exit(1);
	}
	(void)printf("1..%d\n", tests);
	for (int i = 1; i <= tests; i++) {
		(void)printf(
			"ok %d # SKIP there is no redis-server (Debian package redis-server)\n", i);
	}
	exit(0);
}
