/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commits: each kind of write and change, expected values, all or nothing.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

/* Sets document 1 of "d" to json, whatever is there. */
static void reset(struct fixture *f, const char *json)
{
	struct nv_docwrite gone = { .kind = NV_DOCWRITE_DELETE,
		                    .collection = "d",
		                    .id = V(f, "1") };
	int rc = commit_one(f, &gone);
	assert_true(rc == 0 || rc == -ENOENT);
	insert(f, "d", json);
}

/* Updates document 1 and compares what is stored, byte for byte, and what the commit says is
 * stored. */
static void check_update(struct fixture *f, const char *from, struct nv_docwrite changes,
                         const char *wanted)
{
	reset(f, from);
	changes.kind = NV_DOCWRITE_UPDATE;
	changes.collection = "d";
	changes.id = V(f, "1");
	if (commit_one(f, &changes) != 0) {
		fail_msg("%s: %s", from, f->err.msg);
	}
	bson_t *doc = NULL;
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), 0);
	if (!bson_equal(doc, D(f, wanted))) {
		fail_msg("wanted %s, is %s", wanted, bson_as_canonical_extended_json(doc, NULL));
	}
	assert_int_equal(f->result.count, 1);
	assert_true(bson_equal(f->result.after[0], doc));
	assert_int_equal(f->result.failed, SIZE_MAX);
	bson_destroy(doc);
}

/* The update must be refused as a conflict, with the stored document, which stays. */
static void check_stale(struct fixture *f, const char *from, struct nv_docwrite changes)
{
	reset(f, from);
	changes.kind = NV_DOCWRITE_UPDATE;
	changes.collection = "d";
	changes.id = V(f, "1");
	assert_int_equal(commit_one(f, &changes), -ESTALE);
	assert_int_equal(f->result.failed, 0);
	assert_non_null(f->result.stored);
	assert_true(bson_equal(f->result.stored, D(f, from)));
	bson_t *doc = NULL;
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), 0);
	assert_true(bson_equal(doc, D(f, from)));
	bson_destroy(doc);
}

static struct nv_docwrite set(struct fixture *f, const char *path, const char *value,
                              enum nv_docwhen when)
{
	static struct nv_docset sets[8];
	static size_t next;
	struct nv_docset *one = &sets[next++ % 8];
	*one = (struct nv_docset){ path, V(f, value), when };
	return (struct nv_docwrite){ .sets = one, .sets_count = 1 };
}

static struct nv_docwrite unset(const char *path)
{
	static const char *paths[8];
	static size_t next;
	const char **one = &paths[next++ % 8];
	*one = path;
	return (struct nv_docwrite){ .unsets = one, .unsets_count = 1 };
}

static struct nv_docwrite inc(const char *path, int32_t n)
{
	static struct nv_docinc incs[8];
	static size_t next;
	struct nv_docinc *one = &incs[next++ % 8];
	*one = (struct nv_docinc){ path, n };
	return (struct nv_docwrite){ .incs = one, .incs_count = 1 };
}

static struct nv_docmember *member(struct fixture *f, const char *path, const char *key,
                                   const char *value, const char *element)
{
	static struct nv_docmember members[8];
	static size_t next;
	struct nv_docmember *one = &members[next++ % 8];
	*one = (struct nv_docmember){ path, key, V(f, value), element ? V(f, element) : NULL };
	return one;
}

static struct nv_docwrite push(struct fixture *f, const char *path, const char *key,
                               const char *value, const char *element)
{
	return (struct nv_docwrite){ .pushes = member(f, path, key, value, element),
		                     .pushes_count = 1 };
}

static struct nv_docwrite pull(struct fixture *f, const char *path, const char *key,
                               const char *value)
{
	return (struct nv_docwrite){ .pulls = member(f, path, key, value, NULL), .pulls_count = 1 };
}

static void test_sets(void **state)
{
	struct fixture *f = *state;
	check_update(f, "{'_id':1,'a':1,'b':2}", set(f, "a", "'x'", 0), "{'_id':1,'a':'x','b':2}");
	check_update(f, "{'_id':1}", set(f, "a.b.c", "1", 0), "{'_id':1,'a':{'b':{'c':1}}}");
	check_update(f, "{'_id':1,'a':{'x':1}}", set(f, "a.y", "null", 0),
	             "{'_id':1,'a':{'x':1,'y':null}}");
	check_update(f, "{'_id':1,'a':[1,2]}", set(f, "a.0", "5", 0), "{'_id':1,'a':[5,2]}");
	check_update(f, "{'_id':1,'a':[]}", set(f, "a.2", "5", 0), "{'_id':1,'a':[null,null,5]}");
	check_update(f, "{'_id':1,'a':[{'b':1}]}", set(f, "a.0.b", "5", 0),
	             "{'_id':1,'a':[{'b':5}]}");
	if (!(f->backend->odd & ODD_EQUAL)) {
		check_update(f, "{'_id':1,'a':1}", set(f, "a", "{'$numberLong':'1'}", 0),
		             "{'_id':1,'a':{'$numberLong':'1'}}");
	}
	check_stale(f, "{'_id':1,'a':5}", set(f, "a.b", "1", 0));
	check_stale(f, "{'_id':1,'a':null}", set(f, "a.b", "1", 0));
	check_stale(f, "{'_id':1,'a':[1]}", set(f, "a.b", "1", 0));
	check_stale(f, "{'_id':1,'a':[1]}", set(f, "a.1000000", "1", 0));
}

static void test_conditional_sets(void **state)
{
	struct fixture *f = *state;
	check_update(f, "{'_id':1,'a':1}", set(f, "a", "'x'", NV_DOCWHEN_NOTNULL),
	             "{'_id':1,'a':'x'}");
	check_update(f, "{'_id':1,'a':null}", set(f, "a", "'x'", NV_DOCWHEN_NOTNULL),
	             "{'_id':1,'a':null}");
	check_update(f, "{'_id':1}", set(f, "a", "'x'", NV_DOCWHEN_NOTNULL), "{'_id':1}");
	check_update(f, "{'_id':1,'a':1}", set(f, "a", "'x'", NV_DOCWHEN_SAME_TYPE),
	             "{'_id':1,'a':1}");
	check_update(f, "{'_id':1,'a':'y'}", set(f, "a", "'x'", NV_DOCWHEN_SAME_TYPE),
	             "{'_id':1,'a':'x'}");
	check_update(f, "{'_id':1}", set(f, "a.b", "'x'", NV_DOCWHEN_SAME_TYPE), "{'_id':1}");
}

static void test_unsets(void **state)
{
	struct fixture *f = *state;
	check_update(f, "{'_id':1,'a':1,'b':2}", unset("a"), "{'_id':1,'b':2}");
	check_update(f, "{'_id':1,'a':{'b':1,'c':2}}", unset("a.b"), "{'_id':1,'a':{'c':2}}");
	check_update(f, "{'_id':1,'a':[1,2,3]}", unset("a.1"), "{'_id':1,'a':[1,null,3]}");
	check_update(f, "{'_id':1,'a':5}", unset("a.b"), "{'_id':1,'a':5}");
	check_update(f, "{'_id':1}", unset("a"), "{'_id':1}");
}

static void test_increments(void **state)
{
	struct fixture *f = *state;
	check_update(f, "{'_id':1,'__v':3}", inc("__v", 1), "{'_id':1,'__v':4}");
	check_update(f, "{'_id':1}", inc("__v", 1), "{'_id':1}");
	check_update(f, "{'_id':1,'__v':'x'}", inc("__v", 1), "{'_id':1,'__v':'x'}");
	check_update(f, "{'_id':1,'__v':2147483647}", inc("__v", 1),
	             "{'_id':1,'__v':{'$numberLong':'2147483648'}}");
	check_update(f, "{'_id':1,'__v':{'$numberLong':'5'}}", inc("__v", -7),
	             "{'_id':1,'__v':{'$numberLong':'-2'}}");
	check_update(f, "{'_id':1,'__v':1.5}", inc("__v", 1), "{'_id':1,'__v':2.5}");
	check_stale(f, "{'_id':1,'__v':{'$numberLong':'9223372036854775807'}}", inc("__v", 1));
}

static void test_members(void **state)
{
	struct fixture *f = *state;
	check_update(f, "{'_id':1}", push(f, "teams", NULL, "7", NULL), "{'_id':1,'teams':[7]}");
	check_update(f, "{'_id':1,'teams':[5]}", push(f, "teams", NULL, "7", NULL),
	             "{'_id':1,'teams':[5,7]}");
	check_update(f, "{'_id':1,'teams':[7]}",
	             push(f, "teams", NULL, "{'$numberLong':'7'}", NULL), "{'_id':1,'teams':[7]}");
	check_update(f, "{'_id':1,'members':[{'user_id':5}]}",
	             push(f, "members", "user_id", "7", "{'user_id':7,'role':'member'}"),
	             "{'_id':1,'members':[{'user_id':5},{'user_id':7,'role':'member'}]}");
	check_update(f, "{'_id':1,'members':[{'user_id':7,'role':'owner'}]}",
	             push(f, "members", "user_id", "7", "{'user_id':7,'role':'member'}"),
	             "{'_id':1,'members':[{'user_id':7,'role':'owner'}]}");
	check_update(f, "{'_id':1,'t':{}}", push(f, "t.list", NULL, "1", NULL),
	             "{'_id':1,'t':{'list':[1]}}");
	check_stale(f, "{'_id':1,'teams':7}", push(f, "teams", NULL, "7", NULL));
	check_stale(f, "{'_id':1,'teams':null}", push(f, "teams", NULL, "7", NULL));
	check_update(f, "{'_id':1,'teams':[5,7,6,7.0]}", pull(f, "teams", NULL, "7"),
	             "{'_id':1,'teams':[5,6]}");
	check_update(f, "{'_id':1,'teams':[7]}", pull(f, "teams", NULL, "7"),
	             "{'_id':1,'teams':[]}");
	check_update(f, "{'_id':1,'teams':[[7]]}", pull(f, "teams", NULL, "7"),
	             "{'_id':1,'teams':[[7]]}");
	check_update(f, "{'_id':1,'teams':7}", pull(f, "teams", NULL, "7"), "{'_id':1,'teams':7}");
	check_update(f, "{'_id':1}", pull(f, "teams", NULL, "7"), "{'_id':1}");
	check_update(f, "{'_id':1,'members':[{'user_id':7},{'user_id':8},7]}",
	             pull(f, "members", "user_id", "7"), "{'_id':1,'members':[{'user_id':8},7]}");
}

static void test_many_changes_at_once(void **state)
{
	struct fixture *f = *state;
	const struct nv_docset sets[] = { { "a.x", V(f, "9"), 0 }, { "new", V(f, "'n'"), 0 } };
	const char *const unsets[] = { "b", "c.d" };
	struct nv_docwrite write = {
		.sets = sets, .sets_count = 2, .unsets = unsets, .unsets_count = 2
	};
	const struct nv_docinc incs[] = { { "__v", 1 } };
	write.incs = incs;
	write.incs_count = 1;
	write.pulls = member(f, "list", NULL, "1", NULL);
	write.pulls_count = 1;
	write.pushes = member(f, "tags", NULL, "'t'", NULL);
	write.pushes_count = 1;
	check_update(
		f,
		"{'_id':1,'a':{'x':1,'y':2},'b':1,'c':{'d':1,'e':2},'__v':0,'list':[1,2],'tags':['s']}",
		write,
		"{'_id':1,'a':{'x':9,'y':2},'c':{'e':2},'__v':1,'list':[2],'tags':['s','t'],'new':'n'}");
}

static void test_values_keep_their_bytes(void **state)
{
	struct fixture *f = *state;
	/* Regex options out of order, a NaN with a payload: what libbson's own appenders would
	 * change. */
	uint8_t bytes[] = { 42,  0, 0,    0,    0x10, '_', 'i', 'd',  0,   1, 0, 0, 0, 0x0b,
		            'r', 0, 'a',  0,    'z',  'i', 0,   0x01, 'n', 0, 1, 2, 3, 0,
		            0,   0, 0xf8, 0xff, 0x10, 'd', '.', 'd',  0,   7, 0, 0, 0, 0 };
	bson_t odd;
	bson_t *doc = NULL;
	bson_iter_t iter;
	char options[] = "zi";
	if (f->backend->odd & ODD_REGEX) { /* a server that knows options and sorts them */
		(void)strcpy(options, "im");
	}
	memcpy(bytes + 18, options, 2);
	if (f->backend->odd & ODD_DOTTED) {
		*(uint8_t *)memchr(bytes, '.', sizeof(bytes)) = '_';
	}
	assert_true(bson_init_static(&odd, bytes, sizeof(bytes)));
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT, .collection = "d", .doc = &odd };
	if (commit_one(f, &write) != 0) {
		fail_msg("%s", f->err.msg);
	}
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), 0);
	assert_true(bson_equal(doc, &odd));
	bson_destroy(doc);
	/* And through an update of another field, and as a new value. */
	assert_true(bson_iter_init_find(&iter, &odd, "r"));
	struct nv_docset copy = { "r2", bson_iter_value(&iter), 0 };
	struct nv_docwrite update = { .kind = NV_DOCWRITE_UPDATE,
		                      .collection = "d",
		                      .id = V(f, "1"),
		                      .sets = &copy,
		                      .sets_count = 1 };
	if (commit_one(f, &update) != 0) {
		fail_msg("%s", f->err.msg);
	}
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), 0);
	assert_int_equal(doc->len, sizeof(bytes) + 9);
	assert_memory_equal(bson_get_data(doc) + 4, bytes + 4, sizeof(bytes) - 5);
	assert_memory_equal(bson_get_data(doc) + sizeof(bytes) - 1, "\x0br2\0a\0", 6);
	assert_string_equal(bson_get_data(doc) + sizeof(bytes) + 5, options);
	bson_destroy(doc);
}

/* Expects path to be value (NULL: missing) of the document, and sets "done". */
static int expect(struct fixture *f, const char *path, const char *value)
{
	struct nv_docexpect expects = { path, value ? V(f, value) : NULL };
	struct nv_docset sets = { "done", V(f, "true"), 0 };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = V(f, "1"),
		                     .expects = &expects,
		                     .expects_count = 1,
		                     .sets = &sets,
		                     .sets_count = 1 };
	int rc = commit_one(f, &write);
	assert_true(rc == 0 || rc == -ESTALE);
	assert_int_equal(rc == 0, f->result.stored == NULL);
	return rc;
}

static void test_expected_values(void **state)
{
	struct fixture *f = *state;
	insert(f, "d",
	       "{'_id':1,'n':1,'l':{'$numberLong':'1'},'d':1.0,'null':null,'s':'x','o':{'p':[1,{'q':2}]},'e':[]}");
	assert_int_equal(expect(f, "n", "1"), 0);
	assert_int_equal(expect(f, "n", "{'$numberLong':'1'}"), -ESTALE);
	assert_int_equal(expect(f, "n", "1.0"), -ESTALE);
	assert_int_equal(expect(f, "n", "2"), -ESTALE);
	assert_int_equal(expect(f, "n", NULL), -ESTALE);
	assert_int_equal(expect(f, "n", "null"), -ESTALE);
	assert_int_equal(expect(f, "n", "[1]"), -ESTALE);
	assert_int_equal(expect(f, "l", "{'$numberLong':'1'}"), 0);
	assert_int_equal(expect(f, "l", "1"), -ESTALE);
	assert_int_equal(expect(f, "d", "1.0"), 0);
	assert_int_equal(expect(f, "d", "1"), -ESTALE);
	/* null is not missing */
	assert_int_equal(expect(f, "null", "null"), 0);
	assert_int_equal(expect(f, "null", NULL), -ESTALE);
	assert_int_equal(expect(f, "gone", NULL), 0);
	assert_int_equal(expect(f, "gone", "null"), -ESTALE);
	assert_int_equal(expect(f, "s", "'x'"), 0);
	assert_int_equal(expect(f, "s", "'X'"), -ESTALE);
	assert_int_equal(expect(f, "s.t", NULL), 0);
	assert_int_equal(expect(f, "o", "{'p':[1,{'q':2}]}"), 0);
	assert_int_equal(expect(f, "o.p.1.q", "2"), 0);
	assert_int_equal(expect(f, "o.p.0", "1"), 0);
	assert_int_equal(expect(f, "o.p.2", NULL), 0);
	/* An element is not its array. */
	assert_int_equal(expect(f, "o.p", "1"), -ESTALE);
	assert_int_equal(expect(f, "e", "[]"), 0);
	assert_int_equal(expect(f, "e", "null"), -ESTALE);
	assert_string_equal(f->err.msg, "\"e\" was changed");
}

static void test_update_and_delete(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'n':1}");
	struct nv_docexpect wrong = { "n", V(f, "2") };
	struct nv_docexpect right = { "n", V(f, "1") };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = V(f, "9") };
	assert_int_equal(commit_one(f, &write), -ENOENT);
	assert_int_equal(f->result.failed, 0);
	assert_null(f->result.stored);
	write.id = V(f, "1"); /* no changes: a check */
	assert_int_equal(commit_one(f, &write), 0);
	assert_true(bson_equal(f->result.after[0], D(f, "{'_id':1,'n':1}")));
	write.kind = NV_DOCWRITE_DELETE;
	write.expects = &wrong;
	write.expects_count = 1;
	assert_int_equal(commit_one(f, &write), -ESTALE);
	assert_true(bson_equal(f->result.stored, D(f, "{'_id':1,'n':1}")));
	assert_string_equal(ids(f, "d", NULL, 0), "1");
	write.expects = &right;
	assert_int_equal(commit_one(f, &write), 0);
	assert_null(f->result.after[0]);
	assert_string_equal(ids(f, "d", NULL, 0), "");
	assert_int_equal(commit_one(f, &write), -ENOENT);
	insert(f, "d", "{'_id':1,'n':5}"); /* an _id that was deleted is free */
	assert_string_equal(docs(f, "d"), "{ \"_id\" : 1, \"n\" : 5 }\n");
}

static void test_update_all(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'domainId':5,'domain':'old'}");
	insert(f, "d", "{'_id':2,'domain_id':5}");
	insert(f, "d", "{'_id':3,'domainId':6,'domain':'old'}");
	insert(f, "d", "{'_id':4,'domainId':5,'domain':null}");
	const struct nv_docterm term = T(f, "domainId|domain_id", NV_DOCTERM_EQ, "5", NULL);
	const struct nv_docset sets[] = {
		{ "domainId", V(f, "7"), NV_DOCWHEN_NOTNULL },
		{ "domain_id", V(f, "7"), NV_DOCWHEN_NOTNULL },
		{ "domain", V(f, "'new'"), NV_DOCWHEN_NOTNULL },
	};
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE_ALL,
		                     .collection = "d",
		                     .terms = &term,
		                     .terms_count = 1,
		                     .sets = sets,
		                     .sets_count = 3 };
	assert_int_equal(commit_one(f, &write), 0);
	assert_int_equal(f->result.updated, 3);
	assert_null(f->result.after[0]);
	assert_string_equal(docs(f, "d"),
	                    "{ \"_id\" : 1, \"domainId\" : 7, \"domain\" : \"new\" }\n"
	                    "{ \"_id\" : 2, \"domain_id\" : 7 }\n"
	                    "{ \"_id\" : 3, \"domainId\" : 6, \"domain\" : \"old\" }\n"
	                    "{ \"_id\" : 4, \"domainId\" : 7, \"domain\" : null }\n");
	assert_int_equal(commit_one(f, &write), 0);
	assert_int_equal(f->result.updated, 0);
	const struct nv_docterm moved = T(f, "domainId|domain_id", NV_DOCTERM_EQ, "7", NULL);
	assert_string_equal(ids(f, "d", &moved, 1), "1 2 4");
}

static void test_pull_memberships(void **state)
{
	struct fixture *f = *state;
	insert(f, "users", "{'_id':1,'teams':[5,6],'__v':2}");
	insert(f, "users", "{'_id':2,'teams':[6]}");
	insert(f, "users", "{'_id':3,'teams':[5]}");
	insert(f, "users", "{'_id':4}");
	const struct nv_docterm term = T(f, "teams", NV_DOCTERM_EQ, "5", NULL);
	const struct nv_docinc version = { "__v", 1 };
	struct nv_docwrite write = pull(f, "teams", NULL, "5");
	write.kind = NV_DOCWRITE_UPDATE_ALL;
	write.collection = "users";
	write.terms = &term;
	write.terms_count = 1;
	write.incs = &version;
	write.incs_count = 1;
	assert_int_equal(commit_one(f, &write), 0);
	assert_int_equal(f->result.updated, 2);
	assert_string_equal(docs(f, "users"), "{ \"_id\" : 1, \"teams\" : [ 6 ], \"__v\" : 3 }\n"
	                                      "{ \"_id\" : 2, \"teams\" : [ 6 ] }\n"
	                                      "{ \"_id\" : 3, \"teams\" : [  ] }\n"
	                                      "{ \"_id\" : 4 }\n");
}

static void test_absent_guards(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'domainId':5}");
	const struct nv_docterm mine = T(f, "domainId|domain_id", NV_DOCTERM_EQ, "5", NULL);
	const struct nv_docterm other = T(f, "domainId|domain_id", NV_DOCTERM_EQ, "6", NULL);
	struct nv_docwrite writes[] = {
		{ .kind = NV_DOCWRITE_INSERT, .collection = "domains", .doc = D(f, "{'_id':6}") },
		{ .kind = NV_DOCWRITE_ABSENT, .collection = "d", .terms = &mine, .terms_count = 1 },
	};
	struct nv_doccommit commit = { .writes = writes, .writes_count = 2 };
	struct nv_docresult result = { 0 };
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -ENOTEMPTY);
	assert_int_equal(result.failed, 1);
	assert_true(bson_equal(result.stored, D(f, "{'_id':1,'domainId':5}")));
	assert_string_equal(ids(f, "domains", NULL, 0), "");
	nv_docresult_release(&result);
	writes[1].terms = &other;
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), 0);
	assert_string_equal(ids(f, "domains", NULL, 0), "6");
	nv_docresult_release(&result);
	/* It sees what the same commit wrote. */
	writes[0].doc = D(f, "{'_id':7,'domainId':6}");
	writes[0].collection = "d";
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -ENOTEMPTY);
	nv_docresult_release(&result);
}

static void test_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'n':1,'x':1}");
	insert(f, "d", "{'_id':2,'n':1,'x':2}");
	bson_t *first = entry("update domain", 1);
	bson_t *second = entry("delete record", 2);
	const bson_t *entries[] = { first, second, first };
	const struct nv_docset sets[] = { { "n", V(f, "2"), 0 }, { "x", V(f, "9"), 0 } };
	struct nv_docexpect expects = { "n", V(f, "1") };
	const struct nv_docwrite writes[] = {
		{ .kind = NV_DOCWRITE_UPDATE,
		  .collection = "d",
		  .id = V(f, "1"),
		  .sets = sets,
		  .sets_count = 2 },
		{ .kind = NV_DOCWRITE_DELETE, .collection = "d", .id = V(f, "2") },
		{ .kind = NV_DOCWRITE_INSERT, .collection = "d", .doc = D(f, "{'_id':3,'x':1}") },
		{ .kind = NV_DOCWRITE_UPDATE,
		  .collection = "d",
		  .id = V(f, "3"),
		  .sets = sets,
		  .sets_count = 1 },
		{ .kind = NV_DOCWRITE_UPDATE,
		  .collection = "d",
		  .id = V(f, "1"),
		  .expects = &expects,
		  .expects_count = 1 },
	};
	struct nv_doccommit commit = {
		.writes = writes, .writes_count = 5, .entries = entries, .entries_count = 2
	};
	struct nv_docresult result = { 0 };
	/* The last write sees what the first made of the document. */
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -ESTALE);
	assert_int_equal(result.failed, 4);
	nv_docresult_release(&result);
	/* A second entry of the same _id. */
	commit.writes_count = 4;
	commit.entries_count = 3;
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -EEXIST);
	assert_int_equal(result.failed, 6);
	nv_docresult_release(&result);
	assert_string_equal(
		docs(f, "d"),
		"{ \"_id\" : 1, \"n\" : 1, \"x\" : 1 }\n{ \"_id\" : 2, \"n\" : 1, \"x\" : 2 }\n");
	assert_string_equal(ids(f, NV_DOCSTORE_CHANGELOG, NULL, 0), "");
	const struct nv_docterm by_x = T(f, "x", NV_DOCTERM_IN, "1", "9", NULL);
	assert_string_equal(ids(f, "d", &by_x, 1), "1");
	/* And without the faults, all of it, in one round trip. */
	commit.entries_count = 2;
	unsigned long long trips = metric(f, NV_METRIC_DOCS_ROUND_TRIPS);
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), 0);
	if (!is_remote(f)) {
		assert_int_equal(metric(f, NV_METRIC_DOCS_ROUND_TRIPS) - trips, 1);
	}
	assert_true(bson_equal(result.after[3], D(f, "{'_id':3,'x':1,'n':2}")));
	assert_null(result.after[1]);
	nv_docresult_release(&result);
	assert_string_equal(
		docs(f, "d"),
		"{ \"_id\" : 1, \"n\" : 2, \"x\" : 9 }\n{ \"_id\" : 3, \"x\" : 1, \"n\" : 2 }\n");
	assert_string_equal(ids(f, "d", &by_x, 1), "1 3");
	/* The same operation again: its id is taken, nothing happens. */
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -ENOENT);
	nv_docresult_release(&result);
	commit.writes_count = 0;
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -EEXIST);
	assert_int_equal(result.failed, 0);
	nv_docresult_release(&result);
	commit.entries_count = 0;
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), 0);
	nv_docresult_release(&result);
	bson_destroy(first);
	bson_destroy(second);
}

static bson_t *big_doc(int id, size_t size)
{
	bson_t *doc = BCON_NEW("_id", BCON_INT32(id), "n", BCON_INT32(0));
	size_t pad = size - doc->len - 8; /* type, "p", NUL, length, NUL of the text */
	char *text = malloc(pad + 1);
	assert_non_null(text);
	memset(text, 'x', pad);
	text[pad] = '\0';
	assert_true(bson_append_utf8(doc, "p", 1, text, (int)pad));
	assert_int_equal(doc->len, size);
	free(text);
	return doc;
}

static void test_large_documents(void **state)
{
	struct fixture *f = *state;
	bson_t *largest = big_doc(1, NV_DOCSTORE_DOC_MAX);
	bson_t *over = big_doc(2, NV_DOCSTORE_DOC_MAX + 1);
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT, .collection = "d", .doc = over };
	assert_int_equal(commit_one(f, &write), -EFBIG);
	assert_int_equal(f->result.failed, 0);
	write.doc = largest;
	assert_int_equal(commit_one(f, &write), 0);
	bson_t *doc = NULL;
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), 0);
	assert_true(bson_equal(doc, largest));
	bson_destroy(doc);
	struct nv_docwrite grow = set(f, "n", "{'$numberLong':'0'}", 0);
	grow.kind = NV_DOCWRITE_UPDATE;
	grow.collection = "d";
	grow.id = V(f, "1");
	assert_int_equal(commit_one(f, &grow), -EFBIG);
	struct nv_docwrite same = set(f, "n", "7", 0);
	same.kind = NV_DOCWRITE_UPDATE;
	same.collection = "d";
	same.id = V(f, "1");
	assert_int_equal(commit_one(f, &same), 0);
	assert_int_equal(f->result.after[0]->len, NV_DOCSTORE_DOC_MAX);
	bson_destroy(largest);
	bson_destroy(over);
}

static void refused(struct fixture *f, struct nv_docwrite write)
{
	assert_int_equal(commit_one(f, &write), -EINVAL);
	assert_int_equal(f->result.failed, 0);
}

static void test_mistakes_are_refused(void **state)
{
	struct fixture *f = *state;
	const bson_value_t *one = V(f, "1");
	const struct nv_docterm term = T(f, "a", NV_DOCTERM_EQ, "1", NULL);
	insert(f, "d", "{'_id':1}");
	refused(f, (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT, .collection = "d" });
	refused(f, (struct nv_docwrite){
			   .kind = NV_DOCWRITE_INSERT, .collection = "d", .doc = D(f, "{'a':1}") });
	refused(f, (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT,
	                                 .collection = "d",
	                                 .doc = D(f, "{'_id':[1]}") });
	refused(f,
	        (struct nv_docwrite){
			.kind = NV_DOCWRITE_INSERT,
			.collection = "d",
			.doc = D(f,
	                         "{'_id':{'$regularExpression':{'pattern':'a','options':''}}}") });
	refused(f, (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT,
	                                 .collection = "a$b",
	                                 .doc = D(f, "{'_id':5}") });
	refused(f, (struct nv_docwrite){ .kind = NV_DOCWRITE_UPDATE, .collection = "d" });
	refused(f, (struct nv_docwrite){
			   .kind = NV_DOCWRITE_ABSENT + 1, .collection = "d", .id = one });
	refused(f, (struct nv_docwrite){ .kind = NV_DOCWRITE_UPDATE_ALL,
	                                 .collection = "d",
	                                 .terms = &term,
	                                 .terms_count = 1 });
	static const char *const paths[] = { "_id", "_id.x", "", "a..b", "$a", "a.$[]" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct nv_docwrite write = set(f, paths[i], "1", 0);
		write.kind = NV_DOCWRITE_UPDATE;
		write.collection = "d";
		write.id = one;
		refused(f, write);
	}
	const struct nv_docset twice[] = { { "a.b", one, 0 }, { "a", one, 0 } };
	refused(f, (struct nv_docwrite){ .kind = NV_DOCWRITE_UPDATE,
	                                 .collection = "d",
	                                 .id = one,
	                                 .sets = twice,
	                                 .sets_count = 2 });
	struct nv_docwrite mixed = set(f, "a", "1", 0);
	const char *const gone[] = { "a" };
	mixed.kind = NV_DOCWRITE_UPDATE;
	mixed.collection = "d";
	mixed.id = one;
	mixed.unsets = gone;
	mixed.unsets_count = 1;
	refused(f, mixed);
	mixed.kind = NV_DOCWRITE_DELETE;
	mixed.unsets_count = 0;
	refused(f, mixed);
	const struct nv_docset none = { "a", NULL, 0 };
	refused(f, (struct nv_docwrite){ .kind = NV_DOCWRITE_UPDATE,
	                                 .collection = "d",
	                                 .id = one,
	                                 .sets = &none,
	                                 .sets_count = 1 });
	const bson_t *odd = D(f, "{'_id':5,'change':'x'}");
	struct nv_doccommit commit = { .entries = &odd, .entries_count = 1 };
	struct nv_docresult result = { 0 };
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), -EINVAL);
	assert_int_equal(result.failed, 0);
	nv_docresult_release(&result);
	assert_string_equal(docs(f, "d"), "{ \"_id\" : 1 }\n");
}

static void test_readonly(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1}");
	if (strcmp(f->backend->scheme, "mem:") == 0) {
		nv_docstore_close(
			f->store); /* what was in it is gone, which is not the point here */
	}
	struct nv_docstore_config config = { .clock = f->clock, .readonly = true };
	struct nv_docstore *store = NULL;
	assert_int_equal(nv_docstore_open(store_uri(f), &config, &store, &f->err), 0);
	struct nv_docstore_info info;
	nv_docstore_describe(store, &info);
	assert_true(info.readonly);
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = "d",
		                     .doc = D(f, "{'_id':2}") };
	struct nv_doccommit commit = { .writes = &write, .writes_count = 1 };
	struct nv_docresult result = { 0 };
	assert_int_equal(nv_docstore_commit(store, &commit, &result, &f->err), -EROFS);
	assert_int_equal(result.failed, SIZE_MAX);
	nv_docresult_release(&result);
	if (strcmp(f->backend->scheme, "mem:") != 0) {
		nv_docstore_close(f->store);
	}
	f->store = store;
	assert_string_equal(ids(f, "d", NULL, 0),
	                    strcmp(f->backend->scheme, "mem:") == 0 ? "" : "1");
}

const struct docstore_case docstore_commit_cases[] = {
	{ "sets by dotted path", test_sets },
	{ "sets under a condition", test_conditional_sets },
	{ "unsets by dotted path", test_unsets },
	{ "increments keep the type", test_increments },
	{ "members are pushed once and pulled wholly", test_members },
	{ "many changes of one document", test_many_changes_at_once },
	{ "values keep their bytes", test_values_keep_their_bytes },
	{ "expected values are exact", test_expected_values },
	{ "update and delete", test_update_and_delete },
	{ "update all that match", test_update_all },
	{ "memberships are pulled from all", test_pull_memberships },
	{ "absent guards a commit", test_absent_guards },
	{ "all or nothing", test_all_or_nothing },
	{ "documents of 16 MiB", test_large_documents },
	{ "a caller's mistakes are refused", test_mistakes_are_refused },
	{ "a readonly store refuses commits", test_readonly },
	{ NULL, NULL },
};
