/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/tx.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/names.h"

/* Entries larger than this say how large the values were, not what they were: an entry must fit
 * in a document. */
#define ENTRY_VALUES_MAX (2 * 1024 * 1024)

void nv_doctx_init(struct nv_doctx *tx, struct nv_netgoat *ng)
{
	struct timespec now = nv_clock_wall(ng->clock);
	*tx = (struct nv_doctx){ .ng = ng,
		                 .arena = NV_ARENA_INIT,
		                 .whole = ng->mode == NV_MOUNT_RESTORE,
		                 .now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 };
}

void nv_doctx_release(struct nv_doctx *tx)
{
	nv_arena_release(&tx->arena);
	*tx = (struct nv_doctx){ .ng = tx->ng };
}

const bson_value_t *nv_doc_id(struct nv_arena *arena, const bson_t *doc)
{
	bson_iter_t iter;
	return bson_iter_init_find(&iter, doc, "_id") ? nv_arena_value(arena, &iter) : NULL;
}

int nv_doctx_add(struct nv_doctx *tx, const struct nv_docwrite *write, enum nv_tx_purpose purpose)
{
	if (nv_arena_error(&tx->arena) ||
	    nv_arena_grow(&tx->arena, (void **)&tx->writes, tx->writes_count, &tx->writes_cap,
	                  sizeof(*tx->writes)) ||
	    nv_arena_grow(&tx->arena, (void **)&tx->purposes, tx->writes_count, &tx->purposes_cap,
	                  sizeof(*tx->purposes))) {
		return -ENOMEM;
	}
	tx->purposes[tx->writes_count] = purpose;
	tx->writes[tx->writes_count++] = *write;
	return 0;
}

int nv_doctx_insert(struct nv_doctx *tx, const char *collection, bson_t *doc)
{
	const bson_t *kept = nv_arena_keep(&tx->arena, doc);
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = collection,
		                     .doc = kept };
	return kept ? nv_doctx_add(tx, &write, NV_TX_PLAIN) : -ENOMEM;
}

static const bson_value_t *first_value(struct nv_arena *arena, const bson_t *doc)
{
	bson_iter_t iter;
	return doc && bson_iter_init(&iter, doc) && bson_iter_next(&iter)
	               ? nv_arena_value(arena, &iter)
	               : NULL;
}

int nv_doctx_touch(struct nv_doctx *tx, const struct nv_schema_kind *kind, struct nv_docset *sets,
                   size_t *sets_count, size_t sets_max, struct nv_docinc *incs, size_t *incs_count,
                   size_t incs_max)
{
	const char *const *paths = NULL;
	size_t count = nv_schema_role_paths(kind, NV_ROLE_UPDATED, &paths);
	const bson_value_t *now = nv_arena_date(&tx->arena, tx->now_ms);
	for (size_t i = 0; now && i < count && *sets_count < sets_max; i++) {
		sets[(*sets_count)++] = (struct nv_docset){ .path = paths[i],
			                                    .value = now,
			                                    .when = NV_DOCWHEN_SAME_TYPE };
	}
	for (size_t i = 0; i < kind->fields_count && *sets_count < sets_max; i++) {
		const struct nv_schema_field *field = kind->fields[i];
		const bson_value_t *value = field->reset ? first_value(&tx->arena, field->fallback)
		                                         : NULL;
		if (value) {
			sets[(*sets_count)++] = (struct nv_docset){ .path = field->paths[0],
				                                    .value = value,
				                                    .when = NV_DOCWHEN_SAME_TYPE };
		}
	}
	count = nv_schema_role_paths(kind, NV_ROLE_VERSION, &paths);
	for (size_t i = 0; i < count && *incs_count < incs_max; i++) {
		incs[(*incs_count)++] = (struct nv_docinc){ .path = paths[i], .n = 1 };
	}
	return nv_arena_error(&tx->arena);
}

#define TOUCH_MAX 8 /* aliases of a field at most */
#define KEPT_MAX 8  /* roles that an update expects to be as they were, at most */

static bool has_expect(const struct nv_docwrite *write, const char *path)
{
	for (size_t i = 0; i < write->expects_count; i++) {
		if (strcmp(write->expects[i].path, path) == 0) {
			return true;
		}
	}
	return false;
}

/* Every alias of the roles must be as it was, so that the document is still where its path says. */
static void expect_roles(struct nv_doctx *tx, const struct nv_schema_kind *kind, const bson_t *base,
                         const enum nv_role *keep, struct nv_docexpect *expects,
                         struct nv_docwrite *write)
{
	for (size_t r = 0; keep && keep[r] != NV_ROLE_NONE; r++) {
		const char *const *paths = NULL;
		size_t count = nv_schema_role_paths(kind, keep[r], &paths);
		for (size_t p = 0; p < count; p++) {
			bson_iter_t iter;
			if (!has_expect(write, paths[p])) {
				expects[write->expects_count++] = (struct nv_docexpect){
					.path = paths[p],
					.value = nv_doc_find(base, paths[p], &iter)
					                 ? nv_arena_value(&tx->arena, &iter)
					                 : NULL
				};
			}
		}
	}
}

int nv_doctx_update(struct nv_doctx *tx, const struct nv_schema_kind *kind, const char *collection,
                    const bson_t *base, const struct nv_bson_changes *changes,
                    const enum nv_role *keep)
{
	struct nv_arena *arena = &tx->arena;
	struct nv_docexpect *expects =
		nv_arena_alloc(arena, changes->count + KEPT_MAX * TOUCH_MAX, sizeof(*expects));
	struct nv_docset *sets = nv_arena_alloc(arena, changes->count + TOUCH_MAX, sizeof(*sets));
	const char **unsets = nv_arena_alloc(arena, changes->count + 1, sizeof(*unsets));
	struct nv_docinc *incs = nv_arena_alloc(arena, TOUCH_MAX, sizeof(*incs));
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = collection,
		                     .id = nv_doc_id(arena, base),
		                     .expects = expects,
		                     .sets = sets,
		                     .unsets = unsets,
		                     .incs = incs };
	if (!expects || !sets || !unsets || !incs || !write.id) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < changes->count; i++) {
		const struct nv_bson_change *change = &changes->items[i];
		const char *path = nv_arena_strdup(arena, change->path);
		expects[write.expects_count++] =
			(struct nv_docexpect){ .path = path,
			                       .value = first_value(arena, change->before) };
		if (change->after) {
			sets[write.sets_count++] =
				(struct nv_docset){ .path = path,
				                    .value = first_value(arena, change->after) };
		} else {
			unsets[write.unsets_count++] = path;
		}
	}
	expect_roles(tx, kind, base, keep, expects, &write);
	if (changes->count && !tx->whole) {
		size_t sets_count = write.sets_count;
		(void)nv_doctx_touch(tx, kind, sets, &sets_count, changes->count + TOUCH_MAX, incs,
		                     &write.incs_count, TOUCH_MAX);
		write.sets_count = sets_count;
	}
	return nv_arena_error(arena) ? -ENOMEM : nv_doctx_add(tx, &write, NV_TX_PLAIN);
}

/* A field name that can stand in a path. */
static bool is_clean(const char *key)
{
	return *key && *key != '$' && !strchr(key, '.');
}

int nv_doctx_delete(struct nv_doctx *tx, const struct nv_schema_kind *kind, const char *collection,
                    const bson_t *base)
{
	struct nv_arena *arena = &tx->arena;
	struct nv_docexpect *expects =
		nv_arena_alloc(arena, bson_count_keys(base) + 1, sizeof(*expects));
	struct nv_docwrite write = { .kind = NV_DOCWRITE_DELETE,
		                     .collection = collection,
		                     .id = nv_doc_id(arena, base),
		                     .expects = expects };
	bson_iter_t iter;
	if (!expects || !write.id || !bson_iter_init(&iter, base)) {
		return -ENOMEM;
	}
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		const struct nv_schema_node *node = nv_schema_child(kind->root, key, strlen(key));
		bool kept = node && node->hides; /* it, or something in it, moves without a user */
		if (is_clean(key) && strcmp(key, "_id") != 0 &&
		    (!kept || (node->field && node->field->secret)) && !has_expect(&write, key)) {
			expects[write.expects_count++] =
				(struct nv_docexpect){ .path = nv_arena_strdup(arena, key),
				                       .value = nv_arena_value(arena, &iter) };
		}
	}
	return nv_arena_error(arena) ? -ENOMEM : nv_doctx_add(tx, &write, NV_TX_PLAIN);
}

/* Appends a changed document to an entry, secrets masked; a very large one by its size only. */
static int append_values(struct nv_doctx *tx, bson_t *entry, const char *key,
                         const struct nv_schema_kind *kind, const bson_t *values,
                         struct nv_err *err)
{
	if (!values) {
		bson_append_null(entry, key, -1);
		return 0;
	}
	if (values->len > ENTRY_VALUES_MAX) {
		char text[64];
		(void)snprintf(text, sizeof(text), "(%u bytes)", values->len);
		bson_append_utf8(entry, key, -1, text, -1);
		return 0;
	}
	cleanup_buf struct nv_buf shown = NV_BUF_INIT;
	bson_t view;
	int rc = nv_text_show(tx->ng->schema, kind, NULL, values, NV_TEXT_STORED, &shown, err);
	if (rc) {
		return rc;
	}
	if (!bson_init_static(&view, (const uint8_t *)shown.data, shown.len) ||
	    !bson_append_document(entry, key, -1, &view)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

int nv_doctx_log(struct nv_doctx *tx, const struct nv_tx_entry *entry, struct nv_err *err)
{
	bson_t *doc = nv_arena_bson(&tx->arena);
	cleanup_buf struct nv_buf value = NV_BUF_INIT;
	nv_buf_printf(&value, "%s;", entry->collection);
	if (!doc || nv_docname_value_text(entry->id, &value) || nv_buf_error(&value)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	char change[64];
	(void)snprintf(change, sizeof(change), "%s %s", entry->verb, entry->subject);
	bson_oid_t oid;
	bson_oid_init(&oid, NULL);
	bson_append_oid(doc, "_id", -1, &oid);
	bson_append_date_time(doc, "at", -1, tx->now_ms);
	bson_append_utf8(doc, "change", -1, change, -1);
	bson_append_utf8(doc, "value", -1, value.data, (int)value.len);
	bson_append_utf8(doc, "plugin", -1, tx->ng->plugin, -1);
	if (tx->ng->actor) {
		bson_append_utf8(doc, "actor", -1, tx->ng->actor, -1);
	} else {
		bson_append_null(doc, "actor", -1);
	}
	bson_append_utf8(doc, "path", -1, entry->path, -1);
	int rc = append_values(tx, doc, "before", entry->kind, entry->before, err);
	rc = rc ? rc : append_values(tx, doc, "after", entry->kind, entry->after, err);
	if (rc) {
		return rc;
	}
	if (nv_arena_grow(&tx->arena, (void **)&tx->entries, tx->entries_count, &tx->entries_cap,
	                  sizeof(*tx->entries))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	tx->entries[tx->entries_count++] = doc;
	return 0;
}

/* The old or the new values of changes as a document of their own. */
static int values_of(const struct nv_bson_changes *changes, bool after, bson_t **ret_doc,
                     struct nv_err *err)
{
	cleanup_bson_changes struct nv_bson_changes only = NV_BSON_CHANGES_INIT;
	bson_t empty = BSON_INITIALIZER;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < changes->count; i++) {
		const bson_t *value = after ? changes->items[i].after : changes->items[i].before;
		if (value) {
			rc = nv_bson_changes_add(&only, changes->items[i].path, NULL, value);
		}
	}
	rc = rc ? nv_fail(err, -rc, "the changes cannot be logged")
	        : nv_bson_apply(&empty, &only, ret_doc, err);
	bson_destroy(&empty);
	return rc;
}

int nv_doctx_log_changes(struct nv_doctx *tx, const char *verb, const struct nv_schema_kind *kind,
                         const char *collection, const bson_t *doc, const char *path,
                         const struct nv_bson_changes *changes, struct nv_err *err)
{
	cleanup_bson bson_t *before = NULL;
	cleanup_bson bson_t *after = NULL;
	int rc = values_of(changes, false, &before, err);
	rc = rc ? rc : values_of(changes, true, &after, err);
	if (rc) {
		return rc;
	}
	struct nv_tx_entry entry = { .verb = verb,
		                     .subject = nv_schema_word(kind->kind),
		                     .kind = kind,
		                     .collection = collection,
		                     .id = nv_doc_id(&tx->arena, doc),
		                     .path = path,
		                     .before = before,
		                     .after = after };
	return entry.id ? nv_doctx_log(tx, &entry, err) : nv_fail(err, ENOMEM, "out of memory");
}

int nv_doctx_commit(struct nv_doctx *tx, struct nv_docresult *result, struct nv_err *err)
{
	if (nv_arena_error(&tx->arena)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct nv_doccommit commit = { .writes = tx->writes,
		                       .writes_count = tx->writes_count,
		                       .entries = tx->entries,
		                       .entries_count = tx->entries_count };
	if (tx->ng->mode == NV_MOUNT_RESTORE) {
		commit.entries_count = 0; /* what is restored was logged when it was made */
	}
	int rc = nv_docstore_commit(tx->ng->store, &commit, result, err);
	nv_netgoat_invalidate(tx->ng);
	return rc;
}

enum nv_tx_purpose nv_doctx_failed(const struct nv_doctx *tx, const struct nv_docresult *result)
{
	return result->failed < tx->writes_count ? tx->purposes[result->failed] : NV_TX_PLAIN;
}
