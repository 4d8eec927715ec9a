/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Servers that lack something: what they refuse is reported, what they keep in another way is too,
 * and neither is ever shown as saved. One is made of whole servers and a proxy that refuses each
 * command of a commit and takes the sign off zeros; FerretDB 1, where it has been built
 * (tests/servers/fetch.sh ferretdb), refuses and loses by itself.
 */
#include "config.h"

#include <errno.h>
#include <mongoc/mongoc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "contract/mongo_sites.h"

enum { URI_SIZE = 256, TIMEOUT_MS = 4000, LEASE_PASSED_MS = 120000 };

/* What a test has. */
struct bench {
	struct site *site;
	struct fixture *f;         /* its store is on the server itself */
	struct nv_docstore *store; /* through the proxy */
	bson_oid_t entry;          /* of the last commit */
};

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void open_proxied(struct bench *bench)
{
	char uri[URI_SIZE];
	(void)snprintf(uri, sizeof(uri), "mongodb://127.0.0.1:%u/%s?directConnection=true",
	               nv_test_proxy_port(bench->site->proxy),
	               strrchr(store_uri(bench->f), '/') + 1);
	bench->store = open_store(bench->f, uri, TIMEOUT_MS);
}

static int setup(void **state)
{
	struct site *site = *state;
	struct bench *bench = calloc(1, sizeof(*bench));
	void *fixture = &site->backend;
	if (!bench || docstore_setup(&fixture) != 0) {
		free(bench);
		return -1;
	}
	bench->site = site;
	bench->f = fixture;
	*state = bench;
	nv_test_proxy_refuse(site->proxy, NULL, 0);
	nv_test_proxy_round(site->proxy, false);
	open_proxied(bench);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	void *fixture = bench->f;
	nv_docstore_close(bench->store);
	free(bench);
	return docstore_teardown(&fixture);
}

/* The mount ends, time passes, and others, who open the store anew, settle what is pending. */
static void settle(struct bench *bench)
{
	char uri[URI_SIZE];
	(void)snprintf(uri, sizeof(uri), "%s", store_uri(bench->f));
	nv_docstore_close(bench->store);
	nv_docstore_close(bench->f->store);
	nv_clock_advance(bench->f->clock, LEASE_PASSED_MS);
	bench->f->store = open_store(bench->f, uri, TIMEOUT_MS);
	open_proxied(bench);
}

/* Commits a write with an entry of its own, bench->entry. */
static int commit(struct bench *bench, const struct nv_docwrite *write)
{
	bson_oid_init(&bench->entry, NULL);
	bson_t *log =
		BCON_NEW("_id", BCON_OID(&bench->entry), "change", BCON_UTF8("update record"));
	const bson_t *entries[] = { log };
	struct nv_doccommit commit = {
		.writes = write, .writes_count = 1, .entries = entries, .entries_count = 1
	};
	struct nv_docresult result = { 0 };
	int rc = nv_docstore_commit(bench->store, &commit, &result, &bench->f->err);
	nv_docresult_release(&result);
	bson_destroy(log);
	return rc;
}

/* Whether it is there, settled. */
static bool has_entry(struct bench *bench)
{
	bson_value_t id = { .value_type = BSON_TYPE_OID, .value.v_oid = bench->entry };
	bson_t *found = NULL;
	int rc = nv_docstore_get(bench->f->store, NV_DOCSTORE_CHANGELOG, &id, &found, NULL);
	bool settled = rc == 0 && !bson_has_field(found, "pending");
	bson_destroy(found);
	return settled;
}

/* ---- Refused commands ---- */

/* Sets n of {_id: 1} and adds to m. */
static int change(struct bench *bench, int64_t n)
{
	struct fixture *f = bench->f;
	bson_value_t value = { .value_type = BSON_TYPE_INT64, .value.v_int64 = n };
	struct nv_docset set = { .path = "n", .value = &value };
	struct nv_docinc inc = { .path = "m", .n = 1 };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = V(f, "1"),
		                     .sets = &set,
		                     .sets_count = 1,
		                     .incs = &inc,
		                     .incs_count = 1 };
	return commit(bench, &write);
}

static void refuse_one(struct bench *bench, const char *name, int code, int64_t n)
{
	struct fixture *f = bench->f;
	char before[256];
	(void)snprintf(before, sizeof(before), "%s", docs(f, "d"));
	nv_test_proxy_refuse(bench->site->proxy, name, code);
	int64_t started_ms = now_ms();
	int rc = change(bench, n);
	int64_t took_ms = now_ms() - started_ms;
	unsigned refused = nv_test_proxy_refused(bench->site->proxy);
	nv_test_proxy_refuse(bench->site->proxy, NULL, 0);
	if (took_ms > TIMEOUT_MS / 2) {
		fail_msg("%s refused with %d: %d after %lld ms", name, code, rc,
		         (long long)took_ms);
	}
	if (rc < 0) {
		/* Where nobody can know, it says so, and is all or nothing once it is settled. */
		struct nv_err err = f->err;
		bool doubt = strstr(err.msg, "unknown") != NULL;
		settle(bench);
		bool changed = strcmp(docs(f, "d"), before) != 0;
		if (refused == 0 || !strstr(err.msg, "not here") || has_entry(bench) != changed ||
		    (changed && !doubt)) {
			fail_msg("%s refused %u times with %d: %d, %s; entry %d, changed %d", name,
			         refused, code, rc, err.msg, has_entry(bench), changed);
		}
	} else if (!has_entry(bench) || strcmp(docs(f, "d"), before) == 0) {
		fail_msg("%s refused %u times with %d: said to be saved, but not", name, refused,
		         code);
	}
}

static void test_refused_commands(void **state)
{
	static const char *const names[] = { "find",   "insert", "findAndModify",
		                             "update", "delete", "commitTransaction" };
	static const int codes[] = { 1, 9, 13, 20, 59, 115, 238, 263 };
	struct bench *bench = *state;
	int64_t n = 1;
	insert(bench->f, "d", "{'_id':1,'n':{'$numberLong':'1'},'m':1}");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < sizeof(codes) / sizeof(codes[0]); k++) {
			refuse_one(bench, names[i], codes[k], ++n);
		}
	}
	assert_int_equal(change(bench, ++n), 0);
}

/* Transactions that can be begun and not committed are none. */
static void test_half_a_transaction(void **state)
{
	struct bench *bench = *state;
	struct nv_docstore_info info;
	insert(bench->f, "d", "{'_id':1,'n':{'$numberLong':'1'},'m':1}");
	nv_test_proxy_refuse(bench->site->proxy, "commitTransaction", 59);
	nv_docstore_close(bench->store);
	open_proxied(bench);
	nv_docstore_describe(bench->store, &info);
	assert_false(info.transactions);
	assert_int_equal(change(bench, 2), 0);
	assert_true(has_entry(bench));
	assert_string_equal(docs(bench->f, "d"), "{ \"_id\" : 1, \"n\" : 2, \"m\" : 2 }\n");
}

/* ---- Values kept in another way ---- */

/* Commits a value that is odd for some server; from NULL: in a new document. It is saved as it is,
 * or it is reported, and nothing is there. 1: saved. */
static int try_value(struct bench *bench, int id, const char *from, const char *json)
{
	struct fixture *f = bench->f;
	char id_text[16];
	char before[512] = "";
	char after[512];
	bson_t *stored = NULL;
	struct nv_docset set = { .path = "v", .value = V(f, json) };
	(void)snprintf(id_text, sizeof(id_text), "%d", id);
	(void)snprintf(after, sizeof(after), "{'_id':%d,'v':%s,'w':1}", id, json);
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = "d",
		                     .doc = D(f, after) };
	if (from) {
		(void)snprintf(before, sizeof(before), "{'_id':%d,'v':%s,'w':1}", id, from);
		insert(f, "d", before);
		write = (struct nv_docwrite){ .kind = NV_DOCWRITE_UPDATE,
			                      .collection = "d",
			                      .id = V(f, id_text),
			                      .sets = &set,
			                      .sets_count = 1 };
	}
	int rc = commit(bench, &write);
	if (rc < 0) {
		settle(bench);
	}
	const char *wanted = rc == 0 ? after : before;
	int got = nv_docstore_get(f->store, "d", V(f, id_text), &stored, NULL);
	bool right = *wanted ? got == 0 && bson_compare(stored, D(f, wanted)) == 0 : got == -ENOENT;
	if (!right || has_entry(bench) != (rc == 0)) {
		char *text = stored ? bson_as_canonical_extended_json(stored, NULL) : NULL;
		fail_msg("%s, from %s: %d (%s), stored %s, entry %d", json, from ? from : "nothing",
		         rc, rc < 0 ? f->err.msg : "", text ? text : "nothing", has_entry(bench));
	}
	bson_destroy(stored);
	return rc == 0;
}

/* Types and shapes that some server refuses, or keeps otherwise. */
static const char *const values[] = {
	"{'$numberDecimal':'1.10'}",
	"{'$minKey':1}",
	"{'$maxKey':1}",
	"{'$code':'f()'}",
	"{'$symbol':'s'}",
	"{'$undefined':true}",
	"{'$numberDouble':'NaN'}",
	"{'$numberDouble':'-Infinity'}",
	"{'$numberDouble':'-0.0'}",
	"[[1,2],[3]]",
	"{'a.b':1}",
	"{'$x':1}",
	"{'':1}",
	"{'a':1,'b':{'c':[]}}",
	"{'$timestamp':{'t':1,'i':2}}",
	"{'$binary':{'base64':'AAEC','subType':'80'}}",
};

static void test_odd_values(void **state)
{
	struct bench *bench = *state;
	int saved = 0;
	int id = 0;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		saved += try_value(bench, ++id, "'old'", values[i]);
		saved += try_value(bench, ++id, NULL, values[i]);
	}
	saved += try_value(bench, ++id, "1", "{'$numberLong':'1'}");
	saved += try_value(bench, ++id, "{'$numberLong':'1'}", "1.0");
	saved += try_value(bench, ++id, "0", "{'$numberDouble':'-0.0'}");
	print_message("# %d of %d saved\n", saved, id);
	assert_true(saved > 0);
}

/* A server that takes the sign off zero says that all is well. */
static void test_a_zero_without_its_sign(void **state)
{
	struct bench *bench = *state;
	nv_test_proxy_round(bench->site->proxy, true);
	assert_int_equal(try_value(bench, 1, "'old'", "{'$numberDouble':'-0.0'}"), 0);
	assert_int_equal(try_value(bench, 2, "0", "{'$numberDouble':'-0.0'}"), 0);
	assert_int_equal(try_value(bench, 3, "'old'", "{'a':[{'b':{'$numberDouble':'-0.0'}}]}"), 0);
	assert_int_equal(try_value(bench, 4, "'old'", "{'$numberDouble':'0.0'}"), 1);
	if (bench->site->pending) { /* in a transaction a new document is not read back */
		assert_int_equal(try_value(bench, 5, NULL, "{'$numberDouble':'-0.0'}"), 0);
	}
}

/* ---- Main ---- */

static struct site sites[] = {
	{ .kind = NV_TEST_MONGO_SECANTUS, .name = "SecantusDB, replica set" },
	{ .kind = NV_TEST_MONGO_JAVA, .name = "mongo-java-server", .pending = true },
	/* Debian 12 has no Go that builds FerretDB. */
	{ .kind = NV_TEST_MONGO_FERRET, .name = "FerretDB", .pending = true, .optional = true },
};

static const struct site_case cases[] = {
	{ "what is refused is reported, and nothing is saved", test_refused_commands, 0 },
	{ "transactions that cannot be committed are none", test_half_a_transaction,
	  NEEDS_TRANSACTIONS },
	{ "odd values are saved as they are, or reported", test_odd_values, 0 },
	{ "a value that the server changes is reported", test_a_zero_without_its_sign, 0 },
};

static const struct site_suite suite = {
	.name = "partial servers",
	.sites = sites,
	.sites_count = sizeof(sites) / sizeof(sites[0]),
	.cases = cases,
	.cases_count = sizeof(cases) / sizeof(cases[0]),
	.setup = setup,
	.teardown = teardown,
};

/* An argument: only the site of that number. */
int main(int argc, char **argv)
{
	(void)argc;
	return run_sites(&suite, argv[1]);
}
