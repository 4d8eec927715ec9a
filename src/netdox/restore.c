/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saves of a restore mount: the keys of a file become exactly what its text says, by no rule of
 * content, without a log and without stamps. Files come in any order, so nothing that is not in the
 * text is looked at: no index, no parent, no neighbour. Two paths may stand for one key (names with
 * a ';'): both texts then say the same of it, and members of sets are only added but for what was
 * there and is not in the text any more (a text that came in pieces).
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "codec/fields.h"
#include "codec/lines.h"
#include "codec/stream.h"
#include "codec/value.h"
#include "netdox/names.h"
#include "netdox/write.h"

enum {
	CALL_PARTS = 50000,      /* of a body in one call, … */
	CALL_TEXTS = 200000,     /* … of entries with that many texts */
	ENTRY_FIELDS_MAX = 3900, /* Lua spreads no more over the arguments of a command */
};

void nv_restore_rest_release(struct nv_restore_rest *rest)
{
	nv_bytes_release(&rest->key);
	nv_data_release(&rest->data);
}

/* How many rows, fields, members or entries a body has. */
static size_t count_parts(const struct nv_data *data)
{
	return data->rows.count + data->fields.count + data->zset.count + data->stream.count;
}

bool nv_restore_has_rest(const struct nv_restore_rest *rest)
{
	return rest->done < count_parts(&rest->data);
}

/* How many parts from first on go into one call. */
static size_t count_call(const struct nv_data *data, size_t first)
{
	size_t left = count_parts(data) - first;
	size_t texts = 0;
	size_t count = 0;

	while (count < left && count < CALL_PARTS && texts < CALL_TEXTS) {
		if (data->type == NV_DATA_STREAM) {
			texts += 2 * data->stream.items[first + count].fields.count;
		}
		count++;
	}
	return count;
}

/* These parts as a body, borrowed. */
static struct nv_data slice(const struct nv_data *data, size_t first, size_t count)
{
	struct nv_data part = { .type = data->type, .string = data->string };

	switch (data->type) {
	case NV_DATA_LIST:
	case NV_DATA_SET:
		part.rows.items = data->rows.items + first;
		part.rows.count = count;
		break;
	case NV_DATA_HASH:
		part.fields.items = data->fields.items + first;
		part.fields.count = count;
		break;
	case NV_DATA_ZSET:
		part.zset.items = data->zset.items + first;
		part.zset.count = count;
		break;
	case NV_DATA_STREAM:
		part.stream.items = data->stream.items + first;
		part.stream.count = count;
		break;
	default:
		break;
	}
	return part;
}

/* What one call does not take waits; takes the body then. */
static int keep_rest(const struct nv_bytes *key, struct nv_data *data, size_t done,
                     struct nv_restore_rest *rest, struct nv_err *err)
{
	if (done == count_parts(data)) {
		return 0;
	}
	rest->done = done;
	rest->data = *data;
	*data = (struct nv_data)NV_DATA_INIT;
	return nv_bytes_copy(&rest->key, key->data, key->size) < 0
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

/* A whole key. */
static int put_body(struct nv_change *change, const struct nv_bytes *key, struct nv_data *data,
                    struct nv_restore_rest *rest, struct nv_err *err)
{
	for (size_t i = 0; i < data->stream.count; i++) {
		if (data->stream.items[i].fields.count > ENTRY_FIELDS_MAX) {
			return nv_fail(err, EFBIG, "an entry of a stream has more than %d fields",
			               (int)ENTRY_FIELDS_MAX);
		}
	}
	size_t done = count_call(data, 0);
	const struct nv_data part = slice(data, 0, done);
	nv_keyedit_whole(&change->edit, key, NULL, &part, 0);
	return keep_rest(key, data, done, rest, err);
}

/* The datum is named by its index. */
static void put_index(struct nv_change *change)
{
	const struct nv_layout *layout = change->layout;

	if (layout->index) {
		struct nv_bytes key cleanup_bytes = nv_change_key(change, layout->index);
		struct nv_bytes member cleanup_bytes = nv_change_key(change, layout->member);

		nv_keyedit_add(&change->edit, &key, layout->index_types, &member, 0);
	}
}

/* What a text of a codec of one key says, as a body. The value is borrowed from text. */
static int parse_body(struct nv_change *change, const char *text, size_t size, struct nv_data *data)
{
	struct nv_faults *faults = change->call->faults;
	size_t bytes;
	int r;

	switch (change->layout->codec) {
	case NV_CODEC_VALUE:
		r = nv_value_parse(text, size, &bytes, faults);
		data->type = NV_DATA_STRING;
		return r < 0 ? r : nv_bytes_copy(&data->string, text, bytes);
	case NV_CODEC_LINES:
		data->type = NV_DATA_SET;
		return nv_lines_parse_set(text, size, &data->rows, faults);
	case NV_CODEC_CHANGELOG:
		data->type = NV_DATA_STREAM;
		return nv_stream_parse(text, size, &data->stream, faults);
	default:
		data->type = NV_DATA_HASH;
		return nv_fields_parse(text, size, &data->fields, faults);
	}
}

static int save_key(struct nv_change *change, const char *text, size_t size,
                    struct nv_restore_rest *rest, struct nv_err *err)
{
	struct nv_data data cleanup_data = NV_DATA_INIT;
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	int r = parse_body(change, text, size, &data);

	if (r < 0) {
		return nv_fail(err, -r, r == -EINVAL ? "the text cannot be read" : "out of memory");
	}
	put_index(change);
	return put_body(change, &key, &data, rest, err);
}

static void put_details(struct nv_change *change, const struct nv_fields *details)
{
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->details);
	struct nv_data hash = { .type = NV_DATA_HASH, .fields = *details };

	nv_keyedit_whole(&change->edit, &key, NULL, &hash, 0);
}

static int save_data(struct nv_change *change, const char *text, size_t size,
                     struct nv_restore_rest *rest, struct nv_err *err)
{
	struct nv_data data cleanup_data = NV_DATA_INIT;
	int r = nv_data_take(change, text, size, &data, err);

	if (r < 0) {
		return r;
	}
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	put_index(change);
	put_details(change, &data.details);
	return put_body(change, &key, &data, rest, err);
}

/* A set without those of the base that the text has no more, and with those of the text. */
static int merge_members(struct nv_change *change, const struct nv_bytes *key, struct nv_data *mine,
                         struct nv_restore_rest *rest, struct nv_err *err)
{
	struct nv_data base cleanup_data = NV_DATA_INIT;
	int r = change->base ? nv_data_parse(change->base->text, change->base->size, &base, NULL)
	                     : 0;

	if (r < 0) {
		return nv_fail(err, EIO, "the version that was read cannot be understood any more");
	}
	for (size_t i = 0; i < base.rows.count && base.type == NV_DATA_SET; i++) {
		const struct nv_bytes *member = &base.rows.items[i].bytes;

		if (!nv_lines_find(&mine->rows, member->data, member->size)) {
			nv_keyedit_remove(&change->edit, key, "set", member, NULL, 0);
		}
	}
	size_t done = count_call(mine, 0);
	const struct nv_data part = slice(mine, 0, done);
	if (done > 0) {
		nv_keyedit_append(&change->edit, key, &part);
	}
	return keep_rest(key, mine, done, rest, err);
}

/* A header without details says nothing of `K;details`: that may be a file of its own. */
static int save_orphan(struct nv_change *change, const char *text, size_t size,
                       struct nv_restore_rest *rest, struct nv_err *err)
{
	struct nv_data data cleanup_data = NV_DATA_INIT;
	enum nv_redis_db db;

	if (!nv_orphan_db(change->netdox, change->node->names[0], &db)) {
		return nv_fail(err, ENOENT, "%s: that database is not one of Netdox",
		               change->node->path);
	}
	int r = nv_data_take(change, text, size, &data, err);
	if (r == 0) {
		r = nv_orphan_key_check(&change->vars.at[0], err);
	}
	if (r < 0) {
		return r;
	}
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	rest->db = db;
	nv_keyedit_database(&change->edit, db);
	if (data.details.count > 0) {
		put_details(change, &data.details);
	}
	return data.type == NV_DATA_SET ? merge_members(change, &key, &data, rest, err)
	                                : put_body(change, &key, &data, rest, err);
}

int nv_restore_check(const char *text, size_t size, struct nv_faults *faults, struct nv_err *err)
{
	if (size == 0 || text[size - 1] == '\n') {
		return 0;
	}
	(void)nv_faults_add(faults, 0, 0, "the last line has no newline: the text is cut short");
	return nv_fail(err, EINVAL, "the text is not complete");
}

int nv_restore_save(struct nv_change *change, const char *text, size_t size,
                    struct nv_restore_rest *ret_rest, struct nv_err *err)
{
	const struct nv_layout *layout = change->layout;
	int r = nv_restore_check(text, size, change->call->faults, err);

	if (r < 0) {
		return r;
	}
	if (change->node->row->kind == NV_NETDOX_ORPHAN) {
		return save_orphan(change, text, size, ret_rest, err);
	}
	if (layout->levels[0].key) {
		return nv_save_sets(change, text, size, err);
	}
	if (!layout->key) {
		return nv_fail(err, EPERM, "%s: it is derived and cannot be written",
		               change->node->path);
	}
	ret_rest->db = layout->db;
	nv_keyedit_database(&change->edit, layout->db);
	return layout->codec == NV_CODEC_DATA ? save_data(change, text, size, ret_rest, err)
	                                      : save_key(change, text, size, ret_rest, err);
}

int nv_restore_rest(struct nv_netdox *netdox, const struct nv_target *target,
                    struct nv_restore_rest *rest, struct nv_err *err)
{
	/* Of an orphan nothing comes back: what is there so far is of no use to anybody. */
	const struct nv_target nothing_back = { .object = NV_OBJECT_KEY };
	int r = 0;

	while (r == 0 && nv_restore_has_rest(rest)) {
		struct nv_keyedit edit cleanup_keyedit = NV_KEYEDIT_INIT;
		struct nv_keyedited edited cleanup_keyedited = { .changed = false };
		size_t count = count_call(&rest->data, rest->done);
		const struct nv_data part = slice(&rest->data, rest->done, count);

		nv_keyedit_database(&edit, rest->db);
		nv_keyedit_append(&edit, &rest->key, &part);
		r = nv_keyedit_run(netdox, &edit, &nothing_back, false, &edited, err);
		rest->done += count;
	}
	nv_object_invalidate(netdox, target->object, &target->id, false);
	return r;
}

/* The file in orphans/ is what was put there. */
static int show_orphan(struct nv_change *change, const char *text, size_t size,
                       struct nv_blob **ret_blob, struct nv_err *err)
{
	struct nv_data data cleanup_data = NV_DATA_INIT;
	struct nv_buf shown cleanup_buf = NV_BUF_INIT;
	enum nv_redis_db db = NV_REDIS_MAIN;
	size_t length = 0;
	int r = nv_data_parse(text, size, &data, NULL);

	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	(void)nv_orphan_db(change->netdox, change->node->names[0], &db); /* it was saved there */
	nv_data_format(&data, &shown);
	char *bytes = nv_buf_steal(&shown, &length);
	struct nv_blob *blob cleanup_blob =
		bytes ? nv_blob_new(bytes, length, nv_clock_ms(change->netdox->clock), NULL, NULL)
		      : NULL;
	if (!blob ||
	    nv_restored_put(change->netdox, db, &change->vars.at[0], data.details.count > 0,
	                    data.type == NV_DATA_SET ? blob : NULL) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_blob = steal(&blob);
	return 0;
}

int nv_restore_shown(struct nv_change *change, const char *text, size_t size,
                     struct nv_blob **ret_blob, struct nv_err *err)
{
	if (change->node->row->kind == NV_NETDOX_ORPHAN) {
		return show_orphan(change, text, size, ret_blob, err);
	}
	nv_changelog_forget(change->netdox);
	return nv_changelog_load(change->netdox, ret_blob, err);
}

void nv_restore_delete(struct nv_change *change)
{
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	struct nv_data none = NV_DATA_INIT;

	nv_keyedit_database(&change->edit, change->layout->db);
	nv_keyedit_whole(&change->edit, &key, NULL, &none, 0);
	if (change->layout->codec == NV_CODEC_CHANGELOG) {
		nv_changelog_forget(change->netdox);
	}
}

int nv_restore_mkdir(struct nv_netdox *netdox, const struct nv_node *child, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_keyedit edit cleanup_keyedit = NV_KEYEDIT_INIT;
	struct nv_keyedited edited cleanup_keyedited = { .changed = false };
	const struct nv_layout *layout = &nv_netdox_layouts[child->row->kind];
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_bytes network = nv_view("", 0);
	struct nv_bytes rest;
	int r = nv_target_of(netdox, child, &target, err);

	if (r < 0) {
		return r == -ENOENT ? nv_fail(err, EINVAL,
		                              "%s: no name can be made of that, or a longer one "
		                              "than a path can say: its keys are in orphans/",
		                              child->path)
		                    : r;
	}
	struct nv_vars vars = { { target.id } };
	nv_layout_expand(&key, layout->index, &vars);
	if (nv_buf_error(&key)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	const struct nv_bytes index = nv_view(key.data, key.len);
	nv_keyedit_database(&edit, layout->db);
	nv_keyedit_add(&edit, &index, layout->index_types, &target.id, 0);
	r = nv_keyedit_run(netdox, &edit, &target, true, &edited, err);
	if (r == 0 && target.object == NV_OBJECT_NAME) {
		(void)nv_dns_split(&target.id, &network,
		                   &rest); /* else of no network: the empty one */
		nv_networks_remove(netdox, &network);
	}
	return r;
}
