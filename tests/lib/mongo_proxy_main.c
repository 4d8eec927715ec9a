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
 *   command DATABASE JSON        "ok", or why not: a command for the server
 *
 * and ends when the input does.
 */
#include "config.h"

#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mongo_proxy.h"

/* Runs "DATABASE JSON" on the server, and says "ok", or why not. */
static void command(const char *server_port, char *line)
{
	char *rest = NULL;
	const char *database = strtok_r(line, " ", &rest);
	char uri[64];
	bson_error_t error = { 0 };
	bson_t *doc = bson_new_from_json((const uint8_t *)rest, -1, &error);
	(void)snprintf(uri, sizeof(uri), "mongodb://127.0.0.1:%s", server_port);
	mongoc_client_t *client = mongoc_client_new(uri);
	bool done = database && doc && client &&
	            mongoc_client_command_simple(client, database, doc, NULL, NULL, &error);
	(void)puts(done ? "ok" : error.message);
	mongoc_client_destroy(client);
	bson_destroy(doc);
}

static bool answer(struct nv_test_proxy *proxy, const char *server_port, char *line)
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
	} else if (strncmp(line, "command ", 8) == 0) {
		command(server_port, line + 8);
	} else {
		(void)fprintf(stderr, "mongo_proxy: %s", line);
		return false;
	}
	return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
	char line[1024];
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
