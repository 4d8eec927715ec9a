/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saving, deleting and renaming Data: plugin data, reports; deleting orphans.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/data.h"
#include "netdox/merge.h"
#include "netdox/names.h"
#include "netdox/write.h"

/* The keys of one Data. */
struct data_keys {
	struct nv_bytes data;
	struct nv_bytes details;
	struct nv_bytes index; /* empty for orphans */
	struct nv_bytes member;
};

static void release_keys(struct data_keys *keys)
{
	nv_bytes_release(&keys->data);
	nv_bytes_release(&keys->details);
	nv_bytes_release(&keys->index);
	nv_bytes_release(&keys->member);
}
#define cleanup_keys __attribute__((cleanup(release_keys)))

static struct data_keys make_keys(struct nv_change *change, const struct nv_vars *vars)
{
	const struct nv_layout *layout = change->layout;

	return (struct data_keys){
		.data = nv_change_expand(change, layout->key, vars),
		.details = nv_change_expand(change, layout->details, vars),
		.index = nv_change_expand(change, layout->index ? layout->index : "", vars),
		.member = nv_change_expand(change, layout->member ? layout->member : "", vars),
	};
}

static int parse_base(const struct nv_change *change, struct nv_data *ret_base, struct nv_err *err)
{
	int r = change->base ? nv_data_parse(change->base->text, change->base->size, ret_base, NULL)
	                     : 0;

	return r < 0 ? nv_fail(err, r == -ENOMEM ? ENOMEM : EIO,
	                       "the version that was read cannot be understood any more")
	             : 0;
}

/* The body decides the type; no base means that there was no key. A full mount brings back what was
 * there before. */
static bool can_become(const struct nv_change *change, const struct nv_data *base,
                       enum nv_data_type type)
{
	if ((change->base && base->type == type) || change->netdox->mode >= NV_MOUNT_FULL) {
		return true;
	}
	return type == NV_DATA_STRING || type == NV_DATA_LIST || type == NV_DATA_HASH;
}

static int check_type(const struct nv_change *change, const struct nv_data *base,
                      const struct nv_data *mine, struct nv_err *err)
{
	if (!can_become(change, base, mine->type)) {
		size_t column = mine->header_type_column ? mine->header_type_column : 1;

		(void)nv_faults_add(change->call->faults, mine->header_line, column,
		                    "data can be made a string, a list or a hash, not a %s",
		                    nv_data_type_name(mine->type));
		return nv_fail(err, EINVAL, "data of that type cannot be made");
	}
	if (mine->type == NV_DATA_STREAM && change->netdox->mode < NV_MOUNT_FULL && !nv_stream_equal(&mine->stream, &base->stream)) {
		(void)nv_faults_add(change->call->faults, mine->header_line, 1,
		                    "the entries of a stream cannot be edited, only its header");
		return nv_fail(err, EINVAL, "the entries of a stream cannot be edited");
	}
	return 0;
}

/* The words of the created entry; those of the specification end in the type. */
static size_t data_entry(struct nv_change *change, const char *word, const struct nv_data *data,
                         const struct nv_fields *header)
{
	struct nv_bytes plugin = nv_change_plugin(change, &change->vars, header);
	char text[64];

	if (strcmp(word, change->layout->updated ? change->layout->updated : "") == 0) {
		snprintf(text, sizeof(text), "%s %s", word, nv_layout_data_word(data->type));
		word = text;
	}
	return nv_change_entry(change, word, &plugin);
}

/* Merge by member; each member has an entry. */
static void merge_sets(struct nv_change *change, const struct nv_bytes *key,
                       const struct nv_data *base, const struct nv_data *mine)
{
	for (size_t i = 0; i < mine->rows.count; i++) {
		const struct nv_bytes *member = &mine->rows.items[i].bytes;

		if (!nv_lines_find(&base->rows, member->data, member->size)) {
			nv_keyedit_add(
				&change->edit, key, "set", member,
				data_entry(change, change->layout->updated, mine, &mine->details));
		}
	}
	for (size_t i = 0; i < base->rows.count; i++) {
		const struct nv_bytes *member = &base->rows.items[i].bytes;

		if (!nv_lines_find(&mine->rows, member->data, member->size)) {
			nv_keyedit_remove(
				&change->edit, key, "set", member, NULL,
				data_entry(change, change->layout->updated, mine, &mine->details));
		}
	}
}

static void put_score(struct nv_change *change, const struct nv_bytes *key,
                      const struct nv_zmember *old, const struct nv_zmember *new, size_t entry)
{
	struct nv_buf old_text cleanup_buf = NV_BUF_INIT;
	struct nv_buf new_text cleanup_buf = NV_BUF_INIT;

	if (old) {
		nv_score_format(old->score, &old_text);
	}
	if (new) {
		nv_score_format(new->score, &new_text);
	}
	if (nv_buf_error(&old_text) || nv_buf_error(&new_text)) {
		change->edit.ops.bytes.failed = true;
		return;
	}
	const struct nv_bytes old_score = nv_view(old_text.data, old_text.len);
	const struct nv_bytes new_score = nv_view(new_text.data, new_text.len);
	nv_keyedit_score(&change->edit, key, old ? &old->member : &new->member, &old_score,
	                 &new_score, entry);
}

static void merge_zsets(struct nv_change *change, const struct nv_bytes *key,
                        const struct nv_zset *base, const struct nv_zset *mine, size_t entry)
{
	size_t i = 0;
	size_t j = 0;

	while (i < base->count || j < mine->count) {
		const struct nv_zmember *old = i < base->count ? &base->items[i] : NULL;
		const struct nv_zmember *new = j < mine->count ? &mine->items[j] : NULL;
		int order = !old ? 1 : !new ? -1 : nv_bytes_cmp(&old->member, &new->member);

		if (order != 0 || memcmp(&old->score, &new->score, sizeof(old->score)) != 0) {
			put_score(change, key, order <= 0 ? old : NULL, order >= 0 ? new : NULL,
			          entry);
		}
		i += order <= 0;
		j += order >= 0;
	}
}

static bool same_body(const struct nv_data *a, const struct nv_data *b)
{
	return a->type == b->type && nv_bytes_equal(&a->string, &b->string) &&
	       nv_lines_equal(&a->rows, &b->rows) && nv_stream_equal(&a->stream, &b->stream);
}

static void merge_body(struct nv_change *change, const struct nv_bytes *key,
                       const struct nv_data *base, const struct nv_data *mine, size_t entry)
{
	if (change->base && base->type != mine->type) {
		nv_keyedit_whole(&change->edit, key, base, mine, entry);
		return;
	}
	switch (mine->type) {
	case NV_DATA_HASH:
		(void)nv_merge_fields(change, key, &base->fields, &mine->fields, entry);
		break;
	case NV_DATA_SET:
		merge_sets(change, key, base, mine);
		break;
	case NV_DATA_ZSET:
		merge_zsets(change, key, &base->zset, &mine->zset, entry);
		break;
	default:
		if (!change->base || !same_body(base, mine)) {
			nv_keyedit_whole(&change->edit, key, base, mine, entry);
		}
		break;
	}
}

/* The third word of the header is the whole name of the file, and nothing else. */
static int check_name(struct nv_change *change, const struct nv_data *mine, struct nv_err *err)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;

	if (change->target->file_id.data) {
		if (!mine->name.data || nv_bytes_equal(&mine->name, &change->target->file_id)) {
			return 0;
		}
	} else if (mine->name.data) {
		nv_file_component(&mine->name, &name, NULL);
		if (nv_buf_error(&name)) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		if (strcmp(name.data, change->node->name) == 0) {
			return nv_bytes_copy(&change->target->file_id, mine->name.data,
			                     mine->name.size) < 0
			               ? nv_fail(err, ENOMEM, "out of memory")
			               : 0;
		}
	}
	(void)nv_faults_add(change->call->faults, mine->header_line, 1,
	                    "the third word of the header must be the whole name that the file's "
	                    "name stands for");
	return nv_fail(err, EINVAL, "the text contradicts its path");
}

int nv_data_take(struct nv_change *change, const char *text, size_t size, struct nv_data *ret_data,
                 struct nv_err *err)
{
	struct nv_data data cleanup_data = NV_DATA_INIT;
	int r = nv_data_parse(text, size, &data, change->call->faults);

	if (r < 0) {
		return nv_fail(err, -r, r == -EINVAL ? "the text cannot be read" : "out of memory");
	}
	r = check_name(change, &data, err);
	if (r < 0) {
		return r;
	}
	if (nv_change_name_file(change) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_data = data;
	data = (struct nv_data)NV_DATA_INIT;
	return 0;
}

int nv_save_data(struct nv_change *change, const char *text, size_t size, struct nv_err *err)
{
	struct nv_data base cleanup_data = NV_DATA_INIT;
	struct nv_data mine cleanup_data = NV_DATA_INIT;
	int r = nv_data_take(change, text, size, &mine, err);

	if (r == 0) {
		r = parse_base(change, &base, err);
	}
	if (r == 0) {
		r = check_type(change, &base, &mine, err);
	}
	if (r < 0) {
		return r;
	}
	struct data_keys keys cleanup_keys = make_keys(change, &change->vars);
	nv_change_expect(change, change->base && !nv_data_equal(&base, &mine) ? ESTALE : 0);
	size_t entry =
		data_entry(change, change->base ? change->layout->updated : change->layout->created,
	                   &mine, mine.details.count > 0 ? &mine.details : &base.details);
	if (!change->base) {
		nv_keyedit_add(&change->edit, &keys.index, change->layout->index_types,
		               &keys.member, entry);
	}
	merge_body(change, &keys.data, &base, &mine, entry);
	(void)nv_merge_fields(change, &keys.details, &base.details, &mine.details, entry);
	return 0;
}

/* The text has the whole name of a file whose path is cut. */
static int take_cut_name(struct nv_change *change, const struct nv_data *base, struct nv_err *err)
{
	int r = 0;

	if (base->name.data && !change->target->file_id.data) {
		r = nv_bytes_copy(&change->target->file_id, base->name.data, base->name.size);
	}
	if (r == 0) {
		r = nv_change_name_file(change);
	}
	return r < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

int nv_delete_data(struct nv_change *change, struct nv_err *err)
{
	struct nv_data base cleanup_data = NV_DATA_INIT;
	struct nv_data none = NV_DATA_INIT;
	int r = parse_base(change, &base, err);

	if (r == 0) {
		r = take_cut_name(change, &base, err);
	}
	if (r < 0) {
		return r;
	}
	struct data_keys keys cleanup_keys = make_keys(change, &change->vars);
	size_t entry = data_entry(change, change->layout->removed, &base, &base.details);
	nv_change_expect(change, ENOENT);
	nv_keyedit_remove(&change->edit, &keys.index, change->layout->index_types, &keys.member,
	                  NULL, entry);
	nv_keyedit_whole(&change->edit, &keys.data, change->base ? &base : NULL, &none, entry);
	nv_keyedit_hash(&change->edit, &keys.details, change->base ? &base.details : NULL, entry);
	return 0;
}

int nv_rename_data(struct nv_change *change, const struct nv_bytes *to_id, bool replace,
                   struct nv_err *err)
{
	struct nv_data base cleanup_data = NV_DATA_INIT;
	struct nv_vars to_vars = change->vars;
	int r = parse_base(change, &base, err);

	if (r < 0) {
		return r;
	}
	to_vars.at[change->layout->object == NV_OBJECT_REPORT ? 0 : 1] = *to_id;
	struct data_keys from cleanup_keys = make_keys(change, &change->vars);
	struct data_keys to cleanup_keys = make_keys(change, &to_vars);
	struct nv_vars from_vars = change->vars;
	change->vars = to_vars; /* V of the new one */
	size_t created = data_entry(change, change->layout->created, &base, &base.details);
	change->vars = from_vars;
	size_t removed = data_entry(change, change->layout->removed, &base, &base.details);
	nv_change_expect(change, ENOENT);
	if (!replace) {
		nv_keyedit_member(&change->edit, &to.index, change->layout->index_types, &to.member,
		                  false, EEXIST);
	}
	nv_keyedit_add(&change->edit, &to.index, change->layout->index_types, &to.member, created);
	nv_keyedit_move(&change->edit, &from.data, &to.data, created);
	nv_keyedit_move(&change->edit, &from.details, &to.details, created);
	nv_keyedit_note(&change->edit, &to.data, created);
	nv_keyedit_remove(&change->edit, &from.index, change->layout->index_types, &from.member,
	                  NULL, removed);
	return 0;
}

int nv_orphan_key_check(const struct nv_bytes *key, struct nv_err *err)
{
	return nv_layout_is_ours(key->data, key->size)
	               ? 0
	               : nv_fail(err, EINVAL,
	                         "the key is none of the model's: keys of other programs are not "
	                         "touched");
}

/* The members of a set that paths stand for are in no text here, so sets are always merged; other
 * types are what they were shown as, or nothing. */
int nv_save_orphan(struct nv_change *change, enum nv_redis_db db, const char *text, size_t size,
                   struct nv_err *err)
{
	struct nv_data base cleanup_data = NV_DATA_INIT;
	struct nv_data mine cleanup_data = NV_DATA_INIT;
	int r = nv_data_take(change, text, size, &mine, err);

	if (r == 0) {
		r = parse_base(change, &base, err);
	}
	if (r == 0) {
		r = nv_orphan_key_check(&change->vars.at[0], err);
	}
	if (r < 0) {
		return r;
	}
	struct data_keys keys cleanup_keys = make_keys(change, &change->vars);
	size_t entry =
		data_entry(change, change->base ? change->layout->updated : change->layout->created,
	                   &mine, NULL);
	nv_keyedit_database(&change->edit, db);
	if (mine.type == NV_DATA_SET && (!change->base || base.type == NV_DATA_SET)) {
		merge_sets(change, &keys.data, &base, &mine);
	} else if (!change->base || !same_body(&base, &mine) ||
	           !nv_zset_equal(&base.zset, &mine.zset) ||
	           !nv_fields_equal(&base.fields, &mine.fields)) {
		nv_keyedit_whole(&change->edit, &keys.data, &base, &mine, entry);
	}
	(void)nv_merge_fields(change, &keys.details, &base.details, &mine.details, entry);
	return 0;
}

/* Of a set the members that were shown go: those of an index that have a path were not, and what
 * another added stays. */
int nv_delete_orphan(struct nv_change *change, enum nv_redis_db db, struct nv_err *err)
{
	struct nv_data base cleanup_data = NV_DATA_INIT;
	struct nv_data none = NV_DATA_INIT;
	struct nv_bytes plugin = nv_change_plugin(change, &change->vars, NULL);
	int r = parse_base(change, &base, err);

	if (r == 0) {
		r = take_cut_name(change, &base, err);
	}
	if (r < 0) {
		return r;
	}
	struct data_keys keys cleanup_keys = make_keys(change, &change->vars);
	size_t entry = nv_change_entry(change, change->layout->removed, &plugin);
	nv_keyedit_database(&change->edit, db);
	if (base.type == NV_DATA_SET) {
		for (size_t i = 0; i < base.rows.count; i++) {
			nv_keyedit_remove(&change->edit, &keys.data, "set",
			                  &base.rows.items[i].bytes, NULL, entry);
		}
	} else {
		nv_keyedit_whole(&change->edit, &keys.data, change->base ? &base : NULL, &none,
		                 entry);
	}
	if (base.details.count > 0) {
		nv_keyedit_hash(&change->edit, &keys.details, &base.details, entry);
	}
	return 0;
}
