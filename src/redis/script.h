/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lua scripts: sent by hash, and in full when the server does not know them yet.
 */
#ifndef NV_REDIS_SCRIPT_H
#define NV_REDIS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "redis/pool.h"
#include "redis/reply.h"

struct nv_redis_script;

/* text is copied. Errors: -ENOMEM. Owns: free with nv_redis_script_free. Immutable then: any
 * thread. */
int nv_redis_script_new(const char *text, size_t size, struct nv_redis_script **ret_script);
void nv_redis_script_free(struct nv_redis_script *script);

/* The 40 hex digits that name it. */
const char *nv_redis_script_sha1(const struct nv_redis_script *script);

/* The arguments of one call, in order: first the keys (KEYS), then the others (ARGV). Bytes. Memory
 * failure is sticky. */
struct nv_redis_args {
	struct nv_buf bytes; /* as the protocol wants them; owned */
	size_t count;
};

#define NV_REDIS_ARGS_INIT { NV_BUF_INIT, 0 }

void nv_redis_args_add(struct nv_redis_args *args, const void *data, size_t size);
void nv_redis_args_text(struct nv_redis_args *args, const char *text);
void nv_redis_args_integer(struct nv_redis_args *args, long long value);
void nv_redis_args_release(struct nv_redis_args *args);

#define cleanup_redis_args __attribute__((cleanup(nv_redis_args_release)))

/* One call of a script. */
struct nv_redis_call {
	enum nv_redis_db db;
	const struct nv_redis_script *script;
	const struct nv_redis_args *args;
	size_t keys;         /* so many of args are KEYS, the rest is ARGV */
	bool read_only;      /* the script writes nothing: may be sent twice */
	int64_t deadline_ms; /* from nv_redis_deadline(); 0 = a full timeout from now */
};

/*
 * Runs the script: one round trip, two when the server did not know it. The answer is
 * (*ret_replies)->items[0].
 *
 * *ret_ambiguous (may be NULL) is always set: true when the call fails and the server may have run
 * the script all the same (the connection died or timed out after it was sent). The caller then
 * reads again and compares. False with an error: it did not run, or it ran and its own error reply
 * came back.
 *
 * Blocks, until the deadline. Errors: as nv_redis_pipeline_run; an error reply of any kind, also
 * one that the script returned, is an error.
 */
int nv_redis_eval(struct nv_redis *redis, const struct nv_redis_call *call,
                  struct nv_redis_replies **ret_replies, bool *ret_ambiguous, struct nv_err *err);

#endif
