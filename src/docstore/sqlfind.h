/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding documents in the sqlite store: by _id, by look-up, else by reading the collection.
 * Private to the sqlite store.
 */
#ifndef NV_DOCSTORE_SQLFIND_H
#define NV_DOCSTORE_SQLFIND_H

#include "base/buf.h"
#include "base/error.h"
#include "docstore/docstore.h"
#include "docstore/match.h"
#include "docstore/sqlite.h"
#include "docstore/value.h"

/* Gets a candidate: a checked document that may fit. Returns 0, 1 = enough, -errno. Must not use
 * the connection. */
typedef int nv_sqlfind_fn(void *ctx, const struct nv_bval *doc, struct nv_err *err);

/* Offers, in the order asked for, at least every document of the collection for which the terms of
 * match hold: 0 or -errno. In a transaction. */
int nv_sqlfind(struct nv_sqlite *conn, const char *collection, const struct nv_match *match,
               enum nv_docsort sort, nv_sqlfind_fn *fn, void *ctx, struct nv_err *err);

/* The document of that key: 1, *ret_doc its row number, out (emptied first) its bytes; 0: none;
 * -errno. */
int nv_sqlfind_one(struct nv_sqlite *conn, const char *collection, const struct nv_buf *key,
                   int64_t *ret_doc, struct nv_buf *out, struct nv_err *err);

/* -EIO when a row's bytes are no document. */
int nv_sqlfind_check(const char *collection, const struct nv_bval *doc, struct nv_err *err);

#endif
