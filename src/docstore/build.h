/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents built as bytes, for commands to a server: what stands in them is what was read, byte
 * for byte (libbson's appenders re-sort regex options). Private to docstore/. Pure.
 *
 * Out of memory is the buffer's own error: check nv_buf_error, or nv_build_view, once at the end.
 *
 * Example:
 *	size_t doc = nv_bval_begin(&out);
 *	size_t sub = nv_build_open(&out, BSON_TYPE_DOCUMENT, "$set");
 *	nv_build_value(&out, "a.b", &value);
 *	nv_bval_end(&out, sub);
 *	nv_bval_end(&out, doc);
 */
#ifndef NV_DOCSTORE_BUILD_H
#define NV_DOCSTORE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "docstore/value.h"

/* Begins a document or array inside the one under way; nv_bval_end closes it. */
size_t nv_build_open(struct nv_buf *out, bson_type_t type, const char *key);

/* Begins the element of an array at a position. */
size_t nv_build_open_at(struct nv_buf *out, bson_type_t type, size_t position);

/* Fields. */
void nv_build_value(struct nv_buf *out, const char *key, const struct nv_bval *value);
void nv_build_value_at(struct nv_buf *out, size_t position, const struct nv_bval *value);
void nv_build_int32(struct nv_buf *out, const char *key, int32_t number);
void nv_build_int64(struct nv_buf *out, const char *key, int64_t number);
void nv_build_bool(struct nv_buf *out, const char *key, bool value);
void nv_build_null(struct nv_buf *out, const char *key);
void nv_build_utf8(struct nv_buf *out, const char *key, const char *text);
void nv_build_date(struct nv_buf *out, const char *key, int64_t ms);
void nv_build_binary(struct nv_buf *out, const char *key, const void *data, size_t size);

/* A value that points to the document in buf. */
struct nv_bval nv_build_doc(const struct nv_buf *buf);

/* A view of the document in buf, which must stay as it is: 0, -ENOMEM. */
int nv_build_view(const struct nv_buf *buf, bson_t *ret_view, struct nv_err *err);

#endif
