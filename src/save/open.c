/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening and creating: which kind of handle a file gets, and which kind of name a new file is.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/name.h"
#include "save/engine.h"

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* True when users may save files of that row. */
static bool is_writable(const struct nv_save *save, const struct nv_row *row)
{
	return !save->config.ro && !(row->flags & (NV_ROW_READONLY | NV_ROW_UNSAVED)) &&
	       row->ops->save;
}

/* A handle in the engine's list; takes over path and one reference of blob and scratch, also on
 * failure. */
static struct nv_handle *add_handle(struct nv_save *save, const struct nv_call *call,
                                    enum nv_handle_kind kind, char *path, struct nv_blob *blob,
                                    struct nv_scratch *scratch, int flags)
{
	struct nv_handle *h = path || scratch ? calloc(1, sizeof(*h)) : NULL;
	if (!h) {
		free(path);
		nv_blob_unref(blob);
		nv_scratch_unref(scratch);
		return NULL;
	}
	h->save = save;
	h->kind = kind;
	h->path = path;
	h->scratch = scratch;
	h->uid = call->uid;
	h->gid = call->gid;
	h->blob = blob;
	h->stage = (struct nv_stage)NV_STAGE_INIT;
	h->append = (flags & O_APPEND) != 0;
	h->emptied =
		(flags & O_TRUNC) != 0 && (kind == NV_HANDLE_WRITE || kind == NV_HANDLE_COMPARE);
	atomic_init(&h->unsettled, h->emptied);
	atomic_init(&h->length, h->emptied || !blob ? 0 : blob->size);
	if (writes(flags)) {
		h->opener = nv_proc_of(call->pid);
		h->opened_at = nv_bases_now(save->bases);
	}
	(void)pthread_mutex_init(&h->lock, NULL);
	nv_lock(save);
	h->next = save->handles;
	if (h->next) {
		h->next->prev = h;
	}
	save->handles = h;
	save->writers += kind == NV_HANDLE_WRITE;
	if (scratch) {
		scratch->opens++;
	}
	nv_unlock(save);
	return h;
}

static int open_scratch(struct nv_save *save, const struct nv_call *call,
                        struct nv_scratch *scratch, int flags, struct nv_opened *ret_opened,
                        struct nv_err *err)
{
	int r = 0;
	if (scratch->type == NV_DIR) {
		return nv_fail(err, EISDIR, "is a directory");
	}
	nv_lock(save);
	if (writes(flags) && (flags & O_TRUNC)) {
		r = nv_scratch_truncate(scratch, 0, err);
	}
	nv_unlock(save);
	if (r < 0) {
		return r;
	}
	struct nv_handle *h = add_handle(save, call, NV_HANDLE_SCRATCH, NULL, NULL,
	                                 nv_scratch_ref(scratch), flags);
	if (!h) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_opened = (struct nv_opened){ .handle = h, .direct_io = true };
	return 0;
}

/* The kind of handle for a stored file. */
static int choose_kind(struct nv_save *save, const struct nv_at *at, int flags,
                       enum nv_handle_kind *ret_kind, struct nv_err *err)
{
	const struct nv_row *row = at->node.row;
	if (row->type == NV_DIR) {
		return nv_fail(err, EISDIR, "%s: is a directory", at->path);
	}
	if (!writes(flags)) {
		*ret_kind = row->flags & NV_ROW_GROWS ? NV_HANDLE_LIVE : NV_HANDLE_READ;
		return 0;
	}
	if (is_writable(save, row)) {
		*ret_kind = NV_HANDLE_WRITE;
		return 0;
	}
	if (save->config.ro) {
		return nv_fail(err, EROFS, "this mount is read-only");
	}
	if ((row->flags & NV_ROW_GROWS) || !(flags & O_TRUNC)) {
		return nv_fail(err, EACCES, "%s is read-only: it is computed from the store",
		               at->path);
	}
	*ret_kind = NV_HANDLE_COMPARE; /* cp and tar of what is there already must succeed */
	return 0;
}

static int open_real(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                     int flags, struct nv_opened *ret_opened, struct nv_err *err)
{
	cleanup_blob struct nv_blob *blob = NULL;
	enum nv_handle_kind kind = NV_HANDLE_COMPARE;
	int r = choose_kind(save, at, flags, &kind, err);
	if (r == 0) {
		r = nv_load(save, call, at, &blob, err);
	}
	/* A datum whose key has a wrong type cannot be read, but a whole new text may still be
	 * refused with a better reason by the save. */
	if (r == -ENOENT && kind == NV_HANDLE_WRITE && (flags & O_TRUNC)) {
		nv_err_clear(err);
		r = 0;
	}
	if (r < 0) {
		return r;
	}
	if (!writes(flags) && is_writable(save, at->node.row)) {
		nv_bases_record(save->bases, at->path, call->pid, call->uid, blob);
	}
	struct nv_handle *h =
		add_handle(save, call, kind, strdup(at->path), nv_blob_ref(blob), NULL, flags);
	if (!h) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	/* A writer that opens later makes the kernel take the file for empty, then for as long as
	 * its text, for all who read through the page cache: they would read nothing, half, or NUL.
	 * Only where nobody can write may they. */
	*ret_opened = (struct nv_opened){ .handle = h,
		                          .blob = nv_handle_blob(h),
		                          .direct_io = kind != NV_HANDLE_READ || !save->config.ro };
	return 0;
}

/* Opens a name that is not in the store yet: an accepted text is committed first, for who opens it
 * wants it; an unfinished one is read as it stands. */
static int open_new(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                    struct nv_place place, const char *name, int flags,
                    struct nv_opened *ret_opened, struct nv_err *err)
{
	struct nv_handle *h;
	nv_lock(save);
	struct nv_slot *slot = nv_slot_settled(save, place, name);
	bool is_new = slot && slot->state == NV_SLOT_NEW;
	bool commits =
		is_new && slot->accepted && !nv_proc_equal(slot->proc, nv_proc_of(call->pid));
	uint64_t id = is_new ? slot->id : 0;
	char *text = NULL;
	size_t size = 0;
	if (is_new && !commits) {
		size = slot->text.size;
		text = malloc(size + 1);
		if (text) {
			memcpy(text, nv_stage_text(&slot->text), size);
			text[size] = '\0';
		}
		slot->writers += writes(flags) && text;
		if (writes(flags)) {
			nv_slot_undue(slot);
		}
	}
	nv_unlock(save);
	if (commits) {
		int r = nv_commit_slot(save, place.path, name, err);
		return r < 0 ? r : open_real(save, call, at, flags, ret_opened, err);
	}
	if (!is_new) {
		return open_real(save, call, at, flags, ret_opened, err);
	}
	struct nv_blob *blob =
		text ? nv_blob_new(text, size, nv_clock_ms(save->config.clock), NULL, NULL) : NULL;
	if (!blob) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (!writes(flags)) {
		h = add_handle(save, call, NV_HANDLE_READ, strdup(at->path), blob, NULL, flags);
	} else {
		/* As one that emptied it: there is no stored version to take a snapshot of. What
		 * was accepted so far is its text. */
		h = add_handle(save, call, NV_HANDLE_WRITE, strdup(at->path), NULL, NULL,
		               flags | O_TRUNC);
		if (h && !(flags & O_TRUNC)) {
			/* memory again: an empty text is then refused, nothing is lost */
			(void)nv_stage_write(&h->stage, blob->text, blob->size, 0);
			h->staged = true;
		}
		nv_blob_unref(blob);
	}
	if (!h) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	h->slot_id = writes(flags) ? id : 0;
	*ret_opened =
		(struct nv_opened){ .handle = h, .blob = nv_handle_blob(h), .direct_io = true };
	return 0;
}

bool nv_handle_takes_empty(const struct nv_handle *h)
{
	struct nv_at at;
	return h->kind == NV_HANDLE_WRITE && nv_at_path(h->save, h->path, &at, NULL) == 0 &&
	       (at.node.row->flags & NV_ROW_EMPTY);
}

int nv_save_open(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                 const char *name, struct nv_scratch *scratch, int flags,
                 struct nv_opened *ret_opened, struct nv_err *err)
{
	struct nv_at at;
	if (scratch) {
		return open_scratch(save, call, scratch, flags, ret_opened, err);
	}
	int r = nv_at_child(save, place.path, name, NULL, &at, err);
	return r < 0 ? r : open_new(save, call, &at, place, name, flags, ret_opened, err);
}

/* The stored link that was removed for a placeholder: it stays parked in its slot. Engine lock
 * held. */
static struct nv_blob *take_parked(struct nv_save *save, struct nv_place place, const char *name,
                                   enum nv_park_why *ret_why)
{
	struct nv_slot *slot = place.scratch ? NULL : nv_slot_settled(save, place, name);
	if (!slot || slot->state != NV_SLOT_PARKED || !slot->blob) {
		return NULL;
	}
	*ret_why = slot->why;
	return steal(&slot->blob);
}

/* Makes a scratch file under a free name and opens it. */
static int create_scratch(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                          const char *name, mode_t mode, int flags, struct nv_opened *ret_opened,
                          struct nv_found *ret_found, struct nv_err *err)
{
	struct nv_scratch *scratch = NULL;
	enum nv_park_why why = NV_PARK_UNLINK;
	nv_lock(save);
	cleanup_blob struct nv_blob *origin = take_parked(save, place, name, &why);
	struct nv_names *names = nv_names_of(save, place, true);
	struct nv_slot *slot = names ? nv_slot_put(save, names, name, NV_SLOT_SCRATCH, call) : NULL;
	if (slot) {
		slot->blob = steal(&origin);
		slot->why = why;
		slot->scratch = nv_scratch_new(save, NV_FILE, mode, call);
		if (slot->scratch) {
			slot->scratch->nlink = 1;
			scratch = nv_scratch_ref(slot->scratch);
		} else {
			nv_slot_drop(names, name);
		}
	}
	if (scratch) {
		nv_slot_watch_made(save, place, slot);
	}
	nv_unlock(save);
	if (!scratch) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int r = open_scratch(save, call, scratch, flags, ret_opened, err);
	if (r < 0) {
		nv_scratch_unref(scratch);
		return r;
	}
	*ret_found = (struct nv_found){ .entry = { .name = strdup(name) }, .scratch = scratch };
	return 0;
}

int nv_classify(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                const char *name, struct nv_at *ret_at, struct nv_err *err)
{
	struct nv_at dir;
	int r = place.scratch ? 0 : nv_at_path(save, place.path, &dir, err);
	if (place.scratch || r < 0) {
		return r;
	}
	const struct nv_row *row = nv_tree_child(save->config.tree, dir.node.row, name, NV_FILE);
	if (!row || (nv_row_is_capture(row) && nv_name_is_scratch(name, false))) {
		return 0;
	}
	r = nv_at_child(save, place.path, name, row, ret_at, err);
	if (r == 0 && dir.node.row->ops->accepts) {
		r = dir.node.row->ops->accepts(dir.node.self, call, &ret_at->node, err);
	}
	if (r == -ENOTSUP || r == -EOPNOTSUPP) {
		nv_err_clear(err);
		return 0;
	}
	return r < 0 ? r : 1;
}

/* tar makes each link that leads upwards last, when nothing more can be written through it, and
 * before that an empty file that nobody may open in its place. Such a file stands for no datum. */
static bool is_placeholder(struct nv_save *save, struct nv_place place, const char *name,
                           mode_t mode, int flags)
{
	struct nv_at at;
	return !place.scratch && (flags & O_EXCL) && (mode & 0777) == 0 &&
	       nv_at_child(save, place.path, name, NULL, &at, NULL) == 0 &&
	       at.node.row->type == NV_LINK;
}

/* Makes the slot of a new name: over a parked or just deleted version, or free. Engine lock
 * held. */
static struct nv_slot *put_new(struct nv_save *save, const struct nv_call *call,
                               struct nv_place place, const char *name)
{
	struct nv_names *names = nv_names_of(save, place, true);
	const struct nv_slot *old = names ? nv_slot_settled(save, place, name) : NULL;
	struct nv_blob *origin = old && (old->state == NV_SLOT_PARKED || old->state == NV_SLOT_GONE)
	                                 ? nv_blob_ref(old->blob)
	                                 : NULL;
	bool gone = old && old->state == NV_SLOT_GONE;
	struct nv_slot *slot = names ? nv_slot_put(save, names, name, NV_SLOT_NEW, call) : NULL;
	if (!slot) {
		nv_blob_unref(origin);
		return NULL;
	}
	slot->blob = origin;
	slot->origin_gone = gone;
	slot->writers = 1;
	return slot;
}

/* A computed file that was removed (it only hid): it may be "made" again with the bytes it has. */
static int recreate_readonly(struct nv_save *save, const struct nv_call *call,
                             const struct nv_at *at, struct nv_place place, const char *name,
                             int flags, struct nv_opened *ret_opened, struct nv_found *ret_found,
                             struct nv_err *err)
{
	nv_lock(save);
	const struct nv_slot *slot = nv_slot_settled(save, place, name);
	bool hidden = slot && slot->state == NV_SLOT_PARKED;
	if (hidden) {
		nv_slot_drop(nv_names_of(save, place, false), name);
	}
	nv_unlock(save);
	if (!hidden) {
		return save->config.ro ? nv_fail(err, EROFS, "this mount is read-only")
		                       : nv_fail(err, EPERM,
		                                 "%s is computed from the store and cannot be made",
		                                 at->path);
	}
	int r = open_real(save, call, at, flags | O_TRUNC, ret_opened, err);
	return r < 0 ? r : nv_save_lookup(save, call, place, name, ret_found, err);
}

int nv_save_create(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                   const char *name, mode_t mode, int flags, struct nv_opened *ret_opened,
                   struct nv_found *ret_found, struct nv_err *err)
{
	struct nv_at at;
	nv_lock(save);
	bool revealed = nv_names_reveal(nv_names_of(save, place, false), name, call);
	nv_unlock(save);
	int r = nv_save_lookup(save, call, place, name, ret_found, err);
	if (r == 0) {
		/* It appeared since the kernel looked, or it is a new directory's own json, which
		 * its maker sees only now. */
		r = (flags & O_EXCL) && !revealed
		            ? nv_fail(err, EEXIST, "%s exists", name)
		            : nv_save_open(save, call, place, ret_found->entry.name,
		                           ret_found->scratch, flags | (revealed ? O_TRUNC : 0),
		                           ret_opened, err);
		if (r < 0) {
			nv_found_release(ret_found);
		}
		return r;
	}
	if (r != -ENOENT) {
		return r;
	}
	nv_err_clear(err);
	r = is_placeholder(save, place, name, mode, flags)
	            ? 0
	            : nv_classify(save, call, place, name, &at, err);
	if (r == 0) {
		return create_scratch(save, call, place, name, mode, flags, ret_opened, ret_found,
		                      err);
	}
	if (r < 0) {
		return r;
	}
	if (!is_writable(save, at.node.row)) {
		return recreate_readonly(save, call, &at, place, name, flags, ret_opened, ret_found,
		                         err);
	}
	nv_lock(save);
	struct nv_slot *slot = put_new(save, call, place, name);
	uint64_t id = slot ? slot->id : 0;
	nv_unlock(save);
	struct nv_handle *h = slot ? add_handle(save, call, NV_HANDLE_WRITE, strdup(at.path), NULL,
	                                        NULL, flags | O_TRUNC)
	                           : NULL;
	if (!h) {
		nv_lock(save);
		nv_slot_drop(nv_names_of(save, place, false), name);
		nv_unlock(save);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	h->slot_id = id;
	*ret_opened = (struct nv_opened){ .handle = h, .direct_io = true };
	return nv_save_lookup(save, call, place, name, ret_found, err);
}
