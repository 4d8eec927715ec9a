/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call of the MongoDB store: a client borrowed, the breaker before it, what errors mean, and
 * find.
 */
#include "config.h"

#include "docstore/mongo.h"

#include <errno.h>
#include <string.h>

#include "docstore/build.h"

enum {
	FIND_BATCH = 2000, /* documents of one reply; the server keeps a reply below 16 MiB */
};

int64_t nv_mongo_left_ms(const struct nv_mongo_call *call)
{
	int64_t left_ms = call->deadline_ms - nv_clock_ms(call->store->base.clock);
	return left_ms > 0 ? left_ms : 0;
}

int nv_mongo_check_time(const struct nv_mongo_call *call, struct nv_err *err)
{
	if (nv_mongo_left_ms(call) > 0) {
		return 0;
	}
	return nv_fail(err, ETIMEDOUT, "%s did not answer in time", call->store->location);
}

int nv_mongo_begin(struct nv_mongo *store, struct nv_mongo_call *ret_call, struct nv_err *err)
{
	int64_t now_ms = nv_clock_ms(store->base.clock);
	struct nv_mongo_call call = { .store = store,
		                      .started_ms = now_ms,
		                      .deadline_ms = now_ms + store->base.timeout_ms,
		                      .outcome = NV_OUTCOME_UNKNOWN };
	pthread_mutex_lock(&store->mutex);
	int rc = nv_breaker_admit(&store->breaker, now_ms, &call.probe, err);
	pthread_mutex_unlock(&store->mutex);
	if (rc < 0) {
		return rc;
	}
	call.client = mongoc_client_pool_pop(store->pool);
	if (!call.client) {
		rc = nv_fail(err, ETIMEDOUT, "%s: all connections are busy", store->location);
		nv_mongo_end(&call);
		return rc;
	}
	*ret_call = call;
	return 0;
}

void nv_mongo_end(struct nv_mongo_call *call)
{
	struct nv_mongo *store = call->store;
	if (call->session) {
		mongoc_client_session_destroy(call->session);
		call->session = NULL;
	}
	if (call->client) {
		mongoc_client_pool_push(store->pool, call->client);
	}
	pthread_mutex_lock(&store->mutex);
	nv_breaker_done(&store->breaker, nv_clock_ms(store->base.clock), call->probe, call->outcome,
	                &call->outcome_err);
	pthread_mutex_unlock(&store->mutex);
}

/* ---- Errors ---- */

/* What the server's codes are to us. */
static int errnum_of(int code)
{
	switch (code) {
	case 11000: /* DuplicateKey, and its old numbers */
	case 11001:
	case 12582:
		return EEXIST;
	case 121: /* DocumentValidationFailure */
	case 66:  /* ImmutableField */
	case 22:  /* InvalidBSON */
	case 52:  /* DollarPrefixedFieldName */
	case 56:  /* EmptyFieldName */
	case 57:  /* DottedFieldName */
	case 15:  /* Overflow: nested too deep */
		return EINVAL;
	case 13:   /* Unauthorized */
	case 18:   /* AuthenticationFailed */
	case 8000: /* AtlasError: of the login */
		return EACCES;
	case 50:  /* MaxTimeMSExpired */
	case 262: /* ExceededTimeLimit */
	case 24:  /* LockTimeout */
		return ETIMEDOUT;
	case 10334: /* BSONObjectTooLarge, and what updates and inserts say instead */
	case 17280:
	case 17419:
	case 17420:
		return EFBIG;
	case 14031: /* OutOfDiskSpace */
		return ENOSPC;
	default:
		return EIO;
	}
}

static bool is_unsupported(int code)
{
	static const int codes[] = { 20, 59, 115, 238, 263, 303, 40324, 40573 };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (code == codes[i]) {
			return true;
		}
	}
	return false;
}

/* Codes of a server that is no primary, or on its way to its end: another try finds the new one. */
static bool is_leaving(int code)
{
	static const int codes[] = { 91, 189, 10107, 11600, 11602, 13435, 13436 };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (code == codes[i]) {
			return true;
		}
	}
	return false;
}

/* The server answered with an error. */
static int failed_there(struct nv_mongo_call *call, const bson_error_t *error,
                        struct nv_mongo_fault *fault, struct nv_err *err)
{
	int code = (int)error->code;
	call->outcome = NV_OUTCOME_ANSWERED;
	fault->code = code;
	fault->unsupported = is_unsupported(code);
	fault->retry = fault->retry || code == 112 || code == 251 || is_leaving(code);
	int errnum = errnum_of(code);
	fault->duplicate = errnum == EEXIST;
	return nv_fail(err, errnum, "%s says: %s", call->store->location, error->message);
}

/* No answer, or none that counts. */
static int failed_on_the_way(struct nv_mongo_call *call, const bson_error_t *error,
                             struct nv_mongo_fault *fault, struct nv_err *err)
{
	int64_t waited_ms = nv_clock_ms(call->store->base.clock) - call->started_ms;
	bool slow = waited_ms >= call->store->slow_ms;
	fault->unreached = error->domain == MONGOC_ERROR_SERVER_SELECTION;
	fault->lost = !fault->unreached;
	if (error->domain == MONGOC_ERROR_CLIENT &&
	    error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) {
		call->outcome = NV_OUTCOME_ANSWERED;
		fault->unreached = true;
		fault->lost = false;
		return nv_fail(err, EACCES, "%s refuses the login", call->store->location);
	}
	int rc = nv_fail(err, slow ? ETIMEDOUT : EIO, "%s: %s", call->store->location,
	                 error->message);
	call->outcome = slow ? NV_OUTCOME_WAITED : NV_OUTCOME_FAILED;
	if (err) {
		call->outcome_err = *err;
	} else {
		(void)nv_fail(&call->outcome_err, slow ? ETIMEDOUT : EIO, "%s does not answer",
		              call->store->location);
	}
	return rc;
}

/* The driver knows that the server has no sessions or transactions. */
static int failed_here(struct nv_mongo_call *call, const bson_error_t *error,
                       struct nv_mongo_fault *fault, struct nv_err *err)
{
	fault->unsupported = true;
	return nv_fail(err, EIO, "%s: %s", call->store->location, error->message);
}

int nv_mongo_failed(struct nv_mongo_call *call, const bson_error_t *error, const bson_t *reply,
                    struct nv_err *err)
{
	struct nv_mongo_fault *fault = &call->fault;
	*fault = (struct nv_mongo_fault){ 0 };
	if (reply && (mongoc_error_has_label(reply, "TransientTransactionError") ||
	              mongoc_error_has_label(reply, "RetryableWriteError"))) {
		fault->retry = true;
	}
	switch (error->domain) {
	case MONGOC_ERROR_SERVER:
	case MONGOC_ERROR_WRITE_CONCERN_ERROR:
		return failed_there(call, error, fault, err);
	case MONGOC_ERROR_WRITE_CONCERN:
		call->outcome = NV_OUTCOME_ANSWERED;
		fault->lost = true;
		return nv_fail(err, EIO, "%s has it, but not confirmed by a majority in time: %s",
		               call->store->location, error->message);
	case MONGOC_ERROR_BSON:
		return nv_fail(err,
		               error->code == MONGOC_ERROR_BSON_INVALID &&
		                               strstr(error->message, "too large")
		                       ? EFBIG
		                       : EINVAL,
		               "the document cannot be sent: %s", error->message);
	case MONGOC_ERROR_TRANSACTION:
		return failed_here(call, error, fault, err);
	case MONGOC_ERROR_CLIENT:
		if (error->code == MONGOC_ERROR_CLIENT_SESSION_FAILURE) {
			return failed_here(call, error, fault, err);
		}
		return failed_on_the_way(call, error, fault, err);
	case MONGOC_ERROR_STREAM:
	case MONGOC_ERROR_SERVER_SELECTION:
	case MONGOC_ERROR_PROTOCOL:
	case MONGOC_ERROR_SCRAM:
	case MONGOC_ERROR_SASL:
	default:
		return failed_on_the_way(call, error, fault, err);
	}
}

/* ---- Commands ---- */

mongoc_collection_t *nv_mongo_collection(struct nv_mongo_call *call, const char *name)
{
	return mongoc_client_get_collection(call->client, call->store->database, name);
}

int nv_mongo_opts(struct nv_mongo_call *call, bson_t *ret_opts, struct nv_err *err)
{
	bson_error_t error;
	bson_init(ret_opts);
	if (call->session && !mongoc_client_session_append(call->session, ret_opts, &error)) {
		bson_destroy(ret_opts);
		return nv_mongo_failed(call, &error, NULL, err);
	}
	return 0;
}

static void append_find(struct nv_mongo_call *call, const struct nv_mongo_find *find, bson_t *opts)
{
	bool small = find->limit > 0 && find->limit < FIND_BATCH;
	if (find->projection) {
		BSON_APPEND_DOCUMENT(opts, "projection", find->projection);
	}
	if (find->sort != NV_DOCSORT_NONE) {
		bson_t sort;
		BSON_APPEND_DOCUMENT_BEGIN(opts, "sort", &sort);
		BSON_APPEND_INT32(&sort, "_id", find->sort == NV_DOCSORT_ID ? 1 : -1);
		bson_append_document_end(opts, &sort);
	}
	if (find->limit > 0) {
		BSON_APPEND_INT64(opts, "limit", (int64_t)find->limit);
	}
	/* One more than the limit, so that the first reply tells that it was the last. */
	BSON_APPEND_INT32(opts, "batchSize", small ? (int32_t)find->limit + 1 : FIND_BATCH);
	if (find->majority && call->store->majority) {
		bson_t concern;
		BSON_APPEND_DOCUMENT_BEGIN(opts, "readConcern", &concern);
		BSON_APPEND_UTF8(&concern, "level", "majority");
		bson_append_document_end(opts, &concern);
	}
	BSON_APPEND_INT64(opts, "maxTimeMS", nv_mongo_left_ms(call));
}

/* Delivers what a cursor has. */
static int drain(struct nv_mongo_call *call, mongoc_cursor_t *cursor, nv_mongo_doc_fn *fn,
                 void *ctx, struct nv_err *err)
{
	const bson_t *doc = NULL;
	bson_error_t error;
	const bson_t *reply = NULL;
	int rc = 0;
	while (rc == 0 && mongoc_cursor_next(cursor, &doc)) {
		call->outcome = NV_OUTCOME_ANSWERED;
		rc = fn(ctx, doc, err);
		rc = rc != 0 ? rc : nv_mongo_check_time(call, err);
	}
	if (rc != 0) {
		return rc;
	}
	if (mongoc_cursor_error_document(cursor, &error, &reply)) {
		return nv_mongo_failed(call, &error, reply, err);
	}
	call->outcome = NV_OUTCOME_ANSWERED;
	return 0;
}

int nv_mongo_find(struct nv_mongo_call *call, const struct nv_mongo_find *find, nv_mongo_doc_fn *fn,
                  void *ctx, struct nv_err *err)
{
	bson_t opts;
	int rc = nv_mongo_check_time(call, err);
	rc = rc < 0 ? rc : nv_mongo_opts(call, &opts, err);
	if (rc < 0) {
		return rc;
	}
	append_find(call, find, &opts);
	mongoc_collection_t *collection = nv_mongo_collection(call, find->collection);
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(
		collection, find->filter, &opts, call->primary ? call->store->primary : NULL);
	rc = drain(call, cursor, fn, ctx, err);
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(collection);
	bson_destroy(&opts);
	return rc;
}
