/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-ups by value in the sqlite store: which paths have one, and what a document's change does to
 * them. Private to the sqlite store.
 *
 * A look-up says "a document of this collection has, or had, a value of this key at this path";
 * keys over NV_KEY_INDEX_MAX bytes are cut. So it finds candidates only, which are then held
 * against the query. Missing and null have a key too.
 */
#ifndef NV_DOCSTORE_SQLINDEX_H
#define NV_DOCSTORE_SQLINDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "docstore/docstore.h"
#include "docstore/sqlite.h"
#include "docstore/value.h"

/* One path that has look-ups. */
struct nv_sqlindex {
	int64_t number;
	char *collection; /* owned */
	char *path;       /* owned */
};

/* All of them, as of one transaction. */
struct nv_sqlindexes {
	struct nv_sqlindex *items; /* owned */
	size_t count;
};

int nv_sqlindexes_load(struct nv_sqlite *conn, struct nv_sqlindexes *ret_indexes,
                       struct nv_err *err);
void nv_sqlindexes_release(struct nv_sqlindexes *indexes);

/* The number of a path's look-ups: 1; 0 when it has none; -errno. */
int nv_sqlindex_find(struct nv_sqlite *conn, const char *collection, const char *path,
                     int64_t *ret_number, struct nv_err *err);

/* Writes what the change of document doc from old (NULL: new) to made (NULL: removed) means for its
 * look-ups. In a transaction. */
int nv_sqlindex_change(struct nv_sqlite *conn, const struct nv_sqlindexes *indexes,
                       const char *collection, int64_t doc, const struct nv_bval *old,
                       const struct nv_bval *made, struct nv_err *err);

/* Declares paths; their documents count as not indexed until nv_sqlindex_fill was there. In a
 * transaction of its own. */
int nv_sqlindex_declare(struct nv_sqlite *conn, const struct nv_docstore_index *paths,
                        size_t paths_count, struct nv_err *err);

/* Indexes at most limit documents that are not: 1 when there may be more, 0 when there are none. In
 * a transaction. */
int nv_sqlindex_fill(struct nv_sqlite *conn, const struct nv_sqlindexes *indexes, size_t limit,
                     struct nv_err *err);

#endif
