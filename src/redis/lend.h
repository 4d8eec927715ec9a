/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pool's inside: what exchange.c needs of it.
 *
 * Inside redis/ only.
 */
#ifndef NV_REDIS_LEND_H
#define NV_REDIS_LEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/breaker.h"
#include "redis/conn.h"
#include "redis/pool.h"

/* The breaker, under the pool's lock and with its clock. */
int nv_redis_admit(struct nv_redis *redis, bool *ret_probe, struct nv_err *err);
void nv_redis_done(struct nv_redis *redis, bool probe, enum nv_outcome outcome,
                   const struct nv_err *err);

/*
 * Lends a connection: an idle one (*ret_pooled) unless fresh is set or there is none, else a new
 * one. db is the database the first command wants; with exact set only a connection that has it
 * selected will do. Blocks when it connects. Give it back with nv_redis_give_back, or drop it.
 */
int nv_redis_lend(struct nv_redis *redis, enum nv_redis_db db, bool exact, bool fresh,
                  int64_t deadline_ms, struct nv_redis_conn **ret_conn, bool *ret_pooled,
                  struct nv_err *err);

/* Takes ownership of a connection whose last exchange succeeded. */
void nv_redis_give_back(struct nv_redis *redis, struct nv_redis_conn *conn);

/* Takes ownership of a connection that failed, and closes the idle ones too: they lead to the same
 * server. */
void nv_redis_drop(struct nv_redis *redis, struct nv_redis_conn *conn);

/* What the pool was made with. */
int nv_redis_timeout_ms(const struct nv_redis *redis);
struct nv_metrics *nv_redis_metrics(const struct nv_redis *redis);

#endif
