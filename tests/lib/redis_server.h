/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A redis-server of a test's own: on a unix socket in a private directory, stopped by its process
 * id, gone with the test.
 *
 * Example:
 *	struct nv_test_redis server;
 *
 *	if (!nv_test_redis_new(&server, NULL)) { … fail }
 *	… server.uri …
 *	nv_test_redis_release(&server);
 */
#ifndef NV_TESTS_LIB_REDIS_SERVER_H
#define NV_TESTS_LIB_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct nv_test_redis {
	char dir[64];    /* private; removed by release */
	char socket[80]; /* its unix socket */
	char uri[96];    /* "unix:///…", for nv_redis_uri_parse */
	pid_t pid;       /* 0 = not running */
};

/* True when there is a redis-server to start. Without one a suite skips itself, unless the
 * environment sets NV_REQUIRE_SERVERS. */
bool nv_test_redis_is_installed(void);

/* Makes the directory and starts the server. more: further arguments ("--requirepass", "x", NULL),
 * or NULL. False with a line on stderr. */
bool nv_test_redis_new(struct nv_test_redis *server, const char *const *more);

/* Only makes the directory and the names: the server is down. */
bool nv_test_redis_new_down(struct nv_test_redis *server);

/* Starts it (again); returns when it accepts connections. */
bool nv_test_redis_start(struct nv_test_redis *server, const char *const *more);

/* Ends it and waits for its end: politely, or with SIGKILL. No effect when it does not run. */
void nv_test_redis_stop(struct nv_test_redis *server);
void nv_test_redis_kill(struct nv_test_redis *server);

/* SIGSTOP, returns when it has stopped; SIGCONT. */
void nv_test_redis_pause(struct nv_test_redis *server);
void nv_test_redis_resume(struct nv_test_redis *server);

/* Stops it and removes its directory. */
void nv_test_redis_release(struct nv_test_redis *server);

#endif
