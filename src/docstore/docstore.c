/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The public face of document stores: argument checks, defaults of NULL slots, error counts; then
 * the backend.
 */
#include "config.h"

#include "docstore/docstore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/backend.h"
#include "docstore/check.h"
#include "docstore/key.h"
#include "docstore/path.h"
#include "docstore/value.h"

/* One URI scheme. */
struct scheme {
	const char *prefix;
	bool whole; /* open gets the URI with its prefix */
	int (*open)(const char *rest, const struct nv_docstore_config *config,
	            struct nv_docstore **ret_store, struct nv_err *err);
};

static const struct scheme schemes[] = {
	{ "sqlite:", false, nv_sqlstore_open },
	{ "mem:", false, nv_mem_open },
	{ "mongodb://", true, nv_mongo_open },
	{ "mongodb+srv://", true, nv_mongo_open },
};

#ifndef NV_WITH_MONGO
int nv_mongo_open(const char *uri, const struct nv_docstore_config *config,
                  struct nv_docstore **ret_store, struct nv_err *err)
{
	(void)uri;
	(void)config;
	(void)ret_store;
	return nv_fail(err, EINVAL,
	               "this netviewfs was built without MongoDB (configure --with-mongo)");
}
#endif

int nv_docstore_open(const char *uri, const struct nv_docstore_config *config,
                     struct nv_docstore **ret_store, struct nv_err *err)
{
	if (!uri || !config || !config->clock) {
		return nv_fail(err, EINVAL, "a document store needs a URI and a clock");
	}
	for (size_t i = 0; i < config->indexes_count; i++) {
		int rc = nv_check_collection(config->indexes[i].collection, err);
		if (rc < 0) {
			return rc;
		}
		if (!nv_path_is_valid(config->indexes[i].path)) {
			return nv_fail(err, EINVAL, "an index of no field path");
		}
	}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t size = strlen(schemes[i].prefix);
		if (strncmp(uri, schemes[i].prefix, size) == 0) {
			return schemes[i].open(uri + (schemes[i].whole ? 0 : size), config,
			                       ret_store, err);
		}
	}
	/* The URI is not repeated: one of another program could have a password in it. */
	return nv_fail(err, EINVAL, "a document store's URI begins with sqlite: or mongodb://");
}

void nv_docstore_init(struct nv_docstore *store, const struct nv_docstore_ops *ops,
                      const struct nv_docstore_config *config)
{
	store->ops = ops;
	store->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : NV_DOCSTORE_TIMEOUT_MS;
	store->readonly = config->readonly;
	store->clock = config->clock;
	store->metrics = config->metrics;
}

void nv_docstore_close(struct nv_docstore *store)
{
	if (store) {
		store->ops->close(store);
	}
}

void nv_docstore_describe(struct nv_docstore *store, struct nv_docstore_info *ret_info)
{
	*ret_info = (struct nv_docstore_info){ .kind = store->ops->name,
		                               .readonly = store->readonly,
		                               .push = store->ops->watch != NULL };
	store->ops->describe(store, ret_info);
}

/* Counts what went wrong with the store, not what a caller asked in vain. */
static int counted(struct nv_docstore *store, int rc)
{
	if (rc == -EIO || rc == -ETIMEDOUT || rc == -EACCES || rc == -ENOSPC) {
		nv_metric_add(store->metrics, NV_METRIC_DOCS_ERRORS, 1);
	}
	return rc;
}

int nv_docstore_ping(struct nv_docstore *store, struct nv_err *err)
{
	return counted(store, store->ops->ping(store, err));
}

int nv_docstore_collections(struct nv_docstore *store, nv_docstore_name_fn *fn, void *ctx,
                            struct nv_err *err)
{
	return counted(store, store->ops->collections(store, fn, ctx, err));
}

int nv_docstore_query(struct nv_docstore *store, const struct nv_docquery *queries,
                      size_t queries_count, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	for (size_t i = 0; i < queries_count; i++) {
		int rc = nv_check_query(&queries[i], err);
		if (rc < 0) {
			return rc;
		}
	}
	if (queries_count == 0) {
		return 0;
	}
	return counted(store, store->ops->query(store, queries, queries_count, fn, ctx, err));
}

static int take_one(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	(void)query;
	bson_t **taken = ctx;
	*taken = bson_copy(doc);
	return *taken ? 1 : nv_fail(err, ENOMEM, "out of memory");
}

int nv_docstore_get(struct nv_docstore *store, const char *collection, const bson_value_t *id,
                    bson_t **ret_doc, struct nv_err *err)
{
	static const char *const path = "_id";
	if (!id) {
		return nv_fail(err, EINVAL, "no _id to look for");
	}
	struct nv_docterm term = { .paths = &path,
		                   .paths_count = 1,
		                   .op = NV_DOCTERM_EQ,
		                   .values = id,
		                   .values_count = 1 };
	struct nv_docquery query = {
		.collection = collection, .terms = &term, .terms_count = 1, .limit = 1
	};
	bson_t *found = NULL;
	int rc = nv_docstore_query(store, &query, 1, take_one, &found, err);
	if (rc < 0) {
		if (found) {
			bson_destroy(found);
		}
		return rc;
	}
	if (!found) {
		return nv_fail(err, ENOENT, "%s has no document of that _id", collection);
	}
	*ret_doc = found;
	return 0;
}

static void release_after(struct nv_docresult *result)
{
	for (size_t i = 0; i < result->count; i++) {
		if (result->after[i]) {
			bson_destroy(result->after[i]);
		}
	}
	free(result->after);
	result->after = NULL;
	result->count = 0;
}

int nv_docstore_commit(struct nv_docstore *store, const struct nv_doccommit *commit,
                       struct nv_docresult *result, struct nv_err *err)
{
	result->failed = SIZE_MAX;
	int rc = nv_check_commit(commit, &result->failed, err);
	if (rc < 0) {
		return rc;
	}
	if (store->readonly) {
		return nv_fail(err, EROFS, "the document store is mounted read-only");
	}
	if (commit->writes_count > 0) {
		result->after = calloc(commit->writes_count, sizeof(*result->after));
		if (!result->after) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		result->count = commit->writes_count;
	}
	if (commit->writes_count + commit->entries_count == 0) {
		return 0;
	}
	int committed = store->ops->commit(store, commit, result, err);
	if (committed < 0) {
		release_after(result); /* documents that are not stored */
		result->updated = 0;
	}
	return counted(store, committed);
}

void nv_docresult_release(struct nv_docresult *result)
{
	release_after(result);
	if (result->stored) {
		bson_destroy(result->stored);
	}
	*result = (struct nv_docresult){ 0 };
}

int nv_doclog_open(struct nv_docstore *store, size_t newest, struct nv_doclog **ret_log,
                   struct nv_err *err)
{
	return counted(store, store->ops->log_open(store, newest, ret_log, err));
}

void nv_doclog_close(struct nv_doclog *log)
{
	if (log) {
		log->store->ops->log_close(log);
	}
}

int nv_doclog_read(struct nv_doclog *log, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	return counted(log->store, log->store->ops->log_read(log, fn, ctx, err));
}

int nv_docstore_indexes(struct nv_docstore *store, bool make, nv_docstore_index_fn *fn, void *ctx,
                        struct nv_err *err)
{
	if (make && store->readonly) {
		return nv_fail(err, EROFS, "the store is open for reading only");
	}
	return store->ops->indexes ? counted(store, store->ops->indexes(store, make, fn, ctx, err))
	                           : 0;
}

static int put_index(void *ctx, const struct nv_docstore_index *index, struct nv_err *err)
{
	(void)err;
	nv_buf_printf(ctx, "docs index missing: %s.%s (netviewfs --create-indexes makes it)\n",
	              index->collection, index->path);
	return 0;
}

void nv_docstore_describe_indexes(struct nv_docstore *store, struct nv_buf *out)
{
	struct nv_err err = NV_ERR_INIT;
	if (nv_docstore_indexes(store, false, put_index, out, &err) < 0) {
		nv_buf_printf(out, "docs indexes: not known: %s\n", err.msg);
	}
}

int nv_docstore_watch(struct nv_docstore *store, nv_docstore_watch_fn *fn, void *ctx,
                      struct nv_err *err)
{
	if (!store->ops->watch) {
		return nv_fail(err, EOPNOTSUPP, "%s has no push", store->ops->name);
	}
	return store->ops->watch(store, fn, ctx, err);
}

bool nv_docvalue_equal(const bson_value_t *a, const bson_value_t *b)
{
	cleanup_buf struct nv_buf left_store = NV_BUF_INIT;
	cleanup_buf struct nv_buf right_store = NV_BUF_INIT;
	struct nv_bval left;
	struct nv_bval right;
	return nv_bval_from(a, &left_store, &left) == 0 &&
	       nv_bval_from(b, &right_store, &right) == 0 && nv_bval_equal(&left, &right);
}

int nv_docvalue_key(const bson_value_t *value, struct nv_buf *out)
{
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	struct nv_bval bytes;
	int rc = nv_bval_from(value, &store, &bytes);
	return rc ? rc : nv_key_append(out, &bytes);
}

bool nv_doc_find(const bson_t *doc, const char *path, bson_iter_t *ret_iter)
{
	bson_iter_t iter;
	return bson_iter_init(&iter, doc) && bson_iter_find_descendant(&iter, path, ret_iter);
}
