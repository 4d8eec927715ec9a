/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A proxy before a server that speaks MongoDB's protocol: it counts the commands of its clients
 * and, at one that the test chooses, cuts the connection or kills the client, before the server has
 * the command, or after it has answered. What the driver's monitors ask is not counted. It can also
 * be a server that lacks something: refuse a command, or keep a value in its own way.
 */
#ifndef NV_TESTS_LIB_MONGO_PROXY_H
#define NV_TESTS_LIB_MONGO_PROXY_H

#include <stdbool.h>
#include <sys/types.h>

struct nv_test_proxy;

enum nv_test_cut {
	NV_TEST_CUT_BEFORE, /* the server never has the command */
	NV_TEST_CUT_AFTER,  /* the server has done it, the client never knows */
};

/* Listens on a loopback port, and passes on to another. NULL with a line on stderr. */
struct nv_test_proxy *nv_test_proxy_new(unsigned server_port);
void nv_test_proxy_free(struct nv_test_proxy *proxy);

/* Its port. */
unsigned nv_test_proxy_port(const struct nv_test_proxy *proxy);

/* Counts from now on; command number `step`, from 1, is cut, once. 0: none is. victim: this process
 * is killed then; 0: the connection is closed. */
void nv_test_proxy_arm(struct nv_test_proxy *proxy, unsigned step, enum nv_test_cut cut,
                       pid_t victim);

/* Commands since; and whether the chosen one came. */
unsigned nv_test_proxy_commands(struct nv_test_proxy *proxy);
bool nv_test_proxy_has_cut(struct nv_test_proxy *proxy);

/* Answers each command of that name (NULL: none) by itself from now on, with an error of that
 * code. */
void nv_test_proxy_refuse(struct nv_test_proxy *proxy, const char *name, int code);

/* How many it has refused since. */
unsigned nv_test_proxy_refused(struct nv_test_proxy *proxy);

/* From now on, or no longer, the server gets 0.0 where the client says -0.0: it keeps no sign of
 * zero, as FerretDB. */
void nv_test_proxy_round(struct nv_test_proxy *proxy, bool on);

#endif
