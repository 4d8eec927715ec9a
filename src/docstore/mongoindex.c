/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Indexes of a MongoDB store (mongoindex.h).
 *
 * The schema declares one for every spelling of a field. Wanted are those of the spellings that
 * documents use, which the oldest and the newest of a collection tell: an index of a name that
 * nobody uses would only cost. A spelling that is not wanted needs none: queries ask for it
 * together with "the first spelling is null", and that one has its index.
 */
#include "config.h"

#include "docstore/mongoindex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/build.h"
#include "docstore/match.h"

enum { SAMPLE = 100 };

/* Where entries that a dead mount left are looked for, on a server without transactions. */
static const struct nv_docstore_index pending_index = { NV_DOCSTORE_CHANGELOG, "pending.deadline" };

/* A look at one collection; both arrays as long as store->indexes. */
struct survey {
	struct nv_mongo *store;
	const char *collection;
	bool *wanted;
	bool *there;
	bool any; /* it has documents */
};

int nv_mongoindex_declare(struct nv_mongo *store, const struct nv_docstore_config *config,
                          struct nv_err *err)
{
	store->indexes = calloc(config->indexes_count + 1, sizeof(*store->indexes));
	if (!store->indexes) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < config->indexes_count; i++) {
		struct nv_docstore_index *index = &store->indexes[store->indexes_count++];
		index->collection = strdup(config->indexes[i].collection);
		index->path = strdup(config->indexes[i].path);
		if (!index->collection || !index->path) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	return 0;
}

void nv_mongoindex_release(struct nv_mongo *store)
{
	for (size_t i = 0; i < store->indexes_count; i++) {
		free((char *)store->indexes[i].collection);
		free((char *)store->indexes[i].path);
	}
	free(store->indexes);
	store->indexes = NULL;
	store->indexes_count = 0;
}

static bool is_of(const struct nv_docstore_index *index, const char *collection)
{
	return strcmp(index->collection, collection) == 0;
}

/* ---- What there is ---- */

static int holds(const struct nv_bval *doc, const char *path)
{
	struct nv_docterm term = { .paths = &path, .paths_count = 1, .op = NV_DOCTERM_NOTNULL };
	struct nv_match match;
	int rc = nv_match_init(&match, &term, 1);
	rc = rc < 0 ? rc : nv_match_doc(&match, doc);
	nv_match_release(&match);
	return rc;
}

static int look_at_doc(void *ctx, const bson_t *found, struct nv_err *err)
{
	struct survey *survey = ctx;
	struct nv_bval doc = nv_bval_doc(found);
	survey->any = true;
	for (size_t i = 0; i < survey->store->indexes_count; i++) {
		const struct nv_docstore_index *index = &survey->store->indexes[i];
		if (survey->wanted[i] || !is_of(index, survey->collection)) {
			continue;
		}
		int rc = holds(&doc, index->path);
		if (rc < 0) {
			return nv_fail(err, -rc, "out of memory");
		}
		survey->wanted[i] = rc == 1;
	}
	return 0;
}

/* {path: 1, …} of the collection's declared paths. */
static int put_fields(const struct survey *survey, struct nv_buf *out, bson_t *ret_view,
                      struct nv_err *err)
{
	size_t doc = nv_bval_begin(out);
	for (size_t i = 0; i < survey->store->indexes_count; i++) {
		if (is_of(&survey->store->indexes[i], survey->collection)) {
			nv_build_int32(out, survey->store->indexes[i].path, 1);
		}
	}
	nv_bval_end(out, doc);
	return nv_build_view(out, ret_view, err);
}

/* Some of the oldest documents and some of the newest. */
static int look_at_docs(struct nv_mongo_call *call, struct survey *survey, struct nv_err *err)
{
	static const enum nv_docsort ends[] = { NV_DOCSORT_ID, NV_DOCSORT_ID_DOWN };
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	bson_t fields;
	bson_t all = BSON_INITIALIZER;
	int rc = put_fields(survey, &bytes, &fields, err);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && rc == 0; i++) {
		struct nv_mongo_find find = { .collection = survey->collection,
			                      .filter = &all,
			                      .projection = &fields,
			                      .sort = ends[i],
			                      .limit = SAMPLE };
		rc = nv_mongo_find(call, &find, look_at_doc, survey, err);
	}
	bson_destroy(&all);
	return rc;
}

/* The path that an index can look up by value for any query, or NULL. Borrowed from it. */
static const char *path_of(const bson_t *index)
{
	bson_iter_t iter;
	bson_iter_t key;
	if (bson_iter_init_find(&iter, index, "partialFilterExpression") ||
	    (bson_iter_init_find(&iter, index, "hidden") && bson_iter_as_bool(&iter)) ||
	    !bson_iter_init_find(&iter, index, "key") || !BSON_ITER_HOLDS_DOCUMENT(&iter) ||
	    !bson_iter_recurse(&iter, &key) || !bson_iter_next(&key)) {
		return NULL;
	}
	bool usable =
		BSON_ITER_HOLDS_NUMBER(&key) ||
		(BSON_ITER_HOLDS_UTF8(&key) && strcmp(bson_iter_utf8(&key, NULL), "hashed") == 0);
	return usable ? bson_iter_key(&key) : NULL;
}

static int look_at_indexes(struct nv_mongo_call *call, struct survey *survey, struct nv_err *err)
{
	const bson_t *doc = NULL;
	bson_error_t error;
	int rc = nv_mongo_check_time(call, err);
	if (rc < 0) {
		return rc;
	}
	mongoc_collection_t *collection = nv_mongo_collection(call, survey->collection);
	mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(collection, NULL);
	while (mongoc_cursor_next(cursor, &doc)) {
		const char *path = path_of(doc);
		for (size_t i = 0; path && i < survey->store->indexes_count; i++) {
			const struct nv_docstore_index *index = &survey->store->indexes[i];
			survey->there[i] = survey->there[i] || (is_of(index, survey->collection) &&
			                                        strcmp(index->path, path) == 0);
		}
	}
	if (mongoc_cursor_error(cursor, &error)) {
		rc = nv_mongo_failed(call, &error, NULL, err);
	} else {
		call->outcome = NV_OUTCOME_ANSWERED;
	}
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(collection);
	return rc;
}

/* Fills the survey's arrays. */
static int look(struct nv_mongo_call *call, struct survey *survey, struct nv_err *err)
{
	struct nv_mongo *store = survey->store;
	for (size_t i = 0; i < store->indexes_count; i++) {
		bool first = true;
		for (size_t k = 0; k < i && first; k++) {
			first = !is_of(&store->indexes[k], store->indexes[i].collection);
		}
		if (!first) {
			continue;
		}
		survey->collection = store->indexes[i].collection;
		survey->any = false;
		int rc = look_at_docs(call, survey, err);
		rc = rc == 0 && survey->any ? look_at_indexes(call, survey, err) : rc;
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

/* ---- Making ---- */

/* A connection that waits as long as it takes. */
static mongoc_client_t *patient_client(struct nv_mongo_call *call)
{
	mongoc_uri_t *uri = mongoc_uri_copy(mongoc_client_get_uri(call->client));
	mongoc_client_t *client = NULL;
	if (mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, INT32_MAX)) {
		client = mongoc_client_new_from_uri(uri);
	}
	if (client) {
		(void)mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
	}
	mongoc_uri_destroy(uri);
	return client;
}

static int make_index(struct nv_mongo_call *call, mongoc_client_t *client,
                      const struct nv_docstore_index *index, struct nv_err *err)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	bson_t command;
	bson_error_t error;
	nv_buf_printf(&name, "%s_1", index->path);
	if (nv_buf_error(&name) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	size_t doc = nv_bval_begin(&bytes);
	nv_build_utf8(&bytes, "createIndexes", index->collection);
	size_t list = nv_build_open(&bytes, BSON_TYPE_ARRAY, "indexes");
	size_t one = nv_build_open_at(&bytes, BSON_TYPE_DOCUMENT, 0);
	size_t key = nv_build_open(&bytes, BSON_TYPE_DOCUMENT, "key");
	nv_build_int32(&bytes, index->path, 1);
	nv_bval_end(&bytes, key);
	nv_build_utf8(&bytes, "name", name.data);
	if (index == &pending_index) {
		nv_build_bool(&bytes, "sparse", true); /* nearly all entries have none */
	}
	nv_bval_end(&bytes, one);
	nv_bval_end(&bytes, list);
	nv_bval_end(&bytes, doc);
	int rc = nv_build_view(&bytes, &command, err);
	if (rc == 0 && !mongoc_client_command_simple(client, call->store->database, &command,
	                                             call->store->primary, NULL, &error)) {
		rc = nv_mongo_failed(call, &error, NULL, err);
	}
	return rc < 0 ? nv_wrap(err, "index on %s.%s", index->collection, index->path) : 0;
}

/* Whether pending entries are looked for, and how. 1: an index is missing. */
static int misses_pending(struct nv_mongo_call *call, struct nv_err *err)
{
	bool wanted = false;
	bool there = false;
	struct nv_mongo *store = call->store;
	struct nv_docstore_index index = pending_index;
	struct nv_mongo only = { .indexes = &index, .indexes_count = 1 };
	struct survey survey = {
		.store = &only, .collection = index.collection, .wanted = &wanted, .there = &there
	};
	if (atomic_load(&store->transactions) != NV_MONGO_NO) {
		return 0;
	}
	int rc = look_at_docs(call, &survey, err);
	rc = rc == 0 && survey.any ? look_at_indexes(call, &survey, err) : rc;
	return rc < 0 ? rc : survey.any && !there;
}

/* Tells of each missing index, made first if there is a client for that. */
static int tell(struct nv_mongo_call *call, const struct survey *survey, mongoc_client_t *client,
                nv_docstore_index_fn *fn, void *ctx, struct nv_err *err)
{
	struct nv_mongo *store = survey->store;
	int pending = misses_pending(call, err);
	int rc = pending < 0 ? pending : 0;
	for (size_t i = 0; i <= store->indexes_count && rc == 0; i++) {
		bool last = i == store->indexes_count;
		const struct nv_docstore_index *index = last ? &pending_index : &store->indexes[i];
		if (last ? pending == 0 : !survey->wanted[i] || survey->there[i]) {
			continue;
		}
		rc = client ? make_index(call, client, index, err) : 0;
		rc = rc < 0 ? rc : fn(ctx, index, err);
	}
	return rc;
}

int nv_mongo_indexes(struct nv_docstore *base, bool make, nv_docstore_index_fn *fn, void *ctx,
                     struct nv_err *err)
{
	struct nv_mongo *store = nv_mongo(base);
	struct nv_mongo_call call;
	mongoc_client_t *client = NULL;
	bool *flags = calloc(store->indexes_count + 1, 2 * sizeof(*flags));
	struct survey survey = { .store = store,
		                 .wanted = flags,
		                 .there = flags ? flags + store->indexes_count + 1 : NULL };
	int rc = flags ? nv_mongo_begin(store, &call, err) : nv_fail(err, ENOMEM, "out of memory");
	if (rc == 0) {
		rc = look(&call, &survey, err);
		client = rc == 0 && make ? patient_client(&call) : NULL;
		if (rc == 0 && make && !client) {
			rc = nv_fail(err, EIO, "%s: no further connection", store->location);
		}
		rc = rc < 0 ? rc : tell(&call, &survey, client, fn, ctx, err);
		nv_mongo_end(&call);
	}
	if (client) {
		mongoc_client_destroy(client);
	}
	free(flags);
	return rc;
}
