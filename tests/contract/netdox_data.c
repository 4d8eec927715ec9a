/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing plugin data and reports, and what becomes of changes that meet: merges, and conflicts
 * that are told.
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

#include <cmocka.h>

#include "base/buf.h"
#include "contract/netdox_fixture.h"

#define A "netdox/dns/lan/a"
#define KEY "pdata;dns;[lan]a;x"
#define NODE "netdox/nodes/[lan]a;scan"

static void make_a(struct netdox_fixture *f)
{
	assert_int_equal(path_mkdir(f, A), 0);
	assert_log(f, "create dns name,[lan]a,netviewfs", NULL);
}

static void test_string(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: string\nplugin: p\n---\ntext\n"),
	                 0);
	assert_log(f, "updated plugin data string," KEY ",p", NULL);
	assert_key(f, "pdata;dns;[lan]a", "set x");
	assert_key(f, KEY, "string text");
	assert_key(f, KEY ";details", "hash plugin=p|type=string");
	assert_stamped(f, "pdata;dns;[lan]a", true);
	assert_stamped(f, KEY, true);
	assert_stamped(f, KEY ";details", true);
	redis_do(f, "EXPIRE", KEY, "1000", NULL);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: string\nplugin: p\n---\nother\n"),
	                 0);
	assert_log(f, "updated plugin data string," KEY ",p", NULL);
	assert_key(f, KEY, "string other");
	assert_int_equal(
		path_write(f, A "/pdata/x", "---\ntype: string\nplugin: q\ntitle: T\n---\nother\n"),
		0);
	assert_log(f, "updated plugin data string," KEY ",q", NULL);
	assert_key(f, KEY ";details", "hash plugin=q|title=T|type=string");
	assert_int_equal(
		path_write(f, A "/pdata/x", "---\ntype: string\nplugin: q\ntitle: T\n---\nother\n"),
		0);
	assert_log(f, NULL);
	assert_int_equal(path_rmdir(f, A), -ENOTEMPTY);
	assert_int_equal(path_rmdir(f, A "/pdata"), -ENOTEMPTY);
	assert_int_equal(path_unlink(f, A "/pdata/x", NULL, false), 0);
	assert_log(f, "delete plugin data," KEY ",q", NULL);
	assert_key(f, KEY, "none");
	assert_key(f, KEY ";details", "none");
	assert_key(f, "pdata;dns;[lan]a", "none");
	assert_stamped(f, KEY, false);
	assert_stamped(f, KEY ";details", false);
	assert_int_equal(path_rmdir(f, A "/pdata"), 0);
	assert_int_equal(path_rmdir(f, A), 0);
}

static void test_times_to_live_stay(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: string\n---\na\n"), 0);
	redis_do(f, "EXPIRE", KEY, "1000", NULL);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: string\n---\nb\n"), 0);
	assert_lives(f, KEY, true);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: list\n---\nb\n"), 0);
	assert_lives(f, KEY, true);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: list\n---\nc\nw\n"), 0);
	assert_lives(f, KEY, true);
	assert_int_equal(path_rename(f, A "/pdata/x", A "/pdata/y", false), 0);
	assert_lives(f, "pdata;dns;[lan]a;y", true);
	assert_lives(f, "pdata;dns;[lan]a;y;details", false);
	assert_int_equal(path_write(f, A "/meta", "a: b\n"), 0);
	redis_do(f, "EXPIRE", "meta;[lan]a", "1000", NULL);
	assert_int_equal(path_write(f, A "/meta", "a: c\nw: e\n"), 0);
	assert_lives(f, "meta;[lan]a", true);
}

static void test_lists_maps_and_types(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: list\nplugin: p\n---\nb\na\nb\n"),
	                 0);
	assert_log(f, "updated plugin data list," KEY ",p", NULL);
	assert_key(f, KEY, "list b|a|b");
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: list\nplugin: p\n---\na\n\n b\n"),
	                 0);
	assert_key(f, KEY, "list a|b");
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: list\nplugin: p\n---\n"), 0);
	assert_key(f, KEY, "none");
	assert_stamped(f, KEY, false);
	assert_text(f, A "/pdata/x", "---\ntype: list\nplugin: p\n---\n");
	assert_int_equal(
		path_write(f, A "/pdata/x", "---\ntype: hash\nplugin: p\n---\nk: v\nl: w\n"), 0);
	assert_key(f, KEY, "hash k=v|l=w");
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: string\nplugin: p\n---\ns\n"), 0);
	assert_key(f, KEY, "string s");
	assert_log(f, "updated plugin data list," KEY ",p", "updated plugin data list," KEY ",p",
	           "updated plugin data map," KEY ",p", "updated plugin data string," KEY ",p",
	           NULL);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: set\nplugin: p\n---\ns\n"),
	                 -EINVAL);
	assert_int_equal(path_write(f, A "/pdata/y", "--- zset\n---\n1 s\n"), -EINVAL);
	assert_int_equal(path_write(f, A "/pdata/y", "--- none\n---\n"), -EINVAL);
	assert_int_equal(path_write(f, A "/pdata/y", "--- string name\n---\ns\n"), -EINVAL);
	assert_log(f, NULL);
	assert_int_equal(path_accepts(f, A "/pdata/a;b"), -EINVAL);
	assert_int_equal(path_accepts(f, A "/pdata/%"), -EINVAL);
	assert_int_equal(path_accepts(f, A "/pdata/ok"), 0);
}

/* What other programs stored in other types can be edited by member. */
static void test_sets_and_sorted_sets(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	redis_do(f, "SADD", "pdata;dns;[lan]a", "x", "z", "s", NULL);
	redis_do(f, "SADD", KEY, "a", "b", NULL);
	redis_do(f, "ZADD", "pdata;dns;[lan]a;z", "1.5", "m", "2", "n", NULL);
	redis_do(f, "XADD", "pdata;dns;[lan]a;s", "1-1", "f", "v", NULL);
	assert_int_equal(path_write(f, A "/pdata/x", "--- set\n---\nb\nc\nw\n"), 0);
	assert_key(f, KEY, "set b|c|w");
	assert_log(f, "updated plugin data set," KEY ",netviewfs",
	           "updated plugin data set," KEY ",netviewfs",
	           "updated plugin data set," KEY ",netviewfs", NULL);
	assert_text(f, A "/pdata/z", "--- zset\n---\n1.5 m\n2 n\n");
	assert_int_equal(path_write(f, A "/pdata/z", "--- zset\n---\n1.5 m\n3 n\n7 o\n"), 0);
	assert_text(f, A "/pdata/z", "--- zset\n---\n1.5 m\n3 n\n7 o\n");
	assert_log(f, "updated plugin data zset,pdata;dns;[lan]a;z,netviewfs", NULL);
	assert_text(f, A "/pdata/s", "--- stream\n---\n{\"id\":\"1-1\",\"f\":\"v\"}\n");
	assert_int_equal(path_write(f, A "/pdata/s", "--- stream\n---\n"), -EINVAL);
	assert_int_equal(path_write(f, A "/pdata/s",
	                            "--- stream\ntitle: T\n---\n{\"id\":\"1-1\",\"f\":\"v\"}\n"),
	                 0);
	assert_key(f, "pdata;dns;[lan]a;s;details", "hash title=T");
	assert_int_equal(path_unlink(f, A "/pdata/s", NULL, false), 0);
	assert_key(f, "pdata;dns;[lan]a;s", "none");
	assert_key(f, "pdata;dns;[lan]a", "set x|z");
}

static void test_node_data(void **state)
{
	struct netdox_fixture *f = *state;

	assert_int_equal(path_mkdir(f, NODE), 0);
	assert_log(f, "create plugin node,nodes;[lan]a;scan;scan,scan", NULL);
	assert_int_equal(path_write(f, NODE "/pdata/x", "---\ntype: string\n---\nv\n"), 0);
	assert_log(f, "updated plugin data string,pdata;node;[lan]a;scan;x,netviewfs", NULL);
	assert_key(f, "pdata;node;[lan]a;scan", "set x");
	assert_int_equal(path_unlink(f, NODE "/pdata/x", NULL, false), 0);
	redis_do(f, "HSET", "pdata;node;[lan]a;scan", "one", "1", NULL);
	assert_int_equal(path_write(f, NODE "/pdata/two", "---\ntype: string\n---\nv\n"), 0);
	assert_key(f, "pdata;node;[lan]a;scan", "hash one=1|two=");
	assert_int_equal(path_unlink(f, NODE "/pdata/one", NULL, false), 0);
	assert_key(f, "pdata;node;[lan]a;scan", "hash two=");
}

static void test_reports(void **state)
{
	struct netdox_fixture *f = *state;

	assert_int_equal(
		path_write(f, "netdox/reports/r", "---\ntype: string\nplugin: p\n---\nv\n"), 0);
	assert_log(f, "create report,reports;r,p", NULL);
	assert_key(f, "reports", "set r");
	assert_key(f, "reports;r", "string v");
	assert_key(f, "reports;r;details", "hash plugin=p|type=string");
	assert_int_equal(
		path_write(f, "netdox/reports/r", "---\ntype: string\nplugin: p\n---\nw\n"), 0);
	assert_log(f, "updated plugin data string,reports;r,p", NULL);
	assert_int_equal(path_rename(f, "netdox/reports/r", "netdox/reports/s", false), 0);
	assert_log(f, "create report,reports;s,p", "delete report,reports;r,p", NULL);
	assert_key(f, "reports", "set s");
	assert_key(f, "reports;s;details", "hash plugin=p|type=string");
	assert_key(f, "reports;r;details", "none");
	assert_stamped(f, "reports;s", true);
	assert_stamped(f, "reports;r", false);
	assert_gone(f, "netdox/reports/r");
	assert_int_equal(path_unlink(f, "netdox/reports/s", NULL, false), 0);
	assert_log(f, "delete report,reports;s,p", NULL);
	assert_key(f, "reports", "none");
}

static void test_rename(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/b"), 0);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: list\nplugin: p\n---\n1\n"), 0);
	assert_int_equal(path_write(f, A "/pdata/y", "---\ntype: hash\ntitle: gone\n---\nk: v\n"),
	                 0);
	redis_do(f, "EXPIRE", KEY, "1000", NULL);
	assert_log(f, "create dns name,[lan]b,netviewfs", "updated plugin data list," KEY ",p",
	           "updated plugin data map,pdata;dns;[lan]a;y,netviewfs", NULL);
	assert_int_equal(path_rename(f, A "/pdata/x", A "/pdata/y", false), -EEXIST);
	assert_int_equal(path_rename(f, A "/pdata/x", A "/pdata/y", true), 0);
	assert_log(f, "updated plugin data list,pdata;dns;[lan]a;y,p",
	           "delete plugin data," KEY ",p", NULL);
	assert_key(f, "pdata;dns;[lan]a", "set y");
	assert_key(f, "pdata;dns;[lan]a;y", "list 1");
	assert_key(f, "pdata;dns;[lan]a;y;details", "hash plugin=p|type=list");
	assert_key(f, KEY, "none");
	assert_int_equal(path_rename(f, A "/pdata/y", "netdox/dns/lan/b/pdata/y", false), -EXDEV);
	assert_int_equal(path_rename(f, A "/pdata/y", "netdox/reports/y", false), -EXDEV);
	assert_int_equal(path_rename(f, A "/pdata/y", A "/pdata/a;b", false), -EINVAL);
	assert_int_equal(path_rename(f, A "/pdata/none", A "/pdata/z", false), -ENOENT);
	assert_log(f, NULL);
}

/* --- changes that meet --- */

/* Loads base, lets another change the store, then saves over it. */
struct meeting {
	struct nv_blob *base;
	struct nv_save_result result;
};

static struct meeting read_base(struct netdox_fixture *f, const char *path)
{
	struct meeting m = { .base = NULL };

	assert_int_equal(path_load(f, path, &m.base), 0);
	return m;
}

static void end(struct meeting *m)
{
	nv_blob_unref(m->base);
	nv_save_result_release(&m->result);
}

static void test_sets_merge(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/records", "dns A [lan]1\ndns A [lan]2\n"), 0);
	struct meeting m = read_base(f, A "/records");
	redis_do(f, "SADD", "dns;[lan]a;dns;A", "[lan]9", NULL);
	redis_do(f, "SREM", "dns;[lan]a;dns;A", "[lan]1", NULL);
	assert_int_equal(
		path_save(f, A "/records", m.base, "dns A [lan]1\ndns A [lan]3\n", &m.result), 0);
	/* The other's removal of 1 and addition of 9 stand, and so do ours of 2 and 3. */
	assert_string_equal(m.result.blob->text, "dns A [lan]3\ndns A [lan]9\n");
	assert_true(m.result.changed);
	end(&m);
	m = read_base(f, A "/records");
	redis_do(f, "SADD", "dns;[lan]a;dns;A", "[lan]late", NULL);
	assert_int_equal(path_unlink(f, A "/records", m.base, false), 0);
	assert_text(f, A "/records", "dns A [lan]late\n");
	end(&m);
}

static void test_fields_merge_or_clash(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/meta", "a: 1\nb: 1\nc: 1\n"), 0);
	struct meeting m = read_base(f, A "/meta");
	redis_do(f, "HSET", "meta;[lan]a", "a", "2", "w", "2", NULL);
	redis_do(f, "HDEL", "meta;[lan]a", "c", NULL);
	assert_int_equal(path_save(f, A "/meta", m.base, "a: 1\nb: 3\n", &m.result), 0);
	assert_string_equal(m.result.blob->text, "a: 2\nb: 3\nw: 2\n");
	end(&m);
	assert_log(f, "updated metadata,meta;[lan]a,netviewfs",
	           "updated metadata,meta;[lan]a,netviewfs", NULL);

	m = read_base(f, A "/meta");
	redis_do(f, "HSET", "meta;[lan]a", "a", "theirs", NULL);
	assert_int_equal(path_save(f, A "/meta", m.base, "a: mine\nb: mine\nw: 2\n", &m.result),
	                 -ESTALE);
	assert_string_equal(m.result.theirs->text, "a: theirs\nb: 3\nw: 2\n");
	assert_key(f, "meta;[lan]a", "hash a=theirs|b=3|w=2"); /* nothing of it was written */
	end(&m);

	m = read_base(f, A "/meta");
	redis_do(f, "HSET", "meta;[lan]a", "a", "same", NULL);
	assert_int_equal(path_save(f, A "/meta", m.base, "a: same\nb: 3\nw: 2\n", &m.result), 0);
	assert_false(m.result.changed); /* both did the same */
	end(&m);
	assert_log(f, NULL);

	m = read_base(f, A "/meta");
	redis_do(f, "HSET", "meta;[lan]a", "b", "4", NULL);
	assert_int_equal(path_save(f, A "/meta", m.base, "a: same\nb: 4\nw: 2\n", &m.result),
	                 -ESTALE); /* both counted from 3 */
	end(&m);
	assert_log(f, NULL);
}

static void test_deleted_meanwhile(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/meta", "a: 1\n"), 0);
	struct meeting m = read_base(f, A "/meta");
	redis_do(f, "SREM", "meta", "[lan]a", NULL);
	redis_do(f, "DEL", "meta;[lan]a", NULL);
	assert_int_equal(path_save(f, A "/meta", m.base, "a: 1\nb: 2\n", &m.result), -ESTALE);
	assert_null(m.result.theirs);
	assert_key(f, "meta;[lan]a", "none");
	assert_int_equal(path_unlink(f, A "/meta", m.base, false), -ENOENT);
	/* Nothing of one's own to save: the deletion stands. */
	assert_int_equal(path_save(f, A "/meta", m.base, "a: 1\n", &m.result), 0);
	assert_null(m.result.blob);
	assert_false(m.result.changed);
	end(&m);
	assert_log(f, "updated metadata,meta;[lan]a,netviewfs", NULL);
}

static void test_whole_values_clash(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: list\n---\na\n"), 0);
	struct meeting m = read_base(f, A "/pdata/x");
	redis_do(f, "RPUSH", KEY, "theirs", NULL);
	assert_int_equal(
		path_save(f, A "/pdata/x", m.base, "---\ntype: list\n---\nmine\n", &m.result),
		-ESTALE);
	assert_string_equal(m.result.theirs->text, "---\ntype: list\n---\na\ntheirs\n");
	assert_int_equal(path_unlink(f, A "/pdata/x", m.base, false), -ESTALE);
	assert_key(f, KEY, "list a|theirs");
	/* The header alone may change beside the other's change of the body. */
	nv_save_result_release(&m.result);
	assert_int_equal(path_save(f, A "/pdata/x", m.base, "---\ntype: list\ntitle: T\n---\na\n",
	                           &m.result),
	                 0);
	assert_string_equal(m.result.blob->text, "---\ntype: list\ntitle: T\n---\na\ntheirs\n");
	end(&m);
	m = read_base(f, A "/pdata/x");
	redis_do(f, "RPUSH", KEY, "same", NULL);
	assert_int_equal(path_save(f, A "/pdata/x", m.base,
	                           "---\ntype: list\ntitle: T\n---\na\ntheirs\nsame\n", &m.result),
	                 -ESTALE); /* two lines were added, not one */
	end(&m);

	assert_int_equal(path_write(f, "netdox/default_network", "lan\n"), 0);
	m = read_base(f, "netdox/default_network");
	redis_do(f, "SET", "default_network", "wan", NULL);
	assert_int_equal(path_save(f, "netdox/default_network", m.base, "dmz\n", &m.result),
	                 -ESTALE);
	assert_string_equal(m.result.theirs->text, "wan\n");
	end(&m);
}

/* Two that create the same file: what does not differ is one, what differs is told. */
static void test_created_by_two(void **state)
{
	struct netdox_fixture *f = *state;
	struct nv_save_result result = { .changed = false };

	make_a(f);
	assert_int_equal(path_write(f, A "/meta", "a: 1\n"), 0);
	assert_int_equal(path_save(f, A "/meta", NULL, "b: 2\n", &result), 0);
	assert_string_equal(result.blob->text, "a: 1\nb: 2\n");
	nv_save_result_release(&result);
	assert_int_equal(path_save(f, A "/meta", NULL, "a: 2\n", &result), -ESTALE);
	nv_save_result_release(&result);
	assert_int_equal(path_write(f, A "/pdata/x", "---\ntype: string\n---\na\n"), 0);
	assert_int_equal(path_save(f, A "/pdata/x", NULL, "---\ntype: string\n---\nb\n", &result),
	                 -ESTALE);
	assert_string_equal(result.theirs->text, "---\ntype: string\n---\na\n");
	nv_save_result_release(&result);
	assert_int_equal(path_save(f, A "/records", NULL, "dns A [lan]1\n", &result), 0);
	nv_save_result_release(&result);
	assert_int_equal(path_save(f, A "/records", NULL, "dns A [lan]2\n", &result), 0);
	assert_string_equal(result.blob->text, "dns A [lan]1\ndns A [lan]2\n");
	nv_save_result_release(&result);
}

/* Redis' Lua spreads no more than some 8,000 arguments. */
static void test_long_lists(void **state)
{
	struct netdox_fixture *f = *state;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;

	make_a(f);
	nv_buf_puts(&text, "---\ntype: list\n---\n");
	for (int i = 0; i < 12345; i++) {
		nv_buf_printf(&text, "row %d\n", i);
	}
	assert_int_equal(path_write(f, A "/pdata/x", text.data), 0);
	assert_text(f, A "/pdata/x", text.data);
	nv_buf_puts(&text, "one more\n");
	assert_int_equal(path_write(f, A "/pdata/x", text.data), 0);
	assert_text(f, A "/pdata/x", text.data);
	nv_buf_truncate(&text, 0);
	for (int i = 0; i < 6001; i++) {
		nv_buf_printf(&text, "dns TXT %05d\n", i);
	}
	assert_int_equal(path_write(f, A "/records", text.data), 0);
	assert_text(f, A "/records", text.data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, netdox_setup, netdox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_string),
		TEST(test_times_to_live_stay),
		TEST(test_lists_maps_and_types),
		TEST(test_sets_and_sorted_sets),
		TEST(test_node_data),
		TEST(test_reports),
		TEST(test_rename),
		TEST(test_sets_merge),
		TEST(test_fields_merge_or_clash),
		TEST(test_deleted_meanwhile),
		TEST(test_whole_values_clash),
		TEST(test_created_by_two),
		TEST(test_long_lists),
	};

	netdox_need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
