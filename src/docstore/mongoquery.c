/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Queries of the MongoDB store: terms become a filter, fields a projection, documents stream from a
 * cursor. And the names of collections.
 */
#include "config.h"

#include "docstore/mongo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/build.h"
#include "docstore/mongofilter.h"
#include "docstore/mongounion.h"

/* A query being answered. */
struct answer {
	size_t query;
	nv_docstore_doc_fn *fn;
	void *ctx;
};

static int deliver(void *ctx, const bson_t *doc, struct nv_err *err)
{
	struct answer *answer = ctx;
	return answer->fn(answer->ctx, answer->query, doc, err);
}

static void project(struct nv_buf *out, const struct nv_docquery *query)
{
	size_t doc = nv_bval_begin(out);
	for (size_t i = 0; i < query->fields_count; i++) {
		nv_build_int32(out, query->fields[i], 1);
	}
	nv_bval_end(out, doc);
}

static int query_one(struct nv_mongo_call *call, const struct nv_docquery *query,
                     struct answer *answer, struct nv_err *err)
{
	cleanup_buf struct nv_buf filter_bytes = NV_BUF_INIT;
	cleanup_buf struct nv_buf fields_bytes = NV_BUF_INIT;
	bson_t filter;
	bson_t fields;
	project(&fields_bytes, query);
	int rc = nv_mongofilter_terms(&filter_bytes, query->terms, query->terms_count, err);
	rc = rc < 0 ? rc : nv_build_view(&filter_bytes, &filter, err);
	rc = rc < 0 ? rc : nv_build_view(&fields_bytes, &fields, err);
	if (rc < 0) {
		return rc;
	}
	struct nv_mongo_find find = {
		.collection = query->collection,
		.filter = &filter,
		.projection = query->fields_count > 0 ? &fields : NULL,
		.sort = query->sort,
		.limit = query->limit,
	};
	return nv_mongo_find(call, &find, deliver, answer, err);
}

int nv_mongo_query(struct nv_docstore *base, const struct nv_docquery *queries, size_t count,
                   nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	struct nv_mongo_call call;
	int rc = nv_mongo_begin(nv_mongo(base), &call, err);
	if (rc < 0) {
		return rc;
	}
	for (size_t i = 0; i < count && rc >= 0;) {
		struct answer answer = { i, fn, ctx };
		size_t length = nv_mongounion_length(call.store, queries, i, count);
		rc = length > 1 ? nv_mongounion_query(&call, queries, i, length, fn, ctx, err) : 1;
		if (rc == 1) { /* one by one */
			length = 1;
			rc = query_one(&call, &queries[i], &answer, err);
		}
		i += length;
	}
	nv_mongo_end(&call);
	return rc < 0 ? rc : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int nv_mongo_collections(struct nv_docstore *base, nv_docstore_name_fn *fn, void *ctx,
                         struct nv_err *err)
{
	struct nv_mongo_call call;
	bson_error_t error;
	int rc = nv_mongo_begin(nv_mongo(base), &call, err);
	if (rc < 0) {
		return rc;
	}
	mongoc_database_t *database = mongoc_client_get_database(call.client, call.store->database);
	char **names = mongoc_database_get_collection_names_with_opts(database, NULL, &error);
	if (names) {
		call.outcome = NV_OUTCOME_ANSWERED;
	} else {
		rc = nv_mongo_failed(&call, &error, NULL, err);
	}
	mongoc_database_destroy(database);
	nv_mongo_end(&call);
	size_t count = 0;
	while (names && names[count]) {
		count++;
	}
	if (count > 0) {
		qsort(names, count, sizeof(*names), compare_names);
	}
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (strncmp(names[i], "system.", strlen("system.")) != 0) {
			rc = fn(ctx, names[i], err);
		}
	}
	bson_strfreev(names);
	return rc;
}
