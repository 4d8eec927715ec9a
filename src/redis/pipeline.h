/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many commands, one round trip. Arguments are bytes: NULs, newlines and the empty string are fine.
 *
 * Build it, run it, release it. Not thread-safe: one owner. Out of memory while building is sticky
 * and comes out of nv_redis_pipeline_run.
 *
 * Example:
 *	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
 *	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
 *
 *	nv_redis_pipeline_key(&p, "SMEMBERS", "dns", 3);
 *	nv_redis_pipeline_key(&p, "HGETALL", key, key_size);
 *	r = nv_redis_pipeline_run(redis, &p, deadline_ms, &replies, err);
 */
#ifndef NV_REDIS_PIPELINE_H
#define NV_REDIS_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "redis/pool.h"
#include "redis/reply.h"

/* Commands to send. Plain value; the fields are pipeline.c's. */
struct nv_redis_pipeline {
	struct nv_buf bytes; /* the commands of all segments as the protocol wants them; owned */
	struct nv_buf segments; /* array of struct segment: runs for one database; owned */
	enum nv_redis_db db; /* where the next command goes */
	size_t count;        /* commands added */
	size_t args_missing; /* arguments that the command begun last still lacks */
	bool writes;         /* a command that is not known to be a read was added */
	bool keep_errors;    /* set by the caller: see nv_redis_pipeline_run */
};

#define NV_REDIS_PIPELINE_INIT(first) { NV_BUF_INIT, NV_BUF_INIT, (first), 0, 0, false, false }

/* Makes *p empty; its commands go to db. */
void nv_redis_pipeline_init(struct nv_redis_pipeline *p, enum nv_redis_db db);

/* Frees what *p holds; *p is then empty (same db). */
void nv_redis_pipeline_release(struct nv_redis_pipeline *p);

#define cleanup_redis_pipeline __attribute__((cleanup(nv_redis_pipeline_release)))

/* The commands added from now on go to db: reads of both databases share one round trip. Not inside
 * MULTI. A pipeline with writes has one db. */
void nv_redis_pipeline_use(struct nv_redis_pipeline *p, enum nv_redis_db db);

/* Adds a command of argc arguments, its name included; argvlen NULL: they are NUL-terminated. */
void nv_redis_pipeline_add(struct nv_redis_pipeline *p, size_t argc, const char *const *argv,
                           const size_t *argvlen);

/* Adds a command of a name and one key: GET, TYPE, SMEMBERS, HGETALL … */
void nv_redis_pipeline_key(struct nv_redis_pipeline *p, const char *command, const void *key,
                           size_t key_size);

/* Adds a command of NUL-terminated words, the last one NULL. */
void nv_redis_pipeline_words(struct nv_redis_pipeline *p, const char *command, ...)
	__attribute__((sentinel));

/* Begins a command of argc arguments, its name included; exactly argc - 1 calls of
 * nv_redis_pipeline_arg must follow. */
void nv_redis_pipeline_begin(struct nv_redis_pipeline *p, size_t argc, const char *command);
void nv_redis_pipeline_arg(struct nv_redis_pipeline *p, const void *data, size_t size);

/* Number of commands added: the index that the next one's reply will have. */
size_t nv_redis_pipeline_count(const struct nv_redis_pipeline *p);

/*
 * Sends all commands and reads all answers on one connection: one round trip, counted in the
 * metrics (connecting is counted apart). deadline_ms: from nv_redis_deadline(); 0 = a full timeout
 * from now. An empty pipeline asks nobody and gives no replies.
 *
 * An error reply to any command fails the run with that error (nv_redis_reply_check), except
 * WRONGTYPE, which is left in its reply for the caller to look at (with p->keep_errors: every error
 * reply is left).
 *
 * Sent again once, on a new connection, when the pooled connection turns out to be dead and nothing
 * was sent or all commands are reads. A pipeline with writes that fails with -EIO or -ETIMEDOUT may
 * have been carried out.
 *
 * Blocks, until the deadline. Errors: -ETIMEDOUT, -EIO (refused, closed, any other), -EACCES
 * (login), -ENOSPC, -EROFS, -ENOMEM; -EINVAL for what only a bug sends: writes to two databases.
 * Owns: free *ret_replies with nv_redis_replies_free.
 */
int nv_redis_pipeline_run(struct nv_redis *redis, struct nv_redis_pipeline *p, int64_t deadline_ms,
                          struct nv_redis_replies **ret_replies, struct nv_err *err);

#endif
