/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The contract of document stores on servers that speak MongoDB's protocol: with transactions, and
 * without.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "contract/docstore_fixture.h"
#include "lib/mongo_server.h"

/* One kind of server: what the suite knows of it. */
struct kind {
	enum nv_test_mongo_kind server;
	struct backend backend;
};

static const struct kind kinds[] = {
	{ NV_TEST_MONGO_SECANTUS,
	  { .name = "SecantusDB, replica set", .odd = ODD_POSITIONS | ODD_REGEX } },
	{ NV_TEST_MONGO_SECANTUS_STANDALONE,
	  { .name = "SecantusDB, standalone", .odd = ODD_POSITIONS | ODD_REGEX } },
	{ NV_TEST_MONGO_JAVA,
	  { .name = "mongo-java-server",
	    .pending = true,
	    .odd = ODD_NESTED | ODD_POSITIONS | ODD_REGEX | ODD_UUID | ODD_EQUAL | ODD_MISSING |
	           ODD_DOTTED | ODD_NO_UNION } },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

int main(int argc, char **argv)
{
	struct nv_test_mongo servers[KINDS] = { { .pid = 0 } };
	struct backend backends[KINDS];
	char schemes[KINDS][80];
	size_t count = 0;
	int status = EXIT_FAILURE;
	for (size_t i = 0; i < KINDS; i++) {
		const char *missing = nv_test_mongo_missing(kinds[i].server);
		if (argc > 1 && atoi(argv[1]) != (int)i) {
			continue;
		}
		if (missing && !getenv("NV_REQUIRE_SERVERS")) {
			printf("# %s: %s\n", kinds[i].backend.name, missing);
			continue;
		}
		if (missing || !nv_test_mongo_new(&servers[i], kinds[i].server, NULL)) {
			printf("Bail out! %s: %s\n", kinds[i].backend.name,
			       missing ? missing : "did not start");
			goto stop;
		}
		(void)snprintf(schemes[i], sizeof(schemes[i]), "%s/", servers[i].uri);
		backends[count] = kinds[i].backend;
		backends[count++].scheme = schemes[i];
	}
	if (count == 0) {
		puts("1..0 # SKIP no server that speaks MongoDB's protocol");
		return EXIT_SUCCESS;
	}
	status = docstore_run(backends, count);
stop:
	for (size_t i = 0; i < KINDS; i++) {
		if (servers[i].dir[0]) {
			nv_test_mongo_release(&servers[i]);
		}
	}
	return status;
}
