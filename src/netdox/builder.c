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
#include "netdox/draft.h"
#include "netdox/fill.h"
#include "netdox/names.h"
#include "node/name.h"

struct nv_builder {
	struct nv_snapshot **items; /* owned references */
	size_t count;
	size_t cap;
	struct nv_snapshot *now; /* the last of items */
	struct nv_draft draft;
	const struct nv_plan_group *groups; /* borrowed during a run */
	int64_t sampled_ms;
	struct nv_plan_sink sink;
	nv_claim_fn claim; /* NULL: texts are made */
	nv_leave_fn leave; /* may be NULL */
	void *claim_ctx;   /* of both */
	bool whole_names;
};

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
	nv_draft_reset(&builder->draft);
	free(builder);
}

void nv_builder_claims(struct nv_builder *builder, nv_claim_fn claim, void *ctx)
{
	builder->claim = claim;
	builder->claim_ctx = ctx;
}

void nv_builder_leaves(struct nv_builder *builder, nv_leave_fn leave)
{
	builder->leave = leave;
}

void nv_builder_whole_names(struct nv_builder *builder, bool whole_names)
{
	builder->whole_names = whole_names;
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

/* A plugin whose name would be cut has no place for the whole of it: it is an orphan. */
static bool is_nameless(const struct nv_draft *draft)
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
	const struct nv_draft *draft = &builder->draft;
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft->claimed.count && !draft->broken; i++) {
		const struct nv_bytes *key = &draft->claimed.items[i].bytes;

		r = builder->claim(builder->claim_ctx, draft->db, key->data, key->size);
	}
	return r;
}

/* The member of an index that names a file which no path shows. */
static int leave_draft(struct nv_builder *builder)
{
	const struct nv_draft *draft = &builder->draft;
	const struct nv_layout *layout = &nv_netdox_layouts[draft->kind];
	struct nv_vars vars = { { builder->now->id, draft->id } };
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_buf member cleanup_buf = NV_BUF_INIT;

	if (!builder->leave || !layout->index) {
		return 0;
	}
	if (layout->object == NV_OBJECT_REPORT) {
		vars.at[0] = draft->id;
	}
	nv_layout_expand(&key, layout->index, &vars);
	nv_layout_expand(&member, layout->member, &vars);
	if (nv_buf_error(&key) || nv_buf_error(&member)) {
		return -ENOMEM;
	}
	const struct nv_bytes index = nv_view(key.data, key.len);
	const struct nv_bytes name = nv_view(member.data ? member.data : "", member.len);
	return builder->leave(builder->claim_ctx, layout->db, &index, &name);
}

/* Makes a part of the draft, if there is one and the file is there. */
static int finish_draft(struct nv_builder *builder)
{
	struct nv_draft *draft = &builder->draft;
	struct nv_blob *blob = NULL;
	bool exists = draft->asked ? draft->named : draft->there;
	int r = 0;

	/* An index that cannot be read hides nothing that has a key. */
	if (draft->broken && draft->there) {
		exists = true;
	}
	if (draft->open && exists && builder->claim) {
		bool nameless = is_nameless(draft);

		r = nameless ? 0 : claim_draft(builder);
		if (r == 0 && draft->asked && draft->named && (nameless || draft->broken)) {
			r = leave_draft(builder);
		}
	} else if (draft->open && exists && !is_nameless(draft)) {
		if (!draft->broken) {
			r = nv_draft_blob(draft, builder->sampled_ms, &blob);
		}
		if (r == 0) {
			r = nv_snapshot_add(builder->now, draft->kind, &draft->id, blob,
			                    steal(&draft->broken));
		}
	}
	nv_draft_reset(draft);
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
	struct nv_draft *draft = &builder->draft;
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

static void take_stamp(struct nv_draft *draft, const struct nv_got *got)
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

static int take_records(struct nv_draft *draft, const struct nv_got *got)
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

static int take_body(struct nv_draft *draft, const struct nv_got *got)
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

static int note_claim(struct nv_draft *draft, const struct nv_got *got)
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
	struct nv_draft *draft = &builder->draft;
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

/* True when a path says the object's name in whole. */
static int is_whole(enum nv_netdox_kind list, const struct nv_bytes *id)
{
	static const enum nv_object objects[NV_NETDOX_KIND_COUNT] = {
		[NV_NETDOX_DNS] = NV_OBJECT_NAME,
		[NV_NETDOX_NODES] = NV_OBJECT_NODE,
		[NV_NETDOX_PROCESSED_DIR] = NV_OBJECT_LINK,
	};

	return objects[list] == 0 ? 1 : nv_object_is_whole(objects[list], id);
}

/* The members of a list that have directories. */
static int take_list(struct nv_builder *builder, const struct nv_got *got)
{
	struct nv_snapshot *now = builder->now;
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	int r = 0;

	if (!builder->whole_names) {
		return nv_fill_lines(&now->members, got->items, got->count);
	}
	nv_layout_expand(&key, got->step->key, got->vars);
	const struct nv_bytes list = nv_view(key.data ? key.data : "", key.len);
	for (size_t i = 0; r == 0 && i < got->count; i++) {
		const struct nv_bytes id = nv_view(got->items[i].data, got->items[i].size);

		r = is_whole(got->step->kind, &id);
		if (r == 1) {
			r = nv_lines_add(&now->members, id.data, id.size, 0);
		} else if (r == 0 && builder->leave) {
			r = builder->leave(builder->claim_ctx, got->step->db, &list, &id);
		}
	}
	return r < 0 ? r : nv_buf_error(&key);
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
			int r = take_list(builder, got);

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
