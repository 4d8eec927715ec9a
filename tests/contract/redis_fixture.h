/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the suites of the Redis layer share: a server, the object under test, and shorthands.
 */
#ifndef NV_TESTS_CONTRACT_REDIS_FIXTURE_H
#define NV_TESTS_CONTRACT_REDIS_FIXTURE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "lib/redis_server.h"
#include "redis/pipeline.h"
#include "redis/pool.h"
#include "redis/script.h"

#define TIMEOUT_MS 400 /* of the objects under test */

/* How much longer than its timeout a request may take on a busy machine. */
#define SLACK_MS 3000

struct fixture {
	struct nv_test_redis server;
	struct nv_clock *clock;
	struct nv_metrics metrics;
	struct nv_redis *redis;
};

/* cmocka fixtures. setup_down: the server is not started. */
int setup(void **state);
int setup_down(void **state);
int teardown(void **state);

/* An object for another URI (NULL: the server's), same clock and metrics. Free with nv_redis_free.
 */
struct nv_redis *open_redis(struct fixture *f, const char *uri, int timeout_ms);

/* Runs one command of words in the main database; its answer in *ret_replies. */
int ask(struct nv_redis *redis, struct nv_redis_replies **ret_replies, struct nv_err *err,
        const char *command, const char *argument, const char *argument2);

/* The same; it must succeed, and its answer does not matter. */
void must(struct nv_redis *redis, const char *command, const char *argument, const char *argument2);

unsigned long long metric(struct fixture *f, enum nv_metric which);

int64_t now_ms(void);

/* Ends the program with a skip (or a failure, NV_REQUIRE_SERVERS) when there is no redis-server. */
void need_server(int tests);

#endif
