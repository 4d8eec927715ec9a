/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user may say in a MongoDB URI, and what a mount makes of it: read preferences and read
 * concerns are for what is shown, never for what a commit decides by.
 */
#include "config.h"

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

int main(void)
{
	struct nv_test_mongo server = { .pid = 0 };
	const char *missing = nv_test_mongo_missing(NV_TEST_MONGO_SECANTUS);
	char scheme[80];
	struct backend backend = { .name = "SecantusDB", .scheme = scheme };
	if (missing && !getenv("NV_REQUIRE_SERVERS")) {
		printf("1..0 # SKIP %s\n", missing);
		return EXIT_SUCCESS;
	}
	if (missing || !nv_test_mongo_new(&server, NV_TEST_MONGO_SECANTUS, NULL)) {
		printf("Bail out! %s\n", missing ? missing : "the server did not start");
		return EXIT_FAILURE;
	}
	(void)snprintf(scheme, sizeof(scheme), "%s/", server.uri);
	struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(test_options_of_the_uri, docstore_setup,
		                                         docstore_teardown, &backend),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed = cmocka_run_group_tests_name("MongoDB URIs", tests, NULL, NULL);
	nv_test_mongo_release(&server);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
