/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs plans of layout.h: one round trip gives what any number of objects hold, all as of one
 * moment.
 */
#ifndef NV_NETDOX_PLAN_H
#define NV_NETDOX_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "netdox/layout.h"
#include "redis/reply.h"
#include "redis/script.h"

/* What one step gave for one object. All borrowed until the callback returns. */
struct nv_got {
	const struct nv_step *step;
	const struct nv_vars *vars; /* $0 and what was walked through */
	const char *type;           /* the key's type as Redis says, "none" when it is not there */
	bool allowed;               /* the type is none or one of step->types */
	bool there;                 /* the key exists */
	const char *stamp;          /* its last-modified; "" = none is recorded */
	size_t stamp_size;
	/* its value, flat (HGETALL, ZRANGE WITHSCORES; stream: id, number of texts, texts …) */
	const struct nv_redis_reply *items;
	size_t count;
};

/* Who takes the answer. Each returns 0 or -errno, which ends the run. */
struct nv_plan_sink {
	int (*begin)(void *ctx, size_t group, const struct nv_bytes *id);
	int (*got)(void *ctx, const struct nv_got *got);
	int (*end)(void *ctx);
	void *ctx;
};

/* Objects to be read with one plan. */
struct nv_plan_group {
	enum nv_object object;
	bool keys_only;             /* types and walked sets only: values are not sent */
	const struct nv_bytes *ids; /* borrowed; of plans without id: NULL, count 1 */
	size_t count;
};

/* Appends the head of the arguments (databases, stamps) that both scripts begin with. */
void nv_plan_head(struct nv_redis_args *args, const struct nv_redis *redis);

/* Appends the groups. */
void nv_plan_args(struct nv_redis_args *args, const struct nv_plan_group *groups, size_t count);

/* Feeds the answer of these groups to the sink. -EIO when it is not what the plans say. */
int nv_plan_feed(const struct nv_redis_reply *answer, const struct nv_plan_group *groups,
                 size_t count, const struct nv_plan_sink *sink, struct nv_err *err);

/* One call of the script (read.lua as nv_netdox_read_script makes it): one round trip. Blocks.
 * Errors: the store's. */
int nv_plan_run(struct nv_redis *redis, const struct nv_redis_script *script, int64_t deadline_ms,
                const struct nv_plan_group *groups, size_t count, const struct nv_plan_sink *sink,
                struct nv_err *err);

/* Makes the two scripts of the family. 0 or -ENOMEM. Owns: nv_redis_script_free both. */
int nv_plan_scripts(struct nv_redis_script **ret_read, struct nv_redis_script **ret_commit);

#endif
