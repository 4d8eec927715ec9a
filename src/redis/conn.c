/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket's half of a connection. hiredis' own contexts are not used: their timeout is per read
 * (an operation of many reads has no bound), they raise SIGPIPE, and their reconnect forgets
 * timeout, login and database.
 */
#include "config.h"

#include "redis/conn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "redis/decode.h"

/* hiredis moves what is left of its buffer for each kilobyte taken out: more at once costs more
 * than it saves. */
enum { READ_SIZE = 16 * 1024 };

/* Pieces given to the system at once; far below its limit. */
enum { SEND_PIECES = 64 };

int64_t nv_redis_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct nv_redis_conn *nv_redis_conn_new(int fd)
{
	struct nv_redis_conn *conn cleanup_redis_conn = calloc(1, sizeof(*conn));

	if (!conn) {
		(void)close(fd); /* nothing was sent on it */
		return NULL;
	}
	conn->fd = fd;
	if (nv_redis_decoder_new(&conn->decoder) < 0) {
		return NULL;
	}
	return steal(&conn);
}

void nv_redis_conn_free(struct nv_redis_conn *conn)
{
	if (conn) {
		(void)close(conn->fd); /* whatever was under way is given up */
		nv_redis_decoder_free(conn->decoder);
		free(conn);
	}
}

bool nv_redis_conn_is_usable(const struct nv_redis_conn *conn)
{
	struct pollfd pollfd = { .fd = conn->fd, .events = POLLIN };

	return nv_redis_decoder_is_idle(conn->decoder) && poll(&pollfd, 1, 0) == 0;
}

/* One exchange under way. */
struct exchange {
	struct nv_redis_conn *conn;
	const struct iovec *pieces;
	size_t pieces_count;
	size_t piece;    /* first one not sent as a whole */
	size_t offset;   /* bytes of it that were sent */
	size_t sent;     /* bytes in all */
	size_t expected; /* answers */
	struct nv_redis_replies *replies;
};

static int broken(int errnum, const char *doing, struct nv_err *err)
{
	return nv_fail(err, EIO, "connection lost while %s: %s", doing, strerror(errnum));
}

/* Sends what the system takes without waiting. */
static int send_some(struct exchange *x, struct nv_err *err)
{
	while (x->piece < x->pieces_count) {
		struct iovec now[SEND_PIECES];
		size_t count = x->pieces_count - x->piece;

		count = count > SEND_PIECES ? SEND_PIECES : count;
		memcpy(now, x->pieces + x->piece, count * sizeof(now[0]));
		now[0].iov_base = (char *)now[0].iov_base + x->offset;
		now[0].iov_len -= x->offset;

		struct msghdr message = { .msg_iov = now, .msg_iovlen = count };
		ssize_t size = sendmsg(x->conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (size < 0 && errno == EINTR) {
			continue;
		}
		if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return 0;
		}
		if (size < 0) {
			return broken(errno, "sending", err);
		}
		x->sent += (size_t)size;
		for (size_t left = (size_t)size + x->offset; x->piece < x->pieces_count;
		     x->piece++) {
			x->offset = left;
			if (left < x->pieces[x->piece].iov_len) {
				break;
			}
			left -= x->pieces[x->piece].iov_len;
			x->offset = 0;
		}
	}
	return 0;
}

/* Reads once and takes the answers that are whole. */
static int receive_some(struct exchange *x, struct nv_err *err)
{
	char bytes[READ_SIZE];
	ssize_t size = recv(x->conn->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
		return 0;
	}
	if (size < 0) {
		return broken(errno, "waiting for an answer", err);
	}
	if (size == 0) {
		return nv_fail(err, EIO, "the server closed the connection");
	}

	int r = nv_redis_decoder_feed(x->conn->decoder, bytes, (size_t)size, err);

	while (r >= 0 && x->replies->count < x->expected) {
		r = nv_redis_decoder_next(x->conn->decoder, x->replies, err);
		if (r == 0) {
			break;
		}
	}
	return r < 0 ? r : 0;
}

static int wait_for(struct exchange *x, short events, int64_t deadline_ms, short *ret_events,
                    struct nv_err *err)
{
	for (;;) {
		struct pollfd pollfd = { .fd = x->conn->fd, .events = events };
		int64_t left_ms = deadline_ms - nv_redis_now_ms();

		if (left_ms <= 0) {
			return nv_fail(err, ETIMEDOUT, "no answer within the timeout");
		}

		int r = poll(&pollfd, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);

		if (r > 0) {
			*ret_events = pollfd.revents;
			return 0;
		}
		if (r < 0 && errno != EINTR) {
			return broken(errno, "waiting", err);
		}
	}
}

/*
 * Reading goes on while sending: a server that waits for us to read before it reads on would never
 * take the rest of a long pipeline.
 */
static int run_exchange(struct exchange *x, int64_t deadline_ms, struct nv_err *err)
{
	int r = send_some(x, err);

	while (r == 0 && (x->piece < x->pieces_count || x->replies->count < x->expected)) {
		bool sending = x->piece < x->pieces_count;
		short events = 0;

		r = wait_for(x, sending ? POLLIN | POLLOUT : POLLIN, deadline_ms, &events, err);
		if (r == 0 && (events & ~POLLOUT)) {
			r = receive_some(x, err);
		}
		if (r == 0 && sending && (events & POLLOUT)) {
			r = send_some(x, err);
		}
	}
	return r;
}

/* A server that hangs up may have said why: too many clients, protected mode. */
static void add_last_words(struct exchange *x, struct nv_err *err)
{
	if (x->replies->count < x->expected) {
		(void)receive_some(x, NULL); /* the error that is already known stays */
	}
	if (x->replies->count > 0) {
		const struct nv_redis_reply *last = &x->replies->items[x->replies->count - 1];

		if (last->type == NV_REDIS_ERROR) {
			(void)nv_redis_reply_check(last, NULL, "the server closed the connection",
			                           err);
		}
	}
}

int nv_redis_conn_exchange(struct nv_redis_conn *conn, const struct iovec *pieces,
                           size_t pieces_count, size_t expected, int64_t deadline_ms,
                           struct nv_redis_replies **ret_replies, size_t *ret_sent,
                           struct nv_err *err)
{
	struct nv_redis_replies *replies cleanup_redis_replies = nv_redis_replies_new(expected);

	*ret_sent = 0;
	if (!replies) {
		return nv_fail(err, ENOMEM, "out of memory");
	}

	struct exchange x = {
		.conn = conn,
		.pieces = pieces,
		.pieces_count = pieces_count,
		.expected = expected,
		.replies = replies,
	};
	int r = run_exchange(&x, deadline_ms, err);

	*ret_sent = x.sent;
	if (r == -EIO) {
		add_last_words(&x, err);
	}
	if (r < 0) {
		return r;
	}
	*ret_replies = steal(&replies);
	return 0;
}
