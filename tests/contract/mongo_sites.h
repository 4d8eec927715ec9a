/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One suite over servers, each behind a proxy that it is reached through: for programs that look at
 * what only a server behind a connection can suffer.
 */
#ifndef NV_TESTS_MONGO_SITES_H
#define NV_TESTS_MONGO_SITES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"
#include "lib/mongo_proxy.h"
#include "lib/mongo_server.h"

/* A server and the proxy before it, for all tests of the kind. The first four fields say which. */
struct site {
	enum nv_test_mongo_kind kind;
	const char *name;
	bool pending;  /* no transactions */
	bool optional; /* may be missing where all servers must be there */
	struct nv_test_mongo server;
	struct nv_test_proxy *proxy;
	struct backend backend;
	char scheme[80];
};

/* What a case needs of its site. */
enum site_needs {
	NEEDS_TRANSACTIONS = 1 << 0,
	NEEDS_PENDING = 1 << 1,  /* no transactions */
	NEEDS_SECANTUS = 1 << 2, /* the others have no such thing */
};

struct site_case {
	const char *name;
	CMUnitTestFunction run;
	unsigned needs;
};

struct site_suite {
	const char *name;
	struct site *sites;
	size_t sites_count;
	const struct site_case *cases;
	size_t cases_count;
	CMFixtureFunction setup; /* of each test; its state is the site */
	CMFixtureFunction teardown;
};

/* Starts the servers, or only that of the number only, runs the cases on each and stops them. The
 * program's exit status. */
int run_sites(const struct site_suite *suite, const char *only);

#endif
