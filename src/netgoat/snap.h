/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A snapshot: what one query said of one directory. Immutable once finished, refcounted, kept by
 * the cache.
 */
#ifndef NV_NETGOAT_SNAP_H
#define NV_NETGOAT_SNAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bson/bson.h>

#include "base/error.h"
#include "node/blob.h"

/* One name of a directory. */
struct nv_docitem {
	char *name; /* owned; canonical */
	/* owned reference; NULL: a directory, or over the budget of the listing */
	struct nv_blob *blob;
	uint64_t size; /* of a file or link */
	struct timespec mtime;
	bool stamped;
	bool said;       /* the name tells the document's name fields */
	bson_t *head;    /* owned; directories of objects, links: _id, names and references */
	bson_value_t id; /* owned; of a document with neither blob nor head; else type 0 */
	const char *collection; /* of the schema; NULL: no document */
};

struct nv_docsnap {
	atomic_uint refs;
	int64_t sampled_ms;
	size_t count;
	size_t cap;
	struct nv_docitem *items; /* owned; sorted by name once finished */
};

/* NULL when out of memory. */
struct nv_docsnap *nv_docsnap_new(int64_t sampled_ms);
struct nv_docsnap *nv_docsnap_ref(struct nv_docsnap *snap);
void nv_docsnap_unref(struct nv_docsnap *snap);

/* The two above as the cache wants them. */
void *nv_docsnap_cache_ref(void *snap);
void nv_docsnap_cache_unref(void *snap);

/* Appends an item; takes ownership of name, of one reference of blob, and of head, also on
 * failure. size, mtime and stamped are taken from blob. NULL when out of memory. */
struct nv_docitem *nv_docsnap_add(struct nv_docsnap *snap, char *name, struct nv_blob *blob,
                                  bson_t *head, const char *collection);

/* Gives documents that share a name their long names, and sorts. 0 or -ENOMEM. */
int nv_docsnap_finish(struct nv_docsnap *snap, const char *suffix);

/* The item of that canonical name in a finished snapshot, or NULL. */
const struct nv_docitem *nv_docsnap_find(const struct nv_docsnap *snap, const char *name);

/* The stored document, or its head, of an item; NULL: it is none, or only its id is known. */
const bson_t *nv_docitem_doc(const struct nv_docitem *item);

/* The _id of an item's document, borrowed from it; false: it is none. */
bool nv_docitem_id(const struct nv_docitem *item, bson_value_t *ret_id);

static inline void nv_cleanup_docsnap(struct nv_docsnap **snap)
{
	nv_docsnap_unref(*snap);
}
#define cleanup_docsnap __attribute__((cleanup(nv_cleanup_docsnap)))

#endif
