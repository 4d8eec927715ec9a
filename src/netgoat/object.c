/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The directory of one team, user or domain: its own json, and which directories in it have
 * anything. The batch that finds that out reads these directories too, and when the objects before
 * it were just listed, those of the next ones (ahead.c).
 */
#include "config.h"

#include "netgoat/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const struct nv_object_child domain_children[] = {
	{ "records", NV_DOC_RECORD, true },
	{ "proxies", NV_DOC_PROXY, false },
	{ "alerts", NV_DOC_ALERT, false },
	{ "incidents", NV_DOC_INCIDENT, false },
};

static const struct nv_object_child team_children[] = {
	{ "domains", NV_DOC_DOMAIN, false },
	{ "alerts", NV_DOC_ALERT, false },
	{ "incidents", NV_DOC_INCIDENT, false },
};

const char *nv_object_own_name(enum nv_doc_kind kind)
{
	return kind == NV_DOC_TEAM   ? "team.json"
	       : kind == NV_DOC_USER ? "user.json"
	                             : "domain.json";
}

int nv_object_key(enum nv_doc_kind kind, const struct nv_head *head, enum nv_text_mode mode,
                  struct nv_buf *out)
{
	nv_buf_printf(out, "object;%s;%d;%s;", nv_schema_word(kind), mode == NV_TEXT_STORED,
	              head->collection);
	int rc = nv_docvalue_key(&head->id, out);
	return rc ? rc : nv_buf_error(out);
}

const struct nv_head *nv_object_head(const struct nv_ng_place *place, enum nv_doc_kind kind)
{
	return kind == NV_DOC_TEAM   ? place->team
	       : kind == NV_DOC_USER ? place->user
	                             : place->domain;
}

void nv_object_job_release(struct nv_object_job *job)
{
	for (size_t i = 0; i < job->children_count; i++) {
		nv_collect_release(&job->collects[i]);
	}
	nv_blob_unref(job->own);
}

int nv_object_job_begin(struct nv_object_job *job, struct nv_netgoat *ng,
                        const struct nv_ng_place *place, enum nv_doc_kind kind,
                        enum nv_text_mode mode, int64_t sampled_ms)
{
	*job = (struct nv_object_job){ .ng = ng,
		                       .place = place,
		                       .kind = kind,
		                       .mode = mode,
		                       .sampled_ms = sampled_ms,
		                       .head = nv_object_head(place, kind) };
	if (kind == NV_DOC_DOMAIN) {
		job->children = domain_children;
		job->children_count = sizeof(domain_children) / sizeof(domain_children[0]);
	} else if (kind == NV_DOC_TEAM) {
		job->children = team_children;
		job->children_count = sizeof(team_children) / sizeof(team_children[0]);
	}
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < job->children_count; i++) {
		struct nv_docdir dir = nv_docdir_of(ng, place, job->children[i].kind, mode);
		rc = nv_collect_init(&job->collects[i], &dir, sampled_ms);
		job->collects[i].limit = NV_LISTING_AHEAD;
	}
	return rc;
}

int nv_object_job_take(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct nv_object_job *job = ctx;
	if (collection != job->head->collection || job->own) {
		return 0;
	}
	struct nv_facts facts = nv_ng_place_own_facts(job->place, job->kind);
	const struct nv_schema_kind *kind = nv_ng_kind(job->ng, job->kind);
	return nv_text_blob(job->ng->schema, kind, &facts, doc, collection, job->mode,
	                    job->sampled_ms, &job->own, err);
}

static int take_extra(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	(void)collection;
	(void)doc;
	(void)err;
	((struct nv_object_job *)ctx)->extra = true;
	return 1;
}

static int ask_own(struct nv_object_job *job, struct nv_docbatch *batch)
{
	struct nv_docask own = { .kind = nv_ng_kind(job->ng, job->kind),
		                 .fn = nv_object_job_take,
		                 .ctx = job };
	nv_docask_id(&own, NV_DOCTERM_EQ, &job->head->id, 1);
	return nv_docbatch_add(batch, &own);
}

/* Whether there are analytics in a domain, or memberships that stand in teams. */
static int ask_extra(struct nv_object_job *job, struct nv_docbatch *batch)
{
	static const char *const id_field[] = { "_id" };
	struct nv_docask ask = {
		.fn = take_extra, .ctx = job, .limit = 1, .fields = id_field, .fields_count = 1
	};
	if (job->kind == NV_DOC_DOMAIN) {
		ask.kind = nv_ng_kind(job->ng, NV_DOC_ANALYTICS);
		nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_EQ, &job->head->id, 1);
	} else if (job->kind == NV_DOC_USER) {
		ask.kind = nv_ng_kind(job->ng, NV_DOC_TEAM);
		nv_docask_term(&ask, NV_ROLE_MEMBER_USER, NV_DOCTERM_EQ, &job->head->id, 1);
	}
	return ask.kind ? nv_docbatch_add(batch, &ask) : 0;
}

static int ask_job(struct nv_object_job *job, struct nv_docbatch *batch)
{
	int rc = ask_own(job, batch);
	rc = rc ? rc : ask_extra(job, batch);
	for (size_t i = 0; rc == 0 && i < job->children_count; i++) {
		rc = nv_collect_ask(&job->collects[i], batch);
	}
	return rc;
}

static int add_name(struct nv_docsnap *snap, const char *name, struct nv_blob *blob,
                    const char *collection)
{
	return nv_docsnap_add(snap, strdup(name), blob, NULL, collection) ? 0 : -ENOMEM;
}

/* True when the user's own document names teams. */
static bool names_teams(const struct nv_object_job *job)
{
	const struct nv_version *version = nv_version_of(job->own);
	bson_iter_t iter;
	bson_iter_t element;
	if (job->kind != NV_DOC_USER || !version ||
	    !nv_schema_find(nv_ng_kind(job->ng, NV_DOC_USER), NV_ROLE_TEAMS, version->doc, &iter,
	                    NULL)) {
		return false;
	}
	return !BSON_ITER_HOLDS_ARRAY(&iter) ||
	       (bson_iter_recurse(&iter, &element) && bson_iter_next(&element));
}

/* Makes the snapshot of a job whose answers are in, and keeps what it brought along. */
int nv_object_job_finish(struct nv_object_job *job, struct nv_cache_stamp stamp,
                         struct nv_docsnap **ret_snap, struct nv_err *err)
{
	if (!job->own) {
		return nv_fail(err, ENOENT, "%s is gone", nv_schema_word(job->kind));
	}
	cleanup_docsnap struct nv_docsnap *snap = nv_docsnap_new(job->sampled_ms);
	int rc = snap ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < job->children_count; i++) {
		struct nv_collect *collect = &job->collects[i];
		rc = nv_collect_finish(collect, err);
		if (rc) {
			return rc;
		}
		if (job->children[i].always || collect->overflow || collect->snap->count) {
			rc = add_name(snap, job->children[i].name, NULL, NULL);
		}
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		if (!collect->overflow && nv_docdir_key(&collect->dir, &key) == 0) {
			/* Not kept when memory is short: then it is asked for again. */
			(void)nv_cache_put(job->ng->cache, key.data, key.len, collect->snap, stamp,
			                   true, NULL);
		}
	}
	if (rc == 0 && (job->extra || names_teams(job))) {
		rc = add_name(snap, job->kind == NV_DOC_DOMAIN ? "analytics" : "teams", NULL, NULL);
	}
	if (rc == 0) {
		rc = add_name(snap, nv_object_own_name(job->kind), nv_blob_ref(job->own),
		              job->head->collection);
	}
	if (rc || nv_docsnap_finish(snap, "")) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_snap = steal(&snap);
	return 0;
}

void nv_object_job_keep(const struct nv_object_job *job, struct nv_docsnap *snap,
                        struct nv_cache_stamp stamp, bool ahead)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (nv_object_key(job->kind, job->head, job->mode, &key) == 0) {
		(void)nv_cache_put(job->ng->cache, key.data, key.len, snap, stamp, ahead,
		                   NULL); /* not kept: asked for again */
	}
}

int nv_object_read(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_doc_kind kind,
                   enum nv_text_mode mode, struct nv_docsnap **ret_snap, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	/* Confirming replaces heads of place; the job's are these. */
	struct nv_ng_place own = *place;
	own.team = nv_head_ref(place->team);
	own.domain = nv_head_ref(place->domain);
	own.user = nv_head_ref(place->user);
	struct nv_object_job job;
	int rc = nv_object_job_begin(&job, ng, &own, kind, mode, stamp.sampled_ms);
	rc = rc ? rc : ask_job(&job, &batch);
	struct nv_ahead *ahead = rc ? NULL : nv_ahead_plan(&job);
	rc = rc ? rc : ahead ? nv_ahead_ask(ahead, &batch) : 0;
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_ng_place_run(ng, place, &batch, err);
	if (rc == 0) {
		rc = nv_object_job_finish(&job, stamp, ret_snap, err);
	}
	if (rc == 0) {
		nv_object_job_keep(&job, *ret_snap, stamp, false);
		nv_ahead_finish(ahead, stamp);
	}
	nv_ahead_free(ahead);
	nv_object_job_release(&job);
	nv_ng_place_release(&own);
	return rc;
}

int nv_object_own(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_doc_kind kind,
                  enum nv_text_mode mode, struct nv_docsnap **ret_snap, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_head *head = nv_head_ref((struct nv_head *)nv_object_head(place, kind));
	struct nv_ng_place own = *place;
	own.team = nv_head_ref(place->team);
	struct nv_object_job job = { .ng = ng,
		                     .place = &own,
		                     .kind = kind,
		                     .mode = mode,
		                     .sampled_ms = nv_clock_ms(ng->clock),
		                     .head = head };
	int rc = ask_own(&job, &batch) ? nv_fail(err, ENOMEM, "out of memory")
	                               : nv_ng_place_run(ng, place, &batch, err);
	if (rc == 0 && !job.own) {
		rc = nv_fail(err, ENOENT, "%s is gone", nv_schema_word(kind));
	}
	cleanup_docsnap struct nv_docsnap *snap = rc ? NULL : nv_docsnap_new(job.sampled_ms);
	if (rc == 0 && (!snap || add_name(snap, nv_object_own_name(kind), nv_blob_ref(job.own),
	                                  head->collection))) {
		rc = nv_fail(err, ENOMEM, "out of memory");
	}
	nv_blob_unref(job.own);
	nv_head_unref(own.team);
	nv_head_unref(head);
	if (rc == 0) {
		*ret_snap = steal(&snap);
	}
	return rc;
}
