/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saving hashes that are shown as Fields (meta, a node's plugins), field by field, and strings
 * shown as Values.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "codec/fields.h"
#include "codec/value.h"
#include "netdox/merge.h"
#include "netdox/names.h"
#include "netdox/write.h"

int nv_merge_fields(struct nv_change *change, const struct nv_bytes *key,
                    const struct nv_fields *base, const struct nv_fields *mine, size_t entry)
{
	size_t i = 0;
	size_t j = 0;
	int changed = 0;

	/* Both are sorted: a walk side by side. */
	while (i < base->count || j < mine->count) {
		const struct nv_field *old = i < base->count ? &base->items[i] : NULL;
		const struct nv_field *new = j < mine->count ? &mine->items[j] : NULL;
		int order = !old ? 1 : !new ? -1 : nv_bytes_cmp(&old->key, &new->key);

		if (order != 0 || !nv_bytes_equal(&old->value, &new->value)) {
			nv_keyedit_field(&change->edit, key, order <= 0 ? &old->key : &new->key,
			                 order <= 0 ? &old->value : NULL,
			                 order >= 0 ? &new->value : NULL, entry);
			changed = 1;
		}
		i += order <= 0;
		j += order >= 0;
	}
	return changed;
}

/* The field `plugin` of a node's plugin is its file's name, so a new one must be that. */
static int check_plugin_field(const struct nv_change *change, const struct nv_fields *base,
                              const struct nv_fields *mine, struct nv_err *err)
{
	const struct nv_field *new = nv_fields_find(mine, "plugin", 6);
	const struct nv_field *old = nv_fields_find(base, "plugin", 6);

	if (change->layout->plugin != NV_PLUGIN_FILE || !new ||
	    nv_bytes_equal(&new->value, &change->vars.at[1]) ||
	    (old && nv_bytes_equal(&old->value, &new->value))) {
		return 0;
	}
	(void)nv_faults_add(change->call->faults, new->line, 1,
	                    "the field `plugin` says '%.60s', but the file is that of '%.60s'",
	                    new->value.data, change->vars.at[1].data);
	return nv_fail(err, EINVAL, "the text contradicts its path");
}

int nv_save_fields(struct nv_change *change, const char *text, size_t size, struct nv_err *err)
{
	struct nv_fields base cleanup_fields = NV_FIELDS_INIT;
	struct nv_fields mine cleanup_fields = NV_FIELDS_INIT;
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	struct nv_bytes index cleanup_bytes = nv_change_key(change, change->layout->index);
	struct nv_bytes member cleanup_bytes = nv_change_key(change, change->layout->member);
	struct nv_bytes plugin = nv_change_plugin(change, &change->vars, NULL);
	int r = nv_fields_parse(text, size, &mine, change->call->faults);

	if (r < 0) {
		return nv_fail(err, -r, r == -EINVAL ? "a line cannot be read" : "out of memory");
	}
	if (change->base) {
		r = nv_fields_parse(change->base->text, change->base->size, &base, NULL);
	}
	if (r < 0) {
		return nv_fail(err, r == -ENOMEM ? ENOMEM : EIO,
		               "the version that was read cannot be understood any more");
	}
	r = check_plugin_field(change, &base, &mine, err);
	if (r < 0) {
		return r;
	}
	size_t entry = nv_change_entry(
		change, change->base ? change->layout->updated : change->layout->created, &plugin);
	nv_change_expect(change, change->base && !nv_fields_equal(&base, &mine) ? ESTALE : 0);
	if (!change->base) {
		nv_keyedit_add(&change->edit, &index, change->layout->index_types, &member, entry);
	}
	(void)nv_merge_fields(change, &key, &base, &mine, entry);
	return 0;
}

int nv_delete_fields(struct nv_change *change, struct nv_err *err)
{
	struct nv_fields base cleanup_fields = NV_FIELDS_INIT;
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	struct nv_bytes index cleanup_bytes = nv_change_key(change, change->layout->index);
	struct nv_bytes member cleanup_bytes = nv_change_key(change, change->layout->member);
	struct nv_bytes plugin = nv_change_plugin(change, &change->vars, NULL);
	int r = change->base ? nv_fields_parse(change->base->text, change->base->size, &base, NULL)
	                     : 0;

	if (r < 0) {
		return nv_fail(err, r == -ENOMEM ? ENOMEM : EIO,
		               "the version that was read cannot be understood any more");
	}
	size_t entry = nv_change_entry(change, change->layout->removed, &plugin);
	nv_change_expect(change, ENOENT);
	nv_keyedit_remove(&change->edit, &index, change->layout->index_types, &member, NULL, entry);
	nv_keyedit_hash(&change->edit, &key, change->base ? &base : NULL, entry);
	return 0;
}

/* The body that a Value has, as that of a string key; borrowed. */
static int value_of(const char *text, size_t size, struct nv_data *ret_data,
                    struct nv_faults *faults)
{
	size_t bytes;
	int r = nv_value_parse(text, size, &bytes, faults);

	if (r == 0) {
		ret_data->type = NV_DATA_STRING;
		ret_data->string = nv_view(text, bytes);
	}
	return r;
}

int nv_save_value(struct nv_change *change, const char *text, size_t size, struct nv_err *err)
{
	struct nv_data base = NV_DATA_INIT;
	struct nv_data mine = NV_DATA_INIT;
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	struct nv_bytes plugin = nv_change_plugin(change, &change->vars, NULL);
	int r = value_of(text, size, &mine, change->call->faults);

	if (r == 0 && change->base) {
		r = value_of(change->base->text, change->base->size, &base, NULL);
	}
	if (r < 0) {
		return nv_fail(err, -r, "a value has at least one byte");
	}
	if (change->base && nv_bytes_equal(&base.string, &mine.string)) {
		return 0;
	}
	if (change->layout->network && !nv_network_is_valid(mine.string.data, mine.string.size)) {
		(void)nv_faults_add(change->call->faults, 1, 1,
		                    "the name of a network is of A-Z a-z 0-9 _ - and not empty");
		return nv_fail(err, EINVAL, "not the name of a network");
	}
	nv_keyedit_whole(
		&change->edit, &key, &base, &mine,
		nv_change_entry(change,
	                        change->base ? change->layout->updated : change->layout->created,
	                        &plugin));
	return 0;
}

int nv_delete_value(struct nv_change *change, struct nv_err *err)
{
	struct nv_data base = NV_DATA_INIT;
	struct nv_data none = NV_DATA_INIT;
	struct nv_bytes key cleanup_bytes = nv_change_key(change, change->layout->key);
	struct nv_bytes plugin = nv_change_plugin(change, &change->vars, NULL);
	int r = change->base ? value_of(change->base->text, change->base->size, &base, NULL) : 0;

	if (r < 0) {
		return nv_fail(err, EIO, "the version that was read cannot be understood any more");
	}
	nv_keyedit_whole(&change->edit, &key, change->base ? &base : NULL, &none,
	                 nv_change_entry(change, change->layout->removed, &plugin));
	return 0;
}
