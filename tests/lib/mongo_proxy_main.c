/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mongo_proxy.h for shell scripts:
 *
 *   mongo_proxy SERVER-PORT
 *
 * says "port N", its own; then it answers each line on standard input with one line:
 *
 *   arm STEP before|after PID    "armed": that process is killed at command STEP from now on
 *   state                        "commands N cut 0|1": since
 *   forget                       "forgotten": the server's sessions, with the locks of the dead
 *
 * and ends when the input does.
 */
#include "config.h"

#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mongo_proxy.h"

/* A server without sessions has nothing to forget: what it answers does not matter. */
static void forget(const char *server_port)
{
	char uri[64];
	bson_t *command = BCON_NEW("killAllSessions", "[", "]");
	(void)snprintf(uri, sizeof(uri), "mongodb://127.0.0.1:%s", server_port);
	mongoc_client_t *client = mongoc_client_new(uri);
	if (client) {
		(void)mongoc_client_command_simple(client, "admin", command, NULL, NULL, NULL);
		mongoc_client_destroy(client);
	}
	bson_destroy(command);
	(void)puts("forgotten");
}

static bool answer(struct nv_test_proxy *proxy, const char *server_port, const char *line)
{
	unsigned step = 0;
	int pid = 0;
	char when[8];
	if (sscanf(line, "arm %u %7s %d", &step, when, &pid) == 3) {
		nv_test_proxy_arm(
			proxy, step,
			strcmp(when, "after") == 0 ? NV_TEST_CUT_AFTER : NV_TEST_CUT_BEFORE, pid);
		(void)puts("armed");
	} else if (strcmp(line, "state\n") == 0) {
		(void)printf("commands %u cut %d\n", nv_test_proxy_commands(proxy),
		             nv_test_proxy_has_cut(proxy));
	} else if (strcmp(line, "forget\n") == 0) {
		forget(server_port);
	} else {
		(void)fprintf(stderr, "mongo_proxy: %s", line);
		return false;
	}
	return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
	char line[128];
	struct nv_test_proxy *proxy =
		argc == 2 ? nv_test_proxy_new((unsigned)strtoul(argv[1], NULL, 10)) : NULL;
	if (!proxy) {
		(void)fputs("usage: mongo_proxy SERVER-PORT\n", stderr);
		return EXIT_FAILURE;
	}
	(void)printf("port %u\n", nv_test_proxy_port(proxy));
	bool good = fflush(stdout) == 0;
	while (good && fgets(line, sizeof(line), stdin)) {
		good = answer(proxy, argv[1], line);
	}
	nv_test_proxy_free(proxy);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
