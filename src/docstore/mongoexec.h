/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands that write, and what came of them. Private to docstore/mongo*.
 */
#ifndef NV_DOCSTORE_MONGOEXEC_H
#define NV_DOCSTORE_MONGOEXEC_H

#include "docstore/mongo.h"
#include "docstore/mongoop.h"
#include "docstore/mongoplan.h"

/* Inserts documents, in order, until one fails: then *ret_failed is its index, or SIZE_MAX when
 * that is not known. */
int nv_mongoexec_insert(struct nv_mongo_call *call, const char *collection,
                        const bson_t *const *docs, size_t count, size_t *ret_failed,
                        struct nv_err *err);

/* Inserts one document, again when the answer was lost: it is in the collection, once, or not at
 * all. The reason for its _id being taken is never the first try. */
int nv_mongoexec_insert_once(struct nv_mongo_call *call, const char *collection, const bson_t *doc,
                             struct nv_err *err);

/* Does one operation, or takes it back. 1: done; 0: the document is not as it should be; -errno.
 * back and of what is deleted: the whole document is compared, not only what was expected.
 * ret_after (NULL: not asked for): the document as stored by an UPDATE, or NULL. */
int nv_mongoexec_op(struct nv_mongo_call *call, const struct nv_mongoop *op, bool back, bool whole,
                    bson_t **ret_after, struct nv_err *err);

/* As nv_mongoexec_op, forward and without a transaction, and looks whether the server keeps what it
 * was given: if it does not, that is taken back, and it is -EIO. */
int nv_mongoexec_op_kept(struct nv_mongo_call *call, const struct nv_mongoop *op, bool whole,
                         bson_t **ret_after, struct nv_err *err);

/* Does all operations of a plan in the call's transaction, many in one command. 1: done; 0: a
 * document is not as it should be; -errno, with *ret_failed the index of the operation, or
 * SIZE_MAX. */
int nv_mongoexec_plan(struct nv_mongo_call *call, struct nv_mongoplan *plan, size_t *ret_failed,
                      struct nv_err *err);

/* Updates at most one document. The number that matched, or -errno. */
int nv_mongoexec_update(struct nv_mongo_call *call, const char *collection, const bson_t *filter,
                        const bson_t *changes, struct nv_err *err);

/* Deletes at most one. The number, or -errno. */
int nv_mongoexec_delete(struct nv_mongo_call *call, const char *collection, const bson_t *filter,
                        struct nv_err *err);

/* The document with that _id: 1 and *ret_doc (owned), 0: none. settled: as a majority has it. */
int nv_mongoexec_get(struct nv_mongo_call *call, const char *collection, const struct nv_bval *id,
                     bool settled, bson_t **ret_doc, struct nv_err *err);

#endif
