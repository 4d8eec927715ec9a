/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arguments for commit.lua and what its answer means.
 */
#include "config.h"

#include "netdox/keyedit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/zset.h"
#include "netdox/names.h"

void nv_keyedit_release(struct nv_keyedit *edit)
{
	nv_redis_args_release(&edit->entries);
	nv_redis_args_release(&edit->ops);
}

void nv_keyedited_release(struct nv_keyedited *edited)
{
	nv_snapshot_unref(steal(&edited->snapshot));
}

/* Words of expectations, as they come back. */
static const struct {
	const char *word;
	int errnum;
} statuses[] = {
	{ "ENOENT", ENOENT }, { "EEXIST", EEXIST }, { "ENOTEMPTY", ENOTEMPTY },
	{ "STALE", ESTALE },  { "RETRY", EAGAIN },
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

static void put(struct nv_keyedit *edit, const struct nv_bytes *bytes)
{
	nv_redis_args_add(&edit->ops, bytes->data ? bytes->data : "", bytes->size);
}

static void put_optional(struct nv_keyedit *edit, const struct nv_bytes *bytes)
{
	nv_redis_args_integer(&edit->ops, bytes && bytes->data ? 1 : 0);
	nv_redis_args_add(&edit->ops, bytes && bytes->data ? bytes->data : "",
	                  bytes && bytes->data ? bytes->size : 0);
}

static void begin(struct nv_keyedit *edit, const char *operation)
{
	edit->ops_count++;
	nv_redis_args_text(&edit->ops, operation);
}

size_t nv_keyedit_entry(struct nv_keyedit *edit, const char *change, const struct nv_bytes *value,
                        const struct nv_bytes *plugin)
{
	nv_redis_args_text(&edit->entries, change);
	nv_redis_args_add(&edit->entries, value->data ? value->data : "", value->size);
	nv_redis_args_add(&edit->entries, plugin->data ? plugin->data : "", plugin->size);
	return ++edit->entries_count;
}

void nv_keyedit_member(struct nv_keyedit *edit, const struct nv_bytes *key, const char *types,
                       const struct nv_bytes *member, bool there, int errnum)
{
	begin(edit, "member");
	put(edit, key);
	nv_redis_args_text(&edit->ops, types);
	put(edit, member);
	nv_redis_args_integer(&edit->ops, there ? 1 : 0);
	nv_redis_args_text(&edit->ops, status_word(errnum));
}

void nv_keyedit_absent(struct nv_keyedit *edit, const struct nv_bytes *key, int errnum)
{
	begin(edit, "absent");
	put(edit, key);
	nv_redis_args_text(&edit->ops, status_word(errnum));
}

void nv_keyedit_equals(struct nv_keyedit *edit, const struct nv_bytes *key,
                       const struct nv_bytes *value, int errnum)
{
	begin(edit, "equals");
	put(edit, key);
	put_optional(edit, value);
	nv_redis_args_text(&edit->ops, status_word(errnum));
}

void nv_keyedit_add(struct nv_keyedit *edit, const struct nv_bytes *key, const char *types,
                    const struct nv_bytes *member, size_t entry)
{
	begin(edit, "add");
	edit->changes_count++;
	put(edit, key);
	nv_redis_args_text(&edit->ops, types);
	put(edit, member);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

void nv_keyedit_remove(struct nv_keyedit *edit, const struct nv_bytes *key, const char *types,
                       const struct nv_bytes *member, const struct nv_bytes *guard, size_t entry)
{
	const struct nv_bytes none = nv_view("", 0);

	begin(edit, "remove");
	edit->changes_count++;
	put(edit, key);
	nv_redis_args_text(&edit->ops, types);
	put(edit, member);
	put(edit, guard ? guard : &none);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

void nv_keyedit_field(struct nv_keyedit *edit, const struct nv_bytes *key,
                      const struct nv_bytes *field, const struct nv_bytes *old_value,
                      const struct nv_bytes *new_value, size_t entry)
{
	begin(edit, "field");
	edit->changes_count++;
	put(edit, key);
	put(edit, field);
	put_optional(edit, old_value);
	put_optional(edit, new_value);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

void nv_keyedit_score(struct nv_keyedit *edit, const struct nv_bytes *key,
                      const struct nv_bytes *member, const struct nv_bytes *old_score,
                      const struct nv_bytes *new_score, size_t entry)
{
	begin(edit, "score");
	edit->changes_count++;
	put(edit, key);
	put(edit, member);
	put_optional(edit, old_score);
	put_optional(edit, new_score);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

static void put_fields(struct nv_keyedit *edit, const struct nv_fields *fields)
{
	nv_redis_args_integer(&edit->ops, (long long)fields->count * 2);
	for (size_t i = 0; i < fields->count; i++) {
		put(edit, &fields->items[i].key);
		put(edit, &fields->items[i].value);
	}
}

static void put_zset(struct nv_keyedit *edit, const struct nv_zset *zset)
{
	nv_redis_args_integer(&edit->ops, (long long)zset->count * 2);
	for (size_t i = 0; i < zset->count; i++) {
		struct nv_buf score cleanup_buf = NV_BUF_INIT;

		nv_score_format(zset->items[i].score, &score);
		put(edit, &zset->items[i].member);
		nv_redis_args_add(&edit->ops, score.data ? score.data : "0",
		                  score.data ? score.len : 1);
	}
}

/* COUNT ITEMS of a stream as read.lua gives them: id, number of texts, texts. */
static void put_stream(struct nv_keyedit *edit, const struct nv_stream *stream)
{
	size_t items = 0;

	for (size_t i = 0; i < stream->count; i++) {
		items += 2 + 2 * stream->items[i].fields.count;
	}
	nv_redis_args_integer(&edit->ops, (long long)items);
	for (size_t i = 0; i < stream->count; i++) {
		const struct nv_stream_entry *entry = &stream->items[i];
		char id[48];

		snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, entry->ms, entry->seq);
		nv_redis_args_text(&edit->ops, id);
		put_fields(edit, &entry->fields);
	}
}

/* TYPE COUNT ITEMS of a body; an empty one has no key in Redis, but of a stream. */
static void put_body(struct nv_keyedit *edit, const struct nv_data *data)
{
	if (!data) {
		nv_redis_args_text(&edit->ops, "any");
		nv_redis_args_integer(&edit->ops, 0);
		return;
	}
	bool none = data->type == NV_DATA_NONE ||
	            (data->type != NV_DATA_STRING && data->type != NV_DATA_STREAM &&
	             nv_data_is_empty(data));
	nv_redis_args_text(&edit->ops, none ? "none" : nv_data_type_name(data->type));
	if (none) {
		nv_redis_args_integer(&edit->ops, 0);
	} else if (data->type == NV_DATA_STRING) {
		nv_redis_args_integer(&edit->ops, 1);
		put(edit, &data->string);
	} else if (data->type == NV_DATA_HASH) {
		put_fields(edit, &data->fields);
	} else if (data->type == NV_DATA_ZSET) {
		put_zset(edit, &data->zset);
	} else if (data->type == NV_DATA_STREAM) {
		put_stream(edit, &data->stream);
	} else {
		nv_redis_args_integer(&edit->ops, (long long)data->rows.count);
		for (size_t i = 0; i < data->rows.count; i++) {
			put(edit, &data->rows.items[i].bytes);
		}
	}
}

void nv_keyedit_whole(struct nv_keyedit *edit, const struct nv_bytes *key,
                      const struct nv_data *old_data, const struct nv_data *new_data, size_t entry)
{
	begin(edit, "whole");
	edit->changes_count++;
	put(edit, key);
	/* What comes to a stream all the time is in no deletion's way. */
	bool any = old_data && old_data->type == NV_DATA_STREAM && new_data->type == NV_DATA_NONE;
	put_body(edit, any ? NULL : old_data);
	put_body(edit, new_data);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

void nv_keyedit_append(struct nv_keyedit *edit, const struct nv_bytes *key,
                       const struct nv_data *data)
{
	begin(edit, "append");
	edit->changes_count++;
	put(edit, key);
	put_body(edit, data);
}

void nv_keyedit_hash(struct nv_keyedit *edit, const struct nv_bytes *key,
                     const struct nv_fields *old_fields, size_t entry)
{
	begin(edit, "whole");
	edit->changes_count++;
	put(edit, key);
	nv_redis_args_text(&edit->ops, !old_fields             ? "any"
	                               : old_fields->count > 0 ? "hash"
	                                                       : "none");
	if (old_fields) {
		put_fields(edit, old_fields);
	} else {
		nv_redis_args_integer(&edit->ops, 0);
	}
	nv_redis_args_text(&edit->ops, "none");
	nv_redis_args_integer(&edit->ops, 0);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

void nv_keyedit_move(struct nv_keyedit *edit, const struct nv_bytes *from,
                     const struct nv_bytes *to, size_t entry)
{
	begin(edit, "move");
	edit->changes_count++;
	put(edit, from);
	put(edit, to);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

void nv_keyedit_note(struct nv_keyedit *edit, const struct nv_bytes *key, size_t entry)
{
	begin(edit, "note");
	put(edit, key);
	nv_redis_args_integer(&edit->ops, (long long)entry);
}

void nv_keyedit_database(struct nv_keyedit *edit, enum nv_redis_db db)
{
	begin(edit, "database");
	nv_redis_args_integer(&edit->ops, db == NV_REDIS_MAIN ? 0 : 1);
}

/* Appends all arguments of one list to another. */
static void append_args(struct nv_redis_args *args, const struct nv_redis_args *more)
{
	nv_buf_append(&args->bytes, more->bytes.data ? more->bytes.data : "", more->bytes.len);
	args->bytes.failed = args->bytes.failed || more->bytes.failed;
	args->count += more->count;
}

/* All arguments of the script. again: the answer to the first call was lost. */
static void put_call(struct nv_netdox *netdox, const struct nv_keyedit *edit,
                     const struct nv_plan_group *group, bool again, struct nv_redis_args *args)
{
	struct timespec now = nv_clock_wall(netdox->clock);
	struct nv_buf stamp cleanup_buf = NV_BUF_INIT;

	if (netdox->mode == NV_MOUNT_RESTORE) {
		nv_buf_puts(&stamp, ""); /* the changelog and the stamps are restored themselves */
	} else {
		nv_stamp_format(&now, &stamp);
	}
	nv_plan_head(args, netdox->redis);
	nv_redis_args_text(args, nv_netdox_key_changelog);
	nv_redis_args_add(args, stamp.data ? stamp.data : "", stamp.len);
	nv_redis_args_integer(args, again);
	nv_redis_args_integer(args, (long long)edit->entries_count);
	append_args(args, &edit->entries);
	nv_redis_args_integer(args, (long long)edit->ops_count);
	append_args(args, &edit->ops);
	nv_plan_args(args, group, group ? 1 : 0);
	if (nv_buf_error(&stamp)) {
		args->bytes.failed = true;
	}
}

/* What a refusal of the script means. */
static int refusal(const struct nv_redis_reply *items, const struct nv_netdox *netdox,
                   struct nv_err *err)
{
	struct nv_buf a cleanup_buf = NV_BUF_INIT;
	struct nv_buf types cleanup_buf = NV_BUF_INIT;
	const struct nv_redis_reply *status = &items[0];

	nv_printable(&a, items[1].data, items[1].size);
	nv_layout_types_text(items[2].data, &types);
	const char *key = a.data ? a.data : "";
	if (nv_redis_reply_is(status, "WRONGTYPE")) {
		return nv_fail(err, EIO, "the key '%s' is a %s, expected %s", key, items[3].data,
		               types.data ? types.data : "");
	}
	if (nv_redis_reply_is(status, "DENIED")) {
		return nv_fail(err, EACCES, "%s: this login may not %s",
		               nv_redis_address(netdox->redis), key);
	}
	if (nv_redis_reply_is(status, "FULL")) {
		return nv_fail(
			err, EIO,
			"the stream '%s' takes no more entries: its last id is the highest one",
			key);
	}
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (nv_redis_reply_is(status, statuses[i].word)) {
			return nv_fail(err, statuses[i].errnum,
			               "'%s' was changed by another, or is not as expected", key);
		}
	}
	return nv_fail(err, EIO, "unexpected answer of the commit script");
}

/* Reads the script's answer: 0 or the refusal. */
static int take_answer(struct nv_netdox *netdox, const struct nv_redis_reply *reply,
                       const struct nv_plan_group *group, int64_t sampled_ms,
                       struct nv_keyedited *ret, struct nv_err *err)
{
	struct nv_builder *builder NV_CLEANUP(builder) = NULL;
	struct nv_keyedited edited = { .changed = false };
	long long changed;
	int r;

	if (reply->type != NV_REDIS_ARRAY || reply->count != 6 ||
	    !nv_redis_reply_integer(&reply->items[4], &changed)) {
		return nv_fail(err, EIO, "unexpected answer of the commit script");
	}
	edited.changed = changed != 0;
	r = nv_redis_reply_is(&reply->items[0], "OK") ? 0 : refusal(reply->items, netdox, err);
	/* The change stands, or was refused, whatever comes of reading the answer: then the
	 * caller has no snapshot. */
	if (group && nv_builder_new(sampled_ms, &builder) == 0 &&
	    nv_plan_feed(&reply->items[5], group, 1, nv_builder_sink(builder, group), NULL) == 0 &&
	    nv_builder_count(builder) == 1) {
		edited.snapshot = nv_snapshot_ref(nv_builder_at(builder, 0));
	}
	*ret = edited;
	return r;
}

int nv_keyedit_run(struct nv_netdox *netdox, struct nv_keyedit *edit,
                   const struct nv_target *target, bool lists, struct nv_keyedited *ret,
                   struct nv_err *err)
{
	struct nv_redis_args args cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_args args_again cleanup_redis_args = NV_REDIS_ARGS_INIT;
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const struct nv_plan *plan = &nv_netdox_plans[target->object];
	struct nv_plan_group group = { .object = target->object,
		                       .ids = plan->has_id ? &target->id : NULL,
		                       .count = 1 };
	/* Orphans are found by elimination; there is no plan that would tell what is left of
	 * one. */
	const struct nv_plan_group *back = target->object == NV_OBJECT_KEY ? NULL : &group;
	int64_t sampled_ms = nv_clock_ms(netdox->clock);
	bool ambiguous = false;
	bool again = false;
	struct nv_redis_call call = { .db = NV_REDIS_MAIN,
		                      .script = netdox->commit_script,
		                      .args = &args,
		                      .deadline_ms = nv_redis_deadline(netdox->redis) };
	int r;

	put_call(netdox, edit, back, false, &args);
	r = nv_redis_eval(netdox->redis, &call, &replies, &ambiguous, err);
	if (r == -EIO && ambiguous) {
		nv_err_clear(err);
		again = true;
		put_call(netdox, edit, back, true, &args_again);
		call.args = &args_again;
		r = nv_redis_eval(netdox->redis, &call, &replies, NULL, err);
	}
	nv_object_invalidate(netdox, target->object, &target->id, lists);
	if (edit->changes_count > 0) {
		nv_orphans_invalidate(netdox);
	}
	if (r < 0) {
		return r;
	}
	r = take_answer(netdox, &replies->items[0], back, sampled_ms, ret, err);
	if (again && r < 0 && r == -edit->done_errnum) {
		nv_err_clear(err);
		r = 0;
	}
	if (again && r == 0) {
		ret->changed = true; /* by the first call, when not by this one */
	}
	return r;
}
