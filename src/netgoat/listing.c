/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/bsondiff.h"
#include "netgoat/object.h"

/* A name on the way may change between two questions; that it does so each time is no longer an
 * accident. */
#define TRIES 4

void nv_founddoc_release(struct nv_founddoc *found)
{
	nv_docsnap_unref(found->snap);
	nv_ng_place_release(&found->place);
	*found = (struct nv_founddoc){ 0 };
}

static int gave_up(int rc, struct nv_err *err)
{
	return rc == -EAGAIN ? nv_fail(err, EIO, "the names on the way change too fast") : rc;
}

/* The size directory of a chunk: the component before the last, or the last one. */
static const char *chunk_size(const struct nv_node *node, bool file, char *buffer, size_t size)
{
	if (!file) {
		return node->name;
	}
	const char *end = node->name > node->path ? node->name - 1 : node->path;
	const char *start = end;
	while (start > node->path && start[-1] != '/') {
		start--;
	}
	(void)snprintf(buffer, size, "%.*s", (int)(end - start), start);
	return buffer;
}

/* ---- Directories ---- */

static int read_list_once(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                          struct nv_docsnap **ret_snap, struct nv_err *err)
{
	cleanup_ng_place struct nv_ng_place place = { 0 };
	int rc = nv_ng_place_find(ng, node, true, &place, err);
	if (rc) {
		return rc;
	}
	struct nv_docdir dir = nv_docdir_of(ng, &place, NV_NG_DOC_KIND(node->row->kind), mode);
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	cleanup_collect struct nv_collect collect = { 0 };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	if (nv_docdir_key(&dir, &key) || nv_collect_init(&collect, &dir, stamp.sampled_ms)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (!nv_ng_place_is_stale(&place)) {
		*ret_snap = nv_cache_get(ng->cache, key.data, key.len, NULL, NULL);
		if (*ret_snap) {
			return 0;
		}
	}
	if (place.scope == NV_NG_IN_ORPHANS) {
		rc = nv_orphans_read_kind(ng, dir.kind->kind, mode, ret_snap, err);
	} else {
		rc = nv_collect_ask(&collect, &batch) ? nv_fail(err, ENOMEM, "out of memory")
		                                      : nv_ng_place_run(ng, &place, &batch, err);
		rc = rc ? rc : nv_collect_finish(&collect, err);
		*ret_snap = rc ? NULL : nv_docsnap_ref(collect.snap);
	}
	if (rc == 0) {
		(void)nv_cache_put(ng->cache, key.data, key.len, *ret_snap, stamp, false,
		                   NULL); /* not kept: asked for again */
	}
	if (rc == 0 && dir.objects) {
		nv_ahead_note_order(ng, &key, *ret_snap);
	} else if (rc == 0) {
		nv_windows_note(ng, &key, *ret_snap);
	}
	return rc;
}

static int read_object_once(struct nv_netgoat *ng, const struct nv_node *node,
                            enum nv_text_mode mode, struct nv_docsnap **ret_snap,
                            struct nv_err *err)
{
	cleanup_ng_place struct nv_ng_place place = { 0 };
	enum nv_doc_kind kind = NV_NG_DOC_KIND(node->row->kind);
	int rc = nv_ng_place_find(ng, node, true, &place, err);
	if (rc) {
		return rc;
	}
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	const struct nv_head *head = kind == NV_DOC_TEAM   ? place.team
	                             : kind == NV_DOC_USER ? place.user
	                                                   : place.domain;
	if (!nv_ng_place_is_stale(&place) && nv_object_key(kind, head, mode, &key) == 0) {
		*ret_snap = nv_cache_get(ng->cache, key.data, key.len, NULL, NULL);
		if (*ret_snap) {
			return 0;
		}
	}
	return nv_object_read(ng, &place, kind, mode, ret_snap, err);
}

static int read_placed_once(struct nv_netgoat *ng, const struct nv_node *node,
                            enum nv_text_mode mode, struct nv_docsnap **ret_snap,
                            struct nv_err *err)
{
	cleanup_ng_place struct nv_ng_place place = { 0 };
	int rc = nv_ng_place_find(ng, node, true, &place, err);
	if (rc) {
		return rc;
	}
	enum nv_ng_role role = NV_NG_ROLE(node->row->kind);
	if (role == NV_NG_SIZES || role == NV_NG_CHUNKS) {
		return nv_chunks_read(ng, &place, mode, role == NV_NG_CHUNKS ? node->name : NULL,
		                      ret_snap, err);
	}
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (!nv_ng_place_is_stale(&place) && nv_links_key(ng, &place, &key) == 0) {
		*ret_snap = nv_cache_get(ng->cache, key.data, key.len, NULL, NULL);
	}
	return *ret_snap ? 0 : nv_links_read(ng, &place, ret_snap, err);
}

static int note_any(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	(void)collection;
	(void)doc;
	(void)err;
	*(bool *)ctx = true;
	return 1;
}

static int add_plain(struct nv_docsnap *snap, const char *name, struct nv_blob *blob)
{
	return nv_docsnap_add(snap, strdup(name), blob, NULL, NULL) ? 0 : -ENOMEM;
}

/* What the top directory shows besides teams and users. */
struct top {
	bool alerts;
	bool incidents;
	bool analytics;
};

static int ask_top(struct nv_netgoat *ng, struct top *top, struct nv_err *err)
{
	static const struct nv_ng_place place = { .scope = NV_NG_TOP };
	static const char *const id_field[] = { "_id" };
	const struct {
		enum nv_doc_kind kind;
		bool *any;
	} asked[] = { { NV_DOC_ALERT, &top->alerts },
		      { NV_DOC_INCIDENT, &top->incidents },
		      { NV_DOC_ANALYTICS, &top->analytics } };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct nv_docdir dir = nv_docdir_of(ng, &place, asked[i].kind, NV_TEXT_FILE);
		struct nv_docask ask = { .fn = note_any, .ctx = asked[i].any, .limit = 1 };
		nv_docdir_ask(&dir, &ask, &batch.arena);
		ask.fields = id_field;
		ask.fields_count = 1;
		rc = nv_docbatch_add(&batch, &ask);
	}
	return rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
}

static int read_top(struct nv_netgoat *ng, enum nv_text_mode mode, struct nv_docsnap **ret_snap,
                    struct nv_err *err)
{
	struct top top = { 0 };
	cleanup_docsnap struct nv_docsnap *snap = nv_docsnap_new(nv_clock_ms(ng->clock));
	cleanup_blob struct nv_blob *changelog = NULL;
	int rc = snap ? ask_top(ng, &top, err) : nv_fail(err, ENOMEM, "out of memory");
	int orphans = rc ? rc : nv_orphans_exist(ng, err);
	rc = orphans < 0 ? orphans : rc;
	if (rc == 0 && mode != NV_TEXT_STORED) {
		rc = nv_history_load(ng->history, &changelog, err);
	}
	if (rc) {
		return rc;
	}
	const struct {
		const char *name;
		bool shown;
	} names[] = { { "teams", true },
		      { "users", true },
		      { "alerts", top.alerts },
		      { "incidents", top.incidents },
		      { "analytics", top.analytics },
		      { "orphans", orphans == 1 } };
	for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		rc = names[i].shown ? add_plain(snap, names[i].name, NULL) : 0;
	}
	if (rc == 0 && changelog) {
		rc = add_plain(snap, "changelog", steal(&changelog));
	}
	if (rc || nv_docsnap_finish(snap, "")) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_snap = steal(&snap);
	return 0;
}

int nv_docs_read(struct nv_netgoat *ng, const struct nv_node *dir, enum nv_text_mode mode,
                 struct nv_docsnap **ret_snap, struct nv_err *err)
{
	int rc = -EAGAIN;
	*ret_snap = NULL;
	for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
		switch (NV_NG_ROLE(dir->row->kind)) {
		case NV_NG_ROOT:
			rc = read_top(ng, mode, ret_snap, err);
			break;
		case NV_NG_ORPHANS:
			rc = nv_orphans_read(ng, mode, ret_snap, err);
			break;
		case NV_NG_LIST:
			rc = read_list_once(ng, dir, mode, ret_snap, err);
			break;
		case NV_NG_OBJECT:
			rc = read_object_once(ng, dir, mode, ret_snap, err);
			break;
		case NV_NG_SIZES:
		case NV_NG_CHUNKS:
		case NV_NG_LINKS:
			rc = read_placed_once(ng, dir, mode, ret_snap, err);
			break;
		default:
			rc = nv_fail(err, ENOTDIR, "not a directory");
			break;
		}
	}
	return gave_up(rc, err);
}

/* ---- Files ---- */

/* The item in a snapshot, if it has content. */
static bool take_item(struct nv_founddoc *found, struct nv_docsnap *snap,
                      const struct nv_docitem *item)
{
	if (!item || !item->blob) {
		return false;
	}
	found->snap = nv_docsnap_ref(snap);
	found->item = item;
	return true;
}

static bool find_cached(struct nv_netgoat *ng, const struct nv_buf *key, const char *part,
                        struct nv_founddoc *found)
{
	cleanup_docsnap struct nv_docsnap *snap =
		nv_cache_get(ng->cache, key->data, key->len, part, NULL);
	return snap && take_item(found, snap, nv_docsnap_find(snap, part));
}

/* The documents of one name, from the cache or the store. */
static int read_name(struct nv_netgoat *ng, struct nv_ng_place *place, const struct nv_docdir *dir,
                     const struct nv_docname *name, const struct nv_buf *dir_key, bool fresh_only,
                     struct nv_docsnap **ret_snap, struct nv_err *err)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	nv_buf_append(&key, dir_key->data, dir_key->len);
	nv_buf_putc(&key, '\n');
	nv_buf_puts(&key, name->plain);
	cleanup_collect struct nv_collect collect = { 0 };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	if (nv_buf_error(&key) || nv_collect_init(&collect, dir, stamp.sampled_ms)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (!fresh_only && !nv_ng_place_is_stale(place)) {
		*ret_snap = nv_cache_get(ng->cache, key.data, key.len, name->plain, NULL);
		if (*ret_snap) {
			return 0;
		}
	}
	if (!name->cut) {
		collect.budget = SIZE_MAX; /* one document, whatever its size */
	}
	int rc = nv_collect_ask_name(&collect, &batch, name)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : nv_ng_place_run(ng, place, &batch, err);
	rc = rc ? rc : nv_collect_finish(&collect, err);
	if (rc == 0) {
		(void)nv_cache_put(ng->cache, key.data, key.len, collect.snap, stamp, false,
		                   name->plain); /* not kept: asked for again */
		*ret_snap = nv_docsnap_ref(collect.snap);
	}
	return rc;
}

/* A document whose content no listing had room for. */
static int read_by_id(const struct nv_docdir *dir, const struct nv_docitem *item,
                      struct nv_docsnap **ret_snap, struct nv_err *err)
{
	bson_value_t id;
	cleanup_bson bson_t *doc = NULL;
	struct nv_blob *blob = NULL;
	cleanup_docsnap struct nv_docsnap *snap = nv_docsnap_new(nv_clock_ms(dir->ng->clock));
	if (!snap || !nv_docitem_id(item, &id)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int rc = nv_docstore_get(dir->ng->store, item->collection, &id, &doc, err);
	struct nv_facts facts = nv_docdir_facts(dir, item->said);
	rc = rc ? rc
	        : nv_text_blob(dir->ng->schema, dir->kind, &facts, doc, item->collection, dir->mode,
	                       snap->sampled_ms, &blob, err);
	if (rc) {
		return rc;
	}
	if (!nv_docsnap_add(snap, strdup(item->name), blob, NULL, item->collection)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_snap = steal(&snap);
	return 0;
}

static int find_document(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                         bool fresh_only, struct nv_founddoc *found, struct nv_err *err)
{
	struct nv_docdir dir =
		nv_docdir_of(ng, &found->place, NV_NG_DOC_KIND(node->row->kind), mode);
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	struct nv_docname name;
	int rc = nv_docname_parse(dir.kind, dir.by_id, node->name, dir.suffix, &arena, &name);
	rc = rc ? rc : nv_docdir_key(&dir, &key);
	if (rc) {
		return nv_fail(err, -rc,
		               rc == -ENOENT ? "%s is not the name of a document"
		                             : "%s: out of memory",
		               node->name);
	}
	if (!fresh_only && !nv_ng_place_is_stale(&found->place) &&
	    find_cached(ng, &key, node->name, found)) {
		return 0;
	}
	cleanup_docsnap struct nv_docsnap *ahead = NULL;
	cleanup_docsnap struct nv_docsnap *snap = NULL;
	rc = fresh_only ? 0
	                : nv_window_find(ng, &found->place, &dir, &key, node->name, &ahead, err);
	if (rc > 0 && take_item(found, ahead, nv_docsnap_find(ahead, node->name))) {
		return 0;
	}
	rc = rc < 0 ? rc
	            : read_name(ng, &found->place, &dir, &name, &key, fresh_only, &snap, err);
	if (rc) {
		return rc;
	}
	const struct nv_docitem *item = NULL;
	rc = nv_docsnap_pick(snap, &name, &item, err);
	if (rc) {
		return nv_wrap(err, "%s", node->name);
	}
	if (take_item(found, snap, item)) {
		return 0;
	}
	cleanup_docsnap struct nv_docsnap *alone = NULL;
	rc = read_by_id(&dir, item, &alone, err);
	if (rc == 0) {
		(void)take_item(found, alone, &alone->items[0]);
	}
	return rc;
}

static int find_own(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                    bool fresh_only, struct nv_founddoc *found, struct nv_err *err)
{
	enum nv_doc_kind kind = NV_NG_DOC_KIND(node->row->kind);
	struct nv_ng_place *place = &found->place;
	const struct nv_head *head = kind == NV_DOC_TEAM   ? place->team
	                             : kind == NV_DOC_USER ? place->user
	                                                   : place->domain;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (nv_object_key(kind, head, mode, &key)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	const char *name = nv_object_own_name(kind);
	if (!fresh_only && !nv_ng_place_is_stale(place) && find_cached(ng, &key, name, found)) {
		return 0;
	}
	nv_buf_puts(&key, "\nown");
	if (!fresh_only && !nv_ng_place_is_stale(place) && find_cached(ng, &key, name, found)) {
		return 0;
	}
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	cleanup_docsnap struct nv_docsnap *snap = NULL;
	int rc = nv_object_own(ng, place, kind, mode, &snap, err);
	if (rc == 0) {
		(void)nv_cache_put(ng->cache, key.data, key.len, snap, stamp, false,
		                   name); /* not kept: asked for again */
		(void)take_item(found, snap, &snap->items[0]);
	}
	return rc;
}

static int find_named(struct nv_netgoat *ng, const struct nv_node *node, struct nv_docsnap *snap,
                      struct nv_founddoc *found, struct nv_err *err)
{
	(void)ng;
	if (take_item(found, snap, nv_docsnap_find(snap, node->name))) {
		return 0;
	}
	return nv_fail(err, ENOENT, "%s: no such name", node->name);
}

static int find_once(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                     bool fresh_only, struct nv_founddoc *found, struct nv_err *err)
{
	int rc = nv_ng_place_find(ng, node, true, &found->place, err);
	if (rc) {
		return rc;
	}
	char size[32];
	cleanup_docsnap struct nv_docsnap *snap = NULL;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	switch (NV_NG_ROLE(node->row->kind)) {
	case NV_NG_DOC:
		return find_document(ng, node, mode, fresh_only, found, err);
	case NV_NG_OWN:
		return find_own(ng, node, mode, fresh_only, found, err);
	case NV_NG_CHUNK:
		rc = nv_chunk_read(ng, &found->place, mode,
		                   chunk_size(node, true, size, sizeof(size)), node->name, &snap,
		                   err);
		return rc ? rc : find_named(ng, node, snap, found, err);
	case NV_NG_LINK:
		if (!fresh_only && !nv_ng_place_is_stale(&found->place) &&
		    nv_links_key(ng, &found->place, &key) == 0 &&
		    find_cached(ng, &key, node->name, found)) {
			return 0;
		}
		rc = nv_links_read(ng, &found->place, &snap, err);
		return rc ? rc : find_named(ng, node, snap, found, err);
	default:
		return nv_fail(err, EISDIR, "a directory");
	}
}

int nv_docs_find(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                 bool fresh_only, struct nv_founddoc *ret_found, struct nv_err *err)
{
	struct nv_founddoc found = { 0 };
	int rc = -EAGAIN;
	for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
		nv_founddoc_release(&found);
		rc = find_once(ng, node, mode, fresh_only, &found, err);
	}
	if (rc) {
		nv_founddoc_release(&found);
		return gave_up(rc, err);
	}
	found.sampled_ms = found.snap->sampled_ms < found.place.sampled_ms ? found.snap->sampled_ms
	                                                                   : found.place.sampled_ms;
	*ret_found = found;
	return 0;
}

/* ---- As nv_node_ops wants it ---- */

static int set_entry(struct nv_entry *entry, const struct nv_row *row, const char *name,
                     struct nv_blob *blob, int64_t sampled_ms)
{
	*entry = (struct nv_entry){ .name = strdup(name),
		                    .row = row,
		                    .blob = nv_blob_ref(blob),
		                    .sampled_ms = sampled_ms };
	if (!entry->name) {
		nv_blob_unref(entry->blob);
		return -ENOMEM;
	}
	if (blob) {
		entry->size = blob->size;
		entry->mtime = blob->mtime;
		entry->stamped = blob->stamped;
	}
	return 0;
}

static int lookup_directory(struct nv_netgoat *ng, const struct nv_node *child,
                            struct nv_entry *ret_entry, struct nv_err *err)
{
	cleanup_ng_place struct nv_ng_place place = { 0 };
	int64_t now_ms = nv_clock_ms(ng->clock);
	int rc = nv_ng_place_find(ng, child, false, &place, err);
	if (rc) {
		return rc;
	}
	const char *name = child->name;
	if (NV_NG_ROLE(child->row->kind) == NV_NG_OBJECT) {
		enum nv_doc_kind kind = NV_NG_DOC_KIND(child->row->kind);
		name = (kind == NV_DOC_TEAM   ? place.team
		        : kind == NV_DOC_USER ? place.user
		                              : place.domain)
		               ->name;
	}
	if (NV_NG_ROLE(child->row->kind) == NV_NG_ORPHANS) {
		rc = nv_orphans_exist(ng, err);
		if (rc <= 0) {
			return rc ? rc : nv_fail(err, ENOENT, "there are no orphans");
		}
	}
	int64_t sampled_ms = place.sampled_ms < now_ms ? place.sampled_ms : now_ms;
	return set_entry(ret_entry, child->row, name, NULL, sampled_ms)
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

int nv_docs_lookup(struct nv_netgoat *ng, const struct nv_node *child, enum nv_text_mode mode,
                   struct nv_entry *ret_entry, struct nv_err *err)
{
	if (child->row->type == NV_DIR) {
		return lookup_directory(ng, child, ret_entry, err);
	}
	if (NV_NG_ROLE(child->row->kind) == NV_NG_CHANGELOG) {
		cleanup_blob struct nv_blob *blob = NULL;
		int rc = nv_history_load(ng->history, &blob, err);
		if (rc) {
			return rc;
		}
		return set_entry(ret_entry, child->row, child->name, blob, blob->sampled_ms)
		               ? nv_fail(err, ENOMEM, "out of memory")
		               : 0;
	}
	cleanup_founddoc struct nv_founddoc found = { 0 };
	int rc = nv_docs_find(ng, child, mode, false, &found, err);
	if (rc) {
		return rc;
	}
	rc = set_entry(ret_entry, child->row, found.item->name, found.item->blob, found.sampled_ms);
	return rc ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

int nv_docs_list(struct nv_netgoat *ng, const struct nv_node *dir, enum nv_text_mode mode,
                 struct nv_listing **ret_listing, struct nv_err *err)
{
	cleanup_docsnap struct nv_docsnap *snap = NULL;
	int rc = nv_docs_read(ng, dir, mode, &snap, err);
	if (rc) {
		return rc;
	}
	cleanup_listing struct nv_listing *listing = nv_listing_new(snap->sampled_ms);
	const struct nv_row *row = nv_tree_next_child(&ng->tree, dir->row, NULL);
	bool one_row =
		row && nv_row_is_capture(row) && !nv_tree_next_child(&ng->tree, dir->row, row);
	for (size_t i = 0; listing && i < snap->count; i++) {
		const struct nv_docitem *item = &snap->items[i];
		row = one_row ? row : nv_tree_child(&ng->tree, dir->row, item->name, 0);
		char *name = row ? strdup(item->name) : NULL;
		if (row && (!name || nv_listing_add(listing, row, name, nv_blob_ref(item->blob)))) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		if (row && !item->blob) {
			struct nv_entry *entry = &listing->entries[listing->count - 1];
			entry->size = item->size;
			entry->mtime = item->mtime;
			entry->stamped = item->stamped;
		}
	}
	if (!listing) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	nv_listing_sort(listing);
	*ret_listing = steal(&listing);
	return 0;
}

int nv_docs_load(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                 struct nv_blob **ret_blob, struct nv_err *err)
{
	if (NV_NG_ROLE(node->row->kind) == NV_NG_CHANGELOG) {
		return nv_history_load(ng->history, ret_blob, err);
	}
	cleanup_founddoc struct nv_founddoc found = { 0 };
	int rc = nv_docs_find(ng, node, mode, false, &found, err);
	if (rc == 0) {
		*ret_blob = nv_blob_ref(found.item->blob);
	}
	return rc;
}
