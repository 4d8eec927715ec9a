/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One Redis server as the daemon sees it: its address and login, connections that are lent to one
 * borrower at a time, and the circuit breaker. pipeline.h and script.h say how to ask it something.
 *
 * Connections are opened when first needed (so after the fork), log in, choose their database, and
 * are closed on any error or timeout: a connection that failed once is never used again. A server
 * that is not a single Redis of version 6 or newer (cluster, sentinel) is refused when connecting,
 * each time with the same clear line.
 *
 * Deadlines are milliseconds of the machine's monotonic clock (nv_redis_deadline), never of the
 * injectable one: tests that advance the daemon's clock must not time requests out. The breaker
 * follows the injectable clock.
 *
 * Circuit breaker: a request that waited in vain opens it. While it is open one request at a time
 * is let through as a probe, a second after the last vain wait has ended; all others fail at once
 * with the error that was last seen. Any success closes it. Failures that cost no time (connection
 * refused) do not open it, so a restarted server is used at once.
 *
 * Locks: one mutex inside, never held while waiting for the network.
 */
#ifndef NV_REDIS_POOL_H
#define NV_REDIS_POOL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/metrics.h"
#include "redis/uri.h"

/* The two logical databases. */
enum nv_redis_db {
	NV_REDIS_MAIN,      /* the URI's */
	NV_REDIS_PROCESSED, /* -o processed_db= */
	NV_REDIS_DB_COUNT,
};

struct nv_redis;

struct nv_redis_config {
	const struct nv_redis_uri *uri; /* copied */
	int processed_db;               /* must not be the main one */
	int timeout_ms;                 /* for one operation as a whole, > 0 */
	const char *client_name;        /* for CLIENT LIST; no blanks; copied; NULL = "netviewfs" */
	struct nv_clock *clock;         /* borrowed for the object's life; for the breaker */
	struct nv_metrics *metrics;     /* borrowed for the object's life; may be NULL */
};

/* Connects nothing. Errors: -EINVAL (a bad config, with the reason), -ENOMEM. Owns: free with
 * nv_redis_free. */
int nv_redis_new(const struct nv_redis_config *config, struct nv_redis **ret_redis,
                 struct nv_err *err);

/* Closes all connections. No request may be under way. NULL is allowed. */
void nv_redis_free(struct nv_redis *redis);

/* "redis://HOST:PORT" or "unix:///PATH", no secrets; lives as long as redis. */
const char *nv_redis_address(const struct nv_redis *redis);

/* The number of a logical database. */
int nv_redis_db_number(const struct nv_redis *redis, enum nv_redis_db db);

/* The deadline of an operation that begins now: to be given to each of its pipelines and
 * scripts. */
int64_t nv_redis_deadline(const struct nv_redis *redis);

/* Connects to both databases, asks PING, and whether the login may run scripts: the check at mount
 * time. Blocks, within the timeout. Errors: -EIO -ETIMEDOUT -EACCES -ENOMEM. */
int nv_redis_ping(struct nv_redis *redis, struct nv_err *err);

/* Closes the connections that nobody uses (before a fork, after a check). */
void nv_redis_disconnect(struct nv_redis *redis);

/*
 * Appends what .netviewfs/status says of the server: lines "redis…: text" (address and databases,
 * state, version, durability). A server that is down is described as such, with the reason: returns
 * 0 also then. Blocks, within the timeout. Errors: -ENOMEM.
 */
int nv_redis_describe(struct nv_redis *redis, struct nv_buf *out);

#endif
