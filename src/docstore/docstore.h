/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Document stores behind one interface: collections of BSON documents, queries, atomic commits with
 * changelog entries.
 *
 * Knows no schema, path of the mount, or text format. Every backend passes
 * tests/contract/docstore.c; where a backend may be weaker than another (a server without
 * transactions), the line says so.
 *
 * Values compare "as the database compares" in queries, pushes and pulls, which is MongoDB's rule:
 * 1 == 1.0 == NumberLong(1), null equals missing, a value equals an array that has it as an
 * element, sub-documents are equal in the same field order only. Expected values of a commit are
 * exact: the same BSON type and bytes.
 *
 * Dotted paths: "a.b.0.c". In queries an array on the way stands for each of its elements; in
 * commits a number is a position, as in MongoDB's $set. A component that is empty or begins with
 * '$', and a NUL, are refused (-EINVAL).
 *
 * Blocks: every function that takes err may wait for the store, at most timeout_ms a call. Threads:
 * any, at the same time. Errors everywhere: -ETIMEDOUT (deadline), -EIO (unreachable, corrupt, or
 * it broke its contract), -EACCES (login refused), -ENOMEM, -EINVAL (a caller's mistake). Others
 * per function. Nothing is cached across calls: another process may write the same store at any
 * time.
 */
#ifndef NV_DOCSTORE_DOCSTORE_H
#define NV_DOCSTORE_DOCSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bson/bson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/metrics.h"

#define NV_DOCSTORE_CHANGELOG "changelog" /* the collection of changelog entries */
#define NV_DOCSTORE_DOC_MAX 16777216      /* bytes of a document at most */
#define NV_DOCTERM_PATHS_MAX 8            /* aliases of a term at most */

struct nv_docstore;

/* A path that queries of a collection look up by value. */
struct nv_docstore_index {
	const char *collection;
	const char *path; /* dotted */
};

/* Settings of a store. Zeroed is a valid default but for clock. */
struct nv_docstore_config {
	uint32_t timeout_ms;    /* deadline of one call; 0 = 5000 */
	bool readonly;          /* commits are -EROFS, and nothing is created */
	struct nv_clock *clock; /* borrowed for the store's life; deadlines are measured with it */
	struct nv_metrics *metrics;              /* borrowed for the store's life; may be NULL */
	const struct nv_docstore_index *indexes; /* copied; the embedded stores make and keep them,
	                                            mongo never makes one silently */
	size_t indexes_count;
};

/* Opens "sqlite:PATH" (made when absent; relative to the working directory of now) or "mem:"
 * (empty, private to this object; a test double). Call it after the daemon's fork: connections do
 * not survive one. uri's secrets are in no message. Owns: free with nv_docstore_close. Errors:
 * -EINVAL (not a store's URI, or a file of something else), -ENOENT (readonly and absent), -EACCES,
 * -EROFS. */
int nv_docstore_open(const char *uri, const struct nv_docstore_config *config,
                     struct nv_docstore **ret_store, struct nv_err *err);

/* Closes; no other call may be under way. store may be NULL. */
void nv_docstore_close(struct nv_docstore *store);

/* What .netviewfs/status says of a store. Strings live as long as the store. */
struct nv_docstore_info {
	const char *kind;       /* "sqlite", "mem" */
	const char *version;    /* of the engine or server, e.g. "SQLite 3.40.1" */
	const char *location;   /* where it is, without secrets */
	const char *durability; /* one line: what an acknowledged commit survives */
	bool transactions; /* documents and entries are committed in one transaction (else by the
	                      pending protocol) */
	bool push;         /* nv_docstore_watch works */
	bool readonly;     /* commits are -EROFS */
};

/* Fills *ret_info from what is known; asks nothing. */
void nv_docstore_describe(struct nv_docstore *store, struct nv_docstore_info *ret_info);

/* 0 when the store answers now. */
int nv_docstore_ping(struct nv_docstore *store, struct nv_err *err);

/* Calls fn with the name of each collection that exists, bytewise sorted. A collection exists from
 * its first document on, also when it has become empty. fn returns 0, or what
 * nv_docstore_collections shall return. */
typedef int nv_docstore_name_fn(void *ctx, const char *name, struct nv_err *err);
int nv_docstore_collections(struct nv_docstore *store, nv_docstore_name_fn *fn, void *ctx,
                            struct nv_err *err);

/* ---- Queries ---- */

enum nv_docterm_op {
	NV_DOCTERM_EQ,  /* equals values[0] */
	NV_DOCTERM_IN,  /* equals one of values (none: never true) */
	NV_DOCTERM_NIN, /* not IN; so null and missing match unless null is among values */
	NV_DOCTERM_GE,  /* of the same kind as values[0] (numbers are one kind) and not before it */
	NV_DOCTERM_LT,  /* of the same kind as values[0] and before it */
	NV_DOCTERM_NULL,    /* null or missing */
	NV_DOCTERM_NOTNULL, /* not NULL */
};

/*
 * One condition. paths are aliases: the first whose value is not null counts (DESIGN 6), so with
 * {domainId, domain_id} a document matches by domain_id only if its domainId is null or missing.
 */
struct nv_docterm {
	const char *const *paths;
	size_t paths_count; /* 1 to NV_DOCTERM_PATHS_MAX */
	enum nv_docterm_op op;
	const bson_value_t *values;
	size_t values_count;
};

enum nv_docsort {
	NV_DOCSORT_NONE,    /* any order, the cheapest */
	NV_DOCSORT_ID,      /* ascending _id, in MongoDB's order */
	NV_DOCSORT_ID_DOWN, /* descending _id */
};

/* One query: the documents of a collection for which all terms hold. */
struct nv_docquery {
	const char *collection;         /* one that does not exist has no documents */
	const struct nv_docterm *terms; /* all must hold */
	size_t terms_count;             /* 0 = every document */
	const char *const *fields; /* dotted paths to deliver, _id always among them; none may be,
	                              or lie below, another */
	size_t fields_count;       /* 0 = whole documents */
	enum nv_docsort sort;
	size_t limit; /* 0 = no limit */
};

/* Gets the documents of queries[query], one a call, in memory bounded whatever their number. doc is
 * borrowed for the call. Must not call the store. Returns 0; 1 = enough of this query; -errno (with
 * *err set) = stop, and nv_docstore_query returns that. */
typedef int nv_docstore_doc_fn(void *ctx, size_t query, const bson_t *doc, struct nv_err *err);

/* Runs queries one after the other, in one round trip where the backend can (sqlite: always, and
 * all see one moment's state). An error may come after documents were delivered: then the caller
 * must forget them. */
int nv_docstore_query(struct nv_docstore *store, const struct nv_docquery *queries,
                      size_t queries_count, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err);

/* The document with that _id. *ret_doc: owned, bson_destroy. Errors: -ENOENT. */
int nv_docstore_get(struct nv_docstore *store, const char *collection, const bson_value_t *id,
                    bson_t **ret_doc, struct nv_err *err);

/* ---- Commits ---- */

enum nv_docwrite_kind {
	NV_DOCWRITE_INSERT,     /* doc, with its _id. -EEXIST: that _id is taken */
	NV_DOCWRITE_UPDATE,     /* document id: expects, then the changes. -ENOENT, -ESTALE. Without
	                           changes: a check only */
	NV_DOCWRITE_DELETE,     /* document id: expects. -ENOENT, -ESTALE */
	NV_DOCWRITE_UPDATE_ALL, /* the changes, in every document for which terms hold at that
	                           moment; none is fine */
	NV_DOCWRITE_ABSENT, /* writes nothing: -ENOTEMPTY when terms hold for any document (mongo:
	                       not against concurrent inserts) */
};

/* What the stored document must still say. */
struct nv_docexpect {
	const char *path;
	/* exact type and bytes; NULL = the path is missing (null is not missing) */
	const bson_value_t *value;
};

enum nv_docwhen {
	NV_DOCWHEN_ALWAYS,
	NV_DOCWHEN_NOTNULL,   /* only where the path holds something other than null */
	NV_DOCWHEN_SAME_TYPE, /* only where the path holds a value of the same BSON type as value */
};

/* $set. A missing parent is made; an array is padded with null. */
struct nv_docset {
	const char *path;
	const bson_value_t *value;
	enum nv_docwhen when;
};

/* Adds n where the path holds an int32, int64 or double; else does nothing. An int32 that overflows
 * becomes an int64. */
struct nv_docinc {
	const char *path;
	int32_t n;
};

/* A member of an array. An element is equal when it, or with a key its field key, equals value. */
struct nv_docmember {
	const char *path;            /* of the array; missing counts as empty */
	const char *key;             /* NULL, or a field of its elements */
	const bson_value_t *value;   /* what the element, or its field key, equals */
	const bson_value_t *element; /* pushes: what is appended; NULL = value */
};

/*
 * One write. Its changes touch different paths, none below another, never _id (-EINVAL). A change
 * that the stored document's shape does not allow (a field of a string, a push to what is no array)
 * is -ESTALE, like an expected value that differs; a result over NV_DOCSTORE_DOC_MAX is -EFBIG.
 */
struct nv_docwrite {
	enum nv_docwrite_kind kind;
	const char *collection;
	const bson_t *doc;              /* INSERT */
	const bson_value_t *id;         /* UPDATE, DELETE */
	const struct nv_docterm *terms; /* UPDATE_ALL, ABSENT */
	size_t terms_count;
	const struct nv_docexpect *expects; /* UPDATE, DELETE */
	size_t expects_count;
	const struct nv_docset *sets; /* UPDATE, UPDATE_ALL: as all below */
	size_t sets_count;
	const char *const *unsets; /* an array's element becomes null; a missing path is fine */
	size_t unsets_count;
	const struct nv_docinc *incs;
	size_t incs_count;
	const struct nv_docmember *pushes; /* appended unless an equal element is there */
	size_t pushes_count;
	const struct nv_docmember *pulls; /* every equal element goes */
	size_t pulls_count;
};

/* One atomic step: all writes, in order (a later one sees the earlier), and all entries, or
 * nothing. */
struct nv_doccommit {
	const struct nv_docwrite *writes;
	size_t writes_count;
	const bson_t *const *entries; /* documents for the changelog, in order. entries[0]._id, an
	                               * ObjectId, is the operation's id: by it a backend tells
	                               * whether a commit whose answer was lost took place */
	size_t entries_count; /* 0: nothing is logged (restore), and a lost answer is -EIO */
};

/* What became of a commit. Zeroed by the caller; nv_docresult_release frees it. */
struct nv_docresult {
	size_t failed;  /* on failure by a write or entry: its index (an entry's plus writes_count);
	                   else SIZE_MAX */
	bson_t *stored; /* -ESTALE and -EEXIST of a write: the document stored under that _id;
	                   -ENOTEMPTY: one that matched; else NULL */
	bson_t **after; /* on success, [writes_count]: the whole document as stored now for INSERT
	                   and UPDATE, NULL for others */
	size_t count;   /* of after */
	size_t updated; /* on success: documents that UPDATE_ALL writes matched */
};

void nv_docresult_release(struct nv_docresult *result);

/* Commits. An error without result->failed may leave the outcome unknown only where *err says so.
 * Errors: -EEXIST -ESTALE -ENOENT -ENOTEMPTY -EFBIG (see the kinds; an entry's _id that is taken is
 * -EEXIST), -EROFS, -ENOSPC. */
int nv_docstore_commit(struct nv_docstore *store, const struct nv_doccommit *commit,
                       struct nv_docresult *result, struct nv_err *err);

/* ---- Changelog ---- */

struct nv_doclog;

/* A reader that begins with the newest `newest` settled entries of now (SIZE_MAX: with the first).
 * Not for two threads at once. Must be closed before its store. */
int nv_doclog_open(struct nv_docstore *store, size_t newest, struct nv_doclog **ret_log,
                   struct nv_err *err);
void nv_doclog_close(struct nv_doclog *log);

/* Delivers each settled entry that was not delivered yet, once, in commit order as far as the store
 * knows one (query is 0). An entry with a non-null field `pending` is not settled: it is delivered
 * once that is gone. After an error, or when fn fails or returns 1, the next call goes on after the
 * last entry for which fn returned 0 or 1. */
int nv_doclog_read(struct nv_doclog *log, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err);

/* ---- Indexes ---- */

/* Gets an index that is missing, or was missing and has been made. 0, or what nv_docstore_indexes
 * shall return. */
typedef int nv_docstore_index_fn(void *ctx, const struct nv_docstore_index *index,
                                 struct nv_err *err);

/* Calls fn with each declared index that the store has not, though documents have its path: queries
 * by it read the whole collection. make: makes it first, however long that takes. The embedded
 * stores keep theirs: none is missing. Errors: -EROFS (make). */
int nv_docstore_indexes(struct nv_docstore *store, bool make, nv_docstore_index_fn *fn, void *ctx,
                        struct nv_err *err);

/* Appends a line for each missing index, for .netviewfs/status; nothing when there is none. */
void nv_docstore_describe_indexes(struct nv_docstore *store, struct nv_buf *out);

/* ---- Push ---- */

/* A document that changed, whoever did it. id NULL: anything in the collection; collection NULL:
 * anything in the store (also after a lost connection). */
typedef void nv_docstore_watch_fn(void *ctx, const char *collection, const bson_value_t *id);

/* Calls fn, on the store's own thread, soon after each change until the store is closed. At most
 * one watcher a store. Errors: -EOPNOTSUPP: this store has no push (sqlite: poll). */
int nv_docstore_watch(struct nv_docstore *store, nv_docstore_watch_fn *fn, void *ctx,
                      struct nv_err *err);

/* ---- Decorator ---- */

/* One call of a traced store: "query domains teamId eq -> 12 documents", how long it took and how
 * it ended. Called on the calling thread, after the call. */
typedef void nv_docstore_trace_fn(void *ctx, const char *text, int64_t took_ms, int result);

/* Wraps inner: every call goes through and is told to fn. Takes ownership of inner, on success.
 * Values are never in the text. */
int nv_docstore_trace(struct nv_docstore *inner, nv_docstore_trace_fn *fn, void *ctx,
                      struct nv_docstore **ret_store);

/* ---- Values ---- */

/* True when a and b are equal as the database compares (without the array rule: 1 is not [1]). */
bool nv_docvalue_equal(const bson_value_t *a, const bson_value_t *b);

/* Appends bytes that are the same for two values exactly when nv_docvalue_equal. 0, -ENOMEM,
 * -EINVAL (a type that is none). */
int nv_docvalue_key(const bson_value_t *value, struct nv_buf *out);

/* Puts *ret_iter on the value at a dotted path, taken literally (a field of a document, a number of
 * an array). doc must outlive it. False: missing. */
bool nv_doc_find(const bson_t *doc, const char *path, bson_iter_t *ret_iter);

#endif
