/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers of the in-memory store (memtable.h).
 */
#include "config.h"

#include "docstore/memtable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/key.h"

struct nv_memdoc *nv_memdoc_new(const struct nv_buf *key, const struct nv_bval *value, int64_t seq)
{
	struct nv_memdoc *doc = malloc(sizeof(*doc) + key->len + value->size);
	if (!doc) {
		return NULL;
	}
	atomic_init(&doc->refs, 1);
	doc->seq = seq;
	doc->key_size = key->len;
	doc->size = value->size;
	memcpy(doc->bytes, key->data, key->len);
	memcpy(doc->bytes + key->len, value->data, value->size);
	return doc;
}

struct nv_memdoc *nv_memdoc_ref(struct nv_memdoc *doc)
{
	if (doc) {
		atomic_fetch_add(&doc->refs, 1);
	}
	return doc;
}

void nv_memdoc_unref(struct nv_memdoc *doc)
{
	if (doc && atomic_fetch_sub(&doc->refs, 1) == 1) {
		free(doc);
	}
}

struct nv_bval nv_memdoc_value(const struct nv_memdoc *doc)
{
	return (struct nv_bval){ BSON_TYPE_DOCUMENT, doc->bytes + doc->key_size, doc->size };
}

static void collection_free(struct nv_memcollection *collection)
{
	for (size_t i = 0; i < collection->count; i++) {
		nv_memdoc_unref(collection->docs[i]);
	}
	free(collection->docs);
	free(collection->name);
	free(collection);
}

void nv_memtable_release(struct nv_memtable *table)
{
	for (size_t i = 0; i < table->count; i++) {
		collection_free(table->collections[i]);
	}
	free(table->collections);
	*table = (struct nv_memtable){ NULL, 0 };
}

/* Where name is, or would be. */
static size_t collection_at(const struct nv_memtable *table, const char *name, bool *ret_found)
{
	size_t at = 0;
	while (at < table->count && strcmp(table->collections[at]->name, name) < 0) {
		at++;
	}
	*ret_found = at < table->count && strcmp(table->collections[at]->name, name) == 0;
	return at;
}

struct nv_memcollection *nv_memtable_find(const struct nv_memtable *table, const char *name)
{
	bool found = false;
	size_t at = collection_at(table, name, &found);
	return found ? table->collections[at] : NULL;
}

struct nv_memcollection *nv_memtable_make(struct nv_memtable *table, const char *name)
{
	bool found = false;
	size_t at = collection_at(table, name, &found);
	if (found) {
		return table->collections[at];
	}
	struct nv_memcollection *made = calloc(1, sizeof(*made));
	struct nv_memcollection **grown =
		realloc(table->collections, (table->count + 1) * sizeof(*grown));
	if (grown) {
		table->collections = grown;
	}
	if (!made || !grown || !(made->name = strdup(name))) {
		free(made);
		return NULL;
	}
	memmove(grown + at + 1, grown + at, (table->count - at) * sizeof(*grown));
	grown[at] = made;
	table->count++;
	return made;
}

/* Where key is, or would be. */
static size_t doc_at(const struct nv_memcollection *collection, const void *key, size_t key_size,
                     bool *ret_found)
{
	size_t low = 0;
	size_t high = collection->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct nv_memdoc *doc = collection->docs[middle];
		int order = nv_key_compare(doc->bytes, doc->key_size, key, key_size);
		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*ret_found = false;
	return low;
}

struct nv_memdoc *nv_memcollection_find(const struct nv_memcollection *collection, const void *key,
                                        size_t key_size)
{
	bool found = false;
	size_t at = collection ? doc_at(collection, key, key_size, &found) : 0;
	return found ? collection->docs[at] : NULL;
}

struct nv_memdoc *nv_memcollection_swap(struct nv_memcollection *collection, const void *key,
                                        size_t key_size, struct nv_memdoc *doc)
{
	bool found = false;
	size_t at = doc_at(collection, key, key_size, &found);
	struct nv_memdoc *old = found ? collection->docs[at] : NULL;
	struct nv_memdoc **place = collection->docs + at;
	if (found && doc) {
		*place = doc;
	} else if (found) {
		memmove(place, place + 1, (collection->count - at - 1) * sizeof(*place));
		collection->count--;
	} else if (doc) {
		memmove(place + 1, place, (collection->count - at) * sizeof(*place));
		*place = doc;
		collection->count++;
	}
	return old;
}

int nv_memcollection_reserve(struct nv_memcollection *collection)
{
	if (collection->count < collection->cap) {
		return 0;
	}
	size_t cap = collection->cap > 0 ? collection->cap * 2 : 16;
	struct nv_memdoc **grown = realloc(collection->docs, cap * sizeof(*grown));
	if (!grown) {
		return -ENOMEM;
	}
	collection->docs = grown;
	collection->cap = cap;
	return 0;
}
