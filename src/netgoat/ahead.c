/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading ahead in a scan: the objects that come next in their directory are asked for together
 * with the one that is listed, with one question for each kind of document. Where they come next
 * may be remembered from long ago; what is kept of them is as fresh as the answers.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/object.h"

#define AHEAD_MAX 32

/* Larger directories are not remembered: their order would cost more than it saves. */
#define ORDER_MAX 50000

/* Objects that are read along. */
struct nv_ahead {
	struct nv_netgoat *ng;
	enum nv_doc_kind kind;
	struct nv_strmap *by_id;   /* owned; key of _id -> its job */
	struct nv_ng_place parent; /* of the directory they stand in; team is an owned reference */
	/* all documents that have one of their names, to know that each is alone */
	struct nv_collect names;
	uint64_t generation; /* of places when this was asked */
	int64_t sampled_ms;
	struct nv_ng_place places[AHEAD_MAX];
	struct nv_object_job jobs[AHEAD_MAX];
	size_t count;
	size_t documents; /* received for them */
	bool overflow;
};

void nv_ahead_free(struct nv_ahead *ahead)
{
	if (!ahead) {
		return;
	}
	for (size_t i = 0; i < ahead->count; i++) {
		nv_object_job_release(&ahead->jobs[i]);
		nv_ng_place_release(&ahead->places[i]);
	}
	nv_collect_release(&ahead->names);
	nv_ng_place_release(&ahead->parent);
	nv_strmap_free(ahead->by_id, NULL);
	free(ahead);
}

/* ---- Orders ---- */

void nv_ahead_note_order(struct nv_netgoat *ng, const struct nv_buf *dir_key,
                         struct nv_docsnap *snap)
{
	char *key = snap->count > ORDER_MAX ? NULL : malloc(dir_key->len);
	if (!key) {
		return;
	}
	memcpy(key, dir_key->data, dir_key->len);
	(void)pthread_mutex_lock(&ng->heads_mutex);
	struct nv_order *slot = &ng->orders[ng->orders_next];
	for (size_t i = 0; i < NV_NETGOAT_ORDERS; i++) {
		if (ng->orders[i].key_size == dir_key->len && ng->orders[i].key &&
		    memcmp(ng->orders[i].key, key, dir_key->len) == 0) {
			slot = &ng->orders[i];
		}
	}
	if (slot == &ng->orders[ng->orders_next]) {
		ng->orders_next = (ng->orders_next + 1) % NV_NETGOAT_ORDERS;
	}
	struct nv_order old = *slot;
	*slot = (struct nv_order){ .key = key,
		                   .key_size = dir_key->len,
		                   .snap = nv_docsnap_ref(snap) };
	(void)pthread_mutex_unlock(&ng->heads_mutex);
	free(old.key);
	nv_docsnap_unref(old.snap);
}

struct nv_docsnap *nv_ahead_order(struct nv_netgoat *ng, const struct nv_buf *dir_key)
{
	struct nv_docsnap *snap = NULL;
	(void)pthread_mutex_lock(&ng->heads_mutex);
	for (size_t i = 0; i < NV_NETGOAT_ORDERS && !snap; i++) {
		const struct nv_order *order = &ng->orders[i];
		if (order->key && order->key_size == dir_key->len &&
		    memcmp(order->key, dir_key->data, dir_key->len) == 0) {
			snap = nv_docsnap_ref(order->snap);
		}
	}
	(void)pthread_mutex_unlock(&ng->heads_mutex);
	return snap;
}

/* ---- The plan ---- */

/* How many objects right before index were listed: a scan is under way. */
static size_t count_before(const struct nv_object_job *main, const struct nv_docsnap *list,
                           size_t index)
{
	size_t run = 0;
	while (run < index && run < AHEAD_MAX) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		struct nv_head *head = nv_head_new(&list->items[index - run - 1], 0, 0);
		bool listed = head && nv_object_key(main->kind, head, main->mode, &key) == 0 &&
		              nv_cache_has(main->ng->cache, key.data, key.len);
		nv_head_unref(head);
		if (!listed) {
			break;
		}
		run++;
	}
	return run;
}

static int add_object(struct nv_ahead *ahead, const struct nv_object_job *main,
                      const struct nv_docitem *item)
{
	struct nv_ng_place *place = &ahead->places[ahead->count];
	struct nv_head *head = nv_head_new(item, ahead->sampled_ms, ahead->generation);
	if (!head) {
		return -ENOMEM;
	}
	*place = (struct nv_ng_place){ .scope = main->place->scope,
		                       .sampled_ms = ahead->sampled_ms };
	if (main->kind == NV_DOC_TEAM) {
		place->team = head;
	} else if (main->kind == NV_DOC_USER) {
		place->user = head;
	} else {
		place->team = nv_head_ref(ahead->parent.team);
		place->domain = head;
	}
	struct nv_object_job *job = &ahead->jobs[ahead->count];
	int rc =
		nv_object_job_begin(job, main->ng, place, main->kind, main->mode, main->sampled_ms);
	ahead->count++;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	rc = rc ? rc : nv_docvalue_key(&head->id, &key);
	return rc ? rc : nv_strmap_set(ahead->by_id, key.data, key.len, job, NULL);
}

/* The place of the directory that main's object stands in. Borrows. */
static struct nv_ng_place parent_place(const struct nv_object_job *main)
{
	if (main->kind != NV_DOC_DOMAIN) {
		return (struct nv_ng_place){ .scope = NV_NG_TOP };
	}
	bool orphan = main->place->scope == NV_NG_IN_ORPHAN_DOMAIN;
	return (struct nv_ng_place){ .scope = orphan ? NV_NG_IN_ORPHANS : NV_NG_IN_TEAM,
		                     .team = main->place->team };
}

static struct nv_ahead *begin(const struct nv_object_job *main, const struct nv_docsnap *list,
                              size_t first, size_t wanted)
{
	struct nv_ahead *ahead = calloc(1, sizeof(*ahead));
	if (!ahead) {
		return NULL;
	}
	ahead->ng = main->ng;
	ahead->kind = main->kind;
	ahead->generation = nv_ng_place_generation(main->ng);
	ahead->sampled_ms = main->sampled_ms;
	ahead->parent = parent_place(main);
	(void)nv_head_ref(ahead->parent.team);
	ahead->by_id = nv_strmap_new();
	struct nv_docdir dir = nv_docdir_of(main->ng, &ahead->parent, main->kind, NV_TEXT_FILE);
	int rc = ahead->by_id ? nv_collect_init(&ahead->names, &dir, main->sampled_ms) : -ENOMEM;
	for (size_t i = first; rc == 0 && i < list->count && i < first + wanted; i++) {
		rc = add_object(ahead, main, &list->items[i]);
	}
	if (rc || ahead->count == 0) {
		nv_ahead_free(ahead);
		return NULL;
	}
	return ahead;
}

struct nv_ahead *nv_ahead_plan(const struct nv_object_job *main)
{
	struct nv_ng_place parent = parent_place(main);
	struct nv_docdir dir = nv_docdir_of(main->ng, &parent, main->kind, NV_TEXT_FILE);
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (nv_docdir_key(&dir, &key)) {
		return NULL;
	}
	cleanup_docsnap struct nv_docsnap *list = nv_ahead_order(main->ng, &key);
	const struct nv_docitem *item = list ? nv_docsnap_find(list, main->head->name) : NULL;
	if (!item) {
		return NULL;
	}
	size_t index = (size_t)(item - list->items);
	size_t run = count_before(main, list, index);
	return run ? begin(main, list, index + 1, run * 4 < AHEAD_MAX ? run * 4 : AHEAD_MAX) : NULL;
}

/* ---- Answers ---- */

static struct nv_object_job *job_of(struct nv_ahead *ahead, bson_iter_t *reference)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	return nv_docvalue_key(bson_iter_value(reference), &key)
	               ? NULL
	               : nv_strmap_get(ahead->by_id, key.data, key.len);
}

/* How children refer to the objects. */
static enum nv_role reference_role(const struct nv_ahead *ahead)
{
	return ahead->kind == NV_DOC_TEAM ? NV_ROLE_TEAM : NV_ROLE_DOMAIN;
}

/* Gives a child document to the job it refers to. A list of references could mean several: then
 * nothing is known ahead. */
static int take_child(struct nv_ahead *ahead, size_t child, const char *collection,
                      const bson_t *doc, struct nv_err *err)
{
	const struct nv_schema_kind *kind =
		nv_ng_kind(ahead->ng, ahead->jobs[0].children[child].kind);
	bson_iter_t iter;
	bool found = nv_schema_find(kind, reference_role(ahead), doc, &iter, NULL);
	struct nv_object_job *job = found ? job_of(ahead, &iter) : NULL;
	if (!job || ++ahead->documents > NV_LISTING_AHEAD) {
		ahead->overflow = true;
		return 1;
	}
	return nv_collect_doc(&job->collects[child], collection, doc, err);
}

static int take_first(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 0, collection, doc, err);
}

static int take_second(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 1, collection, doc, err);
}

static int take_third(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 2, collection, doc, err);
}

static int take_fourth(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return take_child(ctx, 3, collection, doc, err);
}

static int take_own(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	bson_iter_t id;
	struct nv_object_job *job = bson_iter_init_find(&id, doc, "_id") ? job_of(ctx, &id) : NULL;
	return job ? nv_object_job_take(job, collection, doc, err) : 0;
}

static int take_analytics(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct nv_ahead *ahead = ctx;
	bson_iter_t iter;
	(void)collection;
	(void)err;
	bool found = nv_schema_find(nv_ng_kind(ahead->ng, NV_DOC_ANALYTICS), NV_ROLE_DOMAIN, doc,
	                            &iter, NULL);
	struct nv_object_job *job = found ? job_of(ahead, &iter) : NULL;
	if (!job || ++ahead->documents > NV_LISTING_AHEAD) {
		ahead->overflow = true;
		return 1;
	}
	job->extra = true;
	return 0;
}

/* ---- Questions ---- */

static int ask_children(struct nv_ahead *ahead, struct nv_docbatch *batch, const bson_value_t *ids)
{
	static nv_docbatch_fn *const receivers[NV_OBJECT_CHILDREN_MAX] = { take_first, take_second,
		                                                           take_third,
		                                                           take_fourth };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ahead->jobs[0].children_count; i++) {
		struct nv_docask ask = { .kind = nv_ng_kind(ahead->ng,
			                                    ahead->jobs[0].children[i].kind),
			                 .fn = receivers[i],
			                 .ctx = ahead,
			                 .limit = NV_LISTING_AHEAD + 1 };
		if (ahead->jobs[0].collects[i].dir.objects) {
			nv_docask_heads(&ask, &batch->arena);
		}
		nv_docask_term(&ask, reference_role(ahead), NV_DOCTERM_IN, ids, ahead->count);
		rc = nv_docbatch_add(batch, &ask);
	}
	if (rc == 0 && ahead->kind == NV_DOC_DOMAIN) {
		struct nv_docask ask = { .kind = nv_ng_kind(ahead->ng, NV_DOC_ANALYTICS),
			                 .fn = take_analytics,
			                 .ctx = ahead,
			                 .limit = NV_LISTING_AHEAD + 1 };
		nv_docask_heads(&ask, &batch->arena);
		nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_IN, ids, ahead->count);
		rc = nv_docbatch_add(batch, &ask);
	}
	return rc;
}

/* Who has one of the names, in the same directory: then a name that was looked up needs no
 * question of its own. */
static int ask_names(struct nv_ahead *ahead, struct nv_docbatch *batch)
{
	const struct nv_schema_kind *kind = nv_ng_kind(ahead->ng, ahead->kind);
	bson_value_t *values = nv_arena_alloc(&batch->arena, ahead->count, sizeof(*values));
	size_t count = 0;
	for (size_t i = 0; values && i < ahead->count; i++) {
		const char *text = NULL;
		size_t size = 0;
		const bson_value_t *value = NULL;
		if (nv_doc_string(kind, NV_ROLE_NAME, ahead->jobs[i].head->doc, &text, &size)) {
			value = nv_arena_utf8(&batch->arena, text, size);
		}
		if (value) {
			values[count++] = *value;
		}
	}
	/* Of orphans it takes more than a name to know where they stand. */
	if (count == 0 || ahead->parent.scope == NV_NG_IN_ORPHANS) {
		return nv_arena_error(&batch->arena);
	}
	struct nv_docask ask = { .fn = nv_collect_doc, .ctx = &ahead->names };
	nv_docdir_ask(&ahead->names.dir, &ask, &batch->arena);
	nv_docask_term(&ask, NV_ROLE_NAME, NV_DOCTERM_IN, values, count);
	return nv_docbatch_add(batch, &ask);
}

int nv_ahead_ask(struct nv_ahead *ahead, struct nv_docbatch *batch)
{
	bson_value_t *ids = nv_arena_alloc(&batch->arena, ahead->count, sizeof(*ids));
	if (!ids) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < ahead->count; i++) {
		ids[i] = ahead->jobs[i].head->id; /* borrowed: the jobs outlive the batch's run */
	}
	struct nv_docask own = { .kind = nv_ng_kind(ahead->ng, ahead->kind),
		                 .fn = take_own,
		                 .ctx = ahead };
	nv_docask_id(&own, NV_DOCTERM_IN, ids, ahead->count);
	int rc = nv_docbatch_add(batch, &own);
	rc = rc ? rc : ask_children(ahead, batch, ids);
	return rc ? rc : ask_names(ahead, batch);
}

/* ---- What is kept ---- */

/* Names that are alone, and still mean the same object, are known as of the answer. */
static void keep_names(struct nv_ahead *ahead)
{
	if (nv_collect_finish(&ahead->names, NULL)) {
		return; /* asked for again */
	}
	for (size_t i = 0; i < ahead->count; i++) {
		const struct nv_head *head = ahead->jobs[i].head;
		const struct nv_docitem *item = nv_docsnap_find(ahead->names.snap, head->name);
		bson_value_t id;
		if (item && item->collection == head->collection && nv_docitem_id(item, &id) &&
		    nv_docvalue_equal(&id, &head->id)) {
			nv_ng_place_note(ahead->ng, &ahead->parent, ahead->kind, item,
			                 ahead->sampled_ms, ahead->generation);
		}
	}
}

/* Memberships of the users, in questions of their own. */
static int read_links(struct nv_ahead *ahead)
{
	struct nv_link_user *users = calloc(ahead->count, sizeof(*users));
	if (!users) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < ahead->count; i++) {
		users[i].head = ahead->jobs[i].head;
	}
	int rc = nv_links_read_ahead(ahead->ng, users, ahead->count, NULL);
	for (size_t i = 0; i < ahead->count; i++) {
		ahead->jobs[i].extra = rc == 0 && users[i].snap->count;
		nv_docsnap_unref(users[i].snap);
	}
	free(users);
	return rc;
}

void nv_ahead_finish(struct nv_ahead *ahead, struct nv_cache_stamp stamp)
{
	if (!ahead || ahead->overflow || (ahead->kind == NV_DOC_USER && read_links(ahead))) {
		return; /* each is asked for in its turn */
	}
	keep_names(ahead);
	for (size_t i = 0; i < ahead->count; i++) {
		struct nv_docsnap *snap = NULL;
		if (nv_object_job_finish(&ahead->jobs[i], stamp, &snap, NULL) == 0) {
			nv_object_job_keep(&ahead->jobs[i], snap, stamp, true);
			nv_docsnap_unref(snap);
		}
	}
}
