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

/* Where a server of the tests is not MongoDB's equal. Each flag leaves out what only that server
 * gets wrong, and docs/stores.md lists it. */
enum odd {
	ODD_NESTED = 1 << 0,    /* an array in an array is looked into too little, or too much */
	ODD_POSITIONS = 1 << 1, /* a number in a path does not reach an element that is an array */
	ODD_REGEX = 1 << 2,     /* a pattern's options are sorted */
	ODD_UUID = 1 << 3,      /* the connection ends at an _id that is a UUID */
	ODD_EQUAL = 1 << 4,     /* 1 is not replaced by NumberLong(1), 'because nothing changes' */
	ODD_DOTTED = 1 << 5,    /* a name with a dot in it is refused */
	ODD_NO_UNION = 1 << 7,  /* no $unionWith: a round trip a query */
	ODD_MISSING = 1 << 6,   /* an array of scalars has null below it */
};

/* A kind of store that the suite runs on. */
struct backend {
	const char *name;
	/* "sqlite:" is followed by a path in a private directory, "mongodb://HOST/" by a database
	 * of the case's own */
	const char *scheme;
	bool indexes; /* declares look-ups for the paths that the suite asks for */
	bool pending; /* a server without transactions */
	unsigned odd; /* enum odd: what the server does not do as MongoDB does */
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

/* True for a store behind a connection: several round trips a call, a changelog in the order of
 * _ids, _id first in every document. */
bool is_remote(const struct fixture *f);

/* Runs every case on every backend: a main's status. */
int docstore_run(struct backend *backends, size_t count);

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
