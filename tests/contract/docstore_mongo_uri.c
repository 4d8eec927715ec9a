/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user may say in a MongoDB URI, and what a mount makes of it: read preferences and read
 * concerns are for what is shown, never for what a commit decides by. And indexes: which are
 * missing, and making them.
 */
#include "config.h"

#include <errno.h>
#include <mongoc/mongoc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"
#include "lib/mongo_server.h"

/* Commits a change of {_id: 1} with its entry. */
static int change(struct nv_docstore *store, struct fixture *f, int64_t n, uint32_t number)
{
	bson_t *log = entry("update", number);
	const bson_t *entries[] = { log };
	bson_value_t id = { .value_type = BSON_TYPE_INT32, .value.v_int32 = 1 };
	bson_value_t value = { .value_type = BSON_TYPE_INT64, .value.v_int64 = n };
	struct nv_docset set = { .path = "n", .value = &value };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = &id,
		                     .sets = &set,
		                     .sets_count = 1 };
	struct nv_doccommit commit = {
		.writes = &write, .writes_count = 1, .entries = entries, .entries_count = 1
	};
	struct nv_docresult result = { 0 };
	int rc = nv_docstore_commit(store, &commit, &result, &f->err);
	nv_docresult_release(&result);
	bson_destroy(log);
	return rc;
}

static void test_options_of_the_uri(void **state)
{
	static const char *const options[] = {
		"readPreference=secondaryPreferred",
		"readPreference=nearest&readConcernLevel=majority",
		"readConcernLevel=linearizable",
		"readConcernLevel=available",
		"w=1",
		"retryWrites=false&retryReads=false",
		"directConnection=true",
		"replicaSet=secantus",
		"maxPoolSize=1",
		"appName=own",
	};
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'n':0}");
	for (uint32_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char uri[512];
		struct nv_docstore_info info;
		(void)snprintf(uri, sizeof(uri), "%s?%s", store_uri(f), options[i]);
		struct nv_docstore *store = open_store(f, uri, 3000);
		nv_docstore_describe(store, &info);
		if (!info.transactions) {
			fail_msg("%s: no transactions", options[i]);
		}
		if (change(store, f, i + 1, i + 1) != 0) {
			fail_msg("%s: %s", options[i], f->err.msg);
		}
		nv_docstore_close(store);
	}
	assert_string_equal(docs(f, "d"), "{ \"_id\" : 1, \"n\" : 10 }\n");
}

/* ---- Indexes ---- */

static const struct nv_docstore_index declared[] = {
	{ "d", "teamId" },    { "d", "team_id" },  { "d", "name" },
	{ "users", "teams" }, { "user", "teams" }, { "empty", "name" },
};

/* Adds "collection.path " to a text. */
static int add_index(void *ctx, const struct nv_docstore_index *index, struct nv_err *err)
{
	char *text = ctx;
	(void)err;
	(void)snprintf(text + strlen(text), 256 - strlen(text), "%s.%s ", index->collection,
	               index->path);
	return 0;
}

static struct nv_docstore *open_declared(struct fixture *f, bool readonly)
{
	struct nv_docstore_config config = {
		.timeout_ms = 3000,
		.readonly = readonly,
		.clock = f->clock,
		.indexes = declared,
		.indexes_count = sizeof(declared) / sizeof(declared[0]),
	};
	struct nv_docstore *store = NULL;
	if (nv_docstore_open(store_uri(f), &config, &store, &f->err) != 0) {
		fail_msg("%s", f->err.msg);
	}
	return store;
}

static void check_indexes(struct fixture *f, struct nv_docstore *store, bool make,
                          const char *wanted)
{
	char text[256] = "";
	if (nv_docstore_indexes(store, make, add_index, text, &f->err) != 0) {
		fail_msg("%s", f->err.msg);
	}
	assert_string_equal(text, wanted);
}

/* An index of somebody else's making. */
static void make_index(struct fixture *f, const char *json)
{
	bson_error_t error;
	mongoc_client_t *client = mongoc_client_new(store_uri(f));
	const char *database = strrchr(store_uri(f), '/') + 1;
	if (!mongoc_client_command_simple(client, database, D(f, json), NULL, NULL, &error)) {
		fail_msg("%s: %s", json, error.message);
	}
	mongoc_client_destroy(client);
}

static void test_missing_indexes(void **state)
{
	struct fixture *f = *state;
	struct nv_docstore *store = open_declared(f, false);
	check_indexes(f, store, false, "");
	insert(f, "d",
	       "{'_id':1,'team_id':{'$oid':'650000000000000000000001'},'teamId':null,'name':'a'}");
	insert(f, "users", "{'_id':1,'teams':[1,2]}");
	check_indexes(f, store, false, "d.team_id d.name users.teams ");
	make_index(f, "{'createIndexes':'d','indexes':[{'key':{'name':1,'x':1},'name':'own'}]}");
	check_indexes(f, store, false, "d.team_id users.teams ");
	struct nv_docstore *reader = open_declared(f, true);
	assert_int_equal(nv_docstore_indexes(reader, true, add_index, NULL, &f->err), -EROFS);
	check_indexes(f, reader, false, "d.team_id users.teams ");
	nv_docstore_close(reader);
	check_indexes(f, store, true, "d.team_id users.teams ");
	check_indexes(f, store, false, "");
	check_indexes(f, store, true, "");
	nv_docstore_close(store);
}

/* An index that does not know all documents answers no query. */
static void test_a_partial_index_is_none(void **state)
{
	struct fixture *f = *state;
	struct nv_docstore *store = open_declared(f, false);
	insert(f, "d", "{'_id':1,'name':'a'}");
	make_index(f, "{'createIndexes':'d','indexes':[{'key':{'name':1},'name':'own',"
	              "'partialFilterExpression':{'x':1}}]}");
	check_indexes(f, store, false, "d.name ");
	nv_docstore_close(store);
}

/* Without transactions, pending entries are looked for whenever somebody mounts. */
static void test_index_of_pending_entries(void **state)
{
	struct fixture *f = *state;
	struct nv_docstore *store = open_declared(f, false);
	insert(f, "d", "{'_id':1,'n':0}");
	check_indexes(f, store, false, "");
	assert_int_equal(change(store, f, 1, 1), 0);
	check_indexes(f, store, false, "changelog.pending.deadline ");
	check_indexes(f, store, true, "changelog.pending.deadline ");
	check_indexes(f, store, false, "");
	assert_int_equal(change(store, f, 2, 2), 0);
	nv_docstore_close(store);
}

#define CASE(function, backend)                                                                    \
	cmocka_unit_test_prestate_setup_teardown(function, docstore_setup, docstore_teardown,      \
	                                         backend)

/* True when the server is there, or may be absent. */
static bool begin(struct nv_test_mongo *server, enum nv_test_mongo_kind kind, char *scheme)
{
	const char *missing = nv_test_mongo_missing(kind);
	if (missing && !getenv("NV_REQUIRE_SERVERS")) {
		printf("# %s\n", missing);
		return true;
	}
	if (missing || !nv_test_mongo_new(server, kind, NULL)) {
		printf("Bail out! %s\n", missing ? missing : "a server did not start");
		return false;
	}
	(void)snprintf(scheme, 80, "%s/", server->uri);
	return true;
}

int main(void)
{
	struct nv_test_mongo secantus = { .pid = 0 };
	struct nv_test_mongo java = { .pid = 0 };
	char schemes[2][80] = { "", "" };
	struct backend with = { .name = "SecantusDB", .scheme = schemes[0] };
	struct backend without = { .name = "mongo-java-server",
		                   .scheme = schemes[1],
		                   .pending = true };
	const struct CMUnitTest all[] = {
		CASE(test_options_of_the_uri, &with),          CASE(test_missing_indexes, &with),
		CASE(test_a_partial_index_is_none, &with),     CASE(test_missing_indexes, &without),
		CASE(test_index_of_pending_entries, &without),
	};
	struct CMUnitTest tests[sizeof(all) / sizeof(all[0])];
	size_t count = 0;
	int status = EXIT_FAILURE;
	if (begin(&secantus, NV_TEST_MONGO_SECANTUS, schemes[0]) &&
	    begin(&java, NV_TEST_MONGO_JAVA, schemes[1])) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			const struct backend *backend = all[i].initial_state;
			if (backend->scheme[0]) {
				tests[count++] = all[i];
			}
		}
		if (count == 0) {
			puts("1..0 # SKIP no server that speaks MongoDB's protocol");
		}
		cmocka_set_message_output(CM_OUTPUT_TAP);
		status = count == 0 || _cmocka_run_group_tests("MongoDB stores", tests, count, NULL,
		                                               NULL) == 0
		                 ? EXIT_SUCCESS
		                 : EXIT_FAILURE;
	}
	if (secantus.dir[0]) {
		nv_test_mongo_release(&secantus);
	}
	if (java.dir[0]) {
		nv_test_mongo_release(&java);
	}
	return status;
}
