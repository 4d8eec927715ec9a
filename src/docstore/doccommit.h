/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a commit does, step by step, over a store that can load and store one document at a time
 * inside its own transaction. Private to docstore/; for the embedded stores.
 */
#ifndef NV_DOCSTORE_DOCCOMMIT_H
#define NV_DOCSTORE_DOCCOMMIT_H

#include "base/buf.h"
#include "base/error.h"
#include "docstore/docstore.h"
#include "docstore/match.h"
#include "docstore/value.h"

/* Gets a document that matched. Returns 0, 1 = enough, -errno. */
typedef int nv_doccommit_found_fn(void *found_ctx, const struct nv_bval *doc, struct nv_err *err);

/* The store as a commit sees it: what it wrote itself included. key is the canonical key of the
 * _id. */
struct nv_doccommit_io {
	/* 1 and *out (emptied first) the document; 0: none. */
	int (*load)(void *ctx, const char *collection, const struct nv_buf *key, struct nv_buf *out,
	            struct nv_err *err);
	/* Puts doc where old (NULL: nothing) stood. */
	int (*store)(void *ctx, const char *collection, const struct nv_buf *key,
	             const struct nv_bval *old, const struct nv_bval *doc, struct nv_err *err);
	/* Takes old away. */
	int (*remove)(void *ctx, const char *collection, const struct nv_buf *key,
	              const struct nv_bval *old, struct nv_err *err);
	/* Calls fn for each document for which the terms hold. fn changes nothing. */
	int (*select)(void *ctx, const char *collection, const struct nv_docterm *terms,
	              size_t terms_count, nv_doccommit_found_fn *fn, void *found_ctx,
	              struct nv_err *err);
	/* Before each write (entry false) and each entry: a place for a test's fault. May be
	 * NULL. */
	int (*step)(void *ctx, bool entry, struct nv_err *err);
};

/* Does all writes and entries. On failure the store must forget what was stored; result->failed and
 * stored are set. */
int nv_doccommit_run(const struct nv_doccommit_io *io, void *ctx, const struct nv_doccommit *commit,
                     struct nv_docresult *result, struct nv_err *err);

#endif
