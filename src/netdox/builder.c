/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the keys of an object to the texts of its files, by the roles of the plan's steps.
 *
 * The steps of one file follow each other in a plan, so one draft is under way at a time: the first
 * step of another file finishes it.
 */
#include "config.h"

#include "netdox/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/array.h"
#include "codec/data.h"
#include "codec/fields.h"
#include "codec/records.h"
#include "codec/value.h"
#include "netdox/fill.h"
#include "netdox/names.h"
#include "node/name.h"

/* The file whose steps are coming in. */
struct draft {
	bool open;
	enum nv_netdox_kind kind;
	struct nv_bytes id;     /* borrowed from the answer; absent for fixed names */
	bool asked;             /* an index says whether it is there … */
	bool named;             /* … and names it */
	bool there;             /* its key is there */
	char *broken;           /* owned; the first fault, or NULL */
	size_t keys;            /* that are there */
	size_t stamps;          /* of these, with a time */
	struct timespec newest; /* of the times */
	struct nv_bytes body;   /* borrowed; VALUE and LINK */
	struct nv_records records;
	struct nv_lines lines;
	struct nv_fields fields;
	struct nv_data data;
	struct nv_lines claimed; /* its keys, in order of steps; only where claims are asked for */
	enum nv_redis_db db;     /* of these */
};

struct nv_builder {
	struct nv_snapshot **items; /* owned references */
	size_t count;
	size_t cap;
	struct nv_snapshot *now; /* the last of items */
	struct draft draft;
	const struct nv_plan_group *groups; /* borrowed during a run */
	int64_t sampled_ms;
	struct nv_plan_sink sink;
	nv_claim_fn claim; /* NULL: texts are made */
	void *claim_ctx;
};

static void reset_draft(struct draft *draft)
{
	free(draft->broken);
	nv_records_release(&draft->records);
	nv_lines_release(&draft->lines);
	nv_fields_release(&draft->fields);
	nv_data_release(&draft->data);
	nv_lines_release(&draft->claimed);
	*draft = (struct draft){ .open = false };
}

int nv_builder_new(int64_t sampled_ms, struct nv_builder **ret_builder)
{
	struct nv_builder *builder = calloc(1, sizeof(*builder));

	if (!builder) {
		return -ENOMEM;
	}
	builder->sampled_ms = sampled_ms;
	*ret_builder = builder;
	return 0;
}

void nv_builder_free(struct nv_builder *builder)
{
	if (!builder) {
		return;
	}
	for (size_t i = 0; i < builder->count; i++) {
		nv_snapshot_unref(builder->items[i]);
	}
	free(builder->items);
	reset_draft(&builder->draft);
	free(builder);
}

void nv_builder_claims(struct nv_builder *builder, nv_claim_fn claim, void *ctx)
{
	builder->claim = claim;
	builder->claim_ctx = ctx;
}

size_t nv_builder_count(const struct nv_builder *builder)
{
	return builder->count;
}

struct nv_snapshot *nv_builder_at(const struct nv_builder *builder, size_t i)
{
	return builder->items[i];
}

/* "the key 'KEY' is a list, expected a set": why a path cannot be read. NULL when out of memory. */
static char *type_reason(const struct nv_got *got)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	size_t size;

	nv_layout_expand(&key, got->step->key, got->vars);
	nv_buf_puts(&text, "the key '");
	nv_printable(&text, key.data ? key.data : "", key.len);
	nv_buf_printf(&text, "'%s is a %s, expected ",
	              got->step->db == NV_REDIS_MAIN ? "" : " of the processed database",
	              got->type);
	nv_layout_types_text(got->step->types, &text);
	return nv_buf_error(&key) || nv_buf_error(&text) ? NULL : nv_buf_steal(&text, &size);
}

static void format_link(const struct draft *draft, struct nv_buf *text)
{
	static const char prefix[] = "nodes;";
	struct nv_bytes link = draft->body;
	size_t size = sizeof(prefix) - 1;

	if (link.size >= size && memcmp(link.data, prefix, size) == 0) {
		link = (struct nv_bytes){ link.data + size, link.size - size };
	}
	nv_buf_puts(text, "../../../processed/");
	nv_object_component(NV_OBJECT_LINK, &link, text, NULL);
}

static int format_data(struct draft *draft, struct nv_buf *text)
{
	int r = nv_snapshot_data_name(&draft->data, &draft->id);

	if (r < 0) {
		return r;
	}
	nv_data_normalise(&draft->data);
	nv_data_format(&draft->data, text);
	return 0;
}

static int format_draft(struct draft *draft, struct nv_buf *text)
{
	switch (nv_netdox_layouts[draft->kind].codec) {
	case NV_CODEC_VALUE:
		nv_value_format(draft->body.data ? draft->body.data : "", draft->body.size, text);
		return 0;
	case NV_CODEC_LINES:
		nv_lines_sort(&draft->lines);
		nv_lines_format_set(&draft->lines, text);
		return 0;
	case NV_CODEC_RECORDS:
		nv_records_sort(&draft->records);
		nv_records_format(&draft->records, text);
		return 0;
	case NV_CODEC_FIELDS:
		nv_fields_sort(&draft->fields);
		nv_fields_format(&draft->fields, text);
		return 0;
	case NV_CODEC_DATA:
		return format_data(draft, text);
	case NV_CODEC_LINK:
		format_link(draft, text);
		return 0;
	default:
		return -EINVAL;
	}
}

static int make_blob(struct draft *draft, int64_t sampled_ms, struct nv_blob **ret_blob)
{
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_blob *blob;
	size_t size;
	char *bytes;
	int r = format_draft(draft, &text);

	if (r == 0) {
		nv_buf_puts(&text, "");
		r = nv_buf_error(&text);
	}
	if (r < 0) {
		return r;
	}
	bytes = nv_buf_steal(&text, &size);
	if (!bytes) {
		return -ENOMEM;
	}
	blob = nv_blob_new(bytes, size, sampled_ms, NULL, NULL);
	if (!blob) {
		return -ENOMEM;
	}
	blob->stamped = draft->keys > 0 && draft->stamps == draft->keys;
	blob->mtime = draft->newest;
	blob->readonly = draft->kind == NV_NETDOX_ORPHAN;
	*ret_blob = blob;
	return 0;
}

/* A plugin whose name would be cut has no place for the whole of it: it is an orphan. */
static bool is_nameless(const struct draft *draft)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	bool cut = false;

	if (draft->kind == NV_NETDOX_PLUGIN) {
		nv_file_component(&draft->id, &name, &cut);
	}
	return cut;
}

static int claim_draft(struct nv_builder *builder)
{
	const struct draft *draft = &builder->draft;
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft->claimed.count && !draft->broken; i++) {
		const struct nv_bytes *key = &draft->claimed.items[i].bytes;

		r = builder->claim(builder->claim_ctx, draft->db, key->data, key->size);
	}
	return r;
}

/* Makes a part of the draft, if there is one and the file is there. */
static int finish_draft(struct nv_builder *builder)
{
	struct draft *draft = &builder->draft;
	struct nv_blob *blob = NULL;
	bool exists = draft->asked ? draft->named : draft->there;
	int r = 0;

	/* An index that cannot be read hides nothing that has a key. */
	if (draft->broken && draft->there) {
		exists = true;
	}
	if (draft->open && exists && !is_nameless(draft) && builder->claim) {
		r = claim_draft(builder);
	} else if (draft->open && exists && !is_nameless(draft)) {
		if (!draft->broken) {
			r = make_blob(draft, builder->sampled_ms, &blob);
		}
		if (r == 0) {
			r = nv_snapshot_add(builder->now, draft->kind, &draft->id, blob,
			                    steal(&draft->broken));
		}
	}
	reset_draft(draft);
	return r;
}

/* What names the file of a step: what was walked through, or the object itself where that is one
 * file. */
static struct nv_bytes file_id(const struct nv_got *got)
{
	const struct nv_step *step = got->step;

	if (step->role != NV_ROLE_BODY && step->role != NV_ROLE_DETAILS &&
	    step->role != NV_ROLE_NAMED) {
		return (struct nv_bytes)NV_BYTES_INIT;
	}
	if (step->depth == 1) {
		return got->vars->at[1];
	}
	if (step->kind == NV_NETDOX_REPORT || step->kind == NV_NETDOX_ORPHAN) {
		return got->vars->at[0];
	}
	return (struct nv_bytes)NV_BYTES_INIT;
}

static int open_draft(struct nv_builder *builder, const struct nv_got *got)
{
	struct draft *draft = &builder->draft;
	struct nv_bytes id = file_id(got);
	int r;

	if (draft->open && draft->kind == got->step->kind && nv_bytes_equal(&draft->id, &id)) {
		return 0;
	}
	r = finish_draft(builder);
	draft->open = true;
	draft->kind = got->step->kind;
	draft->id = id;
	draft->asked = got->step->depth == 1 && id.data; /* the walked index names it */
	draft->named = draft->asked;
	return r;
}

static void take_stamp(struct draft *draft, const struct nv_got *got)
{
	struct timespec time;

	draft->keys++;
	if (!nv_stamp_parse(got->stamp, got->stamp_size, &time)) {
		return;
	}
	if (draft->stamps == 0 || time.tv_sec > draft->newest.tv_sec ||
	    (time.tv_sec == draft->newest.tv_sec && time.tv_nsec > draft->newest.tv_nsec)) {
		draft->newest = time;
	}
	draft->stamps++;
}

/* Keys of plugins with reserved names are those of other sets: their types and members say
 * nothing of this file. */
static bool is_foreign(const struct nv_got *got)
{
	return (got->step->role == NV_ROLE_TYPES || got->step->role == NV_ROLE_VALUES) &&
	       nv_layout_is_reserved(&got->vars->at[1]);
}

static int take_records(struct draft *draft, const struct nv_got *got)
{
	bool foreign = is_foreign(got);
	int r = 0;

	if (foreign && got->step->role == NV_ROLE_TYPES) {
		return 0; /* a type of such a plugin is one that has values */
	}
	for (size_t i = 0; r == 0 && i < got->count; i++) {
		struct nv_bytes item = nv_view(got->items[i].data, got->items[i].size);
		const struct nv_bytes *vars = got->vars->at;

		if (got->step->role == NV_ROLE_PLUGINS) {
			r = nv_records_add(&draft->records, &item, NULL, NULL, 0);
		} else if (got->step->role == NV_ROLE_TYPES) {
			r = nv_records_add(&draft->records, &vars[1], &item, NULL, 0);
		} else {
			r = nv_records_add(&draft->records, &vars[1], &vars[2], &item, 0);
		}
	}
	return r;
}

static int take_body(struct draft *draft, const struct nv_got *got)
{
	switch (nv_netdox_layouts[draft->kind].codec) {
	case NV_CODEC_LINES:
		return nv_fill_lines(&draft->lines, got->items, got->count);
	case NV_CODEC_FIELDS:
		return nv_fill_fields(&draft->fields, got->items, got->count);
	case NV_CODEC_DATA:
		return nv_fill_data(&draft->data, got->type, got->items, got->count);
	default:
		if (got->count > 0) {
			draft->body = nv_view(got->items[0].data, got->items[0].size);
		}
		return 0;
	}
}

/* The key of a step, expanded; *key must be empty. */
static int expand_key(const struct nv_got *got, struct nv_buf *key)
{
	nv_layout_expand(key, got->step->key, got->vars);
	return nv_buf_error(key);
}

static int note_claim(struct draft *draft, const struct nv_got *got)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	int r = expand_key(got, &key);

	draft->db = got->step->db;
	if (r == 0 && !(is_foreign(got) && got->step->role == NV_ROLE_TYPES)) {
		r = nv_lines_add(&draft->claimed, key.data, key.len, 0);
	}
	return r;
}

static int take_file_step(struct nv_builder *builder, const struct nv_got *got)
{
	struct draft *draft = &builder->draft;
	enum nv_data_type type;
	int r = open_draft(builder, got);

	if (r < 0) {
		return r;
	}
	bool readable = got->allowed &&
	                (!got->there || nv_data_type_parse(got->type, strlen(got->type), &type));
	if (got->step->kind == NV_NETDOX_ORPHAN && got->step->role == NV_ROLE_DETAILS &&
	    strcmp(got->type, "hash") != 0) {
		return 0; /* an orphan of its own */
	}
	if (!readable && got->step->how == NV_STEP_FIELD) {
		return 0; /* the key has a path of its own, that tells */
	}
	if (!readable && !is_foreign(got)) {
		if (!draft->broken) {
			draft->broken = type_reason(got);
		}
		draft->there = draft->there || got->step->role != NV_ROLE_NAMED;
		return draft->broken ? 0 : -ENOMEM;
	}
	if (got->step->role == NV_ROLE_NAMED) {
		draft->asked = true;
		draft->named = got->count > 0;
		return 0;
	}
	if (!got->there || !readable) {
		return 0;
	}
	if (got->step->how == NV_STEP_FIELD) {
		draft->there =
			got->count > 0; /* a field, not the key, is the datum: no time of its own */
		return builder->claim ? 0 : take_body(draft, got);
	}
	draft->there = true;
	if (!is_foreign(got) || got->step->role == NV_ROLE_VALUES) {
		take_stamp(draft, got);
	}
	if (builder->claim) {
		return note_claim(draft, got);
	}
	if (got->step->role == NV_ROLE_DETAILS) {
		return nv_fill_fields(&draft->data.details, got->items, got->count);
	}
	return got->step->role == NV_ROLE_BODY ? take_body(draft, got) : take_records(draft, got);
}

/* A list or index stands for its members; one that is a hash has values besides. */
static int claim_index(struct nv_builder *builder, const struct nv_got *got)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	int r;

	if (!builder->claim || strcmp(got->type, "set") != 0 || got->step->role == NV_ROLE_OBJECT) {
		return 0;
	}
	r = expand_key(got, &key);
	return r < 0 ? r : builder->claim(builder->claim_ctx, got->step->db, key.data, key.len);
}

/* Steps that are about the object or a directory. */
static int take_object_step(struct nv_builder *builder, const struct nv_got *got)
{
	static const struct nv_bytes none = NV_BYTES_INIT;
	struct nv_snapshot *now = builder->now;
	char *reason;

	if (got->allowed) {
		if (got->step->role == NV_ROLE_OBJECT) {
			now->exists = got->count > 0;
		} else if (got->step->role == NV_ROLE_LIST) {
			int r = nv_fill_lines(&now->members, got->items, got->count);

			if (r < 0) {
				return r;
			}
		}
		return claim_index(builder, got);
	}
	reason = type_reason(got);
	if (!reason) {
		return -ENOMEM;
	}
	if (got->step->role == NV_ROLE_INDEX) {
		return nv_snapshot_add(now, got->step->kind, &none, NULL, reason);
	}
	free(now->broken);
	now->broken = reason;
	return 0;
}

static int sink_begin(void *ctx, size_t group, const struct nv_bytes *id)
{
	struct nv_builder *builder = ctx;
	struct nv_snapshot *snapshot;
	int r = NV_ARRAY_GROW(builder);

	if (r < 0) {
		return r;
	}
	snapshot = nv_snapshot_new(builder->groups[group].object, builder->sampled_ms);
	if (!snapshot) {
		return -ENOMEM;
	}
	builder->items[builder->count++] = snapshot;
	builder->now = snapshot;
	return nv_bytes_copy(&snapshot->id, id->data, id->size);
}

static int sink_got(void *ctx, const struct nv_got *got)
{
	struct nv_builder *builder = ctx;

	switch (got->step->role) {
	case NV_ROLE_OBJECT:
	case NV_ROLE_LIST:
	case NV_ROLE_INDEX: {
		int r = finish_draft(builder);

		return r < 0 ? r : take_object_step(builder, got);
	}
	default:
		return take_file_step(builder, got);
	}
}

/* The file that has the whole name of an object whose directory's name is cut. */
static int add_full_name(struct nv_builder *builder)
{
	static const enum nv_netdox_kind kinds[NV_OBJECT_COUNT] = {
		[NV_OBJECT_NAME] = NV_NETDOX_NAME_ID,
		[NV_OBJECT_NODE] = NV_NETDOX_NODE_ID,
		[NV_OBJECT_LINK] = NV_NETDOX_PROCESSED_ID,
	};
	static const struct nv_bytes none = NV_BYTES_INIT;
	struct nv_snapshot *now = builder->now;
	struct nv_buf component cleanup_buf = NV_BUF_INIT;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_bytes name = nv_object_name(now->object, &now->id);
	struct nv_blob *blob;
	bool cut = false;
	size_t size;
	char *bytes;

	if (kinds[now->object] == 0 || now->id.size <= NV_NAME_CUT / 3) {
		return 0; /* an escape makes three bytes of one at most */
	}
	nv_object_component(now->object, &now->id, &component, &cut);
	if (!cut) {
		return 0;
	}
	nv_value_format(name.data, name.size, &text);
	bytes = nv_buf_steal(&text, &size);
	blob = bytes ? nv_blob_new(bytes, size, builder->sampled_ms, NULL, NULL) : NULL;
	return blob ? nv_snapshot_add(now, kinds[now->object], &none, blob, NULL) : -ENOMEM;
}

static int sink_end(void *ctx)
{
	struct nv_builder *builder = ctx;
	int r = finish_draft(builder);

	nv_lines_sort(&builder->now->members);
	return r < 0 ? r : add_full_name(builder);
}

const struct nv_plan_sink *nv_builder_sink(struct nv_builder *builder,
                                           const struct nv_plan_group *groups)
{
	builder->groups = groups;
	builder->sink = (struct nv_plan_sink){
		.begin = sink_begin, .got = sink_got, .end = sink_end, .ctx = builder
	};
	return &builder->sink;
}
