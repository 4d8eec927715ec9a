/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An open file: what is read from it, what is staged in it, and when that is committed (DESIGN 4
 * "When it commits").
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "save/engine.h"

#define EARLY_CHECK_MAX (4UL << 20) /* bytes of text up to which each write is judged at once */

/* The slot this handle's name was created in, while it is still new. Engine lock held. */
static struct nv_slot *new_slot(struct nv_handle *h, char *dir, const char **ret_name)
{
	*ret_name = nv_path_split(dir, h->path);
	struct nv_place place = { .path = dir };
	struct nv_slot *slot = nv_slot_settled(h->save, place, *ret_name);
	return slot && slot->state == NV_SLOT_NEW && slot->id == h->slot_id ? slot : NULL;
}

/* Shows others what the staged text has come to. Handle lock held. */
static void show(struct nv_handle *h)
{
	atomic_store(&h->length, h->stage.size);
	atomic_store(&h->unsettled, h->dirty || (h->emptied && !h->committed));
}

/* Loads the snapshot of a handle that was not emptied: taken at its first READ or WRITE. Handle
 * lock held. */
static int take_snapshot(struct nv_handle *h, const struct nv_call *call, struct nv_err *err)
{
	struct nv_at at;
	if (h->staged || h->emptied) {
		h->staged = true;
		return 0;
	}
	int r = nv_at_path(h->save, h->path, &at, err);
	struct nv_blob *blob = NULL;
	if (r == 0) {
		r = nv_load(h->save, call, &at, &blob, err);
	}
	if (r == 0) {
		r = nv_stage_write(&h->stage, blob->text, blob->size, 0);
		if (r < 0) {
			nv_blob_unref(blob);
			return nv_fail(err, -r, "cannot stage %s", h->path);
		}
		nv_blob_unref(h->blob);
		h->blob = blob;
		h->staged = true;
		show(h);
	}
	return r;
}

static ssize_t copy_out(const char *text, size_t text_size, char *data, size_t size,
                        uint64_t offset)
{
	if (offset >= text_size) {
		return 0;
	}
	size_t n = text_size - offset < size ? text_size - offset : size;
	memcpy(data, text + offset, n);
	return (ssize_t)n;
}

/* Reads a file that grows: the newest text, but when only old bytes are asked for. Handle lock
 * held. */
static ssize_t read_live(struct nv_handle *h, const struct nv_call *call, char *data, size_t size,
                         uint64_t offset, struct nv_err *err)
{
	if (!h->blob || offset + size > h->blob->size) {
		struct nv_at at;
		struct nv_blob *blob = NULL;
		int r = nv_at_path(h->save, h->path, &at, err);
		if (r == 0) {
			r = nv_load(h->save, call, &at, &blob, err);
		}
		if (r < 0) {
			return r;
		}
		nv_blob_unref(h->blob);
		h->blob = blob;
		atomic_store(&h->length, blob->size);
	}
	return copy_out(h->blob->text, h->blob->size, data, size, offset);
}

ssize_t nv_handle_read(struct nv_handle *h, const struct nv_call *call, char *data, size_t size,
                       uint64_t offset, struct nv_err *err)
{
	ssize_t n = 0;
	(void)pthread_mutex_lock(&h->lock);
	switch (h->kind) {
	case NV_HANDLE_READ:
		n = copy_out(h->blob->text, h->blob->size, data, size, offset);
		break;
	case NV_HANDLE_LIVE:
		n = read_live(h, call, data, size, offset, err);
		break;
	case NV_HANDLE_WRITE:
	case NV_HANDLE_COMPARE:
		n = take_snapshot(h, call, err);
		if (n == 0) {
			n = copy_out(nv_stage_text(&h->stage), h->stage.size, data, size, offset);
		}
		break;
	case NV_HANDLE_SCRATCH:
		nv_lock(h->save);
		n = copy_out(nv_stage_text(&h->scratch->text), h->scratch->text.size, data, size,
		             offset);
		nv_unlock(h->save);
		break;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return n;
}

/* Makes every later write and flush of the handle fail with *err and *faults, which may be NULL. */
static void poison(struct nv_handle *h, const struct nv_err *err, const struct nv_faults *faults)
{
	h->poison = err->errnum;
	(void)snprintf(h->poison_reason, sizeof(h->poison_reason), "%.199s", err->msg);
	if (faults) {
		nv_faults_add_all(&h->poison_faults, faults);
	}
}

/* What a poisoned handle answers: all of its reason again, so that fs/ knows it for one that was
 * told already, and the newest line of errors still has the place. */
static int poisoned(const struct nv_handle *h, const struct nv_call *call, struct nv_err *err)
{
	nv_faults_add_all(call->faults, &h->poison_faults);
	return nv_fail(err, h->poison, "%s", h->poison_reason);
}

/* The version that this save is compared with: a reference or NULL. Handle lock held. */
static struct nv_blob *find_base(struct nv_handle *h)
{
	if (h->committed) {
		return nv_blob_ref(h->base);
	}
	if (!h->emptied) {
		return nv_blob_ref(h->blob);
	}
	struct nv_blob *read =
		nv_bases_find(h->save->bases, h->path, h->opener, h->uid, h->opened_at);
	return read ? read : nv_blob_ref(h->blob);
}

/* The family's word on the text so far. Handle lock held. */
static int judge(struct nv_handle *h, const struct nv_call *call, const struct nv_at *at,
                 struct nv_err *err)
{
	const struct nv_node_ops *ops = at->node.row->ops;
	cleanup_blob struct nv_blob *base = find_base(h);
	return ops->check
	               ? ops->check(at->node.self, call, &at->node, base, nv_stage_text(&h->stage),
	                            h->stage.size, h->checked, NV_CHECK_PREFIX, err)
	               : 0;
}

/* Refuses, as early as a write, what no continuation can repair. Handle lock held. */
static int check_early(struct nv_handle *h, const struct nv_call *call, struct nv_err *err)
{
	struct nv_at at;
	struct nv_err own = NV_ERR_INIT;
	if (!h->in_order || h->stage.size > EARLY_CHECK_MAX ||
	    nv_at_path(h->save, h->path, &at, NULL) < 0) {
		return 0;
	}
	const char *text = nv_stage_text(&h->stage);
	if (h->kind == NV_HANDLE_COMPARE) {
		if (h->stage.size <= h->blob->size &&
		    memcmp(text, h->blob->text, h->stage.size) == 0) {
			return 0;
		}
		(void)nv_fail(&own, EACCES,
		              "%s is read-only: only the bytes it already has can be written to it",
		              h->path);
	} else if (judge(h, call, &at, &own) >= 0) {
		const char *end = memrchr(text, '\n', h->stage.size);
		h->checked = end ? (size_t)(end + 1 - text) : 0;
		return 0;
	}
	nv_refusal_add(h->save, h->path, h->opener);
	poison(h, &own, call->faults);
	return nv_fail(err, own.errnum, "%s", own.msg);
}

/* Where early refusal starts: behind the last complete line of what stood there. */
static void begin_order(struct nv_handle *h, uint64_t offset)
{
	if (!h->written) {
		const char *text = nv_stage_text(&h->stage);
		const char *end = memrchr(text, '\n', h->stage.size);
		h->in_order = offset == h->stage.size && (h->emptied || h->append);
		h->checked = end ? (size_t)(end + 1 - text) : 0;
	} else if (offset != h->stage.size) {
		h->in_order = false;
	}
}

static int write_stage(struct nv_handle *h, const struct nv_call *call, const char *data,
                       size_t size, uint64_t offset, struct nv_err *err)
{
	if (h->poison != 0) {
		return poisoned(h, call, err);
	}
	int r = take_snapshot(h, call, err);
	if (r < 0) {
		return r;
	}
	if (h->append) {
		/* the kernel's offset may be stale: another handle may have changed the length it
		 * knows */
		offset = h->stage.size;
	}
	begin_order(h, offset);
	r = nv_stage_write(&h->stage, data, size, offset);
	if (r < 0) {
		struct nv_err own = NV_ERR_INIT;
		(void)nv_fail(&own, -r, "cannot stage %zu bytes for %s", size, h->path);
		poison(h, &own, NULL);
		return nv_fail(err, -r, "%s", own.msg);
	}
	h->written = true;
	h->dirty = true;
	h->reported = false;
	show(h);
	return check_early(h, call, err);
}

int nv_handle_write(struct nv_handle *h, const struct nv_call *call, const char *data, size_t size,
                    uint64_t offset, struct nv_err *err)
{
	int r;
	(void)pthread_mutex_lock(&h->lock);
	switch (h->kind) {
	case NV_HANDLE_WRITE:
	case NV_HANDLE_COMPARE:
		r = write_stage(h, call, data, size, offset, err);
		break;
	case NV_HANDLE_SCRATCH:
		nv_lock(h->save);
		r = nv_scratch_write(h->scratch, data, size,
		                     h->append ? h->scratch->text.size : offset, err);
		nv_unlock(h->save);
		break;
	default:
		r = nv_fail(err, EBADF, "%s is open for reading only", h->path);
		break;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return r;
}

int nv_handle_truncate(struct nv_handle *h, const struct nv_call *call, uint64_t size,
                       struct nv_err *err)
{
	int r = 0;
	(void)pthread_mutex_lock(&h->lock);
	if (h->kind == NV_HANDLE_SCRATCH) {
		nv_lock(h->save);
		r = nv_scratch_truncate(h->scratch, size, err);
		nv_unlock(h->save);
	} else if (h->kind != NV_HANDLE_WRITE && h->kind != NV_HANDLE_COMPARE) {
		r = nv_fail(err, EBADF, "%s is open for reading only", h->path);
	} else if (h->poison != 0) {
		r = poisoned(h, call, err);
	} else {
		if (size == 0 && !h->staged) {
			/* vim and ed empty by ftruncate: the base is then what their process read,
			 * as with O_TRUNC */
			h->emptied = true;
		}
		r = take_snapshot(h, call, err);
		bool changes = r == 0 && size != h->stage.size;
		if (r == 0) {
			r = nv_stage_truncate(&h->stage, size);
			(void)(r < 0 ? nv_fail(err, -r, "cannot stage %s", h->path) : 0);
		}
		if (r == 0) {
			h->dirty = h->dirty || changes || !h->written;
			h->written = true;
			h->reported = false;
			h->in_order = size == 0;
			h->checked = 0;
			show(h);
		}
	}
	(void)pthread_mutex_unlock(&h->lock);
	return r;
}

/* A new name whose kind has no suffix: the checked text waits, so that a tool's temporary name
 * never reaches the store. 1 = waits; 0 = not such a name; -errno = refused. */
static int accept_late(struct nv_handle *h, const struct nv_call *call, const struct nv_at *at,
                       struct nv_err *err)
{
	char dir[PATH_MAX];
	const char *name;
	const struct nv_node_ops *ops = at->node.row->ops;
	if (h->slot_id == 0 || !(at->node.row->flags & NV_ROW_ANYNAME)) {
		return 0;
	}
	int r = ops->check
	                ? ops->check(at->node.self, call, &at->node, NULL, nv_stage_text(&h->stage),
	                             h->stage.size, 0, NV_CHECK_WHOLE, err)
	                : 0;
	if (r < 0) {
		return r;
	}
	nv_lock(h->save);
	struct nv_slot *slot = new_slot(h, dir, &name);
	if (slot && !slot->blob) {
		nv_stage_release(&slot->text);
		r = nv_stage_write(&slot->text, nv_stage_text(&h->stage), h->stage.size, 0);
		slot->accepted = r == 0;
		slot->has_mtime = h->has_mtime;
		slot->mtime = h->mtime;
		nv_slot_due(h->save, slot, NV_DELETE_DELAY_MS);
		r = r < 0 ? nv_fail(err, -r, "cannot hold the text of %s", h->path) : 1;
	}
	nv_unlock(h->save);
	return r;
}

/* After a commit: the name is the store's, the base is what is stored. */
static void settle(struct nv_handle *h, struct nv_blob *stored)
{
	char dir[PATH_MAX];
	const char *name;
	nv_blob_unref(h->base);
	h->base = stored;
	h->committed = true;
	h->has_mtime = false;
	nv_lock(h->save);
	struct nv_slot *slot = new_slot(h, dir, &name);
	if (slot) {
		struct nv_place place = { .path = dir };
		nv_slot_drop(nv_names_of(h->save, place, false), name);
	}
	nv_unlock(h->save);
}

/* Sends the staged text to the store. Handle lock held. */
static int commit(struct nv_handle *h, const struct nv_call *call, bool at_once, struct nv_err *err)
{
	char dir[PATH_MAX];
	const char *name;
	struct nv_at at;
	cleanup_blob struct nv_blob *base = NULL;
	cleanup_blob struct nv_blob *parent = NULL;
	struct nv_blob *stored = NULL;
	int r = nv_at_path(h->save, h->path, &at, err);
	if (r == 0 && !at_once) {
		r = accept_late(h, call, &at, err);
	}
	if (r != 0) {
		h->dirty = h->dirty && r < 0;
		show(h);
		return r < 0 ? r : 0;
	}
	base = find_base(h);
	nv_lock(h->save);
	const struct nv_slot *slot = new_slot(h, dir, &name);
	if (slot && slot->blob && slot->origin_gone) {
		parent = nv_blob_ref(slot->blob);
	} else if (slot && slot->blob && !base) {
		base = nv_blob_ref(slot->blob);
	}
	bool has_mtime = h->has_mtime;
	struct timespec mtime = h->mtime;
	nv_unlock(h->save);
	r = nv_commit_text(h->save, call, &at, base, parent, nv_stage_text(&h->stage),
	                   h->stage.size, has_mtime ? &mtime : NULL, &stored, err);
	if (r == 0) {
		h->dirty = false;
		settle(h, stored);
		show(h);
	}
	return r;
}

/* Commits, or says why not. at_once: fsync and close of the last handle do not wait for a better
 * name. Handle lock held. */
static int finish(struct nv_handle *h, const struct nv_call *call, bool at_once, struct nv_err *err)
{
	if (atomic_load(&h->detached) ||
	    (h->kind != NV_HANDLE_WRITE && h->kind != NV_HANDLE_COMPARE)) {
		return 0;
	}
	if (h->poison != 0) {
		return poisoned(h, call, err);
	}
	if (!h->written && h->emptied && nv_handle_takes_empty(h)) {
		h->written = true;
		h->dirty = true;
		show(h);
	}
	if (!h->written) {
		struct nv_at at;
		bool waits = h->slot_id != 0 && nv_at_path(h->save, h->path, &at, NULL) == 0 &&
		             (at.node.row->flags & NV_ROW_ANYNAME);
		/* No message: bash closes a descriptor before it writes; RELEASE reports what stays
		 * unwritten. */
		return h->emptied && !waits ? nv_fail(err, EINVAL, "%s", "") : 0;
	}
	if (!h->dirty) {
		return 0;
	}
	if (h->kind == NV_HANDLE_COMPARE) {
		bool same = h->stage.size == h->blob->size &&
		            memcmp(nv_stage_text(&h->stage), h->blob->text, h->blob->size) == 0;
		h->dirty = !same;
		h->reported = !same;
		return same ? 0
		            : nv_fail(err, EACCES,
		                      "%s is read-only: only the bytes it already has can be written to it",
		                      h->path);
	}
	return commit(h, call, at_once, err);
}

int nv_handle_flush(struct nv_handle *h, const struct nv_call *call, struct nv_err *err)
{
	int r = 0;
	if (h->kind != NV_HANDLE_WRITE && h->kind != NV_HANDLE_COMPARE) {
		return 0;
	}
	(void)pthread_mutex_lock(&h->lock);
	int signum = nv_proc_dying_signal(call->pid);
	/* A pid of 0 (another pid namespace) is nobody we could wait for: then every close
	 * commits. */
	bool opener = call->pid == 0 || nv_proc_equal(h->opener, nv_proc_of(call->pid)) ||
	              !nv_proc_alive(h->opener);
	if (signum != 0 && h->poison == 0 && (h->dirty || !h->written)) {
		struct nv_err own = NV_ERR_INIT;
		(void)nv_fail(
			&own, EINTR,
			"the writer was killed by signal %d before it had finished; the old datum stands",
			signum);
		poison(h, &own, NULL);
		nv_errors_ring_add(h->save->config.errors, h->uid, h->path, &own, NULL);
		r = -EINTR;
	} else if (opener) {
		r = finish(h, call, false, err);
		if (r < 0 && h->written) {
			h->reported = true;
			nv_refusal_add(h->save, h->path, h->opener);
		}
	}
	(void)pthread_mutex_unlock(&h->lock);
	return r;
}

int nv_handle_fsync(struct nv_handle *h, const struct nv_call *call, struct nv_err *err)
{
	(void)pthread_mutex_lock(&h->lock);
	int r = finish(h, call, true, err);
	if (r < 0 && err && err->msg[0] == '\0') {
		r = nv_fail(err, EINVAL, "nothing was written to %s yet", h->path);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return r;
}

/* Reports what a handle's end leaves unstored; the writer is gone. */
static void report(struct nv_handle *h, const struct nv_err *err, const struct nv_faults *faults)
{
	nv_errors_ring_add(h->save->config.errors, h->uid, h->path, err, faults);
}

/* The last close of a writer: commits what no flush could, and says what is left. Handle lock
 * held. */
static void finish_writer(struct nv_handle *h, const struct nv_call *call)
{
	struct nv_err err = NV_ERR_INIT;
	if (atomic_load(&h->detached) || h->poison != 0 || h->reported) {
		return;
	}
	if (finish(h, call, false, &err) == 0) {
		return;
	}
	if (!h->written) {
		(void)nv_fail(
			&err, EINVAL,
			"%s was opened for a new text and nothing was written; the stored datum stands",
			h->path);
	}
	report(h, &err, call->faults);
}

/* Takes the handle out of the engine's list and its new name, if it came to nothing, out of the
 * directory. */
static void leave(struct nv_handle *h)
{
	char dir[PATH_MAX];
	const char *name = NULL;
	bool gone = false;
	nv_lock(h->save);
	if (h->prev) {
		h->prev->next = h->next;
	} else {
		h->save->handles = h->next;
	}
	if (h->next) {
		h->next->prev = h->prev;
	}
	h->save->writers -= h->kind == NV_HANDLE_WRITE;
	if (h->scratch) {
		h->scratch->opens--;
		h->scratch->closed_ms = nv_clock_ms(h->save->config.clock);
	}
	struct nv_slot *slot =
		h->slot_id != 0 && !atomic_load(&h->detached) ? new_slot(h, dir, &name) : NULL;
	if (slot && --slot->writers == 0 && slot->accepted) {
		/* reopening it had stopped its clock */
		nv_slot_due(h->save, slot, NV_DELETE_DELAY_MS);
	} else if (slot && slot->writers == 0) {
		struct nv_at at;
		bool waits = !h->written && nv_at_path(h->save, h->path, &at, NULL) == 0 &&
		             (at.node.row->flags & NV_ROW_ANYNAME);
		if (waits) {
			nv_slot_due(h->save, slot, NV_RETURN_DELAY_MS);
		} else {
			struct nv_place place = { .path = dir };
			nv_slot_drop(nv_names_of(h->save, place, false), name);
			gone = true;
		}
	}
	nv_unlock(h->save);
	if (gone && h->save->config.events.names_changed) {
		h->save->config.events.names_changed(h->save->config.events.arg, dir, name);
	}
}

static void free_handle(struct nv_handle *h)
{
	nv_scratch_unref(h->scratch);
	nv_blob_unref(h->blob);
	nv_blob_unref(h->base);
	nv_stage_release(&h->stage);
	nv_faults_release(&h->poison_faults);
	while (h->retired) {
		struct nv_retired *retired = h->retired;
		h->retired = retired->next;
		free(retired->path);
		free(retired);
	}
	(void)pthread_mutex_destroy(&h->lock);
	free(h->path);
	free(h);
}

void nv_handle_release(struct nv_handle *h, const struct nv_call *call)
{
	if (!h) {
		return;
	}
	(void)pthread_mutex_lock(&h->lock);
	if (h->kind == NV_HANDLE_WRITE || h->kind == NV_HANDLE_COMPARE) {
		finish_writer(h, call);
	}
	(void)pthread_mutex_unlock(&h->lock);
	leave(h);
	free_handle(h);
}

void nv_handles_free(struct nv_save *save)
{
	while (save->handles) {
		struct nv_handle *h = save->handles;
		save->handles = h->next;
		free_handle(h);
	}
}

uint64_t nv_handle_size(const struct nv_handle *h)
{
	return atomic_load(&h->length);
}

struct nv_blob *nv_handle_blob(struct nv_handle *h)
{
	return h->kind == NV_HANDLE_READ ? h->blob : NULL;
}
