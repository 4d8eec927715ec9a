/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a server's answers: the same values, or the same refusal, however the bytes were cut
 * into pieces on their way.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "redis/decode.h"
#include "redis/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWERS_MAX = 64, DEPTH_MAX = 16 };

/* Adds a value to a checksum, and reads every byte of it on the way. */
static uint64_t digest(uint64_t sum, const struct nv_redis_reply *reply, int depth)
{
	sum = sum * 31 + (uint64_t)reply->type;
	sum = sum * 31 + (uint64_t)reply->integer;
	sum = sum * 31 + reply->size;
	for (size_t i = 0; i < reply->size; i++) {
		sum = sum * 31 + (unsigned char)reply->data[i];
	}
	if (!reply->data || reply->data[reply->size] != '\0' || depth > DEPTH_MAX) {
		abort();
	}
	for (size_t i = 0; i < reply->count; i++) {
		sum = digest(sum, &reply->items[i], depth + 1);
	}
	return sum;
}

/* Decodes the bytes in pieces of at most piece. The checksum of the answers and of the end. */
static uint64_t decode(const uint8_t *data, size_t size, size_t piece)
{
	struct nv_redis_decoder *decoder = NULL;
	struct nv_redis_replies *replies = nv_redis_replies_new(ANSWERS_MAX);
	struct nv_err err = NV_ERR_INIT;
	uint64_t sum = 0;
	int status = nv_redis_decoder_new(&decoder);

	if (status < 0 || !replies) {
		abort();
	}
	for (size_t at = 0; at < size && status >= 0; at += piece) {
		status = nv_redis_decoder_feed(decoder, data + at,
		                               size - at < piece ? size - at : piece, &err);
		while (status >= 0 && replies->count < ANSWERS_MAX) {
			status = nv_redis_decoder_next(decoder, replies, &err);
			if (status != 1) {
				break;
			}
		}
	}
	if (status < 0 && (status != -EIO || err.msg[0] == '\0')) {
		abort();
	}
	for (size_t i = 0; i < replies->count; i++) {
		int checked = nv_redis_reply_check(&replies->items[i], "unix:///r", "GET", &err);

		if ((checked != 0) != (replies->items[i].type == NV_REDIS_ERROR)) {
			abort();
		}
		sum = digest(sum, &replies->items[i], 0);
	}
	sum = sum * 31 + (status < 0);
	nv_redis_replies_free(replies);
	nv_redis_decoder_free(decoder);
	return sum;
}

/* True when an array of millions is announced: a fuzzer's allocator takes the room for it as an
 * error. */
static bool announces_millions(const uint8_t *data, size_t size)
{
	size_t digits = 0;

	for (size_t i = 0; i < size; i++) {
		digits = data[i] == '*'                                   ? 1
		         : digits > 0 && data[i] >= '0' && data[i] <= '9' ? digits + 1
		                                                          : 0;
		if (digits > 6) {
			return true;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t whole;

	if (size == 0 || announces_millions(data, size)) {
		return 0;
	}
	whole = decode(data, size, size);
	if (decode(data, size, 1) != whole || decode(data, size, 7) != whole) {
		abort();
	}
	return 0;
}
