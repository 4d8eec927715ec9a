/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands between a client and a Redis server and does harm: a proxy on a TCP port of its own
 * that cuts, stalls, delays, or replaces what passes; or, without a server behind it, one
 * that answers from a script.
 *
 * Its waits are the faults themselves; nothing is synchronised by them.
 */
#ifndef NV_TESTS_LIB_FAULT_SERVER_H
#define NV_TESTS_LIB_FAULT_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum nv_fault_kind {
	NV_FAULT_NONE,
	NV_FAULT_CUT_REQUEST, /* pass `after` bytes of requests, then close both sides */
	NV_FAULT_CUT_REPLY,   /* pass `after` bytes of replies, then close both sides */
	NV_FAULT_STALL_REPLY, /* pass `after` bytes of replies, then nothing more */
	NV_FAULT_TRICKLE,     /* one byte of the replies each 20 ms */
	NV_FAULT_REPLACE,     /* each piece of the replies by `text` */
};

/* Bytes are counted for each connection from the moment that the fault was set. */
struct nv_fault_rule {
	enum nv_fault_kind kind;
	size_t after;
	int times;        /* of cuts: how many; after that nothing is done to anybody */
	const char *text; /* borrowed until the next rule */
};

struct nv_fault_server;

/* Starts it before the server on the unix socket `upstream`. NULL with a line on stderr. */
struct nv_fault_server *nv_fault_server_new(const char *upstream);

/* Starts one that answers the first piece received on a connection by texts[0], and so on; when
 * there are no more it reads on and is silent. A text beginning with '!' is sent at once on accept,
 * without the '!', and the connection closed. texts: borrowed, the last one NULL. */
struct nv_fault_server *nv_fault_server_new_scripted(const char *const *texts);

/* Ends it and closes all. NULL is allowed. */
void nv_fault_server_free(struct nv_fault_server *server);

int nv_fault_server_port(const struct nv_fault_server *server);

void nv_fault_server_set(struct nv_fault_server *server, struct nv_fault_rule rule);

/* Sends text to all clients, who asked for nothing. */
void nv_fault_server_say(struct nv_fault_server *server, const char *text);

/* Stops reading from clients: their requests pile up in the system's buffers. */
void nv_fault_server_go_deaf(struct nv_fault_server *server);

/* Bytes of requests and of replies that passed since the rule was set. */
void nv_fault_server_counts(struct nv_fault_server *server, size_t *ret_requests,
                            size_t *ret_replies);

/* Connections accepted so far. */
unsigned nv_fault_server_connections(struct nv_fault_server *server);

#endif
