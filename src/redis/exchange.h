/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request to the server as a whole: breaker, a lent connection, one round trip, one repetition
 * where that is safe, metrics.
 *
 * Inside redis/ only: pipeline.c and script.c build what it sends.
 */
#ifndef NV_REDIS_EXCHANGE_H
#define NV_REDIS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "redis/pool.h"
#include "redis/reply.h"

/* Commands for one database, as the protocol wants them. */
struct nv_redis_part {
	const void *data; /* borrowed */
	size_t size;
	size_t commands; /* that end in this part: parts of one database may share a command */
	enum nv_redis_db db;
};

struct nv_redis_request {
	const struct nv_redis_part *parts; /* borrowed */
	size_t parts_count;                /* at least 1 */
	bool reads;          /* only reads: may be sent twice, and to several databases */
	int64_t deadline_ms; /* 0 = a full timeout from now */
};

/* How much of a failed request may have reached the server. */
enum nv_redis_sent {
	NV_REDIS_SENT_NOTHING,
	NV_REDIS_SENT_SOME, /* not all bytes: the last command cannot have run */
	NV_REDIS_SENT_ALL,
};

/*
 * Asks; *ret_replies has one answer for each command. *ret_sent is always set. Error replies are
 * answers here, not failures (but that of a database that cannot be selected). Blocks. Errors: -EIO
 * -ETIMEDOUT -EACCES (login) -EINVAL (writes to two databases) -ENOMEM.
 */
int nv_redis_exchange(struct nv_redis *redis, const struct nv_redis_request *request,
                      struct nv_redis_replies **ret_replies, enum nv_redis_sent *ret_sent,
                      struct nv_err *err);

#endif
