/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server of a test's own that speaks MongoDB's protocol: on a loopback port, with a private
 * directory, stopped by its process id, gone with the test. tests/servers/fetch.sh brings the
 * programs.
 */
#ifndef NV_TESTS_LIB_MONGO_SERVER_H
#define NV_TESTS_LIB_MONGO_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

enum nv_test_mongo_kind {
	NV_TEST_MONGO_SECANTUS,            /* a replica set of one: transactions, change streams */
	NV_TEST_MONGO_SECANTUS_STANDALONE, /* says it is standalone, yet has transactions */
	NV_TEST_MONGO_JAVA, /* mongo-java-server: an old protocol, no sessions; in memory */
	NV_TEST_MONGO_FERRET, /* FerretDB 1: refuses much, and loses some */
};

struct nv_test_mongo {
	enum nv_test_mongo_kind kind;
	char dir[64];  /* private; removed by release */
	char log[80];  /* what the server says */
	unsigned port; /* 0 until the first start; then it stays */
	char uri[64];  /* "mongodb://127.0.0.1:PORT", without a database */
	pid_t pid;     /* 0 = not running */
};

/* NULL when the kind can be started here, else the reason. */
const char *nv_test_mongo_missing(enum nv_test_mongo_kind kind);

/* Makes the directory and starts the server. more: further arguments, ended by NULL, or NULL.
 * False with lines on stderr. */
bool nv_test_mongo_new(struct nv_test_mongo *server, enum nv_test_mongo_kind kind,
                       const char *const *more);

/* Starts it again on its port; SecantusDB with the data it had. Returns when it listens. */
bool nv_test_mongo_start(struct nv_test_mongo *server, const char *const *more);

/* Ends it and waits for its end: politely (then, after some seconds, with force), or at once. */
void nv_test_mongo_stop(struct nv_test_mongo *server);
void nv_test_mongo_kill(struct nv_test_mongo *server);

/* SIGSTOP, returns when it has stopped; SIGCONT. */
void nv_test_mongo_pause(struct nv_test_mongo *server);
void nv_test_mongo_resume(struct nv_test_mongo *server);

/* Stops it and removes its directory. */
void nv_test_mongo_release(struct nv_test_mongo *server);

#endif
