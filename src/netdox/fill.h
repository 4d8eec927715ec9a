/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what Redis answers to the values of the codecs. Nothing is sorted here.
 */
#ifndef NV_NETDOX_FILL_H
#define NV_NETDOX_FILL_H

#include <stddef.h>

#include "codec/data.h"
#include "codec/fields.h"
#include "codec/lines.h"
#include "redis/reply.h"

/* Each appends items and returns 0, -ENOMEM, or -EPROTO when the answer is not of that form. */
int nv_fill_lines(struct nv_lines *lines, const struct nv_redis_reply *items, size_t count);
int nv_fill_fields(struct nv_fields *fields, const struct nv_redis_reply *items, size_t count);

/* Items as read.lua makes them of a key of that type (by Redis' name). */
int nv_fill_data(struct nv_data *data, const char *type, const struct nv_redis_reply *items,
                 size_t count);

/* Appends one stream entry: its id, then texts (field, value, …). */
int nv_fill_entry(struct nv_stream *stream, const struct nv_redis_reply *id,
                  const struct nv_redis_reply *texts, size_t count);

#endif
