/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Out of memory at every single allocation of the JSON codec and of BSON changes: it is said, and
 * nothing is half done. The program is linked with --wrap for the allocators.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "codec/bsondiff.h"
#include "codec/json.h"
#include "../nomem.h"

/* The documents that the operations get. */
struct given {
	bson_t *base;
	bson_t *mine;
	bson_t *theirs;
	struct nv_bson_changes changes; /* base to mine */
};

/* One operation: 0 or more when done, -ENOMEM. Frees what it made. */
typedef int (*operation)(const struct given *given);

static const char base_text[] =
	"{\"a\":1,\"b\":{\"c\":{\"$numberDecimal\":\"5\"},\"d\":[{\"_id\":{\"$numberDecimal\":\"1E+1\"},\"n\":1.0},{\"_id\":2}]},"
	"\"k\":0.1234567890123456789012345678901,\"e\":{\"$code\":\"x\",\"$scope\":{}},\"x\":{\"y\":1},"
	"\"f1\":1,\"f2\":2,\"f3\":3,\"f4\":4,\"f5\":5,\"f6\":6,\"f7\":7,\"f8\":8,\"f9\":9}";
static const char mine_text[] =
	"{\"a\":2,\"b\":{\"c\":5,\"d\":[{\"_id\":2},{\"_id\":10,\"n\":1}]},"
	"\"k\":0.1234567890123456789012345678901,\"e\":{\"$code\":\"x\",\"$scope\":{}},\"x\":{\"y\":1},"
	"\"f1\":1,\"f2\":2,\"f3\":3,\"f4\":4,\"f5\":5,\"f6\":6,\"f7\":7,\"f8\":8,\"f9\":9,\"new\":{\"z\":null}}";
static const char theirs_text[] =
	"{\"a\":1,\"b\":{\"c\":5.0,\"d\":[{\"_id\":{\"$numberDecimal\":\"1E+1\"},\"n\":1.0},{\"_id\":2}]},"
	"\"k\":1.5,\"x\":{\"y\":2}}";

static int parse(const struct given *given)
{
	bson_t *doc = NULL;
	int r = nv_json_parse(base_text, strlen(base_text), 0, &doc, NULL);

	(void)given;
	assert_int_equal(doc != NULL, r == 0);
	if (doc) {
		bson_destroy(doc);
	}
	return r;
}

static int scan(const struct given *given)
{
	enum nv_json_state state = nv_json_scan(base_text, strlen(base_text), 0, NULL);

	(void)given;
	assert_true(state == NV_JSON_GOOD || state == NV_JSON_NOMEM);
	return state == NV_JSON_GOOD ? 0 : -ENOMEM;
}

static int format(const struct given *given)
{
	struct nv_buf out = NV_BUF_INIT;
	int r = nv_json_format(given->base, 0, &out);

	nv_buf_release(&out);
	return r;
}

static int format_value(const struct given *given)
{
	struct nv_buf out = NV_BUF_INIT;
	bson_iter_t iter;

	assert_true(bson_iter_init_find(&iter, given->base, "b"));
	int r = nv_json_format_value(&iter, &out);

	nv_buf_release(&out);
	return r;
}

static int diff(const struct given *given)
{
	struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	int r = nv_bson_diff(given->base, given->mine, &changes, NULL);

	assert_int_equal(changes.count, r == 0 ? given->changes.count : 0);
	nv_bson_changes_release(&changes);
	return r;
}

static int apply(const struct given *given)
{
	bson_t *doc = NULL;
	int r = nv_bson_apply(given->base, &given->changes, &doc, NULL);

	assert_int_equal(doc != NULL, r == 0);
	if (doc) {
		bson_destroy(doc);
	}
	return r;
}

static int merge(const struct given *given)
{
	struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	struct nv_bson_changes conflicts = NV_BSON_CHANGES_INIT;
	int r = nv_bson_merge3(given->base, given->mine, given->theirs, &changes, &conflicts, NULL);

	assert_int_equal(conflicts.count, 0);
	assert_int_equal(changes.count > 0, r == 0);
	nv_bson_changes_release(&changes);
	return r;
}

static int retype(const struct given *given)
{
	bson_t *doc = NULL;
	int r = nv_bson_retype(given->base, given->mine, &doc);

	assert_int_equal(doc != NULL, r == 0);
	if (doc) {
		bson_destroy(doc);
	}
	return r;
}

static int match(const struct given *given)
{
	bson_iter_t iter;
	const uint8_t *data = NULL;
	uint32_t size = 0;
	bson_t stored;
	bson_t edited;
	size_t *matched = NULL;
	size_t count = 0;

	assert_true(bson_iter_init(&iter, given->base) &&
	            bson_iter_find_descendant(&iter, "b.d", &iter));
	bson_iter_array(&iter, &size, &data);
	assert_true(bson_init_static(&stored, data, size));
	assert_true(bson_iter_init(&iter, given->mine) &&
	            bson_iter_find_descendant(&iter, "b.d", &iter));
	bson_iter_array(&iter, &size, &data);
	assert_true(bson_init_static(&edited, data, size));
	int r = nv_bson_match_elements(&stored, &edited, "n", &matched, &count, NULL);

	if (r == 0) {
		assert_int_equal(count, 2);
		assert_int_equal(matched[0], 1);
		assert_int_equal(matched[1], 0);
	}
	free(matched);
	return r;
}

static int get(const struct given *given)
{
	bson_t *doc = NULL;
	int r = nv_bson_get(given->base, "b.d.1._id", &doc);

	if (doc) {
		bson_destroy(doc);
	}
	return r;
}

/* Fails the first allocation, then the second, … until all is well. */
static void try_all_failures(operation run)
{
	struct given given = { .changes = NV_BSON_CHANGES_INIT };
	unsigned long failing = 0;
	bool done = false;

	assert_int_equal(nv_json_parse(base_text, strlen(base_text), 0, &given.base, NULL), 0);
	assert_int_equal(nv_json_parse(mine_text, strlen(mine_text), 0, &given.mine, NULL), 0);
	assert_int_equal(nv_json_parse(theirs_text, strlen(theirs_text), 0, &given.theirs, NULL),
	                 0);
	assert_int_equal(nv_bson_diff(given.base, given.mine, &given.changes, NULL), 0);
	while (!done) {
		countdown = ++failing;
		int r = run(&given);

		done = countdown > 0;
		countdown = 0;
		assert_int_equal(r, done ? 0 : -ENOMEM);
	}
	assert_true(failing > 1);
	nv_bson_changes_release(&given.changes);
	bson_destroy(given.base);
	bson_destroy(given.mine);
	bson_destroy(given.theirs);
}

#define NOMEM_TEST(name)                                                                           \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		try_all_failures(name);                                                            \
	}

NOMEM_TEST(parse)
NOMEM_TEST(scan)
NOMEM_TEST(format)
NOMEM_TEST(format_value)
NOMEM_TEST(diff)
NOMEM_TEST(apply)
NOMEM_TEST(merge)
NOMEM_TEST(retype)
NOMEM_TEST(match)
NOMEM_TEST(get)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_scan),
		cmocka_unit_test(test_format), cmocka_unit_test(test_format_value),
		cmocka_unit_test(test_diff),   cmocka_unit_test(test_apply),
		cmocka_unit_test(test_merge),  cmocka_unit_test(test_retype),
		cmocka_unit_test(test_match),  cmocka_unit_test(test_get),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json_nomem", tests, NULL, NULL);
}
