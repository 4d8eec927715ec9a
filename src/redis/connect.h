/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens a connection: address, socket, login, database, and a look at what kind of server it is.
 *
 * Inside redis/ only.
 */
#ifndef NV_REDIS_CONNECT_H
#define NV_REDIS_CONNECT_H

#include <stdint.h>

#include "base/error.h"
#include "redis/conn.h"
#include "redis/uri.h"

#define NV_REDIS_VERSION_MIN 6 /* users (ACL) and the answers that the scripts rely on */

/*
 * Errors (messages with the address, never with the login): -EIO -ETIMEDOUT -EACCES -ENOMEM. Owns:
 * free *ret_conn with nv_redis_conn_free.
 */
int nv_redis_connect(const struct nv_redis_uri *uri, int db, const char *client_name,
                     int64_t deadline_ms, struct nv_redis_conn **ret_conn, struct nv_err *err);

#endif
