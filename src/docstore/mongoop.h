/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a commit does to one document, as a value: which paths change from what to what. It is what
 * a server without transactions keeps in a pending entry, so that anybody can end, or take back,
 * what a dead mount began. Private to docstore/; no client library here. Pure.
 */
#ifndef NV_DOCSTORE_MONGOOP_H
#define NV_DOCSTORE_MONGOOP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "docstore/value.h"

enum nv_mongoop_kind {
	NV_MONGOOP_INSERT,  /* doc comes */
	NV_MONGOOP_UPDATE,  /* paths change */
	NV_MONGOOP_REPLACE, /* before becomes doc: what dotted paths cannot say */
	NV_MONGOOP_DELETE,  /* before goes */
};

/* One operation. Everything is inside spec, a BSON document, which can be stored and read back. */
struct nv_mongoop {
	enum nv_mongoop_kind kind;
	struct nv_buf spec; /* owned */
	/* Borrowed from spec. */
	const char *collection;
	struct nv_bval id;
	struct nv_bval doc;    /* INSERT, REPLACE */
	struct nv_bval before; /* REPLACE, DELETE */
	struct nv_bval paths;  /* array: paths that change, or must be as they were */
};

/* What becomes of a document. before NULL: it comes; after NULL: it goes. An inserted document gets
 * its _id first, as the servers store it. expects: paths that must be as before; those that change
 * are left out. *ret_op is only set when something changes: 1; else 0. Owns: nv_mongoop_release. */
int nv_mongoop_make(const char *collection, const struct nv_bval *id, const struct nv_bval *before,
                    const struct nv_bval *after, const char *const *expects, size_t expects_count,
                    struct nv_mongoop *ret_op, struct nv_err *err);

/* Reads a stored operation (copied). -EINVAL: it is none. */
int nv_mongoop_parse(const struct nv_bval *spec, struct nv_mongoop *ret_op, struct nv_err *err);

void nv_mongoop_release(struct nv_mongoop *op);

/* Bytes of a command that has a filter and the changes, roughly. */
size_t nv_mongoop_size(const struct nv_mongoop *op);

/* Sets *out (emptied first) to the filter of the document as it must be before the operation, or,
 * back, after it. whole: a delete names the whole document, not only what was expected. */
int nv_mongoop_filter(const struct nv_mongoop *op, bool back, bool whole, struct nv_buf *out,
                      struct nv_err *err);

/* Sets *out (emptied first) to {$set: …, $unset: …} of an UPDATE, forward or back. */
int nv_mongoop_changes(const struct nv_mongoop *op, bool back, struct nv_buf *out,
                       struct nv_err *err);

/* Whether the document is not what the operation told, but can be what a server has made of it that
 * keeps numbers or binaries in its own way. What differs more is another's change. Not of a
 * DELETE. */
bool nv_mongoop_is_altered(const struct nv_mongoop *op, const struct nv_bval *now);

/* Sets *out (emptied first) to the filter of the document as it is now, at the paths of the
 * operation. */
int nv_mongoop_filter_now(const struct nv_mongoop *op, const struct nv_bval *now,
                          struct nv_buf *out, struct nv_err *err);

enum nv_mongoop_state {
	NV_MONGOOP_TODO, /* the document is as before */
	NV_MONGOOP_DONE, /* something of the operation is in the document */
	NV_MONGOOP_LOST, /* neither: somebody else has changed what it would change */
};

/* Holds the document (NULL: there is none) against the operation. */
enum nv_mongoop_state nv_mongoop_look(const struct nv_mongoop *op, const struct nv_bval *now);

#endif
