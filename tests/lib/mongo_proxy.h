/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A proxy before a server that speaks MongoDB's protocol: it counts the commands of its clients
 * and, at one that the test chooses, cuts the connection or kills the client, before the server has
 * the command, or after it has answered. What the driver's monitors ask is not counted.
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

#endif
