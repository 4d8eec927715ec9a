/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The directory of one team, user or domain: its own json, and which directories in it have
 * anything. The batch that finds that out reads these directories too, and when the objects before
 * it were just listed, those of the next ones.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/listing.h"

#define CHILDREN_MAX 4
#define AHEAD_OBJECTS_MAX 32

static const struct child {
	const char *name;
	enum nv_doc_kind kind;
	bool always; /* listed also when empty */
} domain_children[] = {
	{ "records", NV_DOC_RECORD, true },
	{ "proxies", NV_DOC_PROXY, false },
	{ "alerts", NV_DOC_ALERT, false },
	{ "incidents", NV_DOC_INCIDENT, false },
}, team_children[] = {
	{ "domains", NV_DOC_DOMAIN, false },
	{ "alerts", NV_DOC_ALERT, false },
	{ "incidents", NV_DOC_INCIDENT, false },
};

/* One object whose directory is made. */
struct job {
	struct nv_netgoat *ng;
	const struct nv_ng_place *place;
	enum nv_doc_kind kind;
	enum nv_text_mode mode;
	int64_t sampled_ms;
	const struct nv_head *head;
	const struct child *children;
	size_t children_count;
	struct nv_collect collects[CHILDREN_MAX];
	struct nv_blob *own; /* owned; NULL: the object is gone */
	bool extra;          /* analytics, or memberships */
};

/* Objects that are read along: their places and jobs, and who they are by _id. */
struct ahead {
	struct nv_strmap *by_id; /* owned */
	struct nv_ng_place places[AHEAD_OBJECTS_MAX];
	struct job jobs[AHEAD_OBJECTS_MAX];
	size_t count;
	size_t documents; /* received for them */
	bool overflow;
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

static const struct nv_head *head_of(const struct nv_ng_place *place, enum nv_doc_kind kind)
{
	return kind == NV_DOC_TEAM   ? place->team
	       : kind == NV_DOC_USER ? place->user
	                             : place->domain;
}

static void release_job(struct job *job)
{
	for (size_t i = 0; i < job->children_count; i++) {
		nv_collect_release(&job->collects[i]);
	}
	nv_blob_unref(job->own);
}

static int begin_job(struct job *job, struct nv_netgoat *ng, const struct nv_ng_place *place,
                     enum nv_doc_kind kind, enum nv_text_mode mode, int64_t sampled_ms)
{
	*job = (struct job){ .ng = ng,
		             .place = place,
		             .kind = kind,
		             .mode = mode,
		             .sampled_ms = sampled_ms,
		             .head = head_of(place, kind) };
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

static int take_own(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct job *job = ctx;
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
	((struct job *)ctx)->extra = true;
	return 1;
}

static int ask_own(struct job *job, struct nv_docbatch *batch)
{
	struct nv_docask own = { .kind = nv_ng_kind(job->ng, job->kind),
		                 .fn = take_own,
		                 .ctx = job };
	nv_docask_id(&own, NV_DOCTERM_EQ, &job->head->id, 1);
	return nv_docbatch_add(batch, &own);
}

/* Whether there are analytics in a domain, or memberships that stand in teams. */
static int ask_extra(struct job *job, struct nv_docbatch *batch)
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

static int ask_job(struct job *job, struct nv_docbatch *batch)
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
static bool names_teams(const struct job *job)
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
static int finish_job(struct job *job, struct nv_cache_stamp stamp, struct nv_docsnap **ret_snap,
                      struct nv_err *err)
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

/* ---- Reading ahead ---- */

static void release_ahead(struct ahead *ahead)
{
	for (size_t i = 0; i < ahead->count; i++) {
		release_job(&ahead->jobs[i]);
		nv_ng_place_release(&ahead->places[i]);
	}
	nv_strmap_free(ahead->by_id, NULL);
	free(ahead);
}

/* How many objects right before index were listed: a scan is under way. */
static size_t count_before(struct nv_netgoat *ng, const struct nv_docsnap *list, size_t index,
                           enum nv_doc_kind kind, enum nv_text_mode mode)
{
	size_t run = 0;
	while (run < index && run < AHEAD_OBJECTS_MAX) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		struct nv_head *head = nv_head_new(&list->items[index - run - 1], 0, 0);
		bool listed = head && nv_object_key(kind, head, mode, &key) == 0 &&
		              nv_cache_has(ng->cache, key.data, key.len);
		nv_head_unref(head);
		if (!listed) {
			break;
		}
		run++;
	}
	return run;
}

static int add_ahead(struct ahead *ahead, const struct job *main, const struct nv_docitem *item,
                     int64_t sampled_ms, uint64_t generation)
{
	struct nv_ng_place *place = &ahead->places[ahead->count];
	struct nv_head *head = nv_head_new(item, sampled_ms, generation);
	if (!head) {
		return -ENOMEM;
	}
	*place = (struct nv_ng_place){ .scope = main->place->scope,
		                       .team = nv_head_ref(main->place->team),
		                       .domain = head,
		                       .sampled_ms = sampled_ms };
	struct job *job = &ahead->jobs[ahead->count];
	int rc = begin_job(job, main->ng, place, main->kind, main->mode, main->sampled_ms);
	ahead->count++;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	rc = rc ? rc : nv_docvalue_key(&head->id, &key);
	return rc ? rc : nv_strmap_set(ahead->by_id, key.data, key.len, job, NULL);
}

/* The next domains of a scan; NULL: there is none, or memory is short. */
static struct ahead *plan_ahead(const struct job *main)
{
	if (main->kind != NV_DOC_DOMAIN) {
		return NULL;
	}
	struct nv_ng_place list_place = { .scope = main->place->scope == NV_NG_IN_DOMAIN
		                                           ? NV_NG_IN_TEAM
		                                           : NV_NG_IN_ORPHANS,
		                          .team = main->place->team };
	struct nv_docdir list_dir = nv_docdir_of(main->ng, &list_place, main->kind, NV_TEXT_FILE);
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	uint64_t generation = nv_ng_place_generation(main->ng);
	int64_t sampled_ms = 0;
	cleanup_docsnap struct nv_docsnap *list =
		nv_docdir_key(&list_dir, &key)
			? NULL
			: nv_cache_peek(main->ng->cache, key.data, key.len, &sampled_ms);
	const struct nv_docitem *item = list ? nv_docsnap_find(list, main->head->name) : NULL;
	size_t index = item ? (size_t)(item - list->items) : 0;
	size_t run = item ? count_before(main->ng, list, index, main->kind, main->mode) : 0;
	size_t wanted = run * 4 < AHEAD_OBJECTS_MAX ? run * 4 : AHEAD_OBJECTS_MAX;
	struct ahead *ahead = wanted && index + 1 < list->count ? calloc(1, sizeof(*ahead)) : NULL;
	if (!ahead) {
		return NULL;
	}
	ahead->by_id = nv_strmap_new();
	int rc = ahead->by_id ? 0 : -ENOMEM;
	for (size_t i = index + 1; rc == 0 && i < list->count && i <= index + wanted; i++) {
		rc = add_ahead(ahead, main, &list->items[i], sampled_ms, generation);
	}
	if (rc) {
		release_ahead(ahead);
		return NULL;
	}
	return ahead;
}

static struct job *job_of(struct ahead *ahead, bson_iter_t *reference)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	return nv_docvalue_key(bson_iter_value(reference), &key)
	               ? NULL
	               : nv_strmap_get(ahead->by_id, key.data, key.len);
}

/* Gives a child document to the job it refers to. A list of references could mean several: then
 * nothing is known ahead. */
static int take_child(struct ahead *ahead, size_t child, const char *collection, const bson_t *doc,
                      struct nv_err *err)
{
	const struct nv_schema_kind *kind =
		nv_ng_kind(ahead->jobs[0].ng, domain_children[child].kind);
	bson_iter_t iter;
	bool found = nv_schema_find(kind, NV_ROLE_DOMAIN, doc, &iter, NULL);
	struct job *job = found ? job_of(ahead, &iter) : NULL;
	if (!job || ++ahead->documents > NV_LISTING_AHEAD) {
		ahead->overflow = true;
		return 1;
	}
	return nv_collect_doc(&job->collects[child], collection, doc, err);
}

static int take_record(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 0, collection, doc, err);
}

static int take_proxy(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 1, collection, doc, err);
}

static int take_alert(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 2, collection, doc, err);
}

static int take_incident(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 3, collection, doc, err);
}

static int take_ahead_own(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	bson_iter_t id;
	struct job *job = bson_iter_init_find(&id, doc, "_id") ? job_of(ctx, &id) : NULL;
	return job ? take_own(job, collection, doc, err) : 0;
}

static int take_ahead_extra(void *ctx, const char *collection, const bson_t *doc,
                            struct nv_err *err)
{
	struct ahead *ahead = ctx;
	bson_iter_t iter;
	(void)collection;
	(void)err;
	if (++ahead->documents > NV_LISTING_AHEAD) {
		ahead->overflow = true;
		return 1;
	}
	bool found = nv_schema_find(nv_ng_kind(ahead->jobs[0].ng, NV_DOC_ANALYTICS), NV_ROLE_DOMAIN,
	                            doc, &iter, NULL);
	struct job *job = found ? job_of(ahead, &iter) : NULL;
	ahead->overflow = ahead->overflow || !job;
	if (job) {
		job->extra = true;
	}
	return 0;
}

/* One question a kind for all of them. */
static int ask_ahead(struct ahead *ahead, struct nv_docbatch *batch)
{
	static nv_docbatch_fn *const receivers[CHILDREN_MAX] = { take_record, take_proxy,
		                                                 take_alert, take_incident };
	struct nv_netgoat *ng = ahead->jobs[0].ng;
	bson_value_t *ids = nv_arena_alloc(&batch->arena, ahead->count, sizeof(*ids));
	if (!ids) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < ahead->count; i++) {
		ids[i] = ahead->jobs[i].head->id; /* borrowed: the jobs outlive the batch's run */
	}
	struct nv_docask own = { .kind = nv_ng_kind(ng, NV_DOC_DOMAIN),
		                 .fn = take_ahead_own,
		                 .ctx = ahead };
	nv_docask_id(&own, NV_DOCTERM_IN, ids, ahead->count);
	int rc = nv_docbatch_add(batch, &own);
	for (size_t i = 0; rc == 0 && i < CHILDREN_MAX; i++) {
		struct nv_docask ask = { .kind = nv_ng_kind(ng, domain_children[i].kind),
			                 .fn = receivers[i],
			                 .ctx = ahead,
			                 .limit = NV_LISTING_AHEAD + 1 };
		nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_IN, ids, ahead->count);
		rc = nv_docbatch_add(batch, &ask);
	}
	struct nv_docask extra = { .kind = nv_ng_kind(ng, NV_DOC_ANALYTICS),
		                   .fn = take_ahead_extra,
		                   .ctx = ahead,
		                   .limit = NV_LISTING_AHEAD + 1 };
	nv_docask_heads(&extra, &batch->arena);
	nv_docask_term(&extra, NV_ROLE_DOMAIN, NV_DOCTERM_IN, ids, ahead->count);
	return rc ? rc : nv_docbatch_add(batch, &extra);
}

static void keep_snap(struct nv_netgoat *ng, const struct job *job, struct nv_docsnap *snap,
                      struct nv_cache_stamp stamp, bool ahead)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (nv_object_key(job->kind, job->head, job->mode, &key) == 0) {
		(void)nv_cache_put(ng->cache, key.data, key.len, snap, stamp, ahead,
		                   NULL); /* not kept: asked for again */
	}
}

static void finish_ahead(struct ahead *ahead, struct nv_cache_stamp stamp)
{
	for (size_t i = 0; !ahead->overflow && i < ahead->count; i++) {
		struct nv_docsnap *snap = NULL;
		if (finish_job(&ahead->jobs[i], stamp, &snap, NULL) == 0) {
			keep_snap(ahead->jobs[i].ng, &ahead->jobs[i], snap, stamp, true);
			nv_docsnap_unref(snap);
		}
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
	struct job job;
	int rc = begin_job(&job, ng, &own, kind, mode, stamp.sampled_ms);
	rc = rc ? rc : ask_job(&job, &batch);
	struct ahead *ahead = rc ? NULL : plan_ahead(&job);
	rc = rc ? rc : ahead ? ask_ahead(ahead, &batch) : 0;
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_ng_place_run(ng, place, &batch, err);
	if (rc == 0) {
		rc = finish_job(&job, stamp, ret_snap, err);
	}
	if (rc == 0) {
		keep_snap(ng, &job, *ret_snap, stamp, false);
		if (ahead) {
			finish_ahead(ahead, stamp);
		}
	}
	if (ahead) {
		release_ahead(ahead);
	}
	release_job(&job);
	nv_ng_place_release(&own);
	return rc;
}

int nv_object_own(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_doc_kind kind,
                  enum nv_text_mode mode, struct nv_docsnap **ret_snap, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_head *head = nv_head_ref((struct nv_head *)head_of(place, kind));
	struct nv_ng_place own = *place;
	own.team = nv_head_ref(place->team);
	struct job job = { .ng = ng,
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
