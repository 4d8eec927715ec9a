/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: bytes out, answers in, before a deadline. connect.h opens it.
 *
 * Inside redis/ only. One user at a time. After any failure of an exchange the connection can only
 * be freed: what it would read next may be the answer to an older question.
 */
#ifndef NV_REDIS_CONN_H
#define NV_REDIS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "redis/reply.h"

struct nv_redis_decoder;

struct nv_redis_conn {
	int fd;                           /* owned; non-blocking */
	struct nv_redis_decoder *decoder; /* owned */
	int db;                           /* number of the database selected */
	uint64_t epoch;                   /* the pool's: older ones are not used again */
	struct nv_redis_conn *next;       /* in the pool's idle list */
};

/* Milliseconds of the machine's monotonic clock. */
int64_t nv_redis_now_ms(void);

/* Wraps a connected socket. Takes ownership of fd, also on failure. NULL when out of memory. */
struct nv_redis_conn *nv_redis_conn_new(int fd);

/* Closes it. NULL is allowed. */
void nv_redis_conn_free(struct nv_redis_conn *conn);

static inline void nv_cleanup_redis_conn(struct nv_redis_conn **conn)
{
	nv_redis_conn_free(*conn);
}
#define cleanup_redis_conn __attribute__((cleanup(nv_cleanup_redis_conn)))

/* False when the server closed it or sent what nobody asked for: a look, no waiting. */
bool nv_redis_conn_is_usable(const struct nv_redis_conn *conn);

/*
 * Sends the pieces and reads expected answers. *ret_sent is always set: how many bytes were handed
 * to the system. Errors (messages without the address): -ETIMEDOUT, -EIO, -ENOMEM. Owns: free
 * *ret_replies with nv_redis_replies_free.
 */
int nv_redis_conn_exchange(struct nv_redis_conn *conn, const struct iovec *pieces,
                           size_t pieces_count, size_t expected, int64_t deadline_ms,
                           struct nv_redis_replies **ret_replies, size_t *ret_sent,
                           struct nv_err *err);

#endif
