/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A commit thought through before it is done: the documents it needs are read, every write is tried
 * on them here (doccommit.h, the same code as the embedded stores'), and what comes out is one
 * operation for each document that changes. Private to docstore/mongo*.
 */
#ifndef NV_DOCSTORE_MONGOPLAN_H
#define NV_DOCSTORE_MONGOPLAN_H

#include "docstore/mongo.h"
#include "docstore/mongoop.h"

struct nv_mongoplan_doc;

struct nv_mongoplan_op {
	struct nv_mongoop op;
	size_t write;     /* the first write that concerns its document */
	bool wants_after; /* an UPDATE asks what is stored afterwards */
	bson_t *after;    /* owned; what the server says is stored, once it is done; may be NULL */
};

struct nv_mongoplan {
	struct nv_mongoplan_op
		*ops; /* owned; in the order in which their documents were first touched */
	size_t count;
	struct nv_mongoplan_doc **docs; /* owned; all documents seen, in that order */
	size_t docs_count;
	size_t docs_cap;
	struct nv_strmap *by_key; /* owned map of docs */
};

/* Reads and tries. Fills *result as nv_docstore_commit says, with documents as they will be.
 * Errors: those of nv_docstore_commit; reading fails through nv_mongo_failed. Owns:
 * nv_mongoplan_release, also after a failure. */
int nv_mongoplan_make(struct nv_mongo_call *call, const struct nv_doccommit *commit,
                      struct nv_mongoplan *ret_plan, struct nv_docresult *result,
                      struct nv_err *err);

/* Puts what the servers said is stored into *result. */
int nv_mongoplan_finish(struct nv_mongoplan *plan, const struct nv_doccommit *commit,
                        struct nv_docresult *result, struct nv_err *err);

void nv_mongoplan_release(struct nv_mongoplan *plan);

/* *result as it was before nv_mongoplan_make, for another try. */
void nv_mongoplan_reset_result(struct nv_docresult *result);

#endif
