/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Removing and making names: unlink, rmdir, mkdir, symlink, link, truncate by path.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/name.h"
#include "save/engine.h"
#include "save/made.h"

void nv_handles_detach(struct nv_save *save, const char *path)
{
	for (struct nv_handle *h = save->handles; h; h = h->next) {
		if ((h->kind == NV_HANDLE_WRITE || h->kind == NV_HANDLE_COMPARE) &&
		    strcmp(h->path, path) == 0) {
			atomic_store(&h->detached, true);
		}
	}
}

/* Parks a stored name. Engine lock held. */
static int park(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                const char *name, enum nv_park_why why, struct nv_blob *blob, struct nv_err *err)
{
	/* a commit under way must not meet a slot that is not its own */
	(void)nv_slot_settled(save, place, name);
	struct nv_names *names = nv_names_of(save, place, true);
	struct nv_slot *slot = names ? nv_slot_put(save, names, name, NV_SLOT_PARKED, call) : NULL;
	if (!slot) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	slot->why = why;
	slot->blob = nv_blob_ref(blob);
	nv_slot_due(save, slot, why == NV_PARK_UNLINK ? NV_DELETE_DELAY_MS : NV_RETURN_DELAY_MS);
	return 0;
}

/* An own json and what the mount derives only seem to go; all else is deleted. */
static enum nv_park_why why_parked(const struct nv_row *row)
{
	return row->flags & (NV_ROW_OWN | NV_ROW_DERIVED) ? NV_PARK_HIDDEN : NV_PARK_UNLINK;
}

/* A placeholder goes for the link that it stood in for (is_placeholder): one that was there before,
 * or one that the store has come to say meanwhile, which who makes it now must not meet. Engine lock
 * held. */
static int unlink_scratch(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                          struct nv_slot *slot, struct nv_err *err)
{
	struct nv_at at;
	if (slot->scratch->type == NV_DIR) {
		return nv_fail(err, EISDIR, "%s: is a directory", slot->name);
	}
	enum nv_park_why why = slot->why;
	bool parks = slot->blob;
	if (!parks && !place.scratch && slot->scratch->type == NV_FILE &&
	    nv_at_child(save, place.path, slot->name, NULL, &at, NULL) == 0 &&
	    at.node.row->type == NV_LINK && (at.node.row->flags & NV_ROW_DERIVED)) {
		why = NV_PARK_HIDDEN;
		parks = true;
	}
	cleanup_blob struct nv_blob *link = steal(&slot->blob);
	cleanup_free char *name = strdup(slot->name);
	if (!name) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	nv_slot_drop(slot->names, name);
	return parks ? park(save, call, place, name, why, link, err) : 0;
}

/* Unlinks what only the engine knows. 1 = done, 0 = a stored name. Engine lock held. */
static int unlink_slot(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                       const char *name, struct nv_err *err)
{
	struct nv_at at;
	enum nv_park_why why = NV_PARK_UNLINK;
	struct nv_slot *slot = nv_slot_settled(save, place, name);
	struct nv_names *names = nv_names_of(save, place, false);
	if (!slot || slot->state == NV_SLOT_GONE) {
		return place.scratch ? nv_fail(err, ENOENT, "%s: no such name", name) : 0;
	}
	if (slot->state == NV_SLOT_PARKED) {
		return nv_fail(err, ENOENT, "%s: no such name", name);
	}
	if (slot->state == NV_SLOT_SCRATCH) {
		int r = unlink_scratch(save, call, place, slot, err);
		return r < 0 ? r : 1;
	}
	if (nv_at_child(save, place.path, name, NULL, &at, NULL) == 0) {
		nv_handles_detach(save, at.path);
		why = why_parked(at.node.row);
	}
	/* A new name over a parked one: the deletion that was asked for first still holds. */
	cleanup_blob struct nv_blob *origin = slot->origin_gone ? NULL : steal(&slot->blob);
	nv_slot_drop(names, name);
	if (origin) {
		int r = park(save, call, place, name, why, origin, err);
		return r < 0 ? r : 1;
	}
	return 1;
}

/* Unlinks a stored name: checked now, deleted when nobody puts new content there. */
static int unlink_real(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                       const struct nv_at *at, const char *name, struct nv_err *err)
{
	cleanup_blob struct nv_blob *blob = NULL;
	const struct nv_row *row = at->node.row;
	enum nv_park_why why = why_parked(row);
	if (row->type == NV_DIR) {
		return nv_fail(err, EISDIR, "%s: is a directory", at->path);
	}
	if (save->config.ro) {
		return nv_fail(err, EROFS, "this mount is read-only");
	}
	if (why == NV_PARK_UNLINK && ((row->flags & NV_ROW_READONLY) || !row->ops->unlink)) {
		return nv_fail(err, EPERM, "%s is computed from the store and cannot be removed",
		               at->path);
	}
	int r = nv_load(save, call, at, &blob, err);
	if (r == -ENOENT || r == -ETIMEDOUT) {
		return r;
	}
	/* a datum that cannot be shown may still be removed; the check below decides */
	nv_err_clear(err);
	if (why == NV_PARK_UNLINK) {
		r = row->ops->unlink(at->node.self, call, &at->node, blob, true, err);
		if (r < 0) {
			return r;
		}
		if (row->flags & NV_ROW_NO_DELAY) {
			return nv_commit_delete(save, call, at, blob, err);
		}
	}
	nv_lock(save);
	nv_handles_detach(save, at->path);
	r = park(save, call, place, name, why, blob, err);
	nv_unlock(save);
	return r;
}

int nv_save_unlink(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                   const char *name, struct nv_err *err)
{
	struct nv_at at;
	cleanup_found struct nv_found found = { 0 };
	nv_lock(save);
	int r = unlink_slot(save, call, place, name, err);
	nv_unlock(save);
	if (r != 0) {
		return r < 0 ? r : 0;
	}
	/* The kernel may know the name by another spelling; the slot must have the listed one. */
	r = nv_save_lookup(save, call, place, name, &found, err);
	if (r == 0) {
		r = nv_at_child(save, place.path, found.entry.name, found.entry.row, &at, err);
	}
	if (r < 0) {
		return r;
	}
	if (nv_refusal_take(save, at.path, nv_proc_of(call->pid))) {
		/* the writer cleans up after its refused text; the stored datum was never
		 * replaced */
		return 0;
	}
	return unlink_real(save, call, place, &at, found.entry.name, err);
}

/* True when the directory shows nothing to the caller. */
static int is_empty(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                    struct nv_err *err)
{
	cleanup_listing struct nv_listing *listing = NULL;
	int r = nv_save_list(save, call, place, &listing, err);
	return r < 0 ? r : listing->count == 0;
}

/* True when the engine itself keeps files in the directory or below it. Engine lock held. */
static bool holds_files(struct nv_save *save, const char *dir)
{
	size_t dirs = 0;
	size_t key_size;
	const char *key;
	void *value;
	size_t size = strlen(dir);
	while (nv_strmap_next(save->dirs, &dirs, &key, &key_size, &value)) {
		if (key_size < size || memcmp(key, dir, size) != 0 ||
		    (key_size > size && key[size] != '/')) {
			continue;
		}
		struct nv_names *names = value;
		size_t slots = 0;
		while (nv_strmap_next(names->slots, &slots, &key, &key_size, &value)) {
			const struct nv_slot *slot = value;
			if (slot->state == NV_SLOT_SCRATCH || slot->state == NV_SLOT_NEW) {
				return true;
			}
		}
	}
	return false;
}

/* Forgets all slots of a directory that is gone, and of those below it. Engine lock held. */
static void forget_dir(struct nv_save *save, const char *dir)
{
	size_t dirs = 0;
	size_t key_size;
	const char *key;
	void *value;
	size_t size = strlen(dir);
	while (nv_strmap_next(save->dirs, &dirs, &key, &key_size, &value)) {
		if (key_size >= size && memcmp(key, dir, size) == 0 &&
		    (key_size == size || key[size] == '/')) {
			nv_names_free(nv_strmap_remove(save->dirs, key, key_size));
		}
	}
}

/* A directory that is only a name: there is nothing to remove elsewhere. */
static int rmdir_made(struct nv_save *save, const struct nv_at *at, const char *dir,
                      const char *name, struct nv_err *err)
{
	nv_lock(save);
	bool holds = holds_files(save, at->path) || nv_made_has(save, at->path);
	nv_unlock(save);
	if (holds) {
		return nv_fail(err, ENOTEMPTY, "%s: not empty", at->path);
	}
	nv_made_drop(save, dir, name);
	return 0;
}

static int rmdir_real(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                      const struct nv_at *at, const char *name, struct nv_err *err)
{
	const struct nv_row *row = at->node.row;
	struct nv_place dir = { .path = at->path };
	if (row->type != NV_DIR) {
		return nv_fail(err, ENOTDIR, "%s: not a directory", at->path);
	}
	if (save->config.ro) {
		return nv_fail(err, EROFS, "this mount is read-only");
	}
	if (nv_made_is_dir(save, at->path)) {
		return rmdir_made(save, at, place.path, name, err);
	}
	/* rm -r: what was unlinked in it goes now */
	int r = nv_commit_dir(save, at->path, true, err);
	if (r < 0) {
		return r;
	}
	nv_lock(save);
	bool holds = holds_files(save, at->path);
	nv_unlock(save);
	if (holds) {
		return nv_fail(err, ENOTEMPTY, "%s: scratch files are in it", at->path);
	}
	if (row->flags & NV_ROW_STRUCTURAL) {
		r = is_empty(save, call, dir, err);
		if (r <= 0) {
			return r < 0 ? r : nv_fail(err, ENOTEMPTY, "%s: not empty", at->path);
		}
		nv_lock(save);
		r = park(save, call, place, name, NV_PARK_HIDDEN, NULL, err);
		nv_unlock(save);
		return r;
	}
	if (!(row->flags & NV_ROW_OBJECT) || !row->ops->rmdir) {
		return nv_fail(err, EPERM, "%s cannot be removed", at->path);
	}
	r = row->ops->rmdir(at->node.self, call, &at->node, err);
	nv_commit_count(save, row, r);
	if (r == 0) {
		nv_lock(save);
		forget_dir(save, at->path);
		nv_unlock(save);
	}
	return r;
}

int nv_save_rmdir(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                  const char *name, struct nv_err *err)
{
	struct nv_at at;
	cleanup_found struct nv_found found = { 0 };
	int r = nv_save_lookup(save, call, place, name, &found, err);
	if (r < 0) {
		return r;
	}
	if (found.scratch) {
		nv_lock(save);
		if (found.scratch->type != NV_DIR) {
			r = nv_fail(err, ENOTDIR, "%s: not a directory", name);
		} else if (nv_strmap_count(found.scratch->names->slots) > 0) {
			r = nv_fail(err, ENOTEMPTY, "%s: not empty", name);
		} else {
			nv_slot_drop(nv_names_of(save, place, false), name);
		}
		nv_unlock(save);
		return r;
	}
	r = nv_at_child(save, place.path, found.entry.name, found.entry.row, &at, err);
	return r < 0 ? r : rmdir_real(save, call, place, &at, found.entry.name, err);
}

/* Makes a scratch directory or link under a free name. */
static int make_scratch(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                        const char *name, enum nv_type type, mode_t mode, const char *target,
                        struct nv_err *err)
{
	int r = -ENOMEM;
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, place, true);
	struct nv_slot *slot = names ? nv_slot_put(save, names, name, NV_SLOT_SCRATCH, call) : NULL;
	if (slot) {
		slot->scratch = nv_scratch_new(save, type, mode, call);
		if (slot->scratch) {
			slot->scratch->nlink = 1;
			slot->scratch->target = target ? strdup(target) : NULL;
			r = !target || slot->scratch->target ? 0 : -ENOMEM;
		}
		if (r < 0) {
			nv_slot_drop(names, name);
		}
	}
	nv_unlock(save);
	return r < 0 ? nv_fail(err, -r, "out of memory") : 0;
}

/* A structural directory is always there: this only ends that it seemed not to be. To who makes it
 * in a new object it looks empty, as the object does. */
static int mkdir_structural(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                            const struct nv_row *row, const char *name, struct nv_err *err)
{
	char path[PATH_MAX];
	int r = nv_path_join(path, place.path, name);
	nv_lock(save);
	const struct nv_slot *slot = nv_slot_settled(save, place, name);
	struct nv_names *names = nv_names_of(save, place, false);
	if (slot && slot->state == NV_SLOT_PARKED && slot->why == NV_PARK_HIDDEN) {
		nv_slot_drop(names, name);
	}
	if ((row->flags & NV_ROW_DERIVED) && nv_names_hides(names, row, name, call)) {
		/* Said once, and not of every file that a copy of the object would bring. */
		r = nv_fail(
			err, EPERM,
			"%s is computed from the store, so it cannot be copied to another place",
			path);
	} else if (r == 0 && nv_names_reveal(names, name, call)) {
		names = nv_names_of(save, (struct nv_place){ .path = path }, true);
		if (names) {
			names->maker = nv_proc_of(call->pid);
		}
	}
	nv_unlock(save);
	return r < 0 ? r : 0;
}

/* A name in memory, until a text makes its object. What is there in it by itself, or comes to be
 * there meanwhile, is not what its maker made. */
static int mkdir_named(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                       const struct nv_row *row, const char *name, struct nv_err *err)
{
	char path[PATH_MAX];
	int r = nv_path_join(path, place.path, name);
	r = r < 0 ? r : nv_made_put(save, place.path, name, row, NULL, NULL);
	if (r < 0) {
		return nv_fail(err, -r, "%s cannot be made", name);
	}
	nv_lock(save);
	(void)nv_names_reveal(nv_names_of(save, place, false), name, call);
	nv_names_look_empty(save, call, path);
	nv_unlock(save);
	return 0;
}

static int mkdir_real(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                      struct nv_err *err)
{
	const struct nv_row *row = at->node.row;
	struct nv_at parent;
	char dir[PATH_MAX];
	(void)nv_path_split(dir, at->path);
	int r = nv_at_path(save, dir, &parent, err);
	if (r < 0) {
		return r;
	}
	if (!(row->flags & NV_ROW_OBJECT) || !parent.node.row->ops->mkdir) {
		return nv_fail(err, EPERM, "%s: no directory can be made here", at->path);
	}
	r = parent.node.row->ops->mkdir(parent.node.self, call, &at->node, err);
	nv_commit_count(save, row, r);
	if (r == 0) {
		nv_lock(save);
		nv_names_look_empty(save, call, at->path);
		nv_unlock(save);
	}
	return r;
}

int nv_save_mkdir(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                  const char *name, mode_t mode, struct nv_err *err)
{
	struct nv_at at;
	struct nv_at dir;
	cleanup_found struct nv_found found = { 0 };
	int r = nv_save_lookup(save, call, place, name, &found, NULL);
	if (r == 0) {
		return nv_fail(err, EEXIST, "%s exists", name);
	}
	if (place.scratch || nv_name_is_scratch(name, true)) {
		return make_scratch(save, call, place, name, NV_DIR, mode, NULL, err);
	}
	if (save->config.ro) {
		return nv_fail(err, EROFS, "this mount is read-only");
	}
	r = nv_at_path(save, place.path, &dir, err);
	if (r < 0) {
		return r;
	}
	const struct nv_row *row = nv_tree_child(save->config.tree, dir.node.row, name, NV_DIR);
	if (!row) {
		return nv_fail(err, EINVAL, "no directory of the name %s can stand in %s", name,
		               *place.path ? place.path : "the root");
	}
	bool in_made = nv_made_is_dir(save, place.path);
	if ((row->flags & NV_ROW_NAMED) || ((row->flags & NV_ROW_STRUCTURAL) && in_made)) {
		return mkdir_named(save, call, place, row, name, err);
	}
	if (row->flags & NV_ROW_STRUCTURAL) {
		return mkdir_structural(save, call, place, row, name, err);
	}
	r = nv_at_child(save, place.path, name, row, &at, err);
	return r < 0 ? r : mkdir_real(save, call, &at, err);
}

/* Who copies an object copies what the mount derives in it too (mv of a DNS name does): the copy
 * stands for a moment, and then there is what the store says. */
static int make_derived(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                        const struct nv_row *row, const char *name, const char *target,
                        struct nv_err *err)
{
	int r = make_scratch(save, call, place, name, NV_LINK, 0777, target, err);
	if (r == 0) {
		nv_lock(save);
		struct nv_slot *slot = nv_slot_get(nv_names_of(save, place, false), name);
		if (slot) {
			/* In a full mount the documents that say it may be on their way. */
			nv_slot_due(save, slot,
			            row->flags & NV_ROW_LINKED ? NV_SCRATCH_WARN_MS
			                                       : NV_RETURN_DELAY_MS);
		}
		nv_unlock(save);
	}
	return r;
}

/* Makes a stored link, or finds that it is there already with that target. */
static int symlink_real(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                        const struct nv_at *at, const char *name, const char *target,
                        struct nv_err *err)
{
	struct nv_at dir;
	cleanup_blob struct nv_blob *blob = NULL;
	nv_lock(save);
	const struct nv_slot *slot = nv_slot_settled(save, place, name);
	bool parked = slot && slot->state == NV_SLOT_PARKED;
	nv_unlock(save);
	/* A link that was just removed and comes back with its target was never gone. */
	if (parked && nv_load(save, call, at, &blob, NULL) == 0 &&
	    strcmp(blob->text, target) == 0) {
		nv_lock(save);
		(void)nv_slot_settled(save, place, name);
		nv_slot_drop(nv_names_of(save, place, false), name);
		nv_unlock(save);
		return 0;
	}
	int r = parked ? nv_commit_slot(save, place.path, name, err) : 0;
	if (r == 0) {
		r = nv_at_path(save, place.path, &dir, err);
	}
	if (r < 0) {
		return r;
	}
	if (save->config.ro) {
		return nv_fail(err, EROFS, "this mount is read-only");
	}
	if (at->node.row->flags & NV_ROW_DERIVED) {
		return make_derived(save, call, place, at->node.row, name, target, err);
	}
	if ((at->node.row->flags & NV_ROW_READONLY) || !dir.node.row->ops->symlink) {
		return nv_fail(err, EPERM, "%s is computed from the store and cannot be made",
		               at->path);
	}
	r = dir.node.row->ops->symlink(dir.node.self, call, &at->node, target, err);
	nv_commit_count(save, at->node.row, r);
	return r;
}

/* True when it is a derived link with that target: it appeared since the kernel looked. */
static bool says_so(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                    const struct nv_found *found, const char *target)
{
	cleanup_free char *stored = NULL;
	const struct nv_row *row = found->entry.row;
	return row && row->type == NV_LINK && (row->flags & NV_ROW_DERIVED) &&
	       nv_save_readlink(save, call, place, found->entry.name, found->scratch, &stored,
	                        NULL) == 0 &&
	       strcmp(stored, target) == 0;
}

int nv_save_symlink(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                    const char *name, const char *target, struct nv_err *err)
{
	struct nv_at at;
	struct nv_at dir;
	cleanup_found struct nv_found found = { 0 };
	nv_lock(save);
	(void)nv_names_reveal(nv_names_of(save, place, false), name, call);
	nv_unlock(save);
	if (nv_save_lookup(save, call, place, name, &found, NULL) == 0) {
		return says_so(save, call, place, &found, target)
		               ? 0
		               : nv_fail(err, EEXIST, "%s exists", name);
	}
	const struct nv_row *row = NULL;
	if (!place.scratch) {
		int r = nv_at_path(save, place.path, &dir, err);
		if (r < 0) {
			return r;
		}
		row = nv_tree_child(save->config.tree, dir.node.row, name, NV_LINK);
	}
	if (!row && nv_classify(save, call, place, name, &at, NULL) > 0) {
		return nv_fail(err, EPERM, "%s: a link cannot stand there", name);
	}
	if (!row || (nv_row_is_capture(row) && nv_name_is_scratch(name, false))) {
		return make_scratch(save, call, place, name, NV_LINK, 0777, target, err);
	}
	int r = nv_at_child(save, place.path, name, row, &at, err);
	return r < 0 ? r : symlink_real(save, call, place, &at, name, target, err);
}

int nv_save_truncate(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                     const char *name, uint64_t size, struct nv_err *err)
{
	struct nv_opened opened = { 0 };
	/* Opened like `: >>`: the base is the version it cuts. */
	int r = nv_save_open(save, call, place, name, NULL, O_WRONLY, &opened, err);
	if (r < 0) {
		return r;
	}
	r = nv_handle_truncate(opened.handle, call, size, err);
	if (r == 0) {
		r = nv_handle_fsync(opened.handle, call, err);
	}
	/* refused means refused: its end must not try again */
	atomic_store(&opened.handle->detached, r < 0);
	nv_handle_release(opened.handle, call);
	return r;
}

bool nv_save_set_mtime(struct nv_save *save, const char *path, struct timespec mtime)
{
	bool found = false;
	nv_lock(save);
	for (struct nv_handle *h = save->handles; h; h = h->next) {
		if (h->kind == NV_HANDLE_WRITE && atomic_load(&h->unsettled) &&
		    strcmp(h->path, path) == 0) {
			h->has_mtime = true;
			h->mtime = mtime;
			found = true;
		}
	}
	char dir[PATH_MAX];
	const char *name = nv_path_split(dir, path);
	struct nv_slot *slot =
		nv_slot_get(nv_names_of(save, (struct nv_place){ .path = dir }, false), name);
	if (slot && slot->state == NV_SLOT_NEW) {
		slot->has_mtime = true;
		slot->mtime = mtime;
		found = true;
	}
	nv_unlock(save);
	return found;
}

int nv_save_sync_dir(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                     struct nv_err *err)
{
	(void)call;
	return place.scratch ? 0 : nv_commit_dir(save, place.path, false, err);
}
