/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding documents in the sqlite store (sqlfind.h). Owns the choice between ways to find them;
 * every way offers too much rather than too little.
 */
#include "config.h"

#include "docstore/sqlfind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/key.h"
#include "docstore/sqlfile.h"
#include "docstore/sqlindex.h"

/* Row numbers of candidates: 8 bytes a document, whatever the documents' size. */
struct rows {
	struct row {
		int64_t doc;
		size_t at; /* of its key in keys, when they are to be sorted by it */
		size_t size;
	} * items; /* owned */
	size_t count;
	size_t cap;
	struct nv_buf keys;
	size_t max; /* more than so many are not wanted; 0 = no limit */
	bool over;  /* there were more */
};

static void rows_release(struct rows *rows)
{
	free(rows->items);
	nv_buf_release(&rows->keys);
}

#define cleanup_rows __attribute__((cleanup(rows_release)))

/* One search under way. */
struct find {
	struct nv_sqlite *conn;
	const char *collection;
	enum nv_docsort sort;
	nv_sqlfind_fn *fn;
	void *ctx;
};

int nv_sqlfind_check(const char *collection, const struct nv_bval *doc, struct nv_err *err)
{
	if (nv_bval_check(doc->data, doc->size) < 0) {
		return nv_fail(err, EIO, "a document of %s in the file is damaged", collection);
	}
	return 0;
}

int nv_sqlfind_one(struct nv_sqlite *conn, const char *collection, const struct nv_buf *key,
                   int64_t *ret_doc, struct nv_buf *out, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(
		conn, NV_SQL_GET,
		"SELECT doc, bson FROM documents WHERE collection = ? AND id_key = ?", &stmt, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_text(stmt, 1, collection);
	nv_sqlite_bind_blob(stmt, 2, key->data, key->len);
	rc = nv_sqlite_step(stmt, err);
	if (rc <= 0) {
		return rc;
	}
	struct nv_bval value = { .type = BSON_TYPE_DOCUMENT };
	value.data = nv_sqlite_blob(stmt, 1, &value.size);
	rc = nv_sqlfind_check(collection, &value, err);
	if (rc < 0) {
		return rc;
	}
	*ret_doc = nv_sqlite_int(stmt, 0);
	nv_buf_truncate(out, 0);
	nv_buf_append(out, value.data, value.size);
	return nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : 1;
}

static int offer(const struct find *find, struct nv_sqlite_stmt *stmt, struct nv_err *err)
{
	struct nv_bval value = { .type = BSON_TYPE_DOCUMENT };
	value.data = nv_sqlite_blob(stmt, 0, &value.size);
	int rc = nv_sqlfind_check(find->collection, &value, err);
	return rc < 0 ? rc : find->fn(find->ctx, &value, err);
}

/* By _id: the term's keys are sorted, so the documents come sorted. */
static int find_by_id(const struct find *find, const struct nv_match_term *term, struct nv_err *err)
{
	int rc = 0;
	for (size_t i = 0; i < term->keys_count && rc == 0; i++) {
		bool down = find->sort == NV_DOCSORT_ID_DOWN;
		const struct nv_match_key *key = &term->keys[down ? term->keys_count - 1 - i : i];
		cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
		rc = nv_sqlite_use(find->conn, NV_SQL_GET_ID,
		                   "SELECT bson FROM documents WHERE collection = ? AND id_key = ?",
		                   &stmt, err);
		if (rc < 0) {
			return rc;
		}
		nv_sqlite_bind_text(stmt, 1, find->collection);
		nv_sqlite_bind_blob(stmt, 2, term->bytes.data + key->at, key->size);
		rc = nv_sqlite_step(stmt, err);
		if (rc > 0) {
			rc = offer(find, stmt, err);
		}
	}
	return rc;
}

static int find_by_scan(const struct find *find, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc =
		find->sort == NV_DOCSORT_ID_DOWN
			? nv_sqlite_use(
				  find->conn, NV_SQL_SCAN_DOWN,
				  "SELECT bson FROM documents WHERE collection = ? ORDER BY id_key DESC",
				  &stmt, err)
			: nv_sqlite_use(
				  find->conn, NV_SQL_SCAN,
				  "SELECT bson FROM documents WHERE collection = ? ORDER BY id_key",
				  &stmt, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_text(stmt, 1, find->collection);
	while ((rc = nv_sqlite_step(stmt, err)) > 0) {
		rc = offer(find, stmt, err);
		if (rc != 0) {
			break;
		}
	}
	return rc;
}

static int rows_add(struct rows *rows, int64_t doc)
{
	if (rows->count == rows->cap) {
		size_t cap = rows->cap > 0 ? rows->cap * 2 : 64;
		struct row *grown = realloc(rows->items, cap * sizeof(*grown));
		if (!grown) {
			return -ENOMEM;
		}
		rows->items = grown;
		rows->cap = cap;
	}
	rows->items[rows->count++] = (struct row){ .doc = doc };
	return 0;
}

static int add_results(struct rows *rows, struct nv_sqlite_stmt *stmt, struct nv_err *err)
{
	int rc;
	while ((rc = nv_sqlite_step(stmt, err)) > 0) {
		if (rows->max > 0 && rows->count == rows->max) {
			rows->over = true;
			return 0;
		}
		if (rows_add(rows, nv_sqlite_int(stmt, 0)) < 0) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	return rc;
}

static int add_lookup(const struct find *find, struct rows *rows, int64_t number, const void *key,
                      size_t key_size, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(find->conn, NV_SQL_LOOKUP,
	                       "SELECT doc FROM lookups WHERE number = ? AND value_key = ?", &stmt,
	                       err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_int(stmt, 1, number);
	nv_sqlite_bind_blob(stmt, 2, key,
	                    key_size < NV_KEY_INDEX_MAX ? key_size : NV_KEY_INDEX_MAX);
	return add_results(rows, stmt, err);
}

static int add_unindexed(const struct find *find, struct rows *rows, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(find->conn, NV_SQL_UNINDEXED,
	                       "SELECT doc FROM documents WHERE collection = ? AND version <= 0",
	                       &stmt, err);
	if (rc < 0) {
		return rc;
	}
	nv_sqlite_bind_text(stmt, 1, find->collection);
	return add_results(rows, stmt, err);
}

static int compare_docs(const void *a, const void *b)
{
	const struct row *left = a;
	const struct row *right = b;
	return (left->doc > right->doc) - (left->doc < right->doc);
}

/* A document may be found by several values, or by what it said before. */
static void rows_unify(struct rows *rows)
{
	if (rows->count == 0) {
		return;
	}
	qsort(rows->items, rows->count, sizeof(*rows->items), compare_docs);
	size_t kept = 1;
	for (size_t i = 1; i < rows->count; i++) {
		if (rows->items[i].doc != rows->items[kept - 1].doc) {
			rows->items[kept++] = rows->items[i];
		}
	}
	rows->count = kept;
}

static int compare_row_keys(const void *a, const void *b, void *bytes)
{
	const struct row *left = a;
	const struct row *right = b;
	const char *base = bytes;
	return nv_key_compare(base + left->at, left->size, base + right->at, right->size);
}

/* Sorts by _id, ascending. */
static int rows_sort(const struct find *find, struct rows *rows, struct nv_err *err)
{
	for (size_t i = 0; i < rows->count; i++) {
		cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
		int rc = nv_sqlite_use(find->conn, NV_SQL_ID_KEY,
		                       "SELECT id_key FROM documents WHERE doc = ?", &stmt, err);
		if (rc < 0) {
			return rc;
		}
		nv_sqlite_bind_int(stmt, 1, rows->items[i].doc);
		rc = nv_sqlite_step(stmt, err);
		if (rc < 0) {
			return rc;
		}
		rows->items[i].at = rows->keys.len;
		if (rc > 0) {
			const uint8_t *key = nv_sqlite_blob(stmt, 0, &rows->items[i].size);
			nv_buf_append(&rows->keys, key, rows->items[i].size);
		}
		if (nv_buf_error(&rows->keys)) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	if (rows->count > 0) {
		qsort_r(rows->items, rows->count, sizeof(*rows->items), compare_row_keys,
		        rows->keys.data);
	}
	return 0;
}

static int offer_rows(const struct find *find, const struct rows *rows, struct nv_err *err)
{
	int rc = 0;
	for (size_t i = 0; i < rows->count && rc == 0; i++) {
		bool down = find->sort == NV_DOCSORT_ID_DOWN;
		cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
		rc = nv_sqlite_use(find->conn, NV_SQL_GET_DOC,
		                   "SELECT bson FROM documents WHERE doc = ? AND collection = ?",
		                   &stmt, err);
		if (rc < 0) {
			return rc;
		}
		nv_sqlite_bind_int(stmt, 1, rows->items[down ? rows->count - 1 - i : i].doc);
		nv_sqlite_bind_text(stmt, 2, find->collection);
		rc = nv_sqlite_step(stmt, err);
		if (rc > 0) {
			rc = offer(find, stmt, err);
		}
	}
	return rc;
}

/* The numbers of all paths' look-ups: 1; 0 when a path has none. */
static int term_indexes(const struct find *find, const struct nv_docterm *term,
                        int64_t *ret_numbers, struct nv_err *err)
{
	int rc = 1;
	for (size_t i = 0; i < term->paths_count && rc > 0; i++) {
		rc = nv_sqlindex_find(find->conn, find->collection, term->paths[i], &ret_numbers[i],
		                      err);
	}
	return rc;
}

/* A value may stand at any of the aliases, so all are asked. max as in struct rows: 1 = there were
 * more, and none was offered. */
static int find_by_lookup(const struct find *find, const struct nv_match_term *term,
                          const int64_t *numbers, size_t max, struct nv_err *err)
{
	cleanup_rows struct rows rows = { .keys = NV_BUF_INIT, .max = max };
	static const char null_key[] = { NV_KEY_NULL };
	int rc = 0;
	for (size_t i = 0; i < term->term->paths_count && rc == 0; i++) {
		for (size_t k = 0; k < term->keys_count && rc == 0; k++) {
			rc = add_lookup(find, &rows, numbers[i],
			                term->bytes.data + term->keys[k].at, term->keys[k].size,
			                err);
		}
		if (rc == 0 && term->term->op == NV_DOCTERM_NULL) {
			rc = add_lookup(find, &rows, numbers[i], null_key, sizeof(null_key), err);
		}
	}
	rc = rc < 0 ? rc : add_unindexed(find, &rows, err);
	if (rc < 0 || rows.over) {
		return rc < 0 ? rc : 1;
	}
	rows_unify(&rows);
	rc = find->sort == NV_DOCSORT_NONE ? 0 : rows_sort(find, &rows, err);
	rc = rc < 0 ? rc : offer_rows(find, &rows, err);
	return rc < 0 ? rc : 0;
}

static bool is_lookup_op(enum nv_docterm_op op)
{
	return op == NV_DOCTERM_EQ || op == NV_DOCTERM_IN || op == NV_DOCTERM_NULL;
}

static const struct nv_match_term *id_term(const struct nv_match *match)
{
	for (size_t i = 0; i < match->count; i++) {
		const struct nv_docterm *term = match->terms[i].term;
		if ((term->op == NV_DOCTERM_EQ || term->op == NV_DOCTERM_IN) &&
		    term->paths_count == 1 && strcmp(term->paths[0], "_id") == 0) {
			return &match->terms[i];
		}
	}
	return NULL;
}

/* One term that a look-up answers. */
struct candidate {
	const struct nv_match_term *term;
	int64_t numbers[NV_DOCTERM_PATHS_MAX];
};

#define CANDIDATES_MAX 4

/* The terms that have look-ups, at most CANDIDATES_MAX: their number. Values select better than
 * null does, so terms of null are taken only when there is no other. */
static int list_candidates(const struct find *find, const struct nv_match *match,
                           struct candidate *candidates, struct nv_err *err)
{
	int count = 0;
	for (int nulls = 0; nulls <= 1 && count == 0; nulls++) {
		for (size_t i = 0; i < match->count && count < CANDIDATES_MAX; i++) {
			const struct nv_match_term *term = &match->terms[i];
			bool null = term->takes_null || term->term->op == NV_DOCTERM_NULL;
			if (!is_lookup_op(term->term->op) || null != (nulls == 1)) {
				continue;
			}
			int rc = term_indexes(find, term->term, candidates[count].numbers, err);
			if (rc < 0) {
				return rc;
			}
			candidates[count].term = term;
			count += rc;
		}
	}
	return count;
}

/* The term that selects best, found by asking each for a few, then for more: one name in a zone of
 * 100,000 must not read the zone, nor the top of one zone those of all others. */
static int find_by_best(const struct find *find, const struct candidate *candidates, int count,
                        struct nv_err *err)
{
	static const size_t steps[] = { 64, 4096, 0 };
	int rc = 1;
	for (size_t s = count > 1 ? 0 : 2; rc == 1; s++) {
		for (int i = 0; i < count && rc == 1; i++) {
			rc = find_by_lookup(find, candidates[i].term, candidates[i].numbers,
			                    steps[s], err);
		}
	}
	return rc;
}

int nv_sqlfind(struct nv_sqlite *conn, const char *collection, const struct nv_match *match,
               enum nv_docsort sort, nv_sqlfind_fn *fn, void *ctx, struct nv_err *err)
{
	struct find find = {
		.conn = conn, .collection = collection, .sort = sort, .fn = fn, .ctx = ctx
	};
	const struct nv_match_term *by_id = id_term(match);
	struct candidate candidates[CANDIDATES_MAX];
	int rc = by_id ? find_by_id(&find, by_id, err)
	               : list_candidates(&find, match, candidates, err);
	if (!by_id && rc >= 0) {
		rc = rc > 0 ? find_by_best(&find, candidates, rc, err) : find_by_scan(&find, err);
	}
	return rc < 0 ? rc : 0;
}
