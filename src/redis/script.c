/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EVALSHA, and EVAL when the server has forgotten the script (a restart, SCRIPT FLUSH, a
 * fail-over).
 */
#include "config.h"

#include "redis/script.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "redis/exchange.h"
#include "redis/protocol.h"
#include "redis/sha1.h"

struct nv_redis_script {
	char *text; /* owned */
	size_t size;
	char sha1[41];
};

int nv_redis_script_new(const char *text, size_t size, struct nv_redis_script **ret_script)
{
	struct nv_redis_script *script cleanup_free = calloc(1, sizeof(*script));

	if (!script) {
		return -ENOMEM;
	}
	script->text = malloc(size + 1);
	if (!script->text) {
		return -ENOMEM;
	}
	memcpy(script->text, text, size);
	script->text[size] = '\0';
	script->size = size;
	nv_sha1_hex(text, size, script->sha1);
	*ret_script = steal(&script);
	return 0;
}

void nv_redis_script_free(struct nv_redis_script *script)
{
	if (script) {
		free(script->text);
		free(script);
	}
}

const char *nv_redis_script_sha1(const struct nv_redis_script *script)
{
	return script->sha1;
}

void nv_redis_args_add(struct nv_redis_args *args, const void *data, size_t size)
{
	nv_redis_protocol_bulk(&args->bytes, data, size);
	args->count++;
}

void nv_redis_args_text(struct nv_redis_args *args, const char *text)
{
	nv_redis_args_add(args, text, strlen(text));
}

void nv_redis_args_integer(struct nv_redis_args *args, long long value)
{
	char text[24];
	int size = snprintf(text, sizeof(text), "%lld", value);

	nv_redis_args_add(args, text, (size_t)size);
}

void nv_redis_args_release(struct nv_redis_args *args)
{
	nv_buf_release(&args->bytes);
	args->count = 0;
}

/* Sends EVALSHA or EVAL with what identifies the script. The arguments go out as they were built,
 * without a copy. */
static int send_call(struct nv_redis *redis, const struct nv_redis_call *call, const char *command,
                     const char *script, size_t script_size, struct nv_redis_replies **ret_replies,
                     bool *ret_ambiguous, struct nv_err *err)
{
	struct nv_buf head cleanup_buf = NV_BUF_INIT;
	char keys[24];
	int keys_size = snprintf(keys, sizeof(keys), "%zu", call->keys);

	nv_redis_protocol_array(&head, 3 + call->args->count);
	nv_redis_protocol_bulk(&head, command, strlen(command));
	nv_redis_protocol_bulk(&head, script, script_size);
	nv_redis_protocol_bulk(&head, keys, (size_t)keys_size);
	if (nv_buf_error(&head) < 0 || nv_buf_error(&call->args->bytes) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}

	struct nv_redis_part parts[2] = {
		{ .data = head.data, .size = head.len, .commands = 1, .db = call->db },
		{ .data = call->args->bytes.data,
		  .size = call->args->bytes.len,
		  .commands = 0,
		  .db = call->db },
	};
	struct nv_redis_request request = {
		.parts = parts,
		.parts_count = call->args->count > 0 ? 2 : 1,
		.reads = call->read_only,
		.deadline_ms = call->deadline_ms,
	};
	enum nv_redis_sent sent;
	int r = nv_redis_exchange(redis, &request, ret_replies, &sent, err);

	*ret_ambiguous = r < 0 && sent == NV_REDIS_SENT_ALL && !call->read_only;
	return r;
}

static bool is_unknown_script(const struct nv_redis_replies *replies)
{
	const struct nv_redis_reply *reply = &replies->items[0];

	return reply->type == NV_REDIS_ERROR && strncmp(reply->data, "NOSCRIPT", 8) == 0;
}

int nv_redis_eval(struct nv_redis *redis, const struct nv_redis_call *call,
                  struct nv_redis_replies **ret_replies, bool *ret_ambiguous, struct nv_err *err)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_redis_call timed = *call;
	bool ambiguous = false;

	if (timed.deadline_ms == 0) {
		timed.deadline_ms = nv_redis_deadline(redis);
	}

	int r = send_call(redis, &timed, "EVALSHA", call->script->sha1, 40, &replies, &ambiguous,
	                  err);

	if (r == 0 && is_unknown_script(replies)) {
		nv_redis_replies_free(steal(&replies));
		r = send_call(redis, &timed, "EVAL", call->script->text, call->script->size,
		              &replies, &ambiguous, err);
	}
	if (r == 0) {
		r = nv_redis_reply_check(&replies->items[0], nv_redis_address(redis), "script",
		                         err);
	}
	if (ret_ambiguous) {
		*ret_ambiguous = ambiguous;
	}
	if (r == 0) {
		*ret_replies = steal(&replies);
	}
	return r;
}
