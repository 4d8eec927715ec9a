/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A document store that tells what is asked of another: collections, paths and operators, counts
 * and times, never a value.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "docstore/backend.h"

struct trace_store {
	struct nv_docstore base;
	struct nv_docstore *inner; /* owned */
	nv_docstore_trace_fn *fn;
	void *ctx;
};

struct trace_log {
	struct nv_doclog base;
	struct nv_doclog *inner; /* owned */
};

/* Counts what passes through to the caller's callback. */
struct trace_count {
	nv_docstore_doc_fn *fn;
	void *ctx;
	size_t count;
};

static const struct nv_docstore_ops trace_ops;

static struct trace_store *trace_store(struct nv_docstore *store)
{
	assert(store->ops == &trace_ops);
	return (struct trace_store *)store;
}

/* Tells a call that began at start_ms; gives its result on. */
static int tell(struct trace_store *store, struct nv_buf *text, int64_t start_ms, int result)
{
	int64_t took_ms = nv_clock_ms(store->base.clock) - start_ms;
	store->fn(store->ctx, nv_buf_error(text) ? "(out of memory)" : text->data, took_ms, result);
	nv_buf_release(text);
	return result;
}

static const char *op_name(enum nv_docterm_op op)
{
	static const char *const names[] = {
		[NV_DOCTERM_EQ] = "eq",           [NV_DOCTERM_IN] = "in",
		[NV_DOCTERM_NIN] = "nin",         [NV_DOCTERM_GE] = "ge",
		[NV_DOCTERM_LT] = "lt",           [NV_DOCTERM_NULL] = "null",
		[NV_DOCTERM_NOTNULL] = "notnull",
	};
	return names[op];
}

static void put_terms(struct nv_buf *text, const struct nv_docterm *terms, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		nv_buf_puts(text, i == 0 ? " " : " and ");
		for (size_t k = 0; k < terms[i].paths_count; k++) {
			nv_buf_printf(text, "%s%s", k == 0 ? "" : "|", terms[i].paths[k]);
		}
		nv_buf_printf(text, " %s", op_name(terms[i].op));
		if (terms[i].values_count > 1) {
			nv_buf_printf(text, " %zu values", terms[i].values_count);
		}
	}
}

static void put_write(struct nv_buf *text, const struct nv_docwrite *write)
{
	static const char *const names[] = {
		[NV_DOCWRITE_INSERT] = "insert", [NV_DOCWRITE_UPDATE] = "update",
		[NV_DOCWRITE_DELETE] = "delete", [NV_DOCWRITE_UPDATE_ALL] = "update all",
		[NV_DOCWRITE_ABSENT] = "absent",
	};
	nv_buf_printf(text, "%s %s", names[write->kind], write->collection);
	put_terms(text, write->terms, write->terms_count);
	for (size_t i = 0; i < write->sets_count; i++) {
		nv_buf_printf(text, " set %s", write->sets[i].path);
	}
	for (size_t i = 0; i < write->unsets_count; i++) {
		nv_buf_printf(text, " unset %s", write->unsets[i]);
	}
	for (size_t i = 0; i < write->incs_count; i++) {
		nv_buf_printf(text, " inc %s", write->incs[i].path);
	}
	for (size_t i = 0; i < write->pushes_count; i++) {
		nv_buf_printf(text, " push %s", write->pushes[i].path);
	}
	for (size_t i = 0; i < write->pulls_count; i++) {
		nv_buf_printf(text, " pull %s", write->pulls[i].path);
	}
}

static void trace_close(struct nv_docstore *base)
{
	struct trace_store *store = trace_store(base);
	nv_docstore_close(store->inner);
	free(store);
}

static void trace_describe(struct nv_docstore *base, struct nv_docstore_info *ret_info)
{
	nv_docstore_describe(trace_store(base)->inner, ret_info);
}

static int trace_ping(struct nv_docstore *base, struct nv_err *err)
{
	struct trace_store *store = trace_store(base);
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(base->clock);
	nv_buf_puts(&text, "ping");
	return tell(store, &text, start_ms, nv_docstore_ping(store->inner, err));
}

static int trace_collections(struct nv_docstore *base, nv_docstore_name_fn *fn, void *ctx,
                             struct nv_err *err)
{
	struct trace_store *store = trace_store(base);
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(base->clock);
	nv_buf_puts(&text, "collections");
	return tell(store, &text, start_ms, nv_docstore_collections(store->inner, fn, ctx, err));
}

static int count_doc(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct trace_count *count = ctx;
	count->count++;
	return count->fn(count->ctx, query, doc, err);
}

static int trace_query(struct nv_docstore *base, const struct nv_docquery *queries,
                       size_t queries_count, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	struct trace_store *store = trace_store(base);
	struct trace_count count = { .fn = fn, .ctx = ctx };
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(base->clock);
	for (size_t i = 0; i < queries_count; i++) {
		nv_buf_printf(&text, "%s%s", i == 0 ? "query " : "; ", queries[i].collection);
		put_terms(&text, queries[i].terms, queries[i].terms_count);
	}
	int rc = nv_docstore_query(store->inner, queries, queries_count, count_doc, &count, err);
	nv_buf_printf(&text, " -> %zu documents", count.count);
	return tell(store, &text, start_ms, rc);
}

static int trace_commit(struct nv_docstore *base, const struct nv_doccommit *commit,
                        struct nv_docresult *result, struct nv_err *err)
{
	struct trace_store *store = trace_store(base);
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(base->clock);
	/* The dispatcher made room for the answer; the inner one makes its own. */
	nv_docresult_release(result);
	nv_buf_puts(&text, "commit ");
	for (size_t i = 0; i < commit->writes_count; i++) {
		put_write(&text, &commit->writes[i]);
		nv_buf_puts(&text, "; ");
	}
	nv_buf_printf(&text, "%zu entries", commit->entries_count);
	return tell(store, &text, start_ms, nv_docstore_commit(store->inner, commit, result, err));
}

static int trace_log_open(struct nv_docstore *base, size_t newest, struct nv_doclog **ret_log,
                          struct nv_err *err)
{
	struct trace_store *store = trace_store(base);
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(base->clock);
	struct trace_log *log = calloc(1, sizeof(*log));
	if (!log) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	log->base.store = base;
	int rc = nv_doclog_open(store->inner, newest, &log->inner, err);
	if (rc < 0) {
		free(log);
	} else {
		*ret_log = &log->base;
	}
	nv_buf_puts(&text, "changelog open");
	return tell(store, &text, start_ms, rc);
}

static void trace_log_close(struct nv_doclog *base)
{
	struct trace_log *log = (struct trace_log *)base;
	nv_doclog_close(log->inner);
	free(log);
}

static int trace_log_read(struct nv_doclog *base, nv_docstore_doc_fn *fn, void *ctx,
                          struct nv_err *err)
{
	struct trace_store *store = trace_store(base->store);
	struct trace_count count = { .fn = fn, .ctx = ctx };
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(store->base.clock);
	int rc = nv_doclog_read(((struct trace_log *)base)->inner, count_doc, &count, err);
	nv_buf_printf(&text, "changelog read -> %zu entries", count.count);
	return tell(store, &text, start_ms, rc);
}

static int trace_indexes(struct nv_docstore *base, bool make, nv_docstore_index_fn *fn, void *ctx,
                         struct nv_err *err)
{
	struct trace_store *store = trace_store(base);
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(base->clock);
	nv_buf_puts(&text, make ? "indexes made" : "indexes");
	return tell(store, &text, start_ms, nv_docstore_indexes(store->inner, make, fn, ctx, err));
}

static int trace_watch(struct nv_docstore *base, nv_docstore_watch_fn *fn, void *ctx,
                       struct nv_err *err)
{
	struct trace_store *store = trace_store(base);
	struct nv_buf text = NV_BUF_INIT;
	int64_t start_ms = nv_clock_ms(base->clock);
	nv_buf_puts(&text, "watch");
	return tell(store, &text, start_ms, nv_docstore_watch(store->inner, fn, ctx, err));
}

static const struct nv_docstore_ops trace_ops = {
	.name = "trace",
	.close = trace_close,
	.describe = trace_describe,
	.ping = trace_ping,
	.collections = trace_collections,
	.query = trace_query,
	.commit = trace_commit,
	.log_open = trace_log_open,
	.log_close = trace_log_close,
	.log_read = trace_log_read,
	.indexes = trace_indexes,
	.watch = trace_watch,
};

int nv_docstore_trace(struct nv_docstore *inner, nv_docstore_trace_fn *fn, void *ctx,
                      struct nv_docstore **ret_store)
{
	struct trace_store *store = calloc(1, sizeof(*store));
	if (!store) {
		return -ENOMEM;
	}
	/* Errors are counted once, by the inner store; so the outer one has no metrics. */
	store->base = *inner;
	store->base.ops = &trace_ops;
	store->base.metrics = NULL;
	store->inner = inner;
	store->fn = fn;
	store->ctx = ctx;
	*ret_store = &store->base;
	return 0;
}
