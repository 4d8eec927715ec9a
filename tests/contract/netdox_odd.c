/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What should not be in the store, but is: odd names, keys of other types, keys and members that no
 * path stands for. All of it must be listed and readable, and hide nothing.
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

/* A text of so many bytes x, for one use. */
static const char *long_text(char *buffer, size_t size, const char *prefix)
{
	size_t length = strlen(prefix);

	memcpy(buffer, prefix, length);
	memset(buffer + length, 'x', size - length);
	buffer[size] = '\0';
	return buffer;
}

/* The only entry's path below dir that begins with prefix. */
static void find_name(struct netdox_fixture *f, const char *dir, const char *prefix, char *ret_path,
                      size_t size)
{
	struct nv_listing *listing cleanup_listing = NULL;

	assert_int_equal(path_list(f, dir, &listing), 0);
	*ret_path = '\0';
	for (size_t i = 0; i < listing->count; i++) {
		assert_true(strlen(listing->entries[i].name) <= 240);
		if (strncmp(listing->entries[i].name, prefix, strlen(prefix)) == 0) {
			snprintf(ret_path, size, "%s/%s", dir, listing->entries[i].name);
		}
	}
	assert_true(*ret_path != '\0');
}

static void test_names_of_odd_form(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "plain.example", "", "[la.n]x", "[lan", "[lan]", "[lan]a/b",
	         "[lan].hidden", "[lan]-x", "[lan]id", "[lan]a~b%", NULL);
	assert_names(f, "netdox/dns", "% lan");
	assert_names(f, "netdox/dns/%", "% [la.n]x [lan plain.example");
	assert_names(f, "netdox/dns/lan", "% %2Dx %2Ehidden %69d a%2Fb a%7Eb%25");
	redis_do(f, "SADD", "meta", "", "[lan]a/b", "[lan]id", NULL);
	redis_do(f, "HSET", "meta;", "k", "empty", NULL);
	redis_do(f, "HSET", "meta;[lan]id", "k", "id", NULL);
	assert_text(f, "netdox/dns/%/%/meta", "k: empty\n");
	assert_text(f, "netdox/dns/lan/a%2Fb/meta", "");
	assert_text(f, "netdox/dns/lan/a%2fb/meta", ""); /* any spelling */
	assert_text(f, "netdox/dns/lan/%61%2Fb/meta", "");
	assert_text(f, "netdox/dns/lan/id/meta", "k: id\n");
	assert_gone(f, "netdox/dns/%/[lan]a%2Fb"); /* it has its network */
	assert_gone(f, "netdox/dns/la.n");
	assert_int_equal(path_write(f, "netdox/dns/%/plain.example/meta", "a: b\n"), 0);
	assert_key(f, "meta;plain.example", "hash a=b");
	struct nv_entry entry cleanup_entry = { .name = NULL };
	assert_int_equal(path_lookup(f, "netdox/dns/lan/id", &entry), 0);
	assert_string_equal(entry.name, "%69d");
	assert_int_equal(entry.row->kind, NV_NETDOX_NAME);
	assert_int_equal(path_rmdir(f, "netdox/dns/%/[la.n]x"), 0);
	assert_names(f, "netdox/orphans/0", "");
}

static void test_cut_names(void **state)
{
	struct netdox_fixture *f = *state;
	char name[400], member[420], key[440], path[600], file[900], expected[420];
	struct nv_buf text cleanup_buf = NV_BUF_INIT;

	long_text(name, 300, "host");
	snprintf(member, sizeof(member), "[lan]%s", name);
	snprintf(key, sizeof(key), "dns;%s;plugins", member);
	redis_do(f, "SADD", "dns", member, "[lan]short", NULL);
	redis_do(f, "SADD", key, "p", NULL);
	find_name(f, "netdox/dns/lan", "hostx", path, sizeof(path));
	assert_names(f, path, "id records");
	snprintf(file, sizeof(file), "%s/records", path);
	assert_text(f, file, "p\n");
	assert_int_equal(path_write(f, file, "p\nq\n"), 0);
	assert_key(f, key, "set p|q");
	snprintf(file, sizeof(file), "%s/id", path);
	snprintf(expected, sizeof(expected), "%s\n", name);
	assert_text(f, file, expected);
	assert_gone(f, "netdox/dns/lan/short/id");

	/* Data of a long id has it in its header. */
	snprintf(key, sizeof(key), "pdata;dns;[lan]short;%s", name);
	redis_do(f, "SADD", "pdata;dns;[lan]short", name, NULL);
	redis_do(f, "SET", key, "v", NULL);
	nv_netdox_forget(f->netdox);
	find_name(f, "netdox/dns/lan/short/pdata", "hostx", file, sizeof(file));
	nv_buf_printf(&text, "--- string %s\n---\nv\n", name);
	assert_text(f, file, text.data);
	nv_buf_truncate(&text, 0);
	nv_buf_printf(&text, "--- string %s\n---\nw\n", name);
	assert_int_equal(path_write(f, file, text.data), 0);
	snprintf(expected, sizeof(expected), "string w");
	assert_key(f, key, expected);
	assert_int_equal(path_write(f, file, "--- string other\n---\nw\n"), -EINVAL);
	assert_int_equal(path_write(f, file, "--- string\n---\nw\n"), -EINVAL);
	assert_int_equal(path_unlink(f, file, NULL, false), 0);
	assert_key(f, key, "none");
	/* And can be made by it, as cp does. */
	assert_int_equal(path_accepts(f, file), 0);
	assert_int_equal(path_write(f, file, text.data), 0);
	assert_key(f, key, "string w");
	assert_int_equal(path_accepts(f, "netdox/dns/lan/short/pdata/ok"), 0);
}

static void test_cut_reports_networks_and_nodes(void **state)
{
	struct netdox_fixture *f = *state;
	char name[400], member[420], key[440], path[600], file[900];
	struct nv_buf text cleanup_buf = NV_BUF_INIT;

	long_text(name, 300, "r");
	snprintf(key, sizeof(key), "reports;%s", name);
	redis_do(f, "SADD", "reports", name, NULL);
	redis_do(f, "RPUSH", key, "a", NULL);
	find_name(f, "netdox/reports", "rx", file, sizeof(file));
	nv_buf_printf(&text, "--- list %s\n---\na\n", name);
	assert_text(f, file, text.data);
	assert_int_equal(path_unlink(f, file, NULL, false), 0);
	assert_key(f, key, "none");
	assert_gone(f, file);
	assert_int_equal(path_write(f, file, text.data), 0);
	assert_key(f, key, "list a");

	long_text(name, 300, "n");
	snprintf(member, sizeof(member), "[%s]id", name);
	redis_do(f, "SADD", "dns", member, NULL);
	find_name(f, "netdox/dns", "nx", path, sizeof(path));
	assert_names(f, path, "%69d id"); /* the name `id`, and the network's own */
	nv_buf_truncate(&text, 0);
	nv_buf_printf(&text, "%s\n", name);
	snprintf(file, sizeof(file), "%s/id", path);
	assert_text(f, file, text.data);

	snprintf(member, sizeof(member), "[lan]%s;scan", name);
	redis_do(f, "SADD", "nodes", member, NULL);
	find_name(f, "netdox/nodes", "[lan]nx", path, sizeof(path));
	snprintf(file, sizeof(file), "%s/id", path);
	nv_buf_truncate(&text, 0);
	nv_buf_printf(&text, "%s\n", member);
	assert_text(f, file, text.data);
	/* A plugin's file has no place for a long name. */
	snprintf(key, sizeof(key), "nodes;%s", member);
	redis_do(f, "SADD", key, "scan", name, NULL);
	nv_netdox_forget(f->netdox);
	snprintf(file, sizeof(file), "%s/plugins", path);
	assert_names(f, file, "scan");
	find_name(f, "netdox/orphans/0", "nodes;[lan]nx", file, sizeof(file));
	nv_buf_truncate(&text, 0);
	nv_buf_printf(&text, "--- set %s\n---\n%s\n", key, name);
	assert_text(f, file, text.data);
	assert_int_equal(path_unlink(f, file, NULL, false), 0);
	assert_key(f, key, "set scan");
}

/* A member of any bytes. */
static void test_bytes(void **state)
{
	struct netdox_fixture *f = *state;
	static const char member[] = "[lan]\0\xFF\n";
	const char *argv[] = { "SADD", "dns", member };
	const size_t sizes[] = { 4, 3, sizeof(member) - 1 };
	static const char key[] = "dns;[lan]\0\xFF\n;plugins";
	const char *add[] = { "SADD", key, "p q\t" };
	const size_t add_sizes[] = { 4, sizeof(key) - 1, 4 };

	redis_bytes(f, 3, argv, sizes);
	redis_bytes(f, 3, add, add_sizes);
	assert_names(f, "netdox/dns/lan", "%00%FF%0A");
	assert_text(f, "netdox/dns/lan/%00%FF%0A/records", "p\\x20q\\t\n");
	assert_names(f, "netdox/orphans", "");
}

/* --- keys of another type --- */

static void assert_broken(struct netdox_fixture *f, const char *path, const char *reason)
{
	struct nv_entry entry cleanup_entry = { .name = NULL };
	struct nv_blob *blob cleanup_blob = NULL;

	assert_int_equal(path_lookup(f, path, &entry), 0);
	assert_null(entry.blob);
	assert_int_equal(path_load(f, path, &blob), -EIO);
	if (!strstr(f->err.msg, reason)) {
		fail_msg("the reason is '%s', expected '%s'", f->err.msg, reason);
	}
}

static void test_wrong_types(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "dns;[lan]a;plugins", "p", "q", NULL);
	redis_do(f, "SADD", "dns;[lan]a;p", "A", NULL);
	redis_do(f, "SET", "dns;[lan]a;p;A", "oops", NULL);
	redis_do(f, "RPUSH", "dns;[lan]a;maps", "x", NULL);
	redis_do(f, "SADD", "meta", "[lan]a", NULL);
	redis_do(f, "HSET", "meta;[lan]a", "k", "v", NULL);
	redis_do(f, "SADD", "pdata;dns;[lan]a", "x", "y", NULL);
	redis_do(f, "SET", "pdata;dns;[lan]a;x", "v", NULL);
	redis_do(f, "SET", "pdata;dns;[lan]a;x;details", "no hash", NULL);
	assert_names(f, A, "maps meta pdata records");
	assert_broken(f, A "/records", "the key 'dns;[lan]a;p;A' is a string, expected a set");
	assert_broken(f, A "/maps", "the key 'dns;[lan]a;maps' is a list, expected a set");
	assert_broken(f, A "/pdata/x",
	              "the key 'pdata;dns;[lan]a;x;details' is a string, expected a hash");
	assert_text(f, A "/meta", "k: v\n");
	assert_text(f, A "/pdata/y", "--- none\n---\n");
	assert_names(f, "netdox/orphans", "0");
	assert_names(
		f, "netdox/orphans/0",
		"dns;[lan]a;maps dns;[lan]a;p dns;[lan]a;p;A dns;[lan]a;plugins "
	             "pdata;dns;[lan]a pdata;dns;[lan]a;x pdata;dns;[lan]a;x;details");
	/* … and the member of the index, for no path says it */
	assert_text(f, "netdox/orphans/0/pdata;dns;[lan]a", "--- set\n---\nx\n");
	assert_text(f, "netdox/orphans/0/dns;[lan]a;p;A", "--- string\n---\noops\n");
	assert_text(f, "netdox/orphans/0/dns;[lan]a;plugins", "--- set\n---\np\nq\n");
	/* Taking the orphan away mends the file. */
	assert_int_equal(path_unlink(f, "netdox/orphans/0/dns;[lan]a;p;A", NULL, false), 0);
	assert_log(f, "delete orphan,dns;[lan]a;p;A,netviewfs", NULL);
	assert_text(f, A "/records", "p A\nq\n");
	/* A save that meets a wrong type writes nothing. */
	assert_int_equal(path_save(f, A "/maps", NULL, "[lan]b\n",
	                           &(struct nv_save_result){ .changed = false }),
	                 -EIO);
	assert_key(f, "dns;[lan]a;maps", "list x");
	assert_log(f, NULL);
}

static void test_wrong_types_of_indexes(void **state)
{
	struct netdox_fixture *f = *state;
	struct nv_listing *listing cleanup_listing = NULL;
	struct nv_entry entry cleanup_entry = { .name = NULL };

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SET", "pdata;dns;[lan]a", "v", NULL);
	redis_do(f, "SET", "meta", "v", NULL);
	redis_do(f, "HSET", "meta;[lan]a", "k", "v", NULL);
	redis_do(f, "SET", "nodes", "v", NULL);
	redis_do(f, "SET", "reports", "v", NULL);
	redis_do1(f, "SET", "dns_nodes", "v", NULL);
	assert_names(f, A, "meta pdata");
	assert_int_equal(path_list(f, A "/pdata", &listing), -EIO);
	assert_broken(f, A "/meta", "the key 'meta' is a string, expected a set");
	assert_int_equal(path_list(f, "netdox/nodes", &listing), -EIO);
	assert_int_equal(path_lookup(f, "netdox/nodes/[lan]a;x", &entry), -EIO);
	assert_int_equal(path_list(f, "netdox/reports", &listing), -EIO);
	assert_names(f, "netdox", "dns dns_nodes nodes orphans processed reports");
	assert_names(f, "netdox/orphans", "0 1");
	assert_names(f, "netdox/orphans/0", "meta meta;[lan]a nodes pdata;dns;[lan]a reports");
	assert_names(f, "netdox/orphans/1", "dns_nodes");
	redis_do(f, "DEL", "dns", NULL);
	redis_do(f, "SET", "dns", "v", NULL);
	nv_netdox_forget(f->netdox);
	assert_int_equal(path_list(f, "netdox/dns", &listing), -EIO);
	assert_int_equal(path_lookup(f, "netdox/dns/lan", &entry), -EIO);
	/* The stamps cannot be kept in a string: no change is made that would not be stamped. */
	redis_do(f, "SET", "last-modified", "v", NULL);
	assert_int_equal(path_write(f, "netdox/default_network", "lan\n"), -EIO);
	assert_key(f, "default_network", "none");
}

/* --- keys that no path stands for --- */

static void test_orphans(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "dns;[lan]a;plugins", "p", NULL);
	redis_do(f, "SADD", "dns;[lan]a;p", "A", NULL);
	redis_do(f, "SADD", "dns;[lan]a;p;A", "[lan]1", NULL);
	redis_do(f, "SADD", "dns;[lan]a;q;A", "[lan]2", NULL);   /* q is not among the plugins */
	redis_do(f, "SADD", "dns;[lan]b;plugins", "p", NULL);    /* b is not among the names */
	redis_do(f, "HSET", "meta;[lan]a", "k", "v", NULL);      /* not in meta */
	redis_do(f, "SADD", "meta", "[lan]b", "[lan]a;x", NULL); /* neither name nor node */
	redis_do(f, "SET", "pdata;dns;[lan]a;x", "v", NULL);     /* not in the index */
	redis_do(f, "HSET", "pdata;dns;[lan]a;x;details", "plugin", "p", NULL);
	redis_do(f, "HSET", "reports;r;details", "plugin", "p", NULL); /* a header of nothing */
	redis_do(f, "RPUSH", "dns_nodes", "a", NULL);                  /* of the other database */
	redis_do(f, "XADD", "changelog;old", "1-1", "a", "b", NULL);
	redis_do(f, "SET", "dnsmasq", "of another program", NULL);
	redis_do(f, "SET", "other", "of another program", NULL);
	redis_do(f, "HSET", "last-modified", "x", "y", NULL);
	redis_do(f, "XADD", "changelog", "1-1", "a", "b", NULL);
	redis_do1(f, "SET", "nodes;gone", "n", NULL);
	redis_do1(f, "SADD", "nodes;gone;alt_names", "n", NULL);
	redis_do1(f, "SADD", "nodes", "here", NULL);
	redis_do1(f, "SET", "nodes;here", "n", NULL);
	assert_names(f, "netdox/orphans", "0 1");
	assert_names(
		f, "netdox/orphans/0",
		"changelog;old dns;[lan]a;q;A dns;[lan]b;plugins dns_nodes meta "
	             "meta;[lan]a pdata;dns;[lan]a;x reports;r;details");
	assert_names(f, "netdox/orphans/1", "nodes;gone nodes;gone;alt_names");
	assert_text(f, "netdox/orphans/0/meta", "--- set\n---\n[lan]a;x\n[lan]b\n");
	assert_text(f, "netdox/orphans/0/pdata;dns;[lan]a;x", "--- string\nplugin: p\n---\nv\n");
	assert_text(f, "netdox/orphans/0/reports;r;details", "--- hash\n---\nplugin: p\n");
	assert_text(f, "netdox/orphans/0/changelog;old",
	            "--- stream\n---\n{\"id\":\"1-1\",\"a\":\"b\"}\n");
	assert_text(f, "netdox/orphans/1/nodes;gone", "--- string\n---\nn\n");
	assert_gone(f, "netdox/orphans/0/dns;[lan]a;p;A");
	assert_gone(f, "netdox/orphans/0/other");
	assert_gone(f, "netdox/orphans/2");
}

static void test_orphans_are_deleted(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "meta", "[lan]a", "[lan]b", "[lan]c", NULL);
	redis_do(f, "SET", "reports;r", "v", NULL);
	redis_do(f, "HSET", "reports;r;details", "plugin", "p", NULL);
	redis_do1(f, "RPUSH", "nodes;x", "n", NULL);
	struct nv_blob *base cleanup_blob = NULL;
	assert_int_equal(path_load(f, "netdox/orphans/0/meta", &base), 0);
	redis_do(f, "SADD", "meta", "[lan]d", NULL);
	assert_int_equal(path_unlink(f, "netdox/orphans/0/meta", base, true), 0);
	assert_int_equal(path_unlink(f, "netdox/orphans/0/meta", base, false), 0);
	assert_key(f, "meta", "set [lan]a|[lan]d"); /* what was not shown stays */
	assert_int_equal(path_unlink(f, "netdox/orphans/0/reports;r", NULL, false), 0);
	assert_key(f, "reports;r", "none");
	assert_key(f, "reports;r;details", "none");
	assert_int_equal(path_unlink(f, "netdox/orphans/1/nodes;x", NULL, false), 0);
	assert_key1(f, "nodes;x", "none");
	assert_log(f, "delete orphan,meta,netviewfs", "delete orphan,reports;r,netviewfs",
	           "delete orphan,nodes;x,netviewfs", NULL);
	assert_stamped(f, "nodes;x", false);
	assert_int_equal(path_unlink(f, "netdox/orphans/0/reports;r", NULL, false), -ENOENT);
	assert_int_equal(path_accepts(f, "netdox/orphans/0/dns;x"), -EPERM);
	assert_int_equal(path_write(f, "netdox/orphans/0/dns;x", "--- set\n---\n"), -EPERM);
	assert_key(f, "dns", "set [lan]a");
}

/* Plugins of these names were made by others: their keys are those of the other sets. */
static void test_reserved_plugins(void **state)
{
	struct netdox_fixture *f = *state;

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "dns;[lan]a;plugins", "maps", "plugins", "p", NULL);
	redis_do(f, "SADD", "dns;[lan]a;maps", "A", "[lan]b", NULL);
	redis_do(f, "SADD", "dns;[lan]a;maps;A", "[lan]1", NULL);
	assert_text(f, A "/records", "maps A [lan]1\np\nplugins\n");
	assert_text(f, A "/maps", "A\n[lan]b\n");
	assert_names(f, "netdox/orphans", "");
	assert_int_equal(path_write(f, A "/records", "maps A [lan]1\np\nplugins\nq\n"), 0);
	assert_int_equal(
		path_write(f, A "/records", "maps A [lan]1\nmaps A [lan]2\np\nplugins\nq\n"),
		-EINVAL);
	assert_int_equal(path_write(f, A "/records", "p\nq\n"), 0);
	assert_text(f, A "/records", "p\nq\n");
	assert_key(f, "dns;[lan]a;plugins", "set p|q");
	assert_key(f, "dns;[lan]a;maps", "set A|[lan]b");
	assert_key(f, "dns;[lan]a;maps;A", "none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, netdox_setup, netdox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_of_odd_form),
		TEST(test_cut_names),
		TEST(test_cut_reports_networks_and_nodes),
		TEST(test_bytes),
		TEST(test_wrong_types),
		TEST(test_wrong_types_of_indexes),
		TEST(test_orphans),
		TEST(test_orphans_are_deleted),
		TEST(test_reserved_plugins),
	};

	netdox_need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
