/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan of a commit (mongoplan.h). Every document is read once; what the commit makes of it
 * stands beside what was read, and queries of later writes see it.
 */
#include "config.h"

#include "docstore/mongoplan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strmap.h"
#include "docstore/build.h"
#include "docstore/doccommit.h"
#include "docstore/key.h"
#include "docstore/match.h"
#include "docstore/mongofilter.h"

/* A document as it was read and as it will be. */
struct nv_mongoplan_doc {
	struct nv_buf id;     /* a document whose one field is the _id */
	struct nv_buf before; /* empty: there was none */
	struct nv_buf after;  /* empty: there is none */
	bool dirty;
	size_t write; /* the first that changed it */
	size_t op;    /* index of its operation, or SIZE_MAX */
	char collection[];
};

/* A plan under way: what the callbacks share. */
struct planner {
	struct nv_mongo_call *call;
	const struct nv_doccommit *commit;
	struct nv_mongoplan *plan;
	size_t next;            /* the write behind the current one */
	const char *collection; /* of the look under way */
};

static struct nv_bval doc_id(const struct nv_mongoplan_doc *doc)
{
	struct nv_bval all = nv_build_doc(&doc->id);
	struct nv_bval id = { BSON_TYPE_NULL, (const uint8_t *)"", 0 };
	(void)nv_bval_field(&all, "_id", 3, &id);
	return id;
}

static void doc_free(struct nv_mongoplan_doc *doc)
{
	if (doc) {
		nv_buf_release(&doc->id);
		nv_buf_release(&doc->before);
		nv_buf_release(&doc->after);
		free(doc);
	}
}

static int map_key(struct nv_buf *out, const char *collection, const struct nv_buf *key)
{
	nv_buf_append(out, collection, strlen(collection) + 1);
	nv_buf_append(out, key->data, key->len);
	return nv_buf_error(out);
}

static struct nv_mongoplan_doc *find_doc(const struct nv_mongoplan *plan, const char *collection,
                                         const struct nv_buf *key)
{
	cleanup_buf struct nv_buf whole = NV_BUF_INIT;
	if (map_key(&whole, collection, key) < 0) {
		return NULL;
	}
	return nv_strmap_get(plan->by_key, whole.data, whole.len);
}

static int grow_docs(struct nv_mongoplan *plan)
{
	if (plan->docs_count < plan->docs_cap) {
		return 0;
	}
	size_t cap = plan->docs_cap > 0 ? plan->docs_cap * 2 : 16;
	struct nv_mongoplan_doc **grown = realloc(plan->docs, cap * sizeof(*grown));
	if (!grown) {
		return -ENOMEM;
	}
	plan->docs = grown;
	plan->docs_cap = cap;
	return 0;
}

/* Adds a document as read (NULL: there is none). */
static int add_doc(struct nv_mongoplan *plan, const char *collection, const struct nv_buf *key,
                   const struct nv_bval *id, const struct nv_bval *before,
                   struct nv_mongoplan_doc **ret_doc)
{
	cleanup_buf struct nv_buf whole = NV_BUF_INIT;
	size_t size = strlen(collection) + 1;
	struct nv_mongoplan_doc *doc = calloc(1, sizeof(*doc) + size);
	if (!doc) {
		return -ENOMEM;
	}
	doc->op = SIZE_MAX;
	memcpy(doc->collection, collection, size);
	size_t start = nv_bval_begin(&doc->id);
	nv_build_value(&doc->id, "_id", id);
	nv_bval_end(&doc->id, start);
	if (before) {
		nv_buf_append(&doc->before, before->data, before->size);
		nv_buf_append(&doc->after, before->data, before->size);
	}
	if (grow_docs(plan) < 0 || map_key(&whole, collection, key) < 0 ||
	    nv_buf_error(&doc->id) < 0 || nv_buf_error(&doc->before) < 0 ||
	    nv_buf_error(&doc->after) < 0 ||
	    nv_strmap_set(plan->by_key, whole.data, whole.len, doc, NULL) < 0) {
		doc_free(doc);
		return -ENOMEM;
	}
	plan->docs[plan->docs_count++] = doc;
	*ret_doc = doc;
	return 0;
}

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

/* Takes a document that the server has into the plan, unless it is there. */
static int take_found(void *ctx, const bson_t *found, struct nv_err *err)
{
	struct planner *planner = ctx;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	struct nv_bval value = nv_bval_doc(found);
	struct nv_bval id;
	struct nv_mongoplan_doc *doc = NULL;
	if (nv_bval_check(value.data, value.size) < 0 || !nv_bval_field(&value, "_id", 3, &id)) {
		return nv_fail(err, EIO, "a document of %s is damaged", planner->collection);
	}
	if (nv_key_of_doc(&key, &value) < 0) {
		return no_memory(err);
	}
	if (find_doc(planner->plan, planner->collection, &key)) {
		return 0;
	}
	return add_doc(planner->plan, planner->collection, &key, &id, &value, &doc) < 0
	               ? no_memory(err)
	               : 0;
}

/* ---- Reading ahead ---- */

static bool has_target(const struct nv_docwrite *write)
{
	return write->kind == NV_DOCWRITE_UPDATE || write->kind == NV_DOCWRITE_DELETE;
}

static int run_find(struct planner *planner, const char *collection, const struct nv_buf *filter,
                    size_t limit, nv_mongo_doc_fn *fn, void *ctx, struct nv_err *err)
{
	bson_t view;
	int rc = nv_build_view(filter, &view, err);
	if (rc < 0) {
		return rc;
	}
	struct nv_mongo_find find = { .collection = collection, .filter = &view, .limit = limit };
	planner->collection = collection;
	return nv_mongo_find(planner->call, &find, fn, ctx, err);
}

/* {_id: {$in: […]}} of the targets of a collection from a write on; *ret_count of them. */
static int targets_filter(const struct nv_doccommit *commit, size_t from, struct nv_buf *out,
                          size_t *ret_count, struct nv_err *err)
{
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	const char *collection = commit->writes[from].collection;
	size_t count = 0;
	size_t doc = nv_bval_begin(out);
	size_t id = nv_build_open(out, BSON_TYPE_DOCUMENT, "_id");
	size_t list = nv_build_open(out, BSON_TYPE_ARRAY, "$in");
	for (size_t i = from; i < commit->writes_count; i++) {
		struct nv_bval value;
		const struct nv_docwrite *write = &commit->writes[i];
		if (!has_target(write) || strcmp(write->collection, collection) != 0) {
			continue;
		}
		int rc = nv_bval_from(write->id, &store, &value);
		if (rc < 0) {
			return nv_fail(err, -rc, "the _id is no BSON value");
		}
		nv_build_value_at(out, count++, &value);
	}
	nv_bval_end(out, list);
	nv_bval_end(out, id);
	nv_bval_end(out, doc);
	*ret_count = count;
	return 0;
}

static bool is_first_of_collection(const struct nv_doccommit *commit, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (has_target(&commit->writes[i]) &&
		    strcmp(commit->writes[i].collection, commit->writes[at].collection) == 0) {
			return false;
		}
	}
	return true;
}

/* Reads the targets of many writes at once: one look a collection, not one a document. */
static int read_ahead(struct planner *planner, struct nv_err *err)
{
	const struct nv_doccommit *commit = planner->commit;
	for (size_t i = 0; i < commit->writes_count; i++) {
		if (!has_target(&commit->writes[i]) || !is_first_of_collection(commit, i)) {
			continue;
		}
		cleanup_buf struct nv_buf filter = NV_BUF_INIT;
		size_t count = 0;
		int rc = targets_filter(commit, i, &filter, &count, err);
		if (rc == 0 && count > 1) {
			rc = run_find(planner, commit->writes[i].collection, &filter, 0, take_found,
			              planner, err);
		}
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

/* ---- What doccommit.h asks ---- */

/* Reads a target that nobody has read; that there is none is kept too. */
static int fetch(struct planner *planner, const char *collection, const bson_value_t *wanted,
                 const struct nv_buf *key, struct nv_mongoplan_doc **ret_doc, struct nv_err *err)
{
	static const char *const path = "_id";
	struct nv_docterm term = { .paths = &path,
		                   .paths_count = 1,
		                   .op = NV_DOCTERM_EQ,
		                   .values = wanted,
		                   .values_count = 1 };
	cleanup_buf struct nv_buf filter = NV_BUF_INIT;
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	int rc = nv_mongofilter_terms(&filter, &term, 1, err);
	rc = rc < 0 ? rc : run_find(planner, collection, &filter, 1, take_found, planner, err);
	if (rc < 0) {
		return rc;
	}
	*ret_doc = find_doc(planner->plan, collection, key);
	if (!*ret_doc) {
		struct nv_bval id;
		rc = nv_bval_from(wanted, &store, &id);
		rc = rc < 0 ? rc : add_doc(planner->plan, collection, key, &id, NULL, ret_doc);
	}
	return rc < 0 ? no_memory(err) : 0;
}

static int plan_load(void *ctx, const char *collection, const struct nv_buf *key,
                     struct nv_buf *out, struct nv_err *err)
{
	struct planner *planner = ctx;
	const struct nv_docwrite *write = &planner->commit->writes[planner->next - 1];
	struct nv_mongoplan_doc *doc = find_doc(planner->plan, collection, key);
	if (!doc && write->kind == NV_DOCWRITE_INSERT) {
		return 0; /* the server says so if the _id is taken */
	}
	if (!doc) {
		int rc = fetch(planner, collection, write->id, key, &doc, err);
		if (rc < 0) {
			return rc;
		}
	}
	if (doc->after.len == 0) {
		return 0;
	}
	nv_buf_truncate(out, 0);
	nv_buf_append(out, doc->after.data, doc->after.len);
	return nv_buf_error(out) < 0 ? no_memory(err) : 1;
}

static int change_doc(struct planner *planner, struct nv_mongoplan_doc *doc,
                      const struct nv_bval *after, struct nv_err *err)
{
	if (!doc->dirty) {
		doc->dirty = true;
		doc->write = planner->next - 1;
	}
	nv_buf_truncate(&doc->after, 0);
	if (after) {
		nv_buf_append(&doc->after, after->data, after->size);
	}
	return nv_buf_error(&doc->after) < 0 ? no_memory(err) : 0;
}

static int plan_store(void *ctx, const char *collection, const struct nv_buf *key,
                      const struct nv_bval *old, const struct nv_bval *value, struct nv_err *err)
{
	struct planner *planner = ctx;
	struct nv_mongoplan_doc *doc = find_doc(planner->plan, collection, key);
	struct nv_bval id;
	(void)old;
	if (!doc && (!nv_bval_field(value, "_id", 3, &id) ||
	             add_doc(planner->plan, collection, key, &id, NULL, &doc) < 0)) {
		return no_memory(err);
	}
	return change_doc(planner, doc, value, err);
}

static int plan_remove(void *ctx, const char *collection, const struct nv_buf *key,
                       const struct nv_bval *old, struct nv_err *err)
{
	struct planner *planner = ctx;
	struct nv_mongoplan_doc *doc = find_doc(planner->plan, collection, key);
	(void)old;
	return doc ? change_doc(planner, doc, NULL, err)
	           : nv_fail(err, EIO, "a document of %s is not where it was", collection);
}

/* A look of one write: documents that the commit has changed are held against the terms here. */
struct look {
	struct planner *planner;
	nv_doccommit_found_fn *fn;
	void *found_ctx;
};

static int look_found(void *ctx, const bson_t *found, struct nv_err *err)
{
	struct look *look = ctx;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	struct nv_bval value = nv_bval_doc(found);
	int rc = take_found(look->planner, found, err);
	if (rc < 0) {
		return rc;
	}
	if (nv_key_of_doc(&key, &value) < 0) {
		return no_memory(err);
	}
	const struct nv_mongoplan_doc *doc =
		find_doc(look->planner->plan, look->planner->collection, &key);
	return !doc || doc->dirty ? 0 : look->fn(look->found_ctx, &value, err);
}

static int look_changed(struct look *look, const char *collection, const struct nv_docterm *terms,
                        size_t terms_count, struct nv_err *err)
{
	const struct nv_mongoplan *plan = look->planner->plan;
	struct nv_match match;
	int rc = nv_match_init(&match, terms, terms_count);
	rc = rc < 0 ? nv_fail(err, -rc, "the terms' values are no BSON") : 0;
	size_t count = plan->docs_count;
	for (size_t i = 0; i < count && rc == 0; i++) {
		const struct nv_mongoplan_doc *doc = plan->docs[i];
		struct nv_bval value = nv_build_doc(&doc->after);
		if (!doc->dirty || doc->after.len == 0 ||
		    strcmp(doc->collection, collection) != 0) {
			continue;
		}
		int holds = nv_match_doc(&match, &value);
		rc = holds < 0   ? no_memory(err)
		     : holds > 0 ? look->fn(look->found_ctx, &value, err)
		                 : 0;
	}
	nv_match_release(&match);
	return rc;
}

static int plan_select(void *ctx, const char *collection, const struct nv_docterm *terms,
                       size_t terms_count, nv_doccommit_found_fn *fn, void *found_ctx,
                       struct nv_err *err)
{
	struct planner *planner = ctx;
	struct look look = { planner, fn, found_ctx };
	cleanup_buf struct nv_buf filter = NV_BUF_INIT;
	int rc = look_changed(&look, collection, terms, terms_count, err);
	rc = rc != 0 ? rc : nv_mongofilter_terms(&filter, terms, terms_count, err);
	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	bool any = planner->commit->writes[planner->next - 1].kind == NV_DOCWRITE_ABSENT;
	/* A document of ours may be the first that the server names, though it is changed here. */
	size_t limit = any ? planner->plan->docs_count + 1 : 0;
	rc = run_find(planner, collection, &filter, limit, look_found, &look, err);
	return rc < 0 ? rc : 0;
}

static int plan_step(void *ctx, bool entry, struct nv_err *err)
{
	struct planner *planner = ctx;
	(void)entry;
	(void)err;
	planner->next++;
	return 0;
}

static const struct nv_doccommit_io plan_io = {
	.load = plan_load,
	.store = plan_store,
	.remove = plan_remove,
	.select = plan_select,
	.step = plan_step,
};

/* ---- Operations ---- */

/* The document that a write names, if one was seen. */
static struct nv_mongoplan_doc *target(const struct nv_mongoplan *plan,
                                       const struct nv_docwrite *write)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	struct nv_bval id;
	if (write->kind == NV_DOCWRITE_INSERT) {
		struct nv_bval doc = nv_bval_doc(write->doc);
		if (nv_key_of_doc(&key, &doc) < 0) {
			return NULL;
		}
	} else if (!has_target(write) || nv_bval_from(write->id, &store, &id) < 0 ||
	           nv_key_append(&key, &id) < 0) {
		return NULL;
	}
	return find_doc(plan, write->collection, &key);
}

/* The paths that writes expect of a document. */
static int expects_of(const struct nv_mongoplan *plan, const struct nv_doccommit *commit,
                      const struct nv_mongoplan_doc *doc, const char ***ret_paths,
                      size_t *ret_count)
{
	size_t most = 0;
	for (size_t i = doc->write; i < commit->writes_count; i++) {
		most += commit->writes[i].expects_count;
	}
	const char **paths = calloc(most + 1, sizeof(*paths));
	if (!paths) {
		return -ENOMEM;
	}
	size_t count = 0;
	for (size_t i = doc->write; i < commit->writes_count; i++) {
		const struct nv_docwrite *write = &commit->writes[i];
		if (write->expects_count == 0 || target(plan, write) != doc) {
			continue;
		}
		for (size_t k = 0; k < write->expects_count; k++) {
			paths[count++] = write->expects[k].path;
		}
	}
	*ret_paths = paths;
	*ret_count = count;
	return 0;
}

static int make_op(struct nv_mongoplan *plan, const struct nv_doccommit *commit,
                   struct nv_mongoplan_doc *doc, struct nv_err *err)
{
	const char **expects = NULL;
	size_t expects_count = 0;
	struct nv_bval id = doc_id(doc);
	struct nv_bval before = nv_build_doc(&doc->before);
	struct nv_bval after = nv_build_doc(&doc->after);
	if (doc->before.len == 0 && doc->after.len == 0) {
		return 0; /* came and went */
	}
	if (expects_of(plan, commit, doc, &expects, &expects_count) < 0) {
		return no_memory(err);
	}
	struct nv_mongoplan_op *made = &plan->ops[plan->count];
	int rc = nv_mongoop_make(doc->collection, &id, doc->before.len > 0 ? &before : NULL,
	                         doc->after.len > 0 ? &after : NULL, expects, expects_count,
	                         &made->op, err);
	free(expects);
	if (rc == 1) {
		made->write = doc->write;
		doc->op = plan->count++;
	}
	return rc < 0 ? rc : 0;
}

static int make_ops(struct nv_mongoplan *plan, const struct nv_doccommit *commit,
                    struct nv_err *err)
{
	plan->ops = calloc(plan->docs_count + 1, sizeof(*plan->ops));
	if (!plan->ops) {
		return no_memory(err);
	}
	for (size_t i = 0; i < plan->docs_count; i++) {
		int rc = plan->docs[i]->dirty ? make_op(plan, commit, plan->docs[i], err) : 0;
		if (rc < 0) {
			return rc;
		}
	}
	for (size_t i = 0; i < commit->writes_count; i++) {
		const struct nv_docwrite *write = &commit->writes[i];
		if (write->kind == NV_DOCWRITE_UPDATE) {
			const struct nv_mongoplan_doc *doc = target(plan, write);
			if (doc && doc->op != SIZE_MAX) {
				plan->ops[doc->op].wants_after = true;
			}
		}
	}
	return 0;
}

int nv_mongoplan_make(struct nv_mongo_call *call, const struct nv_doccommit *commit,
                      struct nv_mongoplan *ret_plan, struct nv_docresult *result,
                      struct nv_err *err)
{
	struct planner planner = { .call = call, .commit = commit, .plan = ret_plan };
	/* The entries are not the plan's: they come in one step with it, or around it. */
	struct nv_doccommit writes = { .writes = commit->writes,
		                       .writes_count = commit->writes_count };
	*ret_plan = (struct nv_mongoplan){ .by_key = nv_strmap_new() };
	if (!ret_plan->by_key) {
		return no_memory(err);
	}
	int rc = read_ahead(&planner, err);
	rc = rc < 0 ? rc : nv_doccommit_run(&plan_io, &planner, &writes, result, err);
	return rc < 0 ? rc : make_ops(ret_plan, commit, err);
}

int nv_mongoplan_finish(struct nv_mongoplan *plan, const struct nv_doccommit *commit,
                        struct nv_docresult *result, struct nv_err *err)
{
	for (size_t i = 0; i < commit->writes_count; i++) {
		const struct nv_docwrite *write = &commit->writes[i];
		if (write->kind != NV_DOCWRITE_INSERT && write->kind != NV_DOCWRITE_UPDATE) {
			continue;
		}
		const struct nv_mongoplan_doc *doc = target(plan, write);
		const struct nv_mongoplan_op *op =
			doc && doc->op != SIZE_MAX ? &plan->ops[doc->op] : NULL;
		bson_t *stored = NULL;
		if (op && op->after) {
			stored = bson_copy(op->after);
		} else if (op && op->op.doc.size > 0) {
			stored = bson_new_from_data(op->op.doc.data, op->op.doc.size);
		} else {
			continue;
		}
		if (!stored) {
			return no_memory(err);
		}
		if (result->after[i]) {
			bson_destroy(result->after[i]);
		}
		result->after[i] = stored;
	}
	return 0;
}

void nv_mongoplan_release(struct nv_mongoplan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		nv_mongoop_release(&plan->ops[i].op);
		if (plan->ops[i].after) {
			bson_destroy(plan->ops[i].after);
		}
	}
	free(plan->ops);
	for (size_t i = 0; i < plan->docs_count; i++) {
		doc_free(plan->docs[i]);
	}
	free(plan->docs);
	nv_strmap_free(plan->by_key, NULL);
	*plan = (struct nv_mongoplan){ 0 };
}

void nv_mongoplan_reset_result(struct nv_docresult *result)
{
	for (size_t i = 0; i < result->count; i++) {
		if (result->after[i]) {
			bson_destroy(result->after[i]);
			result->after[i] = NULL;
		}
	}
	if (result->stored) {
		bson_destroy(result->stored);
		result->stored = NULL;
	}
	result->failed = SIZE_MAX;
	result->updated = 0;
}
