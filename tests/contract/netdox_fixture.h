/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the suites of netdox/ share: a redis-server, the family on top of it without a mount, and a
 * second way to ask the server.
 */
#ifndef NV_TESTS_CONTRACT_NETDOX_FIXTURE_H
#define NV_TESTS_CONTRACT_NETDOX_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "lib/redis_server.h"
#include "netdox/netdox.h"
#include "node/node.h"
#include "redis/pool.h"

struct netdox_fixture {
	struct nv_test_redis server;
	struct nv_clock *clock;
	struct nv_metrics metrics; /* of what the family asks */
	struct nv_redis *redis;    /* the family's */
	struct nv_redis *direct;   /* the test's own */
	struct nv_netdox *netdox;
	struct nv_tree tree;
	struct nv_faults faults; /* of the last call */
	struct nv_err err;       /* of the last call */
	enum nv_mount_mode mode;
	struct nv_row *rows;     /* of that mode */
	char logged[32];         /* id of the last entry that assert_log has seen */
};

int netdox_setup(void **state);
int netdox_teardown(void **state);

/* The family anew (nothing cached), with this number of changelog entries and read-only or not. */
void remount(struct netdox_fixture *f, size_t entries, bool ro);

/* The family anew as that kind of mount has it. */
void remount_as(struct netdox_fixture *f, enum nv_mount_mode mode);

/* The family anew on another way to the server. */
void reconnect(struct netdox_fixture *f, const char *uri, int timeout_ms);

/* A command of words, NULL last, in the main or processed database; it must succeed. */
void redis_do(struct netdox_fixture *f, ...) __attribute__((sentinel));
void redis_do1(struct netdox_fixture *f, ...) __attribute__((sentinel));

/* The same with sizes, for any bytes. */
void redis_bytes(struct netdox_fixture *f, size_t argc, const char *const *argv,
                 const size_t *sizes);

void redis_bytes_in(struct netdox_fixture *f, enum nv_redis_db db, size_t argc,
                    const char *const *argv, const size_t *sizes);

/* The answer to a script (without keys) in a database, a text; free() it. */
char *redis_text(struct netdox_fixture *f, enum nv_redis_db db, const char *script, size_t *ret_size);

/* The value of a key: "none", "string TEXT", "list a|b", "set a|b" (sorted), "hash k=v|k=v"
 * (sorted), "zset m=1". */
void assert_key(struct netdox_fixture *f, const char *key, const char *expected);
void assert_key1(struct netdox_fixture *f, const char *key, const char *expected);

/* The entries since the last call (or since the fixture began) are these, "change,value,plugin"
 * each, NULL last. */
void assert_log(struct netdox_fixture *f, ...) __attribute__((sentinel));

/* How many entries there are. */
long long log_length(struct netdox_fixture *f);

/* last-modified has a time for the key, or has none. */
void assert_stamped(struct netdox_fixture *f, const char *key, bool stamped);

/* The key has (or has not) a time to live. */
void assert_lives(struct netdox_fixture *f, const char *key, bool limited);

/* How many round trips the family made since the last call. */
unsigned long long trips(struct netdox_fixture *f);

/* Each does what the kernel would ask for a path below the mount. 0 or -errno; faults and err
 * are in the fixture. */
int path_lookup(struct netdox_fixture *f, const char *path, struct nv_entry *ret_entry);
int path_list(struct netdox_fixture *f, const char *path, struct nv_listing **ret_listing);
int path_load(struct netdox_fixture *f, const char *path, struct nv_blob **ret_blob);
int path_accepts(struct netdox_fixture *f, const char *path);
int path_check(struct netdox_fixture *f, const char *path, struct nv_blob *base, const char *text,
               size_t from, enum nv_check how);
int path_save(struct netdox_fixture *f, const char *path, struct nv_blob *base, const char *text,
              struct nv_save_result *result);
int path_save_bytes(struct netdox_fixture *f, const char *path, struct nv_blob *base,
                    const char *text, size_t size, struct nv_save_result *result);
int path_unlink(struct netdox_fixture *f, const char *path, struct nv_blob *base, bool check_only);
int path_mkdir(struct netdox_fixture *f, const char *path);
int path_rmdir(struct netdox_fixture *f, const char *path);
int path_rename(struct netdox_fixture *f, const char *from, const char *to, bool replace);

/* Saves text over what is there now (nothing: creates it). The result's text must be what a
 * fresh read gives. */
int path_write(struct netdox_fixture *f, const char *path, const char *text);

/* The path reads as this text. */
void assert_text(struct netdox_fixture *f, const char *path, const char *expected);

/* The path is not there. */
void assert_gone(struct netdox_fixture *f, const char *path);

/* The directory has these names, blank-separated, in this order. */
void assert_names(struct netdox_fixture *f, const char *path, const char *expected);

/* Ends the program with a skip (or a failure, NV_REQUIRE_SERVERS) when there is no redis-server. */
void netdox_need_server(int tests);

#endif
