/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Queries: what they find, in what order, how much of it, and what stops them.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

/* Documents with every shape of a field. Expected answers below are MongoDB's. */
static void insert_shapes(struct fixture *f)
{
	insert(f, "d", "{'_id':1,'a':1}");
	insert(f, "d", "{'_id':2,'a':1.0}");
	insert(f, "d", "{'_id':3,'a':{'$numberLong':'1'}}");
	insert(f, "d", "{'_id':4,'a':{'$numberDecimal':'1.0'}}");
	insert(f, "d", "{'_id':5,'a':'1'}");
	insert(f, "d", "{'_id':6,'a':null}");
	insert(f, "d", "{'_id':7}");
	insert(f, "d", "{'_id':8,'a':[1,2]}");
	insert(f, "d", "{'_id':9,'a':[]}");
	insert(f, "d", "{'_id':10,'a':{'b':1}}");
	insert(f, "d", "{'_id':11,'a':[{'b':1},{'b':2}]}");
	insert(f, "d", "{'_id':12,'a':true}");
	insert(f, "d", "{'_id':13,'a':[null]}");
	if (!(f->backend->odd & ODD_NESTED)) {
		insert(f, "d", "{'_id':14,'a':[[1,2]]}");
	}
	insert(f, "d", "{'_id':15,'a':{'b':null}}");
	insert(f, "d", "{'_id':16,'a':[{'c':1},{'b':2}]}");
	insert(f, "d", "{'_id':17,'a':{'b':1,'c':2}}");
	insert(f, "d", "{'_id':18,'a':7}");
}

static void check(struct fixture *f, struct nv_docterm term, const char *wanted)
{
	char mine[128];
	(void)snprintf(mine, sizeof(mine), "%s", wanted);
	char *nested = strstr(mine, " 14");
	if (nested && (f->backend->odd & ODD_NESTED)) { /* is not there */
		memmove(nested, nested + 3, strlen(nested + 3) + 1);
	}
	const char *found = ids(f, "d", &term, 1);
	if (strcmp(found, mine) != 0) {
		fail_msg("%s op %d: found %s, wanted %s", term.paths[0], (int)term.op, found, mine);
	}
}

static void test_equality(void **state)
{
	struct fixture *f = *state;
	insert_shapes(f);
	check(f, T(f, "a", NV_DOCTERM_EQ, "1", NULL), "1 2 3 4 8");
	check(f, T(f, "a", NV_DOCTERM_EQ, "{'$numberLong':'1'}", NULL), "1 2 3 4 8");
	check(f, T(f, "a", NV_DOCTERM_EQ, "{'$numberDecimal':'1.00'}", NULL), "1 2 3 4 8");
	check(f, T(f, "a", NV_DOCTERM_EQ, "'1'", NULL), "5");
	check(f, T(f, "a", NV_DOCTERM_EQ, "true", NULL), "12");
	check(f, T(f, "a", NV_DOCTERM_EQ, "null", NULL), "6 7 13");
	check(f, T(f, "a", NV_DOCTERM_EQ, "[]", NULL), "9");
	check(f, T(f, "a", NV_DOCTERM_EQ, "[1,2]", NULL), "8 14");
	check(f, T(f, "a", NV_DOCTERM_EQ, "{'b':1.0}", NULL), "10 11");
	check(f, T(f, "a", NV_DOCTERM_EQ, "{'c':2,'b':1}", NULL), "");
	check(f, T(f, "a", NV_DOCTERM_EQ, "99", NULL), "");
	check(f, T(f, "a.b", NV_DOCTERM_EQ, "1", NULL), "10 11 17");
	check(f, T(f, "a.b", NV_DOCTERM_EQ, "2", NULL), "11 16");
	/* Nothing is below an empty array or one of scalars; below a scalar, the field is missing.
	 */
	if (!(f->backend->odd & ODD_MISSING)) {
		check(f, T(f, "a.b", NV_DOCTERM_EQ, "null", NULL), "1 2 3 4 5 6 7 12 15 16 18");
	}
	if (!(f->backend->odd & ODD_POSITIONS)) {
		check(f, T(f, "a.0", NV_DOCTERM_EQ, "1", NULL), "8 14");
	}
}

static void test_sets_and_ranges(void **state)
{
	struct fixture *f = *state;
	insert_shapes(f);
	check(f, T(f, "a", NV_DOCTERM_IN, "1", "true", "5", NULL), "1 2 3 4 8 12");
	check(f, T(f, "a", NV_DOCTERM_IN, NULL), "");
	check(f, T(f, "a", NV_DOCTERM_IN, "7", "null", NULL), "6 7 13 18");
	check(f, T(f, "a", NV_DOCTERM_IN, "1", "1", "{'$numberLong':'1'}", "2", NULL), "1 2 3 4 8");
	check(f, T(f, "a", NV_DOCTERM_NIN, "1", "'1'", NULL), "6 7 9 10 11 12 13 14 15 16 17 18");
	check(f, T(f, "a", NV_DOCTERM_NIN, "1", "null", NULL), "5 9 10 11 12 14 15 16 17 18");
	check(f, T(f, "a", NV_DOCTERM_NIN, NULL), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18");
	check(f, T(f, "a", NV_DOCTERM_NULL, NULL), "6 7 13");
	check(f, T(f, "a", NV_DOCTERM_NOTNULL, NULL), "1 2 3 4 5 8 9 10 11 12 14 15 16 17 18");
	check(f, T(f, "a", NV_DOCTERM_GE, "2", NULL), "8 18");
	check(f, T(f, "a", NV_DOCTERM_GE, "1", NULL), "1 2 3 4 8 18");
	check(f, T(f, "a", NV_DOCTERM_LT, "2", NULL), "1 2 3 4 8");
	check(f, T(f, "a", NV_DOCTERM_LT, "'2'", NULL), "5");
	check(f, T(f, "a", NV_DOCTERM_GE, "null", NULL), "6 7 13");
	check(f, T(f, "a", NV_DOCTERM_LT, "null", NULL), "");
	check(f, T(f, "a.b", NV_DOCTERM_GE, "2", NULL), "11 16");

	const struct nv_docterm both[] = { T(f, "a", NV_DOCTERM_GE, "1", NULL),
		                           T(f, "a", NV_DOCTERM_LT, "7", NULL) };
	assert_string_equal(ids(f, "d", both, 2), "1 2 3 4 8");
}

static void test_dates_and_ids_compare(void **state)
{
	struct fixture *f = *state;
	insert(f, "d",
	       "{'_id':{'$oid':'64b000000000000000000001'},'x':{'$date':{'$numberLong':'1000'}}}");
	insert(f, "d",
	       "{'_id':{'$oid':'64b000000000000000000002'},'x':{'$date':{'$numberLong':'-1000'}}}");
	insert(f, "d",
	       "{'_id':{'$oid':'64b000000000000000000003'},'x':{'$date':{'$numberLong':'2000'}}}");
	struct nv_docterm term = T(f, "x", NV_DOCTERM_GE, "{'$date':{'$numberLong':'1000'}}", NULL);
	assert_string_equal(ids(f, "d", &term, 1), "{ \"$oid\" : \"64b000000000000000000001\" } "
	                                           "{ \"$oid\" : \"64b000000000000000000003\" }");
	term = T(f, "_id", NV_DOCTERM_LT, "{'$oid':'64b000000000000000000002'}", NULL);
	assert_string_equal(ids(f, "d", &term, 1), "{ \"$oid\" : \"64b000000000000000000001\" }");
}

static void test_aliases(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'domainId':5}");
	insert(f, "d", "{'_id':2,'domain_id':5}");
	insert(f, "d", "{'_id':3,'domainId':null,'domain_id':5}");
	insert(f, "d", "{'_id':4,'domainId':6,'domain_id':5}");
	insert(f, "d", "{'_id':5,'domainId':5,'domain_id':6}");
	insert(f, "d", "{'_id':6}");
	insert(f, "d", "{'_id':7,'domain_id':null}");
	check(f, T(f, "domainId|domain_id", NV_DOCTERM_EQ, "5", NULL), "1 2 3 5");
	check(f, T(f, "domain_id|domainId", NV_DOCTERM_EQ, "5", NULL), "1 2 3 4");
	check(f, T(f, "domainId|domain_id", NV_DOCTERM_NIN, "5", NULL), "4 6 7");
	check(f, T(f, "domainId|domain_id", NV_DOCTERM_NULL, NULL), "6 7");
	check(f, T(f, "domainId|domain_id", NV_DOCTERM_NOTNULL, NULL), "1 2 3 4 5");
	check(f, T(f, "domainId|domain_id", NV_DOCTERM_EQ, "null", NULL), "6 7");
	check(f, T(f, "domainId|domain_id", NV_DOCTERM_IN, "6", "null", NULL), "4 6 7");
	check(f, T(f, "domainId|domain_id|third", NV_DOCTERM_EQ, "6", NULL), "4");
}

static void test_long_strings_by_value(void **state)
{
	struct fixture *f = *state;
	char json[1200];
	/* Same first 600 bytes: a look-up that cuts keys must not confuse them. */
	for (int i = 0; i < 3; i++) {
		(void)snprintf(json, sizeof(json), "{'_id':%d,'x':'%0600d%d'}", i, 0, i);
		insert(f, "d", json);
	}
	(void)snprintf(json, sizeof(json), "'%0600d%d'", 0, 1);
	check(f, T(f, "x", NV_DOCTERM_EQ, json, NULL), "1");
	check(f, T(f, "x", NV_DOCTERM_NIN, json, NULL), "0 2");
}

/* Notes query and n of each document. */
static int note(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	char *text = ctx;
	bson_iter_t iter;
	(void)err;
	assert_true(bson_iter_init_find(&iter, doc, "_id"));
	(void)sprintf(text + strlen(text), "%zu:%d ", query, bson_iter_int32(&iter));
	return 0;
}

static void insert_numbers(struct fixture *f, int count)
{
	char json[64];
	for (int i = 0; i < count; i++) { /* inserted in another order than that of their ids */
		(void)snprintf(json, sizeof(json), "{'_id':%d,'n':%d,'x':%d}", (i * 7) % count, i,
		               i % 2);
		insert(f, "d", json);
	}
}

static void test_sort_and_limit(void **state)
{
	struct fixture *f = *state;
	char text[256] = "";
	insert_numbers(f, 10);
	const struct nv_docterm even = T(f, "x", NV_DOCTERM_EQ, "0", NULL);
	const struct nv_docterm some = T(f, "_id", NV_DOCTERM_IN, "7", "3", "99", "5", NULL);
	const struct nv_docquery queries[] = {
		{ .collection = "d", .sort = NV_DOCSORT_ID, .limit = 3 },
		{ .collection = "d", .sort = NV_DOCSORT_ID_DOWN, .limit = 2 },
		{ .collection = "d", .terms = &even, .terms_count = 1, .sort = NV_DOCSORT_ID },
		{ .collection = "d",
		  .terms = &even,
		  .terms_count = 1,
		  .sort = NV_DOCSORT_ID_DOWN,
		  .limit = 1 },
		{ .collection = "d", .terms = &some, .terms_count = 1, .sort = NV_DOCSORT_ID_DOWN },
		{ .collection = "none" },
	};
	unsigned long long trips = metric(f, NV_METRIC_DOCS_ROUND_TRIPS);
	unsigned long long commands = metric(f, NV_METRIC_DOCS_COMMANDS);
	assert_int_equal(nv_docstore_query(f->store, queries, 6, note, text, &f->err), 0);
	/* i even: ids of (i*7)%10 for i = 0, 2, 4, 6, 8 */
	assert_string_equal(text, "0:0 0:1 0:2 1:9 1:8 2:0 2:2 2:4 2:6 2:8 3:8 4:7 4:5 4:3 ");
	assert_int_equal(metric(f, NV_METRIC_DOCS_ROUND_TRIPS) - trips, is_remote(f) ? 6 : 1);
	assert_int_equal(metric(f, NV_METRIC_DOCS_COMMANDS) - commands, 6);
	assert_int_equal(nv_docstore_query(f->store, NULL, 0, note, text, &f->err), 0);
}

static int keep_json(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	char *text = ctx;
	(void)query;
	(void)err;
	char *json = bson_as_relaxed_extended_json(doc, NULL);
	(void)strcat(text, json);
	bson_free(json);
	return 0;
}

/* Of several collections, one of them not there, with a limit and fields. */
static void test_one_round_trip(void **state)
{
	struct fixture *f = *state;
	static const char *const fields[] = { "x" };
	char text[256] = "";
	insert_numbers(f, 6);
	insert(f, "e", "{'_id':1,'x':1,'y':2}");
	const struct nv_docterm odd = T(f, "x", NV_DOCTERM_EQ, "1", NULL);
	const struct nv_docquery queries[] = {
		{ .collection = "none" },
		{ .collection = "d", .terms = &odd, .terms_count = 1, .limit = 2 },
		{ .collection = "e",
		  .terms = &odd,
		  .terms_count = 1,
		  .fields = fields,
		  .fields_count = 1 },
		{ .collection = "none", .terms = &odd, .terms_count = 1 },
		{ .collection = "e" },
	};
	unsigned long long trips = metric(f, NV_METRIC_DOCS_ROUND_TRIPS);
	assert_int_equal(nv_docstore_query(f->store, queries, 5, keep_json, text, &f->err), 0);
	bool many = f->backend->odd & ODD_NO_UNION;
	if (!many) {
		assert_int_equal(metric(f, NV_METRIC_DOCS_ROUND_TRIPS) - trips, 1);
	}
	assert_non_null(
		strstr(text, "{ \"_id\" : 1, \"x\" : 1 }{ \"_id\" : 1, \"x\" : 1, \"y\" : 2 }"));
	size_t documents = 0;
	for (const char *at = text; (at = strstr(at, "\"_id\"")); at++) {
		documents++;
	}
	assert_int_equal(documents, 4);
}

static void test_projection(void **state)
{
	struct fixture *f = *state;
	char text[512] = "";
	const char *const fields[] = { "name", "tls.status", "members.user_id" };
	insert(f, "d",
	       "{'name':'x','_id':1,'tls':{'status':'Active','key':'SECRET'},'big':'SECRET',"
	       "'members':[{'user_id':5,'role':'SECRET'},{'user_id':6}]}");
	struct nv_docquery query = { .collection = "d", .fields = fields, .fields_count = 3 };
	assert_int_equal(nv_docstore_query(f->store, &query, 1, keep_json, text, &f->err), 0);
	if (is_remote(f)) { /* servers put the _id in front */
		assert_memory_equal(text, "{ \"_id\" : 1, \"name\" : \"x\", ", 26);
		memcpy(text, "{ \"name\" : \"x\", \"_id\" : 1, ", 26);
	}
	assert_string_equal(
		text, "{ \"name\" : \"x\", \"_id\" : 1, \"tls\" : { \"status\" : \"Active\" }, "
		      "\"members\" : [ { \"user_id\" : 5 }, { \"user_id\" : 6 } ] }");
}

/* Stops as told: enough after two of query 0, an error at the first of query 2. */
static int stop(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	unsigned *seen = ctx;
	(void)doc;
	seen[query]++;
	if (query == 0 && seen[0] == 2) {
		return 1;
	}
	return query == 2 ? nv_fail(err, EFBIG, "the caller's reason") : 0;
}

static void test_callback_stops(void **state)
{
	struct fixture *f = *state;
	unsigned seen[4] = { 0 };
	insert_numbers(f, 5);
	const struct nv_docquery queries[] = { { .collection = "d" },
		                               { .collection = "d" },
		                               { .collection = "d" },
		                               { .collection = "d" } };
	assert_int_equal(nv_docstore_query(f->store, queries, 4, stop, seen, &f->err), -EFBIG);
	assert_string_equal(f->err.msg, "the caller's reason");
	assert_int_equal(seen[0], 2);
	assert_int_equal(seen[1], 5);
	assert_int_equal(seen[2], 1);
	assert_int_equal(seen[3], 0);
	/* The store is as good as before. */
	assert_string_equal(ids(f, "d", NULL, 0), "0 1 2 3 4");
	insert(f, "d", "{'_id':9}");
}

static void test_get_by_any_id(void **state)
{
	struct fixture *f = *state;
	const char *list[] = {
		"7",
		"'text'",
		"''",
		"null",
		"{'$oid':'64b000000000000000000001'}",
		"{'a':1,'b':'x'}",
		"{'b':'x','a':1}",
		"{'$date':{'$numberLong':'5'}}",
		"true",
		"{'$numberDouble':'1.5'}",
		"{'$numberDouble':'NaN'}",
		"{'$numberLong':'9007199254740993'}",
		"{'$binary':{'base64':'AAECAw==','subType':'04'}}",
		"'a longer string, with \\u0000 and \\u00e4 in it'",
		"{'$minKey':1}",
	};
	size_t count = sizeof(list) / sizeof(list[0]);
	char json[256];
	for (size_t i = 0; i < count; i++) {
		if (strstr(list[i], "$binary") && (f->backend->odd & ODD_UUID)) {
			list[i] = "'no UUID'";
		}
		(void)snprintf(json, sizeof(json), "{'_id':%s,'n':%zu}", list[i], i);
		insert(f, "d", json);
	}
	for (size_t i = 0; i < count; i++) {
		bson_t *doc = NULL;
		(void)snprintf(json, sizeof(json), "{'_id':%s,'n':%zu}", list[i], i);
		assert_int_equal(nv_docstore_get(f->store, "d", V(f, list[i]), &doc, &f->err), 0);
		assert_true(bson_equal(doc, D(f, json)));
		bson_destroy(doc);
	}
	bson_t *doc = NULL;
	/* Numbers are one _id whatever their type. */
	assert_int_equal(
		nv_docstore_get(f->store, "d", V(f, "{'$numberDouble':'7.0'}"), &doc, &f->err), 0);
	bson_destroy(doc);
	doc = NULL;
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "8"), &doc, &f->err), -ENOENT);
	assert_int_equal(nv_docstore_get(f->store, "none", V(f, "7"), &doc, &f->err), -ENOENT);
	assert_null(doc);
	struct nv_docwrite again = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = "d",
		                     .doc = D(f, "{'_id':7.0}") };
	assert_int_equal(commit_one(f, &again), -EEXIST);
}

static int add_name(void *ctx, const char *name, struct nv_err *err)
{
	char *text = ctx;
	(void)err;
	(void)strcat(strcat(text, name), " ");
	return 0;
}

static int refuse_name(void *ctx, const char *name, struct nv_err *err)
{
	(void)ctx;
	(void)name;
	return nv_fail(err, ENOTUNIQ, "enough");
}

static void test_collections(void **state)
{
	struct fixture *f = *state;
	char text[256] = "";
	assert_int_equal(nv_docstore_collections(f->store, add_name, text, &f->err), 0);
	assert_string_equal(text, "");
	insert(f, "users", "{'_id':1}");
	insert(f, "domains", "{'_id':1}");
	struct nv_docwrite gone = { .kind = NV_DOCWRITE_DELETE,
		                    .collection = "users",
		                    .id = V(f, "1") };
	assert_int_equal(commit_one(f, &gone), 0);
	/* A commit that fails makes no collection. */
	const struct nv_docwrite failing[] = {
		{ .kind = NV_DOCWRITE_INSERT, .collection = "teams", .doc = D(f, "{'_id':1}") },
		{ .kind = NV_DOCWRITE_INSERT, .collection = "domains", .doc = D(f, "{'_id':1}") },
	};
	struct nv_doccommit commit = { .writes = failing, .writes_count = 2 };
	struct nv_docresult result = { 0 };
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -EEXIST);
	assert_int_equal(result.failed, 1);
	nv_docresult_release(&result);
	assert_int_equal(nv_docstore_collections(f->store, add_name, text, &f->err), 0);
	/* Without transactions, what was taken back leaves an empty collection. */
	assert_string_equal(text, f->backend->pending ? "changelog domains teams users "
	                                              : "domains users ");
	assert_int_equal(nv_docstore_collections(f->store, refuse_name, NULL, &f->err), -ENOTUNIQ);
	assert_string_equal(f->err.msg, "enough");
}

static void test_mistakes_are_refused(void **state)
{
	struct fixture *f = *state;
	char text[64] = "";
	static const char *const bad[] = { "", "a..b", "$a", "a.$b", ".a" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nv_docterm term = T(f, "a", NV_DOCTERM_NULL, NULL);
		term.paths = &bad[i];
		struct nv_docquery query = { .collection = "d", .terms = &term, .terms_count = 1 };
		assert_int_equal(nv_docstore_query(f->store, &query, 1, note, text, &f->err),
		                 -EINVAL);
	}
	const struct nv_docterm terms[] = {
		T(f, "a", NV_DOCTERM_EQ, NULL), T(f, "a", NV_DOCTERM_EQ, "1", "2", NULL),
		T(f, "a", NV_DOCTERM_GE, NULL), T(f, "a", NV_DOCTERM_NULL, "1", NULL),
		{ .op = NV_DOCTERM_NULL },
	};
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		struct nv_docquery query = { .collection = "d",
			                     .terms = &terms[i],
			                     .terms_count = 1 };
		assert_int_equal(nv_docstore_query(f->store, &query, 1, note, text, &f->err),
		                 -EINVAL);
	}
	static const char *const names[] = { "", "a$b", "system.x", ".a" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct nv_docquery query = { .collection = names[i] };
		assert_int_equal(nv_docstore_query(f->store, &query, 1, note, text, &f->err),
		                 -EINVAL);
	}
	const char *const fields[] = { "a.b", "a" };
	struct nv_docquery query = { .collection = "d", .fields = fields, .fields_count = 2 };
	assert_int_equal(nv_docstore_query(f->store, &query, 1, note, text, &f->err), -EINVAL);
	assert_string_equal(text, "");
	assert_int_equal(nv_docstore_get(f->store, "d", NULL, NULL, &f->err), -EINVAL);
}

static void test_describe_and_ping(void **state)
{
	struct fixture *f = *state;
	struct nv_docstore_info info;
	nv_docstore_describe(f->store, &info);
	assert_string_equal(info.kind, is_remote(f)                              ? "mongodb"
	                               : strcmp(f->backend->scheme, "mem:") == 0 ? "mem"
	                                                                         : "sqlite");
	assert_true(info.version[0] != '\0' && info.location[0] != '\0' &&
	            info.durability[0] != '\0');
	assert_int_equal(info.transactions, !f->backend->pending);
	assert_false(info.push);
	assert_false(info.readonly);
	assert_int_equal(nv_docstore_ping(f->store, &f->err), 0);
	assert_int_equal(nv_docstore_watch(f->store, NULL, NULL, &f->err), -EOPNOTSUPP);
}

static void test_bad_uris(void **state)
{
	struct fixture *f = *state;
	struct nv_docstore_config config = { .clock = f->clock };
	struct nv_docstore *store = NULL;
	static const char *const uris[] = { "", "sqlite:", "mem:x", "http://u:hunter2@h/",
		                            "file.sqlite" };
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		assert_int_equal(nv_docstore_open(uris[i], &config, &store, &f->err), -EINVAL);
		assert_null(store);
		assert_null(strstr(f->err.msg, "hunter2"));
	}
	config.clock = NULL;
	assert_int_equal(nv_docstore_open("mem:", &config, &store, &f->err), -EINVAL);
	nv_docstore_close(NULL);
}

const struct docstore_case docstore_query_cases[] = {
	{ "equality is the database's", test_equality },
	{ "sets, ranges and null", test_sets_and_ranges },
	{ "dates and ObjectIds compare", test_dates_and_ids_compare },
	{ "the first alias that is not null counts", test_aliases },
	{ "long strings are told apart", test_long_strings_by_value },
	{ "sort, limit and many queries in one round trip", test_sort_and_limit },
	{ "queries of many collections in one round trip", test_one_round_trip },
	{ "projection delivers nothing else", test_projection },
	{ "the callback stops a query", test_callback_stops },
	{ "documents of any _id are found", test_get_by_any_id },
	{ "collections exist from their first document", test_collections },
	{ "a caller's mistakes are refused", test_mistakes_are_refused },
	{ "describe and ping", test_describe_and_ping },
	{ "bad URIs are refused without their secrets", test_bad_uris },
	{ NULL, NULL },
};
