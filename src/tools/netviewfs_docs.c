/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netviewfs-docs: a document store's collections as lines of canonical extended JSON, in and out.
 *
 * For seeding stores and for tests that ask a store directly: so it uses libbson's JSON, not the
 * codec that the mount uses, and knows no schema. libbson's parser is not made for texts of
 * strangers; a mount never uses it.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "docstore/docstore.h"

enum { BATCH = 500 };

/* Documents that wait for their commit. */
struct batch {
	const char *collection;
	bson_t *docs[BATCH];
	size_t count;
	size_t line; /* of the input, of the last document */
};

NV_DEFINE_CLEANUP(line, char *, free)

static int usage(void)
{
	(void)fputs(
		"Usage: netviewfs-docs import STORE COLLECTION <DOCUMENTS.ndjson\n"
		"       netviewfs-docs replace STORE COLLECTION <DOCUMENTS.ndjson\n"
		"       netviewfs-docs delete STORE COLLECTION <DOCUMENTS.ndjson\n"
		"       netviewfs-docs export STORE COLLECTION\n"
		"       netviewfs-docs list STORE\n"
		"STORE is an SQLite file or mongodb://HOST/DATABASE; with a login, put it into NETVIEWFS_DOCS and\n"
		"give - as STORE.\n"
		"Documents are lines of canonical extended JSON. The collection \"changelog\" is the changelog.\n"
		"replace puts each document in the place of the one with its _id, delete removes that; neither\n"
		"writes a changelog entry.\n",
		stderr);
	return 2;
}

static int open_store(const char *path, bool readonly, struct nv_clock *clock,
                      struct nv_docstore **ret_store, struct nv_err *err)
{
	char uri[4096];
	struct nv_docstore_config config = { .readonly = readonly, .clock = clock };
	bool whole =
		strncmp(path, "mongodb://", 10) == 0 || strncmp(path, "mongodb+srv://", 14) == 0;
	int size = snprintf(uri, sizeof(uri), "%s%s", whole ? "" : "sqlite:", path);

	if (size < 0 || (size_t)size >= sizeof(uri)) {
		return nv_fail(err, ENAMETOOLONG, "the path is too long");
	}
	return nv_docstore_open(uri, &config, ret_store, err);
}

static void batch_release(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		bson_destroy(batch->docs[i]);
	}
	batch->count = 0;
}

static int batch_commit(struct nv_docstore *store, struct batch *batch, struct nv_err *err)
{
	struct nv_docwrite writes[BATCH];
	struct nv_doccommit commit = { 0 };
	struct nv_docresult result = { 0 };

	if (batch->count == 0) {
		return 0;
	}
	if (strcmp(batch->collection, NV_DOCSTORE_CHANGELOG) == 0) {
		commit.entries = (const bson_t *const *)batch->docs;
		commit.entries_count = batch->count;
	} else {
		memset(writes, 0, sizeof(writes));
		for (size_t i = 0; i < batch->count; i++) {
			writes[i].kind = NV_DOCWRITE_INSERT;
			writes[i].collection = batch->collection;
			writes[i].doc = batch->docs[i];
		}
		commit.writes = writes;
		commit.writes_count = batch->count;
	}
	int status = nv_docstore_commit(store, &commit, &result, err);
	if (status < 0 && result.failed < batch->count) {
		status = nv_wrap(err, "line %zu", batch->line - batch->count + 1 + result.failed);
	}
	nv_docresult_release(&result);
	batch_release(batch);
	return status;
}

/* Removes the document that has the _id of doc and, when it is a replacement, puts doc in its
 * place. */
static int change(struct nv_docstore *store, const struct batch *batch, const bson_t *doc,
                  bool replaces, struct nv_err *err)
{
	struct nv_docwrite writes[2] = {
		{ .kind = NV_DOCWRITE_DELETE, .collection = batch->collection },
		{ .kind = NV_DOCWRITE_INSERT, .collection = batch->collection, .doc = doc },
	};
	struct nv_doccommit commit = { .writes = writes, .writes_count = replaces ? 2 : 1 };
	struct nv_docresult result = { 0 };
	bson_iter_t iter;

	if (!bson_iter_init_find(&iter, doc, "_id")) {
		return nv_fail(err, EINVAL, "line %zu: a document without _id", batch->line);
	}
	writes[0].id = bson_iter_value(&iter);
	int status = nv_docstore_commit(store, &commit, &result, err);
	nv_docresult_release(&result);
	if (status == -ENOENT && replaces) {
		commit.writes = &writes[1];
		commit.writes_count = 1;
		status = nv_docstore_commit(store, &commit, &result, err);
		nv_docresult_release(&result);
	}
	return status < 0 ? nv_wrap(err, "line %zu", batch->line) : 0;
}

static int take_line(struct nv_docstore *store, struct batch *batch, const char *verb,
                     const char *line, size_t size, struct nv_err *err)
{
	bson_error_t reason;
	bson_t *doc = bson_new_from_json((const uint8_t *)line, (ssize_t)size, &reason);

	if (!doc) {
		return nv_fail(err, EINVAL, "line %zu: %s", batch->line, reason.message);
	}
	if (strcmp(verb, "import") != 0) {
		int status = change(store, batch, doc, strcmp(verb, "replace") == 0, err);
		bson_destroy(doc);
		return status;
	}
	batch->docs[batch->count++] = doc;
	return batch->count == BATCH ? batch_commit(store, batch, err) : 0;
}

static int take_lines(struct nv_docstore *store, struct batch *batch, const char *verb,
                      struct nv_err *err)
{
	char *line NV_CLEANUP(line) = NULL;
	size_t cap = 0;
	int status = 0;

	while (status == 0) {
		ssize_t size = getline(&line, &cap, stdin);
		if (size < 0) {
			break;
		}
		batch->line++;
		status = take_line(store, batch, verb, line, (size_t)size, err);
	}
	if (status == 0 && ferror(stdin)) {
		status = nv_fail(err, EIO, "standard input cannot be read");
	}
	if (status == 0) {
		status = batch_commit(store, batch, err);
	}
	batch_release(batch);
	return status;
}

/* nv_docstore_doc_fn */
static int print_doc(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	char *text = bson_as_canonical_extended_json(doc, NULL);

	(void)ctx;
	(void)query;
	if (!text) {
		return nv_fail(err, EILSEQ, "a document that JSON cannot show");
	}
	int printed = printf("%s\n", text);
	bson_free(text);
	return printed < 0 ? nv_fail(err, EIO, "standard output cannot be written") : 0;
}

static int export(struct nv_docstore *store, const char *collection, struct nv_err *err)
{
	struct nv_docquery query = { .collection = collection, .sort = NV_DOCSORT_ID };
	struct nv_doclog *log = NULL;

	if (strcmp(collection, NV_DOCSTORE_CHANGELOG) != 0) {
		return nv_docstore_query(store, &query, 1, print_doc, NULL, err);
	}
	int status = nv_doclog_open(store, SIZE_MAX, &log, err);
	if (status == 0) {
		status = nv_doclog_read(log, print_doc, NULL, err);
	}
	nv_doclog_close(log);
	return status;
}

/* nv_docstore_name_fn */
static int print_name(void *ctx, const char *name, struct nv_err *err)
{
	(void)ctx;
	return puts(name) < 0 ? nv_fail(err, EIO, "standard output cannot be written") : 0;
}

static bool is_writing(const char *verb)
{
	return strcmp(verb, "import") == 0 || strcmp(verb, "replace") == 0 ||
	       strcmp(verb, "delete") == 0;
}

/* The exit status; why it failed goes to stderr. */
static int tell(int status, const struct nv_err *err)
{
	if (status < 0) {
		(void)fprintf(stderr, "netviewfs-docs: %s\n", err->msg);
	}
	return status < 0 ? 1 : 0;
}

static int run(int argc, char **argv, struct nv_clock *clock, struct nv_err *err)
{
	bool writes = is_writing(argv[1]);
	struct batch batch = { .collection = argc == 4 ? argv[3] : NULL };
	struct nv_docstore *store = NULL;

	const char *named = getenv("NETVIEWFS_DOCS");
	if (strcmp(argv[2], "-") == 0 && !named) {
		return nv_fail(err, EINVAL, "NETVIEWFS_DOCS is not set");
	}
	int status = open_store(strcmp(argv[2], "-") == 0 ? named : argv[2], !writes, clock, &store,
	                        err);
	if (status < 0) {
		return status;
	}
	if (writes) {
		status = take_lines(store, &batch, argv[1], err);
	} else if (argc == 4) {
		status = export(store, argv[3], err);
	} else {
		status = nv_docstore_collections(store, print_name, NULL, err);
	}
	if (status == 0 && fflush(stdout) != 0) {
		status = nv_fail(err, EIO, "standard output cannot be written");
	}
	struct nv_docstore_info info = { 0 };
	nv_docstore_describe(store, &info);
	if (strcmp(info.kind, "mongodb") == 0) {
		/* The driver's monitors would keep its close waiting for half a second. */
		_exit(tell(status, err));
	}
	nv_docstore_close(store);
	return status;
}

int main(int argc, char **argv)
{
	struct nv_err err = NV_ERR_INIT;
	struct nv_clock *clock = NULL;

	if (!(argc == 4 && (is_writing(argv[1]) || strcmp(argv[1], "export") == 0)) &&
	    !(argc == 3 && strcmp(argv[1], "list") == 0)) {
		return usage();
	}
	if (nv_clock_new(&clock) < 0) {
		(void)fputs("netviewfs-docs: out of memory\n", stderr);
		return 1;
	}
	int status = run(argc, argv, clock, &err);
	nv_clock_free(clock);
	return tell(status, &err);
}
