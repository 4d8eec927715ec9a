/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The MongoDB store's own parts, shared by its files (mongo*.c), which alone include mongoc.h.
 *
 * A call of docstore.h is: borrow a client (nv_mongo_begin), commands, give it back (nv_mongo_end).
 * Every failed command goes through nv_mongo_failed, which tells what it means and what the breaker
 * learns of it.
 */
#ifndef NV_DOCSTORE_MONGO_H
#define NV_DOCSTORE_MONGO_H

#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/breaker.h"
#include "docstore/backend.h"
#include "docstore/value.h"

struct nv_mongosettler;

enum nv_mongo_support { NV_MONGO_UNKNOWN, NV_MONGO_NO, NV_MONGO_YES };

struct nv_mongo {
	struct nv_docstore base;
	mongoc_client_pool_t *pool;            /* owned */
	mongoc_read_prefs_t *primary;          /* owned; whatever the URI says of reading */
	mongoc_transaction_opt_t *transaction; /* owned; the same of transactions */
	char *database;                        /* owned */
	char *location;                        /* owned; without secrets */
	char version[160];                     /* of the server, and what it is */
	char durability[160];
	bool majority;           /* acknowledged writes are those of a majority */
	uint32_t slow_ms;        /* a failure that took so long was a wait */
	char owner[160];         /* who writes pending entries: this process */
	atomic_int transactions; /* enum nv_mongo_support */
	atomic_int unions;       /* the same of $unionWith */
	atomic_int server_kind; /* what takes writes: standalone, a primary, …; 0: not seen yet */
	pthread_mutex_t mutex;
	struct nv_breaker breaker; /* mutex */
	pthread_mutex_t guards;    /* held during a commit that checks what it does not write */
	struct nv_mongosettler *settler;   /* owned; NULL when there is nothing to settle */
	struct nv_docstore_index *indexes; /* owned, with their texts; declared */
	size_t indexes_count;
};

/* What a failed command means. */
struct nv_mongo_fault {
	int code;         /* the server's; 0: none */
	bool retry;       /* the server, or the driver, says: once more (labels, write conflicts) */
	bool lost;        /* the answer did not come, or not in full: it may have been done */
	bool unreached;   /* nothing was sent */
	bool unsupported; /* the server has no such thing */
	bool duplicate;   /* a unique index refused it */
	bool altered;     /* the server did it, but keeps another value than it was given */
};

/* One call under way. */
struct nv_mongo_call {
	struct nv_mongo *store;
	mongoc_client_t *client;          /* borrowed from the pool */
	mongoc_client_session_t *session; /* owned; NULL outside a transaction */
	int64_t started_ms;
	int64_t deadline_ms;
	/* something is decided by what is read: the server that takes writes is asked */
	bool primary;
	bool probe;              /* the breaker's one probe */
	enum nv_outcome outcome; /* what the breaker learns */
	struct nv_err outcome_err;
	struct nv_mongo_fault fault; /* of the last command that failed */
};

/* Checked downcast. */
struct nv_mongo *nv_mongo(struct nv_docstore *store);

/* Borrows a client until nv_mongo_end. Errors: -ETIMEDOUT, -EIO: the breaker is open, or all
 * clients are taken. After a failure there is no call to end. */
int nv_mongo_begin(struct nv_mongo *store, struct nv_mongo_call *ret_call, struct nv_err *err);
void nv_mongo_end(struct nv_mongo_call *call);

/* Milliseconds left, 0 when none are. */
int64_t nv_mongo_left_ms(const struct nv_mongo_call *call);

/* -ETIMEDOUT once the time of the call is up, else 0. */
int nv_mongo_check_time(const struct nv_mongo_call *call, struct nv_err *err);

/* Turns the driver's error into ours, and sets call->fault. reply: the command's, may be NULL. */
int nv_mongo_failed(struct nv_mongo_call *call, const bson_error_t *error, const bson_t *reply,
                    struct nv_err *err);

/* The collection, to be destroyed by the caller; NULL when out of memory never happens: libbson
 * ends the process then. */
mongoc_collection_t *nv_mongo_collection(struct nv_mongo_call *call, const char *name);

/* Options of a command: of the session, and more is appended by the caller. bson_destroy. */
int nv_mongo_opts(struct nv_mongo_call *call, bson_t *ret_opts, struct nv_err *err);

/* Gets a document found; borrowed. 0, 1 = enough, -errno. */
typedef int nv_mongo_doc_fn(void *ctx, const bson_t *doc, struct nv_err *err);

/* One find. */
struct nv_mongo_find {
	const char *collection;
	const bson_t *filter;
	const bson_t *projection; /* NULL: whole documents */
	enum nv_docsort sort;
	size_t limit;  /* 0 = none */
	bool majority; /* only what a majority has */
};

/* Runs it: 0, 1 when fn said enough, -errno. */
int nv_mongo_find(struct nv_mongo_call *call, const struct nv_mongo_find *find, nv_mongo_doc_fn *fn,
                  void *ctx, struct nv_err *err);

/* mongoquery.c: slots. */
int nv_mongo_query(struct nv_docstore *base, const struct nv_docquery *queries, size_t count,
                   nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err);
int nv_mongo_collections(struct nv_docstore *base, nv_docstore_name_fn *fn, void *ctx,
                         struct nv_err *err);

/* mongocommit.c: slot, and whether the server has transactions, found out by doing one. */
int nv_mongo_commit(struct nv_docstore *base, const struct nv_doccommit *commit,
                    struct nv_docresult *result, struct nv_err *err);
int nv_mongo_probe_transactions(struct nv_mongo_call *call, struct nv_err *err);

/* mongolog.c: slots. */
int nv_mongo_log_open(struct nv_docstore *base, size_t newest, struct nv_doclog **ret_log,
                      struct nv_err *err);
void nv_mongo_log_close(struct nv_doclog *base);
int nv_mongo_log_read(struct nv_doclog *base, nv_docstore_doc_fn *fn, void *ctx,
                      struct nv_err *err);

/* mongouri.c: the URI as the driver gets it, our defaults where the user chose nothing. Errors:
 * -EINVAL. Owns: mongoc_uri_destroy. */
int nv_mongo_uri(const char *text, uint32_t timeout_ms, mongoc_uri_t **ret_uri, struct nv_err *err);

/* What may be shown of it. NULL: out of memory. Owns: free. */
char *nv_mongo_location(const mongoc_uri_t *uri);

#endif
