/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server answered, as plain values, and what its error replies mean: the one place that
 * maps them to errno.
 *
 * Knows the protocol's types, nothing of keys or layouts, and shows nothing of hiredis.
 */
#ifndef NV_REDIS_REPLY_H
#define NV_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum nv_redis_type {
	NV_REDIS_NIL,    /* no such key, no such field */
	NV_REDIS_INT,    /* integer */
	NV_REDIS_BULK,   /* bytes: any, also NUL */
	NV_REDIS_STATUS, /* bytes: "OK", the answer of TYPE */
	NV_REDIS_ERROR,  /* bytes: "CODE text" */
	NV_REDIS_ARRAY,  /* items */
};

/* One answer, or one element of one. Plain value inside a struct nv_redis_replies, which owns
 * everything it points to. */
struct nv_redis_reply {
	enum nv_redis_type type;
	long long integer; /* of NV_REDIS_INT, else 0 */
	const char *data;  /* of BULK, STATUS, ERROR: the bytes and a NUL; else "" (never NULL) */
	size_t size;       /* bytes of data, without the NUL */
	size_t count;      /* of ARRAY: its elements, else 0 */
	struct nv_redis_reply *items; /* of ARRAY with count > 0, else NULL */
};

/* The answers of one pipeline, one for each command in order. One allocation arena: freed as a
 * whole. */
struct nv_redis_replies {
	size_t count;
	struct nv_redis_reply *items; /* owned; items[i] answers command i */
	void *arena;                  /* private to reply.c */
};

/* Frees all answers. NULL is allowed. */
void nv_redis_replies_free(struct nv_redis_replies *replies);

static inline void nv_cleanup_redis_replies(struct nv_redis_replies **replies)
{
	nv_redis_replies_free(*replies);
}
#define cleanup_redis_replies __attribute__((cleanup(nv_cleanup_redis_replies)))

/* True for an error reply that says the key has another type than the command wants. */
bool nv_redis_reply_is_wrongtype(const struct nv_redis_reply *reply);

/* True for a BULK or STATUS reply that is exactly text. */
bool nv_redis_reply_is(const struct nv_redis_reply *reply, const char *text);

/* True when the bytes of a BULK or STATUS reply are a decimal integer in range: *ret_value is it.
 * An INT reply gives its integer. */
bool nv_redis_reply_integer(const struct nv_redis_reply *reply, long long *ret_value);

/*
 * The one check_reply: 0 when reply is no error reply, else -errno with "ADDRESS: WHAT: reason" in
 * *err:
 *	OOM MISCONF -> ENOSPC     READONLY -> EROFS     NOAUTH WRONGPASS NOPERM -> EACCES
 *	LOADING BUSY MASTERDOWN MOVED ASK CLUSTERDOWN CROSSSLOT WRONGTYPE, anything else -> EIO
 *
 * An error that a script's command raised counts as that command's. address: nv_redis_address()
 * (may be NULL); what: the command or the key that was asked for (may be NULL).
 */
int nv_redis_reply_check(const struct nv_redis_reply *reply, const char *address, const char *what,
                         struct nv_err *err);

/* 0 when reply has the type; else as nv_redis_reply_check for an error reply, and -EIO "unexpected
 * answer" for another type. */
int nv_redis_reply_expect(const struct nv_redis_reply *reply, enum nv_redis_type type,
                          const char *address, const char *what, struct nv_err *err);

#endif
