/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens between "these commands" and "these answers".
 *
 * Which database: a connection has selected one since it was opened. Reads of another select it on
 * the way and go back at the end, in the same round trip; if the server refuses a SELECT the
 * answers behind it are of the wrong database and the whole request fails. Writes are only sent on
 * a connection of their own database, for a write in the wrong one cannot be taken back.
 */
#include "config.h"

#include "redis/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "redis/lend.h"

/* A failure other than a timeout that took longer counts as waiting: hosts that are gone, resolvers
 * that fail slowly. */
enum { SLOW_FAILURE_MS = 250 };

/* A request as it goes over one connection. */
struct wire {
	struct iovec *pieces; /* owned; parts and the SELECTs between them */
	size_t pieces_count;
	char (*selects)[48];    /* owned; the bytes of the SELECTs */
	size_t *selects_before; /* owned; of each SELECT, the number of commands that precede it */
	size_t selects_count;
	size_t commands; /* without the SELECTs */
	size_t size;     /* bytes in all */
	int db;          /* selected so far */
};

static void wire_release(struct wire *wire)
{
	free(wire->pieces);
	free(wire->selects);
	free(wire->selects_before);
}

static void add_piece(struct wire *wire, const void *data, size_t size)
{
	wire->pieces[wire->pieces_count++] =
		(struct iovec){ .iov_base = (void *)data, .iov_len = size };
	wire->size += size;
}

static void add_select(struct wire *wire, int number)
{
	char digits[16];
	char *text = wire->selects[wire->selects_count];
	int digits_size = snprintf(digits, sizeof(digits), "%d", number);
	int size = snprintf(text, sizeof(wire->selects[0]), "*2\r\n$6\r\nSELECT\r\n$%d\r\n%s\r\n",
	                    digits_size, digits);

	wire->selects_before[wire->selects_count++] = wire->commands;
	add_piece(wire, text, (size_t)size);
	wire->db = number;
}

static int wire_build(struct nv_redis *redis, const struct nv_redis_request *request, int db,
                      struct wire *wire)
{
	size_t count = request->parts_count;

	wire->pieces = calloc(count * 2 + 1, sizeof(*wire->pieces));
	wire->selects = calloc(count + 1, sizeof(*wire->selects));
	wire->selects_before = calloc(count + 1, sizeof(*wire->selects_before));
	if (!wire->pieces || !wire->selects || !wire->selects_before) {
		return -ENOMEM;
	}
	wire->db = db;
	for (size_t i = 0; i < count; i++) {
		const struct nv_redis_part *part = &request->parts[i];
		int number = nv_redis_db_number(redis, part->db);

		if (number != wire->db) {
			add_select(wire, number);
		}
		add_piece(wire, part->data, part->size);
		wire->commands += part->commands;
	}
	if (wire->db != db) {
		add_select(wire, db);
	}
	return 0;
}

/* Takes the answers of the SELECTs out. */
static int check_selects(struct nv_redis *redis, const struct wire *wire,
                         struct nv_redis_replies *replies, struct nv_err *err)
{
	for (size_t i = 0; i < wire->selects_count; i++) {
		/* Each SELECT taken out before has moved what follows down by one. */
		size_t at = wire->selects_before[i];
		int r = nv_redis_reply_check(&replies->items[at], nv_redis_address(redis), "SELECT",
		                             err);

		if (r < 0) {
			return r;
		}
		memmove(&replies->items[at], &replies->items[at + 1],
		        (replies->count - at - 1) * sizeof(replies->items[0]));
		replies->count--;
	}
	return 0;
}

static enum nv_redis_sent how_much(size_t sent, size_t size)
{
	if (sent == 0) {
		return NV_REDIS_SENT_NOTHING;
	}
	return sent < size ? NV_REDIS_SENT_SOME : NV_REDIS_SENT_ALL;
}

/* One try on one connection. *ret_pooled: it was an idle one, which may have died unseen. */
static int attempt(struct nv_redis *redis, const struct nv_redis_request *request,
                   int64_t deadline_ms, bool fresh, struct nv_redis_replies **ret_replies,
                   enum nv_redis_sent *ret_sent, bool *ret_pooled, struct nv_err *err)
{
	__attribute__((cleanup(wire_release))) struct wire wire = { .pieces = NULL };
	struct nv_redis_conn *conn cleanup_redis_conn = NULL;
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	size_t sent = 0;
	int r = nv_redis_lend(redis, request->parts[0].db, !request->reads, fresh, deadline_ms,
	                      &conn, ret_pooled, err);

	if (r < 0) {
		return r;
	}
	if (wire_build(redis, request, conn->db, &wire) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	nv_metric_add(nv_redis_metrics(redis), NV_METRIC_REDIS_ROUND_TRIPS, 1);
	nv_metric_add(nv_redis_metrics(redis), NV_METRIC_REDIS_COMMANDS, wire.commands);
	r = nv_redis_conn_exchange(conn, wire.pieces, wire.pieces_count,
	                           wire.commands + wire.selects_count, deadline_ms, &replies, &sent,
	                           err);
	*ret_sent = how_much(sent, wire.size);
	if (r < 0) {
		(void)nv_wrap(err, "%s", nv_redis_address(redis));
		nv_redis_drop(redis, steal(&conn));
		return r;
	}
	r = check_selects(redis, &wire, replies, err);
	if (r < 0) {
		return r; /* what is selected now is unknown: the connection is closed */
	}
	nv_redis_give_back(redis, steal(&conn));
	*ret_replies = steal(&replies);
	return 0;
}

/* True when sending the request again cannot do its work twice. */
static bool may_repeat(const struct nv_redis_request *request, enum nv_redis_sent sent)
{
	size_t commands = 0;

	for (size_t i = 0; i < request->parts_count; i++) {
		commands += request->parts[i].commands;
	}
	return request->reads || sent == NV_REDIS_SENT_NOTHING ||
	       (sent == NV_REDIS_SENT_SOME && commands == 1);
}

static enum nv_outcome judge(struct nv_redis *redis, int r, int64_t waited_ms)
{
	switch (r) {
	case -ENOMEM:
		return NV_OUTCOME_UNKNOWN;
	case -ETIMEDOUT:
		/* A deadline that was nearly over before says little of the server. */
		return waited_ms >= nv_redis_timeout_ms(redis) / 2 ? NV_OUTCOME_WAITED
		                                                   : NV_OUTCOME_UNKNOWN;
	case -EIO:
		return waited_ms >= SLOW_FAILURE_MS ? NV_OUTCOME_WAITED
		                                    : NV_OUTCOME_FAILED;
	default:
		return NV_OUTCOME_ANSWERED;
	}
}

static int check_request(struct nv_redis *redis, const struct nv_redis_request *request,
                         int64_t deadline_ms, struct nv_err *err)
{
	for (size_t i = 1; i < request->parts_count && !request->reads; i++) {
		if (request->parts[i].db != request->parts[0].db) {
			return nv_fail(err, EINVAL, "%s: writes to two databases in one request",
			               nv_redis_address(redis));
		}
	}
	if (nv_redis_now_ms() >= deadline_ms) {
		return nv_fail(err, ETIMEDOUT, "%s: the time for this operation is over",
		               nv_redis_address(redis));
	}
	return 0;
}

int nv_redis_exchange(struct nv_redis *redis, const struct nv_redis_request *request,
                      struct nv_redis_replies **ret_replies, enum nv_redis_sent *ret_sent,
                      struct nv_err *err)
{
	int64_t started_ms = nv_redis_now_ms();
	int64_t deadline_ms =
		request->deadline_ms ? request->deadline_ms : nv_redis_deadline(redis);
	struct nv_err error = NV_ERR_INIT;
	bool probe = false, pooled = false;

	*ret_sent = NV_REDIS_SENT_NOTHING;

	int r = check_request(redis, request, deadline_ms, &error);

	if (r == 0) {
		r = nv_redis_admit(redis, &probe, &error);
	}
	if (r == 0) {
		r = attempt(redis, request, deadline_ms, false, ret_replies, ret_sent, &pooled,
		            &error);
		if (r == -EIO && pooled && may_repeat(request, *ret_sent)) {
			*ret_sent = NV_REDIS_SENT_NOTHING;
			r = attempt(redis, request, deadline_ms, true, ret_replies, ret_sent,
			            &pooled, &error);
		}
		nv_redis_done(redis, probe, judge(redis, r, nv_redis_now_ms() - started_ms),
		              &error);
	}
	if (r < 0) {
		nv_metric_add(nv_redis_metrics(redis), NV_METRIC_REDIS_ERRORS, 1);
		if (err) {
			*err = error;
		}
	}
	return r;
}
