/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The changelog of the MongoDB store. Its order is that of the entries' _ids, ObjectIds that begin
 * with the second of their making: the only order that every server has an index for. Machines'
 * clocks differ, and a pending entry is settled later than others, so an entry can come with an _id
 * below what was delivered: each read asks again for the last seconds, and now and then for the
 * last minutes, and remembers what it has delivered of them. Entries that were seen pending are
 * remembered however old they get.
 */
#include "config.h"

#include "docstore/mongo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strmap.h"
#include "docstore/build.h"
#include "docstore/key.h"
#include "docstore/seqlog.h"

enum {
	WINDOW_S = 600,        /* how late an entry may come */
	OVERLAP_S = 10,        /* how late most come */
	WIDE_EVERY_MS = 30000, /* how often the others are looked for */
	FORGET_EVERY = 10000,  /* deliveries */
};

struct mongo_log {
	struct nv_doclog base;
	bson_oid_t newest; /* of all entries seen */
	bool any;          /* newest is set */
	bool started;      /* everything up to newest was delivered once */
	bson_oid_t floor;  /* nothing below is asked for */
	int64_t wide_ms;   /* when the last minutes are to be looked through again */
	size_t deliveries;
	/* owned; keys of entries of the window that were delivered, or are not wanted */
	struct nv_strmap *done;
	/* owned; keys of entries that were not settled; values: an _id document */
	struct nv_strmap *pending;
};

/* A read under way. */
struct reading {
	struct mongo_log *log;
	nv_docstore_doc_fn *fn;
	void *ctx;
	bool mark_only; /* nothing is delivered: the settled ones are not wanted */
};

static char present; /* the value of a set's keys; a map has no NULL */

static uint32_t seconds_of(const bson_oid_t *oid)
{
	return (uint32_t)oid->bytes[0] << 24 | (uint32_t)oid->bytes[1] << 16 |
	       (uint32_t)oid->bytes[2] << 8 | oid->bytes[3];
}

/* The first _id of `back_s` seconds before oid. */
static void before(const bson_oid_t *oid, uint32_t back_s, bson_oid_t *ret_oid)
{
	uint32_t seconds = seconds_of(oid);
	uint32_t from = seconds > back_s ? seconds - back_s : 0;
	memset(ret_oid, 0, sizeof(*ret_oid));
	for (int i = 0; i < 4; i++) {
		ret_oid->bytes[i] = (uint8_t)(from >> (24 - 8 * i));
	}
}

/* Where a look for the last seconds begins. */
static void window_start(const struct mongo_log *log, uint32_t back_s, bson_oid_t *ret_oid)
{
	*ret_oid = log->floor;
	if (log->any) {
		before(&log->newest, back_s, ret_oid);
		if (bson_oid_compare(ret_oid, &log->floor) < 0) {
			*ret_oid = log->floor;
		}
	}
}

static bool oid_of_key(const char *key, size_t size, bson_oid_t *ret_oid)
{
	/* An ObjectId's key is a byte and its 12 (key.h). */
	if (size != sizeof(ret_oid->bytes) + 1) {
		return false;
	}
	memcpy(ret_oid->bytes, key + 1, sizeof(ret_oid->bytes));
	return true;
}

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

static int remember_pending(struct mongo_log *log, const struct nv_buf *key,
                            const struct nv_bval *entry)
{
	struct nv_bval id;
	struct nv_buf *doc = calloc(1, sizeof(*doc));
	if (!doc || !nv_bval_field(entry, "_id", 3, &id)) {
		free(doc);
		return -ENOMEM;
	}
	size_t start = nv_bval_begin(doc);
	nv_build_value(doc, "_id", &id);
	nv_bval_end(doc, start);
	if (nv_buf_error(doc) < 0 ||
	    nv_strmap_set(log->pending, key->data, key->len, doc, NULL) < 0) {
		nv_buf_release(doc);
		free(doc);
		return -ENOMEM;
	}
	return 0;
}

static void forget_pending(struct mongo_log *log, const char *key, size_t size)
{
	struct nv_buf *doc = nv_strmap_remove(log->pending, key, size);
	if (doc) {
		nv_buf_release(doc);
		free(doc);
	}
}

static void see(struct mongo_log *log, const struct nv_buf *key)
{
	bson_oid_t oid;
	if (oid_of_key(key->data, key->len, &oid) &&
	    (!log->any || bson_oid_compare(&oid, &log->newest) > 0)) {
		log->newest = oid;
		log->any = true;
	}
}

/* What left the window is not asked for again. */
static void forget_old(struct mongo_log *log)
{
	bson_oid_t from;
	bson_oid_t oid;
	size_t cursor = 0;
	const char *key = NULL;
	size_t size = 0;
	void *value = NULL;
	window_start(log, WINDOW_S, &from);
	while (nv_strmap_next(log->done, &cursor, &key, &size, &value)) {
		if (oid_of_key(key, size, &oid) && bson_oid_compare(&oid, &from) < 0) {
			(void)nv_strmap_remove(log->done, key, size);
		}
	}
}

static int read_entry(void *ctx, const bson_t *doc, struct nv_err *err)
{
	struct reading *reading = ctx;
	struct mongo_log *log = reading->log;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	struct nv_bval entry = nv_bval_doc(doc);
	if (nv_bval_check(entry.data, entry.size) < 0 || nv_key_of_doc(&key, &entry) < 0) {
		return nv_fail(err, EIO, "a changelog entry is damaged");
	}
	if (nv_strmap_get(log->done, key.data, key.len)) {
		return 0;
	}
	if (nv_seqlog_is_pending(&entry)) {
		see(log, &key);
		return !nv_strmap_get(log->pending, key.data, key.len) &&
		                       remember_pending(log, &key, &entry) < 0
		               ? no_memory(err)
		               : 0;
	}
	if (nv_strmap_set(log->done, key.data, key.len, &present, NULL) < 0) {
		return no_memory(err);
	}
	int rc = reading->mark_only ? 0 : reading->fn(reading->ctx, 0, doc, err);
	if (rc < 0) {
		(void)nv_strmap_remove(log->done, key.data, key.len);
		return rc;
	}
	see(log, &key);
	forget_pending(log, key.data, key.len);
	if (++log->deliveries % FORGET_EVERY == 0) {
		forget_old(log);
	}
	return rc;
}

/* Reads what may be new, in the order of _ids. */
static int read_new(struct nv_mongo_call *call, struct reading *reading, const bson_oid_t *from,
                    struct nv_err *err)
{
	static const bson_oid_t least;
	bson_t filter = BSON_INITIALIZER;
	bson_t range;
	/* The first look is for every type of _id. */
	if (bson_oid_compare(from, &least) > 0) {
		BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
		BSON_APPEND_OID(&range, "$gte", from);
		bson_append_document_end(&filter, &range);
	}
	struct nv_mongo_find find = { .collection = NV_DOCSTORE_CHANGELOG,
		                      .filter = &filter,
		                      .sort = NV_DOCSORT_ID };
	int rc = nv_mongo_find(call, &find, read_entry, reading, err);
	bson_destroy(&filter);
	return rc;
}

/* Asks for the entries that were pending and lie before what is looked through. */
static int read_pending(struct nv_mongo_call *call, struct reading *reading, const bson_oid_t *from,
                        struct nv_err *err)
{
	struct mongo_log *log = reading->log;
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	bson_oid_t oid;
	size_t cursor = 0;
	size_t count = 0;
	const char *key = NULL;
	size_t size = 0;
	void *value = NULL;
	size_t doc = nv_bval_begin(&bytes);
	size_t id = nv_build_open(&bytes, BSON_TYPE_DOCUMENT, "_id");
	size_t list = nv_build_open(&bytes, BSON_TYPE_ARRAY, "$in");
	while (nv_strmap_next(log->pending, &cursor, &key, &size, &value)) {
		struct nv_bval holder = nv_build_doc(value);
		struct nv_bval wanted;
		bool old = !oid_of_key(key, size, &oid) || bson_oid_compare(&oid, from) < 0;
		if (old && nv_bval_field(&holder, "_id", 3, &wanted)) {
			nv_build_value_at(&bytes, count++, &wanted);
		}
	}
	nv_bval_end(&bytes, list);
	nv_bval_end(&bytes, id);
	nv_bval_end(&bytes, doc);
	bson_t filter;
	int rc = count > 0 ? nv_build_view(&bytes, &filter, err) : 0;
	if (rc < 0 || count == 0) {
		return rc;
	}
	struct nv_mongo_find find = { .collection = NV_DOCSTORE_CHANGELOG,
		                      .filter = &filter,
		                      .sort = NV_DOCSORT_ID };
	return nv_mongo_find(call, &find, read_entry, reading, err);
}

/* ---- Opening ---- */

/* The newest entries: which is first and which last. */
struct ends {
	bson_oid_t first;
	bson_oid_t last;
	bool any;
};

static int note_end(void *ctx, const bson_t *doc, struct nv_err *err)
{
	struct ends *ends = ctx;
	bson_iter_t iter;
	(void)err;
	if (bson_iter_init_find(&iter, doc, "_id") && BSON_ITER_HOLDS_OID(&iter)) {
		ends->first = *bson_iter_oid(&iter);
		if (!ends->any) {
			ends->last = ends->first;
			ends->any = true;
		}
	}
	return 0;
}

static int find_ends(struct nv_mongo_call *call, size_t newest, struct ends *ends,
                     struct nv_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	bson_t fields = BSON_INITIALIZER;
	BSON_APPEND_NULL(&filter, "pending");
	BSON_APPEND_INT32(&fields, "_id", 1);
	struct nv_mongo_find find = {
		.collection = NV_DOCSTORE_CHANGELOG,
		.filter = &filter,
		.projection = &fields,
		.sort = NV_DOCSORT_ID_DOWN,
		.limit = newest > 0 ? newest : 1,
	};
	int rc = nv_mongo_find(call, &find, note_end, ends, err);
	bson_destroy(&fields);
	bson_destroy(&filter);
	return rc;
}

/* Entries of the last minutes that are older than the newest asked for: what is settled is not
 * wanted, and what comes among them later is. */
static int mark_unwanted(struct nv_mongo_call *call, struct mongo_log *log, size_t newest,
                         const struct ends *ends, struct nv_err *err)
{
	struct reading reading = { .log = log, .mark_only = true };
	bson_t filter = BSON_INITIALIZER;
	bson_t range;
	bson_oid_t from;
	before(&ends->last, WINDOW_S, &from);
	BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
	BSON_APPEND_OID(&range, "$gte", &from);
	BSON_APPEND_OID(&range, newest > 0 ? "$lt" : "$lte", &ends->first);
	bson_append_document_end(&filter, &range);
	struct nv_mongo_find find = { .collection = NV_DOCSTORE_CHANGELOG, .filter = &filter };
	int rc = nv_mongo_find(call, &find, read_entry, &reading, err);
	bson_destroy(&filter);
	log->floor = bson_oid_compare(&from, &ends->first) < 0 ? from : ends->first;
	log->newest = ends->last;
	log->any = newest == 0;
	log->started = newest == 0;
	return rc;
}

static int begin_with(struct mongo_log *log, size_t newest, struct nv_err *err)
{
	struct nv_mongo_call call;
	struct ends ends = { .any = false };
	int rc = nv_mongo_begin(nv_mongo(log->base.store), &call, err);
	if (rc < 0) {
		return rc;
	}
	rc = find_ends(&call, newest, &ends, err);
	rc = rc < 0 || !ends.any ? rc : mark_unwanted(&call, log, newest, &ends, err);
	nv_mongo_end(&call);
	return rc;
}

static void log_free(struct mongo_log *log)
{
	size_t cursor = 0;
	const char *key = NULL;
	size_t size = 0;
	void *value = NULL;
	while (log->pending && nv_strmap_next(log->pending, &cursor, &key, &size, &value)) {
		forget_pending(log, key, size);
	}
	nv_strmap_free(log->pending, NULL);
	nv_strmap_free(log->done, NULL);
	free(log);
}

int nv_mongo_log_open(struct nv_docstore *base, size_t newest, struct nv_doclog **ret_log,
                      struct nv_err *err)
{
	struct mongo_log *log = calloc(1, sizeof(*log));
	if (!log) {
		return no_memory(err);
	}
	log->base.store = base;
	log->done = nv_strmap_new();
	log->pending = nv_strmap_new();
	int rc = log->done && log->pending ? 0 : no_memory(err);
	if (rc == 0 && newest != SIZE_MAX) {
		rc = begin_with(log, newest, err);
	}
	if (rc < 0) {
		log_free(log);
		return rc;
	}
	*ret_log = &log->base;
	return 0;
}

void nv_mongo_log_close(struct nv_doclog *base)
{
	log_free((struct mongo_log *)base);
}

int nv_mongo_log_read(struct nv_doclog *base, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	struct mongo_log *log = (struct mongo_log *)base;
	struct reading reading = { .log = log, .fn = fn, .ctx = ctx };
	struct nv_mongo_call call;
	int rc = nv_mongo_begin(nv_mongo(base->store), &call, err);
	if (rc < 0) {
		return rc;
	}
	int64_t now_ms = nv_clock_ms(base->store->clock);
	bool wide = now_ms >= log->wide_ms;
	bson_oid_t from = log->floor;
	if (log->started) {
		window_start(log, wide ? WINDOW_S : OVERLAP_S, &from);
	}
	rc = read_pending(&call, &reading, &from, err);
	rc = rc != 0 ? rc : read_new(&call, &reading, &from, err);
	nv_mongo_end(&call);
	if (rc == 0) {
		log->started = true;
		log->wide_ms = wide ? now_ms + WIDE_EVERY_MS : log->wide_ms;
		forget_old(log);
	} else if (log->any) { /* what was delivered of the first look is not asked for again */
		window_start(log, WINDOW_S, &log->floor);
	}
	return rc < 0 ? rc : 0;
}
