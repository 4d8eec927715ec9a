/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds commands as the protocol wants them, right into one buffer, and runs them.
 */
#include "config.h"

#include "redis/pipeline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "redis/decode.h"
#include "redis/exchange.h"
#include "redis/protocol.h"

/* A run of commands for one database. */
struct segment {
	enum nv_redis_db db;
	size_t size; /* bytes of the pipeline's buffer */
	size_t commands;
};

/* Commands that change nothing, sorted. All others count as writes. MULTI and EXEC are as their
 * contents are. */
static const char *const reads[] = {
	"DBSIZE",        "ECHO",      "EXEC",       "EXISTS",      "GET",    "GETRANGE",
	"HEXISTS",       "HGET",      "HGETALL",    "HKEYS",       "HLEN",   "HMGET",
	"HSCAN",         "HSTRLEN",   "HVALS",      "INFO",        "KEYS",   "LINDEX",
	"LLEN",          "LRANGE",    "MEMORY",     "MGET",        "MULTI",  "OBJECT",
	"PING",          "PTTL",      "SCAN",       "SCARD",       "SDIFF",  "SINTER",
	"SISMEMBER",     "SMEMBERS",  "SMISMEMBER", "SRANDMEMBER", "SSCAN",  "STRLEN",
	"SUNION",        "TIME",      "TTL",        "TYPE",        "XINFO",  "XLEN",
	"XRANGE",        "XREAD",     "XREVRANGE",  "ZCARD",       "ZCOUNT", "ZRANGE",
	"ZRANGEBYSCORE", "ZREVRANGE", "ZSCAN",      "ZSCORE",
};

static int compare_command(const void *key, const void *element)
{
	return strcasecmp(key, *(const char *const *)element);
}

static bool is_read(const char *command)
{
	return bsearch(command, reads, sizeof(reads) / sizeof(reads[0]), sizeof(reads[0]),
	               compare_command) != NULL;
}

void nv_redis_pipeline_init(struct nv_redis_pipeline *p, enum nv_redis_db db)
{
	*p = (struct nv_redis_pipeline)NV_REDIS_PIPELINE_INIT(db);
}

void nv_redis_pipeline_release(struct nv_redis_pipeline *p)
{
	enum nv_redis_db db = p->db;

	nv_buf_release(&p->bytes);
	nv_buf_release(&p->segments);
	nv_redis_pipeline_init(p, db);
}

void nv_redis_pipeline_use(struct nv_redis_pipeline *p, enum nv_redis_db db)
{
	p->db = db;
}

/* The segment that the next command belongs to; NULL when out of memory, which is sticky in the
 * buffer. */
static struct segment *current_segment(struct nv_redis_pipeline *p)
{
	struct segment *last = NULL;

	if (nv_buf_error(&p->segments) < 0) {
		return NULL;
	}
	if (p->segments.len > 0) {
		last = (struct segment *)(void *)(p->segments.data + p->segments.len) - 1;
	}
	if (!last || last->db != p->db) {
		struct segment segment = { .db = p->db };

		nv_buf_append(&p->segments, &segment, sizeof(segment));
		if (nv_buf_error(&p->segments) < 0) {
			return NULL;
		}
		last = (struct segment *)(void *)(p->segments.data + p->segments.len) - 1;
	}
	return last;
}

void nv_redis_pipeline_begin(struct nv_redis_pipeline *p, size_t argc, const char *command)
{
	struct segment *segment = current_segment(p);

	if (!segment) {
		return;
	}

	size_t before = p->bytes.len;

	nv_redis_protocol_array(&p->bytes, argc);
	nv_redis_protocol_bulk(&p->bytes, command, strlen(command));
	segment->size += p->bytes.len - before;
	segment->commands++;
	p->count++;
	p->args_missing += argc - 1;
	p->writes = p->writes || !is_read(command);
}

void nv_redis_pipeline_arg(struct nv_redis_pipeline *p, const void *data, size_t size)
{
	struct segment *segment = current_segment(p);

	if (!segment) {
		return;
	}

	size_t before = p->bytes.len;

	nv_redis_protocol_bulk(&p->bytes, data, size);
	segment->size += p->bytes.len - before;
	p->args_missing--;
}

void nv_redis_pipeline_add(struct nv_redis_pipeline *p, size_t argc, const char *const *argv,
                           const size_t *argvlen)
{
	nv_redis_pipeline_begin(p, argc, argv[0]);
	for (size_t i = 1; i < argc; i++) {
		nv_redis_pipeline_arg(p, argv[i], argvlen ? argvlen[i] : strlen(argv[i]));
	}
}

void nv_redis_pipeline_key(struct nv_redis_pipeline *p, const char *command, const void *key,
                           size_t key_size)
{
	nv_redis_pipeline_begin(p, 2, command);
	nv_redis_pipeline_arg(p, key, key_size);
}

void nv_redis_pipeline_words(struct nv_redis_pipeline *p, const char *command, ...)
{
	size_t argc = 1;
	va_list words;

	va_start(words, command);
	while (va_arg(words, const char *)) {
		argc++;
	}
	va_end(words);

	nv_redis_pipeline_begin(p, argc, command);
	va_start(words, command);
	for (size_t i = 1; i < argc; i++) {
		const char *word = va_arg(words, const char *);

		nv_redis_pipeline_arg(p, word, strlen(word));
	}
	va_end(words);
}

size_t nv_redis_pipeline_count(const struct nv_redis_pipeline *p)
{
	return p->count;
}

static int make_parts(const struct nv_redis_pipeline *p, struct nv_redis_part **ret_parts,
                      size_t *ret_count)
{
	const struct segment *segments = (const struct segment *)(const void *)p->segments.data;
	size_t count = p->segments.len / sizeof(*segments);
	struct nv_redis_part *parts = calloc(count, sizeof(*parts));
	size_t offset = 0;

	if (!parts) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		parts[i] = (struct nv_redis_part){
			.data = p->bytes.data + offset,
			.size = segments[i].size,
			.commands = segments[i].commands,
			.db = segments[i].db,
		};
		offset += segments[i].size;
	}
	*ret_parts = parts;
	*ret_count = count;
	return 0;
}

static int check_replies(struct nv_redis *redis, const struct nv_redis_pipeline *p,
                         const struct nv_redis_replies *replies, struct nv_err *err)
{
	for (size_t i = 0; i < replies->count && !p->keep_errors; i++) {
		const struct nv_redis_reply *reply = &replies->items[i];

		if (reply->type == NV_REDIS_ERROR && !nv_redis_reply_is_wrongtype(reply)) {
			return nv_redis_reply_check(reply, nv_redis_address(redis), NULL, err);
		}
	}
	return 0;
}

int nv_redis_pipeline_run(struct nv_redis *redis, struct nv_redis_pipeline *p, int64_t deadline_ms,
                          struct nv_redis_replies **ret_replies, struct nv_err *err)
{
	struct nv_redis_part *parts cleanup_free = NULL;
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	size_t parts_count = 0;
	enum nv_redis_sent sent;
	int r = 0;

	if (nv_buf_error(&p->bytes) < 0 || nv_buf_error(&p->segments) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (p->args_missing != 0) {
		return nv_fail(err, EIO, "a command for %s has the wrong number of arguments",
		               nv_redis_address(redis));
	}
	if (p->count == 0) {
		replies = nv_redis_replies_new(0);
		if (!replies) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		*ret_replies = steal(&replies);
		return 0;
	}
	if (make_parts(p, &parts, &parts_count) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}

	struct nv_redis_request request = {
		.parts = parts,
		.parts_count = parts_count,
		.reads = !p->writes,
		.deadline_ms = deadline_ms,
	};

	r = nv_redis_exchange(redis, &request, &replies, &sent, err);
	if (r == 0) {
		r = check_replies(redis, p, replies, err);
	}
	if (r == 0) {
		*ret_replies = steal(&replies);
	}
	return r;
}
