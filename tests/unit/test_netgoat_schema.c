/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "netgoat/schema.h"

static int setup(void **state)
{
	struct nv_schema *schema = NULL;
	struct nv_err err = NV_ERR_INIT;
	int rc = nv_schema_new(NULL, &schema, &err);
	*state = schema;
	return rc;
}

static int teardown(void **state)
{
	nv_schema_free(*state);
	return 0;
}

static void the_default_has_every_kind(void **state)
{
	static const char *const words[] = { "team",  "user",  "domain",   "record",
		                             "proxy", "alert", "incident", "analytics" };
	static const char *const collections[] = { "teams",      "users",        "domains",
		                                   "dnsrecords", "proxyconfigs", "alerts",
		                                   "incidents",  "analytics" };
	for (int kind = 0; kind < NV_DOC_KINDS; kind++) {
		const struct nv_schema_kind *k = nv_schema_get(*state, kind);
		assert_string_equal(nv_schema_word(kind), words[kind]);
		assert_string_equal(k->collections[0], collections[kind]);
		assert_true(k->fields_count > 0);
		for (size_t i = 0; i < k->fields_count; i++) {
			assert_true(k->fields[i]->paths_count > 0);
		}
	}
	assert_string_equal(nv_schema_get(*state, NV_DOC_USER)->collections[1], "user");
}

static void the_seed_comes_first_among_aliases(void **state)
{
	const char *const *paths = NULL;
	assert_int_equal(
		nv_schema_role_paths(nv_schema_get(*state, NV_DOC_RECORD), NV_ROLE_DOMAIN, &paths),
		2);
	assert_string_equal(paths[0], "domainId");
	assert_string_equal(paths[1], "domain_id");
	assert_int_equal(nv_schema_role_paths(nv_schema_get(*state, NV_DOC_TEAM),
	                                      NV_ROLE_MEMBER_USER, &paths),
	                 2);
	assert_string_equal(paths[0], "members.user_id");
	assert_int_equal(
		nv_schema_role_paths(nv_schema_get(*state, NV_DOC_TEAM), NV_ROLE_VALUE, NULL), 0);
}

static void secrets_are_found_where_they_stand(void **state)
{
	const struct nv_schema_node *user = nv_schema_get(*state, NV_DOC_USER)->root;
	const char *const secrets[] = { "password",  "tokens",       "authToken",
		                        "apiTokens", "integrations", "clientSecret" };
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const struct nv_schema_node *node =
			nv_schema_child(user, secrets[i], strlen(secrets[i]));
		assert_non_null(node);
		assert_true(node->field->secret);
	}
	const struct nv_schema_node *domain = nv_schema_get(*state, NV_DOC_DOMAIN)->root;
	const struct nv_schema_node *subdomains = nv_schema_child(domain, "subdomains", 10);
	assert_true(subdomains->hides);
	assert_true(nv_schema_child(subdomains->element, "private_key_pem", 15)->field->secret);
	assert_null(nv_schema_child(domain, "subdomain", 9));
	assert_null(nv_schema_child(NULL, "x", 1));
	/* A dotted alias is the same field. */
	const struct nv_schema_node *tls = nv_schema_child(domain, "tls", 3);
	assert_ptr_equal(nv_schema_child(tls, "status", 6)->field,
	                 nv_schema_child(domain, "tlsStatus", 9)->field);
}

static void the_first_alias_that_is_not_null_counts(void **state)
{
	const struct nv_schema_kind *record = nv_schema_get(*state, NV_DOC_RECORD);
	bson_t doc = BSON_INITIALIZER;
	bson_iter_t iter;
	const char *path = NULL;
	bson_append_null(&doc, "domainId", -1);
	assert_false(nv_schema_find(record, NV_ROLE_DOMAIN, &doc, &iter, NULL));
	bson_append_int32(&doc, "domain_id", -1, 7);
	assert_true(nv_schema_find(record, NV_ROLE_DOMAIN, &doc, &iter, &path));
	assert_string_equal(path, "domain_id");
	assert_int_equal(bson_iter_int32(&iter), 7);
	bson_destroy(&doc);
}

static void the_indexes_cover_what_is_asked(void **state)
{
	static const char *const wanted[][2] = {
		{ "teams", "slug" },           { "teams", "members.user_id" },
		{ "users", "email" },          { "user", "teams" },
		{ "domains", "teamId" },       { "domains", "domain" },
		{ "dnsrecords", "domain_id" }, { "dnsrecords", "name" },
		{ "analytics", "domainId" },   { "alerts", "team_id" }
	};
	size_t count = 0;
	const struct nv_docstore_index *indexes = nv_schema_indexes(*state, &count);
	for (size_t w = 0; w < sizeof(wanted) / sizeof(wanted[0]); w++) {
		bool found = false;
		for (size_t i = 0; i < count; i++) {
			found = found || (strcmp(indexes[i].collection, wanted[w][0]) == 0 &&
			                  strcmp(indexes[i].path, wanted[w][1]) == 0);
		}
		if (!found) {
			fail_msg("no index of %s %s", wanted[w][0], wanted[w][1]);
		}
	}
}

/* Loads text as a file; the reason goes to *err. */
static int load(const char *text, size_t size, struct nv_schema **ret_schema, struct nv_err *err)
{
	char path[300];
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(path, sizeof(path), "%s/nvschemaXXXXXX", tmp && *tmp ? tmp : "/tmp");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), (ssize_t)size);
	(void)close(fd);
	int rc = nv_schema_new(path, ret_schema, err);
	(void)unlink(path);
	return rc;
}

/* The default text with one part replaced. */
static void assert_refused(void **state, const char *part, const char *by, const char *reason)
{
	size_t size = 0;
	const char *text = nv_schema_text(*state, &size);
	const char *at = strstr(text, part);
	assert_non_null(at);
	char *changed = malloc(size + strlen(by) + 1);
	assert_non_null(changed);
	size_t before = (size_t)(at - text);
	memcpy(changed, text, before);
	(void)strcpy(changed + before, by);
	(void)strcpy(changed + before + strlen(by), at + strlen(part));
	struct nv_schema *schema = NULL;
	struct nv_err err = NV_ERR_INIT;
	assert_int_equal(load(changed, strlen(changed), &schema, &err), -EINVAL);
	assert_null(schema);
	if (!strstr(err.msg, reason)) {
		fail_msg("the reason is \"%s\", wanted \"%s\"", err.msg, reason);
	}
	free(changed);
}

static void a_wrong_schema_is_refused_with_the_reason(void **state)
{
	assert_refused(state, "\"mask\"", "\"musk\"", "no mask");
	assert_refused(state, "\"role\": \"created\"", "\"role\": \"creator\"",
	               "unknown word creator");
	assert_refused(state, "\"required\": true", "\"required\": 1", "true or false");
	assert_refused(state, "\"required\": true", "\"requird\": true", "requird");
	assert_refused(state, "\"name\": \"{name}.{type}\"", "\"name\": \"{name}\"",
	               "{name}.{type}");
	assert_refused(state, "\"domainId|domain_id\": {\"role\": \"domain\"",
	               "\"domainId|domain_id\": {\"role\": \"value\"", "role");
	assert_refused(state, "\"collections\": [\"teams\"]", "\"collections\": []",
	               "no collections");
	assert_refused(state, "\"collections\": [\"teams\"]", "\"collections\": \"teams\"",
	               "array of strings");
	assert_refused(state, "\"description\": {", "\"slug\": {", "given twice");
	assert_refused(state, "{\n", "{\n,", "line 2");
	struct nv_schema *schema = NULL;
	struct nv_err err = NV_ERR_INIT;
	assert_int_equal(nv_schema_new("/nonexistent/schema.json", &schema, &err), -ENOENT);
}

static void a_file_replaces_the_default(void **state)
{
	size_t size = 0;
	const char *text = nv_schema_text(*state, &size);
	struct nv_schema *schema = NULL;
	struct nv_err err = NV_ERR_INIT;
	assert_int_equal(load(text, size, &schema, &err), 0);
	assert_string_equal(nv_schema_mask(schema), nv_schema_mask(*state));
	nv_schema_free(schema);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_has_every_kind),
		cmocka_unit_test(the_seed_comes_first_among_aliases),
		cmocka_unit_test(secrets_are_found_where_they_stand),
		cmocka_unit_test(the_first_alias_that_is_not_null_counts),
		cmocka_unit_test(the_indexes_cover_what_is_asked),
		cmocka_unit_test(a_wrong_schema_is_refused_with_the_reason),
		cmocka_unit_test(a_file_replaces_the_default),
	};
	return cmocka_run_group_tests_name("netgoat schema", tests, setup, teardown);
}
