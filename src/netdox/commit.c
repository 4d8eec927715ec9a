/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arguments for commit.lua and what its answer means.
 */
#include "config.h"

#include "netdox/commit.h"

#include <errno.h>
#include <string.h>

#include "codec/zset.h"
#include "netdox/names.h"

void nv_commit_release(struct nv_commit *commit)
{
	nv_redis_args_release(&commit->entries);
	nv_redis_args_release(&commit->ops);
}

void nv_committed_release(struct nv_committed *committed)
{
	nv_snapshot_unref(steal(&committed->snapshot));
}

/* Words of expectations, as they come back. */
static const struct {
	const char *word;
	int errnum;
} statuses[] = {
	{ "ENOENT", ENOENT }, { "EEXIST", EEXIST }, { "ENOTEMPTY", ENOTEMPTY }, { "STALE", ESTALE }, { "RETRY", EAGAIN },
};

static const char *status_word(int errnum)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].errnum == errnum) {
			return statuses[i].word;
		}
	}
	return "STALE";
}

static void put(struct nv_commit *commit, const struct nv_bytes *bytes)
{
	nv_redis_args_add(&commit->ops, bytes->data ? bytes->data : "", bytes->size);
}

static void put_optional(struct nv_commit *commit, const struct nv_bytes *bytes)
{
	nv_redis_args_integer(&commit->ops, bytes && bytes->data ? 1 : 0);
	nv_redis_args_add(&commit->ops, bytes && bytes->data ? bytes->data : "", bytes && bytes->data ? bytes->size : 0);
}

static void begin(struct nv_commit *commit, const char *operation)
{
	commit->ops_count++;
	nv_redis_args_text(&commit->ops, operation);
}

size_t nv_commit_entry(struct nv_commit *commit, const char *change, const struct nv_bytes *value, const struct nv_bytes *plugin)
{
	nv_redis_args_text(&commit->entries, change);
	nv_redis_args_add(&commit->entries, value->data ? value->data : "", value->size);
	nv_redis_args_add(&commit->entries, plugin->data ? plugin->data : "", plugin->size);
	return ++commit->entries_count;
}

void nv_commit_member(struct nv_commit *commit, const struct nv_bytes *key, const char *types, const struct nv_bytes *member, bool there,
                      int errnum)
{
	begin(commit, "member");
	put(commit, key);
	nv_redis_args_text(&commit->ops, types);
	put(commit, member);
	nv_redis_args_integer(&commit->ops, there ? 1 : 0);
	nv_redis_args_text(&commit->ops, status_word(errnum));
}

void nv_commit_absent(struct nv_commit *commit, const struct nv_bytes *key, int errnum)
{
	begin(commit, "absent");
	put(commit, key);
	nv_redis_args_text(&commit->ops, status_word(errnum));
}

void nv_commit_equals(struct nv_commit *commit, const struct nv_bytes *key, const struct nv_bytes *value, int errnum)
{
	begin(commit, "equals");
	put(commit, key);
	put_optional(commit, value);
	nv_redis_args_text(&commit->ops, status_word(errnum));
}

void nv_commit_add(struct nv_commit *commit, const struct nv_bytes *key, const char *types, const struct nv_bytes *member, size_t entry)
{
	begin(commit, "add");
	commit->changes_count++;
	put(commit, key);
	nv_redis_args_text(&commit->ops, types);
	put(commit, member);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

void nv_commit_remove(struct nv_commit *commit, const struct nv_bytes *key, const char *types, const struct nv_bytes *member,
                      const struct nv_bytes *guard, size_t entry)
{
	const struct nv_bytes none = nv_view("", 0);

	begin(commit, "remove");
	commit->changes_count++;
	put(commit, key);
	nv_redis_args_text(&commit->ops, types);
	put(commit, member);
	put(commit, guard ? guard : &none);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

void nv_commit_field(struct nv_commit *commit, const struct nv_bytes *key, const struct nv_bytes *field, const struct nv_bytes *old_value,
                     const struct nv_bytes *new_value, size_t entry)
{
	begin(commit, "field");
	commit->changes_count++;
	put(commit, key);
	put(commit, field);
	put_optional(commit, old_value);
	put_optional(commit, new_value);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

void nv_commit_score(struct nv_commit *commit, const struct nv_bytes *key, const struct nv_bytes *member, const struct nv_bytes *old_score,
                     const struct nv_bytes *new_score, size_t entry)
{
	begin(commit, "score");
	commit->changes_count++;
	put(commit, key);
	put(commit, member);
	put_optional(commit, old_score);
	put_optional(commit, new_score);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

static void put_fields(struct nv_commit *commit, const struct nv_fields *fields)
{
	nv_redis_args_integer(&commit->ops, (long long)fields->count * 2);
	for (size_t i = 0; i < fields->count; i++) {
		put(commit, &fields->items[i].key);
		put(commit, &fields->items[i].value);
	}
}

static void put_zset(struct nv_commit *commit, const struct nv_zset *zset)
{
	nv_redis_args_integer(&commit->ops, (long long)zset->count * 2);
	for (size_t i = 0; i < zset->count; i++) {
		struct nv_buf score cleanup_buf = NV_BUF_INIT;

		nv_score_format(zset->items[i].score, &score);
		put(commit, &zset->items[i].member);
		nv_redis_args_add(&commit->ops, score.data ? score.data : "0", score.data ? score.len : 1);
	}
}

/* TYPE COUNT ITEMS of a body; an empty one has no key in Redis. */
static void put_body(struct nv_commit *commit, const struct nv_data *data)
{
	if (!data) {
		nv_redis_args_text(&commit->ops, "any");
		nv_redis_args_integer(&commit->ops, 0);
		return;
	}
	bool none = data->type == NV_DATA_NONE || (data->type != NV_DATA_STRING && nv_data_is_empty(data));
	nv_redis_args_text(&commit->ops, none ? "none" : nv_data_type_name(data->type));
	if (none) {
		nv_redis_args_integer(&commit->ops, 0);
	} else if (data->type == NV_DATA_STRING) {
		nv_redis_args_integer(&commit->ops, 1);
		put(commit, &data->string);
	} else if (data->type == NV_DATA_HASH) {
		put_fields(commit, &data->fields);
	} else if (data->type == NV_DATA_ZSET) {
		put_zset(commit, &data->zset);
	} else {
		nv_redis_args_integer(&commit->ops, (long long)data->rows.count);
		for (size_t i = 0; i < data->rows.count; i++) {
			put(commit, &data->rows.items[i].bytes);
		}
	}
}

void nv_commit_whole(struct nv_commit *commit, const struct nv_bytes *key, const struct nv_data *old_data, const struct nv_data *new_data,
                     size_t entry)
{
	begin(commit, "whole");
	commit->changes_count++;
	put(commit, key);
	/* A stream's entries are not compared: nobody edits them here. */
	put_body(commit, old_data && old_data->type == NV_DATA_STREAM ? NULL : old_data);
	put_body(commit, new_data);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

void nv_commit_hash(struct nv_commit *commit, const struct nv_bytes *key, const struct nv_fields *old_fields, size_t entry)
{
	begin(commit, "whole");
	commit->changes_count++;
	put(commit, key);
	nv_redis_args_text(&commit->ops, !old_fields ? "any" : old_fields->count > 0 ? "hash" : "none");
	if (old_fields) {
		put_fields(commit, old_fields);
	} else {
		nv_redis_args_integer(&commit->ops, 0);
	}
	nv_redis_args_text(&commit->ops, "none");
	nv_redis_args_integer(&commit->ops, 0);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

void nv_commit_move(struct nv_commit *commit, const struct nv_bytes *from, const struct nv_bytes *to, size_t entry)
{
	begin(commit, "move");
	commit->changes_count++;
	put(commit, from);
	put(commit, to);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

void nv_commit_note(struct nv_commit *commit, const struct nv_bytes *key, size_t entry)
{
	begin(commit, "note");
	put(commit, key);
	nv_redis_args_integer(&commit->ops, (long long)entry);
}

void nv_commit_database(struct nv_commit *commit, enum nv_redis_db db)
{
	begin(commit, "database");
	nv_redis_args_integer(&commit->ops, db == NV_REDIS_MAIN ? 0 : 1);
}

/* Appends all arguments of one list to another. */
static void append_args(struct nv_redis_args *args, const struct nv_redis_args *more)
{
	nv_buf_append(&args->bytes, more->bytes.data ? more->bytes.data : "", more->bytes.len);
	args->bytes.failed = args->bytes.failed || more->bytes.failed;
	args->count += more->count;
}

static void put_call(struct nv_netdox *netdox, const struct nv_commit *commit, const struct nv_plan_group *group,
                     struct nv_redis_args *args)
{
	struct timespec now = nv_clock_wall(netdox->clock);
	struct nv_buf stamp cleanup_buf = NV_BUF_INIT;

	nv_stamp_format(&now, &stamp);
	nv_plan_head(args, netdox->redis);
	nv_redis_args_text(args, nv_netdox_key_changelog);
	nv_redis_args_add(args, stamp.data, stamp.len);
	nv_redis_args_integer(args, (long long)commit->entries_count);
	append_args(args, &commit->entries);
	nv_redis_args_integer(args, (long long)commit->ops_count);
	append_args(args, &commit->ops);
	nv_plan_args(args, group, group ? 1 : 0);
	if (nv_buf_error(&stamp)) {
		args->bytes.failed = true;
	}
}

/* What a refusal of the script means. */
static int refusal(const struct nv_redis_reply *items, const struct nv_netdox *netdox, struct nv_err *err)
{
	struct nv_buf a cleanup_buf = NV_BUF_INIT;
	struct nv_buf types cleanup_buf = NV_BUF_INIT;
	const struct nv_redis_reply *status = &items[0];

	nv_printable(&a, items[1].data, items[1].size);
	nv_layout_types_text(items[2].data, &types);
	const char *key = a.data ? a.data : "";
	if (nv_redis_reply_is(status, "WRONGTYPE")) {
		return nv_fail(err, EIO, "the key '%s' is a %s, expected %s", key, items[3].data, types.data ? types.data : "");
	}
	if (nv_redis_reply_is(status, "DENIED")) {
		return nv_fail(err, EACCES, "%s: this login may not %s", nv_redis_address(netdox->redis), key);
	}
	if (nv_redis_reply_is(status, "FULL")) {
		return nv_fail(err, EIO, "the stream '%s' takes no more entries: its last id is the highest one", key);
	}
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (nv_redis_reply_is(status, statuses[i].word)) {
			return nv_fail(err, statuses[i].errnum, "'%s' was changed by another, or is not as expected", key);
		}
	}
	return nv_fail(err, EIO, "unexpected answer of the commit script");
}

/* Reads the script's answer: 0 or the refusal. */
static int take_answer(struct nv_netdox *netdox, const struct nv_redis_reply *reply, const struct nv_plan_group *group,
                       int64_t sampled_ms, struct nv_committed *ret, struct nv_err *err)
{
	struct nv_builder *builder NV_CLEANUP(builder) = NULL;
	struct nv_committed committed = { .changed = false };
	long long changed;
	int r;

	if (reply->type != NV_REDIS_ARRAY || reply->count != 6 || !nv_redis_reply_integer(&reply->items[4], &changed)) {
		return nv_fail(err, EIO, "unexpected answer of the commit script");
	}
	committed.changed = changed != 0;
	r = nv_redis_reply_is(&reply->items[0], "OK") ? 0 : refusal(reply->items, netdox, err);
	/* The change stands, or was refused, whatever comes of reading the answer: then the caller has no snapshot. */
	if (group && nv_builder_new(sampled_ms, &builder) == 0 &&
	    nv_plan_feed(&reply->items[5], group, 1, nv_builder_sink(builder, group), NULL) == 0 && nv_builder_count(builder) == 1) {
		committed.snapshot = nv_snapshot_ref(nv_builder_at(builder, 0));
	}
	*ret = committed;
	return r;
}

int nv_commit_run(struct nv_netdox *netdox, struct nv_commit *commit, const struct nv_target *target, bool lists,
                  struct nv_committed *ret, struct nv_err *err)
{
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const struct nv_plan *plan = &nv_netdox_plans[target->object];
	struct nv_plan_group group = { .object = target->object, .ids = plan->has_id ? &target->id : NULL, .count = 1 };
	/* Orphans are found by elimination; there is no plan that would tell what is left of one. */
	const struct nv_plan_group *back = target->object == NV_OBJECT_KEY ? NULL : &group;
	int64_t sampled_ms = nv_clock_ms(netdox->clock);
	bool ambiguous = false;
	bool again = false;
	struct nv_redis_call call = { .db = NV_REDIS_MAIN, .script = netdox->commit_script, .args = &args,
		                      .deadline_ms = nv_redis_deadline(netdox->redis) };
	int r;

	put_call(netdox, commit, back, &args);
	r = nv_redis_eval(netdox->redis, &call, &replies, &ambiguous, err);
	if (r == -EIO && ambiguous) {
		nv_err_clear(err);
		again = true;
		r = nv_redis_eval(netdox->redis, &call, &replies, NULL, err);
	}
	nv_object_invalidate(netdox, target->object, &target->id, lists);
	if (commit->changes_count > 0) {
		nv_orphans_invalidate(netdox);
	}
	if (r < 0) {
		return r;
	}
	r = take_answer(netdox, &replies->items[0], back, sampled_ms, ret, err);
	if (again && r < 0 && r == -commit->done_errnum) {
		nv_err_clear(err);
		ret->changed = true;
		return 0;
	}
	return r;
}
