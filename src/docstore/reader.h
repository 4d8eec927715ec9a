/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One query being answered: documents are offered, those for which the terms hold are projected,
 * counted and delivered. Private to docstore/; for the embedded stores.
 */
#ifndef NV_DOCSTORE_READER_H
#define NV_DOCSTORE_READER_H

#include "base/buf.h"
#include "docstore/docstore.h"
#include "docstore/match.h"

struct nv_reader {
	const struct nv_docquery *query; /* borrowed */
	size_t index;                    /* of the query, for fn */
	nv_docstore_doc_fn *fn;
	void *ctx;
	struct nv_match match;
	struct nv_buf scratch; /* the projected document */
	size_t delivered;
};

/* 0, -ENOMEM, -EINVAL. Owns: nv_reader_release, also after a failure. */
int nv_reader_init(struct nv_reader *ret_reader, const struct nv_docquery *query, size_t index,
                   nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err);
void nv_reader_release(struct nv_reader *reader);

/* True when the terms hold for doc, which is then to be delivered; false also when out of memory
 * (*ret_rc, else 0). */
bool nv_reader_wants(struct nv_reader *reader, const struct nv_bval *doc, int *ret_rc,
                     struct nv_err *err);

/* Delivers doc: 0; 1 = enough (fn says so, or the limit); -errno. */
int nv_reader_deliver(struct nv_reader *reader, const struct nv_bval *doc, struct nv_err *err);

#endif
