/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between object.c, which makes the directory of one object, and ahead.c, which makes those of the
 * next ones in the same round trips.
 */
#ifndef NV_NETGOAT_OBJECT_H
#define NV_NETGOAT_OBJECT_H

#include "netgoat/listing.h"

#define NV_OBJECT_CHILDREN_MAX 4

/* A directory inside an object. */
struct nv_object_child {
	const char *name;
	enum nv_doc_kind kind;
	bool always; /* listed also when empty */
};

/* One object whose directory is made. */
struct nv_object_job {
	struct nv_netgoat *ng;
	const struct nv_ng_place *place;
	enum nv_doc_kind kind;
	enum nv_text_mode mode;
	int64_t sampled_ms;
	const struct nv_head *head;
	const struct nv_object_child *children;
	size_t children_count;
	struct nv_collect collects[NV_OBJECT_CHILDREN_MAX];
	struct nv_blob *own; /* owned; NULL: the object is gone */
	bool extra;          /* analytics, or memberships */
};

/* The object of that kind at a place. */
const struct nv_head *nv_object_head(const struct nv_ng_place *place, enum nv_doc_kind kind);

/* Everything but the strings is borrowed until released. 0 or -ENOMEM. Owns:
 * nv_object_job_release, also after a failure. */
int nv_object_job_begin(struct nv_object_job *job, struct nv_netgoat *ng,
                        const struct nv_ng_place *place, enum nv_doc_kind kind,
                        enum nv_text_mode mode, int64_t sampled_ms);
void nv_object_job_release(struct nv_object_job *job);

/* Receiver of the object's own document: ctx is the job. */
int nv_object_job_take(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err);

/* Makes the snapshot of a job whose answers are in, and keeps what it brought along. -ENOENT:
 * the object is gone. */
int nv_object_job_finish(struct nv_object_job *job, struct nv_cache_stamp stamp,
                         struct nv_docsnap **ret_snap, struct nv_err *err);

/* Keeps the snapshot for the next questions. ahead: nobody asked for it yet. */
void nv_object_job_keep(const struct nv_object_job *job, struct nv_docsnap *snap,
                        struct nv_cache_stamp stamp, bool ahead);

struct nv_ahead;

/* The objects that come next when those right before main's were just listed; NULL: no scan is
 * under way, or memory is short. Owns: nv_ahead_free. */
struct nv_ahead *nv_ahead_plan(const struct nv_object_job *main);

/* Adds the questions for them to main's batch: one a kind for all. 0 or -ENOMEM. */
int nv_ahead_ask(struct nv_ahead *ahead, struct nv_docbatch *batch);

/* Keeps what was found out, if all of it was. ahead may be NULL. */
void nv_ahead_finish(struct nv_ahead *ahead, struct nv_cache_stamp stamp);

/* NULL is allowed. */
void nv_ahead_free(struct nv_ahead *ahead);

/* Remembers the names of a directory of objects in their order, however old: where a scan goes
 * next is a guess that is verified. */
void nv_ahead_note_order(struct nv_netgoat *ng, const struct nv_buf *dir_key,
                         struct nv_docsnap *snap);

/* The order remembered last of that directory, or NULL. A reference. */
struct nv_docsnap *nv_ahead_order(struct nv_netgoat *ng, const struct nv_buf *dir_key);

#endif
