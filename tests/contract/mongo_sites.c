/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/mongo_sites.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 120 };

/* 1: it runs; 0: it is not there; -1: it must be, or should and does not start. */
static int start_site(struct site *site)
{
	const char *missing = nv_test_mongo_missing(site->kind);
	if (missing && (site->optional || !getenv("NV_REQUIRE_SERVERS"))) {
		printf("# %s: %s\n", site->name, missing);
		return 0;
	}
	if (!missing && nv_test_mongo_new(&site->server, site->kind, NULL)) {
		site->proxy = nv_test_proxy_new(site->server.port);
	}
	if (!site->proxy) {
		printf("Bail out! %s: %s\n", site->name, missing ? missing : "did not start");
		return -1;
	}
	(void)snprintf(site->scheme, sizeof(site->scheme), "%s/", site->server.uri);
	site->backend = (struct backend){ .name = site->name,
		                          .scheme = site->scheme,
		                          .pending = site->pending };
	return 1;
}

static void stop_site(struct site *site)
{
	nv_test_proxy_free(site->proxy);
	if (site->server.dir[0]) {
		nv_test_mongo_release(&site->server);
	}
}

static bool suits(const struct site *site, unsigned needs)
{
	return site->proxy && !((needs & NEEDS_TRANSACTIONS) && site->pending) &&
	       !((needs & NEEDS_PENDING) && !site->pending) &&
	       !((needs & NEEDS_SECANTUS) && site->kind != NV_TEST_MONGO_SECANTUS);
}

static int run_cases(const struct site_suite *suite)
{
	size_t most = suite->sites_count * suite->cases_count;
	struct CMUnitTest *tests = calloc(most, sizeof(*tests));
	char(*names)[NAME_SIZE] = calloc(most, sizeof(*names));
	size_t count = 0;
	int status = EXIT_SUCCESS;
	for (size_t i = 0; tests && names && i < most; i++) {
		struct site *site = &suite->sites[i / suite->cases_count];
		const struct site_case *one = &suite->cases[i % suite->cases_count];
		if (!suits(site, one->needs)) {
			continue;
		}
		(void)snprintf(names[count], NAME_SIZE, "%s: %s", site->name, one->name);
		tests[count] = (struct CMUnitTest){ .name = names[count],
			                            .test_func = one->run,
			                            .setup_func = suite->setup,
			                            .teardown_func = suite->teardown,
			                            .initial_state = site };
		count++;
	}
	if (!tests || !names) {
		puts("Bail out! out of memory");
		status = EXIT_FAILURE;
	} else if (count == 0) {
		puts("1..0 # SKIP no server that speaks MongoDB's protocol");
	} else {
		cmocka_set_message_output(CM_OUTPUT_TAP);
		status = _cmocka_run_group_tests(suite->name, tests, count, NULL, NULL);
	}
	free(names);
	free(tests);
	return status;
}

int run_sites(const struct site_suite *suite, const char *only)
{
	int status = EXIT_FAILURE;
	bool all = true;
	for (size_t i = 0; i < suite->sites_count && all; i++) {
		if (!only || atoi(only) == (int)i) {
			all = start_site(&suite->sites[i]) >= 0;
		}
	}
	if (all) {
		status = run_cases(suite);
	}
	for (size_t i = 0; i < suite->sites_count; i++) {
		stop_site(&suite->sites[i]);
	}
	return status;
}
