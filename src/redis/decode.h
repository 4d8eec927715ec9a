/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes from the server to reply values, by hiredis' reader: the one file that includes hiredis.
 *
 * Inside redis/ only.
 */
#ifndef NV_REDIS_DECODE_H
#define NV_REDIS_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "redis/reply.h"

struct nv_redis_decoder;

/* 0 or -ENOMEM. Owns: free with nv_redis_decoder_free. */
int nv_redis_decoder_new(struct nv_redis_decoder **ret_decoder);
void nv_redis_decoder_free(struct nv_redis_decoder *decoder);

/* Gives it what was received. 0; after an error the decoder can only be freed. */
int nv_redis_decoder_feed(struct nv_redis_decoder *decoder, const void *data, size_t size,
                          struct nv_err *err);

/*
 * Takes one whole answer: 1 and replies->count is one more (the caller made room:
 * nv_redis_replies_new), 0 when more bytes are needed. The same replies must be given until the
 * answer is whole. Errors: -EIO (not the protocol), -ENOMEM.
 */
int nv_redis_decoder_next(struct nv_redis_decoder *decoder, struct nv_redis_replies *replies,
                          struct nv_err *err);

/* True when all bytes fed were part of answers taken. */
bool nv_redis_decoder_is_idle(const struct nv_redis_decoder *decoder);

/* Room for count answers, none there yet. NULL when out of memory. */
struct nv_redis_replies *nv_redis_replies_new(size_t count);

/* Bytes that live as long as replies, aligned for any value. NULL when out of memory. */
void *nv_redis_replies_alloc(struct nv_redis_replies *replies, size_t size);

#endif
