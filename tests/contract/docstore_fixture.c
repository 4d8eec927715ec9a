/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

/* Something to free with the fixture: a document, and memory. */
struct made {
	struct made *next;
	bson_t *doc;
	void *memory;
};

/* Paths that the suite asks for by value. */
static const struct nv_docstore_index suite_indexes[] = {
	{ "d", "a" },
	{ "d", "a.b" },
	{ "d", "x" },
	{ "d", "y" },
	{ "d", "domainId" },
	{ "d", "domain_id" },
	{ "d", "members.user_id" },
	{ "d", "n" },
	{ "load", "group" },
};

bool is_remote(const struct fixture *f)
{
	return strncmp(f->backend->scheme, "mongodb:", strlen("mongodb:")) == 0;
}

const char *store_uri(struct fixture *f)
{
	static char uri[400];
	const char *scheme = f->backend->scheme;
	if (strcmp(scheme, "mem:") == 0) {
		return scheme;
	}
	/* The directory's name, "nvdocXXXXXX", is a database's too. */
	(void)snprintf(uri, sizeof(uri), "%s%s", scheme,
	               is_remote(f) ? strrchr(f->dir, '/') + 1 : f->path);
	return uri;
}

struct nv_docstore *open_store(struct fixture *f, const char *uri, uint32_t timeout_ms)
{
	struct nv_docstore_config config = { .timeout_ms = timeout_ms,
		                             .clock = f->clock,
		                             .metrics = &f->metrics };
	struct nv_docstore *store = NULL;
	if (f->backend->indexes) {
		config.indexes = suite_indexes;
		config.indexes_count = sizeof(suite_indexes) / sizeof(suite_indexes[0]);
	}
	f->err = (struct nv_err)NV_ERR_INIT;
	if (nv_docstore_open(uri, &config, &store, &f->err) != 0) {
		fail_msg("%s: %s", uri, f->err.msg);
	}
	return store;
}

int docstore_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");
	if (!f) {
		return -1;
	}
	f->backend = *state;
	(void)snprintf(f->dir, sizeof(f->dir), "%s/nvdocXXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir) || nv_clock_new(&f->clock) < 0) {
		free(f);
		return -1;
	}
	(void)snprintf(f->path, sizeof(f->path), "%s/docs.sqlite", f->dir);
	*state = f;
	f->store = open_store(f, store_uri(f), 30000);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void free_made(struct fixture *f)
{
	while (f->made) {
		struct made *next = f->made->next;
		if (f->made->doc) {
			bson_destroy(f->made->doc);
		}
		free(f->made->memory);
		free(f->made);
		f->made = next;
	}
}

int docstore_teardown(void **state)
{
	struct fixture *f = *state;
	nv_docresult_release(&f->result);
	nv_docstore_close(f->store);
	nv_clock_free(f->clock);
	free_made(f);
	int rc = nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return rc;
}

static void keep(struct fixture *f, bson_t *doc, void *memory)
{
	struct made *made = calloc(1, sizeof(*made));
	assert_non_null(made);
	made->doc = doc;
	made->memory = memory;
	made->next = f->made;
	f->made = made;
}

static bson_t *parse(const char *text)
{
	char *json = strdup(text);
	bson_error_t error;
	assert_non_null(json);
	for (char *at = json; *at != '\0'; at++) {
		*at = *at == '\'' ? '"' : *at;
	}
	bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &error);
	if (!doc) {
		fail_msg("%s: %s", json, error.message);
	}
	free(json);
	return doc;
}

const bson_t *D(struct fixture *f, const char *json)
{
	bson_t *doc = parse(json);
	keep(f, doc, NULL);
	return doc;
}

const bson_value_t *V(struct fixture *f, const char *json)
{
	char *text = malloc(strlen(json) + 16);
	assert_non_null(text);
	(void)sprintf(text, "{'v':%s}", json);
	bson_t *doc = parse(text);
	bson_iter_t *iter = calloc(1, sizeof(*iter));
	assert_non_null(iter);
	assert_true(bson_iter_init_find(iter, doc, "v"));
	free(text);
	keep(f, doc, iter);
	return bson_iter_value(iter);
}

struct nv_docterm T(struct fixture *f, const char *paths, enum nv_docterm_op op, ...) {
	char *text = strdup(paths);
	const char **list = calloc(NV_DOCTERM_PATHS_MAX, sizeof(*list));
	bson_value_t *values = calloc(16, sizeof(*values));
	struct nv_docterm term = { .op = op };
	char *save = NULL;
	va_list args;
	assert_true(text &&list &&values);
	for (char *path = strtok_r(text, "|", &save); path; path = strtok_r(NULL, "|", &save)) {
		list[term.paths_count++] = path;
	}
	va_start(args, op);
	for (const char *json = va_arg(args, const char *); json;
	     json = va_arg(args, const char *)) {
		values[term.values_count++] = *V(f, json);
	}
	va_end(args);
	keep(f, NULL, text);
	keep(f, NULL, list);
	keep(f, NULL, values);
	term.paths = list;
	term.values = values;
	return term;
}

int commit_one(struct fixture *f, const struct nv_docwrite *write)
{
	struct nv_doccommit commit = { .writes = write, .writes_count = 1 };
	nv_docresult_release(&f->result);
	f->err = (struct nv_err)NV_ERR_INIT;
	int rc = nv_docstore_commit(f->store, &commit, &f->result, &f->err);
	if (rc < 0) { /* the contract of every failure */
		assert_int_equal(f->err.errnum, -rc);
		assert_true(f->err.msg[0] != '\0');
		assert_null(f->result.after);
	}
	return rc;
}

void insert(struct fixture *f, const char *collection, const char *json)
{
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = collection,
		                     .doc = D(f, json) };
	if (commit_one(f, &write) != 0) {
		fail_msg("insert %s: %s", json, f->err.msg);
	}
}

static int add_id(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct fixture *f = ctx;
	bson_t id = BSON_INITIALIZER;
	bson_iter_t iter;
	size_t used = strlen(f->text);
	(void)query;
	(void)err;
	assert_true(bson_iter_init_find(&iter, doc, "_id"));
	BSON_APPEND_VALUE(&id, "", bson_iter_value(&iter));
	char *json = bson_as_relaxed_extended_json(&id, NULL); /* { "" : 1 } */
	assert_non_null(json);
	json[strlen(json) - 2] = '\0';
	(void)snprintf(f->text + used, sizeof(f->text) - used, "%s%s", used > 0 ? " " : "",
	               json + strlen("{ \"\" : "));
	bson_free(json);
	bson_destroy(&id);
	return 0;
}

const char *ids(struct fixture *f, const char *collection, const struct nv_docterm *terms,
                size_t count)
{
	struct nv_docquery query = { .collection = collection,
		                     .terms = terms,
		                     .terms_count = count,
		                     .sort = NV_DOCSORT_ID };
	f->text[0] = '\0';
	if (nv_docstore_query(f->store, &query, 1, add_id, f, &f->err) != 0) {
		fail_msg("query of %s: %s", collection, f->err.msg);
	}
	return f->text;
}

static int add_doc(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct fixture *f = ctx;
	size_t used = strlen(f->text);
	(void)query;
	(void)err;
	char *json = bson_as_relaxed_extended_json(doc, NULL);
	(void)snprintf(f->text + used, sizeof(f->text) - used, "%s\n", json);
	bson_free(json);
	return 0;
}

const char *docs(struct fixture *f, const char *collection)
{
	struct nv_docquery query = { .collection = collection, .sort = NV_DOCSORT_ID };
	f->text[0] = '\0';
	if (nv_docstore_query(f->store, &query, 1, add_doc, f, &f->err) != 0) {
		fail_msg("query of %s: %s", collection, f->err.msg);
	}
	return f->text;
}

bson_t *entry(const char *change, uint32_t number)
{
	bson_oid_t oid;
	char hex[25];
	(void)snprintf(hex, sizeof(hex), "65000000%016x", number);
	bson_oid_init_from_string(&oid, hex);
	return BCON_NEW("_id", BCON_OID(&oid), "change", BCON_UTF8(change));
}

unsigned long long metric(struct fixture *f, enum nv_metric which)
{
	return atomic_load(&f->metrics.values[which]);
}
