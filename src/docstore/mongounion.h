/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many queries in one command, where the server can. Private to docstore/mongo*.
 */
#ifndef NV_DOCSTORE_MONGOUNION_H
#define NV_DOCSTORE_MONGOUNION_H

#include "docstore/mongo.h"

/* How many of the queries, from `first` on, one command can take; 1: that query is for a find of
 * its own. */
size_t nv_mongounion_length(const struct nv_mongo *store, const struct nv_docquery *queries,
                            size_t first, size_t count);

/* Asks queries first … first + count - 1. 0; 1: the server cannot, and nothing was delivered;
 * -errno. */
int nv_mongounion_query(struct nv_mongo_call *call, const struct nv_docquery *queries, size_t first,
                        size_t count, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err);

#endif
