/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Queries of several collections as one aggregation: the first is the pipeline, each other a
 * $unionWith (MongoDB 4.4). Every document comes as {q: number of the query, d: document}. Queries
 * with an order are not among them: no server promises the order of a union.
 */
#include "config.h"

#include "docstore/mongounion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/build.h"
#include "docstore/mongofilter.h"

enum {
	QUERIES_MAX = 40, /* of one command: servers limit the stages of a pipeline */
	BATCH = 2000,
};

size_t nv_mongounion_length(const struct nv_mongo *store, const struct nv_docquery *queries,
                            size_t first, size_t count)
{
	size_t length = 0;
	while (first + length < count && length < QUERIES_MAX &&
	       queries[first + length].sort == NV_DOCSORT_NONE) {
		length++;
	}
	return length > 1 && atomic_load(&store->unions) != NV_MONGO_NO ? length : 1;
}

/* {$name: number} */
static void put_number_stage(struct nv_buf *out, size_t position, const char *name, int64_t number)
{
	size_t stage = nv_build_open_at(out, BSON_TYPE_DOCUMENT, position);
	nv_build_int64(out, name, number);
	nv_bval_end(out, stage);
}

static void put_match(struct nv_buf *out, size_t position, const struct nv_buf *filter)
{
	struct nv_bval value = nv_build_doc(filter);
	size_t stage = nv_build_open_at(out, BSON_TYPE_DOCUMENT, position);
	nv_build_value(out, "$match", &value);
	nv_bval_end(out, stage);
}

static void put_fields(struct nv_buf *out, size_t position, const struct nv_docquery *query)
{
	size_t stage = nv_build_open_at(out, BSON_TYPE_DOCUMENT, position);
	size_t fields = nv_build_open(out, BSON_TYPE_DOCUMENT, "$project");
	for (size_t i = 0; i < query->fields_count; i++) {
		nv_build_int32(out, query->fields[i], 1);
	}
	nv_bval_end(out, fields);
	nv_bval_end(out, stage);
}

/* {$project: {_id: 0, q: {$literal: number}, d: "$$ROOT"}} */
static void put_label(struct nv_buf *out, size_t position, size_t number)
{
	size_t stage = nv_build_open_at(out, BSON_TYPE_DOCUMENT, position);
	size_t fields = nv_build_open(out, BSON_TYPE_DOCUMENT, "$project");
	nv_build_int32(out, "_id", 0);
	size_t literal = nv_build_open(out, BSON_TYPE_DOCUMENT, "q");
	nv_build_int32(out, "$literal", (int32_t)number);
	nv_bval_end(out, literal);
	nv_build_utf8(out, "d", "$$ROOT");
	nv_bval_end(out, fields);
	nv_bval_end(out, stage);
}

/* The stages of one query; the number of them. */
static int put_query(struct nv_buf *out, const struct nv_docquery *query, size_t number,
                     size_t *ret_stages, struct nv_err *err)
{
	cleanup_buf struct nv_buf filter = NV_BUF_INIT;
	size_t stages = 0;
	int rc = nv_mongofilter_terms(&filter, query->terms, query->terms_count, err);
	if (rc < 0) {
		return rc;
	}
	put_match(out, stages++, &filter);
	if (query->limit > 0) {
		put_number_stage(out, stages++, "$limit", (int64_t)query->limit);
	}
	if (query->fields_count > 0) {
		put_fields(out, stages++, query);
	}
	put_label(out, stages++, number);
	*ret_stages = stages;
	return 0;
}

/* {pipeline: […]}, as the driver takes it. */
static int put_pipeline(struct nv_buf *out, const struct nv_docquery *queries, size_t count,
                        struct nv_err *err)
{
	size_t stages = 0;
	size_t doc = nv_bval_begin(out);
	size_t list = nv_build_open(out, BSON_TYPE_ARRAY, "pipeline");
	int rc = put_query(out, &queries[0], 0, &stages, err);
	for (size_t i = 1; i < count && rc == 0; i++) {
		size_t ignored = 0;
		size_t stage = nv_build_open_at(out, BSON_TYPE_DOCUMENT, stages++);
		size_t with = nv_build_open(out, BSON_TYPE_DOCUMENT, "$unionWith");
		nv_build_utf8(out, "coll", queries[i].collection);
		size_t inner = nv_build_open(out, BSON_TYPE_ARRAY, "pipeline");
		rc = put_query(out, &queries[i], i, &ignored, err);
		nv_bval_end(out, inner);
		nv_bval_end(out, with);
		nv_bval_end(out, stage);
	}
	nv_bval_end(out, list);
	nv_bval_end(out, doc);
	return rc;
}

/* An answer under way. */
struct answer {
	size_t first;
	size_t count;
	nv_docstore_doc_fn *fn;
	void *ctx;
	bool delivered;
	bool enough[QUERIES_MAX];
};

static int deliver(struct answer *answer, const bson_t *labelled, struct nv_err *err)
{
	bson_iter_t q;
	bson_iter_t d;
	const uint8_t *data = NULL;
	uint32_t size = 0;
	bson_t doc;
	if (!bson_iter_init_find(&q, labelled, "q") || !bson_iter_init_find(&d, labelled, "d") ||
	    !BSON_ITER_HOLDS_DOCUMENT(&d)) {
		return nv_fail(err, EIO, "the server's answer is damaged");
	}
	size_t number = (size_t)bson_iter_as_int64(&q);
	bson_iter_document(&d, &size, &data);
	if (number >= answer->count || !bson_init_static(&doc, data, size)) {
		return nv_fail(err, EIO, "the server's answer is damaged");
	}
	if (answer->enough[number]) {
		return 0;
	}
	answer->delivered = true;
	int rc = answer->fn(answer->ctx, answer->first + number, &doc, err);
	answer->enough[number] = rc > 0;
	return rc < 0 ? rc : 0;
}

/* The server refused: not such a pipeline at all, or not this one (a document that does not fit
 * with a label). */
static int refused(struct nv_mongo_call *call, const struct answer *answer, int rc)
{
	if (answer->delivered || call->fault.lost || call->fault.unreached || rc == -EACCES ||
	    rc == -ETIMEDOUT) {
		return rc;
	}
	if (rc != -EFBIG) {
		atomic_store(&call->store->unions, NV_MONGO_NO);
	}
	return 1;
}

static int drain(struct nv_mongo_call *call, mongoc_cursor_t *cursor, struct answer *answer,
                 struct nv_err *err)
{
	const bson_t *doc = NULL;
	const bson_t *reply = NULL;
	bson_error_t error;
	int rc = 0;
	while (rc == 0 && mongoc_cursor_next(cursor, &doc)) {
		call->outcome = NV_OUTCOME_ANSWERED;
		rc = deliver(answer, doc, err);
		rc = rc < 0 ? rc : nv_mongo_check_time(call, err);
	}
	if (rc == 0 && mongoc_cursor_error_document(cursor, &error, &reply)) {
		return refused(call, answer, nv_mongo_failed(call, &error, reply, err));
	}
	call->outcome = NV_OUTCOME_ANSWERED;
	return rc;
}

int nv_mongounion_query(struct nv_mongo_call *call, const struct nv_docquery *queries, size_t first,
                        size_t count, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	struct answer answer = { .first = first, .count = count, .fn = fn, .ctx = ctx };
	bson_t pipeline;
	bson_t opts;
	int rc = put_pipeline(&bytes, queries + first, count, err);
	rc = rc < 0 ? rc : nv_build_view(&bytes, &pipeline, err);
	rc = rc < 0 ? rc : nv_mongo_check_time(call, err);
	rc = rc < 0 ? rc : nv_mongo_opts(call, &opts, err);
	if (rc < 0) {
		return rc;
	}
	BSON_APPEND_INT32(&opts, "batchSize", BATCH);
	BSON_APPEND_INT64(&opts, "maxTimeMS", nv_mongo_left_ms(call));
	mongoc_collection_t *collection = nv_mongo_collection(call, queries[first].collection);
	mongoc_cursor_t *cursor =
		mongoc_collection_aggregate(collection, MONGOC_QUERY_NONE, &pipeline, &opts, NULL);
	rc = drain(call, cursor, &answer, err);
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(collection);
	bson_destroy(&opts);
	return rc;
}
