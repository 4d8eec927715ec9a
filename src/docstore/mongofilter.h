/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Terms and expected values as MongoDB's query language has them. Private to docstore/; no client
 * library here. Pure.
 */
#ifndef NV_DOCSTORE_MONGOFILTER_H
#define NV_DOCSTORE_MONGOFILTER_H

#include <stddef.h>

#include "base/buf.h"
#include "docstore/docstore.h"
#include "docstore/value.h"

/* Appends a document that all documents match for which the terms hold, and no others. 0, -ENOMEM,
 * -EINVAL (a value that is no BSON). */
int nv_mongofilter_terms(struct nv_buf *out, const struct nv_docterm *terms, size_t terms_count,
                         struct nv_err *err);

/* Values over this size are guarded by their type (arrays: and length) only, where all guards
 * together would not fit a command. */
#define NV_MONGOFILTER_BIG 4096

/* Appends one element, at a position, of an $and: path holds value (NULL: is missing). As exact as
 * the query language is: type and value, null is not missing, an array is not its element; 1, 1.0
 * and NumberLong(1) differ at the path itself, not deep inside an array or document. weak: a big
 * value by its type only. */
void nv_mongofilter_guard(struct nv_buf *out, size_t position, const char *path,
                          const struct nv_bval *value, bool weak);

#endif
