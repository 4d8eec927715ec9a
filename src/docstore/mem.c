/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents in memory: the test double of document stores, with faults at every step (mem.h). Does
 * what sqlite.c does, without a file: readers see one moment's state, a commit is seen whole or not
 * at all.
 *
 * One mutex. A commit is `busy` from its first to its last step and lets the mutex go while a fault
 * delays it; others wait for it, each until its own deadline. Documents are refcounted and never
 * change, so a reader takes references and delivers without the mutex.
 */
#include "config.h"

#include "docstore/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/backend.h"
#include "docstore/doccommit.h"
#include "docstore/match.h"
#include "docstore/memtable.h"
#include "docstore/reader.h"
#include "docstore/seqlog.h"

/* What to put back when a commit fails. */
struct mem_undo {
	struct nv_memcollection *collection;
	struct nv_memdoc *old;   /* owned reference; NULL: nothing was there */
	struct nv_memdoc *fresh; /* owned reference; NULL: removed */
};

struct mem_store {
	struct nv_docstore base;
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* busy ended, or the clock moved */
	bool busy;              /* under mutex, as all below: a commit is under way */
	struct nv_memtable table;
	int64_t next_seq;
	struct nv_mem_fault faults[NV_MEM_STEP_COUNT];
	unsigned passes[NV_MEM_STEP_COUNT];
};

/* A commit under way: what the callbacks of doccommit.h share. */
struct mem_commit {
	struct mem_store *store;
	int64_t deadline_ms;
	struct mem_undo *undo; /* owned */
	size_t undo_count;
	size_t undo_cap;
};

/* Documents that a reader holds. */
struct mem_view {
	struct nv_memdoc **docs; /* owned references */
	size_t count;
};

struct mem_log {
	struct nv_doclog base;
	struct nv_seqlog places;
};

static const struct nv_docstore_ops mem_ops;

static struct mem_store *mem_store(struct nv_docstore *store)
{
	assert(store->ops == &mem_ops);
	return (struct mem_store *)store;
}

/* ---- Faults and locking ---- */

static int64_t deadline_of(const struct mem_store *store)
{
	return nv_clock_ms(store->base.clock) + store->base.timeout_ms;
}

/* Passes a step: delays and fails as injected. With the mutex held; lets it go while it waits. */
static int pass(struct mem_store *store, enum nv_mem_step step, int64_t deadline_ms,
                struct nv_err *err)
{
	struct nv_mem_fault *fault = &store->faults[step];
	store->passes[step]++;
	if (fault->times == 0) {
		return 0;
	}
	if (fault->skip > 0) {
		fault->skip--;
		return 0;
	}
	fault->times--;
	int errnum = fault->errnum;
	int64_t until_ms = nv_clock_ms(store->base.clock) + fault->delay_ms;
	bool late = until_ms > deadline_ms;
	int64_t wake_ms = late ? deadline_ms : until_ms;
	while (nv_clock_ms(store->base.clock) < wake_ms) {
		nv_clock_wait(store->base.clock, &store->changed, &store->mutex, wake_ms);
	}
	if (late) {
		return nv_fail(err, ETIMEDOUT, "the store did not answer in time");
	}
	return errnum == 0 ? 0 : nv_fail(err, errnum, "injected fault");
}

/* Takes the mutex while no commit is under way. */
static int lock(struct mem_store *store, int64_t deadline_ms, struct nv_err *err)
{
	pthread_mutex_lock(&store->mutex);
	while (store->busy) {
		if (nv_clock_ms(store->base.clock) >= deadline_ms) {
			pthread_mutex_unlock(&store->mutex);
			return nv_fail(err, ETIMEDOUT, "the store was busy for too long");
		}
		nv_clock_wait(store->base.clock, &store->changed, &store->mutex, deadline_ms);
	}
	return 0;
}

static int mem_ping(struct nv_docstore *base, struct nv_err *err)
{
	struct mem_store *store = mem_store(base);
	int64_t deadline_ms = deadline_of(store);
	nv_metric_add(base->metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(base->metrics, NV_METRIC_DOCS_COMMANDS, 1);
	int rc = lock(store, deadline_ms, err);
	if (rc < 0) {
		return rc;
	}
	rc = pass(store, NV_MEM_PING, deadline_ms, err);
	pthread_mutex_unlock(&store->mutex);
	return rc;
}

static void names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(names[i]);
	}
	free(names);
}

/* Copies the names, so that fn is called without the mutex. */
static int copy_names(const struct mem_store *store, char ***ret_names, size_t *ret_count,
                      struct nv_err *err)
{
	char **names = calloc(store->table.count + 1, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; names && i < store->table.count; i++) {
		if (!store->table.collections[i]->exists) {
			continue;
		}
		names[count] = strdup(store->table.collections[i]->name);
		if (!names[count++]) {
			names_free(names, count);
			names = NULL;
		}
	}
	if (!names) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_names = names;
	*ret_count = count;
	return 0;
}

static int mem_collections(struct nv_docstore *base, nv_docstore_name_fn *fn, void *ctx,
                           struct nv_err *err)
{
	struct mem_store *store = mem_store(base);
	int64_t deadline_ms = deadline_of(store);
	char **names = NULL;
	size_t count = 0;
	nv_metric_add(base->metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(base->metrics, NV_METRIC_DOCS_COMMANDS, 1);
	int rc = lock(store, deadline_ms, err);
	if (rc < 0) {
		return rc;
	}
	rc = pass(store, NV_MEM_COLLECTIONS, deadline_ms, err);
	rc = rc < 0 ? rc : copy_names(store, &names, &count, err);
	pthread_mutex_unlock(&store->mutex);
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = fn(ctx, names[i], err);
	}
	names_free(names, count);
	return rc;
}

/* ---- Reading ---- */

static void view_release(struct mem_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		nv_memdoc_unref(view->docs[i]);
	}
	free(view->docs);
	*view = (struct mem_view){ NULL, 0 };
}

/* With the mutex held. */
static int view_take(const struct mem_store *store, const char *name, struct mem_view *ret_view)
{
	const struct nv_memcollection *collection = nv_memtable_find(&store->table, name);
	if (!collection || collection->count == 0) {
		return 0;
	}
	struct nv_memdoc **docs = calloc(collection->count, sizeof(*docs));
	if (!docs) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < collection->count; i++) {
		docs[i] = nv_memdoc_ref(collection->docs[i]);
	}
	*ret_view = (struct mem_view){ docs, collection->count };
	return 0;
}

static int pass_unlocked(struct mem_store *store, enum nv_mem_step step, int64_t deadline_ms,
                         struct nv_err *err)
{
	pthread_mutex_lock(&store->mutex);
	int rc = pass(store, step, deadline_ms, err);
	pthread_mutex_unlock(&store->mutex);
	return rc;
}

static int query_one(struct mem_store *store, struct nv_reader *reader, const struct mem_view *view,
                     int64_t deadline_ms, struct nv_err *err)
{
	int rc = 0;
	for (size_t i = 0; i < view->count && rc == 0; i++) {
		size_t at = reader->query->sort == NV_DOCSORT_ID_DOWN ? view->count - 1 - i : i;
		struct nv_bval value = nv_memdoc_value(view->docs[at]);
		if (nv_reader_wants(reader, &value, &rc, err)) {
			rc = pass_unlocked(store, NV_MEM_DOCUMENT, deadline_ms, err);
			rc = rc < 0 ? rc : nv_reader_deliver(reader, &value, err);
		}
	}
	return rc < 0 ? rc : 0;
}

static int mem_query(struct nv_docstore *base, const struct nv_docquery *queries, size_t count,
                     nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	struct mem_store *store = mem_store(base);
	int64_t deadline_ms = deadline_of(store);
	nv_metric_add(base->metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(base->metrics, NV_METRIC_DOCS_COMMANDS, count);
	struct mem_view *views = calloc(count, sizeof(*views));
	if (!views) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int rc = lock(store, deadline_ms, err);
	if (rc == 0) {
		rc = pass(store, NV_MEM_QUERY, deadline_ms, err);
		for (size_t i = 0; i < count && rc == 0; i++) {
			rc = view_take(store, queries[i].collection, &views[i]);
			rc = rc < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
		}
		pthread_mutex_unlock(&store->mutex);
	}
	for (size_t i = 0; i < count; i++) {
		if (rc == 0) {
			struct nv_reader reader;
			rc = nv_reader_init(&reader, &queries[i], i, fn, ctx, err);
			rc = rc < 0 ? rc : query_one(store, &reader, &views[i], deadline_ms, err);
			nv_reader_release(&reader);
		}
		view_release(&views[i]);
	}
	free(views);
	return rc;
}

/* ---- Committing ---- */

static int commit_load(void *ctx, const char *name, const struct nv_buf *key, struct nv_buf *out,
                       struct nv_err *err)
{
	struct mem_commit *commit = ctx;
	const struct nv_memdoc *found = nv_memcollection_find(
		nv_memtable_find(&commit->store->table, name), key->data, key->len);
	if (!found) {
		return 0;
	}
	struct nv_bval value = nv_memdoc_value(found);
	nv_buf_truncate(out, 0);
	nv_buf_append(out, value.data, value.size);
	return nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : 1;
}

/* Puts doc (a reference is taken over; NULL: nothing) where key is, and remembers how to go
 * back. */
static int commit_swap(struct mem_commit *commit, const char *name, const struct nv_buf *key,
                       struct nv_memdoc *doc)
{
	struct nv_memcollection *collection = nv_memtable_make(&commit->store->table, name);
	if (commit->undo_count == commit->undo_cap) {
		size_t cap = commit->undo_cap > 0 ? commit->undo_cap * 2 : 16;
		struct mem_undo *grown = realloc(commit->undo, cap * sizeof(*grown));
		if (!grown) {
			nv_memdoc_unref(doc);
			return -ENOMEM;
		}
		commit->undo = grown;
		commit->undo_cap = cap;
	}
	if (!collection || nv_memcollection_reserve(collection) < 0) {
		nv_memdoc_unref(doc);
		return -ENOMEM;
	}
	struct nv_memdoc *old =
		nv_memcollection_swap(collection, key->data, key->len, nv_memdoc_ref(doc));
	commit->undo[commit->undo_count++] = (struct mem_undo){ collection, old, doc };
	return 0;
}

static int commit_store(void *ctx, const char *name, const struct nv_buf *key,
                        const struct nv_bval *old, const struct nv_bval *value, struct nv_err *err)
{
	struct mem_commit *commit = ctx;
	int64_t seq = commit->store->next_seq;
	if (old) { /* keeps its place */
		seq = nv_memcollection_find(nv_memtable_find(&commit->store->table, name),
		                            key->data, key->len)
		              ->seq;
	} else {
		commit->store->next_seq++;
	}
	struct nv_memdoc *doc = nv_memdoc_new(key, value, seq);
	if (!doc) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return commit_swap(commit, name, key, doc) < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int commit_remove(void *ctx, const char *name, const struct nv_buf *key,
                         const struct nv_bval *old, struct nv_err *err)
{
	(void)old;
	return commit_swap(ctx, name, key, NULL) < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int commit_select(void *ctx, const char *name, const struct nv_docterm *terms,
                         size_t terms_count, nv_doccommit_found_fn *fn, void *found_ctx,
                         struct nv_err *err)
{
	struct mem_commit *commit = ctx;
	const struct nv_memcollection *collection = nv_memtable_find(&commit->store->table, name);
	struct nv_match match;
	int rc = nv_match_init(&match, terms, terms_count);
	if (rc < 0) {
		rc = nv_fail(err, -rc, "the terms' values are no BSON");
	}
	for (size_t i = 0; collection && i < collection->count && rc == 0; i++) {
		struct nv_bval value = nv_memdoc_value(collection->docs[i]);
		int holds = nv_match_doc(&match, &value);
		if (holds < 0) {
			rc = nv_fail(err, ENOMEM, "out of memory");
		} else if (holds > 0) {
			rc = fn(found_ctx, &value, err);
		}
	}
	nv_match_release(&match);
	return rc < 0 ? rc : 0;
}

static int commit_step(void *ctx, bool entry, struct nv_err *err)
{
	struct mem_commit *commit = ctx;
	return pass(commit->store, entry ? NV_MEM_ENTRY : NV_MEM_WRITE, commit->deadline_ms, err);
}

static const struct nv_doccommit_io commit_io = {
	.load = commit_load,
	.store = commit_store,
	.remove = commit_remove,
	.select = commit_select,
	.step = commit_step,
};

/* Goes back over what a failed commit did, or forgets how. */
static void commit_end(struct mem_commit *commit, bool failed)
{
	while (commit->undo_count > 0) {
		struct mem_undo *undo = &commit->undo[--commit->undo_count];
		const struct nv_memdoc *named = undo->fresh ? undo->fresh : undo->old;
		if (failed && named) {
			nv_memdoc_unref(nv_memcollection_swap(undo->collection, named->bytes,
			                                      named->key_size,
			                                      nv_memdoc_ref(undo->old)));
		} else if (!failed && undo->fresh) {
			undo->collection->exists = true;
		}
		nv_memdoc_unref(undo->old);
		nv_memdoc_unref(undo->fresh);
	}
	free(commit->undo);
}

static int mem_commit(struct nv_docstore *base, const struct nv_doccommit *commit,
                      struct nv_docresult *result, struct nv_err *err)
{
	struct mem_store *store = mem_store(base);
	struct mem_commit run = { .store = store, .deadline_ms = deadline_of(store) };
	nv_metric_add(base->metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(base->metrics, NV_METRIC_DOCS_COMMANDS,
	              commit->writes_count + commit->entries_count);
	int rc = lock(store, run.deadline_ms, err);
	if (rc < 0) {
		return rc;
	}
	store->busy = true;
	rc = pass(store, NV_MEM_COMMIT, run.deadline_ms, err);
	rc = rc < 0 ? rc : nv_doccommit_run(&commit_io, &run, commit, result, err);
	rc = rc < 0 ? rc : pass(store, NV_MEM_PUBLISH, run.deadline_ms, err);
	commit_end(&run, rc < 0);
	store->busy = false;
	pthread_cond_broadcast(&store->changed);
	if (rc == 0 && pass(store, NV_MEM_ANSWER, run.deadline_ms, err) < 0) {
		rc = nv_fail(err, EIO, "the connection was lost: whether it was saved is unknown");
	}
	pthread_mutex_unlock(&store->mutex);
	return rc;
}

/* ---- Changelog ---- */

static int compare_seq(const void *a, const void *b)
{
	const struct nv_memdoc *const *left = a;
	const struct nv_memdoc *const *right = b;
	return ((*left)->seq > (*right)->seq) - ((*left)->seq < (*right)->seq);
}

/* The changelog in commit order. */
static int log_view(struct mem_store *store, struct mem_view *ret_view, struct nv_err *err)
{
	int64_t deadline_ms = deadline_of(store);
	nv_metric_add(store->base.metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(store->base.metrics, NV_METRIC_DOCS_COMMANDS, 1);
	int rc = lock(store, deadline_ms, err);
	if (rc < 0) {
		return rc;
	}
	rc = pass(store, NV_MEM_LOG, deadline_ms, err);
	if (rc == 0 && view_take(store, NV_DOCSTORE_CHANGELOG, ret_view) < 0) {
		rc = nv_fail(err, ENOMEM, "out of memory");
	}
	pthread_mutex_unlock(&store->mutex);
	if (rc == 0 && ret_view->count > 0) {
		qsort(ret_view->docs, ret_view->count, sizeof(struct nv_memdoc *), compare_seq);
	}
	return rc;
}

static int mem_log_open(struct nv_docstore *base, size_t newest, struct nv_doclog **ret_log,
                        struct nv_err *err)
{
	struct mem_view view = { NULL, 0 };
	struct mem_log *log = calloc(1, sizeof(*log));
	if (!log) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	log->base.store = base;
	int rc = log_view(mem_store(base), &view, err);
	if (rc < 0) {
		free(log);
		return rc;
	}
	size_t at = view.count;
	size_t settled = 0;
	while (at > 0 && settled < newest) {
		at--;
		struct nv_bval entry = nv_memdoc_value(view.docs[at]);
		settled += !nv_seqlog_is_pending(&entry);
	}
	if (at > 0) {
		log->places.next = view.docs[at - 1]->seq + 1;
	}
	view_release(&view);
	*ret_log = &log->base;
	return 0;
}

static void mem_log_close(struct nv_doclog *base)
{
	struct mem_log *log = (struct mem_log *)base;
	nv_seqlog_release(&log->places);
	free(log);
}

static int mem_log_read(struct nv_doclog *base, nv_docstore_doc_fn *fn, void *ctx,
                        struct nv_err *err)
{
	struct mem_log *log = (struct mem_log *)base;
	struct mem_view view = { NULL, 0 };
	int rc = log_view(mem_store(base->store), &view, err);
	for (size_t i = 0; i < view.count && rc == 0; i++) {
		struct nv_bval entry = nv_memdoc_value(view.docs[i]);
		rc = nv_seqlog_entry(&log->places, view.docs[i]->seq, &entry, fn, ctx, err);
	}
	view_release(&view);
	return rc < 0 ? rc : 0;
}

/* ---- Lifetime ---- */

static void mem_close(struct nv_docstore *base)
{
	struct mem_store *store = mem_store(base);
	nv_memtable_release(&store->table);
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

static void mem_describe(struct nv_docstore *store, struct nv_docstore_info *ret_info)
{
	(void)store;
	ret_info->version = "memory";
	ret_info->location = "this process";
	ret_info->durability = "none: gone when the process ends";
	ret_info->transactions = true;
}

static const struct nv_docstore_ops mem_ops = {
	.name = "mem",
	.close = mem_close,
	.describe = mem_describe,
	.ping = mem_ping,
	.collections = mem_collections,
	.query = mem_query,
	.commit = mem_commit,
	.log_open = mem_log_open,
	.log_close = mem_log_close,
	.log_read = mem_log_read,
};

int nv_mem_open(const char *rest, const struct nv_docstore_config *config,
                struct nv_docstore **ret_store, struct nv_err *err)
{
	if (rest[0] != '\0') {
		return nv_fail(err, EINVAL, "mem: takes no path");
	}
	struct mem_store *store = calloc(1, sizeof(*store));
	if (!store) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	nv_docstore_init(&store->base, &mem_ops, config);
	store->next_seq = 1;
	pthread_mutex_init(&store->mutex, NULL);
	pthread_cond_init(&store->changed, NULL);
	*ret_store = &store->base;
	return 0;
}

void nv_mem_inject(struct nv_docstore *base, enum nv_mem_step step, struct nv_mem_fault fault)
{
	struct mem_store *store = mem_store(base);
	pthread_mutex_lock(&store->mutex);
	store->faults[step] = fault;
	pthread_mutex_unlock(&store->mutex);
}

unsigned nv_mem_passes(struct nv_docstore *base, enum nv_mem_step step)
{
	struct mem_store *store = mem_store(base);
	pthread_mutex_lock(&store->mutex);
	unsigned passes = store->passes[step];
	pthread_mutex_unlock(&store->mutex);
	return passes;
}
