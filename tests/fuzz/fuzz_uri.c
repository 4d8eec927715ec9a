/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any text as redis=: what is accepted is an address in range whose messages are safe to show, what
 * is refused has a reason of one line.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "redis/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nv_redis_uri uri = NV_REDIS_URI_INIT;
	struct nv_err err = NV_ERR_INIT;
	char *text = malloc(size + 1);

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	int status = nv_redis_uri_parse(text, &uri, &err);
	if (status == 0) {
		must(!uri.host != !uri.path);
		must(uri.host ? uri.port >= 1 && uri.port <= 65535 : uri.port == 0);
		must(uri.db >= 0 && uri.db < NV_REDIS_DB_LIMIT);
		must(strncmp(uri.address, uri.host ? "redis://" : "unix:///", 8) == 0);
		must(!strchr(uri.address, '\n'));
	} else {
		must(status == -EINVAL && err.msg[0] != '\0' && !strchr(err.msg, '\n'));
		must(!uri.host && !uri.path && !uri.password);
	}
	nv_redis_uri_release(&uri);
	free(text);
	return 0;
}
