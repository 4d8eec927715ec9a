/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Restore mounts: files of many documents, a line each. What the file had and the new text has not
 * goes; a text that came in pieces ends as what the last of them says. */
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
	size_t count;
	size_t cap;
};

/* One file under way. */
struct lines {
	struct nv_netgoat *ng;
	const char *collection;
	struct nv_arena arena;
	struct docs mine;   /* what the text says */
	struct docs stored; /* what is there of it */
};

static int add_doc(struct lines *lines, struct docs *docs, bson_t *doc)
{
	const bson_t *kept = nv_arena_keep(&lines->arena, doc);
	if (!kept || nv_arena_grow(&lines->arena, (void **)&docs->items, docs->count, &docs->cap,
	                           sizeof(*docs->items))) {
		return -ENOMEM;
	}
	docs->items[docs->count++] = kept;
	return 0;
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

int nv_restore_check_lines(const char *text, size_t size, struct nv_faults *faults,
                           struct nv_err *err)
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
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		bson_iter_t iter;
		void *twin = NULL;
		int rc = parse_line(line, line_size, number, &doc, faults);
		if (rc) {
			return refused(rc, err);
		}
		rc = add_doc(lines, docs, doc);
		rc = rc || !bson_iter_init_find(&iter, doc, "_id")
		             ? -ENOMEM
		             : nv_docvalue_key(bson_iter_value(&iter), &key);
		rc = rc ? rc : nv_strmap_set(ids, key.data, key.len, doc, &twin);
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

/* Commits from *at on as many as fit. */
static int commit_some(struct lines *lines, const struct docs *gone, const struct docs *come,
                       size_t *at, struct nv_err *err)
{
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, lines->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	size_t bytes = 0;
	size_t count = 0;
	for (; *at < gone->count + come->count && count < COMMIT_WRITES; ++*at, count++) {
		bool goes = *at < gone->count;
		const bson_t *doc = goes ? gone->items[*at] : come->items[*at - gone->count];
		bytes += doc->len;
		if (count && bytes > COMMIT_BYTES) {
			break;
		}
		struct nv_docwrite write = { .kind = goes ? NV_DOCWRITE_DELETE : NV_DOCWRITE_INSERT,
			                     .collection = lines->collection };
		write.doc = goes ? NULL : doc;
		write.id = goes ? nv_doc_id(&tx.arena, doc) : NULL;
		if ((goes && !write.id) || nv_doctx_add(&tx, &write, NV_TX_PLAIN)) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	return nv_doctx_commit(&tx, &result, err);
}

static int commit_all(struct lines *lines, const struct docs *gone, const struct docs *come,
                      struct nv_err *err)
{
	int rc = 0;
	for (size_t at = 0; rc == 0 && at < gone->count + come->count;) {
		rc = commit_some(lines, gone, come, &at, err);
	}
	return rc;
}

/* ---- The changelog ---- */

static int take_entry(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct lines *lines = ctx;
	(void)query;
	return add_doc(lines, &lines->stored, bson_copy(doc))
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

/* Its order is that of their making: all from the first that differs is made again. */
static int restore_log(struct lines *lines, bool *ret_changed, struct nv_err *err)
{
	struct nv_doclog *log = NULL;
	int rc = nv_doclog_open(lines->ng->store, SIZE_MAX, &log, err);
	rc = rc ? rc : nv_doclog_read(log, take_entry, lines, err);
	nv_doclog_close(log);
	size_t same = 0;
	while (rc == 0 && same < lines->mine.count && same < lines->stored.count &&
	       nv_bson_equal(lines->mine.items[same], lines->stored.items[same])) {
		same++;
	}
	struct docs gone = { .items = lines->stored.items ? lines->stored.items + same : NULL,
		             .count = lines->stored.count - same };
	struct docs come = { .items = lines->mine.items ? lines->mine.items + same : NULL,
		             .count = lines->mine.count - same };
	*ret_changed = gone.count + come.count > 0;
	rc = rc ? rc : commit_all(lines, &gone, &come, err);
	nv_history_reset(lines->ng->history);
	return rc;
}

/* ---- Analytics ---- */

static int take_there(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct lines *lines = ctx;
	if (collection != lines->collection) {
		return 0;
	}
	return take_entry(ctx, 0, doc, err);
}

/* The stored documents whose _ids the text has, and those of the file's old text. */
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
		                 ? nv_fail(err, ENOMEM, "out of memory")
		                 : nv_docbatch_run(&batch, err);
		if (rc) {
			return rc;
		}
	}
	return 0;
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

static int note_id(struct nv_strmap *map, const bson_t *doc)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	bson_iter_t iter;
	int rc = bson_iter_init_find(&iter, doc, "_id")
	                 ? nv_docvalue_key(bson_iter_value(&iter), &key)
	                 : -EINVAL;
	return rc ? rc : nv_strmap_set(map, key.data, key.len, (void *)doc, NULL);
}

/* What is to go and to come. ids: of the text; there: of the store. */
static int compare(struct lines *lines, const struct nv_strmap *ids, struct nv_strmap *there,
                   struct docs *gone, struct docs *come)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < lines->stored.count; i++) {
		const bson_t *old = lines->stored.items[i];
		const bson_t *now = find_id(ids, old);
		if (find_id(there, old)) {
			continue; /* asked for twice */
		}
		rc = note_id(there, old);
		if (rc == 0 && (!now || !nv_bson_equal(old, now))) {
			rc = add_doc(lines, gone, bson_copy(old));
		}
	}
	for (size_t i = 0; rc == 0 && i < lines->mine.count; i++) {
		const bson_t *old = find_id(there, lines->mine.items[i]);
		if (!old || !nv_bson_equal(old, lines->mine.items[i])) {
			rc = add_doc(lines, come, bson_copy(lines->mine.items[i]));
		}
	}
	return rc;
}

static int restore_chunk(struct lines *lines, const struct nv_strmap *ids,
                         const struct nv_blob *base, bool *ret_changed, struct nv_err *err)
{
	struct docs old = { 0 };
	struct docs gone = { 0 };
	struct docs come = { 0 };
	struct nv_strmap *there = nv_strmap_new();
	struct nv_strmap *old_ids = nv_strmap_new();
	struct nv_faults ignored = NV_FAULTS_INIT;
	int rc = there && old_ids ? 0 : nv_fail(err, ENOMEM, "out of memory");
	if (rc == 0 && base) {
		rc = read_text(lines, base->text, base->size, &old, old_ids, &ignored, err);
	}
	rc = rc ? rc : ask_there(lines, &lines->mine, err);
	rc = rc ? rc : ask_there(lines, &old, err);
	if (rc == 0 && compare(lines, ids, there, &gone, &come)) {
		rc = nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_changed = gone.count + come.count > 0;
	rc = rc ? rc : commit_all(lines, &gone, &come, err);
	nv_faults_release(&ignored);
	nv_strmap_free(there, NULL);
	nv_strmap_free(old_ids, NULL);
	return rc;
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

int nv_restore_lines(struct nv_netgoat *ng, const struct nv_call *call, const struct nv_node *node,
                     const struct nv_save_request *request, struct nv_save_result *result,
                     struct nv_err *err)
{
	bool log = NV_NG_ROLE(node->row->kind) == NV_NG_CHANGELOG;
	struct lines lines = { .ng = ng, .arena = NV_ARENA_INIT };
	lines.collection =
		log ? NV_DOCSTORE_CHANGELOG : nv_ng_kind(ng, NV_DOC_ANALYTICS)->collections[0];
	struct nv_strmap *ids = nv_strmap_new();
	bool changed = false;
	int rc = ids ? read_text(&lines, request->text, request->size, &lines.mine, ids,
	                         call->faults, err)
	             : nv_fail(err, ENOMEM, "out of memory");
	if (rc == 0) {
		rc = log ? restore_log(&lines, &changed, err)
		         : restore_chunk(&lines, ids, request->base, &changed, err);
	}
	struct nv_blob *blob = rc ? NULL : blob_of(&lines);
	if (rc == 0 && !blob) {
		rc = nv_fail(err, ENOMEM, "out of memory");
	}
	if (rc == 0) {
		result->blob = blob;
		result->changed = changed;
	}
	nv_strmap_free(ids, NULL);
	nv_arena_release(&lines.arena);
	return rc;
}
