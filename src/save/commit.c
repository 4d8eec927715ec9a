/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The moment a text or a deletion reaches the store. Knows when nothing waits for the answer, and
 * then reports it.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "save/engine.h"
#include "save/made.h"

static pthread_mutex_t *commit_lock(struct nv_save *save, const char *path)
{
	return &save->commit_locks[nv_crc32(path, strlen(path)) % NV_COMMIT_LOCKS];
}

void nv_commit_count(struct nv_save *save, const struct nv_row *row, int result)
{
	if (row->family != NV_FAMILY_CTL) {
		nv_metric_add(save->config.metrics,
		              result < 0 ? NV_METRIC_COMMITS_REFUSED : NV_METRIC_COMMITS, 1);
	}
}

/* Tells processes and fs/ what is stored now. */
static void publish(struct nv_save *save, const struct nv_call *call, const char *path,
                    struct nv_blob *blob, const struct timespec *set_mtime, const char *new_name)
{
	nv_bases_committed(save->bases, path, call->uid, blob);
	if (save->config.events.committed) {
		save->config.events.committed(save->config.events.arg, path, blob, set_mtime,
		                              new_name);
	}
}

/* Keeps the three texts of a save that met another's, and says where. */
static void keep_conflict(struct nv_save *save, const char *path,
                          const struct nv_save_request *request,
                          const struct nv_save_result *result, struct nv_err *err)
{
	char name[NV_CONFLICT_NAME_MAX];
	const struct nv_blob *base = request->base;
	const struct nv_blob *theirs = result->theirs;
	const struct nv_conflict_bytes texts[NV_CONFLICT_TEXTS] = {
		[NV_CONFLICT_BASE] = { base ? base->text : NULL, base ? base->size : 0 },
		[NV_CONFLICT_MINE] = { request->text, request->size },
		[NV_CONFLICT_THEIRS] = { theirs ? theirs->text : NULL, theirs ? theirs->size : 0 },
	};
	struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
	if (save->config.conflicts &&
	    nv_conflicts_add(save->config.conflicts, path, texts, name) == 0) {
		(void)nv_fail(err, ESTALE, "%s; your text is kept in .netviewfs/conflicts/%s",
		              reason.msg, name);
	}
}

/* The text was of a datum that is listed under another name, from which it was just removed: it is
 * to stay. */
static void keep_listed(struct nv_save *save, const char *path, const char *listed)
{
	char dir[PATH_MAX];
	(void)nv_path_split(dir, path);
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, (struct nv_place){ .path = dir }, false);
	const struct nv_slot *slot = nv_slot_get(names, listed);
	if (slot && slot->state == NV_SLOT_PARKED && !slot->busy) {
		nv_slot_drop(names, listed);
	}
	nv_unlock(save);
}

/* A file whose directory is only a name so far: the store may not list it there yet. */
static void keep_made(struct nv_save *save, const struct nv_at *at, struct nv_blob *blob,
                      const struct timespec *set_mtime)
{
	char dir[PATH_MAX];
	const char *name = nv_path_split(dir, at->path);
	if (blob && nv_made_is_dir(save, dir)) {
		/* without memory it is not seen until the directory is stored */
		(void)nv_made_put(save, dir, name, at->node.row, blob, set_mtime);
	}
}

int nv_commit_text(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                   struct nv_blob *base, struct nv_blob *parent, const char *text, size_t size,
                   const struct timespec *set_mtime, struct nv_blob **ret_blob, struct nv_err *err)
{
	const struct nv_node_ops *ops = at->node.row->ops;
	const struct nv_save_request request = {
		.base = base, .parent = parent, .text = text, .size = size
	};
	struct nv_save_result result = { 0 };
	if (!ops->save) {
		return nv_fail(err, EACCES, "%s is computed and cannot be written", at->path);
	}
	(void)pthread_mutex_lock(commit_lock(save, at->path));
	int r = ops->save(at->node.self, call, &at->node, &request, &result, err);
	(void)pthread_mutex_unlock(commit_lock(save, at->path));
	nv_commit_count(save, at->node.row, r);
	if (r == -ESTALE) {
		keep_conflict(save, at->path, &request, &result, err);
	}
	if (r == 0) {
		keep_made(save, at, result.blob, set_mtime);
		if (result.blob && result.name) {
			keep_listed(save, at->path, result.name);
		}
		publish(save, call, at->path, result.blob, set_mtime, result.name);
		if (ret_blob) {
			nv_blob_unref(*ret_blob);
			*ret_blob = steal(&result.blob);
		}
	}
	nv_save_result_release(&result);
	return r;
}

int nv_commit_delete(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                     struct nv_blob *base, struct nv_err *err)
{
	const struct nv_node_ops *ops = at->node.row->ops;
	if (!ops->unlink) {
		return nv_fail(err, EPERM, "%s cannot be removed", at->path);
	}
	(void)pthread_mutex_lock(commit_lock(save, at->path));
	int r = ops->unlink(at->node.self, call, &at->node, base, false, err);
	(void)pthread_mutex_unlock(commit_lock(save, at->path));
	nv_commit_count(save, at->node.row, r);
	if (r == 0) {
		publish(save, call, at->path, NULL, NULL, NULL);
	}
	return r;
}

/* What a slot asks for, taken out of it so that the store can be called without the engine lock. */
struct job {
	struct nv_at at;
	uint64_t slot_id;
	enum nv_slot_state state;
	struct nv_blob *blob;
	bool origin_gone;
	struct nv_stage text;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	bool has_mtime;
	struct timespec mtime;
};

/* Takes the job of a slot; the slot is busy until finish_job. 1 = there is one; 0; -errno. Engine
 * lock held. */
static int take_job(struct nv_save *save, const char *dir, const char *name, struct job *job,
                    struct nv_err *err)
{
	struct nv_place place = { .path = dir };
	struct nv_slot *slot = nv_slot_settled(save, place, name);
	bool deletes = slot && slot->state == NV_SLOT_PARKED && slot->why == NV_PARK_UNLINK;
	bool creates = slot && slot->state == NV_SLOT_NEW && slot->accepted;
	if (!deletes && !creates) {
		return 0;
	}
	int r = nv_at_child(save, dir, name, NULL, &job->at, err);
	if (r < 0) {
		nv_slot_drop(nv_names_of(save, place, false), name);
		return r;
	}
	nv_slot_take(slot);
	job->slot_id = slot->id;
	job->state = slot->state;
	job->blob = nv_blob_ref(slot->blob);
	job->origin_gone = slot->origin_gone;
	nv_stage_move(&job->text, &slot->text);
	job->uid = slot->uid;
	job->gid = slot->gid;
	job->pid = slot->proc.tgid;
	job->has_mtime = slot->has_mtime;
	job->mtime = slot->mtime;
	return 1;
}

/* The slot after its commit: a deleted name is remembered for its identity, all else is the store's
 * again. */
static void finish_job(struct nv_save *save, const char *dir, const char *name,
                       const struct job *job, int result)
{
	struct nv_place place = { .path = dir };
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, place, false);
	struct nv_slot *slot = nv_slot_get(names, name);
	if (slot && slot->id == job->slot_id) {
		slot->busy = false;
		if (job->state == NV_SLOT_PARKED && result == 0) {
			slot->state = NV_SLOT_GONE;
			nv_slot_due(save, slot, NV_RETURN_DELAY_MS);
		} else if (result == 0 || slot->writers == 0) {
			nv_slot_drop(names, name);
		} else {
			/* refused while still open: its writer may write another text */
			slot->accepted = false;
		}
	}
	(void)pthread_cond_broadcast(&save->wake);
	nv_unlock(save);
}

int nv_commit_slot(struct nv_save *save, const char *dir, const char *name, struct nv_err *err)
{
	struct nv_err own = NV_ERR_INIT;
	struct nv_faults faults = NV_FAULTS_INIT;
	struct job job = { .text = NV_STAGE_INIT };
	nv_lock(save);
	int r = take_job(save, dir, name, &job, &own);
	nv_unlock(save);
	if (r <= 0) {
		return r < 0 ? nv_fail(err, own.errnum, "%s", own.msg) : 0;
	}
	const struct nv_call call = {
		.uid = job.uid, .gid = job.gid, .pid = job.pid, .faults = &faults
	};
	if (job.state == NV_SLOT_PARKED) {
		r = nv_commit_delete(save, &call, &job.at, job.blob, &own);
		if (r == -ENOENT) {
			r = 0; /* somebody else deleted it meanwhile: it is gone, as asked */
		}
	} else {
		r = nv_commit_text(save, &call, &job.at, job.origin_gone ? NULL : job.blob,
		                   job.origin_gone ? job.blob : NULL, nv_stage_text(&job.text),
		                   job.text.size, job.has_mtime ? &job.mtime : NULL, NULL, &own);
	}
	finish_job(save, dir, name, &job, r);
	if (r < 0) {
		nv_errors_ring_add(save->config.errors, job.uid, job.at.path, &own, &faults);
		nv_log(NV_LOG_WARNING, "%s: %s", job.at.path, own.msg);
		(void)nv_fail(err, -r, "%s", own.msg);
	}
	if ((r < 0 || job.state == NV_SLOT_NEW) && save->config.events.names_changed) {
		save->config.events.names_changed(save->config.events.arg, dir, name);
	}
	nv_blob_unref(job.blob);
	nv_stage_release(&job.text);
	nv_faults_release(&faults);
	return r;
}

/* Adds "DIR\0NAME\0" of each slot of names that has a commit to make. Engine lock held. */
static void add_jobs(const struct nv_names *names, struct nv_buf *jobs)
{
	size_t cursor = 0;
	size_t size;
	const char *name;
	void *value;
	while (nv_strmap_next(names->slots, &cursor, &name, &size, &value)) {
		const struct nv_slot *slot = value;
		if ((slot->state == NV_SLOT_PARKED && slot->why == NV_PARK_UNLINK) ||
		    (slot->state == NV_SLOT_NEW && slot->accepted)) {
			nv_buf_append(jobs, names->path, strlen(names->path) + 1);
			nv_buf_append(jobs, slot->name, strlen(slot->name) + 1);
		}
	}
}

/* What is to be committed at dir, or also below it. Engine lock held. */
static void find_jobs(struct nv_save *save, const char *dir, bool deep, struct nv_buf *jobs)
{
	size_t cursor = 0;
	size_t size;
	const char *path;
	void *value;
	size_t dir_size = strlen(dir);
	const struct nv_names *names = nv_names_of(save, (struct nv_place){ .path = dir }, false);
	if (names) {
		add_jobs(names, jobs);
	}
	while (deep && nv_strmap_next(save->dirs, &cursor, &path, &size, &value)) {
		bool under = dir_size == 0 ? size > 0
		                           : size > dir_size && memcmp(path, dir, dir_size) == 0 &&
		                                     path[dir_size] == '/';
		if (under) {
			add_jobs(value, jobs);
		}
	}
}

int nv_commit_dir(struct nv_save *save, const char *dir, bool deep, struct nv_err *err)
{
	cleanup_buf struct nv_buf jobs = NV_BUF_INIT;
	int result = 0;
	nv_lock(save);
	find_jobs(save, dir, deep, &jobs);
	nv_unlock(save);
	if (nv_buf_error(&jobs) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	for (size_t at = 0; at < jobs.len;) {
		const char *slot_dir = jobs.data + at;
		const char *name = slot_dir + strlen(slot_dir) + 1;
		int r = nv_commit_slot(save, slot_dir, name, result == 0 ? err : NULL);
		result = result == 0 ? r : result;
		at = (size_t)(name + strlen(name) + 1 - jobs.data);
	}
	return result;
}

void nv_refusal_add(struct nv_save *save, const char *path, struct nv_proc proc)
{
	char *copy = strdup(path);
	if (!copy) {
		return;
	}
	nv_lock(save);
	struct nv_refusal *refusal = &save->refusals[save->next_refusal];
	save->next_refusal = (save->next_refusal + 1) % NV_REFUSALS;
	free(refusal->path);
	*refusal =
		(struct nv_refusal){ copy, proc, nv_clock_ms(save->config.clock) + NV_REFUSAL_MS };
	nv_unlock(save);
}

bool nv_refusal_take(struct nv_save *save, const char *path, struct nv_proc proc)
{
	bool found = false;
	int64_t now = nv_clock_ms(save->config.clock);
	nv_lock(save);
	for (size_t i = 0; i < NV_REFUSALS; i++) {
		struct nv_refusal *refusal = &save->refusals[i];
		if (refusal->path && strcmp(refusal->path, path) == 0 &&
		    nv_proc_equal(refusal->proc, proc)) {
			found = found || refusal->until_ms > now;
			free(steal(&refusal->path));
		}
	}
	nv_unlock(save);
	return found;
}
