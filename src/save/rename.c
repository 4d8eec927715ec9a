/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rename(2) and link(2) between the store's names and the engine's own: where an editor's save
 * becomes one update.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/name.h"
#include "save/engine.h"

/* The target of a rename or link. */
struct target {
	struct nv_place place;
	const char *name; /* as listed, when it exists; borrowed from found or the caller */
	bool exists;
	bool real;             /* a name the store can have: at is filled */
	struct nv_found found; /* when it exists */
	struct nv_at at;
};

/* What stands, or would stand, at the target. */
static int find_target(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                       const char *name, struct target *ret, struct nv_err *err)
{
	ret->place = place;
	ret->name = name;
	int r = nv_save_lookup(save, call, place, name, &ret->found, err);
	if (r < 0 && r != -ENOENT) {
		return r;
	}
	nv_err_clear(err);
	ret->exists = r == 0;
	if (ret->exists && !ret->found.scratch) {
		ret->name = ret->found.entry.name;
		ret->real = true;
		return nv_at_child(save, place.path, ret->name, ret->found.entry.row, &ret->at,
		                   err);
	}
	if (ret->exists) {
		return 0;
	}
	r = nv_classify(save, call, place, name, &ret->at, err);
	ret->real = r == 1;
	return r < 0 ? r : 0;
}

/* What the target's slot knows of the version that a new text replaces. Frees the name when it was
 * only parked to come back. */
static void take_origin(struct nv_save *save, const struct target *to, struct nv_blob **ret_base,
                        struct nv_blob **ret_parent)
{
	nv_lock(save);
	const struct nv_slot *slot = nv_slot_settled(save, to->place, to->name);
	if (slot && slot->blob) {
		bool gone = slot->state == NV_SLOT_GONE ||
		            (slot->state == NV_SLOT_NEW && slot->origin_gone);
		*(gone ? ret_parent : ret_base) = nv_blob_ref(slot->blob);
	}
	nv_unlock(save);
}

/* Drops whatever the engine keeps at a name. */
static void drop(struct nv_save *save, struct nv_place place, const char *name)
{
	nv_lock(save);
	(void)nv_slot_settled(save, place, name);
	nv_slot_drop(nv_names_of(save, place, false), name);
	nv_unlock(save);
}

/* Stores a text under the target's real name: the one commit of a save by temporary file. */
static int store_at(struct nv_save *save, const struct nv_call *call, const struct target *to,
                    const char *text, size_t size, const struct timespec *mtime, struct nv_err *err)
{
	cleanup_blob struct nv_blob *base = NULL;
	cleanup_blob struct nv_blob *parent = NULL;
	const struct nv_row *row = to->at.node.row;
	if (row->type != NV_FILE) {
		return nv_fail(err, row->type == NV_DIR ? EISDIR : EPERM,
		               "%s: a file cannot stand there", to->at.path);
	}
	take_origin(save, to, &base, &parent);
	struct nv_blob *read = nv_bases_find(save->bases, to->at.path, nv_proc_of(call->pid),
	                                     call->uid, UINT64_MAX);
	if (read) {
		nv_blob_unref(base);
		base = read;
	} else if (!base && !parent && to->exists && !to->found.is_new) {
		int r = nv_load(save, call, &to->at, &base, err);
		if (r < 0 && r != -EIO) {
			return r;
		}
	}
	if ((row->flags & NV_ROW_READONLY) && base && base->size == size &&
	    memcmp(base->text, text, size) == 0) {
		return 0;
	}
	if (row->flags & NV_ROW_READONLY) {
		return nv_fail(
			err, EACCES,
			"%s is read-only: only the bytes it already has can be written to it",
			to->at.path);
	}
	int r = nv_commit_text(save, call, &to->at, base, parent, text, size, mtime, NULL, err);
	if (r < 0) {
		nv_refusal_add(save, to->at.path, nv_proc_of(call->pid));
	}
	return r;
}

/* Copies a scratch file's text out, so that the store can be asked without the engine lock. */
static int copy_text(struct nv_save *save, const struct nv_stage *stage, char **ret_text,
                     size_t *ret_size, struct nv_err *err)
{
	nv_lock(save);
	size_t size = stage->size;
	char *text = malloc(size + 1);
	if (text) {
		memcpy(text, nv_stage_text(stage), size);
		text[size] = '\0';
	}
	nv_unlock(save);
	if (!text) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

/* A refused text leaves the parked datum of that name visible again. */
static void put_back(struct nv_save *save, const struct target *to)
{
	nv_lock(save);
	const struct nv_slot *slot = nv_slot_settled(save, to->place, to->name);
	bool parked = slot && slot->state == NV_SLOT_PARKED;
	nv_unlock(save);
	if (parked) {
		drop(save, to->place, to->name);
		if (save->config.events.names_changed) {
			save->config.events.names_changed(save->config.events.arg, to->place.path,
			                                  to->name);
		}
	}
}

static int scratch_to_real(struct nv_save *save, const struct nv_call *call,
                           struct nv_scratch *scratch, struct nv_place from, const char *from_name,
                           const struct target *to, struct nv_err *err)
{
	cleanup_free char *text = NULL;
	size_t size = 0;
	if (scratch->type == NV_DIR) {
		return nv_fail(err, EXDEV, "%s: a scratch directory cannot become a stored one",
		               from_name);
	}
	if (scratch->type == NV_LINK) {
		return nv_fail(err, EXDEV, "%s: a scratch link cannot become a stored name",
		               from_name);
	}
	int r = copy_text(save, &scratch->text, &text, &size, err);
	if (r == 0) {
		r = store_at(save, call, to, text, size,
		             scratch->mtime_set ? &scratch->mtime : NULL, err);
	}
	if (r < 0) {
		put_back(save, to);
		return r;
	}
	drop(save, to->place, to->name);
	drop(save, from, from_name);
	return 0;
}

/* Moves a scratch node to another scratch name. */
static int scratch_to_scratch(struct nv_save *save, const struct nv_call *call,
                              struct nv_scratch *scratch, struct nv_place from,
                              const char *from_name, const struct target *to, struct nv_err *err)
{
	if (to->exists && to->found.scratch->type != scratch->type &&
	    (to->found.scratch->type == NV_DIR || scratch->type == NV_DIR)) {
		return nv_fail(err, scratch->type == NV_DIR ? ENOTDIR : EISDIR,
		               "%s is of another type", to->name);
	}
	if (scratch->type == NV_DIR && !to->place.scratch && !nv_name_is_scratch(to->name, true)) {
		return nv_fail(err, EINVAL, "no directory of the name %s can stand here", to->name);
	}
	int r = 0;
	nv_lock(save);
	if (to->exists && to->found.scratch->type == NV_DIR &&
	    nv_strmap_count(to->found.scratch->names->slots) > 0) {
		r = nv_fail(err, ENOTEMPTY, "%s: not empty", to->name);
	} else if (!to->exists || to->found.scratch != scratch) {
		struct nv_names *names = nv_names_of(save, to->place, true);
		struct nv_slot *slot =
			names ? nv_slot_put(save, names, to->name, NV_SLOT_SCRATCH, call) : NULL;
		if (slot) {
			scratch->nlink++;
			slot->scratch = nv_scratch_ref(scratch);
			nv_slot_watch(save, to->place, slot);
			nv_slot_drop(nv_names_of(save, from, false), from_name);
		} else {
			r = nv_fail(err, ENOMEM, "out of memory");
		}
	}
	nv_unlock(save);
	return r;
}

/* Puts a copy of a text at a scratch name. */
static int put_scratch(struct nv_save *save, const struct nv_call *call, const struct target *to,
                       const char *text, size_t size, struct nv_err *err)
{
	int r = -ENOMEM;
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, to->place, true);
	struct nv_slot *slot =
		names ? nv_slot_put(save, names, to->name, NV_SLOT_SCRATCH, call) : NULL;
	if (slot) {
		slot->scratch = nv_scratch_new(save, NV_FILE, 0644, call);
		if (slot->scratch) {
			slot->scratch->nlink = 1;
			slot->scratch->closed_ms = nv_clock_ms(save->config.clock);
			r = nv_scratch_write(slot->scratch, text, size, 0, err);
			nv_slot_watch(save, to->place, slot);
		}
		if (r < 0) {
			nv_slot_drop(names, to->name);
		}
	}
	nv_unlock(save);
	return r == -ENOMEM ? nv_fail(err, ENOMEM, "out of memory") : r;
}

/* An editor moves the datum aside: the scratch name gets the text, the datum hides until its new
 * text comes, or comes back. */
static int real_to_scratch(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                           struct nv_place from, const char *from_name, const struct target *to,
                           struct nv_err *err)
{
	cleanup_blob struct nv_blob *blob = NULL;
	if (to->place.scratch || strcmp(from.path, to->place.path) != 0) {
		return nv_fail(err, EPERM, "%s is no name that %s can store", to->name,
		               to->place.path ? to->place.path : "a scratch directory");
	}
	if (save->config.ro) {
		return nv_fail(err, EROFS, "this mount is read-only");
	}
	if (at->node.row->type != NV_FILE || (at->node.row->flags & NV_ROW_READONLY)) {
		return nv_fail(err, EPERM, "%s cannot be moved aside", at->path);
	}
	int r = nv_load(save, call, at, &blob, err);
	if (r == 0) {
		r = put_scratch(save, call, to, blob->text, blob->size, err);
	}
	if (r < 0) {
		return r;
	}
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, from, true);
	struct nv_slot *slot =
		names ? nv_slot_put(save, names, from_name, NV_SLOT_PARKED, call) : NULL;
	if (slot) {
		slot->why = NV_PARK_MOVED;
		slot->blob = steal(&blob);
		nv_slot_due(save, slot, NV_RETURN_DELAY_MS);
	} else {
		r = nv_fail(err, ENOMEM, "out of memory");
	}
	nv_unlock(save);
	return r;
}

/* An accepted text under a new name that is renamed before its commit: only the last name ever
 * reaches the store. */
static int new_to_any(struct nv_save *save, const struct nv_call *call, struct nv_place from,
                      const char *from_name, const struct target *to, struct nv_err *err)
{
	cleanup_free char *text = NULL;
	cleanup_blob struct nv_blob *origin = NULL;
	struct nv_stage taken = NV_STAGE_INIT;
	size_t size = 0;
	bool has_mtime = false;
	struct timespec mtime = { 0, 0 };
	nv_lock(save);
	struct nv_slot *slot = nv_slot_settled(save, from, from_name);
	bool ready = slot && slot->state == NV_SLOT_NEW && slot->accepted;
	if (ready) {
		nv_stage_move(&taken, &slot->text);
		nv_slot_take(slot);
		origin = slot->origin_gone ? NULL : nv_blob_ref(slot->blob);
		has_mtime = slot->has_mtime;
		mtime = slot->mtime;
	}
	nv_unlock(save);
	if (!ready) {
		return nv_fail(err, EBUSY, "%s is still being written; close it first", from_name);
	}
	int r = copy_text(save, &taken, &text, &size, err);
	if (r == 0 && to->real) {
		r = store_at(save, call, to, text, size, has_mtime ? &mtime : NULL, err);
	} else if (r == 0) {
		r = put_scratch(save, call, to, text, size, err);
	}
	if (r == 0 && to->real) {
		drop(save, to->place, to->name);
	} else if (r < 0 && to->real) {
		put_back(save, to);
	}
	char path[PATH_MAX];
	bool known = nv_path_join(path, from.path, from_name) == 0;
	nv_lock(save);
	if (r == 0 && known) {
		/* a descriptor still open on the first name must not make it again */
		nv_handles_detach(save, path);
	}
	slot = nv_slot_get(nv_names_of(save, from, false), from_name);
	if (slot) {
		slot->busy = false;
		if (r < 0) {
			nv_stage_move(&slot->text, &taken);
			nv_slot_due(save, slot, NV_DELETE_DELAY_MS);
		} else if (origin) {
			/* what stood under the first name had been removed */
			slot->state = NV_SLOT_PARKED;
			slot->why = NV_PARK_UNLINK;
			slot->accepted = false;
			nv_slot_due(save, slot, NV_DELETE_DELAY_MS);
		} else {
			nv_slot_drop(nv_names_of(save, from, false), from_name);
		}
	}
	(void)pthread_cond_broadcast(&save->wake);
	nv_unlock(save);
	nv_stage_release(&taken);
	return r;
}

/* The target of a move of a directory. */
static int find_dir_target(struct nv_save *save, struct nv_place place, const char *name,
                           struct nv_at *ret_at, struct nv_err *err)
{
	struct nv_at dir;
	int r = nv_at_path(save, place.path, &dir, err);
	if (r < 0) {
		return r;
	}
	const struct nv_row *row = nv_tree_child(save->config.tree, dir.node.row, name, NV_DIR);
	if (!row) {
		return nv_fail(err, EINVAL, "no directory of the name %s can stand in %s", name,
		               *place.path ? place.path : "the root");
	}
	return nv_at_child(save, place.path, name, row, ret_at, err);
}

/* A stored name gets another: the family's one commit. */
static int real_to_real(struct nv_save *save, const struct nv_call *call, const struct nv_at *from,
                        const struct nv_at *to, bool replace, struct nv_err *err)
{
	char dir[PATH_MAX];
	const char *name = nv_path_split(dir, to->path);
	const struct nv_node_ops *ops = from->node.row->ops;
	if (save->config.ro) {
		return nv_fail(err, EROFS, "this mount is read-only");
	}
	if (from->node.row->family != to->node.row->family || !ops->rename ||
	    (from->node.row->flags & (NV_ROW_READONLY | NV_ROW_STRUCTURAL))) {
		return nv_fail(err, EPERM, "%s cannot be renamed to %s", from->path, to->path);
	}
	/* What was unlinked there, or inside, goes first: the rename must not meet it again. */
	int r = nv_commit_slot(save, dir, name, err);
	if (r == 0 && from->node.row->type == NV_DIR) {
		r = nv_commit_dir(save, from->path, true, err);
	}
	if (r == 0) {
		r = ops->rename(from->node.self, call, &from->node, &to->node, replace, err);
		nv_commit_count(save, from->node.row, r);
	}
	if (r == 0) {
		nv_bases_committed(save->bases, from->path, call->uid, NULL);
		nv_bases_committed(save->bases, to->path, call->uid, NULL);
		drop(save, (struct nv_place){ .path = dir }, name);
		nv_lock(save);
		nv_names_rebase(save, from->path, to->path);
		nv_unlock(save);
	}
	return r;
}

/* True when a name moved aside or hidden still is in the store. */
static bool is_parked(struct nv_save *save, struct nv_place place, const char *name)
{
	nv_lock(save);
	const struct nv_slot *slot = nv_slot_settled(save, place, name);
	bool parked = slot && slot->state == NV_SLOT_PARKED && slot->why != NV_PARK_UNLINK;
	nv_unlock(save);
	return parked;
}

/* Renames what found says the source is. */
static int rename_found(struct nv_save *save, const struct nv_call *call, struct nv_place from,
                        const struct nv_found *found, struct nv_place to_place, const char *to_name,
                        unsigned flags, struct target *to, struct nv_err *err)
{
	const char *from_name = found->entry.name;
	struct nv_at at;
	bool is_dir = !found->scratch && found->entry.row->type == NV_DIR;
	if (is_dir && !to_place.scratch) {
		struct nv_at target;
		cleanup_found struct nv_found there = { 0 };
		if (nv_save_lookup(save, call, to_place, to_name, &there, NULL) == 0) {
			return nv_fail(err, flags & RENAME_NOREPLACE ? EEXIST : ENOTEMPTY,
			               "%s exists", to_name);
		}
		int r = nv_at_child(save, from.path, from_name, found->entry.row, &at, err);
		r = r < 0 ? r : find_dir_target(save, to_place, to_name, &target, err);
		return r < 0 ? r : real_to_real(save, call, &at, &target, false, err);
	}
	int r = find_target(save, call, to_place, to_name, to, err);
	if (r < 0) {
		return r;
	}
	if (to->exists && (flags & RENAME_NOREPLACE)) {
		return nv_fail(err, EEXIST, "%s exists", to_name);
	}
	if (found->scratch && to->real) {
		return scratch_to_real(save, call, found->scratch, from, from_name, to, err);
	}
	if (found->scratch) {
		return scratch_to_scratch(save, call, found->scratch, from, from_name, to, err);
	}
	if (found->is_new) {
		return new_to_any(save, call, from, from_name, to, err);
	}
	r = nv_at_child(save, from.path, from_name, found->entry.row, &at, err);
	if (r < 0) {
		return r;
	}
	if (!to->real) {
		return real_to_scratch(save, call, &at, from, from_name, to, err);
	}
	return real_to_real(save, call, &at, &to->at,
	                    to->exists || is_parked(save, to_place, to->name), err);
}

int nv_save_rename(struct nv_save *save, const struct nv_call *call, struct nv_place from,
                   const char *from_name, struct nv_place to, const char *to_name, unsigned flags,
                   struct nv_err *err)
{
	cleanup_found struct nv_found found = { 0 };
	struct target target = { 0 };
	if (flags & ~(unsigned)RENAME_NOREPLACE) {
		return nv_fail(err, EINVAL, "names cannot be exchanged");
	}
	int r = nv_save_lookup(save, call, from, from_name, &found, err);
	if (r == 0) {
		r = rename_found(save, call, from, &found, to, to_name, flags, &target, err);
	}
	nv_found_release(&target.found);
	return r;
}

/* A second name for a scratch node. */
static int share_scratch(struct nv_save *save, const struct nv_call *call,
                         struct nv_scratch *scratch, const struct target *to, struct nv_err *err)
{
	int r = 0;
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, to->place, true);
	struct nv_slot *slot =
		names ? nv_slot_put(save, names, to->name, NV_SLOT_SCRATCH, call) : NULL;
	if (slot) {
		scratch->nlink++;
		slot->scratch = nv_scratch_ref(scratch);
		nv_slot_watch(save, to->place, slot);
	} else {
		r = nv_fail(err, ENOMEM, "out of memory");
	}
	nv_unlock(save);
	return r;
}

static int link_found(struct nv_save *save, const struct nv_call *call, struct nv_place from,
                      const struct nv_found *found, const struct target *to, struct nv_err *err)
{
	cleanup_blob struct nv_blob *blob = NULL;
	cleanup_free char *text = NULL;
	struct nv_at at;
	size_t size = 0;
	if (found->scratch && !to->real) {
		return share_scratch(save, call, found->scratch, to, err);
	}
	if (found->scratch && found->scratch->type == NV_FILE) {
		int r = copy_text(save, &found->scratch->text, &text, &size, err);
		r = r < 0 ? r
		          : store_at(save, call, to, text, size,
		                     found->scratch->mtime_set ? &found->scratch->mtime : NULL,
		                     err);
		if (r == 0) {
			drop(save, to->place, to->name);
		}
		return r;
	}
	if (found->scratch || found->is_new || to->real) {
		return nv_fail(err, EPERM, "%s: the store has no hard links", found->entry.name);
	}
	int r = nv_at_child(save, from.path, found->entry.name, found->entry.row, &at, err);
	r = r < 0 ? r : nv_load(save, call, &at, &blob, err);
	return r < 0 ? r : put_scratch(save, call, to, blob->text, blob->size, err);
}

int nv_save_link(struct nv_save *save, const struct nv_call *call, struct nv_place from,
                 const char *from_name, struct nv_place to, const char *to_name, struct nv_err *err)
{
	cleanup_found struct nv_found found = { 0 };
	struct target target = { 0 };
	int r = nv_save_lookup(save, call, from, from_name, &found, err);
	if (r == 0) {
		r = find_target(save, call, to, to_name, &target, err);
	}
	if (r == 0 && target.exists) {
		r = nv_fail(err, EEXIST, "%s exists", to_name);
	}
	if (r == 0) {
		r = link_found(save, call, from, &found, &target, err);
	}
	nv_found_release(&target.found);
	return r;
}
