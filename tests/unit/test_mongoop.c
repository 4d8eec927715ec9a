/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on one document. The property: what an operation does, applied to the document that
 * was, by path.c, is the document that was wanted; and back again.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "docstore/build.h"
#include "docstore/mongoop.h"
#include "docstore/path.h"

static bson_t *parse(const char *text)
{
	char json[1024];
	bson_error_t error;

	(void)snprintf(json, sizeof(json), "%s", text);
	for (char *at = json; *at; at++) {
		*at = *at == '\'' ? '"' : *at;
	}
	bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &error);
	if (!doc) {
		fail_msg("%s: %s", text, error.message);
	}
	return doc;
}

static void json_of(const struct nv_buf *buf, char *out, size_t size)
{
	bson_t view;

	assert_true(bson_init_static(&view, (const uint8_t *)buf->data, buf->len));
	assert_true(bson_validate(&view, BSON_VALIDATE_NONE, NULL));
	char *json = bson_as_relaxed_extended_json(&view, NULL);
	size_t used = 0;
	for (const char *at = json; *at && used < size - 1; at++) {
		if (*at != ' ') {
			out[used++] = *at == '"' ? '\'' : *at;
		}
	}
	out[used] = '\0';
	bson_free(json);
}

/* Makes the operation between two texts ("": no document): 1, or 0 when nothing changes. */
static int make(const char *before_text, const char *after_text, const char *const *expects,
                size_t expects_count, struct nv_mongoop *ret_op)
{
	bson_t *before = before_text[0] ? parse(before_text) : NULL;
	bson_t *after = after_text[0] ? parse(after_text) : NULL;
	struct nv_bval old = before ? nv_bval_doc(before) : (struct nv_bval){ 0 };
	struct nv_bval new = after ? nv_bval_doc(after) : (struct nv_bval){ 0 };
	struct nv_bval id;

	assert_true(nv_bval_field(before ? &old : &new, "_id", 3, &id));
	int rc = nv_mongoop_make("d", &id, before ? &old : NULL, after ? &new : NULL, expects,
	                         expects_count, ret_op, NULL);
	bson_destroy(before);
	bson_destroy(after);
	return rc;
}

static void check_changes(const char *before, const char *after, const char *forward,
                          const char *back)
{
	struct nv_mongoop op;
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	char got[1024];

	assert_int_equal(make(before, after, NULL, 0, &op), 1);
	assert_int_equal(op.kind, NV_MONGOOP_UPDATE);
	assert_int_equal(nv_mongoop_changes(&op, false, &out, NULL), 0);
	json_of(&out, got, sizeof(got));
	assert_string_equal(got, forward);
	assert_int_equal(nv_mongoop_changes(&op, true, &out, NULL), 0);
	json_of(&out, got, sizeof(got));
	assert_string_equal(got, back);
	nv_mongoop_release(&op);
}

static void test_changes_are_the_shortest_paths(void **state)
{
	(void)state;
	check_changes("{'_id':1,'a':1,'b':2}", "{'_id':1,'a':5,'b':2}", "{'$set':{'a':5}}",
	              "{'$set':{'a':1}}");
	check_changes("{'_id':1,'a':1,'b':2}", "{'_id':1,'b':2,'c':null}",
	              "{'$set':{'c':null},'$unset':{'a':1}}", "{'$set':{'a':1},'$unset':{'c':1}}");
	check_changes("{'_id':1,'a':{'b':1,'c':{'d':1,'e':2}}}",
	              "{'_id':1,'a':{'b':1,'c':{'d':3,'e':2},'f':4}}",
	              "{'$set':{'a.c.d':3,'a.f':4}}", "{'$set':{'a.c.d':1},'$unset':{'a.f':1}}");
	/* An array is one value; so is a document with a name that a path cannot have. */
	check_changes("{'_id':1,'a':[1,2]}", "{'_id':1,'a':[1,3]}", "{'$set':{'a':[1,3]}}",
	              "{'$set':{'a':[1,2]}}");
	check_changes("{'_id':1,'a':{'b.c':1,'d':1}}", "{'_id':1,'a':{'b.c':1,'d':2}}",
	              "{'$set':{'a':{'b.c':1,'d':2}}}", "{'$set':{'a':{'b.c':1,'d':1}}}");
	/* A type is a change, a number's too. */
	check_changes("{'_id':1,'a':1}", "{'_id':1,'a':1.0}", "{'$set':{'a':1.0}}",
	              "{'$set':{'a':1}}");
}

static void test_kinds(void **state)
{
	struct nv_mongoop op;
	char got[256];

	(void)state;
	assert_int_equal(make("{'_id':1,'a':{'b':1}}", "{'_id':1,'a':{'b':1}}", NULL, 0, &op), 0);
	assert_int_equal(make("", "{'a':1,'_id':7,'b':2}", NULL, 0, &op), 1);
	assert_int_equal(op.kind, NV_MONGOOP_INSERT);
	cleanup_buf struct nv_buf doc = NV_BUF_INIT;
	nv_buf_append(&doc, op.doc.data, op.doc.size);
	json_of(&doc, got, sizeof(got));
	assert_string_equal(got, "{'_id':7,'a':1,'b':2}");
	nv_mongoop_release(&op);
	assert_int_equal(make("{'_id':1,'a':1}", "", NULL, 0, &op), 1);
	assert_int_equal(op.kind, NV_MONGOOP_DELETE);
	nv_mongoop_release(&op);
	assert_int_equal(make("{'_id':1,'a.b':1}", "{'_id':1,'a.b':2}", NULL, 0, &op), 1);
	assert_int_equal(op.kind, NV_MONGOOP_REPLACE);
	nv_mongoop_release(&op);
}

static void check_filter(const struct nv_mongoop *op, bool back, bool whole, const char *wanted)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	char got[1024];

	assert_int_equal(nv_mongoop_filter(op, back, whole, &out, NULL), 0);
	json_of(&out, got, sizeof(got));
	assert_string_equal(got, wanted);
}

#define INT(path, value) "{'" path "':{'$type':16,'$eq':" value ",'$not':{'$type':4}}}"

static void test_filters_compare_what_was_read(void **state)
{
	static const char *const expects[] = { "a", "b", "c.d", "gone" };
	struct nv_mongoop op;

	(void)state;
	assert_int_equal(make("{'_id':1,'a':1,'b':2,'c':{'d':3}}",
	                      "{'_id':1,'a':9,'b':2,'c':{'d':3},'e':4}", expects, 4, &op),
	                 1);
	check_filter(&op, false, false,
	             "{'_id':1,'$and':[" INT("a", "1") ",{'e':{'$exists':false}}," INT(
			     "b", "2") "," INT("c.d", "3") ",{'gone':{'$exists':false}}]}");
	check_filter(&op, true, false, "{'_id':1,'$and':[" INT("a", "9") "," INT("e", "4") "]}");
	nv_mongoop_release(&op);
	assert_int_equal(make("{'_id':1,'a':1,'b':2}", "", expects, 1, &op), 1);
	check_filter(&op, false, false, "{'_id':1,'$and':[" INT("a", "1") "]}");
	check_filter(&op, false, true,
	             "{'_id':1,'$and':[" INT("a", "1") "," INT("a", "1") "," INT("b", "2") "]}");
	nv_mongoop_release(&op);
	assert_int_equal(make("", "{'_id':1,'a':1}", NULL, 0, &op), 1);
	check_filter(&op, true, false, "{'_id':1,'$and':[" INT("a", "1") "]}");
	nv_mongoop_release(&op);
}

static void check_look(const struct nv_mongoop *op, const char *now_text,
                       enum nv_mongoop_state wanted)
{
	bson_t *now = now_text[0] ? parse(now_text) : NULL;
	struct nv_bval value = now ? nv_bval_doc(now) : (struct nv_bval){ 0 };

	if (nv_mongoop_look(op, now ? &value : NULL) != wanted) {
		fail_msg("%s: not %d", now_text, (int)wanted);
	}
	bson_destroy(now);
}

static void test_a_document_tells_what_was_done(void **state)
{
	struct nv_mongoop op;

	(void)state;
	assert_int_equal(make("{'_id':1,'a':1,'b':1}", "{'_id':1,'a':2,'b':2}", NULL, 0, &op), 1);
	check_look(&op, "{'_id':1,'a':1,'b':1,'x':1}", NV_MONGOOP_TODO);
	check_look(&op, "{'_id':1,'a':2,'b':2}", NV_MONGOOP_DONE);
	check_look(&op, "{'_id':1,'a':2,'b':7}", NV_MONGOOP_DONE); /* and b changed since */
	check_look(&op, "{'_id':1,'a':7,'b':1}", NV_MONGOOP_LOST);
	check_look(&op, "{'_id':1,'a':2,'b':1}", NV_MONGOOP_LOST); /* somebody else's a */
	check_look(&op, "{'_id':1,'b':1}", NV_MONGOOP_LOST);
	check_look(&op, "", NV_MONGOOP_LOST);
	nv_mongoop_release(&op);
	assert_int_equal(make("{'_id':1,'a':1}", "{'_id':1,'a':1.0}", NULL, 0, &op), 1);
	check_look(&op, "{'_id':1,'a':1}", NV_MONGOOP_TODO);
	check_look(&op, "{'_id':1,'a':1.0}", NV_MONGOOP_DONE);
	nv_mongoop_release(&op);
	assert_int_equal(make("{'_id':1,'a':1}", "{'_id':1}", NULL, 0, &op), 1);
	check_look(&op, "{'_id':1}", NV_MONGOOP_DONE);
	check_look(&op, "{'_id':1,'a':1}", NV_MONGOOP_TODO);
	nv_mongoop_release(&op);
	assert_int_equal(make("", "{'_id':1,'a':1}", NULL, 0, &op), 1);
	check_look(&op, "", NV_MONGOOP_TODO);
	check_look(&op, "{'_id':1,'a':1}", NV_MONGOOP_DONE);
	check_look(&op, "{'_id':1,'a':2}", NV_MONGOOP_LOST);
	nv_mongoop_release(&op);
	assert_int_equal(make("{'_id':1,'a':1}", "", NULL, 0, &op), 1);
	check_look(&op, "", NV_MONGOOP_DONE);
	check_look(&op, "{'_id':1,'a':1}", NV_MONGOOP_TODO);
	check_look(&op, "{'_id':1,'a':2}", NV_MONGOOP_LOST);
	nv_mongoop_release(&op);
}

static void test_stored_operations(void **state)
{
	static const char *const bad[] = { "{}",
		                           "{'k':1,'c':'d'}",
		                           "{'k':9,'c':'d','i':1}",
		                           "{'k':0,'c':'d','i':1}",
		                           "{'k':'x','c':'d','i':1}",
		                           "{'k':3,'c':'d','i':1,'d':{},'b':{}}" };
	struct nv_mongoop op;
	struct nv_mongoop again;

	(void)state;
	assert_int_equal(make("{'_id':1,'a':1}", "{'_id':1,'a':2}", NULL, 0, &op), 1);
	struct nv_bval spec = nv_build_doc(&op.spec);
	assert_int_equal(nv_mongoop_parse(&spec, &again, NULL), 0);
	assert_int_equal(again.kind, NV_MONGOOP_UPDATE);
	assert_string_equal(again.collection, "d");
	check_look(&again, "{'_id':1,'a':1}", NV_MONGOOP_TODO);
	nv_mongoop_release(&again);
	nv_mongoop_release(&op);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bson_t *doc = parse(bad[i]);
		struct nv_bval value = nv_bval_doc(doc);
		if (nv_mongoop_parse(&value, &op, NULL) != -EINVAL) {
			fail_msg("%s was taken", bad[i]);
		}
		bson_destroy(doc);
	}
}

/* ---- Random documents ---- */

static void random_tree(struct nv_buf *out, unsigned depth, bool array)
{
	static const char *const names[] = { "a", "b", "c", "dd", "e.f", "$g" };
	unsigned count = (unsigned)random() % 5;
	unsigned from = (unsigned)random() % 4;

	for (unsigned i = 0; i < count; i++) {
		char position[8];
		/* Odd names are rare, or every document would be replaced. */
		const char *key =
			i == 0 && random() % 8 == 0 ? names[4 + from % 2] : names[(from + i) % 4];
		(void)snprintf(position, sizeof(position), "%u", i);
		key = array ? position : key;
		if (!array && i >= 4) {
			break;
		}
		if (depth > 0 && random() % 3 == 0) {
			bool inner = random() % 3 == 0;
			size_t start = nv_build_open(
				out, inner ? BSON_TYPE_ARRAY : BSON_TYPE_DOCUMENT, key);
			random_tree(out, depth - 1, inner);
			nv_bval_end(out, start);
		} else if (random() % 3 == 0) {
			nv_build_utf8(out, key, random() % 2 ? "x" : "y");
		} else {
			nv_build_int32(out, key, (int32_t)(random() % 3));
		}
	}
}

static void random_doc(struct nv_buf *out)
{
	nv_buf_truncate(out, 0);
	size_t start = nv_bval_begin(out);
	nv_build_int32(out, "_id", 1);
	random_tree(out, 3, false);
	nv_bval_end(out, start);
}

/* Does what a server does with $set and $unset. */
static void apply(const struct nv_buf *changes, struct nv_buf *doc)
{
	static const char *const names[] = { "$set", "$unset" };
	struct nv_bval all = nv_build_doc(changes);

	for (int unset = 0; unset < 2; unset++) {
		struct nv_bval list;
		struct nv_bfield field;
		if (!nv_bval_field(&all, names[unset], strlen(names[unset]), &list)) {
			continue;
		}
		struct nv_bwalk walk = nv_bwalk(&list);
		while (nv_bwalk_next(&walk, &field) > 0) {
			struct nv_buf next = NV_BUF_INIT;
			struct nv_bval now = nv_build_doc(doc);
			assert_int_equal(
				unset ? nv_path_drop(&now, field.key, &next)
				      : nv_path_put(&now, field.key, &field.value, &next, NULL),
				0);
			nv_buf_release(doc);
			*doc = next;
		}
	}
}

/* The same fields with the same values, in any order. */
static bool same_fields(const struct nv_bval *a, const struct nv_bval *b)
{
	struct nv_bwalk walk = nv_bwalk(a);
	struct nv_bwalk other = nv_bwalk(b);
	struct nv_bfield field;
	struct nv_bfield ignored;
	size_t left = 0;

	while (nv_bwalk_next(&other, &ignored) > 0) {
		left++;
	}
	while (nv_bwalk_next(&walk, &field) > 0) {
		struct nv_bval value;
		if (left-- == 0 || !nv_bval_field(b, field.key, field.key_size, &value) ||
		    value.type != field.value.type) {
			return false;
		}
		bool tree = value.type == BSON_TYPE_DOCUMENT;
		if (tree ? !same_fields(&field.value, &value)
		         : !nv_bval_same(&field.value, &value)) {
			return false;
		}
	}
	return left == 0;
}

static void test_random_documents(void **state)
{
	enum { ROUNDS = 20000 };
	cleanup_buf struct nv_buf before = NV_BUF_INIT;
	cleanup_buf struct nv_buf after = NV_BUF_INIT;
	cleanup_buf struct nv_buf changes = NV_BUF_INIT;
	unsigned seed = (unsigned)time(NULL);
	unsigned updates = 0;

	(void)state;
	print_message("# seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < ROUNDS; i++) {
		struct nv_mongoop op;
		random_doc(&before);
		random_doc(&after);
		struct nv_bval old = nv_build_doc(&before);
		struct nv_bval new = nv_build_doc(&after);
		struct nv_bval id;
		assert_true(nv_bval_field(&old, "_id", 3, &id));
		int rc = nv_mongoop_make("d", &id, &old, &new, NULL, 0, &op, NULL);
		if (rc == 0) {
			assert_true(same_fields(&old, &new));
			continue;
		}
		assert_int_equal(rc, 1);
		assert_int_equal(nv_mongoop_look(&op, &old), NV_MONGOOP_TODO);
		assert_int_equal(nv_mongoop_look(&op, &new), NV_MONGOOP_DONE);
		if (op.kind == NV_MONGOOP_UPDATE) {
			struct nv_buf doc = NV_BUF_INIT;
			updates++;
			nv_buf_append(&doc, before.data, before.len);
			assert_int_equal(nv_mongoop_changes(&op, false, &changes, NULL), 0);
			apply(&changes, &doc);
			struct nv_bval made = nv_build_doc(&doc);
			assert_true(same_fields(&made, &new));
			assert_int_equal(nv_mongoop_changes(&op, true, &changes, NULL), 0);
			apply(&changes, &doc);
			made = nv_build_doc(&doc);
			assert_true(same_fields(&made, &old));
			nv_buf_release(&doc);
		}
		nv_mongoop_release(&op);
	}
	assert_true(updates > ROUNDS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_the_shortest_paths),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_filters_compare_what_was_read),
		cmocka_unit_test(test_a_document_tells_what_was_done),
		cmocka_unit_test(test_stored_operations),
		cmocka_unit_test(test_random_documents),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
