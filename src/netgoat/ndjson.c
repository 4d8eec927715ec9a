/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of many documents, a line each, as they are written: an analytics file in a full or restore
 * mount, the changelog in a restore mount. What the file had and the new text has not goes; a text
 * that came in pieces ends as what the last of them says.
 *
 * In a restore mount what the text says is all that counts. In a full mount the lines must be of the
 * file, what others changed meanwhile is not written over, and all is one commit with one entry.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/bsondiff.h"
#include "codec/json.h"
#include "netgoat/whole.h"

/* Of one commit, at most: a server has limits of its own. */
#define COMMIT_WRITES 1000
#define COMMIT_BYTES (4 * 1024 * 1024)

/* Documents in order. */
struct docs {
	const bson_t **items;
	const char **from; /* [count]; their collections */
	size_t count;
	size_t cap;
	size_t from_cap;
};

/* One file under way. */
struct lines {
	struct nv_netgoat *ng;
	const struct nv_node *node;
	const char *collection; /* of new documents */
	struct nv_arena arena;
	struct docs mine;           /* what the text says */
	struct docs old;            /* what its writer read */
	struct docs stored;         /* what is there of both */
	struct nv_strmap *mine_ids; /* owned, as all three; _id -> document */
	struct nv_strmap *old_ids;
	struct nv_strmap *stored_ids;
	struct docs gone; /* what is to go */
	struct docs come; /* what is to come */
};

/* doc is the arena's. */
static int add(struct lines *lines, struct docs *docs, const bson_t *doc, const char *collection)
{
	struct nv_arena *arena = &lines->arena;
	if (!doc ||
	    nv_arena_grow(arena, (void **)&docs->items, docs->count, &docs->cap,
	                  sizeof(*docs->items)) ||
	    nv_arena_grow(arena, (void **)&docs->from, docs->count, &docs->from_cap,
	                  sizeof(*docs->from))) {
		return -ENOMEM;
	}
	docs->from[docs->count] = collection;
	docs->items[docs->count++] = doc;
	return 0;
}

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

/* The document of that _id in a map of them. */
static const bson_t *find_id(const struct nv_strmap *map, const bson_t *doc)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	bson_iter_t iter;
	return bson_iter_init_find(&iter, doc, "_id") &&
	                       nv_docvalue_key(bson_iter_value(&iter), &key) == 0
	               ? nv_strmap_get(map, key.data, key.len)
	               : NULL;
}

/* *ret_twin (may be NULL) is the document that had the _id before. */
static int note_id(struct nv_strmap *map, const bson_t *doc, void **ret_twin)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	bson_iter_t iter;
	int rc = bson_iter_init_find(&iter, doc, "_id")
	                 ? nv_docvalue_key(bson_iter_value(&iter), &key)
	                 : -EINVAL;
	return rc ? rc : nv_strmap_set(map, key.data, key.len, (void *)doc, ret_twin);
}

/* ---- Reading the text ---- */

/* The next line; false at the end. Empty lines are skipped. */
static bool next_line(const char **text, const char *end, size_t *number, const char **ret_line,
                      size_t *ret_size)
{
	while (*text < end) {
		const char *stop = memchr(*text, '\n', (size_t)(end - *text));
		*ret_line = *text;
		*ret_size = (size_t)((stop ? stop : end) - *text);
		*text = stop ? stop + 1 : end;
		++*number;
		if (*ret_size) {
			return true;
		}
	}
	return false;
}

/* One line as a document; its faults get the line's number. */
static int parse_line(const char *line, size_t size, size_t number, bson_t **ret_doc,
                      struct nv_faults *faults)
{
	struct nv_faults own = NV_FAULTS_INIT;
	bson_iter_t iter;
	int rc = nv_json_parse(line, size, NV_JSON_ALLOW_BSON, ret_doc, &own);
	for (size_t i = 0; rc && i < own.count; i++) {
		(void)nv_faults_add(faults, number, own.items[i].column, "%s", own.items[i].reason);
	}
	nv_faults_release(&own);
	if (rc == 0 && !bson_iter_init_find(&iter, *ret_doc, "_id")) {
		(void)nv_faults_add(faults, number, 1, "there is no _id: what is restored has one");
		bson_destroy(*ret_doc);
		return -EINVAL;
	}
	return rc;
}

static int refused(int rc, struct nv_err *err)
{
	return nv_fail(err, rc == -EFBIG ? EINVAL : -rc,
	               rc == -ENOMEM ? "out of memory" : "not a document a line");
}

int nv_ndjson_check(const char *text, size_t size, struct nv_faults *faults, struct nv_err *err)
{
	const char *end = text + size;
	const char *line = NULL;
	size_t line_size = 0;
	size_t number = 0;
	while (next_line(&text, end, &number, &line, &line_size)) {
		bson_t *doc = NULL;
		int rc = parse_line(line, line_size, number, &doc, faults);
		if (rc) {
			return refused(rc, err);
		}
		bson_destroy(doc);
	}
	return 0;
}

/* Reads a text into docs; ids: of those read, none of which may come again. */
static int read_text(struct lines *lines, const char *text, size_t size, struct docs *docs,
                     struct nv_strmap *ids, struct nv_faults *faults, struct nv_err *err)
{
	const char *end = text + size;
	const char *line = NULL;
	size_t line_size = 0;
	size_t number = 0;
	while (next_line(&text, end, &number, &line, &line_size)) {
		bson_t *doc = NULL;
		void *twin = NULL;
		int rc = parse_line(line, line_size, number, &doc, faults);
		if (rc) {
			return refused(rc, err);
		}
		doc = nv_arena_keep(&lines->arena, doc);
		rc = add(lines, docs, doc, lines->collection);
		rc = rc ? rc : note_id(ids, doc, &twin);
		if (rc == 0 && twin) {
			(void)nv_faults_add(faults, number, 1, "_id: an earlier line has it");
			return nv_fail(err, EINVAL, "two lines have one _id");
		}
		if (rc) {
			return refused(rc, err);
		}
	}
	return 0;
}

/* ---- Writing ---- */

/* One write of those that go, then those that come. */
static int add_write(struct lines *lines, struct nv_doctx *tx, size_t at)
{
	bool goes = at < lines->gone.count;
	const struct docs *docs = goes ? &lines->gone : &lines->come;
	size_t i = goes ? at : at - lines->gone.count;
	struct nv_docwrite insert = { .kind = NV_DOCWRITE_INSERT,
		                      .collection = docs->from[i],
		                      .doc = docs->items[i] };
	return goes ? nv_whole_remove(tx, docs->from[i], docs->items[i])
	            : nv_doctx_add(tx, &insert, NV_TX_PLAIN);
}

/* Commits from *at on as many as fit. */
static int commit_some(struct lines *lines, size_t *at, struct nv_err *err)
{
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, lines->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	size_t gone = lines->gone.count;
	size_t bytes = 0;
	size_t count = 0;
	for (; *at < gone + lines->come.count && count < COMMIT_WRITES; ++*at, count++) {
		bytes += (*at < gone ? lines->gone.items[*at] : lines->come.items[*at - gone])->len;
		if (count && bytes > COMMIT_BYTES) {
			break;
		}
		if (add_write(lines, &tx, *at)) {
			return no_memory(err);
		}
	}
	return nv_doctx_commit(&tx, &result, err);
}

static int commit_unlogged(struct lines *lines, struct nv_err *err)
{
	int rc = 0;
	for (size_t at = 0; rc == 0 && at < lines->gone.count + lines->come.count;) {
		rc = commit_some(lines, &at, err);
	}
	return rc;
}

/* The file's entry: of its domain, as when it goes with it; else of its first document. */
static int log_file(struct lines *lines, struct nv_doctx *tx, struct nv_err *err)
{
	const struct nv_schema_kind *kind = nv_ng_kind(lines->ng, NV_DOC_ANALYTICS);
	const struct docs *docs = lines->come.count ? &lines->come : &lines->gone;
	bson_iter_t iter;
	bool domain = nv_schema_find(kind, NV_ROLE_DOMAIN, docs->items[0], &iter, NULL);
	struct nv_tx_entry entry = { .verb = lines->mine.count == 0  ? "delete"
		                             : lines->old.count == 0 ? "create"
		                                                     : "update",
		                     .subject = nv_schema_word(NV_DOC_ANALYTICS),
		                     .kind = kind,
		                     .collection = docs->from[0],
		                     .id = domain ? nv_arena_value(&tx->arena, &iter)
		                                  : nv_doc_id(&tx->arena, docs->items[0]),
		                     .path = lines->node->path };
	return entry.id ? nv_doctx_log(tx, &entry, err) : no_memory(err);
}

static int commit_logged(struct lines *lines, struct nv_err *err)
{
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, lines->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	size_t count = lines->gone.count + lines->come.count;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = add_write(lines, &tx, i) ? no_memory(err) : 0;
	}
	if (rc || count == 0) {
		return rc;
	}
	rc = log_file(lines, &tx, err);
	rc = rc ? rc : nv_doctx_commit(&tx, &result, err);
	return (rc == -ENOENT || rc == -EEXIST) && result.failed < count
	               ? nv_fail(err, ESTALE, "somebody else changed the same documents")
	               : rc;
}

/* ---- The changelog ---- */

static int take_entry(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct lines *lines = ctx;
	(void)query;
	return add(lines, &lines->stored, nv_arena_keep(&lines->arena, bson_copy(doc)),
	           lines->collection)
	               ? no_memory(err)
	               : 0;
}

static struct docs rest_of(const struct docs *docs, size_t first)
{
	struct docs rest = { .count = docs->count - first };
	if (rest.count) {
		rest.items = docs->items + first;
		rest.from = docs->from + first;
	}
	return rest;
}

/* Its order is that of their making: all from the first that differs is made again. */
static int save_log(struct lines *lines, struct nv_err *err)
{
	struct nv_doclog *log = NULL;
	int rc = nv_doclog_open(lines->ng->store, SIZE_MAX, &log, err);
	rc = rc ? rc : nv_doclog_read(log, take_entry, lines, err);
	nv_doclog_close(log);
	if (rc) {
		return rc;
	}
	size_t same = 0;
	while (same < lines->mine.count && same < lines->stored.count &&
	       nv_bson_equal(lines->mine.items[same], lines->stored.items[same])) {
		same++;
	}
	lines->gone = rest_of(&lines->stored, same);
	lines->come = rest_of(&lines->mine, same);
	rc = commit_unlogged(lines, err);
	nv_history_reset(lines->ng->history);
	return rc;
}

/* ---- Analytics ---- */

static int take_there(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct lines *lines = ctx;
	if (find_id(lines->stored_ids, doc)) {
		return 0; /* asked for twice */
	}
	const bson_t *kept = nv_arena_keep(&lines->arena, bson_copy(doc));
	return add(lines, &lines->stored, kept, collection) ||
	                       note_id(lines->stored_ids, kept, NULL)
	               ? no_memory(err)
	               : 0;
}

/* The stored documents of the _ids of docs. */
static int ask_there(struct lines *lines, const struct docs *docs, struct nv_err *err)
{
	for (size_t at = 0; at < docs->count; at += COMMIT_WRITES) {
		size_t count = docs->count - at < COMMIT_WRITES ? docs->count - at : COMMIT_WRITES;
		cleanup_docbatch struct nv_docbatch batch;
		nv_docbatch_init(&batch, lines->ng->store);
		bson_value_t *ids = nv_arena_alloc(&batch.arena, count, sizeof(*ids));
		for (size_t i = 0; ids && i < count; i++) {
			const bson_value_t *id = nv_doc_id(&batch.arena, docs->items[at + i]);
			ids[i] = id ? *id : (bson_value_t){ .value_type = BSON_TYPE_NULL };
		}
		struct nv_docask ask = { .kind = nv_ng_kind(lines->ng, NV_DOC_ANALYTICS),
			                 .fn = take_there,
			                 .ctx = lines };
		nv_docask_id(&ask, NV_DOCTERM_IN, ids, count);
		int rc = !ids || nv_arena_error(&batch.arena) || nv_docbatch_add(&batch, &ask)
		                 ? no_memory(err)
		                 : nv_docbatch_run(&batch, err);
		if (rc) {
			return rc;
		}
	}
	return 0;
}

static int goes(struct lines *lines, size_t i)
{
	return add(lines, &lines->gone, lines->stored.items[i], lines->stored.from[i]);
}

static int comes(struct lines *lines, const bson_t *mine, const char *collection)
{
	return add(lines, &lines->come, mine, collection);
}

/* What is to go and to come. -ESTALE: a document that the text changes is not what was read. */
static int compare(struct lines *lines, struct nv_err *err)
{
	bool full = lines->ng->mode == NV_MOUNT_FULL;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < lines->stored.count; i++) {
		const bson_t *stored = lines->stored.items[i];
		const bson_t *mine = find_id(lines->mine_ids, stored);
		const bson_t *old = find_id(lines->old_ids, stored);
		bool kept = mine && (nv_bson_equal(mine, stored) ||
		                     (full && old && nv_bson_equal(mine, old)));
		if (!kept && full && old && !nv_bson_equal(old, stored)) {
			return nv_fail(err, ESTALE, "somebody else changed the same document");
		}
		rc = kept ? 0 : goes(lines, i);
		rc = rc || kept || !mine ? rc : comes(lines, mine, lines->stored.from[i]);
	}
	for (size_t i = 0; rc == 0 && i < lines->mine.count; i++) {
		const bson_t *mine = lines->mine.items[i];
		const bson_t *old = find_id(lines->old_ids, mine);
		if (!find_id(lines->stored_ids, mine) &&
		    !(full && old && nv_bson_equal(mine, old))) {
			rc = comes(lines, mine, lines->collection);
		}
	}
	return rc ? no_memory(err) : 0;
}

/* Whether a line is of that file: of its chunk size, its day and its domain. */
static bool is_of_file(const struct lines *lines, const struct nv_ng_place *place,
                       const bson_t *doc)
{
	const struct nv_schema_kind *kind = nv_ng_kind(lines->ng, NV_DOC_ANALYTICS);
	const struct nv_node *node = lines->node;
	char day[32];
	char end[64];
	bson_iter_t iter;
	size_t size = nv_chunk_of(kind, doc, day);
	(void)snprintf(end, sizeof(end), "/%s/%s.ndjson", nv_chunk_size_name(size), day);
	bool of_day = strlen(node->path) > strlen(end) &&
	              strcmp(node->path + strlen(node->path) - strlen(end), end) == 0;
	bool has_domain = nv_schema_find(kind, NV_ROLE_DOMAIN, doc, &iter, NULL);
	return of_day &&
	       (!place->domain_name ? !has_domain
	        : place->domain     ? nv_whole_refers(kind, NV_ROLE_DOMAIN, doc, &place->domain->id)
	                            : has_domain);
}

/* In a full mount a line of another file is refused. */
static int check_lines(struct lines *lines, struct nv_faults *faults, struct nv_err *err)
{
	struct nv_ng_place place = { .scope = NV_NG_SCOPE(lines->node->row->kind) };
	int rc = nv_whole_find_heads(lines->ng, lines->node, &place, err);
	for (size_t i = 0; rc == 0 && i < lines->mine.count; i++) {
		if (!is_of_file(lines, &place, lines->mine.items[i])) {
			(void)nv_faults_add(faults, i + 1, 1,
			                    "the document is of another domain, size or day");
			rc = nv_fail(err, EINVAL, "document %zu is of another domain, size or day",
			             i + 1);
		}
	}
	nv_ng_place_release(&place);
	return rc;
}

static int save_chunk(struct lines *lines, const struct nv_blob *base, struct nv_faults *faults,
                      struct nv_err *err)
{
	bool full = lines->ng->mode == NV_MOUNT_FULL;
	struct nv_faults ignored = NV_FAULTS_INIT;
	int rc = full ? check_lines(lines, faults, err) : 0;
	if (rc == 0 && base) {
		rc = read_text(lines, base->text, base->size, &lines->old, lines->old_ids, &ignored,
		               err);
	}
	nv_faults_release(&ignored);
	rc = rc ? rc : ask_there(lines, &lines->mine, err);
	rc = rc ? rc : ask_there(lines, &lines->old, err);
	rc = rc ? rc : compare(lines, err);
	return rc ? rc : full ? commit_logged(lines, err) : commit_unlogged(lines, err);
}

/* ---- Both ---- */

static struct nv_blob *blob_of(const struct lines *lines)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	int rc = 0;
	nv_buf_reserve(&text, 1);
	for (size_t i = 0; rc == 0 && i < lines->mine.count; i++) {
		rc = nv_json_format(lines->mine.items[i], NV_JSON_COMPACT, &text) < 0 ? -ENOMEM : 0;
		nv_buf_putc(&text, '\n');
	}
	size_t size = 0;
	char *bytes = rc ? NULL : nv_buf_steal(&text, &size);
	return bytes ? nv_blob_new(bytes, size, nv_clock_ms(lines->ng->clock), NULL, NULL) : NULL;
}

static int save_lines(struct lines *lines, const struct nv_call *call,
                      const struct nv_save_request *request, struct nv_save_result *result,
                      struct nv_err *err)
{
	bool log = NV_NG_ROLE(lines->node->row->kind) == NV_NG_CHANGELOG;
	int rc = lines->mine_ids && lines->old_ids && lines->stored_ids
	                 ? read_text(lines, request->text, request->size, &lines->mine,
	                             lines->mine_ids, call->faults, err)
	                 : no_memory(err);
	rc = rc    ? rc
	     : log ? save_log(lines, err)
	           : save_chunk(lines, request->base, call->faults, err);
	if (rc) {
		return rc;
	}
	result->changed = lines->gone.count + lines->come.count > 0;
	result->blob = blob_of(lines);
	return result->blob ? 0 : no_memory(err);
}

int nv_ndjson_save(struct nv_netgoat *ng, const struct nv_call *call, const struct nv_node *node,
                   const struct nv_save_request *request, struct nv_save_result *result,
                   struct nv_err *err)
{
	bool log = NV_NG_ROLE(node->row->kind) == NV_NG_CHANGELOG;
	struct lines lines = { .ng = ng,
		               .node = node,
		               .arena = NV_ARENA_INIT,
		               .mine_ids = nv_strmap_new(),
		               .old_ids = nv_strmap_new(),
		               .stored_ids = nv_strmap_new() };
	lines.collection =
		log ? NV_DOCSTORE_CHANGELOG : nv_ng_kind(ng, NV_DOC_ANALYTICS)->collections[0];
	int rc = save_lines(&lines, call, request, result, err);
	nv_strmap_free(lines.mine_ids, NULL);
	nv_strmap_free(lines.old_ids, NULL);
	nv_strmap_free(lines.stored_ids, NULL);
	nv_arena_release(&lines.arena);
	return rc;
}
