/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plans on the wire: arguments for read.lua, and its flat answer walked in step with the plan.
 * Knows neither texts nor paths.
 */
#include "config.h"

#include "netdox/plan.h"

#include <errno.h>
#include <string.h>

#include "netdox/names.h"

extern const char nv_embed_read_lua[];
extern const size_t nv_embed_read_lua_size;
extern const char nv_embed_commit_lua[];
extern const size_t nv_embed_commit_lua_size;

int nv_plan_scripts(struct nv_redis_script **ret_read, struct nv_redis_script **ret_commit)
{
	static const char tail[] = "\nreturn read_plans()\n";
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_redis_script *read_script = NULL;
	int r;

	nv_buf_append(&text, nv_embed_read_lua, nv_embed_read_lua_size);
	nv_buf_puts(&text, tail);
	if (nv_buf_error(&text)) {
		return -ENOMEM;
	}
	r = nv_redis_script_new(text.data, text.len, &read_script);
	if (r < 0) {
		return r;
	}
	nv_buf_truncate(&text, nv_embed_read_lua_size);
	nv_buf_append(&text, nv_embed_commit_lua, nv_embed_commit_lua_size);
	r = nv_buf_error(&text);
	if (r == 0) {
		r = nv_redis_script_new(text.data, text.len, ret_commit);
	}
	if (r < 0) {
		nv_redis_script_free(read_script);
		return r;
	}
	*ret_read = read_script;
	return 0;
}

void nv_plan_head(struct nv_redis_args *args, const struct nv_redis *redis)
{
	nv_redis_args_integer(args, nv_redis_db_number(redis, NV_REDIS_MAIN));
	nv_redis_args_integer(args, nv_redis_db_number(redis, NV_REDIS_PROCESSED));
	nv_redis_args_text(args, nv_netdox_key_stamps);
}

void nv_plan_args(struct nv_redis_args *args, const struct nv_plan_group *groups, size_t count)
{
	static const char *const how[] = {
		[NV_STEP_KEY] = "key", [NV_STEP_MEMBER] = "member", [NV_STEP_FIELD] = "field"
	};

	nv_redis_args_integer(args, (long long)count);
	for (size_t i = 0; i < count; i++) {
		const struct nv_plan *plan = &nv_netdox_plans[groups[i].object];

		nv_redis_args_text(args, groups[i].keys_only ? "keys" : "full");
		nv_redis_args_integer(args, (long long)plan->count);
		for (size_t j = 0; j < plan->count; j++) {
			const struct nv_step *step = &plan->steps[j];

			nv_redis_args_integer(args, (long long)step->depth);
			nv_redis_args_integer(args, step->db == NV_REDIS_MAIN ? 0 : 1);
			nv_redis_args_text(args, how[step->how]);
			nv_redis_args_text(args, step->types);
			nv_redis_args_text(args, step->key);
			nv_redis_args_text(args, step->member ? step->member : "");
		}
		nv_redis_args_integer(args, (long long)groups[i].count);
		for (size_t j = 0; j < groups[i].count; j++) {
			const struct nv_bytes *id = groups[i].ids ? &groups[i].ids[j] : NULL;

			nv_redis_args_add(args, id ? id->data : "", id ? id->size : 0);
		}
	}
}

/* The answer being read, and the plan it follows. */
struct feed {
	const struct nv_redis_reply *at; /* next item */
	const struct nv_redis_reply *end;
	const struct nv_plan *plan;
	const struct nv_plan_sink *sink;
	struct nv_vars vars;
};

static size_t after_step(const struct nv_plan *plan, size_t i)
{
	size_t after = i + 1;

	while (after < plan->count && plan->steps[after].depth > plan->steps[i].depth) {
		after++;
	}
	return after;
}

/* Reads type, stamp and items of one step; -EPROTO when the answer ends early. */
static int feed_step(struct feed *feed, const struct nv_step *step, struct nv_got *ret_got)
{
	long long count;

	if (feed->end - feed->at < 3 || !nv_redis_reply_integer(&feed->at[2], &count) ||
	    count < 0 || count > feed->end - feed->at - 3) {
		return -EPROTO;
	}
	struct nv_got got = { .step = step,
		              .vars = &feed->vars,
		              .type = feed->at[0].data,
		              .stamp = feed->at[1].data,
		              .stamp_size = feed->at[1].size,
		              .items = feed->at + 3,
		              .count = (size_t)count };
	got.there = strcmp(got.type, "none") != 0;
	got.allowed = !got.there || nv_layout_lists(step->types, got.type, strlen(got.type));
	feed->at += 3 + count;
	*ret_got = got;
	return 0;
}

static int feed_steps(struct feed *feed, size_t first, size_t stop)
{
	for (size_t i = first; i < stop;) {
		size_t after = after_step(feed->plan, i);
		struct nv_got got;
		int r = feed_step(feed, &feed->plan->steps[i], &got);

		if (r == 0) {
			r = feed->sink->got(feed->sink->ctx, &got);
		}
		size_t stride = r == 0 && strcmp(got.type, "hash") == 0 ? 2 : 1;
		struct nv_bytes *var = &feed->vars.at[feed->plan->steps[i].depth + 1];
		for (size_t j = 0; r == 0 && after > i + 1 && j < got.count; j += stride) {
			*var = nv_view(got.items[j].data, got.items[j].size);
			r = feed_steps(feed, i + 1, after);
		}
		*var = (struct nv_bytes)NV_BYTES_INIT;
		if (r < 0) {
			return r;
		}
		i = after;
	}
	return 0;
}

static int feed_group(struct feed *feed, size_t number, const struct nv_plan_group *group)
{
	const struct nv_bytes none = nv_view("", 0);

	feed->plan = &nv_netdox_plans[group->object];
	for (size_t i = 0; i < group->count; i++) {
		const struct nv_bytes *id = group->ids ? &group->ids[i] : &none;
		int r;

		feed->vars = (struct nv_vars){ { *id } };
		r = feed->sink->begin(feed->sink->ctx, number, id);
		if (r == 0) {
			r = feed_steps(feed, 0, feed->plan->count);
		}
		if (r == 0) {
			r = feed->sink->end(feed->sink->ctx);
		}
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

int nv_plan_feed(const struct nv_redis_reply *answer, const struct nv_plan_group *groups,
                 size_t count, const struct nv_plan_sink *sink, struct nv_err *err)
{
	struct feed feed = { .at = answer->items,
		             .end = answer->items + answer->count,
		             .sink = sink };
	int r = answer->type == NV_REDIS_ARRAY ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = feed_group(&feed, i, &groups[i]);
	}
	if (r == 0 && feed.at != feed.end) {
		r = -EPROTO;
	}
	if (r == -EPROTO) {
		return nv_fail(err, EIO, "the read script's answer does not fit its plan");
	}
	return r < 0 ? nv_fail(err, -r, "reading a snapshot: %s", strerror(-r)) : 0;
}

int nv_plan_run(struct nv_redis *redis, const struct nv_redis_script *script, int64_t deadline_ms,
                const struct nv_plan_group *groups, size_t count, const struct nv_plan_sink *sink,
                struct nv_err *err)
{
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis_call call = { .db = NV_REDIS_MAIN,
		                      .script = script,
		                      .args = &args,
		                      .read_only = true,
		                      .deadline_ms = deadline_ms };
	int r;

	nv_plan_head(&args, redis);
	nv_plan_args(&args, groups, count);
	r = nv_redis_eval(redis, &call, &replies, NULL, err);
	if (r < 0) {
		return r;
	}
	return nv_plan_feed(&replies->items[0], groups, count, sink, err);
}
