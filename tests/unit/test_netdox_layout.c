/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of the layout: whole, and of one mind with the tree.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "netdox/layout.h"
#include "netdox/names.h"
#include "tree.h"

static void test_every_row_has_its_layout(void **state)
{
	size_t rows = 0;

	(void)state;
	for (size_t i = 0; i < nv_tree_rows_count; i++) {
		const struct nv_row *row = &nv_tree_rows[i];

		if (row->family != NV_FAMILY_NETDOX) {
			continue;
		}
		rows++;
		assert_string_equal(nv_netdox_layouts[row->kind].path, row->pattern);
		assert_int_equal(row->type == NV_DIR,
		                 nv_netdox_layouts[row->kind].codec == NV_CODEC_NONE);
		if (row->flags & NV_ROW_READONLY) {
			assert_true(nv_netdox_layouts[row->kind].readonly);
		}
	}
	assert_int_equal(rows, NV_NETDOX_KIND_COUNT);
}

/* What is written is also read: each key of a row is a step of its object's plan. */
static bool plan_has(enum nv_object object, enum nv_redis_db db, const char *key)
{
	const struct nv_plan *plan = &nv_netdox_plans[object];

	for (size_t i = 0; i < plan->count; i++) {
		if (plan->steps[i].db == db && strcmp(plan->steps[i].key, key) == 0) {
			return true;
		}
	}
	return false;
}

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	for (int kind = 0; kind < NV_NETDOX_KIND_COUNT; kind++) {
		const struct nv_layout *layout = &nv_netdox_layouts[kind];

		enum nv_redis_db db = layout->db;
		/* The stream is read by changelog.c; that it is there is asked with the books. */
		enum nv_object object = layout->codec == NV_CODEC_CHANGELOG ? NV_OBJECT_BOOKS
		                                                            : layout->object;

		assert_true(!layout->key || plan_has(object, db, layout->key));
		assert_true(!layout->details || plan_has(object, db, layout->details));
		assert_true(!layout->index || plan_has(object, db, layout->index));
		for (int i = 0; i < NV_LEVELS_MAX && layout->levels[i].key; i++) {
			assert_true(plan_has(object, db, layout->levels[i].key));
			assert_non_null(layout->levels[i].member);
			assert_non_null(layout->levels[i].added);
			assert_non_null(layout->levels[i].removed);
		}
	}
}

static void test_plans_are_in_preorder(void **state)
{
	(void)state;
	for (int object = 0; object < NV_OBJECT_COUNT; object++) {
		const struct nv_plan *plan = &nv_netdox_plans[object];

		assert_true(plan->count > 0);
		assert_int_equal(plan->steps[0].depth, 0);
		for (size_t i = 1; i < plan->count; i++) {
			assert_true(plan->steps[i].depth <= plan->steps[i - 1].depth + 1);
			assert_true(plan->steps[i].depth + 1 < NV_VARS_MAX);
		}
	}
}

static void test_expand(void **state)
{
	struct nv_vars vars = { { nv_view("a;$1", 4), nv_view("", 0) } };
	struct nv_buf text cleanup_buf = NV_BUF_INIT;

	(void)state;
	nv_layout_expand(&text, "dns;$0;$1;$2;plugins", &vars);
	assert_string_equal(text.data, "dns;a;$1;;;plugins");
}

static void test_keys_of_ours(void **state)
{
	static const char *const ours[] = {
		"dns",           "dns;",    "dns;x;y",         "dns_nodes",
		"last-modified", "pdata;x", "default_network", "changelog;x"
	};
	static const char *const others[] = { "",     "d",   "dnsx",   "dn;s",
		                              ";dns", "DNS", "meta:x", "last" };

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		assert_true(nv_layout_is_ours(ours[i], strlen(ours[i])));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(nv_layout_is_ours(others[i], strlen(others[i])));
	}
}

static void test_lists_of_words(void **state)
{
	struct nv_buf text cleanup_buf = NV_BUF_INIT;

	(void)state;
	assert_true(nv_layout_lists("CNAME A PTR", "A", 1));
	assert_true(nv_layout_lists("CNAME A PTR", "PTR", 3));
	assert_false(nv_layout_lists("CNAME A PTR", "AAAA", 4));
	assert_false(nv_layout_lists("CNAME A PTR", "", 0));
	assert_false(nv_layout_lists("CNAME A PTR", "A PTR", 5));
	assert_true(nv_layout_lists("*", "any", 3));
	nv_layout_types_text("set hash", &text);
	assert_string_equal(text.data, "a set or a hash");
}

static void test_directories(void **state)
{
	(void)state;
	assert_true(nv_layout_is_in(NV_NETDOX_RECORDS, NV_NETDOX_NAME));
	assert_true(nv_layout_is_in(NV_NETDOX_DNS_PDATA, NV_NETDOX_DNS_PDATA_DIR));
	assert_false(nv_layout_is_in(NV_NETDOX_DNS_PDATA, NV_NETDOX_NAME));
	assert_false(nv_layout_is_in(NV_NETDOX_ROOT, NV_NETDOX_ROOT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_has_its_layout),
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_plans_are_in_preorder),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_keys_of_ours),
		cmocka_unit_test(test_lists_of_words),
		cmocka_unit_test(test_directories),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
