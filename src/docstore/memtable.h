/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The containers of the in-memory store: immutable refcounted documents in collections sorted by
 * key. Private to mem.c, which locks.
 */
#ifndef NV_DOCSTORE_MEMTABLE_H
#define NV_DOCSTORE_MEMTABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "docstore/value.h"

/* One stored document. */
struct nv_memdoc {
	atomic_uint refs;
	int64_t seq; /* place in the order of commits; set before it is shared */
	size_t key_size;
	size_t size;
	uint8_t bytes[]; /* the key, then the document */
};

struct nv_memcollection {
	char *name;
	bool exists;             /* a commit that put something here has succeeded */
	struct nv_memdoc **docs; /* owned references, sorted by key */
	size_t count;
	size_t cap;
};

struct nv_memtable {
	struct nv_memcollection **collections; /* owned; sorted by name */
	size_t count;
};

/* With one reference; NULL when out of memory. */
struct nv_memdoc *nv_memdoc_new(const struct nv_buf *key, const struct nv_bval *value, int64_t seq);
struct nv_memdoc *nv_memdoc_ref(struct nv_memdoc *doc); /* NULL stays NULL */
void nv_memdoc_unref(struct nv_memdoc *doc);            /* NULL is allowed */
struct nv_bval nv_memdoc_value(const struct nv_memdoc *doc);

void nv_memtable_release(struct nv_memtable *table);

/* The collection of that name: NULL when there is none / when out of memory. */
struct nv_memcollection *nv_memtable_find(const struct nv_memtable *table, const char *name);
struct nv_memcollection *nv_memtable_make(struct nv_memtable *table, const char *name);

/* The document of that key (borrowed), or NULL. collection may be NULL. */
struct nv_memdoc *nv_memcollection_find(const struct nv_memcollection *collection, const void *key,
                                        size_t key_size);

/* Makes room for one more document, so that the next swap cannot fail. 0 or -ENOMEM. */
int nv_memcollection_reserve(struct nv_memcollection *collection);

/* Puts doc (NULL: nothing) where key is, taking over one reference; gives that of what was there,
 * or NULL. */
struct nv_memdoc *nv_memcollection_swap(struct nv_memcollection *collection, const void *key,
                                        size_t key_size, struct nv_memdoc *doc);

#endif
