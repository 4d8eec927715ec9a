/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The arguments of docstore.h, checked before any backend sees them. Private to docstore.c.
 */
#ifndef NV_DOCSTORE_CHECK_H
#define NV_DOCSTORE_CHECK_H

#include "docstore/docstore.h"

/* 0 or -EINVAL with the reason (-EFBIG for a document that is too big). */
int nv_check_collection(const char *collection, struct nv_err *err);
int nv_check_query(const struct nv_docquery *query, struct nv_err *err);
int nv_check_commit(const struct nv_doccommit *commit, size_t *ret_failed, struct nv_err *err);

#endif
