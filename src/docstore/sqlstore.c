/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents in an SQLite file: the embedded document store. Every call is one transaction on a
 * connection of its own; nothing is remembered between calls but connections, because another
 * process may write the file at any time.
 *
 * Commits of this process take turns (turn.h) before they ask SQLite for the write lock, for which
 * it has no queue.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/backend.h"
#include "docstore/doccommit.h"
#include "docstore/key.h"
#include "docstore/match.h"
#include "docstore/reader.h"
#include "docstore/seqlog.h"
#include "docstore/sqlfile.h"
#include "docstore/sqlfind.h"
#include "docstore/sqlindex.h"
#include "docstore/turn.h"

enum {
	FILL_AT_OPEN = 1000, /* documents indexed in one transaction while opening */
	FILL_AT_COMMIT = 50, /* of other programs' documents, indexed by the way */
};

struct sql_store {
	struct nv_docstore base;
	struct nv_sqlfile *file; /* owned */
	struct nv_turn turn;     /* of commits */
	char version[32];
	char durability[80];
};

/* A commit under way: what the callbacks of doccommit.h share. */
struct sql_commit {
	struct nv_sqlite *conn;
	struct nv_sqlindexes indexes;
	int64_t doc; /* row number of what was loaded last */
};

struct sql_log {
	struct nv_doclog base;
	struct nv_seqlog places;
};

static const struct nv_docstore_ops sql_ops;

static struct sql_store *sql_store(struct nv_docstore *store)
{
	assert(store->ops == &sql_ops);
	return (struct sql_store *)store;
}

static int64_t deadline_of(const struct sql_store *store)
{
	return nv_clock_ms(store->base.clock) + store->base.timeout_ms;
}

/* Borrows a connection inside a transaction that reads; nv_sqlfile_put ends it. */
static int begin(struct sql_store *store, size_t commands, struct nv_sqlfile_conn **ret_conn,
                 struct nv_err *err)
{
	struct nv_sqlfile_conn *conn = NULL;
	nv_metric_add(store->base.metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(store->base.metrics, NV_METRIC_DOCS_COMMANDS, commands);
	int rc = nv_sqlfile_get(store->file, deadline_of(store), &conn, err);
	if (rc < 0) {
		return rc;
	}
	rc = nv_sqlite_exec(conn->sqlite, "BEGIN", err);
	if (rc < 0) {
		nv_sqlfile_put(store->file, conn);
		return rc;
	}
	*ret_conn = conn;
	return 0;
}

static int each_name(struct nv_sqlite *conn, nv_docstore_name_fn *fn, void *ctx, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(conn, NV_SQL_COLLECTIONS,
	                       "SELECT name FROM collections ORDER BY name", &stmt, err);
	rc = rc < 0 ? rc : nv_sqlite_step(stmt, err);
	while (rc > 0) {
		int told = fn ? fn(ctx, nv_sqlite_text(stmt, 0), err) : 0;
		rc = told < 0 ? told : nv_sqlite_step(stmt, err);
	}
	return rc;
}

static int sql_collections(struct nv_docstore *base, nv_docstore_name_fn *fn, void *ctx,
                           struct nv_err *err)
{
	struct sql_store *store = sql_store(base);
	struct nv_sqlfile_conn *conn = NULL;
	int rc = begin(store, 1, &conn, err);
	if (rc < 0) {
		return rc;
	}
	rc = each_name(conn->sqlite, fn, ctx, err);
	nv_sqlfile_put(store->file, conn);
	return rc;
}

static int sql_ping(struct nv_docstore *base, struct nv_err *err)
{
	return sql_collections(base, NULL, NULL, err);
}

/* ---- Queries ---- */

static int offer_reader(void *ctx, const struct nv_bval *doc, struct nv_err *err)
{
	struct nv_reader *reader = ctx;
	int rc = 0;
	return nv_reader_wants(reader, doc, &rc, err) ? nv_reader_deliver(reader, doc, err) : rc;
}

static int sql_query(struct nv_docstore *base, const struct nv_docquery *queries, size_t count,
                     nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	struct sql_store *store = sql_store(base);
	struct nv_sqlfile_conn *conn = NULL;
	int rc = begin(store, count, &conn, err);
	if (rc < 0) {
		return rc;
	}
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct nv_reader reader;
		rc = nv_reader_init(&reader, &queries[i], i, fn, ctx, err);
		rc = rc < 0 ? rc
		            : nv_sqlfind(conn->sqlite, queries[i].collection, &reader.match,
		                         queries[i].sort, offer_reader, &reader, err);
		nv_reader_release(&reader);
	}
	nv_sqlfile_put(store->file, conn);
	return rc;
}

/* ---- Commits ---- */

static int commit_load(void *ctx, const char *collection, const struct nv_buf *key,
                       struct nv_buf *out, struct nv_err *err)
{
	struct sql_commit *commit = ctx;
	return nv_sqlfind_one(commit->conn, collection, key, &commit->doc, out, err);
}

static int insert_row(struct sql_commit *commit, const char *collection, const struct nv_buf *key,
                      const struct nv_bval *doc, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *row = NULL;
	cleanup_stmt struct nv_sqlite_stmt *name = NULL;
	int rc = nv_sqlite_use(
		commit->conn, NV_SQL_INSERT,
		"INSERT INTO documents(collection, id_key, version, bson) VALUES(?, ?, 1, ?)", &row,
		err);
	rc = rc < 0 ? rc
	            : nv_sqlite_use(commit->conn, NV_SQL_INSERT_NAME,
	                            "INSERT OR IGNORE INTO collections VALUES(?)", &name, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_text(name, 1, collection);
	nv_sqlite_bind_text(row, 1, collection);
	nv_sqlite_bind_blob(row, 2, key->data, key->len);
	nv_sqlite_bind_blob(row, 3, doc->data, doc->size);
	rc = nv_sqlite_run(name, err);
	rc = rc < 0 ? rc : nv_sqlite_run(row, err);
	commit->doc = nv_sqlite_inserted(commit->conn);
	return rc;
}

static int update_row(struct sql_commit *commit, const struct nv_bval *doc, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	/* A new version tells the trigger that the look-ups are cared for. Those of a document that
	 * they do not know are not: only what changes is cared for here. */
	int rc = nv_sqlite_use(
		commit->conn, NV_SQL_UPDATE,
		"UPDATE documents SET bson = ?, version = version + (version > 0) WHERE doc = ?",
		&stmt, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_blob(stmt, 1, doc->data, doc->size);
	nv_sqlite_bind_int(stmt, 2, commit->doc);
	return nv_sqlite_run(stmt, err);
}

/* old was loaded just before, so commit->doc is its row. */
static int commit_store(void *ctx, const char *collection, const struct nv_buf *key,
                        const struct nv_bval *old, const struct nv_bval *doc, struct nv_err *err)
{
	struct sql_commit *commit = ctx;
	int rc = old ? update_row(commit, doc, err) : insert_row(commit, collection, key, doc, err);
	return rc < 0 ? rc
	              : nv_sqlindex_change(commit->conn, &commit->indexes, collection, commit->doc,
	                                   old, doc, err);
}

static int commit_remove(void *ctx, const char *collection, const struct nv_buf *key,
                         const struct nv_bval *old, struct nv_err *err)
{
	(void)key;
	struct sql_commit *commit = ctx;
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(commit->conn, NV_SQL_DELETE, "DELETE FROM documents WHERE doc = ?",
	                       &stmt, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_int(stmt, 1, commit->doc);
	rc = nv_sqlite_run(stmt, err);
	return rc < 0 ? rc
	              : nv_sqlindex_change(commit->conn, &commit->indexes, collection, commit->doc,
	                                   old, NULL, err);
}

/* A search inside a commit. */
struct selection {
	struct nv_match match;
	nv_doccommit_found_fn *fn;
	void *ctx;
};

static int offer_selection(void *ctx, const struct nv_bval *doc, struct nv_err *err)
{
	struct selection *selection = ctx;
	int holds = nv_match_doc(&selection->match, doc);
	if (holds < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return holds > 0 ? selection->fn(selection->ctx, doc, err) : 0;
}

static int commit_select(void *ctx, const char *collection, const struct nv_docterm *terms,
                         size_t terms_count, nv_doccommit_found_fn *fn, void *found_ctx,
                         struct nv_err *err)
{
	struct sql_commit *commit = ctx;
	struct selection selection = { .fn = fn, .ctx = found_ctx };
	int rc = nv_match_init(&selection.match, terms, terms_count);
	if (rc < 0) {
		rc = nv_fail(err, -rc, "a value of the terms is no BSON");
	} else {
		rc = nv_sqlfind(commit->conn, collection, &selection.match, NV_DOCSORT_NONE,
		                offer_selection, &selection, err);
	}
	nv_match_release(&selection.match);
	return rc;
}

static const struct nv_doccommit_io commit_io = {
	.load = commit_load,
	.store = commit_store,
	.remove = commit_remove,
	.select = commit_select,
};

static int commit_on(struct nv_sqlite *conn, const struct nv_doccommit *commit,
                     struct nv_docresult *result, struct nv_err *err)
{
	struct sql_commit run = { .conn = conn };
	int rc = nv_sqlite_exec(conn, "BEGIN IMMEDIATE", err);
	rc = rc < 0 ? rc : nv_sqlindexes_load(conn, &run.indexes, err);
	rc = rc < 0 ? rc : nv_doccommit_run(&commit_io, &run, commit, result, err);
	rc = rc < 0 ? rc : nv_sqlindex_fill(conn, &run.indexes, FILL_AT_COMMIT, err);
	rc = rc < 0 ? rc : nv_sqlite_exec(conn, "COMMIT", err);
	nv_sqlindexes_release(&run.indexes);
	return rc;
}

static int sql_commit(struct nv_docstore *base, const struct nv_doccommit *commit,
                      struct nv_docresult *result, struct nv_err *err)
{
	struct sql_store *store = sql_store(base);
	int64_t deadline_ms = deadline_of(store);
	struct nv_turn_place place;
	nv_metric_add(base->metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(base->metrics, NV_METRIC_DOCS_COMMANDS,
	              commit->writes_count + commit->entries_count);
	if (nv_turn_take(&store->turn, &place, deadline_ms) < 0) {
		return nv_fail(err, ETIMEDOUT, "other commits took too long");
	}
	struct nv_sqlfile_conn *conn = NULL;
	int rc = nv_sqlfile_get(store->file, deadline_ms, &conn, err);
	if (rc == 0) {
		rc = commit_on(conn->sqlite, commit, result, err);
		nv_sqlfile_put(store->file, conn);
	}
	nv_turn_give(&store->turn, &place);
	return rc;
}

/* ---- Changelog ---- */

/* A changelog row as a checked value: columns doc, bson. */
static int log_row(struct nv_sqlite_stmt *stmt, int64_t *ret_place, struct nv_bval *ret_entry,
                   struct nv_err *err)
{
	*ret_place = nv_sqlite_int(stmt, 0);
	ret_entry->type = BSON_TYPE_DOCUMENT;
	ret_entry->data = nv_sqlite_blob(stmt, 1, &ret_entry->size);
	return nv_sqlfind_check(NV_DOCSTORE_CHANGELOG, ret_entry, err);
}

/* Goes back over the newest settled entries and sets next to the first of them. */
static int log_rewind(struct nv_sqlite *conn, size_t newest, struct nv_seqlog *places,
                      struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	size_t settled = 0;
	int rc = nv_sqlite_use(
		conn, NV_SQL_LOG_DOWN,
		"SELECT doc, bson FROM documents WHERE collection = 'changelog' ORDER BY doc DESC",
		&stmt, err);
	rc = rc < 0 ? rc : nv_sqlite_step(stmt, err);
	while (rc > 0) {
		int64_t place = 0;
		struct nv_bval entry;
		rc = log_row(stmt, &place, &entry, err);
		if (rc < 0) {
			return rc;
		}
		if (settled == newest) {
			places->next = place + 1;
			return 0;
		}
		settled += !nv_seqlog_is_pending(&entry);
		rc = nv_sqlite_step(stmt, err);
	}
	return rc;
}

static int sql_log_open(struct nv_docstore *base, size_t newest, struct nv_doclog **ret_log,
                        struct nv_err *err)
{
	struct sql_store *store = sql_store(base);
	struct nv_sqlfile_conn *conn = NULL;
	struct sql_log *log = calloc(1, sizeof(*log));
	if (!log) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	log->base.store = base;
	int rc = begin(store, 1, &conn, err);
	if (rc == 0) {
		rc = newest == SIZE_MAX ? 0 : log_rewind(conn->sqlite, newest, &log->places, err);
		nv_sqlfile_put(store->file, conn);
	}
	if (rc < 0) {
		free(log);
		return rc;
	}
	*ret_log = &log->base;
	return 0;
}

static void sql_log_close(struct nv_doclog *base)
{
	struct sql_log *log = (struct sql_log *)base;
	nv_seqlog_release(&log->places);
	free(log);
}

/* Entries that were pending when they were passed. */
static int log_pending(struct nv_sqlite *conn, struct sql_log *log, nv_docstore_doc_fn *fn,
                       void *ctx, struct nv_err *err)
{
	int rc = 0;
	for (size_t i = 0; i < log->places.pending_count && rc == 0;) {
		int64_t place = log->places.pending[i];
		struct nv_bval entry;
		cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
		rc = nv_sqlite_use(
			conn, NV_SQL_LOG_GET,
			"SELECT doc, bson FROM documents WHERE doc = ? AND collection = 'changelog'",
			&stmt, err);
		if (rc < 0) {
			return rc;
		}
		nv_sqlite_bind_int(stmt, 1, place);
		rc = nv_sqlite_step(stmt, err);
		if (rc == 0) {
			nv_seqlog_forget(&log->places, place);
			continue;
		}
		rc = rc < 0 ? rc : log_row(stmt, &place, &entry, err);
		rc = rc < 0 ? rc : nv_seqlog_entry(&log->places, place, &entry, fn, ctx, err);
		if (i < log->places.pending_count && log->places.pending[i] == place) {
			i++; /* still pending */
		}
	}
	return rc;
}

static int log_new(struct nv_sqlite *conn, struct sql_log *log, nv_docstore_doc_fn *fn, void *ctx,
                   struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(
		conn, NV_SQL_LOG_UP,
		"SELECT doc, bson FROM documents WHERE collection = 'changelog' AND doc >= ? ORDER BY doc",
		&stmt, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_int(stmt, 1, log->places.next);
	while ((rc = nv_sqlite_step(stmt, err)) > 0) {
		int64_t place = 0;
		struct nv_bval entry;
		rc = log_row(stmt, &place, &entry, err);
		rc = rc < 0 ? rc : nv_seqlog_entry(&log->places, place, &entry, fn, ctx, err);
		if (rc != 0) {
			break;
		}
	}
	return rc;
}

static int sql_log_read(struct nv_doclog *base, nv_docstore_doc_fn *fn, void *ctx,
                        struct nv_err *err)
{
	struct sql_store *store = sql_store(base->store);
	struct sql_log *log = (struct sql_log *)base;
	struct nv_sqlfile_conn *conn = NULL;
	int rc = begin(store, 1, &conn, err);
	if (rc < 0) {
		return rc;
	}
	rc = log_pending(conn->sqlite, log, fn, ctx, err);
	rc = rc != 0 ? rc : log_new(conn->sqlite, log, fn, ctx, err);
	nv_sqlfile_put(store->file, conn);
	return rc < 0 ? rc : 0;
}

/* ---- Lifetime ---- */

static void sql_close(struct nv_docstore *base)
{
	struct sql_store *store = sql_store(base);
	nv_sqlfile_close(store->file);
	nv_turn_release(&store->turn);
	free(store);
}

static void sql_describe(struct nv_docstore *base, struct nv_docstore_info *ret_info)
{
	struct sql_store *store = sql_store(base);
	ret_info->version = store->version;
	ret_info->location = nv_sqlfile_path(store->file);
	ret_info->durability = store->durability;
	ret_info->transactions = true;
}

/* Indexes what is not, until it is done or the time is up; readers and later commits manage with
 * what is missing. */
static int fill_all(struct nv_sqlite *conn, struct nv_clock *clock, int64_t deadline_ms,
                    struct nv_err *err)
{
	int rc = 1;
	while (rc > 0 && nv_clock_ms(clock) < deadline_ms) {
		struct nv_sqlindexes indexes = { NULL, 0 };
		rc = nv_sqlite_exec(conn, "BEGIN IMMEDIATE", err);
		rc = rc < 0 ? rc : nv_sqlindexes_load(conn, &indexes, err);
		rc = rc < 0 ? rc : nv_sqlindex_fill(conn, &indexes, FILL_AT_OPEN, err);
		nv_sqlindexes_release(&indexes);
		int committed = rc < 0 ? rc : nv_sqlite_exec(conn, "COMMIT", err);
		rc = committed < 0 ? committed : rc;
	}
	return rc < 0 ? rc : 0;
}

static int declare(struct sql_store *store, const struct nv_docstore_config *config,
                   int64_t deadline_ms, struct nv_err *err)
{
	struct nv_sqlfile_conn *conn = NULL;
	int rc = nv_sqlfile_get(store->file, deadline_ms, &conn, err);
	if (rc < 0) {
		return rc;
	}
	rc = nv_sqlindex_declare(conn->sqlite, config->indexes, config->indexes_count, err);
	rc = rc < 0 ? rc : fill_all(conn->sqlite, config->clock, deadline_ms, err);
	nv_sqlfile_put(store->file, conn);
	return rc;
}

int nv_sqlstore_open(const char *rest, const struct nv_docstore_config *config,
                     struct nv_docstore **ret_store, struct nv_err *err)
{
	struct sql_store *store = calloc(1, sizeof(*store));
	if (!store) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	nv_docstore_init(&store->base, &sql_ops, config);
	nv_turn_init(&store->turn, config->clock);
	int64_t deadline_ms = deadline_of(store);
	int rc = nv_sqlfile_open(rest, config->readonly, config->clock, deadline_ms, &store->file,
	                         err);
	if (rc == 0 && nv_sqlfile_is_readonly(store->file)) {
		store->base.readonly = true;
	} else if (rc == 0) {
		rc = declare(store, config, deadline_ms, err);
	}
	if (rc < 0) {
		sql_close(&store->base);
		return rc;
	}
	(void)snprintf(store->version, sizeof(store->version), "SQLite %s", nv_sqlite_version());
	(void)snprintf(
		store->durability, sizeof(store->durability),
		"each commit is on the disk before it is acknowledged (%s, synchronous=FULL)",
		nv_sqlfile_journal(store->file));
	*ret_store = &store->base;
	return 0;
}

static const struct nv_docstore_ops sql_ops = {
	.name = "sqlite",
	.close = sql_close,
	.describe = sql_describe,
	.ping = sql_ping,
	.collections = sql_collections,
	.query = sql_query,
	.commit = sql_commit,
	.log_open = sql_log_open,
	.log_close = sql_log_close,
	.log_read = sql_log_read,
};
