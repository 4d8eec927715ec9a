/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a Redis server is and how to log in: the value of -o redis=.
 *
 *	redis://[USER:PASSWORD@]HOST[:PORT][/DB]
 *	unix://[USER:PASSWORD@]/PATH[?db=N]
 *
 * HOST is a name, an IPv4 address or an [IPv6] one; without PORT it is 6379, without DB 0.
 * %XX is decoded in USER, PASSWORD, HOST and PATH; USER may be empty (":PASSWORD@" logs in as the
 * default user).
 */
#ifndef NV_REDIS_URI_H
#define NV_REDIS_URI_H

#include <stddef.h>

#include "base/error.h"

#define NV_REDIS_DB_LIMIT 1000000 /* database numbers are below it */

/* One server. Plain value; all strings owned. */
struct nv_redis_uri {
	char *host;     /* NULL for a unix socket; without brackets */
	int port;       /* 1..65535; 0 for a unix socket */
	char *path;     /* of the unix socket, at most 107 bytes; NULL for TCP */
	char *user;     /* NULL: the default user */
	char *password; /* NULL: no AUTH; may be "" when a user is given. Secret: never print it */
	int db;         /* the main database */
	char *address;  /* "redis://HOST:PORT" or "unix:///PATH", no login, no db: for messages */
};

#define NV_REDIS_URI_INIT { NULL, 0, NULL, NULL, NULL, 0, NULL }

/*
 * Parses text. Errors: -EINVAL (a one-line reason that never holds any part of the login), -ENOMEM.
 * Owns: release *ret_uri with nv_redis_uri_release.
 */
int nv_redis_uri_parse(const char *text, struct nv_redis_uri *ret_uri, struct nv_err *err);

/* Frees the strings (the password is wiped first); *uri is then as NV_REDIS_URI_INIT. */
void nv_redis_uri_release(struct nv_redis_uri *uri);

#define cleanup_redis_uri __attribute__((cleanup(nv_redis_uri_release)))

#endif
