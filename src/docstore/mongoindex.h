/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Indexes of a MongoDB store: which of the declared ones are missing, and making them on request.
 * Private to docstore/mongo*.
 */
#ifndef NV_DOCSTORE_MONGOINDEX_H
#define NV_DOCSTORE_MONGOINDEX_H

#include "docstore/mongo.h"

/* Copies what was declared into the store: 0, -ENOMEM. Freed by nv_mongoindex_release. */
int nv_mongoindex_declare(struct nv_mongo *store, const struct nv_docstore_config *config,
                          struct nv_err *err);
void nv_mongoindex_release(struct nv_mongo *store);

/* The slot. */
int nv_mongo_indexes(struct nv_docstore *base, bool make, nv_docstore_index_fn *fn, void *ctx,
                     struct nv_err *err);

#endif
