/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of netdox/: reading, saving, deleting, renaming. What a save means for each codec is in
 * save_*.c.
 */
#include "config.h"

#include "netdox/write.h"

#include <errno.h>
#include <string.h>

#include "netdox/names.h"

enum { TRIES = 3 }; /* of a save whose question was out of date when it was answered */

/* --- what changes share --- */

void nv_change_release(struct nv_change *change)
{
	nv_keyedit_release(&change->edit);
	nv_bytes_release(&change->default_network);
}

struct nv_bytes nv_change_expand(struct nv_change *change, const char *template,
                                 const struct nv_vars *vars)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_bytes bytes = NV_BYTES_INIT;
	size_t size = 0;

	nv_layout_expand(&key, template, vars);
	bytes.data = nv_buf_steal(&key, &size);
	bytes.size = size;
	if (!bytes.data) {
		change->edit.ops.bytes.failed = true; /* nv_keyedit_run says so */
	}
	return bytes;
}

struct nv_bytes nv_change_key(struct nv_change *change, const char *template)
{
	return nv_change_expand(change, template, &change->vars);
}

struct nv_bytes nv_change_plugin(const struct nv_change *change, const struct nv_vars *vars,
                                 const struct nv_fields *header)
{
	const struct nv_field *field;

	switch (change->layout->plugin) {
	case NV_PLUGIN_LINE:
	case NV_PLUGIN_FILE:
		return vars->at[1];
	case NV_PLUGIN_NODE:
		return nv_node_plugin(&vars->at[0]);
	case NV_PLUGIN_HEADER:
		field = header ? nv_fields_find(header, "plugin", 6) : NULL;
		if (field) {
			return field->value;
		}
		break;
	default:
		break;
	}
	return nv_view(change->netdox->plugin, strlen(change->netdox->plugin));
}

size_t nv_change_entry(struct nv_change *change, const char *word, const struct nv_bytes *plugin)
{
	struct nv_bytes value cleanup_bytes = nv_change_key(change, change->layout->value);

	return nv_keyedit_entry(&change->edit, word, &value, plugin);
}

int nv_change_name_file(struct nv_change *change)
{
	struct nv_target *target = change->target;

	if (target->object == NV_OBJECT_REPORT) {
		if (!target->id.data &&
		    nv_bytes_copy(&target->id, target->file_id.data, target->file_id.size) < 0) {
			return -ENOMEM;
		}
		change->vars.at[0] = target->id;
	} else if (target->object == NV_OBJECT_KEY) {
		change->vars.at[0] = target->file_id;
	} else {
		change->vars.at[0] = target->id;
		change->vars.at[1] = target->file_id;
	}
	return 0;
}

/* The kind of the directory that an object's files stand in; the kind's layout has the object's
 * index. */
static enum nv_netdox_kind owner_of(enum nv_object object)
{
	switch (object) {
	case NV_OBJECT_NAME:
		return NV_NETDOX_NAME;
	case NV_OBJECT_NODE:
		return NV_NETDOX_NODE;
	default:
		return NV_NETDOX_ROOT;
	}
}

void nv_change_expect(struct nv_change *change, int named_errnum)
{
	const struct nv_layout *owner = &nv_netdox_layouts[owner_of(change->layout->object)];
	const struct nv_layout *layout = change->layout;

	if (change->netdox->mode == NV_MOUNT_RESTORE) {
		return; /* what it stands in may be on its way */
	}
	if (owner->index) {
		struct nv_bytes key cleanup_bytes = nv_change_key(change, owner->index);
		struct nv_bytes member cleanup_bytes = nv_change_key(change, owner->member);

		nv_keyedit_member(&change->edit, &key, owner->index_types, &member, true, ENOENT);
	}
	if (layout->index && named_errnum) {
		struct nv_bytes key cleanup_bytes = nv_change_key(change, layout->index);
		struct nv_bytes member cleanup_bytes = nv_change_key(change, layout->member);

		nv_keyedit_member(&change->edit, &key, layout->index_types, &member, true,
		                  named_errnum);
	}
}

/* Begins a change of a file. */
static int begin_change(struct nv_netdox *netdox, const struct nv_call *call,
                        const struct nv_node *node, const struct nv_blob *base,
                        struct nv_target *target, struct nv_change *ret_change, struct nv_err *err)
{
	int r;

	if (netdox->ro) {
		return nv_fail(err, EROFS, "%s: the mount is read-only", node->path);
	}
	r = nv_target_of(netdox, node, target, err);
	if (r < 0) {
		return r;
	}
	ret_change->netdox = netdox;
	ret_change->call = call;
	ret_change->node = node;
	ret_change->layout = &nv_netdox_layouts[node->row->kind];
	ret_change->target = target;
	ret_change->base = base;
	return target->file_id.data || target->object != NV_OBJECT_REPORT
	               ? nv_change_name_file(ret_change)
	               : 0;
}

/* --- reading --- */

static int load(struct nv_netdox *netdox, const struct nv_node *node, struct nv_blob **ret_blob,
                struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	const struct nv_part *part;
	int r;

	if (node->row->kind == NV_NETDOX_NETWORK_ID) {
		return nv_network_id_load(netdox, node, ret_blob, err);
	}
	if (node->row->kind == NV_NETDOX_ORPHAN) {
		r = nv_orphan_find(netdox, node, &snapshot, &part, err);
		return r < 0 ? r : nv_part_load(part, node->path, ret_blob, err);
	}
	r = nv_target_of(netdox, node, &target, err);
	if (r == 0) {
		r = nv_part_get(netdox, node, &target, &snapshot, &part, err);
	}
	return r < 0 ? r : nv_part_load(part, node->path, ret_blob, err);
}

static int op_load(void *self, const struct nv_call *call, const struct nv_node *node,
                   struct nv_blob **ret_blob, struct nv_err *err)
{
	(void)call;
	return load(self, node, ret_blob, err);
}

/* The file as of now, past any cache. */
static int load_fresh(struct nv_netdox *netdox, const struct nv_node *node,
                      const struct nv_target *target, struct nv_blob **ret_blob, struct nv_err *err)
{
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	const struct nv_part *part;
	int r;

	if (node->row->kind == NV_NETDOX_ORPHAN) {
		nv_orphans_invalidate(netdox);
		r = nv_orphan_find(netdox, node, &snapshot, &part, err);
	} else {
		r = nv_object_get(netdox, target, NV_FRESH, &snapshot, err);
		part = r < 0 || !snapshot->exists ? NULL : nv_target_part(snapshot, node, target);
	}
	return r < 0 ? r : nv_part_load(part, node->path, ret_blob, err);
}

/* --- saving --- */

static int plan_save(struct nv_change *change, const struct nv_save_request *request,
                     struct nv_err *err)
{
	switch (change->layout->codec) {
	case NV_CODEC_RECORDS:
	case NV_CODEC_LINES:
		return nv_save_sets(change, request->text, request->size, err);
	case NV_CODEC_VALUE:
		return nv_save_value(change, request->text, request->size, err);
	case NV_CODEC_FIELDS:
		return nv_save_fields(change, request->text, request->size, err);
	case NV_CODEC_DATA:
		return nv_save_data(change, request->text, request->size, err);
	default:
		return nv_fail(err, EPERM, "%s: it is derived and cannot be written",
		               change->node->path);
	}
}

/* What a save of this mount adds to change->edit. */
static int plan_any_save(struct nv_change *change, const struct nv_save_request *request,
                         struct nv_restore_rest *rest, struct nv_err *err)
{
	enum nv_redis_db db;

	if (change->netdox->mode == NV_MOUNT_RESTORE) {
		return nv_restore_save(change, request->text, request->size, rest, err);
	}
	if (change->node->row->kind != NV_NETDOX_ORPHAN) {
		return plan_save(change, request, err);
	}
	if (!nv_orphan_db(change->netdox, change->node->names[0], &db)) {
		return nv_fail(err, ENOENT, "%s: that database is not one of Netdox",
		               change->node->path);
	}
	return nv_save_orphan(change, db, request->text, request->size, err);
}

/* The file in what came back; NULL = it is not there. */
static const struct nv_part *part_in(const struct nv_snapshot *snapshot, const struct nv_node *node,
                                     const struct nv_target *target)
{
	return snapshot && snapshot->exists ? nv_target_part(snapshot, node, target) : NULL;
}

/* After a commit: what is stored now; asked for again in the rare case that the answer could not
 * be kept. */
static int take_result(struct nv_change *change, const struct nv_keyedited *edited,
                       struct nv_save_result *result, struct nv_err *err)
{
	const struct nv_part *part = part_in(edited->snapshot, change->node, change->target);
	struct nv_err ignored = NV_ERR_INIT;

	result->changed = edited->changed;
	if (part && strcmp(part->name, change->node->name) != 0) {
		result->name = strdup(part->name); /* another spelling of the same name */
		if (!result->name) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	if (edited->snapshot) {
		result->blob = part ? nv_blob_ref(part->blob) : NULL;
		return 0;
	}
	/* The save stands, so failing to show it is no error of the save. */
	(void)load_fresh(change->netdox, change->node, change->target, &result->blob, &ignored);
	return 0;
}

/* The same where no object's snapshot shows it. */
static int take_shown(struct nv_change *change, const struct nv_save_request *request,
                      struct nv_save_result *result, struct nv_err *err)
{
	nv_cache_invalidate_all(change->netdox->cache); /* any file may have to do with it */
	result->changed = true;
	return nv_restore_shown(change, request->text, request->size, &result->blob, err);
}

/* After a commit, what is stored now. */
static int finish_save(struct nv_change *change, const struct nv_save_request *request,
                       const struct nv_keyedited *edited, struct nv_restore_rest *rest,
                       struct nv_save_result *result, struct nv_err *err)
{
	enum nv_netdox_kind kind = (enum nv_netdox_kind)change->node->row->kind;
	bool in_parts = nv_restore_has_rest(rest);

	if (change->netdox->mode == NV_MOUNT_RESTORE) {
		int r = nv_restore_rest(change->netdox, change->target, rest, err);

		if (r < 0) {
			return r;
		}
		if (kind == NV_NETDOX_ORPHAN || kind == NV_NETDOX_CHANGELOG) {
			return take_shown(change, request, result, err);
		}
	}
	if (in_parts) {
		struct nv_keyedited unknown = { .changed = true };

		return take_result(change, &unknown, result, err);
	}
	return take_result(change, edited, result, err);
}

static int try_save(struct nv_netdox *netdox, const struct nv_call *call,
                    const struct nv_node *node, const struct nv_save_request *request,
                    struct nv_save_result *result, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_change change cleanup_change = { .edit = NV_KEYEDIT_INIT };
	struct nv_keyedited edited cleanup_keyedited = { .changed = false };
	struct nv_restore_rest rest __attribute__((cleanup(nv_restore_rest_release))) = {
		.done = 0
	};
	int r = begin_change(netdox, call, node, request->base, &target, &change, err);

	if (r == 0) {
		r = plan_any_save(&change, request, &rest, err);
	}
	if (r < 0) {
		return r;
	}
	r = nv_keyedit_run(netdox, &change.edit, &target, false, &edited, err);
	if (r == -ESTALE) {
		const struct nv_part *theirs = part_in(edited.snapshot, node, &target);

		result->theirs = theirs ? nv_blob_ref(theirs->blob) : NULL;
		return r;
	}
	return r < 0 ? r : finish_save(&change, request, &edited, &rest, result, err);
}

int nv_write_save(void *self, const struct nv_call *call, const struct nv_node *node,
                  const struct nv_save_request *request, struct nv_save_result *result,
                  struct nv_err *err)
{
	int r = -EAGAIN;

	if (node->row->flags & (NV_ROW_READONLY | NV_ROW_UNSAVED)) {
		return nv_fail(err, EPERM, "%s: what is there is only read in this mount",
		               node->path);
	}
	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		nv_err_clear(err);
		r = try_save(self, call, node, request, result, err);
	}
	return r == -EAGAIN
	               ? nv_fail(err, EIO, "%s: default_network changes all the time", node->path)
	               : r;
}

/* --- deleting --- */

static int plan_delete(struct nv_change *change, struct nv_err *err)
{
	enum nv_redis_db db;

	if (change->node->row->kind == NV_NETDOX_ORPHAN) {
		if (!nv_orphan_db(change->netdox, change->node->names[0], &db)) {
			return nv_fail(err, ENOENT, "%s: that database is not one of Netdox",
			               change->node->path);
		}
		return nv_delete_orphan(change, db, err);
	}
	if (change->layout->readonly) {
		nv_restore_delete(change);
		return 0;
	}
	switch (change->layout->codec) {
	case NV_CODEC_RECORDS:
	case NV_CODEC_LINES:
		return nv_delete_sets(change, err);
	case NV_CODEC_VALUE:
		return nv_delete_value(change, err);
	case NV_CODEC_FIELDS:
		return nv_delete_fields(change, err);
	case NV_CODEC_DATA:
		return nv_delete_data(change, err);
	default:
		return nv_fail(err, EPERM, "%s: it is derived and cannot be deleted",
		               change->node->path);
	}
}

/* Sets are deleted member by member, so what is there must be known; the header of Data has the
 * plugin of the entry, and the whole of a cut name. */
static bool needs_base(const struct nv_change *change)
{
	return change->layout->levels[0].key || change->layout->codec == NV_CODEC_DATA;
}

static int delete_file(struct nv_change *change, struct nv_err *err)
{
	struct nv_blob *now cleanup_blob = NULL;
	struct nv_keyedited edited cleanup_keyedited = { .changed = false };
	int r = 0;

	if (!change->base && needs_base(change)) {
		r = load_fresh(change->netdox, change->node, change->target, &now, err);
		if (r < 0) {
			return r;
		}
		change->base = now;
	}
	r = plan_delete(change, err);
	if (r < 0) {
		return r;
	}
	change->edit.done_errnum = ENOENT;
	r = nv_keyedit_run(change->netdox, &change->edit, change->target, false, &edited, err);
	if (change->node->row->kind == NV_NETDOX_ORPHAN) {
		nv_cache_invalidate_all(
			change->netdox->cache); /* it may have kept any file from being read */
	}
	if (r == 0 && change->node->row->kind == NV_NETDOX_ORPHAN &&
	    change->netdox->mode == NV_MOUNT_RESTORE) {
		enum nv_redis_db db = NV_REDIS_MAIN;

		(void)nv_orphan_db(change->netdox, change->node->names[0], &db); /* it was one */
		nv_restored_drop(change->netdox, db, change->node->name);
	}
	if (r == 0 && !edited.changed) {
		return nv_fail(err, ENOENT, "%s: nothing is stored there any more",
		               change->node->path);
	}
	return r;
}

int nv_write_unlink(void *self, const struct nv_call *call, const struct nv_node *node,
                    struct nv_blob *base, bool check_only, struct nv_err *err)
{
	struct nv_netdox *netdox = self;
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_change change cleanup_change = { .edit = NV_KEYEDIT_INIT };
	struct nv_blob *now cleanup_blob = NULL;
	int r = begin_change(netdox, call, node, base, &target, &change, err);

	if (r < 0) {
		return r;
	}
	if (node->row->flags & NV_ROW_READONLY) {
		return nv_fail(err, EPERM, "%s: it is derived and cannot be deleted", node->path);
	}
	if (check_only) {
		/* Asking shows that the store is up, that the file is there and that it can be
		 * read. */
		return node->row->kind == NV_NETDOX_CHANGELOG ? nv_changelog_load(netdox, &now, err)
		                                              : load_fresh(netdox, node, &target, &now, err);
	}
	return delete_file(&change, err);
}

/* --- renaming --- */

/* Both files are Data in the same directory. */
static int rename_data(struct nv_change *change, const struct nv_target *to, bool replace,
                       struct nv_err *err)
{
	struct nv_blob *now cleanup_blob = NULL;
	struct nv_keyedited edited cleanup_keyedited = { .changed = false };
	int r = nv_new_name_check("id", false, &to->file_id, err);

	if (r == 0) {
		r = load_fresh(change->netdox, change->node, change->target, &now, err);
	}
	if (r < 0) {
		return r;
	}
	change->base = now;
	r = nv_rename_data(change, &to->file_id, replace, err);
	if (r < 0) {
		return r;
	}
	change->edit.done_errnum = ENOENT;
	r = nv_keyedit_run(change->netdox, &change->edit, change->target, false, &edited, err);
	nv_object_invalidate(change->netdox, to->object, &to->id, false);
	return r;
}

static int op_rename(void *self, const struct nv_call *call, const struct nv_node *from,
                     const struct nv_node *to, bool replace, struct nv_err *err)
{
	struct nv_netdox *netdox = self;
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_target to_target cleanup_target = NV_TARGET_INIT;
	struct nv_change change cleanup_change = { .edit = NV_KEYEDIT_INIT };
	const struct nv_layout *layout = &nv_netdox_layouts[from->row->kind];
	int r;

	if (layout->codec != nv_netdox_layouts[to->row->kind].codec) {
		return nv_fail(err, EPERM, "%s: the two files are of different formats", to->path);
	}
	r = begin_change(netdox, call, from, NULL, &target, &change, err);
	if (r == 0) {
		r = nv_target_of(netdox, to, &to_target, err);
	}
	if (r < 0) {
		return r;
	}
	bool same_dir = from->row == to->row && (target.object == NV_OBJECT_REPORT ||
	                                         nv_bytes_equal(&target.id, &to_target.id));
	if (layout->codec != NV_CODEC_DATA && same_dir) {
		return nv_fail(err, EPERM, "%s: its name says what it is, and cannot change",
		               from->path);
	}
	if (!same_dir) {
		return nv_fail(
			err, EXDEV,
			"%s: in another directory it is a new datum: it is copied and deleted",
			to->path);
	}
	if (!target.file_id.data || !to_target.file_id.data) {
		return nv_fail(err, EPERM, "%s: a cut name cannot be renamed", from->path);
	}
	return rename_data(&change, &to_target, replace, err);
}

const struct nv_node_ops nv_netdox_file_ops = {
	.name = "netdox file",
	.load = op_load,
	.check = nv_write_check,
	.save = nv_write_save,
	.unlink = nv_write_unlink,
	.rename = op_rename,
};

const struct nv_node_ops nv_netdox_derived_ops = {
	.name = "netdox derived file",
	.load = op_load,
	.check = nv_write_check,
	.save = nv_write_save,
	.unlink = nv_write_unlink,
};

const struct nv_node_ops nv_netdox_orphan_ops = {
	.name = "netdox orphan",
	.load = op_load,
	.check = nv_write_check,
	.save = nv_write_save,
	.unlink = nv_write_unlink,
};
