/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parses the server's URI. No message of this file quotes any part of it: a password with an
 * unescaped '/' or ':' in it makes every other part look like something else.
 */
#include "config.h"

#include "redis/uri.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/hex.h"

#define REDIS_PORT 6379

static const char form_hint[] =
	"use redis://[user:password@]host[:port][/db] or unix:///path[?db=N]";

/* Decodes %XX into a new string. what names the part for the message. */
static int decode(const char *text, size_t size, const char *what, char **ret_text,
                  struct nv_err *err)
{
	char *out cleanup_free = malloc(size + 1);
	size_t used = 0;

	if (!out) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '%') {
			out[used++] = text[i];
			continue;
		}

		int high = i + 2 < size ? nv_hex_digit(text[i + 1]) : -1;
		int low = i + 2 < size ? nv_hex_digit(text[i + 2]) : -1;

		if (high < 0 || low < 0) {
			return nv_fail(err, EINVAL,
			               "redis URI: a '%%' in the %s needs two hex digits after it",
			               what);
		}
		if (high == 0 && low == 0) {
			return nv_fail(err, EINVAL, "redis URI: %%00 in the %s", what);
		}
		out[used++] = (char)(high << 4 | low);
		i += 2;
	}
	out[used] = '\0';
	*ret_text = steal(&out);
	return 0;
}

/* A decimal number below limit, of digits only. -1 when it is none. */
static int parse_number(const char *text, size_t size, int limit)
{
	int value = 0;

	if (size == 0) {
		return -1;
	}
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return -1;
		}
		value = value * 10 + (text[i] - '0');
		if (value >= limit) {
			return -1;
		}
	}
	return value;
}

static int parse_db(struct nv_redis_uri *uri, const char *text, size_t size, struct nv_err *err)
{
	int db = parse_number(text, size, NV_REDIS_DB_LIMIT);

	if (db < 0) {
		return nv_fail(err, EINVAL, "redis URI: the database is a number from 0");
	}
	uri->db = db;
	return 0;
}

/* Reads "USER:PASSWORD" (size bytes before the '@'). */
static int parse_login(struct nv_redis_uri *uri, const char *text, size_t size, struct nv_err *err)
{
	const char *colon = memchr(text, ':', size);

	if (!colon) {
		return nv_fail(err, EINVAL,
		               "redis URI: the login before the '@' is user:password, or :password "
		               "for the default user");
	}

	size_t user_size = (size_t)(colon - text);
	int r = 0;

	if (user_size > 0) {
		r = decode(text, user_size, "user", &uri->user, err);
	}
	if (r == 0) {
		r = decode(colon + 1, size - user_size - 1, "password", &uri->password, err);
	}
	if (r == 0 && !uri->user && uri->password[0] == '\0') {
		return nv_fail(err, EINVAL, "redis URI: the password before the '@' is empty");
	}
	return r;
}

/* Cuts the login off *text: what stands before the last '@' that comes before the first '/'. */
static int take_login(struct nv_redis_uri *uri, const char **text, struct nv_err *err)
{
	size_t authority = strcspn(*text, "/?#");
	const char *at = memrchr(*text, '@', authority);

	if (!at) {
		return 0;
	}

	int r = parse_login(uri, *text, (size_t)(at - *text), err);

	*text = at + 1;
	return r;
}

/* What messages show must be one line. */
static int check_printable(const char *text, const char *what, struct nv_err *err)
{
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			return nv_fail(err, EINVAL, "redis URI: a control byte in the %s", what);
		}
	}
	return 0;
}

static int parse_port(struct nv_redis_uri *uri, const char *text, size_t size, struct nv_err *err)
{
	int port = parse_number(text, size, 65536);

	if (port <= 0) {
		return nv_fail(err, EINVAL, "redis URI: the port is a number from 1 to 65535");
	}
	uri->port = port;
	return 0;
}

/* Reads "HOST[:PORT]". */
static int parse_host(struct nv_redis_uri *uri, const char *text, size_t size, struct nv_err *err)
{
	const char *host = text;
	const char *end;

	if (size > 0 && text[0] == '[') {
		end = memchr(text, ']', size);
		if (!end) {
			return nv_fail(err, EINVAL,
			               "redis URI: the ']' after the IPv6 address is missing");
		}
		host++;
	} else {
		end = memchr(text, ':', size);
		if (!end) {
			end = text + size;
		}
	}
	if (end == host) {
		return nv_fail(err, EINVAL, "redis URI: no host; %s", form_hint);
	}

	int r = decode(host, (size_t)(end - host), "host", &uri->host, err);

	if (r == 0) {
		r = check_printable(uri->host, "host", err);
	}
	if (r < 0) {
		return r;
	}

	const char *rest = *text == '[' ? end + 1 : end;
	size_t rest_size = size - (size_t)(rest - text);

	uri->port = REDIS_PORT;
	if (rest_size == 0) {
		return 0;
	}
	if (*rest != ':') {
		return nv_fail(err, EINVAL, "redis URI: only :port may follow the ']'");
	}
	return parse_port(uri, rest + 1, rest_size - 1, err);
}

static int parse_tcp(struct nv_redis_uri *uri, const char *text, struct nv_err *err)
{
	int r = take_login(uri, &text, err);

	if (r < 0) {
		return r;
	}

	size_t size = strcspn(text, "/?#");

	if (strchr(text + size, '@')) {
		return nv_fail(
			err, EINVAL,
			"redis URI: a '/', '?' or '#' in the login is written %%2F, %%3F or %%23");
	}
	r = parse_host(uri, text, size, err);
	if (r < 0) {
		return r;
	}

	const char *rest = text + size;
	size_t db_size = *rest == '/' ? strcspn(rest + 1, "?#") : 0;

	if (db_size > 0) {
		r = parse_db(uri, rest + 1, db_size, err);
		if (r < 0) {
			return r;
		}
	}
	rest += (*rest == '/') + db_size;
	if (*rest) {
		return nv_fail(err, EINVAL, "redis URI: nothing may follow the database; %s",
		               form_hint);
	}
	if (asprintf(&uri->address, strchr(uri->host, ':') ? "redis://[%s]:%d" : "redis://%s:%d",
	             uri->host, uri->port) < 0) {
		uri->address = NULL;
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

static int parse_unix(struct nv_redis_uri *uri, const char *text, struct nv_err *err)
{
	int r = take_login(uri, &text, err);

	if (r < 0) {
		return r;
	}
	if (*text != '/') {
		return nv_fail(err, EINVAL,
		               "redis URI: the socket's path is absolute: unix:///path");
	}

	size_t size = strcspn(text, "?#");

	r = decode(text, size, "path", &uri->path, err);
	if (r == 0) {
		r = check_printable(uri->path, "path", err);
	}
	if (r < 0) {
		return r;
	}
	if (strlen(uri->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		return nv_fail(
			err, EINVAL,
			"redis URI: the socket's path has %zu bytes; the system's limit is %zu",
			strlen(uri->path), sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	}
	if (text[size] && strncmp(text + size, "?db=", 4) != 0) {
		return nv_fail(err, EINVAL, "redis URI: only ?db=N may follow the socket's path");
	}
	if (text[size]) {
		r = parse_db(uri, text + size + 4, strlen(text + size + 4), err);
		if (r < 0) {
			return r;
		}
	}
	if (asprintf(&uri->address, "unix://%s", uri->path) < 0) {
		uri->address = NULL;
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

int nv_redis_uri_parse(const char *text, struct nv_redis_uri *ret_uri, struct nv_err *err)
{
	struct nv_redis_uri uri cleanup_redis_uri = NV_REDIS_URI_INIT;
	int r;

	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f) {
			return nv_fail(err, EINVAL,
			               "redis URI: blanks and control bytes are written %%XX");
		}
	}
	if (strncasecmp(text, "redis://", 8) == 0) {
		r = parse_tcp(&uri, text + 8, err);
	} else if (strncasecmp(text, "unix://", 7) == 0) {
		r = parse_unix(&uri, text + 7, err);
	} else if (strncasecmp(text, "rediss://", 9) == 0) {
		r = nv_fail(
			err, EINVAL,
			"redis URI: TLS (rediss://) is not supported; use a local TLS proxy and "
			"redis:// or unix://");
	} else {
		r = nv_fail(err, EINVAL, "redis URI: unknown form; %s", form_hint);
	}
	if (r < 0) {
		return r;
	}
	*ret_uri = uri;
	uri = (struct nv_redis_uri)NV_REDIS_URI_INIT;
	return 0;
}

void nv_redis_uri_release(struct nv_redis_uri *uri)
{
	if (uri->password) {
		explicit_bzero(uri->password, strlen(uri->password));
	}
	free(uri->host);
	free(uri->path);
	free(uri->user);
	free(uri->password);
	free(uri->address);
	*uri = (struct nv_redis_uri)NV_REDIS_URI_INIT;
}
