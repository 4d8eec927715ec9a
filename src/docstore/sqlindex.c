/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-ups by value (sqlindex.h). Owns the tables indexes and lookups.
 */
#include "config.h"

#include "docstore/sqlindex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "docstore/key.h"
#include "docstore/path.h"
#include "docstore/sqlfile.h"

/* The keys of one document at one path: cut, sorted, without repetition. */
struct key_set {
	struct nv_buf bytes;
	struct place {
		size_t at;
		size_t size;
	} * places; /* owned */
	size_t count;
	size_t cap;
	bool failed;
};

static void key_set_release(struct key_set *set)
{
	nv_buf_release(&set->bytes);
	free(set->places);
	*set = (struct key_set){ .bytes = NV_BUF_INIT };
}

#define cleanup_key_set __attribute__((cleanup(key_set_release)))

static bool add_key(void *ctx, const struct nv_bval *value)
{
	struct key_set *set = ctx;
	size_t at = set->bytes.len;
	if (value) {
		(void)nv_key_append(&set->bytes, value);
	} else {
		nv_buf_putc(&set->bytes, NV_KEY_NULL);
	}
	if (set->count == set->cap) {
		size_t cap = set->cap > 0 ? set->cap * 2 : 8;
		struct place *grown = realloc(set->places, cap * sizeof(*grown));
		if (!grown) {
			set->failed = true;
			return false;
		}
		set->places = grown;
		set->cap = cap;
	}
	if (set->bytes.len - at > NV_KEY_INDEX_MAX) {
		nv_buf_truncate(&set->bytes, at + NV_KEY_INDEX_MAX);
	}
	set->places[set->count++] = (struct place){ at, set->bytes.len - at };
	return true;
}

static int compare_places(const void *a, const void *b, void *bytes)
{
	const struct place *left = a;
	const struct place *right = b;
	const char *base = bytes;
	return nv_key_compare(base + left->at, left->size, base + right->at, right->size);
}

/* Fills an empty set; doc NULL has no keys. */
static int key_set_fill(struct key_set *set, const struct nv_bval *doc, const char *path)
{
	if (!doc) {
		return 0;
	}
	(void)nv_path_each(doc, path, add_key, set);
	if (set->failed || nv_buf_error(&set->bytes)) {
		return -ENOMEM;
	}
	if (set->count == 0) {
		return 0;
	}
	qsort_r(set->places, set->count, sizeof(*set->places), compare_places, set->bytes.data);
	size_t kept = 1;
	for (size_t i = 1; i < set->count; i++) {
		if (compare_places(&set->places[kept - 1], &set->places[i], set->bytes.data) != 0) {
			set->places[kept++] = set->places[i];
		}
	}
	set->count = kept;
	return 0;
}

static bool key_set_has(const struct key_set *set, const struct key_set *from, size_t at)
{
	size_t low = 0;
	size_t high = set->count;
	const char *key = from->bytes.data + from->places[at].at;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = nv_key_compare(set->bytes.data + set->places[middle].at,
		                           set->places[middle].size, key, from->places[at].size);
		if (order == 0) {
			return true;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return false;
}

void nv_sqlindexes_release(struct nv_sqlindexes *indexes)
{
	for (size_t i = 0; i < indexes->count; i++) {
		free(indexes->items[i].collection);
		free(indexes->items[i].path);
	}
	free(indexes->items);
	*indexes = (struct nv_sqlindexes){ NULL, 0 };
}

int nv_sqlindexes_load(struct nv_sqlite *conn, struct nv_sqlindexes *ret_indexes,
                       struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	struct nv_sqlindexes loaded = { NULL, 0 };
	int rc = nv_sqlite_use(conn, NV_SQL_INDEXES, "SELECT number, collection, path FROM indexes",
	                       &stmt, err);
	rc = rc < 0 ? rc : nv_sqlite_step(stmt, err);
	for (; rc > 0; rc = nv_sqlite_step(stmt, err)) {
		struct nv_sqlindex *grown =
			realloc(loaded.items, (loaded.count + 1) * sizeof(*grown));
		if (!grown) {
			rc = nv_fail(err, ENOMEM, "out of memory");
			break;
		}
		loaded.items = grown;
		struct nv_sqlindex *item = &grown[loaded.count++];
		item->number = nv_sqlite_int(stmt, 0);
		item->collection = strdup(nv_sqlite_text(stmt, 1));
		item->path = strdup(nv_sqlite_text(stmt, 2));
		if (!item->collection || !item->path) {
			rc = nv_fail(err, ENOMEM, "out of memory");
			break;
		}
		if (!nv_path_is_valid(item->path)) {
			rc = nv_fail(err, EIO, "the table indexes names no path: \"%s\"",
			             item->path);
			break;
		}
	}
	if (rc < 0) {
		nv_sqlindexes_release(&loaded);
		return rc;
	}
	*ret_indexes = loaded;
	return 0;
}

int nv_sqlindex_find(struct nv_sqlite *conn, const char *collection, const char *path,
                     int64_t *ret_number, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(conn, NV_SQL_INDEX_FIND,
	                       "SELECT number FROM indexes WHERE collection = ? AND path = ?",
	                       &stmt, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_text(stmt, 1, collection);
	nv_sqlite_bind_text(stmt, 2, path);
	rc = nv_sqlite_step(stmt, err);
	if (rc > 0) {
		*ret_number = nv_sqlite_int(stmt, 0);
	}
	return rc;
}

/* Writes or removes those look-ups of set that other has not. */
static int write_lookups(struct nv_sqlite *conn, int64_t number, int64_t doc,
                         const struct key_set *set, const struct key_set *other, bool add,
                         struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = add ? nv_sqlite_use(conn, NV_SQL_LOOKUP_ADD,
	                             "INSERT OR IGNORE INTO lookups VALUES(?, ?, ?)", &stmt, err)
	             : nv_sqlite_use(
			       conn, NV_SQL_LOOKUP_REMOVE,
			       "DELETE FROM lookups WHERE number = ? AND value_key = ? AND doc = ?",
			       &stmt, err);
	for (size_t i = 0; i < set->count && rc == 0; i++) {
		if (key_set_has(other, set, i)) {
			continue;
		}
		nv_sqlite_bind_int(stmt, 1, number);
		nv_sqlite_bind_blob(stmt, 2, set->bytes.data + set->places[i].at,
		                    set->places[i].size);
		nv_sqlite_bind_int(stmt, 3, doc);
		rc = nv_sqlite_run(stmt, err);
	}
	return rc;
}

int nv_sqlindex_change(struct nv_sqlite *conn, const struct nv_sqlindexes *indexes,
                       const char *collection, int64_t doc, const struct nv_bval *old,
                       const struct nv_bval *made, struct nv_err *err)
{
	int rc = 0;
	for (size_t i = 0; i < indexes->count && rc == 0; i++) {
		const struct nv_sqlindex *index = &indexes->items[i];
		if (strcmp(index->collection, collection) != 0) {
			continue;
		}
		cleanup_key_set struct key_set before = { .bytes = NV_BUF_INIT };
		cleanup_key_set struct key_set after = { .bytes = NV_BUF_INIT };
		if (key_set_fill(&before, old, index->path) < 0 ||
		    key_set_fill(&after, made, index->path) < 0) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		rc = write_lookups(conn, index->number, doc, &before, &after, false, err);
		rc = rc < 0 ? rc
		            : write_lookups(conn, index->number, doc, &after, &before, true, err);
	}
	return rc;
}

static int declare(struct nv_sqlite *conn, const struct nv_docstore_index *path, struct nv_err *err)
{
	int64_t number = 0;
	int rc = nv_sqlindex_find(conn, path->collection, path->path, &number, err);
	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	cleanup_stmt struct nv_sqlite_stmt *add = NULL;
	cleanup_stmt struct nv_sqlite_stmt *forget = NULL;
	rc = nv_sqlite_use(conn, NV_SQL_INDEX_ADD,
	                   "INSERT INTO indexes(collection, path) VALUES(?, ?)", &add, err);
	rc = rc < 0 ? rc
	            : nv_sqlite_use(
			      conn, NV_SQL_INDEX_FORGET,
			      "UPDATE documents SET version = 0 WHERE collection = ? AND version <> 0",
			      &forget, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_text(add, 1, path->collection);
	nv_sqlite_bind_text(add, 2, path->path);
	nv_sqlite_bind_text(forget, 1, path->collection);
	rc = nv_sqlite_run(add, err);
	return rc < 0 ? rc : nv_sqlite_run(forget, err);
}

int nv_sqlindex_declare(struct nv_sqlite *conn, const struct nv_docstore_index *paths,
                        size_t paths_count, struct nv_err *err)
{
	bool missing = false;
	int rc = 0;
	for (size_t i = 0; i < paths_count && rc >= 0 && !missing; i++) {
		int64_t number = 0;
		rc = nv_sqlindex_find(conn, paths[i].collection, paths[i].path, &number, err);
		missing = rc == 0;
	}
	if (rc < 0 || !missing) {
		return rc < 0 ? rc : 0; /* no lock is taken when all are there */
	}
	rc = nv_sqlite_exec(conn, "BEGIN IMMEDIATE", err);
	for (size_t i = 0; i < paths_count && rc == 0; i++) {
		rc = declare(conn, &paths[i], err);
	}
	return rc < 0 ? rc : nv_sqlite_exec(conn, "COMMIT", err);
}

static int fill_one(struct nv_sqlite *conn, const struct nv_sqlindexes *indexes,
                    struct nv_sqlite_stmt *row, struct nv_err *err)
{
	int64_t doc = nv_sqlite_int(row, 0);
	struct nv_bval value = { .type = BSON_TYPE_DOCUMENT };
	value.data = nv_sqlite_blob(row, 2, &value.size);
	/* What is no document has no look-ups; version -1 keeps it among those that every query
	 * looks at, and so tells of. */
	bool damaged = nv_bval_check(value.data, value.size) < 0;
	int rc = damaged ? 0
	                 : nv_sqlindex_change(conn, indexes, nv_sqlite_text(row, 1), doc, NULL,
	                                      &value, err);
	cleanup_stmt struct nv_sqlite_stmt *mark = NULL;
	rc = rc < 0 ? rc
	            : nv_sqlite_use(conn, NV_SQL_BACKFILLED,
	                            "UPDATE documents SET version = ? WHERE doc = ?", &mark, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_int(mark, 1, damaged ? -1 : 1);
	nv_sqlite_bind_int(mark, 2, doc);
	return nv_sqlite_run(mark, err);
}

int nv_sqlindex_fill(struct nv_sqlite *conn, const struct nv_sqlindexes *indexes, size_t limit,
                     struct nv_err *err)
{
	for (size_t i = 0; i < limit; i++) {
		cleanup_stmt struct nv_sqlite_stmt *row = NULL;
		/* One at a time: the row read is changed before the next is looked for. */
		int rc = nv_sqlite_use(
			conn, NV_SQL_BACKFILL,
			"SELECT doc, collection, bson FROM documents WHERE version <= 0 AND version = 0"
			" LIMIT 1",
			&row, err);
		rc = rc < 0 ? rc : nv_sqlite_step(row, err);
		if (rc <= 0) {
			return rc;
		}
		rc = fill_one(conn, indexes, row, err);
		if (rc < 0) {
			return rc;
		}
	}
	return 1;
}
