/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the suites of the document store share: stores of each backend, and documents, values and
 * terms written as JSON with single quotes. Everything made by a shorthand is freed with the
 * fixture.
 */
#ifndef NV_TESTS_CONTRACT_DOCSTORE_FIXTURE_H
#define NV_TESTS_CONTRACT_DOCSTORE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "docstore/docstore.h"

/* A kind of store that the suite runs on. */
struct backend {
	const char *name;
	const char *scheme; /* "sqlite:" is followed by a path in a private directory */
	bool indexes;       /* declares look-ups for the paths that the suite asks for */
};

struct fixture {
	const struct backend *backend;
	char dir[256];
	char path[300]; /* of the store's file, whether it is used or not */
	struct nv_clock *clock;
	struct nv_metrics metrics;
	struct nv_docstore *store;
	struct nv_err err;
	struct made *made;          /* what the shorthands made */
	struct nv_docresult result; /* of the last commit by a shorthand */
	char text[1 << 16];         /* answers as text */
};

/* One case of the suite. */
struct docstore_case {
	const char *name;
	void (*run)(void **state);
};

extern const struct docstore_case docstore_query_cases[];
extern const struct docstore_case docstore_commit_cases[];
extern const struct docstore_case docstore_log_cases[];
extern const struct docstore_case docstore_load_cases[];

/* cmocka fixtures; the initial state is the struct backend. */
int docstore_setup(void **state);
int docstore_teardown(void **state);

/* Opens another store on the fixture's file (or another memory). Asserts. */
struct nv_docstore *open_store(struct fixture *f, const char *uri, uint32_t timeout_ms);

/* The URI of the fixture's store. */
const char *store_uri(struct fixture *f);

/* Shorthands. json as in "{'_id':1}", a value as in "1" or "{'$oid':'…'}". */
const bson_t *D(struct fixture *f, const char *json);
const bson_value_t *V(struct fixture *f, const char *json);

/* A term; paths separated by '|', values ended by NULL. */
struct nv_docterm T(struct fixture *f, const char *paths, enum nv_docterm_op op, ...);

/* Inserts one document; must succeed. */
void insert(struct fixture *f, const char *collection, const char *json);

/* Commits one write without entries into f->result: what nv_docstore_commit returns. */
int commit_one(struct fixture *f, const struct nv_docwrite *write);

/* The _ids of the documents for which the terms hold, in ascending order: "1 2 \"x\"". Asserts
 * success. */
const char *ids(struct fixture *f, const char *collection, const struct nv_docterm *terms,
                size_t count);

/* The whole documents, in ascending order of _id, one a line, in relaxed JSON. Asserts success. */
const char *docs(struct fixture *f, const char *collection);

/* A changelog entry's id: number makes the ObjectId. */
bson_t *entry(const char *change, uint32_t number);

unsigned long long metric(struct fixture *f, enum nv_metric which);

#endif
