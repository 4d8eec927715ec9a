/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a request looks on the wire: an array of bulk strings.
 *
 * Inside redis/ only.
 */
#ifndef NV_REDIS_PROTOCOL_H
#define NV_REDIS_PROTOCOL_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the head of an array of count elements. */
void nv_redis_protocol_array(struct nv_buf *out, size_t count);

/* Appends one element. */
void nv_redis_protocol_bulk(struct nv_buf *out, const void *data, size_t size);

#endif
