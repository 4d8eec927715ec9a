/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time series: documents of one domain (or of none) as one NDJSON file for each chunk size and UTC
 * day, oldest line first. Sizes are exact always; content is kept within a budget, and beyond it
 * read again day by day.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/cleanup.h"
#include "netgoat/listing.h"

#define CONTENT_BUDGET (8 * 1024 * 1024)
#define DAY_MS (24 * 60 * 60 * 1000LL)
#define SUFFIX ".ndjson"
#define UNDATED "undated"

/* One document's line. */
struct line {
	int64_t at_ms;
	size_t key_at; /* in keys: of the _id, the order of equal times whoever asks, and how */
	size_t key_size;
	size_t offset; /* in text */
	size_t size;
	uint32_t crc;
};

/* One file that is being made. */
struct day {
	size_t size;        /* chunk size, index */
	char name[32];      /* "2026-11-24" */
	struct nv_buf text; /* lines as received; empty once dropped */
	struct nv_buf keys; /* of their _ids */
	struct line *lines; /* owned */
	size_t count;
	size_t cap;
	uint64_t bytes;
	bool dropped; /* content was over the budget */
	bool stamped; /* every document has an update time */
	struct timespec mtime;
};

/* All of them. */
struct gather {
	struct nv_docdir dir;
	struct nv_strmap *days; /* owned; size and name -> struct day */
	size_t budget;
	const char *only_size; /* NULL = all */
	const char *only_day;
	int64_t sampled_ms;
};

const char *nv_chunk_size_name(size_t size)
{
	static const char *const names[NV_CHUNK_SIZES] = { "minute", "hour", "other" };
	return names[size];
}

/* When a document is of: its time, else its ObjectId's. False: nobody knows. */
static bool time_of(const struct nv_schema_kind *kind, const bson_t *doc, int64_t *ret_ms)
{
	bson_iter_t iter;
	if (nv_schema_find(kind, NV_ROLE_TIME, doc, &iter, NULL)) {
		*ret_ms = BSON_ITER_HOLDS_DATE_TIME(&iter) ? bson_iter_date_time(&iter) : 0;
		return BSON_ITER_HOLDS_DATE_TIME(&iter);
	}
	if (bson_iter_init_find(&iter, doc, "_id") && BSON_ITER_HOLDS_OID(&iter)) {
		*ret_ms = (int64_t)bson_oid_get_time_t(bson_iter_oid(&iter)) * 1000;
		return true;
	}
	return false;
}

static bool day_name(int64_t ms, char ret_name[32])
{
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999) {
		return false;
	}
	(void)snprintf(ret_name, 32, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
	               tm.tm_mday);
	return true;
}

size_t nv_chunk_of(const struct nv_schema_kind *kind, const bson_t *doc, char ret_day[32])
{
	int64_t ms = 0;
	if (!time_of(kind, doc, &ms) || !day_name(ms, ret_day)) {
		(void)strcpy(ret_day, UNDATED);
	}
	const char *chunk = NULL;
	size_t size = 0;
	for (size_t i = 0;
	     i < NV_CHUNK_SIZES - 1 && nv_doc_string(kind, NV_ROLE_CHUNK, doc, &chunk, &size);
	     i++) {
		if (strlen(nv_chunk_size_name(i)) == size &&
		    strncasecmp(nv_chunk_size_name(i), chunk, size) == 0) {
			return i;
		}
	}
	return NV_CHUNK_SIZES - 1;
}

static void free_day(void *value)
{
	struct day *day = value;
	nv_buf_release(&day->text);
	nv_buf_release(&day->keys);
	free(day->lines);
	free(day);
}

static struct day *find_day(struct gather *gather, size_t size, const char *name)
{
	char key[64];
	int key_size = snprintf(key, sizeof(key), "%zu/%s", size, name);
	struct day *day = nv_strmap_get(gather->days, key, (size_t)key_size);
	if (day) {
		return day;
	}
	day = calloc(1, sizeof(*day));
	if (!day) {
		return NULL;
	}
	day->size = size;
	day->stamped = gather->dir.mode != NV_TEXT_FULL;
	(void)snprintf(day->name, sizeof(day->name), "%s", name);
	if (nv_strmap_set(gather->days, key, (size_t)key_size, day, NULL)) {
		free_day(day);
		return NULL;
	}
	return day;
}

static void note_mtime(struct day *day, const struct nv_schema_kind *kind, const bson_t *doc)
{
	struct timespec mtime;
	if (!nv_text_mtime(kind, doc, &mtime)) {
		day->stamped = false;
	} else if (mtime.tv_sec > day->mtime.tv_sec ||
	           (mtime.tv_sec == day->mtime.tv_sec && mtime.tv_nsec > day->mtime.tv_nsec)) {
		day->mtime = mtime;
	}
}

/* Content goes as a whole once the budget is gone: half a file is of no use. */
static void drop(struct gather *gather, struct day *day)
{
	gather->budget += day->text.len;
	nv_buf_release(&day->text);
	day->dropped = true;
}

/* Room for one more line, and the key of its document. */
static struct line *new_line(struct day *day, const bson_t *doc)
{
	bson_iter_t iter;
	if (day->count == day->cap) {
		size_t cap = day->cap ? day->cap * 2 : 32;
		struct line *grown = reallocarray(day->lines, cap, sizeof(*grown));
		if (!grown) {
			return NULL;
		}
		day->lines = grown;
		day->cap = cap;
	}
	struct line *line = &day->lines[day->count];
	*line = (struct line){ .key_at = day->keys.len };
	if (bson_iter_init_find(&iter, doc, "_id") &&
	    nv_docvalue_key(bson_iter_value(&iter), &day->keys) == -ENOMEM) {
		return NULL;
	}
	line->key_size = day->keys.len - line->key_at;
	day->count++;
	return line;
}

static int add_line(struct gather *gather, struct day *day, int64_t at_ms, const bson_t *doc,
                    struct nv_err *err)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	struct nv_facts facts = nv_docdir_facts(&gather->dir, false);
	int rc = nv_text_format(gather->dir.ng->schema, gather->dir.kind, &facts, doc,
	                        gather->dir.mode, true, &text, err);
	if (rc < 0) {
		return rc;
	}
	struct line *line = new_line(day, doc);
	if (!line) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	line->at_ms = at_ms;
	line->size = text.len;
	line->crc = nv_crc32(text.data, text.len);
	day->bytes += text.len;
	if (!day->dropped && text.len > gather->budget) {
		drop(gather, day);
	}
	if (day->dropped) {
		return 0;
	}
	line->offset = day->text.len;
	nv_buf_append(&day->text, text.data, text.len);
	gather->budget -= text.len;
	return nv_buf_error(&day->text) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int take(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct gather *gather = ctx;
	(void)collection;
	char name[32];
	size_t size = nv_chunk_of(gather->dir.kind, doc, name);
	if ((gather->only_day && strcmp(name, gather->only_day) != 0) ||
	    (gather->only_size && strcmp(nv_chunk_size_name(size), gather->only_size) != 0)) {
		return 0;
	}
	struct day *day = find_day(gather, size, name);
	if (!day) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int64_t at_ms = 0;
	(void)time_of(gather->dir.kind, doc, &at_ms);
	note_mtime(day, gather->dir.kind, doc);
	return add_line(gather, day, at_ms, doc, err);
}

static int compare_lines(const void *a, const void *b, void *keys)
{
	const struct line *x = a;
	const struct line *y = b;
	const char *bytes = ((const struct nv_buf *)keys)->data;
	if (x->at_ms != y->at_ms) {
		return x->at_ms < y->at_ms ? -1 : 1;
	}
	size_t shorter = x->key_size < y->key_size ? x->key_size : y->key_size;
	int order = shorter ? memcmp(bytes + x->key_at, bytes + y->key_at, shorter) : 0;
	return order ? order : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

/* Oldest first. */
static void sort_lines(struct day *day)
{
	if (day->count) {
		qsort_r(day->lines, day->count, sizeof(*day->lines), compare_lines, &day->keys);
	}
}

/* The time of a file whose text was dropped, as fs/ makes it of a text (DESIGN 2: nobody recorded
 * one). */
static struct timespec fingerprint(const struct day *day)
{
	uint32_t crc = 0;
	for (size_t i = 0; i < day->count; i++) {
		crc = nv_crc32_join(crc, day->lines[i].crc, day->lines[i].size);
	}
	return (struct timespec){ .tv_sec = crc & 0x1ffffff };
}

static struct nv_blob *make_blob(const struct gather *gather, struct day *day)
{
	cleanup_buf struct nv_buf sorted = NV_BUF_INIT;
	nv_buf_reserve(&sorted, day->text.len);
	for (size_t i = 0; i < day->count; i++) {
		nv_buf_append(&sorted, day->text.data + day->lines[i].offset, day->lines[i].size);
	}
	size_t size = 0;
	char *text = nv_buf_steal(&sorted, &size);
	struct nv_blob *blob =
		text ? nv_blob_new(text, size, gather->sampled_ms, NULL, NULL) : NULL;
	if (blob) {
		blob->stamped = day->stamped;
		blob->mtime = day->mtime;
	}
	return blob;
}

static int add_day(const struct gather *gather, struct day *day, struct nv_docsnap *snap)
{
	sort_lines(day);
	struct nv_blob *blob = day->dropped ? NULL : make_blob(gather, day);
	if (!blob && !day->dropped) {
		return -ENOMEM;
	}
	char *name = NULL;
	if (asprintf(&name, "%s" SUFFIX, day->name) < 0) {
		name = NULL;
	}
	struct nv_docitem *item = nv_docsnap_add(snap, name, blob, NULL, NULL);
	if (!item) {
		return -ENOMEM;
	}
	item->size = day->bytes;
	item->stamped = day->stamped;
	item->mtime = day->stamped ? day->mtime : fingerprint(day);
	return 0;
}

/* The days of one chunk size. */
static int make_snap(const struct gather *gather, size_t size, struct nv_docsnap **ret_snap)
{
	cleanup_docsnap struct nv_docsnap *snap = nv_docsnap_new(gather->sampled_ms);
	size_t cursor = 0;
	void *value = NULL;
	int rc = snap ? 0 : -ENOMEM;
	while (rc == 0 && nv_strmap_next(gather->days, &cursor, NULL, NULL, &value)) {
		struct day *day = value;
		if (day->size == size) {
			rc = add_day(gather, day, snap);
		}
	}
	rc = rc ? rc : nv_docsnap_finish(snap, SUFFIX);
	if (rc == 0) {
		*ret_snap = steal(&snap);
	}
	return rc;
}

static int begin(struct gather *gather, struct nv_netgoat *ng, const struct nv_ng_place *place,
                 enum nv_text_mode mode, int64_t sampled_ms)
{
	*gather = (struct gather){ .dir = nv_docdir_of(ng, place, NV_DOC_ANALYTICS, mode),
		                   .budget = CONTENT_BUDGET,
		                   .sampled_ms = sampled_ms };
	gather->days = nv_strmap_new();
	return gather->days ? 0 : -ENOMEM;
}

static int append_key(const struct gather *gather, const char *size, struct nv_buf *out)
{
	int rc = nv_docdir_key(&gather->dir, out);
	nv_buf_printf(out, ";chunks;%s", size ? size : "");
	return rc ? rc : nv_buf_error(out);
}

/* Keeps the directories of all sizes; *ret_snap is the one asked for, or analytics/ itself. */
static int finish(struct gather *gather, const char *size, struct nv_cache_stamp stamp,
                  struct nv_docsnap **ret_snap)
{
	struct nv_cache *cache = gather->dir.ng->cache;
	cleanup_docsnap struct nv_docsnap *sizes = nv_docsnap_new(gather->sampled_ms);
	cleanup_docsnap struct nv_docsnap *wanted = NULL;
	int rc = sizes ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < NV_CHUNK_SIZES; i++) {
		const char *name = nv_chunk_size_name(i);
		cleanup_docsnap struct nv_docsnap *snap = NULL;
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		rc = make_snap(gather, i, &snap);
		if (rc) {
			break;
		}
		bool asked = size && strcmp(size, name) == 0;
		if (append_key(gather, name, &key) == 0) {
			(void)nv_cache_put(cache, key.data, key.len, snap, stamp, !asked,
			                   NULL); /* not kept: asked for again */
		}
		if (snap->count && !nv_docsnap_add(sizes, strdup(name), NULL, NULL, NULL)) {
			rc = -ENOMEM;
		}
		if (asked) {
			wanted = nv_docsnap_ref(snap);
		}
	}
	rc = rc ? rc : nv_docsnap_finish(sizes, "");
	if (rc == 0) {
		*ret_snap = size ? steal(&wanted) : steal(&sizes);
	}
	return rc;
}

int nv_chunks_read(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_text_mode mode,
                   const char *size, struct nv_docsnap **ret_snap, struct nv_err *err)
{
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	struct gather gather;
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	if (begin(&gather, ng, place, mode, stamp.sampled_ms)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	bool keyed = append_key(&gather, size, &key) == 0;
	struct nv_docsnap *kept = keyed && size && !nv_ng_place_is_stale(place)
	                                  ? nv_cache_get(ng->cache, key.data, key.len, NULL, NULL)
	                                  : NULL;
	if (kept) {
		nv_strmap_free(gather.days, free_day);
		*ret_snap = kept;
		return 0;
	}
	struct nv_docask ask = { .fn = take, .ctx = &gather };
	nv_docdir_ask(&gather.dir, &ask, &batch.arena);
	int rc = nv_docbatch_add(&batch, &ask) ? nv_fail(err, ENOMEM, "out of memory")
	                                       : nv_ng_place_run(ng, place, &batch, err);
	if (rc == 0 && finish(&gather, size, stamp, ret_snap)) {
		rc = nv_fail(err, ENOMEM, "out of memory");
	}
	nv_strmap_free(gather.days, free_day);
	return rc;
}

/* "2026-11-24" -> its first millisecond. */
static bool parse_day(const char *name, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	const char *end = strptime(name, "%Y-%m-%d", &tm);
	char again[32];
	if (!end || *end) {
		return false;
	}
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return day_name(*ret_ms, again) && strcmp(again, name) == 0;
}

/* The questions that find all documents of a day: dated so, or not dated at all (then their
 * ObjectId may say so). */
static int ask_day(struct gather *gather, struct nv_docbatch *batch, int64_t day_ms)
{
	struct nv_docask dated = { .fn = take, .ctx = gather };
	nv_docdir_ask(&gather->dir, &dated, &batch->arena);
	nv_docask_term(&dated, NV_ROLE_TIME, NV_DOCTERM_GE, nv_arena_date(&batch->arena, day_ms),
	               1);
	nv_docask_term(&dated, NV_ROLE_TIME, NV_DOCTERM_LT,
	               nv_arena_date(&batch->arena, day_ms + DAY_MS), 1);
	struct nv_docask bare = { .fn = take, .ctx = gather };
	nv_docdir_ask(&gather->dir, &bare, &batch->arena);
	nv_docask_term(&bare, NV_ROLE_TIME, NV_DOCTERM_NULL, NULL, 0);
	int rc = nv_docbatch_add(batch, &dated);
	return rc ? rc : nv_docbatch_add(batch, &bare);
}

/* A listing under a second old in which the file was shown, content and all. */
static struct nv_docsnap *find_kept(const struct gather *gather, const char *size,
                                    const char *component)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (nv_ng_place_is_stale(gather->dir.place) || append_key(gather, size, &key)) {
		return NULL;
	}
	struct nv_docsnap *snap =
		nv_cache_get(gather->dir.ng->cache, key.data, key.len, component, NULL);
	const struct nv_docitem *item = snap ? nv_docsnap_find(snap, component) : NULL;
	if (item && item->blob) {
		return snap;
	}
	nv_docsnap_unref(snap);
	return NULL;
}

int nv_chunk_read(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_text_mode mode,
                  const char *size, const char *component, struct nv_docsnap **ret_snap,
                  struct nv_err *err)
{
	char day[32];
	size_t name = strlen(component) >= strlen(SUFFIX) ? strlen(component) - strlen(SUFFIX) : 0;
	int64_t day_ms = 0;
	(void)snprintf(day, sizeof(day), "%.*s", (int)(name < sizeof(day) ? name : 0), component);
	bool undated = strcmp(day, UNDATED) == 0;
	if (!undated && !parse_day(day, &day_ms)) {
		return nv_fail(err, ENOENT,
		               "%s: analytics files are named by day, as 2026-11-24" SUFFIX,
		               component);
	}
	struct gather gather;
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	if (begin(&gather, ng, place, mode, nv_clock_ms(ng->clock))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct nv_docsnap *kept = find_kept(&gather, size, component);
	if (kept) {
		nv_strmap_free(gather.days, free_day);
		*ret_snap = kept;
		return 0;
	}
	gather.only_size = size;
	gather.only_day = day;
	gather.budget = SIZE_MAX;
	struct nv_docask all = { .fn = take, .ctx = &gather };
	nv_docdir_ask(&gather.dir, &all, &batch.arena);
	int rc = undated ? nv_docbatch_add(&batch, &all) : ask_day(&gather, &batch, day_ms);
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_ng_place_run(ng, place, &batch, err);
	for (size_t i = 0; rc == 0 && i < NV_CHUNK_SIZES; i++) {
		if (strcmp(nv_chunk_size_name(i), size) == 0 && make_snap(&gather, i, ret_snap)) {
			rc = nv_fail(err, ENOMEM, "out of memory");
		}
	}
	nv_strmap_free(gather.days, free_day);
	if (rc == 0 && (*ret_snap)->count == 0) {
		nv_docsnap_unref(*ret_snap);
		*ret_snap = NULL;
		rc = nv_fail(err, ENOENT, "no documents of that day");
	}
	return rc;
}
