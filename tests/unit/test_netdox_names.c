/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netdox/names.h"

static struct nv_bytes view(const char *text)
{
	return nv_view(text, strlen(text));
}

static void test_networks(void **state)
{
	(void)state;
	assert_true(nv_network_is_valid("lan", 3));
	assert_true(nv_network_is_valid("A-z_09", 6));
	assert_false(nv_network_is_valid("", 0));
	assert_false(nv_network_is_valid("a.b", 3));
	assert_false(nv_network_is_valid("a b", 3));
	assert_false(nv_network_is_valid("a\0", 2));
}

static void test_split_and_join(void **state)
{
	static const struct {
		const char *member;
		const char *network; /* NULL: not of that form */
		const char *name;
	} cases[] = {
		{ "[lan]host", "lan", "host" },
		{ "[lan]", "lan", "" },
		{ "[lan][wan]x", "lan", "[wan]x" },
		{ "[lan]a]b", "lan", "a]b" },
		{ "host", NULL, NULL },
		{ "[]host", NULL, NULL },
		{ "[a.b]host", NULL, NULL },
		{ "[lan", NULL, NULL },
		{ "", NULL, NULL },
		{ " [lan]x", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nv_bytes member = view(cases[i].member);
		struct nv_bytes network = NV_BYTES_INIT;
		struct nv_bytes name = NV_BYTES_INIT;
		struct nv_buf joined cleanup_buf = NV_BUF_INIT;

		assert_int_equal(nv_dns_split(&member, &network, &name), cases[i].network != NULL);
		if (!cases[i].network) {
			continue;
		}
		assert_int_equal(network.size, strlen(cases[i].network));
		assert_memory_equal(network.data, cases[i].network, network.size);
		assert_int_equal(name.size, strlen(cases[i].name));
		assert_memory_equal(name.data, cases[i].name, name.size);
		nv_dns_join(&joined, &network, &name);
		assert_string_equal(joined.data, cases[i].member);
	}
}

static void test_node_ids(void **state)
{
	static const struct {
		const char *id;
		const char *reason; /* part of it; NULL: fine */
	} cases[] = {
		{ "[lan]a;scan", NULL },
		{ "[lan]a;[lan]b;[wan]a;scan", NULL },
		{ "scan", "its DNS names and its plugin" },
		{ "", "its DNS names and its plugin" },
		{ "[lan]a;", "empty" },
		{ ";scan", "not a qualified name" },
		{ "[lan]a;;scan", "not a qualified name" },
		{ "a;scan", "'a' is not a qualified name" },
		{ "[lan];scan", "not a qualified name" },
		{ "[lan]b;[lan]a;scan", "\"[lan]a;[lan]b;scan\"" },
		{ "[lan]a;[lan]a;scan", "\"[lan]a;scan\"" },
		{ "[lan]a;plugins", "cannot be named" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nv_bytes id = view(cases[i].id);
		struct nv_err err = NV_ERR_INIT;

		assert_int_equal(nv_node_id_check(&id, &err), cases[i].reason ? -EINVAL : 0);
		if (cases[i].reason && !strstr(err.msg, cases[i].reason)) {
			fail_msg("%s: %s", cases[i].id, err.msg);
		}
	}
	struct nv_bytes id = view("[lan]a;[lan]b;scan");
	struct nv_bytes plugin = nv_node_plugin(&id);
	assert_string_equal(plugin.data, "scan");
	assert_int_equal(plugin.size, 4);
}

static void test_components(void **state)
{
	static const struct {
		enum nv_object object;
		const char *id;
		const char *component;
	} cases[] = {
		{ NV_OBJECT_NAME, "[lan]host.example", "host.example" },
		{ NV_OBJECT_NAME, "[lan]id",
		  "%69d" }, /* dns/lan/id may be the network's own name */
		{ NV_OBJECT_NAME, "plain", "plain" },
		{ NV_OBJECT_NAME, "[lan]", "%" },
		{ NV_OBJECT_NODE, "id", "id" },
		{ NV_OBJECT_NODE, "[lan]a;scan", "[lan]a;scan" },
		{ NV_OBJECT_LINK, "a/b", "a%2Fb" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nv_bytes id = view(cases[i].id);
		struct nv_buf component cleanup_buf = NV_BUF_INIT;
		bool cut = true;

		nv_object_component(cases[i].object, &id, &component, &cut);
		assert_string_equal(component.data, cases[i].component);
		assert_false(cut);
	}
}

static void test_stamps(void **state)
{
	static const struct {
		const char *text;
		long sec; /* -1: none */
		long nsec;
	} cases[] = {
		{ "1970-01-01T00:00:10Z", 10, 0 },
		{ "1970-01-01T00:00:10.5Z", 10, 500000000 },
		{ "1970-01-01T00:00:10,123456Z", 10, 123456000 },
		{ "1970-01-01 00:00:10", 10, 0 },
		{ "1970-01-01T00:01", 60, 0 },
		{ "1970-01-01T01:00:10+01:00", 10, 0 },
		{ "1970-01-01T00:00:10-0030", 1810, 0 },
		{ "1970-01-02T00:00:00+00", 86400, 0 },
		{ "2026-11-24T13:31:01.123Z", 1795527061, 123000000 },
		{ "1970-01-01", -1, 0 },
		{ "1970-13-01T00:00:10Z", -1, 0 },
		{ "1970-01-01T00:00:10X", -1, 0 },
		{ "1970-01-01T00:00:10+1", -1, 0 },
		{ "1970-01-01T25:00:10Z", -1, 0 },
		{ "", -1, 0 },
		{ "now", -1, 0 },
		{ "12345", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct timespec time = { 0, 0 };
		bool read = nv_stamp_parse(cases[i].text, strlen(cases[i].text), &time);

		if (read != (cases[i].sec >= 0) || time.tv_nsec != cases[i].nsec ||
		    (read && time.tv_sec != cases[i].sec)) {
			fail_msg("%s: %d %ld %ld", cases[i].text, read, (long)time.tv_sec,
			         time.tv_nsec);
		}
	}
}

static void test_stamps_come_back(void **state)
{
	const struct timespec time = { 1795527061, 123999999 };
	struct timespec back = { 0, 0 };
	struct nv_buf text cleanup_buf = NV_BUF_INIT;

	(void)state;
	nv_stamp_format(&time, &text);
	assert_string_equal(text.data, "2026-11-24T13:31:01.123Z");
	assert_true(nv_stamp_parse(text.data, text.len, &back));
	assert_int_equal(back.tv_sec, time.tv_sec);
	assert_int_equal(back.tv_nsec, 123000000);
}

static void test_printable(void **state)
{
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	char many[400];

	(void)state;
	nv_printable(&text, "a\n\xFF\xC3\xA9", 5);
	assert_string_equal(text.data, "a\\x0A\\xFF\xC3\xA9");
	nv_buf_truncate(&text, 0);
	memset(many, 'x', sizeof(many));
	nv_printable(&text, many, sizeof(many));
	assert_in_range(text.len, 100, 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),  cmocka_unit_test(test_split_and_join),
		cmocka_unit_test(test_node_ids),  cmocka_unit_test(test_components),
		cmocka_unit_test(test_stamps),    cmocka_unit_test(test_stamps_come_back),
		cmocka_unit_test(test_printable),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
