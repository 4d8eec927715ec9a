/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A commit of the MongoDB store under way. Private to docstore/mongo*.
 */
#ifndef NV_DOCSTORE_MONGOCOMMIT_H
#define NV_DOCSTORE_MONGOCOMMIT_H

#include "docstore/mongo.h"
#include "docstore/mongoplan.h"

/* What an attempt says when the same commit is to be tried again from the start. */
#define NV_MONGO_AGAIN 1

struct nv_mongocommit {
	struct nv_mongo_call *call;
	const struct nv_doccommit *commit;
	struct nv_docresult *result;
	struct nv_docresult kept; /* of an attempt of which nobody knows whether it took place */
	bool unsure;              /* there was one */
	bool created;             /* collections were made outside the transaction */
	bool probed;              /* what the server can do was asked again */
};

/* What a failed operation (index SIZE_MAX: some) means for the commit: sets result->failed and
 * stored, and returns -errno, or NV_MONGO_AGAIN. The transaction must have ended. */
int nv_mongocommit_op_failed(struct nv_mongocommit *run, const struct nv_mongoplan *plan,
                             size_t index, int rc, struct nv_err *err);

/* The same for an entry (index SIZE_MAX: some). */
int nv_mongocommit_entry_failed(struct nv_mongocommit *run, size_t index, int rc,
                                struct nv_err *err);

/* Adds to *err that nobody knows whether the commit took place; returns -errno. */
int nv_mongocommit_unknown(struct nv_err *err);

/* The same commit without a transaction: by a pending entry (mongopending.c). Done 0,
 * NV_MONGO_AGAIN, -errno. */
int nv_mongopending_commit(struct nv_mongocommit *run, struct nv_mongoplan *plan,
                           struct nv_err *err);

/* The _id of the operation, its first entry's. */
struct nv_bval nv_mongocommit_id(const struct nv_doccommit *commit);

#endif
