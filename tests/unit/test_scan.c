/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fs/scan.h"

static int setup(void **state)
{
	struct nv_scans *scans = NULL;
	assert_int_equal(nv_scans_new(&scans), 0);
	*state = scans;
	return 0;
}

static int teardown(void **state)
{
	nv_scans_free(*state);
	return 0;
}

/* A scan of count names, held by nobody else. */
static uint64_t put(struct nv_scans *scans, size_t count)
{
	struct nv_listing *listing = nv_listing_new(0);
	assert_non_null(listing);
	for (size_t i = 0; i < count; i++) {
		char *name = NULL;
		assert_true(asprintf(&name, "%zu", i) > 0);
		assert_int_equal(nv_listing_add(listing, NULL, name, NULL), 0);
	}
	uint64_t number = nv_scans_put(scans, listing);
	nv_listing_unref(listing);
	return number;
}

static bool is_kept(struct nv_scans *scans, uint64_t number)
{
	struct nv_listing *listing = nv_scans_get(scans, number);
	nv_listing_unref(listing);
	return listing != NULL;
}

static void test_small_ones_are_kept(void **state)
{
	struct nv_scans *scans = *state;
	uint64_t first = put(scans, 3);
	assert_true(first > 0 && is_kept(scans, first));
	nv_scans_end(scans, first);
	assert_true(is_kept(scans, first)); /* for who seeks back */
	for (int i = 0; i < 127; i++) {
		(void)put(scans, 3);
	}
	assert_true(is_kept(scans, first));
	(void)put(scans, 3);
	assert_false(is_kept(scans, first));
	assert_false(is_kept(scans, 0));
	assert_false(is_kept(scans, 1000000));
	nv_scans_end(scans, 1000000);
}

static void test_large_ones_go_at_their_end(void **state)
{
	struct nv_scans *scans = *state;
	uint64_t large = put(scans, 5000);
	assert_true(is_kept(scans, large));
	nv_scans_end(scans, large);
	assert_false(is_kept(scans, large));
	nv_scans_end(scans, large);
	assert_true(is_kept(scans, put(scans, 1)));
}

static void test_all_together_are_bounded(void **state)
{
	struct nv_scans *scans = *state;
	uint64_t small = put(scans, 3);
	uint64_t a = put(scans, NV_SCANS_ENTRIES / 2);
	uint64_t b = put(scans, NV_SCANS_ENTRIES / 2 - 3);
	assert_true(is_kept(scans, small) && is_kept(scans, a) && is_kept(scans, b));
	uint64_t c = put(scans, 1);
	assert_false(is_kept(scans, small));
	assert_true(is_kept(scans, a) && is_kept(scans, b) && is_kept(scans, c));
	/* The newest is kept whatever its size. */
	uint64_t d = put(scans, NV_SCANS_ENTRIES + 1);
	assert_true(!is_kept(scans, a) && !is_kept(scans, b) && !is_kept(scans, c) &&
	            is_kept(scans, d));
	uint64_t e = put(scans, 1);
	assert_true(!is_kept(scans, d) && is_kept(scans, e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_small_ones_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_ones_go_at_their_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_together_are_bounded, setup, teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
