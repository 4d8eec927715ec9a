/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing netdox/: for each kind of path, the keys, types, times to live, entries in order and
 * last-modified after a change.
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

#define A "netdox/dns/lan/a"
#define NODE "netdox/nodes/[lan]a;scan"

static void make_a(struct netdox_fixture *f)
{
	assert_int_equal(path_mkdir(f, A), 0);
	assert_log(f, "create dns name,[lan]a,netviewfs", NULL);
}

static void test_dns_name(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_key(f, "dns", "set [lan]a");
	assert_stamped(f, "dns", true);
	assert_int_equal(path_mkdir(f, A), -EEXIST);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/x;y"), -EINVAL);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/[wan]y"), -EINVAL);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/%"), -EINVAL);
	assert_int_equal(path_mkdir(f, "netdox/dns/%/plain"), -EINVAL);
	assert_int_equal(path_mkdir(f, "netdox/dns/la.n/x"), -EINVAL);
	assert_int_equal(path_rename(f, A, "netdox/dns/lan/b", false), -EXDEV);
	assert_int_equal(path_rmdir(f, A), 0);
	assert_log(f, "delete dns name,[lan]a,netviewfs", NULL);
	assert_key(f, "dns", "none");
	assert_stamped(f, "dns", false);
	assert_int_equal(path_rmdir(f, A), -ENOENT);
}

static void test_networks_in_memory(void **state)
{
	struct netdox_fixture *f = *state;

	assert_int_equal(path_mkdir(f, "netdox/dns/new"), 0);
	assert_int_equal(path_mkdir(f, "netdox/dns/new"), -EEXIST);
	assert_int_equal(path_mkdir(f, "netdox/dns/n.w"), -EINVAL);
	assert_names(f, "netdox/dns", "new");
	assert_names(f, "netdox/dns/new", "");
	assert_key(f, "dns", "none");
	assert_int_equal(path_mkdir(f, "netdox/dns/new/a"), 0);
	assert_int_equal(path_rmdir(f, "netdox/dns/new"), -ENOTEMPTY);
	assert_int_equal(path_rmdir(f, "netdox/dns/new/a"), 0);
	assert_int_equal(path_rmdir(f, "netdox/dns/new"), 0); /* as rm -r does it */
	assert_int_equal(path_rmdir(f, "netdox/dns/new"), -ENOENT);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/a"), 0);
	assert_int_equal(path_rmdir(f, "netdox/dns/lan/a"), 0);
	nv_clock_advance(f->clock, 2500);
	assert_names(f, "netdox/dns", "");
}

static void test_records_added(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	redis_do(f, "SET", "default_network", "lan", NULL);
	assert_int_equal(
		path_write(
			f, A "/records",
			"scan mx 10 mail\ndns a 10.0.0.1\ndns AAAA fe80::1\ndns TXT a;b\nbare\n"),
		0);
	assert_log(f, "add plugin to dns name,dns;[lan]a;plugins,scan",
	           "add record type to dns name,dns;[lan]a;scan,scan",
	           "create dns record,dns;[lan]a;scan;MX,scan",
	           "add plugin to dns name,dns;[lan]a;plugins,dns",
	           "add record type to dns name,dns;[lan]a;dns,dns",
	           "create dns record,dns;[lan]a;dns;A,dns",
	           "add record type to dns name,dns;[lan]a;dns,dns",
	           "create dns record,dns;[lan]a;dns;AAAA,dns",
	           "add record type to dns name,dns;[lan]a;dns,dns",
	           "create dns record,dns;[lan]a;dns;TXT,dns",
	           "add plugin to dns name,dns;[lan]a;plugins,bare", NULL);
	assert_key(f, "dns;[lan]a;plugins", "set bare|dns|scan");
	assert_key(f, "dns;[lan]a;dns", "set A|AAAA|TXT");
	assert_key(f, "dns;[lan]a;dns;A", "set [lan]10.0.0.1");
	assert_key(f, "dns;[lan]a;dns;AAAA", "set fe80::1");
	assert_key(f, "dns;[lan]a;scan;MX", "set 10 mail");
	assert_stamped(f, "dns;[lan]a;plugins", true);
	assert_stamped(f, "dns;[lan]a;dns", true);
	assert_stamped(f, "dns;[lan]a;dns;A", true);
	assert_text(f, A "/records",
	            "bare\ndns A [lan]10.0.0.1\ndns AAAA fe80::1\ndns TXT a;b\nscan MX 10 mail\n");
	/* The same again, in any order and spelling that means it: nothing. */
	assert_int_equal(
		path_write(
			f, A "/records",
			"bare\ndns A [lan]10.0.0.1\ndns AAAA fe80::1\n  dns  TXT a;b\n"
			            "scan MX 10 mail"),
		0);
	assert_log(f, NULL);
	assert_int_equal(
		path_write(
			f, A "/records",
			"dns a 10.0.0.1\nbare\ndns AAAA fe80::1\ndns TXT a;b\nscan MX 10 mail\n"),
		0);
	assert_log(f, NULL);
}

static void test_records_removed(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(
		path_write(f, A "/records", "dns A [lan]1\ndns A [lan]2\ndns TXT x\nscan MX y\n"),
		0);
	assert_log(f, "add plugin to dns name,dns;[lan]a;plugins,dns",
	           "add record type to dns name,dns;[lan]a;dns,dns",
	           "create dns record,dns;[lan]a;dns;A,dns",
	           "create dns record,dns;[lan]a;dns;A,dns",
	           "add record type to dns name,dns;[lan]a;dns,dns",
	           "create dns record,dns;[lan]a;dns;TXT,dns",
	           "add plugin to dns name,dns;[lan]a;plugins,scan",
	           "add record type to dns name,dns;[lan]a;scan,scan",
	           "create dns record,dns;[lan]a;scan;MX,scan", NULL);
	assert_int_equal(path_write(f, A "/records", "dns A [lan]1\n"), 0);
	assert_log(f, "delete dns record,dns;[lan]a;dns;A,dns",
	           "delete dns record,dns;[lan]a;dns;TXT,dns",
	           "delete dns record,dns;[lan]a;scan;MX,scan",
	           "remove record type from dns name,dns;[lan]a;dns,dns",
	           "remove record type from dns name,dns;[lan]a;scan,scan",
	           "remove plugin from dns name,dns;[lan]a;plugins,scan", NULL);
	assert_key(f, "dns;[lan]a;scan", "none");
	assert_stamped(f, "dns;[lan]a;scan", false);
	assert_stamped(f, "dns;[lan]a;scan;MX", false);
	assert_key(f, "dns;[lan]a;plugins", "set dns");
	assert_int_equal(path_unlink(f, A "/records", NULL, true), 0);
	assert_log(f, NULL);
	assert_int_equal(path_unlink(f, A "/records", NULL, false), 0);
	assert_log(f, "delete dns record,dns;[lan]a;dns;A,dns",
	           "remove record type from dns name,dns;[lan]a;dns,dns",
	           "remove plugin from dns name,dns;[lan]a;plugins,dns", NULL);
	assert_key(f, "dns;[lan]a;plugins", "none");
	assert_gone(f, A "/records");
	assert_int_equal(path_unlink(f, A "/records", NULL, false), -ENOENT);
	assert_key(f, "dns", "set [lan]a");
}

static void test_records_refused(void **state)
{
	struct netdox_fixture *f = *state;
	static const char *const bad[] = { "dns CNAME host\n",   "p;q A x\n", "dns A;B x\n",
		                           "plugins A [lan]x\n", "maps\n",    "\\e A x\n",
		                           "dns \\e x\n" };

	make_a(f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "dns TXT fine\n%s", bad[i]);
		assert_int_equal(path_write(f, A "/records", text), -EINVAL);
		assert_int_equal(f->faults.count, 1);
		assert_int_equal(f->faults.items[0].line, 2);
	}
	assert_log(f, NULL);
	assert_key(f, "dns;[lan]a;plugins", "none");
	redis_do(f, "SET", "default_network", "not a network", NULL);
	assert_int_equal(path_write(f, A "/records", "dns A x\n"), -EINVAL);
	assert_int_equal(path_write(f, "netdox/dns/lan/none/records", "dns A [lan]x\n"), -ENOENT);
	assert_key(f, "dns", "set [lan]a");
}

/* Lines that break today's rules stay when they stood there; only what is added is judged. */
static void test_what_stood_there_stays(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	redis_do(f, "SADD", "dns;[lan]a;plugins", "p;q", "dns", NULL);
	redis_do(f, "SADD", "dns;[lan]a;dns", "a", NULL);
	redis_do(f, "SADD", "dns;[lan]a;dns;a", "unqualified", NULL);
	redis_do(f, "SADD", "dns;[lan]a;maps", "plain", NULL);
	assert_int_equal(path_write(f, A "/records", "dns a unqualified\np;q\ndns TXT new\n"), 0);
	assert_log(f, "add record type to dns name,dns;[lan]a;dns,dns",
	           "create dns record,dns;[lan]a;dns;TXT,dns", NULL);
	assert_key(f, "dns;[lan]a;dns;a", "set unqualified");
	assert_int_equal(path_write(f, A "/maps", "plain\n[wan]a\n"), 0);
	assert_log(f, "updated network mapping,dns;[lan]a;maps,netviewfs", NULL);
	assert_key(f, "dns;[lan]a;maps", "set [wan]a|plain");
	assert_int_equal(path_write(f, A "/maps", "plain\n[wan]a\nother\n"), -EINVAL);
	assert_int_equal(f->faults.items[0].line, 3);
}

static void test_maps(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/maps", "[wan]b\n[wan]a\n"), 0);
	assert_log(f, "updated network mapping,dns;[lan]a;maps,netviewfs",
	           "updated network mapping,dns;[lan]a;maps,netviewfs", NULL);
	assert_key(f, "dns;[lan]a;maps", "set [wan]a|[wan]b");
	assert_stamped(f, "dns;[lan]a;maps", true);
	assert_int_equal(path_write(f, A "/maps", ""), 0);
	assert_log(f, "updated network mapping,dns;[lan]a;maps,netviewfs",
	           "updated network mapping,dns;[lan]a;maps,netviewfs", NULL);
	assert_gone(f, A "/maps");
	assert_stamped(f, "dns;[lan]a;maps", false);
}

static void test_meta(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/meta", "owner: bob\nowner: ann\nnote:\n"), 0);
	assert_log(f, "updated metadata,meta;[lan]a,netviewfs", NULL);
	assert_key(f, "meta", "set [lan]a");
	assert_key(f, "meta;[lan]a", "hash note=|owner=ann");
	assert_stamped(f, "meta", true);
	assert_stamped(f, "meta;[lan]a", true);
	assert_int_equal(path_write(f, A "/meta", "owner: ann\nnote:\n"), 0);
	assert_log(f, NULL);
	assert_int_equal(path_write(f, A "/meta", "owner: cy\nrack: 4\n"), 0);
	assert_log(f, "updated metadata,meta;[lan]a,netviewfs", NULL);
	assert_key(f, "meta;[lan]a", "hash owner=cy|rack=4");
	assert_int_equal(path_rmdir(f, A), -ENOTEMPTY);
	/* Without fields it is there as long as the index names it. */
	assert_int_equal(path_write(f, A "/meta", ""), 0);
	assert_log(f, "updated metadata,meta;[lan]a,netviewfs", NULL);
	assert_text(f, A "/meta", "");
	assert_key(f, "meta;[lan]a", "none");
	assert_stamped(f, "meta;[lan]a", false);
	assert_int_equal(path_rmdir(f, A), -ENOTEMPTY);
	assert_int_equal(path_unlink(f, A "/meta", NULL, false), 0);
	assert_log(f, "delete metadata,meta;[lan]a,netviewfs", NULL);
	assert_key(f, "meta", "none");
	assert_stamped(f, "meta", false);
	assert_int_equal(path_rmdir(f, A), 0);
}

static void test_default_network(void **state)
{
	struct netdox_fixture *f = *state;

	assert_int_equal(path_write(f, "netdox/default_network", "lan\n"), 0);
	assert_log(f, "updated default network,default_network,netviewfs", NULL);
	assert_key(f, "default_network", "string lan");
	assert_stamped(f, "default_network", true);
	assert_int_equal(path_write(f, "netdox/default_network", "lan"), 0);
	assert_log(f, NULL);
	assert_int_equal(path_write(f, "netdox/default_network", ""), -EINVAL);
	assert_int_equal(path_write(f, "netdox/default_network", "two words\n"), -EINVAL);
	assert_int_equal(path_unlink(f, "netdox/default_network", NULL, false), 0);
	assert_log(f, "delete default network,default_network,netviewfs", NULL);
	assert_key(f, "default_network", "none");
}

static void test_node(void **state)
{
	struct netdox_fixture *f = *state;

	assert_int_equal(path_mkdir(f, NODE), 0);
	assert_log(f, "create plugin node,nodes;[lan]a;scan;scan,scan", NULL);
	assert_key(f, "nodes", "set [lan]a;scan");
	assert_key(f, "nodes;[lan]a;scan", "set scan");
	assert_key(f, "nodes;[lan]a;scan;scan", "hash exclusive=false|plugin=scan");
	assert_stamped(f, "nodes", true);
	assert_stamped(f, "nodes;[lan]a;scan", true);
	assert_stamped(f, "nodes;[lan]a;scan;scan", true);
	assert_int_equal(path_mkdir(f, NODE), -EEXIST);
	static const char *const bad[] = {
		"scan",    "[lan]b;[lan]a;scan", "[lan]a;[lan]a;scan", "a;scan",
		"[lan]a;", "[lan]a;maps"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "netdox/nodes/%s", bad[i]);
		assert_int_equal(path_mkdir(f, path), -EINVAL);
	}
	assert_int_equal(path_write(f, NODE "/meta", "k: v\n"), 0);
	assert_log(f, "updated metadata,meta;[lan]a;scan,scan", NULL);
	assert_int_equal(path_rmdir(f, NODE), -ENOTEMPTY);
	assert_int_equal(path_unlink(f, NODE "/meta", NULL, false), 0);
	assert_int_equal(path_unlink(f, NODE "/plugins/scan", NULL, false), 0);
	assert_log(f, "delete metadata,meta;[lan]a;scan,scan",
	           "delete plugin node,nodes;[lan]a;scan;scan,scan", NULL);
	assert_int_equal(path_rmdir(f, NODE), 0);
	assert_log(f, "delete node,[lan]a;scan,scan", NULL);
	assert_key(f, "nodes", "none");
	assert_key(f, "nodes;[lan]a;scan", "none");
	assert_key(f, "nodes;[lan]a;scan;scan", "none");
}

static void test_node_plugin(void **state)
{
	struct netdox_fixture *f = *state;

	assert_int_equal(path_mkdir(f, NODE), 0);
	assert_log(f, "create plugin node,nodes;[lan]a;scan;scan,scan", NULL);
	assert_int_equal(
		path_write(f, NODE "/plugins/other", "name: A\nplugin: other\nexclusive: true\n"),
		0);
	assert_log(f, "create plugin node,nodes;[lan]a;scan;other,other", NULL);
	assert_key(f, "nodes;[lan]a;scan", "set other|scan");
	assert_key(f, "nodes;[lan]a;scan;other", "hash exclusive=true|name=A|plugin=other");
	assert_int_equal(
		path_write(f, NODE "/plugins/other", "name: B\nplugin: other\nexclusive: true\n"),
		0);
	assert_log(f, "updated plugin node,nodes;[lan]a;scan;other,other", NULL);
	assert_int_equal(path_write(f, NODE "/plugins/other", "name: B\nplugin: another\n"),
	                 -EINVAL);
	assert_int_equal(path_rename(f, NODE "/plugins/other", NODE "/plugins/third", false),
	                 -EPERM);
	assert_int_equal(path_accepts(f, NODE "/plugins/maps"), -EINVAL);
	assert_int_equal(path_accepts(f, NODE "/plugins/a;b"), -EINVAL);
	assert_int_equal(path_accepts(f, NODE "/plugins/fine"), 0);
	assert_int_equal(path_unlink(f, NODE "/plugins/other", NULL, false), 0);
	assert_log(f, "delete plugin node,nodes;[lan]a;scan;other,other", NULL);
}

static void test_readonly(void **state)
{
	struct netdox_fixture *f = *state;

	make_a(f);
	assert_int_equal(path_write(f, A "/meta", "k: v\n"), 0);
	assert_int_equal(path_mkdir(f, "netdox/processed/x"), -EPERM);
	remount(f, 0, true);
	assert_log(f, "updated metadata,meta;[lan]a,netviewfs", NULL);
	assert_int_equal(path_write(f, A "/meta", "k: w\n"), -EROFS);
	assert_int_equal(path_unlink(f, A "/meta", NULL, false), -EROFS);
	assert_int_equal(path_unlink(f, A "/meta", NULL, true), -EROFS);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/b"), -EROFS);
	assert_int_equal(path_rmdir(f, A), -EROFS);
	assert_int_equal(path_rename(f, A "/meta", A "/maps", false), -EPERM);
	assert_log(f, NULL);
}

static void test_check(void **state)
{
	struct netdox_fixture *f = *state;
	struct nv_blob *base cleanup_blob = NULL;

	make_a(f);
	redis_do(f, "SADD", "dns;[lan]a;maps", "plain", NULL);
	assert_int_equal(path_load(f, A "/maps", &base), 0);
	trips(f);
	/* A line that is not complete may go on. */
	assert_int_equal(path_check(f, A "/maps", NULL, "[lan]x\n[la", 0, NV_CHECK_PREFIX), 0);
	assert_int_equal(path_check(f, A "/maps", NULL, "[lan]x\n[la", 0, NV_CHECK_WHOLE), -EINVAL);
	assert_int_equal(f->faults.items[0].line, 2);
	assert_int_equal(path_check(f, A "/maps", NULL, "[lan]x\nplain\n[l", 7, NV_CHECK_PREFIX),
	                 -EINVAL);
	assert_int_equal(f->faults.items[0].line, 2);
	assert_int_equal(path_check(f, A "/maps", base, "[lan]x\nplain\n[l", 7, NV_CHECK_PREFIX),
	                 0);
	assert_int_equal(path_check(f, A "/records", NULL, "a;b C d\n", 0, NV_CHECK_PREFIX),
	                 -EINVAL);
	assert_int_equal(path_check(f, A "/records", NULL, "dns CNAME x\n", 0, NV_CHECK_WHOLE), 0);
	assert_int_equal(path_check(f, A "/meta", NULL, "no colon\n", 0, NV_CHECK_PREFIX), -EINVAL);
	assert_int_equal(path_check(f, "netdox/default_network", NULL, "", 0, NV_CHECK_PREFIX), 0);
	assert_int_equal(path_check(f, "netdox/default_network", NULL, "", 0, NV_CHECK_WHOLE),
	                 -EINVAL);
	assert_int_equal(path_check(f, A "/pdata/x", NULL, "not a header\n", 0, NV_CHECK_PREFIX),
	                 -EINVAL);
	assert_int_equal(trips(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, netdox_setup, netdox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dns_name),
		TEST(test_networks_in_memory),
		TEST(test_records_added),
		TEST(test_records_removed),
		TEST(test_records_refused),
		TEST(test_what_stood_there_stays),
		TEST(test_maps),
		TEST(test_meta),
		TEST(test_default_network),
		TEST(test_node),
		TEST(test_node_plugin),
		TEST(test_readonly),
		TEST(test_check),
	};

	netdox_need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
