/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a URI to a connection that may be lent.
 */
#include "config.h"

#include "redis/connect.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "redis/info.h"
#include "redis/pipeline.h"
#include "redis/resolve.h"

/* How long to wait before a unix socket whose queue is full is tried again: poll cannot tell. */
enum { QUEUE_RETRY_MS = 10 };

static int no_answer(struct nv_err *err)
{
	return nv_fail(err, ETIMEDOUT, "no answer within the timeout");
}

/* Waits until a connect under way has ended; its outcome. */
static int finish_connect(int fd, int64_t deadline_ms, struct nv_err *err)
{
	for (;;) {
		struct pollfd pollfd = { .fd = fd, .events = POLLOUT };
		int64_t left_ms = deadline_ms - nv_redis_now_ms();

		if (left_ms <= 0) {
			return no_answer(err);
		}

		int r = poll(&pollfd, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);

		if (r < 0 && errno != EINTR) {
			return nv_fail(err, EIO, "cannot connect: %s", strerror(errno));
		}
		if (r > 0) {
			int errnum = 0;
			socklen_t size = sizeof(errnum);

			if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size) < 0) {
				errnum = errno;
			}
			if (errnum == ETIMEDOUT) {
				return no_answer(err);
			}
			return errnum ? nv_fail(err, EIO, "cannot connect: %s", strerror(errnum))
			              : 0;
		}
	}
}

static int connect_one(const struct sockaddr *address, socklen_t size, int64_t deadline_ms,
                       int *ret_fd, struct nv_err *err)
{
	int fd cleanup_fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		return nv_fail(err, EIO, "no socket: %s", strerror(errno));
	}
	while (connect(fd, address, size) < 0) {
		if (errno == EINPROGRESS || errno == EINTR) {
			int r = finish_connect(fd, deadline_ms, err);

			if (r < 0) {
				return r;
			}
			break;
		}
		if (errno != EAGAIN) {
			return nv_fail(err, EIO, "cannot connect: %s", strerror(errno));
		}
		/* The queue of a unix socket is full: the server hangs, or is just very busy. */
		if (nv_redis_now_ms() + QUEUE_RETRY_MS >= deadline_ms) {
			return no_answer(err);
		}
		(void)poll(NULL, 0, QUEUE_RETRY_MS);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int connect_unix(const char *path, int64_t deadline_ms, int *ret_fd, struct nv_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	/* The URI's parser has refused longer paths. */
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect_one((struct sockaddr *)&address, sizeof(address), deadline_ms, ret_fd, err);
}

/* Tries all addresses in turn; each gets its share of the time that is left. */
static int connect_tcp(const struct nv_redis_uri *uri, int64_t deadline_ms, int *ret_fd,
                       struct nv_err *err)
{
	struct addrinfo *list = NULL;
	int r = nv_redis_resolve(uri->host, uri->port, deadline_ms, &list, err);

	if (r < 0) {
		return r;
	}

	int left = 0;

	for (const struct addrinfo *address = list; address; address = address->ai_next) {
		left++;
	}
	r = nv_fail(err, EIO, "no address for the host");
	for (const struct addrinfo *address = list; address && r < 0;
	     address = address->ai_next, left--) {
		int64_t now_ms = nv_redis_now_ms();

		r = connect_one(address->ai_addr, address->ai_addrlen,
		                now_ms + (deadline_ms - now_ms) / left, ret_fd, err);
	}
	freeaddrinfo(list);
	if (r == 0) {
		int on = 1;

		/* Both are improvements only: a socket without them works. */
		(void)setsockopt(*ret_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(*ret_fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		nv_err_clear(err);
	}
	return r;
}

/* The commands of a handshake, in the order that they are sent. */
struct handshake {
	size_t auth; /* index of its answer; SIZE_MAX = not sent */
	size_t info;
	size_t select;
	size_t count;
};

static struct handshake build_handshake(const struct nv_redis_uri *uri, int db,
                                        const char *client_name, struct nv_redis_pipeline *p)
{
	struct handshake handshake = { .auth = SIZE_MAX };
	char number[16];

	if (uri->password) {
		handshake.auth = nv_redis_pipeline_count(p);
		if (uri->user) {
			nv_redis_pipeline_words(p, "AUTH", uri->user, uri->password, NULL);
		} else {
			nv_redis_pipeline_words(p, "AUTH", uri->password, NULL);
		}
	}
	handshake.info = nv_redis_pipeline_count(p);
	nv_redis_pipeline_words(p, "INFO", "server", NULL);
	(void)snprintf(number, sizeof(number), "%d", db);
	handshake.select = nv_redis_pipeline_count(p);
	nv_redis_pipeline_words(p, "SELECT", number, NULL);
	/* A courtesy to those who read CLIENT LIST; its answer is not looked at: a login may not be
	 * allowed to do it. */
	nv_redis_pipeline_words(p, "CLIENT", "SETNAME", client_name, NULL);
	handshake.count = nv_redis_pipeline_count(p);
	return handshake;
}

/* Refuses servers whose answers would be misunderstood. A login that may not ask INFO is taken at
 * its word. */
static int check_server(const struct nv_redis_reply *info, const char *address, struct nv_err *err)
{
	if (info->type == NV_REDIS_ERROR && strncmp(info->data, "NOPERM", 6) == 0) {
		return 0;
	}

	int r = nv_redis_reply_expect(info, NV_REDIS_BULK, address, NULL, err);

	if (r < 0) {
		return r;
	}

	char mode[32], version[32];

	if (!nv_redis_info_field(info, "redis_mode", mode, sizeof(mode))) {
		/* As valkey calls it. */
		(void)nv_redis_info_field(info, "server_mode", mode, sizeof(mode));
	}
	if (strcmp(mode, "cluster") == 0) {
		return nv_fail(err, EIO,
		               "%s: the server is part of a Redis Cluster (cluster_enabled:1), "
		               "which is not supported",
		               address);
	}
	if (strcmp(mode, "sentinel") == 0) {
		return nv_fail(err, EIO, "%s: this is a Redis Sentinel, not a Redis server",
		               address);
	}
	if (!nv_redis_info_field(info, "redis_version", version, sizeof(version)) ||
	    atoi(version) < NV_REDIS_VERSION_MIN) {
		return nv_fail(err, EIO,
		               "%s: the server's Redis version is %s; %d or newer is needed",
		               address, version[0] ? version : "unknown", NV_REDIS_VERSION_MIN);
	}
	return 0;
}

static int check_handshake(const struct nv_redis_uri *uri, int db,
                           const struct handshake *handshake,
                           const struct nv_redis_replies *replies, struct nv_err *err)
{
	if (handshake->auth != SIZE_MAX && replies->items[handshake->auth].type == NV_REDIS_ERROR) {
		/* Whatever its code says ("ERR AUTH called without any password configured"): the
		 * login does not fit. */
		int r = nv_redis_reply_check(&replies->items[handshake->auth], uri->address,
		                             "login", err);

		if (r == -EIO && err) {
			err->errnum = EACCES;
		}
		return r == -EIO ? -EACCES : r;
	}

	int r = check_server(&replies->items[handshake->info], uri->address, err);

	if (r < 0) {
		return r;
	}

	char what[32];

	(void)snprintf(what, sizeof(what), "database %d", db);
	return nv_redis_reply_check(&replies->items[handshake->select], uri->address, what, err);
}

/* Logs in and chooses the database: one round trip. */
static int shake_hands(struct nv_redis_conn *conn, const struct nv_redis_uri *uri, int db,
                       const char *client_name, int64_t deadline_ms, struct nv_err *err)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct handshake handshake = build_handshake(uri, db, client_name, &p);
	size_t sent = 0;

	if (nv_buf_error(&p.bytes) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}

	struct iovec bytes = { .iov_base = p.bytes.data, .iov_len = p.bytes.len };
	int r = nv_redis_conn_exchange(conn, &bytes, 1, handshake.count, deadline_ms, &replies,
	                               &sent, err);

	explicit_bzero(p.bytes.data, p.bytes.len); /* it holds the password */
	if (r < 0) {
		(void)nv_wrap(err, "%s", uri->address);
		return r;
	}
	r = check_handshake(uri, db, &handshake, replies, err);
	if (r == 0) {
		conn->db = db;
	}
	return r;
}

int nv_redis_connect(const struct nv_redis_uri *uri, int db, const char *client_name,
                     int64_t deadline_ms, struct nv_redis_conn **ret_conn, struct nv_err *err)
{
	int fd = -1;
	int r = uri->path ? connect_unix(uri->path, deadline_ms, &fd, err)
	                  : connect_tcp(uri, deadline_ms, &fd, err);

	if (r < 0) {
		(void)nv_wrap(err, "%s", uri->address);
		return r;
	}

	struct nv_redis_conn *conn cleanup_redis_conn = nv_redis_conn_new(fd);

	if (!conn) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	r = shake_hands(conn, uri, db, client_name, deadline_ms, err);
	if (r < 0) {
		return r;
	}
	*ret_conn = steal(&conn);
	return 0;
}
