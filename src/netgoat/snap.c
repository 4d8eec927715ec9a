/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/snap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "netgoat/names.h"
#include "netgoat/text.h"

struct nv_docsnap *nv_docsnap_new(int64_t sampled_ms)
{
	struct nv_docsnap *snap = calloc(1, sizeof(*snap));
	if (snap) {
		atomic_init(&snap->refs, 1);
		snap->sampled_ms = sampled_ms;
	}
	return snap;
}

struct nv_docsnap *nv_docsnap_ref(struct nv_docsnap *snap)
{
	if (snap) {
		atomic_fetch_add_explicit(&snap->refs, 1, memory_order_relaxed);
	}
	return snap;
}

static void release_item(struct nv_docitem *item)
{
	free(item->name);
	nv_blob_unref(item->blob);
	if (item->head) {
		bson_destroy(item->head);
	}
	if (item->id.value_type) {
		bson_value_destroy(&item->id);
	}
}

void nv_docsnap_unref(struct nv_docsnap *snap)
{
	if (!snap || atomic_fetch_sub_explicit(&snap->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	for (size_t i = 0; i < snap->count; i++) {
		release_item(&snap->items[i]);
	}
	free(snap->items);
	free(snap);
}

void *nv_docsnap_cache_ref(void *snap)
{
	return nv_docsnap_ref(snap);
}

void nv_docsnap_cache_unref(void *snap)
{
	nv_docsnap_unref(snap);
}

struct nv_docitem *nv_docsnap_add(struct nv_docsnap *snap, char *name, struct nv_blob *blob,
                                  bson_t *head, const char *collection)
{
	struct nv_docitem item = {
		.name = name, .blob = blob, .head = head, .collection = collection
	};
	if (name && snap->count == snap->cap) {
		size_t cap = snap->cap ? snap->cap * 2 : 8;
		struct nv_docitem *grown = reallocarray(snap->items, cap, sizeof(*grown));
		if (grown) {
			snap->items = grown;
			snap->cap = cap;
		}
	}
	if (!name || snap->count == snap->cap) {
		release_item(&item);
		return NULL;
	}
	if (blob) {
		item.size = blob->size;
		item.mtime = blob->mtime;
		item.stamped = blob->stamped;
	}
	snap->items[snap->count] = item;
	return &snap->items[snap->count++];
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct nv_docitem *)a)->name, ((const struct nv_docitem *)b)->name);
}

const bson_t *nv_docitem_doc(const struct nv_docitem *item)
{
	const struct nv_version *version = nv_version_of(item->blob);
	return version ? version->doc : item->head;
}

bool nv_docitem_id(const struct nv_docitem *item, bson_value_t *ret_id)
{
	const bson_t *doc = nv_docitem_doc(item);
	bson_iter_t iter;
	if (!doc) {
		*ret_id = item->id;
		return item->id.value_type != 0;
	}
	if (!bson_iter_init_find(&iter, doc, "_id")) {
		return false;
	}
	*ret_id = *bson_iter_value(&iter); /* its bytes are the document's */
	return true;
}

static int rename_long(struct nv_docitem *item, const char *suffix)
{
	bson_value_t value;
	cleanup_buf struct nv_buf id = NV_BUF_INIT;
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	int rc = nv_docitem_id(item, &value) ? nv_docname_value_text(&value, &id) : 0;
	if (rc == 0) {
		rc = nv_docname_long(item->name, suffix, id.data ? id.data : "", &name);
	}
	char *text = rc == 0 ? nv_buf_steal(&name, NULL) : NULL;
	if (!text) {
		return -ENOMEM;
	}
	free(item->name);
	item->name = text;
	return 0;
}

int nv_docsnap_finish(struct nv_docsnap *snap, const char *suffix)
{
	if (snap->count == 0) {
		return 0;
	}
	struct nv_docitem *fitting = reallocarray(snap->items, snap->count, sizeof(*snap->items));
	if (fitting) {
		snap->items = fitting;
		snap->cap = snap->count;
	}
	qsort(snap->items, snap->count, sizeof(*snap->items), compare_items);
	bool renamed = false;
	for (size_t i = 0; i < snap->count;) {
		size_t end = i + 1;
		while (end < snap->count &&
		       strcmp(snap->items[i].name, snap->items[end].name) == 0) {
			end++;
		}
		for (size_t k = i; end - i > 1 && k < end; k++) {
			if (rename_long(&snap->items[k], suffix)) {
				return -ENOMEM;
			}
			renamed = true;
		}
		i = end;
	}
	if (renamed) {
		qsort(snap->items, snap->count, sizeof(*snap->items), compare_items);
	}
	return 0;
}

const struct nv_docitem *nv_docsnap_find(const struct nv_docsnap *snap, const char *name)
{
	if (snap->count == 0) {
		return NULL;
	}
	struct nv_docitem wanted = { .name = (char *)name };
	return bsearch(&wanted, snap->items, snap->count, sizeof(*snap->items), compare_items);
}
