/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The URI of a MongoDB store: passed through to the driver (logins, TLS, replica sets, read
 * preferences are its business), with defaults where the user chose nothing.
 *
 * The driver's own defaults are those of a server program: it waits 30 seconds for a server and 5
 * minutes for an answer. A file system must answer within the mount's deadline. One call may wait
 * for a client, then for a server, then for the answer, so each gets a part of the time.
 */
#include "config.h"

#include "docstore/mongo.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

/* Sets an int32 option that the user left out. */
static bool set_default(mongoc_uri_t *uri, const char *option, int64_t value)
{
	return mongoc_uri_has_option(uri, option) ||
	       mongoc_uri_set_option_as_int32(uri, option, (int32_t)(value > 0 ? value : 1));
}

static bool set_write_concern(mongoc_uri_t *uri, int64_t timeout_ms)
{
	bool done = true;
	if (!mongoc_uri_has_option(uri, MONGOC_URI_W)) {
		mongoc_write_concern_t *concern =
			mongoc_write_concern_copy(mongoc_uri_get_write_concern(uri));
		mongoc_write_concern_set_w(concern, MONGOC_WRITE_CONCERN_W_MAJORITY);
		if (!mongoc_uri_has_option(uri, MONGOC_URI_WTIMEOUTMS)) {
			mongoc_write_concern_set_wtimeout_int64(concern, timeout_ms);
		}
		if (!mongoc_uri_has_option(uri, MONGOC_URI_JOURNAL)) {
			mongoc_write_concern_set_journal(concern, true);
		}
		mongoc_uri_set_write_concern(uri, concern);
		done = mongoc_write_concern_is_valid(concern);
		mongoc_write_concern_destroy(concern);
	}
	return done;
}

int nv_mongo_uri(const char *text, uint32_t timeout_ms, mongoc_uri_t **ret_uri, struct nv_err *err)
{
	bson_error_t error = { 0 };
	mongoc_uri_t *uri = mongoc_uri_new_with_error(text, &error);
	if (!uri) {
		/* The driver quotes what it does not understand, which may be a password. */
		bool login = strchr(text, '@') != NULL;
		return nv_fail(err, EINVAL, "the MongoDB driver does not understand the URI%s%s%s",
		               login ? " (in the login, percent-encode : / ? # [ ] @)" : ": ",
		               login ? "" : error.message, "");
	}
	const char *database = mongoc_uri_get_database(uri);
	if (!database || *database == '\0') {
		mongoc_uri_destroy(uri);
		return nv_fail(err, EINVAL,
		               "the URI names no database; it is mongodb://HOST/DATABASE");
	}
	const mongoc_write_concern_t *concern = mongoc_uri_get_write_concern(uri);
	if (concern && !mongoc_write_concern_is_acknowledged(concern)) {
		mongoc_uri_destroy(uri);
		return nv_fail(err, EINVAL, "w=0 cannot be: nothing could be told of a save");
	}
	int64_t tenth_ms = timeout_ms / 10;
	if (!set_default(uri, MONGOC_URI_WAITQUEUETIMEOUTMS, tenth_ms) ||
	    !set_default(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, 3 * tenth_ms) ||
	    !set_default(uri, MONGOC_URI_CONNECTTIMEOUTMS, 3 * tenth_ms) ||
	    !set_default(uri, MONGOC_URI_SOCKETTIMEOUTMS, 5 * tenth_ms) ||
	    !set_default(uri, MONGOC_URI_HEARTBEATFREQUENCYMS, 2000) ||
	    !set_write_concern(uri, 4 * tenth_ms)) {
		mongoc_uri_destroy(uri);
		return nv_fail(err, EINVAL, "the MongoDB driver does not take the URI's options");
	}
	*ret_uri = uri;
	return 0;
}

char *nv_mongo_location(const mongoc_uri_t *uri)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	const char *srv = mongoc_uri_get_srv_hostname(uri);
	nv_buf_puts(&out, srv ? "mongodb+srv://" : "mongodb://");
	if (srv) {
		nv_buf_puts(&out, srv);
	}
	for (const mongoc_host_list_t *host = srv ? NULL : mongoc_uri_get_hosts(uri); host;
	     host = host->next) {
		nv_buf_puts(&out, host->host_and_port);
		nv_buf_puts(&out, host->next ? "," : "");
	}
	nv_buf_printf(&out, "/%s", mongoc_uri_get_database(uri));
	const char *set = mongoc_uri_get_replica_set(uri);
	if (set) {
		nv_buf_printf(&out, "?replicaSet=%s", set);
	}
	return nv_buf_error(&out) ? NULL : nv_buf_steal(&out, NULL);
}
