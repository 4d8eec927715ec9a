/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several questions to the store in one round trip, each with its own receiver. A question about a
 * kind of document is asked of all collections that may hold it, so that documents of an older
 * generation are not invisible.
 */
#ifndef NV_NETGOAT_BATCH_H
#define NV_NETGOAT_BATCH_H

#include <stddef.h>

#include <bson/bson.h>

#include "base/error.h"
#include "docstore/docstore.h"
#include "netgoat/arena.h"
#include "netgoat/schema.h"

/* Gets one document. collection lives as long as the schema, doc for the call. 0, 1 (enough of
 * this question and collection), -errno with *err set. */
typedef int nv_docbatch_fn(void *ctx, const char *collection, const bson_t *doc,
                           struct nv_err *err);

struct nv_docbatch_sink;

struct nv_docbatch {
	struct nv_docstore *store; /* borrowed */
	struct nv_arena arena;     /* for everything the questions point to */
	struct nv_docquery *queries;
	struct nv_docbatch_sink *sinks;
	size_t count;
	size_t queries_cap;
	size_t sinks_cap;
};

#define NV_ASK_TERMS_MAX 6

/* One question. Terms and values are borrowed until the batch has run (batch->arena is a good
 * place). */
struct nv_docask {
	const struct nv_schema_kind *kind;
	struct nv_docterm terms[NV_ASK_TERMS_MAX];
	size_t terms_count;
	const char *const *fields; /* NULL = whole documents */
	size_t fields_count;
	size_t limit;
	enum nv_docsort sort;
	nv_docbatch_fn *fn;
	void *ctx;
};

void nv_docbatch_init(struct nv_docbatch *batch, struct nv_docstore *store);
void nv_docbatch_release(struct nv_docbatch *batch);

/* Adds the condition "role of ask's kind op values" to ask. values: count contiguous values. A
 * kind without that role: 0, and nothing is added. */
void nv_docask_term(struct nv_docask *ask, enum nv_role role, enum nv_docterm_op op,
                    const bson_value_t *values, size_t count);

/* Adds a condition on _id. */
void nv_docask_id(struct nv_docask *ask, enum nv_docterm_op op, const bson_value_t *values,
                  size_t count);

/* Makes ask deliver only what places a document: _id, its names and references. The paths are
 * put in the arena. */
void nv_docask_heads(struct nv_docask *ask, struct nv_arena *arena);

/* Adds a question (copied). 0 or -ENOMEM. */
int nv_docbatch_add(struct nv_docbatch *batch, const struct nv_docask *ask);

/* Asks all; the batch is then empty but keeps its arena. No question: nothing is asked. 0 or
 * -errno of the store or a receiver. */
int nv_docbatch_run(struct nv_docbatch *batch, struct nv_err *err);

#define cleanup_docbatch __attribute__((cleanup(nv_docbatch_release)))

#endif
