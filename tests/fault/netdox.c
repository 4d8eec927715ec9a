/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netdox/ over a line that breaks, and on a server that refuses.
 *
 * What must hold: a change is made once and logged once, however often its answer is lost; a
 * refused one leaves no trace; and a server that does not answer is never taken for one that has
 * nothing.
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

#include "contract/netdox_fixture.h"
#include "lib/fault_server.h"

#define A "netdox/dns/lan/a"

enum { TIMEOUT_MS = 3000, SHORT_MS = 300 };

struct line {
	struct netdox_fixture *f;
	struct nv_fault_server *proxy; /* the family's way to f's server */
};

static void go_through_proxy(struct line *line, int timeout_ms)
{
	char uri[64];

	(void)snprintf(uri, sizeof(uri), "redis://127.0.0.1:%d", nv_fault_server_port(line->proxy));
	reconnect(line->f, uri, timeout_ms);
}

static int setup_line(void **state)
{
	struct line *line = calloc(1, sizeof(*line));
	void *fixture = NULL;

	if (!line || netdox_setup(&fixture) < 0) {
		return -1;
	}
	line->f = fixture;
	line->proxy = nv_fault_server_new(line->f->server.socket);
	if (!line->proxy) {
		return -1;
	}
	go_through_proxy(line, TIMEOUT_MS);
	*state = line;
	return 0;
}

static int teardown_line(void **state)
{
	struct line *line = *state;
	void *fixture = line->f;
	int r = netdox_teardown(&fixture);

	nv_fault_server_free(line->proxy);
	free(line);
	return r;
}

/* One change of each kind, each on what those before it have made; its entries. */
struct step {
	const char *what;
	int (*change)(struct netdox_fixture *f);
	const char *entries[4];
};

static int save(struct netdox_fixture *f, const char *path, const char *base_text, const char *text)
{
	struct nv_save_result result = { .changed = false };
	char *copy = base_text ? strdup(base_text) : NULL;
	struct nv_blob *base cleanup_blob =
		copy ? nv_blob_new(copy, strlen(copy), 0, NULL, NULL) : NULL;
	int r = path_save(f, path, base, text, &result);

	nv_save_result_release(&result);
	return r;
}

static int make_name(struct netdox_fixture *f)
{
	return path_mkdir(f, A);
}

static int save_records(struct netdox_fixture *f)
{
	return save(f, A "/records", NULL, "p TXT x\n");
}

static int save_meta(struct netdox_fixture *f)
{
	return save(f, A "/meta", NULL, "k: 1\n");
}

static int count_in_meta(struct netdox_fixture *f)
{
	return save(f, A "/meta", "k: 1\n", "k: 2\n");
}

static int save_list(struct netdox_fixture *f)
{
	return save(f, A "/pdata/x", NULL, "---\ntype: list\n---\na\n");
}

static int grow_list(struct netdox_fixture *f)
{
	return save(f, A "/pdata/x", "---\ntype: list\n---\na\n", "---\ntype: list\n---\na\nb\n");
}

static int change_list(struct netdox_fixture *f)
{
	return save(f, A "/pdata/x", "---\ntype: list\n---\na\nb\n", "---\ntype: string\n---\nc\n");
}

static int rename_list(struct netdox_fixture *f)
{
	return path_rename(f, A "/pdata/x", A "/pdata/y", false);
}

static int delete_list(struct netdox_fixture *f)
{
	char *copy = strdup("---\ntype: string\n---\nc\n");
	struct nv_blob *base cleanup_blob = nv_blob_new(copy, strlen(copy), 0, NULL, NULL);

	return path_unlink(f, A "/pdata/y", base, false);
}

static int delete_meta(struct netdox_fixture *f)
{
	return path_unlink(f, A "/meta", NULL, false);
}

static int delete_records(struct netdox_fixture *f)
{
	char *copy = strdup("p TXT x\n");
	struct nv_blob *base cleanup_blob = nv_blob_new(copy, strlen(copy), 0, NULL, NULL);

	return path_unlink(f, A "/records", base, false);
}

static int delete_name(struct netdox_fixture *f)
{
	return path_rmdir(f, A);
}

static const struct step steps[] = {
	{ "mkdir", make_name, { "create dns name,[lan]a,netviewfs" } },
	{ "records",
	  save_records,
	  { "add plugin to dns name,dns;[lan]a;plugins,p",
	    "add record type to dns name,dns;[lan]a;p,p",
	    "create dns record,dns;[lan]a;p;TXT,p" } },
	{ "meta", save_meta, { "updated metadata,meta;[lan]a,netviewfs" } },
	{ "count", count_in_meta, { "updated metadata,meta;[lan]a,netviewfs" } },
	{ "list", save_list, { "updated plugin data list,pdata;dns;[lan]a;x,netviewfs" } },
	{ "grow", grow_list, { "updated plugin data list,pdata;dns;[lan]a;x,netviewfs" } },
	{ "type", change_list, { "updated plugin data string,pdata;dns;[lan]a;x,netviewfs" } },
	{ "rename",
	  rename_list,
	  { "updated plugin data string,pdata;dns;[lan]a;y,netviewfs",
	    "delete plugin data,pdata;dns;[lan]a;x,netviewfs" } },
	{ "rm data", delete_list, { "delete plugin data,pdata;dns;[lan]a;y,netviewfs" } },
	{ "rm meta", delete_meta, { "delete metadata,meta;[lan]a,netviewfs" } },
	{ "rm records",
	  delete_records,
	  { "delete dns record,dns;[lan]a;p;TXT,p",
	    "remove record type from dns name,dns;[lan]a;p,p",
	    "remove plugin from dns name,dns;[lan]a;plugins,p" } },
	{ "rmdir", delete_name, { "delete dns name,[lan]a,netviewfs" } },
};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static void assert_logged_once(struct netdox_fixture *f, const struct step *step)
{
	assert_log(f, step->entries[0], step->entries[1], step->entries[2], NULL);
}

/* All steps, the answer of each lost so many bytes after its beginning. */
static void run_with_lost_answers(struct line *line, size_t after)
{
	for (size_t i = 0; i < STEPS; i++) {
		/* A connection stands, so that it is the answer that is lost and not the login. */
		nv_netdox_forget(line->f->netdox);
		assert_text(line->f, "netdox/default_network", "lan\n");
		nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_CUT_REPLY,
		                                                         .after = after,
		                                                         .times = 1 });
		int r = steps[i].change(line->f);
		if (r < 0) {
			fail_msg("%s, %zu bytes: %d %s", steps[i].what, after, r, line->f->err.msg);
		}
		nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_NONE });
		assert_logged_once(line->f, &steps[i]);
	}
	assert_key(line->f, "dns", "none");
}

static void test_a_lost_answer_changes_nothing_twice(void **state)
{
	struct line *line = *state;

	redis_do(line->f, "SET", "default_network", "lan", NULL);
	/* Some answers are shorter than the larger numbers: then nothing breaks, which is right,
	 * too. */
	for (size_t after = 0; after < 60; after += 7) {
		run_with_lost_answers(line, after);
	}
}

/* The request breaks: it is told, or made good; and doing it again does it once. */
static void test_a_broken_request(void **state)
{
	struct line *line = *state;

	for (size_t after = 0; after < 15000; after += 1499) {
		for (size_t i = 0; i < STEPS; i++) {
			nv_fault_server_set(line->proxy,
			                    (struct nv_fault_rule){ .kind = NV_FAULT_CUT_REQUEST,
			                                            .after = after,
			                                            .times = 2 });
			int r = steps[i].change(line->f);
			nv_fault_server_set(line->proxy,
			                    (struct nv_fault_rule){ .kind = NV_FAULT_NONE });
			if (r == -EIO) {
				assert_log(line->f, NULL);
				assert_int_equal(steps[i].change(line->f), 0);
			} else {
				assert_int_equal(r, 0);
			}
			assert_logged_once(line->f, &steps[i]);
		}
	}
}

static void test_silence_is_no_answer(void **state)
{
	struct line *line = *state;
	struct netdox_fixture *f = line->f;
	struct nv_entry entry cleanup_entry = { .name = NULL };
	struct nv_listing *listing cleanup_listing = NULL;
	struct nv_blob *blob cleanup_blob = NULL;
	static const char *const dirs[] = { "netdox",          "netdox/dns",
		                            "netdox/dns/lan",  A,
		                            A "/pdata",        "netdox/nodes",
		                            "netdox/reports",  "netdox/orphans",
		                            "netdox/orphans/0" };

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "dns;[lan]a;plugins", "p", NULL);
	go_through_proxy(line, SHORT_MS);
	assert_text(f, A "/records", "p\n");
	nv_netdox_forget(f->netdox);
	nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_STALL_REPLY });
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		assert_int_equal(path_list(f, dirs[i], &listing), -ETIMEDOUT);
	}
	assert_int_equal(path_lookup(f, A, &entry), -ETIMEDOUT);
	assert_int_equal(path_lookup(f, A "/records", &entry), -ETIMEDOUT);
	assert_int_equal(path_lookup(f, "netdox/changelog", &entry), -ETIMEDOUT);
	assert_int_equal(path_load(f, A "/records", &blob), -ETIMEDOUT);
	assert_int_equal(path_unlink(f, A "/records", NULL, true), -ETIMEDOUT);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/b"), -ETIMEDOUT);
	nv_fault_server_set(line->proxy, (struct nv_fault_rule){ .kind = NV_FAULT_NONE });
	nv_clock_advance(f->clock, 1500); /* the breaker's next probe */
	assert_text(f, A "/records", "p\n");
}

static void test_a_server_that_is_down(void **state)
{
	struct netdox_fixture *f = ((struct line *)*state)->f;
	struct nv_entry entry cleanup_entry = { .name = NULL };
	struct nv_listing *listing cleanup_listing = NULL;

	reconnect(f, f->server.uri, TIMEOUT_MS);
	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	assert_names(f, "netdox/dns/lan", "a");
	nv_netdox_forget(f->netdox);
	nv_test_redis_stop(&f->server);
	assert_int_equal(path_list(f, "netdox/dns/lan", &listing), -EIO);
	assert_int_equal(path_lookup(f, A, &entry), -EIO);
	assert_int_equal(path_lookup(f, "netdox/dns/lan", &entry), -EIO);
	assert_int_equal(path_lookup(f, "netdox/dns", &entry), 0);
}

/* --- servers that refuse --- */

static void test_a_server_that_is_full(void **state)
{
	struct netdox_fixture *f = ((struct line *)*state)->f;

	assert_int_equal(make_name(f), 0);
	assert_log(f, steps[0].entries[0], NULL);
	redis_do(f, "CONFIG", "SET", "maxmemory", "1", NULL);
	assert_int_equal(save_records(f), -ENOSPC);
	assert_int_equal(save_meta(f), -ENOSPC);
	assert_int_equal(save_list(f), -ENOSPC);
	assert_log(f, NULL);
	assert_key(f, "dns;[lan]a;plugins", "none");
	assert_key(f, "pdata;dns;[lan]a", "none");
	redis_do(f, "CONFIG", "SET", "maxmemory", "0", NULL);
	assert_int_equal(save_records(f), 0);
}

/* Redis 7 tells a script before it writes what its login may not do. */
static void test_a_login_without_rights(void **state)
{
	struct netdox_fixture *f = ((struct line *)*state)->f;
	char uri[128];
	static const char *const rights[] = { "-xadd", "-hset", "-sadd" };

	(void)snprintf(uri, sizeof(uri), "unix://writer:secret@%s", f->server.socket);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		redis_do(f, "ACL", "SETUSER", "writer", "reset", "on", ">secret", "allkeys",
		         "allcommands", rights[i], NULL);
		reconnect(f, uri, TIMEOUT_MS);
		assert_int_equal(make_name(f), -EACCES);
		assert_key(f, "dns", "none");
		assert_key(f, "changelog", "none");
	}
	redis_do(f, "ACL", "SETUSER", "writer", "reset", "on", ">secret", "%R~*", "allcommands",
	         NULL);
	reconnect(f, uri, TIMEOUT_MS);
	assert_int_equal(make_name(f), -EACCES);
	assert_key(f, "dns", "none");
}

static void test_a_replica(void **state)
{
	struct netdox_fixture *f = ((struct line *)*state)->f;

	assert_int_equal(make_name(f), 0);
	assert_int_equal(save_records(f), 0);
	assert_log(f, steps[0].entries[0], steps[1].entries[0], steps[1].entries[1],
	           steps[1].entries[2], NULL);
	redis_do(f, "REPLICAOF", "127.0.0.1", "1", NULL);
	assert_text(f, A "/records", "p TXT x\n");
	assert_int_equal(save_meta(f), -EROFS);
	assert_int_equal(save_list(f), -EROFS);
	assert_int_equal(delete_records(f), -EROFS);
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/b"), -EROFS);
	assert_log(f, NULL);
	assert_text(f, A "/records", "p TXT x\n");
}

/* Nothing can be added to a stream whose last id is the highest. */
static void test_a_changelog_that_is_full(void **state)
{
	struct netdox_fixture *f = ((struct line *)*state)->f;

	redis_do(f, "XADD", "changelog", "18446744073709551615-18446744073709551615", "change", "c",
	         NULL);
	assert_int_equal(make_name(f), -EIO);
	assert_key(f, "dns", "none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_line, teardown_line)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_lost_answer_changes_nothing_twice),
		TEST(test_a_broken_request),
		TEST(test_silence_is_no_answer),
		TEST(test_a_server_that_is_down),
		TEST(test_a_server_that_is_full),
		TEST(test_a_login_without_rights),
		TEST(test_a_replica),
		TEST(test_a_changelog_that_is_full),
	};

	netdox_need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
