/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/node.h"

static const struct nv_row file_row = { .pattern = "d/NAME", .type = NV_FILE };
static const struct nv_row own_row = { .pattern = "d/domain.json",
	                               .type = NV_FILE,
	                               .flags = NV_ROW_OWN };

static void test_sorts_bytewise_and_own_last(void **state)
{
	static const char *const names[] = { "b",   "\xC3\xA9", "a",           "B",
		                             "a-b", "zz",       "domain.json", "a.b" };
	static const char *const sorted[] = { "B", "a",  "a-b",      "a.b",
		                              "b", "zz", "\xC3\xA9", "domain.json" };
	cleanup_listing struct nv_listing *listing = nv_listing_new(5);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct nv_row *row =
			strcmp(names[i], "domain.json") == 0 ? &own_row : &file_row;
		assert_int_equal(nv_listing_add(listing, row, strdup(names[i]), NULL), 0);
	}
	nv_listing_sort(listing);
	assert_int_equal(listing->count, sizeof(sorted) / sizeof(sorted[0]));
	for (size_t i = 0; i < listing->count; i++) {
		assert_string_equal(listing->entries[i].name, sorted[i]);
		assert_ptr_equal(nv_listing_find(listing, sorted[i]), &listing->entries[i]);
		assert_int_equal(listing->entries[i].sampled_ms, 5);
	}
	assert_null(nv_listing_find(listing, "c"));
	assert_null(nv_listing_find(listing, ""));
	assert_null(nv_listing_find(listing, "\xFF"));
}

static void test_find_in_an_empty_one(void **state)
{
	cleanup_listing struct nv_listing *listing = nv_listing_new(0);

	(void)state;
	nv_listing_sort(listing);
	assert_null(nv_listing_find(listing, "a"));
}

static void test_entry_takes_what_the_blob_says(void **state)
{
	cleanup_listing struct nv_listing *listing = nv_listing_new(5);
	struct nv_blob *blob = nv_blob_new(strdup("abc"), 3, 9, NULL, NULL);
	cleanup_entry struct nv_entry copy = { 0 };

	(void)state;
	blob->mtime.tv_sec = 1000;
	blob->stamped = true;
	assert_int_equal(nv_listing_add(listing, &file_row, strdup("x"), nv_blob_ref(blob)), 0);
	assert_int_equal(listing->entries[0].size, 3);
	assert_int_equal(listing->entries[0].mtime.tv_sec, 1000);
	assert_true(listing->entries[0].stamped);
	assert_int_equal(listing->entries[0].sampled_ms, 9);
	assert_int_equal(nv_entry_copy(&copy, &listing->entries[0]), 0);
	assert_string_equal(copy.name, "x");
	assert_ptr_not_equal(copy.name, listing->entries[0].name);
	assert_ptr_equal(copy.blob, blob);
	assert_int_equal(blob->refs, 3);
	nv_blob_unref(blob);
}

static void test_growth(void **state)
{
	cleanup_listing struct nv_listing *listing = nv_listing_new(0);
	cleanup_listing struct nv_listing *other = nv_listing_ref(listing);

	(void)state;
	assert_ptr_equal(listing, other);
	for (int i = 999; i >= 0; i--) {
		char name[16];
		(void)snprintf(name, sizeof(name), "n%03d", i);
		assert_int_equal(nv_listing_add(listing, &file_row, strdup(name), NULL), 0);
	}
	nv_listing_sort(listing);
	assert_string_equal(listing->entries[0].name, "n000");
	assert_string_equal(nv_listing_find(listing, "n517")->name, "n517");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorts_bytewise_and_own_last),
		cmocka_unit_test(test_find_in_an_empty_one),
		cmocka_unit_test(test_entry_takes_what_the_blob_says),
		cmocka_unit_test(test_growth),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
