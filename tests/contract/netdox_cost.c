/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What reading and saving netdox/ costs in round trips, and that nothing stale is shown for that
 * price.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "contract/netdox_fixture.h"
#include "node/cache.h"

enum { NAMES = 1000 };

/* NAMES DNS names with a record and a note each, stored by a script of the test's own. */
static void seed_names(struct netdox_fixture *f)
{
	static const char script[] = "for i = 0, ARGV[1] - 1 do\n"
				     "	local n = string.format('[lan]host%04d', i)\n"
				     "	redis.call('SADD', 'dns', n)\n"
				     "	redis.call('SADD', 'dns;' .. n .. ';plugins', 'p')\n"
				     "	redis.call('SADD', 'dns;' .. n .. ';p', 'TXT')\n"
				     "	redis.call('SADD', 'dns;' .. n .. ';p;TXT', 'text' .. i)\n"
				     "	redis.call('SADD', 'meta', n)\n"
				     "	redis.call('HSET', 'meta;' .. n, 'i', i)\n"
				     "end\n";
	char count[16];

	snprintf(count, sizeof(count), "%d", NAMES);
	redis_do(f, "EVAL", script, "0", count, NULL);
}

static void look_up(struct netdox_fixture *f, const char *path)
{
	struct nv_entry entry cleanup_entry = { .name = NULL };

	assert_int_equal(path_lookup(f, path, &entry), 0);
}

static size_t list(struct netdox_fixture *f, const char *path)
{
	struct nv_listing *listing cleanup_listing = NULL;

	assert_int_equal(path_list(f, path, &listing), 0);
	return listing->count;
}

static void load(struct netdox_fixture *f, const char *path)
{
	struct nv_blob *blob cleanup_blob = NULL;

	assert_int_equal(path_load(f, path, &blob), 0);
}

static void name_path(char path[128], int i, const char *rest)
{
	snprintf(path, 128, "netdox/dns/lan/host%04d%s", i, rest);
}

static void test_ls_l_of_a_thousand_names(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	look_up(f, "netdox/dns");
	look_up(f, "netdox/dns/lan");
	assert_int_equal(list(f, "netdox/dns/lan"), NAMES);
	for (int i = 0; i < NAMES; i++) {
		char path[128];

		name_path(path, i, "");
		look_up(f, path);
	}
	assert_in_range(trips(f), 1, 8);
}

static void test_walks_read_ahead(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	assert_int_equal(list(f, "netdox/dns/lan"), NAMES);
	trips(f);
	for (int i = 0; i < NAMES; i++) {
		char path[128];

		name_path(path, i, "");
		assert_int_equal(list(f, path), 2);
		name_path(path, i, "/records");
		load(f, path);
		name_path(path, i, "/meta");
		load(f, path);
	}
	/* 1 + 4 + 16 + 64, then 193 at a time; a slow machine's second may end between. */
	assert_in_range(trips(f), 1, 40);
}

static void test_two_walkers_do_not_disturb_each_other(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	assert_int_equal(list(f, "netdox/dns/lan"), NAMES);
	trips(f);
	for (int i = 0; i < NAMES / 2; i++) {
		char path[128];

		name_path(path, i, "");
		assert_int_equal(list(f, path), 2);
		name_path(path, NAMES / 2 + i, "");
		assert_int_equal(list(f, path), 2);
	}
	assert_in_range(trips(f), 2, 60);
}

/* Names beyond the list that is known (or with none known) are read one by one, and rightly. */
static void test_no_list_no_read_ahead(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	look_up(f, "netdox/dns/lan/host0001"); /* sends the script, too */
	trips(f);
	look_up(f, "netdox/dns/lan/host0002");
	look_up(f, "netdox/dns/lan/host0003");
	assert_int_equal(trips(f), 2);
}

static void test_cold_cat(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	look_up(f, "netdox/dns");
	look_up(f, "netdox/dns/lan");
	look_up(f, "netdox/dns/lan/host0500");
	look_up(f, "netdox/dns/lan/host0500/records");
	load(f, "netdox/dns/lan/host0500/records");
	assert_in_range(trips(f), 1, 4);
	look_up(f, "netdox/dns/lan/host0500/meta");
	load(f, "netdox/dns/lan/host0500/meta");
	assert_int_equal(trips(f), 1);
	load(f, "netdox/dns/lan/host0500/meta");
	assert_int_equal(trips(f), 0);
}

static void test_saves(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	redis_do(f, "SET", "default_network", "lan", NULL);
	struct nv_blob *base cleanup_blob = NULL;
	struct nv_save_result result = { .changed = false };
	assert_int_equal(path_load(f, "netdox/dns/lan/host0001/records", &base), 0);
	trips(f);
	assert_int_equal(path_save(f, "netdox/dns/lan/host0001/records", base,
	                           "p TXT text1\np TXT more\n", &result),
	                 0);
	nv_save_result_release(&result);
	assert_in_range(trips(f), 1, 2); /* the first sends the script */
	assert_int_equal(path_save(f, "netdox/dns/lan/host0001/records", base,
	                           "p TXT text1\np TXT again\n", &result),
	                 0);
	nv_save_result_release(&result);
	assert_int_equal(trips(f), 1);
	assert_int_equal(
		path_save(f, "netdox/dns/lan/host0001/records", base, "p A unqualified\n", &result),
		0);
	nv_save_result_release(&result);
	assert_int_equal(trips(f), 2);
}

static void test_orphans_of_a_small_store(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	redis_do(f, "SET", "reports;lost", "x", NULL);
	look_up(f, "netdox/orphans");
	look_up(f, "netdox/orphans/0");
	look_up(f, "netdox/orphans/0/reports;lost");
	load(f, "netdox/orphans/0/reports;lost");
	assert_in_range(trips(f), 1, 5);
	nv_netdox_forget(f->netdox);
	assert_int_equal(list(f, "netdox"), 5);
	assert_in_range(trips(f), 1,
	                2); /* who does not look at the orphans does not pay for them */
}

/* --- and nothing stale --- */

static void test_what_nobody_saw_is_read_anew(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	assert_int_equal(list(f, "netdox/dns/lan"), NAMES);
	look_up(f, "netdox/dns/lan/host0001");
	list(f, "netdox/dns/lan/host0002"); /* 0003 … are read ahead */
	redis_do(f, "HSET", "meta;[lan]host0003", "i", "new", NULL);
	assert_text(f, "netdox/dns/lan/host0003/meta", "i: new\n");
}

static void test_a_foreign_change_shows_within_a_second(void **state)
{
	struct netdox_fixture *f = *state;
	struct nv_entry entry cleanup_entry = { .name = NULL };

	seed_names(f);
	assert_text(f, "netdox/dns/lan/host0001/meta", "i: 1\n");
	redis_do(f, "HSET", "meta;[lan]host0001", "i", "new", NULL);
	nv_clock_advance(f->clock, NV_CACHE_MAX_AGE_MS + 1);
	assert_text(f, "netdox/dns/lan/host0001/meta", "i: new\n");
	/* What has just been made is found at once, also where a listing has just been without
	 * it. */
	list(f, "netdox/dns");
	list(f, "netdox/dns/lan");
	list(f, "netdox/dns/lan/host0001");
	redis_do(f, "SADD", "dns", "[lan]fresh", "[wan]fresh", NULL);
	redis_do(f, "SADD", "dns;[lan]host0001;maps", "[lan]x", NULL);
	assert_text(f, "netdox/dns/lan/host0001/maps", "[lan]x\n");
	assert_int_equal(path_lookup(f, "netdox/dns/wan", &entry), 0);
	nv_entry_release(&entry);
	assert_int_equal(path_lookup(f, "netdox/dns/lan/fresh", &entry), 0);
	redis_do(f, "SREM", "dns", "[lan]host0001", NULL);
	nv_clock_advance(f->clock, NV_CACHE_MAX_AGE_MS + 1);
	assert_gone(f, "netdox/dns/lan/host0001");
}

static void test_own_changes_show_at_once(void **state)
{
	struct netdox_fixture *f = *state;

	seed_names(f);
	list(f, "netdox/dns");
	list(f, "netdox/dns/lan");
	list(f, "netdox/dns/lan/host0001");
	assert_names(f, "netdox/orphans", "");
	assert_int_equal(path_write(f, "netdox/dns/lan/host0001/maps", "[lan]x\n"), 0);
	assert_names(f, "netdox/dns/lan/host0001", "maps meta records");
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/mine"), 0);
	assert_int_equal(list(f, "netdox/dns/lan"), NAMES + 1);
	assert_int_equal(path_mkdir(f, "netdox/dns/new"), 0);
	assert_names(f, "netdox/dns", "lan new");
	assert_int_equal(path_mkdir(f, "netdox/dns/new/a"), 0);
	assert_names(f, "netdox/dns/new", "a");
	assert_int_equal(path_rmdir(f, "netdox/dns/new/a"), 0);
	assert_names(f, "netdox/dns/new", "");
	assert_int_equal(path_mkdir(f, "netdox/nodes/[lan]a;p"), 0);
	assert_names(f, "netdox/nodes", "[lan]a;p");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, netdox_setup, netdox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ls_l_of_a_thousand_names),
		TEST(test_walks_read_ahead),
		TEST(test_two_walkers_do_not_disturb_each_other),
		TEST(test_no_list_no_read_ahead),
		TEST(test_cold_cat),
		TEST(test_saves),
		TEST(test_orphans_of_a_small_store),
		TEST(test_what_nobody_saw_is_read_anew),
		TEST(test_a_foreign_change_shows_within_a_second),
		TEST(test_own_changes_show_at_once),
	};

	netdox_need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
