/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading netdox/: each kind of path against keys that were stored directly.
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

#define NAME "netdox/dns/lan/host.example"

static void seed_name(struct netdox_fixture *f)
{
	redis_do(f, "SADD", "dns", "[lan]host.example", NULL);
	redis_do(f, "SADD", "dns;[lan]host.example;plugins", "scan", "dns", "empty", NULL);
	redis_do(f, "SADD", "dns;[lan]host.example;dns", "A", "TXT", NULL);
	redis_do(f, "SADD", "dns;[lan]host.example;scan", "MX", NULL);
	redis_do(f, "SADD", "dns;[lan]host.example;dns;A", "[lan]10.0.0.2", "[lan]10.0.0.1", NULL);
	redis_do(f, "SADD", "dns;[lan]host.example;dns;TXT", "v=spf1 -all", NULL);
	redis_do(f, "SADD", "dns;[lan]host.example;maps", "[wan]b", "[wan]a", NULL);
	redis_do(f, "SADD", "meta", "[lan]host.example", NULL);
	redis_do(f, "HSET", "meta;[lan]host.example", "owner", "ann", "note", "", "aa:bb", "up",
	         NULL);
}

static void test_root(void **state)
{
	struct netdox_fixture *f = *state;

	assert_names(f, "netdox", "dns nodes orphans processed reports");
	assert_gone(f, "netdox/default_network");
	assert_gone(f, "netdox/changelog");
	assert_gone(f, "netdox/dns_nodes");
	redis_do(f, "SET", "default_network", "lan", NULL);
	redis_do(f, "XADD", "changelog", "5-1", "change", "create dns name", "value", "[lan]a",
	         "plugin", "p", NULL);
	redis_do1(f, "HSET", "dns_nodes", "[lan]a", "nodes;x", "[lan]b", "y", NULL);
	nv_netdox_forget(f->netdox);
	assert_names(f, "netdox",
	             "changelog default_network dns dns_nodes nodes orphans processed reports");
	assert_text(f, "netdox/default_network", "lan\n");
	assert_text(f, "netdox/dns_nodes", "[lan]a: nodes;x\n[lan]b: y\n");
	assert_text(
		f, "netdox/changelog",
		"{\"id\":\"5-1\",\"change\":\"create dns name\",\"value\":\"[lan]a\","
	            "\"plugin\":\"p\"}\n");
}

static void test_dns_name(void **state)
{
	struct netdox_fixture *f = *state;

	seed_name(f);
	redis_do(f, "SADD", "dns", "[wan]x", "[lan]a", NULL);
	assert_names(f, "netdox/dns", "lan wan");
	assert_names(f, "netdox/dns/lan", "a host.example");
	assert_names(f, NAME, "maps meta records");
	assert_text(
		f, NAME "/records",
		"dns A [lan]10.0.0.1\ndns A [lan]10.0.0.2\ndns TXT v=spf1 -all\nempty\nscan MX\n");
	assert_text(f, NAME "/maps", "[wan]a\n[wan]b\n");
	assert_text(f, NAME "/meta", "aa:bb: up\nnote:\nowner: ann\n");
	assert_names(f, "netdox/dns/lan/a", "");
	assert_gone(f, "netdox/dns/lan/b");
	assert_gone(f, "netdox/dns/lon");
	assert_gone(f, "netdox/dns/lan/a/records");
	assert_names(f, NAME "/pdata", "");
}

static void test_node_link(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "[lan]a", "[lan]b", "[lan]c", NULL);
	redis_do1(f, "HSET", "dns_nodes", "[lan]a", "nodes;web/1", "[lan]b", "plain", NULL);
	assert_names(f, "netdox/dns/lan/a", "node");
	assert_text(f, "netdox/dns/lan/a/node", "../../../processed/web%2F1");
	assert_text(f, "netdox/dns/lan/b/node", "../../../processed/plain");
	assert_gone(f, "netdox/dns/lan/c/node");
}

static void test_plugin_data(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "pdata;dns;[lan]a", "str", "lst", "map", "nolist", "nothing", "set",
	         NULL);
	redis_do(f, "SET", "pdata;dns;[lan]a;str", "two\nlines\n", NULL);
	redis_do(f, "HSET", "pdata;dns;[lan]a;str;details", "type", "string", "plugin", "p",
	         "content_type", "plain", "title", "T", NULL);
	redis_do(f, "RPUSH", "pdata;dns;[lan]a;lst", "b", "a", "b", NULL);
	redis_do(f, "HSET", "pdata;dns;[lan]a;lst;details", "type", "list", NULL);
	redis_do(f, "HSET", "pdata;dns;[lan]a;map", "k", "v", "a", "b", NULL);
	redis_do(f, "HSET", "pdata;dns;[lan]a;nolist;details", "type", "list", NULL);
	redis_do(f, "SADD", "pdata;dns;[lan]a;set", "m", "k", NULL);
	assert_names(f, "netdox/dns/lan/a", "pdata");
	assert_names(f, "netdox/dns/lan/a/pdata", "lst map nolist nothing set str");
	assert_text(
		f, "netdox/dns/lan/a/pdata/str",
		"---\ntype: string\nplugin: p\ntitle: T\ncontent_type: plain\n---\ntwo\nlines\n\n");
	assert_text(f, "netdox/dns/lan/a/pdata/lst", "---\ntype: list\n---\nb\na\nb\n");
	assert_text(f, "netdox/dns/lan/a/pdata/map", "--- hash\n---\na: b\nk: v\n");
	assert_text(f, "netdox/dns/lan/a/pdata/nolist", "---\ntype: list\n---\n");
	assert_text(f, "netdox/dns/lan/a/pdata/nothing", "--- none\n---\n");
	assert_text(f, "netdox/dns/lan/a/pdata/set", "--- set\n---\nk\nm\n");
}

static void test_nodes(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "nodes", "[lan]a;[lan]b;scan", NULL);
	redis_do(f, "SADD", "nodes;[lan]a;[lan]b;scan", "scan", "bare", NULL);
	redis_do(f, "HSET", "nodes;[lan]a;[lan]b;scan;scan", "name", "A", "plugin", "scan",
	         "exclusive", "true", "link_id", "x", NULL);
	redis_do(f, "SADD", "meta", "[lan]a;[lan]b;scan", NULL);
	redis_do(f, "SADD", "pdata;node;[lan]a;[lan]b;scan", "uptime", NULL);
	redis_do(f, "SET", "pdata;node;[lan]a;[lan]b;scan;uptime", "1", NULL);
	assert_names(f, "netdox/nodes", "[lan]a;[lan]b;scan");
	assert_names(f, "netdox/nodes/[lan]a;[lan]b;scan", "meta pdata plugins");
	assert_names(f, "netdox/nodes/[lan]a;[lan]b;scan/plugins", "bare scan");
	assert_text(f, "netdox/nodes/[lan]a;[lan]b;scan/plugins/scan",
	            "exclusive: true\nlink_id: x\nname: A\nplugin: scan\n");
	assert_text(f, "netdox/nodes/[lan]a;[lan]b;scan/plugins/bare", "");
	assert_text(f, "netdox/nodes/[lan]a;[lan]b;scan/meta", "");
	assert_text(f, "netdox/nodes/[lan]a;[lan]b;scan/pdata/uptime", "--- string\n---\n1\n");
	assert_gone(f, "netdox/nodes/[lan]a;scan");
}

/* The page's type column says that this index is a hash. */
static void test_node_data_indexed_by_a_hash(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "nodes", "[lan]a;scan", NULL);
	redis_do(f, "HSET", "pdata;node;[lan]a;scan", "one", "x", "two", "y", NULL);
	redis_do(f, "SET", "pdata;node;[lan]a;scan;one", "1", NULL);
	assert_names(f, "netdox/nodes/[lan]a;scan/pdata", "one two");
	assert_text(f, "netdox/nodes/[lan]a;scan/pdata/one", "--- string\n---\n1\n");
	assert_text(f, "netdox/orphans/0/pdata;node;[lan]a;scan",
	            "--- hash\n---\none: x\ntwo: y\n");
}

static void test_processed(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do1(f, "SADD", "nodes", "web-1", NULL);
	redis_do1(f, "SET", "nodes;web-1", "Web 1", NULL);
	redis_do1(f, "SADD", "nodes;web-1;alt_names", "b", "a", NULL);
	redis_do1(f, "SADD", "nodes;web-1;dns_names", "[lan]a", NULL);
	redis_do1(f, "SADD", "nodes;web-1;raw_keys", "nodes;[lan]a;scan", NULL);
	assert_names(f, "netdox/processed", "web-1");
	assert_names(f, "netdox/processed/web-1", "alt_names dns_names name raw_keys");
	assert_text(f, "netdox/processed/web-1/name", "Web 1\n");
	assert_text(f, "netdox/processed/web-1/alt_names", "a\nb\n");
	assert_gone(f, "netdox/processed/web-1/plugins");
	assert_gone(f, "netdox/processed/web-2");
}

static void test_reports(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "reports", "weekly", "empty", NULL);
	redis_do(f, "SET", "reports;weekly", "text", NULL);
	redis_do(f, "HSET", "reports;weekly;details", "plugin", "p", "type", "string", NULL);
	assert_names(f, "netdox/reports", "empty weekly");
	assert_text(f, "netdox/reports/weekly", "---\ntype: string\nplugin: p\n---\ntext\n");
	assert_text(f, "netdox/reports/empty", "--- none\n---\n");
	assert_gone(f, "netdox/reports/monthly");
}

static void assert_mtime(struct netdox_fixture *f, const char *path, bool stamped, long sec,
                         long nsec)
{
	struct nv_blob *blob cleanup_blob = NULL;

	assert_int_equal(path_load(f, path, &blob), 0);
	assert_int_equal(blob->stamped, stamped);
	if (stamped) {
		assert_int_equal(blob->mtime.tv_sec, sec);
		assert_int_equal(blob->mtime.tv_nsec, nsec);
	}
}

static void test_times(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "dns;[lan]a;plugins", "p", NULL);
	redis_do(f, "SADD", "dns;[lan]a;p", "A", NULL);
	redis_do(f, "HSET", "last-modified", "dns;[lan]a;plugins", "1970-01-01T00:16:40Z", NULL);
	assert_mtime(f, "netdox/dns/lan/a/records", false, 0, 0); /* one key has none */
	redis_do(f, "HSET", "last-modified", "dns;[lan]a;p", "1970-01-01T01:20:00.250+01:00", NULL);
	nv_netdox_forget(f->netdox);
	assert_mtime(f, "netdox/dns/lan/a/records", true, 1200, 250000000);
	redis_do(f, "HSET", "last-modified", "dns;[lan]a;p", "yesterday", NULL);
	nv_netdox_forget(f->netdox);
	assert_mtime(f, "netdox/dns/lan/a/records", false, 0, 0);
	redis_do(f, "SADD", "meta", "[lan]a", NULL);
	assert_mtime(f, "netdox/dns/lan/a/meta", false, 0, 0); /* no key, no time */
	redis_do1(f, "SADD", "nodes", "x", NULL);
	redis_do1(f, "SET", "nodes;x", "X", NULL);
	redis_do(f, "HSET", "last-modified", "nodes;x", "1970-01-01T00:16:40Z", NULL);
	assert_mtime(f, "netdox/processed/x/name", false, 0,
	             0); /* that is the time of a key of the main database */
}

static void add_entry(struct netdox_fixture *f, const char *id)
{
	redis_do(f, "XADD", "changelog", id, "change", "c", NULL);
}

static void test_changelog_grows(void **state)
{
	struct netdox_fixture *f = *state;

	remount(f, 2, false);
	add_entry(f, "1-1");
	add_entry(f, "2-1");
	add_entry(f, "3-1");
	assert_text(f, "netdox/changelog",
	            "{\"id\":\"2-1\",\"change\":\"c\"}\n{\"id\":\"3-1\",\"change\":\"c\"}\n");
	add_entry(f, "3-18446744073709551615");
	add_entry(f, "4-0");
	trips(f);
	assert_text(
		f, "netdox/changelog",
		"{\"id\":\"2-1\",\"change\":\"c\"}\n{\"id\":\"3-1\",\"change\":\"c\"}\n"
		"{\"id\":\"3-18446744073709551615\",\"change\":\"c\"}\n"
	            "{\"id\":\"4-0\",\"change\":\"c\"}\n");
	assert_int_equal(trips(f), 1);
	/* Trimmed behind us: what was shown stays. */
	redis_do(f, "XTRIM", "changelog", "MAXLEN", "0", NULL);
	add_entry(f, "5-0");
	struct nv_blob *blob cleanup_blob = NULL;
	assert_int_equal(path_load(f, "netdox/changelog", &blob), 0);
	assert_non_null(strstr(blob->text, "\"2-1\""));
	assert_non_null(strstr(blob->text, "\"5-0\""));
}

static void test_changelog_begun_anew(void **state)
{
	struct netdox_fixture *f = *state;

	add_entry(f, "7-1");
	assert_text(f, "netdox/changelog", "{\"id\":\"7-1\",\"change\":\"c\"}\n");
	redis_do(f, "DEL", "changelog", NULL);
	assert_gone(f, "netdox/changelog");
	add_entry(f, "7-2");
	assert_text(f, "netdox/changelog", "{\"id\":\"7-2\",\"change\":\"c\"}\n");
	redis_do(f, "DEL", "changelog", NULL);
	add_entry(f, "3-1");
	assert_text(f, "netdox/changelog", "{\"id\":\"3-1\",\"change\":\"c\"}\n");
	redis_do(f, "DEL", "changelog", NULL);
	redis_do(f, "SET", "changelog", "x", NULL);
	struct nv_blob *blob cleanup_blob = NULL;
	assert_int_equal(path_load(f, "netdox/changelog", &blob), -EIO);
	assert_names(f, "netdox", "changelog dns nodes orphans processed reports");
	assert_text(f, "netdox/orphans/0/changelog", "--- string\n---\nx\n");
}

static void test_other_layout_is_refused(void **state)
{
	struct netdox_fixture *f = *state;

	assert_int_equal(nv_netdox_probe(f->netdox, &f->err), 0);
	seed_name(f);
	assert_int_equal(nv_netdox_probe(f->netdox, &f->err), 0);
	redis_do(f, "SADD", "dns", "[lan]a", "[lan]b", NULL);
	redis_do(f, "SADD", "dns;[lan]a", "p", NULL);
	redis_do(f, "SADD", "dns;[lan]b", "p", NULL);
	assert_int_equal(nv_netdox_probe(f->netdox, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.msg, "layout"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, netdox_setup, netdox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_root),
		TEST(test_dns_name),
		TEST(test_node_link),
		TEST(test_plugin_data),
		TEST(test_nodes),
		TEST(test_node_data_indexed_by_a_hash),
		TEST(test_processed),
		TEST(test_reports),
		TEST(test_times),
		TEST(test_changelog_grows),
		TEST(test_changelog_begun_anew),
		TEST(test_other_layout_is_refused),
	};

	netdox_need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
