/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Terms of a query, compiled, and tried on documents: what MongoDB would say. Private to docstore/;
 * for the embedded stores.
 */
#ifndef NV_DOCSTORE_MATCH_H
#define NV_DOCSTORE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "docstore/docstore.h"
#include "docstore/value.h"

/* A canonical key inside nv_match_term.bytes. */
struct nv_match_key {
	size_t at;
	size_t size;
};

/* One term. */
struct nv_match_term {
	const struct nv_docterm *term; /* borrowed */
	struct nv_buf bytes;           /* owned; the keys of term->values, one behind the other */
	struct nv_match_key *keys;     /* owned; sorted, without repetition */
	size_t keys_count;
	bool takes_null; /* null is among the values */
};

struct nv_match {
	struct nv_match_term *terms; /* owned */
	size_t count;
	struct nv_buf scratch; /* owned; the key of the value looked at */
};

/* Compiles; terms must outlive *ret_match. 0, -ENOMEM, -EINVAL. Owns: nv_match_release, also after
 * a failure. */
int nv_match_init(struct nv_match *ret_match, const struct nv_docterm *terms, size_t terms_count);
void nv_match_release(struct nv_match *match);

/* 1 when all terms hold for doc, 0 when not, -ENOMEM. Not for two threads at once. */
int nv_match_doc(struct nv_match *match, const struct nv_bval *doc);

#endif
